"""The log: a line for each happening, ids apart from the message, and never a secret."""
import json
import sys
import uuid
from collections import Counter

import psycopg
import pytest
from harness import ROOT, wait_until
from psycopg.types.json import Jsonb

sys.path.insert(0, str(ROOT / "test/servers"))
from scripted_server import ScriptedServer  # noqa: E402

SETTINGS = {
    "logging_collector": "on",
    "log_destination": "jsonlog",
    "log_directory": "log",
    "log_filename": "hitl.log",
    "log_rotation_age": 0,
    "hitl__log_happenings": "all",
    "hitl__allowed_private_hosts": "127.0.0.1",
    "hitl__breaker_threshold": 3,
    "hitl__breaker_cooldown": "100 ms",
}
FAST = {"max_attempts": 2, "policy": "fixed", "base_delay": "50 ms", "jitter": 0}
WORKERS = {"hitl launcher", "hitl engine", "hitl executor", "hitl dispatcher"}


@pytest.fixture
def server():
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def log(cluster):
    set_kinds(cluster, "all")
    yield Log(cluster)
    cluster.sql("ALTER SYSTEM RESET ALL", dbname="postgres")


def set_kinds(cluster, kinds):
    """Have these happenings logged, by all processes."""
    cluster.sql(psycopg.sql.SQL("ALTER SYSTEM SET hitl.log_happenings = {}").format(
        psycopg.sql.Literal(kinds)), dbname="postgres")
    cluster.reload()
    # Whoever has answered this has read the file: a worker reads it before it works.
    wait_until(lambda: cluster.value("SHOW hitl.log_happenings") == kinds)
    done = run(cluster, [{"type": "sql", "name": "reloaded", "sql": "SELECT 1"},
                         {"type": "http", "name": "refused", "url": "http://10.0.0.1/",
                          "on_error": "continue", "retry": {"max_attempts": 1}}])
    assert status(cluster, done) == "completed"


class Log:
    """What hitl has logged since this was made."""

    def __init__(self, cluster):
        self.file = cluster.data / "log/hitl.json"
        self.start = self.file.stat().st_size

    def text(self):
        with open(self.file, encoding="utf-8") as file:
            file.seek(self.start)
            return file.read()

    def lines(self, **wanted):
        """The happenings with these facts, in order: the facts, and what the log knows itself."""
        found = []
        for text in self.text().splitlines(keepends=True):
            if not text.endswith("\n"):
                break  # it is being written
            line = json.loads(text)
            if not line["message"].startswith("hitl: "):
                continue
            facts = json.loads(line["detail"])
            assert line["message"] == "hitl: " + facts["event"].replace("_", " ")
            assert line["error_severity"] == "LOG" and "\n" not in line["detail"]
            assert not {"statement", "context", "hint"} & line.keys()
            if all(facts.get(name) == value for name, value in wanted.items()):
                found.append({**facts, "by": line["backend_type"]})
        return found

    def wait(self, **wanted):
        """The first of these, when it is there."""
        return wait_until(lambda: self.lines(**wanted), describe=self.text)[0]

    def events(self, **wanted):
        return [line["event"] for line in self.lines(**wanted)]


def start(cluster, steps, **options):
    workflow = cluster.value("SELECT hitl.create_workflow('logged', workflow_definition => %s)",
                             [Jsonb({"steps": steps, **options})])
    cluster.value("SELECT hitl.execute_workflow(%s)", [workflow])
    return str(workflow)


def status(cluster, workflow):
    return cluster.value("SELECT status FROM hitl.workflows WHERE id = %s", [workflow])


def run(cluster, steps, expected=("completed", "failed")):
    workflow = start(cluster, steps)
    wait_until(lambda: status(cluster, workflow) in expected,
               describe=lambda: cluster.sql("SELECT * FROM hitl.workflows WHERE id = %s",
                                            [workflow]))
    return workflow


