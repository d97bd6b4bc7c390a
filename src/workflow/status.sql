-- status.sql
--		Reading what a workflow does and has done.

CREATE FUNCTION hitl.get_workflow_status(workflow_id uuid) RETURNS jsonb
	LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	w hitl.workflows;
BEGIN
	SELECT * INTO w FROM hitl.workflows WHERE id = workflow_id;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'WF002',
			MESSAGE = format('workflow %s does not exist', workflow_id),
			HINT = 'hitl.create_workflow returns the id of a workflow.';
	END IF;
	RETURN jsonb_build_object(
		'workflow_id', w.id,
		'name', w.name,
		'description', w.description,
		'status', w.status,
		'current_step', (
			SELECT a ->> 'step' FROM jsonb_array_elements(w.control -> 'active') AS a LIMIT 1),
		'active_steps', coalesce((
			SELECT jsonb_agg(a - 'token') FROM jsonb_array_elements(w.control -> 'active') AS a), '[]'),
		'progress', jsonb_build_object(
			'completed', coalesce((w.control ->> 'completed')::integer, 0),
			'total', coalesce((w.control ->> 'total')::integer,
				(SELECT jsonb_array_length(d.definition -> 'steps')
				 FROM hitl.definitions d WHERE d.hash = w.definition_hash), 0)),
		'variables', coalesce(w.data -> 'variables', '{}'),
		'results', coalesce(w.data -> 'steps', '{}'),
		'error', w.error,
		'pending_approvals', coalesce((
			SELECT jsonb_agg(jsonb_build_object(
				'approval_id', a.id, 'title', a.title, 'step_name', a.step_name,
				'requested_from', a.requested_from, 'required_approvers', a.required_approvers,
				'approval_threshold', a.approval_threshold, 'expires_at', a.expires_at,
				'responses', (SELECT count(*) FROM hitl.approval_responses r
							  WHERE r.approval_id = a.id)) ORDER BY a.id)
			FROM hitl.approval_requests a
			WHERE a.workflow_id = w.id AND a.status = 'pending'), '[]'),
		'recent_events', coalesce((
			SELECT jsonb_agg(jsonb_build_object(
				'seq', e.seq, 'event_type', e.event_type, 'step_name', e.step_name,
				'data', e.data, 'actor', e.actor, 'created_at', e.created_at) ORDER BY e.seq)
			FROM (SELECT * FROM hitl.workflow_events v WHERE v.workflow_id = w.id
				  ORDER BY v.seq DESC LIMIT 10) e), '[]'),
		'checkpoints', coalesce((
			SELECT jsonb_agg(jsonb_build_object(
				'name', c.name, 'step_name', c.step_name, 'description', c.description,
				'event', c.event, 'abandoned', c.abandoned, 'created_at', c.created_at)
				ORDER BY c.event)
			FROM hitl.workflow_checkpoints c WHERE c.workflow_id = w.id), '[]'),
		'owner', w.owner,
		'created_by', w.created_by,
		'created_at', w.created_at,
		'started_at', w.started_at,
		'finished_at', w.finished_at,
		'starts_at', (SELECT min(m.due_at) FROM hitl.messages m
					  WHERE m.workflow_id = w.id AND m.kind = 'scheduled_start'
						AND w.status = 'pending'),
		'deadline', w.deadline,
		'priority', w.priority,
		'recoveries', w.recoveries,
		'recovers_at', (SELECT min(p.due_at) FROM hitl.planned_recoveries p
						WHERE p.workflow_id = w.id));
END
$$;
COMMENT ON FUNCTION hitl.get_workflow_status(uuid) IS
	'status, current step, progress, pending approvals, recent events, checkpoints and results of a workflow';

