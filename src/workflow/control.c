/*
 * control.c
 *		Creating, starting and steering workflows.
 */
#include "postgres.h"

#include "approval/approval.h"
#include "approval/principal.h"
#include "catalog/pg_type.h"
#include "core_bridge.h"
#include "db.h"
#include "hitl.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "version.h"
#include "worker/worker.h"
#include "workflow/batch.h"
#include "workflow/caller.h"
#include "workflow/command.h"
#include "workflow/control.h"
#include "workflow/definition.h"
#include "workflow/evidence.h"
#include "workflow/idempotency.h"
#include "workflow/identifier.h"
#include "workflow/mailbox.h"
#include "workflow/template.h"

/*
 * Where the owner of a workflow without definition may move it.  A workflow
 * with a definition is moved by the engine and can only be cancelled.
 */
static const struct
{
	const char *from;
	const char *to[8];
} transitions[] = {
	{"pending", {"running", "cancelled"}},
	{"running",
	 {"waiting", "waiting_approval", "paused", "completed", "failed",
	  "cancelled"}},
	{"waiting", {"running", "completed", "failed", "cancelled"}},
	{"waiting_approval",
	 {"running", "approved", "rejected", "failed", "cancelled"}},
	{"paused", {"running", "failed", "cancelled"}},
	{"approved",
	 {"running", "waiting_approval", "completed", "failed", "cancelled"}},
	{"rejected", {"running", "waiting_approval", "failed", "cancelled"}},
	{"rolled_back", {"running", "cancelled"}},
};

static Jsonb *object_argument(FunctionCallInfo fcinfo, int number,
							  const char *name);
static void check_expected(HitlWorkflow *workflow, Jsonb *expected);
static Jsonb *without_variables(HitlWorkflow *workflow, Jsonb *state,
								Datum names);
static char *text_argument(FunctionCallInfo fcinfo, int number);
static bool is_allowed(HitlWorkflow *workflow, const char *status);
static int explain_transitions(HitlWorkflow *workflow);
static Jsonb *single_task(void);

PG_FUNCTION_INFO_V1(hitl_create_workflow);
PG_FUNCTION_INFO_V1(hitl_execute_workflow);
PG_FUNCTION_INFO_V1(hitl_update_workflow_state);
PG_FUNCTION_INFO_V1(hitl_transition_workflow_status);

/*
 * hitl.create_workflow(name, description, workflow_definition, input_data,
 * created_by, template, template_version, idempotency_key, priority,
 * deadline): the id of a pending workflow.
 */
