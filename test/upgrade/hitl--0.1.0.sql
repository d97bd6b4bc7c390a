-- Built from src/**/*.sql by make; edit those.
\echo Use "CREATE EXTENSION hitl" to load this file. \quit
-- src/hitl.sql
SET LOCAL search_path = pg_catalog, pg_temp;
-- hitl.sql
--		The schema.  CREATE, never IF NOT EXISTS: a schema planted before the
--		extension stops its creation.

CREATE SCHEMA hitl;
COMMENT ON SCHEMA hitl IS 'durable agent workflows, human approvals, checkpoints and rollback';

-- First of all, so that a server that has not loaded the library says so
-- before anything is made.
CREATE FUNCTION hitl.start_workers() RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'hitl_start_workers';
COMMENT ON FUNCTION hitl.start_workers() IS
'starts this database''s workers when the transaction commits, at once even if they had failed and were waiting; ends them if hitl.run_workers is off';
SELECT hitl.start_workers();

CREATE FUNCTION hitl.wake() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'hitl_wake';
COMMENT ON FUNCTION hitl.wake() IS
'trigger function: wakes the kinds of worker given as arguments (engine, dispatcher) when the transaction commits';
-- src/workflow/identifier.sql
SET LOCAL search_path = pg_catalog, pg_temp;
-- identifier.sql
--		Ids are UUIDs of version 7 (RFC 9562).  Their 12 rand_a bits carry a
--		partition number that all ids of one workflow share.

CREATE FUNCTION hitl.uuidv7(partition integer DEFAULT NULL) RETURNS uuid
	AS 'MODULE_PATHNAME', 'hitl_uuidv7' LANGUAGE C VOLATILE PARALLEL SAFE;
COMMENT ON FUNCTION hitl.uuidv7(integer) IS
	'a new UUID of version 7; partition (0 to 4095) is kept in its rand_a bits, NULL draws one at random';

CREATE FUNCTION hitl.partition_of(id uuid) RETURNS integer
	AS 'MODULE_PATHNAME', 'hitl_partition_of' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hitl.partition_of(uuid) IS
	'the partition number (0 to 4095) that an id shares with its workflow';
-- src/workflow/definition.sql
SET LOCAL search_path = pg_catalog, pg_temp;
-- definition.sql
--		Definitions are immutable and stored once per content.

