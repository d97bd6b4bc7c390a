-- channel.sql
--		Ways to tell people about approval requests.
--
-- A hook (webhook, generic) is told of each event, by a request of its own.  By
-- e-mail and Slack people are told: everybody who is asked has a message of his
-- own, which later events follow or change.

CREATE TABLE hitl.channel_configurations (
	name text PRIMARY KEY CHECK (name <> ''),
	channel_type text NOT NULL CHECK (channel_type IN ('webhook', 'generic', 'email', 'slack')),
	settings jsonb NOT NULL CHECK (jsonb_typeof(settings) = 'object'),
	signing_secret_name text,			-- hitl.secrets: Standard Webhooks signatures; of slack: of what comes in
	is_default boolean NOT NULL DEFAULT true,	-- used where a request names no channels
	active boolean NOT NULL DEFAULT true,
	created_at timestamptz NOT NULL DEFAULT now(),
	secret_name text,					-- hitl.secrets: token, key or password
	templates jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(templates) = 'object')
);
COMMENT ON TABLE hitl.channel_configurations IS
	'ways to tell people about approval requests; what settings and templates there are depends on the type';
COMMENT ON COLUMN hitl.channel_configurations.secret_name IS
	'name in hitl.secrets of the token, key or password of the channel';
COMMENT ON COLUMN hitl.channel_configurations.templates IS
	'texts with {{ SQL/JSON paths }} over the notification: of email subject, text, html; of generic body';
SELECT pg_extension_config_dump('hitl.channel_configurations', '');

-- Each fault of a channel is an error of its own; the C function does the rest.
CREATE FUNCTION hitl.check_channel(channel_type text, settings jsonb, templates jsonb) RETURNS void
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	known text[];
	texts text[];
	url text := settings ->> 'url';
	events constant text[] := '{approval.requested,approval.approved,approval.rejected,approval.expired,approval.cancelled,'
		'approval.reminder,approval.escalated,approval.reassigned,approval.revised,approval.changes_requested,'
		'approval.information_requested,approval.information_given}';
	fault text;
