-- tool.sql
--		Tools of agents: functions of SQL, servers, programs outside, other agents.
--
-- The built-in tools need no rows here: final_answer, request_approval, ask_human,
-- create_checkpoint and rollback_to_checkpoint.

CREATE TABLE hitl.tools (
	name text PRIMARY KEY CHECK (name ~ '^[A-Za-z_][A-Za-z0-9_-]{0,63}$'),
	kind text NOT NULL CHECK (kind IN ('sql', 'http', 'external', 'agent')),
	description text NOT NULL,			-- tells models what it is for
	parameters jsonb NOT NULL,			-- JSON Schema of its arguments
	function text,						-- of kind sql, as regprocedure has it
	definition jsonb NOT NULL,			-- what its kind needs, as in the settings of agents
	approval text NOT NULL DEFAULT 'never' CHECK (approval IN ('never', 'always', 'when')),
	approval_when text,					-- SQL/JSON path predicate over the arguments
	created_by text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	CHECK ((kind = 'sql') = (function IS NOT NULL)),
	CHECK ((approval = 'when') = (approval_when IS NOT NULL))
);
COMMENT ON TABLE hitl.tools IS
	'what agents can do: call a function of SQL, a server, a program outside, another agent';
COMMENT ON COLUMN hitl.tools.parameters IS
	'JSON Schema of the arguments; of kind sql derived from the function, and refined';
COMMENT ON COLUMN hitl.tools.approval IS
	'whether people are asked before it runs: never, always, or when the predicate approval_when holds for its arguments, or cannot tell';
COMMENT ON COLUMN hitl.tools.approval_when IS
	'SQL/JSON path predicate over the arguments, evaluated in strict mode unless it begins with lax: it cannot tell of one that is left out';
SELECT pg_extension_config_dump('hitl.tools', '');

-- ---- functions as tools --------------------------------------------------

-- bpchar and bit, written bare, would be of length 1.
CREATE FUNCTION hitl.type_name(type oid) RETURNS text
	LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, pg_temp
	RETURN (SELECT CASE WHEN e.oid IS NULL THEN format('%I.%I', tn.nspname, t.typname)
						ELSE format('%I.%I[]', en.nspname, e.typname) END
			FROM pg_type t JOIN pg_namespace tn ON tn.oid = t.typnamespace
			LEFT JOIN (pg_type e JOIN pg_namespace en ON en.oid = e.typnamespace)
				ON e.oid = t.typelem AND e.typarray = t.oid
			WHERE t.oid = type_name.type);
COMMENT ON FUNCTION hitl.type_name(oid) IS 'the name of a type for a cast, with its schema';

CREATE FUNCTION hitl.type_schema(type oid) RETURNS jsonb
	LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	t pg_type;
	schema jsonb;
	note text := obj_description(type, 'pg_type');
BEGIN
	SELECT * INTO t FROM pg_type y WHERE y.oid = type_schema.type;
	IF t.typtype = 'p' THEN
		RETURN NULL;
	ELSIF t.typtype = 'd' THEN
		schema := hitl.type_schema(t.typbasetype);
	ELSIF t.typtype = 'e' THEN
		schema := jsonb_build_object('type', 'string', 'enum', (
			SELECT jsonb_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = type));
	ELSIF t.typtype = 'c' THEN
		SELECT jsonb_build_object('type', 'object', 'additionalProperties', false, 'properties',
			coalesce(jsonb_object_agg(a.attname, coalesce(hitl.type_schema(a.atttypid), '{}')
				|| CASE WHEN d.note IS NULL THEN '{}' ELSE jsonb_build_object('description', d.note) END), '{}'))
		INTO schema
		FROM pg_attribute a, LATERAL col_description(a.attrelid, a.attnum) AS d (note)
		WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped;
		note := coalesce(note, obj_description(t.typrelid, 'pg_class'));
	ELSIF EXISTS (SELECT FROM pg_type e WHERE e.oid = t.typelem AND e.typarray = t.oid) THEN
		schema := jsonb_build_object('type', 'array', 'items', hitl.type_schema(t.typelem));
	ELSE
		schema := CASE
			WHEN type IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'oid'::regtype) THEN '{"type": "integer"}'
			WHEN type IN ('numeric'::regtype, 'float4'::regtype, 'float8'::regtype) THEN '{"type": "number"}'
			WHEN type = 'bool'::regtype THEN '{"type": "boolean"}'
			WHEN type IN ('json'::regtype, 'jsonb'::regtype) THEN '{}'
			WHEN type = 'uuid'::regtype THEN '{"type": "string", "format": "uuid"}'
			WHEN type = 'date'::regtype THEN '{"type": "string", "format": "date"}'
			WHEN type = 'timestamptz'::regtype THEN '{"type": "string", "format": "date-time"}'
			WHEN t.typcategory = 'S' THEN '{"type": "string"}'
			ELSE jsonb_build_object('type', 'string', 'description', format('a value of type %s, as text', format_type(type, NULL)))
		END;
		note := NULL;	-- those of PostgreSQL's own types say less
	END IF;
	IF note IS NOT NULL THEN
		schema := schema || jsonb_build_object('description', note);
	END IF;
	RETURN schema;
