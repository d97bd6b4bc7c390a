/*
 * undo.c
 *		Returning to a checkpoint, and taking back what was done since.
 *
 * The undo steps of what is to be taken back are branches, one for each step
 * run, gone through one after the other, newest first.  When they are done,
 * the host loads the checkpoint and calls rewind.
 */
#include "core/agent.h"

#include <stdlib.h>
#include <string.h>

static void keep_usage(HitlRun *run, const HitlControl *current);
static const char *check_undo(const HitlDefinition *definition,
							  const HitlJson *undo);
static const HitlStep *find_undone(const HitlDefinition *definition,
								   const HitlJson *element, int64_t *event);
static void begin_undo(HitlRun *run, const HitlJson *body,
					   const HitlJson *undo);
static void go_back(HitlRun *run, const char *checkpoint, const char *reason,
					bool resume);
static void write_reason(HitlBuffer *buffer, const char *checkpoint,
						 const char *reason);

/*
 * Return to a checkpoint, once what was done since has been taken back.
 */
void
hitl_handle_rollback(HitlRun *run, const HitlJson *body)
{
	HitlControl *control = run->control;
	const HitlJson *checkpoint = hitl_json_member(body, "checkpoint");
	const HitlJson *reason = hitl_json_stated(body, "reason");
	const HitlJson *undo = hitl_json_stated(body, "undo");
	bool has_failed = control->status == HITL_FAILED ||
		hitl_json_is_true(body, "failed");
	const char *fault = NULL;

	if (checkpoint == NULL || checkpoint->type != HITL_JSON_STRING)
		fault = "\"checkpoint\" must be the name of a checkpoint";
	else if (reason != NULL && reason->type != HITL_JSON_STRING)
		fault = "\"reason\" must be a string or null";
	else if (control->undo.total > 0 && !has_failed)
		fault = "the workflow is being rolled back already";
	else if (undo != NULL)
		fault = check_undo(run->definition, undo);
	if (fault != NULL)
	{
		hitl_stop(run, HITL_INVALID, fault);
		return;
	}

	/* So that it is told of, whatever the status was for the core. */
	if (has_failed)
		control->status = HITL_FAILED;

	/* People may return as often as they like. */
	if (control->status != HITL_ROLLED_BACK)
		control->root.entered = 0;
	if (undo == NULL || undo->count == 0)
		go_back(run, checkpoint->text, reason == NULL ? NULL : reason->text,
				hitl_json_is_true(body, "resume"));
	else
		begin_undo(run, body, undo);
}

/*
 * A step run has been taken back: go on with the next one.
 */
void
hitl_end_undo(HitlRun *run, HitlBranch *branch)
{
	HitlControl *control = run->control;
	HitlUndo *undo = &control->undo;
	HitlEffect *effect;
	HitlBuffer body;

	branch->status = HITL_BRANCH_COMPLETED;
	branch->has_position = false;
	hitl_pop_ready(run, branch);
	effect = hitl_emit(run, HITL_EFFECT_EVENT, "step_undone", NULL);
	effect->step = branch->owner->name;
	effect->position = branch->owner->path;
	hitl_buffer_init(&body, run->memory);
	hitl_append_text(&body, "{\"event\":");
	hitl_append_integer(&body, branch->event);
	hitl_append_char(&body, '}');
	effect->body = hitl_buffer_text(&body);

	undo->done++;
	if (undo->done < undo->total)
	{
		const HitlBranch *next = hitl_find_branch(run,
												  undo->first + undo->done);

		if (next != NULL)
			hitl_push_ready(run, next);
		else
			hitl_stop(run, HITL_INVALID, "a branch of the rollback is lost");
		return;
	}
	effect = hitl_emit(run, HITL_EFFECT_REMOVE_BRANCHES, NULL, NULL);
	effect->first = undo->first;
	effect->count = undo->total;
	hitl_forget_branches(run, undo->first, undo->total);
	undo->total = 0;
	go_back(run, undo->checkpoint, undo->reason, undo->resume);
}

