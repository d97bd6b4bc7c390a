-- api.sql
--		The JSON API; openapi.sql describes it.

-- ---- who asks ---------------------------------------------------------------

-- By a token, or by the session of a browser, whose scripts say so in a header that
-- no form of another site can send.
CREATE FUNCTION hitl.api_caller(
	request jsonb, scope text,
	OUT principal text, OUT role name, OUT channel text, OUT scopes text[], OUT code text, OUT evidence jsonb,
	OUT cookies jsonb
)
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	bearer text := (regexp_match(request -> 'headers' ->> 'authorization', '^bearer +([^ ]+) *$', 'i'))[1];
	visitor record;
BEGIN
	IF request -> 'headers' ? 'authorization' THEN
		SELECT h.principal, h.role, h.scopes, h.evidence || hitl.request_evidence(request)
		INTO principal, role, scopes, evidence FROM hitl.token_holder(coalesce(bearer, '')) AS h;
		channel := 'api';
	ELSE
		SELECT * INTO visitor FROM hitl.web_visitor(request);
		IF visitor.principal IS NULL THEN
			RAISE EXCEPTION USING ERRCODE = 'invalid_authorization_specification',
				MESSAGE = 'the request does not say who makes it',
				HINT = 'Send "Authorization: Bearer" and a token of hitl.create_api_token().';
		END IF;
		principal := visitor.principal;
		role := visitor.role;
		evidence := visitor.evidence;
		channel := 'web';
		cookies := visitor.cookies;
		scopes := '{approvals:read,approvals:respond}'::text[]
			|| CASE WHEN role IS NOT NULL THEN '{approvals:request,workflows:read,workflows:start}'::text[] END;
		code := hitl.form_code(visitor.key, 'api:' || principal);
		IF request ->> 'method' <> 'GET' THEN
			PERFORM hitl.check_form_code(request, request -> 'headers' ->> 'x-csrf-token', visitor.key, 'api:' || principal);
		END IF;
	END IF;
	IF scope <> ALL (scopes) THEN
		RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
			MESSAGE = format('this needs the scope "%s"', scope),
			HINT = 'hitl.create_api_token() makes a token with it.';
	END IF;
END
$$;
COMMENT ON FUNCTION hitl.api_caller(jsonb, text) IS
	'who makes a request to the API, having the scope that it needs';

-- A body that is as the description of the API says.
CREATE FUNCTION hitl.api_body(request jsonb, schema text) RETURNS jsonb
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	body jsonb := hitl.http_body(request);
	faults text;
BEGIN
	SELECT string_agg(format('%s: %s', coalesce(nullif(f.pointer, ''), '/'), f.message), E'\n') INTO faults
	FROM (SELECT v.* FROM hitl.validate_answer(hitl.api_schema(schema), body) AS v LIMIT 20) AS f;
	IF faults IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'the body of the request is not as it should be', DETAIL = faults,
			HINT = 'GET /api/v1/openapi.json describes it.';
	END IF;
	RETURN body;
END
$$;
COMMENT ON FUNCTION hitl.api_body(jsonb, text) IS
	'the body of a request to the API, checked by a schema of its description';

-- On the authority of the caller's role.  Who has none is what its scopes say.
CREATE FUNCTION hitl.api_call(role name, statement text, argument jsonb) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	result jsonb;
BEGIN
	IF role IS NOT NULL THEN
		RETURN hitl.call_as(role, statement, argument);
	END IF;
	EXECUTE statement INTO result USING argument;
	RETURN result;
END
$$;
COMMENT ON FUNCTION hitl.api_call(name, text, jsonb) IS
	'run a statement, whose $1 is the argument, for a caller of the API';

-- ---- approval requests --------------------------------------------------------

CREATE FUNCTION hitl.http_api_session(request jsonb) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	caller record;
BEGIN
	SELECT * INTO caller FROM hitl.api_caller(request, NULL);
	RETURN hitl.http_json(jsonb_strip_nulls(jsonb_build_object('principal', caller.principal,
		'display_name', (SELECT p.display_name FROM hitl.principals p WHERE p.name = caller.principal),
		'scopes', to_jsonb(caller.scopes), 'csrf_token', caller.code)), 200, coalesce(caller.cookies, '{}'));
END
$$;
COMMENT ON FUNCTION hitl.http_api_session(jsonb) IS 'GET /api/v1/session: who one is';

