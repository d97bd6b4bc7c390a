-- the chain of hashes through the events of a workflow
\set SHOW_CONTEXT never
SELECT hitl.create_model('echo', provider => 'builtin', is_default => true);
SELECT hitl.execute_workflow(hitl.create_workflow('Chained deployment', workflow_definition =>
	'{"steps": [
		{"name": "begin", "type": "checkpoint"},
		{"name": "each", "type": "foreach", "items": "$.variables.list", "as": "n", "steps": [
			{"name": "one", "type": "task", "task": "Größe \"{{ $.variables.n }}\"\n"}]},
		{"name": "ask", "type": "approval", "title": "Go on?", "requested_from": "ann"}]}',
	input_data => '{"list": [1, 2.50, "three"], "large": 12345678901234567890.10}', created_by => E'"a"\\ \t\x01')) AS id \gset
CALL hitl.await_workflow(:'id', timeout => '30 seconds', status => 'waiting_approval');
SELECT * FROM hitl.verify_events(:'id');
-- the hash is what its documentation says, without anything of hitl
SELECT count(*), count(*) FILTER (WHERE hash = computed) AS equal, max(seq) = count(*) AS all_there
FROM (SELECT seq, hash, sha256(lag(hash, 1, decode(repeat('00', 32), 'hex')) OVER (ORDER BY seq)
		|| convert_to(jsonb_build_array(workflow_id, seq, event_type, step_name, position, data, delta, actor, scope,
			(extract(epoch FROM created_at) * 1000000)::bigint)::text, 'UTF8')) AS computed
	  FROM hitl.workflow_events WHERE workflow_id = :'id') AS e;
SELECT count(DISTINCT scope) AS scopes, count(step_name) > 0 AS steps, count(delta) > 0 AS deltas, count(actor) > 0 AS actors
FROM hitl.workflow_events WHERE workflow_id = :'id';
SELECT e.hash = hitl.event_hash(NULL, e) AS first, hitl.event_hash('\x01', e) = e.hash AS after_another, hitl.event_hash('\x01', NULL)
FROM hitl.workflow_events e WHERE workflow_id = :'id' AND seq = 1;
SELECT w.event_hash = e.hash AS is_last FROM hitl.workflows w JOIN hitl.workflow_events e ON e.workflow_id = w.id AND e.seq = w.last_event
WHERE w.id = :'id';

-- what was known stays so, whatever follows
SELECT last_event, event_hash FROM hitl.workflows WHERE id = :'id' \gset
SELECT hitl.rollback_workflow(:'id', 'begin', 'again');
SELECT hitl.update_workflow_state(:'id', '{"list": [4]}') IS NOT NULL AS updated;
SELECT hitl.execute_workflow(:'id') = :'id' AS resumed;
CALL hitl.await_workflow(:'id', timeout => '30 seconds', status => 'waiting_approval');
SELECT hitl.respond_to_approval(approval_id, 'ann', 'approved') FROM hitl.list_pending_approvals(workflow_id => :'id');
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT last_event > :last_event AS more FROM hitl.workflows WHERE id = :'id';
SELECT * FROM hitl.verify_events(:'id');
SELECT * FROM hitl.verify_events(:'id', known_seq => :last_event, known_hash => :'event_hash');
SELECT * FROM hitl.verify_events(:'id', known_seq => 1, known_hash => :'event_hash');
SELECT * FROM hitl.verify_events(:'id', known_seq => 1000, known_hash => :'event_hash');

-- one that its owner moves
SELECT hitl.create_workflow('By hand') AS hand \gset
SELECT hitl.transition_workflow_status(:'hand', 'running');
SELECT hitl.transition_workflow_status(:'hand', 'completed');
SELECT * FROM hitl.verify_events(:'hand');

-- tampering is found, each kind of it
\set VERBOSITY terse
CREATE FUNCTION tamper(statement text) RETURNS TABLE (seq integer, fault text) LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	BEGIN
		EXECUTE statement;
		GET DIAGNOSTICS n = ROW_COUNT;
		ASSERT n > 0;
		RETURN QUERY SELECT f.* FROM hitl.verify_events((SELECT id FROM hitl.workflows WHERE name = 'Chained deployment')) f;
		RAISE 'undo' USING ERRCODE = 'ZZ999';
	EXCEPTION WHEN SQLSTATE 'ZZ999' THEN
		NULL;
	END;
END
$$;
SELECT * FROM tamper('SELECT 1');
SELECT column_name, f.* FROM (VALUES
		('event_type', '''workflow_paused'''), ('step_name', '''other'''), ('position', '''/steps/9'''),
		('data', '''{"reason": "none"}'''), ('delta', 'coalesce(delta, ''{}'') || ''{"variables": {}}'''),
		('actor', '''bob'''), ('scope', '77'), ('created_at', 'created_at + interval ''1 microsecond'''),
		('hash', 'sha256(hash)'), ('hash', 'NULL')) AS t (column_name, value),
	tamper(format('UPDATE hitl.workflow_events SET %s = %s WHERE seq = 3 AND workflow_id = %L', column_name, value, :'id')) AS f;
