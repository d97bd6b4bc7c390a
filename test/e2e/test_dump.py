"""A dump takes everything along but the secrets; restored, the workflows go on."""
import subprocess

import psycopg
import pytest
from harness import wait_until
from psycopg.types.json import Jsonb
from trail import ASK, TASKS, faults, make

CHECKED = {"steps": [{"name": "start_here", "type": "checkpoint"}, *ASK["steps"]]}
BRANCHED = {"steps": [{"name": "all", "type": "parallel", "branches": [
    [{"name": "each", "type": "foreach", "items": "$.variables.items", "as": "item", "concurrency": 2,
      "steps": [{"name": "first", "type": "task", "task": "one {{ $.variables.item }}"},
                {"name": "ask", "type": "approval", "title": "Go?", "requested_from": "ann"}]}],
    [{"name": "hear", "type": "signal", "signal": "paid"}],
    [{"name": "outside", "type": "task", "task": "x", "executor": "external", "queue": "gpu"}]]},
    {"name": "last", "type": "task", "task": "{{ $.steps.hear.payload }} {{ $.steps.outside.answer }}"}]}
FAILS = {"steps": [{"name": "bad", "type": "task", "task": "{{ $.variables.missing }}"}]}


def until(connection, workflow, status):
    wait_until(lambda: status_of(connection, workflow) == status,
               describe=lambda: status_of(connection, workflow))


def status_of(connection, workflow):
    return connection.execute("SELECT status FROM hitl.workflows WHERE id = %s",
                              [workflow]).fetchone()[0]


def answer(connection, workflow, decision="approved"):
    connection.execute("SELECT hitl.respond_to_approval(approval_id, 'ann', %s)"
                       " FROM hitl.list_pending_approvals(workflow_id => %s)",
                       [decision, workflow])


def tables(connection):
    """The rows of all tables that a dump has to carry, as JSON texts."""
    names = [name for name, in connection.execute(
        "SELECT c.oid::regclass::text FROM pg_extension e, unnest(e.extconfig) AS o (id)"
        " JOIN pg_class c ON c.oid = o.id WHERE e.extname = 'hitl'"
        " AND c.relkind = 'r'")]
    assert len(names) >= 10
    return {name: sorted(row for row, in connection.execute(
        f"SELECT to_jsonb(t)::text FROM {name} AS t")) for name in names}


