"""The sandbox of agents' code: what it tells, and what does not get out of it.

A trigger of the tests' own makes code of an agent out of the statement of an sql
step whose first parameter says so.  There is one executor, so whatever one piece of
code leaves in its process the next one meets.
"""
import signal
from pathlib import Path

import pytest
from harness import wait_until
from psycopg.types.json import Jsonb

SETTINGS = {"hitl__engine_workers": 1, "hitl__sql_workers": 1, "hitl__sandbox_memory": "64MB",
            "wal_level": "logical"}

SCHEMA = """
    CREATE ROLE alice LOGIN;
    CREATE ROLE boss;
    CREATE ROLE mallory;
    CREATE ROLE helper;
    SELECT hitl.grant_access('alice', 'operator');
    GRANT CREATE ON SCHEMA public TO PUBLIC;      -- as before PostgreSQL 15
    CREATE SCHEMA ext;
    GRANT USAGE ON SCHEMA ext TO PUBLIC;
    CREATE EXTENSION dblink SCHEMA ext;
    CREATE EXTENSION postgres_fdw SCHEMA ext;
    CREATE EXTENSION file_fdw SCHEMA ext;
    CREATE EXTENSION xml2 SCHEMA ext;
    CREATE SCHEMA helper AUTHORIZATION helper;
    CREATE SCHEMA shop AUTHORIZATION boss;
    GRANT USAGE ON SCHEMA shop TO helper, alice;
    ALTER ROLE helper SET search_path = "$user", public, shop;
    SELECT hitl.set_secret('key', 'sesame');
    SELECT lo_from_bytea(4711, 'sesame');

    CREATE FUNCTION public.as_code() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.body #> '{params,0,sandbox}' IS NOT NULL THEN
                NEW.body := NEW.body || jsonb_build_object(
                    'params', '[]'::jsonb, 'sandbox', NEW.body #> '{params,0,sandbox}');
            END IF;
            RETURN NEW;
        END$$;
    CREATE TRIGGER as_code BEFORE INSERT ON hitl.statements
        FOR EACH ROW EXECUTE FUNCTION public.as_code();
    ALTER TABLE hitl.statements ENABLE ALWAYS TRIGGER as_code;

    SET ROLE boss;
    CREATE TABLE shop.orders (id integer PRIMARY KEY, item text, note text);
    INSERT INTO shop.orders VALUES (1, 'pen', NULL), (2, 'ink', E'two\\nlines'), (3, 'paper', '');
    CREATE TABLE shop.log (line text);
    CREATE TABLE shop.vault (word text);
    INSERT INTO shop.vault VALUES ('sesame');
    CREATE VIEW shop.cheap AS SELECT id, item FROM shop.orders;
    CREATE SEQUENCE shop.numbers;
    CREATE TABLE shop.docs (id integer, doc text);
    INSERT INTO shop.docs VALUES (1, '<a>x</a>');
    CREATE FUNCTION shop.cancel_order(which integer) RETURNS text LANGUAGE plpgsql AS
        $$BEGIN DELETE FROM shop.orders WHERE id = which; RETURN 'cancelled'; END$$;
    CREATE FUNCTION shop.reveal() RETURNS text SECURITY DEFINER LANGUAGE sql AS
        'SELECT word FROM shop.vault';
    CREATE FUNCTION shop.note(line text) RETURNS void SECURITY DEFINER LANGUAGE sql AS
        'INSERT INTO shop.log VALUES (line)';
    CREATE FUNCTION shop.evaluate(sql text) RETURNS text LANGUAGE plpgsql AS
        $$BEGIN EXECUTE sql; RETURN 'evaluated'; END$$;
    CREATE FUNCTION shop.quietly(sql text) RETURNS text LANGUAGE plpgsql AS
        $$BEGIN EXECUTE sql; RETURN 'evaluated';
          EXCEPTION WHEN OTHERS THEN RETURN sqlstate; END$$;
    CREATE FUNCTION shop.swallow(sql text) RETURNS text LANGUAGE plpgsql AS
        $$BEGIN EXECUTE sql; RETURN 'evaluated';
          EXCEPTION WHEN query_canceled THEN RETURN 'swallowed'; END$$;
    CREATE FUNCTION shop.stubborn() RETURNS void LANGUAGE plpgsql AS
        $$BEGIN LOOP BEGIN PERFORM pg_sleep(60);
          EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END$$;
    CREATE FUNCTION shop.deeper(n integer) RETURNS integer LANGUAGE plpgsql AS
        'BEGIN RETURN shop.deeper(n + 1); END';
    CREATE FUNCTION shop.settle(value text) RETURNS text SECURITY DEFINER LANGUAGE sql AS
        $$SELECT set_config('shop.tenant', value, true)$$;
    CREATE PROCEDURE shop.finish() LANGUAGE plpgsql AS 'BEGIN COMMIT; END';
    CREATE TABLE shop.deferred (n integer PRIMARY KEY DEFERRABLE INITIALLY DEFERRED);
    CREATE FUNCTION shop.tell() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN INSERT INTO shop.log VALUES (session_user || ' ' || current_user);
          RETURN NULL; END$$;
    CREATE CONSTRAINT TRIGGER tell AFTER INSERT ON shop.deferred DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION shop.tell();
    GRANT SELECT, INSERT, UPDATE, DELETE ON shop.orders, shop.cheap, shop.log, shop.docs,
        shop.deferred TO helper;
    GRANT ALL ON shop.numbers TO helper;

    SET ROLE mallory;
    CREATE VIEW public.orders AS SELECT 'planted'::text AS item;
    CREATE FUNCTION public.reverse(character varying) RETURNS text LANGUAGE sql AS
        $$SELECT 'planted'$$;
    CREATE FUNCTION public.never(integer, integer) RETURNS boolean LANGUAGE sql AS 'SELECT false';
    CREATE OPERATOR public.= (FUNCTION = public.never, LEFTARG = integer, RIGHTARG = integer);
    GRANT SELECT ON public.orders TO PUBLIC;
    RESET ROLE;
    CREATE VIEW helper.orders AS SELECT 'planted by itself'::text AS item;
    GRANT SELECT ON helper.orders TO helper;
    """

