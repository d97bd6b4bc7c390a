/*
 * agent_call.c
 *		The calls of a turn: checked, approved by people where that is wanted,
 *		and run one after the other.
 *
 * All that people are asked about the calls of a turn is asked before any of
 * them runs; what is not decided never runs, and what runs is what was
 * approved: the arguments are kept in the control state from the question to
 * the call.  Whatever is wrong with a call becomes its result.
 */
#include "core/agent.h"
#include "core/schema.h"

#include <stdio.h>
#include <string.h>

#define MAX_LINES 20   /* about faults, in one result */
#define MAX_SAID  2000 /* characters that are shown as the reason for a call */

static const char
	*const tool_lost = "a call kept in the control state is of no tool";
static const char
	*const argument_lost = "a call kept in the control state lacks an argument";

static bool has_id(const HitlTurn *turn, const char *id);
static void check_call(HitlRun *run, const HitlAgent *agent,
					   HitlAgentCall *call, const char *fault);
static void list_tools(HitlBuffer *text, const HitlAgent *agent);
static bool ask_about_calls(HitlRun *run, HitlPosition *position,
							const HitlAgent *agent, HitlAgentRun *state);
static bool has_arguments(HitlRun *run, const HitlTool *tool,
						  const HitlAgentCall *call);
static bool asks_people(const HitlTool *tool);
static const char *describe_fault(HitlRun *run, const HitlJson *body);
static bool await_decisions(HitlPosition *position, HitlAgentRun *state);
static void run_builtin(HitlRun *run, HitlPosition *position,
						const HitlAgent *agent, HitlAgentRun *state,
						const HitlAgentCall *call);
static const char *find_hindrance(const HitlPosition *position,
								  const char *tool);
static void take_checkpoint(HitlRun *run, HitlPosition *position,
							const HitlAgent *agent, HitlAgentRun *state,
							const HitlJson *arguments);
static void roll_back(HitlRun *run, HitlPosition *position,
					  const HitlJson *arguments);
static void write_result(HitlBuffer *text, const HitlTool *tool,
						 const HitlJson *result);

/*
 * Make the ids of calls different from each other: an API keys results by them.
 */
void
hitl_name_calls(HitlRun *run, const HitlAgentRun *state, HitlTurn *turn)
{
	const char **ids = hitl_alloc(&run->scratch, turn->ncalls * sizeof(char *));
	const bool *again;
	int i;

	for (i = 0; ids != NULL && i < turn->ncalls; i++)
		ids[i] = turn->calls[i].id;
	again = ids == NULL ? NULL
						: hitl_find_doubles(&run->scratch, ids, turn->ncalls);
	if (again == NULL)
	{
		hitl_stop(run, HITL_NO_MEMORY, NULL);
		return;
	}
	for (i = 0; i < turn->ncalls && run->result == HITL_OK; i++)
	{
		HitlBuffer id;

		if (turn->calls[i].id[0] != '\0' && !again[i])
			continue;
		hitl_buffer_init(&id, &run->scratch);
		hitl_append_format(&id, "call_%d_%d", state->turn, i + 1);
		while (has_id(turn, hitl_finish_text(run, &id)))
			hitl_append_char(&id, '_');
		turn->calls[i].id = id.data;
	}
}

/*
 * Take up the calls of a turn.
 */
