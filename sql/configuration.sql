-- models, secrets, channels
\set SHOW_CONTEXT never
SELECT hitl.create_model('small', base_url => 'https://models.example.org/v1/', model => 'org/small',
	secret_name => 'models.key', parameters => '{"temperature": 0}', is_default => true, timeout_seconds => 20);
SELECT hitl.create_model('large', base_url => 'https://models.example.org/v1', model => 'org/large', is_default => true);
SELECT name, provider, base_url, model, secret_name, parameters, is_default, timeout_seconds FROM hitl.models ORDER BY name;
SELECT hitl.create_model('x', provider => 'carrier pigeon');
SELECT hitl.create_model('x');
SELECT hitl.create_model('x', base_url => 'ftp://example.org', model => 'm');
SELECT hitl.create_model('x', base_url => 'https://', model => 'm');
SELECT hitl.create_model('x', base_url => 'https://example.org', model => 'm', parameters => '[]');
SELECT hitl.create_model('x', base_url => 'https://example.org', model => 'm', timeout_seconds => 0);
SELECT hitl.create_model(NULL);
SELECT hitl.create_model('x', base_url => 'https://example.org', model => 'm', headers => '[]');
SELECT hitl.create_model('x', base_url => 'https://example.org', model => 'm', headers => '"a"');
SELECT hitl.create_model('x', base_url => 'https://example.org', model => 'm', headers => '{"a": 1}');
SELECT hitl.create_model('x', base_url => 'https://example.org', model => 'm', headers => '{"a": {"b": "c"}}');
SELECT hitl.create_model('x', base_url => 'https://example.org', model => 'm', headers => '{"x-api-key": "${secret:a}"}');
SELECT headers FROM hitl.models WHERE name = 'x';
SELECT hitl.create_model('x', provider => 'anthropic', base_url => 'https://api.anthropic.com/v1');
SELECT hitl.create_model('x', provider => 'anthropic', base_url => 'https://api.anthropic.com/v1', model => 'm',
	secret_name => 'a', headers => '{"X-API-Key": "b"}');
SELECT hitl.create_model('x', base_url => 'https://example.org', model => 'm', secret_name => 'a', headers => '{"authorization": "b"}');
SELECT hitl.create_model('x', base_url => 'https://example.org', model => 'm', input_price => -0.01);
SELECT hitl.create_model('x', base_url => 'https://example.org', model => 'm', output_price => 'NaN');
SELECT hitl.create_model('x', base_url => 'https://example.org', model => 'm', output_price => 'Infinity');
SELECT hitl.create_model('x', base_url => 'https://example.org', model => 'm', fallbacks => '{large,nowhere}');
SELECT hitl.create_model('x', base_url => 'https://example.org', model => 'm', fallbacks => '{large,x}');
SELECT hitl.create_model('x', base_url => 'https://example.org', model => 'm', fallbacks => '{large,small,large}');
SELECT hitl.create_model('x', base_url => 'https://example.org', model => 'm', fallbacks => '{large,NULL}');
SELECT hitl.create_model('x', provider => 'anthropic', base_url => 'https://api.anthropic.com/v1/', model => 'm',
	secret_name => 'a', headers => '{"anthropic-beta": "b"}', input_price => 3, output_price => 15.00, fallbacks => '{small,large}');
SELECT provider, base_url, secret_name, headers, input_price, output_price, fallbacks FROM hitl.models WHERE name = 'x';
SELECT hitl.create_model('x', provider => 'builtin', fallbacks => NULL);
SELECT provider, input_price, output_price, fallbacks FROM hitl.models WHERE name = 'x';
\set VERBOSITY terse
UPDATE hitl.models SET input_price = 'NaN' WHERE name = 'x';
UPDATE hitl.models SET provider = 'anthropic', base_url = 'nowhere', model = 'm' WHERE name = 'x';
\set VERBOSITY default
SELECT hitl.drop_model('x');
SELECT hitl.drop_model('small'), hitl.drop_model('small'), hitl.drop_model('large');

SELECT hitl.set_secret('models.key', 'hf_abc');
SELECT name, updated_at IS NOT NULL AS set FROM hitl.secret_names;
SELECT hitl.set_secret('bad name', 'x');
SELECT hitl.set_secret('models.key', NULL);
SELECT hitl.delete_secret('models.key'), hitl.delete_secret('models.key');

SELECT hitl.configure_channel('hook', 'webhook', '{"url": "https://example.invalid/hook", "headers": {"X-Team": "a"}}',
	signing_secret_name => 'hook.key', is_default => false);
SELECT name, channel_type, settings, signing_secret_name, is_default, active FROM hitl.channel_configurations;
SELECT hitl.configure_channel('x', 'telegraph', '{}');
SELECT hitl.configure_channel('x', 'webhook', '{}');
SELECT hitl.configure_channel('x', 'webhook', '{"url": "mailto:a@example.org"}');
SELECT hitl.configure_channel('x', 'webhook', '{"url": "https://example.org", "headers": []}');
SELECT hitl.configure_channel(NULL, 'webhook', '{}');
SELECT hitl.request_approval('To nobody', channels => ARRAY['hook', 'smoke signals']);
-- a request names its channels; what goes out is a row of the outbox
BEGIN;
SELECT hitl.request_approval('Told', requested_from => 'ann', channels => ARRAY['hook'], context_data => '{"a": 1}') AS id \gset
SELECT hitl.request_approval('Not told', requested_from => 'ann') AS other \gset
SELECT hitl.respond_to_approval(:'id', 'ann', 'approved');
SELECT channel, event_type, status, url FROM hitl.notification_deliveries WHERE approval_id IN (:'id', :'other') ORDER BY event_type DESC;
SELECT headers, signing_secret_name, idempotency_key = id::text AS stable_key,
	   body::jsonb #> '{data,context_data}' AS context, body::jsonb #>> '{data,status}' AS status
FROM hitl.outbox WHERE approval_id = :'id' AND body::jsonb ->> 'type' = 'approval.requested';
ROLLBACK;
DELETE FROM hitl.channel_configurations WHERE name = 'hook';
