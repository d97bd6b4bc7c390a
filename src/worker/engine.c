/*
 * engine.c
 *		The engine worker: takes due messages in batches and advances their
 *		workflows.
 *
 * One transaction a batch: messages are claimed (FOR UPDATE SKIP LOCKED), their
 * workflows locked and loaded, every message delivered, everything written with
 * a constant number of statements, the messages deleted.
 *
 * When a batch fails for a reason that lies in it, its workflows are taken up
 * again one at a time; the one that fails alone too is failed, with the error
 * recorded, so that it does not come back.  Errors that lie elsewhere (a
 * deadlock, a full disk, a missing privilege, a shutdown) fail nobody: the loop
 * waits and tries again.
 *
 * In the same loop happens what is due by time: policies of approval requests are
 * evaluated, the leases of external tasks end.
 */
#include "postgres.h"

#include <malloc.h>

#include "access/xact.h"
#include "approval/approval.h"
#include "catalog/pg_type.h"
#include "core_bridge.h"
#include "db.h"
#include "hitl.h"
#include "lib/qunique.h"
#include "log.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"
#include "worker/worker.h"
#include "workflow/batch.h"
#include "workflow/branch.h"
#include "workflow/child.h"
#include "workflow/data.h"
#include "workflow/definition.h"
#include "workflow/evidence.h"
#include "workflow/external.h"
#include "workflow/happening.h"
#include "workflow/identifier.h"
#include "workflow/recovery.h"
#include "workflow/retention.h"

/* Under load, look for what the claim position has passed this often (ms). */
#define SWEEP_INTERVAL 1000

/* Of the time, what looking back may take: one part in so many and one. */
#define LOOK_BACK_SHARE 9

/* Under load, look for approvals to expire this often (ms). */
#define EXPIRY_INTERVAL 100

/* Approval requests that expire in one transaction. */
#define EXPIRY_BATCH 1000

/* When a workflow is locked by somebody else, look again after (ms). */
#define MIN_BUSY_DELAY 5
#define MAX_BUSY_DELAY 1000

/* Under load, removing what is old takes at most one in so many parts of the time. */
#define PURGE_SHARE 2

/* When removing it fails, try again after (ms). */
#define PURGE_RETRY 60000

/*
 * So often the messages of a workflow without definition are put off, a minute
 * each time, before it is failed.
 */
#define UNDEFINED_LIMIT 60

/* A message, claimed. */
typedef struct Message
{
	ItemPointerData ctid;
	TimestampTz due_at;
	int64 id;
	pg_uuid_t workflow_id;
	char *kind;
	Jsonb *body;
	bool done; /* delivered, or left to nobody */
} Message;

/* The workflows of the batch under way; they outlive its transaction. */
static pg_uuid_t *in_hand = NULL;
static int in_hand_count = 0;
static int in_hand_capacity = 0;
static TimestampTz in_hand_until = DT_NOEND; /* the last message was due */

/* Workflows whose batch has failed, to be taken up one at a time, last first. */
static pg_uuid_t *suspects = NULL;
static int suspects_count = 0;

/* The one workflow that is tried alone, if any. */
static pg_uuid_t *alone = NULL;

/* A workflow that can neither go on now nor be failed. */
static pg_uuid_t stubborn;
static bool is_stubborn = false;
static bool is_undefined = false; /* since its definition is missing */
static bool is_held = false;	  /* since others hold locks on what is its */

/*
 * Of the workflow taken up alone: the messages to take at once, those taken,
 * and when the last of the batch that failed was due.
 */
static int alone_limit = 0;
static int alone_claimed = 0;
static TimestampTz suspects_until = DT_NOEND;

/* The last message claimed. */
static TimestampTz claim_position = DT_NOBEGIN;
static int64 claim_id = 0;

static TimestampTz next_sweep = 0;

/*
 * Messages of workflows with a priority are put before the claim position.
 * Looking back passes the dead index entries that the claims have left, so it
 * is done as often as takes a tenth of the time, until the front is reached.
 */
