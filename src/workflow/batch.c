/*
 * batch.c
 *		Workflows that are advanced together in one transaction: loading them,
 *		and writing what has changed with a constant number of statements.
 */
#include "postgres.h"

#include "approval/approval.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "core_bridge.h"
#include "hitl.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "undo/checkpoint.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "worker/worker.h"
#include "workflow/batch.h"
#include "workflow/definition.h"
#include "workflow/identifier.h"

/* Room for ids in the payload of one notification (its limit is 8000). */
#define PUBLISH_LIMIT 7800

static const Oid event_types[] = {UUIDOID, INT4OID, TEXTOID, TEXTOID, TEXTOID,
JSONBOID, JSONBOID, TEXTOID, TIMESTAMPTZOID};
static const Oid task_types[] = {UUIDOID, UUIDOID, INT8OID, TEXTOID, TEXTOID,
TEXTOID, TEXTOID, JSONBOID, INT4OID};
static const Oid withdrawal_types[] = {UUIDOID, INT8OID};
static const Oid message_types[] = {UUIDOID, TEXTOID, JSONBOID};

static void free_core_memory(void *batch);
static void load_workflows(HitlBatch *batch, const pg_uuid_t *id,
						   const pg_uuid_t *ids, int count);
static int	compare_workflows(const void *a, const void *b);
static void load_control(HitlBatch *batch, HitlWorkflow *workflow, bytea *hash, Jsonb *control);
static void write_workflows(HitlBatch *batch);
static void publish(HitlBatch *batch);

/*
 * An empty batch in the current memory context.
 */
HitlBatch *
hitl_batch_create(void)
{
	HitlBatch  *batch = palloc0(sizeof(HitlBatch));
	MemoryContextCallback *callback = palloc(sizeof(MemoryContextCallback));

	batch->now = GetCurrentTimestamp();
	hitl_host_init(&batch->host, &batch->host_data);
	hitl_rows_init(&batch->events, lengthof(event_types), event_types);
	hitl_rows_init(&batch->approvals, HITL_APPROVAL_COLUMNS, hitl_approval_types);
	hitl_rows_init(&batch->tasks, lengthof(task_types), task_types);
	hitl_rows_init(&batch->checkpoints, HITL_CHECKPOINT_COLUMNS, hitl_checkpoint_types);
	hitl_rows_init(&batch->withdrawals, lengthof(withdrawal_types), withdrawal_types);
	hitl_rows_init(&batch->messages, lengthof(message_types), message_types);

	callback->func = free_core_memory;
	callback->arg = batch;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	return batch;
}

/*
 * Lock and load workflows, leaving out those that others have locked.
 */
void
hitl_batch_load(HitlBatch *batch, const pg_uuid_t *ids, int count)
{
	load_workflows(batch, NULL, ids, count);
}

/*
 * A loaded workflow.
 */
HitlWorkflow *
hitl_batch_find(HitlBatch *batch, const pg_uuid_t *id)
{
	HitlWorkflow key;

	key.id = *id;
	return bsearch(&key, batch->workflows, batch->nworkflows, sizeof(HitlWorkflow),
				   compare_workflows);
}

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
		9, {UUIDARRAYOID, INT4ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
		JSONBARRAYOID, JSONBARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID}
	};
	static HitlStatement insert_tasks = {
		"INSERT INTO hitl.outbox (id, purpose, workflow_id, token, url, secret_name, "
		"body, idempotency_key, retry, timeout_seconds) "
		"SELECT id, 'inference', workflow_id, token, url, secret_name, body, key, retry, "
		"timeout FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9) "
		"AS t (id, workflow_id, token, url, secret_name, body, key, retry, timeout)",
		9, {UUIDARRAYOID, UUIDARRAYOID, INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
		TEXTARRAYOID, TEXTARRAYOID, JSONBARRAYOID, INT4ARRAYOID}
	};
	static HitlStatement cancel_tasks = {
		"UPDATE hitl.outbox o SET status = 'cancelled', finished_at = clock_timestamp() "
		"FROM unnest($1, $2) AS w (workflow_id, token) "
		"WHERE o.workflow_id = w.workflow_id AND o.token = w.token "
		"AND o.status IN ('queued', 'sending')",
		2, {UUIDARRAYOID, INT8ARRAYOID}
	};
	static HitlStatement insert_messages = {
		"INSERT INTO hitl.messages (workflow_id, kind, body) "
		"SELECT * FROM unnest($1, $2, $3)",
		3, {UUIDARRAYOID, TEXTARRAYOID, JSONBARRAYOID}
	};

	write_workflows(batch);
	hitl_insert_approvals(&batch->approvals);
	hitl_withdraw_approvals(&batch->withdrawals);
	hitl_rows_execute(&batch->withdrawals, &cancel_tasks);
	hitl_rows_execute(&batch->tasks, &insert_tasks);
	hitl_insert_checkpoints(&batch->checkpoints);
	hitl_rows_execute(&batch->messages, &insert_messages);
	hitl_rows_execute(&batch->events, &insert_events);
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
		1, {UUIDOID}
	};
	Datum		value = UUIDPGetDatum(workflow_id);

	hitl_withdraw_all_approvals(workflow_id);
	hitl_execute(&cancel, &value, NULL, 0);
}