/*
 * Return to the control state of a checkpoint.
 */
HitlResult
hitl_rewind(const HitlDefinition *definition, const HitlControl *current,
			const char *checkpoint, const char *reason, const HitlHost *host,
			HitlControl **control, HitlEffects *effects)
{
	HitlControl *rewound;
	HitlResult result;
	HitlRun run = {.definition = definition, .host = host, .effects = effects};
	char *error;

	*control = NULL;
	result = hitl_parse_control(definition, checkpoint, &rewound, &error);
	run.control = rewound;
	hitl_begin_run(&run);
	if (result != HITL_OK)
	{
		hitl_stop(&run, result, error);
		free(error);
		return hitl_end_run(&run);
	}
	if (rewound->status > HITL_COMPLETED)
		hitl_stop(&run, HITL_INVALID,
				  "the workflow had ended where the checkpoint was taken");
	else
	{
		hitl_withdraw_all(&run, current);
		if (rewound->status != HITL_PENDING)
			rewound->status = HITL_ROLLED_BACK;
		if (rewound->token < current->token)
			rewound->token = current->token;
		if (rewound->last_branch < current->last_branch)
			rewound->last_branch = current->last_branch;
		if (rewound->highest < current->highest)
			rewound->highest = current->highest;

		/* Each return counts as a step, against endless loops. */
		rewound->root.entered = current->root.entered;
		if (rewound->root.entered <= HITL_STEP_BUDGET)
			rewound->root.entered++;
		if (rewound->deadline_us == 0)
			rewound->deadline_us = current->deadline_us;
		rewound->deadline = 0;
		rewound->rewinds = current->rewinds + 1;
		rewound->reason = reason == NULL ? NULL : hitl_keep_text(&run, reason);
		rewound->approvals = 0;
		rewound->replies = 0;
		hitl_revive(&run, true);
		keep_usage(&run, current);
	}
	result = hitl_end_run(&run);
	if (result == HITL_OK)
		*control = rewound;
	else
		hitl_free_control(rewound);
	return result;
}

/*
 * What agents have used since the checkpoint stays used; of those in branches
 * as far as the branches are loaded, as is that of an agent that returns by
 * itself.
 */
static void
keep_usage(HitlRun *run, const HitlControl *current)
{
	HitlControl *control = run->control;
	size_t slot;

	if (run->result != HITL_OK)
		return;
	hitl_keep_usage(run, &control->root, &current->root);
	for (slot = 0; control->slots != NULL && slot <= control->mask; slot++)
	{
		HitlBranch *branch = control->slots[slot];
		const HitlBranch *before = NULL;

		if (branch != NULL && branch->status == HITL_BRANCH_ACTIVE)
			before = hitl_loaded_branch(current, branch->id);
		if (before != NULL && before->status == HITL_BRANCH_ACTIVE)
			hitl_keep_usage(run, branch, before);
	}
}

/*
 * Why a list of step runs cannot be taken back, or NULL.
 */
static const char *
check_undo(const HitlDefinition *definition, const HitlJson *undo)
{
	const HitlJson *element;
	int64_t event;

	if (undo->type != HITL_JSON_ARRAY || undo->count > HITL_MAX_BRANCHES)
		return "\"undo\" must be an array, and not too long a one";
	for (element = undo->first; element != NULL; element = element->next)
	{
		if (find_undone(definition, element, &event) == NULL)
			return "\"undo\" must name events of steps that have an undo";
	}
	return NULL;
}

/*
 * The step of one element of such a list, or NULL.
 */
static const HitlStep *
find_undone(const HitlDefinition *definition, const HitlJson *element,
			int64_t *event)
{
	const HitlJson *position = hitl_json_member(element, "position");
	const HitlStep *step = NULL;

	if (position != NULL && position->type == HITL_JSON_STRING)
		step = hitl_find_step(&definition->by_path, position->text);
	if (step == NULL || step->undo == NULL ||
		!hitl_json_integer(hitl_json_member(element, "event"), event) ||
		*event < 1 || *event > INT32_MAX)
		return NULL;
	return step;
}

