"""Models of all providers: what they are sent, what is made of their answers, what those cost, who answers instead."""
import sys
import threading
from decimal import Decimal

import pytest
from harness import ROOT, wait_until
from psycopg.types.json import Jsonb
from trail import broken_chains

sys.path.insert(0, str(ROOT / "test/servers"))
from inference_server import InferenceServer  # noqa: E402
from scripted_server import ScriptedServer  # noqa: E402

SETTINGS = {"hitl__allowed_private_hosts": "127.0.0.1, nowhere.invalid", "hitl__breaker_threshold": 0}

PROVIDERS = ("openai", "anthropic")
PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}
FAST = {"max_attempts": 3, "policy": "fixed", "base_delay": "50 ms", "jitter": 0}
ONCE = {"max_attempts": 1}
KEY = "sk-ant-of-the-test"


@pytest.fixture(autouse=True)
def clean(cluster):
    yield
    with cluster.connect() as connection:
        assert broken_chains(connection) == []
    cluster.psql("DELETE FROM hitl.workflows; DELETE FROM hitl.outbox; DELETE FROM hitl.models; DELETE FROM hitl.secrets")


def create(cluster, name, base_url, provider="openai", **options):
    """A model, and the secret that it needs."""
    if "secret_name" in options:
        cluster.sql("SELECT hitl.set_secret(%s, %s)", [options["secret_name"], KEY])
    arguments = {"name": name, "base_url": base_url, "provider": provider, "model": f"{name}-1", **options}
    marks = ", ".join(f"{argument} => %({argument})s" for argument in arguments)
    cluster.sql(f"SELECT hitl.create_model({marks})",
                {key: Jsonb(value) if isinstance(value, dict) else value for key, value in arguments.items()})


def start(cluster, **step):
    """Start a workflow of one task, "a"; its id."""
    workflow = cluster.value("SELECT hitl.create_workflow('asks', workflow_definition => %s)", [
        Jsonb({"steps": [{"name": "a", "type": "task", "task": "Say.", **step}]})])
    cluster.sql("SELECT hitl.execute_workflow(%s)", [workflow])
    return workflow


def outcome(cluster, workflow):
    """The result of its task, or the error, once it has ended."""
    def ended():
        row, = cluster.sql("SELECT status, error, data #> '{steps,a}' AS result FROM hitl.workflows"
                           " WHERE id = %s", [workflow])
        return row if row["status"] in ("completed", "failed") else None
    row = wait_until(ended, describe=lambda: cluster.sql("SELECT * FROM hitl.outbox"))
    return row["error"] if row["status"] == "failed" else row["result"]


def ask(cluster, **step):
    return outcome(cluster, start(cluster, **step))


def calls(cluster):
    """The requests that have ended, in their order."""
    return cluster.sql("SELECT model, status, attempts, response_status, error_kind, input_tokens, output_tokens,"
                       " cost FROM hitl.outbox ORDER BY id")


# What is sent, and what comes back

def test_message(cluster):
    with InferenceServer({"answers": [{"match": "", "answer": {"ok": True}}]}, key=KEY) as server:
        create(cluster, "m", server.base_url + "/", "anthropic", secret_name="key",
               parameters={"stop_sequences": ["END"], "stream": True}, headers={"anthropic-beta": "x"})
        result = ask(cluster, model="m", instructions="Be brief.", context={"n": 1})
        sent, = server.requests
    assert sent["body"] == {"model": "m-1", "max_tokens": 4096, "stop_sequences": ["END"], "system": "Be brief.", "messages": [
        {"role": "user", "content": 'Task: Say.\n\nContext:\n{"n":1}'}]}
    assert result["data"] == {"ok": True} and result["model"] == "m-1"
    usage = result["usage"]
    assert set(usage) == {"prompt_tokens", "completion_tokens", "total_tokens"}
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > usage["prompt_tokens"] > 0
    row, = cluster.sql("SELECT url, headers, secret_name, provider FROM hitl.outbox")
    assert row == {"url": f"{server.base_url}/messages", "secret_name": None, "provider": "anthropic", "headers": {
        "x-api-key": "${secret:key}", "anthropic-version": "2023-06-01", "anthropic-beta": "x"}}
    for table in ("outbox", "workflows", "workflow_events", "messages", "models"):
        assert cluster.value(f"SELECT count(*) FROM hitl.{table} t WHERE t::text ~ %s", [KEY]) == 0


