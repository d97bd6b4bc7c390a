"""Statements of sql steps: what they may do, how they end, and that they happen once.

HITL_CRASH_SEED repeats a run's choices.
"""
import json
import os
import random
import signal
import threading

import psycopg
import pytest
from harness import wait_until
from psycopg.types.json import Jsonb
from trail import broken_chains

SETTINGS = {"hitl__engine_workers": 1, "hitl__max_response_size": "64kB"}


@pytest.fixture(scope="module", autouse=True)
def people(cluster):
    """Two owners of workflows, and tables of theirs."""
    cluster.psql("""
        CREATE ROLE alice LOGIN;
        CREATE ROLE bob LOGIN;
        SELECT hitl.grant_access('alice', 'operator');
        SELECT hitl.grant_access('bob', 'operator');
        GRANT CREATE ON SCHEMA public TO alice, bob;
        SET ROLE alice;
        CREATE TABLE account (id integer PRIMARY KEY, balance numeric NOT NULL CHECK (balance >= 0),
                              tags text[], notes jsonb);
        CREATE TABLE log (id bigint GENERATED ALWAYS AS IDENTITY, line text);
        SET ROLE bob;
        CREATE TABLE secret (word text);
        INSERT INTO secret VALUES ('sesame');
        """)


@pytest.fixture(autouse=True)
def clean(cluster):
    """Each test begins with empty tables and idle executors."""
    cluster.psql("TRUNCATE account, log; INSERT INTO account VALUES (1, 100), (2, 100)")
    yield
    wait_until(lambda: cluster.value("SELECT count(*) FROM hitl.statements") == 0,
               describe=lambda: cluster.sql("SELECT * FROM hitl.statements"))
    with cluster.connect() as connection:
        assert broken_chains(connection) == []


def sql(statement, *params, **options):
    """A definition of one sql step."""
    return {"steps": [{"name": "s", "type": "sql", "sql": statement, "params": list(params),
                       **options}]}


def start(cluster, definition, role="alice", **data):
    with cluster.connect() as connection:
        connection.execute(f"SET ROLE {role}")
        return connection.execute(
            "SELECT hitl.execute_workflow(hitl.create_workflow('test', workflow_definition => %s,"
            " input_data => %s))", [Jsonb(definition), Jsonb(data)]).fetchone()[0]


def ended(cluster, workflow, deadline=60):
    """The row of a workflow, when it has ended."""
    def row():
        found = cluster.sql("SELECT * FROM hitl.workflows WHERE id = %s", [workflow])[0]
        return found if found["finished_at"] else None
    return wait_until(row, deadline, describe=lambda: cluster.sql(
        "SELECT w.status, w.control, s.* FROM hitl.workflows w LEFT JOIN hitl.statements s"
        " ON s.workflow_id = w.id WHERE w.id = %s", [workflow]))


def run(cluster, statement, *params, role="alice", **options):
    """The result of a step; it must succeed."""
    row = ended(cluster, start(cluster, sql(statement, *params, **options), role))
    assert row["status"] == "completed", row["error"]
    return row["data"]["steps"]["s"]


def fail(cluster, statement, *params, role="alice", **options):
    """The error of a step; it must fail."""
    options.setdefault("retry", {"max_attempts": 1})
    row = ended(cluster, start(cluster, sql(statement, *params, **options), role))
    assert row["status"] == "failed", row["data"]
    return row["error"]


def running(cluster, part):
    """Wait until a worker runs a statement that contains a text; its pid."""
    return wait_until(lambda: cluster.value(
        "SELECT pid FROM pg_stat_activity WHERE backend_type = 'hitl executor'"
        " AND state = 'active' AND query LIKE %s", [f"%{part}%"]))


# Parameters and results

def test_rows(cluster):
    assert run(cluster, "SELECT id, balance, tags, notes, now() > '-infinity' AS ok FROM account"
                        " ORDER BY id") == {
        "rows": [{"id": 1, "balance": 100, "tags": None, "notes": None, "ok": True},
                 {"id": 2, "balance": 100, "tags": None, "notes": None, "ok": True}], "count": 2}
    assert run(cluster, "UPDATE account SET balance = balance + 1") == {"rows": [], "count": 2}
    assert run(cluster, "UPDATE account SET balance = balance + 1 WHERE id = 1 RETURNING id") == {
        "rows": [{"id": 1}], "count": 1}
    assert run(cluster, "CREATE TABLE made (n integer)") == {"rows": [], "count": 0}
    assert run(cluster, "DROP TABLE made") == {"rows": [], "count": 0}
    assert run(cluster, "SELECT FROM account") == {"rows": [{}, {}], "count": 2}
    assert run(cluster, "SELECT '{\"a\": [1.50]}'::json AS j, 'NaN'::numeric AS n, row(1, 'x') AS r,"
                        " 'infinity'::date AS d") == {
        "rows": [{"j": {"a": [1.50]}, "n": "NaN", "r": {"f1": 1, "f2": "x"}, "d": "infinity"}],
        "count": 1}
    assert run(cluster, "SHOW search_path") == {
        "rows": [{"search_path": '"$user", public'}], "count": 1}
    assert run(cluster, "EXPLAIN (COSTS off) SELECT 1")["rows"] == [{"QUERY PLAN": "Result"}]


