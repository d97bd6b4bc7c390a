/*
 * batch.c
 *		Workflows that are advanced together in one transaction: loading them,
 *		and changing them in memory.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "approval/approval.h"
#include "catalog/pg_type.h"
#include "core_bridge.h"
#include "hitl.h"
#include "lib/stringinfo.h"
#include "log.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "workflow/batch.h"
#include "workflow/branch.h"
#include "workflow/caller.h"
#include "workflow/definition.h"
#include "workflow/evidence.h"
#include "workflow/happening.h"
#include "workflow/identifier.h"
#include "workflow/large.h"

static const Oid event_types[] = {UUIDOID,		  INT4OID,	TEXTOID,  TEXTOID,
								  TEXTOID,		  JSONBOID, JSONBOID, TEXTOID,
								  TIMESTAMPTZOID, INT8OID,	BYTEAOID};
static const Oid task_types[] = {UUIDOID, UUIDOID,	INT8OID,  TEXTOID,
								 TEXTOID, TEXTOID,	TEXTOID,  JSONBOID,
								 INT4OID, INT2OID,	JSONBOID, TEXTOID,
								 TEXTOID, JSONBOID, JSONBOID};
static const Oid checkpoint_types[] = {UUIDOID,		   UUIDOID,	 TEXTOID,
									   TEXTOID,		   TEXTOID,	 INT4OID,
									   JSONBOID,	   JSONBOID, TEXTOID,
									   TIMESTAMPTZOID, JSONBOID};
static const Oid withdrawal_types[] = {UUIDOID, INT8OID};
static const Oid message_types[] = {UUIDOID, TEXTOID, JSONBOID};
static const Oid timer_types[] = {UUIDOID, TIMESTAMPTZOID, INT8OID, TEXTOID};
static const Oid removal_types[] = {UUIDOID, INT8OID, INT8OID, BOOLOID};
static const Oid statement_types[] = {UUIDOID, INT8OID, NAMEOID, JSONBOID,
									  TIMESTAMPTZOID};
static const Oid external_types[] = {UUIDOID, UUIDOID, INT8OID,
									 TEXTOID, TEXTOID, JSONBOID,
									 INT4OID, INT8OID, INT4OID};

static void free_core_memory(void *batch);
static void load_workflows(HitlBatch *batch, const pg_uuid_t *id,
						   const pg_uuid_t *ids, int count);
static int compare_workflows(const void *a, const void *b);
static void load_control(HitlBatch *batch, HitlWorkflow *workflow, bytea *hash,
						 Jsonb *control);

/*
 * An empty batch in the current memory context.
 */
HitlBatch *
hitl_batch_create(void)
{
	HitlBatch *batch = palloc0(sizeof(HitlBatch));
	MemoryContextCallback *callback = palloc(sizeof(MemoryContextCallback));

	batch->now = GetCurrentTimestamp();
	batch->host_data.batch = batch;
	hitl_host_init(&batch->host, &batch->host_data);
	hitl_rows_init(&batch->events, lengthof(event_types), event_types);
	hitl_rows_init(&batch->approvals, HITL_APPROVAL_COLUMNS,
				   hitl_approval_types);
	hitl_rows_init(&batch->tasks, lengthof(task_types), task_types);
	hitl_rows_init(&batch->checkpoints, lengthof(checkpoint_types),
				   checkpoint_types);
	hitl_rows_init(&batch->withdrawals, lengthof(withdrawal_types),
				   withdrawal_types);
	hitl_rows_init(&batch->messages, lengthof(message_types), message_types);
	hitl_rows_init(&batch->timers, lengthof(timer_types), timer_types);
	hitl_rows_init(&batch->removals, lengthof(removal_types), removal_types);
	hitl_rows_init(&batch->statements, lengthof(statement_types),
				   statement_types);
	hitl_rows_init(&batch->external, lengthof(external_types), external_types);

	callback->func = free_core_memory;
	callback->arg = batch;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	hitl_trim_definitions();
	hitl_hold_definitions();
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
	return bsearch(&key, batch->workflows, batch->nworkflows,
				   sizeof(HitlWorkflow), compare_workflows);
}

/*
 * Append an event about the batch's scope and apply its delta.
 */
