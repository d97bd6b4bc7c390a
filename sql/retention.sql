-- removing what ended long ago
\set SHOW_CONTEXT never
SELECT hitl.first_id('2026-01-01 00:00:00.123Z'), hitl.time_of(hitl.first_id('2026-01-01 00:00:00.123Z')) = '2026-01-01 00:00:00.123Z' AS same,
	   hitl.first_id('1900-01-01') AS earliest, abs(extract(epoch FROM hitl.time_of(hitl.uuidv7()) - clock_timestamp())) < 1 AS now;
SELECT hitl.create_model('echo', provider => 'builtin', is_default => true);
SELECT hitl.configure_channel('nowhere', 'webhook', '{"url": "https://nowhere.invalid/"}', is_default => false);
-- a client's transaction leaves the engine a message; wait until it is gone
CREATE PROCEDURE settle() LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1..3000 LOOP
		EXIT WHEN NOT EXISTS (SELECT FROM hitl.messages m WHERE m.due_at <= clock_timestamp());
		COMMIT;
		PERFORM pg_sleep(0.01);
	END LOOP;
END $$;
CALL settle();
SELECT hitl.purge('0', max_workflows => 1000000) >= 0 AS clean;
DELETE FROM hitl.purges;
\set definition '{"steps": [{"name": "point", "type": "checkpoint"}, {"name": "do", "type": "task", "task": "x"}, {"name": "ask", "type": "approval", "title": "Go?", "requested_from": "ann", "channels": ["nowhere"]}]}'
CREATE FUNCTION left_of(ids uuid[]) RETURNS TABLE (in_table text, row_count bigint) LANGUAGE plpgsql AS $$
DECLARE
	t record;
BEGIN
	FOR t IN SELECT a.attrelid::regclass AS name, CASE a.attrelid WHEN 'hitl.workflows'::regclass THEN 'id' ELSE 'workflow_id' END AS key
			 FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
			 WHERE c.relnamespace = 'hitl'::regnamespace AND c.relkind = 'r'
			   AND (a.attname = 'workflow_id' OR a.attrelid = 'hitl.workflows'::regclass AND a.attname = 'id') ORDER BY 1 LOOP
		in_table := t.name;
		EXECUTE format('SELECT count(*) FROM %s WHERE %I = ANY ($1)', t.name, t.key) INTO row_count USING ids;
		IF row_count > 0 THEN RETURN NEXT; END IF;
	END LOOP;
