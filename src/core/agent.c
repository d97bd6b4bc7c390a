/*
 * agent.c
 *		The loop of an agent: what the model says, and what follows from it.
 *
 * The model is asked with the whole memory, which is events of the workflow;
 * an answer that is accepted ends the run, calls of tools are agent_call.c's.
 * Whatever the model says wrongly it is told, so that it can mend it: nothing
 * that it says fails the step, but for what it refuses to say.
 */
#include "core/agent.h"
#include "core/schema.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_CALLS 100 /* of a turn */

static const char *const plan_text =
	"Before you go on: write down a short plan, the steps that are left to do "
	"the task. Call no tools now.";
static const char *const planned_text = "Now carry out the plan.";

static bool load_agent(HitlRun *run, HitlPosition *position,
					   const char *version, HitlAgent *agent);
static const char *write_task(HitlRun *run, const char *call);
static const HitlJson *query(HitlRun *run, const char *path);
static void return_to_memory(HitlRun *run, HitlPosition *position,
							 const HitlAgent *agent, HitlAgentRun *state);
static void hear_model(HitlRun *run, HitlPosition *position,
					   const HitlAgent *agent, HitlAgentRun *state,
					   const HitlJson *body);
static void count_usage(HitlAgentRun *state, const HitlTurn *turn);
static void hear_turn(HitlRun *run, HitlPosition *position,
					  const HitlAgent *agent, HitlAgentRun *state,
					  HitlTurn *turn);
static void hear_text(HitlRun *run, HitlPosition *position,
					  const HitlAgent *agent, HitlAgentRun *state,
					  const HitlTurn *turn);

/*
 * Begin with a task.  call: as of a RUN_TASK effect.
 */
void
hitl_start_agent(HitlRun *run, HitlPosition *position, const char *call)
{
	HitlRemark remark = {.event = "agent_started", .role = "user"};
	HitlAgentRun *state;
	HitlAgent agent;
	HitlBuffer more;

	if (!load_agent(run, position, NULL, &agent))
		return;
	remark.text = write_task(run, call);
	state = hitl_alloc_zero(&run->control->arena, sizeof(HitlAgentRun));
	if (remark.text == NULL || state == NULL)
	{
		hitl_stop(run, HITL_NO_MEMORY, NULL);
		return;
	}
	remark.length = strlen(remark.text);
	state->name = hitl_keep_text(run, agent.name);
	state->version = hitl_keep_text(run, agent.version);
	state->began_us = run->now_us;
	state->rewinds = run->control->rewinds;
	state->parts = hitl_alloc_zero(&run->control->arena,
								   sizeof(HitlMemoryPart));
	if (state->parts == NULL)
	{
		hitl_stop(run, HITL_NO_MEMORY, NULL);
		return;
	}
	state->nparts = 1;
	state->parts[0].segment = hitl_next_token(run, hitl_branch_of(position));
	position->agent = state;

	hitl_buffer_init(&more, &run->scratch);
	hitl_append_text(&more, ",\"agent\":");
	hitl_json_write_string(&more, agent.name, strlen(agent.name));
	hitl_json_write_member(&more, "version", agent.version);
	remark.more = hitl_buffer_text(&more);
	hitl_remember(run, position, state, &remark);
	if (state->rewinds > 0 && position->attempt > 1 &&
		run->control->reason != NULL)
	{
		hitl_buffer_init(&more, &run->scratch);
		hitl_append_format(&more,
						   "An earlier attempt at this task was rolled back: "
						   "%s",
						   run->control->reason);
		hitl_tell_agent(run, position, state, hitl_buffer_text(&more));
	}
	hitl_ask_model(run, position, &agent, state);
}

/*
 * Go on where the run was, after a pause, a failure or a return to a
 * checkpoint; what it awaited then has been withdrawn.
 */
