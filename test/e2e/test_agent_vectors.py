"""The vectors of agents, played by the whole database.

test/unit/agent_script.c plays them with the core alone; test/vectors/agent/README.md describes them.
Here models and servers are asked over HTTP, statements run, people decide and programs claim tasks, each
as the script says and not before; what is not in the script, or comes in another order, is a failure.
"""
import json
import re
import sys
from uuid import UUID

import pytest
from harness import ROOT, wait_until
from psycopg.types.json import Jsonb
from trail import faults
from vector_world import LOCK, Server, World

sys.path.insert(0, str(ROOT / "test/servers"))
from inference_server import blocks_of, chat_fault, may_call, message_fault, text_of  # noqa: E402

SETTINGS = {"hitl__allowed_private_hosts": "127.0.0.1", "hitl__breaker_threshold": 0}

VECTORS = {path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "test/vectors/agent").glob("*.json"))}
ENDED = ("completed", "failed", "rejected", "cancelled")
ONCE = {"max_attempts": 1}  # what fails is not sent again
HOSTS = re.compile("https://[a-z]+[.]example")

# Where the error of a function is that is scripted.
CONTEXT = re.compile("\nContext: .*script[.]rows.*")

# Of what is expected of a request to a model, what is looked for elsewhere than in its row.
UNSEEN = ("roles", "hears", "memory", "turn")


def obstacle(vector):
    """Why the database cannot play a vector, or None."""
    for entry in vector["script"]:
        asked = "approval" in entry or any(
            "approval" in other and other.get("as") == entry.get("to", "") for other in vector["script"])
        if asked and "error" in entry.get("answer", {}):
            return "hitl does not fail to ask people: whoever is named can be asked"
    return None


def matches(expected, got):
    """Does a value fit what is expected, as the vectors have it?"""
    if expected is None:
        return got is None
    if isinstance(expected, dict):
        if isinstance(got, str) and list(expected) == ["has"]:
            return expected["has"] in got
        return isinstance(got, dict) and all(matches(value, got.get(key)) for key, value in expected.items())
    if isinstance(expected, list):
        return isinstance(got, list) and len(expected) == len(got) and all(map(matches, expected, got))
    return isinstance(expected, bool) == isinstance(got, bool) and expected == got


def check(what, expected, got):
    assert matches(expected, got), f"{what}\n  got      {json.dumps(got, default=str)}\n  expected {json.dumps(expected)}"


def check_messages(what, expected, got):
    """What is not said of a message that failed, or was forgotten, or of calls, is not so."""
    for number in range(max(len(expected), len(got))):
        first = expected[number] if number < len(expected) else None
        second = got[number] if number < len(got) else None
        plain = first is not None and second is not None and all(
            name in first or name not in second for name in ("failed", "forgotten", "calls"))
        assert plain and matches(first, second), (
            f"{what}: message {number + 1}\n  got      {json.dumps(second)}\n  expected {json.dumps(first)}")


def since_the_last_reply(messages):
    told = []
    for message in messages:
        told = [] if message["role"] == "assistant" else [*told, message]
    return told


def form_fields(row):
    """The fields of a form, as it was asked for."""
    schema, ui = row["answer_schema"], row["ui_schema"] or {}
    return schema and [{"name": name, "type": ui.get(name, {}).get("ui:widget", field.get("type")), "title": field["title"],
                        "required": name in schema.get("required", [])} for name, field in schema["properties"].items()]


def merge_patch(old, new):
    """By what one object becomes the other (RFC 7396)."""
    patch = {name: None for name in old if name not in new}
    for name, value in new.items():
        if name in old and isinstance(value, dict) and isinstance(old[name], dict):
            if value != old[name]:
                patch[name] = merge_patch(old[name], value)
        elif name not in old or old[name] != value:
            patch[name] = value
    return patch


class Ask:
    """Something that was asked for, and is answered later."""

    def __init__(self, kind, row):
        self.kind = kind
        self.row = row