# What must be the same before and after.
STATE = """
    SELECT json_build_object(
        'orders', (SELECT json_agg(o ORDER BY o.id) FROM shop.orders o),
        'log', (SELECT json_agg(l) FROM shop.log l),
        'deferred', (SELECT count(*) FROM shop.deferred),
        'numbers', (SELECT json_build_array(last_value, is_called) FROM shop.numbers),
        'catalog', (SELECT json_object_agg(name, n) FROM (
            SELECT 'pg_class', count(*) FROM pg_class
            UNION ALL SELECT 'pg_proc', count(*) FROM pg_proc
            UNION ALL SELECT 'pg_type', count(*) FROM pg_type
            UNION ALL SELECT 'pg_namespace', count(*) FROM pg_namespace
            UNION ALL SELECT 'pg_trigger', count(*) FROM pg_trigger
            UNION ALL SELECT 'pg_extension', count(*) FROM pg_extension
            UNION ALL SELECT 'pg_foreign_server', count(*) FROM pg_foreign_server
            UNION ALL SELECT 'pg_event_trigger', count(*) FROM pg_event_trigger
            UNION ALL SELECT 'pg_publication', count(*) FROM pg_publication
            UNION ALL SELECT 'pg_default_acl', count(*) FROM pg_default_acl
            UNION ALL SELECT 'pg_description', count(*) FROM pg_description
            UNION ALL SELECT 'pg_largeobject_metadata', count(*) FROM pg_largeobject_metadata
            UNION ALL SELECT 'pg_replication_slots', count(*) FROM pg_replication_slots
            UNION ALL SELECT 'pg_prepared_xacts', count(*) FROM pg_prepared_xacts) c (name, n)),
        'rights', (SELECT json_agg(relacl::text ORDER BY oid) FROM pg_class
                   WHERE relnamespace = 'shop'::regnamespace),
        'roles', (SELECT json_agg(a ORDER BY a.oid) FROM pg_authid a),
        'settings', (SELECT json_agg(s) FROM pg_db_role_setting s),
        'files', (SELECT json_agg(name) FROM pg_file_settings),
        'large', (SELECT md5(string_agg(data, '' ORDER BY loid, pageno)) FROM pg_largeobject),
        'advisory', (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'),
        'secrets', (SELECT json_agg(s) FROM hitl.secrets s),
        'models', (SELECT count(*) FROM hitl.models),
        'templates', (SELECT count(*) FROM hitl.workflow_templates),
        'approvals', (SELECT json_agg(status) FROM hitl.approval_requests))::text"""

# What the next statement in the same process must find, and that it can write.
NEXT = """
    SELECT session_user || ' ' || current_user AS who, current_setting('search_path') AS path,
        current_setting('transaction_read_only') AS read_only, current_setting('work_mem') AS memory,
        current_setting('jit') AS jit, current_setting('statement_timeout') AS timeout,
        current_setting('log_min_messages') AS log, current_setting('temp_file_limit') AS files,
        pg_my_temp_schema()::integer AS temporary, pg_current_xact_id() IS NOT NULL AS writes,
        (SELECT count(*) FROM pg_prepared_statements) AS prepared,
        (SELECT count(*) FROM pg_cursors WHERE name <> '') AS cursors,
        (SELECT count(*) FROM pg_listening_channels() c WHERE c <> 'hitl') AS channels,
        current_setting('shop.tenant', true) IS NOT DISTINCT FROM '' OR
        current_setting('shop.tenant', true) IS NULL AS unset"""
CLEAN = {"who": "alice alice", "path": '"$user", public', "read_only": "off", "memory": "4MB",
         "jit": "on", "timeout": "0", "log": "warning", "files": "-1", "temporary": 0, "writes": True,
         "prepared": 0, "cursors": 0, "channels": 0, "unset": True}


@pytest.fixture(scope="module", autouse=True)
def shop(cluster):
    cluster.psql(SCHEMA)


@pytest.fixture(scope="module")
def spy(cluster):
    """A connection that hears what is notified."""
    with cluster.connect() as connection:
        connection.execute("LISTEN spy")
        yield connection


@pytest.fixture
def nothing_stays(cluster, spy):
    """After the test everything is as it was, in the database and in the executor."""
    before = cluster.value(STATE)
    pids = {row["pid"] for row in cluster.workers(kind="executor")}
    log = len(cluster.log())
    yield
    assert cluster.value(STATE) == before
    assert step(cluster, NEXT)["result"]["rows"] == [CLEAN]
    assert {row["pid"] for row in cluster.workers(kind="executor")} == pids
    assert heard(spy) == []
    assert "was terminated by signal" not in cluster.log()[log:]


def heard(connection):
    """The notifications that have come."""
    found = []
    connection.add_notify_handler(found.append)
    connection.execute("SELECT 1")
    connection.remove_notify_handler(found.append)
    return found


def start(cluster, statement, params=(), role="alice", **options):
    definition = {"steps": [{"name": "s", "type": "sql", "sql": statement, "params": list(params),
                             "retry": {"max_attempts": 1}, **options}]}
    with cluster.connect() as connection:
        connection.execute(f"SET ROLE {role}")
        return connection.execute("SELECT hitl.execute_workflow(hitl.create_workflow("
                                  "'test', workflow_definition => %s))",
                                  [Jsonb(definition)]).fetchone()[0]


def ended(cluster, workflow, deadline=60):
    """{"result": …} or {"error": …} of its step, when it has ended."""
    def row():
        found = cluster.sql("SELECT * FROM hitl.workflows WHERE id = %s", [workflow])[0]
        return found if found["finished_at"] else None
    found = wait_until(row, deadline)
    if found["status"] == "completed":
        return {"result": found["data"]["steps"]["s"]}
    return {"error": found["error"]}


def step(cluster, statement, *params, **options):
    """An ordinary sql step."""
    return ended(cluster, start(cluster, statement, params, **options))


def sandbox(role="helper", read_only=True, timeout_ms=20000, **limits):
    return {"sandbox": {"role": role, "read_only": read_only, "timeout_ms": timeout_ms, **limits}}


def act(cluster, code, **options):
    """The result of code of an agent, as {"text", "count", "truncated"}."""
    reply = ended(cluster, start(cluster, code, [sandbox(**options)]))
    assert "result" in reply, reply
    return reply["result"]


def fail(cluster, code, **options):
    """The error of code of an agent."""
    reply = ended(cluster, start(cluster, code, [sandbox(**options)]))
    assert "error" in reply, reply
    return reply["error"]


# What it tells

def test_table(cluster):
    assert act(cluster, "SELECT id, item AS \"what it is\", note FROM shop.orders ORDER BY id") == {
        "text": "id | what it is | note\n1 | pen | NULL\n2 | ink | two\\nlines\n3 | paper | \n(3 rows)",
        "count": 3, "truncated": False}
    assert act(cluster, "SELECT item AS a, item AS a FROM shop.orders WHERE id = 1")["text"] == (
        "a | a\npen | pen\n(1 row)")
    assert act(cluster, "SELECT FROM shop.orders")["text"] == "\n\n\n(3 rows)"
    assert act(cluster, "TABLE shop.orders LIMIT 0") == {
        "text": "id | item | note\n(0 rows)", "count": 0, "truncated": False}
    assert act(cluster, "VALUES (1, '{\"a\": [1.50]}'::jsonb, ARRAY['x', NULL], true)")["text"] == (
        'column1 | column2 | column3 | column4\n1 | {"a": [1.50]} | {x,NULL} | t\n(1 row)')
    assert act(cluster, "EXPLAIN (COSTS off) SELECT 1")["text"] == "QUERY PLAN\nResult\n(1 row)"
    assert act(cluster, "SHOW transaction_read_only")["text"] == (
        "transaction_read_only\non\n(1 row)")


