/*
 * course.c
 *		The course through the steps: entering one, and what follows from its
 *		success or failure.
 *
 * A failure is first the step's own affair (retry, on_error, on_reject,
 * on_timeout), then that of the steps around it, from the inside out.  Where
 * none of them has an answer, the workflow ends with it, and what fails stays
 * where it is.
 */
#include "core/internal.h"

#include <stdio.h>
#include <string.h>

typedef struct Failure
{
	const char *kind;
	const char *message;
	bool refused; /* by humans; the workflow that ends with it is rejected */
} Failure;

/* A step that answers for the failure of one inside of it. */
typedef struct Level
{
	HitlBranch *branch;
	const HitlFrame *frame; /* NULL: the branch's fork */
	bool absorbs;			/* the fork can do without the branch */
} Level;

static const HitlFrame *arm_frames(HitlRun *run, const HitlFrame *frame,
								   HitlBranch *branch);
static void end_list(HitlRun *run, HitlBranch *branch,
					 const HitlStepList *list);
static void fail(HitlRun *run, HitlPosition *position, Failure *failure,
				 const char *result);
static void answer_for(HitlRun *run, HitlPosition *position, Failure *failure,
					   const char *result);
static bool find_level(HitlRun *run, const HitlPosition *position,
					   Failure *failure, Level *level, bool *in_undo);
static void climb(HitlRun *run, HitlBranch *branch, Failure *failure,
				  const Level *level);
static bool answers(const HitlStep *step, int tries, Failure *failure);
static const HitlAction *choose_action(const HitlStep *step, Failure *failure);
static bool obeys(const HitlAction *action);
static bool may_retry(const HitlStep *step, int tries, const Failure *failure);
static void retry(HitlRun *run, HitlPosition *position, const Failure *failure);
static void obey(HitlRun *run, HitlPosition *position, const HitlAction *action,
				 const char *message);
static void leave_work(HitlRun *run, HitlPosition *position);
static int highest_of(const HitlRun *run, const HitlBranch *branch);
static const char *write_result(HitlRun *run, const Failure *failure);

/*
 * Put a branch at the beginning of a step.
 */
void
hitl_set_position(HitlRun *run, HitlBranch *branch, const HitlStep *step,
				  const HitlFrame *frames)
{
	HitlPosition *position = &branch->position;
	int attempt = branch->round + 1;

	/* A switch that is tried again tries what is inside of it again. */
	if (frames != NULL && frames->attempt > attempt)
		attempt = frames->attempt;
	memset(position, 0, sizeof(*position));
	position->step = step;
	position->frames = frames;
	position->since_us = run->now_us;
	branch->has_position = true;
	hitl_raise_attempt(run, branch, attempt);
}

/*
 * Set the number of the attempt at a branch's step.
 */
void
hitl_raise_attempt(HitlRun *run, HitlBranch *branch, int attempt)
{
	branch->position.attempt = attempt;
	if (branch->highest < attempt)
		branch->highest = attempt;
	if (run->control->highest < attempt)
		run->control->highest = attempt;
}

/*
 * Begin a step, unless its condition says otherwise; or go on with it after a
 * rollback, a retry or a pause.
 */
void
hitl_enter(HitlRun *run, HitlBranch *branch)
{
	HitlPosition *position = &branch->position;
	const HitlStep *step = position->step;
	HitlBuffer body;
	bool answer;

	if (!hitl_touch(run, branch))
		return;
	run->scope = branch->scope;
	if (branch->entered >= HITL_STEP_BUDGET)
	{
		hitl_fail_workflow(run, position, "system_error",
						   "step budget exhausted");
		return;
	}
	branch->entered++;
	if (position->frames != NULL)
		position->frames = arm_frames(run, position->frames, branch);
	if (step->when != NULL && position->tries == 0 && position->call == NULL &&
		position->agent == NULL && position->branches.total == 0)
	{
		if (!hitl_check_condition(run, position, step->when, &answer))
			return;
		if (!answer)
		{
			hitl_buffer_init(&body, run->memory);
			hitl_append_char(&body, '{');
			hitl_json_write_member(&body, "when", step->when);
			hitl_append_char(&body, '}');
			hitl_step_event(run, position, "step_skipped",
							hitl_buffer_text(&body), NULL);
			hitl_go_to(run, position, step->index + 1);
			return;
		}
	}
	step->kind->enter(run, position);
}

