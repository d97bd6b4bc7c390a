-- the JSON API, as the gateway answers it
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
CREATE ROLE hitl_api_gateway;
CREATE ROLE hitl_api_amy;
CREATE ROLE hitl_api_oto;
CREATE ROLE hitl_api_admin;
CREATE ROLE hitl_api_lou;
SELECT hitl.grant_access('hitl_api_gateway', 'gateway'), hitl.grant_acting('hitl_api_gateway', '*'),
	   hitl.grant_access('hitl_api_amy', 'participant'), hitl.grant_access('hitl_api_oto', 'operator'),
	   hitl.grant_access('hitl_api_admin', 'admin'), hitl.grant_access('hitl_api_lou', 'participant');
SELECT hitl.create_principal('amy', email => 'amy@example.com', role => 'hitl_api_amy', display_name => 'Amy A.');
SELECT hitl.create_principal('ben', email => 'ben@example.com');
SELECT hitl.create_principal('oto', role => 'hitl_api_oto');
SELECT hitl.create_principal('lou', role => 'hitl_api_lou');
SELECT hitl.create_principal('cic', kind => 'service');
SELECT hitl.create_group('treasury', members => '{amy,ben}');

-- the gateway in SQL needs more rights than the gateway
GRANT SELECT ON hitl.http_routes TO hitl_api_gateway;
GRANT EXECUTE ON FUNCTION hitl.http_answer, hitl.http_error, hitl.http_json TO hitl_api_gateway;
-- tokens: who may make them for whom, what they may be, and that nobody reads them
SET ROLE hitl_api_amy;
SELECT hitl.create_api_token('amy') AS amy_token \gset
SELECT hitl.create_api_token('AMY@example.com', '{approvals:read}', NULL, 'reads only') AS reader_token \gset
SELECT hitl.create_api_token('ben');
SELECT hitl.create_api_token('nobody');
SELECT hitl.create_api_token('amy', '{}');
SELECT hitl.create_api_token('amy', '{approvals:read,NULL}');
SELECT hitl.create_api_token('amy', '{everything}');
SELECT hitl.create_api_token('amy', expires => '-1 day');
SELECT :'amy_token' ~ '^hitl_[A-Za-z0-9_-]{43}$' AS looks_right, :'amy_token' <> :'reader_token' AS differ;
SELECT principal, scopes, description, created_by, expires_at > now() + interval '89 days', last_used_at, revoked_at
FROM hitl.api_tokens ORDER BY cardinality(scopes) DESC;
SELECT count(*) FROM hitl.api_token_hashes;
RESET ROLE;
SET ROLE hitl_api_admin;
SELECT hitl.create_api_token('ben', '{approvals:read,approvals:respond,approvals:request}') AS ben_token \gset
SELECT hitl.create_api_token('cic', '{approvals:request,approvals:read,workflows:read,workflows:start}') AS cic_token \gset
SELECT hitl.create_api_token('nobody');
SELECT count(*) FROM hitl.api_tokens;
RESET ROLE;
SET ROLE hitl_api_oto;
SELECT hitl.create_api_token('oto', '{approvals:request,approvals:read,approvals:respond,workflows:read,workflows:start}') AS oto_token \gset
SELECT count(*) FROM hitl.api_tokens;
RESET ROLE;
SET ROLE hitl_api_lou;
SELECT hitl.create_api_token('lou', '{approvals:request,workflows:start,workflows:read,approvals:respond}') AS lou_token \gset
RESET ROLE;
-- what is kept is a hash and a few characters
SELECT count(*) FROM hitl.api_token_hashes t WHERE to_jsonb(t)::text LIKE '%' || :'amy_token' || '%';
SELECT count(*) FROM hitl.api_token_hashes t WHERE t.hash = sha256(:'amy_token'::bytea) AND starts_with(:'amy_token', t.prefix);