static TimestampTz front = DT_NOBEGIN;
static TimestampTz next_look_back = 0;
static bool must_look_back = false;
static TimestampTz next_expiry_check = 0;
static long busy_delay = MIN_BUSY_DELAY;
static TimestampTz pass_began = 0;

/* When to remove what is old. */
static TimestampTz next_purge = 0;
static TimestampTz no_purge_before = 0; /* while there is other work */
static int purge_retention = 0;			/* what these were made for */
static bool purging = false;

static void engine_start(void);
static long engine_pass(void);
static bool engine_failed(const ErrorData *error);
static bool is_transient(int sqlerrcode);
static bool is_worth_splitting(int sqlerrcode);
static bool took_too_long(int sqlerrcode);
static void fail_workflow(const pg_uuid_t *id, const ErrorData *error);
static bool is_beyond_recovery(int sqlerrcode);
static int put_off(const pg_uuid_t *id, bool held);
static void fail_undefined(const pg_uuid_t *id);
static int process_batch(int *claimed, bool *skipped);
static int claim(Message **messages);
static int read_messages(Message **messages);
static void take_in_hand(Message *messages, int count);
static int compare_ids(const void *a, const void *b);
static void read_branches(HitlBatch *batch, Message *messages, int count);
static void postpone_orphans(Message *messages, int count, bool *skipped);
static void delete_messages(Message *messages, int count);
static long sleep_time(TimestampTz looked_at);
static long purge_when_due(bool busy, bool worked, long sleep);

const HitlWorkerRole hitl_engine_role = {
	.kind = HITL_WORKER_ENGINE,
	.start = engine_start,
	.pass = engine_pass,
	.failed = engine_failed,
};

/*
 * Once, connected.
 */
static void
engine_start(void)
{
	/*
	 * A batch takes some megabytes and frees them.  If the C library gave them
	 * back each time, the kernel's work on new pages would be a third of ours.
	 */
#ifdef M_TRIM_THRESHOLD
	(void) mallopt(M_MMAP_THRESHOLD, 32 * 1024 * 1024);
	(void) mallopt(M_TRIM_THRESHOLD, 64 * 1024 * 1024);
#endif
}

/*
 * One pass: a batch of messages, or else what is due to expire, or else the
 * time to sleep.
 */
static long
engine_pass(void)
{
	int count;
	int claimed;
	bool skipped = false;
	bool more;
	bool around = false;
	long sleep;
	TimestampTz now = GetCurrentTimestamp();

	hitl_trim_definitions();
	if (is_stubborn)
	{
		int times = put_off(&stubborn, is_held);

		is_stubborn = false;
		if (is_undefined && times >= UNDEFINED_LIMIT)
			fail_undefined(&stubborn);
	}
	in_hand_count = 0;
	alone = suspects_count > 0 ? &suspects[suspects_count - 1] : NULL;
	if (alone_limit == 0)
		alone_limit = hitl_batch_size;

	hitl_begin_work("processing messages");
	pass_began = now;
	enable_timeout_after(STATEMENT_TIMEOUT, hitl_batch_timeout);
	count = process_batch(&claimed, &skipped);
	if (claimed == 0 && claim_position != DT_NOBEGIN && alone == NULL)
	{
		must_look_back = false;
		claim_position = DT_NOBEGIN;
		next_sweep = now + SWEEP_INTERVAL * (int64) 1000;
		around = true;
		count = process_batch(&claimed, &skipped);
	}
	if ((count == 0 || now >= next_expiry_check) && alone == NULL)
	{
		next_expiry_check = now + EXPIRY_INTERVAL * (int64) 1000;
		if (hitl_expire_due(EXPIRY_BATCH, &skipped) > 0)
			count++;
		if (hitl_release_due_tasks(EXPIRY_BATCH, &skipped) > 0)
			count++;
	}

	/*
	 * A whole batch of locked workflows: look what lies behind them, unless
	 * we come from there.
	 */
	more = count > 0 || alone != NULL ||
		(claimed == hitl_batch_size && !around);
	sleep = more ? 0 : sleep_time(now);
	disable_timeout(STATEMENT_TIMEOUT, false);
	hitl_end_work();

	if (alone != NULL)
	{
		/* It is through when nothing is left of what the batch had of it. */
		if (count == 0 || claimed < alone_limit)
		{
			suspects_count--;
			alone_limit = 0;
		}
		alone = NULL;
	}

	/* What was left comes before anything that arrives later. */
	if (skipped && claimed < hitl_batch_size)
		claim_position = DT_NOBEGIN;

	if (!skipped)
		busy_delay = MIN_BUSY_DELAY;
	else if (!more)
	{
		/* All that is due belongs to workflows that others have locked. */
		sleep = sleep < 0 ? busy_delay
						  : Min(Max(sleep, MIN_BUSY_DELAY), busy_delay);
		busy_delay = Min(busy_delay * 2, MAX_BUSY_DELAY);
	}
	if (hitl_retention == 0)
		purge_retention = 0; /* begin anew when it is set again */
	else
		sleep = purge_when_due(more, count > 0, sleep);
	return sleep;
}

