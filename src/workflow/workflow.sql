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
	error jsonb,						-- {"kind", "message", ...} once failed
	last_event integer NOT NULL DEFAULT 0,
	owner name NOT NULL,				-- the role it was created by
	created_by text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	started_at timestamptz,
	finished_at timestamptz
) WITH (fillfactor = 50);				-- room for HOT updates: data grows in place
COMMENT ON TABLE hitl.workflows IS
	'one row per run of a definition: its status, its control state and its data';
SELECT pg_extension_config_dump('hitl.workflows', '');

CREATE SEQUENCE hitl.messages_id_seq;
CREATE TABLE hitl.messages (
	due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	id bigint NOT NULL DEFAULT nextval('hitl.messages_id_seq'),
	workflow_id uuid NOT NULL,
	kind text NOT NULL,
	body jsonb NOT NULL DEFAULT '{}',
	PRIMARY KEY (due_at, id)
);
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
	created_at timestamptz NOT NULL,
	PRIMARY KEY (workflow_id, seq)
);
COMMENT ON TABLE hitl.workflow_events IS
	'the audit trail: append-only, numbered per workflow; delta is merged into the data two levels deep';
SELECT pg_extension_config_dump('hitl.workflow_events', '');
