-- budget.sql
--		Budgets: what agents may take in an hour, a day, a week, a month, all
--		runs of an agent together.
--
-- What they have taken is counted where replies of models are recorded, in the
-- same transaction.

CREATE TABLE hitl.budgets (
	id uuid NOT NULL DEFAULT hitl.uuidv7(),	-- kept when it is replaced
	agent text NOT NULL,				-- may be gone: its runs go on
	period text NOT NULL CHECK (period IN ('hour', 'day', 'week', 'month')),
	max_tokens bigint CHECK (max_tokens > 0),	-- NULL: any
	max_cost numeric CHECK (max_cost > 0),
	on_limit text NOT NULL CHECK (on_limit IN ('stop', 'ask', 'wait')),
	updated_by text NOT NULL,
	updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (agent, period),
	CHECK (max_tokens IS NOT NULL OR max_cost IS NOT NULL)
);
COMMENT ON TABLE hitl.budgets IS
	'what the runs of an agent may take together in each hour, day, week, month';
SELECT pg_extension_config_dump('hitl.budgets', '');

-- Each worker adds to a row of its own, so that none waits for another.  The row
-- is used again in the next period.
CREATE TABLE hitl.budget_usage (
	budget uuid NOT NULL,
	worker integer NOT NULL,			-- number of the process; those of dead ones are given again
	begins_at timestamptz NOT NULL,		-- the period that is counted
	tokens numeric NOT NULL,			-- servers may tell of any number
	cost numeric NOT NULL,
	PRIMARY KEY (budget, worker)
) WITH (fillfactor = 50);
COMMENT ON TABLE hitl.budget_usage IS
	'what agents with a budget have taken in the present period, as each worker has counted it';
SELECT pg_extension_config_dump('hitl.budget_usage', '');

-- Periods begin as the calendar has it in UTC, whatever the session's time zone.
CREATE VIEW hitl.agent_budgets AS
	SELECT b.agent, b.period, b.max_tokens, b.max_cost, b.on_limit,
		   coalesce(u.tokens, 0) AS used_tokens, coalesce(u.cost, 0) AS used_cost,
		   (date_trunc(b.period, now() AT TIME ZONE 'UTC') + ('1 ' || b.period)::interval) AT TIME ZONE 'UTC' AS renews_at,
		   b.updated_by, b.updated_at
	FROM hitl.budgets b
	LEFT JOIN LATERAL (
		SELECT sum(u.tokens) AS tokens, sum(u.cost) AS cost FROM hitl.budget_usage u
		WHERE u.budget = b.id AND u.begins_at = date_trunc(b.period, now(), 'UTC')) AS u ON true;
COMMENT ON VIEW hitl.agent_budgets IS
	'the budgets of agents, what is used of them, and when they renew';
COMMENT ON COLUMN hitl.agent_budgets.agent IS 'name of the agent';
COMMENT ON COLUMN hitl.agent_budgets.period IS 'hour, day, week or month, in UTC';
COMMENT ON COLUMN hitl.agent_budgets.max_tokens IS 'tokens of requests and replies in each period; NULL: any number';
COMMENT ON COLUMN hitl.agent_budgets.max_cost IS 'what these may cost; NULL: anything';
COMMENT ON COLUMN hitl.agent_budgets.on_limit IS 'what its runs do once it is used up: stop, ask people, or wait until it renews';
COMMENT ON COLUMN hitl.agent_budgets.used_tokens IS 'in the present period, since the budget was set';
COMMENT ON COLUMN hitl.agent_budgets.used_cost IS 'in the present period, since the budget was set; calls whose cost is not known are not in it';
COMMENT ON COLUMN hitl.agent_budgets.renews_at IS 'when the next period begins';
COMMENT ON COLUMN hitl.agent_budgets.updated_by IS 'who set it';
COMMENT ON COLUMN hitl.agent_budgets.updated_at IS 'when it was set';

-- Add to what has been used.  PL/pgSQL keeps its plan: the dispatcher calls it with
-- each batch of replies.
CREATE FUNCTION hitl.count_budget_usage(agents text[], tokens numeric[], costs numeric[], worker integer) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	INSERT INTO hitl.budget_usage AS u (budget, worker, begins_at, tokens, cost)
	SELECT b.id, count_budget_usage.worker, date_trunc(b.period, now(), 'UTC'),
		   coalesce(sum(n.tokens), 0), coalesce(sum(n.cost), 0)
	FROM unnest(agents, count_budget_usage.tokens, costs) AS n (agent, tokens, cost) JOIN hitl.budgets b USING (agent)
	GROUP BY b.id, b.period
	ON CONFLICT ON CONSTRAINT budget_usage_pkey DO UPDATE SET
		begins_at = greatest(u.begins_at, excluded.begins_at),
		tokens = excluded.tokens + CASE WHEN u.begins_at >= excluded.begins_at THEN u.tokens ELSE 0 END,
		cost = excluded.cost + CASE WHEN u.begins_at >= excluded.begins_at THEN u.cost ELSE 0 END;
