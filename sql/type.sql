-- types of approvals: what the answer must look like
\set SHOW_CONTEXT never
CREATE ROLE hitl_maker;
CREATE ROLE hitl_answerer;
SELECT hitl.grant_access('hitl_maker', 'admin'), hitl.grant_access('hitl_answerer', 'participant');
CREATE FUNCTION form(id uuid) RETURNS text LANGUAGE sql AS $$ SELECT jsonb_pretty(hitl.approval_form($1)) $$;

-- a form: fields, of which the answer to an approval must consist
SELECT hitl.request_approval('Hire?', approval_type => 'form', requested_from => 'ann', form_fields => '[
	{"name": "salary", "type": "number", "title": "Salary", "required": true, "minimum": 1},
	{"name": "start", "type": "date", "required": true},
	{"name": "team", "type": "select", "enum": ["red", "blue"], "default": "red"},
	{"name": "notes", "type": "textarea"}]') AS id \gset
SELECT form(:'id');
\set VERBOSITY sqlstate
SELECT hitl.respond_to_approval(:'id', 'ann', 'approved');
SELECT hitl.respond_to_approval(:'id', 'ann', 'approved', '{"salary": 0, "start": "2026-02-30"}');
SELECT hitl.respond_to_approval(:'id', 'ann', 'approved', '{"salary": 1000, "start": "2026-02-28", "team": "green"}');
SELECT hitl.respond_to_approval(:'id', 'ann', 'approved', '[]');
SELECT acts FROM hitl.approval_requests WHERE id = :'id';
-- comments and rejections need no form
SELECT hitl.respond_to_approval(:'id', 'ann', 'commented', feedback => 'hm');
SELECT hitl.respond_to_approval(:'id', 'ann', 'approved', '{"salary": 1000, "start": "2026-02-28", "team": "blue"}');
SELECT hitl.request_approval('Hire?', approval_type => 'form', requested_from => 'ann', form_fields => '{"a": "text"}');
SELECT hitl.request_approval('Hire?', approval_type => 'form', requested_from => 'ann', form_fields => '[{"name": "a", "type": "number", "required": true}]') AS id \gset
SELECT hitl.respond_to_approval(:'id', 'ann', 'rejected');
\set VERBOSITY default
SELECT hitl.request_approval('Hire?', approval_type => 'form', form_fields => '[{"type": "text"}, {"name": "a", "type": "colour"}]');
SELECT hitl.request_approval('Hire?', approval_type => 'form', form_fields => '7');
SELECT hitl.request_approval('Hire?', approval_type => 'vote', form_fields => '[]');
SELECT hitl.request_approval('Hire?', approval_type => 'vote');

-- a budget: how much of what was asked for
SELECT hitl.request_approval('Budget?', approval_type => 'budget', requested_from => 'ann', context_data => '{"amount": 1000, "currency": "EUR"}') AS id \gset
SELECT form(:'id');
\set VERBOSITY sqlstate
SELECT hitl.respond_to_approval(:'id', 'ann', 'approved', '{"approved_amount": -1}');
SELECT hitl.respond_to_approval(:'id', 'ann', 'approved', '{"approved_amount": 800, "justification": "short"}');
SELECT hitl.respond_to_approval(:'id', 'ann', 'approved', '{"approved_amount": 800, "justification": "As last year"}');
SELECT hitl.approval_form('00000000-0000-7000-8000-000000000000');
\set VERBOSITY default
SELECT hitl.request_approval('Plain?', requested_from => 'ann') AS id \gset
SELECT form(:'id');

-- which goes by what is asked for now, also in the answer that changes it
SELECT hitl.request_approval('Budget?', approval_type => 'budget', requested_from => 'ann', context_data => '{"amount": 1000}') AS id \gset
SELECT hitl.revise_approval(:'id', context_data => '{"amount": 10}') IS NOT NULL AS revised;
SELECT hitl.approval_form(:'id') #> '{schema,properties,approved_amount,maximum}' AS at_most,
	   hitl.approval_form(:'id') #>> '{ui_schema,approved_amount,ui:help}' AS hint;
\set VERBOSITY sqlstate
SELECT hitl.respond_to_approval(:'id', 'ann', 'approved', '{"approved_amount": 800, "justification": "As last year"}',
	content_hash => (SELECT content_hash FROM hitl.pending_approvals WHERE approval_id = :'id'));
SELECT hitl.respond_to_approval(:'id', 'ann', 'modified', '{"approved_amount": 20, "justification": "As last year"}', edits => '{"amount": 9}',
	content_hash => (SELECT content_hash FROM hitl.pending_approvals WHERE approval_id = :'id'));
SELECT hitl.revise_approval(:'id', context_data => '{"amount": "much"}');
\set VERBOSITY default
SELECT hitl.respond_to_approval(:'id', 'ann', 'modified', '{"approved_amount": 800, "justification": "As last year"}', edits => '{"amount": 900}',
	content_hash => (SELECT content_hash FROM hitl.pending_approvals WHERE approval_id = :'id'));
