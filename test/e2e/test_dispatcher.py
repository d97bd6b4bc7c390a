"""The dispatcher against real servers: what is sent, what is made of the answers."""
import email.utils
import signal
import sys
import time
import uuid

import psycopg
import pytest
from harness import ROOT, wait_until
from psycopg.types.json import Jsonb

sys.path.insert(0, str(ROOT / "test/servers"))
from scripted_server import ScriptedServer  # noqa: E402

SETTINGS = {
    "hitl__allowed_private_hosts": "127.0.0.1, nowhere.invalid",
    "hitl__max_response_size": "64kB",
    "hitl__breaker_threshold": 0,  # see test_breaker.py
}

FAST = {"max_attempts": 3, "policy": "fixed", "base_delay": 0.05, "jitter": 0}
ONCE = {"max_attempts": 1}


@pytest.fixture
def server():
    with ScriptedServer() as running:
        yield running


# What is sent

def test_request_and_reply(outbox, server):
    url = server.plan("/chat", [{"body": '{"ok": "ja, schön"}'}])
    request = outbox.put(url, body='{"a": "ü"}', headers={"X-Model": "m", "Empty": ""})
    assert outbox.reply(request) == {"token": 7, "status": 200, "body": '{"ok": "ja, schön"}'}
    row = outbox.row(request)
    assert (row["status"], row["attempts"], row["response_status"]) == ("delivered", 1, 200)
    assert row["response_body"] == '{"ok": "ja, schön"}'
    assert row["error_kind"] is None and row["error_message"] is None
    assert row["finished_at"] is not None

    sent, = server.requests("/chat")
    assert sent.method == "POST"
    assert sent.body == '{"a": "ü"}'.encode()
    assert sent.headers["content-type"] == "application/json"
    assert sent.headers["idempotency-key"] == f"key-{request}"
    assert sent.headers["user-agent"].startswith("hitl/")
    assert sent.headers["x-model"] == "m" and sent.headers["empty"] == ""
    assert not {"expect", "authorization", "webhook-id"} & set(sent.headers)


@pytest.mark.parametrize("method, body", [("GET", None), ("PUT", "x"), ("DELETE", None),
                                          ("PATCH", "{}"), ("HEAD", None), ("POST", None)])
def test_methods(outbox, server, method, body):
    request = outbox.put(server.plan("/m", [{"body": "answer"}]), method=method, body=body,
                         headers={"Content-Type": "text/plain"})
    assert outbox.finished(request)["status"] == "delivered"
    sent, = server.requests("/m")
    assert (sent.method, sent.body) == (method, (body or "").encode())
    assert [value for name, value in sent.header_list if name.lower() == "content-type"] \
        == ["text/plain"]


def test_only_awaited_requests_are_replied_to(outbox, server):
    url = server.plan("/hook", [200])
    for columns in ({"purpose": "notification"}, {"token": None}, {"workflow_id": None}):
        outbox.finished(outbox.put(url, **columns))
    assert outbox.execute("SELECT count(*) FROM public.replies").fetchone() == (0,)


def test_due_in_the_future(outbox, server):
    url = server.plan("/later", [200])
    due, = outbox.execute("SELECT clock_timestamp() + interval '700 ms'").fetchone()
    later = outbox.put(url, next_attempt_at=due)
    now = outbox.put(server.plan("/now", [200]))
    assert outbox.finished(now)["finished_at"] < due
    assert outbox.finished(later)["finished_at"] >= due
    assert server.requests("/later")[0].at >= due.timestamp()


# Answers

@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 529])
def test_inference_repeats(outbox, server, status):
    url = server.plan("/i", [status, status, {"body": "at last"}])
    request = outbox.put(url, retry=FAST)
    assert outbox.reply(request) == {"token": 7, "status": 200, "body": "at last"}
    assert outbox.row(request)["attempts"] == 3
    keys = {sent.headers["idempotency-key"] for sent in server.requests("/i")}
    assert keys == {f"key-{request}"}


@pytest.mark.parametrize("status, kind", [
    (301, "validation_error"), (400, "validation_error"), (401, "authentication_error"),
    (402, "permission_error"), (403, "permission_error"), (404, "validation_error")])
