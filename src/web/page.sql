-- page.sql
--		Pages of the gateway: headers, cookies, forms that only their reader can submit.

-- ---- cookies ----------------------------------------------------------------

-- Browsers take a cookie of this prefix only by TLS, from the host itself.
CREATE FUNCTION hitl.cookie_name(request jsonb, name text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN CASE WHEN (request ->> 'secure')::boolean THEN '__Host-' ELSE '' END || name;
COMMENT ON FUNCTION hitl.cookie_name(jsonb, text) IS 'what a cookie is called, which depends on TLS';

CREATE FUNCTION hitl.read_cookie(request jsonb, name text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN (SELECT substr(btrim(c.pair), length(hitl.cookie_name(request, name)) + 2)
			FROM regexp_split_to_table(coalesce(request -> 'headers' ->> 'cookie', ''), '[;,]') WITH ORDINALITY AS c (pair, number)
			WHERE starts_with(btrim(c.pair), hitl.cookie_name(request, name) || '=')
			ORDER BY c.number LIMIT 1);
COMMENT ON FUNCTION hitl.read_cookie(jsonb, text) IS 'a cookie that a request brings; NULL: it has none of this name';

-- An empty value takes it away.
CREATE FUNCTION hitl.write_cookie(request jsonb, name text, value text) RETURNS jsonb
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN jsonb_build_object('set-cookie', jsonb_build_array(
		format('%s=%s; Path=/; HttpOnly; SameSite=Lax%s%s', hitl.cookie_name(request, name), value,
			   CASE WHEN (request ->> 'secure')::boolean THEN '; Secure' END,
			   CASE WHEN value = '' THEN '; Max-Age=0' END)));
COMMENT ON FUNCTION hitl.write_cookie(jsonb, text, text) IS
	'the headers of a response that set a cookie for the time of the browser''s session';

-- ---- pages ------------------------------------------------------------------

CREATE FUNCTION hitl.http_page(page jsonb, status integer DEFAULT 200, headers jsonb DEFAULT '{}') RETURNS jsonb
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	html text := hitl.render_page(page);
BEGIN
	RETURN jsonb_build_object('status', status, 'body', html, 'headers', jsonb_build_object(
		'content-type', 'text/html; charset=utf-8',
		'cache-control', 'no-store',
		'referrer-policy', 'no-referrer',
		'x-content-type-options', 'nosniff',
		'x-frame-options', 'DENY',
		'content-security-policy', hitl.page_policy(html))
		|| headers);
END
$$;
COMMENT ON FUNCTION hitl.http_page(jsonb, integer, jsonb) IS 'a response that is a page (hitl.render_page)';

CREATE FUNCTION hitl.http_see_other(location text, headers jsonb DEFAULT '{}') RETURNS jsonb
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN jsonb_build_object('status', 303, 'headers', jsonb_build_object('location', location,
		'cache-control', 'no-store', 'referrer-policy', 'no-referrer') || headers);
COMMENT ON FUNCTION hitl.http_see_other(text, jsonb) IS 'a response that leads to another page';

CREATE FUNCTION hitl.as_sentence(message text) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN upper(left(message, 1)) || rtrim(substr(message, 2), '.') || '.';
COMMENT ON FUNCTION hitl.as_sentence(text) IS 'the message of an error, as people read it';

-- An error, to people.  Conflicts with others are for who called, who tries again.
-- What takes too long is canceled, which OTHERS do not include; a server that stops
-- tells nobody.
CREATE FUNCTION hitl.http_error_page(sqlstate text, message text) RETURNS jsonb
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	problem jsonb := hitl.http_problem(sqlstate, message);
	status integer := problem ->> 'status';
	detail text := problem -> 'json' ->> 'detail';
BEGIN
	IF sqlstate IN ('40001', '40P01') THEN
		RAISE EXCEPTION USING ERRCODE = sqlstate, MESSAGE = message;
	ELSIF status >= 500 THEN
		RAISE LOG USING ERRCODE = sqlstate, MESSAGE = message;
	END IF;
	RETURN hitl.http_page('{"links": {"inbox": "/approvals"}}'::jsonb ||
		CASE status WHEN 404 THEN '{"page": "not_found"}'
			ELSE jsonb_build_object('page', 'error', 'message', hitl.as_sentence(detail)) END,
		status, (problem -> 'headers') - '{content-type,www-authenticate}'::text[]);
END
$$;
COMMENT ON FUNCTION hitl.http_error_page(text, text) IS
	'the page that tells of an error which a function raised';

-- ---- forms ------------------------------------------------------------------

-- With a form goes a code over its purpose, and over what it shows, by a key that
-- only its reader has: the secret of his session, or that of a cookie.  Its last part
-- is the same in all his forms: of a page they have one code, whatever they are for.
CREATE FUNCTION hitl.form_code(key text, purpose text, shown bytea DEFAULT '') RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN concat_ws('.', encode(shown, 'hex'),
		encode(hitl.hmac_sha256(convert_to(key, 'UTF8'), convert_to(format('form:%s:%s', purpose, encode(shown, 'hex')), 'UTF8')), 'hex'),
		encode(hitl.hmac_sha256(convert_to(key, 'UTF8'), 'any form'), 'hex'));
COMMENT ON FUNCTION hitl.form_code(text, text, bytea) IS
	'what goes with a form against forgery: the hash of what it shows, and codes over that and its purpose';

-- Returns the hash of what was shown.
CREATE FUNCTION hitl.check_form_code(request jsonb, code text, key text, purpose text) RETURNS bytea
	LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	shown bytea := CASE WHEN code ~ '^([0-9a-f]{2})*\.' THEN decode(split_part(code, '.', 1), 'hex') END;
	expected text := hitl.form_code(key, purpose, shown);
BEGIN
	IF purpose IS NULL THEN
		code := split_part(code, '.', 3);
		expected := split_part(hitl.form_code(key, ''), '.', 3);
	END IF;
	-- Browsers say from where a form was sent.
	IF coalesce(NOT hitl.same_bytes(convert_to(code, 'UTF8'), convert_to(expected, 'UTF8')), true)
		OR coalesce(request -> 'headers' ->> 'sec-fetch-site', 'same-origin') NOT IN ('same-origin', 'none') THEN
		RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
			MESSAGE = 'this form was not sent from a page that you had open',
			HINT = 'Open the page again, and submit its form.';
	END IF;
	RETURN shown;
END
$$;
COMMENT ON FUNCTION hitl.check_form_code(jsonb, text, text, text) IS
	'refuse a form whose code is not the one that went with it; without a purpose, any of the same reader''s; returns the hash of what it showed';
