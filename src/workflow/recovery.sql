-- recovery.sql
--		Going on with workflows that have failed: by policy, and many at once.

CREATE TABLE hitl.recovery_policies (
	failure_kind text NOT NULL,
	template text,						-- NULL: all workflows; else those created from it
	max_recoveries integer NOT NULL CHECK (max_recoveries BETWEEN 1 AND 99),
	delay jsonb NOT NULL,				-- as the "retry" of a step, without max_attempts and on
	created_by name NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX recovery_policies_key ON hitl.recovery_policies
	(failure_kind, coalesce(template, ''));
COMMENT ON TABLE hitl.recovery_policies IS
	'which failed workflows the engine lets go on by itself, how often, and after which delay';
SELECT pg_extension_config_dump('hitl.recovery_policies', '');

-- The kind of failure of a workflow's error, as policies name it.
CREATE FUNCTION hitl.failure_kind(error jsonb) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN CASE WHEN error ->> 'message' = 'step budget exhausted' THEN 'step_budget'
				ELSE coalesce(error ->> 'kind', 'unknown_error') END;
COMMENT ON FUNCTION hitl.failure_kind(jsonb) IS
	'the kind of failure that the error of a workflow tells of, as recovery policies name it';

CREATE FUNCTION hitl.set_recovery_policy(
	failure_kind text,
	max_recoveries integer DEFAULT 3,
	delay jsonb DEFAULT '{"policy": "exponential", "base_delay": "1 minute", "max_delay": "1 hour"}',
	template text DEFAULT NULL
) RETURNS void
	AS 'MODULE_PATHNAME', 'hitl_set_recovery_policy' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.set_recovery_policy(text, integer, jsonb, text) IS
	'have the engine retry workflows that fail of this kind, at most so often in their life; one for a template goes before one for all';

CREATE FUNCTION hitl.drop_recovery_policy(failure_kind text, template text DEFAULT NULL) RETURNS boolean
	LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH gone AS (DELETE FROM hitl.recovery_policies p
				  WHERE p.failure_kind = drop_recovery_policy.failure_kind
					AND p.template IS NOT DISTINCT FROM drop_recovery_policy.template
				  RETURNING 1)
	SELECT EXISTS (SELECT FROM gone);
END;
COMMENT ON FUNCTION hitl.drop_recovery_policy(text, text) IS
	'remove a recovery policy; false if there was none; what it has planned is still done';

CREATE FUNCTION hitl.recover_failed_workflows(
	failure_kinds text[] DEFAULT NULL,
	since interval DEFAULT NULL,
	max_workflows integer DEFAULT 1000,
	reason text DEFAULT NULL,
	max_recoveries integer DEFAULT 10
) RETURNS bigint
	AS 'MODULE_PATHNAME', 'hitl_recover_failed_workflows' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.recover_failed_workflows(text[], interval, integer, text, integer) IS
	'let failed workflows go on, oldest first, and count them; the caller''s own ones unless an administrator calls; without failure_kinds those of failures that may pass by themselves';

CREATE VIEW hitl.planned_recoveries AS
	SELECT m.workflow_id, w.name, hitl.failure_kind(w.error) AS failure_kind,
		   w.recoveries, m.due_at, m.body ->> 'actor' AS actor
	FROM hitl.messages m JOIN hitl.workflows w ON w.id = m.workflow_id
	WHERE m.kind = 'recover' AND w.status = 'failed'
	  AND (m.body ->> 'failed_at_us')::numeric = extract(epoch FROM w.finished_at) * 1000000;
COMMENT ON VIEW hitl.planned_recoveries IS
	'failed workflows that the engine will let go on, and when';
