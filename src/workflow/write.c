/*
 * write.c
 *		Writing a batch: a constant number of statements, whatever is in it.
 */
#include "postgres.h"

#include "approval/approval.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "hitl.h"
#include "lib/stringinfo.h"
#include "undo/checkpoint.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "worker/worker.h"
#include "workflow/batch.h"
#include "workflow/effects.h"
#include "workflow/external.h"
#include "workflow/identifier.h"
#include "workflow/queue.h"

/* Room for ids in the payload of one notification (its limit is 8000). */
#define PUBLISH_LIMIT 7800

static void write_workflows(HitlBatch *batch);
static void withdraw_asked_by_hand(HitlBatch *batch);
static void have_published(HitlBatch *batch);
static void publish(HitlBatch *batch);

/*
 * Write what has changed, announce and publish it.
 */
void
hitl_batch_write(HitlBatch *batch)
{
	static HitlStatement insert_events = {
		"INSERT INTO hitl.workflow_events (workflow_id, seq, event_type, step_name, "
		"position, data, delta, actor, created_at) "
		"SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9)",
		9,
		{UUIDARRAYOID, INT4ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
		 JSONBARRAYOID, JSONBARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID},
	};
	static HitlStatement insert_tasks = {
		"INSERT INTO hitl.outbox (id, purpose, workflow_id, token, url, secret_name, "
		"body, idempotency_key, retry, timeout_seconds) "
		"SELECT id, 'inference', workflow_id, token, url, secret_name, body, key, retry, "
		"timeout FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9) "
		"AS t (id, workflow_id, token, url, secret_name, body, key, retry, timeout)",
		9,
		{UUIDARRAYOID, UUIDARRAYOID, INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
		 TEXTARRAYOID, TEXTARRAYOID, JSONBARRAYOID, INT4ARRAYOID},
	};
	static HitlStatement cancel_tasks = {
		"UPDATE hitl.outbox o SET status = 'cancelled', finished_at = clock_timestamp() "
		"FROM unnest($1, $2) AS w (workflow_id, token) "
		"WHERE o.workflow_id = w.workflow_id AND o.token = w.token "
		"AND o.status IN ('queued', 'sending')",
		2,
		{UUIDARRAYOID, INT8ARRAYOID},
	};

	hitl_tell_parents(batch);
	write_workflows(batch);
	hitl_plan_recoveries(batch);
	hitl_insert_approvals(&batch->approvals);
	hitl_insert_external(&batch->external);
	hitl_withdraw_approvals(&batch->withdrawals);
	withdraw_asked_by_hand(batch);
	hitl_rows_execute(&batch->withdrawals, &cancel_tasks);
	hitl_withdraw_timers(&batch->withdrawals);
	hitl_withdraw_signals(&batch->withdrawals);
	hitl_withdraw_children(&batch->withdrawals);
	hitl_withdraw_statements(&batch->withdrawals);
	hitl_withdraw_external(&batch->withdrawals);
	hitl_rows_execute(&batch->tasks, &insert_tasks);
	hitl_insert_checkpoints(&batch->checkpoints);
	if (!batch->by_engine)
		have_published(batch);
	hitl_insert_messages(batch);
	hitl_rows_execute(&batch->events, &insert_events);
	if (batch->by_engine)
		publish(batch);
}

/*
 * Withdraw all that a workflow awaits, at once.
 */
void
hitl_withdraw_all(const pg_uuid_t *workflow_id)
{
	static HitlStatement cancel = {
		"UPDATE hitl.outbox SET status = 'cancelled', finished_at = clock_timestamp() "
		"WHERE workflow_id = $1 AND token IS NOT NULL AND status IN ('queued', 'sending')",
		1,
		{UUIDOID},
	};
	Datum value = UUIDPGetDatum(workflow_id);
	Datum ids;

	hitl_withdraw_all_approvals(
		construct_array(&value, 1, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR));
	hitl_execute(&cancel, &value, NULL, 0);
	ids = PointerGetDatum(construct_array(&value, 1, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR));
	hitl_withdraw_all_timers(ids);
	hitl_withdraw_all_signals(ids);
	hitl_withdraw_all_children(ids);
	hitl_withdraw_all_statements(ids);
	hitl_withdraw_all_external(ids);
}

/*
 * Update the rows of the workflows that have changed.
 */
