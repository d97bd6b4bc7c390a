"""The language as a whole: steps within steps, commands at bad moments, leftovers, crashes."""
import threading

import psycopg
import pytest
from harness import wait_until
from psycopg.types.json import Jsonb
from trail import faults

SETTINGS = {"hitl__engine_workers": 2}


@pytest.fixture(name="db", scope="module")
def _db(cluster):
    with cluster.connect() as connection:
        connection.execute("CREATE TABLE log (id serial, what text)")
        yield connection


@pytest.fixture(autouse=True)
def _empty(db):
    db.execute("TRUNCATE log")


def sql(name, statement, *params, **options):
    return {"name": name, "type": "sql", "sql": statement, "params": list(params), **options}


def write(name, text, *params, **options):
    """A step that writes a line, to which the params are appended."""
    return sql(name, "INSERT INTO log (what) VALUES (concat_ws(' ', '" + text + "'"
               + "".join(f", ${n}::text" for n in range(1, len(params) + 1)) + "))",
               *params, **options)


def each(name, items, variable, steps, **options):
    return {"name": name, "type": "foreach", "items": f"$.variables.{items}", "as": variable,
            "steps": steps, **options}


def both(name, *branches, **options):
    return {"name": name, "type": "parallel", "branches": list(branches), **options}


def signal(name, text=None, **options):
    return {"name": name, "type": "signal", "signal": text or name, **options}


def start(db, steps, definition=None, **variables):
    return db.execute(
        "SELECT hitl.execute_workflow(hitl.create_workflow('language',"
        " workflow_definition => %s, input_data => %s))",
        [Jsonb({"steps": steps, **(definition or {})}), Jsonb(variables)]).fetchone()[0]


def call(db, function, *arguments):
    """SELECT hitl.function(...)"""
    return db.execute(f"SELECT hitl.{function}({', '.join(['%s'] * len(arguments))})",
                      list(arguments)).fetchone()[0]


def status_of(db, workflow):
    return db.execute("SELECT status FROM hitl.workflows WHERE id = %s", [workflow]).fetchone()[0]


def until(db, workflow, *statuses):
    wait_until(lambda: status_of(db, workflow) in statuses,
               describe=lambda: db.execute(
                   "SELECT hitl.get_workflow_status(%s) - 'variables'", [workflow]).fetchone())


def until_events(db, workflow, event, count=1, step=None):
    wait_until(lambda: len(events(db, workflow, event, step)) >= count,
               describe=lambda: (status_of(db, workflow), events(db, workflow)))


def events(db, workflow, event=None, step=None):
    return db.execute(
        "SELECT seq, event_type, step_name, scope, data FROM hitl.workflow_events"
        " WHERE workflow_id = %s AND event_type = coalesce(%s, event_type)"
        " AND (%s::text IS NULL OR step_name = %s) ORDER BY seq",
        [workflow, event, step, step]).fetchall()


def steps_of(db, workflow):
    return call(db, "workflow_data", workflow)["steps"]


def log(db):
    return [row[0] for row in db.execute("SELECT what FROM log ORDER BY id")]


def nothing_left(db, workflow, kept=0, loops=False):
    """An ended workflow awaits nothing; scopes are kept only for what might be undone."""
    def left():
        found = {"branches": db.execute(
            "SELECT count(*) FROM hitl.workflow_branches WHERE workflow_id = %s"
            " AND NOT (control IS NULL AND scope = branch)", [workflow]).fetchone()[0],
                 "scopes": db.execute(
            "SELECT count(*) FROM hitl.workflow_branches WHERE workflow_id = %s"
            " AND control IS NULL AND scope = branch", [workflow]).fetchone()[0] - kept}
        for table, condition in (
                ("messages", "true"), ("statements", "true"), ("awaited_signals", "true"),
                ("external_tasks", "status IN ('queued', 'delayed', 'claimed')"),
                ("approval_requests", "status = 'pending'"),
                ("outbox", "status IN ('queued', 'sending')")):
            found[table] = db.execute(f"SELECT count(*) FROM hitl.{table} WHERE workflow_id = %s"
                                      f" AND {condition}", [workflow]).fetchone()[0]
        return {name: count for name, count in found.items() if count}

    wait_until(lambda: not left(), describe=left)
    # A step that is gone back to is completed more than once.
    assert [fault for fault in faults(db) if fault[1] == workflow and not loops] == []