END
$$;
COMMENT ON FUNCTION hitl.type_schema(oid) IS
	'JSON Schema of the values of a type; NULL of a pseudo-type, which has none';

CREATE FUNCTION hitl.describe_function(function regprocedure, OUT parameters jsonb, OUT definition jsonb)
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p pg_proc;
	result pg_type;
	fault text;
	argument record;
	schema jsonb;
	arguments jsonb := '[]';
	properties jsonb := '{}';
	required text[] := '{}';
	positional boolean;
BEGIN
	SELECT * INTO p FROM pg_proc f WHERE f.oid = function;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING ERRCODE = 'undefined_function',
			MESSAGE = format('function %s does not exist', coalesce(function::text, 'NULL'));
	END IF;
	SELECT * INTO result FROM pg_type t WHERE t.oid = p.prorettype;
	WHILE result.typtype = 'd' LOOP
		SELECT * INTO result FROM pg_type t WHERE t.oid = result.typbasetype;
	END LOOP;
	fault := CASE
		WHEN p.prokind = 'p' THEN 'It is a procedure.'
		WHEN p.prokind = 'a' THEN 'It is an aggregate.'
		WHEN p.prokind = 'w' THEN 'It is a window function.'
		WHEN pg_is_other_temp_schema(p.pronamespace) OR p.pronamespace = pg_my_temp_schema() THEN 'It is temporary.'
		WHEN result.oid = 'record'::regtype AND NOT coalesce(p.proargmodes && '{o,b,t}', false)
			THEN 'Its result is a record whose columns are not known.'
		WHEN result.typtype = 'p' AND result.oid NOT IN ('void'::regtype, 'record'::regtype)
			THEN format('Its result is of the pseudo-type %s.', result.typname)
	END;

	FOR argument IN
		SELECT a.type, coalesce(a.mode, 'i') AS mode, nullif(a.name, '') AS name,
			   row_number() OVER w AS number, count(*) OVER () AS total,
			   bool_or(coalesce(a.name, '') = '') OVER () AS positional
		FROM unnest(coalesce(p.proallargtypes, p.proargtypes::oid[]), p.proargmodes, p.proargnames)
			WITH ORDINALITY AS a (type, mode, name, place)
		WHERE coalesce(a.mode, 'i') IN ('i', 'b', 'v')
		WINDOW w AS (ORDER BY a.place)
		ORDER BY a.place
	LOOP
		positional := argument.positional;
		argument.name := coalesce(argument.name, 'arg' || argument.number);
		schema := hitl.type_schema(argument.type);
		IF fault IS NOT NULL THEN
			EXIT;
		ELSIF schema IS NULL THEN
			fault := format('Its argument "%s" is of the pseudo-type %s.', argument.name, format_type(argument.type, NULL));
		ELSIF argument.mode = 'v' AND positional THEN
			fault := 'One of its arguments is VARIADIC, and not all have names.';
		ELSIF properties ? argument.name THEN
			fault := format('Two of its arguments are called "%s".', argument.name);
		END IF;
		properties := properties || jsonb_build_object(argument.name, schema);
		arguments := arguments || jsonb_build_object('name', argument.name, 'type', hitl.type_name(argument.type),
			'quoted', CASE argument.mode WHEN 'v' THEN 'VARIADIC ' ELSE '' END || quote_ident(argument.name));
		-- Nothing can be left out by position, or where one is variadic.
		IF positional OR p.provariadic <> 0 OR argument.number <= argument.total - p.pronargdefaults THEN
			required := required || argument.name;
		END IF;
	END LOOP;
	IF fault IS NULL AND jsonb_array_length(arguments) > cardinality(required)
	   AND EXISTS (SELECT FROM pg_proc o WHERE o.proname = p.proname AND o.pronamespace = p.pronamespace AND o.oid <> p.oid)
	THEN
		fault := 'It has optional arguments, and there are others of its name: without them, another one might be called.';
	END IF;
	IF fault IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'WF063',
			MESSAGE = format('function %s cannot be a tool', function), DETAIL = fault,
			HINT = 'Make a function of its own for the tool, which calls this one.';
	END IF;

	parameters := jsonb_build_object('type', 'object', 'properties', properties, 'additionalProperties', false)
		|| CASE WHEN required = '{}' THEN '{}' ELSE jsonb_build_object('required', required) END;
	definition := jsonb_build_object(
			'call', format('%I.%I', (SELECT n.nspname FROM pg_namespace n WHERE n.oid = p.pronamespace), p.proname),
			'arguments', arguments,
			'scalar', NOT p.proretset AND result.typtype <> 'c' AND result.oid <> 'record'::regtype)
		|| CASE WHEN positional THEN '{"positional": true}'::jsonb ELSE '{}' END;