def test_several_statements(cluster):
    """Each tells its result, in order, and sees what those before have done."""
    code = """
        -- first
        INSERT INTO shop.log VALUES ('a'), ('b'); UPDATE shop.log SET line = line || '!'
        RETURNING line; /* then; */ MERGE INTO shop.log USING (VALUES ('a!')) v (x) ON x = line
        WHEN MATCHED THEN DELETE; SELECT line AS "left" FROM shop.log; DELETE FROM shop.log;
        """
    assert act(cluster, code, read_only=False) == {
        "text": "INSERT 0 2\n\nline\na!\nb!\n(2 rows)\nUPDATE 2\n\nMERGE 1\n\nleft\nb!\n(1 row)\n\n"
                "DELETE 1", "count": 1, "truncated": False}


def test_one_fails(cluster, nothing_stays):
    """Then none of them has happened."""
    error = fail(cluster, "INSERT INTO shop.log VALUES ('é'); SELECT nope FROM shop.log",
                 read_only=False)
    assert error["message"] == 'column "nope" does not exist'
    assert error["context"] == "statement 2 of 2"


def test_limits(cluster, nothing_stays):
    """What is too much is cut, and the query ends there."""
    assert act(cluster, "SELECT n FROM generate_series(1, 1000) n", rows=2) == {
        "text": "n\n1\n2\n… first 2 rows shown, there are more", "count": 2, "truncated": True}
    assert act(cluster, "SELECT n FROM generate_series(1, 2) n", rows=2)["truncated"] is False
    assert act(cluster, "SELECT n FROM generate_series(1, 1000) n")["count"] == 100
    assert act(cluster, "SELECT n FROM generate_series(100, 999) n", rows=50, bytes=42) == {
        "text": "n\n" + "".join(f"{n}\n" for n in range(100, 110))
                + "… first 10 rows shown, there are more", "count": 10, "truncated": True}
    result = act(cluster, "SELECT repeat('é', 500) AS a, repeat('é', 501) AS b")
    assert result["text"] == ("a | b\n" + "é" * 500 + " | " + "é" * 500 + "…\n(1 row)\n"
                              "… at the end of a value: it is longer than 500 characters")
    assert result["truncated"] is True
    # Rows that do not fit at all, and a second result after the limit.
    assert act(cluster, "SELECT repeat('x', 100) AS a; SELECT 1 AS b", bytes=50)["text"] == (
        "a\n… first 0 rows shown, there are more\n\n"
        "b\n1\n(1 row)")
    # An endless query is no harm.
    assert act(cluster, "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r)"
                        " SELECT n FROM r", rows=1)["text"] == (
        "n\n1\n… first 1 row shown, there are more")


def test_limits_of_writing(cluster):
    """What is too much to be shown is done nevertheless, for all rows or none."""
    result = act(cluster, "INSERT INTO shop.log SELECT n FROM generate_series(1, 50) n"
                          " RETURNING line", read_only=False, rows=2)
    assert result == {"text": "line\n1\n2\n… first 2 of 50 rows shown\nINSERT 0 50", "count": 50,
                      "truncated": True}
    result = act(cluster, "SELECT shop.note(n::text) FROM generate_series(51, 60) n",
                 read_only=False, rows=2)
    assert result["count"] == 10
    result = act(cluster, "WITH more AS (INSERT INTO shop.log SELECT n FROM generate_series(61, 70) n"
                          " RETURNING line) SELECT line FROM more", read_only=False, rows=2)
    assert result["truncated"] is True
    assert cluster.value("SELECT count(*) FROM shop.log") == 70
    cluster.psql("TRUNCATE shop.log")


@pytest.mark.parametrize("code, sqlstate, message, character", [
    ("SELEC 1", "42601", 'syntax error at or near "SELEC"', 1),
    ("SELECT 'é'; SELEC 1", "42601", 'syntax error at or near "SELEC"', 13),
    ("SELECT 'é';\n  SELECT nope", "42703", 'column "nope" does not exist', 22),
    ("SELECT 1 FROM nowhere", "42P01", 'relation "nowhere" does not exist', 15),
    ("SELECT item::integer FROM shop.orders", "22P02",
     'invalid input syntax for type integer: "pen"', None),
    ("SELECT 'x'::integer", "22P02", 'invalid input syntax for type integer: "x"', 8),
    ("SELECT 1 / 0", "22012", "division by zero", None),
    ("SELECT $1", "42P02", "there is no parameter $1", 8),
    (";", "42601", "the code is empty", None),
    ("-- nothing\n;;", "42601", "the code is empty", None),
    ("SELECT 1;\n\n  DROP TABLE shop.orders", "42501",
     "DROP TABLE is not allowed in code of this agent", 14),
    ("SELECT word FROM shop.vault", "42501", "permission denied for table vault", None),
])
def test_errors(cluster, code, sqlstate, message, character):
    """Errors tell where in the code they are."""
    error = fail(cluster, code)
    assert (error["sqlstate"], error["message"], error.get("character")) == (
        sqlstate, message, character)


def test_error_in_a_function(cluster):
    """Then there is no place in the code, but a context."""
    error = fail(cluster, "SELECT shop.evaluate('SELECT oops'), 'SELECT oops'")
    assert error["message"] == 'column "oops" does not exist'
    assert error["context"] == "PL/pgSQL function evaluate(text) line 1 at EXECUTE"
    assert "character" not in error
    cluster.psql("SET ROLE boss; CREATE FUNCTION shop.complain() RETURNS void LANGUAGE plpgsql AS"
                 " $$BEGIN RAISE 'no' USING DETAIL = 'why', HINT = 'ask', ERRCODE = 'WF001'; END$$")
    error = fail(cluster, "SELECT shop.complain()")
    assert [error[name] for name in ("sqlstate", "message", "detail", "hint", "context")] == [
        "WF001", "no", "why", "ask", "PL/pgSQL function complain() line 1 at RAISE"]
    cluster.psql("DROP FUNCTION shop.complain")
    # The same for an ordinary step.
    error = step(cluster, "SELECT\n nope")["error"]
    assert (error["character"], error["position"]) == (9, "/steps/0")
    assert "context" not in error


def test_who_it_is(cluster):
    assert act(cluster, "SELECT session_user, current_user, current_setting('is_superuser') AS super,"
                        " current_setting('search_path') AS path")["text"].splitlines()[1] == (
        "helper | helper | off | pg_catalog, shop, pg_temp")


# Who it may be

