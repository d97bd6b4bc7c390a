/*
 * step_foreach.c
 *		The step that goes through its steps for each element of an array.
 *		Each element is a scope: what its steps put down is its own.
 */
#include "core/internal.h"

#include <string.h>

static const char *const members[] = {"items", "as", "concurrency", "steps",
									  NULL};

static void parse_foreach(HitlParse *parse, const HitlPlace *place,
						  const HitlJson *object, HitlStep *step);
static void parse_concurrency(HitlParse *parse, const HitlPlace *place,
							  const HitlJson *object, HitlFork *fork);
static void enter_foreach(HitlRun *run, HitlPosition *position);
static void begin(HitlRun *run, HitlPosition *position, const char *text);
static void deliver_foreach(HitlRun *run, HitlPosition *position,
							const HitlJson *body);

const HitlStepKind hitl_foreach_kind = {.type = "foreach",
										.members = members,
										.forks = true,
										.awaits = 1 << HITL_AWAITS_BRANCHES |
											1 << HITL_AWAITS_REPLY,
										.parse = parse_foreach,
										.enter = enter_foreach,
										.deliver = deliver_foreach};

/*
 * Read the step.
 */
static void
parse_foreach(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
			  HitlStep *step)
{
	HitlFork *fork = &step->as.fork;
	const char *items = hitl_get_text(parse, place, object, "items", true);
	const char *as = hitl_get_text(parse, place, object, "as", false);
	const HitlJson *steps = hitl_get(parse, place, object, "steps",
									 HITL_JSON_ARRAY, true);
	HitlPlace items_place = {place, "items", 0};
	HitlPlace as_place = {place, "as", 0};
	HitlPlace steps_place = {place, "steps", 0};

	if (items != NULL)
		hitl_check_path(parse, &items_place, items);
	else
		items = "$";
	fork->items = hitl_copy_text(parse->arena, items, strlen(items));
	if (as == NULL)
		as = "item";
	else if (!hitl_is_variable(as))
		hitl_fault(parse, &as_place,
				   "must be letters, digits and \"_\", and begin with a letter "
				   "or \"_\"");
	fork->as = hitl_copy_text(parse->arena, as, strlen(as));
	parse_concurrency(parse, place, object, fork);

	fork->lists = hitl_alloc_zero(parse->arena, sizeof(HitlStepList));
	if (fork->lists == NULL || steps == NULL)
		return;
	fork->count = 1;
	if (steps->count == 0)
		hitl_fault(parse, &steps_place, "must have at least one step");
	else
		hitl_parse_list(parse, &steps_place, steps, step, 0, fork->lists);
	fork->undoable = hitl_is_undoable(fork->lists);
}

/*
 * "concurrency": the most elements under way at the same time.
 */
static void
parse_concurrency(HitlParse *parse, const HitlPlace *place,
				  const HitlJson *object, HitlFork *fork)
{
	const HitlJson *member = hitl_json_member(object, "concurrency");
	HitlPlace here = {place, "concurrency", 0};
	int64_t number = 0;

	if (member == NULL)
		return;
	if (!hitl_json_integer(member, &number) || number < 1 ||
		number > HITL_MAX_BRANCHES)
		hitl_fault(parse, &here, "must be a whole number from 1 to %d",
				   HITL_MAX_BRANCHES);
	else
		fork->concurrency = (int) number;
}

/*
 * Begin with the elements, or go on with them.
 */
static void
enter_foreach(HitlRun *run, HitlPosition *position)
{
	const char *path = position->step->as.fork.items;
	const char *text = NULL;

	if (position->branches.total > 0)
	{
		hitl_resume_fork(run, position);
		return;
	}
	if (run->host == NULL)
	{
		hitl_stop(run, HITL_HOST_FAILED, NULL);
		return;
	}
	switch (run->host->query(run->host->context, run->scope, path, &text))
	{
		case HITL_QUERY_FOUND:
			begin(run, position, text);
			break;
		case HITL_QUERY_EMPTY:
			hitl_fail_faulty(run, position, "items path %s matches nothing",
							 path);
			break;
		case HITL_QUERY_FAULTY:
			hitl_fail_faulty(run, position,
							 "items path %s cannot be evaluated: %s", path,
							 text == NULL ? "no reason given" : text);
			break;
		case HITL_QUERY_HOST_FAILED:
			hitl_stop(run, HITL_HOST_FAILED, NULL);
			break;
	}
}

/*
 * Begin with the elements of the array in text.
 */
static void
begin(HitlRun *run, HitlPosition *position, const char *text)
{
	const HitlFork *fork = &position->step->as.fork;
	const HitlJson *array;
	HitlJsonError error;
	HitlResult result = hitl_json_parse(&run->scratch, text, strlen(text), 0,
										&array, &error);

	if (result == HITL_INVALID)
		hitl_fail_faulty(run, position,
						 "the match of items path %s cannot be used: %s",
						 fork->items, error.message);
	else if (result != HITL_OK)
		hitl_stop(run, result, NULL);
	else if (array->type != HITL_JSON_ARRAY)
		hitl_fail_faulty(run, position, "items path %s gives %s, not an array",
						 fork->items, hitl_json_type_name(array));
	else if (array->count > HITL_MAX_BRANCHES)
		hitl_fail_faulty(run, position,
						 "items path %s gives %d elements, more than %d",
						 fork->items, array->count, HITL_MAX_BRANCHES);
	else if (array->count == 0)
		hitl_complete_step(run, position, "[]");
	else
		hitl_enter_fork(run, position, array->count, fork->as, text);
}

/*
 * The step's result has the results of the elements' last steps.
 */
static void
deliver_foreach(HitlRun *run, HitlPosition *position, const HitlJson *body)
{
	const HitlJson *results = hitl_end_fork(run, position, body);
	char *text;

	if (results == NULL)
		return;
	text = hitl_json_text(&run->scratch, results);
	if (text == NULL)
		hitl_stop(run, HITL_NO_MEMORY, NULL);
	else
		hitl_complete_step(run, position, text);
}
