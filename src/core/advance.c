/*
 * advance.c
 *		The one function that decides: definition, control state and message
 *		in, new control state and effects out.
 *
 * A call enters at most one step, so that each step sees the data that the
 * steps before it have left; while a step is ready to run, effects say
 * "more" and the host sends "continue".  A call that does not end in HITL_OK
 * changes nothing.
 */
#include "core/internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct MessageKind
{
	const char *kind;
	void (*handle)(HitlRun *run, const HitlJson *body);
	bool revives; /* may follow the end of the workflow */
} MessageKind;

static void handle_start(HitlRun *run, const HitlJson *body);
static void handle_continue(HitlRun *run, const HitlJson *body);
static void handle_approval(HitlRun *run, const HitlJson *body);
static void handle_reply(HitlRun *run, const HitlJson *body);
static void handle_timer(HitlRun *run, const HitlJson *body);
static void handle_signal(HitlRun *run, const HitlJson *body);
static void handle_child(HitlRun *run, const HitlJson *body);
static void expire_call(HitlRun *run, int64_t token);
static void deliver(HitlRun *run, const HitlJson *body, HitlPositionState state,
					const char *fault);
static bool read_token(HitlRun *run, const HitlJson *body, int64_t *token);
static void enter_next(HitlRun *run);
static const MessageKind *find_message_kind(const char *kind);
static const HitlJson *read_body(HitlRun *run, const char *text);
static void settle(HitlRun *run);
static void complete_workflow(HitlRun *run);

static const MessageKind message_kinds[] =
	{{"start", handle_start, false},
	 {"continue", handle_continue, false},
	 {"approval", handle_approval, false},
	 {"reply", handle_reply, false},
	 {"timer", handle_timer, false},
	 {"signal", handle_signal, false},
	 {"child", handle_child, false},
	 {"pause", hitl_handle_pause, true},
	 {"resume", hitl_handle_resume, true},
	 {"cancel", hitl_handle_cancel, false},
	 {"retry", hitl_handle_retry, true},
	 {"skip", hitl_handle_skip, true},
	 {"rollback", hitl_handle_rollback, true}};

/*
 * Process one message.
 */
HitlResult
hitl_advance(const HitlDefinition *definition, HitlControl *control,
			 const HitlMessage *message, const HitlHost *host,
			 HitlEffects *effects)
{
	HitlRun run = {.definition = definition,
				   .control = control,
				   .host = host,
				   .effects = effects,
				   .now_us = message->now_us,
				   .random = message->random};
	const MessageKind *kind = find_message_kind(message->kind);
	const HitlJson *body = NULL;

	hitl_begin_run(&run);
	if (kind == NULL)
		hitl_stop(&run, HITL_INVALID, "unknown kind of message");
	else if (kind->revives || !hitl_has_ended(control))
		body = read_body(&run, message->body);
	if (body != NULL)
	{
		kind->handle(&run, body);
		settle(&run);
	}
	return hitl_end_run(&run);
}

/*
 * Empty a list of effects.
 */
void
hitl_free_effects(HitlEffects *effects)
{
	if (effects->memory != NULL)
		hitl_arena_free(effects->memory);
	memset(effects, 0, sizeof(*effects));
}

/*
 * Give up; the first reason counts.
 */
void
hitl_stop(HitlRun *run, HitlResult result, const char *error)
{
	if (run->result != HITL_OK)
		return;
	run->result = result;
	if (result == HITL_INVALID && error != NULL && run->memory != NULL)
		run->effects->error = hitl_copy_text(run->memory, error, strlen(error));
}

/*
 * Append an effect; the caller fills in more of it before the next one.
 */
HitlEffect *
hitl_emit(HitlRun *run, HitlEffectKind kind, const char *type,
		  const HitlPosition *position)
{
	HitlEffects *effects = run->effects;
	HitlEffect *effect;

	if (run->result != HITL_OK)
		return &run->spare;
	if (effects->count == effects->capacity)
	{
		int capacity = effects->capacity == 0 ? 8 : effects->capacity * 2;
		HitlEffect *items = hitl_alloc(run->memory,
									   capacity * sizeof(HitlEffect));

		if (items == NULL)
		{
			hitl_stop(run, HITL_NO_MEMORY, NULL);
			return &run->spare;
		}
		if (effects->count > 0)
			memcpy(items, effects->items, effects->count * sizeof(HitlEffect));
		effects->items = items;
		effects->capacity = capacity;
	}
	effect = &effects->items[effects->count++];
	memset(effect, 0, sizeof(*effect));
	effect->kind = kind;
	effect->type = type;
	if (position != NULL)
	{
		effect->step = position->step->name;
		effect->position = position->step->path;
		effect->attempt = position->attempt;
		effect->scope = hitl_branch_of(position)->scope;
	}
	return effect;
}

