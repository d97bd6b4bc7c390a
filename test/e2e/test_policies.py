"""Approval policies with a running engine: what happens by time, and within workflows."""
import signal

import psycopg
import pytest
from harness import wait_until
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from trail import faults

SETTINGS = {"hitl__engine_workers": 1}
PEOPLE = ("ann", "bob", "cy", "boss")


@pytest.fixture(scope="module")
def people(cluster):
    cluster.sql("SELECT hitl.create_principal(p) FROM unnest(%s::text[]) AS p", [list(PEOPLE)])
    cluster.sql("SELECT hitl.create_group('legal', members => '{ann,bob}')")


@pytest.fixture(name="db")
def _db(cluster, people):
    with cluster.connect(row_factory=dict_row) as connection:
        yield connection


# Requests

def ask(db, policy, **arguments):
    """A request by hand; its id."""
    named = "".join(f", {name} => %({name})s" for name in arguments)
    return db.execute(f"SELECT hitl.request_approval('Go?', policy => %(policy)s{named}) AS id",
                      {"policy": Jsonb(policy), **arguments}).fetchone()["id"]


def request(db, approval):
    return db.execute("SELECT *, ARRAY(SELECT name FROM hitl.approval_asks WHERE approval_id = id ORDER BY name) AS asks"
                      " FROM hitl.approval_requests WHERE id = %s", [approval]).fetchone()


def until(db, approval, **values):
    """Wait until a request has these values; its row."""
    def has():
        row = request(db, approval)
        return row if all(row[name] == value for name, value in values.items()) else None
    return wait_until(has, describe=lambda: request(db, approval))


def answer(db, approval, who, decision="approved", **arguments):
    """The status after an answer, or the SQLSTATE of the refusal."""
    named = "".join(f", {name} => %({name})s" for name in arguments)
    try:
        return db.execute(f"SELECT hitl.respond_to_approval(%(id)s, %(who)s, %(decision)s{named}) AS status",
                          {"id": approval, "who": who, "decision": decision, **arguments}).fetchone()["status"]
    except psycopg.Error as refused:
        return refused.sqlstate


def refusal(db, command, *parameters):
    """The SQLSTATE by which a command is refused, or None."""
    try:
        db.execute(command, parameters)
    except psycopg.Error as refused:
        return refused.sqlstate
    return None


# Workflows

def approval(name="ask", **options):
    return {"name": name, "type": "approval", "title": "Go?", **options}


def note(text, *params):
    """A step that returns its params, to be read from the workflow's data."""
    return {"name": text, "type": "sql", "sql": "SELECT " + ", ".join(
        f"${n}::text AS v{n}" for n in range(1, len(params) + 1)) if params else "SELECT 1 AS v1", "params": list(params)}


def start(db, *steps, **variables):
    return db.execute("SELECT hitl.execute_workflow(hitl.create_workflow('w', workflow_definition => %s,"
                      " input_data => %s)) AS id", [Jsonb({"steps": steps}), Jsonb(variables)]).fetchone()["id"]


def asked(db, workflow, count=1):
    """The ids of the pending requests of a workflow, when there are that many."""
    def found():
        rows = db.execute("SELECT id FROM hitl.approval_requests WHERE workflow_id = %s AND status = 'pending' ORDER BY id",
                          [workflow]).fetchall()
        return [row["id"] for row in rows] if len(rows) == count else None
    return wait_until(found, describe=lambda: db.execute("SELECT hitl.get_workflow_status(%s)", [workflow]).fetchone())


def ended(db, workflow, status="completed"):
    """Wait for the end of a workflow; its data."""
    def row():
        return db.execute("SELECT status, error, hitl.workflow_data(id) AS data FROM hitl.workflows WHERE id = %s",
                          [workflow]).fetchone()
    wait_until(lambda: row()["status"] in ("completed", "failed", "rejected", "cancelled"), describe=row)
    assert row()["status"] == status, row()["error"]
    assert db.execute("SELECT count(*) AS n FROM hitl.approval_asks k JOIN hitl.approval_requests a ON a.id = approval_id"
                      " WHERE workflow_id = %s", [workflow]).fetchone()["n"] == 0
    return row()["data"]