SELECT f.* FROM tamper(format('DELETE FROM hitl.workflow_events WHERE seq = 1 AND workflow_id = %L', :'id')) f;
SELECT f.* FROM tamper(format('DELETE FROM hitl.workflow_events WHERE seq IN (3, 4) AND workflow_id = %L', :'id')) f;
SELECT seq - :last_event AS behind, left(fault, 13) AS fault
FROM tamper(format('DELETE FROM hitl.workflow_events WHERE seq > %s AND workflow_id = %L', :last_event, :'id')) f;
-- the same, hidden
SELECT seq - :last_event AS behind, regexp_replace(fault, '[0-9a-f-]{36}', '<id>') AS fault FROM tamper(format('WITH d AS (DELETE FROM hitl.workflow_events WHERE seq > %2$s AND workflow_id = %1$L)'
	'UPDATE hitl.workflows SET last_event = %2$s WHERE id = %1$L', :'id', :last_event)) f;
SELECT f.* FROM tamper(format('UPDATE hitl.workflow_events SET seq = CASE seq WHEN 3 THEN 4000 ELSE seq END WHERE workflow_id = %L', :'id')) f
WHERE seq = 3 OR fault NOT LIKE 'added%';
SELECT seq = (SELECT last_event + 1 FROM hitl.workflows WHERE id = :'id') AS behind, left(fault, 5) AS fault
FROM tamper(format('INSERT INTO hitl.workflow_events SELECT (e).* FROM (SELECT jsonb_populate_record(e, jsonb_build_object(''seq'', seq + 1)) AS e'
	' FROM hitl.workflow_events e WHERE workflow_id = %L ORDER BY seq DESC LIMIT 1) AS e', :'id')) f;
SELECT f.* FROM tamper(format('UPDATE hitl.workflow_events SET seq = 0 WHERE seq = 1 AND workflow_id = %L', :'id')) f;
SELECT fault FROM tamper(format('UPDATE hitl.workflows SET event_hash = NULL WHERE id = %L', :'id')) f;
SELECT fault FROM tamper(format('UPDATE hitl.workflow_events SET hash = NULL WHERE workflow_id = %L', :'id')) f;
-- Two events change places.
SELECT f.* FROM tamper(format('UPDATE hitl.workflow_events a SET event_type = b.event_type, step_name = b.step_name, position = b.position,'
	' data = b.data, delta = b.delta, actor = b.actor, scope = b.scope, created_at = b.created_at, hash = b.hash'
	' FROM hitl.workflow_events b WHERE a.workflow_id = %L AND b.workflow_id = a.workflow_id AND a.seq IN (2, 3) AND b.seq = 5 - a.seq', :'id')) f;
-- The chain is made anew: what somebody has kept outside tells.
UPDATE hitl.workflow_events SET actor = 'bob' WHERE workflow_id = :'id' AND seq = 2;
DO $$
DECLARE
	e hitl.workflow_events;
	previous bytea;
BEGIN
	FOR e IN SELECT v.* FROM hitl.workflow_events v JOIN hitl.workflows w ON w.id = v.workflow_id
		WHERE w.name = 'Chained deployment' ORDER BY v.seq LOOP
		previous := hitl.event_hash(previous, e);
		UPDATE hitl.workflow_events v SET hash = previous WHERE v.workflow_id = e.workflow_id AND v.seq = e.seq;
	END LOOP;
	UPDATE hitl.workflows SET event_hash = previous WHERE name = 'Chained deployment';
END
$$;
SELECT * FROM hitl.verify_events(:'id');
SELECT seq = :last_event AS is_known, fault FROM hitl.verify_events(:'id', known_seq => :last_event, known_hash => :'event_hash');

-- events of versions that did not chain them: the chain begins with the next one
SELECT hitl.create_workflow('Old') AS old \gset
SELECT hitl.transition_workflow_status(:'old', 'running');
UPDATE hitl.workflow_events SET hash = NULL WHERE workflow_id = :'old';
SELECT fault FROM hitl.verify_events(:'old');
UPDATE hitl.workflows SET event_hash = NULL WHERE id = :'old';
SELECT * FROM hitl.verify_events(:'old');
SELECT hitl.transition_workflow_status(:'old', 'waiting');
SELECT hitl.transition_workflow_status(:'old', 'running');
SELECT seq, hash IS NOT NULL AS chained FROM hitl.workflow_events WHERE workflow_id = :'old' ORDER BY seq;
SELECT * FROM hitl.verify_events(:'old');
UPDATE hitl.workflow_events SET hash = NULL WHERE workflow_id = :'old' AND seq = 4;
SELECT * FROM hitl.verify_events(:'old');
UPDATE hitl.workflow_events SET hash = NULL WHERE workflow_id = :'old';
SELECT * FROM hitl.verify_events(:'old');

-- errors, and who may
SELECT hitl.verify_events('00000000-0000-7000-8000-000000000000');
SELECT hitl.verify_events(NULL);
SELECT hitl.verify_events(:'id', 1);
SELECT hitl.verify_events(:'id', known_hash => '\x00');
CREATE ROLE regress_viewer;
SET ROLE regress_viewer;
SELECT hitl.verify_events(:'id');
RESET ROLE;
SELECT hitl.grant_access('regress_viewer', 'viewer');
SET ROLE regress_viewer;
SELECT * FROM hitl.verify_events(:'id');
SELECT hitl.event_hash(NULL, NULL);
RESET ROLE;
SELECT hitl.revoke_access('regress_viewer');
DROP ROLE regress_viewer;
