/*
 * agent_state.c
 *		How far the run of an agent is, in the text of the control state.
 *
 * A state is never changed: a message makes a copy, so that a call that fails
 * leaves it as it was.  What is read may have been tampered with, so every
 * member is checked; in particular, nothing may pass for an approval that was
 * not given.
 */
#include "core/agent.h"

#include <string.h>

#define MAX_PARTS	1000
#define MAX_CALLS	1000
#define MAX_ALLOWED 1000

static const char *const phase_names[] = {"asks",	   "plans",	  "calls",
										  "checks",	   "exceeds", "waits",
										  "concludes", NULL};

static const char *const members[] = {"name",	 "version", "phase",
									  "rewinds", "memory",	"turn",
									  "planned", "limit",	"began_us",
									  "used",	 "granted", "calls",
									  "next",	 "said",	"answer",
									  "checked", "allowed", NULL};

static const char *const call_members[] = {"id",	 "tool",	 "arguments",
										   "edited", "feedback", "observation",
										   "failed", "approval", "token",
										   NULL};

static const char *keep(HitlArena *arena, const char *text);
static HitlAgentRun *copy_agent(HitlArena *arena, const HitlAgentRun *agent);
static void write_amounts(HitlBuffer *buffer, const char *key,
						  const double *amounts, int count);
static void write_call(HitlBuffer *buffer, const HitlAgentCall *call,
					   bool awaited);
static void write_json(HitlBuffer *buffer, const char *key, const char *json);
static bool read_memory(HitlControl *control, const HitlJson *array,
						const HitlPosition *position, HitlAgentRun *agent);
static bool read_amounts(const HitlJson *object, double *amounts, int count);
static bool read_calls(HitlControl *control, const HitlJson *array,
					   HitlAgentRun *agent);
static bool read_call(HitlControl *control, const HitlJson *object,
					  HitlAgentCall *call);
static bool read_allowed(HitlControl *control, const HitlJson *array,
						 HitlAgentRun *agent);
static bool read_string(HitlControl *control, const HitlJson *object,
						const char *key, const char **text);
static bool read_flag(const HitlJson *object, const char *key, bool *flag);
static bool read_json(HitlControl *control, const HitlJson *object,
					  const char *key, const char **json);
static bool may_await(const HitlAgentRun *agent, HitlPositionState state);
static const char *check_tokens(const HitlControl *control,
								const HitlPosition *position);

/*
 * A state of a position's run that may be changed, and is the position's from
 * now on.
 */
HitlAgentRun *
hitl_change_agent(HitlRun *run, HitlPosition *position)
{
	HitlAgentRun *copy;

	copy = copy_agent(&run->control->arena, position->agent);
	if (copy == NULL)
		hitl_stop(run, HITL_NO_MEMORY, NULL);
	else
		position->agent = copy;
	return copy;
}

/*
 * A copy with parts and calls of its own; texts are shared.
 */
static HitlAgentRun *
copy_agent(HitlArena *arena, const HitlAgentRun *agent)
{
	HitlAgentRun *copy = hitl_alloc(arena, sizeof(HitlAgentRun));

	if (copy == NULL)
		return NULL;
	*copy = *agent;

	/* Room for the part that a return to a checkpoint begins. */
	copy->parts = hitl_alloc(arena,
							 (agent->nparts + 1) * sizeof(HitlMemoryPart));
	copy->calls = hitl_alloc(arena,
							 (agent->ncalls + 1) * sizeof(HitlAgentCall));
	if (copy->parts == NULL || copy->calls == NULL)
		return NULL;
	if (agent->nparts > 0)
		memcpy(copy->parts, agent->parts,
			   agent->nparts * sizeof(HitlMemoryPart));
	if (agent->ncalls > 0)
		memcpy(copy->calls, agent->calls,
			   agent->ncalls * sizeof(HitlAgentCall));
	return copy;
}

/*
 * A copy with texts of its own, for another control state.
 */
