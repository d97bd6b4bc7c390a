/*
 * random_definition.c
 *		Definitions without fault, with every kind of step nested in the others
 *		and every option now and then.
 */
#include "world.h"

/* What is being written. */
typedef struct Draft
{
	World *world;
	HitlBuffer text;
	int names;	  /* given out */
	int steps;	  /* that may still be written */
	int in_each;  /* foreach steps around */
	bool in_undo; /* no undo, no checkpoint here */
} Draft;

typedef struct Kind
{
	const char *type;
	void (*write)(Draft *draft, int depth);
	int weight;
} Kind;

static void write_list(Draft *draft, int depth, int most);
static void write_step(Draft *draft, int number, int first, int count,
					   int depth);
static const Kind *pick_kind(Draft *draft, int depth);
static void write_options(Draft *draft, const Kind *kind, int first, int count,
						  int depth);
static void write_action(Draft *draft, const char *key, int first, int count);
static void write_retry(Draft *draft);
static void write_approval(Draft *draft, int depth);
static void write_checkpoint(Draft *draft, int depth);
static void write_task(Draft *draft, int depth);
static void write_sql(Draft *draft, int depth);
static void write_http(Draft *draft, int depth);
static void write_wait(Draft *draft, int depth);
static void write_signal(Draft *draft, int depth);
static void write_workflow(Draft *draft, int depth);
static void write_parallel(Draft *draft, int depth);
static void write_foreach(Draft *draft, int depth);
static void write_switch(Draft *draft, int depth);
static const char *random_condition(World *world);
static const char *random_text(Draft *draft);

static const Kind kinds[] = {{"task", write_task, 6},
							 {"approval", write_approval, 3},
							 {"checkpoint", write_checkpoint, 4},
							 {"sql", write_sql, 4},
							 {"http", write_http, 2},
							 {"wait", write_wait, 2},
							 {"signal", write_signal, 3},
							 {"workflow", write_workflow, 2},
							 {"parallel", write_parallel, 4},
							 {"foreach", write_foreach, 4},
							 {"switch", write_switch, 3}};

#define KINDS			(sizeof(kinds) / sizeof(kinds[0]))
#define PUT(draft, ...) hitl_append_format(&(draft)->text, __VA_ARGS__)

/*
 * A definition's text, in an arena.
 */
const char *
random_definition(World *world, HitlArena *arena)
{
	Draft draft = {.world = world};

	draft.steps = 1 + pick(world, pick(world, 3) == 0 ? 40 : 14);
	hitl_buffer_init(&draft.text, arena);
	PUT(&draft, "{\"steps\":");
	write_list(&draft, 0, 8);
	if (pick(world, 5) == 0)
		PUT(&draft, ",\"output\":%s",
			pick(world, 4) ? "{\"n\":\"{{ $.variables.n }}\"}"
						   : "\"{{ $.variables.x }}\"");
	if (pick(world, 8) == 0)
		PUT(&draft, ",\"timeout\":\"%d seconds\"", 1 + pick(world, 3000));
	PUT(&draft, "}");
	return hitl_buffer_text(&draft.text);
}

/*
 * A list of steps; those of one list are numbered without a gap.
 */
static void
write_list(Draft *draft, int depth, int most)
{
	int count = 1 + pick(draft->world, most);
	int first = draft->names;
	int i;

	if (count > draft->steps)
		count = draft->steps > 0 ? draft->steps : 1;
	draft->steps -= count;
	draft->names += count;
	PUT(draft, "[");
	for (i = 0; i < count; i++)
	{
		if (i > 0)
			PUT(draft, ",");
		write_step(draft, first + i, first, count, depth);
	}
	PUT(draft, "]");
}

/*
 * One step.
 */
static void
write_step(Draft *draft, int number, int first, int count, int depth)
{
	const Kind *kind = pick_kind(draft, depth);

	PUT(draft, "{\"name\":\"s%d\",\"type\":\"%s\"", number, kind->type);
	write_options(draft, kind, first, count, depth);
	kind->write(draft, depth);
	PUT(draft, "}");
}

/*
 * A kind of step that may stand here.
 */
static const Kind *
pick_kind(Draft *draft, int depth)
{
	size_t limit = depth >= 3 || draft->steps <= 0 ? KINDS - 3 : KINDS;

	for (;;)
	{
		const Kind *kind = &kinds[pick(draft->world, (int) limit)];

		if (pick(draft->world, 6) >= kind->weight)
			continue;
		if (kind->write == write_checkpoint &&
			(draft->in_each > 0 || draft->in_undo))
			continue;
		return kind;
	}
}

/*
 * The options that every step may have.
 */
