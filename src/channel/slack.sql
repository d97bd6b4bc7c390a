-- slack.sql
--		What comes from Slack: buttons, forms, and the command /approvals.
--
-- Slack signs what it sends with the signing secret of the app.  Who it was, the
-- ids of team and user say, and nothing else; they become those of a principal by
-- a code that is mailed to the principal's address.

-- By which channel's secret a request is signed; NULL: by none.  An app has one, in
-- however many workspaces it is: then the one whose team it comes from.
CREATE FUNCTION hitl.slack_sender(request jsonb) RETURNS hitl.channel_configurations
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	stamp text := request #>> '{headers,x-slack-request-timestamp}';
	given bytea := convert_to(request #>> '{headers,x-slack-signature}', 'UTF8');
	signed bytea := convert_to(format('v0:%s:%s', stamp, request ->> 'body'), 'UTF8');
	candidate record;
	signers hitl.channel_configurations[];
	sender hitl.channel_configurations;
	form jsonb;
	payload jsonb;
BEGIN
	IF given IS NULL OR coalesce(stamp !~ '^[0-9]{1,11}$', true)
		OR abs(extract(epoch FROM clock_timestamp()) - stamp::bigint) > 300 THEN
		RETURN NULL;
	END IF;
	FOR candidate IN
		SELECT c AS channel, s.value AS secret FROM hitl.channel_configurations c JOIN hitl.secrets s ON s.name = c.signing_secret_name
		WHERE c.channel_type = 'slack' AND c.active ORDER BY c.name
	LOOP
		IF hitl.same_bytes(given, convert_to('v0=' || encode(hitl.hmac_sha256(convert_to(candidate.secret, 'UTF8'), signed), 'hex'), 'UTF8')) THEN
			signers := signers || candidate.channel;
		END IF;
	END LOOP;
	IF cardinality(signers) > 1 THEN
		form := hitl.form_fields(request);
		payload := (form ->> 'payload')::jsonb;
	END IF;
	SELECT s.* INTO sender FROM unnest(signers) AS s
	ORDER BY CASE s.settings ->> 'team'
			WHEN coalesce(form ->> 'team_id', payload #>> '{team,id}') THEN 1
			WHEN payload #>> '{user,team_id}' THEN 2
			ELSE CASE WHEN s.settings ? 'team' THEN 4 ELSE 3 END END, s.name
	LIMIT 1;
	RETURN sender;
END
$$;
COMMENT ON FUNCTION hitl.slack_sender(jsonb) IS
	'the channel with whose signing secret Slack has signed a request within five minutes, of several that of its team; NULL: there is none';

CREATE FUNCTION hitl.slack_person(team text, member text) RETURNS text
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT p.name FROM hitl.principals p
	WHERE p.slack_team = slack_person.team AND p.slack_user = slack_person.member AND p.active;
END;
COMMENT ON FUNCTION hitl.slack_person(text, text) IS 'the principal with these ids of Slack';

-- His own team counts, not that in whose channel he is a guest: ids of users are those
-- of their team.
CREATE FUNCTION hitl.slack_actor(channel hitl.channel_configurations, payload jsonb) RETURNS text
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
	RETURN CASE WHEN coalesce(channel.settings ->> 'team' = coalesce(payload #>> '{user,team_id}', payload #>> '{team,id}'), true)
		THEN hitl.slack_person(coalesce(payload #>> '{user,team_id}', payload #>> '{team,id}'), payload #>> '{user,id}') END;
COMMENT ON FUNCTION hitl.slack_actor(hitl.channel_configurations, jsonb) IS
	'the principal that did something in Slack; NULL: nobody who is known, or who is of another team than the channel';

-- ---- what goes back ---------------------------------------------------------

-- Only to Slack, or to what a channel has in its place.
CREATE FUNCTION hitl.tell_slack_user(channel hitl.channel_configurations, response_url text, message text) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	id uuid := hitl.uuidv7();
	origin text := hitl.request_origin(response_url);
BEGIN
	IF coalesce(origin <> 'https://hooks.slack.com' AND origin <> hitl.request_origin(channel.settings ->> 'url'), true) THEN
		RETURN;
	END IF;
	INSERT INTO hitl.outbox (id, purpose, channel, url, headers, idempotency_key, priority, body)
	VALUES (id, 'notification', channel.name, response_url, '{"Content-Type": "application/json; charset=utf-8"}', id::text, 9,
			jsonb_build_object('response_type', 'ephemeral', 'replace_original', false, 'text', hitl.slack_escape(message))::text);
END
$$;
COMMENT ON FUNCTION hitl.tell_slack_user(hitl.channel_configurations, text, text) IS
	'tell somebody in Slack what nobody else sees';

CREATE FUNCTION hitl.slack_escape(content text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN replace(replace(replace(content, '&', '&amp;'), '<', '&lt;'), '>', '&gt;');
COMMENT ON FUNCTION hitl.slack_escape(text) IS 'text of which Slack makes nothing else';

-- A trigger is good for three seconds: at once, or not at all.
CREATE FUNCTION hitl.open_slack_modal(channel hitl.channel_configurations, trigger_id text, document jsonb) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	id uuid := hitl.uuidv7();
BEGIN
	INSERT INTO hitl.outbox (id, purpose, channel, url, provider, headers, secret_name, idempotency_key, priority, retry, timeout_seconds, body)
	VALUES (id, 'notification', channel.name, hitl.slack_method(channel.settings, 'views.open'), 'slack',
			'{"Content-Type": "application/json; charset=utf-8"}', channel.secret_name, id::text, 9, '{"max_attempts": 1}', 3,
			jsonb_build_object('trigger_id', trigger_id, 'view', hitl.render_slack_modal(document))::text);
END
$$;
COMMENT ON FUNCTION hitl.open_slack_modal(hitl.channel_configurations, text, jsonb) IS
	'open the form of a request in Slack';

-- ---- answering --------------------------------------------------------------

-- As everybody does.  NULL: done; else why not, and at which field of the form.
CREATE FUNCTION hitl.answer_from_slack(
	person text, approval_id uuid, decision text, answer jsonb, feedback text, shown text, evidence jsonb,
	OUT message text, OUT faults jsonb
)
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	details text;
BEGIN
	PERFORM hitl.respond_to_approval(answer_from_slack.approval_id, person, answer_from_slack.decision,
		response_data => answer, feedback => nullif(btrim(answer_from_slack.feedback), ''),
		content_hash => decode(shown, 'hex'), channel => 'slack', evidence => answer_from_slack.evidence);
EXCEPTION
	WHEN serialization_failure OR deadlock_detected OR query_canceled THEN
		RAISE;
	WHEN SQLSTATE 'WF019' THEN
		GET STACKED DIAGNOSTICS details = PG_EXCEPTION_DETAIL;
		message := 'Something in your answer is not as it should be.';
		SELECT jsonb_object_agg('answer' || f.pointer, f.message) INTO faults FROM hitl.answer_faults(details) AS f;
	WHEN OTHERS THEN
		message := CASE SQLSTATE
			WHEN 'WF011' THEN 'This request has been decided already.'
			WHEN 'WF012' THEN 'The time for this request is over.'
			WHEN 'WF013' THEN 'This request was withdrawn.'
			WHEN 'WF014' THEN 'You have answered this request already.'
			WHEN 'WF018' THEN 'The request has changed since it was shown to you. Please look at it again.'
			WHEN '42501' THEN 'You are not asked by this request.'
			ELSE CASE WHEN left(SQLSTATE, 2) IN ('WF', '22') THEN SQLERRM END END;
		IF message IS NULL THEN
			RAISE;
		END IF;
END
$$;
COMMENT ON FUNCTION hitl.answer_from_slack(text, uuid, text, jsonb, text, text, jsonb) IS
	'answer a request as somebody did in Slack; what to tell him if that was not possible';

-- A button was pressed.
CREATE FUNCTION hitl.hear_slack_buttons(channel hitl.channel_configurations, payload jsonb) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	person text := hitl.slack_actor(channel, payload);
	action jsonb := payload #> '{actions,0}';
	value jsonb;
	document jsonb;
	outcome record;
BEGIN
	-- A link was opened; Slack wants to hear that we know.
	IF coalesce(action ->> 'action_id' NOT IN ('hitl_approve', 'hitl_reject', 'hitl_open'), true) THEN
		RETURN '{"status": 200}';
	END IF;
	IF person IS NULL THEN
		PERFORM hitl.tell_slack_user(channel, payload ->> 'response_url',
			'hitl does not know you yet. Type /approvals link and your e-mail address.');
		RETURN '{"status": 200}';
	END IF;
	value := (action ->> 'value')::jsonb;
	document := hitl.request_document((value ->> 'approval_id')::uuid);
	IF document IS NULL OR NOT hitl.principal_sees_approval(person, (value ->> 'approval_id')::uuid) THEN
		PERFORM hitl.tell_slack_user(channel, payload ->> 'response_url', 'You are not asked by this request.');
		RETURN '{"status": 200}';
	END IF;
	IF action ->> 'action_id' = 'hitl_approve' AND NOT document -> 'approval' ? 'answer_schema' THEN
		SELECT * INTO outcome FROM hitl.answer_from_slack(person, (value ->> 'approval_id')::uuid, 'approved', NULL, NULL,
			value ->> 'content_hash', hitl.slack_evidence(payload));
		IF outcome.message IS NOT NULL THEN
			PERFORM hitl.tell_slack_user(channel, payload ->> 'response_url', outcome.message);
		END IF;
	ELSIF document #>> '{approval,status}' <> 'pending' THEN
		PERFORM hitl.tell_slack_user(channel, payload ->> 'response_url', 'This request has been decided already.');
	ELSIF value ->> 'content_hash' IS DISTINCT FROM document #>> '{approval,content_hash}' THEN
		-- The form shows less than the message does.
		PERFORM hitl.tell_slack_user(channel, payload ->> 'response_url',
			'The request has changed since it was shown to you. Please look at it again.');
	ELSE
		PERFORM hitl.open_slack_modal(channel, payload ->> 'trigger_id', document || jsonb_strip_nulls(jsonb_build_object(
			'decision', CASE action ->> 'action_id' WHEN 'hitl_reject' THEN 'rejected' WHEN 'hitl_approve' THEN 'approved' END,
			'slack', jsonb_build_object('channel', payload #> '{channel,id}', 'ts', payload #> '{message,ts}'))));
	END IF;
	RETURN '{"status": 200}';
END
$$;
COMMENT ON FUNCTION hitl.hear_slack_buttons(hitl.channel_configurations, jsonb) IS
	'what becomes of a button that was pressed in Slack';

CREATE FUNCTION hitl.slack_evidence(payload jsonb) RETURNS jsonb
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN jsonb_strip_nulls(jsonb_build_object(
		'team', coalesce(payload #> '{user,team_id}', payload #> '{team,id}'), 'user', payload #> '{user,id}',
		'channel', payload #> '{channel,id}', 'message', payload #> '{message,ts}',
		'action', payload #> '{actions,0,action_ts}', 'view', payload #> '{view,id}'));
COMMENT ON FUNCTION hitl.slack_evidence(jsonb) IS 'what Slack says of who has answered where';

-- A form was sent.  It stays open, with what is wrong, until it can be taken.
CREATE FUNCTION hitl.hear_slack_form(channel hitl.channel_configurations, payload jsonb) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	person text := hitl.slack_actor(channel, payload);
	meta jsonb := (payload #>> '{view,private_metadata}')::jsonb;
	fields jsonb := payload #> '{view,state,values}';
	decision text := coalesce(meta ->> 'decision', fields #>> '{decision,value,selected_option,value}');
	approval hitl.approval_requests;
	answer jsonb;
	message text;
	faults jsonb;
	place text := CASE WHEN meta ? 'decision' THEN 'feedback' ELSE 'decision' END;
BEGIN
	SELECT * INTO approval FROM hitl.approval_requests a WHERE a.id = (meta ->> 'approval_id')::uuid;
	IF person IS NULL OR approval.id IS NULL OR NOT hitl.principal_sees_approval(person, approval.id) THEN
		message := 'You are not asked by this request.';
	ELSE
		IF decision = 'approved' AND approval.answer_schema IS NOT NULL THEN
			answer := hitl.read_slack_answer(fields, approval.answer_schema);
		END IF;
		SELECT o.message, o.faults INTO message, faults
		FROM hitl.answer_from_slack(person, approval.id, decision, answer, fields #>> '{feedback,value,value}',
									meta ->> 'content_hash', hitl.slack_evidence(payload)) AS o;
		IF message IS NULL THEN
			RETURN '{"status": 200}';
		END IF;
	END IF;
	RETURN hitl.http_json(jsonb_build_object('response_action', 'errors', 'errors', coalesce((
		SELECT jsonb_object_agg(f.key, f.value) FROM jsonb_each(faults) AS f WHERE fields ? f.key),
		jsonb_build_object(place, message))));
END
$$;
COMMENT ON FUNCTION hitl.hear_slack_form(hitl.channel_configurations, jsonb) IS 'what becomes of a form that was sent in Slack';

-- What everything that Slack sends begins with.  A response: nothing in it is heard.
CREATE FUNCTION hitl.read_slack_request(
	request jsonb, OUT form jsonb, OUT channel hitl.channel_configurations, OUT response jsonb
)
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	form := hitl.form_fields(request);
	-- Slack looks whether somebody is here; it is not signed, and says nothing else.
	IF form ? 'ssl_check' THEN
		response := '{"status": 200}';
		RETURN;
	END IF;
	channel := hitl.slack_sender(request);
	IF channel.name IS NULL THEN
		response := hitl.http_error(401, 'The request is not signed with the signing secret of an active channel of type slack, or was signed more than five minutes ago.');
	END IF;
END
$$;
COMMENT ON FUNCTION hitl.read_slack_request(jsonb) IS
	'the form that Slack sends, and by which channel it is signed; or the response to what is not to be heard';

-- POST /slack/interactions
CREATE FUNCTION hitl.http_slack_interaction(request jsonb) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	sent record;
	sender text;
	payload jsonb;
	key text := encode(sha256(convert_to(request ->> 'body', 'UTF8')), 'hex');
	response jsonb;
BEGIN
	SELECT * INTO sent FROM hitl.read_slack_request(request);
	IF sent.response IS NOT NULL THEN
		RETURN sent.response;
	END IF;
	sender := 'slack:' || (sent.channel).name;
	-- Slack sends again what it believes to be lost.
	response := hitl.take_request(request, sender, key);
	IF response IS NOT NULL THEN
		RETURN response;
	END IF;
	payload := (sent.form ->> 'payload')::jsonb;
	response := CASE payload ->> 'type'
		WHEN 'block_actions' THEN hitl.hear_slack_buttons(sent.channel, payload)
		WHEN 'view_submission' THEN hitl.hear_slack_form(sent.channel, payload)
		ELSE '{"status": 200}' END;
	RETURN hitl.keep_response(response, sender, key);
END
$$;
COMMENT ON FUNCTION hitl.http_slack_interaction(jsonb) IS
	'POST /slack/interactions: buttons that were pressed and forms that were sent in Slack';

-- ---- /approvals -------------------------------------------------------------

CREATE FUNCTION hitl.time_span(span interval) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN CASE
		WHEN span < '2 minutes' THEN 'a minute'
		WHEN span < '2 hours' THEN format('%s minutes', (extract(epoch FROM span) / 60)::bigint)
		WHEN span < '2 days' THEN format('%s hours', (extract(epoch FROM span) / 3600)::bigint)
		ELSE format('%s days', (extract(epoch FROM span) / 86400)::bigint) END;
COMMENT ON FUNCTION hitl.time_span(interval) IS 'about how long, in words';

CREATE FUNCTION hitl.slack_inbox(person text) RETURNS jsonb
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	shown CONSTANT integer := 10;
	most CONSTANT integer := 600;		-- characters, of which Slack counts each as five at most: 3000
	base text := hitl.public_url();
	total integer;
	blocks jsonb;
BEGIN
	WITH mine AS (
		SELECT a.*, row_number() OVER (ORDER BY a.expires_at NULLS LAST, a.id) AS place, count(*) OVER () AS total
		FROM hitl.pending_of(person, true) AS p (id) JOIN hitl.approval_requests a ON a.id = p.id
	), block AS (
		SELECT m.place, b.rank, b.block, m.total FROM mine m, LATERAL (VALUES
			(1, jsonb_build_object('type', 'section', 'text', jsonb_build_object('type', 'plain_text',
				'text', hitl.slack_escape(left(m.title, most))))),
			(2, jsonb_build_object('type', 'context', 'elements', jsonb_build_array(jsonb_build_object('type', 'plain_text',
				'text', hitl.slack_escape(format('%s asked %s ago%s', left(m.requested_by, most - 100), hitl.time_span(clock_timestamp() - m.requested_at),
					CASE WHEN m.expires_at > clock_timestamp() THEN format(', due in %s', hitl.time_span(m.expires_at - clock_timestamp())) ELSE '' END)))))),
			(3, (SELECT r.block || jsonb_build_object('block_id', 'hitl_actions:' || m.id)
				 FROM jsonb_array_elements(hitl.render_slack(hitl.request_document(m.id)) -> 'blocks') AS r (block)
				 WHERE r.block ->> 'type' = 'actions'))) AS b (rank, block)
		WHERE m.place <= shown AND b.block IS NOT NULL
	)
	SELECT jsonb_agg(k.block ORDER BY k.place, k.rank), max(k.total) INTO blocks, total FROM block k;
	IF blocks IS NULL THEN
		RETURN '{"response_type": "ephemeral", "text": "Nobody waits for you."}';
	END IF;
	IF total > shown THEN
		blocks := blocks || jsonb_build_object('type', 'context', 'elements', jsonb_build_array(jsonb_build_object('type', 'plain_text',
			'text', format('And %s more%s', total - shown, CASE WHEN base IS NOT NULL THEN format(': %s/approvals', base) ELSE '.' END))));
	END IF;
	RETURN jsonb_build_object('response_type', 'ephemeral', 'text', CASE total WHEN 1 THEN 'One request waits for you.'
		ELSE format('%s requests wait for you.', total) END, 'blocks', blocks);
END
$$;
COMMENT ON FUNCTION hitl.slack_inbox(text) IS 'the requests that wait for somebody, as a message of Slack';

-- POST /slack/commands
CREATE FUNCTION hitl.http_slack_command(request jsonb) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	sent record;
	form jsonb;
	person text;
	words text[];
	message text;
BEGIN
	SELECT * INTO sent FROM hitl.read_slack_request(request);
	IF sent.response IS NOT NULL THEN
		RETURN sent.response;
	END IF;
	form := sent.form;
	words := regexp_split_to_array(btrim(coalesce(form ->> 'text', '')), '\s+');
	person := hitl.slack_actor(sent.channel, jsonb_build_object('user',
		jsonb_build_object('id', form -> 'user_id', 'team_id', form -> 'team_id')));
	IF words[1] = 'link' AND cardinality(words) = 2 THEN
		-- A command that escapes makes a link of an address: <mailto:a@b.c|a@b.c>.
		PERFORM hitl.send_slack_link(form ->> 'team_id', form ->> 'user_id',
			regexp_replace(words[2], '^<mailto:([^|>]+)([|][^>]*)?>$', '\1'));
		-- The same, whether the address is known or not.
		message := 'If hitl knows this address, a mail is on its way to it. Type here what it says.';
	ELSIF words[1] = 'code' AND cardinality(words) = 2 THEN
		message := hitl.use_slack_link(form ->> 'team_id', form ->> 'user_id', words[2]);
	ELSIF words <> '{""}' THEN
		message := '/approvals lists what waits for you. /approvals link and your e-mail address tells hitl who you are.';
	ELSIF person IS NULL THEN
		message := 'hitl does not know you yet. Type /approvals link and your e-mail address.';
	ELSE
		RETURN hitl.http_json(hitl.slack_inbox(person));
	END IF;
	RETURN hitl.http_json(jsonb_build_object('response_type', 'ephemeral', 'text', message));
END
$$;
COMMENT ON FUNCTION hitl.http_slack_command(jsonb) IS
	'POST /slack/commands: /approvals lists what waits for somebody; /approvals link address and /approvals code tell who he is';

-- ---- who is who -------------------------------------------------------------

CREATE TABLE hitl.slack_links (
	id uuid PRIMARY KEY,
	hash bytea UNIQUE,					-- hitl.token_hash(); the code is made when the mail is sent
	principal text,						-- whose address it is; looked up when the mail is made
	email text NOT NULL,				-- to which it is sent
	slack_team text NOT NULL,
	slack_user text NOT NULL,
	expires_at timestamptz NOT NULL
);
COMMENT ON TABLE hitl.slack_links IS
	'codes that were mailed to people to prove who they are in Slack, each by its hash; left out of dumps';

-- The mail goes to the address, and its code comes back from the user who has asked for
-- it: so nobody gets to answer as somebody else by asking him to confirm something.
CREATE FUNCTION hitl.send_slack_link(team text, member text, email text) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	link uuid := hitl.uuidv7();
BEGIN
	DELETE FROM hitl.slack_links l WHERE l.expires_at < clock_timestamp();
	-- Slack's own address is the same for all of its users.
	IF NOT hitl.can_get_link(email) OR NOT hitl.count_sign_in(lower(email), format('slack %s/%s', team, member)) THEN
		RETURN;
	END IF;
	INSERT INTO hitl.slack_links (id, email, slack_team, slack_user, expires_at)
	VALUES (link, lower(send_slack_link.email), team, member, clock_timestamp() + interval '15 minutes');
	PERFORM hitl.queue_link_mail(link);
EXCEPTION WHEN object_not_in_prerequisite_state THEN
	RAISE LOG USING MESSAGE = format('a code for Slack could not be sent: %s', SQLERRM);
END
$$;
COMMENT ON FUNCTION hitl.send_slack_link(text, text, text) IS
	'mail somebody a code by which this user of Slack proves to be him, if the address is known; the same is done if not';

CREATE FUNCTION hitl.slack_link_mail(link_id uuid, OUT address text, OUT subject text, OUT text text)
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	token CONSTANT text := hitl.random_token();
	link hitl.slack_links;
BEGIN
	-- The dispatcher waits for nobody: a code that somebody has locked is being used, or removed.
	UPDATE hitl.slack_links l SET hash = hitl.token_hash(token), principal = p.name
	FROM hitl.principals p
	WHERE l.id = (SELECT k.id FROM hitl.slack_links k WHERE k.id = link_id FOR NO KEY UPDATE SKIP LOCKED)
	  AND l.expires_at > clock_timestamp()
	  AND p.email = l.email AND p.active AND p.kind = 'person'
	RETURNING l.* INTO link;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	address := link.email;
	subject := 'Answer requests in Slack';
	text := format(E'Hello %s,\n\nto answer approval requests in Slack, type there within 15 minutes:\n\n  /approvals code %s\n\n'
		'If you did not ask for it, you need do nothing. Give the code to nobody.\n',
		hitl.person_document(link.principal) ->> 'display_name', token);
END
$$;
COMMENT ON FUNCTION hitl.slack_link_mail(uuid) IS
	'what the mail with a code for Slack says, with a new code; nothing if it is of no use any more, or the address is nobody''s';

-- What to tell whoever typed it.
CREATE FUNCTION hitl.use_slack_link(team text, member text, token text) RETURNS text
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	link hitl.slack_links;
BEGIN
	DELETE FROM hitl.slack_links l USING hitl.principals p
	WHERE l.hash = hitl.token_hash(token) AND l.slack_team = team AND l.slack_user = member AND l.expires_at > clock_timestamp()
	  AND p.name = l.principal AND p.active AND p.email = l.email
	RETURNING l.* INTO link;
	IF NOT FOUND THEN
		RETURN 'This code has been used, or its time is over, or it is for somebody else.';
	END IF;
	PERFORM hitl.update_principal(link.principal, slack_team => team, slack_user => member);
	RETURN 'From now on you can answer requests in Slack.';
EXCEPTION WHEN SQLSTATE 'WF051' THEN
	RETURN 'You are known to hitl as somebody else. An administrator can change that.';
END
$$;
COMMENT ON FUNCTION hitl.use_slack_link(text, text, text) IS
	'make a user of Slack known as the principal to whom a code was mailed for him';

INSERT INTO hitl.http_routes (method, path, function, description) VALUES
	('POST', '/slack/interactions', 'hitl.http_slack_interaction(jsonb)', 'buttons and forms of Slack'),
	('POST', '/slack/commands', 'hitl.http_slack_command(jsonb)', 'the command /approvals of Slack');
