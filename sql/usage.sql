-- what models have taken, and what that cost
\set SHOW_CONTEXT never
BEGIN;
DELETE FROM hitl.outbox;
SELECT * FROM hitl.model_usage;
SELECT * FROM hitl.workflow_usage;
SELECT hitl.create_workflow('thinks', workflow_definition => '{"steps": [{"name": "a", "type": "task", "task": "t"}]}') AS workflow \gset
CREATE FUNCTION called(workflow uuid, model text, at timestamptz, status text, response integer, input bigint DEFAULT NULL,
	output bigint DEFAULT NULL, cost numeric DEFAULT NULL, purpose text DEFAULT 'inference', agent text DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
	INSERT INTO hitl.outbox (id, purpose, workflow_id, url, idempotency_key, provider, model, finished_at, status, response_status,
		input_tokens, output_tokens, cost, conversation)
	VALUES (gen_random_uuid(), purpose, workflow, 'https://models.example.org', '', 'openai', model, at, status, response,
		input, output, cost, CASE WHEN agent IS NOT NULL THEN jsonb_build_object('agent', agent) END) $$;
\set gone '00000000-0000-7000-8000-000000000001'
SELECT count(called(:'workflow', 'large', '2026-03-01 23:30Z', 'delivered', 200, 1000, 10, 0.0000000001)),
	count(called(:'workflow', 'large', '2026-03-01 12:00Z', 'delivered', 200, 2000, 20, 12345678901234567890.2)),
	count(called(:'workflow', 'large', '2026-03-02 00:30Z', 'failed', 503)),
	count(called(:'workflow', 'large', '2026-03-02 00:30Z', 'failed', 200, 9223372036854775807, 1)),
	count(called(:'workflow', 'large', '2026-03-02 00:30Z', 'cancelled', 200, 5, 5, 1)),
	count(called(:'workflow', 'large', '2026-03-02 00:30Z', 'cancelled', NULL)),
	count(called(:'workflow', 'large', NULL, 'queued', 503)),
	count(called(:'workflow', 'small', '2026-03-02 01:00Z', 'delivered', 200, 9223372036854775807, NULL)),
	count(called(:'gone', NULL, '2026-03-02 01:00Z', 'delivered', 200)),
	count(called(:'gone', 'large', '2026-03-03 01:00Z', 'delivered', 200, 10, 1, 0.5, agent => 'helper')),
	count(called(:'workflow', 'large', '2026-03-03 02:00Z', 'delivered', 200, 20, 2, 0.25, agent => 'helper')),
	count(called(:'workflow', 'large', '2026-03-03 02:00Z', 'failed', 503, agent => 'helper')),
	count(called(:'gone', NULL, '2026-03-02 01:00Z', 'delivered', 200, purpose => 'http'));
SET LOCAL timezone = 'Pacific/Auckland';
SELECT day, model, calls, failures, input_tokens, output_tokens, cost, unpriced FROM hitl.model_usage ORDER BY day, model;
SELECT * FROM hitl.agent_usage;
SELECT workflow_id = :'gone' AS gone, name, calls, failures, input_tokens, output_tokens, cost, unpriced FROM hitl.workflow_usage ORDER BY 1;
ROLLBACK;