/*
 * An event of a step.  result: what the data get under the step's name, and,
 * unless the step has failed, where its "output" says.
 */
void
hitl_step_event(HitlRun *run, const HitlPosition *position, const char *type,
				const char *body, const char *result)
{
	const HitlStep *step = position->step;
	HitlEffect *effect = hitl_emit(run, HITL_EFFECT_EVENT, type, position);
	HitlBuffer delta;

	effect->body = body;
	effect->since_us = position->since_us;
	if (result == NULL)
		return;
	hitl_buffer_init(&delta, run->memory);
	hitl_append_text(&delta, "{\"steps\":{\"");
	hitl_append_text(&delta, step->name);
	hitl_append_text(&delta, "\":");
	hitl_append_text(&delta, result);
	hitl_append_char(&delta, '}');
	if (step->output != NULL && strcmp(type, "step_failed") != 0)
	{
		hitl_append_text(&delta, ",\"variables\":{\"");
		hitl_append_text(&delta, step->output);
		hitl_append_text(&delta, "\":");
		hitl_append_text(&delta, result);
		hitl_append_char(&delta, '}');
	}
	hitl_append_char(&delta, '}');
	effect->delta = hitl_buffer_text(&delta);
}

/*
 * A step has done its work.  result: JSON text, or NULL for none.
 */
void
hitl_complete_step(HitlRun *run, HitlPosition *position, const char *result)
{
	hitl_step_event(run, position, "step_completed", NULL, result);
	hitl_go_to(run, position, position->step->index + 1);
}

/*
 * Move a position to another step of its list, or past the list's end.
 */
void
hitl_go_to(HitlRun *run, HitlPosition *position, int index)
{
	HitlControl *control = run->control;
	HitlBranch *branch = hitl_branch_of(position);
	const HitlStep *step = position->step;
	const HitlStepList *list = step->list;

	if (list->parent == NULL)
		control->completed += index - step->index;
	if (index <= step->index)
		branch->round = highest_of(run, branch);
	if (index < list->count)
		hitl_set_position(run, branch, &list->steps[index], position->frames);
	else
		end_list(run, branch, list);
}

/*
 * Move a position into a list of a switch.
 */
void
hitl_go_into(HitlRun *run, HitlPosition *position, const HitlStepList *list)
{
	HitlFrame *frame = hitl_alloc_zero(&run->control->arena, sizeof(HitlFrame));

	if (frame == NULL)
	{
		hitl_stop(run, HITL_NO_MEMORY, NULL);
		return;
	}
	frame->outer = position->frames;
	frame->step = position->step;
	frame->attempt = position->attempt;
	frame->tries = position->tries;
	hitl_set_position(run, hitl_branch_of(position), &list->steps[0], frame);
}

/*
 * Move a branch out of the innermost switch that it is in, whatever it does
 * there.
 */
void
hitl_leave_frame(HitlRun *run, HitlBranch *branch)
{
	HitlPosition *position = &branch->position;
	const HitlFrame *frame = position->frames;

	leave_work(run, position);
	hitl_withdraw(run, position, frame->token);
	memset(position, 0, sizeof(*position));
	position->step = frame->step;
	position->attempt = frame->attempt;
	position->tries = frame->tries;
	position->frames = frame->outer;
	position->since_us = run->now_us;
}

/*
 * A step has not ended within its time limit.
 */
void
hitl_expire_step(HitlRun *run, HitlPosition *position)
{
	HitlBranch *branch = hitl_branch_of(position);
	char message[100];
	HitlBuffer seconds;
	const char *text;

	run->scope = branch->scope;
	hitl_buffer_init(&seconds, &run->scratch);
	hitl_append_seconds(&seconds, position->step->timeout_ms);
	text = hitl_buffer_text(&seconds);
	snprintf(message, sizeof(message), "the step did not end within %s seconds",
			 text == NULL ? "its" : text);
	hitl_fail_step(run, position, "timeout", message);
	if (branch->status == HITL_BRANCH_ACTIVE && branch->has_position &&
		position->state == HITL_READY)
		hitl_push_ready(run, branch);
}

/*
 * A step could not do its work; without a position, the workflow itself.
 */
void
hitl_fail_step(HitlRun *run, HitlPosition *position, const char *kind,
			   const char *message)
{
	Failure failure = {kind, message, false};

	if (run->result != HITL_OK)
		return;
	if (position == NULL)
		hitl_fail_workflow(run, NULL, kind, message);
	else
		fail(run, position, &failure, NULL);
}

