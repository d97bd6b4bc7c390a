"""Limits of hosts, fairness between hosts, priorities: by what servers see."""
import sys

import pytest
from harness import ROOT, wait_until
from psycopg.types.json import Jsonb

sys.path.insert(0, str(ROOT / "test/servers"))
from scripted_server import ScriptedServer  # noqa: E402

SETTINGS = {
    "hitl__allowed_private_hosts": "127.0.0.1",
    "hitl__max_connections": 64,
}


class CountingServer(ScriptedServer):
    """Knows how many requests it works on at once."""

    def __init__(self):
        super().__init__()
        self.busy = self.most = 0

    def answer(self, connection, request, answer):
        with self.lock:
            self.busy += 1
            self.most = max(self.most, self.busy)
        try:
            return super().answer(connection, request, answer)
        finally:
            with self.lock:
                self.busy -= 1

    @property
    def name(self):
        return f"127.0.0.1:{self.port}"


@pytest.fixture
def server():
    with CountingServer() as running:
        yield running


@pytest.fixture(autouse=True)
def clean(cluster):
    yield
    cluster.sql("TRUNCATE hitl.outbox, hitl.limits")


def put(cluster, url, count=1, purpose="http", priority=0, first=1):
    cluster.sql(
        "INSERT INTO hitl.outbox (id, purpose, url, idempotency_key, priority, retry)"
        " SELECT gen_random_uuid(), %s, %s, i, %s, %s FROM generate_series(%s::int, %s::int) i",
        [purpose, url, priority, Jsonb({"max_attempts": 1}), first, first + count - 1])


def delivered(cluster):
    return cluster.value("SELECT count(*) FROM hitl.outbox WHERE status = 'delivered'")


@pytest.mark.parametrize("limit", [1, 3])
def test_concurrency(cluster, server, limit):
    """One limit for all purposes together; it is made full use of."""
    cluster.sql("SELECT hitl.set_limit('host', %s, max_concurrency => %s)", [server.name, limit])
    url = server.plan("/c", [{"delay": 0.02}])
    for purpose in ("http", "inference", "notification"):
        put(cluster, url, 20, purpose)
    wait_until(lambda: delivered(cluster) == 60)
    assert server.most == limit
    assert cluster.worker("dispatcher")["errors"] == 0


def test_limit_that_changes(cluster, server):
    """A new limit holds from then on; without one, everything goes at once."""
    url = server.plan("/c", [{"delay": 0.1}])
    cluster.sql("SELECT hitl.set_limit('host', %s, max_concurrency => 1)", [server.name])
    put(cluster, url, 40)
    server.wait_for("/c", 3)
    assert server.most == 1
    cluster.sql("SELECT hitl.set_limit('host', %s, max_concurrency => 5)", [server.name])
    server.wait_for("/c", 15)
    assert 1 < server.most <= 5
    cluster.sql("SELECT hitl.drop_limit('host', %s)", [server.name])
    wait_until(lambda: delivered(cluster) == 40)
    assert server.most > 5


def test_limit_of_all_that_have_none(cluster, server):
    with CountingServer() as other:
        cluster.sql("SELECT hitl.set_limit('host', '*', max_concurrency => 2)")
        cluster.sql("SELECT hitl.set_limit('host', %s, max_concurrency => 4)", [other.name])
        put(cluster, server.plan("/a", [{"delay": 0.02}]), 30)
        put(cluster, other.plan("/a", [{"delay": 0.02}]), 60)
        wait_until(lambda: delivered(cluster) == 90)
        assert (server.most, other.most) == (2, 4)


def test_rate(cluster, server):
    """No period has more than the limit, whenever it begins; and the rest is not lost."""
    cluster.sql("SELECT hitl.set_limit('host', %s, max_rate => 5, per => '2 s')", [server.name])
    put(cluster, server.plan("/r", [200]), 17)
    wait_until(lambda: delivered(cluster) == 17)
    at = sorted(request.at for request in server.requests("/r"))
    # A request may be under way for longer than the next one.
    assert all(later - earlier > 1 for earlier, later in zip(at, at[5:]))


def test_rate_is_made_full_use_of(cluster, server):
    """As many as may go do so, though no more will for a long time."""
    put(cluster, server.plan("/r", [200]), 3)
    wait_until(lambda: delivered(cluster) == 3)
    cluster.sql("SELECT hitl.set_limit('host', %s, max_rate => 5, per => '1 hour')", [server.name])
    put(cluster, server.url("/r"), 10)
    wait_until(lambda: delivered(cluster) == 8)
    cluster.sql("SELECT hitl.set_limit('host', %s, max_rate => 7, per => '1 hour')", [server.name])
    wait_until(lambda: delivered(cluster) == 10)
    assert len(server.requests("/r")) == 10
    cluster.sql("SELECT hitl.drop_limit('host', %s)", [server.name])
    wait_until(lambda: delivered(cluster) == 13)


