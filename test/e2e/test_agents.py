"""Agents through the whole database: what their models are sent, what tools and people do, what becomes of it."""
import json
import sys
from decimal import Decimal

import psycopg
import pytest
from harness import ROOT, wait_until
from house import answer, call, one_format, open_things, told
from psycopg.types.json import Jsonb
from trail import faults

sys.path.insert(0, str(ROOT / "test/servers"))
from inference_server import may_call  # noqa: E402
from scripted_server import ScriptedServer  # noqa: E402

SETTINGS = {"hitl__allowed_private_hosts": "127.0.0.1", "hitl__breaker_threshold": 3, "hitl__breaker_cooldown": "60 s"}


# Calls, and what comes of them

def test_calls(house):
    """Several in a reply, one that fails among them: all run, and the model hears of each in order."""
    house.script(
        "Add up.",
        {"text": "I look.", "calls": [call("total", "x1", order_id=7), call("total", "x2", order_id=101), call("total", "x3", order_id=8)],
         "usage": house.usage(100, 20)},
        {"calls": [call("final_answer", "x4", answer="It is 150.")], "usage": house.usage(200, 10)})
    house.model("m", is_default=True, input_price=1, output_price=10)
    house.agent("clerk", "total", instructions="Be exact.")
    workflow = house.run("Add up.", customer="Eve")
    assert house.done(workflow) == {"answer": "It is 150.", "agent": "clerk", "turns": 2, "tokens": 330, "cost": 0.0006}
    task = 'Task: Add up.\n\nVariables:\n{"customer":"Eve"}'
    missing = ("Error: order 101 does not exist\nSQLSTATE: P0002\nHint: Orders end at 100.\n"
               "Context: PL/pgSQL function shop.total(integer) line 4 at RAISE")
    first, second = house.sent("Add up.")
    assert house.heard(first) == [("user", task)]
    assert house.heard(second) == [
        ("user", task),
        ("assistant", "I look.", ("x1", "total", {"order_id": 7}), ("x2", "total", {"order_id": 101}), ("x3", "total", {"order_id": 8})),
        ("tool", "x1", "70"), ("tool", "x2", missing), ("tool", "x3", "80")]
    assert "Be exact." in json.dumps(first) and may_call(first)
    # Right after the call, without anything in between, as the servers want it.
    roles = [message["role"] for message in second["messages"]]
    assert roles[-4:] == (["assistant", "tool", "tool", "tool"] if house.provider == "openai" else ["user", "assistant", "user"])[-4:]
    assert house.transcript(workflow) == [
        ("task", task), ("clerk", "I look."), ("clerk", 'total({"order_id": 7})'), ("clerk", 'total({"order_id": 101})'),
        ("clerk", 'total({"order_id": 8})'), ("total", "70"), ("total", missing), ("total", "80"),
        ("clerk", 'final_answer({"answer": "It is 150."})')]
    messages = house.cluster.sql("SELECT * FROM hitl.agent_messages WHERE workflow_id = %s ORDER BY seq", [workflow])
    assert [(row["kind"], row["role"], row["n"], row["call"], row["failed"]) for row in messages] == [
        ("started", "user", 1, None, False), ("replied", "assistant", 2, None, False), ("observed", "tool", 3, "x1", False),
        ("observed", "tool", 4, "x2", True), ("observed", "tool", 5, "x3", False), ("replied", "assistant", 6, None, False)]
    steps = house.cluster.sql("SELECT * FROM hitl.agent_steps WHERE workflow_id = %s ORDER BY event", [workflow])
    assert [(row["turn"], row["said"], len(row["calls"]), row["model"], row["input_tokens"], row["output_tokens"], row["cost"])
            for row in steps] == [(1, "I look.", 3, "m-1", 100, 20, Decimal("0.0003")), (2, "", 1, "m-1", 200, 10, Decimal("0.0003"))]
    assert steps[0]["observations"] == [
        {"call": "x1", "tool": "total", "text": "70"}, {"call": "x2", "tool": "total", "text": missing, "failed": True},
        {"call": "x3", "tool": "total", "text": "80"}]
    usage, = house.cluster.sql("SELECT * FROM hitl.model_usage")
    assert (usage["model"], usage["calls"], usage["failures"], usage["input_tokens"], usage["output_tokens"], usage["cost"]) == (
        "m", 2, 0, 300, 30, Decimal("0.0006"))
    assert house.cluster.value("SELECT cost FROM hitl.workflow_usage WHERE workflow_id = %s", [workflow]) == Decimal("0.0006")


def test_answer_beside_calls(house):
    """The calls before it run; those after it do not."""
    house.script("Both.", {"calls": [call("refund", order_id=1, amount=1), call("final_answer", answer="Done."),
                                     call("refund", order_id=2, amount=2)]})
    house.agent("clerk", "refund")
    assert house.done(house.run("Both."))["answer"] == "Done."
    assert house.cluster.sql("SELECT order_id FROM shop.refunds") == [{"order_id": 1}]


# Tools of other kinds

