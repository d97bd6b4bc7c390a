-- session.sql
--		Signing in by a link in a mail, or by a proxy that has recognised who is there.

CREATE TABLE hitl.web_sessions (
	id uuid PRIMARY KEY,
	hash bytea NOT NULL UNIQUE,			-- hitl.token_hash() of the cookie
	principal text NOT NULL,
	email text NOT NULL,				-- by which it was recognised
	created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	last_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),	-- to the minute
	expires_at timestamptz NOT NULL,	-- whatever is done until then
	user_agent text,
	address text
);
CREATE INDEX web_sessions_principal ON hitl.web_sessions (principal);
COMMENT ON TABLE hitl.web_sessions IS 'who is signed in on the web, each by the hash of a cookie; left out of dumps';

CREATE TABLE hitl.sign_in_links (
	id uuid PRIMARY KEY,
	hash bytea UNIQUE,					-- hitl.token_hash(); the token is made when the mail is sent
	principal text,						-- whose address it is; looked up when the mail is made
	email text NOT NULL,				-- to which it is sent
	base_url text NOT NULL,				-- hitl.public_url of who was asked for it
	return_to text NOT NULL,			-- the page after signing in
	created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	expires_at timestamptz NOT NULL,
	used_at timestamptz
);
COMMENT ON TABLE hitl.sign_in_links IS 'links for signing in that were asked for, by their hashes; left out of dumps';

