-- route.sql
--		What the gateway answers: routes, each a function of SQL, and how errors are told.
--
-- A function of a route (hitl.http_routes) takes a request and returns a response, as
-- documented in docs/reference/http.md.  It recognises itself who asks.

-- ---- responses --------------------------------------------------------------

CREATE FUNCTION hitl.http_json(value jsonb, status integer DEFAULT 200, headers jsonb DEFAULT '{}') RETURNS jsonb
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN jsonb_build_object('status', status, 'json', value,
		'headers', '{"content-type": "application/json", "cache-control": "no-store"}' || headers);
COMMENT ON FUNCTION hitl.http_json(jsonb, integer, jsonb) IS 'a response that is JSON';

CREATE FUNCTION hitl.http_error(status integer, detail text, members jsonb DEFAULT '{}', headers jsonb DEFAULT '{}')
	RETURNS jsonb
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN hitl.http_json(
		jsonb_strip_nulls(jsonb_build_object('type', 'about:blank', 'status', status, 'title', CASE status
			WHEN 400 THEN 'Bad Request' WHEN 401 THEN 'Unauthorized' WHEN 403 THEN 'Forbidden'
			WHEN 404 THEN 'Not Found' WHEN 405 THEN 'Method Not Allowed' WHEN 409 THEN 'Conflict'
			WHEN 410 THEN 'Gone' WHEN 413 THEN 'Content Too Large' WHEN 415 THEN 'Unsupported Media Type'
			WHEN 422 THEN 'Unprocessable Content' WHEN 429 THEN 'Too Many Requests'
			WHEN 503 THEN 'Service Unavailable' ELSE 'Internal Server Error' END,
			'detail', detail) || members),
		status, '{"content-type": "application/problem+json"}' || headers);
COMMENT ON FUNCTION hitl.http_error(integer, text, jsonb, jsonb) IS
	'a response that is a problem (RFC 9457)';

CREATE FUNCTION hitl.http_problem(
	sqlstate text, message text, detail text DEFAULT NULL, hint text DEFAULT NULL
) RETURNS jsonb
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	class text := left(sqlstate, 2);
	status integer := CASE
		WHEN sqlstate IN ('WF002', 'WF003', 'WF004', 'WF005', 'WF040', 'P0002') THEN 404
		WHEN sqlstate IN ('WF015', 'WF053', 'WF054', '42501') THEN 403
		WHEN sqlstate IN ('WF012', 'WF013') THEN 410
		WHEN sqlstate IN ('WF010', 'WF011', 'WF014', 'WF017', 'WF018', 'WF031', 'WF032', 'WF041', 'WF042',
						  'WF043', 'WF045', 'WF051', '0A000') THEN 409
		WHEN sqlstate = 'WF044' THEN 429
		WHEN sqlstate = 'WF070' THEN 415
		WHEN sqlstate IN ('WF020', 'WF033') THEN 503
		WHEN class = 'WF' OR sqlstate IN ('22023', '22004', '42704') THEN 422
		WHEN class = '28' THEN 401
		-- What was sent cannot be read.
		WHEN sqlstate IN ('22003', '22007', '22008', '22021', '22032', '22P02', '22P05', '54001') THEN 400
		-- Again later: conflicts with others, no resources, time-outs, a server that stops.
		WHEN class IN ('40', '53', '57') OR sqlstate IN ('25006', '55000', '55P03') THEN 503
		ELSE 500 END;
BEGIN
	-- What went wrong inside is for the log.
	IF status >= 500 THEN
		RETURN hitl.http_error(status, CASE status WHEN 503 THEN 'The request could not be served now.'
			ELSE 'The request could not be served.' END, headers => CASE status
			WHEN 503 THEN '{"retry-after": "1"}' ELSE '{}' END::jsonb);
	END IF;
	RETURN hitl.http_error(status, message,
		jsonb_build_object('code', sqlstate, 'hint', nullif(hint, ''),
						   'details', to_jsonb(string_to_array(nullif(detail, ''), E'\n'))),
		CASE status WHEN 401 THEN '{"www-authenticate": "Bearer realm=\"hitl\""}'
			WHEN 429 THEN '{"retry-after": "1"}' ELSE '{}' END::jsonb);
END
$$;
COMMENT ON FUNCTION hitl.http_problem(text, text, text, text) IS
	'the response to a request whose function raised an error: a problem (RFC 9457) with a status by its SQLSTATE';

-- ---- requests ---------------------------------------------------------------

CREATE FUNCTION hitl.is_id(value text) RETURNS boolean
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN value ~ '^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$';
COMMENT ON FUNCTION hitl.is_id(text) IS 'is a text an id, as RFC 9562 writes them?';

CREATE FUNCTION hitl.http_id(request jsonb) RETURNS uuid
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT coalesce(hitl.is_id(request -> 'args' ->> 'id'), false) THEN
		RAISE EXCEPTION USING ERRCODE = 'no_data_found',
			MESSAGE = format('"%s" is not an id', left(request -> 'args' ->> 'id', 100));
	END IF;
	RETURN (request -> 'args' ->> 'id')::uuid;
