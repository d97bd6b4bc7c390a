-- a workflow without definition is moved by its owner
\set SHOW_CONTEXT never
SELECT hitl.create_workflow('By hand', input_data => '{"a": 1}') AS id \gset
\set VERBOSITY sqlstate
SELECT hitl.transition_workflow_status(:'id', 'completed');
\set VERBOSITY default
SELECT hitl.transition_workflow_status(:'id', 'running', 'begin');
SELECT hitl.update_workflow_state(:'id', '{"b": [2], "c": {"d": null}}', step_name => 'first');
SELECT hitl.update_workflow_state(:'id', '[]');
SELECT hitl.create_checkpoint(:'id', 'half_way', 'first', 'before it gets serious') IS NOT NULL AS checkpoint;
SELECT hitl.update_workflow_state(:'id', '{"b": 3}');
SELECT hitl.transition_workflow_status(:'id', 'failed', 'broken');
SELECT status, error, data FROM hitl.workflows WHERE id = :'id';
SELECT hitl.rollback_workflow(:'id', 'half_way', 'try again');
SELECT status, error, data FROM hitl.workflows WHERE id = :'id';
SELECT hitl.transition_workflow_status(:'id', 'running');
SELECT hitl.transition_workflow_status(:'id', 'completed');
SELECT event, step, what FROM hitl.workflow_timeline(:'id');
\set VERBOSITY sqlstate
SELECT hitl.transition_workflow_status(:'id', 'running');
SELECT hitl.transition_workflow_status(NULL, 'running');
SELECT hitl.transition_workflow_status('00000000-0000-7000-8000-000000000000', 'running');
\set VERBOSITY default
-- asking for an approval moves it, and so does the decision
SELECT hitl.create_workflow('Asked by hand') AS id \gset
SELECT hitl.request_approval('Go?', requested_from => 'ann', workflow_id => :'id', requested_by => 'program') AS approval \gset
CALL hitl.await_workflow(:'id', timeout => '30 seconds', status => 'waiting_approval');
SELECT hitl.respond_to_approval(:'approval', 'ann', 'approved', feedback => 'yes');
CALL hitl.await_workflow(:'id', timeout => '30 seconds', status => 'approved');
SELECT hitl.transition_workflow_status(:'id', 'running');
SELECT event, what, CASE who WHEN current_user THEN '<me>' ELSE who END AS who FROM hitl.workflow_timeline(:'id');
