-- inbox.sql
--		What each principal is asked, and who sees what.

-- PL/pgSQL keeps its plans; functions of SQL that are not inlined are planned anew
-- by each statement that calls them.

-- ---- who sees what --------------------------------------------------------

-- The right to execute it is what counts.
CREATE FUNCTION hitl.see_all() RETURNS void LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
	SELECT;
END;
COMMENT ON FUNCTION hitl.see_all() IS
	'does nothing: whoever may call it sees all workflows and approval requests, not only the own';

CREATE FUNCTION hitl.sees_all() RETURNS boolean
	LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (SELECT has_function_privilege(hitl.calling_role(), 'hitl.see_all()', 'EXECUTE'));
END
$$;
COMMENT ON FUNCTION hitl.sees_all() IS 'does the caller see all workflows and approval requests?';

-- By which names somebody can be asked, and whose they are: the own, and those of
-- everybody that has delegated to him.  Who is not active is not asked.
CREATE FUNCTION hitl.answering_names(principal text) RETURNS TABLE (name text, owner text)
	LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY
	SELECT n.name, o.owner
	FROM (SELECT answering_names.principal AS owner
		  UNION ALL SELECT d FROM hitl.delegators_of(answering_names.principal) AS d) AS o,
		 LATERAL unnest(hitl.names_of(o.owner)) AS n (name)
	WHERE NOT EXISTS (SELECT FROM hitl.principals p WHERE p.name = answering_names.principal AND NOT p.active);
END
$$;
COMMENT ON FUNCTION hitl.answering_names(text) IS
	'the names by which a principal can be asked, its own and those of everybody that has delegated to it';

CREATE FUNCTION hitl.sees_approval(approval_id uuid) RETURNS boolean
	LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN hitl.sees_all() OR EXISTS (
		SELECT FROM hitl.approval_requests a
		WHERE a.id = sees_approval.approval_id
		  AND (pg_has_role(hitl.calling_role(), (SELECT r.oid FROM pg_roles r WHERE r.rolname = a.requested_role), 'USAGE')
			   OR EXISTS (SELECT FROM hitl.approval_responses r
						  WHERE r.approval_id = a.id AND r.approver_id = hitl.current_principal())
			   OR EXISTS (SELECT FROM hitl.approval_asks k
						  WHERE k.approval_id = a.id
							AND k.name IN (SELECT n.name FROM hitl.answering_names(hitl.current_principal()) AS n))
			   OR EXISTS (SELECT FROM hitl.acting_grants g JOIN pg_roles r ON r.rolname = g.grantee
						  WHERE pg_has_role(hitl.calling_role(), r.oid, 'USAGE')
							AND (g.approver_id = '*'
								 OR EXISTS (SELECT FROM hitl.approval_asks k
											WHERE k.approval_id = a.id
											  AND k.name IN (SELECT n.name FROM hitl.answering_names(hitl.principal_of(g.approver_id)) AS n))))));
END
$$;
COMMENT ON FUNCTION hitl.sees_approval(uuid) IS
	'does the caller see this request: one that it has made, answered, is asked by, or may answer for somebody?';

-- Of who comes through the gateway, which sees all; his role counts as if he had logged in.
CREATE FUNCTION hitl.principal_sees_all(principal text) RETURNS boolean
	LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN EXISTS (
		SELECT FROM hitl.principals p JOIN pg_roles r ON r.rolname = p.role
		WHERE p.name = principal_sees_all.principal AND p.active
		  AND has_function_privilege(r.oid, 'hitl.see_all()', 'EXECUTE'));
END
$$;
COMMENT ON FUNCTION hitl.principal_sees_all(text) IS
	'has the role of this principal the right to see all workflows and approval requests?';

CREATE FUNCTION hitl.principal_sees_approval(principal text, approval_id uuid) RETURNS boolean
	LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN EXISTS (
		SELECT FROM hitl.approval_requests a
		WHERE a.id = principal_sees_approval.approval_id
		  AND (hitl.principal_of(a.requested_by) = principal_sees_approval.principal
			   OR EXISTS (SELECT FROM hitl.approval_asks k
						  WHERE k.approval_id = a.id
							AND k.name IN (SELECT n.name FROM hitl.answering_names(principal_sees_approval.principal) AS n))
			   OR EXISTS (SELECT FROM hitl.approval_responses r
						  WHERE r.approval_id = a.id AND r.approver_id = principal_sees_approval.principal)
			   OR EXISTS (SELECT FROM hitl.principals p JOIN pg_roles r ON r.rolname = p.role
						  JOIN pg_roles q ON q.rolname = a.requested_role
						  WHERE p.name = principal_sees_approval.principal AND pg_has_role(r.oid, q.oid, 'USAGE'))
			   OR hitl.principal_sees_all(principal_sees_approval.principal)));
