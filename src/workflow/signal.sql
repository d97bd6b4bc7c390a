-- signal.sql
--		Signals: told to a workflow by name.  One that nobody waits for yet is
--		kept until somebody does.

CREATE TABLE hitl.signals (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	workflow_id uuid NOT NULL,
	name text NOT NULL,
	payload jsonb NOT NULL,
	sent_by text NOT NULL,
	received_at timestamptz NOT NULL DEFAULT clock_timestamp()	-- when it was sent
);
COMMENT ON TABLE hitl.signals IS
	'signals that came early and are kept until their workflow waits for them';
CREATE INDEX signals_kept ON hitl.signals (workflow_id, name, received_at, id);
SELECT pg_extension_config_dump('hitl.signals', '');
SELECT pg_extension_config_dump(pg_get_serial_sequence('hitl.signals', 'id'), '');

CREATE TABLE hitl.awaited_signals (
	workflow_id uuid NOT NULL,
	token bigint NOT NULL,				-- awaited by the workflow's control state
	name text NOT NULL,
	match jsonpath,						-- a predicate over the payload; NULL: any
	step_name text,
	since timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (workflow_id, token)
);
COMMENT ON TABLE hitl.awaited_signals IS
	'signals that workflows wait for';
-- The lower bits of a token, HITL_TOKEN_BITS, tell which of two is the older.
CREATE INDEX awaited_signals_name
	ON hitl.awaited_signals (workflow_id, name, (token & 268435455));
SELECT pg_extension_config_dump('hitl.awaited_signals', '');

CREATE TABLE hitl.signal_keys (
	workflow_id uuid NOT NULL,
	name text NOT NULL,					-- who may send this one only cannot use up keys of others
	idempotency_key text NOT NULL,
	content_hash bytea NOT NULL,		-- SHA-256 of the payload
	sent_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (workflow_id, name, idempotency_key)
);
COMMENT ON TABLE hitl.signal_keys IS
	'idempotency keys of signals that were sent';
SELECT pg_extension_config_dump('hitl.signal_keys', '');

CREATE TABLE hitl.signal_grants (
	grantee name NOT NULL,
	signal text NOT NULL,				-- '*': any
	granted_by name NOT NULL DEFAULT session_user,
	granted_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (grantee, signal)
);
COMMENT ON TABLE hitl.signal_grants IS
	'which role may send which signal to workflows of others';
SELECT pg_extension_config_dump('hitl.signal_grants', '');

CREATE FUNCTION hitl.send_signal(
	workflow_id uuid,
	name text,
	payload jsonb DEFAULT NULL,
	idempotency_key text DEFAULT NULL
) RETURNS boolean
	AS 'MODULE_PATHNAME', 'hitl_send_signal' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.send_signal(uuid, text, jsonb, text) IS
	'tell a workflow something that it waits for, or will; false if the signal with this idempotency_key was sent before';

CREATE FUNCTION hitl.grant_signal(grantee name, signal text) RETURNS void
	AS 'MODULE_PATHNAME', 'hitl_grant_signal' LANGUAGE C VOLATILE STRICT
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.grant_signal(name, text) IS
	'let a role send a signal, or any (''*''), to workflows of others';

CREATE FUNCTION hitl.revoke_signal(grantee name, signal text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'hitl_revoke_signal' LANGUAGE C VOLATILE STRICT
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.revoke_signal(name, text) IS
	'take back what grant_signal gave; false if there was nothing';