int
hitl_add_event(HitlBatch *batch, HitlWorkflow *workflow, const char *type,
			   const char *step, const char *position, Jsonb *data,
			   Jsonb *delta, const char *actor)
{
	HitlEvent event;
	Datum values[lengthof(event_types)];
	bool nulls[lengthof(event_types)] = {false};

	workflow->changed = true;
	workflow->last_event++;
	if (delta)
		hitl_data_change(hitl_scope_data(batch, workflow, batch->scope), delta,
						 workflow->last_event);

	values[0] = UUIDPGetDatum(&workflow->id);
	values[1] = Int32GetDatum(workflow->last_event);
	values[2] = CStringGetTextDatum(type);
	nulls[3] = step == NULL;
	values[3] = step ? CStringGetTextDatum(step) : 0;
	nulls[4] = position == NULL;
	values[4] = position ? CStringGetTextDatum(position) : 0;
	nulls[5] = data == NULL;
	values[5] = PointerGetDatum(data);
	nulls[6] = delta == NULL;
	values[6] = PointerGetDatum(delta);
	nulls[7] = actor == NULL;
	values[7] = actor ? CStringGetTextDatum(actor) : 0;
	values[8] = TimestampTzGetDatum(batch->now);
	nulls[9] = batch->scope == 0;
	values[9] = Int64GetDatum(batch->scope);

	event.workflow_id = &workflow->id;
	event.seq = workflow->last_event;
	event.type = type;
	event.step = step;
	event.position = position;
	event.data = data;
	event.delta = delta;
	event.actor = actor;
	event.scope = batch->scope ? &batch->scope : NULL;
	event.created_at = batch->now;
	workflow->event_hash = hitl_chain_event(&event, workflow->event_hash);
	values[10] = PointerGetDatum(workflow->event_hash);
	hitl_rows_add(&batch->events, values, nulls);
	if (hitl_logs(HITL_LOG_WORKFLOWS))
		hitl_log_event(workflow, type);
	return workflow->last_event;
}

/*
 * Set the status, and the times that go with it; of a failure, the error is set
 * before.
 */
void
hitl_set_status(HitlBatch *batch, HitlWorkflow *workflow, const char *status)
{
	const char *previous = workflow->status;

	workflow->changed = true;
	workflow->status = status;
	if (strcmp(status, "running") == 0 && workflow->started_at == 0)
		workflow->started_at = batch->now;
	workflow->finished_at = hitl_status_is_final(status) ? batch->now : 0;
	workflow->ended = hitl_has_ended(workflow) ||
		strcmp(status, "rolled_back") == 0;
	if (strcmp(status, "failed") != 0)
		workflow->error = NULL;
	if (strcmp(status, "completed") != 0)
		workflow->output = NULL;
	if (hitl_logs(HITL_LOG_OF_WORKFLOWS) && strcmp(previous, status) != 0)
		hitl_log_status(batch, workflow, previous);
}

/*
 * Is it the name of a status?
 */
bool
hitl_is_status(const char *status)
{
	static const char *const others[] = {"pending",	   "running",
										 "waiting",	   "waiting_approval",
										 "paused",	   "approved",
										 "rolled_back"};
	int i;

	for (i = 0; i < lengthof(others); i++)
		if (strcmp(status, others[i]) == 0)
			return true;
	return hitl_status_is_final(status);
}

/*
 * completed, failed, rejected, cancelled.
 */
bool
hitl_status_is_final(const char *status)
{
	return strcmp(status, "completed") == 0 || strcmp(status, "failed") == 0 ||
		strcmp(status, "rejected") == 0 || strcmp(status, "cancelled") == 0;
}

/*
 * Can nothing but a rollback follow?  An owner may go on from a rejection.
 */
bool
hitl_has_ended(const HitlWorkflow *workflow)
{
	return hitl_status_is_final(workflow->status) &&
		(workflow->definition != NULL ||
		 strcmp(workflow->status, "rejected") != 0);
}

/*
 * Control state of a workflow as jsonb.
 */
Jsonb *
hitl_dump_control(HitlControl *control)
{
	char *text = NULL;
	Jsonb *volatile jsonb = NULL;

	if (hitl_core()->dump_control(control, &text) != HITL_OK)
		hitl_core_out_of_memory();
	PG_TRY();
	{
		jsonb = hitl_jsonb_parse(text);
	}
	PG_FINALLY();
	{
		hitl_core()->free_text(text);
	}
	PG_END_TRY();
	return jsonb;
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
	Oid caller = hitl_caller_id();
	Oid role = get_role_oid(owner, true);

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
	HitlBatch *batch = arg;
	int i;

	for (i = 0; i < batch->nworkflows; i++)
		if (batch->workflows[i].control)
			hitl_core()->free_control(batch->workflows[i].control);
	hitl_core()->free_effects(&batch->effects);
	hitl_release_definitions();
}

/*
 * Lock and load one workflow, waiting for its row (id), or many, leaving out
 * those that others have locked (ids).
 */
