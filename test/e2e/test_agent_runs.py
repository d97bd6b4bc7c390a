"""Runs of agents: models that are down, orders from outside, several at once."""
import re
import sys
import threading

import pytest
from harness import ROOT, wait_until
from house import answer, call, one_format, open_things, told
from psycopg.types.json import Jsonb

sys.path.insert(0, str(ROOT / "test/servers"))
from inference_server import InferenceServer, task_of  # noqa: E402
from scripted_server import ScriptedServer  # noqa: E402

SETTINGS = {"hitl__allowed_private_hosts": "127.0.0.1", "hitl__breaker_threshold": 3, "hitl__breaker_cooldown": "60 s"}

ONCE = {"max_attempts": 1}


# Models that are down

def test_fallback(house):
    """In each turn the model is tried first; what it cannot answer another one does, with the same conversation."""
    with InferenceServer({}) as other:
        house.script("Look.", {"status": 503}, {"calls": [call("total", order_id=2)]}, {"status": 529})
        house.script("Look.", {"calls": [call("total", order_id=1)]}, answer("30."), server=other)
        house.model("spare", other)
        house.model("m", is_default=True, fallbacks=["spare"])
        house.agent("clerk", "total")
        workflow = house.start({"name": "look", "type": "task", "task": "Look.", "agent": "clerk", "retry": ONCE})
        assert house.done(workflow)["answer"] == "30."
        assert house.observed(workflow) == [("total", "10"), ("total", "20")]
        first, second = house.sent("Look.", other)
    assert [len(house.heard(request)) for request in house.sent("Look.")] == [1, 3, 5]
    assert house.heard(first) == house.heard(house.sent("Look.")[0]) and house.heard(second) == house.heard(house.sent("Look.")[2])
    assert [line for line in house.transcript(workflow) if "rerouted" in line[1]] == [
        ("engine", f"task rerouted: to model spare: service_unavailable: 127.0.0.1 answered with status {status}: the script says to fail")
        for status in (503, 529)]
    assert [(row["model"], row["status"]) for row in house.cluster.sql(
        "SELECT model, status FROM hitl.model_calls WHERE workflow_id = %s ORDER BY request_id", [workflow])] == [
            ("m", "failed"), ("spare", "delivered"), ("m", "delivered"), ("m", "failed"), ("spare", "delivered")]


def test_circuit_breaker(house):
    """A model that has failed too often is not asked; the fallback is, at once."""
    with InferenceServer({}) as other:
        house.script("", *[{"status": 503}] * 3)
        house.script("Look.", {"calls": [call("total", order_id=1)]}, answer("10."), server=other)
        house.model("spare", other)
        house.model("m", is_default=True, fallbacks=["spare"])
        house.agent("clerk", "total")
        step = {"name": "look", "type": "task", "task": "Look.", "agent": "clerk", "retry": {"max_attempts": 3, "base_delay": 0.01}}
        assert house.done(house.start(step))["answer"] == "10."
    assert len(house.server.requests) == 3 and len(house.sent("Look.", other)) == 2
    assert house.cluster.value("SELECT state FROM hitl.circuit_breakers WHERE host = %s",
                               [house.server.base_url.removesuffix("/v1")]) == "open"


def test_retry_after(house):
    """The server says when to come again; nothing is said twice in the conversation."""
    house.script("Look.", {"calls": [call("total", order_id=1)]}, answer("10."), fail_first=1, fail_status=429, retry_after=1)
    house.agent("clerk", "total")
    assert house.done(house.run("Look."))["answer"] == "10."
    first, again, last = house.server.requests
    assert again["at"] - first["at"] >= 1
    assert first["idempotency_key"] == again["idempotency_key"] and first["body"] == again["body"]
    assert [said[0] for said in house.heard(last["body"])] == ["user", "assistant", "tool"]


