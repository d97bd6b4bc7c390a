"""Branches: many at once, concurrency, crashes, rollbacks and dumps in the middle."""
import random
import subprocess
import sys
import threading

import psycopg
import pytest
from harness import ROOT, wait_until
from psycopg.types.json import Jsonb
from trail import faults

sys.path.insert(0, str(ROOT / "test/servers"))
from inference_server import InferenceServer  # noqa: E402

SETTINGS = {"hitl__engine_workers": 2, "hitl__allowed_private_hosts": "127.0.0.1"}


def each(steps, **options):
    """A definition that runs steps for each of $.variables.items."""
    return {"steps": [{"name": "each", "type": "foreach", "items": "$.variables.items",
                       "as": "item", "steps": steps, **options}]}


def start(connection, definition, items=None, **variables):
    """Create and start a workflow; its id."""
    if items is not None:
        variables["items"] = items
    return connection.execute(
        "SELECT hitl.execute_workflow(hitl.create_workflow('branches',"
        " workflow_definition => %s, input_data => %s))",
        [Jsonb(definition), Jsonb(variables)]).fetchone()[0]


def status_of(connection, workflow):
    return connection.execute("SELECT status FROM hitl.workflows WHERE id = %s",
                              [workflow]).fetchone()[0]


def until(connection, workflow, status="completed", deadline=60):
    wait_until(lambda: status_of(connection, workflow) == status, deadline=deadline,
               describe=lambda: connection.execute(
                   "SELECT hitl.get_workflow_status(%s) - 'variables'", [workflow]).fetchone())


def result(connection, workflow, step):
    return connection.execute("SELECT hitl.workflow_data(%s) -> 'steps' -> %s",
                              [workflow, step]).fetchone()[0]


def branches(connection, workflow, condition="true"):
    return connection.execute("SELECT count(*) FROM hitl.workflow_branches"
                              f" WHERE workflow_id = %s AND {condition}", [workflow]).fetchone()[0]


def nothing_left(connection, workflow):
    """An ended workflow awaits nothing, and has no branches."""
    assert branches(connection, workflow) == 0
    for table in ("messages", "statements", "awaited_signals",
                  "external_tasks WHERE status IN ('queued', 'delayed', 'claimed') AND",
                  "approval_requests WHERE status = 'pending' AND",
                  "outbox WHERE status IN ('queued', 'sending') AND"):
        assert connection.execute(f"SELECT count(*) FROM hitl.{table}"
                                  f"{'' if 'WHERE' in table else ' WHERE'} workflow_id = %s",
                                  [workflow]).fetchone() == (0,), table
    assert faults(connection) == []


@pytest.fixture(autouse=True, scope="module")
def echo(cluster):
    cluster.sql("SELECT hitl.create_model('echo', provider => 'builtin', is_default => true)")


class Gate:
    """An inference server that holds its answers back until it is told to give them."""

    def __init__(self, limit=None):
        self.opened = threading.Event()
        self.lock = threading.Lock()
        self.at_once = self.most = 0
        self.limit = limit
        gate = self

        class Server(InferenceServer):
            def handle_error(self, *_):
                """A client that was killed is no error."""

            def finish_request(self, request, client_address):
                super().finish_request(request, client_address)

        self.server = Server({"default": "done"})
        answer = self.server.RequestHandlerClass.do_POST

        class Handler(self.server.RequestHandlerClass):
            def do_POST(self):
                with gate.lock:
                    gate.at_once += 1
                    gate.most = max(gate.most, gate.at_once)
                gate.opened.wait(60)
                with gate.lock:
                    gate.at_once -= 1
                answer(self)

        self.server.RequestHandlerClass = Handler

    def __enter__(self):
        self.server.__enter__()
        return self

    def __exit__(self, *error):
        self.opened.set()
        return self.server.__exit__(*error)


def test_thousand_waits(cluster):
    """A parallel of 1,000 branches, each waiting; all timers are there, and all come."""
    with cluster.connect() as connection:
        workflow = start(connection, {"steps": [
            {"name": "all", "type": "parallel", "branches": [
                [{"name": f"wait_{number}", "type": "wait", "for": "{{ $.variables.time }}"}]
                for number in range(1000)]}]}, time=3)
        wait_until(lambda: branches(connection, workflow, "status = 'active'") == 1000)
        assert connection.execute("SELECT count(*) FROM hitl.messages WHERE kind = 'timer'"
                                  " AND workflow_id = %s", [workflow]).fetchone() == (1000,)
        status, = connection.execute("SELECT hitl.get_workflow_status(%s)", [workflow]).fetchone()
        assert status["status"] == "waiting"
        assert status["current_step"] == "all"
        assert len(status["active_steps"]) == 100
        assert len(status["active_counts"]) == 1001
        until(connection, workflow)
        assert result(connection, workflow, "all") == {"branches": ["completed"] * 1000}
        nothing_left(connection, workflow)


