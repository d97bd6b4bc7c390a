/*
 * write.c
 *		Writing a batch: a constant number of statements, whatever is in it.
 */
#include "postgres.h"

#include "approval/approval.h"
#include "catalog/pg_type.h"
#include "hitl.h"
#include "lib/stringinfo.h"
#include "undo/checkpoint.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "worker/worker.h"
#include "workflow/admission.h"
#include "workflow/batch.h"
#include "workflow/branch.h"
#include "workflow/effects.h"
#include "workflow/external.h"
#include "workflow/identifier.h"
#include "workflow/large.h"
#include "workflow/queue.h"

/* Room for ids in the payload of one notification (its limit is 8000). */
#define PUBLISH_LIMIT 7800

static void write_awaited(HitlBatch *batch);
static void withdraw_by_token(HitlBatch *batch);
static void withdraw_by_workflow(HitlBatch *batch);
static void withdraw_all(Datum *workflow_ids, int count);
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
	int i;

	hitl_tell_parents(batch);
	for (i = 0; i < batch->nworkflows; i++)
		if (batch->workflows[i].changed && batch->workflows[i].control)
			hitl_take_branches(batch, &batch->workflows[i]);
	hitl_write_branches(batch);
	write_workflows(batch);
	hitl_plan_recoveries(batch);
	write_awaited(batch);
	withdraw_by_token(batch);
	withdraw_asked_by_hand(batch);
	withdraw_by_workflow(batch);
	hitl_insert_checkpoints(&batch->checkpoints);
	hitl_admit_starts(batch);
	if (!batch->by_engine)
		have_published(batch);
	hitl_insert_messages(batch);
	hitl_write_events(batch);
	if (batch->by_engine)
		publish(batch);
}

/*
 * Write the events so far.
 */
void
hitl_write_events(HitlBatch *batch)
{
	static HitlStatement insert = {
		"INSERT INTO hitl.workflow_events (workflow_id, seq, event_type, step_name, "
		"position, data, delta, actor, created_at, scope, hash) "
		"SELECT unnest($1), unnest($2), unnest($3), unnest($4), unnest($5), unnest($6), "
		"unnest($7), unnest($8), unnest($9), unnest($10), unnest($11)",
		11,
		{UUIDARRAYOID, INT4ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
		 JSONBARRAYOID, JSONBARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID,
		 INT8ARRAYOID, BYTEAARRAYOID},
	};

	hitl_rows_execute(&batch->events, &insert);
	batch->events.count = 0;
}

/*
 * Withdraw all that a loaded workflow awaits, what is still to be written too.
 * It is done with the batch, for all such workflows at once.
 */
void
hitl_await_nothing(HitlBatch *batch, HitlWorkflow *workflow)
{
	if (workflow->withdrawn)
		return;
	workflow->withdrawn = true;
	batch->withdrawn = lappend(batch->withdrawn, workflow);
}

/*
 * Withdraw what has a token, with the batch; 0: all that is awaited.
 */
void
hitl_withdraw_token(HitlBatch *batch, HitlWorkflow *workflow, int64 token)
{
	Datum values[2];

	if (token == 0)
	{
		hitl_await_nothing(batch, workflow);
		return;
	}
	values[0] = UUIDPGetDatum(&workflow->id);
	values[1] = Int64GetDatum(token);
	hitl_rows_add(&batch->withdrawals, values, NULL);
}

/*
 * Before anything is queued for a workflow: withdraw what was to be withdrawn
 * of it, or the new would be, too.
 */
void
hitl_settle_withdrawals(HitlBatch *batch, HitlWorkflow *workflow)
{
	if (!workflow->withdrawn)
		return;
	write_awaited(batch);
	withdraw_by_workflow(batch);
}

/*
 * Withdraw all that a workflow awaits, at once.
 */
void
hitl_withdraw_all(const pg_uuid_t *workflow_id)
{
	Datum value = UUIDPGetDatum(workflow_id);

	withdraw_all(&value, 1);
}

/*
 * Write what workflows have come to await.
 */
static void
write_awaited(HitlBatch *batch)
{
	static HitlStatement insert_tasks = {
		"INSERT INTO hitl.outbox (id, purpose, workflow_id, token, url, secret_name, "
		"body, idempotency_key, retry, timeout_seconds, priority, headers, provider, model, "
		"fallbacks, conversation) SELECT id, 'inference', workflow_id, token, url, secret_name, "
		"body, key, retry, timeout, priority, headers, provider, model, fallbacks, conversation "
		"FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) "
		"AS t (id, workflow_id, token, url, secret_name, body, key, retry, timeout, priority, "
		"headers, provider, model, fallbacks, conversation)",
		15,
		{UUIDARRAYOID, UUIDARRAYOID, INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
		 TEXTARRAYOID, TEXTARRAYOID, JSONBARRAYOID, INT4ARRAYOID, INT2ARRAYOID,
		 JSONBARRAYOID, TEXTARRAYOID, TEXTARRAYOID, JSONBARRAYOID,
		 JSONBARRAYOID},
	};

	hitl_insert_approvals(&batch->approvals);
	batch->approvals.count = 0;
	hitl_rows_execute(&batch->tasks, &insert_tasks);
	batch->tasks.count = 0;
	hitl_insert_timers(&batch->timers);
	batch->timers.count = 0;
	hitl_insert_external(&batch->external);
	batch->external.count = 0;
	hitl_insert_statements(&batch->statements);
	batch->statements.count = 0;
	hitl_insert_http(&batch->calls);
	batch->calls.count = 0;
}

