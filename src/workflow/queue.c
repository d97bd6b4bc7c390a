/*
 * queue.c
 *		Queues of external tasks: who may take tasks from them, how many, and
 *		telling workers that there are some.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "db.h"
#include "hitl.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "worker/worker.h"
#include "workflow/caller.h"
#include "workflow/mailbox.h"
#include "workflow/payload.h"
#include "workflow/queue.h"

/* Look again after this time (in us), as the limit may have changed. */
#define MAX_RATE_DELAY (60 * INT64CONST(1000000))

static void read_slices(HitlAllowance *allowance);

PG_FUNCTION_INFO_V1(hitl_grant_queue);
PG_FUNCTION_INFO_V1(hitl_revoke_queue);

/*
 * Publish, when the batch is written, that a queue has tasks.
 */
void
hitl_publish_later(HitlBatch *batch, const char *queue)
{
	ListCell *cell;

	foreach(cell, batch->queues)
		if (strcmp(lfirst(cell), queue) == 0)
			return;
	batch->queues = lappend(batch->queues, pstrdup(queue));
}

/*
 * Body of the message by which a client's batch leaves publishing to the
 * engine.
 */
Jsonb *
hitl_changed_body(HitlBatch *batch)
{
	JsonbParseState *state = NULL;
	JsonbValue item;
	ListCell *cell;

	if (batch->queues == NIL)
		return hitl_jsonb_parse("{}");
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	item.type = jbvString;
	item.val.string.val = "queues";
	item.val.string.len = strlen("queues");
	pushJsonbValue(&state, WJB_KEY, &item);
	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	foreach(cell, batch->queues)
	{
		item.val.string.val = lfirst(cell);
		item.val.string.len = strlen(lfirst(cell));
		pushJsonbValue(&state, WJB_ELEM, &item);
	}
	pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/*
 * What such a message has published.
 */
void
hitl_publish_changed(HitlBatch *batch, Jsonb *body)
{
	Jsonb *queues = hitl_member(body, "queues");
	int i;

	if (queues == NULL)
		return;
	for (i = 0; i < JsonContainerSize(&queues->root); i++)
	{
		JsonbValue *queue = getIthJsonbValueFromContainer(&queues->root, i);

		if (queue->type == jbvString)
			hitl_publish_later(batch,
							   pnstrdup(queue->val.string.val,
										queue->val.string.len));
	}
}

/*
 * Tell sleeping workers that a queue has tasks, when the engine's work is done.
 */
void
hitl_publish_queue(const char *queue)
{
	/* Somebody may listen and not read: see publish() in write.c. */
	if (DatumGetFloat8(OidFunctionCall0(F_PG_NOTIFICATION_QUEUE_USAGE)) <= 0.5)
		hitl_notify_after_work("hitl_tasks", queue);
}

/*
 * Refuse to hand a queue's tasks, which show what workflows are about, to a
 * role that was not granted the queue.
 */
void
hitl_check_queue(const char *queue)
{
	static HitlStatement find = {
		"SELECT 1 FROM hitl.queue_grants WHERE queue IN ($1, '*') "
		"AND pg_has_role($2, (SELECT oid FROM pg_roles WHERE rolname = grantee), 'USAGE')",
		2,
		{TEXTOID, OIDOID},
	};
	Oid caller = hitl_caller_id();
	Datum values[2];

	if (superuser_arg(caller))
		return;
	values[0] = CStringGetTextDatum(queue);
	values[1] = ObjectIdGetDatum(caller);
	hitl_execute(&find, values, NULL, 1);
	if (SPI_processed > 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for queue \"%s\"", queue),
			 errhint("An administrator can allow it with hitl.grant_queue('%s', '%s').",
					 hitl_caller(), queue)));
}

/*
 * Find what limits a queue, and how many of so many tasks it allows to be
 * claimed now.  Claims of a limited queue wait for each other.
 */
