-- answer.sql
--		Checking answers by JSON Schema.

-- STABLE: what a regular expression matches is up to the version of the server.
CREATE FUNCTION hitl.validate_schema(schema jsonb)
	RETURNS TABLE (pointer text, message text)
	AS 'MODULE_PATHNAME', 'hitl_validate_schema' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION hitl.validate_schema(jsonb) IS
	'every fault of a JSON Schema for answers, and what is not supported in it, with its JSON pointer; no rows for one that can be used';

CREATE FUNCTION hitl.schema_faults(schema jsonb) RETURNS text
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
	RETURN (SELECT string_agg(format('%s: %s', coalesce(nullif(f.pointer, ''), '/'), f.message), E'\n')
			FROM hitl.validate_schema(schema) AS f);
COMMENT ON FUNCTION hitl.schema_faults(jsonb) IS
	'the faults of a JSON Schema as the lines of a detail; NULL if it can be used';

CREATE FUNCTION hitl.validate_answer(schema jsonb, answer jsonb)
	RETURNS TABLE (pointer text, keyword text, message text)
	AS 'MODULE_PATHNAME', 'hitl_validate_answer' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION hitl.validate_answer(jsonb, jsonb) IS
	'everything in an answer that a JSON Schema does not allow: where, by which keyword, and why; no rows for a valid one';

CREATE FUNCTION hitl.answer_faults(detail text) RETURNS TABLE (pointer text, message text)
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT coalesce((regexp_match(l, '^(/\S*): '))[1], ''), regexp_replace(l, '^/\S*: ', '')
	FROM string_to_table(detail, E'\n') AS l;
END;
COMMENT ON FUNCTION hitl.answer_faults(text) IS
	'the faults that the detail of an error about an answer (WF019) tells, each with its JSON pointer; '''': the whole answer';
