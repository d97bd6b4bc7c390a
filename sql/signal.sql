-- signals
\set SHOW_CONTEXT never
CREATE ROLE hitl_shop;
CREATE ROLE hitl_bank;
SELECT hitl.grant_access('hitl_shop', 'operator'), hitl.grant_access('hitl_bank', 'worker');
CREATE PROCEDURE wait_for(condition text) LANGUAGE plpgsql AS $$
DECLARE
	holds boolean;
BEGIN
	FOR i IN 1..3000 LOOP
		EXECUTE condition INTO holds;
		COMMIT;
		IF holds THEN
			RETURN;
		END IF;
		PERFORM pg_sleep(0.01);
	END LOOP;
	RAISE 'in vain: %', condition;
END $$;
CREATE FUNCTION start_with(steps jsonb, input jsonb DEFAULT '{}') RETURNS uuid LANGUAGE sql AS $$
	SELECT hitl.execute_workflow(hitl.create_workflow('Order', input_data => input,
		workflow_definition => jsonb_build_object('steps', steps))) $$;
\set pay '[{"name": "paid", "type": "signal", "signal": "paid"}]'
\pset format unaligned

-- one that is awaited
SET ROLE hitl_shop;
SELECT start_with(:'pay') AS id \gset
RESET ROLE;
CALL wait_for(format('SELECT count(*) = 1 FROM hitl.awaited_signals WHERE workflow_id = %L', :'id'));
SELECT name, match, step_name FROM hitl.awaited_signals WHERE workflow_id = :'id';
SELECT control -> 'active' -> 0 ->> 'state' AS state FROM hitl.workflows WHERE id = :'id';
-- ... by another role, which must be allowed to send it
SET ROLE hitl_bank;
\set VERBOSITY sqlstate
SELECT hitl.send_signal(:'id', 'paid', '{"amount": 7}');
\set VERBOSITY default
RESET ROLE;
SELECT hitl.grant_signal('hitl_bank', 'paid');
SET ROLE hitl_bank;
\set VERBOSITY sqlstate
SELECT hitl.send_signal(:'id', 'cancelled');
\set VERBOSITY default
SELECT hitl.send_signal(:'id', 'paid', '{"amount": 7}');
RESET ROLE;
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT data -> 'steps' AS steps FROM hitl.workflows WHERE id = :'id';
SELECT event, step, who FROM hitl.workflow_timeline(:'id') WHERE event <> 'workflow created' AND event <> 'workflow started';
SELECT count(*) FROM hitl.awaited_signals WHERE workflow_id = :'id';
\set VERBOSITY sqlstate
SELECT hitl.send_signal(:'id', 'paid');
\set VERBOSITY default

-- those that come early are kept, and taken oldest first
SELECT start_with('[{"name": "go", "type": "signal", "signal": "go"},
	{"name": "one", "type": "signal", "signal": "paid"}, {"name": "two", "type": "signal", "signal": "paid"}]') AS id \gset
SELECT hitl.send_signal(:'id', 'paid', '1'), hitl.send_signal(:'id', 'paid', '2'), hitl.send_signal(:'id', 'other', '3');
CALL wait_for(format('SELECT count(*) = 3 FROM hitl.signals WHERE workflow_id = %L', :'id'));
SELECT hitl.send_signal(:'id', 'go');
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT data -> 'steps' -> 'go' -> 'payload' AS go, data -> 'steps' -> 'one' -> 'payload' AS one, data -> 'steps' -> 'two' -> 'payload' AS two FROM hitl.workflows WHERE id = :'id';
SELECT name, payload FROM hitl.signals WHERE workflow_id = :'id';

-- a match: others are kept for whom they concern
SELECT start_with('[{"name": "mine", "type": "signal", "signal": "paid", "match": "$.order == {{ $.variables.order }}"},
	{"name": "any", "type": "signal", "signal": "paid"}]', '{"order": "A \"7\""}') AS id \gset