/*
 * Lock and load one workflow for a control function.
 */
HitlWorkflow *
hitl_load_workflow(HitlBatch *batch, const pg_uuid_t *id)
{
	load_workflows(batch, id, NULL, 1);
	if (batch->nworkflows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_HITL_WORKFLOW_NOT_FOUND),
				 errmsg("workflow %s does not exist", hitl_id_text(id)),
				 errhint("hitl.create_workflow returns the id of a workflow.")));
	hitl_check_owner(id, batch->workflows[0].owner);
	return &batch->workflows[0];
}

/*
 * Refuse to control a workflow of a role that the caller does not belong to.
 */
void
hitl_check_owner(const pg_uuid_t *id, const char *owner)
{
	Oid			caller = GetOuterUserId();
	Oid			role = get_role_oid(owner, true);

	if (superuser_arg(caller) ||
		(OidIsValid(role) && has_privs_of_role(caller, role)))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for workflow %s", hitl_id_text(id)),
			 errdetail("It belongs to role \"%s\".", owner),
			 errhint("A workflow is controlled by the role that created it, and by members of that role.")));
}

/*
 * Free what the core allocated; called when the batch's memory context goes.
 */
static void
free_core_memory(void *arg)
{
	HitlBatch  *batch = arg;
	int			i;

	for (i = 0; i < batch->nworkflows; i++)
		if (batch->workflows[i].control)
			hitl_core()->free_control(batch->workflows[i].control);
	hitl_core()->free_effects(&batch->effects);
}

/*
 * Lock and load one workflow, waiting for its row (id), or many, leaving out
 * those that others have locked (ids).
 */
static void
load_workflows(HitlBatch *batch, const pg_uuid_t *id, const pg_uuid_t *ids, int count)
{
#define LOAD_WORKFLOWS \
	"SELECT id, name, status, definition_hash, control, data, error, last_event, " \
	"owner, started_at, finished_at FROM hitl.workflows "
	static HitlStatement load_one = {
		LOAD_WORKFLOWS "WHERE id = $1 FOR UPDATE", 1, {UUIDOID}
	};
	static HitlStatement load_many = {
		LOAD_WORKFLOWS "WHERE id = ANY ($1) FOR UPDATE SKIP LOCKED", 1, {UUIDARRAYOID}
	};
	Datum		values[1];
	bytea	  **hashes;
	Jsonb	  **controls;
	int			i;

	if (ids == NULL)
	{
		values[0] = UUIDPGetDatum(id);
		hitl_execute(&load_one, values, NULL, 0);
	}
	else
	{
		Datum	   *elements = palloc(count * sizeof(Datum));

		for (i = 0; i < count; i++)
			elements[i] = UUIDPGetDatum(&ids[i]);
		values[0] = PointerGetDatum(construct_array(elements, count, UUIDOID, UUID_LEN,
													false, TYPALIGN_CHAR));
		hitl_execute(&load_many, values, NULL, 0);
	}

	batch->nworkflows = SPI_processed;
	batch->workflows = palloc0((batch->nworkflows + 1) * sizeof(HitlWorkflow));
	hashes = palloc0((batch->nworkflows + 1) * sizeof(bytea *));
	controls = palloc0((batch->nworkflows + 1) * sizeof(Jsonb *));
	for (i = 0; i < batch->nworkflows; i++)
	{
		HitlWorkflow *workflow = &batch->workflows[i];
		bool		isnull;
		Datum		datum;

		workflow->id = *DatumGetUUIDP(hitl_column(i, 1, &isnull));
		workflow->name = hitl_column_text(i, 2);
		workflow->status = hitl_column_text(i, 3);
		datum = hitl_column(i, 4, &isnull);
		hashes[i] = isnull ? NULL : DatumGetByteaP(datum);
		datum = hitl_column(i, 5, &isnull);
		controls[i] = isnull ? NULL : DatumGetJsonbP(datum);
		workflow->data.document = DatumGetJsonbP(hitl_column(i, 6, &isnull));
		datum = hitl_column(i, 7, &isnull);
		workflow->error = isnull ? NULL : DatumGetJsonbP(datum);
		workflow->last_event = DatumGetInt32(hitl_column(i, 8, &isnull));
		workflow->owner = hitl_column_text(i, 9);
		datum = hitl_column(i, 10, &isnull);
		workflow->started_at = isnull ? 0 : DatumGetTimestampTz(datum);
		datum = hitl_column(i, 11, &isnull);
		workflow->finished_at = isnull ? 0 : DatumGetTimestampTz(datum);
	}
	for (i = 0; i < batch->nworkflows; i++)
		if (hashes[i])
			load_control(batch, &batch->workflows[i], hashes[i], controls[i]);

	qsort(batch->workflows, batch->nworkflows, sizeof(HitlWorkflow), compare_workflows);
}

