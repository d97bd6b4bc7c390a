/*
 * step_task.c
 *		The step that has a task done, by a model or by a program outside.
 *
 * A task may be gated by humans.  Before it acts: the call is rendered, shown,
 * kept in the control state, and run exactly as it was approved.  After: its
 * result is kept and becomes the step's result when it is approved.
 */
#include "core/inference.h"

#include <stdio.h>
#include <string.h>

static const char *const members[] = {"task",
									  "context",
									  "model",
									  "instructions",
									  "executor",
									  "queue",
									  "agent",
									  "create_checkpoint",
									  "requires_approval",
									  "approval_config",
									  NULL};

static const char *const config_members[] = {"title",
											 "description",
											 "type",
											 "approval_type",
											 "requested_from",
											 "required_approvers",
											 "approval_threshold",
											 "timeout_hours",
											 "context_data",
											 "channels",
											 "webhook",
											 "policy",
											 "form_fields",
											 "when",
											 NULL};

static void parse_task(HitlParse *parse, const HitlPlace *place,
					   const HitlJson *object, HitlStep *step);
static void parse_executor(HitlParse *parse, const HitlPlace *place,
						   const HitlJson *object, HitlTask *task);
static void parse_agent(HitlParse *parse, const HitlPlace *place,
						const HitlJson *object, HitlTask *task);
static void parse_create_checkpoint(HitlParse *parse, const HitlPlace *place,
									const HitlJson *object, HitlStep *step);
static void parse_gate(HitlParse *parse, const HitlPlace *place,
					   const HitlJson *object, HitlStep *step);
static void enter_task(HitlRun *run, HitlPosition *position);
static const char *render_call(HitlRun *run, HitlPosition *position);
static void ask_before(HitlRun *run, HitlPosition *position);
static void ask_after(HitlRun *run, HitlPosition *position);
static const char *show_call(HitlRun *run, const HitlPosition *position);
static void send_call(HitlRun *run, HitlPosition *position, const char *call);
static void deliver_task(HitlRun *run, HitlPosition *position,
						 const HitlJson *body);
static void deliver_decision(HitlRun *run, HitlPosition *position,
							 const HitlJson *body);
static void deliver_reply(HitlRun *run, HitlPosition *position,
						  const HitlJson *body);
static const char *write_reroute(HitlRun *run, const char *model,
								 const char *kind, const char *message);
static const char *call_with_fallbacks(HitlRun *run, const char *call,
									   const HitlJson *next);
static const char *add_approval(HitlRun *run, const char *result,
								const char *approval);

const HitlStepKind hitl_task_kind = {.type = "task",
									 .members = members,
									 .host_retries = true,
									 .awaits = 1 << HITL_AWAITS_APPROVAL |
										 1 << HITL_AWAITS_CHILD |
										 1 << HITL_AWAITS_REPLY |
										 1 << HITL_AWAITS_TIMER,
									 .parse = parse_task,
									 .enter = enter_task,
									 .deliver = deliver_task};

/*
 * Read the step.
 */
static void
parse_task(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
		   HitlStep *step)
{
	static const HitlJson nothing = {.type = HITL_JSON_NULL};
	static const HitlJson empty = {.type = HITL_JSON_OBJECT};
	HitlTask *task = &step->as.task;
	HitlPlace task_place = {place, "task", 0};
	HitlPlace context_place = {place, "context", 0};
	HitlPlace instructions_place = {place, "instructions", 0};
	const HitlJson *context;
	const char *text;

	text = hitl_get_text(parse, place, object, "task", true);
	hitl_compile_text(parse, &task_place, text == NULL ? "" : text,
					  &task->task);

	context = hitl_get(parse, place, object, "context", HITL_JSON_OBJECT,
					   false);
	task->has_context = context != NULL;
	hitl_compile_value(parse, &context_place,
					   context == NULL ? &empty : context, &task->context);

	text = hitl_get_text(parse, place, object, "instructions", false);
	if (text == NULL)
		hitl_compile_value(parse, &instructions_place, &nothing,
						   &task->instructions);
	else
		hitl_compile_text(parse, &instructions_place, text,
						  &task->instructions);

	/* Only the questions' description may be a template. */
	hitl_get_text(parse, place, object, "description", false);

	parse_executor(parse, place, object, task);
	parse_agent(parse, place, object, task);
	parse_create_checkpoint(parse, place, object, step);
	parse_gate(parse, place, object, step);
}

