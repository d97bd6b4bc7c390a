-- request.sql
--		Approval requests, and what is done about them.

-- Each CHECK would be read and prepared anew by every statement that changes a
-- row, so there is but one, of one constant where IN would have five.
CREATE TABLE hitl.approval_requests (
	id uuid PRIMARY KEY,
	workflow_id uuid,
	token bigint,						-- awaited by the workflow's control state
	step_name text,
	title text NOT NULL,
	description text,
	approval_type text NOT NULL DEFAULT 'binary',
	requested_from text[],				-- the simple form of the policy, as it was given
	required_approvers text[],
	approval_threshold integer,
	context_data jsonb NOT NULL DEFAULT '{}',
	channels text[],					-- to be told by; NULL: the default channels, empty: none
	status text NOT NULL DEFAULT 'pending'
		CHECK (status = ANY ('{pending, approved, rejected, expired, cancelled}')),
	content_hash bytea NOT NULL,		-- SHA-256 of what approvers are shown
	requested_by text NOT NULL,
	requested_role name NOT NULL,
	requested_at timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz,				-- when silence ends it, or leads to others
	decided_at timestamptz,
	decided_by text,					-- whose answer, or which rule, decided; or which role cancelled it or let
										-- it expire; NULL: time, or its workflow, has ended it
	reason text,						-- of a cancellation; else why the policy decided so
	policy jsonb NOT NULL,				-- docs/reference/policies.md
	timed boolean NOT NULL DEFAULT false,	-- more than expiry happens by time
	policy_state text,					-- the core's own; once decided, how many people it went by
	asked text[] NOT NULL DEFAULT '{}',	-- who is asked now: rows of hitl.approval_asks
	due_at timestamptz,					-- when to evaluate the policy again
	round integer NOT NULL DEFAULT 1,	-- another one after each change of the content
	opened_at timestamptz NOT NULL,		-- when the round began
	acts integer NOT NULL DEFAULT 0,	-- rows of hitl.approval_responses
	wanted text,						-- from the requester: changes or information
	requesters text[] NOT NULL DEFAULT '{}',	-- principals that must not answer: who asked ...
	editors text[] NOT NULL DEFAULT '{}',		-- ... and who changed the content
	editable boolean NOT NULL DEFAULT true,	-- false: what it is about is fixed elsewhere
	answer_schema jsonb,				-- JSON Schema of the answer; NULL: any
	ui_schema jsonb,					-- hints for the form
	reminders integer NOT NULL DEFAULT 0,
	reminded_at timestamptz,
	escalations integer NOT NULL DEFAULT 0,
	request_hash bytea NOT NULL,		-- hitl.request_hash(): the question as it was asked
	last_hash bytea NOT NULL,			-- of the last row of hitl.approval_responses, or request_hash
	decision_hash bytea,				-- hitl.decision_hash(): the outcome, chained to last_hash
	webhook jsonb						-- url and headers of one that is told of it, beside the channels
) WITH (fillfactor = 80);				-- room for answers that do not decide
COMMENT ON TABLE hitl.approval_requests IS
	'questions to humans, with or without a workflow';
SELECT pg_extension_config_dump('hitl.approval_requests', '');

-- Serves what happens by time.  Of those that have ended nothing is due: if the
-- index said so by their status, every decision would have to change all indexes.
CREATE INDEX approval_requests_due ON hitl.approval_requests (due_at, id)
	WHERE due_at IS NOT NULL;
CREATE INDEX approval_requests_workflow ON hitl.approval_requests (workflow_id)
	WHERE workflow_id IS NOT NULL;

-- Who is asked by which pending request, so that people find theirs among many.
CREATE TABLE hitl.approval_asks (
	name text NOT NULL,					-- as the policy has it: of a person or group; *: whoever sees all
	approval_id uuid NOT NULL,
	PRIMARY KEY (name, approval_id)
);
COMMENT ON TABLE hitl.approval_asks IS 'the names that pending approval requests ask now';
SELECT pg_extension_config_dump('hitl.approval_asks', '');
ALTER TABLE hitl.approval_asks SET (autovacuum_vacuum_scale_factor = 0.02,
	autovacuum_vacuum_threshold = 5000, autovacuum_analyze_scale_factor = 0.05);

