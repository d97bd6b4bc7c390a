-- idempotency.sql
--		Keys by which a caller can repeat a call without doing it twice.

CREATE TABLE hitl.idempotency_keys (
	owner name NOT NULL,				-- the role that called: each has keys of its own
	kind text NOT NULL CHECK (kind IN ('workflow', 'approval')),
	key text NOT NULL,
	content_hash bytea NOT NULL,		-- SHA-256 of what was asked for
	id uuid NOT NULL,					-- what was made
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (owner, kind, key)
);
-- For those who delete what was made.
CREATE INDEX idempotency_keys_id ON hitl.idempotency_keys (id);
COMMENT ON TABLE hitl.idempotency_keys IS
	'keys given to create_workflow and request_approval, and what was made with them';
SELECT pg_extension_config_dump('hitl.idempotency_keys', '');