CREATE FUNCTION hitl.http_api_list(request jsonb) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	caller record;
BEGIN
	SELECT * INTO caller FROM hitl.api_caller(request, 'approvals:read');
	RETURN hitl.http_json(hitl.pending_documents(caller.principal, request -> 'query' ->> 'after',
												 request -> 'query' ->> 'limit'));
END
$$;
COMMENT ON FUNCTION hitl.http_api_list(jsonb) IS 'GET /api/v1/approvals: what one is asked';

CREATE FUNCTION hitl.http_api_read(request jsonb) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	caller record;
BEGIN
	SELECT * INTO caller FROM hitl.api_caller(request, 'approvals:read');
	PERFORM hitl.check_seen(caller.principal, hitl.http_id(request));
	RETURN (SELECT hitl.http_json(hitl.approval_document(a) || jsonb_build_object('responses', hitl.responses_document(a.id)))
			FROM hitl.approval_requests a WHERE a.id = hitl.http_id(request));
END
$$;
COMMENT ON FUNCTION hitl.http_api_read(jsonb) IS 'GET /api/v1/approvals/{id}: a request and its answers';

CREATE FUNCTION hitl.http_api_form(request jsonb) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	caller record;
BEGIN
	SELECT * INTO caller FROM hitl.api_caller(request, 'approvals:read');
	PERFORM hitl.check_seen(caller.principal, hitl.http_id(request));
	RETURN (SELECT hitl.http_json(hitl.form_document(a))
			FROM hitl.approval_requests a WHERE a.id = hitl.http_id(request));
END
$$;
COMMENT ON FUNCTION hitl.http_api_form(jsonb) IS 'GET /api/v1/approvals/{id}/form: what an answer must look like';

-- By a client of the API, or by a sender of webhooks.
CREATE FUNCTION hitl.answer_by_body(request jsonb, principal text, channel text, evidence jsonb, sender text, key text)
	RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	body jsonb := hitl.api_body(request, 'Answer');
	response jsonb := hitl.take_request(request, sender, key);
BEGIN
	IF response IS NOT NULL THEN
		RETURN response;
	END IF;
	RETURN hitl.keep_response(hitl.http_json(jsonb_build_object('approval_id', hitl.http_id(request),
		'status', hitl.respond_to_approval(hitl.http_id(request), principal, body ->> 'decision',
			body -> 'response_data', body ->> 'feedback', body -> 'edits', decode(body ->> 'content_hash', 'hex'),
			channel, evidence))), sender, key);
END
$$;
COMMENT ON FUNCTION hitl.answer_by_body(jsonb, text, text, jsonb, text, text) IS
	'answer the request in the path as the body of a request says, once for each key of its sender';

CREATE FUNCTION hitl.http_api_respond(request jsonb) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	caller record;
BEGIN
	SELECT * INTO caller FROM hitl.api_caller(request, 'approvals:respond');
	RETURN hitl.answer_by_body(request, caller.principal, caller.channel, caller.evidence,
		caller.principal, request -> 'headers' ->> 'idempotency-key');
END
$$;
COMMENT ON FUNCTION hitl.http_api_respond(jsonb) IS 'POST /api/v1/approvals/{id}/respond: answers a request';

CREATE FUNCTION hitl.http_api_respond_all(request jsonb) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	caller record;
	key text := request -> 'headers' ->> 'idempotency-key';
	body jsonb;
	response jsonb;
BEGIN
	SELECT * INTO caller FROM hitl.api_caller(request, 'approvals:respond');
	body := hitl.api_body(request, 'Answers');
	response := hitl.take_request(request, caller.principal, key);
	IF response IS NOT NULL THEN
		RETURN response;
	END IF;
	SELECT hitl.http_json(jsonb_build_object('results', jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
		'approval_id', r.approval_id, 'status', r.status, 'code', r.sqlstate,
		'detail', p.problem -> 'detail', 'details', p.problem -> 'details')) ORDER BY r.approval_id)))
	INTO response
	FROM hitl.respond_to_approvals(ARRAY(SELECT i::uuid FROM jsonb_array_elements_text(body -> 'approval_ids') AS i),
		body ->> 'decision', caller.principal, body -> 'response_data', body ->> 'feedback', caller.channel,
		caller.evidence) AS r
	LEFT JOIN LATERAL (SELECT hitl.http_problem(r.sqlstate, r.message, r.detail) -> 'json') AS p (problem)
		ON r.sqlstate IS NOT NULL;
	RETURN hitl.keep_response(response, caller.principal, key);
