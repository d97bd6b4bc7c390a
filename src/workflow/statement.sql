-- statement.sql
--		Statements of sql steps, run by the executors as the owner of their workflow,
--		and code of agents, as the role of that.

CREATE TABLE hitl.statements (
	workflow_id uuid NOT NULL,
	token bigint NOT NULL,				-- awaited by the workflow's control state
	owner name NOT NULL,				-- for whom it runs, and as whom unless there is a "sandbox"
	body jsonb NOT NULL,				-- {"sql", "params", "rows", "timeout_ms"}; code: "sandbox": {"role", "read_only", "rows", "timeout_ms", "bytes"}
	rank timestamptz NOT NULL DEFAULT clock_timestamp(),	-- the order of the queue: when it came, shifted by priority
	claims integer NOT NULL DEFAULT 0,	-- times it was begun
	claimed_by integer,					-- number of the executor that took it last
	claimed_until timestamptz,			-- not to be taken by another one before; while it runs its row is locked
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (workflow_id, token)
) WITH (fillfactor = 70);
COMMENT ON TABLE hitl.statements IS
	'statements of sql steps, and code of agents, that wait for an executor or are being run';

CREATE INDEX statements_rank ON hitl.statements (rank);

-- The queue is short-lived: clean it often, or dead rows pile up at its head.
ALTER TABLE hitl.statements SET (autovacuum_vacuum_scale_factor = 0.02,
	autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.05);

SELECT pg_extension_config_dump('hitl.statements', '');

CREATE TRIGGER wake_executor AFTER INSERT ON hitl.statements
	FOR EACH STATEMENT EXECUTE FUNCTION hitl.wake('executor');
ALTER TABLE hitl.statements ENABLE ALWAYS TRIGGER wake_executor;