/*
 * After an error: find out whose fault it was.  True if the one at fault is
 * out of the way.
 */
static bool
engine_failed(const ErrorData *error)
{
	disable_timeout(STATEMENT_TIMEOUT, false);
	if (purging)
	{
		purging = false;
		next_purge = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
												 PURGE_RETRY);
		return true;
	}
	claim_position = DT_NOBEGIN;
	if (alone != NULL)
	{
		pg_uuid_t id = *alone;

		if (took_too_long(error->sqlerrcode) && alone_claimed > 1)
		{
			/* Many branches have been answered: fewer of them at once. */
			alone_limit = alone_claimed / 4 + 1;
			alone = NULL;
			return true;
		}

		/* Before anything can fail here, or it would be tried for ever. */
		suspects_count--;
		alone_limit = 0;
		alone = NULL;
		stubborn = id;
		is_undefined = error->sqlerrcode == ERRCODE_UNDEFINED_OBJECT;
		is_held = error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE;
		if (is_undefined || is_held)
		{
			/*
			 * Its definition: a restore has not come to it yet.  Or a client
			 * holds, say, its task or its question in an open transaction,
			 * for which the others must not wait.
			 */
			is_stubborn = true;
			return true;
		}
		if (is_transient(error->sqlerrcode) &&
			!took_too_long(error->sqlerrcode))
			return false; /* nobody's fault; its messages are still due */
		is_stubborn = true;
		fail_workflow(&id, error);
		is_stubborn = false;
		return true;
	}
	if (is_worth_splitting(error->sqlerrcode))
	{
		suspects = suspects == NULL
			? MemoryContextAlloc(TopMemoryContext,
								 Max(1, in_hand_count) * sizeof(pg_uuid_t))
			: repalloc(suspects, Max(1, in_hand_count) * sizeof(pg_uuid_t));
		if (in_hand_count > 1 &&
			hitl_logs(HITL_LOG_WORKERS | HITL_LOG_FAILURES))
			hitl_log_divided(in_hand_count, error->sqlerrcode);
		memcpy(suspects, in_hand, in_hand_count * sizeof(pg_uuid_t));
		suspects_count = in_hand_count;
		suspects_until = in_hand_until;
		alone_limit = 0;
	}
	in_hand_count = 0;
	return false;
}

/*
 * Errors that say nothing about the workflow being processed.
 */
