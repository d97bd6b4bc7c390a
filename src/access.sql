-- access.sql
--		Who may do what: nothing for PUBLIC, seven levels to grant to roles.

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA hitl FROM PUBLIC;
REVOKE ALL ON ALL PROCEDURES IN SCHEMA hitl FROM PUBLIC;

-- hitl.wake() is called by triggers; that needs no right to execute it.

CREATE FUNCTION hitl.access_levels()
	RETURNS TABLE (level text, privilege text, object_type text, object_name text)
	LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT l.level, o.privilege, o.object_type, o.object_name
	FROM (VALUES
		('worker', 0), ('viewer', 1), ('approver', 2), ('operator', 3), ('admin', 4)) AS l (level, rank)
	JOIN (VALUES
		(0, 'EXECUTE', 'FUNCTION', 'hitl.claim_tasks(text, integer, interval, text)'),
		(0, 'EXECUTE', 'FUNCTION', 'hitl.heartbeat_task(uuid, interval, jsonb)'),
		(0, 'EXECUTE', 'FUNCTION', 'hitl.complete_task(uuid, jsonb)'),
		(0, 'EXECUTE', 'FUNCTION', 'hitl.fail_task(uuid, text, text)'),
		(0, 'EXECUTE', 'FUNCTION', 'hitl.release_task(uuid)'),
		(0, 'EXECUTE', 'FUNCTION', 'hitl.send_signal(uuid, text, jsonb, text)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.get_workflow_status(uuid)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.workflow_data(uuid)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.workflow_timeline(uuid)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.agent_transcript(uuid)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.verify_events(uuid, integer, bytea)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.verify_approval(uuid)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.verify_receipt(jsonb)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.step_states(uuid)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.workflow_diagram(uuid)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.workflow_gantt(uuid, integer)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.explain_definition(jsonb)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.explain_step(jsonb)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.step_summary(jsonb)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.name_people(jsonb)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.definition_steps(jsonb)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.see_all()'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.validate_policy(jsonb)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.principal_of(text)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.validate_definition(jsonb)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.validate_schema(jsonb)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.validate_answer(jsonb, jsonb)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.partition_of(uuid)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.time_of(uuid)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.first_id(timestamptz)'),
		(1, 'EXECUTE', 'PROCEDURE', 'hitl.await_workflow(uuid, interval, text)'),
		(1, 'EXECUTE', 'PROCEDURE', 'hitl.await_approval(uuid, interval, text)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.quick_approvals(interval)'),
		(1, 'SELECT', 'TABLE', 'hitl.approval_answers'),
		(1, 'SELECT', 'TABLE', 'hitl.approval_waiting'),
		(1, 'SELECT', 'TABLE', 'hitl.approver_activity'),
		(1, 'SELECT', 'TABLE', 'hitl.model_usage'),
		(1, 'SELECT', 'TABLE', 'hitl.workflow_usage'),
		(1, 'SELECT', 'TABLE', 'hitl.agent_usage'),
		(1, 'SELECT', 'TABLE', 'hitl.agent_budgets'),
		(1, 'SELECT', 'TABLE', 'hitl.approval_outcomes'),
		(1, 'SELECT', 'TABLE', 'hitl.limits'),
		(1, 'SELECT', 'TABLE', 'hitl.circuit_breakers'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.create_template(text, integer, jsonb, text, jsonb, text[])'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.activate_template(text, integer)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.deactivate_template(text, integer)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.start_template(text, jsonb, integer, text, timestamptz, text, integer, timestamptz, text)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.migrate_workflow(uuid, integer, jsonb, text)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.check_template(text, integer, jsonb)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.schedule_template(text, text, text, jsonb, integer)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.unschedule_template(text)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.run_schedule(text)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.list_schedules()'),
		(3, 'SELECT', 'TABLE', 'hitl.templates'),
		(3, 'SELECT', 'TABLE', 'hitl.schedules'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.uuidv7(integer)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.create_workflow(text, text, jsonb, jsonb, text, text, integer, text, integer, timestamptz)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.execute_workflow(uuid, text, jsonb, timestamptz)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.run_agent(text, text, jsonb, text, text, text, integer, timestamptz)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.update_workflow_state(uuid, jsonb, text, jsonb, text[])'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.transition_workflow_status(uuid, text, text)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.pause_workflow(uuid, text)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.resume_workflow(uuid, text)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.cancel_workflow(uuid, text)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.retry_workflow(uuid, text)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.skip_step(uuid, text, jsonb, text, bigint)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.recover_failed_workflows(text[], interval, integer, text, integer)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.request_approval(text, text, text, text, text[], integer, numeric, jsonb, uuid, text, text[], text, jsonb, jsonb, jsonb)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.cancel_approval(uuid, text)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.revise_approval(uuid, text, text, jsonb, text)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.provide_information(uuid, text, jsonb)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.expire_approval(uuid)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.expire_due_approvals()'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.create_checkpoint(uuid, text, text, text)'),
		(3, 'EXECUTE', 'FUNCTION', 'hitl.rollback_workflow(uuid, text, text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.create_model(text, text, text, text, text, jsonb, boolean, integer, jsonb, numeric, numeric, text[])'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.drop_model(text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.create_tool(text, regprocedure, text, jsonb, text, text, integer, integer)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.create_http_tool(text, text, text, jsonb, text, jsonb, text, integer, text, text, integer[])'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.create_external_tool(text, text, jsonb, text, integer, text, text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.create_agent_tool(text, text, text, text, text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.drop_tool(text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.create_agent(text, text, text, text[], text, jsonb, jsonb, integer, integer, bigint, numeric, integer, text, jsonb, text[], integer, jsonb)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.drop_agent(text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.validate_agent(jsonb)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.set_agent_budget(text, text, bigint, numeric, text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.drop_agent_budget(text, text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.abandoned_events(uuid)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.set_secret(text, text, text[])'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.delete_secret(text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.retry_request(uuid)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.resend_notification(uuid)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.request_body(uuid)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.redact_request(uuid, text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.redact_requests(text, uuid, interval, integer)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.set_recovery_policy(text, integer, jsonb, text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.drop_recovery_policy(text, text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.failure_kind(jsonb)'),
		(4, 'SELECT', 'TABLE', 'hitl.recovery_policies'),
		(4, 'SELECT', 'TABLE', 'hitl.planned_recoveries'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.set_limit(text, text, integer, integer, interval)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.drop_limit(text, text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.reset_circuit_breaker(text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.configure_channel(text, text, jsonb, text, boolean, boolean, text, jsonb)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.create_webhook_sender(text, text, text, boolean)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.drop_webhook_sender(text)'),
		(4, 'SELECT', 'TABLE', 'hitl.webhook_senders'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.purge(interval, text[], integer)'),
		(4, 'SELECT', 'TABLE', 'hitl.purges'),
		(4, 'SELECT', 'TABLE', 'hitl.template_loads'),
		(4, 'SELECT', 'TABLE', 'hitl.template_starts'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.recount_template_starts()'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.create_principal(text, text, name, text, text, text, text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.update_principal(text, text, name, text, text, text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.set_principal_active(text, boolean)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.create_group(text, text, text[])'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.drop_group(text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.add_member(text, text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.remove_member(text, text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.create_approval_type(text, jsonb, jsonb, text, text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.drop_approval_type(text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.create_approval_rule(text, text, text, integer, text, text, text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.drop_approval_rule(text, text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.replay_rules(timestamptz, text, boolean)'),
		(4, 'SELECT', 'TABLE', 'hitl.principals'),
		(4, 'SELECT', 'TABLE', 'hitl.principal_names'),
		(4, 'SELECT', 'TABLE', 'hitl.principal_groups'),
		(4, 'SELECT', 'TABLE', 'hitl.group_members'),
		(4, 'SELECT', 'TABLE', 'hitl.approval_types'),
		(4, 'SELECT', 'TABLE', 'hitl.approval_rules'),
		(4, 'SELECT', 'TABLE', 'hitl.rule_decisions'),
		(4, 'SELECT', 'TABLE', 'hitl.approval_reminders'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.grant_acting(name, text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.revoke_acting(name, text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.grant_queue(name, text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.revoke_queue(name, text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.grant_signal(name, text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.revoke_signal(name, text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.grant_access(name, text)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.revoke_access(name)'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.worker_status()'),
		(4, 'SELECT', 'TABLE', 'hitl.workers'),
		(4, 'SELECT', 'TABLE', 'hitl.secret_names'),
		(4, 'SELECT', 'TABLE', 'hitl.models'),
		(4, 'SELECT', 'TABLE', 'hitl.tools'),
		(4, 'SELECT', 'TABLE', 'hitl.agents'),
		(4, 'SELECT', 'TABLE', 'hitl.agent_versions'),
		(4, 'SELECT', 'TABLE', 'hitl.agent_messages'),
		(4, 'SELECT', 'TABLE', 'hitl.agent_steps'),
		(4, 'SELECT', 'TABLE', 'hitl.channel_configurations'),
		(4, 'SELECT', 'TABLE', 'hitl.notifications'),
		(4, 'SELECT', 'TABLE', 'hitl.notification_deliveries'),
		(4, 'SELECT', 'TABLE', 'hitl.definitions'),
		(4, 'SELECT', 'TABLE', 'hitl.workflow_templates'),
		(4, 'SELECT', 'TABLE', 'hitl.template_schedules'),
		(4, 'SELECT', 'TABLE', 'hitl.workflows'),
		(4, 'SELECT', 'TABLE', 'hitl.messages'),
		(4, 'SELECT', 'TABLE', 'hitl.statements'),
		(4, 'SELECT', 'TABLE', 'hitl.idempotency_keys'),
		(4, 'SELECT', 'TABLE', 'hitl.workflow_events'),
		(4, 'EXECUTE', 'FUNCTION', 'hitl.event_hash(bytea, hitl.workflow_events)'),
		(4, 'SELECT', 'TABLE', 'hitl.workflow_steps'),
		(4, 'SELECT', 'TABLE', 'hitl.workflow_checkpoints'),
		(4, 'SELECT', 'TABLE', 'hitl.pending_approvals'),
		(4, 'SELECT', 'TABLE', 'hitl.acting_grants'),
		(4, 'SELECT', 'TABLE', 'hitl.external_tasks'),
		(4, 'SELECT', 'TABLE', 'hitl.task_queues'),
		(4, 'SELECT', 'TABLE', 'hitl.queue_grants'),
		(4, 'SELECT', 'TABLE', 'hitl.queue_rates'),
		(4, 'SELECT', 'TABLE', 'hitl.signals'),
		(4, 'SELECT', 'TABLE', 'hitl.awaited_signals'),
		(4, 'SELECT', 'TABLE', 'hitl.signal_grants'),
		(4, 'SELECT', 'TABLE', 'hitl.child_workflows')
	) AS o (rank, privilege, object_type, object_name) ON o.rank <= l.rank
	UNION ALL
	-- What is about the own: participants, and all from the rank on.
	SELECT l.level, o.privilege, o.object_type, o.object_name
	FROM (VALUES
		('participant', 9), ('viewer', 1), ('approver', 2), ('operator', 3), ('admin', 4)) AS l (level, rank)
	JOIN (VALUES
		(1, 'EXECUTE', 'FUNCTION', 'hitl.current_principal()'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.may_act_for(text)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.sees_all()'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.pending_of(text, boolean)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.sees_approval(uuid)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.sees_workflow(name)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.sees_events(uuid)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.list_pending_approvals(text, uuid)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.approval_form(uuid)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.explain_policy(uuid)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.decision_receipt(uuid)'),
		(1, 'SELECT', 'TABLE', 'hitl.inbox'),
		(1, 'SELECT', 'TABLE', 'hitl.approval_requests'),
		(1, 'SELECT', 'TABLE', 'hitl.approval_responses'),
		(1, 'SELECT', 'TABLE', 'hitl.approval_contents'),
		(1, 'SELECT', 'TABLE', 'hitl.approval_asks'),
		(1, 'SELECT', 'TABLE', 'hitl.delegations'),
		(2, 'EXECUTE', 'FUNCTION', 'hitl.respond_to_approval(uuid, text, text, jsonb, text, jsonb, bytea, text, jsonb)'),
		(2, 'EXECUTE', 'FUNCTION', 'hitl.respond_to_approvals(uuid[], text, text, jsonb, text, text, jsonb)'),
		(2, 'EXECUTE', 'FUNCTION', 'hitl.reassign_approval(uuid, text, text, text)'),
		(2, 'EXECUTE', 'FUNCTION', 'hitl.delegate_approvals(text, timestamptz, timestamptz, text, text)'),
		(2, 'EXECUTE', 'FUNCTION', 'hitl.end_delegation(uuid)'),
		(2, 'EXECUTE', 'FUNCTION', 'hitl.set_preferred_channels(text, text[])'),
		(2, 'EXECUTE', 'FUNCTION', 'hitl.create_api_token(text, text[], interval, text)'),
		(2, 'EXECUTE', 'FUNCTION', 'hitl.revoke_api_token(uuid)'),
		(1, 'EXECUTE', 'FUNCTION', 'hitl.manages_principals()'),
		(1, 'SELECT', 'TABLE', 'hitl.api_tokens')
	) AS o (rank, privilege, object_type, object_name) ON o.rank <= l.rank
	UNION ALL
	-- The gateway calls the functions of its routes, and reads nothing itself.
	SELECT 'gateway', 'EXECUTE', 'FUNCTION', f.name
	FROM (SELECT r.function FROM hitl.http_routes r WHERE r.function LIKE 'hitl.http\_%'
		  UNION VALUES ('hitl.http_route_list()'), ('hitl.http_event_batch(jsonb[], jsonb, timestamptz, bigint, bigint)'),
					   ('hitl.http_event_resume(jsonb, text)'),
					   ('hitl.http_problem(text, text, text, text)'), ('hitl.http_error(integer, text, jsonb, jsonb)'),
					   ('hitl.http_json(jsonb, integer, jsonb)')) AS f (name);
END;
COMMENT ON FUNCTION hitl.access_levels() IS
	'what each level of hitl.grant_access (worker, participant, viewer, approver, operator, admin; gateway) allows';

CREATE FUNCTION hitl.grant_access(grantee name, level text) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	grant_ record;
BEGIN
	IF level NOT IN ('worker', 'participant', 'viewer', 'approver', 'operator', 'admin', 'gateway') THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('unknown access level "%s"', level),
			HINT = 'A level is worker, participant, viewer, approver, operator, admin or gateway.';
	END IF;
	EXECUTE format('GRANT USAGE ON SCHEMA hitl TO %I', grantee);
	FOR grant_ IN SELECT a.* FROM hitl.access_levels() AS a WHERE a.level = grant_access.level LOOP
		EXECUTE format('GRANT %s ON %s %s TO %I', grant_.privilege, grant_.object_type,
					   grant_.object_name, grantee);
	END LOOP;
END
$$;
COMMENT ON FUNCTION hitl.grant_access(name, text) IS
	'let a role use hitl: worker takes tasks and sends signals that it was granted, participant answers what it is asked and sees only that, viewer reads all, approver also answers approvals, operator also runs workflows, admin also configures; gateway is for hitl.gateway_role: it may call the functions of routes, and nothing else';

CREATE FUNCTION hitl.revoke_access(grantee name) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	grant_ record;
BEGIN
	FOR grant_ IN SELECT a.* FROM hitl.access_levels() AS a
				  WHERE a.level IN ('admin', 'gateway') LOOP
		EXECUTE format('REVOKE %s ON %s %s FROM %I', grant_.privilege, grant_.object_type,
					   grant_.object_name, grantee);
	END LOOP;
	EXECUTE format('REVOKE USAGE ON SCHEMA hitl FROM %I', grantee);
END
$$;
COMMENT ON FUNCTION hitl.revoke_access(name) IS
	'take back all that hitl.grant_access gave to a role';

REVOKE ALL ON FUNCTION hitl.access_levels(), hitl.grant_access(name, text),
	hitl.revoke_access(name) FROM PUBLIC;

-- What ALTER DEFAULT PRIVILEGES gives to others is not meant for these tables:
-- who could write them could decide anything.
DO $$
DECLARE
	given record;
BEGIN
	FOR given IN
		SELECT format('%s %s', o.kind, o.name) AS object,
			   CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee
		FROM (SELECT CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind,
					 oid::regclass::text AS name, relacl AS acl, relowner AS owner
			  FROM pg_class
			  WHERE relnamespace = 'hitl'::regnamespace AND relkind IN ('r', 'v', 'S')
			  UNION ALL
			  SELECT 'ROUTINE', oid::regprocedure::text, proacl, proowner
			  FROM pg_proc WHERE pronamespace = 'hitl'::regnamespace
			  UNION ALL
			  SELECT 'SCHEMA', quote_ident(nspname), nspacl, nspowner
			  FROM pg_namespace WHERE nspname = 'hitl') AS o,
			 aclexplode(o.acl) AS a
		WHERE a.grantee <> o.owner
		GROUP BY 1, 2
	LOOP
		EXECUTE format('REVOKE ALL ON %s FROM %s', given.object, given.grantee);
	END LOOP;
END
$$;
