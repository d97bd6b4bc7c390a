-- hitl--0.2.0--0.3.0.sql
--		Approvals by policies, of principals, groups and delegates, chained by
--		hash; events chained by hash; agents.
--
-- assemble.awk puts in what "@" refers to.  Definitions and control states of
-- 0.2.0 are good as they are.

-- ---- tables that change -------------------------------------------------

-- What is there gets no hash: it cannot be told any more whether it is what was written.
ALTER TABLE hitl.workflows ADD COLUMN event_hash bytea, ADD COLUMN session_role name;
ALTER TABLE hitl.workflow_events ADD COLUMN hash bytea;

-- No column with a default can be added while a function uses the type of the
-- rows; it is created again below, and there the new columns are filled.
DROP FUNCTION hitl.notification_body(text, hitl.approval_requests);
ALTER TABLE hitl.approval_requests
	DROP CONSTRAINT approval_requests_approval_type_check,
	DROP CONSTRAINT approval_requests_approval_threshold_check,
	DROP CONSTRAINT approval_requests_title_check,
	DROP CONSTRAINT approval_requests_status_check,
	ADD CONSTRAINT approval_requests_status_check
		CHECK (status = ANY ('{pending, approved, rejected, expired, cancelled}')),
	ADD COLUMN policy jsonb,
	ADD COLUMN timed boolean NOT NULL DEFAULT false,
	ADD COLUMN policy_state text,
	ADD COLUMN asked text[] NOT NULL DEFAULT '{}',
	ADD COLUMN due_at timestamptz,
	ADD COLUMN round integer NOT NULL DEFAULT 1,
	ADD COLUMN opened_at timestamptz,
	ADD COLUMN acts integer NOT NULL DEFAULT 0,
	ADD COLUMN wanted text,
	ADD COLUMN requesters text[] NOT NULL DEFAULT '{}',
	ADD COLUMN editors text[] NOT NULL DEFAULT '{}',
	ADD COLUMN editable boolean NOT NULL DEFAULT true,
	ADD COLUMN answer_schema jsonb,
	ADD COLUMN ui_schema jsonb,
	ADD COLUMN reminders integer NOT NULL DEFAULT 0,
	ADD COLUMN reminded_at timestamptz,
	ADD COLUMN escalations integer NOT NULL DEFAULT 0,
	ADD COLUMN request_hash bytea,
	ADD COLUMN last_hash bytea,
	ADD COLUMN decision_hash bytea,
	ADD COLUMN webhook jsonb;
ALTER TABLE hitl.approval_requests SET (fillfactor = 80);
DROP INDEX hitl.approval_requests_pending;

ALTER TABLE hitl.approval_responses
	DROP CONSTRAINT approval_responses_decision_check,
	ADD COLUMN number integer,
	ADD COLUMN round integer NOT NULL DEFAULT 1,
	ADD COLUMN on_behalf_of text[],
	ADD COLUMN names text[],
	ADD COLUMN standing boolean NOT NULL DEFAULT true,
	ADD COLUMN edits jsonb,
	ADD COLUMN channel text NOT NULL DEFAULT 'sql',
	ADD COLUMN evidence jsonb,
	ADD COLUMN hash bytea;

-- @take src/workflow/statement.sql: COMMENT ON TABLE hitl.statements

ALTER TABLE hitl.models
	DROP CONSTRAINT models_provider_check,
	DROP CONSTRAINT models_check,
	ADD COLUMN input_price numeric CHECK (input_price >= 0 AND input_price < 'Infinity'),
	ADD COLUMN output_price numeric CHECK (output_price >= 0 AND output_price < 'Infinity'),
	ADD COLUMN fallbacks text[] NOT NULL DEFAULT '{}',
	ADD CONSTRAINT models_provider_check CHECK (provider IN ('openai', 'anthropic', 'builtin')),
	ADD CONSTRAINT models_check
		CHECK (provider = 'builtin' OR (base_url ~ '^https?://' AND model <> ''));
