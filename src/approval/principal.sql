-- principal.sql
--		People and services, their names, groups and delegations.
--
-- A request names whom it asks by a text.  Each text that means a principal (its
-- name, e-mail address or role, "slack:<team>/<user>") or a group is a row of
-- hitl.principal_names, so it means one thing.  A text without a row means
-- somebody whom hitl knows by this text alone.
--
-- Who answers locks the own row of hitl.principals FOR SHARE, and those of the
-- principals for whom he may; who takes rights away from a principal updates it.
-- So an answer is from before or after.

CREATE TABLE hitl.principals (
	name text PRIMARY KEY,
	kind text NOT NULL DEFAULT 'person' CHECK (kind IN ('person', 'service')),
	display_name text,
	email text,							-- lower case
	slack_team text,
	slack_user text,
	role name,							-- session_user of this principal
	active boolean NOT NULL DEFAULT true,
	created_by name NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	changed_at timestamptz NOT NULL DEFAULT now(),
	channels text[],					-- by which it wants to be told; NULL: the default ones
	CHECK ((slack_team IS NULL) = (slack_user IS NULL))
);
COMMENT ON TABLE hitl.principals IS
	'people and services, and by what they are recognised';
SELECT pg_extension_config_dump('hitl.principals', '');
CREATE UNIQUE INDEX principals_role ON hitl.principals (role);