/*
 * Set a run up, and remember what a failure must restore.
 */
void
hitl_begin_run(HitlRun *run)
{
	HitlEffects *effects = run->effects;

	hitl_arena_init(&run->scratch);
	effects->more = false;
	effects->moved = false;
	effects->error = NULL;
	run->effects_before = effects->count;
	if (run->control != NULL)
	{
		/* Memory that failed once may be there now. */
		run->control->arena.failed = false;
		run->before = *run->control;
	}
	if (effects->memory == NULL)
	{
		HitlArena arena;
		HitlArena *memory;

		hitl_arena_init(&arena);
		memory = hitl_alloc(&arena, sizeof(HitlArena));
		if (memory != NULL)
			*memory = arena;
		effects->memory = memory;
	}
	run->memory = effects->memory;
	if (run->memory == NULL)
	{
		/* Writing goes on to nowhere. */
		run->scratch.failed = true;
		run->memory = &run->scratch;
		run->result = HITL_NO_MEMORY;
	}
	else
		run->memory->failed = false;
}

/*
 * End a run: keep all of what it did, or nothing.
 */
HitlResult
hitl_end_run(HitlRun *run)
{
	HitlControl *control = run->control;
	HitlEffects *effects = run->effects;

	if (run->result == HITL_OK &&
		(run->scratch.failed || run->memory->failed ||
		 (control != NULL && control->arena.failed)))
		run->result = HITL_NO_MEMORY;
	hitl_end_touching(run, run->result != HITL_OK);
	if (run->result != HITL_OK)
	{
		effects->count = run->effects_before;
		effects->more = false;
		effects->moved = false;
		if (control != NULL)
		{
			HitlControl kept = *control;

			/* The arena and the table may have grown, and stay so. */
			*control = run->before;
			control->arena = kept.arena;
			control->slots = kept.slots;
			control->loaded = kept.loaded;
			control->mask = kept.mask;
		}
	}
	hitl_arena_free(&run->scratch);
	return run->result;
}

/*
 * The next token of a branch.
 */
int64_t
hitl_next_token(HitlRun *run, const HitlBranch *branch)
{
	if (run->control->token >= HITL_MAX_TOKEN)
	{
		hitl_stop(run, HITL_INVALID, "the workflow has used up its tokens");
		return 0;
	}
	return branch->id << HITL_TOKEN_BITS | ++run->control->token;
}

/*
 * Let a position wait for the answer to an effect, as long as the step's time
 * limit allows.
 */
void
hitl_await(HitlRun *run, HitlPosition *position, HitlPositionState state,
		   HitlEffect *effect)
{
	position->state = state;
	position->token = hitl_next_token(run, hitl_branch_of(position));
	position->since_us = run->now_us;
	effect->token = position->token;
	if (hitl_is_limited(position))
		hitl_set_timer(run, position,
					   run->now_us + position->step->timeout_ms * 1000);
}

/*
 * Has a timer been set that limits what a position awaits?
 */
bool
hitl_is_limited(const HitlPosition *position)
{
	const HitlStep *step = position->step;

	if (step->timeout_ms == 0 || hitl_host_repeats(step))
		return false;
	switch (position->state)
	{
		case HITL_AWAITS_REPLY:
			return !step->kind->forks; /* what is joined has come to its end */
		case HITL_AWAITS_SIGNAL:
		case HITL_AWAITS_CHILD:
		case HITL_AWAITS_BRANCHES:
			return true;
		default:
			return false;
	}
}

/*
 * Have a timer message sent for the token that a position awaits.
 */
void
hitl_set_timer(HitlRun *run, HitlPosition *position, int64_t due_us)
{
	HitlEffect *effect = hitl_emit(run, HITL_EFFECT_SET_TIMER, NULL, position);

	effect->token = position->token;
	effect->due_us = due_us;
}

/*
 * In a workflow that is paused, nothing new is begun: the step is entered
 * again when it resumes.
 */
