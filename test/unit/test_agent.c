/*
 * test_agent.c
 *		The settings of agents, and the state of their runs as text.  What they
 *		do is in test/vectors/agent.
 */
#include "core/agent.h"
#include "harness.h"

#define CALLING(more) "{\"name\":\"clerk\",\"kind\":\"tool_calling\"" more "}"
#define CODING(sandbox) \
	"{\"name\":\"clerk\",\"kind\":\"code\",\"sandbox\":" sandbox "}"
#define TOOLS(tools) CALLING(",\"tools\":[" tools "]")
#define SQL_TOOL(name, more) \
	"{\"name\":\"" name "\",\"description\":\"d\",\"kind\":\"sql\"," \
	"\"parameters\":{\"type\":\"object\"},\"call\":\"f\",\"arguments\":[]" more \
	"}"

/*
 * Settings must have exactly one fault, at this place, with this in it.
 */
static void
check_settings_fault(int line, const char *settings, const char *pointer,
					 const char *part)
{
	Memory memory;
	HitlFaults faults = {0};

	memory_init(&memory, NULL);
	if (hitl_check_agent(settings, &memory.host, &faults) != HITL_INVALID)
		report_failure(__FILE__, line, "taken: %s", settings);
	check_only_fault(__FILE__, line, &faults, pointer, part);
	hitl_free_faults(&faults);
	memory_free(&memory);
}

#define SETTINGS_FAULT(settings, pointer, part) \
	check_settings_fault(__LINE__, settings, pointer, part)

/*
 * Settings must be without fault.
 */
static void
check_settings(int line, const char *settings)
{
	Memory memory;
	HitlFaults faults = {0};

	memory_init(&memory, NULL);
	if (hitl_check_agent(settings, &memory.host, &faults) != HITL_OK)
		report_failure(__FILE__, line, "refused: %s", settings);
	report_faults(__FILE__, line, &faults);
	hitl_free_faults(&faults);
	memory_free(&memory);
}

#define SETTINGS(settings) check_settings(__LINE__, settings)

static const char *const rich_settings =
	"{\"name\":\"clerk\",\"version\":\"v\",\"kind\":\"code\",\"model\":\"m\",\"instructions\":\"i\","
	"\"max_steps\":1000,\"planning_interval\":1,\"max_tokens\":1,\"max_cost\":0.001,"
	"\"max_seconds\":3600.5,\"on_limit\":\"ask\",\"approval\":{\"requested_from\":[\"a\",\"b\"],"
	"\"approval_threshold\":2,\"timeout_hours\":1,\"channels\":[\"mail\"],\"policy\":null},"
	"\"output_schema\":{\"type\":\"object\"},\"answer_checks\":[{\"name\":\"c\",\"sql\":\"SELECT 1\"}],"
	"\"max_observation\":100,\"sandbox\":{\"role\":\"r\",\"approval\":{\"when\":\"$.sql == 1\"}},\"tools\":["
	"{\"name\":\"a-1\",\"description\":\"d\",\"kind\":\"sql\",\"parameters\":{\"type\":\"object\"},"
	"\"call\":\"s.f\",\"arguments\":[{\"name\":\"n\",\"quoted\":\"n\",\"type\":\"text\"}],"
	"\"approval\":{\"when\":\"$.n == 1\"}},"
	"{\"name\":\"b_2\",\"description\":\"d\",\"kind\":\"http\",\"parameters\":{\"type\":\"object\"},"
	"\"method\":\"GET\",\"url\":\"http://x\",\"approval\":\"always\"},"
	"{\"name\":\"c\",\"description\":\"d\",\"kind\":\"external\",\"parameters\":{},\"queue\":\"q\"},"
	"{\"name\":\"d\",\"description\":\"d\",\"kind\":\"agent\",\"parameters\":true,\"agent\":\"x\","
	"\"approval\":\"never\"},{\"name\":\"ask_human\",\"kind\":\"builtin\"}]}";

TEST(settings_that_are_good)
{
	SETTINGS(CALLING(""));
	SETTINGS(CALLING(
		",\"model\":null,\"instructions\":null,\"max_steps\":null,\"planning_interval\":null,"
		"\"max_tokens\":null,\"max_cost\":null,\"max_seconds\":null,\"on_limit\":null,"
		"\"approval\":null,\"output_schema\":null,\"answer_checks\":null,\"max_observation\":null,"
		"\"sandbox\":null,\"tools\":null"));
	SETTINGS(TOOLS("{\"name\":\"final_answer\",\"kind\":\"builtin\"}"));
	SETTINGS(CODING("{}"));
	SETTINGS(rich_settings);
}

