"""The engine: poison stays alone, locks are waited out, queues drain, waiting costs nothing."""
import threading
import time
import uuid

import psycopg
import pytest
from harness import wait_until
from psycopg.types.json import Jsonb
from trail import ASK, TASKS, faults, make, statuses

BATCH = 50
SETTINGS = {"hitl__batch_size": BATCH}


@pytest.fixture(scope="module", autouse=True)
def model(cluster):
    cluster.sql("SELECT hitl.create_model('echo', provider => 'builtin', is_default => true)")


@pytest.fixture
def client(cluster):
    """A session; afterwards the queue is empty and all trails are whole."""
    with cluster.connect() as connection:
        yield connection
    with cluster.connect() as connection:
        wait_until(lambda: connection.execute(
            "SELECT count(*) = 0 FROM hitl.messages").fetchone()[0],
            describe=lambda: connection.execute("SELECT * FROM hitl.messages LIMIT 5").fetchall())
        assert faults(connection) == []
    cluster.wait_for_workers()


@pytest.fixture
def trap(cluster):
    """A function that makes every event of a workflow that matches a condition an error."""
    cluster.psql("""
        CREATE TABLE trapped (workflow_id uuid);
        CREATE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (SELECT FROM public.trapped t WHERE t.workflow_id = NEW.workflow_id) THEN
                RAISE 'trapped' USING ERRCODE = 'ZZ123', DETAIL = 'By the test.';
            END IF;
            RETURN NEW;
        END $$;""")

    def arm(workflow, condition):
        cluster.psql(f"""
            INSERT INTO trapped VALUES ('{workflow}');
            CREATE TRIGGER trap BEFORE INSERT ON hitl.workflow_events
                FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION public.trap();""")
    yield arm
    cluster.psql("""
        DROP TRIGGER IF EXISTS trap ON hitl.workflow_events;
        DROP FUNCTION trap();
        DROP TABLE trapped;""")


def until_ended(client, ids, **expected):
    """Wait until the workflows have ended like this: completed=19, failed=1."""
    wait_until(lambda: statuses(client, ids) == expected, describe=lambda: statuses(client, ids))


def until_asked(client, ids):
    until_ended(client, ids, waiting_approval=len(ids))


def answer_all(client, ids):
    """Approve in one statement, so that the messages make one batch."""
    answered = client.execute(
        "SELECT hitl.respond_to_approval(id, 'ann', 'approved') FROM hitl.approval_requests"
        " WHERE workflow_id = ANY (%s) AND status = 'pending'", [ids]).fetchall()
    assert answered == [("approved",)] * len(ids)


def error_of(client, workflow):
    return client.execute("SELECT error FROM hitl.workflows WHERE id = %s",
                          [workflow]).fetchone()[0]


def events_of(client, workflow):
    return [kind for kind, in client.execute(
        "SELECT event_type FROM hitl.workflow_events WHERE workflow_id = %s ORDER BY seq",
        [workflow])]


def listen(listener):
    """Listen on hitl_events; the payloads go into the list returned."""
    heard = []
    listener.add_notify_handler(lambda notify: heard.append(notify.payload))
    listener.execute("LISTEN hitl_events")
    return heard


def ids_in(payloads, listener=None):
    """The ids in the payloads heard so far; listener is asked for more first."""
    if listener:
        listener.execute("SELECT 1")
    return {uuid.UUID(part) for payload in payloads for part in payload.split(",")}


# Poison

def test_damaged_control(cluster, client):
    """Of a batch, the workflow whose control state is damaged fails, alone."""
    ids = make(client, ASK, 20)
    until_asked(client, ids)
    errors = cluster.worker("engine")["errors"]
    client.execute("""UPDATE hitl.workflows SET control = '{"active": 7}' WHERE id = %s""", [ids[7]])
    answer_all(client, ids)
    until_ended(client, ids, completed=19, failed=1)
    error = error_of(client, ids[7])
    assert (error["kind"], error["sqlstate"]) == ("system_error", "XX001")
    assert str(ids[7]) in error["message"]
    assert events_of(client, ids[7])[-1] == "workflow_failed"
    row = cluster.worker("engine")
    assert row["errors"] > errors
    assert row["last_error"] == error["message"] and row["last_error_at"] is not None


