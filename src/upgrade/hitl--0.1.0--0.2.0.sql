-- hitl--0.1.0--0.2.0.sql
--		Steps of all kinds, branches, templates, signals, external tasks, limits,
--		recovery, retention.
--
-- Definitions of 0.1.0 are good as they are, and so are control states, but for
-- those of failed workflows.

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
CREATE INDEX workflows_children ON hitl.workflows (parent_id, parent_token)
	WHERE parent_id IS NOT NULL;
CREATE INDEX workflows_failed ON hitl.workflows (id) WHERE error IS NOT NULL;
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
CREATE INDEX messages_timers ON hitl.messages (workflow_id, token)
	WHERE kind IN ('timer', 'scheduled_start', 'deadline', 'recover', 'admit');
ALTER TABLE hitl.workflow_events ADD COLUMN scope bigint;
CREATE TABLE hitl.workflow_branches (
	workflow_id uuid NOT NULL,
	branch bigint NOT NULL,				-- numbered per workflow
	scope bigint NOT NULL,				-- the branch whose data its steps see; its own of a foreach element; 0: the workflow's
	parent_scope bigint,				-- where a scope's steps find what is not in its own data
	status text NOT NULL CHECK (status IN ('waiting', 'active', 'completed', 'failed', 'cancelled')),
	control jsonb,						-- while active
	data jsonb,							-- of a scope: {"variables": {}, "steps": {}}
	result jsonb,						-- once ended
	PRIMARY KEY (workflow_id, branch)
) WITH (fillfactor = 70);
SELECT pg_extension_config_dump('hitl.workflow_branches', '');
COMMENT ON TABLE hitl.workflow_branches IS
	'branches of parallel and foreach steps under way, a row each';
ALTER TABLE hitl.workflows SET (autovacuum_vacuum_scale_factor = 0.02,
	autovacuum_vacuum_threshold = 5000, autovacuum_analyze_scale_factor = 0.05,
	autovacuum_vacuum_cost_limit = 2000);
ALTER TABLE hitl.workflow_branches SET (autovacuum_vacuum_scale_factor = 0.02,
	autovacuum_vacuum_threshold = 5000, autovacuum_analyze_scale_factor = 0.05);
ALTER TABLE hitl.messages SET (autovacuum_vacuum_scale_factor = 0.02,
	autovacuum_vacuum_threshold = 5000, autovacuum_analyze_scale_factor = 0.05);
ALTER TABLE hitl.workflow_events SET (autovacuum_vacuum_scale_factor = 0.05,
	autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_limit = 2000);

ALTER TABLE hitl.workflow_checkpoints
	ADD COLUMN large jsonb,
	ADD COLUMN branches jsonb;

ALTER TABLE hitl.models
	ADD COLUMN headers jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(headers) = 'object');

ALTER TABLE hitl.secrets ADD COLUMN allowed_hosts text[] NOT NULL DEFAULT '{}';

-- ---- the outbox: a queue for each host ----------------------------------

CREATE FUNCTION hitl.request_origin(url text) RETURNS text
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'hitl_request_origin';
CREATE FUNCTION hitl.request_rank(next_attempt_at timestamptz, created_at timestamptz,
								  attempts integer, priority smallint) RETURNS timestamptz
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'hitl_request_rank';
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
COMMENT ON COLUMN hitl.outbox.secret_name IS
	'name in hitl.secrets; its value is looked up for each attempt and never stored here';
COMMENT ON COLUMN hitl.outbox.signing_secret_name IS
	'name in hitl.secrets of whsec_ keys, separated by blanks; the request is signed as Standard Webhooks describes';
COMMENT ON COLUMN hitl.outbox.idempotency_key IS
	'the same on every attempt; sent as Idempotency-Key and webhook-id';
COMMENT ON COLUMN hitl.outbox.next_attempt_at IS
	'queued: when to send it; sending: when the lease of the attempt ends';
COMMENT ON COLUMN hitl.outbox.missing_secret IS
	'name of a secret that is not set yet; hitl.set_secret lets the request go on';
CREATE INDEX outbox_due ON hitl.outbox (purpose, origin, rank)
	WHERE status IN ('queued', 'sending');
CREATE INDEX outbox_secret ON hitl.outbox (missing_secret)
	WHERE status = 'queued' AND missing_secret IS NOT NULL;

-- ---- functions that take other arguments --------------------------------

DROP FUNCTION hitl.create_workflow(text, text, jsonb, jsonb, text),
	hitl.execute_workflow(uuid, text, jsonb),
	hitl.update_workflow_state(uuid, jsonb, text),
	hitl.request_approval(text, text, text, text, text[], integer, numeric, jsonb, uuid, text, text[]),
	hitl.create_model(text, text, text, text, text, jsonb, boolean, integer),
	hitl.set_secret(text, text);

-- ---- the rest, in the order of a fresh installation ---------------------

COMMENT ON SCHEMA hitl IS 'durable agent workflows, human approvals, checkpoints and rollback';
CREATE OR REPLACE FUNCTION hitl.start_workers() RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'hitl_start_workers';
COMMENT ON FUNCTION hitl.start_workers() IS
'starts this database''s workers when the transaction commits, at once even if they had failed and were waiting; ends them if hitl.run_workers is off';
CREATE OR REPLACE FUNCTION hitl.wake() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'hitl_wake';
COMMENT ON FUNCTION hitl.wake() IS
'trigger function: wakes the kinds of worker given as arguments (engine, dispatcher, executor) when the transaction commits';
CREATE OR REPLACE FUNCTION hitl.uuidv7(partition integer DEFAULT NULL) RETURNS uuid
	AS 'MODULE_PATHNAME', 'hitl_uuidv7' LANGUAGE C VOLATILE PARALLEL SAFE;
COMMENT ON FUNCTION hitl.uuidv7(integer) IS
	'a new UUID of version 7; partition (0 to 4095) is kept in its rand_a bits, NULL draws one at random';
CREATE OR REPLACE FUNCTION hitl.partition_of(id uuid) RETURNS integer
	AS 'MODULE_PATHNAME', 'hitl_partition_of' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hitl.partition_of(uuid) IS
	'the partition number (0 to 4095) that an id shares with its workflow';
COMMENT ON TABLE hitl.definitions IS
	'workflow definitions, one row per content; immutable';
CREATE OR REPLACE FUNCTION hitl.validate_definition(definition jsonb)
	RETURNS TABLE (pointer text, message text)
	AS 'MODULE_PATHNAME', 'hitl_validate_definition' LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION hitl.validate_definition(jsonb) IS
	'every fault of a workflow definition with its JSON pointer; no rows for a valid one';
-- idempotency.sql
--		Keys by which a caller can repeat a call without doing it twice.

CREATE TABLE hitl.idempotency_keys (
	owner name NOT NULL,				-- the role that called: each has keys of its own
	kind text NOT NULL CHECK (kind IN ('workflow', 'approval')),
	key text NOT NULL,
	content_hash bytea NOT NULL,		-- SHA-256 of what was asked for
	id uuid NOT NULL,					-- what was made
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (owner, kind, key)
);
-- For those who delete what was made.
CREATE INDEX idempotency_keys_id ON hitl.idempotency_keys (id);
COMMENT ON TABLE hitl.idempotency_keys IS
	'keys given to create_workflow and request_approval, and what was made with them';
SELECT pg_extension_config_dump('hitl.idempotency_keys', '');
-- template.sql
--		Templates: named, versioned pointers to definitions, with parameters.

CREATE TABLE hitl.workflow_templates (
	name text NOT NULL CHECK (name <> ''),
	version integer NOT NULL CHECK (version >= 1),
	definition_hash bytea NOT NULL,		-- no foreign key: pg_restore -j would break it
	description text,
	defaults jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(defaults) = 'object'),
	required text[] NOT NULL DEFAULT '{}',	-- parameters that the input must give
	owner name NOT NULL,				-- the role it was created by
	is_active boolean NOT NULL DEFAULT true,	-- may it be started?
	created_by text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (name, version)
);
COMMENT ON TABLE hitl.workflow_templates IS
	'versions of templates; but for is_active they never change';
SELECT pg_extension_config_dump('hitl.workflow_templates', '');
CREATE INDEX workflow_templates_definition ON hitl.workflow_templates (definition_hash);

CREATE VIEW hitl.templates AS
	SELECT t.name, t.version,
		   t.is_active AND t.version = max(t.version) FILTER (WHERE t.is_active)
			   OVER (PARTITION BY t.name) AS is_default,
		   t.is_active, t.description, t.required AS required_parameters,
		   t.defaults AS default_parameters, d.definition, t.owner, t.created_by, t.created_at
	FROM hitl.workflow_templates t JOIN hitl.definitions d ON d.hash = t.definition_hash;
COMMENT ON VIEW hitl.templates IS
	'versions of templates with their definitions; the default one is started where no version is given';

CREATE FUNCTION hitl.create_template(
	name text,
	version integer DEFAULT NULL,
	definition jsonb DEFAULT NULL,
	description text DEFAULT NULL,
	default_parameters jsonb DEFAULT '{}',
	required_parameters text[] DEFAULT NULL
) RETURNS integer
	AS 'MODULE_PATHNAME', 'hitl_create_template' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.create_template(text, integer, jsonb, text, jsonb, text[]) IS
	'create a version of a template (the next one unless it is given) and return its number; the same content again is the same version';

CREATE FUNCTION hitl.activate_template(name text, version integer DEFAULT NULL) RETURNS integer
	AS 'MODULE_PATHNAME', 'hitl_activate_template' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.activate_template(text, integer) IS
	'let a version of a template, or all of them, be started again; returns how many could not be before';

CREATE FUNCTION hitl.deactivate_template(name text, version integer DEFAULT NULL) RETURNS integer
	AS 'MODULE_PATHNAME', 'hitl_deactivate_template' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.deactivate_template(text, integer) IS
	'let a version of a template, or all of them, not be started any more; what runs goes on; returns how many could be before';

CREATE FUNCTION hitl.check_template(name text, version integer DEFAULT NULL, input_data jsonb DEFAULT '{}')
	RETURNS integer
	AS 'MODULE_PATHNAME', 'hitl_check_template' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.check_template(text, integer, jsonb) IS
	'the version that would be started; an error says why none would be';

CREATE FUNCTION hitl.migrate_workflow(
	workflow_id uuid,
	template_version integer DEFAULT NULL,
	definition jsonb DEFAULT NULL,
	reason text DEFAULT NULL
) RETURNS boolean
	AS 'MODULE_PATHNAME', 'hitl_migrate_workflow' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.migrate_workflow(uuid, integer, jsonb, text) IS
	'move a workflow to another version of its template (the latest active one) or to a definition, where what is under way is there, too; false if it has that definition already';
-- statement.sql
--		Statements of sql steps, run by the executors as the owner of their workflow.

CREATE TABLE hitl.statements (
	workflow_id uuid NOT NULL,
	token bigint NOT NULL,				-- awaited by the workflow's control state
	owner name NOT NULL,				-- the role it runs as
	body jsonb NOT NULL,				-- {"sql", "params", "rows", "timeout_ms"}
	rank timestamptz NOT NULL DEFAULT clock_timestamp(),	-- the order of the queue: when it came, shifted by priority
	claims integer NOT NULL DEFAULT 0,	-- times it was begun
	claimed_by integer,					-- number of the executor that took it last
	claimed_until timestamptz,			-- not to be taken by another one before; while it runs its row is locked
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (workflow_id, token)
) WITH (fillfactor = 70);
COMMENT ON TABLE hitl.statements IS
	'statements of sql steps that wait for an executor or are being run';

CREATE INDEX statements_rank ON hitl.statements (rank);

-- The queue is short-lived: clean it often, or dead rows pile up at its head.
ALTER TABLE hitl.statements SET (autovacuum_vacuum_scale_factor = 0.02,
	autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.05);

SELECT pg_extension_config_dump('hitl.statements', '');

CREATE TRIGGER wake_executor AFTER INSERT ON hitl.statements
	FOR EACH STATEMENT EXECUTE FUNCTION hitl.wake('executor');
ALTER TABLE hitl.statements ENABLE ALWAYS TRIGGER wake_executor;
COMMENT ON TABLE hitl.approval_requests IS
	'questions to humans, with or without a workflow';
COMMENT ON TABLE hitl.approval_responses IS
	'answers to approval requests, one per approver';
COMMENT ON TABLE hitl.acting_grants IS
	'which role may answer approvals in the name of which approver';
CREATE OR REPLACE FUNCTION hitl.approval_content_hash(
	title text, description text, approval_type text, context_data jsonb
) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE
	RETURN sha256(convert_to(jsonb_build_object('title', title, 'description', description,
		'approval_type', approval_type, 'context_data', context_data)::text, 'UTF8'));
COMMENT ON FUNCTION hitl.approval_content_hash(text, text, text, jsonb) IS
	'SHA-256 of what an approver is shown';
CREATE OR REPLACE FUNCTION hitl.text_array(value jsonb) RETURNS text[]
	AS 'MODULE_PATHNAME', 'hitl_text_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hitl.text_array(jsonb) IS
	'a JSON string or array of strings as text[], each string once; NULL for anything else and for an empty array';
CREATE OR REPLACE FUNCTION hitl.request_approval(
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
	channels text[] DEFAULT NULL,
	idempotency_key text DEFAULT NULL
) RETURNS uuid
	AS 'MODULE_PATHNAME', 'hitl_request_approval' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.request_approval(text, text, text, text, text[], integer, numeric, jsonb, uuid, text, text[], text) IS
	'ask for an approval, with or without a workflow; returns its id, the same one when called again with the same idempotency_key';
CREATE OR REPLACE FUNCTION hitl.cancel_approval(approval_id uuid, reason text DEFAULT NULL) RETURNS text
	AS 'MODULE_PATHNAME', 'hitl_cancel_approval' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.cancel_approval(uuid, text) IS
	'withdraw a pending approval request';
CREATE OR REPLACE FUNCTION hitl.expire_approval(approval_id uuid) RETURNS text
	AS 'MODULE_PATHNAME', 'hitl_expire_approval' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.expire_approval(uuid) IS
	'let a pending approval request expire now, whatever its time limit';
CREATE OR REPLACE FUNCTION hitl.expire_due_approvals() RETURNS bigint
	AS 'MODULE_PATHNAME', 'hitl_expire_due_approvals' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.expire_due_approvals() IS
	'let all pending approval requests expire whose time is over, and count them; the engine does this by itself, on time';
