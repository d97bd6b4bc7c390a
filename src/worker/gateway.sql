-- gateway.sql
--		What the gateway serves: routes, each one function, and those of its own.

CREATE TABLE hitl.http_routes (
	method text NOT NULL CHECK (method ~ '^[A-Z]+$' AND method NOT IN ('HEAD', 'OPTIONS')),
	path text NOT NULL CHECK (path ~ '^/' AND path !~ '[?#[:space:]]'),	-- '/api/v1/approvals/{id}'
	function text,						-- as regprocedure has it; NULL: the gateway answers by itself
	description text NOT NULL,
	PRIMARY KEY (method, path)
);
COMMENT ON TABLE hitl.http_routes IS
	'what the gateway serves: hitl.http_name(request jsonb) RETURNS jsonb for each method and path; {name} in a path stands for one segment';

CREATE FUNCTION hitl.http_routes_changed() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'hitl_http_routes_changed';
COMMENT ON FUNCTION hitl.http_routes_changed() IS
	'trigger function: has the gateway read the routes again when the transaction commits';
CREATE TRIGGER http_routes_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON hitl.http_routes
	FOR EACH STATEMENT EXECUTE FUNCTION hitl.http_routes_changed();
ALTER TABLE hitl.http_routes ENABLE ALWAYS TRIGGER http_routes_changed;

-- The gateway's role reads no table.
CREATE FUNCTION hitl.http_route_list(OUT method text, OUT path text, OUT function text)
	RETURNS SETOF record
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
	SELECT r.method, r.path, r.function FROM hitl.http_routes r ORDER BY r.path COLLATE "C", r.method COLLATE "C"
$$;
COMMENT ON FUNCTION hitl.http_route_list() IS
	'the routes, for the gateway';

CREATE FUNCTION hitl.http_ready(request jsonb) RETURNS jsonb
	LANGUAGE sql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
	SELECT jsonb_build_object(
		'status', CASE WHEN c.version AND c.workers THEN 200 ELSE 503 END,
		'json', jsonb_build_object(
			'status', CASE WHEN c.version AND c.workers THEN 'ready' ELSE 'not ready' END,
			'checks', jsonb_build_object('database', true, 'version', c.version, 'workers', c.workers)))
	FROM (SELECT (SELECT e.extversion = current_setting('hitl.version') FROM pg_extension e
				  WHERE e.extname = 'hitl') AS version,
				 coalesce(bool_and(w.pid IS NOT NULL), false) AS workers
		  FROM hitl.worker_status() w) AS c
$$;
COMMENT ON FUNCTION hitl.http_ready(jsonb) IS
	'GET /readyz: 200 when the database answers, the extension is of the library''s version, and all workers run; else 503';