def test_parameters(cluster):
    cluster.psql("""
        SET ROLE alice;
        CREATE DOMAIN percent AS integer CHECK (VALUE BETWEEN 0 AND 100);
        CREATE TYPE pair AS (a integer, b text[]);
        CREATE TABLE typed (i integer, n numeric, t text, b boolean, j jsonb, k json, a integer[],
            aa text[], p percent, d timestamptz, c pair, u uuid, jj jsonb[]);
        """)
    try:
        values = [1, 12345678.25, "it's \"x\"", True, {"a": [1, None]}, "plain", [1, 2, None],
                  [["a", "b"], ["c", "{d}"]], 50, "2026-01-02T03:04:05Z", {"a": 1, "b": ["x"]},
                  "6e6a1d10-0000-4000-8000-000000000000", [{"x": 1}, 2]]
        numbers = ", ".join(f"${n}" for n in range(1, len(values) + 1))
        run(cluster, f"INSERT INTO typed SELECT {numbers}", *values)
        row = run(cluster, "SELECT typed.* FROM typed")["rows"][0]
        assert row == {"i": 1, "n": 12345678.25, "t": "it's \"x\"", "b": True,
                       "j": {"a": [1, None]}, "k": "plain", "a": [1, 2, None],
                       "aa": [["a", "b"], ["c", "{d}"]], "p": 50,
                       "d": "2026-01-02T03:04:05+00:00", "c": {"a": 1, "b": ["x"]},
                       "u": "6e6a1d10-0000-4000-8000-000000000000", "jj": [{"x": 1}, 2]}
        run(cluster, f"UPDATE typed SET (i, n, t, b, j, k, a, aa, p, d, c, u, jj) = ROW({numbers})",
            *[None] * len(values))
        assert set(run(cluster, "SELECT typed.* FROM typed")["rows"][0].values()) == {None}
        assert fail(cluster, "UPDATE typed SET p = $1", 101)["kind"] == "validation_error"
        assert "integer" in fail(cluster, "UPDATE typed SET i = $1", "x")["message"]
        assert "integer" in fail(cluster, "UPDATE typed SET i = $1", {"x": 1})["message"]
    finally:
        cluster.psql("DROP TABLE typed; DROP TYPE pair; DROP DOMAIN percent")
    assert run(cluster, "SELECT $1 || $2 AS a, $3 AS b", "x", 1, {"y": 2})["rows"] == [
        {"a": "x1", "b": '{"y": 2}'}]
    assert run(cluster, "UPDATE account SET balance = 0 WHERE id = ANY ($1)", [1, 2])["count"] == 2
    # A value never becomes a part of the statement.
    evil = "'; DROP TABLE account; --"
    assert run(cluster, "SELECT $1::text AS t", evil)["rows"] == [{"t": evil}]


@pytest.mark.parametrize("statement, params, message", [
    ("SELECT $1, $2", [1], 'the statement has a parameter $2, but "params" has 1 values'),
    ("SELECT 1 AS a", [1], '"params" has 1 values, but the statement does not use $1'),
    ("SELECT $1 IS NULL AS a", [1], "could not determine data type of parameter $1"),
    ("SELECT 1 AS a; SELECT 2 AS b", [], "an sql step runs one statement, not 2"),
    ("-- nothing", [], "the statement is empty"),
    ("COMMIT", [], "an sql step cannot control transactions"),
    ("SAVEPOINT a", [], "an sql step cannot control transactions"),
    ("COPY account TO STDOUT", [], "an sql step cannot copy to or from a client"),
    ("COPY account FROM STDIN", [], "an sql step cannot copy to or from a client"),
    ("SELECT 1 AS a, 2 AS a", [], 'the result has two columns named "a"'),
    ("SELECT * FROM nowhere", [], 'relation "nowhere" does not exist'),
    ("INSERT INTO account VALUES (1, 1)", [],
     'duplicate key value violates unique constraint "account_pkey"'),
    ("DO $$BEGIN RAISE 'no stock left'; END$$", [], "no stock left"),
    ("SELEC 1", [], 'syntax error at or near "SELEC"'),
])
def test_faulty(cluster, statement, params, message):
    error = fail(cluster, statement, *params)
    assert error["message"].startswith(message)
    assert error["kind"] == "validation_error"


def test_error(cluster):
    """What PostgreSQL says is in the error, the event and the data."""
    definition = sql("INSERT INTO account VALUES ($1, 1)", 1, on_error="continue")
    row = ended(cluster, start(cluster, definition))
    error = {"kind": "validation_error", "sqlstate": "23505",
             "message": 'duplicate key value violates unique constraint "account_pkey"',
             "detail": "Key (id)=(1) already exists."}
    assert row["status"] == "completed"
    assert row["data"]["steps"]["s"] == {"error": error}
    event = cluster.sql("SELECT data FROM hitl.workflow_events WHERE workflow_id = %s"
                        " AND event_type = 'step_failed'", [row["id"]])
    assert event == [{"data": error}]
    row = fail(cluster, "DO $$BEGIN RAISE 'no' USING HINT = 'ask'; END$$")
    assert (row["sqlstate"], row["hint"]) == ("P0001", "ask")


def test_retried(cluster):
    """What will pass is tried again, each time from the beginning; what will not is not."""
    cluster.psql("SET ROLE alice; CREATE SEQUENCE tries")
    statement = ("DO $$BEGIN INSERT INTO log (line) VALUES ('x'); IF nextval('tries') < 3 THEN"
                 " RAISE SQLSTATE '{}'; END IF; END$$")
    quick = {"max_attempts": 3, "base_delay": 0.01}
    try:
        run(cluster, statement.format("40001"), retry=quick)
        assert cluster.value("SELECT count(*) FROM log") == 1
        cluster.psql("ALTER SEQUENCE tries RESTART")
        error = fail(cluster, statement.format("23505"), retry=quick)
        assert error["kind"] == "validation_error"
        assert cluster.value("SELECT last_value FROM tries") == 1
        cluster.psql("ALTER SEQUENCE tries RESTART")
        run(cluster, statement.format("40P01"))     # without "retry"
    finally:
        cluster.psql("DROP SEQUENCE tries")