const HitlAgentRun *
hitl_move_agent(HitlArena *arena, const HitlAgentRun *agent)
{
	HitlAgentRun *copy = copy_agent(arena, agent);
	const char **allowed;
	int i;

	allowed = hitl_alloc(arena, (agent->nallowed + 1) * sizeof(char *));
	if (copy == NULL || allowed == NULL)
		return NULL;
	copy->name = keep(arena, copy->name);
	copy->version = keep(arena, copy->version);
	copy->said = keep(arena, copy->said);
	copy->answer = keep(arena, copy->answer);
	for (i = 0; i < copy->ncalls; i++)
	{
		HitlAgentCall *call = &copy->calls[i];

		call->id = keep(arena, call->id);
		call->tool = keep(arena, call->tool);
		call->arguments = keep(arena, call->arguments);
		call->edited = keep(arena, call->edited);
		call->feedback = keep(arena, call->feedback);
		call->observation = keep(arena, call->observation);
		call->approval = keep(arena, call->approval);
	}
	for (i = 0; i < copy->nallowed; i++)
		allowed[i] = keep(arena, copy->allowed[i]);
	copy->allowed = allowed;
	return copy;
}

/*
 * A branch returns to a checkpoint within the run of an agent: what that has
 * used since, and what people granted it, is not taken back.  before: the
 * branch as it was until then.
 */
void
hitl_keep_usage(HitlRun *run, HitlBranch *branch, const HitlBranch *before)
{
	const HitlAgentRun *later = before->position.agent;
	HitlAgentRun *agent;
	int i;

	if (!branch->has_position || branch->position.agent == NULL ||
		!before->has_position || later == NULL ||
		later->parts[0].segment != branch->position.agent->parts[0].segment)
		return;
	agent = hitl_change_agent(run, &branch->position);
	if (agent == NULL)
		return;
	if (agent->turn < later->turn)
		agent->turn = later->turn;
	if (agent->began_us < later->began_us)
		agent->began_us = later->began_us;
	for (i = 0; i < HITL_RUN_LIMITS; i++)
	{
		if (agent->used[i] < later->used[i])
			agent->used[i] = later->used[i];
	}
	for (i = 0; i < HITL_LIMITS; i++)
	{
		if (agent->granted[i] < later->granted[i])
			agent->granted[i] = later->granted[i];
	}
}

/*
 * The call whose approval has this token, or NULL.
 */
HitlAgentCall *
hitl_awaited_call(const HitlAgentRun *agent, int64_t token)
{
	int i;

	for (i = 0; agent != NULL && i < agent->ncalls; i++)
	{
		if (token != 0 && agent->calls[i].token == token)
			return &agent->calls[i];
	}
	return NULL;
}

/*
 * Append the state of a position's run as its member "agent".
 */
void
hitl_write_agent(HitlBuffer *buffer, const HitlPosition *position)
{
	const HitlAgentRun *agent = position->agent;
	int i;

	hitl_append_text(buffer, ",\"agent\":{");
	hitl_json_write_member(buffer, "name", agent->name);
	hitl_json_write_member(buffer, "version", agent->version);
	hitl_json_write_member(buffer, "phase", phase_names[agent->phase]);
	if (agent->rewinds > 0)
		hitl_write_number(buffer, "rewinds", agent->rewinds);
	hitl_write_memory(buffer, agent);
	hitl_write_number(buffer, "turn", agent->turn);
	if (agent->planned > 0)
		hitl_write_number(buffer, "planned", agent->planned);
	if (agent->phase == HITL_AGENT_EXCEEDS || agent->phase == HITL_AGENT_WAITS)
		hitl_json_write_member(buffer, "limit", hitl_limit_names[agent->limit]);
	hitl_write_number(buffer, "began_us", agent->began_us);
	write_amounts(buffer, "used", agent->used, HITL_RUN_LIMITS);
	write_amounts(buffer, "granted", agent->granted, HITL_LIMITS);
	for (i = 0; i < agent->ncalls; i++)
	{
		hitl_append_text(buffer, i > 0 ? "," : ",\"calls\":[");
		write_call(buffer, &agent->calls[i],
				   position->state == HITL_AWAITS_APPROVAL);
	}
	if (agent->ncalls > 0)
	{
		hitl_append_char(buffer, ']');
		hitl_write_number(buffer, "next", agent->next);
	}
	if (agent->said != NULL)
		hitl_json_write_member(buffer, "said", agent->said);
	write_json(buffer, "answer", agent->answer);
	if (agent->checked > 0)
		hitl_write_number(buffer, "checked", agent->checked);
	for (i = 0; i < agent->nallowed; i++)
	{
		hitl_append_text(buffer, i > 0 ? "," : ",\"allowed\":[");
		hitl_json_write_string(buffer, agent->allowed[i],
							   strlen(agent->allowed[i]));
	}
	hitl_append_text(buffer, agent->nallowed > 0 ? "]}" : "}");
}