def replay(db, workflow, scope=None):
    """The data that the events of a scope amount to."""
    data = {}
    for delta, in db.execute(
            "SELECT delta FROM hitl.workflow_events WHERE workflow_id = %s AND delta IS NOT NULL"
            " AND scope IS NOT DISTINCT FROM %s ORDER BY seq", [workflow, scope]):
        if "$" in delta:
            data = delta["$"]
            continue
        for name, value in delta.items():
            if isinstance(value, dict) and isinstance(data.get(name), dict):
                data[name] = {**data[name], **value}
            else:
                data[name] = value
    return data


# What is inside of what

def test_results_of_forks_within_elements(db):
    """The last step of an element may be a fork, also one that failed."""
    inner = each("inner", "ys", "y", [sql("s", "SELECT $1::int * 10 + $2::int AS n",
                                          "{{ $.variables.x }}", "{{ $.variables.y }}")])
    workflow = start(db, [each("outer", "xs", "x", [inner])], xs=[1, 2], ys=[3, 4])
    until(db, workflow, "completed")
    assert [[y["rows"][0]["n"] for y in x] for x in steps_of(db, workflow)["outer"]] == \
        [[13, 14], [23, 24]]
    nothing_left(db, workflow)

    failing = both("inner", [sql("s", "SELECT 1/0")], [signal("never")], on_error="continue")
    workflow = start(db, [each("outer", "xs", "x", [failing])], xs=[1, 2])
    until(db, workflow, "completed")
    assert [x["error"]["kind"] for x in steps_of(db, workflow)["outer"]] == \
        ["validation_error", "validation_error"]
    nothing_left(db, workflow)

    # ... or was skipped, with a result
    workflow = start(db, [each("outer", "xs", "x", [both("inner", [signal("never")])])], xs=[1])
    until(db, workflow, "waiting")
    call(db, "skip_step", workflow, "inner", Jsonb({"by": "hand"}))
    until(db, workflow, "completed")
    assert steps_of(db, workflow)["outer"] == [{"by": "hand"}]
    nothing_left(db, workflow)


def test_scopes(db):
    """Inner variables hide outer ones; outputs stay inside; the trail amounts to the data."""
    workflow = start(db, [
        sql("before", "SELECT 'outer' AS x", output="$.variables.mine"),
        each("outer", "xs", "x", [
            sql("inside", "SELECT $1::int AS n", "{{ $.variables.x }}",
                output="$.variables.mine"),
            each("inner", "ys", "x", [
                sql("deep", "SELECT $1::text || $2::text AS t", "{{ $.variables.x }}",
                    "{{ $.variables.mine.rows[0].n }}", output="$.variables.deepest"),
                signal("go")]),
            sql("after", "SELECT $1::int AS x, $2::jsonb AS d", "{{ $.variables.x }}",
                "{{ $.variables.mine }}")])],
        xs=[1, 2], ys=["a", "b"], x="root")
    until(db, workflow, "waiting")
    for branch, data in db.execute("SELECT branch, data FROM hitl.workflow_branches"
                                   " WHERE workflow_id = %s AND data IS NOT NULL",
                                   [workflow]).fetchall():
        # The element itself is in no event: it is of the data around it.
        told = replay(db, workflow, branch)
        assert data.get("steps", {}) == told.get("steps", {}), branch
        assert told.get("variables", {}).items() <= data["variables"].items(), branch
    for _ in range(4):
        call(db, "send_signal", workflow, "go")
    until(db, workflow, "completed")
    data = call(db, "workflow_data", workflow)
    assert data["variables"]["x"] == "root"
    assert data["variables"]["mine"]["rows"] == [{"x": "outer"}]
    assert "deepest" not in data["variables"]
    assert [x["rows"][0]["x"] for x in data["steps"]["outer"]] == [1, 2]
    assert [x["rows"][0]["d"]["rows"][0]["n"] for x in data["steps"]["outer"]] == [1, 2]
    assert sorted(row["rows"][0]["t"] for row, in db.execute(
        "SELECT delta -> 'steps' -> 'deep' FROM hitl.workflow_events WHERE workflow_id = %s"
        " AND step_name = 'deep' AND event_type = 'step_completed'", [workflow])) == \
        ["a1", "a2", "b1", "b2"]
    assert replay(db, workflow) == data
    nothing_left(db, workflow)