CREATE TABLE hitl.principal_groups (
	name text PRIMARY KEY,
	description text,
	created_by name NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE hitl.principal_groups IS 'groups of principals, which requests ask by their names';
SELECT pg_extension_config_dump('hitl.principal_groups', '');

CREATE TABLE hitl.group_members (
	principal text NOT NULL,
	group_name text NOT NULL,
	added_by name NOT NULL,
	added_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (principal, group_name)
);
COMMENT ON TABLE hitl.group_members IS 'who is in which group';
SELECT pg_extension_config_dump('hitl.group_members', '');
CREATE INDEX group_members_group ON hitl.group_members (group_name);

CREATE TABLE hitl.principal_names (
	name text PRIMARY KEY,				-- as requests may say it
	kind text NOT NULL CHECK (kind IN ('name', 'email', 'role', 'slack', 'group')),
	principal text,				-- NULL: the group of this name
	CHECK ((kind = 'group') = (principal IS NULL))
);
COMMENT ON TABLE hitl.principal_names IS
	'the texts by which a principal or a group can be named, each meaning one of them';
SELECT pg_extension_config_dump('hitl.principal_names', '');
CREATE INDEX principal_names_principal ON hitl.principal_names (principal);

CREATE TABLE hitl.delegations (
	id uuid PRIMARY KEY,
	delegator text NOT NULL,
	delegate text NOT NULL,
	starts_at timestamptz NOT NULL,
	ends_at timestamptz NOT NULL,		-- ended early: brought forward
	reason text,
	created_by name NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	CHECK (delegator <> delegate)
);
COMMENT ON TABLE hitl.delegations IS
	'who may answer for whom, from when until when';
SELECT pg_extension_config_dump('hitl.delegations', '');
CREATE INDEX delegations_delegate ON hitl.delegations (delegate, ends_at);

CREATE TABLE hitl.approval_reminders (
	name text PRIMARY KEY,				-- as requests ask it
	reminded_at timestamptz NOT NULL
);
COMMENT ON TABLE hitl.approval_reminders IS
	'when a name that requests ask was last reminded, so that it is not too often (hitl.reminder_interval)';
SELECT pg_extension_config_dump('hitl.approval_reminders', '');

CREATE TABLE hitl.acting_grants (
	grantee name NOT NULL,
	approver_id text NOT NULL,			-- '*': anyone
	granted_by name NOT NULL DEFAULT session_user,
	granted_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (grantee, approver_id)
);
COMMENT ON TABLE hitl.acting_grants IS
	'which role may answer approvals in the name of which approver';
SELECT pg_extension_config_dump('hitl.acting_grants', '');

-- ---- who somebody is ------------------------------------------------------

CREATE FUNCTION hitl.calling_role() RETURNS name
	AS 'MODULE_PATHNAME', 'hitl_calling_role' LANGUAGE C STABLE;
COMMENT ON FUNCTION hitl.calling_role() IS
	'the role on whose authority functions act: SET ROLE counts, SECURITY DEFINER does not';

-- A superuser's session counts as the role that it has set: it could become it.
CREATE FUNCTION hitl.identity_role() RETURNS name
	AS 'MODULE_PATHNAME', 'hitl_identity_role' LANGUAGE C STABLE;
COMMENT ON FUNCTION hitl.identity_role() IS
	'the role by which a caller is recognised: session_user; in the session of a superuser, the role that is set';

CREATE FUNCTION hitl.principal_of(name text) RETURNS text
	LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (SELECT coalesce((SELECT coalesce(n.principal, n.name) FROM hitl.principal_names n
					 WHERE n.name = principal_of.name),
					(SELECT n.principal FROM hitl.principal_names n
					 WHERE n.name = lower(principal_of.name) AND n.kind = 'email'),
					principal_of.name));
END
$$;
COMMENT ON FUNCTION hitl.principal_of(text) IS
	'the name of the principal or group that a text means; the text itself where hitl knows nobody of that name';

CREATE FUNCTION hitl.current_principal() RETURNS text
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT coalesce((SELECT p.name FROM hitl.principals p WHERE p.role = r.name),
					(SELECT r.name::text WHERE NOT EXISTS (
						SELECT FROM hitl.principal_names n WHERE n.name = r.name)))
	FROM hitl.identity_role() AS r (name);
END;
COMMENT ON FUNCTION hitl.current_principal() IS
	'the principal that calls: whose role is session_user, or that role''s name; NULL where that is the name of somebody else';

-- Those for whom a principal may answer now.
CREATE FUNCTION hitl.delegators_of(principal text) RETURNS SETOF text
	LANGUAGE plpgsql STABLE STRICT ROWS 3 SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY
	SELECT DISTINCT d.delegator
	FROM hitl.delegations d JOIN hitl.principals p ON p.name = d.delegator AND p.active
	WHERE d.delegate = delegators_of.principal
	  AND d.starts_at <= clock_timestamp() AND d.ends_at > clock_timestamp();
END
$$;
COMMENT ON FUNCTION hitl.delegators_of(text) IS
	'the principals that have delegated their approvals to this one for now';

CREATE FUNCTION hitl.names_of(principal text) RETURNS text[]
	LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (SELECT ARRAY(
		SELECT names_of.principal
		UNION SELECT n.name FROM hitl.principal_names n WHERE n.principal = names_of.principal
		UNION SELECT m.group_name FROM hitl.group_members m WHERE m.principal = names_of.principal));
END
$$;
COMMENT ON FUNCTION hitl.names_of(text) IS
	'the names by which a request can ask this principal: its own, and those of its groups';

-- Requests of before have somebody as he was known then.
CREATE FUNCTION hitl.own_names(principal text) RETURNS text[]
	LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (SELECT ARRAY(
		SELECT own_names.principal
		UNION SELECT n.name FROM hitl.principal_names n WHERE n.principal = own_names.principal));
END
$$;
COMMENT ON FUNCTION hitl.own_names(text) IS
	'the texts that mean this principal and nobody else';

CREATE FUNCTION hitl.count_people(names text[], excluded text[]) RETURNS integer
	LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT CASE WHEN '*' = ANY (names) THEN -1 ELSE count(*)::integer END
	FROM (SELECT n.principal
		  FROM hitl.principal_names n JOIN hitl.principals p ON p.name = n.principal AND p.active
		  WHERE n.name = ANY (names)
		  UNION
		  SELECT m.principal
		  FROM hitl.group_members m JOIN hitl.principals p ON p.name = m.principal AND p.active
		  WHERE m.group_name = ANY (names)
		  UNION
		  SELECT u.name FROM unnest(names) AS u (name)
		  WHERE NOT EXISTS (SELECT FROM hitl.principal_names n WHERE n.name = u.name)) AS people (person)
	WHERE person <> ALL (ARRAY(SELECT hitl.principal_of(e) FROM unnest(excluded) AS e));
END;
COMMENT ON FUNCTION hitl.count_people(text[], text[]) IS
	'how many different people names stand for, without those excluded; -1 where "*" is among them';

-- ---- principals -----------------------------------------------------------

CREATE FUNCTION hitl.check_new_name(name text) RETURNS void
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF coalesce(name, '') = '' OR name = '*' OR length(name) > 300 OR name ~ '[[:cntrl:]]|^[[:space:]]|[[:space:]]$|^rule:' THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('"%s" cannot be a name', coalesce(left(name, 50), 'NULL')),
			DETAIL = 'A name has 1 to 300 characters, no control characters, no blanks around it, is not "*" and does not begin with "rule:".';
	END IF;
END
$$;
COMMENT ON FUNCTION hitl.check_new_name(text) IS 'refuse what cannot name a principal or a group';

-- The names of a principal, anew.  What is both a name and an e-mail address is
-- known in capitals, too.  Two principals that claim one text wait for
-- each other, and the second is refused.
CREATE FUNCTION hitl.take_names(taker hitl.principals) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	taken record;
	other hitl.principal_names;
BEGIN
	DELETE FROM hitl.principal_names n WHERE n.principal = taker.name;
	FOR taken IN
		SELECT DISTINCT ON (v.name) v.name, v.kind
		FROM (VALUES (2, taker.name, 'name'), (1, taker.email, 'email'), (3, taker.role::text, 'role'),
					 (4, 'slack:' || taker.slack_team || '/' || taker.slack_user, 'slack')) AS v (rank, name, kind)
		WHERE v.name IS NOT NULL ORDER BY v.name, v.rank
	LOOP
		INSERT INTO hitl.principal_names (name, kind, principal)
		VALUES (taken.name, taken.kind, taker.name) ON CONFLICT DO NOTHING;
		IF NOT FOUND THEN
			SELECT * INTO other FROM hitl.principal_names n WHERE n.name = taken.name;
			RAISE EXCEPTION USING ERRCODE = 'WF051',
				MESSAGE = format('"%s" is in use', taken.name),
				DETAIL = CASE WHEN other.kind = 'group' THEN 'It is the name of a group.'
					ELSE format('It is the %s of principal "%s".',
						CASE other.kind WHEN 'email' THEN 'e-mail address' WHEN 'slack' THEN 'Slack user' ELSE other.kind END,
						other.principal) END;
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION hitl.take_names(hitl.principals) IS 'reserve the texts by which a principal can be named';

CREATE FUNCTION hitl.is_email_address(address text) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN address ~ '^[^@[:space:][:cntrl:]]+@[^@[:space:][:cntrl:]]+$';
COMMENT ON FUNCTION hitl.is_email_address(text) IS 'whether a text can be an address of mail; what it is, its server knows';

CREATE FUNCTION hitl.check_principal(principal hitl.principals) RETURNS void
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT hitl.is_email_address(principal.email) THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('"%s" is no e-mail address', left(principal.email, 100));
	END IF;
	IF (principal.slack_team IS NULL) <> (principal.slack_user IS NULL)
		OR concat(principal.slack_team, principal.slack_user) !~ '^[A-Z0-9]*$' THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'slack_team and slack_user must be ids of Slack, both or none',
			DETAIL = 'A user is known by the ids of team and user, such as T024BE7LD and U023BECGF, never by a name that is shown.';
	END IF;
	IF principal.role IS NOT NULL AND NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = principal.role) THEN
		RAISE EXCEPTION USING ERRCODE = 'undefined_object',
			MESSAGE = format('role "%s" does not exist', principal.role);
	END IF;
