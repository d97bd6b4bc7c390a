"""Notifications that SendGrid and Slack carry: what they get, and what their answers mean."""
import json
import sys
import time

import pytest
from harness import ROOT, wait_until

sys.path.insert(0, str(ROOT / "test/servers"))
from scripted_server import ScriptedServer  # noqa: E402

SETTINGS = {"hitl__allowed_private_hosts": "127.0.0.1", "hitl__breaker_threshold": 0}
FAST = {"max_attempts": 3, "policy": "fixed", "base_delay": 0.05, "jitter": 0}
VECTORS = ROOT / "test/vectors/sendgrid"
DOCUMENTS = json.loads((VECTORS / "documents.json").read_text())
ACCEPTED = {"status": 202, "headers": {"X-Message-Id": "14c5d75ce93.dfd.64b469"}}


@pytest.fixture
def server():
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def outbox(outbox):
    outbox.execute("SELECT hitl.set_secret('key', 'SG.secret-key')")
    return outbox


def put(outbox, url, provider, body, **columns):
    columns.setdefault("retry", FAST)
    return outbox.put(url, purpose="notification", provider=provider, secret_name="key",
                      body=body if isinstance(body, str) else json.dumps(body), **columns)


def send(outbox, url, provider, body, **columns):
    return outbox.finished(put(outbox, url, provider, body, **columns))


# SendGrid

@pytest.mark.parametrize("number", range(len(DOCUMENTS)))
def test_sendgrid(outbox, server, number):
    """What SendGrid's own client would send."""
    url = server.plan("/v3/mail/send", [ACCEPTED])
    row = send(outbox, url, "sendgrid", DOCUMENTS[number], idempotency_key="the-key")
    assert (row["status"], row["response_status"]) == ("delivered", 202)
    assert row["provider_message_id"] == "14c5d75ce93.dfd.64b469"
    sent, = server.requests("/v3/mail/send")
    assert sent.headers["authorization"] == "Bearer SG.secret-key"
    assert sent.headers["content-type"] == "application/json"
    body = json.loads(sent.body)
    assert body == json.loads((VECTORS / "requests.json").read_text())[number]
    assert [part["type"] for part in body["content"]] == ["text/plain", "text/html"][:len(body["content"])]


def test_sendgrid_names(outbox, server):
    """SendGrid writes the names of recipients into the header as they are."""
    url = server.plan("/send", [ACCEPTED])
    for name, sent in (("Lee, Ann", '"Lee, Ann"'), ('Ann "x" Lee', '"Ann \\"x\\" Lee"'), ("Dr. Lee", '"Dr. Lee"'),
                       ("Jörg", "Jörg")):
        send(outbox, url, "sendgrid", {**DOCUMENTS[0], "to": [f"{name} <ann@example.org>"]})
        body = json.loads(server.requests("/send")[-1].body)
        assert body["personalizations"][0]["to"] == [{"email": "ann@example.org", "name": sent}]


@pytest.mark.parametrize("document, reason", [
    ({**DOCUMENTS[0], "subject": "a\r\nBcc: eve@example.org"}, "control character"),
    ({**DOCUMENTS[0], "headers": {"Subject": "x"}}, "may set"), ({**DOCUMENTS[0], "text": ""}, "SendGrid refuses"),
    ({**DOCUMENTS[0], "subject": ""}, "SendGrid refuses"), ("no JSON", "not JSON"),
    ({**DOCUMENTS[0], "to": ["a@example.org", "b@example.org"]}, "array of one")])
def test_sendgrid_faulty_documents(outbox, server, document, reason):
    url = server.plan("/send", [ACCEPTED])
    row = send(outbox, url, "sendgrid", document)
    assert (row["status"], row["error_kind"], row["attempts"]) == ("failed", "validation_error", 1)
    assert reason in row["error_message"] and server.requests("/send") == []


@pytest.mark.parametrize("status, kind", [(400, "validation_error"), (401, "authentication_error"),
                                          (403, "permission_error"), (404, "validation_error"),
                                          (413, "validation_error"), (301, "validation_error")])
