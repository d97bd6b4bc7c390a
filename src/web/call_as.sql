-- call_as.sql
--		Acting for a role that was recognised by other means than a login.

CREATE FUNCTION hitl.call_as(role name, statement text, argument jsonb) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'hitl_call_as' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION hitl.call_as(name, text, jsonb) IS
	'what a statement, whose $1 is the argument, gives with the rights of a role and on its authority';
