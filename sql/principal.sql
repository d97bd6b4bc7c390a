-- people and services, by which names they are known, groups, delegation
\set SHOW_CONTEXT never
CREATE ROLE hitl_ann;
CREATE ROLE hitl_bob;
CREATE ROLE hitl_app;
SELECT hitl.grant_access(r, 'participant') FROM unnest('{hitl_ann,hitl_bob,hitl_app}'::name[]) AS r;

-- one may have an e-mail address, a role, and ids of Slack
SELECT hitl.create_principal('Ann', email => 'Ann@Example.com', role => 'hitl_ann', slack_team => 'T024BE7LD', slack_user => 'U1', display_name => 'Ann A.');
SELECT hitl.create_principal('bob', role => 'hitl_bob');
SELECT hitl.create_principal('cy', email => 'cy@example.com');
SELECT hitl.create_principal('deploy bot', kind => 'service');
SELECT name, kind, display_name, email, slack_team, slack_user, role, active, created_by = current_user AS by_me FROM hitl.principals ORDER BY name;
SELECT * FROM hitl.principal_names ORDER BY principal, kind;
-- a text means one thing, in whatever way it is written
SELECT n AS name, hitl.principal_of(n) FROM unnest('{Ann,ann,ANN@example.com,ann@example.com,hitl_ann,slack:T024BE7LD/U1,slack:T024BE7LD/U2,somebody,bob}'::text[]) AS n;
-- changing: NULL leaves, an empty text takes away
SELECT hitl.update_principal('Ann', email => 'a@example.com', display_name => '');
SELECT hitl.update_principal('cy', email => '');
SELECT name, display_name, email, slack_user, role FROM hitl.principals WHERE name IN ('Ann', 'cy') ORDER BY name;
SELECT * FROM hitl.principal_names WHERE principal IN ('Ann', 'cy') ORDER BY principal, kind;
SELECT hitl.principal_of('ann@example.com');

-- what is taken, faulty, or missing
SELECT hitl.create_principal('Ann');
SELECT hitl.create_principal('a@example.com');
SELECT hitl.create_principal('hitl_bob');
SELECT hitl.create_principal('x', email => 'A@EXAMPLE.COM');
SELECT hitl.create_principal('x', role => 'hitl_ann');
SELECT hitl.create_principal('x', slack_team => 'T024BE7LD', slack_user => 'U1');
SELECT hitl.update_principal('cy', email => 'a@example.com');
SELECT hitl.update_principal('cy', role => 'hitl_bob');
SELECT hitl.create_principal('');
SELECT hitl.create_principal(NULL);
SELECT hitl.create_principal('*');
SELECT hitl.create_principal('rule:x');
SELECT hitl.create_principal(' Ann');
SELECT hitl.create_group('finance ');
SELECT hitl.create_principal(E'a\nb');
SELECT hitl.create_principal(repeat('x', 301));
SELECT hitl.create_principal('x', kind => 'robot');
SELECT hitl.create_principal('x', email => 'no address');
SELECT hitl.create_principal('x', role => 'hitl_missing');
SELECT hitl.create_principal('x', slack_team => 'T1');
SELECT hitl.create_principal('x', slack_team => 'T1', slack_user => '@ann');
SELECT hitl.update_principal('cy', slack_user => 'U7');
SELECT hitl.update_principal('nobody', email => 'x@example.com');
SELECT hitl.set_principal_active('nobody', false);
SELECT hitl.set_principal_active('Ann', NULL);
SELECT count(*) AS unchanged FROM hitl.principals;

-- groups
SELECT hitl.create_group('legal', 'Lawyers', '{Ann,cy}');
SELECT hitl.create_group('finance', members => '{hitl_bob}');
SELECT hitl.add_member('finance', 'a@example.com'), hitl.add_member('finance', 'Ann');
SELECT group_name, principal, added_by = current_user AS by_me FROM hitl.group_members ORDER BY 1, 2;
SELECT hitl.names_of('Ann');
SELECT hitl.count_people('{legal,finance,Ann,somebody}', '{}') AS people, hitl.count_people('{legal,finance}', '{Ann}') AS without_ann,
	   hitl.count_people('{*}', '{}') AS anybody, hitl.count_people('{}', '{}') AS nobody;