CREATE TABLE hitl.definitions (
	hash bytea PRIMARY KEY,				-- SHA-256 of definition::text
	definition jsonb NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE hitl.definitions IS
	'workflow definitions, one row per content; immutable';
SELECT pg_extension_config_dump('hitl.definitions', '');

CREATE FUNCTION hitl.validate_definition(definition jsonb)
	RETURNS TABLE (pointer text, message text)
	AS 'MODULE_PATHNAME', 'hitl_validate_definition' LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION hitl.validate_definition(jsonb) IS
	'every fault of a workflow definition with its JSON pointer; no rows for a valid one';
-- src/workflow/workflow.sql
SET LOCAL search_path = pg_catalog, pg_temp;
-- workflow.sql
--		Workflows, their mailboxes and their audit trail.
--
-- No foreign keys lead from the tables that the engine writes in bulk to
-- hitl.workflows: docs/decisions/0004-no-foreign-keys-on-the-hot-path.md.

CREATE TABLE hitl.workflows (
	id uuid PRIMARY KEY,
	name text NOT NULL CHECK (name <> ''),
	description text,
	status text NOT NULL DEFAULT 'pending' CHECK (status IN (
		'pending', 'running', 'waiting', 'waiting_approval', 'paused', 'approved',
		'rejected', 'completed', 'failed', 'cancelled', 'rolled_back')),
	definition_hash bytea,				-- NULL: moved by its owner, not by the engine
	control jsonb,						-- positions, tokens, counters: the core's own
	data jsonb NOT NULL DEFAULT '{}',	-- {"variables": {}, "steps": {}, "task": ""}
	error jsonb,						-- {"kind", "message", ...} once failed
	last_event integer NOT NULL DEFAULT 0,
	owner name NOT NULL,				-- the role it was created by
	created_by text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	started_at timestamptz,
	finished_at timestamptz
) WITH (fillfactor = 50);				-- room for HOT updates: data grows in place
COMMENT ON TABLE hitl.workflows IS
	'one row per run of a definition: its status, its control state and its data';
SELECT pg_extension_config_dump('hitl.workflows', '');

CREATE SEQUENCE hitl.messages_id_seq;
CREATE TABLE hitl.messages (
	due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	id bigint NOT NULL DEFAULT nextval('hitl.messages_id_seq'),
	workflow_id uuid NOT NULL,
	kind text NOT NULL,
	body jsonb NOT NULL DEFAULT '{}',
	PRIMARY KEY (due_at, id)
);
ALTER SEQUENCE hitl.messages_id_seq OWNED BY hitl.messages.id;
COMMENT ON TABLE hitl.messages IS
	'mailboxes: what has happened to a workflow and was not yet processed by the engine';
SELECT pg_extension_config_dump('hitl.messages', '');
SELECT pg_extension_config_dump('hitl.messages_id_seq', '');

CREATE TRIGGER wake_engine AFTER INSERT ON hitl.messages
	FOR EACH STATEMENT EXECUTE FUNCTION hitl.wake('engine');
ALTER TABLE hitl.messages ENABLE ALWAYS TRIGGER wake_engine;

CREATE TABLE hitl.workflow_events (
	workflow_id uuid NOT NULL,
	seq integer NOT NULL,				-- 1, 2, 3 ... per workflow, without gaps
	event_type text NOT NULL,
	step_name text,
	position text,						-- JSON pointer of the step in the definition
	data jsonb,							-- facts about the event
	delta jsonb,						-- what it changed in the workflow's data
	actor text,							-- who caused it; NULL: the engine
	created_at timestamptz NOT NULL,
	PRIMARY KEY (workflow_id, seq)
);
COMMENT ON TABLE hitl.workflow_events IS
	'the audit trail: append-only, numbered per workflow; delta is merged into the data two levels deep';
SELECT pg_extension_config_dump('hitl.workflow_events', '');
-- src/approval/request.sql
SET LOCAL search_path = pg_catalog, pg_temp;
-- request.sql
--		Approval requests, the answers to them, and who may answer for whom.

CREATE TABLE hitl.approval_requests (
	id uuid PRIMARY KEY,
	workflow_id uuid,
	token bigint,						-- awaited by the workflow's control state
	step_name text,
	title text NOT NULL CHECK (title <> ''),
	description text,
	approval_type text NOT NULL DEFAULT 'binary'
		CHECK (approval_type IN ('binary', 'form', 'budget')),
	requested_from text[],				-- who may answer; with required_approvers, these too
	required_approvers text[],			-- all of them must approve unless a threshold is set
	approval_threshold integer CHECK (approval_threshold >= 1),
	context_data jsonb NOT NULL DEFAULT '{}',
	channels text[],					-- to be told by; NULL: the default channels
	status text NOT NULL DEFAULT 'pending'
		CHECK (status IN ('pending', 'approved', 'rejected', 'expired', 'cancelled')),
	content_hash bytea NOT NULL,		-- SHA-256 of what approvers are shown
	requested_by text NOT NULL,
	requested_role name NOT NULL,
	requested_at timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz,
	decided_at timestamptz,
	decided_by text,
	reason text							-- of a cancellation
);
COMMENT ON TABLE hitl.approval_requests IS
	'questions to humans, with or without a workflow';
SELECT pg_extension_config_dump('hitl.approval_requests', '');

-- Serves expiry on time and the list of what is pending.
CREATE INDEX approval_requests_pending ON hitl.approval_requests (expires_at, id)
	WHERE status = 'pending';
CREATE INDEX approval_requests_workflow ON hitl.approval_requests (workflow_id)
	WHERE workflow_id IS NOT NULL;

CREATE TABLE hitl.approval_responses (
	approval_id uuid NOT NULL,			-- no foreign key: pg_restore -j would break it
	approver_id text NOT NULL,
	decision text NOT NULL CHECK (decision IN ('approved', 'rejected')),
	response_data jsonb,
	feedback text,
	content_hash bytea NOT NULL,		-- what was decided upon
	session_role name NOT NULL,			-- session_user of the caller
	caller_role name NOT NULL,			-- the role in force (SET ROLE) of the caller
	responded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (approval_id, approver_id)
);
COMMENT ON TABLE hitl.approval_responses IS
	'answers to approval requests, one per approver';
SELECT pg_extension_config_dump('hitl.approval_responses', '');

CREATE TABLE hitl.acting_grants (
	grantee name NOT NULL,
	approver_id text NOT NULL,			-- '*': anyone
	granted_by name NOT NULL DEFAULT session_user,
	granted_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (grantee, approver_id)
);
COMMENT ON TABLE hitl.acting_grants IS
	'which role may answer approvals in the name of which approver';
SELECT pg_extension_config_dump('hitl.acting_grants', '');

-- What an approver is shown, as one value; the decision is bound to its hash.
-- STABLE as what it calls: said to be IMMUTABLE it would not be inlined, and
-- be planned anew in every statement.
CREATE FUNCTION hitl.approval_content_hash(
	title text, description text, approval_type text, context_data jsonb
) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE
	RETURN sha256(convert_to(jsonb_build_object('title', title, 'description', description,
		'approval_type', approval_type, 'context_data', context_data)::text, 'UTF8'));
COMMENT ON FUNCTION hitl.approval_content_hash(text, text, text, jsonb) IS
	'SHA-256 of what an approver is shown';

-- "a" and ["a", "b"] as text[], each name once; NULL for anything else.
CREATE FUNCTION hitl.text_array(value jsonb) RETURNS text[]
	AS 'MODULE_PATHNAME', 'hitl_text_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hitl.text_array(jsonb) IS
	'a JSON string or array of strings as text[], each string once; NULL for anything else and for an empty array';

CREATE FUNCTION hitl.request_approval(
	title text,
	description text DEFAULT NULL,
	approval_type text DEFAULT 'binary',
	requested_from text DEFAULT NULL,
	required_approvers text[] DEFAULT NULL,
	approval_threshold integer DEFAULT NULL,
	timeout_hours numeric DEFAULT NULL,
	context_data jsonb DEFAULT '{}',
	workflow_id uuid DEFAULT NULL,
	requested_by text DEFAULT NULL,
	channels text[] DEFAULT NULL
) RETURNS uuid
	AS 'MODULE_PATHNAME', 'hitl_request_approval' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.request_approval(text, text, text, text, text[], integer, numeric, jsonb, uuid, text, text[]) IS
	'ask for an approval, with or without a workflow; returns its id';

CREATE FUNCTION hitl.cancel_approval(approval_id uuid, reason text DEFAULT NULL) RETURNS text
	AS 'MODULE_PATHNAME', 'hitl_cancel_approval' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.cancel_approval(uuid, text) IS
	'withdraw a pending approval request';

CREATE FUNCTION hitl.expire_approval(approval_id uuid) RETURNS text
	AS 'MODULE_PATHNAME', 'hitl_expire_approval' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.expire_approval(uuid) IS
	'let a pending approval request expire now, whatever its time limit';

CREATE FUNCTION hitl.expire_due_approvals() RETURNS bigint
	AS 'MODULE_PATHNAME', 'hitl_expire_due_approvals' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.expire_due_approvals() IS
	'let all pending approval requests expire whose time is over, and count them; the engine does this by itself, on time';

CREATE VIEW hitl.pending_approvals AS
	SELECT a.id AS approval_id, a.workflow_id, a.step_name, a.title, a.description,
		   a.approval_type, a.requested_from, a.required_approvers, a.approval_threshold,
		   (SELECT count(*) FROM hitl.approval_responses r
			WHERE r.approval_id = a.id AND r.decision = 'approved') AS approvals,
		   a.context_data, a.requested_by, a.requested_at, a.expires_at
	FROM hitl.approval_requests a
	WHERE a.status = 'pending'
	  AND (a.expires_at IS NULL OR a.expires_at > clock_timestamp());
COMMENT ON VIEW hitl.pending_approvals IS
	'approval requests that wait for answers';

CREATE FUNCTION hitl.list_pending_approvals(
	requested_from text DEFAULT NULL,
	workflow_id uuid DEFAULT NULL
) RETURNS SETOF hitl.pending_approvals
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	-- Two branches, of which one runs, so that those of a workflow are found by
	-- their index.
	SELECT p.*
	FROM (SELECT w.* FROM hitl.pending_approvals w
		  WHERE w.workflow_id = list_pending_approvals.workflow_id
		  UNION ALL
		  SELECT a.* FROM hitl.pending_approvals a
		  WHERE list_pending_approvals.workflow_id IS NULL) AS p
	WHERE list_pending_approvals.requested_from IS NULL
	   OR (list_pending_approvals.requested_from = ANY (p.requested_from || p.required_approvers)
		   AND NOT EXISTS (SELECT FROM hitl.approval_responses r
						   WHERE r.approval_id = p.approval_id
							 AND r.approver_id = list_pending_approvals.requested_from))
	ORDER BY p.approval_id;
END;
COMMENT ON FUNCTION hitl.list_pending_approvals(text, uuid) IS
	'pending approval requests, oldest first: all, those one approver is asked for and has not answered, or those of one workflow';
-- src/undo/checkpoint.sql
SET LOCAL search_path = pg_catalog, pg_temp;
-- checkpoint.sql
--		Named positions to which a workflow can return.

CREATE TABLE hitl.workflow_checkpoints (
	id uuid PRIMARY KEY,
	workflow_id uuid NOT NULL,
	name text NOT NULL CHECK (name <> ''),
	step_name text,
	description text,
	event integer NOT NULL,				-- seq of the event that records it
	control jsonb,
	data jsonb NOT NULL,
	abandoned boolean NOT NULL DEFAULT false,	-- a rollback went further back
	created_by text,					-- NULL: the engine
	created_at timestamptz NOT NULL
);
COMMENT ON TABLE hitl.workflow_checkpoints IS
	'snapshots of workflows to roll back to; of several with one name the latest counts that no rollback has abandoned';
SELECT pg_extension_config_dump('hitl.workflow_checkpoints', '');
CREATE INDEX workflow_checkpoints_workflow ON hitl.workflow_checkpoints (workflow_id, event);

CREATE FUNCTION hitl.create_checkpoint(
	workflow_id uuid,
	checkpoint_name text,
	step_name text DEFAULT NULL,
	description text DEFAULT NULL
) RETURNS uuid
	AS 'MODULE_PATHNAME', 'hitl_create_checkpoint' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.create_checkpoint(uuid, text, text, text) IS
	'record a checkpoint of a workflow as it is now; returns its id';

CREATE FUNCTION hitl.rollback_workflow(
	workflow_id uuid,
	checkpoint_name text DEFAULT NULL,
	reason text DEFAULT NULL
) RETURNS text
	AS 'MODULE_PATHNAME', 'hitl_rollback_workflow' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.rollback_workflow(uuid, text, text) IS
	'return a workflow to a checkpoint (the latest if none is named), withdraw what it awaits and leave it rolled_back; execute_workflow goes on from there; returns the name of the checkpoint';
-- src/worker/secret.sql
SET LOCAL search_path = pg_catalog, pg_temp;
-- secret.sql
--		Keys of outside services.  Requests name a secret; its value is looked
--		up when an attempt is sent and stands nowhere else.

CREATE TABLE hitl.secrets (
	name text PRIMARY KEY CHECK (name ~ '^[A-Za-z0-9_.-]{1,100}$'),
	value text NOT NULL,
	created_by text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now()
);

-- Without a policy nobody but the owner and superusers sees a row: not even
-- the members of pg_read_all_data.
ALTER TABLE hitl.secrets ENABLE ROW LEVEL SECURITY;

-- No pg_extension_config_dump: a dump must not carry secrets.
COMMENT ON TABLE hitl.secrets IS
	'keys of outside services; readable by superusers only, and left out of dumps: set them again after a restore';

CREATE VIEW hitl.secret_names AS
	SELECT name, updated_at FROM hitl.secrets;
COMMENT ON VIEW hitl.secret_names IS 'which secrets are set, without their values';

CREATE FUNCTION hitl.set_secret(name text, value text) RETURNS void
	LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'hitl_set_secret';
COMMENT ON FUNCTION hitl.set_secret(text, text) IS
	'store or replace a secret; pass the value as a parameter, since literals show in the server log and in pg_stat_activity';

CREATE FUNCTION hitl.delete_secret(name text) RETURNS boolean
	LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'hitl_delete_secret';
COMMENT ON FUNCTION hitl.delete_secret(text) IS
	'forget a secret; false if there was none of this name';
-- src/agent/model.sql
SET LOCAL search_path = pg_catalog, pg_temp;
-- model.sql
--		Models that answer tasks.

CREATE TABLE hitl.models (
	name text PRIMARY KEY CHECK (name <> ''),
	provider text NOT NULL DEFAULT 'openai' CHECK (provider IN ('openai', 'builtin')),
	base_url text,						-- openai: without /chat/completions
	model text,							-- openai: the model id sent
	secret_name text,					-- hitl.secrets: the API key
	parameters jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(parameters) = 'object'),
	is_default boolean NOT NULL DEFAULT false,
	timeout_seconds integer CHECK (timeout_seconds BETWEEN 1 AND 86400),
	created_at timestamptz NOT NULL DEFAULT now(),
	CHECK (provider <> 'openai' OR (base_url ~ '^https?://' AND model <> ''))
);
COMMENT ON TABLE hitl.models IS
	'models that answer tasks: OpenAI-compatible endpoints, and the built-in one that needs no network';
