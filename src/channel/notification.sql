-- notification.sql
--		Who was told what about which request, and how that went.
--
-- The ledger has one row for each request, channel and recipient.  A row of a hook
-- has a request of the outbox for each event.  One of a person or a room has at most
-- one under way, whose body is made when it is claimed, from the request as it is
-- then: "revision" counts what there was to tell, "shown" is what was told.

CREATE TABLE hitl.notification_ledger (
	id uuid PRIMARY KEY,
	approval_id uuid NOT NULL,
	channel text NOT NULL,
	recipient text NOT NULL DEFAULT '',	-- a principal, or whom the request names; '': the hook or room
	address text NOT NULL,				-- e-mail address, Slack user or room, URL
	asked boolean NOT NULL,				-- to answer; false: to know
	event_type text NOT NULL,			-- that was or is to be told last
	status text NOT NULL DEFAULT 'queued'
		CHECK (status IN ('queued', 'sent', 'failed', 'withdrawn')),
	revision integer NOT NULL DEFAULT 1,
	shown integer NOT NULL DEFAULT 0,
	message_id text,					-- the provider's, of the first message
	attempts integer NOT NULL DEFAULT 0,	-- to tell it last
	error_message text,
	created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	sent_at timestamptz,				-- last
	UNIQUE (approval_id, channel, recipient)
);
COMMENT ON TABLE hitl.notification_ledger IS
	'who was told of which approval request by which channel';
SELECT pg_extension_config_dump('hitl.notification_ledger', '');

CREATE VIEW hitl.notifications AS
	SELECT n.id, n.approval_id, a.workflow_id, n.channel, nullif(n.recipient, '') AS recipient, n.address,
		   n.event_type, CASE WHEN r.responded_at IS NOT NULL THEN 'answered' ELSE n.status END AS status,
		   n.message_id, n.attempts, n.error_message, n.created_at, n.sent_at, r.responded_at AS answered_at
	FROM hitl.notification_ledger n
	JOIN hitl.approval_requests a ON a.id = n.approval_id
	LEFT JOIN LATERAL (
		SELECT min(s.responded_at) AS responded_at FROM hitl.approval_responses s
		WHERE s.approval_id = n.approval_id AND s.standing AND n.asked AND n.recipient <> ''
		  AND (s.approver_id = n.recipient OR n.recipient = ANY (s.on_behalf_of))) AS r ON true;
COMMENT ON VIEW hitl.notifications IS
	'who was told of which approval request by which channel, and how that went: queued, sent, failed, answered, or withdrawn because there was nothing to tell any more';

COMMENT ON COLUMN hitl.notifications.channel IS 'name of the channel; (request): the webhook of the request itself';
COMMENT ON COLUMN hitl.notifications.recipient IS 'a person; NULL: the hook, or the room';
COMMENT ON COLUMN hitl.notifications.address IS 'e-mail address, Slack id or URL';
COMMENT ON COLUMN hitl.notifications.event_type IS 'what was or is to be told last';
COMMENT ON COLUMN hitl.notifications.status IS
	'queued, sent, failed (hitl.resend_notification), answered, or withdrawn: there was nothing to tell any more';
COMMENT ON COLUMN hitl.notifications.attempts IS 'to tell it last';
COMMENT ON COLUMN hitl.notifications.error_message IS 'of the last attempt; queued: it is repeated, as hitl.notification_deliveries says';

CREATE VIEW hitl.notification_deliveries AS
	SELECT o.id, o.notification_id, o.approval_id, o.workflow_id, o.channel, o.url,
		   coalesce(n.event_type, o.body::jsonb ->> 'type') AS event_type, o.status, o.attempts,
		   CASE WHEN o.status = 'queued' THEN o.next_attempt_at END AS next_attempt_at,
		   o.response_status, o.error_message, o.created_at, o.finished_at
	FROM hitl.outbox o
	LEFT JOIN hitl.notification_ledger n ON n.id = o.notification_id AND o.body IS NULL
	WHERE o.purpose = 'notification';
