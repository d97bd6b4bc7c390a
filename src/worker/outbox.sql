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
