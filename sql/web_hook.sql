-- answers that other systems send, signed as Standard Webhooks describes
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
CREATE ROLE hitl_hook_gateway;
CREATE ROLE hitl_hook_admin;
CREATE ROLE hitl_hook_operator;
SELECT hitl.grant_access('hitl_hook_gateway', 'gateway'), hitl.grant_acting('hitl_hook_gateway', '*'),
	   hitl.grant_access('hitl_hook_admin', 'admin'), hitl.grant_access('hitl_hook_operator', 'operator');
SELECT hitl.create_principal('tickets', kind => 'service', email => 'tickets@example.com'), hitl.create_principal('chat', kind => 'service');
-- the gateway in SQL needs more rights than the gateway
GRANT SELECT ON hitl.http_routes TO hitl_hook_gateway;
GRANT EXECUTE ON FUNCTION hitl.http_answer, hitl.http_error, hitl.http_json TO hitl_hook_gateway;
-- who may answer by a secret, and as whom
SET ROLE hitl_hook_operator;
SELECT hitl.create_webhook_sender('tickets', 'tickets', 'tickets_key');
SELECT * FROM hitl.webhook_senders;
RESET ROLE;
SET ROLE hitl_hook_admin;
SELECT hitl.create_webhook_sender('tickets', 'chat', 'tickets_key'), hitl.create_webhook_sender('tickets', 'tickets@example.com', 'tickets_key');
SELECT hitl.create_webhook_sender('broken', 'chat', 'broken_key'), hitl.create_webhook_sender('unset', 'chat', 'no_such_key'), hitl.create_webhook_sender('chat', 'chat', 'chat_key', false);
SELECT hitl.create_webhook_sender('x', 'nobody', 'k');
SELECT hitl.create_webhook_sender('', 'chat', 'k');
SELECT hitl.create_webhook_sender('x', 'chat', NULL);
SELECT name, principal, secret_name, active, created_by FROM hitl.webhook_senders ORDER BY name;
SELECT hitl.set_secret('tickets_key', 'whsec_' || encode('0123456789abcdef01234567', 'base64') || ' whsec_' || encode('ABCDEFGHIJKLMNOPQRSTUVWX', 'base64')),
	   hitl.set_secret('broken_key', 'not a key'), hitl.set_secret('chat_key', 'whsec_' || encode('chatchatchatchatchatchat', 'base64'));
RESET ROLE;
-- a signature, as the specification has it
CREATE FUNCTION signed(key bytea, id text, at bigint, body text) RETURNS text LANGUAGE sql AS $$
	SELECT 'v1,' || encode(hitl.hmac_sha256(key, convert_to(format('%s.%s.%s', id, at, body), 'UTF8')), 'base64') $$;
SELECT signed(decode('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64'), 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330, '{"test": 2432232314}');
-- a request, with what is wrong in it
CREATE FUNCTION hook(approval text, id text, body text DEFAULT '{"decision": "approved"}', key bytea DEFAULT '0123456789abcdef01234567', age integer DEFAULT 0,
	headers jsonb DEFAULT '{}', tampered text DEFAULT NULL) RETURNS text LANGUAGE plpgsql SECURITY INVOKER AS $$
DECLARE
	at bigint := extract(epoch FROM clock_timestamp())::bigint - age;
	response jsonb := hitl.http_answer('POST', format('/hooks/approvals/%s/respond', approval), '{}', jsonb_build_object('content-type', 'application/json',
		'webhook-id', id, 'webhook-timestamp', at::text, 'webhook-signature', signed_for_me(key, id, at, body)) || headers, coalesce(tampered, body));
BEGIN
	RETURN concat_ws(' ', response ->> 'status', response -> 'json' ->> 'code', coalesce(replace(response -> 'json' ->> 'detail', approval, '<id>'), response -> 'json' ->> 'status'));
