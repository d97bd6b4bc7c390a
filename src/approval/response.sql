-- response.sql
--		Answering approval requests.

CREATE FUNCTION hitl.respond_to_approval(
	approval_id uuid,
	approver_id text DEFAULT NULL,
	decision text DEFAULT NULL,
	response_data jsonb DEFAULT NULL,
	feedback text DEFAULT NULL,
	edits jsonb DEFAULT NULL,
	content_hash bytea DEFAULT NULL,
	channel text DEFAULT NULL,
	evidence jsonb DEFAULT NULL
) RETURNS text
	AS 'MODULE_PATHNAME', 'hitl_respond_to_approval' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.respond_to_approval(uuid, text, text, jsonb, text, jsonb, bytea, text, jsonb) IS
	'answer an approval request, as the caller or as approver_id, with a decision (approved, rejected, modified, abstained, information_requested, commented); returns the status of the request after it';

-- Each answer in a subtransaction, in the order of the ids, so that two calls
-- cannot wait for each other.
CREATE FUNCTION hitl.respond_to_approvals(
	approval_ids uuid[],
	decision text,
	approver_id text DEFAULT NULL,
	response_data jsonb DEFAULT NULL,
	feedback text DEFAULT NULL,
	channel text DEFAULT NULL,
	evidence jsonb DEFAULT NULL
) RETURNS TABLE (approval_id uuid, status text, sqlstate text, message text, detail text)
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF approval_ids IS NULL OR decision IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'approval_ids and decision must not be null',
			HINT = 'A missing decision is never an approval.';
	END IF;
	FOR approval_id IN SELECT DISTINCT i FROM unnest(approval_ids) AS i ORDER BY i LOOP
		BEGIN
			status := hitl.respond_to_approval(respond_to_approvals.approval_id, respond_to_approvals.approver_id,
				respond_to_approvals.decision, respond_to_approvals.response_data, respond_to_approvals.feedback,
				NULL, NULL, respond_to_approvals.channel, respond_to_approvals.evidence);
			respond_to_approvals.sqlstate := NULL;
			message := NULL;
			detail := NULL;
		EXCEPTION
			-- What is no matter of the answer can be tried again.
			WHEN serialization_failure OR deadlock_detected OR lock_not_available
				OR insufficient_resources OR system_error OR internal_error THEN
				RAISE;
			WHEN OTHERS THEN
				-- Unqualified, it would be the variable of this block.
				GET STACKED DIAGNOSTICS respond_to_approvals.sqlstate = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
					detail = PG_EXCEPTION_DETAIL;
				status := NULL;
				detail := nullif(detail, '');
		END;
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION hitl.respond_to_approvals(uuid[], text, text, jsonb, text, text, jsonb) IS
	'answer several requests alike: each wholly or not at all, with a row that tells its status or what was wrong';
