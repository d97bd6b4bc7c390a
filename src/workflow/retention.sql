-- retention.sql
--		Removing what ended long ago.
--
-- Ids begin with the time at which they were made.  What ended before a time
-- was made before it, so it is found by walking the primary keys; no index on
-- the end is needed, which would cost every workflow its HOT updates.

CREATE FUNCTION hitl.first_id(at timestamptz) RETURNS uuid
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN rpad(lpad(to_hex(greatest(floor(extract(epoch FROM at) * 1000), 0)::bigint), 12, '0'),
				32, '0')::uuid;
COMMENT ON FUNCTION hitl.first_id(timestamptz) IS
	'lower bound of the ids made at a time or later';

CREATE FUNCTION hitl.time_of(id uuid) RETURNS timestamptz
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN to_timestamp((('x' || substr(replace(id::text, '-', ''), 1, 12))::bit(48)::bigint)
						/ 1000.0::double precision);
COMMENT ON FUNCTION hitl.time_of(uuid) IS
	'when an id was made';

CREATE TABLE hitl.purges (
	id uuid PRIMARY KEY DEFAULT hitl.uuidv7(),
	started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	finished_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	purged_by text NOT NULL,			-- role, or "engine"
	older_than interval NOT NULL,
	statuses text[] NOT NULL,
	workflows bigint NOT NULL DEFAULT 0,
	events bigint NOT NULL DEFAULT 0,
	approvals bigint NOT NULL DEFAULT 0,	-- without a workflow
	requests bigint NOT NULL DEFAULT 0,	-- of the outbox
	definitions bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);				-- the engine adds to its row
COMMENT ON TABLE hitl.purges IS
	'what was removed because it ended long ago: a row per call of hitl.purge(), and one per day of what the engine does by hitl.retention';
SELECT pg_extension_config_dump('hitl.purges', '');

-- How far the engine has come; it begins again where this is lost.
CREATE TABLE hitl.retention_progress (
	subject text PRIMARY KEY,			-- workflows, approvals, outbox
	older_than interval NOT NULL,
	reached uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
	began_at timestamptz NOT NULL DEFAULT clock_timestamp(),	-- the walk
	again_at timestamptz,				-- when to walk from the beginning
	next_at timestamptz					-- when to go on; NULL: when there is something new
) WITH (fillfactor = 50);
COMMENT ON TABLE hitl.retention_progress IS
	'how far the engine has come in removing what hitl.retention allows';

-- What hangs on approval requests that are gone.
CREATE FUNCTION hitl.forget_approvals(approvals uuid[]) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
AS $$
BEGIN
	DELETE FROM hitl.approval_asks k WHERE k.approval_id = ANY (approvals);
	DELETE FROM hitl.approval_responses r WHERE r.approval_id = ANY (approvals);
	DELETE FROM hitl.approval_contents c WHERE c.approval_id = ANY (approvals);
	DELETE FROM hitl.notification_ledger n WHERE n.approval_id = ANY (approvals);
	DELETE FROM hitl.rule_decisions d WHERE d.approval_id = ANY (approvals);
	DELETE FROM hitl.action_tokens t WHERE t.approval_id = ANY (approvals);
END
$$;
COMMENT ON FUNCTION hitl.forget_approvals(uuid[]) IS
	'remove what hangs on approval requests that are removed';

-- One batch of workflows with all that is theirs.  A workflow goes together
-- with its descendants, once all of them have ended that long ago.
CREATE FUNCTION hitl.purge_workflows(
	cutoff timestamptz,
	statuses text[],
	INOUT reached uuid,					-- begin behind it; how far this came
	max_scanned integer,
	max_workflows bigint,
	max_events bigint,
	OUT workflows bigint,
	OUT events bigint,
	OUT more boolean,					-- are there others to look at?
	OUT next_end timestamptz			-- of those left: when the first ended; infinity: some have not
)
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
AS $$
DECLARE
	final CONSTANT text[] := '{completed,failed,rejected,cancelled}';
	chosen uuid[];
	approvals uuid[];
	scanned integer;
	last_scanned uuid;
	cut_behind uuid;					-- the limits left out what lies behind it
	ended timestamptz;
