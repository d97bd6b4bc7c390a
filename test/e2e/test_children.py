"""Child workflows: many, poisoned, cancelled with their parents, through a crash."""
import time

import pytest
from harness import wait_until
from psycopg.types.json import Jsonb
from trail import faults, make, statuses

SETTINGS = {"hitl__engine_workers": 2}


def parent(*steps, **options):
    return {"steps": [{"name": "sub", "type": "workflow", "definition": {"steps": list(steps)},
                       "input": {"n": 7}, **options}]}


SAY = {"name": "say", "type": "task", "task": "say {{ $.variables.n }}"}
ASK = {"name": "ask", "type": "approval", "title": "Go?", "requested_from": "ann"}
TRAP = """
    CREATE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM hitl.workflows w
                   WHERE w.id = NEW.workflow_id AND w.parent_id IS NOT NULL) THEN
            RAISE 'trapped' USING ERRCODE = 'ZZ123';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER trap BEFORE INSERT ON hitl.workflow_events
        FOR EACH ROW WHEN (NEW.step_name = 'poison') EXECUTE FUNCTION public.trap();"""


def children(connection, ids):
    """How many children of the workflows have each status."""
    return dict(connection.execute(
        "SELECT status, count(*) FROM hitl.child_workflows WHERE parent_id = ANY (%s)"
        " GROUP BY 1", [ids]).fetchall())


@pytest.fixture(autouse=True)
def whole(cluster):
    cluster.sql("SELECT hitl.create_model('echo', provider => 'builtin', is_default => true)")
    yield
    with cluster.connect() as connection:
        assert faults(connection) == []


def test_many(cluster):
    """Each parent gets the result of its own child, whichever engines they are with."""
    definition = parent(SAY, {**SAY, "name": "again"})
    with cluster.connect() as client:
        ids = make(client, definition, 200)
        wait_until(lambda: statuses(client, ids) == {"completed": 200},
                   describe=lambda: statuses(client, ids))
        assert children(client, ids) == {"completed": 200}
        assert client.execute(
            "SELECT count(*) FROM hitl.workflows p JOIN hitl.child_workflows c"
            " ON c.parent_id = p.id AND c.workflow_id = (p.data #>> '{steps,sub,workflow_id}')::uuid"
            " WHERE p.id = ANY (%s) AND p.data #>> '{steps,sub,result,again,answer}' = 'say 7'",
            [ids]).fetchone()[0] == 200


def test_large(cluster):
    """Large values go in and come back whole."""
    word = "x" * 100_000
    definition = {"steps": [{"name": "sub", "type": "workflow", "definition": {"steps": [SAY]},
                             "input": {"n": "{{ $.variables.word }}"}}]}
    with cluster.connect() as client:
        workflow = client.execute(
            "SELECT hitl.execute_workflow(hitl.create_workflow('large',"
            " workflow_definition => %s, input_data => %s))",
            [Jsonb(definition), Jsonb({"word": word})]).fetchone()[0]
        wait_until(lambda: statuses(client, [workflow]) == {"completed": 1})
        said = client.execute("SELECT hitl.get_workflow_status(%s) #> '{results,sub,result,say}'",
                              [workflow]).fetchone()[0]
        assert said == {"answer": f"say {word}"}


def test_poisoned(cluster):
    """A child that the engine itself has failed is heard of by its parent."""
    cluster.psql(TRAP)
    with cluster.connect() as client:
        ids = make(client, parent({**SAY, "name": "poison"}), 3)
        well = make(client, parent(SAY), 3)
        wait_until(lambda: statuses(client, ids) == {"failed": 3},
                   describe=lambda: statuses(client, ids))
        wait_until(lambda: statuses(client, well) == {"completed": 3})
        for kind, message in client.execute(
                "SELECT error ->> 'kind', error ->> 'message' FROM hitl.workflows"
                " WHERE id = ANY (%s)", [ids]):
            assert kind == "system_error"
            assert message.endswith("trapped")
    cluster.psql("DROP TRIGGER trap ON hitl.workflow_events; DROP FUNCTION trap()")


