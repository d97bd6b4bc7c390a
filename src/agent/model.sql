-- model.sql
--		Models that answer tasks.

CREATE TABLE hitl.models (
	name text PRIMARY KEY CHECK (name <> ''),
	provider text NOT NULL DEFAULT 'openai' CHECK (provider IN ('openai', 'anthropic', 'builtin')),
	base_url text,						-- without /chat/completions or /messages
	model text,							-- the model id sent
	secret_name text,					-- hitl.secrets: the API key
	headers jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(headers) = 'object'),	-- "${secret:name}" stands for a secret
	parameters jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(parameters) = 'object'),
	is_default boolean NOT NULL DEFAULT false,
	timeout_seconds integer CHECK (timeout_seconds BETWEEN 1 AND 86400),
	created_at timestamptz NOT NULL DEFAULT now(),
	input_price numeric CHECK (input_price >= 0 AND input_price < 'Infinity'),
	output_price numeric CHECK (output_price >= 0 AND output_price < 'Infinity'),
	fallbacks text[] NOT NULL DEFAULT '{}',
	CHECK (provider = 'builtin' OR (base_url ~ '^https?://' AND model <> ''))
);
COMMENT ON TABLE hitl.models IS
	'models that answer tasks: OpenAI-compatible endpoints, those of Anthropic, and the built-in one that needs no network';
COMMENT ON COLUMN hitl.models.input_price IS
	'of a million tokens of requests, in whatever currency; NULL: unknown';
COMMENT ON COLUMN hitl.models.output_price IS
	'of a million tokens of answers; NULL: unknown';
COMMENT ON COLUMN hitl.models.fallbacks IS
	'names of models that are asked in turn where this one cannot be reached; those that do not exist are passed over';
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
	headers jsonb DEFAULT '{}',
	input_price numeric DEFAULT NULL,
	output_price numeric DEFAULT NULL,
	fallbacks text[] DEFAULT '{}'
) RETURNS text
	AS 'MODULE_PATHNAME', 'hitl_create_model' LANGUAGE C VOLATILE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.create_model(text, text, text, text, text, jsonb, boolean, integer, jsonb, numeric, numeric, text[]) IS
	'create or replace a model; provider openai (any compatible endpoint), anthropic, or builtin (repeats the task, needs no network); prices are of a million tokens, fallbacks are asked where the model cannot be reached';

CREATE FUNCTION hitl.drop_model(name text) RETURNS boolean
	LANGUAGE sql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH gone AS (DELETE FROM hitl.models m WHERE m.name = drop_model.name RETURNING 1)
	SELECT EXISTS (SELECT FROM gone);
END;
COMMENT ON FUNCTION hitl.drop_model(text) IS 'remove a model; false if there was none';
