/*
 * admission.c
 *		Limits of templates: starts that have to wait, and come again as others
 *		end.
 *
 * Only the engine counts, under a lock on the limit: a client would hold it
 * until the end of its transaction.  A client leaves the engine a message.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "db.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "workflow/admission.h"
#include "workflow/mailbox.h"

/* Ranks are this much apart (µs) from one priority to the next. */
#define PRIORITY_SHIFT (10 * USECS_PER_SEC)

/* A template that workflows of the batch have. */
typedef struct BatchTemplate
{
	char *name;
	bool limited;
	bool touched; /* somebody may begin */
} BatchTemplate;

static BatchTemplate *find_template(HitlBatch *batch, const char *name);
static Datum text_array(List *texts);

/*
 * Keep the start of a workflow for later if its template is limited.
 */
bool
hitl_hold_start(HitlBatch *batch, HitlWorkflow *workflow, Jsonb *body)
{
	static HitlStatement keep = {
		"INSERT INTO hitl.template_starts AS s (workflow_id, template, rank, body) "
		"VALUES ($1, $2, $3, $4) ON CONFLICT (workflow_id) DO UPDATE "
		"SET state = 'waiting', rank = excluded.rank, body = excluded.body "
		"WHERE s.state = 'ended'",
		4,
		{UUIDOID, TEXTOID, TIMESTAMPTZOID, JSONBOID},
	};
	BatchTemplate *template;
	Datum values[4];

	if (workflow->template == NULL || hitl_member(body, "admitted"))
		return false;
	template = find_template(batch, workflow->template);
	if (!template->limited)
		return false;
	template->touched = true;
	values[0] = UUIDPGetDatum(&workflow->id);
	values[1] = CStringGetTextDatum(workflow->template);
	values[2] = TimestampTzGetDatum(batch->now -
									workflow->priority * PRIORITY_SHIFT);
	values[3] = JsonbPGetDatum(body);
	hitl_execute(&keep, values, NULL, 0);
	return true;
}

/*
 * "admit": time has passed, a limit has changed, or this one has ended.
 */
void
hitl_hear_admission(HitlBatch *batch, HitlWorkflow *workflow)
{
	if (workflow->template == NULL)
		return;
	workflow->to_admit = true;
	find_template(batch, workflow->template)->touched = true;
}

/*
 * Take note of those that have ended, and let others begin.
 */
void
hitl_admit_starts(HitlBatch *batch)
{
	static HitlStatement admit = {
		"SELECT hitl.admit_starts($1, $2)",
		2,
		{TEXTARRAYOID, UUIDARRAYOID},
	};
	List *templates = NIL;
	Datum *ended = palloc((batch->nworkflows + 1) * sizeof(Datum));
	int count = 0;
	ListCell *cell;
	Datum values[2];
	int i;

	for (i = 0; i < batch->nworkflows; i++)
	{
		HitlWorkflow *workflow = &batch->workflows[i];
		bool over = hitl_status_is_final(workflow->status) ||
			strcmp(workflow->status, "rolled_back") == 0;

		if (workflow->template == NULL || !over ||
			!(workflow->ended || workflow->to_admit))
			continue;
		if (!batch->by_engine)
		{
			Datum message[3];

			message[0] = UUIDPGetDatum(&workflow->id);
			message[1] = CStringGetTextDatum("admit");
			message[2] = JsonbPGetDatum(hitl_jsonb_parse("{}"));
			hitl_rows_add(&batch->messages, message, NULL);
			continue;
		}
		ended[count++] = UUIDPGetDatum(&workflow->id);
		if (find_template(batch, workflow->template)->limited)
			find_template(batch, workflow->template)->touched = true;
	}
	foreach(cell, batch->templates)
	{
		BatchTemplate *template = lfirst(cell);

		if (template->touched)
			templates = lappend(templates, template->name);
	}
	if (templates == NIL)
		return;
	values[0] = text_array(templates);
	values[1] = PointerGetDatum(
		construct_array(ended, count, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR));
	hitl_execute(&admit, values, NULL, 0);
}

/*
 * What is known about a template, looked up once in a batch.
 */
static BatchTemplate *
find_template(HitlBatch *batch, const char *name)
{
	static HitlStatement is_limited = {
		"SELECT 1 FROM hitl.limits WHERE kind = 'template' AND name IN ($1, '*')",
		1,
		{TEXTOID},
	};
	BatchTemplate *template;
	Datum value = CStringGetTextDatum(name);
	ListCell *cell;

	foreach(cell, batch->templates)
	{
		template = lfirst(cell);
		if (strcmp(template->name, name) == 0)
			return template;
	}
	hitl_execute(&is_limited, &value, NULL, 1);
	template = palloc0(sizeof(BatchTemplate));
	template->name = pstrdup(name);
	template->limited = SPI_processed > 0;
	batch->templates = lappend(batch->templates, template);
	return template;
}

/*
 * A list of C strings as text[].
 */
static Datum
text_array(List *texts)
{
	Datum *values = palloc(list_length(texts) * sizeof(Datum));
	int count = 0;
	ListCell *cell;

	foreach(cell, texts)
		values[count++] = CStringGetTextDatum(lfirst(cell));
	return PointerGetDatum(
		construct_array(values, count, TEXTOID, -1, false, TYPALIGN_INT));
}