def test_loop_around_elements(db):
    """goto around a foreach: each round has branches of its own, and leaves none."""
    workflow = start(db, [
        sql("count", "SELECT count(*) AS n FROM log WHERE what = 'round'"),
        each("each", "xs", "x", [write("w", "element", "{{ $.variables.x }}")]),
        write("mark", "round"),
        sql("check", "SELECT 1 / (CASE WHEN count(*) >= 5 THEN 1 ELSE 0 END) FROM log"
            " WHERE what = 'round'", on_error="goto:count")], xs=[1, 2, 3])
    until(db, workflow, "completed")
    assert log(db).count("round") == 5
    assert sorted(log(db))[:15] == sorted(["element 1", "element 2", "element 3"] * 5)
    nothing_left(db, workflow, loops=True)


# Commands at bad moments

def test_pause_while_a_retry_is_due(db):
    """The time of another attempt comes while the workflow is paused."""
    workflow = start(db, [sql("s", "SELECT 1 / (SELECT count(*) FROM log)",
                              retry={"max_attempts": 2, "policy": "fixed", "base_delay": "0.5 s",
                                     "jitter": 0, "on": ["validation_error"]})])
    until_events(db, workflow, "step_retried")
    call(db, "pause_workflow", workflow)
    wait_until(lambda: db.execute("SELECT count(*) FROM hitl.messages WHERE workflow_id = %s",
                                  [workflow]).fetchone() == (0,))
    db.execute("INSERT INTO log (what) VALUES ('now')")
    assert call(db, "resume_workflow", workflow) in ("running", "waiting")
    until(db, workflow, "completed")
    nothing_left(db, workflow)


def test_pause_among_elements(db):
    """Answers come while it is paused; nothing new begins; then all goes on."""
    workflow = start(db, [each("each", "xs", "x", [
        signal("go"), write("w", "did", "{{ $.variables.x }}")], concurrency=2)], xs=[1, 2, 3, 4])
    until(db, workflow, "waiting")
    call(db, "pause_workflow", workflow)
    call(db, "send_signal", workflow, "go")
    call(db, "send_signal", workflow, "go")
    call(db, "send_signal", workflow, "go")
    until_events(db, workflow, "signal_received", 3)
    wait_until(lambda: db.execute("SELECT count(*) FROM hitl.messages WHERE workflow_id = %s",
                                  [workflow]).fetchone() == (0,))
    assert log(db) == [] and status_of(db, workflow) == "paused"
    call(db, "resume_workflow", workflow)
    wait_until(lambda: len(log(db)) == 3)
    call(db, "send_signal", workflow, "go")
    until(db, workflow, "completed")
    assert sorted(log(db)) == ["did 1", "did 2", "did 3", "did 4"]
    nothing_left(db, workflow)