@pytest.fixture(scope="module")
def source(cluster):
    """A database with workflows in every state; their ids by state.

    The one called "due" has a message that the engine cannot get at.
    """
    cluster.psql("""
        CREATE ROLE clerk LOGIN;
        CREATE ROLE boss LOGIN;
        CREATE ROLE nobody LOGIN;
        SELECT hitl.grant_access('clerk', 'operator');
        SELECT hitl.grant_access('boss', 'approver');
        SELECT hitl.grant_acting('boss', 'ann');
        SELECT hitl.create_model('echo', provider => 'builtin', is_default => true);
        SELECT hitl.set_secret('key', 'not to be dumped');
        SELECT hitl.create_model('remote', base_url => 'https://models.example/v1', model => 'm',
                                 secret_name => 'key', parameters => '{"temperature": 0.5}');
        SELECT hitl.create_external_tool('draw', 'Draws.', queue => 'gpu');
        SELECT hitl.create_agent('artist', 'Draw.', tools => '{draw}');
        SELECT hitl.set_agent_budget('artist', 'month', max_tokens => 1000),
               hitl.count_budget_usage('{artist}', '{10}', '{0.5}', 1);
        SELECT hitl.configure_channel('hook', 'webhook', '{"url": "https://example.org/"}',
                                      is_default => false);
        SELECT hitl.set_limit('host', 'models.example', max_concurrency => 4);
        SELECT hitl.grant_queue('clerk', 'gpu');
        SELECT hitl.grant_signal('clerk', 'paid');
        SELECT hitl.set_recovery_policy('timeout');
        SELECT hitl.create_template('greet', definition =>
            '{"steps": [{"name": "greet", "type": "task", "task": "Greet {{ $.variables.who }}"}]}',
            required_parameters => '{who}');
        SELECT hitl.set_limit('template', 'greet', max_rate => 1, per => '1 day');
        SELECT hitl.start_template('greet', '{"who": "the world"}') FROM generate_series(1, 2);
        SELECT hitl.create_workflow('once', idempotency_key => 'the one');
        SELECT hitl.create_principal('ann@example.org', 'ann@example.org', slack_team => 'T1', slack_user => 'U1'),
               hitl.create_principal('ben', role => 'boss');
        SELECT hitl.create_group('finance', members => '{ben}');
        SELECT hitl.delegate_approvals('ben', now() + interval '1 day', delegator => 'ann@example.org');
        INSERT INTO hitl.approval_reminders VALUES ('finance', now());
        SELECT hitl.create_approval_type('rating', '{"type": "integer"}');
        SELECT hitl.create_approval_rule('small', '$.context_data.amount < 1', 'approve');
        SELECT hitl.respond_to_approval(hitl.request_approval('Half?', policy => '{"all_of": ["finance", "cfo"]}',
                                                              context_data => '{"amount": 2}'),
                                        'ben', 'modified', edits => '{"amount": 3}');
        SELECT hitl.create_api_token('ben'), hitl.create_webhook_sender('ci', 'ben', 'key');
        SELECT hitl.make_action_token(NULL, id, 'ben', now() + interval '1 day') FROM hitl.approval_requests LIMIT 1;
        INSERT INTO hitl.http_repeats (sender, key, request_hash, response) VALUES ('ben', 'k', '', '{}');
        INSERT INTO hitl.purges (purged_by, older_than, statuses) VALUES ('clerk', '1 day', '{failed}');
        INSERT INTO hitl.template_schedules (name, template, schedule, input_data, owner, job_id)
        VALUES ('daily', 'greet', '0 8 * * *', '{}', 'clerk', 1);
        """)
    with cluster.connect() as connection, cluster.connect(autocommit=False) as holder:
        ids = {"completed": make(connection, TASKS)[0], "failed": make(connection, FAILS)[0]}
        for name in ("approved", "rejected", "cancelled", "rolled_back", "waiting"):
            ids[name], = make(connection, CHECKED, name=name)
            until(connection, ids[name], "waiting_approval")
        ids["branched"] = connection.execute(
            "SELECT hitl.execute_workflow(hitl.create_workflow('branched', workflow_definition => %s,"
            " input_data => %s))", [Jsonb(BRANCHED), Jsonb({"items": [1, 2, 3]})]).fetchone()[0]
        wait_until(lambda: connection.execute("SELECT count(*) FROM hitl.awaited_signals"
                                              ).fetchone() == (1,))
        connection.execute("SELECT hitl.send_signal(%s, 'early', '1', 'the first')",
                           [ids["branched"]])
        wait_until(lambda: connection.execute("SELECT count(*) FROM hitl.signals"
                                              ).fetchone() == (1,))
        wait_until(lambda: connection.execute("SELECT count(*) FROM hitl.template_admissions"
                                              ).fetchone() == (1,))
        answer(connection, ids["approved"])
        answer(connection, ids["rejected"], "rejected")
        connection.execute("SELECT hitl.transition_workflow_status(%s, 'cancelled', 'enough')",
                           [ids["cancelled"]])
        connection.execute("SELECT hitl.rollback_workflow(%s)", [ids["rolled_back"]])
        ids["manual"], ids["clerks"], ids["pending"], ids["due"] = (
            connection.execute("SELECT hitl.create_workflow('by hand')").fetchone()[0],
            None, make(connection, TASKS, start=False)[0], make(connection, TASKS, start=False)[0])
        connection.execute("SET ROLE clerk")
        ids["clerks"], = make(connection, TASKS, start=False)
        connection.execute("RESET ROLE")
        for status in ("running", "paused"):
            connection.execute("SELECT hitl.transition_workflow_status(%s, %s)",
                               [ids["manual"], status])
        connection.execute(
            "SELECT hitl.request_approval('Some day?', requested_from => 'bob', timeout_hours => 90,"
            " required_approvers => '{ann,bob}')")
        connection.execute("INSERT INTO hitl.messages (workflow_id, kind, due_at)"
                           " VALUES (%s, 'start', clock_timestamp() + interval '1 day')",
                           [ids["pending"]])
        connection.execute(
            "INSERT INTO hitl.outbox (id, purpose, url, idempotency_key, next_attempt_at)"
            " VALUES (hitl.uuidv7(), 'notification', 'https://example.org/', 'k',"
            " now() + interval '1 day')")
        connection.execute(
            "INSERT INTO hitl.notification_ledger (id, approval_id, channel, address, asked, event_type)"
            " SELECT hitl.uuidv7(), id, 'hook', 'https://example.org/', true, 'approval.requested'"
            " FROM hitl.approval_requests WHERE title = 'Some day?'")
        connection.execute(
            "INSERT INTO hitl.statements (workflow_id, token, owner, body, claimed_until)"
            " VALUES (%s, 1, 'clerk', '{}', clock_timestamp() + interval '1 day')", [ids["pending"]])
        for name, status in (("completed", "completed"), ("failed", "failed"),
                             ("approved", "completed"), ("rejected", "rejected")):
            until(connection, ids[name], status)
        wait_until(lambda: connection.execute("SELECT count(*) FROM hitl.messages WHERE due_at <= now()"
                                              ).fetchone() == (0,))
        holder.execute("SELECT FROM hitl.workflows WHERE id = %s FOR UPDATE", [ids["due"]])
        connection.execute("SELECT hitl.execute_workflow(%s)", [ids["due"]])
        yield ids
        holder.rollback()