-- the description of the API: its schemas are right, and it has what the routes are
SELECT n, f.* FROM jsonb_object_keys(hitl.openapi() -> 'components' -> 'schemas') AS n, hitl.validate_schema(hitl.api_schema(n)) AS f;
SELECT method, path FROM hitl.http_routes WHERE path ~ '^/(api|hooks)/'
EXCEPT SELECT upper(m), p.key FROM jsonb_each(hitl.openapi() -> 'paths') AS p, jsonb_object_keys(p.value) AS m;
SELECT upper(m), p.key FROM jsonb_each(hitl.openapi() -> 'paths') AS p, jsonb_object_keys(p.value) AS m
EXCEPT SELECT method, path FROM hitl.http_routes;
-- what is not as described in a response of a route; NULL: nothing
CREATE FUNCTION undescribed(method text, path text, response jsonb) RETURNS text LANGUAGE sql SECURITY DEFINER AS $$
	SELECT CASE WHEN response ? 'events' THEN NULL
				WHEN o.described IS NULL THEN 'status ' || (response ->> 'status')
				WHEN undescribed.method <> 'HEAD' THEN (
					SELECT string_agg(concat(v.pointer, ': ', v.message), '; ')
					FROM hitl.validate_answer(hitl.api_schema('Status') - '$ref' || replace((SELECT c.value -> 'schema'
						FROM jsonb_each(CASE WHEN o.described ? '$ref' THEN hitl.openapi() -> 'components' -> 'responses' -> 'Problem'
											 ELSE o.described END -> 'content') AS c
						WHERE c.key = response -> 'headers' ->> 'content-type')::text, '#/components/schemas/', '#/$defs/')::jsonb,
						response -> 'json') AS v) END
	FROM (SELECT p.value -> CASE undescribed.method WHEN 'HEAD' THEN 'get' ELSE lower(undescribed.method) END
					-> 'responses' -> (response ->> 'status') AS described
		  FROM jsonb_each(hitl.openapi() -> 'paths') AS p
		  WHERE path ~ ('^' || regexp_replace(p.key, '\{.*?\}', '[^/]+', 'g') || '$')
			AND p.value ? CASE undescribed.method WHEN 'HEAD' THEN 'get' ELSE lower(undescribed.method) END
		  ORDER BY length(p.key) - length(replace(p.key, '{', '')) LIMIT 1) AS o $$;
SELECT undescribed('GET', '/api/v1/session', '{"status": 418}'),
	   undescribed('GET', '/api/v1/session', '{"status": 200, "headers": {"content-type": "application/json"}, "json": {"principal": 1}}');
-- requests of a client: "call" makes one, with a token, and warns of what is not as described
CREATE FUNCTION call(method text, path text, token text DEFAULT NULL, body text DEFAULT NULL, headers jsonb DEFAULT '{}', query jsonb DEFAULT '{}')
	RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	response jsonb := hitl.http_answer(method, path, query,
		'{"user-agent": "test"}' || CASE WHEN token IS NULL THEN '{}' ELSE jsonb_build_object('authorization', 'Bearer ' || token) END
		|| CASE WHEN body IS NULL THEN '{}' ELSE '{"content-type": "application/json; charset=utf-8"}'::jsonb END || headers, body);
	fault text := undescribed(method, path, response);
BEGIN
	IF fault IS NOT NULL THEN
		RAISE WARNING '% %: %', method, path, fault;
	END IF;
	RETURN response;
