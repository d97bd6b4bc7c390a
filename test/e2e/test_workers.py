"""The workers run, are woken, die, and come back."""
import signal
import time

import psycopg
import pytest
from harness import wait_until

KINDS = ["engine", "executor", "dispatcher"]


@pytest.fixture(autouse=True)
def all_up(cluster):
    """Each test begins and ends with every worker idle."""
    cluster.wait_for_workers()
    yield
    cluster.wait_for_workers()


@pytest.fixture
def passes(cluster):
    """A function that tells whether a kind of worker has worked since the last call."""
    last = {}

    def moved(kind):
        row = cluster.worker(kind)
        before, last[kind] = last.get(kind), row["state_since"]
        return row["state"] == "idle" and before is not None and before != row["state_since"]

    for kind in KINDS:
        moved(kind)
    return moved


@pytest.fixture
def queue(cluster):
    """A table whose writers wake the engine, and one whose writers wake the dispatcher."""
    cluster.psql("""
        CREATE TABLE for_engine (n integer);
        CREATE TRIGGER wake AFTER INSERT ON for_engine
            FOR EACH STATEMENT EXECUTE FUNCTION hitl.wake('engine');
        CREATE TABLE for_dispatcher (n integer);
        CREATE TRIGGER wake AFTER INSERT ON for_dispatcher
            FOR EACH STATEMENT EXECUTE FUNCTION hitl.wake('dispatcher');
        """)
    yield
    if cluster.sql("SELECT FROM pg_prepared_xacts WHERE gid = 'wake'"):
        cluster.sql("ROLLBACK PREPARED 'wake'")     # of a test that failed
    cluster.psql("DROP TABLE for_engine, for_dispatcher")


def test_shown(cluster):
    rows = cluster.workers()
    assert [(row["kind"], row["number"]) for row in rows] == [
        ("launcher", 1), ("engine", 1), ("executor", 1), ("executor", 2), ("dispatcher", 1)]
    for row in rows:
        assert row["errors"] == 0 and row["last_error"] is None
        seen = cluster.sql("SELECT backend_type, datname, state FROM pg_stat_activity"
                           " WHERE pid = %s", [row["pid"]])
        assert seen == [{"backend_type": f"hitl {row['kind']}", "state": "idle",
                         "datname": None if row["kind"] == "launcher" else "hitl"}]


def test_commit_wakes(cluster, queue, passes):
    cluster.sql("INSERT INTO for_engine VALUES (1)")
    wait_until(lambda: passes("engine"))
    assert not passes("dispatcher")
    cluster.sql("INSERT INTO for_dispatcher VALUES (1)")
    wait_until(lambda: passes("dispatcher"))


def test_rollback_does_not_wake(cluster, queue, passes):
    with cluster.connect(autocommit=False) as connection:
        connection.execute("INSERT INTO for_engine VALUES (1)")
        connection.rollback()
        # The same session then wakes the other, so the first has had its chance.
        connection.execute("INSERT INTO for_dispatcher VALUES (1)")
        connection.commit()
    wait_until(lambda: passes("dispatcher"))
    assert not passes("engine")


def test_commit_prepared_wakes(cluster, queue, passes):
    with cluster.connect() as connection:
        connection.execute("BEGIN")
        connection.execute("INSERT INTO for_engine VALUES (1)")
        connection.execute("PREPARE TRANSACTION 'wake'")
        connection.execute("INSERT INTO for_dispatcher VALUES (1)")
        wait_until(lambda: passes("dispatcher"))
        assert not passes("engine")
        connection.execute("COMMIT PREPARED 'wake'")
    wait_until(lambda: passes("engine"))


def test_wake_in_replica_role(cluster, queue, passes):
    """Triggers that are enabled always also fire for replicated rows."""
    cluster.psql("""
        ALTER TABLE for_engine ENABLE ALWAYS TRIGGER wake;
        SET session_replication_role = replica;
        INSERT INTO for_engine VALUES (1);
        """)
    wait_until(lambda: passes("engine"))


