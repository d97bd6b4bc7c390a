-- memory.sql
--		What agents have said and done: their memory is events of their workflow.
--
-- A message of a conversation is an event, numbered within a segment.  A rollback begins
-- a new segment; what came after the checkpoint stays in the trail, abandoned.

-- How the messages of a conversation are found.
CREATE INDEX workflow_events_memory ON hitl.workflow_events
	(workflow_id, ((data -> 'memory' ->> 0)::bigint), seq) WHERE starts_with(event_type, 'agent_');

CREATE FUNCTION hitl.abandoned_events(workflow_id uuid) RETURNS int4multirange
	LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	abandoned int4multirange := '{}';
	rollback record;
BEGIN
	-- From the last one on: what lies behind one that was abandoned is not.
	FOR rollback IN
		SELECT e.seq, (e.data ->> 'event')::integer AS checkpoint FROM hitl.workflow_events e
		WHERE e.workflow_id = abandoned_events.workflow_id AND e.event_type = 'rolled_back' ORDER BY e.seq DESC
	LOOP
		IF rollback.checkpoint IS NOT NULL AND NOT abandoned @> rollback.seq THEN	-- 0.2.0 did not say which
			abandoned := abandoned + int4multirange(int4range(rollback.checkpoint, rollback.seq, '()'));
		END IF;
	END LOOP;
	RETURN abandoned;
END
$$;
COMMENT ON FUNCTION hitl.abandoned_events(uuid) IS
	'which events of a workflow its rollbacks went behind, by their numbers';

-- Who may read the events may read these views, and sees the same.  Which workflows
-- have agents is known by the first messages of segments: the planner takes them for few.
CREATE VIEW hitl.agent_messages WITH (security_invoker) AS
	SELECT e.workflow_id, e.seq, e.created_at, e.step_name, e.scope, substr(e.event_type, 7) AS kind,
		   (e.data -> 'memory' ->> 0)::bigint AS segment, (e.data -> 'memory' ->> 1)::integer AS n,
		   e.data ->> 'role' AS role, e.data ->> 'text' AS text, e.data -> 'calls' AS calls,
		   e.data ->> 'call' AS call, e.data ->> 'tool' AS tool,
		   coalesce((e.data ->> 'failed')::boolean, false) AS failed, a.events @> e.seq AS abandoned
	FROM (SELECT DISTINCT f.workflow_id FROM hitl.workflow_events f
		  WHERE starts_with(f.event_type, 'agent_') AND f.data -> 'memory' ->> 1 = '1') AS w
	CROSS JOIN LATERAL hitl.abandoned_events(w.workflow_id) AS a (events)
	JOIN hitl.workflow_events e ON e.workflow_id = w.workflow_id AND starts_with(e.event_type, 'agent_');
COMMENT ON VIEW hitl.agent_messages IS
	'the memory of agents: each message of their conversations, those that a rollback went behind too';
COMMENT ON COLUMN hitl.agent_messages.seq IS 'number of the event that it is';
COMMENT ON COLUMN hitl.agent_messages.scope IS 'of a step in a foreach: the element''s branch';
COMMENT ON COLUMN hitl.agent_messages.kind IS
	'started: the task; replied, planned: what the model said; observed: what a tool gave; told: what it was told';
COMMENT ON COLUMN hitl.agent_messages.segment IS
	'messages are numbered within a segment; a rollback begins another one';
COMMENT ON COLUMN hitl.agent_messages.n IS 'number within the segment';
COMMENT ON COLUMN hitl.agent_messages.role IS 'user, assistant or tool';
COMMENT ON COLUMN hitl.agent_messages.calls IS 'the calls of tools that the model wants: id, name, arguments';
COMMENT ON COLUMN hitl.agent_messages.call IS 'of an observation: id of the call';
COMMENT ON COLUMN hitl.agent_messages.tool IS 'of an observation: name of the tool; NULL: code';
COMMENT ON COLUMN hitl.agent_messages.failed IS 'of an observation: the call has failed';
COMMENT ON COLUMN hitl.agent_messages.abandoned IS 'a rollback went behind it';

