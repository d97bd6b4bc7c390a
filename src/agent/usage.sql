-- usage.sql
--		What models have taken, and what that cost.
--
-- These views run with their owner's rights and show all.

-- A call is a request of the outbox that has ended, however often it was sent.
CREATE VIEW hitl.model_calls AS
	SELECT o.id AS request_id, o.workflow_id, o.finished_at, o.conversation ->> 'agent' AS agent, o.model, o.status,
		   o.input_tokens, o.output_tokens, o.cost,
		   o.cost IS NULL AND o.response_status BETWEEN 200 AND 299 AS unpriced
	FROM hitl.outbox o
	WHERE o.purpose = 'inference'
	  AND (o.status IN ('delivered', 'failed')
		   OR o.status = 'cancelled' AND coalesce(o.input_tokens, o.output_tokens) IS NOT NULL);
COMMENT ON VIEW hitl.model_calls IS
	'the calls of models that have ended and are still in hitl.outbox; of those that were withdrawn only the ones that were answered nevertheless';
COMMENT ON COLUMN hitl.model_calls.request_id IS 'id of the request in hitl.outbox';
COMMENT ON COLUMN hitl.model_calls.workflow_id IS 'the workflow that asked';
COMMENT ON COLUMN hitl.model_calls.finished_at IS 'when it ended';
COMMENT ON COLUMN hitl.model_calls.agent IS 'name of the agent; NULL: a plain task asked';
COMMENT ON COLUMN hitl.model_calls.model IS 'name of the model; NULL: a version before 0.3.0 asked it';
COMMENT ON COLUMN hitl.model_calls.status IS 'delivered: answered; failed: no answer; cancelled: withdrawn, but answered';
COMMENT ON COLUMN hitl.model_calls.input_tokens IS 'tokens of the request, as far as the response tells';
COMMENT ON COLUMN hitl.model_calls.output_tokens IS 'tokens of the answer, as far as the response tells';
COMMENT ON COLUMN hitl.model_calls.cost IS 'by the prices at the time of the response; NULL: not known';
COMMENT ON COLUMN hitl.model_calls.unpriced IS 'it brought a response, but a price or a number of tokens was not known';

CREATE VIEW hitl.model_usage AS
	SELECT (c.finished_at AT TIME ZONE 'UTC')::date AS day, c.model, count(*) AS calls,
		   count(*) FILTER (WHERE c.status = 'failed') AS failures,
		   sum(c.input_tokens) AS input_tokens, sum(c.output_tokens) AS output_tokens,
		   sum(c.cost) AS cost, count(*) FILTER (WHERE c.unpriced) AS unpriced
	FROM hitl.model_calls c
	GROUP BY (c.finished_at AT TIME ZONE 'UTC')::date, c.model;
COMMENT ON VIEW hitl.model_usage IS
	'what models have taken, by day and model, of the calls that are still in hitl.outbox';
COMMENT ON COLUMN hitl.model_usage.day IS 'on which the calls ended, in UTC';
COMMENT ON COLUMN hitl.model_usage.model IS 'name of the model; NULL: a version before 0.3.0 asked it';
COMMENT ON COLUMN hitl.model_usage.calls IS
	'how many calls ended; of those that were withdrawn only the ones that were answered nevertheless';
COMMENT ON COLUMN hitl.model_usage.failures IS 'how many of them brought no answer';
COMMENT ON COLUMN hitl.model_usage.input_tokens IS 'tokens of the requests, as far as responses tell';
COMMENT ON COLUMN hitl.model_usage.output_tokens IS 'tokens of the answers, as far as responses tell';
COMMENT ON COLUMN hitl.model_usage.cost IS
	'by the prices at the time of each response; NULL: of no call is it known';
COMMENT ON COLUMN hitl.model_usage.unpriced IS
	'how many calls brought a response, but are not in the cost: a price or a number of tokens was not known';