ALTER TABLE hitl.outbox
	ADD COLUMN conversation jsonb CHECK (conversation IS NULL OR body IS NULL),
	ADD COLUMN provider text,
	ADD COLUMN model text,
	ADD COLUMN fallbacks jsonb,
	ADD COLUMN input_tokens bigint,
	ADD COLUMN output_tokens bigint,
	ADD COLUMN cost numeric,
	ADD COLUMN redacted_at timestamptz,
	ADD COLUMN notification_id uuid,
	ADD COLUMN settings jsonb,
	ADD COLUMN provider_message_id text,
	ADD CONSTRAINT outbox_provider_check CHECK (purpose <> 'notification' OR provider IN ('smtp', 'sendgrid', 'slack', 'generic')),
	ADD CONSTRAINT outbox_settings_check CHECK (settings IS NULL OR provider IS NOT DISTINCT FROM 'smtp' AND jsonb_typeof(settings) = 'object');
-- @take src/worker/outbox.sql: CREATE INDEX outbox_fallbacks
-- @take src/worker/outbox.sql: CREATE INDEX outbox_notification
ALTER TABLE hitl.channel_configurations
	DROP CONSTRAINT channel_configurations_channel_type_check,
	DROP CONSTRAINT channel_configurations_check,
	ADD CONSTRAINT channel_configurations_channel_type_check
		CHECK (channel_type IN ('webhook', 'generic', 'email', 'slack')),
	ADD COLUMN secret_name text,
	ADD COLUMN templates jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(templates) = 'object');
-- It lists recipients now; notification_deliveries is what it was.
DROP VIEW hitl.notifications;

-- ---- functions that take other arguments --------------------------------

DROP FUNCTION hitl.approval_content_hash(text, text, text, jsonb),
	hitl.request_approval(text, text, text, text, text[], integer, numeric, jsonb, uuid, text, text[], text),
	hitl.respond_to_approval(uuid, text, text, jsonb, text),
	hitl.create_model(text, text, text, text, text, jsonb, boolean, integer, jsonb),
	hitl.configure_channel(text, text, jsonb, text, boolean, boolean);

-- ---- rights -------------------------------------------------------------

-- Who could list or answer all requests, or read these tables, saw all rows; what
-- row-level security calls needs rights, too.
INSERT INTO hitl_grants_before (function, grantee, is_grantable)
SELECT 'see_all', g.grantee, false FROM hitl_grants_before g
WHERE g.function IN ('list_pending_approvals', 'respond_to_approval')
UNION
SELECT f.name, a.grantee, false
FROM pg_class c, aclexplode(c.relacl) AS a,
	 unnest('{see_all,sees_all,sees_approval,sees_workflow,sees_events}'::name[]) AS f (name)
WHERE c.oid IN ('hitl.approval_requests'::regclass, 'hitl.approval_responses'::regclass,
				'hitl.workflows'::regclass, 'hitl.workflow_events'::regclass)
  AND a.privilege_type = 'SELECT' AND a.grantee <> c.relowner;

-- ---- the rest, in the order of a fresh installation ---------------------

