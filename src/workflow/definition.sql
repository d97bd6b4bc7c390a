-- definition.sql
--		Definitions are immutable and stored once per content.

CREATE TABLE hitl.definitions (
	hash bytea PRIMARY KEY,				-- SHA-256 of definition::text
	definition jsonb NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	last_used_at timestamptz NOT NULL DEFAULT now()	-- by who created a workflow or template: to a day
);
COMMENT ON TABLE hitl.definitions IS
	'workflow definitions, one row per content; immutable';
SELECT pg_extension_config_dump('hitl.definitions', '');

CREATE FUNCTION hitl.validate_definition(definition jsonb)
	RETURNS TABLE (pointer text, message text)
	AS 'MODULE_PATHNAME', 'hitl_validate_definition' LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION hitl.validate_definition(jsonb) IS
	'every fault of a workflow definition with its JSON pointer; no rows for a valid one';
