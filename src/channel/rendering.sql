-- rendering.sql
--		What a notification says, made when it is sent.

-- What is rendered: docs/reference/notifications.md.  No links: hitl.public_url is
-- not set, or there is nothing to answer.
CREATE FUNCTION hitl.notification_document(notification hitl.notification_ledger, links jsonb DEFAULT NULL, templates jsonb DEFAULT NULL)
	RETURNS jsonb
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	document jsonb := hitl.request_document(notification.approval_id);
	-- Not as a reminder to whoever has answered, or is not asked any more.
	reminded boolean := notification.event_type NOT IN ('approval.reminder', 'approval.information_given')
		OR notification.recipient = ''
		OR notification.asked AND EXISTS (SELECT FROM hitl.recipients_of(ARRAY[notification.approval_id], true) AS r
										  WHERE r.recipient = notification.recipient);
BEGIN
	RETURN document || jsonb_strip_nulls(jsonb_build_object(
		'event', CASE WHEN notification.shown = 0 AND notification.asked AND document #>> '{approval,status}' = 'pending'
						   AND notification.event_type NOT IN ('approval.escalated', 'approval.reassigned')
						   OR NOT reminded
					  THEN 'approval.requested' ELSE notification.event_type END,
		'recipient', CASE WHEN notification.recipient <> '' THEN hitl.person_document(notification.recipient) END,
		'links', links, 'templates', nullif(templates, '{}')));
END
$$;
COMMENT ON FUNCTION hitl.notification_document(hitl.notification_ledger, jsonb, jsonb) IS
	'what a notification is rendered from: the request as it is, the answers to it, the recipient, links';

-- People are called as they are shown.
CREATE FUNCTION hitl.request_document(approval_id uuid) RETURNS jsonb
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (SELECT jsonb_build_object('event', 'approval.requested', 'responses', hitl.responses_document(a.id, true),
				'approval', hitl.approval_document(a) || jsonb_strip_nulls(jsonb_build_object(
					'requested_by', hitl.person_document(a.requested_by) -> 'display_name',
					'decided_by', CASE WHEN a.decided_by IS NOT NULL THEN hitl.person_document(a.decided_by) -> 'display_name' END)))
			FROM hitl.approval_requests a WHERE a.id = request_document.approval_id);
END
$$;
COMMENT ON FUNCTION hitl.request_document(uuid) IS 'what messages about a request are rendered from';

-- Where somebody who is asked can answer.  The token is in the message only.
CREATE FUNCTION hitl.notification_links(notification hitl.notification_ledger) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	base text := hitl.public_url();
	link text;
BEGIN
	IF base IS NULL THEN
		RETURN NULL;
	END IF;
	IF notification.recipient = '' OR NOT notification.asked THEN
		RETURN jsonb_build_object('review', base || '/approvals/' || notification.approval_id);
	END IF;
	link := base || '/a/' || hitl.make_action_token(notification.id, notification.approval_id, notification.recipient,
		coalesce((SELECT a.expires_at FROM hitl.approval_requests a WHERE a.id = notification.approval_id),
				 clock_timestamp() + interval '30 days'), notification.address);
	RETURN jsonb_build_object('review', link, 'approve', link || '?decision=approved', 'reject', link || '?decision=rejected');
END
$$;
COMMENT ON FUNCTION hitl.notification_links(hitl.notification_ledger) IS
	'links of a message under hitl.public_url, with a token of the recipient''s own; NULL if that is not set';

-- A mail as the dispatcher sends it, with what all mails have.
CREATE FUNCTION hitl.mail_document(channel hitl.message_channels, request_id uuid, address text, content jsonb,
								   headers jsonb DEFAULT '{}') RETURNS jsonb
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN jsonb_strip_nulls(content || jsonb_build_object(
		'from', channel.settings ->> 'from', 'reply_to', channel.settings ->> 'reply_to',
		'to', jsonb_build_array(address), 'date', extract(epoch FROM clock_timestamp())::bigint,
		'headers', jsonb_build_object('Message-ID', format('<%s@%s>', request_id, hitl.mail_domain(channel)),
									  'Auto-Submitted', 'auto-generated') || headers));
