-- circuit_breaker.sql
--		Hosts that do not answer are left alone for a while.  The dispatcher
--		keeps this in its memory and writes here what it has to know again
--		when it is started anew, and what people want to see.

CREATE TABLE hitl.breakers (
	origin text COLLATE "C" PRIMARY KEY,	-- scheme, host and port, as in hitl.outbox
	open boolean NOT NULL,
	failures integer NOT NULL,			-- in a row
	cooldown interval NOT NULL,
	opened_at timestamptz NOT NULL,		-- the first time since it was closed
	next_trial_at timestamptz,			-- while open
	error_message text,					-- of the failure that opened it
	changed_at timestamptz NOT NULL
);
-- No pg_extension_config_dump: where a dump is restored, hosts may be well.
COMMENT ON TABLE hitl.breakers IS
	'hosts whose circuit breaker has opened lately: the dispatcher''s own, read hitl.circuit_breakers';
-- limits_changed: has the dispatcher read it again, when a breaker was reset by hand.
CREATE TRIGGER breakers_changed AFTER UPDATE OR DELETE OR TRUNCATE ON hitl.breakers
	FOR EACH STATEMENT EXECUTE FUNCTION hitl.limits_changed();

CREATE VIEW hitl.circuit_breakers AS
	SELECT b.origin AS host,
		CASE WHEN NOT b.open THEN 'closed'
			 WHEN b.next_trial_at <= clock_timestamp() THEN 'half_open'
			 ELSE 'open' END AS state,
		b.failures, b.opened_at, b.next_trial_at, b.error_message,
		(SELECT count(*) FROM hitl.outbox o
		 WHERE o.origin = b.origin AND o.status = 'queued'
		   AND o.purpose IN ('inference', 'http', 'notification')) AS waiting_requests,
		b.changed_at
	FROM hitl.breakers b;
COMMENT ON VIEW hitl.circuit_breakers IS
	'hosts whose circuit breaker is open, half-open, or was closed again within a day, and how many requests wait for them';

CREATE FUNCTION hitl.reset_circuit_breaker(host text) RETURNS boolean
	LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'hitl_reset_circuit_breaker';
COMMENT ON FUNCTION hitl.reset_circuit_breaker(text) IS
	'let requests to a host go out again at once: host as in hitl.circuit_breakers, or without the scheme; false if its breaker was not open';
