-- what can be done about a request, beside approving and rejecting it
\set SHOW_CONTEXT never
\set VERBOSITY sqlstate
CREATE FUNCTION ask(policy jsonb, context jsonb DEFAULT '{"amount": 900, "to": {"name": "Shop", "iban": "X1"}, "tags": ["a", "b"]}') RETURNS uuid LANGUAGE sql AS $$
	SELECT hitl.request_approval('Pay?', 'As agreed', policy => $1, context_data => $2) $$;
CREATE FUNCTION shown(id uuid) RETURNS bytea LANGUAGE sql AS $$ SELECT content_hash FROM hitl.approval_requests a WHERE a.id = $1 $$;
CREATE FUNCTION acts(id uuid) RETURNS TABLE (number integer, round integer, approver_id text, decision text, standing boolean, feedback text, edits jsonb)
	LANGUAGE sql AS $$
	SELECT number, round, CASE approver_id WHEN current_user::text THEN '(requester)' ELSE approver_id END, decision, standing, feedback, edits
	FROM hitl.approval_responses r WHERE r.approval_id = $1 ORDER BY number $$;
CREATE VIEW requests AS SELECT id, status, decided_by, reason, round, acts, wanted, title, context_data, asked, editors FROM hitl.approval_requests;

-- modified, with edits: the content changes, the editor has answered, all others are asked anew
SELECT ask('{"from": ["ann", "bob", "cy"], "count": 2, "exclude": ["requester"]}') AS id \gset
SELECT content_hash = hitl.approval_content_hash(title, description, approval_type, context_data) AS hashed FROM hitl.approval_requests WHERE id = :'id';
SELECT shown(:'id') AS first \gset
SELECT hitl.respond_to_approval(:'id', 'ann', 'approved', content_hash => :'first');
SELECT hitl.respond_to_approval(:'id', 'bob', 'modified', feedback => 'less', edits => '{"amount": 500, "to": {"iban": null, "bic": "Y"}, "tags": ["c"]}');
SELECT status, round, asked, context_data, editors FROM requests WHERE id = :'id';
SELECT content_hash = hitl.approval_content_hash(title, description, approval_type, context_data) AS hashed, content_hash <> :'first' AS differs
FROM hitl.approval_requests WHERE id = :'id';
SELECT * FROM acts(:'id');
-- ... with the hash of what they see now
SELECT hitl.respond_to_approval(:'id', 'ann', 'approved');
SELECT hitl.respond_to_approval(:'id', 'ann', 'approved', content_hash => :'first');
SELECT hitl.respond_to_approval(:'id', 'ann', 'commented', feedback => 'I have seen it');
SELECT hitl.respond_to_approval(:'id', 'bob', 'approved', content_hash => shown(:'id'));
SELECT hitl.respond_to_approval(:'id', 'ann', 'approved', content_hash => shown(:'id'));
SELECT status, decided_by, reason FROM requests WHERE id = :'id';
SELECT round, context_data, replaced_by, content_hash = :'first' AS as_first FROM hitl.approval_contents WHERE approval_id = :'id';
-- by default an editor does not decide about what he wrote
SELECT ask('{"from": ["ann", "bob"]}') AS id \gset
SELECT hitl.respond_to_approval(:'id', 'ann', 'modified', edits => '{"amount": 1}');
SELECT hitl.respond_to_approval(:'id', 'ann', 'approved', content_hash => shown(:'id'));
SELECT hitl.respond_to_approval(:'id', 'bob', 'approved', content_hash => shown(:'id'));
SELECT * FROM acts(:'id');
-- a simple request is approved as edited, if nobody else is needed
SELECT hitl.request_approval('Pay?', requested_from => 'ann', context_data => '{"amount": 9}') AS id \gset
SELECT hitl.respond_to_approval(:'id', 'ann', 'modified', edits => '{"amount": 7}');
SELECT status, decided_by, round, context_data FROM requests WHERE id = :'id';
-- what no edit is
SELECT ask('"ann"') AS id \gset
SELECT hitl.respond_to_approval(:'id', 'ann', 'modified', edits => '{}');
SELECT hitl.respond_to_approval(:'id', 'ann', 'modified', edits => '[1]');
SELECT hitl.respond_to_approval(:'id', 'ann', 'modified', edits => '{"amount": 900}');
SELECT hitl.respond_to_approval(:'id', 'ann', 'approved', edits => '{"amount": 1}');
SELECT hitl.respond_to_approval(:'id', 'ann', 'modified');
SELECT hitl.respond_to_approval(:'id', 'ann', 'modified', feedback => '');
SELECT hitl.respond_to_approval(:'id', 'ann', 'approved', channel => '');
SELECT round, acts FROM requests WHERE id = :'id';

