-- budgets of agents: set, replaced, dropped; faults; what runs do once they are used up
\set SHOW_CONTEXT never
CREATE ROLE hitl_budget_admin;
SELECT hitl.grant_access('hitl_budget_admin', 'admin');
SELECT hitl.create_model('hundred', provider => 'builtin', parameters => '{"replies": [
	{"text": "done", "usage": {"prompt_tokens": 80, "completion_tokens": 20}}]}');
SELECT hitl.create_agent('saver', model => 'hundred', approval => '{"requested_from": "ann"}'), hitl.create_agent('other', model => 'hundred');
CREATE FUNCTION run(agent text) RETURNS uuid LANGUAGE sql AS $$ SELECT hitl.run_agent(agent, 'Work.') $$;

-- set, replaced
SET ROLE hitl_budget_admin;
SELECT hitl.set_agent_budget('saver', 'month', max_tokens => 1000, max_cost => 0.5, on_limit => 'ask');
SELECT hitl.set_agent_budget('saver', 'month', max_tokens => 150);
SELECT hitl.set_agent_budget('saver', 'week', max_cost => 2.5, on_limit => 'wait');
SELECT agent, period, max_tokens, max_cost, on_limit, used_tokens, used_cost, updated_by
FROM hitl.agent_budgets ORDER BY agent, period;
RESET ROLE;
SET timezone = 'Pacific/Auckland';
SELECT period, renews_at AT TIME ZONE 'UTC' = date_trunc(period, now() AT TIME ZONE 'UTC') + ('1 ' || period)::interval AS by_utc
FROM hitl.agent_budgets ORDER BY period;
RESET timezone;

-- a run stops that finds it used up; agents share none
SELECT run('saver') AS first \gset
CALL hitl.await_workflow(:'first', '30 seconds');
SELECT run('saver') AS second \gset
CALL hitl.await_workflow(:'second', '30 seconds');
SELECT run('saver') AS third, run('other') AS others \gset
CALL hitl.await_workflow(:'third', '30 seconds');
CALL hitl.await_workflow(:'others', '30 seconds');
SELECT status, error ->> 'kind' AS kind, error ->> 'message' AS message FROM hitl.workflows WHERE id IN (:'third', :'others') ORDER BY status;
SELECT agent, period, used_tokens, used_cost FROM hitl.agent_budgets ORDER BY agent, period;

-- a retry goes on only if there is more
SELECT hitl.retry_workflow(:'third');
CALL hitl.await_workflow(:'third', '30 seconds');
SELECT hitl.set_agent_budget('saver', 'month', max_tokens => 250);
SELECT hitl.retry_workflow(:'third');
CALL hitl.await_workflow(:'third', '30 seconds');
SELECT used_tokens FROM hitl.agent_budgets WHERE period = 'month';

-- people let a run have more; a run waits until somebody raises the budget
SELECT hitl.set_agent_budget('saver', 'month', max_tokens => 250, on_limit => 'ask');
SELECT run('saver') AS fourth \gset
CALL hitl.await_workflow(:'fourth', '30 seconds', 'waiting_approval');
SELECT title, approval_type, asked, context_data - 'renews_at' AS context, (context_data ->> 'renews_at')::timestamptz > now() AS later
FROM hitl.pending_approvals WHERE workflow_id = :'fourth';
SELECT hitl.respond_to_approval((SELECT approval_id FROM hitl.pending_approvals WHERE workflow_id = :'fourth'), 'ann', 'approved',
	'{"approved_amount": 10, "justification": "It is worth it."}');
CALL hitl.await_workflow(:'fourth', '30 seconds');
SELECT hitl.set_agent_budget('saver', 'month', max_tokens => 250, on_limit => 'wait');
SELECT run('saver') AS fifth \gset
CALL hitl.await_workflow(:'fifth', '30 seconds', 'waiting');
SELECT step, what ~ '^tokens of this month, until [0-9-]+T00:00:00Z$' AS what, who FROM hitl.workflow_timeline(:'fifth') WHERE event = 'budget awaited';
SELECT what LIKE 'budget awaited: tokens of%' AS is_told FROM hitl.agent_transcript(:'fifth') ORDER BY seq DESC LIMIT 1;
SELECT hitl.get_workflow_status(:'fifth') #> '{active_steps,0,agent}' AS progress;
SELECT kind, body ->> 'budget' AS budget, due_at = (SELECT renews_at FROM hitl.agent_budgets WHERE period = 'month') AS when_it_renews
FROM hitl.messages WHERE workflow_id = :'fifth';
SELECT hitl.set_agent_budget('other', 'day', max_tokens => 5), hitl.drop_agent_budget('other');
SELECT status FROM hitl.workflows WHERE id = :'fifth';
SELECT hitl.drop_agent_budget('saver', 'month'), hitl.drop_agent_budget('saver', 'month'), hitl.drop_agent_budget('saver', 'year');
CALL hitl.await_workflow(:'fifth', '30 seconds');