void
hitl_continue_agent(HitlRun *run, HitlPosition *position)
{
	HitlAgentRun *state;
	HitlAgent agent;

	if (!load_agent(run, position, position->agent->version, &agent))
		return;
	state = hitl_change_agent(run, position);
	if (state == NULL)
		return;

	/* The time in which it stood still does not count. */
	if (__builtin_sub_overflow(run->now_us,
							   (int64_t) fmin(state->used[HITL_LIMIT_SECONDS] *
												  1e6,
											  1e18),
							   &state->began_us))
		state->began_us = INT64_MIN + 1;
	if (state->rewinds != run->control->rewinds)
	{
		return_to_memory(run, position, &agent, state);
		return;
	}
	switch (state->phase)
	{
		case HITL_AGENT_ASKS:
		case HITL_AGENT_EXCEEDS:
		case HITL_AGENT_WAITS:
			hitl_ask_model(run, position, &agent, state);
			break;
		case HITL_AGENT_PLANS:
		case HITL_AGENT_CONCLUDES:
			hitl_request_reply(run, position, &agent);
			break;
		case HITL_AGENT_CALLS:
			hitl_run_calls(run, position, &agent, state);
			break;
		case HITL_AGENT_CHECKS:
			hitl_check_answer(run, position, &agent, state);
			break;
	}
}

/*
 * What the run awaited is there.
 */
void
hitl_deliver_agent(HitlRun *run, HitlPosition *position, const HitlJson *body)
{
	HitlAgentRun *state;
	HitlAgent agent;

	if (!load_agent(run, position, position->agent->version, &agent))
		return;
	state = hitl_change_agent(run, position);
	if (state == NULL)
		return;
	/* Whoever works for it has limits of his own. */
	if (position->state == HITL_AWAITS_CHILD)
		hitl_leave_out_waiting(run, position, state);
	if (position->state != HITL_AWAITS_APPROVAL &&
		position->state != HITL_AWAITS_TIMER)
		hitl_count_time(run, state);
	switch (state->phase)
	{
		case HITL_AGENT_WAITS:
			hitl_leave_out_waiting(run, position, state);
			hitl_ask_model(run, position, &agent, state);
			break;
		case HITL_AGENT_EXCEEDS:
			hitl_decide_limit(run, position, &agent, state, body);
			break;
		case HITL_AGENT_CHECKS:
			hitl_hear_check(run, position, &agent, state, body);
			break;
		case HITL_AGENT_CALLS:
			{
				HitlAgentCall *call = hitl_awaited_call(state, run->token);

				if (call != NULL)
					hitl_decide_call(run, position, &agent, state, call, body);
				else
					hitl_deliver_call(run, position, &agent, state, body);
			}
			break;
		default:
			hear_model(run, position, &agent, state, body);
			break;
	}
}

/*
 * The time in which it awaited people, another agent, or that a budget renews,
 * is none of the agent's.
 */
void
hitl_leave_out_waiting(HitlRun *run, const HitlPosition *position,
					   HitlAgentRun *state)
{
	int64_t waited;

	if (!__builtin_sub_overflow(run->now_us, position->since_us, &waited) &&
		waited > 0 &&
		__builtin_add_overflow(state->began_us, waited, &state->began_us))
		state->began_us = INT64_MAX;
}

/*
 * Does a position await the answer to this token?
 */
bool
hitl_awaits_token(const HitlPosition *position, int64_t token)
{
	if (position->token == token)
		return true;
	return position->state == HITL_AWAITS_APPROVAL && position->agent != NULL &&
		hitl_awaited_call(position->agent, token) != NULL;
}

/*
 * Withdraw what a step awaits, be it one thing or several.
 */
void
hitl_withdraw_work(HitlRun *run, const HitlPosition *position)
{
	const HitlAgentRun *agent = position->agent;
	int i;

	hitl_withdraw(run, position, position->token);
	if (position->state != HITL_AWAITS_APPROVAL)
		return;
	for (i = 0; agent != NULL && i < agent->ncalls; i++)
	{
		if (agent->calls[i].token != position->token)
			hitl_withdraw(run, position, agent->calls[i].token);
	}
}

/*
 * Body of the request for the next turn.
 */
const char *
hitl_write_request(HitlRun *run, HitlPosition *position)
{
	const HitlAgentRun *state = position->agent;
	const char *task = "\"\"";
	HitlBuffer body;

	/* For a model without a network, which repeats it. */
	if (state->turn == 0)
		task = hitl_render(run, position, &position->step->as.task.task);
	if (task == NULL)
		return NULL;
	hitl_buffer_init(&body, run->memory);
	hitl_append_text(&body, "{\"task\":");
	hitl_append_text(&body, task);
	hitl_json_write_member(&body, "agent", state->name);
	hitl_json_write_member(&body, "version", state->version);
	hitl_write_number(&body, "turn", state->turn + 1);
	hitl_append_text(&body,
					 state->phase == HITL_AGENT_ASKS ? ",\"tools\":true"
													 : ",\"tools\":false");
	hitl_write_memory(&body, state);
	hitl_append_char(&body, ',');
	hitl_append_text(&body, position->step->terms);
	hitl_append_char(&body, '}');
	return hitl_finish_text(run, &body);
}