static bool
is_transient(int sqlerrcode)
{
	switch (ERRCODE_TO_CATEGORY(sqlerrcode))
	{
		case ERRCODE_TRANSACTION_ROLLBACK:	 /* 40: deadlock, serialization */
		case ERRCODE_INSUFFICIENT_RESOURCES: /* 53: disk full, out of memory */
		case ERRCODE_OPERATOR_INTERVENTION:	 /* 57: cancel, shutdown */
		case ERRCODE_INVALID_TRANSACTION_STATE:				/* 25: read-only */
		case ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION: /* 42: no such table,
															 * no privilege */
		case MAKE_SQLSTATE('5', '8', '0', '0', '0'):		/* 58: I/O */
			return true;
		default:
			return sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE;
	}
}

/*
 * Errors after which the workflows of a batch are tried one at a time: since
 * one of them is at fault, or so that the others need not wait with it.
 */
static bool
is_worth_splitting(int sqlerrcode)
{
	return !is_transient(sqlerrcode) || took_too_long(sqlerrcode) ||
		sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
		ERRCODE_TO_CATEGORY(sqlerrcode) ==
		ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION;
}

/*
 * Was it our own time limit?
 */
static bool
took_too_long(int sqlerrcode)
{
	return sqlerrcode == ERRCODE_QUERY_CANCELED &&
		TimestampDifferenceExceeds(pass_began, GetCurrentTimestamp(),
								   hitl_batch_timeout);
}

/*
 * Fail a workflow, in a transaction of its own, and take its due messages out
 * of the way.
 */
static void
fail_workflow(const pg_uuid_t *id, const ErrorData *error)
{
	/* What was told from outside is kept, to be told again by a retry. */
	static HitlStatement drop_messages = {
		"WITH gone AS (DELETE FROM hitl.messages "
		"WHERE workflow_id = $1 AND due_at <= clock_timestamp() "
		"RETURNING due_at, id, kind, body) "
		"SELECT jsonb_build_object('dropped', jsonb_agg(jsonb_build_object("
		"'kind', kind, 'body', body) ORDER BY due_at, id)) FROM gone "
		"WHERE kind IN ('start', 'scheduled_start', 'signal_sent', 'approval_requested') "
		"HAVING count(*) > 0",
		1,
		{UUIDOID},
	};
	static HitlStatement fail = {
		"UPDATE hitl.workflows SET status = 'failed', finished_at = clock_timestamp(), "
		"last_event = last_event + 1, error = jsonb_strip_nulls(jsonb_build_object("
		"'kind', $5, 'message', $2, 'sqlstate', $3, 'detail', $4)) "
		"WHERE id = $1 AND status NOT IN ('completed', 'failed', 'rejected', 'cancelled') "
		"RETURNING last_event, error, event_hash",
		5,
		{UUIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID},
	};
	static HitlStatement record = {
		"WITH e AS (INSERT INTO hitl.workflow_events (workflow_id, seq, event_type, data, "
		"created_at, hash) VALUES ($1, $2, 'workflow_failed', $3, $4, $5)) "
		"UPDATE hitl.workflows SET event_hash = $5 WHERE id = $1",
		5,
		{UUIDOID, INT4OID, JSONBOID, TIMESTAMPTZOID, BYTEAOID},
	};
	/* At once: who cannot be loaded could not take a message about it. */
	static HitlStatement admit = {
		"SELECT hitl.admit_starts(ARRAY[template], ARRAY[id]) FROM hitl.workflows "
		"WHERE id = $1 AND template IS NOT NULL",
		1,
		{UUIDOID},
	};
	bool late = took_too_long(error->sqlerrcode);
	const char *message;
	HitlEvent event = {.workflow_id = id, .type = "workflow_failed"};
	Datum values[5];
	Datum hash;
	Jsonb *dropped;
	bool none = true;
	bool isnull;

	hitl_begin_work("failing a workflow");
	message = late
		? psprintf("processing it took longer than hitl.batch_timeout (%d ms)",
				   hitl_batch_timeout)
		: error->message ? error->message
						 : "unknown error";
	values[0] = UUIDPGetDatum(id);
	hitl_execute(&drop_messages, values, NULL, 0);
	dropped = SPI_processed > 0 ? DatumGetJsonbP(hitl_column(0, 1, &none))
								: NULL;
	values[1] = CStringGetTextDatum(message);
	values[2] = CStringGetTextDatum(unpack_sql_state(error->sqlerrcode));
	values[3] = error->detail ? CStringGetTextDatum(error->detail) : 0;
	values[4] = CStringGetTextDatum(late ? "timeout" : "system_error");
	hitl_execute(&fail, values, error->detail ? NULL : "   n ", 0);
	if (SPI_processed > 0)
	{
		values[1] = hitl_column(0, 1, &isnull);
		event.seq = DatumGetInt32(values[1]);
		event.data = DatumGetJsonbP(hitl_column(0, 2, &isnull));
		if (dropped)
			event.data = hitl_merge(event.data, dropped);
		event.created_at = GetCurrentTimestamp();
		hash = hitl_column(0, 3, &isnull);
		values[2] = JsonbPGetDatum(event.data);
		values[3] = TimestampTzGetDatum(event.created_at);
		values[4] = PointerGetDatum(
			hitl_chain_event(&event, isnull ? NULL : DatumGetByteaP(hash)));
		hitl_execute(&record, values, NULL, 0);
		hitl_withdraw_all(id);
		hitl_tell_parent(id);
		hitl_execute(&admit, values, NULL, 0);
		if (!is_beyond_recovery(error->sqlerrcode))
			hitl_plan_recoveries_of(values, 1);
		hitl_announce_at_commit(id);
		hitl_notify_after_work("hitl_events", hitl_id_text(id));
		if (hitl_logs(HITL_LOG_OF_WORKFLOWS))
			hitl_log_failed_alone(id, late ? "timeout" : "system_error",
								  error->sqlerrcode);
	}
	hitl_end_work();
}