def test_failure_for_good(house):
    """The workflow fails; whoever retries it lets the agent go on with all that it knows."""
    house.script("Look.", {"calls": [call("refund", order_id=1, amount=1)]}, {"status": 400}, {"status": 401}, answer("Done."))
    house.agent("clerk", "refund")
    workflow = house.run("Look.")
    for kind in ("validation_error", "authentication_error"):
        error = house.failed(workflow)
        assert (error["kind"], error["message"]) == (kind, "the script says to fail")
        before = house.events(workflow).count("task_requested")
        house.command(workflow, "retry", "It is mended.")
        wait_until(lambda: house.events(workflow).count("task_requested") > before)
    assert house.done(workflow)["answer"] == "Done."
    first, *others = house.sent("Look.")
    assert len(others) == 3 and all(one == others[0] for one in others)
    assert [said[0] for said in house.heard(others[0])] == ["user", "assistant", "tool"]
    assert len({request["idempotency_key"] for request in house.server.requests}) == 4
    assert house.cluster.sql("SELECT order_id FROM shop.refunds") == [{"order_id": 1}]


@one_format
def test_options_of_the_step(house):
    """"retry" is of each request; "on_error" says what follows when the agent has failed."""
    house.script("Look.", {"calls": [call("total", order_id=1)]}, answer("Done."), fail_first=1, fail_status=500)
    house.agent("clerk", "total")
    step = {"name": "look", "type": "task", "task": "Look.", "agent": "clerk", "retry": {"max_attempts": 2, "base_delay": 0.01},
            "on_error": "continue"}
    assert house.done(house.start(step))["answer"] == "Done."
    house.script("Look", {"status": 500})
    workflow = house.start({**step, "task": "Look again."}, {"name": "then", "type": "sql", "sql": "SELECT 1 AS one"})
    steps = house.until(workflow, "completed", "failed")["data"]["steps"]
    assert steps["look"]["error"]["kind"] == "service_unavailable" and steps["then"]["count"] == 1
    assert len(house.server.requests) == 5


# Pause, resume, cancel

class Phases:
    """An agent that comes to a point and stays there until it is let go."""

    def __init__(self, house):
        self.house = house
        self.asked = threading.Event()
        self.go_on = threading.Event()
        self.connection = house.cluster.connect()
        self.http = None

    def model(self, _):
        self.asked.set()
        self.go_on.wait(60)
        return answer("Done.")

    def come_to(self, phase):
        """Start the workflow and wait until it is in a phase; the workflow."""
        house = self.house
        if phase == "model":
            house.server.add({"match": "Work.", "replies": self.model})
            house.agent("clerk")
            workflow = house.run("Work.")
            assert self.asked.wait(30)
            return workflow
        name = {"statement": "wait", "approval": "refund", "external": "paint", "child": "ask_expert", "http": "fetch"}.get(phase, phase)
        arguments = {"refund": {"order_id": 1, "amount": 1}, "ask_human": {"question": "Well?"}, "ask_expert": {"task": "Help."}}
        house.script("Work.", {"calls": [call(name, "x1", **arguments.get(name, {})), call("total", "x2", order_id=1)]}, answer("Done."))
        house.script("Help.", {"calls": [call("ask_human", question="Well?")]}, answer("Helped."))
        house.call("create_external_tool", {"name": "paint", "description": "Paints.", "queue": house.provider})
        house.agent("expert", "ask_human")
        house.call("create_agent_tool", {"name": "ask_expert", "agent": "expert", "description": "Knows."})
        self.http = ScriptedServer().__enter__()
        house.call("create_http_tool", {"name": "fetch", "description": "Fetches.", "url": self.http.plan(
            "/fetch", [{"body": self.respond}])})
        house.agent("clerk", name, "total", tool_approval={"refund": "always"} if name == "refund" else {})
        if phase == "statement":
            self.connection.execute("SELECT pg_advisory_lock(1)")
        workflow = house.run("Work.")
        wait_until({
            "statement": house.tool_waits,
            "approval": lambda: house.asked(workflow), "ask_human": lambda: house.asked(workflow),
            "external": lambda: house.cluster.value("SELECT true FROM hitl.external_tasks WHERE status = 'queued' AND workflow_id = %s",
                                                    [workflow]),
            "child": lambda: house.cluster.value("SELECT true FROM hitl.pending_approvals p JOIN hitl.child_workflows c"
                                                 " USING (workflow_id) WHERE c.parent_id = %s", [workflow]),
            "http": lambda: self.http.requests("/fetch"),
        }[phase])
        return workflow

    def respond(self, _):
        self.go_on.wait(60)
        return "fetched"

    def let_go(self, phase, workflow):
        """What it waits for comes."""
        cluster = self.house.cluster
        self.go_on.set()
        if phase == "statement":
            self.connection.execute("SELECT pg_advisory_unlock(1)")
        elif phase == "external":
            cluster.sql("SELECT hitl.complete_task(task_id) FROM hitl.claim_tasks(%s)", [self.house.provider])
        elif phase in ("approval", "ask_human", "child"):
            cluster.sql("SELECT hitl.respond_to_approval(a.id, 'ann', 'approved', %s) FROM hitl.approval_requests a"
                        " LEFT JOIN hitl.child_workflows c USING (workflow_id)"
                        " WHERE a.status = 'pending' AND %s IN (a.workflow_id, c.parent_id)",
                        [Jsonb({} if phase == "approval" else {"answer": "Yes."}), workflow])