void
hitl_begin_calls(HitlRun *run, HitlPosition *position, const HitlAgent *agent,
				 HitlAgentRun *state, const HitlTurn *turn)
{
	int i;

	state->calls = hitl_alloc_zero(&run->control->arena,
								   turn->ncalls * sizeof(HitlAgentCall));
	if (state->calls == NULL)
	{
		hitl_stop(run, HITL_NO_MEMORY, NULL);
		return;
	}
	state->ncalls = turn->ncalls;
	state->next = 0;
	state->phase = HITL_AGENT_CALLS;
	if (turn->length > 0)
		state->said = hitl_copy_text(&run->control->arena, turn->text,
									 hitl_utf8_cut(turn->text, turn->length,
												   MAX_SAID));
	for (i = 0; i < turn->ncalls; i++)
	{
		const HitlToolCall *wanted = &turn->calls[i];
		HitlAgentCall *call = &state->calls[i];

		call->id = hitl_keep_text(run, wanted->id);
		call->tool = hitl_keep_text(run, wanted->name);
		if (wanted->arguments != NULL)
			call->arguments = hitl_keep_text(run, wanted->arguments);
		if (run->result != HITL_OK)
			return;
		check_call(run, agent, call, wanted->fault);
	}
	hitl_run_calls(run, position, agent, state);
}

/*
 * Go on with the calls, once the workflow runs: ask about them, then run the
 * next one.
 */
void
hitl_run_calls(HitlRun *run, HitlPosition *position, const HitlAgent *agent,
			   HitlAgentRun *state)
{
	if (hitl_put_off(run, position) ||
		!ask_about_calls(run, position, agent, state))
		return;
	while (run->result == HITL_OK && !await_decisions(position, state))
	{
		const HitlAgentCall *call = &state->calls[state->next];
		const HitlTool *tool;

		if (state->next >= state->ncalls)
		{
			hitl_ask_model(run, position, agent, state);
			return;
		}
		if (call->observation != NULL)
		{
			hitl_observe_call(run, position, agent, state, call->observation,
							  strlen(call->observation), call->failed);
			continue;
		}
		tool = hitl_find_tool(agent, call->tool);
		if (tool == NULL)
			hitl_stop(run, HITL_INVALID, tool_lost);
		else if (!has_arguments(run, tool, call))
			return;
		else if (tool->kind == HITL_TOOL_BUILTIN)
			run_builtin(run, position, agent, state, call);
		else
			hitl_call_tool(run, position, tool, call);
		return;
	}
}

/*
 * People have decided about a call, or answered its question.
 */
void
hitl_decide_call(HitlRun *run, HitlPosition *position, const HitlAgent *agent,
				 HitlAgentRun *state, HitlAgentCall *call, const HitlJson *body)
{
	const HitlTool *tool = hitl_find_tool(agent, call->tool);

	call->token = 0;
	if (tool == NULL)
	{
		hitl_stop(run, HITL_INVALID, tool_lost);
		return;
	}
	if (asks_people(tool) && hitl_json_member(body, "error") != NULL)
	{
		/* The model may have named people that there are not. */
		call->observation = describe_fault(run, body);
		call->failed = true;
	}
	else if (hitl_fail_unasked(run, position, body))
		return;
	else if (asks_people(tool))
	{
		call->observation = hitl_describe_answer(run, tool, body);
		call->failed = !hitl_is_approved(body) &&
			strcmp(tool->name, "ask_human") == 0;
	}
	else if (hitl_is_approved(body))
		hitl_approve_call(run, tool, state, call, body);
	else
	{
		call->observation = hitl_describe_refusal(run, body);
		call->failed = true;
	}

	/* While others are undecided nothing else may tell of it. */
	run->effects->moved = true;
	if (run->result != HITL_OK || await_decisions(position, state))
		return;
	hitl_leave_out_waiting(run, position, state);
	hitl_run_calls(run, position, agent, state);
}

/*
 * What the call that is next has given becomes a part of the memory.
 */