def test_wake_is_checked(cluster):
    with pytest.raises(psycopg.Error) as caught:
        cluster.sql("SELECT hitl.wake()")
    assert "trigger" in str(caught.value)
    with cluster.connect(autocommit=False) as connection:
        connection.execute("CREATE TABLE wrong (n integer)")
        connection.execute("CREATE TRIGGER wake AFTER INSERT ON wrong"
                           " EXECUTE FUNCTION hitl.wake('postman')")
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            connection.execute("INSERT INTO wrong VALUES (1)")


def test_notify_wakes(cluster, passes):
    cluster.sql("NOTIFY hitl")
    for kind in KINDS:
        wait_until(lambda kind=kind: passes(kind))


def test_other_channels_do_not_wake(cluster, queue, passes):
    """They are read, so as not to hold back the queue, and that is all."""
    log = len(cluster.log())
    with cluster.connect() as connection:
        for number in range(200):
            connection.execute("SELECT pg_notify('something_else', %s)", [f"{number:07000}"])

        # The queue is kept for its slowest reader: once short, all have read.
        # Only a notification that begins a page makes the server look.
        def read():
            connection.execute("SELECT pg_notify('something_else', %s)", [7000 * "x"])
            return connection.execute(
                "SELECT pg_notification_queue_usage() < 0.0001").fetchone()[0]
        wait_until(read)
        assert not passes("engine") and not passes("dispatcher")
        connection.execute("INSERT INTO for_engine VALUES (1)")
    wait_until(lambda: passes("engine"))
    assert "NOTIFY" not in cluster.log()[log:]


@pytest.mark.parametrize("kind", ["launcher", *KINDS])
@pytest.mark.parametrize("way", ["terminate", "SIGTERM", "SIGINT"])
def test_told_to_end(cluster, kind, way):
    """Ended by hand, a worker is replaced; the others stay.  A cancel changes nothing."""
    before = cluster.wait_for_workers()
    pid = before[(kind, 1)]
    if way == "terminate":
        assert cluster.value("SELECT pg_terminate_backend(%s)", [pid])
    else:
        cluster.kill(pid, signal.Signals[way])
    if way == "SIGINT":
        assert cluster.wait_for_workers() == before
        return
    after = cluster.wait_for_workers(besides=[pid])
    for key, was in before.items():
        assert (after[key] != was) == (key == (kind, 1))


def test_worker_after_new_launcher(cluster):
    """A launcher that did not start a worker itself replaces it all the same."""
    before = cluster.wait_for_workers()
    cluster.kill(before[("launcher", 1)], signal.SIGTERM)
    cluster.wait_for_workers(besides=[before[("launcher", 1)]])
    cluster.kill(before[("engine", 1)], signal.SIGTERM)
    cluster.wait_for_workers(besides=[before[("engine", 1)]])


def test_worker_while_no_launcher(cluster):
    before = cluster.wait_for_workers()
    for kind in ("launcher", "engine", "executor", "dispatcher"):
        cluster.kill(before[(kind, 1)], signal.SIGTERM)
    cluster.wait_for_workers(besides=[before[(kind, 1)] for kind in ("launcher", *KINDS)])


@pytest.mark.parametrize("kind", ["launcher", *KINDS])
def test_killed(cluster, kind):
    """After kill -9 of any process the server starts again by itself."""
    before = cluster.wait_for_workers()
    cluster.kill(before[(kind, 1)])

    def back():
        try:
            return cluster.wait_for_workers(besides=before.values())
        except psycopg.OperationalError:
            return None
    wait_until(back)


def test_engine_workers_reloaded(cluster):
    try:
        cluster.configure(hitl__engine_workers=3)
        cluster.reload()
        three = cluster.wait_for_workers(engines=3)
        cluster.configure(hitl__engine_workers=2)
        cluster.reload()
        two = cluster.wait_for_workers(engines=2)
        assert two == {key: three[key] for key in two}
        wait_until(lambda: len(cluster.processes()) == 5)
    finally:
        cluster.configure(hitl__engine_workers=1)
        cluster.reload()
    cluster.wait_for_workers(engines=1)


def test_executors_reloaded(cluster):
    try:
        for count in (0, 3):
            cluster.configure(hitl__sql_workers=count)
            cluster.reload()
            cluster.wait_for_workers(executors=count)
    finally:
        cluster.configure(hitl__sql_workers=2)
        cluster.reload()
    cluster.wait_for_workers()


