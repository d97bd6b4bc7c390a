"""What comes in by HTTP, by the gateway itself and seen by the libraries of others."""
import base64
import hashlib
import html
import json
import re
import sys
import time
from urllib.parse import urlencode

import pytest
from approvals import ask, configure_mail, status
from gateway import Gateway
from harness import ROOT, wait_until
from official import run_official
from psycopg.types.json import Jsonb

sys.path.insert(0, str(ROOT / "test/servers"))
from mail_server import MailServer  # noqa: E402

SETTINGS = {"hitl__allowed_private_hosts": "127.0.0.1,localhost"}
KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLD_KEY = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
SIGN = """
import sys
from datetime import datetime, timezone
from standardwebhooks.webhooks import Webhook
key, message, at, body = sys.argv[1:]
print(Webhook(key).sign(message, datetime.fromtimestamp(int(at), timezone.utc), body))
"""
VALIDATE = """
import json, sys
from openapi_spec_validator import OpenAPIV31SpecValidator
for error in OpenAPIV31SpecValidator(json.loads(sys.argv[1])).iter_errors():
    print(error.message)
"""


@pytest.fixture(scope="module", autouse=True)
def gate(cluster):
    """A session of the gateway's role; "ann" is asked, and "ci" answers as her by webhooks."""
    cluster.sql("CREATE ROLE gate LOGIN")
    cluster.sql("SELECT hitl.grant_access('gate', 'gateway'), hitl.grant_acting('gate', '*')")
    cluster.sql("GRANT SELECT ON hitl.http_routes TO gate;"
                "GRANT EXECUTE ON FUNCTION hitl.http_answer, hitl.http_error, hitl.http_json TO gate")
    cluster.sql("SELECT hitl.create_principal('ann', email => 'ann@example.com')")
    cluster.sql("SELECT hitl.set_secret('ci_key', %s), hitl.create_webhook_sender('ci', 'ann', 'ci_key')",
                [f"{KEY} {OLD_KEY}"])
    with cluster.connect(user="gate") as session:
        yield session


def sign(key, message, at, body):
    """The signature by the official library."""
    signature, = run_official(SIGN, key, message, str(at), body)
    return signature


def hook(gate, approval, signature, message, at, body):
    """The status of the response to a signed answer."""
    headers = {"content-type": "application/json", "webhook-id": message, "webhook-signature": signature,
               "webhook-timestamp": str(at)}
    return gate.execute("SELECT (hitl.http_answer('POST', %s, '{}', %s, %s) ->> 'status')::integer",
                        [f"/hooks/approvals/{approval}/respond", Jsonb(headers), body]).fetchone()[0]


@pytest.mark.parametrize("key", [KEY, OLD_KEY])
@pytest.mark.parametrize("body", ['{"decision": "approved"}', '{"decision": "approved", "feedback": "Übergröße 🚢\\n"}'])
def test_signed_by_the_official_library(cluster, gate, key, body):
    approval, now, message = ask(cluster, requested_from="ann"), int(time.time()), f"msg_{time.monotonic_ns()}"
    signature = sign(key, message, now, body)
    assert hook(gate, approval, signature, message + "x", now, body) == 401
    assert hook(gate, approval, signature, message, now, body + " ") == 401
    assert hook(gate, approval, signature, message, now + 1, body) == 401
    assert hook(gate, approval, "v1,AAAA " + signature, message, now, body) == 200
    # The same again changes nothing, and is told the same.
    assert hook(gate, approval, signature, message, now, body) == 200
    assert cluster.value("SELECT count(*) FROM hitl.approval_responses WHERE approval_id = %s", [approval]) == 1


@pytest.mark.parametrize("age", [-3600, -400, 400, 3600])
def test_stale_signatures(cluster, gate, age):
    approval, then, body = ask(cluster, requested_from="ann"), int(time.time()) - age, '{"decision": "approved"}'
    assert hook(gate, approval, sign(KEY, "msg_stale", then, body), "msg_stale", then, body) == 401
    assert status(cluster, approval) == "pending"


def test_openapi_document(cluster, gate):
    """The description of the API is one, in the eyes of a validator of OpenAPI 3.1."""
    document = gate.execute("SELECT hitl.http_answer('GET', '/api/v1/openapi.json') -> 'json'").fetchone()[0]
    assert run_official(VALIDATE, json.dumps(document)) == []
    del document["info"]["title"]
    assert run_official(VALIDATE, json.dumps(document)) != []


