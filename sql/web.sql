-- pages on which people answer, by links in messages and signed in
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
CREATE ROLE hitl_web_gateway;
\set here :DBNAME
CREATE DATABASE hitl_web;
\c hitl_web
CREATE EXTENSION hitl;
-- pages are shown as the documents that they are rendered from, and mails are kept
SET client_min_messages = warning;
DO $$
DECLARE
	f regprocedure;
BEGIN
	FOR f IN SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'hitl'::regnamespace AND proname IN ('render_page', 'read_form_answer', 'queue_link_mail') LOOP
		EXECUTE format('ALTER EXTENSION hitl DROP FUNCTION %s', f);
		EXECUTE format('DROP FUNCTION %s', f);
	END LOOP;
END $$;
RESET client_min_messages;
CREATE TABLE mail (address text, subject text, body text);
CREATE FUNCTION hitl.render_page(page jsonb) RETURNS text LANGUAGE sql AS $$ SELECT '<style>p { margin: 0 }</style>' || page::text $$;
CREATE FUNCTION hitl.read_form_answer(fields jsonb, schema jsonb) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_object_agg(substr(key, 2), CASE WHEN value #>> '{}' ~ '^[0-9]+$' THEN (value #>> '{}')::jsonb ELSE value END) FROM jsonb_each(fields) $$;
CREATE FUNCTION hitl.queue_link_mail(link_id uuid) RETURNS uuid LANGUAGE sql AS $$
	INSERT INTO public.mail SELECT m.address, m.subject, m.text FROM hitl.sign_in_mail(link_id) AS m WHERE m.address IS NOT NULL; SELECT NULL::uuid $$;
SELECT hitl.grant_access('hitl_web_gateway', 'gateway'), hitl.grant_acting('hitl_web_gateway', '*');
SELECT hitl.create_principal('wanda', email => 'wanda@example.com', display_name => 'Wanda W.'), hitl.create_principal('will', email => 'will@example.com');
SELECT hitl.create_principal('robot', email => 'robot@example.com', kind => 'service');

-- the gateway in SQL needs more rights than the gateway
GRANT SELECT ON hitl.http_routes TO hitl_web_gateway;
GRANT EXECUTE ON FUNCTION hitl.http_answer, hitl.http_error, hitl.http_json TO hitl_web_gateway;
-- a browser: "go" follows a link, "send" submits the form of the last page
CREATE TABLE browser (name text PRIMARY KEY, cookies jsonb NOT NULL DEFAULT '{}', page jsonb, response jsonb);
GRANT ALL ON browser TO PUBLIC;
CREATE FUNCTION visit(who text, method text, path text, fields jsonb DEFAULT NULL, headers jsonb DEFAULT '{}', secure boolean DEFAULT true, trusted boolean DEFAULT false,
	address text DEFAULT '192.0.2.1') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	b browser;
	r jsonb;
	c text;
BEGIN
	INSERT INTO browser (name) VALUES (who) ON CONFLICT DO NOTHING;
	SELECT * INTO b FROM browser WHERE name = who;
	r := hitl.http_answer(method, split_part(path, '?', 1),
		(SELECT coalesce(jsonb_object_agg(split_part(p, '=', 1), split_part(p, '=', 2)), '{}') FROM string_to_table(split_part(path, '?', 2), '&') AS p WHERE p <> ''),
		jsonb_build_object('user-agent', who || '''s browser', 'cookie', (SELECT string_agg(k || '=' || v, '; ') FROM jsonb_each_text(b.cookies) AS x (k, v)),
			'content-type', CASE WHEN fields IS NOT NULL THEN 'application/x-www-form-urlencoded' END) || headers,
		(SELECT string_agg(replace(replace(replace(replace(f.key || '=' || v, '%', '%25'), '&', '%26'), '+', '%2B'), ' ', '+'), '&')
		 FROM jsonb_each(fields) AS f, jsonb_array_elements_text(CASE jsonb_typeof(f.value) WHEN 'array' THEN f.value ELSE jsonb_build_array(f.value) END) AS v),
		address, secure, trusted);
	FOR c IN SELECT jsonb_array_elements_text(coalesce(r -> 'headers' -> 'set-cookie', '[]')) LOOP
		b.cookies := CASE WHEN c ~ 'Max-Age=0' THEN b.cookies - split_part(c, '=', 1)
			ELSE b.cookies || jsonb_build_object(split_part(c, '=', 1), split_part(split_part(c, ';', 1), '=', 2)) END;
	END LOOP;
	UPDATE browser SET cookies = b.cookies, response = r, page = CASE WHEN r ? 'body' AND r -> 'headers' ->> 'content-type' ~ 'html' THEN substr(r ->> 'body', strpos(r ->> 'body', '</style>') + 8)::jsonb END
	WHERE name = who RETURNING page INTO b.page;
	RETURN concat_ws(' | ', r ->> 'status', regexp_replace(r -> 'headers' ->> 'location', '[0-9a-f-]{36}|/a/.*', '...'), b.page ->> 'page', 'as ' || (b.page -> 'principal' ->> 'display_name'),
		b.page -> 'approval' ->> 'title', b.page -> 'approval' ->> 'status', 'decision ' || (b.page ->> 'decision'), replace(b.page ->> 'message', E'\n\n', ' / '), b.page ->> 'faults', r -> 'json' ->> 'detail');
END $$;
CREATE FUNCTION go(who text, path text, headers jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS $$ SELECT visit(who, 'GET', path, NULL, headers) $$;
CREATE FUNCTION send(who text, fields jsonb DEFAULT '{}', headers jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
	SELECT visit(who, 'POST', page ->> 'action', jsonb_build_object('csrf', page ->> 'csrf') || fields, headers) FROM browser WHERE name = who $$;
SELECT hitl.request_approval('Pay 10?', requested_from => 'wanda', context_data => '{"amount": 10}') AS pay,
	   hitl.request_approval('Pay 20?', required_approvers => '{wanda,will}') AS both,
	   hitl.request_approval('How much?', requested_from => 'wanda', approval_type => 'form', form_fields => '[{"name": "amount", "type": "number", "required": true}]') AS form,
	   hitl.request_approval('Stranger?', requested_from => 'stranger@example.com') AS stranger \gset
SELECT hitl.make_action_token('0190a8e0-0000-7000-8000-000000000001', :'pay', 'wanda@example.com', now() + interval '1 day') AS t_pay,
	   hitl.make_action_token(NULL, :'both', 'will', now() + interval '1 day') AS t_both, hitl.make_action_token(NULL, :'both', 'wanda', now() + interval '1 day') AS t_both_wanda,
	   hitl.make_action_token(NULL, :'form', 'wanda', now() + interval '1 day') AS t_form, hitl.make_action_token(NULL, :'pay', 'will', now() + interval '1 day') AS t_not_asked,
	   hitl.make_action_token(NULL, :'stranger', 'stranger@example.com', now() + interval '1 day') AS t_stranger, hitl.make_action_token(NULL, :'both', 'will', now() - interval '1 second') AS t_late \gset
SELECT hitl.make_action_token(NULL, '00000000-0000-7000-8000-000000000000', 'wanda', now());
SELECT count(*) FROM hitl.action_tokens t WHERE strpos(to_jsonb(t)::text, :'t_pay') > 0;


SET SESSION AUTHORIZATION hitl_web_gateway;
-- a link decides nothing, however often it is opened, by whomever
SELECT go('scanner', '/a/' || :'t_pay'), go('scanner', '/a/' || :'t_pay' || '?decision=approved');
SELECT visit('scanner', 'HEAD', '/a/' || :'t_pay');
SELECT jsonb_pretty(response -> 'headers') FROM browser WHERE name = 'scanner';
SELECT go('phone', '/a/' || :'t_pay');
SELECT page -> 'approval' -> 'context_data', page -> 'responses', page ->> 'action' = '/a/' || :'t_pay', page -> 'links', response -> 'headers' -> 'set-cookie' FROM browser WHERE name = 'phone';
SELECT go('phone', '/a/unknown'), go('phone', '/a/' || :'t_late'), go('phone', '/a/' || :'t_not_asked');
SELECT go('phone', '/a/' || :'t_stranger');
-- a form that did not come from the page, or for another request, or with another hash
SELECT visit('phone', 'POST', '/a/' || :'t_pay', '{"decision": "approved"}');
SELECT visit('phone', 'POST', '/a/' || :'t_pay', '{"decision": "approved", "csrf": "x"}'), visit('phone', 'POST', '/a/' || :'t_pay', '{"decision": "approved", "csrf": "zz."}');
SELECT go('phone', '/a/' || :'t_both_wanda');
SELECT visit('phone', 'POST', '/a/' || :'t_pay', jsonb_build_object('decision', 'approved', 'csrf', page ->> 'csrf')) FROM browser WHERE name = 'phone';
SELECT go('phone', '/a/' || :'t_pay');
SELECT send('phone', jsonb_build_object('decision', 'approved', 'csrf', repeat('0', 64) || substr(page ->> 'csrf', 65))) FROM browser WHERE name = 'phone';
SELECT go('phone', '/a/' || :'t_pay');
SELECT send('phone', '{"decision": "approved"}', '{"sec-fetch-site": "cross-site"}');
SELECT go('phone', '/a/' || :'t_pay');
SELECT send('phone', '{"decision": "approved"}', '{"content-type": "application/json"}');
-- no decision, or none that there is
SELECT go('phone', '/a/' || :'t_pay'), send('phone'), send('phone', '{"decision": "expired"}'), send('phone', '{"decision": ["approved", "rejected"]}'), send('phone', '{"decision": "modified"}');
-- a question leaves the link good
SELECT send('phone', '{"decision": "information_requested", "feedback": "What for? & <why> 100%+1"}'), go('phone', '/a/' || :'t_pay');
SELECT page -> 'responses' -> 0 ->> 'feedback' FROM browser WHERE name = 'phone';
-- answered, once
SELECT send('phone', '{"decision": "approved", "feedback": " fine "}', '{"sec-fetch-site": "same-origin"}');
SELECT go('phone', '/a/' || :'t_pay');
SELECT go('scanner', '/a/' || :'t_pay');
RESET SESSION AUTHORIZATION;
SELECT approver_id, decision, feedback, channel, evidence, session_role FROM hitl.approval_responses WHERE approval_id = :'pay' ORDER BY number;
SET SESSION AUTHORIZATION hitl_web_gateway;
-- a form that was kept is of no use after that
SELECT go('tab one', '/a/' || :'t_both'), go('tab two', '/a/' || :'t_both');
SELECT send('tab one', '{"decision": "approved"}'), send('tab two', '{"decision": "rejected"}'), send('tab one', '{"decision": "rejected"}');
SELECT go('tab two', '/a/' || :'t_both');
-- the same form twice is one answer, and one question; lines end as they were typed
RESET SESSION AUTHORIZATION;
SELECT hitl.request_approval('Twice?', requested_from => 'wanda') AS twice \gset
SELECT hitl.make_action_token(NULL, :'twice', 'wanda', now() + interval '1 day') AS t_twice \gset
SET SESSION AUTHORIZATION hitl_web_gateway;
SELECT go('tab one', '/a/' || :'t_twice'), go('tab two', '/a/' || :'t_twice'), go('tab three', '/a/' || :'t_twice');
SELECT send('tab one', '{"decision": "information_requested", "feedback": "why?\r\nhow?"}'), send('tab two', '{"decision": "information_requested", "feedback": "why?\r\nhow?"}');
SELECT go('tab one', '/a/' || :'t_twice'), go('tab two', '/a/' || :'t_twice');
SELECT send('tab one', '{"decision": "approved"}'), send('tab two', '{"decision": "approved"}'), send('tab three', '{"decision": "approved", "feedback": "no"}');
RESET SESSION AUTHORIZATION;
SELECT decision, to_json(feedback) FROM hitl.approval_responses WHERE approval_id = :'twice' ORDER BY number;
SET SESSION AUTHORIZATION hitl_web_gateway;
SELECT go('tab one', '/');
-- a request that has changed since the message, or since the page, is shown anew
RESET SESSION AUTHORIZATION;
SELECT hitl.request_approval('Pay 30?', requested_from => 'wanda') AS changing \gset
SELECT hitl.make_action_token(NULL, :'changing', 'wanda', now() + interval '1 day') AS t_changing, hitl.revise_approval(:'changing', title => 'Pay 31?') \gset
SET SESSION AUTHORIZATION hitl_web_gateway;
SELECT go('phone', '/a/' || :'t_changing');
RESET SESSION AUTHORIZATION;
SELECT hitl.revise_approval(:'changing', title => 'Pay 32?');
SET SESSION AUTHORIZATION hitl_web_gateway;
SELECT send('phone', '{"decision": "approved"}');
-- a link that was used does not offer to answer what the request says later
RESET SESSION AUTHORIZATION;
SELECT hitl.request_approval('Pay 50?', required_approvers => '{wanda,will}') AS again \gset
SELECT hitl.make_action_token(NULL, :'again', 'wanda', now() + interval '1 day') AS t_again \gset
SET SESSION AUTHORIZATION hitl_web_gateway;
SELECT go('phone', '/a/' || :'t_again'), send('phone', '{"decision": "approved"}'), go('phone', '/a/' || :'t_again');
RESET SESSION AUTHORIZATION;
SELECT hitl.revise_approval(:'again', title => 'Pay 51?') \gset
SET SESSION AUTHORIZATION hitl_web_gateway;
SELECT go('phone', '/a/' || :'t_again');
RESET SESSION AUTHORIZATION;
SELECT hitl.cancel_approval(:'again');
SET SESSION AUTHORIZATION hitl_web_gateway;
SELECT go('phone', '/a/' || :'t_again');
-- the form of its type
SELECT go('phone', '/a/' || :'t_form');
SELECT send('phone', '{"decision": "approved", "/amount": "much", "feedback": "so be it"}');
SELECT page -> 'answer', page -> 'feedback' FROM browser WHERE name = 'phone';
SELECT send('phone', '{"decision": "approved", "/amount": "12"}'), go('phone', '/a/' || :'t_form');
RESET SESSION AUTHORIZATION;
SELECT response_data FROM hitl.approval_responses WHERE approval_id = :'form';
SELECT hitl.cancel_approval(:'both', 'never mind');
SELECT hitl.expire_approval(hitl.request_approval('Late?', requested_from => 'wanda'));
SELECT hitl.request_approval('Too late?', requested_from => 'wanda') AS expiring, hitl.request_approval('Two?', requested_from => 'wanda') AS two \gset
SELECT hitl.make_action_token(NULL, :'expiring', 'wanda', now() + interval '1 day') AS t_expiring, hitl.make_action_token(NULL, :'two', 'wanda', now() + interval '1 day') AS t_two \gset
SET SESSION AUTHORIZATION hitl_web_gateway;
SELECT go('phone', '/a/' || :'t_both_wanda'), go('tab one', '/a/' || :'t_both'), go('phone', '/a/' || :'t_expiring');
RESET SESSION AUTHORIZATION;
SELECT hitl.expire_approval(:'expiring');
SET SESSION AUTHORIZATION hitl_web_gateway;
SELECT send('phone', '{"decision": "approved"}'), go('phone', '/a/' || :'t_expiring');
-- one who is not known answers by the link that he was sent
SELECT go('phone', '/a/' || :'t_stranger'), send('phone', '{"decision": "rejected"}');
RESET SESSION AUTHORIZATION;
SELECT approver_id, decision FROM hitl.approval_responses WHERE approval_id = :'stranger';

-- signing in: not without a URL for the link
SET SESSION AUTHORIZATION hitl_web_gateway;
SELECT go('laptop', '/approvals'), go('laptop', '/sign-in?return=/approvals');
SELECT cookies ? '__Host-hitl-form', response #>> '{headers,set-cookie,0}' ~ '^__Host-hitl-form=[A-Za-z0-9_-]{43}; Path=/; HttpOnly; SameSite=Lax; Secure$' FROM browser WHERE name = 'laptop';
SELECT send('laptop', '{"email": "wanda@example.com"}');
RESET SESSION AUTHORIZATION;
SET hitl.public_url = 'https://approve.example.com/';
SET SESSION AUTHORIZATION hitl_web_gateway;
SET hitl.public_url = 'https://evil.example.com';
-- the answer is the same whether the address is known; services sign in in other ways
SELECT send('laptop', '{"email": "wanda"}'), send('laptop'), send('laptop', jsonb_build_object('email', repeat('a', 101) || '@example.com'));
SELECT send('laptop', '{"email": " Wanda@Example.com "}'), send('laptop', '{"email": "nobody@example.com"}'), send('laptop', '{"email": "robot@example.com"}');
SELECT visit('laptop', 'POST', '/sign-in', '{"email": "wanda@example.com"}');
RESET SESSION AUTHORIZATION;
SELECT address, subject, regexp_replace(body, '[A-Za-z0-9_-]{43}', '...') FROM mail;
-- the same was done for each
SELECT email, principal FROM hitl.sign_in_links ORDER BY email;
SELECT substring(body FROM '/sign-in/([A-Za-z0-9_-]{43})') AS t_sign_in FROM mail \gset
SELECT count(*) FROM hitl.sign_in_links l WHERE strpos(to_jsonb(l)::text, :'t_sign_in') > 0;
SET SESSION AUTHORIZATION hitl_web_gateway;
-- looking at the link signs nobody in; nor does a form that another site sends, which has no cookie of ours
SELECT go('scanner', '/sign-in/' || :'t_sign_in'), go('laptop', '/sign-in/' || :'t_sign_in');
SELECT page -> 'principal', page -> 'answer', page ->> 'action' = '/sign-in/' || :'t_sign_in' FROM browser WHERE name = 'laptop';
SELECT visit('victim', 'POST', '/sign-in/' || :'t_sign_in', jsonb_build_object('csrf', page ->> 'csrf')) FROM browser WHERE name = 'laptop';
SELECT go('laptop', '/sign-in/' || :'t_sign_in'), send('laptop', '{}', '{"sec-fetch-site": "same-site"}');
SELECT go('laptop', '/sign-in/' || :'t_sign_in'), send('laptop');
SELECT (response #>> '{headers,set-cookie,0}') ~ '^__Host-hitl=[A-Za-z0-9_-]{43}; Path=/; HttpOnly; SameSite=Lax; Secure$' FROM browser WHERE name = 'laptop';
SELECT go('other', '/sign-in/' || :'t_sign_in'), visit('other', 'POST', '/sign-in/' || :'t_sign_in', '{}');
SELECT go('other', '/sign-in/never');
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM hitl.web_sessions s, browser b WHERE b.name = 'laptop' AND (strpos(to_jsonb(s)::text, b.cookies ->> '__Host-hitl') > 0 OR s.hash <> sha256((b.cookies ->> '__Host-hitl')::bytea));
SELECT principal, user_agent, address, expires_at - created_at BETWEEN '6 days 23:59' AND '7 days 00:01' FROM hitl.web_sessions;
SET SESSION AUTHORIZATION hitl_web_gateway;
-- without TLS the cookie has another name, and is not taken with TLS
SELECT visit('laptop', 'GET', '/approvals', secure => false);
SELECT response -> 'headers' ->> 'location' FROM browser WHERE name = 'laptop';
-- what one is asked
SELECT go('laptop', '/approvals'), go('laptop', '/sign-in');
SELECT go('laptop', '/approvals');
SELECT i ->> 'title', i ->> 'requested_by', i ->> 'url' ~ '^/approvals/[0-9a-f-]{36}$' FROM browser, jsonb_array_elements(page -> 'items') AS i WHERE name = 'laptop';
SELECT page -> 'links' FROM browser WHERE name = 'laptop';
-- whatever the size of its context
RESET SESSION AUTHORIZATION;
SELECT jsonb_object_keys(hitl.pending_documents('wanda', NULL, '1', false) -> 'approvals' -> 0);
SET SESSION AUTHORIZATION hitl_web_gateway;
-- not what others are asked, nor by the form of another page
SELECT go('laptop', '/approvals/' || :'stranger'), go('laptop', '/approvals/x'), go('laptop', '/approvals');
SELECT visit('laptop', 'POST', '/approvals/' || :'stranger', jsonb_build_object('csrf', page ->> 'csrf', 'decision', 'approved')) FROM browser WHERE name = 'laptop';
SELECT go('laptop', '/approvals/' || :'two');
SELECT visit('laptop', 'POST', '/approvals/' || :'changing', jsonb_build_object('csrf', page ->> 'csrf', 'decision', 'approved')) FROM browser WHERE name = 'laptop';
SELECT visit('other', 'POST', '/approvals/' || :'two', jsonb_build_object('csrf', page ->> 'csrf', 'decision', 'approved')) FROM browser WHERE name = 'laptop';
SELECT go('laptop', '/approvals/' || :'two'), send('laptop', '{"decision": "rejected", "feedback": "no"}'), go('laptop', '/approvals/' || :'two');
RESET SESSION AUTHORIZATION;
SELECT approver_id, decision, channel, evidence - 'session', evidence ? 'session' FROM hitl.approval_responses WHERE approval_id = :'two';
-- a link that was forwarded to who is signed in as somebody else
SELECT hitl.request_approval('For will?', requested_from => 'will') AS for_will \gset
SELECT hitl.make_action_token(NULL, :'for_will', 'will', now() + interval '1 day') AS t_will \gset
SET SESSION AUTHORIZATION hitl_web_gateway;
SELECT go('laptop', '/a/' || :'t_will'), go('phone', '/a/' || :'t_will');
SELECT visit('laptop', 'POST', '/a/' || :'t_will', jsonb_build_object('csrf', page ->> 'csrf', 'decision', 'approved')) FROM browser WHERE name = 'phone';
-- links that are of use to who is signed in only
RESET SESSION AUTHORIZATION;
SET hitl.action_links_need_sign_in = on;
SET SESSION AUTHORIZATION hitl_web_gateway;
SELECT go('fresh', '/a/' || :'t_will'), go('laptop', '/a/' || :'t_changing');
SELECT visit('phone', 'POST', '/a/' || :'t_will', jsonb_build_object('csrf', page ->> 'csrf', 'decision', 'approved')) FROM browser WHERE name = 'phone';
RESET SESSION AUTHORIZATION;
RESET hitl.action_links_need_sign_in;

-- the API by the session of a browser: what it sends must have the code that only its pages know
SET SESSION AUTHORIZATION hitl_web_gateway;
SELECT visit('laptop', 'GET', '/api/v1/session');
SELECT (response -> 'json') - 'csrf_token' FROM browser WHERE name = 'laptop';
SELECT hitl.http_answer('POST', '/api/v1/approvals/' || :'changing' || '/respond', '{}', jsonb_build_object('content-type', 'application/json',
	'cookie', '__Host-hitl=' || (cookies ->> '__Host-hitl')) || h, '{"decision": "commented", "feedback": "hm"}') -> 'json' -> 'detail'
FROM browser, (VALUES ('{}'::jsonb), ('{"x-csrf-token": "x"}')) AS x (h) WHERE name = 'laptop';
SELECT hitl.http_answer('POST', '/api/v1/approvals/' || :'changing' || '/respond', '{}', jsonb_build_object('content-type', 'application/json',
	'cookie', '__Host-hitl=' || (cookies ->> '__Host-hitl'), 'x-csrf-token', response -> 'json' -> 'csrf_token'), '{"decision": "commented", "feedback": "hm"}') -> 'json' -> 'status'
FROM browser WHERE name = 'laptop';

-- sessions, on two browsers
RESET SESSION AUTHORIZATION;
DELETE FROM hitl.sign_in_attempts;
TRUNCATE mail;
SET SESSION AUTHORIZATION hitl_web_gateway;
SELECT go('tablet', '/sign-in?return=https://evil.example.com'), send('tablet', '{"email": "wanda@example.com"}');
RESET SESSION AUTHORIZATION;
SELECT substring(body FROM '/sign-in/([A-Za-z0-9_-]{43})') AS t_sign_in FROM mail \gset
SET SESSION AUTHORIZATION hitl_web_gateway;
SELECT go('tablet', '/sign-in/' || :'t_sign_in'), send('tablet'), go('tablet', '/sessions');
SELECT i ->> 'user_agent', i ->> 'current' FROM browser, jsonb_array_elements(page -> 'items') AS i WHERE name = 'tablet';
SELECT send('tablet', jsonb_build_object('id', i ->> 'id', 'csrf', 'x')), go('tablet', '/sessions') FROM browser, jsonb_array_elements(page -> 'items') AS i WHERE name = 'tablet' AND i ->> 'current' = 'false';
SELECT send('tablet', jsonb_build_object('id', i ->> 'id')) FROM browser, jsonb_array_elements(page -> 'items') AS i WHERE name = 'tablet' AND i ->> 'current' = 'false';
SELECT go('laptop', '/sessions'), go('tablet', '/sessions');
-- signing out, by the form in the head of any page
SELECT visit('tablet', 'POST', '/sign-out', '{}'), go('tablet', '/sessions');
SELECT visit('tablet', 'POST', '/sign-out', jsonb_build_object('csrf', page ->> 'csrf')) FROM browser WHERE name = 'tablet';
SELECT go('tablet', '/sessions');
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM hitl.web_sessions;

-- a session ends by itself, and with its principal
INSERT INTO hitl.web_sessions (id, hash, principal, email, expires_at, last_seen_at) SELECT hitl.uuidv7(), sha256(n::bytea), 'wanda', 'wanda@example.com', now() + e, now() + s
FROM (VALUES ('good', interval '1 day', interval '-11 hours'), ('old', '-1 second', '0'), ('idle', '1 day', '-13 hours')) AS v (n, e, s);
INSERT INTO browser (name, cookies) SELECT n, jsonb_build_object('__Host-hitl', n) FROM unnest('{good,old,idle}'::text[]) AS n;
SET SESSION AUTHORIZATION hitl_web_gateway;
SELECT n, go(n, '/approvals') FROM unnest('{good,old,idle}'::text[]) AS n;
RESET SESSION AUTHORIZATION;
SELECT last_seen_at > now() - interval '1 minute' FROM hitl.web_sessions WHERE hash = sha256('good');
-- nor is it of use to who has the address no more by which it began, nor a link that was sent there
SELECT hitl.request_approval('Pay 40?', requested_from => 'wanda') AS moved \gset
SELECT hitl.make_action_token(NULL, :'moved', 'wanda', now() + interval '1 day', 'wanda@example.com') AS t_moved \gset
SELECT hitl.update_principal('wanda', email => 'wanda@example.net');
SET SESSION AUTHORIZATION hitl_web_gateway;
SELECT go('good', '/approvals'), go('moved', '/a/' || :'t_moved');
SELECT visit('moved', 'POST', '/a/' || :'t_moved', jsonb_build_object('decision', 'approved', 'csrf', 'x'));
RESET SESSION AUTHORIZATION;
SELECT hitl.update_principal('wanda', email => 'wanda@example.com');
SET SESSION AUTHORIZATION hitl_web_gateway;
SELECT go('good', '/approvals'), go('moved', '/a/' || :'t_moved');
RESET SESSION AUTHORIZATION;
SELECT hitl.cancel_approval(:'moved');
SELECT hitl.set_principal_active('wanda', false), hitl.set_principal_active('wanda', true);
SET SESSION AUTHORIZATION hitl_web_gateway;
SELECT go('good', '/approvals');
RESET SESSION AUTHORIZATION;
SELECT hitl.set_principal_active('will', false);
SET SESSION AUTHORIZATION hitl_web_gateway;
SELECT go('phone', '/a/' || :'t_will');
RESET SESSION AUTHORIZATION;

-- a proxy that has recognised who is there: only if the request comes from it, and if the setting says so
SET SESSION AUTHORIZATION hitl_web_gateway;
SELECT visit('proxied', 'GET', '/approvals', headers => '{"x-user": "wanda@example.com"}', trusted => true);
RESET SESSION AUTHORIZATION;
SET hitl.trusted_user_header = 'X-User';
SET SESSION AUTHORIZATION hitl_web_gateway;
SELECT visit('forger', 'GET', '/approvals', headers => '{"x-user": "wanda@example.com"}');
SELECT visit('proxied', 'GET', '/approvals', headers => '{"x-user": "WANDA@example.com"}', trusted => true);
SELECT page -> 'links' FROM browser WHERE name = 'proxied';
-- its scripts have the code of their requests, and the cookie to which it belongs
SELECT visit('script', 'GET', '/api/v1/session', headers => '{"x-user": "wanda"}', trusted => true);
SELECT visit('script', 'POST', '/api/v1/approvals/00000000-0000-7000-8000-000000000000/respond',
	headers => jsonb_build_object('x-user', 'wanda', 'x-csrf-token', response -> 'json' -> 'csrf_token', 'content-type', 'application/json'), trusted => true)
FROM browser WHERE name = 'script';
SELECT visit('proxied', 'GET', '/approvals', headers => '{"x-user": "nobody@example.com"}', trusted => true), visit('proxied', 'GET', '/approvals', headers => '{"x-user": "wanda, will"}', trusted => true);
SELECT visit('proxied', 'GET', '/sign-in', headers => '{"x-user": "nobody@example.com"}', trusted => true);
SELECT visit('proxied', 'GET', '/approvals/' || :'changing', headers => '{"x-user": "wanda"}', trusted => true);
SELECT visit('proxied', 'POST', '/approvals/' || :'changing', jsonb_build_object('csrf', 'x', 'decision', 'rejected'), headers => '{"x-user": "wanda"}', trusted => true);
SELECT visit('proxied', 'GET', '/approvals/' || :'changing', headers => '{"x-user": "wanda"}', trusted => true);
SELECT visit('proxied', 'POST', '/approvals/' || :'changing', jsonb_build_object('csrf', page ->> 'csrf', 'decision', 'rejected'), headers => '{"x-user": "wanda"}', trusted => true) FROM browser WHERE name = 'proxied';
RESET SESSION AUTHORIZATION;
RESET hitl.trusted_user_header;
SELECT approver_id, decision, channel, evidence - 'session' FROM hitl.approval_responses WHERE approval_id = :'changing' ORDER BY number;

-- few mails for an address, and few for a client, which in IPv6 is a network
DELETE FROM hitl.sign_in_attempts;
TRUNCATE mail;
SET SESSION AUTHORIZATION hitl_web_gateway;
SELECT go('bomber', '/sign-in');
SELECT visit('bomber', 'POST', '/sign-in', jsonb_build_object('csrf', page ->> 'csrf', 'email', 'wanda@example.com'), address => '198.51.100.' || n) FROM browser, generate_series(1, 6) AS n WHERE name = 'bomber';
SELECT visit('bomber', 'POST', '/sign-in', jsonb_build_object('csrf', page ->> 'csrf', 'email', format('a%s@example.com', n)), address => '2001:db8::' || n) FROM browser, generate_series(1, 21) AS n WHERE name = 'bomber' ORDER BY n OFFSET 19;
SELECT visit('bomber', 'POST', '/sign-in', jsonb_build_object('csrf', page ->> 'csrf', 'email', 'b@example.com'), address => '2001:db8:0:1::1') FROM browser WHERE name = 'bomber';
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM mail;
-- a mail that cannot be sent is not told of
CREATE OR REPLACE FUNCTION hitl.queue_link_mail(link_id uuid) RETURNS uuid LANGUAGE plpgsql AS $$ BEGIN RAISE 'no mail today'; END $$;
DELETE FROM hitl.sign_in_attempts;
DELETE FROM hitl.sign_in_links;
SET SESSION AUTHORIZATION hitl_web_gateway;
SELECT visit('bomber', 'POST', '/sign-in', jsonb_build_object('csrf', page ->> 'csrf', 'email', 'wanda@example.com')) FROM browser WHERE name = 'bomber';
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM hitl.sign_in_links;

-- who sees a request, and is not asked by it, looks at it; one signs out from pages where there is nothing to answer, too
SELECT hitl.request_approval('Pay 60?', requested_from => 'stranger@example.com', requested_by => 'wanda') AS hers, hitl.request_approval('Pay 70?', requested_from => 'wanda') AS answered \gset
INSERT INTO hitl.web_sessions (id, hash, principal, email, expires_at) VALUES (hitl.uuidv7(), sha256('leaver'), 'wanda', 'wanda@example.com', now() + interval '1 day');
INSERT INTO browser (name, cookies) VALUES ('leaver', '{"__Host-hitl": "leaver"}');
SET SESSION AUTHORIZATION hitl_web_gateway;
SELECT go('leaver', '/approvals/' || :'hers'), go('leaver', '/approvals/' || :'hers' || '?decision=approved');
SELECT page ->> 'action', page -> 'links' FROM browser WHERE name = 'leaver';
SELECT go('leaver', '/approvals/' || :'answered'), send('leaver', '{"decision": "approved"}'), go('leaver', '/approvals/' || :'answered');
SELECT visit('leaver', 'POST', '/sign-out', jsonb_build_object('csrf', page ->> 'csrf')), go('leaver', '/approvals') FROM browser WHERE name = 'leaver';
RESET SESSION AUTHORIZATION;

-- what takes too long is told on a page, too
CREATE OR REPLACE FUNCTION hitl.read_form_answer(fields jsonb, schema jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN RAISE query_canceled; END $$;
SELECT hitl.request_approval('Slow?', requested_from => 'wanda', approval_type => 'form', form_fields => '[{"name": "amount", "type": "number"}]') AS slow \gset
SELECT hitl.make_action_token(NULL, :'slow', 'wanda', now() + interval '1 day') AS t_slow \gset
SET SESSION AUTHORIZATION hitl_web_gateway;
SELECT go('phone', '/a/' || :'t_slow'), send('phone', '{"decision": "approved"}');
SELECT response #>> '{headers,retry-after}' FROM browser WHERE name = 'phone';
RESET SESSION AUTHORIZATION;

-- forms as browsers send them
SELECT hitl.form_fields(jsonb_build_object('headers', '{"content-type": "application/x-www-form-urlencoded"}'::jsonb, 'body', b)) FROM unnest(ARRAY[
	'', 'a', 'a=', 'a=1&b=2&a=3', 'a=x+y%2Bz%20%26%3d', '%61=%C3%A4%E2%82%AC', 'a=%zz%', '&&a=1&', 'a=b=c', '=x', 'a=%%41%4%42%43x%4Z%e2%82%ac%%']) AS b;
SELECT hitl.form_fields(jsonb_build_object('headers', '{"content-type": "application/x-www-form-urlencoded"}'::jsonb, 'body', repeat('a&', n))) -> 'a' ->> -1 FROM unnest('{10000,10001}'::integer[]) AS n;
SELECT hitl.form_fields('{"headers": {"content-type": "application/x-www-form-urlencoded"}, "body": "a=%00"}');
SELECT hitl.form_fields('{"headers": {"content-type": "application/x-www-form-urlencoded"}, "body": "a=%FF"}');
SELECT hitl.form_fields('{"headers": {"content-type": "multipart/form-data"}, "body": "a=1"}');
SELECT hitl.read_cookie(jsonb_build_object('secure', false, 'headers', jsonb_build_object('cookie', c)), 'hitl') FROM unnest(ARRAY['hitl=a', 'x=1; hitl=a; hitl=b', 'xhitl=a', 'hitl-form=x;hitl=', 'hitl', NULL, '__Host-hitl=a, hitl=b']) AS c;
SELECT hitl.hmac_sha256('Jefe', 'what do ya want for nothing?'), hitl.same_bytes('a', 'a'), hitl.same_bytes('a', 'b'), hitl.same_bytes('a', 'ab'), hitl.same_bytes('', ''), hitl.random_token() <> hitl.random_token();
\c :here
DROP DATABASE hitl_web;
DROP ROLE hitl_web_gateway;
