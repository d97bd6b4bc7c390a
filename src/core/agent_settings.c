/*
 * agent_settings.c
 *		What an agent is: the document that the host keeps of it.
 *
 * docs/reference/agents.md describes it.  A member that is null counts as not
 * stated.
 */
#include "core/agent.h"
#include "core/schema.h"

#include <stdio.h>
#include <string.h>

#define MAX_STEPS			1000
#define DEFAULT_STEPS		20
#define MAX_LIMIT			1e15
#define MAX_OBSERVATION		1000000 /* characters */
#define DEFAULT_OBSERVATION 20000
#define MAX_TOOLS			500

/* But for code. */
static const char *const kind_names[] = {"sql",	  "http",	 "external",
										 "agent", "builtin", NULL};

static const char *const approval_members[] = {"requested_from",
											   "required_approvers",
											   "approval_threshold",
											   "timeout_hours",
											   "channels",
											   "policy",
											   NULL};

/* What an approver may make of code. */
static const char *const code_parameters =
	"{\"type\":\"object\",\"properties\":{\"sql\":{\"type\":\"string\",\"minLength\":1}},"
	"\"required\":[\"sql\"],\"additionalProperties\":false}";

static const char *stated_text(HitlParse *parse, const HitlPlace *place,
							   const HitlJson *object, const char *key);
static int stated_count(HitlParse *parse, const HitlPlace *place,
						const HitlJson *object, const char *key, int otherwise,
						int low, int high);
static void read_limits(HitlParse *parse, const HitlJson *document,
						HitlAgent *agent);
static void read_approval(HitlParse *parse, const HitlJson *document,
						  HitlAgent *agent);
static void read_answer(HitlParse *parse, const HitlJson *document,
						HitlAgent *agent);
static void read_tools(HitlParse *parse, const HitlJson *document,
					   HitlAgent *agent);
static void read_tool(HitlParse *parse, const HitlPlace *place,
					  const HitlJson *object, HitlTool *tool);
static void read_tool_kind(HitlParse *parse, const HitlPlace *place,
						   const HitlJson *object, HitlTool *tool);
static void read_tool_approval(HitlParse *parse, const HitlPlace *place,
							   const HitlJson *object, HitlTool *tool);
static void check_arguments(HitlParse *parse, const HitlPlace *place,
							const HitlJson *object);
static void check_tool_name(HitlParse *parse, const HitlPlace *place,
							const char *name);

/*
 * Check the settings of an agent: all that is wrong with them.
 */
HitlResult
hitl_check_agent(const char *json, const HitlHost *host, HitlFaults *faults)
{
	HitlArena arena;
	HitlParse parse = {&arena, host, faults, false, HITL_OK, NULL};
	const HitlJson *document;
	HitlAgent agent;
	int i;

	hitl_arena_init(&arena);
	document = hitl_read_document(&parse, &arena, NULL, json);
	if (document != NULL)
		hitl_read_settings(&parse, document, &agent);
	if (document != NULL && !parse.faulty && parse.result == HITL_OK)
	{
		HitlPlace tools = {NULL, "tools", 0};
		HitlPlace output = {NULL, "output_schema", 0};

		/* A run takes it that these have been found good. */
		if (agent.output_schema != NULL)
			hitl_check_schema(&parse, &output, agent.output_schema);
		for (i = 0; i < agent.ntools; i++)
		{
			HitlPlace tool = {&tools, NULL, i};
			HitlPlace parameters = {&tool, "parameters", 0};
			HitlPlace sandbox = {NULL, "sandbox", 0};
			HitlPlace approval = {agent.tools[i].kind == HITL_TOOL_CODE
									  ? &sandbox
									  : &tool,
								  "approval", 0};
			HitlPlace when = {&approval, "when", 0};

			if (agent.tools[i].parameters != NULL)
				hitl_check_schema(&parse, &parameters,
								  agent.tools[i].parameters);
			if (agent.tools[i].when != NULL)
				hitl_check_path(&parse, &when, agent.tools[i].when);
		}
	}
	if (parse.result == HITL_OK && arena.failed)
		parse.result = HITL_NO_MEMORY;
	hitl_arena_free(&arena);
	if (parse.result != HITL_OK)
		return parse.result;
	return parse.faulty ? HITL_INVALID : HITL_OK;
}

/*
 * Read the settings.
 */
