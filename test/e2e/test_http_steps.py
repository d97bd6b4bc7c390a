"""http steps against real servers: what is sent, what comes back, what is repeated, who gets a secret."""
import json
import sys
import uuid

import pytest
from harness import ROOT, wait_until
from psycopg.types.json import Jsonb
from trail import broken_chains

sys.path.insert(0, str(ROOT / "test/servers"))
from scripted_server import ScriptedServer  # noqa: E402

SETTINGS = {
    "hitl__allowed_private_hosts": "127.0.0.1, 127.0.0.2, localhost, nowhere.invalid",
    "hitl__max_response_size": "64kB",
    "hitl__breaker_threshold": 0,
    "log_min_messages": "debug1",
}

FAST = {"max_attempts": 3, "policy": "fixed", "base_delay": "50 ms", "jitter": 0}
ONCE = {"max_attempts": 1}


@pytest.fixture
def server():
    with ScriptedServer() as running:
        yield running


@pytest.fixture(autouse=True)
def clean(cluster):
    yield
    with cluster.connect() as connection:
        assert broken_chains(connection) == []
    cluster.sql("DELETE FROM hitl.outbox")
    cluster.sql("DELETE FROM hitl.secrets")


def start(cluster, step, variables=None):
    """Start a workflow of one http step named "call"; its id."""
    definition = {"name": "one call", "steps": [{"type": "http", "name": "call", **step}]}
    workflow = cluster.value(
        "SELECT hitl.create_workflow('call', workflow_definition => %s, input_data => %s)",
        [Jsonb(definition), Jsonb(variables or {})])
    cluster.value("SELECT hitl.execute_workflow(%s)", [workflow])
    return workflow


def ended(cluster, workflow):
    row, = cluster.sql("SELECT status, error, data -> 'steps' -> 'call' AS result"
                       " FROM hitl.workflows WHERE id = %s", [workflow])
    return row if row["status"] in ("completed", "failed") else None


def call(cluster, step, variables=None):
    """Run it; the result, or the error."""
    workflow = start(cluster, step, variables)
    row = wait_until(lambda: ended(cluster, workflow),
                     describe=lambda: cluster.sql("SELECT * FROM hitl.outbox"))
    return row["result"] if row["status"] == "completed" else row["error"]


def request_of(cluster, workflow):
    """The row of its request, once the engine has queued it."""
    row, = wait_until(lambda: cluster.sql("SELECT * FROM hitl.outbox WHERE workflow_id = %s", [workflow]))
    return row


# What is sent, and what comes back

def test_request_and_result(cluster, server):
    url = server.plan("/orders", [{"status": 201, "body": '{"id": 7, "note": "schön"}', "headers": {
        "Content-Type": "application/json", "X-Number": "1", "LOCATION": "/orders/7"}}])
    result = call(cluster, {"url": url, "headers": {"X-For": "{{ $.variables.who }}"},
                            "body": {"n": "{{ $.variables.n }}"}}, {"who": "Ann", "n": 3})
    assert result["status"] == 201
    assert result["body"] == {"id": 7, "note": "schön"}
    assert result["headers"]["x-number"] == "1" and result["headers"]["location"] == "/orders/7"
    sent, = server.requests("/orders")
    assert sent.method == "POST"
    assert json.loads(sent.body) == {"n": 3}
    assert sent.headers["content-type"] == "application/json"
    assert sent.headers["x-for"] == "Ann"
    request = cluster.value("SELECT id FROM hitl.outbox")
    assert sent.headers["idempotency-key"] == str(request)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
def test_methods(cluster, server, method):
    result = call(cluster, {"method": method, "url": server.plan("/m", [{"body": "text"}])})
    assert result["status"] == 200
    assert result["body"] == (None if method == "HEAD" else "text")
    sent, = server.requests("/m")
    assert (sent.method, sent.body) == (method, b"")
    assert "content-type" not in sent.headers


