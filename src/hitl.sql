-- hitl.sql
--		The schema.  CREATE, never IF NOT EXISTS: a schema planted before the
--		extension stops its creation.

CREATE SCHEMA hitl;
COMMENT ON SCHEMA hitl IS 'durable agent workflows, human approvals, checkpoints and rollback';