BEGIN
	WITH RECURSIVE looked_at AS MATERIALIZED (
		SELECT w.id, w.status, w.finished_at, w.parent_id
		FROM hitl.workflows w
		WHERE w.id > purge_workflows.reached AND w.id < hitl.first_id(cutoff + interval '1 millisecond')
		ORDER BY w.id LIMIT max_scanned
	), root AS MATERIALIZED (
		SELECT l.id FROM looked_at l
		WHERE l.status = ANY (statuses) AND l.finished_at < cutoff
		  AND (l.parent_id IS NULL
			   OR NOT EXISTS (SELECT FROM hitl.workflows p WHERE p.id = l.parent_id))
		ORDER BY l.id LIMIT max_workflows
	), family (root, id) AS (
		SELECT r.id, r.id FROM root r
		UNION ALL
		SELECT f.root, c.id FROM family f JOIN hitl.workflows c ON c.parent_id = f.id
	), locked AS MATERIALIZED (
		SELECT w.id, w.last_event FROM hitl.workflows w
		WHERE w.id IN (SELECT f.id FROM family f)
		  AND w.status = ANY (final) AND w.finished_at < cutoff
		FOR UPDATE SKIP LOCKED
	), whole AS (
		SELECT f.root, sum(l.last_event) AS events
		FROM family f LEFT JOIN locked l USING (id)
		GROUP BY f.root HAVING bool_and(l.id IS NOT NULL)
	), within AS (
		SELECT s.root FROM (SELECT w.root, sum(w.events) OVER (ORDER BY w.root) - w.events AS before
							FROM whole w) AS s
		WHERE s.before < max_events
	), verdict AS MATERIALIZED (
		SELECT least(
			(SELECT CASE WHEN count(*) >= max_workflows THEN max(r.id::text)::uuid END FROM root r),
			(SELECT CASE WHEN count(*) < (SELECT count(*) FROM whole) THEN max(i.root::text)::uuid END
			 FROM within i)) AS cut_behind
	)
	SELECT (SELECT array_agg(f.id) FROM family f JOIN within i USING (root)),
		   (SELECT count(*) FROM looked_at), (SELECT max(l.id::text)::uuid FROM looked_at l),
		   v.cut_behind,
		   (SELECT min(CASE WHEN l.status = ANY (final) THEN l.finished_at ELSE 'infinity' END)
			FROM looked_at l
			WHERE (l.status <> ALL (final) OR l.status = ANY (statuses)) AND l.parent_id IS NULL
			  AND l.id <= coalesce(v.cut_behind, l.id)
			  AND NOT EXISTS (SELECT FROM within i WHERE i.root = l.id))
	INTO chosen, scanned, last_scanned, cut_behind, ended
	FROM verdict v;

	workflows := 0;
	events := 0;
	more := cut_behind IS NOT NULL OR scanned >= max_scanned;
	reached := coalesce(cut_behind, last_scanned, reached);
	-- A locked one, or one with a living descendant, may be due long since.
	next_end := CASE WHEN ended < cutoff THEN 'infinity' ELSE ended END;
	IF chosen IS NULL THEN
		RETURN;
	END IF;

	-- What is due at once was processed before, or tells an ended workflow nothing.
	DELETE FROM hitl.messages m
	WHERE m.kind IN ('timer', 'scheduled_start', 'deadline', 'recover', 'admit') AND m.workflow_id = ANY (chosen);
	WITH gone AS (
		DELETE FROM hitl.approval_requests a WHERE a.workflow_id = ANY (chosen) RETURNING a.id)
	SELECT array_agg(g.id) INTO approvals FROM gone g;
	PERFORM hitl.forget_approvals(approvals);
	DELETE FROM hitl.idempotency_keys k WHERE k.id = ANY (chosen || approvals);
	DELETE FROM hitl.template_starts s WHERE s.workflow_id = ANY (chosen);
	DELETE FROM hitl.statements s WHERE s.workflow_id = ANY (chosen);
	DELETE FROM hitl.external_tasks t WHERE t.workflow_id = ANY (chosen);
	DELETE FROM hitl.awaited_signals s WHERE s.workflow_id = ANY (chosen);
	DELETE FROM hitl.signals s WHERE s.workflow_id = ANY (chosen);
	DELETE FROM hitl.signal_keys k WHERE k.workflow_id = ANY (chosen);
	DELETE FROM hitl.workflow_checkpoints c WHERE c.workflow_id = ANY (chosen);
	DELETE FROM hitl.workflow_branches b WHERE b.workflow_id = ANY (chosen);
	DELETE FROM hitl.workflow_events e WHERE e.workflow_id = ANY (chosen);
	GET DIAGNOSTICS events = ROW_COUNT;
	DELETE FROM hitl.workflows w WHERE w.id = ANY (chosen);
	GET DIAGNOSTICS workflows = ROW_COUNT;