def test_http_tools(house):
    """Arguments go into the path, the query or the body; what a server says is what the model hears."""
    house.script(
        "Ask servers.",
        {"calls": [call("city", "a1", name="São Paulo/1", days=3, units="°C"), call("book", "a2", room={"beds": [1, 2]}, note=None),
                   call("gone", "a3")]},
        answer("Booked."))
    with ScriptedServer() as server:
        server.plan("/cities/S%C3%A3o%20Paulo%2F1?days=3&units=%C2%B0C", [{"body": "sunny"}])
        server.plan("/book", [503, {"status": 201, "body": '{"id": 7}'}])
        server.plan("/gone", [{"status": 410, "body": "gone for good"}])
        house.cluster.sql("SELECT hitl.set_secret('hotel', 'sesame', '{127.0.0.1}')")
        house.call("create_http_tool", {
            "name": "city", "description": "Weather.", "url": server.url("/cities/{name}?days={days}"), "method": "GET",
            "headers": {"X-From": "hitl"}, "parameters": {"type": "object", "required": ["name", "days"], "properties": {
                "name": {"type": "string"}, "days": {"type": "integer"}, "units": {"type": "string"}}}})
        house.call("create_http_tool", {
            "name": "book", "description": "Books.", "url": server.url("/book"), "secret_name": "hotel",
            "parameters": {"type": "object", "properties": {"room": {"type": "object"}, "note": {}}}})
        house.call("create_http_tool", {"name": "gone", "description": "Is gone.", "url": server.url("/gone"), "method": "DELETE"})
        house.agent("clerk", "city", "book", "gone")
        workflow = house.run("Ask servers.")
        assert house.done(workflow)["answer"] == "Booked."
        weather, = [one for one in server.seen if one.path.startswith("/cities")]
        booked = server.requests("/book")
    assert weather.method == "GET" and weather.headers["x-from"] == "hitl" and weather.body == b""
    assert [json.loads(one.body) for one in booked] == [{"room": {"beds": [1, 2]}, "note": None}] * 2
    assert {one.headers["authorization"] for one in booked} == {"Bearer sesame"}
    assert len({one.headers["idempotency-key"] for one in booked}) == 1
    assert house.observed(workflow) == [("city", "sunny"), ("book", '{"id": 7}'), (
        "gone", "Error: the server answered with status 410. gone for good")]
    assert house.heard(house.sent("Ask servers.")[1])[-3:] == [
        ("tool", "a1", "sunny"), ("tool", "a2", '{"id": 7}'), ("tool", "a3", house.observed(workflow)[2][1])]


def test_external_tools(house):
    """Programs outside take the calls from a queue, and say what came of them."""
    house.script("Paint.", {"calls": [call("paint", what="a door"), call("paint", what="a wall"), call("paint", what="a roof")]},
                 answer("Two of three."))
    house.call("create_external_tool", {"name": "paint", "description": "Paints it.", "queue": house.provider, "parameters": {
        "type": "object", "properties": {"what": {"type": "string"}}}})
    house.agent("clerk", "paint")
    workflow = house.run("Paint.")
    seen = []

    def take():
        rows = house.cluster.sql("SELECT * FROM hitl.claim_tasks(%s)", [house.provider])
        return rows[0] if rows else None

    for act in ("complete_task(%s, '{\"colour\": \"red\"}')", "fail_task(%s, 'no wall here', 'validation_error')",
                "complete_task(%s, NULL)"):
        task = wait_until(take, describe=lambda: house.describe(workflow))
        seen.append((task["task"], task["context"], task["instructions"], task["step_name"]))
        house.cluster.sql(f"SELECT hitl.{act}", [task["task_id"]])
    assert house.done(workflow)["answer"] == "Two of three."
    assert seen == [("paint", {"what": f"a {what}"}, "Paints it.", "run") for what in ("door", "wall", "roof")]
    assert house.observed(workflow) == [("paint", '{"colour":"red"}'), ("paint", "Error: no wall here"), ("paint", "null")]


def test_managed_agents(house):
    """An agent is a tool of another: its answer, or why there is none."""
    house.script("Plan a trip.", {"calls": [call("ask_expert", task="Find a train.", context={"to": "Oslo"}), call("ask_expert", task="Fly.")]},
                 answer("By train."))
    house.script("Find a train.", {"calls": [call("total", order_id=3)]}, answer({"train": 30}))
    house.script("Fly.", {"status": 400})
    house.agent("expert", "total")
    house.call("create_agent_tool", {"name": "ask_expert", "agent": "expert", "description": "Knows how to travel."})
    house.agent("clerk", "ask_expert")
    workflow = house.run("Plan a trip.")
    assert house.done(workflow)["answer"] == "By train."
    assert house.observed(workflow)[0] == ("ask_expert", '{"train":30}')
    assert house.observed(workflow)[1] == ("ask_expert", "Error: the agent's work ended as failed: the script says to fail")
    children = house.cluster.sql("SELECT w.* FROM hitl.child_workflows c JOIN hitl.workflows w ON w.id = c.workflow_id"
                                 " WHERE c.parent_id = %s ORDER BY w.id", [workflow])
    assert [(child["status"], child["output"]) for child in children] == [("completed", {"train": 30}), ("failed", None)]
    assert "Find a train." in house.transcript(children[0]["id"])[0][1] and '"to":"Oslo"' in house.transcript(children[0]["id"])[0][1]
    # What each took is counted for itself.
    assert house.cluster.value("SELECT calls FROM hitl.workflow_usage WHERE workflow_id = %s", [workflow]) == 2


