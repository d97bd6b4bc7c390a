"""The vectors of agents, played by the whole database.

test/unit/agent_script.c plays them with the core alone; test/vectors/agent/README.md describes them.
Here models and servers are asked over HTTP, statements run, people decide and programs claim tasks, each
as the script says and not before; what is not in the script, or comes in another order, is a failure.
"""
import json
import re
import sys

import pytest
from harness import ROOT, wait_until
from psycopg.types.json import Jsonb
from trail import faults
from vector_world import LOCK, Server, World

sys.path.insert(0, str(ROOT / "test/servers"))
from inference_server import blocks_of, chat_fault, message_fault, text_of  # noqa: E402

SETTINGS = {"hitl__allowed_private_hosts": "127.0.0.1", "hitl__breaker_threshold": 0}

VECTORS = {path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "test/vectors/agent").glob("*.json"))}
ENDED = ("completed", "failed", "rejected", "cancelled")
ONCE = {"max_attempts": 1}  # what fails is not sent again
HOSTS = re.compile("https://[a-z]+[.]example")

# Of a request to a model, what the core is told by, and checks itself.
UNSEEN = ("roles", "hears", "memory", "turn")


def obstacle(vector):
    """Why the database cannot play a vector, or None."""
    for entry in vector["script"]:
        if "passes" in entry:
            return "time does not pass at will"
        asked = "approval" in entry or any(
            "approval" in other and other.get("as") == entry.get("to", "") for other in vector["script"])
        if asked and "error" in entry.get("answer", {}):
            return "hitl can ask whoever is named"
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
    """Something that was asked for."""

    def __init__(self, kind, row, answer):
        self.kind = kind
        self.row = row
        self.answer = answer  # what it will be answered, or None


