"""Budgets of agents: what all runs of one may take together, with servers, several engines, and people at work."""
import threading
from decimal import Decimal

import pytest
from harness import wait_until
from house import answer, call, one_format
from psycopg.types.json import Jsonb

SETTINGS = {"hitl__allowed_private_hosts": "127.0.0.1", "hitl__engine_workers": 3}


@pytest.fixture(autouse=True)
def no_budget_stays(cluster):
    yield
    cluster.sql("SELECT hitl.drop_agent_budget(agent) FROM (SELECT DISTINCT agent FROM hitl.agent_budgets) AS a")


def used(house, agent="clerk"):
    row, = house.cluster.sql("SELECT used_tokens, used_cost FROM hitl.agent_budgets WHERE agent = %s AND period = 'month'", [agent])
    return int(row["used_tokens"]), float(row["used_cost"])


def budget(house, agent="clerk", **options):
    house.call("set_agent_budget", {"agent": agent, "period": "month", **options})


def test_tokens_and_cost(house):
    """What the calls of all runs took, and what that cost; a run that finds it used up stops."""
    house.model("m", is_default=True, input_price=2, output_price=10)
    house.agent("clerk", "total")
    budget(house, max_cost=Decimal("0.005"))
    house.script("One.", {"calls": [call("total", order_id=1)], "usage": house.usage(1000, 100)},
                 {**answer("10."), "usage": house.usage(500, 50)})
    house.script("Two.", {**answer("20."), "usage": house.usage(500, 50)})
    house.script("Three.", {"calls": [call("total", order_id=1)], "usage": house.usage(100, 50)})
    first = house.run("One.")
    assert house.done(first)["answer"] == "10."
    assert used(house) == (1650, 0.0045)
    second = house.run("Two.")
    assert house.done(second)["answer"] == "20."
    third = house.run("Three.")
    assert house.failed(third) == {"kind": "budget_exceeded", "message": "the agent has used up its budget of this month",
                                   "step": "run", "position": "/steps/0"}
    assert house.sent("Three.") == []
    assert used(house) == (2200, 0.006)
    calls, = house.cluster.sql("SELECT sum(input_tokens + output_tokens)::int AS tokens, sum(cost)::float AS cost"
                               " FROM hitl.model_calls WHERE agent = 'clerk' AND workflow_id = ANY (%s)", [[first, second, third]])
    assert (calls["tokens"], calls["cost"]) == used(house)


@one_format
def test_withdrawn_calls(house):
    """What nobody waits for any more was paid for nevertheless."""
    asked, go_on = threading.Event(), threading.Event()

    def reply(_):
        asked.set()
        go_on.wait(60)
        return {**answer("10."), "usage": house.usage(70, 7)}
    house.server.add({"match": lambda request: True, "replies": reply})
    house.agent("clerk")
    budget(house, max_tokens=1000)
    workflow = house.run("One.")
    assert asked.wait(30)
    house.command(workflow, "cancel", "too late")
    go_on.set()
    wait_until(lambda: used(house) == (77, 0))
    assert house.row(workflow)["status"] == "cancelled"


@one_format
def test_agents_of_agents(house):
    """Who is another one's tool has a budget of his own."""
    house.agent("expert")
    house.cluster.sql("SELECT hitl.create_agent_tool('ask_expert', 'expert', 'Knows.')")
    house.agent("clerk", "ask_expert")
    budget(house, max_tokens=1000)
    budget(house, "expert", max_tokens=5)
    house.script("Do it.", {"calls": [call("ask_expert", task="Is it good?")], "usage": house.usage(30, 3)},
                 {"calls": [call("ask_expert", task="Is it bad?")], "usage": house.usage(40, 4)}, {**answer("Yes."), "usage": house.usage(50, 5)})
    house.script("Is it good?", {**answer("It is."), "usage": house.usage(10, 1)})
    workflow = house.run("Do it.")
    assert house.done(workflow)["answer"] == "Yes."
    assert used(house) == (132, 0) and used(house, "expert") == (11, 0)
    good, bad = house.observed(workflow)
    assert good == ("ask_expert", "It is.")
    assert bad == ("ask_expert", "Error: the agent's work ended as failed: the agent has used up its tokens of this month")


