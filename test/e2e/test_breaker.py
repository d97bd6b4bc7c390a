"""Circuit breakers: the transitions by themselves, then hosts that fail and come back."""
import ctypes
import subprocess
import sys
from contextlib import contextmanager

import pytest
from harness import ROOT, wait_until
from psycopg import errors
from psycopg.types.json import Jsonb

sys.path.insert(0, str(ROOT / "test/servers"))
from scripted_server import ScriptedServer  # noqa: E402

COOLDOWN = 1.0
SETTINGS = {
    "hitl__allowed_private_hosts": "127.0.0.1, nowhere.invalid",
    "hitl__breaker_threshold": 3,
    "hitl__breaker_cooldown": f"{COOLDOWN} s",
}
# Far more attempts than the breaker lets happen.
OFTEN = {"max_attempts": 100, "policy": "fixed", "base_delay": 0.05, "jitter": 0}
ONCE = {"max_attempts": 1}


# The transitions

class Breaker(ctypes.Structure):
    _fields_ = [("failures", ctypes.c_int), ("open", ctypes.c_bool), ("trial", ctypes.c_bool),
                ("cooldown", ctypes.c_int64), ("opened_at", ctypes.c_int64),
                ("next_trial_at", ctypes.c_int64)]


class Terms(ctypes.Structure):
    _fields_ = [("threshold", ctypes.c_int), ("cooldown", ctypes.c_int64),
                ("max_cooldown", ctypes.c_int64)]


NEUTRAL, SUCCESS, FAILURE = 0, 1, 2
NEVER = 2 ** 63 - 1


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    path = tmp_path_factory.mktemp("breaker") / "breaker.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror",
                    "-fsanitize=undefined", "-fno-sanitize-recover", f"-I{ROOT}/src",
                    "-o", path, ROOT / "src/worker/breaker.c"], check=True)
    loaded = ctypes.CDLL(str(path))
    for name in ("breaker_send", "breaker_end"):
        getattr(loaded, name).restype = ctypes.c_bool
    return loaded


class Driven:
    """A breaker, driven by hand."""

    def __init__(self, library, threshold=3, cooldown=100, max_cooldown=350):
        self.library = library
        self.state = Breaker()
        self.terms = Terms(threshold, cooldown, max_cooldown)

    def allows(self, now):
        ready = ctypes.c_int64(0)
        return self.library.breaker_allows(ctypes.byref(self.state), ctypes.byref(self.terms),
                                           ctypes.c_int64(now), ctypes.byref(ready)), ready.value

    def send(self, now):
        return self.library.breaker_send(ctypes.byref(self.state), ctypes.byref(self.terms),
                                         ctypes.c_int64(now))

    def end(self, now, outcome, trial=False):
        return self.library.breaker_end(ctypes.byref(self.state), ctypes.byref(self.terms),
                                        ctypes.c_int64(now), trial, outcome)


def test_opens_after_failures_in_a_row(library):
    breaker = Driven(library)
    for outcome in (FAILURE, FAILURE, SUCCESS, FAILURE, NEUTRAL, FAILURE):
        assert breaker.end(10, outcome) is False
        assert breaker.allows(10) == (-1, 0)
    assert breaker.end(10, FAILURE) is True
    assert breaker.allows(10) == (0, 110)
    assert breaker.allows(109) == (0, 110)
    assert breaker.allows(110) == (1, 0)


def test_what_was_sent_before_does_not_count(library):
    breaker = Driven(library)
    for _ in range(3):
        breaker.end(0, FAILURE)
    for outcome in (FAILURE, SUCCESS, NEUTRAL):
        assert breaker.end(50, outcome) is False
        assert breaker.allows(50) == (0, 100)
    assert breaker.send(50) is False and breaker.send(100) is True
    # Under way, the trial is the only one; another's success closes nothing.
    assert breaker.allows(100) == (0, NEVER) and breaker.send(100) is False
    assert breaker.end(120, SUCCESS) is False
    assert breaker.allows(120) == (0, NEVER)


def test_trials(library):
    breaker = Driven(library)
    for _ in range(3):
        breaker.end(0, FAILURE)
    assert breaker.send(100) is True
    assert breaker.end(130, NEUTRAL, trial=True) is False  # told nothing: another may try
    assert breaker.allows(130) == (1, 0)
    now, cooldowns = 130, []
    for _ in range(4):
        assert breaker.send(now) is True
        assert breaker.end(now, FAILURE, trial=True) is True
        cooldowns.append(breaker.allows(now)[1] - now)
        now += cooldowns[-1]
    assert cooldowns == [200, 350, 350, 350]
    assert breaker.state.opened_at == 0
    assert breaker.send(now) is True
    assert breaker.end(now, SUCCESS, trial=True) is True
    assert breaker.allows(now) == (-1, 0) and breaker.state.failures == 0
    for _ in range(3):
        breaker.end(now, FAILURE)
    assert breaker.allows(now) == (0, now + 100)  # begins anew


