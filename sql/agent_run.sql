-- runs of agents, with a model that says what its parameters have
\set SHOW_CONTEXT never
CREATE ROLE hitl_runner;
SELECT hitl.grant_access('hitl_runner', 'operator');
CREATE SCHEMA shop;
GRANT USAGE ON SCHEMA shop TO hitl_runner;
CREATE TABLE shop.orders (id integer PRIMARY KEY, total numeric NOT NULL, refunded numeric NOT NULL DEFAULT 0, by name);
INSERT INTO shop.orders VALUES (7, 40);
GRANT SELECT, UPDATE ON shop.orders TO hitl_runner;
CREATE FUNCTION shop.lookup_order(order_id integer, in_full boolean DEFAULT false) RETURNS jsonb
	LANGUAGE sql RETURN (SELECT CASE WHEN in_full THEN to_jsonb(o) ELSE to_jsonb(o.total) END FROM shop.orders o WHERE o.id = order_id);
COMMENT ON FUNCTION shop.lookup_order IS 'Looks up an order.';
CREATE FUNCTION shop.refund(order_id integer, amount numeric) RETURNS text LANGUAGE sql AS $$
	UPDATE shop.orders SET refunded = refunded + amount, by = current_user WHERE id = order_id RETURNING format('%s was refunded', amount) $$;
COMMENT ON FUNCTION shop.refund IS 'Pays money back.';
CREATE FUNCTION shop.check_answer(answer jsonb) RETURNS text LANGUAGE sql AS $$ SELECT CASE WHEN answer = '"Done."' THEN 'say more' END $$;
CREATE FUNCTION shop.is_sentence(answer jsonb) RETURNS boolean LANGUAGE sql AS $$ SELECT answer #>> '{}' LIKE '%.' $$;
SELECT hitl.create_tool('lookup_order', 'shop.lookup_order(integer,boolean)');
SELECT hitl.create_tool('refund', 'shop.refund(integer,numeric)', approval => 'when', approval_when => '$.amount > 10');

-- calls, wrong ones, an approval before one of them, answers that are refused
SELECT hitl.create_model('scripted', provider => 'builtin', parameters => '{"replies": [
	{"text": "I look it up.", "calls": [{"name": "lookup_order", "arguments": {"order_id": 7}}, {"name": "lookup_order", "arguments": {"order": 7}},
		{"name": "cancel_order", "arguments": {}}, {"name": "lookup_order", "arguments": {"order_id": 7, "in_full": true}}]},
	{"text": "I pay it back.", "calls": [{"name": "create_checkpoint", "arguments": {"checkpoint_name": "before"}}, {"name": "refund", "arguments": {"order_id": 7, "amount": 40}}]},
	{"calls": [{"name": "final_answer", "arguments": {"answer": "Done."}}]},
	{"text": "The order was paid back"},
	{"text": "The order was paid back."}]}');
SELECT hitl.create_agent('support', 'Help.', 'scripted', '{lookup_order,refund,create_checkpoint}', approval => '{"requested_from": "ann"}',
	answer_checks => '{shop.check_answer,shop.is_sentence}');
SET ROLE hitl_runner;
SELECT hitl.run_agent('support', 'Refund order 7.', '{"customer": "Eve"}', idempotency_key => 'refund 7') AS id \gset
SELECT hitl.run_agent('support', 'Refund order 7.', '{"customer": "Eve"}', idempotency_key => 'refund 7') = :'id' AS same;
SELECT hitl.run_agent('support', 'Refund order 8.', '{"customer": "Eve"}', idempotency_key => 'refund 7') \set VERBOSITY sqlstate
\g
\set VERBOSITY default
CALL hitl.await_workflow(:'id', '30 seconds', 'waiting_approval');
RESET ROLE;
SELECT title, asked, context_data FROM hitl.pending_approvals WHERE workflow_id = :'id';
SELECT hitl.get_workflow_status(:'id') #> '{active_steps,0,agent}' AS progress;
SELECT * FROM shop.orders;
-- what was begun goes on as it began
SELECT hitl.create_agent('support', 'Help nobody.', 'scripted', '{refund}');
SELECT hitl.drop_tool('lookup_order'), hitl.drop_agent('support');
SET ROLE hitl_runner;
SELECT hitl.run_agent('support', 'Refund order 7.', '{"customer": "Eve"}', idempotency_key => 'refund 7') = :'id' AS still_the_same;
SELECT hitl.run_agent('support', 'Refund order 7.', '{"customer": "Eve"}', idempotency_key => 'refund 8');
RESET ROLE;
SELECT hitl.respond_to_approval(approval_id, 'ann', 'modified', edits => '{"arguments": {"order_id": 7, "amount": 30}}')
FROM hitl.pending_approvals WHERE workflow_id = :'id';
CALL hitl.await_workflow(:'id', '30 seconds');
SELECT status, output, name, owner, data #> '{steps,run,turns}' AS turns FROM hitl.workflows WHERE id = :'id';
SELECT * FROM shop.orders;
SELECT step, who, what, abandoned FROM hitl.agent_transcript(:'id');
-- back to the checkpoint: the agent is told why, and what followed is marked
SELECT hitl.rollback_workflow(:'id', 'before', 'It was the wrong order');
SELECT hitl.execute_workflow(:'id') = :'id' AS executed;
CALL hitl.await_workflow(:'id', '30 seconds');
SELECT step, who, what, abandoned FROM hitl.agent_transcript(:'id') WHERE seq > 15;
SELECT turn, said, calls -> 1 ->> 'id' AS second, jsonb_path_query_array(observations, '$[*].call') AS observed, jsonb_path_query_array(observations, '$[*].abandoned') AS left_behind, abandoned
FROM hitl.agent_steps WHERE workflow_id = :'id' ORDER BY event;
SELECT segment = min(segment) OVER () AS first_segment, count(*), max(n), bool_or(abandoned) AS abandoned
FROM hitl.agent_messages WHERE workflow_id = :'id' GROUP BY segment ORDER BY segment;
SELECT what FROM hitl.workflow_timeline(:'id') WHERE event = 'agent observed';
SELECT * FROM hitl.verify_events(:'id');

