-- schedule.sql
--		Starting templates at the times of a cron expression, which pg_cron keeps.
--
-- pg_cron is no dependency: its functions are called by dynamic statements, and
-- only where it is installed.  Its schema is its own.

CREATE TABLE hitl.template_schedules (
	name text PRIMARY KEY CHECK (name <> ''),
	template text NOT NULL,
	version integer,					-- NULL: the latest active one
	schedule text NOT NULL,				-- cron expression
	input_data jsonb NOT NULL CHECK (jsonb_typeof(input_data) = 'object'),
	owner name NOT NULL,				-- the role that it starts workflows as
	job_id bigint NOT NULL,				-- of pg_cron
	created_at timestamptz NOT NULL DEFAULT now(),
	starts bigint NOT NULL DEFAULT 0,
	last_started_at timestamptz,
	last_workflow_id uuid
);
COMMENT ON TABLE hitl.template_schedules IS
	'templates that pg_cron starts; each has a job there';
SELECT pg_extension_config_dump('hitl.template_schedules', '');

-- Both rights and duties go with membership, as for workflows.
CREATE FUNCTION hitl.check_schedule_owner(schedule_name text, owner name) RETURNS void
	LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	caller name := hitl.calling_role();
BEGIN
	IF (SELECT rolsuper FROM pg_roles WHERE rolname = caller)
		OR (SELECT pg_has_role(caller, r.oid, 'USAGE') FROM pg_roles r WHERE r.rolname = owner)
	THEN
		RETURN;
	END IF;
	RAISE EXCEPTION USING
		ERRCODE = 'insufficient_privilege',
		MESSAGE = format('permission denied for schedule "%s"', schedule_name),
		DETAIL = format('It belongs to role "%s".', owner);
END
$$;
COMMENT ON FUNCTION hitl.check_schedule_owner(text, name) IS
	'an error unless the calling role is a member of the role that a schedule belongs to';

CREATE FUNCTION hitl.schedule_template(
	schedule_name text,
	template text,
	schedule text,
	input_data jsonb DEFAULT '{}',
	version integer DEFAULT NULL
) RETURNS bigint
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	caller name := hitl.calling_role();
	command text := format('SELECT hitl.run_schedule(%L)', schedule_name);
	job_name text := 'hitl ' || schedule_name;
	home text := coalesce(current_setting('cron.database_name', true), 'postgres');
	existing hitl.template_schedules;
	id bigint;
BEGIN
	IF coalesce(schedule_name, '') = '' OR template IS NULL OR schedule IS NULL OR input_data IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'schedule_name, template, schedule and input_data must not be null';
	END IF;
	PERFORM hitl.check_template(template, version, input_data);
	SELECT * INTO existing FROM hitl.template_schedules s
	WHERE s.name = schedule_name FOR UPDATE;
	IF FOUND THEN
		PERFORM hitl.check_schedule_owner(schedule_name, existing.owner);
		caller := existing.owner;
	END IF;

	IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_cron') THEN
		RAISE EXCEPTION USING
			ERRCODE = 'WF033',
			MESSAGE = format('pg_cron is not installed in database "%s"', current_database()),
			DETAIL = 'Schedules are kept by pg_cron.',
			HINT = CASE
				WHEN current_setting('shared_preload_libraries') !~ '\mpg_cron\M' THEN format(
					'Install its package (Debian: postgresql-15-cron), set shared_preload_libraries = ''pg_cron,hitl'' and cron.database_name = %L, restart, and run CREATE EXTENSION pg_cron.',
					current_database())
				WHEN home = current_database() THEN 'Run CREATE EXTENSION pg_cron.'
				ELSE format(
					'It works in database "%s". Set cron.database_name = %L and restart, or have a superuser run there: SELECT cron.schedule_in_database(%L, %L, %L, %L, %L);',
					home, current_database(), job_name, schedule,
					format('SELECT hitl.start_template(%L, %L%s)', template, input_data,
						   ', ' || version),
					current_database(), caller)
				END;
	END IF;
	IF NOT (SELECT rolcanlogin FROM pg_roles WHERE rolname = caller) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_authorization_specification',
			MESSAGE = format('role "%s" cannot log in', caller),
			DETAIL = 'pg_cron runs a job as the role that has scheduled it, and connects as that role.',
			HINT = 'SET ROLE to one that can log in.';
	END IF;

	IF existing.job_id IS NOT NULL THEN
		PERFORM hitl.drop_cron_job(existing.job_id, job_name);
	END IF;
	EXECUTE 'SELECT cron.schedule_in_database($1, $2, $3, $4, $5)' INTO id
		USING job_name, schedule, command, current_database()::text, caller::text;
	INSERT INTO hitl.template_schedules AS s (name, template, version, schedule, input_data, owner, job_id)
	VALUES (schedule_name, template, version, schedule, input_data, caller, id)
	ON CONFLICT (name) DO UPDATE SET template = excluded.template, version = excluded.version,
		schedule = excluded.schedule, input_data = excluded.input_data, job_id = excluded.job_id;
	RETURN id;