/*
 * Append where a run's memory is, as a member.
 */
void
hitl_write_memory(HitlBuffer *buffer, const HitlAgentRun *agent)
{
	int i;

	hitl_append_text(buffer, ",\"memory\":[");
	for (i = 0; i < agent->nparts; i++)
	{
		hitl_append_text(buffer, i > 0 ? ",[" : "[");
		hitl_append_integer(buffer, agent->parts[i].segment);
		hitl_append_char(buffer, ',');
		hitl_append_integer(buffer, agent->parts[i].count);
		hitl_append_char(buffer, ']');
	}
	hitl_append_char(buffer, ']');
}

/*
 * Read the member "agent" of a position; why it is refused, or NULL.
 */
const char *
hitl_read_agent(HitlControl *control, const HitlJson *object,
				HitlPosition *position)
{
	static const char *const faulty = "the agent of an active step is faulty";
	HitlAgentRun *agent;
	int phase;
	int limit = 0;

	if (object == NULL)
		return NULL;
	agent = hitl_alloc_zero(&control->arena, sizeof(HitlAgentRun));
	if (agent == NULL)
		return NULL;
	phase = hitl_find_name(hitl_json_member(object, "phase"), phase_names);
	if (hitl_json_member(object, "limit") != NULL)
		limit = hitl_find_name(hitl_json_member(object, "limit"),
							   hitl_limit_names);
	if (position->step->kind != &hitl_task_kind ||
		position->step->as.task.agent == NULL ||
		object->type != HITL_JSON_OBJECT ||
		!hitl_only_members(object, members) || phase < 0 || limit < 0 ||
		!read_string(control, object, "name", &agent->name) ||
		!read_string(control, object, "version", &agent->version) ||
		agent->name == NULL || agent->version == NULL ||
		!read_string(control, object, "said", &agent->said) ||
		!hitl_read_int(object, "rewinds", 0, 0, control->rewinds,
					   &agent->rewinds) ||
		!hitl_read_int(object, "turn", -1, 0, INT32_MAX / 2, &agent->turn) ||
		!hitl_read_int(object, "planned", 0, 0, agent->turn + 1,
					   &agent->planned) ||
		!hitl_read_int(object, "checked", 0, 0, INT32_MAX / 2,
					   &agent->checked) ||
		!hitl_read_count(object, "began_us", INT64_MIN, INT64_MIN + 1,
						 INT64_MAX, &agent->began_us) ||
		!read_memory(control, hitl_json_member(object, "memory"), position,
					 agent) ||
		!read_amounts(hitl_json_member(object, "used"), agent->used,
					  HITL_RUN_LIMITS) ||
		!read_amounts(hitl_json_member(object, "granted"), agent->granted,
					  HITL_LIMITS) ||
		!read_calls(control, hitl_json_member(object, "calls"), agent) ||
		!hitl_read_int(object, "next", 0, 0, agent->ncalls, &agent->next) ||
		!read_json(control, object, "answer", &agent->answer) ||
		!read_allowed(control, hitl_json_member(object, "allowed"), agent))
		return faulty;
	agent->phase = (HitlAgentPhase) phase;
	agent->limit = limit;
	position->agent = agent;
	if ((agent->phase == HITL_AGENT_CHECKS) != (agent->answer != NULL))
		return faulty;
	if (!may_await(agent, position->state))
		return "what an active step awaits does not fit its agent";
	return check_tokens(control, position);
}

/*
 * A copy of a text, or NULL.
 */
static const char *
keep(HitlArena *arena, const char *text)
{
	return text == NULL ? NULL : hitl_copy_text(arena, text, strlen(text));
}

/*
 * Append amounts, those that are not 0.
 */
static void
write_amounts(HitlBuffer *buffer, const char *key, const double *amounts,
			  int count)
{
	bool any = false;
	int i;

	for (i = 0; i < count; i++)
	{
		if (amounts[i] == 0)
			continue;
		if (any)
			hitl_append_char(buffer, ',');
		else
			hitl_append_format(buffer, ",\"%s\":{", key);
		hitl_append_format(buffer, "\"%s\":%.17g", hitl_limit_names[i],
						   amounts[i]);
		any = true;
	}
	if (any)
		hitl_append_char(buffer, '}');
}