/*
 * Errors that a workflow's definition or control state is damaged: it could
 * not even be loaded for a recovery.
 */
static bool
is_beyond_recovery(int sqlerrcode)
{
	return sqlerrcode == ERRCODE_UNDEFINED_OBJECT ||
		sqlerrcode == ERRCODE_DATA_CORRUPTED ||
		sqlerrcode == ERRCODE_HITL_INVALID_DEFINITION;
}

/*
 * Put off the due messages of a workflow that can neither go on now nor be
 * failed (a trigger forbids it, say), so that the others go on: for a minute,
 * or, if others hold what it needs, at first for a second.  The answer is how
 * often that was done.
 */
static int
put_off(const pg_uuid_t *id, bool held)
{
	static HitlStatement postpone = {
		"WITH due AS MATERIALIZED (SELECT ctid FROM hitl.messages "
		"WHERE workflow_id = $1 AND due_at <= now() FOR UPDATE SKIP LOCKED), "
		"later AS (UPDATE hitl.messages SET due_at = now() + CASE WHEN $2 "
		"THEN make_interval(secs => least(60, 2 ^ least(6, coalesce((body ->> 'put_off')::integer, 0)))) "
		"ELSE interval '1 minute' END, "
		"body = body || jsonb_build_object("
		"'put_off', coalesce((body ->> 'put_off')::integer, 0) + 1) "
		"WHERE ctid = ANY (ARRAY(SELECT ctid FROM due)) "
		"RETURNING (body ->> 'put_off')::integer AS times) "
		"SELECT coalesce(max(times), 0) FROM later",
		2,
		{UUIDOID, BOOLOID},
	};
	Datum values[2];
	int times;
	bool isnull;

	values[0] = UUIDPGetDatum(id);
	values[1] = BoolGetDatum(held);
	hitl_begin_work("putting off messages");
	hitl_execute(&postpone, values, NULL, 0);
	times = DatumGetInt32(hitl_column(0, 1, &isnull));
	if (hitl_logs(HITL_LOG_OF_WORKFLOWS))
		hitl_log_put_off(id, times, held);
	hitl_end_work();
	return times;
}

