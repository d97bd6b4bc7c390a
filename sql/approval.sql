-- approval requests without a workflow
\set SHOW_CONTEXT never
SELECT hitl.request_approval('Delete the old backups?', description => '100 GB',
	requested_from => 'ann@example.org', context_data => '{"size_gb": 100}') AS id \gset
SELECT title, description, approval_type, requested_from, required_approvers, approvals, context_data, expires_at
FROM hitl.list_pending_approvals('ann@example.org');
SELECT count(*) FROM hitl.list_pending_approvals('bob@example.org');
-- who is not asked cannot answer; a decision must be one
\set VERBOSITY sqlstate
SELECT hitl.respond_to_approval(:'id', 'bob@example.org', 'approved');
SELECT hitl.respond_to_approval(:'id', 'ann@example.org', 'yes');
SELECT hitl.respond_to_approval(:'id', 'ann@example.org', NULL);
SELECT hitl.respond_to_approval('00000000-0000-7000-8000-000000000000', 'ann@example.org', 'approved');
\set VERBOSITY default
SELECT hitl.respond_to_approval(approval_id => :'id', approver_id => 'ann@example.org',
	decision => 'approved', response_data => '{"ticket": 7}', feedback => 'fine');
SELECT status, decided_by, decided_at IS NOT NULL AS decided FROM hitl.approval_requests WHERE id = :'id';
SELECT approver_id, decision, response_data, feedback, r.content_hash = a.content_hash AS same_content,
	   session_role = session_user AS session, caller_role = current_user AS caller
FROM hitl.approval_responses r JOIN hitl.approval_requests a ON a.id = r.approval_id WHERE a.id = :'id';
SELECT count(*) FROM hitl.list_pending_approvals('ann@example.org');
-- a decision is final
\set VERBOSITY sqlstate
SELECT hitl.respond_to_approval(:'id', 'ann@example.org', 'rejected');
SELECT hitl.expire_approval(:'id');
SELECT hitl.cancel_approval(:'id');
\set VERBOSITY default

-- several required approvers: all of them
SELECT hitl.request_approval('Release 2.0?', required_approvers => ARRAY['ann', 'bob']) AS id \gset
SELECT hitl.respond_to_approval(:'id', 'ann', 'approved');
\set VERBOSITY sqlstate
SELECT hitl.respond_to_approval(:'id', 'ann', 'approved');
\set VERBOSITY default
SELECT requested_from, required_approvers, approvals FROM hitl.list_pending_approvals() WHERE approval_id = :'id';
SELECT count(*) AS ann_is_done FROM hitl.list_pending_approvals('ann') WHERE approval_id = :'id';
SELECT hitl.respond_to_approval(:'id', 'bob', 'approved');
-- ... and one rejection of a required approver decides
SELECT hitl.request_approval('Release 3.0?', required_approvers => ARRAY['ann', 'bob']) AS id \gset
SELECT hitl.respond_to_approval(:'id', 'bob', 'rejected', feedback => 'not before Monday');
-- a threshold: two of three; rejected once it can no longer be reached
SELECT hitl.request_approval('Publish?', required_approvers => ARRAY['ann', 'bob', 'cy'], approval_threshold => 2) AS id \gset
SELECT hitl.respond_to_approval(:'id', 'ann', 'approved');
SELECT hitl.respond_to_approval(:'id', 'bob', 'rejected');
SELECT hitl.respond_to_approval(:'id', 'cy', 'approved');
SELECT hitl.request_approval('Publish?', required_approvers => ARRAY['ann', 'bob', 'cy'], approval_threshold => 2) AS id \gset
SELECT hitl.respond_to_approval(:'id', 'ann', 'rejected');
SELECT hitl.respond_to_approval(:'id', 'cy', 'rejected');
-- nobody named: anybody who may answer
SELECT hitl.request_approval('Anyone?') AS id \gset
SELECT hitl.respond_to_approval(:'id', 'somebody', 'approved');

-- cancelled and expired
SELECT hitl.request_approval('Still needed?', requested_from => 'ann') AS id \gset
SELECT hitl.cancel_approval(:'id', 'no longer');
SELECT status, reason FROM hitl.approval_requests WHERE id = :'id';
\set VERBOSITY sqlstate
SELECT hitl.respond_to_approval(:'id', 'ann', 'approved');
\set VERBOSITY default
SELECT hitl.request_approval('In time?', requested_from => 'ann', timeout_hours => 48) AS id \gset
SELECT expires_at - requested_at BETWEEN '47:59' AND '48:01' AS in_two_days FROM hitl.approval_requests WHERE id = :'id';
SELECT hitl.expire_approval(:'id');
\set VERBOSITY sqlstate
SELECT hitl.respond_to_approval(:'id', 'ann', 'approved');
\set VERBOSITY default
-- the engine lets it expire by itself, on time
SELECT hitl.request_approval('Quickly!', requested_from => 'ann', timeout_hours => 0.00005) AS id \gset
CALL hitl.await_approval(:'id', timeout => '30 seconds');
SELECT hitl.expire_due_approvals();

-- bad requests
SELECT hitl.request_approval('');
SELECT hitl.request_approval(NULL);
SELECT hitl.request_approval('x', approval_type => 'vote');
SELECT hitl.request_approval('x', requested_from => '');
SELECT hitl.request_approval('x', required_approvers => ARRAY['a', 'a']);
SELECT hitl.request_approval('x', required_approvers => ARRAY['a', NULL]);
SELECT hitl.request_approval('x', required_approvers => ARRAY['a', 'b'], approval_threshold => 3);
SELECT hitl.request_approval('x', approval_threshold => 0);
SELECT hitl.request_approval('x', timeout_hours => 0);
SELECT hitl.request_approval('x', context_data => '[]');
SELECT hitl.request_approval('x', workflow_id => '00000000-0000-7000-8000-000000000000');
\echo :SQLSTATE
-- waiting for what is decided answers at once; not inside a transaction
SELECT hitl.request_approval('Waited for?', requested_from => 'ann') AS id \gset
CALL hitl.await_approval(:'id', timeout => '0 seconds');
SELECT hitl.respond_to_approval(:'id', 'ann', 'rejected');
CALL hitl.await_approval(:'id');
BEGIN;
CALL hitl.await_approval(:'id');
ROLLBACK;
CALL hitl.await_approval('00000000-0000-7000-8000-000000000000');
CALL hitl.await_approval(NULL);