COMMENT ON VIEW hitl.notification_deliveries IS
	'the requests of the outbox by which channels are told, one for each thing that was told';

COMMENT ON COLUMN hitl.notification_deliveries.approval_id IS 'NULL: a mail with a link for signing in, or what Slack is answered';
COMMENT ON COLUMN hitl.notification_deliveries.status IS
	'queued (tried at next_attempt_at, unless hitl.circuit_breakers has the server), sending, delivered, failed, or cancelled';

-- ---- whom to tell ---------------------------------------------------------

-- Whoever is asked now and has not answered, whoever stands in for him, and by
-- which addresses they can be reached; or those who have asked.
CREATE FUNCTION hitl.recipients_of(approval_ids uuid[], asked boolean)
	RETURNS TABLE (approval_id uuid, recipient text, email text, slack_team text, slack_user text, channels text[])
	LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
BEGIN
	RETURN QUERY
	WITH named AS (
		SELECT a.id, n.name, k.kind, k.principal
		FROM hitl.approval_requests a,
			 unnest(CASE WHEN recipients_of.asked THEN a.asked
					ELSE hitl.requesters(ARRAY[a.requested_by], a.workflow_id) END) AS n (name)
		LEFT JOIN hitl.principal_names k ON k.name = n.name
		WHERE a.id = ANY (approval_ids) AND n.name <> '*'
	), person AS (
		SELECT n.id, n.principal AS name FROM named n WHERE n.principal IS NOT NULL
		UNION
		SELECT n.id, m.principal FROM named n JOIN hitl.group_members m ON m.group_name = n.name
		WHERE n.kind = 'group'
	), stand_in AS (
		SELECT p.id, p.name FROM person p
		UNION
		SELECT p.id, d.delegate FROM person p
		JOIN hitl.delegations d ON d.delegator = p.name AND d.starts_at <= clock_timestamp() AND d.ends_at > clock_timestamp()
		WHERE recipients_of.asked
	), known AS (
		SELECT s.id, p.name, p.email, p.slack_team, p.slack_user, p.channels
		FROM stand_in s JOIN hitl.principals p ON p.name = s.name AND p.active
		UNION ALL
		-- Somebody whom hitl knows by this text alone.
		SELECT n.id, n.name, CASE WHEN hitl.is_email_address(n.name) THEN n.name END,
			   substring(n.name FROM '^slack:([A-Z0-9]+)/[A-Z0-9]+$'), substring(n.name FROM '^slack:[A-Z0-9]+/([A-Z0-9]+)$'), NULL
		FROM named n WHERE n.kind IS NULL
	)
	SELECT k.id, k.name, k.email, k.slack_team, k.slack_user, k.channels
	FROM known k JOIN hitl.approval_requests a ON a.id = k.id
	WHERE NOT recipients_of.asked
	   OR k.name <> ALL (a.requesters) AND k.name <> ALL (a.editors)
		  AND NOT EXISTS (SELECT FROM hitl.approval_responses r WHERE r.approval_id = k.id AND r.standing
							AND (r.approver_id = k.name OR k.name = ANY (r.on_behalf_of)));
END
$$;
COMMENT ON FUNCTION hitl.recipients_of(uuid[], boolean) IS
	'who is asked by requests now and has not answered, or (asked false) who has made them, with their addresses';

-- ---- queueing what there is to tell -----------------------------------------

-- Body of a notification of a hook, in the form Standard Webhooks recommends.
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
	'what a hook is told about an approval request';

