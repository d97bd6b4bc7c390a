-- paths over data that is kept in layers: each must give what it gives over the whole
SELECT hitl.create_model('echo', provider => 'builtin', is_default => true);
CREATE TABLE paths (number serial, path text, workflow uuid);
INSERT INTO paths (path) VALUES
	('$.variables.name'),
	('$.variables.added'),
	('$.variables.changed'),
	('$.variables."two words"'),
	('$.variables."t\u0077o words"'),
	('$.variables.order.lines[1].price'),
	('$.variables.order.lines.price'),
	('$.variables.order.lines[*] ? (@.price > 10).price'),
	('$.variables.order.lines.size()'),
	('$.variables.changed + $.variables.added'),
	('$.variables.changed > 1 && $.variables.name == "ann"'),
	('exists($.variables.missing)'),
	('exists($.variables.added)'),
	('exists($.missing.member)'),
	('$.variables.missing'),
	('$.missing.member'),
	('$.task'),
	('$.task.member'),
	('$.steps.one.answer'),
	('$.steps'),
	('$.steps.*.answer'),
	('$.variables.keyvalue() ? (@.key == "added").value'),
	('$.variables.size()'),
	('$.variables . name'),
	('$ . variables.name'),
	('$.variables[*].name'),
	('$.*.name'),
	('$.**.price'),
	('$'),
	('lax $.variables.name'),
	('strict $.variables.name'),
	('strict $.variables.missing'),
	('strict $.missing.member'),
	('strict $.variables.order.lines.price'),
	('$.variables.name /* $.steps */'),
	('$.variables.dollar ? (@ == "$.variables.name")'),
	('$.variables.name starts with "a"'),
	('$.variables.name like_regex "^a$"'),
	('$.variables.order.lines ? (@.price > $.variables.changed).price'),
	('$.variables.zero / $.variables.zero'),
	('$.variables.null'),
	('$.variables.list'),
	('$.variables.list[last]'),
	('$.variables.name.name'),
	('$.variables.é');
UPDATE paths SET workflow = hitl.execute_workflow(hitl.create_workflow('paths',
	workflow_definition => jsonb_build_object('steps', jsonb_build_array(
		'{"name": "one", "type": "task", "task": "first"}'::jsonb,
		jsonb_build_object('name', 'two', 'type', 'task', 'task', 'it is {{ ' || path || ' }}'))),
	input_data => '{"name": "ann", "changed": 1, "two words": 2, "zero": 0, "null": null, "list": [1, 2, 3],
					"dollar": "$.variables.name", "é": "accent",
					"order": {"lines": [{"price": 5}, {"price": 15}, {"price": 25}]}}'),
	'the goal', context => '{"changed": 10, "added": {"a": 7}}')
WHERE path NOT IN ('$.variables.changed + $.variables.added');
UPDATE paths SET workflow = hitl.execute_workflow(hitl.create_workflow('paths',
	workflow_definition => jsonb_build_object('steps', jsonb_build_array(
		'{"name": "one", "type": "task", "task": "first"}'::jsonb,
		jsonb_build_object('name', 'two', 'type', 'task', 'task', 'it is {{ ' || path || ' }}'))),
	input_data => '{"changed": 1}'), context => '{"changed": 10, "added": 5}')
WHERE path = '$.variables.changed + $.variables.added';
\set ECHO none
\o /dev/null
SELECT format('CALL hitl.await_workflow(%L, timeout => %L)', workflow, '30 seconds') FROM paths ORDER BY number \gexec
\o
\set ECHO all
-- What PostgreSQL gives over the whole data.
CREATE FUNCTION expected(data jsonb, path text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	matches jsonb;
BEGIN
	matches := jsonb_path_query_array(data, path::jsonpath);
	RETURN CASE jsonb_array_length(matches) WHEN 0 THEN NULL WHEN 1 THEN matches ->> 0 ELSE matches::text END;
EXCEPTION WHEN data_exception OR syntax_error THEN
	RETURN 'error: ' || SQLERRM;
END
$$;
SELECT p.path, w.status, left(coalesce(w.data #>> '{steps,two,answer}', w.error ->> 'message'), 90) AS answer
FROM paths p JOIN hitl.workflows w ON w.id = p.workflow ORDER BY p.number;
SELECT p.path, w.data #>> '{steps,two,answer}' AS answer, w.error ->> 'message' AS error, e.expected
FROM paths p JOIN hitl.workflows w ON w.id = p.workflow,
	LATERAL (SELECT expected(w.data #- '{steps,two}', p.path)) AS e (expected)
WHERE CASE WHEN w.status = 'completed' THEN replace(w.data #>> '{steps,two,answer}', ' ', '')
			IS DISTINCT FROM replace('it is ' || coalesce(e.expected, 'null'), ' ', '')
		   WHEN e.expected LIKE 'error: %' THEN position(substr(e.expected, 8) IN w.error ->> 'message') = 0
		   ELSE e.expected IS NOT NULL END;
DROP TABLE paths;
DROP FUNCTION expected;
SELECT hitl.drop_model('echo');
