"""From older versions: the same catalog as a fresh installation, and everything goes on.

test/upgrade has the script of each version and a dump of a database that it ran in.
"""
import itertools
import re
import subprocess
import sys

import psycopg
import pytest
from harness import ROOT, wait_until
from psycopg.rows import dict_row
from trail import faults

sys.path.insert(0, str(ROOT / "test/servers"))
from inference_server import InferenceServer  # noqa: E402

SETTINGS = {"hitl__allowed_private_hosts": "127.0.0.1"}
VERSIONS = ("0.1.0", "0.2.0")
NEW = re.search(r"'(.*)'", re.search(r"default_version.*", (ROOT / "hitl.control").read_text())[0])[1]
UPGRADE = ROOT / "test/upgrade"
CATALOG = (UPGRADE / "catalog.sql").read_text()
ROLES = ("reader", "boss", "clerk", "chief", "robot", '"Some One"')
LEVELS = {"reader": "viewer", "boss": "approver", "clerk": "operator", "chief": "admin", "robot": "worker"}
SINCE_0_2_0 = ("robot",)
# What each dump has: workflows, and statuses of them.
COUNTS = {"0.1.0": (18, 9), "0.2.0": (59, 11)}
# What changes something, as it was called.
CALLS = ("hitl.create_workflow('x')",
         "hitl.execute_workflow('00000000-0000-7000-8000-000000000000')",
         "hitl.update_workflow_state('00000000-0000-7000-8000-000000000000', '{}')",
         "hitl.request_approval('x', workflow_id => '00000000-0000-7000-8000-000000000000')",
         "hitl.create_model('x', provider => 'builtin')",
         "hitl.set_secret('a', 'b')",
         "hitl.respond_to_approval('00000000-0000-7000-8000-000000000000', 'x', 'approved')",
         "hitl.transition_workflow_status('00000000-0000-7000-8000-000000000000', 'paused')",
         "hitl.expire_due_approvals()")
CALLS_0_2_0 = ("hitl.send_signal('00000000-0000-7000-8000-000000000000', 'x')",
               "hitl.pause_workflow('00000000-0000-7000-8000-000000000000')",
               "hitl.rollback_workflow('00000000-0000-7000-8000-000000000000')",
               "hitl.create_template('x', definition => '{\"steps\": []}')",
               "hitl.claim_tasks('jobs')",
               "hitl.set_limit('queue', 'x', 1)",
               "hitl.set_recovery_policy('timeout')",
               "hitl.recover_failed_workflows()")


@pytest.fixture(scope="module", autouse=True)
def old_scripts(cluster):
    """The scripts of the old versions, and some that the server is too old for."""
    folder = [*cluster.bin.parents[3].glob("share/postgresql/*/extension")][0]
    library = (ROOT / "src/library.sql").read_text()
    scripts = {**{f"hitl--{old}.sql": (UPGRADE / f"hitl--{old}.sql").read_text() for old in VERSIONS},
               f"hitl--{NEW}--99.0.0.sql": library.replace("@VERSION@", "99.0.0"),
               f"hitl--{NEW}--98.0.0.sql": "-- does not look at the library"}
    for name, text in scripts.items():
        (folder / name).write_text(text)
    yield
    for name in scripts:
        (folder / name).unlink()


def create_old(cluster, name, version):
    """A database with the extension as it was."""
    cluster.create_database(name, extension=False)
    cluster.sql(f"CREATE EXTENSION hitl VERSION '{version}'", dbname=name)


def update(cluster, name):
    cluster.sql("ALTER EXTENSION hitl UPDATE", dbname=name)


def catalog(cluster, name):
    return [row["line"] for row in
            cluster.sql("SELECT * FROM (" + CATALOG.rstrip().rstrip(";").replace("%", "%%")
                        + ") AS c (line)", [], dbname=name)]


@pytest.mark.parametrize("version", VERSIONS)
def test_catalog(cluster, version):
    """An update leads to what a fresh installation has, to the last comment."""
    fresh = catalog(cluster, "hitl")
    assert len(fresh) > 500
    create_old(cluster, "plain", version)
    assert f"extension: version {version}," in "\n".join(catalog(cluster, "plain"))
    update(cluster, "plain")
    after = catalog(cluster, "plain")
    assert sorted(set(after) - set(fresh)) == []
    assert sorted(set(fresh) - set(after)) == []
    assert len(after) == len(fresh)
    cluster.wait_for_workers("plain")
    cluster.sql("DROP DATABASE plain", dbname="postgres")


@pytest.mark.parametrize("version", VERSIONS)
def test_default_privileges(cluster, version):
    """What ALTER DEFAULT PRIVILEGES gives to others is not given on what is new."""
    create_old(cluster, "generous", version)
    cluster.sql("ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC;"
                "ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO PUBLIC", dbname="generous")
    update(cluster, "generous")
    assert cluster.value("""
        SELECT count(*) FROM (
            SELECT relacl AS acl, relowner AS owner FROM pg_class WHERE relnamespace = 'hitl'::regnamespace
            UNION ALL
            SELECT coalesce(proacl, acldefault('f', proowner)), proowner
            FROM pg_proc WHERE pronamespace = 'hitl'::regnamespace) AS o, aclexplode(o.acl) AS a
        WHERE a.grantee <> o.owner""", dbname="generous") == 0
    cluster.sql("DROP DATABASE generous", dbname="postgres")


