-- rules that decide requests without asking anybody
\set SHOW_CONTEXT never
CREATE FUNCTION ask(amount integer, who text DEFAULT 'ann', more jsonb DEFAULT '{}') RETURNS TABLE (status text, decided_by text, reason text, asked text[])
	LANGUAGE plpgsql AS $$
DECLARE
	made uuid := hitl.request_approval('Pay ' || amount, requested_from => who, context_data => jsonb_build_object('amount', amount) || more);
BEGIN
	RETURN QUERY SELECT a.status, a.decided_by, a.reason, a.asked FROM hitl.approval_requests a WHERE a.id = made;
END $$;
CREATE VIEW decided AS
	SELECT a.title, d.mode, d.rule_set, d.rule, d.action, d.error, a.status
	FROM hitl.rule_decisions d JOIN hitl.approval_requests a ON a.id = d.approval_id ORDER BY a.requested_at, d.mode;

SELECT * FROM ask(10);
SELECT hitl.create_approval_rule('small', '$.context_data.amount < 100', 'approve', description => 'Not worth a question');
SELECT hitl.create_approval_rule('huge', '$.context_data.amount > 10000', 'deny');
SELECT * FROM ask(99);
SELECT * FROM ask(100);
SELECT * FROM ask(10001);
SELECT * FROM decided;
-- what a rule has decided was answered by nobody, and cannot be answered
SELECT count(*) AS responses FROM hitl.approval_responses r JOIN hitl.approval_requests a ON a.id = r.approval_id WHERE a.decided_by LIKE 'rule:%';
SELECT bool_and(decision_hash = hitl.decision_hash(last_hash, status, decided_at, decided_by, reason)) AS hashed
FROM hitl.approval_requests WHERE decided_by LIKE 'rule:%';
SELECT id FROM hitl.approval_requests WHERE title = 'Pay 99' \gset
\set VERBOSITY sqlstate
SELECT hitl.respond_to_approval(:'id', 'ann', 'rejected');
\set VERBOSITY default
SELECT count(*) AS asks FROM hitl.approval_asks WHERE approval_id = :'id';

-- the lowest number goes first; "ask" stops the others
SELECT hitl.create_approval_rule('ask for shops', '$.context_data.shop == "new"', 'ask', priority => 1);
SELECT * FROM ask(50, more => '{"shop": "new"}');
SELECT hitl.create_approval_rule('never friday', '$.context_data.day == "friday"', 'deny', priority => 0);
SELECT * FROM ask(50, more => '{"shop": "new", "day": "friday"}');
-- same priority: by name
SELECT hitl.create_approval_rule('a', '$.context_data.tie == true', 'deny');
SELECT hitl.create_approval_rule('b', '$.context_data.tie == true', 'approve');
SELECT * FROM ask(5000, more => '{"tie": true}');
-- replaced by name
SELECT hitl.create_approval_rule('a', '$.context_data.tie == true', 'approve', mode => 'off');
SELECT * FROM ask(5000, more => '{"tie": true}');
SELECT name, priority, action, mode, description FROM hitl.approval_rules ORDER BY priority, name;

-- shadow: recorded, not obeyed; off: neither
TRUNCATE hitl.approval_rules, hitl.rule_decisions;
SELECT hitl.create_approval_rule('stricter', '$.context_data.amount > 500', 'deny', mode => 'shadow', rule_set => 'next');
SELECT * FROM ask(600);
SELECT hitl.create_approval_rule('small', '$.context_data.amount < 1000', 'approve');
SELECT hitl.create_approval_rule('asleep', '$.context_data.amount > 0', 'deny', mode => 'off', priority => 0);
SELECT * FROM ask(601);
SELECT * FROM ask(2);
SELECT * FROM decided;