bool
hitl_put_off(HitlRun *run, HitlPosition *position)
{
	if (run->control->status != HITL_PAUSED)
		return false;
	position->state = HITL_READY;
	position->token = 0;
	position->since_us = run->now_us;
	run->effects->moved = true;
	return true;
}

/*
 * Take a checkpoint; answers with the number of the effect.
 */
int
hitl_take_checkpoint(HitlRun *run, HitlPosition *position, const char *name,
					 const char *description)
{
	HitlEffect *effect = hitl_emit(run, HITL_EFFECT_CHECKPOINT, name, position);
	HitlBuffer body;

	hitl_buffer_init(&body, run->memory);
	hitl_append_text(&body, "{\"description\":");
	hitl_append_text(&body, description);
	hitl_append_char(&body, '}');
	effect->body = hitl_buffer_text(&body);
	return run->effects->count - 1;
}

/*
 * The control state as it is now is the one to return to.
 */
void
hitl_pin_checkpoint(HitlRun *run, int effect)
{
	HitlBuffer text;

	if (run->result != HITL_OK)
		return;
	hitl_buffer_init(&text, run->memory);
	hitl_write_control(&text, run->control);
	run->effects->items[effect].control = hitl_buffer_text(&text);
}

/*
 * A copy of a text that lives as long as the control state.
 */
const char *
hitl_keep_text(HitlRun *run, const char *text)
{
	char *copy;

	if (run->result != HITL_OK)
		return NULL;
	copy = hitl_copy_text(&run->control->arena, text, strlen(text));
	if (copy == NULL)
		hitl_stop(run, HITL_NO_MEMORY, NULL);
	return copy;
}

/*
 * The text of a buffer; without memory for it, the run stops.
 */
const char *
hitl_finish_text(HitlRun *run, HitlBuffer *text)
{
	const char *result = hitl_buffer_text(text);

	if (result == NULL)
		hitl_stop(run, HITL_NO_MEMORY, NULL);
	return result;
}

/*
 * Set the workflow's status and say so, if it is another one.
 */
void
hitl_set_status(HitlRun *run, HitlStatus status, const char *body)
{
	HitlEffect *effect;

	if (run->control->status == status)
		return;
	run->control->status = status;
	effect = hitl_emit(run, HITL_EFFECT_STATUS, hitl_status_names[status],
					   NULL);
	effect->body = body;
}

/*
 * The workflow fails, and stays as it is for a retry: only what it awaits is
 * withdrawn.  position: where it failed, or NULL.
 */
void
hitl_fail_workflow(HitlRun *run, HitlPosition *position, const char *kind,
				   const char *message)
{
	HitlControl *control = run->control;
	const char *error = hitl_write_error(run, kind, message, position);
	HitlPosition *root = &control->root.position;
	HitlEffect *effect;

	hitl_withdraw_all(run, control);
	if (position != NULL)
	{
		position->state = HITL_READY;
		position->token = 0;
		position->since_us = run->now_us;
	}
	if (control->root.has_position && root->branches.total == 0)
	{
		root->state = HITL_READY;
		root->token = 0;
	}
	control->deadline = 0;
	control->ready_count = 0;
	effect = hitl_emit(run, HITL_EFFECT_EVENT, "workflow_failed", position);
	effect->body = error;
	hitl_set_status(run, HITL_FAILED, error);
}

/*
 * The workflow is over for good.  cause: the position that brought it about,
 * or NULL.
 */
void
hitl_end_workflow(HitlRun *run, HitlStatus status, const HitlPosition *cause,
				  const char *body)
{
	HitlControl *control = run->control;
	HitlEffect *effect;

	hitl_withdraw_all(run, control);
	effect = hitl_emit(run, HITL_EFFECT_EVENT,
					   status == HITL_REJECTED ? "workflow_rejected"
											   : "workflow_cancelled",
					   cause);
	effect->body = body;
	if (hitl_has_branches(control))
	{
		effect = hitl_emit(run, HITL_EFFECT_REMOVE_BRANCHES, NULL, NULL);
		effect->keep = run->definition->undoable;
		hitl_forget_branches(run, 0, 0);
	}
	control->root.has_position = false;
	control->undo.total = 0;
	control->ready_count = 0;
	control->deadline = 0;
	hitl_set_status(run, status, status == HITL_CANCELLED ? NULL : body);
}

/*
 * Withdraw what has a token.
 */
