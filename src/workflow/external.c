/*
 * external.c
 *		Tasks that programs outside do.
 *
 * A task is a row of hitl.external_tasks.  Programs claim tasks of a queue
 * with a lease, prolong it while they are at work, and answer.  The row is
 * locked by whoever changes it, so of two answers, or of an answer and a
 * withdrawal, exactly one counts and the other is told so.
 *
 * The id under which a task is claimed is that of its row with the number of
 * the claim in its last two bytes.  So it tells without any further knowledge
 * whether the claim is still the latest one.
 *
 * When a lease or a delay ends is due_at: the engine looks at the row then.
 * Failures and time limits are the core's: it withdraws the task, or has
 * another one queued.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "db.h"
#include "funcapi.h"
#include "hitl.h"
#include "mb/pg_wchar.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"
#include "worker/worker.h"
#include "workflow/caller.h"
#include "workflow/effects.h"
#include "workflow/external.h"
#include "workflow/identifier.h"
#include "workflow/mailbox.h"
#include "workflow/payload.h"
#include "workflow/queue.h"

/* Tasks that one call may claim. */
#define MAX_CLAIM 1000

/* Claims of one task that its ids can tell apart. */
#define MAX_CLAIMS 65535

/* A task whose leases have ended so often without an answer has failed. */
#define MAX_LAPSES 5

/* The longest lease, in seconds. */
#define MAX_LEASE (7 * 24 * 3600)

/* The longest message of a failure, in bytes. */
#define MAX_FAILURE_TEXT 8192

/* A claimed task, its row locked. */
typedef struct ClaimedTask
{
	pg_uuid_t id; /* of the row */
	char *queue;
	pg_uuid_t workflow_id;
	int64 token;
	TimestampTz due_at;
} ClaimedTask;

static Interval *lease_argument(FunctionCallInfo fcinfo, int number);
static void lock_task(FunctionCallInfo fcinfo, ClaimedTask *task);
static void finish_task(const ClaimedTask *task, const char *status,
						Jsonb *error, const char *member, Jsonb *value);
static pg_uuid_t *claim_id(const pg_uuid_t *id, int claim);
static void check_failure_kind(const char *kind);

PG_FUNCTION_INFO_V1(hitl_claim_tasks);
PG_FUNCTION_INFO_V1(hitl_heartbeat_task);
PG_FUNCTION_INFO_V1(hitl_complete_task);
PG_FUNCTION_INFO_V1(hitl_fail_task);
PG_FUNCTION_INFO_V1(hitl_release_task);

/*
 * Offer a task; written with the batch.
 */
void
hitl_queue_external(HitlBatch *batch, HitlWorkflow *workflow,
					const HitlEffect *effect)
{
	pg_uuid_t *id = palloc(sizeof(pg_uuid_t));
	const char *queue = effect->type ? effect->type : "default";
	Datum values[9];
	bool nulls[9] = {false};

	*id = hitl_new_id(hitl_id_partition(&workflow->id));
	id->data[UUID_LEN - 2] = id->data[UUID_LEN - 1] = 0;
	values[0] = UUIDPGetDatum(id);
	values[1] = UUIDPGetDatum(&workflow->id);
	values[2] = Int64GetDatum(effect->token);
	nulls[3] = effect->step == NULL;
	values[3] = effect->step ? CStringGetTextDatum(effect->step) : 0;
	values[4] = CStringGetTextDatum(queue);
	values[5] = JsonbPGetDatum(hitl_jsonb_parse(effect->body));
	values[6] = Int32GetDatum(workflow->priority);
	values[7] = Int64GetDatum(effect->scope);
	values[8] = Int32GetDatum(Max(effect->attempt, 1));
	hitl_rows_add(&batch->external, values, nulls);
	hitl_publish_later(batch, queue);
	hitl_add_event(batch, workflow, "task_requested", effect->step,
				   effect->position,
				   hitl_facts("queue", queue, "task_id", hitl_id_text(id),
							  NULL),
				   NULL, NULL);
}

/*
 * Insert the tasks of a batch.
 */
