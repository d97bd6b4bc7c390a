-- templates: versions that never change, with parameters
\set SHOW_CONTEXT never
SELECT hitl.create_model('echo', provider => 'builtin', is_default => true);
\set one '{"steps": [{"name": "pay", "type": "task", "task": "Pay {{ $.variables.amount }} {{ $.variables.currency }}"}]}'
\set two '{"steps": [{"name": "refund", "type": "task", "task": "Refund {{ $.variables.amount }}"}]}'
SELECT hitl.create_template('pay', definition => :'one', description => 'Pay an amount',
	default_parameters => '{"currency": "EUR", "notify": true}', required_parameters => '{amount,order}');
-- the same content is the same version, other content the next one
SELECT hitl.create_template('pay', definition => :'one',
	default_parameters => '{"notify": true, "currency": "EUR"}', required_parameters => '{amount,order}');
SELECT hitl.create_template('pay', 1, :'one',
	default_parameters => '{"notify": true, "currency": "EUR"}', required_parameters => '{amount,order}');
SELECT hitl.create_template('pay', 1, :'two');
SELECT hitl.create_template('pay', definition => :'two', required_parameters => '{amount}');
SELECT hitl.create_template('pay', 7, :'one', required_parameters => '{amount}');
SELECT name, version, is_default, is_active, description, required_parameters, default_parameters,
	   definition -> 'steps' -> 0 ->> 'name' AS step
FROM hitl.templates WHERE name = 'pay' ORDER BY version;
-- all that is missing is told at once; what is given goes above the defaults
SELECT hitl.create_workflow('x', template => 'pay', template_version => 1, input_data => '{"note": 1}');
SELECT hitl.create_workflow('paid', template => 'pay', template_version => 1,
	input_data => '{"amount": 5, "order": null, "currency": "USD", "extra": [1]}') AS id \gset
SELECT name, template, template_version, data, definition_hash = (
	SELECT definition_hash FROM hitl.workflow_templates WHERE name = 'pay' AND version = 1) AS same
FROM hitl.workflows WHERE id = :'id';
SELECT delta FROM hitl.workflow_events WHERE workflow_id = :'id';
-- the latest active version is the default
SELECT hitl.deactivate_template('pay', 7);
SELECT hitl.deactivate_template('pay', 7);
SELECT version FROM hitl.templates WHERE name = 'pay' AND is_default;
SELECT hitl.start_template('pay', '{"amount": 8}') AS id \gset
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT name, template_version, data -> 'steps' -> 'refund' ->> 'answer' AS answer FROM hitl.workflows WHERE id = :'id';
SELECT hitl.start_template('pay', '{"amount": 8, "order": 2}', version => 1, workflow_name => 'Order 2') AS id \gset
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT name, template_version, data -> 'steps' -> 'pay' ->> 'answer' AS answer FROM hitl.workflows WHERE id = :'id';
-- the same key, the same workflow, started once
SELECT hitl.start_template('pay', '{"amount": 9}', idempotency_key => 'template test') AS id \gset
SELECT hitl.start_template('pay', '{"amount": 9}', idempotency_key => 'template test') = :'id' AS same;
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT hitl.start_template('pay', '{"amount": 9}', idempotency_key => 'template test') = :'id' AS same;
-- at a time
SELECT hitl.start_template('pay', '{"amount": 9}', start_at => now() + interval '1 hour', priority => 3, created_by => 'me') AS id \gset
SELECT status, priority, created_by FROM hitl.workflows WHERE id = :'id';
SELECT hitl.transition_workflow_status(:'id', 'cancelled');
SELECT hitl.start_template('pay', '{"amount": 9}', start_at => now() + interval '0.2 seconds') AS id \gset
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT hitl.start_template('pay', '{"amount": 8}', version => 7);
SELECT hitl.deactivate_template('pay');
SELECT hitl.start_template('pay', '{"amount": 8}');
-- to create it again is to activate it
SELECT hitl.create_template('pay', 2, :'two', required_parameters => '{amount}');
SELECT hitl.activate_template('pay');
SELECT hitl.activate_template('pay');
SELECT version, is_active, is_default FROM hitl.templates WHERE name = 'pay' ORDER BY version;
-- what is wrong
SELECT hitl.start_template('refund');
SELECT hitl.start_template('pay', version => 3);
SELECT hitl.deactivate_template('pay', 3);
SELECT hitl.activate_template('refund');
SELECT hitl.start_template(NULL);
SELECT hitl.create_workflow('x', template => 'pay', workflow_definition => :'one');
SELECT hitl.create_workflow('x', template_version => 1);
SELECT hitl.create_workflow('x', template => 'pay', template_version => 0);
SELECT hitl.create_workflow('x', template => 'pay', input_data => '[]');
SELECT hitl.create_template('', definition => :'one');
SELECT hitl.create_template('x');
SELECT hitl.create_template('x', 0, :'one');
SELECT hitl.create_template('x', definition => '{"steps": []}');
SELECT hitl.create_template('x', definition => :'one', default_parameters => '[]');
SELECT hitl.create_template('x', definition => :'one', required_parameters => '{a,NULL}');
SELECT hitl.create_template('x', definition => :'one', required_parameters => '{a,a}');
SELECT hitl.create_template('x', definition => :'one', default_parameters => '{"a": 1}', required_parameters => '{a}');
SELECT count(*) FROM hitl.workflow_templates WHERE name = 'x';
-- a name belongs to the role that took it; anybody may start it, as himself
CREATE ROLE hitl_author;
CREATE ROLE hitl_other;
SELECT hitl.grant_access('hitl_author', 'operator'), hitl.grant_access('hitl_other', 'operator');
SET ROLE hitl_author;
SELECT hitl.create_template('letter', definition => :'two', default_parameters => '{"amount": 1}');
SET ROLE hitl_other;
SELECT hitl.create_template('letter', definition => :'one');
SELECT hitl.deactivate_template('letter');
SELECT hitl.create_template('pay', definition => :'one');
SELECT hitl.start_template('letter') AS id \gset
SELECT name, owner FROM hitl.templates WHERE name = 'letter';
RESET ROLE;
SELECT owner, template FROM hitl.workflows WHERE id = :'id';
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT hitl.revoke_access('hitl_author'), hitl.revoke_access('hitl_other');
DROP ROLE hitl_author, hitl_other;