def test_unusable_definition(cluster, client):
    """A definition that cannot be run fails all of its workflows, soon, and no others."""
    bad = {"steps": [{"name": "good_once", "type": "checkpoint"}, *ASK["steps"]]}
    spoiled = make(client, bad, 30)
    ids = make(client, ASK, 10)
    until_asked(client, spoiled + ids)
    client.execute("UPDATE hitl.definitions SET definition = '{}' WHERE definition = %s",
                   [Jsonb(bad)])
    # A backend keeps what it has parsed; a new one reads it again.
    pid = cluster.worker("engine")["pid"]
    client.execute("SELECT pg_terminate_backend(%s)", [pid])
    cluster.wait_for_workers(besides=[pid])
    client.execute("SELECT hitl.cancel_approval(id) FROM hitl.approval_requests"
                   " WHERE workflow_id = ANY (%s)", [spoiled])
    answer_all(client, ids)
    until_ended(client, ids, completed=10)
    until_ended(client, spoiled, failed=30)
    error = error_of(client, spoiled[0])
    assert (error["kind"], error["sqlstate"]) == ("system_error", "WF001")


def test_long_message(cluster, client):
    """Of a long error message as many whole characters are shown as fit."""
    workflow, = make(client, ASK)
    until_asked(client, [workflow])
    client.execute("INSERT INTO hitl.messages (workflow_id, kind) VALUES (%s, %s), (%s, %s)",
                   [workflow, "\u20ac" * 300, workflow, "x" + "\u20ac" * 300])
    until_ended(client, [workflow], failed=1)
    last = cluster.worker("engine")["last_error"]
    assert last.endswith("\u20ac") and 252 < len(last.encode()) < 256
    workflow, = make(client, ASK)
    until_asked(client, [workflow])
    client.execute("INSERT INTO hitl.messages (workflow_id, kind) VALUES (%s, %s)",
                   [workflow, "xx" + "\u20ac" * 300])
    until_ended(client, [workflow], failed=1)
    last = cluster.worker("engine")["last_error"]
    assert last.endswith("\u20ac") and 252 < len(last.encode()) < 256


def test_reply_after_failure(client):
    """What was failed stays failed, though its control state still awaits something."""
    client.execute("SELECT hitl.create_model('nowhere', base_url => 'https://nowhere.invalid',"
                   " model => 'm')")
    workflow, = make(client, {"steps": [
        {"name": "ask", "type": "task", "task": "x", "model": "nowhere",
         "retry": {"max_attempts": 5, "base_delay": "1 hour"}}]})
    until_ended(client, [workflow], running=1)
    token = client.execute("SELECT control #> '{active,0,token}' FROM hitl.workflows"
                           " WHERE id = %s", [workflow]).fetchone()[0]
    client.execute("INSERT INTO hitl.messages (workflow_id, kind) VALUES (%s, 'nonsense')",
                   [workflow])
    until_ended(client, [workflow], failed=1)
    client.execute("INSERT INTO hitl.messages (workflow_id, kind, body) VALUES (%s, 'reply', %s)",
                   [workflow, Jsonb({"token": token, "result": {"answer": "late"}})])
    wait_until(lambda: client.execute("SELECT count(*) = 0 FROM hitl.messages").fetchone()[0])
    assert statuses(client, [workflow]) == {"failed": 1}
    assert events_of(client, workflow)[-1] == "workflow_failed"


