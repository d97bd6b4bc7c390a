"""Limits of templates: so many at once, so many in a time; the others wait their turn."""
import time

import pytest
from harness import wait_until

SETTINGS = {"hitl__engine_workers": 2}
WAITS = '{"steps": [{"name": "go", "type": "signal", "signal": "go"}]}'
QUICK = '{"steps": [{"name": "do", "type": "task", "task": "x"}]}'


@pytest.fixture(scope="module", autouse=True)
def ground(cluster):
    cluster.psql(f"""
        SELECT hitl.create_model('echo', provider => 'builtin', is_default => true);
        SELECT hitl.create_template('waits', definition => '{WAITS}');
        SELECT hitl.create_template('quick', definition => '{QUICK}');""")


@pytest.fixture
def client(cluster):
    """A session; afterwards nothing is limited, and nothing is left."""
    with cluster.connect() as connection:
        yield connection
    cluster.sql("SELECT hitl.drop_limit(kind, name) FROM hitl.limits")
    cluster.sql("SELECT hitl.cancel_workflow(id) FROM hitl.workflows WHERE finished_at IS NULL")
    wait_until(lambda: cluster.value("SELECT count(*) FROM hitl.template_starts") == 0,
               describe=lambda: cluster.sql("SELECT * FROM hitl.template_starts"))
    wait_until(lambda: cluster.value("SELECT count(*) FROM hitl.messages WHERE due_at <= now()") == 0)
    cluster.wait_for_workers(engines=2)


def start(client, template, count=1, **named):
    extra = "".join(f", {name} => {value}" for name, value in named.items())
    return [row[0] for row in client.execute(
        f"SELECT hitl.start_template(%s{extra}) FROM generate_series(1, %s)", [template, count])]


def counts(cluster, ids):
    return {row["status"]: row["n"] for row in cluster.sql(
        "SELECT status, count(*) AS n FROM hitl.workflows WHERE id = ANY (%s) GROUP BY 1", [ids])}


def until(cluster, ids, **expected):
    wait_until(lambda: counts(cluster, ids) == expected, describe=lambda: counts(cluster, ids))


def quiet(cluster):
    """Wait until the engines have nothing to do."""
    wait_until(lambda: cluster.value("SELECT count(*) FROM hitl.messages WHERE due_at <= now()") == 0)
    cluster.wait_for_workers(engines=2)


def test_so_many_at_once(cluster, client):
    client.execute("SELECT hitl.set_limit('template', 'waits', max_concurrency => 3)")
    ids = start(client, "waits", 10)
    until(cluster, ids, waiting=3, pending=7)
    quiet(cluster)
    assert counts(cluster, ids) == {"waiting": 3, "pending": 7}
    assert cluster.sql("SELECT running, waiting FROM hitl.template_loads") == [
        {"running": 3, "waiting": 7}]
    # one ends by itself, one is cancelled, one that waits is cancelled: two begin
    running = [row["id"] for row in cluster.sql(
        "SELECT id FROM hitl.workflows WHERE status = 'waiting' AND id = ANY (%s)", [ids])]
    client.execute("SELECT hitl.send_signal(%s, 'go')", [running[0]])
    client.execute("SELECT hitl.cancel_workflow(%s)", [running[1]])
    pending = cluster.value("SELECT id FROM hitl.workflows WHERE status = 'pending'"
                            " AND id = ANY (%s)", [ids])
    client.execute("SELECT hitl.cancel_workflow(%s)", [pending])
    wait_until(lambda: counts(cluster, ids).get("waiting") == 3
               and counts(cluster, ids).get("completed") == 1
               and counts(cluster, ids).get("cancelled") == 2
               and counts(cluster, ids).get("pending") == 4,
               describe=lambda: counts(cluster, ids))
    # a higher limit has more begin at once, none all
    client.execute("SELECT hitl.set_limit('template', 'waits', max_concurrency => 5)")
    until(cluster, ids, waiting=5, pending=2, completed=1, cancelled=2)
    client.execute("SELECT hitl.drop_limit('template', 'waits')")
    until(cluster, ids, waiting=7, completed=1, cancelled=2)
    assert cluster.value("SELECT count(*) FROM hitl.template_starts") == 0


