"""What roles can do to each other through the workers: nothing that was not granted."""
import sys

import psycopg
import pytest
from harness import ROOT, free_port, wait_until
from psycopg.types.json import Jsonb

sys.path.insert(0, str(ROOT / "test/servers"))
from scripted_server import ScriptedServer  # noqa: E402

MODEL_PORT = free_port()
SETTINGS = {"hitl__allowed_private_hosts": f"127.0.0.1:{MODEL_PORT}", "hitl__breaker_threshold": 0}

WHO = {"name": "who", "type": "sql",
       "sql": "INSERT INTO public.seen SELECT $1, session_user, current_user, hitl.create_workflow('by it')",
       "params": ["{{ $.variables.how }}"]}


@pytest.fixture(scope="module", autouse=True)
def ground(cluster):
    cluster.psql("""
        CREATE ROLE mallory LOGIN; CREATE ROLE alice LOGIN; CREATE ROLE worker LOGIN;
        SELECT hitl.grant_access(r, 'operator') FROM unnest('{mallory,alice}'::name[]) AS r;
        SELECT hitl.grant_access('worker', 'worker');
        CREATE TABLE public.seen (how text, session_role name, role name, made uuid);
        GRANT INSERT ON public.seen TO mallory, alice;""")
    with cluster.connect(user="mallory") as mallory:
        mallory.execute("SELECT hitl.create_template('trap', definition => %s)", [Jsonb({"steps": [WHO]})])


def run(cluster, role, definition, variables=None):
    """Run a workflow of a role; its id, once it has ended."""
    with cluster.connect(user=role) as client:
        workflow = client.execute(
            "SELECT hitl.create_workflow('w', workflow_definition => %s, input_data => %s)",
            [Jsonb(definition), Jsonb(variables or {})]).fetchone()[0]
        client.execute("SELECT hitl.execute_workflow(%s)", [workflow])
        client.execute("CALL hitl.await_workflow(%s, '60 s')", [workflow])
    return workflow


def error_of(cluster, workflow):
    return cluster.value("SELECT error FROM hitl.workflows WHERE id = %s", [workflow])


def seen(cluster, how):
    return cluster.sql("SELECT session_role, role, (SELECT owner FROM hitl.workflows w WHERE w.id = made) AS owner"
                       " FROM public.seen WHERE how = %s", [how])


def all_alice(count=1):
    return count * [{"session_role": "alice", "role": "alice", "owner": "alice"}]


# A template is never run as its author

def test_template_of_another(cluster):
    with cluster.connect(user="alice") as alice:
        workflow = alice.execute("SELECT hitl.start_template('trap', '{\"how\": \"started\"}')").fetchone()[0]
        alice.execute("CALL hitl.await_workflow(%s, '60 s')", [workflow])
    assert seen(cluster, "started") == all_alice()


def test_template_as_a_child_of_a_child(cluster):
    child = {"name": "child", "type": "workflow", "template": "trap", "input": {"how": "child"}}
    inner = {"name": "inner", "type": "workflow", "definition": {"steps": [child]}}
    each = {"name": "each", "type": "foreach", "items": "$.variables.l", "steps": [inner]}
    workflow = run(cluster, "alice", {"steps": [each]}, {"l": [1, 2]})
    assert error_of(cluster, workflow) is None
    assert seen(cluster, "child") == all_alice(2)


def test_whoever_retries_or_migrates(cluster):
    """A superuser that helps a workflow along does not run it as himself."""
    fails = {"name": "first", "type": "sql", "sql": "SELECT 1 / 0"}
    workflow = run(cluster, "alice", {"steps": [fails, WHO]}, {"how": "helped"})
    cluster.sql("SELECT hitl.migrate_workflow(%s, definition => %s)",
                [workflow, Jsonb({"steps": [{**fails, "sql": "SELECT 1"}, WHO]})])
    cluster.sql("SELECT hitl.retry_workflow(%s)", [workflow])
    assert cluster.value("CALL hitl.await_workflow(%s, '60 s')", [workflow]) == "completed"
    assert seen(cluster, "helped") == all_alice()


# Keys

def test_keys_of_another(cluster):
    """The same key of another role is another key, and says nothing about the first."""
    made = {}
    for role, name in (("alice", "secret plan"), ("mallory", "guess")):
        with cluster.connect(user=role) as client:
            made[role] = client.execute(
                "SELECT hitl.create_workflow(%s, idempotency_key => 'order-7')", [name]).fetchone()[0]
    assert made["alice"] != made["mallory"]


# Requests

def test_private_hosts_have_ports(cluster):
    """What is allowed for the model's sake is not open on other ports."""
    with ScriptedServer() as database, ScriptedServer(port=MODEL_PORT) as model:
        once = {"max_attempts": 1}
        model.plan("/v1", [{"status": 200, "body": "{}"}])
        workflow = run(cluster, "mallory", {"steps": [
            {"name": "fine", "type": "http", "url": model.url("/v1"), "retry": once}]})
        assert error_of(cluster, workflow) is None
        for url in (database.url("/"), database.url("/").replace("127.0.0.1", "127.1"),
                    f"http://127.0.0.1:{MODEL_PORT}@127.0.0.1:{database.url('/').split(':')[2]}"):
            workflow = run(cluster, "mallory", {"steps": [
                {"name": "probe", "type": "http", "url": url, "retry": once}]})
            assert error_of(cluster, workflow)["kind"] in ("permission_error", "validation_error"), url
        assert database.requests("/") == []


