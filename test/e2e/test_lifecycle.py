"""Extensions, databases, servers come and go under the workers."""
import os
import random
import shutil
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest
from harness import wait_until


@contextmanager
def database(cluster, name, extension=True):
    """A database with its workers up; dropped in the end, if it still exists."""
    cluster.create_database(name, extension)
    try:
        if extension:
            cluster.wait_for_workers(name)
        yield name
    finally:
        cluster.sql(f'DROP DATABASE IF EXISTS "{name}"', dbname="postgres")


def gone(cluster, name):
    wait_until(lambda: not cluster.processes(name), describe=lambda: cluster.processes(name))


# The extension

def test_switched_off(cluster):
    """Where hitl.run_workers is off nothing runs, whatever is restored or restarted."""
    with database(cluster, "quiet", extension=False):
        cluster.sql("ALTER DATABASE quiet SET hitl.run_workers = off", dbname="quiet")
        cluster.sql("CREATE EXTENSION hitl", dbname="quiet")
        workflow = cluster.value(
            "SELECT hitl.execute_workflow(hitl.create_workflow('Quiet', workflow_definition =>"
            " '{\"steps\": [{\"name\": \"a\", \"type\": \"checkpoint\"}]}'))", dbname="quiet")
        cluster.restart()
        with database(cluster, "other"):  # probed after it
            pass
        assert not cluster.processes("quiet")
        cluster.sql("ALTER DATABASE quiet RESET hitl.run_workers", dbname="quiet")
        cluster.sql("SELECT hitl.start_workers()", dbname="quiet")
        cluster.wait_for_workers("quiet")
        wait_until(lambda: cluster.value("SELECT status FROM hitl.workflows WHERE id = %s",
                                         [workflow], "quiet") == "completed")
        cluster.sql("ALTER DATABASE quiet SET hitl.run_workers = off", dbname="quiet")
        cluster.sql("SELECT hitl.start_workers()", dbname="quiet")
        gone(cluster, "quiet")


def test_create_and_drop_extension(cluster):
    with database(cluster, "ext", extension=False):
        gone(cluster, "ext")  # but for a probe, which ends
        cluster.sql("CREATE EXTENSION hitl", dbname="ext")
        cluster.wait_for_workers("ext")
        log = len(cluster.log())
        cluster.sql("DROP EXTENSION hitl", dbname="ext")
        gone(cluster, "ext")
        cluster.sql("CREATE EXTENSION hitl", dbname="ext")
        cluster.wait_for_workers("ext")
        assert "ERROR" not in cluster.log()[log:]


def test_create_extension_takes_effect_at_commit(cluster):
    with database(cluster, "ext", extension=False):
        with cluster.connect("ext", autocommit=False) as connection:
            connection.execute("CREATE EXTENSION hitl")
            kinds = [row[0] for row in connection.execute("SELECT kind FROM hitl.workers")]
            assert kinds == ["launcher"]
            connection.rollback()
        with cluster.connect("ext", autocommit=False) as connection:
            connection.execute("CREATE EXTENSION hitl")
            connection.commit()
        cluster.wait_for_workers("ext")


@pytest.mark.parametrize("script", [
    "BEGIN; DROP EXTENSION hitl; ROLLBACK;",
    "BEGIN; SAVEPOINT s; DROP EXTENSION hitl; ROLLBACK TO s; COMMIT;",
])
def test_drop_rolled_back(cluster, script):
    with database(cluster, "ext"):
        before = cluster.wait_for_workers("ext")
        cluster.psql(script, "ext")
        # The launcher has looked when it has started the workers of another.
        with database(cluster, "other"):
            assert cluster.wait_for_workers("ext") == before