def events(db, workflow, *types):
    """The events of these types, with what they tell."""
    return [(row["event_type"], row["data"]) for row in db.execute(
        "SELECT event_type, data FROM hitl.workflow_events WHERE workflow_id = %s AND event_type = ANY (%s) ORDER BY seq",
        [workflow, list(types)]).fetchall()]


# By time

def test_others_are_asked_after_a_time(db):
    later = ask(db, {"any_of": ["ann", {"from": "boss", "after": "1 hour"}]})
    assert answer(db, later, "boss") == "WF015"
    soon = ask(db, {"any_of": ["ann", {"from": "boss", "after": 0.2}]})
    until(db, soon, asks=["ann", "boss"])
    assert answer(db, soon, "boss") == "approved"
    assert answer(db, later, "ann") == "approved"


@pytest.mark.parametrize("on_silence, status", [
    (None, "expired"), ("expire", "expired"), ("reject", "rejected"), ("approve", "approved")])
def test_silence(db, on_silence, status):
    policy = {"from": ["ann", "bob"], "count": 2, "timeout": 0.2}
    made = ask(db, policy if on_silence is None else {**policy, "on_silence": on_silence})
    row = until(db, made, status=status)
    assert (row["reason"], row["decided_by"], row["asked"], row["asks"]) == ("silence", None, [], [])
    assert row["decided_at"] >= row["expires_at"]
    assert answer(db, made, "ann") == ("WF012" if status == "expired" else "WF011")


def test_silence_after_a_request_for_changes(db):
    """Silence does not approve what somebody wants changed."""
    made = ask(db, {"from": ["ann", "bob"], "count": 2, "timeout": 2, "on_silence": "approve"})
    assert answer(db, made, "ann", "modified", feedback="less") == "pending"
    assert until(db, made, status="expired")["reason"] == "silence"


def test_silence_after_a_question(db):
    """Silence does not approve as long as a question is not answered; people do."""
    policy = {"from": "ann", "timeout": 3, "on_silence": "approve"}
    waits, told, decided = (ask(db, policy) for _ in range(3))
    for made in (waits, told, decided):
        assert answer(db, made, "ann", "information_requested", feedback="why?") == "pending"
    db.execute("SELECT hitl.provide_information(%s, 'because')", [told])
    assert answer(db, decided, "ann") == "approved"
    for made, status in ((waits, "expired"), (told, "approved")):
        assert until(db, made, status=status)["reason"] == "silence"
    for made in (waits, told, decided):
        assert db.execute("SELECT * FROM hitl.verify_approval(%s)", [made]).fetchall() == []


def test_what_is_to_be_changed_waits_for_it(cluster, db):
    """Neither a reminder nor a reassignment approves or ends what somebody wants changed."""
    made = ask(db, {"from": ["ann", "bob", "cy"], "remind": {"after": 1}, "reject_after": 3, "timeout": "1 day"})
    assert answer(db, made, "ann", "modified", feedback="less") == "pending"
    assert answer(db, made, "bob") == "pending"
    row = request(db, made)
    assert row["due_at"] == row["expires_at"]
    assert db.execute("SELECT hitl.reassign_approval(%s, 'boss', 'cy') AS status", [made]).fetchone()["status"] == "pending"
    assert request(db, made)["asks"] == ["ann", "bob", "boss"]
    assert answer(db, made, "boss") == "pending"
    assert db.execute("SELECT * FROM hitl.verify_approval(%s)", [made]).fetchall() == []
    db.execute("SELECT hitl.revise_approval(%s, title => 'Go on?')", [made])
    content = request(db, made)["content_hash"]
    assert answer(db, made, "ann", content_hash=content) == "approved"

    # Nor does an instant that was due before the answer, and lies before the time-out.
    pid = stop_engine(cluster)
    try:
        late = ask(db, {"from": ["ann", "bob"], "remind": {"after": 0.2}, "reject_after": 2, "timeout": "1 day"})
        assert answer(db, late, "ann", "modified", feedback="less") == "pending"
        let_become_due(db, late)
        assert answer(db, late, "bob") == "pending"
        assert db.execute("SELECT hitl.revise_approval(%s, title => 'Go on?') IS NOT NULL AS done", [late]).fetchone()["done"]
    finally:
        cluster.kill(pid, signal.SIGCONT)
    content = request(db, late)["content_hash"]
    assert answer(db, late, "bob", content_hash=content) == "approved"