static void
write_options(Draft *draft, const Kind *kind, int first, int count, int depth)
{
	World *world = draft->world;
	bool was_in_undo = draft->in_undo;

	if (pick(world, 6) == 0)
		PUT(draft, ",\"when\":\"%s\"", random_condition(world));
	if (pick(world, 4) == 0)
		write_retry(draft);
	if (kind->write != write_wait && pick(world, 5) == 0)
		PUT(draft, ",\"timeout\":\"%d seconds\"", 1 + pick(world, 200));
	if (pick(world, 6) == 0)
		PUT(draft, ",\"output\":\"$.variables.x\"");
	write_action(draft, "on_error", first, count);
	write_action(draft, "on_reject", first, count);
	write_action(draft, "on_timeout", first, count);
	if (!was_in_undo && draft->steps > 0 && pick(world, 4) == 0)
	{
		draft->in_undo = true;
		PUT(draft, ",\"undo\":");
		write_list(draft, depth + 1, 2);
		draft->in_undo = false;
	}
}

/*
 * Perhaps one of the actions.
 */
static void
write_action(Draft *draft, const char *key, int first, int count)
{
	World *world = draft->world;

	switch (pick(world, 14))
	{
		case 0:
			PUT(draft, ",\"%s\":\"fail\"", key);
			break;
		case 1:
		case 2:
			PUT(draft, ",\"%s\":\"continue\"", key);
			break;
		case 3:
			PUT(draft, ",\"%s\":\"goto:s%d\"", key, first + pick(world, count));
			break;
		case 4:
			if (!draft->in_undo)
				PUT(draft, ",\"%s\":\"rollback:%s\"", key,
					pick(world, 2) ? "one" : "two");
			break;
		case 5:
			if (strcmp(key, "on_error") != 0)
				PUT(draft, ",\"%s\":\"reject\"", key);
			break;
	}
}

/*
 * "retry".
 */
static void
write_retry(Draft *draft)
{
	static const char *const policies[] = {"fixed", "linear", "exponential",
										   "fibonacci"};
	World *world = draft->world;

	PUT(draft, ",\"retry\":{\"max_attempts\":%d,\"policy\":\"%s\"",
		1 + pick(world, 4), policies[pick(world, 4)]);
	if (pick(world, 2))
		PUT(draft, ",\"base_delay\":%d", 1 + pick(world, 20));
	if (pick(world, 3) == 0)
		PUT(draft, ",\"on\":[\"timeout\",\"rate_limit\"]");
	PUT(draft, "}");
}

/*
 * The kinds, beyond the common options.
 */
static void
write_approval(Draft *draft, HITL_UNUSED int depth)
{
	PUT(draft, ",\"title\":\"%s\"", random_text(draft));
	if (pick(draft->world, 2))
		PUT(draft, ",\"context_data\":{\"x\":\"%s\"}", random_text(draft));
}

static void
write_checkpoint(Draft *draft, HITL_UNUSED int depth)
{
	PUT(draft, ",\"checkpoint_name\":\"%s\"",
		pick(draft->world, 2) ? "one" : "two");
}

static void
write_task(Draft *draft, HITL_UNUSED int depth)
{
	World *world = draft->world;

	PUT(draft, ",\"task\":\"%s\"", random_text(draft));
	if (pick(world, 3) == 0)
		PUT(draft, ",\"context\":{\"x\":[\"%s\"]}", random_text(draft));
	if (pick(world, 3) == 0)
		PUT(draft, ",\"executor\":\"external\"");
	else if (pick(world, 2) == 0)
		PUT(draft, ",\"agent\":\"%s\"", pick(world, 3) ? "clerk" : "judge");
	if (draft->in_each == 0 && !draft->in_undo && pick(world, 5) == 0)
		PUT(draft, ",\"create_checkpoint\":%s",
			pick(world, 2) ? "true" : "\"one\"");
	if (pick(world, 3) == 0)
	{
		PUT(draft, ",\"requires_approval\":true");
		if (pick(world, 2))
			PUT(draft, ",\"approval_config\":{\"when\":\"%s\"}",
				pick(world, 3) ? "after" : "before");
	}
}

static void
write_sql(Draft *draft, HITL_UNUSED int depth)
{
	PUT(draft, ",\"sql\":\"select $1\",\"params\":[\"%s\"]",
		random_text(draft));
}

static void
write_http(Draft *draft, HITL_UNUSED int depth)
{
	PUT(draft, ",\"url\":\"http://x/\"");
	if (pick(draft->world, 2))
		PUT(draft, ",\"body\":[\"%s\"]", random_text(draft));
	if (pick(draft->world, 4) == 0)
		PUT(draft, ",\"expect\":[200,404]");
}