CREATE UNIQUE INDEX models_default ON hitl.models (is_default) WHERE is_default;
SELECT pg_extension_config_dump('hitl.models', '');

CREATE FUNCTION hitl.create_model(
	name text,
	base_url text DEFAULT NULL,
	model text DEFAULT NULL,
	provider text DEFAULT 'openai',
	secret_name text DEFAULT NULL,
	parameters jsonb DEFAULT '{}',
	is_default boolean DEFAULT false,
	timeout_seconds integer DEFAULT NULL
) RETURNS text
	AS 'MODULE_PATHNAME', 'hitl_create_model' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.create_model(text, text, text, text, text, jsonb, boolean, integer) IS
	'create or replace a model; provider openai (any compatible endpoint) or builtin (repeats the task, needs no network)';

CREATE FUNCTION hitl.drop_model(name text) RETURNS boolean
	LANGUAGE sql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH gone AS (DELETE FROM hitl.models m WHERE m.name = drop_model.name RETURNING 1)
	SELECT EXISTS (SELECT FROM gone);
END;
COMMENT ON FUNCTION hitl.drop_model(text) IS 'remove a model; false if there was none';
-- src/worker/outbox.sql
SET LOCAL search_path = pg_catalog, pg_temp;
-- outbox.sql
--		Requests that must leave the database.  The dispatcher claims them with
--		a lease, sends them with no transaction open, and records the result.