void
hitl_observe_call(HitlRun *run, HitlPosition *position, const HitlAgent *agent,
				  HitlAgentRun *state, const char *text, size_t length,
				  bool failed)
{
	const HitlAgentCall *call = &state->calls[state->next];
	bool is_code = strcmp(call->tool, HITL_CODE_TOOL) == 0;
	size_t cut = hitl_utf8_cut(text, length, agent->max_observation);
	HitlRemark remark = {.event = "agent_observed",
						 .role = is_code ? "user" : "tool"};
	HitlBuffer said;
	HitlBuffer more;

	hitl_buffer_init(&said, &run->scratch);
	if (is_code && !failed)
		hitl_append_text(&said, "Result:\n");
	if (call->edited != NULL)
		hitl_append_format(&said,
						   "(Whoever approved it has changed the arguments to "
						   "%s)\n",
						   call->arguments);
	if (call->feedback != NULL)
		hitl_append_format(&said, "(Whoever approved it has said: %s)\n",
						   call->feedback);
	hitl_append(&said, text, cut);
	if (cut < length)
		hitl_append_format(&said, "\n(cut after %d characters)",
						   agent->max_observation);
	hitl_buffer_init(&more, &run->scratch);
	if (!is_code)
	{
		hitl_append_text(&more, ",\"call\":");
		hitl_json_write_string(&more, call->id, strlen(call->id));
		hitl_json_write_member(&more, "tool", call->tool);
	}
	if (failed)
		hitl_append_text(&more, ",\"failed\":true");
	if (call->approval != NULL)
	{
		hitl_append_text(&more, ",\"approval_id\":");
		hitl_json_write_string(&more, call->approval, strlen(call->approval));
	}
	if (call->edited != NULL)
	{
		hitl_append_text(&more, ",\"arguments\":");
		hitl_append_text(&more, call->arguments);
		hitl_append_text(&more, ",\"edited\":");
		hitl_append_text(&more, call->edited);
	}
	remark.text = said.length == 0 ? "" : hitl_finish_text(run, &said);
	remark.length = said.length;
	remark.more = more.length == 0 ? NULL : hitl_finish_text(run, &more);
	if (run->result != HITL_OK)
		return;
	hitl_remember(run, position, state, &remark);
	state->next++;
}

/*
 * The call that is next has been run, by whoever does that.
 */
void
hitl_deliver_call(HitlRun *run, HitlPosition *position, const HitlAgent *agent,
				  HitlAgentRun *state, const HitlJson *body)
{
	const HitlJson *error = hitl_json_member(body, "error");
	const HitlTool *tool = NULL;
	HitlReply reply;
	HitlBuffer text;
	bool failed = false;

	if (state->next < state->ncalls)
		tool = hitl_find_tool(agent, state->calls[state->next].tool);
	if (tool == NULL)
	{
		hitl_stop(run, HITL_INVALID, tool_lost);
		return;
	}
	if (hitl_limit_of_call(tool) > 0)
		hitl_withdraw(run, position, run->token);
	hitl_buffer_init(&text, &run->scratch);
	if (tool->kind == HITL_TOOL_AGENT)
		failed = !hitl_write_child(&text, body);
	else if (error != NULL)
	{
		failed = true;
		(void) hitl_read_answer(&run->scratch, body, &reply);
		hitl_write_failure(&text, error, &reply);
	}
	else if (tool->kind == HITL_TOOL_HTTP)
		failed = !hitl_write_response(&text, tool, body);
	else
		write_result(&text, tool, hitl_json_member(body, "result"));
	if (text.length > 0)
		(void) hitl_finish_text(run, &text);
	if (run->result != HITL_OK)
		return;
	hitl_observe_call(run, position, agent, state,
					  text.length == 0 ? "" : text.data, text.length, failed);
	hitl_run_calls(run, position, agent, state);
}

/*
 * Append what a schema has against an instance, a line each; false if nothing.
 */
bool
hitl_list_violations(HitlRun *run, const char *schema, const char *instance,
					 HitlBuffer *text)
{
	HitlFaults faults = {0};
	HitlViolations violations = {0};
	HitlSchema *parsed = NULL;
	HitlResult result;
	int i;

	result = hitl_parse_schema(schema, run->host, &parsed, &faults);
	hitl_free_faults(&faults);
	if (result == HITL_OK)
		result = hitl_validate(parsed, instance, run->host, &violations);
	hitl_free_schema(parsed);
	for (i = 0; i < violations.count && i < MAX_LINES; i++)
		hitl_append_format(text, "\n%s: %s",
						   violations.items[i].pointer[0] == '\0'
							   ? "the whole"
							   : violations.items[i].pointer,
						   violations.items[i].message);
	hitl_free_violations(&violations);
	if (result != HITL_OK && result != HITL_INVALID)
		hitl_stop(run, result, NULL);
	return result != HITL_OK;
}