def test_cancelled_with_all_it_awaits(cluster):
    """Cancelling withdraws timers, approvals, signals and external tasks of all branches."""
    with cluster.connect() as connection:
        workflow = start(connection, each([{
            "name": "all", "type": "parallel", "branches": [
                [{"name": "wait", "type": "wait", "for": "1 day"}],
                [{"name": "ask", "type": "approval", "title": "Go {{ $.variables.item }}?",
                  "requested_from": "ann"}],
                [{"name": "hear", "type": "signal", "signal": "go"}],
                [{"name": "do", "type": "task", "task": "x", "executor": "external"}]]}]),
            items=list(range(20)))
        wait_until(lambda: branches(connection, workflow, "status = 'active'") == 100)
        wait_until(lambda: connection.execute(
            "SELECT count(*) FROM hitl.approval_requests WHERE workflow_id = %s"
            " AND status = 'pending'", [workflow]).fetchone() == (20,))
        connection.execute("SELECT hitl.cancel_workflow(%s, 'enough')", [workflow])
        assert status_of(connection, workflow) == "cancelled"
        wait_until(lambda: connection.execute("SELECT NOT EXISTS (SELECT FROM hitl.messages"
                                              " WHERE workflow_id = %s)", [workflow]).fetchone()[0])
        nothing_left(connection, workflow)
        assert connection.execute(
            "SELECT DISTINCT status FROM hitl.approval_requests WHERE workflow_id = %s",
            [workflow]).fetchall() == [("cancelled",)]


def test_concurrency(cluster):
    """A foreach of model tasks has as many requests out as it may, no more, and all results."""
    with cluster.connect() as connection, Gate() as gate:
        connection.execute("SELECT hitl.create_model('gate', base_url => %s, model => 'm')",
                           [gate.server.base_url])
        workflow = start(connection, each(
            [{"name": "think", "type": "task", "task": "think of {{ $.variables.item }}",
              "model": "gate"},
             {"name": "say", "type": "task",
              "task": "{{ $.variables.item }} {{ $.steps.think.answer }}"}], concurrency=7),
            items=list(range(60)))
        wait_until(lambda: gate.at_once == 7)
        assert branches(connection, workflow, "status = 'active'") == 7
        assert branches(connection, workflow, "status = 'waiting'") == 53
        gate.opened.set()
        until(connection, workflow)
        assert gate.most == 7
        assert result(connection, workflow, "each") == [
            {"answer": f"{number} done"} for number in range(60)]
        assert len(gate.server.requests) == 60
        nothing_left(connection, workflow)


def test_first_of_many(cluster):
    """When the first branch has ended, what the others await is withdrawn, nested branches too."""
    with cluster.connect() as connection:
        workflow = start(connection, {"steps": [
            {"name": "race", "type": "parallel", "wait_for": "any", "branches": [
                [{"name": "slow", "type": "wait", "for": "1 day"}],
                [{"name": "each", "type": "foreach", "items": "$.variables.items", "as": "item",
                  "steps": [{"name": "hear", "type": "signal", "signal": "never"}]}],
                [{"name": "ask", "type": "approval", "title": "Go?", "requested_from": "ann"}],
                [{"name": "quick", "type": "wait", "for": 0.3}]]}]}, items=list(range(50)))
        wait_until(lambda: connection.execute(
            "SELECT count(*) FROM hitl.awaited_signals WHERE workflow_id = %s",
            [workflow]).fetchone() == (50,))
        until(connection, workflow)
        assert result(connection, workflow, "race") == {
            "branches": ["cancelled", "cancelled", "cancelled", "completed"]}
        nothing_left(connection, workflow)