@pytest.mark.parametrize("make, detail", [
    ("ALTER ROLE odd SUPERUSER", "It has the attribute SUPERUSER."),
    ("ALTER ROLE odd BYPASSRLS", "It has the attribute BYPASSRLS."),
    ("ALTER ROLE odd CREATEROLE", "It has the attribute CREATEROLE."),
    ("ALTER ROLE odd CREATEDB", "It has the attribute CREATEDB."),
    ("ALTER ROLE odd REPLICATION", "It has the attribute REPLICATION."),
    ("ALTER ROLE odd LOGIN", "It has the attribute LOGIN."),
    ("GRANT pg_read_server_files TO odd", 'It is a member of role "pg_read_server_files".'),
    ("GRANT boss TO odd", 'It is a member of role "boss".'),
    ("ALTER DATABASE hitl OWNER TO odd", "It owns the database."),
    ("SELECT hitl.grant_access('odd', 'worker')", "It has privileges on schema hitl."),
    ("GRANT SELECT ON hitl.secrets TO odd", "It has privileges on hitl.secrets."),
    ("GRANT SELECT (name) ON hitl.secrets TO odd", "It has privileges on hitl.secrets."),
    ("GRANT EXECUTE ON FUNCTION hitl.set_secret TO odd",
     "It has privileges on hitl.set_secret(text,text,text[])."),
    ("GRANT SELECT ON hitl.workflows TO PUBLIC", "It has privileges on hitl.workflows."),
])
def test_roles(cluster, make, detail):
    """A role that may more than what it was granted for is refused, whenever it came to it."""
    cluster.psql("CREATE ROLE odd")
    try:
        assert act(cluster, "SELECT 1 AS one", role="odd")["count"] == 1
        cluster.psql(make)
        error = fail(cluster, "SELECT 1 AS one", role="odd")
    finally:
        cluster.psql("ALTER DATABASE hitl OWNER TO postgres; DROP OWNED BY odd; DROP ROLE odd;"
                     " REVOKE SELECT ON hitl.workflows FROM PUBLIC")
    assert (error["kind"], error["sqlstate"]) == ("permission_error", "0P000")
    assert (error["message"], error["detail"]) == (
        'code of an agent cannot run as role "odd"', detail)


def test_no_role(cluster):
    error = fail(cluster, "SELECT 1", role=None)
    assert (error["kind"], error["message"]) == (
        "permission_error", "the agent has no role to run its code as")
    error = fail(cluster, "SELECT 1", role="nobody")
    assert (error["kind"], error["message"]) == (
        "permission_error", 'role "nobody", that of the agent, does not exist')
    cluster.psql("REVOKE CONNECT ON DATABASE hitl FROM PUBLIC; GRANT CONNECT ON DATABASE hitl TO alice")
    try:
        error = fail(cluster, "SELECT 1")
    finally:
        cluster.psql("GRANT CONNECT ON DATABASE hitl TO PUBLIC")
    assert (error["kind"], error["message"]) == (
        "permission_error", 'role "helper", that of the agent, may not connect to the database')


# Escapes.  What the agent meets that may only read, and one that may write: an SQLSTATE, or a
# text that is harmless.

DENIED, READING, ENDING = "42501", "25006", "2D000"


STATEMENTS = {
    ENDING: [
        "COMMIT; DROP TABLE shop.orders", "ROLLBACK", "BEGIN", "SAVEPOINT a",
        "ROLLBACK TO a", "RELEASE a", "PREPARE TRANSACTION 'x'", "COMMIT PREPARED 'x'",
        "COMMIT AND CHAIN",
    ],
    DENIED: [
        "SET ROLE postgres", "RESET ROLE", "SET SESSION AUTHORIZATION postgres",
        "RESET SESSION AUTHORIZATION", "SET LOCAL work_mem = '1TB'", "RESET ALL", "DISCARD ALL",
        "SET TRANSACTION READ WRITE", "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
        "SET CONSTRAINTS ALL DEFERRED",
        "DO $$BEGIN DELETE FROM shop.orders; END$$", "CALL shop.finish()",
        "COPY shop.orders TO '/tmp/hitl-sandbox'", "COPY shop.orders FROM '/etc/passwd'",
        "COPY (SELECT 1) TO PROGRAM 'touch /tmp/hitl-sandbox'",
        "COPY shop.orders FROM PROGRAM 'echo 9'", "COPY shop.orders TO STDOUT",
        "LOAD 'plpgsql'", "LISTEN spy", "UNLISTEN *", "NOTIFY spy, 'x'",
        "PREPARE p AS SELECT 1", "EXECUTE p", "DEALLOCATE ALL",
        "DECLARE c CURSOR WITH HOLD FOR SELECT 1", "FETCH c", "MOVE c", "CLOSE ALL",
        "LOCK TABLE shop.orders", "CREATE TABLE helper.x (n integer)",
        "CREATE TEMP TABLE orders (n integer)", "CREATE TABLE helper.x AS SELECT 1 AS n",
        "SELECT 1 AS n INTO helper.x", "SELECT 1 AS n INTO TEMP x UNION SELECT 2",
        "CREATE FUNCTION helper.f() RETURNS void SECURITY DEFINER LANGUAGE sql AS ''",
        "CREATE FUNCTION pg_temp.f() RETURNS void LANGUAGE sql AS ''",
        "CREATE VIEW helper.v AS SELECT 1 AS n", "CREATE SCHEMA x", "CREATE SEQUENCE helper.q",
        "CREATE DOMAIN helper.text AS text", "CREATE TRIGGER t AFTER INSERT ON shop.orders"
        " EXECUTE FUNCTION shop.tell()",
        "CREATE RULE r AS ON INSERT TO shop.orders DO ALSO NOTIFY spy",
        "DROP TABLE shop.orders", "TRUNCATE shop.orders", "ALTER TABLE shop.orders ADD x integer",
        "ALTER ROLE helper SET search_path = helper", "ALTER ROLE helper LOGIN PASSWORD 'x'",
        "ALTER SYSTEM SET archive_command = 'x'", "ALTER DATABASE hitl SET search_path = helper",
        "CREATE ROLE x", "GRANT SELECT ON shop.orders TO mallory", "GRANT boss TO helper",
        "REASSIGN OWNED BY helper TO mallory", "DROP OWNED BY helper",
        "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC",
        "VACUUM shop.orders", "ANALYZE shop.orders", "REINDEX TABLE shop.orders",
        "CLUSTER shop.orders", "CHECKPOINT", "COMMENT ON TABLE shop.orders IS 'x'",
        "CREATE EXTENSION adminpack", "CREATE DATABASE x", "CREATE PUBLICATION p",
        "CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1' PUBLICATION p",
        "CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw",
        "CREATE USER MAPPING FOR helper SERVER s", "CREATE EVENT TRIGGER e ON ddl_command_end"
        " EXECUTE FUNCTION shop.tell()", "SECURITY LABEL ON TABLE shop.orders IS 'x'",
        "IMPORT FOREIGN SCHEMA x FROM SERVER s INTO helper",
        "EXPLAIN ANALYZE CREATE TABLE helper.x AS SELECT 1 AS n", "EXPLAIN EXECUTE p",
        "EXPLAIN ANALYZE DECLARE c CURSOR WITH HOLD FOR SELECT 1",
    ],
}


@pytest.mark.parametrize("read_only", [True, False], ids=["reading", "writing"])
@pytest.mark.parametrize("sqlstate, code", [
    (state, code) for state, several in STATEMENTS.items() for code in several])
