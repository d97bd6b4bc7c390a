-- outbox.sql
--		Requests that must leave the database.  The dispatcher claims them with
--		a lease, sends them with no transaction open, and records the result.

-- By what requests are queued.  Each host has a queue of its own, so that one
-- that is slow, limited or down keeps nobody else waiting.
CREATE FUNCTION hitl.request_origin(url text) RETURNS text
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'hitl_request_origin';
COMMENT ON FUNCTION hitl.request_origin(text) IS
	'scheme, host and port of a URL, the port only where it is not the usual one';

-- A priority puts a request ahead by ten seconds a level, until it was tried.
CREATE FUNCTION hitl.request_rank(next_attempt_at timestamptz, created_at timestamptz,
								  attempts integer, priority smallint) RETURNS timestamptz
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'hitl_request_rank';
COMMENT ON FUNCTION hitl.request_rank(timestamptz, timestamptz, integer, smallint) IS
	'place of a request in the queue of its host: when it is due, less ten seconds for each level of its priority';

CREATE TABLE hitl.outbox (
	id uuid PRIMARY KEY,
	purpose text NOT NULL CHECK (purpose IN ('inference', 'http', 'notification')),
	workflow_id uuid,				-- receives the reply message, if token is set
	token bigint,					-- awaited by the workflow's control state
	approval_id uuid,
	channel text,					-- for notifications: the channel's name
	notification_id uuid,			-- for notifications: hitl.notification_ledger, or the link that is mailed
	method text NOT NULL DEFAULT 'POST',
	url text NOT NULL,
	headers jsonb NOT NULL DEFAULT '{}',	-- without secrets; but for notifications, "${secret:name}" stands for one
	body text,
	conversation jsonb CHECK (conversation IS NULL OR body IS NULL),	-- of inference, in place of a body: which messages it has
	secret_name text,				-- hitl.secrets; sent as "Authorization: Bearer <value>"
	signing_secret_name text,		-- hitl.secrets; signs as Standard Webhooks 1.0.0 does
	idempotency_key text NOT NULL,	-- the same on every attempt
	expect integer[],				-- of purpose http: statuses that are a success; NULL: 200 to 299
	retry jsonb,					-- as the "retry" option of a step; NULL: the defaults
	timeout_seconds integer CHECK (timeout_seconds BETWEEN 1 AND 86400),	-- of one attempt; NULL: hitl.request_timeout, of notifications 30 at most
	priority smallint NOT NULL DEFAULT 0 CHECK (priority BETWEEN 0 AND 9),
	status text NOT NULL DEFAULT 'queued'
		CHECK (status IN ('queued', 'sending', 'delivered', 'failed', 'cancelled')),
	attempts integer NOT NULL DEFAULT 0,
	-- queued: when to send; sending: when the lease ends and it is taken up again
	next_attempt_at timestamptz NOT NULL DEFAULT now(),
	response_status integer,
	response_body text,				-- of notifications and of attempts to be repeated: its beginning
	error_kind text,
	error_message text,
	missing_secret text,			-- queued: what it waits for
	provider text,					-- of inference: the format of the response; of notifications: who carries them
	settings jsonb,					-- of provider smtp: tls, user
	model text,						-- of inference, as the next ones: name in hitl.models
	fallbacks jsonb,				-- names of models to try when it has failed
	input_tokens bigint,			-- as the response says
	output_tokens bigint,
	cost numeric,					-- by the prices when the response came
	provider_message_id text,		-- of notifications: by what the provider knows the message
	created_at timestamptz NOT NULL DEFAULT now(),
	finished_at timestamptz,
	redacted_at timestamptz,		-- body and response_body say what was in their place
	origin text COLLATE "C" NOT NULL GENERATED ALWAYS AS (hitl.request_origin(url)) STORED,
	rank timestamptz NOT NULL GENERATED ALWAYS AS
		(hitl.request_rank(next_attempt_at, created_at, attempts, priority)) STORED,
	CONSTRAINT outbox_provider_check CHECK (purpose <> 'notification' OR provider IN ('smtp', 'sendgrid', 'slack', 'generic')),
	CONSTRAINT outbox_settings_check CHECK (settings IS NULL OR provider IS NOT DISTINCT FROM 'smtp' AND jsonb_typeof(settings) = 'object')
);

COMMENT ON TABLE hitl.outbox IS
	'requests to the outside, sent by the dispatcher at least once, each with a stable idempotency key';
COMMENT ON COLUMN hitl.outbox.conversation IS
	'of an agent''s turn: what the body is made of whenever it is sent: agent, version, memory ([[segment, count], ...] of its events), tools, and the id and parameters of the model when it was queued';
COMMENT ON COLUMN hitl.outbox.notification_id IS
	'of notifications: which row of the ledger it tells; without a body, that is made when it is sent';
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
COMMENT ON COLUMN hitl.outbox.provider IS
	'of requests to models: what format the response has; NULL: a version before 0.3.0 wrote it; of notifications: smtp, where the url is a mail server''s and the body a mail document, sendgrid, whose body is one, too, slack, or generic';
COMMENT ON COLUMN hitl.outbox.settings IS
	'of provider smtp: tls (starttls, tls or none) and user, whose password is secret_name';
COMMENT ON COLUMN hitl.outbox.provider_message_id IS
	'of notifications that were accepted: Message-ID of a mail, X-Message-Id of SendGrid, channel/ts of Slack';
COMMENT ON COLUMN hitl.outbox.model IS
	'of requests to models: the model''s name in hitl.models when it was queued';
COMMENT ON COLUMN hitl.outbox.fallbacks IS
	'of requests to models: the models that are asked in turn, should it fail because the model cannot be reached';
COMMENT ON COLUMN hitl.outbox.redacted_at IS
	'when body and response_body were replaced by their hashes (hitl.redact_request)';
COMMENT ON COLUMN hitl.outbox.input_tokens IS
	'of requests to models: tokens of the request, cached ones too, as the response says';
COMMENT ON COLUMN hitl.outbox.output_tokens IS
	'of requests to models: tokens of the answer, as the response says';
COMMENT ON COLUMN hitl.outbox.cost IS
	'of requests to models: by the prices of the model when the response came; NULL: a price or a number of tokens was not known';

CREATE INDEX outbox_due ON hitl.outbox (purpose, origin, rank)
	WHERE status IN ('queued', 'sending');
CREATE INDEX outbox_secret ON hitl.outbox (missing_secret)
	WHERE status = 'queued' AND missing_secret IS NOT NULL;
-- What need not wait for a host that answers nobody.
CREATE INDEX outbox_fallbacks ON hitl.outbox (origin)
	WHERE status = 'queued' AND fallbacks IS NOT NULL;
-- What is under way of a notification, and what was.
CREATE INDEX outbox_notification ON hitl.outbox (notification_id)
	WHERE notification_id IS NOT NULL;
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

CREATE FUNCTION hitl.request_body(request_id uuid) RETURNS text
	LANGUAGE c STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'hitl_request_body';
COMMENT ON FUNCTION hitl.request_body(uuid) IS
	'the body of a request as it is sent, that of an agent made anew from its memory; NULL if it has none';

CREATE FUNCTION hitl.retry_request(request_id uuid) RETURNS boolean
	LANGUAGE c STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'hitl_retry_request';
COMMENT ON FUNCTION hitl.retry_request(uuid) IS
	'send a failed notification again, with its attempts counted anew; false if there is no such failed notification, or it was redacted, or its message is under way again';