def test_timeouts(cluster):
    """Signals that do not come end by their timers; those that come end their timers."""
    with cluster.connect() as connection:
        workflow = start(connection, each(
            [{"name": "hear", "type": "signal", "signal": "s{{ $.variables.item }}",
              "timeout": 2, "on_timeout": "continue"}]), items=list(range(40)))
        wait_until(lambda: connection.execute(
            "SELECT count(*) FROM hitl.awaited_signals WHERE workflow_id = %s",
            [workflow]).fetchone() == (40,))
        connection.execute("SELECT hitl.send_signal(%s, 's' || n, to_jsonb(n))"
                           " FROM generate_series(0, 39, 2) AS n", [workflow])
        wait_until(lambda: connection.execute(
            "SELECT count(*) FROM hitl.messages WHERE workflow_id = %s AND kind = 'timer'",
            [workflow]).fetchone() == (20,))
        until(connection, workflow)
        heard = result(connection, workflow, "each")
        assert [one.get("payload") for one in heard[::2]] == list(range(0, 40, 2))
        assert {one["error"]["kind"] for one in heard[1::2]} == {"timeout"}
        nothing_left(connection, workflow)


def test_retried_where_it_failed(cluster):
    """What failed in an element is retried there; elements that had ended do not run again."""
    with cluster.connect() as connection:
        connection.execute("CREATE TABLE bad (item integer)")
        connection.execute("INSERT INTO bad VALUES (3), (7)")
        workflow = start(connection, each(
            [{"name": "first", "type": "task", "task": "one {{ $.variables.item }}"},
             {"name": "check", "type": "sql", "params": ["{{ $.variables.item }}"],
              "sql": "SELECT 1 / count(*) AS good FROM (SELECT EXCEPT SELECT FROM bad"
                     " WHERE item = $1) AS x"},
             {"name": "last", "type": "task",
              "task": "{{ $.steps.first.answer }} {{ $.steps.check.rows[0].good }}"}],
            concurrency=1), items=list(range(10)))
        for failed in (3, 7):
            until(connection, workflow, "failed")
            assert ended(cluster, workflow, "last") == failed
            assert branches(connection, workflow, "result IS NOT NULL") == failed
            connection.execute("DELETE FROM bad WHERE item = %s", [failed])
            connection.execute("SELECT hitl.retry_workflow(%s)", [workflow])
        until(connection, workflow)
        assert result(connection, workflow, "each") == [
            {"answer": f"one {number} 1"} for number in range(10)]
        assert ended(cluster, workflow, "first") == 10
        nothing_left(connection, workflow)
        connection.execute("DROP TABLE bad")


def test_scopes(cluster):
    """An element sees its own data before those around it, and what it sets stays inside."""
    with cluster.connect() as connection:
        workflow = start(connection, {"steps": [
            {"name": "note", "type": "task", "task": "outer"},
            {"name": "each", "type": "foreach", "items": "$.variables.orders", "as": "order",
             "steps": [
                 {"name": "lines", "type": "foreach", "items": "$.variables.order.lines",
                  "as": "line", "steps": [
                      {"name": "price", "type": "task", "output": "$.variables.priced",
                       "task": "{{ $.variables.order.id }} {{ $.variables.line }}"
                               " {{ $.variables.currency }} {{ $.steps.note.answer }}"},
                      {"name": "again", "type": "task", "when": "exists($.variables.priced)",
                       "task": "{{ $.variables.priced.answer }}!"}]},
                 {"name": "sum", "type": "task",
                  "task": "{{ $.steps.lines[*].answer }} of {{ $.variables.order.id }}"}]},
            {"name": "end", "type": "task", "task": "{{ $.steps.each[*].answer }}"}]},
            currency="EUR", orders=[{"id": 1, "lines": ["a", "b"]}, {"id": 2, "lines": ["c"]}])
        until(connection, workflow)
        assert result(connection, workflow, "each") == [
            {"answer": '["1 a EUR outer!","1 b EUR outer!"] of 1'},
            {"answer": "2 c EUR outer! of 2"}]
        data, = connection.execute("SELECT hitl.workflow_data(%s)", [workflow]).fetchone()
        assert set(data["variables"]) == {"currency", "orders"}
        assert set(data["steps"]) == {"note", "each", "end"}
        nothing_left(connection, workflow)


def engines(cluster):
    """Their pids; None while the server restarts."""
    try:
        return [row["pid"] for row in cluster.workers(kind="engine") if row["pid"]]
    except psycopg.OperationalError:
        return None