def test_switched_off(library):
    breaker = Driven(library, threshold=0)
    for _ in range(1000):
        assert breaker.end(0, FAILURE) is False
    assert breaker.allows(0) == (-1, 0)
    breaker = Driven(library)
    for _ in range(3):
        breaker.end(0, FAILURE)
    breaker.terms.threshold = 0
    assert breaker.allows(1) == (-1, 0) and breaker.send(1) is False
    assert breaker.end(2, FAILURE) is False and breaker.state.open
    assert breaker.end(2, SUCCESS) is True and not breaker.state.open


# The dispatcher

@pytest.fixture
def server():
    with ScriptedServer() as running:
        yield running


@pytest.fixture(autouse=True)
def clean(request):
    yield
    if "cluster" in request.fixturenames:
        cluster = request.getfixturevalue("cluster")
        cluster.sql("DELETE FROM hitl.outbox")
        cluster.sql("DELETE FROM hitl.breakers")


def put(cluster, url, count=1, purpose="http", retry=None):
    cluster.sql(
        "INSERT INTO hitl.outbox (id, purpose, url, idempotency_key, workflow_id, token, retry)"
        " SELECT gen_random_uuid(), %s, %s, i, gen_random_uuid(), i, %s"
        " FROM generate_series(1, %s) i", [purpose, url, Jsonb(retry or OFTEN), count])


def breaker_of(cluster, server):
    rows = cluster.sql("SELECT * FROM hitl.circuit_breakers WHERE host = %s",
                       [server.url("").rstrip("/")])
    return rows[0] if rows else None


def until_state(cluster, server, *states):
    def reached():
        row = breaker_of(cluster, server)
        return row if row and row["state"] in states else None
    return wait_until(reached, describe=lambda: breaker_of(cluster, server))


@contextmanager
def long_cooldown(cluster):
    """Hosts that fail are left alone for longer than any test lasts."""
    cluster.configure(hitl__breaker_cooldown="10 min")
    cluster.reload()
    try:
        wait_until(lambda: cluster.value("SHOW hitl.breaker_cooldown") == "10min")
        yield
    finally:
        cluster.configure(hitl__breaker_cooldown=SETTINGS["hitl__breaker_cooldown"])
        cluster.reload()


def counts(cluster):
    return {row["status"]: row["count"] for row in cluster.sql(
        "SELECT status, count(*) FROM hitl.outbox GROUP BY status")}


def test_opens_waits_tries_and_closes(cluster, server):
    url = server.plan("/b", [503] * 5 + [200])
    put(cluster, url)
    row = until_state(cluster, server, "open")
    assert row["failures"] >= 3 and "status 503" in row["error_message"]
    assert row["waiting_requests"] == 1
    put(cluster, url, 20)
    assert breaker_of(cluster, server)["waiting_requests"] == 21
    row = until_state(cluster, server, "closed")
    wait_until(lambda: counts(cluster) == {"delivered": 21})
    sent = server.requests("/b")
    # Three failures; two trials that fail, one that succeeds; then all the others.
    assert len(sent) == 5 + 21
    gaps = [later.at - earlier.at for earlier, later in zip(sent[2:6], sent[3:6])]
    assert gaps[0] >= COOLDOWN - 0.05 and gaps[1] >= 2 * COOLDOWN - 0.05
    assert gaps[2] >= 4 * COOLDOWN - 0.05
    # Those that waited did so without an attempt.
    assert cluster.value("SELECT sum(attempts) FROM hitl.outbox") == len(sent)
    assert row["waiting_requests"] == 0
    assert cluster.worker("dispatcher")["errors"] == 0


@pytest.mark.parametrize("answer", [{"raw": b""}, {"hang": True}, 500])
def test_what_counts_as_failure(cluster, server, answer):
    url = server.plan("/f", [answer])
    cluster.sql(
        "INSERT INTO hitl.outbox (id, purpose, url, idempotency_key, retry, timeout_seconds)"
        " SELECT gen_random_uuid(), 'inference', %s, i, %s, 1 FROM generate_series(1, 3) i",
        [url, Jsonb(ONCE)])
    until_state(cluster, server, "open", "half_open")


@pytest.mark.parametrize("answer", [404, 429, 301, {"body": b"\xff"}])
def test_what_does_not(cluster, server, answer):
    put(cluster, server.plan("/f", [answer]), 10, retry=ONCE)
    wait_until(lambda: counts(cluster) == {"failed": 10})
    assert breaker_of(cluster, server) is None


