"""Requests of agents: of what their bodies are made when they are sent."""
import json
import sys
import threading
import uuid
from decimal import Decimal

import psycopg
import pytest
from harness import ROOT, wait_until
from outbox import Outbox
from psycopg.types.json import Jsonb

sys.path.insert(0, str(ROOT / "test/servers"))
from inference_server import InferenceServer  # noqa: E402

# So many connections that all of a claim go to one host at once.
SETTINGS = {"hitl__allowed_private_hosts": "127.0.0.1", "hitl__breaker_threshold": 0, "hitl__max_connections": 400}

PROVIDERS = {"openai": "/chat/completions", "anthropic": "/messages"}
KEY = "sk-of-the-test"
FAST = {"max_attempts": 3, "policy": "fixed", "base_delay": 0.05, "jitter": 0}
AGENT = {"name": "clerk", "kind": "tool_calling", "instructions": "You are the clerk.", "max_steps": 20, "tools": [
    {"name": "look", "description": "Look it up.", "kind": "sql", "sql": "SELECT 1 AS result", "arguments": ["n"],
     "parameters": {"type": "object", "properties": {"n": {"type": "integer"}}}}]}


class Agents(Outbox):
    """Agents' messages and requests, as the engine writes them."""
    token = 0

    def clear(self):
        super().clear()
        self.execute("DELETE FROM hitl.workflow_events")
        self.execute("DELETE FROM hitl.agent_versions")
        self.execute("DELETE FROM hitl.models")
        self.execute("DELETE FROM hitl.secrets")

    def define(self, version="v1", **settings):
        self.execute("INSERT INTO hitl.agent_versions (version, agent, settings) VALUES (%s, 'clerk', %s)",
                     [version, Jsonb({**AGENT, **settings})])

    def remember(self, workflow, *messages):
        """Append events: (segment, n, role, text), or of other types (type, data)."""
        types = {"user": "agent_started", "assistant": "agent_replied", "tool": "agent_observed"}
        for message in messages:
            kind, data = message if len(message) == 2 else (types[message[2]], {
                "memory": list(message[:2]), "role": message[2], "text": message[3], **dict(*message[4:])})
            self.execute(
                "INSERT INTO hitl.workflow_events (workflow_id, seq, event_type, data, created_at)"
                " SELECT %s, count(*) + 1, %s, %s, now() FROM hitl.workflow_events WHERE workflow_id = %s",
                [workflow, kind, Jsonb(data), workflow])

    def ask(self, server, memory, workflow=None, provider="openai", conversation=None, **columns):
        """Queue the request of a turn; its id."""
        self.token += 1
        columns.setdefault("retry", FAST)
        columns.setdefault("secret_name", "key" if provider == "openai" else None)
        if provider == "anthropic":
            columns.setdefault("headers", {"x-api-key": "${secret:key}", "anthropic-version": "2023-06-01"})
        return self.put(server.base_url + PROVIDERS[provider], body=None, provider=provider, token=self.token,
                        workflow_id=workflow or uuid.uuid4(), model="m", conversation={
                            "agent": "clerk", "version": "v1", "memory": memory, "tools": True, "model": "m-1",
                            **(conversation or {})}, **columns)


@pytest.fixture
def agents(cluster):
    cluster.sql("SELECT hitl.set_secret('key', %s)", [KEY])
    box = Agents(cluster)
    yield box
    box.clear()