END
$$;
COMMENT ON FUNCTION hitl.purge_workflows(timestamptz, text[], uuid, integer, bigint, bigint) IS
	'remove one batch of workflows that ended before a time, with all that is theirs';

-- One batch of requests that have left the database, or will not.
CREATE FUNCTION hitl.purge_outbox(
	cutoff timestamptz, INOUT reached uuid, max_scanned integer,
	OUT requests bigint, OUT more boolean, OUT next_end timestamptz
)
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
AS $$
DECLARE
	scanned integer;
	last_scanned uuid;
BEGIN
	WITH looked_at AS MATERIALIZED (
		SELECT o.id, o.status, o.finished_at FROM hitl.outbox o
		WHERE o.id > purge_outbox.reached AND o.id < hitl.first_id(cutoff + interval '1 millisecond')
		ORDER BY o.id LIMIT max_scanned
	), gone AS (
		DELETE FROM hitl.outbox o
		WHERE o.id IN (SELECT l.id FROM looked_at l WHERE l.finished_at < cutoff)
		  AND o.status IN ('delivered', 'failed', 'cancelled') AND o.finished_at < cutoff
		RETURNING o.id
	)
	SELECT (SELECT count(*) FROM looked_at), (SELECT max(l.id::text)::uuid FROM looked_at l),
		   (SELECT count(*) FROM gone),
		   (SELECT min(coalesce(nullif(greatest(l.finished_at, cutoff), cutoff), 'infinity'))
			FROM looked_at l WHERE NOT EXISTS (SELECT FROM gone g WHERE g.id = l.id))
	INTO scanned, last_scanned, requests, next_end;
	more := scanned >= max_scanned;
	reached := coalesce(last_scanned, reached);
END
$$;
COMMENT ON FUNCTION hitl.purge_outbox(timestamptz, uuid, integer) IS
	'remove one batch of requests that were done with before a time';

-- One batch of approval requests that belong to no workflow.
CREATE FUNCTION hitl.purge_approvals(
	cutoff timestamptz, INOUT reached uuid, max_scanned integer,
	OUT approvals bigint, OUT more boolean, OUT next_end timestamptz
)
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
AS $$
DECLARE
	scanned integer;
	last_scanned uuid;
	gone uuid[];
