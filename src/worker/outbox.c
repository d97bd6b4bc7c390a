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

#include "agent/budget.h"
#include "approval/principal.h"
#include "db.h"
#include "log.h"
#include "worker/dispatcher.h"
#include "worker/worker.h"
#include "workflow/mailbox.h"

/* Time for recording a result, on top of the time limit of the attempt. */
#define LEASE_MARGIN_SECONDS 60

/* Hosts beyond this number have to wait until others are done with. */
#define MAX_QUEUES 10000

/* Who is notified should answer sooner than a model. */
#define NOTIFICATION_TIMEOUT 30

/* The time limit of an attempt: $5, or $7 for mail. */
#define TIMEOUT \
	"coalesce(o.timeout_seconds, CASE WHEN o.provider = 'smtp' THEN $7 ELSE $5 END)"

/* Requests that are given to their fallbacks at once. */
#define MAX_DIVERTED 1000

/* The body of a reply that is none. */
#define FAILURE \
	"jsonb_build_object('token', token, 'error'," \
	" jsonb_build_object('kind', error_kind, 'message', error_message))"

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
	RECORD_RESPONSE_HEADERS,
	RECORD_MISSING_SECRET,
	RECORD_INPUT_TOKENS,
	RECORD_OUTPUT_TOKENS,
	RECORD_PROVIDER_MESSAGE_ID,
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
	 {BOOLOID, sizeof(bool), true, TYPALIGN_CHAR},
	 {TEXTOID, -1, false, TYPALIGN_INT},
	 {TEXTOID, -1, false, TYPALIGN_INT},
	 {INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE},
	 {INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE},
	 {TEXTOID, -1, false, TYPALIGN_INT}};

const char *const hitl_purposes[HITL_PURPOSES] =
	{[HITL_INFERENCE] = "inference",
	 [HITL_HTTP] = "http",
	 [HITL_NOTIFICATION] = "notification"};

PG_FUNCTION_INFO_V1(hitl_retry_request);

static Datum ids_under_way(dlist_head *const *lists);
static HitlDelivery *read_claimed_row(uint64 row, HitlPurpose purpose,
									  MemoryContext context);