/*
 * A step could not even begin, for a reason given as to printf.
 */
void
hitl_fail_faulty(HitlRun *run, HitlPosition *position, const char *format, ...)
{
	HitlBuffer message;
	va_list arguments;
	const char *text;

	hitl_buffer_init(&message, &run->scratch);
	va_start(arguments, format);
	hitl_append_arguments(&message, format, arguments);
	va_end(arguments);
	text = hitl_finish_text(run, &message);
	if (text != NULL)
		hitl_fail_step(run, position, "validation_error", text);
}

/*
 * Humans did not let a step go on; kind is rejected, cancelled or timeout.
 */
void
hitl_refuse_step(HitlRun *run, HitlPosition *position, const char *kind,
				 const char *message, const char *result)
{
	Failure failure = {kind, message, true};
	Failure trial = failure;

	if (run->result != HITL_OK)
		return;
	if (!may_retry(position->step, position->tries, &failure) &&
		choose_action(position->step, &trial)->kind == HITL_ACTION_CONTINUE)
		hitl_complete_step(run, position, result);
	else
		fail(run, position, &failure, result);
}

/*
 * Set the timers of the switches around a position that have none yet.
 */
static const HitlFrame *
arm_frames(HitlRun *run, const HitlFrame *frame, HitlBranch *branch)
{
	const HitlFrame *outer;
	HitlFrame *armed;
	HitlEffect *effect;

	if (frame == NULL)
		return NULL;
	outer = arm_frames(run, frame->outer, branch);
	if (outer == frame->outer &&
		(frame->token != 0 || frame->step->timeout_ms == 0))
		return frame;
	armed = hitl_alloc(&run->control->arena, sizeof(HitlFrame));
	if (armed == NULL)
	{
		hitl_stop(run, HITL_NO_MEMORY, NULL);
		return frame;
	}
	*armed = *frame;
	armed->outer = outer;
	if (frame->token == 0 && frame->step->timeout_ms > 0)
	{
		armed->token = hitl_next_token(run, branch);
		effect = hitl_emit(run, HITL_EFFECT_SET_TIMER, NULL, &branch->position);
		effect->step = frame->step->name;
		effect->position = frame->step->path;
		effect->attempt = frame->attempt;
		effect->token = armed->token;
		effect->due_us = run->now_us + frame->step->timeout_ms * 1000;
	}
	return armed;
}

/*
 * A branch is at the end of a list: that of a switch, or its own.
 */
static void
end_list(HitlRun *run, HitlBranch *branch, const HitlStepList *list)
{
	const HitlStep *parent = list->parent;
	HitlBuffer result;
	const char *text;

	if (branch->position.frames != NULL)
	{
		hitl_buffer_init(&result, &run->scratch);
		hitl_append_text(&result, "{\"case\":");
		if (list->index < parent->as.choice.count)
			hitl_append_integer(&result, list->index);
		else
			hitl_append_text(&result, "\"default\"");
		hitl_append_char(&result, '}');
		text = hitl_finish_text(run, &result);
		if (text == NULL)
			return;
		hitl_leave_frame(run, branch);
		hitl_complete_step(run, &branch->position, text);
	}
	else if (branch->id == 0)
		branch->has_position = false;
	else if (branch->event > 0)
		hitl_end_undo(run, branch);
	else
		hitl_end_branch(run, branch);
}

/*
 * A step has failed.  result: what the data get under its name; NULL: the
 * error.
 */
static void
fail(HitlRun *run, HitlPosition *position, Failure *failure, const char *result)
{
	HitlBranch *branch = hitl_branch_of(position);
	Failure trial = *failure;
	bool in_undo = false;
	Level level;

	if (answers(position->step, position->tries, &trial))
	{
		answer_for(run, position, failure, result);
		return;
	}
	if (find_level(run, position, &trial, &level, &in_undo))
	{
		leave_work(run, position);
		hitl_step_event(run, position, "step_failed",
						hitl_write_error(run, failure->kind, failure->message,
										 NULL),
						result == NULL ? write_result(run, failure) : result);
		choose_action(position->step, failure);
		climb(run, branch, failure, &level);
		return;
	}
	if (run->result != HITL_OK)
		return;
	hitl_step_event(run, position, "step_failed",
					hitl_write_error(run, failure->kind, failure->message,
									 NULL),
					result == NULL ? write_result(run, failure) : result);
	if (trial.refused && !in_undo)
		hitl_end_workflow(run, HITL_REJECTED, position,
						  hitl_write_error(run, failure->kind, failure->message,
										   position));
	else
		hitl_fail_workflow(run, position, failure->kind, failure->message);
}