def test_trigger_that_raises(cluster, client, trap):
    """An error while writing is found out to be one workflow's, and told to all who listen."""
    ids = make(client, TASKS, 20, start=False)
    trap(ids[3], "NEW.event_type <> 'workflow_failed'")
    with cluster.connect() as listener:
        heard = listen(listener)
        client.execute("SELECT hitl.execute_workflow(id) FROM unnest(%s) AS id", [ids])
        until_ended(client, ids, completed=19, failed=1)
        assert error_of(client, ids[3]) == {"kind": "system_error", "sqlstate": "ZZ123",
                                            "message": "trapped", "detail": "By the test."}
        assert events_of(client, ids[3]) == ["workflow_created", "workflow_failed"]
        assert wait_until(lambda: ids_in(heard, listener) >= set(ids)) and ids_in(heard) == set(ids)


def test_poison_that_cannot_be_failed(cluster, client, trap):
    """When not even the failure can be recorded the others go on, and it is tried again later."""
    ids = make(client, TASKS, 2 * BATCH, start=False)
    trap(ids[3], "true")
    client.execute("SELECT hitl.execute_workflow(id) FROM unnest(%s) AS id", [ids])
    until_ended(client, ids, completed=2 * BATCH - 1, pending=1)
    cluster.wait_for_workers()
    errors = cluster.worker("engine")["errors"]
    more = make(client, TASKS, 10)
    until_ended(client, more, completed=10)
    assert cluster.worker("engine")["errors"] == errors
    due, = client.execute("SELECT due_at > clock_timestamp() FROM hitl.messages"
                          " WHERE workflow_id = %s", [ids[3]]).fetchone()
    assert due
    client.execute("DROP TRIGGER trap ON hitl.workflow_events")
    client.execute("UPDATE hitl.messages SET due_at = clock_timestamp()")
    client.execute("NOTIFY hitl")
    until_ended(client, ids, completed=2 * BATCH)


def test_fault_of_nobody(cluster, client):
    """What is wrong with the database fails no workflow: they wait until it is mended."""
    ids = make(client, TASKS, 10, start=False)
    errors = cluster.worker("engine")["errors"]
    client.execute("ALTER TABLE hitl.workflow_events RENAME TO hidden")
    try:
        client.execute("SELECT hitl.execute_workflow(id) FROM unnest(%s) AS id", [ids])
        wait_until(lambda: cluster.worker("engine")["errors"] >= errors + 4)
        assert statuses(client, ids) == {"pending": 10}
    finally:
        client.execute("ALTER TABLE hitl.hidden RENAME TO workflow_events")
        client.execute("NOTIFY hitl")
    until_ended(client, ids, completed=10)


# Locks

def test_row_locked_by_a_session(cluster, client):
    """A row that a session has locked holds up its own workflow, not the others; none fails."""
    ids = make(client, ASK, 10)
    until_asked(client, ids)
    errors = cluster.worker("engine")["errors"]
    with cluster.connect(autocommit=False) as holder:
        holder.execute("SELECT FROM hitl.approval_requests WHERE workflow_id = %s FOR UPDATE",
                       [ids[0]])
        client.execute("INSERT INTO hitl.messages (workflow_id, kind)"
                       " SELECT id, 'cancel' FROM unnest(%s) AS id", [ids])
        until_ended(client, ids, waiting_approval=1, cancelled=9)
        wait_until(lambda: cluster.worker("engine")["errors"] > errors)
        assert "lock timeout" in cluster.worker("engine")["last_error"]
        later = make(client, TASKS, 10)
        until_ended(client, later, completed=10)
        holder.rollback()
    until_ended(client, ids, cancelled=10)


