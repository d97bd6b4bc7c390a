"""Failed workflows: some go on, by hand or by policy, and none is tried for ever."""
import sys

import psycopg
import pytest
from harness import ROOT, wait_until
from psycopg.types.json import Jsonb
from trail import ASK, TASKS, faults, make, statuses

sys.path.insert(0, str(ROOT / "test/servers"))
from inference_server import InferenceServer  # noqa: E402

BATCH = 50
SETTINGS = {"hitl__batch_size": BATCH, "hitl__allowed_private_hosts": "127.0.0.1",
            "hitl__breaker_threshold": 0}
SCRIPT = {"answers": [{"match": "thrice", "answer": "at last", "fail_first": 3},
                      {"match": "never", "answer": "what?", "fail_first": 10 ** 9}],
          "default": "Done."}


@pytest.fixture(scope="module", autouse=True)
def model(cluster):
    with InferenceServer(SCRIPT) as server:
        cluster.sql("SELECT hitl.create_model('echo', provider => 'builtin', is_default => true)")
        cluster.sql("SELECT hitl.create_model('remote', base_url => %s, model => 'm')",
                    [server.base_url])
        yield


def asking(task):
    """A definition that asks the remote model, once."""
    return {"steps": [{"name": "before", "type": "task", "task": "prepare"},
                      {"name": "ask", "type": "task", "task": task, "model": "remote",
                       "retry": {"max_attempts": 1}}]}


@pytest.fixture
def client(cluster):
    """A session; afterwards the queue is empty and all trails are whole."""
    with cluster.connect() as connection:
        yield connection
        wait_until(lambda: connection.execute(
            "SELECT count(*) = 0 FROM hitl.messages").fetchone()[0],
            describe=lambda: connection.execute("SELECT * FROM hitl.messages LIMIT 5").fetchall())
        assert faults(connection) == []
        connection.execute("DELETE FROM hitl.recovery_policies")
        connection.execute("UPDATE hitl.workflows SET recoveries = 99 WHERE status = 'failed'")
    cluster.wait_for_workers()


@pytest.fixture
def trap(cluster):
    """Functions that make every event of a workflow but its failure an error, and no more."""
    cluster.psql("""
        CREATE TABLE trapped (workflow_id uuid);
        CREATE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (SELECT FROM public.trapped t WHERE t.workflow_id = NEW.workflow_id) THEN
                RAISE 'trapped' USING ERRCODE = 'ZZ123';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER trap BEFORE INSERT ON hitl.workflow_events FOR EACH ROW
            WHEN (NEW.event_type <> 'workflow_failed') EXECUTE FUNCTION public.trap();""")
    yield lambda workflow: cluster.sql("INSERT INTO trapped VALUES (%s)", [workflow])
    cluster.psql("""
        DROP TRIGGER trap ON hitl.workflow_events;
        DROP FUNCTION trap();
        DROP TABLE trapped;""")


def until_ended(client, ids, **expected):
    wait_until(lambda: statuses(client, ids) == expected, describe=lambda: statuses(client, ids))


def until_asked(client, ids):
    until_ended(client, ids, waiting_approval=len(ids))


def error_of(client, workflow):
    return client.execute("SELECT error FROM hitl.workflows WHERE id = %s",
                          [workflow]).fetchone()[0]


def events_of(client, workflow):
    return [kind for kind, in client.execute(
        "SELECT event_type FROM hitl.workflow_events WHERE workflow_id = %s ORDER BY seq",
        [workflow])]


def recoveries_of(client, workflow):
    return client.execute("SELECT recoveries FROM hitl.workflows WHERE id = %s",
                          [workflow]).fetchone()[0]


# What the engine has failed

def test_start_that_was_lost(client, trap):
    """A workflow that failed before it began is told again what it was told to begin with."""
    workflow, = make(client, TASKS, start=False)
    trap(workflow)
    client.execute("SELECT hitl.execute_workflow(%s, 'the goal', '{\"color\": \"red\"}')",
                   [workflow])
    until_ended(client, [workflow], failed=1)
    assert error_of(client, workflow)["message"] == "trapped"
    client.execute("DELETE FROM trapped")
    status, = client.execute("SELECT hitl.retry_workflow(%s, 'mended')", [workflow]).fetchone()
    assert status == "pending"
    until_ended(client, [workflow], completed=1)
    data, = client.execute("SELECT data FROM hitl.workflows WHERE id = %s", [workflow]).fetchone()
    assert data["task"] == "the goal" and data["variables"] == {"color": "red"}
    assert events_of(client, workflow)[:3] == ["workflow_created", "workflow_failed",
                                               "workflow_retried"]