def pending(cluster, workflow):
    rows = cluster.sql("SELECT id FROM hitl.approval_requests WHERE workflow_id = %s"
                       " AND status = 'pending'", [workflow])
    return str(rows[0]["id"]) if rows else None


def test_a_workflow_from_start_to_end(cluster, log, server):
    """Each happening once, in order, with the ids of workflow, approval and request."""
    secret = "sk-" + uuid.uuid4().hex
    query, body = "q" + uuid.uuid4().hex, "b" + uuid.uuid4().hex
    answer, words = "a" + uuid.uuid4().hex, "w" + uuid.uuid4().hex
    cluster.sql("SELECT hitl.set_secret('logged.key', %s, '{127.0.0.1}')", [secret])
    url = server.plan(f"/pay?token={query}", [{"status": 503, "body": answer},
                                              {"status": 200, "body": answer}])
    workflow = start(cluster, [
        {"type": "sql", "name": "look", "sql": "SELECT 1"},
        {"type": "approval", "name": "ask", "title": words, "requested_from": "ann@example.org"},
        {"type": "http", "name": "pay", "url": url, "body": {"card": body}, "retry": FAST,
         "headers": {"Authorization": "Bearer ${secret:logged.key}", "X-Key": body}},
        {"type": "sql", "name": "skipped", "when": "$.variables.never == true", "sql": "SELECT 1"},
    ])
    approval = wait_until(lambda: pending(cluster, workflow))
    cluster.value("SELECT hitl.respond_to_approval(%s, 'ann@example.org', 'approved', NULL, %s)",
                  [approval, words])
    done = log.wait(event="workflow_completed", workflow_id=workflow)
    request = str(cluster.value("SELECT id FROM hitl.outbox WHERE workflow_id = %s", [workflow]))

    assert [request.headers["authorization"] for request in server.requests(
        f"/pay?token={query}")] == [f"Bearer {secret}"] * 2
    mine = log.lines(workflow_id=workflow)
    assert {line["database"] for line in mine} == {"hitl"}
    # In order for each process; what two of them say at once may come either way.
    told = {by: [line["event"] for line in mine if line["by"] == by]
            for by in {line["by"] for line in mine}}
    assert told == {
        "hitl engine": ["workflow_started", "step_waiting", "step_completed", "workflow_running",
                        "step_waiting", "step_completed", "step_skipped", "workflow_completed"],
        "hitl executor": ["statement_completed", "step_completed", "step_waiting",
                          "workflow_waiting", "approval_requested"],
        "client backend": ["approval_answered", "approval_decided"],
        "hitl dispatcher": ["request_sent", "request_to_be_repeated", "request_sent",
                            "request_delivered"],
    }
    assert {(line["step"], line["for"]) for line in mine if line["event"] == "step_waiting"} == {
        ("look", "statement"), ("ask", "approval"), ("pay", "http")}
    assert {line["step"]: line["event"] for line in mine
            if line["event"] in ("step_completed", "step_skipped")} == {
                "look": "step_completed", "ask": "step_completed", "pay": "step_completed",
                "skipped": "step_skipped"}
    assert all(line["approval_id"] == approval and line["step"] == "ask" for line in mine
               if line["event"].startswith("approval_"))
    assert [(line["attempt"], line.get("status")) for line in mine if "request_id" in line] == [
        (1, None), (1, 503), (2, None), (2, 200)]
    assert all(line["request_id"] == request and line["purpose"] == "http"
               and line["host"] == server.url("") for line in mine if "request_id" in line)
    repeated, = (line for line in mine if line["event"] == "request_to_be_repeated")
    assert repeated["kind"] == "service_unavailable" and "next_attempt_at" in repeated
    assert done["name"] == "logged" and done["previous"] == "running" and done["ms"] >= 50
    answered = log.wait(event="approval_answered", approval_id=approval)
    assert (answered["decision"], answered["channel"], answered["round"]) == ("approved", "sql", 1)

    # All of what the server has logged, not only our lines.
    everything = "".join(path.read_text(errors="replace")
                         for path in (cluster.data / "log").iterdir()) + cluster.log()
    assert request in everything
    for hidden in (secret, "Bearer", query, "token=", body, answer, words, "ann@example.org"):
        assert hidden not in everything, hidden