def test_table_locked_by_a_session(cluster, client):
    """While a table is locked nothing moves, and nothing fails."""
    errors = cluster.worker("engine")["errors"]
    with cluster.connect(autocommit=False) as holder:
        holder.execute("LOCK TABLE hitl.workflow_checkpoints, hitl.approval_requests IN SHARE MODE")
        ids = make(client, ASK, 3 * BATCH)
        wait_until(lambda: cluster.worker("engine")["errors"] >= errors + 3)
        assert statuses(client, ids) == {"pending": 3 * BATCH}
        holder.rollback()
    until_asked(client, ids)
    answer_all(client, ids)
    until_ended(client, ids, completed=3 * BATCH)


def test_many_workflows_locked_by_a_session(cluster, client):
    """Those that a session has in hand are passed over, however many they are."""
    locked = make(client, TASKS, 4 * BATCH, start=False)
    with cluster.connect(autocommit=False) as holder:
        holder.execute("SELECT FROM hitl.workflows WHERE id = ANY (%s) FOR UPDATE", [locked])
        client.execute("SELECT hitl.execute_workflow(id) FROM unnest(%s) AS id", [locked])
        ids = make(client, TASKS, BATCH)
        until_ended(client, ids, completed=BATCH)
        assert statuses(client, locked) == {"pending": 4 * BATCH}
        holder.rollback()
    until_ended(client, locked, completed=4 * BATCH)


def test_order_after_a_lock(cluster, client):
    """What was left while a workflow was locked is delivered before what came later."""
    workflow, = client.execute("SELECT hitl.create_workflow('moved by hand')").fetchone()
    client.execute("SELECT hitl.transition_workflow_status(%s, 'running')", [workflow])
    with cluster.connect(autocommit=False) as holder:
        holder.execute("SELECT FROM hitl.workflows WHERE id = %s FOR UPDATE", [workflow])
        approval, = client.execute("SELECT hitl.request_approval('Go?', workflow_id => %s)",
                                   [workflow]).fetchone()
        time.sleep(2.5)  # until the engine looks for it once a second only
        holder.rollback()
    client.execute("SELECT hitl.respond_to_approval(%s, 'ann', 'approved')", [approval])
    wait_until(lambda: client.execute("SELECT count(*) = 0 FROM hitl.messages").fetchone()[0])
    assert statuses(client, [workflow]) == {"approved": 1}


def busy_ticks(cluster):
    """Processor time of the engine so far, in hundredths of a second."""
    with open(f"/proc/{cluster.worker('engine')['pid']}/stat", encoding="ascii") as stat:
        return sum(map(int, stat.read().rpartition(")")[2].split()[11:13]))


def test_batches_of_locked_workflows(cluster, client):
    """As many as make whole batches are no reason to look for others all the time."""
    locked = make(client, TASKS, 2 * BATCH, start=False)
    with cluster.connect(autocommit=False) as holder:
        holder.execute("SELECT FROM hitl.workflows WHERE id = ANY (%s) FOR UPDATE", [locked])
        client.execute("SELECT hitl.execute_workflow(id) FROM unnest(%s) AS id", [locked])
        until_ended(client, make(client, TASKS, 1), completed=1)
        begun = busy_ticks(cluster)
        time.sleep(2)
        assert busy_ticks(cluster) - begun < 60
        holder.rollback()
    until_ended(client, locked, completed=2 * BATCH)


def test_due_request_locked_by_a_session(cluster, client):
    """A request whose answer is not committed when it is due is left alone, without a spin."""
    held, = client.execute("SELECT hitl.request_approval('Soon?', requested_from => 'ann',"
                           " timeout_hours => 0.0003)").fetchone()
    with cluster.connect(autocommit=False) as holder:
        holder.execute("SELECT FROM hitl.approval_requests WHERE id = %s FOR UPDATE", [held])
        free, = client.execute("SELECT hitl.request_approval('Sooner?', requested_from => 'ann',"
                               " timeout_hours => 0.0003)").fetchone()
        assert client.execute("CALL hitl.await_approval(%s, '30 s')",
                              [free]).fetchone() == ("expired",)
        wait_until(lambda: client.execute("SELECT status = 'expired' FROM hitl.approval_requests"
                                          " WHERE id = %s", [free]).fetchone()[0])
        begun = busy_ticks(cluster)
        time.sleep(2)
        assert busy_ticks(cluster) - begun < 60
        assert client.execute("SELECT status FROM hitl.approval_requests WHERE id = %s",
                              [held]).fetchone() == ("pending",)
        holder.rollback()
    wait_until(lambda: client.execute("SELECT status = 'expired' FROM hitl.approval_requests"
                                      " WHERE id = %s", [held]).fetchone()[0])


