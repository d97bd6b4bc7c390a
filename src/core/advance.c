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
} MessageKind;

/* What a call that fails goes back to. */
typedef struct Saved
{
	HitlControl control;
	HitlPosition *positions;
	int effects;
} Saved;

static void handle_start(HitlRun *run, const HitlJson *body);
static void handle_continue(HitlRun *run, const HitlJson *body);
static void handle_approval(HitlRun *run, const HitlJson *body);
static void handle_reply(HitlRun *run, const HitlJson *body);
static void deliver(HitlRun *run, const HitlJson *body, HitlPositionState state,
					const char *fault);
static void handle_timer(HitlRun *run, const HitlJson *body);
static void handle_signal(HitlRun *run, const HitlJson *body);
static void handle_child(HitlRun *run, const HitlJson *body);
static void handle_cancel(HitlRun *run, const HitlJson *body);
static const MessageKind *find_message_kind(const char *kind);
static const HitlJson *read_body(HitlRun *run, const char *text);
static void begin(HitlRun *run, Saved *saved);
static HitlResult finish(HitlRun *run, const Saved *saved);
static void enter_next(HitlRun *run);
static void enter(HitlRun *run, HitlPosition *position);
static HitlPosition *find_awaiting(HitlRun *run, const HitlJson *body,
								   HitlPositionState state);
static void step_event(HitlRun *run, const HitlPosition *position,
					   const char *type, const char *body, const char *result);
static void go_on(HitlRun *run, HitlPosition *position, const char *kind,
				  const char *message, const HitlAction *action,
				  HitlStatus otherwise);
static void go_to(HitlRun *run, HitlPosition *position, int index);
static void end_workflow(HitlRun *run, HitlStatus status, const char *event,
						 const HitlPosition *cause, const char *body);
static void withdraw_all(HitlRun *run, const HitlControl *control);
static void settle(HitlRun *run);
static void set_status(HitlRun *run, HitlStatus status, const char *body);
static const char *write_error(HitlRun *run, const char *kind,
							   const char *message,
							   const HitlPosition *position);

static const MessageKind message_kinds[] = {{"start", handle_start},
											{"continue", handle_continue},
											{"approval", handle_approval},
											{"reply", handle_reply},
											{"timer", handle_timer},
											{"signal", handle_signal},
											{"child", handle_child},
											{"cancel", handle_cancel}};

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
	Saved saved;

	begin(&run, &saved);
	if (kind == NULL)
		hitl_stop(&run, HITL_INVALID, "unknown kind of message");
	else if (!hitl_has_ended(control))
		body = read_body(&run, message->body);
	if (body != NULL)
	{
		kind->handle(&run, body);
		settle(&run);
	}
	return finish(&run, &saved);
}

/*
 * Return to the control state of a checkpoint.
 */
HitlResult
hitl_rewind(const HitlDefinition *definition, const HitlControl *current,
			const char *checkpoint, HITL_UNUSED const HitlHost *host,
			HitlControl **control, HitlEffects *effects)
{
	HitlControl *rewound;
	HitlResult result;
	HitlRun run = {.definition = definition, .effects = effects};
	Saved saved;
	char *error;
	int i;

	*control = NULL;
	result = hitl_parse_control(definition, checkpoint, &rewound, &error);
	run.control = rewound;
	begin(&run, &saved);
	if (result != HITL_OK)
	{
		hitl_stop(&run, result, error);
		free(error);
		return finish(&run, &saved);
	}
	if (rewound->status > HITL_COMPLETED)
		hitl_stop(&run, HITL_INVALID,
				  "the workflow had ended where the checkpoint was taken");
	else
	{
		withdraw_all(&run, current);
		if (rewound->status != HITL_PENDING)
			rewound->status = HITL_ROLLED_BACK;
		if (rewound->token < current->token)
			rewound->token = current->token;
		if (rewound->entered < current->entered)
			rewound->entered = current->entered;
		if (rewound->round < current->round)
			rewound->round = current->round;
		rewound->round++;
		for (i = 0; i < rewound->count; i++)
		{
			rewound->positions[i].state = HITL_READY;
			rewound->positions[i].token = 0;
			rewound->positions[i].attempt = rewound->round + 1;
		}
	}
	result = finish(&run, &saved);
	if (result == HITL_OK)
		*control = rewound;
	else
		hitl_free_control(rewound);
	return result;
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
		effect->scope = run->scope;
	}
	return effect;
}

