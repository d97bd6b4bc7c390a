/*
 * command.c
 *		What people tell a workflow to do: pause, resume, cancel, retry, skip.
 *
 * These, and they alone, may load all branches of a workflow at once.
 */
#include "core/internal.h"

#include <string.h>

/* What a skip is about. */
typedef struct Target
{
	HitlBranch *branch;
	const HitlStep *step; /* of its position, or one around that */
} Target;

static void go_on_after_failure(HitlRun *run, const char *order);
static void revive_branch(HitlRun *run, HitlBranch *branch, int round);
static const HitlFrame *disarm(HitlRun *run, const HitlFrame *frame);
static bool read_order(HitlRun *run, const HitlJson *body);
static bool find_target(HitlRun *run, const HitlJson *body, Target *target);
static bool is_at(const HitlBranch *branch, const HitlStep *step);
static void skip(HitlRun *run, const Target *target, const char *order,
				 const char *result);

/*
 * Begin no further step.
 */
void
hitl_handle_pause(HitlRun *run, const HitlJson *body)
{
	HitlControl *control = run->control;
	HitlEffect *effect;

	if (!read_order(run, body))
		return;
	if (control->status == HITL_PAUSED)
		hitl_stop(run, HITL_INVALID, "the workflow is paused already");
	else if (control->status == HITL_PENDING)
		hitl_stop(run, HITL_INVALID, "the workflow has not begun");
	else if (control->status == HITL_ROLLED_BACK)
		hitl_stop(run, HITL_INVALID,
				  "the workflow was rolled back and stands still until it is "
				  "executed");
	else if (!hitl_is_under_way(control))
		hitl_stop(run, HITL_INVALID, "the workflow has ended");
	else
	{
		effect = hitl_emit(run, HITL_EFFECT_EVENT, "workflow_paused", NULL);
		effect->body = hitl_write_order(run, body);
		control->ready_count = 0;
		hitl_set_status(run, HITL_PAUSED, NULL);
	}
}

/*
 * Go on after a pause.
 */
void
hitl_handle_resume(HitlRun *run, const HitlJson *body)
{
	HitlControl *control = run->control;
	HitlBranch **branches;
	HitlEffect *effect;
	int count;

	if (!read_order(run, body))
		return;
	if (control->status != HITL_PAUSED)
	{
		hitl_stop(run, HITL_INVALID, "the workflow is not paused");
		return;
	}
	effect = hitl_emit(run, HITL_EFFECT_EVENT, "workflow_resumed", NULL);
	effect->body = hitl_write_order(run, body);
	hitl_set_status(run, HITL_RUNNING, NULL);
	count = hitl_load_branches(run, 0, 0, &branches);
	hitl_list_ready(run, branches, count);
}

/*
 * End as cancelled.  One that has ended already stays as it is.
 */
void
hitl_handle_cancel(HitlRun *run, const HitlJson *body)
{
	if (read_order(run, body))
		hitl_end_workflow(run, HITL_CANCELLED, NULL,
						  hitl_write_order(run, body));
}

/*
 * Go on where the workflow failed.  The host may have failed it, too, so that
 * the control state knows nothing of it.
 */
void
hitl_handle_retry(HitlRun *run, const HitlJson *body)
{
	HitlControl *control = run->control;

	if (!read_order(run, body))
		return;
	if (hitl_has_ended(control) && control->status != HITL_FAILED)
		hitl_stop(run, HITL_INVALID, "the workflow has not failed");
	else if (control->status == HITL_FAILED && !control->root.has_position &&
			 control->undo.total == 0 &&
			 control->completed < run->definition->root.count)
		hitl_stop(run, HITL_INVALID,
				  "it is not known where the workflow failed");
	else
		go_on_after_failure(run, hitl_write_order(run, body));
}

/*
 * Go on behind a step that waits or has failed.
 */
