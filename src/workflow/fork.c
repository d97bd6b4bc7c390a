/*
 * fork.c
 *		Branches that a step forks into, as scopes with data of their own.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "db.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "workflow/branch.h"
#include "workflow/effects.h"

static void fork_elements(HitlBatch *batch, HitlWorkflow *workflow,
						  const HitlEffect *effect, Jsonb *elements);
static void fork_undoing(HitlBatch *batch, HitlWorkflow *workflow,
						 const HitlEffect *effect, Jsonb *runs);

/*
 * Prepare branches as scopes of their own.
 */
void
hitl_fork(HitlBatch *batch, HitlWorkflow *workflow, const HitlEffect *effect)
{
	Jsonb *body = hitl_jsonb_parse(effect->body);

	if (!JB_ROOT_IS_ARRAY(body) || JB_ROOT_COUNT(body) != effect->count)
		elog(ERROR, "a fork into " INT64_FORMAT " branches has a faulty body",
			 effect->count);
	if (effect->type)
		fork_elements(batch, workflow, effect, body);
	else
		fork_undoing(batch, workflow, effect, body);
}

/*
 * A scope for each element of a foreach: {"variables": {name: element}}.
 */
static void
fork_elements(HitlBatch *batch, HitlWorkflow *workflow,
			  const HitlEffect *effect, Jsonb *elements)
{
	JsonbIterator *it = JsonbIteratorInit(&elements->root);
	int64 number = effect->first;
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext scratch;
	JsonbValue element;

	/* A jsonb takes kilobytes until it is put together. */
	scratch = AllocSetContextCreate(caller, "hitl fork",
									ALLOCSET_DEFAULT_SIZES);
	(void) JsonbIteratorNext(&it, &element, true);
	while (JsonbIteratorNext(&it, &element, true) == WJB_ELEM)
	{
		JsonbParseState *state = NULL;
		Jsonb *data;

		MemoryContextSwitchTo(scratch);
		pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
		hitl_push_text(&state, WJB_KEY, "variables", 9);
		pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
		hitl_push_text(&state, WJB_KEY, effect->type, strlen(effect->type));
		pushJsonbValue(&state, WJB_VALUE, &element);
		pushJsonbValue(&state, WJB_END_OBJECT, NULL);
		data = JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
		MemoryContextSwitchTo(caller);
		hitl_add_scope(batch, workflow, number++, effect->scope,
					   memcpy(palloc(VARSIZE(data)), data, VARSIZE(data)));
		MemoryContextReset(scratch);
	}
	MemoryContextDelete(scratch);
}

/*
 * A scope for each step run to be undone: what its event changed, within the
 * scope that it ran in.
 */
static void
fork_undoing(HitlBatch *batch, HitlWorkflow *workflow, const HitlEffect *effect,
			 Jsonb *runs)
{
	static HitlStatement load = {
		"SELECT e.delta, e.scope FROM jsonb_array_elements($2) WITH ORDINALITY AS r (run, i) "
		"LEFT JOIN LATERAL (SELECT * FROM hitl.workflow_events v WHERE v.workflow_id = $1 "
		"AND v.seq = (r.run ->> 'event')::integer OFFSET 0) AS e ON true ORDER BY r.i",
		2,
		{UUIDOID, JSONBOID},
	};
	Datum values[2];
	Jsonb **deltas = palloc(effect->count * sizeof(Jsonb *) + 1);
	int64 *scopes = palloc(effect->count * sizeof(int64) + 1);
	int64 i;

	hitl_write_events(batch);
	values[0] = UUIDPGetDatum(&workflow->id);
	values[1] = JsonbPGetDatum(runs);
	hitl_execute(&load, values, NULL, 0);
	if (SPI_processed != effect->count)
		elog(ERROR, "the steps to be undone have no events");
	for (i = 0; i < effect->count; i++)
	{
		bool isnull;
		Datum datum = hitl_column(i, 1, &isnull);

		deltas[i] = isnull ? hitl_jsonb_parse("{}") : DatumGetJsonbPCopy(datum);
		datum = hitl_column(i, 2, &isnull);
		scopes[i] = isnull ? 0 : DatumGetInt64(datum);
	}
	SPI_freetuptable(SPI_tuptable);
	for (i = 0; i < effect->count; i++)
		hitl_add_scope(batch, workflow, effect->first + i,
					   scopes[i] != 0 &&
							   hitl_has_branch(batch, workflow, scopes[i])
						   ? scopes[i]
						   : effect->scope,
					   deltas[i]);
}