void
hitl_read_settings(HitlParse *parse, const HitlJson *document, HitlAgent *agent)
{
	static const char *const kinds[] = {"tool_calling", "code", NULL};
	HitlPlace kind_place = {NULL, "kind", 0};
	const char *version;
	int kind;

	memset(agent, 0, sizeof(*agent));
	if (document->type != HITL_JSON_OBJECT)
	{
		hitl_fault(parse, NULL, "must be an object, not %s",
				   hitl_json_type_name(document));
		return;
	}
	agent->name = hitl_get_text(parse, NULL, document, "name", true);
	version = stated_text(parse, NULL, document, "version");
	agent->version = version == NULL ? "" : version;
	kind = hitl_find_name(hitl_json_member(document, "kind"), kinds);
	if (kind < 0)
		hitl_fault(parse, &kind_place, "must be tool_calling or code");
	agent->writes_code = kind == 1;
	agent->model = stated_text(parse, NULL, document, "model");
	(void) stated_text(parse, NULL, document, "instructions");
	agent->planning_interval = stated_count(parse, NULL, document,
											"planning_interval", 0, 1,
											MAX_STEPS);
	agent->max_observation = stated_count(parse, NULL, document,
										  "max_observation",
										  DEFAULT_OBSERVATION, 100,
										  MAX_OBSERVATION);
	agent->sandbox = hitl_json_stated(document, "sandbox");
	if (agent->sandbox != NULL && agent->sandbox->type != HITL_JSON_OBJECT)
	{
		HitlPlace here = {NULL, "sandbox", 0};

		hitl_fault(parse, &here, "must be an object, not %s",
				   hitl_json_type_name(agent->sandbox));
	}
	if (agent->writes_code && agent->sandbox == NULL)
		hitl_fault(parse, NULL, "an agent that writes code needs \"sandbox\"");
	read_limits(parse, document, agent);
	read_approval(parse, document, agent);
	read_answer(parse, document, agent);
	read_tools(parse, document, agent);
}

/*
 * The tool of this name, or NULL.
 */
const HitlTool *
hitl_find_tool(const HitlAgent *agent, const char *name)
{
	int i;

	for (i = 0; i < agent->ntools; i++)
	{
		if (strcmp(agent->tools[i].name, name) == 0)
			return &agent->tools[i];
	}
	return NULL;
}

/*
 * The terms of a question as a request has them: who is asked, by the agent's
 * settings, and what for, by more: JSON members, which come first.
 */
const char *
hitl_question_terms(HitlParse *parse, const HitlJson *config, const char *more)
{
	HitlPlace place = {NULL, "approval", 0};
	const HitlJson *member;
	const HitlJson *object;
	HitlQuestion question = {0};
	HitlBuffer text;

	hitl_buffer_init(&text, parse->arena);
	hitl_append_char(&text, '{');
	hitl_append_text(&text, more);
	for (member = config == NULL ? NULL : config->first; member != NULL;
		 member = member->next)
	{
		if (member->type == HITL_JSON_NULL)
			continue;
		hitl_json_write_key(&text, member->key);
		hitl_json_write(&text, member);
	}
	hitl_append_char(&text, '}');
	if (hitl_buffer_text(&text) == NULL)
	{
		parse->result = HITL_NO_MEMORY;
		return NULL;
	}
	object = hitl_read_document(parse, parse->arena, &place, text.data);
	if (object == NULL)
		return NULL;
	hitl_parse_question(parse, &place, object, "?", &question);
	return question.terms;
}

/*
 * A member that is a text, or NULL.
 */
static const char *
stated_text(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
			const char *key)
{
	return hitl_json_stated(object, key) == NULL
		? NULL
		: hitl_get_text(parse, place, object, key, false);
}

/*
 * A member that is a whole number within limits.
 */
static int
stated_count(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
			 const char *key, int otherwise, int low, int high)
{
	HitlPlace here = {place, key, 0};
	int count;

	if (hitl_json_stated(object, key) == NULL)
		return otherwise;
	if (hitl_read_int(object, key, otherwise, low, high, &count))
		return count;
	hitl_fault(parse, &here, "must be a whole number from %d to %d", low, high);
	return otherwise;
}

/*
 * What a run may take.
 */
static void
read_limits(HitlParse *parse, const HitlJson *document, HitlAgent *agent)
{
	static const char *const names[] = {"max_steps", "max_tokens", "max_cost",
										"max_seconds"};
	static const char *const answers[] = {"stop", "ask", NULL};
	HitlPlace answer_place = {NULL, "on_limit", 0};
	int i;

	agent->limits[HITL_LIMIT_STEPS] = stated_count(parse, NULL, document,
												   names[0], DEFAULT_STEPS, 1,
												   MAX_STEPS);
	for (i = 1; i < HITL_RUN_LIMITS; i++)
	{
		const HitlJson *member = hitl_json_stated(document, names[i]);
		HitlPlace here = {NULL, names[i], 0};

		agent->limits[i] = -1;
		if (member != NULL &&
			(!hitl_json_number(member, &agent->limits[i]) ||
			 !(agent->limits[i] > 0 && agent->limits[i] <= MAX_LIMIT)))
			hitl_fault(parse, &here,
					   "must be a number greater than 0, and not too large");
	}
	if (hitl_json_stated(document, "on_limit") != NULL)
	{
		int answer = hitl_find_name(hitl_json_member(document, "on_limit"),
									answers);

		agent->asks_at_limit = answer == 1;
		if (answer < 0)
			hitl_fault(parse, &answer_place, "must be stop or ask");
	}
}