def said(body, *texts):
    """Which of the texts a request has, in the order in which it has them."""
    whole = json.dumps(body["messages"])
    return sorted((text for text in texts if text in whole), key=whole.index)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_parts_of_a_memory(agents, provider):
    """The beginnings of segments, in the order of the parts, whatever stands between and behind."""
    workflow, other = uuid.uuid4(), uuid.uuid4()
    agents.define()
    agents.remember(
        workflow, (7, 1, "user", "first-7"), ("step_completed", {"memory": [7, 2], "text": "no-event"}),
        (9, 1, "user", "first-9"), (7, 2, "assistant", "second-7", {"calls": [
            {"id": "call_1", "name": "look", "arguments": {"n": 1}}, {"id": "call_2", "name": "look", "arguments": {}}]}),
        (7, 3, "tool", "third-7", {"call": "call_1", "tool": "look"}), (9, 2, "assistant", "second-9"),
        (9, 3, "user", "third-9"), (7, 4, "tool", "fourth-7", {"call": "call_2", "tool": "look", "failed": True}),
        (3, 1, "user", "first-3"), (7, 5, "assistant", "fifth-7"), (7, 6, "user", "sixth-7"))
    agents.remember(other, (7, 1, "user", "other-7"), (7, 2, "assistant", "other-7"))
    texts = ["no-event", "other-7", *(f"{n}-{segment}" for segment in (3, 7, 9)
                                      for n in ("first", "second", "third", "fourth", "fifth", "sixth"))]
    with InferenceServer({"default": "Yes."}, key=KEY) as server:
        request = agents.ask(server, [[7, 4], [3, 1], [9, 2], [7, 0], [9, 1]], workflow, provider)
        assert agents.reply(request)["status"] == 200
        # All by itself, and once more in another order.
        agents.reply(agents.ask(server, [[9, 3], [7, 4]], workflow, provider))
        bodies = [sent["body"] for sent in server.requests]
    assert said(bodies[0], *texts) == ["first-7", "second-7", "third-7", "fourth-7", "first-3", "first-9", "second-9"]
    assert json.dumps(bodies[0]).count("first-9") == 2
    assert said(bodies[1], *texts) == ["first-9", "second-9", "third-9", "first-7", "second-7", "third-7", "fourth-7"]
    assert bodies[0]["model"] == "m-1" and "look" in json.dumps(bodies[0]["tools"])
    assert "You are the clerk." in json.dumps(bodies[0])
    row = agents.row(request)
    assert row["body"] is None and row["status"] == "delivered"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_attempts_say_the_same(agents, provider):
    """Whatever has come to the trail and to the tables in the meantime."""
    workflow = uuid.uuid4()
    agents.define()
    agents.remember(workflow, (1, 1, "user", "Begin."))
    agents.execute("SELECT hitl.create_model('m', 'https://nowhere.invalid/v1', 'm-1', parameters => '{\"top_p\": 0.5}')")
    attempts = []

    def reply(request):
        attempts.append(request)
        with agents.cluster.connect() as connection:
            connection.execute("INSERT INTO hitl.workflow_events (workflow_id, seq, event_type, data, created_at)"
                               " VALUES (%s, %s, 'agent_told', %s, now())", [workflow, len(attempts) + 1, Jsonb(
                                   {"memory": [1, len(attempts) + 1], "role": "user", "text": "More."})])
            connection.execute("SELECT hitl.create_model('m', 'https://nowhere.invalid/v2', 'm-2')")
            connection.execute("INSERT INTO hitl.agent_versions (version, agent, settings) VALUES (%s, 'clerk', '{}')",
                               [f"later-{len(attempts)}"])
        return {"status": 503} if len(attempts) < 3 else "Done."

    with InferenceServer({"answers": [{"match": "Begin.", "replies": reply}]}, key=KEY) as server:
        request = agents.ask(server, [[1, 1]], workflow, provider, {"parameters": {"top_p": 0.5}})
        agents.reply(request)
    assert agents.row(request)["attempts"] == 3
    assert len({sent["idempotency_key"] for sent in server.requests}) == 1
    assert attempts[0] == attempts[1] == attempts[2]
    assert attempts[0]["top_p"] == 0.5 and attempts[0]["model"] == "m-1" and said(attempts[0], "More.") == []
    # Nor is it another one when somebody wants to know later.
    assert json.loads(agents.body(request)) == attempts[0]