def test_inference_gives_other_statuses_to_the_workflow(outbox, server, status, kind):
    url = server.plan("/i", [{"status": status, "body": "why", "headers": {"Location": "/other"}}])
    request = outbox.put(url, retry=FAST)
    assert outbox.reply(request) == {"token": 7, "status": status, "body": "why"}
    row = outbox.row(request)
    assert (row["status"], row["attempts"], row["error_kind"]) == ("failed", 1, kind)
    assert server.requests("/other") == []


@pytest.mark.parametrize("status, kind", [
    (408, "timeout"), (429, "rate_limit"), (503, "service_unavailable")])
def test_inference_gives_up(outbox, server, status, kind):
    request = outbox.put(server.plan("/i", [status]), retry=FAST)
    assert outbox.reply(request) == {"token": 7, "error": {
        "kind": kind,
        "message": f"127.0.0.1 answered with status {status}; gave up after 3 attempts"}}
    assert len(server.requests("/i")) == 3


def test_inference_repeats_by_default(outbox, server):
    request = outbox.put(server.plan("/i", [503]))
    row = outbox.failed_once(request)
    assert row["status"] == "queued"
    delay = (row["next_attempt_at"] - outbox.now()).total_seconds()
    assert delay <= 1
    outbox.execute("UPDATE hitl.outbox SET status = 'cancelled' WHERE id = %s", [request])


@pytest.mark.parametrize("attempts, low, high", [
    (0, 5, 5.5), (1, 300, 330), (2, 1800, 1980), (8, 86400, 95040)])
def test_notification_schedule(outbox, server, attempts, low, high):
    request = outbox.put(server.plan("/n", [404]), purpose="notification", attempts=attempts)
    begun = outbox.now()
    row = outbox.failed_once(request)
    assert (row["status"], row["attempts"]) == ("queued", attempts + 1)
    assert low <= (row["next_attempt_at"] - begun).total_seconds() <= high + 60


def test_notification_gives_up(outbox, server):
    request = outbox.put(server.plan("/n", [500]), purpose="notification", attempts=9)
    row = outbox.finished(request)
    assert (row["status"], row["attempts"]) == ("failed", 10)
    assert row["error_message"].endswith("gave up after 10 attempts")

    assert outbox.execute("SELECT hitl.retry_request(%s)", [request]).fetchone() == (True,)
    wait_until(lambda: len(server.requests("/n")) == 2)
    assert outbox.execute("SELECT hitl.retry_request(%s)", [request]).fetchone() == (False,)


def test_notification_redirect_fails(outbox, server):
    url = server.plan("/n", [{"status": 302, "headers": {"Location": server.url("/other")}}])
    row = outbox.finished(outbox.put(url, purpose="notification"))
    assert (row["status"], row["attempts"]) == ("failed", 1)
    assert "redirects are not followed" in row["error_message"]
    assert server.requests("/other") == []


def test_gone_disables_the_channel(outbox, server):
    """Not one that goes elsewhere by now: what was queued for the old place may still be told there that it is gone."""
    urls = {"gone": server.plan("/gone", [410]), "fine": server.plan("/fine", [200]), "moved": server.plan("/old", [410])}
    for name, url in urls.items():
        outbox.execute("INSERT INTO hitl.channel_configurations (name, channel_type, settings)"
                       " VALUES (%s, 'webhook', jsonb_build_object('url', %s::text))",
                       [name, url if name != "moved" else server.url("/new")])
    requests = {name: outbox.put(url, purpose="notification", channel=name) for name, url in urls.items()}
    assert {name: outbox.finished(request)["attempts"] for name, request in requests.items()} == dict.fromkeys(urls, 1)
    assert dict(outbox.execute("SELECT name, active FROM hitl.channel_configurations")) \
        == {"gone": False, "fine": True, "moved": True}