def test_text_is_sent_as_it_is(cluster, server):
    url = server.plan("/t", [200])
    call(cluster, {"url": url, "body": "plain {{ $.variables.x }}"}, {"x": "ü"})
    call(cluster, {"url": url, "body": "<a/>", "headers": {"content-type": "text/xml"}})
    call(cluster, {"url": url, "body": [1, None]})
    first, second, third = server.requests("/t")
    assert first.body == "plain ü".encode()
    assert first.headers["content-type"] == "text/plain; charset=utf-8"
    assert [value for name, value in second.header_list if name.lower() == "content-type"] \
        == ["text/xml"]
    assert json.loads(third.body) == [1, None]
    assert third.headers["content-type"] == "application/json"


def test_headers_that_come_twice_and_strange_ones(cluster, server):
    url = server.plan("/h", [{"raw": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
                              b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\n"
                              b"X-Latin: caf\xe9\r\nX-Quote: \"\\\"\r\nContent-Length: 0\r\n\r\n"}])
    headers = call(cluster, {"method": "GET", "url": url})["headers"]
    assert headers == {"set-cookie": "a=1, b=2", "x-latin": "caf?", "x-quote": '"\\"',
                       "content-length": "0"}


def test_own_idempotency_key(cluster, server):
    call(cluster, {"url": server.plan("/k", [200]), "body": {},
                   "headers": {"Idempotency-Key": "order-{{ $.variables.n }}"}}, {"n": 7})
    sent, = server.requests("/k")
    assert [value for name, value in sent.header_list if name.lower() == "idempotency-key"] \
        == ["order-7"]


# Statuses

@pytest.mark.parametrize("status, expect, good", [
    (200, None, True), (204, None, True), (299, None, True), (404, [404], True),
    (503, [503], True), (302, [302], True), (201, [200, 202], False), (404, None, False)])
def test_expected_statuses(cluster, server, status, expect, good):
    step = {"method": "GET", "url": server.plan("/s", [status]), "retry": FAST}
    if expect:
        step["expect"] = expect
    outcome = call(cluster, step)
    assert outcome["status"] == status
    assert ("kind" not in outcome) is good
    assert len(server.requests("/s")) == 1


def test_redirects_are_not_followed(cluster, server):
    url = server.plan("/r", [{"status": 302, "headers": {"Location": server.url("/other")}}])
    assert call(cluster, {"method": "GET", "url": url})["kind"] == "validation_error"
    assert server.requests("/other") == []
    assert "redirects are not followed" in cluster.value("SELECT error_message FROM hitl.outbox")


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_what_may_pass_is_repeated(cluster, server, status):
    url = server.plan("/p", [status, status, {"body": '"at last"'}])
    assert call(cluster, {"url": url, "body": {}, "retry": FAST})["body"] == "at last"
    sent = server.requests("/p")
    assert len(sent) == 3
    assert len({request.headers["idempotency-key"] for request in sent}) == 1


@pytest.mark.parametrize("status, kind", [
    (400, "validation_error"), (401, "authentication_error"), (403, "permission_error"),
    (404, "validation_error"), (409, "validation_error")])
def test_what_will_not_pass_is_not(cluster, server, status, kind):
    url = server.plan("/p", [{"status": status, "body": '{"error": {"message": "no such thing"}}'}])
    error = call(cluster, {"url": url, "body": {}, "retry": FAST})
    assert error["kind"] == kind and "no such thing" in error["message"]
    assert len(server.requests("/p")) == 1


def test_retry_on(cluster, server):
    """Only the kinds that the step names, and those that it names although others would not."""
    url = server.plan("/on", [503, 200])
    error = call(cluster, {"method": "GET", "url": url, "retry": {**FAST, "on": ["timeout"]}})
    assert error["kind"] == "service_unavailable"
    assert len(server.requests("/on")) == 1
    url = server.plan("/login", [401, 401, 200])
    result = call(cluster, {"method": "GET", "url": url,
                            "retry": {**FAST, "on": ["authentication_error"]}})
    assert result["status"] == 200