TEST(settings_that_are_faulty)
{
	SETTINGS_FAULT("", "", "not JSON");
	SETTINGS_FAULT("[]", "", "must be an object, not an array");
	SETTINGS_FAULT("{\"kind\":\"code\",\"sandbox\":{}}", "",
				   "\"name\" is missing");
	SETTINGS_FAULT("{\"name\":\"\",\"kind\":\"code\",\"sandbox\":{}}", "/name",
				   "must not be empty");
	SETTINGS_FAULT("{\"name\":\"a\"}", "/kind", "tool_calling or code");
	SETTINGS_FAULT("{\"name\":\"a\",\"kind\":\"poetry\"}", "/kind",
				   "tool_calling or code");
	SETTINGS_FAULT("{\"name\":\"a\",\"kind\":\"code\"}", "",
				   "needs \"sandbox\"");
	SETTINGS_FAULT(CODING("[]"), "/sandbox", "must be an object");
	SETTINGS_FAULT(CODING("{\"approval\":\"maybe\"}"), "/sandbox/approval",
				   "never, always");
	SETTINGS_FAULT(CODING("{\"approval\":{\"when\":\"what\"}}"),
				   "/sandbox/approval/when", "syntax error");
	SETTINGS_FAULT(CALLING(",\"model\":1"), "/model", "must be a string");
	SETTINGS_FAULT(CALLING(",\"instructions\":[]"), "/instructions",
				   "must be a string");
	SETTINGS_FAULT(CALLING(",\"max_steps\":0"), "/max_steps", "from 1 to 1000");
	SETTINGS_FAULT(CALLING(",\"max_steps\":2.5"), "/max_steps", "whole number");
	SETTINGS_FAULT(CALLING(",\"planning_interval\":0"), "/planning_interval",
				   "whole number");
	SETTINGS_FAULT(CALLING(",\"max_observation\":99"), "/max_observation",
				   "from 100 to");
	SETTINGS_FAULT(CALLING(",\"max_tokens\":0"), "/max_tokens",
				   "greater than 0");
	SETTINGS_FAULT(CALLING(",\"max_cost\":-1"), "/max_cost", "greater than 0");
	SETTINGS_FAULT(CALLING(",\"max_seconds\":1e99"), "/max_seconds",
				   "not too large");
	SETTINGS_FAULT(CALLING(",\"max_seconds\":\"1\""), "/max_seconds",
				   "must be a number");
	SETTINGS_FAULT(CALLING(",\"on_limit\":\"beg\""), "/on_limit",
				   "stop or ask");
	SETTINGS_FAULT(CALLING(",\"approval\":\"always\""), "/approval",
				   "must be an object");
	SETTINGS_FAULT(CALLING(",\"approval\":{\"title\":\"t\"}"),
				   "/approval/title", "unknown member");
	SETTINGS_FAULT(CALLING(",\"approval\":{\"timeout_hours\":0}"),
				   "/approval/timeout_hours", "hours");
	SETTINGS_FAULT(
		CALLING(
			",\"approval\":{\"requested_from\":[\"a\"],\"approval_threshold\":2}"),
		"/approval/approval_threshold", "only 1");
	SETTINGS_FAULT(CALLING(",\"output_schema\":{\"type\":\"text\"}"),
				   "/output_schema/type", "must be");
	SETTINGS_FAULT(CALLING(",\"answer_checks\":{}"), "/answer_checks",
				   "must be an array");
	SETTINGS_FAULT(CALLING(",\"answer_checks\":[{\"name\":\"a\"}]"),
				   "/answer_checks/0", "\"sql\" is missing");
}