def test_limited_hosts_do_not_hold_up_others(cluster, server):
    cluster.sql("SELECT hitl.set_limit('host', %s, max_concurrency => 1)", [server.name])
    put(cluster, server.plan("/slow", [{"hang": True}]), 5000)
    server.wait_for("/slow")
    with ScriptedServer() as other:
        put(cluster, other.plan("/good", [200]), 500)
        wait_until(lambda: delivered(cluster) == 500)
    assert len(server.requests("/slow")) == 1


def test_hanging_hosts_leave_room(cluster):
    """Without limits: host after host hangs, and still the next one gets its turn."""
    hanging = [ScriptedServer() for _ in range(3)]
    with hanging[0], hanging[1], hanging[2], ScriptedServer() as other:
        for one in hanging:
            put(cluster, one.plan("/h", [{"hang": True}]), 500)
            one.wait_for("/h")
        put(cluster, other.plan("/good", [200]), 100)
        wait_until(lambda: delivered(cluster) == 100)
        counts = [len(one.requests("/h")) for one in hanging]
        assert counts == sorted(counts, reverse=True) and sum(counts) < 64
        cluster.sql("DELETE FROM hitl.outbox")
        pid = cluster.worker("dispatcher")["pid"]
        cluster.sql("SELECT pg_terminate_backend(%s)", [pid])
        cluster.wait_for_workers(besides={pid})


def test_hosts_share(cluster):
    """Two hosts with long queues are served alike, though one queued before the other."""
    answer = {"delay": 0.01}
    with ScriptedServer() as early, ScriptedServer() as late:
        put(cluster, early.plan("/s", [answer]), 3000)
        early.wait_for("/s", 100)
        put(cluster, late.plan("/s", [answer]), 1000)
        late.wait_for("/s", 1000)
        assert len(early.requests("/s")) < 3000
        wait_until(lambda: delivered(cluster) == 4000)


def test_priorities(cluster, server):
    """Ten seconds a level: the urgent goes first, and what is old enough goes before it.

    All of it comes at once, to a host that had nothing: so no look was behind it already.
    """
    cluster.sql("SELECT hitl.set_limit('host', %s, max_concurrency => 1)", [server.name])
    cluster.sql(
        "INSERT INTO hitl.outbox (id, purpose, url, idempotency_key, priority, next_attempt_at)"
        " SELECT gen_random_uuid(), 'http', %s, 10 * level + i, level,"
        " now() - CASE 10 * level + i WHEN 0 THEN interval '40 s' ELSE '0' END"
        " FROM unnest('{0, 3, 9, 5}'::int[]) AS level, generate_series(0, 2) AS i",
        [server.plan("/p", [200])])
    wait_until(lambda: delivered(cluster) == 12)
    order = [int(sent.headers["idempotency-key"]) for sent in server.requests("/p")]
    assert order[:6] == [90, 91, 92, 50, 51, 52]
    assert order[6] == 0 and order[7:10] == [30, 31, 32] and order[10:] == [1, 2]


def test_priority_under_load(cluster, server):
    """A long queue of the ordinary does not keep the urgent waiting: a sweep finds it."""
    cluster.sql("SELECT hitl.set_limit('host', %s, max_concurrency => 2)", [server.name])
    put(cluster, server.plan("/o", [{"delay": 0.005}]), 3000)
    server.wait_for("/o", 20)
    put(cluster, server.plan("/urgent", [200]), 5, priority=9)
    server.wait_for("/urgent", 5)
    assert len(server.requests("/o")) < 2500


def test_many_hosts(cluster):
    """As many hosts as requests, by their ports; those that refuse do not hold up one that answers."""
    cluster.sql(
        "INSERT INTO hitl.outbox (id, purpose, url, idempotency_key, retry)"
        " SELECT gen_random_uuid(), 'notification', 'http://127.0.0.1:' || i, i, %s"
        " FROM generate_series(1, 3000) i", [Jsonb({"max_attempts": 1})])
    with ScriptedServer() as server:
        put(cluster, server.plan("/good", [200]), 50, "notification")
        wait_until(lambda: delivered(cluster) >= 50)
    wait_until(lambda: cluster.value(
        "SELECT count(*) FROM hitl.outbox WHERE status IN ('queued', 'sending')") == 0)
