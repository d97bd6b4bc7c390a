-- statistics.sql
--		How long requests wait, how people answer, what is decided.
--
-- Views run with their owner's rights and show all; they are for those who see
-- all requests.

-- An answer that changes the content begins a round of its own; it is one to
-- the round before.
CREATE VIEW hitl.approval_answers AS
	SELECT r.approval_id, r.number, r.approver_id, r.decision, a.approval_type, a.title,
		   coalesce(c.replaced_at, a.requested_at) AS asked_at, r.responded_at,
		   r.responded_at - coalesce(c.replaced_at, a.requested_at) AS answered_after
	FROM hitl.approval_responses r
	JOIN hitl.approval_requests a ON a.id = r.approval_id
	LEFT JOIN hitl.approval_contents c
		ON c.approval_id = r.approval_id AND c.round = r.round - CASE WHEN r.edits IS NULL THEN 1 ELSE 2 END
	WHERE r.decision IN ('approved', 'rejected', 'modified', 'abstained');
COMMENT ON VIEW hitl.approval_answers IS 'each answer to an approval request, and how long it took';
COMMENT ON COLUMN hitl.approval_answers.approval_id IS 'the request';
COMMENT ON COLUMN hitl.approval_answers.number IS 'of the answer among what was done about the request';
COMMENT ON COLUMN hitl.approval_answers.approver_id IS 'who answered';
COMMENT ON COLUMN hitl.approval_answers.decision IS 'approved, rejected, modified or abstained';
COMMENT ON COLUMN hitl.approval_answers.approval_type IS 'of the request';
COMMENT ON COLUMN hitl.approval_answers.title IS 'of the request, as it is now';
COMMENT ON COLUMN hitl.approval_answers.asked_at IS 'when the content that it answers began to be shown';
COMMENT ON COLUMN hitl.approval_answers.responded_at IS 'when it was given';
COMMENT ON COLUMN hitl.approval_answers.answered_after IS 'the time between the two';

CREATE VIEW hitl.approval_waiting AS
	SELECT s.approval_type, s.template, count(*) AS requests,
		   count(*) FILTER (WHERE s.status = 'pending') AS pending,
		   percentile_cont(0.5) WITHIN GROUP (ORDER BY s.waited) AS median_wait,
		   percentile_cont(0.9) WITHIN GROUP (ORDER BY s.waited) AS p90_wait,
		   max(s.waited) AS max_wait,
		   min(s.requested_at) FILTER (WHERE s.status = 'pending') AS oldest_pending
	FROM (SELECT a.approval_type, w.template, a.status, a.requested_at,
				 CASE WHEN a.status IN ('approved', 'rejected') THEN a.decided_at - a.requested_at END AS waited
		  FROM hitl.approval_requests a LEFT JOIN hitl.workflows w ON w.id = a.workflow_id) AS s
	GROUP BY s.approval_type, s.template;
COMMENT ON VIEW hitl.approval_waiting IS
	'how long approval requests wait to be approved or rejected, by type and template';
COMMENT ON COLUMN hitl.approval_waiting.approval_type IS 'type of the requests';
COMMENT ON COLUMN hitl.approval_waiting.template IS 'of the workflows that asked; NULL: none, or without a template';
COMMENT ON COLUMN hitl.approval_waiting.requests IS 'how many there are';
COMMENT ON COLUMN hitl.approval_waiting.pending IS 'how many of them wait';
COMMENT ON COLUMN hitl.approval_waiting.median_wait IS 'from the request to its approval or rejection: half took no longer';
COMMENT ON COLUMN hitl.approval_waiting.p90_wait IS 'the same: nine of ten took no longer';
COMMENT ON COLUMN hitl.approval_waiting.max_wait IS 'the same: the longest';
COMMENT ON COLUMN hitl.approval_waiting.oldest_pending IS 'since when the oldest of those waits that are pending';

CREATE VIEW hitl.approver_activity AS
	SELECT s.approver_id, count(*) AS answers,
		   count(*) FILTER (WHERE s.decision = 'approved') AS approved,
		   count(*) FILTER (WHERE s.decision = 'rejected') AS rejected,
		   count(*) FILTER (WHERE s.decision = 'modified') AS modified,
		   count(*) FILTER (WHERE s.decision = 'abstained') AS abstained,
		   round(count(*) FILTER (WHERE s.decision = 'approved')::numeric / count(*), 3) AS approval_rate,
		   percentile_cont(0.5) WITHIN GROUP (ORDER BY s.answered_after) AS median_time,
		   count(*) FILTER (WHERE s.answered_after <= interval '5 seconds') AS quick_answers,
		   max(s.responded_at) AS last_answer
	FROM hitl.approval_answers s
	GROUP BY s.approver_id;