void
hitl_handle_skip(HitlRun *run, const HitlJson *body)
{
	HitlControl *control = run->control;
	const HitlJson *result = hitl_json_member(body, "result");
	bool has_failed = control->status == HITL_FAILED ||
		(hitl_json_is_true(body, "failed") && control->status != HITL_PENDING &&
		 !hitl_has_ended(control));
	const char *order;
	const char *text = NULL;
	Target target = {NULL, NULL};

	if (!read_order(run, body))
		return;
	if (!hitl_is_under_way(control) && !has_failed)
	{
		hitl_stop(run, HITL_INVALID,
				  control->status == HITL_PENDING
					  ? "the workflow has not begun"
					  : "the workflow is not under way");
		return;
	}
	if (!find_target(run, body, &target))
		return;
	if (result != NULL)
		text = hitl_json_text(&run->scratch, result);
	order = hitl_write_order(run, body);
	if (has_failed)
		go_on_after_failure(run, order);
	if (run->result == HITL_OK)
		skip(run, &target, order, text);
}

/*
 * Reason and actor of an order, as an event tells them.
 */
const char *
hitl_write_order(HitlRun *run, const HitlJson *body)
{
	static const char *const kept[] = {"reason", "actor"};
	HitlBuffer event;
	size_t i;

	hitl_buffer_init(&event, run->memory);
	hitl_append_char(&event, '{');
	for (i = 0; i < 2; i++)
	{
		const HitlJson *member = hitl_json_stated(body, kept[i]);

		hitl_json_write_member(&event, kept[i],
							   member == NULL ? NULL : member->text);
	}
	hitl_append_char(&event, '}');
	return hitl_buffer_text(&event);
}

/*
 * Whatever was awaited has been withdrawn: have all of it asked for again.
 * rewound: as it was at a checkpoint, so that attempts must be given numbers
 * that none has had since.
 */
void
hitl_revive(HitlRun *run, bool rewound)
{
	HitlControl *control = run->control;
	int round = rewound ? control->highest : -1;
	HitlBranch **branches;
	int count;
	int i;

	count = hitl_load_branches(run, 0, 0, &branches);
	if (run->result != HITL_OK)
		return;
	for (i = 0; i < count; i++)
		revive_branch(run, branches[i], round);
	if (control->root.has_position)
		revive_branch(run, &control->root, round);
	else if (rewound)
	{
		control->root.round = round;
		control->highest = round + 1;
	}
	hitl_list_ready(run, branches, count);
}

/*
 * What was failed goes on.  order: who wants that, and why.
 */
static void
go_on_after_failure(HitlRun *run, const char *order)
{
	HitlControl *control = run->control;
	bool begun = control->status != HITL_PENDING;
	HitlEffect *effect;

	/* What the host failed may still be awaited as far as the core knows. */
	if (hitl_is_under_way(control))
		hitl_withdraw_all(run, control);
	control->deadline = 0;
	effect = hitl_emit(run, HITL_EFFECT_EVENT, "workflow_retried", NULL);
	effect->body = order;

	/* The host's idea of the status may be another one. */
	control->status = HITL_FAILED;
	hitl_set_status(run, HITL_RUNNING, NULL);
	hitl_revive(run, false);
	if (!begun)
		hitl_set_position(run, &control->root, &run->definition->root.steps[0],
						  NULL);
	hitl_set_deadline(run);
}

/*
 * Let a branch begin its step again.  A fork goes on with the branches it has.
 */
static void
revive_branch(HitlRun *run, HitlBranch *branch, int round)
{
	HitlPosition *position = &branch->position;

	if (!hitl_touch(run, branch))
		return;
	position->state = HITL_READY;
	position->token = 0;
	position->tries = 0;
	position->since_us = run->now_us;
	position->frames = disarm(run, position->frames);
	if (round >= 0)
	{
		branch->round = round;
		hitl_raise_attempt(run, branch, round + 1);
		return;
	}
	branch->entered = 0;
	if (position->branches.total > 0)
		return;
	if (position->step->kind->forks ||
		position->step->kind == &hitl_switch_kind)
	{
		/* a number that nothing inside had */
		int highest = branch->id == 0 ? run->control->highest : branch->highest;

		branch->round = highest;
		hitl_raise_attempt(run, branch, highest + 1);
	}
	else
		hitl_raise_attempt(run, branch, position->attempt + 1);
}