void
hitl_insert_external(HitlRows *rows)
{
	static HitlStatement insert = {
		"INSERT INTO hitl.external_tasks (id, workflow_id, token, step_name, queue, body, "
		"rank, scope, attempt, idempotency_key) "
		"SELECT id, workflow_id, token, step_name, queue, jsonb_build_object('task', "
		"body -> 'task', 'context', body -> 'context', 'instructions', body -> 'instructions'), "
		"clock_timestamp() - priority * " HITL_HEAD_START ", scope, attempt, "
		"CASE WHEN attempt = 1 THEN id ELSE coalesce((SELECT f.idempotency_key "
		"FROM hitl.external_tasks f WHERE f.workflow_id = t.workflow_id "
		"AND f.step_name = t.step_name AND f.scope = t.scope AND f.attempt = t.attempt - 1 "
		"AND f.status IN ('failed', 'withdrawn') LIMIT 1), id) END "
		"FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9) AS t (id, workflow_id, token, "
		"step_name, queue, body, priority, scope, attempt)",
		9,
		{UUIDARRAYOID, UUIDARRAYOID, INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
		 JSONBARRAYOID, INT4ARRAYOID, INT8ARRAYOID, INT4ARRAYOID},
	};

	hitl_rows_execute(rows, &insert);
	rows->count = 0;
}

/*
 * Withdraw tasks; rows of (workflow_id, token).
 */
void
hitl_withdraw_external(HitlRows *withdrawals)
{
	static HitlStatement withdraw = {
		"UPDATE hitl.external_tasks t SET status = 'withdrawn', due_at = NULL, "
		"finished_at = clock_timestamp() "
		"FROM unnest($1, $2) AS w (workflow_id, token) "
		"WHERE t.workflow_id = w.workflow_id AND t.token = w.token "
		"AND t.status IN ('queued', 'delayed', 'claimed')",
		2,
		{UUIDARRAYOID, INT8ARRAYOID},
	};

	hitl_rows_execute(withdrawals, &withdraw);
}

/*
 * Withdraw all tasks of workflows.
 */
void
hitl_withdraw_all_external(Datum workflow_ids)
{
	static HitlStatement withdraw = {
		"UPDATE hitl.external_tasks SET status = 'withdrawn', due_at = NULL, "
		"finished_at = clock_timestamp() WHERE workflow_id = ANY ($1) "
		"AND status IN ('queued', 'delayed', 'claimed')",
		1,
		{UUIDARRAYOID},
	};

	hitl_execute(&withdraw, &workflow_ids, NULL, 0);
}

/*
 * Look at the tasks whose time has come: offer them again, and fail those that
 * were abandoned too often.
 * Called by an engine; how many there were.
 */
int64
hitl_release_due_tasks(int limit, bool *skipped)
{
	static HitlStatement any_due = {
		"SELECT 1 FROM hitl.external_tasks WHERE due_at <= $1 LIMIT 1",
		1,
		{TIMESTAMPTZOID},
	};
	static HitlStatement release = {
		"WITH due AS MATERIALIZED (SELECT id, CASE "
		"WHEN status = 'claimed' AND lapses + 1 >= $3 THEN jsonb_build_object("
		"'kind', 'system_error', 'message', "
		"format('%s times a worker took the task and was not heard of again', $3)) "
		"WHEN claims >= $4 THEN jsonb_build_object('kind', 'system_error', 'message', "
		"format('the task has been claimed %s times in vain', $4)) END AS error "
		"FROM hitl.external_tasks WHERE due_at <= $1 "
		"ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED), "
		"changed AS (UPDATE hitl.external_tasks t SET "
		"status = CASE WHEN due.error IS NULL THEN 'queued' ELSE 'failed' END, "
		"lapses = t.lapses + (t.status = 'claimed')::integer, "
		"error = coalesce(due.error, t.error), "
		"due_at = NULL, "
		"finished_at = CASE WHEN due.error IS NOT NULL THEN clock_timestamp() END "
		"FROM due WHERE t.id = due.id AND t.id = ANY (ARRAY(SELECT id FROM due)) "
		"RETURNING t.queue, t.workflow_id, t.token, t.status, due.error), "
		"told AS (INSERT INTO hitl.messages (workflow_id, kind, body) "
		"SELECT workflow_id, 'reply', jsonb_build_object('token', token, 'error', error) "
		"FROM changed WHERE status = 'failed') "
		"SELECT DISTINCT queue, count(*) OVER () FROM changed",
		4,
		{TIMESTAMPTZOID, INT4OID, INT4OID, INT4OID},
	};
	Datum values[4];
	uint64 queues;
	uint64 i;
	bool isnull;

	/* Mostly none is; the statement below would wake the engine regardless. */
	values[0] = TimestampTzGetDatum(GetCurrentTimestamp());
	hitl_execute(&any_due, values, NULL, 1);
	if (SPI_processed == 0)
		return 0;
	values[1] = Int32GetDatum(limit);
	values[2] = Int32GetDatum(MAX_LAPSES);
	values[3] = Int32GetDatum(MAX_CLAIMS);
	hitl_execute(&release, values, NULL, 0);
	queues = SPI_processed;
	if (queues == 0)
	{
		*skipped = true;
		return 0;
	}
	for (i = 0; i < queues; i++)
		hitl_publish_queue(hitl_column_text(i, 1));
	return DatumGetInt64(hitl_column(0, 2, &isnull));
}