CREATE TABLE hitl.outbox (
	id uuid PRIMARY KEY,
	purpose text NOT NULL CHECK (purpose IN ('inference', 'notification')),
	workflow_id uuid,				-- receives the reply message, if token is set
	token bigint,					-- awaited by the workflow's control state
	approval_id uuid,
	channel text,					-- for notifications: the channel's name
	method text NOT NULL DEFAULT 'POST',
	url text NOT NULL,
	headers jsonb NOT NULL DEFAULT '{}',	-- without secrets
	body text,
	secret_name text,				-- hitl.secrets; sent as "Authorization: Bearer <value>"
	signing_secret_name text,		-- hitl.secrets; signs as Standard Webhooks 1.0.0 does
	idempotency_key text NOT NULL,	-- the same on every attempt
	retry jsonb,					-- as the "retry" option of a step; NULL: the defaults
	timeout_seconds integer CHECK (timeout_seconds BETWEEN 1 AND 86400),	-- of one attempt; NULL: hitl.request_timeout, of notifications 30 at most
	status text NOT NULL DEFAULT 'queued'
		CHECK (status IN ('queued', 'sending', 'delivered', 'failed', 'cancelled')),
	attempts integer NOT NULL DEFAULT 0,
	-- queued: when to send; sending: when the lease ends and it is taken up again
	next_attempt_at timestamptz NOT NULL DEFAULT now(),
	response_status integer,
	response_body text,				-- of notifications and of attempts to be repeated: its beginning
	error_kind text,
	error_message text,
	created_at timestamptz NOT NULL DEFAULT now(),
	finished_at timestamptz
);

COMMENT ON TABLE hitl.outbox IS
	'requests to the outside, sent by the dispatcher at least once, each with a stable idempotency key';
COMMENT ON COLUMN hitl.outbox.secret_name IS
	'name in hitl.secrets; its value is looked up for each attempt and never stored here';
COMMENT ON COLUMN hitl.outbox.signing_secret_name IS
	'name in hitl.secrets of whsec_ keys, separated by blanks; the request is signed as Standard Webhooks describes';
COMMENT ON COLUMN hitl.outbox.idempotency_key IS
	'the same on every attempt; sent as Idempotency-Key and webhook-id';
COMMENT ON COLUMN hitl.outbox.next_attempt_at IS
	'queued: when to send it; sending: when the lease of the attempt ends';

CREATE INDEX outbox_due ON hitl.outbox (purpose, next_attempt_at)
	WHERE status IN ('queued', 'sending');
-- Withdrawing what a workflow no longer awaits.
CREATE INDEX outbox_awaited ON hitl.outbox (workflow_id, token)
	WHERE status IN ('queued', 'sending') AND workflow_id IS NOT NULL;

-- The queue is short-lived: clean it often, or dead rows pile up at its head.
ALTER TABLE hitl.outbox SET (autovacuum_vacuum_scale_factor = 0.02,
	autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.05);

SELECT pg_extension_config_dump('hitl.outbox', '');

CREATE TRIGGER wake_dispatcher AFTER INSERT ON hitl.outbox
	FOR EACH STATEMENT EXECUTE FUNCTION hitl.wake('dispatcher');
ALTER TABLE hitl.outbox ENABLE ALWAYS TRIGGER wake_dispatcher;
ALTER TABLE hitl.outbox ENABLE ALWAYS TRIGGER wake_dispatcher;

CREATE FUNCTION hitl.retry_request(request_id uuid) RETURNS boolean
	LANGUAGE c STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'hitl_retry_request';
COMMENT ON FUNCTION hitl.retry_request(uuid) IS
	'send a failed notification again, with its attempts counted anew; false if there is no such failed notification';
-- src/channel/channel.sql
SET LOCAL search_path = pg_catalog, pg_temp;
-- channel.sql
--		Ways to tell people about approval requests.