def test_foreach(cluster):
    """The elements of a loop are done side by side, and their results are in order."""
    definition = {"steps": [
        {"name": "all", "type": "foreach", "items": "$.variables.items", "as": "item",
         "concurrency": 4, "steps": [
             {"name": "note", "type": "sql", "sql": "INSERT INTO log (line) VALUES ($1)",
              "params": ["{{ $.variables.item }}"]},
             {"name": "ask", "type": "sql", "params": ["{{ $.variables.item }}"],
              "sql": "SELECT $1::integer * 2 AS double, pg_sleep(0.01) IS NULL AS slept"}]},
        {"name": "sum", "type": "sql",
         "sql": "SELECT count(*) AS n, count(DISTINCT line) AS d FROM log"}]}
    handled = {row["number"]: row["handled"] for row in cluster.workers(kind="executor")}
    row = ended(cluster, start(cluster, definition, items=list(range(50))))
    assert row["status"] == "completed", row["error"]
    results = cluster.value("SELECT hitl.get_workflow_status(%s) -> 'results'", [row["id"]])
    assert [one["rows"][0]["double"] for one in results["all"]] == list(range(0, 100, 2))
    assert results["sum"]["rows"] == [{"n": 50, "d": 50}]
    assert all(row["handled"] > handled[row["number"]] for row in cluster.workers(kind="executor"))


def test_too_much(cluster):
    """Nothing is cut: what is too large is an error, and has not happened."""
    statement = ("WITH more AS (INSERT INTO log (line) SELECT repeat('x', $1) FROM"
                 " generate_series(1, $2) RETURNING line) SELECT line FROM more")
    assert run(cluster, statement, 1, 7, rows=7)["count"] == 7
    error = fail(cluster, statement, 1, 8, rows=7)
    assert error["message"] == "the statement returns more than 7 rows"
    error = fail(cluster, statement, 40000, 2, rows=7)
    assert error["message"] == "the statement returns more than hitl.max_response_size (64 kB)"
    # The same through RETURNING, and without rows to return there is no limit.
    error = fail(cluster, "INSERT INTO log (line) SELECT 'x' FROM generate_series(1, 8) RETURNING 1"
                          " AS n", rows=7)
    assert error["kind"] == "validation_error"
    assert cluster.value("SELECT count(*) FROM log") == 7
    assert run(cluster, "INSERT INTO log (line) SELECT 'x' FROM generate_series(1, 1000)",
               rows=7)["count"] == 1000


def test_a_chain(cluster):
    """Steps see the results of those before, and their own effects are there once."""
    definition = {"steps": [
        {"name": "take", "type": "sql", "sql": "UPDATE account SET balance = balance - $1"
         " WHERE id = 1 RETURNING balance", "params": ["{{ $.variables.amount }}"]},
        {"name": "give", "type": "sql", "sql": "UPDATE account SET balance = balance + $1"
         " WHERE id = 2 RETURNING balance", "params": ["{{ $.variables.amount }}"]},
        {"name": "note", "type": "sql", "sql": "INSERT INTO log (line) VALUES ($1)",
         "params": ["{{ $.steps.take.rows[0].balance }} {{ $.steps.give.rows[0].balance }}"]}]}
    row = ended(cluster, start(cluster, definition, amount=30))
    assert row["status"] == "completed", row["error"]
    assert cluster.sql("SELECT line FROM log") == [{"line": "70 130"}]


# As the owner

def test_who_it_is(cluster):
    """As if the owner had logged in, and not a trace of the worker."""
    cluster.psql("""
        ALTER ROLE bob SET search_path = bobs, public;
        ALTER ROLE bob SET work_mem = '123kB';
        ALTER ROLE bob SET role = 'alice';
        CREATE SCHEMA bobs AUTHORIZATION bob;
        """)
    who = ("SELECT session_user, current_user, current_setting('is_superuser') AS super,"
           " current_setting('search_path') AS path, current_setting('work_mem') AS mem,"
           " current_setting('enable_seqscan') AS seq, current_setting('lock_timeout') AS lock,"
           " current_setting('role') AS role")
    try:
        assert run(cluster, who, role="bob")["rows"] == [{
            "session_user": "bob", "current_user": "bob", "super": "off", "path": "bobs, public",
            "mem": "123kB", "seq": "on", "lock": "0", "role": "none"}]
        assert run(cluster, who)["rows"] == [{
            "session_user": "alice", "current_user": "alice", "super": "off",
            "path": '"$user", public', "mem": "4MB", "seq": "on", "lock": "0", "role": "none"}]
    finally:
        cluster.psql("DROP SCHEMA bobs; ALTER ROLE bob RESET ALL")