def test_attempts_end(cluster, server):
    error = call(cluster, {"method": "GET", "url": server.plan("/e", [500]), "retry": FAST})
    assert error["kind"] == "service_unavailable"
    assert "gave up after 3 attempts" in error["message"]
    assert len(server.requests("/e")) == 3


def test_retry_after(cluster, server):
    url = server.plan("/r", [{"status": 429, "headers": {"Retry-After": "1"}}, 200])
    assert call(cluster, {"method": "GET", "url": url, "retry": FAST})["status"] == 200
    first, second = server.requests("/r")
    assert second.at - first.at >= 0.99


# What goes wrong

@pytest.mark.parametrize("answer, kind, message", [
    ({"hang": True}, "timeout", "timed out"),
    ({"body": b"x" * 70_000}, "validation_error", "hitl.max_response_size"),
    ({"body": b"\xff\xfe"}, "validation_error", "not valid text"),
    ({"raw": b"\x00\x01 hello\r\n\r\n"}, "network_error", "failed"),
    ({"raw": b""}, "network_error", "failed")])
def test_faulty_servers(cluster, server, answer, kind, message):
    error = call(cluster, {"method": "GET", "url": server.plan("/f", [answer]), "retry": ONCE,
                           "timeout": 2})
    assert error["kind"] == kind and message in error["message"]


@pytest.mark.parametrize("url, kind", [
    ("http://nowhere.invalid/", "network_error"), ("http://127.0.0.1:9/", "network_error"),
    ("https://10.1.2.3/", "permission_error"), ("http://example.org/", "permission_error")])
def test_unreachable(cluster, url, kind):
    assert call(cluster, {"method": "GET", "url": url, "retry": ONCE})["kind"] == kind


def test_cancelled(cluster, server):
    workflow = start(cluster, {"method": "GET", "url": server.plan("/c", [503]),
                               "retry": {"max_attempts": 1000, "base_delay": "1 hour"}})
    server.wait_for("/c")
    wait_until(lambda: request_of(cluster, workflow)["error_kind"])
    cluster.value("SELECT hitl.transition_workflow_status(%s, 'cancelled')", [workflow])
    wait_until(lambda: request_of(cluster, workflow)["status"] == "cancelled")


def test_priority_of_the_workflow(cluster, server):
    """It is that of its requests, to models too."""
    url = server.plan("/v1/chat/completions", [{"body": '{"choices": [{"message": {"content": "x"}}]}'}])
    cluster.sql("SELECT hitl.create_model('m', base_url => %s, model => 'm')",
                [url.removesuffix("/chat/completions")])
    definition = {"steps": [{"type": "http", "name": "a", "url": url, "body": {}},
                            {"type": "task", "name": "b", "task": "c", "model": "m"}]}
    workflow = cluster.value(
        "SELECT hitl.create_workflow('p', workflow_definition => %s, priority => 7)",
        [Jsonb(definition)])
    cluster.value("SELECT hitl.execute_workflow(%s)", [workflow])
    wait_until(lambda: ended(cluster, workflow))
    rows = cluster.sql("SELECT purpose, priority FROM hitl.outbox ORDER BY 1")
    assert rows == [{"purpose": "http", "priority": 7}, {"purpose": "inference", "priority": 7}]
    events = cluster.sql("SELECT event_type, step_name FROM hitl.workflow_events"
                         " WHERE workflow_id = %s AND event_type LIKE '%%requested' ORDER BY seq",
                         [workflow])
    assert events == [{"event_type": "http_requested", "step_name": "a"},
                      {"event_type": "task_requested", "step_name": "b"}]
    assert cluster.value("SELECT what FROM hitl.workflow_timeline(%s)"
                         " WHERE event = 'http requested'", [workflow]) == "POST"