Datum
hitl_create_workflow(PG_FUNCTION_ARGS)
{
	static HitlStatement insert = {
		"WITH w AS (INSERT INTO hitl.workflows (id, name, description, definition_hash, data, "
		"owner, created_by, template, template_version, priority, deadline, last_event, "
		"event_hash, session_role) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1, $13, nullif($14, $6))) "
		"INSERT INTO hitl.workflow_events (workflow_id, seq, event_type, delta, actor, "
		"created_at, hash) VALUES ($1, 1, 'workflow_created', $5, $7, $12, $13)",
		14,
		{UUIDOID, TEXTOID, TEXTOID, BYTEAOID, JSONBOID, NAMEOID, TEXTOID,
		 TEXTOID, INT4OID, INT2OID, TIMESTAMPTZOID, TIMESTAMPTZOID, BYTEAOID,
		 NAMEOID},
	};
	HitlEvent event = {.seq = 1, .type = "workflow_created"};
	pg_uuid_t *id = palloc(sizeof(pg_uuid_t));
	Datum values[14];
	char nulls[15] = "       nn     ";
	Jsonb *input = object_argument(fcinfo, 3, "input_data");
	Jsonb *definition = PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2);
	int priority;
	TimestampTz deadline;

	hitl_require_version(); /* another one may give fewer arguments */
	priority = PG_ARGISNULL(8) ? 0 : PG_GETARG_INT32(8);
	deadline = PG_ARGISNULL(9) ? DT_NOEND : PG_GETARG_TIMESTAMPTZ(9);
	if (PG_ARGISNULL(0) || VARSIZE_ANY_EXHDR(PG_GETARG_TEXT_PP(0)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("a workflow needs a name")));
	if (PG_ARGISNULL(5) ? !PG_ARGISNULL(6) : !PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 PG_ARGISNULL(5) ? errmsg("template_version is given without a template")
				 : errmsg("a workflow has either a definition or a template")));
	if (!PG_ARGISNULL(6) && PG_GETARG_INT32(6) < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the version of a template must be 1 or more")));
	if (priority < 0 || priority > HITL_MAX_PRIORITY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("priority must be from 0 to %d", HITL_MAX_PRIORITY)));
	if (input == NULL)
		input = hitl_jsonb_parse("{}");

	SPI_connect();
	*id = hitl_new_id(HITL_ANY_PARTITION);
	if (!PG_ARGISNULL(7))
	{
		Jsonb *content = hitl_facts("name", text_argument(fcinfo, 0),
									"description", text_argument(fcinfo, 1),
									"created_by", text_argument(fcinfo, 4),
									"template", text_argument(fcinfo, 5),
									"template_version",
									PG_ARGISNULL(6)
										? NULL
										: psprintf("%d", PG_GETARG_INT32(6)),
									"priority", psprintf("%d", priority), NULL);

		/* Not the deadline, which callers reckon from now. */
		content = hitl_merge(content, hitl_wrap("input_data", input));
		if (definition)
			content = hitl_merge(content,
								 hitl_wrap("workflow_definition", definition));
		if (!hitl_take_key("workflow", text_argument(fcinfo, 7), content, id))
		{
			SPI_finish();
			PG_RETURN_UUID_P(id);
		}
	}
	if (deadline <= GetCurrentTimestamp())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("deadline must lie in the future")));

	values[0] = UUIDPGetDatum(id);
	values[1] = PG_GETARG_DATUM(0);
	values[2] = PG_GETARG_DATUM(1);
	nulls[2] = PG_ARGISNULL(1) ? 'n' : ' ';
	nulls[3] = definition ? ' ' : 'n';
	if (definition)
		values[3] = PointerGetDatum(hitl_store_definition(definition));
	if (!PG_ARGISNULL(5))
	{
		HitlTemplate template;

		(void) hitl_resolve_template(text_to_cstring(PG_GETARG_TEXT_PP(5)),
									 PG_ARGISNULL(6) ? 0 : PG_GETARG_INT32(6),
									 input, &template, NULL);
		input = template.input;
		values[3] = PointerGetDatum(template.definition_hash);
		values[7] = PG_GETARG_DATUM(5);
		values[8] = Int32GetDatum(template.version);
		nulls[3] = nulls[7] = nulls[8] = ' ';
	}
	values[4] = JsonbPGetDatum(hitl_wrap("variables", input));
	values[5] = DirectFunctionCall1(namein, CStringGetDatum(hitl_caller()));
	values[6] = PG_ARGISNULL(4) ? CStringGetTextDatum(hitl_caller())
								: PG_GETARG_DATUM(4);
	values[9] = Int16GetDatum(priority);
	values[10] = TimestampTzGetDatum(deadline);
	nulls[10] = deadline == DT_NOEND ? 'n' : ' ';
	event.workflow_id = id;
	event.delta = DatumGetJsonbP(values[4]);
	event.actor = TextDatumGetCString(values[6]);
	event.created_at = GetCurrentTimestamp();
	values[11] = TimestampTzGetDatum(event.created_at);
	values[12] = PointerGetDatum(hitl_chain_event(&event, NULL));
	values[13] = DirectFunctionCall1(
		namein,
		CStringGetDatum(GetUserNameFromId(hitl_identity_role_id(), false)));
	hitl_execute(&insert, values, nulls, 0);

	/* With a definition the core keeps it, from the start on. */
	if (nulls[3] == 'n' && deadline != DT_NOEND)
		hitl_tell_later(id, "deadline", hitl_jsonb_parse("{}"), deadline);
	SPI_finish();
	PG_RETURN_UUID_P(id);
}

/*
 * hitl.execute_workflow(workflow_id, task, context, start_at): leave the
 * message that starts it.
 */