def test_silence_escalates_again_and_again(db):
    made = ask(db, {"from": "ann", "timeout": 0.2, "on_silence": {
        "escalate": "bob", "timeout": 0.2, "on_silence": {"escalate": {"from": ["cy", "boss"], "count": 2}, "timeout": "1 hour"}}})
    row = until(db, made, escalations=2)
    assert row["status"] == "pending" and {"cy", "boss"} <= set(row["asks"])
    assert answer(db, made, "cy") == "pending"
    assert answer(db, made, "boss") == "approved"


def test_the_last_silence(db):
    made = ask(db, {"from": "ann", "timeout": 0.2, "on_silence": {"escalate": "boss", "timeout": 0.2, "on_silence": "reject"}})
    assert until(db, made, status="rejected")["escalations"] == 1


def test_deadlines_of_parts(db):
    """A part fails, or counts as approved, when its time is over; the others go on."""
    fails = ask(db, {"any_of": [{"from": "ann", "deadline": 0.2}, "bob"]})
    grants = ask(db, {"all_of": [{"from": "ann", "deadline": 0.2, "on_deadline": "approve"}, "bob"]})
    alone = ask(db, {"from": "ann", "deadline": 0.2})
    needed = ask(db, {"all_of": [{"from": "ann", "deadline": 0.2}, "bob"]})
    assert until(db, alone, status="rejected")["reason"] == "deadline"
    assert until(db, needed, status="rejected")["reason"] == "deadline"
    for made in (fails, grants):
        until(db, made, asks=["bob"])
        assert answer(db, made, "ann") == "WF015"
        assert answer(db, made, "bob") == "approved"


def test_a_stage_has_its_time_from_when_it_is_asked(db):
    """The second stage's deadline begins when the first has approved."""
    made = ask(db, {"sequence": ["ann", {"from": "bob", "deadline": 0.3}, {"from": "cy", "deadline": "1 hour"}]})
    assert request(db, made)["due_at"] is None
    assert answer(db, made, "ann") == "pending"
    row = until(db, made, status="rejected")
    assert row["reason"] == "deadline"
    first = db.execute("SELECT responded_at FROM hitl.approval_responses WHERE approval_id = %s", [made]).fetchone()
    assert (row["decided_at"] - first["responded_at"]).total_seconds() >= 0.3


def test_an_answer_in_time_moves_what_is_due(db):
    made = ask(db, {"sequence": [{"from": "ann", "deadline": "1 hour"}, "bob"]})
    before = request(db, made)["due_at"]
    assert answer(db, made, "ann") == "pending"
    assert before is not None and request(db, made)["due_at"] is None


# Reminders

def reminded(db, workflow):
    return [data["asked"] for _, data in events(db, workflow, "approval_reminded")]