COMMENT ON VIEW hitl.approver_activity IS 'how each approver answers';
COMMENT ON COLUMN hitl.approver_activity.approver_id IS 'who answered';
COMMENT ON COLUMN hitl.approver_activity.answers IS 'how many answers, those to contents that were changed later among them';
COMMENT ON COLUMN hitl.approver_activity.approved IS 'how many approved';
COMMENT ON COLUMN hitl.approver_activity.rejected IS 'how many rejected';
COMMENT ON COLUMN hitl.approver_activity.modified IS 'how many changed the content, or wanted it changed';
COMMENT ON COLUMN hitl.approver_activity.abstained IS 'how many abstained';
COMMENT ON COLUMN hitl.approver_activity.approval_rate IS 'share of the answers that approved, 0 to 1';
COMMENT ON COLUMN hitl.approver_activity.median_time IS 'from when the content began to be shown to the answer: half took no longer';
COMMENT ON COLUMN hitl.approver_activity.quick_answers IS 'how many came within five seconds: a rubber stamp reads nothing';
COMMENT ON COLUMN hitl.approver_activity.last_answer IS 'when the latest was given';

CREATE VIEW hitl.approval_outcomes AS
	SELECT s.day, s.approval_type, count(*) AS ended,
		   count(*) FILTER (WHERE s.status = 'approved') AS approved,
		   count(*) FILTER (WHERE s.status = 'rejected') AS rejected,
		   count(*) FILTER (WHERE s.status = 'expired') AS expired,
		   count(*) FILTER (WHERE s.status = 'cancelled') AS cancelled,
		   count(*) FILTER (WHERE s.by_rule) AS by_rule,
		   round(count(*) FILTER (WHERE s.status = 'approved')::numeric
				 / nullif(count(*) FILTER (WHERE s.status IN ('approved', 'rejected')), 0), 3) AS approval_rate,
		   round(count(*) FILTER (WHERE s.status = 'expired')::numeric / count(*), 3) AS expiry_rate,
		   round(count(*) FILTER (WHERE s.by_rule)::numeric / count(*), 3) AS rule_rate
	FROM (SELECT (a.decided_at AT TIME ZONE 'UTC')::date AS day, a.approval_type, a.status,
				 a.status IN ('approved', 'rejected') AND a.reason IS NOT DISTINCT FROM 'rule' AS by_rule
		  FROM hitl.approval_requests a WHERE a.status <> 'pending') AS s
	GROUP BY s.day, s.approval_type;
COMMENT ON VIEW hitl.approval_outcomes IS 'how approval requests ended, by day and type';
COMMENT ON COLUMN hitl.approval_outcomes.day IS 'on which they ended, in UTC';
COMMENT ON COLUMN hitl.approval_outcomes.approval_type IS 'type of the requests';
COMMENT ON COLUMN hitl.approval_outcomes.ended IS 'how many ended';
COMMENT ON COLUMN hitl.approval_outcomes.approved IS 'how many were approved';
COMMENT ON COLUMN hitl.approval_outcomes.rejected IS 'how many were rejected';
COMMENT ON COLUMN hitl.approval_outcomes.expired IS 'how many expired';
COMMENT ON COLUMN hitl.approval_outcomes.cancelled IS 'how many were withdrawn';
COMMENT ON COLUMN hitl.approval_outcomes.by_rule IS 'how many a rule approved or rejected';
COMMENT ON COLUMN hitl.approval_outcomes.approval_rate IS 'share of the approved among the approved and rejected, 0 to 1';
COMMENT ON COLUMN hitl.approval_outcomes.expiry_rate IS 'share of the expired among all';
COMMENT ON COLUMN hitl.approval_outcomes.rule_rate IS 'share of those that a rule decided among all';

CREATE FUNCTION hitl.quick_approvals(within interval DEFAULT '5 seconds')
	RETURNS TABLE (approval_id uuid, approver_id text, approval_type text, title text,
				   answered_after interval, responded_at timestamptz)
	LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT s.approval_id, s.approver_id, s.approval_type, s.title, s.answered_after, s.responded_at
	FROM hitl.approval_answers s
	WHERE s.decision = 'approved' AND s.answered_after <= within
	ORDER BY s.responded_at DESC, s.approval_id DESC, s.number DESC;
END;
COMMENT ON FUNCTION hitl.quick_approvals(interval) IS
	'approvals that were given within so short a time that hardly anybody can have read what they approve, latest first';