@pytest.mark.parametrize("header, value, low, high", [
    ("Retry-After", lambda: "100", 98, 100),
    ("Retry-After", lambda: email.utils.formatdate(time.time() + 200, usegmt=True), 195, 201),
    ("X-RateLimit-Reset", lambda: "300", 298, 300),
    ("X-RateLimit-Reset", lambda: str(int(time.time()) + 400), 395, 400),
    ("Retry-After", lambda: "99999999", 86395, 86400),
    ("Retry-After", lambda: "-5", 0, 1),
    ("Retry-After", lambda: "soon", 0, 1)])
def test_retry_after(outbox, server, header, value, low, high):
    url = server.plan("/r", [{"status": 429, "headers": {header: value()}}])
    begun = outbox.now()
    request = outbox.put(url, retry={**FAST, "base_delay": 1, "max_attempts": 2})
    wait_until(lambda: outbox.row(request)["error_kind"])
    row = outbox.row(request)
    if row["status"] == "queued":
        delay = (row["next_attempt_at"] - begun).total_seconds()
        assert low <= delay <= high + 60
    else:
        assert high == 1


def test_notification_keeps_the_beginning_of_the_response(outbox, server):
    url = server.plan("/n", [{"body": "ä" * 5000}])
    row = outbox.finished(outbox.put(url, purpose="notification"))
    assert row["response_body"] == "ä" * 2047
    url = server.plan("/i", [{"body": "ä" * 5000}])
    assert outbox.reply(outbox.put(url))["body"] == "ä" * 5000


def test_notification_is_judged_by_status_alone(outbox, server):
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"
    for answer in ({"body": b"\xff\x00"}, {"body": b"x" * 300_000}, {"raw": cut}, {"raw": cut, "stay": True}):
        row = outbox.finished(outbox.put(server.plan("/n", [answer]), purpose="notification", timeout_seconds=2))
        assert (row["status"], row["response_status"]) == ("delivered", 200)


# What goes wrong outside is an error of that row alone

