-- external.sql
--		Tasks that programs outside do: they claim them with a lease, and
--		complete them by SQL.

CREATE TABLE hitl.external_tasks (
	id uuid PRIMARY KEY,				-- its last four digits are 0: those of a claim count the claims
	workflow_id uuid NOT NULL,
	token bigint NOT NULL,				-- awaited by the workflow's control state
	step_name text,
	scope bigint NOT NULL DEFAULT 0,	-- a foreach element's branch
	attempt integer NOT NULL DEFAULT 1,	-- of the step
	idempotency_key uuid NOT NULL,		-- the same in each attempt of a step until one succeeds
	queue text NOT NULL,
	body jsonb NOT NULL,				-- task, context, instructions
	status text NOT NULL DEFAULT 'queued' CHECK (status IN (
		'queued', 'delayed', 'claimed', 'completed', 'failed', 'withdrawn')),
	rank timestamptz NOT NULL,			-- the lowest is claimed first
	claims integer NOT NULL DEFAULT 0,
	lapses integer NOT NULL DEFAULT 0,	-- leases that ended without an answer
	claimed_by text,					-- what the worker calls itself
	claimed_role name,
	claimed_at timestamptz,
	lease_until timestamptz,
	due_at timestamptz,					-- when the engine must look at it: the end of its lease or delay
	progress jsonb,						-- what its worker told last
	error jsonb,						-- why it failed: {"kind", "message"}
	created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	finished_at timestamptz,
	UNIQUE (workflow_id, token)
) WITH (fillfactor = 70);
COMMENT ON TABLE hitl.external_tasks IS
	'tasks for programs outside, with who has claimed them until when';
SELECT pg_extension_config_dump('hitl.external_tasks', '');

CREATE INDEX external_tasks_open ON hitl.external_tasks (queue, status, rank, id)
	WHERE status IN ('queued', 'claimed');
-- Finding the key of the attempt before.
CREATE INDEX external_tasks_failed ON hitl.external_tasks (workflow_id, step_name, scope, attempt)
	WHERE status IN ('failed', 'withdrawn');
CREATE INDEX external_tasks_due ON hitl.external_tasks (due_at) WHERE due_at IS NOT NULL;

-- The queue is short-lived: clean it often, or dead rows pile up at its head.
ALTER TABLE hitl.external_tasks SET (autovacuum_vacuum_scale_factor = 0.02,
	autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.05);

CREATE FUNCTION hitl.claim_tasks(
	queue text,
	n integer DEFAULT 1,
	lease interval DEFAULT '1 minute',
	worker text DEFAULT NULL
) RETURNS TABLE (
	task_id uuid,
	workflow_id uuid,
	step_name text,
	task text,
	context jsonb,
	instructions text,
	attempt integer,
	lease_until timestamptz,
	progress jsonb,
	idempotency_key uuid,
	created_at timestamptz
)
	AS 'MODULE_PATHNAME', 'hitl_claim_tasks' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off;	-- a plan made while the queue is empty is kept when it is full
COMMENT ON FUNCTION hitl.claim_tasks(text, integer, interval, text) IS
	'take up to n tasks of a queue; they are the caller''s until the lease ends';

CREATE FUNCTION hitl.heartbeat_task(
	task_id uuid,
	lease interval DEFAULT '1 minute',
	progress jsonb DEFAULT NULL
) RETURNS timestamptz
	AS 'MODULE_PATHNAME', 'hitl_heartbeat_task' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.heartbeat_task(uuid, interval, jsonb) IS
	'prolong the lease of a claimed task and return its new end; an error tells the worker to stop';

CREATE FUNCTION hitl.complete_task(task_id uuid, result jsonb DEFAULT NULL) RETURNS void
	AS 'MODULE_PATHNAME', 'hitl_complete_task' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.complete_task(uuid, jsonb) IS
	'answer a claimed task with its result';

CREATE FUNCTION hitl.fail_task(
	task_id uuid,
	message text,
	kind text DEFAULT 'unknown_error'
) RETURNS void
	AS 'MODULE_PATHNAME', 'hitl_fail_task' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.fail_task(uuid, text, text) IS
	'say that a claimed task has failed; it is offered again if its step''s retry says so';

CREATE FUNCTION hitl.release_task(task_id uuid) RETURNS void
	AS 'MODULE_PATHNAME', 'hitl_release_task' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.release_task(uuid) IS
	'give a claimed task back to its queue, undone and without blame';

CREATE VIEW hitl.task_queues AS
	SELECT t.queue,
		   count(*) FILTER (WHERE t.status = 'queued') AS queued,
		   count(*) FILTER (WHERE t.status = 'delayed') AS delayed,
		   count(*) FILTER (WHERE t.status = 'claimed') AS claimed,
		   min(t.created_at) FILTER (WHERE t.status = 'queued') AS oldest
	FROM hitl.external_tasks t
	WHERE t.status IN ('queued', 'delayed', 'claimed')
	GROUP BY t.queue;
COMMENT ON VIEW hitl.task_queues IS
	'queues of external tasks with how many wait and how many are being done';