static void
load_workflows(HitlBatch *batch, const pg_uuid_t *id, const pg_uuid_t *ids,
			   int count)
{
#define LOAD_WORKFLOWS \
	"SELECT id, name, status, definition_hash, control, data, error, last_event, " \
	"owner, started_at, finished_at, output, deadline, priority, template, parent_id, " \
	"parent_token, depth, recoveries, large, event_hash FROM hitl.workflows "
	static HitlStatement load_one = {
		LOAD_WORKFLOWS "WHERE id = $1 FOR UPDATE",
		1,
		{UUIDOID},
	};
	static HitlStatement load_many = {
		LOAD_WORKFLOWS "WHERE id = ANY ($1) FOR UPDATE SKIP LOCKED",
		1,
		{UUIDARRAYOID},
	};
	Datum values[1];
	bytea **hashes;
	Jsonb **controls;
	int i;

	if (ids == NULL)
	{
		values[0] = UUIDPGetDatum(id);
		hitl_execute(&load_one, values, NULL, 0);
	}
	else
	{
		Datum *elements = palloc(count * sizeof(Datum));

		for (i = 0; i < count; i++)
			elements[i] = UUIDPGetDatum(&ids[i]);
		values[0] = PointerGetDatum(construct_array(elements, count, UUIDOID,
													UUID_LEN, false,
													TYPALIGN_CHAR));
		hitl_execute(&load_many, values, NULL, 0);
	}

	batch->nworkflows = SPI_processed;
	batch->workflows = palloc0((batch->nworkflows + 1) * sizeof(HitlWorkflow));
	hashes = palloc0((batch->nworkflows + 1) * sizeof(bytea *));
	controls = palloc0((batch->nworkflows + 1) * sizeof(Jsonb *));
	for (i = 0; i < batch->nworkflows; i++)
	{
		HitlWorkflow *workflow = &batch->workflows[i];
		bool isnull;
		Datum datum;

		workflow->id = *DatumGetUUIDP(hitl_column(i, 1, &isnull));
		workflow->name = hitl_column_text(i, 2);
		workflow->status = hitl_column_text(i, 3);
		datum = hitl_column(i, 4, &isnull);
		hashes[i] = isnull ? NULL : DatumGetByteaP(datum);
		datum = hitl_column(i, 5, &isnull);
		controls[i] = isnull ? NULL : DatumGetJsonbP(datum);
		datum = hitl_column(i, 6, &isnull);
		if (batch->bytes > HITL_MAX_BATCH_BYTES)
		{
			batch->nworkflows = i;
			batch->cut = true;
			break;
		}
		batch->bytes += toast_raw_datum_size(datum);
		hitl_data_read(&workflow->data, datum, NULL);
		datum = hitl_column(i, 20, &isnull);
		workflow->large = isnull ? NULL : DatumGetJsonbP(datum);
		datum = hitl_column(i, 7, &isnull);
		workflow->error = isnull ? NULL : DatumGetJsonbP(datum);
		workflow->last_event = DatumGetInt32(hitl_column(i, 8, &isnull));
		workflow->owner = hitl_column_text(i, 9);
		datum = hitl_column(i, 10, &isnull);
		workflow->started_at = isnull ? 0 : DatumGetTimestampTz(datum);
		datum = hitl_column(i, 11, &isnull);
		workflow->finished_at = isnull ? 0 : DatumGetTimestampTz(datum);
		datum = hitl_column(i, 12, &isnull);
		workflow->output = isnull ? NULL : DatumGetJsonbP(datum);
		datum = hitl_column(i, 13, &isnull);
		workflow->deadline = isnull ? 0 : DatumGetTimestampTz(datum);
		workflow->priority = DatumGetInt16(hitl_column(i, 14, &isnull));
		workflow->template = hitl_column_text(i, 15);
		datum = hitl_column(i, 16, &isnull);
		workflow->has_parent = !isnull;
		if (!isnull)
			workflow->parent_id = *DatumGetUUIDP(datum);
		workflow->parent_token = DatumGetInt64(hitl_column(i, 17, &isnull));
		workflow->depth = DatumGetInt16(hitl_column(i, 18, &isnull));
		workflow->recoveries = DatumGetInt32(hitl_column(i, 19, &isnull));
		datum = hitl_column(i, 21, &isnull);
		workflow->event_hash = isnull ? NULL : DatumGetByteaP(datum);
	}
	for (i = 0; i < batch->nworkflows; i++)
		if (hashes[i])
			load_control(batch, &batch->workflows[i], hashes[i], controls[i]);

	qsort(batch->workflows, batch->nworkflows, sizeof(HitlWorkflow),
		  compare_workflows);
	for (i = 0; i < batch->nworkflows; i++)
		hitl_large_read(&batch->workflows[i].data, batch,
						&batch->workflows[i].id, batch->workflows[i].large);
}

/*
 * Order by id.
 */
static int
compare_workflows(const void *a, const void *b)
{
	return memcmp(&((const HitlWorkflow *) a)->id,
				  &((const HitlWorkflow *) b)->id, UUID_LEN);
}

/*
 * Find the definition of a workflow and parse its control state.
 */
static void
load_control(HitlBatch *batch, HitlWorkflow *workflow, bytea *hash,
			 Jsonb *control)
{
	char *text = control ? hitl_jsonb_text(control) : NULL;
	char *error = NULL;
	char *fault;
	HitlResult result;

	workflow->definition = hitl_find_definition(hash);
	if (workflow->definition == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the definition of workflow %s is missing",
						hitl_id_text(&workflow->id))));
	result = hitl_core()->parse_control(workflow->definition, text,
										&workflow->control, &error);
	fault = hitl_core_fault(result, error);
	if (fault)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the control state of workflow %s is damaged",
						hitl_id_text(&workflow->id)),
				 errdetail_internal("%s", fault)));
}