/*
 * Ask the model for the next turn, unless a limit has been reached or a plan is
 * due; once the workflow runs, if it is paused.
 */
void
hitl_ask_model(HitlRun *run, HitlPosition *position, const HitlAgent *agent,
			   HitlAgentRun *state)
{
	if (hitl_put_off(run, position))
		return;
	state->ncalls = 0;
	state->next = 0;
	state->said = NULL;
	state->phase = HITL_AGENT_ASKS;
	if (!hitl_keep_to_limits(run, position, agent, state))
		return;
	if (agent->planning_interval > 0 &&
		state->turn % agent->planning_interval == 0 &&
		state->planned != state->turn + 1)
	{
		state->phase = HITL_AGENT_PLANS;
		hitl_tell_agent(run, position, state, plan_text);
	}
	hitl_request_reply(run, position, agent);
}

/*
 * Add a message to the memory: an event.
 */
void
hitl_remember(HitlRun *run, HitlPosition *position, HitlAgentRun *state,
			  const HitlRemark *remark)
{
	HitlMemoryPart *part = &state->parts[state->nparts - 1];
	HitlBuffer body;

	part->count++;
	hitl_buffer_init(&body, run->memory);
	hitl_append_text(&body, "{\"memory\":[");
	hitl_append_integer(&body, part->segment);
	hitl_append_char(&body, ',');
	hitl_append_integer(&body, part->count);
	hitl_append_char(&body, ']');
	hitl_json_write_member(&body, "role", remark->role);
	hitl_append_text(&body, ",\"text\":");
	hitl_json_write_string(&body, remark->text, remark->length);
	if (remark->more != NULL)
		hitl_append_text(&body, remark->more);
	hitl_append_char(&body, '}');
	if (hitl_finish_text(run, &body) != NULL)
		hitl_step_event(run, position, remark->event, body.data, NULL);
}

/*
 * Tell the model something that is no result of a tool.
 */
void
hitl_tell_agent(HitlRun *run, HitlPosition *position, HitlAgentRun *state,
				const char *text)
{
	HitlRemark remark = {.event = "agent_told", .role = "user", .text = text};

	if (text == NULL)
	{
		hitl_stop(run, HITL_NO_MEMORY, NULL);
		return;
	}
	remark.length = strlen(text);
	hitl_remember(run, position, state, &remark);
}

/*
 * Ask people.  more: JSON members of the question's terms; context: those of
 * its context_data; description: JSON text.  NULL: that failed.
 */
HitlEffect *
hitl_pose(HitlRun *run, HitlPosition *position, const HitlAgent *agent,
		  const char *title, const char *description, const char *more,
		  const char *context)
{
	HitlFaults faults = {0};
	HitlParse parse = {&run->scratch, run->host, &faults, false, HITL_OK, NULL};
	const char *terms;
	HitlEffect *effect = NULL;
	HitlBuffer body;

	if (run->result != HITL_OK)
		return NULL;
	terms = hitl_question_terms(&parse, agent->approval, more);
	if (parse.result != HITL_OK)
		hitl_stop(run, parse.result, NULL);
	else if (parse.faulty || terms == NULL)
		hitl_fail_faulty(run, position, "agent \"%s\" cannot ask people: %s",
						 agent->name,
						 faults.count > 0 ? faults.items[0].message
										  : "its settings are faulty");
	else
	{
		hitl_buffer_init(&body, run->memory);
		hitl_append_text(&body, "{\"title\":");
		hitl_json_write_string(&body, title,
							   hitl_utf8_cut(title, strlen(title),
											 HITL_MAX_TITLE));
		hitl_append_text(&body, ",\"description\":");
		hitl_append_text(&body, description == NULL ? "null" : description);
		hitl_append_char(&body, ',');
		hitl_append_text(&body, terms);
		hitl_append_text(&body, ",\"context_data\":{");
		hitl_append_text(&body, context);
		hitl_append_text(&body, "}}");
		effect = hitl_emit(run, HITL_EFFECT_REQUEST_APPROVAL, NULL, position);
		effect->body = hitl_buffer_text(&body);
	}
	hitl_free_faults(&faults);
	return effect;
}

