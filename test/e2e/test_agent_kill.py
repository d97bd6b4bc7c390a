"""A run of an agent, killed at every point, goes on where it was: nothing is asked or done twice.

Each transaction that takes the run further is a point: the server is killed when the transaction is
about to commit.  Further points lie between two of them: a request is under way, a statement runs.
"""
import json
import re
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

import psycopg
import pytest
from harness import ROOT, wait_until
from psycopg.types.json import Jsonb
from trail import faults

sys.path.insert(0, str(ROOT / "test/servers"))
from inference_server import InferenceServer, blocks_of, text_of  # noqa: E402
from scripted_server import ScriptedServer  # noqa: E402

SETTINGS = {"hitl__allowed_private_hosts": "127.0.0.1", "hitl__sql_workers": 1}

# What a transaction changes is noted in it; before it commits it may be held by an advisory lock.
RECORDER = """
    CREATE SCHEMA hold;
    CREATE TABLE hold.changes (n bigint GENERATED ALWAYS AS IDENTITY, xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
        who text NOT NULL, what text NOT NULL);
    CREATE TABLE hold.target (point integer);
    INSERT INTO hold.target VALUES (NULL);

    -- The transactions, in their order.
    CREATE VIEW hold.commits AS
        SELECT min(n) AS n, xid, min(who) || ': ' || string_agg(what, ', ' ORDER BY n) AS name FROM hold.changes GROUP BY xid;

    CREATE FUNCTION hold.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO hold.changes (who, what)
        SELECT regexp_replace(backend_type, '^hitl | backend$', ''),
               replace(concat_ws(' ', nullif(TG_ARGV[0], ''), to_jsonb(NEW) ->> TG_ARGV[1]), '_', ' ')
        FROM pg_stat_activity WHERE pid = pg_backend_pid();
        RETURN NULL;
    END $$;
    CREATE TRIGGER note AFTER INSERT ON hitl.workflow_events FOR EACH ROW EXECUTE FUNCTION hold.note('', 'event_type');
    CREATE TRIGGER note AFTER INSERT ON hitl.messages FOR EACH ROW EXECUTE FUNCTION hold.note('message', 'kind');
    CREATE TRIGGER note AFTER INSERT ON hitl.statements FOR EACH ROW EXECUTE FUNCTION hold.note('statement queued');
    CREATE TRIGGER note_claim AFTER UPDATE ON hitl.statements FOR EACH ROW WHEN (NEW.claims > OLD.claims)
        EXECUTE FUNCTION hold.note('statement claimed');
    CREATE TRIGGER note AFTER INSERT ON hitl.outbox FOR EACH ROW EXECUTE FUNCTION hold.note('request', 'status');
    CREATE TRIGGER note_status AFTER UPDATE ON hitl.outbox FOR EACH ROW WHEN (NEW.status <> 'queued')
        EXECUTE FUNCTION hold.note('request', 'status');
    CREATE TRIGGER note AFTER INSERT OR UPDATE ON hitl.external_tasks FOR EACH ROW EXECUTE FUNCTION hold.note('task', 'status');
    CREATE TRIGGER note AFTER INSERT ON hitl.approval_responses FOR EACH ROW EXECUTE FUNCTION hold.note('answer');

    CREATE FUNCTION hold.before_commit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        IF NEW.n = (SELECT min(n) FROM hold.changes WHERE xid = NEW.xid)
           AND (SELECT count(DISTINCT xid) FROM hold.changes) = (SELECT point FROM hold.target)
        THEN
            PERFORM pg_advisory_xact_lock(1);
        END IF;
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER before_commit AFTER INSERT ON hold.changes DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION hold.before_commit();
"""

# What the agent has: a function, a server, a program outside, people, another agent.
SHOP = """
    CREATE ROLE clerk;
    SELECT hitl.grant_access('clerk', 'operator');
    CREATE SCHEMA shop;
    GRANT USAGE ON SCHEMA shop TO clerk;
    CREATE TABLE shop.notes (line text);
    CREATE ROLE code;
    GRANT USAGE ON SCHEMA shop TO code;
    GRANT ALL ON shop.notes TO clerk, code;
    CREATE FUNCTION shop.note(line text) RETURNS text LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO shop.notes VALUES (line);
        PERFORM pg_advisory_xact_lock(2);
        RETURN 'noted: ' || line;
    END $$;
    CREATE FUNCTION shop.check_answer(answer jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock(3);
        RETURN answer = '"All is done."';
    END $$;
    SELECT hitl.create_tool('note', 'shop.note(text)', 'Writes a line down.', approval => 'always');
    SELECT hitl.create_external_tool('paint', 'Paints.', '{"type": "object", "properties": {"what": {"type": "string"}}}');
"""

