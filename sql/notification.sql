-- Who is told of what, by which channel.
\pset format unaligned
\pset tuples_only on
BEGIN;
SELECT hitl.configure_channel('n.hook', 'webhook', '{"url": "https://hooks.example.invalid/a", "events": ["approval.approved"]}');
SELECT hitl.configure_channel('n.teams', 'generic', '{"url": "https://teams.example.invalid/a", "method": "PUT"}',
	templates => '{"body": {"text": "{{ $.data.title }}"}}', is_default => false);
SELECT hitl.configure_channel('n.mail', 'email', '{"url": "smtp://mail.example.invalid", "from": "Approvals <a@example.org>"}',
	secret_name => 'n.password');
SELECT hitl.configure_channel('n.chat', 'slack', '{"room": "C1", "direct": true, "team": "T1"}', secret_name => 'n.token');
SELECT name, channel_type, settings, secret_name, templates FROM hitl.channel_configurations WHERE name LIKE 'n.%' ORDER BY name;
SELECT name, provider, url, headers FROM hitl.message_channels WHERE name LIKE 'n.%' ORDER BY name;

SELECT hitl.create_principal('n.ann', email => 'ann@example.org', slack_team => 'T1', slack_user => 'U1');
SELECT hitl.create_principal('n.bob', email => 'bob@example.org');
SELECT hitl.create_principal('n.cid', email => 'cid@example.org', slack_team => 'T2', slack_user => 'U3');
SELECT hitl.create_principal('n.eve', email => 'eve@example.org');
SELECT hitl.create_group('n.finance', members => '{n.ann,n.bob,n.cid}');
CREATE FUNCTION pg_temp.told(id uuid) RETURNS TABLE (line text) LANGUAGE sql AS $$
	SELECT format('%s %s <%s> %s %s', n.channel, n.recipient, n.address, n.event_type, n.status)
	FROM hitl.notifications n WHERE n.approval_id = $1 ORDER BY n.channel, n.recipient NULLS FIRST
$$;

-- each member of a group, by what can reach it; the room once
SELECT hitl.request_approval('Pay 5 EUR', requested_from => 'n.finance', requested_by => 'n.eve') AS id \gset
SELECT * FROM pg_temp.told(:'id');
SELECT o.channel, o.url, o.provider, o.secret_name, o.body IS NULL AS rendered_later, o.notification_id = n.id AS noted
FROM hitl.outbox o JOIN hitl.notification_ledger n ON n.id = o.notification_id
WHERE o.approval_id = :'id' ORDER BY o.channel, n.recipient;
-- how it ended is told to whoever was asked and has not answered, to who has asked, and to the room
SELECT hitl.respond_to_approval(:'id', 'n.bob', 'approved');
SELECT * FROM pg_temp.told(:'id');
SELECT channel, event_type FROM hitl.notification_deliveries WHERE approval_id = :'id' ORDER BY channel, event_type;

-- a request names its channels
SELECT hitl.request_approval('Pay 6 EUR', requested_from => 'n.ann', channels => '{n.mail,n.teams}') AS id \gset
SELECT * FROM pg_temp.told(:'id');
-- or none
SELECT hitl.request_approval('Pay 6 EUR', requested_from => 'n.ann', channels => '{}') AS id \gset
SELECT hitl.respond_to_approval(:'id', 'n.ann', 'approved');
SELECT * FROM pg_temp.told(:'id');
-- so do people, for the others
SELECT hitl.set_preferred_channels('n.ann', '{n.mail}');
SELECT hitl.set_preferred_channels('bob@example.org', '{}');
SELECT hitl.request_approval('Pay 7 EUR', requested_from => 'n.finance') AS id \gset
SELECT * FROM pg_temp.told(:'id');
SELECT hitl.set_preferred_channels('n.bob', NULL), hitl.set_preferred_channels('n.ann', NULL);
-- whom hitl knows by an address alone
SELECT hitl.request_approval('Pay 8 EUR', required_approvers => '{someone@example.net,slack:T1/U9}') AS id \gset
SELECT * FROM pg_temp.told(:'id');
-- nobody by name
SELECT hitl.request_approval('Pay 9 EUR') AS id \gset
SELECT * FROM pg_temp.told(:'id');

