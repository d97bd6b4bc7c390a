-- type.sql
--		Types of approvals: what the answer to a request must look like.

CREATE TABLE hitl.approval_types (
	name text PRIMARY KEY,
	description text,
	answer_schema jsonb NOT NULL,		-- JSON Schema, draft 2020-12
	ui_schema jsonb NOT NULL DEFAULT '{}',	-- hints, as react-jsonschema-form has them
	check_function text,				-- name of a function (request jsonb, answer jsonb) RETURNS text
	owner name NOT NULL,				-- as whom it is run
	created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE hitl.approval_types IS
	'types of approvals beside binary, form and budget: what an answer must look like';
SELECT pg_extension_config_dump('hitl.approval_types', '');

CREATE FUNCTION hitl.create_approval_type(
	name text,
	answer_schema jsonb,
	ui_schema jsonb DEFAULT '{}',
	check_function text DEFAULT NULL,
	description text DEFAULT NULL
) RETURNS text
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	faults text;
	checker regprocedure;
BEGIN
	PERFORM hitl.check_new_name(name);
	IF name IN ('binary', 'form', 'budget') THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('type "%s" is built in', name);
	END IF;
	IF answer_schema IS NULL OR coalesce(jsonb_typeof(ui_schema), 'null') <> 'object' THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'a type needs an answer_schema, and an object as ui_schema';
	END IF;
	faults := hitl.schema_faults(answer_schema);
	IF faults IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'WF057',
			MESSAGE = format('the schema of type "%s" is faulty', name),
			DETAIL = faults,
			HINT = 'hitl.validate_schema() lists the faults of a schema.';
	END IF;
	IF check_function IS NOT NULL THEN
		checker := hitl.find_check_function(check_function);
		IF NOT has_function_privilege(hitl.calling_role(), checker, 'EXECUTE') THEN
			RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
				MESSAGE = format('permission denied for function %s', checker),
				DETAIL = 'It is run as the role that creates the type.';
		END IF;
	END IF;
	INSERT INTO hitl.approval_types AS t (name, description, answer_schema, ui_schema, check_function, owner)
	VALUES (create_approval_type.name, create_approval_type.description, create_approval_type.answer_schema,
			create_approval_type.ui_schema, create_approval_type.check_function, hitl.calling_role())
	ON CONFLICT ON CONSTRAINT approval_types_pkey DO UPDATE SET description = excluded.description,
		answer_schema = excluded.answer_schema, ui_schema = excluded.ui_schema,
		check_function = excluded.check_function, owner = excluded.owner;
	RETURN name;
END
$$;
COMMENT ON FUNCTION hitl.create_approval_type(text, jsonb, jsonb, text, text) IS
	'create or replace a type of approval; requests made before keep the schema that they were made with';

CREATE FUNCTION hitl.find_check_function(name text) RETURNS regprocedure
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found regprocedure := to_regprocedure(format('%s(jsonb, jsonb)', name));
BEGIN
	IF found IS NULL OR name !~ '\.' THEN
		RAISE EXCEPTION USING ERRCODE = 'undefined_function',
			MESSAGE = format('function %s(jsonb, jsonb) does not exist', name),
			HINT = 'A check function takes the request and the answer, and returns NULL or what is wrong as text. Give its name with its schema.';
	END IF;
	IF (SELECT p.prorettype <> 'text'::regtype OR p.proretset OR p.prokind <> 'f' FROM pg_proc p WHERE p.oid = found) THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_function_definition',
			MESSAGE = format('function %s does not return text', found);
	END IF;
	RETURN found;
END
$$;
COMMENT ON FUNCTION hitl.find_check_function(text) IS 'the check function of this name';

CREATE FUNCTION hitl.drop_approval_type(name text) RETURNS boolean
	LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	DELETE FROM hitl.approval_types t WHERE t.name = drop_approval_type.name;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION hitl.drop_approval_type(text) IS
	'remove a type of approval; false if there was none';