END
$$;
COMMENT ON FUNCTION hitl.count_budget_usage(text[], numeric[], numeric[], integer) IS
	'add what calls of models have taken to the budgets of the agents that made them';

-- Have those look again that wait for a budget: each gets its timer now, but for those
-- that an engine is at.
CREATE FUNCTION hitl.end_budget_waits(agent text) RETURNS void
	LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH timer AS (
		DELETE FROM hitl.messages m WHERE m.ctid = ANY (ARRAY(
			SELECT t.ctid FROM hitl.messages t
			WHERE t.kind = 'timer' AND t.body ->> 'budget' = end_budget_waits.agent FOR UPDATE SKIP LOCKED))
		RETURNING m.workflow_id, m.kind, m.body, m.token
	)
	INSERT INTO hitl.messages (workflow_id, kind, body, token)
	SELECT t.workflow_id, t.kind, t.body, t.token FROM timer t;
END;
COMMENT ON FUNCTION hitl.end_budget_waits(text) IS
	'have runs that wait until a budget of an agent renews look at it now';

CREATE FUNCTION hitl.set_agent_budget(
	agent text,
	period text,
	max_tokens bigint DEFAULT NULL,
	max_cost numeric DEFAULT NULL,
	on_limit text DEFAULT 'stop'
) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM hitl.agents a WHERE a.name = set_agent_budget.agent) THEN
		RAISE EXCEPTION USING ERRCODE = 'WF060',
			MESSAGE = format('agent "%s" does not exist', coalesce(agent, 'NULL')),
			HINT = 'hitl.create_agent() makes one.';
	END IF;
	IF period IS NULL OR period NOT IN ('hour', 'day', 'week', 'month') THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('unknown period "%s"', coalesce(period, 'NULL')),
			HINT = 'A period is "hour", "day", "week" or "month".';
	END IF;
	IF on_limit IS NULL OR on_limit NOT IN ('stop', 'ask', 'wait') THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('unknown on_limit "%s"', coalesce(on_limit, 'NULL')),
			HINT = 'Once the budget is used up, runs have to "stop", to "ask" people whether they may go on, or to "wait" until it renews.';
	END IF;
	IF max_tokens IS NULL AND max_cost IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'a budget needs max_tokens or max_cost',
			HINT = 'Use hitl.drop_agent_budget to remove a budget.';
	END IF;
	PERFORM hitl.check_limit('max_tokens', max_tokens, 1, 1000000000000),
		hitl.check_limit('max_cost', max_cost, 0.000001, 1000000000);
	INSERT INTO hitl.budgets AS b (agent, period, max_tokens, max_cost, on_limit, updated_by)
	VALUES (set_agent_budget.agent, set_agent_budget.period, set_agent_budget.max_tokens, set_agent_budget.max_cost,
		set_agent_budget.on_limit, hitl.calling_role())
	ON CONFLICT ON CONSTRAINT budgets_pkey DO UPDATE SET max_tokens = excluded.max_tokens,
		max_cost = excluded.max_cost, on_limit = excluded.on_limit, updated_by = excluded.updated_by,
		updated_at = excluded.updated_at;
	PERFORM hitl.end_budget_waits(agent);
END
$$;
COMMENT ON FUNCTION hitl.set_agent_budget(text, text, bigint, numeric, text) IS
	'set or replace what all runs of an agent may take together in each hour, day, week or month; what is used of it is kept';

CREATE FUNCTION hitl.drop_agent_budget(agent text, period text DEFAULT NULL) RETURNS boolean
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	dropped boolean;
BEGIN
	-- Workers may count to this budget until we commit, and must not have to wait for that:
	-- what was counted to those that were dropped long ago is removed instead.
	DELETE FROM hitl.budget_usage u
	WHERE u.begins_at < now() - interval '2 months' AND NOT EXISTS (SELECT FROM hitl.budgets b WHERE b.id = u.budget);
	DELETE FROM hitl.budgets b
	WHERE b.agent = drop_agent_budget.agent AND b.period = coalesce(drop_agent_budget.period, b.period);
	dropped := FOUND;
	PERFORM hitl.end_budget_waits(agent);
	RETURN dropped;
END
$$;
COMMENT ON FUNCTION hitl.drop_agent_budget(text, text) IS
	'remove a budget of an agent, or all; false if there was none; what is used of it is forgotten';