def test_engine_killed_in_the_middle(cluster):
    """An engine is killed again and again in a foreach of 300; every element is done once."""
    with InferenceServer({"default": "thought"}) as server:
        with cluster.connect() as connection:
            connection.execute("SELECT hitl.create_model('think', base_url => %s, model => 'm')",
                               [server.base_url])
            workflow = start(connection, each(
                [{"name": "first", "type": "task", "task": "one {{ $.variables.item }}"},
                 {"name": "think", "type": "task", "task": "think of {{ $.variables.item }}",
                  "model": "think"},
                 {"name": "pause", "type": "wait", "for": 0.02},
                 {"name": "last", "type": "task",
                  "task": "{{ $.steps.first.answer }} {{ $.steps.think.answer }}"}],
                concurrency=25), items=list(range(300)))
        choose = random.Random(7)
        for goal in (20, 90, 160, 230):
            wait_until(lambda goal=goal: ended(cluster, workflow, "last") >= goal, deadline=60)
            # after the last crash there may be none yet
            pid = choose.choice(wait_until(lambda: engines(cluster)))
            cluster.kill(pid)
            cluster.wait_until_gone(pid)
        with cluster.connect() as connection:
            until(connection, workflow)
            assert result(connection, workflow, "each") == [
                {"answer": f"one {number} thought"} for number in range(300)]
            assert connection.execute(
                "SELECT step_name, count(*), count(DISTINCT scope) FROM hitl.workflow_events"
                " WHERE workflow_id = %s AND event_type = 'step_completed' AND scope IS NOT NULL"
                " GROUP BY 1 ORDER BY 1", [workflow]).fetchall() == [
                    (name, 300, 300) for name in ("first", "last", "pause", "think")]
            nothing_left(connection, workflow)
    cluster.wait_for_workers(engines=2)


def connected(cluster):
    """Is the server up again after a process was killed?"""
    try:
        return cluster.value("SELECT 1") == 1
    except psycopg.OperationalError:
        return False


def ended(cluster, workflow, step):
    """How many runs of a step have completed; 0 while the server restarts."""
    try:
        return cluster.value("SELECT count(*) FROM hitl.workflow_events WHERE workflow_id = %s"
                             " AND step_name = %s AND event_type = 'step_completed'",
                             [workflow, step])
    except psycopg.OperationalError:
        return 0


HALF_DONE = each([
    {"name": "first", "type": "task", "task": "one {{ $.variables.item }}"},
    {"name": "ask", "type": "approval", "title": "Go {{ $.variables.item }}?",
     "requested_from": "ann"},
    {"name": "last", "type": "task", "task": "{{ $.steps.first.answer }} {{ $.steps.ask.decision }}"}],
    concurrency=4)


def answer(connection, workflow, count):
    """Let ann approve some of what is asked."""
    assert connection.execute(
        "SELECT count(hitl.respond_to_approval(approval_id, 'ann', 'approved')) FROM"
        " (SELECT approval_id FROM hitl.list_pending_approvals('ann', %s)"
        "  ORDER BY approval_id LIMIT %s) AS a", [workflow, count]).fetchone() == (count,)


def asked(connection, workflow):
    return [title for title, in connection.execute(
        "SELECT title FROM hitl.list_pending_approvals('ann', %s) ORDER BY title", [workflow])]


def test_rolled_back_in_the_middle(cluster):
    """A checkpoint of a foreach half done: its branches and their data are there again."""
    with cluster.connect() as connection:
        workflow = start(connection, HALF_DONE, items=list(range(10)))
        wait_until(lambda: len(asked(connection, workflow)) == 4)
        answer(connection, workflow, 2)
        wait_until(lambda: len(asked(connection, workflow)) == 4 and
                   ended(cluster, workflow, "last") == 2)
        before = sorted(connection.execute(
            "SELECT branch, scope, parent_scope, status, data, result"
            " FROM hitl.workflow_branches WHERE workflow_id = %s", [workflow]).fetchall(),
            key=lambda row: row[0])
        titles = asked(connection, workflow)
        connection.execute("SELECT hitl.create_checkpoint(%s, 'half')", [workflow])
        answer(connection, workflow, 4)
        wait_until(lambda: len(asked(connection, workflow)) == 4 and
                   ended(cluster, workflow, "last") == 6)
        assert asked(connection, workflow) != titles

        connection.execute("SELECT hitl.rollback_workflow(%s, 'half')", [workflow])
        assert status_of(connection, workflow) == "rolled_back"
        assert asked(connection, workflow) == []
        after = sorted(connection.execute(
            "SELECT branch, scope, parent_scope, status, data, result"
            " FROM hitl.workflow_branches WHERE workflow_id = %s", [workflow]).fetchall(),
            key=lambda row: row[0])
        assert after == before
        connection.execute("SELECT hitl.execute_workflow(%s)", [workflow])
        wait_until(lambda: asked(connection, workflow) == titles,
                   describe=lambda: (asked(connection, workflow), titles))
        finish(connection, workflow)
        assert result(connection, workflow, "each") == [
            {"answer": f"one {number} approved"} for number in range(10)]
        nothing_left(connection, workflow)


