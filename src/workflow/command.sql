-- command.sql
--		Commands to workflows: pause, resume, cancel, retry, skip.

CREATE FUNCTION hitl.pause_workflow(workflow_id uuid, reason text DEFAULT NULL) RETURNS text
	AS 'MODULE_PATHNAME', 'hitl_pause_workflow' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.pause_workflow(uuid, text) IS
	'let a workflow begin no further step until hitl.resume_workflow; answers to what it has asked are still taken; returns its status';

CREATE FUNCTION hitl.resume_workflow(workflow_id uuid, reason text DEFAULT NULL) RETURNS text
	AS 'MODULE_PATHNAME', 'hitl_resume_workflow' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.resume_workflow(uuid, text) IS
	'let a paused workflow go on; returns its status';

CREATE FUNCTION hitl.cancel_workflow(workflow_id uuid, reason text DEFAULT NULL) RETURNS text
	AS 'MODULE_PATHNAME', 'hitl_cancel_workflow' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.cancel_workflow(uuid, text) IS
	'end a workflow and its children as cancelled; what it has asked is withdrawn; returns its status';

CREATE FUNCTION hitl.retry_workflow(workflow_id uuid, reason text DEFAULT NULL) RETURNS text
	AS 'MODULE_PATHNAME', 'hitl_retry_workflow' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.retry_workflow(uuid, text) IS
	'let a failed workflow go on from the step that failed; returns its status';

CREATE FUNCTION hitl.skip_step(
	workflow_id uuid,
	step_name text,
	result jsonb DEFAULT NULL,
	reason text DEFAULT NULL,
	scope bigint DEFAULT NULL
) RETURNS text
	AS 'MODULE_PATHNAME', 'hitl_skip_step' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.skip_step(uuid, text, jsonb, text, bigint) IS
	'let a workflow go on behind a step that waits or has failed, as if it had given result; scope names the element of a foreach; returns the status';
