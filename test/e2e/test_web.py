"""What comes in by HTTP, seen by the libraries of others."""
import json
import time

import pytest
from official import run_official
from psycopg.types.json import Jsonb

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
def gateway(cluster):
    """A session of the gateway's role; "ann" is asked, and "ci" answers as her by webhooks."""
    cluster.sql("CREATE ROLE gate LOGIN")
    cluster.sql("SELECT hitl.grant_access('gate', 'gateway'), hitl.grant_acting('gate', '*')")
    cluster.sql("GRANT SELECT ON hitl.http_routes TO gate;"
                "GRANT EXECUTE ON FUNCTION hitl.http_answer, hitl.http_error, hitl.http_json TO gate")
    cluster.sql("SELECT hitl.create_principal('ann', email => 'ann@example.com')")
    cluster.sql("SELECT hitl.set_secret('ci_key', %s), hitl.create_webhook_sender('ci', 'ann', 'ci_key')",
                [f"{KEY} {OLD_KEY}"])
    with cluster.connect(user="gate") as gate:
        yield gate


def sign(key, message, at, body):
    """The signature by the official library."""
    signature, = run_official(SIGN, key, message, str(at), body)
    return signature


def hook(gateway, approval, signature, message, at, body):
    """The status of the response to a signed answer."""
    headers = {"content-type": "application/json", "webhook-id": message, "webhook-signature": signature,
               "webhook-timestamp": str(at)}
    return gateway.execute("SELECT (hitl.http_answer('POST', %s, '{}', %s, %s) ->> 'status')::integer",
                           [f"/hooks/approvals/{approval}/respond", Jsonb(headers), body]).fetchone()[0]


def ask(cluster):
    return cluster.value("SELECT hitl.request_approval('Ship?', requested_from => 'ann')")


@pytest.mark.parametrize("key", [KEY, OLD_KEY])
@pytest.mark.parametrize("body", ['{"decision": "approved"}', '{"decision": "approved", "feedback": "Übergröße 🚢\\n"}'])
def test_signed_by_the_official_library(cluster, gateway, key, body):
    approval, now, message = ask(cluster), int(time.time()), f"msg_{time.monotonic_ns()}"
    signature = sign(key, message, now, body)
    assert hook(gateway, approval, signature, message + "x", now, body) == 401
    assert hook(gateway, approval, signature, message, now, body + " ") == 401
    assert hook(gateway, approval, signature, message, now + 1, body) == 401
    assert hook(gateway, approval, "v1,AAAA " + signature, message, now, body) == 200
    # The same again changes nothing, and is told the same.
    assert hook(gateway, approval, signature, message, now, body) == 200
    assert cluster.value("SELECT count(*) FROM hitl.approval_responses WHERE approval_id = %s", [approval]) == 1


@pytest.mark.parametrize("age", [-3600, -400, 400, 3600])
def test_stale_signatures(cluster, gateway, age):
    approval, then, body = ask(cluster), int(time.time()) - age, '{"decision": "approved"}'
    assert hook(gateway, approval, sign(KEY, "msg_stale", then, body), "msg_stale", then, body) == 401
    assert cluster.value("SELECT status FROM hitl.approval_requests WHERE id = %s", [approval]) == "pending"


def test_openapi_document(cluster, gateway):
    """The description of the API is one, in the eyes of a validator of OpenAPI 3.1."""
    document = gateway.execute("SELECT hitl.http_answer('GET', '/api/v1/openapi.json') -> 'json'").fetchone()[0]
    assert run_official(VALIDATE, json.dumps(document)) == []
    del document["info"]["title"]
    assert run_official(VALIDATE, json.dumps(document)) != []