END
$$;
COMMENT ON FUNCTION hitl.principal_sees_approval(text, uuid) IS
	'does this principal see the request: one that it has made, answered, is asked by, or that its role may see?';

CREATE FUNCTION hitl.sees_workflow(owner name) RETURNS boolean
	LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT coalesce(pg_has_role(hitl.calling_role(), (SELECT r.oid FROM pg_roles r WHERE r.rolname = sees_workflow.owner), 'USAGE'), false);
END;
COMMENT ON FUNCTION hitl.sees_workflow(name) IS 'does the caller see the workflows of this role?';

CREATE FUNCTION hitl.sees_events(workflow_id uuid) RETURNS boolean
	LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT EXISTS (SELECT FROM hitl.workflows w WHERE w.id = sees_events.workflow_id AND hitl.sees_workflow(w.owner));
END;
COMMENT ON FUNCTION hitl.sees_events(uuid) IS 'does the caller see the events of this workflow?';

ALTER TABLE hitl.approval_requests ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON hitl.approval_requests FOR SELECT
	USING ((SELECT hitl.sees_all()) OR hitl.sees_approval(id));
ALTER TABLE hitl.approval_responses ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON hitl.approval_responses FOR SELECT
	USING ((SELECT hitl.sees_all()) OR hitl.sees_approval(approval_id));
ALTER TABLE hitl.approval_contents ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON hitl.approval_contents FOR SELECT
	USING ((SELECT hitl.sees_all()) OR hitl.sees_approval(approval_id));
ALTER TABLE hitl.approval_asks ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON hitl.approval_asks FOR SELECT
	USING ((SELECT hitl.sees_all()) OR hitl.sees_approval(approval_id));
ALTER TABLE hitl.delegations ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON hitl.delegations FOR SELECT
	USING ((SELECT hitl.sees_all()) OR (SELECT hitl.current_principal()) IN (delegator, delegate));
ALTER TABLE hitl.workflows ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON hitl.workflows FOR SELECT
	USING ((SELECT hitl.sees_all()) OR hitl.sees_workflow(owner));
ALTER TABLE hitl.workflow_events ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON hitl.workflow_events FOR SELECT
	USING ((SELECT hitl.sees_all()) OR hitl.sees_events(workflow_id));

-- ---- what is pending ------------------------------------------------------

CREATE VIEW hitl.pending_approvals AS
	SELECT a.id AS approval_id, a.workflow_id, a.step_name, a.title, a.description,
		   a.approval_type, a.requested_from, a.required_approvers, a.approval_threshold,
		   (SELECT count(*) FROM hitl.approval_responses r
			WHERE r.approval_id = a.id AND r.standing
			  AND (r.decision = 'approved' OR r.edits IS NOT NULL)) AS approvals,
		   a.context_data, a.requested_by, a.requested_at, a.expires_at,
		   a.asked, a.wanted, a.round, a.content_hash
	FROM hitl.approval_requests a
	WHERE a.status = 'pending'
	  AND (a.due_at IS NULL OR a.due_at > clock_timestamp() OR a.timed);
COMMENT ON VIEW hitl.pending_approvals IS
	'approval requests that wait for answers';

-- Found by the names that they ask, whatever the number of the others.
CREATE FUNCTION hitl.pending_of(principal text, anybody boolean) RETURNS SETOF uuid
	LANGUAGE plpgsql STABLE STRICT ROWS 100 SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
	-- Where somebody is asked much, a table for as much would be made for everybody, and a plan for each call.
	SET enable_hashagg = off SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
	RETURN QUERY
	WITH n AS MATERIALIZED (
		SELECT a.name, hitl.own_names(a.owner) || o.own AS people
		FROM (SELECT hitl.own_names(pending_of.principal) AS own) AS o,
			 LATERAL (SELECT b.name, b.owner FROM hitl.answering_names(pending_of.principal) AS b
					  UNION ALL SELECT '*', pending_of.principal WHERE pending_of.anybody
					  AND (hitl.sees_all() OR hitl.principal_sees_all(pending_of.principal))) AS a
	)
	SELECT DISTINCT k.approval_id
	FROM n
	JOIN hitl.approval_asks k ON k.name = n.name
	JOIN hitl.approval_requests a ON a.id = k.approval_id AND a.status = 'pending'
	WHERE (hitl.sees_all() OR hitl.may_act_for(pending_of.principal))
	  AND NOT (n.people && a.requesters) AND NOT (n.people && a.editors)
	  AND NOT EXISTS (SELECT FROM hitl.approval_responses r
					  WHERE r.approval_id = k.approval_id AND r.standing
						AND (r.approver_id = ANY (n.people) OR n.people && r.on_behalf_of));
