/*
 * outbox.c
 *		The outbox as the dispatcher sees it: claim rows, record verdicts.
 *
 * All statements work on many rows at once.  They leave the planner no choice
 * of plan: it makes one for all times, when the queue may be empty.  So rows
 * are found by their index once, while they are locked, and updated by ctid.
 * (A row changed by others between snapshot and lock is missed thereby, and
 * is found the next time.)
 *
 * Both skip rows that others have locked, so that a session that forgets its
 * transaction cannot stop the dispatcher.
 */
#include "postgres.h"

#include "hitl.h"

#include "catalog/pg_type_d.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "db.h"
#include "worker/dispatcher.h"
#include "worker/worker.h"

/* Time for recording a result, on top of the time limit of the attempt. */
#define LEASE_MARGIN_SECONDS 60

/* Who is notified should answer sooner than a model. */
#define NOTIFICATION_TIMEOUT 30

/* How long to leave a row alone that somebody else has locked. */
#define LOCKED_ROW_DELAY_MS 1000

/* The arrays of the recording statement, a row of them for each verdict. */
enum
{
	RECORD_ID,
	RECORD_ATTEMPT,
	RECORD_STATUS,
	RECORD_NEXT_ATTEMPT_AT,
	RECORD_RESPONSE_STATUS,
	RECORD_RESPONSE_BODY,
	RECORD_ERROR_KIND,
	RECORD_ERROR_MESSAGE,
	RECORD_ANSWERED,
	RECORD_COLUMNS
};

static const struct
{
	Oid type;
	int length;
	bool by_value;
	char align;
} record_columns[RECORD_COLUMNS] =
	{{UUIDOID, UUID_LEN, false, TYPALIGN_CHAR},
	 {INT4OID, sizeof(int32), true, TYPALIGN_INT},
	 {TEXTOID, -1, false, TYPALIGN_INT},
	 {TIMESTAMPTZOID, sizeof(TimestampTz), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE},
	 {INT4OID, sizeof(int32), true, TYPALIGN_INT},
	 {TEXTOID, -1, false, TYPALIGN_INT},
	 {TEXTOID, -1, false, TYPALIGN_INT},
	 {TEXTOID, -1, false, TYPALIGN_INT},
	 {BOOLOID, sizeof(bool), true, TYPALIGN_CHAR}};

PG_FUNCTION_INFO_V1(hitl_retry_request);

static HitlDelivery *read_claimed_row(uint64 row, MemoryContext context);
static void fill_record(HitlDelivery *delivery, Datum *values, bool *nulls);
static Datum text_or_null(const char *text, bool *isnull);
static void hold_locked_rows(dlist_head *finished, int count, Datum ids);

/*
 * Queue what an earlier dispatcher of this database left unfinished.  There
 * is only one at a time, so nobody is still at work on these rows.
 */
void
hitl_release_outbox(void)
{
	static HitlStatement release =
		{"UPDATE hitl.outbox SET status = 'queued', next_attempt_at = now()"
		 " WHERE status = 'sending'",
		 0};

	hitl_execute(&release, NULL, NULL, 0);
}

/*
 * Claim rows that are due.  Secrets are read along with them, at the last
 * moment and in the same snapshot.
 */
