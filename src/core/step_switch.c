/*
 * step_switch.c
 *		The step that goes through one of several lists of steps.
 */
#include "core/internal.h"

#include <string.h>

#define MAX_CASES 1000

static const char *const members[] = {"cases", "default", NULL};

static const char *const case_members[] = {"when", "steps", "description",
										   NULL};

static void parse_switch(HitlParse *parse, const HitlPlace *place,
						 const HitlJson *object, HitlStep *step);
static void parse_case(HitlParse *parse, const HitlPlace *place,
					   const HitlJson *object, HitlStep *step, int index);
static void enter_switch(HitlRun *run, HitlPosition *position);

const HitlStepKind hitl_switch_kind = {.type = "switch",
									   .members = members,
									   .parse = parse_switch,
									   .enter = enter_switch};

/*
 * Read the step.
 */
static void
parse_switch(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
			 HitlStep *step)
{
	HitlSwitch *choice = &step->as.choice;
	const HitlJson *cases = hitl_get(parse, place, object, "cases",
									 HITL_JSON_ARRAY, true);
	const HitlJson *otherwise = hitl_get(parse, place, object, "default",
										 HITL_JSON_ARRAY, false);
	HitlPlace cases_place = {place, "cases", 0};
	HitlPlace default_place = {place, "default", 0};
	HitlPlace here = {&cases_place, NULL, 0};
	const HitlJson *one;

	if (cases == NULL)
		return;
	if (cases->count == 0 || cases->count > MAX_CASES)
	{
		hitl_fault(parse, &cases_place, "must have 1 to %d cases", MAX_CASES);
		return;
	}
	choice->when = hitl_alloc_zero(parse->arena,
								   cases->count * sizeof(const char *));
	choice->lists = hitl_alloc_zero(parse->arena,
									(cases->count + 1) * sizeof(HitlStepList));
	if (choice->when == NULL || choice->lists == NULL)
		return;
	choice->count = cases->count;
	for (one = cases->first; one != NULL; one = one->next)
	{
		if (one->type != HITL_JSON_OBJECT)
			hitl_fault(parse, &here, "must be an object, not %s",
					   hitl_json_type_name(one));
		else
			parse_case(parse, &here, one, step, here.index);
		here.index++;
	}
	if (otherwise != NULL)
		hitl_parse_list(parse, &default_place, otherwise, step, choice->count,
						&choice->lists[choice->count]);
}

/*
 * One case.
 */
static void
parse_case(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
		   HitlStep *step, int index)
{
	HitlSwitch *choice = &step->as.choice;
	HitlPlace when_place = {place, "when", 0};
	HitlPlace steps_place = {place, "steps", 0};
	const char *when = hitl_get_text(parse, place, object, "when", true);
	const HitlJson *steps = hitl_get(parse, place, object, "steps",
									 HITL_JSON_ARRAY, true);

	hitl_check_members(parse, place, object, case_members, NULL);
	hitl_get_text(parse, place, object, "description", false);
	if (when != NULL)
	{
		choice->when[index] = hitl_copy_text(parse->arena, when, strlen(when));
		hitl_check_path(parse, &when_place, when);
	}
	if (steps != NULL)
		hitl_parse_list(parse, &steps_place, steps, step, index,
						&choice->lists[index]);
}

/*
 * Go into the first case whose condition holds.
 */
static void
enter_switch(HitlRun *run, HitlPosition *position)
{
	const HitlSwitch *choice = &position->step->as.choice;
	HitlBuffer result;
	bool answer = false;
	const char *text;
	int i;

	for (i = 0; i < choice->count && !answer; i++)
	{
		if (!hitl_check_condition(run, position, choice->when[i], &answer))
			return;
	}
	if (answer)
		i--;
	if (choice->lists[i].count > 0)
	{
		hitl_go_into(run, position, &choice->lists[i]);
		return;
	}
	hitl_buffer_init(&result, &run->scratch);
	hitl_append_text(&result, "{\"case\":");
	if (answer)
		hitl_append_integer(&result, i);
	else
		hitl_append_text(&result, "null");
	hitl_append_char(&result, '}');
	text = hitl_finish_text(run, &result);
	if (text != NULL)
		hitl_complete_step(run, position, text);
}
