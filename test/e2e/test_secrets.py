"""Secrets: who may do what, where they go, and where they never stand."""
import base64
import hashlib
import hmac
import subprocess
import sys
import time
import uuid

import psycopg
import pytest
from harness import ROOT, wait_until
from psycopg import errors

sys.path.insert(0, str(ROOT / "test/servers"))
from scripted_server import ScriptedServer  # noqa: E402

SETTINGS = {
    "hitl__allowed_private_hosts": "127.0.0.1",
    "log_min_messages": "debug1",
}

KEYS = [base64.b64encode(bytes(range(start, start + 32))).decode() for start in (1, 101)]


@pytest.fixture
def server():
    with ScriptedServer() as running:
        yield running


@pytest.fixture(autouse=True)
def clean(cluster):
    yield
    cluster.sql("DELETE FROM hitl.outbox")
    cluster.sql("DELETE FROM hitl.secrets")


def set_secret(cluster, name, value):
    cluster.sql("SELECT hitl.set_secret(%s, %s)", [name, value])


def send(cluster, url, **columns):
    """Queue a request, and give its row when it is done with."""
    row = {"id": uuid.uuid4(), "purpose": "notification", "url": url, "body": '{"a": 1}',
           "idempotency_key": "msg_1", **columns}
    cluster.sql(f"INSERT INTO hitl.outbox ({', '.join(row)})"
                f" VALUES ({', '.join(['%s'] * len(row))})", list(row.values()))
    return wait_until(lambda: finished(cluster, row["id"]))


def finished(cluster, request):
    rows = cluster.sql("SELECT * FROM hitl.outbox"
                       " WHERE id = %s AND status IN ('delivered', 'failed')", [request])
    return rows and rows[0]


def test_set_replace_delete(cluster):
    set_secret(cluster, "openai", "first")
    before = cluster.value("SELECT updated_at FROM hitl.secret_names")
    set_secret(cluster, "openai", "second")
    row, = cluster.sql("SELECT * FROM hitl.secrets")
    assert (row["name"], row["value"], row["created_by"]) == ("openai", "second", "postgres")
    assert row["updated_at"] > before
    assert cluster.sql("SELECT * FROM hitl.secret_names") \
        == [{"name": "openai", "updated_at": row["updated_at"], "allowed_hosts": []}]
    assert cluster.value("SELECT hitl.delete_secret('openai')") is True
    assert cluster.value("SELECT hitl.delete_secret('openai')") is False


@pytest.mark.parametrize("name, value, error", [
    (None, "x", errors.NullValueNotAllowed),
    ("a", None, errors.NullValueNotAllowed),
    ("", "x", errors.InvalidParameterValue),
    ("a b", "x", errors.InvalidParameterValue),
    ("ä", "x", errors.InvalidParameterValue),
    ("a" * 101, "x", errors.InvalidParameterValue),
    ("a", "", errors.InvalidParameterValue),
    ("a", "tok\nen", errors.InvalidParameterValue),
    ("a", "token\r\n", errors.InvalidParameterValue),
    ("a", "x" * 8193, errors.InvalidParameterValue)])
def test_invalid(cluster, name, value, error):
    with pytest.raises(error) as raised:
        set_secret(cluster, name, value)
    if value and len(value) > 1:
        assert value not in str(raised.value)


def test_who_may(cluster):
    """Only what is granted; the values are out of reach of pg_read_all_data, too."""
    cluster.sql("CREATE ROLE reader LOGIN")
    cluster.sql("GRANT pg_read_all_data, pg_write_all_data TO reader")
    cluster.sql("CREATE ROLE setter LOGIN")
    cluster.sql("GRANT USAGE ON SCHEMA hitl TO setter")
    cluster.sql("GRANT EXECUTE ON FUNCTION hitl.set_secret, hitl.delete_secret TO setter")
    try:
        set_secret(cluster, "api", "hidden")
        with cluster.connect(user="reader") as reader:
            assert reader.execute("SELECT * FROM hitl.secrets").fetchall() == []
            with pytest.raises(errors.InsufficientPrivilege):
                reader.execute("INSERT INTO hitl.secrets (name, value, created_by)"
                               " VALUES ('b', 'c', 'd')")
            assert reader.execute("UPDATE hitl.secrets SET value = 'other'").rowcount == 0
            assert reader.execute("SELECT name FROM hitl.secret_names").fetchall() == [("api",)]
        with cluster.connect(user="setter") as setter:
            setter.execute("SELECT hitl.set_secret('mine', 'value')")
            for query in ("SELECT value FROM hitl.secrets", "DELETE FROM hitl.secrets",
                          "SELECT * FROM hitl.secret_names"):
                with pytest.raises(errors.InsufficientPrivilege):
                    setter.execute(query)
        assert cluster.value("SELECT created_by FROM hitl.secrets WHERE name = 'mine'") == "setter"
    finally:
        cluster.sql("DROP OWNED BY reader, setter")
        cluster.sql("DROP ROLE reader, setter")