/*
 * Read the settings of a position's agent; false if there are none, and then
 * the step has failed.
 */
static bool
load_agent(HitlRun *run, HitlPosition *position, const char *version,
		   HitlAgent *agent)
{
	const char *name = version == NULL ? position->step->as.task.agent
									   : position->agent->name;
	HitlFaults faults = {0};
	HitlParse parse = {&run->scratch, NULL, &faults, false, HITL_OK, NULL};
	const HitlJson *document = NULL;
	const char *text = NULL;
	bool loaded = false;

	if (run->host == NULL || run->host->load_agent == NULL)
	{
		hitl_stop(run, HITL_HOST_FAILED, NULL);
		return false;
	}
	switch (run->host->load_agent(run->host->context, name, version, &text))
	{
		case HITL_QUERY_FOUND:
			document = hitl_read_document(&parse, &run->scratch, NULL, text);
			break;
		case HITL_QUERY_HOST_FAILED:
			hitl_stop(run, HITL_HOST_FAILED, NULL);
			return false;
		default:
			hitl_fail_faulty(run, position,
							 version == NULL
								 ? "agent \"%s\" does not exist"
								 : "the settings that agent \"%s\" began with "
								   "are gone",
							 name);
			return false;
	}
	if (document != NULL)
		hitl_read_settings(&parse, document, agent);
	if (parse.result != HITL_OK)
		hitl_stop(run, parse.result, NULL);
	else if (parse.faulty)
		hitl_fail_faulty(run, position, "agent \"%s\" is faulty: %s%s%s", name,
						 faults.count > 0 ? faults.items[0].pointer : "",
						 faults.count > 0 ? " " : "",
						 faults.count > 0 ? faults.items[0].message : "");
	else
		loaded = true;
	hitl_free_faults(&faults);
	return loaded && run->result == HITL_OK;
}

/*
 * What the agent is told at first: the task, its context, and what the workflow
 * knows.
 */
static const char *
write_task(HitlRun *run, const char *call)
{
	const HitlJson *task;
	const HitlJson *goal = query(run, "$.task");
	const HitlJson *variables = query(run, "$.variables");
	const HitlJson *steps = query(run, "$.steps");
	const HitlJson *text;
	HitlBuffer prompt;

	if (run->result != HITL_OK)
		return NULL;
	if (hitl_json_parse(&run->scratch, call, strlen(call), HITL_JSON_COMPOSED,
						&task, NULL) != HITL_OK)
		return NULL;
	text = hitl_json_member(task, "task");

	/* The task may be nothing but the goal. */
	if (goal != NULL &&
		(goal->type != HITL_JSON_STRING ||
		 (text != NULL && text->type == HITL_JSON_STRING &&
		  strcmp(text->text, goal->text) == 0)))
		goal = NULL;
	hitl_buffer_init(&prompt, &run->scratch);
	hitl_write_prompt(&prompt, task, goal == NULL ? NULL : goal->text,
					  variables, steps);
	return prompt.length == 0 ? "" : hitl_buffer_text(&prompt);
}

/*
 * A part of the data, or NULL.
 */
static const HitlJson *
query(HitlRun *run, const char *path)
{
	const HitlJson *value = NULL;
	const char *text = NULL;

	switch (run->host->query(run->host->context, run->scope, path, &text))
	{
		case HITL_QUERY_FOUND:
			if (hitl_json_parse(&run->scratch, text, strlen(text),
								HITL_JSON_COMPOSED, &value,
								NULL) == HITL_NO_MEMORY)
				hitl_stop(run, HITL_NO_MEMORY, NULL);
			return value;
		case HITL_QUERY_HOST_FAILED:
			hitl_stop(run, HITL_HOST_FAILED, NULL);
			return NULL;
		default:
			return NULL;
	}
}

/*
 * The workflow has returned to a checkpoint: what was said since is no part of
 * the memory any more, and the agent is told why.
 */
