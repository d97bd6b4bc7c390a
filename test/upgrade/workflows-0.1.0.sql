-- workflows-0.1.0.sql
--		What database-0.1.0.sql was dumped from: workflows in every state, run by
--		hitl 0.1.0 with hitl.allowed_private_hosts = '127.0.0.1', a
--		server on port 9901 that never answers, and none on port 9902:
--			psql -f workflows-0.1.0.sql && pg_dump >database-0.1.0.sql
--		In the dump, CREATE EXTENSION was given the version.
--		Workflows are told apart by their names.
\set ON_ERROR_STOP on
\set SHOW_CONTEXT never

CREATE ROLE reader;
CREATE ROLE boss;
CREATE ROLE clerk;
CREATE ROLE chief;
CREATE ROLE "Some One";
SELECT hitl.grant_access('reader', 'viewer'), hitl.grant_access('boss', 'approver'),
	   hitl.grant_access('clerk', 'operator'), hitl.grant_access('chief', 'admin'),
	   hitl.grant_acting('boss', 'ann');
-- Not a level: single rights, one of them on a function that is to change.
GRANT USAGE ON SCHEMA hitl TO "Some One";
GRANT EXECUTE ON FUNCTION hitl.create_workflow(text, text, jsonb, jsonb, text) TO "Some One" WITH GRANT OPTION;
GRANT EXECUTE ON FUNCTION hitl.uuidv7(integer) TO "Some One";
GRANT SELECT ON hitl.workflow_steps TO "Some One";
CREATE VIEW public.finished AS SELECT workflow_id, step_name, outcome FROM hitl.workflow_steps;

SELECT hitl.create_model('echo', provider => 'builtin', is_default => true);
SELECT hitl.set_secret('key', 'not to be dumped');
SELECT hitl.create_model('silent', base_url => 'http://127.0.0.1:9901/v1', model => 'm',
						 secret_name => 'key', parameters => '{"temperature": 0.5}');
SELECT hitl.create_model('down', base_url => 'http://127.0.0.1:9902/v1', model => 'm');
SELECT hitl.configure_channel('hook', 'webhook', '{"url": "http://127.0.0.1:9902/hook"}', is_default => false);

CREATE FUNCTION pg_temp.run(name text, steps jsonb, input jsonb DEFAULT '{}') RETURNS uuid LANGUAGE sql AS $$
	SELECT hitl.execute_workflow(hitl.create_workflow(name, 'by workflows-0.1.0.sql', jsonb_build_object('name', name, 'steps', steps), input, 'tester'),
								 'the goal of ' || name)
$$;
CREATE FUNCTION pg_temp.id_of(name text) RETURNS uuid LANGUAGE sql AS $$
	SELECT id FROM hitl.workflows w WHERE w.name = $1
$$;
CREATE PROCEDURE pg_temp.answer(workflow text, decision text) LANGUAGE plpgsql AS $$
DECLARE
	approval uuid;
BEGIN
	FOR approval IN SELECT approval_id FROM hitl.list_pending_approvals(workflow_id => pg_temp.id_of(workflow)) LOOP
		PERFORM hitl.respond_to_approval(approval, 'ann', decision, feedback => 'as ' || workflow);
	END LOOP;
END
$$;

SELECT count(pg_temp.run(name, '[{"name": "begin", "type": "checkpoint"},
	{"name": "first", "type": "task", "task": "Do {{ $.variables.what }}"},
	{"name": "ask", "type": "approval", "title": "Go on with {{ $.variables.what }}?", "requested_from": "ann"},
	{"name": "last", "type": "task", "task": "Finish after {{ $.steps.first.answer }}",
	 "create_checkpoint": true}]', '{"what": "it", "n": 12345678901234567890.5}'))
FROM unnest(ARRAY['approved', 'rejected', 'cancelled', 'rolled back', 'gone on', 'waiting', 'answered']) AS name;
SELECT pg_temp.run('completed', '[{"name": "one", "type": "task", "task": "One"}, {"name": "two", "type": "task", "task": "Two"}]');
SELECT pg_temp.run('failed', '[{"name": "bad", "type": "task", "task": "{{ $.variables.missing }}"}]');
SELECT pg_temp.run('goes on after failure', '[{"name": "bad", "type": "task", "task": "{{ $.variables.missing }}", "on_error": "continue"},
	{"name": "ask", "type": "approval", "title": "Still?", "required_approvers": ["ann", "bob"], "channels": ["hook"]},
	{"name": "last", "type": "task", "task": "Last"}]');
SELECT pg_temp.run('reviewed', '[{"name": "draft", "type": "task", "task": "Draft", "requires_approval": true,
	"approval_config": {"title": "Good?", "when": "after", "requested_from": "ann"}},
	{"name": "last", "type": "task", "task": "Send {{ $.steps.draft.answer }}"}]');
SELECT pg_temp.run('asked before', '[{"name": "drop", "type": "task", "task": "Drop it", "requires_approval": true,
	"create_checkpoint": true, "approval_config": {"title": "Drop?", "requested_from": "ann"}}]');