def test_cancelled_with_parents(cluster):
    """No child is left when its parent is cancelled, at whatever moment."""
    nested = parent(parent(ASK)["steps"][0])
    with cluster.connect() as client:
        ids = make(client, nested, 60)
        for number, one in enumerate(ids):
            client.execute("SELECT hitl.transition_workflow_status(%s, 'cancelled')", [one])
            time.sleep(number % 7 / 1000)

        def alive():
            return client.execute(
                "WITH RECURSIVE family (id) AS (SELECT unnest(%s::uuid[]) UNION ALL"
                " SELECT c.workflow_id FROM hitl.child_workflows c JOIN family f"
                " ON f.id = c.parent_id)"
                " SELECT count(*) FROM family JOIN hitl.workflows USING (id)"
                " WHERE status <> 'cancelled'", [ids]).fetchone()[0]
        wait_until(lambda: alive() == 0, describe=alive)
        assert statuses(client, ids) == {"cancelled": 60}
        assert client.execute("SELECT count(*) FROM hitl.list_pending_approvals()"
                              ).fetchone()[0] == 0


def test_foreach(cluster):
    """Children of a foreach, some at a time, with their results in order."""
    definition = {"steps": [{
        "name": "all", "type": "foreach", "items": "$.variables.numbers", "as": "number",
        "concurrency": 10, "steps": [
            {"name": "one", "type": "workflow", "input": {"n": "{{ $.variables.number }}"},
             "definition": {"steps": [SAY]}}]}]}
    with cluster.connect() as client:
        workflow = client.execute(
            "SELECT hitl.execute_workflow(hitl.create_workflow('many',"
            " workflow_definition => %s, input_data => %s))",
            [Jsonb(definition), Jsonb({"numbers": list(range(100))})]).fetchone()[0]
        wait_until(lambda: statuses(client, [workflow]) == {"completed": 1},
                   describe=lambda: statuses(client, [workflow]))
        said = client.execute("SELECT hitl.get_workflow_status(%s) -> 'results' -> 'all'",
                              [workflow]).fetchone()[0]
        assert [one["result"]["say"]["answer"] for one in said] == [
            f"say {n}" for n in range(100)]


def test_timeout(cluster):
    """A child that takes too long is cancelled, and what it asks is withdrawn."""
    with cluster.connect() as client:
        ids = make(client, parent(ASK, timeout=0.2), 5)
        wait_until(lambda: statuses(client, ids) == {"failed": 5},
                   describe=lambda: statuses(client, ids))
        wait_until(lambda: children(client, ids) == {"cancelled": 5},
                   describe=lambda: children(client, ids))
        assert client.execute("SELECT DISTINCT error ->> 'kind' FROM hitl.workflows"
                              " WHERE id = ANY (%s)", [ids]).fetchall() == [("timeout",)]


def test_retried(cluster):
    """A step whose child failed starts another; by itself, or when its parent is retried."""
    retry = {"max_attempts": 3, "base_delay": 0.01, "on": ["validation_error"]}
    definition = parent({**SAY, "task": "{{ $.variables.missing }}"}, retry=retry)
    with cluster.connect() as client:
        ids = make(client, definition, 3)
        wait_until(lambda: statuses(client, ids) == {"failed": 3},
                   describe=lambda: statuses(client, ids))
        assert children(client, ids) == {"failed": 9}
        for one in ids:
            client.execute("SELECT hitl.retry_workflow(%s)", [one])
        wait_until(lambda: sum(children(client, ids).values()) > 9)
        wait_until(lambda: statuses(client, ids) == {"failed": 3})


def test_crash(new_cluster):
    """After a crash in the middle each parent has one child, and its result."""
    crashed = new_cluster("children", {"fsync": "on", "hitl.batch_size": 20}).start()
    crashed.create_database()
    crashed.wait_for_workers()
    crashed.sql("SELECT hitl.create_model('echo', provider => 'builtin', is_default => true)")
    with crashed.connect() as client:
        ids = make(client, parent(SAY, {**SAY, "name": "again"}), 400)
        wait_until(lambda: statuses(client, ids).get("completed", 0) > 20)
    crashed.immediate()
    crashed.start()
    crashed.wait_for_workers()
    with crashed.connect() as client:
        wait_until(lambda: statuses(client, ids) == {"completed": 400},
                   describe=lambda: statuses(client, ids))
        assert children(client, ids) == {"completed": 400}
        assert faults(client) == []