def test_default_instructions_and_version_of_ones_own(cluster):
    with ScriptedServer() as server:
        url = server.plan("/v1/messages", [{"body": '{"content": [{"type": "text", "text": "' + KEY + '"}]}'}])
        create(cluster, "m", url.removesuffix("/messages"), "anthropic", secret_name="key", is_default=True,
               headers={"Anthropic-Version": "2026-10-21"}, parameters={"max_tokens": 5})
        assert ask(cluster)["answer"] == "*" * len(KEY)
        sent, = server.requests("/v1/messages")
    assert sent.headers["anthropic-version"] == "2026-10-21" and sent.headers["x-api-key"] == KEY
    assert "authorization" not in sent.headers
    assert [name.lower() for name, _ in sent.header_list].count("anthropic-version") == 1
    assert b'"max_tokens": 5' in sent.body or b'"max_tokens":5' in sent.body
    assert b"You carry out one step" in sent.body


@pytest.mark.parametrize("status", [529, 503, 429])
def test_overloaded(cluster, status):
    with InferenceServer({"answers": [{"match": "", "answer": "At last.", "fail_first": 2, "fail_status": status}]},
                         key=KEY) as server:
        create(cluster, "m", server.base_url, "anthropic", secret_name="key")
        assert ask(cluster, model="m", retry=FAST)["answer"] == "At last."
        assert len({sent["idempotency_key"] for sent in server.requests}) == 1
    row, = calls(cluster)
    assert row["attempts"] == 3 and row["status"] == "delivered" and row["error_kind"] is None


def test_wrong_key(cluster):
    with InferenceServer({"default": "x"}, key="another") as server:
        create(cluster, "m", server.base_url, "anthropic", secret_name="key")
        error = ask(cluster, model="m", retry=FAST)
        assert (error["kind"], error["message"]) == ("authentication_error", "invalid x-api-key")
        create(cluster, "m", server.base_url, "anthropic")
        error = ask(cluster, model="m")
        assert (error["kind"], error["message"]) == ("authentication_error", "x-api-key header is required")
        assert server.requests == []
    assert [(row["status"], row["attempts"], row["input_tokens"]) for row in calls(cluster)] == [("failed", 1, None)] * 2


@pytest.mark.parametrize("status, kind", [
    (400, "validation_error"), (402, "permission_error"), (403, "permission_error"), (404, "validation_error"),
    (413, "validation_error"), (429, "rate_limit"), (500, "service_unavailable"), (529, "service_unavailable")])
def test_refused_requests(cluster, status, kind):
    with InferenceServer({"answers": [{"match": "", "answer": "", "fail_first": 9, "fail_status": status}]}) as server:
        create(cluster, "m", server.base_url, "anthropic", secret_name="key")
        error = ask(cluster, model="m", retry=ONCE)
    assert error["kind"] == kind
    if kind in ("validation_error", "permission_error"):
        assert error["message"] == "the script says to fail"


def test_fault_of_ones_own(cluster):
    """The API refuses what parameters say; its reason is told."""
    with InferenceServer({"default": "x"}) as server:
        create(cluster, "m", server.base_url, "anthropic", secret_name="key", parameters={"n": 2})
        error = ask(cluster, model="m")
        assert (error["kind"], error["message"]) == ("validation_error", "n: Extra inputs are not permitted")
        create(cluster, "m", server.base_url, "anthropic", secret_name="key", parameters={"temperature": 0})
        assert ask(cluster, model="m")["answer"] == "x"
        create(cluster, "m", server.base_url, "anthropic", secret_name="key", parameters={"temperature": 0},
               headers={"anthropic-version": "2026-10-21"})
        assert ask(cluster, model="m")["message"] == "temperature: Extra inputs are not permitted"


def test_newer_version_of_the_api(cluster):
    """With its key as the newer clients send it."""
    with InferenceServer({"default": "x"}, key=KEY) as server:
        create(cluster, "m", server.base_url, "anthropic", headers={
            "anthropic-version": "2026-10-21", "Authorization": "Bearer ${secret:key}"})
        cluster.sql("SELECT hitl.set_secret('key', %s)", [KEY])
        assert ask(cluster, model="m")["answer"] == "x"


