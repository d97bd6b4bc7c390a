-- redacting requests and responses
\set SHOW_CONTEXT never
CREATE ROLE hitl_redactor;
SELECT hitl.grant_access('hitl_redactor', 'admin');
SELECT hitl.create_workflow('one', workflow_definition => '{"steps": [{"name": "a", "type": "checkpoint"}]}') AS one \gset
SELECT hitl.create_workflow('two', workflow_definition => '{"steps": [{"name": "a", "type": "checkpoint"}]}') AS two \gset
CREATE FUNCTION requested(workflow uuid, status text, body text, response text, purpose text DEFAULT 'http', age interval DEFAULT '0')
RETURNS uuid LANGUAGE sql AS $$
	INSERT INTO hitl.outbox (id, purpose, workflow_id, url, idempotency_key, body, response_body, status, created_at, next_attempt_at, finished_at)
	VALUES ((substr(CASE WHEN age > '0' THEN hitl.first_id(now() - age) ELSE hitl.uuidv7() END::text, 1, 24) || substr(gen_random_uuid()::text, 25))::uuid,
		purpose, workflow, 'https://api.example.org/orders', '', body, response, status, now() - age, now() + interval '1 day', CASE WHEN status NOT IN ('queued', 'sending') THEN now() - age END) RETURNING id $$;
SELECT requested(:'one', 'delivered', '{"name": "Eve"}', 'Größe: 42') AS a, requested(:'one', 'queued', 'x', NULL) AS b,
	requested(:'one', 'sending', 'x', NULL) AS c, requested(:'one', 'failed', NULL, 'y') AS d,
	requested(:'two', 'cancelled', 'z', NULL, age => '2 days') AS e,
	requested(NULL, 'failed', '{"type": "approval.requested", "data": {"title": "Eve"}}', 'gone', 'notification') AS f \gset

-- one
SET ROLE hitl_redactor;
SELECT hitl.redact_request(:'a', 'Eve wants it so');
SELECT hitl.redact_request(:'a', 'once more');
SELECT hitl.redact_request(:'b', 'too early') \set VERBOSITY sqlstate
\g
SELECT hitl.redact_request(:'c', 'too early')
\g
\set VERBOSITY default
SELECT hitl.redact_request('00000000-0000-7000-8000-000000000001', 'none');
SELECT hitl.redact_request(NULL, 'none');
SELECT hitl.redact_request(:'d', NULL);
SELECT hitl.redact_request(:'d', '');
SELECT hitl.redact_request(:'d', repeat('a', 1001));
SELECT hitl.redact_request(:'f', 'Eve wants it so');
RESET ROLE;
SELECT body::jsonb #- '{redacted,at}' AS body, response_body::jsonb #- '{redacted,at}' AS response_body,
	(body::jsonb #>> '{redacted,at}')::timestamptz = date_trunc('second', redacted_at) AS at_that_time
FROM hitl.outbox WHERE id = :'a';
SELECT encode(sha256('{"name": "Eve"}'), 'hex') AS of_body, encode(sha256(convert_to('Größe: 42', 'UTF8')), 'hex') AS of_response;
SELECT event_type, status FROM hitl.notification_deliveries WHERE id = :'f';
SELECT hitl.retry_request(:'f');

-- the trail tells of it, and is whole
CREATE PROCEDURE settled() LANGUAGE plpgsql AS $$ BEGIN
	WHILE EXISTS (SELECT FROM hitl.messages WHERE kind = 'request_redacted') LOOP COMMIT; END LOOP; END $$;
CALL settled();
SELECT event_type, data - 'request_id' AS data, data ->> 'request_id' = :'a' AS of_it, actor FROM hitl.workflow_events WHERE workflow_id = :'one' AND seq > 1;
SELECT what, who FROM hitl.workflow_timeline(:'one') WHERE event = 'request redacted';
SELECT * FROM hitl.verify_events(:'one');

-- those of a workflow, those that are old
SET ROLE hitl_redactor;
SELECT hitl.redact_requests('they are old', older_than => '1 day'), hitl.redact_requests('they are old', older_than => '1 day');
SELECT hitl.redact_requests('case closed', :'one', '1 day'), hitl.redact_requests('case closed', :'one'), hitl.redact_requests('case closed', :'one');
SELECT hitl.redact_requests('all');
SELECT hitl.redact_requests('all', older_than => '-1 day');
SELECT hitl.redact_requests('all', older_than => '1 day', max_requests => 0);
SELECT hitl.redact_requests(NULL, older_than => '1 day');
SELECT hitl.redact_requests('none', '00000000-0000-7000-8000-000000000001');
RESET ROLE;
CALL settled();
SELECT o.status, o.body IS NULL AS nothing, o.body::jsonb -> 'redacted' ->> 'reason' AS body, o.response_body::jsonb -> 'redacted' ->> 'reason' AS response_body
FROM hitl.outbox o WHERE o.id IN (:'d', :'e') ORDER BY o.status;
SELECT count(*) AS untouched FROM hitl.outbox WHERE id IN (:'b', :'c') AND body = 'x' AND redacted_at IS NULL;
SELECT w.name, e.data -> 'body' IS NULL AS none_of_body, e.data -> 'response_body' IS NULL AS none_of_response, e.actor
FROM hitl.workflow_events e JOIN hitl.workflows w ON w.id = e.workflow_id WHERE e.event_type = 'request_redacted' ORDER BY w.name, e.seq;

-- in batches
SELECT count(requested(:'two', 'delivered', 'x', 'y', age => '2 days')) FROM generate_series(1, 5);
SELECT hitl.redact_requests('r', older_than => '1 day', max_requests => 3) AS first, hitl.redact_requests('r', older_than => '1 day', max_requests => 3) AS second,
	hitl.redact_requests('r', older_than => '1 day', max_requests => 3) AS third;

-- who may
SELECT hitl.revoke_access('hitl_redactor'), hitl.grant_access('hitl_redactor', 'operator');
SET ROLE hitl_redactor;
SELECT hitl.redact_request(:'a', 'mine');
SELECT hitl.redact_requests('mine', :'one');
SELECT hitl.redact_bodies(ARRAY[:'a']::uuid[], 'mine');
RESET ROLE;
CALL settled();
DELETE FROM hitl.outbox;
SELECT hitl.revoke_access('hitl_redactor');
DROP ROLE hitl_redactor;
DROP FUNCTION requested;
DROP PROCEDURE settled;
