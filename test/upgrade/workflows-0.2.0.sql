-- workflows-0.2.0.sql
--		What database-0.2.0.sql was dumped from: workflows in every state, run by
--		hitl 0.2.0 with hitl.allowed_private_hosts = '127.0.0.1', a
--		server on port 9901 that never answers, and none on port 9902:
--			psql -f workflows-0.2.0.sql && pg_dump >database-0.2.0.sql
--		In the dump, CREATE EXTENSION was given the version.
--		Workflows are told apart by their names.
\set ON_ERROR_STOP on
\set SHOW_CONTEXT never

CREATE ROLE reader;
CREATE ROLE boss;
CREATE ROLE clerk;
CREATE ROLE chief;
CREATE ROLE robot;
CREATE ROLE "Some One";
SELECT hitl.grant_access('reader', 'viewer'), hitl.grant_access('boss', 'approver'),
	   hitl.grant_access('clerk', 'operator'), hitl.grant_access('chief', 'admin'),
	   hitl.grant_access('robot', 'worker'), hitl.grant_acting('boss', 'ann'),
	   hitl.grant_queue('robot', 'jobs'), hitl.grant_signal('robot', 'go');
-- Not a level: single rights.
GRANT USAGE ON SCHEMA hitl TO "Some One";
GRANT EXECUTE ON FUNCTION hitl.create_workflow(text, text, jsonb, jsonb, text, text, integer, text, integer, timestamptz)
	TO "Some One" WITH GRANT OPTION;
GRANT EXECUTE ON FUNCTION hitl.uuidv7(integer) TO "Some One";
GRANT SELECT ON hitl.workflow_steps TO "Some One";
CREATE VIEW public.finished AS SELECT workflow_id, step_name, outcome FROM hitl.workflow_steps;
-- A step divides by it, and it is 0.
CREATE TABLE public.divisor AS SELECT 0 AS n;
CREATE FUNCTION public.be_slow() RETURNS void LANGUAGE sql AS 'SELECT pg_sleep(600)';

SELECT hitl.create_model('echo', provider => 'builtin', is_default => true);
SELECT hitl.set_secret('key', 'not to be dumped', '{127.0.0.1}');
SELECT hitl.create_model('silent', base_url => 'http://127.0.0.1:9901/v1', model => 'm',
						 secret_name => 'key', parameters => '{"temperature": 0.5}');
SELECT hitl.create_model('down', base_url => 'http://127.0.0.1:9902/v1', model => 'm',
						 headers => '{"X-Key": "${secret:key}"}');
SELECT hitl.configure_channel('hook', 'webhook', '{"url": "http://127.0.0.1:9902/hook"}', is_default => false);
SELECT hitl.set_limit('host', '127.0.0.1:9901', max_concurrency => 5),
	   hitl.set_limit('queue', 'jobs', max_concurrency => 5, max_rate => 100),
	   hitl.set_limit('template', 'one at a time', max_concurrency => 1);
SELECT hitl.set_recovery_policy('rate_limit'),
	   hitl.set_recovery_policy('validation_error', 2, '{"policy": "fixed", "base_delay": "1 hour"}', 'fragile');

CREATE FUNCTION pg_temp.new(name text, steps jsonb, input jsonb DEFAULT '{}') RETURNS uuid LANGUAGE sql AS $$
	SELECT hitl.create_workflow(name, 'by workflows-0.2.0.sql', jsonb_build_object('name', name, 'steps', steps), input, 'tester')
$$;
CREATE FUNCTION pg_temp.run(name text, steps jsonb, input jsonb DEFAULT '{}') RETURNS uuid LANGUAGE sql AS $$
	SELECT hitl.execute_workflow(pg_temp.new(name, steps, input), 'the goal of ' || name)
$$;
CREATE FUNCTION pg_temp.id_of(name text) RETURNS uuid LANGUAGE sql AS $$
	SELECT id FROM hitl.workflows w WHERE w.name = $1
$$;
CREATE PROCEDURE pg_temp.answer(workflow text, decision text, who text DEFAULT 'ann', n integer DEFAULT NULL)
LANGUAGE plpgsql AS $$
DECLARE
	approval uuid;
BEGIN
	FOR approval IN SELECT approval_id FROM hitl.list_pending_approvals(workflow_id => pg_temp.id_of(workflow)) LIMIT n LOOP
		PERFORM hitl.respond_to_approval(approval, who, decision, feedback => 'as ' || workflow);
	END LOOP;
	ASSERT FOUND, workflow;
END
$$;
CREATE PROCEDURE pg_temp.await(names text[], status text DEFAULT NULL) LANGUAGE plpgsql AS $$
DECLARE
	name text;
	found text;
