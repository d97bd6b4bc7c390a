-- does everything about a request fit together, in the tables and in receipts
\set SHOW_CONTEXT never
SELECT hitl.create_group('board', members => '{}');
SELECT hitl.create_principal(p) FROM unnest('{anna,bert,cyril}'::text[]) AS p;
SELECT hitl.add_member('board', p) FROM unnest('{anna,bert,cyril}'::text[]) AS p;
CREATE FUNCTION faults(id uuid) RETURNS TABLE (what text, fault text) LANGUAGE sql AS
$$ SELECT what, regexp_replace(fault, '[0-9a-f]{8}-[0-9a-f-]{27}', '<id>') FROM hitl.verify_approval(id) $$;
-- what a superuser has changed, seen and undone
CREATE FUNCTION after(statement text, id uuid) RETURNS TABLE (what text, fault text) LANGUAGE plpgsql AS $$
DECLARE
	found text[];
	count integer;
BEGIN
	BEGIN
		EXECUTE statement USING id;
		GET DIAGNOSTICS count = ROW_COUNT;
		found := ARRAY(SELECT f.what || ': ' || f.fault FROM faults(id) AS f);
		RAISE EXCEPTION USING ERRCODE = 'P0099';
	EXCEPTION WHEN SQLSTATE 'P0099' THEN NULL;
	END;
	IF count = 0 THEN
		RAISE EXCEPTION 'nothing was changed by %', statement;
	END IF;
	RETURN QUERY SELECT split_part(f, ': ', 1), substr(f, length(split_part(f, ': ', 1)) + 3) FROM unnest(found) AS f;
END $$;

-- ---- requests of all kinds fit together ----
SELECT hitl.request_approval('Refund?', description => 'Order 7', context_data => '{"amount": 420.50, "note": "sch\u00f6n \"neu\"\n\u0001"}',
	requested_by => 'shop', policy => '{"any_of": [{"from": "anna"}, {"from": ["bert", "cyril"], "count": 2}], "timeout": "1 day"}') AS id \gset
SELECT * FROM faults(:'id');
SELECT hitl.respond_to_approval(:'id', 'cyril', 'commented', feedback => 'who is it?');
SELECT hitl.respond_to_approval(:'id', 'bert', 'approved', feedback => 'fine', channel => 'slack', evidence => '{"user": "U1"}');
SELECT hitl.respond_to_approval(:'id', 'cyril', 'modified', edits => '{"amount": 400}');
SELECT hitl.respond_to_approval(:'id', 'bert', 'approved', content_hash => content_hash) FROM hitl.approval_requests WHERE id = :'id';
SELECT status, round, acts FROM hitl.approval_requests WHERE id = :'id';
SELECT hitl.reassign_approval(:'id', 'doris', 'anna', 'on holiday');
SELECT hitl.reassign_approval(:'id', 'eve', 'doris');
SELECT * FROM faults(:'id');
SELECT hitl.respond_to_approval(:'id', 'eve', 'approved', feedback => 'yes', content_hash => content_hash) FROM hitl.approval_requests WHERE id = :'id';
SELECT * FROM faults(:'id');
SELECT status, reason, decided_by FROM hitl.approval_requests WHERE id = :'id';

-- groups: decided by how many were in them, which may be others now
SELECT hitl.request_approval('Majority?', policy => '{"from": "board", "percent": 60}') AS majority \gset
SELECT hitl.respond_to_approval(:'majority', 'anna', 'approved');
SELECT hitl.respond_to_approval(:'majority', 'bert', 'approved');
SELECT hitl.request_approval('Unanimous?', policy => '{"from": "board", "count": 3}') AS unanimous \gset
SELECT hitl.respond_to_approval(:'unanimous', 'anna', 'rejected');
SELECT hitl.request_approval('Half?', policy => '{"from": "board", "percent": 50}') AS half \gset
SELECT hitl.respond_to_approval(:'half', 'anna', 'abstained');
SELECT hitl.respond_to_approval(:'half', 'cyril', 'rejected');
SELECT hitl.request_approval('One of them?', required_approvers => '{board,zoe}', timeout_hours => 10) AS silent \gset
SELECT hitl.respond_to_approval(:'silent', 'anna', 'approved');
SELECT hitl.create_principal('doris'), hitl.add_member('board', 'doris'), hitl.remove_member('board', 'anna');
SELECT a.title, a.status, a.reason, a.decided_by, f.* FROM hitl.approval_requests a LEFT JOIN faults(a.id) AS f ON true
WHERE a.id IN (:'majority', :'unanimous', :'half', :'silent') ORDER BY a.title;
SELECT hitl.remove_member('board', m) FROM unnest('{bert,cyril,doris}'::text[]) AS m;
SELECT count(*) AS faults FROM faults(:'majority') UNION ALL SELECT count(*) FROM faults(:'half');