def test_secret_stays_with_its_host(cluster):
    """Neither another port, nor a Host header, nor a child gets a secret."""
    cluster.sql("SELECT hitl.set_secret('key', 'very-secret', allowed_hosts => %s)",
                [[f"127.0.0.1:{MODEL_PORT + 1}"]])
    with ScriptedServer(port=MODEL_PORT) as thief:
        thief.plan("/", [{"status": 200, "body": "{}"}] * 4)
        steps = [{"secret": "key"}, {"headers": {"X-Key": "${secret:key}"}},
                 {"headers": {"Host": f"127.0.0.1:{MODEL_PORT + 1}"}, "secret": "key"},
                 {"headers": {"{{ $.variables.h }}": "x"}, "secret": "key"}]
        for step in steps:
            step = {"name": "steal", "type": "http", "url": thief.url("/"), **step}
            child = {"name": "child", "type": "workflow", "definition": {"steps": [step]}}
            for definition in ({"steps": [step]}, {"steps": [child]}):
                try:
                    workflow = run(cluster, "mallory", definition, {"h": "Host"})
                except psycopg.Error as refused:
                    assert refused.sqlstate == "WF001"
                    continue
                assert error_of(cluster, workflow) is not None, step
        assert thief.requests("/") == []


# Tasks and signals

def test_tasks_of_a_queue_that_was_taken_back(cluster):
    """A worker that has lost its queue can do nothing with what it had claimed."""
    with cluster.connect(user="alice") as alice, cluster.connect(user="worker") as worker:
        workflow = alice.execute("SELECT hitl.create_workflow('w', workflow_definition => %s)", [Jsonb({
            "steps": [{"name": "t", "type": "task", "task": "t", "executor": "external", "queue": "q"}]})]).fetchone()[0]
        alice.execute("SELECT hitl.execute_workflow(%s)", [workflow])
        cluster.sql("SELECT hitl.grant_queue('worker', 'q')")
        task = wait_until(lambda: worker.execute("SELECT task_id FROM hitl.claim_tasks('q')").fetchone())[0]
        cluster.sql("SELECT hitl.revoke_queue('worker', 'q')")
        for call in ("hitl.complete_task(%s)", "hitl.heartbeat_task(%s)", "hitl.release_task(%s)",
                     "hitl.fail_task(%s, 'spite')"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                worker.execute(f"SELECT {call}", [task])
        # nor can one who has learned the id, an operator even
        with cluster.connect(user="mallory") as mallory, \
                pytest.raises(psycopg.errors.InsufficientPrivilege):
            mallory.execute("SELECT hitl.complete_task(%s)", [task])
        alice.execute("SELECT hitl.cancel_workflow(%s)", [workflow])


def test_signals_by_name(cluster):
    """Who may send one signal can neither use up the keys of another nor fill its place."""
    with cluster.connect(user="alice") as alice, cluster.connect(user="mallory") as mallory:
        workflow = alice.execute("SELECT hitl.create_workflow('w', workflow_definition => %s)", [Jsonb({
            "steps": [{"name": "paid", "type": "signal", "signal": "paid"}]})]).fetchone()[0]
        cluster.sql("SELECT hitl.grant_signal('mallory', 'ping')")
        send = "SELECT hitl.send_signal(%s, %s, %s, 'evt_1')"
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            mallory.execute(send, [workflow, "paid", Jsonb(0)])
        assert mallory.execute(send, [workflow, "ping", Jsonb(0)]).fetchone()[0] is True
        assert alice.execute(send, [workflow, "paid", Jsonb(1)]).fetchone()[0] is True
        alice.execute("SELECT hitl.execute_workflow(%s)", [workflow])
        alice.execute("CALL hitl.await_workflow(%s, '60 s')", [workflow])
    assert cluster.value("SELECT data #> '{steps,paid,payload}' FROM hitl.workflows WHERE id = %s", [workflow]) == 1


def test_open_transaction_of_a_worker(cluster):
    """A worker that claims tasks and does not commit holds up their workflows, and no others."""
    cluster.sql("SELECT hitl.grant_queue('worker', 'held')")
    cluster.sql("SELECT hitl.create_model('echo', provider => 'builtin', is_default => true)")
    held = {"steps": [{"name": "t", "type": "task", "task": "t", "executor": "external", "queue": "held",
                       "timeout": "1 second"}]}
    errors = cluster.worker("engine")["errors"]
    with cluster.connect(user="alice") as alice, cluster.connect(user="worker", autocommit=False) as worker:
        workflows = [row[0] for row in alice.execute(
            "SELECT hitl.execute_workflow(hitl.create_workflow('held', workflow_definition => %s))"
            " FROM generate_series(1, 5)", [Jsonb(held)])]
        wait_until(lambda: cluster.value("SELECT count(*) = 5 FROM hitl.external_tasks WHERE queue = 'held'"))
        assert len(worker.execute("SELECT FROM hitl.claim_tasks('held', 100)").fetchall()) == 5
        # their time is over, but nobody can withdraw them
        wait_until(lambda: cluster.value(
            "SELECT count(*) = 5 FROM hitl.messages WHERE workflow_id = ANY (%s) AND body ? 'put_off'",
            [workflows]))
        for _ in range(8):
            other = run(cluster, "mallory", {"steps": [{"name": "t", "type": "task", "task": "t"}]})
            assert cluster.value("SELECT status FROM hitl.workflows WHERE id = %s", [other]) == "completed"
        # It fails with a batch, then with one of its workflows alone, which is put off: else it would back off.
        failed = cluster.worker("engine")["errors"] - errors
        assert failed <= 2 + 2 * cluster.value(
            "SELECT sum((body ->> 'put_off')::integer) FROM hitl.messages WHERE workflow_id = ANY (%s)", [workflows])
        worker.rollback()
    wait_until(lambda: cluster.value("SELECT count(*) = 5 FROM hitl.workflows WHERE id = ANY (%s)"
                                     " AND status = 'failed' AND error ->> 'kind' = 'timeout'", [workflows]),
               deadline=120)