/*
 * Fail a workflow whose definition has not come for an hour.
 */
static void
fail_undefined(const pg_uuid_t *id)
{
	static HitlStatement call_back = {
		"UPDATE hitl.messages SET due_at = now() "
		"WHERE workflow_id = $1 AND body ? 'put_off'",
		1,
		{UUIDOID},
	};
	ErrorData error =
		{.sqlerrcode = ERRCODE_UNDEFINED_OBJECT,
		 .message = "its definition is missing",
		 .detail = "It was waited for as long as a restore may take."};
	Datum value = UUIDPGetDatum(id);

	hitl_begin_work("calling back messages");
	hitl_execute(&call_back, &value, NULL, 0);
	hitl_end_work();
	fail_workflow(id, &error);
}

/*
 * Claim, deliver and write one batch.  Returns how many messages were done, of
 * those claimed; skipped tells whether others were left because their workflow
 * is locked.
 */
static int
process_batch(int *claimed, bool *skipped)
{
	HitlBatch *batch;
	Message *messages;
	int count;
	int done = 0;
	int missing = 0;
	int i;

	count = *claimed = claim(&messages);
	if (count == 0)
		return 0;

	take_in_hand(messages, count);
	batch = hitl_batch_create();
	batch->by_engine = true;
	hitl_batch_load(batch, in_hand, in_hand_count);
	read_branches(batch, messages, count);
	for (i = 0; i < count; i++)
	{
		HitlWorkflow *workflow = hitl_batch_find(batch,
												 &messages[i].workflow_id);

		if (workflow == NULL)
		{
			missing++;
			continue;
		}
		hitl_deliver(batch, workflow, messages[i].kind, messages[i].body);
		messages[i].done = true;
		done++;
		CHECK_FOR_INTERRUPTS();
		if (batch->bytes > HITL_MAX_BATCH_BYTES && i + 1 < count)
		{
			batch->cut = true;
			break;
		}
	}
	if (batch->cut)
		claim_position = DT_NOBEGIN; /* the others are next */
	hitl_batch_write(batch);
	if (missing > 0)
		postpone_orphans(messages, count, skipped);
	delete_messages(messages, count);
	hitl_count_handled(done);
	return done;
}

/*
 * Claim due messages, oldest first, from the position that the last claim
 * reached: what lies before it is gone and only dead index entries are left
 * (a sweep from the beginning each second finds what committed late).
 */
static int
claim(Message **messages)
{
#define CLAIM_MESSAGES \
	"SELECT m.ctid, m.due_at, m.id, m.workflow_id, m.kind, m.body FROM hitl.messages m "
	static HitlStatement claim_due = {
		CLAIM_MESSAGES
		"WHERE (m.due_at, m.id) > ($1, $4) AND m.due_at <= $2 "
		"ORDER BY m.due_at, m.id LIMIT $3 FOR UPDATE SKIP LOCKED",
		4,
		{TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID, INT8OID},
	};
	static HitlStatement claim_one = {
		CLAIM_MESSAGES
		"WHERE m.workflow_id = $1 AND m.due_at <= $2 "
		"ORDER BY m.due_at, m.id LIMIT $3 FOR UPDATE SKIP LOCKED",
		3,
		{UUIDOID, TIMESTAMPTZOID, INT4OID},
	};
	TimestampTz now = GetCurrentTimestamp();
	Datum values[4];
	int count;

	values[1] = TimestampTzGetDatum(now);
	if (alone != NULL)
	{
		/* Not past the batch: that queue may be long, and has no such index. */
		values[0] = UUIDPGetDatum(alone);
		values[1] = TimestampTzGetDatum(Min(now, suspects_until));
		values[2] = Int32GetDatum(alone_limit);
		hitl_execute(&claim_one, values, NULL, 0);
		return alone_claimed = read_messages(messages);
	}
	must_look_back |= hitl_must_look_back();
	if (must_look_back && now >= next_look_back)
	{
		must_look_back = false;
		front = Max(front, claim_position);
		claim_position = DT_NOBEGIN;
	}
	if (now >= next_sweep)
	{
		claim_position = DT_NOBEGIN;
		next_sweep = now + SWEEP_INTERVAL * (int64) 1000;
	}
	values[0] = TimestampTzGetDatum(claim_position);
	values[2] = Int32GetDatum(hitl_batch_size);
	values[3] = Int64GetDatum(claim_position == DT_NOBEGIN ? 0 : claim_id);
	hitl_execute(&claim_due, values, NULL, 0);
	if (claim_position < front)
	{
		TimestampTz then = GetCurrentTimestamp();

		next_look_back = then + (then - now) * LOOK_BACK_SHARE;
	}
	count = read_messages(messages);
	if (count > 0)
	{
		claim_position = (*messages)[count - 1].due_at;
		claim_id = (*messages)[count - 1].id;
	}
	return count;
}