def test_never_more_than_so_many(cluster, client):
    """Two engines, hundreds of quick ones: what was under way at once is counted afterwards."""
    client.execute("SELECT hitl.set_limit('template', '*', max_concurrency => 4)")
    ids = start(client, "quick", 300)
    until(cluster, ids, completed=300)
    most = cluster.value("""
        WITH edge AS (
            SELECT started_at AS at, 1 AS change FROM hitl.workflows WHERE id = ANY (%(ids)s)
            UNION ALL SELECT finished_at, -1 FROM hitl.workflows WHERE id = ANY (%(ids)s))
        SELECT max(n) FROM (SELECT sum(change) OVER (ORDER BY at, change) AS n FROM edge) s""",
                         {"ids": ids})
    assert 0 <= most <= 4


def test_so_many_in_a_time(cluster, client):
    client.execute("SELECT hitl.set_limit('template', 'quick', max_rate => 5, per => '2 seconds')")
    began = time.monotonic()
    ids = start(client, "quick", 13)
    until(cluster, ids, completed=13)
    assert time.monotonic() - began >= 4
    most = cluster.value("""
        SELECT max(n) FROM (
            SELECT count(*) OVER (ORDER BY s.started_at
                                  RANGE BETWEEN '1 second' PRECEDING AND CURRENT ROW) AS n
            FROM hitl.workflows w JOIN LATERAL (SELECT w.started_at) s ON true
            WHERE w.id = ANY (%s)) c""", [ids])
    assert most <= 5  # in less than the period: to be let begin is not yet to begin
    # nobody polls: there is at most one message that looks again
    assert cluster.value("SELECT count(*) FROM hitl.messages WHERE kind = 'admit'") <= 1


def test_priorities_come_first(cluster, client):
    client.execute("SELECT hitl.set_limit('template', 'waits', max_concurrency => 1)")
    first, = start(client, "waits")
    until(cluster, [first], waiting=1)
    low, = start(client, "waits")
    quiet(cluster)
    later, = start(client, "waits")
    quiet(cluster)
    high, = start(client, "waits", priority=5)
    quiet(cluster)
    client.execute("SELECT hitl.send_signal(%s, 'go')", [first])
    until(cluster, [high], waiting=1)
    assert counts(cluster, [low, later]) == {"pending": 2}
    # and among equals who came first
    client.execute("SELECT hitl.send_signal(%s, 'go')", [high])
    until(cluster, [low], waiting=1)
    assert counts(cluster, [later]) == {"pending": 1}


def test_a_rolled_back_one_gives_its_place_up(cluster, client):
    client.execute("SELECT hitl.set_limit('template', 'waits', max_concurrency => 1)")
    first, = start(client, "waits")
    until(cluster, [first], waiting=1)
    client.execute("SELECT hitl.create_checkpoint(%s, 'here')", [first])
    second, = start(client, "waits")
    quiet(cluster)
    assert counts(cluster, [second]) == {"pending": 1}
    client.execute("SELECT hitl.rollback_workflow(%s, 'here')", [first])
    until(cluster, [second], waiting=1)
    # and waits for its turn again
    client.execute("SELECT hitl.execute_workflow(%s)", [first])
    quiet(cluster)
    assert counts(cluster, [first]) == {"pending": 1}
    client.execute("SELECT hitl.send_signal(%s, 'go')", [second])
    until(cluster, [first], waiting=1)


def test_it_survives_a_crash_and_a_recount(cluster):
    cluster.sql("SELECT hitl.set_limit('template', 'quick', max_concurrency => 2)")
    try:
        with cluster.connect() as client:
            ids = start(client, "quick", 200)
        cluster.immediate()
        cluster.start()
        cluster.wait_for_workers(engines=2)
        until(cluster, ids, completed=200)
        wait_until(lambda: cluster.value("SELECT count(*) FROM hitl.template_starts"
                                         " WHERE state = 'running'") == 0)
        # somebody meddles
        with cluster.connect() as client:
            client.execute("INSERT INTO hitl.template_starts (workflow_id, template, state, rank, started_at)"
                           " SELECT id, 'quick', 'running', now(), now() FROM hitl.workflows"
                           " WHERE id = ANY (%s) LIMIT 2 ON CONFLICT (workflow_id)"
                           " DO UPDATE SET state = 'running'", [ids])
            late, = start(client, "quick")
            quiet(cluster)
            assert counts(cluster, [late]) == {"pending": 1}
            assert client.execute("SELECT hitl.recount_template_starts()").fetchone()[0] == 2
            until(cluster, [late], completed=1)
    finally:
        cluster.sql("SELECT hitl.drop_limit(kind, name) FROM hitl.limits")