END
$$;
COMMENT ON FUNCTION hitl.describe_function(regprocedure) IS
	'JSON Schema of a function''s arguments, and how it is called, as the settings of agents have it; an error if it cannot be a tool';

CREATE FUNCTION hitl.refine_parameters(derived jsonb, refinement jsonb) RETURNS jsonb
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	members jsonb := coalesce(refinement -> 'properties', '{}');
	required jsonb := coalesce(refinement -> 'required', '[]');
	fault text;
BEGIN
	IF refinement IS NULL THEN
		RETURN derived;
	END IF;
	fault := CASE
		WHEN jsonb_typeof(refinement) <> 'object' THEN 'They must be an object.'
		WHEN refinement -> 'type' <> '"object"' THEN 'Their "type" is "object".'
		WHEN refinement -> 'additionalProperties' <> 'false' THEN 'Nothing but the arguments can be given: "additionalProperties" is false.'
		WHEN jsonb_typeof(members) <> 'object' THEN '"properties" must be an object.'
		WHEN jsonb_path_exists(members, 'strict $.* ? (@.type() != "object")') THEN 'Each of "properties" must be an object.'
		WHEN jsonb_typeof(required) <> 'array' OR jsonb_path_exists(required, 'strict $[*] ? (@.type() != "string")')
			THEN '"required" must be an array of texts.'
		ELSE (SELECT format('It has no argument "%s".', n.name)
			  FROM (SELECT jsonb_object_keys(members) UNION SELECT jsonb_array_elements_text(required)) AS n (name)
			  WHERE NOT derived -> 'properties' ? n.name ORDER BY n.name LIMIT 1)
	END;
	IF fault IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'WF063',
			MESSAGE = 'the parameters do not fit the function', DETAIL = fault,
			HINT = format('They refine what is derived from it: %s.', derived);
	END IF;
	RETURN derived || refinement || jsonb_build_object(
		'properties', derived -> 'properties' || (
			SELECT coalesce(jsonb_object_agg(m.key, (derived -> 'properties' -> m.key) || m.value), '{}')
			FROM jsonb_each(members) AS m))
		|| (SELECT CASE WHEN count(*) > 0 THEN jsonb_build_object('required', jsonb_agg(r.name ORDER BY r.place)) ELSE '{}' END
			FROM (SELECT b.name, min(b.place) AS place
				  FROM jsonb_array_elements_text(coalesce(derived -> 'required', '[]') || required)
					WITH ORDINALITY AS b (name, place)
				  GROUP BY b.name) AS r);