/*
 * Who does it: a model, or whoever takes it from a queue.
 */
static void
parse_executor(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
			   HitlTask *task)
{
	HitlPlace executor_place = {place, "executor", 0};
	HitlPlace model_place = {place, "model", 0};
	HitlPlace queue_place = {place, "queue", 0};
	const char *executor = hitl_get_text(parse, place, object, "executor",
										 false);
	const char *model = hitl_get_text(parse, place, object, "model", false);
	const char *queue = hitl_get_text(parse, place, object, "queue", false);

	if (model != NULL)
		task->model = hitl_copy_text(parse->arena, model, strlen(model));
	if (executor != NULL && strcmp(executor, "external") == 0)
	{
		if (queue == NULL)
			queue = "default";
		if (strlen(queue) > HITL_MAX_NAME)
			hitl_fault(parse, &queue_place, "must not be longer than %d bytes",
					   HITL_MAX_NAME);
		task->queue = hitl_copy_text(parse->arena, queue, strlen(queue));
		if (model != NULL)
			hitl_fault(parse, &model_place,
					   "an external task has no model; programs take it from "
					   "its queue");
		return;
	}
	if (executor != NULL && strcmp(executor, "model") != 0)
		hitl_fault(parse, &executor_place, "must be model or external");
	else if (queue != NULL)
		hitl_fault(parse, &queue_place,
				   "is for tasks with \"executor\": \"external\"");
}

/*
 * "agent": who works on it in turns; how, its settings say.
 */
static void
parse_agent(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
			HitlTask *task)
{
	static const char *const others[] = {"model", "instructions", "executor",
										 "queue", NULL};
	const char *agent = hitl_get_text(parse, place, object, "agent", false);
	const char *const *other;

	if (agent == NULL)
		return;
	task->agent = hitl_copy_text(parse->arena, agent, strlen(agent));
	for (other = others; *other != NULL; other++)
	{
		HitlPlace here = {place, *other, 0};

		if (hitl_json_member(object, *other) != NULL)
			hitl_fault(parse, &here, "is what the agent's settings say");
	}
}

/*
 * "create_checkpoint": true, or the name of the checkpoint.
 */
static void
parse_create_checkpoint(HitlParse *parse, const HitlPlace *place,
						const HitlJson *object, HitlStep *step)
{
	const HitlJson *member = hitl_json_member(object, "create_checkpoint");
	HitlPlace here = {place, "create_checkpoint", 0};

	if (member == NULL || member->type == HITL_JSON_FALSE)
		return;
	if (member->type == HITL_JSON_TRUE)
		step->as.task.checkpoint = step->name;
	else if (member->type == HITL_JSON_STRING && member->length > 0)
		step->as.task.checkpoint = hitl_copy_text(parse->arena, member->text,
												  member->length);
	else
		hitl_fault(parse, &here,
				   "must be true, false or the name of a checkpoint");
}

/*
 * "requires_approval" and "approval_config".
 */