TEST(tools_that_are_faulty)
{
	SETTINGS_FAULT(CALLING(",\"tools\":{}"), "/tools", "must be an array");
	SETTINGS_FAULT(TOOLS("1"), "/tools/0", "must be an object");
	SETTINGS_FAULT(TOOLS("{\"kind\":\"builtin\"}"), "/tools/0",
				   "\"name\" is missing");
	SETTINGS_FAULT(TOOLS("{\"name\":\"dance\",\"kind\":\"builtin\"}"),
				   "/tools/0/name", "no built-in tool \"dance\"");
	SETTINGS_FAULT(TOOLS("{\"name\":\"a\",\"kind\":\"magic\"}"),
				   "/tools/0/kind", "sql, http");
	SETTINGS_FAULT(TOOLS("{\"name\":\"a\",\"kind\":\"<code>\"}"),
				   "/tools/0/kind", "sql, http");
	SETTINGS_FAULT(TOOLS(SQL_TOOL("a b", "")), "/tools/0/name",
				   "1 to 64 letters");
	SETTINGS_FAULT(TOOLS(SQL_TOOL("<code>", "")), "/tools/0/name",
				   "1 to 64 letters");
	SETTINGS_FAULT(
		TOOLS(SQL_TOOL(
			"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
			"")),
		"/tools/0/name", "1 to 64 letters");
	SETTINGS_FAULT(TOOLS(SQL_TOOL("a", "") "," SQL_TOOL("b",
														"") "," SQL_TOOL("a",
																		 "")),
				   "/tools/2", "another tool has the name \"a\"");
	SETTINGS_FAULT(TOOLS(SQL_TOOL("a", ",\"approval\":true")),
				   "/tools/0/approval", "never, always");
	SETTINGS_FAULT(TOOLS(SQL_TOOL("a", ",\"approval\":{}")),
				   "/tools/0/approval", "\"when\" is missing");
	SETTINGS_FAULT(TOOLS(SQL_TOOL("a", ",\"approval\":{\"when\":\"n\"}")),
				   "/tools/0/approval/when", "syntax error");
	SETTINGS_FAULT(
		TOOLS(
			"{\"name\":\"a\",\"kind\":\"sql\",\"parameters\":{\"type\":\"object\"},"
			"\"call\":\"f\",\"arguments\":[]}"),
		"/tools/0", "\"description\" is missing");
	SETTINGS_FAULT(
		TOOLS(
			"{\"name\":\"a\",\"description\":\"d\",\"kind\":\"agent\",\"agent\":\"x\"}"),
		"/tools/0", "\"parameters\" is missing");
	SETTINGS_FAULT(
		TOOLS(
			"{\"name\":\"a\",\"description\":\"d\",\"kind\":\"agent\",\"agent\":\"x\","
			"\"parameters\":{\"required\":1}}"),
		"/tools/0/parameters/required", "must be");
	SETTINGS_FAULT(
		TOOLS("{\"name\":\"a\",\"description\":\"d\",\"kind\":\"agent\","
			  "\"parameters\":{}}"),
		"/tools/0", "\"agent\" is missing");
	SETTINGS_FAULT(
		TOOLS("{\"name\":\"a\",\"description\":\"d\",\"kind\":\"external\","
			  "\"parameters\":{}}"),
		"/tools/0", "\"queue\" is missing");
	SETTINGS_FAULT(
		TOOLS("{\"name\":\"a\",\"description\":\"d\",\"kind\":\"http\","
			  "\"parameters\":{},\"method\":\"GET\"}"),
		"/tools/0", "\"url\" is missing");
	SETTINGS_FAULT(
		TOOLS("{\"name\":\"a\",\"description\":\"d\",\"kind\":\"http\","
			  "\"parameters\":{},\"url\":\"http://x\"}"),
		"/tools/0", "\"method\" is missing");
	SETTINGS_FAULT(TOOLS(
					   "{\"name\":\"a\",\"description\":\"d\",\"kind\":\"sql\","
					   "\"parameters\":{},\"arguments\":[]}"),
				   "/tools/0", "\"call\" is missing");
	SETTINGS_FAULT(TOOLS(
					   "{\"name\":\"a\",\"description\":\"d\",\"kind\":\"sql\","
					   "\"parameters\":{},\"call\":\"f\",\"arguments\":"
					   "[{\"name\":\"n\",\"type\":\"text\"}]}"),
				   "/tools/0/arguments/0", "\"quoted\" is missing");
}