/*
 * Withdraw what has the tokens of the batch's withdrawals.
 */
static void
withdraw_by_token(HitlBatch *batch)
{
	static HitlStatement cancel_requests = {
		"UPDATE hitl.outbox o SET status = 'cancelled', finished_at = clock_timestamp() "
		"FROM unnest($1, $2) AS w (workflow_id, token) "
		"WHERE o.workflow_id = w.workflow_id AND o.token = w.token "
		"AND o.status IN ('queued', 'sending')",
		2,
		{UUIDARRAYOID, INT8ARRAYOID},
	};

	if (batch->withdrawals.count == 0)
		return;
	hitl_withdraw_approvals(&batch->withdrawals);
	hitl_rows_execute(&batch->withdrawals, &cancel_requests);
	hitl_withdraw_timers(&batch->withdrawals);
	hitl_withdraw_signals(&batch->withdrawals);
	hitl_withdraw_children(&batch->withdrawals);
	hitl_withdraw_statements(&batch->withdrawals);
	hitl_withdraw_external(&batch->withdrawals);
}

/*
 * Withdraw all that the workflows of the batch's list await.
 */
static void
withdraw_by_workflow(HitlBatch *batch)
{
	Datum *ids;
	ListCell *cell;
	int count = 0;

	if (batch->withdrawn == NIL)
		return;
	ids = palloc(list_length(batch->withdrawn) * sizeof(Datum));
	foreach(cell, batch->withdrawn)
	{
		HitlWorkflow *workflow = lfirst(cell);

		ids[count++] = UUIDPGetDatum(&workflow->id);
		workflow->withdrawn = false;
	}
	batch->withdrawn = NIL;
	withdraw_all(ids, count);
}

/*
 * Withdraw all that workflows await.
 */
static void
withdraw_all(Datum *workflow_ids, int count)
{
	static HitlStatement cancel_requests = {
		"UPDATE hitl.outbox SET status = 'cancelled', finished_at = clock_timestamp() "
		"WHERE workflow_id = ANY ($1) AND token IS NOT NULL "
		"AND status IN ('queued', 'sending')",
		1,
		{UUIDARRAYOID},
	};
	ArrayType *array = construct_array(workflow_ids, count, UUIDOID, UUID_LEN,
									   false, TYPALIGN_CHAR);
	Datum ids = PointerGetDatum(array);

	hitl_withdraw_all_approvals(array);
	hitl_execute(&cancel_requests, &ids, NULL, 0);
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
	static const Oid types[] = {UUIDOID,		TEXTOID,		JSONBOID,
								JSONBOID,		JSONBOID,		INT4OID,
								TIMESTAMPTZOID, TIMESTAMPTZOID, JSONBOID,
								INT4OID,		JSONBOID,		BYTEAOID};
	static HitlStatement update_workflows = {
		"UPDATE hitl.workflows w SET status = u.status, control = u.control, "
		"data = coalesce(u.data, w.data), error = u.error, last_event = u.last_event, "
		"started_at = u.started_at, finished_at = u.finished_at, output = u.output, "
		"recoveries = u.recoveries, event_hash = u.event_hash, "
		"large = CASE WHEN u.data IS NULL THEN w.large ELSE u.large END "
		"FROM (SELECT unnest($1), unnest($2), unnest($3), unnest($4), unnest($5), unnest($6), "
		"unnest($7), unnest($8), unnest($9), unnest($10), unnest($11), unnest($12)) AS u (id, "
		"status, control, data, error, last_event, started_at, finished_at, output, recoveries, "
		"large, event_hash) WHERE w.id = u.id",
		12,
		{UUIDARRAYOID, TEXTARRAYOID, JSONBARRAYOID, JSONBARRAYOID,
		 JSONBARRAYOID, INT4ARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID,
		 JSONBARRAYOID, INT4ARRAYOID, JSONBARRAYOID, BYTEAARRAYOID},
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
		nulls[3] = !workflow->data.changed;
		if (workflow->data.changed)
			values[3] = JsonbPGetDatum(hitl_data_stored(&workflow->data));
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
		values[10] = PointerGetDatum(hitl_large_column(&workflow->data));
		nulls[10] = values[10] == 0;
		nulls[11] = workflow->event_hash == NULL;
		values[11] = PointerGetDatum(workflow->event_hash);
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
		if (batch->workflows[i].ended && !batch->workflows[i].withdrawn)
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
 * Have the ids of the workflows that have changed published after the commit,
 * as many in one notification as fit.
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
		hitl_notify_after_work("hitl_tasks", lfirst(cell));
	initStringInfo(&payload);
	for (i = 0; i < batch->nworkflows; i++)
	{
		if (!batch->workflows[i].changed && !batch->workflows[i].to_publish)
			continue;
		if (payload.len > PUBLISH_LIMIT)
		{
			hitl_notify_after_work("hitl_events", payload.data);
			resetStringInfo(&payload);
		}
		appendStringInfo(&payload, "%s%s", payload.len ? "," : "",
						 hitl_id_text(&batch->workflows[i].id));
	}
	if (payload.len)
		hitl_notify_after_work("hitl_events", payload.data);
}