static void
write_workflows(HitlBatch *batch)
{
	static const Oid types[] = {UUIDOID,		TEXTOID,	   JSONBOID,
								JSONBOID,		JSONBOID,	   INT4OID,
								TIMESTAMPTZOID, TIMESTAMPTZOID,
								JSONBOID,		INT4OID};
	static HitlStatement update_workflows = {
		"UPDATE hitl.workflows w SET status = u.status, control = u.control, "
		"data = u.data, error = u.error, last_event = u.last_event, "
		"started_at = u.started_at, finished_at = u.finished_at, output = u.output, "
		"recoveries = u.recoveries "
		"FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) AS u (id, status, control, "
		"data, error, last_event, started_at, finished_at, output, recoveries) "
		"WHERE w.id = u.id",
		10,
		{UUIDARRAYOID, TEXTARRAYOID, JSONBARRAYOID, JSONBARRAYOID,
		 JSONBARRAYOID, INT4ARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID,
		 JSONBARRAYOID, INT4ARRAYOID},
	};
	HitlRows rows;
	int i;

	hitl_rows_init(&rows, lengthof(types), types);
	for (i = 0; i < batch->nworkflows; i++)
	{
		HitlWorkflow *workflow = &batch->workflows[i];
		Datum values[lengthof(types)];
		bool nulls[lengthof(types)] = {false};

		if (!workflow->changed)
			continue;
		values[0] = UUIDPGetDatum(&workflow->id);
		values[1] = CStringGetTextDatum(workflow->status);
		nulls[2] = workflow->control == NULL;
		if (workflow->control)
			values[2] = JsonbPGetDatum(hitl_dump_control(workflow->control));
		values[3] = JsonbPGetDatum(hitl_data_document(&workflow->data));
		nulls[4] = workflow->error == NULL;
		values[4] = JsonbPGetDatum(workflow->error);
		values[5] = Int32GetDatum(workflow->last_event);
		nulls[6] = workflow->started_at == 0;
		values[6] = TimestampTzGetDatum(workflow->started_at);
		nulls[7] = workflow->finished_at == 0;
		values[7] = TimestampTzGetDatum(workflow->finished_at);
		nulls[8] = workflow->output == NULL;
		values[8] = JsonbPGetDatum(workflow->output);
		values[9] = Int32GetDatum(workflow->recoveries);
		hitl_rows_add(&rows, values, nulls);
		hitl_announce_at_commit(&workflow->id);
	}
	hitl_rows_execute(&rows, &update_workflows);
}

/*
 * The core withdraws what a definition has asked.  What the owner of a
 * workflow has asked for it is of no use either once it has ended.
 */
static void
withdraw_asked_by_hand(HitlBatch *batch)
{
	Datum *ids = palloc((batch->nworkflows + 1) * sizeof(Datum));
	int count = 0;
	int i;

	for (i = 0; i < batch->nworkflows; i++)
		if (batch->workflows[i].ended)
			ids[count++] = UUIDPGetDatum(&batch->workflows[i].id);
	if (count > 0)
		hitl_withdraw_all_approvals(construct_array(ids, count, UUIDOID,
													UUID_LEN, false,
													TYPALIGN_CHAR));
}

/*
 * NOTIFY takes a lock at commit that all who notify wait for, and does not go
 * with two-phase commit, so it is no business of a client's transaction: the
 * engine is left a message.
 */
static void
have_published(HitlBatch *batch)
{
	int i;

	for (i = 0; i < batch->nworkflows; i++)
	{
		if (!batch->workflows[i].changed)
			continue;
		hitl_add_message(batch, &batch->workflows[i].id, "changed",
						 hitl_changed_body(batch));
		batch->queues = NIL;
	}
}

/*
 * Publish the ids of the workflows that have changed, as many in one
 * notification as fit.
 */
static void
publish(HitlBatch *batch)
{
	StringInfoData payload;
	ListCell *cell;
	int i;

	/*
	 * Somebody may listen and not read.  When the queue is full, nobody who
	 * publishes can commit; our events are hints, and not worth that.
	 */
	if (DatumGetFloat8(OidFunctionCall0(F_PG_NOTIFICATION_QUEUE_USAGE)) > 0.5)
		return;

	foreach(cell, batch->queues)
		Async_Notify("hitl_tasks", lfirst(cell));
	initStringInfo(&payload);
	for (i = 0; i < batch->nworkflows; i++)
	{
		if (!batch->workflows[i].changed && !batch->workflows[i].to_publish)
			continue;
		if (payload.len > PUBLISH_LIMIT)
		{
			Async_Notify("hitl_events", payload.data);
			resetStringInfo(&payload);
		}
		appendStringInfo(&payload, "%s%s", payload.len ? "," : "",
						 hitl_id_text(&batch->workflows[i].id));
	}
	if (payload.len)
		Async_Notify("hitl_events", payload.data);
}
