-- agent.sql
--		Agents: who works on a task in turns, with which model, tools and limits.
--
-- What a run goes by is one document, the settings.  Each is kept by its hash, so that
-- a run ends with those that it began with.

CREATE TABLE hitl.agents (
	name text PRIMARY KEY CHECK (name ~ '^[A-Za-z_][A-Za-z0-9_.-]{0,99}$'),
	kind text NOT NULL CHECK (kind IN ('tool_calling', 'code')),
	model text,							-- NULL: the default one
	instructions text,
	tools text[] NOT NULL,
	tool_approval jsonb NOT NULL,		-- {"tool": "never" | "always" | {"when": path}}, where it is not that of the tool
	max_steps integer NOT NULL,
	planning_interval integer,			-- make a plan first, and after so many steps
	max_tokens bigint,
	max_cost numeric,
	max_seconds integer,
	on_limit text NOT NULL CHECK (on_limit IN ('stop', 'ask')),
	approval jsonb,						-- who is asked
	output_schema jsonb,				-- JSON Schema of the answer
	answer_checks text[] NOT NULL,		-- functions of the answer, as regprocedure has them
	max_observation integer NOT NULL,	-- characters
	sandbox jsonb,						-- of kind code
	version text NOT NULL,
	created_by text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE hitl.agents IS
	'agents, as they are now; limits are those of one run';
COMMENT ON COLUMN hitl.agents.approval IS
	'who is asked; NULL: everybody who sees all requests and may answer';
COMMENT ON COLUMN hitl.agents.version IS 'of its settings in hitl.agent_versions';
SELECT pg_extension_config_dump('hitl.agents', '');

CREATE TABLE hitl.agent_versions (
	version text PRIMARY KEY,			-- SHA-256 of the settings, in hexadecimal
	agent text NOT NULL,
	settings jsonb NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE hitl.agent_versions IS
	'what agents are and were made of: settings by their hash, which never change and are kept for the runs that go by them';
SELECT pg_extension_config_dump('hitl.agent_versions', '');

CREATE FUNCTION hitl.validate_agent(settings jsonb)
	RETURNS TABLE (pointer text, message text)
	AS 'MODULE_PATHNAME', 'hitl_validate_agent' LANGUAGE C STABLE STRICT
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.validate_agent(jsonb) IS
	'every fault of the settings of an agent, with its JSON pointer; no rows for settings that can be used';

CREATE FUNCTION hitl.agent_settings(agent text) RETURNS jsonb
	LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, pg_temp
	RETURN (SELECT jsonb_build_object(
			'name', a.name, 'kind', a.kind, 'model', a.model, 'instructions', a.instructions,
			'max_steps', a.max_steps, 'planning_interval', a.planning_interval, 'max_tokens', a.max_tokens,
			'max_cost', a.max_cost, 'max_seconds', a.max_seconds, 'on_limit', a.on_limit,
			'approval', a.approval, 'output_schema', a.output_schema,
			'answer_checks', (SELECT coalesce(jsonb_agg(jsonb_build_object(
					'name', left(c.function, -length('(jsonb)')),
					'sql', format('SELECT %s($1::pg_catalog.jsonb) AS result', left(c.function, -length('(jsonb)'))))
					ORDER BY c.place), '[]')
				FROM unnest(a.answer_checks) WITH ORDINALITY AS c (function, place)),
			'max_observation', a.max_observation, 'sandbox', a.sandbox,
			'tools', hitl.tool_settings(a.tools, a.tool_approval))
		FROM hitl.agents a WHERE a.name = agent_settings.agent);
COMMENT ON FUNCTION hitl.agent_settings(text) IS
	'the settings of an agent as its row and its tools make them; those that runs go by are in hitl.agent_versions';

CREATE FUNCTION hitl.publish_agent(agent text) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	made CONSTANT jsonb := hitl.agent_settings(agent);
	hash CONSTANT text := encode(sha256(convert_to(made::text, 'UTF8')), 'hex');
	faults text;
BEGIN
	SELECT string_agg(format('%s: %s', coalesce(nullif(f.pointer, ''), '/'), f.message), E'\n')
	INTO faults FROM hitl.validate_agent(made) AS f;
	IF faults IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'WF062',
			MESSAGE = format('the settings of agent "%s" are faulty', agent), DETAIL = faults;
	END IF;
	INSERT INTO hitl.agent_versions (version, agent, settings) VALUES (hash, publish_agent.agent, made)
	ON CONFLICT DO NOTHING;
	UPDATE hitl.agents a SET version = hash WHERE a.name = publish_agent.agent AND a.version <> hash;
END
$$;
COMMENT ON FUNCTION hitl.publish_agent(text) IS
	'have further runs of an agent go by its settings as they are now';

CREATE FUNCTION hitl.find_answer_check(name text) RETURNS regprocedure
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found regprocedure := to_regprocedure(regexp_replace(name, '\(jsonb\)$', '') || '(jsonb)');
BEGIN
	IF found IS NULL OR name !~ '\.' THEN
		RAISE EXCEPTION USING ERRCODE = 'undefined_function',
			MESSAGE = format('function %s(jsonb) does not exist', regexp_replace(coalesce(name, 'NULL'), '\(jsonb\)$', '')),
			HINT = 'A check takes the answer, and returns whether it is good, or NULL or what is wrong as text. Give its name with its schema.';
	END IF;
	IF (SELECT p.prorettype NOT IN ('text'::regtype, 'boolean'::regtype) OR p.proretset OR p.prokind <> 'f'
		FROM pg_proc p WHERE p.oid = found)
	THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_function_definition',
			MESSAGE = format('function %s does not return boolean or text', found);
	END IF;
	RETURN found;
END
$$;
COMMENT ON FUNCTION hitl.find_answer_check(text) IS 'the function of this name that checks answers';

CREATE FUNCTION hitl.require_sandbox_role(role oid) RETURNS void
	AS 'MODULE_PATHNAME', 'hitl_require_sandbox_role' LANGUAGE C STABLE STRICT
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.require_sandbox_role(oid) IS
	'an error if code of agents must not run as this role, for it can do more than what it was granted';

-- Code is run as the sandbox's role: nobody gains by an agent what he could not become.
CREATE FUNCTION hitl.check_sandbox(sandbox jsonb) RETURNS jsonb
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	whole jsonb := '{"read_only": true, "rows": 100, "timeout_ms": 30000, "bytes": 65536, "approval": "never"}' || coalesce(sandbox, '{}');
	role pg_roles;
	fault text;
BEGIN
	fault := CASE
		WHEN jsonb_typeof(whole) <> 'object' THEN 'It must be an object.'
		ELSE (SELECT CASE
				WHEN m.key = 'role' THEN CASE WHEN jsonb_typeof(m.value) <> 'string' THEN '"role" must be the name of a role.' END
				WHEN m.key = 'read_only' THEN CASE WHEN jsonb_typeof(m.value) <> 'boolean' THEN '"read_only" must be true or false.' END
				WHEN m.key = 'approval' THEN 'approval: ' || hitl.check_approval(m.value)
				WHEN m.key NOT IN ('rows', 'timeout_ms', 'bytes') THEN format('It has no member "%s".', m.key)
				WHEN (m.value @@ '$.type() == "number" && $ >= 1 && $ <= 100000000 && $ == $.floor()') IS NOT TRUE
				THEN format('"%s" must be a whole number from 1 on.', m.key) END AS found
			  FROM jsonb_each(whole) AS m ORDER BY found NULLS LAST LIMIT 1)
	END;
	IF fault IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'the sandbox of the agent is faulty', DETAIL = fault,
			HINT = 'It has the members "role", "read_only", "rows", "timeout_ms", "bytes" and "approval".';
	END IF;
	IF whole ->> 'role' IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'an agent of kind "code" needs a role to run its code as',
			HINT = 'Create one with NOLOGIN, grant it what the agent needs, and name it: sandbox => ''{"role": "…"}''.';
	END IF;
	SELECT * INTO role FROM pg_roles r WHERE r.rolname = whole ->> 'role';
	IF NOT FOUND THEN
		RAISE EXCEPTION USING ERRCODE = 'undefined_object',
			MESSAGE = format('role "%s" does not exist', whole ->> 'role');
	END IF;
	IF NOT pg_has_role(hitl.calling_role(), role.oid, 'MEMBER') THEN
		RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
			MESSAGE = format('role "%s" cannot be that of a sandbox', role.rolname),
			DETAIL = 'Who creates an agent must be a member of its role.';
	END IF;
	PERFORM hitl.require_sandbox_role(role.oid);
	RETURN whole;
END
$$;
COMMENT ON FUNCTION hitl.check_sandbox(jsonb) IS
	'the sandbox of an agent with all its members; an error if it is faulty, or the caller is no member of its role';

CREATE FUNCTION hitl.check_agent_tools(tools text[], tool_approval jsonb) RETURNS void
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	fault text;
	tool text;
	said jsonb;
BEGIN
	IF tools IS NULL OR coalesce(jsonb_typeof(tool_approval), 'null') <> 'object' THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'tools must be an array, and tool_approval an object';
	END IF;
	SELECT CASE WHEN n.name IS NULL THEN 'One of them is null.' ELSE format('"%s" is named twice.', n.name) END INTO fault
	FROM unnest(tools) AS n (name) GROUP BY n.name HAVING n.name IS NULL OR count(*) > 1 ORDER BY n.name LIMIT 1;
	IF fault IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'tools must be names of tools, each once', DETAIL = fault;
	END IF;
	SELECT n.name INTO tool FROM unnest(tools) WITH ORDINALITY AS n (name, place)
	WHERE n.name <> ALL (hitl.builtin_tools()) AND NOT EXISTS (SELECT FROM hitl.tools t WHERE t.name = n.name)
	ORDER BY n.place LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION USING ERRCODE = 'WF061',
			MESSAGE = format('tool "%s" does not exist', tool),
			HINT = 'hitl.create_tool() makes one of a function. Built in are ' || array_to_string(hitl.builtin_tools(), ', ') || '.';
	END IF;
	FOR tool, said IN SELECT e.key, e.value FROM jsonb_each(tool_approval) AS e LOOP
		fault := CASE
			WHEN tool <> ALL (tools) THEN 'The agent has no such tool.'
			ELSE hitl.check_approval(said)
		END;
		IF fault IS NOT NULL THEN
			RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
				MESSAGE = format('tool_approval of "%s" is faulty', tool), DETAIL = fault,
				HINT = 'For example {"refund": {"when": "$.amount > 100"}}.';
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION hitl.check_agent_tools(text[], jsonb) IS
	'refuse tools that there are not, and what is no approval of them';

CREATE FUNCTION hitl.create_agent(
	name text,
	instructions text DEFAULT NULL,
	model text DEFAULT NULL,
	tools text[] DEFAULT '{}',
	kind text DEFAULT 'tool_calling',
	tool_approval jsonb DEFAULT '{}',
	approval jsonb DEFAULT NULL,
	max_steps integer DEFAULT 20,
	planning_interval integer DEFAULT NULL,
	max_tokens bigint DEFAULT NULL,
	max_cost numeric DEFAULT NULL,
	max_seconds integer DEFAULT NULL,
	on_limit text DEFAULT 'stop',
	output_schema jsonb DEFAULT NULL,
	answer_checks text[] DEFAULT '{}',
	max_observation integer DEFAULT 20000,
	sandbox jsonb DEFAULT NULL
) RETURNS text
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	faults text;
	checks text[];
BEGIN
	LOCK TABLE hitl.agents IN SHARE ROW EXCLUSIVE MODE;
	IF name IS NULL OR name !~ '^[A-Za-z_][A-Za-z0-9_.-]{0,99}$' THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('"%s" cannot be the name of an agent', coalesce(left(name, 100), 'NULL')),
			HINT = 'It has 1 to 100 letters, digits, "_", "-" and ".", and begins with a letter or "_".';
	END IF;
	IF kind IS NULL OR kind NOT IN ('tool_calling', 'code') THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('unknown kind "%s" of agent', coalesce(kind, 'NULL')),
			HINT = 'An agent is of kind "tool_calling", or of kind "code" and writes SQL.';
	END IF;
	IF model IS NOT NULL AND NOT EXISTS (SELECT FROM hitl.models m WHERE m.name = create_agent.model) THEN
		RAISE EXCEPTION USING ERRCODE = 'undefined_object',
			MESSAGE = format('model "%s" does not exist', model),
			HINT = 'hitl.create_model() makes one; without a model, the agent asks the default one.';
	END IF;
	IF on_limit IS NULL OR on_limit NOT IN ('stop', 'ask') THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('unknown on_limit "%s"', coalesce(on_limit, 'NULL')),
			HINT = 'At a limit an agent has to "stop", or to "ask" people whether it may go on.';
	END IF;
	PERFORM hitl.check_limit('max_steps', coalesce(max_steps, 0), 1, 1000),
		hitl.check_limit('planning_interval', planning_interval, 1, 1000),
		hitl.check_limit('max_tokens', max_tokens, 1, 1000000000000),
		hitl.check_limit('max_cost', max_cost, 0.000001, 1000000000),
		hitl.check_limit('max_seconds', max_seconds, 1, 31536000),
		hitl.check_limit('max_observation', coalesce(max_observation, 0), 100, 1000000);
	PERFORM hitl.check_agent_tools(tools, tool_approval);
	IF approval IS NOT NULL THEN
		faults := CASE WHEN jsonb_typeof(approval) <> 'object' THEN 'It must be an object.'
			ELSE (SELECT format('It has no member "%s".', k.name) FROM jsonb_object_keys(approval) AS k (name)
				  WHERE k.name NOT IN ('requested_from', 'required_approvers', 'approval_threshold', 'timeout_hours', 'channels', 'policy')
				  ORDER BY k.name LIMIT 1) END;
		IF faults IS NOT NULL THEN
			RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
				MESSAGE = 'the approval of the agent is faulty', DETAIL = faults,
				HINT = 'Its members are those of an approval step that say who is asked: "requested_from", "required_approvers", "approval_threshold", "timeout_hours", "channels", "policy".';
		END IF;
	END IF;
	IF output_schema IS NOT NULL THEN
		faults := hitl.schema_faults(output_schema);
		IF faults IS NOT NULL THEN
			RAISE EXCEPTION USING ERRCODE = 'WF062',
				MESSAGE = 'the output_schema of the agent is faulty', DETAIL = faults,
				HINT = 'hitl.validate_schema() lists the faults of a schema.';
		END IF;
	END IF;
	SELECT coalesce(array_agg(hitl.find_answer_check(c.name)::text ORDER BY c.place), '{}') INTO checks
	FROM unnest(answer_checks) WITH ORDINALITY AS c (name, place);
	IF kind = 'code' THEN
		sandbox := hitl.check_sandbox(sandbox);
	ELSIF sandbox IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'only agents of kind "code" have a sandbox';
	END IF;

	INSERT INTO hitl.agents AS a (name, kind, model, instructions, tools, tool_approval, max_steps, planning_interval,
		max_tokens, max_cost, max_seconds, on_limit, approval, output_schema, answer_checks, max_observation, sandbox,
		version, created_by)
	VALUES (create_agent.name, create_agent.kind, create_agent.model, create_agent.instructions, create_agent.tools,
		create_agent.tool_approval, create_agent.max_steps, create_agent.planning_interval, create_agent.max_tokens,
		create_agent.max_cost, create_agent.max_seconds, create_agent.on_limit, create_agent.approval,
		create_agent.output_schema, checks, create_agent.max_observation, create_agent.sandbox,
		'', hitl.calling_role())
	ON CONFLICT ON CONSTRAINT agents_pkey DO UPDATE SET kind = excluded.kind, model = excluded.model,
		instructions = excluded.instructions, tools = excluded.tools, tool_approval = excluded.tool_approval,
		max_steps = excluded.max_steps, planning_interval = excluded.planning_interval, max_tokens = excluded.max_tokens,
		max_cost = excluded.max_cost, max_seconds = excluded.max_seconds, on_limit = excluded.on_limit,
		approval = excluded.approval, output_schema = excluded.output_schema, answer_checks = excluded.answer_checks,
		max_observation = excluded.max_observation, sandbox = excluded.sandbox, created_by = excluded.created_by;
	PERFORM hitl.publish_agent(name);
	RETURN name;
END
$$;
COMMENT ON FUNCTION hitl.create_agent(text, text, text, text[], text, jsonb, jsonb, integer, integer, bigint, numeric, integer, text, jsonb, text[], integer, jsonb) IS
	'create or replace an agent: model, instructions, tools, who is asked, limits of one run, what its answer must be; runs that have begun go on as they began';

CREATE FUNCTION hitl.drop_agent(name text) RETURNS boolean
	LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	users text;
BEGIN
	LOCK TABLE hitl.agents IN SHARE ROW EXCLUSIVE MODE;
	SELECT string_agg(format('tool "%s"', t.name), ', ' ORDER BY t.name) INTO users
	FROM hitl.tools t WHERE t.kind = 'agent' AND t.definition ->> 'agent' = drop_agent.name;
	IF users IS NOT NULL AND EXISTS (SELECT FROM hitl.agents a WHERE a.name = drop_agent.name) THEN
		RAISE EXCEPTION USING ERRCODE = 'dependent_objects_still_exist',
			MESSAGE = format('agent "%s" cannot be dropped, since it is a tool', name),
			DETAIL = format('It is what %s calls.', users),
			HINT = 'hitl.drop_tool() removes a tool that no agent has.';
	END IF;
	DELETE FROM hitl.agents a WHERE a.name = drop_agent.name;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION hitl.drop_agent(text) IS
	'remove an agent that is no tool of others; false if there was none; its versions are kept, and runs that have begun go on';

CREATE FUNCTION hitl.run_agent(
	agent text,
	task text,
	context jsonb DEFAULT NULL,
	name text DEFAULT NULL,
	created_by text DEFAULT NULL,
	idempotency_key text DEFAULT NULL,
	priority integer DEFAULT 0,
	deadline timestamptz DEFAULT NULL
) RETURNS uuid
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	workflow uuid;
BEGIN
	IF agent IS NULL OR coalesce(task, '') = '' THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'agent and task must not be empty';
	END IF;
	-- Who repeats a call gets its run, though the agent may be gone by then.
	IF NOT EXISTS (SELECT FROM hitl.agents a WHERE a.name = run_agent.agent)
		AND NOT EXISTS (SELECT FROM hitl.idempotency_keys k
						WHERE k.owner = hitl.calling_role() AND k.kind = 'workflow' AND k.key = run_agent.idempotency_key)
	THEN
		RAISE EXCEPTION USING ERRCODE = 'WF060',
			MESSAGE = format('agent "%s" does not exist', agent),
			HINT = 'hitl.create_agent() makes one.';
	END IF;
	IF jsonb_typeof(context) <> 'object' THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'context must be an object of facts';
	END IF;
	workflow := hitl.create_workflow(
		name => coalesce(run_agent.name, 'agent ' || agent), description => task,
		workflow_definition => jsonb_build_object('name', 'agent ' || agent, 'output', '{{ $.steps.run.answer }}',
			'steps', jsonb_build_array(jsonb_build_object('name', 'run', 'type', 'task', 'agent', agent, 'task', '{{ $.task }}'))),
		input_data => coalesce(context, '{}'), created_by => run_agent.created_by,
		idempotency_key => run_agent.idempotency_key, priority => run_agent.priority, deadline => run_agent.deadline);
	PERFORM hitl.start_once(workflow, idempotency_key, task);
	RETURN workflow;
END
$$;
COMMENT ON FUNCTION hitl.run_agent(text, text, jsonb, text, text, text, integer, timestamptz) IS
	'have an agent do a task, as a workflow of the caller with one step; returns its id; its answer becomes the output of the workflow';