END $$;
CREATE FUNCTION signed_for_me(key bytea, id text, at bigint, body text) RETURNS text LANGUAGE sql SECURITY DEFINER AS $$ SELECT signed(key, id, at, body) $$;
SELECT hitl.request_approval('Close?', required_approvers => '{tickets,chat}') AS one, hitl.request_approval('Ship?', requested_from => 'somebody') AS other,
	   hitl.request_approval('Merge?', requested_from => 'tickets') AS two \gset
SET SESSION AUTHORIZATION hitl_hook_gateway;
-- forged: not signed, by another key, another body, another id, another time; too old, and from the future
SELECT hook(:'one', 'a', headers => '{"webhook-signature": null}'), hook(:'one', 'a', headers => '{"webhook-signature": ""}'), hook(:'one', 'a', headers => '{"webhook-signature": "v1,"}');
SELECT hook(:'one', 'a', key => 'xxxxxxxxxxxxxxxxxxxxxxxx'), hook(:'one', 'a', tampered => '{"decision": "rejected"}'), hook(:'one', 'a', headers => '{"webhook-id": "b"}'), hook(:'one', 'a', headers => '{"webhook-timestamp": "1"}');
SELECT hook(:'one', 'a', age => 310), hook(:'one', 'a', age => -310), hook(:'one', 'a', headers => '{"webhook-timestamp": "soon"}'), hook(:'one', '');
SELECT hook(:'one', 'a', key => 'chatchatchatchatchatchat'), hook(:'one', 'a', key => 'not a key');
-- signed rightly: with the old key and the new one, one of several signatures, almost too old
SELECT hook(:'other', 'a'), hook('nothing', 'a2'), hook(:'one', 'a', '{"decision": "perhaps"}'), hook(:'one', 'a', 'decision=approved', headers => '{"content-type": "application/x-www-form-urlencoded"}');
SELECT hook(:'one', 'm1', age => 290), hook(:'one', 'm1', age => -290), hook(:'one', 'm1', '{"decision": "rejected"}'), hook(:'one', 'm2');
SELECT hook(:'two', 'm1'), hook(:'two', 'm3', key => 'ABCDEFGHIJKLMNOPQRSTUVWX'), hook(:'two', 'm3'), hook(:'two', 'm4');
RESET SESSION AUTHORIZATION;
SELECT approver_id, decision, channel, evidence FROM hitl.approval_responses WHERE approval_id IN (:'one', :'two') ORDER BY approval_id = :'two';
SELECT hitl.verify_webhook('whsec_' || encode('0123456789abcdef01234567', 'base64'), 'i', 1, 'b', s) FROM unnest(ARRAY[
	'v1,x ' || signed('0123456789abcdef01234567', 'i', 1, 'b'), signed('0123456789abcdef01234567', 'i', 1, 'b') || ' v2,x', 'v1a,' || signed('0123456789abcdef01234567', 'i', 1, 'b'),
	left(signed('0123456789abcdef01234567', 'i', 1, 'b'), -1), '   ']) AS s;
-- without its right, a sender is a stranger
SELECT hitl.set_principal_active('tickets', false);
SET SESSION AUTHORIZATION hitl_hook_gateway;
SELECT hook(:'two', 'm5');
RESET SESSION AUTHORIZATION;
SELECT hitl.set_principal_active('tickets', true), hitl.drop_webhook_sender('tickets'), hitl.drop_webhook_sender('tickets');
SET SESSION AUTHORIZATION hitl_hook_gateway;
SELECT hook(:'two', 'm6');
RESET SESSION AUTHORIZATION;
SELECT hitl.delete_secret('tickets_key'), hitl.delete_secret('broken_key'), hitl.delete_secret('chat_key');
DROP FUNCTION hook, signed_for_me, signed;
REVOKE SELECT ON hitl.http_routes FROM hitl_hook_gateway;
REVOKE EXECUTE ON FUNCTION hitl.http_answer, hitl.http_error, hitl.http_json FROM hitl_hook_gateway;
SELECT hitl.revoke_access(r) FROM unnest('{hitl_hook_gateway,hitl_hook_admin,hitl_hook_operator}'::name[]) AS r;
DROP ROLE hitl_hook_gateway, hitl_hook_admin, hitl_hook_operator;
