/*
 * step_parallel.c
 *		The step that goes through several lists of steps at the same time.
 *		The branches share the data around them.
 */
#include "core/internal.h"

#include <string.h>

static const char *const members[] = {"branches", "wait_for", NULL};

static void parse_parallel(HitlParse *parse, const HitlPlace *place,
						   const HitlJson *object, HitlStep *step);
static int parse_wait_for(HitlParse *parse, const HitlPlace *place,
						  const HitlJson *object, int count);
static void enter_parallel(HitlRun *run, HitlPosition *position);
static void deliver_parallel(HitlRun *run, HitlPosition *position,
							 const HitlJson *body);

const HitlStepKind hitl_parallel_kind = {.type = "parallel",
										 .members = members,
										 .forks = true,
										 .awaits = 1 << HITL_AWAITS_BRANCHES |
											 1 << HITL_AWAITS_REPLY,
										 .parse = parse_parallel,
										 .enter = enter_parallel,
										 .deliver = deliver_parallel};

/*
 * Read the step.
 */
static void
parse_parallel(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
			   HitlStep *step)
{
	const HitlJson *branches = hitl_get(parse, place, object, "branches",
										HITL_JSON_ARRAY, true);
	HitlFork *fork = &step->as.fork;
	HitlPlace branches_place = {place, "branches", 0};
	HitlPlace here = {&branches_place, NULL, 0};
	const HitlJson *branch;

	if (branches == NULL)
		return;
	if (branches->count == 0 || branches->count > HITL_MAX_BRANCHES)
	{
		hitl_fault(parse, &branches_place, "must have 1 to %d branches",
				   HITL_MAX_BRANCHES);
		return;
	}
	fork->lists = hitl_alloc_zero(parse->arena,
								  branches->count * sizeof(HitlStepList));
	if (fork->lists == NULL)
		return;
	fork->count = branches->count;
	for (branch = branches->first; branch != NULL; branch = branch->next)
	{
		HitlStepList *list = &fork->lists[here.index];

		if (branch->type != HITL_JSON_ARRAY)
			hitl_fault(parse, &here, "must be an array of steps, not %s",
					   hitl_json_type_name(branch));
		else if (branch->count == 0)
			hitl_fault(parse, &here, "must have at least one step");
		else
			hitl_parse_list(parse, &here, branch, step, here.index, list);
		fork->undoable |= hitl_is_undoable(list);
		here.index++;
	}
	fork->wait_for = parse_wait_for(parse, place, object, fork->count);
}

/*
 * "wait_for": all, any, or how many.
 */
static int
parse_wait_for(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
			   int count)
{
	const HitlJson *member = hitl_json_member(object, "wait_for");
	HitlPlace here = {place, "wait_for", 0};
	int64_t number;

	if (member == NULL)
		return 0;
	if (member->type == HITL_JSON_STRING && strcmp(member->text, "all") == 0)
		return 0;
	if (member->type == HITL_JSON_STRING && strcmp(member->text, "any") == 0)
		return 1;
	if (!hitl_json_integer(member, &number) || number < 1)
		hitl_fault(parse, &here,
				   "must be all, any or a whole number from 1 on");
	else if (number > count)
		hitl_fault(parse, &here, "there are only %d branches", count);
	else
		return (int) number;
	return 0;
}

/*
 * Begin with the branches, or go on with them.
 */
static void
enter_parallel(HitlRun *run, HitlPosition *position)
{
	if (position->branches.total > 0)
		hitl_resume_fork(run, position);
	else
		hitl_enter_fork(run, position, position->step->as.fork.count, NULL,
						NULL);
}

/*
 * The step's result says how each branch ended; those that were not even
 * begun were cancelled, too.
 */
static void
deliver_parallel(HitlRun *run, HitlPosition *position, const HitlJson *body)
{
	const HitlJson *ends = hitl_end_fork(run, position, body);
	const HitlJson *end;
	HitlBuffer result;
	const char *text;

	if (ends == NULL)
		return;
	hitl_buffer_init(&result, &run->scratch);
	hitl_append_text(&result, "{\"branches\":[");
	for (end = ends->first; end != NULL; end = end->next)
	{
		if (end != ends->first)
			hitl_append_char(&result, ',');
		if (end->type == HITL_JSON_NULL)
			hitl_append_text(&result, "\"cancelled\"");
		else
			hitl_json_write(&result, end);
	}
	hitl_append_text(&result, "]}");
	text = hitl_finish_text(run, &result);
	if (text != NULL)
		hitl_complete_step(run, position, text);
}