-- @code src/hitl.sql
-- @code src/workflow/identifier.sql
-- @code src/workflow/definition.sql
-- @code src/workflow/workflow.sql
-- @code src/workflow/idempotency.sql
-- @code src/workflow/template.sql
-- @code src/workflow/statement.sql
-- @take src/approval/principal.sql: CREATE TABLE hitl.principals
-- @take src/approval/principal.sql: CREATE TABLE hitl.principal_groups
-- @take src/approval/principal.sql: CREATE TABLE hitl.group_members
-- @take src/approval/principal.sql: CREATE TABLE hitl.principal_names
-- @take src/approval/principal.sql: CREATE TABLE hitl.delegations
-- @take src/approval/principal.sql: CREATE TABLE hitl.approval_reminders
-- @take src/approval/principal.sql: CREATE UNIQUE INDEX
-- @take src/approval/principal.sql: CREATE INDEX
-- @take src/approval/principal.sql: SELECT pg_extension_config_dump
-- @code src/approval/principal.sql
-- @take src/approval/request.sql: CREATE TABLE hitl.approval_asks
-- @take src/approval/request.sql: ALTER TABLE hitl.approval_asks
-- @take src/approval/request.sql: CREATE TABLE hitl.approval_contents
-- @take src/approval/request.sql: SELECT pg_extension_config_dump
-- @code src/approval/request.sql
-- @code src/approval/policy.sql
-- @all src/approval/answer.sql
-- @all src/approval/type.sql
-- @code src/approval/response.sql
-- @all src/approval/revision.sql
-- @code src/approval/inbox.sql
-- @take src/approval/inbox.sql: ALTER TABLE
-- @take src/approval/inbox.sql: CREATE POLICY
-- @all src/approval/rule.sql
-- @all src/approval/receipt.sql
-- @all src/approval/statistics.sql
-- @code src/undo/checkpoint.sql
-- @code src/worker/secret.sql
-- @code src/agent/model.sql
-- @all src/agent/tool.sql
-- @all src/agent/agent.sql
-- @code src/worker/limits.sql
-- @code src/worker/outbox.sql
-- @all src/agent/usage.sql
-- @all src/agent/budget.sql
-- @all src/worker/redaction.sql
-- @code src/worker/circuit_breaker.sql
-- @code src/channel/channel.sql
-- @all src/channel/message.sql
-- @all src/channel/notification.sql
-- @all src/channel/rendering.sql
-- @code src/workflow/queue.sql
-- @code src/workflow/external.sql
-- @code src/workflow/signal.sql
-- @code src/workflow/child.sql
-- @code src/workflow/control.sql
-- @code src/workflow/command.sql
-- @code src/workflow/recovery.sql
-- @code src/workflow/status.sql
-- @all src/agent/memory.sql
-- @all src/workflow/evidence.sql
-- @code src/workflow/await.sql
-- @code src/workflow/admission.sql
-- @code src/workflow/schedule.sql
-- @code src/workflow/retention.sql
-- @code src/workflow/display.sql
-- @code src/worker/worker.sql
-- @all src/worker/news.sql
-- @all src/worker/gateway.sql
-- @all src/worker/metrics.sql
-- @all src/web/crypto.sql
-- @all src/web/call_as.sql
-- @all src/web/route.sql
-- @all src/web/once.sql
-- @all src/web/form.sql
-- @all src/web/document.sql
-- @all src/web/token.sql
-- @all src/web/page.sql
-- @all src/web/session.sql
-- @all src/web/action_token.sql
-- @all src/web/action.sql
-- @all src/web/openapi.sql
-- @all src/web/api.sql
-- @all src/web/hook.sql
-- @all src/channel/slack.sql
-- @code src/access.sql

-- ---- requests and answers that are there ---------------------------------

-- What 0.2.0 asked is the simple form of a policy.  What a task has shown is what
-- it does; an edit would not change it.
UPDATE hitl.approval_requests a SET
	policy = n.policy,
	opened_at = a.requested_at,
	due_at = CASE WHEN a.status = 'pending' THEN a.expires_at END,
	editable = NOT (a.token IS NOT NULL AND a.context_data ? 'task'),
	request_hash = n.hash,
	last_hash = n.hash,
	decision_hash = CASE WHEN a.status <> 'pending' THEN
		hitl.decision_hash(n.hash, a.status, a.decided_at, a.decided_by, a.reason) END
FROM (SELECT p.id, p.simple AS policy,
			 hitl.request_hash(p.id, p.workflow_id, p.step_name, p.content_hash, p.simple,
							   p.requested_by, p.requested_role, p.requested_at) AS hash
	  FROM (SELECT r.*, hitl.simple_policy(r.requested_from, r.required_approvers, r.approval_threshold,
							CASE WHEN r.expires_at IS NOT NULL THEN
								greatest(r.expires_at - r.requested_at, interval '1 ms') END) AS simple
			FROM hitl.approval_requests r OFFSET 0) AS p
	  OFFSET 0) AS n
WHERE n.id = a.id;

-- The answers in their order, each chained to the one before.
DO $$
DECLARE
	answer record;
	previous bytea;