/*
 * The timers of the switches around a position are to be set anew.
 */
static const HitlFrame *
disarm(HitlRun *run, const HitlFrame *frame)
{
	HitlFrame *copy;

	if (frame == NULL)
		return NULL;
	copy = hitl_alloc(&run->control->arena, sizeof(HitlFrame));
	if (copy == NULL)
	{
		hitl_stop(run, HITL_NO_MEMORY, NULL);
		return frame;
	}
	*copy = *frame;
	copy->token = 0;
	copy->tries = 0;
	copy->outer = disarm(run, frame->outer);
	return copy;
}

/*
 * Check what all orders have in common.
 */
static bool
read_order(HitlRun *run, const HitlJson *body)
{
	static const char *const texts[] = {"reason", "actor"};
	size_t i;

	for (i = 0; i < 2; i++)
	{
		const HitlJson *member = hitl_json_member(body, texts[i]);

		if (member != NULL && member->type != HITL_JSON_STRING &&
			member->type != HITL_JSON_NULL)
		{
			hitl_stop(run, HITL_INVALID,
					  "\"reason\" and \"actor\" must be strings or null");
			return false;
		}
	}
	return true;
}

/*
 * The one place where a step that is named is under way.
 */
static bool
find_target(HitlRun *run, const HitlJson *body, Target *target)
{
	HitlControl *control = run->control;
	const HitlJson *name = hitl_json_member(body, "step");
	const HitlJson *scope = hitl_json_stated(body, "scope");
	HitlBranch **branches;
	int64_t number = 0;
	int count;
	int found = 0;
	int i;

	if (name == NULL || name->type != HITL_JSON_STRING)
	{
		hitl_stop(run, HITL_INVALID, "\"step\" must be the name of a step");
		return false;
	}
	if (scope != NULL && !hitl_json_integer(scope, &number))
	{
		hitl_stop(run, HITL_INVALID, "\"scope\" must be a whole number");
		return false;
	}
	target->step = hitl_find_step(&run->definition->by_name, name->text);
	if (target->step == NULL)
	{
		hitl_stop(run, HITL_INVALID, "the definition has no step of this name");
		return false;
	}
	count = hitl_load_branches(run, 0, 0, &branches);
	for (i = -1; i < count; i++)
	{
		HitlBranch *branch = i < 0 ? &control->root : branches[i];

		if (!branch->has_position || !is_at(branch, target->step) ||
			(scope != NULL && branch->scope != number))
			continue;

		/* Steps are taken back one after the other. */
		if (branch->event > 0 &&
			branch->id != control->undo.first + control->undo.done)
			continue;
		target->branch = branch;
		found++;
	}
	if (run->result != HITL_OK)
		return false;
	if (found == 0)
		hitl_stop(run, HITL_INVALID, "the step is not under way");
	else if (found > 1)
		hitl_stop(run, HITL_INVALID,
				  "the step is under way for several elements; \"scope\" says "
				  "for which of them it is meant");
	return found == 1;
}

/*
 * Is a branch at a step, or inside of it?
 */
static bool
is_at(const HitlBranch *branch, const HitlStep *step)
{
	const HitlFrame *frame = branch->position.frames;

	while (frame != NULL && frame->step != step)
		frame = frame->outer;
	return frame != NULL || branch->position.step == step;
}

/*
 * Leave a step undone.
 */
static void
skip(HitlRun *run, const Target *target, const char *order, const char *result)
{
	HitlBranch *branch = target->branch;
	HitlPosition *position = &branch->position;

	if (!hitl_touch(run, branch))
		return;
	run->scope = branch->scope;
	while (position->step != target->step)
		hitl_leave_frame(run, branch);
	hitl_withdraw_work(run, position);
	position->token = 0;
	if (position->branches.total > 0)
		hitl_abandon_fork(run, position);
	hitl_step_event(run, position, "step_skipped", order, result);
	hitl_go_to(run, position, position->step->index + 1);
	if (branch->status == HITL_BRANCH_ACTIVE && branch->has_position)
		hitl_push_ready(run, branch);
}