def test_parallel(cluster):
    """Parallel workers are who the leader is, and cannot be somebody else either."""
    cluster.psql("""
        ALTER ROLE alice SET force_parallel_mode = on;
        SET ROLE alice;
        CREATE FUNCTION who() RETURNS text PARALLEL SAFE LANGUAGE plpgsql AS
            $$BEGIN RETURN session_user || ' ' || current_user || ' ' || current_setting('role')
              || ' ' || has_table_privilege('secret', 'SELECT') || ' ' || pg_backend_pid(); END$$;
        CREATE FUNCTION change() RETURNS text PARALLEL SAFE LANGUAGE plpgsql AS
            $$BEGIN PERFORM set_config('role', 'postgres', true); RETURN 'changed'; END$$;
        """)
    try:
        *who, pid = run(cluster, "SELECT who()")["rows"][0]["who"].split()
        assert int(pid) not in {worker["pid"] for worker in cluster.workers()}
        assert who == ["alice", "alice", "none", "false"]
        fail(cluster, "SELECT change()")
    finally:
        cluster.psql("ALTER ROLE alice RESET ALL; DROP FUNCTION who, change")


def test_rights(cluster):
    error = fail(cluster, "SELECT word FROM secret")
    assert error["kind"] == "permission_error"
    assert error["message"] == "permission denied for table secret"
    assert run(cluster, "SELECT word FROM secret", role="bob")["count"] == 1
    for table in ("workflows", "statements", "workflow_events", "messages"):
        error = fail(cluster, f"DELETE FROM hitl.{table}")
        assert error["kind"] == "permission_error"


def test_role_gone(cluster):
    """A workflow whose owner has vanished, or is shut out, fails and says why."""
    cluster.psql("CREATE ROLE carol LOGIN; SELECT hitl.grant_access('carol', 'operator')")
    ask = {"steps": [{"name": "ask", "type": "approval", "title": "go?", "requested_from": "x"},
                     *sql("SELECT 1 AS one")["steps"]]}
    workflows = [start(cluster, ask, "carol") for _ in range(2)]

    def answer(workflow):
        approval = wait_until(lambda: cluster.value(
            "SELECT id FROM hitl.approval_requests WHERE workflow_id = %s", [workflow]))
        cluster.sql("SELECT hitl.respond_to_approval(%s, 'x', 'approved')", [approval])
        return ended(cluster, workflow)["error"]

    cluster.psql("REVOKE CONNECT ON DATABASE hitl FROM PUBLIC")
    error = answer(workflows[0])
    assert (error["kind"], error["message"]) == (
        "permission_error",
        'role "carol", the owner of the workflow, may not connect to the database')
    cluster.psql("GRANT CONNECT ON DATABASE hitl TO PUBLIC;"
                 " SELECT hitl.revoke_access('carol'); DROP ROLE carol")
    error = answer(workflows[1])
    assert (error["kind"], error["message"]) == (
        "permission_error", 'role "carol", the owner of the workflow, does not exist')


def test_own_functions(cluster):
    """hitl's functions act for the owner of the workflow."""
    result = run(cluster, "SELECT hitl.create_workflow('child') AS id")
    child = result["rows"][0]["id"]
    assert cluster.value("SELECT owner FROM hitl.workflows WHERE id = %s", [child]) == "alice"
    assert cluster.value("SELECT actor FROM hitl.workflow_events WHERE workflow_id = %s",
                         [child]) == "alice"
    other = start(cluster, {"steps": [{"name": "a", "type": "approval", "title": "?",
                                       "requested_from": "x"}]}, "bob")
    error = fail(cluster, "SELECT hitl.rollback_workflow($1, 'x', 'y')", str(other))
    assert error["kind"] == "permission_error"
    assert error["message"] == f"permission denied for workflow {other}"
    error = fail(cluster, "SELECT hitl.set_secret('a', 'b')")
    assert error["kind"] == "permission_error"
    # Its own workflow, too: the change is there with the result.
    definition = sql("SELECT hitl.update_workflow_state($1, '{\"seen\": 1}')", "{{ $.variables.me }}")
    with cluster.connect() as connection:
        connection.execute("SET ROLE alice")
        me = connection.execute("SELECT hitl.create_workflow('self', workflow_definition => %s)",
                                [Jsonb(definition)]).fetchone()[0]
        connection.execute("SELECT hitl.execute_workflow(%s, context => %s)",
                           [me, Jsonb({"me": str(me)})])
    row = ended(cluster, me)
    assert row["status"] == "completed", row["error"]
    assert row["data"]["variables"] == {"me": str(me), "seen": 1}


def test_functions_of_others(cluster):
    """What runs for the owner of a table must not act for the owner of the workflow."""
    cluster.psql("""
        SET ROLE bob;
        CREATE FUNCTION trap(n integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS
            $$BEGIN PERFORM hitl.create_workflow('trapped'); RETURN n; END$$;
        CREATE TABLE bait (n integer);
        CREATE INDEX bait_trap ON bait (trap(n));
        RESET ROLE;
        INSERT INTO log (line) VALUES ('x');
        SET session_replication_role = replica;
        """)
    try:
        cluster.psql("ALTER INDEX bait_trap RENAME TO trapped; SET ROLE postgres;"
                     " UPDATE pg_index SET indisready = false, indisvalid = false"
                     " WHERE indexrelid = 'trapped'::regclass;"
                     " INSERT INTO bait VALUES (1)")
        cluster.psql("GRANT bob TO alice")
        before = cluster.value("SELECT count(*) FROM hitl.workflows WHERE name = 'trapped'")
        error = fail(cluster, "REINDEX TABLE bait")
        assert error["kind"] == "permission_error"
        assert error["message"] == "hitl cannot be used within a security-restricted operation"
        # Even when a function of the owner's own gives the command.
        error = fail(cluster, "DO $$BEGIN EXECUTE 'REINDEX TABLE bait'; END$$")
        assert error["message"] == "hitl cannot be used within a security-restricted operation"
        assert cluster.value("SELECT count(*) FROM hitl.workflows WHERE name = 'trapped'") == before
    finally:
        cluster.psql("DROP TABLE bait; DROP FUNCTION trap; REVOKE bob FROM alice")


