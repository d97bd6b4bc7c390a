-- a workflow from its definition to its end, by the engine
\set SHOW_CONTEXT never
SELECT hitl.create_model('echo', provider => 'builtin', is_default => true);
SELECT hitl.create_workflow(
	name => 'Order',
	description => 'An order with a large payment',
	workflow_definition => '{"steps": [
		{"name": "validate", "type": "task", "task": "Validate order {{ $.variables.order_id }}"},
		{"name": "gift", "type": "task", "task": "Wrap it", "when": "$.variables.gift == true"},
		{"name": "before_payment", "type": "checkpoint", "description": "nothing paid yet"},
		{"name": "pay", "type": "task", "task": "Pay {{ $.variables.amount }} EUR", "requires_approval": true,
		 "approval_config": {"title": "Pay {{ $.variables.amount }} EUR?", "requested_from": "cfo",
							 "context_data": {"amount": "{{ $.variables.amount }}"}}},
		{"name": "sign", "type": "approval", "title": "Sign the invoice?", "requested_from": ["ann", "bob"]}
	]}',
	input_data => '{"order_id": 7, "amount": 12500}',
	created_by => 'shop') AS id \gset
SELECT name, status, data, created_by, owner = current_user AS mine FROM hitl.workflows WHERE id = :'id';
SELECT hitl.execute_workflow(:'id', context => '{"currency": "EUR"}') = :'id' AS started;
CALL hitl.await_workflow(:'id', timeout => '30 seconds', status => 'waiting_approval');
SELECT approval_id AS approval, title, step_name, approval_type, requested_from, context_data, requested_by
FROM hitl.list_pending_approvals(workflow_id => :'id') \gset p_
\echo :p_title | :p_step_name | :p_approval_type | :p_requested_from | :p_context_data | :p_requested_by
SELECT s ->> 'status' AS status, s ->> 'current_step' AS step, s -> 'progress' AS progress,
	   jsonb_array_length(s -> 'pending_approvals') AS pending,
	   jsonb_array_length(s -> 'checkpoints') AS checkpoints,
	   s -> 'results' -> 'validate' ->> 'answer' AS answer
FROM hitl.get_workflow_status(:'id') AS s;
SELECT hitl.respond_to_approval(:'p_approval', 'cfo', 'approved', feedback => 'go ahead');
CALL hitl.await_workflow(:'id', timeout => '30 seconds', status => 'waiting_approval');
SELECT hitl.respond_to_approval((SELECT approval_id FROM hitl.list_pending_approvals('bob')), 'bob', 'approved');
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT event, step, regexp_replace(what, '[0-9a-f-]{36}', '<id>') AS what,
	   CASE who WHEN current_user THEN '<me>' ELSE who END AS who
FROM hitl.workflow_timeline(:'id');
SELECT s ->> 'status' AS status, s -> 'progress' AS progress, s -> 'variables' AS variables,
	   s #>> '{results,pay,answer}' AS answer, s #>> '{results,pay,approval,approver_id}' AS approved_by,
	   s #>> '{results,sign,decision}' AS signed, s -> 'error' AS error
FROM hitl.get_workflow_status(:'id') AS s;
SELECT step_name, outcome, error FROM hitl.workflow_steps WHERE workflow_id = :'id' ORDER BY event;
-- events are numbered without gaps, and their deltas add up to the data
SELECT min(seq), max(seq) = count(*) AS gapless FROM hitl.workflow_events WHERE workflow_id = :'id';
-- it ran once
\set VERBOSITY sqlstate
SELECT hitl.execute_workflow(:'id');
SELECT hitl.update_workflow_state(:'id', '{"amount": 1}');
SELECT hitl.transition_workflow_status(:'id', 'running');
SELECT hitl.transition_workflow_status(:'id', 'cancelled');
SELECT hitl.transition_workflow_status(:'id', 'nonsense');
SELECT hitl.request_approval('Too late?', workflow_id => :'id');
SELECT hitl.execute_workflow('00000000-0000-7000-8000-000000000000');
SELECT hitl.get_workflow_status('00000000-0000-7000-8000-000000000000');
SELECT * FROM hitl.workflow_timeline('00000000-0000-7000-8000-000000000000');
SELECT hitl.create_workflow('');
SELECT hitl.create_workflow(NULL);
SELECT hitl.create_workflow('x', input_data => '[]');
SELECT hitl.execute_workflow(NULL);
\set VERBOSITY default

-- a rejection ends it, unless the definition says otherwise
SELECT hitl.execute_workflow(hitl.create_workflow('Rejected', workflow_definition =>
	'{"steps": [{"name": "ask", "type": "approval", "title": "Go?", "requested_from": "ann"},
				{"name": "then", "type": "task", "task": "never"}]}')) AS id \gset
