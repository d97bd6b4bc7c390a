"""Priorities: what is urgent overtakes, at once, and nobody starves."""
import statistics
import sys

import pytest
from harness import ROOT, wait_until
from psycopg.types.json import Jsonb
from trail import TASKS, faults, make, statuses

sys.path.insert(0, str(ROOT / "test/servers"))
from inference_server import InferenceServer  # noqa: E402

SETTINGS = {"hitl__batch_size": 50, "hitl__allowed_private_hosts": "127.0.0.1"}
URGENT = {"steps": [{"name": "ask", "type": "approval", "title": "Go?", "requested_from": "ann"},
                    {"name": "think", "type": "task", "task": "think", "model": "remote"}]}


@pytest.fixture(scope="module", autouse=True)
def model(cluster):
    with InferenceServer({"default": "Done."}) as server:
        cluster.sql("SELECT hitl.create_model('echo', provider => 'builtin', is_default => true)")
        cluster.sql("SELECT hitl.create_model('remote', base_url => %s, model => 'm')",
                    [server.base_url])
        yield


@pytest.fixture
def client(cluster):
    with cluster.connect() as connection:
        yield connection
        assert faults(connection) == []
    cluster.wait_for_workers()


def create(connection, definition, priority, count=1):
    return [row[0] for row in connection.execute(
        "SELECT hitl.create_workflow('test', workflow_definition => %s, priority => %s)"
        " FROM generate_series(1, %s)", [Jsonb(definition), priority, count])]


def started(connection, ids):
    """When the first and the last of them started."""
    return connection.execute("SELECT min(started_at), max(started_at) FROM hitl.workflows"
                              " WHERE id = ANY (%s)", [ids]).fetchone()


def until_completed(connection, ids):
    wait_until(lambda: statuses(connection, ids) == {"completed": len(ids)},
               describe=lambda: statuses(connection, ids))


def test_order(client):
    """The queue is in the order of priority; among equals first come, first served."""
    ids = {priority: create(client, TASKS, priority, 60) for priority in (0, 3, 9)}
    with client.transaction():
        for priority in (0, 3, 9):
            client.execute("SELECT hitl.execute_workflow(id) FROM unnest(%s) AS id",
                           [ids[priority]])
    until_completed(client, [one for group in ids.values() for one in group])
    times = {priority: started(client, group) for priority, group in ids.items()}
    assert times[9][1] <= times[3][1] <= times[0][1]
    assert times[9][0] < times[3][1] < times[0][1]


def test_nobody_starves(client):
    """What has waited for long enough goes before all that is urgent and came since."""
    flood = create(client, TASKS, 9, 300)
    old, young = create(client, TASKS, 0, 2)
    with client.transaction():
        client.execute("SELECT hitl.execute_workflow(id) FROM unnest(%s) AS id", [[old, young]])
        client.execute("UPDATE hitl.messages SET due_at = due_at - interval '91 seconds'"
                       " WHERE workflow_id = %s", [old])
        client.execute("SELECT hitl.execute_workflow(id) FROM unnest(%s) AS id", [flood])
    until_completed(client, [old, young, *flood])
    first, last = started(client, flood)
    assert started(client, [old])[0] <= first and first < last
    assert started(client, [young])[0] >= last


def test_urgent_overtakes_at_once(client):
    """While a long queue is worked off, urgent workflows come and go, one after the other.

    Between what is said to one and what it does thereupon the engine begins few of the others.  A
    look at the head of the queue once a second would let by what it does in half of one.
    """
    ids = make(client, TASKS, 12000, start=False)
    client.execute("SELECT hitl.execute_workflow(id) FROM unnest(%s) AS id", [ids])
    wait_until(lambda: statuses(client, ids).get("completed", 0) > 0)
    urgent = []
    while statuses(client, ids).get("pending", 0) > 0:
        workflow, = create(client, URGENT, 9)
        told, = client.execute("SELECT clock_timestamp()").fetchone()
        client.execute("SELECT hitl.execute_workflow(%s)", [workflow])
        client.execute("CALL hitl.await_workflow(%s, '30 seconds', 'waiting_approval')",
                       [workflow])
        # Its answers overtake, too.
        client.execute("SELECT hitl.respond_to_approval(id, 'ann', 'approved')"
                       " FROM hitl.approval_requests WHERE workflow_id = %s", [workflow])
        status, = client.execute("CALL hitl.await_workflow(%s, '30 seconds')",
                                 [workflow]).fetchone()
        assert status == "completed"
        urgent.append((workflow, told))
    until_completed(client, ids)
    # It is started, is answered, and the model replies.
    let_by = [count for workflow, told in urgent for count in client.execute(
        "SELECT count(*) FILTER (WHERE o.started_at BETWEEN %s AND u.started_at),"
        " count(*) FILTER (WHERE o.started_at BETWEEN r.responded_at AND q.created_at),"
        " count(*) FILTER (WHERE o.started_at BETWEEN q.finished_at AND u.finished_at)"
        " FROM hitl.workflows o, hitl.workflows u"
        " JOIN hitl.approval_requests a ON a.workflow_id = u.id"
        " JOIN hitl.approval_responses r ON r.approval_id = a.id"
        " JOIN hitl.outbox q ON q.workflow_id = u.id WHERE o.id = ANY (%s) AND u.id = %s",
        [told, ids, workflow]).fetchone()]
    assert statistics.median(let_by) <= 4 * SETTINGS["hitl__batch_size"], let_by


def test_expiry_of_an_urgent_request(client):
    """What the engine itself says to an urgent workflow overtakes as well."""
    ask = {"steps": [{"name": "ask", "type": "approval", "title": "Go?", "requested_from": "ann",
                      "timeout_hours": 0.3 / 3600, "on_timeout": "continue"}]}
    workflow, = create(client, ask, 9)
    client.execute("SELECT hitl.execute_workflow(%s)", [workflow])
    client.execute("CALL hitl.await_workflow(%s, '30 seconds', 'waiting_approval')", [workflow])
    ids = make(client, TASKS, 3000)
    client.execute("CALL hitl.await_workflow(%s, '30 seconds')", [workflow])
    assert statuses(client, [workflow]) == {"completed": 1}
    until_completed(client, ids)


def test_locked_urgent_workflow(cluster, client):
    """An urgent message that is left, its workflow being locked, is found when it is free."""
    workflow, = create(client, TASKS, 9)
    with cluster.connect(autocommit=False) as holder:
        holder.execute("SELECT FROM hitl.workflows WHERE id = %s FOR UPDATE", [workflow])
        client.execute("SELECT hitl.execute_workflow(%s)", [workflow])
        until_completed(client, make(client, TASKS, 200))
        assert statuses(client, [workflow]) == {"pending": 1}
        holder.rollback()
    until_completed(client, [workflow])