def test_in_branches(cluster, server):
    """Many calls at once, each with its own answer."""
    url = server.plan("/b", [{"body": lambda request: request.body}])
    definition = {"steps": [{"type": "foreach", "name": "all", "items": "$.variables.list", "as": "n",
                             "steps": [{"type": "http", "name": "one", "url": url,
                                        "body": {"n": "{{ $.variables.n }}"}}]}]}
    workflow = cluster.value(
        "SELECT hitl.create_workflow('f', workflow_definition => %s, input_data => %s)",
        [Jsonb(definition), Jsonb({"list": list(range(50))})])
    cluster.value("SELECT hitl.execute_workflow(%s)", [workflow])
    row = wait_until(lambda: ended(cluster, workflow))
    assert row["error"] is None
    result = cluster.value("SELECT hitl.get_workflow_status(%s) -> 'results' -> 'all'",
                           [workflow])
    assert [one["body"]["n"] for one in result] == list(range(50))
    assert len(server.requests("/b")) == 50


# Secrets

def test_secret_for_its_hosts_only(cluster, server):
    secret = "sk-" + uuid.uuid4().hex
    url = server.plan("/a", [{"body": lambda request: repr(request.headers),
                              "headers": {"X-Echo": secret}}])
    step = {"method": "GET", "url": url, "secret": "api"}
    cluster.sql("SELECT hitl.set_secret('api', %s)", [secret])
    error = call(cluster, step)
    assert error["kind"] == "permission_error" and "not allowed for host 127.0.0.1" in error["message"]
    for hosts in (["example.org"], ["127.0.0.1.example.org"], ["127.0.0.2"], ["27.0.0.1"],
                  [f"127.0.0.1:{server.port + 1}"], ["127.0.0.1:1"], []):
        cluster.sql("SELECT hitl.set_secret('api', %s, %s)", [secret, hosts])
        assert call(cluster, step)["kind"] == "permission_error", hosts
    assert server.requests("/a") == []

    for number, hosts in enumerate((["example.org", "127.0.0.1"], [f"127.0.0.1:{server.port}"]), 1):
        cluster.sql("SELECT hitl.set_secret('api', %s, %s)", [secret, hosts])
        result = call(cluster, step)
        assert "Bearer ***" in result["body"] and result["headers"]["x-echo"] == "*" * len(secret)
        assert len(server.requests("/a")) == number
    assert server.requests("/a")[0].headers["authorization"] == f"Bearer {secret}"

    # A new value keeps the hosts; the old one is nowhere.
    server.plan("/a", [200])
    cluster.sql("SELECT hitl.set_secret('api', 'another-value')")
    assert call(cluster, step)["status"] == 200
    assert server.requests("/a")[-1].headers["authorization"] == "Bearer another-value"
    for table in ("outbox", "workflows", "workflow_events", "messages"):
        assert cluster.value(f"SELECT count(*) FROM hitl.{table} t WHERE t::text ~ %s", [secret]) == 0
    # The log has the literals of this test's own statements only, if any.
    assert f"Bearer {secret}" not in cluster.log()


def test_secrets_in_headers(cluster, server):
    cluster.sql("SELECT hitl.set_secret('key.1', 'first-value', '{127.0.0.1}')")
    cluster.sql("SELECT hitl.set_secret('key_2', 'second-value', '{127.0.0.1}')")
    url = server.plan("/h", [{"body": lambda request: repr(request.headers)}])
    result = call(cluster, {"method": "GET", "url": url, "headers": {
        "x-api-key": "${secret:key.1}", "X-Both": "a ${secret:key_2}, ${secret:key.1} z"}})
    sent, = server.requests("/h")
    assert sent.headers["x-api-key"] == "first-value"
    assert sent.headers["x-both"] == "a second-value, first-value z"
    assert "first-value" not in str(result) and "second-value" not in str(result)
    row, = cluster.sql("SELECT * FROM hitl.outbox")
    assert row["headers"]["x-api-key"] == "${secret:key.1}"
    assert "first-value" not in str(row)


