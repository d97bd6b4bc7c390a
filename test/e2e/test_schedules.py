"""Schedules: pg_cron starts templates as the role that scheduled them."""
import re

import psycopg
import pytest
from harness import wait_until

SETTINGS = {
    "shared_preload_libraries": "pg_cron,hitl",
    "cron__database_name": "hitl",
    "cron__use_background_workers": "on",
}
MINUTE = 90  # seconds within which a job of each minute has run
DEFINITION = ('{"steps": [{"name": "count", "type": "task",'
              ' "task": "Count {{ $.variables.what }}"}]}')


@pytest.fixture(scope="module", autouse=True)
def ground(cluster):
    cluster.psql(f"""
        CREATE EXTENSION pg_cron;
        SELECT hitl.create_model('echo', provider => 'builtin', is_default => true);
        SELECT hitl.create_template('count', definition => '{DEFINITION}',
                                    required_parameters => '{{what}}');
        CREATE ROLE clerk LOGIN;
        CREATE ROLE stranger LOGIN;
        CREATE ROLE group_of_clerks;
        GRANT group_of_clerks TO clerk;
        SELECT hitl.grant_access('clerk', 'operator'), hitl.grant_access('stranger', 'operator'),
               hitl.grant_access('group_of_clerks', 'operator');""")


@pytest.fixture
def clerk(cluster):
    with cluster.connect(user="clerk") as connection:
        yield connection
        connection.execute("SELECT hitl.unschedule_template(name) FROM hitl.schedules")


def test_a_template_is_started_each_minute(cluster, clerk):
    job = clerk.execute("SELECT hitl.schedule_template('each minute', 'count', '* * * * *',"
                        " '{\"what\": \"sheep\"}')").fetchone()[0]
    assert cluster.sql("SELECT schedule, username, database, active FROM cron.job"
                       " WHERE jobid = %s", [job]) == [
        {"schedule": "* * * * *", "username": "clerk", "database": "hitl", "active": True}]
    assert clerk.execute("SELECT active, starts, last_run_at FROM hitl.schedules").fetchall() == [
        (True, 0, None)]

    def has_run():
        return clerk.execute("SELECT last_workflow_id, last_run_status, last_run_message, starts"
                             " FROM hitl.schedules WHERE last_run_status = 'succeeded'").fetchone()
    workflow, _, _, starts = wait_until(has_run, MINUTE, lambda: cluster.sql(
        "SELECT * FROM cron.job_run_details"))
    assert starts >= 1
    wait_until(lambda: cluster.value("SELECT status FROM hitl.workflows WHERE id = %s",
                                     [workflow]) == "completed")
    row = cluster.sql("SELECT owner, created_by, template, template_version, data"
                      " FROM hitl.workflows WHERE id = %s", [workflow])[0]
    assert row.pop("data")["steps"]["count"]["answer"] == "Count sheep"
    assert row == {"owner": "clerk", "created_by": "clerk", "template": "count",
                   "template_version": 1}

    assert clerk.execute("SELECT hitl.unschedule_template('each minute')").fetchone()[0]
    assert cluster.value("SELECT count(*) FROM cron.job WHERE jobid = %s", [job]) == 0
    assert not clerk.execute("SELECT hitl.unschedule_template('each minute')").fetchone()[0]


def test_pg_cron_may_drive_expiry_and_retention(cluster):
    """What the documentation says: jobs that call the functions directly."""
    cluster.psql("""
        SELECT hitl.request_approval('Late?', timeout_hours => 0.0000001);
        SELECT cron.schedule('hitl expire', '* * * * *', 'SELECT hitl.expire_due_approvals()');
        SELECT cron.schedule('hitl purge', '* * * * *', 'SELECT hitl.purge(interval ''0'')');""")

    def done():
        rows = cluster.sql("SELECT j.jobname, r.status, r.return_message FROM cron.job j"
                           " JOIN cron.job_run_details r USING (jobid)"
                           " WHERE j.jobname IN ('hitl expire', 'hitl purge')"
                           " AND r.status IN ('succeeded', 'failed')")
        return rows if len(rows) >= 2 else None
    rows = wait_until(done, MINUTE, lambda: cluster.sql("SELECT * FROM cron.job_run_details"))
    assert {row["status"] for row in rows} == {"succeeded"}, rows
    cluster.psql("SELECT cron.unschedule('hitl expire'), cron.unschedule('hitl purge');")


def test_scheduling_again_replaces(cluster, clerk):
    clerk.execute("SELECT hitl.schedule_template('nightly', 'count', '0 3 * * *', '{\"what\": 1}')")
    clerk.execute("SELECT hitl.schedule_template('nightly', 'count', '0 4 * * *', '{\"what\": 2}', 1)")
    assert clerk.execute("SELECT schedule, version, input_data FROM hitl.schedules").fetchall() == [
        ("0 4 * * *", 1, {"what": 2})]
    assert cluster.sql("SELECT jobname, schedule FROM cron.job") == [
        {"jobname": "hitl nightly", "schedule": "0 4 * * *"}]
    # run_schedule is what the job calls
    workflow = clerk.execute("SELECT hitl.run_schedule('nightly')").fetchone()[0]
    assert cluster.value("SELECT data -> 'variables' FROM hitl.workflows WHERE id = %s",
                         [workflow]) == {"what": 2}