END
$$;
COMMENT ON FUNCTION hitl.http_api_respond_all(jsonb) IS 'POST /api/v1/approvals/respond: answers several requests alike';

CREATE FUNCTION hitl.http_api_request(request jsonb) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	caller record;
	key text := request -> 'headers' ->> 'idempotency-key';
	body jsonb;
	response jsonb;
	id text;
BEGIN
	SELECT * INTO caller FROM hitl.api_caller(request, 'approvals:request');
	body := hitl.api_body(request, 'NewApproval');
	response := hitl.take_request(request, caller.principal, key);
	IF response IS NOT NULL THEN
		RETURN response;
	END IF;
	-- To JSON Schema 2.0 is an integer, too.
	id := hitl.api_call(caller.role, $call$
		SELECT to_jsonb(hitl.request_approval($1 ->> 'title', $1 ->> 'description',
			coalesce($1 ->> 'approval_type', 'binary'), $1 ->> 'requested_from',
			CASE WHEN $1 ? 'required_approvers' THEN ARRAY(SELECT jsonb_array_elements_text($1 -> 'required_approvers')) END,
			($1 ->> 'approval_threshold')::numeric::integer, ($1 ->> 'timeout_hours')::numeric,
			coalesce($1 -> 'context_data', '{}'), ($1 ->> 'workflow_id')::uuid, $1 ->> 'requested_by',
			CASE WHEN $1 ? 'channels' THEN ARRAY(SELECT jsonb_array_elements_text($1 -> 'channels')) END,
			NULL, $1 -> 'policy', $1 -> 'form_fields', $1 -> 'webhook')) $call$,
		body || jsonb_build_object('requested_by', caller.principal)) #>> '{}';
	RETURN hitl.keep_response(hitl.http_json(jsonb_build_object('approval_id', id), 201,
		jsonb_build_object('location', '/api/v1/approvals/' || id)), caller.principal, key);
END
$$;
COMMENT ON FUNCTION hitl.http_api_request(jsonb) IS 'POST /api/v1/approvals: asks for an approval';

CREATE FUNCTION hitl.http_api_cancel(request jsonb) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	caller record;
	key text := request -> 'headers' ->> 'idempotency-key';
	body jsonb := '{}';
	response jsonb;
	own boolean;
BEGIN
	SELECT * INTO caller FROM hitl.api_caller(request, 'approvals:request');
	IF coalesce(request ->> 'body', '') <> '' THEN
		body := hitl.api_body(request, 'Cancellation');
	END IF;
	response := hitl.take_request(request, caller.principal, key);
	IF response IS NOT NULL THEN
		RETURN response;
	END IF;
	PERFORM hitl.check_seen(caller.principal, hitl.http_id(request));
	-- What was asked without a role was asked with that of the gateway, for one principal.
	SELECT a.requested_role = hitl.calling_role() AND hitl.principal_of(a.requested_by) = caller.principal INTO own
	FROM hitl.approval_requests a WHERE a.id = hitl.http_id(request);
	IF NOT own AND caller.role IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
			MESSAGE = format('permission denied for approval request %s', hitl.http_id(request)),
			HINT = 'A request is withdrawn by who has made it.';
	END IF;
	RETURN hitl.keep_response(hitl.http_json(jsonb_build_object('approval_id', hitl.http_id(request),
		'status', hitl.api_call(CASE WHEN NOT own THEN caller.role END,
			'SELECT to_jsonb(hitl.cancel_approval(($1 ->> ''id'')::uuid, $1 ->> ''reason''))',
			jsonb_build_object('id', hitl.http_id(request),
							   'reason', coalesce(body ->> 'reason', 'withdrawn by ' || caller.principal))))),
		caller.principal, key);
END
$$;
COMMENT ON FUNCTION hitl.http_api_cancel(jsonb) IS 'POST /api/v1/approvals/{id}/cancel: withdraws a request';

-- ---- workflows ----------------------------------------------------------------

CREATE FUNCTION hitl.http_api_start(request jsonb) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	caller record;
	key text := request -> 'headers' ->> 'idempotency-key';
	body jsonb;
	response jsonb;
	id text;