def test_what_fails(cluster, log, server):
    """A failure tells its kind and SQLSTATE, not its words."""
    words = "w" + uuid.uuid4().hex
    workflow = run(cluster, [{"type": "sql", "name": "raise",
                              "sql": f"SELECT CAST('{words}' AS integer)"}])
    log.wait(event="workflow_failed", workflow_id=workflow)
    for event in ("statement_failed", "step_failed", "workflow_failed"):
        line, = log.lines(event=event, workflow_id=workflow)
        assert line["kind"] == "validation_error", line
    assert log.wait(event="statement_failed", workflow_id=workflow)["sqlstate"] == "22P02"
    assert words not in log.text()

    url = server.plan("/refuses", [{"status": 422, "body": words}])
    workflow = run(cluster, [{"type": "http", "name": "call", "url": url}])
    log.wait(event="workflow_failed", workflow_id=workflow)
    line, = log.lines(event="request_failed", workflow_id=workflow)
    assert line["status"] == 422 and line["attempt"] == 1 and line["ms"] >= 0
    assert words not in log.text()


def test_what_is_answered_at_once(cluster, log):
    """What is there already is not waited for."""
    workflow = str(cluster.value("SELECT hitl.create_workflow('early', workflow_definition => %s)",
                                 [Jsonb({"steps": [{"type": "signal", "name": "early", "signal": "go"}]})]))
    cluster.sql("SELECT hitl.send_signal(%s, 'go')", [workflow])
    cluster.sql("SELECT hitl.execute_workflow(%s)", [workflow])
    log.wait(event="workflow_completed", workflow_id=workflow)
    assert log.events(workflow_id=workflow, step="early") == ["step_completed"]


def test_steps_that_are_tried_again(cluster, log):
    workflow = run(cluster, [
        {"type": "sql", "name": "list", "sql": "SELECT 1 UNION ALL SELECT 2"},
        {"type": "sql", "name": "try", "sql": "SELECT 1/0", "on_error": "continue", "retry": {
            "max_attempts": 2, "policy": "fixed", "base_delay": "20 ms", "jitter": 0,
            "on": ["validation_error"]}},
        {"type": "foreach", "name": "each", "items": "$.steps.list.rows", "steps": [
            {"type": "sql", "name": "one", "sql": "SELECT 1"}]}])
    log.wait(event="workflow_completed", workflow_id=workflow)
    steps = [(line["event"], line["step"], line["attempt"]) for line in log.lines(
        workflow_id=workflow) if line["event"].startswith("step_") and line["step"] != "list"]
    assert steps[:4] == [("step_waiting", "try", 1), ("step_retried", "try", 1),
                         ("step_waiting", "try", 2), ("step_failed", "try", 2)]
    assert Counter(steps[4:]) == Counter({
        ("step_waiting", "one", 1): 2,
        ("step_completed", "one", 1): 2, ("step_completed", "each", 1): 1})
    scopes = {line["scope"] for line in log.lines(event="step_completed", step="one",
                                                  workflow_id=workflow)}
    assert len(scopes) == 2