END
$$;
COMMENT ON FUNCTION hitl.check_principal(hitl.principals) IS 'refuse faulty identities of a principal';

CREATE FUNCTION hitl.create_principal(
	name text,
	email text DEFAULT NULL,
	role name DEFAULT NULL,
	slack_team text DEFAULT NULL,
	slack_user text DEFAULT NULL,
	kind text DEFAULT 'person',
	display_name text DEFAULT NULL
) RETURNS text
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	made hitl.principals;
BEGIN
	PERFORM hitl.check_new_name(name);
	IF kind IS NULL OR kind NOT IN ('person', 'service') THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('unknown kind of principal "%s"', coalesce(kind, 'NULL')),
			HINT = 'A principal is a "person" or a "service".';
	END IF;
	made.email := lower(nullif(create_principal.email, ''));
	made.slack_team := nullif(create_principal.slack_team, '');
	made.slack_user := nullif(create_principal.slack_user, '');
	made.role := create_principal.role;
	PERFORM hitl.check_principal(made);
	INSERT INTO hitl.principals AS p (name, kind, display_name, email, slack_team, slack_user, role, created_by)
	VALUES (create_principal.name, create_principal.kind, create_principal.display_name,
			made.email, made.slack_team, made.slack_user, made.role, hitl.calling_role())
	ON CONFLICT DO NOTHING RETURNING p.* INTO made;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING ERRCODE = 'WF051',
			MESSAGE = CASE WHEN EXISTS (SELECT FROM hitl.principals p WHERE p.name = create_principal.name)
				THEN format('principal "%s" exists', name)
				ELSE format('role "%s" belongs to another principal', create_principal.role) END,
			HINT = 'hitl.update_principal() changes one.';
	END IF;
	PERFORM hitl.take_names(made);
	RETURN made.name;