/*
 * Order by id.
 */
static int
compare_workflows(const void *a, const void *b)
{
	return memcmp(&((const HitlWorkflow *) a)->id, &((const HitlWorkflow *) b)->id, UUID_LEN);
}

/*
 * Find the definition of a workflow and parse its control state.
 */
static void
load_control(HitlBatch *batch, HitlWorkflow *workflow, bytea *hash, Jsonb *control)
{
	char	   *text = control ? hitl_jsonb_text(control) : NULL;
	char	   *error = NULL;
	HitlResult	result;

	workflow->definition = hitl_find_definition(hash);
	if (workflow->definition == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_HITL_INVALID_DEFINITION),
				 errmsg("the definition of workflow %s is missing",
						hitl_id_text(&workflow->id))));
	result = hitl_core()->parse_control(workflow->definition, text, &workflow->control, &error);
	if (result == HITL_NO_MEMORY)
		hitl_core_out_of_memory();
	if (result != HITL_OK)
	{
		char	   *detail = pstrdup(error ? error : "no reason given");

		hitl_core()->free_text(error);
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the control state of workflow %s is damaged",
						hitl_id_text(&workflow->id)),
				 errdetail_internal("%s", detail)));
	}
}

/*
 * Update the rows of the workflows that have changed.
 */
static void
write_workflows(HitlBatch *batch)
{
	static const Oid types[] = {UUIDOID, TEXTOID, JSONBOID, JSONBOID, JSONBOID,
	INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID};
	static HitlStatement update_workflows = {
		"UPDATE hitl.workflows w SET status = u.status, control = u.control, "
		"data = u.data, error = u.error, last_event = u.last_event, "
		"started_at = u.started_at, finished_at = u.finished_at "
		"FROM unnest($1, $2, $3, $4, $5, $6, $7, $8) AS u (id, status, control, data, "
		"error, last_event, started_at, finished_at) WHERE w.id = u.id",
		8, {UUIDARRAYOID, TEXTARRAYOID, JSONBARRAYOID, JSONBARRAYOID, JSONBARRAYOID,
		INT4ARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID}
	};
	HitlRows	rows;
	int			i;

	hitl_rows_init(&rows, lengthof(types), types);
	for (i = 0; i < batch->nworkflows; i++)
	{
		HitlWorkflow *workflow = &batch->workflows[i];
		Datum		values[lengthof(types)];
		bool		nulls[lengthof(types)] = {false};

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
		hitl_rows_add(&rows, values, nulls);
		if (hitl_status_is_final(workflow->status) ||
			strcmp(workflow->status, "rolled_back") == 0)
			hitl_announce_at_commit(&workflow->id);
	}
	hitl_rows_execute(&rows, &update_workflows);
}

/*
 * Publish the ids of the workflows that have changed, as many in one
 * notification as fit.
 */
static void
publish(HitlBatch *batch)
{
	StringInfoData payload;
	int			i;

	initStringInfo(&payload);
	for (i = 0; i < batch->nworkflows; i++)
	{
		if (!batch->workflows[i].changed)
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