void
hitl_withdraw(HitlRun *run, const HitlPosition *position, int64_t token)
{
	HitlEffect *effect;

	if (token == 0)
		return;
	effect = hitl_emit(run, HITL_EFFECT_WITHDRAW, NULL, position);
	effect->token = token;
}

/*
 * Withdraw what a position awaits, and the time limits of the steps around it.
 */
void
hitl_withdraw_position(HitlRun *run, const HitlPosition *position)
{
	const HitlFrame *frame;

	hitl_withdraw_work(run, position);
	for (frame = position->frames; frame != NULL; frame = frame->outer)
		hitl_withdraw(run, position, frame->token);
}

/*
 * Withdraw all that is awaited.
 */
void
hitl_withdraw_all(HitlRun *run, const HitlControl *control)
{
	if (hitl_has_branches(control))
		hitl_emit(run, HITL_EFFECT_WITHDRAW, NULL, NULL);
	else
	{
		if (control->root.has_position)
			hitl_withdraw_position(run, &control->root.position);
		hitl_withdraw(run, NULL, control->deadline);
	}
}

/*
 * Set the timer of the workflow's deadline, unless that has passed.
 */
void
hitl_set_deadline(HitlRun *run)
{
	HitlControl *control = run->control;
	HitlEffect *effect;

	if (control->deadline_us == 0 || control->deadline != 0)
		return;
	if (control->deadline_us <= run->now_us)
	{
		/* One that goes on nevertheless has no deadline any more. */
		control->deadline_us = 0;
		return;
	}
	control->deadline = hitl_next_token(run, &control->root);
	effect = hitl_emit(run, HITL_EFFECT_SET_TIMER, NULL, NULL);
	effect->token = control->deadline;
	effect->due_us = control->deadline_us;
}

/*
 * An error as JSON; with its place where there is a position.
 */
const char *
hitl_write_error(HitlRun *run, const char *kind, const char *message,
				 const HitlPosition *position)
{
	HitlBuffer error;

	hitl_buffer_init(&error, run->memory);
	hitl_append_char(&error, '{');
	hitl_json_write_member(&error, "kind", kind);
	hitl_json_write_member(&error, "message", message);
	if (position != NULL)
	{
		hitl_json_write_member(&error, "step", position->step->name);
		hitl_json_write_member(&error, "position", position->step->path);
	}
	if (run->told != NULL && message == run->told_message)
		hitl_write_told(&error, run->told);
	hitl_append_char(&error, '}');
	return hitl_finish_text(run, &error);
}

/*
 * Begin at the first step; or, after a rollback, go on where it led to.
 */
static void
handle_start(HitlRun *run, const HitlJson *body)
{
	const HitlJson *deadline = hitl_json_member(body, "deadline_us");
	HitlControl *control = run->control;
	int64_t at_us = 0;

	if (deadline != NULL &&
		(!hitl_json_integer(deadline, &at_us) || at_us <= 0))
	{
		hitl_stop(run, HITL_INVALID,
				  "\"deadline_us\" must be a whole number above 0");
		return;
	}
	if (control->status == HITL_ROLLED_BACK)
		hitl_emit(run, HITL_EFFECT_EVENT, "workflow_resumed", NULL);
	else if (control->status == HITL_PENDING)
	{
		int64_t limit_ms = run->definition->timeout_ms;

		hitl_set_position(run, &control->root, &run->definition->root.steps[0],
						  NULL);
		hitl_emit(run, HITL_EFFECT_EVENT, "workflow_started", NULL);
		if (deadline != NULL && at_us <= run->now_us)
		{
			hitl_set_status(run, HITL_RUNNING, NULL);
			hitl_fail_workflow(run, NULL, "timeout",
							   "the deadline passed before the workflow began");
			return;
		}
		if (limit_ms > 0 &&
			(at_us == 0 || run->now_us + limit_ms * 1000 < at_us))
			at_us = run->now_us + limit_ms * 1000;
		control->deadline_us = at_us;
	}
	else
		return;
	hitl_set_status(run, HITL_RUNNING, NULL);
	hitl_set_deadline(run);
	enter_next(run);
}

/*
 * Go on with what is ready.
 */
static void
handle_continue(HitlRun *run, HITL_UNUSED const HitlJson *body)
{
	if (run->control->status == HITL_RUNNING)
		enter_next(run);
}

/*
 * Humans have decided.
 */