def test_body_of_a_request(agents):
    """For those who want to know what is sent: as it is stored, made anew, or why it cannot be."""
    workflow = uuid.uuid4()
    agents.define()
    agents.remember(workflow, (1, 1, "user", "Begin."))
    with InferenceServer({"default": "Yes."}, key=KEY) as server:
        faulty = agents.ask(server, [[1, 2]], workflow)
        stored = agents.ask(server, [[1, 1]], workflow)
        agents.execute("UPDATE hitl.outbox SET conversation = NULL, body = '{\"a\": 1}' WHERE id = %s", [stored])
        none = agents.ask(server, [[1, 1]], workflow)
        agents.execute("UPDATE hitl.outbox SET conversation = NULL WHERE id = %s", [none])
        assert agents.body(stored) == '{"a": 1}' and agents.body(none) is None
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="cannot be made") as caught:
            agents.body(faulty)
        assert "message 2 of segment 1 is missing." in caught.value.diag.message_detail
        agents.execute("UPDATE hitl.outbox SET workflow_id = NULL WHERE id = %s", [faulty])
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="cannot be made"):
            agents.body(faulty)
        with pytest.raises(psycopg.errors.UndefinedObject, match="is not in the outbox"):
            agents.body(uuid.uuid4())


def test_retry_after(agents):
    """The server says when to come again."""
    workflow = uuid.uuid4()
    agents.define()
    agents.remember(workflow, (1, 1, "user", "Begin."))
    with InferenceServer({"answers": [{"match": "Begin.", "fail_first": 1, "fail_status": 429, "retry_after": 1,
                                       "replies": ["Done."]}]}, key=KEY) as server:
        agents.reply(agents.ask(server, [[1, 1]], workflow))
    first, second = server.requests
    assert second["at"] - first["at"] >= 1 and first["body"] == second["body"]


def test_secret_that_comes_later(agents):
    workflow = uuid.uuid4()
    agents.define()
    agents.remember(workflow, (1, 1, "user", "Begin."))
    agents.execute("SELECT hitl.delete_secret('key')")
    with InferenceServer({"default": "Yes."}, key=KEY) as server:
        requests = [agents.ask(server, [[1, 1]], workflow, provider) for provider in PROVIDERS]
        for request in requests:
            wait_until(lambda one=request: agents.row(one)["missing_secret"] == "key")
        agents.execute("SELECT hitl.set_secret('key', %s)", [KEY])
        for request in requests:
            assert agents.reply(request)["status"] == 200
            assert agents.row(request)["attempts"] == 1
    assert len(server.requests) == 2


def test_cost_of_a_turn(agents):
    """The reply tells it, as far as it is known."""
    workflow = uuid.uuid4()
    agents.define()
    agents.remember(workflow, (1, 1, "user", "Begin."))
    script = {"answers": [{"match": "", "replies": [{"text": "Yes.", "usage": {
        "prompt_tokens": 333, "completion_tokens": 7}}]}]}
    with InferenceServer(script, key=KEY) as server:
        assert "cost" not in agents.reply(agents.ask(server, [[1, 1]], workflow))
        agents.execute("SELECT hitl.create_model('m', 'https://nowhere.invalid/v1', 'm-1', input_price => 0.25,"
                       " output_price => 1000000000000.1)")
        request = agents.ask(server, [[1, 1]], workflow)
        reply = agents.reply(request)
        assert set(reply) == {"token", "status", "body", "cost"}
        assert agents.execute("SELECT (body ->> 'cost')::numeric FROM public.replies WHERE body ->> 'token' = %s",
                              [str(agents.row(request)["token"])]).fetchone() == (Decimal("7000000.00008395"),)
        # Known, though it is no answer.
        server.entries[0]["replies"] = [{"text": "", "stop": "content_filter", "usage": {
            "prompt_tokens": 4, "completion_tokens": 0}}]
        request = agents.ask(server, [[1, 1]], workflow)
        assert agents.reply(request)["cost"] == 0.000001
        assert agents.row(request)["status"] == "failed"