def test_owner_that_vanished(client):
    """Nobody acts for a role that is gone: the workflow fails, and says why."""
    client.execute("CREATE ROLE passing; SELECT hitl.grant_access('passing', 'operator');"
                   "SET ROLE passing")
    workflow, = make(client, TASKS, start=False)
    client.execute("RESET ROLE; SELECT hitl.revoke_access('passing'); DROP ROLE passing")
    client.execute("SELECT hitl.set_recovery_policy('system_error', 5, '{\"base_delay\": 0.001}')")
    client.execute("SELECT hitl.execute_workflow(%s)", [workflow])
    until_ended(client, [workflow], failed=1)
    assert error_of(client, workflow) == {
        "kind": "permission_error", "message": 'role "passing", which owns it, does not exist'}
    # An administrator names the kind: the recovery is refused, and that is recorded.
    told, = client.execute("SELECT hitl.recover_failed_workflows('{permission_error}')").fetchone()
    assert told == 1
    wait_until(lambda: events_of(client, workflow)[-1] == "recovery_refused")
    assert statuses(client, [workflow]) == {"failed": 1} and recoveries_of(client, workflow) == 0
    with pytest.raises(Exception, match='role "passing" does not exist'):
        client.execute("SELECT hitl.retry_workflow(%s)", [workflow])


def test_definition_that_never_comes(cluster, client):
    """A workflow whose definition is missing is put off, and failed when that lasts."""
    definition = {"steps": [{"name": "soon_missing", "type": "checkpoint"}, *ASK["steps"]]}
    workflow, = make(client, definition)
    until_asked(client, [workflow])
    client.execute("SELECT hitl.set_recovery_policy('system_error', 5, '{\"base_delay\": 0.001}')")
    client.execute("DELETE FROM hitl.definitions WHERE definition = %s", [Jsonb(definition)])
    pid = cluster.worker("engine")["pid"]
    client.execute("SELECT pg_terminate_backend(%s)", [pid])
    cluster.wait_for_workers(besides=[pid])
    client.execute("SELECT hitl.respond_to_approval(id, 'ann', 'approved')"
                   " FROM hitl.approval_requests WHERE workflow_id = %s", [workflow])

    def put_off():
        row = client.execute("SELECT body -> 'put_off' FROM hitl.messages"
                             " WHERE workflow_id = %s", [workflow]).fetchone()
        return row and row[0]
    wait_until(lambda: put_off() == 1)
    assert statuses(client, [workflow]) == {"waiting_approval": 1}
    # As it is an hour later.
    client.execute("UPDATE hitl.messages SET due_at = now(), body = body || '{\"put_off\": 59}'"
                   " WHERE workflow_id = %s", [workflow])
    client.execute("NOTIFY hitl")
    until_ended(client, [workflow], failed=1)
    error = error_of(client, workflow)
    assert error["kind"] == "system_error" and error["message"] == "its definition is missing"
    assert client.execute("SELECT count(*) FROM hitl.planned_recoveries").fetchone() == (0,)


def test_many_slow_messages(cluster, client):
    """Messages that take too long together are taken in smaller groups; nothing fails."""
    workflow, = make(client, ASK)
    until_asked(client, [workflow])
    client.execute("""
        CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM pg_sleep(0.03);
            RETURN NEW;
        END $$;
        CREATE TRIGGER slow BEFORE INSERT ON hitl.workflow_events FOR EACH ROW
            WHEN (NEW.event_type = 'signal_received') EXECUTE FUNCTION public.slow();""")
    cluster.configure(hitl__batch_timeout="700ms")
    cluster.reload()
    try:
        with client.transaction():
            for number in range(2 * BATCH):
                client.execute("SELECT hitl.send_signal(%s, 'x', %s)", [workflow, Jsonb(number)])
        wait_until(lambda: client.execute("SELECT count(*) FROM hitl.signals WHERE workflow_id"
                                          " = %s", [workflow]).fetchone() == (2 * BATCH,))
        assert cluster.worker("engine")["errors"] > 0
    finally:
        cluster.configure(hitl__batch_timeout="30s")
        cluster.reload()
        client.execute("DROP TRIGGER slow ON hitl.workflow_events; DROP FUNCTION slow()")
    numbers = [payload for payload, in client.execute(
        "SELECT payload FROM hitl.signals WHERE workflow_id = %s ORDER BY id", [workflow])]
    assert numbers == list(range(2 * BATCH))
    client.execute("SELECT hitl.cancel_workflow(%s)", [workflow])