BEGIN
	SELECT * INTO caller FROM hitl.api_caller(request, 'workflows:start');
	body := hitl.api_body(request, 'NewWorkflow');
	response := hitl.take_request(request, caller.principal, key);
	IF response IS NOT NULL THEN
		RETURN response;
	ELSIF caller.role IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
			MESSAGE = format('principal "%s" has no role', caller.principal),
			DETAIL = 'A workflow runs as the role of who starts it.',
			HINT = 'hitl.update_principal() gives it one.';
	END IF;
	id := hitl.call_as(caller.role, $call$
		SELECT to_jsonb(hitl.start_template($1 ->> 'template', coalesce($1 -> 'input_data', '{}'),
			($1 ->> 'version')::numeric::integer, $1 ->> 'name', ($1 ->> 'start_at')::timestamptz, NULL,
			coalesce(($1 ->> 'priority')::numeric::integer, 0), ($1 ->> 'deadline')::timestamptz, $1 ->> 'created_by')) $call$,
		body || jsonb_build_object('created_by', caller.principal)) #>> '{}';
	RETURN hitl.keep_response(hitl.http_json(jsonb_build_object('workflow_id', id), 201,
		jsonb_build_object('location', '/api/v1/workflows/' || id)), caller.principal, key);
END
$$;
COMMENT ON FUNCTION hitl.http_api_start(jsonb) IS 'POST /api/v1/workflows: starts a template, as the role of the caller';

CREATE FUNCTION hitl.http_api_workflow(request jsonb) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	caller record;
BEGIN
	SELECT * INTO caller FROM hitl.api_caller(request, 'workflows:read');
	PERFORM FROM hitl.workflows w
	WHERE w.id = hitl.http_id(request)
	  AND (hitl.principal_sees_all(caller.principal) OR hitl.principal_of(w.created_by) = caller.principal
		   OR EXISTS (SELECT FROM pg_roles r JOIN pg_roles o ON o.rolname = w.owner
					  WHERE r.rolname = caller.role AND pg_has_role(r.oid, o.oid, 'USAGE')));
	IF NOT FOUND THEN
		RAISE EXCEPTION USING ERRCODE = 'WF002',
			MESSAGE = format('workflow %s does not exist', hitl.http_id(request)),
			HINT = 'Or it is one that you do not see.';
	END IF;
	RETURN hitl.http_json(hitl.get_workflow_status(hitl.http_id(request)));
END
$$;
COMMENT ON FUNCTION hitl.http_api_workflow(jsonb) IS 'GET /api/v1/workflows/{id}: how a workflow stands';

-- ---- events -------------------------------------------------------------------

-- Of workflows of others, who does not see all has those about what he is asked.
CREATE FUNCTION hitl.http_events_allowed(request jsonb) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	caller record;
	workflow text := request -> 'query' ->> 'workflow_id';
BEGIN
	SELECT * INTO caller FROM hitl.api_caller(request, 'approvals:read');
	IF NOT hitl.is_id(workflow) THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'workflow_id must be the id of a workflow';
	END IF;
	RETURN jsonb_build_object('principal', caller.principal, 'filter', jsonb_strip_nulls(jsonb_build_object(
		'all', nullif(hitl.principal_sees_all(caller.principal), false), 'workflow_id', lower(workflow))));
END
$$;
COMMENT ON FUNCTION hitl.http_events_allowed(jsonb) IS
	'who asks for events, and which: {"principal": name, "filter": {"all": true, "workflow_id": id}}';

INSERT INTO hitl.http_routes (method, path, function, description) VALUES
	('GET', '/api/v1/session', 'hitl.http_api_session(jsonb)', 'who one is'),
	('GET', '/api/v1/approvals', 'hitl.http_api_list(jsonb)', 'what one is asked'),
	('POST', '/api/v1/approvals', 'hitl.http_api_request(jsonb)', 'asks for an approval'),
	('POST', '/api/v1/approvals/respond', 'hitl.http_api_respond_all(jsonb)', 'answers several requests alike'),
	('GET', '/api/v1/approvals/{id}', 'hitl.http_api_read(jsonb)', 'a request and its answers'),
	('GET', '/api/v1/approvals/{id}/form', 'hitl.http_api_form(jsonb)', 'what an answer must look like'),
	('POST', '/api/v1/approvals/{id}/respond', 'hitl.http_api_respond(jsonb)', 'answers a request'),
	('POST', '/api/v1/approvals/{id}/cancel', 'hitl.http_api_cancel(jsonb)', 'withdraws a request'),
	('POST', '/api/v1/workflows', 'hitl.http_api_start(jsonb)', 'starts a template'),
	('GET', '/api/v1/workflows/{id}', 'hitl.http_api_workflow(jsonb)', 'how a workflow stands');