-- What is done about a request: answers, and acts that change it.  Rows are
-- only added, but for standing.
CREATE TABLE hitl.approval_responses (
	approval_id uuid NOT NULL,			-- no foreign key: pg_restore -j would break it
	number integer NOT NULL,			-- 1, 2, 3 ... per request, without gaps
	round integer NOT NULL DEFAULT 1,
	approver_id text NOT NULL,			-- who did it
	on_behalf_of text[],				-- who had delegated to whom
	names text[] NOT NULL,				-- for whom the answer counts
	decision text NOT NULL,				-- approved, rejected, modified, abstained, information_requested,
										-- commented; information_given, revised, reassigned
	standing boolean NOT NULL DEFAULT true,	-- the approver's answer, which the policy counts
	response_data jsonb,
	feedback text,
	edits jsonb,						-- merge patch (RFC 7396) of the context data
	content_hash bytea NOT NULL,		-- what was decided upon
	channel text NOT NULL DEFAULT 'sql',
	evidence jsonb,						-- what the channel knows of who it was
	session_role name NOT NULL,			-- session_user of the caller
	caller_role name NOT NULL,			-- the role in force (SET ROLE) of the caller
	responded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	hash bytea NOT NULL,				-- hitl.response_hash() with that of the row before
	PRIMARY KEY (approval_id, number)
);
COMMENT ON TABLE hitl.approval_responses IS
	'answers to approval requests, and other acts on them, in their order';
SELECT pg_extension_config_dump('hitl.approval_responses', '');
CREATE UNIQUE INDEX approval_responses_standing ON hitl.approval_responses (approval_id, approver_id)
	WHERE standing;

-- What a request was about before its content changed.
CREATE TABLE hitl.approval_contents (
	approval_id uuid NOT NULL,
	round integer NOT NULL,				-- in which it was shown
	title text NOT NULL,
	description text,
	context_data jsonb NOT NULL,
	answer_schema jsonb,
	content_hash bytea NOT NULL,
	replaced_by text NOT NULL,
	replaced_at timestamptz NOT NULL,
	PRIMARY KEY (approval_id, round)
);
COMMENT ON TABLE hitl.approval_contents IS 'earlier contents of approval requests';
SELECT pg_extension_config_dump('hitl.approval_contents', '');

CREATE FUNCTION hitl.microseconds(instant timestamptz) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
	RETURN (extract(epoch FROM instant) * 1000000)::bigint;
COMMENT ON FUNCTION hitl.microseconds(timestamptz) IS 'an instant as Unix time in microseconds';

CREATE FUNCTION hitl.simple_policy(
	requested_from text[], required_approvers text[], approval_threshold integer, timeout interval
) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'hitl_simple_policy' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION hitl.simple_policy(text[], text[], integer, interval) IS
	'the policy that the simple form of an approval request stands for';

-- What an approver is shown, as one value; the decision is bound to its hash.
-- STABLE as what it calls: said to be IMMUTABLE it would not be inlined, and
-- be planned anew in every statement.
CREATE FUNCTION hitl.approval_content_hash(
	title text, description text, approval_type text, context_data jsonb, answer_schema jsonb DEFAULT NULL
) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE
	RETURN sha256(convert_to((jsonb_build_object('title', title, 'description', description,
		'approval_type', approval_type, 'context_data', context_data)
		|| CASE WHEN answer_schema IS NULL THEN '{}'::jsonb
				ELSE jsonb_build_object('answer_schema', answer_schema) END)::text, 'UTF8'));
COMMENT ON FUNCTION hitl.approval_content_hash(text, text, text, jsonb, jsonb) IS
	'SHA-256 of what an approver is shown';

