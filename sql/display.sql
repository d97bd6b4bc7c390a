-- workflows and definitions to look at
\set SHOW_CONTEXT never
SELECT hitl.create_model('echo', provider => 'builtin', is_default => true);
\set flat '{"steps": [{"name": "check", "type": "task", "task": "Check it", "retry": {"max_attempts": 3}, "timeout": "1 minute"}, {"name": "gift", "type": "task", "task": "Wrap it", "when": "$.variables.gift == true"}, {"name": "point", "type": "checkpoint"}, {"name": "ask", "type": "approval", "title": "Sign it?", "requested_from": ["ann", "bob"], "on_reject": "goto:point"}, {"name": "pay", "type": "task", "task": "Pay", "requires_approval": true, "approval_config": {"title": "Pay?", "requested_from": "cfo"}, "on_error": "rollback:point"}]}'
SELECT hitl.execute_workflow(hitl.create_workflow('Order <7> "a;b" %%{init: {}}%% `x`', workflow_definition => :'flat')) AS id \gset
CALL hitl.await_workflow(:'id', timeout => '30 seconds', status => 'waiting_approval');
SELECT * FROM hitl.step_states(:'id') ORDER BY position;
\pset format unaligned
\pset tuples_only on
SELECT hitl.workflow_diagram(:'id');
\pset tuples_only off
\pset format aligned
SELECT step, scope, state, length(bar), left(bar, 1) AS first, duration >= '0' AS lasted FROM hitl.workflow_gantt(:'id', 20);
-- what a rollback went behind is to be done again
SELECT hitl.rollback_workflow(:'id', 'point');
SELECT * FROM hitl.step_states(:'id') ORDER BY position;
SELECT hitl.execute_workflow(:'id') = :'id' AS resumed;
CALL hitl.await_workflow(:'id', timeout => '30 seconds', status => 'waiting_approval');
SELECT hitl.respond_to_approval(approval_id, 'ann', 'approved') FROM hitl.list_pending_approvals(workflow_id => :'id');
CALL hitl.await_workflow(:'id', timeout => '30 seconds', status => 'waiting_approval');
SELECT hitl.respond_to_approval(approval_id, 'cfo', 'rejected') FROM hitl.list_pending_approvals(workflow_id => :'id');
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT position, step_name, state, completed, failed, skipped FROM hitl.step_states(:'id') ORDER BY position;
-- in the words of a reader
SELECT * FROM hitl.explain_definition(:'flat');
\set deep '{"steps": [{"name": "all", "type": "parallel", "wait_for": "any", "branches": [[{"name": "a", "type": "task", "task": "A"}, {"name": "a2", "type": "wait", "for": "10 minutes"}], [{"name": "b", "type": "signal", "signal": "go", "match": "$.n == 1"}]]}, {"name": "each", "type": "foreach", "items": "$.variables.orders", "as": "order", "concurrency": 10, "steps": [{"name": "ship", "type": "http", "url": "https://example.org/?a=1&b=2"}]}, {"name": "size", "type": "switch", "cases": [{"when": "$.variables.n > \\"x\\"", "steps": [{"name": "big", "type": "sql", "sql": "SELECT 1", "undo": [{"name": "unbig", "type": "sql", "sql": "SELECT 2"}]}]}], "default": [{"name": "small", "type": "task", "task": "S", "executor": "external", "queue": "gpu"}]}, {"name": "child", "type": "workflow", "template": "refund", "version": 2, "output": "$.variables.refund"}]}'
SELECT * FROM hitl.explain_definition(:'deep');
SELECT position, depth, within, step ->> 'name' AS name FROM hitl.definition_steps(:'deep');
SELECT hitl.draw_steps(:'deep'::jsonb -> 'steps', '/steps', '', '{"/steps/1": {"state": "active", "completed": 3, "failed": 1, "skipped": 0, "under_way": 1, "total": 7}, "/steps/1/steps/0": {"state": "active", "completed": 3, "failed": 1, "skipped": 0, "under_way": 2}}', '{}');
SELECT * FROM hitl.explain_definition('{"steps": []}');
-- a workflow without definition, or that is not there
SELECT hitl.create_workflow('By hand') AS hand \gset
SELECT split_part(hitl.workflow_diagram(:'hand'), E'\n', 2) AS line;
SELECT count(*) FROM hitl.workflow_gantt(:'hand');
SELECT hitl.workflow_diagram('00000000-0000-7000-8000-000000000000');
SELECT * FROM hitl.workflow_gantt('00000000-0000-7000-8000-000000000000');
SELECT * FROM hitl.workflow_gantt(:'hand', 5);
SELECT hitl.transition_workflow_status(:'hand', 'cancelled');
