-- hitl--0.1.0--0.2.0.sql
--		Steps of all kinds, branches, templates, signals, external tasks, limits,
--		recovery, retention.
--
-- assemble.awk puts in what "@" refers to.  Definitions of 0.1.0 are good as they
-- are, and so are control states, but for those of failed workflows.

-- ---- tables that change -------------------------------------------------

ALTER TABLE hitl.definitions ADD COLUMN last_used_at timestamptz NOT NULL DEFAULT now();

ALTER TABLE hitl.workflows
	ADD COLUMN large jsonb,
	ADD COLUMN output jsonb,
	ADD COLUMN deadline timestamptz,
	ADD COLUMN priority smallint NOT NULL DEFAULT 0 CHECK (priority BETWEEN 0 AND 9),
	ADD COLUMN template text,
	ADD COLUMN template_version integer,
	ADD COLUMN parent_id uuid,
	ADD COLUMN parent_token bigint,
	ADD COLUMN depth smallint NOT NULL DEFAULT 0,
	ADD COLUMN recoveries integer NOT NULL DEFAULT 0;
-- @take src/workflow/workflow.sql: CREATE INDEX workflows_
-- Where they failed was in their errors alone; hitl.retry_workflow begins there.
UPDATE hitl.workflows w
SET control = jsonb_set(w.control, '{active}', jsonb_build_array(jsonb_build_object(
	'step', w.error -> 'step', 'type', s.step -> 'type', 'state', 'ready',
	'attempt', 1 + (SELECT count(*) FROM hitl.workflow_events e
					WHERE e.workflow_id = w.id AND e.step_name = w.error ->> 'step'
					  AND e.event_type = 'step_completed'),
	'position', w.error -> 'position',
	'since_us', (extract(epoch FROM w.finished_at) * 1000000)::bigint)))
FROM hitl.definitions d,
	LATERAL jsonb_array_elements(d.definition -> 'steps') WITH ORDINALITY AS s (step, number)
WHERE w.status = 'failed' AND w.control -> 'active' = '[]'
  AND d.hash = w.definition_hash
  AND w.error ->> 'position' = '/steps/' || s.number - 1
  AND w.error ->> 'step' = s.step ->> 'name';

ALTER TABLE hitl.messages ADD COLUMN token bigint;
-- @take src/workflow/workflow.sql: CREATE INDEX messages_timers
ALTER TABLE hitl.workflow_events ADD COLUMN scope bigint;
-- @take src/workflow/workflow.sql: CREATE TABLE hitl.workflow_branches
-- @take src/workflow/workflow.sql: SELECT pg_extension_config_dump('hitl.workflow_branches'
-- @take src/workflow/workflow.sql: COMMENT ON TABLE hitl.workflow_branches
-- @take src/workflow/workflow.sql: ALTER TABLE hitl.workflows SET
-- @take src/workflow/workflow.sql: ALTER TABLE hitl.workflow_branches SET
-- @take src/workflow/workflow.sql: ALTER TABLE hitl.messages SET
-- @take src/workflow/workflow.sql: ALTER TABLE hitl.workflow_events SET

ALTER TABLE hitl.workflow_checkpoints
	ADD COLUMN large jsonb,
	ADD COLUMN branches jsonb;

ALTER TABLE hitl.models
	ADD COLUMN headers jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(headers) = 'object');

ALTER TABLE hitl.secrets ADD COLUMN allowed_hosts text[] NOT NULL DEFAULT '{}';

-- ---- the outbox: a queue for each host ----------------------------------

-- @take src/worker/outbox.sql: CREATE FUNCTION hitl.request_origin
-- @take src/worker/outbox.sql: CREATE FUNCTION hitl.request_rank
DROP INDEX hitl.outbox_due;
ALTER TABLE hitl.outbox
	DROP CONSTRAINT outbox_purpose_check,
	ADD CONSTRAINT outbox_purpose_check CHECK (purpose IN ('inference', 'http', 'notification')),
	ADD COLUMN expect integer[],
	ADD COLUMN priority smallint NOT NULL DEFAULT 0 CHECK (priority BETWEEN 0 AND 9),
	ADD COLUMN missing_secret text;
-- By themselves, since priority must be there.
ALTER TABLE hitl.outbox
	ADD COLUMN origin text COLLATE "C" NOT NULL GENERATED ALWAYS AS (hitl.request_origin(url)) STORED,
	ADD COLUMN rank timestamptz NOT NULL GENERATED ALWAYS AS
		(hitl.request_rank(next_attempt_at, created_at, attempts, priority)) STORED;
-- @take src/worker/outbox.sql: COMMENT ON COLUMN
-- @take src/worker/outbox.sql: CREATE INDEX outbox_due
-- @take src/worker/outbox.sql: CREATE INDEX outbox_secret

-- ---- functions that take other arguments --------------------------------

DROP FUNCTION hitl.create_workflow(text, text, jsonb, jsonb, text),
	hitl.execute_workflow(uuid, text, jsonb),
	hitl.update_workflow_state(uuid, jsonb, text),
	hitl.request_approval(text, text, text, text, text[], integer, numeric, jsonb, uuid, text, text[]),
	hitl.create_model(text, text, text, text, text, jsonb, boolean, integer),
	hitl.set_secret(text, text);

-- ---- the rest, in the order of a fresh installation ---------------------

-- @code src/hitl.sql
-- @code src/workflow/identifier.sql
-- @code src/workflow/definition.sql
-- @all src/workflow/idempotency.sql
-- @all src/workflow/template.sql
-- @all src/workflow/statement.sql
-- @code src/approval/request.sql
-- @code src/undo/checkpoint.sql
-- @code src/worker/secret.sql
-- @code src/agent/model.sql
-- @all src/worker/limits.sql
-- @code src/worker/outbox.sql
-- @all src/worker/circuit_breaker.sql
-- @code src/channel/channel.sql
-- @all src/workflow/queue.sql
-- @all src/workflow/external.sql
-- @all src/workflow/signal.sql
-- @all src/workflow/child.sql
-- @code src/workflow/control.sql
-- @all src/workflow/command.sql
-- @all src/workflow/recovery.sql
-- @code src/approval/response.sql
-- @code src/workflow/status.sql
-- @code src/workflow/await.sql
-- @all src/workflow/admission.sql
-- @all src/workflow/schedule.sql
-- @all src/workflow/retention.sql
-- @all src/workflow/display.sql
-- @code src/worker/worker.sql
-- @code src/access.sql
