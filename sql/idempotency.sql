-- the same key gives the same workflow, and the same request, once
\set SHOW_CONTEXT never
SELECT hitl.create_workflow('Order', input_data => '{"order": 7}', idempotency_key => 'order-7') AS id \gset
SELECT hitl.create_workflow('Order', input_data => '{"order": 7}', idempotency_key => 'order-7') = :'id' AS same;
SELECT hitl.create_workflow(name => 'Order', description => NULL, input_data => '{ "order":7}', priority => 0,
	deadline => now() + interval '1 day', idempotency_key => 'order-7') = :'id' AS same;
SELECT count(*) FROM hitl.workflows WHERE name = 'Order';
SELECT count(*) FROM hitl.workflow_events WHERE workflow_id = :'id';
-- other content is an error, whatever it is that differs
\set VERBOSITY sqlstate
SELECT hitl.create_workflow('Order', input_data => '{"order": 8}', idempotency_key => 'order-7');
SELECT hitl.create_workflow('Other', input_data => '{"order": 7}', idempotency_key => 'order-7');
SELECT hitl.create_workflow('Order', 'described', input_data => '{"order": 7}', idempotency_key => 'order-7');
SELECT hitl.create_workflow('Order', input_data => '{"order": 7}', created_by => 'shop', idempotency_key => 'order-7');
SELECT hitl.create_workflow('Order', input_data => '{"order": 7}', priority => 1, idempotency_key => 'order-7');
SELECT hitl.create_workflow('Order', input_data => '{"order": 7}', idempotency_key => 'order-7',
	workflow_definition => '{"steps": [{"name": "one", "type": "checkpoint"}]}');
\set VERBOSITY terse
SELECT hitl.create_workflow('Order', idempotency_key => '');
SELECT hitl.create_workflow('Order', idempotency_key => repeat('x', 256));
-- what was refused has taken no key
SELECT hitl.create_workflow('Faulty', workflow_definition => '{"steps": []}', idempotency_key => 'faulty');
SELECT hitl.create_workflow('Faulty', workflow_definition => '{"steps": [{"name": "one", "type": "checkpoint"}]}',
	idempotency_key => 'faulty') IS NOT NULL AS mended;
-- a workflow and a request may have the same key, and each role has its own
SELECT hitl.request_approval('Go with a key?', requested_from => 'ann', required_approvers => '{bob}', timeout_hours => 1.5,
	context_data => '{"amount": 5}', idempotency_key => 'order-7') AS approval \gset
SELECT hitl.request_approval('Go with a key?', requested_from => 'ann', required_approvers => '{bob}', timeout_hours => 1.5,
	context_data => '{"amount": 5}', idempotency_key => 'order-7') = :'approval' AS same;
SELECT count(*) FROM hitl.approval_requests WHERE title = 'Go with a key?';
SELECT hitl.request_approval('Go with a key?', requested_from => 'ann', required_approvers => '{bob}', timeout_hours => 1.5,
	context_data => '{"amount": 6}', idempotency_key => 'order-7');
SELECT hitl.request_approval('Go with a key?', requested_from => 'ann', required_approvers => '{bob}', timeout_hours => 2,
	context_data => '{"amount": 5}', idempotency_key => 'order-7');
-- a call repeated late finds the request, though its workflow has ended
SELECT hitl.create_workflow('Asks') AS asks \gset
SELECT hitl.request_approval('Late?', workflow_id => :'asks', idempotency_key => 'late') AS late \gset
SELECT hitl.cancel_workflow(:'asks');
SELECT hitl.request_approval('Late?', workflow_id => :'asks', idempotency_key => 'late') = :'late' AS same;
CREATE ROLE regress_key_one;
CREATE ROLE regress_key_two;
SELECT hitl.grant_access('regress_key_one', 'operator'), hitl.grant_access('regress_key_two', 'operator');
SET ROLE regress_key_one;
SELECT hitl.create_workflow('Keyed', idempotency_key => 'order-7') AS one \gset
SELECT * FROM hitl.idempotency_keys;
SET ROLE regress_key_two;
SELECT hitl.create_workflow('Keyed by another', idempotency_key => 'order-7') <> :'one' AS its_own;
RESET ROLE;
SELECT replace(k.owner, current_user, '<me>') AS owner, kind, key, k.id = coalesce(w.id, a.id) AS found
FROM hitl.idempotency_keys k LEFT JOIN hitl.workflows w USING (id) LEFT JOIN hitl.approval_requests a USING (id)
ORDER BY (k.owner = current_user) DESC, 1, 2, 3;
SELECT hitl.revoke_access('regress_key_one'), hitl.revoke_access('regress_key_two');
DROP ROLE regress_key_one, regress_key_two;
SELECT hitl.cancel_approval(:'approval');
