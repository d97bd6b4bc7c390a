-- model.sql
--		Models that answer tasks.

CREATE TABLE hitl.models (
	name text PRIMARY KEY CHECK (name <> ''),
	provider text NOT NULL DEFAULT 'openai' CHECK (provider IN ('openai', 'builtin')),
	base_url text,						-- openai: without /chat/completions
	model text,							-- openai: the model id sent
	secret_name text,					-- hitl.secrets: the API key
	headers jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(headers) = 'object'),	-- "${secret:name}" stands for a secret
	parameters jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(parameters) = 'object'),
	is_default boolean NOT NULL DEFAULT false,
	timeout_seconds integer CHECK (timeout_seconds BETWEEN 1 AND 86400),
	created_at timestamptz NOT NULL DEFAULT now(),
	CHECK (provider <> 'openai' OR (base_url ~ '^https?://' AND model <> ''))
);
COMMENT ON TABLE hitl.models IS
	'models that answer tasks: OpenAI-compatible endpoints, and the built-in one that needs no network';
CREATE UNIQUE INDEX models_default ON hitl.models (is_default) WHERE is_default;
SELECT pg_extension_config_dump('hitl.models', '');

CREATE FUNCTION hitl.create_model(
	name text,
	base_url text DEFAULT NULL,
	model text DEFAULT NULL,
	provider text DEFAULT 'openai',
	secret_name text DEFAULT NULL,
	parameters jsonb DEFAULT '{}',
	is_default boolean DEFAULT false,
	timeout_seconds integer DEFAULT NULL,
	headers jsonb DEFAULT '{}'
) RETURNS text
	AS 'MODULE_PATHNAME', 'hitl_create_model' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.create_model(text, text, text, text, text, jsonb, boolean, integer, jsonb) IS
	'create or replace a model; provider openai (any compatible endpoint) or builtin (repeats the task, needs no network)';

CREATE FUNCTION hitl.drop_model(name text) RETURNS boolean
	LANGUAGE sql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH gone AS (DELETE FROM hitl.models m WHERE m.name = drop_model.name RETURNING 1)
	SELECT EXISTS (SELECT FROM gone);
END;
COMMENT ON FUNCTION hitl.drop_model(text) IS 'remove a model; false if there was none';
