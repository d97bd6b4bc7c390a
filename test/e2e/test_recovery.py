"""Failed workflows: some go on, by hand or by policy, and none is tried for ever."""
import pytest
from harness import wait_until
from psycopg.types.json import Jsonb
from trail import ASK, TASKS, faults, make, statuses

BATCH = 50
SETTINGS = {"hitl__batch_size": BATCH}


@pytest.fixture(scope="module", autouse=True)
def model(cluster):
    cluster.sql("SELECT hitl.create_model('echo', provider => 'builtin', is_default => true)")


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
    # The answer could reach nobody.
    client.execute("DELETE FROM hitl.approval_responses WHERE approval_id IN"
                   " (SELECT id FROM hitl.approval_requests WHERE workflow_id = %s)", [workflow])


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
