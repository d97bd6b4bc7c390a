-- metrics.sql
--		Numbers for Prometheus.  Counters are in shared memory, counted where
--		something happens; gauges are read by indexes, no more than so many rows.

CREATE FUNCTION hitl.count_metrics() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'hitl_count_metrics';
COMMENT ON FUNCTION hitl.count_metrics() IS
	'trigger function: counts for hitl.http_metrics what has happened, when the transaction commits';

CREATE TRIGGER count_requested AFTER INSERT ON hitl.approval_requests
	FOR EACH ROW EXECUTE FUNCTION hitl.count_metrics('approval');
-- Conditions (WHEN) would be prepared anew for each statement: the function looks itself.
CREATE TRIGGER count_decided AFTER UPDATE OF status ON hitl.approval_requests
	FOR EACH ROW EXECUTE FUNCTION hitl.count_metrics('approval');
CREATE TRIGGER count_ended AFTER UPDATE OF status ON hitl.outbox
	FOR EACH ROW EXECUTE FUNCTION hitl.count_metrics('request');

CREATE FUNCTION hitl.metric_counters(OUT series text, OUT value bigint)
	RETURNS SETOF record
	LANGUAGE c VOLATILE STRICT PARALLEL SAFE ROWS 50
	AS 'MODULE_PATHNAME', 'hitl_metric_counters';
COMMENT ON FUNCTION hitl.metric_counters() IS
	'what has happened in this database since the server started, for hitl.http_metrics: costs in millionths, times in milliseconds';

-- How many workflows have which status.  Of a large table, what ANALYZE has found.
CREATE FUNCTION hitl.count_workflows(OUT status text, OUT workflows bigint, OUT estimated boolean)
	RETURNS SETOF record
	LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF pg_relation_size('hitl.workflows') < 16 * 1024 * 1024 THEN
		RETURN QUERY SELECT w.status, count(*), false FROM hitl.workflows w GROUP BY w.status;
	ELSE
		RETURN QUERY
		SELECT v.status, (v.frequency * c.reltuples)::bigint, true
		FROM pg_stats s, pg_class c,
			 unnest(s.most_common_vals::text::text[], s.most_common_freqs) AS v (status, frequency)
		WHERE s.schemaname = 'hitl' AND s.tablename = 'workflows' AND s.attname = 'status'
		  AND c.oid = 'hitl.workflows'::regclass AND c.reltuples >= 0;
	END IF;
END
$$;
COMMENT ON FUNCTION hitl.count_workflows() IS
	'how many workflows have which status: counted while the table is small, else estimated from its statistics';