def test_reminders(cluster, db):
    """As often as the policy says, whoever has not answered; and then no more."""
    cluster.configure(hitl__reminder_interval=0)
    cluster.reload()
    wait_until(lambda: cluster.value("SHOW hitl.reminder_interval") in ("0", "0s"))
    workflow = start(db, approval(policy={"from": ["ann", "bob", "cy"], "count": 3,
                                          "remind": {"after": 0.2, "every": 1, "max": 3}}))
    made, = asked(db, workflow)
    wait_until(lambda: len(reminded(db, workflow)) >= 1)
    assert answer(db, made, "bob") == "pending"
    until(db, made, reminders=3, due_at=None)
    wait_until(lambda: len(reminded(db, workflow)) == 3)
    assert sorted(reminded(db, workflow)[0]) == ["ann", "bob", "cy"]
    assert sorted(reminded(db, workflow)[-1]) == ["ann", "cy"]
    assert answer(db, made, "ann") == "pending" and answer(db, made, "cy") == "approved"
    ended(db, workflow)


def test_nobody_is_reminded_too_often(cluster, db):
    """Of all that one is asked, once within hitl.reminder_interval."""
    cluster.configure(hitl__reminder_interval=600)
    cluster.reload()
    wait_until(lambda: cluster.value("SHOW hitl.reminder_interval") == "10min")
    db.execute("TRUNCATE hitl.approval_reminders")
    remind = {"after": 0.2, "every": 0.2}
    first = start(db, approval(policy={"from": "ann", "remind": remind}))
    made, = asked(db, first)
    row = until(db, made, reminders=1)
    wait_until(lambda: reminded(db, first) == [["ann"]])
    # The next one waits until ten minutes are over.
    wait_until(lambda: db.execute("SELECT due_at > %s + interval '9 minutes' AS later FROM hitl.approval_requests"
                                  " WHERE id = %s", [row["reminded_at"], made]).fetchone()["later"])
    # Another request reminds those who have not been.
    second = start(db, approval(policy={"from": ["ann", "bob"], "count": 2, "remind": remind}))
    other, = asked(db, second)
    until(db, other, reminders=1)
    wait_until(lambda: reminded(db, second) == [["bob"]])
    assert request(db, made)["reminders"] == 1
    for who in ("ann", "bob"):
        answer(db, other, who)
    answer(db, made, "ann")
    ended(db, first)
    ended(db, second)


# A late engine, and a crash

def stop_engine(cluster):
    """Stop the engine, which holds nothing; its pid."""
    pid = cluster.wait_for_workers()["engine", 1]
    cluster.kill(pid, signal.SIGSTOP)
    return pid


def let_become_due(db, *approvals):
    wait_until(lambda: db.execute("SELECT bool_and(due_at < clock_timestamp()) AS due FROM hitl.approval_requests"
                                  " WHERE id = ANY (%s)", [list(approvals)]).fetchone()["due"])