def test_sendgrid_refuses(outbox, server, status, kind):
    answer = {"status": status, "body": '{"errors":[{"message":"no SG.secret-key grant","field":null}]}'}
    row = send(outbox, server.plan("/send", [answer]), "sendgrid", DOCUMENTS[0])
    assert (row["status"], row["error_kind"], row["attempts"]) == ("failed", kind, 1)
    assert row["error_message"] == f"127.0.0.1 answered with status {status}: no ************* grant"
    assert row["provider_message_id"] is None and "SG.secret-key" not in str(row)


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_sendgrid_is_busy(outbox, server, status):
    row = send(outbox, server.plan("/send", [status, ACCEPTED]), "sendgrid", DOCUMENTS[0])
    assert (row["status"], row["attempts"]) == ("delivered", 2)


def test_sendgrid_rate_limit(outbox, server):
    """X-RateLimit-Reset, in seconds since 1970, is when it is tried again."""
    reset = int(time.time()) + 1000
    url = server.plan("/send", [{"status": 429, "headers": {"X-RateLimit-Reset": str(reset)}}, ACCEPTED])
    row = outbox.failed_once(put(outbox, url, "sendgrid", DOCUMENTS[0], retry=None))
    assert (row["status"], row["error_kind"]) == ("queued", "rate_limit")
    assert abs(row["next_attempt_at"].timestamp() - reset) < 30


# Slack

POST = {"channel": "C1", "text": "Approve?"}


def slack(**reply):
    return {"headers": {"Content-Type": "application/json"}, "body": json.dumps(reply)}


def test_slack(outbox, server):
    """Its reply has the whole message in it, and may be long; it is read, and not kept."""
    url = server.plan("/api/chat.postMessage",
                      [slack(ok=True, message={"text": "x" * 100_000}, channel="C012AB3CD", ts="1405895017.000506")])
    row = send(outbox, url, "slack", POST, headers={"Content-Type": "application/json; charset=utf-8"})
    assert (row["status"], row["provider_message_id"]) == ("delivered", "C012AB3CD/1405895017.000506")
    assert row["response_body"] is None
    sent, = server.requests("/api/chat.postMessage")
    assert json.loads(sent.body) == POST and sent.headers["authorization"] == "Bearer SG.secret-key"


@pytest.mark.parametrize("answer", [slack(ok=True), {"body": "ok"}])
def test_slack_without_id(outbox, server, answer):
    row = send(outbox, server.plan("/hook", [answer]), "slack", POST)
    assert (row["status"], row["provider_message_id"]) == ("delivered", None)


@pytest.mark.parametrize("error, kind", [
    ("channel_not_found", "validation_error"), ("invalid_auth", "authentication_error"),
    ("missing_scope", "permission_error"), ("something_new", "validation_error")])
def test_slack_refuses(outbox, server, error, kind):
    row = send(outbox, server.plan("/post", [slack(ok=False, error=error)]), "slack", POST)
    assert (row["status"], row["error_kind"], row["attempts"]) == ("failed", kind, 1)
    assert row["response_status"] == 200
    assert row["error_message"] == f"127.0.0.1 refused the request: {error}"


@pytest.mark.parametrize("answer", [
    slack(ok=False, error="ratelimited"), slack(ok=False, error="internal_error"),
    slack(ok=False, error="fatal_error"), slack(ok=False, error="service_unavailable"),
    slack(ok=False, error="request_timeout"), {"body": "<html>a proxy</html>"}, {"status": 200}, 429, 500])
def test_slack_is_busy(outbox, server, answer):
    url = server.plan("/post", [answer, slack(ok=True, channel="C1", ts="1.2")])
    row = send(outbox, url, "slack", POST)
    assert (row["status"], row["attempts"], row["provider_message_id"]) == ("delivered", 2, "C1/1.2")
    assert row["error_message"] is None


def test_slack_retry_after(outbox, server):
    answer = slack(ok=False, error="ratelimited")
    answer["status"] = 429
    answer["headers"]["Retry-After"] = "1000"
    row = outbox.failed_once(put(outbox, server.plan("/post", [answer]), "slack", POST, retry=None))
    assert (row["status"], row["error_kind"]) == ("queued", "rate_limit")
    assert "ratelimited" in row["error_message"]
    assert row["next_attempt_at"].timestamp() - time.time() > 900


# Others

def test_hooks_are_judged_as_before(outbox, server):
    """Who has no provider is tried again, and is believed by his status."""
    url = server.plan("/hook", [500, {"body": '{"ok":false}'}])
    request = put(outbox, url, None, "{}")
    row = outbox.finished(request)
    assert (row["status"], row["attempts"], row["provider_message_id"]) == ("delivered", 2, None)
    wait_until(lambda: len(server.requests("/hook")) == 2)
