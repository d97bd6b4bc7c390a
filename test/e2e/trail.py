"""What must hold for all workflows of a database, whatever has happened to it."""
from psycopg.types.json import Jsonb

TASKS = {"steps": [{"name": f"step_{number}", "type": "task", "task": f"task {number}"}
                   for number in range(1, 6)]}
ASK = {"steps": [{"name": "before", "type": "task", "task": "prepare"},
                 {"name": "ask", "type": "approval", "title": "Go?", "requested_from": "ann"},
                 {"name": "after", "type": "task", "task": "go"}]}


def make(connection, definition, count=1, start=True, name="test"):
    """Create workflows, and start them; their ids."""
    create = "hitl.create_workflow(%s, workflow_definition => %s)"
    if start:
        create = f"hitl.execute_workflow({create})"
    return [row[0] for row in connection.execute(
        f"SELECT {create} FROM generate_series(1, %s)", [name, Jsonb(definition), count])]


def statuses(connection, ids):
    """How many of the workflows have each status."""
    return dict(connection.execute(
        "SELECT status, count(*) FROM hitl.workflows WHERE id = ANY (%s) GROUP BY 1", [ids]))


def faults(connection):
    """Workflows whose trail is not what it must be; none, if all is well."""
    return connection.execute("""
        SELECT 'events have gaps' AS fault, w.id, w.last_event::text AS detail
        FROM hitl.workflows w
        WHERE w.last_event <> (SELECT count(*) FROM hitl.workflow_events e
                               WHERE e.workflow_id = w.id AND e.seq BETWEEN 1 AND w.last_event)
           OR EXISTS (SELECT FROM hitl.workflow_events e
                      WHERE e.workflow_id = w.id AND e.seq NOT BETWEEN 1 AND w.last_event)
        UNION ALL
        SELECT 'happened twice', workflow_id, concat_ws(' ', event_type, step_name)
        FROM hitl.workflow_events
        WHERE workflow_id NOT IN (SELECT workflow_id FROM hitl.workflow_events
                                  WHERE event_type IN ('rolled_back', 'workflow_retried'))
          AND event_type IN ('workflow_created', 'workflow_started', 'step_completed',
                             'workflow_completed', 'workflow_failed', 'workflow_rejected')
        GROUP BY workflow_id, event_type, step_name, scope HAVING count(*) > 1
        UNION ALL
        SELECT 'events without workflow', workflow_id, NULL FROM hitl.workflow_events
        WHERE workflow_id NOT IN (SELECT id FROM hitl.workflows)
        UNION ALL
        SELECT 'answer not in the trail', a.workflow_id, r.approver_id
        FROM hitl.approval_responses r JOIN hitl.approval_requests a ON a.id = r.approval_id
        WHERE a.workflow_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM hitl.workflow_events e
            WHERE e.workflow_id = a.workflow_id AND e.event_type IN ('approval_responded', 'approval_' || r.decision)
              AND e.actor = r.approver_id AND e.data ->> 'decision' = r.decision
              AND e.data ->> 'approval_id' = a.id::text)
          -- Where the engine could not process it, it stands, though nobody could act upon it.
          AND NOT EXISTS (
            SELECT FROM hitl.workflow_events e
            WHERE e.workflow_id = a.workflow_id AND e.event_type = 'workflow_failed'
              AND e.data ->> 'kind' IN ('system_error', 'timeout') AND e.data ? 'sqlstate')
        UNION ALL
        SELECT 'asks though it has ended', w.id, a.title
        FROM hitl.workflows w JOIN hitl.approval_requests a ON a.workflow_id = w.id
        WHERE a.status = 'pending'
          AND w.status IN ('completed', 'failed', 'rejected', 'cancelled')
        """).fetchall() + broken_chains(connection)


def broken_chains(connection):
    """Events that are not what was written; none, if all is well."""
    return connection.execute("""
        SELECT f.fault, w.id, f.seq::text AS detail
        FROM hitl.workflows w, hitl.verify_events(w.id) f""").fetchall()