@pytest.mark.parametrize("version", VERSIONS)
def test_rolled_back(cluster, version):
    """An update that is rolled back leaves everything as it was; sessions survive one that is not."""
    create_old(cluster, "undecided", version)
    before = catalog(cluster, "undecided")
    with cluster.connect("undecided", autocommit=False) as connection:
        connection.execute("ALTER EXTENSION hitl UPDATE")
        connection.rollback()
    assert catalog(cluster, "undecided") == before
    assert [row["kind"] for row in cluster.workers("undecided")] == ["launcher"]
    with cluster.connect("undecided") as connection:
        for _ in range(2):
            with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
                connection.execute("SELECT hitl.create_workflow('x')")
        update(cluster, "undecided")
        connection.execute("SELECT hitl.create_workflow('x', priority => 3)")
        assert connection.execute("SELECT status, priority FROM hitl.workflows").fetchone() == ("pending", 3)
    cluster.wait_for_workers("undecided")
    cluster.sql("DROP DATABASE undecided", dbname="postgres")


def test_library_too_old(cluster):
    """Scripts of a version that the server has not loaded are refused, or nothing works on the tables."""
    cluster.create_database("ahead")
    cluster.wait_for_workers("ahead")
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="older than version 99.0.0"):
        cluster.sql("ALTER EXTENSION hitl UPDATE TO '99.0.0'", dbname="ahead")
    assert cluster.value("SELECT extversion FROM pg_extension WHERE extname = 'hitl'",
                         dbname="ahead") == NEW
    with cluster.connect("ahead") as connection:
        notices = []
        connection.add_notice_handler(lambda notice: notices.append(notice.message_hint))
        connection.execute("ALTER EXTENSION hitl UPDATE TO '98.0.0'")
        assert notices == [
            "Restart the server, so that it loads the library that is installed."]
    wait_until(lambda: not [row for row in cluster.workers("ahead") if row["kind"] != "launcher"],
               describe=lambda: cluster.workers("ahead"))
    assert "version 98.0.0" in cluster.worker("launcher", dbname="ahead")["last_error"]
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState) as error:
        cluster.sql("SELECT hitl.create_workflow('x')", dbname="ahead")
    assert "Restart the server" in error.value.diag.message_hint
    cluster.sql("DROP DATABASE ahead", dbname="postgres")


@pytest.fixture(scope="module", params=VERSIONS)
def old(cluster, request):
    """The database of an old version, restored; nothing works in it.  The version."""
    cluster.sql("".join(f"CREATE ROLE {role};" for role in ROLES), dbname="postgres")
    cluster.create_database("shop", extension=False)
    cluster.psql((UPGRADE / f"database-{request.param}.sql").read_text(), "shop")
    yield request.param
    cluster.sql("DROP DATABASE shop", dbname="postgres")
    cluster.sql(f"DROP ROLE {', '.join(ROLES)}", dbname="postgres")


@pytest.fixture(scope="module")
def rows_before(cluster, old):
    return rows(cluster, list_tables(cluster))


def list_tables(cluster):
    return [row["name"] for row in cluster.sql(
        "SELECT c.oid::regclass::text AS name FROM pg_extension e, unnest(e.extconfig) AS o (id)"
        " JOIN pg_class c ON c.oid = o.id WHERE e.extname = 'hitl' AND c.relkind = 'r'",
        dbname="shop")]


def rows(cluster, names):
    with cluster.connect("shop", row_factory=dict_row) as connection:
        return {name: connection.execute(f"SELECT * FROM {name} AS t ORDER BY t::text COLLATE \"C\"").fetchall()
                for name in names}


def test_nothing_works_before(cluster, old, rows_before):
    """Between restart and update the workers stay away, and callers are told why."""
    wait_until(lambda: f'extension hitl is version {old} in database "shop"' in cluster.log())
    assert [row["kind"] for row in cluster.workers("shop")] == ["launcher"]
    assert "ALTER EXTENSION hitl UPDATE" in cluster.worker("launcher", dbname="shop")["last_error"]
    assert cluster.worker("launcher")["last_error"] is None
    cluster.restart()
    cluster.wait_for_workers()
    with cluster.connect("shop") as connection:
        for call in CALLS + (CALLS_0_2_0 if old != "0.1.0" else ()):
            with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState) as error:
                connection.execute(f"SELECT {call}")
            assert "ALTER EXTENSION hitl UPDATE" in error.value.diag.message_hint
        # Reading is no problem.
        assert connection.execute("SELECT count(hitl.get_workflow_status(id)), count(DISTINCT status)"
                                  " FROM hitl.workflows").fetchone() == COUNTS[old]
    assert [row["kind"] for row in cluster.workers("shop")] == ["launcher"]
    assert rows(cluster, rows_before) == rows_before


@pytest.fixture(scope="module")
def lists_before(cluster, old):
    return {person: asked_of(cluster, "shop", person) for person in (None, "ann", "bob", "cid", "nobody")}


