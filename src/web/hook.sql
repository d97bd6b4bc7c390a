-- hook.sql
--		Answers that other systems send, signed as Standard Webhooks 1.0.0 describes.

CREATE TABLE hitl.webhook_senders (
	name text PRIMARY KEY CHECK (name <> ''),
	principal text NOT NULL,			-- as whom it answers
	secret_name text NOT NULL,			-- hitl.secrets: whsec_ keys, separated by blanks while they rotate
	active boolean NOT NULL DEFAULT true,
	created_by name NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE hitl.webhook_senders IS 'systems that answer approval requests by signed requests, and as which principal';
SELECT pg_extension_config_dump('hitl.webhook_senders', '');

CREATE FUNCTION hitl.create_webhook_sender(name text, principal text, secret_name text, active boolean DEFAULT true)
	RETURNS text
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	holder text := (SELECT p.name FROM hitl.principals p WHERE p.name = hitl.principal_of(create_webhook_sender.principal));
BEGIN
	PERFORM hitl.check_new_name(name);
	IF holder IS NULL THEN
		PERFORM hitl.principal_missing(principal);
	ELSIF secret_name IS NULL OR active IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'secret_name and active must not be null',
			HINT = 'hitl.set_secret() stores the key that both sides have.';
	END IF;
	INSERT INTO hitl.webhook_senders AS w (name, principal, secret_name, active, created_by)
	VALUES (create_webhook_sender.name, holder, create_webhook_sender.secret_name, create_webhook_sender.active,
			hitl.calling_role())
	ON CONFLICT ON CONSTRAINT webhook_senders_pkey DO UPDATE
	SET principal = excluded.principal, secret_name = excluded.secret_name, active = excluded.active;
	RETURN name;
END
$$;
COMMENT ON FUNCTION hitl.create_webhook_sender(text, text, text, boolean) IS
	'let a system answer approval requests as a principal, by requests signed with a secret; or change that';

CREATE FUNCTION hitl.drop_webhook_sender(name text) RETURNS boolean
	LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	DELETE FROM hitl.webhook_senders w WHERE w.name = drop_webhook_sender.name;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION hitl.drop_webhook_sender(text) IS
	'let a system not answer any more; false if there was none of this name';

-- Which sender it is, is told by whose secret has signed.
CREATE FUNCTION hitl.webhook_sender(request jsonb) RETURNS hitl.webhook_senders
	LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	headers jsonb := request -> 'headers';
	instant bigint := CASE WHEN headers ->> 'webhook-timestamp' ~ '^[0-9]{1,12}$'
		THEN (headers ->> 'webhook-timestamp')::bigint END;
	sender hitl.webhook_senders;
BEGIN
	IF abs(extract(epoch FROM clock_timestamp()) - instant) <= 300
		AND length(headers ->> 'webhook-id') BETWEEN 1 AND 255 THEN
		SELECT w.* INTO sender
		FROM hitl.webhook_senders w JOIN hitl.secrets s ON s.name = w.secret_name
		JOIN hitl.principals p ON p.name = w.principal AND p.active
		WHERE w.active AND hitl.verify_webhook(s.value, headers ->> 'webhook-id', instant,
			coalesce(request ->> 'body', ''), coalesce(headers ->> 'webhook-signature', ''))
		ORDER BY w.name LIMIT 1;
	END IF;
	IF sender.name IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_authorization_specification',
			MESSAGE = 'the request is not signed by a sender that is known',
			HINT = 'Sign it as Standard Webhooks 1.0.0 describes, with a time that is right to five minutes.';
	END IF;
	RETURN sender;
END
$$;
COMMENT ON FUNCTION hitl.webhook_sender(jsonb) IS 'the sender whose secret has signed a request';

CREATE FUNCTION hitl.http_hook_respond(request jsonb) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	sender hitl.webhook_senders := hitl.webhook_sender(request);
	key text := request -> 'headers' ->> 'webhook-id';
BEGIN
	RETURN hitl.answer_by_body(request, sender.principal, 'webhook',
		jsonb_strip_nulls(jsonb_build_object('method', 'webhook', 'sender', sender.name, 'webhook_id', key,
			'address', request ->> 'address')), 'webhook:' || sender.name, key);
END
$$;
COMMENT ON FUNCTION hitl.http_hook_respond(jsonb) IS
	'POST /hooks/approvals/{id}/respond: answers as the principal of the sender that has signed';

INSERT INTO hitl.http_routes (method, path, function, description) VALUES
	('POST', '/hooks/approvals/{id}/respond', 'hitl.http_hook_respond(jsonb)', 'answers that other systems send');