CREATE TABLE hitl.sign_in_attempts (
	subject bytea NOT NULL,				-- hash of an e-mail address, or of a client's
	attempted_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX sign_in_attempts_subject ON hitl.sign_in_attempts (subject, attempted_at);
CREATE INDEX sign_in_attempts_at ON hitl.sign_in_attempts (attempted_at);
COMMENT ON TABLE hitl.sign_in_attempts IS
	'links for signing in, and codes for Slack, that were asked for in the last minutes; left out of dumps';

-- ---- who is there -----------------------------------------------------------

CREATE FUNCTION hitl.session_lives(session hitl.web_sessions) RETURNS boolean
	LANGUAGE sql VOLATILE
	RETURN (session).expires_at > clock_timestamp()
		AND (session).last_seen_at > clock_timestamp() - current_setting('hitl.session_timeout')::interval;
COMMENT ON FUNCTION hitl.session_lives(hitl.web_sessions) IS
	'is a session still good? not after its lifetime, nor after hitl.session_timeout without a request';

-- "key" makes the codes of forms.  Where nothing has one, a cookie is set with it.
-- Of whom a proxy names and nobody knows, there is "person" only.
CREATE FUNCTION hitl.web_visitor(
	request jsonb,
	OUT principal text, OUT role name, OUT person jsonb, OUT session uuid,
	OUT key text, OUT cookies jsonb, OUT evidence jsonb
)
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	header text := lower(coalesce(current_setting('hitl.trusted_user_header', true), ''));
	told text := CASE WHEN header <> '' AND (request ->> 'trusted')::boolean
		THEN nullif(btrim(request -> 'headers' ->> header), '') END;
	secret text := hitl.read_cookie(request, 'hitl');
BEGIN
	cookies := '{}';
	evidence := hitl.request_evidence(request);
	IF told IS NOT NULL THEN
		SELECT p.name, p.role, hitl.person_document(p.name)
		INTO principal, role, person
		FROM hitl.principals p WHERE p.name = hitl.principal_of(told) AND p.active;
		IF NOT FOUND THEN
			person := jsonb_build_object('name', told, 'display_name', told);
		END IF;
		evidence := evidence || '{"method": "trusted_header"}';
	ELSIF secret IS NOT NULL THEN
		SELECT p.name, p.role, hitl.person_document(p.name), s.id
		INTO principal, role, person, session
		FROM hitl.web_sessions s JOIN hitl.principals p ON p.name = s.principal AND p.active AND p.email = s.email
		WHERE s.hash = hitl.token_hash(secret) AND hitl.session_lives(s);
		IF FOUND THEN
			key := secret;
			evidence := evidence || jsonb_build_object('method', 'session', 'session', session);
			UPDATE hitl.web_sessions s SET last_seen_at = clock_timestamp()
			WHERE s.id = session AND s.last_seen_at < clock_timestamp() - interval '1 minute';
		END IF;
	END IF;
	IF key IS NULL THEN
		key := hitl.read_cookie(request, 'hitl-form');
		IF coalesce(length(key), 0) < 40 THEN
			key := hitl.random_token();
			cookies := hitl.write_cookie(request, 'hitl-form', key);
		END IF;
	END IF;
END
$$;
COMMENT ON FUNCTION hitl.web_visitor(jsonb) IS
	'who looks at a page: whose session it is, or whom a trusted proxy names; NULL: nobody that is known';

-- To where a page leads who is signed in.  Nobody signs out who is by a proxy.
CREATE FUNCTION hitl.page_links(session uuid) RETURNS jsonb
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN '{"inbox": "/approvals", "sessions": "/sessions"}'
		|| CASE WHEN session IS NULL THEN '{}' ELSE '{"sign_out": "/sign-out"}' END::jsonb;
COMMENT ON FUNCTION hitl.page_links(uuid) IS 'the links that pages have for who is signed in';

-- A page of ours, and none but those.
CREATE FUNCTION hitl.return_path(path text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN CASE WHEN path ~ '^/(approvals(/[0-9a-f-]{36})?|sessions)$' THEN path ELSE '/approvals' END;
COMMENT ON FUNCTION hitl.return_path(text) IS 'where to go after signing in';

CREATE FUNCTION hitl.http_ask_sign_in(request jsonb) RETURNS jsonb
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN hitl.http_see_other('/sign-in?return=' || hitl.return_path(request ->> 'path'));
COMMENT ON FUNCTION hitl.http_ask_sign_in(jsonb) IS 'the response to who must sign in first';

-- ---- signing in -------------------------------------------------------------

CREATE FUNCTION hitl.can_get_link(email text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN coalesce(hitl.is_email_address(email) AND email ~ '^.{1,100}@.{1,200}$', false);
COMMENT ON FUNCTION hitl.can_get_link(text) IS
	'whether a text is an address to which a link for signing in, or a code for Slack, can be asked for: one that is not too long';

-- A mail costs its reader attention: few for an address, and few from a client,
-- whose IPv6 addresses are as many as it likes.
CREATE FUNCTION hitl.count_sign_in(email text, address text) RETURNS boolean
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	recent CONSTANT timestamptz := clock_timestamp() - interval '15 minutes';
	client CONSTANT text := CASE WHEN address ~ ':' THEN network(set_masklen(address::inet, 64))::text ELSE address END;
	addressee bytea := hitl.token_hash('email:' || email);
	origin bytea := hitl.token_hash('client:' || coalesce(client, ''));
BEGIN
	DELETE FROM hitl.sign_in_attempts a
	WHERE a.ctid IN (SELECT o.ctid FROM hitl.sign_in_attempts o WHERE o.attempted_at < recent
					 LIMIT 1000 FOR UPDATE SKIP LOCKED);
	IF (SELECT count(*) FROM hitl.sign_in_attempts a WHERE a.subject = addressee AND a.attempted_at > recent) >= 5
		OR (SELECT count(*) FROM hitl.sign_in_attempts a WHERE a.subject = origin AND a.attempted_at > recent) >= 20 THEN
		RETURN false;
	END IF;
	INSERT INTO hitl.sign_in_attempts (subject) VALUES (addressee), (origin);
	RETURN true;
END
$$;
COMMENT ON FUNCTION hitl.count_sign_in(text, text) IS
	'may another link for signing in, or code for Slack, be sent to this address, and for this client? in 15 minutes 5 and 20';

-- The same is done for every address, so that neither what is answered nor when tells
-- whether it is known; nobody gets a mail if it is not.
CREATE FUNCTION hitl.send_sign_in_link(email text, return_to text) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	link uuid := hitl.uuidv7();
BEGIN
	DELETE FROM hitl.sign_in_links l
	WHERE l.ctid IN (SELECT o.ctid FROM hitl.sign_in_links o WHERE o.expires_at < clock_timestamp() - interval '1 day'
					 LIMIT 1000 FOR UPDATE SKIP LOCKED);
	INSERT INTO hitl.sign_in_links (id, email, base_url, return_to, expires_at)
	VALUES (link, send_sign_in_link.email, hitl.public_url(), send_sign_in_link.return_to,
			clock_timestamp() + interval '15 minutes');
	PERFORM hitl.queue_link_mail(link);
EXCEPTION WHEN serialization_failure OR deadlock_detected THEN
	RAISE;
WHEN OTHERS THEN
	-- Told to whoever asked, it would say that the address is known.
	RAISE LOG USING MESSAGE = format('a link for signing in could not be sent: %s', SQLERRM), ERRCODE = SQLSTATE;
END
$$;
COMMENT ON FUNCTION hitl.send_sign_in_link(text, text) IS
	'mail a link for signing in, if somebody has this address';

-- Each attempt to send it has a link of its own; the one before is of no use any more.
CREATE FUNCTION hitl.sign_in_mail(link_id uuid, OUT address text, OUT subject text, OUT text text)
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	token CONSTANT text := hitl.random_token();
	link hitl.sign_in_links;
BEGIN
	-- The dispatcher waits for nobody: a link that somebody has locked is being used, or removed.
	UPDATE hitl.sign_in_links l SET hash = hitl.token_hash(token), principal = p.name
	FROM hitl.principals p
	WHERE l.id = (SELECT k.id FROM hitl.sign_in_links k WHERE k.id = link_id FOR NO KEY UPDATE SKIP LOCKED)
	  AND l.used_at IS NULL AND l.expires_at > clock_timestamp()
	  AND p.email = l.email AND p.active AND p.kind = 'person'
	RETURNING l.* INTO link;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	address := link.email;
	subject := 'Sign in to approve requests';
	text := format(E'Hello %s,\n\nopen this link to sign in:\n\n  %s/sign-in/%s\n\nIt works once, within 15 minutes. '
		'If you did not ask for it, you need do nothing.\n', hitl.person_document(link.principal) ->> 'display_name',
		link.base_url, token);
END
$$;
COMMENT ON FUNCTION hitl.sign_in_mail(uuid) IS
	'what the mail with a link for signing in says, with a new token; nothing if the link is of no use any more, or the address is nobody''s';

CREATE FUNCTION hitl.http_sign_in_page(request jsonb) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	visitor record;
BEGIN
	SELECT * INTO visitor FROM hitl.web_visitor(request);
	IF visitor.principal IS NOT NULL THEN
		RETURN hitl.http_see_other(hitl.return_path(request -> 'query' ->> 'return'));
	ELSIF visitor.person IS NOT NULL THEN
		-- A session would not count beside what the proxy says.
		RETURN hitl.http_page(jsonb_build_object('page', 'error', 'message',
			format('You are signed in as %s, who is not known here. An administrator can change that.',
				   visitor.person ->> 'display_name')), 403);
	END IF;
	RETURN hitl.http_page(jsonb_build_object('page', 'sign_in',
		'action', '/sign-in?return=' || hitl.return_path(request -> 'query' ->> 'return'),
		'csrf', hitl.form_code(visitor.key, 'sign-in')), 200, visitor.cookies);
EXCEPTION WHEN query_canceled OR OTHERS THEN
	RETURN hitl.http_error_page(SQLSTATE, SQLERRM);
END
$$;
COMMENT ON FUNCTION hitl.http_sign_in_page(jsonb) IS 'GET /sign-in';

CREATE FUNCTION hitl.http_sign_in_ask(request jsonb) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	visitor record;
	fields jsonb;
	email text;
	page jsonb;
BEGIN
	fields := hitl.form_fields(request);
	email := lower(btrim(fields ->> 'email'));
	SELECT * INTO visitor FROM hitl.web_visitor(request);
	PERFORM hitl.check_form_code(request, fields ->> 'csrf', visitor.key, 'sign-in');
	page := jsonb_build_object('page', 'sign_in', 'csrf', hitl.form_code(visitor.key, 'sign-in'),
		'action', '/sign-in?return=' || hitl.return_path(request -> 'query' ->> 'return'));
	IF NOT hitl.can_get_link(email) THEN
		RETURN hitl.http_page(page || '{"message": "Please enter an e-mail address."}', 422);
	ELSIF hitl.public_url() IS NULL THEN
		RETURN hitl.http_page(page || '{"message": "Signing in by mail is not set up here."}', 503);
	ELSIF NOT hitl.count_sign_in(email, request ->> 'address') THEN
		RETURN hitl.http_page(page || '{"message": "Too many links were asked for. Please wait a quarter of an hour."}',
							  429, '{"retry-after": "900"}');
	END IF;
	PERFORM hitl.send_sign_in_link(email, hitl.return_path(request -> 'query' ->> 'return'));
	RETURN hitl.http_page(page || '{"message": "If this address is known here, a mail with a link is on its way. The link works for 15 minutes."}');
EXCEPTION WHEN query_canceled OR OTHERS THEN
	RETURN hitl.http_error_page(SQLSTATE, SQLERRM);
END
$$;
COMMENT ON FUNCTION hitl.http_sign_in_ask(jsonb) IS 'POST /sign-in: has a link mailed, if the address is known, which the answer does not tell';

-- The row of a link that can be used, locked; NULL.
CREATE FUNCTION hitl.usable_sign_in_link(token text) RETURNS hitl.sign_in_links
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	link hitl.sign_in_links;
BEGIN
	SELECT l.* INTO link
	FROM hitl.sign_in_links l JOIN hitl.principals p ON p.name = l.principal AND p.active AND p.email = l.email
	WHERE l.hash = hitl.token_hash(token) AND l.used_at IS NULL AND l.expires_at > clock_timestamp()
	FOR UPDATE OF l;
	RETURN link;
END
$$;
COMMENT ON FUNCTION hitl.usable_sign_in_link(text) IS 'a link for signing in that can be used, locked; NULL: there is none';

-- Mail scanners open links: to look is not to sign in.
CREATE FUNCTION hitl.http_sign_in_confirm(request jsonb) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	visitor record;
	link hitl.sign_in_links;
BEGIN
	link := hitl.usable_sign_in_link(request -> 'args' ->> 'token');
	IF link.hash IS NULL THEN
		RETURN hitl.http_page('{"page": "error", "message": "This link has been used, or its time is over. Ask for another one."}', 410);
	END IF;
	SELECT * INTO visitor FROM hitl.web_visitor(request);
	RETURN hitl.http_page(jsonb_build_object('page', 'sign_in', 'action', request ->> 'path',
		'csrf', hitl.form_code(visitor.key, 'sign-in:' || encode(link.hash, 'hex')), 'answer', link.email,
		'principal', hitl.person_document(link.principal)), 200, visitor.cookies);
EXCEPTION WHEN query_canceled OR OTHERS THEN
	RETURN hitl.http_error_page(SQLSTATE, SQLERRM);
END
$$;
COMMENT ON FUNCTION hitl.http_sign_in_confirm(jsonb) IS 'GET /sign-in/{token}: a button, and nothing happens';

CREATE FUNCTION hitl.http_sign_in(request jsonb) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	visitor record;
	link hitl.sign_in_links;
	secret text := hitl.random_token();
BEGIN
	link := hitl.usable_sign_in_link(request -> 'args' ->> 'token');
	IF link.hash IS NULL THEN
		RETURN hitl.http_page('{"page": "error", "message": "This link has been used, or its time is over. Ask for another one."}', 410);
	END IF;
	SELECT * INTO visitor FROM hitl.web_visitor(request);
	PERFORM hitl.check_form_code(request, hitl.form_fields(request) ->> 'csrf', visitor.key,
								 'sign-in:' || encode(link.hash, 'hex'));
	UPDATE hitl.sign_in_links l SET used_at = clock_timestamp() WHERE l.hash = link.hash;
	DELETE FROM hitl.web_sessions s WHERE s.id = visitor.session OR NOT hitl.session_lives(s);
	INSERT INTO hitl.web_sessions (id, hash, principal, email, expires_at, user_agent, address)
	VALUES (hitl.uuidv7(), hitl.token_hash(secret), link.principal, link.email,
			clock_timestamp() + current_setting('hitl.session_lifetime')::interval,
			visitor.evidence ->> 'user_agent', visitor.evidence ->> 'address');
	RETURN hitl.http_see_other(link.return_to, hitl.write_cookie(request, 'hitl', secret));
EXCEPTION WHEN query_canceled OR OTHERS THEN
	RETURN hitl.http_error_page(SQLSTATE, SQLERRM);
END
$$;
COMMENT ON FUNCTION hitl.http_sign_in(jsonb) IS 'POST /sign-in/{token}: begins a session';

CREATE FUNCTION hitl.http_sign_out(request jsonb) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	visitor record;
BEGIN
	SELECT * INTO visitor FROM hitl.web_visitor(request);
	IF visitor.session IS NOT NULL THEN
		PERFORM hitl.check_form_code(request, hitl.form_fields(request) ->> 'csrf', visitor.key, NULL);
		DELETE FROM hitl.web_sessions s WHERE s.id = visitor.session;
	END IF;
	RETURN hitl.http_page('{"page": "signed_out", "links": {"sign_in": "/sign-in"}}', 200,
		hitl.write_cookie(request, 'hitl', ''));
EXCEPTION WHEN query_canceled OR OTHERS THEN
	RETURN hitl.http_error_page(SQLSTATE, SQLERRM);
END
$$;
COMMENT ON FUNCTION hitl.http_sign_out(jsonb) IS 'POST /sign-out: ends the session';

-- ---- sessions ---------------------------------------------------------------

CREATE FUNCTION hitl.http_sessions(request jsonb) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	visitor record;
BEGIN
	SELECT * INTO visitor FROM hitl.web_visitor(request);
	IF visitor.principal IS NULL THEN
		RETURN hitl.http_ask_sign_in(request);
	END IF;
	RETURN hitl.http_page(jsonb_build_object('page', 'sessions', 'principal', visitor.person, 'action', '/sessions',
		'links', hitl.page_links(visitor.session), 'csrf', hitl.form_code(visitor.key, 'sessions'),
		'items', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', s.id, 'user_agent', s.user_agent,
					'address', s.address, 'created_at', hitl.iso_time(s.created_at),
					'last_seen_at', hitl.iso_time(s.last_seen_at), 'current', s.id IS NOT DISTINCT FROM visitor.session)
					ORDER BY s.last_seen_at DESC, s.id), '[]')
				  FROM hitl.web_sessions s JOIN hitl.principals p ON p.name = s.principal AND p.email = s.email
				  WHERE s.principal = visitor.principal AND hitl.session_lives(s))),
		200, visitor.cookies);