static void
handle_approval(HitlRun *run, const HitlJson *body)
{
	deliver(run, body, HITL_AWAITS_APPROVAL, hitl_check_decision(body));
}

/*
 * A task, a statement, a call or a join has been answered.
 */
static void
handle_reply(HitlRun *run, const HitlJson *body)
{
	deliver(run, body, HITL_AWAITS_REPLY, hitl_check_reply(body));
}

/*
 * A signal has come.
 */
static void
handle_signal(HitlRun *run, const HitlJson *body)
{
	deliver(run, body, HITL_AWAITS_SIGNAL, NULL);
}

/*
 * A child workflow has ended.
 */
static void
handle_child(HitlRun *run, const HitlJson *body)
{
	deliver(run, body, HITL_AWAITS_CHILD, NULL);
}

/*
 * A timer is due: that of a wait, of another attempt, or of a time limit.
 */
static void
handle_timer(HitlRun *run, const HitlJson *body)
{
	HitlControl *control = run->control;
	HitlBranch *branch;
	HitlPosition *position;
	int64_t token;

	if (!read_token(run, body, &token) || !hitl_is_under_way(control))
		return;
	if (token == control->deadline)
	{
		control->deadline = 0;
		hitl_fail_workflow(run, NULL, "timeout",
						   "the workflow did not end before its deadline");
		return;
	}
	branch = hitl_find_branch(run, HITL_TOKEN_BRANCH(token));
	if (branch == NULL)
		return;
	position = &branch->position;
	if (position->token == token && position->state == HITL_AWAITS_TIMER)
		deliver(run, body, HITL_AWAITS_TIMER, NULL);
	else if (position->token == token && position->state == HITL_AWAITS_RETRY)
	{
		if (!hitl_touch(run, branch))
			return;
		position->state = HITL_READY;
		position->token = 0;
		position->since_us = run->now_us;
		hitl_push_ready(run, branch);

		/* While the workflow is paused nothing else tells of it. */
		run->effects->moved = true;
	}
	else if (position->token == token && position->agent != NULL &&
			 position->state == HITL_AWAITS_REPLY)
		expire_call(run, token);
	else if (position->token == token && hitl_is_limited(position))
	{
		if (hitl_touch(run, branch))
			hitl_expire_step(run, position);
	}
	else
	{
		const HitlFrame *frame = position->frames;

		while (frame != NULL && frame->token != token)
			frame = frame->outer;
		if (frame == NULL || !hitl_touch(run, branch))
			return;
		while (position->frames != frame)
			hitl_leave_frame(run, branch);
		hitl_leave_frame(run, branch);
		hitl_expire_step(run, position);
	}
}

/*
 * What an agent has called has not been done in time: that is its answer.
 */
static void
expire_call(HitlRun *run, int64_t token)
{
	const HitlJson *body;
	HitlBuffer text;

	hitl_buffer_init(&text, &run->scratch);
	hitl_append_text(&text, "{\"token\":");
	hitl_append_integer(&text, token);
	hitl_append_text(&text,
					 ",\"error\":{\"kind\":\"timeout\",\"message\":\"it was "
					 "not done in time\"}}");
	if (hitl_buffer_text(&text) == NULL ||
		hitl_json_parse(&run->scratch, text.data, text.length, 0, &body,
						NULL) != HITL_OK)
		hitl_stop(run, HITL_NO_MEMORY, NULL);
	else
		deliver(run, body, HITL_AWAITS_REPLY, NULL);
}

/*
 * Give a step what it awaits.  fault: why the body cannot be used, or NULL.
 */
static void
deliver(HitlRun *run, const HitlJson *body, HitlPositionState state,
		const char *fault)
{
	HitlBranch *branch;
	HitlPosition *position;
	int64_t token;

	if (!read_token(run, body, &token))
		return;
	if (fault != NULL)
	{
		hitl_stop(run, HITL_INVALID, fault);
		return;
	}
	if (!hitl_is_under_way(run->control))
		return;
	branch = hitl_find_branch(run, HITL_TOKEN_BRANCH(token));
	if (branch == NULL)
		return;
	position = &branch->position;
	if (position->state != state || !hitl_awaits_token(position, token) ||
		!hitl_touch(run, branch))
		return;
	run->scope = branch->scope;
	run->token = token;
	if (hitl_is_limited(position))
		hitl_withdraw(run, position, token);
	if (position->token == token)
		position->token = 0;
	position->step->kind->deliver(run, position, body);
	if (branch->status == HITL_BRANCH_ACTIVE && branch->has_position &&
		position->state == HITL_READY)
		hitl_push_ready(run, branch);
}