class Browser:
    """Follows links and submits forms over HTTP, with cookies."""

    def __init__(self, server):
        self.server, self.cookies, self.page, self.status = server, {}, "", 0

    def open(self, path, fields=None):
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if fields is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        response = self.server.request("GET" if fields is None else "POST", path,
                                       fields and urlencode(fields), headers)
        for cookie in response.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        self.page, self.status = response.text, response.status
        return self.open(response.headers["Location"]) if response.status == 303 else response

    def send(self, **fields):
        """Submit the last form of the page with its hidden fields."""
        action = re.findall('<form method="post" action="([^"]*)"', self.page)[-1]
        form = self.page[self.page.rindex("<form"):]
        hidden = dict(re.findall('<input type="hidden" name="([^"]*)" value="([^"]*)"', form))
        return self.open(html.unescape(action), hidden | fields)


def test_over_http(cluster):
    """A mail for signing in, a session, and an answer; a link in a message; a token: by the gateway itself."""
    cluster.sql("ALTER DATABASE hitl SET hitl.public_url = 'https://approve.example.com'")
    server = Gateway(cluster)
    cluster.sql("SELECT hitl.create_principal('bea', email => 'bea@example.com', display_name => 'Bea <B>')")
    first, second = (ask(cluster, title, requested_from="bea", channels=[]) for title in ("Ship & sail?", "Sink?"))
    browser = Browser(server)
    assert browser.open("/approvals").status == 200
    assert "E-mail address" in browser.page
    with MailServer() as mail:
        configure_mail(cluster, mail, is_default=False)
        browser.send(email="bea@example.com")
        wait_until(lambda: mail.mails)
    browser.open(re.search(r"https://approve\.example\.com(/sign-in/[\w-]+)", mail.mails[0].message.get_content())[1])
    assert "Bea &lt;B&gt;" in browser.page
    browser.send()
    assert "Ship &amp; sail?" in browser.page
    browser.open(f"/approvals/{first}")
    browser.send(decision="approved", feedback="100% & more")
    assert (browser.status, "Your answer is recorded" in browser.page) == (200, True)
    assert cluster.sql("SELECT approver_id, decision, feedback, channel, session_role FROM hitl.approval_responses"
                       " WHERE approval_id = %s", [first]) == [
        {"approver_id": "bea", "decision": "approved", "feedback": "100% & more", "channel": "web",
         "session_role": "hitl_gateway"}]
    # By a link, in another browser.
    link = "/a/" + cluster.value("SELECT hitl.make_action_token(NULL, %s, 'bea', now() + interval '1 hour')", [second])
    response = Browser(server).open(link + "?decision=approved")
    assert (response.status, response.headers["Referrer-Policy"], response.headers["Cache-Control"],
            response.headers["X-Content-Type-Options"]) == (200, "no-referrer", "no-store", "nosniff")
    style = re.search("<style>(.*?)</style>", response.text, re.S)[1]
    assert base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() in response.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
    assert " style=" not in response.text and "<script" not in response.text
    assert server.request("HEAD", link).status == 200
    other = Browser(server)
    other.open(link)
    other.send(decision="rejected")
    assert (other.status, "rejected" in other.page.lower()) == (200, True)
    assert status(cluster, second) == "rejected"
    # By a program.
    token = cluster.value("SELECT hitl.create_api_token('bea')")
    response = server.get(f"/api/v1/approvals/{second}", authorization="Bearer " + token)
    assert (response.status, json.loads(response.text)["status"]) == (200, "rejected")
    response = server.request("POST", f"/api/v1/approvals/{second}/respond", '{"decision": "approved"}',
                              {"Authorization": "Bearer " + token, "Content-Type": "application/json"})
    assert (response.status, response.headers["Content-Type"], json.loads(response.text)["code"]) == (
        409, "application/problem+json", "WF011")
    response = server.get("/api/v1/session")
    assert (response.status, response.headers["WWW-Authenticate"]) == (401, 'Bearer realm="hitl"')
    # The log has no secrets.
    assert link[3:] not in cluster.log() and token not in cluster.log()