/*
 * Leave what is under way, and begin with the first step to be taken back.
 */
static void
begin_undo(HitlRun *run, const HitlJson *body, const HitlJson *undo)
{
	HitlControl *control = run->control;
	const HitlJson *checkpoint = hitl_json_member(body, "checkpoint");
	const HitlJson *reason = hitl_json_stated(body, "reason");
	const HitlJson *element;
	HitlEffect *effect;
	HitlBuffer text;
	int index = 0;

	if (control->last_branch > HITL_MAX_BRANCH - undo->count)
	{
		hitl_stop(run, HITL_INVALID, "the workflow has used up its branches");
		return;
	}
	hitl_withdraw_all(run, control);
	control->deadline = 0;
	if (hitl_has_branches(control))
	{
		effect = hitl_emit(run, HITL_EFFECT_REMOVE_BRANCHES, NULL, NULL);
		effect->keep = true;
		hitl_forget_branches(run, 0, 0);

		/* Those not loaded are gone, too. */
		control->approvals = 0;
		control->replies = 0;
	}
	control->root.has_position = false;
	control->ready_count = 0;

	control->undo.checkpoint = hitl_keep_text(run, checkpoint->text);
	control->undo.reason = reason == NULL ? NULL
										  : hitl_keep_text(run, reason->text);
	control->undo.resume = hitl_json_is_true(body, "resume");
	control->undo.first = control->last_branch + 1;
	control->undo.total = undo->count;
	control->undo.done = 0;
	control->last_branch += undo->count;
	if (run->result != HITL_OK)
		return;

	effect = hitl_emit(run, HITL_EFFECT_EVENT, "undo_started", NULL);
	hitl_buffer_init(&text, run->memory);
	write_reason(&text, control->undo.checkpoint, control->undo.reason);
	hitl_append_text(&text, ",\"steps\":");
	hitl_append_integer(&text, undo->count);
	hitl_append_char(&text, '}');
	effect->body = hitl_buffer_text(&text);

	effect = hitl_emit(run, HITL_EFFECT_FORK, NULL, NULL);
	effect->first = control->undo.first;
	effect->count = undo->count;
	hitl_buffer_init(&text, run->memory);
	hitl_json_write(&text, undo);
	effect->body = hitl_buffer_text(&text);

	for (element = undo->first; element != NULL; element = element->next)
	{
		HitlBranch *branch = hitl_add_branch(run, control->undo.first + index);

		if (branch == NULL)
			return;
		branch->owner = find_undone(run->definition, element, &branch->event);
		branch->index = index++;
		branch->scope = branch->id;
		hitl_set_position(run, branch, &branch->owner->undo->steps[0], NULL);
	}
	hitl_set_status(run, HITL_RUNNING, NULL);
	hitl_push_ready(run, hitl_find_branch(run, control->undo.first));
}

/*
 * The host rewinds.
 */
static void
go_back(HitlRun *run, const char *checkpoint, const char *reason, bool resume)
{
	HitlEffect *effect = hitl_emit(run, HITL_EFFECT_ROLLBACK,
								   hitl_copy_text(run->memory, checkpoint,
												  strlen(checkpoint)),
								   NULL);
	HitlBuffer body;

	hitl_buffer_init(&body, run->memory);
	hitl_append_char(&body, '{');
	hitl_json_write_member(&body, "reason", reason);
	hitl_append_text(&body,
					 resume ? ",\"resume\":true,\"undone\":true}"
							: ",\"undone\":true}");
	effect->body = hitl_buffer_text(&body);
	run->control->status = HITL_ROLLED_BACK;
}

/*
 * Append checkpoint and reason as the first members of an object.
 */
static void
write_reason(HitlBuffer *buffer, const char *checkpoint, const char *reason)
{
	hitl_append_char(buffer, '{');
	hitl_json_write_member(buffer, "checkpoint", checkpoint);
	hitl_json_write_member(buffer, "reason", reason);
}
