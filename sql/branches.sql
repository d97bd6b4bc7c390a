-- branches, scopes and timers: where a workflow is, what is left of it
\set SHOW_CONTEXT never
SELECT hitl.create_model('echo', provider => 'builtin', is_default => true);
SELECT hitl.create_workflow('branches', workflow_definition => '{"steps": [
	{"name": "both", "type": "parallel", "branches": [
		[{"name": "each", "type": "foreach", "items": "$.variables.orders", "as": "order", "concurrency": 2, "steps": [
			{"name": "check", "type": "task", "task": "{{ $.variables.order.id }} in {{ $.variables.currency }}",
			 "output": "$.variables.checked"},
			{"name": "ask", "type": "approval", "title": "{{ $.variables.checked.answer }}?", "requested_from": "ann"},
			{"name": "done", "type": "task", "task": "{{ $.steps.check.answer }} {{ $.steps.ask.decision }}"}]}],
		[{"name": "pause", "type": "wait", "for": "1 day"}],
		[{"name": "hear", "type": "signal", "signal": "go", "timeout": "2 days"}]]},
	{"name": "last", "type": "task", "task": "{{ $.steps.each[*].answer }} {{ $.steps.hear.payload.n }}"}
]}', input_data => '{"currency": "EUR", "orders": [{"id": 1}, {"id": 2}, {"id": 3}]}') AS id \gset
SELECT hitl.execute_workflow(:'id') = :'id' AS started;
CALL hitl.await_workflow(:'id', timeout => '30 seconds', status => 'waiting_approval');
CREATE FUNCTION shown(id uuid) RETURNS TABLE (branch bigint, scope bigint, parent bigint, status text, steps text, data jsonb, result jsonb)
LANGUAGE sql AS $$
	SELECT branch, scope, parent_scope, status, (SELECT string_agg(concat_ws(' ', a ->> 'step', a ->> 'state'), ', ')
		FROM jsonb_array_elements(control -> 'active') a), jsonb_strip_nulls(data #- '{steps,ask}'), result
	FROM hitl.workflow_branches WHERE workflow_id = $1 ORDER BY branch $$;
SELECT * FROM shown(:'id');
SELECT kind, token IS NOT NULL AS token, round(extract(epoch FROM due_at - now()) / 86400) AS days
FROM hitl.messages WHERE workflow_id = :'id' ORDER BY due_at;
SELECT s ->> 'status' AS status, s ->> 'current_step' AS step, s -> 'active_counts' AS counts,
	   jsonb_array_length(s -> 'pending_approvals') AS approvals, s #>> '{awaited_signals,0,signal}' AS signal,
	   (s ->> 'next_timer')::timestamptz > now() AS timer
FROM hitl.get_workflow_status(:'id') AS s;
SELECT a ->> 'step' AS step, a ->> 'state' AS state, a ->> 'branch' AS branch, a ->> 'scope' AS scope
FROM hitl.get_workflow_status(:'id') AS s, jsonb_array_elements(s -> 'active_steps') AS a;
SELECT hitl.create_checkpoint(:'id', 'asked') IS NOT NULL AS checkpoint;
SELECT jsonb_array_length(branches) FROM hitl.workflow_checkpoints WHERE workflow_id = :'id';
-- one answer: the next element begins, and a signal ends its branch and the timer of it
SELECT hitl.respond_to_approval(approval_id, 'ann', 'approved') FROM hitl.list_pending_approvals('ann', :'id') WHERE title = '2 in EUR?';
SELECT hitl.send_signal(:'id', 'go', '{"n": 7}');
DO $$
BEGIN
	FOR i IN 1 .. 3000 LOOP
		EXIT WHEN EXISTS (SELECT FROM hitl.workflow_branches WHERE result = '"completed"')
			AND EXISTS (SELECT FROM hitl.pending_approvals WHERE title = '3 in EUR?');
		COMMIT;
		PERFORM pg_sleep(0.01);
	END LOOP;
END
$$;
SELECT * FROM shown(:'id');
SELECT kind, round(extract(epoch FROM due_at - now()) / 86400) AS days FROM hitl.messages WHERE workflow_id = :'id' ORDER BY due_at;
-- back: branches, scopes and their data are as they were
SELECT hitl.rollback_workflow(:'id', 'asked', 'once more');
SELECT * FROM shown(:'id');
SELECT count(*) FROM hitl.messages WHERE workflow_id = :'id' AND kind = 'timer';
SELECT count(*) FROM hitl.list_pending_approvals('ann', :'id');
SELECT hitl.execute_workflow(:'id') = :'id' AS started;
CALL hitl.await_workflow(:'id', timeout => '30 seconds', status => 'waiting_approval');
SELECT title FROM hitl.list_pending_approvals('ann', :'id') ORDER BY title;
SELECT kind, round(extract(epoch FROM due_at - now()) / 86400) AS days FROM hitl.messages WHERE workflow_id = :'id' ORDER BY due_at;
SELECT event, step, what FROM hitl.workflow_timeline(:'id') WHERE event <> 'approval responded' OFFSET 5 LIMIT 4;
-- cancelled: nothing is awaited, nothing is left
SELECT hitl.cancel_workflow(:'id', 'enough');
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT count(*) AS branches FROM hitl.workflow_branches;
SELECT count(*) AS timers FROM hitl.messages WHERE kind = 'timer';
SELECT count(*) AS signals FROM hitl.awaited_signals;
SELECT DISTINCT status FROM hitl.approval_requests WHERE workflow_id = :'id' AND title = '1 in EUR?';
DROP FUNCTION shown;
SELECT hitl.drop_model('echo');