def test_what_steps_wait_for(cluster, log):
    workflow = start(cluster, [
        {"type": "parallel", "name": "both", "branches": [
            [{"type": "wait", "name": "time", "for": "100 ms"}],
            [{"type": "signal", "name": "signal", "signal": "go", "timeout": "1 day"}]]},
        {"type": "task", "name": "program", "task": "Do it.", "executor": "external"}])
    log.wait(event="step_completed", step="time")
    cluster.sql("SELECT hitl.send_signal(%s, 'go')", [workflow])
    log.wait(event="step_waiting", step="program", workflow_id=workflow)
    assert {line["step"]: line["for"] for line in log.lines(
        event="step_waiting", workflow_id=workflow)} == {
            "time": "time", "signal": "signal", "program": "program"}
    assert len(log.lines(event="step_waiting", workflow_id=workflow)) == 3
    time, = log.lines(event="step_completed", step="time")
    assert 100 <= time["ms"] < 30000
    cluster.sql("SELECT hitl.cancel_workflow(%s)", [workflow])
    log.wait(event="workflow_cancelled", workflow_id=workflow)


def test_hosts_that_do_not_answer(cluster, log, server):
    url = server.plan("/down", [500, 500, 500, 200])
    workflow = run(cluster, [{"type": "http", "name": "call", "url": url, "retry": {
        "max_attempts": 9, "policy": "fixed", "base_delay": "20 ms", "jitter": 0}}])
    assert status(cluster, workflow) == "completed"
    log.wait(event="workflow_completed", workflow_id=workflow)
    opened, = log.lines(event="breaker_opened")
    closed, = log.lines(event="breaker_closed")
    assert opened["host"] == closed["host"] == server.url("") and opened["failures"] == 3


def test_requests_that_others_are_asked_instead(cluster, log, server):
    """Where the breaker is open, what has fallbacks fails without having been sent."""
    cluster.sql("ALTER SYSTEM SET hitl.breaker_cooldown = '1 h'", dbname="postgres")
    cluster.reload()
    url = server.plan("/model", [500])

    def ask(fallbacks=None):
        request = uuid.uuid4()
        cluster.sql("INSERT INTO hitl.outbox (id, purpose, workflow_id, token, url, body,"
                    " idempotency_key, retry, fallbacks) VALUES (%s, 'inference', %s, 7, %s, '{}',"
                    " 'key', '{\"max_attempts\": 1}', %s)",
                    [request, uuid.uuid4(), url, fallbacks and Jsonb(fallbacks)])
        return log.wait(event="request_failed", request_id=str(request))

    assert [ask()["status"] for _ in range(3)] == [500] * 3
    log.wait(event="breaker_opened", host=server.url(""))
    line = ask(["another"])
    assert line["kind"] == "service_unavailable" and line["host"] == server.url("")
    assert line["purpose"] == "inference" and "attempt" not in line
    cluster.sql("DELETE FROM hitl.outbox WHERE url = %s", [url])


def test_notifications(cluster, log, server):
    """A notification is told of with the request for approval that it is about."""
    url = server.plan("/hook", [204])
    cluster.sql("SELECT hitl.configure_channel('hook', 'webhook', %s)", [Jsonb({"url": url})])
    try:
        approval = str(cluster.value("SELECT hitl.request_approval('Buy?', channels => '{hook}')"))
        line = log.wait(event="request_delivered", approval_id=approval)
        assert (line["purpose"], line["status"]) == ("notification", 204)
        assert "workflow_id" not in line
    finally:
        cluster.sql("DELETE FROM hitl.channel_configurations")