def test_late_engine(cluster, db):
    """What is due comes before whatever is done meanwhile, although nobody has written it down."""
    pid = stop_engine(cluster)
    try:
        plain = db.execute("SELECT hitl.request_approval('Go?', requested_from => 'ann', timeout_hours => 0.00005) AS id"
                           ).fetchone()["id"]
        timed = {on: ask(db, {"from": "ann", "timeout": 0.2, "on_silence": on}) for on in ("expire", "reject", "approve")}
        up = ask(db, {"from": "ann", "timeout": 0.2, "on_silence": {"escalate": "boss", "timeout": "1 hour"}})
        given = ask(db, {"from": "ann", "timeout": 0.2, "on_silence": {"escalate": "boss", "timeout": "1 hour"}})
        after = ask(db, {"any_of": ["ann", {"from": "boss", "after": 0.2}]})
        fails = ask(db, {"any_of": [{"from": "ann", "deadline": 0.2}, "bob"]})
        moves = ask(db, {"all_of": [{"from": "ann", "deadline": 0.2, "on_deadline": "approve"}, "bob"]})
        let_become_due(db, plain, *timed.values(), up, given, after, fails, moves)
        told = {plain: "WF012", timed["expire"]: "WF012", timed["reject"]: "WF011", timed["approve"]: "WF011"}
        for made, code in told.items():
            assert answer(db, made, "ann") == code
            assert answer(db, made, "ann", "commented", feedback="hm") == code
            assert refusal(db, "SELECT hitl.revise_approval(%s, title => 'Now?')", made) == code
            assert refusal(db, "SELECT hitl.provide_information(%s, 'this')", made) == code
            assert refusal(db, "SELECT hitl.reassign_approval(%s, 'cy', 'ann')", made) == code
            assert request(db, made)["status"] == "pending"
        # What time decides is known when it is written down; what only expires has expired.
        assert db.execute("CALL hitl.await_approval(%s, '0 seconds')", [plain]).fetchone()["status"] == "expired"
        assert db.execute("CALL hitl.await_approval(%s, '0 seconds')", [timed["approve"]]).fetchone()["status"] == "pending"
        # Whoever is to be asked by now can answer, or give it to others.
        assert answer(db, up, "boss") == "approved"
        assert db.execute("SELECT hitl.reassign_approval(%s, 'cy', 'boss') AS status", [given]).fetchone()["status"] == "pending"
        assert answer(db, given, "boss") == "WF015"
        assert answer(db, given, "cy") == "approved"
        assert answer(db, after, "boss") == "approved"
        # Whose time is over cannot.
        assert answer(db, fails, "ann") == "WF015" and answer(db, fails, "bob") == "approved"
        assert answer(db, moves, "ann") == "WF015" and answer(db, moves, "bob") == "approved"
        assert db.execute("SELECT count(*) AS n FROM hitl.list_pending_approvals('ann') WHERE approval_id = %s",
                          [plain]).fetchone()["n"] == 0
    finally:
        cluster.kill(pid, signal.SIGCONT)
    for made, status in ((plain, "expired"), (timed["expire"], "expired"), (timed["reject"], "rejected"),
                         (timed["approve"], "approved")):
        assert until(db, made, status=status)["acts"] == 0


def test_crash_before_it_is_due(cluster, db):
    """What becomes due while the server is down happens once it is up, once."""
    workflow = start(db, {"name": "all", "type": "foreach", "items": "$.variables.l", "as": "x", "steps": [
        approval(policy={"from": "ann", "timeout": 1, "on_silence": {"escalate": "boss", "timeout": 0.5, "on_silence": "reject"}},
                 on_reject="continue")]}, l=list(range(20)))
    wait_until(lambda: db.execute("SELECT count(*) AS n FROM hitl.approval_requests WHERE workflow_id = %s",
                                  [workflow]).fetchone()["n"] == 20)
    cluster.immediate()
    cluster.start()
    with cluster.connect(row_factory=dict_row) as again:
        ended(again, workflow)
        rows = again.execute("SELECT status, escalations, reason FROM hitl.approval_requests WHERE workflow_id = %s",
                             [workflow]).fetchall()
        assert [tuple(row.values()) for row in rows] == 20 * [("rejected", 1, "silence")]
        assert len(events(again, workflow, "approval_escalated")) == 20
        assert len(events(again, workflow, "approval_rejected")) == 20
    with cluster.connect() as again:
        assert faults(again) == []


# Workflows

def test_stages_groups_and_delegates(db):
    """A policy in a definition; the step's result says who decided, and for whom."""
    db.execute("SELECT hitl.delegate_approvals('boss', now() + interval '1 hour', delegator => 'cy')")
    workflow = start(db, approval(policy={"sequence": [{"from": "legal", "count": 2}, "cy"]}),
                     note("after", "{{ $.steps.ask.approver_id }}", "{{ $.steps.ask.on_behalf_of }}"))
    made, = asked(db, workflow)
    assert [answer(db, made, who) for who in ("cy", "ann", "bob", "boss")] == ["WF015", "pending", "pending", "approved"]
    data = ended(db, workflow)
    assert data["steps"]["ask"]["decision"] == "approved"
    assert data["steps"]["after"]["rows"] == [{"v1": "boss", "v2": '["cy"]'}]
    assert [(data["decision"], data.get("on_behalf_of")) for _, data in events(db, workflow, "approval_responded")] == [
        ("approved", None), ("approved", None), ("approved", ["cy"])]
    db.execute("SELECT hitl.end_delegation(id) FROM hitl.delegations WHERE ends_at > now()")