/*
 * Has a call of a turn this id?
 */
static bool
has_id(const HitlTurn *turn, const char *id)
{
	int i;

	for (i = 0; id != NULL && i < turn->ncalls; i++)
	{
		if (strcmp(turn->calls[i].id, id) == 0)
			return true;
	}
	return false;
}

/*
 * Can the call be made as it is?  If not, that is its result.
 */
static void
check_call(HitlRun *run, const HitlAgent *agent, HitlAgentCall *call,
		   const char *fault)
{
	const HitlTool *tool = hitl_find_tool(agent, call->tool);
	HitlBuffer text;

	if (call->arguments != NULL && tool != NULL)
	{
		call->observation = hitl_check_arguments(run, tool, call->arguments);
		if (call->observation == NULL && asks_people(tool))
			call->observation = hitl_check_question(run, agent, call);
		call->failed = call->observation != NULL;
		return;
	}
	hitl_buffer_init(&text, &run->control->arena);
	if (call->arguments == NULL)
		hitl_append_format(&text, "Error: the call cannot be read: %s.",
						   fault == NULL ? "it has no arguments" : fault);
	else
	{
		hitl_append_format(&text, "Error: there is no tool \"%s\".",
						   call->tool);
		list_tools(&text, agent);
	}
	call->observation = hitl_finish_text(run, &text);
	call->failed = true;
}

/*
 * Append the names of the tools that there are.
 */
static void
list_tools(HitlBuffer *text, const HitlAgent *agent)
{
	bool any = false;
	int i;

	for (i = 0; i < agent->ntools; i++)
	{
		if (agent->tools[i].kind == HITL_TOOL_CODE)
			continue;
		hitl_append_format(text, "%s %s",
						   any ? "," : " The tools are:", agent->tools[i].name);
		any = true;
	}
	hitl_append_text(text, any ? "." : " There are none.");
}

/*
 * Ask people about all calls that want it; false if that fails the step.
 */
static bool
ask_about_calls(HitlRun *run, HitlPosition *position, const HitlAgent *agent,
				HitlAgentRun *state)
{
	int i;

	for (i = state->next; i < state->ncalls && run->result == HITL_OK; i++)
	{
		HitlAgentCall *call = &state->calls[i];
		const HitlTool *tool = hitl_find_tool(agent, call->tool);
		HitlEffect *effect;

		/* Whatever was awaited before the step was entered is withdrawn. */
		call->token = 0;
		if (call->observation != NULL || call->approval != NULL || tool == NULL)
			continue;
		if (asks_people(tool))
			effect = has_arguments(run, tool, call)
				? hitl_pose_question(run, position, agent, call)
				: NULL;
		else if (hitl_needs_approval(run, state, call, tool))
			effect = hitl_pose_approval(run, position, agent, state, call);
		else
			continue;
		if (effect == NULL)
		{
			/* The step has failed; what was asked already is withdrawn. */
			for (i = state->next; i < state->ncalls; i++)
			{
				hitl_withdraw(run, position, state->calls[i].token);
				state->calls[i].token = 0;
			}
			return false;
		}
		call->token = hitl_next_token(run, hitl_branch_of(position));
		effect->token = call->token;
		position->since_us = run->now_us;
	}
	return run->result == HITL_OK;
}

/*
 * Has a call that was kept what the core itself reads of its arguments?
 */
