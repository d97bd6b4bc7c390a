/*
 * migration.c
 *		Moving a workflow to another definition.
 *
 * The core says whether what is under way is there, too (core/migrate.c).  Its
 * checkpoints move along, or are abandoned.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "core_bridge.h"
#include "db.h"
#include "hitl.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "workflow/batch.h"
#include "workflow/caller.h"
#include "workflow/definition.h"
#include "workflow/identifier.h"
#include "workflow/template.h"

static void choose_template(HitlWorkflow *workflow, int version,
							HitlTemplate *target);
static void check_undo(HitlWorkflow *workflow, bytea *hash, StringInfo reasons);
static void move_control(HitlBatch *batch, HitlWorkflow *workflow,
						 HitlDefinition *definition, StringInfo reasons);
static char *move_checkpoints(HitlWorkflow *workflow,
							  HitlDefinition *definition);
static Jsonb *move_checkpoint(HitlDefinition *from, HitlDefinition *to,
							  Jsonb *control);
static void add_reason(StringInfo reasons, const char *pointer,
					   const char *message);
static Jsonb *describe(HitlTemplate *target, bytea *from, const char *reason,
					   const char *abandoned);
static HitlQueryResult no_branch(void *context, int64_t branch,
								 const char **text);
static HitlQueryResult no_branches(void *context, int64_t first, int64_t count,
								   const int64_t **branches, int *found);

PG_FUNCTION_INFO_V1(hitl_migrate_workflow);

/*
 * hitl.migrate_workflow(workflow_id, template_version, definition, reason):
 * false if it has that definition already.
 */
Datum
hitl_migrate_workflow(PG_FUNCTION_ARGS)
{
	static HitlStatement find_hash = {
		"SELECT definition_hash FROM hitl.workflows WHERE id = $1",
		1,
		{UUIDOID},
	};
	static HitlStatement set_hash = {
		"UPDATE hitl.workflows SET definition_hash = $2, template = $3, "
		"template_version = $4 WHERE id = $1",
		4,
		{UUIDOID, BYTEAOID, TEXTOID, INT4OID},
	};
	HitlBatch *batch;
	HitlWorkflow *workflow;
	HitlTemplate target = {0};
	HitlDefinition *definition;
	StringInfoData reasons;
	bytea *from;
	char *abandoned;
	Datum values[4];
	bool isnull;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("workflow_id must not be null")));
	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a workflow is migrated to either a version of its template or a definition")));
	if (!PG_ARGISNULL(1) && PG_GETARG_INT32(1) < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the version of a template must be 1 or more")));

	SPI_connect();
	batch = hitl_batch_create();
	workflow = hitl_load_workflow(batch, PG_GETARG_UUID_P(0));
	if (workflow->definition == NULL ||
		(hitl_status_is_final(workflow->status) &&
		 strcmp(workflow->status, "failed") != 0))
		ereport(ERROR,
				(errcode(ERRCODE_HITL_CANNOT_MIGRATE),
				 errmsg("workflow %s cannot be migrated", hitl_id_text(&workflow->id)),
				 workflow->definition ? errdetail("Its status is %s.", workflow->status) :
				 errdetail("It has no definition.")));
	values[0] = UUIDPGetDatum(&workflow->id);
	hitl_execute(&find_hash, values, NULL, 1);
	from = DatumGetByteaPCopy(hitl_column(0, 1, &isnull));

	if (PG_ARGISNULL(2))
		choose_template(workflow, PG_ARGISNULL(1) ? 0 : PG_GETARG_INT32(1),
						&target);
	else
		target.definition_hash = hitl_store_definition(PG_GETARG_JSONB_P(2));
	if (memcmp(VARDATA_ANY(from), VARDATA_ANY(target.definition_hash),
			   HITL_HASH_LENGTH) == 0)
	{
		SPI_finish();
		PG_RETURN_BOOL(false);
	}
	definition = hitl_find_definition(target.definition_hash);
	if (definition == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the definition of version %d of template \"%s\" is missing",
						target.version, target.name)));

	initStringInfo(&reasons);
	check_undo(workflow, target.definition_hash, &reasons);
	abandoned = move_checkpoints(workflow, definition);
	move_control(batch, workflow, definition, &reasons);
	if (reasons.len > 0)
		ereport(ERROR,
				(errcode(ERRCODE_HITL_CANNOT_MIGRATE),
				 errmsg("workflow %s cannot be migrated to this definition",
						hitl_id_text(&workflow->id)),
				 errdetail_internal("%s", reasons.data),
				 errhint("What is under way must be a step of the same name, type and place in the other definition.")));

	/* Parameters that are new, by their defaults. */
	if (target.input)
		hitl_add_event(batch, workflow, "state_updated", NULL, NULL, NULL,
					   hitl_jsonb_parse(
						   psprintf("{\"variables\": %s}",
									hitl_jsonb_text(target.input))),
					   hitl_caller());
	hitl_add_event(batch, workflow, "workflow_migrated", NULL, NULL,
				   describe(&target, from,
							PG_ARGISNULL(3)
								? NULL
								: text_to_cstring(PG_GETARG_TEXT_PP(3)),
							abandoned),
				   NULL, hitl_caller());
	values[1] = PointerGetDatum(target.definition_hash);
	values[2] = target.name ? CStringGetTextDatum(target.name) : 0;
	values[3] = Int32GetDatum(target.version);
	hitl_execute(&set_hash, values, target.name ? NULL : "  nn", 0);
	hitl_batch_write(batch);
	SPI_finish();
	PG_RETURN_BOOL(true);
}

