-- what the gateway serves
\set SHOW_CONTEXT never
\pset null -
SELECT method, path, function, description FROM hitl.http_routes
WHERE path IN ('/healthz', '/readyz', '/metrics', '/api/v1/events') ORDER BY path, method;
-- each function takes a request and returns an answer, with its owner's rights
SELECT r.path FROM hitl.http_routes r LEFT JOIN pg_proc p ON p.oid = to_regprocedure(r.function)
WHERE r.function IS NOT NULL
  AND NOT coalesce(p.prorettype = 'jsonb'::regtype AND p.prosecdef AND p.pronargs = 1, false);
INSERT INTO hitl.http_routes VALUES ('get', '/x', NULL, 'x');
INSERT INTO hitl.http_routes VALUES ('HEAD', '/x', NULL, 'x');
INSERT INTO hitl.http_routes VALUES ('GET', 'x', NULL, 'x');
INSERT INTO hitl.http_routes VALUES ('GET', '/x?y=z', NULL, 'x');
INSERT INTO hitl.http_routes VALUES ('GET', '/healthz', NULL, 'x');
SELECT hitl.http_routes_changed();

-- the gateway's role may call these functions, and nothing else
CREATE ROLE hitl_door;
SELECT hitl.grant_access('hitl_door', 'gateway');
SELECT p.oid::regprocedure FROM pg_proc p
WHERE pronamespace = 'hitl'::regnamespace AND has_function_privilege('hitl_door', p.oid, 'EXECUTE')
  AND NOT EXISTS (SELECT FROM hitl.http_routes r WHERE to_regprocedure(r.function) = p.oid)