def test_names_are_quoted(cluster, clerk):
    name = "it's; \\ \"odd\" $$"
    clerk.execute("SELECT hitl.schedule_template(%s, 'count', '0 3 * * *', '{\"what\": 1}')", [name])
    command = cluster.value("SELECT command FROM cron.job")
    assert clerk.execute(command).fetchone()[0]
    assert clerk.execute("SELECT starts FROM hitl.schedules WHERE name = %s", [name]).fetchone()[0] == 1


def test_a_schedule_belongs_to_its_role(cluster, clerk):
    clerk.execute("SELECT hitl.schedule_template('mine', 'count', '0 3 * * *', '{\"what\": 1}')")
    with cluster.connect(user="stranger") as stranger:
        assert stranger.execute("SELECT * FROM hitl.schedules").fetchall() == []
        for call in ("hitl.schedule_template('mine', 'count', '0 4 * * *', '{\"what\": 1}')",
                     "hitl.unschedule_template('mine')", "hitl.run_schedule('mine')"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                stranger.execute(f"SELECT {call}")
    # a superuser may, and the job stays the clerk's
    cluster.sql("SELECT hitl.schedule_template('mine', 'count', '0 5 * * *', '{\"what\": 1}')")
    assert cluster.sql("SELECT username, schedule FROM cron.job") == [
        {"username": "clerk", "schedule": "0 5 * * *"}]
    # what it starts is the clerk's as well: a template can be anybody's
    started = cluster.value("SELECT hitl.run_schedule('mine')")
    assert cluster.value("SELECT owner FROM hitl.workflows WHERE id = %s", [started]) == "clerk"


def test_faults_are_told_when_scheduling(cluster, clerk):
    def refused(call, condition, role=None):
        with pytest.raises(psycopg.Error, match=condition) as caught:
            with clerk.transaction():
                if role:
                    clerk.execute(f"SET LOCAL ROLE {role}")
                clerk.execute(f"SELECT {call}")
        return caught.value.sqlstate
    assert refused("hitl.schedule_template('x', 'nothing', '* * * * *')", "does not exist") == "WF005"
    assert refused("hitl.schedule_template('x', 'count', '* * * * *')", "lacks") == "WF030"
    refused("hitl.schedule_template('x', 'count', 'at noon', '{\"what\": 1}')", "invalid schedule")
    refused("hitl.schedule_template('x', 'count', NULL, '{\"what\": 1}')", "must not be null")
    refused("hitl.schedule_template('x', 'count', '* * * * *', '[]')", "must be a JSON object")
    refused("hitl.schedule_template('x', 'count', '* * * * *', '{\"what\": 1}')", "cannot log in",
            role="group_of_clerks")
    assert refused("hitl.run_schedule('x')", "does not exist") == "42704"
    assert clerk.execute("SELECT * FROM hitl.schedules").fetchall() == []
    assert cluster.value("SELECT count(*) FROM cron.job") == 0


def test_another_database_is_told_what_to_do(cluster):
    cluster.create_database("elsewhere")
    cluster.psql(f"SELECT hitl.create_template('count', definition => '{DEFINITION}')",
                 dbname="elsewhere")
    with cluster.connect("elsewhere") as client:
        with pytest.raises(psycopg.Error) as caught:
            client.execute("SELECT hitl.schedule_template('far', 'count', '0 3 * * *', '{\"a\": 1}')")
    assert caught.value.sqlstate == "WF033"
    statement = re.search(r"run there: (SELECT .*;)", caught.value.diag.message_hint)[1]
    cluster.sql(statement)
    job = cluster.sql("SELECT database, username, command FROM cron.job")
    assert [row["database"] for row in job] == ["elsewhere"]
    assert cluster.value(job[0]["command"], dbname="elsewhere")
    cluster.sql("SELECT cron.unschedule(jobid) FROM cron.job")


def test_without_pg_cron(cluster, clerk):
    clerk.execute("SELECT hitl.schedule_template('orphan', 'count', '0 3 * * *', '{\"what\": 1}')")
    cluster.sql("DROP EXTENSION pg_cron")
    try:
        assert clerk.execute("SELECT active FROM hitl.schedules").fetchall() == [(False,)]
        with pytest.raises(psycopg.Error, match="pg_cron is not installed") as caught:
            clerk.execute("SELECT hitl.schedule_template('x', 'count', '* * * * *', '{\"what\": 1}')")
        assert caught.value.diag.message_hint == "Run CREATE EXTENSION pg_cron."
        assert clerk.execute("SELECT hitl.unschedule_template('orphan')").fetchone()[0]
    finally:
        cluster.sql("CREATE EXTENSION pg_cron")