class Play:
    def __init__(self, world, name, vector):
        self.world = world
        self.name = name
        self.vector = vector
        self.names = {}     # what has another name here
        self.words = {}     # parts of texts that are others here
        self.seen = 0       # of what was asked for: the last number
        self.asked = []     # what the script has not taken yet
        self.asks = {}      # by the names that the script gives
        self.statements = 0
        self.held = {}      # statements that wait to be answered: their number by their token
        self.by_people = False  # the last rollback was theirs

    # The beginning

    def begin(self):
        vector, world = self.vector, self.world
        world.begin([("answer" not in entry, self.answer_to(entry)) for entry in self.entries("sql")])
        self.create_models()
        for settings in [vector["agent"], *vector.get("agents", {}).values()]:
            self.create_agent(settings)
            for budget in vector.get("budgets", {}).get(settings["name"], []):
                world.set_budget(settings["name"], budget)
        self.names["v1"] = f"{self.name} {vector['agent']['name']}"
        self.words = dict.fromkeys(HOSTS.findall(json.dumps(vector)), world.server.url)
        with world.connection.transaction():
            world.sql("SET LOCAL ROLE clerk")
            self.workflow = world.value(
                "SELECT hitl.execute_workflow(hitl.create_workflow(%s, workflow_definition => %s, input_data => %s))",
                [self.name, Jsonb({"steps": self.steps()}), Jsonb(vector.get("data", {}).get("variables", {}))])

    def entries(self, kind):
        return [entry for entry in self.vector["script"] if kind in entry]

    def answer_to(self, entry):
        """What is answered, at once or by another entry."""
        return entry.get("answer") or next(
            (other["answer"] for other in self.entries("to") if other["to"] == entry.get("as")), {})

    def create_models(self):
        """All that are named; the first that is asked has those as fallbacks that the first failure names."""
        vector = self.vector
        first = vector["agent"].get("model") or "default"
        answers = [self.answer_to(entry) for entry in self.entries("model")]
        fallbacks = next((answer["fallbacks"] for answer in answers if "fallbacks" in answer), [])
        replies = [{"text": answer["result"]["answer"], **answer["result"]} for answer in answers if "result" in answer]
        for name in fallbacks:
            self.world.create_model(name, vector["provider"])
        for name in {"default", first}:
            self.world.create_model(name, vector["provider"], fallbacks if name == first else [], replies)

    def create_agent(self, settings):
        """An agent, its functions, and what its servers are."""
        settings = json.loads(HOSTS.sub(self.world.server.url, json.dumps(settings)))
        for checker in settings.get("answer_checks", []):
            self.world.create_function(checker["name"], ["answer jsonb"])
        for tool in settings.get("tools", []):
            if tool["kind"] == "http":
                tool["retry"] = ONCE
            if tool["kind"] == "sql":
                rows = [row for entry in self.entries("sql") if tool["call"] in entry["sql"].get("sql", "")
                        for row in self.answer_to(entry).get("result", {}).get("rows", [])]
                self.world.create_function(tool["call"], [
                    f"{argument['quoted']} {argument['type']}" for argument in tool["arguments"]],
                    None if tool.get("scalar") else list(dict.fromkeys(name for row in rows for name in row)))
        self.world.create_agent(settings, f"{self.name} {settings['name']}")

    def steps(self):
        vector = self.vector
        steps = vector.get("steps") or [{
            "name": "work", "type": "task", "task": vector["task"], "agent": vector["agent"]["name"],
            **({"context": vector["context"]} if "context" in vector else {}), **vector.get("step", {})}]
        return [{**step, "retry": ONCE} if step["type"] == "task" else step for step in steps]

    # What is asked for

    def asked_by(self, workflow):
        for row in self.world.asked_after(self.seen):
            self.seen = row["n"]
            self.asked.append(row)
        return [row for row in self.asked if row["workflow_id"] == workflow]

    def take(self, kind, workflow=None):
        """What is asked for next, which must be of this kind; of one transaction, the order is not known."""
        workflow = workflow or self.workflow
        row = wait_until(lambda: next((row for row in self.asked_by(workflow) if row["kind"] == kind), None),
                         describe=self.world.describe)
        before = [other["kind"] for other in self.asked_by(workflow) if other["n"] < row["n"] and other["xid"] != row["xid"]]
        assert before == [], f"expected {kind}"
        self.asked.remove(row)
        return row["row"]

    def settle(self):
        """Wait until nothing goes on by itself any more; what there was is in the script."""
        self.world.settle(list(self.held))
        rest = [(row["kind"], row["row"]) for row in self.asked_by(self.workflow)]
        assert rest == [], "something is asked for that is not in the script"

    def told(self, value):
        """What is expected, in the words of this database."""
        if isinstance(value, dict):
            return {key: self.told(member) for key, member in value.items()}
        if isinstance(value, list):
            return [self.told(element) for element in value]
        if not isinstance(value, str):
            return value
        for word, other in self.words.items():
            value = value.replace(word, other)
        for name, other in self.names.items():
            value = other if value == name else value.replace(f'"{name}"', f'"{other}"')
        return value

    # The script

    def run_entry(self, entry):
        kind = next((name for name in ("model", "sql", "http", "external", "child", "approval", "checkpoint", "rollback",
                                       "rerouted", "waits") if name in entry), None)
        if kind:
            self.take_entry(kind, entry)
        elif "withdrawn" in entry:
            wait_until(lambda: self.is_withdrawn(self.asks[entry["withdrawn"]]), describe=self.world.describe)
        elif "status" in entry:
            self.settle()
            self.check_status(entry)
        elif "to" in entry:
            self.settle()
            ask = self.asks[entry["to"]]
            getattr(self, f"answer_{ask.kind}")(ask.row, entry["answer"])
        else:
            self.settle()
            (order, body), = entry.items()
            self.obey(order, body)

    def take_entry(self, kind, entry):
        given = entry.get("answer")
        if kind == "model" and "result" in (given or {}):
            return  # the built-in model is asked and answers at once
        if kind == "rollback" and given:
            return  # nothing is seen of it but the answer
        ask = Ask(kind, self.take(kind))
        if kind == "sql":
            self.statements += 1
            if not given:
                self.held[ask.row["token"]] = self.statements
        getattr(self, f"see_{kind}")(ask.row, self.told(entry[kind]))
        if "as" in entry:
            self.asks[entry["as"]] = ask
        if given and kind != "sql":
            getattr(self, f"answer_{kind}")(ask.row, given)
        if entry.get("returns") and self.by_people:
            self.by_people = False
            self.world.sql("SELECT hitl.execute_workflow(%s)", [self.workflow])

    def obey(self, order, body):
        call = {"pause": "pause_workflow(%s, %s)", "resume": "resume_workflow(%s, %s)", "retry": "retry_workflow(%s, %s)",
                "cancel": "cancel_workflow(%s, %s)"}.get(order)
        if call:
            self.world.sql(f"SELECT hitl.{call}", [self.workflow, body.get("reason")])
        elif order == "passes":
            self.world.let_pass(self.workflow, body)
        elif order == "budget":
            self.world.set_budget(body["agent"], body)
        elif order == "skip":
            self.world.sql("SELECT hitl.skip_step(%s, %s, %s, %s)", [
                self.workflow, body["step"], Jsonb(body.get("result")), body.get("reason")])
        else:
            assert order == "rolled_back"
            self.world.sql("SELECT hitl.rollback_workflow(%s, %s, %s)", [self.workflow, body["checkpoint"], body.get("reason")])
            self.by_people = True

    def is_withdrawn(self, ask):
        query = {
            "model": "SELECT status = 'cancelled' FROM hitl.outbox WHERE id = %s",
            "http": "SELECT status = 'cancelled' FROM hitl.outbox WHERE id = %s",
            "approval": "SELECT status = 'cancelled' FROM hitl.approval_requests WHERE id = %s",
            "external": "SELECT status = 'withdrawn' FROM hitl.external_tasks WHERE id = %s",
            "child": "SELECT status = 'cancelled' FROM hitl.workflows WHERE id = %s",
            "sql": "SELECT NOT EXISTS (SELECT FROM hitl.statements WHERE token = %s)",
            "waits": "SELECT NOT EXISTS (SELECT FROM hitl.messages WHERE workflow_id = %s AND kind = 'timer')",
        }[ask.kind]
        gone = self.world.value(query, [ask.row[{"sql": "token", "waits": "workflow_id"}.get(ask.kind, "id")]])
        if gone and ask.kind == "sql":
            self.held.pop(ask.row["token"], None)
        return gone

    # Models

    def see_model(self, row, expected):
        world = self.world
        conversation = row["conversation"]
        got = {**conversation, "name": None if row["model"] == "default" else row["model"], "fallbacks": row["fallbacks"] or []}
        check("request", {name: value for name, value in expected.items() if name not in UNSEEN}, got)
        known = self.named_messages(row["workflow_id"], conversation["memory"])
        step = world.value("SELECT step_name FROM hitl.workflow_events WHERE workflow_id = %s"
                           " AND event_type = 'task_requested' AND data ->> 'request_id' = %s", [row["workflow_id"], row["id"]])
        assert known == self.known_messages(row["workflow_id"], step)
        if "memory" in expected:
            check_messages("memory", expected["memory"], known)
        if "hears" in expected:
            check_messages("what the model hears", expected["hears"], since_the_last_reply(known))
        if "turn" in expected:
            turns = world.value("SELECT control #> '{active,0,agent,turn}' FROM hitl.workflows WHERE id = %s", [row["workflow_id"]])
            check("turn", expected["turn"], (turns or 0) + 1)
        request = world.server.get(row["id"])
        body = json.loads(request.body)
        assert (chat_fault if row["provider"] == "openai" else lambda sent: message_fault(sent, "2023-06-01"))(body) is None
        assert body["model"] == f"{row['model']}-1" and row["provider"] == self.vector["provider"]
        check_body(body, row["provider"], known, conversation["tools"])
        if "roles" in expected:
            assert [message["role"] for message in body["messages"]] == expected["roles"]

    def answer_model(self, row, given):
        if "cost" in given:
            usage = given["body"]["usage"]
            self.world.sql("UPDATE hitl.models SET input_price = 0, output_price = %s::numeric * 1000000 / %s WHERE name = %s", [
                given["cost"], usage.get("completion_tokens", usage.get("output_tokens")), row["model"]])
        self.answer_request(row, given)

    def answer_request(self, row, given):
        """A server answers so, or fails: it ends the connection, or says that it has waited long enough."""
        error = given.get("error")
        if error and error["kind"] == "timeout":
            given = {"status": 408, "body": {"error": {"message": error["message"]}}}
        body = given.get("body", "")
        self.world.server.get(row["id"]).answer(
            "status" in given and (given["status"], body if isinstance(body, str) else json.dumps(body)))
        if error or given["status"] >= 500 and isinstance(body, dict):
            # It might be over at the next attempt: the dispatcher tells of it in its own words.
            message = error["message"] if error else body["error"]["message"]
            told = wait_until(lambda: self.world.value(
                "SELECT CASE WHEN status = 'failed' THEN error_message END FROM hitl.outbox WHERE id = %s", [row["id"]]),
                describe=self.world.describe)
            assert "status" not in given or message in told
            self.words[message] = told

    # Tools

    def see_sql(self, row, expected):
        check("statement", expected, row["body"])

    def answer_sql(self, row, _):
        """Let it go on; if it was withdrawn, it is not there any more."""
        number = self.held.pop(row["token"], None)
        if number:
            self.world.sql("SELECT pg_advisory_unlock(%s, %s)", [LOCK, number])

    def see_http(self, row, expected):
        request = self.world.server.get(row["id"])
        check("HTTP request", expected, {
            "method": request.method, "url": self.world.server.url + request.path, "headers": request.headers,
            "secret": row["secret_name"], "body": json.loads(request.body) if request.body else None, "expect": row["expect"],
            "timeout_seconds": row["timeout_seconds"]})
        assert request.headers.get("authorization") == ("Bearer sunny" if row["secret_name"] else None)

    def answer_http(self, row, given):
        self.answer_request(row, given)

    def see_external(self, row, expected):
        check("task", {name: value for name, value in expected.items() if name != "timeout_seconds"},
              {**row["body"], "name": row["queue"]})

    def answer_external(self, row, given):
        claimed, = self.world.sql("SELECT * FROM hitl.claim_tasks(%s, lease => '1 hour')", [row["queue"]])
        assert claimed["workflow_id"] == self.workflow
        check("claimed task", {**row["body"], "step_name": "work"}, claimed)
        if "error" in given:
            self.world.sql("SELECT hitl.fail_task(%s, %s, %s)", [
                claimed["task_id"], given["error"]["message"], given["error"]["kind"]])
        else:
            self.world.sql("SELECT hitl.complete_task(%s, %s)", [claimed["task_id"], Jsonb(given["result"])])

    def see_child(self, row, expected):
        check("child", expected, {
            "template": row["template"], "input": row["data"]["variables"],
            "definition": self.world.value("SELECT definition FROM hitl.definitions d JOIN hitl.workflows w ON"
                                           " d.hash = w.definition_hash WHERE w.id = %s", [row["id"]])})

    def answer_child(self, row, given):
        """The other agent works: what its model says, or how that fails, is the answer."""
        child = UUID(row["id"])
        request = self.take("model", child)
        self.see_model(request, {"tools": True})
        assert given["status"] in ("completed", "failed")
        if given["status"] == "failed":
            reply = {"status": 400, "body": {"error": {"message": given["error"]["message"]}}}
        elif self.vector["provider"] == "openai":
            reply = {"status": 200, "body": {"choices": [{"message": {"content": given["result"]}, "finish_reason": "stop"}]}}
        else:
            reply = {"status": 200, "body": {"content": [{"type": "text", "text": given["result"]}], "stop_reason": "end_turn"}}
        self.answer_model(request, reply)
        wait_until(lambda: self.world.value("SELECT status FROM hitl.workflows WHERE id = %s", [child]) == given["status"],
                   describe=self.world.describe)

    # People

    def see_approval(self, row, expected):
        row, = self.world.sql(
            "SELECT *, extract(epoch FROM expires_at - requested_at)::float AS timeout_seconds FROM hitl.approval_requests"
            " WHERE id = %s", [row["id"]])
        got = {**row, "form_fields": form_fields(row)}
        for field in expected.get("form_fields", []):
            field.setdefault("required", False)
        check("approval", expected, got)

    def answer_approval(self, row, given):
        outcome = given["outcome"]
        self.names[given["approval_id"]] = row["id"]
        if outcome in ("expired", "cancelled"):
            self.world.sql(f"SELECT hitl.{ {'expired': 'expire', 'cancelled': 'cancel'}[outcome] }_approval(%s)", [row["id"]])
            return
        data = given.get("response_data")
        if row["approval_type"] == "budget" and outcome == "approved":
            # The form wants to know how much; as much again is meant where nothing is said.
            data = {"approved_amount": row["context_data"]["requested_amount"], "justification": "It is worth it.", **(data or {})}
        edits = merge_patch(row["context_data"], given["context_data"]) if "context_data" in given else None
        self.world.sql("SELECT hitl.respond_to_approval(%s, %s, %s, %s, %s, %s)", [
            row["id"], given["approver_id"], "modified" if edits else outcome, None if data is None else Jsonb(data),
            given.get("feedback"), edits and Jsonb(edits)])

    # Checkpoints and other models

    def see_checkpoint(self, row, expected):
        check("checkpoint", expected, row)

    def see_rollback(self, row, expected):
        got = row["data"]
        check("rollback", {name: value for name, value in expected.items() if name not in ("undone", "resume")}, {
            "name": got["checkpoint"], "reason": got.get("reason")})

    def see_rerouted(self, row, expected):
        check("rerouted", expected, row["data"])

    def see_waits(self, row, expected):
        check("waiting", expected, row["data"])

    # Messages

    def messages(self, workflow):
        """All, in their order, as the vectors have them."""
        rows = self.world.sql(
            "SELECT e.event_type, e.data, m.* FROM hitl.workflow_events e JOIN hitl.agent_messages m USING (workflow_id, seq)"
            " WHERE e.workflow_id = %s ORDER BY seq", [workflow])
        for row in rows:  # the view says the same
            check("agent_messages", {
                "segment": row["data"]["memory"][0], "n": row["data"]["memory"][1], "kind": row["event_type"].removeprefix("agent_"),
                "failed": row["data"].get("failed", False), **{name: row["data"].get(name) for name in (
                    "role", "text", "calls", "call", "tool")}}, row)
        return [{"event": row["event_type"], **row["data"], "step": row["step_name"],
                 "text": CONTEXT.sub("", row["data"]["text"]),
                 **({"forgotten": True} if row["abandoned"] else {})} for row in rows]

    def known_messages(self, workflow, step):
        """Those of the present task that no rollback went behind."""
        known = []
        for message in self.messages(workflow):
            if message["step"] == step and "forgotten" not in message:
                known = [message] if message["event"] == "agent_started" else [*known, message]
        return known

    def named_messages(self, workflow, memory):
        """Those that a request names."""
        by_place = {tuple(message["memory"]): message for message in self.messages(workflow)}
        return [by_place[segment, n] for segment, count in memory for n in range(1, count + 1)]

    # The end

    def check_status(self, expected):
        row, = self.world.sql("SELECT status, error FROM hitl.workflows WHERE id = %s", [self.workflow])
        check("status", self.told(expected), row)

    def check_end(self):
        vector, world = self.vector, self.world
        status = vector.get("status", "completed")
        wait_until(lambda: world.value("SELECT status FROM hitl.workflows WHERE id = %s", [self.workflow]) in ENDED,
                   describe=world.describe)
        self.settle()
        assert self.asked == [] and world.server.repeated == []
        self.check_status({"status": status, **({"error": vector.get("error")} if "error" in vector or "status" not in vector else {})})
        if "result" in vector or "status" not in vector:
            check("result", self.told(vector["result"]), world.value(
                "SELECT data #> '{steps,work}' FROM hitl.workflows WHERE id = %s", [self.workflow]))
        check_messages("memory", self.told(vector["memory"]), self.messages(self.workflow))