# By what was said last: the reply.  The same request gets the same one.
TURNS = {
    "Task: Write": {"text": "<code>SELECT shop.note('by code') AS note</code>"},
    "noted: by code": {"text": "<code>SELECT count(*) AS lines FROM shop.notes</code>"},
    "lines": {"text": "All is done."},
    "Before you go on": {"text": "First note, then paint."},
    "Now carry out": {"text": "I begin.", "calls": [
        {"id": "a1", "name": "note", "arguments": {"line": "one"}},
        {"id": "a2", "name": "fetch", "arguments": {"page": "seven"}}]},
    "page seven": {"calls": [
        {"id": "b1", "name": "ask_human", "arguments": {"question": "Which colour?"}},
        {"id": "b2", "name": "paint", "arguments": {"what": "the door"}}]},
    "painted": {"calls": [
        {"id": "c1", "name": "create_checkpoint", "arguments": {"checkpoint_name": "ready"}},
        {"id": "c2", "name": "ask_expert", "arguments": {"task": "Is red good?"}}]},
    "Task: Is red good?": {"text": "Blue is better."},
    "Blue is better.": {"calls": [{"id": "d1", "name": "rollback_to_checkpoint", "arguments": {
        "checkpoint_name": "ready", "reason": "It was the wrong question."}}]},
    "wrong question": {"calls": [{"id": "e1", "name": "final_answer", "arguments": {"answer": "All is done."}}]},
}


def said_last(request):
    """The text of all that came after the model's last reply."""
    texts = []
    for message in reversed(request["messages"]):
        if message["role"] == "assistant":
            break
        texts += [text_of(block.get("content", block.get("text"))) for block in blocks_of(message)]
    return "\n".join(texts)


class Model(InferenceServer):
    """It says what its turn is, and may be made to wait before it does."""

    def __init__(self):
        super().__init__({"answers": [{"match": self.matching(turn), "replies": self.replying(turn)} for turn in TURNS]})
        self.begin()

    def begin(self):
        self.held = None  # the turn with which it waits
        self.reached = threading.Event()
        self.go_on = threading.Event()
        self.requests.clear()

    @staticmethod
    def matching(turn):
        return lambda request: turn in said_last(request)

    def replying(self, turn):
        def reply(_):
            if self.held == turn:
                self.reached.set()
                self.go_on.wait(60)
            return TURNS[turn]
        return reply

    def handle_error(self, *_):
        """A client that was killed is no error."""

TASKS = {"clerk": "Get the door painted.", "coder": "Write it down."}