END $$;
-- a response, short
CREATE FUNCTION brief(response jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT regexp_replace(concat_ws(' ', response ->> 'status', response -> 'json' ->> 'code',
		coalesce(response -> 'json' ->> 'detail', ((response -> 'json') - '{id,approval_id,workflow_id,content_hash,requested_at,decided_at}'::text[])::text),
		response -> 'json' ->> 'details', response -> 'headers' ->> 'www-authenticate'),
		'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', '<id>', 'g') $$;
SET SESSION AUTHORIZATION hitl_api_gateway;

-- who one is
SELECT call('GET', '/api/v1/openapi.json') -> 'json' ->> 'openapi';
SELECT brief(call('GET', '/api/v1/session'));
SELECT brief(call('GET', '/api/v1/session', :'amy_token'));
SELECT brief(call('GET', '/api/v1/session', :'amy_token' || 'x'));
SELECT brief(call('GET', '/api/v1/session', '', headers => '{"authorization": "Basic YTpi"}'));
SELECT brief(call('GET', '/api/v1/session', headers => '{"authorization": ""}'));
SELECT brief(call('GET', '/api/v1/session', headers => jsonb_build_object('authorization', 'bearer   ' || :'amy_token')));
-- nothing of hitl but the routes can be called
SELECT count(*) FROM pg_proc p WHERE pronamespace = 'hitl'::regnamespace AND has_function_privilege('hitl_api_gateway', p.oid, 'EXECUTE')
	AND proname !~ '^http_';
SELECT hitl.respond_to_approval('00000000-0000-7000-8000-000000000000', 'amy', 'approved');
SELECT count(*) FROM hitl.approval_requests;

-- asking: with the rights of one's role, or without a role by what the scopes say
SELECT brief(call('POST', '/api/v1/approvals', :'amy_token', '{"title": "Pay?"}'));
SELECT brief(call('POST', '/api/v1/approvals', :'lou_token', '{"title": "Pay?"}'));
SELECT brief(call('POST', '/api/v1/approvals', :'oto_token', '{"title": "Of oto", "requested_from": "amy"}'));
SELECT brief(call('POST', '/api/v1/approvals', :'cic_token', '{"title": "Of cic", "description": "d", "requested_from": "treasury", "context_data": {"amount": 12.50, "none": null}, "timeout_hours": 2}')) ;
SELECT call('POST', '/api/v1/approvals', :'cic_token', '{"title": "By both", "required_approvers": ["amy", "ben"]}') AS made \gset
SELECT :'made'::jsonb -> 'headers' ->> 'location' = '/api/v1/approvals/' || (:'made'::jsonb -> 'json' ->> 'approval_id') AS location_told;
SELECT :'made'::jsonb -> 'json' ->> 'approval_id' AS both \gset
RESET SESSION AUTHORIZATION;
SELECT title, requested_by, requested_role FROM hitl.approval_requests WHERE requested_by IN ('oto', 'cic') ORDER BY title;
SET SESSION AUTHORIZATION hitl_api_gateway;
SELECT call('POST', '/api/v1/approvals', :'cic_token', '{"title": "Told", "requested_from": "amy", "webhook": {"url": "https://example.org/x", "headers": {"a": "b"}}}') -> 'json' ->> 'approval_id' AS told \gset
RESET SESSION AUTHORIZATION;
SELECT webhook FROM hitl.approval_requests WHERE id = :'told';
SELECT hitl.cancel_approval(:'told');
SET SESSION AUTHORIZATION hitl_api_gateway;
-- faulty bodies
SELECT brief(call('POST', '/api/v1/approvals', :'cic_token'));
SELECT brief(call('POST', '/api/v1/approvals', :'cic_token', 'title=Pay', headers => '{"content-type": "application/x-www-form-urlencoded"}'));
SELECT brief(call('POST', '/api/v1/approvals', :'cic_token', ''));
SELECT brief(call('POST', '/api/v1/approvals', :'cic_token', '{"title": '));
SELECT brief(call('POST', '/api/v1/approvals', :'cic_token', '["title"]'));
SELECT brief(call('POST', '/api/v1/approvals', :'cic_token', '{"title": 1, "requested_by": "amy", "approval_threshold": "2"}'));
SELECT brief(call('POST', '/api/v1/approvals', :'cic_token', '{"title": "x\u0000"}'));
SELECT brief(call('POST', '/api/v1/approvals', :'cic_token', '{"title": "x", "channels": ["no such channel"]}'));
SELECT brief(call('POST', '/api/v1/approvals', :'cic_token', '{"title": "x", "approval_type": "nothing"}'));
SELECT brief(call('POST', '/api/v1/approvals', :'cic_token', '{"title": "x", "policy": {"from": []}}'));
SELECT brief(call('POST', '/api/v1/approvals', :'cic_token', '{"title": "x", "webhook": {"url": "mailto:a@example.org"}}'));
SELECT brief(call('POST', '/api/v1/approvals', :'cic_token', '{"title": "x", "webhook": {"to": 1}}'));
SELECT brief(call('POST', '/api/v1/approvals', :'cic_token', '{"title": "x", "requested_from": "amy", "approval_threshold": 3}'));
-- to JSON Schema 3.0 is an integer, too
SELECT brief(call('POST', '/api/v1/approvals', :'cic_token', '{"title": "x", "requested_from": "amy", "approval_threshold": 3.0}'));
SELECT call('POST', '/api/v1/approvals', :'cic_token', repeat('[', 100000)) -> 'status';

-- what one is asked, by pages
RESET SESSION AUTHORIZATION;
CREATE FUNCTION titles(response jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', response ->> 'status', response -> 'json' ->> 'detail',
		(SELECT string_agg(a ->> 'title', ', ' ORDER BY n) FROM jsonb_array_elements(response -> 'json' -> 'approvals') WITH ORDINALITY AS t (a, n)),
		CASE WHEN response -> 'json' ->> 'next' IS NOT NULL THEN '...' END) $$;
SET SESSION AUTHORIZATION hitl_api_gateway;
SELECT titles(call('GET', '/api/v1/approvals', :'amy_token'));
SELECT titles(call('GET', '/api/v1/approvals', :'ben_token'));
SELECT titles(call('GET', '/api/v1/approvals', :'cic_token'));
SELECT titles(call('GET', '/api/v1/approvals', :'lou_token'));
SELECT titles(call('GET', '/api/v1/approvals'));
SELECT titles(call('GET', '/api/v1/approvals', :'amy_token', query => '{"limit": "2"}'));
SELECT titles(call('GET', '/api/v1/approvals', :'amy_token', query => jsonb_build_object('limit', '2', 'after',
	call('GET', '/api/v1/approvals', :'amy_token', query => '{"limit": "2"}') -> 'json' ->> 'next')));
SELECT titles(call('GET', '/api/v1/approvals', :'amy_token', query => '{"limit": "101"}'));
SELECT titles(call('GET', '/api/v1/approvals', :'amy_token', query => '{"limit": "-1"}'));
SELECT titles(call('GET', '/api/v1/approvals', :'amy_token', query => '{"after": "x"}'));
-- a request that names nobody is for those whose roles see all
SELECT call('POST', '/api/v1/approvals', :'cic_token', '{"title": "Anybody?"}') -> 'json' ->> 'approval_id' AS anybody \gset
SELECT titles(call('GET', '/api/v1/approvals', :'oto_token', query => jsonb_build_object('after', :'both')));
SELECT brief(call('POST', '/api/v1/approvals/' || :'anybody' || '/respond', :'amy_token', '{"decision": "approved"}'));
SELECT brief(call('POST', '/api/v1/approvals/' || :'anybody' || '/respond', :'ben_token', '{"decision": "approved"}'));
SELECT brief(call('POST', '/api/v1/approvals/' || :'anybody' || '/respond', :'oto_token', '{"decision": "approved"}'));

-- who may follow events, and which
SELECT brief(call('GET', '/api/v1/events')), brief(call('GET', '/api/v1/events', :'lou_token')), brief(call('GET', '/api/v1/events', :'amy_token', query => '{"workflow_id": "x"}'));
SELECT call('GET', '/api/v1/events', t, query => q) -> 'events' FROM unnest(ARRAY[:'amy_token', :'oto_token']) AS t, (VALUES ('{}'::jsonb), ('{"workflow_id": "0190a8e0-0000-7000-8000-00000000000A"}')) AS v (q);

-- one request, to those who see it
SELECT call('GET', '/api/v1/approvals/' || :'both', :'amy_token') AS seen \gset
SELECT brief(:'seen');
SELECT brief(call('GET', '/api/v1/approvals/' || upper(:'both'), :'cic_token')) = brief(:'seen') AS by_who_asked;
SELECT brief(call('GET', '/api/v1/approvals/' || :'both', :'lou_token'));
SELECT brief(call('GET', '/api/v1/approvals/' || :'both', :'oto_token')) = brief(:'seen') AS by_who_sees_all;
SELECT brief(call('GET', '/api/v1/approvals/x', :'amy_token'));
SELECT brief(call('GET', '/api/v1/approvals/' || :'both' || '/form', :'amy_token'));
SELECT brief(call('GET', '/api/v1/approvals/' || :'both' || '/form', :'lou_token'));
SELECT call('HEAD', '/api/v1/approvals/' || :'both', :'amy_token');

-- answering; a key makes it once
SELECT brief(call('POST', '/api/v1/approvals/' || :'both' || '/respond', :'reader_token', '{"decision": "approved"}'));
SELECT brief(call('POST', '/api/v1/approvals/' || :'both' || '/respond', :'lou_token', '{"decision": "approved"}'));
SELECT brief(call('POST', '/api/v1/approvals/' || :'both' || '/respond', :'amy_token', '{}'));
SELECT brief(call('POST', '/api/v1/approvals/' || :'both' || '/respond', :'amy_token', '{"decision": null}'));
SELECT brief(call('POST', '/api/v1/approvals/' || :'both' || '/respond', :'amy_token', '{"decision": "maybe", "approver_id": "ben"}'));
SELECT brief(call('POST', '/api/v1/approvals/' || :'both' || '/respond', :'amy_token', '{"decision": "modified"}'));
SELECT brief(call('POST', '/api/v1/approvals/' || :'both' || '/respond', :'amy_token', jsonb_build_object('decision', 'approved', 'content_hash', repeat('0', 64))::text));
SELECT brief(call('POST', '/api/v1/approvals/x/respond', :'amy_token', '{"decision": "approved"}'));
SELECT brief(call('POST', '/api/v1/approvals/' || :'both' || '/respond', :'amy_token', '{"decision": "approved"}', '{"idempotency-key": ""}'));
SELECT brief(call('POST', '/api/v1/approvals/' || :'both' || '/respond', :'amy_token',
	jsonb_build_object('decision', 'approved', 'feedback', 'fine', 'content_hash', :'seen'::jsonb -> 'json' ->> 'content_hash')::text, '{"idempotency-key": "k1"}'));
SELECT brief(call('POST', '/api/v1/approvals/' || :'both' || '/respond', :'amy_token',
	jsonb_build_object('decision', 'approved', 'feedback', 'fine', 'content_hash', :'seen'::jsonb -> 'json' ->> 'content_hash')::text, '{"idempotency-key": "k1"}'));
SELECT brief(call('POST', '/api/v1/approvals/' || :'both' || '/respond', :'amy_token', '{"decision": "rejected"}', '{"idempotency-key": "k1"}'));
SELECT brief(call('POST', '/api/v1/approvals/' || :'both' || '/respond', :'amy_token', '{"decision": "rejected"}'));
-- a key is of who sends it
SELECT brief(call('POST', '/api/v1/approvals/' || :'both' || '/respond', :'ben_token', '{"decision": "rejected"}', '{"idempotency-key": "k1"}'));
SELECT brief(call('POST', '/api/v1/approvals/' || :'both' || '/respond', :'ben_token', '{"decision": "approved"}'));
-- what failed is no answer: the key is free
SELECT brief(call('POST', '/api/v1/approvals', :'cic_token', '{"title": "x", "channels": ["no such channel"]}', '{"idempotency-key": "k2"}'));
SELECT brief(call('POST', '/api/v1/approvals', :'cic_token', '{"title": "With a key", "requested_from": "ben"}', '{"idempotency-key": "k2"}')) ;
SELECT brief(call('POST', '/api/v1/approvals', :'cic_token', '{"title": "With a key", "requested_from": "ben"}', '{"idempotency-key": "k2"}')) ;
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM hitl.approval_requests WHERE title = 'With a key';
SELECT approver_id, decision, channel, evidence - 'token', evidence ? 'token', session_role, caller_role FROM hitl.approval_responses WHERE approval_id = :'both' ORDER BY number;
-- a form, and what is wrong with an answer; a time that is over; one that was withdrawn
SELECT hitl.request_approval('Budget?', requested_from => 'amy', approval_type => 'form', form_fields => '[{"name": "amount", "type": "number", "required": true}]') AS form,
	   hitl.request_approval('Late?', requested_from => 'amy') AS late, hitl.request_approval('Gone?', requested_from => 'amy') AS gone \gset
SELECT hitl.expire_approval(:'late'), hitl.cancel_approval(:'gone');
SET SESSION AUTHORIZATION hitl_api_gateway;
SELECT call('GET', '/api/v1/approvals/' || :'form' || '/form', :'amy_token') -> 'json';
SELECT brief(call('POST', '/api/v1/approvals/' || :'form' || '/respond', :'amy_token', '{"decision": "approved", "response_data": {"amount": "much"}}'));
SELECT brief(call('POST', '/api/v1/approvals/' || :'form' || '/respond', :'amy_token', '{"decision": "approved", "response_data": {"amount": 3}}'));
SELECT brief(call('POST', '/api/v1/approvals/' || :'late' || '/respond', :'amy_token', '{"decision": "approved"}'));
SELECT brief(call('POST', '/api/v1/approvals/' || :'gone' || '/respond', :'amy_token', '{"decision": "approved"}'));

-- several at once
SELECT call('POST', '/api/v1/approvals', :'oto_token', '{"title": "One", "requested_from": "amy"}') -> 'json' ->> 'approval_id' AS one,
	   call('POST', '/api/v1/approvals', :'oto_token', '{"title": "Two", "requested_from": "ben"}') -> 'json' ->> 'approval_id' AS two \gset
SELECT r ->> 'status', r ->> 'code', replace(r ->> 'detail', r ->> 'approval_id', '...') FROM jsonb_array_elements(
	call('POST', '/api/v1/approvals/respond', :'amy_token', jsonb_build_object('approval_ids', jsonb_build_array(:'one', :'two', :'form'), 'decision', 'rejected')::text)
	-> 'json' -> 'results') AS r;
SELECT brief(call('POST', '/api/v1/approvals/respond', :'amy_token', '{"approval_ids": [], "decision": "approved"}'));
SELECT brief(call('POST', '/api/v1/approvals/respond', :'amy_token', '{"approval_ids": ["x"], "decision": "approved"}'));
SELECT brief(call('POST', '/api/v1/approvals/respond', :'reader_token', '{"approval_ids": ["x"], "decision": "approved"}'));

-- withdrawing what one has asked, and nothing else
SELECT brief(call('POST', '/api/v1/approvals/' || :'two' || '/cancel', :'cic_token'));
SELECT brief(call('POST', '/api/v1/approvals/' || :'two' || '/cancel', :'ben_token'));
SELECT brief(call('POST', '/api/v1/approvals/' || :'two' || '/cancel', :'amy_token'));
SELECT brief(call('POST', '/api/v1/approvals/' || :'two' || '/cancel', :'oto_token', '{"reasons": "x"}'));
SELECT brief(call('POST', '/api/v1/approvals/' || :'two' || '/cancel', :'oto_token', '{"reason": "not needed"}', '{"idempotency-key": "c"}'));
SELECT brief(call('POST', '/api/v1/approvals/' || :'two' || '/cancel', :'oto_token', '{"reason": "not needed"}', '{"idempotency-key": "c"}'));
SELECT brief(call('POST', '/api/v1/approvals/' || :'two' || '/cancel', :'oto_token'));
SELECT call('POST', '/api/v1/approvals', :'cic_token', '{"title": "Of cic again", "requested_from": "ben"}') -> 'json' ->> 'approval_id' AS three,
	   call('POST', '/api/v1/approvals', :'ben_token', '{"title": "Of ben", "requested_from": "amy"}') -> 'json' ->> 'approval_id' AS four \gset
SELECT brief(call('POST', '/api/v1/approvals/' || :'four' || '/cancel', :'cic_token'));
SELECT brief(call('POST', '/api/v1/approvals/' || :'three' || '/cancel', :'ben_token'));
SELECT brief(call('POST', '/api/v1/approvals/' || :'three' || '/cancel', :'cic_token'));
RESET SESSION AUTHORIZATION;
SELECT title, decided_by, reason FROM hitl.approval_requests WHERE status = 'cancelled' AND id > :'both' ORDER BY title;

-- workflows, as the role of who starts them
SELECT hitl.create_template('pay_by_api', definition => '{"steps": [{"name": "ask", "type": "approval", "title": "Pay?"}]}');
SET SESSION AUTHORIZATION hitl_api_gateway;
SELECT brief(call('POST', '/api/v1/workflows', :'amy_token', '{"template": "pay_by_api"}'));
SELECT brief(call('POST', '/api/v1/workflows', :'lou_token', '{"template": "pay_by_api"}'));
SELECT brief(call('POST', '/api/v1/workflows', :'cic_token', '{"template": "pay_by_api"}'));
SELECT brief(call('POST', '/api/v1/workflows', :'oto_token', '{"template": "nothing"}'));
SELECT brief(call('POST', '/api/v1/workflows', :'oto_token', '{"template": "pay_by_api", "priority": 10}'));
SELECT brief(call('POST', '/api/v1/workflows', :'oto_token', '{"template": "pay_by_api", "priority": 1.0, "version": 7.0}'));
SELECT brief(call('POST', '/api/v1/workflows', :'oto_token', '{"template": "pay_by_api", "start_at": "tomorrow or so"}'));
SELECT call('POST', '/api/v1/workflows', :'oto_token', '{"template": "pay_by_api", "input_data": {"amount": 7}, "start_at": "2100-01-01T00:00:00Z"}', '{"idempotency-key": "w"}') -> 'json' ->> 'workflow_id' AS workflow \gset
SELECT call('POST', '/api/v1/workflows', :'oto_token', '{"template": "pay_by_api", "input_data": {"amount": 7}, "start_at": "2100-01-01T00:00:00Z"}', '{"idempotency-key": "w"}') -> 'json' ->> 'workflow_id' = :'workflow' AS the_same;
SELECT w ->> 'status', w ->> 'owner', w ->> 'created_by', w -> 'variables' FROM (SELECT call('GET', '/api/v1/workflows/' || :'workflow', :'oto_token') -> 'json' AS w) AS s;
SELECT brief(call('GET', '/api/v1/workflows/' || :'workflow', :'lou_token'));
SELECT brief(call('GET', '/api/v1/workflows/' || :'workflow', :'cic_token'));
SELECT brief(call('GET', '/api/v1/workflows/' || :'workflow', :'amy_token'));
-- the role was lent for the one call only
SELECT current_user, session_user, brief(call('POST', '/api/v1/workflows', :'oto_token', '{"template": "pay_by_api", "version": 7}')), current_user;

-- paths and methods
SELECT brief(call('GET', '/nothing')), brief(call('GET', '/api/v1/approvals/')), brief(call('GET', '/api/v1'));
SELECT response -> 'status', response -> 'headers' -> 'allow' FROM (SELECT call('DELETE', '/api/v1/approvals')) AS r (response);
SELECT response -> 'status', response -> 'headers' -> 'allow' FROM (SELECT call('PUT', '/api/v1/approvals/respond')) AS r (response);
SELECT brief(call('GET', '/api/v1/approvals/respond', :'amy_token'));
RESET SESSION AUTHORIZATION;

-- for whom the gateway acts, its own grants do not count
CREATE FUNCTION as_oto(statement text) RETURNS jsonb LANGUAGE sql SECURITY DEFINER RETURN hitl.call_as('hitl_api_oto', statement, '{}');
SET SESSION AUTHORIZATION hitl_api_gateway;
SELECT as_oto($$ SELECT jsonb_build_array(hitl.current_principal(), hitl.may_act_for('oto'), hitl.may_act_for('ben')) $$);
RESET SESSION AUTHORIZATION;
DROP FUNCTION as_oto;

-- whose role is taken away has no rights by the tokens that it has made itself, which were to be no more than the role's
SET ROLE hitl_api_admin;
SELECT hitl.create_api_token('lou', '{approvals:read}') AS given_token \gset
RESET ROLE;
SELECT hitl.update_principal('lou', display_name => 'Lou');
SET SESSION AUTHORIZATION hitl_api_gateway;
SELECT brief(call('POST', '/api/v1/approvals', :'lou_token', '{"title": "x", "requested_from": "amy"}'));
RESET SESSION AUTHORIZATION;
SELECT hitl.update_principal('lou', role => '');
SET SESSION AUTHORIZATION hitl_api_gateway;
SELECT brief(call('POST', '/api/v1/approvals', :'lou_token', '{"title": "x", "requested_from": "amy"}'));
SELECT call('GET', '/api/v1/session', :'given_token') -> 'json' -> 'scopes';
RESET SESSION AUTHORIZATION;
-- a token that is revoked, has expired, or whose principal is not active is of no use, and the answer does not tell why
SELECT hitl.revoke_api_token((SELECT id FROM hitl.api_tokens WHERE description = 'reads only')), hitl.revoke_api_token((SELECT id FROM hitl.api_tokens WHERE description = 'reads only'));
SET ROLE hitl_api_amy;
SELECT hitl.revoke_api_token('00000000-0000-7000-8000-000000000000');
SELECT hitl.revoke_api_token(id) FROM hitl.api_tokens WHERE revoked_at IS NULL;
RESET ROLE;
UPDATE hitl.api_token_hashes SET expires_at = now() - interval '1 second' WHERE principal = 'cic';
SELECT hitl.set_principal_active('oto', false);
SET SESSION AUTHORIZATION hitl_api_gateway;
SELECT brief(call('GET', '/api/v1/session', t)) FROM unnest(ARRAY[:'reader_token', :'amy_token', :'cic_token', :'oto_token']) AS t;
RESET SESSION AUTHORIZATION;
SELECT hitl.create_api_token('oto');
-- without its grant to act for others, the gateway answers for nobody
SELECT hitl.revoke_acting('hitl_api_gateway', '*');
SET SESSION AUTHORIZATION hitl_api_gateway;
SELECT brief(call('POST', '/api/v1/approvals/' || :'four' || '/respond', :'ben_token', '{"decision": "approved"}'));
RESET SESSION AUTHORIZATION;

-- the problems that errors are
SELECT s.state, hitl.http_problem(s.state, 'm', E'a\nb', 'h') - 'headers' FROM unnest('{WF003,WF015,WF011,WF012,WF019,42501,22P02,28000,WF070,WF044,40001,57014,XX000,P0001}'::text[]) AS s (state);
REVOKE SELECT ON hitl.http_routes FROM hitl_api_gateway;
REVOKE EXECUTE ON FUNCTION hitl.http_answer, hitl.http_error, hitl.http_json FROM hitl_api_gateway;
SELECT hitl.revoke_access('hitl_api_gateway');
SELECT count(*) FROM pg_proc p WHERE pronamespace = 'hitl'::regnamespace AND has_function_privilege('hitl_api_gateway', p.oid, 'EXECUTE');
DROP FUNCTION call, brief, titles, undescribed;
SELECT hitl.revoke_access(r) FROM unnest('{hitl_api_amy,hitl_api_oto,hitl_api_admin,hitl_api_lou}'::name[]) AS r;
DROP ROLE hitl_api_gateway, hitl_api_amy, hitl_api_oto, hitl_api_admin, hitl_api_lou;