CREATE VIEW hitl.agent_usage AS
	SELECT (c.finished_at AT TIME ZONE 'UTC')::date AS day, c.agent, c.model, count(DISTINCT c.workflow_id) AS workflows,
		   count(*) AS calls, count(*) FILTER (WHERE c.status = 'failed') AS failures,
		   sum(c.input_tokens) AS input_tokens, sum(c.output_tokens) AS output_tokens,
		   sum(c.cost) AS cost, count(*) FILTER (WHERE c.unpriced) AS unpriced
	FROM hitl.model_calls c
	WHERE c.agent IS NOT NULL
	GROUP BY (c.finished_at AT TIME ZONE 'UTC')::date, c.agent, c.model;
COMMENT ON VIEW hitl.agent_usage IS
	'what agents have taken, by day, agent and model, of the calls that are still in hitl.outbox';
COMMENT ON COLUMN hitl.agent_usage.day IS 'on which the calls ended, in UTC';
COMMENT ON COLUMN hitl.agent_usage.agent IS 'name of the agent';
COMMENT ON COLUMN hitl.agent_usage.model IS 'name of the model';
COMMENT ON COLUMN hitl.agent_usage.workflows IS 'in how many workflows it worked';
COMMENT ON COLUMN hitl.agent_usage.calls IS
	'how many calls ended; of those that were withdrawn only the ones that were answered nevertheless';
COMMENT ON COLUMN hitl.agent_usage.failures IS 'how many of them brought no answer';
COMMENT ON COLUMN hitl.agent_usage.input_tokens IS 'tokens of the requests, as far as responses tell';
COMMENT ON COLUMN hitl.agent_usage.output_tokens IS 'tokens of the answers, as far as responses tell';
COMMENT ON COLUMN hitl.agent_usage.cost IS
	'by the prices at the time of each response; NULL: of no call is it known';
COMMENT ON COLUMN hitl.agent_usage.unpriced IS
	'how many calls brought a response, but are not in the cost: a price or a number of tokens was not known';

CREATE VIEW hitl.workflow_usage AS
	SELECT s.workflow_id, w.name, s.calls, s.failures, s.input_tokens, s.output_tokens, s.cost, s.unpriced
	FROM (SELECT c.workflow_id, count(*) AS calls,
				 count(*) FILTER (WHERE c.status = 'failed') AS failures,
				 sum(c.input_tokens) AS input_tokens, sum(c.output_tokens) AS output_tokens,
				 sum(c.cost) AS cost, count(*) FILTER (WHERE c.unpriced) AS unpriced
		  FROM hitl.model_calls c
		  GROUP BY c.workflow_id) AS s
	LEFT JOIN hitl.workflows w ON w.id = s.workflow_id;
COMMENT ON VIEW hitl.workflow_usage IS
	'what models have taken, by workflow, of the calls that are still in hitl.outbox';
COMMENT ON COLUMN hitl.workflow_usage.workflow_id IS 'the workflow; its children are counted for themselves';
COMMENT ON COLUMN hitl.workflow_usage.name IS 'of the workflow; NULL: it was removed';
COMMENT ON COLUMN hitl.workflow_usage.calls IS
	'how many calls ended; of those that were withdrawn only the ones that were answered nevertheless';
COMMENT ON COLUMN hitl.workflow_usage.failures IS 'how many of them brought no answer';
COMMENT ON COLUMN hitl.workflow_usage.input_tokens IS 'tokens of the requests, as far as responses tell';
COMMENT ON COLUMN hitl.workflow_usage.output_tokens IS 'tokens of the answers, as far as responses tell';
COMMENT ON COLUMN hitl.workflow_usage.cost IS
	'by the prices at the time of each response; NULL: of no call is it known';
COMMENT ON COLUMN hitl.workflow_usage.unpriced IS
	'how many calls brought a response, but are not in the cost: a price or a number of tokens was not known';