int
hitl_claim_outbox(const char *purpose, TimestampTz since, int limit,
				  MemoryContext context, dlist_head *claimed, TimestampTz *last)
{
	static HitlStatement claim = {
		"WITH due AS MATERIALIZED ("
		" SELECT ctid AS place, next_attempt_at FROM hitl.outbox"
		" WHERE purpose = $1 AND status IN ('queued', 'sending')"
		" AND next_attempt_at >= $2 AND next_attempt_at <= now()"
		" ORDER BY next_attempt_at LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED),"
		" claimed AS ("
		" UPDATE hitl.outbox o SET status = 'sending', attempts = o.attempts + 1,"
		" next_attempt_at = now()"
		" + make_interval(secs => coalesce(o.timeout_seconds, $4) + $5)"
		" WHERE o.ctid = ANY (ARRAY(SELECT place FROM due))"
		" RETURNING o.*)"
		" SELECT c.id, c.attempts, c.purpose, c.method, c.url, c.headers, c.body,"
		" c.secret_name, s.value, c.signing_secret_name, w.value,"
		" c.idempotency_key, c.retry::text, coalesce(c.timeout_seconds, $4),"
		" (SELECT max(next_attempt_at) FROM due)"
		" FROM claimed c"
		" LEFT JOIN hitl.secrets s ON s.name = c.secret_name"
		" LEFT JOIN hitl.secrets w ON w.name = c.signing_secret_name",
		5,
		{TEXTOID, TIMESTAMPTZOID, INT8OID, INT4OID, INT4OID}};
	int timeout = hitl_request_timeout;
	Datum values[5];
	uint64 row;
	bool isnull;

	if (strcmp(purpose, HITL_NOTIFICATION) == 0)
		timeout = Min(timeout, NOTIFICATION_TIMEOUT);
	values[0] = CStringGetTextDatum(purpose);
	values[1] = TimestampTzGetDatum(since);
	values[2] = Int64GetDatum(limit);
	values[3] = Int32GetDatum(timeout);
	values[4] = Int32GetDatum(LEASE_MARGIN_SECONDS);
	hitl_execute(&claim, values, NULL, 0);

	for (row = 0; row < SPI_processed; row++)
		dlist_push_tail(claimed, &read_claimed_row(row, context)->node);
	if (SPI_processed > 0)
		*last = DatumGetTimestampTz(hitl_column(0, 15, &isnull));
	return (int) SPI_processed;
}

/*
 * When the earliest unfinished row is due: to be sent, or its lease to end.
 */
TimestampTz
hitl_next_due(const char *purpose)
{
	static HitlStatement next =
		{"SELECT next_attempt_at FROM hitl.outbox"
		 " WHERE purpose = $1 AND status IN ('queued', 'sending')"
		 " ORDER BY next_attempt_at LIMIT 1",
		 1,
		 {TEXTOID}};
	Datum values[1];
	bool isnull;

	values[0] = CStringGetTextDatum(purpose);
	hitl_execute(&next, values, NULL, 1);
	if (SPI_processed == 0)
		return DT_NOEND;
	return DatumGetTimestampTz(hitl_column(0, 1, &isnull));
}

/*
 * Record verdicts, and tell the workflows that wait for them.  A row that is
 * gone, cancelled, or claimed again since is left as it is, and nobody is
 * told.  A channel whose endpoint is gone (410) is switched off.
 */
