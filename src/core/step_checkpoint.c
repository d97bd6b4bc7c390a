/*
 * step_checkpoint.c
 *		The step that marks a place to return to.
 */
#include "core/internal.h"

#include <string.h>

static const char *const members[] = {"checkpoint_name", NULL};

static void parse_checkpoint(HitlParse *parse, const HitlPlace *place,
							 const HitlJson *object, HitlStep *step);
static void enter_checkpoint(HitlRun *run, HitlPosition *position);

const HitlStepKind hitl_checkpoint_kind = {.type = "checkpoint",
										   .members = members,
										   .parse = parse_checkpoint,
										   .enter = enter_checkpoint};

/*
 * Read the step.
 */
static void
parse_checkpoint(HitlParse *parse, const HitlPlace *place,
				 const HitlJson *object, HitlStep *step)
{
	static const HitlJson nothing = {.type = HITL_JSON_NULL};
	HitlCheckpoint *checkpoint = &step->as.checkpoint;
	HitlPlace here = {place, "description", 0};
	const char *text;

	text = hitl_get_text(parse, place, object, "checkpoint_name", false);
	checkpoint->name = text == NULL
		? step->name
		: hitl_copy_text(parse->arena, text, strlen(text));
	text = hitl_get_text(parse, place, object, "description", false);
	if (text == NULL)
		hitl_compile_value(parse, &here, &nothing, &checkpoint->description);
	else
		hitl_compile_text(parse, &here, text, &checkpoint->description);
}

/*
 * Take the checkpoint; a workflow that returns to it goes on after this step.
 */
static void
enter_checkpoint(HitlRun *run, HitlPosition *position)
{
	const HitlCheckpoint *checkpoint = &position->step->as.checkpoint;
	const char *description = hitl_render(run, position,
										  &checkpoint->description);
	int effect;

	if (description == NULL)
		return;
	effect = hitl_take_checkpoint(run, position, checkpoint->name, description);
	hitl_complete_step(run, position, NULL);
	hitl_pin_checkpoint(run, effect);
}