# People

def test_approvals(house):
    """All that people are asked about the calls of a reply goes out before any of them runs."""
    house.script("Pay back.", {"text": "All of them.", "calls": [
        call("total", "a0", order_id=5), call("refund", "a1", order_id=1, amount=10), call("refund", "a2", order_id=2, amount=20),
        call("refund", "a3", order_id=3, amount=30), call("refund", "a4", order_id=4, amount=4)]}, answer("Done."))
    house.agent("clerk", "refund", "total", tool_approval={"refund": {"when": "$.amount > 5"}})
    workflow = house.run("Pay back.")
    first, second, third = house.asked(workflow, 3)
    assert (first["title"], first["asked"], first["approval_type"]) == ("Agent clerk wants to call refund", ["ann"], "form")
    assert first["context_data"] == {"agent": "clerk", "tool": "refund", "reason": "All of them.",
                                     "arguments": {"order_id": 1, "amount": 10}}
    assert house.observed(workflow) == []
    house.respond(second, "rejected", feedback="Not this one.")
    house.respond(third, "modified", edits={"arguments": {"order_id": 3, "amount": 33}})
    wait_until(lambda: house.events(workflow).count("approval_approved") == 1)
    # Undecided is not approved.
    assert house.observed(workflow) == [] and house.row(workflow)["status"] == "waiting_approval"
    house.respond(first)
    house.done(workflow)
    edited = '(Whoever approved it has changed the arguments to {"amount":33,"order_id":3})\nrefunded 33'
    assert house.observed(workflow) == [("total", "50"), ("refund", "refunded 10"), ("refund", "Not run: refused by ann. Not this one."),
                                        ("refund", edited), ("refund", "refunded 4")]
    assert house.heard(house.sent("Pay back.")[1])[-5:] == [
        ("tool", f"a{number}", text) for number, (_, text) in enumerate(house.observed(workflow))]
    assert house.cluster.sql("SELECT order_id, amount FROM shop.refunds ORDER BY id") == [
        {"order_id": 1, "amount": 10}, {"order_id": 3, "amount": 33}, {"order_id": 4, "amount": 4}]
    told = house.cluster.sql("SELECT data FROM hitl.workflow_events WHERE workflow_id = %s AND event_type = 'agent_observed'"
                             " AND data ? 'edited'", [workflow])
    assert [(row["data"]["arguments"], row["data"]["edited"], row["data"]["approval_id"]) for row in told] == [
        ({"order_id": 3, "amount": 33}, {"order_id": 3, "amount": 30}, str(third["approval_id"]))]


@one_format
def test_always(house):
    """Who approves a call may allow the tool for the rest of the run, and of no other one."""
    house.script("Pay", {"calls": [call("refund", order_id=1, amount=1), call("wait")]}, {"calls": [
        call("refund", order_id=2, amount=2), call("refund", order_id=3, amount=3)]}, {"calls": [call("wait")]}, answer("Done."))
    house.agent("clerk", "refund", "wait", tool_approval={"refund": "always", "wait": "always"})
    workflow = house.run("Pay back.")
    refund, wait = house.asked(workflow, 2)
    house.respond(refund, data={"always": True})
    house.respond(wait, data={"always": False})
    last = house.asked_after(wait)
    assert last["context_data"]["tool"] == "wait"
    assert [row["order_id"] for row in house.cluster.sql("SELECT order_id FROM shop.refunds ORDER BY id")] == [1, 2, 3]
    house.respond(last)
    house.done(workflow)
    house.asked(house.run("Pay once more."), 2)


@one_format
def test_nobody_decides(house):
    """What is not decided in time is not run, and the model is told."""
    house.script("Pay back.", {"calls": [call("refund", order_id=1, amount=1)]}, answer("Not done."))
    house.agent("clerk", "refund", tool_approval={"refund": "always"}, approval={"requested_from": "ann", "timeout_hours": 1})
    workflow = house.run("Pay back.")
    asked, = house.asked(workflow)
    assert asked["expires_at"] is not None
    house.cluster.sql("SELECT hitl.expire_approval(%s)", [asked["approval_id"]])
    house.done(workflow)
    assert house.observed(workflow) == [("refund", "Not run: nobody decided in time.")]
    assert house.cluster.sql("SELECT FROM shop.refunds") == []


@one_format
def test_faulty_edit(house):
    """What an approver makes of the arguments is checked as what the model does."""
    house.script("Pay back.", {"calls": [call("refund", order_id=1, amount=1)]}, answer("Not done."))
    house.agent("clerk", "refund", tool_approval={"refund": "always"})
    workflow = house.run("Pay back.")
    asked, = house.asked(workflow)
    house.respond(asked, "modified", edits={"arguments": {"order_id": "one", "amount": 1}})
    house.done(workflow)
    (_, text), = house.observed(workflow)
    assert "wrong arguments for refund" in text and "/order_id" in text
    assert house.cluster.sql("SELECT FROM shop.refunds") == []


