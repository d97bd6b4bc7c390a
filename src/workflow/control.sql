-- control.sql
--		Creating, starting and steering workflows.

CREATE FUNCTION hitl.create_workflow(
	name text,
	description text DEFAULT NULL,
	workflow_definition jsonb DEFAULT NULL,
	input_data jsonb DEFAULT '{}',
	created_by text DEFAULT NULL,
	template text DEFAULT NULL,
	template_version integer DEFAULT NULL,
	idempotency_key text DEFAULT NULL,
	priority integer DEFAULT 0,
	deadline timestamptz DEFAULT NULL
) RETURNS uuid
	AS 'MODULE_PATHNAME', 'hitl_create_workflow' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.create_workflow(text, text, jsonb, jsonb, text, text, integer, text, integer, timestamptz) IS
	'create a workflow in status pending; input_data becomes $.variables; without a definition or template its owner moves it by transition_workflow_status; called again with the same idempotency_key it returns the same id';

CREATE FUNCTION hitl.execute_workflow(
	workflow_id uuid,
	task text DEFAULT NULL,
	context jsonb DEFAULT NULL,
	start_at timestamptz DEFAULT NULL
) RETURNS uuid
	AS 'MODULE_PATHNAME', 'hitl_execute_workflow' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.execute_workflow(uuid, text, jsonb, timestamptz) IS
	'start a pending workflow, or go on with a rolled back one; returns at once; task is the goal told to its model, context is merged into $.variables; start_at puts it off';

CREATE FUNCTION hitl.update_workflow_state(
	workflow_id uuid,
	new_state jsonb,
	step_name text DEFAULT NULL,
	expected_state jsonb DEFAULT NULL,
	remove text[] DEFAULT NULL
) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'hitl_update_workflow_state' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.update_workflow_state(uuid, jsonb, text, jsonb, text[]) IS
	'merge an object into $.variables of a workflow, remove others, and return them; recorded as an event; expected_state makes it an error if these variables have other values';

CREATE FUNCTION hitl.transition_workflow_status(
	workflow_id uuid,
	new_status text,
	reason text DEFAULT NULL
) RETURNS text
	AS 'MODULE_PATHNAME', 'hitl_transition_workflow_status' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.transition_workflow_status(uuid, text, text) IS
	'cancel a workflow, or move one that has no definition to another status; not allowed transitions are errors';

CREATE FUNCTION hitl.start_once(
	workflow uuid,
	idempotency_key text,
	task text DEFAULT NULL,
	start_at timestamptz DEFAULT NULL
) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	-- With a key it may have been started before; two starts are one.
	IF idempotency_key IS NULL THEN
		PERFORM hitl.execute_workflow(workflow, task, start_at => start_at);
	ELSIF (SELECT w.status = 'pending' FROM hitl.workflows w WHERE w.id = workflow) THEN
		BEGIN
			PERFORM hitl.execute_workflow(workflow, task, start_at => start_at);
		EXCEPTION WHEN SQLSTATE 'WF010' THEN
			NULL;	-- it has begun since we looked
		END;
	END IF;
END
$$;
COMMENT ON FUNCTION hitl.start_once(uuid, text, text, timestamptz) IS
	'start a workflow that was just created, unless the key means one that has begun before';

CREATE FUNCTION hitl.start_template(
	template text,
	input_data jsonb DEFAULT '{}',
	version integer DEFAULT NULL,
	workflow_name text DEFAULT NULL,
	start_at timestamptz DEFAULT NULL,
	idempotency_key text DEFAULT NULL,
	priority integer DEFAULT 0,
	deadline timestamptz DEFAULT NULL,
	created_by text DEFAULT NULL
) RETURNS uuid
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	workflow uuid;
BEGIN
	IF template IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'template must not be null';
	END IF;
	workflow := hitl.create_workflow(
		name => coalesce(workflow_name, template), input_data => input_data,
		created_by => created_by, template => template, template_version => version,
		idempotency_key => idempotency_key, priority => priority, deadline => deadline);
	PERFORM hitl.start_once(workflow, idempotency_key, start_at => start_at);
	RETURN workflow;
END
$$;
COMMENT ON FUNCTION hitl.start_template(text, jsonb, integer, text, timestamptz, text, integer, timestamptz, text) IS
	'create a workflow from a template and start it, at once or at a time; returns its id';