Datum
hitl_execute_workflow(PG_FUNCTION_ARGS)
{
#define FIND_WORKFLOW \
	"SELECT status, owner, definition_hash IS NOT NULL, priority, deadline <= $2 " \
	"FROM hitl.workflows WHERE id = $1"
	static HitlStatement find = {
		FIND_WORKFLOW,
		2,
		{UUIDOID, TIMESTAMPTZOID},
	};
	static HitlStatement find_and_lock = {
		FIND_WORKFLOW " FOR UPDATE",
		2,
		{UUIDOID, TIMESTAMPTZOID},
	};
	static HitlStatement set_pending = {
		"UPDATE hitl.workflows SET status = 'pending' WHERE id = $1 AND status = 'rolled_back'",
		1,
		{UUIDOID},
	};
	static HitlStatement set_definition = {
		"UPDATE hitl.workflows SET definition_hash = $2 WHERE id = $1",
		2,
		{UUIDOID, BYTEAOID},
	};
	pg_uuid_t *id;
	Jsonb *context = object_argument(fcinfo, 2, "context");
	char *task = text_argument(fcinfo, 1);
	bool is_later;
	char *status;
	Jsonb *body;
	int priority;
	Datum values[2];
	bool isnull;

	hitl_require_version(); /* another one may give fewer arguments */
	is_later = !PG_ARGISNULL(3);
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("workflow_id must not be null")));
	id = PG_GETARG_UUID_P(0);
	if (is_later && TIMESTAMP_NOT_FINITE(PG_GETARG_TIMESTAMPTZ(3)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("start_at must be an instant")));

	SPI_connect();
	values[0] = UUIDPGetDatum(id);
	values[1] = is_later ? PG_GETARG_DATUM(3) : 0;
	hitl_execute(&find, values, is_later ? NULL : " n", 1);
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_HITL_WORKFLOW_NOT_FOUND),
				 errmsg("workflow %s does not exist", hitl_id_text(id)),
				 errhint("hitl.create_workflow returns the id of a workflow.")));
	hitl_check_owner(id, hitl_column_text(0, 2));

	/* What its owner moves by hand may be moved right now. */
	if (!DatumGetBool(hitl_column(0, 3, &isnull)))
		hitl_execute(&find_and_lock, values, is_later ? NULL : " n", 1);
	status = hitl_column_text(0, 1);
	priority = DatumGetInt16(hitl_column(0, 4, &isnull));
	if (strcmp(status, "pending") != 0 && strcmp(status, "rolled_back") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_HITL_INVALID_TRANSITION),
				 errmsg("workflow %s cannot be started", hitl_id_text(id)),
				 errdetail("Its status is %s.", status),
				 errhint("A workflow is started once; hitl.rollback_workflow() makes it ready to go on from a checkpoint.")));
	if (DatumGetBool(hitl_column(0, 5, &isnull)) && !isnull)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("workflow %s cannot start after its deadline", hitl_id_text(id))));
	if (!DatumGetBool(hitl_column(0, 3, &isnull)))
	{
		if (task == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("workflow %s has nothing to execute", hitl_id_text(id)),
					 errdetail("It was created without a definition, and no task is given."),
					 errhint("Give a task, or move the workflow with hitl.transition_workflow_status().")));
		values[1] = PointerGetDatum(hitl_store_definition(single_task()));
		hitl_execute(&set_definition, values, NULL, 0);
	}

	/* So that whoever awaits the workflow next does not find it ended. */
	if (strcmp(status, "rolled_back") == 0)
		hitl_execute(&set_pending, values, NULL, 0);

	/* Another start that was put off is no longer wanted. */
	if (is_later || strcmp(status, "rolled_back") == 0)
		hitl_forget_start(id);

	body = hitl_facts("actor", hitl_caller(), "task", task, NULL);
	if (context)
		body = hitl_merge(body, hitl_wrap("context", context));
	if (is_later)
		hitl_tell_later(id, "scheduled_start", body, PG_GETARG_TIMESTAMPTZ(3));
	else
		hitl_tell_ranked(id, "start", body, priority);
	SPI_finish();
	PG_RETURN_UUID_P(id);
}

/*
 * Take back the starts of a workflow that were put off.
 */
void
hitl_forget_start(const pg_uuid_t *id)
{
	static HitlStatement forget = {
		"DELETE FROM hitl.messages WHERE workflow_id = $1 AND kind = 'scheduled_start'",
		1,
		{UUIDOID},
	};
	Datum value = UUIDPGetDatum(id);

	hitl_execute(&forget, &value, NULL, 0);
}

/*
 * hitl.update_workflow_state(workflow_id, new_state, step_name,
 * expected_state, remove): merge into $.variables.
 */