# Queues

def test_orphans(cluster, client):
    """Messages of workflows that do not exist are put off; they neither spin nor block."""
    client.execute("INSERT INTO hitl.messages (workflow_id, kind)"
                   " SELECT gen_random_uuid(), 'start' FROM generate_series(1, %s)", [4 * BATCH])
    ids = make(client, TASKS, 10)
    until_ended(client, ids, completed=10)
    wait_until(lambda: client.execute("SELECT min(due_at) > clock_timestamp() FROM hitl.messages"
                                      ).fetchone()[0])
    assert client.execute("SELECT count(*) FROM hitl.messages").fetchone() == (4 * BATCH,)
    until_quiet(cluster)
    # One is no orphan any more when it is due again.
    late, = make(client, TASKS, start=False)
    client.execute("UPDATE hitl.messages SET workflow_id = %s, due_at = clock_timestamp()"
                   " WHERE id = (SELECT min(id) FROM hitl.messages)", [late])
    client.execute("NOTIFY hitl")
    until_ended(client, [late], completed=1)
    client.execute("DELETE FROM hitl.messages")


def test_long_queue(cluster, client):
    """50,000 due messages drain, the stale ones without a trace."""
    ids = make(client, TASKS, 5000, start=False)
    handled = cluster.worker("engine")["handled"]
    client.execute("INSERT INTO hitl.messages (workflow_id, kind, body)"
                   " SELECT id, CASE n WHEN 5 THEN 'start' ELSE 'reply' END,"
                   """ CASE n WHEN 5 THEN '{}' ELSE '{"token": 99, "result": {}}' END::jsonb"""
                   " FROM generate_series(1, 10) AS n, unnest(%s) AS id", [ids])
    wait_until(lambda: statuses(client, ids) == {"completed": 5000}, deadline=120)
    wait_until(lambda: cluster.worker("engine")["handled"] - handled >= 50000, deadline=120)
    assert cluster.worker("engine")["handled"] - handled == 50000
    assert client.execute("SELECT DISTINCT last_event FROM hitl.workflows WHERE id = ANY (%s)",
                          [ids]).fetchall() == [(8,)]


def test_two_engines(cluster, client):
    """Two engine workers share a queue; every workflow is advanced once."""
    cluster.configure(hitl__engine_workers=2)
    cluster.reload()
    try:
        cluster.wait_for_workers(engines=2)
        before = {row["number"]: row["handled"] for row in cluster.workers(kind="engine")}
        ids = make(client, TASKS, 3000)
        again = make(client, ASK, 3000)
        until_ended(client, ids, completed=3000)
        until_asked(client, again)
        answer_all(client, again)
        until_ended(client, again, completed=3000)
        cluster.wait_for_workers(engines=2)
        shares = {row["number"]: row["handled"] - before[row["number"]]
                  for row in cluster.workers(kind="engine")}
        assert sum(shares.values()) == 9000 and min(shares.values()) > 0
    finally:
        cluster.configure(hitl__engine_workers=1)
        cluster.reload()