BEGIN
	CASE channel_type
		WHEN 'webhook' THEN
			known := '{url,headers,events}';
			texts := '{}';
		WHEN 'generic' THEN
			known := '{url,headers,events,method,content_type}';
			texts := '{body}';
		WHEN 'email' THEN
			known := '{url,from,reply_to,user,tls,provider,outcome}';
			texts := '{subject,text,html}';
		WHEN 'slack' THEN
			known := '{url,room,direct,threads,team}';
			texts := '{}';
		ELSE
			RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
				MESSAGE = format('unknown channel type "%s"', channel_type),
				HINT = 'A channel is of type "webhook", "generic", "email" or "slack".';
	END CASE;
	IF jsonb_typeof(settings) <> 'object' OR jsonb_typeof(templates) <> 'object' THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'settings and templates of a channel must be objects';
	END IF;
	fault := (SELECT k FROM jsonb_object_keys(settings) AS k WHERE k <> ALL (known) ORDER BY k LIMIT 1);
	IF fault IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('a channel of type "%s" has no setting "%s"', channel_type, fault),
			HINT = format('It has %s.', array_to_string(known, ', '));
	END IF;
	fault := (SELECT t.key FROM jsonb_each(templates) AS t
			  WHERE t.key <> ALL (texts) ORDER BY t.key LIMIT 1);
	IF fault IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('a channel of type "%s" has no template "%s"', channel_type, fault),
			HINT = CASE WHEN texts = '{}' THEN 'It has none.' ELSE format('It has %s.', array_to_string(texts, ', ')) END;
	END IF;
	IF channel_type = 'email' AND jsonb_path_exists(templates, '$.* ? (@.type() != "string")') THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'templates of a mail must be strings';
	END IF;
	-- Whatever is there has the right type.
	fault := (SELECT s.key FROM jsonb_each(settings) AS s
			  WHERE CASE s.key
						WHEN 'headers' THEN jsonb_typeof(s.value) <> 'object'
							OR jsonb_path_exists(s.value, '$.* ? (@.type() != "string")')
						WHEN 'events' THEN jsonb_typeof(s.value) <> 'array'
							OR jsonb_path_exists(s.value, 'strict $[*] ? (@.type() != "string")')
						WHEN 'outcome' THEN jsonb_typeof(s.value) <> 'boolean'
						WHEN 'direct' THEN jsonb_typeof(s.value) <> 'boolean'
						WHEN 'threads' THEN jsonb_typeof(s.value) <> 'boolean'
						ELSE jsonb_typeof(s.value) <> 'string' END
			  ORDER BY s.key LIMIT 1);
	IF fault IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('"%s" of a channel must be %s', fault, CASE fault
				WHEN 'headers' THEN 'an object of strings' WHEN 'events' THEN 'an array of strings'
				WHEN 'outcome' THEN 'true or false' WHEN 'direct' THEN 'true or false' WHEN 'threads' THEN 'true or false' ELSE 'a string' END);
	END IF;
	IF channel_type = 'email' THEN
		IF settings ->> 'provider' NOT IN ('smtp', 'sendgrid') THEN
			RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
				MESSAGE = format('unknown mail provider "%s"', settings ->> 'provider'),
				HINT = 'It is "smtp" or "sendgrid".';
		END IF;
		IF settings ->> 'provider' IS DISTINCT FROM 'sendgrid' AND coalesce(url !~ '^smtps?://[^/[:space:]]+$', true)
			OR settings ->> 'provider' = 'sendgrid' AND url !~ '^https?://' THEN
			RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
				MESSAGE = 'settings of an email channel need the "url" of a mail server',
				HINT = 'For example {"url": "smtp://mail.example.org:587", "from": "approvals@example.org"}; with "provider": "sendgrid" it may be left out.';
		END IF;
		IF coalesce(settings ->> 'from' !~ '@' OR settings ->> 'from' ~ '[[:cntrl:]]', true)
			OR settings ->> 'reply_to' !~ '@' OR settings ->> 'reply_to' ~ '[[:cntrl:]]' THEN
			RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
				MESSAGE = 'settings of an email channel need an address in "from", and in "reply_to" if it is there',
				HINT = 'For example "Approvals <approvals@example.org>".';
		END IF;
		IF settings ->> 'tls' NOT IN ('starttls', 'none') THEN
			RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
				MESSAGE = format('"tls" of an email channel cannot be "%s"', settings ->> 'tls'),
				HINT = 'It is "starttls", which smtp:// needs unless told otherwise, or "none"; smtps:// has TLS from the beginning.';
		END IF;
	ELSIF channel_type = 'slack' THEN
		IF settings ->> 'room' IS NULL AND settings -> 'direct' IS DISTINCT FROM 'true'
			AND settings -> 'threads' IS DISTINCT FROM 'true' THEN
			RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
				MESSAGE = 'settings of a slack channel need a "room", or "direct": true, or "threads": true',
				HINT = 'A room is told once; with "direct" everybody who is asked and has Slack ids is, with "threads" the thread that a request came from.';
		END IF;
		IF url !~ '^https?://' THEN
			RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
				MESSAGE = '"url" of a slack channel must be an http or https URL';
		END IF;
	ELSE
		IF coalesce(url !~ '^https?://.', true) THEN
			RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
				MESSAGE = format('settings of a %s need an http or https "url"',
					CASE channel_type WHEN 'generic' THEN 'generic channel' ELSE channel_type END),
				HINT = 'For example {"url": "https://example.org/hook", "headers": {}}.';
		END IF;
		IF channel_type = 'generic' AND NOT templates ? 'body' THEN
			RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
				MESSAGE = 'a channel of type "generic" needs the template "body"',
				HINT = 'For example {"body": {"text": "{{ $.data.title }}: {{ $.data.status }}"}}.';
		END IF;
		-- One that there is not would never be told.
		fault := (SELECT e FROM jsonb_array_elements_text(settings -> 'events') AS e WHERE e <> ALL (events) ORDER BY e LIMIT 1);
		IF fault IS NOT NULL THEN
			RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
				MESSAGE = format('there is no event "%s" that a channel could tell', fault),
				HINT = format('There are %s.', array_to_string(events, ', '));
		END IF;
		IF settings ->> 'method' NOT IN ('POST', 'PUT', 'PATCH') THEN
			RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
				MESSAGE = format('"method" of a channel cannot be "%s"', settings ->> 'method'),
				HINT = 'It is "POST", "PUT" or "PATCH".';
		END IF;
	END IF;
	IF channel_type = 'email' THEN
		PERFORM hitl.check_templates(jsonb_build_object('event', 'approval.requested', 'templates', templates,
			'approval', '{"id": "1", "title": "a", "status": "pending"}'::jsonb), true);
	ELSIF templates ? 'body' THEN
		PERFORM hitl.check_templates(templates -> 'body', false);
	END IF;
