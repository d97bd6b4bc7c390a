-- limits.sql
--		How much may go on at once, and how much in a time: of requests to a
--		host, of tasks of a queue, of workflows of a template.

CREATE TABLE hitl.limits (
	kind text NOT NULL CHECK (kind IN ('host', 'queue', 'template')),
	name text NOT NULL CHECK (name <> ''),	-- of kind host: as in a URL, a port that is not the usual one with it; '*': each that has no limit of its own
	max_concurrency integer CHECK (max_concurrency > 0),	-- at once; NULL: no limit
	max_rate integer CHECK (max_rate BETWEEN 1 AND 100000),	-- begun in any period of length "per"; NULL: no limit
	per interval NOT NULL DEFAULT '1 second'
		CHECK (per >= interval '1 millisecond' AND per <= interval '1 day'),
	updated_by text NOT NULL,
	updated_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (kind, name),
	CHECK (max_concurrency IS NOT NULL OR max_rate IS NOT NULL)
);
COMMENT ON TABLE hitl.limits IS
	'how many requests to a host, tasks of a queue, workflows of a template may be under way at once, or begin in a time';
SELECT pg_extension_config_dump('hitl.limits', '');

-- Those who keep to limits read them when they begin, and when they have changed.
CREATE FUNCTION hitl.limits_changed() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'hitl_limits_changed';
COMMENT ON FUNCTION hitl.limits_changed() IS
	'trigger function: has the workers read a table again when the transaction commits';
CREATE TRIGGER limits_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON hitl.limits
	FOR EACH STATEMENT EXECUTE FUNCTION hitl.limits_changed();
ALTER TABLE hitl.limits ENABLE ALWAYS TRIGGER limits_changed;

CREATE FUNCTION hitl.set_limit(
	kind text,
	name text,
	max_concurrency integer DEFAULT NULL,
	max_rate integer DEFAULT NULL,
	per interval DEFAULT '1 second'
) RETURNS void
	LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'hitl_set_limit';
COMMENT ON FUNCTION hitl.set_limit(text, text, integer, integer, interval) IS
	'limit what goes on at once (max_concurrency) or begins in any time of length per (max_rate): kind host, queue or template; replaces the limit of this kind and name';

CREATE FUNCTION hitl.drop_limit(kind text, name text) RETURNS boolean
	LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'hitl_drop_limit';
COMMENT ON FUNCTION hitl.drop_limit(text, text) IS
	'remove a limit; false if there was none of this kind and name';
