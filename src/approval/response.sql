-- response.sql
--		Answering approval requests.

CREATE FUNCTION hitl.respond_to_approval(
	approval_id uuid,
	approver_id text,
	decision text,
	response_data jsonb DEFAULT NULL,
	feedback text DEFAULT NULL
) RETURNS text
	AS 'MODULE_PATHNAME', 'hitl_respond_to_approval' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.respond_to_approval(uuid, text, text, jsonb, text) IS
	'answer an approval request as approver_id with decision approved or rejected; returns the status of the request after it';

CREATE FUNCTION hitl.grant_acting(grantee name, approver_id text) RETURNS void
	AS 'MODULE_PATHNAME', 'hitl_grant_acting' LANGUAGE C VOLATILE STRICT
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.grant_acting(name, text) IS
	'let a role answer approvals in the name of an approver, or of anyone (''*'')';

CREATE FUNCTION hitl.revoke_acting(grantee name, approver_id text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'hitl_revoke_acting' LANGUAGE C VOLATILE STRICT
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.revoke_acting(name, text) IS
	'take back what grant_acting gave; false if there was nothing';
