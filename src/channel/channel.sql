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