def test_secret_that_comes_later(cluster):
    with InferenceServer({"default": "x"}, key=KEY) as server:
        create(cluster, "m", server.base_url, "anthropic", secret_name="key")
        cluster.sql("SELECT hitl.delete_secret('key')")
        workflow = start(cluster, model="m")
        wait_until(lambda: cluster.value("SELECT missing_secret = 'key' FROM hitl.outbox"))
        cluster.sql("SELECT hitl.set_secret('key', %s)", [KEY])
        assert outcome(cluster, workflow)["answer"] == "x"


STOPS = {  # how it ends, with what content: what it comes to
    "filtered": ({"openai": "content_filter", "anthropic": "refusal"}, "Wh", "permission_error"),
    "empty and filtered": ({"openai": "content_filter", "anthropic": "refusal"}, "", "permission_error"),
    "truncated": ({"openai": "length", "anthropic": "max_tokens"}, "The an", None),
    "used up": ({"openai": "length", "anthropic": "max_tokens"}, "", "validation_error"),
    "wants a tool": ({"openai": "tool_calls", "anthropic": "tool_use"}, "", "validation_error"),
    "wants a tool, too": ({"openai": "tool_calls", "anthropic": "tool_use"}, "The answer.", None),
    "empty": ({"openai": "stop", "anthropic": "end_turn"}, "", None),
}


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("case", STOPS)
def test_stops(cluster, provider, case):
    """However an answer ends, it comes to the same for all providers, and has its price."""
    stops, text, kind = STOPS[case]
    content = text if provider == "openai" else [{"type": "text", "text": text}] if text else []
    with InferenceServer({"answers": [{"match": "", "answer": "", "content": content, "stop": stops[provider]}]}) as server:
        create(cluster, "m", server.base_url, provider, secret_name="key", input_price=1, output_price=1)
        result = ask(cluster, model="m")
    row, = calls(cluster)
    assert row["input_tokens"] > 0 and row["cost"] > 0 and row["response_status"] == 200
    if kind is None:
        assert result["answer"] == text and row["status"] == "delivered"
    else:
        assert result["kind"] == kind
        assert (row["status"], row["error_kind"]) == ("failed", kind)
        assert cluster.value("SELECT failures FROM hitl.model_usage") == 1


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("body", ["", "<html>", "[]", '{"content": "x"}', '{"choices": []}',
                                  '{"type": "error", "error": {"message": "why"}}'])
def test_responses_that_are_none(cluster, provider, body):
    with ScriptedServer() as server:
        url = server.plan(PATHS[provider], [{"body": body}])
        create(cluster, "echo", None, "builtin")
        create(cluster, "m", url.replace(PATHS[provider], "/v1"), provider, secret_name="key", fallbacks=["echo"])
        error = ask(cluster, model="m")
    assert error["kind"] == "unknown_error"
    if "why" in body:
        assert error["message"] == "why"
    row, = calls(cluster)
    assert (row["status"], row["error_kind"], row["cost"]) == ("failed", "unknown_error", None)


# Prices

def usage(cluster, view, key):
    return cluster.sql(f"SELECT {key}, calls, failures, input_tokens, output_tokens, cost, unpriced FROM hitl.{view}"
                       f" ORDER BY 1")


