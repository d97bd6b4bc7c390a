-- rule.sql
--		Rules that decide requests without asking anybody.
--
-- A rule is a SQL/JSON path predicate over the request.  The first one that holds,
-- by priority, decides; without one people are asked.  Rules in shadow mode are
-- tried beside the active ones, and only recorded.

CREATE TABLE hitl.approval_rules (
	name text NOT NULL,
	rule_set text NOT NULL DEFAULT 'default',
	priority integer NOT NULL DEFAULT 100,	-- lower goes first
	condition text NOT NULL,			-- SQL/JSON path predicate over hitl.rule_subject()
	action text NOT NULL CHECK (action IN ('approve', 'deny', 'ask')),
	mode text NOT NULL DEFAULT 'active' CHECK (mode IN ('active', 'shadow', 'off')),
	description text,
	created_by name NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (rule_set, name)
);
COMMENT ON TABLE hitl.approval_rules IS
	'rules that approve or deny requests, or have them asked; the first that holds, by priority';
SELECT pg_extension_config_dump('hitl.approval_rules', '');

CREATE TABLE hitl.rule_decisions (
	approval_id uuid NOT NULL,
	mode text NOT NULL CHECK (mode IN ('active', 'shadow')),
	rule_set text,						-- NULL: no rule held
	rule text,
	action text NOT NULL CHECK (action IN ('approve', 'deny', 'ask')),
	error text,							-- of a condition that could not be evaluated
	decided_at timestamptz NOT NULL,
	PRIMARY KEY (approval_id, mode)
);
COMMENT ON TABLE hitl.rule_decisions IS
	'what the rules said about each request: the active ones, and those in shadow mode';
SELECT pg_extension_config_dump('hitl.rule_decisions', '');

-- What a rule can look at.
CREATE FUNCTION hitl.rule_subject(approval hitl.approval_requests) RETURNS jsonb
	LANGUAGE sql STABLE
	RETURN jsonb_build_object(
		'title', (approval).title, 'description', (approval).description,
		'approval_type', (approval).approval_type, 'context_data', (approval).context_data,
		'requested_by', (approval).requested_by, 'requested_role', (approval).requested_role,
		'step_name', (approval).step_name, 'policy', (approval).policy,
		'workflow', (SELECT jsonb_build_object('name', w.name, 'template', w.template, 'owner', w.owner,
											   'created_by', w.created_by)
					 FROM hitl.workflows w WHERE w.id = (approval).workflow_id));
COMMENT ON FUNCTION hitl.rule_subject(hitl.approval_requests) IS 'what the condition of a rule is evaluated over';

CREATE FUNCTION hitl.evaluate_rules(subject jsonb, modes text[], only_set text DEFAULT NULL,
	OUT rule_set text, OUT rule text, OUT action text, OUT error text)
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	candidate hitl.approval_rules;
	holds boolean;
BEGIN
	FOR candidate IN
		SELECT * FROM hitl.approval_rules r
		WHERE r.mode = ANY (modes) AND (only_set IS NULL OR r.rule_set = only_set)
		ORDER BY r.priority, r.rule_set, r.name
	LOOP
		BEGIN
			holds := jsonb_path_match(subject, candidate.condition::jsonpath);
			IF holds IS NULL THEN
				RAISE EXCEPTION USING ERRCODE = 'data_exception',
					MESSAGE = format('the condition of rule "%s" is neither true nor false', candidate.name);
			END IF;
		EXCEPTION WHEN data_exception OR syntax_error_or_access_rule_violation OR feature_not_supported OR program_limit_exceeded THEN
			-- Whatever it was to let through or to stop, somebody looks at it.
			rule_set := candidate.rule_set;
			rule := candidate.name;
			action := 'ask';
			error := SQLERRM;
			RETURN;
		END;
		IF holds THEN
			rule_set := candidate.rule_set;
			rule := candidate.name;
			action := candidate.action;
			RETURN;
		END IF;
	END LOOP;
	action := 'ask';
END
$$;
COMMENT ON FUNCTION hitl.evaluate_rules(jsonb, text[], text) IS
	'the first rule that holds for a request, and what it says; ask where none holds, or where one cannot be evaluated';

CREATE FUNCTION hitl.apply_approval_rules(approval_ids uuid[]) RETURNS integer
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	approval hitl.approval_requests;
	said record;
	shadow boolean := EXISTS (SELECT FROM hitl.approval_rules r WHERE r.mode = 'shadow');
	active boolean := EXISTS (SELECT FROM hitl.approval_rules r WHERE r.mode = 'active');
	now_ timestamptz := clock_timestamp();
	decided integer := 0;
BEGIN
	FOR approval IN
		SELECT * FROM hitl.approval_requests a WHERE a.id = ANY (approval_ids) AND a.status = 'pending' ORDER BY a.id
	LOOP
		IF shadow THEN
			SELECT * INTO said FROM hitl.evaluate_rules(hitl.rule_subject(approval), '{shadow}');
			INSERT INTO hitl.rule_decisions (approval_id, mode, rule_set, rule, action, error, decided_at)
			VALUES (approval.id, 'shadow', said.rule_set, said.rule, said.action, said.error, now_);
		END IF;
		CONTINUE WHEN NOT active;
		SELECT * INTO said FROM hitl.evaluate_rules(hitl.rule_subject(approval), '{active}');
		INSERT INTO hitl.rule_decisions (approval_id, mode, rule_set, rule, action, error, decided_at)
		VALUES (approval.id, 'active', said.rule_set, said.rule, said.action, said.error, now_);
		IF said.action <> 'ask' THEN
			PERFORM hitl.decide_by_rule(approval.id, CASE said.action WHEN 'approve' THEN 'approved' ELSE 'rejected' END,
				'rule:' || said.rule);
			decided := decided + 1;
		END IF;
	END LOOP;
	RETURN decided;