/*
 * Who is asked when the agent needs people.
 */
static void
read_approval(HitlParse *parse, const HitlJson *document, HitlAgent *agent)
{
	HitlPlace place = {NULL, "approval", 0};
	const HitlJson *config = hitl_json_stated(document, "approval");

	if (config == NULL)
		return;
	if (config->type != HITL_JSON_OBJECT)
	{
		hitl_fault(parse, &place, "must be an object, not %s",
				   hitl_json_type_name(config));
		return;
	}
	hitl_check_members(parse, &place, config, approval_members, NULL);
	(void) hitl_question_terms(parse, config, "");
	agent->approval = config;
}

/*
 * What an answer must be.
 */
static void
read_answer(HitlParse *parse, const HitlJson *document, HitlAgent *agent)
{
	HitlPlace place = {NULL, "answer_checks", 0};
	HitlPlace inner = {&place, NULL, 0};
	const HitlJson *schema = hitl_json_stated(document, "output_schema");
	const HitlJson *checks = hitl_json_stated(document, "answer_checks");
	const HitlJson *check;

	if (schema != NULL)
		agent->output_schema = hitl_json_text(parse->arena, schema);
	if (checks == NULL)
		return;
	if (checks->type != HITL_JSON_ARRAY)
	{
		hitl_fault(parse, &place, "must be an array, not %s",
				   hitl_json_type_name(checks));
		return;
	}
	for (check = checks->first; check != NULL;
		 check = check->next, inner.index++)
	{
		(void) hitl_get_text(parse, &inner, check, "name", true);
		(void) hitl_get_text(parse, &inner, check, "sql", true);
	}
	agent->answer_checks = checks;
}

/*
 * The tools, and final_answer, which every agent that calls tools has.
 */
static void
read_tools(HitlParse *parse, const HitlJson *document, HitlAgent *agent)
{
	HitlPlace place = {NULL, "tools", 0};
	HitlPlace inner = {&place, NULL, 0};
	const HitlJson *array = hitl_json_stated(document, "tools");
	const HitlJson *object;
	const char **names;
	const bool *again;
	int count = 0;

	if (array != NULL && array->type != HITL_JSON_ARRAY)
	{
		hitl_fault(parse, &place, "must be an array, not %s",
				   hitl_json_type_name(array));
		return;
	}
	if (array != NULL && array->count > MAX_TOOLS)
	{
		hitl_fault(parse, &place, "must not be more than %d", MAX_TOOLS);
		return;
	}
	if (array != NULL)
		count = array->count;
	agent->tools = hitl_alloc_zero(parse->arena,
								   (count + 2) * sizeof(HitlTool));
	names = hitl_alloc_zero(parse->arena, (count + 1) * sizeof(char *));
	if (names == NULL || agent->tools == NULL)
	{
		parse->result = HITL_NO_MEMORY;
		return;
	}
	for (object = array == NULL ? NULL : array->first; object != NULL;
		 object = object->next, inner.index++)
	{
		HitlTool *tool = &agent->tools[agent->ntools];

		if (object->type != HITL_JSON_OBJECT)
		{
			hitl_fault(parse, &inner, "must be an object, not %s",
					   hitl_json_type_name(object));
			continue;
		}
		read_tool(parse, &inner, object, tool);
		if (tool->name != NULL)
			names[agent->ntools++] = tool->name;
	}
	again = hitl_find_doubles(parse->arena, names, agent->ntools);
	for (count = 0; again != NULL && count < agent->ntools; count++)
	{
		HitlPlace twice = {&place, NULL, count};

		if (again[count])
			hitl_fault(parse, &twice, "another tool has the name \"%s\"",
					   names[count]);
	}
	if (!agent->writes_code && hitl_find_tool(agent, HITL_FINAL_ANSWER) == NULL)
	{
		HitlTool *tool = &agent->tools[agent->ntools++];

		tool->name = HITL_FINAL_ANSWER;
		tool->kind = HITL_TOOL_BUILTIN;
	}
	if (agent->writes_code && agent->sandbox != NULL)
	{
		HitlPlace sandbox = {NULL, "sandbox", 0};
		HitlTool *tool = &agent->tools[agent->ntools++];

		tool->name = HITL_CODE_TOOL;
		tool->kind = HITL_TOOL_CODE;
		tool->object = agent->sandbox;
		tool->parameters = code_parameters;
		read_tool_approval(parse, &sandbox, agent->sandbox, tool);
	}
}