static bool
has_arguments(HitlRun *run, const HitlTool *tool, const HitlAgentCall *call)
{
	if ((tool->kind == HITL_TOOL_BUILTIN || tool->kind == HITL_TOOL_CODE) &&
		hitl_check_arguments(run, tool, call->arguments) != NULL)
		hitl_stop(run, HITL_INVALID, argument_lost);
	return run->result == HITL_OK;
}

/*
 * Is a call of this tool nothing but a question to people?
 */
static bool
asks_people(const HitlTool *tool)
{
	return tool->kind == HITL_TOOL_BUILTIN &&
		(strcmp(tool->name, "ask_human") == 0 ||
		 strcmp(tool->name, "request_approval") == 0);
}

/*
 * Why people could not be asked.
 */
static const char *
describe_fault(HitlRun *run, const HitlJson *body)
{
	const HitlJson *error = hitl_json_member(body, "error");
	HitlBuffer text;

	hitl_buffer_init(&text, &run->control->arena);
	hitl_append_format(&text, "Error: %s",
					   hitl_json_member(error, "message")->text);
	return hitl_finish_text(run, &text);
}

/*
 * Does the position await a decision about a call?
 */
static bool
await_decisions(HitlPosition *position, HitlAgentRun *state)
{
	int i;

	if (position->state == HITL_AWAITS_APPROVAL &&
		hitl_awaited_call(state, position->token) != NULL)
		return true;
	for (i = state->next; i < state->ncalls; i++)
	{
		if (state->calls[i].token == 0)
			continue;
		position->state = HITL_AWAITS_APPROVAL;
		position->token = state->calls[i].token;
		return true;
	}
	return false;
}

/*
 * Run a built-in tool.
 */
static void
run_builtin(HitlRun *run, HitlPosition *position, const HitlAgent *agent,
			HitlAgentRun *state, const HitlAgentCall *call)
{
	const HitlJson *arguments = hitl_parse_kept(run, call->arguments);
	const char *fault = find_hindrance(position, call->tool);
	HitlBuffer answer;

	if (arguments == NULL)
		return;
	if (fault != NULL)
	{
		hitl_observe_call(run, position, agent, state, fault, strlen(fault),
						  true);
		hitl_run_calls(run, position, agent, state);
	}
	else if (strcmp(call->tool, "create_checkpoint") == 0)
		take_checkpoint(run, position, agent, state, arguments);
	else if (strcmp(call->tool, "rollback_to_checkpoint") == 0)
		roll_back(run, position, arguments);
	else if (strcmp(call->tool, HITL_FINAL_ANSWER) == 0)
	{
		hitl_buffer_init(&answer, &run->scratch);
		hitl_json_write(&answer, hitl_json_member(arguments, "answer"));
		if (hitl_finish_text(run, &answer) != NULL)
			hitl_offer_answer(run, position, agent, state, answer.data);
	}
	else
		hitl_stop(run, HITL_INVALID, tool_lost);
}

/*
 * Why a tool cannot be used at this place of the workflow, or NULL.
 */
static const char *
find_hindrance(const HitlPosition *position, const char *tool)
{
	bool takes = strcmp(tool, "create_checkpoint") == 0;

	if (!takes && strcmp(tool, "rollback_to_checkpoint") != 0)
		return NULL;
	if (hitl_is_in_undo(position->step))
		return "Error: the work is being taken back already.";
	if (takes && hitl_enclosing(position->step, &hitl_foreach_kind) != NULL)
		return "Error: a checkpoint is of the whole workflow, and cannot be "
			   "taken for each element.";
	return NULL;
}

/*
 * A checkpoint to which the agent can return, with its memory.
 */