/*
 * Append a call.  A token means something only while it is awaited.
 */
static void
write_call(HitlBuffer *buffer, const HitlAgentCall *call, bool awaited)
{
	hitl_append_char(buffer, '{');
	hitl_json_write_member(buffer, "id", call->id);
	hitl_json_write_member(buffer, "tool", call->tool);
	write_json(buffer, "arguments", call->arguments);
	write_json(buffer, "edited", call->edited);
	if (call->feedback != NULL)
		hitl_json_write_member(buffer, "feedback", call->feedback);
	if (call->observation != NULL)
		hitl_json_write_member(buffer, "observation", call->observation);
	if (call->failed)
		hitl_append_text(buffer, ",\"failed\":true");
	if (call->approval != NULL)
		hitl_json_write_member(buffer, "approval", call->approval);
	if (call->token != 0 && awaited)
		hitl_write_number(buffer, "token", call->token);
	hitl_append_char(buffer, '}');
}

/*
 * Append a member that is kept as JSON text, if there is one.
 */
static void
write_json(HitlBuffer *buffer, const char *key, const char *json)
{
	if (json == NULL)
		return;
	hitl_json_write_key(buffer, key);
	hitl_append_text(buffer, json);
}

/*
 * Read the parts of the memory; segments are tokens that were given out.
 */
static bool
read_memory(HitlControl *control, const HitlJson *array,
			const HitlPosition *position, HitlAgentRun *agent)
{
	const HitlBranch *branch = hitl_branch_of(position);
	const HitlJson *element;

	if (array == NULL || array->type != HITL_JSON_ARRAY || array->count == 0 ||
		array->count > MAX_PARTS)
		return false;
	agent->parts = hitl_alloc(&control->arena,
							  array->count * sizeof(HitlMemoryPart));
	if (agent->parts == NULL)
		return true;
	for (element = array->first; element != NULL; element = element->next)
	{
		HitlMemoryPart *part = &agent->parts[agent->nparts++];
		int64_t count;

		if (element->type != HITL_JSON_ARRAY || element->count != 2 ||
			!hitl_json_integer(element->first, &part->segment) ||
			!hitl_is_token_of(control, branch, part->segment) ||
			!hitl_json_integer(element->first->next, &count) || count < 0 ||
			count > INT32_MAX / 2)
			return false;
		part->count = (int) count;
	}
	return true;
}

/*
 * Read amounts.
 */
static bool
read_amounts(const HitlJson *object, double *amounts, int count)
{
	int i;

	if (object == NULL)
		return true;
	if (object->type != HITL_JSON_OBJECT ||
		!hitl_only_members(object, hitl_limit_names))
		return false;
	for (i = 0; i < HITL_LIMITS; i++)
	{
		const HitlJson *member = hitl_json_member(object, hitl_limit_names[i]);

		if (member != NULL &&
			(i >= count || !hitl_json_number(member, &amounts[i]) ||
			 !(amounts[i] >= 0)))
			return false;
	}
	return true;
}

/*
 * Read the calls.
 */
static bool
read_calls(HitlControl *control, const HitlJson *array, HitlAgentRun *agent)
{
	const HitlJson *element;

	if (array == NULL)
		return true;
	if (array->type != HITL_JSON_ARRAY || array->count == 0 ||
		array->count > MAX_CALLS)
		return false;
	agent->calls = hitl_alloc_zero(&control->arena,
								   array->count * sizeof(HitlAgentCall));
	if (agent->calls == NULL)
		return true;
	for (element = array->first; element != NULL; element = element->next)
	{
		if (!read_call(control, element, &agent->calls[agent->ncalls++]))
			return false;
	}
	return true;
}

/*
 * Read a call.  What people have not let run, or made of it, must not look so.
 */