void
hitl_record_outbox(dlist_head *finished, int count)
{
	static HitlStatement record = {
		"WITH verdict AS MATERIALIZED ("
		" SELECT v.*, o.place FROM"
		" unnest($1, $2, $3, $4, $5, $6, $7, $8, $9) AS v"
		" (id, attempt, status, next_attempt_at, response_status,"
		" response_body, error_kind, error_message, answered),"
		" LATERAL (SELECT ctid AS place, status, attempts FROM hitl.outbox"
		" WHERE id = v.id OFFSET 0 FOR NO KEY UPDATE SKIP LOCKED) AS o"
		" WHERE o.status = 'sending' AND o.attempts = v.attempt),"
		" recorded AS ("
		" UPDATE hitl.outbox o SET status = v.status,"
		" next_attempt_at = coalesce(v.next_attempt_at, o.next_attempt_at),"
		" response_status = v.response_status, response_body = v.response_body,"
		" error_kind = v.error_kind, error_message = v.error_message,"
		" finished_at = CASE WHEN v.status <> 'queued' THEN now() END"
		" FROM verdict v"
		" WHERE o.ctid = v.place"
		" RETURNING o.id, o.status, o.purpose, o.channel, o.workflow_id, o.token,"
		" o.response_status, v.response_body, v.error_kind, v.error_message,"
		" v.answered),"
		" replied AS ("
		" INSERT INTO hitl.messages (workflow_id, kind, body)"
		" SELECT workflow_id, 'reply', CASE WHEN answered"
		" THEN jsonb_build_object('token', token, 'status', response_status,"
		" 'body', coalesce(response_body, ''))"
		" ELSE jsonb_build_object('token', token, 'error',"
		" jsonb_build_object('kind', error_kind, 'message', error_message)) END"
		" FROM recorded WHERE status <> 'queued'"
		" AND workflow_id IS NOT NULL AND token IS NOT NULL),"
		" gone AS ("
		" UPDATE hitl.channel_configurations SET active = false"
		" WHERE name = ANY (ARRAY("
		" SELECT c.name FROM hitl.channel_configurations c"
		" WHERE c.active AND c.name = ANY (ARRAY("
		" SELECT channel FROM recorded"
		" WHERE purpose = 'notification' AND response_status = 410))"
		" FOR NO KEY UPDATE SKIP LOCKED)))"
		" SELECT id FROM recorded",
		RECORD_COLUMNS,
		{UUIDARRAYOID, INT4ARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID,
		 INT4ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, BOOLARRAYOID}};
	Datum *values[RECORD_COLUMNS];
	bool *nulls[RECORD_COLUMNS];
	Datum arrays[RECORD_COLUMNS];
	int dims[1];
	int lbs[1];
	dlist_iter iter;
	int column;
	int n = 0;

	for (column = 0; column < RECORD_COLUMNS; column++)
	{
		values[column] = palloc(count * sizeof(Datum));
		nulls[column] = palloc0(count * sizeof(bool));
	}
	dlist_foreach(iter, finished)
	{
		Datum row[RECORD_COLUMNS];
		bool isnull[RECORD_COLUMNS];

		if (n == count)
			break;
		fill_record(dlist_container(HitlDelivery, node, iter.cur), row, isnull);
		for (column = 0; column < RECORD_COLUMNS; column++)
		{
			values[column][n] = row[column];
			nulls[column][n] = isnull[column];
		}
		n++;
	}
	dims[0] = n;
	lbs[0] = 1;
	for (column = 0; column < RECORD_COLUMNS; column++)
		arrays[column] = PointerGetDatum(
			construct_md_array(values[column], nulls[column], 1, dims, lbs,
							   record_columns[column].type,
							   record_columns[column].length,
							   record_columns[column].by_value,
							   record_columns[column].align));

	hitl_execute(&record, arrays, NULL, 0);
	if (SPI_processed < (uint64) n)
		hold_locked_rows(finished, n, arrays[RECORD_ID]);
}

/*
 * hitl.retry_request(id): send a failed notification again.  Inference is
 * left out: its workflow has been told, and gone on.
 */
Datum
hitl_retry_request(PG_FUNCTION_ARGS)
{
	static HitlStatement retry =
		{"UPDATE hitl.outbox SET status = 'queued', attempts = 0,"
		 " next_attempt_at = now(), finished_at = NULL"
		 " WHERE id = $1 AND status = 'failed' AND purpose = 'notification'",
		 1,
		 {UUIDOID}};
	Datum values[1];
	bool found;

	values[0] = PG_GETARG_DATUM(0);
	SPI_connect();
	hitl_execute(&retry, values, NULL, 0);
	found = SPI_processed > 0;
	SPI_finish();
	if (found)
		hitl_wake_at_commit(HITL_WORKER_DISPATCHER);
	PG_RETURN_BOOL(found);
}

/*
 * A delivery from a row of the claim.
 */