/*
 * hitl.claim_tasks(queue, n, lease, worker): take tasks.
 */
Datum
hitl_claim_tasks(PG_FUNCTION_ARGS)
{
	/* Those whose time has come before the engine has seen them, then the queue. */
	static HitlStatement claim = {
		"WITH due AS MATERIALIZED (SELECT id FROM hitl.external_tasks "
		"WHERE due_at <= clock_timestamp() AND queue = $1 "
		"AND (status = 'delayed' OR status = 'claimed' AND lapses + 1 < $6) "
		"AND claims < $7 "
		"ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED), "
		"queued AS MATERIALIZED (SELECT id FROM hitl.external_tasks "
		"WHERE queue = $1 AND status = 'queued' "
		"AND claims < $7 "
		"ORDER BY rank, id LIMIT (SELECT $2 - count(*) FROM due) FOR UPDATE SKIP LOCKED), "
		"claimed AS (UPDATE hitl.external_tasks t SET status = 'claimed', "
		"claims = t.claims + 1, lapses = t.lapses + (t.status = 'claimed')::integer, "
		"claimed_by = $4, claimed_role = $5, claimed_at = clock_timestamp(), "
		"lease_until = clock_timestamp() + $3, "
		"due_at = clock_timestamp() + $3 "
		"WHERE t.id = ANY (ARRAY(SELECT id FROM due UNION ALL SELECT id FROM queued)) "
		"RETURNING t.*) "
		"SELECT id, workflow_id, step_name, body ->> 'task', body -> 'context', "
		"body ->> 'instructions', claims, lease_until, progress, idempotency_key, created_at, "
		"attempt "
		"FROM claimed ORDER BY rank, id",
		7,
		{TEXTOID, INT8OID, INTERVALOID, TEXTOID, NAMEOID, INT4OID, INT4OID},
	};
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Interval *lease;
	char *queue;
	HitlAllowance allowance;
	int64 count;
	int64 claimed;
	Datum values[7];
	uint64 i;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("queue and n must not be null")));
	queue = hitl_check_name(PG_GETARG_TEXT_PP(0), "queue");
	count = PG_GETARG_INT32(1);
	if (count < 1 || count > MAX_CLAIM)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("n must be between 1 and %d", MAX_CLAIM)));
	lease = lease_argument(fcinfo, 2);

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	hitl_check_queue(queue);
	count = hitl_read_allowance(queue, count, &allowance);
	claimed = 0;
	if (count > 0)
	{
		values[0] = PG_GETARG_DATUM(0);
		values[1] = Int64GetDatum(count);
		values[2] = IntervalPGetDatum(lease);
		values[3] = PG_GETARG_DATUM(3);
		values[4] = DirectFunctionCall1(namein, CStringGetDatum(hitl_caller()));
		values[5] = Int32GetDatum(MAX_LAPSES);
		values[6] = Int32GetDatum(MAX_CLAIMS);
		hitl_execute(&claim, values, PG_ARGISNULL(3) ? "   n   " : NULL, 0);
		for (i = 0; i < SPI_processed; i++)
		{
			Datum row[11];
			bool nulls[11];
			bool isnull;
			int column;
			int claims;
			int attempt;

			for (column = 0; column < lengthof(row); column++)
				row[column] = hitl_column(i, column + 1, &nulls[column]);
			claims = DatumGetInt32(row[6]);
			row[0] = UUIDPGetDatum(claim_id(DatumGetUUIDP(row[0]), claims));
			attempt = DatumGetInt32(hitl_column(i, 12, &isnull));
			row[6] = Int32GetDatum(attempt - 1 + claims);
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, row,
								 nulls);
		}
		claimed = SPI_processed;
	}
	if (claimed > 0)
		hitl_wake_at_commit(HITL_WORKER_ENGINE); /* for when the leases end */
	hitl_record_claims(queue, claimed, &allowance);
	SPI_finish();
	return (Datum) 0;
}

/*
 * hitl.heartbeat_task(task_id, lease, progress): the new end of the lease.
 */