def test_approvals_without_a_workflow(cluster, log):
    """What is done about a request, told by whoever does it."""
    approval = str(cluster.value("SELECT hitl.request_approval('Buy?', requested_from => 'ann')"))
    cluster.sql("SELECT hitl.respond_to_approval(%s, 'ann', 'information_requested', NULL, 'Why?')",
                [approval])
    cluster.sql("SELECT hitl.provide_information(%s, 'We need it.')", [approval])
    cluster.sql("SELECT hitl.revise_approval(%s, title => 'Buy two?')", [approval])
    cluster.sql("SELECT hitl.reassign_approval(%s, 'bob', 'ann')", [approval])
    cluster.sql("SELECT hitl.respond_to_approval(id, 'bob', 'rejected', content_hash => content_hash)"
                " FROM hitl.approval_requests WHERE id = %s", [approval])
    log.wait(event="approval_decided", approval_id=approval)
    lines = log.lines(approval_id=approval)
    assert [line["event"] for line in lines] == [
        "approval_requested", "approval_information_requested", "approval_information_given",
        "approval_revised", "approval_reassigned", "approval_answered", "approval_decided"]
    assert lines[-2]["round"] == 2 and lines[-1]["status"] == "rejected"
    assert all("workflow_id" not in line and line["by"] == "client backend" for line in lines)

    cancelled = str(cluster.value("SELECT hitl.request_approval('Sell?', requested_from => 'ann')"))
    cluster.sql("SELECT hitl.cancel_approval(%s, 'No more.')", [cancelled])
    assert log.wait(event="approval_decided", approval_id=cancelled)["status"] == "cancelled"

    expired = str(cluster.value("SELECT hitl.request_approval('Wait?', requested_from => 'ann',"
                                " timeout_hours => 0.00001)"))
    line = log.wait(event="approval_decided", approval_id=expired)
    assert line["status"] == "expired" and line["by"] == "hitl engine"

    escalated = str(cluster.value(
        "SELECT hitl.request_approval('Wait?', policy => %s)",
        [Jsonb({"from": "ann", "timeout": "10 ms", "on_silence": {"escalate": "bob"}})]))
    log.wait(event="approval_escalated", approval_id=escalated)


def test_only_what_is_committed(cluster, log):
    """A line comes after its commit, or never."""
    ask = "SELECT hitl.request_approval('Really?', requested_from => 'ann')"
    with cluster.connect(autocommit=False) as client:
        gone, = client.execute(ask).fetchone()
        client.rollback()
        kept, = client.execute(ask).fetchone()
        client.execute("SAVEPOINT one")
        undone, = client.execute(ask).fetchone()
        client.execute("SAVEPOINT two")
        nested, = client.execute(ask).fetchone()
        client.execute("RELEASE two")
        client.execute("ROLLBACK TO one")
        client.execute("SAVEPOINT three")
        released, = client.execute(ask).fetchone()
        client.execute("RELEASE three")
        last, = client.execute(ask).fetchone()
        assert log.lines(event="approval_requested") == []
        client.commit()
        client.execute(ask)
        client.execute("PREPARE TRANSACTION 'logged'")
    cluster.sql("COMMIT PREPARED 'logged'")
    end = cluster.value(ask)
    log.wait(approval_id=str(end))
    assert [line["approval_id"] for line in log.lines(event="approval_requested")] == [
        str(one) for one in (kept, released, last, end)]
    assert not {str(one) for one in (gone, undone, nested)} & {
        line.get("approval_id") for line in log.lines()}


def test_what_clients_command(cluster, log):
    """A command is told by the session that gives it."""
    workflow = start(cluster, [{"type": "checkpoint", "name": "here"},
                               {"type": "signal", "name": "wait", "signal": "go"}])
    wait_until(lambda: status(cluster, workflow) == "waiting")
    for command in ("pause_workflow(%s)", "resume_workflow(%s)",
                    "rollback_workflow(%s, 'here', 'Again.')"):
        cluster.sql(f"SELECT hitl.{command}", [workflow])
    log.wait(event="workflow_rolled_back", workflow_id=workflow)
    assert [line["event"] for line in log.lines(workflow_id=workflow)
            if line["by"] == "client backend"] == [
                "workflow_paused", "workflow_running", "workflow_waiting",
                "workflow_rolled_back"]