BEGIN
	WITH looked_at AS MATERIALIZED (
		SELECT a.id, a.workflow_id, a.decided_at FROM hitl.approval_requests a
		WHERE a.id > purge_approvals.reached AND a.id < hitl.first_id(cutoff + interval '1 millisecond')
		ORDER BY a.id LIMIT max_scanned
	), gone AS (
		DELETE FROM hitl.approval_requests a
		WHERE a.id IN (SELECT l.id FROM looked_at l
					   WHERE l.workflow_id IS NULL AND l.decided_at < cutoff)
		  AND a.status <> 'pending' AND a.decided_at < cutoff
		RETURNING a.id
	)
	SELECT (SELECT count(*) FROM looked_at), (SELECT max(l.id::text)::uuid FROM looked_at l),
		   (SELECT array_agg(g.id) FROM gone g),
		   (SELECT min(coalesce(nullif(greatest(l.decided_at, cutoff), cutoff), 'infinity'))
			FROM looked_at l
			WHERE l.workflow_id IS NULL AND NOT EXISTS (SELECT FROM gone g WHERE g.id = l.id))
	INTO scanned, last_scanned, gone, next_end;
	PERFORM hitl.forget_approvals(gone);
	DELETE FROM hitl.idempotency_keys k WHERE k.id = ANY (gone);
	approvals := coalesce(cardinality(gone), 0);
	more := scanned >= max_scanned;
	-- Whoever was reminded so long ago may be again, whatever hitl.reminder_interval.
	IF NOT more THEN
		DELETE FROM hitl.approval_reminders r WHERE r.reminded_at < clock_timestamp() - interval '1 month';
	END IF;
	reached := coalesce(last_scanned, reached);
END
$$;
COMMENT ON FUNCTION hitl.purge_approvals(timestamptz, uuid, integer) IS
	'remove one batch of approval requests without workflow that were decided before a time';

-- Definitions that no template and no workflow has.  All workflows of one were
-- created within a day after its last_used_at (hitl_store_definition).
CREATE FUNCTION hitl.purge_definitions(cutoff timestamptz) RETURNS bigint
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_nestloop = off
AS $$
DECLARE
	bound timestamptz := cutoff - interval '2 days';
	count bigint;
BEGIN
	-- One that began before could be about to create a workflow.
	IF NOT EXISTS (SELECT FROM hitl.definitions d WHERE d.last_used_at < bound)
		OR EXISTS (SELECT FROM pg_stat_activity a WHERE a.xact_start < now() - interval '12 hours')
		OR EXISTS (SELECT FROM pg_prepared_xacts p WHERE p.prepared < now() - interval '12 hours')
	THEN
		RETURN 0;
	END IF;
	DELETE FROM hitl.definitions d
	WHERE d.hash IN (
		SELECT u.hash FROM hitl.definitions u
		WHERE u.last_used_at < bound
		  AND NOT EXISTS (SELECT FROM hitl.workflow_templates t WHERE t.definition_hash = u.hash)
		  AND NOT EXISTS (SELECT FROM hitl.workflows w
						  WHERE w.definition_hash = u.hash AND w.id < hitl.first_id(cutoff + interval '1 millisecond'))
		FOR UPDATE SKIP LOCKED);
	GET DIAGNOSTICS count = ROW_COUNT;
	RETURN count;
END
$$;
COMMENT ON FUNCTION hitl.purge_definitions(timestamptz) IS
	'remove definitions that nothing has used since a time';

CREATE FUNCTION hitl.log_purge(workflows bigint, events bigint, approvals bigint, requests bigint, definitions bigint)
	RETURNS void AS 'MODULE_PATHNAME', 'hitl_log_purge' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION hitl.log_purge(bigint, bigint, bigint, bigint, bigint) IS
	'tell the log what was removed, when that is committed';

CREATE FUNCTION hitl.purge(
	older_than interval,
	statuses text[] DEFAULT '{completed,failed,rejected,cancelled}',
	max_workflows integer DEFAULT 1000
) RETURNS bigint
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	final CONSTANT text[] := '{completed,failed,rejected,cancelled}';
	cutoff timestamptz := clock_timestamp() - older_than;
	total hitl.purges;
	batch record;
	reached uuid;
	other text;