SELECT count(*) AS timers FROM hitl.messages WHERE kind = 'timer' AND body ? 'budget';

-- what servers tell of, however much
SELECT hitl.set_agent_budget('saver', 'month', max_tokens => 250);
SELECT hitl.count_budget_usage('{saver,saver,nobody,other}', '{9223372036854775807,9223372036854775807,1,1}', '{0.0000001,NULL,1,1}', 10007);
SELECT hitl.count_budget_usage('{saver}', '{1}', '{NULL}', 10008), hitl.count_budget_usage('{saver}', '{1}', '{1}', 10007), hitl.count_budget_usage('{}', '{}', '{}', 10007);
SELECT period, used_tokens, used_cost FROM hitl.agent_budgets WHERE period = 'month';

-- what was used in an earlier period does not count, and its rows are used again
UPDATE hitl.budget_usage u SET begins_at = date_trunc(b.period, u.begins_at - interval '1 microsecond', 'UTC') FROM hitl.budgets b WHERE b.id = u.budget;
SELECT hitl.count_budget_usage('{saver}', '{3}', '{0.5}', 10008);
SELECT used_tokens, used_cost FROM hitl.agent_budgets WHERE period = 'month';
SELECT b.period, u.worker, u.tokens, u.cost FROM hitl.budget_usage u JOIN hitl.budgets b ON b.id = u.budget WHERE u.worker > 10000 ORDER BY b.period, u.worker;

-- who has an agent dropped keeps its budget, for its runs go on
SELECT hitl.drop_agent('saver');
SELECT count(*) FROM hitl.agent_budgets;
SELECT hitl.drop_agent_budget('saver'), hitl.drop_agent_budget('saver'), hitl.drop_agent_budget(NULL);
-- what was used of it is forgotten, and removed some time later
SELECT hitl.set_agent_budget('other', 'day', 5), hitl.drop_agent_budget('other', 'day');
UPDATE hitl.budget_usage SET begins_at = begins_at - interval '3 months';
SELECT hitl.drop_agent_budget('other', 'day');
SELECT count(*) FROM hitl.budget_usage;

-- faults
SELECT hitl.set_agent_budget('saver', 'day', 1);
SELECT hitl.set_agent_budget(NULL, 'day', 1);
SELECT hitl.set_agent_budget('other', 'year', 1);
SELECT hitl.set_agent_budget('other', NULL, 1);
SELECT hitl.set_agent_budget('other', 'day');
SELECT hitl.set_agent_budget('other', 'day', 0);
SELECT hitl.set_agent_budget('other', 'day', max_cost => -1);
SELECT hitl.set_agent_budget('other', 'day', max_cost => 'NaN');
SELECT hitl.set_agent_budget('other', 'day', 1, on_limit => 'pray');
SELECT hitl.set_agent_budget('other', 'day', 1, on_limit => NULL);

-- others see it
CREATE ROLE hitl_budget_viewer;
SELECT hitl.grant_access('hitl_budget_viewer', 'viewer');
SET ROLE hitl_budget_viewer;
SELECT count(*) FROM hitl.agent_budgets;
SELECT hitl.set_agent_budget('other', 'day', 1);
SELECT hitl.drop_agent_budget('other');
SELECT hitl.count_budget_usage('{other}', '{1}', '{1}', 1);
SELECT hitl.end_budget_waits('other');
SELECT count(*) FROM hitl.budgets;
SELECT count(*) FROM hitl.budget_usage;
RESET ROLE;
SELECT hitl.revoke_access('hitl_budget_viewer'), hitl.revoke_access('hitl_budget_admin');
DROP ROLE hitl_budget_viewer, hitl_budget_admin;
DROP FUNCTION run;
SELECT hitl.drop_agent('other'), hitl.drop_model('hundred');
