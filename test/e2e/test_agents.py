"""Agents through the whole database: what their models are sent, what tools and people do, what becomes of it."""
import json
import re
import sys
import threading
from decimal import Decimal

import psycopg
import pytest
from harness import ROOT, wait_until
from psycopg.types.json import Jsonb
from trail import faults

sys.path.insert(0, str(ROOT / "test/servers"))
from inference_server import InferenceServer, blocks_of, may_call, task_of  # noqa: E402
from scripted_server import ScriptedServer  # noqa: E402

SETTINGS = {"hitl__allowed_private_hosts": "127.0.0.1", "hitl__breaker_threshold": 3, "hitl__breaker_cooldown": "60 s"}

PROVIDERS = ("openai", "anthropic")
ONCE = {"max_attempts": 1}

SHOP = """
    CREATE SCHEMA shop;
    CREATE TABLE shop.refunds (id bigint GENERATED ALWAYS AS IDENTITY, order_id integer, amount numeric);
    CREATE FUNCTION shop.total(order_id integer) RETURNS numeric LANGUAGE plpgsql AS $$
    BEGIN
        IF order_id > 100 THEN
            RAISE EXCEPTION 'order % does not exist', order_id USING ERRCODE = 'no_data_found', HINT = 'Orders end at 100.';
        END IF;
        RETURN order_id * 10;
    END $$;
    CREATE FUNCTION shop.refund(order_id integer, amount numeric) RETURNS text LANGUAGE sql AS $$
        INSERT INTO shop.refunds (order_id, amount) VALUES (order_id, amount) RETURNING 'refunded ' || amount $$;
    CREATE FUNCTION shop.wait() RETURNS text LANGUAGE sql AS $$ SELECT 'waited' FROM pg_advisory_xact_lock(1) $$;
    CREATE FUNCTION shop.refuse(answer jsonb) RETURNS text LANGUAGE sql AS $$
        SELECT 'It must end with a full stop.' WHERE answer #>> '{}' !~ '[.]$' $$;
    SELECT hitl.create_tool('total', 'shop.total(integer)', 'Total of an order.');
    SELECT hitl.create_tool('refund', 'shop.refund(integer,numeric)', 'Pays back.');
    SELECT hitl.create_tool('wait', 'shop.wait()', 'Waits.');
"""


@pytest.fixture(scope="module", autouse=True)
def shop(cluster):
    cluster.psql(SHOP)


def call(name, /, id=None, **arguments):
    return {"name": name, "arguments": arguments, **({"id": id} if id else {})}


def answer(text):
    return {"calls": [call("final_answer", answer=text)]}


