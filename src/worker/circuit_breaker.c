/*
 * circuit_breaker.c
 *		The circuit breakers of hosts in the database.
 *
 * The dispatcher decides by what it has in memory (breaker.c), and writes what
 * has opened or closed in the transaction that records the requests which made
 * it so.  Failures that did not open a breaker are forgotten when it restarts.
 */
#include "postgres.h"

#include "hitl.h"

#include "utils/array.h"
#include "utils/builtins.h"

#include "db.h"
#include "worker/hosts.h"
#include "workflow/rows.h"

/* However often a host fails, it is tried again after this; us. */
#define MAX_COOLDOWN (10 * USECS_PER_MINUTE)

PG_FUNCTION_INFO_V1(hitl_reset_circuit_breaker);

bool hitl_breakers_unsaved = false;

/*
 * hitl.reset_circuit_breaker(host): close it.  The dispatcher learns of it by
 * the trigger of the table.
 */
Datum
hitl_reset_circuit_breaker(PG_FUNCTION_ARGS)
{
	static HitlStatement reset = {
		"UPDATE hitl.breakers SET open = false, failures = 0, next_trial_at = NULL,"
		" changed_at = now()"
		" WHERE open AND (origin = hitl.request_origin($1)"
		" OR split_part(origin, '://', 2) = lower($1))",
		1,
		{TEXTOID}};
	Datum values[1];
	bool found;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("host must not be null")));
	values[0] = PG_GETARG_DATUM(0);
	SPI_connect();
	hitl_execute(&reset, values, NULL, 0);
	found = SPI_processed > 0;
	SPI_finish();
	PG_RETURN_BOOL(found);
}

/*
 * What the settings say.
 */
BreakerTerms
hitl_breaker_terms(void)
{
	BreakerTerms terms;

	terms.threshold = hitl_breaker_threshold;
	terms.cooldown = (int64) hitl_breaker_cooldown * 1000;
	terms.max_cooldown = Max(terms.cooldown, MAX_COOLDOWN);
	return terms;
}

/*
 * Read the breakers: those that are open when the dispatcher starts, later
 * which of them somebody has closed.
 */
void
hitl_read_breakers(void)
{
	static bool started = false;
	static HitlStatement read = {
		"SELECT origin, failures, (extract(epoch FROM cooldown) * 1000000)::int8,"
		" opened_at, next_trial_at, error_message FROM hitl.breakers WHERE open",
		0};
	HASH_SEQ_STATUS scan;
	HitlRemote *host;
	List *open = NIL;
	uint64 row;

	hitl_execute(&read, NULL, NULL, 0);
	for (row = 0; row < SPI_processed; row++)
	{
		bool isnull;

		host = hitl_find_host(hitl_column_text(row, 1));
		open = lappend(open, host);
		if (started)
			continue;
		host->breaker.open = true;
		host->breaker.failures = DatumGetInt32(hitl_column(row, 2, &isnull));
		host->breaker.cooldown = DatumGetInt64(hitl_column(row, 3, &isnull));
		host->breaker.opened_at = DatumGetTimestampTz(
			hitl_column(row, 4, &isnull));
		host->breaker.next_trial_at = DatumGetTimestampTz(
			hitl_column(row, 5, &isnull));
	}
	started = true;
	hitl_scan_hosts(&scan);
	while ((host = hash_seq_search(&scan)) != NULL)
		if (host->breaker.open && !host->unsaved &&
			!list_member_ptr(open, host))
			breaker_reset(&host->breaker);
}

/*
 * Write the breakers that have changed.  A row that somebody has locked is
 * left for the next time.
 */