TEST(all_faults_at_once)
{
	Memory memory;
	HitlFaults faults = {0};

	memory_init(&memory, NULL);
	CHECK_INT(
		hitl_check_agent(
			"{\"name\":\"a\",\"kind\":\"tool_calling\",\"max_steps\":0,"
			"\"on_limit\":1,\"tools\":[{\"name\":\"x y\",\"kind\":\"builtin\"},2]}",
			&memory.host, &faults),
		HITL_INVALID);
	CHECK_TEXT(
		fault_lines(&faults),
		"/max_steps: must be a whole number from 1 to 1000\n"
		"/on_limit: must be stop or ask\n"
		"/tools/0/name: must be 1 to 64 letters, digits, \"_\" and \"-\"\n"
		"/tools/0/name: there is no built-in tool \"x y\"\n"
		"/tools/1: must be an object, not a number");
	hitl_free_faults(&faults);

	/* Without a host, what is PostgreSQL's is not checked. */
	CHECK_INT(hitl_check_agent(rich_settings, NULL, &faults), HITL_OK);
	hitl_free_faults(&faults);
	memory.broken = true;
	CHECK_INT(hitl_check_agent(rich_settings, &memory.host, &faults),
			  HITL_HOST_FAILED);
	hitl_free_faults(&faults);
	memory_free(&memory);
}

TEST(settings_without_memory)
{
	Memory memory;
	HitlResult result = HITL_NO_MEMORY;
	long n;

	memory_init(&memory, NULL);
	for (n = 0; result == HITL_NO_MEMORY && n < 10000; n++)
	{
		HitlFaults faults = {0};

		allocations_left = n;
		result = hitl_check_agent(rich_settings, &memory.host, &faults);
		allocations_left = -1;
		json_array_clear(memory.answers);
		CHECK_INT(faults.count, 0);
		hitl_free_faults(&faults);
	}
	CHECK_INT(result, HITL_OK);
	CHECK(n > 100);
	memory_free(&memory);
}

/* ---- the state of a run ---------------------------------------------- */

#define STATE_AGENT \
	"{\"clerk\":" TOOLS( \
		"{\"name\":\"pay\",\"description\":\"d\",\"kind\":\"sql\",\"approval\":\"always\"," \
		"\"parameters\":{\"type\":\"object\"},\"call\":\"f\",\"arguments\":[]}," \
		"{\"name\":\"create_checkpoint\",\"kind\":\"builtin\"}," \
		"{\"name\":\"ask_human\",\"kind\":\"builtin\"}") "}"
#define CALLS \
	"{\"token\":2,\"result\":{\"answer\":\"why\",\"calls\":[" \
	"{\"id\":\"a\",\"name\":\"pay\",\"arguments\":{\"n\":1}}," \
	"{\"id\":\"b\",\"name\":\"pay\",\"arguments\":{\"n\":2}}]}}"

/*
 * A workflow whose agent has been asked for its first turn.
 */
static void
open_run(Workflow *w)
{
	workflow_open(
		w,
		"{\"steps\":[{\"name\":\"s\",\"type\":\"task\",\"task\":\"t\",\"agent\":\"clerk\"},"
		"{\"name\":\"plain\",\"type\":\"task\",\"task\":\"t\"}]}",
		NULL);
	w->memory.agents = json_loads(STATE_AGENT, 0, NULL);
	GO(w, "start", NULL,
	   "workflow_started, =running, agent_started s, run s 2");
}

/*
 * Why a control state is refused in which something has been changed; NULL if
 * it is taken.  path: of a member of the agent, or, from "/" on, of the
 * position; json NULL: the member is taken out.
 */
static const char *
tampered(Workflow *w, const char *path, const char *json)
{
	static char out[300];
	json_t *state = json_loads(control_text(w), 0, NULL);
	json_t *value = json == NULL ? NULL
								 : json_loads(json, JSON_DECODE_ANY, NULL);
	json_t *place = json_array_get(json_object_get(state, "active"), 0);
	HitlControl *control;
	char copy[200];
	char *part = copy;
	char *next;
	char *text;
	char *error;
	HitlResult result;

	CHECK(json == NULL || value != NULL);
	snprintf(copy, sizeof(copy), "%s", path);
	if (copy[0] == '/')
		part++;
	else
		place = json_object_get(place, "agent");
	for (; (next = strchr(part, '/')) != NULL; part = next + 1)
	{
		*next = '\0';
		place = json_is_array(place) ? json_array_get(place, atoi(part))
									 : json_object_get(place, part);
	}
	CHECK(place != NULL);
	if (json_is_array(place))
		json_array_set_new(place, atoi(part), value);
	else if (value == NULL)
		CHECK_INT(json_object_del(place, part), 0);
	else
		json_object_set_new(place, part, value);
	text = json_dumps(state, 0);
	result = hitl_parse_control(w->definition, text, &control, &error);
	CHECK_INT(result, error == NULL ? HITL_OK : HITL_INVALID);
	snprintf(out, sizeof(out), "%s", error == NULL ? "" : error);
	hitl_free_control(control);
	json_decref(state);
	free(text);
	free(error);
	return out[0] == '\0' ? NULL : out;
}