FAULTS = {
    "too large": ({"body": b"x" * 70_000}, "validation_error", "hitl.max_response_size"),
    "too large without length": (
        {"raw": b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 70_000}, "validation_error", "larger"),
    "hanging": ({"hang": True}, "timeout", "timed out"),
    "headers only": ({"raw": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"},
                     "network_error", "failed"),
    "headers, then silence": (
        {"raw": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "stay": True},
        "timeout", "timed out"),
    "trickle": ({"body": b"x" * 1000, "pieces": 1000, "pause": 0.05}, "timeout", "timed out"),
    "endless headers": ({"raw": b"HTTP/1.1 200 OK\r\n" + b"A: %s\r\n" % (b"b" * 1000) * 400},
                        "network_error", "header"),
    "garbage": ({"raw": b"\x00\x01\x02 220 hello\r\n\r\n"}, "network_error", "failed"),
    "bad chunks": ({"raw": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n"},
                   "network_error", "failed"),
    "closed": ({"raw": b""}, "network_error", "failed"),
    "invalid UTF-8": ({"body": b'{"a": "\xff\xfe"}'}, "validation_error", "not valid text"),
    "NUL": ({"body": b'{"a": "\x00"}'}, "validation_error", "not valid text"),
}


def test_faulty_peers(outbox, server):
    requests = {}
    with outbox.connection.transaction():
        for name, (answer, _, _) in FAULTS.items():
            url = server.plan("/" + name.replace(" ", "-"), [answer])
            requests[name] = outbox.put(url, retry=ONCE, timeout_seconds=2)
        refused = outbox.put("http://127.0.0.1:9/", retry=ONCE)
        unknown = outbox.put("http://nowhere.invalid/", retry=ONCE)
        good = outbox.put(server.plan("/good", [{"body": "fine"}]))
    assert outbox.reply(good) == {"token": 7, "status": 200, "body": "fine"}
    for name, (_, kind, message) in FAULTS.items():
        error = outbox.reply(requests[name])["error"]
        assert (name, error["kind"]) == (name, kind)
        assert message in error["message"], name
        assert outbox.row(requests[name])["status"] == "failed"
    assert outbox.reply(refused)["error"]["kind"] == "network_error"
    assert "port 9" in outbox.reply(refused)["error"]["message"]
    assert outbox.reply(unknown)["error"]["kind"] == "network_error"
    assert "nowhere.invalid" in outbox.reply(unknown)["error"]["message"]
    assert outbox.cluster.worker("dispatcher")["errors"] == 0


BAD_ROWS = {
    "no URL": {"url": "not a url"},
    "no host": {"url": "https://"},
    "scheme": {"url": "ftp://127.0.0.1/"},
    "file": {"url": "file:///etc/passwd"},
    "credentials": {"url": "http://user:pass@127.0.0.1/"},
    "line break in the URL": {"url": "http://127.0.0.1/\r\nX: y"},
    "line break": {"headers": {"A": "b\r\nEvil: yes"}},
    "line feed": {"headers": {"A": "b\nEvil: yes"}},
    "name": {"headers": {"A b": "c"}},
    "empty name": {"headers": {"": "c"}},
    "name with a colon": {"headers": {"A: b\r\nC": "d"}},
    "number": {"headers": {"A": 1}},
    "nested": {"headers": {"A": {"b": "c"}}},
    "array": {"headers": ["A"]},
    "reserved": {"headers": {"host": "other"}},
    "key": {"idempotency_key": "a\r\nEvil: yes"},
    "method": {"method": "G E T"},
    "empty method": {"method": ""},
    "retry": {"retry": {"policy": "sometimes"}},
    "retry is no object": {"retry": [1]},
}


def test_faulty_rows(outbox, server):
    good_url = server.plan("/good", [200])
    bad = {}
    with outbox.connection.transaction():
        for name, columns in BAD_ROWS.items():
            bad[name] = outbox.put(**{"url": good_url, **columns})
        good = outbox.put(good_url)
    assert outbox.reply(good)["status"] == 200
    for name, request in bad.items():
        error = outbox.reply(request)["error"]
        assert (name, error["kind"]) == (name, "validation_error")
        assert outbox.row(request)["attempts"] == 1
    assert len(server.requests("/good")) == 1
    message = outbox.reply(bad["credentials"])["error"]["message"]
    assert "pass" not in message.replace("password", "")
    assert outbox.cluster.worker("dispatcher")["errors"] == 0


# The guard

@pytest.mark.parametrize("host", [
    "10.1.2.3", "localhost", "[::1]", "[::]", "0.0.0.0", "169.254.169.254", "192.168.0.1",
    "100.64.0.1", "[fd00::1]", "[fe80::1]", "[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]",
    "2130706433", "0x7f.1", "224.0.0.1", "127.1", "[64:ff9b::7f00:1]", "[2002:7f00:1::]"])
def test_private_addresses_are_refused(outbox, host):
    request = outbox.put(f"https://{host}:9/", retry=ONCE)
    error = outbox.reply(request)["error"]
    if host in ("2130706433", "0x7f.1", "127.1"):
        # The same as 127.0.0.1, which is allowed here.
        assert error["kind"] == "network_error"
        return
    assert error["kind"] == "permission_error"
    assert "is private" in error["message"] and "hitl.allowed_private_hosts" in error["message"]
    assert outbox.row(request)["attempts"] == 1


def test_plain_http_needs_permission(outbox, server):
    request = outbox.put(server.plan("/x", [200]).replace("127.0.0.1", "localhost"))
    error = outbox.reply(request)["error"]
    assert error["kind"] == "permission_error" and "https" in error["message"]
    assert server.requests("/x") == []


def test_permission_follows_the_setting(outbox, server, cluster):
    url = server.plan("/x", [200])
    try:
        cluster.configure(hitl__allowed_private_hosts="other.example")
        cluster.reload()
        wait_until(lambda: outbox.reply(outbox.put(url)).get("error", {}).get("kind")
                   == "permission_error")
    finally:
        cluster.configure(hitl__allowed_private_hosts=SETTINGS["hitl__allowed_private_hosts"])
        cluster.reload()
    wait_until(lambda: outbox.reply(outbox.put(url)).get("status") == 200)


# Rows that change while they are sent

def test_cancelled_rows_are_not_sent(outbox, server):
    cancelled = outbox.put(server.plan("/c", [200]), status="cancelled")
    outbox.finished(outbox.put(server.plan("/x", [200])))
    assert outbox.row(cancelled)["status"] == "cancelled"
    assert server.requests("/c") == []


def test_cancelled_or_deleted_while_being_sent(outbox, server):
    url = server.plan("/slow", [{"delay": 0.3, "body": "late"}])
    cancelled, deleted, kept = (outbox.put(url) for _ in range(3))
    server.wait_for("/slow", 3)
    outbox.execute("UPDATE hitl.outbox SET status = 'cancelled' WHERE id = %s", [cancelled])
    outbox.execute("DELETE FROM hitl.outbox WHERE id = %s", [deleted])
    assert outbox.reply(kept)["body"] == "late"
    handled = outbox.cluster.worker("dispatcher")["handled"]
    assert outbox.row(cancelled)["status"] == "cancelled"
    assert outbox.row(cancelled)["response_body"] is None
    assert outbox.replies(cancelled) == []
    assert outbox.execute("SELECT count(*) FROM public.replies").fetchone() == (1,)
    assert handled >= 3


def test_locked_row_does_not_stop_the_others(outbox, server, cluster):
    url = server.plan("/l", [{"delay": 0.2}])
    locked = outbox.put(url)
    server.wait_for("/l")
    with cluster.connect(autocommit=False) as other:
        other.execute("SELECT FROM hitl.outbox WHERE id = %s FOR UPDATE", [locked])
        for _ in range(3):
            assert outbox.reply(outbox.put(url))["status"] == 200
        assert outbox.row(locked)["status"] == "sending"
    assert outbox.reply(locked)["status"] == 200
    assert outbox.row(locked)["attempts"] == 1


def test_locked_due_row_is_sent_when_it_is_free(outbox, server, cluster):
    url = server.plan("/l", [200])
    due, = outbox.execute("SELECT now() + interval '300 ms'").fetchone()
    locked = outbox.put(url, next_attempt_at=due)
    with cluster.connect(autocommit=False) as other:
        other.execute("SELECT FROM hitl.outbox WHERE id = %s FOR UPDATE", [locked])
        wait_until(lambda: outbox.now() > due)
        assert outbox.reply(outbox.put(url))["status"] == 200
        assert outbox.row(locked)["attempts"] == 0
    assert outbox.reply(locked)["status"] == 200


def test_result_that_cannot_be_recorded(outbox, server):
    url = server.plan("/p", [{"body": "fine"}])
    poison = uuid.uuid4()
    outbox.execute(f"""
        CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE 'no'; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON hitl.messages FOR EACH ROW
        WHEN (NEW.workflow_id = '{poison}' AND NEW.body ? 'status')
        EXECUTE FUNCTION public.refuse()""")
    try:
        with outbox.connection.transaction():
            requests = [outbox.put(url) for _ in range(20)]
            refused = outbox.put(url, workflow_id=poison)
            requests += [outbox.put(url) for _ in range(20)]
        error = outbox.reply(refused)["error"]
        assert error["kind"] == "system_error" and "P0001" in error["message"]
        for request in requests:
            assert outbox.reply(request)["body"] == "fine"
    finally:
        outbox.execute("DROP FUNCTION public.refuse() CASCADE")


def test_result_is_kept_until_it_can_be_recorded(outbox, server, cluster):
    url = server.plan("/k", [{"delay": 0.3, "body": "kept"}])
    request = outbox.put(url)
    server.wait_for("/k")
    errors = cluster.worker("dispatcher")["errors"]
    outbox.execute("ALTER TABLE hitl.outbox RENAME TO hidden")
    try:
        wait_until(lambda: cluster.worker("dispatcher")["errors"] > errors)
    finally:
        outbox.execute("ALTER TABLE hitl.hidden RENAME TO outbox")
    assert outbox.reply(request)["body"] == "kept"
    assert outbox.row(request)["attempts"] == 1
    assert len(server.requests("/k")) == 1


# The dispatcher's own life

def restarted(cluster, pid):
    """Wait until another dispatcher than this one runs."""
    return wait_until(lambda: (cluster.worker("dispatcher") or {}).get("pid") not in (None, pid))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_death_in_mid_request(outbox, server, cluster, number):
    url = server.plan("/d", [{"hang": True}, {"body": "again"}])
    request = outbox.put(url, retry=ONCE)
    server.wait_for("/d")
    pid = cluster.worker("dispatcher")["pid"]
    cluster.kill(pid, number)

    def answered():
        try:
            return outbox.replies(request)
        except psycopg.OperationalError:  # the crash of one ends all sessions
            return None
    assert wait_until(answered) == [{"token": 7, "status": 200, "body": "again"}]
    first, second = server.requests("/d")
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert outbox.row(request)["attempts"] == 2
    cluster.wait_for_workers()


def test_attempts_that_keep_getting_lost(outbox, server, cluster):
    request = outbox.put(server.plan("/d", [200]), retry=FAST, attempts=6)
    error = outbox.reply(request)["error"]
    assert error["kind"] == "system_error" and "6 times" in error["message"]
    assert server.requests("/d") == []


def test_shutdown_in_mid_request(outbox, server, cluster):
    url = server.plan("/d", [{"hang": True}, {"body": "again"}])
    request = outbox.put(url)
    server.wait_for("/d")
    cluster.restart()  # it gives up after a minute, the request only after two
    cluster.wait_for_workers()
    assert outbox.reply(request)["body"] == "again"


def test_drop_extension_in_mid_request(server, cluster):
    cluster.create_database("dropped")
    with cluster.connect("dropped") as connection:
        connection.execute(
            "INSERT INTO hitl.outbox (id, purpose, url, idempotency_key)"
            " VALUES (gen_random_uuid(), 'notification', %s, 'k')",
            [server.plan("/d", [{"hang": True}])])
        server.wait_for("/d")
        connection.execute("DROP EXTENSION hitl")
        connection.execute("CREATE EXTENSION hitl")
        connection.execute(
            "INSERT INTO hitl.outbox (id, purpose, url, idempotency_key)"
            " VALUES (gen_random_uuid(), 'notification', %s, 'k')",
            [server.plan("/e", [200])])
        server.wait_for("/e")
    cluster.sql("DROP DATABASE dropped", dbname="postgres")


def test_lease_that_ends(outbox, server):
    request = outbox.put(server.plan("/lease", [200]), status="sending", attempts=1)
    assert outbox.reply(request)["status"] == 200
    assert outbox.row(request)["attempts"] == 2


def test_limit_of_connections_and_memory(outbox, server, cluster):
    url = server.plan("/many", [{"hang": True}])
    try:
        cluster.configure(hitl__max_connections=8)
        cluster.reload()
        wait_until(lambda: cluster.value("SHOW hitl.max_connections") == "8")
        begun = cluster.worker("dispatcher")["pid"]
        outbox.execute(
            "INSERT INTO hitl.outbox (id, purpose, url, idempotency_key, body)"
            " SELECT gen_random_uuid(), 'notification', %s, i, repeat('x', 1000)"
            " FROM generate_series(1, 100000) i", [url])
        server.wait_for("/many", 4)  # of eight, two for the other purposes, two for other hosts
        extra = outbox.execute("SELECT hitl.retry_request(gen_random_uuid())").fetchone()
        assert extra == (False,)
        assert outbox.execute("SELECT count(*) FROM hitl.outbox WHERE status = 'sending'") \
            .fetchone() == (4,)
        with open(f"/proc/{begun}/status", encoding="ascii") as status:
            memory = dict(line.split(":", 1) for line in status)
        assert int(memory["RssAnon"].split()[0]) < 50_000
        assert server.connections == 4
    finally:
        outbox.clear()
        cluster.configure(hitl__max_connections=256)
        cluster.reload()
        # Those that hang would hold their places until they time out.
        pid = cluster.worker("dispatcher")["pid"]
        cluster.kill(pid, signal.SIGTERM)
        restarted(cluster, pid)
        cluster.wait_for_workers()


def test_connections_are_kept(outbox, server):
    url = server.plan("/k", [200])
    for _ in range(20):
        outbox.finished(outbox.put(url))
    assert len(server.requests("/k")) == 20
    assert server.connections == 1

    requests = []
    with outbox.connection.transaction():
        requests += [outbox.put(url) for _ in range(500)]
    for request in requests:
        assert outbox.finished(request)["status"] == "delivered"
    assert server.connections <= 256
    used = server.connections
    for _ in range(20):
        outbox.finished(outbox.put(url))
    assert server.connections == used


def test_kept_connection_that_the_server_closed(outbox, server):
    url = server.plan("/k", [{"close": True}])
    for _ in range(5):
        row = outbox.finished(outbox.put(url))
        assert (row["status"], row["attempts"]) == ("delivered", 1)


def test_each_is_sent_once(outbox, server):
    """Many writers, retries in between: every row ends, each success is one."""
    url = server.plan("/once", [200])
    outbox.execute(
        "INSERT INTO hitl.outbox (id, purpose, url, idempotency_key, workflow_id, token)"
        " SELECT gen_random_uuid(), 'inference', %s, i, gen_random_uuid(), i"
        " FROM generate_series(1, 3000) i", [url])
    wait_until(lambda: outbox.execute(
        "SELECT count(*) FROM hitl.outbox WHERE status = 'delivered'").fetchone() == (3000,))
    keys = [sent.headers["idempotency-key"] for sent in server.requests("/once")]
    assert len(keys) == len(set(keys)) == 3000
    assert outbox.execute("SELECT count(*), count(DISTINCT workflow_id) FROM public.replies") \
        .fetchone() == (3000, 3000)


def test_no_reply_is_lost_or_doubled(outbox, server, cluster):
    """A failing server, and a dispatcher that is ended again and again."""
    url = server.plan("/chaos", ([503, 200, {"raw": b""}, 200, {"delay": 0.05}] * 1000) + [200])
    outbox.execute(
        "INSERT INTO hitl.outbox (id, purpose, url, idempotency_key, workflow_id, token, retry)"
        " SELECT gen_random_uuid(), 'inference', %s, i, gen_random_uuid(), i, %s"
        " FROM generate_series(1, 2000) i",
        [url, Jsonb({**FAST, "max_attempts": 100})])
    for part in range(1, 6):
        wait_until(lambda: len(server.requests("/chaos")) > part * 300)
        pid = cluster.worker("dispatcher")["pid"]
        cluster.kill(pid, signal.SIGTERM)
        restarted(cluster, pid)
    wait_until(lambda: outbox.execute(
        "SELECT count(*) FROM hitl.outbox WHERE status = 'delivered'").fetchone() == (2000,),
        describe=lambda: outbox.execute(
            "SELECT status, error_message, count(*) FROM hitl.outbox GROUP BY 1, 2").fetchall())
    assert outbox.execute("SELECT count(*), count(DISTINCT workflow_id) FROM public.replies") \
        .fetchone() == (2000, 2000)
    cluster.wait_for_workers()


def test_hanging_models_do_not_stop_notifications(outbox, server, cluster):
    """Some connections are kept for each of the other purposes."""
    try:
        cluster.configure(hitl__max_connections=8)
        cluster.reload()
        wait_until(lambda: cluster.value("SHOW hitl.max_connections") == "8")
        hanging = [outbox.put(server.plan("/h", [{"hang": True}])) for _ in range(10)]
        server.wait_for("/h", 4)
        for purpose in ("notification", "http"):
            row = outbox.finished(outbox.put(server.plan("/n", [200]), purpose=purpose))
            assert row["status"] == "delivered"
        assert len(server.requests("/h")) == 4
        assert all(outbox.row(request)["attempts"] < 2 for request in hanging)
    finally:
        outbox.clear()
        cluster.configure(hitl__max_connections=256)
        cluster.reload()
        pid = cluster.worker("dispatcher")["pid"]
        cluster.kill(pid, signal.SIGTERM)
        restarted(cluster, pid)
        cluster.wait_for_workers()