-- The question as it was asked, with whom it asked how: what its answers are
-- chained to.  Times are in microseconds, whatever the settings of a session.
CREATE FUNCTION hitl.request_hash(
	id uuid, workflow_id uuid, step_name text, content_hash bytea, policy jsonb,
	requested_by text, requested_role name, requested_at timestamptz
) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE
	RETURN sha256(convert_to(jsonb_build_array(id, workflow_id, step_name, encode(content_hash, 'hex'),
		policy, requested_by, requested_role, hitl.microseconds(requested_at))::text, 'UTF8'));
COMMENT ON FUNCTION hitl.request_hash(uuid, uuid, text, bytea, jsonb, text, name, timestamptz) IS
	'SHA-256 of a question as it was asked, to which its answers are chained';

CREATE FUNCTION hitl.response_hash(
	previous bytea, approval_id uuid, number integer, round integer, approver_id text, on_behalf_of text[],
	names text[], decision text, response_data jsonb, feedback text, edits jsonb, content_hash bytea,
	channel text, evidence jsonb, session_role name, caller_role name, responded_at timestamptz
) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE
	RETURN sha256(previous || convert_to(jsonb_build_array(approval_id, number, round, approver_id,
		to_jsonb(on_behalf_of), to_jsonb(names), decision, response_data, feedback, edits,
		encode(content_hash, 'hex'), channel, evidence, session_role, caller_role,
		hitl.microseconds(responded_at))::text, 'UTF8'));
COMMENT ON FUNCTION hitl.response_hash(bytea, uuid, integer, integer, text, text[], text[], text, jsonb, text, jsonb, bytea, text, jsonb, name, name, timestamptz) IS
	'SHA-256 of an answer and of the hash of the one before it';

CREATE FUNCTION hitl.decision_hash(
	previous bytea, status text, decided_at timestamptz, decided_by text, reason text
) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE
	RETURN sha256(previous || convert_to(jsonb_build_array(status, hitl.microseconds(decided_at),
		decided_by, reason)::text, 'UTF8'));
COMMENT ON FUNCTION hitl.decision_hash(bytea, text, timestamptz, text, text) IS
	'SHA-256 of the outcome of a request and of the hash of its last answer';

-- "a" and ["a", "b"] as text[], each name once; NULL for anything else.
CREATE FUNCTION hitl.text_array(value jsonb) RETURNS text[]
	AS 'MODULE_PATHNAME', 'hitl_text_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hitl.text_array(jsonb) IS
	'a JSON string or array of strings as text[], each string once; NULL for anything else and for an empty array';

-- Not inlined, so that it costs those nothing that do not need it.  Who has
-- created a workflow asks what its children ask.
CREATE FUNCTION hitl.requesters(names text[], workflow_id uuid) RETURNS text[]
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH RECURSIVE line AS (
		SELECT w.parent_id, w.created_by, w.session_role FROM hitl.workflows w WHERE w.id = requesters.workflow_id
		UNION ALL
		SELECT w.parent_id, w.created_by, w.session_role FROM line l JOIN hitl.workflows w ON w.id = l.parent_id
	)
	SELECT ARRAY(
		SELECT hitl.principal_of(n) FROM unnest(requesters.names) AS n
		UNION
		SELECT hitl.principal_of(l.created_by) FROM line l
		UNION
		SELECT hitl.principal_of(l.session_role::text) FROM line l WHERE l.session_role IS NOT NULL);
END;
COMMENT ON FUNCTION hitl.requesters(text[], uuid) IS
	'the principals who make a request: of these names, and who created the workflow and those above it';

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
	idempotency_key text DEFAULT NULL,
	policy jsonb DEFAULT NULL,
	form_fields jsonb DEFAULT NULL,
	webhook jsonb DEFAULT NULL
) RETURNS uuid
	AS 'MODULE_PATHNAME', 'hitl_request_approval' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.request_approval(text, text, text, text, text[], integer, numeric, jsonb, uuid, text, text[], text, jsonb, jsonb, jsonb) IS
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
	'do what is due by time: let pending approval requests expire, escalate or remind, and count those about which something was done; the engine does this by itself, on time';
