"""Redacting what was sent and answered, with agents, their children, and answers that come late."""
import json
import threading

from harness import wait_until
from house import answer, call, one_format

SETTINGS = {"hitl__allowed_private_hosts": "127.0.0.1"}

pytestmark = one_format


def requests(house, workflow):
    return house.cluster.sql("SELECT * FROM hitl.outbox WHERE workflow_id = %s ORDER BY id", [workflow])


def faults(house, workflow):
    return house.cluster.sql("SELECT * FROM hitl.verify_events(%s)", [workflow])


def test_workflow_and_its_children(house):
    """Nothing but hashes is left of the requests; what the agents know, and the trail, are as before."""
    house.agent("expert")
    house.cluster.sql("SELECT hitl.create_agent_tool('ask_expert', 'expert', 'Knows.')")
    house.agent("clerk", "ask_expert")
    house.script("Do it.", {"calls": [call("ask_expert", task="Is Eve there?")]}, answer("Eve is there."))
    house.script("Is Eve there?", answer("She is."))
    workflow = house.run("Do it.")
    assert house.done(workflow)["answer"] == "Eve is there."
    child = house.cluster.value("SELECT workflow_id FROM hitl.child_workflows WHERE parent_id = %s", [workflow])
    before = requests(house, workflow) + requests(house, child)
    memory = house.transcript(workflow)
    assert len(before) == 3 and all("She is." in row["response_body"] or row["workflow_id"] == workflow for row in before)
    assert house.cluster.value("SELECT hitl.redact_requests('Eve wants it so', %s)", [workflow]) == 3
    for old, new in zip(before, requests(house, workflow) + requests(house, child)):
        marker = json.loads(new["response_body"])["redacted"]
        assert marker["bytes"] == len(old["response_body"].encode()) and marker["reason"] == "Eve wants it so"
        assert marker["sha256"] == house.cluster.value("SELECT encode(sha256(convert_to(%s, 'UTF8')), 'hex')", [old["response_body"]])
        assert new["body"] is None and new["conversation"] == old["conversation"] and new["cost"] == old["cost"]
        wait_until(lambda row=new: house.cluster.value(
            "SELECT true FROM hitl.workflow_events WHERE workflow_id = %s AND event_type = 'request_redacted'"
            " AND data ->> 'request_id' = %s", [row["workflow_id"], str(row["id"])]))
    assert faults(house, workflow) == faults(house, child) == []
    assert house.transcript(workflow) == memory
    assert "Is Eve there?" in house.cluster.value("SELECT hitl.request_body(%s)", [before[1]["id"]])


def test_answer_that_comes_late(house):
    """What nobody waits for any more is redacted while it is under way, and its answer is not kept."""
    asked, go_on = threading.Event(), threading.Event()

    def reply(_):
        asked.set()
        go_on.wait(60)
        return answer("Eve.")
    house.server.add({"match": lambda request: "Who is it?" in json.dumps(request), "replies": reply})
    workflow = house.start({"name": "a", "type": "task", "task": "Who is it?"})
    assert asked.wait(30)
    house.command(workflow, "cancel")
    row, = requests(house, workflow)
    assert row["status"] == "cancelled" and "Who is it?" in row["body"]
    assert house.cluster.value("SELECT hitl.redact_request(%s, 'too late')", [row["id"]])
    go_on.set()
    row, = wait_until(lambda: [new for new in requests(house, workflow) if new["output_tokens"]])
    assert row["response_body"] is None and list(json.loads(row["body"])) == ["redacted"]