def test_skip_after_the_host_failed_it(db):
    """What the database failed, not a step, goes on behind the step that is skipped."""
    workflow = start(db, [
        {"name": "never", "type": "switch", "cases": [
            {"when": "$.variables.never == true", "steps": [{"name": "mark",
                                                            "type": "checkpoint"}]}]},
        sql("s", "SELECT 1/0", on_error="rollback:mark"), write("after", "after")])
    until(db, workflow, "failed")
    assert call(db, "skip_step", workflow, "s") == "running"
    until(db, workflow, "completed")
    assert log(db) == ["after"]
    nothing_left(db, workflow)


def test_rollback_after_the_host_failed_it(db):
    """What the database failed can still be taken back."""
    workflow = start(db, [
        {"name": "mark", "type": "checkpoint"},
        write("do", "do", undo=[write("undo", "undo")]),
        {"name": "never", "type": "switch", "cases": [
            {"when": "$.variables.never == true", "steps": [{"name": "other",
                                                            "type": "checkpoint"}]}]},
        sql("s", "SELECT 1/0", on_error="rollback:other")])
    until(db, workflow, "failed")
    assert call(db, "rollback_workflow", workflow, "mark") == "mark"
    until(db, workflow, "rolled_back")
    assert log(db) == ["do", "undo"]
    nothing_left(db, workflow)

    # ... also where the core does not know, and in the middle of a rollback
    workflow = start(db, [
        {"name": "mark", "type": "checkpoint"},
        write("do", "do", undo=[signal("go"), write("undo", "undo")]), signal("end")])
    until(db, workflow, "waiting")
    for _ in range(2):
        db.execute("INSERT INTO hitl.messages (workflow_id, kind, body)"
                   " VALUES (%s, 'timer', '{\"token\": \"none\"}')", [workflow])
        until(db, workflow, "failed")
        call(db, "rollback_workflow", workflow, "mark")
        until(db, workflow, "waiting")
    call(db, "send_signal", workflow, "go")
    until(db, workflow, "rolled_back")
    assert log(db)[2:] == ["do", "undo"]
    nothing_left(db, workflow)


def test_second_failure(db):
    """Elements in a parallel fail, are retried, fail again; what is done is not done again."""
    db.execute("DROP TABLE IF EXISTS good; CREATE TABLE good (n int); INSERT INTO good VALUES (1)")
    workflow = start(db, [both("both", [each("each", "xs", "x", [
        write("w", "element", "{{ $.variables.x }}"),
        sql("check", "SELECT 1 / (SELECT count(*) FROM good WHERE n = $1)",
            "{{ $.variables.x }}")])], [signal("other"), write("o", "other")])],
                     xs=[1, 2, 3])
    for number in (2, 3):
        until(db, workflow, "failed")
        db.execute("INSERT INTO good VALUES (%s)", [number])
        call(db, "retry_workflow", workflow)
    until(db, workflow, "waiting")
    assert len(events(db, workflow, "workflow_failed")) == 2
    assert len(events(db, workflow, "step_completed", "check")) == 3
    call(db, "send_signal", workflow, "other")
    until(db, workflow, "completed")
    assert sorted(log(db)) == ["element 1", "element 2", "element 3", "other"]
    nothing_left(db, workflow)


def test_skip_in_one_element(db):
    workflow = start(db, [each("each", "xs", "x", [signal("go"), write(
        "w", "did", "{{ $.variables.x }}")])], xs=[1, 2, 3])
    until(db, workflow, "waiting")
    scopes = [row[0] for row in db.execute(
        "SELECT branch FROM hitl.workflow_branches WHERE workflow_id = %s ORDER BY 1", [workflow])]
    with pytest.raises(psycopg.Error, match="cannot be"):
        call(db, "skip_step", workflow, "go")
    call(db, "skip_step", workflow, "go", None, None, scopes[1])
    wait_until(lambda: log(db) == ["did 2"])
    call(db, "send_signal", workflow, "go")
    call(db, "send_signal", workflow, "go")
    until(db, workflow, "completed")
    assert sorted(log(db)) == ["did 1", "did 2", "did 3"]
    nothing_left(db, workflow)