def test_one_of_many_is_woken(cluster, queue):
    """A single message does not wake every engine worker."""
    try:
        cluster.configure(hitl__engine_workers=4)
        cluster.reload()
        cluster.wait_for_workers(engines=4)

        def since():
            rows = cluster.workers(kind="engine")
            return {row["number"]: row["state_since"] for row in rows}
        before = since()
        cluster.sql("INSERT INTO for_engine VALUES (1)")
        wait_until(lambda: since() != before)
        cluster.wait_for_workers(engines=4)
        assert sum(before[number] != at for number, at in since().items()) == 1
    finally:
        cluster.configure(hitl__engine_workers=1)
        cluster.reload()


def test_database_settings_do_not_reach_workers(cluster):
    """What is set for people's sessions must not change the workers' statements."""
    try:
        cluster.psql("""
            ALTER DATABASE hitl SET default_transaction_read_only = on;
            ALTER DATABASE hitl SET search_path = nowhere;
            ALTER DATABASE hitl SET session_replication_role = replica;
            """)
        before = cluster.wait_for_workers()
        cluster.kill(before[("engine", 1)], signal.SIGTERM)
        cluster.wait_for_workers(besides=[before[("engine", 1)]])
        assert cluster.worker("engine")["errors"] == 0
    finally:
        cluster.psql("SET default_transaction_read_only = off; ALTER DATABASE hitl RESET ALL")


def test_error_is_recorded_and_outlived(cluster):
    """A pass that fails is shown, retried later each time, and then forgotten."""
    if cluster.value("SELECT to_regclass('hitl.messages') IS NULL"):
        pytest.skip("no engine in this build")
    cluster.sql("ALTER TABLE hitl.messages RENAME TO hidden")
    try:
        pid = cluster.worker("engine")["pid"]
        cluster.sql("NOTIFY hitl")
        row = wait_until(lambda: (row := cluster.worker("engine"))["errors"] >= 3 and row)
        assert "messages" in row["last_error"] and row["last_error_at"] is not None
        # Pushed on, it is soon to wait for a minute.
        def waits_long():
            cluster.sql("NOTIFY hitl")
            return cluster.worker("engine")["errors"] >= 11
        wait_until(waits_long)
        # Each of these makes it try again at once, when those before have.
        for push in ("NOTIFY hitl", "SELECT hitl.start_workers()", "SELECT pg_reload_conf()"):
            errors = wait_until(lambda: cluster.value(
                "SELECT errors FROM hitl.workers WHERE kind = 'engine' AND state = 'backing off'"
                " AND state_since < clock_timestamp() - interval '2 s'"))
            cluster.sql(push)
            wait_until(lambda errors=errors: cluster.worker("engine")["errors"] > errors)
    finally:
        cluster.sql("ALTER TABLE hitl.hidden RENAME TO messages")
    cluster.sql("NOTIFY hitl")
    wait_until(lambda: cluster.worker("engine")["state"] == "idle")
    assert cluster.worker("engine")["pid"] == pid


def test_start_workers_is_harmless(cluster):
    before = cluster.wait_for_workers()
    cluster.sql("SELECT hitl.start_workers()")
    assert cluster.wait_for_workers() == before


def test_idle_costs_nothing(cluster):
    """No worker uses CPU or runs a transaction while there is nothing to do."""
    pids = cluster.wait_for_workers().values()

    def used():
        ticks = 0
        for pid in pids:
            with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
                fields = stat.read().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
            with open(f"/proc/{pid}/status", encoding="ascii") as status:
                ticks += sum(int(line.split()[1]) for line in status
                             if line.startswith("voluntary_ctxt_switches"))
        return ticks

    # Statistics of the work before are sent within a second; after that, silence.
    end = time.monotonic() + 30
    quiet = 0
    while quiet < 3 and time.monotonic() < end:
        before = used()
        time.sleep(1)
        quiet = quiet + 1 if used() == before else 0
    assert quiet == 3


def test_fast_shutdown(cluster):
    """All leave at once, and none of them as if something had gone wrong."""
    cluster.wait_for_workers()
    log = len(cluster.log())
    cluster.stop("fast")  # it gives up after a minute
    text = cluster.log()[log:]
    cluster.start()
    assert "FATAL" not in text and "ERROR" not in text
