"""Processes are killed at random moments under load; nothing is lost, nothing done twice.

HITL_CRASH_SEED repeats a run's choices, HITL_CRASH_ROUNDS makes it longer.
"""
import os
import random
import sys
import threading
import time

import psycopg
import pytest
from harness import ROOT, wait_until
from psycopg.types.json import Jsonb
from trail import ASK, TASKS, faults

sys.path.insert(0, str(ROOT / "test/servers"))
from inference_server import InferenceServer  # noqa: E402
from scripted_server import ScriptedServer  # noqa: E402

SETTINGS = {"hitl__batch_size": 20, "hitl__engine_workers": 2,
            "hitl__allowed_private_hosts": "127.0.0.1"}
SEED = int(os.environ.get("HITL_CRASH_SEED", random.randrange(10 ** 6)))
ROUNDS = int(os.environ.get("HITL_CRASH_ROUNDS", 14))
CLIENTS = 3
AHEAD = 60  # how many workflows a client may be ahead of what has ended

INFER = {"steps": [{"name": "prepare", "type": "task", "task": "prepare"},
                   {"name": "think", "type": "task", "task": "think of a number",
                    "model": "remote"},
                   {"name": "check", "type": "task", "task": "check {{ $.steps.think.answer }}"}]}


class Model(InferenceServer):
    def handle_error(self, *_):
        """A client that was killed is no error."""


class Session:
    """A connection that is made anew when the server has gone."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.connection = None

    def execute(self, query, parameters=None):
        """The rows; an OperationalError when nobody knows whether it was done."""
        try:
            if self.connection is None:
                self.connection = self.cluster.connect(connect_timeout=5)
            cursor = self.connection.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []
        except psycopg.OperationalError:
            self.close()
            raise

    def insist(self, query, parameters=None):
        """The same, as often as it takes: for what may be done twice."""
        def done():
            try:
                return (self.execute(query, parameters),)
            except psycopg.OperationalError:
                return None
        return wait_until(done, deadline=60)[0]

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None


class Load:
    """Clients that create, start and answer until they are told to stop."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.enough = threading.Event()
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.created = set()   # workflows whose creation a client saw committed
        self.answered = {}     # and answers: approval -> decision
        self.ended = 0
        self.failures = []
        self.threads = [threading.Thread(target=self.guard, args=(work, number))
                        for number, work in enumerate([self.create] * CLIENTS + [self.answer])]
        for thread in self.threads:
            thread.start()

    def guard(self, work, number):
        session = Session(self.cluster)
        try:
            work(session, random.Random(f"{SEED} {number}"))
        except Exception as error:  # pylint: disable=broad-except
            self.failures.append(error)
        finally:
            session.close()

    def no_more(self):
        """Create no more workflows; go on answering."""
        self.enough.set()
        for thread in self.threads[:CLIENTS]:
            thread.join(90)

    def stop(self):
        self.stopping.set()
        self.no_more()
        self.threads[-1].join(90)
        if self.failures:
            raise self.failures[0]

    def create(self, session, choose):
        """Create and start workflows, some in one transaction and some in two."""
        mine = 0
        while not self.enough.is_set():
            if mine > self.ended / CLIENTS + AHEAD:
                self.enough.wait(0.01)
                continue
            definition = Jsonb(choose.choice([TASKS, TASKS, ASK, INFER]))
            create = "hitl.create_workflow('crash', workflow_definition => %s)"
            whole = choose.random() < 0.5
            try:
                (workflow,), = session.execute(
                    f"SELECT hitl.execute_workflow({create})" if whole else f"SELECT {create}",
                    [definition])
            except psycopg.OperationalError:
                self.enough.wait(0.02)
                continue
            mine += 1
            with self.lock:
                self.created.add(workflow)
            if not whole:
                self.start(session, workflow)

    @staticmethod
    def start(session, workflow):
        """Start a workflow, once more if nobody knows whether it was started."""
        try:
            session.insist("SELECT hitl.execute_workflow(%s)", [workflow])
        except psycopg.Error as error:
            if error.sqlstate != "WF010":
                raise

    def answer(self, session, choose):
        """Answer what is asked; until the end, for the workflows wait for it."""
        while not self.stopping.is_set():
            try:
                asked = session.execute("SELECT approval_id FROM hitl.list_pending_approvals('ann')"
                                        " LIMIT 20")
                for approval, in asked:
                    decision = choose.choice(["approved", "approved", "rejected"])
                    try:
                        session.execute("SELECT hitl.respond_to_approval(%s, 'ann', %s)",
                                        [approval, decision])
                        self.answered[approval] = decision
                    except psycopg.Error as error:
                        if error.sqlstate not in ("WF011", "WF014"):
                            raise
            except psycopg.OperationalError:
                asked = []
            if not asked:
                self.stopping.wait(0.02)


@pytest.fixture
def outside(cluster):
    """A model and a channel, and the servers behind them."""
    with Model({"default": "42"}) as model, ScriptedServer() as hook:
        url = hook.plan("/hook", [200])
        cluster.sql("SELECT hitl.create_model('echo', provider => 'builtin', is_default => true),"
                    " hitl.create_model('remote', base_url => %s, model => 'm'),"
                    " hitl.configure_channel('hook', 'webhook', %s)",
                    [model.base_url, Jsonb({"url": url})])
        yield model, hook