# Attacks

@pytest.mark.parametrize("statement", [
    "RESET ROLE", "SET ROLE bob", "SET ROLE postgres", "RESET SESSION AUTHORIZATION",
    "SET SESSION AUTHORIZATION postgres", "SET LOCAL session_authorization = 'postgres'",
    "SELECT set_config('role', 'postgres', false)",
    "SELECT set_config('session_authorization', 'postgres', true)",
    "DISCARD ALL",
    "CREATE TEMPORARY TABLE here (n integer)",
    "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
    "PREPARE p AS SELECT 1", "LISTEN hitl",
])
def test_becoming_somebody_else(cluster, statement):
    """Neither at the top nor from code of the owner's, also if that catches the error."""
    wrapped = statement.replace("'", "''")
    quiet = (f"DO $$BEGIN BEGIN EXECUTE '{wrapped}'; EXCEPTION WHEN OTHERS THEN NULL; END;"
             " INSERT INTO log (line) VALUES (session_user || ' ' || current_user); END$$")
    for form in (statement, f"DO $$BEGIN EXECUTE '{wrapped}'; END$$"):
        assert fail(cluster, form)["kind"] in ("permission_error", "validation_error")
    run(cluster, quiet)
    assert cluster.sql("SELECT line FROM log") == [{"line": "alice alice"}]
    assert run(cluster, "SELECT session_user || ' ' || current_user AS i")["rows"] == [
        {"i": "alice alice"}]


def test_deferred_trigger(cluster):
    """A deferred trigger would run at commit, as the worker: it runs at once, as the owner."""
    cluster.psql("""
        SET ROLE alice;
        CREATE TABLE deferred (n integer PRIMARY KEY DEFERRABLE INITIALLY DEFERRED);
        CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS
            $$BEGIN INSERT INTO log (line) VALUES (session_user || ' ' || current_user);
              RETURN NULL; END$$;
        CREATE CONSTRAINT TRIGGER tell AFTER INSERT ON deferred DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION tell();
        """)
    try:
        run(cluster, "INSERT INTO deferred VALUES (1)")
        assert cluster.sql("SELECT line FROM log") == [{"line": "alice alice"}]
        error = fail(cluster, "INSERT INTO deferred VALUES (1)")
        assert error["message"].startswith("duplicate key")
        error = fail(cluster, "DO $$BEGIN SET CONSTRAINTS ALL DEFERRED;"
                              " INSERT INTO deferred VALUES (2); END$$")
        assert error["message"] == (
            "cannot fire deferred trigger within security-restricted operation")
        run(cluster, "INSERT INTO deferred VALUES (3)")
        assert cluster.value("SELECT array_agg(n ORDER BY n) FROM deferred") == [1, 3]
    finally:
        cluster.psql("DROP TABLE deferred; DROP FUNCTION tell")


def test_event_trigger(cluster):
    """It runs as the owner of the workflow, whoever made it."""
    cluster.psql("""
        CREATE FUNCTION seen() RETURNS event_trigger LANGUAGE plpgsql AS
            $$BEGIN INSERT INTO log (line) VALUES (session_user || ' ' || current_user); END$$;
        CREATE EVENT TRIGGER seen ON ddl_command_end WHEN TAG IN ('CREATE TABLE')
            EXECUTE FUNCTION seen();
        """)
    try:
        run(cluster, "CREATE TABLE made (n integer)")
    finally:
        cluster.psql("DROP EVENT TRIGGER seen; DROP FUNCTION seen; DROP TABLE made")
    assert cluster.sql("SELECT line FROM log") == [{"line": "alice alice"}]


def test_security_definer(cluster):
    """It has the rights of its owner while it runs, and no others, and not afterwards."""
    cluster.psql("""
        SET ROLE bob;
        CREATE FUNCTION whisper() RETURNS text SECURITY DEFINER LANGUAGE sql AS
            'SELECT word || session_user || current_user FROM secret';
        CREATE FUNCTION shout() RETURNS void SECURITY DEFINER LANGUAGE plpgsql AS
            $$BEGIN SET ROLE postgres; END$$;
        """)
    try:
        assert run(cluster, "SELECT whisper()")["rows"] == [{"whisper": "sesamealicebob"}]
        assert fail(cluster, "SELECT whisper() AS a, word FROM secret")["kind"] == "permission_error"
        assert fail(cluster, "SELECT shout()")["kind"] == "permission_error"
    finally:
        cluster.psql("DROP FUNCTION whisper, shout")