def test_silence_in_a_workflow(db):
    """What silence decides is what the step goes on by."""
    policy = {"from": "ann", "timeout": 0.2}
    approved = start(db, approval(policy={**policy, "on_silence": "approve"}), note("after"))
    rejected = start(db, approval(policy={**policy, "on_silence": "reject"}, on_reject="continue"), note("after"))
    stopped = start(db, approval(policy={**policy, "on_silence": "reject"}), note("after"))
    expired = start(db, approval(policy=policy, on_timeout="continue"), note("after"))
    failed = start(db, approval(policy=policy), note("after"))
    data = ended(db, approved)
    assert data["steps"]["ask"]["decision"] == "approved" and "approver_id" not in data["steps"]["ask"]
    assert "after" in ended(db, rejected)["steps"]
    assert "after" not in ended(db, stopped, "rejected")["steps"]
    assert "after" in ended(db, expired)["steps"]
    assert "after" not in ended(db, failed, "failed")["steps"]
    assert db.execute("SELECT error ->> 'kind' AS kind FROM hitl.workflows WHERE id = %s", [failed]).fetchone()["kind"] == "timeout"


def test_escalation_in_a_workflow(db):
    workflow = start(db, approval(policy={"from": "ann", "timeout": 0.2, "on_silence": {"escalate": "boss", "timeout": "1 hour"}}))
    made, = asked(db, workflow)
    until(db, made, escalations=1)
    assert answer(db, made, "boss") == "approved"
    ended(db, workflow)
    (_, data), = events(db, workflow, "approval_escalated")
    assert "boss" in data["asked"] and data["approval_id"] == str(made)


def test_form_in_a_workflow(db):
    workflow = start(db, approval(approval_type="form", requested_from="ann", form_fields=[
        {"name": "days", "type": "integer", "required": True, "minimum": 1}]), note("after", "{{ $.steps.ask.response_data.days }}"))
    made, = asked(db, workflow)
    assert answer(db, made, "ann") == "WF019"
    assert answer(db, made, "ann", response_data=Jsonb({"days": 0})) == "WF019"
    assert answer(db, made, "ann", response_data=Jsonb({"days": 3})) == "approved"
    assert ended(db, workflow)["steps"]["after"]["rows"] == [{"v1": "3"}]


def test_type_in_a_workflow(db):
    db.execute("CREATE FUNCTION public.even(request jsonb, answer jsonb) RETURNS text LANGUAGE sql AS"
               " $$ SELECT CASE WHEN (answer -> 'n')::integer % 2 = 1 THEN request ->> 'step_name' || ': not even' END $$")
    db.execute("""SELECT hitl.create_approval_type('even', '{"type": "object", "required": ["n"]}', check_function => 'public.even')""")
    workflow = start(db, approval(approval_type="even", requested_from="ann"))
    made, = asked(db, workflow)
    assert answer(db, made, "ann") == "WF019"
    assert answer(db, made, "ann", response_data=Jsonb({"n": 3})) == "WF019"
    assert answer(db, made, "ann", response_data=Jsonb({"n": 4})) == "approved"
    assert ended(db, workflow)["steps"]["ask"]["response_data"] == {"n": 4}


def test_type_that_does_not_exist(db):
    """The step fails, which its options may catch; nobody is asked."""
    workflow = start(db, approval(approval_type="missing", requested_from="ann"))
    ended(db, workflow, "failed")
    error = db.execute("SELECT error FROM hitl.workflows WHERE id = %s", [workflow]).fetchone()["error"]
    assert error["kind"] == "validation_error" and "missing" in error["message"]
    workflow = start(db, approval(approval_type="missing", requested_from="ann", on_error="continue"), note("after"))
    assert "after" in ended(db, workflow)["steps"]
    assert db.execute("SELECT count(*) AS n FROM hitl.approval_requests WHERE workflow_id = %s", [workflow]).fetchone()["n"] == 0