@pytest.mark.parametrize("script", [
    "BEGIN; SAVEPOINT s; DROP EXTENSION hitl; RELEASE s; COMMIT;",
    "BEGIN; DROP EXTENSION hitl; PREPARE TRANSACTION 'drop'; COMMIT PREPARED 'drop';",
    "SET ROLE keeper; DROP OWNED BY keeper;",
])
def test_dropped_in_other_ways(cluster, script):
    with database(cluster, "ext", extension=False):
        cluster.psql("CREATE ROLE keeper SUPERUSER;"
                     "SET ROLE keeper; CREATE EXTENSION hitl;", "ext")
        try:
            cluster.wait_for_workers("ext")
            cluster.psql(script, "ext")
            gone(cluster, "ext")
            assert cluster.value("SELECT count(*) FROM pg_extension WHERE extname = 'hitl'",
                                 dbname="ext") == 0
        finally:
            cluster.psql("DROP OWNED BY keeper; DROP ROLE keeper;", "ext")


def test_create_extension_prepared(cluster):
    with database(cluster, "ext", extension=False):
        cluster.psql("BEGIN; CREATE EXTENSION hitl; PREPARE TRANSACTION 'create';", "ext")
        cluster.psql("COMMIT PREPARED 'create';", "ext")
        cluster.wait_for_workers("ext")


def test_drop_and_create_in_one_transaction(cluster):
    with database(cluster, "ext"):
        cluster.psql("BEGIN; DROP EXTENSION hitl; CREATE EXTENSION hitl; COMMIT;", "ext")
        cluster.wait_for_workers("ext")


def test_drop_and_create_over_and_over(cluster):
    with database(cluster, "ext"):
        for _ in range(10):
            cluster.psql("DROP EXTENSION hitl;", "ext")
            cluster.psql("CREATE EXTENSION hitl;", "ext")
        cluster.wait_for_workers("ext")
        cluster.psql("DROP EXTENSION hitl;", "ext")
        gone(cluster, "ext")


# Databases

def test_two_databases(cluster):
    with database(cluster, "one"), database(cluster, "two"):
        assert not {pid for _, pid in cluster.processes("one")} & {
            pid for _, pid in cluster.processes("two")}
        before = cluster.wait_for_workers("two")
        cluster.sql("DROP EXTENSION hitl", dbname="one")
        gone(cluster, "one")
        assert cluster.wait_for_workers("two") == before


def test_drop_database(cluster):
    with database(cluster, "victim"):
        log = len(cluster.log())
        cluster.sql("DROP DATABASE victim", dbname="postgres")
        cluster.create_database("victim")
        cluster.wait_for_workers("victim")
        assert "ERROR" not in cluster.log()[log:]


def test_drop_database_right_after_create_extension(cluster):
    """Workers that are just coming up are no hindrance either."""
    for _ in range(10):
        cluster.create_database("victim")
        cluster.sql("DROP DATABASE victim", dbname="postgres")
    cluster.wait_for_workers()


def test_drop_database_that_is_used(cluster):
    """When somebody else is in the way, the workers come back."""
    with database(cluster, "used"):
        with cluster.connect("used"):
            with pytest.raises(psycopg.errors.ObjectInUse):
                cluster.sql("DROP DATABASE used", dbname="postgres")
            cluster.wait_for_workers("used")


def test_drop_database_by_a_stranger(cluster):
    """Who may not drop the database does not disturb its workers."""
    with database(cluster, "mine"):
        before = cluster.wait_for_workers("mine")
        cluster.sql("CREATE ROLE stranger LOGIN CREATEDB", dbname="postgres")
        try:
            for command in ("DROP DATABASE mine", "ALTER DATABASE mine RENAME TO yours",
                            "CREATE DATABASE yours TEMPLATE mine"):
                with cluster.connect("postgres", user="stranger") as connection:
                    with pytest.raises(psycopg.errors.InsufficientPrivilege):
                        connection.execute(command)
            assert cluster.wait_for_workers("mine") == before
        finally:
            cluster.sql("DROP ROLE stranger", dbname="postgres")


def test_create_database_from_template(cluster):
    with database(cluster, "pattern"):
        before = cluster.wait_for_workers("pattern")
        cluster.sql("CREATE DATABASE copy TEMPLATE pattern", dbname="postgres")
        try:
            cluster.wait_for_workers("copy")
            cluster.wait_for_workers("pattern", besides=[
                before[("engine", 1)], before[("dispatcher", 1)]])
        finally:
            cluster.sql("DROP DATABASE copy", dbname="postgres")