BEGIN
	IF older_than IS NULL OR statuses IS NULL OR max_workflows IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'older_than, statuses and max_workflows must not be null';
	END IF;
	IF older_than < interval '0' OR max_workflows < 1 THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'older_than must not be negative, and max_workflows at least 1';
	END IF;
	SELECT s INTO other FROM unnest(statuses) AS s WHERE s IS NULL OR s <> ALL (final) LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('"%s" is no status of a workflow that has ended', coalesce(other, 'NULL')),
			HINT = 'These are completed, failed, rejected and cancelled.';
	END IF;

	total.started_at := clock_timestamp();
	total.workflows := 0;
	total.events := 0;
	total.approvals := 0;
	total.requests := 0;
	total.definitions := 0;
	reached := '00000000-0000-0000-0000-000000000000';
	LOOP
		SELECT * INTO batch FROM hitl.purge_workflows(cutoff, statuses, reached, 2000,
			least(max_workflows - total.workflows, 1000), 20000);
		total.workflows := total.workflows + batch.workflows;
		total.events := total.events + batch.events;
		reached := batch.reached;
		EXIT WHEN NOT batch.more OR total.workflows >= max_workflows;
	END LOOP;

	-- The rest is not a matter of status.
	IF statuses @> final THEN
		reached := '00000000-0000-0000-0000-000000000000';
		LOOP
			SELECT * INTO batch FROM hitl.purge_approvals(cutoff, reached, 2000);
			total.approvals := total.approvals + batch.approvals;
			reached := batch.reached;
			EXIT WHEN NOT batch.more OR total.approvals >= max_workflows;
		END LOOP;
		reached := '00000000-0000-0000-0000-000000000000';
		LOOP
			SELECT * INTO batch FROM hitl.purge_outbox(cutoff, reached, 2000);
			total.requests := total.requests + batch.requests;
			reached := batch.reached;
			EXIT WHEN NOT batch.more OR total.requests >= max_workflows * 10::bigint;
		END LOOP;
		total.definitions := hitl.purge_definitions(cutoff);
	END IF;

	IF total.workflows + total.approvals + total.requests + total.definitions > 0 THEN
		INSERT INTO hitl.purges (started_at, purged_by, older_than, statuses, workflows, events,
								 approvals, requests, definitions)
		VALUES (total.started_at, hitl.calling_role(), older_than, statuses, total.workflows,
				total.events, total.approvals, total.requests, total.definitions);
		PERFORM hitl.log_purge(total.workflows, total.events, total.approvals, total.requests, total.definitions);
	END IF;
	RETURN total.workflows;
END
$$;
COMMENT ON FUNCTION hitl.purge(interval, text[], integer) IS
	'remove workflows that ended that long ago, with all that is theirs, and what else is done with; returns how many workflows';

-- What the engine does for hitl.retention: one batch of each, from where the
-- last one ended.  Returns when to go on; NULL: when there is something new.
CREATE FUNCTION hitl.purge_next(older_than interval) RETURNS timestamptz
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	start timestamptz := clock_timestamp();
	cutoff timestamptz := start - older_than;
	-- Ended ones do not become old enough all at once.
	pause interval := least(greatest(older_than / 100, interval '1 second'), interval '10 minutes');
	progress hitl.retention_progress;
	batch record;
	total hitl.purges;
	new_id uuid;
	at_work boolean := false;
	walked boolean := false;
	next timestamptz;