def test_edits_in_a_workflow(db):
    """What was approved is what was edited, and the steps that follow see it."""
    workflow = start(db, approval(policy={"from": ["ann", "bob"]}, context_data={"amount": "{{ $.variables.amount }}", "to": "Shop"}),
                     note("after", "{{ $.steps.ask.context_data.amount }}"), amount=900)
    made, = asked(db, workflow)
    assert answer(db, made, "ann", "modified", edits=Jsonb({"amount": 500})) == "pending"
    shown = request(db, made)["content_hash"]
    assert answer(db, made, "bob") == "WF018"
    assert answer(db, made, "bob", content_hash=shown) == "approved"
    data = ended(db, workflow)
    assert data["steps"]["ask"]["context_data"] == {"amount": 500, "to": "Shop"}
    assert data["steps"]["after"]["rows"] == [{"v1": "500"}]
    assert data["variables"] == {"amount": 900}
    assert [event["decision"] for _, event in events(db, workflow, "approval_responded")] == ["modified", "approved"]
    # A single approver's edit is his approval, too.
    workflow = start(db, approval(requested_from="ann", context_data={"amount": 900}))
    made, = asked(db, workflow)
    assert answer(db, made, "ann", "modified", edits=Jsonb({"amount": 1})) == "approved"
    assert ended(db, workflow)["steps"]["ask"]["context_data"] == {"amount": 1}


def test_changes_requested_in_a_workflow(db):
    """There is no requester to make them: the step is declined, with what was wanted."""
    workflow = start(db, approval(requested_from="ann", on_reject="goto:after"), note("between"), note("after"))
    made, = asked(db, workflow)
    assert answer(db, made, "ann", "modified", feedback="less, please") == "rejected"
    data = ended(db, workflow)
    assert "between" not in data["steps"] and "after" in data["steps"]
    assert [(event["decision"], event["feedback"]) for _, event in events(db, workflow, "approval_responded")] == [
        ("modified", "less, please")]
    workflow = start(db, approval(requested_from="ann"))
    made, = asked(db, workflow)
    answer(db, made, "ann", "modified", feedback="less, please")
    ended(db, workflow, "rejected")


def test_questions_in_a_workflow(db):
    """Comments, questions and their answers are events, and move nothing."""
    workflow = start(db, approval(requested_from="ann"))
    made, = asked(db, workflow)
    assert answer(db, made, "ann", "information_requested", feedback="why?") == "pending"
    db.execute("SELECT hitl.provide_information(%s, 'because')", [made])
    assert answer(db, made, "ann", "commented", feedback="I see") == "pending"
    db.execute("SELECT hitl.reassign_approval(%s, 'bob', 'ann')", [made])
    assert answer(db, made, "bob") == "approved"
    ended(db, workflow)
    assert [kind for kind, _ in events(db, workflow, "approval_information_requested", "approval_information_given",
                                       "approval_commented", "approval_reassigned", "approval_responded", "approval_approved")] == [
        "approval_information_requested", "approval_information_given", "approval_commented", "approval_reassigned",
        "approval_responded", "approval_approved"]