def test_nothing_stays(cluster):
    """Settings, locks and cursors of one statement are gone when the next one runs."""
    leave = """DO $$
        DECLARE c refcursor := 'left'; BEGIN
            PERFORM pg_advisory_lock(4711), nextval('s');
            SET search_path = nowhere; SET work_mem = '77kB'; SET statement_timeout = '1ms';
            SET row_security = off; SET default_transaction_read_only = on;
            PERFORM set_config('my.secret', 'x', false);
            OPEN c FOR SELECT 1;
        END$$"""
    look = """SELECT current_setting('search_path') AS path, current_setting('work_mem') AS mem,
        current_setting('row_security') AS rls, coalesce(current_setting('my.secret', true), '') AS my,
        (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory') AS locks,
        (SELECT count(*) FROM pg_cursors) AS cursors,
        (SELECT count(*) FROM pg_prepared_statements) AS prepared"""
    cluster.psql("SET ROLE alice; CREATE SEQUENCE s; GRANT USAGE ON SEQUENCE s TO bob")
    try:
        cluster.configure(hitl__sql_workers=1)
        cluster.reload()
        cluster.wait_for_workers(executors=1)
        for failing in ("", " SELECT 1/0 AS n"):
            if failing:
                fail(cluster, leave.replace("END$$", "PERFORM 1/0; END$$"))
            else:
                run(cluster, leave)
            assert run(cluster, look, role="bob")["rows"] == [{
                "path": '"$user", public', "mem": "4MB", "rls": "on", "my": "", "locks": 0,
                "cursors": 0, "prepared": 0}]
            assert "lastval is not yet defined" in fail(cluster, "SELECT lastval()", role="bob")[
                "message"]
    finally:
        cluster.configure(hitl__sql_workers=2)
        cluster.reload()
        cluster.wait_for_workers()
        cluster.psql("DROP SEQUENCE s")


def test_read_only(cluster):
    """A statement that makes its transaction read-only harms nobody but itself."""
    run(cluster, "SET TRANSACTION READ ONLY")
    run(cluster, "INSERT INTO log (line) VALUES ('x')")
    error = fail(cluster, "DO $$BEGIN SET TRANSACTION READ ONLY;"
                          " INSERT INTO log (line) VALUES ('y'); END$$")
    assert error["kind"] == "validation_error"


def test_recursion(cluster):
    cluster.psql("SET ROLE alice; CREATE FUNCTION deeper(n integer) RETURNS integer LANGUAGE plpgsql"
                 " AS 'BEGIN RETURN deeper(n + 1); END'")
    try:
        error = fail(cluster, "SELECT deeper(0)")
    finally:
        cluster.psql("DROP FUNCTION deeper")
    assert error["message"] == "stack depth limit exceeded"


def test_memory(cluster):
    """Results that would not fit are refused as they come."""
    pids = {row["pid"] for row in cluster.workers(kind="executor")}
    assert fail(cluster, "SELECT repeat('x', 1000000000) AS a")["kind"] == "validation_error"
    assert fail(cluster, "SELECT generate_series(1, 1000000000) AS n, repeat('x', 1000) AS a",
                rows=10000)["kind"] == "validation_error"
    error = fail(cluster, "SELECT string_agg(repeat('x', 10000000), '') AS a"
                          " FROM generate_series(1, 200)")
    assert error["kind"] == "validation_error"
    assert {row["pid"] for row in cluster.workers(kind="executor")} == pids


# Limits, withdrawal, death

def test_timeout(cluster):
    assert fail(cluster, "SELECT pg_sleep(600)", timeout="1 second")["kind"] == "timeout"
    # Also one that waits for a lock, one that catches the cancellation, and one that the role has.
    with cluster.connect(autocommit=False) as connection:
        connection.execute("LOCK TABLE account")
        assert fail(cluster, "SELECT * FROM account", timeout="1 second")["kind"] == "timeout"
        connection.rollback()
    pids = {row["pid"] for row in cluster.workers(kind="executor")}
    error = fail(cluster, "DO $$BEGIN INSERT INTO log (line) VALUES ('x'); PERFORM pg_sleep(600);"
                          " EXCEPTION WHEN query_canceled THEN NULL; END$$", timeout="1 second")
    assert error["kind"] == "timeout"
    cluster.psql("ALTER ROLE bob SET statement_timeout = '500ms'")
    assert fail(cluster, "SELECT pg_sleep(600)", role="bob")["kind"] == "timeout"
    cluster.psql("ALTER ROLE bob RESET ALL")
    assert {row["pid"] for row in cluster.workers(kind="executor")} == pids
    assert cluster.value("SELECT count(*) FROM log") == 0


def test_setting_limits(cluster):
    cluster.configure(hitl__sql_timeout="700ms")
    cluster.reload()
    try:
        assert fail(cluster, "SELECT pg_sleep(600)")["kind"] == "timeout"
    finally:
        cluster.configure(hitl__sql_timeout="60s")
        cluster.reload()


def test_stubborn(cluster):
    """One that catches every cancellation ends its worker, and is given up in the end."""
    stubborn = ("DO $$BEGIN LOOP BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN NULL;"
                " END; END LOOP; END$$")
    # One that its step has a limit for is not begun again.
    assert fail(cluster, stubborn, timeout="1 second")["kind"] == "timeout"
    wait_until(lambda: cluster.value("SELECT count(*) FROM hitl.statements") == 0)
    cluster.configure(hitl__sql_timeout="100ms")
    cluster.reload()
    try:
        workflow = start(cluster, sql(stubborn, retry={"max_attempts": 1}))
        assert run(cluster, "SELECT 1 AS one")["count"] == 1   # the other executor goes on
        error = ended(cluster, workflow, deadline=90)["error"]
    finally:
        cluster.configure(hitl__sql_timeout="60s")
        cluster.reload()
    assert error["kind"] == "system_error"
    assert error["message"].startswith("the statement was begun 3 times and never ended")