/*
 * Do what a step's options say about a failure, since they do say something.
 */
static void
answer_for(HitlRun *run, HitlPosition *position, Failure *failure,
		   const char *result)
{
	leave_work(run, position);
	run->scope = hitl_branch_of(position)->scope;
	if (may_retry(position->step, position->tries, failure))
	{
		retry(run, position, failure);
		return;
	}
	hitl_step_event(run, position, "step_failed",
					hitl_write_error(run, failure->kind, failure->message,
									 NULL),
					result == NULL ? write_result(run, failure) : result);
	obey(run, position, choose_action(position->step, failure),
		 failure->message);
}

/*
 * Which of the steps around a position answers for a failure inside of it?
 * failure becomes what is left of it at the outermost.
 */
static bool
find_level(HitlRun *run, const HitlPosition *position, Failure *failure,
		   Level *level, bool *in_undo)
{
	HitlBranch *branch = hitl_branch_of(position);
	const HitlFrame *frame = position->frames;

	for (;;)
	{
		level->branch = branch;
		level->frame = frame;
		level->absorbs = false;
		if (frame != NULL)
		{
			if (answers(frame->step, frame->tries, failure))
				return true;
			frame = frame->outer;
			continue;
		}
		*in_undo = branch->event > 0;
		if (branch->id == 0 || *in_undo)
			return false;
		branch = hitl_find_parent(run, branch);
		if (branch == NULL)
			return false;
		level->branch = branch;
		level->absorbs = hitl_has_slack(&branch->position);
		if (level->absorbs ||
			answers(branch->position.step, branch->position.tries, failure))
			return true;
		frame = branch->position.frames;
	}
}

/*
 * Leave all that is inside of the step that answers for a failure.
 */
static void
climb(HitlRun *run, HitlBranch *branch, Failure *failure, const Level *level)
{
	while (run->result == HITL_OK)
	{
		const HitlFrame *frame = branch->position.frames;
		HitlPosition *position;

		if (frame != NULL)
			hitl_leave_frame(run, branch);
		else
		{
			HitlBranch *parent = hitl_find_parent(run, branch);

			if (parent == NULL || !hitl_touch(run, parent))
				return;
			hitl_fail_branch(run, branch, parent);
			branch = parent;
		}
		position = &branch->position;
		if (branch == level->branch && frame == level->frame)
		{
			if (level->absorbs)
				hitl_check_fork(run, branch);
			else
				answer_for(run, position, failure, NULL);
			if (branch->status == HITL_BRANCH_ACTIVE && branch->has_position &&
				position->state == HITL_READY)
				hitl_push_ready(run, branch);
			return;
		}
		leave_work(run, position);
		hitl_step_event(run, position, "step_failed",
						hitl_write_error(run, failure->kind, failure->message,
										 NULL),
						write_result(run, failure));
		choose_action(position->step, failure);
	}
}

/*
 * Do a step's options say how to go on after a failure?  If not, failure
 * becomes what they make of it.
 */
static bool
answers(const HitlStep *step, int tries, Failure *failure)
{
	return may_retry(step, tries, failure) ||
		obeys(choose_action(step, failure));
}

/*
 * The action for a failure, which may make a refusal of it, or the contrary.
 */
static const HitlAction *
choose_action(const HitlStep *step, Failure *failure)
{
	const HitlAction *action = failure->refused ? &step->on_reject
												: &step->on_error;

	if (strcmp(failure->kind, "timeout") == 0 &&
		step->on_timeout.kind !=
			(failure->refused ? HITL_ACTION_REJECT : HITL_ACTION_DEFAULT))
	{
		action = &step->on_timeout;
		failure->refused = false;
	}
	if (action->kind == HITL_ACTION_REJECT)
		failure->refused = true;
	else if (action->kind == HITL_ACTION_FAIL)
		failure->refused = false;
	return action;
}

/*
 * Does the workflow go on with an action?
 */
static bool
obeys(const HitlAction *action)
{
	return action->kind == HITL_ACTION_CONTINUE ||
		action->kind == HITL_ACTION_GOTO ||
		action->kind == HITL_ACTION_ROLLBACK;
}

/*
 * Is another attempt at a step due after a failure?
 */