-- An observation belongs to the latest turn that wanted its call; code, which has no
-- call, to the latest turn, past those that a rollback went behind.  The messages are
-- read once, and grouped: a join would compare each with each.
CREATE VIEW hitl.agent_steps WITH (security_invoker) AS
	SELECT s.workflow_id, s.step_name, s.scope, (s.data ->> 'turn')::integer AS turn, s.event_type = 'agent_planned' AS planned,
		   s.data ->> 'text' AS said, s.data -> 'calls' AS calls, s.observations, s.data ->> 'model' AS model,
		   (s.data ->> 'input_tokens')::bigint AS input_tokens, (s.data ->> 'output_tokens')::bigint AS output_tokens,
		   (s.data ->> 'cost')::numeric AS cost, s.abandoned, s.created_at, s.event
	FROM (
		SELECT g.workflow_id, g.scope, g.step_name, g.event,
			   (array_agg(g.data) FILTER (WHERE g.is_turn))[1] AS data,
			   max(g.event_type) FILTER (WHERE g.is_turn) AS event_type,
			   max(g.created_at) FILTER (WHERE g.is_turn) AS created_at,
			   bool_or(g.abandoned) FILTER (WHERE g.is_turn) AS abandoned,
			   jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
				   'call', g.call, 'tool', g.data ->> 'tool', 'text', g.data ->> 'text', 'failed', nullif((g.data ->> 'failed')::boolean, false),
				   'abandoned', nullif(g.abandoned, false))) ORDER BY g.seq) FILTER (WHERE NOT g.of_turn) AS observations
		FROM (
			SELECT m.*, m.of_turn AND m.call IS NULL AS is_turn,
				   CASE WHEN m.call IS NULL AND NOT m.abandoned THEN max(m.seq) FILTER (WHERE m.of_turn AND NOT m.abandoned) OVER w
						ELSE max(m.seq) FILTER (WHERE m.of_turn) OVER w END AS event
			FROM (
				SELECT e.workflow_id, e.seq, e.event_type, e.step_name, e.scope, e.data, e.created_at,
					   e.event_type <> 'agent_observed' AS of_turn, a.events @> e.seq AS abandoned, c.call
				FROM (SELECT DISTINCT f.workflow_id FROM hitl.workflow_events f
					  WHERE starts_with(f.event_type, 'agent_') AND f.data -> 'memory' ->> 1 = '1') AS w
				CROSS JOIN LATERAL hitl.abandoned_events(w.workflow_id) AS a (events)
				JOIN hitl.workflow_events e ON e.workflow_id = w.workflow_id
				CROSS JOIN LATERAL unnest(CASE
					WHEN e.event_type = 'agent_observed' THEN ARRAY[e.data ->> 'call']
					ELSE array_prepend(NULL, ARRAY(SELECT k ->> 'id' FROM jsonb_array_elements(e.data -> 'calls') AS k)) END) AS c (call)
				WHERE starts_with(e.event_type, 'agent_') AND e.event_type IN ('agent_replied', 'agent_planned', 'agent_observed')) AS m
			WINDOW w AS (PARTITION BY m.workflow_id, m.scope, m.step_name, m.call ORDER BY m.seq)) AS g
		GROUP BY g.workflow_id, g.scope, g.step_name, g.event) AS s
	WHERE s.data IS NOT NULL;
COMMENT ON VIEW hitl.agent_steps IS
	'the turns of agents: what the model said, what it had done, what came of that, and what it took';
COMMENT ON COLUMN hitl.agent_steps.scope IS 'of a step in a foreach: the element''s branch';
COMMENT ON COLUMN hitl.agent_steps.turn IS 'number of the model''s turn in the run; of a plan how many there were before';
COMMENT ON COLUMN hitl.agent_steps.planned IS 'it made a plan';
COMMENT ON COLUMN hitl.agent_steps.calls IS 'the calls of tools that the model wants: id, name, arguments';
COMMENT ON COLUMN hitl.agent_steps.observations IS 'what came of its calls, or its code: call, tool, text, failed, abandoned';
COMMENT ON COLUMN hitl.agent_steps.cost IS 'NULL: a price or a number of tokens is not known';
COMMENT ON COLUMN hitl.agent_steps.abandoned IS 'a rollback went behind it';
COMMENT ON COLUMN hitl.agent_steps.event IS 'number of the event that tells of the turn';

