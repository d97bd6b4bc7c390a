-- document.sql
--		Approval requests as programs and pages have them.

CREATE FUNCTION hitl.iso_time(instant timestamptz) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
	RETURN to_char(instant AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"');
COMMENT ON FUNCTION hitl.iso_time(timestamptz) IS 'an instant as ISO 8601 has it, in UTC, to the second';

-- Who is not registered is called as he is named.
CREATE FUNCTION hitl.person_document(name text) RETURNS jsonb
	LANGUAGE sql STABLE
	RETURN jsonb_build_object('name', name, 'display_name',
		coalesce((SELECT p.display_name FROM hitl.principals p WHERE p.name = person_document.name), name));
COMMENT ON FUNCTION hitl.person_document(text) IS 'a person as pages have him';

-- Absent is what is NULL, but nothing within what people wrote.
CREATE FUNCTION hitl.approval_document(approval hitl.approval_requests) RETURNS jsonb
	LANGUAGE sql STABLE
	RETURN jsonb_strip_nulls(jsonb_build_object(
			'id', approval.id, 'workflow_id', approval.workflow_id, 'step_name', approval.step_name,
			'title', approval.title, 'description', approval.description, 'approval_type', approval.approval_type,
			'status', approval.status, 'requested_by', approval.requested_by,
			'requested_at', hitl.iso_time(approval.requested_at), 'expires_at', hitl.iso_time(approval.expires_at),
			'decided_at', hitl.iso_time(approval.decided_at), 'decided_by', approval.decided_by,
			'reason', approval.reason, 'round', approval.round, 'wanted', approval.wanted,
			'content_hash', encode(approval.content_hash, 'hex')))
		|| jsonb_build_object('context_data', approval.context_data, 'asked', to_jsonb(approval.asked))
		|| CASE WHEN approval.answer_schema IS NULL THEN '{}'
				ELSE jsonb_build_object('answer_schema', approval.answer_schema) END
		|| CASE WHEN approval.ui_schema IS NULL THEN '{}'
				ELSE jsonb_build_object('ui_schema', approval.ui_schema) END;
COMMENT ON FUNCTION hitl.approval_document(hitl.approval_requests) IS 'an approval request as a JSON document';

CREATE FUNCTION hitl.responses_document(approval_id uuid, display boolean DEFAULT false) RETURNS jsonb
	LANGUAGE sql STABLE
	RETURN (SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('approver',
				CASE WHEN display THEN hitl.person_document(r.approver_id) ->> 'display_name' ELSE r.approver_id END,
				'decision', r.decision, 'feedback', r.feedback, 'responded_at', hitl.iso_time(r.responded_at)))
				ORDER BY r.number), '[]')
			FROM hitl.approval_responses r
			WHERE r.approval_id = responses_document.approval_id
			  AND (r.standing OR r.decision IN ('information_requested', 'information_given', 'commented')));
COMMENT ON FUNCTION hitl.responses_document(uuid, boolean) IS
	'the answers to a request that stand, the questions and the remarks about it, oldest first, as a JSON array; with display, under the names that people are shown';

-- What a principal is asked and has not answered, oldest first, by pages.  Contexts can be
-- large: who lists titles leaves them where they are.
CREATE FUNCTION hitl.pending_documents(principal text, after text, "limit" text, whole boolean DEFAULT true) RETURNS jsonb
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
	most integer := CASE WHEN "limit" IS NULL THEN 50 WHEN "limit" ~ '^[0-9]{1,3}$' THEN "limit"::integer END;
	pages jsonb;
BEGIN
	IF coalesce(most NOT BETWEEN 1 AND 100, true) THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'limit must be a number from 1 to 100';
	ELSIF NOT hitl.is_id(after) THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'after must be the id of an approval request',
			HINT = 'It is "next" of the page before.';
	END IF;
	WITH shown AS (
		SELECT p.approval_id AS id, row_number() OVER (ORDER BY p.approval_id) AS number
		FROM hitl.pending_of(pending_documents.principal, true) AS o (id)
		JOIN hitl.pending_approvals p ON p.approval_id = o.id
		WHERE after IS NULL OR p.approval_id > after::uuid
		ORDER BY p.approval_id LIMIT most + 1
	)
	SELECT jsonb_build_object('approvals', coalesce(jsonb_agg(CASE WHEN whole THEN hitl.approval_document(a)
			ELSE jsonb_strip_nulls(jsonb_build_object('id', a.id, 'title', a.title, 'requested_by', a.requested_by,
				'requested_at', hitl.iso_time(a.requested_at), 'expires_at', hitl.iso_time(a.expires_at))) END ORDER BY a.id)
			FILTER (WHERE s.number <= most), '[]'),
		'next', CASE WHEN count(*) > most THEN (array_agg(a.id ORDER BY a.id))[most] END)
	INTO pages
	FROM shown s JOIN hitl.approval_requests a ON a.id = s.id;
	RETURN pages;
END
$$;
COMMENT ON FUNCTION hitl.pending_documents(text, text, text, boolean) IS
	'one page of what a principal is asked and has not answered, whole or what a list has of each, and where the next one begins';
