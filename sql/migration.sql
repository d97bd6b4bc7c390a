-- moving workflows to another definition
\set SHOW_CONTEXT never
SELECT hitl.create_model('echo', provider => 'builtin', is_default => true);
CREATE FUNCTION refusal(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	said text;
	detail text;
	hint text;
BEGIN
	EXECUTE 'SELECT ' || call;
	RETURN 'not refused';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS said = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN SQLSTATE || ' ' || regexp_replace(said, '[0-9a-f-]{36}', '<id>') || E'\n' || detail || E'\n' || hint;
END $$;
\pset format unaligned
\pset tuples_only on
\set v1 '{"steps": [{"name": "point", "type": "checkpoint"}, {"name": "ask", "type": "approval", "title": "Go?", "requested_from": "ann"}, {"name": "pay", "type": "task", "task": "Pay"}]}'
\set v2 '{"steps": [{"name": "check", "type": "task", "task": "Check"}, {"name": "point", "type": "checkpoint"}, {"name": "ask", "type": "approval", "title": "Go on?", "requested_from": "bob"}, {"name": "charge", "type": "task", "task": "Charge {{ $.variables.fee }}"}]}'
\set v3 '{"steps": [{"name": "ask", "type": "task", "task": "Ask"}]}'
\set v4 '{"steps": [{"name": "group", "type": "parallel", "branches": [[{"name": "ask", "type": "approval", "title": "Go?", "requested_from": "ann"}]]}]}'
SELECT hitl.create_template('moving', definition => :'v1');
SELECT hitl.start_template('moving') AS id \gset
CALL hitl.await_workflow(:'id', timeout => '30 seconds', status => 'waiting_approval');
SELECT hitl.migrate_workflow(:'id');
SELECT hitl.create_template('moving', definition => :'v2', default_parameters => '{"fee": 3}');
-- why not
SELECT refusal(format($f$hitl.migrate_workflow(%L, definition => %L)$f$, :'id', :'v3'));
SELECT refusal(format($f$hitl.migrate_workflow(%L, definition => %L)$f$, :'id', :'v4'));
SELECT refusal(format($f$hitl.migrate_workflow(%L, template_version => 9)$f$, :'id'));
SELECT hitl.create_template('moving', definition => :'v2', required_parameters => '{fee}');
SELECT refusal(format($f$hitl.migrate_workflow(%L)$f$, :'id'));
SELECT template_version, status FROM hitl.workflows WHERE id = :'id';
-- what is asked stays asked; what follows is new
SELECT hitl.migrate_workflow(:'id', template_version => 2, reason => 'fees');
SELECT template_version, status, data -> 'variables' AS variables FROM hitl.workflows WHERE id = :'id';
SELECT event_type, data - '{from,to}'::text[] AS data, length(data ->> 'from') AS from, delta, actor = current_user AS me
FROM hitl.workflow_events WHERE workflow_id = :'id' ORDER BY seq DESC LIMIT 2;
SELECT position, step_name, state FROM hitl.step_states(:'id') ORDER BY position;
SELECT hitl.respond_to_approval(approval_id, 'ann', 'approved') FROM hitl.list_pending_approvals(workflow_id => :'id');
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT data -> 'steps' -> 'charge' ->> 'answer' AS answer FROM hitl.workflows WHERE id = :'id';
SELECT refusal(format($f$hitl.migrate_workflow(%L, template_version => 1)$f$, :'id'));
-- its checkpoints have moved along
SELECT hitl.rollback_workflow(:'id', 'point');
SELECT hitl.execute_workflow(:'id') = :'id' AS resumed;
CALL hitl.await_workflow(:'id', timeout => '30 seconds', status => 'waiting_approval');
SELECT title, requested_from FROM hitl.list_pending_approvals(workflow_id => :'id');
SELECT hitl.migrate_workflow(:'id', definition => '{"steps": [{"name": "ask", "type": "approval", "title": "Go?", "requested_from": "ann"}]}');
SELECT template IS NULL AS none, template_version IS NULL AS none FROM hitl.workflows WHERE id = :'id';
SELECT hitl.transition_workflow_status(:'id', 'cancelled');
SELECT refusal(format($f$hitl.migrate_workflow(%L, definition => %L)$f$, :'id', :'v1'));
-- a failed workflow is mended and goes on
SELECT hitl.execute_workflow(hitl.create_workflow('Broken', workflow_definition => '{"steps": [
	{"name": "first", "type": "task", "task": "1"}, {"name": "bad", "type": "task", "task": "{{ $.variables.typo }}"}]}')) AS id \gset
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT hitl.migrate_workflow(:'id', definition => '{"steps": [
	{"name": "first", "type": "task", "task": "1"}, {"name": "bad", "type": "task", "task": "right"}]}');
