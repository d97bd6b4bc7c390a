"""Retention: the engine removes what ended long ago, and nothing else; at rest it sleeps."""
import time

import psycopg
import pytest
from harness import wait_until
from trail import broken_chains

SETTINGS = {"hitl__retention": "1s", "log_statement": "none"}
TASK = '{"steps": [{"name": "do", "type": "task", "task": "x"}]}'
ASK = ('{"steps": [{"name": "point", "type": "checkpoint"},'
       ' {"name": "ask", "type": "approval", "title": "Go?", "requested_from": "ann"}]}')


@pytest.fixture(scope="module", autouse=True)
def model(cluster):
    cluster.sql("SELECT hitl.create_model('echo', provider => 'builtin', is_default => true)")


@pytest.fixture
def client(cluster):
    with cluster.connect() as connection:
        yield connection
    cluster.sql("SELECT hitl.transition_workflow_status(id, 'cancelled')"
                " FROM hitl.workflows WHERE finished_at IS NULL")
    cluster.sql("SELECT hitl.cancel_approval(id) FROM hitl.approval_requests"
                " WHERE status = 'pending'")
    until_empty(cluster)
    with cluster.connect() as connection:
        assert broken_chains(connection) == []


def start(client, definition, count=1):
    return [row[0] for row in client.execute(
        "SELECT hitl.execute_workflow(hitl.create_workflow('x', workflow_definition => %s))"
        " FROM generate_series(1, %s)", [definition, count])]


def left(cluster):
    """The number of rows in each table of what workflows leave."""
    return {table: cluster.value(f"SELECT count(*) FROM hitl.{table}") for table in (
        "workflows", "workflow_events", "workflow_checkpoints", "workflow_branches", "messages",
        "approval_requests", "approval_responses", "outbox")}


def until_empty(cluster):
    wait_until(lambda: not any(left(cluster).values()), describe=lambda: left(cluster))


def test_all_is_removed(cluster, client):
    purged = cluster.value("SELECT coalesce(sum(workflows), 0) FROM hitl.purges")
    start(client, TASK, 2000)
    asking = start(client, ASK, 5)
    alone = client.execute("SELECT hitl.request_approval('Alone?')").fetchone()[0]
    wait_until(lambda: client.execute("SELECT count(*) FROM hitl.workflows WHERE id = ANY (%s)"
                                      " AND status = 'waiting_approval'", [asking]).fetchone()[0] == 5)
    wait_until(lambda: client.execute("SELECT count(*) FROM hitl.workflows").fetchone()[0] == 5,
               describe=lambda: left(cluster))
    # what waits is left alone; what ends then goes, too
    client.execute("SELECT hitl.respond_to_approval(id, 'ann', 'approved')"
                   " FROM hitl.approval_requests WHERE workflow_id = ANY (%s)", [asking])
    client.execute("SELECT hitl.respond_to_approval(%s, current_user, 'rejected')", [alone])
    until_empty(cluster)
    rows = cluster.sql("SELECT purged_by, older_than = interval '1 second' AS same, sum(workflows) AS n"
                       " FROM hitl.purges GROUP BY 1, 2")
    assert rows == [{"purged_by": "engine", "same": True, "n": purged + 2005}]


def test_at_rest_it_sleeps(cluster, client):
    """With nothing to remove, the engine is not even scheduled."""
    until_empty(cluster)

    def progress():
        return cluster.sql("SELECT next_at FROM hitl.retention_progress WHERE next_at IS NOT NULL")
    wait_until(lambda: progress() == [], describe=progress)
    cluster.wait_for_workers()
    pid = cluster.worker("engine")["pid"]

    def switches():
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            return sum(int(line.split()[1]) for line in status if "ctxt_switches" in line)
    before = wait_until(lambda: stable(switches))
    time.sleep(3)  # three periods: what wakes within them would be polling
    assert switches() == before