END
$$;
COMMENT ON FUNCTION hitl.refine_parameters(jsonb, jsonb) IS
	'the JSON Schema that was derived from a function, with what is added to it';

-- ---- what all tools have in common ---------------------------------------

CREATE FUNCTION hitl.check_predicate(path text) RETURNS text
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF path IS NULL THEN
		RETURN 'There is none.';
	END IF;
	-- Of anything, a predicate is true, false or unknown.
	IF jsonb_path_query_array('{}', path::jsonpath) IN ('[true]', '[false]', '[null]') THEN
		RETURN NULL;
	END IF;
	RETURN 'It is not a predicate, which holds or does not.';
EXCEPTION WHEN data_exception OR syntax_error_or_access_rule_violation OR feature_not_supported OR program_limit_exceeded THEN
	RETURN SQLERRM || '.';
END
$$;
COMMENT ON FUNCTION hitl.check_predicate(text) IS 'why a text is not a SQL/JSON path predicate; NULL if it is one';

CREATE FUNCTION hitl.check_approval(approval jsonb) RETURNS text
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
	RETURN CASE
		WHEN approval IN ('"never"', '"always"') THEN NULL
		WHEN jsonb_typeof(approval) <> 'object' OR approval - 'when' <> '{}' OR jsonb_typeof(approval -> 'when') IS DISTINCT FROM 'string'
			THEN 'It is "never", "always" or {"when": "a predicate"}.'
		ELSE hitl.check_predicate(approval ->> 'when') END;
COMMENT ON FUNCTION hitl.check_approval(jsonb) IS
	'why this does not say whether people are asked before a tool runs; NULL if it does';

CREATE FUNCTION hitl.check_limit(argument text, value numeric, lowest numeric, highest numeric) RETURNS void
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF value NOT BETWEEN lowest AND highest THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('%s must be between %s and %s', argument, lowest, highest);
	END IF;
END
$$;
COMMENT ON FUNCTION hitl.check_limit(text, numeric, numeric, numeric) IS 'refuse a number that is too small or too large';

CREATE FUNCTION hitl.builtin_tools() RETURNS text[]
	LANGUAGE sql IMMUTABLE
	RETURN '{final_answer,request_approval,ask_human,create_checkpoint,rollback_to_checkpoint}'::text[];
COMMENT ON FUNCTION hitl.builtin_tools() IS 'the tools that need not be created';

CREATE FUNCTION hitl.save_tool(name text, kind text, description text, parameters jsonb, function text,
							   definition jsonb, approval text, approval_when text) RETURNS text
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	faults text;
	agent text;