-- ended otherwise: withdrawn, by hand, by time, by a rule, by a veto, not before changes
SELECT hitl.request_approval('Cancelled?', requested_from => 'anna') AS cancelled \gset
SELECT hitl.cancel_approval(:'cancelled', 'approved');
SELECT hitl.request_approval('Expired by hand?', requested_from => 'anna') AS by_hand \gset
SELECT hitl.expire_approval(:'by_hand');
SELECT hitl.request_approval('Expired?', requested_from => 'anna', timeout_hours => 0.00001) AS expired \gset
SELECT hitl.request_approval('Silence approves?', policy => '{"from": "anna", "timeout": "20ms", "on_silence": "approve"}') AS silence \gset
SELECT hitl.request_approval('Changes wanted?', policy => '{"any_of": ["anna", "bert"], "timeout": "1 hour"}') AS changes \gset
SELECT hitl.respond_to_approval(:'changes', 'anna', 'modified', feedback => 'other words');
SELECT hitl.respond_to_approval(:'changes', 'bert', 'approved');
SELECT hitl.request_approval('Revised?', requested_from => 'anna') AS revised \gset
SELECT hitl.revise_approval(:'revised', title => 'Revised!', comment => 'better') IS NOT NULL AS revised;
SELECT hitl.provide_information(:'revised', 'all is said', '{"page": 3}');
CALL hitl.await_approval(:'expired', timeout => '30 seconds');
CALL hitl.await_approval(:'silence', timeout => '30 seconds');
SELECT hitl.create_approval_rule('small', '$.context_data.amount < 100', 'approve');
SELECT hitl.create_approval_rule('huge', '$.context_data.amount > 100000', 'deny');
SELECT hitl.request_approval('Small?', context_data => '{"amount": 5}') AS small \gset
SELECT hitl.request_approval('Huge?', context_data => '{"amount": 500000}') AS huge \gset
SELECT hitl.request_approval('Middle?', context_data => '{"amount": 500}') AS middle \gset
SELECT hitl.drop_approval_rule('small'), hitl.drop_approval_rule('huge');
SELECT a.title, a.status, a.reason, f.* FROM hitl.approval_requests a LEFT JOIN faults(a.id) AS f ON true
WHERE a.id IN (:'cancelled', :'by_hand', :'expired', :'silence', :'changes', :'revised', :'small', :'huge', :'middle') ORDER BY a.title;
SELECT * FROM hitl.verify_approval('00000000-0000-7000-8000-000000000000');