PHASES = ("model", "statement", "http", "external", "approval", "ask_human", "child")


@pytest.fixture
def phases(house):
    made = Phases(house)
    yield made
    made.go_on.set()
    made.connection.close()
    if made.http:
        made.http.__exit__()


@one_format
@pytest.mark.parametrize("phase", PHASES)
def test_paused(house, phases, phase):
    """What comes while it is paused is kept; nothing more is begun, and nothing is done again."""
    workflow = phases.come_to(phase)
    assert house.command(workflow, "pause") == "paused"
    before = len(house.server.requests)
    phases.let_go(phase, workflow)
    wait_until(lambda: not open_things(house.cluster, workflow) and not house.cluster.value(
        "SELECT count(*) FROM hitl.messages WHERE workflow_id = %s AND due_at <= clock_timestamp()", [workflow]),
        describe=lambda: house.describe(workflow))
    assert house.row(workflow)["status"] == "paused"
    assert ("total", "10") not in house.observed(workflow)
    assert [sent for sent in house.server.requests[before:] if "Work." in task_of(sent["body"])] == []
    house.command(workflow, "resume")
    assert house.done(workflow)["answer"] == "Done."
    requests = [sent["idempotency_key"] for sent in house.server.requests]
    assert len(requests) == len(set(requests))
    observed = house.observed(workflow)
    assert observed[1:] == [] if phase == "model" else observed[1:] == [("total", "10")]
    assert house.cluster.value("SELECT count(*) FROM shop.refunds") == (phase == "approval")


@one_format
@pytest.mark.parametrize("phase", PHASES)
def test_cancelled(house, phases, phase):
    """Nothing is awaited any more, and what comes nevertheless finds nobody."""
    workflow = phases.come_to(phase)
    assert house.command(workflow, "cancel", "Enough.") == "cancelled"
    wait_until(lambda: not open_things(house.cluster, workflow), describe=lambda: open_things(house.cluster, workflow))
    before = house.events(workflow)
    phases.let_go(phase, workflow)
    wait_until(lambda: not house.cluster.value("SELECT count(*) FROM hitl.messages WHERE due_at <= clock_timestamp()"))
    assert house.events(workflow) == before and house.row(workflow)["status"] == "cancelled"
    assert house.observed(workflow) == [] and house.cluster.value("SELECT count(*) FROM shop.refunds") == 0
    assert [row["status"] for row in house.cluster.sql(
        "SELECT w.status FROM hitl.child_workflows c JOIN hitl.workflows w ON w.id = c.workflow_id WHERE c.parent_id = %s",
        [workflow])] == ["cancelled"] * (phase == "child")


# Several at once