def test_workflow_at_fault(cluster, log):
    """The batch is taken apart, and the one that cannot be processed is failed."""
    cluster.sql("""
        CREATE FUNCTION public.trap() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'trapped';
        END $$;
        CREATE TRIGGER trap BEFORE INSERT ON hitl.workflow_events FOR EACH ROW
        WHEN (NEW.step_name = 'poison') EXECUTE FUNCTION public.trap()""")
    try:
        with cluster.connect(autocommit=False) as client:
            ids = [str(client.execute(
                "SELECT hitl.create_workflow(%s, workflow_definition => %s)",
                [name, Jsonb({"steps": [{"type": "checkpoint", "name": name}]})]).fetchone()[0])
                   for name in ("fine", "poison")]
            for workflow in ids:
                client.execute("SELECT hitl.execute_workflow(%s)", [workflow])
            client.commit()
        failed = log.wait(event="workflow_failed")
        assert failed["workflow_id"] == ids[1] and failed["alone"] is True
        assert failed["sqlstate"] == "P0001"
        divided, = log.lines(event="batch_divided")
        assert divided["workflows"] == 2 and divided["by"] == "hitl engine"
        log.wait(event="workflow_completed", workflow_id=ids[0])
        assert log.events(workflow_id=ids[1]) == ["workflow_failed"]
    finally:
        cluster.sql("DROP FUNCTION public.trap() CASCADE")


def test_what_was_removed(cluster, log):
    run(cluster, [{"type": "sql", "name": "one", "sql": "SELECT 1"}])
    cluster.sql("SELECT hitl.purge('0')")
    purged = log.wait(event="purged")
    assert purged["workflows"] >= 1 and purged["events"] >= 3 and purged["by"] == "client backend"


def test_workers(cluster, log):
    """They tell when they start and stop, each with its database."""
    cluster.sql("ALTER SYSTEM SET hitl.sql_workers = 3", dbname="postgres")
    cluster.reload()
    started = log.wait(event="worker_started", worker="hitl executor", number=3)
    assert started["database"] == "hitl" and started["by"] == "hitl executor"
    cluster.sql("ALTER SYSTEM RESET hitl.sql_workers", dbname="postgres")
    cluster.reload()
    log.wait(event="worker_stopped", worker="hitl executor", number=3)
    cluster.restart()
    cluster.wait_for_workers()
    stopped, began = ({line["by"] for line in log.lines(event=event)}
                      for event in ("worker_stopped", "worker_started"))
    assert stopped == began == WORKERS


@pytest.mark.parametrize("kinds, told", [
    ("none", []),
    ("", []),
    ("workflows", ["workflow_started", "workflow_failed"]),
    ("steps", ["step_waiting", "step_failed"]),
    ("statements", ["statement_failed"]),
    ("workers, failures", ["statement_failed", "step_failed", "workflow_failed"]),
    ("statements, Workflows", ["workflow_started", "statement_failed", "workflow_failed"]),
])
def test_which_are_told(cluster, log, kinds, told):
    steps = [{"type": "sql", "name": "fail", "sql": "SELECT 1/0"}]
    set_kinds(cluster, kinds)
    silent = Log(cluster)
    workflow = run(cluster, steps)
    cluster.value("SELECT hitl.request_approval('Quiet?', requested_from => 'ann')")
    set_kinds(cluster, "all")
    assert log.wait(event="workflow_completed")
    lines = [line for line in silent.lines() if line.get("workflow_id") == workflow]
    assert [line["event"] for line in lines] == told
    assert silent.lines(event="approval_requested") == []


def test_default(cluster, log):
    assert cluster.value("SELECT boot_val FROM pg_settings"
                         " WHERE name = 'hitl.log_happenings'") == "workers, failures"


@pytest.mark.parametrize("kinds, detail", [
    ("everything", 'There are no happenings named "everything".'),
    ("workflows, none", '"none" stands alone.'),
    ("workflows,,", "List syntax is invalid."),
])
def test_setting_that_is_wrong(cluster, kinds, detail):
    with pytest.raises(psycopg.errors.InvalidParameterValue) as error:
        cluster.sql(psycopg.sql.SQL("ALTER SYSTEM SET hitl.log_happenings = {}").format(
            psycopg.sql.Literal(kinds)))
    assert error.value.diag.message_detail == detail