END
$$;
COMMENT ON FUNCTION hitl.http_id(jsonb) IS 'the id in the path of a request';

CREATE FUNCTION hitl.request_evidence(request jsonb) RETURNS jsonb
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN jsonb_strip_nulls(jsonb_build_object('address', request -> 'address',
		'user_agent', left(request -> 'headers' ->> 'user-agent', 300)));
COMMENT ON FUNCTION hitl.request_evidence(jsonb) IS 'what a request says of where it is from: address and browser';

CREATE FUNCTION hitl.http_media_type(request jsonb) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN lower(btrim(split_part(coalesce(request -> 'headers' ->> 'content-type', ''), ';', 1)));
COMMENT ON FUNCTION hitl.http_media_type(jsonb) IS 'what a request says that its body is';

CREATE FUNCTION hitl.http_body(request jsonb) RETURNS jsonb
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	body jsonb;
BEGIN
	IF hitl.http_media_type(request) NOT IN ('application/json', 'text/json') THEN
		RAISE EXCEPTION USING ERRCODE = 'WF070',
			MESSAGE = 'the body of the request must be JSON',
			HINT = 'Send it with "Content-Type: application/json".';
	END IF;
	body := coalesce(request ->> 'body', '')::jsonb;
	IF jsonb_typeof(body) <> 'object' THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'the body of the request must be a JSON object';
	END IF;
	RETURN body;
END
$$;
COMMENT ON FUNCTION hitl.http_body(jsonb) IS 'the JSON object that a request brings';

-- ---- answering in SQL -------------------------------------------------------

CREATE FUNCTION hitl.http_answer(
	method text,
	path text,
	query jsonb DEFAULT '{}',
	headers jsonb DEFAULT '{}',
	body text DEFAULT NULL,
	address text DEFAULT '127.0.0.1',
	secure boolean DEFAULT true,
	trusted boolean DEFAULT false
) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	wanted CONSTANT text := CASE http_answer.method WHEN 'HEAD' THEN 'GET' ELSE http_answer.method END;
	given CONSTANT text[] := string_to_array(http_answer.path, '/');
	route record;
	request jsonb;
	response jsonb;
	state text;
	message text;
	detail text;
	hint text;
BEGIN
	-- A segment that is named is preferred to one that may be anything.
	SELECT (array_agg(r.function) FILTER (WHERE r.method = wanted))[1] AS function,
		   string_agg(r.method, ', ' ORDER BY r.method) AS allowed,
		   (SELECT jsonb_object_agg(btrim(s.pattern, '{}'), s.segment)
			FROM unnest(string_to_array(r.path, '/'), given) AS s (pattern, segment) WHERE s.pattern ~ '^\{') AS args
	INTO route
	FROM hitl.http_routes r
	WHERE cardinality(string_to_array(r.path, '/')) = cardinality(given)
	  AND NOT EXISTS (SELECT FROM unnest(string_to_array(r.path, '/'), given) AS s (pattern, segment)
					  WHERE CASE WHEN s.pattern ~ '^\{' THEN s.segment = '' ELSE s.pattern <> s.segment END)
	GROUP BY r.path
	ORDER BY bool_or(r.method = wanted) DESC, length(regexp_replace(r.path, '[^{]', '', 'g')) LIMIT 1;
	IF NOT FOUND THEN
		RETURN hitl.http_error(404, 'There is nothing at this path.');
	ELSIF route.function IS NULL THEN
		RETURN hitl.http_error(405, 'This path has no such method.',
							   headers => jsonb_build_object('allow', route.allowed));
	END IF;
	request := jsonb_strip_nulls(jsonb_build_object('method', wanted, 'path', http_answer.path,
		'args', coalesce(route.args, '{}'), 'query', http_answer.query, 'headers', http_answer.headers,
		'body', http_answer.body, 'address', http_answer.address, 'secure', http_answer.secure,
		'trusted', http_answer.trusted));
	BEGIN
		EXECUTE format('SELECT %s($1)', route.function::regprocedure::regproc) INTO response USING request;
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
			hint = PG_EXCEPTION_HINT;
		IF state IN ('40001', '40P01') THEN
			RAISE;
		END IF;
		response := hitl.http_problem(state, message, detail, hint);
		IF (response ->> 'status')::integer >= 500 THEN
			RAISE LOG USING ERRCODE = state, MESSAGE = message, DETAIL = detail;
		END IF;
	END;
	IF http_answer.method = 'HEAD' THEN
		response := response - 'body' - 'json';
	END IF;
	RETURN response;
END
$$;
COMMENT ON FUNCTION hitl.http_answer(text, text, jsonb, jsonb, text, text, boolean, boolean) IS
	'what the gateway would answer to a request, without the gateway: finds the route, calls its function, turns an error into a problem';