def test_what_runs_is_what_was_approved(house):
    """Whoever changed it, and whoever decided in the end."""
    house.script("Pay.", {"calls": [call("refund", order_id=number, amount=10) for number in (1, 2, 3, 4)]}, answer("Done."))
    house.agent("clerk", "refund", tool_approval={"refund": "always"}, approval={"requested_from": ["ann", "bob"], "approval_threshold": 2})
    workflow = house.run("Pay.")
    edited, revised, renamed, other = house.asked(workflow, 4)
    changed = {"arguments": {"order_id": 1, "amount": 5}}
    house.respond(edited, "modified", edits=changed)
    house.cluster.sql("SELECT hitl.revise_approval(%s, context_data => %s)", [
        revised["approval_id"], Jsonb({**revised["context_data"], "arguments": {"order_id": 2, "amount": 6}})])
    house.respond(renamed, "modified", edits={"tool": "total"})
    house.respond(other, "modified", edits={"reason": "Why not?"})
    for row in house.asked(workflow, 4):
        for name in ("ann", "bob") if row["approval_id"] == revised["approval_id"] else ("bob",):
            house.cluster.sql("SELECT hitl.respond_to_approval(%s, %s, 'approved', content_hash => %s)", [
                row["approval_id"], name, row["content_hash"]])
    house.done(workflow)
    assert [text.removeprefix("(Whoever approved it has changed the arguments to ") for _, text in house.observed(workflow)] == [
        '{"amount":5,"order_id":1})\nrefunded 5', '{"amount":6,"order_id":2})\nrefunded 6',
        "Not run: whoever approved it has changed the tool.", "refunded 10"]
    assert [row["amount"] for row in house.cluster.sql("SELECT amount FROM shop.refunds ORDER BY id")] == [5, 6, 10]


def test_questions(house):
    """Free answers and decisions, from those whom the agent names or those in charge."""
    house.script(
        "Find out.",
        {"calls": [call("ask_human", question="Which colour?"), call("ask_human", question="How many?", requested_from=["bob", "ann"]),
                   call("request_approval", title="Paint it?", description="In red.", context_data={"price": 9}, required_approver="ann")]},
        {"calls": [call("ask_human", question="Really?"), call("request_approval", title="Burn it?")]}, answer("Red."))
    house.agent("clerk", "ask_human", "request_approval")
    workflow = house.run("Find out.")
    colour, number, paint = house.asked(workflow, 3)
    assert [(row["title"], row["asked"]) for row in (colour, number, paint)] == [
        ("Which colour?", ["ann"]), ("How many?", ["bob", "ann"]), ("Paint it?", ["ann"])]
    assert (paint["description"], paint["approval_type"], paint["context_data"]) == ("In red.", "binary", {"agent": "clerk", "price": 9})
    with pytest.raises(psycopg.Error, match="response_data"):
        house.respond(colour)
    house.respond(colour, data={"answer": "Red."})
    house.respond(number, data={"answer": "7"}, feedback="About.")
    house.respond(paint, feedback="Gladly.")
    really, burn = wait_until(lambda: [row for row in house.asked(workflow, 2) if row["title"] in ("Really?", "Burn it?")])
    house.respond(really, "rejected", feedback="Ask somebody else.")
    house.respond(burn, "rejected", feedback="No fire.")
    house.done(workflow)
    observed = house.observed(workflow)
    assert [text for _, text in observed[:2]] == ["Red.", "7\nAbout."]
    assert [(json.loads(text)["outcome"], json.loads(text)["feedback"]) for tool, text in observed if tool == "request_approval"] == [
        ("approved", "Gladly."), ("rejected", "No fire.")]
    assert observed[3] == ("ask_human", "Not run: refused by ann. Ask somebody else.")


# Checkpoints

def test_rollback_by_the_agent(house):
    """Data and memory are as they were; the agent goes on by itself, and is told why."""
    house.script(
        "Try.",
        {"calls": [call("create_checkpoint", "a1", checkpoint_name="before", description="Nothing done."), call("total", "a2", order_id=1)]},
        {"text": "Oops.", "calls": [call("refund", "b1", order_id=1, amount=1)]},
        {"calls": [call("rollback_to_checkpoint", "c1", checkpoint_name="before", reason="It was the wrong order."),
                   call("refund", "c2", order_id=2, amount=2)]},
        answer("Right."))
    house.agent("clerk", "create_checkpoint", "rollback_to_checkpoint", "refund", "total")
    workflow = house.start(
        {"name": "prepare", "type": "sql", "sql": "SELECT 1 AS one"},
        {"name": "try", "type": "task", "task": "Try.", "agent": "clerk"}, word="old")
    assert house.done(workflow)["answer"] == "Right."
    requests = house.sent("Try.")
    assert len(requests) == 4
    before = house.heard(requests[0])
    assert house.heard(requests[3]) == [
        *before, ("assistant", "", ("a1", "create_checkpoint", {"checkpoint_name": "before", "description": "Nothing done."}),
                  ("a2", "total", {"order_id": 1})),
        ("tool", "a1", "Checkpoint before was created."),
        ("tool", "a2", "No result: the work was rolled back to a checkpoint before this call."),
        ("user", told("It was the wrong order."))]
    assert house.heard(requests[1])[-1] == ("tool", "a2", "10") and house.heard(requests[2])[-1] == ("tool", "b1", "refunded 1")
    left = [line for line in house.transcript(workflow) if line[-1] == "abandoned"]
    assert left == [("total", "10", "abandoned"), ("clerk", "Oops.", "abandoned"),
                    ("clerk", 'refund({"amount": 1, "order_id": 1})', "abandoned"), ("refund", "refunded 1", "abandoned"), (
                        "clerk", 'rollback_to_checkpoint({"reason": "It was the wrong order.", "checkpoint_name": "before"})', "abandoned"),
                    ("clerk", 'refund({"amount": 2, "order_id": 2})', "abandoned")]
    assert ("engine", "rolled back: to before: It was the wrong order.") in house.transcript(workflow)
    # What was said after the rollback in the reply that wanted it is not done.
    assert house.cluster.sql("SELECT order_id FROM shop.refunds") == [{"order_id": 1}]
    events = house.events(workflow)
    assert events[events.index("rolled_back"):][:2] == ["rolled_back", "workflow_resumed"]


