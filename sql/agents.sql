-- agents, their tools, and what they have said
\set SHOW_CONTEXT never
CREATE ROLE hitl_maker;
CREATE ROLE hitl_runner;
CREATE ROLE hitl_reader;
SELECT hitl.grant_access('hitl_maker', 'admin'), hitl.grant_access('hitl_runner', 'operator'), hitl.grant_access('hitl_reader', 'viewer');
CREATE SCHEMA shop;
GRANT USAGE ON SCHEMA shop TO hitl_maker;

-- what the types of arguments become
CREATE TYPE shop.colour AS ENUM ('red', 'green', 'dark blue');
CREATE DOMAIN shop.email AS text CHECK (VALUE ~ '@');
COMMENT ON DOMAIN shop.email IS 'an e-mail address';
CREATE DOMAIN shop.palette AS shop.colour[];
CREATE TYPE shop.item AS (sku text, count integer, "Any thing" jsonb, colours shop.colour[]);
COMMENT ON TYPE shop.item IS 'what is ordered';
COMMENT ON COLUMN shop.item.count IS 'how many';
CREATE TABLE shop.orders (id integer PRIMARY KEY, mail shop.email, gone text);
ALTER TABLE shop.orders DROP COLUMN gone;
COMMENT ON TABLE shop.orders IS 'an order';
CREATE TYPE shop.span AS RANGE (subtype = integer);
SELECT t AS type, hitl.type_name(t), hitl.type_schema(t)
FROM unnest('{smallint,integer,bigint,oid,numeric,real,double precision,boolean,text,character varying,character,name,"\"char\"",
	uuid,date,timestamp with time zone,timestamp without time zone,time,interval,bytea,inet,money,bit,json,jsonb,xml,
	integer[],text[],jsonb[],int2vector,shop.colour,shop.colour[],shop.email,shop.email[],shop.palette,shop.item,shop.item[],
	shop.orders,shop.span,regclass,anyelement,anyarray,record,trigger,cstring}'::regtype[]) AS t;

-- how functions are described
CREATE FUNCTION shop.lookup_order(order_id integer, in_full boolean DEFAULT false) RETURNS jsonb
	LANGUAGE sql AS $$ SELECT jsonb_build_object('id', order_id, 'in_full', in_full) $$;
CREATE FUNCTION shop.search(INOUT query text, "max rows" integer DEFAULT 10, OUT hits integer, VARIADIC words text[] DEFAULT '{}')
	LANGUAGE sql AS $$ SELECT query, coalesce(cardinality(words), -1) + "max rows" $$;
CREATE FUNCTION shop.add(integer, integer DEFAULT 5) RETURNS integer LANGUAGE sql AS $$ SELECT $1 + $2 $$;
CREATE FUNCTION shop.half(a integer, integer) RETURNS integer LANGUAGE sql AS $$ SELECT $1 + $2 $$;
CREATE FUNCTION shop.find(at_least integer) RETURNS SETOF shop.orders LANGUAGE sql AS $$ SELECT * FROM shop.orders WHERE id >= $1 $$;
CREATE FUNCTION shop.first() RETURNS shop.orders LANGUAGE sql AS $$ SELECT * FROM shop.orders $$;
CREATE FUNCTION shop.numbers(n integer) RETURNS SETOF integer LANGUAGE sql AS $$ SELECT generate_series(1, n) $$;
CREATE FUNCTION shop.rest(x shop.palette) RETURNS TABLE (colour shop.colour) LANGUAGE sql AS $$ SELECT unnest(x) $$;
CREATE FUNCTION shop.ping() RETURNS void LANGUAGE sql AS '';
SELECT p.proname, d.parameters, d.definition FROM pg_proc p, hitl.describe_function(p.oid) AS d
WHERE p.pronamespace = 'shop'::regnamespace AND p.proname <> 'span' AND NOT p.oid::regprocedure::text ~ 'shop.span|multirange' ORDER BY p.proname;

