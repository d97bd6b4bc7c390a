-- request.sql
--		Approval requests, the answers to them, and who may answer for whom.

CREATE TABLE hitl.approval_requests (
	id uuid PRIMARY KEY,
	workflow_id uuid,
	token bigint,						-- awaited by the workflow's control state
	step_name text,
	title text NOT NULL CHECK (title <> ''),
	description text,
	approval_type text NOT NULL DEFAULT 'binary'
		CHECK (approval_type IN ('binary', 'form', 'budget')),
	requested_from text[],				-- who may answer; with required_approvers, these too
	required_approvers text[],			-- all of them must approve unless a threshold is set
	approval_threshold integer CHECK (approval_threshold >= 1),
	context_data jsonb NOT NULL DEFAULT '{}',
	channels text[],					-- to be told by; NULL: the default channels
	status text NOT NULL DEFAULT 'pending'
		CHECK (status IN ('pending', 'approved', 'rejected', 'expired', 'cancelled')),
	content_hash bytea NOT NULL,		-- SHA-256 of what approvers are shown
	requested_by text NOT NULL,
	requested_role name NOT NULL,
	requested_at timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz,
	decided_at timestamptz,
	decided_by text,
	reason text							-- of a cancellation
);
COMMENT ON TABLE hitl.approval_requests IS
	'questions to humans, with or without a workflow';
SELECT pg_extension_config_dump('hitl.approval_requests', '');

-- Serves expiry on time and the list of what is pending.
CREATE INDEX approval_requests_pending ON hitl.approval_requests (expires_at, id)
	WHERE status = 'pending';
CREATE INDEX approval_requests_workflow ON hitl.approval_requests (workflow_id)
	WHERE workflow_id IS NOT NULL;

CREATE TABLE hitl.approval_responses (
	approval_id uuid NOT NULL,			-- no foreign key: pg_restore -j would break it
	approver_id text NOT NULL,
	decision text NOT NULL CHECK (decision IN ('approved', 'rejected')),
	response_data jsonb,
	feedback text,
	content_hash bytea NOT NULL,		-- what was decided upon
	session_role name NOT NULL,			-- session_user of the caller
	caller_role name NOT NULL,			-- the role in force (SET ROLE) of the caller
	responded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (approval_id, approver_id)
);
COMMENT ON TABLE hitl.approval_responses IS
	'answers to approval requests, one per approver';
SELECT pg_extension_config_dump('hitl.approval_responses', '');

CREATE TABLE hitl.acting_grants (
	grantee name NOT NULL,
	approver_id text NOT NULL,			-- '*': anyone
	granted_by name NOT NULL DEFAULT session_user,
	granted_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (grantee, approver_id)
);
COMMENT ON TABLE hitl.acting_grants IS
	'which role may answer approvals in the name of which approver';
SELECT pg_extension_config_dump('hitl.acting_grants', '');

-- What an approver is shown, as one value; the decision is bound to its hash.
-- STABLE as what it calls: said to be IMMUTABLE it would not be inlined, and
-- be planned anew in every statement.
CREATE FUNCTION hitl.approval_content_hash(
	title text, description text, approval_type text, context_data jsonb
) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE
	RETURN sha256(convert_to(jsonb_build_object('title', title, 'description', description,
		'approval_type', approval_type, 'context_data', context_data)::text, 'UTF8'));
COMMENT ON FUNCTION hitl.approval_content_hash(text, text, text, jsonb) IS
	'SHA-256 of what an approver is shown';

-- "a" and ["a", "b"] as text[], each name once; NULL for anything else.
CREATE FUNCTION hitl.text_array(value jsonb) RETURNS text[]
	AS 'MODULE_PATHNAME', 'hitl_text_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hitl.text_array(jsonb) IS
	'a JSON string or array of strings as text[], each string once; NULL for anything else and for an empty array';

CREATE FUNCTION hitl.request_approval(
	title text,
	description text DEFAULT NULL,
	approval_type text DEFAULT 'binary',
	requested_from text DEFAULT NULL,
	required_approvers text[] DEFAULT NULL,
	approval_threshold integer DEFAULT NULL,
	timeout_hours numeric DEFAULT NULL,
	context_data jsonb DEFAULT '{}',
	workflow_id uuid DEFAULT NULL,
	requested_by text DEFAULT NULL,
	channels text[] DEFAULT NULL,
	idempotency_key text DEFAULT NULL
) RETURNS uuid
	AS 'MODULE_PATHNAME', 'hitl_request_approval' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.request_approval(text, text, text, text, text[], integer, numeric, jsonb, uuid, text, text[], text) IS
	'ask for an approval, with or without a workflow; returns its id, the same one when called again with the same idempotency_key';

CREATE FUNCTION hitl.cancel_approval(approval_id uuid, reason text DEFAULT NULL) RETURNS text
	AS 'MODULE_PATHNAME', 'hitl_cancel_approval' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.cancel_approval(uuid, text) IS
	'withdraw a pending approval request';

CREATE FUNCTION hitl.expire_approval(approval_id uuid) RETURNS text
	AS 'MODULE_PATHNAME', 'hitl_expire_approval' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.expire_approval(uuid) IS
	'let a pending approval request expire now, whatever its time limit';

CREATE FUNCTION hitl.expire_due_approvals() RETURNS bigint
	AS 'MODULE_PATHNAME', 'hitl_expire_due_approvals' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.expire_due_approvals() IS
	'let all pending approval requests expire whose time is over, and count them; the engine does this by itself, on time';

CREATE VIEW hitl.pending_approvals AS
	SELECT a.id AS approval_id, a.workflow_id, a.step_name, a.title, a.description,
		   a.approval_type, a.requested_from, a.required_approvers, a.approval_threshold,
		   (SELECT count(*) FROM hitl.approval_responses r
			WHERE r.approval_id = a.id AND r.decision = 'approved') AS approvals,
		   a.context_data, a.requested_by, a.requested_at, a.expires_at
	FROM hitl.approval_requests a
	WHERE a.status = 'pending'
	  AND (a.expires_at IS NULL OR a.expires_at > clock_timestamp());
COMMENT ON VIEW hitl.pending_approvals IS
	'approval requests that wait for answers';

CREATE FUNCTION hitl.list_pending_approvals(
	requested_from text DEFAULT NULL,
	workflow_id uuid DEFAULT NULL
) RETURNS SETOF hitl.pending_approvals
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	-- Two branches, of which one runs, so that those of a workflow are found by
	-- their index.
	SELECT p.*
	FROM (SELECT w.* FROM hitl.pending_approvals w
		  WHERE w.workflow_id = list_pending_approvals.workflow_id
		  UNION ALL
		  SELECT a.* FROM hitl.pending_approvals a
		  WHERE list_pending_approvals.workflow_id IS NULL) AS p
	WHERE list_pending_approvals.requested_from IS NULL
	   OR (list_pending_approvals.requested_from = ANY (p.requested_from || p.required_approvers)
		   AND NOT EXISTS (SELECT FROM hitl.approval_responses r
						   WHERE r.approval_id = p.approval_id
							 AND r.approver_id = list_pending_approvals.requested_from))
	ORDER BY p.approval_id;
END;
COMMENT ON FUNCTION hitl.list_pending_approvals(text, uuid) IS
	'pending approval requests, oldest first: all, those one approver is asked for and has not answered, or those of one workflow';