static void
write_wait(Draft *draft, HITL_UNUSED int depth)
{
	switch (pick(draft->world, 5))
	{
		case 0:
			PUT(draft, ",\"until\":\"2001-01-01\"");
			break;
		case 1:
			PUT(draft, ",\"until\":\"{{ $.variables.at }}\"");
			break;
		case 2:
			PUT(draft, ",\"for\":\"{{ $.variables.%s }}\"",
				pick(draft->world, 4) ? "n" : "none");
			break;
		default:
			PUT(draft, ",\"for\":%d", 1 + pick(draft->world, 300));
			break;
	}
}

static void
write_signal(Draft *draft, HITL_UNUSED int depth)
{
	World *world = draft->world;

	PUT(draft, ",\"signal\":\"%s\"", pick(world, 2) ? "red" : "blue");
	if (pick(world, 2))
		PUT(draft, ",\"match\":\"$.k == %s\"",
			pick(world, 3) ? pick(world, 2) ? "0" : "1"
						   : "{{ $.variables.zero }}");
}

static void
write_workflow(Draft *draft, HITL_UNUSED int depth)
{
	if (pick(draft->world, 2))
		PUT(draft, ",\"template\":\"t\",\"input\":{\"x\":\"%s\"}",
			random_text(draft));
	else
		PUT(draft,
			",\"definition\":{\"steps\":[{\"name\":\"s0\","
			"\"type\":\"checkpoint\"}]}");
}

static void
write_parallel(Draft *draft, int depth)
{
	World *world = draft->world;
	int count = 1 + pick(world, 3);
	int i;

	PUT(draft, ",\"branches\":[");
	for (i = 0; i < count; i++)
	{
		if (i > 0)
			PUT(draft, ",");
		write_list(draft, depth + 1, 3);
	}
	PUT(draft, "]");
	switch (pick(world, 4))
	{
		case 0:
			PUT(draft, ",\"wait_for\":\"any\"");
			break;
		case 1:
			PUT(draft, ",\"wait_for\":%d", 1 + pick(world, count));
			break;
	}
}

static void
write_foreach(Draft *draft, int depth)
{
	static const char *const items[] = {"$.variables.three",
										"$.variables.two",
										"$.variables.one",
										"$.variables.three",
										"$.variables.none",
										"$.variables.empty",
										"$.variables.n"};
	World *world = draft->world;

	PUT(draft, ",\"items\":\"%s\",\"as\":\"e\"",
		items[pick(world, pick(world, 4) ? 4 : 7)]);
	if (pick(world, 2))
		PUT(draft, ",\"concurrency\":%d", 1 + pick(world, 3));
	PUT(draft, ",\"steps\":");
	draft->in_each++;
	write_list(draft, depth + 1, 3);
	draft->in_each--;
}

static void
write_switch(Draft *draft, int depth)
{
	World *world = draft->world;
	int count = 1 + pick(world, 2);
	int i;

	PUT(draft, ",\"cases\":[");
	for (i = 0; i < count; i++)
	{
		PUT(draft, "%s{\"when\":\"%s\",\"steps\":", i > 0 ? "," : "",
			random_condition(world));
		write_list(draft, depth + 1, 2);
		PUT(draft, "}");
	}
	PUT(draft, "]");
	if (pick(world, 2))
	{
		PUT(draft, ",\"default\":");
		write_list(draft, depth + 1, 2);
	}
}

/*
 * A condition; the last ones cannot be evaluated, or give no boolean.
 */
static const char *
random_condition(World *world)
{
	static const char *const conditions[] = {"$.variables.yes",
											 "$.variables.no",
											 "$.variables.none",
											 "$.variables.n > 3",
											 "$.variables.e > 1",
											 "$.variables.n",
											 "$.variables.n plus"};

	return conditions[pick(world, pick(world, 12) ? 5 : 7)];
}

/*
 * A text; some templates match nothing, or nothing yet.
 */
static const char *
random_text(Draft *draft)
{
	static char text[60];
	World *world = draft->world;

	switch (pick(world, 9))
	{
		case 0:
			return "{{ $.variables.n }}";
		case 1:
			return draft->in_each > 0 ? "do {{ $.variables.e }}" : "do it";
		case 2:
			if (pick(world, 6))
				return "plain";
			snprintf(text, sizeof(text), "after {{ $.steps.s%d }}",
					 pick(world, draft->names));
			return text;
		case 3:
			return pick(world, 8) ? "as \\\\{{ it }} is"
								  : "{{ $.variables.none }}";
		default:
			return "well \xc3\xa9";
	}
}