def test_kills_the_server(cluster):
    """A statement that takes the server down does so three times, not for ever."""
    workflow = start(cluster, sql("SELECT pg_sleep(600)", retry={"max_attempts": 1}))
    log = len(cluster.log())

    def pid():
        try:
            return running(cluster, "pg_sleep(600)")
        except psycopg.OperationalError:
            return None
    for _ in range(3):
        seen = cluster.log().count("database system is ready")
        cluster.kill(wait_until(pid, deadline=60))
        wait_until(lambda seen=seen: cluster.log().count("database system is ready") > seen)

    def over():
        try:
            return ended(cluster, workflow)
        except psycopg.OperationalError:
            return None
    error = wait_until(over, deadline=60)["error"]
    assert cluster.log()[log:].count("was terminated by signal 9") == 3
    assert error["kind"] == "system_error"
    assert error["message"].startswith("the statement was begun 3 times and never ended")
    cluster.wait_for_workers()


def test_other_failures(cluster):
    assert fail(cluster, "DO $$BEGIN RAISE SQLSTATE '40001'; END$$")["kind"] == "service_unavailable"
    assert fail(cluster, "DO $$BEGIN RAISE SQLSTATE 'XX000'; END$$")["kind"] == "system_error"
    assert fail(cluster, "DO $$BEGIN RAISE SQLSTATE '28000'; END$$")["kind"] == "authentication_error"
    assert fail(cluster, "DO $$BEGIN RAISE SQLSTATE 'Q1234'; END$$")["kind"] == "unknown_error"
    error = fail(cluster, "DO $$BEGIN RAISE '%', repeat('ü', 100000); END$$")
    assert len(error["message"]) <= 1000


def test_withdrawn_while_it_runs(cluster):
    """Whoever returns to a checkpoint need not wait for a long statement, and it has not happened."""
    definition = {"steps": [
        {"name": "mark", "type": "checkpoint"},
        {"name": "s", "type": "sql", "timeout": "10 minutes", "params": ["{{ $.variables.n }}"],
         "sql": "WITH a AS (INSERT INTO log (line) VALUES ('x')) SELECT pg_sleep($1) AS withdrawn"}]}
    workflow = start(cluster, definition, n=600)
    pid = running(cluster, "AS withdrawn")
    cluster.sql("SELECT hitl.rollback_workflow(%s, 'mark', 'too slow')", [workflow])
    wait_until(lambda: cluster.value("SELECT count(*) FROM hitl.statements") == 0)
    assert cluster.value("SELECT count(*) FROM log") == 0
    assert pid in {row["pid"] for row in cluster.workers(kind="executor")}
    cluster.sql("SELECT hitl.update_workflow_state(%s, '{\"n\": 0}')", [workflow])
    cluster.sql("SELECT hitl.execute_workflow(%s)", [workflow])
    assert ended(cluster, workflow)["status"] == "completed"
    assert cluster.value("SELECT count(*) FROM log") == 1


def test_other_branch_withdrawn(cluster):
    """The branch that came first ends the statements of the others."""
    definition = {"steps": [{"name": "race", "type": "parallel", "wait_for": "any", "branches": [
        [{"name": "slow", "type": "sql",
          "sql": "WITH a AS (INSERT INTO log (line) VALUES ('slow')) SELECT pg_sleep(600) AS lost"}],
        [{"name": "fast", "type": "sql",
          "sql": "WITH a AS (INSERT INTO log (line) VALUES ('fast')) SELECT pg_sleep(1) AS won"}]]}]}
    row = ended(cluster, start(cluster, definition))
    assert row["status"] == "completed", row["error"]
    assert row["data"]["steps"]["race"] == {"branches": ["cancelled", "completed"]}
    wait_until(lambda: cluster.value("SELECT count(*) FROM hitl.statements") == 0)
    assert cluster.sql("SELECT line FROM log") == [{"line": "fast"}]


def test_cancelled(cluster):
    """hitl.cancel_workflow ends the statement under way."""
    workflow = start(cluster, sql("WITH a AS (INSERT INTO log (line) VALUES ('x'))"
                                  " SELECT pg_sleep(600) AS cancelled"))
    running(cluster, "AS cancelled")
    cluster.sql("SELECT hitl.cancel_workflow(%s, 'enough')", [workflow])
    wait_until(lambda: cluster.value("SELECT count(*) FROM hitl.statements") == 0)
    assert ended(cluster, workflow)["status"] == "cancelled"
    assert cluster.value("SELECT count(*) FROM log") == 0


def test_withdrawn_but_not_committed(cluster):
    """A withdrawal that is rolled back has no effect on the statement."""
    definition = {"steps": [{"name": "mark", "type": "checkpoint"},
                            *sql("SELECT pg_sleep(2) AS regretted")["steps"]]}
    workflow = start(cluster, definition)
    running(cluster, "AS regretted")
    with cluster.connect(autocommit=False) as connection:
        connection.execute("SAVEPOINT s")
        connection.execute("SELECT hitl.rollback_workflow(%s, 'mark', 'no')", [workflow])
        connection.execute("ROLLBACK TO s")
        connection.commit()
    assert ended(cluster, workflow)["status"] == "completed"


def test_withdraws_itself(cluster):
    """A statement that ends its own workflow's wait for it has failed."""
    definition = {"steps": [{"name": "mark", "type": "checkpoint"},
                            *sql("SELECT hitl.rollback_workflow($1, 'mark', 'me')",
                                 "{{ $.variables.me }}")["steps"]]}
    with cluster.connect() as connection:
        connection.execute("SET ROLE alice")
        me = connection.execute("SELECT hitl.create_workflow('self', workflow_definition => %s)",
                                [Jsonb(definition)]).fetchone()[0]
        connection.execute("SELECT hitl.execute_workflow(%s, context => %s)",
                           [me, Jsonb({"me": str(me)})])
    error = ended(cluster, me)["error"]
    assert error["kind"] == "validation_error"
    assert "has changed its own workflow" in error["message"]


