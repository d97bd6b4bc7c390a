-- secret.sql
--		Keys of outside services.  Requests name a secret; its value is looked
--		up when an attempt is sent and stands nowhere else.

CREATE TABLE hitl.secrets (
	name text PRIMARY KEY CHECK (name ~ '^[A-Za-z0-9_.-]{1,100}$'),
	value text NOT NULL,
	allowed_hosts text[] NOT NULL DEFAULT '{}',	-- to which http steps may send it
	created_by text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now()
);

-- Without a policy nobody but the owner and superusers sees a row: not even
-- the members of pg_read_all_data.
ALTER TABLE hitl.secrets ENABLE ROW LEVEL SECURITY;

-- No pg_extension_config_dump: a dump must not carry secrets.
COMMENT ON TABLE hitl.secrets IS
	'keys of outside services; readable by superusers only, and left out of dumps: set them again after a restore';

CREATE VIEW hitl.secret_names AS
	SELECT name, updated_at, allowed_hosts FROM hitl.secrets;
COMMENT ON VIEW hitl.secret_names IS 'which secrets are set, without their values';

CREATE FUNCTION hitl.set_secret(name text, value text, allowed_hosts text[] DEFAULT NULL)
	RETURNS void
	LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'hitl_set_secret';
COMMENT ON FUNCTION hitl.set_secret(text, text, text[]) IS
	'store or replace a secret, for models and channels, and for http steps that call one of allowed_hosts; pass the value as a parameter, since literals show in the server log and in pg_stat_activity';

CREATE FUNCTION hitl.delete_secret(name text) RETURNS boolean
	LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'hitl_delete_secret';
COMMENT ON FUNCTION hitl.delete_secret(text) IS
	'forget a secret; false if there was none of this name';