def test_foreach(house):
    """Each element has an agent of its own, with its own memory, questions and limits."""
    house.script("Do", {"calls": [call("ask_human", question="May I?"), call("total", order_id=1)]}, {"text": "Now.", "calls": [
        call("refund", order_id=2, amount=2)]}, answer("Done."))
    house.agent("clerk", "ask_human", "total", "refund")
    workflow = house.start({"name": "all", "type": "foreach", "items": "$.variables.list", "as": "n", "concurrency": 3, "steps": [
        {"name": "work", "type": "task", "task": "Do {{ $.variables.n }}.", "agent": "clerk"}]}, list=[1, 2, 3, 4])
    answered = set()
    while len(answered) < 4:
        row, = wait_until(lambda: house.cluster.sql(
            "SELECT approval_id FROM hitl.pending_approvals WHERE workflow_id = %s ORDER BY random() LIMIT 1", [workflow]),
            describe=lambda: house.describe(workflow))
        house.respond(row, data={"answer": f"You may {len(answered)}."})
        answered.add(row["approval_id"])
    row = house.until(workflow, "completed", "failed")
    results = house.cluster.value("SELECT hitl.get_workflow_status(%s) #> '{results,all}'", [workflow])
    assert row["status"] == "completed"
    assert [(one["answer"], one["turns"]) for one in results] == [("Done.", 3)] * 4
    for number in range(1, 5):
        requests = house.sent(f"Do {number}.")
        assert [len(house.heard(request)) for request in requests] == [1, 4, 6]
    scopes = house.cluster.sql("SELECT scope, step_name, count(*), array_agg(DISTINCT segment) AS segments FROM hitl.agent_messages"
                               " WHERE workflow_id = %s GROUP BY scope, step_name", [workflow])
    assert len(scopes) == 4 and {(row["step_name"], row["count"]) for row in scopes} == {("work", 7)}
    assert len({row["segments"][0] for row in scopes}) == 4
    steps = house.cluster.sql("SELECT scope, turn, jsonb_array_length(observations) AS n FROM hitl.agent_steps WHERE workflow_id = %s"
                              " ORDER BY scope, event", [workflow])
    assert [(row["turn"], row["n"]) for row in steps] == [(1, 2), (2, 1), (3, None)] * 4
    assert len({line[0] for line in house.transcript(workflow, step=True) if line[1] == "task"}) == 4


@one_format
def test_parallel(house):
    """Different agents side by side; what one waits for does not hold the other."""
    house.script("Ask.", {"calls": [call("ask_human", question="Well?")]}, answer("Asked."))
    house.script("Add.", {"calls": [call("total", order_id=1)]}, answer("10."))
    house.agent("asker", "ask_human")
    house.agent("adder", "total", max_steps=5)
    workflow = house.start({"name": "both", "type": "parallel", "branches": [
        [{"name": "ask", "type": "task", "task": "Ask.", "agent": "asker"}],
        [{"name": "add", "type": "task", "task": "Add.", "agent": "adder"}]]})
    wait_until(lambda: "add" in house.row(workflow)["data"].get("steps", {}))
    asked, = house.asked(workflow)
    house.respond(asked, data={"answer": "Fine."})
    row = house.until(workflow, "completed", "failed")
    assert (row["data"]["steps"]["ask"]["answer"], row["data"]["steps"]["add"]["answer"]) == ("Asked.", "10.")
    assert {line[0]: line[1] for line in house.transcript(workflow, step=True) if line[1] in ("asker", "adder")} == {
        "ask": "asker", "add": "adder"}


@one_format
def test_first_of_branches(house):
    """The branch that is not the first is given up, whatever its agent waits for."""
    house.script("Ask.", {"calls": [call("ask_human", question="Well?"), call("ask_human", question="And?")]}, answer("Asked."))
    house.script("Add.", {"calls": [call("wait")]}, answer("Added."))
    house.agent("asker", "ask_human")
    house.agent("adder", "wait")
    with house.cluster.connect() as connection:
        connection.execute("SELECT pg_advisory_lock(1)")
        workflow = house.start({"name": "race", "type": "parallel", "wait_for": "any", "branches": [
            [{"name": "ask", "type": "task", "task": "Ask.", "agent": "asker"}],
            [{"name": "add", "type": "task", "task": "Add.", "agent": "adder"}]]})
        wait_until(lambda: house.cluster.value("SELECT count(*) FROM hitl.pending_approvals WHERE workflow_id = %s", [workflow]) == 2)
    row = house.until(workflow, "completed", "failed")
    assert row["data"]["steps"]["race"] == {"branches": ["cancelled", "completed"]}
    assert open_things(house.cluster, workflow) == []


