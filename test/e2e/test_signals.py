"""Signals: early and late, sent twice, many at once, through a crash and a dump."""
import random
import subprocess
import threading

import pytest
from harness import wait_until
from psycopg.types.json import Jsonb
from trail import faults, make, statuses

SETTINGS = {"hitl__engine_workers": 2}
TWO = {"steps": [{"name": "one", "type": "signal", "signal": "s", "match": "$.n == 1"},
                 {"name": "two", "type": "signal", "signal": "s"}]}


def send(connection, workflow, payload, key=None, name="s"):
    return connection.execute("SELECT hitl.send_signal(%s, %s, %s, %s)",
                              [workflow, name, Jsonb(payload), key]).fetchone()[0]


def taken(connection, ids):
    """What the two steps of the workflows have got."""
    return connection.execute(
        "SELECT data -> 'steps' -> 'one' -> 'payload' -> 'n',"
        " data -> 'steps' -> 'two' -> 'payload' -> 'n'"
        " FROM hitl.workflows WHERE id = ANY (%s)", [ids]).fetchall()


@pytest.fixture(autouse=True)
def whole(cluster):
    yield
    with cluster.connect() as connection:
        assert faults(connection) == []
        assert connection.execute(
            "SELECT count(*) FROM hitl.awaited_signals a JOIN hitl.workflows w"
            " ON w.id = a.workflow_id"
            " WHERE w.status IN ('completed', 'failed', 'cancelled')").fetchone()[0] == 0