END
$$;
COMMENT ON FUNCTION hitl.check_channel(text, jsonb, jsonb) IS 'refuse faulty settings of a channel';

CREATE FUNCTION hitl.configure_channel(
	name text,
	channel_type text,
	settings jsonb,
	signing_secret_name text DEFAULT NULL,
	is_default boolean DEFAULT true,
	active boolean DEFAULT true,
	secret_name text DEFAULT NULL,
	templates jsonb DEFAULT '{}'
) RETURNS text
	AS 'MODULE_PATHNAME', 'hitl_configure_channel' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.configure_channel(text, text, jsonb, text, boolean, boolean, text, jsonb) IS
	'create or replace a channel of type webhook, generic, email or slack';

-- ---- what people prefer ---------------------------------------------------

CREATE FUNCTION hitl.set_preferred_channels(principal text, channels text[]) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	person text := hitl.principal_of(principal);
	missing text := (SELECT c FROM unnest(channels) AS c
					 WHERE NOT EXISTS (SELECT FROM hitl.channel_configurations k WHERE k.name = c) LIMIT 1);
BEGIN
	IF missing IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'undefined_object',
			MESSAGE = format('channel "%s" does not exist', missing),
			HINT = 'hitl.configure_channel() makes one.';
	END IF;
	IF person IS DISTINCT FROM hitl.current_principal() AND NOT hitl.may_act_for(person)
		AND NOT has_function_privilege(hitl.calling_role(),
			'hitl.configure_channel(text, text, jsonb, text, boolean, boolean, text, jsonb)', 'EXECUTE') THEN
		RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
			MESSAGE = format('permission denied for the channels of "%s"', person),
			HINT = 'Everybody chooses the own channels.';
	END IF;
	UPDATE hitl.principals p SET channels = set_preferred_channels.channels, changed_at = now() WHERE p.name = person;
	IF NOT FOUND THEN
		PERFORM hitl.principal_missing(principal);
	END IF;
END
$$;
COMMENT ON FUNCTION hitl.set_preferred_channels(text, text[]) IS
	'by which channels a principal is told of requests that name no channels; an empty array: by none, NULL: by the default ones';

-- ---- how messages to people go out -----------------------------------------

CREATE FUNCTION hitl.slack_method(settings jsonb, method text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN coalesce(settings ->> 'url', 'https://slack.com/api') || '/' || method;
COMMENT ON FUNCTION hitl.slack_method(jsonb, text) IS 'the URL of a method of Slack''s Web API, as a channel''s settings say';

CREATE VIEW hitl.message_channels AS
	SELECT c.name, c.channel_type, c.settings, c.templates, c.secret_name,
		   CASE c.channel_type WHEN 'slack' THEN 'slack' ELSE coalesce(c.settings ->> 'provider', 'smtp') END AS provider,
		   CASE c.channel_type
			   WHEN 'slack' THEN hitl.slack_method(c.settings, 'chat.postMessage')
			   ELSE coalesce(c.settings ->> 'url', 'https://api.sendgrid.com/v3/mail/send') END AS url,
		   CASE c.channel_type WHEN 'slack' THEN '{"Content-Type": "application/json; charset=utf-8"}'::jsonb ELSE '{}' END AS headers,
		   CASE WHEN c.channel_type = 'email' AND coalesce(c.settings ->> 'provider', 'smtp') = 'smtp'
				THEN jsonb_strip_nulls(jsonb_build_object('tls', c.settings -> 'tls', 'user', c.settings -> 'user')) END AS transport
	FROM hitl.channel_configurations c
	WHERE c.active AND c.channel_type IN ('email', 'slack');
COMMENT ON VIEW hitl.message_channels IS
	'active channels that send messages to people, and where to';

-- Workers begin seldom, and what ALTER DATABASE sets is for sessions that begin later.
CREATE FUNCTION hitl.public_url() RETURNS text
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN nullif(rtrim(coalesce((
		SELECT substr(c.setting, length('hitl.public_url=') + 1)
		FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) AS c (setting)
		WHERE d.datname = current_database() AND s.setrole = 0 AND starts_with(c.setting, 'hitl.public_url=')),
		current_setting('hitl.public_url', true)), '/'), '');
END
$$;
COMMENT ON FUNCTION hitl.public_url() IS
	'the setting hitl.public_url as the database has it now, without a slash at its end; NULL: it is not set';