def test_cost(cluster):
    """Exact, by the prices of the time when the response came."""
    script = {"answers": [{"match": "dear", "answer": "x", "usage": {
        "input_tokens": 333, "cache_read_input_tokens": 1000, "output_tokens": 7}}]}
    with InferenceServer(script) as server:
        create(cluster, "m", server.base_url, "anthropic", secret_name="key", input_price=Decimal("0.0375"),
               output_price=Decimal("1000000000000.1"))
        first = start(cluster, model="m", task="dear")
        outcome(cluster, first)
        create(cluster, "m", server.base_url, "anthropic", secret_name="key", input_price=0, output_price=0)
        ask(cluster, model="m", task="dear")
        create(cluster, "m", server.base_url, "anthropic", secret_name="key", input_price=3)
        ask(cluster, model="m", task="dear")
        cost = (1333 * Decimal("0.0375") + 7 * Decimal("1000000000000.1")) / 1000000
        assert [row["cost"] for row in calls(cluster)] == [cost, 0, None]
        assert usage(cluster, "model_usage", "model") == [
            {"model": "m", "calls": 3, "failures": 0, "input_tokens": 3999, "output_tokens": 21, "cost": cost,
             "unpriced": 1}]
        assert {"workflow_id": first, "calls": 1, "failures": 0, "input_tokens": 1333, "output_tokens": 7,
                "cost": cost, "unpriced": 0} in usage(cluster, "workflow_usage", "workflow_id")
        assert cluster.value("SELECT name FROM hitl.workflow_usage WHERE workflow_id = %s", [first]) == "asks"
        assert cluster.value("SELECT day = (now() AT TIME ZONE 'UTC')::date FROM hitl.model_usage")


def test_cost_beyond_all_numbers(cluster):
    """It is the step's failure, and not the dispatcher's."""
    with InferenceServer({"answers": [{"match": "", "answer": "x", "usage": {
            "prompt_tokens": 10 ** 12, "completion_tokens": 1}}]}) as server:
        create(cluster, "m", server.base_url, input_price=Decimal("1e131060"), output_price=0)
        assert "could not be recorded (SQLSTATE 22003)" in ask(cluster, model="m")["message"]
        create(cluster, "m", server.base_url, input_price=0, output_price=0)
        assert ask(cluster, model="m")["answer"] == "x"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_usage_that_is_not_told(cluster, provider):
    with InferenceServer({"answers": [{"match": "", "answer": "x", "usage": None}]}) as server:
        create(cluster, "m", server.base_url, provider, secret_name="key", input_price=1, output_price=1)
        assert ask(cluster, model="m") == {"answer": "x", "model": "m-1"}
    row, = usage(cluster, "model_usage", "model")
    assert row == {"model": "m", "calls": 1, "failures": 0, "input_tokens": None, "output_tokens": None,
                   "cost": None, "unpriced": 1}


def test_withdrawn_call(cluster):
    """What was answered though nobody waits any more has its price."""
    cancelled = threading.Event()

    def body(_):
        assert cancelled.wait(60)
        return '{"content": [], "usage": {"input_tokens": 5, "output_tokens": 0}}'

    with ScriptedServer() as server:
        url = server.plan("/v1/messages", [{"body": body}])
        create(cluster, "m", url.removesuffix("/messages"), "anthropic", secret_name="key", input_price=2, output_price=0)
        workflow = start(cluster, model="m")
        server.wait_for("/v1/messages")
        cluster.sql("SELECT hitl.cancel_workflow(%s)", [workflow])
        cancelled.set()
        wait_until(lambda: cluster.value("SELECT input_tokens FROM hitl.outbox"))
    row, = calls(cluster)
    assert (row["status"], row["cost"]) == ("cancelled", Decimal("0.00001"))
    row, = usage(cluster, "workflow_usage", "workflow_id")
    assert (row["calls"], row["failures"], row["cost"]) == (1, 0, Decimal("0.00001"))
    assert cluster.value("SELECT count(*) FROM hitl.messages") == 0
    assert cluster.value("SELECT status FROM hitl.workflows") == "cancelled"


# Fallbacks

def trail(cluster, workflow):
    return [(row["event_type"], row["model"]) for row in cluster.sql(
        "SELECT event_type, data ->> 'model' AS model FROM hitl.workflow_events"
        " WHERE workflow_id = %s AND event_type LIKE 'task%%' ORDER BY seq", [workflow])]


