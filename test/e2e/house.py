"""Agents, the model that they have, and people: what the tests of agents are played in."""
import json
import sys
from contextlib import contextmanager

import pytest
from harness import ROOT, wait_until
from psycopg.types.json import Jsonb
from trail import faults

sys.path.insert(0, str(ROOT / "test/servers"))
from inference_server import InferenceServer, blocks_of, task_of  # noqa: E402

PROVIDERS = ("openai", "anthropic")

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


def told(text):
    return ("The work was rolled back to this point. What tools did after it may still be in effect: look before you do it again."
            f" The reason: {text}")


def open_things(cluster, workflow):
    """What is still awaited for a workflow or its children."""
    return cluster.sql("""
        WITH w AS (SELECT %s::uuid AS id UNION SELECT workflow_id FROM hitl.child_workflows WHERE parent_id = %s)
        SELECT 'request' AS what FROM hitl.outbox JOIN w ON w.id = workflow_id WHERE status IN ('queued', 'sending')
        UNION ALL SELECT 'statement' FROM hitl.statements JOIN w ON w.id = workflow_id
        UNION ALL SELECT 'task' FROM hitl.external_tasks JOIN w ON w.id = workflow_id WHERE status IN ('queued', 'delayed', 'claimed')
        UNION ALL SELECT 'approval' FROM hitl.approval_requests a JOIN w ON w.id = workflow_id WHERE a.status = 'pending'""",
                       [workflow, workflow])


@contextmanager
def open_house(cluster, provider):
    """A House, in whose cluster nothing is left of it afterwards."""
    made = House(cluster, provider)
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


# What has nothing to do with the format of requests need not be tried with both.
one_format = pytest.mark.parametrize("house", PROVIDERS[:1], indirect=True)