# Rollbacks

def waiting_everywhere(*more):
    """Branches that wait for all there is to wait for."""
    child = {"name": "child", "type": "workflow",
             "definition": {"steps": [signal("inner_signal")]}}
    return both("all",
                [signal("s")],
                [{"name": "w", "type": "wait", "for": "1 day"}],
                [{"name": "x", "type": "task", "task": "do", "executor": "external"}],
                [{"name": "a", "type": "approval", "title": "Go?", "requested_from": "ann"}],
                [child],
                [sql("q", "SELECT pg_sleep(60)")],
                [sql("r", "SELECT 1/0", retry={"max_attempts": 9, "base_delay": "1 hour",
                                               "on": ["validation_error"]})],
                *more, timeout="2 days")


@pytest.mark.parametrize("end", ["rollback", "cancel", "fail", "skip"])
def test_ends_while_all_is_awaited(db, end):
    more = [[signal("fail"), sql("f", "SELECT 1/0")]] if end == "fail" else []
    workflow = start(db, [{"name": "mark", "type": "checkpoint"}, waiting_everywhere(*more)])
    until_events(db, workflow, "step_retried")
    until_events(db, workflow, "child_started")
    child, = db.execute("SELECT id FROM hitl.workflows WHERE parent_id = %s",
                        [workflow]).fetchone()
    until(db, child, "waiting")
    wait_until(lambda: db.execute("SELECT count(*) FROM pg_stat_activity"
                                  " WHERE query = 'SELECT pg_sleep(60)'").fetchone()[0] > 0)
    if end == "rollback":
        call(db, "rollback_workflow", workflow, "mark")
        until(db, workflow, "rolled_back")
    elif end == "cancel":
        call(db, "cancel_workflow", workflow)
        until(db, workflow, "cancelled")
    elif end == "fail":
        call(db, "send_signal", workflow, "fail")
        until(db, workflow, "failed")
    else:
        call(db, "skip_step", workflow, "all")
        until(db, workflow, "completed")
    until(db, child, "cancelled")
    if end == "fail":  # its branches stay, for a retry
        call(db, "retry_workflow", workflow)
        until_events(db, workflow, "child_started", 2)
        until(db, workflow, "failed")
        call(db, "rollback_workflow", workflow, "mark")
    nothing_left(db, workflow)
    nothing_left(db, child)


def test_undo_among_elements_that_wait(db):
    """Elements that were under way do not go on with a rollback that failed and is retried."""
    db.execute("DROP TABLE IF EXISTS good; CREATE TABLE good (n int)")
    workflow = start(db, [
        {"name": "mark", "type": "checkpoint"},
        each("each", "xs", "x", [
            write("w", "do", "{{ $.variables.x }}", undo=[
                sql("check", "SELECT 1 / (SELECT count(*) FROM good)"),
                write("u", "undo", "{{ $.variables.x }}")]),
            signal("go"), write("late", "late")])], xs=["a", "b", "c"])
    until(db, workflow, "waiting")
    call(db, "rollback_workflow", workflow, "mark")
    until(db, workflow, "failed")
    db.execute("INSERT INTO good VALUES (1)")
    for _ in range(3):
        call(db, "send_signal", workflow, "go")
    call(db, "retry_workflow", workflow)
    until(db, workflow, "rolled_back")
    assert sorted(log(db)[:3]) == ["do a", "do b", "do c"]
    assert sorted(log(db)[3:]) == ["undo a", "undo b", "undo c"]
    undone = [event[4]["event"] for event in events(db, workflow, "step_undone")]
    assert len(undone) == 3 and undone == sorted(undone, reverse=True)
    nothing_left(db, workflow)
    call(db, "execute_workflow", workflow)
    until(db, workflow, "completed")
    assert log(db).count("late") == 3
    nothing_left(db, workflow, kept=3)
    # Completed as it is, it can be taken back.
    db.execute("TRUNCATE log")
    call(db, "rollback_workflow", workflow, "mark")
    until(db, workflow, "rolled_back")
    assert sorted(log(db)) == ["undo a", "undo b", "undo c"]
    nothing_left(db, workflow)