def stable(figure):
    """The figure, if it does not change within 1.2 periods."""
    before = figure()
    time.sleep(1.2)
    return before if figure() == before else None


def test_a_locked_workflow_is_removed_later(cluster, client):
    mine, = start(client, TASK)
    others = start(client, TASK, 10)
    with cluster.connect(autocommit=False) as holder:
        wait_until(lambda: client.execute("SELECT count(*) FROM hitl.workflows WHERE id = %s AND"
                                          " status = 'completed'", [mine]).fetchone()[0])
        holder.execute("SELECT 1 FROM hitl.workflows WHERE id = %s FOR UPDATE", [mine])
        wait_until(lambda: client.execute("SELECT count(*) FROM hitl.workflows WHERE id = ANY (%s)",
                                          [others]).fetchone()[0] == 0)
        assert client.execute("SELECT 1 FROM hitl.workflows WHERE id = %s", [mine]).fetchone()
    until_empty(cluster)


def test_what_cannot_be_removed_stops_nobody(cluster, client):
    cluster.psql("""
        CREATE FUNCTION forbid() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE 'not this one'; END $$;
        CREATE TRIGGER forbid BEFORE DELETE ON hitl.workflow_events
            FOR EACH ROW EXECUTE FUNCTION forbid();""")
    try:
        first, = start(client, TASK)
        wait_until(lambda: "not this one" in cluster.log())
        second, = start(client, TASK)
        wait_until(lambda: client.execute("SELECT status = 'completed' FROM hitl.workflows"
                                          " WHERE id = %s", [second]).fetchone()[0])
        assert client.execute("SELECT count(*) FROM hitl.workflows WHERE id IN (%s, %s)",
                              [first, second]).fetchone()[0] == 2
        assert cluster.log().count("not this one") <= 2
    finally:
        cluster.psql("DROP TRIGGER forbid ON hitl.workflow_events; DROP FUNCTION forbid();")
    cluster.sql("SELECT pg_terminate_backend(pid) FROM hitl.workers WHERE kind = 'engine'")
    until_empty(cluster)


def test_it_survives_a_crash(cluster, client):
    start(client, TASK, 1000)
    wait_until(lambda: cluster.value("SELECT count(*) < 1000 AND count(*) > 0 FROM hitl.workflows"
                                     ) or cluster.value("SELECT count(*) = 0 FROM hitl.workflows"))
    cluster.immediate()
    cluster.start()
    cluster.wait_for_workers()
    until_empty(cluster)


def test_it_can_be_switched_off_and_on(cluster, client):
    cluster.sql("ALTER SYSTEM SET hitl.retention = 0")
    cluster.reload()
    wait_until(lambda: cluster.value("SHOW hitl.retention") == "0")
    try:
        kept = start(client, TASK, 3)
        wait_until(lambda: cluster.value("SELECT count(*) FROM hitl.workflows WHERE status = 'completed'") == 3)
        time.sleep(2.5)
        assert cluster.value("SELECT count(*) FROM hitl.workflows WHERE id = ANY (%s)", [kept]) == 3
    finally:
        cluster.sql("ALTER SYSTEM RESET hitl.retention")
        cluster.reload()
    until_empty(cluster)


def test_with_two_engines(cluster, client):
    cluster.sql("ALTER SYSTEM SET hitl.engine_workers = 2")
    cluster.reload()
    cluster.wait_for_workers(engines=2)
    try:
        for _ in range(5):
            start(client, TASK, 400)
        until_empty(cluster)
        assert "deadlock" not in cluster.log()
    finally:
        cluster.sql("ALTER SYSTEM RESET hitl.engine_workers")
        cluster.reload()
        cluster.wait_for_workers(engines=1)


def test_only_administrators_purge(cluster):
    cluster.psql("CREATE ROLE clerk LOGIN; SELECT hitl.grant_access('clerk', 'operator');")
    with cluster.connect(user="clerk") as clerk:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            clerk.execute("SELECT hitl.purge('0')")
