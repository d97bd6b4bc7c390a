-- redaction.sql
--		Replacing what was sent and answered, once nobody needs it any more.
--
-- What stands in a body's place says what it was, by its hash, and who took it out.
-- The events of the workflow stay: they are what its trail is made of.

CREATE FUNCTION hitl.redacted_body(body text, redaction jsonb) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
	RETURN CASE WHEN body IS NOT NULL THEN
		jsonb_build_object('redacted', jsonb_build_object('sha256', encode(sha256(convert_to(body, 'UTF8')), 'hex'),
			'bytes', octet_length(convert_to(body, 'UTF8'))) || redaction)::text END;
COMMENT ON FUNCTION hitl.redacted_body(text, jsonb) IS
	'what stands in the place of a body: hash and size of it, and who has redacted it, when and why';

-- Those of these requests that were done with, and were not redacted before.
CREATE FUNCTION hitl.redact_bodies(requests uuid[], reason text) RETURNS bigint
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	redacted_by CONSTANT text := hitl.calling_role();
	redaction jsonb;
	redacted bigint;
BEGIN
	IF coalesce(reason, '') = '' OR length(reason) > 1000 THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'a redaction needs a reason of at most 1000 characters';
	END IF;
	redaction := jsonb_build_object('by', redacted_by, 'at', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
		'reason', reason);
	WITH chosen AS MATERIALIZED (
		SELECT o.id, hitl.redacted_body(o.body, redaction) AS body, hitl.redacted_body(o.response_body, redaction) AS response_body,
			   CASE WHEN o.purpose = 'notification' THEN o.body::jsonb -> 'type' END AS type
		FROM hitl.outbox o
		WHERE o.id = ANY (requests) AND o.status IN ('delivered', 'failed', 'cancelled') AND o.redacted_at IS NULL
		ORDER BY o.id FOR NO KEY UPDATE
	), done AS (
		UPDATE hitl.outbox o SET redacted_at = now(), response_body = c.response_body,
			-- The view of notifications tells of what type they were.
			body = CASE WHEN c.type IS NULL THEN c.body ELSE (c.body::jsonb || jsonb_build_object('type', c.type))::text END
		FROM chosen c WHERE o.id = c.id
		RETURNING o.id, o.workflow_id, c.body, c.response_body
	), told AS (
		INSERT INTO hitl.messages (workflow_id, kind, body)
		SELECT d.workflow_id, 'request_redacted', jsonb_strip_nulls(jsonb_build_object(
			'request_id', d.id, 'reason', reason, 'actor', redacted_by,
			'body', (d.body::jsonb -> 'redacted') - '{by,at,reason}'::text[],
			'response_body', (d.response_body::jsonb -> 'redacted') - '{by,at,reason}'::text[]))
		FROM done d JOIN hitl.workflows w ON w.id = d.workflow_id
		ORDER BY d.id
	)
	SELECT count(*) INTO redacted FROM done;
	RETURN redacted;
END
$$;
COMMENT ON FUNCTION hitl.redact_bodies(uuid[], text) IS
	'redact those of these requests that were done with; returns how many';

CREATE FUNCTION hitl.redact_request(request_id uuid, reason text) RETURNS boolean
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	request hitl.outbox;
BEGIN
	SELECT * INTO request FROM hitl.outbox o WHERE o.id = request_id FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING ERRCODE = 'undefined_object',
			MESSAGE = format('request %s is not in the outbox', coalesce(request_id::text, 'NULL')),
			HINT = 'Requests that ended long ago are removed: see hitl.retention.';
	END IF;
	IF request.status IN ('queued', 'sending') THEN
		RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('request %s is still to be sent', request_id),
			DETAIL = 'What it would be sent with cannot be redacted before.',
			HINT = 'Wait until it was sent, or have its workflow cancelled.';
	END IF;
	RETURN hitl.redact_bodies(ARRAY[request_id], reason) > 0;
END
$$;
COMMENT ON FUNCTION hitl.redact_request(uuid, text) IS
	'replace what a request was sent with, and its response, by their hashes, sizes, and who did so, when and why; false if that was done before';

CREATE FUNCTION hitl.redact_requests(
	reason text,
	workflow_id uuid DEFAULT NULL,
	older_than interval DEFAULT NULL,
	max_requests integer DEFAULT 10000
) RETURNS bigint
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	cutoff CONSTANT timestamptz := clock_timestamp() - older_than;
	family uuid[];
BEGIN
	IF workflow_id IS NULL AND older_than IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'workflow_id or older_than must be given',
			HINT = 'Interval ''0'' stands for all requests.';
	END IF;
	IF older_than < interval '0' OR coalesce(max_requests, 0) < 1 THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'older_than must not be negative, and max_requests at least 1';
	END IF;
	IF workflow_id IS NOT NULL THEN
		IF NOT EXISTS (SELECT FROM hitl.workflows w WHERE w.id = redact_requests.workflow_id) THEN
			RAISE EXCEPTION USING ERRCODE = 'WF002',
				MESSAGE = format('workflow %s does not exist', workflow_id),
				HINT = 'hitl.create_workflow returns the id of a workflow.';
		END IF;
		WITH RECURSIVE member (id) AS (
			SELECT redact_requests.workflow_id
			UNION ALL
			SELECT c.id FROM member m JOIN hitl.workflows c ON c.parent_id = m.id)
		SELECT array_agg(m.id) INTO family FROM member m;
	END IF;
	-- Its requests were made after the workflow, and those that ended before the cutoff before that.
	RETURN hitl.redact_bodies(ARRAY(
		SELECT o.id FROM hitl.outbox o
		WHERE (redact_requests.workflow_id IS NULL
			   OR o.workflow_id = ANY (family)
				  AND o.id >= hitl.first_id(hitl.time_of(redact_requests.workflow_id) - interval '1 second'))
		  AND (cutoff IS NULL
			   OR o.finished_at < cutoff AND o.id < hitl.first_id(cutoff + interval '1 millisecond'))
		  AND o.status IN ('delivered', 'failed', 'cancelled') AND o.redacted_at IS NULL
		ORDER BY o.id LIMIT max_requests), reason);
END
$$;
COMMENT ON FUNCTION hitl.redact_requests(text, uuid, interval, integer) IS
	'redact the requests of a workflow and its descendants, those that ended that long ago, or both; returns how many, call it again while that is not 0';