def test_abandoned_elements_stay_abandoned(db):
    """The scopes of a foreach that timed out are kept for an undo, and nothing else."""
    workflow = start(db, [
        {"name": "mark", "type": "checkpoint"},
        each("first", "xs", "x", [write("w", "do", "{{ $.variables.x }}",
                                        undo=[write("u", "undo", "{{ $.variables.x }}")]),
                                  signal("never"), write("late", "late")],
             timeout="0.3 s", on_timeout="continue", concurrency=2),
        each("second", "xs", "x", [signal("go")])], xs=[1, 2, 3])
    until_events(db, workflow, "step_failed", step="first")
    until(db, workflow, "waiting")
    call(db, "pause_workflow", workflow)
    call(db, "resume_workflow", workflow)
    until(db, workflow, "waiting")
    for _ in range(3):
        call(db, "send_signal", workflow, "never")
        call(db, "send_signal", workflow, "go")
    until(db, workflow, "completed")
    assert sorted(log(db)) == ["do 1", "do 2"]
    nothing_left(db, workflow, kept=3)
    call(db, "rollback_workflow", workflow, "mark")
    until(db, workflow, "rolled_back")
    assert sorted(log(db)) == ["do 1", "do 2", "undo 1", "undo 2"]
    nothing_left(db, workflow)


def test_a_step_has_others_taken_back(db):
    """An element's "on_error" rolls back what the others, which wait, have done."""
    db.execute("DROP TABLE IF EXISTS good; CREATE TABLE good (n int)")
    workflow = start(db, [
        {"name": "mark", "type": "checkpoint"},
        each("each", "xs", "x", [
            write("w", "do", "{{ $.variables.x }}",
                  undo=[write("u", "undo", "{{ $.variables.x }}")]),
            signal("go"),
            sql("boom", "SELECT 1 / (SELECT count(*) FROM good)", on_error="rollback:mark")])],
                     xs=["a", "b", "c"])
    until(db, workflow, "waiting")
    call(db, "send_signal", workflow, "go")
    until(db, workflow, "rolled_back")
    assert sorted(log(db)[:3]) == ["do a", "do b", "do c"]
    assert sorted(log(db)[3:]) == ["undo a", "undo b", "undo c"]
    nothing_left(db, workflow)
    call(db, "send_signal", workflow, "go")  # kept for when it goes on
    db.execute("INSERT INTO good VALUES (1)")
    call(db, "execute_workflow", workflow)
    until(db, workflow, "waiting")
    for _ in range(2):
        call(db, "send_signal", workflow, "go")
    until(db, workflow, "completed")
    assert sorted(log(db)[6:]) == ["do a", "do b", "do c"]
    nothing_left(db, workflow, kept=3)


def test_one_rollback_at_a_time(db):
    """Not even to a checkpoint since which there is nothing left to undo."""
    workflow = start(db, [
        {"name": "first", "type": "checkpoint"},
        write("one", "do 1", undo=[signal("go"), write("undo_one", "undo 1")]),
        {"name": "second", "type": "checkpoint"},
        write("two", "do 2", undo=[write("undo_two", "undo 2")]), signal("end")])
    until(db, workflow, "waiting")
    call(db, "rollback_workflow", workflow, "first")
    wait_until(lambda: log(db) == ["do 1", "do 2", "undo 2"])
    until(db, workflow, "waiting")
    with pytest.raises(psycopg.Error, match="being rolled back already"):
        call(db, "rollback_workflow", workflow, "second")
    call(db, "send_signal", workflow, "go")
    until(db, workflow, "rolled_back")
    assert log(db)[2:] == ["undo 2", "undo 1"]
    nothing_left(db, workflow)