/*
 * The messages in SPI_tuptable.
 */
static int
read_messages(Message **messages)
{
	int count = SPI_processed;
	int i;

	*messages = palloc0((count + 1) * sizeof(Message));
	for (i = 0; i < count; i++)
	{
		Message *message = &(*messages)[i];
		bool isnull;

		message->ctid = *(ItemPointer) DatumGetPointer(
			hitl_column(i, 1, &isnull));
		message->due_at = DatumGetTimestampTz(hitl_column(i, 2, &isnull));
		message->id = DatumGetInt64(hitl_column(i, 3, &isnull));
		message->workflow_id = *DatumGetUUIDP(hitl_column(i, 4, &isnull));
		message->kind = hitl_column_text(i, 5);
		message->body = DatumGetJsonbP(hitl_column(i, 6, &isnull));
	}
	return count;
}

/*
 * Remember the workflows of the messages, each once.
 */
static void
take_in_hand(Message *messages, int count)
{
	int i;

	if (count > in_hand_capacity)
	{
		in_hand = in_hand == NULL
			? MemoryContextAlloc(TopMemoryContext, count * sizeof(pg_uuid_t))
			: repalloc(in_hand, count * sizeof(pg_uuid_t));
		in_hand_capacity = count;
	}
	for (i = 0; i < count; i++)
		in_hand[i] = messages[i].workflow_id;
	in_hand_until = messages[count - 1].due_at;
	qsort(in_hand, count, sizeof(pg_uuid_t), compare_ids);
	in_hand_count = qunique(in_hand, count, sizeof(pg_uuid_t), compare_ids);
}

static int
compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(pg_uuid_t));
}

/*
 * Read the branches that the messages are about, if there are such.
 */
static void
read_branches(HitlBatch *batch, Message *messages, int count)
{
	static const Oid types[] = {UUIDOID, INT8OID};
	HitlRows rows;
	int i;

	hitl_rows_init(&rows, lengthof(types), types);
	for (i = 0; i < count; i++)
	{
		int64 token = hitl_member_int(messages[i].body, "token", 0);
		Datum values[2];

		if (HITL_TOKEN_BRANCH(token) <= 0)
			continue;
		values[0] = UUIDPGetDatum(&messages[i].workflow_id);
		values[1] = Int64GetDatum(HITL_TOKEN_BRANCH(token));
		hitl_rows_add(&rows, values, NULL);
	}
	hitl_read_branches(batch, &rows);
}

/*
 * Of the messages that were left, put off those whose workflow does not exist
 * (a restore that has not reached it yet); the others' workflows are locked.
 */