#define TAKEN(w, path, json) CHECK_TEXT(tampered(w, path, json), NULL)
#define FAULTY(w, path, json) \
	CHECK_TEXT(tampered(w, path, json), "the agent of an active step is faulty")
#define UNFIT(w, path, json) \
	CHECK_TEXT(tampered(w, path, json), \
			   "what an active step awaits does not fit its agent")
#define BAD_TOKEN(w, path, json) \
	CHECK_TEXT(tampered(w, path, json), \
			   "the tokens of an agent's calls are faulty")

TEST(state_as_text)
{
	Workflow w;

	open_run(&w);
	CHECK_TEXT(
		member_of(control_text(&w), "active/0/agent"),
		"{\"name\":\"clerk\",\"version\":\"v1\",\"phase\":\"asks\",\"memory\":[[1,1]],"
		"\"turn\":0,\"began_us\":1700000000000001}");
	GO(&w, "reply", CALLS,
	   "agent_replied s, ask s 3, ask s 4, =waiting_approval");
	CHECK_TEXT(
		member_of(control_text(&w), "active/0/agent"),
		"{\"name\":\"clerk\",\"version\":\"v1\",\"phase\":\"calls\",\"memory\":[[1,2]],"
		"\"turn\":1,\"began_us\":1700000000000001,\"used\":{\"seconds\":1e-6},\"calls\":["
		"{\"id\":\"a\",\"tool\":\"pay\",\"arguments\":{\"n\":1},\"token\":3},"
		"{\"id\":\"b\",\"tool\":\"pay\",\"arguments\":{\"n\":2},\"token\":4}],"
		"\"next\":0,\"said\":\"why\"}");
	GO(&w, "approval",
	   "{\"token\":4,\"outcome\":\"approved\",\"approval_id\":\"x\","
	   "\"response_data\":{\"always\":true}}",
	   "");
	CHECK(w.effects.moved);
	CHECK_TEXT(member_of(control_text(&w), "active/0/agent/calls/1"),
			   "{\"id\":\"b\",\"tool\":\"pay\",\"arguments\":{\"n\":2},"
			   "\"approval\":\"x\"}");
	CHECK_TEXT(member_of(control_text(&w), "active/0/agent/allowed"),
			   "[\"pay\"]");
	workflow_close(&w);
}

TEST(tampered_members)
{
	Workflow w;

	open_run(&w);
	TAKEN(&w, "turn", "7");
	FAULTY(&w, "more", "1");
	FAULTY(&w, "name", NULL);
	FAULTY(&w, "name", "1");
	FAULTY(&w, "version", NULL);
	FAULTY(&w, "phase", NULL);
	FAULTY(&w, "phase", "\"dreams\"");
	FAULTY(&w, "turn", NULL);
	FAULTY(&w, "turn", "-1");
	FAULTY(&w, "planned", "2");
	FAULTY(&w, "began_us", NULL);
	FAULTY(&w, "began_us", "1.5");
	FAULTY(&w, "rewinds", "1");
	FAULTY(&w, "checked", "-1");
	FAULTY(&w, "next", "1");
	FAULTY(&w, "limit", "\"patience\"");
	FAULTY(&w, "used", "{\"tokens\":-1}");
	FAULTY(&w, "used", "{\"luck\":1}");
	FAULTY(&w, "granted", "[]");
	FAULTY(&w, "said", "1");
	FAULTY(&w, "answer", "\"yes\"");
	FAULTY(&w, "allowed", "\"pay\"");
	FAULTY(&w, "allowed", "[1]");
	FAULTY(&w, "calls", "[]");
	FAULTY(&w, "calls", "{}");
	FAULTY(&w, "memory", NULL);
	FAULTY(&w, "memory", "[]");
	FAULTY(&w, "memory", "[[1]]");
	FAULTY(&w, "memory", "[[1,-1]]");
	FAULTY(&w, "memory", "[[0,1]]");
	FAULTY(&w, "memory", "[[3,1]]");		 /* no such token yet */
	FAULTY(&w, "memory", "[[268435457,1]]"); /* of another branch */
	FAULTY(&w, "/agent", "[]");
	CHECK_TEXT(tampered(&w, "/call", "{}"),
			   "an active step keeps a call though it is no task with an "
			   "approval");
	workflow_close(&w);

	/* A task without an agent has none. */
	workflow_open(
		&w, "{\"steps\":[{\"name\":\"a\",\"type\":\"task\",\"task\":\"t\"}]}",
		NULL);
	workflow_send(&w, "start", NULL);
	FAULTY(&w, "/agent",
		   "{\"name\":\"clerk\",\"version\":\"v1\",\"phase\":\"asks\","
		   "\"memory\":[[1,1]],\"turn\":0,\"began_us\":1}");
	CHECK_TEXT(tampered(&w, "/state", "\"waiting_workflow\""),
			   "an active task awaits a workflow though it has no agent");
	workflow_close(&w);
}