def test_checkpoint_within_a_parallel(db):
    """A rollback to it brings the other branch back to where it was then."""
    workflow = start(db, [both(
        "both",
        [signal("one"), {"name": "mark", "type": "checkpoint"}, write("a", "a"), signal("two")],
        [write("b", "b"), signal("three"), write("c", "c"), signal("four")]), write("end", "end")])
    until(db, workflow, "waiting")
    call(db, "send_signal", workflow, "one")
    wait_until(lambda: sorted(log(db)) == ["a", "b"])
    call(db, "send_signal", workflow, "three")
    wait_until(lambda: sorted(log(db)) == ["a", "b", "c"])
    until(db, workflow, "waiting")
    call(db, "rollback_workflow", workflow, "mark")
    call(db, "execute_workflow", workflow)
    wait_until(lambda: sorted(log(db)) == ["a", "a", "b", "c"])
    for name in ("three", "two", "four"):
        call(db, "send_signal", workflow, name)
    until(db, workflow, "completed")
    assert sorted(log(db)) == ["a", "a", "b", "c", "c", "end"]
    nothing_left(db, workflow)


# Races and crashes

def test_any_withdraws_a_running_statement(db):
    """What the other branch's statement would have done does not happen."""
    for _ in range(5):
        workflow = start(db, [both(
            "race", [write("slow", "slow"), sql("sleep", "WITH w AS (INSERT INTO log (what)"
                     " VALUES ('never') RETURNING 1) SELECT pg_sleep(30) FROM w")],
            [signal("go")], wait_for="any"), write("end", "end")])
        wait_until(lambda: db.execute("SELECT count(*) FROM pg_stat_activity WHERE state = 'active'"
                                      " AND query LIKE 'WITH w AS%%'").fetchone()[0] > 0)
        call(db, "send_signal", workflow, "go")
        until(db, workflow, "completed")
        assert steps_of(db, workflow)["race"] == {"branches": ["cancelled", "completed"]}
        nothing_left(db, workflow)
    assert log(db) == ["slow", "end"] * 5


def test_cancel_three_generations(db):
    """Children that are ending just then make no difference."""
    def nest(steps, levels):
        for level in range(levels):
            steps = [{"name": f"child_{level}", "type": "workflow", "definition": {"steps": steps}}]
        return steps

    workflows = [start(db, nest([signal("end")], 3)) for _ in range(20)]
    leaves = wait_until(lambda: (lambda rows: rows if len(rows) == 20 else None)(db.execute(
        "WITH RECURSIVE d AS (SELECT id, id AS root, 0 AS depth FROM hitl.workflows"
        " WHERE id = ANY (%s) UNION ALL SELECT w.id, d.root, d.depth + 1 FROM d"
        " JOIN hitl.workflows w ON w.parent_id = d.id) SELECT d.id, root FROM d"
        " JOIN hitl.workflows w USING (id) WHERE d.depth = 3 AND w.status = 'waiting'",
        [workflows]).fetchall()))

    def finish():
        with psycopg.connect(db.info.dsn, autocommit=True) as other:
            for leaf, _ in leaves:
                try:
                    call(other, "send_signal", leaf, "end")
                except psycopg.Error as error:
                    assert error.sqlstate.startswith("WF")

    thread = threading.Thread(target=finish)
    thread.start()
    for workflow in workflows:
        try:
            call(db, "cancel_workflow", workflow)
        except psycopg.Error as error:
            assert "completed" in str(error)
    thread.join()
    family = wait_until(lambda: (lambda rows: rows if all(
        status in ("cancelled", "completed") for _, status in rows) else None)(db.execute(
            "WITH RECURSIVE d AS (SELECT id, status FROM hitl.workflows WHERE id = ANY (%s)"
            " UNION ALL SELECT w.id, w.status FROM d JOIN hitl.workflows w ON w.parent_id = d.id)"
            " SELECT * FROM d", [workflows]).fetchall()))
    assert len(family) == 80
    for workflow, _ in family:
        nothing_left(db, workflow)