def test_question_that_was_lost(client, trap):
    """When a failed workflow is retried it asks again; the old question is withdrawn."""
    workflow, = make(client, ASK)
    until_asked(client, [workflow])
    trap(workflow)
    client.execute("SELECT hitl.respond_to_approval(id, 'ann', 'approved')"
                   " FROM hitl.approval_requests WHERE workflow_id = %s", [workflow])
    until_ended(client, [workflow], failed=1)
    client.execute("DELETE FROM trapped")
    assert client.execute("SELECT hitl.retry_workflow(%s)", [workflow]).fetchone() == ("running",)
    until_asked(client, [workflow])
    client.execute("SELECT hitl.respond_to_approval(id, 'ann', 'approved')"
                   " FROM hitl.approval_requests WHERE workflow_id = %s AND status = 'pending'",
                   [workflow])
    until_ended(client, [workflow], completed=1)


def test_elements_are_not_run_again(client):
    """A foreach that failed in the middle goes on with what is left, each element once."""
    client.execute("CREATE TABLE done (element integer);"
                   "CREATE TABLE divisor (value integer); INSERT INTO divisor VALUES (0)")
    workflow, = client.execute("""
        SELECT hitl.execute_workflow(hitl.create_workflow('test', workflow_definition => %s,
            input_data => %s))""", [Jsonb({"steps": [
                {"name": "all", "type": "foreach", "items": "$.variables.numbers", "as": "number",
                 "concurrency": 4, "steps": [
                     {"name": "divide", "type": "sql", "params": ["{{ $.variables.number }}"],
                      "sql": "INSERT INTO public.done SELECT $1 FROM public.divisor"
                             " WHERE $1 <> 7 OR 1 / value = 1"}]}]}),
            Jsonb({"numbers": list(range(20))})]).fetchone()
    until_ended(client, [workflow], failed=1)
    assert error_of(client, workflow)["kind"] == "validation_error"
    first = client.execute("SELECT count(*) FROM done").fetchone()[0]
    assert 0 < first < 20
    # It fails once more, and nothing is done twice.
    client.execute("SELECT hitl.retry_workflow(%s)", [workflow])
    until_ended(client, [workflow], failed=1)
    client.execute("UPDATE divisor SET value = 1")
    client.execute("SELECT hitl.retry_workflow(%s)", [workflow])
    until_ended(client, [workflow], completed=1)
    assert client.execute("SELECT array_agg(element ORDER BY element) FROM done").fetchone() == (
        list(range(20)),)
    client.execute("DROP TABLE done, divisor")


def test_signal_that_was_lost(client, trap):
    """A signal that came while the workflow could not be processed is told again."""
    workflow, = make(client, {"steps": [{"name": "paid", "type": "signal", "signal": "paid"}]})
    until_ended(client, [workflow], waiting=1)
    trap(workflow)
    client.execute("SELECT hitl.send_signal(%s, 'paid', '7')", [workflow])
    until_ended(client, [workflow], failed=1)
    client.execute("DELETE FROM trapped")
    client.execute("SELECT hitl.retry_workflow(%s)", [workflow])
    until_ended(client, [workflow], completed=1)
    assert client.execute("SELECT data #> '{steps,paid,payload}' FROM hitl.workflows"
                          " WHERE id = %s", [workflow]).fetchone() == (7,)


def test_place_that_is_not_known(client):
    """Where the control state tells of no failure, a retry is refused, not guessed."""
    workflow, = make(client, TASKS)
    until_ended(client, [workflow], completed=1)
    client.execute("UPDATE hitl.workflows SET status = 'failed', finished_at = now(),"
                   " error = '{\"kind\": \"unknown_error\"}' WHERE id = %s", [workflow])
    with pytest.raises(psycopg.Error, match="The workflow has not failed.") as refused:
        client.execute("SELECT hitl.retry_workflow(%s)", [workflow])
    assert refused.value.sqlstate == "WF010"
    assert client.execute("SELECT hitl.recover_failed_workflows()").fetchone() == (1,)
    wait_until(lambda: events_of(client, workflow)[-1] == "recovery_refused")
    assert statuses(client, [workflow]) == {"failed": 1}


# Policies