static void
parse_gate(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
		   HitlStep *step)
{
	static const HitlJson empty = {.type = HITL_JSON_OBJECT};
	static const char *const reserved[] = {"task", "context", "result", NULL};
	HitlTask *task = &step->as.task;
	HitlPlace here = {place, "approval_config", 0};
	HitlPlace when_place = {&here, "when", 0};
	HitlPlace data_place = {&here, "context_data", 0};
	const HitlJson *config;
	const char *const *name;
	const char *when;
	char title[200];

	config = hitl_get(parse, place, object, "approval_config", HITL_JSON_OBJECT,
					  false);
	if (config == NULL)
		config = &empty;
	hitl_check_members(parse, &here, config, config_members, NULL);
	snprintf(title, sizeof(title), "Approval of step %.150s", step->name);
	hitl_parse_question(parse, &here, config, title, &task->question);
	when = hitl_get_text(parse, &here, config, "when", false);
	if (when != NULL && strcmp(when, "before") != 0 &&
		strcmp(when, "after") != 0)
		hitl_fault(parse, &when_place, "must be before or after");
	for (name = reserved; *name != NULL; name++)
	{
		HitlPlace name_place = {&data_place, *name, 0};

		if (hitl_json_member(hitl_json_member(config, "context_data"), *name) !=
			NULL)
			hitl_fault(parse, &name_place,
					   "is filled in with what the step does");
	}
	if (hitl_get_boolean(parse, place, object, "requires_approval"))
		task->gate = when != NULL && strcmp(when, "after") == 0
			? HITL_GATE_AFTER
			: HITL_GATE_BEFORE;
}

/*
 * Begin the step; or, after a rollback, go on where it was: what was approved
 * or answered already is not asked for again.
 */
static void
enter_task(HitlRun *run, HitlPosition *position)
{
	const HitlTask *task = &position->step->as.task;
	const char *call;

	if (position->result != NULL)
	{
		ask_after(run, position);
		return;
	}
	if (position->agent != NULL)
	{
		hitl_continue_agent(run, position);
		return;
	}
	if (position->call != NULL && position->approval != NULL)
	{
		send_call(run, position, position->call);
		return;
	}
	if (task->checkpoint != NULL && !position->checkpointed)
	{
		position->checkpointed = true;
		hitl_pin_checkpoint(run,
							hitl_take_checkpoint(run, position,
												 task->checkpoint, "null"));

		/* Branches are kept as they are after the call: end it here. */
		if (hitl_has_branches(run->control))
			return;
	}
	call = render_call(run, position);
	if (call == NULL)
		return;
	if (task->gate != HITL_GATE_NONE)
		position->call = hitl_keep_text(run, call);
	if (task->gate == HITL_GATE_BEFORE)
		ask_before(run, position);
	else
		send_call(run, position, call);
}

/*
 * The body of the effect that has the task done.
 */
static const char *
render_call(HitlRun *run, HitlPosition *position)
{
	const HitlStep *step = position->step;
	const HitlTask *task = &step->as.task;
	const char *text;
	const char *context;
	const char *instructions;
	HitlBuffer call;

	text = hitl_render(run, position, &task->task);
	if (text == NULL)
		return NULL;
	context = hitl_render(run, position, &task->context);
	if (context == NULL)
		return NULL;
	instructions = hitl_render(run, position, &task->instructions);
	if (instructions == NULL)
		return NULL;

	hitl_buffer_init(&call, run->memory);
	hitl_append_text(&call, "{\"task\":");
	hitl_append_text(&call, text);
	hitl_append_text(&call, ",\"context\":");
	hitl_append_text(&call, context);
	hitl_append_text(&call, ",\"instructions\":");
	hitl_append_text(&call, instructions);
	hitl_json_write_member(&call, "model", task->model);
	hitl_append_char(&call, ',');
	hitl_append_text(&call, step->terms);
	hitl_append_char(&call, '}');
	return hitl_finish_text(run, &call);
}

/*
 * Ask whether the call may be made.
 */
static void
ask_before(HitlRun *run, HitlPosition *position)
{
	const char *shown = show_call(run, position);

	if (shown != NULL)
		hitl_ask(run, position, &position->step->as.task.question, shown);
}

/*
 * Ask for a review of the result.
 */
static void
ask_after(HitlRun *run, HitlPosition *position)
{
	const char *shown = show_call(run, position);
	HitlBuffer more;
	const char *text;

	if (shown == NULL)
		return;
	hitl_buffer_init(&more, &run->scratch);
	hitl_append_text(&more, shown);
	hitl_append_text(&more, ",\"result\":");
	hitl_append_text(&more, position->result);
	text = hitl_finish_text(run, &more);
	if (text != NULL)
		hitl_ask(run, position, &position->step->as.task.question, text);
}