-- One short sentence about an event.
CREATE FUNCTION hitl.describe_event(event hitl.workflow_events) RETURNS text
	LANGUAGE sql STABLE
	RETURN CASE
		WHEN (event).event_type = 'workflow_created' THEN
			CASE WHEN (event).delta -> 'variables' = '{}' THEN NULL
				 ELSE left((event).delta ->> 'variables', 100) END
		WHEN (event).event_type = 'approval_requested' THEN (event).data ->> 'title'
		WHEN (event).event_type = 'approval_responded' THEN concat_ws(': ',
			(event).data ->> 'decision', (event).data ->> 'feedback')
		WHEN (event).event_type = 'checkpoint_created' THEN concat_ws(': ',
			(event).data ->> 'checkpoint', (event).data ->> 'description')
		WHEN (event).event_type = 'rolled_back' THEN concat_ws(': ',
			'to ' || ((event).data ->> 'checkpoint'), (event).data ->> 'reason')
		WHEN (event).event_type = 'task_requested' THEN coalesce(
			'model ' || ((event).data ->> 'model'), 'queue ' || ((event).data ->> 'queue'))
		WHEN (event).event_type = 'signal_received' THEN (event).data ->> 'signal'
		WHEN (event).event_type = 'child_started' THEN coalesce(
			'template ' || ((event).data ->> 'template'), 'workflow ' || ((event).data ->> 'workflow_id'))
		WHEN (event).event_type = 'http_requested' THEN (event).data ->> 'method'
		WHEN (event).event_type = 'status_changed' THEN concat_ws(': ',
			((event).data ->> 'from') || ' to ' || ((event).data ->> 'to'), (event).data ->> 'reason')
		WHEN (event).data ? 'message' THEN concat_ws(': ',
			(event).data ->> 'kind', left((event).data ->> 'message', 200))
		WHEN (event).data ? 'reason' THEN (event).data ->> 'reason'
		WHEN (event).delta -> 'steps' -> (event).step_name ? 'answer' THEN
			left((event).delta -> 'steps' -> (event).step_name ->> 'answer', 100)
		WHEN (event).delta -> 'steps' -> (event).step_name ? 'decision' THEN
			(event).delta -> 'steps' -> (event).step_name ->> 'decision'
		WHEN (event).delta ? 'variables' THEN left((event).delta ->> 'variables', 100)
	END;
COMMENT ON FUNCTION hitl.describe_event(hitl.workflow_events) IS
	'a short text about an event, for timelines';

CREATE FUNCTION hitl.workflow_timeline(workflow_id uuid)
	RETURNS TABLE (at text, event text, step text, what text, who text)
	LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY
		SELECT to_char(e.created_at, 'YYYY-MM-DD HH24:MI:SS.MS'), replace(e.event_type, '_', ' '),
			   e.step_name, hitl.describe_event(e), coalesce(e.actor, 'engine')
		FROM hitl.workflow_events e
		WHERE e.workflow_id = workflow_timeline.workflow_id
		ORDER BY e.seq;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'WF002',
			MESSAGE = format('workflow %s does not exist', workflow_id),
			HINT = 'hitl.create_workflow returns the id of a workflow.';
	END IF;
END
$$;
COMMENT ON FUNCTION hitl.workflow_timeline(uuid) IS
	'all events of a workflow in order, in words, for reading in psql';

CREATE VIEW hitl.workflow_steps AS
	SELECT e.workflow_id, e.step_name, e.position,
		   split_part(e.event_type, '_', 2) AS outcome,
		   e.delta -> 'steps' -> e.step_name AS result,
		   CASE WHEN e.event_type = 'step_failed' THEN e.data END AS error,
		   (SELECT min(s.created_at) FROM hitl.workflow_events s
			WHERE s.workflow_id = e.workflow_id AND s.step_name = e.step_name
			  AND s.seq < e.seq AND s.seq > coalesce((
				SELECT max(p.seq) FROM hitl.workflow_events p
				WHERE p.workflow_id = e.workflow_id AND p.seq < e.seq
				  AND p.step_name = e.step_name AND p.event_type LIKE 'step\_%'), 0)) AS asked_at,
		   e.created_at AS finished_at, e.seq AS event
	FROM hitl.workflow_events e
	WHERE e.event_type IN ('step_completed', 'step_skipped', 'step_failed');
COMMENT ON VIEW hitl.workflow_steps IS
	'step runs that have ended: completed, skipped or failed, with their results';