-- not whoever may not answer, nor who is away for good; who stands in for somebody, is told, too
SELECT hitl.set_principal_active('n.cid', false);
SELECT hitl.delegate_approvals('n.eve', ends_at => now() + interval '1 day', delegator => 'n.bob') IS NOT NULL;
SELECT hitl.request_approval('Pay 10 EUR', requested_by => 'n.ann', policy => '{"all_of": [{"from": "n.finance", "count": 1}]}') AS id \gset
SELECT * FROM pg_temp.told(:'id');

-- others are asked: only they are told
SELECT hitl.request_approval('Pay 11 EUR', requested_from => 'n.bob') AS id \gset
SELECT hitl.reassign_approval(:'id', 'n.ann', from_approver => 'n.bob');
SELECT * FROM pg_temp.told(:'id');
-- what was asked back goes to the requester
SELECT hitl.request_approval('Pay 12 EUR', requested_from => 'n.ann', requested_by => 'n.eve') AS id \gset
SELECT hitl.respond_to_approval(:'id', 'n.ann', 'information_requested', feedback => 'Why?');
SELECT * FROM pg_temp.told(:'id');

SAVEPOINT channels;
-- a request brings a webhook of its own, signed with the secret that is for these
SELECT hitl.set_secret('webhooks', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
SELECT hitl.request_approval('Pay 13 EUR', requested_from => 'n.ann', channels => '{n.hook}',
	webhook => '{"url": "https://caller.example.invalid/done", "headers": {"X-Order": "7"}}') AS own \gset
SELECT hitl.respond_to_approval(:'own', 'n.ann', 'approved');
SELECT * FROM pg_temp.told(:'own');
SELECT url, headers, signing_secret_name, body::jsonb ->> 'type' FROM hitl.outbox WHERE approval_id = :'own' ORDER BY 1, 4;
-- also where there is no channel
DELETE FROM hitl.channel_configurations;
SELECT hitl.request_approval('Pay 14 EUR', requested_from => 'n.ann', webhook => '{"url": "https://caller.example.invalid/done"}') AS own \gset
SELECT hitl.expire_approval(:'own');
SELECT * FROM pg_temp.told(:'own');
-- again
ROLLBACK TO channels;
SELECT id AS notification FROM hitl.notifications WHERE approval_id = :'id' AND recipient = 'n.ann' AND channel = 'n.mail' \gset
SELECT hitl.resend_notification(:'notification');
SELECT revision, status FROM hitl.notification_ledger WHERE id = :'notification';
SELECT count(*) FROM hitl.outbox WHERE notification_id = :'notification';
SELECT hitl.cancel_approval(:'id');
SELECT * FROM pg_temp.told(:'id');
ROLLBACK;

-- whoever has moved is told at the new address, also of what was queued before; what
-- was shown elsewhere is not
BEGIN;
SET LOCAL hitl.public_url = 'https://hitl.example.org';
SELECT hitl.configure_channel('n.mail', 'email', '{"url": "smtp://mail.example.invalid", "from": "a@example.org"}');
SELECT hitl.configure_channel('n.chat', 'slack', '{"direct": true}', secret_name => 'n.token');
SELECT hitl.create_principal('n.ann', email => 'old@example.org', slack_team => 'T1', slack_user => 'U1');
CREATE FUNCTION pg_temp.rendered(id uuid) RETURNS TABLE (line text) LANGUAGE sql AS $$
	SELECT format('%s %s %s', o.channel, r.url, coalesce(r.fault, coalesce(r.body::jsonb -> 'to', r.body::jsonb -> 'channel')::text))
	FROM hitl.outbox o, hitl.render_notifications(ARRAY[o.id]) AS r
	WHERE o.approval_id = $1 AND o.status = 'queued' AND coalesce(r.fault, r.body) IS NOT NULL ORDER BY o.channel
$$;
CREATE FUNCTION pg_temp.end_all(id uuid, verdict text) RETURNS void LANGUAGE sql AS $$
	WITH ended AS (UPDATE hitl.outbox SET status = $2, provider_message_id = CASE $2 WHEN 'delivered' THEN 'D1/1' END
				   WHERE approval_id = $1 AND status = 'queued' RETURNING hitl.outbox.id)
	SELECT FROM ended;
	SELECT hitl.note_notifications(array_agg(o.id), array_agg(n.revision)) FROM hitl.notification_ledger n
	CROSS JOIN LATERAL (SELECT o.id FROM hitl.outbox o WHERE o.notification_id = n.id ORDER BY o.id DESC LIMIT 1) AS o WHERE n.approval_id = $1
$$;
SELECT hitl.request_approval('Pay 13 EUR', requested_from => 'n.ann') AS id \gset
SELECT hitl.update_principal('n.ann', email => 'new@example.org', slack_team => 'T1', slack_user => 'U2');
SELECT * FROM pg_temp.rendered(:'id');
SELECT pg_temp.end_all(:'id', 'delivered');
SELECT channel, address, shown, message_id FROM hitl.notification_ledger WHERE approval_id = :'id' ORDER BY channel;
SELECT hitl.queue_notifications('approval.reminder', ARRAY[:'id'::uuid]);
SELECT channel, address, shown, message_id FROM hitl.notification_ledger WHERE approval_id = :'id' ORDER BY channel;
SELECT * FROM pg_temp.rendered(:'id');
-- a link is of use at the address to which it was sent
SELECT address, count(*) FROM hitl.action_tokens WHERE approval_id = :'id' GROUP BY address ORDER BY address;
-- nobody is where he was
SELECT hitl.update_principal('n.ann', email => '');
SELECT * FROM pg_temp.rendered(:'id');
-- what has failed is sent again once, however it is asked for
SELECT hitl.update_principal('n.ann', email => 'new@example.org');
SELECT pg_temp.end_all(:'id', 'failed');
SELECT o.id AS failed, o.notification_id AS of FROM hitl.outbox o WHERE o.approval_id = :'id' AND o.status = 'failed' AND o.channel = 'n.mail' \gset
SELECT hitl.resend_notification(:'of'), hitl.retry_request(:'failed'), hitl.retry_request(:'failed');
SELECT count(*) FROM hitl.outbox WHERE notification_id = :'of' AND status IN ('queued', 'sending');
SELECT hitl.configure_channel('n.mail', 'email', '{"url": "smtp://mail.example.invalid", "from": "a@example.org"}', active => false);
SELECT hitl.resend_notification(:'of');
ROLLBACK;

-- a mail with a link to sign in: the token is made when it is sent, anew each time, and kept nowhere
BEGIN;
SET LOCAL hitl.public_url = 'https://hitl.example.org';
SELECT hitl.configure_channel('n.mail', 'email', '{"url": "smtp://mail.example.invalid", "from": "a@example.org"}');
SELECT hitl.create_principal('n.ann', email => 'ann@example.org', slack_team => 'T1', slack_user => 'U1'), hitl.create_principal('n.bob', email => 'bob@example.org');
SELECT hitl.send_sign_in_link('ann@example.org', '/approvals'), hitl.send_slack_link('T1', 'U7', 'Bob@example.org');
SELECT body, notification_id IN (SELECT l.id FROM hitl.sign_in_links l UNION ALL SELECT l.id FROM hitl.slack_links l WHERE l.hash IS NULL) AS link FROM hitl.outbox WHERE channel = 'n.mail';
CREATE FUNCTION pg_temp.mailed() RETURNS TABLE (address text, subject text, text text) LANGUAGE sql AS $$
	SELECT r.body::jsonb #>> '{to,0}', r.body::jsonb ->> 'subject', r.body::jsonb ->> 'text'
	FROM hitl.outbox o, hitl.render_notifications(ARRAY[o.id]) AS r WHERE o.channel = 'n.mail' ORDER BY 2 $$;
SELECT address, subject, regexp_replace(text, '[A-Za-z0-9_-]{43}', '...') FROM pg_temp.mailed();
SELECT substring(text FROM '/sign-in/([A-Za-z0-9_-]{43})') AS first FROM pg_temp.mailed() WHERE text ~ '/sign-in/' \gset
SELECT substring(text FROM '/sign-in/([A-Za-z0-9_-]{43})') AS second FROM pg_temp.mailed() WHERE text ~ '/sign-in/' \gset
SELECT (hitl.usable_sign_in_link(:'first')).principal AS first, (hitl.usable_sign_in_link(:'second')).principal AS second;
SELECT count(*) FROM (SELECT to_jsonb(o)::text FROM hitl.outbox o UNION ALL SELECT to_jsonb(l)::text FROM hitl.sign_in_links l) AS kept (text) WHERE strpos(kept.text, :'second') > 0;
-- a code is for the user of Slack who has asked for it, once, and takes nobody's place
SELECT substring(text FROM 'code ([A-Za-z0-9_-]{43})') AS code FROM pg_temp.mailed() WHERE text ~ 'code' \gset
SELECT hitl.use_slack_link('T1', 'U8', :'code'), hitl.use_slack_link('T2', 'U7', :'code'), hitl.use_slack_link('T1', 'U7', 'x');
SELECT hitl.use_slack_link('T1', 'U7', :'code'), hitl.use_slack_link('T1', 'U7', :'code');
SELECT hitl.slack_person('T1', 'U7');
SELECT hitl.send_slack_link('T1', 'U1', 'bob@example.org');
SELECT substring(text FROM 'code ([A-Za-z0-9_-]{43})') AS code FROM pg_temp.mailed() WHERE text ~ 'code' \gset
SELECT hitl.use_slack_link('T1', 'U1', :'code'), hitl.slack_person('T1', 'U1');
-- nothing is mailed that is of no use
UPDATE hitl.sign_in_links SET expires_at = now();
DELETE FROM hitl.slack_links;
SELECT count(*) FROM pg_temp.mailed();
ROLLBACK;

-- what cannot be rendered has failed; what could be, but for the state of the server, is left for later
BEGIN;
SET LOCAL hitl.public_url = 'https://hitl.example.org';
SELECT hitl.configure_channel('n.mail', 'email', '{"url": "smtp://mail.example.invalid", "from": "a@example.org"}');
SELECT hitl.request_approval('Pay 15 EUR', requested_from => 'someone@example.net') AS id \gset
CREATE FUNCTION pg_temp.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no room' USING ERRCODE = current_setting('test.errcode'); END $$;
CREATE TRIGGER fail BEFORE INSERT ON hitl.action_tokens FOR EACH ROW EXECUTE FUNCTION pg_temp.fail();
SET LOCAL test.errcode = 'data_exception';
SELECT r.fault FROM hitl.outbox o, hitl.render_notifications(ARRAY[o.id]) AS r WHERE o.approval_id = :'id';
SET LOCAL test.errcode = 'disk_full';
\set SHOW_CONTEXT never
SELECT r.fault FROM hitl.outbox o, hitl.render_notifications(ARRAY[o.id]) AS r WHERE o.approval_id = :'id';
\set SHOW_CONTEXT errors
ROLLBACK;

-- of two events of a hook that are noted together, the last one counts
BEGIN;
SELECT hitl.configure_channel('n.hook', 'webhook', '{"url": "https://hooks.example.invalid/a"}');
SELECT hitl.request_approval('Pay 14 EUR', channels => '{n.hook}') AS id \gset
-- by its id, and ids have no order within a millisecond
DO $$ DECLARE begun timestamptz := date_trunc('milliseconds', clock_timestamp());
BEGIN WHILE date_trunc('milliseconds', clock_timestamp()) = begun LOOP END LOOP; END $$;
SELECT hitl.cancel_approval(:'id');
UPDATE hitl.outbox SET status = 'failed', error_message = body::jsonb ->> 'type' WHERE approval_id = :'id';
UPDATE hitl.outbox SET status = 'delivered' WHERE approval_id = :'id' AND error_message = 'approval.cancelled';
SELECT hitl.note_notifications(array_agg(id ORDER BY id), '{0,0}') FROM hitl.outbox WHERE approval_id = :'id';
SELECT status, error_message FROM hitl.notification_ledger WHERE approval_id = :'id';
UPDATE hitl.notification_ledger SET status = 'queued' WHERE approval_id = :'id';
SELECT hitl.note_notifications(array_agg(id ORDER BY id DESC), '{0,0}') FROM hitl.outbox WHERE approval_id = :'id';
SELECT status, error_message FROM hitl.notification_ledger WHERE approval_id = :'id';
-- also if the first one ends later
SELECT hitl.note_notifications(ARRAY[id], '{0}') FROM hitl.outbox WHERE approval_id = :'id' AND status = 'failed';
SELECT status, error_message FROM hitl.notification_ledger WHERE approval_id = :'id';
ROLLBACK;

-- faulty channels
\set VERBOSITY terse
SELECT hitl.configure_channel('n.x', 'email', '{}');
SELECT hitl.configure_channel('n.x', 'email', '{"url": "https://mail.example.org", "from": "a@example.org"}');
SELECT hitl.configure_channel('n.x', 'email', '{"url": "smtp://mail.example.org"}');
SELECT hitl.configure_channel('n.x', 'email', '{"url": "smtp://mail.example.org", "from": "a@example.org\r\nBcc: b@example.org"}');
SELECT hitl.configure_channel('n.x', 'email', '{"url": "smtp://mail.example.org", "from": "a@example.org", "tls": "try"}');
SELECT hitl.configure_channel('n.x', 'email', '{"url": "smtp://mail.example.org", "from": "a@example.org", "provider": "post"}');
SELECT hitl.configure_channel('n.x', 'email', '{"url": "smtp://mail.example.org", "from": "a@example.org", "colour": "red"}');
SELECT hitl.configure_channel('n.x', 'email', '{"url": "smtp://mail.example.org", "from": "a@example.org"}', templates => '{"subject": 1}');
SELECT hitl.configure_channel('n.x', 'email', '{"url": "smtp://mail.example.org", "from": "a@example.org"}', templates => '{"body": "x"}');
-- templates that are none; what their paths match is not known yet
\set VERBOSITY default
\set SHOW_CONTEXT never
SELECT hitl.configure_channel('n.x', 'email', '{"url": "smtp://mail.example.org", "from": "a@example.org"}', templates => '{"subject": "{{ $.approval.title "}');
SELECT hitl.configure_channel('n.x', 'email', '{"url": "smtp://mail.example.org", "from": "a@example.org"}', templates => '{"html": "<p>{{ approval.title }}</p>"}');
SELECT hitl.configure_channel('n.x', 'generic', '{"url": "https://example.org"}', templates => '{"body": {"a": ["{{ }}"]}}');
BEGIN;
SELECT hitl.configure_channel('n.x', 'email', '{"url": "smtp://mail.example.org", "from": "a@example.org"}', templates => '{"subject": "{{ $.other }}", "text": "{{ $.x + 1 }}"}');
SELECT hitl.configure_channel('n.x', 'generic', '{"url": "https://example.org"}', templates => '{"body": "{{ $.x }}"}');
ROLLBACK;
\set SHOW_CONTEXT errors
\set VERBOSITY terse
SELECT hitl.configure_channel('n.x', 'slack', '{}');
SELECT hitl.configure_channel('n.x', 'slack', '{"direct": "yes"}');
SELECT hitl.configure_channel('n.x', 'generic', '{"url": "https://example.org"}');
SELECT hitl.configure_channel('n.x', 'generic', '{"url": "https://example.org", "method": "GET"}', templates => '{"body": "x"}');
SELECT hitl.configure_channel('n.x', 'webhook', '{"url": "https://example.org", "headers": {"a": 1}}');
SELECT hitl.configure_channel('n.x', 'webhook', '{"url": "https://example.org", "events": "all"}');
SELECT hitl.configure_channel('n.x', 'webhook', '{"url": "https://example.org", "events": ["approval.approved", "requested"]}');
SELECT hitl.configure_channel('n.x', 'webhook', '[]');
SELECT hitl.configure_channel('n.x', 'webhook', '{"url": "https://example.org"}', templates => NULL);
SELECT hitl.set_preferred_channels('nobody.known', NULL);
SELECT hitl.set_preferred_channels('nobody.known', '{smoke}');
SELECT hitl.resend_notification('00000000-0000-7000-8000-000000000000');

SELECT hitl.configure_channel('(request)', 'webhook', '{"url": "https://example.org"}');
SELECT hitl.request_approval('Pay', webhook => '{"url": "mailto:a@example.org"}');
SELECT hitl.request_approval('Pay', webhook => '{"url": "https://example.org", "body": "x"}');
SELECT hitl.request_approval('Pay', webhook => '[]');

-- who may
CREATE ROLE n_clerk;
SELECT hitl.grant_access('n_clerk', 'participant');
SELECT hitl.create_principal('n.clerk', role => 'n_clerk'), hitl.create_principal('n.dan');
SET SESSION AUTHORIZATION n_clerk;
SELECT hitl.set_preferred_channels('n.clerk', '{}');
SELECT hitl.set_preferred_channels('n.dan', '{}');
SELECT * FROM hitl.notifications;
SELECT hitl.resend_notification('00000000-0000-7000-8000-000000000000');
SELECT hitl.queue_notifications('approval.requested', '{}');
SELECT hitl.render_notifications('{}');
SELECT hitl.queue_link_mail('00000000-0000-7000-8000-000000000000');
RESET SESSION AUTHORIZATION;
SELECT name, channels FROM hitl.principals WHERE name IN ('n.clerk', 'n.dan') ORDER BY 1;
SELECT hitl.revoke_access('n_clerk');
DELETE FROM hitl.principals WHERE name IN ('n.clerk', 'n.dan');
DELETE FROM hitl.principal_names WHERE principal IN ('n.clerk', 'n.dan');
DROP ROLE n_clerk;
