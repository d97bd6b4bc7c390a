-- limits are told before they are met
\set SHOW_CONTEXT never
-- only where text is UTF-8, or can be
\set here :DBNAME
CREATE DATABASE hitl_latin1 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0;
\c hitl_latin1
CREATE EXTENSION hitl;
\c :here
\set SHOW_CONTEXT never
DROP DATABASE hitl_latin1;
-- requests last a day at most
SELECT hitl.create_model('slow', base_url => 'https://nowhere.invalid', model => 'm', timeout_seconds => 86401);
SELECT hitl.create_model('slow', base_url => 'https://nowhere.invalid', model => 'm', timeout_seconds => 86400);
SELECT hitl.create_workflow('Patient', workflow_definition => '{"steps": [
	{"name": "ask", "type": "task", "task": "x", "model": "slow", "timeout": "2 days",
	 "retry": {"max_attempts": 2, "base_delay": "1 hour"}}]}') AS id \gset
SELECT hitl.execute_workflow(:'id') = :'id' AS started;
CALL hitl.await_workflow(:'id', timeout => '30 seconds', status => 'running');
SELECT status, error FROM hitl.workflows WHERE id = :'id';
SELECT timeout_seconds FROM hitl.outbox WHERE workflow_id = :'id';
SELECT hitl.transition_workflow_status(:'id', 'cancelled');
SELECT hitl.drop_model('slow');
-- work is announced whatever session_replication_role is
SELECT tgrelid::regclass, tgenabled FROM pg_trigger WHERE tgfoid = 'hitl.wake'::regproc ORDER BY 1;
-- who is named twice cannot answer twice
SELECT hitl.text_array('["ann", "bob", "ann"]'), hitl.text_array('"ann"'), hitl.text_array('[]'), hitl.text_array('null');
SELECT hitl.execute_workflow(hitl.create_workflow('Twice', workflow_definition => '{"steps": [
	{"name": "ask", "type": "approval", "title": "Go?", "requested_from": ["ann", "ann", "bob"], "approval_threshold": 2}]}')) AS id \gset
CALL hitl.await_workflow(:'id', timeout => '30 seconds', status => 'waiting_approval');
SELECT hitl.respond_to_approval(approval_id, 'ann', 'rejected') FROM hitl.list_pending_approvals(workflow_id => :'id');
SELECT hitl.execute_workflow(hitl.create_workflow('Twice', workflow_definition => '{"steps": [
	{"name": "ask", "type": "approval", "title": "Go?", "required_approvers": ["ann", "ann"]}]}')) AS id \gset
CALL hitl.await_workflow(:'id', timeout => '30 seconds', status => 'waiting_approval');
SELECT hitl.respond_to_approval(approval_id, 'ann', 'approved') FROM hitl.list_pending_approvals(workflow_id => :'id');
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
-- what is asked by hand for a workflow does not outlive it
CREATE PROCEDURE ask_by_hand(workflow uuid, INOUT approval uuid DEFAULT NULL) LANGUAGE plpgsql AS $$
BEGIN
	approval := hitl.request_approval('By hand?', requested_from => 'bob', workflow_id => workflow);
	COMMIT;
	FOR i IN 1..3000 LOOP
		EXIT WHEN EXISTS (SELECT FROM hitl.workflow_events e
						  WHERE e.workflow_id = workflow AND e.data ->> 'title' = 'By hand?');
		COMMIT;
		PERFORM pg_sleep(0.01);
	END LOOP;
END $$;
SELECT hitl.execute_workflow(hitl.create_workflow('Ends', workflow_definition => '{"steps": [
	{"name": "point", "type": "checkpoint"},
	{"name": "ask", "type": "approval", "title": "Go?", "requested_from": "ann"}]}')) AS id \gset
CALL hitl.await_workflow(:'id', timeout => '30 seconds', status => 'waiting_approval');
CALL ask_by_hand(:'id') \gset
SELECT hitl.rollback_workflow(:'id', 'point');
SELECT status, reason FROM hitl.approval_requests WHERE id = :'approval';
SELECT hitl.execute_workflow(:'id') = :'id' AS resumed;
CALL hitl.await_workflow(:'id', timeout => '30 seconds', status => 'waiting_approval');
CALL ask_by_hand(:'id') \gset
SELECT hitl.respond_to_approval(approval_id, 'ann', 'approved') FROM hitl.list_pending_approvals('ann', :'id');
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT status, reason FROM hitl.approval_requests WHERE id = :'approval';
\set VERBOSITY sqlstate
SELECT hitl.respond_to_approval(:'approval', 'bob', 'approved');
\set VERBOSITY default
DROP PROCEDURE ask_by_hand;
-- the requests of one workflow are found without reading all others
BEGIN;
SELECT count(hitl.request_approval('Wait?', requested_from => 'ann')) FROM generate_series(1, 5000);
SELECT hitl.create_workflow('One of many') AS id \gset
SELECT hitl.request_approval('This one?', workflow_id => :'id') IS NOT NULL AS asked;
ANALYZE hitl.approval_requests;
SELECT seq_tup_read + idx_tup_fetch AS before FROM pg_stat_xact_all_tables WHERE relid = 'hitl.approval_requests'::regclass \gset
SELECT title FROM hitl.list_pending_approvals(workflow_id => :'id');
SELECT seq_tup_read + idx_tup_fetch - :before < 100 AS few FROM pg_stat_xact_all_tables WHERE relid = 'hitl.approval_requests'::regclass;
ROLLBACK;