END
$$;
COMMENT ON FUNCTION hitl.apply_approval_rules(uuid[]) IS
	'let the rules decide requests that were just made, and record what they say';

CREATE FUNCTION hitl.decide_by_rule(approval_id uuid, outcome text, rule text) RETURNS void
	AS 'MODULE_PATHNAME', 'hitl_decide_by_rule' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION hitl.decide_by_rule(uuid, text, text) IS
	'what hitl.apply_approval_rules() does with a request that a rule decides';

CREATE FUNCTION hitl.create_approval_rule(
	name text,
	condition text,
	action text,
	priority integer DEFAULT 100,
	mode text DEFAULT 'active',
	rule_set text DEFAULT 'default',
	description text DEFAULT NULL
) RETURNS text
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF coalesce(name, '') = '' OR coalesce(rule_set, '') = '' OR condition IS NULL OR priority IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'a rule needs a name, a condition, a priority and a rule_set';
	END IF;
	IF action IS NULL OR action NOT IN ('approve', 'deny', 'ask') THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('unknown action "%s"', coalesce(action, 'NULL')),
			HINT = 'A rule has a request approved, denied or asked: "approve", "deny", "ask".';
	END IF;
	IF mode IS NULL OR mode NOT IN ('active', 'shadow', 'off') THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('unknown mode "%s"', coalesce(mode, 'NULL')),
			HINT = 'A rule is "active", in "shadow" mode, or "off".';
	END IF;
	BEGIN
		PERFORM condition::jsonpath;
	EXCEPTION WHEN syntax_error OR data_exception THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('the condition of rule "%s" is not a SQL/JSON path', name),
			DETAIL = SQLERRM,
			HINT = 'For example $.context_data.amount < 100.';
	END;
	INSERT INTO hitl.approval_rules AS r (name, rule_set, priority, condition, action, mode, description, created_by)
	VALUES (create_approval_rule.name, create_approval_rule.rule_set, create_approval_rule.priority,
			create_approval_rule.condition, create_approval_rule.action, create_approval_rule.mode,
			create_approval_rule.description, hitl.calling_role())
	ON CONFLICT ON CONSTRAINT approval_rules_pkey DO UPDATE SET priority = excluded.priority,
		condition = excluded.condition, action = excluded.action, mode = excluded.mode,
		description = excluded.description, created_by = excluded.created_by;
	RETURN name;
END
$$;
COMMENT ON FUNCTION hitl.create_approval_rule(text, text, text, integer, text, text, text) IS
	'create or replace a rule that decides requests: a SQL/JSON path predicate over the request, and approve, deny or ask';

CREATE FUNCTION hitl.drop_approval_rule(name text, rule_set text DEFAULT 'default') RETURNS boolean
	LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	DELETE FROM hitl.approval_rules r
	WHERE r.name = drop_approval_rule.name AND r.rule_set = drop_approval_rule.rule_set;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION hitl.drop_approval_rule(text, text) IS 'remove a rule; false if there was none';

CREATE FUNCTION hitl.replay_rules(since timestamptz, rule_set text DEFAULT 'default', only_differences boolean DEFAULT true)
	RETURNS TABLE (approval_id uuid, requested_at timestamptz, title text, rule text, action text,
				   status text, decided_by text, differs boolean, error text)
	LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	approval hitl.approval_requests;
	said record;
BEGIN
	IF since IS NULL OR rule_set IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'since and rule_set must not be null';
	END IF;
	IF NOT EXISTS (SELECT FROM hitl.approval_rules r WHERE r.rule_set = replay_rules.rule_set) THEN
		RAISE EXCEPTION USING ERRCODE = 'undefined_object',
			MESSAGE = format('rule set "%s" has no rules', rule_set),
			HINT = 'hitl.create_approval_rule() makes one; it can be "off" to be tried here only.';
	END IF;
	FOR approval IN
		SELECT * FROM hitl.approval_requests a
		WHERE a.id >= hitl.first_id(CASE WHEN isfinite(since) THEN greatest(since, 'epoch') ELSE 'epoch' END)
		  AND a.requested_at >= since AND a.status IN ('approved', 'rejected', 'expired')
		ORDER BY a.id
	LOOP
		SELECT * INTO said FROM hitl.evaluate_rules(hitl.rule_subject(approval), '{active,shadow,off}', replay_rules.rule_set);
		approval_id := approval.id;
		requested_at := approval.requested_at;
		title := approval.title;
		rule := said.rule;
		action := said.action;
		error := said.error;
		status := approval.status;
		decided_by := approval.decided_by;
		-- To ask is what was done, unless a rule decided.
		differs := CASE action WHEN 'ask' THEN approval.decided_by LIKE 'rule:%' IS TRUE
			WHEN 'approve' THEN approval.status <> 'approved' ELSE approval.status <> 'rejected' END;
		IF differs OR NOT only_differences THEN
			RETURN NEXT;
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION hitl.replay_rules(timestamptz, text, boolean) IS
	'what a rule set, whatever the mode of its rules, would have said about requests decided since then, where that differs from what was decided';