/*
 * The part of the call that an approver is shown, as JSON members.
 */
static const char *
show_call(HitlRun *run, const HitlPosition *position)
{
	const HitlJson *call;
	const HitlJson *member;
	HitlResult result;
	HitlBuffer shown;

	if (run->result != HITL_OK)
		return NULL;
	result = hitl_json_parse(&run->scratch, position->call,
							 strlen(position->call), HITL_JSON_COMPOSED, &call,
							 NULL);
	if (result != HITL_OK)
	{
		hitl_stop(run, result, "the call kept in the control state is no JSON");
		return NULL;
	}
	hitl_buffer_init(&shown, &run->scratch);
	hitl_append_text(&shown, "\"task\":");
	member = hitl_json_member(call, "task");
	if (member != NULL)
		hitl_json_write(&shown, member);
	else
		hitl_append_text(&shown, "null");
	member = hitl_json_member(call, "context");
	if (position->step->as.task.has_context && member != NULL)
	{
		hitl_append_text(&shown, ",\"context\":");
		hitl_json_write(&shown, member);
	}
	return hitl_finish_text(run, &shown);
}

/*
 * Have the task done.
 */
static void
send_call(HitlRun *run, HitlPosition *position, const char *call)
{
	const HitlTask *task = &position->step->as.task;
	HitlEffect *effect;

	if (task->agent != NULL)
	{
		hitl_start_agent(run, position, call);
		return;
	}
	if (task->queue != NULL)
		effect = hitl_emit(run, HITL_EFFECT_RUN_EXTERNAL, task->queue,
						   position);
	else
		effect = hitl_emit(run, HITL_EFFECT_RUN_TASK, task->model, position);
	effect->body = hitl_copy_text(run->memory, call, strlen(call));
	hitl_await(run, position, HITL_AWAITS_REPLY, effect);
}

/*
 * What was awaited is there.
 */
static void
deliver_task(HitlRun *run, HitlPosition *position, const HitlJson *body)
{
	if (position->agent != NULL)
		hitl_deliver_agent(run, position, body);
	else if (position->state == HITL_AWAITS_APPROVAL)
		deliver_decision(run, position, body);
	else
		deliver_reply(run, position, body);
}

/*
 * The decision about the call or about its result.
 */
static void
deliver_decision(HitlRun *run, HitlPosition *position, const HitlJson *body)
{
	const char *approval;
	const char *result;

	if (hitl_fail_unasked(run, position, body))
		return;
	approval = hitl_write_decision(run, body, "outcome");
	if (approval == NULL)
		return;
	if (hitl_is_approved(body) && position->result == NULL)
	{
		position->approval = hitl_keep_text(run, approval);
		if (position->approval != NULL && !hitl_put_off(run, position))
			send_call(run, position, position->call);
		return;
	}
	result = add_approval(run,
						  position->result == NULL ? "{}" : position->result,
						  approval);
	if (result == NULL)
		return;
	if (hitl_is_approved(body))
		hitl_complete_step(run, position, result);
	else
		hitl_decline(run, position, body, result);
}

/*
 * The task has been answered, or it failed.
 */
static void
deliver_reply(HitlRun *run, HitlPosition *position, const HitlJson *body)
{
	HitlReply reply;

	if (position->step->as.task.queue == NULL)
		hitl_read_reply(&run->scratch, body, &reply);
	else if (!hitl_take_answer(run, body, &reply))
		return;
	if (run->scratch.failed)
	{
		hitl_stop(run, HITL_NO_MEMORY, NULL);
		return;
	}
	if (reply.result == NULL)
	{
		if (!hitl_reroute(run, position, body, reply.kind, reply.message))
			hitl_fail_step(run, position, reply.kind, reply.message);
		return;
	}
	hitl_end_task(run, position, reply.result);
}

/*
 * The task has been done: have the result reviewed, or complete the step.
 */