# The transactions that take a run further.
COMMITS = {"clerk": [
    "client: workflow created, message start",
    "engine: request queued, state updated, workflow started, agent started, agent told, task requested",
    "dispatcher: request sending",
    "dispatcher: request delivered, message reply",
    "engine: request queued, agent planned, agent told, task requested",
    "dispatcher: request sending",
    "dispatcher: request delivered, message reply",
    "engine: agent replied, approval requested",
    "client: answer, message approval",
    "engine: statement queued, approval responded, approval approved",
    "executor: statement claimed",
    "executor: request queued, agent observed, http requested",
    "dispatcher: request sending",
    "dispatcher: request delivered, message reply",
    "engine: request queued, agent observed, task requested",
    "dispatcher: request sending",
    "dispatcher: request delivered, message reply",
    "engine: agent replied, approval requested",
    "client: answer, message approval",
    "engine: task queued, approval responded, approval approved, agent observed, task requested",
    "client: task claimed",
    "client: task completed, message reply",
    "engine: request queued, agent observed, task requested",
    "dispatcher: request sending",
    "dispatcher: request delivered, message reply",
    "engine: workflow created, message start, agent replied, agent observed, checkpoint created, child started",
    "engine: request queued, workflow started, agent started, task requested",
    "dispatcher: request sending",
    "dispatcher: request delivered, message reply",
    "engine: message child, agent replied, step completed, workflow completed",
    "engine: agent observed, approval requested",
    "client: answer, message approval",
    "engine: request queued, approval responded, approval approved, task requested",
    "dispatcher: request sending",
    "dispatcher: request delivered, message reply",
    "engine: agent replied, request queued, rolled back, workflow resumed, agent observed, agent told, task requested",
    "dispatcher: request sending",
    "dispatcher: request delivered, message reply",
    "engine: statement queued, agent replied",
    "executor: statement claimed",
    "executor: step completed, workflow completed",
], "coder": [
    "client: workflow created, message start",
    "engine: request queued, state updated, workflow started, agent started, task requested",
    "dispatcher: request sending",
    "dispatcher: request delivered, message reply",
    "engine: agent replied, approval requested",
    "client: answer, message approval",
    "engine: statement queued, approval responded, approval approved",
    "executor: statement claimed",
    "executor: request queued, agent observed, task requested",
    "dispatcher: request sending",
    "dispatcher: request delivered, message reply",
    "engine: statement queued, agent replied",
    "executor: statement claimed",
    "executor: request queued, agent observed, task requested",
    "dispatcher: request sending",
    "dispatcher: request delivered, message reply",
    "engine: agent replied, step completed, workflow completed",
]}
LOCKS = {"before": 1, "a function runs": 2, "a check runs": 3}
TURNS_OF_CODER = list(TURNS)[:3]
POINTS = [
    *[("clerk", f"before: {number} {name}") for number, name in enumerate(COMMITS["clerk"], 1)],
    *[("clerk", f"the model is asked: {turn}") for turn in TURNS if turn not in TURNS_OF_CODER],
    *[("clerk", point) for point in ("the server is asked", "a function runs", "a check runs", "the end")],
    *[("coder", f"before: {number} {name}") for number, name in enumerate(COMMITS["coder"], 1)],
    *[("coder", point) for point in ("the model is asked: noted: by code", "a function runs", "the end")]]


