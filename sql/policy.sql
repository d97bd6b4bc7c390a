-- policies: who may decide, how many, in which order
\set SHOW_CONTEXT never
SELECT hitl.create_principal(p) FROM unnest('{ann,bob,cy,dee,eve}'::text[]) AS p;
SELECT hitl.create_group('legal', members => '{ann,bob,cy}'), hitl.create_group('board', members => '{dee,eve}');
CREATE FUNCTION ask(policy jsonb, OUT id uuid) LANGUAGE sql AS $$
	SELECT hitl.request_approval('Go?', policy => $1) $$;
-- the status after each answer, or why there is none
CREATE FUNCTION answer(id uuid, VARIADIC answers text[]) RETURNS TABLE (who text, said text, status text) LANGUAGE plpgsql AS $$
BEGIN
	FOR who, said IN SELECT split_part(a, ':', 1), split_part(a, ':', 2) FROM unnest(answers) AS a LOOP
		BEGIN
			status := hitl.respond_to_approval(id, who, CASE said WHEN 'yes' THEN 'approved' WHEN 'no' THEN 'rejected' ELSE 'abstained' END);
		EXCEPTION WHEN OTHERS THEN
			status := sqlstate;
		END;
		RETURN NEXT;
	END LOOP;
END $$;
CREATE FUNCTION outcome(id uuid) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', status, 'by ' || decided_by, '(' || reason || ')') FROM hitl.approval_requests a WHERE a.id = $1 $$;

-- faults, each with its place
SELECT * FROM hitl.validate_policy('"ann"');
SELECT * FROM hitl.validate_policy('{"from": ["ann", "legal"], "count": 2, "timeout": "3 days", "on_silence": {"escalate": "board"}, "remind": {"after": "1 day"}}');
SELECT * FROM hitl.validate_policy('{"sequence": [{"from": []}, {"from": "x", "count": 0}, 7, {"any_of": ["a", ""], "n": 1}], "on_silence": "explode", "exclude": ["me"], "remind": {}, "surprise": 1}');
SELECT * FROM hitl.validate_policy('{"from": "*", "percent": 50}');
SELECT * FROM hitl.validate_policy('{"n_of": ["a", "b"], "n": 3}');
SELECT * FROM hitl.validate_policy('{"from": "a", "count": 1, "percent": 10}');
SELECT * FROM hitl.validate_policy('{"all_of": [{"from": "a", "advisory": true}]}');
SELECT * FROM hitl.validate_policy('{}');
SELECT * FROM hitl.validate_policy('[]');
SELECT * FROM hitl.validate_policy('null');
SELECT * FROM hitl.validate_policy(NULL);
SELECT message FROM hitl.validate_policy(('{"from": "a"}'::jsonb) || jsonb_build_object('timeout', 'soon'));
SELECT count(*) FROM hitl.validate_policy((SELECT jsonb_build_object('all_of', jsonb_agg(('{"from": ""}')::jsonb)) FROM generate_series(1, 300)));
\set VERBOSITY terse
SELECT ask('{"from": []}');
SELECT hitl.request_approval('Go?', policy => '"ann"', requested_from => 'ann');
SELECT hitl.request_approval('Go?', policy => '{"from": "ann", "timeout": "1 hour"}', timeout_hours => 1);
\set VERBOSITY default

-- one after the other: the second is asked when the first has approved
SELECT ask('{"sequence": ["ann", {"from": "board", "count": 2}]}') AS id \gset
SELECT asked FROM hitl.approval_requests WHERE id = :'id';
SELECT * FROM answer(:'id', 'dee:yes', 'ann:yes', 'ann:no', 'dee:yes', 'eve:yes', 'bob:yes');
SELECT outcome(:'id');
SELECT ask('{"sequence": ["ann", "dee"]}') AS id \gset
SELECT * FROM answer(:'id', 'ann:no', 'dee:yes');
SELECT outcome(:'id');
-- so many of some parts
SELECT ask('{"n_of": ["ann", "bob", "board"], "n": 2}') AS id \gset
SELECT * FROM answer(:'id', 'ann:no', 'bob:yes', 'dee:yes');
SELECT ask('{"n_of": ["ann", "bob", "board"], "n": 2}') AS id \gset
SELECT * FROM answer(:'id', 'ann:no', 'bob:no');
SELECT ask('{"n_of": ["ann", "bob", "cy", "dee"], "percent": 60}') AS id \gset
SELECT * FROM answer(:'id', 'ann:yes', 'bob:yes', 'dee:yes');
SELECT ask('{"any_of": ["ann", {"all_of": ["bob", "cy"]}]}') AS id \gset
SELECT * FROM answer(:'id', 'ann:no', 'cy:yes', 'bob:yes');
-- a part of a group, as it is when answers come
SELECT ask('{"from": "legal", "percent": 67}') AS id \gset
SELECT * FROM answer(:'id', 'ann:yes', 'bob:abstain', 'cy:yes');
SELECT outcome(:'id');
SELECT ask('{"from": "legal", "count": 3}') AS id \gset
SELECT * FROM answer(:'id', 'ann:no');
SELECT outcome(:'id');
SELECT ask('{"from": "legal", "percent": 50, "reject_after": 1}') AS id \gset
SELECT * FROM answer(:'id', 'ann:no', 'bob:yes');
SELECT ask('{"from": "legal", "percent": 100}') AS id \gset
SELECT * FROM answer(:'id', 'ann:yes', 'bob:yes');
SELECT hitl.add_member('legal', 'dee');
SELECT * FROM answer(:'id', 'cy:yes', 'dee:yes');
SELECT hitl.remove_member('legal', 'dee');
-- a rejection somewhere rejects the whole with veto; what is advisory counts for nothing
SELECT ask('{"any_of": ["ann", {"from": "board", "veto": true}]}') AS id \gset
SELECT * FROM answer(:'id', 'eve:no');
SELECT outcome(:'id');
SELECT ask('{"all_of": ["ann", {"from": "bob", "advisory": true}]}') AS id \gset
SELECT * FROM answer(:'id', 'bob:no', 'ann:yes');
-- different people, or the same one twice
SELECT ask('{"all_of": ["ann", "legal"]}') AS id \gset
SELECT * FROM answer(:'id', 'ann:yes', 'ann:yes', 'bob:yes');
SELECT ask('{"all_of": ["ann", "legal"], "distinct": false}') AS id \gset
SELECT * FROM answer(:'id', 'ann:yes');
-- abstaining: too many leave nobody who could approve
SELECT ask('{"from": "board", "count": 1}') AS id \gset
SELECT * FROM answer(:'id', 'dee:abstain', 'eve:abstain');
SELECT outcome(:'id');

