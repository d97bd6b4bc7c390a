-- checkpoints and rollback of a workflow that the engine runs
\set SHOW_CONTEXT never
SELECT hitl.create_model('echo', provider => 'builtin', is_default => true);
SELECT hitl.execute_workflow(hitl.create_workflow('Deployment', workflow_definition =>
	'{"steps": [
		{"name": "build", "type": "task", "task": "Build {{ $.variables.version }}"},
		{"name": "pre_deployment", "type": "checkpoint", "description": "before anything is deployed"},
		{"name": "deploy", "type": "task", "task": "Deploy {{ $.variables.version }}", "create_checkpoint": "before_deploy"},
		{"name": "validate", "type": "approval", "title": "Does it work?", "requested_from": "ops"}]}',
	input_data => '{"version": "1.4"}')) AS id \gset
CALL hitl.await_workflow(:'id', timeout => '30 seconds', status => 'waiting_approval');
SELECT count(*) FROM hitl.workflow_checkpoints WHERE workflow_id = :'id' AND name IN ('pre_deployment', 'before_deploy');
SELECT approval_id AS approval FROM hitl.list_pending_approvals(workflow_id => :'id') \gset
SELECT hitl.rollback_workflow(:'id', 'pre_deployment', 'validation failed');
SELECT status, data FROM hitl.workflows WHERE id = :'id';
SELECT status FROM hitl.approval_requests WHERE id = :'approval';
SELECT name, abandoned FROM hitl.workflow_checkpoints WHERE workflow_id = :'id' ORDER BY event;
-- it goes on from there
SELECT hitl.update_workflow_state(:'id', '{"version": "1.5"}');
SELECT hitl.execute_workflow(:'id') = :'id' AS resumed;
CALL hitl.await_workflow(:'id', timeout => '30 seconds', status => 'waiting_approval');
SELECT data #>> '{steps,deploy,answer}' AS deployed FROM hitl.workflows WHERE id = :'id';
-- without a name: to the latest that is not abandoned
SELECT hitl.rollback_workflow(:'id');
SELECT hitl.execute_workflow(:'id') = :'id' AS resumed;
CALL hitl.await_workflow(:'id', timeout => '30 seconds', status => 'waiting_approval');
SELECT hitl.respond_to_approval(approval_id, 'ops', 'approved') FROM hitl.list_pending_approvals(workflow_id => :'id');
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
-- even from its end
SELECT hitl.rollback_workflow(:'id', 'pre_deployment', 'customers complain');
SELECT event, step, what FROM hitl.workflow_timeline(:'id');
-- the definition can say so itself
SELECT hitl.execute_workflow(hitl.create_workflow('Deployment', workflow_definition =>
	'{"steps": [
		{"name": "pre_deployment", "type": "checkpoint"},
		{"name": "deploy", "type": "task", "task": "Deploy"},
		{"name": "validate", "type": "approval", "title": "Does it work?", "requested_from": "ops",
		 "on_reject": "rollback:pre_deployment"}]}')) AS id \gset
CALL hitl.await_workflow(:'id', timeout => '30 seconds', status => 'waiting_approval');
SELECT hitl.respond_to_approval(approval_id, 'ops', 'rejected', feedback => 'it does not') FROM hitl.list_pending_approvals(workflow_id => :'id');
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT event, step, what FROM hitl.workflow_timeline(:'id');
SELECT data FROM hitl.workflows WHERE id = :'id';
-- back to the time before there was a definition
SELECT hitl.create_workflow('bare', input_data => '{"n": 1}') AS id \gset
SELECT hitl.create_checkpoint(:'id', 'clean') IS NOT NULL AS taken;
SELECT hitl.execute_workflow(:'id', task => 'first') = :'id' AS started;
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT hitl.rollback_workflow(:'id', 'clean');
SELECT hitl.execute_workflow(:'id', task => 'second') = :'id' AS started;
CALL hitl.await_workflow(:'id', timeout => '30 seconds', status => 'completed');
SELECT status, data FROM hitl.workflows WHERE id = :'id';
-- what was started and rolled back before the engine came stays rolled back
SELECT hitl.create_workflow('early', workflow_definition => '{"steps": [
	{"name": "ask", "type": "task", "task": "x"}]}') AS id \gset
SELECT hitl.create_checkpoint(:'id', 'unused') IS NOT NULL AS taken;
BEGIN;
SELECT hitl.execute_workflow(:'id') = :'id' AS started;
SELECT hitl.rollback_workflow(:'id');
COMMIT;
SELECT hitl.execute_workflow(hitl.create_workflow('later', workflow_definition => '{"steps": [
	{"name": "ask", "type": "task", "task": "x"}]}')) AS later \gset
CALL hitl.await_workflow(:'later', timeout => '30 seconds');
SELECT status FROM hitl.workflows WHERE id = :'id';
-- what is not there
\set VERBOSITY sqlstate
SELECT hitl.rollback_workflow(:'id', 'nowhere');
SELECT hitl.rollback_workflow(hitl.create_workflow('bare'));
SELECT hitl.create_checkpoint(:'id', '');
SELECT hitl.create_checkpoint(:'id', NULL);
SELECT hitl.rollback_workflow(NULL);
\set VERBOSITY default
SELECT hitl.drop_model('echo');