END
$$;
COMMENT ON FUNCTION hitl.mail_document(hitl.message_channels, uuid, text, jsonb, jsonb) IS
	'a mail to an address, as the dispatcher sends it: content has subject, text and perhaps html';

CREATE FUNCTION hitl.mail_domain(channel hitl.message_channels) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN coalesce(substring(channel.settings ->> 'from' FROM '@([A-Za-z0-9.-]+)'), 'localhost');
COMMENT ON FUNCTION hitl.mail_domain(hitl.message_channels) IS 'the domain from which a channel sends mails, for their ids';

-- What belongs together is one thread.
CREATE FUNCTION hitl.render_notification_mail(notification hitl.notification_ledger, channel hitl.message_channels,
											  request_id uuid, document jsonb) RETURNS jsonb
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	thread text := format('<%s@%s>', coalesce(document #>> '{approval,workflow_id}', notification.approval_id::text),
						  hitl.mail_domain(channel));
	-- SendGrid has ids of its own, by which no mail is known.
	first text := CASE WHEN notification.message_id ~ '^<.*>$' THEN notification.message_id END;
BEGIN
	RETURN hitl.mail_document(channel, request_id, notification.address, hitl.render_mail(document), jsonb_build_object(
		'In-Reply-To', first,
		'References', concat_ws(' ', thread, first),
		'X-Hitl-Approval', notification.approval_id));
END
$$;
COMMENT ON FUNCTION hitl.render_notification_mail(hitl.notification_ledger, hitl.message_channels, uuid, jsonb) IS
	'the mail of a notification';

CREATE FUNCTION hitl.slack_thread(context_data jsonb) RETURNS jsonb
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN CASE WHEN context_data #>> '{slack,channel}' ~ '^[A-Z0-9]{1,30}$' AND context_data #>> '{slack,thread_ts}' ~ '^[0-9]{1,12}[.][0-9]{1,9}$'
		THEN context_data -> 'slack' END;
COMMENT ON FUNCTION hitl.slack_thread(jsonb) IS
	'the thread of Slack that a request came from, as its context says: {"slack": {"channel", "thread_ts"}}';

CREATE FUNCTION hitl.slack_place(settings jsonb, context_data jsonb) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN coalesce(CASE WHEN settings -> 'threads' = 'true' THEN hitl.slack_thread(context_data) ->> 'channel' END,
					settings ->> 'room');
COMMENT ON FUNCTION hitl.slack_place(jsonb, jsonb) IS
	'where a channel of Slack tells of a request that has this context: where it came from, or its room';

-- The first message is changed later on; what nobody would notice, follows in its
-- thread, unless there is more that the message does not show yet.
CREATE FUNCTION hitl.render_notification_slack(notification hitl.notification_ledger, document jsonb,
											   OUT method text, OUT body jsonb)
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	channel text := coalesce(split_part(notification.message_id, '/', 1), notification.address);
	ts text := split_part(notification.message_id, '/', 2);
	-- The one of the request, if the message went there.
	thread jsonb := CASE WHEN notification.recipient = '' THEN hitl.slack_thread(document #> '{approval,context_data}') END;
	parent text := CASE WHEN thread ->> 'channel' = notification.address THEN thread ->> 'thread_ts' END;
BEGIN
	body := hitl.render_slack(document) || jsonb_build_object('channel', channel);
	IF ts IS NULL THEN
		method := 'chat.postMessage';
		body := body || jsonb_strip_nulls(jsonb_build_object('thread_ts', parent));
	ELSIF document ->> 'event' IN ('approval.reminder', 'approval.information_given')
		AND document #>> '{approval,status}' = 'pending' AND notification.shown >= notification.revision - 1 THEN
		method := 'chat.postMessage';
		body := (body - 'blocks') || jsonb_build_object('thread_ts', coalesce(parent, ts));
	ELSE
		method := 'chat.update';
		body := body || jsonb_build_object('ts', ts);
	END IF;
END
$$;
COMMENT ON FUNCTION hitl.render_notification_slack(hitl.notification_ledger, jsonb) IS
	'the message of a notification to Slack, and by which method to send it';

-- Of whom hitl knows more than this text, the address is what it is now; NULL: he has
-- none any more, or is not active.  What Slack shows him goes on to change.
CREATE FUNCTION hitl.notification_address(notification hitl.notification_ledger, channel_type text) RETURNS text
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	person hitl.principals;
BEGIN
	SELECT * INTO person FROM hitl.principals p WHERE p.name = notification.recipient;
	RETURN CASE WHEN NOT FOUND THEN notification.address
				WHEN NOT person.active AND (channel_type = 'email' OR notification.message_id IS NULL) THEN NULL
				WHEN channel_type = 'email' THEN person.email ELSE person.slack_user END;
END
$$;
COMMENT ON FUNCTION hitl.notification_address(hitl.notification_ledger, text) IS
	'where to send a notification now; NULL: its recipient has no address of this kind any more, or is not active';

-- Is there still something to tell?
CREATE FUNCTION hitl.is_worth_telling(notification hitl.notification_ledger, channel_type text) RETURNS boolean
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	pending boolean := (SELECT a.status = 'pending' FROM hitl.approval_requests a WHERE a.id = notification.approval_id);
BEGIN
	RETURN CASE
		WHEN pending IS NULL THEN false				-- it was removed
		WHEN NOT notification.asked THEN true
		WHEN channel_type = 'slack' AND notification.shown > 0 THEN true
		WHEN NOT pending THEN notification.shown > 0	-- nobody is told the outcome who was not asked
		WHEN notification.recipient = '' THEN true
		ELSE EXISTS (SELECT FROM hitl.recipients_of(ARRAY[notification.approval_id], true) AS r
					 WHERE r.recipient = notification.recipient) END;
END
$$;
COMMENT ON FUNCTION hitl.is_worth_telling(hitl.notification_ledger, text) IS
	'whether a notification still has something to say to its recipient';

-- For the dispatcher, in the transaction in which it claims them.  A row that is
-- not returned, or has neither a body nor a fault, has nothing to say any more.
CREATE FUNCTION hitl.render_notifications(request_ids uuid[])
	RETURNS TABLE (request_id uuid, url text, body text, revision integer, fault text)
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	request hitl.outbox;
	notification hitl.notification_ledger;
	channel hitl.message_channels;
	generic hitl.channel_configurations;
	document jsonb;
	slack record;
	address text;
	pending boolean;
	detail text;
BEGIN
	FOR request IN SELECT o.* FROM hitl.outbox o WHERE o.id = ANY (request_ids) ORDER BY o.id LOOP
		request_id := request.id;
		render_notifications.url := request.url;
		fault := NULL;
		BEGIN
			IF request.provider = 'generic' THEN
				SELECT * INTO generic FROM hitl.channel_configurations c WHERE c.name = request.channel;
				revision := NULL;
				CONTINUE WHEN NOT coalesce(generic.active, false);
				document := hitl.render_template(generic.templates -> 'body', request.body::jsonb);
				-- A template that is a text is a text, and not one in quotes.
				body := CASE jsonb_typeof(document) WHEN 'string' THEN document #>> '{}' ELSE document::text END;
				RETURN NEXT;
				CONTINUE;
			END IF;
			SELECT * INTO notification FROM hitl.notification_ledger n WHERE n.id = request.notification_id;
			SELECT * INTO channel FROM hitl.message_channels c WHERE c.name = request.channel;
			CONTINUE WHEN channel.name IS NULL;
			IF notification.id IS NULL THEN
				body := hitl.render_link_mail(request.notification_id, channel, request.id)::text;
				revision := NULL;
				CONTINUE WHEN body IS NULL;
				RETURN NEXT;
				CONTINUE;
			END IF;
			revision := notification.revision;
			address := hitl.notification_address(notification, channel.channel_type);
			-- What comes in until that is noted makes it newer than this.
			IF address IS NULL OR NOT hitl.is_worth_telling(notification, channel.channel_type) THEN
				body := NULL;
				RETURN NEXT;
				CONTINUE;
			END IF;
			pending := (SELECT a.status = 'pending' FROM hitl.approval_requests a WHERE a.id = notification.approval_id);
			-- What was shown at another address is closed there, but asks nobody any more.
			IF address <> notification.address THEN
				notification.address := address;
				IF pending THEN
					notification.message_id := NULL;
				END IF;
			END IF;
			document := hitl.notification_document(notification,
				CASE WHEN pending OR NOT notification.asked THEN hitl.notification_links(notification) END, channel.templates);
			IF channel.channel_type = 'email' THEN
				body := hitl.render_notification_mail(notification, channel, request.id, document)::text;
			ELSE
				slack := hitl.render_notification_slack(notification, document);
				body := slack.body::text;
				render_notifications.url := hitl.slack_method(channel.settings, slack.method);
			END IF;
		EXCEPTION
			WHEN query_canceled THEN
				RAISE;
			WHEN OTHERS THEN
				-- What is no fault of the notification is over soon: conflicts, locks, no room.
				IF left(SQLSTATE, 2) IN ('40', '53', '57', '58') OR SQLSTATE = '55P03' THEN
					RAISE;
				END IF;
				GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
				fault := concat_ws(': ', SQLERRM, nullif(detail, ''));
				body := NULL;
		END;
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION hitl.render_notifications(uuid[]) IS
	'for the dispatcher: where requests of notifications go and what they say; those not returned, or without a body, have nothing to say any more';

-- ---- doing it again ---------------------------------------------------------

CREATE FUNCTION hitl.resend_notification(notification_id uuid) RETURNS boolean
	LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found_ hitl.notification_ledger;
	kind text;
	last_request uuid;
BEGIN
	SELECT * INTO found_ FROM hitl.notification_ledger n WHERE n.id = notification_id;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING ERRCODE = 'undefined_object',
			MESSAGE = format('notification %s does not exist', notification_id),
			HINT = 'hitl.notifications lists them.';
	END IF;
	-- In the order of all others: the request first.
	PERFORM FROM hitl.approval_requests a WHERE a.id = found_.approval_id FOR NO KEY UPDATE;
	SELECT c.channel_type INTO kind FROM hitl.message_channels c WHERE c.name = found_.channel;
	IF FOUND THEN
		-- Whoever has another address has seen nothing there, and a room keeps its message, as in queue_notifications.
		UPDATE hitl.notification_ledger n SET revision = n.revision + 1, status = 'queued', attempts = 0, error_message = NULL,
			address = coalesce(here.address, n.address),
			shown = CASE WHEN here.address <> n.address THEN 0 ELSE n.shown END,
			message_id = CASE WHEN here.address <> n.address THEN NULL ELSE n.message_id END
		FROM (SELECT CASE WHEN found_.recipient = '' AND found_.message_id IS NULL
					 THEN hitl.slack_place(c.settings, a.context_data)
					 WHEN a.status = 'pending' AND (NOT found_.asked OR EXISTS (
						SELECT FROM hitl.recipients_of(ARRAY[a.id], true) AS r WHERE r.recipient = found_.recipient))
					 THEN hitl.notification_address(found_, kind) END AS address
			  FROM hitl.approval_requests a, hitl.message_channels c
			  WHERE a.id = found_.approval_id AND c.name = found_.channel) AS here
		WHERE n.id = notification_id AND hitl.is_worth_telling(n, kind);
		IF NOT FOUND THEN
			RETURN false;
		END IF;
		PERFORM hitl.send_notifications(ARRAY[notification_id]);
		RETURN true;
	END IF;
	-- A hook that is to be tried later is tried now.
	IF EXISTS (SELECT FROM hitl.outbox o
			   WHERE o.notification_id = found_.id AND o.body IS NOT NULL AND concat(o.status) = 'queued') THEN
		PERFORM hitl.send_notifications(ARRAY[notification_id]);
		RETURN true;
	END IF;
	-- Else it is sent the last event again, if that has failed.
	SELECT o.id INTO last_request FROM hitl.outbox o
	WHERE o.notification_id = found_.id AND o.body IS NOT NULL ORDER BY o.created_at DESC, o.id DESC LIMIT 1;
	PERFORM hitl.redirect_notifications(ARRAY[last_request]);
	RETURN coalesce(hitl.retry_request(last_request), false);
END
$$;
COMMENT ON FUNCTION hitl.resend_notification(uuid) IS
	'tell a recipient again, or a hook what it could not be told; false if there is nothing to tell';

-- Whether nobody at all can be told any more; if so, the workflow hears of it.  The line
-- of the log goes without the statement, which may be that of whoever asks.
CREATE FUNCTION hitl.report_unreachable(approval_ids uuid[]) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET log_min_error_statement = panic
AS $$
DECLARE
	lost record;
BEGIN
	FOR lost IN
		SELECT a.id, a.workflow_id, a.step_name, a.title, a.asked FROM hitl.approval_requests a
		WHERE a.id = ANY (approval_ids) AND a.status = 'pending'
		  AND NOT EXISTS (SELECT FROM hitl.notification_ledger n
						  WHERE n.approval_id = a.id AND n.asked AND n.status IN ('queued', 'sent'))
	LOOP
		RAISE LOG USING MESSAGE = format('nobody could be told of approval request %s', lost.id),
			HINT = 'hitl.notifications says why; whoever is asked and is not there has no address for any channel.';
		IF lost.workflow_id IS NOT NULL THEN
			INSERT INTO hitl.messages (workflow_id, kind, body)
			VALUES (lost.workflow_id, 'approval', jsonb_strip_nulls(jsonb_build_object(
				'approval_id', lost.id, 'happened', 'unreachable', 'step_name', lost.step_name, 'asked', to_jsonb(lost.asked))));
		ELSE
			PERFORM hitl.publish_approval(lost.id, 'approval_unreachable');
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION hitl.report_unreachable(uuid[]) IS
	'leave the workflows of pending requests of which nobody could be told a message that says so, and tell those who follow events of others';

-- ---- mails with links ----------------------------------------------------------

-- A mail with a link to prove who somebody is.  The token is in the mail only: it is
-- made when the mail is sent.
CREATE FUNCTION hitl.queue_link_mail(link_id uuid) RETURNS uuid
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	channel hitl.message_channels;
	id uuid := hitl.uuidv7();
BEGIN
	SELECT c.* INTO channel FROM hitl.message_channels c JOIN hitl.channel_configurations k USING (name)
	WHERE c.channel_type = 'email' ORDER BY k.is_default DESC, k.created_at, c.name LIMIT 1;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = 'there is no channel for e-mail',
			HINT = 'hitl.configure_channel() makes one.';
	END IF;
	INSERT INTO hitl.outbox (id, purpose, channel, notification_id, url, provider, settings, secret_name, idempotency_key)
	VALUES (id, 'notification', channel.name, link_id, channel.url, channel.provider, channel.transport, channel.secret_name, id::text);
	RETURN id;
END
$$;
COMMENT ON FUNCTION hitl.queue_link_mail(uuid) IS
	'queue the mail with a link (hitl.sign_in_links, hitl.slack_links), by the first active channel for e-mail';

CREATE FUNCTION hitl.render_link_mail(link_id uuid, channel hitl.message_channels, request_id uuid) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	mail record;
BEGIN
	SELECT * INTO mail FROM hitl.sign_in_mail(link_id);
	IF mail.address IS NULL THEN
		SELECT * INTO mail FROM hitl.slack_link_mail(link_id);
	END IF;
	RETURN CASE WHEN mail.address IS NOT NULL THEN hitl.mail_document(channel, request_id, mail.address,
		jsonb_build_object('subject', mail.subject, 'text', mail.text)) END;
END
$$;
COMMENT ON FUNCTION hitl.render_link_mail(uuid, hitl.message_channels, uuid) IS
	'the mail with a link; NULL: the link is of no use any more';