/*
 * Let a position wait for the answer to an effect.
 */
void
hitl_await(HitlRun *run, HitlPosition *position, HitlPositionState state,
		   HitlEffect *effect)
{
	position->state = state;
	position->token = ++run->control->token;
	position->since_us = run->now_us;
	effect->token = position->token;
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
 * A step has done its work.  result: JSON text, or NULL for none.
 */
void
hitl_complete_step(HitlRun *run, HitlPosition *position, const char *result)
{
	step_event(run, position, "step_completed", NULL, result);
	go_to(run, position, position->step->index + 1);
}

/*
 * A step could not do its work.
 */
void
hitl_fail_step(HitlRun *run, HitlPosition *position, const char *kind,
			   const char *message)
{
	const HitlStep *step = position->step;
	const HitlAction *action = &step->on_error;
	const char *error = write_error(run, kind, message, NULL);
	HitlBuffer result;

	if (run->result != HITL_OK)
		return;
	if (strcmp(kind, "timeout") == 0 &&
		step->on_timeout.kind != HITL_ACTION_DEFAULT)
		action = &step->on_timeout;
	hitl_buffer_init(&result, &run->scratch);
	hitl_append_text(&result, "{\"error\":");
	hitl_append_text(&result, error);
	hitl_append_char(&result, '}');
	step_event(run, position, "step_failed", error, hitl_buffer_text(&result));
	go_on(run, position, kind, message, action, HITL_FAILED);
}

/*
 * A step could not even begin, for a reason given as to printf.
 */
void
hitl_fail_faulty(HitlRun *run, HitlPosition *position, const char *format, ...)
{
	HitlBuffer message;
	va_list arguments;
	char *text;

	hitl_buffer_init(&message, &run->scratch);
	va_start(arguments, format);
	hitl_append_arguments(&message, format, arguments);
	va_end(arguments);
	text = hitl_buffer_text(&message);
	if (text == NULL)
		hitl_stop(run, HITL_NO_MEMORY, NULL);
	else
		hitl_fail_step(run, position, "validation_error", text);
}

/*
 * Humans did not let a step go on; kind is rejected, cancelled or timeout.
 */
void
hitl_refuse_step(HitlRun *run, HitlPosition *position, const char *kind,
				 const char *message, const char *result)
{
	const HitlStep *step = position->step;
	const HitlAction *action = &step->on_reject;
	HitlStatus otherwise = HITL_REJECTED;

	if (strcmp(kind, "timeout") == 0 &&
		step->on_timeout.kind != HITL_ACTION_REJECT)
	{
		action = &step->on_timeout;
		otherwise = HITL_FAILED;
	}
	if (action->kind == HITL_ACTION_CONTINUE)
	{
		hitl_complete_step(run, position, result);
		return;
	}
	step_event(run, position, "step_failed",
			   write_error(run, kind, message, NULL), result);
	go_on(run, position, kind, message, action, otherwise);
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
 * Begin at the first step; or, after a rollback, go on where it led to.
 */
static void
handle_start(HitlRun *run, HITL_UNUSED const HitlJson *body)
{
	HitlControl *control = run->control;

	if (control->status == HITL_ROLLED_BACK)
		hitl_emit(run, HITL_EFFECT_EVENT, "workflow_resumed", NULL);
	else if (control->status == HITL_PENDING)
	{
		HitlPosition *position =
			hitl_add_position(control, &run->definition->root.steps[0]);

		if (position == NULL)
		{
			hitl_stop(run, HITL_NO_MEMORY, NULL);
			return;
		}
		position->since_us = run->now_us;
		hitl_emit(run, HITL_EFFECT_EVENT, "workflow_started", NULL);
	}
	else
		return;
	set_status(run, HITL_RUNNING, NULL);
	enter_next(run);
}

/*
 * Enter the next step that is ready.
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
 * A task has been answered.
 */
static void
handle_reply(HitlRun *run, const HitlJson *body)
{
	deliver(run, body, HITL_AWAITS_REPLY, hitl_check_reply(body));
}

/*
 * A timer is due.
 */
static void
handle_timer(HitlRun *run, const HitlJson *body)
{
	deliver(run, body, HITL_AWAITS_TIMER, NULL);
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
 * Give a step what it awaits.  fault: why the body cannot be used, or NULL.
 */
static void
deliver(HitlRun *run, const HitlJson *body, HitlPositionState state,
		const char *fault)
{
	HitlPosition *position = find_awaiting(run, body, state);

	if (fault != NULL)
		hitl_stop(run, HITL_INVALID, fault);
	if (position == NULL || run->result != HITL_OK)
		return;
	position->token = 0;
	position->step->kind->deliver(run, position, body);
}

/*
 * End as cancelled.
 */
static void
handle_cancel(HitlRun *run, const HitlJson *body)
{
	static const char *const kept[] = {"reason", "actor"};
	HitlBuffer event;
	size_t i;

	hitl_buffer_init(&event, run->memory);
	hitl_append_char(&event, '{');
	for (i = 0; i < 2; i++)
	{
		const HitlJson *member = hitl_json_member(body, kept[i]);

		if (member != NULL && member->type != HITL_JSON_STRING &&
			member->type != HITL_JSON_NULL)
		{
			hitl_stop(run, HITL_INVALID,
					  "\"reason\" and \"actor\" must be strings or null");
			return;
		}
		hitl_json_write_member(&event, kept[i],
							   member == NULL || member->type == HITL_JSON_NULL
								   ? NULL
								   : member->text);
	}
	hitl_append_char(&event, '}');
	end_workflow(run, HITL_CANCELLED, "workflow_cancelled", NULL,
				 hitl_buffer_text(&event));
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
 * Set a run up, and remember what a failure must restore.
 */
static void
begin(HitlRun *run, Saved *saved)
{
	HitlEffects *effects = run->effects;
	HitlControl *control = run->control;

	hitl_arena_init(&run->scratch);
	effects->more = false;
	effects->error = NULL;
	saved->effects = effects->count;
	saved->positions = NULL;
	if (control != NULL)
		saved->control = *control;
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
		return;
	}

	/* Memory that failed once may be there now. */
	run->memory->failed = false;
	if (control == NULL)
		return;
	control->arena.failed = false;
	if (control->count > 0)
	{
		saved->positions = hitl_alloc(&run->scratch,
									  control->count * sizeof(HitlPosition));
		if (saved->positions == NULL)
			run->result = HITL_NO_MEMORY;
		else
			memcpy(saved->positions, control->positions,
				   control->count * sizeof(HitlPosition));
	}
}

/*
 * End a run: keep all of what it did, or nothing.
 */
static HitlResult
finish(HitlRun *run, const Saved *saved)
{
	HitlControl *control = run->control;
	HitlEffects *effects = run->effects;

	if (run->result == HITL_OK &&
		(run->scratch.failed || run->memory->failed ||
		 (control != NULL && control->arena.failed)))
		run->result = HITL_NO_MEMORY;
	if (run->result != HITL_OK)
	{
		effects->count = saved->effects;
		effects->more = false;
		if (control != NULL)
		{
			/* The arena and the array may have grown, and stay so. */
			control->status = saved->control.status;
			control->completed = saved->control.completed;
			control->entered = saved->control.entered;
			control->round = saved->control.round;
			control->token = saved->control.token;
			control->count = saved->control.count;
			if (saved->positions != NULL)
				memcpy(control->positions, saved->positions,
					   control->count * sizeof(HitlPosition));
		}
	}
	hitl_arena_free(&run->scratch);
	return run->result;
}

/*
 * Enter the first position that is ready.
 */
static void
enter_next(HitlRun *run)
{
	HitlControl *control = run->control;
	int i;

	for (i = 0; i < control->count; i++)
	{
		if (control->positions[i].state == HITL_READY)
		{
			enter(run, &control->positions[i]);
			break;
		}
	}
}

/*
 * Begin a step, unless its condition says otherwise.
 */
static void
enter(HitlRun *run, HitlPosition *position)
{
	HitlControl *control = run->control;
	bool answer;
	HitlBuffer body;

	if (control->entered >= HITL_STEP_BUDGET)
	{
		end_workflow(run, HITL_FAILED, "workflow_failed", position,
					 write_error(run, "system_error", "step budget exhausted",
								 position));
		return;
	}
	control->entered++;
	if (position->step->when != NULL)
	{
		if (!hitl_check_condition(run, position, &answer))
			return;
		if (!answer)
		{
			hitl_buffer_init(&body, run->memory);
			hitl_append_char(&body, '{');
			hitl_json_write_member(&body, "when", position->step->when);
			hitl_append_char(&body, '}');
			step_event(run, position, "step_skipped", hitl_buffer_text(&body),
					   NULL);
			go_to(run, position, position->step->index + 1);
			return;
		}
	}
	position->step->kind->enter(run, position);
}

/*
 * The position that awaits what a message brings, or NULL.
 */
static HitlPosition *
find_awaiting(HitlRun *run, const HitlJson *body, HitlPositionState state)
{
	HitlControl *control = run->control;
	int64_t token;
	int i;

	if (!hitl_json_integer(hitl_json_member(body, "token"), &token))
	{
		hitl_stop(run, HITL_INVALID, "\"token\" must be a whole number");
		return NULL;
	}
	if (control->status != HITL_RUNNING &&
		control->status != HITL_WAITING_APPROVAL)
		return NULL;
	for (i = 0; i < control->count; i++)
	{
		if (control->positions[i].state == state &&
			control->positions[i].token == token)
			return &control->positions[i];
	}
	return NULL;
}

/*
 * An event of a step.  result: what the data gets under the step's name.
 */
static void
step_event(HitlRun *run, const HitlPosition *position, const char *type,
		   const char *body, const char *result)
{
	HitlEffect *effect = hitl_emit(run, HITL_EFFECT_EVENT, type, position);
	HitlBuffer delta;

	effect->body = body;
	if (result == NULL)
		return;
	hitl_buffer_init(&delta, run->memory);
	hitl_append_text(&delta, "{\"steps\":{\"");
	hitl_append_text(&delta, position->step->name);
	hitl_append_text(&delta, "\":");
	hitl_append_text(&delta, result);
	hitl_append_text(&delta, "}}");
	effect->delta = hitl_buffer_text(&delta);
}

/*
 * Do what a step's options say about its failure.
 */
static void
go_on(HitlRun *run, HitlPosition *position, const char *kind,
	  const char *message, const HitlAction *action, HitlStatus otherwise)
{
	HitlEffect *effect;
	HitlBuffer body;

	switch (action->kind)
	{
		case HITL_ACTION_DEFAULT:
			break;
		case HITL_ACTION_FAIL:
			otherwise = HITL_FAILED;
			break;
		case HITL_ACTION_REJECT:
			otherwise = HITL_REJECTED;
			break;
		case HITL_ACTION_CONTINUE:
			go_to(run, position, position->step->index + 1);
			return;
		case HITL_ACTION_GOTO:
			go_to(run, position, action->step->index);
			return;
		case HITL_ACTION_ROLLBACK:

			/*
			 * The host rewinds.  Until then the workflow stands still, so
			 * that nothing goes on from here by mistake.
			 */
			position->state = HITL_READY;
			position->token = 0;
			position->since_us = run->now_us;
			run->control->status = HITL_ROLLED_BACK;
			effect = hitl_emit(run, HITL_EFFECT_ROLLBACK, action->target,
							   position);
			hitl_buffer_init(&body, run->memory);
			hitl_append_char(&body, '{');
			hitl_json_write_member(&body, "reason", message);
			hitl_append_char(&body, '}');
			effect->body = hitl_buffer_text(&body);
			return;
	}
	end_workflow(run, otherwise,
				 otherwise == HITL_FAILED ? "workflow_failed"
										  : "workflow_rejected",
				 position, write_error(run, kind, message, position));
}

/*
 * Move a position to another step of its list, or past the list's end.
 */
static void
go_to(HitlRun *run, HitlPosition *position, int index)
{
	HitlControl *control = run->control;
	const HitlStepList *list = position->step->list;

	control->completed += index - position->step->index;
	if (index <= position->step->index)
		control->round++;
	if (index >= list->count)
	{
		hitl_remove_position(control, position);
		return;
	}
	memset(position, 0, sizeof(*position));
	position->step = &list->steps[index];
	position->attempt = control->round + 1;
	position->since_us = run->now_us;
}

/*
 * The workflow is over.  cause: the position that brought it about, or NULL.
 */
static void
end_workflow(HitlRun *run, HitlStatus status, const char *event,
			 const HitlPosition *cause, const char *body)
{
	HitlEffect *effect;

	withdraw_all(run, run->control);
	effect = hitl_emit(run, HITL_EFFECT_EVENT, event, cause);
	effect->body = body;
	run->control->count = 0;
	set_status(run, status, status == HITL_CANCELLED ? NULL : body);
}

/*
 * Withdraw all that is awaited.
 */
static void
withdraw_all(HitlRun *run, const HitlControl *control)
{
	int i;

	for (i = 0; i < control->count; i++)
	{
		const HitlPosition *position = &control->positions[i];
		HitlEffect *effect;

		if (position->token == 0)
			continue;
		effect = hitl_emit(run, HITL_EFFECT_WITHDRAW, NULL, position);
		effect->token = position->token;
	}
}

/*
 * After a message: is the workflow done, does it wait, may it go on?
 */
static void
settle(HitlRun *run)
{
	HitlControl *control = run->control;
	bool ready = false;
	bool replies = false;
	int i;

	if (run->result != HITL_OK ||
		(control->status != HITL_RUNNING &&
		 control->status != HITL_WAITING_APPROVAL))
		return;
	if (control->count == 0)
	{
		hitl_emit(run, HITL_EFFECT_EVENT, "workflow_completed", NULL);
		set_status(run, HITL_COMPLETED, NULL);
		return;
	}
	for (i = 0; i < control->count; i++)
	{
		ready |= control->positions[i].state == HITL_READY;
		replies |= control->positions[i].state == HITL_AWAITS_REPLY;
	}
	set_status(run, ready || replies ? HITL_RUNNING : HITL_WAITING_APPROVAL,
			   NULL);
	run->effects->more = ready;
}

/*
 * Set the workflow's status and say so, if it is another one.
 */
static void
set_status(HitlRun *run, HitlStatus status, const char *body)
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
 * An error as JSON; with its place where there is a position.
 */
static const char *
write_error(HitlRun *run, const char *kind, const char *message,
			const HitlPosition *position)
{
	HitlBuffer error;
	char *text;

	hitl_buffer_init(&error, run->memory);
	hitl_append_char(&error, '{');
	hitl_json_write_member(&error, "kind", kind);
	hitl_json_write_member(&error, "message", message);
	if (position != NULL)
	{
		hitl_json_write_member(&error, "step", position->step->name);
		hitl_json_write_member(&error, "position", position->step->path);
	}
	hitl_append_char(&error, '}');
	text = hitl_buffer_text(&error);
	if (text == NULL)
		hitl_stop(run, HITL_NO_MEMORY, NULL);
	return text;
}