def check_body(body, provider, known, tools):
    """A request has all messages that it names, in their order, and each call with its result."""
    said = json.dumps(body["messages"], ensure_ascii=False)
    place = 0
    for message in known:
        text = json.dumps(message["text"].strip(), ensure_ascii=False)[1:-1]
        place = said.index(text, place) + len(text)
    assert "tools" not in body or may_call(body) == tools
    sent = []
    for message in body["messages"]:
        sent += [json.loads(call["function"]["arguments"]) for call in message.get("tool_calls", [])]
        sent += [block["input"] for block in blocks_of(message) if block.get("type") == "tool_use"]
    assert sent == [call["arguments"] for message in known for call in message.get("calls", []) if call["name"]]
    assert text_of(body["system"] if provider == "anthropic" else body["messages"][0]["content"])


@pytest.fixture(scope="module")
def world(cluster):
    with Server() as server:
        yield World(cluster, server)


@pytest.mark.parametrize("name", VECTORS)
def test_vector(world, name):
    vector = VECTORS[name]
    why = obstacle(vector)
    if why:
        print(f"{name} is not played: {why}")
        pytest.skip(why)
    play = Play(world, name, vector)
    play.begin()
    for number, entry in enumerate(vector["script"], 1):
        print(f"entry {number} of the script: {', '.join(entry)}")
        play.run_entry(entry)
    play.check_end()


def test_trails(world):
    """What must hold for all workflows holds."""
    assert faults(world.connection) == []


def test_few_are_left_out():
    """And those for a reason that holds."""
    left_out = {name: why for name, vector in VECTORS.items() if (why := obstacle(vector))}
    assert len(left_out) <= 5 and len(VECTORS) > 100, left_out