-- modified, without edits: the requester is to change it, and until then nothing is approved
SELECT ask('{"any_of": ["ann", "bob", "cy"]}') AS id \gset
SELECT hitl.respond_to_approval(:'id', 'ann', 'modified', feedback => 'which order?');
SELECT status, wanted, asked FROM requests WHERE id = :'id';
SELECT hitl.respond_to_approval(:'id', 'bob', 'approved');
SELECT status, wanted FROM requests WHERE id = :'id';
SELECT length(hitl.revise_approval(:'id', title => 'Pay order 7?', comment => 'number added'));
SELECT status, wanted, round, title, asked FROM requests WHERE id = :'id';
SELECT hitl.respond_to_approval(:'id', 'bob', 'approved', content_hash => shown(:'id'));
SELECT * FROM acts(:'id');
-- ... while a rejection still rejects
SELECT ask('{"all_of": ["ann", "bob"]}') AS id \gset
SELECT hitl.respond_to_approval(:'id', 'ann', 'modified', feedback => 'which order?');
SELECT hitl.respond_to_approval(:'id', 'bob', 'rejected');
-- revising: by the requester, something, and a request that is pending
SELECT ask('"ann"') AS id \gset
SELECT hitl.revise_approval(:'id');
SELECT hitl.revise_approval(NULL, title => 'x');
SELECT hitl.revise_approval(:'id', title => '');
SELECT hitl.revise_approval(:'id', title => 'Pay?');
SELECT hitl.revise_approval(:'id', context_data => '[]');
SELECT hitl.revise_approval('00000000-0000-7000-8000-000000000000', title => 'x');
SELECT hitl.revise_approval(:'id', description => 'New', context_data => '{"amount": 1}') = shown(:'id') AS hash;
SELECT round, context_data FROM requests WHERE id = :'id';
SELECT hitl.respond_to_approval(:'id', 'ann', 'rejected', content_hash => shown(:'id'));
SELECT hitl.revise_approval(:'id', title => 'x');

-- abstaining is an answer that counts for neither side
SELECT ask('{"from": ["ann", "bob", "cy"], "count": 2}') AS id \gset
SELECT hitl.respond_to_approval(:'id', 'ann', 'abstained');
SELECT hitl.respond_to_approval(:'id', 'ann', 'approved');
SELECT hitl.respond_to_approval(:'id', 'bob', 'abstained');
SELECT status, decided_by, reason FROM requests WHERE id = :'id';

-- asking back, and comments: no answers; the requester tells, too
SELECT ask('"ann"') AS id \gset
SELECT hitl.respond_to_approval(:'id', 'ann', 'information_requested');
SELECT hitl.respond_to_approval(:'id', 'ann', 'information_requested', feedback => 'Why?');
SELECT wanted FROM requests WHERE id = :'id';
SELECT hitl.respond_to_approval(:'id', 'bob', 'commented', feedback => 'hm');
SELECT hitl.respond_to_approval(:'id', 'ann', 'commented');
SELECT hitl.respond_to_approval(:'id', decision => 'commented', feedback => 'wait a little');
SELECT hitl.provide_information(:'id', '');
SELECT hitl.provide_information(:'id', 'Because', '{"order": 7}');
SELECT wanted FROM requests WHERE id = :'id';
SELECT hitl.respond_to_approval(:'id', 'ann', 'approved');
SELECT hitl.provide_information(:'id', 'late');
SELECT hitl.respond_to_approval(:'id', 'ann', 'commented', feedback => 'late');
SELECT * FROM acts(:'id');

-- giving it to somebody else
SELECT ask('{"sequence": [{"all_of": ["ann", "bob"]}, "cy"], "exclude": ["requester", "editors"]}') AS id \gset
SELECT hitl.reassign_approval(:'id', 'dee', 'ann', 'on leave');
SELECT asked FROM requests WHERE id = :'id';
SELECT hitl.respond_to_approval(:'id', 'ann', 'approved');
SELECT hitl.respond_to_approval(:'id', 'dee', 'approved');
SELECT hitl.reassign_approval(:'id', 'eve', 'dee');
SELECT hitl.reassign_approval(:'id', 'dee', 'bob');
SELECT hitl.reassign_approval(:'id', 'eve', 'cy');
SELECT hitl.reassign_approval(:'id', 'eve', 'nobody');
SELECT hitl.reassign_approval(:'id', '*', 'bob');
SELECT hitl.reassign_approval(:'id', '', 'bob');
SELECT hitl.reassign_approval(:'id', NULL, 'bob');
SELECT hitl.reassign_approval(:'id', current_user, 'bob');
SELECT hitl.reassign_approval('00000000-0000-7000-8000-000000000000', 'eve', 'bob');
SELECT hitl.respond_to_approval(:'id', 'bob', 'approved');
SELECT hitl.reassign_approval(:'id', 'eve', 'cy');
SELECT hitl.respond_to_approval(:'id', 'eve', 'approved');
SELECT hitl.reassign_approval(:'id', 'ann', 'eve');
SELECT number, approver_id = current_user AS requester, decision, names, response_data FROM hitl.approval_responses WHERE approval_id = :'id' ORDER BY number;
SELECT policy FROM hitl.approval_requests WHERE id = :'id';