static void
postpone_orphans(Message *messages, int count, bool *skipped)
{
	static HitlStatement postpone = {
		"UPDATE hitl.messages m SET due_at = clock_timestamp() + interval '1 minute' "
		"WHERE m.ctid = ANY ($1) AND NOT EXISTS "
		"(SELECT FROM hitl.workflows w WHERE w.id = m.workflow_id)",
		1,
		{TIDARRAYOID},
	};
	Datum *ctids = palloc(count * sizeof(Datum));
	Datum value;
	int left = 0;
	int i;

	for (i = 0; i < count; i++)
		if (!messages[i].done)
			ctids[left++] = PointerGetDatum(&messages[i].ctid);
	value = PointerGetDatum(construct_array(ctids, left, TIDOID,
											sizeof(ItemPointerData), false,
											TYPALIGN_SHORT));
	hitl_execute(&postpone, &value, NULL, 0);
	if (SPI_processed < left)
		*skipped = true;
}

/*
 * Delete the messages that are done.  Their rows are locked, so they are where
 * they were found.
 */
static void
delete_messages(Message *messages, int count)
{
	static HitlStatement remove = {
		"DELETE FROM hitl.messages WHERE ctid = ANY ($1)",
		1,
		{TIDARRAYOID},
	};
	Datum *ctids = palloc(count * sizeof(Datum));
	Datum value;
	int done = 0;
	int i;

	for (i = 0; i < count; i++)
		if (messages[i].done)
			ctids[done++] = PointerGetDatum(&messages[i].ctid);
	if (done == 0)
		return;
	value = PointerGetDatum(construct_array(ctids, done, TIDOID,
											sizeof(ItemPointerData), false,
											TYPALIGN_SHORT));
	hitl_execute(&remove, &value, NULL, 0);
}

/*
 * How long nothing is due, having looked for what was due by then.
 */
static long
sleep_time(TimestampTz looked_at)
{
	static HitlStatement next = {
		"SELECT least((SELECT due_at FROM hitl.messages WHERE due_at > $1 "
		"ORDER BY due_at LIMIT 1), "
		"(SELECT due_at FROM hitl.approval_requests WHERE due_at IS NOT NULL "
		"ORDER BY due_at LIMIT 1), "
		"(SELECT due_at FROM hitl.external_tasks WHERE due_at IS NOT NULL "
		"ORDER BY due_at LIMIT 1))",
		1,
		{TIMESTAMPTZOID},
	};
	Datum value = TimestampTzGetDatum(looked_at);
	Datum due;
	bool isnull;

	hitl_execute(&next, &value, NULL, 1);
	due = hitl_column(0, 1, &isnull);
	if (isnull)
		return HITL_SLEEP_FOREVER;
	return Max(1,
			   TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
											   DatumGetTimestampTz(due)));
}

/*
 * Remove a batch of what is old if it is time to, and say how long nothing is
 * due.  busy: there is other work, so that this must not take too much time.
 */
static long
purge_when_due(bool busy, bool worked, long sleep)
{
	TimestampTz now = GetCurrentTimestamp();
	long wait;

	if (purge_retention != hitl_retention)
	{
		purge_retention = hitl_retention;
		next_purge = no_purge_before = now;
	}
	/* What is new now is old then. */
	if (worked && next_purge == DT_NOEND)
		next_purge = now + hitl_retention * USECS_PER_SEC;
	if (now >= next_purge && (!busy || now >= no_purge_before))
	{
		TimestampTz next;
		TimestampTz ended;

		purging = true;
		hitl_begin_work("removing what is old");
		enable_timeout_after(STATEMENT_TIMEOUT, hitl_batch_timeout);
		next = hitl_purge_next();
		disable_timeout(STATEMENT_TIMEOUT, false);
		hitl_end_work();
		purging = false;
		ended = GetCurrentTimestamp();
		next_purge = next;
		no_purge_before = ended + (ended - now) * (PURGE_SHARE - 1);
		now = ended;
	}
	if (busy || next_purge == DT_NOEND)
		return sleep;
	/* 0 would have another engine woken to help. */
	wait = Max(1, TimestampDifferenceMilliseconds(now, next_purge));
	return sleep < 0 ? wait : Min(sleep, wait);
}