TEST(tampered_phases)
{
	Workflow w;

	open_run(&w);
	TAKEN(&w, "phase", "\"plans\"");
	TAKEN(&w, "phase", "\"concludes\"");
	FAULTY(&w, "phase", "\"checks\""); /* nothing to check */
	UNFIT(&w, "phase", "\"exceeds\""); /* people are to decide on that */
	UNFIT(&w, "phase", "\"waits\"");   /* for a time */
	UNFIT(&w, "phase", "\"calls\"");   /* there is none */
	UNFIT(&w, "/state", "\"waiting_approval\"");
	UNFIT(&w, "/state", "\"waiting_workflow\"");
	UNFIT(&w, "/state", "\"waiting_timer\"");
	GO(&w, "reply", CALLS,
	   "agent_replied s, ask s 3, ask s 4, =waiting_approval");
	UNFIT(&w, "phase", "\"asks\"");
	TAKEN(&w, "phase", "\"calls\"");
	workflow_close(&w);
}

TEST(tampered_tokens)
{
	Workflow w;

	open_run(&w);
	GO(&w, "reply", CALLS,
	   "agent_replied s, ask s 3, ask s 4, =waiting_approval");
	TAKEN(&w, "/token", "4");
	BAD_TOKEN(&w, "/token", "2"); /* not of a call */
	BAD_TOKEN(&w, "calls/1/token", "3");
	BAD_TOKEN(&w, "calls/1/token", "5"); /* not given out */
	BAD_TOKEN(&w, "calls/1/token", "268435460");
	BAD_TOKEN(&w, "calls/0/token", NULL); /* the position's */
	BAD_TOKEN(&w, "next", "1");			  /* it has run already */
	FAULTY(&w, "calls/1/token", "-4");
	BAD_TOKEN(&w, "/state", "\"waiting_reply\"");
	workflow_close(&w);
}

/*
 * Nothing may pass for what people have decided if they have not.
 */
TEST(tampered_calls)
{
	Workflow w;

	open_run(&w);
	GO(&w, "reply", CALLS,
	   "agent_replied s, ask s 3, ask s 4, =waiting_approval");
	FAULTY(&w, "calls/0/approval", "\"x\""); /* which is awaited */
	FAULTY(&w, "calls/0/approval", "true");
	FAULTY(&w, "calls/0/edited", "{\"n\":3}");
	FAULTY(&w, "calls/0/observation", "\"done\"");
	FAULTY(&w, "calls/0/failed", "true");
	FAULTY(&w, "calls/0/failed", "false");
	FAULTY(&w, "calls/0/arguments", NULL);
	FAULTY(&w, "calls/0/arguments", "[1]");
	FAULTY(&w, "calls/0/id", NULL);
	FAULTY(&w, "calls/0/tool", NULL);
	FAULTY(&w, "calls/0/more", "1");
	FAULTY(&w, "calls/0", "1");
	FAULTY(&w, "next", "3");
	workflow_close(&w);
}

/*
 * What is kept of calls is checked again where the core itself reads it.
 */