def test_checkpoint_that_does_not_exist(house):
    house.script("Try.", {"calls": [call("rollback_to_checkpoint", checkpoint_name="nowhere", reason="Why not?"),
                                    call("total", order_id=1)]}, answer("Right."))
    house.agent("clerk", "rollback_to_checkpoint", "total")
    workflow = house.run("Try.")
    house.done(workflow)
    assert house.observed(workflow) == [("rollback_to_checkpoint", 'Error: checkpoint "nowhere" does not exist'), ("total", "10")]


def test_data_returns(house):
    """What steps and people have changed in the workflow's data since is gone."""
    house.script("Try.", {"calls": [call("create_checkpoint", checkpoint_name="before")]}, {"calls": [call("ask_human", question="Well?")]},
                 {"calls": [call("rollback_to_checkpoint", checkpoint_name="before", reason="No.")]}, answer("Right."))
    house.agent("clerk", "create_checkpoint", "ask_human", "rollback_to_checkpoint")
    workflow = house.start({"name": "try", "type": "task", "task": "Try.", "agent": "clerk"}, word="old")
    asked, = house.asked(workflow)
    house.cluster.sql("SELECT hitl.update_workflow_state(%s, '{\"word\": \"new\", \"more\": 1}')", [workflow])
    house.respond(asked, data={"answer": "Go back."})
    house.done(workflow)
    assert house.row(workflow)["data"]["variables"] == {"word": "old"}


@one_format
def test_rollback_undoes_steps(house):
    """To a checkpoint of the workflow before the step: what steps have done is undone, and the step begins anew."""
    house.script("Check it.", {"calls": [call("rollback_to_checkpoint", checkpoint_name="start", reason="The total is wrong.")]}, answer("Right."))
    house.script("An earlier attempt", answer("Right."))
    house.agent("clerk", "rollback_to_checkpoint")
    workflow = house.start(
        {"name": "start", "type": "checkpoint"},
        {"name": "pay", "type": "sql", "sql": "INSERT INTO shop.refunds (order_id, amount) VALUES (1, 1) RETURNING order_id",
         "undo": [{"name": "unpay", "type": "sql", "sql": "UPDATE shop.refunds SET amount = 0 WHERE order_id = $1",
                   "params": ["{{ $.steps.pay.rows[0].order_id }}"]}]},
        {"name": "check", "type": "task", "task": "Check it.", "agent": "clerk"})
    assert house.done(workflow)["answer"] == "Right."
    assert [row["amount"] for row in house.cluster.sql("SELECT amount FROM shop.refunds ORDER BY id")] == [0, 1]
    first, second = house.sent("Check it.")
    assert house.heard(second)[0][1] == house.heard(first)[0][1] + \
        "\n\nAn earlier attempt at this task was rolled back: The total is wrong."
    events = house.events(workflow)
    assert events.count("undo_started") == events.count("step_undone") == events.count("rolled_back") == 1


def test_rollback_by_people(house):
    """While the agent works, and after it has ended; it goes on when it is told to."""
    house.script("Try.", {"calls": [call("create_checkpoint", checkpoint_name="before")]}, {"calls": [call("ask_human", question="Well?")]},
                 answer("Right."))
    house.agent("clerk", "create_checkpoint", "ask_human")
    workflow = house.run("Try.")
    asked, = house.asked(workflow)
    assert house.command(workflow, "rollback", "before", "Do not ask.") == "before"
    assert house.row(workflow)["status"] == "rolled_back"
    assert house.cluster.value("SELECT status FROM hitl.approval_requests WHERE id = %s", [asked["approval_id"]]) == "cancelled"
    house.command(workflow, "execute")
    assert house.done(workflow)["answer"] == "Right."
    assert house.heard(house.sent("Try.")[-1])[-1] == ("user", told("Do not ask."))
    assert house.command(workflow, "rollback", "before") == "before"
    house.command(workflow, "execute")
    assert house.done(workflow)["answer"] == "Right."
    last = house.heard(house.sent("Try.")[-1])
    assert last[-1][1].endswith(" No reason was given.") and [said[0] for said in last] == ["user", "assistant", "tool", "user"]
    with house.cluster.connect() as connection:
        assert faults(connection) == []


