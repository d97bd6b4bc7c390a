-- token.sql
--		Tokens by which programs use the JSON API as a principal.
--
-- A principal that has a role can do no more by a token than the role could.  One
-- without a role has its tokens from an administrator, whose scopes say what it may.

CREATE TABLE hitl.api_token_hashes (
	id uuid PRIMARY KEY,
	hash bytea NOT NULL UNIQUE,			-- hitl.token_hash()
	prefix text NOT NULL,				-- to recognise it by
	principal text NOT NULL,
	scopes text[] NOT NULL,
	description text,
	created_by name NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz,				-- NULL: never
	last_used_at timestamptz,			-- to the minute
	revoked_at timestamptz
);
COMMENT ON TABLE hitl.api_token_hashes IS
	'tokens of the JSON API, each by its hash; the tokens themselves are kept nowhere';
SELECT pg_extension_config_dump('hitl.api_token_hashes', '');
CREATE INDEX api_token_hashes_principal ON hitl.api_token_hashes (principal);

-- Who makes principals manages their tokens.
CREATE FUNCTION hitl.manages_principals() RETURNS boolean
	LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN has_function_privilege(hitl.calling_role(),
		'hitl.create_principal(text, text, name, text, text, text, text)', 'EXECUTE');
END
$$;
COMMENT ON FUNCTION hitl.manages_principals() IS 'may the caller make principals, and so tokens for them?';

CREATE VIEW hitl.api_tokens WITH (security_barrier) AS
	SELECT t.id, t.prefix, t.principal, t.scopes, t.description, t.created_by, t.created_at, t.expires_at,
		   t.last_used_at, t.revoked_at
	FROM hitl.api_token_hashes t
	WHERE (SELECT hitl.manages_principals()) OR t.principal = (SELECT hitl.current_principal());
COMMENT ON VIEW hitl.api_tokens IS
	'tokens of the JSON API without what would let one use them: the own, to administrators all';

CREATE FUNCTION hitl.create_api_token(
	principal text,
	scopes text[] DEFAULT '{approvals:read,approvals:respond}',
	expires interval DEFAULT '90 days',
	description text DEFAULT NULL
) RETURNS text
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	known CONSTANT text[] := '{approvals:read,approvals:respond,approvals:request,workflows:read,workflows:start}';
	holder hitl.principals;
	token text := 'hitl_' || hitl.random_token();
	fault text;
BEGIN
	SELECT * INTO holder FROM hitl.principals p
	WHERE p.name = hitl.principal_of(create_api_token.principal) FOR SHARE;
	IF NOT hitl.manages_principals() AND holder.name IS DISTINCT FROM hitl.current_principal() THEN
		RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
			MESSAGE = format('role "%s" may not make tokens of "%s"', hitl.identity_role(), create_api_token.principal),
			HINT = 'A principal makes its own; administrators make those of all.';
	ELSIF holder.name IS NULL THEN
		PERFORM hitl.principal_missing(create_api_token.principal);
	ELSIF NOT holder.active THEN
		RAISE EXCEPTION USING ERRCODE = 'WF053',
			MESSAGE = format('principal "%s" is not active', holder.name),
			HINT = 'hitl.set_principal_active() activates it.';
	END IF;
	IF coalesce(cardinality(scopes), 0) = 0 OR array_position(scopes, NULL) IS NOT NULL THEN
		fault := 'a token needs scopes';
	ELSIF NOT scopes <@ known THEN
		fault := format('unknown scope "%s"', (SELECT s FROM unnest(scopes) AS s WHERE s <> ALL (known) ORDER BY s LIMIT 1));
	END IF;
	IF fault IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = fault,
			HINT = format('Scopes are %s.', array_to_string(known, ', '));
	ELSIF expires <= interval '0' THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'a token must expire later than now',
			HINT = 'expires is for how long it is valid; NULL: until it is revoked.';
	END IF;
	INSERT INTO hitl.api_token_hashes (id, hash, prefix, principal, scopes, description, created_by, expires_at)
	VALUES (hitl.uuidv7(), hitl.token_hash(token), left(token, 12), holder.name,
			ARRAY(SELECT DISTINCT s FROM unnest(create_api_token.scopes) AS s ORDER BY s), create_api_token.description,
			hitl.calling_role(), clock_timestamp() + expires);
	RETURN token;
END
$$;
COMMENT ON FUNCTION hitl.create_api_token(text, text[], interval, text) IS
	'make a token by which a program uses the JSON API as a principal; returned once, and kept by its hash only';

CREATE FUNCTION hitl.revoke_api_token(token_id uuid) RETURNS boolean
	LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	holder text := (SELECT t.principal FROM hitl.api_token_hashes t WHERE t.id = token_id);
BEGIN
	IF NOT hitl.manages_principals() AND holder IS DISTINCT FROM hitl.current_principal() THEN
		RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
			MESSAGE = format('role "%s" may not revoke this token', hitl.identity_role()),
			HINT = 'A principal revokes its own; administrators revoke those of all.';
	END IF;
	UPDATE hitl.api_token_hashes t SET revoked_at = clock_timestamp()
	WHERE t.id = token_id AND t.revoked_at IS NULL;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION hitl.revoke_api_token(uuid) IS
	'let a token of the JSON API be of no use any more; false if there is none, or it was revoked before';

-- Who a token says is there.  Nothing tells why one is of no use.
CREATE FUNCTION hitl.token_holder(
	token text, OUT principal text, OUT role name, OUT scopes text[], OUT evidence jsonb
)
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found_ hitl.api_token_hashes;
BEGIN
	SELECT t.* INTO found_ FROM hitl.api_token_hashes t
	WHERE t.hash = hitl.token_hash(token) AND t.revoked_at IS NULL
	  AND (t.expires_at IS NULL OR t.expires_at > clock_timestamp());
	SELECT p.name, p.role INTO principal, role FROM hitl.principals p WHERE p.name = found_.principal AND p.active;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_authorization_specification',
			MESSAGE = 'the token is not valid',
			HINT = 'It is unknown, has expired or was revoked, or its principal is not active.';
	END IF;
	scopes := found_.scopes;
	evidence := jsonb_build_object('method', 'api_token', 'token', found_.id);
	UPDATE hitl.api_token_hashes t SET last_used_at = clock_timestamp()
	WHERE t.id = found_.id
	  AND (t.last_used_at IS NULL OR t.last_used_at < clock_timestamp() - interval '1 minute');
END
$$;
COMMENT ON FUNCTION hitl.token_holder(text) IS
	'the principal that has a token of the JSON API, its role, and what the token is for';