static HitlDelivery *
read_claimed_row(uint64 row, MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent, "hitl delivery",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext before = MemoryContextSwitchTo(context);
	HitlDelivery *delivery = palloc0(sizeof(HitlDelivery));
	bool isnull;
	char *purpose;

	delivery->context = context;
	delivery->id = *DatumGetUUIDP(hitl_column(row, 1, &isnull));
	delivery->attempt = DatumGetInt32(hitl_column(row, 2, &isnull));
	purpose = hitl_column_text(row, 3);
	delivery->inference = strcmp(purpose, HITL_INFERENCE) == 0;
	delivery->method = hitl_column_text(row, 4);
	delivery->url = hitl_column_text(row, 5);
	delivery->headers = DatumGetJsonbPCopy(hitl_column(row, 6, &isnull));
	delivery->body = hitl_column_text(row, 7);
	delivery->secret_name = hitl_column_text(row, 8);
	delivery->secret = hitl_column_text(row, 9);
	delivery->signing_secret_name = hitl_column_text(row, 10);
	delivery->signing_secret = hitl_column_text(row, 11);
	delivery->idempotency_key = hitl_column_text(row, 12);
	delivery->retry_text = hitl_column_text(row, 13);
	delivery->timeout = DatumGetInt32(hitl_column(row, 14, &isnull));

	MemoryContextSwitchTo(before);
	return delivery;
}

/*
 * The columns of a verdict.
 */
static void
fill_record(HitlDelivery *delivery, Datum *values, bool *nulls)
{
	memset(nulls, 0, RECORD_COLUMNS * sizeof(bool));
	delivery->held_until = 0;
	values[RECORD_ID] = UUIDPGetDatum(&delivery->id);
	values[RECORD_ATTEMPT] = Int32GetDatum(delivery->attempt);
	values[RECORD_STATUS] = CStringGetTextDatum(delivery->status);
	values[RECORD_NEXT_ATTEMPT_AT] = TimestampTzGetDatum(
		delivery->next_attempt_at);
	nulls[RECORD_NEXT_ATTEMPT_AT] = delivery->next_attempt_at == 0;
	values[RECORD_RESPONSE_STATUS] = Int32GetDatum(delivery->response_status);
	nulls[RECORD_RESPONSE_STATUS] = delivery->response_status == 0;
	values[RECORD_RESPONSE_BODY] = text_or_null(delivery->response_body,
												&nulls[RECORD_RESPONSE_BODY]);
	values[RECORD_ERROR_KIND] = text_or_null(delivery->error_kind,
											 &nulls[RECORD_ERROR_KIND]);
	values[RECORD_ERROR_MESSAGE] = text_or_null(delivery->error_message,
												&nulls[RECORD_ERROR_MESSAGE]);
	values[RECORD_ANSWERED] = BoolGetDatum(delivery->answered);
}

/*
 * A text datum for a C string that may be missing.
 */
static Datum
text_or_null(const char *text, bool *isnull)
{
	*isnull = text == NULL;
	return text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

/*
 * Some verdicts were not recorded.  Hold those whose row is still at this
 * attempt (somebody has it locked) for another try; of the rest, the row is
 * gone or out of our hands.
 */
static void
hold_locked_rows(dlist_head *finished, int count, Datum ids)
{
	static HitlStatement find = {"SELECT id, attempts FROM hitl.outbox"
								 " WHERE id = ANY ($1) AND status = 'sending'",
								 1,
								 {UUIDARRAYOID}};
	TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													LOCKED_ROW_DELAY_MS);
	Datum values[1];
	uint64 row;
	bool isnull;

	values[0] = ids;
	hitl_execute(&find, values, NULL, 0);
	for (row = 0; row < SPI_processed; row++)
	{
		pg_uuid_t *id = DatumGetUUIDP(hitl_column(row, 1, &isnull));
		int attempt = DatumGetInt32(hitl_column(row, 2, &isnull));
		dlist_iter iter;
		int n = 0;

		dlist_foreach(iter, finished)
		{
			HitlDelivery *delivery = dlist_container(HitlDelivery, node,
													 iter.cur);

			if (n++ == count)
				break;
			if (delivery->attempt == attempt &&
				memcmp(&delivery->id, id, sizeof(pg_uuid_t)) == 0)
				delivery->held_until = until;
		}
	}
}