def test_policy(client):
    """What may pass by itself is recovered, as often as a policy says."""
    client.execute("SELECT hitl.set_recovery_policy('service_unavailable', 3,"
                   " '{\"base_delay\": 0.01}')")
    workflow, = make(client, asking("thrice"))
    until_ended(client, [workflow], completed=1)
    assert recoveries_of(client, workflow) == 3
    events = events_of(client, workflow)
    assert events.count("workflow_failed") == events.count("workflow_recovered") == 3
    # The step before was done once.
    assert client.execute("SELECT count(*) FROM hitl.workflow_events WHERE workflow_id = %s"
                          " AND step_name = 'before' AND event_type = 'step_completed'",
                          [workflow]).fetchone() == (1,)


def test_policy_comes_to_an_end(client):
    """After so many recoveries the workflow stays failed, until somebody vouches for it."""
    client.execute("SELECT hitl.set_recovery_policy('service_unavailable', 2,"
                   " '{\"base_delay\": 0.01}')")
    workflow, = make(client, asking("never"))
    wait_until(lambda: events_of(client, workflow).count("workflow_failed") == 3)
    assert statuses(client, [workflow]) == {"failed": 1} and recoveries_of(client, workflow) == 2
    assert client.execute("SELECT count(*) FROM hitl.messages WHERE workflow_id = %s"
                          " AND kind = 'recover'", [workflow]).fetchone() == (0,)
    error = error_of(client, workflow)
    assert (error["kind"], error["step"]) == ("service_unavailable", "ask")
    client.execute("SELECT hitl.retry_workflow(%s)", [workflow])
    wait_until(lambda: events_of(client, workflow).count("workflow_failed") == 6)
    assert recoveries_of(client, workflow) == 2


def test_policy_of_a_template(client):
    """A policy for a template goes before the general one, and concerns no others."""
    client.execute("SELECT hitl.create_template('flaky', definition => %s)",
                   [Jsonb(asking("never"))])
    client.execute("SELECT hitl.set_recovery_policy('service_unavailable', 1,"
                   " '{\"base_delay\": 0.01}', 'flaky')")
    workflow, = client.execute("SELECT hitl.start_template('flaky')").fetchone()
    other, = make(client, asking("never"))
    wait_until(lambda: events_of(client, workflow).count("workflow_failed") == 2)
    until_ended(client, [workflow, other], failed=2)
    assert (recoveries_of(client, workflow), recoveries_of(client, other)) == (1, 0)


def test_failures_that_stay(client):
    """A failure that repeating cannot mend is recovered only where a policy names it."""
    client.execute("SELECT hitl.set_recovery_policy(kind, 1, '{\"base_delay\": 0.001}')"
                   " FROM unnest('{service_unavailable,system_error,unknown_error}'::text[])"
                   " AS kind")
    faulty, = make(client, {"steps": [{"name": "a", "type": "task",
                                       "task": "{{ $.variables.nothing }}"}]})
    endless, = make(client, {"steps": [
        {"name": "a", "type": "checkpoint"},
        {"name": "b", "type": "task", "task": "{{ $.variables.nothing }}",
         "on_error": "goto:a"}]})
    until_ended(client, [faulty, endless], failed=2)
    assert error_of(client, faulty)["kind"] == "validation_error"
    assert error_of(client, endless)["message"] == "step budget exhausted"
    assert client.execute("SELECT count(*) FROM hitl.planned_recoveries").fetchone() == (0,)
    assert client.execute("SELECT hitl.recover_failed_workflows()").fetchone() == (0,)
    client.execute("SELECT hitl.set_recovery_policy('step_budget', 1, '{\"base_delay\": 0.001}')")
    client.execute("SELECT hitl.retry_workflow(%s)", [endless])
    wait_until(lambda: events_of(client, endless).count("workflow_failed") == 3,
               describe=lambda: events_of(client, endless)[-5:])
    assert statuses(client, [endless]) == {"failed": 1} and recoveries_of(client, endless) == 1


def test_poison_is_not_recovered_for_ever(client, trap):
    """What the engine itself fails is recovered by a policy for system errors, so many times."""
    client.execute("SELECT hitl.set_recovery_policy('system_error', 2, '{\"base_delay\": 0.001}')")
    workflow, = make(client, TASKS, start=False)
    client.execute("SELECT hitl.execute_workflow(%s)", [workflow])
    until_ended(client, [workflow], completed=1)
    workflow, = make(client, ASK)
    until_asked(client, [workflow])
    trap(workflow)
    client.execute("SELECT hitl.cancel_approval(id) FROM hitl.approval_requests"
                   " WHERE workflow_id = %s", [workflow])
    until_ended(client, [workflow], failed=1)
    # Nor can its recovery be recorded; the message is gone, and it stays failed.
    wait_until(lambda: client.execute("SELECT count(*) = 0 FROM hitl.messages").fetchone()[0])
    assert statuses(client, [workflow]) == {"failed": 1}
    assert error_of(client, workflow)["message"] == "trapped"