def test_notifications(cluster, client):
    """hitl_events carries the ids of all workflows that changed, many in one notification."""
    with cluster.connect() as listener:
        heard = listen(listener)
        ids = set(make(client, TASKS, 500))
        wait_until(lambda: ids_in(heard, listener) >= ids)
        assert ids_in(heard) == ids
        assert len(heard) <= 2 * 500 / BATCH

        # The engine publishes what clients change, too: not their transactions.
        heard.clear()
        mine, = client.execute("SELECT hitl.create_workflow('Mine')").fetchone()
        with client.transaction():
            client.execute("SELECT hitl.update_workflow_state(%s, '{\"a\": 1}')", [mine])
            client.execute("SELECT hitl.transition_workflow_status(%s, 'running')", [mine])
        wait_until(lambda: mine in ids_in(heard, listener))
        assert statuses(client, [mine]) == {"running": 1}


def test_announcements_around_the_call(client):
    """Whatever moment a workflow gets there at, who begins to wait for it learns of it."""
    client.execute("SET statement_timeout = '60 s'")
    for pause in range(2000):
        # Let the engine be done a little sooner or later than the call arrives.
        workflow, = make(client, ASK, start=False)
        client.execute("SELECT hitl.execute_workflow(%s)", [workflow])
        for _ in range(pause % 5):
            client.execute("SELECT 1")
        assert client.execute("CALL hitl.await_workflow(%s, '1 hour', 'waiting_approval')",
                              [workflow]).fetchone() == ("waiting_approval",)
    client.execute("RESET statement_timeout")


def test_large_workflows(cluster, client):
    """Large data is taken in small batches, and does not pile up from step to step."""
    steps = [{"name": f"s{n}", "type": "task", "task": "{{ $.variables.small }}"}
             for n in range(20)]
    ids = [row[0] for row in client.execute("""
        SELECT hitl.create_workflow('large', workflow_definition => %s, input_data => d)
        FROM (SELECT jsonb_build_object('small', 1, 'large', jsonb_agg(md5(n::text))) AS d
              FROM generate_series(1, 60000) AS n) AS d, generate_series(1, 30)""",
                                    [Jsonb({"steps": steps})])]
    client.execute("SELECT hitl.execute_workflow(id) FROM unnest(%s) AS id", [ids])
    until_ended(client, ids, completed=30)
    with open(f"/proc/{cluster.worker('engine')['pid']}/status", encoding="ascii") as status:
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    assert peak < 500 * 1024  # kB


