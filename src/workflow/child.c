/*
 * child.c
 *		Child workflows: started by a step of another one, which waits for them.
 *
 * Parent and child are workflows like any others, on the same shard since
 * their ids share the partition number.  They meet through their mailboxes
 * only: the child's end is a message to the parent, a withdrawal one to the
 * child.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "db.h"
#include "hitl.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "workflow/child.h"
#include "workflow/definition.h"
#include "workflow/effects.h"
#include "workflow/evidence.h"
#include "workflow/identifier.h"
#include "workflow/mailbox.h"
#include "workflow/template.h"

/* Ancestors that a workflow may have: against children without end. */
#define MAX_DEPTH 20

static bool find_definition(HitlBatch *batch, Jsonb *body, HitlTemplate *child,
							const char **fault);
static Jsonb *initial_data(Jsonb *input);
static char *cannot_start(const HitlEffect *effect, const char *message);
static void cancel_found(void);

/*
 * Start a child; the body of the child message if that cannot be done.
 */
char *
hitl_start_child(HitlBatch *batch, HitlWorkflow *workflow,
				 const HitlEffect *effect)
{
	static HitlStatement insert = {
		"WITH w AS (INSERT INTO hitl.workflows (id, name, definition_hash, data, owner, "
		"created_by, priority, template, template_version, parent_id, parent_token, depth, "
		"last_event, event_hash) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 1, $15)) "
		"INSERT INTO hitl.workflow_events (workflow_id, seq, event_type, data, delta, "
		"created_at, hash) VALUES ($1, 1, 'workflow_created', $13, $4, $14, $15)",
		15,
		{UUIDOID, TEXTOID, BYTEAOID, JSONBOID, NAMEOID, TEXTOID, INT2OID,
		 TEXTOID, INT4OID, UUIDOID, INT8OID, INT2OID, JSONBOID, TIMESTAMPTZOID,
		 BYTEAOID},
	};
	HitlEvent event = {.seq = 1, .type = "workflow_created"};
	Jsonb *body = hitl_jsonb_parse(effect->body);
	HitlTemplate child = {0};
	const char *fault;
	const char *name;
	pg_uuid_t id;
	Datum values[15];
	char nulls[16] = "               ";

	if (workflow->depth >= MAX_DEPTH)
		return cannot_start(
			effect,
			psprintf("a workflow cannot have more than %d ancestors",
					 MAX_DEPTH));
	if (!find_definition(batch, body, &child, &fault))
		return cannot_start(effect, fault);

	name = child.name ? child.name : effect->step;
	id = hitl_new_id(hitl_id_partition(&workflow->id));
	values[0] = UUIDPGetDatum(&id);
	values[1] = CStringGetTextDatum(name ? name : "child");
	values[2] = PointerGetDatum(child.definition_hash);
	values[3] = JsonbPGetDatum(initial_data(child.input));
	values[4] = DirectFunctionCall1(namein, CStringGetDatum(workflow->owner));
	values[5] = CStringGetTextDatum(
		psprintf("workflow %s", hitl_id_text(&workflow->id)));
	values[6] = Int16GetDatum(workflow->priority);
	nulls[7] = nulls[8] = child.version ? ' ' : 'n';
	values[7] = child.version ? CStringGetTextDatum(child.name) : 0;
	values[8] = Int32GetDatum(child.version);
	values[9] = UUIDPGetDatum(&workflow->id);
	values[10] = Int64GetDatum(effect->token);
	values[11] = Int16GetDatum(workflow->depth + 1);
	event.workflow_id = &id;
	event.data = hitl_facts("parent_id", hitl_id_text(&workflow->id), NULL);
	event.delta = DatumGetJsonbP(values[3]);
	event.created_at = GetCurrentTimestamp();
	values[12] = JsonbPGetDatum(event.data);
	values[13] = TimestampTzGetDatum(event.created_at);
	values[14] = PointerGetDatum(hitl_chain_event(&event, NULL));
	hitl_execute(&insert, values, nulls, 0);
	hitl_tell_ranked(&id, "start", hitl_jsonb_parse("{}"), workflow->priority);
	hitl_add_event(batch, workflow, "child_started", effect->step,
				   effect->position,
				   hitl_facts("workflow_id", hitl_id_text(&id), "template",
							  child.version ? child.name : NULL, NULL),
				   NULL, NULL);
	return NULL;
}

/*
 * Tell the parents of the workflows that have ended in this batch.
 */
void
hitl_tell_parents(HitlBatch *batch)
{
	int i;

	for (i = 0; i < batch->nworkflows; i++)
	{
		HitlWorkflow *workflow = &batch->workflows[i];
		StringInfoData body;
		Jsonb *result;
		Datum values[3];

		if (!workflow->ended || !workflow->has_parent ||
			!hitl_has_ended(workflow))
			continue;
		initStringInfo(&body);
		appendStringInfo(&body,
						 "{\"token\": " INT64_FORMAT
						 ", \"workflow_id\": \"%s\", \"status\": \"%s\"",
						 workflow->parent_token, hitl_id_text(&workflow->id),
						 workflow->status);
		if (strcmp(workflow->status, "completed") == 0)
		{
			result = workflow->output
				? workflow->output
				: hitl_member(hitl_data_document(&workflow->data), "steps");
			appendStringInfo(&body, ", \"result\": %s",
							 result ? hitl_jsonb_text(result) : "{}");
		}
		if (workflow->error)
			appendStringInfo(&body, ", \"error\": %s",
							 hitl_jsonb_text(workflow->error));
		appendStringInfoChar(&body, '}');

		values[0] = UUIDPGetDatum(&workflow->parent_id);
		values[1] = CStringGetTextDatum("child");
		values[2] = JsonbPGetDatum(hitl_jsonb_parse(body.data));
		hitl_rows_add(&batch->messages, values, NULL);
	}
}