class Play:
    def __init__(self, world, name, vector):
        self.world = world
        self.name = name
        self.vector = vector
        self.words = {"v1": f"{name} v1"}  # what is called otherwise here
        self.seen = 0       # of what was asked for: the last number
        self.asked = []     # what the script has not taken yet
        self.asks = {}      # by the names that the script gives
        self.held = {}      # statements that wait to be answered: number of the call by token
        self.calls = 0      # statements so far
        self.by_people = False  # the last rollback was theirs

    # The beginning

    def begin(self):
        vector, world = self.vector, self.world
        statements = []
        for entry in vector["script"]:
            if "sql" in entry:
                given = entry.get("answer") or self.later_answer(entry)
                statements.append(("answer" not in entry, given or {}))
        world.begin(statements)
        self.create_models()
        for settings in [vector["agent"], *vector.get("agents", {}).values()]:
            self.create_agent(settings)
        for host in HOSTS.findall(json.dumps(vector)):
            self.words[host] = world.server.url
        with world.connection.transaction():
            world.sql("SET LOCAL ROLE clerk")
            self.workflow = world.value(
                "SELECT hitl.execute_workflow(hitl.create_workflow(%s, workflow_definition => %s, input_data => %s))",
                [self.name, Jsonb({"steps": self.steps()}), Jsonb(vector.get("data", {}).get("variables", {}))])

    def later_answer(self, entry):
        """What an entry is answered by another one."""
        return next((other["answer"] for other in self.vector["script"] if "as" in entry and other.get("to") == entry["as"]), None)

    def create_models(self):
        """All that are named; the first that is asked has those as fallbacks that the first failure names."""
        vector = self.vector
        first = vector["agent"].get("model") or "default"
        fallbacks = next((answer["fallbacks"] for entry in vector["script"]
                          if "fallbacks" in (answer := entry.get("answer", {}))), [])
        replies = [{"text": answer["result"]["answer"], "calls": answer["result"].get("calls", [])}
                   for entry in vector["script"] if "model" in entry and "result" in (answer := entry.get("answer", {}))]
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
                rows = [row for entry in self.vector["script"] if "sql" in entry
                        for row in (entry.get("answer") or self.later_answer(entry) or {}).get("result", {}).get("rows", [])]
                self.world.create_function(tool["call"], [
                    f"{argument['quoted']} {argument['type']}" for argument in tool["arguments"]],
                    None if tool.get("scalar") else list(dict.fromkeys(name for row in rows for name in row)))
        version = f"{self.name} {'v1' if settings is self.vector['agent'] else settings['name']}"
        if settings["name"] == self.vector["agent"]["name"]:
            version = self.words["v1"]
        self.world.create_agent(settings, version)

    def steps(self):
        vector = self.vector
        steps = vector.get("steps") or [{
            "name": "work", "type": "task", "task": vector["task"], "agent": vector["agent"]["name"],
            **({"context": vector["context"]} if "context" in vector else {}), **vector.get("step", {})}]
        return [{"retry": ONCE, **step} for step in steps]

    # What is asked for

    def look(self):
        for row in self.world.asked_after(self.seen):
            self.seen = row["n"]
            self.asked.append(row)
        return [row for row in self.asked if row["workflow_id"] == self.workflow]

    def take(self, kind, workflow=None):
        """What is asked for next, which must be of this kind: of one transaction, the order is not told."""
        def found():
            return next((row for row in self.look() if row["kind"] == kind), None) if workflow is None else next(
                (row for row in self.asked if row["workflow_id"] == workflow and row["kind"] == kind), None)
        row = wait_until(found, describe=self.world.describe)
        earlier = [other["kind"] for other in self.asked if other["n"] < row["n"] and other["xid"] != row["xid"]]
        assert earlier == [], f"expected {kind}"
        self.asked.remove(row)
        return row["row"]

    def settle(self):
        """All that goes on by itself has happened; nothing of it is not in the script."""
        self.world.settle(list(self.held))
        rest = [(row["kind"], row["row"]) for row in self.look()]
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
            value = other if value == word else value.replace(word, other) if len(word) > 3 else \
                value.replace(f'"{word}"', f'"{other}"')
        return value

    # The script

    def run_entry(self, entry):
        kind = next((name for name in ("model", "sql", "http", "external", "child", "approval", "checkpoint", "rollback",
                                       "rerouted") if name in entry), None)
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
            getattr(self, f"answer_{ask.kind}")(ask, entry["answer"])
        else:
            self.settle()
            (order, body), = entry.items()
            self.obey(order, body)

    def take_entry(self, kind, entry):
        given = entry.get("answer")
        if kind == "model" and "result" in (given or {}):
            return  # the built-in model is asked and answers at once
        if kind == "rollback" and given:
            return  # nothing comes of it but the answer
        ask = Ask(kind, self.take(kind), given or self.later_answer(entry))
        expected = self.told(entry[kind])
        getattr(self, f"see_{kind}")(ask, expected)
        if "as" in entry:
            self.asks[entry["as"]] = ask
        if given and kind != "sql":
            getattr(self, f"answer_{kind}")(ask, given)
        if entry.get("returns") and self.by_people:
            self.by_people = False
            self.world.sql("SELECT hitl.execute_workflow(%s)", [self.workflow])

    def obey(self, order, body):
        call = {"pause": "pause_workflow(%s, %s)", "resume": "resume_workflow(%s, %s)", "retry": "retry_workflow(%s, %s)",
                "cancel": "cancel_workflow(%s, %s)"}.get(order)
        if call:
            self.world.sql(f"SELECT hitl.{call}", [self.workflow, body.get("reason")])
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
        }[ask.kind]
        gone = self.world.value(query, [ask.row["token" if ask.kind == "sql" else "id"]])
        if gone and ask.kind == "sql":
            self.held.pop(ask.row["token"], None)
        return gone

    # Models

    def see_model(self, ask, expected):
        row, world = ask.row, self.world
        conversation = row["conversation"]
        got = {**conversation, "name": None if row["model"] == "default" else row["model"], "fallbacks": row["fallbacks"] or []}
        check("request", {name: value for name, value in expected.items() if name not in UNSEEN}, got)
        known = self.named_messages(row["workflow_id"], conversation["memory"])
        check_messages("what the request names", known, self.known_messages(row["workflow_id"], world.value(
            "SELECT step_name FROM hitl.workflow_events WHERE workflow_id = %s AND event_type = 'task_requested'"
            " AND data ->> 'request_id' = %s", [row["workflow_id"], row["id"]])))
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

    def answer_model(self, ask, given):
        row, server = ask.row, self.world.server
        usage = given.get("body", {}).get("usage", {}) if isinstance(given.get("body"), dict) else {}
        if "cost" in given:
            self.world.sql("UPDATE hitl.models SET input_price = 0, output_price = %s::numeric * 1000000 / %s WHERE name = %s", [
                given["cost"], usage.get("completion_tokens", usage.get("output_tokens")), row["model"]])
        if "status" in given:
            body = given.get("body", "")
            server.get(row["id"]).answer((given["status"], body if isinstance(body, str) else json.dumps(body)))
        else:
            self.fail_request(row, given["error"])

    def fail_request(self, row, error):
        """A server fails so; what is said of a connection that ends are words of the host."""
        if error["kind"] == "timeout":
            self.world.server.get(row["id"]).answer((408, json.dumps({"error": {"message": error["message"]}})))
            return
        assert error["kind"] == "network_error"
        self.world.server.get(row["id"]).answer(False)
        self.words[error["message"]] = wait_until(lambda: self.world.value(
            "SELECT error_message FROM hitl.outbox WHERE id = %s AND status = 'failed'"
            " UNION ALL SELECT NULL LIMIT 1", [row["id"]]), describe=self.world.describe)

    # Tools

    def see_sql(self, ask, expected):
        check("statement", expected, ask.row["body"])
        self.calls += 1
        if not any(entry.get("answer") == ask.answer and "sql" in entry for entry in self.vector["script"]):
            self.held[ask.row["token"]] = self.calls

    def answer_sql(self, ask, _):
        call = self.held.pop(ask.row["token"], None)
        if call:
            self.world.sql("SELECT pg_advisory_unlock(%s, %s)", [LOCK, call])

    def see_http(self, ask, expected):
        row = ask.row
        request = self.world.server.get(row["id"])
        check("HTTP request", expected, {
            "method": request.method, "url": self.world.server.url + request.path, "headers": request.headers,
            "secret": row["secret_name"], "body": json.loads(request.body) if request.body else None, "expect": row["expect"],
            "timeout_seconds": row["timeout_seconds"]})
        assert request.headers.get("authorization") == ("Bearer sunny" if row["secret_name"] else None)

    def answer_http(self, ask, given):
        if "error" in given:
            self.fail_request(ask.row, given["error"])
            return
        body = given.get("body", "")
        self.world.server.get(ask.row["id"]).answer((given["status"], body if isinstance(body, str) else json.dumps(body)))

    def see_external(self, ask, expected):
        row = ask.row
        got = {"name": row["queue"], "timeout_seconds": row["body"].get("timeout_seconds"), **{
            name: row["body"].get(name) for name in ("task", "context", "instructions")}}
        check("task", {name: value for name, value in expected.items() if name != "timeout_seconds"}, got)

    def answer_external(self, ask, given):
        claimed, = self.world.sql("SELECT * FROM hitl.claim_tasks(%s, lease => '1 hour')", [ask.row["queue"]])
        assert claimed["workflow_id"] == self.workflow and claimed["task"] == ask.row["body"]["task"]
        if "error" in given:
            self.world.sql("SELECT hitl.fail_task(%s, %s, %s)", [
                claimed["task_id"], given["error"]["message"], given["error"]["kind"]])
        else:
            self.world.sql("SELECT hitl.complete_task(%s, %s)", [claimed["task_id"], Jsonb(given["result"])])

    def see_child(self, ask, expected):
        row = ask.row
        check("child", expected, {
            "template": row["template"], "input": row["data"]["variables"],
            "definition": self.world.value("SELECT definition FROM hitl.definitions d JOIN hitl.workflows w ON"
                                           " d.hash = w.definition_hash WHERE w.id = %s", [row["id"]])})

    def answer_child(self, ask, given):
        """The other agent works; the last thing that it says, or its failure, is the answer."""
        child = self.world.value("SELECT %s::uuid", [ask.row["id"]])
        wait_until(lambda: self.look() or any(row["workflow_id"] == child for row in self.asked), describe=self.world.describe)
        request = Ask("model", self.take("model", child), None)
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

    def see_approval(self, ask, expected):
        row, = self.world.sql(
            "SELECT *, extract(epoch FROM expires_at - requested_at)::float AS timeout_seconds FROM hitl.approval_requests"
            " WHERE id = %s", [ask.row["id"]])
        got = {**row, "form_fields": form_fields(row)}
        for field in expected.get("form_fields", []):
            field.setdefault("required", False)
        check("approval", expected, got)

    def answer_approval(self, ask, given):
        row, outcome = ask.row, given["outcome"]
        self.words[given["approval_id"]] = row["id"]
        if outcome in ("expired", "cancelled"):
            self.world.sql(f"SELECT hitl.{ {'expired': 'expire', 'cancelled': 'cancel'}[outcome] }_approval(%s)", [row["id"]])
            return
        data = given.get("response_data")
        if row["approval_type"] == "budget" and outcome == "approved":
            # The form wants to know how much; as much again is meant where nothing is said.
            data = {"approved_amount": row["context_data"]["requested_amount"], "justification": "It is worth it.", **(data or {})}
        edits = merge_patch(row["context_data"], given["context_data"]) if "context_data" in given else None
        self.world.sql("SELECT hitl.respond_to_approval(%s, %s, %s, %s, %s, %s)", [
            row["id"], given["approver_id"], "modified" if edits else outcome, data and Jsonb(data), given.get("feedback"),
            edits and Jsonb(edits)])

    # Checkpoints and other models

    def see_checkpoint(self, ask, expected):
        check("checkpoint", expected, ask.row)

    def see_rollback(self, ask, expected):
        got = ask.row["data"]
        check("rollback", {name: value for name, value in expected.items() if name != "undone"}, {
            "name": got.get("checkpoint"), "reason": got.get("reason")})

    def see_rerouted(self, ask, expected):
        check("rerouted", expected, ask.row["data"])

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
        check("status", self.told({"status": expected["status"], "error": expected.get("error")}) if "error" in expected else {
            "status": expected["status"]}, row)

    def check_end(self):
        vector, world = self.vector, self.world
        status = vector.get("status", "completed")
        wait_until(lambda: world.value("SELECT status FROM hitl.workflows WHERE id = %s", [self.workflow]) in ENDED,
                   describe=world.describe)
        self.settle()
        self.check_status({"status": status, "error": vector.get("error")} if "error" in vector or "status" not in vector else {
            "status": status})
        if "result" in vector or "status" not in vector:
            check("result", self.told(vector["result"]), world.value(
                "SELECT data #> '{steps,work}' FROM hitl.workflows WHERE id = %s", [self.workflow]))
        check_messages("memory", self.told(vector["memory"]), self.messages(self.workflow))
        assert faults(world.connection) == []


def check_body(body, provider, known, tools):
    """A request has all messages that it names, in their order, and each call with its result."""
    said = json.dumps(body["messages"], ensure_ascii=False)
    place = 0
    for message in known:
        text = json.dumps(message["text"], ensure_ascii=False)[1:-1].strip()
        place = said.index(text, place)
    choice = body.get("tool_choice")
    assert "tools" not in body or (choice == "none" or choice == {"type": "none"}) != tools
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
        try:
            play.run_entry(entry)
        except AssertionError as error:
            raise AssertionError(f"entry {number} of the script: {error}") from error
    play.check_end()


def test_few_are_left_out():
    """And those for a reason that holds."""
    left_out = {name: why for name, vector in VECTORS.items() if (why := obstacle(vector))}
    assert len(left_out) <= 5 and len(VECTORS) > 100, left_out