/*
 * Another version of the workflow's template (0: the latest active one), with
 * what its variables lack of the parameters.
 */
static void
choose_template(HitlWorkflow *workflow, int version, HitlTemplate *target)
{
	Jsonb *variables;
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue value;
	JsonbParseState *state = NULL;
	JsonbValue *missing;
	int count = 0;

	if (workflow->template == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_HITL_CANNOT_MIGRATE),
				 errmsg("workflow %s was not created from a template", hitl_id_text(&workflow->id)),
				 errhint("Give the definition to migrate it to.")));
	variables = hitl_member(hitl_data_document(&workflow->data), "variables");
	(void) hitl_resolve_template(workflow->template, version, variables, target,
								 NULL);

	/* Of the merged input only what is new is to be written. */
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	iterator = JsonbIteratorInit(&target->input->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		JsonbValue key;

		if (token != WJB_KEY)
			continue;
		key = value;
		(void) JsonbIteratorNext(&iterator, &value, true);
		if (variables &&
			hitl_member(variables,
						pnstrdup(key.val.string.val, key.val.string.len)))
			continue;
		pushJsonbValue(&state, WJB_KEY, &key);
		pushJsonbValue(&state, WJB_VALUE, &value);
		count++;
	}
	missing = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	target->input = count > 0 ? JsonbValueToJsonb(missing) : NULL;
}

/*
 * A completed step that can be undone must be one that can be undone there,
 * too.
 */
static void
check_undo(HitlWorkflow *workflow, bytea *hash, StringInfo reasons)
{
	static HitlStatement list = {
		"SELECT e.position FROM hitl.workflows w "
		"JOIN hitl.definitions f ON f.hash = w.definition_hash "
		"JOIN hitl.definitions t ON t.hash = $2 "
		"JOIN hitl.workflow_events e ON e.workflow_id = w.id "
		"WHERE w.id = $1 AND jsonb_path_exists(f.definition, '$.**.undo') "
		"AND e.event_type = 'step_completed' "
		"AND f.definition #> string_to_array(substr(e.position, 2), '/') ? 'undo' "
		"AND NOT EXISTS (SELECT FROM hitl.workflow_events u WHERE u.workflow_id = w.id "
		"AND u.event_type = 'step_undone' AND (u.data ->> 'event')::integer = e.seq) "
		"AND NOT EXISTS (SELECT FROM hitl.definition_steps(t.definition) s "
		"WHERE s.step ->> 'name' = e.step_name AND s.step ? 'undo') "
		"GROUP BY e.position ORDER BY e.position",
		2,
		{UUIDOID, BYTEAOID},
	};
	Datum values[2];
	uint64 i;

	values[0] = UUIDPGetDatum(&workflow->id);
	values[1] = PointerGetDatum(hash);
	hitl_execute(&list, values, NULL, 0);
	for (i = 0; i < SPI_processed; i++)
		add_reason(
			reasons, hitl_column_text(i, 1),
			"has been completed and can be undone, which it could not there");
}

/*
 * Put the workflow on the other definition, or say why not.
 */
static void
move_control(HitlBatch *batch, HitlWorkflow *workflow,
			 HitlDefinition *definition, StringInfo reasons)
{
	HitlControl *moved = NULL;
	HitlFaults faults = {0};
	HitlResult result;
	int i;

	batch->host_data.workflow = workflow;
	result = hitl_core()->migrate(workflow->definition, workflow->control,
								  definition, &batch->host, &moved, &faults);
	for (i = 0; i < faults.count; i++)
		add_reason(reasons, faults.items[i].pointer, faults.items[i].message);
	hitl_core()->free_faults(&faults);
	if (result == HITL_NO_MEMORY)
		hitl_core_out_of_memory();
	if (result == HITL_HOST_FAILED)
		hitl_host_rethrow(&batch->host_data);
	if (result != HITL_OK)
	{
		if (reasons->len == 0)
			add_reason(reasons, "", "the control state cannot be moved");
		return;
	}
	hitl_core()->free_control(workflow->control);
	workflow->control = moved;
	workflow->definition = definition;
	workflow->changed = true;
}