def test_does_not_hold_the_workflow(cluster):
    """While a statement runs its workflow can be changed, and a locked workflow only delays."""
    workflow = start(cluster, sql("SELECT pg_sleep(1) AS meanwhile"))
    running(cluster, "AS meanwhile")
    cluster.sql("SET lock_timeout = '500ms'; SELECT hitl.update_workflow_state(%s, '{\"x\": 1}')"
                .replace("%s", f"'{workflow}'"))
    with cluster.connect(autocommit=False) as connection:
        connection.execute("SELECT FROM hitl.workflows WHERE id = %s FOR UPDATE", [workflow])
        wait_until(lambda: cluster.value(
            "SELECT true FROM pg_stat_activity WHERE backend_type = 'hitl executor'"
            " AND wait_event_type = 'Lock'"))
        connection.rollback()
    row = ended(cluster, workflow)
    assert row["status"] == "completed" and row["data"]["variables"] == {"x": 1}


def test_priority(cluster):
    """Priorities shift the order, by ten seconds a level, so that nobody starves."""
    cluster.configure(hitl__sql_workers=0)
    cluster.reload()
    cluster.wait_for_workers(executors=0)
    workflows = [start(cluster, sql("INSERT INTO log (line) VALUES ($1)", str(n))) for n in range(4)]
    wait_until(lambda: cluster.value("SELECT count(*) FROM hitl.statements") == 4)
    # The last but one is urgent; the first has waited for long.
    cluster.sql("UPDATE hitl.statements SET rank = rank - interval '20 s' WHERE workflow_id = %s",
                [workflows[2]])
    cluster.sql("UPDATE hitl.statements SET rank = rank - interval '1 hour' WHERE workflow_id = %s",
                [workflows[0]])
    cluster.configure(hitl__sql_workers=1)
    cluster.reload()
    for workflow in workflows:
        ended(cluster, workflow)
    assert cluster.value("SELECT array_agg(line ORDER BY id) FROM log") == ["0", "2", "1", "3"]
    cluster.configure(hitl__sql_workers=2)
    cluster.reload()
    cluster.wait_for_workers()


def test_side_by_side(cluster):
    """Two executors work at once, and one workflow after another needs only one of them."""
    many = [start(cluster, sql("SELECT pg_sleep(0.5)")) for _ in range(2)]
    wait_until(lambda: cluster.value(
        "SELECT count(*) = 2 FROM pg_stat_activity WHERE backend_type = 'hitl executor'"
        " AND state = 'active' AND query LIKE '%%pg_sleep(0.5)%%'"))
    for workflow in many:
        assert ended(cluster, workflow)["status"] == "completed"


SEED = int(os.environ.get("HITL_CRASH_SEED", random.randrange(10 ** 6)))


def test_exactly_once(new_cluster):
    """Killed at random moments: as many rows as steps have completed, none twice."""
    choose = random.Random(SEED)
    print("seed", SEED)
    cluster = new_cluster("once", {"hitl__engine_workers": 1, "fsync": "off"}).start()
    cluster.create_database()
    cluster.psql("CREATE ROLE alice LOGIN; SELECT hitl.grant_access('alice', 'operator');"
                 " CREATE TABLE done (workflow text, step integer); GRANT ALL ON done TO alice")
    definition = json.dumps({"steps": [
        {"name": f"s{n}", "type": "sql", "sql": "INSERT INTO done VALUES ($1, $2)",
         "params": ["{{ $.variables.key }}", n]} for n in range(5)]})
    count = 1500
    with cluster.connect() as connection:
        connection.execute("SET ROLE alice")
        connection.execute(
            "SELECT hitl.execute_workflow(hitl.create_workflow('w', workflow_definition => %s,"
            " input_data => jsonb_build_object('key', n::text))) FROM generate_series(1, %s) n",
            [definition, count])

    def left():
        try:
            return cluster.value(
                "SELECT count(*) FROM hitl.workflows WHERE finished_at IS NULL") or 0
        except psycopg.OperationalError:
            return None
    stop = threading.Event()
    killed = 0
    last = None

    def havoc():
        nonlocal killed, last
        while not stop.wait(choose.uniform(0.05, 0.4)):
            try:
                rows = cluster.sql("SELECT pid FROM pg_stat_activity"
                                   " WHERE backend_type IN ('hitl executor', 'hitl engine')")
                if rows:
                    pid, way = choose.choice(rows)["pid"], choose.choice(
                        [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
                    cluster.kill(pid, way)
                    killed += 1
                    last = pid if way == signal.SIGKILL else last
            except (psycopg.OperationalError, ProcessLookupError):
                pass
    thread = threading.Thread(target=havoc)
    thread.start()
    wait_until(lambda: left() == 0 or killed >= 20, deadline=60)
    stop.set()
    thread.join()
    cluster.wait_until_gone(last)
    wait_until(lambda: left() == 0, deadline=120, describe=left)
    rows = cluster.sql("SELECT status, count(*) FROM hitl.workflows GROUP BY 1")
    completed = cluster.value("SELECT count(*) FROM hitl.workflow_events"
                              " WHERE event_type = 'step_completed'")
    inserted = cluster.sql("SELECT count(*), count(DISTINCT (workflow, step)) FROM done")[0]
    assert inserted["count"] == completed, rows
    assert killed > 0
    # A step that was given up was never done, so none is there twice.
    doubles = cluster.value("SELECT count(*) FROM (SELECT FROM done GROUP BY workflow, step"
                            " HAVING count(*) > 1) d")
    assert doubles == 0