-- what people are told of how far it is
SELECT s.state, s.agent ->> 'phase' AS phase, hitl.agent_progress(jsonb_build_object('state', s.state, 'agent', '{"name": "a", "turn": 2}' || s.agent)) AS progress
FROM (VALUES ('ready', '{"phase": "asks"}'::jsonb), ('waiting_reply', '{"phase": "asks"}'), ('waiting_reply', '{"phase": "plans", "used": {"tokens": 7, "cost": 0.5}}'),
	('waiting_reply', '{"phase": "checks"}'), ('waiting_timer', '{"phase": "waits", "limit": "day_tokens"}'),
	('waiting_approval', '{"phase": "exceeds", "limit": "cost"}'),
	('waiting_reply', '{"phase": "calls", "next": 1, "calls": [{"tool": "x"}, {"tool": "<code>", "arguments": {"sql": "secret"}}, {"tool": "z"}]}'),
	('waiting_workflow', '{"phase": "calls", "calls": [{"tool": "x"}]}'),
	('waiting_approval', '{"phase": "calls", "calls": [{"tool": "x"}, {"tool": "y", "token": 5}]}')) AS s (state, agent);

-- an agent is a tool of another
SELECT hitl.create_model('knowing', provider => 'builtin', parameters => '{"replies": [{"text": "It rains."}]}');
SELECT hitl.create_model('asking', provider => 'builtin', parameters => '{"replies": [
	{"calls": [{"name": "ask_expert", "arguments": {"task": "What is the weather?", "context": {"city": "Oslo"}}}]}, {"text": "Take an umbrella."}]}');
SELECT hitl.create_agent('expert', model => 'knowing');
SELECT hitl.create_agent_tool('ask_expert', 'expert', 'Knows the weather.');
SELECT hitl.create_agent('adviser', model => 'asking', tools => '{ask_expert}');
SELECT hitl.run_agent('adviser', 'What do I need?') AS id \gset
CALL hitl.await_workflow(:'id', '30 seconds');
SELECT step, who, regexp_replace(what, '[0-9a-f-]{36}', 'ID') AS what FROM hitl.agent_transcript(:'id');
SELECT t.step, t.who, t.what FROM hitl.child_workflows c, hitl.agent_transcript(c.workflow_id) t WHERE c.parent_id = :'id';

-- a start that is repeated is none, even of what was rolled back
BEGIN;
SELECT hitl.run_agent('expert', 'How is it outside?', idempotency_key => 'weather') AS id \gset
SELECT hitl.create_checkpoint(:'id', 'begin') IS NOT NULL AS made;
COMMIT;
CALL hitl.await_workflow(:'id', '30 seconds');
SELECT hitl.rollback_workflow(:'id', 'begin');
SELECT hitl.run_agent('expert', 'How is it outside?', idempotency_key => 'weather') = :'id' AS same;
SELECT status FROM hitl.workflows WHERE id = :'id';

-- an agent that writes SQL, as a role of its own
CREATE ROLE hitl_code;
GRANT USAGE ON SCHEMA shop TO hitl_code;
GRANT SELECT ON shop.orders TO hitl_code;
SELECT hitl.create_model('coding', provider => 'builtin', parameters => '{"replies": [
	{"text": "I look.\n<code>SELECT id, total, reason FROM shop.orders</code>"},
	{"text": "```sql\nSELECT id, total FROM shop.orders;\nSELECT current_user\n```"},
	{"text": "<code>DELETE FROM shop.orders</code>"}, {"text": "There is one order, of 40."}]}');
SELECT hitl.create_agent('analyst', kind => 'code', model => 'coding', sandbox => '{"role": "hitl_code", "approval": {"when": "$.sql starts with \"DELETE\""}}');
SELECT hitl.run_agent('analyst', 'What is in the shop?') AS id \gset
CALL hitl.await_workflow(:'id', '30 seconds', 'waiting_approval');
SELECT title, context_data FROM hitl.pending_approvals WHERE workflow_id = :'id';
SELECT hitl.get_workflow_status(:'id') #> '{active_steps,0,agent}' AS progress;
SELECT hitl.respond_to_approval(approval_id, 'ann', 'approved', '{}') FROM hitl.pending_approvals WHERE workflow_id = :'id';
CALL hitl.await_workflow(:'id', '30 seconds');
SELECT who, what FROM hitl.agent_transcript(:'id');
SELECT output FROM hitl.workflows WHERE id = :'id';
SELECT hitl.drop_agent('analyst'), hitl.drop_model('coding');

SELECT hitl.drop_agent('adviser'), hitl.drop_tool('ask_expert'), hitl.drop_agent('expert'), hitl.drop_tool('refund');
DELETE FROM hitl.agent_versions WHERE agent IN ('support', 'expert', 'adviser', 'analyst');
DELETE FROM hitl.idempotency_keys WHERE key IN ('refund 7', 'weather');
SELECT hitl.drop_model(n) FROM unnest('{scripted,knowing,asking}'::text[]) AS n;
SET client_min_messages = warning;
DROP SCHEMA shop CASCADE;
RESET client_min_messages;
SELECT hitl.revoke_access('hitl_runner');
DROP ROLE hitl_runner, hitl_code;