class World:
    """The cluster, and all that is outside: a model, a server, a program, people."""

    def __init__(self, cluster, model, server):
        self.cluster = cluster
        self.model = model
        self.server = server
        self.pool = ThreadPoolExecutor(1)
        self.acting = None     # what somebody outside is doing
        self.task = None       # that the program has claimed
        self.holder = None     # the session that holds others
        self.agent = None      # whose run it is
        self.undisturbed = {}  # what runs come to that nothing happens to

    def begin(self, agent):
        """Forget the run before."""
        self.agent = agent
        self.cluster.psql("""
            TRUNCATE hitl.workflows, hitl.workflow_events, hitl.workflow_checkpoints, hitl.messages, hitl.statements,
                hitl.outbox, hitl.external_tasks, hitl.idempotency_keys, hitl.approval_requests, hitl.approval_responses,
                hitl.approval_contents, hitl.approval_asks, hitl.budget_usage, hold.changes, shop.notes CASCADE;
            UPDATE hold.target SET point = NULL""")
        self.task = None
        self.model.begin()
        self.server.seen.clear()
        self.server.plan("/fetch", [{"body": "page seven"}])

    # What is done outside: each a transaction, once nothing inside is under way.

    def start(self, connection):
        connection.execute("SET ROLE clerk")
        connection.execute("SELECT hitl.run_agent(%s, %s, idempotency_key => 'the run')", [self.agent, TASKS[self.agent]])

    def answer(self, connection):
        approval, kind, title = connection.execute(
            "SELECT approval_id, approval_type, title FROM hitl.pending_approvals").fetchone()
        data = ({"approved_amount": 2, "justification": "The door must be painted."} if kind == "budget"
                else {"answer": "Red."} if title == "Which colour?" else {})
        connection.execute("SELECT hitl.respond_to_approval(%s, 'ann', 'approved', %s)", [approval, Jsonb(data)])

    def claim(self, connection):
        self.task, = connection.execute("SELECT task_id FROM hitl.claim_tasks('default', lease => '1 hour')").fetchone()

    def complete(self, connection):
        connection.execute("SELECT hitl.complete_task(%s, %s)", [self.task, Jsonb("It is painted.")])

    def next_act(self):
        """What is to be done outside, or None."""
        row, = self.cluster.sql("""
            SELECT EXISTS (SELECT FROM hitl.messages WHERE due_at <= clock_timestamp())
                   OR EXISTS (SELECT FROM hitl.statements)
                   OR EXISTS (SELECT FROM hitl.outbox WHERE status IN ('queued', 'sending')) AS busy,
                   EXISTS (SELECT FROM hitl.workflows) AS begun,
                   EXISTS (SELECT FROM hitl.pending_approvals) AS asked,
                   (SELECT status FROM hitl.external_tasks WHERE status IN ('queued', 'claimed')) AS task""")
        if not row["begun"]:
            return self.start
        if row["busy"]:
            return None
        return self.answer if row["asked"] else {"queued": self.claim, "claimed": self.complete}.get(row["task"])

    def act(self):
        """Have the next thing done outside, unless somebody is at it."""
        if self.acting and not self.acting.done():
            return
        if self.acting:
            self.acting.result()
        act = self.next_act()

        def transaction():
            with self.cluster.connect() as connection:
                act(connection)
        self.acting = act and self.pool.submit(transaction)

    def until(self, condition):
        """Have done outside what there is to do, until the condition holds."""
        def reached():
            if condition():
                return True
            self.act()
            return False
        wait_until(reached, describe=self.describe)

    def describe(self):
        return [self.cluster.sql(query) for query in (
            "SELECT status, error, control FROM hitl.workflows", "SELECT name FROM hold.commits ORDER BY n",
            "SELECT purpose, status, error_message FROM hitl.outbox", "SELECT title, status FROM hitl.approval_requests")]

    def ended(self):
        return self.cluster.value("SELECT bool_and(finished_at IS NOT NULL) FROM hitl.workflows")

    # Holding it at a point, and the kill

    def hold(self, point):
        """Let it come to a point, and no further."""
        kind, _, which = point.partition(": ")
        self.holder = self.cluster.connect()
        if kind in LOCKS:
            self.holder.execute("SELECT pg_advisory_lock(%s)", [LOCKS[kind]])
            if kind == "before":
                self.holder.execute("UPDATE hold.target SET point = %s", [int(which.split()[0])])
            self.until(lambda: self.cluster.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"))
        elif kind == "the model is asked":
            self.model.held = which
            self.until(self.model.reached.is_set)
        elif kind == "the server is asked":
            self.server.plan("/fetch", [{"hang": True}, {"body": "page seven"}])
            self.until(lambda: self.server.requests("/fetch"))
        else:
            self.until(self.ended)

    def kill(self):
        self.cluster.immediate()
        self.model.go_on.set()
        self.holder.close()
        try:
            if self.acting:
                self.acting.result()
        except psycopg.OperationalError:
            pass  # whoever it was has to see whether it was done
        self.acting = None
        self.cluster.start()

    # What is seen of a run

    def commits(self):
        return [row["name"] for row in self.cluster.sql("SELECT name FROM hold.commits ORDER BY n")]

    def under_way(self):
        """The idempotency keys of requests that have been sent, and have no reply that was stored."""
        return {row["idempotency_key"] for row in self.cluster.sql(
            "SELECT idempotency_key FROM hitl.outbox WHERE status = 'sending'")}

    def asked(self):
        """How often each request was received, by its idempotency key."""
        return Counter([sent["idempotency_key"] for sent in self.model.requests]
                       + [sent.headers["idempotency-key"] for sent in self.server.requests("/fetch")])

    def outcome(self):
        """All that must be the same, whatever has happened in between."""
        workflows = self.cluster.sql("SELECT id, name, status, output, data -> 'steps' AS results FROM hitl.workflows ORDER BY name")
        return {
            "workflows": [{**row, "id": None} for row in workflows],
            "transcripts": [[(line["who"], re.sub(r"[0-9a-f-]{36}", "(id)", line["what"]), line["abandoned"])
                             for line in self.cluster.sql("SELECT * FROM hitl.agent_transcript(%s)", [row["id"]])]
                            for row in workflows],
            "events": [row["event_type"] for row in self.cluster.sql(
                "SELECT event_type FROM hitl.workflow_events JOIN hitl.workflows w ON w.id = workflow_id ORDER BY w.name, seq")],
            "notes": self.cluster.sql("SELECT * FROM shop.notes"),
            "tasks": self.cluster.sql("SELECT status, claims FROM hitl.external_tasks"),
            "usage": self.cluster.sql("SELECT model, calls, failures, input_tokens, output_tokens FROM hitl.model_usage ORDER BY model"),
            "budgets": self.cluster.sql("SELECT agent, used_tokens FROM hitl.agent_budgets ORDER BY agent"),
            "requests": sorted(json.dumps(body) for body in {
                sent["idempotency_key"]: sent["body"] for sent in self.model.requests}.values()),
        }

    def run_undisturbed(self, agent):
        """What a run comes to that nothing happens to."""
        if agent not in self.undisturbed:
            self.begin(agent)
            self.until(self.ended)
            self.undisturbed[agent] = self.outcome()
        return self.undisturbed[agent]


@pytest.fixture(scope="module")
def world(cluster):
    with Model() as model, ScriptedServer() as server:
        cluster.psql(RECORDER + SHOP)
        cluster.sql("SELECT hitl.create_model('m', %s, 'm'),"
                    " hitl.create_model('n', %s, 'n', 'anthropic', headers => '{\"x-api-key\": \"k\"}')", [model.base_url] * 2)
        cluster.sql("SELECT hitl.create_http_tool('fetch', 'Fetches a page.', %s, %s)", [
            server.url("/fetch"), Jsonb({"type": "object", "properties": {"page": {"type": "string"}}})])
        cluster.psql("""
            SELECT hitl.create_agent('expert', model => 'n');
            SELECT hitl.create_agent_tool('ask_expert', 'expert', 'Knows colours.');
            SELECT hitl.create_agent('clerk', model => 'm', approval => '{"requested_from": "ann"}', planning_interval => 20,
                tools => '{note,fetch,ask_human,paint,create_checkpoint,ask_expert,rollback_to_checkpoint}',
                answer_checks => '{shop.check_answer}', max_steps => 3, on_limit => 'ask');
            SELECT hitl.create_agent('coder', model => 'n', kind => 'code', approval => '{"requested_from": "ann"}',
                sandbox => '{"role": "code", "read_only": false, "approval": {"when": "$.sql like_regex \\"note[(]\\""}}');
            SELECT hitl.set_agent_budget(name, 'month', max_tokens => 1000000) FROM hitl.agents""")
        made = World(cluster, model, server)
        yield made
        made.pool.shutdown()


@pytest.mark.parametrize("agent", TASKS)
def test_points(world, agent):
    """The points are all that there are."""
    outcome = world.run_undisturbed(agent)
    assert world.commits() == COMMITS[agent]
    assert all(first != second for first, second in zip(COMMITS[agent], COMMITS[agent][1:]))
    assert outcome["workflows"][0]["output"] == "All is done."
    assert outcome["notes"] == [{"line": {"clerk": "one", "coder": "by code"}[agent]}]
    assert set(world.asked().values()) == {1}
    assert sum(budget["used_tokens"] for budget in outcome["budgets"]) == sum(
        used["input_tokens"] + used["output_tokens"] for used in outcome["usage"]) > 0
    print("\n".join(point for whose, point in POINTS if whose == agent))


@pytest.mark.parametrize("agent, point", POINTS)
def test_killed(world, agent, point):
    undisturbed = world.run_undisturbed(agent)
    world.begin(agent)
    world.hold(point)
    under_way = world.under_way()
    before = world.commits()
    # Nothing is under way but a request that has been sent, and whose reply is not stored.
    assert len(under_way) == (point.split(":")[0] in ("the model is asked", "the server is asked") or "request delivered" in point)
    world.kill()
    world.until(world.ended)
    # Each step once, in the order in which they are taken; only a request or a statement is taken up again.
    commits = world.commits()
    assert commits[:len(before)] == before
    assert [name for name, _ in groupby(commits)] == COMMITS[agent]
    assert len(commits) <= len(COMMITS[agent]) + 1
    # A reply that was stored is never asked for again.
    assert {key: count for key, count in world.asked().items() if count > 1} == {key: 2 for key in under_way}
    assert world.outcome() == undisturbed
    with world.cluster.connect() as connection:
        assert faults(connection) == []