def test_statement(cluster, nothing_stays, sqlstate, code, read_only):
    """By their kind, all before the first one runs."""
    before = "SELECT shop.cancel_order(1); "
    error = fail(cluster, before + code, read_only=read_only)
    assert error["sqlstate"] == sqlstate
    assert "is not allowed in code of this agent" in error["message"]
    assert error["detail"]
    assert error["character"] == len(before) + 1


WRITES = {
    "insert": "INSERT INTO shop.orders VALUES (9, 'x')",
    "update": "UPDATE shop.orders SET item = 'x'",
    "delete": "DELETE FROM shop.orders",
    "merge": "MERGE INTO shop.orders o USING (VALUES (1)) v (n) ON n = id WHEN MATCHED THEN DELETE",
    "upsert": "INSERT INTO shop.orders VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET item = 'x'",
    "insert in WITH": "WITH a AS (INSERT INTO shop.orders VALUES (9, 'x') RETURNING id)"
                      " SELECT id FROM a",
    "update in WITH of VALUES": "WITH a AS (UPDATE shop.orders SET item = 'x' RETURNING id)"
                                " VALUES (1)",
    "delete explained": "EXPLAIN (ANALYZE) DELETE FROM shop.orders",
    "WITH explained": "EXPLAIN (ANALYZE true) WITH a AS (DELETE FROM shop.orders) SELECT 1",
    "view": "UPDATE shop.cheap SET item = 'x' WHERE id = 1",
    "for update": "SELECT id FROM shop.orders FOR UPDATE",
    "for share in a subquery": "SELECT n FROM (SELECT id AS n FROM shop.orders FOR SHARE) a",
    "function": "SELECT shop.cancel_order(1)",
    "function of others with their rights": "SELECT shop.note('x')",
    "function that hides it": "SELECT shop.evaluate('DELETE FROM shop.orders')",
    "function in WHERE": "SELECT 1 WHERE shop.cancel_order(1) IS NOT NULL",
    "function in ORDER BY": "SELECT 1 AS n ORDER BY shop.cancel_order(1)",
    "function in an explained query": "EXPLAIN ANALYZE SELECT shop.cancel_order(1)",
    "nextval": "SELECT nextval('shop.numbers')",
    "setval": "SELECT setval('shop.numbers', 42)",
    "deferred trigger": "INSERT INTO shop.deferred VALUES (1)",
    "lock in a function": "SELECT shop.evaluate('SELECT id FROM shop.orders FOR UPDATE')",
}


@pytest.mark.parametrize("code", WRITES.values(), ids=WRITES.keys())
def test_writing_while_reading(cluster, nothing_stays, code):
    """Refused in whatever way it is written."""
    assert fail(cluster, code)["sqlstate"] == READING


@pytest.mark.parametrize("code", WRITES.values(), ids=WRITES.keys())
def test_writing_as_granted(cluster, code):
    """An agent that may write can do these, with its own rights or those of a function's owner."""
    act(cluster, code, read_only=False)
    cluster.psql("TRUNCATE shop.orders, shop.log, shop.deferred; ALTER SEQUENCE shop.numbers RESTART;"
                 " INSERT INTO shop.orders VALUES (1, 'pen', NULL), (2, 'ink', E'two\\nlines'),"
                 " (3, 'paper', '')")


def test_explaining_does_nothing(cluster, nothing_stays):
    for read_only in (True, False):
        assert "Delete on orders" in act(cluster, "EXPLAIN DELETE FROM shop.orders",
                                         read_only=read_only)["text"]


