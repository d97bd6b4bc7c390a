/*
 * checkpoint.c
 *		Checkpoints and the return to them.
 *
 * A checkpoint is a snapshot of a workflow's data, control state and branches.
 * Rolling back adds an event and deletes nothing: what was awaited is
 * withdrawn, and since tokens go on rising, an answer to something asked before
 * the rollback finds nobody waiting.
 *
 * Where steps since the checkpoint say how they are undone, the core runs that
 * first, and then asks for the return; by then their events say that they have
 * been undone.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "core_bridge.h"
#include "approval/approval.h"
#include "db.h"
#include "hitl.h"
#include "miscadmin.h"
#include "undo/checkpoint.h"
#include "utils/builtins.h"
#include "workflow/branch.h"
#include "workflow/caller.h"
#include "workflow/identifier.h"
#include "workflow/large.h"

static char *roll_back(HitlBatch *batch, HitlWorkflow *workflow,
					   const char *name, const char *reason);
static void rewind_control(HitlBatch *batch, HitlWorkflow *workflow,
						   Jsonb *control, const char *checkpoint,
						   const char *reason);
static bool find_checkpoint(HitlBatch *batch, const pg_uuid_t *workflow_id,
							const char *name);

PG_FUNCTION_INFO_V1(hitl_create_checkpoint);
PG_FUNCTION_INFO_V1(hitl_rollback_workflow);

/*
 * Insert checkpoints, set-based.
 */
void
hitl_insert_checkpoints(HitlRows *rows)
{
	static HitlStatement insert = {
		"INSERT INTO hitl.workflow_checkpoints (id, workflow_id, name, step_name, "
		"description, event, control, data, created_by, created_at, large, branches) "
		"SELECT c.*, (SELECT jsonb_agg(to_jsonb(b) - 'workflow_id' ORDER BY b.branch) "
		"FROM hitl.workflow_branches b WHERE b.workflow_id = c.workflow_id) "
		"FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) AS c (id, workflow_id)",
		11,
		{UUIDARRAYOID, UUIDARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
		 INT4ARRAYOID, JSONBARRAYOID, JSONBARRAYOID, TEXTARRAYOID,
		 TIMESTAMPTZARRAYOID, JSONBARRAYOID},
	};

	hitl_rows_execute(rows, &insert);
}

/*
 * Record a checkpoint of a loaded workflow as it is now.
 */
pg_uuid_t
hitl_take_checkpoint(HitlBatch *batch, HitlWorkflow *workflow, const char *name,
					 const char *step, const char *position,
					 const char *description, const char *control,
					 const char *actor)
{
	pg_uuid_t *id = palloc(sizeof(pg_uuid_t));
	Datum values[11];
	bool nulls[11] = {false};
	int event;

	/* Those taken before have the branches as they were, this one as now. */
	if (workflow->control)
		hitl_take_branches(batch, workflow);
	hitl_write_branches(batch);

	*id = hitl_new_id(hitl_id_partition(&workflow->id));
	event = hitl_add_event(batch, workflow, "checkpoint_created", step,
						   position,
						   hitl_facts("checkpoint", name, "checkpoint_id",
									  hitl_id_text(id), "description",
									  description, NULL),
						   NULL, actor);
	values[0] = UUIDPGetDatum(id);
	values[1] = UUIDPGetDatum(&workflow->id);
	values[2] = CStringGetTextDatum(name);
	nulls[3] = step == NULL;
	values[3] = step ? CStringGetTextDatum(step) : 0;
	nulls[4] = description == NULL;
	values[4] = description ? CStringGetTextDatum(description) : 0;
	values[5] = Int32GetDatum(event);
	nulls[6] = workflow->control == NULL;
	if (control)
		values[6] = JsonbPGetDatum(hitl_jsonb_parse(control));
	else if (workflow->control)
		values[6] = JsonbPGetDatum(hitl_dump_control(workflow->control));
	values[7] = JsonbPGetDatum(hitl_data_stored(&workflow->data));
	workflow->data.merged = false; /* the row has it, too */
	nulls[8] = actor == NULL;
	values[8] = actor ? CStringGetTextDatum(actor) : 0;
	values[9] = TimestampTzGetDatum(batch->now);
	values[10] = PointerGetDatum(hitl_large_column(&workflow->data));
	nulls[10] = values[10] == 0;
	hitl_rows_add(&batch->checkpoints, values, nulls);
	return *id;
}