BEGIN
	-- What agents have and what there is must not change at once.
	LOCK TABLE hitl.agents IN SHARE ROW EXCLUSIVE MODE;
	IF name IS NULL OR name !~ '^[A-Za-z_][A-Za-z0-9_-]{0,63}$' THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('"%s" cannot be the name of a tool', coalesce(left(name, 100), 'NULL')),
			HINT = 'It has 1 to 64 letters, digits, "_" and "-", and begins with a letter or "_".';
	END IF;
	IF name = ANY (hitl.builtin_tools()) THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('tool "%s" is built in', name),
			HINT = 'An agent that names it among its tools has it.';
	END IF;
	IF coalesce(description, '') = '' THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('tool "%s" has no description', name),
			DETAIL = 'A model must know what it is for.',
			HINT = CASE WHEN function IS NULL THEN 'Give one: when is it to be used, and what does it give?'
				ELSE format('Give one, or the function a comment: COMMENT ON FUNCTION %s IS …', function) END;
	END IF;
	IF approval IS NULL OR approval NOT IN ('never', 'always', 'when') THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('unknown approval "%s" of tool "%s"', coalesce(approval, 'NULL'), name),
			HINT = 'People are asked before it runs "never", "always", or "when" the predicate approval_when holds.';
	END IF;
	IF approval <> 'when' AND approval_when IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('approval_when of tool "%s" would have no effect', name),
			HINT = 'Give approval => ''when'', too.';
	END IF;
	faults := CASE approval WHEN 'when' THEN hitl.check_predicate(approval_when) END;
	IF faults IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('approval_when of tool "%s" is not a SQL/JSON path predicate', name), DETAIL = faults,
			HINT = 'It is about the arguments, for example $.amount > 100.';
	END IF;
	IF parameters IS NULL OR jsonb_typeof(parameters) <> 'object' OR parameters -> 'type' IS DISTINCT FROM '"object"' THEN
		RAISE EXCEPTION USING ERRCODE = 'WF063',
			MESSAGE = format('the parameters of tool "%s" are not those of an object', name),
			HINT = 'They are a JSON Schema: {"type": "object", "properties": {"order_id": {"type": "integer"}}, "required": ["order_id"]}.';
	END IF;
	faults := hitl.schema_faults(parameters);
	IF faults IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'WF063',
			MESSAGE = format('the parameters of tool "%s" are faulty', name), DETAIL = faults,
			HINT = 'hitl.validate_schema() lists the faults of a schema.';
	END IF;

	INSERT INTO hitl.tools AS t (name, kind, description, parameters, function, definition, approval, approval_when, created_by)
	VALUES (save_tool.name, save_tool.kind, save_tool.description, save_tool.parameters, save_tool.function,
			save_tool.definition, save_tool.approval, save_tool.approval_when, hitl.calling_role())
	ON CONFLICT ON CONSTRAINT tools_pkey DO UPDATE SET kind = excluded.kind, description = excluded.description,
		parameters = excluded.parameters, function = excluded.function, definition = excluded.definition,
		approval = excluded.approval, approval_when = excluded.approval_when, created_by = excluded.created_by;

	SELECT string_agg(format('%s: %s', coalesce(nullif(replace(f.pointer, '/tools/0', ''), ''), '/'), f.message), E'\n')
	INTO faults FROM hitl.validate_agent(jsonb_build_object('name', 'any', 'kind', 'tool_calling',
		'tools', hitl.tool_settings(ARRAY[name], '{}'))) AS f;
	IF faults IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'WF063',
			MESSAGE = format('tool "%s" is faulty', name), DETAIL = faults;
	END IF;
	FOR agent IN SELECT a.name FROM hitl.agents a WHERE save_tool.name = ANY (a.tools) ORDER BY a.name LOOP
		PERFORM hitl.publish_agent(agent);
	END LOOP;
	RETURN name;
END
$$;
COMMENT ON FUNCTION hitl.save_tool(text, text, text, jsonb, text, jsonb, text, text) IS
	'what the functions that create tools end with: check it, store it, and give agents that have it a new version';

CREATE FUNCTION hitl.tool_settings(tools text[], tool_approval jsonb) RETURNS jsonb
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
	RETURN (SELECT coalesce(jsonb_agg(CASE WHEN t.name IS NULL
				THEN jsonb_build_object('name', n.name, 'kind', 'builtin', 'approval', coalesce(tool_approval -> n.name, '"never"'))
				ELSE jsonb_build_object('name', t.name, 'kind', t.kind, 'description', t.description, 'parameters', t.parameters,
					'approval', coalesce(tool_approval -> n.name, CASE t.approval
						WHEN 'when' THEN jsonb_build_object('when', t.approval_when) ELSE to_jsonb(t.approval) END)) || t.definition
				END ORDER BY n.place), '[]')
			FROM unnest(tool_settings.tools) WITH ORDINALITY AS n (name, place) LEFT JOIN hitl.tools t ON t.name = n.name);
COMMENT ON FUNCTION hitl.tool_settings(text[], jsonb) IS
	'the tools of an agent, with what it has approved otherwise, as its settings have them';

-- ---- the kinds of tools --------------------------------------------------

