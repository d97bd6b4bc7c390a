-- hitl.sql
--		The schema.  CREATE, never IF NOT EXISTS: a schema planted before the
--		extension stops its creation.

CREATE SCHEMA hitl;
COMMENT ON SCHEMA hitl IS 'durable agent workflows, human approvals, checkpoints and rollback';

CREATE FUNCTION hitl.start_workers() RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'hitl_start_workers';
COMMENT ON FUNCTION hitl.start_workers() IS
'starts this database''s workers when the transaction commits, at once even if they had failed and were waiting; ends them if hitl.run_workers is off';

CREATE FUNCTION hitl.wake() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'hitl_wake';
COMMENT ON FUNCTION hitl.wake() IS
'trigger function: wakes the kinds of worker given as arguments (engine, dispatcher, executor) when the transaction commits';