BEGIN
	FOREACH name IN ARRAY names LOOP
		found := await.status;
		CALL hitl.await_workflow(pg_temp.id_of(name), '30 s', found);
		ASSERT found = coalesce(await.status, found) AND (await.status IS NOT NULL
			OR found IN ('completed', 'failed', 'rejected', 'cancelled', 'rolled_back')), name || ' is ' || found;
	END LOOP;
END
$$;

-- ---- what 0.1.0 could do ------------------------------------------------

SELECT count(pg_temp.run(name, '[{"name": "begin", "type": "checkpoint"},
	{"name": "first", "type": "task", "task": "Do {{ $.variables.what }}"},
	{"name": "ask", "type": "approval", "title": "Go on with {{ $.variables.what }}?", "requested_from": "ann"},
	{"name": "last", "type": "task", "task": "Finish after {{ $.steps.first.answer }}",
	 "create_checkpoint": true}]', '{"what": "it", "n": 12345678901234567890.5}'))
FROM unnest(ARRAY['approved', 'rejected', 'cancelled', 'rolled back', 'gone on', 'waiting', 'answered', 'paused', 'skipped']) AS name;
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

-- ---- approvals, in all forms --------------------------------------------

SELECT count(pg_temp.run('asks ' || name || suffix, jsonb_build_array(
	jsonb_build_object('name', 'ask', 'type', 'approval', 'title', name || '?', 'context_data', '{"n": 1}'::jsonb)
		|| form || expiry,
	'{"name": "last", "type": "task", "task": "Then {{ $.steps.ask.decision }}"}'::jsonb)))
FROM (VALUES
	('one', '{"requested_from": "ann"}'::jsonb),
	('a list', '{"requested_from": ["ann", "bob"]}'),
	('all', '{"required_approvers": ["ann", "bob"]}'),
	('two of three', '{"requested_from": ["ann", "bob", "cid"], "approval_threshold": 2}'),
	('one and another', '{"requested_from": ["ann", "bob"], "required_approvers": ["ann"], "approval_threshold": 2}'),
	('anybody', '{}'),
	('with a form', '{"requested_from": "ann", "approval_type": "form", "description": "A form"}'),
	('for a budget', '{"requested_from": "ann", "approval_type": "budget"}')) AS f (name, form),
	(VALUES ('', '{}'::jsonb), (', not for ever', '{"timeout": "3600 days"}')) AS e (suffix, expiry);
SELECT pg_temp.run('expires', '[{"name": "ask", "type": "approval", "title": "Soon?", "requested_from": "ann",
	"timeout": "1 minute", "on_timeout": "continue"}, {"name": "last", "type": "task", "task": "Late"}]');

-- ---- branches -----------------------------------------------------------

SELECT pg_temp.run('branches', '[{"name": "both", "type": "parallel", "branches": [
	[{"name": "left", "type": "approval", "title": "Left?", "requested_from": "ann"}],
	[{"name": "right", "type": "signal", "signal": "go"}],
	[{"name": "clock", "type": "wait", "until": "{{ $.variables.soon }}"}],
	[{"name": "quick", "type": "task", "task": "Quick"}]]},
	{"name": "last", "type": "task", "task": "Joined {{ $.steps.quick.answer }}"}]',
	jsonb_build_object('soon', to_char(now() AT TIME ZONE 'UTC' + '1 minute', 'YYYY-MM-DD HH24:MI:SS')));
SELECT pg_temp.run('each', '[{"name": "each", "type": "foreach", "items": "$.variables.list", "as": "n", "concurrency": 2,
	"steps": [{"name": "think", "type": "task", "task": "Number {{ $.variables.n }}"},
		{"name": "look", "type": "approval", "title": "Number {{ $.variables.n }}?", "requested_from": ["ann", "bob"]},
		{"name": "told", "type": "task", "task": "Told {{ $.steps.think.answer }}"}]},
	{"name": "last", "type": "task", "task": "Last {{ $.steps.each }}"}]', '{"list": [1, 2, 3, 4, 5]}');
SELECT pg_temp.run('back in branches', '[{"name": "both", "type": "parallel", "branches": [
	[{"name": "begin", "type": "checkpoint"}, {"name": "here", "type": "approval", "title": "Here?", "requested_from": "ann"}],
	[{"name": "there", "type": "approval", "title": "There?", "requested_from": "ann"}]]}]');

-- ---- steps of the other kinds -------------------------------------------

SELECT pg_temp.run('signalled', '[{"name": "paid", "type": "signal", "signal": "paid",
	"match": "$.order == {{ $.variables.n }}", "timeout": "3600 days"}]', '{"n": 7}');