/*
 * One of them.
 */
static void
read_tool(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
		  HitlTool *tool)
{
	HitlPlace kind_place = {place, "kind", 0};
	const HitlJson *parameters = hitl_json_stated(object, "parameters");
	int kind = hitl_find_name(hitl_json_member(object, "kind"), kind_names);

	tool->object = object;
	tool->name = hitl_get_text(parse, place, object, "name", true);
	if (tool->name != NULL)
		check_tool_name(parse, place, tool->name);
	read_tool_approval(parse, place, object, tool);
	if (kind < 0)
	{
		hitl_fault(parse, &kind_place,
				   "must be sql, http, external, agent or builtin");
		return;
	}
	tool->kind = (HitlToolKind) kind;
	if (tool->kind == HITL_TOOL_BUILTIN)
	{
		HitlPlace name_place = {place, "name", 0};
		const HitlBuiltinTool *builtin = tool->name == NULL
			? NULL
			: hitl_find_builtin_tool(tool->name);

		if (tool->name != NULL && builtin == NULL)
			hitl_fault(parse, &name_place, "there is no built-in tool \"%s\"",
					   tool->name);
		return;
	}
	(void) hitl_get_text(parse, place, object, "description", true);
	if (parameters == NULL)
		hitl_fault(parse, place, "\"parameters\" is missing");
	else
		tool->parameters = hitl_json_text(parse->arena, parameters);
	read_tool_kind(parse, place, object, tool);
}

/*
 * What a tool needs to be called.
 */
static void
read_tool_kind(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
			   HitlTool *tool)
{
	switch (tool->kind)
	{
		case HITL_TOOL_SQL:
			(void) hitl_get_text(parse, place, object, "call", true);
			check_arguments(parse, place, object);
			break;
		case HITL_TOOL_HTTP:
			(void) hitl_get_text(parse, place, object, "method", true);
			(void) hitl_get_text(parse, place, object, "url", true);
			break;
		case HITL_TOOL_EXTERNAL:
			(void) hitl_get_text(parse, place, object, "queue", true);
			break;
		case HITL_TOOL_AGENT:
			(void) hitl_get_text(parse, place, object, "agent", true);
			break;
		case HITL_TOOL_BUILTIN:
		case HITL_TOOL_CODE:
			break;
	}
}

/*
 * "approval": never, always, or {"when": path}.
 */
static void
read_tool_approval(HitlParse *parse, const HitlPlace *place,
				   const HitlJson *object, HitlTool *tool)
{
	static const char *const names[] = {"never", "always", NULL};
	HitlPlace here = {place, "approval", 0};
	const HitlJson *approval = hitl_json_stated(object, "approval");
	int found = hitl_find_name(approval, names);

	if (approval == NULL)
		return;
	if (approval->type == HITL_JSON_OBJECT)
	{
		tool->approval = HITL_TOOL_WHEN;
		tool->when = hitl_get_text(parse, &here, approval, "when", true);
	}
	else if (found < 0)
		hitl_fault(parse, &here,
				   "must be never, always or an object with \"when\"");
	else
		tool->approval = (HitlToolApproval) found;
}

/*
 * The arguments of a function: names as the model says them, and as SQL does.
 */
static void
check_arguments(HitlParse *parse, const HitlPlace *place,
				const HitlJson *object)
{
	HitlPlace here = {place, "arguments", 0};
	HitlPlace inner = {&here, NULL, 0};
	const HitlJson *array = hitl_get(parse, place, object, "arguments",
									 HITL_JSON_ARRAY, true);
	const HitlJson *argument;

	for (argument = array == NULL ? NULL : array->first; argument != NULL;
		 argument = argument->next, inner.index++)
	{
		(void) hitl_get_text(parse, &inner, argument, "name", true);
		(void) hitl_get_text(parse, &inner, argument, "quoted", true);
		(void) hitl_get_text(parse, &inner, argument, "type", true);
	}
}

/*
 * Inference APIs take letters, digits, "_" and "-".
 */
static void
check_tool_name(HitlParse *parse, const HitlPlace *place, const char *name)
{
	HitlPlace here = {place, "name", 0};

	if (!hitl_is_plain_id(name) || strlen(name) > HITL_MAX_TOOL_NAME)
		hitl_fault(parse, &here,
				   "must be 1 to %d letters, digits, \"_\" and \"-\"",
				   HITL_MAX_TOOL_NAME);
}