/*
 * Move the checkpoints that can still be returned to.  Those that cannot be
 * moved are abandoned; their names are returned, or NULL.
 */
static char *
move_checkpoints(HitlWorkflow *workflow, HitlDefinition *definition)
{
	static HitlStatement list = {
		"SELECT id, name, control, branches IS NULL FROM hitl.workflow_checkpoints "
		"WHERE workflow_id = $1 AND NOT abandoned AND control IS NOT NULL ORDER BY event",
		1,
		{UUIDOID},
	};
	static HitlStatement update = {
		"UPDATE hitl.workflow_checkpoints SET control = coalesce($2, control), "
		"abandoned = $2 IS NULL WHERE id = $1",
		2,
		{UUIDOID, JSONBOID},
	};
	StringInfoData abandoned;
	SPITupleTable *table;
	TupleDesc tupdesc;
	Datum value = UUIDPGetDatum(&workflow->id);
	uint64 count;
	uint64 i;

	initStringInfo(&abandoned);
	hitl_execute(&list, &value, NULL, 0);
	table = SPI_tuptable;
	tupdesc = table->tupdesc;
	count = SPI_processed;
	for (i = 0; i < count; i++)
	{
		Datum values[2];
		Jsonb *control;
		Jsonb *moved;
		bool isnull;

		values[0] = SPI_getbinval(table->vals[i], tupdesc, 1, &isnull);
		control = DatumGetJsonbP(
			SPI_getbinval(table->vals[i], tupdesc, 3, &isnull));
		moved = DatumGetBool(SPI_getbinval(table->vals[i], tupdesc, 4, &isnull))
			? move_checkpoint(workflow->definition, definition, control)
			: NULL;
		values[1] = PointerGetDatum(moved);
		hitl_execute(&update, values, moved ? NULL : " n", 0);
		if (moved == NULL)
			appendStringInfo(&abandoned, "%s%s", abandoned.len ? ", " : "",
							 SPI_getvalue(table->vals[i], tupdesc, 2));
	}
	return abandoned.len ? abandoned.data : NULL;
}

/*
 * The control state of a checkpoint in the other definition; NULL if what was
 * under way then is not there.
 */
static Jsonb *
move_checkpoint(HitlDefinition *from, HitlDefinition *to, Jsonb *control)
{
	HitlHost host = {.load_branch = no_branch, .list_branches = no_branches};
	HitlControl *old = NULL;
	HitlControl *moved = NULL;
	HitlFaults faults = {0};
	Jsonb *result = NULL;
	char *error = NULL;

	if (hitl_core_fault(hitl_core()->parse_control(from,
												   hitl_jsonb_text(control),
												   &old, &error),
						error))
		return NULL;
	if (hitl_core()->migrate(from, old, to, &host, &moved, &faults) == HITL_OK)
	{
		result = hitl_dump_control(moved);
		hitl_core()->free_control(moved);
	}
	hitl_core()->free_faults(&faults);
	hitl_core()->free_control(old);
	return result;
}

/*
 * One line of the detail of a refusal.
 */
static void
add_reason(StringInfo reasons, const char *pointer, const char *message)
{
	appendStringInfo(reasons, "%s%s: %s", reasons->len ? "\n" : "",
					 pointer && pointer[0] ? pointer : "(workflow)", message);
}

/*
 * What the event tells: from which definition to which.
 */
static Jsonb *
describe(HitlTemplate *target, bytea *from, const char *reason,
		 const char *abandoned)
{
	char from_hash[2 * HITL_HASH_LENGTH + 1];
	char to_hash[2 * HITL_HASH_LENGTH + 1];

	from_hash[hex_encode(VARDATA_ANY(from), HITL_HASH_LENGTH, from_hash)] =
		'\0';
	to_hash[hex_encode(VARDATA_ANY(target->definition_hash), HITL_HASH_LENGTH,
					   to_hash)] = '\0';
	return hitl_facts("from", from_hash, "to", to_hash, "template",
					  target->name, "version",
					  target->version ? psprintf("%d", target->version) : NULL,
					  "reason", reason, "abandoned_checkpoints", abandoned,
					  NULL);
}

/*
 * Callbacks of the core: a checkpoint without branches.
 */
static HitlQueryResult
no_branch(void *context, int64_t branch, const char **text)
{
	return HITL_QUERY_EMPTY;
}

static HitlQueryResult
no_branches(void *context, int64_t first, int64_t count,
			const int64_t **branches, int *found)
{
	*found = 0;
	return HITL_QUERY_EMPTY;
}