/*
 * Return a loaded workflow to a checkpoint.
 */
char *
hitl_return_to_checkpoint(HitlBatch *batch, HitlWorkflow *workflow,
						  const char *name, const char *reason,
						  const char *actor)
{
	static HitlStatement abandon = {
		"UPDATE hitl.workflow_checkpoints SET abandoned = true "
		"WHERE workflow_id = $1 AND event > $2 AND NOT abandoned",
		2,
		{UUIDOID, INT4OID},
	};
	char *found;
	Datum values[2];
	StringInfoData delta;
	Jsonb *data;
	Jsonb *control;
	Jsonb *branches;
	Jsonb *large;
	Jsonb *facts;
	bool isnull;
	Datum datum;

	if (!find_checkpoint(batch, &workflow->id, name))
		return NULL;
	found = hitl_column_text(0, 1);
	datum = hitl_column(0, 2, &isnull);
	control = isnull ? NULL : DatumGetJsonbP(datum);
	data = DatumGetJsonbP(hitl_column(0, 3, &isnull));
	values[0] = UUIDPGetDatum(&workflow->id);
	values[1] = hitl_column(0, 4, &isnull);
	datum = hitl_column(0, 5, &isnull);
	branches = isnull ? NULL : DatumGetJsonbP(datum);
	datum = hitl_column(0, 6, &isnull);
	large = isnull ? NULL : DatumGetJsonbP(datum);
	hitl_execute(&abandon, values, NULL, 0);

	/* Without control state it is of the time before there was a definition. */
	if (workflow->definition)
	{
		hitl_replace_branches(batch, workflow, branches);
		rewind_control(batch, workflow, control, found, reason);
	}

	/* The step that wanted it may have had a scope. */
	batch->scope = 0;
	initStringInfo(&delta);
	appendStringInfo(&delta, "{\"$\": %s", hitl_jsonb_text(data));
	if (large)
		appendStringInfo(&delta, ", \"large\": %s", hitl_jsonb_text(large));
	appendStringInfoChar(&delta, '}');
	facts = hitl_jsonb_parse(
		psprintf("{\"event\": %d}", DatumGetInt32(values[1])));
	hitl_add_event(batch, workflow, "rolled_back", NULL, NULL,
				   hitl_merge(facts,
							  hitl_facts("checkpoint", found, "reason", reason,
										 NULL)),
				   hitl_jsonb_parse(delta.data), actor);
	hitl_set_status(batch, workflow, "rolled_back");
	return found;
}

/*
 * The completed steps since a checkpoint that are to be undone.
 */
Jsonb *
hitl_steps_to_undo(HitlBatch *batch, HitlWorkflow *workflow, const char *name)
{
	static HitlStatement list = {
		/* by their names, since it may have been migrated; most have no undo */
		"SELECT jsonb_agg(jsonb_build_object('event', e.seq, 'position', "
		"d.positions ->> e.step_name) ORDER BY e.seq DESC) "
		"FROM (SELECT jsonb_object_agg(s.step ->> 'name', s.position) AS positions "
		"FROM hitl.workflows w JOIN hitl.definitions d ON d.hash = w.definition_hash, "
		"LATERAL hitl.definition_steps(d.definition) s "
		"WHERE w.id = $1 AND jsonb_path_exists(d.definition, '$.**.undo') "
		"AND s.step ? 'undo' HAVING count(*) > 0 OFFSET 0) AS d, "
		"LATERAL (SELECT v.seq, v.step_name FROM hitl.workflow_events v "
		"WHERE v.workflow_id = $1 AND v.seq > $2 AND v.event_type = 'step_completed' "
		"AND v.seq NOT IN (SELECT (u.data ->> 'event')::integer FROM hitl.workflow_events u "
		"WHERE u.workflow_id = $1 AND u.seq > $2 AND u.event_type = 'step_undone') "
		"OFFSET 0) AS e WHERE d.positions ? e.step_name",
		2,
		{UUIDOID, INT4OID},
	};
	Datum values[2];
	Datum datum;
	bool isnull;

	if (workflow->definition == NULL ||
		!find_checkpoint(batch, &workflow->id, name))
		return NULL;
	values[0] = UUIDPGetDatum(&workflow->id);
	values[1] = hitl_column(0, 4, &isnull);
	hitl_write_events(batch);
	hitl_execute(&list, values, NULL, 0);
	datum = hitl_column(0, 1, &isnull);
	return isnull ? NULL : DatumGetJsonbP(datum);
}