def test_rollback_beside_other_calls(house):
    """All approvals come first; the calls before it have run, those after it never do."""
    house.script("Try.", {"calls": [call("create_checkpoint", checkpoint_name="here")]}, {"calls": [
        call("total", order_id=1), call("rollback_to_checkpoint", checkpoint_name="here", reason="No."), call("refund", order_id=1, amount=1)]},
                 answer("Right."))
    house.agent("clerk", "create_checkpoint", "rollback_to_checkpoint", "refund", "total", tool_approval={"refund": "always"})
    workflow = house.run("Try.")
    house.respond(house.asked(workflow)[0])
    assert house.done(workflow)["answer"] == "Right."
    assert ("total", "10", "abandoned") in house.transcript(workflow) and house.cluster.sql("SELECT FROM shop.refunds") == []
    assert house.heard(house.sent("Try.")[-1])[-1] == ("user", told("No."))


@one_format
def test_rollback_in_a_paused_workflow(house):
    """It waits with everything else."""
    house.script("Try.", {"calls": [call("create_checkpoint", checkpoint_name="here")]}, {"calls": [
        call("wait"), call("rollback_to_checkpoint", checkpoint_name="here", reason="No.")]}, answer("Right."))
    house.agent("clerk", "create_checkpoint", "rollback_to_checkpoint", "wait")
    with house.cluster.connect() as connection:
        connection.execute("SELECT pg_advisory_lock(1)")
        workflow = house.run("Try.")
        wait_until(house.tool_waits)
        house.command(workflow, "pause")
    wait_until(lambda: not open_things(house.cluster, workflow))
    assert house.row(workflow)["status"] == "paused" and "rolled_back" not in house.events(workflow)
    house.command(workflow, "resume")
    assert house.done(workflow)["answer"] == "Right." and house.events(workflow).count("rolled_back") == 1


def test_rollback_without_end(house):
    """What was used before a rollback stays used."""
    usage = house.usage(10, 1)
    house.script("Try.", {"calls": [call("create_checkpoint", checkpoint_name="here")], "usage": usage}, *[
        {"calls": [call("rollback_to_checkpoint", checkpoint_name="here", reason=f"{number}.")], "usage": usage} for number in range(3)],
        {**answer("Enough."), "usage": usage})
    house.agent("clerk", "create_checkpoint", "rollback_to_checkpoint", max_steps=4)
    workflow = house.run("Try.")
    result = house.done(workflow)
    assert (result["answer"], result["stopped"], result["turns"], result["tokens"]) == ("Enough.", "steps", 4, 55)
    assert [said[0] for said in house.heard(house.sent("Try.")[-1])] == ["user", "assistant", "tool", "user"]


# Limits

def test_turns_are_limited(house):
    """At the end the best answer is asked for, and no call is made any more."""
    house.script("Look.", {"calls": [call("total", order_id=1)]}, {"calls": [call("total", order_id=2)]},
                 {"text": "About 30.", "calls": [call("total", order_id=3)]})
    house.agent("clerk", "total", max_steps=2)
    workflow = house.run("Look.")
    result = house.done(workflow)
    assert (result["answer"], result["turns"], result["stopped"]) == ("About 30.", 2, "steps")
    requests = house.sent("Look.")
    assert [may_call(request) for request in requests] == [True, True, False]
    # What was offered stays the same, so that servers can keep it.
    assert requests[2]["tools"] == requests[0]["tools"]
    assert house.heard(requests[2])[-1] == (
        "user", "You have no turns left. Give the best answer that you can from what you know by now. Call no tools.")
    assert house.observed(workflow) == [("total", "10"), ("total", "20")]


def test_more_turns(house):
    """People give more than was asked for, or none."""
    house.script("Look", *[{"calls": [call("total", order_id=number)]} for number in range(1, 4)], answer("Enough."))
    house.agent("clerk", "total", max_steps=1, on_limit="ask")
    workflow = house.run("Look.")
    asked, = house.asked(workflow)
    assert (asked["title"], asked["approval_type"]) == ("Agent clerk has used up its 1 turns: may it have more?", "budget")
    assert asked["context_data"] == {"agent": "clerk", "limit": "steps", "used": 1, "requested_amount": 1}
    house.respond(asked, data={"approved_amount": 2, "justification": "It is on its way."})
    asked = house.asked_after(asked)
    assert asked["context_data"]["used"] == 3
    house.respond(asked, "rejected")
    result = house.done(workflow)
    assert (result["answer"], result["turns"], result["stopped"]) == ("Enough.", 3, "steps")


@pytest.mark.parametrize("limit, message", [
    ({"max_tokens": 100}, "the agent has used up its tokens"), ({"max_cost": Decimal("0.0001")}, "the agent has used up its budget")])