def test_timeout_of_a_fork_with_children(db):
    workflow = start(db, [each("each", "xs", "x", [
        {"name": "child", "type": "workflow", "definition": {"steps": [
            {"name": "grandchild", "type": "workflow", "definition": {"steps": [signal("s")]}}]}}],
        timeout="1 s", on_timeout="continue", concurrency=2), write("end", "end")], xs=[1, 2, 3])
    until(db, workflow, "completed")
    assert log(db) == ["end"]
    wait_until(lambda: db.execute(
        "WITH RECURSIVE d AS (SELECT id, status FROM hitl.workflows WHERE parent_id = %s"
        " UNION ALL SELECT w.id, w.status FROM d JOIN hitl.workflows w ON w.parent_id = d.id)"
        " SELECT array_agg(DISTINCT status) FROM d", [workflow]).fetchone() == (["cancelled"],))
    nothing_left(db, workflow)


def test_who_waited_longest(db):
    """It is not the branch with the smaller number."""
    workflow = start(db, [both(
        "both",
        [signal("first"), signal("one", "s"), write("w1", "one")],
        [signal("two", "s"), write("w2", "two")])])
    until(db, workflow, "waiting")
    call(db, "send_signal", workflow, "first")
    until_events(db, workflow, "step_completed", step="first")
    until(db, workflow, "waiting")
    call(db, "send_signal", workflow, "s")
    wait_until(lambda: log(db))
    assert log(db) == ["two"]
    call(db, "send_signal", workflow, "s")
    until(db, workflow, "completed")
    assert log(db) == ["two", "one"]
    nothing_left(db, workflow)


def test_many_signals(db):
    """Of a thousand that were kept the oldest are taken, each once, and the others stay."""
    workflow = start(db, [signal("begin"), each("each", "xs", "x", [
        signal("s", "n"), sql("w", "INSERT INTO log (what) VALUES ($1)",
                              "{{ $.steps.s.payload }}")], concurrency=50)], xs=list(range(300)))
    until(db, workflow, "waiting")
    db.execute("SELECT hitl.send_signal(%s, 'n', to_jsonb(n)) FROM generate_series(1, 1000) n",
               [workflow])
    until_events(db, workflow, "signal_received", 1000)
    call(db, "send_signal", workflow, "begin")
    until(db, workflow, "completed")
    taken = set(map(int, log(db)))
    kept = {row[0] for row in db.execute("SELECT payload FROM hitl.signals WHERE workflow_id = %s",
                                         [workflow])}
    assert len(log(db)) == len(taken) == 300
    assert taken == set(range(1, 301)) and kept == set(range(301, 1001))
    nothing_left(db, workflow)


def test_kill_among_statements(cluster, db):
    """300 elements with two statements each; workers and server die in the middle: once each."""
    workflow = start(db, [each("each", "xs", "x", [
        write("w", "first", "{{ $.variables.x }}"), write("v", "second", "{{ $.variables.x }}")])],
                     xs=list(range(300)))
    for count, kind in ((30, "executor"), (90, "engine"), (150, "executor")):
        with cluster.connect() as connection:
            wait_until(lambda count=count: len(log(connection)) >= count)
        pid = wait_until(lambda kind=kind: (cluster.worker(kind) or {}).get("pid"))
        cluster.kill(pid)
        cluster.wait_until_gone(pid)
    with cluster.connect() as connection:
        until(connection, workflow, "completed")
        assert sorted(log(connection)) == sorted(
            [f"{which} {n}" for which in ("first", "second") for n in range(300)])
        nothing_left(connection, workflow)