-- and what cannot be a tool
CREATE FUNCTION shop.same(a anyelement) RETURNS anyelement LANGUAGE sql AS 'SELECT a';
CREATE FUNCTION shop.any_record() RETURNS record LANGUAGE sql AS 'SELECT 1, 2';
CREATE FUNCTION shop.unnamed(VARIADIC integer[]) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION shop.twice(arg2 integer, integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION shop.fired() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION shop.many(a integer, b integer DEFAULT 1) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION shop.many(a integer) RETURNS integer LANGUAGE sql AS 'SELECT 2';
CREATE FUNCTION pg_temp.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE PROCEDURE shop.act() LANGUAGE sql AS '';
CREATE FUNCTION fault_of(function regprocedure) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	PERFORM hitl.describe_function(function);
	RETURN NULL;
EXCEPTION WHEN SQLSTATE 'WF063' THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN detail;
END $$;
SELECT f, fault_of(f) FROM unnest(string_to_array('shop.same(anyelement) shop.any_record() shop.unnamed(integer[]) shop.fired() shop.twice(integer,integer) '
	'shop.many(integer,integer) shop.many(integer) shop.act() count("any") row_number() lower(text)', ' ')::regprocedure[]) AS f;
SELECT fault_of('pg_temp.mine()');
SELECT hitl.describe_function('shop.same(anyelement)');
SELECT hitl.describe_function(4294967295::oid::regprocedure);

-- the calls that come of it, by name and by position, with and without optional arguments
CREATE FUNCTION compose(tool text, given jsonb) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('name', 'call', 'type', 'sql', 'retry', '{"max_attempts": 1}'::jsonb,
		'sql', format(CASE WHEN (t.definition ->> 'scalar')::boolean THEN 'SELECT %s(%s) AS result' ELSE 'SELECT * FROM %s(%s)' END,
			t.definition ->> 'call', string_agg(CASE WHEN t.definition @> '{"positional": true}' THEN '' ELSE a.quoted || ' => ' END
				|| '$' || a.place || '::' || a.type, ', ' ORDER BY a.place)),
		'params', coalesce(jsonb_agg(given -> a.name ORDER BY a.place) FILTER (WHERE a.name IS NOT NULL), '[]'))
	FROM hitl.tools t LEFT JOIN LATERAL (
		SELECT d.item ->> 'name' AS name, d.item ->> 'type' AS type, d.item ->> 'quoted' AS quoted, row_number() OVER (ORDER BY d.place) AS place
		FROM jsonb_array_elements(t.definition -> 'arguments') WITH ORDINALITY AS d (item, place)
		WHERE given ? (d.item ->> 'name')) AS a ON true
	WHERE t.name = compose.tool GROUP BY t.definition $$;
CREATE PROCEDURE try(tool text, given jsonb) LANGUAGE plpgsql AS $$
DECLARE
	workflow uuid := hitl.create_workflow('try ' || tool,
		workflow_definition => jsonb_build_object('steps', jsonb_build_array(compose(tool, given))));
	said jsonb;
	ended text;
BEGIN
	PERFORM hitl.execute_workflow(workflow);
	COMMIT;
	CALL hitl.await_workflow(workflow, '30 seconds', ended);
	SELECT coalesce(w.data #> '{steps,call,rows}', w.error -> 'message') INTO said FROM hitl.workflows w WHERE w.id = workflow;
	RAISE NOTICE '%: %', compose(tool, given) ->> 'sql', said;
END $$;
COMMENT ON FUNCTION shop.lookup_order IS 'Looks up an order.';
SET client_min_messages = warning;
SELECT hitl.create_tool('lookup_order', 'shop.lookup_order(integer,boolean)');
SELECT hitl.create_tool('search', 'shop.search(text,integer,text[])', 'Finds products.', rows => 5, timeout_seconds => 3);
SELECT hitl.create_tool('add', 'shop.add(integer,integer)', 'Adds.');
SELECT hitl.create_tool('find', 'shop.find(integer)', 'Finds orders.');
SELECT hitl.create_tool('rest', 'shop.rest(shop.palette)', 'Names colours.');
SELECT hitl.create_tool('ping', 'shop.ping()', 'Does nothing.');
RESET client_min_messages;
INSERT INTO shop.orders VALUES (1, 'a@example.org'), (2, 'b@example.org');
CALL try('lookup_order', '{"order_id": 7}');
CALL try('lookup_order', '{"order_id": 7, "in_full": true}');
CALL try('search', '{"query": "pen", "max rows": 3, "words": ["a", "b"]}');
CALL try('search', '{"query": "pen", "max rows": 3, "words": []}');
CALL try('add', '{"arg1": 1, "arg2": 2}');
CALL try('find', '{"at_least": 2}');
CALL try('rest', '{"x": ["red", "dark blue"]}');
CALL try('rest', '{"x": ["pink"]}');
CALL try('ping', '{}');

-- what is derived can be refined
SELECT hitl.create_tool('lookup_order', 'shop.lookup_order(integer,boolean)', parameters => '{"description": "which",
	"properties": {"order_id": {"minimum": 1, "description": "its number"}, "in_full": {"description": "tell all"}}, "required": ["in_full"]}');
SELECT name, kind, description, function, approval, created_by = current_user AS mine, parameters, definition FROM hitl.tools WHERE name IN ('lookup_order', 'search') ORDER BY 1;
SELECT hitl.create_tool('lookup_order', 'shop.lookup_order(integer,boolean)', parameters => '{"properties": {"order": {}}}');
SELECT hitl.create_tool('lookup_order', 'shop.lookup_order(integer,boolean)', parameters => '{"required": ["order"]}');
\set VERBOSITY terse
SELECT hitl.create_tool('lookup_order', 'shop.lookup_order(integer,boolean)', parameters => '[]');
SELECT hitl.create_tool('lookup_order', 'shop.lookup_order(integer,boolean)', parameters => '{"type": "array"}');
SELECT hitl.create_tool('lookup_order', 'shop.lookup_order(integer,boolean)', parameters => '{"additionalProperties": true}');
SELECT hitl.create_tool('lookup_order', 'shop.lookup_order(integer,boolean)', parameters => '{"properties": []}');
SELECT hitl.create_tool('lookup_order', 'shop.lookup_order(integer,boolean)', parameters => '{"properties": {"in_full": []}}');
SELECT hitl.create_tool('lookup_order', 'shop.lookup_order(integer,boolean)', parameters => '{"required": "in_full"}');
SELECT hitl.create_tool('lookup_order', 'shop.lookup_order(integer,boolean)', parameters => '{"required": [1]}');
\set VERBOSITY default
SELECT hitl.create_tool('lookup_order', 'shop.lookup_order(integer,boolean)', parameters => '{"properties": {"order_id": {"minimum": "1"}}}');

-- mistakes
SELECT hitl.create_tool('x', 'shop.add(integer,integer)');
SELECT hitl.create_tool('x', 'shop.act()', 'Acts.');
SELECT hitl.create_tool('x', NULL, 'Nothing.');
SELECT hitl.create_tool('a tool', 'shop.ping()', 'Spaced.');
SELECT hitl.create_tool('final_answer', 'shop.ping()', 'Ends.');
SELECT hitl.create_tool('x', 'shop.ping()', 'Asks.', approval => 'sometimes');
SELECT hitl.create_tool('x', 'shop.ping()', 'Asks.', approval_when => '$.amount > 100');
SELECT hitl.create_tool('x', 'shop.ping()', 'Asks.', approval => 'when');
SELECT hitl.create_tool('x', 'shop.ping()', 'Asks.', approval => 'when', approval_when => '$.amount >');
SELECT hitl.create_tool('x', 'shop.ping()', 'Asks.', approval => 'when', approval_when => '$.amount');
SELECT hitl.create_tool('x', 'shop.ping()', 'Asks.', approval => 'when', approval_when => '$amount > 1');
\set VERBOSITY terse
SELECT hitl.create_tool(NULL, 'shop.ping()', 'Nameless.');
SELECT hitl.create_tool(repeat('x', 65), 'shop.ping()', 'Long.');
SELECT hitl.create_tool('x', 'shop.ping()', 'Limits.', rows => 0);
SELECT hitl.create_tool('x', 'shop.ping()', 'Limits.', rows => 10001);
SELECT hitl.create_tool('x', 'shop.ping()', 'Limits.', rows => NULL);
SELECT hitl.create_tool('x', 'shop.ping()', 'Limits.', timeout_seconds => 0);
SELECT hitl.create_tool('x', 'shop.ping()', 'Asks.', approval => NULL);
\set VERBOSITY default

-- tools that are not functions
SELECT hitl.create_http_tool('weather', 'Tells the weather.', 'https://weather.example/now', '{"type": "object", "properties": {"city": {"type": "string"}}}',
	'GET', '{"Accept": "application/json"}', 'weather_key', 10, expect => '{200,404}');
SELECT hitl.create_http_tool('forecast', 'Tells what will be.', 'https://weather.example/{city}/next?days={days}',
	'{"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city", "days"]}', 'GET');
SELECT hitl.create_http_tool('wake', 'Wakes.', 'http://wake.example', approval => 'always');
SELECT hitl.create_external_tool('render', 'Renders.', '{"type": "object"}', 'gpu', 600);
SELECT hitl.create_external_tool('think', 'Thinks.');
SELECT name, kind, parameters, definition, approval FROM hitl.tools WHERE kind <> 'sql' ORDER BY name;
SELECT hitl.create_http_tool('x', 'Calls.', 'ftp://files.example/');
SELECT hitl.create_http_tool('x', 'Calls.', 'https://a.example/', method => 'get');
SELECT hitl.create_http_tool('x', 'Calls.', 'https://a.example/', parameters => '{"type": "string"}');
SELECT hitl.create_http_tool('x', 'Calls.', 'https://a.example/', headers => '{"X-A": "1", "Host": "b.example"}');
SELECT hitl.create_http_tool('x', 'Calls.', 'https://a.example/', headers => '{"X A": "1"}');
SELECT hitl.create_http_tool('x', 'Calls.', 'https://a.example/', headers => '{"X-A": "1\r\nX-B: 2"}');
SELECT hitl.create_http_tool('x', 'Calls.', 'https://a.example/', headers => '{"X-A": "1", "x-a": "2"}');
SELECT hitl.create_http_tool('x', 'Calls.', 'https://a.example/', headers => '{"authorization": "x"}', secret_name => 'key');
SELECT hitl.create_external_tool('x', 'Does.', '{"type": "object", "properties": {"a": {"type": "text"}}}');
\set VERBOSITY terse
SELECT hitl.create_http_tool('x', 'Calls.', 'https:///path');
SELECT hitl.create_http_tool('x', 'Calls.', 'https://{host}/', '{"type": "object", "properties": {"host": {}}, "required": ["host"]}');
SELECT hitl.create_http_tool('x', 'Calls.', 'https://a.example/{b}', '{"type": "object", "properties": {"b": {}}}');
SELECT hitl.create_http_tool('x', 'Calls.', 'https://a.example/{b}');
SELECT hitl.create_http_tool('x', 'Calls.', NULL);
SELECT hitl.create_http_tool('x', '', 'https://a.example/');
SELECT hitl.create_http_tool('x', 'Calls.', 'https://a.example/', headers => '[]');
SELECT hitl.create_http_tool('x', 'Calls.', 'https://a.example/', headers => '{"a": ["b"]}');
SELECT hitl.create_http_tool('x', 'Calls.', 'https://a.example/', expect => '{}');
SELECT hitl.create_http_tool('x', 'Calls.', 'https://a.example/', expect => '{200,NULL}');
SELECT hitl.create_http_tool('x', 'Calls.', 'https://a.example/', expect => '{99}');
SELECT hitl.create_http_tool('x', 'Calls.', 'https://a.example/', timeout_seconds => 0);
SELECT hitl.create_http_tool('x', 'Calls.', 'https://a.example/', parameters => NULL);
SELECT hitl.create_external_tool('x', 'Does.', queue => '');
\set VERBOSITY default
SELECT hitl.create_agent_tool('research', 'researcher', 'Researches.');

-- agents
SELECT hitl.create_agent('researcher', 'Find out.', tools => '{search,ask_human}');
SELECT hitl.create_agent_tool('research', 'researcher', 'Researches.');
CREATE FUNCTION shop.check_answer(answer jsonb) RETURNS text LANGUAGE sql AS 'SELECT CASE WHEN answer = ''""'' THEN ''It is empty.'' END';
CREATE FUNCTION shop.is_good(answer jsonb) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION shop.is_odd(answer jsonb) RETURNS integer LANGUAGE sql AS 'SELECT 1';
SELECT hitl.create_model('clever', provider => 'builtin');
SELECT hitl.create_agent('support', 'Help.', 'clever', '{lookup_order,research,weather,wake,render,rollback_to_checkpoint}',
	tool_approval => '{"weather": {"when": "$.city == \"Oslo\""}, "wake": "never", "rollback_to_checkpoint": "always"}',
	approval => '{"requested_from": ["team"], "timeout_hours": 4}', max_steps => 5, planning_interval => 2, max_tokens => 100000,
	max_cost => 0.25, max_seconds => 3600, on_limit => 'ask', output_schema => '{"type": "string"}',
	answer_checks => '{shop.check_answer,shop.is_good(jsonb)}', max_observation => 500);
SELECT version = encode(sha256(convert_to(settings::text, 'UTF8')), 'hex') AS hashed, jsonb_pretty(settings) FROM hitl.agents a
JOIN hitl.agent_versions v USING (version) WHERE a.name = 'support';
CREATE ROLE hitl_sandbox;
SELECT hitl.create_agent('coder', kind => 'code', sandbox => '{"role": "hitl_sandbox", "rows": 10, "approval": {"when": "$.sql starts with \"DELETE\""}}');
SELECT name, kind, tools, max_steps, on_limit, max_observation, sandbox, created_by = current_user AS mine FROM hitl.agents ORDER BY name;
SELECT hitl.create_agent('coder', kind => 'code', sandbox => '{"role": "hitl_sandbox"}');
SELECT sandbox FROM hitl.agents WHERE name = 'coder';

-- versions: another one for each change that makes a difference
CREATE VIEW versions AS SELECT agent, count(*), (SELECT count(*) FROM hitl.agent_versions o WHERE o.version = max(a.version) AND o.settings = hitl.agent_settings(agent)) AS current
FROM hitl.agent_versions v JOIN hitl.agents a ON a.name = v.agent GROUP BY agent;
SELECT * FROM versions ORDER BY agent;
SELECT hitl.create_agent('researcher', 'Find out.', tools => '{search,ask_human}');
SELECT * FROM versions WHERE agent = 'researcher';
SELECT hitl.create_tool('search', 'shop.search(text,integer,text[])', 'Finds all products.');
SELECT * FROM versions ORDER BY agent;
SELECT hitl.create_tool('search', 'shop.search(text,integer,text[])', 'Finds products.', rows => 5, timeout_seconds => 3);
SELECT * FROM versions WHERE agent = 'researcher';
SELECT hitl.create_external_tool('search', 'Finds products elsewhere.');
SELECT settings -> 'tools' -> 0 AS tool FROM hitl.agents a JOIN hitl.agent_versions v USING (version) WHERE a.name = 'researcher';
SELECT name, kind, function FROM hitl.tools WHERE name = 'search';

-- mistakes
SELECT hitl.create_agent('my agent');
SELECT hitl.create_agent('x', kind => 'thinker');
SELECT hitl.create_agent('x', model => 'missing');
SELECT hitl.create_agent('x', tools => '{search,missing}');
SELECT hitl.create_agent('x', tools => '{search,ask_human,search}');
SELECT hitl.create_agent('x', on_limit => 'go on');
SELECT hitl.create_agent('x', tools => '{search}', tool_approval => '{"weather": "always"}');
SELECT hitl.create_agent('x', tools => '{search}', tool_approval => '{"search": "often"}');
SELECT hitl.create_agent('x', tools => '{search}', tool_approval => '{"search": {"when": "$.a >"}}');
SELECT hitl.create_agent('x', approval => '{"ask": "ann"}');
SELECT hitl.create_agent('x', approval => '{"requested_from": "ann", "approval_threshold": 0}');
SELECT * FROM hitl.validate_agent('{"name": "x", "kind": "thinker", "max_steps": 0, "tools": [{"name": "y", "kind": "sql"}]}');
SELECT hitl.create_agent('x', output_schema => '{"type": "text"}');
SELECT hitl.create_agent('x', answer_checks => '{shop.missing}');
SELECT hitl.create_agent('x', answer_checks => '{check_answer}');
SELECT hitl.create_agent('x', answer_checks => '{shop.is_odd}');
SELECT hitl.create_agent('x', sandbox => '{}');
SELECT hitl.create_agent('x', kind => 'code');
SELECT hitl.create_agent('x', kind => 'code', sandbox => '{"role": "hitl_missing"}');
SELECT hitl.create_agent('x', kind => 'code', sandbox => '{"role": "hitl_sandbox", "approval": "often"}');
SELECT hitl.create_agent('x', kind => 'code', sandbox => '{"role": "hitl_sandbox", "approval": {"when": "$.sql"}}');
SELECT hitl.create_agent('x', kind => 'code', sandbox => '{"rows": 0}');
SELECT hitl.create_agent('x', kind => 'code', sandbox => '{"columns": 1}');
SELECT hitl.create_agent('x', kind => 'code', sandbox => format('{"role": "%s"}', current_user)::jsonb) IS NULL AS superuser
\set VERBOSITY sqlstate
\g
\set VERBOSITY terse
SELECT hitl.create_agent(NULL);
SELECT hitl.create_agent('x', kind => 'code', sandbox => '[]');
SELECT hitl.create_agent('x', kind => 'code', sandbox => '{"read_only": 1}');
SELECT hitl.create_agent('x', kind => 'code', sandbox => '{"role": 1}');
SELECT hitl.create_agent('x', kind => 'code', sandbox => '{"bytes": 1.5}');
SELECT hitl.create_agent('x', tools => NULL);
SELECT hitl.create_agent('x', tools => '{NULL}');
SELECT hitl.create_agent('x', tool_approval => '[]');
SELECT hitl.create_agent('x', tools => '{search}', tool_approval => '{"search": {"if": "true"}}');
SELECT hitl.create_agent('x', tools => '{search}', tool_approval => '{"search": {"when": 1}}');
SELECT hitl.create_agent('x', approval => '[]');
SELECT hitl.create_agent('x', answer_checks => '{NULL}');
SELECT hitl.create_agent('x', max_steps => 0);
SELECT hitl.create_agent('x', max_steps => NULL);
SELECT hitl.create_agent('x', planning_interval => 0);
SELECT hitl.create_agent('x', max_tokens => 0);
SELECT hitl.create_agent('x', max_cost => 0);
SELECT hitl.create_agent('x', max_cost => 'NaN');
SELECT hitl.create_agent('x', max_cost => 'Infinity');
SELECT hitl.create_agent('x', max_seconds => 0);
SELECT hitl.create_agent('x', max_observation => 10);
\set VERBOSITY default
SELECT count(*) FROM hitl.agents WHERE name = 'x';

-- what is used is not dropped
SELECT hitl.drop_tool('research');
SELECT hitl.drop_agent('researcher');
SELECT hitl.drop_tool('ask_human'), hitl.drop_tool('missing'), hitl.drop_agent('missing');
SELECT hitl.run_agent('missing', 'Go.');
SELECT hitl.run_agent('support', '');
SELECT hitl.run_agent('support', 'Go.', '[]');

-- who may do what
SET ROLE hitl_maker;
SELECT hitl.create_tool('ping', 'shop.ping()', 'Does nothing at all.');
SELECT hitl.create_agent('pinger', tools => '{ping}');
SELECT (SELECT created_by FROM hitl.tools WHERE name = 'ping') AS tool, (SELECT created_by FROM hitl.agents WHERE name = 'pinger') AS agent;
SELECT count(*) > 0 AS versions FROM hitl.agent_versions;
SELECT count(*) >= 0 AS messages FROM hitl.agent_messages;
SELECT count(*) >= 0 AS steps FROM hitl.agent_steps;
SELECT hitl.create_agent('x', kind => 'code', sandbox => '{"role": "hitl_runner"}');
SELECT hitl.create_agent('x', kind => 'code', sandbox => '{"role": "hitl_sandbox"}');
RESET ROLE;
GRANT hitl_sandbox, hitl_runner TO hitl_maker;
SET ROLE hitl_maker;
SELECT hitl.create_agent('x', kind => 'code', sandbox => '{"role": "hitl_runner"}');
SELECT hitl.create_agent('x', kind => 'code', sandbox => '{"role": "hitl_sandbox"}');
SELECT hitl.drop_agent('x');
\set VERBOSITY sqlstate
SELECT hitl.save_tool('x', 'sql', 'x', '{"type": "object"}', 'shop.ping()', '{}', 'never', NULL);
SELECT hitl.publish_agent('pinger');
UPDATE hitl.agents SET tools = '{}';
SET ROLE hitl_runner;
SELECT hitl.create_tool('ping', 'pg_sleep(double precision)', 'Sleeps.');
SELECT hitl.create_agent('pinger');
SELECT hitl.drop_agent('pinger');
SELECT * FROM hitl.agents;
SELECT * FROM hitl.agent_messages;
SELECT hitl.run_agent('missing', 'Go.');
SET ROLE hitl_reader;
SELECT hitl.run_agent('pinger', 'Go.');
SELECT * FROM hitl.tools;
SELECT * FROM hitl.agent_transcript('00000000-0000-7000-8000-000000000000');
RESET ROLE;
\set VERBOSITY default

-- memory: its messages are events of the workflow
CREATE FUNCTION say(workflow uuid, kind text, data jsonb, step text DEFAULT 'help', who text DEFAULT NULL, scope bigint DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
	WITH next AS (UPDATE hitl.workflows SET last_event = last_event + 1 WHERE id = workflow RETURNING last_event)
	INSERT INTO hitl.workflow_events (workflow_id, seq, event_type, step_name, data, actor, scope, created_at)
	SELECT workflow, n.last_event, kind, step, data, who, scope, now() FROM next n $$;
SET ROLE hitl_runner;
SELECT hitl.create_workflow('talk') AS id \gset
RESET ROLE;
SELECT hitl.create_checkpoint(:'id', 'before') IS NOT NULL AS made;
SELECT say(:'id', 'agent_started', '{"memory": [7, 1], "role": "user", "text": "Refund order 7.", "agent": "support"}');
SELECT say(:'id', 'agent_planned', '{"memory": [7, 2], "role": "assistant", "text": "Look, then pay.", "turn": 1, "input_tokens": 5, "output_tokens": 4}');
SELECT say(:'id', 'agent_replied', '{"memory": [7, 3], "role": "assistant", "text": "I look it up.", "turn": 2, "input_tokens": 20, "output_tokens": 10, "cost": 0.0015, "model": "clever",
	"calls": [{"id": "c1", "name": "lookup_order", "arguments": {"order_id": 7}}, {"id": "c2", "name": "weather", "arguments": {}}]}');
SELECT say(:'id', 'agent_observed', '{"memory": [7, 4], "role": "tool", "call": "c1", "tool": "lookup_order", "text": "{\"id\": 7}"}');
SELECT say(:'id', 'agent_observed', jsonb_build_object('memory', '[7, 5]'::jsonb, 'role', 'tool', 'call', 'c2', 'tool', 'weather', 'text', 'The argument "city" is missing.', 'failed', true));
SELECT say(:'id', 'agent_started', '{"memory": [8, 1], "role": "user", "text": "Another agent.", "agent": "coder"}', 'each', scope => 3);
SELECT say(:'id', 'agent_replied', '{"memory": [8, 2], "role": "assistant", "text": "<code>SELECT 1</code>"}', 'each', scope => 3);
SELECT say(:'id', 'agent_observed', '{"memory": [8, 3], "role": "user", "text": "Result:\n1"}', 'each', scope => 3);
SELECT hitl.create_checkpoint(:'id', 'looked') IS NOT NULL AS made;
SELECT say(:'id', 'agent_replied', '{"memory": [7, 6], "role": "assistant", "text": "", "turn": 3, "calls": [{"id": "c3", "name": "refund", "arguments": {"amount": 100}}]}');
SELECT say(:'id', 'approval_requested', '{"title": "Refund 100?"}');
SELECT say(:'id', 'approval_responded', '{"decision": "rejected", "feedback": "Too much"}', who => 'ann');
SELECT say(:'id', 'approval_rejected', '{}', who => 'ann');
SELECT say(:'id', 'agent_observed', jsonb_build_object('memory', '[7, 7]'::jsonb, 'role', 'tool', 'call', 'c3', 'tool', 'refund', 'text', repeat('no ', 300)));
SELECT hitl.rollback_workflow(:'id', 'looked', 'once more');
SELECT say(:'id', 'agent_told', '{"memory": [9, 1], "role": "user", "text": "Rolled back: once more."}');
SELECT say(:'id', 'agent_replied', '{"memory": [9, 2], "role": "assistant", "text": "I refund 10.", "turn": 4, "calls": []}');
SELECT say(:'id', 'step_completed', NULL);
SELECT data FROM hitl.workflow_events WHERE workflow_id = :'id' AND event_type = 'rolled_back';
SELECT seq, step, who, what, abandoned FROM hitl.agent_transcript(:'id');
SELECT bool_and(at ~ '^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}$') AS at FROM hitl.agent_transcript(:'id');
SELECT seq, step_name, scope, kind, segment, n, role, left(text, 20) AS text, calls IS NOT NULL AS calls, call, tool, failed, abandoned
FROM hitl.agent_messages WHERE workflow_id = :'id' ORDER BY seq;
SELECT step_name, turn, planned, said, calls, observations IS NULL AS silent, model, input_tokens, output_tokens, cost, abandoned, event
FROM hitl.agent_steps WHERE workflow_id = :'id' ORDER BY event;
SELECT turn, jsonb_pretty(observations) FROM hitl.agent_steps WHERE workflow_id = :'id' AND turn = 2;
SELECT step, what FROM hitl.workflow_timeline(:'id') WHERE event LIKE 'agent %';
-- further back, and to a place that was left behind
SELECT hitl.abandoned_events(:'id');
SELECT hitl.rollback_workflow(:'id', 'before');
SELECT hitl.abandoned_events(:'id');
SELECT hitl.rollback_workflow(:'id', 'looked');
SELECT hitl.abandoned_events(:'id');
-- those who see the events see this
SET ROLE hitl_maker;
SELECT count(*) FROM hitl.agent_messages WHERE workflow_id = :'id';
RESET ROLE;
REVOKE EXECUTE ON FUNCTION hitl.see_all() FROM hitl_maker;
REVOKE hitl_runner FROM hitl_maker;
SET ROLE hitl_maker;
SELECT count(*) FROM hitl.agent_messages WHERE workflow_id = :'id';
SELECT count(*) FROM hitl.agent_steps WHERE workflow_id = :'id';
SET ROLE hitl_reader;
SELECT count(*) FROM hitl.agent_transcript(:'id');
RESET ROLE;
SELECT count(*) FROM hitl.agent_transcript('00000000-0000-7000-8000-000000000000');
-- a conversation is found by an index
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT data FROM hitl.workflow_events
WHERE workflow_id = '00000000-0000-7000-8000-000000000000' AND (data -> 'memory' ->> 0)::bigint = 7 AND starts_with(event_type, 'agent_') ORDER BY seq;
RESET enable_seqscan;

-- all can be dropped; what agents were made of stays
SELECT count(*) AS before FROM hitl.agent_versions \gset
SELECT hitl.drop_agent(n) FROM unnest('{support,coder,pinger}'::text[]) AS n;
SELECT hitl.drop_tool('research'), hitl.drop_agent('researcher'), hitl.drop_agent('researcher');
SELECT count(*) AS dropped FROM (SELECT hitl.drop_tool(name) FROM hitl.tools) AS d;
SELECT count(*) = :before AS kept FROM hitl.agent_versions;
DELETE FROM hitl.agent_versions;
DELETE FROM hitl.workflow_events WHERE workflow_id = :'id';
DELETE FROM hitl.workflow_checkpoints WHERE workflow_id = :'id';
DELETE FROM hitl.workflows WHERE id = :'id';
SELECT hitl.drop_model('clever');
SET client_min_messages = warning;
DROP VIEW versions;
DROP FUNCTION say, compose, fault_of;
DROP PROCEDURE try;
DROP SCHEMA shop CASCADE;
RESET client_min_messages;
SELECT hitl.revoke_access('hitl_maker'), hitl.revoke_access('hitl_runner'), hitl.revoke_access('hitl_reader');
DROP ROLE hitl_maker, hitl_runner, hitl_reader, hitl_sandbox;