void
hitl_save_breakers(void)
{
	static const Oid types[] = {TEXTOID, BOOLOID,		 INT4OID,
								INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID,
								TEXTOID};
	static HitlStatement save = {
		"WITH changed AS MATERIALIZED ("
		" SELECT c.origin, c.open, c.failures, c.opened_at, c.next_trial_at,"
		" c.error_message, make_interval(secs => c.cooldown / 1000000.0) AS cooldown"
		" FROM unnest($1, $2, $3, $4, $5, $6, $7)"
		" AS c (origin, open, failures, cooldown, opened_at, next_trial_at, error_message)),"
		" known AS MATERIALIZED ("
		" SELECT c.*, b.place FROM changed c, LATERAL ("
		" SELECT ctid AS place FROM hitl.breakers"
		" WHERE origin = c.origin OFFSET 0 FOR NO KEY UPDATE SKIP LOCKED) b),"
		" updated AS ("
		" UPDATE hitl.breakers b SET open = k.open, failures = k.failures,"
		" cooldown = k.cooldown, opened_at = k.opened_at,"
		" next_trial_at = k.next_trial_at, error_message = k.error_message,"
		" changed_at = clock_timestamp()"
		" FROM known k WHERE b.ctid = k.place RETURNING b.origin),"
		" inserted AS ("
		" INSERT INTO hitl.breakers (origin, open, failures, cooldown, opened_at,"
		" next_trial_at, error_message, changed_at)"
		" SELECT c.origin, c.open, c.failures, c.cooldown, c.opened_at,"
		" c.next_trial_at, c.error_message, clock_timestamp() FROM changed c"
		" WHERE NOT EXISTS (SELECT FROM hitl.breakers b WHERE b.origin = c.origin)"
		" RETURNING origin),"
		" forgotten AS ("
		" DELETE FROM hitl.breakers WHERE ctid = ANY (ARRAY("
		" SELECT ctid FROM hitl.breakers WHERE NOT open"
		" AND changed_at < now() - interval '1 day' AND origin <> ALL ($1)"
		" FOR UPDATE SKIP LOCKED)))"
		" SELECT origin FROM updated UNION ALL SELECT origin FROM inserted",
		7,
		{TEXTARRAYOID, BOOLARRAYOID, INT4ARRAYOID, INT8ARRAYOID,
		 TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID}};
	HASH_SEQ_STATUS scan;
	HitlRemote *host;
	HitlRows rows;
	uint64 row;

	if (!hitl_breakers_unsaved)
		return;
	hitl_rows_init(&rows, lengthof(types), types);
	hitl_scan_hosts(&scan);
	while ((host = hash_seq_search(&scan)) != NULL)
	{
		Datum values[lengthof(types)];
		bool nulls[lengthof(types)] = {false};

		host->saved = false;
		if (!host->unsaved)
			continue;
		values[0] = CStringGetTextDatum(host->origin);
		values[1] = BoolGetDatum(host->breaker.open);
		values[2] = Int32GetDatum(host->breaker.failures);
		values[3] = Int64GetDatum(host->breaker.cooldown);
		values[4] = TimestampTzGetDatum(host->breaker.opened_at);
		nulls[5] = !host->breaker.open;
		values[5] = TimestampTzGetDatum(host->breaker.next_trial_at);
		nulls[6] = host->error_message == NULL;
		values[6] = nulls[6] ? (Datum) 0
							 : CStringGetTextDatum(host->error_message);
		hitl_rows_add(&rows, values, nulls);
	}
	if (rows.count == 0)
		return;
	hitl_rows_execute(&rows, &save);
	for (row = 0; row < SPI_processed; row++)
		hitl_find_host(hitl_column_text(row, 1))->saved = true;
}

/*
 * The transaction that saved them has committed.
 */
void
hitl_breakers_saved(void)
{
	HASH_SEQ_STATUS scan;
	HitlRemote *host;

	if (!hitl_breakers_unsaved)
		return;
	hitl_breakers_unsaved = false;
	hitl_scan_hosts(&scan);
	while ((host = hash_seq_search(&scan)) != NULL)
	{
		if (host->saved)
			host->unsaved = host->saved = false;
		hitl_breakers_unsaved |= host->unsaved;
	}
}