BEGIN
	FOR answer IN
		SELECT r.*, r.ctid, a.request_hash,
			   row_number() OVER (PARTITION BY r.approval_id ORDER BY r.responded_at, r.approver_id)::integer AS place,
			   CASE WHEN a.requested_from IS NULL AND a.required_approvers IS NULL THEN '{*}'::text[]
					ELSE ARRAY[r.approver_id] END AS counts_for
		FROM hitl.approval_responses r LEFT JOIN hitl.approval_requests a ON a.id = r.approval_id
		ORDER BY r.approval_id, r.responded_at, r.approver_id
	LOOP
		IF answer.place = 1 THEN
			previous := coalesce(answer.request_hash, '');
		END IF;
		previous := hitl.response_hash(previous, answer.approval_id, answer.place, 1, answer.approver_id, NULL,
			answer.counts_for, answer.decision, answer.response_data, answer.feedback, NULL, answer.content_hash,
			'sql', NULL, answer.session_role, answer.caller_role, answer.responded_at);
		UPDATE hitl.approval_responses r
		SET number = answer.place, names = answer.counts_for, hash = previous
		WHERE r.ctid = answer.ctid;
	END LOOP;
END
$$;

-- Not before: rows of a table that is published are not updated without a key.
ALTER TABLE hitl.approval_responses
	DROP CONSTRAINT approval_responses_pkey,
	ALTER COLUMN number SET NOT NULL,
	ALTER COLUMN names SET NOT NULL,
	ALTER COLUMN hash SET NOT NULL,
	ADD CONSTRAINT approval_responses_pkey PRIMARY KEY (approval_id, number);
-- @take src/approval/request.sql: CREATE UNIQUE INDEX approval_responses_standing

-- A state is kept once people were counted: after a rejection.
UPDATE hitl.approval_requests a SET
	acts = l.number,
	last_hash = l.hash,
	decision_hash = CASE WHEN a.status <> 'pending' THEN
		hitl.decision_hash(l.hash, a.status, a.decided_at, a.decided_by, a.reason) END,
	policy_state = CASE WHEN a.status = 'pending' AND l.rejected THEN
		format('{"votes":%s,"at_us":%s,"parts":[]}', l.number, hitl.microseconds(l.responded_at)) END
FROM (SELECT DISTINCT ON (r.approval_id) r.approval_id, r.number, r.hash, r.responded_at,
			 bool_or(r.decision = 'rejected') OVER (PARTITION BY r.approval_id) AS rejected
	  FROM hitl.approval_responses r ORDER BY r.approval_id, r.number DESC) AS l
WHERE l.approval_id = a.id;

-- Asked are the names of those parts that are not approved yet; of a part that is
-- asked for a veto only, always.
WITH parts AS (
	SELECT a.id, p.number, coalesce((p.part ->> 'count')::integer, 1) AS needed,
		   coalesce(p.part -> 'from', jsonb_build_array(p.part)) AS names,
		   p.part -> 'advisory' IS NOT NULL AS advisory
	FROM hitl.approval_requests a,
		 jsonb_array_elements(coalesce(a.policy -> 'all_of', jsonb_build_array(a.policy)))
			WITH ORDINALITY AS p (part, number)
	WHERE a.status = 'pending'
), asked AS (
	SELECT p.id, n.name, min(p.number * 1000000 + n.number) AS place
	FROM parts p, jsonb_array_elements_text(p.names) WITH ORDINALITY AS n (name, number)
	WHERE p.advisory OR p.needed > (SELECT count(*) FROM hitl.approval_responses r
									WHERE r.approval_id = p.id AND r.decision = 'approved' AND p.names ?| r.names)
	GROUP BY p.id, n.name
), told AS (
	INSERT INTO hitl.approval_asks (name, approval_id) SELECT k.name, k.id FROM asked k ORDER BY 1, 2
)
UPDATE hitl.approval_requests a SET asked = k.names
FROM (SELECT k.id, array_agg(k.name ORDER BY k.place) AS names FROM asked k GROUP BY k.id) AS k
WHERE k.id = a.id;

ALTER TABLE hitl.approval_requests
	ALTER COLUMN policy SET NOT NULL,
	ALTER COLUMN opened_at SET NOT NULL,
	ALTER COLUMN request_hash SET NOT NULL,
	ALTER COLUMN last_hash SET NOT NULL;
-- @take src/approval/request.sql: CREATE INDEX approval_requests_due
