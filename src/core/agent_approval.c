/*
 * agent_approval.c
 *		What people are asked about the calls of an agent, and what follows from
 *		their answers.
 */
#include "core/agent.h"
#include "core/schema.h"

#include <string.h>

static const char *strict_path(HitlRun *run, const char *path);
static const char *write_wishes(HitlRun *run, const HitlAgent *agent,
								const char *tool, const HitlJson *arguments);
static const char *shown_tool(const HitlAgentCall *call);
static void edit_call(HitlRun *run, const HitlTool *tool, HitlAgentCall *call,
					  const HitlJson *context);
static bool are_equal(HitlRun *run, const char *one, const char *other);
static void ignore_twice(void *context, const HitlPlace *place);
static void allow_tool(HitlRun *run, HitlAgentRun *state, const char *tool);

/*
 * Must people approve a call?  Where the path does not say, they must.
 */
bool
hitl_needs_approval(HitlRun *run, const HitlAgentRun *state,
					const HitlAgentCall *call, const HitlTool *tool)
{
	const char *text = NULL;
	const char *path;
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
	path = strict_path(run, tool->when);
	if (path == NULL)
		return true;
	switch (
		run->host->test_path(run->host->context, call->arguments, path, &text))
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
 * A path in strict mode, unless it names its mode, in whatever way: then it
 * cannot be given one.  Of an argument that is left out, a lax path says that
 * the predicate does not hold.
 */
static const char *
strict_path(HitlRun *run, const char *path)
{
	const char *strict;
	const char *fault;
	HitlBuffer text;

	hitl_buffer_init(&text, &run->scratch);
	hitl_append_text(&text, "strict ");
	hitl_append_text(&text, path);
	strict = hitl_finish_text(run, &text);
	if (strict == NULL || run->host->check_path == NULL)
		return strict;
	switch (run->host->check_path(run->host->context, strict, &fault))
	{
		case HITL_QUERY_FAULTY:
			return path;
		case HITL_QUERY_HOST_FAILED:
			hitl_stop(run, HITL_HOST_FAILED, NULL);
			return NULL;
		default:
			return strict;
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
	HitlBuffer title;

	hitl_buffer_init(&title, &run->scratch);
	hitl_append_format(&title, "Agent %s wants to %s", agent->name,
					   is_code ? "run SQL" : "call ");
	if (!is_code)
		hitl_append_text(&title, call->tool);
	hitl_buffer_init(&context, &run->scratch);
	hitl_append_text(&context, "\"agent\":");
	hitl_json_write_string(&context, agent->name, strlen(agent->name));
	hitl_json_write_member(&context, "tool", shown_tool(call));
	hitl_append_text(&context, ",\"arguments\":");
	hitl_append_text(&context, call->arguments);
	hitl_json_write_member(&context, "reason", state->said);
	return hitl_pose(run, position, agent, hitl_finish_text(run, &title), NULL,
					 form, hitl_finish_text(run, &context));
}

/*
 * Why people cannot be asked as a call wants it, or NULL.
 */
const char *
hitl_check_question(HitlRun *run, const HitlAgent *agent,
					const HitlAgentCall *call)
{
	HitlFaults faults = {0};
	HitlParse parse = {&run->scratch, run->host, &faults, false, HITL_OK, NULL};
	const HitlJson *arguments = hitl_parse_kept(run, call->arguments);
	const char *wishes = write_wishes(run, agent, call->tool, arguments);
	const char *fault = NULL;
	HitlBuffer text;

	if (wishes == NULL)
		return NULL;
	(void) hitl_question_terms(&parse, agent->approval, wishes);
	if (parse.result != HITL_OK)
		hitl_stop(run, parse.result, NULL);
	else if (parse.faulty)
	{
		hitl_buffer_init(&text, &run->control->arena);
		hitl_append_format(&text, "Error: people cannot be asked so: %s.",
						   faults.count > 0 ? faults.items[0].message
											: "it is faulty");
		fault = hitl_finish_text(run, &text);
	}
	hitl_free_faults(&faults);
	return fault;
}

/*
 * What the tool of a call is called before people.
 */
static const char *
shown_tool(const HitlAgentCall *call)
{
	return strcmp(call->tool, HITL_CODE_TOOL) == 0 ? "sql" : call->tool;
}

/*
 * Ask what the agent wants to know.
 */
HitlEffect *
hitl_pose_question(HitlRun *run, HitlPosition *position, const HitlAgent *agent,
				   const HitlAgentCall *call)
{
	bool is_free = strcmp(call->tool, "ask_human") == 0;
	const HitlJson *arguments = hitl_parse_kept(run, call->arguments);
	const HitlJson *title = hitl_json_member(arguments,
											 is_free ? "question" : "title");
	const HitlJson *description = hitl_json_member(arguments, "description");
	const HitlJson *data = hitl_json_member(arguments, "context_data");
	const HitlJson *member;
	HitlBuffer about;
	HitlBuffer context;

	if (title == NULL)
		return NULL;

	/* A title is cut where it is too long. */
	if (is_free &&
		hitl_utf8_cut(title->text, title->length, HITL_MAX_TITLE) <
			title->length)
		description = title;
	hitl_buffer_init(&about, &run->scratch);
	if (description != NULL)
		hitl_json_write(&about, description);
	else
		hitl_append_text(&about, "null");

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
					 hitl_finish_text(run, &about),
					 write_wishes(run, agent, call->tool, arguments),
					 hitl_finish_text(run, &context));
}

/*
 * The call may be run, perhaps with other arguments.
 */
void
hitl_approve_call(HitlRun *run, const HitlTool *tool, HitlAgentRun *state,
				  HitlAgentCall *call, const HitlJson *body)
{
	const HitlJson *id = hitl_json_member(body, "approval_id");
	const HitlJson *context = hitl_json_member(body, "context_data");
	const HitlJson *answer = hitl_json_member(body, "response_data");
	const char *feedback = hitl_text_at(body, "feedback");

	call->approval = hitl_keep_text(run,
									id == NULL || id->type != HITL_JSON_STRING
										? ""
										: id->text);
	if (feedback != NULL)
		call->feedback = hitl_keep_text(run, feedback);
	if (hitl_json_is_true(answer, "always"))
		allow_tool(run, state, call->tool);

	/* It comes with what was approved if that is not what was asked. */
	if (context != NULL || hitl_json_stated(body, "edits") != NULL)
		edit_call(run, tool, call, context);
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
	return hitl_finish_text(run, &text);
}

/*
 * Why a call is not run, or a question has no answer.
 */
const char *
hitl_describe_refusal(HitlRun *run, const HitlJson *body)
{
	const HitlJson *outcome = hitl_json_member(body, "outcome");
	const HitlJson *approver = hitl_json_member(body, "approver_id");
	const char *feedback = hitl_text_at(body, "feedback");
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
	if (feedback != NULL)
		hitl_append_format(&text, " %s", feedback);
	return hitl_finish_text(run, &text);
}

/*
 * The terms of a question as the model wants them.  It may ask others than the
 * settings say, but not get around those who must approve by them.
 */
static const char *
write_wishes(HitlRun *run, const HitlAgent *agent, const char *tool,
			 const HitlJson *arguments)
{
	static const char *const answer_form =
		"\"type\":\"form\",\"form_fields\":[{\"name\":\"answer\",\"type\":"
		"\"textarea\",\"title\":\"Answer\",\"required\":true}]";
	const HitlJson *hours = hitl_json_member(arguments, "timeout_hours");
	const HitlJson *approver = hitl_json_member(arguments, "required_approver");
	const HitlJson *people = hitl_json_member(arguments, "requested_from");
	bool has_policy = hitl_json_stated(agent->approval, "policy") != NULL;
	HitlBuffer terms;

	hitl_buffer_init(&terms, &run->scratch);
	hitl_append_text(&terms,
					 strcmp(tool, "ask_human") == 0 ? answer_form
													: "\"type\":\"binary\"");
	if (approver != NULL && !has_policy &&
		hitl_json_stated(agent->approval, "required_approvers") == NULL)
	{
		hitl_append_text(&terms, ",\"required_approvers\":[");
		hitl_json_write(&terms, approver);
		hitl_append_char(&terms, ']');
	}
	if (people != NULL && people->count > 0 && !has_policy)
	{
		hitl_append_text(&terms, ",\"requested_from\":");
		hitl_json_write(&terms, people);
	}
	if (hours != NULL)
	{
		hitl_append_text(&terms, ",\"timeout_hours\":");
		hitl_json_write(&terms, hours);
	}
	return hitl_finish_text(run, &terms);
}

/*
 * What was approved may differ from the call that the model wanted: that is
 * what runs, or nothing.
 */
static void
edit_call(HitlRun *run, const HitlTool *tool, HitlAgentCall *call,
		  const HitlJson *context)
{
	const HitlJson *arguments = hitl_json_member(context, "arguments");
	const HitlJson *name = hitl_json_member(context, "tool");
	const char *edited;
	HitlBuffer text;

	if (context != NULL &&
		(name == NULL || name->type != HITL_JSON_STRING ||
		 strcmp(name->text, shown_tool(call)) != 0))
	{
		call->observation =
			"Not run: whoever approved it has changed the tool.";
		call->failed = true;
		return;
	}
	hitl_buffer_init(&text, &run->control->arena);
	if (arguments != NULL)
		hitl_json_write(&text, arguments);
	else
		hitl_append_text(&text, "null");
	edited = hitl_finish_text(run, &text);
	if (edited == NULL || are_equal(run, edited, call->arguments))
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
 * Are two JSON texts the same value?  What people were shown comes back with
 * its members in another order.
 */
static bool
are_equal(HitlRun *run, const char *one, const char *other)
{
	HitlJson *first = (HitlJson *) hitl_parse_kept(run, one);
	HitlJson *second = (HitlJson *) hitl_parse_kept(run, other);
	int64_t budget = INT64_MAX;

	if (first == NULL || second == NULL)
		return true;
	(void) hitl_sort_members(first, NULL, ignore_twice, NULL);
	(void) hitl_sort_members(second, NULL, ignore_twice, NULL);
	return hitl_compare_values(first, second, &budget) == 0;
}

/*
 * A member that an object has twice is none of the concerns here.
 */
static void
ignore_twice(void *context HITL_UNUSED, const HitlPlace *place HITL_UNUSED)
{
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