int64
hitl_read_allowance(const char *queue, int64 count, HitlAllowance *allowance)
{
	static HitlStatement find = {
		"SELECT coalesce(max_concurrency, 0), coalesce(max_rate, 0), "
		"(extract(epoch FROM per) * 1000000)::bigint FROM hitl.limits "
		"WHERE kind = 'queue' AND name IN ($1, '*') ORDER BY name = '*' LIMIT 1",
		1,
		{TEXTOID},
	};
	static HitlStatement prepare = {
		"INSERT INTO hitl.queue_rates (queue) VALUES ($1) ON CONFLICT DO NOTHING",
		1,
		{TEXTOID},
	};
	static HitlStatement lock = {
		"SELECT slice_us, last_slice, claims FROM hitl.queue_rates WHERE queue = $1 FOR UPDATE",
		1,
		{TEXTOID},
	};
	static HitlStatement count_claimed = {
		"SELECT count(*) FROM hitl.external_tasks "
		"WHERE queue = $1 AND status = 'claimed' AND due_at > clock_timestamp()",
		1,
		{TEXTOID},
	};
	Datum value = CStringGetTextDatum(queue);
	int max_concurrency;
	bool isnull;

	memset(allowance, 0, sizeof(*allowance));
	hitl_execute(&find, &value, NULL, 1);
	if (SPI_processed == 0)
		return count;
	max_concurrency = DatumGetInt32(hitl_column(0, 1, &isnull));
	allowance->max_rate = DatumGetInt32(hitl_column(0, 2, &isnull));
	allowance->slice_us = Max(1,
							  DatumGetInt64(hitl_column(0, 3, &isnull)) /
								  (HITL_RATE_SLICES - 1));

	hitl_execute(&lock, &value, NULL, 1);
	if (SPI_processed == 0)
	{
		hitl_execute(&prepare, &value, NULL, 0);
		hitl_execute(&lock, &value, NULL, 1);
	}
	if (allowance->max_rate > 0)
	{
		int64 total = 0;
		int i;

		read_slices(allowance);
		for (i = 0; i < HITL_RATE_SLICES; i++)
			total += allowance->claims[i];
		if (count > allowance->max_rate - total)
		{
			count = Max(0, allowance->max_rate - total);
			allowance->is_short = true;
		}
	}
	if (max_concurrency > 0)
	{
		hitl_execute(&count_claimed, &value, NULL, 1);
		count = Min(count,
					max_concurrency -
						DatumGetInt64(hitl_column(0, 1, &isnull)));
	}
	return Max(0, count);
}

/*
 * Count claims.  When the rate allows no more of them, the next task is
 * delayed until it does, so that the engine tells those who sleep then.
 */
void
hitl_record_claims(const char *queue, int64 count, HitlAllowance *allowance)
{
	static HitlStatement record = {
		"UPDATE hitl.queue_rates SET slice_us = $2, last_slice = $3, claims = $4 "
		"WHERE queue = $1",
		4,
		{TEXTOID, INT8OID, INT8OID, INT4ARRAYOID},
	};
	static HitlStatement delay_next = {
		"UPDATE hitl.external_tasks SET status = 'delayed', due_at = $2 "
		"WHERE id = (SELECT id FROM hitl.external_tasks WHERE queue = $1 "
		"AND status = 'queued' ORDER BY rank, id LIMIT 1 FOR UPDATE SKIP LOCKED) "
		"AND NOT EXISTS (SELECT FROM hitl.external_tasks WHERE queue = $1 "
		"AND status = 'delayed' AND due_at <= $2)",
		2,
		{TEXTOID, TIMESTAMPTZOID},
	};
	Datum values[4];
	Datum counts[HITL_RATE_SLICES];
	TimestampTz next;
	int i;

	if (allowance->max_rate == 0)
		return;
	allowance->claims[0] += count;
	values[0] = CStringGetTextDatum(queue);
	if (count > 0)
	{
		for (i = 0; i < HITL_RATE_SLICES; i++)
			counts[i] = Int32GetDatum(allowance->claims[i]);
		values[1] = Int64GetDatum(allowance->slice_us);
		values[2] = Int64GetDatum(allowance->last_slice);
		values[3] = PointerGetDatum(construct_array(counts, HITL_RATE_SLICES,
													INT4OID, sizeof(int32),
													true, TYPALIGN_INT));
		hitl_execute(&record, values, NULL, 0);
	}
	if (!allowance->is_short)
		return;
	for (i = HITL_RATE_SLICES - 1; i > 0 && allowance->claims[i] == 0; i--)
		;
	next = (allowance->last_slice - i + HITL_RATE_SLICES) * allowance->slice_us;
	values[1] = TimestampTzGetDatum(
		Min(next, GetCurrentTimestamp() + MAX_RATE_DELAY));
	hitl_execute(&delay_next, values, NULL, 0);
	if (SPI_processed > 0)
		hitl_wake_at_commit(HITL_WORKER_ENGINE);
}