END $$;
SELECT hitl.execute_workflow(hitl.create_workflow('Old', workflow_definition => :'definition')) AS old \gset
SELECT hitl.execute_workflow(hitl.create_workflow('Alive', workflow_definition => :'definition')) AS alive \gset
CALL hitl.await_workflow(:'old', timeout => '30 seconds', status => 'waiting_approval');
CALL hitl.await_workflow(:'alive', timeout => '30 seconds', status => 'waiting_approval');
SELECT hitl.respond_to_approval(approval_id, 'ann', 'approved') FROM hitl.list_pending_approvals(workflow_id => :'old');
CALL hitl.await_workflow(:'old', timeout => '30 seconds');
CALL settle();
SELECT array_agg(in_table ORDER BY in_table) @> '{hitl.approval_requests,hitl.workflow_checkpoints,hitl.workflow_events,hitl.workflows}' AS all_there
FROM left_of(ARRAY[:'old']::uuid[]);
SELECT hitl.purge('1 day');
SELECT hitl.purge('0', statuses => '{failed,cancelled}');
SELECT hitl.purge('0');
SELECT * FROM left_of(ARRAY[:'old']::uuid[]) WHERE in_table <> 'hitl.outbox';	-- by their own age
SELECT count(*) AS orphaned FROM hitl.approval_responses r WHERE NOT EXISTS (SELECT FROM hitl.approval_requests a WHERE a.id = r.approval_id);
SELECT status FROM hitl.workflows WHERE id = :'alive';
SELECT purged_by = current_user AS by_me, older_than, statuses, workflows, events FROM hitl.purges WHERE workflows > 0;
-- a family goes together, when all of it has ended
SELECT hitl.create_workflow('Parent') AS parent \gset
SELECT hitl.create_workflow('Child') AS child \gset
SELECT hitl.create_workflow('Grandchild') AS grandchild \gset
UPDATE hitl.workflows SET parent_id = CASE id WHEN :'child' THEN :'parent'::uuid ELSE :'child' END WHERE id IN (:'child', :'grandchild');
SELECT hitl.transition_workflow_status(:'child', 'cancelled');
CALL settle();
SELECT hitl.purge('0');
SELECT hitl.transition_workflow_status(:'parent', 'cancelled');
CALL settle();
SELECT hitl.purge('0');
SELECT hitl.transition_workflow_status(:'grandchild', 'cancelled');
CALL settle();
SELECT hitl.purge('0');
SELECT * FROM left_of(ARRAY[:'parent', :'child', :'grandchild']::uuid[]);
-- a child whose parent is not there any more goes alone
SELECT hitl.create_workflow('Orphan') AS orphan \gset
UPDATE hitl.workflows SET parent_id = :'parent' WHERE id = :'orphan';
SELECT hitl.transition_workflow_status(:'orphan', 'cancelled');
CALL settle();
SELECT hitl.purge('0');
-- so many at most
SELECT count(hitl.transition_workflow_status(hitl.create_workflow('One of ten'), 'cancelled')) FROM generate_series(1, 10);
CALL settle();
SELECT hitl.purge('0', max_workflows => 4);
SELECT hitl.purge('0', max_workflows => 100);
-- the limits of a batch pass nobody over
SELECT count(hitl.transition_workflow_status(hitl.create_workflow('One of fifty'), 'cancelled')) FROM generate_series(1, 50);
CALL settle();
SELECT workflows, more, next_end, hitl.time_of(reached) > now() - interval '1 minute' AS moved
FROM hitl.purge_workflows(clock_timestamp(), '{cancelled}', hitl.first_id('1970-01-01'), 1000, 1000, 5);
SELECT workflows, more FROM hitl.purge_workflows(clock_timestamp(), '{cancelled}', hitl.first_id('1970-01-01'), 1000, 7, 1000);
SELECT hitl.purge('0');
-- approvals of no workflow, once they are decided
SELECT hitl.request_approval('Alone?', requested_from => 'ann') AS decided \gset
SELECT hitl.request_approval('Still?', requested_from => 'ann') AS pending \gset
SELECT hitl.respond_to_approval(:'decided', 'ann', 'rejected');
SELECT hitl.purge('0', statuses => '{completed}');
SELECT count(*) FROM hitl.approval_requests WHERE id = :'decided';
SELECT hitl.purge('0');
SELECT id = :'pending' AS pending FROM hitl.approval_requests WHERE id IN (:'decided', :'pending');
SELECT count(*) FROM hitl.approval_responses WHERE approval_id = :'decided';
SELECT hitl.cancel_approval(:'pending');
-- and with them all that hangs on them; of those that belong to a workflow with it
SELECT hitl.create_approval_rule('watch', '$.title == "Hangs?"', 'ask');
SELECT hitl.create_workflow('With a request') AS asking \gset
SELECT hitl.request_approval('Hangs?', requested_from => 'ann', channels => '{nowhere}') AS alone \gset
SELECT hitl.request_approval('Hangs?', requested_from => 'ann', channels => '{nowhere}', workflow_id => :'asking') AS bound \gset
SELECT hitl.drop_approval_rule('watch');
CREATE FUNCTION hanging(ids uuid[]) RETURNS TABLE (in_table text, row_count bigint) LANGUAGE plpgsql AS $$
BEGIN
	FOR in_table IN SELECT a.attrelid::regclass::text FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
			WHERE c.relnamespace = 'hitl'::regnamespace AND c.relkind = 'r' AND a.attname = 'approval_id' AND c.relname <> 'outbox' ORDER BY 1 LOOP
		EXECUTE format('SELECT count(*) FROM %s WHERE approval_id = ANY ($1)', in_table) INTO row_count USING ids;
		RETURN NEXT;
	END LOOP;