SELECT pg_temp.run('silent', '[{"name": "before", "type": "task", "task": "Before"},
	{"name": "think", "type": "task", "model": "silent", "task": "Think", "timeout": "1 hour",
	 "retry": {"max_attempts": 9, "policy": "fixed", "base_delay": "1 hour"}},
	{"name": "after", "type": "task", "task": "After {{ $.steps.think.answer }}"}]');
SELECT pg_temp.run('down', '[{"name": "think", "type": "task", "model": "down", "task": "Think",
	"retry": {"max_attempts": 9, "policy": "fixed", "base_delay": "1 hour"}}]');

CALL hitl.await_workflow(pg_temp.id_of('approved'), '30 s', 'waiting_approval');
CALL hitl.await_workflow(pg_temp.id_of('rejected'), '30 s', 'waiting_approval');
CALL hitl.await_workflow(pg_temp.id_of('cancelled'), '30 s', 'waiting_approval');
CALL hitl.await_workflow(pg_temp.id_of('rolled back'), '30 s', 'waiting_approval');
CALL hitl.await_workflow(pg_temp.id_of('gone on'), '30 s', 'waiting_approval');
CALL hitl.await_workflow(pg_temp.id_of('waiting'), '30 s', 'waiting_approval');
CALL hitl.await_workflow(pg_temp.id_of('answered'), '30 s', 'waiting_approval');
CALL hitl.await_workflow(pg_temp.id_of('reviewed'), '30 s', 'waiting_approval');
CALL hitl.await_workflow(pg_temp.id_of('asked before'), '30 s', 'waiting_approval');
CALL hitl.await_workflow(pg_temp.id_of('goes on after failure'), '30 s', 'waiting_approval');
CALL pg_temp.answer('approved', 'approved');
CALL pg_temp.answer('rejected', 'rejected');
SELECT hitl.transition_workflow_status(pg_temp.id_of('cancelled'), 'cancelled', 'enough');
SELECT hitl.rollback_workflow(pg_temp.id_of('rolled back'), 'begin', 'again');
SELECT hitl.rollback_workflow(pg_temp.id_of('gone on'), 'begin', 'again');
SELECT hitl.update_workflow_state(pg_temp.id_of('gone on'), '{"what": "something else"}');
SELECT hitl.execute_workflow(pg_temp.id_of('gone on'));
CALL hitl.await_workflow(pg_temp.id_of('gone on'), '30 s', 'waiting_approval');
CALL hitl.await_workflow(pg_temp.id_of('approved'), '30 s');
CALL hitl.await_workflow(pg_temp.id_of('rejected'), '30 s');
CALL hitl.await_workflow(pg_temp.id_of('completed'), '30 s');
CALL hitl.await_workflow(pg_temp.id_of('failed'), '30 s');
SELECT hitl.create_checkpoint(pg_temp.id_of('waiting'), 'by hand', description => 'while it waits');

SELECT hitl.create_workflow('by hand'), hitl.create_workflow('pending', workflow_definition =>
	'{"steps": [{"name": "only", "type": "task", "task": "Only"}]}');
SELECT hitl.transition_workflow_status(pg_temp.id_of('by hand'), 'running');
SELECT hitl.transition_workflow_status(pg_temp.id_of('by hand'), 'paused');
SET ROLE clerk;
SELECT hitl.create_workflow('of clerk', workflow_definition =>
	'{"steps": [{"name": "only", "type": "task", "task": "Only"}]}');
RESET ROLE;
SELECT hitl.request_approval('Some day?', required_approvers => '{ann,bob}') AS approval \gset
SELECT hitl.respond_to_approval(:'approval', 'ann', 'approved');

-- One request is under way, one waits for its next attempt.
DO $$
BEGIN
	FOR i IN 1 .. 3000 LOOP
		EXIT WHEN (SELECT count(*) FROM hitl.outbox WHERE status = 'sending') = 1
			AND (SELECT count(*) FROM hitl.outbox WHERE status = 'queued' AND attempts = 1) >= 1;
		COMMIT;
		PERFORM pg_sleep(0.01);
		ASSERT i < 3000;
	END LOOP;
END
$$;

-- From here nothing works on what is asked for.
SELECT format('ALTER DATABASE %I SET hitl.run_workers = off', current_database()) \gexec
\c
SELECT hitl.start_workers();
DO $$
BEGIN
	FOR i IN 1 .. 3000 LOOP
		EXIT WHEN (SELECT count(*) FROM hitl.workers WHERE pid IS NOT NULL) = 1;
		PERFORM pg_sleep(0.01);
		ASSERT i < 3000;
	END LOOP;
END
$$;
SELECT hitl.respond_to_approval(approval_id, 'ann', 'approved')
FROM hitl.workflows w, hitl.list_pending_approvals(workflow_id => w.id) WHERE w.name = 'answered';
SELECT hitl.execute_workflow(hitl.create_workflow('due', workflow_definition =>
	'{"steps": [{"name": "only", "type": "task", "task": "Only {{ $.variables.word }}"}]}'), context => '{"word": "this"}');
SELECT format('ALTER DATABASE %I RESET hitl.run_workers', current_database()) \gexec
