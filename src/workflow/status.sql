-- status.sql
--		Reading what a workflow does and has done.

CREATE FUNCTION hitl.workflow_data(workflow_id uuid) RETURNS jsonb
	LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	RETURN (SELECT coalesce((
		SELECT w.data || jsonb_object_agg(l.member, coalesce(w.data -> l.member, '{}') || l.members)
		FROM (SELECT m.key AS member, jsonb_object_agg(n.key,
					coalesce(e.delta -> '$' -> m.key -> n.key, e.delta -> m.key -> n.key)) AS members
			  FROM jsonb_each(w.large) AS m, jsonb_each(m.value) AS n
			  JOIN hitl.workflow_events e ON e.workflow_id = w.id AND e.seq = n.value::integer
			  GROUP BY m.key) AS l), w.data)
		FROM hitl.workflows w WHERE w.id = workflow_data.workflow_id);
COMMENT ON FUNCTION hitl.workflow_data(uuid) IS
	'the data of a workflow as its steps see them ($), large members included, which hitl.workflows keeps in the trail';

-- Where a workflow is: itself (branch 0), then its branches.
CREATE FUNCTION hitl.active_steps(w hitl.workflows)
	RETURNS TABLE (branch bigint, scope bigint, step jsonb)
	LANGUAGE sql STABLE
	BEGIN ATOMIC
		SELECT 0, 0, a FROM jsonb_array_elements(w.control -> 'active') AS a
		UNION ALL
		(SELECT b.branch, b.scope, a FROM hitl.workflow_branches b, jsonb_array_elements(b.control -> 'active') AS a
		 WHERE b.workflow_id = w.id AND b.status = 'active' ORDER BY b.branch);
	END;
COMMENT ON FUNCTION hitl.active_steps(hitl.workflows) IS
	'where a workflow is: itself, then its branches';