SELECT hitl.set_principal_active('cy', false);
SELECT hitl.count_people('{legal}', '{}') AS active;
SELECT hitl.set_principal_active('cy', true);
SELECT hitl.remove_member('legal', 'cy'), hitl.remove_member('legal', 'cy');
SELECT hitl.create_group('legal');
SELECT hitl.create_group('Ann');
SELECT hitl.create_group('a@example.com');
SELECT hitl.create_principal('finance');
SELECT hitl.create_group('*');
SELECT hitl.create_group('x', members => '{nobody}');
SELECT hitl.add_member('nobody', 'Ann');
SELECT hitl.add_member('legal', 'finance');
SELECT hitl.drop_group('nobody');
SELECT hitl.drop_group('Ann');
SELECT name, description FROM hitl.principal_groups ORDER BY name;
\set VERBOSITY sqlstate
-- whoever is asked as a group is not its members' names, and a dropped one is nobody's
SELECT hitl.request_approval('Sign?', requested_from => 'legal') AS id \gset
SELECT hitl.respond_to_approval(:'id', 'cy', 'approved');
SELECT hitl.respond_to_approval(:'id', 'legal', 'approved');
SELECT hitl.drop_group('legal');
SELECT hitl.respond_to_approval(:'id', 'Ann', 'approved');
SELECT hitl.create_group('legal', members => '{cy}');
SELECT hitl.respond_to_approval(:'id', 'cy', 'approved');

-- capitals in the e-mail address of a principal do not matter, whoever writes them
SELECT hitl.request_approval('Capitals?', requested_from => 'A@Example.COM') AS id \gset
SELECT hitl.request_approval('Capitals in a policy?', policy => '{"any_of": ["A@EXAMPLE.com", "X@Example.com"]}') AS other \gset
SELECT hitl.request_approval('A policy that is a name?', policy => '"A@EXAMPLE.com"') AS third \gset
SELECT title, requested_from, asked FROM hitl.approval_requests WHERE id IN (:'id', :'other', :'third') ORDER BY title;
SELECT hitl.respond_to_approval(:'id', 'Ann', 'approved'), hitl.respond_to_approval(:'other', 'a@EXAMPLE.com', 'approved'),
	   hitl.respond_to_approval(:'third', 'Ann', 'rejected');
-- delegation: as oneself, until a time that is stated
SET ROLE hitl_ann;
SELECT hitl.current_principal();
SELECT hitl.delegate_approvals('bob', now() + interval '2 days', reason => 'holidays') AS delegation \gset
SELECT delegator, delegate, ends_at - starts_at BETWEEN '47:59' AND '48:01' AS two_days, reason, created_by FROM hitl.delegations;
\set VERBOSITY default
SELECT hitl.delegate_approvals('bob', NULL);
SELECT hitl.delegate_approvals('bob', now() - interval '1 day');
SELECT hitl.delegate_approvals('bob', now() + interval '1 day', starts_at => now() + interval '2 days');
SELECT hitl.delegate_approvals('Ann', now() + interval '1 day');
SELECT hitl.delegate_approvals('nobody', now() + interval '1 day');
SELECT hitl.delegate_approvals('finance', now() + interval '1 day');
SELECT hitl.delegate_approvals('cy', now() + interval '1 day', delegator => 'bob');
\set VERBOSITY sqlstate
-- the delegate is asked, too, and it is written beside the answer
RESET ROLE;
SELECT hitl.request_approval('Leave 1', requested_from => 'a@example.com') AS id \gset
SELECT hitl.request_approval('Leave 2', required_approvers => '{Ann,bob}') AS both \gset
SET ROLE hitl_bob;
SELECT title FROM hitl.inbox WHERE title LIKE 'Leave%' ORDER BY title;
SELECT hitl.respond_to_approval(:'id', decision => 'approved');
SELECT hitl.respond_to_approval(:'both', decision => 'approved');
SELECT a.title, r.approver_id, r.on_behalf_of, r.names, a.status
FROM hitl.approval_responses r JOIN hitl.approval_requests a ON a.id = r.approval_id WHERE a.title LIKE 'Leave%' ORDER BY a.title;
SELECT delegator, delegate FROM hitl.delegations;
-- who was delegated to does not delegate further, and can give it back
RESET ROLE;
SELECT hitl.request_approval('Third?', requested_from => 'Ann') AS id \gset
SELECT hitl.delegate_approvals('cy', now() + interval '1 day', delegator => 'bob') IS NOT NULL AS delegated;
SELECT hitl.respond_to_approval(:'id', 'cy', 'approved');
SET ROLE hitl_app;
SELECT hitl.end_delegation(:'delegation');
SELECT count(*) FROM hitl.delegations;
SET ROLE hitl_bob;
SELECT hitl.end_delegation(:'delegation'), hitl.end_delegation(:'delegation');
SELECT hitl.respond_to_approval(:'id', decision => 'approved');
SELECT hitl.end_delegation('00000000-0000-7000-8000-000000000000');
RESET ROLE;
-- a delegation that has not begun, or whose giver or taker is not active, does not count
SELECT hitl.delegate_approvals('bob', now() + interval '2 days', starts_at => now() + interval '1 day', delegator => 'Ann') AS later \gset
SELECT hitl.respond_to_approval(:'id', 'bob', 'approved');
SELECT hitl.end_delegation(:'later');
SELECT hitl.delegate_approvals('bob', now() + interval '1 day', delegator => 'Ann') AS delegation \gset
SELECT hitl.set_principal_active('Ann', false);
SELECT hitl.respond_to_approval(:'id', 'bob', 'approved');
SELECT hitl.respond_to_approval(:'id', 'Ann', 'approved');
SELECT hitl.delegate_approvals('cy', now() + interval '1 day', delegator => 'Ann');
SELECT hitl.set_principal_active('Ann', true), hitl.set_principal_active('bob', false);
SELECT hitl.respond_to_approval(:'id', 'bob', 'approved');
SELECT hitl.delegate_approvals('bob', now() + interval '1 day', delegator => 'Ann');
SELECT hitl.set_principal_active('bob', true);
-- the delegate may be named by the one he answers for, but then states nothing as his channel
SET ROLE hitl_bob;
SELECT hitl.respond_to_approval(:'id', 'Ann', 'approved', channel => 'slack');
SELECT hitl.respond_to_approval(:'id', 'Ann', 'approved');
SELECT approver_id, on_behalf_of FROM hitl.approval_responses WHERE approval_id = :'id';
RESET ROLE;