ORDER BY p.proname;
SELECT count(*) AS readable FROM pg_class
WHERE relnamespace = 'hitl'::regnamespace AND relkind IN ('r', 'v', 'S')
  AND has_table_privilege('hitl_door', oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE');
SET ROLE hitl_door;
SELECT count(*) > 0 AS routes FROM hitl.http_route_list();
SELECT hitl.http_ready('{}') -> 'json' ->> 'status' AS ready;
\set VERBOSITY sqlstate
SELECT * FROM hitl.http_routes;
SELECT * FROM hitl.metric_counters();
SELECT * FROM hitl.metric_lines();
SELECT hitl.http_events_allowed('{}');
\set VERBOSITY default
RESET ROLE;

-- who may read the numbers
CREATE FUNCTION pg_temp.metrics(address text, headers jsonb DEFAULT '{}', more jsonb DEFAULT '{}') RETURNS text
LANGUAGE sql RETURN hitl.http_metrics(jsonb_build_object('address', address, 'headers', headers) || more) ->> 'status';
SELECT pg_temp.metrics('127.0.0.1') AS here, pg_temp.metrics('127.8.0.1') AS here_too, pg_temp.metrics('::1') AS here6,
	   pg_temp.metrics('203.0.113.7') AS elsewhere, pg_temp.metrics('10.0.0.1') AS nearby,
	   pg_temp.metrics('127.0.0.1', '{"x-forwarded-for": "127.0.0.1"}') AS forwarded,
	   pg_temp.metrics('127.0.0.1', more => '{"proxy": "127.0.0.1"}') AS proxied;
SET hitl.metrics_token = 'open sesame';
SELECT pg_temp.metrics('127.0.0.1') AS without, pg_temp.metrics('203.0.113.7', '{"authorization": "Bearer open sesame"}') AS "with",
	   pg_temp.metrics('203.0.113.7', '{"authorization": "Bearer open"}') AS wrong,
	   pg_temp.metrics('203.0.113.7', '{"authorization": "Basic open sesame"}') AS basic;
RESET hitl.metrics_token;

-- what is counted: when it commits, and no sooner
CREATE FUNCTION pg_temp.counted(pattern text) RETURNS bigint
LANGUAGE sql RETURN (SELECT coalesce(sum(c.value), 0) FROM hitl.metric_counters() AS c WHERE c.series LIKE pattern);
CREATE TEMPORARY TABLE before AS SELECT s AS series, pg_temp.counted(s) AS value FROM unnest(ARRAY[
	'hitl_approvals_requested_total', '%outcome="approved"%', '%outcome="rejected"%', '%outcome="cancelled"%', '%outcome="expired"%',
	'hitl_approval_waiting_seconds_bucket{le="60"}', 'hitl_approval_waiting_seconds_count',
	'hitl_deliveries_total{channel="a \\"b\\"",result="delivered"}', 'hitl_inference_tokens_total{model="m",direction="input"}',
	'hitl_inference_cost_total{model="m"}', 'hitl_inference_calls_total{model="m",result="failed"}', 'hitl_http_requests_total%']) AS s;
BEGIN;
SELECT hitl.request_approval('Yes?', requested_from => 'anna') AS yes \gset
SELECT hitl.request_approval('No?', requested_from => 'anna') AS no \gset
SELECT hitl.request_approval('Gone?', requested_from => 'anna') AS gone \gset
SAVEPOINT one;
SELECT hitl.request_approval('Never?', requested_from => 'anna') AS never \gset
ROLLBACK TO one;
SAVEPOINT two;
SELECT hitl.request_approval('Late?', requested_from => 'anna') AS late \gset
RELEASE two;
SELECT hitl.respond_to_approval(:'yes', 'anna', 'approved'), hitl.respond_to_approval(:'no', 'anna', 'rejected'),
	   hitl.cancel_approval(:'gone'), hitl.expire_approval(:'late');
SELECT pg_temp.counted('hitl_approvals_requested_total') - value AS too_soon FROM before WHERE series = 'hitl_approvals_requested_total';
COMMIT;
BEGIN;
SELECT hitl.request_approval('Undone?', requested_from => 'anna') AS undone \gset
ROLLBACK;
CREATE FUNCTION pg_temp.end_request(purpose text, status text, channel text, model text) RETURNS void LANGUAGE sql AS $$
	INSERT INTO hitl.outbox (id, purpose, url, idempotency_key, channel, model, status, next_attempt_at)
	VALUES (hitl.uuidv7(0), purpose, 'https://metrics.example', 'metrics', channel, model, 'sending', now() + interval '1 hour');
	UPDATE hitl.outbox o SET status = end_request.status, finished_at = now(), input_tokens = 30, output_tokens = 4, cost = 0.0125
	WHERE o.url = 'https://metrics.example' AND o.status = 'sending';
$$;
SELECT pg_temp.end_request('notification', 'delivered', 'a "b"', NULL), pg_temp.end_request('inference', 'failed', NULL, 'm'),
	   pg_temp.end_request('http', 'delivered', NULL, NULL), pg_temp.end_request('http', 'cancelled', NULL, NULL);
SELECT b.series, pg_temp.counted(b.series) - b.value AS more FROM before b ORDER BY b.series;
DELETE FROM hitl.outbox WHERE url = 'https://metrics.example';
-- as Prometheus reads it: each line is a comment or a number, each metric once
CREATE TEMPORARY TABLE page AS SELECT n, line FROM regexp_split_to_table(
	hitl.http_metrics('{"address": "::1", "headers": {}}') ->> 'body', E'\n') WITH ORDINALITY AS l (line, n);
SELECT line FROM page WHERE line <> '' AND line !~ '^(# (HELP|TYPE) hitl_[a-z_]+ .+|hitl_[a-z_]+(\{([a-z]+="([^"\\]|\\["\\n])*",?)+\})? [0-9.e+-]+)$';
SELECT count(*) > 10 AS metrics, count(*) = count(DISTINCT line) AS once FROM page WHERE line LIKE '# TYPE %';
SELECT split_part(line, ' ', 2) AS label FROM page WHERE strpos(line, 'channel="a \"b\""') > 0;

SELECT count(DISTINCT substring(line FROM 'kind="([a-z]+)"')) >= 3 AS kinds, bool_or(line ~ '_count.* [1-9][0-9]*$') AS counted
FROM hitl.metric_lines() WHERE metric = 'hitl_worker_pass_seconds';

-- events: nobody may follow them, unless it is said who
SELECT hitl.http_events('{"headers": {}}') ->> 'status' AS status;
SELECT hitl.create_workflow('followed', created_by => 'berta', workflow_definition =>
	'{"name": "followed", "steps": [{"name": "ask", "type": "approval", "title": "Seen?", "requested_from": "anna"}]}') AS id \gset
SELECT hitl.execute_workflow(:'id') = :'id' AS started;
CALL hitl.await_workflow(:'id', '30 seconds', 'waiting_approval');
CREATE FUNCTION pg_temp.follow(who text, filter jsonb DEFAULT '{}', after integer DEFAULT NULL) RETURNS text LANGUAGE sql
RETURN (SELECT string_agg(m[1], ' ') FROM regexp_matches(hitl.http_event_batch(ARRAY[jsonb_build_object('principal', who, 'filter', filter)],
		jsonb_build_object(current_setting('test.id'), after), now() - interval '1 minute', 0, 0) #>> '{texts,0}', 'event: ([a-z_]+)', 'g') AS m);
SET test.id = :'id';
SELECT pg_temp.follow('root', '{"all": true}') AS "all", pg_temp.follow('root', '{"all": true}', 2) AS rest;
SELECT pg_temp.follow('berta') AS own, pg_temp.follow('anna') AS asked, pg_temp.follow('carl') AS other,
	   pg_temp.follow('root', jsonb_build_object('all', true, 'workflow_id', hitl.uuidv7(0))) AS another;
SELECT hitl.http_event_batch(ARRAY['{"principal": "root", "filter": {"all": true}}'::jsonb], jsonb_build_object(:'id', 1), now(), 0, 0) #>> ARRAY['last', :'id'] AS last;
SELECT hitl.http_event_batch(ARRAY['{"principal": "root"}', '{"principal": "anna"}']::jsonb[], '{}', now(), 0, 0);
-- each of those who follow at once is told what he sees
SELECT f.allowed ->> 'principal' AS who,
	   (SELECT string_agg(m[1], ' ') FROM regexp_matches(b.batch #>> ARRAY['texts', (f.number - 1)::text], 'event: ([a-z_]+)', 'g') AS m) AS told
FROM (SELECT ARRAY['{"principal": "carl"}', '{"principal": "anna"}', '{"principal": "root", "filter": {"all": true}}',
				   '{"principal": "berta"}', jsonb_build_object('principal', 'anna', 'filter', jsonb_build_object('workflow_id', :'id')),
				   jsonb_build_object('principal', 'anna', 'filter', jsonb_build_object('workflow_id', hitl.uuidv7(0)))]::jsonb[] AS allowed) AS a,
	 hitl.http_event_batch(a.allowed, jsonb_build_object(:'id', NULL), now() - interval '1 minute', 0, 0) AS b (batch),
	 unnest(a.allowed) WITH ORDINALITY AS f (allowed, number)
ORDER BY f.number;
-- more than is told at once is not left out in silence
BEGIN;
INSERT INTO hitl.workflow_events SELECT (jsonb_populate_record(e, jsonb_build_object('seq', 100 + n))).*
FROM hitl.workflow_events e, generate_series(1, 120) AS n WHERE e.workflow_id = :'id' AND e.seq = 1;
SELECT pg_temp.follow('berta', after => 100) ~ 'resync' AS "all", pg_temp.follow('berta', after => 120) ~ 'resync' AS rest;
ROLLBACK;
SELECT regexp_replace(hitl.http_event_resume('{"principal": "root", "filter": {"all": true}}',
	   format('%s.%s.1', (extract(epoch FROM now()) * 1000000)::bigint, :'id')), '.*(event: workflow_started).*', '\1') AS resumed;
SELECT hitl.http_event_resume('{"principal": "root", "filter": {"all": true}}', '1.' || :'id' || '.1') AS too_old,
	   hitl.http_event_resume('{"principal": "root", "filter": {"all": true}}',
			format('%s.%s.1', hitl.microseconds(clock_timestamp() + interval '1 minute'), :'id')) AS too_new,
	   hitl.http_event_resume('{"principal": "root", "filter": {"all": true}}', 'nonsense') AS nonsense;
-- requests of no workflow have no trail: what happens to them is remembered for a while
CREATE FUNCTION pg_temp.news(who text, approval text, filter jsonb DEFAULT '{}') RETURNS text LANGUAGE sql
RETURN (SELECT string_agg(m[1], ' ') FROM regexp_matches(hitl.http_event_batch(ARRAY[jsonb_build_object('principal', who, 'filter', filter)],
		'{}', now(), (SELECT coalesce(max(n.number), 0) - 100 FROM hitl.approval_news(NULL, NULL) AS n), 1000000000) #>> '{texts,0}',
		'event: ([a-z_]+)\ndata: [^\n]*' || approval, 'g') AS m);
SELECT hitl.request_approval('Told?', requested_by => 'berta', policy => '{"all_of": ["anna", "carl"]}') AS told \gset
SELECT hitl.respond_to_approval(:'told', 'anna', 'information_requested', feedback => 'Why?') \gset _
BEGIN;
SAVEPOINT mistaken;
SELECT hitl.respond_to_approval(:'told', 'anna', 'rejected') \gset _
ROLLBACK TO mistaken;
SAVEPOINT meant;
SELECT hitl.respond_to_approval(:'told', 'anna', 'approved') \gset _
RELEASE meant;
SELECT pg_temp.news('anna', :'told') AS not_committed;
COMMIT;
BEGIN;
SELECT hitl.cancel_approval(:'told') \gset _
ROLLBACK;
SELECT hitl.respond_to_approval(:'told', 'carl', 'approved') \gset _
SELECT pg_temp.news('anna', :'told') AS asked, pg_temp.news('carl', :'told') = pg_temp.news('anna', :'told') AS asked_too,
	   pg_temp.news('berta', :'told') = pg_temp.news('anna', :'told') AS has_asked, pg_temp.news('dora', :'told') AS other;
SELECT pg_temp.news('dora', :'told', '{"all": true}') = pg_temp.news('anna', :'told') AS "all",
	   pg_temp.news('anna', :'told', jsonb_build_object('all', true, 'workflow_id', :'id')) AS of_a_workflow;
SELECT hitl.cancel_approval(hitl.request_approval('Not any more', requested_from => 'anna')) AS status, max(n.number) AS before
FROM hitl.approval_news(NULL, NULL) AS n \gset
SELECT string_agg(n.event_type, ' ' ORDER BY n.number) AS withdrawn FROM hitl.approval_news(:before, NULL) AS n;
SELECT hitl.request_approval('Too late', requested_from => 'anna', timeout_hours => 1) AS late \gset
BEGIN;
UPDATE hitl.approval_requests SET due_at = now() WHERE id = :'late';
SELECT hitl.expire_due_approvals() > 0 AS expired;
COMMIT;
SELECT string_agg(n.event_type, ' ' ORDER BY n.number) AS told FROM hitl.approval_news(NULL, NULL) AS n WHERE n.approval_id = :'late';
-- what is too long ago is not known any more
SELECT hitl.publish_approval(:'told', 'approval_unreachable') \gset _
SELECT hitl.http_event_resume('{"principal": "anna"}', format('%s.%s.%s', hitl.microseconds(n.happened_at), n.approval_id, n.number - 1))
	   ~ ('event: approval_unreachable\ndata: [^\n]*' || :'told') AS resumed
FROM hitl.approval_news(:before, NULL) AS n WHERE n.event_type = 'approval_unreachable';
SELECT hitl.http_event_resume('{"principal": "anna"}', format('%s.%s.1', hitl.microseconds(hitl.approval_news_since() - interval '1 second'), :'told')) AS before_it_began;
SELECT count(p.told) AS more FROM (SELECT hitl.publish_approval(:'told', 'approval_commented') AS told FROM generate_series(1, 5000)) AS p;
SELECT count(*) AS remembered FROM hitl.approval_news(NULL, NULL) AS n;
SELECT hitl.http_event_batch(ARRAY['{"principal": "dora"}'::jsonb], '{}', now(), 0, 1) #>> '{texts,0}' AS too_much;
SELECT hitl.revoke_access('hitl_door');
SELECT count(*) AS callable FROM pg_proc
WHERE pronamespace = 'hitl'::regnamespace AND has_function_privilege('hitl_door', oid, 'EXECUTE');
DROP ROLE hitl_door;