CREATE TABLE hitl.channel_configurations (
	name text PRIMARY KEY CHECK (name <> ''),
	channel_type text NOT NULL CHECK (channel_type IN ('webhook')),
	settings jsonb NOT NULL CHECK (jsonb_typeof(settings) = 'object'),
	signing_secret_name text,			-- hitl.secrets: Standard Webhooks signatures
	is_default boolean NOT NULL DEFAULT true,	-- used where a request names no channels
	active boolean NOT NULL DEFAULT true,
	created_at timestamptz NOT NULL DEFAULT now(),
	CHECK (channel_type <> 'webhook' OR settings ->> 'url' ~ '^https?://')
);
COMMENT ON TABLE hitl.channel_configurations IS
	'ways to tell people about approval requests; settings of a webhook: url, headers';
SELECT pg_extension_config_dump('hitl.channel_configurations', '');

CREATE FUNCTION hitl.configure_channel(
	name text,
	channel_type text,
	settings jsonb,
	signing_secret_name text DEFAULT NULL,
	is_default boolean DEFAULT true,
	active boolean DEFAULT true
) RETURNS text
	AS 'MODULE_PATHNAME', 'hitl_configure_channel' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.configure_channel(text, text, jsonb, text, boolean, boolean) IS
	'create or replace a channel; channel_type webhook with settings {"url": "https://...", "headers": {}}';

CREATE VIEW hitl.notifications AS
	SELECT o.id, o.approval_id, o.workflow_id, o.channel, o.url,
		   o.body::jsonb ->> 'type' AS event_type, o.status, o.attempts,
		   CASE WHEN o.status = 'queued' THEN o.next_attempt_at END AS next_attempt_at,
		   o.response_status, o.error_message, o.created_at, o.finished_at
	FROM hitl.outbox o
	WHERE o.purpose = 'notification';
COMMENT ON VIEW hitl.notifications IS
	'deliveries of approval requests and decisions to channels';

-- Body of a notification, in the form Standard Webhooks recommends.
CREATE FUNCTION hitl.notification_body(event_type text, approval hitl.approval_requests)
	RETURNS jsonb LANGUAGE sql STABLE
	RETURN jsonb_build_object(
		'type', event_type,
		'timestamp', to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
		'data', jsonb_build_object(
			'approval_id', (approval).id, 'workflow_id', (approval).workflow_id,
			'step_name', (approval).step_name, 'title', (approval).title,
			'description', (approval).description, 'approval_type', (approval).approval_type,
			'requested_from', to_jsonb((approval).requested_from),
			'required_approvers', to_jsonb((approval).required_approvers),
			'approval_threshold', (approval).approval_threshold,
			'context_data', (approval).context_data, 'status', (approval).status,
			'requested_by', (approval).requested_by, 'requested_at', (approval).requested_at,
			'expires_at', (approval).expires_at, 'decided_at', (approval).decided_at,
			'decided_by', (approval).decided_by));
COMMENT ON FUNCTION hitl.notification_body(text, hitl.approval_requests) IS
	'what a channel is told about an approval request';
-- src/workflow/control.sql
SET LOCAL search_path = pg_catalog, pg_temp;
-- control.sql
--		Creating, starting and steering workflows.

CREATE FUNCTION hitl.create_workflow(
	name text,
	description text DEFAULT NULL,
	workflow_definition jsonb DEFAULT NULL,
	input_data jsonb DEFAULT '{}',
	created_by text DEFAULT NULL
) RETURNS uuid
	AS 'MODULE_PATHNAME', 'hitl_create_workflow' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.create_workflow(text, text, jsonb, jsonb, text) IS
	'create a workflow in status pending; input_data becomes $.variables; without a definition its owner moves it by transition_workflow_status';

CREATE FUNCTION hitl.execute_workflow(
	workflow_id uuid,
	task text DEFAULT NULL,
	context jsonb DEFAULT NULL
) RETURNS uuid
	AS 'MODULE_PATHNAME', 'hitl_execute_workflow' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.execute_workflow(uuid, text, jsonb) IS
	'start a pending workflow, or go on with a rolled back one; returns at once; task is the goal told to its model, context is merged into $.variables';

CREATE FUNCTION hitl.update_workflow_state(
	workflow_id uuid,
	new_state jsonb,
	step_name text DEFAULT NULL
) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'hitl_update_workflow_state' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.update_workflow_state(uuid, jsonb, text) IS
	'merge an object into $.variables of a workflow and return them; recorded as an event';

CREATE FUNCTION hitl.transition_workflow_status(
	workflow_id uuid,
	new_status text,
	reason text DEFAULT NULL
) RETURNS text
	AS 'MODULE_PATHNAME', 'hitl_transition_workflow_status' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.transition_workflow_status(uuid, text, text) IS
	'cancel a workflow, or move one that has no definition to another status; not allowed transitions are errors';
-- src/approval/response.sql
SET LOCAL search_path = pg_catalog, pg_temp;
-- response.sql
--		Answering approval requests.

CREATE FUNCTION hitl.respond_to_approval(
	approval_id uuid,
	approver_id text,
	decision text,
	response_data jsonb DEFAULT NULL,
	feedback text DEFAULT NULL
) RETURNS text
	AS 'MODULE_PATHNAME', 'hitl_respond_to_approval' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.respond_to_approval(uuid, text, text, jsonb, text) IS
	'answer an approval request as approver_id with decision approved or rejected; returns the status of the request after it';

CREATE FUNCTION hitl.grant_acting(grantee name, approver_id text) RETURNS void
	AS 'MODULE_PATHNAME', 'hitl_grant_acting' LANGUAGE C VOLATILE STRICT
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.grant_acting(name, text) IS
	'let a role answer approvals in the name of an approver, or of anyone (''*'')';