# Many at once

def test_bulk(cluster, client):
    """An operator recovers the failures of his own workflows, an administrator everybody's."""
    for role, level in (("op", "operator"), ("boss", "admin")):
        client.execute(f"CREATE ROLE {role}; SELECT hitl.grant_access('{role}', '{level}')")
    mine = make(client, asking("never"), 3)
    client.execute("SET ROLE op")
    theirs = make(client, asking("never"), 5)
    client.execute("RESET ROLE")
    until_ended(client, mine + theirs, failed=8)

    def recover(role, arguments=""):
        client.execute(f"SET ROLE {role}")
        count, = client.execute(f"SELECT hitl.recover_failed_workflows({arguments})").fetchone()
        client.execute("RESET ROLE")
        return count
    assert recover("op", "'{network_error}'") == 0
    assert recover("op", "since => '0 seconds'") == 0
    assert recover("op", "max_workflows => 2, reason => 'it is back'") == 2
    wait_until(lambda: client.execute(
        "SELECT sum(recoveries) = 2 AND bool_and(status = 'failed') FROM hitl.workflows"
        " WHERE id = ANY (%s)", [theirs]).fetchone()[0])
    event = client.execute("SELECT actor, data FROM hitl.workflow_events WHERE workflow_id = ANY"
                           " (%s) AND event_type = 'workflow_recovered' LIMIT 1",
                           [theirs]).fetchone()
    assert event[0] == "op" and event[1]["reason"] == "it is back"
    # Those recovered often enough are left alone.
    assert recover("boss", "max_recoveries => 1") == 6
    wait_until(lambda: client.execute(
        "SELECT bool_and(recoveries = 1 AND status = 'failed') FROM hitl.workflows"
        " WHERE id = ANY (%s)", [mine + theirs]).fetchone()[0])
    assert recover("boss", "max_recoveries => 1") == 0
    client.execute("UPDATE hitl.workflows SET recoveries = 10 WHERE id = ANY (%s)",
                   [mine + theirs])
    for role in ("op", "boss"):
        client.execute(f"SELECT hitl.revoke_access('{role}')")
    client.execute("DROP ROLE boss")


def test_recovery_that_comes_too_late(cluster, client):
    """A recovery is for one failure: when the workflow has gone on meanwhile, it does nothing."""
    client.execute("SELECT hitl.set_recovery_policy('service_unavailable', 9,"
                   " '{\"base_delay\": \"1 hour\"}')")
    workflow, = make(client, asking("never"))
    until_ended(client, [workflow], failed=1)
    assert client.execute("SELECT workflow_id, recoveries FROM hitl.planned_recoveries"
                          ).fetchall() == [(workflow, 0)]
    # Twice at once is once.
    with client.transaction():
        client.execute("INSERT INTO hitl.messages (workflow_id, kind, body)"
                       " SELECT workflow_id, kind, body FROM hitl.messages,"
                       " generate_series(1, 2) WHERE workflow_id = %s", [workflow])
    wait_until(lambda: events_of(client, workflow).count("workflow_failed") == 2)
    assert recoveries_of(client, workflow) == 1
    # The one planned for the first failure comes after the second: nothing happens.
    client.execute("UPDATE hitl.messages SET due_at = now() WHERE id = (SELECT min(id)"
                   " FROM hitl.messages WHERE workflow_id = %s)", [workflow])
    client.execute("NOTIFY hitl")
    wait_until(lambda: client.execute("SELECT count(*) = 1 FROM hitl.messages WHERE"
                                      " workflow_id = %s", [workflow]).fetchone()[0])
    assert recoveries_of(client, workflow) == 1
    assert events_of(client, workflow).count("workflow_failed") == 2
    # Retried by hand and skipped, it ends, whatever is planned.
    client.execute("SELECT hitl.skip_step(%s, 'ask', '\"by hand\"')", [workflow])
    until_ended(client, [workflow], completed=1)
    client.execute("UPDATE hitl.messages SET due_at = now() WHERE workflow_id = %s", [workflow])
    client.execute("NOTIFY hitl")
    wait_until(lambda: client.execute("SELECT count(*) = 0 FROM hitl.messages").fetchone()[0])
    assert statuses(client, [workflow]) == {"completed": 1}