END
$$;
COMMENT ON FUNCTION hitl.create_principal(text, text, name, text, text, text, text) IS
	'make a person or service known, with e-mail address, Postgres role and Slack ids';

CREATE FUNCTION hitl.principal_missing(name text) RETURNS void
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RAISE EXCEPTION USING ERRCODE = 'WF050',
		MESSAGE = format('principal "%s" does not exist', coalesce(name, 'NULL')),
		HINT = 'hitl.create_principal() makes one.';
END
$$;
COMMENT ON FUNCTION hitl.principal_missing(text) IS 'report that a principal does not exist';

CREATE FUNCTION hitl.update_principal(
	name text,
	email text DEFAULT NULL,
	role name DEFAULT NULL,
	slack_team text DEFAULT NULL,
	slack_user text DEFAULT NULL,
	display_name text DEFAULT NULL
) RETURNS text
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	made hitl.principals;
	before name;
BEGIN
	SELECT * INTO made FROM hitl.principals p WHERE p.name = update_principal.name FOR UPDATE;
	IF NOT FOUND THEN
		PERFORM hitl.principal_missing(name);
	END IF;
	before := made.role;
	made.email := lower(nullif(coalesce(update_principal.email, made.email), ''));
	made.role := CASE update_principal.role WHEN '' THEN NULL ELSE coalesce(update_principal.role, made.role) END;
	made.slack_team := nullif(coalesce(update_principal.slack_team, made.slack_team), '');
	made.slack_user := nullif(coalesce(update_principal.slack_user, made.slack_user), '');
	made.display_name := nullif(coalesce(update_principal.display_name, made.display_name), '');
	PERFORM hitl.check_principal(made);
	UPDATE hitl.principals AS p SET email = made.email, role = made.role, slack_team = made.slack_team,
		slack_user = made.slack_user, display_name = made.display_name, changed_at = now()
	WHERE p.name = made.name;
	PERFORM hitl.take_names(made);
	-- Without a role scopes alone say what a token may, and those of its own it has chosen itself.
	IF made.role IS NULL AND before IS NOT NULL THEN
		UPDATE hitl.api_token_hashes t SET revoked_at = clock_timestamp()
		WHERE t.principal = made.name AND t.revoked_at IS NULL
		  AND NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = t.created_by
						  AND has_function_privilege(r.oid, 'hitl.create_principal(text, text, name, text, text, text, text)', 'EXECUTE'));
	END IF;
	RETURN made.name;
EXCEPTION WHEN unique_violation THEN
	RAISE EXCEPTION USING ERRCODE = 'WF051',
		MESSAGE = format('role "%s" belongs to another principal', role),
		HINT = 'hitl.principals tells to which; hitl.update_principal() with an empty role takes it away.';
END
$$;
COMMENT ON FUNCTION hitl.update_principal(text, text, name, text, text, text) IS
	'change by what a principal is recognised; NULL leaves as it is, an empty text takes away';

