-- queue.sql
--		Queues of external tasks: who may take tasks from them.

CREATE TABLE hitl.queue_grants (
	grantee name NOT NULL,
	queue text NOT NULL,				-- '*': any
	granted_by name NOT NULL DEFAULT session_user,
	granted_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (grantee, queue)
);
COMMENT ON TABLE hitl.queue_grants IS
	'which role may take tasks from which queue';
SELECT pg_extension_config_dump('hitl.queue_grants', '');

-- Claims of queues whose rate is limited; forgotten in a dump.
CREATE TABLE hitl.queue_rates (
	queue text PRIMARY KEY,
	slice_us bigint NOT NULL DEFAULT 0,	-- the length of a slice of time
	last_slice bigint NOT NULL DEFAULT 0,
	claims integer[] NOT NULL DEFAULT '{}'	-- in the slices, latest first
) WITH (fillfactor = 50);
COMMENT ON TABLE hitl.queue_rates IS
	'recent claims of limited queues, counted in slices of time';

CREATE FUNCTION hitl.grant_queue(grantee name, queue text) RETURNS void
	AS 'MODULE_PATHNAME', 'hitl_grant_queue' LANGUAGE C VOLATILE STRICT
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.grant_queue(name, text) IS
	'let a role take tasks from a queue, or from any (''*'')';

CREATE FUNCTION hitl.revoke_queue(grantee name, queue text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'hitl_revoke_queue' LANGUAGE C VOLATILE STRICT
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.revoke_queue(name, text) IS
	'take back what grant_queue gave; false if there was nothing';