void
hitl_end_task(HitlRun *run, HitlPosition *position, const char *result)
{
	if (position->step->as.task.gate == HITL_GATE_AFTER)
	{
		position->result = hitl_keep_text(run, result);
		if (position->result != NULL && !hitl_put_off(run, position))
			ask_after(run, position);
		return;
	}
	if (position->approval != NULL)
		result = add_approval(run, result, position->approval);
	if (result != NULL)
		hitl_complete_step(run, position, result);
}

/*
 * Where the model could not be reached, and the reply names others to try
 * instead: give the task to the first of them.
 */
bool
hitl_reroute(HitlRun *run, HitlPosition *position, const HitlJson *body,
			 const char *kind, const char *message)
{
	static const HitlRetry unreachable = {
		.on = 1U << HITL_FAILURE_TIMEOUT | 1U << HITL_FAILURE_NETWORK_ERROR |
			1U << HITL_FAILURE_SERVICE_UNAVAILABLE |
			1U << HITL_FAILURE_RATE_LIMIT};
	const HitlJson *fallbacks = hitl_json_member(body, "fallbacks");
	const HitlJson *next = fallbacks != NULL &&
			fallbacks->type == HITL_JSON_ARRAY
		? fallbacks->first
		: NULL;
	const char *call;
	const char *model;
	HitlEffect *effect;

	if (next == NULL || next->type != HITL_JSON_STRING ||
		position->step->as.task.queue != NULL ||
		!hitl_is_retryable(&unreachable, kind))
		return false;
	if (hitl_put_off(run, position))
		return true;
	model = hitl_copy_text(run->memory, next->text, next->length);
	hitl_step_event(run, position, "task_rerouted",
					write_reroute(run, model, kind, message), NULL);
	if (position->agent != NULL)
		call = hitl_write_request(run, position);
	else if (position->call != NULL)
		call = position->call;
	else
		call = render_call(run, position);
	if (call == NULL)
		return true;
	effect = hitl_emit(run, HITL_EFFECT_RUN_TASK, model, position);
	effect->body = call_with_fallbacks(run, call, next->next);
	hitl_await(run, position, HITL_AWAITS_REPLY, effect);
	return true;
}

/*
 * The facts about that: which model is asked now, and why.
 */
static const char *
write_reroute(HitlRun *run, const char *model, const char *kind,
			  const char *message)
{
	HitlBuffer facts;

	hitl_buffer_init(&facts, run->memory);
	hitl_append_char(&facts, '{');
	hitl_json_write_member(&facts, "model", model);
	hitl_json_write_member(&facts, "kind", kind);
	hitl_json_write_member(&facts, "message", message);
	hitl_append_char(&facts, '}');
	return hitl_buffer_text(&facts);
}

/*
 * A call with the models that are still left as its member "fallbacks".
 */
static const char *
call_with_fallbacks(HitlRun *run, const char *call, const HitlJson *next)
{
	HitlBuffer buffer;

	hitl_buffer_init(&buffer, run->memory);
	hitl_append(&buffer, call, strlen(call) - 1);
	hitl_append_text(&buffer, ",\"fallbacks\":[");
	for (; next != NULL; next = next->next)
	{
		hitl_json_write(&buffer, next);
		if (next->next != NULL)
			hitl_append_char(&buffer, ',');
	}
	hitl_append_text(&buffer, "]}");
	return hitl_finish_text(run, &buffer);
}

/*
 * A result with the decision about it as its member "approval".
 */
static const char *
add_approval(HitlRun *run, const char *result, const char *approval)
{
	HitlBuffer buffer;

	hitl_buffer_init(&buffer, &run->scratch);
	if (result[0] == '{')
		hitl_append(&buffer, result, strlen(result) - 1);
	else
	{
		hitl_append_text(&buffer, "{\"answer\":");
		hitl_append_text(&buffer, result);
	}
	if (buffer.length > 1)
		hitl_append_char(&buffer, ',');
	hitl_append_text(&buffer, "\"approval\":");
	hitl_append_text(&buffer, approval);
	hitl_append_char(&buffer, '}');
	return hitl_finish_text(run, &buffer);
}