def test_budget(house, limit, message):
    """It stops; who retries the workflow gives it as much again, and it goes on with what it knows."""
    house.model("m", is_default=True, input_price=1, output_price=1)
    usage = house.usage(70, 30)
    house.script("Look.", {"calls": [call("total", order_id=1)], "usage": usage}, {"calls": [call("total", order_id=2)], "usage": usage},
                 {**answer("30."), "usage": usage})
    house.agent("clerk", "total", **limit)
    workflow = house.run("Look.")
    for turn in (1, 2):
        error = house.failed(workflow)
        assert (error["kind"], error["message"]) == ("budget_exceeded", message)
        assert len(house.sent("Look.")) == turn
        house.command(workflow, "retry")
        wait_until(lambda before=turn: len(house.sent("Look.")) == before + 1)
    result = house.done(workflow)
    assert (result["answer"], result["tokens"], result["cost"]) == ("30.", 300, 0.0003)
    assert house.observed(workflow) == [("total", "10"), ("total", "20")]


@pytest.mark.parametrize("limit, what, used", [
    ({"max_tokens": 100}, "100 tokens", 202), ({"max_cost": Decimal("0.0001")}, "budget of 0.0001", 0.000202)])
def test_more_budget(house, limit, what, used):
    house.model("m", is_default=True, input_price=1, output_price=1)
    usage = house.usage(70, 31)
    house.script("Look.", {"calls": [call("total", order_id=1)], "usage": usage}, {"calls": [call("total", order_id=2)], "usage": usage},
                 {**answer("30."), "usage": usage})
    amount, = limit.values()
    house.agent("clerk", "total", on_limit="ask", **limit)
    workflow = house.run("Look.")
    asked, = house.asked(workflow)
    assert asked["title"] == f"Agent clerk has used up its {what}: may it have more?"
    assert asked["context_data"]["requested_amount"] == float(amount)
    house.respond(asked, data={"approved_amount": float(amount) / 2, "justification": "Half as much."})
    asked = house.asked_after(asked)
    assert asked["context_data"]["used"] == used
    house.respond(asked, "rejected", feedback="No more.")
    error = house.failed(workflow)
    assert error["kind"] == "budget_exceeded" and len(house.sent("Look.")) == 2


@one_format
def test_time(house):
    """Time of the model and of tools counts, that of people does not."""
    house.script("Hurry.", {"calls": [call("ask_human", question="Well?")]}, {"calls": [call("wait")]}, answer("Done."))
    house.agent("clerk", "ask_human", "wait", max_seconds=1, on_limit="ask")
    workflow = house.run("Hurry.")
    asked, = house.asked(workflow)
    # People take an hour, which the workflow's state is made to say.
    house.cluster.sql("""
        UPDATE hitl.workflows SET control = jsonb_set(jsonb_set(control, '{active,0,since_us}',
            to_jsonb((control #>> '{active,0,since_us}')::bigint - 3600000000)), '{active,0,agent,began_us}',
            to_jsonb((control #>> '{active,0,agent,began_us}')::bigint - 3600000000)) WHERE id = %s""", [workflow])
    with house.cluster.connect() as connection:
        connection.execute("SELECT pg_advisory_lock(1)")
        house.respond(asked, data={"answer": "Yes."})
        wait_until(house.tool_waits)
        assert [row["title"] for row in house.cluster.sql("SELECT title FROM hitl.approval_requests WHERE workflow_id = %s", [workflow])] \
            == ["Well?"]
        began = house.row(workflow)["control"]["active"][0]["agent"]["began_us"]
        wait_until(lambda: house.cluster.value("SELECT extract(epoch FROM clock_timestamp()) * 1000000 - %s > 1000000", [began]))
    asked, = house.asked(workflow)
    assert asked["title"] == "Agent clerk has used up its 1 seconds: may it have more?"
    house.respond(asked, data={"approved_amount": 2, "justification": "It had to wait."})
    assert house.done(workflow)["answer"] == "Done."


# What an answer is, and how it is come to

def test_plans(house):
    """First and after so many turns the model is asked for a plan, and to carry it out."""
    house.script("Go.", "1. Look.", {"calls": [call("total", order_id=1)]}, {"calls": [call("total", order_id=2)]},
                 {"text": "2. Answer.", "calls": [call("total", order_id=9)]}, answer("30."))
    house.agent("clerk", "total", planning_interval=2)
    workflow = house.run("Go.")
    assert house.done(workflow)["turns"] == 3
    requests = house.sent("Go.")
    assert [may_call(request) for request in requests] == [False, True, True, False, True]
    plan = ("Before you go on: write down a short plan, the steps that are left to do the task. Call no tools now.")
    assert house.heard(requests[0])[-1][1].endswith(plan)
    assert house.heard(requests[1])[-2:] == [("assistant", "1. Look."), ("user", "Now carry out the plan.")]
    assert house.heard(requests[3])[-1] == ("user", plan)
    assert house.observed(workflow) == [("total", "10"), ("total", "20")]
    steps = house.cluster.sql("SELECT turn, planned, said FROM hitl.agent_steps WHERE workflow_id = %s ORDER BY event", [workflow])
    assert [(row["turn"], row["planned"], row["said"]) for row in steps] == [
        (0, True, "1. Look."), (1, False, ""), (2, False, ""), (2, True, "2. Answer."), (3, False, "")]


