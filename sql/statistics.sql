-- how long requests wait, how people answer, what is decided
\set SHOW_CONTEXT never
-- what others have left is moved out of the way, and back at the end
CREATE TABLE others AS SELECT * FROM hitl.approval_requests;
CREATE TABLE others_responses AS SELECT * FROM hitl.approval_responses;
CREATE TABLE others_contents AS SELECT * FROM hitl.approval_contents;
DELETE FROM hitl.approval_requests;
DELETE FROM hitl.approval_responses;
DELETE FROM hitl.approval_contents;
SELECT * FROM hitl.approval_waiting;
SELECT * FROM hitl.approver_activity;
SELECT * FROM hitl.approval_outcomes;
SELECT * FROM hitl.quick_approvals();
-- requests, asked and answered by the real functions; then their times are set
SELECT hitl.create_template('stats', definition => '{"steps": [{"name": "x", "type": "checkpoint"}]}');
SELECT hitl.create_workflow('s', template => 'stats') AS workflow \gset
SELECT hitl.request_approval('a' || n) IS NOT NULL AS made FROM generate_series(1, 9) AS n;
SELECT hitl.request_approval('b' || n, approval_type => 'form', form_fields => '[{"name": "why", "type": "text"}]', workflow_id => :'workflow') IS NOT NULL AS made FROM generate_series(1, 3) AS n;
SELECT hitl.create_approval_rule('stats', '$.title == "c1"', 'approve');
SELECT hitl.request_approval('c1') IS NOT NULL AS made;
SELECT hitl.drop_approval_rule('stats');
CREATE FUNCTION answer(title text, who text, what text, feedback text DEFAULT NULL, edits jsonb DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
	SELECT hitl.respond_to_approval(a.id, who, what, feedback => feedback, edits => edits, content_hash => a.content_hash,
		response_data => CASE WHEN a.approval_type = 'form' AND what = 'approved' THEN '{"why": "so"}'::jsonb END)
	FROM hitl.approval_requests a WHERE a.title = answer.title $$;
SELECT answer('a' || n, 'una', 'approved') FROM generate_series(1, 4) AS n;
SELECT answer('a5', 'una', 'rejected'), answer('a6', 'vic', 'approved'), answer('b1', 'vic', 'approved'), answer('b2', 'vic', 'rejected');
SELECT answer('a7', 'vic', 'commented', 'well'), answer('a7', 'wim', 'abstained'), answer('a7', 'vic', 'modified', edits => '{"x": 1}');
SELECT hitl.cancel_approval(id) FROM hitl.approval_requests WHERE title = 'a8';
SELECT hitl.expire_approval(id) FROM hitl.approval_requests WHERE title = 'a9';
UPDATE hitl.approval_requests SET requested_at = '2026-03-01 12:00Z', decided_at = CASE WHEN decided_at IS NOT NULL THEN
	timestamptz '2026-03-01 12:00Z' + CASE WHEN title IN ('a5', 'b2') THEN interval '13 hours' ELSE substr(title, 2)::integer * interval '2 seconds' END END;
UPDATE hitl.approval_responses r SET responded_at = coalesce(a.decided_at, '2026-03-01 12:30Z') FROM hitl.approval_requests a WHERE a.id = r.approval_id;
UPDATE hitl.approval_responses SET responded_at = '2026-03-01 12:10Z' WHERE decision = 'modified';
UPDATE hitl.approval_responses SET responded_at = '2026-03-01 12:00:01Z' WHERE decision = 'abstained';
UPDATE hitl.approval_contents SET replaced_at = '2026-03-01 12:10Z';
SET timezone = 'UTC';
SELECT * FROM hitl.approval_waiting ORDER BY approval_type, template;
SELECT approver_id, answers, approved, rejected, modified, abstained, approval_rate, median_time, quick_answers, last_answer FROM hitl.approver_activity ORDER BY approver_id;
SELECT * FROM hitl.approval_outcomes ORDER BY day, approval_type;
SELECT approver_id, approval_type, title, answered_after FROM hitl.quick_approvals();
SELECT count(*) FROM hitl.quick_approvals('1 hour');
SELECT count(*) FROM hitl.quick_approvals('0');
SET timezone = 'Asia/Tokyo';
SELECT day, count(*) FROM hitl.approval_outcomes GROUP BY day ORDER BY day;	-- in UTC
RESET timezone;
-- each column is explained
SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.oid IN ('hitl.approval_answers'::regclass, 'hitl.approval_waiting'::regclass, 'hitl.approver_activity'::regclass, 'hitl.approval_outcomes'::regclass)
  AND col_description(c.oid, a.attnum) IS NULL;
-- for those who see all
CREATE ROLE hitl_part;
CREATE ROLE hitl_view;
SELECT hitl.grant_access('hitl_part', 'participant'), hitl.grant_access('hitl_view', 'viewer');
GRANT hitl_part, hitl_view TO CURRENT_USER;
SET ROLE hitl_view;
SELECT count(*) FROM hitl.approver_activity;
SELECT count(*) FROM hitl.approval_waiting;
SELECT count(*) FROM hitl.approval_outcomes;
SELECT count(*) FROM hitl.approval_answers;
SELECT count(*) FROM hitl.quick_approvals();
SET ROLE hitl_part;
\set VERBOSITY sqlstate
SELECT count(*) FROM hitl.approver_activity;
SELECT count(*) FROM hitl.approval_waiting;
SELECT count(*) FROM hitl.approval_outcomes;
SELECT count(*) FROM hitl.approval_answers;
SELECT count(*) FROM hitl.quick_approvals();
\set VERBOSITY default
RESET ROLE;
SELECT hitl.revoke_access(r) FROM unnest('{hitl_part,hitl_view}'::name[]) AS r;
DROP ROLE hitl_part;
DROP ROLE hitl_view;
SELECT hitl.cancel_workflow(:'workflow');
DELETE FROM hitl.approval_asks k WHERE NOT EXISTS (SELECT FROM others o WHERE o.id = k.approval_id);
DELETE FROM hitl.approval_requests;
DELETE FROM hitl.approval_responses;
DELETE FROM hitl.approval_contents;
DELETE FROM hitl.rule_decisions d WHERE NOT EXISTS (SELECT FROM others o WHERE o.id = d.approval_id);
INSERT INTO hitl.approval_requests SELECT * FROM others;
INSERT INTO hitl.approval_responses SELECT * FROM others_responses;
INSERT INTO hitl.approval_contents SELECT * FROM others_contents;
DROP TABLE others, others_responses, others_contents;
DROP FUNCTION answer(text, text, text, text, jsonb);