CREATE FUNCTION hitl.hook_headers(settings jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN CASE WHEN settings ? 'content_type' THEN jsonb_build_object('Content-Type', settings -> 'content_type') ELSE '{}' END
		|| coalesce(settings -> 'headers', '{}');
COMMENT ON FUNCTION hitl.hook_headers(jsonb) IS 'the headers that a hook is sent, as its settings say';

-- To plan these statements takes longer than to run them: each session does it once,
-- when the tables may be empty, and what it reads it finds by indexes.

-- Called for each event of requests, whose rows the caller has locked: so nobody
-- else queues anything about them.  Rows of the ledger are locked after them, in
-- order; the dispatcher waits for neither.
CREATE FUNCTION hitl.queue_notifications(event_type text, approval_ids uuid[]) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
	SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
	outcome boolean := event_type IN ('approval.approved', 'approval.rejected', 'approval.expired', 'approval.cancelled');
	wanted boolean := event_type IN ('approval.changes_requested', 'approval.information_requested');
	-- Whoever was told before that he is asked, or is about to be, need not hear that others are asked, too.
	again boolean := event_type NOT IN ('approval.escalated', 'approval.reassigned');
	asking boolean := event_type IN ('approval.requested', 'approval.escalated', 'approval.reassigned', 'approval.revised');
	messages uuid[];
	homeless uuid[];
BEGIN
	WITH told AS (
		SELECT a.id AS approval_id, c.name AS channel, c.settings ->> 'url' AS address
		FROM hitl.channel_configurations c JOIN hitl.approval_requests a
			ON CASE WHEN a.channels IS NULL THEN c.is_default ELSE c.name = ANY (a.channels) END
		WHERE c.active AND c.channel_type IN ('webhook', 'generic') AND a.id = ANY (approval_ids)
		  AND (NOT c.settings ? 'events' OR c.settings -> 'events' ? event_type)
		  -- Nobody is asked what a rule has decided.
		  AND (event_type <> 'approval.requested' OR a.status = 'pending')
		UNION ALL
		-- One of the request's own.
		SELECT a.id, '(request)', a.webhook ->> 'url'
		FROM hitl.approval_requests a
		WHERE a.id = ANY (approval_ids) AND a.webhook IS NOT NULL
		  AND (event_type <> 'approval.requested' OR a.status = 'pending')
	), noted AS (
		INSERT INTO hitl.notification_ledger AS n (id, approval_id, channel, address, asked, event_type)
		SELECT hitl.uuidv7(hitl.partition_of(t.approval_id)), t.approval_id, t.channel, t.address, true, event_type
		FROM told t ORDER BY t.approval_id, t.channel
		ON CONFLICT ON CONSTRAINT notification_ledger_approval_id_channel_recipient_key DO UPDATE
			SET event_type = excluded.event_type, address = excluded.address, revision = n.revision + 1,
				status = 'queued', attempts = 0, error_message = NULL
		RETURNING n.id, n.approval_id, n.channel
	)
	INSERT INTO hitl.outbox (id, purpose, workflow_id, approval_id, channel, notification_id, method, url, headers,
							 body, provider, secret_name, signing_secret_name, idempotency_key)
	SELECT o.id, 'notification', a.workflow_id, a.id, n.channel, n.id, coalesce(h.settings ->> 'method', 'POST'),
		   h.settings ->> 'url',
		   hitl.hook_headers(h.settings), hitl.notification_body(event_type, a)::text,
		   nullif(c.channel_type, 'webhook'), c.secret_name,
		   CASE WHEN c.name IS NOT NULL THEN c.signing_secret_name
				ELSE (SELECT s.name FROM hitl.secrets s WHERE s.name = 'webhooks') END, o.id::text
	FROM noted n JOIN hitl.approval_requests a ON a.id = n.approval_id
	LEFT JOIN hitl.channel_configurations c ON c.name = n.channel
	CROSS JOIN LATERAL (SELECT coalesce(c.settings, a.webhook) AS settings) AS h
	CROSS JOIN LATERAL (SELECT hitl.uuidv7(hitl.partition_of(n.approval_id)) AS id OFFSET 0) AS o;

	IF NOT EXISTS (SELECT FROM hitl.channel_configurations c WHERE c.active AND c.channel_type IN ('email', 'slack')) THEN
		RETURN;
	END IF;
	WITH channel AS MATERIALIZED (
		SELECT c.name, c.channel_type, c.is_default, c.settings, c.settings ->> 'team' AS team,
			   c.channel_type = 'email' OR c.settings -> 'direct' = 'true' AS direct,
			   c.channel_type = 'email' AND c.settings -> 'outcome' IS DISTINCT FROM 'false' AS tells_outcome
		FROM hitl.channel_configurations c WHERE c.active AND c.channel_type IN ('email', 'slack')
	), reader AS (
		SELECT r.*, NOT (outcome OR wanted) AS asked
		FROM hitl.recipients_of(approval_ids, NOT (outcome OR wanted)) AS r
	), recipient AS (
		-- those whom it concerns now
		SELECT r.approval_id, c.name AS channel, r.recipient, r.asked,
			   CASE c.channel_type WHEN 'email' THEN r.email
				   ELSE CASE WHEN c.team IS NULL OR c.team = r.slack_team THEN r.slack_user END END AS address
		FROM reader r JOIN hitl.approval_requests a ON a.id = r.approval_id
		JOIN channel c ON c.direct
			AND CASE WHEN a.channels IS NOT NULL THEN c.name = ANY (a.channels)
					 WHEN r.channels IS NOT NULL THEN c.name = ANY (r.channels)
					 ELSE c.is_default END
		WHERE event_type <> 'approval.requested' OR a.status = 'pending'
		UNION ALL
		SELECT a.id, c.name, '', true, hitl.slack_place(c.settings, a.context_data)
		FROM hitl.approval_requests a
		JOIN channel c ON (c.settings ->> 'room' IS NOT NULL OR c.settings -> 'threads' = 'true')
			AND CASE WHEN a.channels IS NOT NULL THEN c.name = ANY (a.channels) ELSE c.is_default END
		WHERE a.id = ANY (approval_ids) AND NOT outcome AND (event_type <> 'approval.requested' OR a.status = 'pending')
	), message AS (
		SELECT r.approval_id, r.channel, r.recipient, r.asked, r.address, true AS now FROM recipient r
		WHERE r.address IS NOT NULL
		  -- What is queued may be withdrawn at this moment: it is newer now.
		  AND (again OR NOT EXISTS (SELECT FROM hitl.notification_ledger n
									WHERE n.approval_id = r.approval_id AND n.channel = r.channel AND n.recipient = r.recipient
									  AND n.shown > 0))
		UNION
		-- What can be changed shows how things are; by mail whoever was asked is told how it ended.
		SELECT n.approval_id, n.channel, n.recipient, n.asked, n.address, false
		FROM hitl.notification_ledger n JOIN channel c ON c.name = n.channel
		WHERE n.approval_id = ANY (approval_ids)
		  AND (NOT outcome OR n.shown > 0 OR n.status = 'queued')
		  AND (c.channel_type = 'slack'
			   OR outcome AND c.tells_outcome AND n.asked
				  AND NOT EXISTS (SELECT FROM hitl.approval_responses s WHERE s.approval_id = n.approval_id AND s.standing
									AND (s.approver_id = n.recipient OR n.recipient = ANY (s.on_behalf_of))))
	), put AS (
		INSERT INTO hitl.notification_ledger AS n (id, approval_id, channel, recipient, asked, address, event_type)
		SELECT DISTINCT ON (m.approval_id, m.channel, m.recipient) hitl.uuidv7(hitl.partition_of(m.approval_id)),
			   m.approval_id, m.channel, m.recipient, m.asked, m.address, event_type
		FROM message m ORDER BY m.approval_id, m.channel, m.recipient, m.now DESC, m.asked DESC
		-- Whoever has another address has seen nothing there.  A room keeps its message, if it has one.
		ON CONFLICT ON CONSTRAINT notification_ledger_approval_id_channel_recipient_key DO UPDATE
			SET event_type = CASE WHEN again OR n.recipient = '' OR n.shown > 0 OR n.status <> 'queued'
								  THEN excluded.event_type ELSE n.event_type END,
				revision = n.revision + 1, status = 'queued', attempts = 0, error_message = NULL,
				address = CASE WHEN n.recipient = '' AND n.message_id IS NOT NULL THEN n.address ELSE excluded.address END,
				shown = CASE WHEN n.recipient = '' OR n.address = excluded.address THEN n.shown ELSE 0 END,
				message_id = CASE WHEN n.recipient = '' OR n.address = excluded.address THEN n.message_id END
		RETURNING n.id
	)
	SELECT (SELECT array_agg(p.id) FROM put p),
		   (SELECT array_agg(DISTINCT r.approval_id) FROM recipient r WHERE asking AND r.address IS NULL)
	INTO messages, homeless;
	IF messages IS NOT NULL THEN
		PERFORM hitl.send_notifications(messages);
	END IF;
	-- A channel would tell somebody, and does not know where.
	IF homeless IS NOT NULL THEN
		PERFORM hitl.report_unreachable(homeless);
	END IF;
END
$$;
COMMENT ON FUNCTION hitl.queue_notifications(text, uuid[]) IS
	'queue what channels are to be told about an event of requests';

-- What is under way already will tell it; or if it has been claimed by then, the
-- dispatcher sees that there is more to tell.
--
-- Their requests are found by the notification.  If the planner knew that they are queued
-- it would read all that are queued, which looks like little until there are many.
CREATE FUNCTION hitl.send_notifications(notification_ids uuid[]) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
	SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
	waiting uuid[];
BEGIN
	INSERT INTO hitl.outbox (id, purpose, workflow_id, approval_id, channel, notification_id, url, provider,
							 headers, settings, secret_name, idempotency_key)
	SELECT o.id, 'notification', a.workflow_id, n.approval_id, n.channel, n.id, c.url, c.provider,
		   c.headers, c.transport, c.secret_name, o.id::text
	FROM hitl.notification_ledger n
	JOIN hitl.approval_requests a ON a.id = n.approval_id
	JOIN hitl.message_channels c ON c.name = n.channel,
		 LATERAL (SELECT hitl.uuidv7(hitl.partition_of(n.approval_id)) AS id OFFSET 0) AS o
	WHERE n.id = ANY (notification_ids)
	  AND NOT EXISTS (SELECT FROM hitl.outbox s WHERE s.notification_id = n.id AND concat(s.status) IN ('queued', 'sending'));
	waiting := ARRAY(SELECT o.id FROM hitl.outbox o
					 WHERE o.notification_id = ANY (notification_ids) AND concat(o.status) = 'queued'
					   AND o.next_attempt_at > clock_timestamp());
	IF waiting <> '{}' THEN
		PERFORM hitl.redirect_notifications(waiting);
	END IF;
END
$$;
COMMENT ON FUNCTION hitl.send_notifications(uuid[]) IS
	'queue requests for messages of the ledger, where none is under way';

-- A request keeps where it goes, and with which secrets, from when it was queued.  What
-- waits for another attempt, or has failed, need not go there again.
CREATE FUNCTION hitl.redirect_notifications(request_ids uuid[]) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE hitl.outbox o SET missing_secret = NULL, attempts = 0, next_attempt_at = clock_timestamp()
	WHERE o.id = ANY (request_ids) AND o.status = 'queued';
	UPDATE hitl.outbox o
	SET url = way.url, method = way.method, headers = way.headers, provider = way.provider, settings = way.transport,
		secret_name = way.secret_name, signing_secret_name = way.signing_secret_name
	FROM (
		SELECT m.name, false AS hook, m.url, 'POST' AS method, m.headers, m.provider, m.transport, m.secret_name,
			   NULL AS signing_secret_name
		FROM hitl.message_channels m
		UNION ALL
		SELECT c.name, true, c.settings ->> 'url', coalesce(c.settings ->> 'method', 'POST'), hitl.hook_headers(c.settings),
			   nullif(c.channel_type, 'webhook'), NULL, c.secret_name, c.signing_secret_name
		FROM hitl.channel_configurations c WHERE c.active AND c.channel_type IN ('webhook', 'generic')) AS way
	WHERE o.id = ANY (request_ids) AND o.status IN ('queued', 'failed') AND way.name = o.channel
	  -- What was queued for a channel of another type is of no use to this one.
	  AND way.hook = (o.body IS NOT NULL) AND (o.provider = 'slack') IS NOT DISTINCT FROM (way.provider = 'slack');
END
$$;
COMMENT ON FUNCTION hitl.redirect_notifications(uuid[]) IS
	'have requests that wait for another attempt go at once, and all the way that their channels are configured now';

-- For the dispatcher: what became of requests of the outbox, whose rows of the
-- ledger it has locked.  A hook has no revision (0): each event has a request of
-- its own.
CREATE FUNCTION hitl.note_notifications(request_ids uuid[], revisions integer[]) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
	SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
	again uuid[];
	failed uuid[];
BEGIN
	-- Of a hook, the last event counts, also if an earlier one ends later.
	WITH request AS (
		SELECT DISTINCT ON (o.notification_id) o.notification_id, o.status, o.attempts, o.error_message, o.provider_message_id, nullif(r.revision, 0) AS revision,
			   -- Somebody has removed it from Slack: there is a new one next time.
			   o.status = 'failed' AND o.provider = 'slack' AND o.error_message ~ ': message_not_found($|:)' AS removed
		FROM unnest(request_ids, revisions) AS r (id, revision) JOIN hitl.outbox o ON o.id = r.id
		WHERE o.status <> 'sending'
		  AND (o.body IS NULL OR NOT EXISTS (
				SELECT FROM hitl.outbox l WHERE l.notification_id = o.notification_id AND l.body IS NOT NULL
				  AND (l.created_at, l.id) > (o.created_at, o.id)))
		ORDER BY o.notification_id, o.created_at DESC, o.id DESC
	), noted AS (
		UPDATE hitl.notification_ledger n SET
			attempts = r.attempts, error_message = r.error_message,
			status = CASE
				WHEN r.status = 'queued' OR n.revision > r.revision THEN 'queued'
				WHEN r.status = 'delivered' OR r.status = 'cancelled' AND n.shown > 0 THEN 'sent'
				WHEN r.status = 'cancelled' THEN 'withdrawn'
				ELSE r.status END,
			shown = CASE WHEN r.status = 'delivered' THEN coalesce(r.revision, n.revision) WHEN r.removed THEN 0 ELSE n.shown END,
			message_id = CASE WHEN r.removed IS NOT TRUE THEN coalesce(n.message_id, r.provider_message_id) END,
			sent_at = CASE r.status WHEN 'delivered' THEN clock_timestamp() ELSE n.sent_at END
		FROM request r WHERE n.id = r.notification_id
		RETURNING n.id, n.approval_id, n.channel, n.status, r.status AS verdict
	)
	SELECT array_agg(n.id) FILTER (WHERE n.status = 'queued' AND n.verdict <> 'queued'),
		   -- What was queued for a channel that is switched off by now reaches nobody, either.
		   array_agg(n.approval_id) FILTER (WHERE n.status = 'failed' OR n.status = 'withdrawn' AND NOT EXISTS (
				SELECT FROM hitl.channel_configurations c WHERE c.name = n.channel AND c.active))
	INTO again, failed FROM noted n;
	IF again IS NOT NULL THEN
		PERFORM hitl.send_notifications(again);
	END IF;
	IF failed IS NOT NULL THEN
		PERFORM hitl.report_unreachable(failed);
	END IF;
END
$$;
COMMENT ON FUNCTION hitl.note_notifications(uuid[], integer[]) IS
	'for the dispatcher: note in the ledger what became of requests';
