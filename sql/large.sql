-- variables and results of more than 4 kB stay in the trail
\set SHOW_CONTEXT never
SELECT hitl.create_model('echo', provider => 'builtin', is_default => true);
SELECT hitl.create_workflow('large', workflow_definition => '{"steps": [
	{"name": "first", "type": "task", "task": "{{ $.variables.big }}"},
	{"name": "here", "type": "checkpoint"},
	{"name": "second", "type": "task", "task": "{{ $.steps.first.answer }}", "when": "$.variables.big like_regex \"^x+$\""},
	{"name": "ask", "type": "approval", "title": "Go?", "requested_from": "ann"},
	{"name": "all", "type": "task", "task": "{{ $.*.second.answer }}"},
	{"name": "none", "type": "task", "task": "not to be done", "when": "$.variables.missing == 1"}
]}', input_data => jsonb_build_object('big', repeat('x', 5000), 'small', 1)) AS id \gset
CREATE FUNCTION shape(id uuid) RETURNS TABLE (stored jsonb, large jsonb, lengths text) LANGUAGE sql AS $$
	SELECT w.data, w.large, (SELECT string_agg(concat_ws(' ', a.key, m.key, length(m.value::text)), ', ' ORDER BY a.key, m.key)
		FROM jsonb_each(hitl.workflow_data(w.id)) a, jsonb_each(a.value) m)
	FROM hitl.workflows w WHERE w.id = $1 $$;
SELECT hitl.execute_workflow(:'id') = :'id' AS started;
CALL hitl.await_workflow(:'id', timeout => '30 seconds', status => 'waiting_approval');
SELECT * FROM shape(:'id');
SELECT data, large FROM hitl.workflow_checkpoints WHERE workflow_id = :'id';
SELECT length(s #>> '{variables,big}') AS big, length(s #>> '{results,second,answer}') AS second
FROM hitl.get_workflow_status(:'id') AS s;
-- a new value, small or large, takes the place of the old one
SELECT length(v ->> 'big') AS big, length(v ->> 'other') AS other
FROM hitl.update_workflow_state(:'id', jsonb_build_object('other', repeat('y', 6000))) AS v;
SELECT large FROM hitl.workflows WHERE id = :'id';
SELECT hitl.update_workflow_state(:'id', '{"big": "small now", "other": 2}');
SELECT * FROM shape(:'id');
SELECT length(v ->> 'small') AS small
FROM hitl.update_workflow_state(:'id', jsonb_build_object('small', repeat('z', 7000))) AS v;
SELECT large FROM hitl.workflows WHERE id = :'id';
-- removing a variable replaces all; what was large is in that event then
SELECT length(hitl.update_workflow_state(:'id', '{"more": true}', remove => ARRAY['big']) ->> 'small') AS small;
SELECT * FROM shape(:'id');
SELECT hitl.update_workflow_state(:'id', '{"small": 3}');
SELECT * FROM shape(:'id');
-- back to the checkpoint: the values of then
SELECT hitl.rollback_workflow(:'id', 'here');
SELECT * FROM shape(:'id');
SELECT delta FROM hitl.workflow_events WHERE workflow_id = :'id' AND event_type = 'rolled_back';
SELECT hitl.execute_workflow(:'id') = :'id' AS started;
CALL hitl.await_workflow(:'id', timeout => '30 seconds', status => 'waiting_approval');
SELECT hitl.respond_to_approval(approval_id, 'ann', 'approved') FROM hitl.list_pending_approvals('ann', :'id');
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT large, lengths FROM shape(:'id');
SELECT step_name, outcome, length(result::text) FROM hitl.workflow_steps WHERE workflow_id = :'id' ORDER BY event;
-- what a workflow is made of without the engine
SELECT hitl.create_workflow('by hand', input_data => jsonb_build_object('big', repeat('x', 5000))) AS id \gset
SELECT large, length(hitl.workflow_data(id) #>> '{variables,big}') FROM hitl.workflows WHERE id = :'id';
SELECT length(hitl.update_workflow_state(:'id', '{"small": 1}') ->> 'big') AS big;
SELECT * FROM shape(:'id');
SELECT hitl.workflow_data('00000000-0000-7000-8000-000000000000') IS NULL AS none;
DROP FUNCTION shape;
SELECT hitl.drop_model('echo');