WHOLE = [[1, 2]]
FAULTS = {  # what the conversation has: what the error is about
    "no such version": ({"version": "v0"}, 'version "v0" of agent "clerk" does not exist'),
    "missing message": ({"memory": [[1, 2], [1, 4]]}, 'agent "clerk" is not whole: message 4 of segment 1 is missing'),
    "missing segment": ({"memory": [[1, 2], [5, 1]]}, "message 1 of segment 5 is missing"),
    "gap": ({"memory": [[2, 2]]}, "message 2 of segment 2 is missing"),
    "no memory": ({"memory": None}, "malformed"),
    "empty memory": ({"memory": []}, "messages: must not be empty"),
    "memory of an object": ({"memory": {"1": 2}}, "malformed"),
    "part of a number": ({"memory": [1]}, "malformed"),
    "part of three": ({"memory": [[1, 2, 3]]}, "malformed"),
    "part of texts": ({"memory": [["1", "2"]]}, "malformed"),
    "fraction": ({"memory": [[1, 1.5]]}, "malformed"),
    "negative": ({"memory": [[1, -1]]}, "malformed"),
    "beyond all numbers": ({"memory": [[10 ** 30, 1]]}, "malformed"),
    "no model": ({"model": None}, "malformed"),
    "no version": ({"version": None}, "malformed"),
}


def test_faults_are_their_own(agents):
    """What cannot be built fails, and nothing else that was claimed with it."""
    workflow = uuid.uuid4()
    agents.define()
    agents.remember(workflow, (1, 1, "user", "one-1"), (1, 2, "assistant", "two-1"), (1, 3, "user", "three-1"),
                    (2, 1, "user", "one-2"), (2, 3, "user", "three-2"))
    requests = {}
    with InferenceServer({"default": "Yes."}, key=KEY) as server:
        with agents.connection.transaction():
            for name, (conversation, _) in FAULTS.items():
                requests[name] = agents.ask(server, WHOLE, workflow, conversation=conversation)
                requests[name, "good"] = agents.ask(server, WHOLE, workflow)
            requests["array"] = agents.ask(server, WHOLE, workflow)
            agents.execute("UPDATE hitl.outbox SET conversation = '[1]' WHERE id = %s", [requests["array"]])
            requests["no provider"] = agents.ask(server, WHOLE, workflow, provider="openai")
            agents.execute("UPDATE hitl.outbox SET provider = NULL WHERE id = %s", [requests["no provider"]])
            requests["no workflow"] = agents.ask(server, WHOLE, workflow)
            agents.execute("UPDATE hitl.outbox SET workflow_id = NULL WHERE id = %s", [requests["no workflow"]])
        rows = {name: agents.finished(request) for name, request in requests.items()}
    faults = {**{name: why for name, (_, why) in FAULTS.items()}, "array": "malformed", "no provider": "malformed",
              "no workflow": "message 1 of segment 1 is missing"}
    for name, row in rows.items():
        if name in faults:
            assert (row["status"], row["error_kind"], row["attempts"]) == ("failed", "validation_error", 1), name
            assert faults[name] in row["error_message"], name
        else:
            assert row["status"] == "delivered", name
    assert len(server.requests) == len(FAULTS)
    assert agents.replies(requests["gap"]) == [{"token": rows["gap"]["token"], "error": {
        "kind": "validation_error", "message": rows["gap"]["error_message"]}}]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_turns(agents, provider):
    """A call of a tool and what it brought, there and back, in both formats."""
    workflow = uuid.uuid4()
    agents.define()
    agents.remember(workflow, (1, 1, "user", "Where is order 7?"))
    replies = [{"text": "I look.", "calls": [{"id": "id-1", "name": "look", "arguments": {"n": 7}}]}, "At sea."]
    with InferenceServer({"answers": [{"match": "order 7", "fail_first": 1, "replies": replies}]}, key=KEY) as server:
        first = json.loads(agents.reply(agents.ask(server, [[1, 1]], workflow, provider))["body"])
        agents.remember(
            workflow, (1, 2, "assistant", "I look.", {"calls": [{"id": "id-1", "name": "look", "arguments": {"n": 7}}]}),
            (1, 3, "tool", "place: sea", {"call": "id-1", "tool": "look"}))
        second = json.loads(agents.reply(agents.ask(server, [[1, 3]], workflow, provider))["body"])
        third = json.loads(agents.reply(agents.ask(server, [[1, 3]], workflow, provider))["body"])
        bodies = server.conversation("order 7")
    if provider == "openai":
        message = first["choices"][0]["message"]
        assert first["choices"][0]["finish_reason"] == "tool_calls" and message["content"] == "I look."
        call, = message["tool_calls"]
        assert call == {"id": "id-1", "type": "function", "function": {"name": "look", "arguments": '{"n": 7}'}}
        assert second["choices"][0]["message"] == {"role": "assistant", "content": "At sea."}
        assert [message["role"] for message in bodies[1]["messages"]][-3:] == ["user", "assistant", "tool"]
    else:
        assert first["stop_reason"] == "tool_use" and first["content"] == [
            {"type": "text", "text": "I look."}, {"type": "tool_use", "id": "id-1", "name": "look", "input": {"n": 7}}]
        assert second["content"] == [{"type": "text", "text": "At sea."}] and second["stop_reason"] == "end_turn"
    assert third.get("choices") == second.get("choices") and third.get("content") == second.get("content")
    assert len(server.requests) == 4 and len(bodies) == 3 and bodies[1] == bodies[2]
    assert [said(body, "Where", "I look.", "place: sea") for body in bodies] == [
        ["Where"], ["Where", "I look.", "place: sea"], ["Where", "I look.", "place: sea"]]


