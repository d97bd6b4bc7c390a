-- template.sql
--		Templates: named, versioned pointers to definitions, with parameters.

CREATE TABLE hitl.workflow_templates (
	name text NOT NULL CHECK (name <> ''),
	version integer NOT NULL CHECK (version >= 1),
	definition_hash bytea NOT NULL,		-- no foreign key: pg_restore -j would break it
	description text,
	defaults jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(defaults) = 'object'),
	required text[] NOT NULL DEFAULT '{}',	-- parameters that the input must give
	owner name NOT NULL,				-- the role it was created by
	is_active boolean NOT NULL DEFAULT true,	-- may it be started?
	created_by text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (name, version)
);
COMMENT ON TABLE hitl.workflow_templates IS
	'versions of templates; but for is_active they never change';
SELECT pg_extension_config_dump('hitl.workflow_templates', '');
CREATE INDEX workflow_templates_definition ON hitl.workflow_templates (definition_hash);

CREATE VIEW hitl.templates AS
	SELECT t.name, t.version,
		   t.is_active AND t.version = max(t.version) FILTER (WHERE t.is_active)
			   OVER (PARTITION BY t.name) AS is_default,
		   t.is_active, t.description, t.required AS required_parameters,
		   t.defaults AS default_parameters, d.definition, t.owner, t.created_by, t.created_at
	FROM hitl.workflow_templates t JOIN hitl.definitions d ON d.hash = t.definition_hash;
COMMENT ON VIEW hitl.templates IS
	'versions of templates with their definitions; the default one is started where no version is given';

CREATE FUNCTION hitl.create_template(
	name text,
	version integer DEFAULT NULL,
	definition jsonb DEFAULT NULL,
	description text DEFAULT NULL,
	default_parameters jsonb DEFAULT '{}',
	required_parameters text[] DEFAULT NULL
) RETURNS integer
	AS 'MODULE_PATHNAME', 'hitl_create_template' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.create_template(text, integer, jsonb, text, jsonb, text[]) IS
	'create a version of a template (the next one unless it is given) and return its number; the same content again is the same version';

CREATE FUNCTION hitl.activate_template(name text, version integer DEFAULT NULL) RETURNS integer
	AS 'MODULE_PATHNAME', 'hitl_activate_template' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.activate_template(text, integer) IS
	'let a version of a template, or all of them, be started again; returns how many could not be before';

CREATE FUNCTION hitl.deactivate_template(name text, version integer DEFAULT NULL) RETURNS integer
	AS 'MODULE_PATHNAME', 'hitl_deactivate_template' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.deactivate_template(text, integer) IS
	'let a version of a template, or all of them, not be started any more; what runs goes on; returns how many could be before';

CREATE FUNCTION hitl.check_template(name text, version integer DEFAULT NULL, input_data jsonb DEFAULT '{}')
	RETURNS integer
	AS 'MODULE_PATHNAME', 'hitl_check_template' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.check_template(text, integer, jsonb) IS
	'the version that would be started; an error says why none would be';

CREATE FUNCTION hitl.migrate_workflow(
	workflow_id uuid,
	template_version integer DEFAULT NULL,
	definition jsonb DEFAULT NULL,
	reason text DEFAULT NULL
) RETURNS boolean
	AS 'MODULE_PATHNAME', 'hitl_migrate_workflow' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.migrate_workflow(uuid, integer, jsonb, text) IS
	'move a workflow to another version of its template (the latest active one) or to a definition, where what is under way is there, too; false if it has that definition already';