def test_rollback_in_branches(house):
    """All branches return, those too whose agents did not ask for it: they are told, and go on."""
    house.script("Wait.", {"calls": [call("ask_human", "w1", question="Well?")]}, answer("Waited."))
    house.script("Try.", {"calls": [call("ask_human", question="Now?")]}, {"calls": [call("create_checkpoint", checkpoint_name="here")]},
                 {"calls": [call("ask_human", question="Back?")]}, {"calls": [call("rollback_to_checkpoint", checkpoint_name="here", reason="No good.")]}, answer("Tried."))
    house.agent("waiter", "ask_human")
    house.agent("trier", "create_checkpoint", "ask_human", "rollback_to_checkpoint")
    workflow = house.start({"name": "both", "type": "parallel", "branches": [
        [{"name": "wait", "type": "task", "task": "Wait.", "agent": "waiter"}],
        [{"name": "try", "type": "task", "task": "Try.", "agent": "trier"}]]})
    for question in ("Now?", "Back?"):
        asked, = wait_until(lambda title=question: [row for row in house.asked(workflow, 2) if row["title"] == title])
        house.respond(asked, data={"answer": "Yes."})
    row = house.until(workflow, "completed", "failed")
    assert (row["status"], row["data"]["steps"]["wait"]["answer"], row["data"]["steps"]["try"]["answer"]) == (
        "completed", "Waited.", "Tried.")
    assert house.heard(house.sent("Try.")[-1])[-1] == ("user", told("No good."))
    assert house.heard(house.sent("Wait.")[-1])[-1] == ("user", told("No good."))


# Gates of the step

@one_format
def test_approved_before(house):
    """Nothing is asked of the model before; its task is what was approved."""
    house.script("Go", answer("Gone."))
    house.agent("clerk")
    step = {"name": "go", "type": "task", "task": "Go to {{ $.variables.place }}.", "agent": "clerk", "requires_approval": True,
            "approval_config": {"title": "Go?", "requested_from": "ann"}}
    workflow = house.start(step, place="Rome")
    asked, = house.asked(workflow)
    assert asked["title"] == "Go?" and asked["context_data"]["task"] == "Go to Rome." and house.server.requests == []
    house.cluster.sql("SELECT hitl.update_workflow_state(%s, '{\"place\": \"Oslo\"}')", [workflow])
    house.respond(asked)
    result = house.done(workflow)
    assert result["answer"] == "Gone." and result["approval"]["outcome"] == "approved"
    assert house.heard(house.sent("Go")[0])[0][1].startswith("Task: Go to Rome.")
    workflow = house.start(step, place="Rome")
    house.respond(house.asked(workflow)[0], "rejected")
    house.until(workflow, "rejected")
    assert len(house.server.requests) == 1


@one_format
def test_approved_after(house):
    """People see the answer before it counts."""
    house.script("Write.", {"calls": [call("ask_human", question="To whom?")]}, answer("Dear Eve"))
    house.agent("clerk", "ask_human")
    step = {"name": "write", "type": "task", "task": "Write.", "agent": "clerk", "requires_approval": True,
            "approval_config": {"when": "after", "requested_from": "bob"}}
    workflow = house.start(step)
    house.respond(house.asked(workflow)[0], data={"answer": "Eve."})
    asked, = wait_until(lambda: [row for row in house.asked(workflow) if row["asked"] == ["bob"]])
    assert asked["context_data"]["result"]["answer"] == "Dear Eve"
    house.cluster.sql("SELECT hitl.respond_to_approval(%s, 'bob', 'approved')", [asked["approval_id"]])
    result = house.done(workflow)
    assert result["answer"] == "Dear Eve" and result["approval"]["approver_id"] == "bob"