TEST(tampered_arguments)
{
	static const char *const cases[][2] = {{"create_checkpoint",
											"{\"checkpoint_name\":[]}"},
										   {"final_answer", "{}"},
										   {"rollback_to_checkpoint",
											"{\"reason\":\"r\"}"},
										   {"ask_human", "{\"question\":{}}"},
										   {"dance", "{}"}};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		Workflow w;
		HitlControl *control;
		char text[2000];
		bool is_tool = strcmp(cases[i][0], "dance") != 0 &&
			strcmp(cases[i][0], "rollback_to_checkpoint") != 0;

		open_run(&w);
		snprintf(
			text, sizeof(text),
			"{\"completed\":0,\"total\":2,\"active\":[{\"position\":\"/steps/0\","
			"\"step\":\"s\",\"type\":\"task\",\"state\":\"ready\",\"attempt\":1,\"since_us\":1,"
			"\"agent\":{\"name\":\"clerk\",\"version\":\"v1\",\"phase\":\"calls\","
			"\"memory\":[[1,2]],\"turn\":1,\"began_us\":-9223372036854775807,"
			"\"calls\":[{\"id\":\"a\",\"tool\":\"%s\",\"arguments\":%s}],\"next\":0}}],"
			"\"status\":\"running\",\"token\":9,\"entered\":1}",
			cases[i][0], cases[i][1]);
		CHECK_INT(hitl_parse_control(w.definition, text, &control, NULL),
				  HITL_OK);
		hitl_free_control(w.control);
		w.control = control;
		REFUSED(&w, "continue", NULL,
				is_tool ? "a call kept in the control state lacks an argument"
						: "a call kept in the control state is of no tool");
		workflow_close(&w);
	}
}

/*
 * Agents in branches: what each asks people, it is told; of one that returns to
 * a checkpoint, what it has used stays used.
 */
TEST(agents_in_branches)
{
	Workflow w;

	workflow_open(
		&w,
		"{\"steps\":[{\"name\":\"p\",\"type\":\"parallel\",\"branches\":["
		"[{\"name\":\"s\",\"type\":\"task\",\"task\":\"t\",\"agent\":\"clerk\"}],"
		"[{\"name\":\"o\",\"type\":\"task\",\"task\":\"t\",\"agent\":\"clerk\"}]]}]}",
		NULL);
	w.memory.agents = json_loads(STATE_AGENT, 0, NULL);
	w.keeps_control = true; /* and with it the branches that are loaded */
	GO(&w, "start", NULL,
	   "workflow_started, =running, more; agent_started s, run s 1/3, "
	   "more; agent_started o, run o 2/5");
	GO(&w, "reply",
	   "{\"token\":268435459,\"result\":{\"calls\":[{\"id\":\"a\",\"name\":\"pay\"},"
	   "{\"id\":\"b\",\"name\":\"pay\"}],\"usage\":{\"prompt_tokens\":5}}}",
	   "agent_replied s, ask s 1/6, ask s 1/7");
	GO(&w, "reply",
	   "{\"token\":536870917,\"result\":{\"calls\":[{\"id\":\"a\",\"name\":"
	   "\"create_checkpoint\",\"arguments\":{\"checkpoint_name\":\"c\"}}]}}",
	   "agent_replied o, agent_observed o, checkpoint c, more; run o 2/8");

	/* It approves one; the other one is asked for again later. */
	GO(&w, "approval", "{\"token\":268435463,\"outcome\":\"approved\"}", "");
	GO(&w, "reply",
	   "{\"token\":536870920,\"result\":{\"usage\":{\"prompt_tokens\":9}}}",
	   "agent_replied o, agent_told o, run o 2/9");
	CHECK_INT(workflow_return(&w), HITL_OK);
	CHECK_TEXT(w.summary, "withdraw 0");
	GO(&w, "start", NULL,
	   "workflow_resumed, =running, more; agent_observed s, agent_observed s, "
	   "agent_told s, run s 1/12, more; agent_told o, run o 2/14");
	CHECK_TEXT(member_of(find_effect(&w, HITL_EFFECT_RUN_TASK)->body, "turn"),
			   "3");
	GO(&w, "reply", "{\"token\":268435468,\"result\":{\"answer\":\"x\"}}",
	   "agent_replied s, step_completed s");
	GO(&w, "reply", "{\"token\":536870926,\"result\":{\"answer\":\"x\"}}",
	   "agent_replied o, step_completed o, join 1+2; remove 1+2, "
	   "step_completed p, workflow_completed, =completed");
	CHECK_TEXT(workflow_value(&w, "$.steps.o.tokens"), "9");
	CHECK_TEXT(workflow_value(&w, "$.steps.s.turns"), "2");
	workflow_close(&w);
}