Datum
hitl_update_workflow_state(PG_FUNCTION_ARGS)
{
	MemoryContext caller_context = CurrentMemoryContext;
	MemoryContext spi_context;
	HitlBatch *batch;
	HitlWorkflow *workflow;
	Jsonb *state = object_argument(fcinfo, 1, "new_state");
	Jsonb *expected;
	Jsonb *delta;
	Jsonb *variables;
	Jsonb *result;

	hitl_require_version(); /* another one may give fewer arguments */
	expected = object_argument(fcinfo, 3, "expected_state");
	if (PG_ARGISNULL(0) || state == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("workflow_id and new_state must not be null")));

	SPI_connect();
	batch = hitl_batch_create();
	workflow = hitl_load_workflow(batch, PG_GETARG_UUID_P(0));
	/* One that has failed may be given what it lacked, and be retried. */
	if (hitl_has_ended(workflow) && strcmp(workflow->status, "failed") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_HITL_INVALID_TRANSITION),
				 errmsg("workflow %s has ended", hitl_id_text(&workflow->id)),
				 errdetail("Its status is %s.", workflow->status),
				 errhint("Roll it back to a checkpoint before changing its state.")));
	if (expected)
		check_expected(workflow, expected);
	delta = PG_ARGISNULL(4)
		? hitl_wrap("variables", state)
		: without_variables(workflow, state, PG_GETARG_DATUM(4));
	hitl_add_event(batch, workflow, "state_updated", text_argument(fcinfo, 2),
				   NULL, NULL, delta, hitl_caller());
	hitl_batch_write(batch);

	variables = hitl_member(hitl_data_document(&workflow->data), "variables");
	spi_context = MemoryContextSwitchTo(caller_context);
	result = palloc(VARSIZE(variables));
	memcpy(result, variables, VARSIZE(variables));
	MemoryContextSwitchTo(spi_context);
	SPI_finish();
	PG_RETURN_JSONB_P(result);
}

/*
 * hitl.transition_workflow_status(workflow_id, new_status, reason)
 */
Datum
hitl_transition_workflow_status(PG_FUNCTION_ARGS)
{
	HitlBatch *batch;
	HitlWorkflow *workflow;
	char *status;
	char *reason = PG_ARGISNULL(2) ? NULL
								   : text_to_cstring(PG_GETARG_TEXT_PP(2));

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("workflow_id and new_status must not be null")));
	status = text_to_cstring(PG_GETARG_TEXT_PP(1));
	if (!hitl_is_status(status))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown workflow status \"%s\"", status)));

	SPI_connect();
	batch = hitl_batch_create();
	workflow = hitl_load_workflow(batch, PG_GETARG_UUID_P(0));
	if (!is_allowed(workflow, status))
		ereport(ERROR,
				(errcode(ERRCODE_HITL_INVALID_TRANSITION),
				 errmsg("workflow %s cannot go from %s to %s",
						hitl_id_text(&workflow->id), workflow->status, status),
				 explain_transitions(workflow),
				 hitl_status_is_final(workflow->status) ?
				 errhint("hitl.rollback_workflow() returns a workflow to a checkpoint.") : 0));

	if (workflow->definition)
		hitl_cancel(batch, workflow, reason);
	else
	{
		hitl_add_event(batch, workflow, "status_changed", NULL, NULL,
					   hitl_facts("from", workflow->status, "to", status,
								  "reason", reason, NULL),
					   NULL, hitl_caller());
		if (strcmp(status, "failed") == 0)
			workflow->error = hitl_facts("kind", "unknown_error", "message",
										 reason ? reason
												: "failed by its owner",
										 NULL);
		hitl_set_status(batch, workflow, status);
	}
	hitl_batch_write(batch);
	SPI_finish();
	PG_RETURN_TEXT_P(cstring_to_text(status));
}

/*
 * A jsonb argument that must be an object; NULL where it is null.
 */
static Jsonb *
object_argument(FunctionCallInfo fcinfo, int number, const char *name)
{
	Jsonb *value = PG_ARGISNULL(number) ? NULL : PG_GETARG_JSONB_P(number);

	if (value && !JB_ROOT_IS_OBJECT(value))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be a JSON object", name)));
	return value;
}

/*
 * Refuse a change whose author has seen other variables.
 */