def restore(cluster, way, directory, target):
    """Dump the database and restore it as another one."""
    cluster.create_database(target, extension=False)
    dump = directory / "dump"
    kind = {"plain": "plain", "custom": "custom", "parallel": "directory"}[way]
    subprocess.run([cluster.bin / "pg_dump", "-d", cluster.url(), "-F", kind, "-f", dump],
                   check=True)
    if way == "plain":
        cluster.psql(dump.read_text(), target)
    else:
        subprocess.run([cluster.bin / "pg_restore", "--exit-on-error", "-d", cluster.url(target),
                        *(["-j", "4"] if way == "parallel" else []), dump], check=True)


def without(rows, workflow):
    """Rows that do not speak of a workflow.

    Nor messages that have waiting starts looked at: one more comes with the limits.
    """
    return {name: [row for row in rows[name] if str(workflow) not in row and '"kind": "admit"' not in row]
            for name in rows}


@pytest.mark.parametrize("way", ["plain", "custom", "parallel"])
def test_restore(cluster, source, tmp_path, way):
    target = f"restored_{way}"
    restore(cluster, way, tmp_path, target)
    cluster.wait_for_workers(target)
    with cluster.connect() as before, cluster.connect(target) as after:
        wanted, found = tables(before), tables(after)
        assert [name for name, rows in wanted.items() if not rows] == []
        # The engine may have begun already: with what was due, and with that only.
        assert without(found, source["due"]) == without(wanted, source["due"])
        assert after.execute("SELECT count(*) FROM hitl.secrets").fetchone() == (0,)
        assert before.execute("SELECT count(*) FROM hitl.secrets").fetchone() == (1,)
        assert after.execute("SELECT nextval('hitl.messages_id_seq') >"
                             " (SELECT max(id) FROM hitl.messages)").fetchone() == (True,)
        assert faults(after) == []
        if way != "parallel":  # which fills the tables in any order, models last perhaps
            catch_up(after, source["due"])
        go_on(after, source)
        assert status_of(before, source["waiting"]) == "waiting_approval"
        assert status_of(before, source["due"]) == "pending"
        assert faults(after) == []
    cluster.sql(f"DROP DATABASE {target}", dbname="postgres")


