-- child workflows
\set SHOW_CONTEXT never
SELECT hitl.create_model('echo', provider => 'builtin', is_default => true);
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
CREATE FUNCTION start_parent(step jsonb, more jsonb DEFAULT '[]') RETURNS uuid LANGUAGE sql AS $$
	SELECT hitl.execute_workflow(hitl.create_workflow('Parent', input_data => '{"n": 7}', workflow_definition =>
		jsonb_build_object('steps', jsonb_build_array('{"name": "sub", "type": "workflow"}'::jsonb || step) || more))) $$;
\pset format unaligned

-- inline: its own data, its result
SELECT start_parent('{"definition": {"name": "Inner", "steps": [{"name": "t", "type": "task", "task": "say {{ $.variables.word }}"}]},
	"input": {"word": "{{ $.variables.n }}"}}') AS id \gset
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT data -> 'steps' -> 'sub' -> 'status' AS status, data -> 'steps' -> 'sub' -> 'result' AS result FROM hitl.workflows WHERE id = :'id';
SELECT c.name, c.status, c.template, c.depth, w.data -> 'variables' AS variables, w.owner = current_user AS mine,
	   hitl.partition_of(w.id) = hitl.partition_of(:'id') AS beside, (p.data -> 'steps' -> 'sub' ->> 'workflow_id')::uuid = w.id AS named
FROM hitl.child_workflows c JOIN hitl.workflows w ON w.id = c.workflow_id JOIN hitl.workflows p ON p.id = c.parent_id WHERE c.parent_id = :'id';
SELECT event, step FROM hitl.workflow_timeline(:'id');
SELECT e.event_type, e.data ->> 'parent_id' = :'id' AS parent FROM hitl.workflow_events e JOIN hitl.child_workflows c USING (workflow_id) WHERE c.parent_id = :'id' AND e.seq = 1;

-- by template
SELECT hitl.create_template('greet', definition => '{"steps": [{"name": "t", "type": "task", "task": "{{ $.variables.greeting }} {{ $.variables.whom }}"}]}',
	required_parameters => '{whom}', default_parameters => '{"greeting": "hello"}');
SELECT start_parent('{"template": "greet", "input": {"whom": "world"}}') AS id \gset
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT data -> 'steps' -> 'sub' -> 'result' -> 't' -> 'answer' AS answer FROM hitl.workflows WHERE id = :'id';
SELECT name, template, template_version FROM hitl.child_workflows WHERE parent_id = :'id';
-- ... that cannot be started
SELECT start_parent('{"template": "greet"}') AS id \gset
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT error - 'position' AS error FROM hitl.workflows WHERE id = :'id';
SELECT start_parent('{"template": "gone", "on_error": "continue"}') AS id \gset
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT data -> 'steps' AS steps FROM hitl.workflows WHERE id = :'id';
SELECT start_parent('{"template": "greet", "version": 2, "on_error": "continue"}') AS id \gset
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT data -> 'steps' AS steps FROM hitl.workflows WHERE id = :'id';

-- a child that fails, is rejected, is cancelled
SELECT start_parent('{"definition": {"steps": [{"name": "t", "type": "task", "task": "{{ $.variables.missing }}"}]}}') AS id \gset
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT regexp_replace(error ->> 'message', '[0-9a-f-]{36}', '<id>') AS message, error - 'position' - 'message' AS error FROM hitl.workflows WHERE id = :'id';
\set asks '{"definition": {"steps": [{"name": "ask", "type": "approval", "title": "Go?", "requested_from": "ann"}]}}'
SELECT start_parent(:'asks') AS id \gset
CALL wait_for(format('SELECT count(*) = 1 FROM hitl.child_workflows WHERE parent_id = %L AND status = ''waiting_approval''', :'id'));
SELECT hitl.respond_to_approval(a.id, 'ann', 'rejected', feedback => 'no') FROM hitl.approval_requests a JOIN hitl.child_workflows c USING (workflow_id) WHERE parent_id = :'id';
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT start_parent(:'asks'::jsonb || '{"on_error": "continue"}') AS id \gset
CALL wait_for(format('SELECT count(*) = 1 FROM hitl.child_workflows WHERE parent_id = %L AND status = ''waiting_approval''', :'id'));
SELECT hitl.transition_workflow_status(workflow_id, 'cancelled', 'not needed') FROM hitl.child_workflows WHERE parent_id = :'id';
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT regexp_replace(data -> 'steps' -> 'sub' ->> 'error', '[0-9a-f-]{36}', '<id>') AS error FROM hitl.workflows WHERE id = :'id';

-- a parent that is cancelled takes its children, and theirs, with it
SELECT start_parent(jsonb_build_object('definition', jsonb_build_object('steps',
	jsonb_build_array(jsonb_build_object('name', 'subsub', 'type', 'workflow') || :'asks'::jsonb)))) AS id \gset
CALL wait_for(format('SELECT count(*) = 1 FROM hitl.child_workflows g JOIN hitl.child_workflows c ON c.workflow_id = g.parent_id
	WHERE c.parent_id = %L AND g.status = ''waiting_approval''', :'id'));
SELECT hitl.transition_workflow_status(:'id', 'cancelled', 'all of it');
CALL wait_for(format('SELECT count(*) = 1 FROM hitl.child_workflows g JOIN hitl.child_workflows c ON c.workflow_id = g.parent_id
	WHERE c.parent_id = %L AND g.status = ''cancelled''', :'id'));
SELECT c.depth, c.status, a.status AS approval,
	   (SELECT data FROM hitl.workflow_events e WHERE e.workflow_id = c.workflow_id AND event_type = 'workflow_cancelled') AS why
FROM hitl.child_workflows c LEFT JOIN hitl.approval_requests a USING (workflow_id)
WHERE c.parent_id IN (SELECT workflow_id FROM hitl.child_workflows WHERE parent_id = :'id' UNION ALL SELECT :'id') ORDER BY depth;

-- children without end
SELECT hitl.create_template('matryoshka', definition => '{"steps": [{"name": "inner", "type": "workflow", "template": "matryoshka"}]}');
SELECT start_parent('{"template": "matryoshka"}') AS id \gset
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT right(error ->> 'message', 50) AS message FROM hitl.workflows WHERE id = :'id';
SELECT count(*), max(depth), min(status), max(status) FROM hitl.child_workflows WHERE template = 'matryoshka';

-- its end, told to a parent that waits no more
INSERT INTO hitl.messages (workflow_id, kind, body) VALUES (:'id', 'child', '{"token": 1, "status": "completed"}');
CALL wait_for(format('SELECT count(*) = 0 FROM hitl.messages WHERE workflow_id = %L', :'id'));
SELECT status FROM hitl.workflows WHERE id = :'id';
DROP PROCEDURE wait_for(text);
DROP FUNCTION start_parent(jsonb, jsonb);
SELECT hitl.drop_model('echo');