CREATE FUNCTION hitl.agent_transcript(workflow_id uuid)
	RETURNS TABLE (seq integer, at text, step text, who text, what text, abandoned boolean)
	LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
	longest CONSTANT integer := 300;	-- characters of an observation
	left_behind int4multirange;
BEGIN
	IF NOT EXISTS (SELECT FROM hitl.workflows w WHERE w.id = agent_transcript.workflow_id) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'WF002',
			MESSAGE = format('workflow %s does not exist', workflow_id),
			HINT = 'hitl.run_agent returns the id of a workflow.';
	END IF;
	left_behind := hitl.abandoned_events(workflow_id);
	RETURN QUERY
	WITH told AS (
		SELECT e AS event, e.seq, e.event_type, e.step_name, e.scope, e.data, e.actor, e.created_at,
			   e.data ->> 'text' AS said, e.event_type LIKE 'agent\_%' AS of_agent,
			   bool_or(e.event_type LIKE 'agent\_%') OVER (PARTITION BY e.scope, e.step_name) AS beside_agent,
			   coalesce(max(e.data ->> 'agent') FILTER (WHERE e.event_type = 'agent_started')
						OVER (PARTITION BY e.scope, e.step_name), 'agent') AS agent,
			   min(e.seq) FILTER (WHERE e.event_type LIKE 'agent\_%') OVER () AS begin
		FROM hitl.workflow_events e WHERE e.workflow_id = agent_transcript.workflow_id
	)
	SELECT t.seq, to_char(t.created_at, 'YYYY-MM-DD HH24:MI:SS.MS'), t.step_name || coalesce(' [' || t.scope || ']', ''),
		   l.who, l.what, left_behind @> t.seq
	FROM told t, LATERAL (
		SELECT 'task', t.said, 0 WHERE t.event_type = 'agent_started'
		UNION ALL
		SELECT t.agent, 'plan: ' || t.said, 0 WHERE t.event_type = 'agent_planned'
		UNION ALL
		SELECT t.agent, t.said, 0 WHERE t.event_type = 'agent_replied' AND t.said <> ''
		UNION ALL
		SELECT t.agent, format('%s(%s)', c.item ->> 'name', c.item -> 'arguments'), c.place
		FROM jsonb_array_elements(CASE WHEN t.of_agent THEN t.data -> 'calls' END) WITH ORDINALITY AS c (item, place)
		UNION ALL
		-- Code is called by no name.
		SELECT coalesce(t.data ->> 'tool', 'sql'), left(t.said, longest)
			   || CASE WHEN length(t.said) > longest THEN format('… (%s characters)', length(t.said)) ELSE '' END, 0
		WHERE t.event_type = 'agent_observed'
		UNION ALL
		SELECT coalesce(t.actor, 'engine'), t.said, 0 WHERE t.event_type = 'agent_told'
		UNION ALL
		SELECT coalesce(t.actor, 'engine'), concat_ws(': ', replace(t.event_type, '_', ' '), hitl.describe_event(t.event)), 0
		WHERE NOT t.of_agent
	) AS l (who, what, place)
	WHERE t.of_agent
	   OR t.seq > t.begin AND (
			t.event_type IN ('checkpoint_created', 'rolled_back')
			OR t.beside_agent AND (t.event_type LIKE 'approval\_%' OR t.event_type IN (
				'child_started', 'task_rerouted', 'budget_awaited', 'step_retried', 'step_failed', 'step_skipped')))
	ORDER BY t.seq, l.place;
END
$$;
COMMENT ON FUNCTION hitl.agent_transcript(uuid) IS
	'what the agents of a workflow and those around them have said and done, in words, for reading in psql; what a rollback went behind is marked';