CREATE FUNCTION hitl.set_principal_active(name text, active boolean) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF active IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'active must not be null',
			HINT = 'A principal is active or not: true or false.';
	END IF;
	-- Whoever answers signed in holds his session, and waits for the principal.
	IF NOT active THEN
		DELETE FROM hitl.web_sessions s WHERE s.principal = set_principal_active.name;
		DELETE FROM hitl.sign_in_links l WHERE l.principal = set_principal_active.name;
	END IF;
	UPDATE hitl.principals p SET active = set_principal_active.active, changed_at = now()
	WHERE p.name = set_principal_active.name;
	IF NOT FOUND THEN
		PERFORM hitl.principal_missing(name);
	END IF;
END
$$;
COMMENT ON FUNCTION hitl.set_principal_active(text, boolean) IS
	'deactivate a principal, which then can answer nothing, nor anybody for it, and is signed out; or activate it again';

-- ---- groups ---------------------------------------------------------------

CREATE FUNCTION hitl.create_group(name text, description text DEFAULT NULL, members text[] DEFAULT '{}') RETURNS text
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	member text;
BEGIN
	PERFORM hitl.check_new_name(name);
	INSERT INTO hitl.principal_names (name, kind) VALUES (create_group.name, 'group') ON CONFLICT DO NOTHING;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING ERRCODE = 'WF051',
			MESSAGE = format('"%s" is in use', name),
			DETAIL = 'A group cannot be named like another group, nor like anything by which a principal is recognised.';
	END IF;
	INSERT INTO hitl.principal_groups (name, description, created_by)
	VALUES (create_group.name, create_group.description, hitl.calling_role());
	FOREACH member IN ARRAY coalesce(members, '{}') LOOP
		PERFORM hitl.add_member(name, member);
	END LOOP;
	RETURN name;
END
$$;
COMMENT ON FUNCTION hitl.create_group(text, text, text[]) IS
	'make a group, which requests can ask by its name';

CREATE FUNCTION hitl.drop_group(name text) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE hitl.principals p SET changed_at = now()
	FROM hitl.group_members m WHERE m.group_name = drop_group.name AND p.name = m.principal;
	DELETE FROM hitl.group_members m WHERE m.group_name = drop_group.name;
	DELETE FROM hitl.principal_groups g WHERE g.name = drop_group.name;
	IF NOT FOUND THEN
		PERFORM hitl.group_missing(name);
	END IF;
	DELETE FROM hitl.principal_names n WHERE n.name = drop_group.name;
END
$$;
COMMENT ON FUNCTION hitl.drop_group(text) IS
	'remove a group; in requests that ask it, the name then means a person whom hitl does not know, and who could answer: withdraw or reassign them first';

CREATE FUNCTION hitl.group_missing(name text) RETURNS void
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RAISE EXCEPTION USING ERRCODE = 'WF052',
		MESSAGE = format('group "%s" does not exist', coalesce(name, 'NULL')),
		HINT = 'hitl.create_group() makes one.';
END
$$;
COMMENT ON FUNCTION hitl.group_missing(text) IS 'report that a group does not exist';

CREATE FUNCTION hitl.add_member(group_name text, principal text) RETURNS boolean
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	person text;
BEGIN
	SELECT p.name INTO person FROM hitl.principals p WHERE p.name = hitl.principal_of(add_member.principal);
	IF person IS NULL THEN
		PERFORM hitl.principal_missing(principal);
	END IF;
	PERFORM FROM hitl.principal_groups g WHERE g.name = add_member.group_name FOR KEY SHARE;
	IF NOT FOUND THEN
		PERFORM hitl.group_missing(group_name);
	END IF;
	INSERT INTO hitl.group_members (principal, group_name, added_by)
	VALUES (person, add_member.group_name, hitl.calling_role()) ON CONFLICT DO NOTHING;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION hitl.add_member(text, text) IS
	'put a principal into a group; false if it was in it';

CREATE FUNCTION hitl.remove_member(group_name text, principal text) RETURNS boolean
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	person text := hitl.principal_of(principal);
BEGIN
	UPDATE hitl.principals p SET changed_at = now() WHERE p.name = person;
	DELETE FROM hitl.group_members m WHERE m.group_name = remove_member.group_name AND m.principal = person;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION hitl.remove_member(text, text) IS
	'take a principal out of a group; false if it was not in it';

-- ---- delegation -----------------------------------------------------------