def test_rule_decides_a_step(db):
    """A rule decides at once; the workflow goes on without a person."""
    db.execute("SELECT hitl.create_approval_rule('small', '$.context_data.amount < 100 && $.step_name == \"rule\"', 'approve'),"
               " hitl.create_approval_rule('large', '$.context_data.amount > 1000 && $.step_name == \"rule\"', 'deny')")
    rule = approval("rule", requested_from="ann", context_data={"amount": "{{ $.variables.amount }}"})
    try:
        small = start(db, rule, note("after", "{{ $.steps.rule.approver_id }}"), amount=5)
        large = start(db, rule, amount=5000)
        middle = start(db, rule, amount=500)
        assert ended(db, small)["steps"]["after"]["rows"] == [{"v1": "rule:small"}]
        ended(db, large, "rejected")
        made, = asked(db, middle)
        assert answer(db, made, "ann") == "approved"
        ended(db, middle)
        assert [row["action"] for row in db.execute(
            "SELECT d.action FROM hitl.rule_decisions d JOIN hitl.approval_requests a ON a.id = d.approval_id"
            " WHERE a.workflow_id = ANY (%s) ORDER BY d.action", [[small, large, middle]])] == ["approve", "ask", "deny"]
    finally:
        db.execute("SELECT hitl.drop_approval_rule('small'), hitl.drop_approval_rule('large')")


def test_gates_are_not_edited(db):
    """A task that asks first does what was shown, so that can only be taken or left."""
    db.execute("SELECT hitl.create_model('echo', provider => 'builtin', is_default => true)")
    gate = {"name": "act", "type": "task", "task": "send 900 EUR", "requires_approval": True,
            "approval_config": {"policy": {"from": ["ann", "bob"]}, "context_data": {"amount": 900}}}
    workflow = start(db, gate)
    made, = asked(db, workflow)
    assert request(db, made)["editable"] is False
    assert answer(db, made, "ann", "modified", edits=Jsonb({"amount": 1})) == "0A000"
    assert refusal(db, "SELECT hitl.revise_approval(%s, title => 'Send less?')", made) == "0A000"
    assert answer(db, made, "ann", "commented", feedback="hm") == "pending"
    assert answer(db, made, "bob") == "approved"
    assert ended(db, workflow)["steps"]["act"]["answer"]
    workflow = start(db, gate)
    made, = asked(db, workflow)
    assert answer(db, made, "ann", "modified", feedback="1 EUR is enough") == "rejected"
    ended(db, workflow, "rejected")


def test_many_expire_at_once(db):
    """Two hundred requests of one workflow, simple ones and such with a policy, end in the same moment."""
    each = {"type": "foreach", "items": "$.variables.l", "as": "x"}
    workflow = start(db, {"name": "both", "type": "parallel", "branches": [
        [{**each, "name": "plain", "steps": [approval("simple", requested_from="ann", timeout=0.5, on_timeout="continue")]}],
        [{**each, "name": "staged", "steps": [
            approval(policy={"from": ["ann", "bob"], "count": 2, "timeout": 0.5, "on_silence": "reject"}, on_reject="continue")]}],
    ]}, l=list(range(100)))
    ended(db, workflow)
    assert {row["status"]: row["n"] for row in db.execute(
        "SELECT status, count(*) AS n FROM hitl.approval_requests WHERE workflow_id = %s GROUP BY 1", [workflow])} == {
        "expired": 100, "rejected": 100}
    assert len(events(db, workflow, "approval_expired")) == len(events(db, workflow, "approval_rejected")) == 100


def test_rollback_withdraws_what_a_policy_asks(db):
    """A stage that was reached is withdrawn, and asked from the first one again."""
    workflow = start(db, {"name": "before", "type": "checkpoint"}, approval(policy={"sequence": ["ann", "bob"]}))
    made, = asked(db, workflow)
    assert answer(db, made, "ann") == "pending"
    db.execute("SELECT hitl.rollback_workflow(%s, 'before', 'again')", [workflow])
    row = until(db, made, status="cancelled")
    assert (row["asked"], row["asks"], row["due_at"]) == ([], [], None)
    assert answer(db, made, "bob") == "WF013"
    db.execute("SELECT hitl.execute_workflow(%s)", [workflow])
    made, = asked(db, workflow)
    assert request(db, made)["asks"] == ["ann"]
    assert answer(db, made, "ann") == "pending" and answer(db, made, "bob") == "approved"
    ended(db, workflow)