static bool
may_retry(const HitlStep *step, int tries, const Failure *failure)
{
	/* Decisions stand; an approval that expired may be asked for again. */
	if (failure->refused && strcmp(failure->kind, "timeout") != 0)
		return false;
	if (hitl_host_repeats(step))
		return false;

	/* What is inside of other steps has been tried again by itself. */
	if (!step->has_retry && step->kind != &hitl_sql_kind)
		return false;
	return hitl_is_retryable(&step->retry, failure->kind) &&
		hitl_retry_delay(&step->retry, tries + 1, 0) >= 0;
}

/*
 * Enter a step again after a while.
 */
static void
retry(HitlRun *run, HitlPosition *position, const Failure *failure)
{
	HitlBranch *branch = hitl_branch_of(position);
	HitlPosition before = *position;
	int64_t delay_ms = hitl_retry_delay(&position->step->retry,
										position->tries + 1, run->random);
	int attempt = position->attempt + 1;
	HitlBuffer body;

	/* Of a step with others inside, a number that none of these had. */
	if (position->step->kind->forks ||
		position->step->kind == &hitl_switch_kind)
		attempt = highest_of(run, branch) + 1;
	if (position->step->kind == &hitl_switch_kind)
		branch->round = attempt - 1;
	hitl_buffer_init(&body, run->memory);
	hitl_append_text(&body, "{\"attempt\":");
	hitl_append_integer(&body, attempt);
	hitl_json_write_member(&body, "kind", failure->kind);
	hitl_json_write_member(&body, "message", failure->message);
	hitl_append_text(&body, ",\"delay\":");
	hitl_append_seconds(&body, delay_ms);
	hitl_append_char(&body, '}');
	hitl_step_event(run, position, "step_retried", hitl_buffer_text(&body),
					NULL);

	memset(position, 0, sizeof(*position));
	position->step = before.step;
	position->frames = before.frames;
	position->checkpointed = before.checkpointed;
	position->tries = before.tries + 1;
	position->since_us = run->now_us;
	hitl_raise_attempt(run, branch, attempt);
	position->state = HITL_AWAITS_RETRY;
	position->token = hitl_next_token(run, branch);
	hitl_set_timer(run, position, run->now_us + delay_ms * 1000);
}

/*
 * Go on as an action says.
 */
static void
obey(HitlRun *run, HitlPosition *position, const HitlAction *action,
	 const char *message)
{
	HitlEffect *effect;
	HitlBuffer body;

	if (action->kind == HITL_ACTION_CONTINUE)
		hitl_go_to(run, position, position->step->index + 1);
	else if (action->kind == HITL_ACTION_GOTO)
		hitl_go_to(run, position, action->step->index);
	else if (run->control->root.entered >= HITL_STEP_BUDGET)
		hitl_fail_workflow(run, position, "system_error",
						   "step budget exhausted");
	else
	{
		/*
		 * The host rewinds.  Until then the workflow stands still, so that
		 * nothing goes on from here by mistake.
		 */
		position->state = HITL_READY;
		position->token = 0;
		position->since_us = run->now_us;
		run->control->status = HITL_ROLLED_BACK;
		effect = hitl_emit(run, HITL_EFFECT_ROLLBACK, action->target, position);
		hitl_buffer_init(&body, run->memory);
		hitl_append_char(&body, '{');
		hitl_json_write_member(&body, "reason", message);
		hitl_append_char(&body, '}');
		effect->body = hitl_buffer_text(&body);
	}
}

/*
 * A position does not await any more what it did.
 */
static void
leave_work(HitlRun *run, HitlPosition *position)
{
	hitl_withdraw_work(run, position);
	position->token = 0;
	if (position->branches.total > 0)
		hitl_abandon_fork(run, position);
}

/*
 * The highest number that an attempt at a step of a branch, or of one inside
 * of it, has had.
 */
static int
highest_of(const HitlRun *run, const HitlBranch *branch)
{
	return branch->id == 0 ? run->control->highest : branch->highest;
}

/*
 * The error as the step's result.
 */
static const char *
write_result(HitlRun *run, const Failure *failure)
{
	const char *error = hitl_write_error(run, failure->kind, failure->message,
										 NULL);
	HitlBuffer result;

	if (error == NULL)
		return NULL;
	hitl_buffer_init(&result, &run->scratch);
	hitl_append_text(&result, "{\"error\":");
	hitl_append_text(&result, error);
	hitl_append_char(&result, '}');
	return hitl_buffer_text(&result);
}
