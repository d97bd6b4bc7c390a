/*
 * agent_approval.c
 *		What people are asked about the calls of an agent, and what follows from
 *		their answers.
 */
#include "core/agent.h"

#include <stdio.h>
#include <string.h>

static void edit_call(HitlRun *run, const HitlTool *tool, HitlAgentCall *call,
					  const HitlJson *arguments);
static void allow_tool(HitlRun *run, HitlAgentRun *state, const char *tool);

/*
 * Must people approve a call?  Where the path does not say, they must.
 */
bool
hitl_needs_approval(HitlRun *run, const HitlAgentRun *state,
					const HitlAgentCall *call, const HitlTool *tool)
{
	const char *text = NULL;
	int i;

	if (tool->approval == HITL_TOOL_NEVER)
		return false;
	for (i = 0; i < state->nallowed; i++)
	{
		if (strcmp(state->allowed[i], call->tool) == 0)
			return false;
	}
	if (tool->approval == HITL_TOOL_ALWAYS)
		return true;
	if (run->host->test_path == NULL)
	{
		hitl_stop(run, HITL_HOST_FAILED, NULL);
		return true;
	}
	switch (run->host->test_path(run->host->context, call->arguments,
								 tool->when, &text))
	{
		case HITL_QUERY_HOST_FAILED:
			hitl_stop(run, HITL_HOST_FAILED, NULL);
			return true;
		case HITL_QUERY_FOUND:
			return text == NULL || strcmp(text, "false") != 0;
		default:
			return true;
	}
}

/*
 * Ask whether a call may be run.
 */
HitlEffect *
hitl_pose_approval(HitlRun *run, HitlPosition *position, const HitlAgent *agent,
				   const HitlAgentRun *state, const HitlAgentCall *call)
{
	static const char *const form =
		"\"type\":\"form\",\"form_fields\":[{\"name\":\"always\",\"type\":"
		"\"boolean\",\"title\":\"Allow this tool for the rest of the run\"}]";
	bool is_code = strcmp(call->tool, HITL_CODE_TOOL) == 0;
	HitlBuffer context;
	char title[300];

	if (is_code)
		snprintf(title, sizeof(title), "Agent %.150s wants to run SQL",
				 agent->name);
	else
		snprintf(title, sizeof(title), "Agent %.150s wants to call %.100s",
				 agent->name, call->tool);
	hitl_buffer_init(&context, &run->scratch);
	hitl_append_text(&context, "\"agent\":");
	hitl_json_write_string(&context, agent->name, strlen(agent->name));
	hitl_json_write_member(&context, "tool", is_code ? "sql" : call->tool);
	hitl_append_text(&context, ",\"arguments\":");
	hitl_append_text(&context, call->arguments);
	hitl_json_write_member(&context, "reason", state->said);
	return hitl_pose(run, position, agent, title, NULL, form,
					 hitl_keep_buffer(run, &context));
}

/*
 * Ask what the agent wants to know.
 */
HitlEffect *
hitl_pose_question(HitlRun *run, HitlPosition *position, const HitlAgent *agent,
				   const HitlAgentCall *call)
{
	static const char *const answer_form =
		"\"type\":\"form\",\"form_fields\":[{\"name\":\"answer\",\"type\":"
		"\"textarea\",\"title\":\"Answer\",\"required\":true}]";
	bool is_free = strcmp(call->tool, "ask_human") == 0;
	const HitlJson *arguments = hitl_parse_kept(run, call->arguments);
	const HitlJson *title = hitl_json_member(arguments,
											 is_free ? "question" : "title");
	const HitlJson *description = hitl_json_member(arguments, "description");
	const HitlJson *data = hitl_json_member(arguments, "context_data");
	const HitlJson *hours = hitl_json_member(arguments, "timeout_hours");
	const HitlJson *approver = hitl_json_member(arguments, "required_approver");
	const HitlJson *people = hitl_json_member(arguments, "requested_from");
	const HitlJson *member;
	HitlBuffer about;
	HitlBuffer more;
	HitlBuffer context;

	if (title == NULL)
	{
		hitl_stop(run, HITL_INVALID,
				  "a question kept in the control state has no title");
		return NULL;
	}
	hitl_buffer_init(&about, &run->scratch);
	if (description != NULL)
		hitl_json_write(&about, description);
	else
		hitl_append_text(&about, "null");

	hitl_buffer_init(&more, &run->scratch);
	hitl_append_text(&more, is_free ? answer_form : "\"type\":\"binary\"");
	if (approver != NULL)
	{
		hitl_append_text(&more, ",\"required_approvers\":[");
		hitl_json_write(&more, approver);
		hitl_append_char(&more, ']');
	}
	if (people != NULL && people->count > 0)
	{
		hitl_append_text(&more, ",\"requested_from\":");
		hitl_json_write(&more, people);
	}
	if (hours != NULL)
	{
		hitl_append_text(&more, ",\"timeout_hours\":");
		hitl_json_write(&more, hours);
	}

	hitl_buffer_init(&context, &run->scratch);
	hitl_append_text(&context, "\"agent\":");
	hitl_json_write_string(&context, agent->name, strlen(agent->name));
	for (member = data == NULL ? NULL : data->first; member != NULL;
		 member = member->next)
	{
		if (strcmp(member->key, "agent") == 0)
			continue;
		hitl_json_write_key(&context, member->key);
		hitl_json_write(&context, member);
	}
	return hitl_pose(run, position, agent, title->text,
					 hitl_keep_buffer(run, &about),
					 hitl_keep_buffer(run, &more),
					 hitl_keep_buffer(run, &context));
}