static void
return_to_memory(HitlRun *run, HitlPosition *position, const HitlAgent *agent,
				 HitlAgentRun *state)
{
	const char *reason = run->control->reason;
	HitlMemoryPart *part = &state->parts[state->nparts++];
	HitlBuffer text;

	state->rewinds = run->control->rewinds;
	part->segment = hitl_next_token(run, hitl_branch_of(position));
	part->count = 0;

	/* An API wants every call to have its result. */
	while (state->next < state->ncalls && run->result == HITL_OK)
	{
		static const char *const no_result =
			"No result: the work was rolled back to a checkpoint before this "
			"call.";

		state->calls[state->next].edited = NULL;
		state->calls[state->next].feedback = NULL;
		hitl_observe_call(run, position, agent, state, no_result,
						  strlen(no_result), true);
	}
	state->answer = NULL;
	state->checked = 0;
	hitl_buffer_init(&text, &run->scratch);
	hitl_append_text(&text,
					 "The work was rolled back to this point. What tools did "
					 "after it may still be in effect: look before you do it "
					 "again. ");
	if (reason == NULL)
		hitl_append_text(&text, "No reason was given.");
	else
		hitl_append_format(&text, "The reason: %s", reason);
	hitl_tell_agent(run, position, state, hitl_buffer_text(&text));
	hitl_ask_model(run, position, agent, state);
}

/*
 * The model has said something, or could not be asked.
 */
static void
hear_model(HitlRun *run, HitlPosition *position, const HitlAgent *agent,
		   HitlAgentRun *state, const HitlJson *body)
{
	HitlTurn turn;
	HitlReply reply;
	bool heard = hitl_read_turn(&run->scratch, body, &turn, &reply);

	if (run->scratch.failed)
	{
		hitl_stop(run, HITL_NO_MEMORY, NULL);
		return;
	}
	count_usage(state, &turn);
	if (!heard)
	{
		if (!hitl_reroute(run, position, body, reply.kind, reply.message))
			hitl_fail_step(run, position, reply.kind, reply.message);
		return;
	}
	if (state->phase == HITL_AGENT_PLANS)
	{
		turn.ncalls = 0;
		hitl_remember_reply(run, position, state, &turn, "agent_planned");
		state->planned = state->turn + 1;
		state->phase = HITL_AGENT_ASKS;
		hitl_tell_agent(run, position, state, planned_text);
		hitl_ask_model(run, position, agent, state);
	}
	else if (state->phase == HITL_AGENT_CONCLUDES)
		hitl_hear_conclusion(run, position, agent, state, &turn);
	else
		hear_turn(run, position, agent, state, &turn);
}

/*
 * Add what a reply has taken.
 */
static void
count_usage(HitlAgentRun *state, const HitlTurn *turn)
{
	if (turn->input_tokens > 0)
		state->used[HITL_LIMIT_TOKENS] += (double) turn->input_tokens;
	if (turn->output_tokens > 0)
		state->used[HITL_LIMIT_TOKENS] += (double) turn->output_tokens;
	if (turn->cost > 0)
		state->used[HITL_LIMIT_COST] += turn->cost;
}

/*
 * Keep what the model has said, and what that took.
 */
void
hitl_remember_reply(HitlRun *run, HitlPosition *position, HitlAgentRun *state,
					const HitlTurn *turn, const char *event)
{
	HitlRemark remark = {event, "assistant", turn->text, turn->length, NULL};
	HitlBuffer more;
	int i;

	hitl_buffer_init(&more, &run->scratch);
	for (i = 0; i < turn->ncalls; i++)
	{
		const HitlToolCall *call = &turn->calls[i];

		hitl_append_text(&more, i > 0 ? ",{" : ",\"calls\":[{");
		hitl_json_write_member(&more, "id", call->id);
		hitl_json_write_member(&more, "name", call->name);
		hitl_append_text(&more, ",\"arguments\":");
		hitl_append_text(&more,
						 call->arguments == NULL ? "{}" : call->arguments);
		hitl_append_char(&more, '}');
	}
	if (turn->ncalls > 0)
		hitl_append_char(&more, ']');
	hitl_write_number(&more, "turn", state->turn);
	if (turn->model != NULL)
		hitl_json_write_member(&more, "model", turn->model);
	if (turn->input_tokens >= 0)
		hitl_write_number(&more, "input_tokens", turn->input_tokens);
	if (turn->output_tokens >= 0)
		hitl_write_number(&more, "output_tokens", turn->output_tokens);
	if (turn->cost >= 0)
		hitl_append_format(&more, ",\"cost\":%.15g", turn->cost);
	remark.more = hitl_buffer_text(&more);
	hitl_remember(run, position, state, &remark);
}