Datum
hitl_heartbeat_task(PG_FUNCTION_ARGS)
{
	static HitlStatement prolong = {
		"UPDATE hitl.external_tasks SET status = 'claimed', "
		"lease_until = clock_timestamp() + $2, "
		"due_at = clock_timestamp() + $2, "
		"progress = coalesce($3, progress) WHERE id = $1 RETURNING lease_until, due_at",
		3,
		{UUIDOID, INTERVALOID, JSONBOID},
	};
	Interval *lease = lease_argument(fcinfo, 1);
	ClaimedTask task;
	Datum values[3];
	Datum result;
	bool isnull;

	if (!PG_ARGISNULL(2))
		hitl_check_payload(PG_GETARG_JSONB_P(2), "progress");
	SPI_connect();
	lock_task(fcinfo, &task);
	values[0] = UUIDPGetDatum(&task.id);
	values[1] = IntervalPGetDatum(lease);
	values[2] = PG_GETARG_DATUM(2);
	hitl_execute(&prolong, values, PG_ARGISNULL(2) ? "  n" : NULL, 0);
	result = hitl_column(0, 1, &isnull);

	/* The engine sleeps until the old end, and looks again then. */
	if (DatumGetTimestampTz(hitl_column(0, 2, &isnull)) < task.due_at)
		hitl_wake_at_commit(HITL_WORKER_ENGINE);
	SPI_finish();
	PG_RETURN_DATUM(result);
}

/*
 * hitl.complete_task(task_id, result)
 */
Datum
hitl_complete_task(PG_FUNCTION_ARGS)
{
	Jsonb *result = NULL;
	ClaimedTask task;

	if (!PG_ARGISNULL(1))
	{
		result = PG_GETARG_JSONB_P(1);
		hitl_check_payload(result, "result");
	}
	SPI_connect();
	lock_task(fcinfo, &task);
	finish_task(&task, "completed", NULL, "result",
				result ? result : hitl_jsonb_parse("null"));
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * hitl.fail_task(task_id, message, kind)
 */
Datum
hitl_fail_task(PG_FUNCTION_ARGS)
{
	char *message;
	char *kind;
	Jsonb *error;
	ClaimedTask task;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("message and kind must not be null")));
	message = text_to_cstring(PG_GETARG_TEXT_PP(1));
	message[pg_mbcliplen(message, strlen(message), MAX_FAILURE_TEXT)] = '\0';
	kind = text_to_cstring(PG_GETARG_TEXT_PP(2));
	check_failure_kind(kind);
	error = hitl_facts("kind", kind, "message", message, NULL);

	SPI_connect();
	lock_task(fcinfo, &task);
	finish_task(&task, "failed", error, "error", error);
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * hitl.release_task(task_id): its queue has it again.
 */
Datum
hitl_release_task(PG_FUNCTION_ARGS)
{
	/* The engine offers it at once, and tells those who sleep. */
	static HitlStatement release = {
		"UPDATE hitl.external_tasks SET status = 'delayed', claimed_by = NULL, "
		"claimed_role = NULL, claimed_at = NULL, lease_until = NULL, "
		"due_at = clock_timestamp() WHERE id = $1",
		1,
		{UUIDOID},
	};
	ClaimedTask task;
	Datum value;

	SPI_connect();
	lock_task(fcinfo, &task);
	value = UUIDPGetDatum(&task.id);
	hitl_execute(&release, &value, NULL, 0);
	hitl_wake_at_commit(HITL_WORKER_ENGINE);
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * How long a claim is to hold.
 */
static Interval *
lease_argument(FunctionCallInfo fcinfo, int number)
{
	Interval *lease = PG_ARGISNULL(number) ? NULL
										   : PG_GETARG_INTERVAL_P(number);
	double seconds = lease
		? DatumGetFloat8(DirectFunctionCall2(interval_part,
											 CStringGetTextDatum("epoch"),
											 IntervalPGetDatum(lease)))
		: 0;

	if (!(seconds > 0 && seconds <= MAX_LEASE))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("lease must be positive and at most %d days",
						MAX_LEASE / (24 * 3600)),
				 errhint("hitl.heartbeat_task() prolongs a lease while a worker is at work.")));
	return lease;
}

/*
 * Lock the task that the first argument names, for whoever has claimed it; an
 * error says what has become of it.
 *
 * A claim whose lease has ended is still good while nobody else has claimed
 * the task.
 */