# What happens to a run from outside

@one_format
def test_skipped(house):
    """The step is given a result; what its agent asked is withdrawn."""
    house.script("Do.", {"calls": [call("ask_human", question="This?"), call("ask_human", question="Or that?")]})
    house.agent("clerk", "ask_human")
    workflow = house.run("Do.")
    house.asked(workflow, 2)
    house.cluster.sql("SELECT hitl.skip_step(%s, 'run', '{\"answer\": \"Never mind.\"}')", [workflow])
    row = house.until(workflow, "completed", "failed")
    assert row["output"] == "Never mind." and open_things(house.cluster, workflow) == []


@one_format
def test_tool_that_cannot_run(house):
    """It is gone, or nothing for the workflow's owner: the model hears of it, and goes on."""
    house.cluster.psql("""
        CREATE FUNCTION shop.lost(n integer) RETURNS text LANGUAGE sql AS $$ SELECT 'lost' $$;
        SELECT hitl.create_tool('lost', 'shop.lost(integer)', 'Is lost.');
        CREATE ROLE carol; SELECT hitl.grant_access('carol', 'operator')""")
    try:
        house.script("Do.", {"calls": [call("lost", n=1), call("refund", order_id=1, amount=1)]}, answer("Nothing."))
        house.agent("clerk", "lost", "refund")
        house.cluster.psql("DROP FUNCTION shop.lost(integer)")
        with house.cluster.connect() as connection:
            connection.execute("SET ROLE carol")
            workflow, = connection.execute("SELECT hitl.run_agent('clerk', 'Do.')").fetchone()
        assert house.done(workflow)["answer"] == "Nothing."
        (_, lost), (_, refused) = house.observed(workflow)
        assert "SQLSTATE: 42501" in refused and re.match("Error: (function shop.lost|permission denied for schema shop)", lost)
    finally:
        house.cluster.psql("SELECT hitl.revoke_access('carol'); DROP ROLE carol")


@one_format
def test_settings_that_are_gone(house):
    """The workflow fails, and can be retried when they are back."""
    house.script("Do.", {"calls": [call("ask_human", question="Well?")]}, answer("Done."))
    house.agent("clerk", "ask_human")
    workflow = house.run("Do.")
    asked, = house.asked(workflow)
    version = house.row(workflow)["control"]["active"][0]["agent"]["version"]
    versions = house.cluster.sql("DELETE FROM hitl.agent_versions WHERE agent = 'clerk' RETURNING *")
    house.respond(asked, data={"answer": "Well."})
    # The engine knows them; whoever writes the request has to look.
    assert house.failed(workflow)["message"] == f'version "{version}" of agent "clerk" does not exist'
    for row in versions:
        house.cluster.sql("INSERT INTO hitl.agent_versions (version, agent, settings) VALUES (%s, %s, %s)",
                          [row["version"], row["agent"], Jsonb(row["settings"])])
    house.command(workflow, "retry")
    assert house.done(workflow)["answer"] == "Done."
    assert house.observed(workflow) == [("ask_human", "Well.")]


@one_format
def test_migrated(house):
    """To another definition, in the middle of its work and after a rollback."""
    house.script("Do", {"calls": [call("create_checkpoint", checkpoint_name="here")]}, {"calls": [call("ask_human", question="Well?")]},
                 answer("Done."))
    house.agent("clerk", "create_checkpoint", "ask_human")
    step = {"name": "do", "type": "task", "task": "Do it.", "agent": "clerk"}
    workflow = house.start(step)
    house.asked(workflow)
    house.command(workflow, "rollback", "here", "Think again.")
    house.cluster.sql("SELECT hitl.migrate_workflow(%s, definition => %s)", [
        workflow, Jsonb({"steps": [{"name": "new", "type": "sql", "sql": "SELECT 1 AS one"}, step]})])
    house.command(workflow, "execute")
    assert house.done(workflow)["answer"] == "Done."
    assert house.heard(house.sent("Do")[-1])[-1] == ("user", told("Think again."))