/*
 * Times that cannot be, of a host whose clock has gone mad.
 */
TEST(times_that_cannot_be)
{
	Workflow w;

	open_run(&w);
	w.now_us = INT64_MAX - 10;
	GO(&w, "reply", CALLS,
	   "agent_replied s, ask s 3, ask s 4, =waiting_approval");
	w.now_us = INT64_MIN + 10;
	GO(&w, "approval", "{\"token\":3,\"outcome\":\"rejected\"}", "");
	GO(&w, "approval", "{\"token\":4,\"outcome\":\"rejected\"}",
	   "agent_observed s, agent_observed s, run s 5, =running");
	CHECK_TEXT(member_of(control_text(&w), "active/0/agent/began_us"),
			   "1700000000000001");
	workflow_close(&w);
}

/*
 * What has been approved by a token is not approved once more by it.
 */
TEST(decisions_come_once)
{
	Workflow w;

	open_run(&w);
	GO(&w, "reply", CALLS,
	   "agent_replied s, ask s 3, ask s 4, =waiting_approval");
	GO(&w, "approval", "{\"token\":2,\"outcome\":\"approved\"}", "");
	CHECK(!w.effects.moved);
	GO(&w, "reply", "{\"token\":3,\"result\":{}}", "");
	GO(&w, "approval", "{\"token\":3,\"outcome\":\"rejected\"}", "");
	GO(&w, "approval", "{\"token\":3,\"outcome\":\"approved\"}", "");
	CHECK(!w.effects.moved);
	REFUSED(&w, "approval", "{\"token\":4,\"outcome\":\"yes\"}",
			"\"outcome\" must be approved, rejected, expired or cancelled");
	GO(&w, "approval", "{\"token\":4,\"outcome\":\"approved\"}",
	   "agent_observed s, sql s 5, =running");
	GO(&w, "approval", "{\"token\":4,\"outcome\":\"rejected\"}", "");
	workflow_close(&w);
}

/*
 * A host that fails in the middle has failed, and nothing has changed.
 */
TEST(host_that_fails)
{
	Workflow w;

	open_run(&w);
	w.memory.broken = true;
	CHECK_INT(workflow_send(&w, "reply", CALLS), HITL_HOST_FAILED);
	w.memory.broken = false;
	w.memory.host.load_agent = NULL;
	CHECK_INT(workflow_send(&w, "reply", CALLS), HITL_HOST_FAILED);
	workflow_close(&w);
}

/*
 * The settings that a run began with are gone: the step fails.
 */
TEST(settings_that_are_gone)
{
	Workflow w;

	open_run(&w);
	json_object_clear(w.memory.agents);
	GO(&w, "reply", CALLS, "step_failed s, workflow_failed s, =failed");
	CHECK_TEXT(member_of(w.effects.items[0].body, "message"),
			   "\"the settings that agent \\\"clerk\\\" began with are gone\"");
	workflow_close(&w);

	open_run(&w);
	json_object_set_new(json_object_get(w.memory.agents, "clerk"), "kind",
						json_null());
	GO(&w, "reply", CALLS, "step_failed s, workflow_failed s, =failed");
	CHECK_TEXT(member_of(w.effects.items[0].body, "message"),
			   "\"agent \\\"clerk\\\" is faulty: /kind must be tool_calling or "
			   "code\"");
	workflow_close(&w);
}

SUITE(agent, RUN(settings_that_are_good), RUN(settings_that_are_faulty),
	  RUN(tools_that_are_faulty), RUN(all_faults_at_once),
	  RUN(settings_without_memory), RUN(state_as_text), RUN(tampered_members),
	  RUN(tampered_phases), RUN(tampered_tokens), RUN(tampered_calls),
	  RUN(tampered_arguments), RUN(agents_in_branches),
	  RUN(times_that_cannot_be), RUN(decisions_come_once), RUN(host_that_fails),
	  RUN(settings_that_are_gone));