def asked_of(cluster, dbname, person):
    """The requests that list_pending_approvals() has for somebody."""
    return [row["approval_id"] for row in cluster.sql(
        "SELECT approval_id FROM hitl.list_pending_approvals(%s)", [person], dbname)]


@pytest.fixture(scope="module")
def shop(cluster, rows_before, lists_before):
    """The database after its update; the engine is kept away from it at first."""
    cluster.sql("ALTER DATABASE shop SET hitl.run_workers = off", dbname="postgres")
    update(cluster, "shop")
    return "shop"


def test_rows(cluster, old, rows_before, shop):
    """Nothing is lost; what is new has its default."""
    after = rows(cluster, rows_before)
    for name, wanted in rows_before.items():
        found = [{column: row[column] for column in wanted[0]} for row in after[name]] if wanted else after[name]
        for row in found + wanted:
            if old == "0.1.0" and row.get("name") == "failed":  # where it failed is told, see test_retry_failed
                del row["control"]
        assert sorted(map(str, found)) == sorted(map(str, wanted)), name
    if old == "0.1.0":
        assert cluster.sql("SELECT origin, count(*) FROM hitl.outbox GROUP BY 1 ORDER BY 1", dbname=shop) == [
            {"origin": "http://127.0.0.1:9901", "count": 1}, {"origin": "http://127.0.0.1:9902", "count": 2}]