-- How far the agent of an active step is, for people: its state has more than they need.
CREATE FUNCTION hitl.agent_progress(step jsonb) RETURNS jsonb
	LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp
	RETURN jsonb_strip_nulls(jsonb_build_object(
		'name', step #> '{agent,name}',
		'turn', step #> '{agent,turn}',
		'tokens', coalesce(step #> '{agent,used,tokens}', '0'),
		'cost', step #> '{agent,used,cost}',
		'waits_for', CASE
			WHEN step ->> 'state' = 'waiting_approval' THEN 'people'
			WHEN step ->> 'state' = 'waiting_timer' THEN 'budget'
			WHEN step ->> 'state' = 'waiting_workflow' THEN 'tool'
			WHEN step ->> 'state' = 'waiting_reply' THEN CASE step #>> '{agent,phase}'
				WHEN 'calls' THEN 'tool' WHEN 'checks' THEN 'check' ELSE 'model' END
		END,
		'limit', CASE WHEN step #>> '{agent,phase}' IN ('exceeds', 'waits') THEN step #> '{agent,limit}' END,
		-- Those that are still to be done, in their order.
		'calls', (
			SELECT jsonb_agg(jsonb_build_object(
				'tool', replace(c.call ->> 'tool', '<code>', 'sql'),
				'state', CASE
					WHEN c.call ? 'token' THEN 'asked'
					WHEN c.place = s.next + 1 AND step ->> 'state' IN ('waiting_reply', 'waiting_workflow') THEN 'running'
					ELSE 'waiting' END) ORDER BY c.place)
			FROM (SELECT coalesce((step #>> '{agent,next}')::integer, 0)) AS s (next),
				 jsonb_array_elements(step #> '{agent,calls}') WITH ORDINALITY AS c (call, place)
			WHERE c.place > s.next)));
COMMENT ON FUNCTION hitl.agent_progress(jsonb) IS
	'how far the agent of an active step is: turn, what it waits for, calls under way, what it has used';

CREATE FUNCTION hitl.get_workflow_status(workflow_id uuid) RETURNS jsonb
	LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
	w hitl.workflows;
	data jsonb;
BEGIN
	SELECT * INTO w FROM hitl.workflows WHERE id = workflow_id;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'WF002',
			MESSAGE = format('workflow %s does not exist', workflow_id),
			HINT = 'hitl.create_workflow returns the id of a workflow.';
	END IF;
	data := hitl.workflow_data(workflow_id);
	RETURN jsonb_build_object(
		'workflow_id', w.id,
		'name', w.name,
		'description', w.description,
		'status', w.status,
		'current_step', (
			SELECT a ->> 'step' FROM jsonb_array_elements(w.control -> 'active') AS a LIMIT 1),
		-- Where its branches are comes after where it is itself.
		'active_steps', coalesce((
			SELECT jsonb_agg(a.step - 'token'
				|| CASE WHEN a.branch > 0 THEN jsonb_build_object('branch', a.branch, 'scope', a.scope) ELSE '{}' END
				|| CASE WHEN a.step ? 'agent' THEN jsonb_build_object('agent', hitl.agent_progress(a.step)) ELSE '{}' END
				ORDER BY a.branch)
			FROM (SELECT * FROM hitl.active_steps(w) LIMIT 100) AS a), '[]'),
		'active_counts', coalesce((
			SELECT jsonb_agg(jsonb_build_object('step', c.step, 'state', c.state, 'count', c.count)
				ORDER BY c.count DESC, c.step, c.state)
			FROM (SELECT a.step ->> 'step' AS step, a.step ->> 'state' AS state, count(*) AS count
				  FROM hitl.active_steps(w) AS a GROUP BY 1, 2) AS c), '[]'),
		'progress', jsonb_build_object(
			'completed', coalesce((w.control ->> 'completed')::integer, 0),
			'total', coalesce((w.control ->> 'total')::integer,
				(SELECT jsonb_array_length(d.definition -> 'steps')
				 FROM hitl.definitions d WHERE d.hash = w.definition_hash), 0)),
		'variables', coalesce(data -> 'variables', '{}'),
		'results', coalesce(data -> 'steps', '{}'),
		'output', w.output,
		'error', w.error,
		'pending_approvals', coalesce((
			SELECT jsonb_agg(jsonb_build_object(
				'approval_id', a.id, 'title', a.title, 'step_name', a.step_name,
				'requested_from', a.requested_from, 'required_approvers', a.required_approvers,
				'approval_threshold', a.approval_threshold, 'asked', a.asked, 'wanted', a.wanted,
				'expires_at', a.expires_at,
				'responses', (SELECT count(*) FROM hitl.approval_responses r
							  WHERE r.approval_id = a.id AND r.standing)) ORDER BY a.id)
			FROM hitl.approval_requests a
			WHERE a.workflow_id = w.id AND a.status = 'pending'), '[]'),
		'awaited_signals', coalesce((
			SELECT jsonb_agg(jsonb_build_object(
				'signal', g.name, 'step_name', g.step_name, 'match', g.match::text, 'since', g.since)
				ORDER BY g.token)
			FROM (SELECT * FROM hitl.awaited_signals v WHERE v.workflow_id = w.id
				  ORDER BY v.token LIMIT 100) AS g), '[]'),
		'next_timer', (
			SELECT min(m.due_at) FROM hitl.messages m WHERE m.workflow_id = w.id AND m.kind = 'timer'),
		'children', coalesce((
			SELECT jsonb_agg(jsonb_build_object('workflow_id', c.id, 'name', c.name, 'status', c.status)
				ORDER BY c.id)
			FROM (SELECT * FROM hitl.workflows v WHERE v.parent_id = w.id
				  ORDER BY v.id DESC LIMIT 100) AS c), '[]'),
		'recent_events', coalesce((
			SELECT jsonb_agg(jsonb_build_object(
				'seq', e.seq, 'event_type', e.event_type, 'step_name', e.step_name,
				'scope', e.scope, 'data', e.data, 'actor', e.actor, 'created_at', e.created_at) ORDER BY e.seq)
			FROM (SELECT * FROM hitl.workflow_events v WHERE v.workflow_id = w.id
				  ORDER BY v.seq DESC LIMIT 10) e), '[]'),
		'checkpoints', coalesce((
			SELECT jsonb_agg(jsonb_build_object(
				'name', c.name, 'step_name', c.step_name, 'description', c.description,
				'event', c.event, 'abandoned', c.abandoned, 'created_at', c.created_at)
				ORDER BY c.event)
			FROM hitl.workflow_checkpoints c WHERE c.workflow_id = w.id), '[]'),
		'parent_id', w.parent_id,
		'template', w.template,
		'template_version', w.template_version,
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
		WHEN (event).event_type = 'task_rerouted' THEN concat_ws(': ',
			'to model ' || ((event).data ->> 'model'), (event).data ->> 'kind',
			left((event).data ->> 'message', 200))
		WHEN (event).event_type = 'budget_awaited' THEN format('%s of this %s, until %s',
			(event).data ->> 'limit', (event).data ->> 'period', (event).data ->> 'renews_at')
		WHEN (event).event_type = 'signal_received' THEN (event).data ->> 'signal'
		WHEN (event).event_type = 'child_started' THEN coalesce(
			'template ' || ((event).data ->> 'template'), 'workflow ' || ((event).data ->> 'workflow_id'))
		WHEN (event).event_type = 'http_requested' THEN (event).data ->> 'method'
		WHEN (event).event_type = 'status_changed' THEN concat_ws(': ',
			((event).data ->> 'from') || ' to ' || ((event).data ->> 'to'), (event).data ->> 'reason')
		WHEN (event).event_type = 'step_retried' THEN concat_ws(': ',
			'attempt ' || ((event).data ->> 'attempt'), (event).data ->> 'kind',
			left((event).data ->> 'message', 200))
		WHEN (event).event_type = 'undo_started' THEN concat_ws(': ',
			'to ' || ((event).data ->> 'checkpoint'), (event).data ->> 'reason')
		WHEN (event).event_type = 'step_undone' THEN 'event ' || ((event).data ->> 'event')
		WHEN (event).event_type = 'step_skipped' AND (event).data ? 'when' THEN
			'not ' || ((event).data ->> 'when')
		WHEN starts_with((event).event_type, 'agent_') THEN concat_ws(': ',
			(event).data ->> 'tool', coalesce(nullif(left((event).data ->> 'text', 100), ''),
				(SELECT string_agg(c ->> 'name', ', ') FROM jsonb_array_elements((event).data -> 'calls') AS c)))
		WHEN (event).data ? 'message' THEN concat_ws(': ',
			(event).data ->> 'kind', left((event).data ->> 'message', 200))
		WHEN (event).data ? 'reason' THEN (event).data ->> 'reason'
		WHEN (event).delta -> 'steps' -> (event).step_name ? 'answer' THEN
			left((event).delta -> 'steps' -> (event).step_name ->> 'answer', 100)
		WHEN (event).delta -> 'steps' -> (event).step_name ? 'decision' THEN
			(event).delta -> 'steps' -> (event).step_name ->> 'decision'
		WHEN (event).delta -> 'steps' ? (event).step_name THEN
			left((event).delta -> 'steps' ->> (event).step_name, 100)
		WHEN (event).delta ? 'variables' THEN left((event).delta ->> 'variables', 100)
	END;
COMMENT ON FUNCTION hitl.describe_event(hitl.workflow_events) IS
	'a short text about an event, for timelines';

CREATE FUNCTION hitl.workflow_timeline(workflow_id uuid)
	RETURNS TABLE (at text, event text, step text, what text, who text)
	LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
BEGIN
	RETURN QUERY
		SELECT to_char(e.created_at, 'YYYY-MM-DD HH24:MI:SS.MS'), replace(e.event_type, '_', ' '),
			   e.step_name || coalesce(' [' || e.scope || ']', ''), hitl.describe_event(e),
			   coalesce(e.actor, 'engine')
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
	SELECT workflow_id, step_name, position,
		   split_part(event_type, '_', 2) AS outcome,
		   delta -> 'steps' -> step_name AS result,
		   CASE WHEN event_type = 'step_failed' THEN data END AS error,
		   asked_at, created_at AS finished_at, seq AS event, scope
	FROM (
		SELECT r.*, min(r.created_at) FILTER (WHERE NOT r.ends) OVER (
			PARTITION BY r.workflow_id, r.scope, r.step_name, r.runs_before) AS asked_at
		FROM (
			SELECT e.workflow_id, e.seq, e.event_type, e.step_name, e.position, e.data, e.delta,
				   e.scope, e.created_at, n.ends, count(*) FILTER (WHERE n.ends) OVER (
				PARTITION BY e.workflow_id, e.scope, e.step_name ORDER BY e.seq
				ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS runs_before
			FROM hitl.workflow_events e,
				LATERAL (SELECT e.event_type IN ('step_completed', 'step_skipped', 'step_failed')) AS n (ends)
			WHERE e.step_name IS NOT NULL) AS r) AS t
	WHERE ends;
COMMENT ON VIEW hitl.workflow_steps IS
	'step runs that have ended: completed, skipped or failed, with their results';