END
$$;
COMMENT ON FUNCTION hitl.pending_of(text, boolean) IS
	'the pending requests that a principal is asked to answer: itself, in a group, or as a delegate; with anybody those, too, that name nobody, if the caller or the principal sees all';

CREATE FUNCTION hitl.list_pending_approvals(
	requested_from text DEFAULT NULL,
	workflow_id uuid DEFAULT NULL
) RETURNS SETOF hitl.pending_approvals
	LANGUAGE plpgsql STABLE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
	person text;
BEGIN
	IF list_pending_approvals.requested_from IS NULL AND hitl.sees_all() THEN
		IF list_pending_approvals.workflow_id IS NULL THEN
			RETURN QUERY SELECT p.* FROM hitl.pending_approvals p ORDER BY p.approval_id;
		ELSE
			RETURN QUERY SELECT p.* FROM hitl.pending_approvals p
				WHERE p.workflow_id = list_pending_approvals.workflow_id ORDER BY p.approval_id;
		END IF;
		RETURN;
	END IF;
	person := hitl.principal_of(coalesce(list_pending_approvals.requested_from, hitl.current_principal()));
	IF NOT hitl.sees_all() AND NOT hitl.may_act_for(person) THEN
		RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
			MESSAGE = format('role "%s" may not see what "%s" is asked', hitl.identity_role(), person),
			HINT = 'Without requested_from, the list has what the caller is asked.';
	END IF;
	RETURN QUERY SELECT p.* FROM hitl.pending_of(person, false) AS o (id)
		JOIN hitl.pending_approvals p ON p.approval_id = o.id
		WHERE list_pending_approvals.workflow_id IS NULL OR p.workflow_id = list_pending_approvals.workflow_id
		ORDER BY p.approval_id;
END
$$;
COMMENT ON FUNCTION hitl.list_pending_approvals(text, uuid) IS
	'pending approval requests, oldest first: those that one approver is asked (itself, in a group, as a delegate) and has not answered, those of one workflow, or all that the caller sees';

-- A condition of the caller must not see what is asked of others.
CREATE VIEW hitl.inbox WITH (security_barrier) AS
	SELECT p.approval_id, p.title, p.description, p.approval_type, p.context_data, p.requested_by,
		   p.requested_at, p.expires_at, p.asked, p.wanted, p.round, p.content_hash, p.workflow_id, p.step_name
	FROM hitl.pending_of(hitl.current_principal(), hitl.sees_all()) AS o (id)
	JOIN hitl.pending_approvals p ON p.approval_id = o.id
	ORDER BY p.approval_id;
COMMENT ON VIEW hitl.inbox IS
	'what the caller is asked and has not answered; to whoever sees all requests also those that name nobody';

CREATE FUNCTION hitl.form_document(approval hitl.approval_requests) RETURNS jsonb
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN jsonb_build_object('schema', coalesce((approval).answer_schema, '{"type": "object"}'),
							  'ui_schema', coalesce((approval).ui_schema, '{}'));
COMMENT ON FUNCTION hitl.form_document(hitl.approval_requests) IS
	'the form of a request, as hitl.approval_form and the API give it';

CREATE FUNCTION hitl.approval_form(approval_id uuid) RETURNS jsonb
	LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	form jsonb;
BEGIN
	IF hitl.sees_approval(approval_id) THEN
		SELECT hitl.form_document(a) INTO form
		FROM hitl.approval_requests a WHERE a.id = approval_form.approval_id;
	END IF;
	IF form IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'WF003',
			MESSAGE = format('approval request %s does not exist', approval_id),
			HINT = 'hitl.list_pending_approvals() lists those that wait for answers.';
	END IF;
	RETURN form;
END
$$;
COMMENT ON FUNCTION hitl.approval_form(uuid) IS
	'the form of a request: JSON Schema of the answer ("schema") and hints of react-jsonschema-form ("ui_schema")';