CREATE FUNCTION hitl.may_act_for(approver_id text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'hitl_may_act_for' LANGUAGE C STABLE STRICT
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.may_act_for(text) IS
	'may the caller answer as this approver: being it, or by a grant of hitl.grant_acting?';

CREATE FUNCTION hitl.delegate_approvals(
	delegate text,
	ends_at timestamptz,
	starts_at timestamptz DEFAULT NULL,
	reason text DEFAULT NULL,
	delegator text DEFAULT NULL
) RETURNS uuid
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	giver text := hitl.principal_of(coalesce(delegator, hitl.current_principal()));
	taker text := hitl.principal_of(delegate);
	begins timestamptz := coalesce(starts_at, clock_timestamp());
	new_id uuid := hitl.uuidv7();
	person text;
BEGIN
	IF NOT hitl.may_act_for(giver) THEN
		RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
			MESSAGE = format('role "%s" may not delegate the approvals of "%s"', hitl.identity_role(), giver),
			HINT = 'A principal delegates its own approvals; who may act for it can do so, too.';
	END IF;
	FOREACH person IN ARRAY ARRAY[giver, taker] LOOP
		IF person IS NULL OR NOT EXISTS (SELECT FROM hitl.principals p WHERE p.name = person) THEN
			PERFORM hitl.principal_missing(person);
		END IF;
		IF EXISTS (SELECT FROM hitl.principals p WHERE p.name = person AND NOT p.active) THEN
			RAISE EXCEPTION USING ERRCODE = 'WF053',
				MESSAGE = format('principal "%s" is not active', person),
				HINT = 'hitl.set_principal_active() activates it.';
		END IF;
	END LOOP;
	IF giver = taker THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'nobody can delegate to himself';
	END IF;
	IF ends_at IS NULL OR ends_at <= begins OR ends_at <= clock_timestamp() THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'a delegation must end after it begins, and not in the past',
			HINT = 'State ends_at; hitl.end_delegation() ends it earlier.';
	END IF;
	INSERT INTO hitl.delegations (id, delegator, delegate, starts_at, ends_at, reason, created_by)
	VALUES (new_id, giver, taker, begins, delegate_approvals.ends_at, delegate_approvals.reason, hitl.calling_role());
	RETURN new_id;
END
$$;
COMMENT ON FUNCTION hitl.delegate_approvals(text, timestamptz, timestamptz, text, text) IS
	'let another principal answer what one is asked, for a time (out of office)';

CREATE FUNCTION hitl.end_delegation(delegation_id uuid) RETURNS boolean
	LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found_ hitl.delegations;
BEGIN
	SELECT * INTO found_ FROM hitl.delegations d WHERE d.id = delegation_id;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING ERRCODE = 'undefined_object',
			MESSAGE = format('delegation %s does not exist', delegation_id),
			HINT = 'hitl.delegations has those that there are.';
	END IF;
	IF NOT hitl.may_act_for(found_.delegator) AND NOT hitl.may_act_for(found_.delegate) THEN
		RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
			MESSAGE = format('role "%s" may not end this delegation', hitl.identity_role()),
			HINT = 'It is ended by who gave it or has it.';
	END IF;
	-- An answer under way that rests on it comes first.
	UPDATE hitl.principals p SET changed_at = now() WHERE p.name = found_.delegate;
	UPDATE hitl.delegations d SET ends_at = clock_timestamp(), starts_at = least(d.starts_at, clock_timestamp())
	WHERE d.id = delegation_id AND d.ends_at > clock_timestamp();
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION hitl.end_delegation(uuid) IS
	'end a delegation now; false if it had ended';

-- ---- acting for others ----------------------------------------------------

CREATE FUNCTION hitl.grant_acting(grantee name, approver_id text) RETURNS void
	AS 'MODULE_PATHNAME', 'hitl_grant_acting' LANGUAGE C VOLATILE STRICT
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.grant_acting(name, text) IS
	'let a role answer approvals in the name of an approver, or of anyone (''*'')';

CREATE FUNCTION hitl.revoke_acting(grantee name, approver_id text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'hitl_revoke_acting' LANGUAGE C VOLATILE STRICT
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.revoke_acting(name, text) IS
	'take back what grant_acting gave; false if there was nothing';