def test_many_in_any_order(cluster):
    """Before the start, at once with it, later, twice: each step gets its own."""
    with cluster.connect() as client:
        ids = make(client, TWO, 300, start=False)
        jobs = [("SELECT hitl.execute_workflow(%s)", [one]) for one in ids]
        for one in ids:
            for number in (1, 2):
                jobs += [("SELECT hitl.send_signal(%s, 's', %s, %s)",
                          [one, Jsonb({"n": number}), f"key {number}"])] * 2
        random.Random(7).shuffle(jobs)
        lock = threading.Lock()

        def work():
            with cluster.connect() as connection:
                while True:
                    with lock:
                        if not jobs:
                            return
                        job = jobs.pop()
                    connection.execute(*job)
        workers = [threading.Thread(target=work) for _ in range(6)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(60)
        wait_until(lambda: statuses(client, ids) == {"completed": 300},
                   describe=lambda: statuses(client, ids))
        assert set(taken(client, ids)) == {(1, 2)}
        assert client.execute("SELECT count(*) FROM hitl.signals").fetchone()[0] == 0
        assert client.execute(
            "SELECT count(*) FROM hitl.workflow_events WHERE event_type = 'signal_received'"
            " AND workflow_id = ANY (%s)", [ids]).fetchone()[0] == 600


def test_many_kept(cluster):
    """Of thousands that were kept, the right one is found."""
    with cluster.connect() as client:
        definition = {"steps": [
            {"name": "go", "type": "signal", "signal": "go"},
            {"name": "one", "type": "signal", "signal": "s", "match": "$.n == 1999"},
            {"name": "two", "type": "signal", "signal": "s"}]}
        workflow, = make(client, definition)
        client.execute("SELECT hitl.send_signal(%s, 's', jsonb_build_object('n', n))"
                       " FROM generate_series(0, 1999) n", [workflow])
        wait_until(lambda: client.execute(
            "SELECT count(*) FROM hitl.signals WHERE workflow_id = %s",
            [workflow]).fetchone()[0] == 2000)
        send(client, workflow, None, name="go")
        wait_until(lambda: statuses(client, [workflow]) == {"completed": 1})
        assert taken(client, [workflow]) == [(1999, 0)]


def test_branches(cluster):
    """Of many branches that wait for one name, each gets the signal that it asked for."""
    definition = {"steps": [{
        "name": "all", "type": "foreach", "items": "$.variables.numbers", "as": "number",
        "steps": [{"name": "heard", "type": "signal", "signal": "s",
                   "match": "$.n == {{ $.variables.number }}"}]}]}
    numbers = list(range(200))
    with cluster.connect() as client:
        workflow = client.execute(
            "SELECT hitl.execute_workflow(hitl.create_workflow('many',"
            " workflow_definition => %s, input_data => %s))",
            [Jsonb(definition), Jsonb({"numbers": numbers})]).fetchone()[0]
        random.Random(7).shuffle(numbers)
        for number in numbers:
            send(client, workflow, {"n": number, "twice": number * 2})
        wait_until(lambda: statuses(client, [workflow]) == {"completed": 1},
                   describe=lambda: statuses(client, [workflow]))
        heard = client.execute("SELECT hitl.get_workflow_status(%s) -> 'results' -> 'all'",
                               [workflow]).fetchone()[0]
        assert [one["payload"]["twice"] for one in heard] == [2 * n for n in range(200)]


def test_any_branch(cluster):
    """One signal ends a race: the other branch waits no more, and its time limit is gone."""
    definition = {"steps": [
        {"name": "race", "type": "parallel", "wait_for": "any", "branches": [
            [{"name": "paid", "type": "signal", "signal": "paid", "timeout": "1 day"}],
            [{"name": "stop", "type": "signal", "signal": "stop", "timeout": "1 day"}]]},
        {"name": "stop_again", "type": "signal", "signal": "stop"}]}
    with cluster.connect() as client:
        workflow, = make(client, definition)
        send(client, workflow, 1, name="paid")
        wait_until(lambda: client.execute(
            "SELECT array_agg(step_name) FROM hitl.awaited_signals WHERE workflow_id = %s",
            [workflow]).fetchone()[0] == ["stop_again"])
        send(client, workflow, 2, name="stop")
        wait_until(lambda: statuses(client, [workflow]) == {"completed": 1})
        assert client.execute("SELECT count(*) FROM hitl.messages WHERE workflow_id = %s",
                              [workflow]).fetchone()[0] == 0


def test_timeout(cluster):
    """What comes after its time is kept for the next step that waits."""
    definition = {"steps": [
        {"name": "one", "type": "signal", "signal": "s", "timeout": 0.1, "on_error": "continue"},
        {"name": "two", "type": "signal", "signal": "s"}]}
    with cluster.connect() as client:
        workflow, = make(client, definition)
        wait_until(lambda: client.execute(
            "SELECT data #>> '{steps,one,error,kind}' FROM hitl.workflows WHERE id = %s",
            [workflow]).fetchone()[0] == "timeout")
        send(client, workflow, {"n": 2})
        wait_until(lambda: statuses(client, [workflow]) == {"completed": 1})
        assert taken(client, [workflow]) == [(None, 2)]


def test_failed(cluster):
    """What comes while a workflow has failed is there when it is retried."""
    definition = {"steps": [
        {"name": "t", "type": "task", "task": "{{ $.variables.missing }}"},
        {"name": "one", "type": "signal", "signal": "s"},
        {"name": "two", "type": "signal", "signal": "s"}]}
    with cluster.connect() as client:
        cluster.sql("SELECT hitl.create_model('echo', provider => 'builtin', is_default => true)")
        workflow, = make(client, definition)
        wait_until(lambda: statuses(client, [workflow]) == {"failed": 1})
        send(client, workflow, {"n": 1})
        wait_until(lambda: client.execute("SELECT count(*) FROM hitl.signals WHERE workflow_id = %s",
                                          [workflow]).fetchone()[0] == 1)
        client.execute("SELECT hitl.update_workflow_state(%s, '{\"missing\": \"found\"}')", [workflow])
        client.execute("SELECT hitl.retry_workflow(%s)", [workflow])
        send(client, workflow, {"n": 2})
        wait_until(lambda: statuses(client, [workflow]) == {"completed": 1},
                   describe=lambda: statuses(client, [workflow]))
        assert taken(client, [workflow]) == [(1, 2)]


def test_crash_and_dump(new_cluster, cluster):
    """Kept and awaited signals survive a crash, and a dump into another cluster."""
    crashed = new_cluster("signals", {"fsync": "on"}).start()
    crashed.create_database()
    crashed.wait_for_workers()
    with crashed.connect() as client:
        ids = make(client, TWO, 20)
        for one in ids:
            send(client, one, {"n": 2}, "early")
        wait_until(lambda: crashed.value("SELECT count(*) FROM hitl.signals") == 20)
        for one in ids[:10]:
            send(client, one, {"n": 1})
    crashed.immediate()
    crashed.start()
    crashed.wait_for_workers()
    with crashed.connect() as client:
        wait_until(lambda: statuses(client, ids[:10]) == {"completed": 10})
        assert not send(client, ids[10], {"n": 2}, "early")

    dump = crashed.dir / "dump.sql"
    subprocess.run([crashed.bin / "pg_dump", "-d", crashed.url(), "-f", dump], check=True)
    restored = new_cluster("restored", {}).start()
    restored.create_database(extension=False)
    restored.psql(dump.read_text())
    restored.wait_for_workers()
    with restored.connect() as client:
        for one in ids[10:]:
            assert not send(client, one, {"n": 2}, "early")
            assert send(client, one, {"n": 1})
        wait_until(lambda: statuses(client, ids) == {"completed": 20})
        assert set(taken(client, ids)) == {(1, 2)}
        # the numbers of kept signals go on where they were
        workflow, = make(client, TWO)
        assert send(client, workflow, {"n": 5})
        wait_until(lambda: restored.value("SELECT max(id) FROM hitl.signals") > 20)