-- ---- what is changed by hand is found ----
SELECT * FROM after('UPDATE hitl.approval_responses SET decision = ''rejected'' WHERE approval_id = $1 AND approver_id = ''eve''', :'id');
SELECT * FROM after('UPDATE hitl.approval_responses SET feedback = ''no'' WHERE approval_id = $1 AND approver_id = ''eve''', :'id');
SELECT * FROM after('UPDATE hitl.approval_responses SET approver_id = ''zed'' WHERE approval_id = $1 AND approver_id = ''bert''', :'majority');
SELECT * FROM after('UPDATE hitl.approval_responses SET approver_id = ''zed'' WHERE approval_id = $1 AND approver_id = ''eve''', :'id');
SELECT * FROM after('UPDATE hitl.approval_responses SET evidence = NULL WHERE approval_id = $1 AND number = 2', :'id');
SELECT * FROM after('UPDATE hitl.approval_responses SET responded_at = responded_at - interval ''1 microsecond'' WHERE approval_id = $1 AND number = 1', :'id');
SELECT * FROM after('UPDATE hitl.approval_responses SET standing = false WHERE approval_id = $1 AND approver_id = ''eve''', :'id');
SELECT * FROM after('UPDATE hitl.approval_responses SET standing = true WHERE approval_id = $1 AND number = 1', :'id');
SELECT * FROM after('DELETE FROM hitl.approval_responses WHERE approval_id = $1 AND number = 2', :'id');
SELECT * FROM after('DELETE FROM hitl.approval_responses WHERE approval_id = $1 AND approver_id = ''eve''', :'id');
SELECT * FROM after('INSERT INTO hitl.approval_responses (approval_id, number, round, approver_id, names, decision, content_hash, session_role, caller_role, hash)
	SELECT id, acts + 1, round, ''zed'', ''{anna}'', ''approved'', content_hash, ''postgres'', ''postgres'', last_hash FROM hitl.approval_requests WHERE id = $1', :'id');
SELECT * FROM after('UPDATE hitl.approval_requests SET status = ''rejected'', reason = ''rejected'' WHERE id = $1', :'id');
SELECT * FROM after('UPDATE hitl.approval_requests SET decided_by = ''anna'' WHERE id = $1', :'id');
SELECT * FROM after('UPDATE hitl.approval_requests SET context_data = ''{"amount": 4000}'' WHERE id = $1', :'id');
SELECT * FROM after('UPDATE hitl.approval_requests SET policy = ''{"from": "zed"}'' WHERE id = $1', :'id');
SELECT * FROM after('UPDATE hitl.approval_requests SET policy = ''{"from": "zed"}'' WHERE id = $1', :'cancelled');
SELECT * FROM after('UPDATE hitl.approval_requests SET requested_by = ''bert'' WHERE id = $1', :'id');
SELECT * FROM after('UPDATE hitl.approval_requests SET requested_at = requested_at - interval ''1 hour'' WHERE id = $1', :'middle');
SELECT * FROM after('UPDATE hitl.approval_requests SET opened_at = opened_at - interval ''1 hour'' WHERE id = $1', :'changes');
SELECT * FROM after('UPDATE hitl.approval_requests SET status = ''pending'', decided_at = NULL, decided_by = NULL, reason = NULL, decision_hash = NULL WHERE id = $1', :'id');
SELECT * FROM after('UPDATE hitl.approval_requests SET status = ''cancelled'', decided_at = now(), reason = ''x'' WHERE id = $1', :'middle');
SELECT * FROM after('UPDATE hitl.approval_contents SET context_data = ''{}'' WHERE approval_id = $1', :'id');
SELECT * FROM after('UPDATE hitl.approval_contents SET replaced_by = ''zed'' WHERE approval_id = $1', :'id');
SELECT * FROM after('DELETE FROM hitl.approval_contents WHERE approval_id = $1', :'id');
SELECT * FROM after('DELETE FROM hitl.approval_asks WHERE approval_id = $1', :'middle');
SELECT * FROM after('INSERT INTO hitl.approval_asks SELECT ''zed'', $1', :'id');
SELECT * FROM after('DELETE FROM hitl.rule_decisions WHERE approval_id = $1', :'small');
SELECT * FROM after('UPDATE hitl.rule_decisions SET action = ''approve'' WHERE approval_id = $1', :'middle');
SELECT * FROM after('UPDATE hitl.approval_requests SET requesters = requesters || ''eve''::text WHERE id = $1', :'id');
SELECT * FROM after('UPDATE hitl.approval_requests SET policy_state = ''{}'' WHERE id = $1', :'majority');

-- an outcome that does not follow from the answers, though all hashes are right
CREATE FUNCTION redecide(request uuid, new_status text, new_reason text, new_decider text) RETURNS text LANGUAGE sql AS
$$ UPDATE hitl.approval_requests SET status = new_status, reason = new_reason, decided_by = new_decider,
	decision_hash = hitl.decision_hash(last_hash, new_status, decided_at, new_decider, new_reason) WHERE id = request RETURNING status $$;
SELECT * FROM after('SELECT redecide($1, ''approved'', ''approved'', ''bert'')', :'id');
SELECT * FROM after('SELECT redecide($1, ''rejected'', ''rejected'', ''eve'')', :'id');
SELECT * FROM after('SELECT redecide($1, ''approved'', ''silence'', NULL)', :'id');
SELECT * FROM after('SELECT redecide($1, ''approved'', ''rule'', ''rule:small'')', :'id');
SELECT * FROM after('SELECT redecide($1, ''rejected'', ''rejected'', ''anna'')', :'majority');

-- ---- receipts ----
SELECT hitl.decision_receipt(:'id') AS receipt \gset
SELECT jsonb_object_keys(:'receipt') AS members ORDER BY 1;
SELECT :'receipt'::jsonb #>> '{outcome,status}' AS status, :'receipt'::jsonb -> 'context_data' AS context_data,
	   jsonb_array_length(:'receipt'::jsonb -> 'earlier_contents') AS earlier, jsonb_array_length(:'receipt'::jsonb -> 'acts') AS acts,
	   :'receipt'::jsonb #> '{acts,1,evidence}' AS evidence;
SELECT * FROM hitl.verify_receipt(:'receipt');
SELECT count(*) AS receipts, count(f.*) AS faults FROM hitl.approval_requests a LEFT JOIN LATERAL hitl.verify_receipt(hitl.decision_receipt(a.id)) AS f ON true
WHERE a.requested_at >= (SELECT b.requested_at FROM hitl.approval_requests b WHERE b.id = :'id');
-- tampered ones
CREATE FUNCTION tampered(receipt jsonb, path text[], value jsonb) RETURNS TABLE (what text, fault text) LANGUAGE sql AS
$$ SELECT what, fault FROM hitl.verify_receipt(jsonb_set(receipt, path, value)) $$;
SELECT * FROM tampered(:'receipt', '{acts,1,feedback}', '"no"');
SELECT * FROM tampered(:'receipt', '{outcome,decided_by}', '"anna"');
SELECT * FROM tampered(:'receipt', '{context_data,amount}', '400.0');
SELECT * FROM tampered(:'receipt', '{acts,6,responded_at}', '"2026-01-01T00:00:00Z"');
SELECT * FROM tampered(:'receipt', '{acts,6,responded_at}', '{}');
SELECT * FROM tampered(:'receipt', '{policy}', '7');
SELECT * FROM tampered(:'receipt', '{acts}', '[]');
SELECT * FROM hitl.verify_receipt('[]');
SELECT * FROM hitl.verify_receipt('{"version": 1}');
SELECT * FROM hitl.verify_receipt('{"version": 1, "approval_id": "x", "acts": [{}], "earlier_contents": []}');
-- whoever changes the tables and computes all hashes anew is found by a receipt
BEGIN;
UPDATE hitl.approval_responses r SET feedback = 'yes, gladly',
	hash = hitl.response_hash((SELECT b.hash FROM hitl.approval_responses b WHERE b.approval_id = r.approval_id AND b.number = r.number - 1),
		approval_id, number, round, approver_id, on_behalf_of, names, decision, response_data, 'yes, gladly', edits, content_hash, channel,
		evidence, session_role, caller_role, responded_at) WHERE approval_id = :'id' AND approver_id = 'eve';
UPDATE hitl.approval_requests a SET last_hash = r.hash, decision_hash = hitl.decision_hash(r.hash, status, decided_at, decided_by, reason)
FROM hitl.approval_responses r WHERE r.approval_id = a.id AND r.number = a.acts AND a.id = :'id';
SELECT * FROM hitl.verify_approval(:'id');
SELECT * FROM hitl.verify_receipt(:'receipt');
ROLLBACK;
-- a receipt of one that was pending then, and of one that is there no more
SELECT hitl.decision_receipt(:'middle') AS early \gset
SELECT hitl.respond_to_approval(:'middle', 'anna', 'approved');
SELECT * FROM hitl.verify_receipt(:'early');
BEGIN;
DELETE FROM hitl.approval_requests WHERE id = :'middle';
SET LOCAL client_min_messages = warning;	-- the notice has the id
SELECT * FROM hitl.verify_receipt(:'early');
ROLLBACK;

-- signed, once there is a key
SELECT hitl.set_secret('receipts', 'a key of this test');
SELECT * FROM hitl.verify_receipt(:'receipt');
SELECT hitl.decision_receipt(:'id') AS signed \gset
SELECT :'signed'::jsonb #>> '{signature,algorithm}' AS algorithm, length(:'signed'::jsonb #>> '{signature,value}');
SELECT * FROM hitl.verify_receipt(:'signed');
SELECT * FROM tampered(:'signed', '{issued_at}', '"2026-01-01T00:00:00.000000Z"');
SELECT * FROM tampered(:'signed', '{signature,value}', '"00"');
SELECT * FROM tampered(:'signed', '{signature}', '7');
-- HMAC by its definition (RFC 2104), of the text of all but the signature
CREATE FUNCTION hmac(key bytea, message bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	inner_pad bytea := '';
	outer_pad bytea := '';
BEGIN
	FOR i IN 0..63 LOOP
		inner_pad := inner_pad || set_byte('\x00', 0, (CASE WHEN i < length(key) THEN get_byte(key, i) ELSE 0 END) # 54);
		outer_pad := outer_pad || set_byte('\x00', 0, (CASE WHEN i < length(key) THEN get_byte(key, i) ELSE 0 END) # 92);
	END LOOP;
	RETURN encode(sha256(outer_pad || sha256(inner_pad || message)), 'hex');
END $$;
SELECT :'signed'::jsonb #>> '{signature,value}' = hmac('a key of this test', convert_to((:'signed'::jsonb - 'signature')::text, 'UTF8')) AS same;
-- another key: the old one stays good if it is kept
SELECT hitl.set_secret('receipts', 'another key');
SELECT * FROM hitl.verify_receipt(:'signed');
SELECT hitl.set_secret('receipts.2026', 'a key of this test');
SELECT * FROM hitl.verify_receipt(:'signed');
SELECT * FROM hitl.verify_receipt(hitl.decision_receipt(:'id'));
SELECT :'signed'::jsonb #>> '{signature,value}' <> hitl.decision_receipt(:'id') #>> '{signature,value}' AS other;
SELECT hitl.delete_secret('receipts');
SELECT hitl.decision_receipt(:'id') ? 'signature' AS signed;
SELECT hitl.delete_secret('receipts.2026');
SELECT * FROM hitl.verify_receipt(:'signed');

-- ---- workflows know the outcomes ----
SELECT hitl.create_workflow('Knows') AS workflow \gset
SELECT hitl.request_approval('Of a workflow?', requested_from => 'anna', workflow_id => :'workflow') AS asked \gset
SELECT hitl.request_approval('Cancelled of a workflow?', requested_from => 'anna', workflow_id => :'workflow') AS dropped \gset
SELECT hitl.request_approval('Expired of a workflow?', requested_from => 'anna', workflow_id => :'workflow', timeout_hours => 0.00001) AS late \gset
SELECT hitl.request_approval('By silence?', policy => '{"from": "anna", "timeout": "20ms", "on_silence": "approve"}', workflow_id => :'workflow') AS silent2 \gset
SELECT hitl.respond_to_approval(:'asked', 'anna', 'approved');
SELECT * FROM faults(:'asked');
SELECT hitl.cancel_approval(:'dropped');
CREATE PROCEDURE settle(id uuid) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1..3000 LOOP
		EXIT WHEN NOT EXISTS (SELECT FROM hitl.messages m WHERE m.workflow_id = settle.id) AND
			4 = (SELECT count(*) FROM hitl.workflow_events e WHERE e.workflow_id = settle.id AND e.data ? 'decision_hash');
		COMMIT;
		PERFORM pg_sleep(0.01);
	END LOOP;
END $$;
CALL settle(:'workflow');
SELECT e.event_type, e.data ->> 'decision_hash' = encode(a.decision_hash, 'hex') AS same FROM hitl.workflow_events e
JOIN hitl.approval_requests a ON a.id::text = e.data ->> 'approval_id' WHERE e.workflow_id = :'workflow' AND e.data ? 'decision_hash' ORDER BY a.title;
SELECT * FROM hitl.verify_events(:'workflow');
SELECT * FROM faults(:'asked');
SELECT hitl.decision_receipt(:'asked') AS receipt \gset
SELECT * FROM hitl.verify_receipt(:'receipt');
CREATE FUNCTION events_after(statement text, id uuid, workflow uuid) RETURNS TABLE (seq integer, fault text) LANGUAGE plpgsql AS $$
DECLARE
	found text[];
BEGIN
	EXECUTE statement USING id;
	found := ARRAY(SELECT concat(f.seq, '/', regexp_replace(f.fault, '[0-9a-f]{8}-[0-9a-f-]{27}', '<id>')) FROM hitl.verify_events(workflow) AS f);
	RAISE EXCEPTION USING ERRCODE = 'P0099';
EXCEPTION WHEN SQLSTATE 'P0099' THEN
	RETURN QUERY SELECT nullif(split_part(f, '/', 1), '')::integer, regexp_replace(split_part(f, '/', 2), 'event [0-9]+', 'event <n>') FROM unnest(found) AS f;
END $$;
SELECT * FROM events_after('UPDATE hitl.approval_responses SET decision = ''rejected'' WHERE approval_id = $1', :'asked', :'workflow');
SELECT * FROM events_after('SELECT redecide($1, ''rejected'', ''rejected'', ''anna'')', :'asked', :'workflow');
SELECT * FROM events_after('SELECT redecide($1, ''expired'', NULL, ''anna'')', :'dropped', :'workflow');
SELECT * FROM events_after('SELECT redecide($1, ''cancelled'', ''really'', ''zed'')', :'dropped', :'workflow');
SELECT * FROM events_after('DELETE FROM hitl.approval_requests WHERE id = $1', :'late', :'workflow');
SELECT seq IS NOT NULL AS event, count(*) FROM events_after('DELETE FROM hitl.workflow_events WHERE data ->> ''approval_id'' = $1::text', :'silent2', :'workflow') GROUP BY 1 ORDER BY 1;
-- a workflow whose events were all written anew
BEGIN;
UPDATE hitl.workflow_events e SET hash = sha256(hash) WHERE workflow_id = :'workflow';
SELECT what, regexp_replace(fault, '[0-9]+', '<n>') FROM hitl.verify_receipt(:'receipt');
ROLLBACK;
SELECT hitl.cancel_workflow(:'workflow');

-- ---- who may do what ----
CREATE ROLE hitl_part;
CREATE ROLE hitl_other;
CREATE ROLE hitl_view;
SELECT hitl.grant_access('hitl_part', 'participant'), hitl.grant_access('hitl_other', 'participant'), hitl.grant_access('hitl_view', 'viewer');
SELECT hitl.request_approval('Whose?', requested_from => 'hitl_part') AS whose \gset
GRANT hitl_part, hitl_other, hitl_view TO CURRENT_USER;
\set VERBOSITY sqlstate
SET ROLE hitl_part;
SELECT hitl.decision_receipt(:'whose') ->> 'title' AS title;
SELECT hitl.decision_receipt(:'majority');
SELECT * FROM hitl.verify_approval(:'whose');
SELECT * FROM hitl.verify_receipt(:'receipt');
SELECT hitl.receipt_signatures('{}');
SELECT hitl.compose_receipt(:'whose');
SET ROLE hitl_other;
SELECT hitl.decision_receipt(:'whose');
SET ROLE hitl_view;
SELECT hitl.decision_receipt(:'whose') ->> 'title' AS title;
SELECT * FROM hitl.verify_approval(:'whose');
SELECT * FROM hitl.verify_receipt(hitl.decision_receipt(:'whose'));
SELECT hitl.receipt_signatures('{}');
SELECT hitl.compose_receipt(:'whose');
RESET ROLE;
\set VERBOSITY default
SELECT hitl.revoke_access(r) FROM unnest('{hitl_part,hitl_other,hitl_view}'::name[]) AS r;
DROP ROLE hitl_part;
DROP ROLE hitl_other;
DROP ROLE hitl_view;
SELECT hitl.cancel_approval(approval_id) FROM hitl.pending_approvals WHERE workflow_id IS NULL AND requested_by = session_user AND title IN ('Changes wanted?', 'Revised!', 'One of them?', 'Whose?');
SELECT hitl.drop_group('board');
DROP FUNCTION after(text, uuid);
DROP FUNCTION faults(uuid);
DROP FUNCTION redecide(uuid, text, text, text);
DROP FUNCTION tampered(jsonb, text[], jsonb);
DROP FUNCTION hmac(bytea, bytea);
DROP PROCEDURE settle(uuid);
DROP FUNCTION events_after(text, uuid, uuid);
