-- checkpoint.sql
--		Named positions to which a workflow can return.

CREATE TABLE hitl.workflow_checkpoints (
	id uuid PRIMARY KEY,
	workflow_id uuid NOT NULL,
	name text NOT NULL CHECK (name <> ''),
	step_name text,
	description text,
	event integer NOT NULL,				-- seq of the event that records it
	control jsonb,
	data jsonb NOT NULL,
	large jsonb,						-- as in workflows
	branches jsonb,						-- rows of workflow_branches then, if there were any
	abandoned boolean NOT NULL DEFAULT false,	-- a rollback went further back
	created_by text,					-- NULL: the engine
	created_at timestamptz NOT NULL
);
COMMENT ON TABLE hitl.workflow_checkpoints IS
	'snapshots of workflows to roll back to; of several with one name the latest counts that no rollback has abandoned';
SELECT pg_extension_config_dump('hitl.workflow_checkpoints', '');
CREATE INDEX workflow_checkpoints_workflow ON hitl.workflow_checkpoints (workflow_id, event);

CREATE FUNCTION hitl.create_checkpoint(
	workflow_id uuid,
	checkpoint_name text,
	step_name text DEFAULT NULL,
	description text DEFAULT NULL
) RETURNS uuid
	AS 'MODULE_PATHNAME', 'hitl_create_checkpoint' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.create_checkpoint(uuid, text, text, text) IS
	'record a checkpoint of a workflow as it is now; returns its id';

CREATE FUNCTION hitl.rollback_workflow(
	workflow_id uuid,
	checkpoint_name text DEFAULT NULL,
	reason text DEFAULT NULL
) RETURNS text
	AS 'MODULE_PATHNAME', 'hitl_rollback_workflow' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.rollback_workflow(uuid, text, text) IS
	'return a workflow to a checkpoint (the latest if none is named), withdraw what it awaits and leave it rolled_back; execute_workflow goes on from there; returns the name of the checkpoint';