/*
 * Body of the message that has the core undo steps, if there are any, then
 * return, and perhaps go on.
 */
char *
hitl_rollback_body(const char *name, const char *reason, const char *actor,
				   Jsonb *undo, bool resume)
{
	Jsonb *body = hitl_facts("checkpoint", name, "reason", reason, "actor",
							 actor, NULL);
	JsonbParseState *state = NULL;
	JsonbValue value;
	Jsonb *list;

	if (resume)
		body = hitl_merge(body, hitl_jsonb_parse("{\"resume\": true}"));
	if (undo == NULL)
		return hitl_jsonb_text(body);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	hitl_push_text(&state, WJB_KEY, "undo", 4);
	value.type = jbvBinary;
	value.val.binary.data = &undo->root;
	value.val.binary.len = VARSIZE(undo) - VARHDRSZ;
	pushJsonbValue(&state, WJB_VALUE, &value);
	list = JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
	return hitl_jsonb_text(hitl_merge(body, list));
}

/*
 * hitl.create_checkpoint(workflow_id, checkpoint_name, step_name, description)
 */
Datum
hitl_create_checkpoint(PG_FUNCTION_ARGS)
{
	pg_uuid_t *result = palloc(sizeof(pg_uuid_t));
	HitlBatch *batch;
	HitlWorkflow *workflow;
	char *name;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("workflow_id and checkpoint_name must not be null")));
	name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	if (name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("checkpoint_name must not be empty")));

	SPI_connect();
	batch = hitl_batch_create();
	workflow = hitl_load_workflow(batch, PG_GETARG_UUID_P(0));
	*result = hitl_take_checkpoint(batch, workflow, name,
								   PG_ARGISNULL(2)
									   ? NULL
									   : text_to_cstring(PG_GETARG_TEXT_PP(2)),
								   NULL,
								   PG_ARGISNULL(3)
									   ? NULL
									   : text_to_cstring(PG_GETARG_TEXT_PP(3)),
								   NULL, hitl_caller());
	hitl_batch_write(batch);
	SPI_finish();
	PG_RETURN_UUID_P(result);
}

/*
 * hitl.rollback_workflow(workflow_id, checkpoint_name, reason)
 */
Datum
hitl_rollback_workflow(PG_FUNCTION_ARGS)
{
	MemoryContext caller_context = CurrentMemoryContext;
	HitlBatch *batch;
	HitlWorkflow *workflow;
	char *name = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));
	char *found;
	text *result;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("workflow_id must not be null")));

	SPI_connect();
	batch = hitl_batch_create();
	workflow = hitl_load_workflow(batch, PG_GETARG_UUID_P(0));
	found = roll_back(batch, workflow, name,
					  PG_ARGISNULL(2) ? NULL
									  : text_to_cstring(PG_GETARG_TEXT_PP(2)));
	if (found == NULL && name != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_HITL_CHECKPOINT_NOT_FOUND),
				 errmsg("workflow %s has no checkpoint \"%s\"",
						hitl_id_text(PG_GETARG_UUID_P(0)), name),
				 errhint("hitl.get_workflow_status(workflow_id) lists its checkpoints.")));
	if (found == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_HITL_CHECKPOINT_NOT_FOUND),
				 errmsg("workflow %s has no checkpoints",
						hitl_id_text(PG_GETARG_UUID_P(0))),
				 errhint("A checkpoint step, \"create_checkpoint\" on a task, or hitl.create_checkpoint() makes one.")));
	hitl_batch_write(batch);
	{
		MemoryContext spi_context = MemoryContextSwitchTo(caller_context);

		result = cstring_to_text(found);
		MemoryContextSwitchTo(spi_context);
	}
	SPI_finish();
	PG_RETURN_TEXT_P(result);
}