SELECT round, answer_schema #> '{properties,approved_amount,maximum}' AS at_most FROM hitl.approval_contents WHERE approval_id = :'id' ORDER BY round;
SELECT * FROM hitl.verify_approval(:'id');

-- types of one's own, with a function that checks answers
CREATE SCHEMA checks;
CREATE TABLE checks.secret (amount integer);
INSERT INTO checks.secret VALUES (100);
CREATE TABLE checks.seen (session_role name, role name, request jsonb);
GRANT USAGE ON SCHEMA checks TO hitl_maker, hitl_answerer;
GRANT SELECT ON checks.secret TO hitl_maker;
GRANT INSERT ON checks.seen TO hitl_maker;
CREATE FUNCTION checks.below(request jsonb, answer jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO checks.seen VALUES (session_user, current_user, request - 'approval_id');
	RETURN CASE WHEN (answer ->> 'amount')::integer > (SELECT amount FROM checks.secret)
		THEN format('%s is too much for "%s"', answer ->> 'amount', request ->> 'title') END;
END $$;
SET ROLE hitl_maker;
SELECT hitl.create_approval_type('expense', '{"type": "object", "required": ["amount"], "properties": {"amount": {"type": "integer"}}}',
	'{"amount": {"ui:widget": "updown"}}', 'checks.below', 'Expenses');
RESET ROLE;
SELECT name, description, check_function, owner FROM hitl.approval_types;
SELECT hitl.request_approval('Taxi?', approval_type => 'expense', requested_from => 'hitl_answerer', context_data => '{"trip": 7}') AS id \gset
SET ROLE hitl_answerer;
SELECT hitl.approval_form(:'id');
\set VERBOSITY sqlstate
SELECT hitl.respond_to_approval(:'id', decision => 'approved', response_data => '{"amount": "much"}');
\set VERBOSITY terse
DO $$ BEGIN
	PERFORM hitl.respond_to_approval(approval_id, decision => 'approved', response_data => '{"amount": 101}') FROM hitl.inbox;
EXCEPTION WHEN OTHERS THEN
	DECLARE
		why text;
	BEGIN
		GET STACKED DIAGNOSTICS why = PG_EXCEPTION_DETAIL;
		RAISE NOTICE '% %', SQLSTATE, why;
	END;
END $$;
-- it runs as the owner of the type, and so sees what its author may see, not the one who answers
SELECT * FROM checks.secret;
SELECT hitl.respond_to_approval(:'id', decision => 'approved', response_data => '{"amount": 100}');
SELECT current_user;
RESET ROLE;
SELECT role, request - 'requested_by' AS request FROM checks.seen;
-- who edits a request has it checked as edited
CREATE FUNCTION checks.limited(request jsonb, answer jsonb) RETURNS text LANGUAGE sql
	AS $$ SELECT 'too much' WHERE (request #>> '{context_data,amount}')::integer > 100 $$;
SET ROLE hitl_maker;
SELECT hitl.create_approval_type('limited', '{"type": "object"}', check_function => 'checks.limited');
RESET ROLE;
SELECT hitl.request_approval('Pay?', approval_type => 'limited', requested_from => 'ann', context_data => '{"amount": 100}') AS id \gset
\set VERBOSITY sqlstate
SELECT hitl.respond_to_approval(:'id', 'ann', 'modified', edits => '{"amount": 1000000}');
\set VERBOSITY terse
SELECT hitl.respond_to_approval(:'id', 'ann', 'modified', edits => '{"amount": 99}');
-- requests keep the schema that they were made with; what the type says now is checked, too
SELECT hitl.request_approval('Bus?', approval_type => 'expense', requested_from => 'ann') AS id \gset
SET ROLE hitl_maker;
SELECT hitl.create_approval_type('expense', '{"type": "object", "required": ["reason"]}');
RESET ROLE;
SELECT hitl.respond_to_approval(:'id', 'ann', 'approved', '{"amount": 5000}');
SELECT hitl.request_approval('Bus?', approval_type => 'expense', requested_from => 'ann') AS id \gset
\set VERBOSITY sqlstate
SELECT hitl.respond_to_approval(:'id', 'ann', 'approved', '{"amount": 5000}');
SELECT hitl.respond_to_approval(:'id', 'ann', 'approved', '{"reason": 5000}');

-- a check function gains nothing: not the rights of hitl, nor those of whoever answers, nor an identity
GRANT CREATE ON SCHEMA checks TO hitl_maker;
SET ROLE hitl_maker;
CREATE FUNCTION checks.sneaks(request jsonb, answer jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE answer ->> 'command';
	RETURN 'it was possible';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT hitl.create_approval_type('sneaky', '{"type": "object"}', check_function => 'checks.sneaks');
RESET ROLE;
SELECT hitl.request_approval('Other?', requested_from => 'hitl_answerer') AS other \gset
CREATE FUNCTION tried(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	found text;
BEGIN
	RETURN hitl.respond_to_approval(hitl.request_approval('Sneak?', approval_type => 'sneaky', requested_from => 'ann'),
		'ann', 'approved', jsonb_build_object('command', command));
EXCEPTION WHEN SQLSTATE 'WF019' THEN
	GET STACKED DIAGNOSTICS found = PG_EXCEPTION_DETAIL;
	RETURN found;
END $$;
SELECT tried('SELECT 1');
SELECT tried('UPDATE hitl.approval_requests SET status = ''approved''');
SELECT tried('CREATE ROLE hitl_gained SUPERUSER');
SELECT tried('SET ROLE postgres');
SELECT tried('SET SESSION AUTHORIZATION postgres');
SELECT tried('RESET ROLE');
SELECT tried('SELECT * FROM hitl.secrets');
SELECT tried(format('SELECT hitl.respond_to_approval(%L, ''hitl_answerer'', ''approved'')', :'other'));
SELECT tried('SELECT hitl.grant_acting(''hitl_maker'', ''*'')');
SELECT tried('SELECT hitl.create_workflow(''as whom?'')');
SELECT status FROM hitl.approval_requests WHERE id = :'other';
-- ... and what it changes of the session is undone
CREATE FUNCTION checks.sets(request jsonb, answer jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	SET search_path = nowhere;
	SET LOCAL statement_timeout = '1h';
	RETURN NULL;
END $$;
SET ROLE hitl_maker;
SELECT hitl.create_approval_type('setting', '{"type": "object"}', check_function => 'checks.sets');
RESET ROLE;
SELECT hitl.request_approval('Set?', approval_type => 'setting', requested_from => 'ann') AS id \gset
BEGIN;
SELECT hitl.respond_to_approval(:'id', 'ann', 'approved');
SHOW search_path;
SHOW statement_timeout;
COMMIT;
-- an error in it is the caller's, and one that is gone, or may not be run any more, stops the approval
CREATE FUNCTION checks.fails(request jsonb, answer jsonb) RETURNS text LANGUAGE sql AS 'SELECT (1 / 0)::text';
SET ROLE hitl_maker;
SELECT hitl.create_approval_type('failing', '{"type": "object"}', check_function => 'checks.fails');
RESET ROLE;
SELECT hitl.request_approval('Fail?', approval_type => 'failing', requested_from => 'ann') AS id \gset
SELECT hitl.respond_to_approval(:'id', 'ann', 'approved');
SELECT current_user = session_user AS as_before, acts, status FROM hitl.approval_requests WHERE id = :'id';
REVOKE ALL ON FUNCTION checks.fails(jsonb, jsonb) FROM PUBLIC;
SELECT hitl.respond_to_approval(:'id', 'ann', 'approved');
DROP FUNCTION checks.fails(jsonb, jsonb);
SELECT hitl.respond_to_approval(:'id', 'ann', 'approved');
SELECT hitl.respond_to_approval(:'id', 'ann', 'rejected');

-- types that cannot be
\set VERBOSITY default
SELECT hitl.create_approval_type('form', '{}');
SELECT hitl.create_approval_type('', '{}');
SELECT hitl.create_approval_type('x', NULL);
SELECT hitl.create_approval_type('x', '{}', '[]');
SELECT hitl.create_approval_type('x', '{"type": "decimal", "minLength": -1}');
SELECT hitl.create_approval_type('x', '{}', check_function => 'checks.missing');
SELECT hitl.create_approval_type('x', '{}', check_function => 'below');
CREATE FUNCTION checks.number(jsonb, jsonb) RETURNS integer LANGUAGE sql AS 'SELECT 1';
SELECT hitl.create_approval_type('x', '{}', check_function => 'checks.number');
REVOKE ALL ON FUNCTION checks.below(jsonb, jsonb) FROM PUBLIC;
SET ROLE hitl_maker;
SELECT hitl.create_approval_type('x', '{}', check_function => 'checks.below');
SET ROLE hitl_answerer;
SELECT hitl.create_approval_type('x', '{}');
SELECT hitl.drop_approval_type('expense');
RESET ROLE;
SELECT hitl.drop_approval_type(name) FROM hitl.approval_types ORDER BY name;
SELECT hitl.drop_approval_type('expense');
SELECT hitl.revoke_access('hitl_maker'), hitl.revoke_access('hitl_answerer');
DROP FUNCTION form(uuid), tried(text);
SET client_min_messages = warning;
DROP SCHEMA checks CASCADE;
DROP ROLE hitl_maker, hitl_answerer;
-- nobody is left asked
DO $$ BEGIN
	PERFORM hitl.cancel_approval(id) FROM hitl.approval_requests WHERE status = 'pending' AND workflow_id IS NULL;
END $$;
