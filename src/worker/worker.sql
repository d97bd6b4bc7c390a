-- worker.sql
--		What the background workers are doing.

CREATE FUNCTION hitl.worker_status(
	OUT kind text,
	OUT number integer,
	OUT pid integer,
	OUT state text,
	OUT state_since timestamptz,
	OUT started_at timestamptz,
	OUT handled bigint,
	OUT errors bigint,
	OUT last_error text,
	OUT last_error_at timestamptz)
	RETURNS SETOF record
	LANGUAGE c VOLATILE STRICT PARALLEL SAFE ROWS 10
	AS 'MODULE_PATHNAME', 'hitl_worker_status';
COMMENT ON FUNCTION hitl.worker_status() IS
'the launcher and this database''s workers; read the view hitl.workers';

CREATE VIEW hitl.workers AS
	SELECT kind, number, pid, state, state_since, started_at,
		   handled, errors, last_error, last_error_at
	FROM hitl.worker_status()
	ORDER BY array_position('{launcher,engine,executor,dispatcher,gateway}', kind), number;
COMMENT ON VIEW hitl.workers IS
'the launcher and this database''s workers, whether they run or not';
COMMENT ON COLUMN hitl.workers.kind IS
'launcher, engine, executor (of sql steps), dispatcher or gateway';
COMMENT ON COLUMN hitl.workers.number IS
'which one of its kind';
COMMENT ON COLUMN hitl.workers.pid IS
'process, as in pg_stat_activity; null when it does not run';
COMMENT ON COLUMN hitl.workers.state IS
'starting, idle, working, backing off (after an error), stopping; without a process: waiting to restart, no free worker slot, held (by a command on the database), not running';
COMMENT ON COLUMN hitl.workers.state_since IS
'when the state last changed';
COMMENT ON COLUMN hitl.workers.started_at IS
'when the process started';
COMMENT ON COLUMN hitl.workers.handled IS
'messages (engine), statements (executor), requests (dispatcher, gateway) or worker starts (launcher) so far';
COMMENT ON COLUMN hitl.workers.errors IS
'errors so far, restarts of the worker included';
COMMENT ON COLUMN hitl.workers.last_error IS
'message of the last error; the server''s log has all of it';
COMMENT ON COLUMN hitl.workers.last_error_at IS
'when that was';