END
$$;
COMMENT ON FUNCTION hitl.schedule_template(text, text, text, jsonb, integer) IS
	'have pg_cron start a template at the times of a cron expression, as the calling role; replaces the schedule of this name; returns the number of the job';

CREATE FUNCTION hitl.unschedule_template(schedule_name text) RETURNS boolean
	LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	existing hitl.template_schedules;
BEGIN
	SELECT * INTO existing FROM hitl.template_schedules s
	WHERE s.name = schedule_name FOR UPDATE;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	PERFORM hitl.check_schedule_owner(schedule_name, existing.owner);
	PERFORM hitl.drop_cron_job(existing.job_id, 'hitl ' || schedule_name);
	DELETE FROM hitl.template_schedules s WHERE s.name = schedule_name;
	RETURN true;
END
$$;
COMMENT ON FUNCTION hitl.unschedule_template(text) IS
	'remove a schedule and its job; false if there is none';

-- The number alone could be that of another job, after a restore.
CREATE FUNCTION hitl.drop_cron_job(job_id bigint, job_name text) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_cron') THEN
		EXECUTE 'SELECT cron.unschedule(jobid) FROM cron.job WHERE jobid = $1 AND jobname = $2'
			USING job_id, job_name;
	END IF;
END
$$;
COMMENT ON FUNCTION hitl.drop_cron_job(bigint, text) IS
	'remove a job of pg_cron, if it is there';

CREATE FUNCTION hitl.run_schedule(schedule_name text) RETURNS uuid
	LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	existing hitl.template_schedules;
	workflow uuid;
BEGIN
	SELECT * INTO existing FROM hitl.template_schedules s
	WHERE s.name = schedule_name FOR UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'undefined_object',
			MESSAGE = format('schedule "%s" does not exist', schedule_name),
			HINT = 'hitl.schedules shows the schedules that there are.';
	END IF;
	PERFORM hitl.check_schedule_owner(schedule_name, existing.owner);
	workflow := hitl.start_template(existing.template, existing.input_data, existing.version);
	-- Whoever has called, a superuser perhaps, must not run for it what others wrote.
	UPDATE hitl.workflows w SET owner = existing.owner WHERE w.id = workflow AND w.owner <> existing.owner;
	UPDATE hitl.template_schedules s
	SET starts = s.starts + 1, last_started_at = clock_timestamp(), last_workflow_id = workflow
	WHERE s.name = schedule_name;
	RETURN workflow;
END
$$;
COMMENT ON FUNCTION hitl.run_schedule(text) IS
	'start what a schedule starts, now, for the role that the schedule belongs to; the jobs of pg_cron call it';

CREATE FUNCTION hitl.list_schedules()
	RETURNS TABLE (name text, template text, version integer, schedule text, input_data jsonb,
				   owner name, job_id bigint, active boolean, starts bigint,
				   last_started_at timestamptz, last_workflow_id uuid, last_run_at timestamptz,
				   last_run_status text, last_run_message text, created_at timestamptz)
	LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	caller name := hitl.calling_role();
BEGIN
	FOR name, template, version, schedule, input_data, owner, job_id, starts, last_started_at,
		last_workflow_id, created_at IN
		SELECT s.name, s.template, s.version, s.schedule, s.input_data, s.owner, s.job_id, s.starts,
			   s.last_started_at, s.last_workflow_id, s.created_at
		FROM hitl.template_schedules s
		WHERE (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = caller)
		   OR (SELECT pg_has_role(caller, r.oid, 'USAGE') FROM pg_roles r WHERE r.rolname = s.owner)
		ORDER BY s.name
	LOOP
		active := false;
		last_run_at := NULL;
		last_run_status := NULL;
		last_run_message := NULL;
		IF EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_cron') THEN
			EXECUTE $query$
				SELECT coalesce(bool_or(j.active), false) FROM cron.job j
				WHERE j.jobid = $1 AND j.jobname = $2 $query$
				INTO active USING job_id, 'hitl ' || name;
			EXECUTE $query$
				SELECT r.start_time, r.status, r.return_message FROM cron.job_run_details r
				WHERE r.jobid = $1 ORDER BY r.runid DESC LIMIT 1 $query$
				INTO last_run_at, last_run_status, last_run_message USING job_id;
		END IF;
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION hitl.list_schedules() IS
	'the schedules of the roles that one belongs to';

CREATE VIEW hitl.schedules AS SELECT * FROM hitl.list_schedules();
COMMENT ON VIEW hitl.schedules IS
	'schedules of the roles that one belongs to, and how they were run last; not active: pg_cron does not run it';