def test_answer_of_a_form(house):
    """What does not fit is refused with the reasons, as a result or as what the user says."""
    house.script("Count.", answer({"count": "three"}), "It is three.", "{\"count\": -1}", "```json\n{\"count\": 3}\n```")
    house.agent("clerk", output_schema={"type": "object", "required": ["count"], "properties": {"count": {"type": "integer", "minimum": 0}}})
    workflow = house.run("Count.")
    result = house.done(workflow)
    assert result["answer"] == {"count": 3} and house.row(workflow)["output"] == {"count": 3}
    heard = [house.heard(request)[-1] for request in house.sent("Count.")]
    assert heard[1][0] == "tool" and heard[1][2] == "The answer does not fit:\n/count: must be a whole number, not a string"
    assert heard[2] == ("user", "Your answer is no JSON. Give it as one JSON value of the form that was asked for, and nothing else.")
    assert heard[3] == ("user", "The answer does not fit:\n/count: must be at least 0")
    first = house.sent("Count.")[0]
    assert '"minimum":0' in first.get("system", first["messages"][0]["content"])


def test_checked_answer(house):
    house.script("Say.", answer("No stop"), "Still none", "A stop.")
    house.agent("clerk", answer_checks=["shop.refuse"])
    workflow = house.run("Say.")
    assert house.done(workflow)["answer"] == "A stop."
    heard = [house.heard(request)[-1] for request in house.sent("Say.")]
    why = "The answer was refused by shop.refuse: It must end with a full stop."
    assert heard[1][0] == "tool" and heard[1][2] == why and heard[2] == ("user", why)


# Code

@pytest.fixture
def coder(house):
    """An agent that writes SQL, as a role that may see and pay back orders."""
    house.cluster.psql("""
        CREATE ROLE coder;
        GRANT USAGE ON SCHEMA shop TO coder;
        GRANT SELECT, INSERT ON shop.refunds TO coder;
        GRANT USAGE ON SEQUENCE shop.refunds_id_seq TO coder""")

    def make(*tools, **options):
        house.agent("coder", *tools, kind="code", **options)
    yield make
    house.cluster.psql("DROP OWNED BY coder; DROP ROLE coder")


def test_code(house, coder):
    """Its results, and its mistakes, are what the model is told next."""
    house.script("Look.", {"text": "I look.\n<code>SELECT amount FROM shop.refunds WHERE order_id = 1</code>"},
                 {"text": "<code>SELECT sum(total) FROM shop.refunds</code>"}, {"text": "<code>DELETE FROM shop.refunds</code>"},
                 {"calls": [call("total", "t1", order_id=1)]}, "There are 7.")
    coder("total", sandbox={"role": "coder"})
    house.cluster.psql("INSERT INTO shop.refunds (order_id, amount) VALUES (1, 7)")
    workflow = house.run("Look.", agent="coder")
    assert house.done(workflow)["answer"] == "There are 7."
    requests = house.sent("Look.")
    heard = [house.heard(request)[-1] for request in requests]
    assert heard[1][0] == "user" and heard[1][1].startswith("Result:\n") and "7" in heard[1][1]
    assert heard[2][1].startswith('Error: column "total" does not exist\nSQLSTATE: 42703')
    assert "Position: character 12" in heard[2][1]
    assert heard[3][1].startswith("Error: ") and "SQLSTATE: " in heard[3][1]
    assert heard[4] == ("tool", "t1", "10")
    steps = house.cluster.sql("SELECT turn, jsonb_array_length(observations) AS n FROM hitl.agent_steps WHERE workflow_id = %s"
                              " ORDER BY event", [workflow])
    assert [(row["turn"], row["n"]) for row in steps] == [(1, 1), (2, 1), (3, 1), (4, 1), (5, None)]
    assert house.cluster.value("SELECT count(*) FROM shop.refunds") == 1


def test_code_that_is_approved(house, coder):
    """What runs is what was approved, and its effect is there once."""
    house.script("Pay.", {"text": "I pay.\n<code>INSERT INTO shop.refunds (order_id, amount) VALUES (1, 10)</code>"},
                 {"text": "<code>INSERT INTO shop.refunds (order_id, amount) VALUES (2, 20)</code>"}, "Paid.")
    coder(sandbox={"role": "coder", "read_only": False, "approval": "always"})
    workflow = house.run("Pay.", agent="coder")
    asked, = house.asked(workflow)
    assert asked["title"] == "Agent coder wants to run SQL"
    assert asked["context_data"]["arguments"] == {"sql": "INSERT INTO shop.refunds (order_id, amount) VALUES (1, 10)"}
    house.respond(asked, "modified", edits={"arguments": {"sql": "INSERT INTO shop.refunds (order_id, amount) VALUES (1, 5)"}})
    asked = house.asked_after(asked)
    house.respond(asked, "rejected", feedback="Once is enough.")
    assert house.done(workflow)["answer"] == "Paid."
    assert house.cluster.sql("SELECT order_id, amount FROM shop.refunds") == [{"order_id": 1, "amount": 5}]
    heard = [house.heard(request)[-1][1] for request in house.sent("Pay.")]
    assert "Whoever approved it has changed the arguments" in heard[1]
    assert heard[2] == "Not run: refused by ann. Once is enough."