END $$;
SELECT count(hitl.revise_approval(a, title => 'Hangs!')) FROM unnest(ARRAY[:'alone', :'bound']::uuid[]) AS a;
SELECT count(hitl.make_action_token(NULL, a, 'ann', now() + interval '1 day')) FROM unnest(ARRAY[:'alone', :'bound']::uuid[]) AS a;
SELECT * FROM hanging(ARRAY[:'alone', :'bound']::uuid[]);
SELECT hitl.respond_to_approval(id, 'ann', 'approved', content_hash => content_hash) FROM hitl.approval_requests WHERE id IN (:'alone', :'bound');
INSERT INTO hitl.approval_asks SELECT 'left behind', a FROM unnest(ARRAY[:'alone', :'bound']::uuid[]) AS a;	-- by hand
CALL settle();
SELECT hitl.transition_workflow_status(:'asking', 'cancelled');
CALL settle();
INSERT INTO hitl.approval_reminders VALUES ('long ago', now() - interval '32 days'), ('lately', now() - interval '30 days');
SELECT hitl.purge('0');
SELECT * FROM hanging(ARRAY[:'alone', :'bound']::uuid[]);
DELETE FROM hitl.approval_reminders WHERE name IN ('long ago', 'lately') RETURNING name;
DROP FUNCTION hanging(uuid[]);
-- requests that are done with
INSERT INTO hitl.outbox (id, purpose, url, idempotency_key, status, finished_at, next_attempt_at)
SELECT hitl.uuidv7(), 'notification', 'https://nowhere.invalid/', 'purge ' || s, s, CASE WHEN s <> 'queued' THEN now() END, 'infinity'
FROM unnest('{queued,delivered,failed,cancelled}'::text[]) AS s;
SELECT hitl.purge('0');
SELECT status FROM hitl.outbox WHERE idempotency_key LIKE 'purge %';
DELETE FROM hitl.outbox WHERE idempotency_key LIKE 'purge %';
-- definitions that nobody has used for two days, and nobody has
\set def_unused '{"steps": [{"name": "unused", "type": "checkpoint"}]}'
\set def_kept '{"steps": [{"name": "kept", "type": "checkpoint"}]}'
\set def_named '{"steps": [{"name": "named", "type": "checkpoint"}]}'
SELECT hitl.create_workflow('Gone', workflow_definition => :'def_unused') AS gone \gset
SELECT hitl.create_workflow('Kept', workflow_definition => :'def_kept') AS kept \gset
SELECT hitl.create_template('kept', definition => :'def_named');
SELECT hitl.transition_workflow_status(:'gone', 'cancelled');
CALL settle();
SELECT hitl.purge('0');
SELECT count(*) FROM hitl.definitions WHERE definition IN (:'def_unused', :'def_kept', :'def_named');
UPDATE hitl.definitions SET last_used_at = now() - interval '49 hours';
SELECT hitl.purge('0');
SELECT definition -> 'steps' -> 0 ->> 'name' AS step FROM hitl.definitions WHERE definition IN (:'def_unused', :'def_kept', :'def_named') ORDER BY 1;
-- to use one again is noted, and one that went is stored again
SELECT hitl.create_workflow('Again', workflow_definition => :'def_kept') IS NOT NULL AS created;
SELECT hitl.create_workflow('Again', workflow_definition => :'def_unused') IS NOT NULL AS created;
SELECT count(*) FROM hitl.definitions WHERE definition IN (:'def_unused', :'def_kept') AND last_used_at > now() - interval '1 minute';
SELECT count(hitl.transition_workflow_status(id, 'cancelled')) FROM hitl.workflows WHERE name IN ('Again', 'Kept', 'Alive');
-- what is wrong
SELECT hitl.purge(NULL);
SELECT hitl.purge('-1 day');
SELECT hitl.purge('0', max_workflows => 0);
SELECT hitl.purge('0', statuses => '{running}');
SELECT hitl.purge('0', statuses => '{completed,NULL}');
DROP PROCEDURE settle();
DROP FUNCTION left_of(uuid[]);