def test_template_database(cluster):
    """A template has no workers, and gets them when it is one no more."""
    with database(cluster, "pattern"):
        cluster.sql("ALTER DATABASE pattern IS_TEMPLATE true", dbname="postgres")
        gone(cluster, "pattern")
        cluster.sql("ALTER DATABASE pattern IS_TEMPLATE false", dbname="postgres")
        cluster.wait_for_workers("pattern")


def test_rename_database(cluster):
    with database(cluster, "old"):
        cluster.sql("ALTER DATABASE old RENAME TO new", dbname="postgres")
        cluster.wait_for_workers("new")
        cluster.sql("ALTER DATABASE new RENAME TO old", dbname="postgres")
        cluster.wait_for_workers("old")


def test_rename_in_a_transaction(cluster):
    """The workers stay out until the transaction ends, one way or the other."""
    with database(cluster, "old"):
        log = len(cluster.log())
        with cluster.connect("postgres", autocommit=False) as connection:
            connection.execute("ALTER DATABASE old RENAME TO new")
            # The launcher is busy meanwhile, and still starts none there.
            with database(cluster, "other"):
                assert not cluster.processes("old")
            connection.rollback()
        cluster.wait_for_workers("old")
        assert "FATAL" not in cluster.log()[log:]


def test_holder_that_dies_lets_go(cluster):
    with database(cluster, "old"):
        connection = cluster.connect("postgres", autocommit=False)
        connection.execute("ALTER DATABASE old RENAME TO new")
        assert not cluster.processes("old")
        cluster.sql("SELECT pg_terminate_backend(%s)", [connection.info.backend_pid])
        cluster.wait_for_workers("old")
        connection.close()


def test_move_database(cluster):
    place = cluster.dir / "place"
    place.mkdir()
    if os.getuid() == 0:
        shutil.chown(place, "postgres", "postgres")
    cluster.sql(f"CREATE TABLESPACE place LOCATION '{place}'", dbname="postgres")
    with database(cluster, "moving"):
        cluster.sql("ALTER DATABASE moving SET TABLESPACE place", dbname="postgres")
        cluster.wait_for_workers("moving")
    cluster.sql("DROP TABLESPACE place", dbname="postgres")


def test_launcher_forgets_dropped_databases(cluster):
    """A launcher that comes back after a database went does not look for it."""
    with database(cluster, "victim"):
        log = len(cluster.log())
        launcher = cluster.worker("launcher")["pid"]
        cluster.kill(launcher, signal.SIGTERM)
        cluster.sql("DROP DATABASE victim", dbname="postgres")
        cluster.wait_for_workers(besides=[launcher])
        assert "does not exist" not in cluster.log()[log:]


def test_many_databases_come_back_after_restart(cluster):
    with database(cluster, "a"), database(cluster, "b"), database(cluster, "c"), \
            database(cluster, "none", extension=False):
        cluster.restart()
        for name in ("a", "b", "c", "hitl"):
            cluster.wait_for_workers(name)
        assert not {kind for kind, _ in cluster.processes("none")} - {"hitl probe"}


# Servers

def test_no_free_worker_process(new_cluster):
    """Too few processes: said once, shown, and mended as soon as there is room."""
    cluster = new_cluster("few", {"max_worker_processes": 4, "hitl__sql_workers": 0}).start()
    # The launcher of logical replication takes one, ours another.
    cluster.create_database("first")
    cluster.wait_for_workers("first", executors=0)
    cluster.create_database("second")
    wait_until(lambda: {row["state"] for row in cluster.workers("second")} == {
        "idle", "no free worker slot"})
    assert {row["pid"] for row in cluster.workers("second", "engine")} == {None}
    cluster.sql("DROP EXTENSION hitl", dbname="first")
    cluster.wait_for_workers("second", executors=0)
    warnings = [line for line in cluster.log().splitlines() if "max_worker_processes is" in line]
    assert len(warnings) == 1 and "WARNING" in warnings[0]


def test_not_preloaded(new_cluster):
    cluster = new_cluster("bare", {"shared_preload_libraries": ""}).start()
    cluster.create_database("hitl", extension=False)
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState) as caught:
        cluster.sql("CREATE EXTENSION hitl")
    assert "shared_preload_libraries" in caught.value.diag.message_hint


