"""External tasks: the worker of the documentation, leases, races, limits, a crash."""
import os
import re
import signal
import subprocess
import sys
import threading
import time

import psycopg
import pytest
from harness import ROOT, wait_until
from psycopg.types.json import Jsonb
from trail import faults, make, statuses

SETTINGS = {"hitl__engine_workers": 2}


def task(queue, **options):
    return {"steps": [{"name": "do", "type": "task", "task": "do it", "executor": "external",
                       "queue": queue, "context": {"n": 7}, **options}]}


def listen(connection):
    """A function that waits until a queue is published."""
    heard = []
    connection.add_notify_handler(lambda notice: heard.append(notice.payload))
    connection.execute("LISTEN hitl_tasks")

    def hear(queue):
        def told():
            connection.execute("SELECT 1")
            return queue in heard
        wait_until(told, describe=lambda: heard)
        heard.clear()
    return hear


def claim(connection, queue, count=1, lease="1 minute"):
    return connection.execute("SELECT * FROM hitl.claim_tasks(%s, %s, %s)",
                              [queue, count, lease]).fetchall()


def result(cluster, workflow):
    return cluster.value("SELECT hitl.get_workflow_status(%s) -> 'results' -> 'do'", [workflow])


@pytest.fixture(autouse=True)
def whole(cluster):
    yield
    with cluster.connect() as connection:
        assert faults(connection) == []


@pytest.fixture
def program(cluster, tmp_path):
    """The worker of docs/how-to/write-a-worker.md, as a role that may do nothing else."""
    text = (ROOT / "docs/how-to/write-a-worker.md").read_text()
    source = re.search(r"^```python\n(.*?)^```", text, re.M | re.S)[1]
    path = tmp_path / "worker.py"
    path.write_text(source)
    cluster.sql("CREATE ROLE image_worker LOGIN")
    cluster.sql("SELECT hitl.grant_access('image_worker', 'worker'),"
                " hitl.grant_queue('image_worker', 'images')")
    started = []

    def start():
        started.append(subprocess.Popen(
            [sys.executable, "-B", path], stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PGHOST": "127.0.0.1", "PGPORT": str(cluster.port),
                 "PGUSER": "image_worker", "PGDATABASE": "hitl"}))
        return started[-1]
    yield start
    for process in started:
        process.kill()
        process.wait()
    cluster.sql("SELECT hitl.revoke_access('image_worker'),"
                " hitl.revoke_queue('image_worker', 'images')")
    cluster.sql("DROP ROLE image_worker")


def asleep(cluster, count):
    """Whether so many workers have claimed in vain and sleep."""
    return cluster.value(
        "SELECT count(*) FROM pg_stat_activity WHERE usename = 'image_worker'"
        " AND state = 'idle' AND query LIKE '%%hitl.claim_tasks%%'") == count


def test_worker_of_the_documentation(cluster, program):
    """It is told of tasks while it sleeps, does them, and refuses what it does not know."""
    workers = [program() for _ in range(2)]
    wait_until(lambda: asleep(cluster, 2))
    definition = task("images", task="thumbnail", context={"file": "a.png", "width": 20})
    with cluster.connect() as client:
        ids = make(client, definition, 20)
        # sooner than a minute, after which they would look by themselves
        wait_until(lambda: statuses(client, ids) == {"completed": 20},
                   describe=lambda: statuses(client, ids))
        assert result(cluster, ids[0]) == {"file": "a-20.png"}
        strange, = make(client, task("images", task="paint"))
        wait_until(lambda: statuses(client, [strange]) == {"failed": 1})
        assert cluster.value("SELECT error FROM hitl.workflows WHERE id = %s",
                             [strange])["kind"] == "validation_error"
    for worker in workers:
        assert worker.poll() is None, worker.stderr.read()
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0
        assert worker.stderr.read() == ""


