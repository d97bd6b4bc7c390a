-- a workflow without definition is moved by its owner
\set SHOW_CONTEXT never
SELECT hitl.create_workflow('By hand', input_data => '{"a": 1}') AS id \gset
SELECT hitl.transition_workflow_status(:'id', 'completed');
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
SELECT hitl.transition_workflow_status(:'id', 'running');