def test_rights(cluster, old, shop):
    """Levels are what they are now, single rights what they were, and dumps have them."""
    with cluster.connect(shop) as connection:
        for role, level in LEVELS.items():
            if old == "0.1.0" and role in SINCE_0_2_0:
                assert granted(connection, role) == set()
                continue
            wanted = {f"{row[0]} {row[1]}" for row in connection.execute(
                "SELECT privilege, CASE object_type WHEN 'TABLE' THEN object_name"
                " ELSE object_name::regprocedure::text END"
                " FROM hitl.access_levels() WHERE level = %s", [level])}
            assert granted(connection, role) == wanted, role
        assert granted(connection, "Some One") == {
            "EXECUTE hitl.create_workflow(text,text,jsonb,jsonb,text,text,integer,text,integer,"
            "timestamp with time zone)", "EXECUTE hitl.uuidv7(integer)", "SELECT hitl.workflow_steps"}
        assert connection.execute(
            "SELECT has_function_privilege('Some One', oid, 'EXECUTE WITH GRANT OPTION')"
            " FROM pg_proc WHERE proname = 'create_workflow'").fetchone() == (True,)
        assert connection.execute("SELECT count(*) FROM public.finished").fetchone()[0] > 10
    initial = [line for line in catalog(cluster, "hitl") if line.startswith("initial rights")]
    assert [line for line in catalog(cluster, shop) if line.startswith("initial rights")] == initial

    dump = subprocess.run([cluster.bin / "pg_dump", "-s", "-d", cluster.url(shop)], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    for function, role in (("create_workflow", "clerk"), ("create_workflow", '"Some One"'),
                           ("send_signal", "clerk"), ("uuidv7", "clerk"), ("set_limit", "chief")):
        assert re.search(rf"^GRANT ALL ON FUNCTION hitl\.{function}\(.*\) TO {role}( WITH|;)", dump, re.M), function
    assert "TO PUBLIC" not in dump


def granted(connection, role):
    """What a role may do with objects of the extension, by what was granted to itself."""
    return {f"{row[0]} {row[1]}" for row in connection.execute("""
        SELECT a.privilege_type, o.title FROM (
            SELECT oid::regclass::text AS title, relacl AS acl FROM pg_class
            WHERE relnamespace = 'hitl'::regnamespace
            UNION ALL
            SELECT oid::regprocedure::text, proacl FROM pg_proc
            WHERE pronamespace = 'hitl'::regnamespace) AS o, aclexplode(o.acl) AS a
        JOIN pg_roles r ON r.oid = a.grantee WHERE r.rolname = %s""", [role])}


def test_approvals(cluster, old, lists_before, shop):
    """Requests ask the same people as before, and are chained with their answers."""
    assert {person: len(asked) for person, asked in lists_before.items()} == (
        {None: 6, "ann": 5, "bob": 2, "cid": 0, "nobody": 0} if old == "0.1.0" else
        {None: 35, "ann": 29, "bob": 9, "cid": 2, "nobody": 0})
    for person, asked in lists_before.items():
        assert asked_of(cluster, shop, person) == asked, person
    with cluster.connect(shop) as connection:
        # All levels that could see all requests see them.
        for role in ("reader", "boss", "clerk", "chief"):
            connection.execute(f"SET ROLE {role}")
            assert [row[0] for row in connection.execute(
                "SELECT approval_id FROM hitl.list_pending_approvals()")] == lists_before[None], role
        connection.execute("SET ROLE boss")
        assert [row[0] for row in connection.execute(
            "SELECT approval_id FROM hitl.list_pending_approvals('ann')")] == lists_before["ann"]
        connection.execute("RESET ROLE")
        assert approval_faults(connection) == []
        assert connection.execute("SELECT count(*) FROM hitl.approval_requests WHERE status <> 'pending'"
                                  ).fetchone()[0] >= 4
        # What is fixed in a definition cannot be edited, all else can.
        assert {row[0] for row in connection.execute(
            "SELECT coalesce(w.name, a.title) FROM hitl.approval_requests a"
            " LEFT JOIN hitl.workflows w ON w.id = a.workflow_id WHERE NOT a.editable")} == {
                "reviewed", "asked before"}


def approval_faults(connection):
    """Requests that are not what they must be: whom they ask, when, and their chain."""
    return connection.execute("""
        SELECT 'asks others than its policy' AS fault, a.title, a.asked::text
        FROM hitl.approval_requests a
        WHERE a.status = 'pending' AND (a.due_at IS NULL OR a.due_at > clock_timestamp())
          AND a.asked IS DISTINCT FROM (
            SELECT array_agg(n.name ORDER BY n.place) FROM (
                SELECT k.name, min(row(e.place, k.place)::text COLLATE "C") AS place
                FROM (SELECT p.asks, 1000 + row_number() OVER () AS place FROM hitl.explain_policy(a.id) AS p
                      WHERE p.state = 'asked') AS e,
                     unnest(e.asks) WITH ORDINALITY AS u (name, number),
                     LATERAL (SELECT u.name, 1000 + u.number AS place) AS k
                GROUP BY k.name) AS n)
        UNION ALL
        SELECT 'is asked, but not listed', a.title, a.asked::text FROM hitl.approval_requests a
        WHERE ARRAY(SELECT k.name FROM hitl.approval_asks k WHERE k.approval_id = a.id ORDER BY 1)
              <> ARRAY(SELECT n FROM unnest(a.asked) AS n WHERE a.status = 'pending' ORDER BY 1)
        UNION ALL
        SELECT 'is due at another time', a.title, a.due_at::text FROM hitl.approval_requests a
        WHERE a.due_at IS DISTINCT FROM CASE a.status WHEN 'pending' THEN a.expires_at END
           OR a.expires_at - a.opened_at - make_interval(secs => (a.policy ->> 'timeout')::float8)
              NOT BETWEEN '-1 ms' AND '1 ms'
           OR (a.expires_at IS NULL) <> (a.policy -> 'timeout' IS NULL)
        UNION ALL
        SELECT 'request is not what was hashed', a.title, NULL FROM hitl.approval_requests a
        WHERE a.request_hash <> hitl.request_hash(a.id, a.workflow_id, a.step_name, a.content_hash, a.policy,
                a.requested_by, a.requested_role, a.requested_at)
           OR a.content_hash <> hitl.approval_content_hash(a.title, a.description, a.approval_type,
                a.context_data, a.answer_schema)
        UNION ALL
        SELECT 'answer is not what was hashed', a.title, r.number::text
        FROM hitl.approval_requests a
        JOIN hitl.approval_responses r ON r.approval_id = a.id
        LEFT JOIN hitl.approval_responses b ON b.approval_id = a.id AND b.number = r.number - 1
        WHERE r.number > 1 AND b.number IS NULL OR b.responded_at > r.responded_at
           OR r.hash <> hitl.response_hash(coalesce(b.hash, a.request_hash), a.id, r.number, r.round,
                r.approver_id, r.on_behalf_of, r.names, r.decision, r.response_data, r.feedback, r.edits,
                r.content_hash, r.channel, r.evidence, r.session_role, r.caller_role, r.responded_at)
        UNION ALL
        SELECT 'chain ends elsewhere', a.title, a.acts::text
        FROM hitl.approval_requests a
        LEFT JOIN LATERAL (SELECT r.number, r.hash FROM hitl.approval_responses r WHERE r.approval_id = a.id
                           ORDER BY r.number DESC LIMIT 1) AS l ON true
        WHERE a.acts <> coalesce(l.number, 0) OR a.last_hash <> coalesce(l.hash, a.request_hash)
           OR a.decision_hash IS DISTINCT FROM CASE WHEN a.status <> 'pending' THEN
                hitl.decision_hash(a.last_hash, a.status, a.decided_at, a.decided_by, a.reason) END
        """).fetchall()


def test_workflows_go_on(cluster, old, rows_before, shop):
    """Every workflow goes on from where it was, and ends."""
    with InferenceServer({"answers": [], "default": "Thought."}, key="sesame") as server, \
            cluster.connect(shop) as connection:
        port = re.search(r":(\d+)/", server.base_url)[1]
        connection.execute("UPDATE hitl.outbox SET url = regexp_replace(url, '990[12]', %s),"
                           " next_attempt_at = clock_timestamp() WHERE purpose <> 'notification'", [port])
        connection.execute("UPDATE hitl.models SET secret_name = 'key',"
                           " base_url = regexp_replace(base_url, '990[12]', %s)", [port])
        connection.execute("UPDATE hitl.outbox SET secret_name = 'key' WHERE purpose = 'inference'")
        connection.execute("SELECT hitl.set_secret('key', 'sesame', '{127.0.0.1}')")
        if old != "0.1.0":
            prepare_0_2_0(connection)
        cluster.sql("ALTER DATABASE shop RESET hitl.run_workers", dbname="postgres")
        cluster.sql("SELECT hitl.start_workers()", dbname=shop)
        cluster.wait_for_workers(shop)

        # What was under way is asked for again, and nothing waits for hands.
        for name in ("answered", "due", "silent", "down"):
            until(connection, name, "completed")
        assert result(connection, "silent", "after") == "After Thought."
        assert result(connection, "due", "only") == "Only this"

        for name in ("waiting", "gone on", "reviewed", "asked before"):
            assert answer(connection, name) == 1
            until(connection, name, "completed")
        assert result(connection, "waiting", "last") == "Finish after Do it"
        assert result(connection, "gone on", "last") == "Finish after Do something else"
        assert result(connection, "reviewed", "last") == "Send Draft"
        assert answer(connection, "goes on after failure", "ann") == 1
        assert answer(connection, "goes on after failure", "bob") == 1
        until(connection, "goes on after failure", "completed")

        # An approval of no workflow has one answer already.
        assert connection.execute(
            "SELECT hitl.respond_to_approval(approval_id, 'bob', 'approved')"
            " FROM hitl.list_pending_approvals() WHERE title = 'Some day?'").fetchone()[0]
        assert connection.execute("SELECT status FROM hitl.approval_requests WHERE title = 'Some day?'"
                                  ).fetchone() == ("approved",)

        # Back to checkpoints that 0.1.0 made, in a workflow that has ended since, too.
        connection.execute("SELECT hitl.execute_workflow(%s)", [id_of(connection, "rolled back")])
        for name, checkpoint in (("cancelled", "begin"), ("rejected", "begin"), ("waiting", "by hand"),
                                 ("approved", "begin")):
            assert connection.execute("SELECT hitl.rollback_workflow(%s, %s)",
                                      [id_of(connection, name), checkpoint]).fetchone() == (checkpoint,)
            connection.execute("SELECT hitl.execute_workflow(%s)", [id_of(connection, name)])
        for name in ("rolled back", "cancelled", "rejected", "waiting", "approved"):
            until(connection, name, "waiting_approval")
            assert answer(connection, name) == 1
            until(connection, name, "completed")

        connection.execute("SELECT hitl.execute_workflow(%s)", [id_of(connection, "pending")])
        connection.execute("SET ROLE clerk")
        connection.execute("SELECT hitl.execute_workflow(%s)", [id_of(connection, "of clerk", role="clerk")])
        connection.execute("RESET ROLE")
        until(connection, "pending", "completed")
        until(connection, "of clerk", "completed")
        connection.execute("SELECT hitl.transition_workflow_status(%s, 'running')",
                           [id_of(connection, "by hand")])

        if old != "0.1.0":
            go_on_0_2_0(connection)

        # What is new works on what is old.
        connection.execute("SELECT hitl.workflow_diagram(id), hitl.workflow_gantt(id),"
                           " hitl.get_workflow_status(id) FROM hitl.workflows")
        assert faults(connection) == []
        assert approval_faults(connection) == []
        assert connection.execute("SELECT count(*) FROM hitl.messages").fetchone() == (0,)

        # The chains begin with what happened since.
        events = len(rows_before["hitl.workflow_events"])
        assert connection.execute("SELECT count(*) FILTER (WHERE hash IS NULL), count(hash) > 20"
                                  " FROM hitl.workflow_events").fetchone() == (events, True)
        assert connection.execute("SELECT count(*) FROM hitl.workflows WHERE event_hash IS NULL"
                                  " AND name IN ('completed', 'skipped')").fetchone()[0] > 0


def prepare_0_2_0(connection):
    """Let what was on its way in 0.2.0 find what it needs, and let it be due."""
    connection.execute("SELECT hitl.set_secret('later', 'sesame', '{127.0.0.1}')")
    connection.execute("CREATE OR REPLACE FUNCTION public.be_slow() RETURNS void LANGUAGE sql AS 'SELECT'")
    connection.execute("UPDATE public.divisor SET n = 2")
    connection.execute("UPDATE hitl.messages SET due_at = clock_timestamp() WHERE due_at < '2030-01-01'")


def go_on_0_2_0(connection):
    """What 0.2.0 could do besides."""
    def call(name, function, *arguments):
        return connection.execute(f"SELECT hitl.{function}(%s{', %s' * len(arguments)})",
                                  [id_of(connection, name), *arguments]).fetchone()[0]

    def answered_to_the_end(name):
        """Until it has ended, answer what it asks."""
        wait_until(lambda: not answer(connection, name) and status(connection, name) == "completed",
                   describe=lambda: (name, status(connection, name)))

    for name in ("fetching", "wants a secret", "expires", "statement", "retrying", "to recover"):
        until(connection, name, "completed")
    assert connection.execute("SELECT recoveries FROM hitl.workflows WHERE name = 'to recover'").fetchone() == (1,)
    assert result(connection, "expires", "last") == "Late"

    # Approvals in all forms; of some, an answer was there.
    others = {"all": ("bob",), "all, not for ever": ("ann", "bob"), "two of three": ("ann",),
              "two of three, not for ever": ("ann", "cid"), "one and another": ("ann", "bob"),
              "one and another, not for ever": ("ann",)}
    asked = connection.execute("SELECT name FROM hitl.workflows WHERE name LIKE 'asks %'").fetchall()
    assert len(asked) == 16
    for (name,) in asked:
        people = others.get(name.removeprefix("asks "), ("ann",))
        for who in people:
            assert status(connection, name) == "waiting_approval"
            assert answer(connection, name, who) == 1
        until(connection, name, "completed")
        assert result(connection, name, "last") == "Then approved"
    assert [row[0] for row in connection.execute(
        "SELECT hitl.respond_to_approval(approval_id, 'ann', 'approved') FROM hitl.list_pending_approvals()"
        " WHERE title IN ('Anybody?', 'Before long?', 'Two?')")] == ["approved"] * 3
    assert connection.execute(
        "SELECT title FROM hitl.approval_requests WHERE id = hitl.request_approval('Anybody?',"
        " approval_type => 'budget', context_data => '{\"amount\": 12.50}', idempotency_key => 'once')"
        ).fetchone() == ("Anybody?",)

    assert answer(connection, "branches") == 1
    call("branches", "send_signal", "go")
    until(connection, "branches", "completed")
    assert result(connection, "branches", "last") == "Joined Quick"
    answered_to_the_end("each")
    assert result(connection, "each", "last").count("Told Number") == 5
    call("back in branches", "execute_workflow")
    answered_to_the_end("back in branches")

    call("signalled", "send_signal", "paid", '{"order": 7}')
    until(connection, "signalled", "completed")
    connection.execute("SET ROLE robot")
    connection.execute("SELECT hitl.send_signal(%s, 'go', '1')", [id_of(connection, "urgent", role="robot")])
    assert connection.execute("SELECT hitl.complete_task(task_id, '{\"n\": 2}')"
                              " FROM hitl.claim_tasks('jobs', 10)").rowcount == 1
    connection.execute("RESET ROLE")
    connection.execute("SELECT hitl.complete_task(task_id, '{\"n\": 1}') FROM public.claims")
    for name in ("urgent", "claimed", "offered"):
        until(connection, name, "completed")
    assert {result(connection, name, "last") for name in ("claimed", "offered")} == {"Done 1", "Done 2"}
    assert connection.execute("""SELECT w.name, w.output FROM hitl.workflows w WHERE id = hitl.create_workflow(
        'urgent', workflow_definition => '{"steps": [{"name": "go", "type": "signal", "signal": "go"}],
            "timeout": "3600 days", "output": {"sent": "{{ $.steps.go.payload }}"}}',
        priority => 7, deadline => '2100-01-01', idempotency_key => 'once')""").fetchone() == ("urgent", {"sent": 1})

    assert answer(connection, "child of parent") == 1
    until(connection, "parent", "completed")
    assert result(connection, "parent", "last") == "After completed"
    assert answer(connection, "large") == 1
    until(connection, "large", "completed")
    assert call("large", "workflow_data")["steps"]["last"]["answer"] == "much " * 5000

    assert call("to be undone", "rollback_workflow") == "begin"
    for name in ("being undone", "to be undone"):
        wait_until(lambda name=name: answer(connection, name) == 1)
        until(connection, name, "rolled_back")
        call(name, "execute_workflow")
        answered_to_the_end(name)

    connection.execute("SELECT hitl.execute_workflow(%s, start_at => now())", [id_of(connection, "scheduled")])
    until(connection, "scheduled", "completed")
    assert call("paused", "resume_workflow") == "waiting_approval"
    answered_to_the_end("paused")
    assert call("of a template", "migrate_workflow") is True
    answered_to_the_end("of a template")
    assert result(connection, "of a template", "tell") == "Tell EUR"
    wait_until(lambda: [answer(connection, f"{which} of two") for which in ("first", "second")]
               and {status(connection, f"{which} of two") for which in ("first", "second")} == {"completed"})


def test_retry_failed(cluster, shop):
    """One that failed under 0.1.0 can be given what it lacked, and goes on."""
    with cluster.connect(shop) as connection:
        failed = id_of(connection, "failed")
        connection.execute("SELECT hitl.update_workflow_state(%s, '{\"missing\": \"found\"}')", [failed])
        connection.execute("SELECT hitl.retry_workflow(%s)", [failed])
        until(connection, "failed", "completed")
        assert result(connection, "failed", "bad") == "found"


# Simple forms: requested_from, required_approvers, approval_threshold.
FORMS = ((["ann"], None, None), (["ann", "bob"], None, None), (None, None, None),
         (["ann", "bob", "cid"], None, 2), (["ann", "bob", "cid"], None, 3), (None, None, 2),
         (None, ["ann"], None), (None, ["ann", "bob"], None), (["cid", "dan"], ["ann", "bob"], None),
         (["bob", "ann"], ["ann", "bob"], None), (None, ["ann", "bob", "cid"], 2), (["ann", "bob"], ["ann"], 2),
         (["cid"], ["ann", "bob"], 2), (["bob", "cid", "dan"], ["ann"], 2), (["cid", "dan"], ["ann", "bob"], 3),
         (None, [f"p{number}" for number in range(98)] + ["ann", "bob", "cid"], None))
PEOPLE = ("ann", "bob", "cid", "dan")


def tally(form, answers):
    """What 0.2.0 made of a form and the answers to it, or None where it refused one."""
    asked, required, threshold = form
    people = {*(asked or ()), *(required or ())}
    if people and not people.issuperset(answers):
        return None
    required = required or []
    approvals = {who for who, decision in answers.items() if decision == "approved"}
    rejections = set(answers) - approvals
    needed = threshold or len(required) or 1
    needed_required = min(len(required), needed)
    if not threshold and rejections:
        return "rejected"
    if len(approvals) >= needed and len(approvals.intersection(required)) >= needed_required:
        return "approved"
    if not rejections:
        return "pending"
    if len(people) - len(rejections) < needed:
        return "rejected"
    if len(required) - len(rejections.intersection(required)) < needed_required:
        return "rejected"
    return "pending"


def half_answered():
    """Each form with each course of answers that left it pending."""
    choices = [(who, decision) for who in PEOPLE for decision in ("approved", "rejected")]
    for form in FORMS:
        for length in range(4):
            for course in itertools.permutations(choices, length):
                answers = dict(course)
                if len(answers) == length and all(tally(form, dict(course[:n])) == "pending"
                                                  for n in range(length + 1)):
                    yield form, answers


INSERT_REQUEST = """
    INSERT INTO hitl.approval_requests (id, title, requested_from, required_approvers, approval_threshold, status,
        content_hash, requested_by, requested_role, requested_at, expires_at)
    VALUES (hitl.uuidv7(), %(title)s, %(asked)s, %(required)s, %(threshold)s, 'pending',
        hitl.approval_content_hash(%(title)s, NULL, 'binary', '{}'), 'me', 'postgres',
        now() - interval '2 days', now() - interval '2 days' + %(limit)s) RETURNING id"""
INSERT_RESPONSE = """
    INSERT INTO hitl.approval_responses (approval_id, approver_id, decision, content_hash, session_role, caller_role)
    SELECT id, %s, %s, content_hash, 'postgres', 'postgres' FROM hitl.approval_requests WHERE id = %s"""


@pytest.fixture
def office(cluster):
    """A database of 0.2.0 with approvals, in which nothing works; afterwards it goes."""
    roles = ("teller", "auditor", "stranger")
    cluster.sql("".join(f"CREATE ROLE {role};" for role in roles), dbname="postgres")
    create_old(cluster, "office", "0.2.0")
    cluster.sql("ALTER DATABASE office SET hitl.run_workers = off", dbname="postgres")
    yield "office"
    cluster.sql("DROP DATABASE office", dbname="postgres")
    cluster.sql(f"DROP ROLE {', '.join(roles)}", dbname="postgres")


def test_half_answered(cluster, office):
    """Whatever 0.2.0 had left pending is as if it had been asked and answered by now."""
    with cluster.connect(office) as connection:
        made = {}
        for form, answers in half_answered():
            made[insert_request(connection, form, answers)] = form, answers
        connection.execute("CREATE PUBLICATION everything FOR TABLE hitl.approval_requests, hitl.approval_responses")
        alike = 0
        update(cluster, office)
        assert approval_faults(connection) == []
        for approval, (form, answers) in made.items():
            before, anew = stands(connection, approval), stands(connection, ask_anew(connection, form, answers))
            if before["acts"] == anew["acts"]:
                assert before == anew, (form, answers)
                alike += 1
            else:  # 0.2.0 took answers of people who could not change anything any more
                assert before["asked"] == anew["asked"], (form, answers)
            for who, decision in itertools.product(PEOPLE, ("approved", "rejected")):
                wanted = tally(form, answers | {who: decision})
                if who not in answers and wanted:
                    assert outcome(connection, approval, who, decision) == wanted, (form, answers, who, decision)
        assert len(made) > alike > 100
        assert approval_faults(connection) == []


def insert_request(connection, form, answers, limit=None):
    """What 0.2.0 kept of a request and answers to it."""
    asked, required, threshold = form
    approval = connection.execute(INSERT_REQUEST, {
        "title": f"{form} {answers}", "asked": asked, "required": required, "threshold": threshold,
        "limit": limit}).fetchone()[0]
    for who, decision in answers.items():
        connection.execute(INSERT_RESPONSE, [who, decision, approval])
    return approval


def ask_anew(connection, form, answers):
    """The same question, answered in the same way, by this version."""
    approval = connection.execute(
        "SELECT hitl.request_approval('Anew?', policy => hitl.simple_policy(%s, %s, %s, NULL))", form).fetchone()[0]
    for who, decision in answers.items():
        outcome(connection, approval, who, decision, keep=True)
    return approval


def outcome(connection, approval, who, decision, keep=False):
    """What an answer leads to.  Who is not asked any more cannot change anything, which 0.2.0 did not refuse."""
    try:
        with connection.transaction(force_rollback=not keep):
            return connection.execute("SELECT hitl.respond_to_approval(%s, %s, %s)",
                                      [approval, who, decision]).fetchone()[0]
    except psycopg.Error as error:
        assert error.sqlstate == "WF015", error
        return "pending"


def stands(connection, approval):
    """How a request stands, but for times."""
    return connection.cursor(row_factory=dict_row).execute("""
        SELECT a.status, a.asked, a.policy, a.due_at, a.round, a.acts, a.wanted, a.requesters, a.editors, a.editable,
            regexp_replace(a.policy_state, '"at_us":\\d+', '') AS state,
            (a.policy_state::jsonb ->> 'at_us')::bigint = hitl.microseconds((SELECT max(r.responded_at)
                FROM hitl.approval_responses r WHERE r.approval_id = a.id)) AS state_at,
            ARRAY(SELECT (r.number, r.round, r.approver_id, r.names, r.decision, r.standing, r.channel,
                          r.session_role, r.caller_role)::text
                  FROM hitl.approval_responses r WHERE r.approval_id = a.id ORDER BY r.number) AS answers,
            (SELECT jsonb_agg(to_jsonb(e) - '{asked_at,deadline}'::text[])
             FROM hitl.explain_policy(a.id) AS e) AS parts
        FROM hitl.approval_requests a WHERE a.id = %s""", [approval]).fetchone()


def test_time_limits(cluster, office):
    """What has a time limit keeps it, and expires."""
    with cluster.connect(office) as connection:
        answers = {"bob": "approved"}
        due = insert_request(connection, FORMS[3], answers, "1 day")
        short = insert_request(connection, FORMS[3], answers, "300 microseconds")
        later = insert_request(connection, FORMS[3], answers, "3.000123 days")
        limits = connection.execute("SELECT id, expires_at FROM hitl.approval_requests ORDER BY id").fetchall()
        update(cluster, office)
        assert connection.execute("SELECT id, expires_at FROM hitl.approval_requests ORDER BY id").fetchall() == limits
        assert asked_of(cluster, office, "ann") == [later]
        with pytest.raises(psycopg.Error, match="has expired"):
            connection.execute("SELECT hitl.respond_to_approval(%s, 'cid', 'rejected')", [due])
        assert connection.execute("SELECT hitl.respond_to_approval(%s, 'cid', 'rejected')", [later]
                                  ).fetchone() == ("pending",)
        assert connection.execute("SELECT hitl.expire_due_approvals()").fetchone() == (2,)
        assert {row[0] for row in connection.execute(
            "SELECT id FROM hitl.approval_requests WHERE status = 'expired'")} == {due, short}
        assert approval_faults(connection) == []


def test_single_rights(cluster, office):
    """Who could see or answer all requests without having a level still can; others see none."""
    with cluster.connect(office) as connection:
        connection.execute("""
            GRANT USAGE ON SCHEMA hitl TO teller, auditor, stranger;
            GRANT EXECUTE ON FUNCTION hitl.list_pending_approvals(text, uuid),
                hitl.respond_to_approval(uuid, text, text, jsonb, text) TO teller;
            GRANT SELECT ON hitl.approval_responses, hitl.workflows, hitl.workflow_events TO auditor;
            GRANT EXECUTE ON FUNCTION hitl.request_approval(text, text, text, text, text[], integer, numeric, jsonb,
                uuid, text, text[], text) TO stranger""")
        connection.execute("INSERT INTO hitl.workflows (id, name, owner, created_by)"
                           " VALUES (hitl.uuidv7(), 'x', 'postgres', 'me')")
        approval = insert_request(connection, FORMS[5], {"bob": "approved"})
        update(cluster, office)
        assert granted(connection, "stranger") == {
            "EXECUTE hitl.request_approval(text,text,text,text,text[],integer,numeric,jsonb,uuid,text,text[],text,"
            "jsonb,jsonb,jsonb)"}
        connection.execute("SET ROLE auditor")
        assert connection.execute("SELECT approval_id FROM hitl.approval_responses").fetchall() == [(approval,)]
        assert connection.execute("SELECT name, (SELECT count(*) FROM hitl.workflow_events) FROM hitl.workflows"
                                  ).fetchall() == [("x", 0)]
        connection.execute("SET ROLE teller")
        assert connection.execute("SELECT approval_id FROM hitl.list_pending_approvals()").fetchall() == [(approval,)]
        assert connection.execute("SELECT hitl.respond_to_approval(%s, 'teller', 'approved')", [approval]
                                  ).fetchone() == ("approved",)


def id_of(connection, name, role=None):
    """The id of a workflow, for a role that sees its own only."""
    if role:
        connection.execute("RESET ROLE")
    found = connection.execute("SELECT id FROM hitl.workflows WHERE name = %s", [name]).fetchone()[0]
    if role:
        connection.execute(f"SET ROLE {role}")
    return found


def status(connection, name):
    return connection.execute("SELECT status FROM hitl.workflows WHERE name = %s", [name]).fetchone()[0]


def until(connection, name, wanted):
    def look():
        return connection.execute("SELECT status, error FROM hitl.workflows WHERE name = %s",
                                  [name]).fetchone()
    wait_until(lambda: look()[0] == wanted, describe=lambda: (name, look()))


def result(connection, name, step):
    return connection.execute("SELECT data -> 'steps' -> %s ->> 'answer' FROM hitl.workflows"
                              " WHERE name = %s", [step, name]).fetchone()[0]


def answer(connection, name, who="ann"):
    return len(connection.execute(
        "SELECT hitl.respond_to_approval(approval_id, %s, 'approved')"
        " FROM hitl.list_pending_approvals(workflow_id => %s)", [who, id_of(connection, name)]).fetchall())