static void
check_expected(HitlWorkflow *workflow, Jsonb *expected)
{
	static HitlStatement find = {
		"SELECT e.key, e.value::text, coalesce($1 #> ARRAY['variables', e.key], 'null')::text "
		"FROM jsonb_each($2) AS e "
		"WHERE coalesce($1 #> ARRAY['variables', e.key], 'null') <> e.value "
		"ORDER BY e.key LIMIT 1",
		2,
		{JSONBOID, JSONBOID},
	};
	Datum values[2];

	values[0] = JsonbPGetDatum(hitl_data_document(&workflow->data));
	values[1] = JsonbPGetDatum(expected);
	hitl_execute(&find, values, NULL, 1);
	if (SPI_processed > 0)
		ereport(ERROR,
				(errcode(ERRCODE_HITL_STATE_CHANGED),
				 errmsg("the state of workflow %s is not the expected one",
						hitl_id_text(&workflow->id)),
				 errdetail("Variable \"%s\" is %s and not %s.", hitl_column_text(0, 1),
						   hitl_column_text(0, 3), hitl_column_text(0, 2)),
				 errhint("Somebody has changed it meanwhile; look at it again.")));
}

/*
 * The delta that merges state into the variables and removes some of them.
 * Only a delta that replaces the data can remove anything.
 */
static Jsonb *
without_variables(HitlWorkflow *workflow, Jsonb *state, Datum names)
{
	static HitlStatement compute = {
		"SELECT jsonb_build_object('$', jsonb_set($1, '{variables}', "
		"(coalesce($1 -> 'variables', '{}') || $2) - $3))",
		3,
		{JSONBOID, JSONBOID, TEXTARRAYOID},
	};
	Datum values[3];
	bool isnull;

	values[0] = JsonbPGetDatum(hitl_data_document(&workflow->data));
	values[1] = JsonbPGetDatum(state);
	values[2] = names;
	hitl_execute(&compute, values, NULL, 1);
	return DatumGetJsonbP(hitl_column(0, 1, &isnull));
}

/*
 * A text argument as a C string; NULL where it is null.
 */
static char *
text_argument(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? NULL
								: text_to_cstring(PG_GETARG_TEXT_PP(number));
}

/*
 * May this workflow be moved to a status from outside?
 */
static bool
is_allowed(HitlWorkflow *workflow, const char *status)
{
	int i, j;

	if (workflow->definition)
		return strcmp(status, "cancelled") == 0 &&
			!hitl_status_is_final(workflow->status);
	for (i = 0; i < lengthof(transitions); i++)
		if (strcmp(workflow->status, transitions[i].from) == 0)
			for (j = 0; j < lengthof(transitions[i].to) && transitions[i].to[j];
				 j++)
				if (strcmp(status, transitions[i].to[j]) == 0)
					return true;
	return false;
}

/*
 * errdetail() that says where this workflow may be moved.
 */
static int
explain_transitions(HitlWorkflow *workflow)
{
	StringInfoData targets;
	int i, j;

	if (hitl_has_ended(workflow))
		return errdetail("It has ended.");
	if (workflow->definition)
		return errdetail(
			"It has a definition, so the engine moves it; from outside it can only be cancelled.");
	initStringInfo(&targets);
	for (i = 0; i < lengthof(transitions); i++)
		if (strcmp(workflow->status, transitions[i].from) == 0)
			for (j = 0; j < lengthof(transitions[i].to) && transitions[i].to[j];
				 j++)
				appendStringInfo(&targets, "%s%s", j ? ", " : "",
								 transitions[i].to[j]);
	return errdetail("From here it can go to: %s.", targets.data);
}

/*
 * {key: value}
 */
Jsonb *
hitl_wrap(const char *key, Jsonb *value)
{
	JsonbParseState *state = NULL;
	JsonbValue item;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	item.type = jbvString;
	item.val.string.val = unconstify(char *, key);
	item.val.string.len = strlen(key);
	pushJsonbValue(&state, WJB_KEY, &item);
	item.type = jbvBinary;
	item.val.binary.data = &value->root;
	item.val.binary.len = VARSIZE(value) - VARHDRSZ;
	pushJsonbValue(&state, WJB_VALUE, &item);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/*
 * The definition of a workflow that was created without one and is executed
 * with a task.  The task is given by reference: a text with "{{" stays text.
 */
static Jsonb *
single_task(void)
{
	return hitl_jsonb_parse(
		"{\"steps\": [{\"name\": \"task\", \"type\": \"task\", "
		"\"task\": \"{{ $.task }}\"}]}");
}