def finish(connection, workflow):
    """Approve whatever is asked until the workflow has completed."""
    def completed():
        connection.execute(
            "SELECT hitl.respond_to_approval(approval_id, 'ann', 'approved')"
            " FROM hitl.list_pending_approvals('ann', %s)", [workflow])
        return status_of(connection, workflow) == "completed"
    wait_until(completed, describe=lambda: connection.execute(
        "SELECT hitl.get_workflow_status(%s)", [workflow]).fetchone())


def test_undone(cluster):
    """Rolling back undoes what completed since, newest first, elements of a foreach too."""
    with cluster.connect() as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS booked (name text)")
        connection.execute("CREATE TABLE IF NOT EXISTS undone (number serial, name text)")

        def book(name, text):
            return {"name": name, "type": "sql",
                    "sql": "INSERT INTO booked VALUES ($1) RETURNING name", "params": [text],
                    "undo": [{"name": f"un{name}", "type": "sql",
                              "sql": "WITH d AS (DELETE FROM booked WHERE name = $1 RETURNING name)"
                                     " INSERT INTO undone (name) SELECT name FROM d",
                              "params": [f"{{{{ $.steps.{name}.rows[0].name }}}}"]}]}
        workflow = start(connection, {"steps": [
            book("early", "early"),
            {"name": "here", "type": "checkpoint"},
            book("flight", "flight to {{ $.variables.city }}"),
            {"name": "each", "type": "foreach", "items": "$.variables.items", "as": "item",
             "concurrency": 1, "steps": [book("hotel", "{{ $.variables.item }}")]},
            {"name": "ask", "type": "approval", "title": "Travel?", "requested_from": "ann",
             "on_reject": "rollback:here"}]}, items=["a", "b", "c"], city="Rome")
        until(connection, workflow, "waiting_approval")
        assert {name for name, in connection.execute("SELECT name FROM booked")} == {
            "early", "flight to Rome", "a", "b", "c"}
        connection.execute("SELECT hitl.respond_to_approval(approval_id, 'ann', 'rejected')"
                           " FROM hitl.list_pending_approvals('ann', %s)", [workflow])
        until(connection, workflow, "rolled_back")
        assert [name for name, in connection.execute(
            "SELECT name FROM undone ORDER BY number")] == ["c", "b", "a", "flight to Rome"]
        assert connection.execute("SELECT name FROM booked").fetchall() == [("early",)]
        assert set(connection.execute("SELECT hitl.workflow_data(%s) -> 'steps'",
                                      [workflow]).fetchone()[0]) == {"early"}
        assert branches(connection, workflow) == 0

        # On from there, and back again by hand: nothing is undone twice.
        connection.execute("TRUNCATE undone")
        connection.execute("SELECT hitl.execute_workflow(%s)", [workflow])
        until(connection, workflow, "waiting_approval")
        answer(connection, workflow, 1)
        until(connection, workflow)
        assert connection.execute("SELECT hitl.rollback_workflow(%s, 'here', 'no')",
                                  [workflow]).fetchone() == ("here",)
        until(connection, workflow, "rolled_back")
        assert [name for name, in connection.execute(
            "SELECT name FROM undone ORDER BY number")] == ["c", "b", "a", "flight to Rome"]
        assert connection.execute("SELECT name FROM booked").fetchall() == [("early",)]
        assert faults(connection) == []
        connection.execute("DROP TABLE booked, undone")


def test_dumped_in_the_middle(cluster):
    """A foreach half done goes on in a restored database."""
    with cluster.connect() as connection:
        workflow = start(connection, HALF_DONE, items=list(range(8)))
        wait_until(lambda: len(asked(connection, workflow)) == 4)
        answer(connection, workflow, 2)
        wait_until(lambda: len(asked(connection, workflow)) == 4)
        titles = asked(connection, workflow)
    dump = subprocess.run([cluster.bin / "pg_dump", "-d", cluster.url()], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    cluster.create_database("restored", extension=False)
    cluster.psql(dump, dbname="restored")
    with cluster.connect("restored") as connection:
        assert asked(connection, workflow) == titles
        finish(connection, workflow)
        assert result(connection, workflow, "each") == [
            {"answer": f"one {number} approved"} for number in range(8)]
        nothing_left(connection, workflow)
    with cluster.connect() as connection:
        finish(connection, workflow)
