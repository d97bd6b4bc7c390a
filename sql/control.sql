-- steering workflows: by hand, and with a definition
\set SHOW_CONTEXT never
SELECT hitl.create_model('echo', provider => 'builtin', is_default => true);
-- a workflow that its owner moves
SELECT hitl.create_workflow('By hand', input_data => '{"a": 1, "b": 2}') AS id \gset
\set VERBOSITY sqlstate
SELECT hitl.pause_workflow(:'id');
SELECT hitl.resume_workflow(:'id');
SELECT hitl.retry_workflow(:'id');
SELECT hitl.skip_step(:'id', 'one');
SELECT hitl.transition_workflow_status(:'id', 'running');
SELECT hitl.pause_workflow(:'id', 'lunch');
SELECT hitl.pause_workflow(:'id');
SELECT hitl.resume_workflow(:'id', 'back');
SELECT hitl.resume_workflow(:'id');
SELECT hitl.transition_workflow_status(:'id', 'failed', 'it broke');
SELECT hitl.retry_workflow(:'id', 'mended');
SELECT hitl.cancel_workflow(:'id', 'enough');
SELECT hitl.cancel_workflow(:'id');
SELECT hitl.pause_workflow(:'id');
SELECT hitl.retry_workflow(:'id');
SELECT hitl.pause_workflow(NULL);
SELECT hitl.pause_workflow('00000000-0000-7000-8000-000000000000');
SELECT event, what, CASE who WHEN current_user THEN '<me>' ELSE who END AS who FROM hitl.workflow_timeline(:'id');
-- variables: expected, merged, removed
SELECT hitl.create_workflow('Variables', input_data => '{"a": 1, "b": {"c": 2}, "d": 3}') AS id \gset
SELECT hitl.update_workflow_state(:'id', '{"a": 2}', expected_state => '{"a": 1, "b": {"c": 2}, "z": null}');
SELECT hitl.update_workflow_state(:'id', '{"a": 3}', expected_state => '{"a": 1}');
SELECT hitl.update_workflow_state(:'id', '{"e": 5}', remove => '{b, d, nothing}');
SELECT hitl.update_workflow_state(:'id', '{}', expected_state => '[]');
\set VERBOSITY default
DO $$
DECLARE
	message text;
	detail text;
BEGIN
	PERFORM hitl.update_workflow_state(id, '{"a": 3}', expected_state => '{"a": 1}')
	FROM hitl.workflows WHERE name = 'Variables';
EXCEPTION WHEN SQLSTATE 'WF017' THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
	RAISE NOTICE '%: %', regexp_replace(message, '[0-9a-f-]{36}', '<id>'), detail;
END $$;
SELECT data -> 'variables' AS variables FROM hitl.workflows WHERE id = :'id';
SELECT event_type, delta FROM hitl.workflow_events WHERE workflow_id = :'id' ORDER BY seq;
-- priority and deadline
\set VERBOSITY terse
SELECT hitl.create_workflow('x', priority => 10);
SELECT hitl.create_workflow('x', priority => -1);
SELECT hitl.create_workflow('x', deadline => now() - interval '1 second');
SELECT hitl.create_workflow('Urgent', priority => 9, deadline => '2100-01-01 UTC',
	workflow_definition => '{"steps": [{"name": "one", "type": "task", "task": "x"}]}') AS id \gset
SELECT priority, deadline FROM hitl.workflows WHERE id = :'id';
SELECT hitl.execute_workflow(:'id') = :'id' AS started;
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
-- the deadline of one that its owner moves
SELECT hitl.create_workflow('Late by hand', deadline => clock_timestamp() + interval '0.2 seconds') AS id \gset
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT error FROM hitl.workflows WHERE id = :'id';
-- started at an instant
SELECT hitl.create_workflow('Later', workflow_definition => '{"steps": [{"name": "one", "type": "task", "task": "x"}]}') AS id \gset
SELECT hitl.execute_workflow(:'id', start_at => clock_timestamp() + interval '1 day') = :'id' AS planned;
SELECT hitl.execute_workflow(:'id', task => 'the goal', start_at => clock_timestamp() + interval '0.2 seconds') = :'id' AS sooner;
SELECT kind, count(*) FROM hitl.messages WHERE workflow_id = :'id' GROUP BY 1;
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT data ->> 'task' AS task, started_at - created_at >= '0.2 seconds' AS late_enough FROM hitl.workflows WHERE id = :'id';
-- and cancelled before that
SELECT hitl.create_workflow('Never', workflow_definition => '{"steps": [{"name": "one", "type": "task", "task": "x"}]}') AS id \gset
SELECT hitl.execute_workflow(:'id', start_at => clock_timestamp() + interval '1 day') = :'id' AS planned;
SELECT hitl.cancel_workflow(:'id', 'not needed');
SELECT count(*) FROM hitl.messages WHERE workflow_id = :'id' AND kind <> 'changed';
\set VERBOSITY sqlstate
SELECT hitl.execute_workflow(hitl.create_workflow('x', deadline => now() + interval '1 day',
	workflow_definition => '{"steps": [{"name": "one", "type": "task", "task": "x"}]}'), start_at => now() + interval '2 days') IS NULL;
SELECT hitl.execute_workflow(hitl.create_workflow('x', workflow_definition =>
	'{"steps": [{"name": "one", "type": "task", "task": "x"}]}'), start_at => 'infinity');
SELECT hitl.drop_model('echo');
