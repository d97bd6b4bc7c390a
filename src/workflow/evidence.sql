-- evidence.sql
--		Are the events of a workflow those that were written?

CREATE FUNCTION hitl.event_hash(previous bytea, event hitl.workflow_events) RETURNS bytea
	AS 'MODULE_PATHNAME', 'hitl_event_hash' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION hitl.event_hash(bytea, hitl.workflow_events) IS
	'the hash that an event must have which follows one with the hash previous (NULL: the first that has a hash)';

-- STABLE, so that all it reads is of one snapshot.
CREATE FUNCTION hitl.verify_events(
	workflow_id uuid,
	known_seq integer DEFAULT NULL,
	known_hash bytea DEFAULT NULL
) RETURNS TABLE (seq integer, fault text)
	LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET enable_seqscan = off
AS $$
DECLARE
	head record;
	event hitl.workflow_events;
	next_seq integer := 1;
	before bytea;				-- hash of the event before
	is_chained boolean := false;	-- is there one with a hash?
	unchained integer;			-- the last event that has none, before those
	is_known boolean := false;
	approval uuid;
BEGIN
	IF (known_seq IS NULL) <> (known_hash IS NULL) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'known_seq and known_hash are given together or not at all';
	END IF;
	SELECT w.last_event, w.event_hash INTO head FROM hitl.workflows w WHERE w.id = verify_events.workflow_id;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'WF002',
			MESSAGE = format('workflow %s does not exist', coalesce(workflow_id::text, 'NULL')),
			HINT = 'hitl.create_workflow returns the id of a workflow.';
	END IF;

	FOR event IN
		SELECT e.* FROM hitl.workflow_events e WHERE e.workflow_id = verify_events.workflow_id ORDER BY e.seq
	LOOP
		IF event.seq > next_seq THEN
			seq := next_seq;
			fault := 'missing' || CASE WHEN event.seq - next_seq > 1 THEN format(', up to %s', event.seq - 1) ELSE '' END;
			RETURN NEXT;
		END IF;
		seq := event.seq;
		IF event.seq < next_seq THEN
			fault := CASE WHEN event.seq < 1 THEN 'no number of an event' ELSE 'there twice' END;
			RETURN NEXT;
			CONTINUE;
		END IF;
		IF event.seq > head.last_event THEN
			fault := format('added: hitl.workflows has %s as the last event', head.last_event);
			RETURN NEXT;
		END IF;
		IF event.hash IS NULL THEN
			IF is_chained THEN
				fault := 'no hash';
				RETURN NEXT;
			END IF;
		-- Behind one that is missing it cannot be checked; that has been told.
		ELSIF NOT (is_chained AND before IS NULL) AND event.seq = next_seq
			AND event.hash <> hitl.event_hash(before, event) THEN
			fault := 'changed: it does not match its hash';
			RETURN NEXT;
		END IF;
		IF event.seq = known_seq THEN
			is_known := true;
			IF event.hash IS DISTINCT FROM known_hash THEN
				fault := 'replaced: the hash is not the known one';
				RETURN NEXT;
			END IF;
		END IF;
		IF event.hash IS NOT NULL THEN
			is_chained := true;
		ELSIF NOT is_chained THEN
			unchained := event.seq;
		END IF;
		before := event.hash;
		next_seq := event.seq + 1;
	END LOOP;

	IF next_seq <= head.last_event THEN
		seq := next_seq;
		fault := 'missing' || CASE WHEN head.last_event > next_seq THEN format(', up to %s', head.last_event) ELSE '' END;
		RETURN NEXT;
	ELSIF next_seq = head.last_event + 1 AND head.event_hash IS DISTINCT FROM before THEN
		seq := head.last_event;
		fault := 'not the last one: hitl.workflows has another hash';
		RETURN NEXT;
	END IF;
	IF known_seq IS NOT NULL AND NOT is_known THEN
		seq := known_seq;
		fault := 'missing, though its hash is known';
		RETURN NEXT;
	END IF;

	-- The requests are chains of their own; the events have the ends of them.
	FOR approval IN SELECT a.id FROM hitl.approval_requests a WHERE a.workflow_id = verify_events.workflow_id ORDER BY a.id LOOP
		RETURN QUERY SELECT NULL::integer, format('approval request %s: %s: %s', approval, v.what, v.fault)
			FROM hitl.verify_request(approval) AS v;
	END LOOP;
	RETURN QUERY SELECT NULL::integer, format('approval request %s: %s', v.approval_id, v.fault)
		FROM hitl.verify_outcomes(verify_events.workflow_id) AS v;
	IF unchained IS NOT NULL THEN
		RAISE NOTICE USING
			MESSAGE = format('events 1 to %s are unchained', unchained),
			DETAIL = format('Workflow %s has them from a version before 0.3.0, which gave them no hash.', workflow_id);
	END IF;
END
$$;
COMMENT ON FUNCTION hitl.verify_events(uuid, integer, bytea) IS
	'what is wrong with the events of a workflow and, in rows without a number, with its approval requests: no rows if they are those that were written; with a number and a hash that were kept elsewhere, also whether that event is still the same';