# Code that reaches the server by way of a function, what it meets while reading, and, where that is
# something else, while writing.  What an agent that may write is allowed is None.
FUNCTIONS = {
    # becoming somebody else, or another session
    "role": ("SELECT set_config('role', 'postgres', false)", DENIED),
    "authorization": ("SELECT set_config('session_authorization', 'postgres', true)", DENIED),
    "read-write": ("SELECT set_config('transaction_read_only', 'off', true)", DENIED),
    "later settings": ("SELECT set_config('search_path', 'helper', false)", DENIED),
    "time limit": ("SELECT set_config('statement_timeout', '0', false), pg_sleep(0)", DENIED),
    "memory": ("SELECT set_config('work_mem', '1TB', false)", DENIED),
    "pg_settings": ("UPDATE pg_settings SET setting = '1000000' WHERE name = 'work_mem'",
                    READING, DENIED),
    "set_config in a query for XML": (
        "SELECT query_to_xml('SELECT set_config(''role'', ''postgres'', true)', true, true, '')",
        DENIED),
    "set_config in a plan": ("SELECT id FROM shop.orders WHERE item = set_config('a.b', 'x', false)",
                             DENIED),
    "set_config as table": ("SELECT * FROM set_config('a.b', 'x', false)", DENIED),
    "RESET ROLE in a function": ("SELECT shop.evaluate('RESET ROLE')", DENIED),
    "SET ROLE in a function": ("SELECT shop.evaluate('SET ROLE postgres')", DENIED),
    "SET SESSION AUTHORIZATION in a function": (
        "SELECT shop.evaluate('SET SESSION AUTHORIZATION DEFAULT')", DENIED),
    "errors caught": (
        "SELECT shop.quietly('SET ROLE postgres'), session_user, current_user",
        "quietly | session_user | current_user\n42501 | helper | helper\n(1 row)"),
    # the transaction
    "COMMIT in a function": ("SELECT shop.evaluate('COMMIT')", "0A000"),
    "COMMIT in a procedure": ("SELECT shop.evaluate('CALL shop.finish()')", ENDING),
    "read-write in a function": ("SELECT shop.evaluate('SET transaction_read_only = off')",
                                 "25001", "evaluate\nevaluated\n(1 row)"),
    "read-write in a function, and then": (
        "SELECT shop.quietly('SET TRANSACTION READ WRITE');"
        " SELECT shop.quietly('DELETE FROM shop.log')",
        "quietly\n25001\n(1 row)\n\nquietly\n25006\n(1 row)",
        "quietly\nevaluated\n(1 row)\n\nquietly\nevaluated\n(1 row)"),
    "settings in a function": (
        "SELECT shop.evaluate('SET work_mem = ''64kB'''), shop.evaluate('SET search_path = helper')",
        "evaluate | evaluate\nevaluated | evaluated\n(1 row)"),
    "another end of a string": (
        "SELECT shop.evaluate('SET standard_conforming_strings = off');"
        " SELECT '\\''; DROP TABLE shop.orders; --' AS text", "0A000"),
    "another statement in a string": (
        "SELECT shop.evaluate('SET standard_conforming_strings = off');"
        " EXPLAIN ANALYZE SELECT '\\'' AS a, ' UNION SELECT 1 INTO helper.x; --' AS b;",
        "42601"),
    "settings of somebody else's function": (
        "SELECT shop.settle('x')", "settle\nx\n(1 row)"),
    "constraints in a function": (
        "SELECT shop.evaluate('SET CONSTRAINTS ALL DEFERRED');"
        " SELECT shop.evaluate('INSERT INTO shop.deferred VALUES (1)')", READING, DENIED),
    "export of the snapshot": ("SELECT pg_export_snapshot()", "25001"),
    # objects, wherever they may be created
    "table in a function": ("SELECT shop.evaluate('CREATE TABLE helper.x (n integer)')",
                            READING, DENIED),
    "temporary table in a function": ("SELECT shop.evaluate('CREATE TEMP TABLE x (n integer)')",
                                      READING, DENIED),
    "temporary function in a function": (
        "SELECT shop.evaluate('CREATE FUNCTION pg_temp.f() RETURNS void LANGUAGE sql AS ''''')",
        READING, DENIED),
    "temporary type in a function": (
        "SELECT shop.evaluate('CREATE DOMAIN pg_temp.text AS pg_catalog.text')", READING, DENIED),
    "SECURITY DEFINER in a function": (
        "SELECT shop.evaluate('CREATE FUNCTION helper.f() RETURNS void SECURITY DEFINER"
        " LANGUAGE sql AS ''''')", READING, DENIED),
    "dropping in a function": ("SELECT shop.evaluate('DROP VIEW helper.orders')", READING, DENIED),
    "its own role in a function": (
        "SELECT shop.evaluate('ALTER ROLE helper PASSWORD ''x''')", READING, DENIED),
    "settings of its role in a function": (
        "SELECT shop.evaluate('ALTER ROLE helper SET search_path = helper')", READING, DENIED),
    "default privileges in a function": (
        "SELECT shop.evaluate('ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC')",
        READING, DENIED),
    "objects by xpath_table": (
        "SELECT * FROM ext.xpath_table('id', 'doc', 'shop.docs; CREATE TABLE helper.x (); SELECT id,"
        " doc FROM shop.docs', '/a', 'true') AS t (id integer, a text)", READING, DENIED),
    "COMMIT by xpath_table": (
        "SELECT * FROM ext.xpath_table('id', 'doc', 'shop.docs; COMMIT; SELECT id, doc FROM"
        " shop.docs', '/a', 'true') AS t (id integer, a text)", "XX000"),
    # what would be there for later
    "PREPARE in a function": ("SELECT shop.evaluate('PREPARE p AS SELECT 1')", DENIED),
    "WITH HOLD in a function": (
        "SELECT shop.evaluate('DECLARE c CURSOR WITH HOLD FOR SELECT 1')", DENIED),
    "cursor in a function": (
        "SELECT shop.evaluate('DECLARE c CURSOR FOR SELECT 1')",
        "evaluate\nevaluated\n(1 row)"),
    "LISTEN in a function": ("SELECT shop.evaluate('LISTEN spy')", DENIED),
    "DISCARD in a function": ("SELECT shop.evaluate('DISCARD ALL')", DENIED),
    "LOAD in a function": ("SELECT shop.evaluate('LOAD ''dblink''')", DENIED),
    "lock of the session": ("SELECT pg_advisory_lock(1)", DENIED),
    "lock of the session, tried": ("SELECT pg_try_advisory_lock(1, 2)", DENIED),
    "unlocking": ("SELECT pg_advisory_unlock_all()", DENIED),
    "lock of the transaction": ("SELECT pg_advisory_xact_lock(1)", DENIED,
                                "pg_advisory_xact_lock\n\n(1 row)"),
    "large object": ("SELECT lo_create(0)", DENIED),
    "large object with contents": ("SELECT lo_from_bytea(0, 'x')", DENIED),
    "large object of others": ("SELECT lo_unlink(4711)", DENIED),
    "writing to a large object of others": ("SELECT lo_put(4711, 0, 'x')", DENIED),
    "reading a large object of others": ("SELECT lo_get(4711)", DENIED),
    "replication slot": ("SELECT pg_create_physical_replication_slot('x')", DENIED),
    "messages in the log of changes": (
        "SELECT pg_logical_emit_message(false, 'x', 'y')", DENIED),
    # files and programs
    "file": ("SELECT pg_read_file('/etc/passwd')", DENIED),
    "binary file": ("SELECT * FROM pg_read_binary_file('postgresql.conf')", DENIED),
    "directory": ("SELECT pg_ls_dir('.')", DENIED),
    "directory of the log": ("SELECT * FROM pg_ls_waldir()", DENIED),
    "about a file": ("SELECT pg_stat_file('postgresql.conf')", DENIED),
    "import": ("SELECT lo_import('/etc/passwd')", DENIED),
    "export": ("SELECT lo_export(4711, '/tmp/hitl-sandbox')", DENIED),
    "COPY PROGRAM in a function": (
        "SELECT shop.evaluate('COPY shop.orders TO PROGRAM ''touch /tmp/hitl-sandbox''')",
        DENIED),
    "XML entities": (
        "SELECT xmlparse(document '<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>"
        "<x>&e;</x>')::text LIKE '%root:%' AS seen", "seen\nf\n(1 row)"),
    "XML by XSLT": ("SELECT ext.xslt_process('<a/>', '<xsl:stylesheet version=\"1.0\""
                    " xmlns:xsl=\"http://www.w3.org/1999/XSL/Transform\"><xsl:template match=\"/\">"
                    "<xsl:copy-of select=\"document(''/etc/passwd'')\"/></xsl:template>"
                    "</xsl:stylesheet>') LIKE '%root%' AS seen", "38000"),
    # other sessions and the server
    "ending a session": ("SELECT pg_terminate_backend(pid) FROM pg_stat_activity", DENIED),
    "ending itself": ("SELECT pg_cancel_backend(pg_backend_pid())", DENIED),
    "ending in a query for XML": (
        "SELECT query_to_xml('SELECT pg_terminate_backend(pid) FROM pg_stat_activity', true, true,"
        " '')", DENIED),
    "reload": ("SELECT pg_reload_conf()", DENIED),
    "rotation": ("SELECT pg_rotate_logfile()", DENIED),
    "switch of the log": ("SELECT pg_switch_wal()", DENIED),
    "restore point": ("SELECT pg_create_restore_point('x')", DENIED),
    "statistics": ("SELECT pg_stat_reset()", DENIED),
    "memory of others": ("SELECT pg_log_backend_memory_contexts(pg_backend_pid())", DENIED),
    "notification": ("SELECT pg_notify('spy', 'x')", DENIED, None),
    "NOTIFY in a function": ("SELECT shop.evaluate('NOTIFY spy')", "evaluate\nevaluated\n(1 row)",
                             None),
    "dblink": ("SELECT * FROM ext.dblink('host=127.0.0.1 password=x', 'SELECT 1') AS t (n integer)",
               DENIED),
    "dblink connection": ("SELECT ext.dblink_connect('c', 'host=127.0.0.1 password=x')",
                          DENIED),
    "dblink without password": ("SELECT ext.dblink_connect_u('host=127.0.0.1')", DENIED),
    "dblink in a function": (
        "SELECT shop.evaluate('SELECT ext.dblink_exec(''host=127.0.0.1 password=x'', ''DROP TABLE"
        " shop.orders'')')", DENIED),
    "foreign server in a function": (
        "SELECT shop.evaluate('CREATE SERVER s FOREIGN DATA WRAPPER file_fdw')", READING, DENIED),
    "connections of foreign tables": ("SELECT * FROM ext.postgres_fdw_get_connections()",
                                      "server_name | valid\n(0 rows)"),
    # writing by functions that run queries
    "query for XML": ("SELECT query_to_xml('DELETE FROM shop.orders RETURNING id', true, true, '')",
                      "0A000"),
    "DDL for XML": ("SELECT query_to_xml('DROP TABLE shop.orders', true, true, '')",
                    "0A000"),
    "COMMIT for XML": ("SELECT query_to_xml('COMMIT', true, true, '')", "22000"),
    "text search": ("SELECT * FROM ts_stat('WITH a AS (DELETE FROM shop.orders RETURNING 1)"
                    " SELECT ''x''::tsvector FROM a')", "0A000"),
    "rewritten text search": (
        "SELECT ts_rewrite('a', 'WITH a AS (DELETE FROM shop.orders RETURNING 1) SELECT"
        " ''a''::tsquery, ''b''::tsquery FROM a')", "0A000"),
    "tables as XML": ("SELECT table_to_xml('shop.vault', true, true, '')", DENIED),
    "schema as XML": ("SELECT schema_to_xml('hitl', true, true, '')::text LIKE '%sesame%' AS seen",
                      "42501"),
    # what it must not see
    "another table": ("SELECT word FROM shop.vault", DENIED),
    "passwords": ("SELECT rolpassword FROM pg_authid", DENIED),
    "shadows": ("SELECT passwd FROM pg_shadow", DENIED),
    "large objects": ("SELECT data FROM pg_largeobject", DENIED),
    "subscriptions": ("SELECT subconninfo FROM pg_subscription", DENIED),
    "samples": ("SELECT count(*) FROM pg_stats WHERE tablename = 'vault'",
                "count\n0\n(1 row)"),
    "samples of all": ("SELECT count(*) FROM pg_statistic", DENIED),
    "rules of access": ("SELECT * FROM pg_hba_file_rules", DENIED),
    "file of settings": ("SELECT * FROM pg_file_settings", DENIED),
    "settings": ("SHOW hba_file", DENIED),
    "more settings": ("SELECT current_setting('data_directory')", DENIED),
    "all settings": ("SELECT count(*) FROM pg_settings WHERE name IN ('data_directory', 'hba_file',"
                     " 'shared_preload_libraries', 'hitl.ca_file')",
                     "count\n0\n(1 row)"),
    "what others run": ("SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                        " AND query <> '<insufficient privilege>' AND query <> ''",
                        "count\n0\n(1 row)"),
    # hitl itself
    "secrets": ("SELECT * FROM hitl.secrets", DENIED),
    "workflows": ("SELECT * FROM hitl.workflows", DENIED),
    "its statement": ("UPDATE hitl.statements SET body = body - 'sandbox'", READING, DENIED),
    "an event": ("INSERT INTO hitl.workflow_events (workflow_id) VALUES (NULL)", READING, DENIED),
    "an answer": ("SELECT hitl.respond_to_approval('01a21750-402d-7692-8eed-b7346244de0c', 'x',"
                  " 'approved')", DENIED),
    "a secret": ("SELECT hitl.set_secret('key', 'x')", DENIED),
    "a workflow": ("SELECT hitl.create_workflow('x')", DENIED),
    "access": ("SELECT hitl.grant_access('helper', 'admin')", DENIED),
    "a model": ("SELECT hitl.create_model('m', 'https://evil.example', 'm')", DENIED),
    "a rollback": ("SELECT hitl.rollback_workflow('01a21750-402d-7692-8eed-b7346244de0c', 'x', 'y')",
                   DENIED),
    "hitl in a function": ("SELECT shop.evaluate('SELECT hitl.create_workflow(''x'')')",
                           DENIED),
    "definitions of its functions": (
        "SELECT pg_get_functiondef(oid) LIKE '%sesame%' AS seen FROM pg_proc"
        " WHERE proname = 'set_secret'", "seen\nf\n(1 row)"),
    # what others have planted
    "planted table": ("SELECT count(*) FROM orders", "count\n3\n(1 row)"),
    "planted function": ("SELECT reverse('abc'::varchar)", "reverse\ncba\n(1 row)"),
    "planted operator": ("SELECT 1 = 1 AS equal", "equal\nt\n(1 row)"),
    # bombs
    "rows": ("SELECT a.n FROM generate_series(1, 100000) a (n), generate_series(1, 100000) b (n)"
             " LIMIT 1", "n\n1\n(1 row)"),
    "long value": ("SELECT repeat('x', 1000000000)", "53200"),
    "longer value": ("SELECT repeat('x', 2000000000)", "54000"),
    "array": ("SELECT array_agg(a.oid::text || b.oid || repeat('x', 100))"
              " FROM pg_proc a, pg_proc b", "53200"),
    "many values": ("SELECT string_agg(repeat('x', 10000000), '') FROM generate_series(1, 200)",
                    "53200"),
    "JSON path": ("SELECT jsonb_path_exists(jsonb_agg(n), '$[*] ? (exists($[*] ? (@ == -1)))')"
                  " FROM generate_series(1, 50000) n", "53200"),
    "XML laughs": (
        "SELECT xmlparse(document '<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\">" + "".join(
            f"<!ENTITY {b} \"{10 * f'&{a};'}\">" for a, b in zip("abcdefgh", "bcdefghi"))
        + "]><x>&i;</x>')", "2200M"),
    "regular expression": ("SELECT 'a' ~ repeat('(a|b)*', 5000)", "2201B"),
    "recursion": ("SELECT shop.deeper(0)", "54001"),
    "depth of an expression": ("SELECT " + "(" * 20000 + "1" + ")" * 20000, "42601"),
    "length of an expression": ("SELECT 1" + " + 1" * 50000, "54001"),
    "long list": ("SELECT 1 IN (" + ", ".join(str(n) for n in range(50000)) + ") AS found",
                  "found\nt\n(1 row)"),
    "deep JSON": ("SELECT (repeat('[', 100000) || repeat(']', 100000))::jsonb", "54001"),
}