def test_dumps_carry_no_secret(cluster):
    set_secret(cluster, "api", "not-for-dumps")
    dump = subprocess.run([cluster.bin / "pg_dump", "-d", cluster.url()], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    assert "CREATE EXTENSION" in dump
    assert "COPY hitl.outbox " in dump
    assert "not-for-dumps" not in dump and "COPY hitl.secrets" not in dump


def test_authorization(cluster, server):
    secret = "sk-" + uuid.uuid4().hex
    set_secret(cluster, "api", secret)
    url = server.plan("/a", [{"body": lambda request: repr(request.headers)}])
    row = send(cluster, url, secret_name="api", purpose="inference")
    sent, = server.requests("/a")
    assert sent.headers["authorization"] == f"Bearer {secret}"
    assert row["status"] == "delivered"
    assert "Bearer ***" in row["response_body"]  # the server echoed it
    assert secret not in str(row)
    assert secret not in cluster.log()


def test_secret_is_looked_up_for_each_attempt(cluster, server):
    set_secret(cluster, "api", "old-value")
    url = server.plan("/a", [{"status": 503, "headers": {"Retry-After": "1"}}, 200])
    request = uuid.uuid4()
    cluster.sql("INSERT INTO hitl.outbox (id, purpose, url, idempotency_key, secret_name)"
                " VALUES (%s, 'inference', %s, 'k', 'api')", [request, url])
    server.wait_for("/a")
    set_secret(cluster, "api", "new-value")
    wait_until(lambda: finished(cluster, request))
    assert [sent.headers["authorization"] for sent in server.requests("/a")] \
        == ["Bearer old-value", "Bearer new-value"]


@pytest.mark.parametrize("column", ["secret_name", "signing_secret_name"])
def test_missing(cluster, server, column):
    url = server.plan("/a", [200])
    row = send(cluster, url, **{column: "absent"})
    assert (row["status"], row["error_kind"]) == ("failed", "authentication_error")
    assert '"absent" is not set' in row["error_message"]

    # Setting it does not send what has failed; asking for that does.
    set_secret(cluster, "absent", "whsec_" + KEYS[0])
    assert send(cluster, url)["status"] == "delivered"
    assert finished(cluster, row["id"])["status"] == "failed"
    assert cluster.value("SELECT hitl.retry_request(%s)", [row["id"]]) is True
    wait_until(lambda: (finished(cluster, row["id"]) or {}).get("status") == "delivered")
    assert len(server.requests("/a")) == 2


def test_authorization_twice(cluster, server):
    set_secret(cluster, "api", "value")
    row = send(cluster, server.plan("/a", [200]), secret_name="api",
               headers='{"authorization": "Basic eDp5"}')
    assert (row["status"], row["error_kind"]) == ("failed", "validation_error")


def signature(key, request):
    """Standard Webhooks, independently of ours."""
    signed = b".".join([request.headers["webhook-id"].encode(),
                        request.headers["webhook-timestamp"].encode(), request.body])
    digest = hmac.new(base64.b64decode(key), signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def test_our_check_knows_the_published_example():
    class Example:
        headers = {"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330"}
        body = b'{"test": 2432232314}'
    assert signature("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", Example) \
        == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("secret, keys", [
    ("whsec_" + KEYS[0], KEYS[:1]),
    (KEYS[0], KEYS[:1]),
    (f"whsec_{KEYS[1]} whsec_{KEYS[0]}", KEYS[::-1])])
def test_signature(cluster, server, secret, keys):
    set_secret(cluster, "hook", secret)
    body = '{"text": "Freigabe für ü"}'
    row = send(cluster, server.plan("/s", [200]), signing_secret_name="hook", body=body)
    assert row["status"] == "delivered"
    sent, = server.requests("/s")
    assert sent.body == body.encode()
    assert sent.headers["webhook-id"] == sent.headers["idempotency-key"] == "msg_1"
    assert abs(int(sent.headers["webhook-timestamp"]) - time.time()) < 60
    assert sent.headers["webhook-signature"].split(" ") == [signature(key, sent) for key in keys]


def test_signature_without_body(cluster, server):
    set_secret(cluster, "hook", "whsec_" + KEYS[0])
    send(cluster, server.plan("/s", [200]), signing_secret_name="hook", body=None)
    sent, = server.requests("/s")
    assert sent.headers["webhook-signature"] == signature(KEYS[0], sent)


@pytest.mark.parametrize("secret", [
    "whsec_", "whsec_????", "whsec_c2hvcnQ=", "hello", "whsec_" + KEYS[0] + " bad",
    "whsec_" + base64.b64encode(b"x" * 65).decode(), " "])
def test_no_signing_key(cluster, server, secret):
    set_secret(cluster, "hook", secret)
    row = send(cluster, server.plan("/s", [200]), signing_secret_name="hook")
    assert (row["status"], row["error_kind"]) == ("failed", "authentication_error")
    assert '"hook" is no signing key' in row["error_message"]
    assert len(secret) < 7 or secret not in row["error_message"]
    assert server.requests("/s") == []


def test_connection_string_is_no_way_in(cluster):
    """The functions fix their search_path: a planted operator is not called."""
    with cluster.connect() as connection:
        assert connection.execute(
            "SELECT bool_and(proconfig @> '{\"search_path=pg_catalog, pg_temp\"}') FROM pg_proc"
            " WHERE pronamespace = 'hitl'::regnamespace AND prosecdef").fetchone() == (True,)
    with pytest.raises(psycopg.Error):
        cluster.sql("SELECT hitl.set_secret('a')")