def test_expected_status_is_no_failure(cluster, server):
    cluster.sql(
        "INSERT INTO hitl.outbox (id, purpose, url, idempotency_key, expect)"
        " SELECT gen_random_uuid(), 'http', %s, i, '{503}' FROM generate_series(1, 10) i",
        [server.plan("/f", [503])])
    wait_until(lambda: counts(cluster) == {"delivered": 10})
    assert breaker_of(cluster, server) is None


def test_unknown_name(cluster):
    put(cluster, "http://nowhere.invalid/", 4, retry=ONCE)
    wait_until(lambda: cluster.sql("SELECT 1 FROM hitl.circuit_breakers"
                                   " WHERE host = 'http://nowhere.invalid' AND state <> 'closed'"))


def test_other_hosts_go_on(cluster, server):
    put(cluster, server.plan("/b", [500]), 300)
    until_state(cluster, server, "open")
    with ScriptedServer() as other:
        put(cluster, other.plan("/good", [200]), 300)
        wait_until(lambda: counts(cluster).get("delivered") == 300)
    assert until_state(cluster, server, "open", "half_open")["waiting_requests"] == 300


def test_waiting_costs_nothing(cluster, server):
    """While a host is left alone, no row of it is written, and the dispatcher sleeps."""
    with long_cooldown(cluster):
        put(cluster, server.plan("/b", [500]), 5000)
        row = until_state(cluster, server, "open")
        assert (row["next_trial_at"] - row["opened_at"]).total_seconds() == 600
        wait_until(lambda: "sending" not in counts(cluster))
        before = cluster.value("SELECT sum(xmin::text::bigint) FROM hitl.outbox")
        wait_until(lambda: cluster.value(
            "SELECT state = 'idle' AND state_since < clock_timestamp() - interval '2 s'"
            " FROM hitl.workers WHERE kind = 'dispatcher'"))
        assert cluster.value("SELECT sum(xmin::text::bigint) FROM hitl.outbox") == before
        assert cluster.value("SELECT hitl.reset_circuit_breaker(%s)", [f"127.0.0.1:{server.port}"])
        server.plan("/b", [200])
        wait_until(lambda: counts(cluster) == {"delivered": 5000})


def test_reset(cluster, server):
    with long_cooldown(cluster):
        put(cluster, server.plan("/b", [500, 500, 500, 200]))
        until_state(cluster, server, "open")
        assert cluster.value("SELECT hitl.reset_circuit_breaker(%s)", [server.url("/any")]) is True
        wait_until(lambda: counts(cluster) == {"delivered": 1})
    assert breaker_of(cluster, server)["state"] == "closed"
    assert cluster.value("SELECT hitl.reset_circuit_breaker(%s)", [server.url("")]) is False
    assert cluster.value("SELECT hitl.reset_circuit_breaker('nobody.example')") is False
    with pytest.raises(errors.NullValueNotAllowed):
        cluster.value("SELECT hitl.reset_circuit_breaker(NULL)")


def test_who_may_see_and_reset(cluster):
    cluster.sql("CREATE ROLE looker LOGIN")
    try:
        cluster.sql("SELECT hitl.grant_access('looker', 'viewer')")
        with cluster.connect(user="looker") as looker:
            looker.execute("SELECT * FROM hitl.circuit_breakers, hitl.limits")
            for query in ("SELECT hitl.reset_circuit_breaker('x')", "SELECT * FROM hitl.breakers",
                          "SELECT hitl.set_limit('host', 'x', 1)"):
                with pytest.raises(errors.InsufficientPrivilege):
                    looker.execute(query)
    finally:
        cluster.sql("DROP OWNED BY looker")
        cluster.sql("DROP ROLE looker")


def test_survives_the_dispatcher(cluster, server):
    put(cluster, server.plan("/b", [500]), 10)
    before = until_state(cluster, server, "open")
    seen = len(server.requests("/b"))
    pid = cluster.worker("dispatcher")["pid"]
    cluster.sql("SELECT pg_terminate_backend(%s)", [pid])
    cluster.wait_for_workers(besides={pid})
    sent = len(server.requests("/b"))
    after = until_state(cluster, server, "open", "half_open")
    if after["next_trial_at"] == before["next_trial_at"]:
        assert sent <= seen + 1
    # One trial at a time, twice as long apart as the one before.
    wait_until(lambda: breaker_of(cluster, server)["failures"] >= 4)
    assert cluster.value("SELECT cooldown FROM hitl.breakers").total_seconds() >= 2 * COOLDOWN
    server.plan("/b", [200])
    wait_until(lambda: counts(cluster) == {"delivered": 10})


