-- workflow.sql
--		Workflows, their mailboxes and their audit trail.
--
-- No foreign keys lead from the tables that the engine writes in bulk to
-- hitl.workflows: docs/decisions/0004-no-foreign-keys-on-the-hot-path.md.

CREATE TABLE hitl.workflows (
	id uuid PRIMARY KEY,
	name text NOT NULL CHECK (name <> ''),
	description text,
	status text NOT NULL DEFAULT 'pending' CHECK (status IN (
		'pending', 'running', 'waiting', 'waiting_approval', 'paused', 'approved',
		'rejected', 'completed', 'failed', 'cancelled', 'rolled_back')),
	definition_hash bytea,				-- NULL: moved by its owner, not by the engine
	control jsonb,						-- positions, tokens, counters: the core's own
	data jsonb NOT NULL DEFAULT '{}',	-- {"variables": {}, "steps": {}, "task": ""}
	large jsonb,						-- {"steps": {"name": seq}}: large members of data are in these events
	error jsonb,						-- {"kind", "message", ...} once failed
	last_event integer NOT NULL DEFAULT 0,
	event_hash bytea,					-- of that one; NULL: it is older than 0.3.0
	output jsonb,						-- what a definition's "output" came to, once completed
	owner name NOT NULL,				-- the role it was created by
	created_by text NOT NULL,
	session_role name,					-- who had logged in then, if not the owner
	created_at timestamptz NOT NULL DEFAULT now(),
	started_at timestamptz,
	finished_at timestamptz,
	deadline timestamptz,				-- when it fails if it has not ended
	priority smallint NOT NULL DEFAULT 0 CHECK (priority BETWEEN 0 AND 9),	-- higher goes first
	template text,						-- that it was created from
	template_version integer,
	parent_id uuid,						-- the workflow that waits for it
	parent_token bigint,				-- what the parent's control state awaits
	depth smallint NOT NULL DEFAULT 0,	-- ancestors
	recoveries integer NOT NULL DEFAULT 0	-- times it was recovered from a failure
) WITH (fillfactor = 50);				-- room for HOT updates: data grows in place
COMMENT ON TABLE hitl.workflows IS
	'one row per run of a definition: its status, its control state and its data';
SELECT pg_extension_config_dump('hitl.workflows', '');

CREATE INDEX workflows_children ON hitl.workflows (parent_id, parent_token)
	WHERE parent_id IS NOT NULL;

-- Those to recover.  Neither column changes on a course without failure.
CREATE INDEX workflows_failed ON hitl.workflows (id) WHERE error IS NOT NULL;

CREATE TABLE hitl.workflow_branches (
	workflow_id uuid NOT NULL,
	branch bigint NOT NULL,				-- numbered per workflow
	scope bigint NOT NULL,				-- the branch whose data its steps see; its own of a foreach element; 0: the workflow's
	parent_scope bigint,				-- where a scope's steps find what is not in its own data
	status text NOT NULL CHECK (status IN ('waiting', 'active', 'completed', 'failed', 'cancelled')),
	control jsonb,						-- while active
	data jsonb,							-- of a scope: {"variables": {}, "steps": {}}
	result jsonb,						-- once ended
	PRIMARY KEY (workflow_id, branch)
) WITH (fillfactor = 70);
COMMENT ON TABLE hitl.workflow_branches IS
	'branches of parallel and foreach steps under way, a row each';
SELECT pg_extension_config_dump('hitl.workflow_branches', '');

CREATE SEQUENCE hitl.messages_id_seq;
CREATE TABLE hitl.messages (
	due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	id bigint NOT NULL DEFAULT nextval('hitl.messages_id_seq'),
	workflow_id uuid NOT NULL,
	kind text NOT NULL,
	body jsonb NOT NULL DEFAULT '{}',
	token bigint,						-- of timers
	PRIMARY KEY (due_at, id)
);
-- What may lie here for long is found by its workflow; other kinds are gone at
-- once and need no index.
CREATE INDEX messages_timers ON hitl.messages (workflow_id, token)
	WHERE kind IN ('timer', 'scheduled_start', 'deadline', 'recover', 'admit');
ALTER SEQUENCE hitl.messages_id_seq OWNED BY hitl.messages.id;
COMMENT ON TABLE hitl.messages IS
	'mailboxes: what has happened to a workflow and was not yet processed by the engine';
SELECT pg_extension_config_dump('hitl.messages', '');
SELECT pg_extension_config_dump('hitl.messages_id_seq', '');

CREATE TRIGGER wake_engine AFTER INSERT ON hitl.messages
	FOR EACH STATEMENT EXECUTE FUNCTION hitl.wake('engine');
ALTER TABLE hitl.messages ENABLE ALWAYS TRIGGER wake_engine;

CREATE TABLE hitl.workflow_events (
	workflow_id uuid NOT NULL,
	seq integer NOT NULL,				-- 1, 2, 3 ... per workflow, without gaps
	event_type text NOT NULL,
	step_name text,
	position text,						-- JSON pointer of the step in the definition
	data jsonb,							-- facts about the event
	delta jsonb,						-- what it changed in the workflow's data
	actor text,							-- who caused it; NULL: the engine
	scope bigint,						-- whose data delta changed: a foreach element's branch; NULL: the workflow's
	created_at timestamptz NOT NULL,
	hash bytea,							-- SHA-256 over that of the event before, and this one; NULL: older than 0.3.0
	PRIMARY KEY (workflow_id, seq)
);
COMMENT ON TABLE hitl.workflow_events IS
	'the audit trail: append-only, numbered and chained by hash per workflow; delta is merged into the data two levels deep';
SELECT pg_extension_config_dump('hitl.workflow_events', '');

-- All of these change fast, and are emptied by hitl.retention: clean them
-- often, so that the room is used again.  The two large ones ten times as fast
-- as by default, or at full speed their dead rows become more than the living.
ALTER TABLE hitl.workflows SET (autovacuum_vacuum_scale_factor = 0.02,
	autovacuum_vacuum_threshold = 5000, autovacuum_analyze_scale_factor = 0.05,
	autovacuum_vacuum_cost_limit = 2000);
ALTER TABLE hitl.workflow_branches SET (autovacuum_vacuum_scale_factor = 0.02,
	autovacuum_vacuum_threshold = 5000, autovacuum_analyze_scale_factor = 0.05);
ALTER TABLE hitl.messages SET (autovacuum_vacuum_scale_factor = 0.02,
	autovacuum_vacuum_threshold = 5000, autovacuum_analyze_scale_factor = 0.05);
ALTER TABLE hitl.workflow_events SET (autovacuum_vacuum_scale_factor = 0.05,
	autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_limit = 2000);
