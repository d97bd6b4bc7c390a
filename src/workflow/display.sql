-- display.sql
--		Workflows and definitions for people to look at.

-- How the steps of a workflow stand, each by its latest run in every scope.
-- What a rollback went behind has not happened.
CREATE FUNCTION hitl.step_states(workflow_id uuid)
	RETURNS TABLE ("position" text, step_name text, state text, completed bigint, failed bigint,
				   skipped bigint, under_way bigint, total bigint, awaits text)
	LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
	wanted CONSTANT uuid := workflow_id;
	w hitl.workflows;
	rollback record;
	checkpoint integer;
	undone int4multirange := '{}';
BEGIN
	SELECT * INTO w FROM hitl.workflows f WHERE f.id = wanted;
	FOR rollback IN
		SELECT e.seq, e.data ->> 'checkpoint' AS name FROM hitl.workflow_events e
		WHERE e.workflow_id = wanted AND e.event_type = 'rolled_back' ORDER BY e.seq DESC
	LOOP
		CONTINUE WHEN undone @> rollback.seq;
		-- A checkpoint step has been run when one returns to its checkpoint.
		SELECT c.event + coalesce((
				SELECT 1 FROM hitl.workflow_events e JOIN hitl.definitions d ON d.hash = w.definition_hash
				WHERE e.workflow_id = wanted AND e.seq = c.event + 1
				  AND e.event_type = 'step_completed' AND e.step_name = c.step_name
				  AND d.definition #> string_to_array(substr(e.position, 2), '/') ->> 'type' = 'checkpoint'), 0)
		INTO checkpoint FROM hitl.workflow_checkpoints c
		WHERE c.workflow_id = wanted AND c.name = rollback.name AND c.event < rollback.seq
		  AND NOT c.abandoned
		ORDER BY c.event DESC LIMIT 1;
		undone := undone + int4multirange(int4range(coalesce(checkpoint, 0), rollback.seq, '(]'));
	END LOOP;
	RETURN QUERY
		WITH run AS (
			-- by its name: it may have been migrated since
			SELECT DISTINCT ON (s.position, coalesce(e.scope, 0))
				   s.position, e.step_name, e.event_type, e.delta
			FROM hitl.workflow_events e
			JOIN hitl.definition_steps((SELECT d.definition FROM hitl.definitions d
										WHERE d.hash = w.definition_hash)) AS s
				ON s.step ->> 'name' = e.step_name
			WHERE e.workflow_id = wanted AND e.position IS NOT NULL
			  AND e.event_type IN ('step_completed', 'step_failed', 'step_skipped')
			  AND NOT undone @> e.seq
			ORDER BY s.position, coalesce(e.scope, 0), e.seq DESC
		), ended AS (
			SELECT r.position, max(r.step_name) AS step_name,
				   count(*) FILTER (WHERE r.event_type = 'step_completed') AS completed,
				   count(*) FILTER (WHERE r.event_type = 'step_failed') AS failed,
				   count(*) FILTER (WHERE r.event_type = 'step_skipped') AS skipped,
				   max(CASE WHEN jsonb_typeof(r.delta -> 'steps' -> r.step_name) = 'array'
							THEN jsonb_array_length(r.delta -> 'steps' -> r.step_name) END) AS length
			FROM run r GROUP BY r.position
		), at AS (
			SELECT a.item FROM jsonb_array_elements(w.control -> 'active') AS a (item)
			UNION ALL
			SELECT a.item FROM hitl.workflow_branches b,
				 jsonb_array_elements(b.control -> 'active') AS a (item)
			WHERE b.workflow_id = wanted AND b.status = 'active'
		), active AS (
			SELECT a.item ->> 'position' AS position, max(a.item ->> 'step') AS step_name, count(*) AS count,
				   bool_or(a.item ->> 'state' IN ('ready', 'waiting_reply', 'waiting_branches')) AS working,
				   min(a.item ->> 'state') AS awaits,
				   max((a.item -> 'branches' ->> 'total')::bigint) AS total,
				   max((a.item -> 'branches' ->> 'completed')::bigint) AS completed,
				   max((a.item -> 'branches' ->> 'failed')::bigint) AS failed
			FROM at a GROUP BY 1
		)
		SELECT p.position, coalesce(a.step_name, e.step_name),
			   CASE WHEN w.status = 'failed' AND w.error ->> 'position' = p.position THEN 'failed'
					WHEN a.position IS NOT NULL AND w.status NOT IN ('failed', 'cancelled', 'rejected')
						THEN CASE WHEN w.status IN ('pending', 'rolled_back') THEN 'pending'
								  WHEN a.working THEN 'active' ELSE 'waiting' END
					WHEN e.failed > 0 THEN 'failed'
					WHEN e.completed > 0 THEN 'completed'
					WHEN e.skipped > 0 THEN 'skipped'
					ELSE 'pending' END,
			   CASE WHEN a.total IS NOT NULL THEN a.completed ELSE coalesce(e.length, e.completed, 0) END,
			   CASE WHEN a.total IS NOT NULL THEN a.failed ELSE coalesce(e.failed, 0) END,
			   coalesce(e.skipped, 0), coalesce(a.count, 0), coalesce(a.total, e.length),
			   CASE WHEN NOT a.working THEN replace(a.awaits, 'waiting_', '') END
		FROM (SELECT e.position FROM ended e UNION SELECT a.position FROM active a
			  UNION SELECT w.error ->> 'position' WHERE w.status = 'failed') AS p
		LEFT JOIN ended e USING (position) LEFT JOIN active a USING (position)
		WHERE p.position IS NOT NULL;
END
$$;
COMMENT ON FUNCTION hitl.step_states(uuid) IS
	'the steps of a workflow that have begun: completed, active, waiting, failed, skipped, and how often';

-- Text for a label of Mermaid, within quotes: all that could mean something to
-- it as an entity.
CREATE FUNCTION hitl.mermaid_text(value text, max_length integer DEFAULT 60) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN (SELECT string_agg(
				CASE WHEN c.c ~ '^[A-Za-z0-9 _.,:/()+=-]$' OR ascii(c.c) >= 160 THEN c.c
					 WHEN ascii(c.c) BETWEEN 33 AND 126 THEN '#' || ascii(c.c) || ';'
					 ELSE ' ' END, '' ORDER BY c.n)
			FROM regexp_split_to_table(
				CASE WHEN length(value) > max_length THEN left(value, max_length - 1) || '…' ELSE value END,
				'') WITH ORDINALITY AS c (c, n));
COMMENT ON FUNCTION hitl.mermaid_text(text, integer) IS
	'a text as it must be written in a label of a Mermaid diagram, shortened';

-- A few words about a step, for a label.
CREATE FUNCTION hitl.step_summary(step jsonb) RETURNS text
	LANGUAGE sql IMMUTABLE
	RETURN CASE step ->> 'type'
		WHEN 'task' THEN CASE WHEN step ->> 'executor' = 'external'
			THEN 'queue ' || coalesce(step ->> 'queue', 'default') ELSE 'task' END
		WHEN 'http' THEN coalesce(step ->> 'method', CASE WHEN step ? 'body' THEN 'POST' ELSE 'GET' END)
			|| ' ' || (step ->> 'url')
		WHEN 'wait' THEN CASE WHEN step ? 'for' THEN 'wait ' || (step ->> 'for')
			ELSE 'wait until ' || (step ->> 'until') END
		WHEN 'signal' THEN 'signal ' || (step ->> 'signal')
		WHEN 'workflow' THEN 'workflow' || coalesce(' ' || (step ->> 'template'), '')
		WHEN 'foreach' THEN 'for each ' || coalesce(step ->> 'as', 'item')
		ELSE step ->> 'type' END;
COMMENT ON FUNCTION hitl.step_summary(jsonb) IS
	'a few words about a step of a definition';

-- The lines of a list of steps; each list within goes into a subgraph.
CREATE FUNCTION hitl.draw_steps(steps jsonb, pointer text, indent text, states jsonb, names jsonb)
	RETURNS SETOF text
	LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	step jsonb;
	here text;
	node text;
	previous text;
	label text;
	how jsonb;
	lists record;
	option text;
	target text;
BEGIN
	FOR i IN 0 .. jsonb_array_length(steps) - 1 LOOP
		step := steps -> i;
		here := pointer || '/' || i;
		node := replace(substr(here, 2), '/', '_');
		how := states -> here;
		label := hitl.mermaid_text(step ->> 'name') || '<br/>'
			|| hitl.mermaid_text(hitl.step_summary(step))
			|| CASE WHEN how ->> 'total' IS NOT NULL AND step ->> 'type' IN ('foreach', 'parallel')
					THEN format('<br/>%s/%s', how ->> 'completed', how ->> 'total')
						|| CASE WHEN (how ->> 'failed')::bigint > 0
								THEN format(', %s failed', how ->> 'failed') ELSE '' END
					WHEN (how ->> 'completed')::bigint + (how ->> 'failed')::bigint
						+ (how ->> 'skipped')::bigint + (how ->> 'under_way')::bigint > 1
					THEN format('<br/>%s completed', how ->> 'completed')
						|| CASE WHEN (how ->> 'under_way')::bigint > 0
								THEN format(', %s under way', how ->> 'under_way') ELSE '' END
						|| CASE WHEN (how ->> 'failed')::bigint > 0
								THEN format(', %s failed', how ->> 'failed') ELSE '' END
						|| CASE WHEN (how ->> 'skipped')::bigint > 0
								THEN format(', %s skipped', how ->> 'skipped') ELSE '' END
					ELSE '' END
			|| coalesce('<br/>awaits ' || hitl.mermaid_text(how ->> 'awaits'), '');
		IF step ->> 'type' IN ('parallel', 'foreach', 'switch') THEN
			RETURN NEXT format('%ssubgraph %s["%s"]', indent, node, label);
			RETURN NEXT format('%s  direction TB', indent);
			FOR lists IN
				SELECT '/branches/' || (n - 1) AS path, 'branch ' || n AS title, b AS list
				FROM jsonb_array_elements(step -> 'branches') WITH ORDINALITY AS l (b, n)
				WHERE step ->> 'type' = 'parallel'
				UNION ALL
				SELECT '/steps', NULL, step -> 'steps' WHERE step ->> 'type' = 'foreach'
				UNION ALL
				SELECT '/cases/' || (n - 1) || '/steps', 'when ' || (c ->> 'when'), c -> 'steps'
				FROM jsonb_array_elements(step -> 'cases') WITH ORDINALITY AS l (c, n)
				WHERE step ->> 'type' = 'switch'
				UNION ALL
				SELECT '/default', 'default', step -> 'default'
				WHERE step ->> 'type' = 'switch' AND jsonb_typeof(step -> 'default') = 'array'
			LOOP
				CONTINUE WHEN lists.list IS NULL OR jsonb_array_length(lists.list) = 0;
				IF lists.title IS NOT NULL THEN
					RETURN NEXT format('%s  subgraph %s["%s"]', indent,
						replace(substr(here || lists.path, 2), '/', '_'),
						hitl.mermaid_text(lists.title));
					RETURN NEXT format('%s    direction TB', indent);
				END IF;
				RETURN QUERY SELECT hitl.draw_steps(lists.list, here || lists.path,
					indent || CASE WHEN lists.title IS NULL THEN '  ' ELSE '    ' END, states, names);
				IF lists.title IS NOT NULL THEN
					RETURN NEXT indent || '  end';
				END IF;
			END LOOP;
			RETURN NEXT indent || 'end';
		ELSE
			RETURN NEXT format(CASE step ->> 'type'
				WHEN 'approval' THEN '%s%s{{"%s"}}'
				WHEN 'checkpoint' THEN '%s%s[("%s")]'
				WHEN 'wait' THEN '%s%s(["%s"])'
				WHEN 'signal' THEN '%s%s(["%s"])'
				WHEN 'workflow' THEN '%s%s[["%s"]]'
				ELSE '%s%s["%s"]' END, indent, node, label);
		END IF;
		RETURN NEXT format('%sclass %s %s', indent, node, coalesce(how ->> 'state', 'pending'));
		IF previous IS NOT NULL THEN
			RETURN NEXT format('%s%s --> %s', indent, previous, node);
		END IF;
		previous := node;
		FOREACH option IN ARRAY '{on_error,on_reject,on_timeout}'::text[] LOOP
			IF step ->> option LIKE 'goto:%' THEN
				target := names ->> substr(step ->> option, 6);
				IF target IS NOT NULL THEN
					RETURN NEXT format('%s%s -. "%s" .-> %s', indent, node, replace(option, '_', ' '), target);
				END IF;
			END IF;
		END LOOP;
	END LOOP;
END
$$;
COMMENT ON FUNCTION hitl.draw_steps(jsonb, text, text, jsonb, jsonb) IS
	'the lines of a Mermaid diagram for a list of steps';

-- All steps of a definition, outermost first, with their JSON pointers.
CREATE FUNCTION hitl.definition_steps(definition jsonb)
	RETURNS TABLE (ordinal bigint, depth integer, "position" text, within text, step jsonb)
	LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
	WITH RECURSIVE list (depth, pointer, path, within, steps) AS (
		SELECT 0, '/steps', '{}'::integer[], NULL::text, definition -> 'steps'
		UNION ALL
		SELECT l.depth + 1, l.pointer || '/' || (s.n - 1) || i.pointer, l.path || (s.n::integer) || i.n,
			   i.within, i.steps
		FROM list l, jsonb_array_elements(l.steps) WITH ORDINALITY AS s (step, n),
			 LATERAL (
				SELECT '/branches/' || (b.n - 1), b.n::integer, 'branch ' || b.n, b.list
				FROM jsonb_array_elements(CASE s.step ->> 'type' WHEN 'parallel' THEN s.step -> 'branches' END)
					WITH ORDINALITY AS b (list, n)
				UNION ALL
				SELECT '/steps', 1, 'each', s.step -> 'steps' WHERE s.step ->> 'type' = 'foreach'
				UNION ALL
				SELECT '/cases/' || (c.n - 1) || '/steps', c.n::integer, 'when ' || (c.item ->> 'when'),
					   c.item -> 'steps'
				FROM jsonb_array_elements(CASE s.step ->> 'type' WHEN 'switch' THEN s.step -> 'cases' END)
					WITH ORDINALITY AS c (item, n)
				UNION ALL
				SELECT '/default', 1000000, 'default', s.step -> 'default' WHERE s.step ->> 'type' = 'switch'
				UNION ALL
				SELECT '/undo', 1000001, 'undo', s.step -> 'undo'
			 ) AS i (pointer, n, within, steps)
		WHERE jsonb_typeof(i.steps) = 'array'
	)
	SELECT row_number() OVER (ORDER BY l.path || s.n::integer), l.depth,
		   l.pointer || '/' || (s.n - 1), l.within, s.step
	FROM list l, jsonb_array_elements(l.steps) WITH ORDINALITY AS s (step, n)
	ORDER BY l.path || s.n::integer;
END;
COMMENT ON FUNCTION hitl.definition_steps(jsonb) IS
	'all steps of a definition with their JSON pointers, each before those within it';

CREATE FUNCTION hitl.workflow_diagram(workflow_id uuid) RETURNS text
	LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
	w hitl.workflows;
	document jsonb;
	states jsonb;
	names jsonb;
	body text;
BEGIN
	SELECT * INTO w FROM hitl.workflows f WHERE f.id = workflow_id;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'WF002',
			MESSAGE = format('workflow %s does not exist', workflow_id),
			HINT = 'hitl.create_workflow returns the id of a workflow.';
	END IF;
	SELECT d.definition INTO document FROM hitl.definitions d WHERE d.hash = w.definition_hash;
	IF document IS NULL THEN
		body := format('  workflow["%s<br/>%s"]', hitl.mermaid_text(w.name), w.status);
	ELSE
		SELECT coalesce(jsonb_object_agg(s.position, to_jsonb(s)), '{}') INTO states
		FROM hitl.step_states(workflow_id) AS s;
		SELECT jsonb_object_agg(s.step ->> 'name', replace(substr(s.position, 2), '/', '_')) INTO names
		FROM hitl.definition_steps(document) AS s;
		SELECT format(E'  start(["%s"])\n  start --> steps_0\n', hitl.mermaid_text(w.name))
			|| string_agg(l.line, E'\n' ORDER BY l.n)
			|| format(E'\n  steps_%s --> finish\n  finish(["%s"])',
					  jsonb_array_length(document -> 'steps') - 1, replace(w.status, '_', ' '))
		INTO body
		FROM hitl.draw_steps(document -> 'steps', '/steps', '  ', states, names)
			WITH ORDINALITY AS l (line, n);
	END IF;
	RETURN E'flowchart TD\n' || body || $classes$
  classDef pending fill:#ffffff,stroke:#9e9e9e,color:#616161
  classDef active fill:#bbdefb,stroke:#1565c0,color:#0d2a4d
  classDef waiting fill:#fff3c4,stroke:#b27b00,color:#4d3500
  classDef completed fill:#c8e6c9,stroke:#2e7d32,color:#12351a
  classDef failed fill:#ffcdd2,stroke:#c62828,color:#5c1010
  classDef skipped fill:#eeeeee,stroke:#9e9e9e,color:#757575,stroke-dasharray:4
$classes$;
END
$$;
COMMENT ON FUNCTION hitl.workflow_diagram(uuid) IS
	'a workflow as a Mermaid flowchart that shows how each step stands';

CREATE FUNCTION hitl.workflow_gantt(workflow_id uuid, width integer DEFAULT 50)
	RETURNS TABLE (step text, scope bigint, state text, bar text, started_at timestamptz, duration interval)
	LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
	w hitl.workflows;
	last timestamptz;
	span double precision;
BEGIN
	SELECT * INTO w FROM hitl.workflows f WHERE f.id = workflow_id;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'WF002',
			MESSAGE = format('workflow %s does not exist', workflow_id),
			HINT = 'hitl.create_workflow returns the id of a workflow.';
	END IF;
	IF width NOT BETWEEN 10 AND 1000 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'width must be from 10 to 1000';
	END IF;
	IF w.started_at IS NULL THEN
		RETURN;
	END IF;
	last := coalesce(w.finished_at, clock_timestamp());
	span := greatest(extract(epoch FROM last - w.started_at), 0.000001);
	RETURN QUERY
		WITH said AS (
			SELECT e.seq, e.step_name, coalesce(e.scope, 0) AS scope, e.event_type, e.created_at,
				   e.event_type IN ('step_completed', 'step_failed', 'step_skipped') AS ends,
				   -- runs of a step in a scope are numbered by the ends before
				   count(*) FILTER (WHERE e.event_type IN ('step_completed', 'step_failed', 'step_skipped'))
					   OVER (PARTITION BY e.step_name, coalesce(e.scope, 0) ORDER BY e.seq
							 ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS run,
				   -- one that tells nothing before its end began when the one before ended
				   lag(e.created_at) OVER (PARTITION BY coalesce(e.scope, 0) ORDER BY e.seq) AS before
			FROM hitl.workflow_events e
			WHERE e.workflow_id = w.id AND (e.step_name IS NOT NULL OR e.event_type LIKE 'workflow\_%')
		), run AS (
			SELECT s.step_name, nullif(s.scope, 0) AS scope,
				   coalesce(max(split_part(s.event_type, '_', 2)) FILTER (WHERE s.ends), 'begun') AS state,
				   CASE WHEN count(*) > 1 THEN min(s.created_at)
						ELSE coalesce(min(s.before), min(s.created_at)) END AS began,
				   max(s.created_at) FILTER (WHERE s.ends) AS ended, min(s.seq) AS first
			FROM said s WHERE s.step_name IS NOT NULL
			GROUP BY s.step_name, s.scope, s.run
		), active AS (
			SELECT a.item ->> 'step' AS step_name, nullif(x.scope, 0) AS scope,
				   CASE WHEN a.item ->> 'state' IN ('ready', 'waiting_reply', 'waiting_branches')
						THEN 'active' ELSE 'waiting' END AS state,
				   to_timestamp((a.item ->> 'since_us')::bigint / 1e6::double precision) AS began
			FROM (SELECT 0::bigint AS scope, w.control AS control
				  UNION ALL
				  SELECT b.scope, b.control FROM hitl.workflow_branches b
				  WHERE b.workflow_id = w.id AND b.status = 'active') AS x,
				 jsonb_array_elements(x.control -> 'active') AS a (item)
			WHERE w.finished_at IS NULL
		), shown AS (
			SELECT r.step_name, r.scope, r.state, r.began, r.ended, r.first
			FROM run r WHERE r.ended IS NOT NULL
			UNION ALL
			SELECT a.step_name, a.scope, a.state, a.began, NULL, 2147483647 FROM active a
		), placed AS (
			SELECT s.*, greatest(s.began, w.started_at) AS start,
				   floor(least(greatest(extract(epoch FROM s.began - w.started_at) / span, 0), 1) * width)::integer AS left_,
				   ceil(least(greatest(extract(epoch FROM coalesce(s.ended, last) - w.started_at) / span, 0), 1) * width)::integer AS right_
			FROM shown s
		)
		SELECT p.step_name, p.scope, p.state,
			   rpad(repeat(' ', least(p.left_, width - 1))
					|| repeat(CASE p.state WHEN 'completed' THEN '█' WHEN 'failed' THEN '✗'
									WHEN 'skipped' THEN '·' WHEN 'waiting' THEN '░' ELSE '▒' END,
							  greatest(p.right_ - least(p.left_, width - 1), 1)), width),
			   p.start, greatest(coalesce(p.ended, last) - p.start, interval '0')
		FROM placed p
		ORDER BY p.began, p.first, p.scope NULLS FIRST;
END
$$;
COMMENT ON FUNCTION hitl.workflow_gantt(uuid, integer) IS
	'when each step of a workflow ran, as bars of characters for psql';

CREATE FUNCTION hitl.name_people(question jsonb) RETURNS text
	LANGUAGE sql IMMUTABLE
	RETURN coalesce((
		SELECT string_agg(DISTINCT n.n, ', ')
		FROM unnest('{requested_from,required_approvers}'::text[]) AS k (k),
			 LATERAL (SELECT question ->> k.k WHERE jsonb_typeof(question -> k.k) = 'string'
					  UNION ALL
					  SELECT jsonb_array_elements_text(question -> k.k)
					  WHERE jsonb_typeof(question -> k.k) = 'array') AS n (n)), 'an approver')
		|| coalesce(' (' || (question ->> 'approval_threshold') || ' must approve)', '');
COMMENT ON FUNCTION hitl.name_people(jsonb) IS
	'whom a question of a definition asks, in words';

-- What a step does, in words.
CREATE FUNCTION hitl.explain_step(step jsonb) RETURNS text
	LANGUAGE sql IMMUTABLE
	RETURN concat_ws('; ',
		'only if ' || (step ->> 'when'),
		CASE WHEN (step ->> 'requires_approval')::boolean
				  AND step -> 'approval_config' ->> 'when' IS DISTINCT FROM 'after'
			THEN 'ask ' || hitl.name_people(step -> 'approval_config') || ' first' END,
		CASE step ->> 'type'
			WHEN 'task' THEN CASE WHEN step ->> 'executor' = 'external'
				THEN format('have a worker of queue "%s" do: %s', coalesce(step ->> 'queue', 'default'), step ->> 'task')
				ELSE format('have %s do: %s', coalesce('model "' || (step ->> 'model') || '"', 'the default model'),
							step ->> 'task') END
			WHEN 'approval' THEN format('ask %s: %s', hitl.name_people(step), step ->> 'title')
			WHEN 'checkpoint' THEN format('record checkpoint "%s"',
				coalesce(step ->> 'checkpoint_name', step ->> 'name'))
			WHEN 'sql' THEN 'run ' || (step ->> 'sql')
			WHEN 'http' THEN 'send ' || hitl.step_summary(step)
			WHEN 'wait' THEN hitl.step_summary(step)
			WHEN 'signal' THEN format('wait for signal "%s"', step ->> 'signal')
				|| coalesce(' with ' || (step ->> 'match'), '')
			WHEN 'workflow' THEN CASE WHEN step ? 'template'
				THEN format('run template "%s"', step ->> 'template') || coalesce(' version ' || (step ->> 'version'), '')
				ELSE format('run a workflow of %s steps of its own', jsonb_array_length(step -> 'definition' -> 'steps')) END
			WHEN 'parallel' THEN format('run %s branches at once', jsonb_array_length(step -> 'branches'))
				|| CASE coalesce(step ->> 'wait_for', 'all') WHEN 'all' THEN ', until all have ended'
						WHEN 'any' THEN ', until one has ended'
						ELSE format(', until %s have ended', step ->> 'wait_for') END
			WHEN 'foreach' THEN format('for each %s of %s', coalesce(step ->> 'as', 'item'), step ->> 'items')
				|| coalesce(', ' || (step ->> 'concurrency') || ' at once', '')
			WHEN 'switch' THEN 'take the first case that is true'
		END,
		CASE WHEN step -> 'approval_config' ->> 'when' = 'after'
			THEN 'then ask ' || hitl.name_people(step -> 'approval_config') || ' about the result' END,
		CASE WHEN (step ->> 'create_checkpoint')::boolean THEN 'record a checkpoint' END,
		'keep the result in ' || (step ->> 'output'));
COMMENT ON FUNCTION hitl.explain_step(jsonb) IS
	'what a step of a definition does, in words';

CREATE FUNCTION hitl.explain_definition(definition jsonb)
	RETURNS TABLE (step text, type text, what text, if_it_fails text, next text)
	LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
	faults text;
	count bigint;
BEGIN
	SELECT string_agg(coalesce(nullif(f.pointer, ''), '(document)') || ': ' || f.message, E'\n'), count(*)
	INTO faults, count FROM hitl.validate_definition(definition) AS f;
	IF count > 0 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'WF001',
			MESSAGE = format('the workflow definition has %s fault%s', count, CASE WHEN count > 1 THEN 's' ELSE '' END),
			DETAIL = faults,
			HINT = 'hitl.validate_definition(jsonb) lists the faults as rows.';
	END IF;
	RETURN QUERY
		SELECT repeat('    ', s.depth)
				   || CASE WHEN s.within IS NOT NULL AND s.position LIKE '%/0' THEN s.within || ': ' ELSE '' END
				   || (s.step ->> 'name'),
			   s.step ->> 'type', hitl.explain_step(s.step),
			   concat_ws('; ',
				   (s.step -> 'retry' ->> 'max_attempts') || ' attempts',
				   'within ' || (s.step ->> 'timeout'),
				   CASE WHEN s.step ->> 'on_error' <> 'fail' THEN replace(s.step ->> 'on_error', ':', ' ') END,
				   'rejected: ' || replace(s.step ->> 'on_reject', ':', ' '),
				   'too late: ' || replace(s.step ->> 'on_timeout', ':', ' '),
				   CASE WHEN jsonb_typeof(s.step -> 'undo') = 'array' THEN 'can be undone' END),
			   coalesce(lead(s.step ->> 'name') OVER (PARTITION BY regexp_replace(s.position, '/[0-9]+$', '')
													  ORDER BY s.ordinal),
						CASE WHEN s.depth = 0 THEN 'end' ELSE 'end of ' || s.within END)
		FROM hitl.definition_steps(definition) AS s
		ORDER BY s.ordinal;
END
$$;
COMMENT ON FUNCTION hitl.explain_definition(jsonb) IS
	'what a workflow definition does, a row per step, for reading in psql';
