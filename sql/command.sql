-- commands to workflows that have a definition, and recovery policies
\set SHOW_CONTEXT never
SELECT hitl.create_model('echo', provider => 'builtin', is_default => true);
SELECT hitl.create_workflow('Commanded', workflow_definition => '{"steps": [
	{"name": "ask", "type": "approval", "title": "Commanded?", "requested_from": "nobody"},
	{"name": "then", "type": "task", "task": "{{ $.steps.ask.by }} let it go on"}]}') AS id \gset
CREATE FUNCTION refused(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
	message text;
	detail text;
	hint text;
BEGIN
	EXECUTE command INTO answer;
	RETURN answer;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN regexp_replace(concat_ws(' | ', SQLSTATE, message, nullif(detail, ''), nullif(hint, '')), '[0-9a-f-]{36}', '<id>', 'g');
END $$;
-- before it begins
SELECT refused(format('SELECT hitl.%s(%L)', command, :'id'))
FROM unnest('{pause_workflow,resume_workflow,retry_workflow}'::text[]) AS command;
SELECT refused(format('SELECT hitl.skip_step(%L, %L)', :'id', 'ask'));
SELECT hitl.execute_workflow(:'id') = :'id' AS started;
CALL hitl.await_workflow(:'id', timeout => '30 seconds', status => 'waiting_approval');
-- while it waits
SELECT refused(format('SELECT hitl.resume_workflow(%L)', :'id'));
SELECT refused(format('SELECT hitl.retry_workflow(%L)', :'id'));
SELECT refused(format('SELECT hitl.skip_step(%L, %L)', :'id', 'then'));
SELECT refused(format('SELECT hitl.skip_step(%L, %L)', :'id', 'nothing'));
SELECT refused(format('SELECT hitl.skip_step(%L, %L, scope => 7)', :'id', 'ask'));
SELECT refused(format('SELECT hitl.skip_step(%L, NULL)', :'id'));
SELECT hitl.pause_workflow(:'id', 'wait');
SELECT refused(format('SELECT hitl.pause_workflow(%L)', :'id'));
SELECT refused(format('SELECT hitl.execute_workflow(%L)', :'id'));
SELECT refused(format('SELECT hitl.transition_workflow_status(%L, %L)', :'id', 'running'));
-- a step can be skipped while it is paused, too; the question is withdrawn
SELECT hitl.skip_step(:'id', 'ask', result => '{"by": "Nobody"}', reason => 'not needed');
SELECT status, reason FROM hitl.approval_requests WHERE workflow_id = :'id';
SELECT hitl.resume_workflow(:'id', 'go');
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT event, step, what, CASE who WHEN current_user THEN '<me>' ELSE who END AS who
FROM hitl.workflow_timeline(:'id');
SELECT data -> 'steps' ->> 'then' AS result FROM hitl.workflows WHERE id = :'id';
-- after its end
SELECT refused(format('SELECT hitl.%s(%L)', command, :'id'))
FROM unnest('{pause_workflow,resume_workflow,cancel_workflow,retry_workflow}'::text[]) AS command;
SELECT refused(format('SELECT hitl.skip_step(%L, %L)', :'id', 'then'));
-- only its owner commands
SELECT hitl.create_workflow('Mine', workflow_definition => '{"steps": [{"name": "one", "type": "task", "task": "x"}]}') AS mine \gset
CREATE ROLE regress_other;
SELECT hitl.grant_access('regress_other', 'operator');
SET ROLE regress_other;
\set VERBOSITY sqlstate
SELECT hitl.pause_workflow(:'mine');
SELECT hitl.resume_workflow(:'mine');
SELECT hitl.cancel_workflow(:'mine');
SELECT hitl.retry_workflow(:'mine');
SELECT hitl.skip_step(:'mine', 'one');
SELECT hitl.set_recovery_policy('timeout');
SELECT hitl.drop_recovery_policy('timeout');
SELECT * FROM hitl.recovery_policies;
RESET ROLE;
SELECT hitl.revoke_access('regress_other');
DROP ROLE regress_other;
-- recovery policies
\set VERBOSITY default
SELECT hitl.set_recovery_policy('tiemout');
SELECT hitl.set_recovery_policy('timeout', 0);
SELECT hitl.set_recovery_policy('timeout', 100);
SELECT hitl.set_recovery_policy('timeout', delay => '{"policy": "sometimes", "base_delay": "1 fortnight", "jitters": 1}');
SELECT hitl.set_recovery_policy('timeout', delay => '{"max_attempts": 3}');
SELECT hitl.set_recovery_policy('timeout', delay => '{"on": ["timeout"]}');
SELECT hitl.set_recovery_policy('timeout', delay => '[]');
SELECT hitl.set_recovery_policy('timeout', template => '');
SELECT hitl.set_recovery_policy(NULL);
SELECT hitl.set_recovery_policy('timeout');
SELECT hitl.set_recovery_policy('timeout', 9, '{"policy": "fixed", "base_delay": 5}');
SELECT hitl.set_recovery_policy('timeout', 1, template => 'some');
SELECT failure_kind, template, max_recoveries, delay FROM hitl.recovery_policies ORDER BY template NULLS FIRST;
SELECT hitl.drop_recovery_policy('timeout', 'other'), hitl.drop_recovery_policy('timeout'), hitl.drop_recovery_policy('timeout');
SELECT hitl.drop_recovery_policy('timeout', 'some');
\set VERBOSITY terse
SELECT hitl.recover_failed_workflows('{timeout,tiemout}');
SELECT hitl.recover_failed_workflows(max_workflows => 0);
SELECT hitl.recover_failed_workflows(max_recoveries => NULL);
SELECT hitl.recover_failed_workflows('{cancelled}');
SELECT hitl.failure_kind('{"kind": "timeout"}'), hitl.failure_kind('{}'),
	   hitl.failure_kind('{"kind": "system_error", "message": "step budget exhausted"}');
DROP FUNCTION refused(text);
SELECT hitl.drop_model('echo');
