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
	timeout_seconds integer,		-- of one attempt; NULL: hitl.request_timeout
	status text NOT NULL DEFAULT 'queued'
		CHECK (status IN ('queued', 'sending', 'delivered', 'failed', 'cancelled')),
	attempts integer NOT NULL DEFAULT 0,
	-- queued: when to send; sending: when the lease ends and it is taken up again
	next_attempt_at timestamptz NOT NULL DEFAULT now(),
	response_status integer,
	response_body text,
	error_kind text,
	error_message text,
	created_at timestamptz NOT NULL DEFAULT now(),
	finished_at timestamptz
);

CREATE INDEX outbox_due ON hitl.outbox (next_attempt_at)
	WHERE status IN ('queued', 'sending');