/*
 * Roll back on behalf of the caller: with a definition, as the core says, which
 * may have steps undone first.  The name of the checkpoint, or NULL if there is
 * none.
 */
static char *
roll_back(HitlBatch *batch, HitlWorkflow *workflow, const char *name,
		  const char *reason)
{
	Jsonb *undo = hitl_steps_to_undo(batch, workflow, name);
	Jsonb *body;
	char *found;

	if (workflow->definition == NULL)
		return hitl_return_to_checkpoint(batch, workflow, name, reason,
										 hitl_caller());
	if (!find_checkpoint(batch, &workflow->id, name))
		return NULL;
	found = hitl_column_text(0, 1);
	body = hitl_jsonb_parse(
		hitl_rollback_body(found, reason, hitl_caller(), undo, false));
	if (strcmp(workflow->status, "failed") == 0)
		body = hitl_merge(body, hitl_jsonb_parse("{\"failed\": true}"));
	hitl_command(batch, workflow, "rollback", body, hitl_caller());
	return found;
}

/*
 * Have the core return to the control state of a checkpoint.
 */
static void
rewind_control(HitlBatch *batch, HitlWorkflow *workflow, Jsonb *control,
			   const char *checkpoint, const char *reason)
{
	HitlControl *restored = NULL;
	HitlResult result;
	int i;

	batch->host_data.workflow = workflow;
	result = hitl_core()->rewind(workflow->definition, workflow->control,
								 control ? hitl_jsonb_text(control) : NULL,
								 reason, &batch->host, &restored,
								 &batch->effects);
	if (result == HITL_NO_MEMORY)
		hitl_core_out_of_memory();
	if (result == HITL_HOST_FAILED)
		hitl_host_rethrow(&batch->host_data);
	if (result != HITL_OK)
		ereport(ERROR,
				(errcode(ERRCODE_HITL_INVALID_TRANSITION),
				 errmsg("workflow %s cannot return to checkpoint \"%s\"",
						hitl_id_text(&workflow->id), checkpoint),
				 errdetail_internal("%s", batch->effects.error ? batch->effects.error :
									"Its control state does not fit the definition.")));
	hitl_core()->free_control(workflow->control);
	workflow->control = restored;
	for (i = 0; i < batch->effects.count; i++)
	{
		Assert(batch->effects.items[i].kind == HITL_EFFECT_WITHDRAW);
		hitl_withdraw_token(batch, workflow, batch->effects.items[i].token);
	}
	hitl_core()->free_effects(&batch->effects);
}

/*
 * Find a checkpoint, the latest of a name or the latest at all: name, control,
 * data, event, branches, large in SPI_tuptable.  Those that a rollback has abandoned
 * come last.
 */
static bool
find_checkpoint(HitlBatch *batch, const pg_uuid_t *workflow_id,
				const char *name)
{
	static HitlStatement find = {
		"SELECT name, control, data, event, branches, large FROM hitl.workflow_checkpoints "
		"WHERE workflow_id = $1 AND ($2 IS NULL OR name = $2) "
		"AND ($2 IS NOT NULL OR NOT abandoned) "
		"ORDER BY abandoned, event DESC LIMIT 1",
		2,
		{UUIDOID, TEXTOID},
	};
	Datum values[2];

	/* It may have been taken earlier in this very batch. */
	hitl_insert_checkpoints(&batch->checkpoints);
	batch->checkpoints.count = 0;
	values[0] = UUIDPGetDatum(workflow_id);
	values[1] = name ? CStringGetTextDatum(name) : 0;
	hitl_execute(&find, values, name ? NULL : " n", 1);
	return SPI_processed > 0;
}