/*
 * The call may be run, perhaps with other arguments.
 */
void
hitl_approve_call(HitlRun *run, const HitlTool *tool, HitlAgentRun *state,
				  HitlAgentCall *call, const HitlJson *body)
{
	const HitlJson *id = hitl_json_member(body, "approval_id");
	const HitlJson *edits = hitl_json_member(body, "edits");
	const HitlJson *context = hitl_json_member(body, "context_data");
	const HitlJson *answer = hitl_json_member(body, "response_data");
	const HitlJson *always = hitl_json_member(answer, "always");

	call->approval = hitl_keep_text(run,
									id == NULL || id->type != HITL_JSON_STRING
										? ""
										: id->text);
	if (always != NULL && always->type == HITL_JSON_TRUE)
		allow_tool(run, state, call->tool);
	if (edits != NULL && edits->type != HITL_JSON_NULL)
		edit_call(run, tool, call, hitl_json_member(context, "arguments"));
}

/*
 * What people have answered, as the result of the call that asked.
 */
const char *
hitl_describe_answer(HitlRun *run, const HitlTool *tool, const HitlJson *body)
{
	const HitlJson *data = hitl_json_member(body, "response_data");
	const HitlJson *answer = hitl_json_member(data, "answer");
	const HitlJson *feedback = hitl_json_member(body, "feedback");
	HitlBuffer text;

	if (strcmp(tool->name, "request_approval") == 0)
	{
		const char *decision = hitl_write_decision(run, body, "outcome");

		return decision == NULL ? NULL : hitl_keep_text(run, decision);
	}
	if (!hitl_is_approved(body))
		return hitl_describe_refusal(run, body);
	hitl_buffer_init(&text, &run->control->arena);
	if (answer != NULL && answer->type == HITL_JSON_STRING)
		hitl_append(&text, answer->text, answer->length);
	if (feedback != NULL && feedback->type == HITL_JSON_STRING)
	{
		if (text.length > 0)
			hitl_append_char(&text, '\n');
		hitl_append(&text, feedback->text, feedback->length);
	}
	if (text.length == 0)
		hitl_append_text(&text, "Yes.");
	return hitl_keep_buffer(run, &text);
}

/*
 * Why a call is not run, or a question has no answer.
 */
const char *
hitl_describe_refusal(HitlRun *run, const HitlJson *body)
{
	const HitlJson *outcome = hitl_json_member(body, "outcome");
	const HitlJson *approver = hitl_json_member(body, "approver_id");
	const HitlJson *feedback = hitl_json_member(body, "feedback");
	HitlBuffer text;

	hitl_buffer_init(&text, &run->control->arena);
	if (strcmp(outcome->text, "expired") == 0)
		hitl_append_text(&text, "Not run: nobody decided in time.");
	else if (strcmp(outcome->text, "cancelled") == 0)
		hitl_append_text(&text, "Not run: the request was withdrawn.");
	else if (approver != NULL && approver->type == HITL_JSON_STRING)
		hitl_append_format(&text, "Not run: refused by %s.", approver->text);
	else
		hitl_append_text(&text, "Not run: refused.");
	if (feedback != NULL && feedback->type == HITL_JSON_STRING &&
		feedback->length > 0)
		hitl_append_format(&text, " %s", feedback->text);
	return hitl_keep_buffer(run, &text);
}

/*
 * Whoever approved a call has changed what it is to do.
 */
static void
edit_call(HitlRun *run, const HitlTool *tool, HitlAgentCall *call,
		  const HitlJson *arguments)
{
	const char *edited;
	HitlBuffer text;

	hitl_buffer_init(&text, &run->control->arena);
	if (arguments != NULL)
		hitl_json_write(&text, arguments);
	else
		hitl_append_text(&text, "null");
	edited = hitl_keep_buffer(run, &text);
	if (edited == NULL || strcmp(edited, call->arguments) == 0)
		return;
	call->edited = call->arguments;
	call->arguments = edited;
	call->observation = hitl_check_arguments(run, tool, edited);
	if (call->observation == NULL && edited[0] != '{')
		call->observation =
			"Error: whoever approved the call has left it no arguments.";
	call->failed = call->observation != NULL;
}

/*
 * From now on a tool needs no approval in this run.
 */
static void
allow_tool(HitlRun *run, HitlAgentRun *state, const char *tool)
{
	const char **names;
	int i;

	for (i = 0; i < state->nallowed; i++)
	{
		if (strcmp(state->allowed[i], tool) == 0)
			return;
	}
	names = hitl_alloc(&run->control->arena,
					   (state->nallowed + 1) * sizeof(char *));
	if (names == NULL)
	{
		hitl_stop(run, HITL_NO_MEMORY, NULL);
		return;
	}
	if (state->nallowed > 0)
		memcpy(names, state->allowed, state->nallowed * sizeof(char *));
	names[state->nallowed++] = tool;
	state->allowed = names;
}