def builtin(house, tokens, turns=1):
    """An agent whose model answers at once, after so many turns."""
    replies = [{"calls": [call("total", order_id=1)], "usage": {"prompt_tokens": tokens}}] * (turns - 1)
    house.cluster.sql("SELECT hitl.create_model('b', provider => 'builtin', parameters => %s)", [
        Jsonb({"replies": [*replies, {"text": "10.", "usage": {"prompt_tokens": tokens}}]})])
    house.agent("clerk", "total", model="b")


@one_format
def test_engines_count_together(house):
    """Several engines at work for one agent: nothing is lost, and nothing counted twice."""
    builtin(house, 7, turns=3)
    budget(house, max_tokens=1000000)
    workflows = [row["id"] for row in house.cluster.sql("SELECT hitl.run_agent('clerk', 'One.') AS id FROM generate_series(1, 300)")]
    wait_until(lambda: house.cluster.value("SELECT count(*) FROM hitl.workflows WHERE id = ANY (%s) AND status = 'completed'",
                                           [workflows]) == len(workflows))
    assert used(house) == (len(workflows) * 3 * 7, 0)
    assert house.cluster.value("SELECT count(DISTINCT worker) > 1 FROM hitl.budget_usage")


@one_format
def test_waiting_together(house):
    """All that wait are let go on once there is more, and no earlier."""
    builtin(house, 10)
    budget(house, max_tokens=10, on_limit="wait")
    house.done(house.run("One."))
    workflows = [house.run("Two.") for _ in range(20)]
    for workflow in workflows:
        house.until(workflow, "waiting")
    budget(house, max_tokens=5, on_limit="wait")
    wait_until(lambda: house.cluster.value("SELECT bool_and(n = 2) FROM (SELECT count(*) FROM hitl.workflow_events"
                                           " WHERE workflow_id = ANY (%s) AND event_type = 'budget_awaited' GROUP BY workflow_id) AS w (n)", [workflows]))
    assert used(house) == (10, 0)
    budget(house, max_tokens=1000, on_limit="wait")
    for workflow in workflows:
        assert house.done(workflow)["answer"] == "10."
    assert used(house) == (210, 0)


@one_format
def test_budget_that_is_being_raised(house):
    """Who begins to wait while it is raised does not wait until it renews."""
    builtin(house, 10)
    budget(house, max_tokens=10, on_limit="wait")
    house.done(house.run("One."))
    with house.cluster.connect(autocommit=False) as connection:
        connection.execute("SELECT hitl.set_agent_budget('clerk', 'month', 1000)")
        workflow = house.run("Two.")
        house.until(workflow, "waiting")
        connection.commit()
    assert house.done(workflow)["answer"] == "10."


@one_format
def test_session_that_stays(house):
    """A session in which the built-in model answers keeps no engine waiting, and what it took counts once it commits."""
    builtin(house, 10)
    budget(house, max_tokens=5)
    house.done(house.run("One."))
    workflow = house.run("Two.")
    assert house.failed(workflow)["kind"] == "budget_exceeded"
    budget(house, max_tokens=1000)
    with house.cluster.connect(autocommit=False) as connection:
        connection.execute("SELECT hitl.retry_workflow(%s)", [workflow])
        assert house.done(house.run("Three."))["answer"] == "10."
        assert used(house) == (20, 0)
        connection.commit()
    assert house.done(workflow)["answer"] == "10."
    wait_until(lambda: used(house) == (30, 0))
    with house.cluster.connect(autocommit=False) as connection:
        connection.execute("SELECT hitl.drop_agent_budget('clerk')")
        assert house.done(house.run("Four."))["answer"] == "10."
        assert used(house) == (40, 0)
        connection.commit()
    budget(house, max_tokens=1000)
    assert used(house) == (0, 0)