-- who asks must not answer, unless the policy says so, nor through a delegate or a group
SELECT hitl.delegate_approvals('bob', now() + interval '1 day', delegator => 'ann') IS NOT NULL AS delegated;
SELECT hitl.request_approval('Mine?', requested_by => 'ann', policy => '{"from": ["ann", "board"]}') AS id \gset
SELECT * FROM answer(:'id', 'ann:yes', 'bob:yes', 'dee:yes');
SELECT hitl.request_approval('Mine?', requested_by => 'ann', policy => '{"from": ["ann", "board"], "exclude": []}') AS id \gset
SELECT * FROM answer(:'id', 'ann:yes');
SELECT hitl.request_approval('Mine?', requested_by => 'ann', policy => '{"from": "legal", "percent": 100}') AS id \gset
SELECT * FROM answer(:'id', 'cy:yes', 'bob:yes');
SELECT hitl.request_approval('Mine?', requested_by => 'ann', requested_from => 'ann') AS id \gset
SELECT * FROM answer(:'id', 'ann:yes');
DELETE FROM hitl.delegations;

-- how a policy stands
SELECT ask('{"sequence": [{"name": "Lawyers", "from": "legal", "count": 2}, {"name": "Board", "any_of": ["dee", {"from": "eve", "after": "1 hour"}], "deadline": "2 days"}], "timeout": "5 days"}') AS id \gset
SELECT * FROM answer(:'id', 'ann:yes', 'bob:no');
SELECT pointer, part, state, asks, needed, approved_by, rejected_by, abstained,
	   asked_at - requested_at AS asked_after, deadline - requested_at AS deadline_after
FROM hitl.explain_policy(:'id'), hitl.approval_requests a WHERE a.id = :'id';
SELECT * FROM answer(:'id', 'cy:yes');
SELECT pointer, part, state, asks, approved_by, asked_at IS NOT NULL AS is_asked, deadline - asked_at AS deadline_after
FROM hitl.explain_policy(:'id');
SELECT asked, date_trunc('hour', expires_at - requested_at) AS expires_after FROM hitl.approval_requests WHERE id = :'id';
SELECT * FROM answer(:'id', 'eve:yes', 'dee:yes');
SELECT part, state FROM hitl.explain_policy(:'id');
SELECT hitl.explain_policy(NULL);

-- the simple form stands for a policy, with people and groups
SELECT f, hitl.simple_policy(f, r, t, i) FROM (VALUES
	(NULL::text[], NULL::text[], NULL::integer, NULL::interval), ('{ann}', NULL, NULL, '2 hours'), (NULL, '{ann,bob}', NULL, NULL),
	('{legal}', '{ann}', NULL, NULL), ('{legal}', '{ann}', 2, NULL), ('{ann,bob}', NULL, 2, NULL)) AS v (f, r, t, i);
SELECT hitl.request_approval('Go?', requested_from => 'legal', approval_threshold => 2) AS id \gset
SELECT * FROM answer(:'id', 'ann:yes', 'dee:yes', 'cy:yes');
SELECT hitl.request_approval('Go?', requested_from => 'board', required_approvers => '{ann}', approval_threshold => 2) AS id \gset
SELECT * FROM answer(:'id', 'dee:yes', 'eve:yes', 'ann:yes');
SELECT hitl.request_approval('Go?', required_approvers => '{legal,board}') AS id \gset
SELECT * FROM answer(:'id', 'eve:yes', 'ann:yes');
-- nobody named: whoever sees all
SELECT hitl.request_approval('Go?') AS id \gset
CREATE ROLE hitl_part;
CREATE ROLE hitl_appr;
SELECT hitl.grant_access('hitl_part', 'participant'), hitl.grant_access('hitl_appr', 'approver');
SET ROLE hitl_part;
SELECT * FROM answer(:'id', 'hitl_part:yes');
SET ROLE hitl_appr;
SELECT * FROM answer(:'id', 'hitl_appr:yes');
RESET ROLE;
SELECT hitl.revoke_access('hitl_part'), hitl.revoke_access('hitl_appr');
DROP ROLE hitl_part, hitl_appr;
DROP FUNCTION ask(jsonb), answer(uuid, text[]), outcome(uuid);
DELETE FROM hitl.group_members;
DELETE FROM hitl.principal_names;
DELETE FROM hitl.principal_groups;
DELETE FROM hitl.principals;
-- nobody is left asked
DO $$ BEGIN
	PERFORM hitl.cancel_approval(id) FROM hitl.approval_requests WHERE status = 'pending' AND workflow_id IS NULL;
END $$;