# Deadlines

def test_deadlines(client):
    """A workflow that has not ended at its deadline fails, whatever it is at."""
    waits = {"steps": [{"name": "ask", "type": "approval", "title": "Go?",
                        "requested_from": "ann"}]}
    branches = {"steps": [{"name": "both", "type": "parallel", "branches": [
        [{"name": "one", "type": "wait", "for": "1 day"}], waits["steps"]]}]}
    client.execute("SELECT hitl.set_recovery_policy('timeout', 5, '{\"base_delay\": 0.001}')")
    ids = [client.execute(
        "SELECT hitl.execute_workflow(hitl.create_workflow('test', workflow_definition => %s,"
        " deadline => clock_timestamp() + interval '0.5 seconds'))",
        [Jsonb(definition)]).fetchone()[0] for definition in (waits, branches, waits)]
    wait_until(lambda: statuses(client, ids[2:]) == {"waiting_approval": 1})
    client.execute("SELECT hitl.pause_workflow(%s)", [ids[2]])
    until_ended(client, ids, failed=3)
    for workflow in ids:
        assert error_of(client, workflow)["kind"] == "timeout"
    assert client.execute("SELECT count(*) FROM hitl.approval_requests WHERE status = 'pending'"
                          " AND workflow_id = ANY (%s)", [ids]).fetchone() == (0,)
    # Recovering it would only let it fail again.
    assert client.execute("SELECT count(*) FROM hitl.planned_recoveries").fetchone() == (0,)
    workflow, = client.execute(
        "SELECT hitl.execute_workflow(hitl.create_workflow('test', workflow_definition => %s,"
        " deadline => clock_timestamp() + interval '1 hour'))", [Jsonb(TASKS)]).fetchone()
    until_ended(client, [workflow], completed=1)


# Commands

def test_pause_and_branches(client):
    """Paused, no branch begins a step, and answers are kept; resumed, all go on."""
    definition = {"steps": [{"name": "both", "type": "parallel", "branches": [
        [{"name": f"ask_{name}", "type": "approval", "title": "Go?", "requested_from": name},
         {"name": f"do_{name}", "type": "task", "task": name}] for name in ("ann", "bob")]}]}
    workflow, = make(client, definition)
    wait_until(lambda: client.execute(
        "SELECT count(*) = 2 FROM hitl.approval_requests WHERE workflow_id = %s",
        [workflow]).fetchone()[0])
    assert client.execute("SELECT hitl.pause_workflow(%s)", [workflow]).fetchone() == ("paused",)
    client.execute("SELECT hitl.respond_to_approval(id, requested_from[1], 'approved')"
                   " FROM hitl.approval_requests WHERE workflow_id = %s", [workflow])
    wait_until(lambda: events_of(client, workflow).count("approval_approved") == 2)
    assert statuses(client, [workflow]) == {"paused": 1}
    assert not client.execute("SELECT data -> 'steps' ?| '{do_ann,do_bob}' FROM hitl.workflows"
                              " WHERE id = %s", [workflow]).fetchone()[0]
    client.execute("SELECT hitl.resume_workflow(%s)", [workflow])
    until_ended(client, [workflow], completed=1)
    for command in ("pause", "resume", "cancel", "retry"):
        with pytest.raises(psycopg.Error) as refused:
            client.execute(f"SELECT hitl.{command}_workflow(%s)", [workflow])
        assert refused.value.sqlstate == "WF010"


def test_commands_do_not_wait_for_steps(client):
    """A command changes the state and leaves the steps to the engine."""
    definition = {"steps": [
        {"name": "go", "type": "task", "task": "{{ $.variables.go }}"},
        {"name": "all", "type": "foreach", "items": "$.variables.numbers", "as": "number",
         "steps": [{"name": "do", "type": "task", "task": "{{ $.variables.number }}"}]}]}
    workflow, = client.execute(
        "SELECT hitl.execute_workflow(hitl.create_workflow('test', workflow_definition => %s,"
        " input_data => %s))", [Jsonb(definition), Jsonb({"numbers": list(range(2000))})]
    ).fetchone()
    until_ended(client, [workflow], failed=1)
    client.execute("SELECT hitl.update_workflow_state(%s, '{\"go\": \"now\"}')", [workflow])
    with client.transaction():
        before = len(events_of(client, workflow))
        client.execute("SELECT hitl.retry_workflow(%s)", [workflow])
        assert len(events_of(client, workflow)) - before < 5
    until_ended(client, [workflow], completed=1)