CREATE OR REPLACE VIEW hitl.pending_approvals AS
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
CREATE OR REPLACE FUNCTION hitl.list_pending_approvals(
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
COMMENT ON TABLE hitl.workflow_checkpoints IS
	'snapshots of workflows to roll back to; of several with one name the latest counts that no rollback has abandoned';
CREATE OR REPLACE FUNCTION hitl.create_checkpoint(
	workflow_id uuid,
	checkpoint_name text,
	step_name text DEFAULT NULL,
	description text DEFAULT NULL
) RETURNS uuid
	AS 'MODULE_PATHNAME', 'hitl_create_checkpoint' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.create_checkpoint(uuid, text, text, text) IS
	'record a checkpoint of a workflow as it is now; returns its id';
CREATE OR REPLACE FUNCTION hitl.rollback_workflow(
	workflow_id uuid,
	checkpoint_name text DEFAULT NULL,
	reason text DEFAULT NULL
) RETURNS text
	AS 'MODULE_PATHNAME', 'hitl_rollback_workflow' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.rollback_workflow(uuid, text, text) IS
	'return a workflow to a checkpoint (the latest if none is named), withdraw what it awaits and leave it rolled_back; execute_workflow goes on from there; returns the name of the checkpoint';
COMMENT ON TABLE hitl.secrets IS
	'keys of outside services; readable by superusers only, and left out of dumps: set them again after a restore';
CREATE OR REPLACE VIEW hitl.secret_names AS
	SELECT name, updated_at, allowed_hosts FROM hitl.secrets;
COMMENT ON VIEW hitl.secret_names IS 'which secrets are set, without their values';
CREATE OR REPLACE FUNCTION hitl.set_secret(name text, value text, allowed_hosts text[] DEFAULT NULL)
	RETURNS void
	LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'hitl_set_secret';
COMMENT ON FUNCTION hitl.set_secret(text, text, text[]) IS
	'store or replace a secret, for models and channels, and for http steps that call one of allowed_hosts; pass the value as a parameter, since literals show in the server log and in pg_stat_activity';
CREATE OR REPLACE FUNCTION hitl.delete_secret(name text) RETURNS boolean
	LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'hitl_delete_secret';
COMMENT ON FUNCTION hitl.delete_secret(text) IS
	'forget a secret; false if there was none of this name';
COMMENT ON TABLE hitl.models IS
	'models that answer tasks: OpenAI-compatible endpoints, and the built-in one that needs no network';
CREATE OR REPLACE FUNCTION hitl.create_model(
	name text,
	base_url text DEFAULT NULL,
	model text DEFAULT NULL,
	provider text DEFAULT 'openai',
	secret_name text DEFAULT NULL,
	parameters jsonb DEFAULT '{}',
	is_default boolean DEFAULT false,
	timeout_seconds integer DEFAULT NULL,
	headers jsonb DEFAULT '{}'
) RETURNS text
	AS 'MODULE_PATHNAME', 'hitl_create_model' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.create_model(text, text, text, text, text, jsonb, boolean, integer, jsonb) IS
	'create or replace a model; provider openai (any compatible endpoint) or builtin (repeats the task, needs no network)';
CREATE OR REPLACE FUNCTION hitl.drop_model(name text) RETURNS boolean
	LANGUAGE sql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH gone AS (DELETE FROM hitl.models m WHERE m.name = drop_model.name RETURNING 1)
	SELECT EXISTS (SELECT FROM gone);
END;
COMMENT ON FUNCTION hitl.drop_model(text) IS 'remove a model; false if there was none';
-- limits.sql
--		How much may go on at once, and how much in a time: of requests to a
--		host, of tasks of a queue, of workflows of a template.

CREATE TABLE hitl.limits (
	kind text NOT NULL CHECK (kind IN ('host', 'queue', 'template')),
	name text NOT NULL CHECK (name <> ''),	-- of kind host: as in a URL, a port that is not the usual one with it; '*': each that has no limit of its own
	max_concurrency integer CHECK (max_concurrency > 0),	-- at once; NULL: no limit
	max_rate integer CHECK (max_rate BETWEEN 1 AND 100000),	-- begun in any period of length "per"; NULL: no limit
	per interval NOT NULL DEFAULT '1 second'
		CHECK (per >= interval '1 millisecond' AND per <= interval '1 day'),
	updated_by text NOT NULL,
	updated_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (kind, name),
	CHECK (max_concurrency IS NOT NULL OR max_rate IS NOT NULL)
);
COMMENT ON TABLE hitl.limits IS
	'how many requests to a host, tasks of a queue, workflows of a template may be under way at once, or begin in a time';
SELECT pg_extension_config_dump('hitl.limits', '');

-- Those who keep to limits read them when they begin, and when they have changed.
CREATE FUNCTION hitl.limits_changed() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'hitl_limits_changed';
COMMENT ON FUNCTION hitl.limits_changed() IS
	'trigger function: has the workers read a table again when the transaction commits';
CREATE TRIGGER limits_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON hitl.limits
	FOR EACH STATEMENT EXECUTE FUNCTION hitl.limits_changed();
ALTER TABLE hitl.limits ENABLE ALWAYS TRIGGER limits_changed;

CREATE FUNCTION hitl.set_limit(
	kind text,
	name text,
	max_concurrency integer DEFAULT NULL,
	max_rate integer DEFAULT NULL,
	per interval DEFAULT '1 second'
) RETURNS void
	LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'hitl_set_limit';
COMMENT ON FUNCTION hitl.set_limit(text, text, integer, integer, interval) IS
	'limit what goes on at once (max_concurrency) or begins in any time of length per (max_rate): kind host, queue or template; replaces the limit of this kind and name';

CREATE FUNCTION hitl.drop_limit(kind text, name text) RETURNS boolean
	LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'hitl_drop_limit';
COMMENT ON FUNCTION hitl.drop_limit(text, text) IS
	'remove a limit; false if there was none of this kind and name';
CREATE OR REPLACE FUNCTION hitl.request_origin(url text) RETURNS text
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'hitl_request_origin';
COMMENT ON FUNCTION hitl.request_origin(text) IS
	'scheme, host and port of a URL, the port only where it is not the usual one';
CREATE OR REPLACE FUNCTION hitl.request_rank(next_attempt_at timestamptz, created_at timestamptz,
								  attempts integer, priority smallint) RETURNS timestamptz
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'hitl_request_rank';
COMMENT ON FUNCTION hitl.request_rank(timestamptz, timestamptz, integer, smallint) IS
	'place of a request in the queue of its host: when it is due, less ten seconds for each level of its priority';
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
COMMENT ON COLUMN hitl.outbox.missing_secret IS
	'name of a secret that is not set yet; hitl.set_secret lets the request go on';
CREATE OR REPLACE FUNCTION hitl.retry_request(request_id uuid) RETURNS boolean
	LANGUAGE c STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'hitl_retry_request';
COMMENT ON FUNCTION hitl.retry_request(uuid) IS
	'send a failed notification again, with its attempts counted anew; false if there is no such failed notification';
-- circuit_breaker.sql
--		Hosts that do not answer are left alone for a while.  The dispatcher
--		keeps this in its memory and writes here what it has to know again
--		when it is started anew, and what people want to see.

CREATE TABLE hitl.breakers (
	origin text COLLATE "C" PRIMARY KEY,	-- scheme, host and port, as in hitl.outbox
	open boolean NOT NULL,
	failures integer NOT NULL,			-- in a row
	cooldown interval NOT NULL,
	opened_at timestamptz NOT NULL,		-- the first time since it was closed
	next_trial_at timestamptz,			-- while open
	error_message text,					-- of the failure that opened it
	changed_at timestamptz NOT NULL
);
-- No pg_extension_config_dump: where a dump is restored, hosts may be well.
COMMENT ON TABLE hitl.breakers IS
	'hosts whose circuit breaker has opened lately: the dispatcher''s own, read hitl.circuit_breakers';
-- limits_changed: has the dispatcher read it again, when a breaker was reset by hand.
CREATE TRIGGER breakers_changed AFTER UPDATE OR DELETE OR TRUNCATE ON hitl.breakers
	FOR EACH STATEMENT EXECUTE FUNCTION hitl.limits_changed();

CREATE VIEW hitl.circuit_breakers AS
	SELECT b.origin AS host,
		CASE WHEN NOT b.open THEN 'closed'
			 WHEN b.next_trial_at <= clock_timestamp() THEN 'half_open'
			 ELSE 'open' END AS state,
		b.failures, b.opened_at, b.next_trial_at, b.error_message,
		(SELECT count(*) FROM hitl.outbox o
		 WHERE o.origin = b.origin AND o.status = 'queued'
		   AND o.purpose IN ('inference', 'http', 'notification')) AS waiting_requests,
		b.changed_at
	FROM hitl.breakers b;
COMMENT ON VIEW hitl.circuit_breakers IS
	'hosts whose circuit breaker is open, half-open, or was closed again within a day, and how many requests wait for them';

CREATE FUNCTION hitl.reset_circuit_breaker(host text) RETURNS boolean
	LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'hitl_reset_circuit_breaker';
COMMENT ON FUNCTION hitl.reset_circuit_breaker(text) IS
	'let requests to a host go out again at once: host as in hitl.circuit_breakers, or without the scheme; false if its breaker was not open';
COMMENT ON TABLE hitl.channel_configurations IS
	'ways to tell people about approval requests; settings of a webhook: url, headers';
CREATE OR REPLACE FUNCTION hitl.configure_channel(
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
CREATE OR REPLACE VIEW hitl.notifications AS
	SELECT o.id, o.approval_id, o.workflow_id, o.channel, o.url,
		   o.body::jsonb ->> 'type' AS event_type, o.status, o.attempts,
		   CASE WHEN o.status = 'queued' THEN o.next_attempt_at END AS next_attempt_at,
		   o.response_status, o.error_message, o.created_at, o.finished_at
	FROM hitl.outbox o
	WHERE o.purpose = 'notification';
COMMENT ON VIEW hitl.notifications IS
	'deliveries of approval requests and decisions to channels';
CREATE OR REPLACE FUNCTION hitl.notification_body(event_type text, approval hitl.approval_requests)
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
-- queue.sql
--		Queues of external tasks: who may take tasks from them.

CREATE TABLE hitl.queue_grants (
	grantee name NOT NULL,
	queue text NOT NULL,				-- '*': any
	granted_by name NOT NULL DEFAULT session_user,
	granted_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (grantee, queue)
);
COMMENT ON TABLE hitl.queue_grants IS
	'which role may take tasks from which queue';
SELECT pg_extension_config_dump('hitl.queue_grants', '');

-- Claims of queues whose rate is limited; forgotten in a dump.
CREATE TABLE hitl.queue_rates (
	queue text PRIMARY KEY,
	slice_us bigint NOT NULL DEFAULT 0,	-- the length of a slice of time
	last_slice bigint NOT NULL DEFAULT 0,
	claims integer[] NOT NULL DEFAULT '{}'	-- in the slices, latest first
) WITH (fillfactor = 50);
COMMENT ON TABLE hitl.queue_rates IS
	'recent claims of limited queues, counted in slices of time';

CREATE FUNCTION hitl.grant_queue(grantee name, queue text) RETURNS void
	AS 'MODULE_PATHNAME', 'hitl_grant_queue' LANGUAGE C VOLATILE STRICT
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.grant_queue(name, text) IS
	'let a role take tasks from a queue, or from any (''*'')';

CREATE FUNCTION hitl.revoke_queue(grantee name, queue text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'hitl_revoke_queue' LANGUAGE C VOLATILE STRICT
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.revoke_queue(name, text) IS
	'take back what grant_queue gave; false if there was nothing';
-- external.sql
--		Tasks that programs outside do: they claim them with a lease, and
--		complete them by SQL.

CREATE TABLE hitl.external_tasks (
	id uuid PRIMARY KEY,				-- its last four digits are 0: those of a claim count the claims
	workflow_id uuid NOT NULL,
	token bigint NOT NULL,				-- awaited by the workflow's control state
	step_name text,
	scope bigint NOT NULL DEFAULT 0,	-- a foreach element's branch
	attempt integer NOT NULL DEFAULT 1,	-- of the step
	idempotency_key uuid NOT NULL,		-- the same in each attempt of a step until one succeeds
	queue text NOT NULL,
	body jsonb NOT NULL,				-- task, context, instructions
	status text NOT NULL DEFAULT 'queued' CHECK (status IN (
		'queued', 'delayed', 'claimed', 'completed', 'failed', 'withdrawn')),
	rank timestamptz NOT NULL,			-- the lowest is claimed first
	claims integer NOT NULL DEFAULT 0,
	lapses integer NOT NULL DEFAULT 0,	-- leases that ended without an answer
	claimed_by text,					-- what the worker calls itself
	claimed_role name,
	claimed_at timestamptz,
	lease_until timestamptz,
	due_at timestamptz,					-- when the engine must look at it: the end of its lease or delay
	progress jsonb,						-- what its worker told last
	error jsonb,						-- why it failed: {"kind", "message"}
	created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	finished_at timestamptz,
	UNIQUE (workflow_id, token)
) WITH (fillfactor = 70);
COMMENT ON TABLE hitl.external_tasks IS
	'tasks for programs outside, with who has claimed them until when';
SELECT pg_extension_config_dump('hitl.external_tasks', '');

CREATE INDEX external_tasks_open ON hitl.external_tasks (queue, status, rank, id)
	WHERE status IN ('queued', 'claimed');
-- Finding the key of the attempt before.
CREATE INDEX external_tasks_failed ON hitl.external_tasks (workflow_id, step_name, scope, attempt)
	WHERE status IN ('failed', 'withdrawn');
CREATE INDEX external_tasks_due ON hitl.external_tasks (due_at) WHERE due_at IS NOT NULL;

-- The queue is short-lived: clean it often, or dead rows pile up at its head.
ALTER TABLE hitl.external_tasks SET (autovacuum_vacuum_scale_factor = 0.02,
	autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.05);

CREATE FUNCTION hitl.claim_tasks(
	queue text,
	n integer DEFAULT 1,
	lease interval DEFAULT '1 minute',
	worker text DEFAULT NULL
) RETURNS TABLE (
	task_id uuid,
	workflow_id uuid,
	step_name text,
	task text,
	context jsonb,
	instructions text,
	attempt integer,
	lease_until timestamptz,
	progress jsonb,
	idempotency_key uuid,
	created_at timestamptz
)
	AS 'MODULE_PATHNAME', 'hitl_claim_tasks' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off;	-- a plan made while the queue is empty is kept when it is full
COMMENT ON FUNCTION hitl.claim_tasks(text, integer, interval, text) IS
	'take up to n tasks of a queue; they are the caller''s until the lease ends';

CREATE FUNCTION hitl.heartbeat_task(
	task_id uuid,
	lease interval DEFAULT '1 minute',
	progress jsonb DEFAULT NULL
) RETURNS timestamptz
	AS 'MODULE_PATHNAME', 'hitl_heartbeat_task' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.heartbeat_task(uuid, interval, jsonb) IS
	'prolong the lease of a claimed task and return its new end; an error tells the worker to stop';

CREATE FUNCTION hitl.complete_task(task_id uuid, result jsonb DEFAULT NULL) RETURNS void
	AS 'MODULE_PATHNAME', 'hitl_complete_task' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.complete_task(uuid, jsonb) IS
	'answer a claimed task with its result';

CREATE FUNCTION hitl.fail_task(
	task_id uuid,
	message text,
	kind text DEFAULT 'unknown_error'
) RETURNS void
	AS 'MODULE_PATHNAME', 'hitl_fail_task' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.fail_task(uuid, text, text) IS
	'say that a claimed task has failed; it is offered again if its step''s retry says so';

CREATE FUNCTION hitl.release_task(task_id uuid) RETURNS void
	AS 'MODULE_PATHNAME', 'hitl_release_task' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.release_task(uuid) IS
	'give a claimed task back to its queue, undone and without blame';

CREATE VIEW hitl.task_queues AS
	SELECT t.queue,
		   count(*) FILTER (WHERE t.status = 'queued') AS queued,
		   count(*) FILTER (WHERE t.status = 'delayed') AS delayed,
		   count(*) FILTER (WHERE t.status = 'claimed') AS claimed,
		   min(t.created_at) FILTER (WHERE t.status = 'queued') AS oldest
	FROM hitl.external_tasks t
	WHERE t.status IN ('queued', 'delayed', 'claimed')
	GROUP BY t.queue;
COMMENT ON VIEW hitl.task_queues IS
	'queues of external tasks with how many wait and how many are being done';
-- signal.sql
--		Signals: told to a workflow by name.  One that nobody waits for yet is
--		kept until somebody does.

CREATE TABLE hitl.signals (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	workflow_id uuid NOT NULL,
	name text NOT NULL,
	payload jsonb NOT NULL,
	sent_by text NOT NULL,
	received_at timestamptz NOT NULL DEFAULT clock_timestamp()	-- when it was sent
);
COMMENT ON TABLE hitl.signals IS
	'signals that came early and are kept until their workflow waits for them';
CREATE INDEX signals_kept ON hitl.signals (workflow_id, name, received_at, id);
SELECT pg_extension_config_dump('hitl.signals', '');
SELECT pg_extension_config_dump(pg_get_serial_sequence('hitl.signals', 'id'), '');

CREATE TABLE hitl.awaited_signals (
	workflow_id uuid NOT NULL,
	token bigint NOT NULL,				-- awaited by the workflow's control state
	name text NOT NULL,
	match jsonpath,						-- a predicate over the payload; NULL: any
	step_name text,
	since timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (workflow_id, token)
);
COMMENT ON TABLE hitl.awaited_signals IS
	'signals that workflows wait for';
-- The lower bits of a token, HITL_TOKEN_BITS, tell which of two is the older.
CREATE INDEX awaited_signals_name
	ON hitl.awaited_signals (workflow_id, name, (token & 268435455));
SELECT pg_extension_config_dump('hitl.awaited_signals', '');

CREATE TABLE hitl.signal_keys (
	workflow_id uuid NOT NULL,
	name text NOT NULL,					-- who may send this one only cannot use up keys of others
	idempotency_key text NOT NULL,
	content_hash bytea NOT NULL,		-- SHA-256 of the payload
	sent_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (workflow_id, name, idempotency_key)
);
COMMENT ON TABLE hitl.signal_keys IS
	'idempotency keys of signals that were sent';
SELECT pg_extension_config_dump('hitl.signal_keys', '');

CREATE TABLE hitl.signal_grants (
	grantee name NOT NULL,
	signal text NOT NULL,				-- '*': any
	granted_by name NOT NULL DEFAULT session_user,
	granted_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (grantee, signal)
);
COMMENT ON TABLE hitl.signal_grants IS
	'which role may send which signal to workflows of others';
SELECT pg_extension_config_dump('hitl.signal_grants', '');

CREATE FUNCTION hitl.send_signal(
	workflow_id uuid,
	name text,
	payload jsonb DEFAULT NULL,
	idempotency_key text DEFAULT NULL
) RETURNS boolean
	AS 'MODULE_PATHNAME', 'hitl_send_signal' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.send_signal(uuid, text, jsonb, text) IS
	'tell a workflow something that it waits for, or will; false if the signal with this idempotency_key was sent before';

CREATE FUNCTION hitl.grant_signal(grantee name, signal text) RETURNS void
	AS 'MODULE_PATHNAME', 'hitl_grant_signal' LANGUAGE C VOLATILE STRICT
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.grant_signal(name, text) IS
	'let a role send a signal, or any (''*''), to workflows of others';

CREATE FUNCTION hitl.revoke_signal(grantee name, signal text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'hitl_revoke_signal' LANGUAGE C VOLATILE STRICT
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.revoke_signal(name, text) IS
	'take back what grant_signal gave; false if there was nothing';
-- child.sql
--		Child workflows: their rows have a parent_id.

CREATE VIEW hitl.child_workflows AS
	SELECT c.parent_id, c.id AS workflow_id, c.name, c.status, c.template, c.template_version,
		   c.depth, c.error, c.output, c.created_at, c.started_at, c.finished_at
	FROM hitl.workflows c
	WHERE c.parent_id IS NOT NULL;
COMMENT ON VIEW hitl.child_workflows IS
	'workflows that steps of other workflows have started';
CREATE OR REPLACE FUNCTION hitl.create_workflow(
	name text,
	description text DEFAULT NULL,
	workflow_definition jsonb DEFAULT NULL,
	input_data jsonb DEFAULT '{}',
	created_by text DEFAULT NULL,
	template text DEFAULT NULL,
	template_version integer DEFAULT NULL,
	idempotency_key text DEFAULT NULL,
	priority integer DEFAULT 0,
	deadline timestamptz DEFAULT NULL
) RETURNS uuid
	AS 'MODULE_PATHNAME', 'hitl_create_workflow' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.create_workflow(text, text, jsonb, jsonb, text, text, integer, text, integer, timestamptz) IS
	'create a workflow in status pending; input_data becomes $.variables; without a definition or template its owner moves it by transition_workflow_status; called again with the same idempotency_key it returns the same id';
CREATE OR REPLACE FUNCTION hitl.execute_workflow(
	workflow_id uuid,
	task text DEFAULT NULL,
	context jsonb DEFAULT NULL,
	start_at timestamptz DEFAULT NULL
) RETURNS uuid
	AS 'MODULE_PATHNAME', 'hitl_execute_workflow' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.execute_workflow(uuid, text, jsonb, timestamptz) IS
	'start a pending workflow, or go on with a rolled back one; returns at once; task is the goal told to its model, context is merged into $.variables; start_at puts it off';
CREATE OR REPLACE FUNCTION hitl.update_workflow_state(
	workflow_id uuid,
	new_state jsonb,
	step_name text DEFAULT NULL,
	expected_state jsonb DEFAULT NULL,
	remove text[] DEFAULT NULL
) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'hitl_update_workflow_state' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.update_workflow_state(uuid, jsonb, text, jsonb, text[]) IS
	'merge an object into $.variables of a workflow, remove others, and return them; recorded as an event; expected_state makes it an error if these variables have other values';
CREATE OR REPLACE FUNCTION hitl.transition_workflow_status(
	workflow_id uuid,
	new_status text,
	reason text DEFAULT NULL
) RETURNS text
	AS 'MODULE_PATHNAME', 'hitl_transition_workflow_status' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.transition_workflow_status(uuid, text, text) IS
	'cancel a workflow, or move one that has no definition to another status; not allowed transitions are errors';
CREATE OR REPLACE FUNCTION hitl.start_template(
	template text,
	input_data jsonb DEFAULT '{}',
	version integer DEFAULT NULL,
	workflow_name text DEFAULT NULL,
	start_at timestamptz DEFAULT NULL,
	idempotency_key text DEFAULT NULL,
	priority integer DEFAULT 0,
	deadline timestamptz DEFAULT NULL,
	created_by text DEFAULT NULL
) RETURNS uuid
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	workflow uuid;
BEGIN
	IF template IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'template must not be null';
	END IF;
	workflow := hitl.create_workflow(
		name => coalesce(workflow_name, template), input_data => input_data,
		created_by => created_by, template => template, template_version => version,
		idempotency_key => idempotency_key, priority => priority, deadline => deadline);
	-- With a key it may have been started before; two starts are one.
	IF idempotency_key IS NULL
		OR (SELECT w.status = 'pending' FROM hitl.workflows w WHERE w.id = workflow)
	THEN
		PERFORM hitl.execute_workflow(workflow, start_at => start_at);
	END IF;
	RETURN workflow;
END
$$;
COMMENT ON FUNCTION hitl.start_template(text, jsonb, integer, text, timestamptz, text, integer, timestamptz, text) IS
	'create a workflow from a template and start it, at once or at a time; returns its id';
-- command.sql
--		Commands to workflows: pause, resume, cancel, retry, skip.

CREATE FUNCTION hitl.pause_workflow(workflow_id uuid, reason text DEFAULT NULL) RETURNS text
	AS 'MODULE_PATHNAME', 'hitl_pause_workflow' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.pause_workflow(uuid, text) IS
	'let a workflow begin no further step until hitl.resume_workflow; answers to what it has asked are still taken; returns its status';

CREATE FUNCTION hitl.resume_workflow(workflow_id uuid, reason text DEFAULT NULL) RETURNS text
	AS 'MODULE_PATHNAME', 'hitl_resume_workflow' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.resume_workflow(uuid, text) IS
	'let a paused workflow go on; returns its status';

CREATE FUNCTION hitl.cancel_workflow(workflow_id uuid, reason text DEFAULT NULL) RETURNS text
	AS 'MODULE_PATHNAME', 'hitl_cancel_workflow' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.cancel_workflow(uuid, text) IS
	'end a workflow and its children as cancelled; what it has asked is withdrawn; returns its status';

CREATE FUNCTION hitl.retry_workflow(workflow_id uuid, reason text DEFAULT NULL) RETURNS text
	AS 'MODULE_PATHNAME', 'hitl_retry_workflow' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.retry_workflow(uuid, text) IS
	'let a failed workflow go on from the step that failed; returns its status';

CREATE FUNCTION hitl.skip_step(
	workflow_id uuid,
	step_name text,
	result jsonb DEFAULT NULL,
	reason text DEFAULT NULL,
	scope bigint DEFAULT NULL
) RETURNS text
	AS 'MODULE_PATHNAME', 'hitl_skip_step' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.skip_step(uuid, text, jsonb, text, bigint) IS
	'let a workflow go on behind a step that waits or has failed, as if it had given result; scope names the element of a foreach; returns the status';
-- recovery.sql
--		Going on with workflows that have failed: by policy, and many at once.

CREATE TABLE hitl.recovery_policies (
	failure_kind text NOT NULL,
	template text,						-- NULL: all workflows; else those created from it
	max_recoveries integer NOT NULL CHECK (max_recoveries BETWEEN 1 AND 99),
	delay jsonb NOT NULL,				-- as the "retry" of a step, without max_attempts and on
	created_by name NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX recovery_policies_key ON hitl.recovery_policies
	(failure_kind, coalesce(template, ''));
COMMENT ON TABLE hitl.recovery_policies IS
	'which failed workflows the engine lets go on by itself, how often, and after which delay';
SELECT pg_extension_config_dump('hitl.recovery_policies', '');

-- The kind of failure of a workflow's error, as policies name it.
CREATE FUNCTION hitl.failure_kind(error jsonb) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN CASE WHEN error ->> 'message' = 'step budget exhausted' THEN 'step_budget'
				ELSE coalesce(error ->> 'kind', 'unknown_error') END;
COMMENT ON FUNCTION hitl.failure_kind(jsonb) IS
	'the kind of failure that the error of a workflow tells of, as recovery policies name it';

CREATE FUNCTION hitl.set_recovery_policy(
	failure_kind text,
	max_recoveries integer DEFAULT 3,
	delay jsonb DEFAULT '{"policy": "exponential", "base_delay": "1 minute", "max_delay": "1 hour"}',
	template text DEFAULT NULL
) RETURNS void
	AS 'MODULE_PATHNAME', 'hitl_set_recovery_policy' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.set_recovery_policy(text, integer, jsonb, text) IS
	'have the engine retry workflows that fail of this kind, at most so often in their life; one for a template goes before one for all';

CREATE FUNCTION hitl.drop_recovery_policy(failure_kind text, template text DEFAULT NULL) RETURNS boolean
	LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH gone AS (DELETE FROM hitl.recovery_policies p
				  WHERE p.failure_kind = drop_recovery_policy.failure_kind
					AND p.template IS NOT DISTINCT FROM drop_recovery_policy.template
				  RETURNING 1)
	SELECT EXISTS (SELECT FROM gone);
END;
COMMENT ON FUNCTION hitl.drop_recovery_policy(text, text) IS
	'remove a recovery policy; false if there was none; what it has planned is still done';

CREATE FUNCTION hitl.recover_failed_workflows(
	failure_kinds text[] DEFAULT NULL,
	since interval DEFAULT NULL,
	max_workflows integer DEFAULT 1000,
	reason text DEFAULT NULL,
	max_recoveries integer DEFAULT 10
) RETURNS bigint
	AS 'MODULE_PATHNAME', 'hitl_recover_failed_workflows' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.recover_failed_workflows(text[], interval, integer, text, integer) IS
	'let failed workflows go on, oldest first, and count them; the caller''s own ones unless an administrator calls; without failure_kinds those of failures that may pass by themselves';

CREATE VIEW hitl.planned_recoveries AS
	SELECT m.workflow_id, w.name, hitl.failure_kind(w.error) AS failure_kind,
		   w.recoveries, m.due_at, m.body ->> 'actor' AS actor
	FROM hitl.messages m JOIN hitl.workflows w ON w.id = m.workflow_id
	WHERE m.kind = 'recover' AND w.status = 'failed'
	  AND (m.body ->> 'failed_at_us')::numeric = extract(epoch FROM w.finished_at) * 1000000;
COMMENT ON VIEW hitl.planned_recoveries IS
	'failed workflows that the engine will let go on, and when';
CREATE OR REPLACE FUNCTION hitl.respond_to_approval(
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
CREATE OR REPLACE FUNCTION hitl.grant_acting(grantee name, approver_id text) RETURNS void
	AS 'MODULE_PATHNAME', 'hitl_grant_acting' LANGUAGE C VOLATILE STRICT
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.grant_acting(name, text) IS
	'let a role answer approvals in the name of an approver, or of anyone (''*'')';
CREATE OR REPLACE FUNCTION hitl.revoke_acting(grantee name, approver_id text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'hitl_revoke_acting' LANGUAGE C VOLATILE STRICT
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.revoke_acting(name, text) IS
	'take back what grant_acting gave; false if there was nothing';
CREATE OR REPLACE FUNCTION hitl.workflow_data(workflow_id uuid) RETURNS jsonb
	LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	RETURN (SELECT coalesce((
		SELECT w.data || jsonb_object_agg(l.member, coalesce(w.data -> l.member, '{}') || l.members)
		FROM (SELECT m.key AS member, jsonb_object_agg(n.key,
					coalesce(e.delta -> '$' -> m.key -> n.key, e.delta -> m.key -> n.key)) AS members
			  FROM jsonb_each(w.large) AS m, jsonb_each(m.value) AS n
			  JOIN hitl.workflow_events e ON e.workflow_id = w.id AND e.seq = n.value::integer
			  GROUP BY m.key) AS l), w.data)
		FROM hitl.workflows w WHERE w.id = workflow_data.workflow_id);
COMMENT ON FUNCTION hitl.workflow_data(uuid) IS
	'the data of a workflow as its steps see them ($), large members included, which hitl.workflows keeps in the trail';
CREATE OR REPLACE FUNCTION hitl.active_steps(w hitl.workflows)
	RETURNS TABLE (branch bigint, scope bigint, step jsonb)
	LANGUAGE sql STABLE
	BEGIN ATOMIC
		SELECT 0, 0, a FROM jsonb_array_elements(w.control -> 'active') AS a
		UNION ALL
		(SELECT b.branch, b.scope, a FROM hitl.workflow_branches b, jsonb_array_elements(b.control -> 'active') AS a
		 WHERE b.workflow_id = w.id AND b.status = 'active' ORDER BY b.branch);
	END;
COMMENT ON FUNCTION hitl.active_steps(hitl.workflows) IS
	'where a workflow is: itself, then its branches';
CREATE OR REPLACE FUNCTION hitl.get_workflow_status(workflow_id uuid) RETURNS jsonb
	LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
	w hitl.workflows;
	data jsonb;
BEGIN
	SELECT * INTO w FROM hitl.workflows WHERE id = workflow_id;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'WF002',
			MESSAGE = format('workflow %s does not exist', workflow_id),
			HINT = 'hitl.create_workflow returns the id of a workflow.';
	END IF;
	data := hitl.workflow_data(workflow_id);
	RETURN jsonb_build_object(
		'workflow_id', w.id,
		'name', w.name,
		'description', w.description,
		'status', w.status,
		'current_step', (
			SELECT a ->> 'step' FROM jsonb_array_elements(w.control -> 'active') AS a LIMIT 1),
		-- Where its branches are comes after where it is itself.
		'active_steps', coalesce((
			SELECT jsonb_agg(a.step - 'token' || CASE WHEN a.branch > 0
				THEN jsonb_build_object('branch', a.branch, 'scope', a.scope) ELSE '{}' END ORDER BY a.branch)
			FROM (SELECT * FROM hitl.active_steps(w) LIMIT 100) AS a), '[]'),
		'active_counts', coalesce((
			SELECT jsonb_agg(jsonb_build_object('step', c.step, 'state', c.state, 'count', c.count)
				ORDER BY c.count DESC, c.step, c.state)
			FROM (SELECT a.step ->> 'step' AS step, a.step ->> 'state' AS state, count(*) AS count
				  FROM hitl.active_steps(w) AS a GROUP BY 1, 2) AS c), '[]'),
		'progress', jsonb_build_object(
			'completed', coalesce((w.control ->> 'completed')::integer, 0),
			'total', coalesce((w.control ->> 'total')::integer,
				(SELECT jsonb_array_length(d.definition -> 'steps')
				 FROM hitl.definitions d WHERE d.hash = w.definition_hash), 0)),
		'variables', coalesce(data -> 'variables', '{}'),
		'results', coalesce(data -> 'steps', '{}'),
		'output', w.output,
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
		'awaited_signals', coalesce((
			SELECT jsonb_agg(jsonb_build_object(
				'signal', g.name, 'step_name', g.step_name, 'match', g.match::text, 'since', g.since)
				ORDER BY g.token)
			FROM (SELECT * FROM hitl.awaited_signals v WHERE v.workflow_id = w.id
				  ORDER BY v.token LIMIT 100) AS g), '[]'),
		'next_timer', (
			SELECT min(m.due_at) FROM hitl.messages m WHERE m.workflow_id = w.id AND m.kind = 'timer'),
		'children', coalesce((
			SELECT jsonb_agg(jsonb_build_object('workflow_id', c.id, 'name', c.name, 'status', c.status)
				ORDER BY c.id)
			FROM (SELECT * FROM hitl.workflows v WHERE v.parent_id = w.id
				  ORDER BY v.id DESC LIMIT 100) AS c), '[]'),
		'recent_events', coalesce((
			SELECT jsonb_agg(jsonb_build_object(
				'seq', e.seq, 'event_type', e.event_type, 'step_name', e.step_name,
				'scope', e.scope, 'data', e.data, 'actor', e.actor, 'created_at', e.created_at) ORDER BY e.seq)
			FROM (SELECT * FROM hitl.workflow_events v WHERE v.workflow_id = w.id
				  ORDER BY v.seq DESC LIMIT 10) e), '[]'),
		'checkpoints', coalesce((
			SELECT jsonb_agg(jsonb_build_object(
				'name', c.name, 'step_name', c.step_name, 'description', c.description,
				'event', c.event, 'abandoned', c.abandoned, 'created_at', c.created_at)
				ORDER BY c.event)
			FROM hitl.workflow_checkpoints c WHERE c.workflow_id = w.id), '[]'),
		'parent_id', w.parent_id,
		'template', w.template,
		'template_version', w.template_version,
		'owner', w.owner,
		'created_by', w.created_by,
		'created_at', w.created_at,
		'started_at', w.started_at,
		'finished_at', w.finished_at,
		'starts_at', (SELECT min(m.due_at) FROM hitl.messages m
					  WHERE m.workflow_id = w.id AND m.kind = 'scheduled_start'
						AND w.status = 'pending'),
		'deadline', w.deadline,
		'priority', w.priority,
		'recoveries', w.recoveries,
		'recovers_at', (SELECT min(p.due_at) FROM hitl.planned_recoveries p
						WHERE p.workflow_id = w.id));
END
$$;
COMMENT ON FUNCTION hitl.get_workflow_status(uuid) IS
	'status, current step, progress, pending approvals, recent events, checkpoints and results of a workflow';
CREATE OR REPLACE FUNCTION hitl.describe_event(event hitl.workflow_events) RETURNS text
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
		WHEN (event).event_type = 'task_requested' THEN coalesce(
			'model ' || ((event).data ->> 'model'), 'queue ' || ((event).data ->> 'queue'))
		WHEN (event).event_type = 'signal_received' THEN (event).data ->> 'signal'
		WHEN (event).event_type = 'child_started' THEN coalesce(
			'template ' || ((event).data ->> 'template'), 'workflow ' || ((event).data ->> 'workflow_id'))
		WHEN (event).event_type = 'http_requested' THEN (event).data ->> 'method'
		WHEN (event).event_type = 'status_changed' THEN concat_ws(': ',
			((event).data ->> 'from') || ' to ' || ((event).data ->> 'to'), (event).data ->> 'reason')
		WHEN (event).event_type = 'step_retried' THEN concat_ws(': ',
			'attempt ' || ((event).data ->> 'attempt'), (event).data ->> 'kind',
			left((event).data ->> 'message', 200))
		WHEN (event).event_type = 'undo_started' THEN concat_ws(': ',
			'to ' || ((event).data ->> 'checkpoint'), (event).data ->> 'reason')
		WHEN (event).event_type = 'step_undone' THEN 'event ' || ((event).data ->> 'event')
		WHEN (event).event_type = 'step_skipped' AND (event).data ? 'when' THEN
			'not ' || ((event).data ->> 'when')
		WHEN (event).data ? 'message' THEN concat_ws(': ',
			(event).data ->> 'kind', left((event).data ->> 'message', 200))
		WHEN (event).data ? 'reason' THEN (event).data ->> 'reason'
		WHEN (event).delta -> 'steps' -> (event).step_name ? 'answer' THEN
			left((event).delta -> 'steps' -> (event).step_name ->> 'answer', 100)
		WHEN (event).delta -> 'steps' -> (event).step_name ? 'decision' THEN
			(event).delta -> 'steps' -> (event).step_name ->> 'decision'
		WHEN (event).delta -> 'steps' ? (event).step_name THEN
			left((event).delta -> 'steps' ->> (event).step_name, 100)
		WHEN (event).delta ? 'variables' THEN left((event).delta ->> 'variables', 100)
	END;
COMMENT ON FUNCTION hitl.describe_event(hitl.workflow_events) IS
	'a short text about an event, for timelines';
CREATE OR REPLACE FUNCTION hitl.workflow_timeline(workflow_id uuid)
	RETURNS TABLE (at text, event text, step text, what text, who text)
	LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
BEGIN
	RETURN QUERY
		SELECT to_char(e.created_at, 'YYYY-MM-DD HH24:MI:SS.MS'), replace(e.event_type, '_', ' '),
			   e.step_name || coalesce(' [' || e.scope || ']', ''), hitl.describe_event(e),
			   coalesce(e.actor, 'engine')
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
CREATE OR REPLACE VIEW hitl.workflow_steps AS
	SELECT workflow_id, step_name, position,
		   split_part(event_type, '_', 2) AS outcome,
		   delta -> 'steps' -> step_name AS result,
		   CASE WHEN event_type = 'step_failed' THEN data END AS error,
		   asked_at, created_at AS finished_at, seq AS event, scope
	FROM (
		SELECT r.*, min(r.created_at) FILTER (WHERE NOT r.ends) OVER (
			PARTITION BY r.workflow_id, r.scope, r.step_name, r.runs_before) AS asked_at
		FROM (
			SELECT e.workflow_id, e.seq, e.event_type, e.step_name, e.position, e.data, e.delta,
				   e.scope, e.created_at, n.ends, count(*) FILTER (WHERE n.ends) OVER (
				PARTITION BY e.workflow_id, e.scope, e.step_name ORDER BY e.seq
				ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS runs_before
			FROM hitl.workflow_events e,
				LATERAL (SELECT e.event_type IN ('step_completed', 'step_skipped', 'step_failed')) AS n (ends)
			WHERE e.step_name IS NOT NULL) AS r) AS t
	WHERE ends;
COMMENT ON VIEW hitl.workflow_steps IS
	'step runs that have ended: completed, skipped or failed, with their results';
CREATE OR REPLACE PROCEDURE hitl.await_workflow(
	workflow_id uuid,
	timeout interval DEFAULT NULL,
	INOUT status text DEFAULT NULL
)
	AS 'MODULE_PATHNAME', 'hitl_await_workflow' LANGUAGE C;
COMMENT ON PROCEDURE hitl.await_workflow(uuid, interval, text) IS
	'wait until a workflow has ended (completed, failed, rejected, cancelled or rolled_back) or has the given status, and return its status; on time-out the one it has then';
CREATE OR REPLACE PROCEDURE hitl.await_approval(
	approval_id uuid,
	timeout interval DEFAULT NULL,
	INOUT status text DEFAULT NULL
)
	AS 'MODULE_PATHNAME', 'hitl_await_approval' LANGUAGE C;
COMMENT ON PROCEDURE hitl.await_approval(uuid, interval, text) IS
	'wait until an approval request is decided and return its status; on time-out "pending"';
-- admission.sql
--		Limits of templates: how many of their workflows are under way at once,
--		and how many begin in a time.
--
-- Only workflows of limited templates have a row here.  What counts is the
-- rows themselves, under a lock on the limit, so that nothing can get lost.

CREATE TABLE hitl.template_starts (
	workflow_id uuid PRIMARY KEY,
	template text NOT NULL,
	state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'ended')),
	rank timestamptz NOT NULL,			-- the lowest begins first
	body jsonb NOT NULL DEFAULT '{}',	-- of the message that starts it
	started_at timestamptz
) WITH (fillfactor = 70);
COMMENT ON TABLE hitl.template_starts IS
	'workflows of limited templates: those that wait for their turn, are under way, or began lately';
SELECT pg_extension_config_dump('hitl.template_starts', '');
CREATE INDEX template_starts_waiting ON hitl.template_starts (template, rank, workflow_id)
	WHERE state = 'waiting';
CREATE INDEX template_starts_begun ON hitl.template_starts (template, started_at)
	WHERE state <> 'waiting';

-- When a template whose rate is limited is looked at again.  Not in dumps: it only
-- saves messages.
CREATE TABLE hitl.template_admissions (
	template text PRIMARY KEY,
	next_at timestamptz NOT NULL
);
COMMENT ON TABLE hitl.template_admissions IS
	'when workflows of a template that begin too fast are next let begin';

-- Let go on as many as the limits allow, by messages.
CREATE FUNCTION hitl.admit_starts(templates text[], ended uuid[]) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	most CONSTANT integer := 1000;		-- in one transaction
	now_ timestamptz := clock_timestamp();
	of_template text;
	limit_ hitl.limits;
	free integer;
	again timestamptz;
	one uuid;
BEGIN
	DELETE FROM hitl.template_starts s WHERE s.workflow_id = ANY (ended) AND s.state = 'waiting';
	UPDATE hitl.template_starts s SET state = 'ended'
	WHERE s.workflow_id = ANY (ended) AND s.state = 'running';
	-- In one order, or two engines could wait for each other.
	FOR of_template IN SELECT DISTINCT t FROM unnest(templates) AS t ORDER BY t LOOP
		SELECT * INTO limit_ FROM hitl.limits l
		WHERE l.kind = 'template' AND l.name IN (of_template, '*')
		ORDER BY l.name = '*' LIMIT 1 FOR NO KEY UPDATE;
		DELETE FROM hitl.template_starts s
		WHERE s.template = of_template AND s.state = 'ended'
		  AND (limit_.max_rate IS NULL OR s.started_at <= now_ - limit_.per);
		free := least(most,
			limit_.max_concurrency - (
				SELECT count(*) FROM hitl.template_starts s
				WHERE s.template = of_template AND s.state = 'running'),
			limit_.max_rate - (
				SELECT count(*) FROM hitl.template_starts s
				WHERE s.template = of_template AND s.state <> 'waiting'
				  AND s.started_at > now_ - limit_.per));
		IF limit_.kind IS NULL THEN
			-- Nothing to count any more.
			DELETE FROM hitl.template_starts s
			WHERE s.template = of_template AND s.state <> 'waiting';
			WITH turn AS (
				DELETE FROM hitl.template_starts s WHERE s.workflow_id IN (
					SELECT w.workflow_id FROM hitl.template_starts w
					WHERE w.template = of_template AND w.state = 'waiting'
					ORDER BY w.rank, w.workflow_id LIMIT free FOR UPDATE)
				RETURNING s.workflow_id, s.body)
			INSERT INTO hitl.messages (workflow_id, kind, body)
			SELECT t.workflow_id, 'start', t.body || '{"admitted": true}' FROM turn t;
		ELSIF free > 0 THEN
			WITH turn AS (
				UPDATE hitl.template_starts s SET state = 'running', started_at = now_
				WHERE s.workflow_id IN (
					SELECT w.workflow_id FROM hitl.template_starts w
					WHERE w.template = of_template AND w.state = 'waiting'
					ORDER BY w.rank, w.workflow_id LIMIT free FOR UPDATE)
				RETURNING s.workflow_id, s.body)
			INSERT INTO hitl.messages (workflow_id, kind, body)
			SELECT t.workflow_id, 'start', t.body || '{"admitted": true}' FROM turn t;
		END IF;
		SELECT s.workflow_id INTO one FROM hitl.template_starts s
		WHERE s.template = of_template AND s.state = 'waiting'
		ORDER BY s.rank, s.workflow_id LIMIT 1;
		CONTINUE WHEN one IS NULL;
		-- The end of one has others admitted; time passing needs a message.
		again := CASE WHEN free = most THEN now_ ELSE (
			SELECT s.started_at + limit_.per FROM hitl.template_starts s
			WHERE s.template = of_template AND s.state <> 'waiting'
			ORDER BY s.started_at DESC OFFSET limit_.max_rate - 1 LIMIT 1) END;
		CONTINUE WHEN again IS NULL OR limit_.max_rate IS NULL AND free < most;
		INSERT INTO hitl.template_admissions AS a (template, next_at) VALUES (of_template, again)
		ON CONFLICT (template) DO UPDATE SET next_at = excluded.next_at
		WHERE a.next_at <= now_ OR a.next_at > excluded.next_at;
		IF FOUND THEN
			INSERT INTO hitl.messages (due_at, workflow_id, kind) VALUES (again, one, 'admit');
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION hitl.admit_starts(text[], uuid[]) IS
	'let workflows of templates begin as far as their limits allow; these have ended';

-- A limit that has changed may let more begin.
CREATE FUNCTION hitl.readmit_starts() RETURNS trigger
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	DELETE FROM hitl.template_admissions;
	DELETE FROM hitl.template_starts s
	WHERE s.state <> 'waiting' AND NOT EXISTS (
		SELECT FROM hitl.limits l WHERE l.kind = 'template' AND l.name IN (s.template, '*'));
	INSERT INTO hitl.messages (workflow_id, kind)
	SELECT DISTINCT ON (s.template) s.workflow_id, 'admit'
	FROM hitl.template_starts s WHERE s.state = 'waiting' ORDER BY s.template, s.rank, s.workflow_id;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION hitl.readmit_starts() IS
	'trigger function: has the engine look again who may begin';
CREATE TRIGGER readmit_starts AFTER INSERT OR UPDATE OR DELETE ON hitl.limits
	FOR EACH STATEMENT EXECUTE FUNCTION hitl.readmit_starts();

CREATE FUNCTION hitl.recount_template_starts() RETURNS bigint
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	lost uuid[];
BEGIN
	SELECT array_agg(s.workflow_id) INTO lost
	FROM hitl.template_starts s LEFT JOIN hitl.workflows w ON w.id = s.workflow_id
	WHERE (s.state = 'running' AND (w.id IS NULL OR w.status IN (
			'completed', 'failed', 'rejected', 'cancelled', 'rolled_back')))
	   OR (s.state = 'waiting' AND (w.id IS NULL OR w.status <> 'pending'));
	DELETE FROM hitl.template_starts s WHERE s.workflow_id = ANY (lost);
	DELETE FROM hitl.template_admissions;
	INSERT INTO hitl.messages (workflow_id, kind)
	SELECT DISTINCT ON (s.template) s.workflow_id, 'admit'
	FROM hitl.template_starts s WHERE s.state = 'waiting' ORDER BY s.template, s.rank, s.workflow_id;
	RETURN coalesce(cardinality(lost), 0);
END
$$;
COMMENT ON FUNCTION hitl.recount_template_starts() IS
	'compare what counts against the limits of templates with the workflows, after these were changed by hand; returns how many counted wrongly';

CREATE VIEW hitl.template_loads AS
	SELECT s.template,
		   count(*) FILTER (WHERE s.state = 'running') AS running,
		   count(*) FILTER (WHERE s.state = 'waiting') AS waiting,
		   min(s.rank) FILTER (WHERE s.state = 'waiting') AS waiting_since,
		   a.next_at AS next_admission_at
	FROM hitl.template_starts s LEFT JOIN hitl.template_admissions a USING (template)
	GROUP BY s.template, a.next_at;
COMMENT ON VIEW hitl.template_loads IS
	'limited templates: how many of their workflows are under way, and wait to begin';
-- schedule.sql
--		Starting templates at the times of a cron expression, which pg_cron keeps.
--
-- pg_cron is no dependency: its functions are called by dynamic statements, and
-- only where it is installed.  Its schema is its own.

CREATE TABLE hitl.template_schedules (
	name text PRIMARY KEY CHECK (name <> ''),
	template text NOT NULL,
	version integer,					-- NULL: the latest active one
	schedule text NOT NULL,				-- cron expression
	input_data jsonb NOT NULL CHECK (jsonb_typeof(input_data) = 'object'),
	owner name NOT NULL,				-- the role that it starts workflows as
	job_id bigint NOT NULL,				-- of pg_cron
	created_at timestamptz NOT NULL DEFAULT now(),
	starts bigint NOT NULL DEFAULT 0,
	last_started_at timestamptz,
	last_workflow_id uuid
);
COMMENT ON TABLE hitl.template_schedules IS
	'templates that pg_cron starts; each has a job there';
SELECT pg_extension_config_dump('hitl.template_schedules', '');

CREATE FUNCTION hitl.calling_role() RETURNS name
	AS 'MODULE_PATHNAME', 'hitl_calling_role' LANGUAGE C STABLE;
COMMENT ON FUNCTION hitl.calling_role() IS
	'the role on whose authority functions act: SET ROLE counts, SECURITY DEFINER does not';

-- Both rights and duties go with membership, as for workflows.
CREATE FUNCTION hitl.check_schedule_owner(schedule_name text, owner name) RETURNS void
	LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	caller name := hitl.calling_role();
BEGIN
	IF (SELECT rolsuper FROM pg_roles WHERE rolname = caller)
		OR (SELECT pg_has_role(caller, r.oid, 'USAGE') FROM pg_roles r WHERE r.rolname = owner)
	THEN
		RETURN;
	END IF;
	RAISE EXCEPTION USING
		ERRCODE = 'insufficient_privilege',
		MESSAGE = format('permission denied for schedule "%s"', schedule_name),
		DETAIL = format('It belongs to role "%s".', owner);
END
$$;
COMMENT ON FUNCTION hitl.check_schedule_owner(text, name) IS
	'an error unless the calling role is a member of the role that a schedule belongs to';

CREATE FUNCTION hitl.schedule_template(
	schedule_name text,
	template text,
	schedule text,
	input_data jsonb DEFAULT '{}',
	version integer DEFAULT NULL
) RETURNS bigint
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	caller name := hitl.calling_role();
	command text := format('SELECT hitl.run_schedule(%L)', schedule_name);
	job_name text := 'hitl ' || schedule_name;
	home text := coalesce(current_setting('cron.database_name', true), 'postgres');
	existing hitl.template_schedules;
	id bigint;
BEGIN
	IF coalesce(schedule_name, '') = '' OR template IS NULL OR schedule IS NULL OR input_data IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'schedule_name, template, schedule and input_data must not be null';
	END IF;
	PERFORM hitl.check_template(template, version, input_data);
	SELECT * INTO existing FROM hitl.template_schedules s
	WHERE s.name = schedule_name FOR UPDATE;
	IF FOUND THEN
		PERFORM hitl.check_schedule_owner(schedule_name, existing.owner);
		caller := existing.owner;
	END IF;

	IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_cron') THEN
		RAISE EXCEPTION USING
			ERRCODE = 'WF033',
			MESSAGE = format('pg_cron is not installed in database "%s"', current_database()),
			DETAIL = 'Schedules are kept by pg_cron.',
			HINT = CASE
				WHEN current_setting('shared_preload_libraries') !~ '\mpg_cron\M' THEN format(
					'Install its package (Debian: postgresql-15-cron), set shared_preload_libraries = ''pg_cron,hitl'' and cron.database_name = %L, restart, and run CREATE EXTENSION pg_cron.',
					current_database())
				WHEN home = current_database() THEN 'Run CREATE EXTENSION pg_cron.'
				ELSE format(
					'It works in database "%s". Set cron.database_name = %L and restart, or have a superuser run there: SELECT cron.schedule_in_database(%L, %L, %L, %L, %L);',
					home, current_database(), job_name, schedule,
					format('SELECT hitl.start_template(%L, %L%s)', template, input_data,
						   ', ' || version),
					current_database(), caller)
				END;
	END IF;
	IF NOT (SELECT rolcanlogin FROM pg_roles WHERE rolname = caller) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_authorization_specification',
			MESSAGE = format('role "%s" cannot log in', caller),
			DETAIL = 'pg_cron runs a job as the role that has scheduled it, and connects as that role.',
			HINT = 'SET ROLE to one that can log in.';
	END IF;

	IF existing.job_id IS NOT NULL THEN
		PERFORM hitl.drop_cron_job(existing.job_id, job_name);
	END IF;
	EXECUTE 'SELECT cron.schedule_in_database($1, $2, $3, $4, $5)' INTO id
		USING job_name, schedule, command, current_database()::text, caller::text;
	INSERT INTO hitl.template_schedules AS s (name, template, version, schedule, input_data, owner, job_id)
	VALUES (schedule_name, template, version, schedule, input_data, caller, id)
	ON CONFLICT (name) DO UPDATE SET template = excluded.template, version = excluded.version,
		schedule = excluded.schedule, input_data = excluded.input_data, job_id = excluded.job_id;
	RETURN id;
END
$$;
COMMENT ON FUNCTION hitl.schedule_template(text, text, text, jsonb, integer) IS
	'have pg_cron start a template at the times of a cron expression, as the calling role; replaces the schedule of this name; returns the number of the job';

CREATE FUNCTION hitl.unschedule_template(schedule_name text) RETURNS boolean
	LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	existing hitl.template_schedules;
BEGIN
	SELECT * INTO existing FROM hitl.template_schedules s
	WHERE s.name = schedule_name FOR UPDATE;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	PERFORM hitl.check_schedule_owner(schedule_name, existing.owner);
	PERFORM hitl.drop_cron_job(existing.job_id, 'hitl ' || schedule_name);
	DELETE FROM hitl.template_schedules s WHERE s.name = schedule_name;
	RETURN true;
END
$$;
COMMENT ON FUNCTION hitl.unschedule_template(text) IS
	'remove a schedule and its job; false if there is none';

-- The number alone could be that of another job, after a restore.
CREATE FUNCTION hitl.drop_cron_job(job_id bigint, job_name text) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_cron') THEN
		EXECUTE 'SELECT cron.unschedule(jobid) FROM cron.job WHERE jobid = $1 AND jobname = $2'
			USING job_id, job_name;
	END IF;
END
$$;
COMMENT ON FUNCTION hitl.drop_cron_job(bigint, text) IS
	'remove a job of pg_cron, if it is there';

CREATE FUNCTION hitl.run_schedule(schedule_name text) RETURNS uuid
	LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	existing hitl.template_schedules;
	workflow uuid;
BEGIN
	SELECT * INTO existing FROM hitl.template_schedules s
	WHERE s.name = schedule_name FOR UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'undefined_object',
			MESSAGE = format('schedule "%s" does not exist', schedule_name),
			HINT = 'hitl.schedules shows the schedules that there are.';
	END IF;
	PERFORM hitl.check_schedule_owner(schedule_name, existing.owner);
	workflow := hitl.start_template(existing.template, existing.input_data, existing.version);
	-- Whoever has called, a superuser perhaps, must not run for it what others wrote.
	UPDATE hitl.workflows w SET owner = existing.owner WHERE w.id = workflow AND w.owner <> existing.owner;
	UPDATE hitl.template_schedules s
	SET starts = s.starts + 1, last_started_at = clock_timestamp(), last_workflow_id = workflow
	WHERE s.name = schedule_name;
	RETURN workflow;
END
$$;
COMMENT ON FUNCTION hitl.run_schedule(text) IS
	'start what a schedule starts, now, for the role that the schedule belongs to; the jobs of pg_cron call it';

CREATE FUNCTION hitl.list_schedules()
	RETURNS TABLE (name text, template text, version integer, schedule text, input_data jsonb,
				   owner name, job_id bigint, active boolean, starts bigint,
				   last_started_at timestamptz, last_workflow_id uuid, last_run_at timestamptz,
				   last_run_status text, last_run_message text, created_at timestamptz)
	LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	caller name := hitl.calling_role();
BEGIN
	FOR name, template, version, schedule, input_data, owner, job_id, starts, last_started_at,
		last_workflow_id, created_at IN
		SELECT s.name, s.template, s.version, s.schedule, s.input_data, s.owner, s.job_id, s.starts,
			   s.last_started_at, s.last_workflow_id, s.created_at
		FROM hitl.template_schedules s
		WHERE (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = caller)
		   OR (SELECT pg_has_role(caller, r.oid, 'USAGE') FROM pg_roles r WHERE r.rolname = s.owner)
		ORDER BY s.name
	LOOP
		active := false;
		last_run_at := NULL;
		last_run_status := NULL;
		last_run_message := NULL;
		IF EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_cron') THEN
			EXECUTE $query$
				SELECT coalesce(bool_or(j.active), false) FROM cron.job j
				WHERE j.jobid = $1 AND j.jobname = $2 $query$
				INTO active USING job_id, 'hitl ' || name;
			EXECUTE $query$
				SELECT r.start_time, r.status, r.return_message FROM cron.job_run_details r
				WHERE r.jobid = $1 ORDER BY r.runid DESC LIMIT 1 $query$
				INTO last_run_at, last_run_status, last_run_message USING job_id;
		END IF;
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION hitl.list_schedules() IS
	'the schedules of the roles that one belongs to';

CREATE VIEW hitl.schedules AS SELECT * FROM hitl.list_schedules();
COMMENT ON VIEW hitl.schedules IS
	'schedules of the roles that one belongs to, and how they were run last; not active: pg_cron does not run it';
-- retention.sql
--		Removing what ended long ago.
--
-- Ids begin with the time at which they were made.  What ended before a time
-- was made before it, so it is found by walking the primary keys; no index on
-- the end is needed, which would cost every workflow its HOT updates.

CREATE FUNCTION hitl.first_id(at timestamptz) RETURNS uuid
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN rpad(lpad(to_hex(greatest(floor(extract(epoch FROM at) * 1000), 0)::bigint), 12, '0'),
				32, '0')::uuid;
COMMENT ON FUNCTION hitl.first_id(timestamptz) IS
	'lower bound of the ids made at a time or later';

CREATE FUNCTION hitl.time_of(id uuid) RETURNS timestamptz
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN to_timestamp((('x' || substr(replace(id::text, '-', ''), 1, 12))::bit(48)::bigint)
						/ 1000.0::double precision);
COMMENT ON FUNCTION hitl.time_of(uuid) IS
	'when an id was made';

CREATE TABLE hitl.purges (
	id uuid PRIMARY KEY DEFAULT hitl.uuidv7(),
	started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	finished_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	purged_by text NOT NULL,			-- role, or "engine"
	older_than interval NOT NULL,
	statuses text[] NOT NULL,
	workflows bigint NOT NULL DEFAULT 0,
	events bigint NOT NULL DEFAULT 0,
	approvals bigint NOT NULL DEFAULT 0,	-- without a workflow
	requests bigint NOT NULL DEFAULT 0,	-- of the outbox
	definitions bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);				-- the engine adds to its row
COMMENT ON TABLE hitl.purges IS
	'what was removed because it ended long ago: a row per call of hitl.purge(), and one per day of what the engine does by hitl.retention';
SELECT pg_extension_config_dump('hitl.purges', '');

-- How far the engine has come; it begins again where this is lost.
CREATE TABLE hitl.retention_progress (
	subject text PRIMARY KEY,			-- workflows, approvals, outbox
	older_than interval NOT NULL,
	reached uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
	began_at timestamptz NOT NULL DEFAULT clock_timestamp(),	-- the walk
	again_at timestamptz,				-- when to walk from the beginning
	next_at timestamptz					-- when to go on; NULL: when there is something new
) WITH (fillfactor = 50);
COMMENT ON TABLE hitl.retention_progress IS
	'how far the engine has come in removing what hitl.retention allows';

-- One batch of workflows with all that is theirs.  A workflow goes together
-- with its descendants, once all of them have ended that long ago.
CREATE FUNCTION hitl.purge_workflows(
	cutoff timestamptz,
	statuses text[],
	INOUT reached uuid,					-- begin behind it; how far this came
	max_scanned integer,
	max_workflows bigint,
	max_events bigint,
	OUT workflows bigint,
	OUT events bigint,
	OUT more boolean,					-- are there others to look at?
	OUT next_end timestamptz			-- of those left: when the first ended; infinity: some have not
)
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
AS $$
DECLARE
	final CONSTANT text[] := '{completed,failed,rejected,cancelled}';
	chosen uuid[];
	approvals uuid[];
	scanned integer;
	last_scanned uuid;
	cut_behind uuid;					-- the limits left out what lies behind it
	ended timestamptz;
BEGIN
	WITH RECURSIVE looked_at AS MATERIALIZED (
		SELECT w.id, w.status, w.finished_at, w.parent_id
		FROM hitl.workflows w
		WHERE w.id > purge_workflows.reached AND w.id < hitl.first_id(cutoff + interval '1 millisecond')
		ORDER BY w.id LIMIT max_scanned
	), root AS MATERIALIZED (
		SELECT l.id FROM looked_at l
		WHERE l.status = ANY (statuses) AND l.finished_at < cutoff
		  AND (l.parent_id IS NULL
			   OR NOT EXISTS (SELECT FROM hitl.workflows p WHERE p.id = l.parent_id))
		ORDER BY l.id LIMIT max_workflows
	), family (root, id) AS (
		SELECT r.id, r.id FROM root r
		UNION ALL
		SELECT f.root, c.id FROM family f JOIN hitl.workflows c ON c.parent_id = f.id
	), locked AS MATERIALIZED (
		SELECT w.id, w.last_event FROM hitl.workflows w
		WHERE w.id IN (SELECT f.id FROM family f)
		  AND w.status = ANY (final) AND w.finished_at < cutoff
		FOR UPDATE SKIP LOCKED
	), whole AS (
		SELECT f.root, sum(l.last_event) AS events
		FROM family f LEFT JOIN locked l USING (id)
		GROUP BY f.root HAVING bool_and(l.id IS NOT NULL)
	), within AS (
		SELECT s.root FROM (SELECT w.root, sum(w.events) OVER (ORDER BY w.root) - w.events AS before
							FROM whole w) AS s
		WHERE s.before < max_events
	), verdict AS MATERIALIZED (
		SELECT least(
			(SELECT CASE WHEN count(*) >= max_workflows THEN max(r.id::text)::uuid END FROM root r),
			(SELECT CASE WHEN count(*) < (SELECT count(*) FROM whole) THEN max(i.root::text)::uuid END
			 FROM within i)) AS cut_behind
	)
	SELECT (SELECT array_agg(f.id) FROM family f JOIN within i USING (root)),
		   (SELECT count(*) FROM looked_at), (SELECT max(l.id::text)::uuid FROM looked_at l),
		   v.cut_behind,
		   (SELECT min(CASE WHEN l.status = ANY (final) THEN l.finished_at ELSE 'infinity' END)
			FROM looked_at l
			WHERE (l.status <> ALL (final) OR l.status = ANY (statuses)) AND l.parent_id IS NULL
			  AND l.id <= coalesce(v.cut_behind, l.id)
			  AND NOT EXISTS (SELECT FROM within i WHERE i.root = l.id))
	INTO chosen, scanned, last_scanned, cut_behind, ended
	FROM verdict v;

	workflows := 0;
	events := 0;
	more := cut_behind IS NOT NULL OR scanned >= max_scanned;
	reached := coalesce(cut_behind, last_scanned, reached);
	-- A locked one, or one with a living descendant, may be due long since.
	next_end := CASE WHEN ended < cutoff THEN 'infinity' ELSE ended END;
	IF chosen IS NULL THEN
		RETURN;
	END IF;

	-- What is due at once was processed before, or tells an ended workflow nothing.
	DELETE FROM hitl.messages m
	WHERE m.kind IN ('timer', 'scheduled_start', 'deadline', 'recover', 'admit') AND m.workflow_id = ANY (chosen);
	WITH gone AS (
		DELETE FROM hitl.approval_requests a WHERE a.workflow_id = ANY (chosen) RETURNING a.id)
	SELECT array_agg(g.id) INTO approvals FROM gone g;
	DELETE FROM hitl.approval_responses r WHERE r.approval_id = ANY (approvals);
	DELETE FROM hitl.idempotency_keys k WHERE k.id = ANY (chosen || approvals);
	DELETE FROM hitl.template_starts s WHERE s.workflow_id = ANY (chosen);
	DELETE FROM hitl.statements s WHERE s.workflow_id = ANY (chosen);
	DELETE FROM hitl.external_tasks t WHERE t.workflow_id = ANY (chosen);
	DELETE FROM hitl.awaited_signals s WHERE s.workflow_id = ANY (chosen);
	DELETE FROM hitl.signals s WHERE s.workflow_id = ANY (chosen);
	DELETE FROM hitl.signal_keys k WHERE k.workflow_id = ANY (chosen);
	DELETE FROM hitl.workflow_checkpoints c WHERE c.workflow_id = ANY (chosen);
	DELETE FROM hitl.workflow_branches b WHERE b.workflow_id = ANY (chosen);
	DELETE FROM hitl.workflow_events e WHERE e.workflow_id = ANY (chosen);
	GET DIAGNOSTICS events = ROW_COUNT;
	DELETE FROM hitl.workflows w WHERE w.id = ANY (chosen);
	GET DIAGNOSTICS workflows = ROW_COUNT;
END
$$;
COMMENT ON FUNCTION hitl.purge_workflows(timestamptz, text[], uuid, integer, bigint, bigint) IS
	'remove one batch of workflows that ended before a time, with all that is theirs';

-- One batch of requests that have left the database, or will not.
CREATE FUNCTION hitl.purge_outbox(
	cutoff timestamptz, INOUT reached uuid, max_scanned integer,
	OUT requests bigint, OUT more boolean, OUT next_end timestamptz
)
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
AS $$
DECLARE
	scanned integer;
	last_scanned uuid;
BEGIN
	WITH looked_at AS MATERIALIZED (
		SELECT o.id, o.status, o.finished_at FROM hitl.outbox o
		WHERE o.id > purge_outbox.reached AND o.id < hitl.first_id(cutoff + interval '1 millisecond')
		ORDER BY o.id LIMIT max_scanned
	), gone AS (
		DELETE FROM hitl.outbox o
		WHERE o.id IN (SELECT l.id FROM looked_at l WHERE l.finished_at < cutoff)
		  AND o.status IN ('delivered', 'failed', 'cancelled') AND o.finished_at < cutoff
		RETURNING o.id
	)
	SELECT (SELECT count(*) FROM looked_at), (SELECT max(l.id::text)::uuid FROM looked_at l),
		   (SELECT count(*) FROM gone),
		   (SELECT min(coalesce(nullif(greatest(l.finished_at, cutoff), cutoff), 'infinity'))
			FROM looked_at l WHERE NOT EXISTS (SELECT FROM gone g WHERE g.id = l.id))
	INTO scanned, last_scanned, requests, next_end;
	more := scanned >= max_scanned;
	reached := coalesce(last_scanned, reached);
END
$$;
COMMENT ON FUNCTION hitl.purge_outbox(timestamptz, uuid, integer) IS
	'remove one batch of requests that were done with before a time';

-- One batch of approval requests that belong to no workflow.
CREATE FUNCTION hitl.purge_approvals(
	cutoff timestamptz, INOUT reached uuid, max_scanned integer,
	OUT approvals bigint, OUT more boolean, OUT next_end timestamptz
)
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
AS $$
DECLARE
	scanned integer;
	last_scanned uuid;
	gone uuid[];
BEGIN
	WITH looked_at AS MATERIALIZED (
		SELECT a.id, a.workflow_id, a.decided_at FROM hitl.approval_requests a
		WHERE a.id > purge_approvals.reached AND a.id < hitl.first_id(cutoff + interval '1 millisecond')
		ORDER BY a.id LIMIT max_scanned
	), gone AS (
		DELETE FROM hitl.approval_requests a
		WHERE a.id IN (SELECT l.id FROM looked_at l
					   WHERE l.workflow_id IS NULL AND l.decided_at < cutoff)
		  AND a.status <> 'pending' AND a.decided_at < cutoff
		RETURNING a.id
	)
	SELECT (SELECT count(*) FROM looked_at), (SELECT max(l.id::text)::uuid FROM looked_at l),
		   (SELECT array_agg(g.id) FROM gone g),
		   (SELECT min(coalesce(nullif(greatest(l.decided_at, cutoff), cutoff), 'infinity'))
			FROM looked_at l
			WHERE l.workflow_id IS NULL AND NOT EXISTS (SELECT FROM gone g WHERE g.id = l.id))
	INTO scanned, last_scanned, gone, next_end;
	DELETE FROM hitl.approval_responses r WHERE r.approval_id = ANY (gone);
	DELETE FROM hitl.idempotency_keys k WHERE k.id = ANY (gone);
	approvals := coalesce(cardinality(gone), 0);
	more := scanned >= max_scanned;
	reached := coalesce(last_scanned, reached);
END
$$;
COMMENT ON FUNCTION hitl.purge_approvals(timestamptz, uuid, integer) IS
	'remove one batch of approval requests without workflow that were decided before a time';

-- Definitions that no template and no workflow has.  All workflows of one were
-- created within a day after its last_used_at (hitl_store_definition).
CREATE FUNCTION hitl.purge_definitions(cutoff timestamptz) RETURNS bigint
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_nestloop = off
AS $$
DECLARE
	bound timestamptz := cutoff - interval '2 days';
	count bigint;
BEGIN
	-- One that began before could be about to create a workflow.
	IF NOT EXISTS (SELECT FROM hitl.definitions d WHERE d.last_used_at < bound)
		OR EXISTS (SELECT FROM pg_stat_activity a WHERE a.xact_start < now() - interval '12 hours')
		OR EXISTS (SELECT FROM pg_prepared_xacts p WHERE p.prepared < now() - interval '12 hours')
	THEN
		RETURN 0;
	END IF;
	DELETE FROM hitl.definitions d
	WHERE d.hash IN (
		SELECT u.hash FROM hitl.definitions u
		WHERE u.last_used_at < bound
		  AND NOT EXISTS (SELECT FROM hitl.workflow_templates t WHERE t.definition_hash = u.hash)
		  AND NOT EXISTS (SELECT FROM hitl.workflows w
						  WHERE w.definition_hash = u.hash AND w.id < hitl.first_id(cutoff + interval '1 millisecond'))
		FOR UPDATE SKIP LOCKED);
	GET DIAGNOSTICS count = ROW_COUNT;
	RETURN count;
END
$$;
COMMENT ON FUNCTION hitl.purge_definitions(timestamptz) IS
	'remove definitions that nothing has used since a time';

CREATE FUNCTION hitl.purge(
	older_than interval,
	statuses text[] DEFAULT '{completed,failed,rejected,cancelled}',
	max_workflows integer DEFAULT 1000
) RETURNS bigint
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	final CONSTANT text[] := '{completed,failed,rejected,cancelled}';
	cutoff timestamptz := clock_timestamp() - older_than;
	total hitl.purges;
	batch record;
	reached uuid;
	other text;
BEGIN
	IF older_than IS NULL OR statuses IS NULL OR max_workflows IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'older_than, statuses and max_workflows must not be null';
	END IF;
	IF older_than < interval '0' OR max_workflows < 1 THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'older_than must not be negative, and max_workflows at least 1';
	END IF;
	SELECT s INTO other FROM unnest(statuses) AS s WHERE s IS NULL OR s <> ALL (final) LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('"%s" is no status of a workflow that has ended', coalesce(other, 'NULL')),
			HINT = 'These are completed, failed, rejected and cancelled.';
	END IF;

	total.started_at := clock_timestamp();
	total.workflows := 0;
	total.events := 0;
	total.approvals := 0;
	total.requests := 0;
	total.definitions := 0;
	reached := '00000000-0000-0000-0000-000000000000';
	LOOP
		SELECT * INTO batch FROM hitl.purge_workflows(cutoff, statuses, reached, 2000,
			least(max_workflows - total.workflows, 1000), 20000);
		total.workflows := total.workflows + batch.workflows;
		total.events := total.events + batch.events;
		reached := batch.reached;
		EXIT WHEN NOT batch.more OR total.workflows >= max_workflows;
	END LOOP;

	-- The rest is not a matter of status.
	IF statuses @> final THEN
		reached := '00000000-0000-0000-0000-000000000000';
		LOOP
			SELECT * INTO batch FROM hitl.purge_approvals(cutoff, reached, 2000);
			total.approvals := total.approvals + batch.approvals;
			reached := batch.reached;
			EXIT WHEN NOT batch.more OR total.approvals >= max_workflows;
		END LOOP;
		reached := '00000000-0000-0000-0000-000000000000';
		LOOP
			SELECT * INTO batch FROM hitl.purge_outbox(cutoff, reached, 2000);
			total.requests := total.requests + batch.requests;
			reached := batch.reached;
			EXIT WHEN NOT batch.more OR total.requests >= max_workflows * 10::bigint;
		END LOOP;
		total.definitions := hitl.purge_definitions(cutoff);
	END IF;

	IF total.workflows + total.approvals + total.requests + total.definitions > 0 THEN
		INSERT INTO hitl.purges (started_at, purged_by, older_than, statuses, workflows, events,
								 approvals, requests, definitions)
		VALUES (total.started_at, hitl.calling_role(), older_than, statuses, total.workflows,
				total.events, total.approvals, total.requests, total.definitions);
	END IF;
	RETURN total.workflows;
END
$$;
COMMENT ON FUNCTION hitl.purge(interval, text[], integer) IS
	'remove workflows that ended that long ago, with all that is theirs, and what else is done with; returns how many workflows';

-- What the engine does for hitl.retention: one batch of each, from where the
-- last one ended.  Returns when to go on; NULL: when there is something new.
CREATE FUNCTION hitl.purge_next(older_than interval) RETURNS timestamptz
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	start timestamptz := clock_timestamp();
	cutoff timestamptz := start - older_than;
	-- Ended ones do not become old enough all at once.
	pause interval := least(greatest(older_than / 100, interval '1 second'), interval '10 minutes');
	progress hitl.retention_progress;
	batch record;
	total hitl.purges;
	new_id uuid;
	at_work boolean := false;
	walked boolean := false;
	next timestamptz;
BEGIN
	total.workflows := 0;
	total.events := 0;
	total.approvals := 0;
	total.requests := 0;
	total.definitions := 0;
	IF (SELECT count(*) FROM hitl.retention_progress p WHERE p.older_than = purge_next.older_than) < 3 THEN
		DELETE FROM hitl.retention_progress;
		INSERT INTO hitl.retention_progress (subject, older_than)
		SELECT s, purge_next.older_than FROM unnest('{workflows,approvals,outbox}'::text[]) AS s
		ON CONFLICT DO NOTHING;
	END IF;
	FOR progress IN
		SELECT * FROM hitl.retention_progress p
		WHERE p.next_at IS NULL OR p.next_at <= start ORDER BY p.subject FOR UPDATE SKIP LOCKED
	LOOP
		at_work := true;
		IF progress.again_at <= start THEN
			progress.reached := '00000000-0000-0000-0000-000000000000';
			progress.began_at := start;
			progress.again_at := NULL;
		END IF;
		CASE progress.subject
			WHEN 'workflows' THEN
				SELECT * INTO batch FROM hitl.purge_workflows(cutoff,
					'{completed,failed,rejected,cancelled}', progress.reached, 500, 250, 2500);
				total.workflows := batch.workflows;
				total.events := batch.events;
				SELECT w.id INTO new_id FROM hitl.workflows w
				WHERE w.id > batch.reached ORDER BY w.id LIMIT 1;
			WHEN 'approvals' THEN
				SELECT * INTO batch FROM hitl.purge_approvals(cutoff, progress.reached, 500);
				total.approvals := batch.approvals;
				SELECT a.id INTO new_id FROM hitl.approval_requests a
				WHERE a.id > batch.reached ORDER BY a.id LIMIT 1;
			WHEN 'outbox' THEN
				SELECT * INTO batch FROM hitl.purge_outbox(cutoff, progress.reached, 500);
				total.requests := batch.requests;
				SELECT o.id INTO new_id FROM hitl.outbox o
				WHERE o.id > batch.reached ORDER BY o.id LIMIT 1;
		END CASE;
		progress.reached := batch.reached;
		-- Those that have not ended could end at any time; what ended is known.
		progress.again_at := least(progress.again_at,
			CASE WHEN batch.next_end IS NULL THEN NULL
				 WHEN batch.next_end = 'infinity' THEN start + older_than + pause
				 ELSE greatest(batch.next_end + older_than, progress.began_at + pause) END);
		progress.next_at := CASE WHEN batch.more THEN start
			ELSE least(progress.again_at, CASE WHEN new_id IS NOT NULL THEN
				greatest(hitl.time_of(new_id) + older_than, start + pause) END) END;
		walked := walked OR (progress.subject = 'workflows' AND NOT batch.more);
		UPDATE hitl.retention_progress p
		SET reached = progress.reached, began_at = progress.began_at,
			again_at = progress.again_at, next_at = progress.next_at
		WHERE p.subject = progress.subject;
	END LOOP;
	IF walked THEN
		total.definitions := hitl.purge_definitions(cutoff);
	END IF;

	IF total.workflows + total.approvals + total.requests + total.definitions > 0 THEN
		UPDATE hitl.purges p
		SET finished_at = clock_timestamp(), workflows = p.workflows + total.workflows,
			events = p.events + total.events, approvals = p.approvals + total.approvals,
			requests = p.requests + total.requests, definitions = p.definitions + total.definitions
		WHERE p.id = (SELECT l.id FROM hitl.purges l ORDER BY l.id DESC LIMIT 1)
		  AND p.purged_by = 'engine' AND p.older_than = purge_next.older_than
		  AND p.started_at > start - interval '1 day';
		IF NOT FOUND THEN
			INSERT INTO hitl.purges (started_at, purged_by, older_than, statuses, workflows, events,
									 approvals, requests, definitions)
			VALUES (start, 'engine', older_than, '{completed,failed,rejected,cancelled}',
					total.workflows, total.events, total.approvals, total.requests, total.definitions);
		END IF;
	END IF;
	SELECT min(p.next_at) INTO next
	FROM hitl.retention_progress p;
	-- Another engine is at it.
	RETURN CASE WHEN at_work THEN next ELSE greatest(next, start + interval '1 second') END;
END
$$;
COMMENT ON FUNCTION hitl.purge_next(interval) IS
	'what the engine does for hitl.retention: the next batch; returns when to go on';
-- display.sql
--		Workflows and definitions for people to look at.

-- How the steps of a workflow stand, each by its latest run in every scope.
-- What a rollback went behind has not happened.
CREATE FUNCTION hitl.step_states(workflow_id uuid)
	RETURNS TABLE ("position" text, step_name text, state text, completed bigint, failed bigint,
				   skipped bigint, under_way bigint, total bigint, awaits text)
	LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
	wanted CONSTANT uuid := workflow_id;
	w hitl.workflows;
	rollback record;
	checkpoint integer;
	undone int4multirange := '{}';
BEGIN
	SELECT * INTO w FROM hitl.workflows f WHERE f.id = wanted;
	FOR rollback IN
		SELECT e.seq, e.data ->> 'checkpoint' AS name FROM hitl.workflow_events e
		WHERE e.workflow_id = wanted AND e.event_type = 'rolled_back' ORDER BY e.seq DESC
	LOOP
		CONTINUE WHEN undone @> rollback.seq;
		-- A checkpoint step has been run when one returns to its checkpoint.
		SELECT c.event + coalesce((
				SELECT 1 FROM hitl.workflow_events e JOIN hitl.definitions d ON d.hash = w.definition_hash
				WHERE e.workflow_id = wanted AND e.seq = c.event + 1
				  AND e.event_type = 'step_completed' AND e.step_name = c.step_name
				  AND d.definition #> string_to_array(substr(e.position, 2), '/') ->> 'type' = 'checkpoint'), 0)
		INTO checkpoint FROM hitl.workflow_checkpoints c
		WHERE c.workflow_id = wanted AND c.name = rollback.name AND c.event < rollback.seq
		  AND NOT c.abandoned
		ORDER BY c.event DESC LIMIT 1;
		undone := undone + int4multirange(int4range(coalesce(checkpoint, 0), rollback.seq, '(]'));
	END LOOP;
	RETURN QUERY
		WITH run AS (
			-- by its name: it may have been migrated since
			SELECT DISTINCT ON (s.position, coalesce(e.scope, 0))
				   s.position, e.step_name, e.event_type, e.delta
			FROM hitl.workflow_events e
			JOIN hitl.definition_steps((SELECT d.definition FROM hitl.definitions d
										WHERE d.hash = w.definition_hash)) AS s
				ON s.step ->> 'name' = e.step_name
			WHERE e.workflow_id = wanted AND e.position IS NOT NULL
			  AND e.event_type IN ('step_completed', 'step_failed', 'step_skipped')
			  AND NOT undone @> e.seq
			ORDER BY s.position, coalesce(e.scope, 0), e.seq DESC
		), ended AS (
			SELECT r.position, max(r.step_name) AS step_name,
				   count(*) FILTER (WHERE r.event_type = 'step_completed') AS completed,
				   count(*) FILTER (WHERE r.event_type = 'step_failed') AS failed,
				   count(*) FILTER (WHERE r.event_type = 'step_skipped') AS skipped,
				   max(CASE WHEN jsonb_typeof(r.delta -> 'steps' -> r.step_name) = 'array'
							THEN jsonb_array_length(r.delta -> 'steps' -> r.step_name) END) AS length
			FROM run r GROUP BY r.position
		), at AS (
			SELECT a.item FROM jsonb_array_elements(w.control -> 'active') AS a (item)
			UNION ALL
			SELECT a.item FROM hitl.workflow_branches b,
				 jsonb_array_elements(b.control -> 'active') AS a (item)
			WHERE b.workflow_id = wanted AND b.status = 'active'
		), active AS (
			SELECT a.item ->> 'position' AS position, max(a.item ->> 'step') AS step_name, count(*) AS count,
				   bool_or(a.item ->> 'state' IN ('ready', 'waiting_reply', 'waiting_branches')) AS working,
				   min(a.item ->> 'state') AS awaits,
				   max((a.item -> 'branches' ->> 'total')::bigint) AS total,
				   max((a.item -> 'branches' ->> 'completed')::bigint) AS completed,
				   max((a.item -> 'branches' ->> 'failed')::bigint) AS failed
			FROM at a GROUP BY 1
		)
		SELECT p.position, coalesce(a.step_name, e.step_name),
			   CASE WHEN w.status = 'failed' AND w.error ->> 'position' = p.position THEN 'failed'
					WHEN a.position IS NOT NULL AND w.status NOT IN ('failed', 'cancelled', 'rejected')
						THEN CASE WHEN w.status IN ('pending', 'rolled_back') THEN 'pending'
								  WHEN a.working THEN 'active' ELSE 'waiting' END
					WHEN e.failed > 0 THEN 'failed'
					WHEN e.completed > 0 THEN 'completed'
					WHEN e.skipped > 0 THEN 'skipped'
					ELSE 'pending' END,
			   CASE WHEN a.total IS NOT NULL THEN a.completed ELSE coalesce(e.length, e.completed, 0) END,
			   CASE WHEN a.total IS NOT NULL THEN a.failed ELSE coalesce(e.failed, 0) END,
			   coalesce(e.skipped, 0), coalesce(a.count, 0), coalesce(a.total, e.length),
			   CASE WHEN NOT a.working THEN replace(a.awaits, 'waiting_', '') END
		FROM (SELECT e.position FROM ended e UNION SELECT a.position FROM active a
			  UNION SELECT w.error ->> 'position' WHERE w.status = 'failed') AS p
		LEFT JOIN ended e USING (position) LEFT JOIN active a USING (position)
		WHERE p.position IS NOT NULL;
END
$$;
COMMENT ON FUNCTION hitl.step_states(uuid) IS
	'the steps of a workflow that have begun: completed, active, waiting, failed, skipped, and how often';

-- Text for a label of Mermaid, within quotes: all that could mean something to
-- it as an entity.
CREATE FUNCTION hitl.mermaid_text(value text, max_length integer DEFAULT 60) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN (SELECT string_agg(
				CASE WHEN c.c ~ '^[A-Za-z0-9 _.,:/()+=-]$' OR ascii(c.c) >= 160 THEN c.c
					 WHEN ascii(c.c) BETWEEN 33 AND 126 THEN '#' || ascii(c.c) || ';'
					 ELSE ' ' END, '' ORDER BY c.n)
			FROM regexp_split_to_table(
				CASE WHEN length(value) > max_length THEN left(value, max_length - 1) || '…' ELSE value END,
				'') WITH ORDINALITY AS c (c, n));
COMMENT ON FUNCTION hitl.mermaid_text(text, integer) IS
	'a text as it must be written in a label of a Mermaid diagram, shortened';

-- A few words about a step, for a label.
CREATE FUNCTION hitl.step_summary(step jsonb) RETURNS text
	LANGUAGE sql IMMUTABLE
	RETURN CASE step ->> 'type'
		WHEN 'task' THEN CASE WHEN step ->> 'executor' = 'external'
			THEN 'queue ' || coalesce(step ->> 'queue', 'default') ELSE 'task' END
		WHEN 'http' THEN coalesce(step ->> 'method', CASE WHEN step ? 'body' THEN 'POST' ELSE 'GET' END)
			|| ' ' || (step ->> 'url')
		WHEN 'wait' THEN CASE WHEN step ? 'for' THEN 'wait ' || (step ->> 'for')
			ELSE 'wait until ' || (step ->> 'until') END
		WHEN 'signal' THEN 'signal ' || (step ->> 'signal')
		WHEN 'workflow' THEN 'workflow' || coalesce(' ' || (step ->> 'template'), '')
		WHEN 'foreach' THEN 'for each ' || coalesce(step ->> 'as', 'item')
		ELSE step ->> 'type' END;
COMMENT ON FUNCTION hitl.step_summary(jsonb) IS
	'a few words about a step of a definition';

-- The lines of a list of steps; each list within goes into a subgraph.
CREATE FUNCTION hitl.draw_steps(steps jsonb, pointer text, indent text, states jsonb, names jsonb)
	RETURNS SETOF text
	LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	step jsonb;
	here text;
	node text;
	previous text;
	label text;
	how jsonb;
	lists record;
	option text;
	target text;
BEGIN
	FOR i IN 0 .. jsonb_array_length(steps) - 1 LOOP
		step := steps -> i;
		here := pointer || '/' || i;
		node := replace(substr(here, 2), '/', '_');
		how := states -> here;
		label := hitl.mermaid_text(step ->> 'name') || '<br/>'
			|| hitl.mermaid_text(hitl.step_summary(step))
			|| CASE WHEN how ->> 'total' IS NOT NULL AND step ->> 'type' IN ('foreach', 'parallel')
					THEN format('<br/>%s/%s', how ->> 'completed', how ->> 'total')
						|| CASE WHEN (how ->> 'failed')::bigint > 0
								THEN format(', %s failed', how ->> 'failed') ELSE '' END
					WHEN (how ->> 'completed')::bigint + (how ->> 'failed')::bigint
						+ (how ->> 'skipped')::bigint + (how ->> 'under_way')::bigint > 1
					THEN format('<br/>%s completed', how ->> 'completed')
						|| CASE WHEN (how ->> 'under_way')::bigint > 0
								THEN format(', %s under way', how ->> 'under_way') ELSE '' END
						|| CASE WHEN (how ->> 'failed')::bigint > 0
								THEN format(', %s failed', how ->> 'failed') ELSE '' END
						|| CASE WHEN (how ->> 'skipped')::bigint > 0
								THEN format(', %s skipped', how ->> 'skipped') ELSE '' END
					ELSE '' END
			|| coalesce('<br/>awaits ' || hitl.mermaid_text(how ->> 'awaits'), '');
		IF step ->> 'type' IN ('parallel', 'foreach', 'switch') THEN
			RETURN NEXT format('%ssubgraph %s["%s"]', indent, node, label);
			RETURN NEXT format('%s  direction TB', indent);
			FOR lists IN
				SELECT '/branches/' || (n - 1) AS path, 'branch ' || n AS title, b AS list
				FROM jsonb_array_elements(step -> 'branches') WITH ORDINALITY AS l (b, n)
				WHERE step ->> 'type' = 'parallel'
				UNION ALL
				SELECT '/steps', NULL, step -> 'steps' WHERE step ->> 'type' = 'foreach'
				UNION ALL
				SELECT '/cases/' || (n - 1) || '/steps', 'when ' || (c ->> 'when'), c -> 'steps'
				FROM jsonb_array_elements(step -> 'cases') WITH ORDINALITY AS l (c, n)
				WHERE step ->> 'type' = 'switch'
				UNION ALL
				SELECT '/default', 'default', step -> 'default'
				WHERE step ->> 'type' = 'switch' AND jsonb_typeof(step -> 'default') = 'array'
			LOOP
				CONTINUE WHEN lists.list IS NULL OR jsonb_array_length(lists.list) = 0;
				IF lists.title IS NOT NULL THEN
					RETURN NEXT format('%s  subgraph %s["%s"]', indent,
						replace(substr(here || lists.path, 2), '/', '_'),
						hitl.mermaid_text(lists.title));
					RETURN NEXT format('%s    direction TB', indent);
				END IF;
				RETURN QUERY SELECT hitl.draw_steps(lists.list, here || lists.path,
					indent || CASE WHEN lists.title IS NULL THEN '  ' ELSE '    ' END, states, names);
				IF lists.title IS NOT NULL THEN
					RETURN NEXT indent || '  end';
				END IF;
			END LOOP;
			RETURN NEXT indent || 'end';
		ELSE
			RETURN NEXT format(CASE step ->> 'type'
				WHEN 'approval' THEN '%s%s{{"%s"}}'
				WHEN 'checkpoint' THEN '%s%s[("%s")]'
				WHEN 'wait' THEN '%s%s(["%s"])'
				WHEN 'signal' THEN '%s%s(["%s"])'
				WHEN 'workflow' THEN '%s%s[["%s"]]'
				ELSE '%s%s["%s"]' END, indent, node, label);
		END IF;
		RETURN NEXT format('%sclass %s %s', indent, node, coalesce(how ->> 'state', 'pending'));
		IF previous IS NOT NULL THEN
			RETURN NEXT format('%s%s --> %s', indent, previous, node);
		END IF;
		previous := node;
		FOREACH option IN ARRAY '{on_error,on_reject,on_timeout}'::text[] LOOP
			IF step ->> option LIKE 'goto:%' THEN
				target := names ->> substr(step ->> option, 6);
				IF target IS NOT NULL THEN
					RETURN NEXT format('%s%s -. "%s" .-> %s', indent, node, replace(option, '_', ' '), target);
				END IF;
			END IF;
		END LOOP;
	END LOOP;
END
$$;
COMMENT ON FUNCTION hitl.draw_steps(jsonb, text, text, jsonb, jsonb) IS
	'the lines of a Mermaid diagram for a list of steps';

-- All steps of a definition, outermost first, with their JSON pointers.
CREATE FUNCTION hitl.definition_steps(definition jsonb)
	RETURNS TABLE (ordinal bigint, depth integer, "position" text, within text, step jsonb)
	LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
	WITH RECURSIVE list (depth, pointer, path, within, steps) AS (
		SELECT 0, '/steps', '{}'::integer[], NULL::text, definition -> 'steps'
		UNION ALL
		SELECT l.depth + 1, l.pointer || '/' || (s.n - 1) || i.pointer, l.path || (s.n::integer) || i.n,
			   i.within, i.steps
		FROM list l, jsonb_array_elements(l.steps) WITH ORDINALITY AS s (step, n),
			 LATERAL (
				SELECT '/branches/' || (b.n - 1), b.n::integer, 'branch ' || b.n, b.list
				FROM jsonb_array_elements(CASE s.step ->> 'type' WHEN 'parallel' THEN s.step -> 'branches' END)
					WITH ORDINALITY AS b (list, n)
				UNION ALL
				SELECT '/steps', 1, 'each', s.step -> 'steps' WHERE s.step ->> 'type' = 'foreach'
				UNION ALL
				SELECT '/cases/' || (c.n - 1) || '/steps', c.n::integer, 'when ' || (c.item ->> 'when'),
					   c.item -> 'steps'
				FROM jsonb_array_elements(CASE s.step ->> 'type' WHEN 'switch' THEN s.step -> 'cases' END)
					WITH ORDINALITY AS c (item, n)
				UNION ALL
				SELECT '/default', 1000000, 'default', s.step -> 'default' WHERE s.step ->> 'type' = 'switch'
				UNION ALL
				SELECT '/undo', 1000001, 'undo', s.step -> 'undo'
			 ) AS i (pointer, n, within, steps)
		WHERE jsonb_typeof(i.steps) = 'array'
	)
	SELECT row_number() OVER (ORDER BY l.path || s.n::integer), l.depth,
		   l.pointer || '/' || (s.n - 1), l.within, s.step
	FROM list l, jsonb_array_elements(l.steps) WITH ORDINALITY AS s (step, n)
	ORDER BY l.path || s.n::integer;
END;
COMMENT ON FUNCTION hitl.definition_steps(jsonb) IS
	'all steps of a definition with their JSON pointers, each before those within it';

CREATE FUNCTION hitl.workflow_diagram(workflow_id uuid) RETURNS text
	LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
	w hitl.workflows;
	document jsonb;
	states jsonb;
	names jsonb;
	body text;
BEGIN
	SELECT * INTO w FROM hitl.workflows f WHERE f.id = workflow_id;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'WF002',
			MESSAGE = format('workflow %s does not exist', workflow_id),
			HINT = 'hitl.create_workflow returns the id of a workflow.';
	END IF;
	SELECT d.definition INTO document FROM hitl.definitions d WHERE d.hash = w.definition_hash;
	IF document IS NULL THEN
		body := format('  workflow["%s<br/>%s"]', hitl.mermaid_text(w.name), w.status);
	ELSE
		SELECT coalesce(jsonb_object_agg(s.position, to_jsonb(s)), '{}') INTO states
		FROM hitl.step_states(workflow_id) AS s;
		SELECT jsonb_object_agg(s.step ->> 'name', replace(substr(s.position, 2), '/', '_')) INTO names
		FROM hitl.definition_steps(document) AS s;
		SELECT format(E'  start(["%s"])\n  start --> steps_0\n', hitl.mermaid_text(w.name))
			|| string_agg(l.line, E'\n' ORDER BY l.n)
			|| format(E'\n  steps_%s --> finish\n  finish(["%s"])',
					  jsonb_array_length(document -> 'steps') - 1, replace(w.status, '_', ' '))
		INTO body
		FROM hitl.draw_steps(document -> 'steps', '/steps', '  ', states, names)
			WITH ORDINALITY AS l (line, n);
	END IF;
	RETURN E'flowchart TD\n' || body || $classes$
  classDef pending fill:#ffffff,stroke:#9e9e9e,color:#616161
  classDef active fill:#bbdefb,stroke:#1565c0,color:#0d2a4d
  classDef waiting fill:#fff3c4,stroke:#b27b00,color:#4d3500
  classDef completed fill:#c8e6c9,stroke:#2e7d32,color:#12351a
  classDef failed fill:#ffcdd2,stroke:#c62828,color:#5c1010
  classDef skipped fill:#eeeeee,stroke:#9e9e9e,color:#757575,stroke-dasharray:4
$classes$;
END
$$;
COMMENT ON FUNCTION hitl.workflow_diagram(uuid) IS
	'a workflow as a Mermaid flowchart that shows how each step stands';

CREATE FUNCTION hitl.workflow_gantt(workflow_id uuid, width integer DEFAULT 50)
	RETURNS TABLE (step text, scope bigint, state text, bar text, started_at timestamptz, duration interval)
	LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
	w hitl.workflows;
	last timestamptz;
	span double precision;
BEGIN
	SELECT * INTO w FROM hitl.workflows f WHERE f.id = workflow_id;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'WF002',
			MESSAGE = format('workflow %s does not exist', workflow_id),
			HINT = 'hitl.create_workflow returns the id of a workflow.';
	END IF;
	IF width NOT BETWEEN 10 AND 1000 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'width must be from 10 to 1000';
	END IF;
	IF w.started_at IS NULL THEN
		RETURN;
	END IF;
	last := coalesce(w.finished_at, clock_timestamp());
	span := greatest(extract(epoch FROM last - w.started_at), 0.000001);
	RETURN QUERY
		WITH said AS (
			SELECT e.seq, e.step_name, coalesce(e.scope, 0) AS scope, e.event_type, e.created_at,
				   e.event_type IN ('step_completed', 'step_failed', 'step_skipped') AS ends,
				   -- runs of a step in a scope are numbered by the ends before
				   count(*) FILTER (WHERE e.event_type IN ('step_completed', 'step_failed', 'step_skipped'))
					   OVER (PARTITION BY e.step_name, coalesce(e.scope, 0) ORDER BY e.seq
							 ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS run,
				   -- one that tells nothing before its end began when the one before ended
				   lag(e.created_at) OVER (PARTITION BY coalesce(e.scope, 0) ORDER BY e.seq) AS before
			FROM hitl.workflow_events e
			WHERE e.workflow_id = w.id AND (e.step_name IS NOT NULL OR e.event_type LIKE 'workflow\_%')
		), run AS (
			SELECT s.step_name, nullif(s.scope, 0) AS scope,
				   coalesce(max(split_part(s.event_type, '_', 2)) FILTER (WHERE s.ends), 'begun') AS state,
				   CASE WHEN count(*) > 1 THEN min(s.created_at)
						ELSE coalesce(min(s.before), min(s.created_at)) END AS began,
				   max(s.created_at) FILTER (WHERE s.ends) AS ended, min(s.seq) AS first
			FROM said s WHERE s.step_name IS NOT NULL
			GROUP BY s.step_name, s.scope, s.run
		), active AS (
			SELECT a.item ->> 'step' AS step_name, nullif(x.scope, 0) AS scope,
				   CASE WHEN a.item ->> 'state' IN ('ready', 'waiting_reply', 'waiting_branches')
						THEN 'active' ELSE 'waiting' END AS state,
				   to_timestamp((a.item ->> 'since_us')::bigint / 1e6::double precision) AS began
			FROM (SELECT 0::bigint AS scope, w.control AS control
				  UNION ALL
				  SELECT b.scope, b.control FROM hitl.workflow_branches b
				  WHERE b.workflow_id = w.id AND b.status = 'active') AS x,
				 jsonb_array_elements(x.control -> 'active') AS a (item)
			WHERE w.finished_at IS NULL
		), shown AS (
			SELECT r.step_name, r.scope, r.state, r.began, r.ended, r.first
			FROM run r WHERE r.ended IS NOT NULL
			UNION ALL
			SELECT a.step_name, a.scope, a.state, a.began, NULL, 2147483647 FROM active a
		), placed AS (
			SELECT s.*, greatest(s.began, w.started_at) AS start,
				   floor(least(greatest(extract(epoch FROM s.began - w.started_at) / span, 0), 1) * width)::integer AS left_,
				   ceil(least(greatest(extract(epoch FROM coalesce(s.ended, last) - w.started_at) / span, 0), 1) * width)::integer AS right_
			FROM shown s
		)
		SELECT p.step_name, p.scope, p.state,
			   rpad(repeat(' ', least(p.left_, width - 1))
					|| repeat(CASE p.state WHEN 'completed' THEN '█' WHEN 'failed' THEN '✗'
									WHEN 'skipped' THEN '·' WHEN 'waiting' THEN '░' ELSE '▒' END,
							  greatest(p.right_ - least(p.left_, width - 1), 1)), width),
			   p.start, greatest(coalesce(p.ended, last) - p.start, interval '0')
		FROM placed p
		ORDER BY p.began, p.first, p.scope NULLS FIRST;
END
$$;
COMMENT ON FUNCTION hitl.workflow_gantt(uuid, integer) IS
	'when each step of a workflow ran, as bars of characters for psql';

CREATE FUNCTION hitl.name_people(question jsonb) RETURNS text
	LANGUAGE sql IMMUTABLE
	RETURN coalesce((
		SELECT string_agg(DISTINCT n.n, ', ')
		FROM unnest('{requested_from,required_approvers}'::text[]) AS k (k),
			 LATERAL (SELECT question ->> k.k WHERE jsonb_typeof(question -> k.k) = 'string'
					  UNION ALL
					  SELECT jsonb_array_elements_text(question -> k.k)
					  WHERE jsonb_typeof(question -> k.k) = 'array') AS n (n)), 'an approver')
		|| coalesce(' (' || (question ->> 'approval_threshold') || ' must approve)', '');
COMMENT ON FUNCTION hitl.name_people(jsonb) IS
	'whom a question of a definition asks, in words';

-- What a step does, in words.
CREATE FUNCTION hitl.explain_step(step jsonb) RETURNS text
	LANGUAGE sql IMMUTABLE
	RETURN concat_ws('; ',
		'only if ' || (step ->> 'when'),
		CASE WHEN (step ->> 'requires_approval')::boolean
				  AND step -> 'approval_config' ->> 'when' IS DISTINCT FROM 'after'
			THEN 'ask ' || hitl.name_people(step -> 'approval_config') || ' first' END,
		CASE step ->> 'type'
			WHEN 'task' THEN CASE WHEN step ->> 'executor' = 'external'
				THEN format('have a worker of queue "%s" do: %s', coalesce(step ->> 'queue', 'default'), step ->> 'task')
				ELSE format('have %s do: %s', coalesce('model "' || (step ->> 'model') || '"', 'the default model'),
							step ->> 'task') END
			WHEN 'approval' THEN format('ask %s: %s', hitl.name_people(step), step ->> 'title')
			WHEN 'checkpoint' THEN format('record checkpoint "%s"',
				coalesce(step ->> 'checkpoint_name', step ->> 'name'))
			WHEN 'sql' THEN 'run ' || (step ->> 'sql')
			WHEN 'http' THEN 'send ' || hitl.step_summary(step)
			WHEN 'wait' THEN hitl.step_summary(step)
			WHEN 'signal' THEN format('wait for signal "%s"', step ->> 'signal')
				|| coalesce(' with ' || (step ->> 'match'), '')
			WHEN 'workflow' THEN CASE WHEN step ? 'template'
				THEN format('run template "%s"', step ->> 'template') || coalesce(' version ' || (step ->> 'version'), '')
				ELSE format('run a workflow of %s steps of its own', jsonb_array_length(step -> 'definition' -> 'steps')) END
			WHEN 'parallel' THEN format('run %s branches at once', jsonb_array_length(step -> 'branches'))
				|| CASE coalesce(step ->> 'wait_for', 'all') WHEN 'all' THEN ', until all have ended'
						WHEN 'any' THEN ', until one has ended'
						ELSE format(', until %s have ended', step ->> 'wait_for') END
			WHEN 'foreach' THEN format('for each %s of %s', coalesce(step ->> 'as', 'item'), step ->> 'items')
				|| coalesce(', ' || (step ->> 'concurrency') || ' at once', '')
			WHEN 'switch' THEN 'take the first case that is true'
		END,
		CASE WHEN step -> 'approval_config' ->> 'when' = 'after'
			THEN 'then ask ' || hitl.name_people(step -> 'approval_config') || ' about the result' END,
		CASE WHEN (step ->> 'create_checkpoint')::boolean THEN 'record a checkpoint' END,
		'keep the result in ' || (step ->> 'output'));
COMMENT ON FUNCTION hitl.explain_step(jsonb) IS
	'what a step of a definition does, in words';

CREATE FUNCTION hitl.explain_definition(definition jsonb)
	RETURNS TABLE (step text, type text, what text, if_it_fails text, next text)
	LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
	faults text;
	count bigint;
BEGIN
	SELECT string_agg(coalesce(nullif(f.pointer, ''), '(document)') || ': ' || f.message, E'\n'), count(*)
	INTO faults, count FROM hitl.validate_definition(definition) AS f;
	IF count > 0 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'WF001',
			MESSAGE = format('the workflow definition has %s fault%s', count, CASE WHEN count > 1 THEN 's' ELSE '' END),
			DETAIL = faults,
			HINT = 'hitl.validate_definition(jsonb) lists the faults as rows.';
	END IF;
	RETURN QUERY
		SELECT repeat('    ', s.depth)
				   || CASE WHEN s.within IS NOT NULL AND s.position LIKE '%/0' THEN s.within || ': ' ELSE '' END
				   || (s.step ->> 'name'),
			   s.step ->> 'type', hitl.explain_step(s.step),
			   concat_ws('; ',
				   (s.step -> 'retry' ->> 'max_attempts') || ' attempts',
				   'within ' || (s.step ->> 'timeout'),
				   CASE WHEN s.step ->> 'on_error' <> 'fail' THEN replace(s.step ->> 'on_error', ':', ' ') END,
				   'rejected: ' || replace(s.step ->> 'on_reject', ':', ' '),
				   'too late: ' || replace(s.step ->> 'on_timeout', ':', ' '),
				   CASE WHEN jsonb_typeof(s.step -> 'undo') = 'array' THEN 'can be undone' END),
			   coalesce(lead(s.step ->> 'name') OVER (PARTITION BY regexp_replace(s.position, '/[0-9]+$', '')
													  ORDER BY s.ordinal),
						CASE WHEN s.depth = 0 THEN 'end' ELSE 'end of ' || s.within END)
		FROM hitl.definition_steps(definition) AS s
		ORDER BY s.ordinal;
END
$$;
COMMENT ON FUNCTION hitl.explain_definition(jsonb) IS
	'what a workflow definition does, a row per step, for reading in psql';
CREATE OR REPLACE FUNCTION hitl.worker_status(
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
CREATE OR REPLACE VIEW hitl.workers AS
	SELECT kind, number, pid, state, state_since, started_at,
		   handled, errors, last_error, last_error_at
	FROM hitl.worker_status()
	ORDER BY array_position('{launcher,engine,executor,dispatcher}', kind), number;
COMMENT ON VIEW hitl.workers IS
'the launcher and this database''s workers, whether they run or not';
COMMENT ON COLUMN hitl.workers.kind IS
'launcher, engine, executor (of sql steps) or dispatcher';
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
'messages (engine), statements (executor), requests (dispatcher) or worker starts (launcher) so far';
COMMENT ON COLUMN hitl.workers.errors IS
'errors so far, restarts of the worker included';
COMMENT ON COLUMN hitl.workers.last_error IS
'message of the last error; the server''s log has all of it';
COMMENT ON COLUMN hitl.workers.last_error_at IS
'when that was';
CREATE OR REPLACE FUNCTION hitl.access_levels()
	RETURNS TABLE (level text, privilege text, object_type text, object_name text)
	LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
	SELECT l.level, o.privilege, o.object_type, o.object_name
	FROM (VALUES
		('worker', 0), ('viewer', 1), ('approver', 2), ('operator', 3), ('admin', 4)) AS l (level, rank)
	JOIN (VALUES
		(0, 'EXECUTE', 'FUNCTION', 'hitl.claim_tasks(text, integer, interval, text)'),
		(0, 'EXECUTE', 'FUNCTION', 'hitl.heartbeat_task(uuid, interval, jsonb)'),
		(0, 'EXECUTE', 'FUNCTION', 'hitl.complete_task(uuid, jsonb)'),
		(0, 'EXECUTE', 'FUNCTION', 'hitl.fail_task(uuid, text, text)'),
		(0, 'EXECUTE', 'FUNCTION', 'hitl.release_task(uuid)'),
		(0, 'EXECUTE', 'FUNCTION', 'hitl.send_signal(uuid, text, jsonb, text)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.get_workflow_status(uuid)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.workflow_data(uuid)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.workflow_timeline(uuid)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.step_states(uuid)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.workflow_diagram(uuid)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.workflow_gantt(uuid, integer)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.explain_definition(jsonb)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.explain_step(jsonb)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.step_summary(jsonb)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.name_people(jsonb)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.definition_steps(jsonb)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.list_pending_approvals(text, uuid)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.validate_definition(jsonb)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.partition_of(uuid)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.time_of(uuid)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.first_id(timestamptz)'),
		(1, 'EXECUTE', 'PROCEDURE', 'hitl.await_workflow(uuid, interval, text)'),
		(1, 'EXECUTE', 'PROCEDURE', 'hitl.await_approval(uuid, interval, text)'),
		(1, 'SELECT', 'TABLE', 'hitl.limits'),
		(1, 'SELECT', 'TABLE', 'hitl.circuit_breakers'),
		(2, 'EXECUTE', 'FUNCTION', 'hitl.respond_to_approval(uuid, text, text, jsonb, text)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.create_template(text, integer, jsonb, text, jsonb, text[])'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.activate_template(text, integer)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.deactivate_template(text, integer)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.start_template(text, jsonb, integer, text, timestamptz, text, integer, timestamptz, text)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.migrate_workflow(uuid, integer, jsonb, text)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.check_template(text, integer, jsonb)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.schedule_template(text, text, text, jsonb, integer)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.unschedule_template(text)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.run_schedule(text)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.list_schedules()'),
		(3, 'SELECT', 'TABLE', 'hitl.templates'),
		(3, 'SELECT', 'TABLE', 'hitl.schedules'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.uuidv7(integer)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.create_workflow(text, text, jsonb, jsonb, text, text, integer, text, integer, timestamptz)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.execute_workflow(uuid, text, jsonb, timestamptz)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.update_workflow_state(uuid, jsonb, text, jsonb, text[])'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.transition_workflow_status(uuid, text, text)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.pause_workflow(uuid, text)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.resume_workflow(uuid, text)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.cancel_workflow(uuid, text)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.retry_workflow(uuid, text)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.skip_step(uuid, text, jsonb, text, bigint)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.recover_failed_workflows(text[], interval, integer, text, integer)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.request_approval(text, text, text, text, text[], integer, numeric, jsonb, uuid, text, text[], text)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.cancel_approval(uuid, text)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.expire_approval(uuid)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.expire_due_approvals()'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.create_checkpoint(uuid, text, text, text)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.rollback_workflow(uuid, text, text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.create_model(text, text, text, text, text, jsonb, boolean, integer, jsonb)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.drop_model(text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.set_secret(text, text, text[])'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.delete_secret(text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.retry_request(uuid)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.set_recovery_policy(text, integer, jsonb, text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.drop_recovery_policy(text, text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.failure_kind(jsonb)'),
		(4, 'SELECT', 'TABLE', 'hitl.recovery_policies'),
		(4, 'SELECT', 'TABLE', 'hitl.planned_recoveries'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.set_limit(text, text, integer, integer, interval)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.drop_limit(text, text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.reset_circuit_breaker(text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.configure_channel(text, text, jsonb, text, boolean, boolean)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.purge(interval, text[], integer)'),
		(4, 'SELECT', 'TABLE', 'hitl.purges'),
		(4, 'SELECT', 'TABLE', 'hitl.template_loads'),
		(4, 'SELECT', 'TABLE', 'hitl.template_starts'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.recount_template_starts()'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.grant_acting(name, text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.revoke_acting(name, text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.grant_queue(name, text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.revoke_queue(name, text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.grant_signal(name, text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.revoke_signal(name, text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.grant_access(name, text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.revoke_access(name)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.worker_status()'),
		(4, 'SELECT', 'TABLE', 'hitl.workers'),
		(4, 'SELECT', 'TABLE', 'hitl.secret_names'),
		(4, 'SELECT', 'TABLE', 'hitl.models'),
		(4, 'SELECT', 'TABLE', 'hitl.channel_configurations'),
		(4, 'SELECT', 'TABLE', 'hitl.notifications'),
		(4, 'SELECT', 'TABLE', 'hitl.definitions'),
		(4, 'SELECT', 'TABLE', 'hitl.workflow_templates'),
		(4, 'SELECT', 'TABLE', 'hitl.template_schedules'),
		(4, 'SELECT', 'TABLE', 'hitl.workflows'),
		(4, 'SELECT', 'TABLE', 'hitl.messages'),
		(4, 'SELECT', 'TABLE', 'hitl.statements'),
		(4, 'SELECT', 'TABLE', 'hitl.idempotency_keys'),
		(4, 'SELECT', 'TABLE', 'hitl.workflow_events'),
		(4, 'SELECT', 'TABLE', 'hitl.workflow_steps'),
		(4, 'SELECT', 'TABLE', 'hitl.workflow_checkpoints'),
		(4, 'SELECT', 'TABLE', 'hitl.approval_requests'),
		(4, 'SELECT', 'TABLE', 'hitl.approval_responses'),
		(4, 'SELECT', 'TABLE', 'hitl.pending_approvals'),
		(4, 'SELECT', 'TABLE', 'hitl.acting_grants'),
		(4, 'SELECT', 'TABLE', 'hitl.external_tasks'),
		(4, 'SELECT', 'TABLE', 'hitl.task_queues'),
		(4, 'SELECT', 'TABLE', 'hitl.queue_grants'),
		(4, 'SELECT', 'TABLE', 'hitl.queue_rates'),
		(4, 'SELECT', 'TABLE', 'hitl.signals'),
		(4, 'SELECT', 'TABLE', 'hitl.awaited_signals'),
		(4, 'SELECT', 'TABLE', 'hitl.signal_grants'),
		(4, 'SELECT', 'TABLE', 'hitl.child_workflows')
	) AS o (rank, privilege, object_type, object_name) ON o.rank <= l.rank;
END;
COMMENT ON FUNCTION hitl.access_levels() IS
	'what each level of hitl.grant_access (worker, viewer, approver, operator, admin) allows';
CREATE OR REPLACE FUNCTION hitl.grant_access(grantee name, level text) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	grant_ record;
BEGIN
	IF level NOT IN ('worker', 'viewer', 'approver', 'operator', 'admin') THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('unknown access level "%s"', level),
			HINT = 'A level is worker, viewer, approver, operator or admin.';
	END IF;
	EXECUTE format('GRANT USAGE ON SCHEMA hitl TO %I', grantee);
	FOR grant_ IN SELECT a.* FROM hitl.access_levels() AS a WHERE a.level = grant_access.level LOOP
		EXECUTE format('GRANT %s ON %s %s TO %I', grant_.privilege, grant_.object_type,
					   grant_.object_name, grantee);
	END LOOP;
END
$$;
COMMENT ON FUNCTION hitl.grant_access(name, text) IS
	'let a role use hitl: worker takes tasks and sends signals that it was granted, viewer reads, approver also answers approvals, operator also runs workflows, admin also configures';
CREATE OR REPLACE FUNCTION hitl.revoke_access(grantee name) RETURNS void
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