CREATE FUNCTION hitl.revoke_acting(grantee name, approver_id text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'hitl_revoke_acting' LANGUAGE C VOLATILE STRICT
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.revoke_acting(name, text) IS
	'take back what grant_acting gave; false if there was nothing';
-- src/workflow/status.sql
SET LOCAL search_path = pg_catalog, pg_temp;
-- status.sql
--		Reading what a workflow does and has done.

CREATE FUNCTION hitl.get_workflow_status(workflow_id uuid) RETURNS jsonb
	LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	w hitl.workflows;
BEGIN
	SELECT * INTO w FROM hitl.workflows WHERE id = workflow_id;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'WF002',
			MESSAGE = format('workflow %s does not exist', workflow_id),
			HINT = 'hitl.create_workflow returns the id of a workflow.';
	END IF;
	RETURN jsonb_build_object(
		'workflow_id', w.id,
		'name', w.name,
		'description', w.description,
		'status', w.status,
		'current_step', (
			SELECT a ->> 'step' FROM jsonb_array_elements(w.control -> 'active') AS a LIMIT 1),
		'active_steps', coalesce((
			SELECT jsonb_agg(a - 'token') FROM jsonb_array_elements(w.control -> 'active') AS a), '[]'),
		'progress', jsonb_build_object(
			'completed', coalesce((w.control ->> 'completed')::integer, 0),
			'total', coalesce((w.control ->> 'total')::integer,
				(SELECT jsonb_array_length(d.definition -> 'steps')
				 FROM hitl.definitions d WHERE d.hash = w.definition_hash), 0)),
		'variables', coalesce(w.data -> 'variables', '{}'),
		'results', coalesce(w.data -> 'steps', '{}'),
		'error', w.error,
		'pending_approvals', coalesce((
			SELECT jsonb_agg(jsonb_build_object(
				'approval_id', a.id, 'title', a.title, 'step_name', a.step_name,
				'requested_from', a.requested_from, 'required_approvers', a.required_approvers,
				'approval_threshold', a.approval_threshold, 'expires_at', a.expires_at,
				'responses', (SELECT count(*) FROM hitl.approval_responses r
							  WHERE r.approval_id = a.id)) ORDER BY a.id)
			FROM hitl.approval_requests a
			WHERE a.workflow_id = w.id AND a.status = 'pending'), '[]'),
		'recent_events', coalesce((
			SELECT jsonb_agg(jsonb_build_object(
				'seq', e.seq, 'event_type', e.event_type, 'step_name', e.step_name,
				'data', e.data, 'actor', e.actor, 'created_at', e.created_at) ORDER BY e.seq)
			FROM (SELECT * FROM hitl.workflow_events v WHERE v.workflow_id = w.id
				  ORDER BY v.seq DESC LIMIT 10) e), '[]'),
		'checkpoints', coalesce((
			SELECT jsonb_agg(jsonb_build_object(
				'name', c.name, 'step_name', c.step_name, 'description', c.description,
				'event', c.event, 'abandoned', c.abandoned, 'created_at', c.created_at)
				ORDER BY c.event)
			FROM hitl.workflow_checkpoints c WHERE c.workflow_id = w.id), '[]'),
		'owner', w.owner,
		'created_by', w.created_by,
		'created_at', w.created_at,
		'started_at', w.started_at,
		'finished_at', w.finished_at);
END
$$;
COMMENT ON FUNCTION hitl.get_workflow_status(uuid) IS
	'status, current step, progress, pending approvals, recent events, checkpoints and results of a workflow';

-- One short sentence about an event.
CREATE FUNCTION hitl.describe_event(event hitl.workflow_events) RETURNS text
	LANGUAGE sql STABLE
	RETURN CASE
		WHEN (event).event_type = 'workflow_created' THEN
			CASE WHEN (event).delta -> 'variables' = '{}' THEN NULL
				 ELSE left((event).delta ->> 'variables', 100) END
		WHEN (event).event_type = 'approval_requested' THEN (event).data ->> 'title'
		WHEN (event).event_type = 'approval_responded' THEN concat_ws(': ',
			(event).data ->> 'decision', (event).data ->> 'feedback')
		WHEN (event).event_type = 'checkpoint_created' THEN concat_ws(': ',
			(event).data ->> 'checkpoint', (event).data ->> 'description')
		WHEN (event).event_type = 'rolled_back' THEN concat_ws(': ',
			'to ' || ((event).data ->> 'checkpoint'), (event).data ->> 'reason')
		WHEN (event).event_type = 'task_requested' THEN 'model ' || ((event).data ->> 'model')
		WHEN (event).event_type = 'status_changed' THEN concat_ws(': ',
			((event).data ->> 'from') || ' to ' || ((event).data ->> 'to'), (event).data ->> 'reason')
		WHEN (event).data ? 'message' THEN concat_ws(': ',
			(event).data ->> 'kind', left((event).data ->> 'message', 200))
		WHEN (event).data ? 'reason' THEN (event).data ->> 'reason'
		WHEN (event).delta -> 'steps' -> (event).step_name ? 'answer' THEN
			left((event).delta -> 'steps' -> (event).step_name ->> 'answer', 100)
		WHEN (event).delta -> 'steps' -> (event).step_name ? 'decision' THEN
			(event).delta -> 'steps' -> (event).step_name ->> 'decision'
		WHEN (event).delta ? 'variables' THEN left((event).delta ->> 'variables', 100)
	END;
COMMENT ON FUNCTION hitl.describe_event(hitl.workflow_events) IS
	'a short text about an event, for timelines';

CREATE FUNCTION hitl.workflow_timeline(workflow_id uuid)
	RETURNS TABLE (at text, event text, step text, what text, who text)
	LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY
		SELECT to_char(e.created_at, 'YYYY-MM-DD HH24:MI:SS.MS'), replace(e.event_type, '_', ' '),
			   e.step_name, hitl.describe_event(e), coalesce(e.actor, 'engine')
		FROM hitl.workflow_events e
		WHERE e.workflow_id = workflow_timeline.workflow_id
		ORDER BY e.seq;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'WF002',
			MESSAGE = format('workflow %s does not exist', workflow_id),
			HINT = 'hitl.create_workflow returns the id of a workflow.';
	END IF;
END
$$;
COMMENT ON FUNCTION hitl.workflow_timeline(uuid) IS
	'all events of a workflow in order, in words, for reading in psql';

CREATE VIEW hitl.workflow_steps AS
	SELECT e.workflow_id, e.step_name, e.position,
		   split_part(e.event_type, '_', 2) AS outcome,
		   e.delta -> 'steps' -> e.step_name AS result,
		   CASE WHEN e.event_type = 'step_failed' THEN e.data END AS error,
		   (SELECT min(s.created_at) FROM hitl.workflow_events s
			WHERE s.workflow_id = e.workflow_id AND s.step_name = e.step_name
			  AND s.seq < e.seq AND s.seq > coalesce((
				SELECT max(p.seq) FROM hitl.workflow_events p
				WHERE p.workflow_id = e.workflow_id AND p.seq < e.seq
				  AND p.step_name = e.step_name AND p.event_type LIKE 'step\_%'), 0)) AS asked_at,
		   e.created_at AS finished_at, e.seq AS event
	FROM hitl.workflow_events e
	WHERE e.event_type IN ('step_completed', 'step_skipped', 'step_failed');
COMMENT ON VIEW hitl.workflow_steps IS
	'step runs that have ended: completed, skipped or failed, with their results';
-- src/workflow/await.sql
SET LOCAL search_path = pg_catalog, pg_temp;
-- await.sql
--		Waiting in a session, without a snapshot and without polling.

CREATE PROCEDURE hitl.await_workflow(
	workflow_id uuid,
	timeout interval DEFAULT NULL,
	INOUT status text DEFAULT NULL
)
	AS 'MODULE_PATHNAME', 'hitl_await_workflow' LANGUAGE C;
COMMENT ON PROCEDURE hitl.await_workflow(uuid, interval, text) IS
	'wait until a workflow has ended (completed, failed, rejected, cancelled or rolled_back) or has the given status, and return its status; on time-out the one it has then';

CREATE PROCEDURE hitl.await_approval(
	approval_id uuid,
	timeout interval DEFAULT NULL,
	INOUT status text DEFAULT NULL
)
	AS 'MODULE_PATHNAME', 'hitl_await_approval' LANGUAGE C;
COMMENT ON PROCEDURE hitl.await_approval(uuid, interval, text) IS
	'wait until an approval request is decided and return its status; on time-out "pending"';
-- src/worker/worker.sql
SET LOCAL search_path = pg_catalog, pg_temp;
-- worker.sql
--		What the background workers are doing.

CREATE FUNCTION hitl.worker_status(
	OUT kind text,
	OUT number integer,
	OUT pid integer,
	OUT state text,
	OUT state_since timestamptz,
	OUT started_at timestamptz,
	OUT handled bigint,
	OUT errors bigint,
	OUT last_error text,
	OUT last_error_at timestamptz)
	RETURNS SETOF record
	LANGUAGE c VOLATILE STRICT PARALLEL SAFE ROWS 10
	AS 'MODULE_PATHNAME', 'hitl_worker_status';
COMMENT ON FUNCTION hitl.worker_status() IS
'the launcher and this database''s workers; read the view hitl.workers';

CREATE VIEW hitl.workers AS
	SELECT kind, number, pid, state, state_since, started_at,
		   handled, errors, last_error, last_error_at
	FROM hitl.worker_status()
	ORDER BY array_position('{launcher,engine,dispatcher}', kind), number;
COMMENT ON VIEW hitl.workers IS
'the launcher and this database''s workers, whether they run or not';
COMMENT ON COLUMN hitl.workers.kind IS
'launcher, engine or dispatcher';
COMMENT ON COLUMN hitl.workers.number IS
'which one of its kind';
COMMENT ON COLUMN hitl.workers.pid IS
'process, as in pg_stat_activity; null when it does not run';
COMMENT ON COLUMN hitl.workers.state IS
'starting, idle, working, backing off (after an error), stopping; without a process: waiting to restart, no free worker slot, held (by a command on the database), not running';
COMMENT ON COLUMN hitl.workers.state_since IS
'when the state last changed';
COMMENT ON COLUMN hitl.workers.started_at IS
'when the process started';
COMMENT ON COLUMN hitl.workers.handled IS
'messages (engine), requests (dispatcher) or worker starts (launcher) so far';
COMMENT ON COLUMN hitl.workers.errors IS
'errors so far, restarts of the worker included';
COMMENT ON COLUMN hitl.workers.last_error IS
'message of the last error; the server''s log has all of it';
COMMENT ON COLUMN hitl.workers.last_error_at IS
'when that was';
-- src/access.sql
SET LOCAL search_path = pg_catalog, pg_temp;
-- access.sql
--		Who may do what: nothing for PUBLIC, four levels to grant to roles.

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA hitl FROM PUBLIC;
REVOKE ALL ON ALL PROCEDURES IN SCHEMA hitl FROM PUBLIC;

-- hitl.wake() is called by triggers; that needs no right to execute it.

CREATE FUNCTION hitl.access_levels()
	RETURNS TABLE (level text, privilege text, object_type text, object_name text)
	LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
	SELECT l.level, o.privilege, o.object_type, o.object_name
	FROM (VALUES
		('viewer', 1), ('approver', 2), ('operator', 3), ('admin', 4)) AS l (level, rank)
	JOIN (VALUES
		(1, 'EXECUTE', 'FUNCTION', 'hitl.get_workflow_status(uuid)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.workflow_timeline(uuid)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.list_pending_approvals(text, uuid)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.validate_definition(jsonb)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.partition_of(uuid)'),
		(1, 'EXECUTE', 'PROCEDURE', 'hitl.await_workflow(uuid, interval, text)'),
		(1, 'EXECUTE', 'PROCEDURE', 'hitl.await_approval(uuid, interval, text)'),
		(2, 'EXECUTE', 'FUNCTION', 'hitl.respond_to_approval(uuid, text, text, jsonb, text)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.uuidv7(integer)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.create_workflow(text, text, jsonb, jsonb, text)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.execute_workflow(uuid, text, jsonb)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.update_workflow_state(uuid, jsonb, text)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.transition_workflow_status(uuid, text, text)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.request_approval(text, text, text, text, text[], integer, numeric, jsonb, uuid, text, text[])'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.cancel_approval(uuid, text)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.expire_approval(uuid)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.expire_due_approvals()'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.create_checkpoint(uuid, text, text, text)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.rollback_workflow(uuid, text, text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.create_model(text, text, text, text, text, jsonb, boolean, integer)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.drop_model(text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.set_secret(text, text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.delete_secret(text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.retry_request(uuid)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.configure_channel(text, text, jsonb, text, boolean, boolean)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.grant_acting(name, text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.revoke_acting(name, text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.grant_access(name, text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.revoke_access(name)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.worker_status()'),
		(4, 'SELECT', 'TABLE', 'hitl.workers'),
		(4, 'SELECT', 'TABLE', 'hitl.secret_names'),
		(4, 'SELECT', 'TABLE', 'hitl.models'),
		(4, 'SELECT', 'TABLE', 'hitl.channel_configurations'),
		(4, 'SELECT', 'TABLE', 'hitl.notifications'),
		(4, 'SELECT', 'TABLE', 'hitl.definitions'),
		(4, 'SELECT', 'TABLE', 'hitl.workflows'),
		(4, 'SELECT', 'TABLE', 'hitl.messages'),
		(4, 'SELECT', 'TABLE', 'hitl.workflow_events'),
		(4, 'SELECT', 'TABLE', 'hitl.workflow_steps'),
		(4, 'SELECT', 'TABLE', 'hitl.workflow_checkpoints'),
		(4, 'SELECT', 'TABLE', 'hitl.approval_requests'),
		(4, 'SELECT', 'TABLE', 'hitl.approval_responses'),
		(4, 'SELECT', 'TABLE', 'hitl.pending_approvals'),
		(4, 'SELECT', 'TABLE', 'hitl.acting_grants')
	) AS o (rank, privilege, object_type, object_name) ON o.rank <= l.rank;
END;
COMMENT ON FUNCTION hitl.access_levels() IS
	'what each level of hitl.grant_access (viewer, approver, operator, admin) allows';

CREATE FUNCTION hitl.grant_access(grantee name, level text) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	grant_ record;
BEGIN
	IF level NOT IN ('viewer', 'approver', 'operator', 'admin') THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('unknown access level "%s"', level),
			HINT = 'A level is viewer, approver, operator or admin.';
	END IF;
	EXECUTE format('GRANT USAGE ON SCHEMA hitl TO %I', grantee);
	FOR grant_ IN SELECT a.* FROM hitl.access_levels() AS a WHERE a.level = grant_access.level LOOP
		EXECUTE format('GRANT %s ON %s %s TO %I', grant_.privilege, grant_.object_type,
					   grant_.object_name, grantee);
	END LOOP;
END
$$;
COMMENT ON FUNCTION hitl.grant_access(name, text) IS
	'let a role use hitl: viewer reads, approver also answers approvals, operator also runs workflows, admin also configures';

CREATE FUNCTION hitl.revoke_access(grantee name) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	grant_ record;
BEGIN
	FOR grant_ IN SELECT a.* FROM hitl.access_levels() AS a WHERE a.level = 'admin' LOOP
		EXECUTE format('REVOKE %s ON %s %s FROM %I', grant_.privilege, grant_.object_type,
					   grant_.object_name, grantee);
	END LOOP;
	EXECUTE format('REVOKE USAGE ON SCHEMA hitl FROM %I', grantee);
END
$$;
COMMENT ON FUNCTION hitl.revoke_access(name) IS
	'take back all that hitl.grant_access gave to a role';

REVOKE ALL ON FUNCTION hitl.access_levels(), hitl.grant_access(name, text),
	hitl.revoke_access(name) FROM PUBLIC;

-- What ALTER DEFAULT PRIVILEGES gives to others is not meant for these tables:
-- who could write them could decide anything.
DO $$
DECLARE
	given record;
BEGIN
	FOR given IN
		SELECT format('%s %s', o.kind, o.name) AS object,
			   CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee
		FROM (SELECT CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind,
					 oid::regclass::text AS name, relacl AS acl, relowner AS owner
			  FROM pg_class
			  WHERE relnamespace = 'hitl'::regnamespace AND relkind IN ('r', 'v', 'S')
			  UNION ALL
			  SELECT 'ROUTINE', oid::regprocedure::text, proacl, proowner
			  FROM pg_proc WHERE pronamespace = 'hitl'::regnamespace
			  UNION ALL
			  SELECT 'SCHEMA', quote_ident(nspname), nspacl, nspowner
			  FROM pg_namespace WHERE nspname = 'hitl') AS o,
			 aclexplode(o.acl) AS a
		WHERE a.grantee <> o.owner
		GROUP BY 1, 2
	LOOP
		EXECUTE format('REVOKE ALL ON %s FROM %s', given.object, given.grantee);
	END LOOP;
END
$$;