/*
 * A turn: calls, code, or an answer.
 */
static void
hear_turn(HitlRun *run, HitlPosition *position, const HitlAgent *agent,
		  HitlAgentRun *state, HitlTurn *turn)
{
	const char *code = NULL;
	HitlToolCall wanted = {"", HITL_CODE_TOOL, NULL, NULL};
	HitlTurn coded;

	state->turn++;
	if (turn->ncalls == 0 && agent->writes_code)
		code = hitl_find_code(&run->scratch, turn);
	else if (turn->ncalls == 0)
		hitl_find_calls(&run->scratch, turn);
	if (turn->ncalls > MAX_CALLS)
	{
		char text[100];

		turn->ncalls = 0;
		hitl_remember_reply(run, position, state, turn, "agent_replied");
		snprintf(text, sizeof(text),
				 "No call was run: call at most %d tools at once.", MAX_CALLS);
		hitl_tell_agent(run, position, state, text);
		hitl_ask_model(run, position, agent, state);
		return;
	}
	if (turn->ncalls > 0)
		hitl_name_calls(run, state, turn);
	hitl_remember_reply(run, position, state, turn, "agent_replied");
	if (turn->ncalls > 0)
		hitl_begin_calls(run, position, agent, state, turn);
	else if (code != NULL)
	{
		HitlBuffer arguments;

		hitl_buffer_init(&arguments, &run->scratch);
		hitl_append_char(&arguments, '{');
		hitl_json_write_member(&arguments, "sql", code);
		hitl_append_char(&arguments, '}');
		wanted.arguments = hitl_finish_text(run, &arguments);
		coded = *turn;
		coded.calls = &wanted;
		coded.ncalls = 1;
		if (wanted.arguments != NULL)
			hitl_begin_calls(run, position, agent, state, &coded);
	}
	else
		hear_text(run, position, agent, state, turn);
}

/*
 * Only text: the answer, unless it says nothing or is not at its end.
 */
static void
hear_text(HitlRun *run, HitlPosition *position, const HitlAgent *agent,
		  HitlAgentRun *state, const HitlTurn *turn)
{
	const HitlJson *value = NULL;
	const char *fault = NULL;
	HitlBuffer answer;

	if (agent->output_schema != NULL)
		value = hitl_read_answer_text(run, turn->text, turn->length);
	if (turn->stop == HITL_STOP_LENGTH)
		fault = "Your reply was cut off, for it was too long, and it was not "
				"used. Say it again, shorter.";
	else if (turn->length == 0)
		fault = agent->writes_code
			? "Your reply was empty. Write SQL between <code> and </code>, or "
			  "give your answer as text."
			: "Your reply was empty. Call a tool, or give your answer.";
	else if (agent->output_schema != NULL && value == NULL)
		fault = "Your answer is no JSON. Give it as one JSON value of the form "
				"that was asked for, and nothing else.";
	if (fault != NULL)
	{
		hitl_tell_agent(run, position, state, fault);
		hitl_ask_model(run, position, agent, state);
		return;
	}
	hitl_buffer_init(&answer, &run->scratch);
	if (agent->output_schema != NULL)
		hitl_json_write(&answer, value);
	else
		hitl_json_write_string(&answer, turn->text, turn->length);
	if (hitl_finish_text(run, &answer) != NULL)
		hitl_offer_answer(run, position, agent, state, answer.data);
}

/*
 * Have the model asked.
 */
void
hitl_request_reply(HitlRun *run, HitlPosition *position, const HitlAgent *agent)
{
	const char *body = hitl_write_request(run, position);
	const char *model = agent->model == NULL
		? NULL
		: hitl_copy_text(run->memory, agent->model, strlen(agent->model));
	HitlEffect *effect;

	if (body == NULL)
		return;
	effect = hitl_emit(run, HITL_EFFECT_RUN_TASK, model, position);
	effect->body = body;
	hitl_await(run, position, HITL_AWAITS_REPLY, effect);
}