def strike(cluster, choose):
    """Kill something; what it was, or None if it was not there."""
    target = choose.choice(["engine", "engine", "dispatcher", "launcher", "client", "server"])
    if target == "server":
        cluster.immediate()
        cluster.start()
        return target
    try:
        with cluster.connect() as connection:
            pids = [pid for pid, in connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                " AND backend_type LIKE %s ORDER BY pid",
                ["client backend" if target == "client" else f"hitl {target}%"])]
            if not pids:
                return None
            cluster.kill(choose.choice(pids))
    except (psycopg.OperationalError, ProcessLookupError):
        return None
    return target


def test_crashes(cluster, outside):
    print(f"HITL_CRASH_SEED={SEED}")
    choose = random.Random(SEED)
    watcher = Session(cluster)
    load = Load(cluster)
    struck = []

    def settled():
        """No request has been cut off too often in a row: it would be given up."""
        try:
            return watcher.execute("SELECT NOT EXISTS (SELECT FROM hitl.outbox WHERE attempts > 3"
                                   " AND status IN ('queued', 'sending'))")[0][0]
        except psycopg.OperationalError:
            return False

    def ended():
        try:
            load.ended = watcher.execute("SELECT count(*) FROM hitl.workflows"
                                         " WHERE finished_at IS NOT NULL")[0][0]
        except psycopg.OperationalError:
            pass
        return load.ended

    try:
        while len(struck) < ROUNDS:
            goal = ended() + choose.randrange(1, 60)
            wait_until(lambda goal=goal: ended() >= goal and settled(), deadline=60,
                       describe=lambda: unfinished(watcher, outside[0]))
            target = strike(cluster, choose)
            if target:
                struck.append(target)
        load.no_more()
        # Those that a client created and lost sight of before it started them.
        for workflow, in watcher.insist("SELECT id FROM hitl.workflows WHERE status = 'pending'"):
            load.start(watcher, workflow)
        wait_until(lambda: watcher.insist(
            "SELECT NOT EXISTS (SELECT FROM hitl.workflows WHERE finished_at IS NULL)"
            " AND NOT EXISTS (SELECT FROM hitl.messages)"
            " AND NOT EXISTS (SELECT FROM hitl.outbox WHERE status IN ('queued', 'sending'))")[0][0],
            deadline=60, describe=lambda: unfinished(watcher, outside[0]))
    finally:
        load.stop()
    cluster.wait_for_workers(engines=2)
    print(f"{ended()} workflows, {len(load.answered)} answers, struck: {' '.join(struck)}")
    verify(cluster, load, *outside)
    watcher.close()


def unfinished(watcher, model):
    """What a stuck run is stuck with, and when the model was last asked what."""
    asked = [(time.ctime(request["at"]), request["idempotency_key"]) for request in model.requests[-20:]]
    return [asked] + [watcher.insist(query) for query in (
        "SELECT id, status, control FROM hitl.workflows WHERE finished_at IS NULL LIMIT 3",
        "SELECT * FROM hitl.messages LIMIT 3",
        "SELECT * FROM hitl.outbox WHERE status IN ('queued', 'sending') LIMIT 3",
        "SELECT * FROM hitl.workers")]


def verify(cluster, load, model, hook):
    """What clients were told is there; what is there is whole, and was done."""
    with cluster.connect() as connection:
        assert faults(connection) == []
        rows = connection.execute("SELECT id, status, error FROM hitl.workflows").fetchall()
        there = {row[0]: row[1:] for row in rows}
        assert load.created <= set(there)
        assert [error for status, error in there.values() if status == "failed"] == []
        assert {status for status, _ in there.values()} == {"completed", "rejected"}

        decided = dict(connection.execute("SELECT approval_id, decision"
                                          " FROM hitl.approval_responses"))
        assert load.answered.items() <= decided.items()
        rows = connection.execute(
            "SELECT a.status, w.status, count(*) FROM hitl.approval_requests a"
            " JOIN hitl.workflows w ON w.id = a.workflow_id GROUP BY 1, 2").fetchall()
        assert {row[:2] for row in rows} == {("approved", "completed"), ("rejected", "rejected")}

        # Every step once, and with its result.
        assert connection.execute(
            "SELECT count(*) FROM hitl.workflows w JOIN hitl.definitions d"
            " ON d.hash = w.definition_hash WHERE w.status = 'completed' AND"
            " (SELECT count(*) FROM jsonb_object_keys(w.data -> 'steps'))"
            " <> jsonb_array_length(d.definition -> 'steps')").fetchone() == (0,)

        sent = {purpose: keys for purpose, keys in connection.execute(
            "SELECT purpose, array_agg(idempotency_key) FROM hitl.outbox"
            " WHERE status = 'delivered' GROUP BY 1")}
        assert connection.execute("SELECT count(*) FROM hitl.outbox"
                                  " WHERE status <> 'delivered'").fetchone() == (0,)
    got = {request["idempotency_key"] for request in model.requests}
    assert got and set(sent["inference"]) <= got
    got = {request.headers["idempotency-key"] for request in hook.requests("/hook")}
    assert got and set(sent["notification"]) <= got
    assert "PANIC" not in cluster.log()
