-- sql steps: the statement, its result, its failure, its place in the queue
\set SHOW_CONTEXT never
CREATE TABLE stock (item text PRIMARY KEY, left_over integer NOT NULL CHECK (left_over >= 0));
INSERT INTO stock VALUES ('pen', 10), ('ink', 1);
SELECT hitl.create_workflow('order', workflow_definition => '{"steps": [
	{"name": "take", "type": "sql", "params": ["{{ $.variables.item }}", "{{ $.variables.count }}"],
	 "sql": "UPDATE stock SET left_over = left_over - $2 WHERE item = $1 RETURNING left_over",
	 "retry": {"max_attempts": 1}, "on_error": "continue"},
	{"name": "low", "type": "sql", "sql": "SELECT item, left_over FROM stock WHERE left_over < $1 ORDER BY item",
	 "params": [9], "when": "!exists($.steps.take.error)"},
	{"name": "log", "type": "sql", "sql": "CREATE TABLE IF NOT EXISTS seen (n integer)"}
]}', input_data => '{"item": "pen", "count": 2}') AS id \gset
SELECT hitl.execute_workflow(:'id') = :'id' AS started;
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT status, jsonb_pretty(data -> 'steps') FROM hitl.workflows WHERE id = :'id';
SELECT event_type, step_name FROM hitl.workflow_events WHERE workflow_id = :'id' ORDER BY seq;
-- a failure is the step's, and what the statement did is undone
SELECT hitl.create_workflow('order', workflow_definition => '{"steps": [
	{"name": "take", "type": "sql", "sql": "WITH a AS (UPDATE stock SET left_over = left_over - 1 RETURNING left_over) SELECT 1 / min(left_over - left_over) AS x FROM a",
	 "retry": {"max_attempts": 1}}]}') AS id \gset
SELECT hitl.execute_workflow(:'id') = :'id' AS started;
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT status, error ->> 'kind' AS kind, error ->> 'message' AS message FROM hitl.workflows WHERE id = :'id';
SELECT * FROM stock ORDER BY item;
-- nothing is left in the queue, which is not for everybody to see
SELECT count(*) FROM hitl.statements;
CREATE ROLE hitl_sql_step_nobody;
SET ROLE hitl_sql_step_nobody;
SELECT count(*) FROM hitl.statements;
RESET ROLE;
DROP ROLE hitl_sql_step_nobody;
DROP TABLE stock, seen;