def test_preload_removed(new_cluster):
    """A database that has hitl can be read and written when the library is not preloaded."""
    cluster = new_cluster("bare").start()
    cluster.create_database()
    cluster.wait_for_workers()
    cluster.psql("CREATE TABLE t (n integer); CREATE TRIGGER wake AFTER INSERT ON t"
                 " EXECUTE FUNCTION hitl.wake('engine');")
    cluster.configure(shared_preload_libraries="")
    cluster.restart()
    cluster.psql("INSERT INTO t VALUES (1);")
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
        cluster.workers()
    cluster.psql("DROP TABLE t; DROP EXTENSION hitl;")


def test_standby(new_cluster):
    """No workers on a standby; they start when it is promoted."""
    primary = new_cluster("primary", {"wal_level": "replica", "max_wal_senders": 4}).start()
    primary.create_database()
    primary.wait_for_workers()
    standby = new_cluster("standby", source=primary).start()
    wait_until(lambda: standby.value("SELECT pg_is_in_recovery()"))
    assert standby.processes() == set()
    rows = standby.workers()
    assert [(row["kind"], row["pid"], row["state"]) for row in rows] == [
        ("launcher", None, "not running")]
    # Nobody would wake a session that waits there; one that need not wait is answered.
    workflow = primary.value("SELECT hitl.create_workflow('moved by hand')")
    standby_has = "SELECT count(*) FROM hitl.workflows WHERE id = %s AND status = %s"
    wait_until(lambda: standby.value(standby_has, [workflow, "pending"]))
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
        standby.sql("CALL hitl.await_workflow(%s, '30 s')", [workflow])
    primary.sql("SELECT hitl.transition_workflow_status(%s, 'cancelled')", [workflow])
    wait_until(lambda: standby.value(standby_has, [workflow, "cancelled"]))
    assert standby.sql("CALL hitl.await_workflow(%s, '30 s')", [workflow]) == [
        {"status": "cancelled"}]
    standby.promote()
    standby.wait_for_workers()
    primary.wait_for_workers()


def test_immediate_shutdown(new_cluster):
    cluster = new_cluster("crash").start()
    cluster.create_database()
    cluster.wait_for_workers()
    cluster.immediate()
    cluster.start()
    cluster.wait_for_workers()


def test_dump_and_restore(cluster):
    """pg_dump's script creates the extension, and with it the workers."""
    dump = subprocess.run([cluster.bin / "pg_dump", "-d", cluster.url()], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    with database(cluster, "restored", extension=False):
        cluster.psql(dump, "restored")
        cluster.wait_for_workers("restored")


def test_churn(cluster):
    """Many sessions change everything at once; in the end all is as it should be."""
    names = ["churn_a", "churn_b", "churn_c"]

    def drop_extension(name):
        cluster.sql("DROP EXTENSION hitl", dbname=name)
        cluster.sql("CREATE EXTENSION hitl", dbname=name)

    def drop_database(name):
        cluster.sql(f"DROP DATABASE {name}", dbname="postgres")
        cluster.create_database(name)

    def rename(name):
        cluster.sql(f"ALTER DATABASE {name} RENAME TO {name}_", dbname="postgres")
        cluster.sql(f"ALTER DATABASE {name}_ RENAME TO {name}", dbname="postgres")

    def roll_back(name):
        cluster.sql("BEGIN; DROP EXTENSION hitl; ROLLBACK", dbname=name)

    def end_workers(name):
        cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = %s AND backend_type LIKE 'hitl %%'", [name], name)

    def end_launcher(name):
        cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE backend_type = 'hitl launcher'", dbname=name)

    changes = [drop_extension, drop_database, rename, roll_back, end_workers, end_launcher]

    def churn(name):
        choose = random.Random(name)
        for _ in range(30):
            choose.choice(changes)(name)

    for name in names:
        cluster.create_database(name)
    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(churn, name) for name in names]:
            done.result()
    for name in names:
        cluster.wait_for_workers(name)
        assert len(cluster.processes(name)) == 4
        cluster.sql(f"DROP DATABASE {name}", dbname="postgres")
    assert "PANIC" not in cluster.log()