CALL hitl.await_workflow(:'id', timeout => '30 seconds', status => 'waiting_approval');
SELECT hitl.respond_to_approval(approval_id, 'ann', 'rejected', feedback => 'no') FROM hitl.list_pending_approvals(workflow_id => :'id');
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT hitl.execute_workflow(hitl.create_workflow('Rejected but goes on', workflow_definition =>
	'{"steps": [{"name": "ask", "type": "approval", "title": "Go?", "requested_from": "ann", "on_reject": "continue"},
				{"name": "no", "type": "task", "task": "Apologise", "when": "$.steps.ask.decision == \"rejected\""},
				{"name": "yes", "type": "task", "task": "Celebrate", "when": "$.steps.ask.decision == \"approved\""}]}')) AS id \gset
CALL hitl.await_workflow(:'id', timeout => '30 seconds', status => 'waiting_approval');
SELECT hitl.respond_to_approval(approval_id, 'ann', 'rejected') FROM hitl.list_pending_approvals(workflow_id => :'id');
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT step_name, outcome, result - 'approval_id' AS result FROM hitl.workflow_steps WHERE workflow_id = :'id' ORDER BY event;
-- silence: on time, with the outcome the definition says
SELECT hitl.execute_workflow(hitl.create_workflow('Silence', workflow_definition =>
	'{"steps": [{"name": "ask", "type": "approval", "title": "Go?", "requested_from": "ann", "timeout_hours": 0.00002}]}')) AS id \gset
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT error FROM hitl.workflows WHERE id = :'id';
SELECT hitl.execute_workflow(hitl.create_workflow('Silence is a no', workflow_definition =>
	'{"steps": [{"name": "ask", "type": "approval", "title": "Go?", "requested_from": "ann", "timeout_hours": 0.00002, "on_timeout": "reject"}]}')) AS id \gset
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
-- a template that finds nothing fails its step: nobody is shown an empty amount
SELECT hitl.execute_workflow(hitl.create_workflow('Empty', workflow_definition =>
	'{"steps": [{"name": "ask", "type": "approval", "title": "Pay {{ $.variables.amount }}?", "requested_from": "ann"}]}')) AS id \gset
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT error FROM hitl.workflows WHERE id = :'id';
-- a condition that cannot be decided fails its step: nobody is left unasked because an amount is a text
SELECT hitl.execute_workflow(hitl.create_workflow('Undecided', input_data => '{"amount": "5000"}', workflow_definition =>
	'{"steps": [{"name": "ask", "type": "approval", "title": "Pay?", "requested_from": "ann", "when": "$.variables.amount > 1000"}]}')) AS id \gset
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT error FROM hitl.workflows WHERE id = :'id';
-- values are never templates, and numbers stay as they are
SELECT hitl.execute_workflow(hitl.create_workflow('Exact', workflow_definition =>
	'{"steps": [{"name": "a", "type": "task", "task": "{{ $.variables.text }} {{ $.variables.amount }} \\{{ braces }}"}]}',
	input_data => '{"amount": 12345678901234567890.10, "text": "{{ $.variables.amount }}"}')) AS id \gset
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT data #>> '{steps,a,answer}' AS answer FROM hitl.workflows WHERE id = :'id';
-- cancelled while it waits: its question is withdrawn
SELECT hitl.execute_workflow(hitl.create_workflow('Cancelled', workflow_definition =>
	'{"steps": [{"name": "ask", "type": "approval", "title": "Go?", "requested_from": "ann"}]}')) AS id \gset
CALL hitl.await_workflow(:'id', timeout => '30 seconds', status => 'waiting_approval');
SELECT approval_id AS approval FROM hitl.list_pending_approvals(workflow_id => :'id') \gset
SELECT hitl.transition_workflow_status(:'id', 'cancelled', 'changed our minds');
SELECT status FROM hitl.workflows WHERE id = :'id';
SELECT status, reason FROM hitl.approval_requests WHERE id = :'approval';
\set VERBOSITY sqlstate
SELECT hitl.respond_to_approval(:'approval', 'ann', 'approved');
\set VERBOSITY default
-- a task for a workflow without definition
SELECT hitl.execute_workflow(hitl.create_workflow('Ad hoc'), task => 'Say {{ hello }}') AS id \gset
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT data FROM hitl.workflows WHERE id = :'id';
\set VERBOSITY sqlstate
SELECT hitl.execute_workflow(hitl.create_workflow('Nothing to do'));
\set VERBOSITY default
-- a model that is not there
SELECT hitl.execute_workflow(hitl.create_workflow('No model', workflow_definition =>
	'{"steps": [{"name": "a", "type": "task", "task": "x", "model": "missing"}]}')) AS id \gset
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT error FROM hitl.workflows WHERE id = :'id';
SELECT hitl.drop_model('echo');
-- waiting: for a status of one's own choice, within a time, outside of transactions
SELECT hitl.create_workflow('Waited for') AS id \gset
CALL hitl.await_workflow(:'id', status => 'pending');
CALL hitl.await_workflow(:'id', timeout => '0 seconds');
CALL hitl.await_workflow(:'id', status => 'nonsense');
CALL hitl.await_workflow('00000000-0000-7000-8000-000000000000');