@pytest.mark.parametrize("code, read_only, expected", [
    pytest.param(code, read_only, expected, id=f"{name}-{mode}")
    for name, (code, reading, *writing) in FUNCTIONS.items()
    for mode, read_only, expected in (("reading", True, reading), ("writing", False, *(writing or [reading])))
    if expected])
def test_function(cluster, nothing_stays, code, read_only, expected):
    if len(expected) == 5:
        assert fail(cluster, code, read_only=read_only)["sqlstate"] == expected
    else:
        assert act(cluster, code, read_only=read_only)["text"] == expected
    assert not Path("/tmp/hitl-sandbox").exists()


SLOW = {
    "sleep": "SELECT pg_sleep(600)",
    "sleep in the second statement": "SELECT 1; SELECT pg_sleep(600)",
    "sleep in a query for XML": "SELECT query_to_xml('SELECT pg_sleep(600)', true, true, '')",
    "cancellation swallowed": "SELECT shop.swallow('SELECT pg_sleep(600)')",
    "all errors swallowed": "SELECT shop.quietly('SELECT pg_sleep(600)'), pg_sleep(600)",
    "endless recursion": "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT 1 FROM r)"
                         " SELECT count(*) FROM r",
    "join": "SELECT count(*) FROM pg_proc a, pg_proc b, pg_proc c",
    "backtracking": "SELECT repeat('a', 1001) ~ '^(a+)(a+)(a+)(a+)\\1\\2\\3\\4$' AS found",
    "backtracking in JSON": "SELECT to_jsonb(repeat('a', 1001)) @?"
                            " '$ ? (@ like_regex \"^(a+)(a+)(a+)(a+)\\\\1\\\\2\\\\3\\\\4$\")'",
    "waiting for a lock": "SELECT count(*) FROM shop.docs",
}