-- what is no predicate cannot be evaluated, and so it is asked; what is not there is only not true
TRUNCATE hitl.approval_rules, hitl.rule_decisions;
SELECT hitl.create_approval_rule('careless', 'strict $.context_data.limit > 3', 'approve', priority => 1);
SELECT hitl.create_approval_rule('no predicate', '$.context_data.amount', 'approve', priority => 2);
SELECT hitl.create_approval_rule('small', '$.context_data.amount < 1000', 'approve', priority => 3);
SELECT * FROM ask(3);
SELECT hitl.drop_approval_rule('careless');
SELECT * FROM ask(4);
SELECT hitl.drop_approval_rule('no predicate');
SELECT * FROM ask(5);
-- a comparison that does not fit is unknown, which is not true
SELECT * FROM ask(6, more => '{"amount": "six"}');
SELECT * FROM ask(7, more => '{"amount": null}');
SELECT title, rule, action, error IS NOT NULL AS failed, status FROM decided;
-- what the server cannot compare asks, too
SELECT hitl.create_approval_rule('soon', '$.context_data.due.datetime() < "2026-01-01T00:00:00+00".datetime()', 'approve', priority => 1);
SELECT * FROM ask(8, more => '{"due": "2025-01-01"}');
SELECT hitl.drop_approval_rule('soon');
SELECT title, action, error FROM decided ORDER BY title DESC LIMIT 1;
-- rules see who asks, and the workflow
SELECT hitl.create_approval_rule('mine', '$.requested_by == "robot" && !exists ($.workflow.name)', 'approve', priority => 1);
SELECT hitl.create_approval_rule('of payments', '$.workflow.name == "payment" && $.approval_type == "binary"', 'approve', priority => 1);
SELECT hitl.request_approval('By a robot', requested_by => 'robot', requested_from => 'ann', context_data => '{"amount": 5000}') AS id \gset
SELECT status, decided_by FROM hitl.approval_requests WHERE id = :'id';
SELECT hitl.create_workflow('payment') AS workflow \gset
SELECT hitl.request_approval('Of a workflow', requested_from => 'ann', workflow_id => :'workflow', context_data => '{"amount": 5000}') AS id \gset
SELECT status, decided_by FROM hitl.approval_requests WHERE id = :'id';
SELECT hitl.transition_workflow_status(:'workflow', 'cancelled');

-- trying a rule set on what was decided
TRUNCATE hitl.approval_rules, hitl.rule_decisions;
SELECT clock_timestamp() AS since \gset
SELECT hitl.create_approval_rule('small', '$.context_data.amount < 100', 'approve');
SELECT * FROM ask(20);
SELECT hitl.request_approval('Pay 200', requested_from => 'ann', context_data => '{"amount": 200}') AS id \gset
SELECT hitl.respond_to_approval(:'id', 'ann', 'rejected');
SELECT hitl.request_approval('Pay 300', requested_from => 'ann', context_data => '{"amount": 300}') AS id \gset
SELECT hitl.respond_to_approval(:'id', 'ann', 'approved');
SELECT hitl.request_approval('Pay 400', requested_from => 'ann', context_data => '{"amount": 400}') AS id \gset
SELECT hitl.expire_approval(:'id');
SELECT * FROM ask(500);
SELECT hitl.create_approval_rule('fewer', '$.context_data.amount < 10', 'approve', rule_set => 'next', mode => 'off');
SELECT hitl.create_approval_rule('none', '$.context_data.amount >= 200', 'deny', rule_set => 'next', mode => 'off');
SELECT title, rule, action, status, replace(decided_by, current_user, '(me)') AS decided_by, differs, error FROM hitl.replay_rules(:'since', 'next', only_differences => false) ORDER BY title;
SELECT title, rule, action, status FROM hitl.replay_rules(:'since', 'next') ORDER BY title;
SELECT count(*) AS all_since_ever FROM hitl.replay_rules('-infinity', 'next') AS r WHERE r.requested_at >= :'since';
SELECT count(*) FROM hitl.replay_rules('0044-03-15 BC', 'next') AS r WHERE r.requested_at >= :'since';
SELECT title, rule, action, status, decided_by FROM hitl.replay_rules(:'since');
SELECT count(*) FROM hitl.replay_rules('infinity', 'next');
SELECT hitl.replay_rules(:'since', 'unknown');
SELECT hitl.replay_rules(NULL);

-- faulty rules, and who may not make any
SELECT hitl.create_approval_rule('', '$.a == 1', 'approve');
SELECT hitl.create_approval_rule('x', NULL, 'approve');
SELECT hitl.create_approval_rule('x', '$.a ==', 'approve');
SELECT hitl.create_approval_rule('x', '$.a == 1', 'maybe');
SELECT hitl.create_approval_rule('x', '$.a == 1', NULL);
SELECT hitl.create_approval_rule('x', '$.a == 1', 'approve', mode => 'loud');
SELECT hitl.drop_approval_rule('x');
SELECT hitl.drop_approval_rule('fewer'), hitl.drop_approval_rule('fewer', 'next');
CREATE ROLE hitl_operates;
SELECT hitl.grant_access('hitl_operates', 'operator');
SET ROLE hitl_operates;
SELECT hitl.create_approval_rule('x', '$.a == 1', 'approve');
SELECT hitl.drop_approval_rule('small');
SELECT hitl.decide_by_rule('00000000-0000-7000-8000-000000000000', 'approved', 'x');
SELECT hitl.apply_approval_rules('{}');
SELECT hitl.replay_rules('-infinity');
RESET ROLE;
SELECT hitl.revoke_access('hitl_operates');
DROP ROLE hitl_operates;
TRUNCATE hitl.approval_rules, hitl.rule_decisions;
DROP VIEW decided;
DROP FUNCTION ask(integer, text, jsonb);
-- nobody is left asked
DO $$ BEGIN
	PERFORM hitl.cancel_approval(id) FROM hitl.approval_requests WHERE status = 'pending' AND workflow_id IS NULL;
END $$;