class House:
    """Agents, the server of their model, and what they do."""

    def __init__(self, cluster, provider):
        self.cluster = cluster
        self.provider = provider
        self.server = InferenceServer({})
        self.model("m", is_default=True)

    # What there is

    def model(self, name, server=None, **options):
        arguments = {"name": name, "base_url": (server or self.server).base_url, "model": f"{name}-1",
                     "provider": self.provider, **options}
        if self.provider == "anthropic":
            arguments["headers"] = {"x-api-key": "key"}
        self.call("create_model", arguments)

    def agent(self, name="clerk", *tools, **options):
        self.call("create_agent", {"name": name, "tools": list(tools), "approval": {"requested_from": "ann"}, **options})

    def call(self, function, arguments):
        marks = ", ".join(f"{argument} => %({argument})s" for argument in arguments)
        return self.cluster.value(f"SELECT hitl.{function}({marks})", {
            name: Jsonb(value) if isinstance(value, dict) else value for name, value in arguments.items()})

    def script(self, task, *replies, server=None, **failures):
        """What the model says in conversations about a task, turn by turn."""
        (server or self.server).add({
            "match": lambda request: task in task_of(request), "replies": list(replies), **failures})

    def usage(self, took, gave):
        """What a reply says that it has taken."""
        if self.provider == "openai":
            return {"prompt_tokens": took, "completion_tokens": gave, "total_tokens": took + gave}
        return {"input_tokens": took, "output_tokens": gave}

    # What is done

    def run(self, task, agent="clerk", **context):
        return self.cluster.value("SELECT hitl.run_agent(%s, %s, %s)", [agent, task, Jsonb(context)])

    def start(self, *steps, **data):
        """Start a workflow of these steps."""
        return self.cluster.value(
            "SELECT hitl.execute_workflow(hitl.create_workflow('w', workflow_definition => %s, input_data => %s))",
            [Jsonb({"steps": list(steps)}), Jsonb(data)])

    def row(self, workflow):
        return self.cluster.sql("SELECT * FROM hitl.workflows WHERE id = %s", [workflow])[0]

    def until(self, workflow, *statuses):
        """The workflow's row when it has one of these statuses."""
        def reached():
            row = self.row(workflow)
            return row if row["status"] in statuses else None
        return wait_until(reached, describe=lambda: self.describe(workflow))

    def done(self, workflow):
        """The result of its agent, once it is completed."""
        row = self.until(workflow, "completed", "failed", "rejected", "cancelled")
        assert row["status"] == "completed", (row["error"], self.describe(workflow))
        return next(result for result in row["data"]["steps"].values() if "agent" in result)

    def failed(self, workflow):
        """Its error, once it has failed."""
        return self.until(workflow, "failed")["error"]

    def asked(self, workflow, count=1):
        """The approvals that are asked for, in their order."""
        def found():
            rows = self.cluster.sql(
                "SELECT p.* FROM hitl.pending_approvals p JOIN hitl.workflow_events e ON e.workflow_id = p.workflow_id"
                " AND e.data ->> 'approval_id' = p.approval_id::text AND e.event_type = 'approval_requested' WHERE p.workflow_id = %s ORDER BY e.seq", [workflow])
            return rows if len(rows) == count else None
        self.until(workflow, "waiting_approval")
        return wait_until(found, describe=lambda: self.describe(workflow))

    def asked_after(self, before):
        """The approval that is asked for once one before it is decided."""
        workflow = before["workflow_id"]
        row, = wait_until(lambda: [row for row in self.asked(workflow) if row["approval_id"] != before["approval_id"]],
                          describe=lambda: self.describe(workflow))
        return row

    def respond(self, approval, decision="approved", data=None, feedback=None, edits=None):
        return self.cluster.value("SELECT hitl.respond_to_approval(%s, 'ann', %s, %s, %s, %s)", [
            approval["approval_id"], decision, data and Jsonb(data), feedback, edits and Jsonb(edits)])

    def command(self, workflow, command, *arguments):
        marks = "".join(", %s" for _ in arguments)
        return self.cluster.value(f"SELECT hitl.{command}_workflow(%s{marks})", [workflow, *arguments])

    # What is seen

    def describe(self, workflow):
        return (self.cluster.sql("SELECT status, error, control FROM hitl.workflows WHERE id = %s", [workflow]),
                self.transcript(workflow), self.cluster.sql("SELECT purpose, status, error_message FROM hitl.outbox"))

    def transcript(self, workflow, step=False):
        return [((row["step"],) if step else ()) + (row["who"], row["what"]) + (("abandoned",) if row["abandoned"] else ())
                for row in self.cluster.sql("SELECT * FROM hitl.agent_transcript(%s)", [workflow])]

    def observed(self, workflow):
        """What tools gave: name and text, in their order."""
        return [(row["tool"], row["text"]) for row in self.cluster.sql(
            "SELECT tool, text FROM hitl.agent_messages WHERE workflow_id = %s AND kind = 'observed' ORDER BY seq", [workflow])]

    def events(self, workflow):
        return [row["event_type"] for row in self.cluster.sql(
            "SELECT event_type FROM hitl.workflow_events WHERE workflow_id = %s ORDER BY seq", [workflow])]

    def tool_waits(self):
        """Is "wait" under way, and held?"""
        return self.cluster.value("SELECT true FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")

    def sent(self, task, server=None):
        """The requests of the conversations about a task, each once."""
        return (server or self.server).conversation(task)

    def heard(self, request):
        """What a model is told by a request, after the briefing: the same for all providers."""
        said = []
        for message in request["messages"]:
            if message["role"] == "system":
                continue
            if message["role"] == "tool":
                said.append(("tool", message["tool_call_id"], message["content"]))
                continue
            text = "".join(block["text"] for block in blocks_of(message) if block["type"] == "text" and block["text"])
            calls = [(one["id"], one["function"]["name"], json.loads(one["function"]["arguments"]))
                     for one in message.get("tool_calls", [])]
            for block in blocks_of(message):
                if block["type"] == "tool_use":
                    calls.append((block["id"], block["name"], block["input"]))
                elif block["type"] == "tool_result":
                    said.append(("tool", block["tool_use_id"], block.get("content", "")))
            if text or calls:
                said.append((message["role"], text, *calls))
        return said


# What has nothing to do with the format of requests need not be tried with both.
one_format = pytest.mark.parametrize("house", PROVIDERS[:1], indirect=True)


@pytest.fixture(params=PROVIDERS)
def house(cluster, request):
    made = House(cluster, request.param)
    with made.server:
        yield made
    with cluster.connect() as connection:
        assert faults(connection) == []
    cluster.psql("""
        DO $$BEGIN
            PERFORM hitl.cancel_workflow(id) FROM hitl.workflows
            WHERE status NOT IN ('completed', 'failed', 'rejected', 'cancelled') AND parent_id IS NULL;
        END$$;
        DELETE FROM hitl.outbox; DELETE FROM hitl.agents; DELETE FROM hitl.models; TRUNCATE shop.refunds;
        DELETE FROM hitl.tools WHERE name NOT IN ('total', 'refund', 'wait')""")


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

def told(text):
    return ("The work was rolled back to this point. What tools did after it may still be in effect: look before you do it again."
            f" The reason: {text}")


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


def open_things(cluster, workflow):
    """What is still awaited for a workflow or its children."""
    return cluster.sql("""
        WITH w AS (SELECT %s::uuid AS id UNION SELECT workflow_id FROM hitl.child_workflows WHERE parent_id = %s)
        SELECT 'request' AS what FROM hitl.outbox JOIN w ON w.id = workflow_id WHERE status IN ('queued', 'sending')
        UNION ALL SELECT 'statement' FROM hitl.statements JOIN w ON w.id = workflow_id
        UNION ALL SELECT 'task' FROM hitl.external_tasks JOIN w ON w.id = workflow_id WHERE status IN ('queued', 'delayed', 'claimed')
        UNION ALL SELECT 'approval' FROM hitl.approval_requests a JOIN w ON w.id = workflow_id WHERE a.status = 'pending'""",
                       [workflow, workflow])


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