-- not what an answer counts for, which would be taken back by it; nor to what is no person
SELECT ask('{"n_of": [{"from": ["ann", "bob"], "reject_after": 2}, {"from": ["ann", "cy"]}, "dee"], "n": 2}') AS id \gset
SELECT hitl.respond_to_approval(:'id', 'ann', 'rejected');
SELECT hitl.reassign_approval(:'id', 'eve', 'ann');
SELECT hitl.reassign_approval(:'id', 'rule:all', 'bob');
SELECT hitl.reassign_approval(:'id', 'eve', 'bob');
SELECT asked FROM requests WHERE id = :'id';

-- many at once: each wholly or not at all, each once
SELECT ask('"ann"') AS one, ask('"bob"') AS two, ask('{"all_of": ["ann", "bob"]}') AS three \gset
SELECT CASE approval_id WHEN :'one' THEN 1 WHEN :'two' THEN 2 WHEN :'three' THEN 3 END AS n, status, sqlstate, message IS NOT NULL AS told
FROM hitl.respond_to_approvals(ARRAY[:'three', :'one', :'two', :'one', '00000000-0000-7000-8000-000000000000', NULL]::uuid[], 'approved', 'ann', feedback => 'all')
ORDER BY n, sqlstate;
SELECT count(*), min(feedback) FROM hitl.approval_responses WHERE approval_id IN (:'one', :'two', :'three');
SELECT * FROM hitl.respond_to_approvals('{}', 'approved', 'ann');
-- that the disk is full is no row among others
SELECT ask('"ann"') AS four \gset
CREATE FUNCTION pg_temp.fill_disk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION USING ERRCODE = 'disk_full', MESSAGE = 'the disk is full';
END $$;
BEGIN;
CREATE TRIGGER fill_disk BEFORE INSERT ON hitl.approval_responses EXECUTE FUNCTION pg_temp.fill_disk();
SELECT sqlstate FROM hitl.respond_to_approvals(ARRAY[:'four']::uuid[], 'approved', 'ann');
ROLLBACK;
SELECT hitl.respond_to_approvals(NULL, 'approved', 'ann');
SELECT hitl.respond_to_approvals(ARRAY[:'two']::uuid[], NULL);
SELECT status, sqlstate FROM hitl.respond_to_approvals(ARRAY[:'two']::uuid[], 'yes', 'bob');
SELECT status, sqlstate FROM hitl.respond_to_approvals(ARRAY[:'two']::uuid[], 'rejected', 'bob');

-- withdrawn, by the requester or with its workflow: nobody is asked any more
SELECT ask('"ann"') AS id \gset
SELECT hitl.cancel_approval(:'id', 'no longer');
SELECT status, reason, asked FROM requests WHERE id = :'id';
SELECT hitl.cancel_approval(:'id');
SELECT hitl.cancel_approval(NULL);
SELECT hitl.respond_to_approval(:'id', 'ann', 'approved');
SELECT hitl.create_workflow('asks') AS workflow \gset
SELECT hitl.request_approval('Go?', workflow_id => :'workflow', policy => '"ann"') AS id \gset
SELECT hitl.transition_workflow_status(:'workflow', 'cancelled');
SELECT status, decided_by, reason, asked FROM requests WHERE id = :'id';
SELECT count(*) AS asks_of_none FROM hitl.approval_asks k
WHERE NOT EXISTS (SELECT FROM hitl.approval_requests a WHERE a.id = k.approval_id AND a.status = 'pending');
-- the answers of all are chained, and so is the decision
SELECT count(*) > 20 AS many, bool_and(r.hash = hitl.response_hash(coalesce(p.hash, a.request_hash), r.approval_id, r.number, r.round, r.approver_id,
	r.on_behalf_of, r.names, r.decision, r.response_data, r.feedback, r.edits, r.content_hash, r.channel, r.evidence, r.session_role,
	r.caller_role, r.responded_at)) AS chained
FROM hitl.approval_responses r JOIN hitl.approval_requests a ON a.id = r.approval_id
LEFT JOIN hitl.approval_responses p ON p.approval_id = r.approval_id AND p.number = r.number - 1
WHERE a.title LIKE 'Pay%';
SELECT bool_and(decision_hash = hitl.decision_hash(last_hash, status, decided_at, decided_by, reason)) AS decided
FROM hitl.approval_requests WHERE status <> 'pending' AND title LIKE 'Pay%';
SELECT bool_and(acts = (SELECT count(*) FROM hitl.approval_responses r WHERE r.approval_id = a.id)) AS without_gaps FROM hitl.approval_requests a;
DROP VIEW requests;
DROP FUNCTION ask(jsonb, jsonb), shown(uuid), acts(uuid);
-- nobody is left asked
DO $$ BEGIN
	PERFORM hitl.cancel_approval(id) FROM hitl.approval_requests WHERE status = 'pending' AND workflow_id IS NULL;
END $$;