EXCEPTION WHEN query_canceled OR OTHERS THEN
	RETURN hitl.http_error_page(SQLSTATE, SQLERRM);
END
$$;
COMMENT ON FUNCTION hitl.http_sessions(jsonb) IS 'GET /sessions: where one is signed in';

CREATE FUNCTION hitl.http_end_session(request jsonb) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	visitor record;
	fields jsonb;
BEGIN
	fields := hitl.form_fields(request);
	SELECT * INTO visitor FROM hitl.web_visitor(request);
	IF visitor.principal IS NULL THEN
		RETURN hitl.http_ask_sign_in(request);
	END IF;
	PERFORM hitl.check_form_code(request, fields ->> 'csrf', visitor.key, 'sessions');
	DELETE FROM hitl.web_sessions s
	WHERE s.principal = visitor.principal AND s.id::text = lower(fields ->> 'id');
	RETURN hitl.http_see_other('/sessions');
EXCEPTION WHEN query_canceled OR OTHERS THEN
	RETURN hitl.http_error_page(SQLSTATE, SQLERRM);
END
$$;
COMMENT ON FUNCTION hitl.http_end_session(jsonb) IS 'POST /sessions: ends one of one''s sessions';

INSERT INTO hitl.http_routes (method, path, function, description) VALUES
	('GET', '/sign-in', 'hitl.http_sign_in_page(jsonb)', 'where to ask for a link'),
	('POST', '/sign-in', 'hitl.http_sign_in_ask(jsonb)', 'mails a link'),
	('GET', '/sign-in/{token}', 'hitl.http_sign_in_confirm(jsonb)', 'what a link leads to: a button'),
	('POST', '/sign-in/{token}', 'hitl.http_sign_in(jsonb)', 'begins a session'),
	('POST', '/sign-out', 'hitl.http_sign_out(jsonb)', 'ends the session'),
	('GET', '/sessions', 'hitl.http_sessions(jsonb)', 'where one is signed in'),
	('POST', '/sessions', 'hitl.http_end_session(jsonb)', 'ends another session');