BEGIN
	total.workflows := 0;
	total.events := 0;
	total.approvals := 0;
	total.requests := 0;
	total.definitions := 0;
	IF (SELECT count(*) FROM hitl.retention_progress p WHERE p.older_than = purge_next.older_than) < 3 THEN
		DELETE FROM hitl.retention_progress;
		INSERT INTO hitl.retention_progress (subject, older_than)
		SELECT s, purge_next.older_than FROM unnest('{workflows,approvals,outbox}'::text[]) AS s
		ON CONFLICT DO NOTHING;
	END IF;
	FOR progress IN
		SELECT * FROM hitl.retention_progress p
		WHERE p.next_at IS NULL OR p.next_at <= start ORDER BY p.subject FOR UPDATE SKIP LOCKED
	LOOP
		at_work := true;
		IF progress.again_at <= start THEN
			progress.reached := '00000000-0000-0000-0000-000000000000';
			progress.began_at := start;
			progress.again_at := NULL;
		END IF;
		CASE progress.subject
			WHEN 'workflows' THEN
				SELECT * INTO batch FROM hitl.purge_workflows(cutoff,
					'{completed,failed,rejected,cancelled}', progress.reached, 500, 250, 2500);
				total.workflows := batch.workflows;
				total.events := batch.events;
				SELECT w.id INTO new_id FROM hitl.workflows w
				WHERE w.id > batch.reached ORDER BY w.id LIMIT 1;
			WHEN 'approvals' THEN
				SELECT * INTO batch FROM hitl.purge_approvals(cutoff, progress.reached, 500);
				total.approvals := batch.approvals;
				SELECT a.id INTO new_id FROM hitl.approval_requests a
				WHERE a.id > batch.reached ORDER BY a.id LIMIT 1;
			WHEN 'outbox' THEN
				SELECT * INTO batch FROM hitl.purge_outbox(cutoff, progress.reached, 500);
				total.requests := batch.requests;
				SELECT o.id INTO new_id FROM hitl.outbox o
				WHERE o.id > batch.reached ORDER BY o.id LIMIT 1;
		END CASE;
		progress.reached := batch.reached;
		-- Those that have not ended could end at any time; what ended is known.
		progress.again_at := least(progress.again_at,
			CASE WHEN batch.next_end IS NULL THEN NULL
				 WHEN batch.next_end = 'infinity' THEN start + older_than + pause
				 ELSE greatest(batch.next_end + older_than, progress.began_at + pause) END);
		progress.next_at := CASE WHEN batch.more THEN start
			ELSE least(progress.again_at, CASE WHEN new_id IS NOT NULL THEN
				greatest(hitl.time_of(new_id) + older_than, start + pause) END) END;
		walked := walked OR (progress.subject = 'workflows' AND NOT batch.more);
		UPDATE hitl.retention_progress p
		SET reached = progress.reached, began_at = progress.began_at,
			again_at = progress.again_at, next_at = progress.next_at
		WHERE p.subject = progress.subject;
	END LOOP;
	IF walked THEN
		total.definitions := hitl.purge_definitions(cutoff);
	END IF;

	IF total.workflows + total.approvals + total.requests + total.definitions > 0 THEN
		UPDATE hitl.purges p
		SET finished_at = clock_timestamp(), workflows = p.workflows + total.workflows,
			events = p.events + total.events, approvals = p.approvals + total.approvals,
			requests = p.requests + total.requests, definitions = p.definitions + total.definitions
		WHERE p.id = (SELECT l.id FROM hitl.purges l ORDER BY l.id DESC LIMIT 1)
		  AND p.purged_by = 'engine' AND p.older_than = purge_next.older_than
		  AND p.started_at > start - interval '1 day';
		IF NOT FOUND THEN
			INSERT INTO hitl.purges (started_at, purged_by, older_than, statuses, workflows, events,
									 approvals, requests, definitions)
			VALUES (start, 'engine', older_than, '{completed,failed,rejected,cancelled}',
					total.workflows, total.events, total.approvals, total.requests, total.definitions);
		END IF;
		PERFORM hitl.log_purge(total.workflows, total.events, total.approvals, total.requests, total.definitions);
	END IF;
	SELECT min(p.next_at) INTO next
	FROM hitl.retention_progress p;
	-- Another engine is at it.
	RETURN CASE WHEN at_work THEN next ELSE greatest(next, start + interval '1 second') END;
END
$$;
COMMENT ON FUNCTION hitl.purge_next(interval) IS
	'what the engine does for hitl.retention: the next batch; returns when to go on';