/*
 * The token of a message.
 */
static bool
read_token(HitlRun *run, const HitlJson *body, int64_t *token)
{
	if (hitl_json_integer(hitl_json_member(body, "token"), token))
		return *token > 0;
	hitl_stop(run, HITL_INVALID, "\"token\" must be a whole number");
	return false;
}

/*
 * Enter the next step that is ready, or start the next branch.
 */
static void
enter_next(HitlRun *run)
{
	HitlBranch *branch = hitl_next_ready(run);

	if (branch == NULL)
		return;
	if (branch->position.state == HITL_READY)
		hitl_enter(run, branch);
	else
		hitl_start_branch(run, branch);
}

/*
 * The row of a message kind, or NULL.
 */
static const MessageKind *
find_message_kind(const char *kind)
{
	size_t i;

	for (i = 0;
		 kind != NULL && i < sizeof(message_kinds) / sizeof(message_kinds[0]);
		 i++)
	{
		if (strcmp(message_kinds[i].kind, kind) == 0)
			return &message_kinds[i];
	}
	return NULL;
}

/*
 * The body of a message, which must be an object.
 */
static const HitlJson *
read_body(HitlRun *run, const char *text)
{
	static const HitlJson empty = {.type = HITL_JSON_OBJECT};
	const HitlJson *body;
	HitlJsonError error;
	HitlResult result;

	if (run->result != HITL_OK)
		return NULL;
	if (text == NULL || strcmp(text, "{}") == 0)
		return &empty;
	result = hitl_json_parse(&run->scratch, text, strlen(text), 0, &body,
							 &error);
	if (result != HITL_OK)
		hitl_stop(run, result, error.message);
	else if (body->type == HITL_JSON_OBJECT)
		return body;
	else
		hitl_stop(run, HITL_INVALID, "the body of a message must be an object");
	return NULL;
}

/*
 * After a message: is the workflow done, does it wait, may it go on?
 */
static void
settle(HitlRun *run)
{
	HitlControl *control = run->control;
	const HitlBranch *root = &control->root;
	HitlPositionState state = HITL_READY;
	bool ready;

	if (run->result != HITL_OK)
		return;
	hitl_count_awaited(run);
	if (!hitl_is_under_way(control) || control->status == HITL_PAUSED)
		return;
	if (!root->has_position && control->undo.total == 0)
	{
		/* The output is made of what the last step has left. */
		if (run->definition->has_output &&
			(run->before.root.has_position ||
			 run->before.status == HITL_PENDING))
		{
			hitl_set_status(run, HITL_RUNNING, NULL);
			run->effects->more = true;
		}
		else
			complete_workflow(run);
		return;
	}
	ready = hitl_next_ready(run) != NULL;
	if (root->has_position)
		state = root->position.state;
	if (ready || control->replies > 0 || state == HITL_AWAITS_REPLY)
		hitl_set_status(run, HITL_RUNNING, NULL);
	else if (control->approvals > 0 || state == HITL_AWAITS_APPROVAL)
		hitl_set_status(run, HITL_WAITING_APPROVAL, NULL);
	else
		hitl_set_status(run, HITL_WAITING, NULL);
	run->effects->more = ready;
}

/*
 * All steps are done.
 */
static void
complete_workflow(HitlRun *run)
{
	HitlControl *control = run->control;
	const char *output = NULL;
	HitlEffect *effect;

	run->scope = 0;
	if (run->definition->has_output)
	{
		output = hitl_render(run, NULL, &run->definition->output);
		if (output == NULL)
			return;
		output = hitl_copy_text(run->memory, output, strlen(output));
	}
	hitl_withdraw(run, NULL, control->deadline);
	control->deadline = 0;
	effect = hitl_emit(run, HITL_EFFECT_EVENT, "workflow_completed", NULL);
	if (output != NULL)
	{
		HitlBuffer body;

		hitl_buffer_init(&body, run->memory);
		hitl_append_text(&body, "{\"output\":");
		hitl_append_text(&body, output);
		hitl_append_char(&body, '}');
		effect->body = hitl_buffer_text(&body);
	}
	hitl_set_status(run, HITL_COMPLETED, output);
}