def catch_up(after, due):
    """What was due is done: at once, or a minute after the engine saw it without its workflow."""
    assert after.execute("SELECT count(*) FROM hitl.messages WHERE workflow_id = %s"
                         " AND due_at > clock_timestamp() + interval '61 s'",
                         [due]).fetchone() == (0,)
    after.execute("UPDATE hitl.messages SET due_at = clock_timestamp() WHERE workflow_id = %s",
                  [due])
    after.execute("NOTIFY hitl")
    until(after, due, "completed")


def go_on(after, ids):
    """Everything goes on in the restored database, with the same rights."""
    after.execute("SET ROLE boss")
    answer(after, ids["waiting"])
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        after.execute("SELECT hitl.create_workflow('mine')")
    after.execute("SET ROLE nobody")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        after.execute("SELECT hitl.get_workflow_status(%s)", [ids["waiting"]])
    after.execute("SET ROLE clerk")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        after.execute("SELECT hitl.execute_workflow(%s)", [ids["pending"]])
    after.execute("SELECT hitl.execute_workflow(%s)", [ids["clerks"]])
    after.execute("RESET ROLE")
    until(after, ids["waiting"], "completed")
    until(after, ids["clerks"], "completed")

    after.execute("SET ROLE clerk")
    after.execute("SELECT hitl.send_signal(%s, 'paid', '7')", [ids["branched"]])
    assert after.execute("SELECT count(hitl.complete_task(task_id, %s))"
                         " FROM hitl.claim_tasks('gpu')", [Jsonb({"answer": "done"})]
                         ).fetchone() == (1,)
    after.execute("RESET ROLE")

    def all_answered():
        answer(after, ids["branched"])
        return status_of(after, ids["branched"]) == "completed"
    wait_until(all_answered, describe=lambda: after.execute(
        "SELECT hitl.get_workflow_status(%s)", [ids["branched"]]).fetchone())
    assert after.execute("SELECT data -> 'steps' -> 'last' ->> 'answer' FROM hitl.workflows"
                         " WHERE id = %s", [ids["branched"]]).fetchone() == ("7 done",)

    after.execute("SELECT hitl.execute_workflow(%s)", [ids["rolled_back"]])
    until(after, ids["rolled_back"], "waiting_approval")
    assert after.execute("SELECT hitl.rollback_workflow(%s)",
                         [ids["cancelled"]]).fetchone() == ("start_here",)
    after.execute("SELECT hitl.transition_workflow_status(%s, 'running')", [ids["manual"]])
    created, = make(after, TASKS, name="new")
    until(after, created, "completed")


def test_definition_comes_late(cluster, source):
    """A message that finds no definition is kept until it is there: a restore may be under way."""
    late = {"steps": [{"name": "late", "type": "checkpoint"}]}
    with cluster.connect() as connection:
        workflow, = make(connection, late, start=False)
        other, = make(connection, TASKS, start=False)
        row = connection.execute("DELETE FROM hitl.definitions WHERE definition = %s"
                                 " RETURNING hash, definition", [Jsonb(late)]).fetchone()
        connection.execute("SELECT hitl.execute_workflow(id) FROM unnest(%s) AS id",
                           [[workflow, other]])
        until(connection, other, "completed")
        wait_until(lambda: connection.execute(
            "SELECT due_at > clock_timestamp() FROM hitl.messages WHERE workflow_id = %s",
            [workflow]).fetchone()[0])
        assert status_of(connection, workflow) == "pending"
        connection.execute("INSERT INTO hitl.definitions VALUES (%s, %s)", [row[0], Jsonb(row[1])])
        connection.execute("UPDATE hitl.messages SET due_at = clock_timestamp()"
                           " WHERE workflow_id = %s", [workflow])
        connection.execute("NOTIFY hitl")
        until(connection, workflow, "completed")