static void
lock_task(FunctionCallInfo fcinfo, ClaimedTask *task)
{
	static HitlStatement lock = {
		"SELECT queue, status, claims, claimed_at IS NOT NULL, workflow_id, token, "
		"coalesce(due_at, 'infinity') "
		"FROM hitl.external_tasks WHERE id = $1 FOR UPDATE",
		1,
		{UUIDOID},
	};
	const pg_uuid_t *given;
	const char *status;
	Datum value;
	int claim;
	bool isnull;
	bool is_latest;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("task_id must not be null")));
	given = PG_GETARG_UUID_P(0);
	task->id = *given;
	task->id.data[UUID_LEN - 2] = task->id.data[UUID_LEN - 1] = 0;
	claim = given->data[UUID_LEN - 2] << 8 | given->data[UUID_LEN - 1];

	value = UUIDPGetDatum(&task->id);
	hitl_execute(&lock, &value, NULL, 1);
	if (SPI_processed == 0 || claim == 0 ||
		claim > DatumGetInt32(hitl_column(0, 3, &isnull)))
		ereport(ERROR,
				(errcode(ERRCODE_HITL_TASK_NOT_FOUND),
				 errmsg("task %s does not exist", hitl_id_text(given)),
				 errhint("The task_id is the one that hitl.claim_tasks() gave.")));
	task->queue = hitl_column_text(0, 1);
	status = hitl_column_text(0, 2);
	is_latest = claim == DatumGetInt32(hitl_column(0, 3, &isnull));
	if (is_latest)
		is_latest = DatumGetBool(hitl_column(0, 4, &isnull));
	task->workflow_id = *DatumGetUUIDP(hitl_column(0, 5, &isnull));
	task->token = DatumGetInt64(hitl_column(0, 6, &isnull));
	task->due_at = DatumGetTimestampTz(hitl_column(0, 7, &isnull));
	hitl_check_queue(task->queue);

	if (strcmp(status, "withdrawn") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_HITL_TASK_WITHDRAWN),
				 errmsg("task %s has been withdrawn", hitl_id_text(given)),
				 errdetail("Its workflow does not wait for it any more."),
				 errhint("Stop working on it.")));
	if (!is_latest)
		ereport(ERROR,
				(errcode(ERRCODE_HITL_TASK_LOST),
				 errmsg("task %s is no longer claimed by this worker", hitl_id_text(given)),
				 errdetail("It was given back, or its lease ended and another worker has taken it."),
				 errhint("Stop working on it, and prolong the lease in time with hitl.heartbeat_task().")));
	if (strcmp(status, "completed") == 0 || strcmp(status, "failed") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_HITL_TASK_FINISHED),
				 errmsg("task %s has already %s", hitl_id_text(given), status),
				 errhint("A task is answered once; an answer whose outcome was lost has counted.")));
}

/*
 * End a task and tell its workflow: {"token", member: value}.
 */
static void
finish_task(const ClaimedTask *task, const char *status, Jsonb *error,
			const char *member, Jsonb *value)
{
	static HitlStatement finish = {
		"UPDATE hitl.external_tasks SET status = $2, error = $3, due_at = NULL, "
		"finished_at = clock_timestamp() WHERE id = $1",
		3,
		{UUIDOID, TEXTOID, JSONBOID},
	};
	Datum values[3];

	values[0] = UUIDPGetDatum(&task->id);
	values[1] = CStringGetTextDatum(status);
	values[2] = JsonbPGetDatum(error);
	hitl_execute(&finish, values, error ? NULL : "  n", 0);
	hitl_tell_workflow(&task->workflow_id, "reply",
					   hitl_jsonb_parse(psprintf("{\"token\": " INT64_FORMAT
												 ", \"%s\": %s}",
												 task->token, member,
												 hitl_jsonb_text(value))));
	hitl_tell_next(&task->workflow_id, task->queue);
}

/*
 * The id of a claim of a task.
 */
static pg_uuid_t *
claim_id(const pg_uuid_t *id, int claim)
{
	pg_uuid_t *result = palloc(sizeof(pg_uuid_t));

	*result = *id;
	result->data[UUID_LEN - 2] = (unsigned char) (claim >> 8);
	result->data[UUID_LEN - 1] = (unsigned char) claim;
	return result;
}

/*
 * Only the kinds that definitions can name.
 */
static void
check_failure_kind(const char *kind)
{
	static const char *const kinds[] =
		{"timeout",			 "network_error",	 "service_unavailable",
		 "rate_limit",		 "validation_error", "authentication_error",
		 "permission_error", "system_error",	 "unknown_error"};
	int i;

	for (i = 0; i < lengthof(kinds); i++)
		if (strcmp(kind, kinds[i]) == 0)
			return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown kind of failure \"%s\"", kind),
			 errhint("The kinds are timeout, network_error, service_unavailable, rate_limit, validation_error, authentication_error, permission_error, system_error and unknown_error.")));
}
