/*
 * budget.c
 *		Budgets of agents: how they stand, and counting what is used.
 *
 * Whoever records a reply of a model counts it, in the same transaction: the
 * dispatcher, and for the built-in model, which answers at once, the engine.
 * Each process adds to rows of its own, so they do not wait for each other; how
 * a budget stands is the sum of these, once per batch.
 */
#include "postgres.h"

#include "agent/budget.h"
#include "catalog/pg_type.h"
#include "common/int.h"
#include "compat.h"
#include "db.h"
#include "hitl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "workflow/data.h"

/* The budgets of an agent, looked up once per batch. */
typedef struct Budgets
{
	char *agent;
	char *text;	   /* NULL: it has none */
	char *set_at;  /* which they are */
	bool outdated; /* something was counted since */
} Budgets;

static Budgets *find_budgets(HitlBatch *batch, const char *agent);
static void read_budgets(Budgets *budgets);
static void count_one(HitlBatch *batch, const char *agent, int64 tokens);

/*
 * How the budgets of an agent stand.
 */
const char *
hitl_load_budgets(HitlBatch *batch, const char *agent)
{
	return find_budgets(batch, agent)->text;
}

/*
 * The built-in model has answered: it takes what its parameters say.
 */
void
hitl_note_usage(HitlBatch *batch, HitlWorkflow *workflow, const char *task,
				const char *reply)
{
	char *agent = hitl_member_text(hitl_jsonb_parse(task), "agent");
	Jsonb *result;
	Jsonb *usage;
	int64 tokens;

	if (agent == NULL || hitl_load_budgets(batch, agent) == NULL)
		return;
	result = hitl_member(hitl_jsonb_parse(reply), "result");
	usage = result ? hitl_member(result, "usage") : NULL;
	if (usage == NULL)
		return;
	if (pg_add_s64_overflow(Max(hitl_member_int(usage, "prompt_tokens", 0), 0),
							Max(hitl_member_int(usage, "completion_tokens", 0),
								0),
							&tokens))
		tokens = PG_INT64_MAX;
	if (tokens == 0)
		return;
	if (batch->by_engine)
		count_one(batch, agent, tokens);
	else
		/* A session may stay in its transaction for long, even prepare it. */
		hitl_add_message(
			batch, &workflow->id, "usage",
			hitl_jsonb_parse(
				psprintf("{\"agent\": \"%s\", \"tokens\": " INT64_FORMAT "}",
						 agent, tokens)));
}

/*
 * "usage": a session has had the built-in model answer.
 */
void
hitl_hear_usage(HitlBatch *batch, Jsonb *body)
{
	char *agent = hitl_member_text(body, "agent");

	if (agent != NULL)
		count_one(batch, agent, hitl_member_int(body, "tokens", 0));
}

/*
 * Add to the budgets of agents; those that have none are passed over.
 */
void
hitl_count_usage(Datum agents, Datum tokens, Datum costs)
{
	static HitlStatement count = {
		"SELECT hitl.count_budget_usage($1, $2, $3, $4)",
		4,
		{TEXTARRAYOID, NUMERICARRAYOID, NUMERICARRAYOID, INT4OID},
	};
	Datum values[4];

	values[0] = agents;
	values[1] = tokens;
	values[2] = costs;
	values[3] = Int32GetDatum(hitl_process_number());
	hitl_execute(&count, values, NULL, 0);
}

/*
 * When a run that waits for a budget until it renews is to look at it: soon if
 * it has changed since it was looked at.  It cannot change unnoticed until
 * our commit: who sets it waits for that, and then finds who waits.
 */
TimestampTz
hitl_end_of_wait(HitlBatch *batch, const char *agent, TimestampTz due)
{
	static HitlStatement lock = {
		"SELECT string_agg(l.period || l.updated_at, ',' ORDER BY l.period) "
		"FROM (SELECT b.period, b.updated_at FROM hitl.budgets b "
		"WHERE b.agent = $1 FOR SHARE SKIP LOCKED) AS l",
		1,
		{TEXTOID},
	};
	const Budgets *budgets = find_budgets(batch, agent);
	Datum value = CStringGetTextDatum(agent);
	char *set_at;

	hitl_execute(&lock, &value, NULL, 1);
	set_at = hitl_column_text(0, 1);
	if (set_at != NULL && budgets->set_at != NULL &&
		strcmp(set_at, budgets->set_at) == 0)
		return due;

	/* While somebody changes it nothing can be waited for but time. */
	return Min(due, batch->now + USECS_PER_SEC);
}

/*
 * The budgets of an agent as they stand, with what this batch has counted.
 */
static Budgets *
find_budgets(HitlBatch *batch, const char *agent)
{
	Budgets *budgets = NULL;
	ListCell *cell;

	foreach(cell, batch->budgets)
	{
		budgets = lfirst(cell);
		if (strcmp(budgets->agent, agent) == 0)
			break;
		budgets = NULL;
	}
	if (budgets == NULL)
	{
		budgets = palloc0(sizeof(Budgets));
		budgets->agent = pstrdup(agent);
		budgets->outdated = true;
		batch->budgets = lappend(batch->budgets, budgets);
	}
	if (budgets->outdated)
		read_budgets(budgets);
	return budgets;
}

/*
 * Look them up.
 */
static void
read_budgets(Budgets *budgets)
{
	static HitlStatement load = {
		"SELECT jsonb_agg(jsonb_build_object('period', b.period, 'tokens', b.max_tokens, "
		"'cost', b.max_cost, 'on_limit', b.on_limit, "
		"'used', jsonb_build_object('tokens', b.used_tokens, 'cost', b.used_cost), "
		"'renews_us', (extract(epoch FROM b.renews_at) * 1000000)::bigint) "
		"ORDER BY array_position('{hour,day,week,month}', b.period))::text, "
		"string_agg(b.period || b.updated_at, ',' ORDER BY b.period) "
		"FROM hitl.agent_budgets b WHERE b.agent = $1",
		1,
		{TEXTOID},
	};
	Datum value = CStringGetTextDatum(budgets->agent);

	hitl_execute(&load, &value, NULL, 1);
	budgets->text = hitl_column_text(0, 1);
	budgets->set_at = hitl_column_text(0, 2);
	budgets->outdated = false;
}

/*
 * Add the tokens of one reply.
 */
static void
count_one(HitlBatch *batch, const char *agent, int64 tokens)
{
	Datum name = CStringGetTextDatum(agent);
	Datum number = NumericGetDatum(int64_to_numeric(tokens));
	bool null = true;
	Datum none = (Datum) 0;
	int one = 1;
	ListCell *cell;

	hitl_count_usage(PointerGetDatum(construct_array(&name, 1, TEXTOID, -1,
													 false, TYPALIGN_INT)),
					 PointerGetDatum(construct_array(&number, 1, NUMERICOID, -1,
													 false, TYPALIGN_INT)),
					 PointerGetDatum(construct_md_array(&none, &null, 1, &one,
														&one, NUMERICOID, -1,
														false, TYPALIGN_INT)));
	foreach(cell, batch->budgets)
	{
		Budgets *budgets = lfirst(cell);

		if (strcmp(budgets->agent, agent) == 0)
			budgets->outdated = true;
	}
}