CREATE FUNCTION hitl.create_tool(
	name text,
	function regprocedure,
	description text DEFAULT NULL,
	parameters jsonb DEFAULT NULL,
	approval text DEFAULT 'never',
	approval_when text DEFAULT NULL,
	rows integer DEFAULT 100,
	timeout_seconds integer DEFAULT NULL
) RETURNS text
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	described record;
BEGIN
	PERFORM hitl.check_limit('rows', coalesce(rows, 0), 1, 10000), hitl.check_limit('timeout_seconds', timeout_seconds, 1, 86400);
	SELECT * INTO described FROM hitl.describe_function(function);
	RETURN hitl.save_tool(name, 'sql', coalesce(description, obj_description(function, 'pg_proc')),
		hitl.refine_parameters(described.parameters, parameters), function::text,
		described.definition || jsonb_build_object('rows', rows, 'timeout_ms', timeout_seconds * 1000),
		approval, approval_when);
END
$$;
COMMENT ON FUNCTION hitl.create_tool(text, regprocedure, text, jsonb, text, text, integer, integer) IS
	'make a function a tool of agents, or replace one; the JSON Schema of its arguments is derived from the function, and parameters refine it; it is run as the owner of the workflow';

CREATE FUNCTION hitl.create_http_tool(
	name text,
	description text,
	url text,
	parameters jsonb DEFAULT '{"type": "object", "properties": {}, "additionalProperties": false}',
	method text DEFAULT 'POST',
	headers jsonb DEFAULT '{}',
	secret_name text DEFAULT NULL,
	timeout_seconds integer DEFAULT NULL,
	approval text DEFAULT 'never',
	approval_when text DEFAULT NULL,
	expect integer[] DEFAULT NULL
) RETURNS text
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	missing text;
	fault text;
BEGIN
	-- The host is nothing for a model to choose.
	IF coalesce(url, '') !~* '^https?://[^/?#{}[:space:]]+([/?#]|$)' OR url ~ '[[:cntrl:]]' THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('the url of tool "%s" must begin with https:// or http:// and a host', coalesce(name, 'NULL'));
	END IF;
	SELECT m[1] INTO missing FROM regexp_matches(url, '\{([^{}]*)\}', 'g') AS m
	WHERE (parameters -> 'properties' ? m[1] AND parameters -> 'required' ? m[1]) IS NOT TRUE LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('the url of tool "%s" names "%s", which is no required argument', name, missing);
	END IF;
	IF method IS NULL OR method NOT IN ('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE') THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('unknown method "%s" of tool "%s"', coalesce(method, 'NULL'), name),
			HINT = 'A method is GET, HEAD, POST, PUT, PATCH or DELETE.';
	END IF;
	IF coalesce(jsonb_typeof(headers), 'null') <> 'object' OR jsonb_path_exists(headers, 'strict $.* ? (@.type() != "string")') THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('the headers of tool "%s" must be an object of texts', name);
	END IF;
	SELECT CASE
			WHEN h.key !~ '^[A-Za-z0-9!#$%&''*+.^_`|~-]+$' THEN format('"%s" is not the name of a header.', h.key)
			WHEN lower(h.key) IN ('connection', 'content-length', 'expect', 'host', 'keep-alive', 'proxy-authorization',
								  'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade')
				THEN format('%s is set by the sender.', h.key)
			WHEN lower(h.key) = 'authorization' AND secret_name IS NOT NULL THEN format('%s is what the secret is sent as.', h.key)
			WHEN h.value ~ '[[:cntrl:]]' THEN format('%s must not have control characters in it.', h.key)
			WHEN count(*) OVER (PARTITION BY lower(h.key)) > 1 THEN format('%s is given twice.', h.key) END AS found
	INTO fault FROM jsonb_each_text(headers) AS h ORDER BY found NULLS LAST LIMIT 1;
	IF fault IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('the headers of tool "%s" are faulty', name), DETAIL = fault;
	END IF;
	IF expect IS NOT NULL AND (cardinality(expect) NOT BETWEEN 1 AND 100 OR (100 <= ALL (expect) AND 599 >= ALL (expect)) IS NOT TRUE) THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('what tool "%s" expects must be statuses between 100 and 599', name);
	END IF;
	PERFORM hitl.check_limit('timeout_seconds', timeout_seconds, 1, 86400);
	RETURN hitl.save_tool(name, 'http', description, parameters, NULL,
		jsonb_build_object('method', method, 'url', url, 'headers', headers, 'secret', secret_name,
						   'timeout_seconds', timeout_seconds, 'expect', to_jsonb(expect)),
		approval, approval_when);