static bool
read_call(HitlControl *control, const HitlJson *object, HitlAgentCall *call)
{
	const HitlJson *arguments = hitl_json_member(object, "arguments");
	bool has_object = arguments != NULL && arguments->type == HITL_JSON_OBJECT;
	bool done = hitl_json_member(object, "observation") != NULL;

	return object->type == HITL_JSON_OBJECT &&
		hitl_only_members(object, call_members) &&
		read_string(control, object, "id", &call->id) && call->id != NULL &&
		read_string(control, object, "tool", &call->tool) &&
		call->tool != NULL &&
		read_json(control, object, "arguments", &call->arguments) &&
		read_json(control, object, "edited", &call->edited) &&
		read_string(control, object, "feedback", &call->feedback) &&
		read_string(control, object, "observation", &call->observation) &&
		read_flag(object, "failed", &call->failed) &&
		read_string(control, object, "approval", &call->approval) &&
		hitl_read_count(object, "token", 0, 0, INT64_MAX, &call->token) &&
		(has_object || done) && (done || !call->failed) &&
		(arguments != NULL || call->approval == NULL) &&
		(call->approval != NULL ||
		 (call->edited == NULL && call->feedback == NULL)) &&
		(call->token == 0 || (!done && call->approval == NULL));
}

/*
 * Read the names of tools that need no approval any more.
 */
static bool
read_allowed(HitlControl *control, const HitlJson *array, HitlAgentRun *agent)
{
	const HitlJson *element;
	const char **names;

	if (array == NULL)
		return true;
	if (array->type != HITL_JSON_ARRAY || array->count > MAX_ALLOWED)
		return false;
	names = hitl_alloc(&control->arena, (array->count + 1) * sizeof(char *));
	if (names == NULL)
		return true;
	for (element = array->first; element != NULL; element = element->next)
	{
		if (element->type != HITL_JSON_STRING)
			return false;
		names[agent->nallowed++] = hitl_copy_text(&control->arena,
												  element->text,
												  element->length);
	}
	agent->allowed = names;
	return true;
}

/*
 * Read a member that is a text.
 */
static bool
read_string(HitlControl *control, const HitlJson *object, const char *key,
			const char **text)
{
	const HitlJson *member = hitl_json_member(object, key);

	if (member == NULL)
		return true;
	if (member->type != HITL_JSON_STRING)
		return false;
	*text = hitl_copy_text(&control->arena, member->text, member->length);
	return true;
}

/*
 * Read a member that is true, or not there.
 */
static bool
read_flag(const HitlJson *object, const char *key, bool *flag)
{
	const HitlJson *member = hitl_json_member(object, key);

	*flag = member != NULL;
	return member == NULL || member->type == HITL_JSON_TRUE;
}

/*
 * Read a member that is kept as JSON text.
 */
static bool
read_json(HitlControl *control, const HitlJson *object, const char *key,
		  const char **json)
{
	const HitlJson *member = hitl_json_member(object, key);

	if (member != NULL)
		*json = hitl_json_text(&control->arena, member);
	return true;
}

/*
 * Can a run that is in its phase await this?
 */
static bool
may_await(const HitlAgentRun *agent, HitlPositionState state)
{
	switch (state)
	{
		case HITL_AWAITS_APPROVAL:
			return agent->phase == HITL_AGENT_CALLS ||
				agent->phase == HITL_AGENT_EXCEEDS;
		case HITL_AWAITS_REPLY:
			return agent->phase == HITL_AGENT_CALLS
				? agent->next < agent->ncalls
				: agent->phase != HITL_AGENT_EXCEEDS &&
					agent->phase != HITL_AGENT_WAITS;
		case HITL_AWAITS_TIMER:
			return agent->phase == HITL_AGENT_WAITS;
		case HITL_AWAITS_CHILD:
			return agent->phase == HITL_AGENT_CALLS &&
				agent->next < agent->ncalls;
		default:
			return true;
	}
}

/*
 * The tokens of approvals that are awaited: each once, one of them that of the
 * position, and none at another time.
 */
static const char *
check_tokens(const HitlControl *control, const HitlPosition *position)
{
	static const char
		*const faulty = "the tokens of an agent's calls are faulty";
	const HitlAgentRun *agent = position->agent;
	bool awaits = position->state == HITL_AWAITS_APPROVAL &&
		agent->phase == HITL_AGENT_CALLS;
	bool found = false;
	int i;

	for (i = 0; i < agent->ncalls; i++)
	{
		int64_t token = agent->calls[i].token;
		int j;

		if (token == 0)
			continue;
		if (!awaits || i < agent->next ||
			!hitl_is_token_of(control, hitl_branch_of(position), token))
			return faulty;
		for (j = 0; j < i; j++)
		{
			if (agent->calls[j].token == token)
				return faulty;
		}
		found |= token == position->token;
	}
	return awaits && !found ? faulty : NULL;
}