static HitlSecret *read_secret(uint64 row, int column);
static void gather_header_secrets(HitlDelivery *delivery);
static void set_header_secrets(HitlDelivery *delivery, const HitlSecret *found);
static void fill_record(HitlDelivery *delivery, Datum *values, bool *nulls);
static Datum text_or_null(const char *text, bool *isnull);
static void count_usage(uint64 rows);
static void log_recorded(dlist_head *finished);
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
hitl_claim_outbox(HitlPurpose purpose, const HitlOrder *orders, int count,
				  dlist_head *const *under_way, MemoryContext context,
				  dlist_head *claimed)
{
	static HitlStatement claim = {
		"WITH due AS MATERIALIZED ("
		" SELECT q.place, q.rank FROM unnest($2, $3, $4) AS a (origin, since, most),"
		" LATERAL (SELECT ctid AS place, rank FROM hitl.outbox"
		" WHERE purpose = $1 AND origin = a.origin AND status IN ('queued', 'sending')"
		" AND rank >= a.since AND rank <= now()"
		" AND (status = 'queued' OR id <> ALL ($8))"
		" ORDER BY rank LIMIT a.most FOR NO KEY UPDATE SKIP LOCKED) q),"
		" claimed AS ("
		" UPDATE hitl.outbox o SET status = 'sending', attempts = o.attempts + 1,"
		" next_attempt_at = now()"
		" + make_interval(secs => " TIMEOUT " + $6)"
		" FROM due d WHERE o.ctid = d.place"
		" RETURNING o.*, " TIMEOUT " AS timeout, d.rank AS due_since)"
		" SELECT c.id, c.attempts, c.origin, c.due_since, c.method, c.url,"
		" c.headers, c.body, c.secret_name, s.value, s.allowed_hosts,"
		" c.signing_secret_name, w.value, w.allowed_hosts,"
		" c.idempotency_key, c.retry::text, c.timeout,"
		" c.expect, c.created_at, c.provider, c.workflow_id, c.conversation,"
		" c.settings, c.notification_id, c.approval_id,"
		/* A hook that was switched off, or dropped, is told nothing any more. */
		" c.body IS NOT NULL AND c.notification_id IS NOT NULL"
		" AND c.channel <> '(request)' AND NOT EXISTS ("
		" SELECT FROM hitl.channel_configurations k WHERE k.name = c.channel AND k.active)"
		" FROM claimed c"
		" LEFT JOIN hitl.secrets s ON s.name = c.secret_name"
		" LEFT JOIN hitl.secrets w ON w.name = c.signing_secret_name",
		8,
		{TEXTOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID, INT4ARRAYOID, INT4OID,
		 INT4OID, INT4OID, UUIDARRAYOID}};
	int timeout = hitl_request_timeout;
	TimestampTz now = GetCurrentTimestamp();
	Datum *origins = palloc(count * sizeof(Datum));
	Datum *since = palloc(count * sizeof(Datum));
	Datum *limits = palloc(count * sizeof(Datum));
	Datum values[8];
	uint64 row;
	int i;

	for (i = 0; i < count; i++)
	{
		orders[i].queue->asked = orders[i].limit;
		orders[i].queue->got = 0;
		origins[i] = CStringGetTextDatum(orders[i].queue->host->origin);
		since[i] = TimestampTzGetDatum(orders[i].since);
		limits[i] = Int32GetDatum(orders[i].limit);
	}
	if (purpose == HITL_NOTIFICATION)
		timeout = Min(timeout, NOTIFICATION_TIMEOUT);
	values[0] = CStringGetTextDatum(hitl_purposes[purpose]);
	values[1] = PointerGetDatum(
		construct_array(origins, count, TEXTOID, -1, false, TYPALIGN_INT));
	values[2] = PointerGetDatum(
		construct_array(since, count, TIMESTAMPTZOID, sizeof(TimestampTz),
						FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	values[3] = PointerGetDatum(construct_array(limits, count, INT4OID,
												sizeof(int32), true,
												TYPALIGN_INT));
	values[4] = Int32GetDatum(timeout);
	values[5] = Int32GetDatum(LEASE_MARGIN_SECONDS);
	values[6] = Int32GetDatum(hitl_request_timeout);
	values[7] = ids_under_way(under_way);
	hitl_execute(&claim, values, NULL, 0);

	for (row = 0; row < SPI_processed; row++)
	{
		HitlDelivery *delivery = read_claimed_row(row, purpose, context);
		HitlQueue *queue = &delivery->remote->queues[purpose];
		bool isnull;
		TimestampTz rank = DatumGetTimestampTz(hitl_column(row, 4, &isnull));

		delivery->trial = hitl_host_begins(delivery->remote, purpose, now);
		queue->position = queue->got++ == 0 ? rank : Max(queue->position, rank);
		queue->served_at = now;
		dlist_push_tail(claimed, &delivery->node);
	}
	for (i = 0; i < count; i++)
		orders[i].queue->empty = orders[i].queue->got == 0;
	return (int) SPI_processed;
}

/*
 * Find the hosts that have unfinished rows, by jumping from one to the next in
 * the index.
 */
List *
hitl_find_queues(HitlPurpose purpose)
{
	static HitlStatement find =
		{"WITH RECURSIVE host AS ("
		 " (SELECT origin, rank FROM hitl.outbox"
		 " WHERE purpose = $1 AND status IN ('queued', 'sending')"
		 " ORDER BY origin, rank LIMIT 1)"
		 " UNION ALL"
		 " SELECT n.origin, n.rank FROM host h, LATERAL ("
		 " SELECT o.origin, o.rank FROM hitl.outbox o"
		 " WHERE o.purpose = $1 AND o.status IN ('queued', 'sending')"
		 " AND o.origin > h.origin ORDER BY o.origin, o.rank LIMIT 1) n)"
		 " SELECT origin, rank FROM host LIMIT $2",
		 2,
		 {TEXTOID, INT8OID}};
	Datum values[2];
	List *queues = NIL;
	uint64 row;

	values[0] = CStringGetTextDatum(hitl_purposes[purpose]);
	values[1] = Int64GetDatum(MAX_QUEUES);
	hitl_execute(&find, values, NULL, 0);
	for (row = 0; row < SPI_processed; row++)
	{
		HitlRemote *host = hitl_find_host(hitl_column_text(row, 1));
		bool isnull;

		host->queues[purpose].first = DatumGetTimestampTz(
			hitl_column(row, 2, &isnull));
		queues = lappend(queues, &host->queues[purpose]);
	}
	return queues;
}

/*
 * Look up the secrets of which the headers of claimed rows speak.
 */
void
hitl_read_header_secrets(dlist_head *claimed)
{
	static HitlStatement find = {"SELECT name, value, allowed_hosts"
								 " FROM hitl.secrets WHERE name = ANY ($1)",
								 1,
								 {TEXTARRAYOID}};
	Datum *names = NULL;
	int count = 0;
	int capacity = 0;
	dlist_iter iter;
	Datum values[1];
	uint64 row;

	dlist_foreach(iter, claimed)
	{
		HitlDelivery *delivery = dlist_container(HitlDelivery, node, iter.cur);
		ListCell *cell;

		if (delivery->purpose == HITL_NOTIFICATION)
			continue;
		gather_header_secrets(delivery);
		foreach(cell, delivery->header_secrets)
		{
			if (count == capacity)
			{
				capacity = capacity * 2 + 16;
				names = names == NULL
					? palloc(capacity * sizeof(Datum))
					: repalloc(names, capacity * sizeof(Datum));
			}
			names[count++] = CStringGetTextDatum(
				((HitlSecret *) lfirst(cell))->name);
		}
	}
	if (count == 0)
		return;
	values[0] = PointerGetDatum(
		construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT));
	hitl_execute(&find, values, NULL, 0);
	for (row = 0; row < SPI_processed; row++)
	{
		HitlSecret *found = read_secret(row, 1);

		dlist_foreach(iter, claimed)
			set_header_secrets(dlist_container(HitlDelivery, node, iter.cur),
							   found);
		explicit_bzero(found->value, strlen(found->value));
	}
}

/*
 * Let requests go on that wait for secrets which are set now.
 */
int
hitl_release_waiting(void)
{
	static HitlStatement release =
		{"UPDATE hitl.outbox SET missing_secret = NULL, next_attempt_at = now()"
		 " WHERE ctid = ANY (ARRAY("
		 " SELECT o.ctid FROM hitl.secrets s, LATERAL ("
		 " SELECT ctid FROM hitl.outbox WHERE missing_secret = s.name"
		 " AND status = 'queued' FOR NO KEY UPDATE SKIP LOCKED) o))",
		 0};
	static HitlStatement count = {"SELECT count(*)::int4 FROM hitl.outbox"
								  " WHERE missing_secret IS NOT NULL"
								  " AND status = 'queued'",
								  0};
	bool isnull;

	hitl_execute(&release, NULL, NULL, 0);
	hitl_execute(&count, NULL, NULL, 0);
	return DatumGetInt32(hitl_column(0, 1, &isnull));
}

/*
 * Give requests to their fallbacks that wait for hosts which answer nobody.
 */
bool
hitl_divert_outbox(List *origins)
{
	static HitlStatement divert = {
		"WITH waiting AS MATERIALIZED ("
		" SELECT q.place FROM unnest($1) AS a (origin),"
		" LATERAL (SELECT ctid AS place FROM hitl.outbox"
		" WHERE origin = a.origin AND status = 'queued' AND fallbacks IS NOT NULL"
		" AND missing_secret IS NULL LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED) q),"
		" diverted AS ("
		" UPDATE hitl.outbox o SET status = 'failed', finished_at = now(),"
		" error_kind = 'service_unavailable',"
		" error_message = format('the circuit breaker of %s is open', o.origin)"
		" FROM waiting w WHERE o.ctid = w.place"
		" RETURNING o.id, o.origin, o.workflow_id, o.token, o.error_kind, o.error_message,"
		" o.fallbacks, o.priority),"
		" replied AS ("
		" INSERT INTO hitl.messages (due_at, workflow_id, kind, body)"
		" SELECT clock_timestamp() - priority * " HITL_HEAD_START ","
		" workflow_id, 'reply', " FAILURE
		" || jsonb_build_object('fallbacks', fallbacks) FROM diverted)"
		" SELECT id, workflow_id, origin, priority FROM diverted",
		2,
		{TEXTARRAYOID, INT4OID}};
	Datum values[2];
	uint64 row;
	bool isnull;

	values[0] = PointerGetDatum(hitl_list_array(origins));
	values[1] = Int32GetDatum(MAX_DIVERTED);
	hitl_execute(&divert, values, NULL, 0);
	for (row = 0; row < SPI_processed; row++)
	{
		if (DatumGetInt16(hitl_column(row, 4, &isnull)) > 0)
			hitl_look_back_at_commit();
		if (hitl_logs(HITL_LOG_OF_REQUESTS))
		{
			Datum id = hitl_column(row, 1, &isnull);
			Datum workflow_id = hitl_column(row, 2, &isnull);

			hitl_log_diverted(DatumGetUUIDP(id),
							  isnull ? NULL : DatumGetUUIDP(workflow_id),
							  hitl_column_text(row, 3));
		}
	}
	return SPI_processed >= MAX_DIVERTED;
}

/*
 * Record verdicts, and tell the workflows that wait for them.  A row that is
 * gone, cancelled, or claimed again since is left as it is, and nobody is
 * told; but what an answer has taken is noted, though it was cancelled.  A
 * channel whose endpoint is gone (410) is switched off, unless it has another
 * one by now.
 */
void
hitl_record_outbox(dlist_head *finished, int count)
{
	static HitlStatement record = {
		"WITH verdict AS MATERIALIZED ("
		" SELECT v.*, o.place FROM"
		" unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) AS v"
		" (id, attempt, status, next_attempt_at, response_status,"
		" response_body, error_kind, error_message, answered,"
		" response_headers, missing_secret, input_tokens, output_tokens,"
		" provider_message_id),"
		" LATERAL (SELECT ctid AS place, status, attempts FROM hitl.outbox"
		" WHERE id = v.id OFFSET 0 FOR NO KEY UPDATE SKIP LOCKED) AS o"
		" WHERE o.attempts = v.attempt AND (o.status = 'sending'"
		" OR o.status = 'cancelled' AND coalesce(v.input_tokens, v.output_tokens) IS NOT NULL)),"
		" recorded AS ("
		" UPDATE hitl.outbox o SET"
		" status = CASE o.status WHEN 'cancelled' THEN o.status ELSE v.status END,"
		" attempts = o.attempts - (v.missing_secret IS NOT NULL)::int,"
		" missing_secret = v.missing_secret,"
		" next_attempt_at = coalesce(v.next_attempt_at, o.next_attempt_at),"
		" response_status = v.response_status, "
		" response_body = CASE WHEN o.redacted_at IS NULL THEN v.response_body ELSE o.response_body END,"
		" error_kind = v.error_kind, error_message = v.error_message,"
		" finished_at = CASE WHEN v.status <> 'queued' THEN coalesce(o.finished_at, now()) END,"
		" input_tokens = v.input_tokens, output_tokens = v.output_tokens,"
		" provider_message_id = v.provider_message_id,"
		/* A product is exact where a quotient would be rounded. */
		" cost = (SELECT trim_scale((v.input_tokens * m.input_price"
		" + v.output_tokens * m.output_price) * 0.000001)"
		" FROM hitl.models m WHERE m.name = o.model)"
		" FROM verdict v"
		" WHERE o.ctid = v.place"
		" RETURNING o.id, o.status, o.purpose, o.channel, o.url, o.workflow_id, o.token,"
		" o.response_status, v.response_body, v.error_kind, v.error_message,"
		" v.answered, v.response_headers, o.priority, o.provider, o.fallbacks, o.cost,"
		" CASE WHEN coalesce(v.input_tokens, v.output_tokens) IS NOT NULL"
		" THEN o.conversation ->> 'agent' END AS agent,"
		" coalesce(v.input_tokens, 0)::numeric + coalesce(v.output_tokens, 0) AS tokens),"
		" replied AS ("
		" INSERT INTO hitl.messages (due_at, workflow_id, kind, body)"
		" SELECT clock_timestamp() - priority * " HITL_HEAD_START ","
		" workflow_id, 'reply', CASE WHEN answered"
		" THEN jsonb_build_object('token', token, 'status', response_status,"
		" 'body', coalesce(response_body, ''))"
		" || CASE WHEN response_headers IS NULL THEN '{}'"
		" ELSE jsonb_build_object('headers', response_headers::jsonb) END"
		" ELSE " FAILURE " END"
		" || CASE WHEN provider <> 'openai' THEN jsonb_build_object('provider', provider)"
		" ELSE '{}' END"
		" || CASE WHEN cost IS NULL THEN '{}' ELSE jsonb_build_object('cost', cost) END"
		" || CASE WHEN status = 'failed' AND fallbacks IS NOT NULL"
		" THEN jsonb_build_object('fallbacks', fallbacks) ELSE '{}' END"
		" FROM recorded WHERE status IN ('delivered', 'failed')"
		" AND workflow_id IS NOT NULL AND token IS NOT NULL),"
		" gone AS ("
		" UPDATE hitl.channel_configurations SET active = false"
		" WHERE name = ANY (ARRAY("
		" SELECT c.name FROM hitl.channel_configurations c"
		" WHERE c.active AND c.channel_type IN ('webhook', 'generic') AND EXISTS ("
		" SELECT FROM recorded r WHERE r.purpose = 'notification' AND r.response_status = 410"
		" AND r.channel = c.name AND r.url = c.settings ->> 'url')"
		" FOR NO KEY UPDATE SKIP LOCKED)))"
		" SELECT id, priority, agent, tokens, cost, status FROM recorded",
		RECORD_COLUMNS,
		{UUIDARRAYOID, INT4ARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID,
		 INT4ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, BOOLARRAYOID,
		 TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID, INT8ARRAYOID, TEXTARRAYOID}};
	Datum *values[RECORD_COLUMNS];
	bool *nulls[RECORD_COLUMNS];
	Datum arrays[RECORD_COLUMNS];
	int dims[1];
	int lbs[1];
	dlist_iter iter;
	uint64 recorded;
	uint64 row;
	int column;
	int n = 0;

	hitl_lock_notifications(finished, count);
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
	recorded = SPI_processed;
	for (row = 0; row < recorded; row++)
	{
		bool isnull;

		if (DatumGetInt16(hitl_column(row, 2, &isnull)) > 0)
			hitl_look_back_at_commit();
	}
	if (hitl_logs(HITL_LOG_OF_REQUESTS))
		log_recorded(finished);
	count_usage(recorded);
	if (recorded < (uint64) n)
		hold_locked_rows(finished, n, arrays[RECORD_ID]);
	hitl_note_notifications(finished, n);
}

/*
 * Count what agents have taken, by the verdicts that were just recorded, also
 * of requests that were withdrawn or will be sent again.
 */
static void
count_usage(uint64 rows)
{
	Datum *agents = palloc((rows + 1) * sizeof(Datum));
	Datum *tokens = palloc((rows + 1) * sizeof(Datum));
	Datum *costs = palloc((rows + 1) * sizeof(Datum));
	bool *unpriced = palloc((rows + 1) * sizeof(bool));
	int count = 0;
	int lbs = 1;
	uint64 row;

	for (row = 0; row < rows; row++)
	{
		bool isnull;

		agents[count] = hitl_column(row, 3, &isnull);
		if (isnull)
			continue;
		tokens[count] = hitl_column(row, 4, &isnull);
		costs[count] = hitl_column(row, 5, &unpriced[count]);
		count++;
	}
	if (count == 0)
		return;
	hitl_count_usage(PointerGetDatum(construct_array(agents, count, TEXTOID, -1,
													 false, TYPALIGN_INT)),
					 PointerGetDatum(construct_array(tokens, count, NUMERICOID,
													 -1, false, TYPALIGN_INT)),
					 PointerGetDatum(construct_md_array(costs, unpriced, 1,
														&count, &lbs,
														NUMERICOID, -1, false,
														TYPALIGN_INT)));
}

/*
 * Have the verdicts logged that the statement has recorded: those of requests
 * which were cancelled meanwhile are none.
 */
static void
log_recorded(dlist_head *finished)
{
	dlist_node *node = dlist_head_node(finished);
	uint64 row;

	for (row = 0; row < SPI_processed; row++)
	{
		bool isnull;
		pg_uuid_t *id = DatumGetUUIDP(hitl_column(row, 1, &isnull));
		dlist_node *first = node;
		HitlDelivery *delivery;
		bool found;

		/* They mostly come back in the order in which they were given. */
		do
		{
			delivery = dlist_container(HitlDelivery, node, node);
			node = dlist_has_next(finished, node)
				? dlist_next_node(finished, node)
				: dlist_head_node(finished);
			found = memcmp(&delivery->id, id, sizeof(pg_uuid_t)) == 0;
		} while (!found && node != first);
		if (found && strcmp(hitl_column_text(row, 6), "cancelled") != 0)
			hitl_log_verdict(delivery);
	}
}

/*
 * hitl.retry_request(id): send a failed notification again.  Inference is
 * left out: its workflow has been told, and gone on.  Of a message to people
 * another request may be under way; the ledger knows.
 */
Datum
hitl_retry_request(PG_FUNCTION_ARGS)
{
	static HitlStatement retry =
		{"UPDATE hitl.outbox SET status = 'queued', attempts = 0,"
		 " next_attempt_at = now(), finished_at = NULL"
		 " WHERE id = $1 AND status = 'failed' AND purpose = 'notification'"
		 " AND redacted_at IS NULL AND body IS NOT NULL",
		 1,
		 {UUIDOID}};
	static HitlStatement resend = {
		"SELECT hitl.resend_notification(n.id)"
		" FROM hitl.outbox o JOIN hitl.notification_ledger n ON n.id = o.notification_id"
		" WHERE o.id = $1 AND o.status = 'failed' AND o.purpose = 'notification'"
		" AND o.redacted_at IS NULL AND o.body IS NULL AND n.status = 'failed'",
		1,
		{UUIDOID}};
	Datum values[1];
	bool found;
	bool isnull;

	values[0] = PG_GETARG_DATUM(0);
	SPI_connect();
	hitl_execute(&retry, values, NULL, 0);
	found = SPI_processed > 0;
	if (!found)
	{
		hitl_execute(&resend, values, NULL, 0);
		found = SPI_processed > 0 && DatumGetBool(hitl_column(0, 1, &isnull));
	}
	SPI_finish();
	if (found)
		hitl_wake_at_commit(HITL_WORKER_DISPATCHER);
	PG_RETURN_BOOL(found);
}

/*
 * The ids of requests that have been sent, and whose verdicts are not recorded
 * yet.
 */
static Datum
ids_under_way(dlist_head *const *lists)
{
	ArrayBuildState *ids = initArrayResult(UUIDOID, CurrentMemoryContext,
										   false);
	dlist_iter iter;

	for (; *lists != NULL; lists++)
		dlist_foreach(iter, *lists)
		{
			pg_uuid_t *id = &dlist_container(HitlDelivery, node, iter.cur)->id;

			(void) accumArrayResult(ids, UUIDPGetDatum(id), false, UUIDOID,
									CurrentMemoryContext);
		}
	return makeArrayResult(ids, CurrentMemoryContext);
}

/*
 * A delivery from a row of the claim.
 */
static HitlDelivery *
read_claimed_row(uint64 row, HitlPurpose purpose, MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent, "hitl delivery",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext before = MemoryContextSwitchTo(context);
	HitlDelivery *delivery = palloc0(sizeof(HitlDelivery));
	Datum workflow_id;
	Datum conversation;
	Datum notification;
	Datum settings;
	Datum approval_id;
	Datum expect;
	bool isnull;

	delivery->context = context;
	delivery->purpose = purpose;
	delivery->id = *DatumGetUUIDP(hitl_column(row, 1, &isnull));
	delivery->attempt = DatumGetInt32(hitl_column(row, 2, &isnull));
	delivery->remote = hitl_find_host(hitl_column_text(row, 3));
	delivery->method = hitl_column_text(row, 5);
	delivery->url = hitl_column_text(row, 6);
	delivery->headers = DatumGetJsonbPCopy(hitl_column(row, 7, &isnull));
	delivery->body = hitl_column_text(row, 8);
	delivery->secret = read_secret(row, 9);
	delivery->signing_secret = read_secret(row, 12);
	delivery->idempotency_key = hitl_column_text(row, 15);
	delivery->retry_text = hitl_column_text(row, 16);
	delivery->timeout = DatumGetInt32(hitl_column(row, 17, &isnull));
	expect = hitl_column(row, 18, &isnull);
	if (!isnull)
	{
		ArrayType *array = DatumGetArrayTypeP(expect);
		Datum *elements;
		bool *nulls;
		int i;

		deconstruct_array(array, INT4OID, sizeof(int32), true, TYPALIGN_INT,
						  &elements, &nulls, &delivery->expected);
		delivery->expect = palloc(delivery->expected * sizeof(int) + 1);
		for (i = 0; i < delivery->expected; i++)
			delivery->expect[i] = nulls[i] ? 0 : DatumGetInt32(elements[i]);
	}
	delivery->created_at = DatumGetTimestampTz(hitl_column(row, 19, &isnull));
	delivery->provider = hitl_column_text(row, 20);
	workflow_id = hitl_column(row, 21, &isnull);
	if (!isnull)
		delivery->workflow_id = *DatumGetUUIDP(workflow_id);
	conversation = hitl_column(row, 22, &isnull);
	if (!isnull)
		delivery->conversation = DatumGetJsonbPCopy(conversation);
	settings = hitl_column(row, 23, &isnull);
	if (!isnull)
		delivery->settings = DatumGetJsonbPCopy(settings);
	notification = hitl_column(row, 24, &isnull);
	delivery->has_notification = !isnull;
	if (!isnull)
		delivery->notification_id = *DatumGetUUIDP(notification);
	approval_id = hitl_column(row, 25, &isnull);
	if (!isnull)
		delivery->approval_id = *DatumGetUUIDP(approval_id);
	delivery->input_tokens = -1;
	delivery->output_tokens = -1;
	if (DatumGetBool(hitl_column(row, 26, &isnull)) && !isnull)
		delivery->status = "cancelled";

	MemoryContextSwitchTo(before);
	return delivery;
}

/*
 * A secret from three columns: name, value, allowed hosts; NULL if the row
 * names none.
 */
static HitlSecret *
read_secret(uint64 row, int column)
{
	char *name = hitl_column_text(row, column);
	HitlSecret *secret;
	Datum hosts;
	bool isnull;

	if (name == NULL)
		return NULL;
	secret = palloc0(sizeof(HitlSecret));
	secret->name = name;
	secret->value = hitl_column_text(row, column + 1);
	hosts = hitl_column(row, column + 2, &isnull);
	if (!isnull)
		secret->allowed_hosts = hitl_text_list(DatumGetArrayTypeP(hosts));
	return secret;
}

/*
 * List the secrets of which the headers of a request speak.  Whether they are
 * well formed is for hitl_prepare_delivery to judge.
 */
static void
gather_header_secrets(HitlDelivery *delivery)
{
	MemoryContext before = MemoryContextSwitchTo(delivery->context);
	List *names = NIL;
	ListCell *cell;
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue value;

	if (JB_ROOT_IS_OBJECT(delivery->headers))
	{
		iterator = JsonbIteratorInit(&delivery->headers->root);
		while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
			if (token == WJB_VALUE && value.type == jbvString)
				(void) hitl_placeholders(pnstrdup(value.val.string.val,
												  value.val.string.len),
										 &names);
	}
	foreach(cell, names)
	{
		HitlSecret *secret = palloc0(sizeof(HitlSecret));

		secret->name = lfirst(cell);
		delivery->header_secrets = lappend(delivery->header_secrets, secret);
	}
	MemoryContextSwitchTo(before);
}

/*
 * Give a request the secret, if its headers speak of it.
 */
static void
set_header_secrets(HitlDelivery *delivery, const HitlSecret *found)
{
	MemoryContext before = MemoryContextSwitchTo(delivery->context);
	ListCell *cell;

	foreach(cell, delivery->header_secrets)
	{
		HitlSecret *secret = lfirst(cell);
		ListCell *host;

		if (strcmp(secret->name, found->name) != 0)
			continue;
		secret->value = pstrdup(found->value);
		foreach(host, found->allowed_hosts)
			secret->allowed_hosts = lappend(secret->allowed_hosts,
											pstrdup(lfirst(host)));
	}
	MemoryContextSwitchTo(before);
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
	/* No row is at attempt 0: it is held, like one that is locked itself. */
	values[RECORD_ATTEMPT] = Int32GetDatum(
		delivery->ledger_locked ? 0 : delivery->attempt);
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
	values[RECORD_RESPONSE_HEADERS] = text_or_null(
		delivery->response_headers, &nulls[RECORD_RESPONSE_HEADERS]);
	values[RECORD_MISSING_SECRET] = text_or_null(delivery->missing_secret,
												 &nulls[RECORD_MISSING_SECRET]);
	values[RECORD_INPUT_TOKENS] = Int64GetDatum(delivery->input_tokens);
	nulls[RECORD_INPUT_TOKENS] = delivery->input_tokens < 0;
	values[RECORD_OUTPUT_TOKENS] = Int64GetDatum(delivery->output_tokens);
	nulls[RECORD_OUTPUT_TOKENS] = delivery->output_tokens < 0;
	values[RECORD_PROVIDER_MESSAGE_ID] = text_or_null(
		delivery->provider_message_id, &nulls[RECORD_PROVIDER_MESSAGE_ID]);
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