@pytest.mark.parametrize("read_only", [True, False], ids=["reading", "writing"])
@pytest.mark.parametrize("name", SLOW)
def test_time_limit(cluster, nothing_stays, name, read_only):
    with cluster.connect(autocommit=False) as connection:
        connection.execute("LOCK TABLE shop.docs")
        error = fail(cluster, SLOW[name], read_only=read_only, timeout_ms=500)
        connection.rollback()
    assert (error["kind"], error["sqlstate"], error["message"]) == (
        "timeout", "57014", "the code took longer than 500 ms")


def test_temporary_files(cluster, nothing_stays):
    """Neither do they fill the disk."""
    error = fail(cluster, "SELECT n FROM generate_series(1, 1000000000) n LIMIT 1", timeout_ms=60000)
    assert error["sqlstate"] == "53400" and error["kind"] == "validation_error"


def test_log(cluster, nothing_stays):
    """Warnings do not fill the log."""
    cluster.psql("SET ROLE boss; CREATE FUNCTION shop.warn() RETURNS void LANGUAGE plpgsql AS"
                 " $$BEGIN RAISE WARNING 'overflowing'; END$$")
    try:
        act(cluster, "SELECT shop.warn()")
    finally:
        cluster.psql("DROP FUNCTION shop.warn")
    assert "WARNING:  overflowing" not in cluster.log()


def test_stubborn(cluster):
    """Code that catches every cancellation takes its worker with it, and no more."""
    workflow = start(cluster, "SELECT shop.stubborn()", [sandbox(timeout_ms=300)],
                     timeout="1 second")
    assert ended(cluster, workflow)["error"]["kind"] == "timeout"
    wait_until(lambda: cluster.value("SELECT count(*) FROM hitl.statements") == 0)
    cluster.wait_for_workers(executors=1)
    assert act(cluster, "SELECT 1 AS one")["count"] == 1


def test_deferred_trigger(cluster):
    """It fires at once, as the agent's role, and not at commit as the worker's."""
    act(cluster, "INSERT INTO shop.deferred VALUES (7)", read_only=False)
    assert cluster.sql("SELECT line FROM shop.log") == [{"line": "helper helper"}]
    cluster.psql("TRUNCATE shop.log, shop.deferred")


def test_notifications(cluster, spy):
    """An agent that may write can notify, like everything it does: with the record of its step."""
    act(cluster, "SELECT pg_notify('spy', 'hello')", read_only=False)
    # The commit is seen a moment before listeners are told of it.
    assert [one.payload for one in wait_until(lambda: heard(spy))] == ["hello"]


def test_functions_of_others(cluster, nothing_stays):
    """What the owner of a function has granted, the agent has, and no more."""
    assert act(cluster, "SELECT shop.reveal()")["text"] == "reveal\nsesame\n(1 row)"
    assert fail(cluster, "SELECT shop.reveal(), word FROM shop.vault")["sqlstate"] == DENIED


def test_quiet_memory(cluster, nothing_stays):
    """The limit of the memory is for the code, not for the worker, and not of what was before."""
    for _ in range(3):
        assert fail(cluster, "SELECT repeat('x', 100000000)")["message"] == (
            "the code needs more than 64 MB of memory")
        assert act(cluster, "SELECT length(repeat('x', 20000000)) AS n")["text"] == (
            "n\n20000000\n(1 row)")
    assert step(cluster, "SELECT length(repeat('x', 100000000)) AS n")["result"]["rows"] == [
        {"n": 100000000}]


def test_temporary_objects_of_a_step(cluster, nothing_stays):
    """Nor does an ordinary step leave temporary objects for others."""
    for statement in ("CREATE FUNCTION pg_temp.f() RETURNS void LANGUAGE sql AS ''",
                      "CREATE DOMAIN pg_temp.text AS pg_catalog.text",
                      "CREATE TEMPORARY VIEW orders AS SELECT 1 AS n"):
        assert step(cluster, statement)["error"]["sqlstate"] == DENIED


# Once

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["ended", "killed"])
def test_once(cluster, number):
    """Killed between what the code did and the record of its step: both happen, once."""
    connection = cluster.connect(autocommit=False)
    workflow = held(cluster, connection)
    pid = wait_until(lambda: cluster.value(
        "SELECT pid FROM pg_stat_activity WHERE backend_type = 'hitl executor'"
        " AND wait_event_type = 'Lock' AND query = 'recording the result of a statement'"))
    assert cluster.value("SELECT count(*) FROM shop.log") == 0   # done, but not committed
    cluster.kill(pid, number)
    cluster.wait_until_gone(pid)
    connection.close()
    wait_until(lambda: cluster.value("SELECT finished_at IS NOT NULL FROM hitl.workflows"
                                     " WHERE id = %s", [workflow]))
    assert ended(cluster, workflow)["result"]["text"] == "INSERT 0 1"
    assert cluster.sql("SELECT line FROM shop.log") == [{"line": "once"}]
    cluster.psql("TRUNCATE shop.log")
    cluster.wait_for_workers(executors=1)


def held(cluster, connection):
    """A workflow whose row is locked before its code has been run."""
    with cluster.connect(autocommit=False) as other:
        other.execute("LOCK TABLE shop.log")
        workflow = start(cluster, "INSERT INTO shop.log VALUES ('once')",
                         [sandbox(read_only=False)])
        wait_until(lambda: cluster.value(
            "SELECT true FROM pg_stat_activity WHERE backend_type = 'hitl executor'"
            " AND wait_event_type = 'Lock' AND query LIKE 'INSERT%%'"))
        connection.execute("SELECT FROM hitl.workflows WHERE id = %s FOR UPDATE", [workflow])
    return workflow