/*
 * Tell the parent of a workflow that was failed without a batch.
 */
void
hitl_tell_parent(const pg_uuid_t *id)
{
	static HitlStatement tell = {
		"SELECT parent_id, jsonb_build_object('token', parent_token, 'workflow_id', id, "
		"'status', status, 'error', coalesce(error, '{}')) "
		"FROM hitl.workflows WHERE id = $1 AND parent_id IS NOT NULL",
		1,
		{UUIDOID},
	};
	Datum value = UUIDPGetDatum(id);
	bool isnull;

	hitl_execute(&tell, &value, NULL, 1);
	if (SPI_processed > 0)
	{
		pg_uuid_t parent = *DatumGetUUIDP(hitl_column(0, 1, &isnull));

		hitl_tell_workflow(&parent, "child",
						   DatumGetJsonbPCopy(hitl_column(0, 2, &isnull)));
	}
}

/*
 * Have children cancelled that are withdrawn; rows of (workflow_id, token).
 */
void
hitl_withdraw_children(HitlRows *withdrawals)
{
	static HitlStatement find = {
		"SELECT c.id FROM unnest($1, $2) AS w (workflow_id, token) "
		"JOIN hitl.workflows c ON c.parent_id = w.workflow_id AND c.parent_token = w.token "
		"WHERE c.status NOT IN ('completed', 'failed', 'rejected', 'cancelled')",
		2,
		{UUIDARRAYOID, INT8ARRAYOID},
	};

	if (withdrawals->count == 0)
		return;
	hitl_rows_execute(withdrawals, &find);
	cancel_found();
}

/*
 * Have all children of workflows cancelled.
 */
void
hitl_withdraw_all_children(Datum workflow_ids)
{
	static HitlStatement find = {
		"SELECT id FROM hitl.workflows WHERE parent_id = ANY ($1) "
		"AND status NOT IN ('completed', 'failed', 'rejected', 'cancelled')",
		1,
		{UUIDARRAYOID},
	};

	hitl_execute(&find, &workflow_ids, NULL, 0);
	cancel_found();
}

/*
 * The definition and the complete input of a child, by template or inline.
 */
static bool
find_definition(HitlBatch *batch, Jsonb *body, HitlTemplate *child,
				const char **fault)
{
	char *template = hitl_member_text(body, "template");
	Jsonb *definition = hitl_member(body, "definition");
	Jsonb *input = hitl_member(body, "input");
	HitlTemplateFault why;

	if (input == NULL || !JB_ROOT_IS_OBJECT(input))
		input = hitl_jsonb_parse("{}");
	if (template)
	{
		if (hitl_resolve_template(template,
								  (int) hitl_member_int(body, "version", 0),
								  input, child, &why))
			return true;
		*fault = why.detail ? psprintf("%s: %s", why.message, why.detail)
							: why.message;
		return false;
	}
	if (definition == NULL || !JB_ROOT_IS_OBJECT(definition))
	{
		*fault = "the step names neither a template nor a definition";
		return false;
	}

	/* Checked as a part of its parent's. */
	child->definition_hash = hitl_store_definition(definition);
	child->name = hitl_member_text(definition, "name");
	child->input = input;
	return true;
}

/*
 * {"variables": input}
 */
static Jsonb *
initial_data(Jsonb *input)
{
	return hitl_jsonb_parse(
		psprintf("{\"variables\": %s}", hitl_jsonb_text(input)));
}

/*
 * Body of the child message that says why there is no child.
 */
static char *
cannot_start(const HitlEffect *effect, const char *message)
{
	Jsonb *error = hitl_facts("kind", "validation_error", "message", message,
							  NULL);

	return psprintf("{\"token\": " INT64_FORMAT
					", \"status\": \"failed\", \"error\": %s}",
					effect->token, hitl_jsonb_text(error));
}

/*
 * Leave the workflows that a statement has found the message to end.
 */
static void
cancel_found(void)
{
	static HitlStatement insert = {
		"INSERT INTO hitl.messages (workflow_id, kind, body) "
		"SELECT id, 'cancel', '{\"reason\": \"its parent does not wait for it any more\"}' "
		"FROM unnest($1) AS c (id)",
		1,
		{UUIDARRAYOID},
	};
	uint64 count = SPI_processed;
	Datum *ids = palloc((count + 1) * sizeof(Datum));
	Datum value;
	bool isnull;
	uint64 i;

	if (count == 0)
		return; /* an INSERT of no rows would wake the engine */
	for (i = 0; i < count; i++)
		ids[i] = hitl_column(i, 1, &isnull);
	value = PointerGetDatum(
		construct_array(ids, count, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR));
	hitl_execute(&insert, &value, NULL, 0);
}