SELECT hitl.send_signal(pg_temp.id_of('signalled'), 'paid', '{"order": 8}', 'first');
SELECT count(pg_temp.run(name, '[{"name": "job", "type": "task", "executor": "external", "queue": "jobs", "task": "Work"},
	{"name": "last", "type": "task", "task": "Done {{ $.steps.job.n }}"}]'))
FROM unnest(ARRAY['claimed', 'offered']) AS name;
SELECT pg_temp.run('parent', '[{"name": "child", "type": "workflow", "definition": {"name": "child of parent",
	"steps": [{"name": "ask", "type": "approval", "title": "Child?", "requested_from": "ann"}]}},
	{"name": "last", "type": "task", "task": "After {{ $.steps.child.status }}"}]');
SELECT pg_temp.run('statement', '[{"name": "slow", "type": "sql", "sql": "SELECT public.be_slow()", "timeout": "1 hour",
	"retry": {"max_attempts": 3}}, {"name": "last", "type": "task", "task": "At last"}]');
SELECT pg_temp.run('retrying', '[{"name": "divide", "type": "sql", "sql": "SELECT 10 / n AS ten FROM public.divisor",
	"retry": {"max_attempts": 9, "policy": "fixed", "base_delay": "1 hour", "on": ["validation_error"]}}]');
SELECT pg_temp.run('fetching', '[{"name": "get", "type": "http", "url": "http://127.0.0.1:9901/v1/models", "secret": "key",
	"retry": {"max_attempts": 9, "policy": "fixed", "base_delay": "1 hour"}}]');
SELECT pg_temp.run('wants a secret', '[{"name": "get", "type": "http", "url": "http://127.0.0.1:9901/v1/models",
	"secret": "later"}]');
SELECT pg_temp.run('large', '[{"name": "much", "type": "sql", "sql": "SELECT repeat(''much '', 5000) AS text"},
	{"name": "ask", "type": "approval", "title": "So much?", "requested_from": "ann"},
	{"name": "last", "type": "task", "task": "{{ $.steps.much.rows[0].text }}"}]');
SELECT count(pg_temp.run(name, '[{"name": "begin", "type": "checkpoint"},
	{"name": "pay", "type": "task", "task": "Pay",
	 "undo": [{"name": "unpay", "type": "approval", "title": "Take back?", "requested_from": "ann"}]},
	{"name": "ask", "type": "approval", "title": "Go on?", "requested_from": "ann"}]'))
FROM unnest(ARRAY['being undone', 'to be undone']) AS name;
SELECT hitl.execute_workflow(hitl.create_workflow('urgent', workflow_definition => '{"steps": [
	{"name": "go", "type": "signal", "signal": "go"}], "timeout": "3600 days", "output": {"sent": "{{ $.steps.go.payload }}"}}',
	priority => 7, deadline => '2100-01-01', idempotency_key => 'once'));
SELECT hitl.execute_workflow(pg_temp.new('scheduled', '[{"name": "one", "type": "task", "task": "One"}]'), start_at => '2100-01-01');

-- ---- templates ----------------------------------------------------------

SELECT hitl.create_template('refund', definition => '{"steps": [
	{"name": "ask", "type": "approval", "title": "Refund {{ $.variables.amount }}?", "requested_from": "ann"}]}',
	default_parameters => '{"currency": "EUR"}', required_parameters => '{amount}');
SELECT hitl.start_template('refund', '{"amount": 5}', workflow_name => 'of a template');
SELECT hitl.create_template('refund', definition => '{"steps": [
	{"name": "ask", "type": "approval", "title": "Refund {{ $.variables.amount }}?", "requested_from": "ann"},
	{"name": "tell", "type": "task", "task": "Tell {{ $.variables.currency }}"}]}');
SELECT hitl.create_template('refund', definition => '{"steps": [{"name": "never", "type": "task", "task": "Never"}]}');
SELECT hitl.deactivate_template('refund', 3);
SELECT hitl.create_template('one at a time', definition => '{"steps": [
	{"name": "ask", "type": "approval", "title": "Next?", "requested_from": "ann"}]}');
SELECT count(hitl.start_template('one at a time', workflow_name => name)) FROM unnest(ARRAY['first of two', 'second of two']) AS name;
SELECT hitl.create_template('fragile', definition => '{"steps": [
	{"name": "divide", "type": "sql", "sql": "SELECT 10 / n AS ten FROM public.divisor"}]}');
SELECT hitl.start_template('fragile', workflow_name => 'to recover');

-- ---- on their way -------------------------------------------------------

CALL pg_temp.await('{approved,rejected,cancelled,"rolled back","gone on",waiting,answered,paused,skipped,reviewed,
	"asked before","goes on after failure","asks all","asks two of three","asks two of three, not for ever",
	"asks one and another, not for ever",branches,each,"back in branches",large,"being undone","to be undone",
	"of a template"}', 'waiting_approval');