-- Label values, and whole lines.
CREATE FUNCTION hitl.metric_label(value text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN replace(replace(replace(value, '\', '\\'), '"', '\"'), E'\n', '\n');
COMMENT ON FUNCTION hitl.metric_label(text) IS 'a text as the value of a label of Prometheus';

CREATE FUNCTION hitl.metric_lines() RETURNS TABLE (metric text, type text, help text, line text)
	LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
	WITH counters AS MATERIALIZED (SELECT c.series, c.value FROM hitl.metric_counters() AS c),
	workflows AS MATERIALIZED (SELECT * FROM hitl.count_workflows()),
	workers AS MATERIALIZED (SELECT * FROM hitl.worker_status()),
	queues AS MATERIALIZED (
		SELECT 'messages' AS queue, count(*) AS queued,
			   greatest(coalesce(extract(epoch FROM clock_timestamp() - min(m.due_at)), 0), 0) AS age
		FROM (SELECT x.due_at FROM hitl.messages x WHERE x.due_at <= clock_timestamp()
			  ORDER BY x.due_at, x.id LIMIT 10000) AS m
		UNION ALL
		SELECT 'statements', count(*), coalesce(extract(epoch FROM clock_timestamp() - min(s.created_at)), 0)
		FROM (SELECT x.created_at FROM hitl.statements x LIMIT 10000) AS s
		UNION ALL
		SELECT p.purpose, q.queued, q.age
		FROM unnest('{inference,http,notification}'::text[]) AS p (purpose),
			 LATERAL (SELECT count(*) AS queued,
							 coalesce(extract(epoch FROM clock_timestamp() - min(o.created_at)), 0) AS age
					  FROM (SELECT x.created_at FROM hitl.outbox x
							WHERE x.purpose = p.purpose AND x.status IN ('queued', 'sending')
							LIMIT 10000) AS o) AS q)
	SELECT 'hitl_info', 'gauge', 'version of hitl', format('hitl_info{version="%s"} 1', current_setting('hitl.version'))
	UNION ALL
	SELECT 'hitl_workflows', 'gauge', 'workflows by status',
		   format('hitl_workflows{status="%s"} %s', w.status, w.workflows) FROM workflows w
	UNION ALL
	SELECT 'hitl_workflows_estimated', 'gauge', '1 when hitl_workflows is from the statistics of a large table',
		   format('hitl_workflows_estimated %s', coalesce((SELECT bool_or(w.estimated) FROM workflows w), false)::integer)
	UNION ALL
	SELECT 'hitl_approvals_pending', 'gauge', 'approval requests that wait, 10000 at most',
		   format('hitl_approvals_pending %s', (SELECT count(*) FROM (SELECT FROM hitl.approval_requests a
				  WHERE a.status = 'pending' LIMIT 10000) AS p))
	UNION ALL
	SELECT 'hitl_approvals_overdue', 'gauge', 'those whose deadline or escalation is due, 10000 at most',
		   format('hitl_approvals_overdue %s', (SELECT count(*) FROM (SELECT FROM hitl.approval_requests a
				  WHERE a.status = 'pending' AND a.due_at <= clock_timestamp() LIMIT 10000) AS p))
	UNION ALL
	SELECT 'hitl_approvals_requested_total', 'counter', 'approval requests made',
		   format('hitl_approvals_requested_total %s',
				  coalesce((SELECT c.value FROM counters c WHERE c.series = 'hitl_approvals_requested_total'), 0))
	UNION ALL
	SELECT 'hitl_approvals_decided_total', 'counter', 'approval requests decided, expired or cancelled',
		   format('hitl_approvals_decided_total{outcome="%s"} %s', o.outcome,
				  coalesce((SELECT c.value FROM counters c
							WHERE c.series = format('hitl_approvals_decided_total{outcome="%s"}', o.outcome)), 0))
	FROM unnest('{approved,rejected,expired,cancelled}'::text[]) AS o (outcome)
	UNION ALL
	SELECT 'hitl_approval_waiting_seconds', 'histogram', 'time from request to outcome',
		   format('hitl_approval_waiting_seconds%s %s', b.series,
				  coalesce((SELECT CASE b.series WHEN '_sum' THEN trim_scale(c.value / 1000.0) ELSE c.value END FROM counters c
							WHERE c.series = 'hitl_approval_waiting_seconds' || b.series), 0))
	FROM unnest(ARRAY['_bucket{le="60"}', '_bucket{le="300"}', '_bucket{le="3600"}', '_bucket{le="14400"}',
					  '_bucket{le="86400"}', '_bucket{le="259200"}', '_bucket{le="604800"}', '_bucket{le="+Inf"}',
					  '_sum', '_count']) AS b (series)
	UNION ALL
	SELECT k.metric, 'counter', k.help,
		   format('%s %s', c.series, CASE k.metric WHEN 'hitl_inference_cost_total' THEN trim_scale(c.value / 1000000.0)
														ELSE c.value END)
	FROM (VALUES ('hitl_deliveries_total', 'notifications that have ended, by channel'),
				 ('hitl_inference_calls_total', 'calls of models that have ended'),
				 ('hitl_inference_tokens_total', 'tokens that models have taken and given'),
				 ('hitl_inference_cost_total', 'what that has cost, by the prices of the models'),
				 ('hitl_http_requests_total', 'requests of http steps and tools that have ended')) AS k (metric, help),
		 counters c
	WHERE split_part(c.series, '{', 1) = k.metric
	UNION ALL
	SELECT 'hitl_queue_depth', 'gauge', 'what waits, 10000 of each at most', format('hitl_queue_depth{queue="%s"} %s', q.queue, q.queued)
	FROM queues q
	UNION ALL
	SELECT 'hitl_queue_age_seconds', 'gauge', 'age of the oldest of them', format('hitl_queue_age_seconds{queue="%s"} %s', q.queue, round(q.age, 3))
	FROM queues q
	UNION ALL
	SELECT 'hitl_circuit_breaker_open', 'gauge', 'hosts that have failed lately: 1 while they are left alone',
		   format('hitl_circuit_breaker_open{host="%s"} %s', hitl.metric_label(b.origin), b.open::integer)
	FROM (SELECT x.origin, x.open FROM hitl.breakers x ORDER BY x.open DESC, x.changed_at DESC LIMIT 200) AS b
	UNION ALL
	SELECT 'hitl_worker_pass_seconds', 'histogram', 'how long passes of workers take',
		   format('%s %s', b.series, coalesce((SELECT CASE WHEN b.series ~ '_sum' THEN trim_scale(c.value / 1000000.0) ELSE c.value END
											   FROM counters c WHERE c.series = b.series), 0))
	FROM (SELECT DISTINCT w.kind FROM workers w WHERE w.kind <> 'launcher') AS k,
		 unnest(ARRAY['_bucket{kind="%s",le="0.001"}', '_bucket{kind="%s",le="0.01"}', '_bucket{kind="%s",le="0.1"}',
					  '_bucket{kind="%s",le="1"}', '_bucket{kind="%s",le="10"}', '_bucket{kind="%s",le="+Inf"}',
					  '_sum{kind="%s"}', '_count{kind="%s"}']) AS f (form),
		 LATERAL (SELECT 'hitl_worker_pass_seconds' || format(f.form, k.kind) AS series) AS b
	UNION ALL
	SELECT k.metric, k.type, k.help, format('%s{kind="%s",number="%s"} %s', k.metric, w.kind, w.number,
		   CASE k.metric WHEN 'hitl_worker_up' THEN (w.pid IS NOT NULL)::integer
			   WHEN 'hitl_worker_failing' THEN (w.state IN ('backing off', 'waiting to restart', 'no free worker slot'))::integer
			   WHEN 'hitl_worker_handled_total' THEN w.handled ELSE w.errors END)
	FROM (VALUES ('hitl_worker_up', 'gauge', '1 while the worker has a process'),
				 ('hitl_worker_failing', 'gauge', '1 while it waits after an error'),
				 ('hitl_worker_handled_total', 'counter', 'messages, statements or requests'),
				 ('hitl_worker_errors_total', 'counter', 'errors')) AS k (metric, type, help),
		 workers w
$$;
COMMENT ON FUNCTION hitl.metric_lines() IS
	'the lines of hitl.http_metrics';

-- With a token, whoever has it; without one, who is on the same machine, and not
-- through a proxy on it.
CREATE FUNCTION hitl.http_metrics(request jsonb) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	token text := current_setting('hitl.metrics_token');
	given text := coalesce(substring(request #>> '{headers,authorization}' FROM '^[Bb]earer +(.+)$'), '');
BEGIN
	IF token <> '' THEN
		IF hitl.token_hash(given) <> hitl.token_hash(token) THEN
			RETURN hitl.http_error(401, 'this takes the metrics token', headers => '{"www-authenticate": "Bearer"}');
		END IF;
	ELSIF request ? 'proxy' OR request -> 'headers' ?| '{x-forwarded-for,forwarded,via,x-real-ip}'
		OR NOT (request ->> 'address')::inet <<= ANY ('{127.0.0.0/8,::1}'::inet[]) THEN
		RETURN hitl.http_error(403, 'without hitl.metrics_token, this is for clients on the same machine that come neither through a proxy nor from one of hitl.trusted_proxies');
	END IF;
	RETURN (SELECT jsonb_build_object('status', 200,
				'headers', jsonb_build_object('content-type', 'text/plain; version=0.0.4; charset=utf-8'),
				'body', string_agg(m.text, '' ORDER BY m.metric))
			FROM (SELECT l.metric, format(E'# HELP %s %s\n# TYPE %s %s\n%s\n', l.metric, min(l.help), l.metric, min(l.type),
										  string_agg(l.line, E'\n')) AS text
				  FROM hitl.metric_lines() AS l GROUP BY l.metric) AS m);
END
$$;
COMMENT ON FUNCTION hitl.http_metrics(jsonb) IS
	'GET /metrics: numbers for Prometheus; for who has hitl.metrics_token, or else for the same machine';

INSERT INTO hitl.http_routes (method, path, function, description) VALUES
	('GET', '/metrics', 'hitl.http_metrics(jsonb)', 'numbers for Prometheus');