def test_model_with_a_header_of_its_own(cluster, server):
    """Administrators configure models, so they may use any secret."""
    cluster.sql("SELECT hitl.set_secret('azure', 'the-model-key')")
    url = server.plan("/chat/completions", [
        {"body": '{"choices": [{"message": {"content": "the-model-key"}}]}'}])
    cluster.sql("SELECT hitl.create_model('other', base_url => %s, model => 'm', headers => %s)",
                [url.removesuffix("/chat/completions"),
                 Jsonb({"api-key": "${secret:azure}", "X-Team": "a"})])
    workflow = cluster.value(
        "SELECT hitl.create_workflow('p', workflow_definition => %s)",
        [Jsonb({"steps": [{"type": "task", "name": "call", "task": "c", "model": "other"}]})])
    cluster.value("SELECT hitl.execute_workflow(%s)", [workflow])
    row = wait_until(lambda: ended(cluster, workflow))
    assert row["result"]["answer"] == "*" * len("the-model-key")
    sent, = server.requests("/chat/completions")
    assert sent.headers["api-key"] == "the-model-key" and sent.headers["x-team"] == "a"
    assert "authorization" not in sent.headers


@pytest.mark.parametrize("value", ["${secret:}", "${secret:a", "${secret:a b}", "${secret:" + "a" * 101 + "}"])
def test_malformed_placeholders(cluster, server, value):
    error = call(cluster, {"method": "GET", "url": server.plan("/h", [200]), "headers": {"X": value}})
    assert error["kind"] == "validation_error" and "malformed placeholder" in error["message"]
    assert server.requests("/h") == []


def test_header_secret_for_another_host(cluster, server):
    cluster.sql("SELECT hitl.set_secret('key', 'the-value', '{example.org}')")
    error = call(cluster, {"method": "GET", "url": server.plan("/h", [200]),
                           "headers": {"X": "${secret:key}"}})
    assert error["kind"] == "permission_error"
    assert server.requests("/h") == []


@pytest.mark.parametrize("step", [{"secret": "late"}, {"headers": {"X-Key": "${secret:late}"}}])
def test_waits_for_a_secret(cluster, server, step):
    """The request is sent once the secret is set, its attempts untouched."""
    workflow = start(cluster, {"method": "GET", "url": server.plan("/w", [200]), "retry": ONCE, **step})
    wait_until(lambda: request_of(cluster, workflow)["missing_secret"] == "late")
    row = request_of(cluster, workflow)
    assert (row["status"], row["attempts"], row["error_kind"]) == ("queued", 0, "authentication_error")
    assert '"late" is not set' in row["error_message"]
    cluster.sql("SELECT hitl.set_secret('other', 'value', '{127.0.0.1}')")
    cluster.sql("SELECT hitl.set_secret('late', 'value', '{127.0.0.1}')")
    wait_until(lambda: ended(cluster, workflow))
    assert ended(cluster, workflow)["status"] == "completed"
    assert request_of(cluster, workflow)["attempts"] == 1
    assert request_of(cluster, workflow)["missing_secret"] is None


def test_does_not_wait_for_ever(cluster, server):
    error = call(cluster, {"method": "GET", "url": server.plan("/w", [200]), "secret": "never",
                           "timeout": 1})
    assert error["kind"] in ("authentication_error", "timeout")
    assert server.requests("/w") == []


def test_secret_set_while_the_dispatcher_was_away(cluster, server):
    workflow = start(cluster, {"method": "GET", "url": server.plan("/w", [200]), "secret": "late"})
    wait_until(lambda: request_of(cluster, workflow)["missing_secret"])
    cluster.sql("ALTER DATABASE hitl SET hitl.run_workers = off", dbname="postgres")
    cluster.sql("SELECT hitl.start_workers()")
    wait_until(lambda: not cluster.processes())
    cluster.sql("SELECT hitl.set_secret('late', 'value', '{127.0.0.1}')")
    cluster.sql("ALTER DATABASE hitl RESET hitl.run_workers", dbname="postgres")
    cluster.sql("SELECT hitl.start_workers()")
    cluster.wait_for_workers()
    assert wait_until(lambda: ended(cluster, workflow))["status"] == "completed"