def test_many_definitions(client):
    """A session that creates one definition after the other does not keep them all."""
    def memory():
        with open(f"/proc/{client.info.backend_pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("RssAnon"))

    def create(first, last):
        client.execute("""
            SELECT hitl.create_workflow('test', workflow_definition => jsonb_build_object(
                'steps', jsonb_build_array(jsonb_build_object(
                    'name', 'ask', 'type', 'task', 'task', n || repeat(' please', 500)))))
            FROM generate_series(%s::integer, %s::integer) AS n""", [first, last])

    create(1, 2000)
    before = memory()
    create(2001, 8000)
    assert memory() - before < 20000  # kB


# Waiting

def test_await(cluster, client):
    """A waiting session wakes at once, and holds no snapshot until then."""
    workflow, = make(client, ASK)
    until_asked(client, [workflow])
    waiter = cluster.connect()
    result = []

    def wait():
        status, = waiter.execute("CALL hitl.await_workflow(%s)", [workflow]).fetchone()
        result.append(status)
    thread = threading.Thread(target=wait)
    thread.start()

    def waiting():
        row = client.execute("SELECT wait_event, backend_xmin, backend_xid, state"
                             " FROM pg_stat_activity WHERE pid = %s",
                             [waiter.info.backend_pid]).fetchone()
        # not all of the row is of the same moment
        return row[0] in ("Extension", "HitlAnnouncement") and row[1:] == (None, None, "active")
    wait_until(waiting, describe=lambda: client.execute(
        "SELECT * FROM pg_stat_activity WHERE pid = %s", [waiter.info.backend_pid]).fetchall())
    # Others that end do not end this wait.
    until_ended(client, make(client, TASKS, 100), completed=100)
    assert not result
    answer_all(client, [workflow])
    thread.join(30)
    assert result == ["completed"]
    waiter.close()


def test_await_limits(cluster, client):
    """A wait ends by its own limit, by a cancel and by statement_timeout."""
    workflow, = make(client, ASK)
    until_asked(client, [workflow])
    with cluster.connect() as waiter:
        begun = time.monotonic()
        assert waiter.execute("CALL hitl.await_workflow(%s, '300 ms')",
                              [workflow]).fetchone() == ("waiting_approval",)
        assert time.monotonic() - begun >= 0.3

        def cancel():
            wait_until(lambda: client.execute(
                "SELECT state = 'active' AND wait_event_type IN ('Extension', 'IPC')"
                " FROM pg_stat_activity WHERE pid = %s", [waiter.info.backend_pid]).fetchone()[0])
            client.execute("SELECT pg_cancel_backend(%s)", [waiter.info.backend_pid])
        thread = threading.Thread(target=cancel)
        thread.start()
        with pytest.raises(psycopg.errors.QueryCanceled):
            waiter.execute("CALL hitl.await_workflow(%s)", [workflow])
        thread.join()
        waiter.execute("SET statement_timeout = '200 ms'")
        with pytest.raises(psycopg.errors.QueryCanceled):
            waiter.execute("CALL hitl.await_workflow(%s)", [workflow])
        waiter.execute("SET statement_timeout = 0")
        with waiter.transaction(), pytest.raises(psycopg.errors.InvalidTransactionTermination):
            with waiter.transaction():
                waiter.execute("CALL hitl.await_workflow(%s)", [workflow])
        with pytest.raises(psycopg.Error) as caught:
            waiter.execute("CALL hitl.await_workflow(%s)", [uuid.uuid4()])
        assert caught.value.sqlstate == "WF002"
        # It has left nothing behind: the same session can wait again.
        answer_all(client, [workflow])
        assert waiter.execute("CALL hitl.await_workflow(%s)", [workflow]).fetchone() \
            == ("completed",)


def until_quiet(cluster, seconds=3):
    """Wait until the engine neither runs nor queries for so many seconds in a row."""
    pid = cluster.worker("engine")["pid"]
    with cluster.connect("postgres") as watcher:
        def used():
            with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
                fields = stat.read().rpartition(")")[2].split()
            with open(f"/proc/{pid}/status", encoding="ascii") as status:
                switches = [int(line.split()[1]) for line in status
                            if line.startswith("voluntary_ctxt_switches")]
            queries = watcher.execute("SELECT xact_commit, xact_rollback FROM pg_stat_database"
                                      " WHERE datname = 'hitl'").fetchone()
            return fields[11:13], switches, queries

        quiet, end = 0, time.monotonic() + 30
        while quiet < seconds and time.monotonic() < end:
            before = used()
            time.sleep(1)
            quiet = quiet + 1 if used() == before else 0
        assert quiet == seconds


def test_idle(cluster, client):
    """10,000 approvals that wait cost nothing; the one that is due expires on time."""
    client.execute("SELECT hitl.request_approval('Some day?', requested_from => 'ann',"
                   " timeout_hours => 1000) FROM generate_series(1, 10000)")
    until_quiet(cluster)
    soon, = client.execute("SELECT hitl.request_approval('Soon?', requested_from => 'ann',"
                           " timeout_hours => 0.0005)").fetchone()
    assert client.execute("CALL hitl.await_approval(%s, '30 s')", [soon]).fetchone() == ("expired",)
    on_time, = wait_until(lambda: client.execute(
        "SELECT decided_at >= expires_at FROM hitl.approval_requests"
        " WHERE id = %s AND status = 'expired'", [soon]).fetchone())
    assert on_time
    until_quiet(cluster)
    client.execute("DELETE FROM hitl.approval_requests WHERE title IN ('Some day?', 'Soon?')")
