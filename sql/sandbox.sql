-- code of agents: what is told of results and errors (what it is kept from: test/e2e/test_agent_sandbox.py)
\set SHOW_CONTEXT never
CREATE ROLE hitl_sandbox_agent;
CREATE TABLE stock (item text PRIMARY KEY, left_over integer NOT NULL CHECK (left_over >= 0));
INSERT INTO stock VALUES ('pen', 10), ('ink', 1), ('paper', 0);
GRANT SELECT, INSERT, UPDATE, DELETE ON stock TO hitl_sandbox_agent;
CREATE FUNCTION take(what text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	UPDATE stock SET left_over = left_over - 1 WHERE item = what;
	IF NOT FOUND THEN
		RAISE 'no such item' USING HINT = 'Look into stock.', DETAIL = what;
	END IF;
END$$;
-- in the place of an agent: the statement of a step with such a parameter is code
CREATE FUNCTION as_code() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.body := NEW.body || jsonb_build_object('params', '[]'::jsonb, 'sandbox', NEW.body #> '{params,0}');
	RETURN NEW;
END$$;
CREATE TRIGGER as_code BEFORE INSERT ON hitl.statements FOR EACH ROW
	WHEN (NEW.body #> '{params,0,role}' IS NOT NULL) EXECUTE FUNCTION as_code();
ALTER TABLE hitl.statements ENABLE ALWAYS TRIGGER as_code;
CREATE PROCEDURE run(code text, sandbox jsonb DEFAULT '{}', INOUT told text DEFAULT NULL) LANGUAGE plpgsql AS $$
DECLARE
	workflow uuid := hitl.execute_workflow(hitl.create_workflow('code', workflow_definition =>
		jsonb_build_object('steps', jsonb_build_array(jsonb_build_object(
			'name', 's', 'type', 'sql', 'sql', code, 'retry', '{"max_attempts": 1}'::jsonb,
			'params', jsonb_build_array('{"role": "hitl_sandbox_agent"}'::jsonb || sandbox))))));
BEGIN
	COMMIT;
	CALL hitl.await_workflow(workflow, '30 seconds', told);
	SELECT coalesce(data #>> '{steps,s,text}', jsonb_pretty(error - '{step,position}'::text[])) INTO told
	FROM hitl.workflows w WHERE w.id = workflow;
END$$;
\pset format unaligned
\pset tuples_only on
-- results
CALL run('SELECT item, left_over FROM stock ORDER BY item; VALUES (1, NULL)');
CALL run('SELECT n FROM generate_series(1, 5) n', '{"rows": 2}');
CALL run('EXPLAIN (COSTS off) DELETE FROM stock');
CALL run('INSERT INTO stock VALUES (''glue'', 3); SELECT take(''glue''); DELETE FROM stock WHERE left_over = 0
	RETURNING item; TABLE stock ORDER BY item', '{"read_only": false}');
-- errors
CALL run('SELECT itm FROM stock');
CALL run('SELECT 1; SELECT 1 / (left_over - left_over) FROM stock');
CALL run('SELECT take(''paper'')', '{"read_only": false}');
CALL run('SELECT take(''pen'')');
CALL run('SELECT pg_sleep(600)', '{"timeout_ms": 100}');
-- what is not allowed
CALL run('UPDATE stock SET left_over = 1');
CALL run('WITH a AS (DELETE FROM stock RETURNING *) SELECT * FROM a');
CALL run('SELECT item FROM stock FOR UPDATE');
CALL run('SELECT 1; COMMIT');
CALL run('SELECT 1; SET ROLE postgres', '{"read_only": false}');
CALL run('DO $d$BEGIN END$d$');
CALL run('COPY stock TO STDOUT');
CALL run('CREATE TABLE more (n integer)');
CALL run('SELECT item INTO more FROM stock');
CALL run('DECLARE c CURSOR FOR SELECT 1');
CALL run('SELECT set_config(''role'', ''postgres'', true)');
CALL run('SELECT pg_notify(''a'', ''b'')');
CALL run('SELECT * FROM hitl.secrets');
-- roles
CALL run('SELECT 1', '{"role": "hitl_nobody"}');
ALTER ROLE hitl_sandbox_agent LOGIN;
CALL run('SELECT 1');
ALTER ROLE hitl_sandbox_agent NOLOGIN;
GRANT SELECT ON hitl.models TO hitl_sandbox_agent;
CALL run('SELECT 1');
-- what has been done
\pset tuples_only off
SELECT item, left_over FROM stock ORDER BY item;
DROP TRIGGER as_code ON hitl.statements;
DROP FUNCTION as_code, take;
DROP PROCEDURE run;
DROP TABLE stock;
DROP OWNED BY hitl_sandbox_agent;
DROP ROLE hitl_sandbox_agent;