CALL pg_temp.answer('approved', 'approved');
CALL pg_temp.answer('rejected', 'rejected');
CALL pg_temp.answer('each', 'approved', n => 1);
CALL pg_temp.answer('asks all', 'approved');
CALL pg_temp.answer('asks two of three', 'approved', 'bob');
CALL pg_temp.answer('asks two of three, not for ever', 'rejected', 'bob');
CALL pg_temp.answer('asks one and another, not for ever', 'approved', 'bob');
SELECT hitl.transition_workflow_status(pg_temp.id_of('cancelled'), 'cancelled', 'enough');
SELECT hitl.pause_workflow(pg_temp.id_of('paused'), 'not now');
SELECT hitl.skip_step(pg_temp.id_of('skipped'), 'ask', '{"decision": "approved"}', 'nobody there');
SELECT hitl.rollback_workflow(pg_temp.id_of('rolled back'), 'begin', 'again');
SELECT hitl.rollback_workflow(pg_temp.id_of('back in branches'), 'begin', 'again');
SELECT hitl.rollback_workflow(pg_temp.id_of('being undone'), 'begin', 'again');
SELECT hitl.rollback_workflow(pg_temp.id_of('gone on'), 'begin', 'again');
SELECT hitl.update_workflow_state(pg_temp.id_of('gone on'), '{"what": "something else"}');
SELECT hitl.execute_workflow(pg_temp.id_of('gone on'));
CALL pg_temp.await('{"gone on","being undone"}', 'waiting_approval');
CALL pg_temp.await('{approved,rejected,completed,failed,skipped,"to recover"}');
SELECT hitl.create_checkpoint(pg_temp.id_of('waiting'), 'by hand', description => 'while it waits');
SELECT hitl.create_checkpoint(pg_temp.id_of('each'), 'half way');
CREATE TABLE public.claims AS SELECT * FROM hitl.claim_tasks('jobs', lease => '7 days', worker => 'robot 1');

SELECT hitl.create_workflow('by hand'), hitl.create_workflow('approved by hand'), hitl.create_workflow('pending', workflow_definition =>
	'{"steps": [{"name": "only", "type": "task", "task": "Only"}]}');
SELECT hitl.transition_workflow_status(pg_temp.id_of('by hand'), 'running');
SELECT hitl.transition_workflow_status(pg_temp.id_of('by hand'), 'paused');
SELECT hitl.transition_workflow_status(pg_temp.id_of('approved by hand'), 'running');
SELECT hitl.transition_workflow_status(pg_temp.id_of('approved by hand'), 'waiting_approval');
SELECT hitl.transition_workflow_status(pg_temp.id_of('approved by hand'), 'approved');
SET ROLE clerk;
SELECT hitl.create_workflow('of clerk', workflow_definition =>
	'{"steps": [{"name": "only", "type": "task", "task": "Only"}]}');
RESET ROLE;

-- Of no workflow: pending ones, half answered ones, and ended ones.
SELECT hitl.request_approval('Some day?', required_approvers => '{ann,bob}', channels => '{hook}') AS approval \gset
SELECT hitl.respond_to_approval(:'approval', 'ann', 'approved', '{"because": 1}', 'good');
SELECT hitl.request_approval('Anybody?', approval_type => 'budget', context_data => '{"amount": 12.50}', idempotency_key => 'once');
SELECT hitl.request_approval('Before long?', 'In years', 'form', 'ann', timeout_hours => 80000);
SELECT hitl.request_approval('Two?', approval_threshold => 2) AS approval \gset
SELECT hitl.respond_to_approval(:'approval', 'cid', 'approved');
SELECT hitl.respond_to_approval(hitl.request_approval('Yes?'), 'ann', 'approved'),
	   hitl.respond_to_approval(hitl.request_approval('No?', requested_from => 'ann'), 'ann', 'rejected', feedback => 'no'),
	   hitl.cancel_approval(hitl.request_approval('Never mind?'), 'answered elsewhere'),
	   hitl.expire_approval(hitl.request_approval('Too late?', timeout_hours => 1));

-- Two requests are under way, one waits for its next attempt; one for a secret,
-- one statement runs, and one is to be run again.
DO $$
BEGIN
	FOR i IN 1 .. 3000 LOOP
		EXIT WHEN (SELECT count(*) FROM hitl.outbox WHERE status = 'sending') = 2
			AND (SELECT count(*) FROM hitl.outbox WHERE status = 'queued' AND attempts = 1 AND purpose = 'inference') = 1
			AND (SELECT count(*) FROM hitl.outbox WHERE missing_secret = 'later') = 1
			AND (SELECT count(*) FROM hitl.statements) = 1
			AND (SELECT count(*) FROM hitl.child_workflows WHERE status = 'waiting_approval') = 1
			AND (SELECT count(*) FROM hitl.workflows WHERE name LIKE '% of two' AND status = 'waiting_approval') = 1
			AND (SELECT count(*) FROM hitl.workflows WHERE name IN ('retrying', 'signalled', 'urgent') AND status = 'waiting') = 3;
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
