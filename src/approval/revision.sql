-- revision.sql
--		What else is done about a pending request: by its requester, and by those
--		who give what they are asked to others.

CREATE FUNCTION hitl.revise_approval(
	approval_id uuid,
	title text DEFAULT NULL,
	description text DEFAULT NULL,
	context_data jsonb DEFAULT NULL,
	comment text DEFAULT NULL
) RETURNS bytea
	AS 'MODULE_PATHNAME', 'hitl_revise_approval' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.revise_approval(uuid, text, text, jsonb, text) IS
	'give a pending request another content, as its requester; all are asked anew.  context_data replaces the old.  Returns the hash of the new content';

CREATE FUNCTION hitl.provide_information(
	approval_id uuid,
	information text,
	data jsonb DEFAULT NULL
) RETURNS void
	AS 'MODULE_PATHNAME', 'hitl_provide_information' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.provide_information(uuid, text, jsonb) IS
	'answer, as the requester, what approvers wanted to know';

CREATE FUNCTION hitl.reassign_approval(
	approval_id uuid,
	to_approver text,
	from_approver text DEFAULT NULL,
	reason text DEFAULT NULL
) RETURNS text
	AS 'MODULE_PATHNAME', 'hitl_reassign_approval' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.reassign_approval(uuid, text, text, text) IS
	'have somebody else asked instead: by the one who is asked, or by an administrator; returns the status of the request after it';