def test_fallback(cluster):
    """To a model of another provider, and then to one that is there."""
    with InferenceServer({"answers": [{"match": "", "answer": "", "fail_first": 99, "fail_status": 529}]}) as busy, \
            InferenceServer({"default": "Here."}, key="other") as idle:
        create(cluster, "idle", idle.base_url, headers={"Authorization": "Bearer ${secret:second}"}, input_price=1,
               output_price=1)
        cluster.sql("SELECT hitl.set_secret('second', 'other')")
        create(cluster, "gone", "https://nowhere.invalid/v1")
        create(cluster, "dropped", "https://nowhere.invalid/v1")
        create(cluster, "busy", busy.base_url, "anthropic", secret_name="key", fallbacks=["dropped", "gone", "idle"])
        # The fallbacks of a fallback are none of the model's.
        create(cluster, "gone", "https://nowhere.invalid/v1", fallbacks=["busy"])
        cluster.sql("SELECT hitl.drop_model('dropped')")
        workflow = start(cluster, model="busy", retry=ONCE)
        assert outcome(cluster, workflow)["answer"] == "Here."
        assert len(busy.requests) == 1 and len(idle.requests) == 1
    assert trail(cluster, workflow) == [("task_requested", "busy"), ("task_rerouted", "gone"), ("task_requested", "gone"),
                                        ("task_rerouted", "idle"), ("task_requested", "idle")]
    assert [(row["model"], row["status"], row["error_kind"]) for row in calls(cluster)] == [
        ("busy", "failed", "service_unavailable"), ("gone", "failed", "network_error"), ("idle", "delivered", None)]
    assert cluster.value("SELECT what FROM hitl.workflow_timeline(%s) WHERE event = 'task rerouted' LIMIT 1",
                         [workflow]).startswith("to model gone: service_unavailable: ")
    row, = usage(cluster, "workflow_usage", "workflow_id")
    assert (row["calls"], row["failures"]) == (3, 2)


def test_fallback_after_all_attempts(cluster):
    with InferenceServer({"answers": [{"match": "", "answer": "", "fail_first": 99}]}) as busy:
        create(cluster, "echo", None, "builtin")
        create(cluster, "busy", busy.base_url, fallbacks=["echo"], is_default=True)
        assert ask(cluster, retry=FAST) == {"answer": "Say."}
        assert len(busy.requests) == 3


def test_no_fallback_for_mistakes(cluster):
    with InferenceServer({"default": "x"}, key="another") as server:
        create(cluster, "echo", None, "builtin")
        create(cluster, "m", server.base_url, "anthropic", secret_name="key", fallbacks=["echo"])
        workflow = start(cluster, model="m")
        assert outcome(cluster, workflow)["kind"] == "authentication_error"
    assert trail(cluster, workflow) == [("task_requested", "m")]


def test_fallbacks_that_fail(cluster):
    """The failure of the last one is that of the step, which may retry and begin with the first one."""
    create(cluster, "b", "https://nowhere.invalid/b")
    create(cluster, "a", "https://nowhere.invalid/a", fallbacks=["b"])
    workflow = start(cluster, model="a", retry=ONCE)
    assert outcome(cluster, workflow)["kind"] == "network_error"
    assert trail(cluster, workflow) == [("task_requested", "a"), ("task_rerouted", "b"), ("task_requested", "b")]
    cluster.sql("SELECT hitl.retry_workflow(%s)", [workflow])
    wait_until(lambda: len(trail(cluster, workflow)) == 6)
    assert trail(cluster, workflow)[3:] == trail(cluster, workflow)[:3]
    outcome(cluster, workflow)


def test_fallbacks_in_branches(cluster):
    """Many at once, each on its own."""
    with InferenceServer({"answers": [{"match": "", "answer": "", "fail_first": 999, "fail_status": 503}]}) as busy, \
            InferenceServer({"default": "Here."}) as idle:
        create(cluster, "idle", idle.base_url)
        create(cluster, "busy", busy.base_url, "anthropic", secret_name="key", fallbacks=["idle"])
        workflow = cluster.value("SELECT hitl.create_workflow('many', workflow_definition => %s, input_data => %s)", [
            Jsonb({"steps": [{"name": "a", "type": "foreach", "items": "$.variables.list", "as": "n", "steps": [
                {"name": "one", "type": "task", "task": "{{ $.variables.n }}", "model": "busy", "retry": ONCE}]}]}),
            Jsonb({"list": list(range(20))})])
        cluster.sql("SELECT hitl.execute_workflow(%s)", [workflow])
        outcome(cluster, workflow)
        assert sorted(sent["body"]["messages"][1]["content"].split("\n")[0] for sent in idle.requests) == sorted(
            f"Task: {n}" for n in range(20))
    assert cluster.value("SELECT status FROM hitl.workflows WHERE id = %s", [workflow]) == "completed"
