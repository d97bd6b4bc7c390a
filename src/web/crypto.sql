-- crypto.sql
--		Tokens, and codes that tell who wrote something.

CREATE FUNCTION hitl.random_token() RETURNS text
	AS 'MODULE_PATHNAME', 'hitl_random_token' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION hitl.random_token() IS '32 random bytes in base64url';

CREATE FUNCTION hitl.hmac_sha256(key bytea, message bytea) RETURNS bytea
	AS 'MODULE_PATHNAME', 'hitl_hmac_sha256' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hitl.hmac_sha256(bytea, bytea) IS 'HMAC-SHA256 (RFC 2104)';

CREATE FUNCTION hitl.same_bytes(one bytea, other bytea) RETURNS boolean
	AS 'MODULE_PATHNAME', 'hitl_same_bytes' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hitl.same_bytes(bytea, bytea) IS
	'are they equal? compared in a time that does not tell where they differ';

CREATE FUNCTION hitl.verify_webhook(secrets text, id text, "timestamp" bigint, body text, signatures text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'hitl_verify_webhook' LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION hitl.verify_webhook(text, text, bigint, text, text) IS
	'is one of the signatures, as Standard Webhooks 1.0.0 has them, by one of the secrets?';

CREATE FUNCTION hitl.token_hash(token text) RETURNS bytea
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN sha256(convert_to(token, 'UTF8'));
COMMENT ON FUNCTION hitl.token_hash(text) IS 'what is kept of a token: its SHA-256';