/*
 * Where the tasks of a queue under way are limited, one that ends makes room
 * for another: the engine tells those who sleep.
 */
void
hitl_tell_next(const pg_uuid_t *workflow_id, const char *queue)
{
	static HitlStatement find = {
		"SELECT jsonb_build_object('queues', jsonb_build_array($1)) FROM hitl.limits "
		"WHERE kind = 'queue' AND name IN ($1, '*') AND max_concurrency IS NOT NULL LIMIT 1",
		1,
		{TEXTOID},
	};
	Datum value = CStringGetTextDatum(queue);
	bool isnull;

	hitl_execute(&find, &value, NULL, 1);
	if (SPI_processed > 0)
		hitl_tell_workflow(workflow_id, "changed",
						   DatumGetJsonbPCopy(hitl_column(0, 1, &isnull)));
}
/*
 * hitl.grant_queue(grantee, queue)
 */
Datum
hitl_grant_queue(PG_FUNCTION_ARGS)
{
	static HitlStatement insert = {
		"INSERT INTO hitl.queue_grants (grantee, queue, granted_by) "
		"VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
		3,
		{NAMEOID, TEXTOID, NAMEOID},
	};
	Datum values[3];

	(void) get_role_oid(NameStr(*PG_GETARG_NAME(0)), false);
	(void) hitl_check_name(PG_GETARG_TEXT_PP(1), "queue");
	values[0] = PG_GETARG_DATUM(0);
	values[1] = PG_GETARG_DATUM(1);
	values[2] = DirectFunctionCall1(namein, CStringGetDatum(hitl_caller()));
	SPI_connect();
	hitl_execute(&insert, values, NULL, 0);
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * hitl.revoke_queue(grantee, queue)
 */
Datum
hitl_revoke_queue(PG_FUNCTION_ARGS)
{
	static HitlStatement remove = {
		"DELETE FROM hitl.queue_grants WHERE grantee = $1 AND queue = $2",
		2,
		{NAMEOID, TEXTOID},
	};
	Datum values[2];
	bool found;

	values[0] = PG_GETARG_DATUM(0);
	values[1] = PG_GETARG_DATUM(1);
	SPI_connect();
	hitl_execute(&remove, values, NULL, 0);
	found = SPI_processed > 0;
	SPI_finish();
	PG_RETURN_BOOL(found);
}

/*
 * The claims of the slices up to now, from the row just locked.
 */
static void
read_slices(HitlAllowance *allowance)
{
	int64 slice_us;
	int64 last_slice;
	Datum *counts;
	bool isnull;
	int ncounts;
	int i;

	allowance->last_slice = GetCurrentTimestamp() / allowance->slice_us;
	slice_us = DatumGetInt64(hitl_column(0, 1, &isnull));
	last_slice = DatumGetInt64(hitl_column(0, 2, &isnull));
	deconstruct_array(DatumGetArrayTypeP(hitl_column(0, 3, &isnull)), INT4OID,
					  sizeof(int32), true, TYPALIGN_INT, &counts, NULL,
					  &ncounts);
	if (slice_us != allowance->slice_us)
		return; /* counted for another limit */
	for (i = 0; i < ncounts; i++)
	{
		/* counts[i] is of slice last_slice - i */
		int64 age = allowance->last_slice - last_slice + i;

		/* A clock set back counts all as of now. */
		if (age < HITL_RATE_SLICES)
			allowance->claims[Max(0, age)] += DatumGetInt32(counts[i]);
	}
}