def test_each_task_once(cluster):
    """Many workers, many tasks: each is done once, and its answer reaches its workflow."""
    tasks = 300
    with cluster.connect() as client:
        ids = make(client, task("many"), tasks)
        done, lock = [], threading.Lock()

        def work():
            with cluster.connect() as connection:
                while len(done) < tasks:
                    for row in claim(connection, "many", 7):
                        with lock:
                            done.append(row[1])
                        connection.execute("SELECT hitl.complete_task(%s, %s)",
                                           [row[0], Jsonb(str(row[1]))])
        workers = [threading.Thread(target=work) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(60)
        assert sorted(done) == sorted(ids)
        wait_until(lambda: statuses(client, ids) == {"completed": tasks})
        assert client.execute(
            "SELECT count(*) FROM hitl.workflows WHERE id = ANY (%s)"
            " AND data -> 'steps' ->> 'do' = id::text", [ids]).fetchone()[0] == tasks


def test_lease_that_ends(cluster):
    """The engine offers the task again on time and tells those who sleep."""
    with cluster.connect() as one, cluster.connect() as two:
        hear = listen(two)
        workflow, = make(two, task("lapse"))
        hear("lapse")
        first, = claim(one, "lapse", lease="300 milliseconds")
        assert claim(two, "lapse") == []
        hear("lapse")
        second, = claim(two, "lapse")
        assert second[6] == 2 and second[9] == first[9] and second[0] != first[0]
        with pytest.raises(psycopg.Error) as error:
            one.execute("SELECT hitl.complete_task(%s, '1')", [first[0]])
        assert error.value.sqlstate == "WF043"
        two.execute("SELECT hitl.complete_task(%s, '2')", [second[0]])
        wait_until(lambda: result(cluster, workflow) == 2)


def test_heartbeats(cluster):
    """A lease that is prolonged does not end; without workers' help nothing else happens."""
    with cluster.connect() as one:
        hear = listen(one)
        workflow, = make(one, task("long"))
        hear("long")
        row, = claim(one, "long", lease="3 seconds")
        for percent in range(10):
            until = one.execute("SELECT hitl.heartbeat_task(%s, '3 seconds', %s)",
                                [row[0], Jsonb(percent)]).fetchone()[0]
            time.sleep(0.4)
            assert one.execute("SELECT lapses, progress, lease_until = %s FROM hitl.external_tasks"
                               " WHERE workflow_id = %s", [until, workflow]
                               ).fetchone() == (0, percent, True)
        one.execute("SELECT hitl.complete_task(%s, '1')", [row[0]])
        wait_until(lambda: result(cluster, workflow) == 1)


def test_retries(cluster):
    """Failures are repeated as the step says, with the same idempotency key."""
    definition = task("retry", retry={"max_attempts": 4, "policy": "fixed", "base_delay": 0.05,
                                      "jitter": 0, "on": ["rate_limit"]})
    with cluster.connect() as one:
        hear = listen(one)
        workflow, = make(one, definition)
        seen = []
        for _ in range(4):
            hear("retry")
            row, = claim(one, "retry")
            seen.append((row[6], row[9]))
            one.execute("SELECT hitl.fail_task(%s, 'slow down', 'rate_limit')", [row[0]])
        assert seen == [(attempt, seen[0][1]) for attempt in (1, 2, 3, 4)]
        wait_until(lambda: statuses(one, [workflow]) == {"failed": 1})
        error = cluster.value("SELECT error FROM hitl.workflows WHERE id = %s", [workflow])
        assert (error["kind"], error["message"]) == ("rate_limit", "slow down")


def test_keys_after_a_rollback(cluster):
    """What has succeeded is done again under another key, what has failed under the same."""
    definition = {"steps": [
        {"name": "start", "type": "checkpoint"},
        {"name": "one", "type": "task", "task": "x", "executor": "external", "queue": "back"},
        {"name": "two", "type": "task", "task": "x", "executor": "external", "queue": "back"}]}
    with cluster.connect() as one:
        hear = listen(one)
        workflow, = make(one, definition)
        seen = []
        for answer in ("complete", "fail", "complete", "complete"):
            hear("back")
            row, = claim(one, "back")
            seen.append((row[2], row[9]))
            if answer == "complete":
                one.execute("SELECT hitl.complete_task(%s)", [row[0]])
                continue
            one.execute("SELECT hitl.fail_task(%s, 'no')", [row[0]])
            wait_until(lambda: statuses(one, [workflow]) == {"failed": 1})
            one.execute("SELECT hitl.rollback_workflow(%s, 'start')", [workflow])
            one.execute("SELECT hitl.execute_workflow(%s)", [workflow])
        wait_until(lambda: statuses(one, [workflow]) == {"completed": 1})
        assert [name for name, _ in seen] == ["one", "two", "one", "two"]
        assert seen[0][1] != seen[2][1] and seen[1][1] == seen[3][1]


def test_timeout(cluster):
    """When the step's time is over, nobody can take the task, and its worker is told."""
    with cluster.connect() as one:
        hear = listen(one)
        ids = make(one, task("late", timeout=0.5), 2)
        hear("late")
        wait_until(lambda: cluster.value(
            "SELECT count(*) FROM hitl.external_tasks WHERE queue = 'late'") == 2)
        row, = claim(one, "late")
        wait_until(lambda: statuses(one, ids) == {"failed": 2})
        assert one.execute("SELECT DISTINCT error ->> 'kind' FROM hitl.workflows"
                           " WHERE id = ANY (%s)", [ids]).fetchall() == [("timeout",)]
        assert claim(one, "late") == []
        with pytest.raises(psycopg.Error) as error:
            one.execute("SELECT hitl.complete_task(%s)", [row[0]])
        assert error.value.sqlstate == "WF042"


def test_withdrawn(cluster):
    """A worker learns from its next heartbeat that nobody waits any more."""
    with cluster.connect() as one:
        hear = listen(one)
        workflow, = make(one, task("cancel"))
        hear("cancel")
        row, = claim(one, "cancel")
        cluster.sql("SELECT hitl.transition_workflow_status(%s, 'cancelled')", [workflow])
        with pytest.raises(psycopg.Error) as error:
            one.execute("SELECT hitl.heartbeat_task(%s)", [row[0]])
        assert error.value.sqlstate == "WF042"
        assert claim(one, "cancel") == []


def test_concurrency_limit(cluster):
    """Workers together do not exceed the limit, and are told when there is room again."""
    limit, tasks = 3, 30
    cluster.sql("SELECT hitl.set_limit('queue', 'limited', max_concurrency => %s)", [limit])
    done, most = [], []
    with cluster.connect() as client:
        ids = make(client, task("limited"), tasks)

        def work():
            with cluster.connect() as connection:
                hear = listen(connection)
                while len(done) < tasks:
                    rows = claim(connection, "limited", 2)
                    most.append(connection.execute(
                        "SELECT count(*) FROM hitl.external_tasks"
                        " WHERE queue = 'limited' AND status = 'claimed'").fetchone()[0])
                    for row in rows:
                        connection.execute("SELECT hitl.complete_task(%s)", [row[0]])
                        done.append(row[0])
                    if not rows and len(done) < tasks:
                        try:
                            hear("limited")
                        except AssertionError:
                            assert len(done) == tasks
        workers = [threading.Thread(target=work, daemon=True) for _ in range(5)]
        for worker in workers:
            worker.start()
        wait_until(lambda: statuses(client, ids) == {"completed": tasks})
        assert max(most) <= limit
    cluster.sql("SELECT hitl.drop_limit('queue', 'limited')")


def test_rate_limit(cluster):
    """No period has more claims than allowed, and the engine says when the next may be made."""
    cluster.sql("SELECT hitl.set_limit('queue', 'rated', max_rate => 5, per => '500 ms')")
    times = []
    with cluster.connect() as client:
        hear = listen(client)
        ids = make(client, task("rated"), 15)
        hear("rated")
        while len(times) < 15:
            rows = claim(client, "rated", 4)
            for row in rows:
                times.append(client.execute(
                    "SELECT extract(epoch FROM claimed_at) FROM hitl.external_tasks"
                    " WHERE id = %s", [row[9]]).fetchone()[0])
                client.execute("SELECT hitl.complete_task(%s)", [row[0]])
            if not rows:
                hear("rated")
        times.sort()
        assert all(float(later - earlier) > 0.499
                   for earlier, later in zip(times, times[5:]))
        wait_until(lambda: statuses(client, ids) == {"completed": 15})
    cluster.sql("SELECT hitl.drop_limit('queue', 'rated')")


def test_priority(cluster):
    """Tasks of workflows with a higher priority are claimed first."""
    with cluster.connect() as client:
        hear = listen(client)
        for priority in (0, 5, 9, 0):
            client.execute(
                "SELECT hitl.execute_workflow(hitl.create_workflow('ranked',"
                " workflow_definition => %s, priority => %s))", [Jsonb(task("ranked")), priority])
            hear("ranked")
        rows = claim(client, "ranked", 10)
        order = [client.execute("SELECT priority FROM hitl.workflows WHERE id = %s",
                                [row[1]]).fetchone()[0] for row in rows]
        assert order == [9, 5, 0, 0]
        for row in rows:
            client.execute("SELECT hitl.complete_task(%s)", [row[0]])


def test_branches(cluster):
    """A foreach offers some tasks at a time; its results are in order of the elements."""
    definition = {"steps": [{
        "name": "do", "type": "foreach", "items": "$.variables.numbers", "as": "number",
        "concurrency": 8, "steps": [
            {"name": "one", "type": "task", "task": "{{ $.variables.number }}",
             "executor": "external", "queue": "each"}]}]}
    numbers, most, seen = 100, 0, []
    with cluster.connect() as client:
        hear = listen(client)
        workflow = client.execute(
            "SELECT hitl.execute_workflow(hitl.create_workflow('many',"
            " workflow_definition => %s, input_data => %s))",
            [Jsonb(definition), Jsonb({"numbers": list(range(numbers))})]).fetchone()[0]
        while len(seen) < numbers:
            rows = claim(client, "each", 100)
            most = max(most, len(rows))
            for row in reversed(rows):
                seen.append(row[3])
                client.execute("SELECT hitl.complete_task(%s, %s)", [row[0], Jsonb(int(row[3]) * 2)])
            if not rows:
                hear("each")
        wait_until(lambda: statuses(client, [workflow]) == {"completed": 1})
        assert most <= 8
        assert result(cluster, workflow) == [2 * number for number in range(numbers)]


def test_any_branch(cluster):
    """When one branch is enough, the tasks of the others are withdrawn."""
    definition = {"steps": [{"name": "do", "type": "parallel", "wait_for": "any", "branches": [
        [{"name": f"one_{n}", "type": "task", "task": str(n), "executor": "external",
          "queue": "race"}] for n in range(3)]}]}
    with cluster.connect() as client:
        hear = listen(client)
        workflow, = make(client, definition)
        hear("race")
        rows = claim(client, "race", 3)
        assert len(rows) == 3
        client.execute("SELECT hitl.complete_task(%s, '1')", [rows[1][0]])
        wait_until(lambda: statuses(client, [workflow]) == {"completed": 1})
        for row in (rows[0], rows[2]):
            with pytest.raises(psycopg.Error) as error:
                client.execute("SELECT hitl.heartbeat_task(%s)", [row[0]])
            assert error.value.sqlstate == "WF042"
        assert result(cluster, workflow)["branches"] == ["cancelled", "completed", "cancelled"]


def test_crash(new_cluster):
    """Claims and answers survive a crash of the server; what was not committed is offered again."""
    crashed = new_cluster("external", {"fsync": "on"}).start()
    crashed.create_database()
    crashed.wait_for_workers()
    with crashed.connect() as client:
        ids = make(client, task("crash"), 3)
        wait_until(lambda: crashed.value(
            "SELECT count(*) FROM hitl.external_tasks WHERE status = 'queued'") == 3)
        answered, = claim(client, "crash")
        claimed, = claim(client, "crash", lease="1 hour")
        client.execute("SELECT hitl.complete_task(%s, '1')", [answered[0]])
    with crashed.connect(autocommit=False) as open_claim:
        claim(open_claim, "crash")
        crashed.immediate()
        open_claim.close()
    crashed.start()
    crashed.wait_for_workers()
    with crashed.connect() as client:
        left, = claim(client, "crash")
        assert left[6] == 1
        client.execute("SELECT hitl.complete_task(%s, '3')", [left[0]])
        client.execute("SELECT hitl.complete_task(%s, '2')", [claimed[0]])
        wait_until(lambda: statuses(client, ids) == {"completed": 3})