END
$$;
COMMENT ON FUNCTION hitl.create_http_tool(text, text, text, jsonb, text, jsonb, text, integer, text, text, integer[]) IS
	'make a server''s address a tool of agents, or replace one; parameters is the JSON Schema of the arguments';

CREATE FUNCTION hitl.create_external_tool(
	name text,
	description text,
	parameters jsonb DEFAULT '{"type": "object", "properties": {}, "additionalProperties": false}',
	queue text DEFAULT 'default',
	timeout_seconds integer DEFAULT NULL,
	approval text DEFAULT 'never',
	approval_when text DEFAULT NULL
) RETURNS text
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF coalesce(queue, '') = '' THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('the queue of tool "%s" must not be empty', name);
	END IF;
	PERFORM hitl.check_limit('timeout_seconds', timeout_seconds, 1, 31536000);
	RETURN hitl.save_tool(name, 'external', description, parameters, NULL,
		jsonb_build_object('queue', queue, 'timeout_seconds', timeout_seconds), approval, approval_when);
END
$$;
COMMENT ON FUNCTION hitl.create_external_tool(text, text, jsonb, text, integer, text, text) IS
	'make programs outside a tool of agents, or replace one: its calls are tasks of a queue, as hitl.claim_tasks() gives them';

CREATE FUNCTION hitl.create_agent_tool(
	name text,
	agent text,
	description text,
	approval text DEFAULT 'never',
	approval_when text DEFAULT NULL
) RETURNS text
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	LOCK TABLE hitl.agents IN SHARE ROW EXCLUSIVE MODE;
	IF NOT EXISTS (SELECT FROM hitl.agents a WHERE a.name = create_agent_tool.agent) THEN
		RAISE EXCEPTION USING ERRCODE = 'WF060',
			MESSAGE = format('agent "%s" does not exist', coalesce(agent, 'NULL')),
			HINT = 'hitl.create_agent() makes one.';
	END IF;
	RETURN hitl.save_tool(name, 'agent', description, '{
			"type": "object", "required": ["task"], "additionalProperties": false, "properties": {
				"task": {"type": "string", "minLength": 1, "description": "What the agent is to do, with all that it must know."},
				"context": {"type": "object", "description": "Facts that it needs, by name."}}}', NULL,
		jsonb_build_object('agent', agent), approval, approval_when);
END
$$;
COMMENT ON FUNCTION hitl.create_agent_tool(text, text, text, text, text) IS
	'make an agent a tool of others, or replace one: its arguments are a task and its context';

CREATE FUNCTION hitl.drop_tool(name text) RETURNS boolean
	LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	users text;
BEGIN
	LOCK TABLE hitl.agents IN SHARE ROW EXCLUSIVE MODE;
	SELECT string_agg(format('agent "%s"', a.name), ', ' ORDER BY a.name) INTO users
	FROM hitl.agents a WHERE drop_tool.name = ANY (a.tools);
	IF users IS NOT NULL AND EXISTS (SELECT FROM hitl.tools t WHERE t.name = drop_tool.name) THEN
		RAISE EXCEPTION USING ERRCODE = 'dependent_objects_still_exist',
			MESSAGE = format('tool "%s" cannot be dropped, since agents have it', name),
			DETAIL = format('It is a tool of %s.', users),
			HINT = 'hitl.create_agent() replaces an agent by one with other tools.';
	END IF;
	DELETE FROM hitl.tools t WHERE t.name = drop_tool.name;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION hitl.drop_tool(text) IS
	'remove a tool that no agent has; false if there was none; runs that began with it go on';