def test_body_or_conversation(agents):
    """Not both."""
    with pytest.raises(psycopg.errors.CheckViolation, match="outbox_check"):
        agents.put("https://nowhere.invalid/", conversation={})


def test_many_at_once(agents):
    """In one claim, each with its own memory."""
    count = 200
    agents.define()
    workflows = [uuid.uuid4() for _ in range(count)]
    with agents.connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO hitl.workflow_events (workflow_id, seq, event_type, data, created_at)"
            " SELECT w.id, n, 'agent_told', jsonb_build_object('memory', jsonb_build_array(5, n), 'role',"
            " CASE mod(n, 2) WHEN 1 THEN 'user' ELSE 'assistant' END, 'text', format('<%%s:%%s>', n, w.number)), now()"
            " FROM unnest(%s::uuid[]) WITH ORDINALITY AS w (id, number), generate_series(1, 12) AS n", [workflows])
    go_on = threading.Event()

    def reply(_):
        go_on.wait(60)
        return "Yes."

    with InferenceServer({"answers": [{"match": "", "replies": reply}]}, key=KEY) as server:
        with agents.connection.transaction():
            requests = [agents.ask(server, [[5, number % 11 + 1]], workflow)
                        for number, workflow in enumerate(workflows)]
        wait_until(lambda: len(server.requests) == count)
        # They were claimed at one time.
        assert agents.execute("SELECT count(*), count(DISTINCT next_attempt_at) FROM hitl.outbox"
                              " WHERE status = 'sending'").fetchone() == (count, 1)
        go_on.set()
        for request in requests:
            assert agents.finished(request)["status"] == "delivered"
    bodies = {sent["idempotency_key"]: sent["body"] for sent in server.requests}
    for number, request in enumerate(requests):
        texts = [f"<{n}:{number + 1}>" for n in range(1, 13)]
        assert said(bodies[f"key-{request}"], *texts) == texts[:number % 11 + 1]
        assert json.dumps(bodies[f"key-{request}"]["messages"]).count("<") == number % 11 + 1


def test_settings_of_each(agents):
    """Requests of several agents and versions in one claim."""
    workflow = uuid.uuid4()
    for version in ("v1", "v2", "v3"):
        agents.define(version, instructions=f"You are {version}.", tools=[])
    agents.remember(workflow, (1, 1, "user", "Begin."))
    with InferenceServer({"default": "Yes."}, key=KEY) as server:
        with agents.connection.transaction():
            requests = {version: agents.ask(server, [[1, 1]], workflow, conversation={"version": version})
                        for version in ("v3", "v1", "v2")}
        for request in requests.values():
            agents.finished(request)
    bodies = {sent["idempotency_key"]: json.dumps(sent["body"]) for sent in server.requests}
    for version, request in requests.items():
        assert f"You are {version}." in bodies[f"key-{request}"]
