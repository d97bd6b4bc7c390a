-- policy.sql
--		What the policy of a request comes to.

CREATE FUNCTION hitl.validate_policy(policy jsonb)
	RETURNS TABLE (pointer text, message text)
	AS 'MODULE_PATHNAME', 'hitl_validate_policy' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION hitl.validate_policy(jsonb) IS
	'the faults of a policy with their JSON pointers; none if it can be used';

CREATE FUNCTION hitl.explain_policy(
	approval_id uuid,
	OUT pointer text,
	OUT part text,
	OUT state text,
	OUT asks text[],
	OUT needed integer,
	OUT approved_by text[],
	OUT rejected_by text[],
	OUT abstained text[],
	OUT asked_at timestamptz,
	OUT deadline timestamptz
) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'hitl_explain_policy' LANGUAGE C STABLE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.explain_policy(uuid) IS
	'how each part of a request''s policy stands: who has answered, who is asked now, who will be and when';