SELECT hitl.retry_workflow(:'id');
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT data -> 'steps' -> 'bad' ->> 'answer' AS answer FROM hitl.workflows WHERE id = :'id';
-- a checkpoint before a step that is not there is abandoned
SELECT hitl.execute_workflow(hitl.create_workflow('Marked', workflow_definition => '{"steps": [
	{"name": "one", "type": "checkpoint"}, {"name": "old", "type": "task", "task": "x"}, {"name": "two", "type": "checkpoint"},
	{"name": "ask", "type": "approval", "title": "Go?", "requested_from": "ann"}]}')) AS id \gset
CALL hitl.await_workflow(:'id', timeout => '30 seconds', status => 'waiting_approval');
SELECT hitl.migrate_workflow(:'id', definition => '{"steps": [{"name": "ask", "type": "approval", "title": "Go?", "requested_from": "ann"}]}');
SELECT name, abandoned FROM hitl.workflow_checkpoints WHERE workflow_id = :'id' ORDER BY event;
SELECT data ->> 'abandoned_checkpoints' FROM hitl.workflow_events WHERE workflow_id = :'id' AND event_type = 'workflow_migrated';
SELECT refusal(format($f$hitl.rollback_workflow(%L, 'one')$f$, :'id'));
SELECT hitl.rollback_workflow(:'id', 'two');
SELECT hitl.transition_workflow_status(:'id', 'cancelled');
-- what can be undone must be so there
SELECT hitl.execute_workflow(hitl.create_workflow('Undo', workflow_definition => '{"steps": [
	{"name": "point", "type": "checkpoint"},
	{"name": "book", "type": "task", "task": "Book", "undo": [{"name": "unbook", "type": "task", "task": "Unbook"}]},
	{"name": "ask", "type": "approval", "title": "Go?", "requested_from": "ann"}]}')) AS id \gset
CALL hitl.await_workflow(:'id', timeout => '30 seconds', status => 'waiting_approval');
SELECT refusal(format($f$hitl.migrate_workflow(%L, definition => '{"steps": [
	{"name": "point", "type": "checkpoint"}, {"name": "ask", "type": "approval", "title": "Go?", "requested_from": "ann"}]}')$f$, :'id'));
SELECT hitl.migrate_workflow(:'id', definition => '{"steps": [
	{"name": "new", "type": "task", "task": "New"}, {"name": "point", "type": "checkpoint"},
	{"name": "book", "type": "task", "task": "Book", "undo": [{"name": "call_off", "type": "task", "task": "Call off"}]},
	{"name": "ask", "type": "approval", "title": "Go?", "requested_from": "ann"}]}');
SELECT hitl.rollback_workflow(:'id', 'point');
CALL hitl.await_workflow(:'id', timeout => '30 seconds', status => 'rolled_back');
SELECT event_type, step_name FROM hitl.workflow_events WHERE workflow_id = :'id' AND event_type IN ('undo_started', 'step_completed', 'step_undone', 'rolled_back') ORDER BY seq;
-- branches under way move, too
SELECT hitl.execute_workflow(hitl.create_workflow('Wide', workflow_definition => '{"steps": [
	{"name": "each", "type": "foreach", "items": "$.variables.list", "as": "n", "steps": [
		{"name": "go", "type": "signal", "signal": "go"}, {"name": "do", "type": "task", "task": "old"}]}]}',
	input_data => '{"list": [1, 2]}')) AS id \gset
CALL hitl.await_workflow(:'id', timeout => '30 seconds', status => 'waiting');
SELECT hitl.migrate_workflow(:'id', definition => '{"steps": [
	{"name": "before", "type": "checkpoint"},
	{"name": "each", "type": "foreach", "items": "$.variables.list", "as": "n", "steps": [
		{"name": "go", "type": "signal", "signal": "go"}, {"name": "do", "type": "task", "task": "new {{ $.variables.n }}"}]}]}');
SELECT count(hitl.send_signal(:'id', 'go')) FROM generate_series(1, 2);
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT jsonb_path_query_array(data, '$.steps.each[*].answer') AS answers FROM hitl.workflows WHERE id = :'id';
-- what is wrong
SELECT hitl.create_workflow('By hand') AS id \gset
SELECT refusal(format($f$hitl.migrate_workflow(%L, definition => %L)$f$, :'id', :'v1'));
SELECT hitl.create_workflow('No template', workflow_definition => :'v1') AS id \gset
SELECT refusal(format($f$hitl.migrate_workflow(%L)$f$, :'id'));
SELECT hitl.migrate_workflow(:'id', 1, :'v1');
SELECT hitl.migrate_workflow(:'id', 0);
SELECT hitl.migrate_workflow(NULL);
SELECT hitl.migrate_workflow(:'id', definition => '{"steps": []}');
SELECT hitl.migrate_workflow('00000000-0000-7000-8000-000000000000', definition => :'v1');
-- one that has not begun may have any
SELECT hitl.migrate_workflow(:'id', definition => :'v3');
SELECT count(hitl.transition_workflow_status(id, 'cancelled')) FROM hitl.workflows WHERE name IN ('By hand', 'No template') AND status = 'pending';
DROP FUNCTION refusal(text);