-- capitals matter but in e-mail addresses
SELECT hitl.create_principal('zoe@example.com', email => 'zoe@example.com'), hitl.create_principal('yan@example.com');
SELECT hitl.principal_of('Zoe@Example.com'), hitl.principal_of('Yan@Example.com');
SELECT hitl.request_approval('Capitals?', required_approvers => '{zoe@example.com,yan@example.com}') AS id \gset
SELECT hitl.respond_to_approval(:'id', 'Zoe@Example.com', 'approved');
SELECT hitl.respond_to_approval(:'id', 'Yan@Example.com', 'approved');

-- acting for others: by any of their names, and only while it is granted
SELECT hitl.request_approval('Act?', requested_from => 'Ann') AS id \gset
SELECT hitl.grant_acting('hitl_app', 'a@example.com');
SET ROLE hitl_app;
SELECT hitl.may_act_for('Ann'), hitl.may_act_for('hitl_ann'), hitl.may_act_for('bob'), hitl.may_act_for('hitl_app');
SELECT title FROM hitl.list_pending_approvals('hitl_ann');
SELECT hitl.list_pending_approvals('bob');
SELECT hitl.respond_to_approval(:'id', 'bob', 'approved');
SELECT hitl.respond_to_approval(:'id', 'Ann', 'approved', channel => 'slack', evidence => '{"user": "U1"}');
RESET ROLE;
SELECT approver_id, channel, evidence, caller_role FROM hitl.approval_responses WHERE approval_id = :'id';
SELECT hitl.revoke_acting('hitl_app', 'a@example.com');
SET ROLE hitl_app;
SELECT hitl.may_act_for('Ann');
-- participants change nothing about principals
SELECT hitl.create_principal('x');
SELECT hitl.update_principal('Ann', role => 'hitl_app');
SELECT hitl.set_principal_active('Ann', false);
SELECT hitl.create_group('x');
SELECT hitl.add_member('legal', 'bob');
SELECT hitl.remove_member('legal', 'cy');
SELECT hitl.drop_group('legal');
SELECT * FROM hitl.principals;
SELECT * FROM hitl.principal_names;
SELECT * FROM hitl.group_members;
RESET ROLE;
SELECT hitl.revoke_access(r) FROM unnest('{hitl_ann,hitl_bob,hitl_app}'::name[]) AS r;
DELETE FROM hitl.delegations;
DELETE FROM hitl.group_members;
DELETE FROM hitl.principal_names;
DELETE FROM hitl.principal_groups;
DELETE FROM hitl.principals;
DROP ROLE hitl_ann, hitl_bob, hitl_app;
-- nobody is left asked
DO $$ BEGIN
	PERFORM hitl.cancel_approval(id) FROM hitl.approval_requests WHERE status = 'pending' AND workflow_id IS NULL;
END $$;