def test_locked_breaker_stops_nobody(cluster, server):
    """Somebody who forgets his transaction: requests are sent and recorded all the same."""
    put(cluster, server.plan("/b", [500]), 3, retry=ONCE)
    until_state(cluster, server, "open", "half_open")
    with cluster.connect(autocommit=False) as other:
        other.execute("SELECT FROM hitl.breakers FOR UPDATE")
        put(cluster, server.plan("/b", [200]))
        wait_until(lambda: counts(cluster).get("delivered") == 1)
        put(cluster, server.plan("/c", [200]), 5)
        wait_until(lambda: counts(cluster).get("delivered") == 6)
        assert breaker_of(cluster, server)["state"] != "closed"
    put(cluster, server.plan("/d", [200]))
    until_state(cluster, server, "closed")
    assert cluster.worker("dispatcher")["errors"] == 0


def test_server_that_comes_back_is_not_stormed_before(cluster):
    """The port is closed; requests pile up; the server starts: one trial, then everything."""
    with ScriptedServer() as server:
        port = server.port
    url = f"http://127.0.0.1:{port}/back"
    put(cluster, url, 500)
    wait_until(lambda: cluster.sql("SELECT 1 FROM hitl.circuit_breakers WHERE host = %s"
                                   " AND state <> 'closed'", [f"http://127.0.0.1:{port}"]))
    wait_until(lambda: "sending" not in counts(cluster))
    attempts = cluster.value("SELECT sum(attempts) FROM hitl.outbox")
    assert attempts < 500
    server = ScriptedServer(port=port)
    server.plan("/back", [{"delay": 0.5}])
    with server:
        wait_until(lambda: counts(cluster) == {"delivered": 500})
        first, second = server.requests("/back")[:2]
        assert second.at - first.at >= 0.5


# Models with fallbacks

def test_fallbacks_do_not_wait(cluster):
    """Tasks of a model whose host is left alone go to its fallback; now and then one is the trial."""
    with ScriptedServer() as down, ScriptedServer() as up:
        answer = {"body": '{"choices": [{"message": {"content": "Here."}}]}'}
        first = down.plan("/a/chat/completions", [503]).removesuffix("/chat/completions")
        second = up.plan("/b/chat/completions", [answer]).removesuffix("/chat/completions")
        cluster.sql("SELECT hitl.create_model('up', base_url => %s, model => 'm'),"
                    " hitl.create_model('lonely', base_url => %s, model => 'm')", [second, first])
        cluster.sql("SELECT hitl.create_model('down', base_url => %s, model => 'm', fallbacks => '{up}')", [first])

        def start(model, count=1, base_delay="1 hour"):
            return cluster.value(
                "SELECT array_agg(w) FROM (SELECT hitl.execute_workflow(hitl.create_workflow('f', priority => 3,"
                " workflow_definition => %s)) AS w FROM generate_series(1, %s)) AS s", [
                    Jsonb({"steps": [{"name": "a", "type": "task", "task": "t", "model": model,
                                      "retry": {"max_attempts": 100, "base_delay": base_delay}}]}), count])

        def count(model, status):
            return cluster.value("SELECT count(*) FROM hitl.outbox WHERE model = %s AND status = %s", [model, status])

        def described():
            return cluster.sql("SELECT model, status, count(*), max(error_message) FROM hitl.outbox GROUP BY 1, 2")

        # Those that have failed once, and wait for an hour, go on when the breaker opens.
        start("down", 10)
        wait_until(lambda: count("up", "delivered") == 10, describe=described)
        assert cluster.value("SELECT bool_or(error_message LIKE 'the circuit breaker of http://127.0.0.1:%% is open')"
                             " FROM hitl.outbox WHERE model = 'down'")
        # Later ones do so at once, and what has no fallback waits.
        start("lonely", base_delay="50 ms")
        start("down", 5)
        wait_until(lambda: count("up", "delivered") == 15, describe=described)
        assert count("lonely", "delivered") == 0 and count("down", "failed") == 15
        # It is the trial that finds out that the host is back.
        down.plan("/a/chat/completions", [answer])
        wait_until(lambda: count("lonely", "delivered") == 1, describe=described)
        start("down")
        wait_until(lambda: count("down", "delivered") == 1, describe=described)
        wait_until(lambda: cluster.value("SELECT count(*) FROM hitl.workflows WHERE status = 'completed'") == 17)
    cluster.psql("DELETE FROM hitl.workflows; DELETE FROM hitl.outbox; DELETE FROM hitl.models")