static void
take_checkpoint(HitlRun *run, HitlPosition *position, const HitlAgent *agent,
				HitlAgentRun *state, const HitlJson *arguments)
{
	const HitlJson *name = hitl_json_member(arguments, "checkpoint_name");
	const HitlJson *about = hitl_json_member(arguments, "description");
	HitlBuffer text;
	HitlBuffer description;

	/* The result first: whoever returns here knows of the checkpoint. */
	hitl_buffer_init(&text, &run->scratch);
	hitl_append_format(&text, "Checkpoint %s was created.", name->text);
	hitl_buffer_init(&description, &run->scratch);
	if (about != NULL)
		hitl_json_write(&description, about);
	else
		hitl_append_text(&description, "null");
	if (hitl_finish_text(run, &text) == NULL ||
		hitl_finish_text(run, &description) == NULL)
		return;
	hitl_observe_call(run, position, agent, state, text.data, text.length,
					  false);

	/* Branches are kept as they are after the call, so it ends here. */
	position->state = HITL_READY;
	position->token = 0;
	position->since_us = run->now_us;
	hitl_pin_checkpoint(run,
						hitl_take_checkpoint(run, position,
											 hitl_copy_text(run->memory,
															name->text,
															name->length),
											 description.data));
}

/*
 * The host returns to a checkpoint, and the workflow goes on from there; if it
 * cannot, it replies why.
 */
static void
roll_back(HitlRun *run, HitlPosition *position, const HitlJson *arguments)
{
	const HitlJson *name = hitl_json_member(arguments, "checkpoint_name");
	const HitlJson *reason = hitl_json_member(arguments, "reason");
	HitlEffect *effect = hitl_emit(run, HITL_EFFECT_ROLLBACK,
								   hitl_copy_text(run->memory, name->text,
												  name->length),
								   position);
	HitlBuffer body;

	hitl_buffer_init(&body, run->memory);
	hitl_append_char(&body, '{');
	hitl_json_write_member(&body, "reason",
						   reason == NULL ? NULL : reason->text);
	hitl_append_text(&body, ",\"resume\":true}");
	effect->body = hitl_buffer_text(&body);
	hitl_await(run, position, HITL_AWAITS_REPLY, effect);
}

/*
 * Append what a function, code or a program outside has given.
 */
static void
write_result(HitlBuffer *text, const HitlTool *tool, const HitlJson *result)
{
	const HitlJson *value = result;

	if (tool->kind == HITL_TOOL_CODE)
		value = hitl_json_member(result, "text");
	else if (tool->kind == HITL_TOOL_SQL)
	{
		value = hitl_json_member(result, "rows");
		if (hitl_json_is_true(tool->object, "scalar") && value != NULL)
			value = hitl_json_member(value->first, "result");
	}
	if (value == NULL)
		hitl_append_text(text, "null");
	else if (value->type == HITL_JSON_STRING)
		hitl_append(text, value->text, value->length);
	else
		hitl_json_write(text, value);
}

/*
 * JSON that the control state keeps.
 */
const HitlJson *
hitl_parse_kept(HitlRun *run, const char *json)
{
	const HitlJson *value = NULL;
	HitlResult result = hitl_json_parse(&run->scratch, json, strlen(json),
										HITL_JSON_COMPOSED, &value, NULL);

	if (result == HITL_OK)
		return value;
	hitl_stop(run, result, "a call kept in the control state is no JSON");
	return NULL;
}

/*
 * What is wrong with the arguments of a call, or NULL.
 */
const char *
hitl_check_arguments(HitlRun *run, const HitlTool *tool, const char *arguments)
{
	bool is_code = tool->kind == HITL_TOOL_CODE;
	const char *schema = tool->parameters;
	HitlBuffer text;

	if (tool->kind == HITL_TOOL_BUILTIN)
		schema = hitl_find_builtin_tool(tool->name)->parameters;
	if (schema == NULL)
		return NULL;
	hitl_buffer_init(&text, &run->control->arena);
	hitl_append_format(&text, "Error: wrong arguments for %s:",
					   is_code ? "the SQL" : tool->name);
	if (!hitl_list_violations(run, schema, arguments, &text) &&
		!hitl_misleads(run, tool, arguments, &text))
		return NULL;
	hitl_append_text(&text, "\nMend the call and try again.");
	return hitl_finish_text(run, &text);
}