SELECT hitl.send_signal(:'id', 'paid', '{"order": 7}'), hitl.send_signal(:'id', 'paid', '"text"');
CALL wait_for(format('SELECT count(*) = 2 FROM hitl.signals WHERE workflow_id = %L', :'id'));
SELECT match FROM hitl.awaited_signals WHERE workflow_id = :'id';
SELECT hitl.send_signal(:'id', 'paid', '{"order": "A \"7\""}');
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT data -> 'steps' -> 'mine' -> 'payload' AS mine, data -> 'steps' -> 'any' -> 'payload' AS any FROM hitl.workflows WHERE id = :'id';

-- sent again with the same key: once
SELECT start_with('[{"name": "one", "type": "signal", "signal": "paid"}, {"name": "two", "type": "signal", "signal": "paid"}]') AS id \gset
SELECT hitl.send_signal(:'id', 'paid', '1', 'payment 1');
SELECT hitl.send_signal(:'id', 'paid', '1', 'payment 1');
\set VERBOSITY sqlstate
SELECT hitl.send_signal(:'id', 'paid', '2', 'payment 1');
\set VERBOSITY default
-- another name has keys of its own: who may send that only blocks nobody
SELECT hitl.send_signal(:'id', 'other', '1', 'payment 1');
SELECT hitl.send_signal(:'id', 'paid', '2', 'payment 2');
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT data -> 'steps' -> 'one' -> 'payload' AS one, data -> 'steps' -> 'two' -> 'payload' AS two FROM hitl.workflows WHERE id = :'id';
-- ... also when the workflow has ended meanwhile
SELECT hitl.send_signal(:'id', 'paid', '2', 'payment 2');

-- cancelled: it waits no more
SELECT start_with(:'pay') AS id \gset
CALL wait_for(format('SELECT count(*) = 1 FROM hitl.awaited_signals WHERE workflow_id = %L', :'id'));
SELECT hitl.transition_workflow_status(:'id', 'cancelled');
SELECT count(*) FROM hitl.awaited_signals WHERE workflow_id = :'id';

-- too many
SELECT start_with(:'pay') AS id \gset
CALL wait_for(format('SELECT count(*) = 1 FROM hitl.awaited_signals WHERE workflow_id = %L', :'id'));
INSERT INTO hitl.signals (workflow_id, name, payload, sent_by) SELECT :'id', 'spam', 'null', 'x' FROM generate_series(1, 9999);
SELECT hitl.send_signal(:'id', 'spam');
CALL wait_for(format('SELECT count(*) = 10000 FROM hitl.signals WHERE workflow_id = %L', :'id'));
\set VERBOSITY sqlstate
SELECT hitl.send_signal(:'id', 'spam');
-- ... of one name: others are still heard
SELECT hitl.send_signal(:'id', 'ham');

-- bad input
SELECT hitl.send_signal(NULL, 'paid');
SELECT hitl.send_signal(:'id', NULL);
SELECT hitl.send_signal(:'id', '');
SELECT hitl.send_signal(:'id', repeat('x', 201));
SELECT hitl.send_signal(:'id', 'paid', jsonb_build_array(repeat('x', 5000000)));
SELECT hitl.send_signal(:'id', 'paid', NULL, '');
SELECT hitl.send_signal('00000000-0000-7000-8000-000000000000', 'paid');
SELECT hitl.send_signal(hitl.create_workflow('By hand'), 'paid');
SELECT hitl.grant_signal('hitl_missing', 'paid');
SELECT hitl.grant_signal('hitl_bank', '');
\set VERBOSITY default
SELECT hitl.revoke_signal('hitl_bank', 'paid'), hitl.revoke_signal('hitl_bank', 'paid');
SELECT hitl.transition_workflow_status(:'id', 'cancelled');
SELECT hitl.revoke_access('hitl_shop'), hitl.revoke_access('hitl_bank');
DROP ROLE hitl_shop, hitl_bank;
DROP PROCEDURE wait_for(text);
DROP FUNCTION start_with(jsonb, jsonb);