CREATE FUNCTION hitl.http_events(request jsonb) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	allowed jsonb := hitl.http_events_allowed(request);
BEGIN
	IF allowed ->> 'principal' IS NULL THEN
		RETURN hitl.http_error(401, 'sign in, or send an API token, to follow events',
			headers => '{"www-authenticate": "Bearer"}');
	END IF;
	RETURN jsonb_build_object('status', 200,
		'events', allowed,
		'last_event_id', request #>> '{headers,last-event-id}');
END
$$;
COMMENT ON FUNCTION hitl.http_events(jsonb) IS
	'GET /api/v1/events: a stream of events for whom hitl.http_events_allowed lets';

-- An event as text/event-stream has it.  It says what has happened to what; the data
-- are read where their readers are checked.
CREATE FUNCTION hitl.http_event_text(event hitl.workflow_events) RETURNS text
	LANGUAGE sql STABLE
	RETURN format(E'id: %s.%s.%s\nevent: %s\ndata: %s\n\n',
		hitl.microseconds((event).created_at), (event).workflow_id, (event).seq, (event).event_type,
		jsonb_strip_nulls(jsonb_build_object(
			'workflow_id', (event).workflow_id, 'seq', (event).seq, 'event_type', (event).event_type,
			'step_name', (event).step_name, 'approval_id', (event).data -> 'approval_id',
			'created_at', (event).created_at)));
COMMENT ON FUNCTION hitl.http_event_text(hitl.workflow_events) IS
	'an event of a workflow as server-sent events have it';

-- Of which request an event tells, if of one.
CREATE FUNCTION hitl.event_approval(event hitl.workflow_events) RETURNS uuid
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN CASE WHEN (event).event_type LIKE 'approval%' THEN ((event).data ->> 'approval_id')::uuid END;
COMMENT ON FUNCTION hitl.event_approval(hitl.workflow_events) IS 'the approval request that an event of a workflow tells of';

CREATE FUNCTION hitl.http_news_text(number bigint, approval_id uuid, event_type text, happened_at timestamptz) RETURNS text
	LANGUAGE sql STABLE
	RETURN format(E'id: %s.%s.%s\nevent: %s\ndata: %s\n\n',
		hitl.microseconds(happened_at), approval_id, number, event_type,
		jsonb_build_object('approval_id', approval_id, 'event_type', event_type, 'created_at', happened_at));
COMMENT ON FUNCTION hitl.http_news_text(bigint, uuid, text, timestamptz) IS
	'what has happened to an approval request of no workflow, as server-sent events have it';

CREATE FUNCTION hitl.policy_texts(policy jsonb) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN ARRAY(SELECT p.value #>> '{}' FROM jsonb_path_query(policy, 'strict $.** ? (@.type() == "string")') AS p (value));
COMMENT ON FUNCTION hitl.policy_texts(jsonb) IS 'all texts in a policy: the names in it, and some words';

-- Who sees what happens to workflows and to requests: who follows all; else who has created
-- the workflow, and of requests of others who has made one, is asked, is named by its policy,
-- so that he hears how it ended, or has answered.  What there is to know of followers and
-- requests is read once, however many there are.
CREATE FUNCTION hitl.events_seen(allowed jsonb[], subject_ids uuid[])
	RETURNS TABLE (follower integer, subject_id uuid)
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
	RETURN QUERY
	WITH follower AS MATERIALIZED (
		SELECT u.number::integer AS number, u.allowed ->> 'principal' AS who,
			   coalesce(u.allowed #> '{filter,all}' = 'true', false) AS sees_all,
			   (u.allowed #>> '{filter,workflow_id}')::uuid AS workflow_id
		FROM unnest(events_seen.allowed) WITH ORDINALITY AS u (allowed, number)
	), person AS MATERIALIZED (
		SELECT f.number, f.who, f.workflow_id, hitl.own_names(f.who) AS own,
			   ARRAY(SELECT n.name FROM hitl.answering_names(f.who) AS n) AS answering
		FROM follower f WHERE NOT f.sees_all
	), request AS MATERIALIZED (
		SELECT a.id, a.workflow_id, hitl.principal_of(a.requested_by) AS requested_by,
			   a.asked || hitl.policy_texts(a.policy) AS names,
			   ARRAY(SELECT r.approver_id FROM hitl.approval_responses r WHERE r.approval_id = a.id) AS answered
		FROM hitl.approval_requests a
		WHERE a.id = ANY (subject_ids) AND EXISTS (SELECT FROM person)
	)
	SELECT f.number, i.id FROM follower f, unnest(subject_ids) AS i (id)
	WHERE f.sees_all AND (f.workflow_id IS NULL OR f.workflow_id = i.id)
	UNION ALL
	SELECT p.number, w.id FROM person p, hitl.workflows w
	WHERE w.id = ANY (subject_ids) AND w.created_by = ANY (p.own) AND (p.workflow_id IS NULL OR p.workflow_id = w.id)
	UNION ALL
	SELECT p.number, r.id FROM person p, request r
	WHERE (r.requested_by = p.who OR r.names && p.answering OR p.who = ANY (r.answered))
	  AND (p.workflow_id IS NULL OR p.workflow_id = r.workflow_id);
END
$$;
COMMENT ON FUNCTION hitl.events_seen(jsonb[], uuid[]) IS
	'which of those who are allowed to follow events, by their place, see all that happens to a workflow, or what happens to a request';

-- What is new of workflows: {"id": number of the last event that was sent, or null}.  Of
-- what nothing was sent yet, the events since a time, or shortly before: transactions commit
-- later than their events say.  And what has happened to requests of no workflow, by numbers.
CREATE FUNCTION hitl.http_event_batch(allowed jsonb[], workflows jsonb, since timestamptz, news_after bigint, news_upto bigint) RETURNS jsonb
	LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
	RETURN (WITH trail AS MATERIALIZED (
		SELECT e.*
		FROM jsonb_each_text(workflows) AS w (id, seq),
			 LATERAL (SELECT x.workflow_id, x.seq, x.created_at, hitl.event_approval(x) AS approval_id, hitl.http_event_text(x) AS text
					  FROM hitl.workflow_events x
					  WHERE x.workflow_id = w.id::uuid AND x.seq > coalesce(w.seq::integer, 0)
					  ORDER BY x.seq DESC LIMIT 101) AS e
		WHERE w.seq IS NOT NULL OR e.created_at >= since - interval '5 seconds'
	), news AS MATERIALIZED (
		SELECT n.* FROM hitl.approval_news(news_after, news_upto) AS n
	), happened AS MATERIALIZED (
		SELECT t.created_at AS at, t.workflow_id AS id, t.seq::bigint AS number, t.approval_id, t.text FROM trail t
		UNION ALL
		SELECT n.happened_at, n.approval_id, n.number, n.approval_id,
			   hitl.http_news_text(n.number, n.approval_id, n.event_type, n.happened_at)
		FROM news n WHERE n.approval_id IS NOT NULL
	), seen AS MATERIALIZED (
		SELECT s.* FROM hitl.events_seen(allowed,
			ARRAY(SELECT h.id FROM happened h UNION SELECT h.approval_id FROM happened h WHERE h.approval_id IS NOT NULL)) AS s
	), told AS (
		SELECT f.number, string_agg(h.text, '' ORDER BY h.at, h.id, h.number) AS text
		FROM generate_subscripts(allowed, 1) AS f (number), happened h
		WHERE (f.number, h.id) IN (SELECT s.follower, s.subject_id FROM seen s)
		   OR (f.number, h.approval_id) IN (SELECT s.follower, s.subject_id FROM seen s)
		GROUP BY f.number
	)
	SELECT jsonb_build_object(
		'texts', (SELECT jsonb_agg(coalesce(t.text, '') || m.text ORDER BY f.number)
				  FROM generate_subscripts(allowed, 1) AS f (number) LEFT JOIN told t USING (number),
					   -- More than is told at once: what is missing is to be read elsewhere.
					   (SELECT CASE WHEN EXISTS (SELECT FROM trail t GROUP BY t.workflow_id HAVING count(*) > 100)
										  OR EXISTS (SELECT FROM news n WHERE n.approval_id IS NULL)
									THEN E'event: resync\ndata: {}\n\n' ELSE '' END AS text) AS m),
		'last', coalesce((SELECT jsonb_object_agg(l.workflow_id, l.seq)
						  FROM (SELECT t.workflow_id, max(t.seq) AS seq FROM trail t GROUP BY t.workflow_id) AS l), '{}')));
END
$$;
COMMENT ON FUNCTION hitl.http_event_batch(jsonb[], jsonb, timestamptz, bigint, bigint) IS
	'for the gateway: what is new of these workflows, and of requests of no workflow, for each of those who follow as text of a stream, and the number of the last event of each workflow';

-- Transactions commit in another order than their times say: some events come twice,
-- with the same id.
CREATE FUNCTION hitl.http_event_resume(allowed jsonb, last_event_id text) RETURNS text
	LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	again CONSTANT text := E'event: resync\ndata: {}\n\n';
	since timestamptz;
	last_number bigint;
	missed text;
	found_ integer;
BEGIN
	IF last_event_id !~ '^[0-9]{1,17}[.][0-9a-f-]{36}[.][0-9]{1,18}$' THEN
		RETURN again;
	END IF;
	since := to_timestamp(split_part(last_event_id, '.', 1)::numeric / 1000000);
	last_number := split_part(last_event_id, '.', 3)::bigint;
	-- Of a time that is to come yet, the clock has been set back since.
	IF since < now() - interval '1 hour' OR since > clock_timestamp() OR since < hitl.approval_news_since()
		OR EXISTS (SELECT FROM hitl.approval_news(NULL, NULL) AS n WHERE n.approval_id IS NULL AND n.happened_at >= since) THEN
		RETURN again;
	END IF;
	WITH trail AS MATERIALIZED (
		SELECT e.workflow_id, e.seq, e.created_at, hitl.event_approval(e) AS approval_id, hitl.http_event_text(e) AS text
		FROM hitl.workflow_events e
		WHERE e.created_at >= since - interval '5 seconds'
		  AND NOT (e.workflow_id::text = split_part(last_event_id, '.', 2) AND e.seq <= last_number)
		LIMIT 10001
	), happened AS MATERIALIZED (
		SELECT t.created_at AS at, t.workflow_id AS id, t.seq::bigint AS number, t.approval_id, t.text FROM trail t
		UNION ALL
		SELECT n.happened_at, n.approval_id, n.number, n.approval_id,
			   hitl.http_news_text(n.number, n.approval_id, n.event_type, n.happened_at)
		FROM hitl.approval_news(NULL, NULL) AS n
		WHERE n.approval_id IS NOT NULL AND n.happened_at >= since - interval '5 seconds'
		  AND NOT (n.approval_id::text = split_part(last_event_id, '.', 2) AND n.number <= last_number)
	), seen AS MATERIALIZED (
		SELECT s.subject_id FROM hitl.events_seen(ARRAY[allowed],
			ARRAY(SELECT h.id FROM happened h UNION SELECT h.approval_id FROM happened h WHERE h.approval_id IS NOT NULL)) AS s
	), told AS (
		SELECT h.* FROM happened h
		WHERE h.id IN (SELECT s.subject_id FROM seen s) OR h.approval_id IN (SELECT s.subject_id FROM seen s)
	)
	SELECT (SELECT count(*) FROM trail), (SELECT string_agg(t.text, '' ORDER BY t.at, t.id, t.number) FROM told t)
	INTO found_, missed;
	RETURN CASE WHEN found_ > 10000 THEN again ELSE coalesce(missed, '') END;
END
$$;
COMMENT ON FUNCTION hitl.http_event_resume(jsonb, text) IS
	'for the gateway: what a stream has missed since an event; "resync" when that is too much, or too long ago';

-- Events are written in the order of their times.
CREATE INDEX workflow_events_created_at ON hitl.workflow_events
	USING brin (created_at) WITH (pages_per_range = 32, autosummarize = on);

INSERT INTO hitl.http_routes (method, path, function, description) VALUES
	('GET', '/healthz', NULL, 'whether the gateway is alive; asks no database'),
	('GET', '/readyz', 'hitl.http_ready(jsonb)', 'whether the database answers and the workers run'),
	('GET', '/api/v1/events', 'hitl.http_events(jsonb)', 'server-sent events, from Last-Event-ID on');
