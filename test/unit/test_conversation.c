/*
 * test_conversation.c
 *		The requests of agents, in each wire format.
 */
#include "harness.h"

#include "core/inference.h"
#include "core/schema.h"

/* What is told apart from the task, in its place. */
#define BRIEFING "…"

/*
 * A request for these settings and messages, or the error.
 */
static const char *
request(const char *provider, const char *parameters, const char *settings,
		const char *messages, bool tools)
{
	char *body;
	char *error;
	HitlResult result = hitl_build_conversation(provider, "m", parameters,
												settings, messages, tools,
												&body, &error);

	return json_or_error(result, body, error);
}

/*
 * What the instructions of a request are.
 */
static const char *
briefing(const char *settings)
{
	static char out[8000];
	const char *body = request("openai", NULL, settings,
							   "[{\"role\":\"user\",\"text\":\"t\"}]", true);
	json_t *document = json_loads(body, 0, NULL);
	json_t *system = json_array_get(json_object_get(document, "messages"), 0);

	CHECK_TEXT(json_string_value(json_object_get(system, "role")), "system");
	snprintf(out, sizeof(out), "%s",
			 json_string_value(json_object_get(system, "content")));
	json_decref(document);
	return out;
}

/*
 * The messages of a request by an agent without tools but the final answer,
 * without the first one if that is of the system.
 */
static const char *
messages(const char *provider, const char *memory)
{
	static char out[8000];
	const char *body = request(provider, NULL, "{}", memory, true);
	json_t *document = json_loads(body, 0, NULL);
	json_t *list = json_object_get(document, "messages");
	char *text;

	CHECK(json_is_array(list));
	if (strcmp(provider, "openai") == 0)
		json_array_remove(list, 0);
	text = json_dumps(list, JSON_COMPACT);
	snprintf(out, sizeof(out), "%s", text == NULL ? body : text);
	free(text);
	json_decref(document);
	return out;
}

#define SAID(memory, openai, anthropic) \
	(CHECK_TEXT(messages("openai", "[" memory "]"), "[" openai "]"), \
	 CHECK_TEXT(messages("anthropic", "[" memory "]"), "[" anthropic "]"))

#define AND ","

/* Of memory. */
#define TEXT(role, text) "{\"role\":\"" role "\",\"text\":\"" text "\"}"
#define CALLS(text, calls) \
	"{\"role\":\"assistant\",\"text\":\"" text "\",\"calls\":[" calls "]}"
#define CALL(id, name) \
	"{\"id\":\"" id "\",\"name\":\"" name "\",\"arguments\":{\"n\":1}}"
#define RESULT(id, text) \
	"{\"role\":\"tool\",\"call\":\"" id "\",\"tool\":\"x\",\"text\":\"" text \
	"\"}"
#define FAILED(id, text) \
	"{\"role\":\"tool\",\"call\":\"" id "\",\"text\":\"" text \
	"\",\"failed\":true}"

/* Of requests. */
#define SAYS(role, text) "{\"role\":\"" role "\",\"content\":\"" text "\"}"
#define OPENAI_CALL(id, name) \
	"{\"id\":\"" id "\",\"type\":\"function\",\"function\":{\"name\":\"" name \
	"\",\"arguments\":\"{\\\"n\\\":1}\"}}"
#define OPENAI_CALLS(content, calls) \
	"{\"role\":\"assistant\",\"content\":" content ",\"tool_calls\":[" calls \
	"]}"
#define OPENAI_RESULT(id, text) \
	"{\"role\":\"tool\",\"tool_call_id\":\"" id "\",\"content\":\"" text "\"}"
#define BLOCKS(role, blocks) "{\"role\":\"" role "\",\"content\":[" blocks "]}"
#define TEXT_BLOCK(text)	 "{\"type\":\"text\",\"text\":\"" text "\"}"
#define USE_BLOCK(id, name) \
	"{\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":\"" name \
	"\",\"input\":{\"n\":1}}"
#define RESULT_BLOCK(id, text) \
	"{\"type\":\"tool_result\",\"tool_use_id\":\"" id "\",\"content\":\"" text \
	"\"}"
#define FAILED_BLOCK(id, text) \
	"{\"type\":\"tool_result\",\"tool_use_id\":\"" id "\",\"content\":\"" text \
	"\",\"is_error\":true}"

#define NO_RESULT "There is no result: this was not carried out."

static const char *const settings_text =
	"{\"name\":\"clerk\",\"kind\":\"tool_calling\",\"instructions\":\"You are the clerk.\","
	"\"tools\":[{\"name\":\"look\",\"kind\":\"sql\",\"description\":\"Looks.\",\"parameters\":"
	"{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\",\"maximum\":1.0e2}}}},"
	"{\"name\":\"go\",\"kind\":\"http\",\"description\":\"\"}]}";

#define LOOK_PARAMETERS \
	"{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\",\"maximum\":1.0e2}}}"
#define NO_PARAMETERS "{\"type\":\"object\",\"properties\":{}}"

/*
 * Replace the instructions, which have tests of their own.
 */
static const char *
without_briefing(const char *body, const char *key)
{
	static char out[20000];
	const char *start = strstr(body, key);
	const char *end;

	CHECK(start != NULL);
	if (start == NULL)
		return body;
	start += strlen(key);
	for (end = start; *end != '"'; end += *end == '\\' ? 2 : 1)
		;
	snprintf(out, sizeof(out), "%.*s" BRIEFING "%s", (int) (start - body), body,
			 end);
	return out;
}

TEST(whole_requests)
{
	const HitlBuiltinTool *answer = hitl_find_builtin_tool("final_answer");
	const char *memory = "[" TEXT("user", "do it") "]";
	char expected[4000];

	snprintf(
		expected, sizeof(expected),
		"{\"model\":\"m\",\"temperature\":0.10,\"tools\":["
		"{\"type\":\"function\",\"function\":{\"name\":\"look\",\"description\":\"Looks.\","
		"\"parameters\":" LOOK_PARAMETERS "}},"
		"{\"type\":\"function\",\"function\":{\"name\":\"go\",\"parameters\":" NO_PARAMETERS
		"}},{\"type\":\"function\",\"function\":{\"name\":\"final_answer\",\"description\":\"%s\","
		"\"parameters\":%s}}],\"messages\":[{\"role\":\"system\",\"content\":\"" BRIEFING
		"\"}," SAYS("user", "do it") "]}",
		answer->description, answer->parameters);
	CHECK_TEXT(without_briefing(request("openai", "{\"temperature\":0.10}",
										settings_text, memory, true),
								"\"system\",\"content\":\""),
			   expected);

	snprintf(
		expected, sizeof(expected),
		"{\"model\":\"m\",\"temperature\":0.10,\"max_tokens\":4096,\"system\":\"" BRIEFING
		"\",\"tools\":["
		"{\"name\":\"look\",\"description\":\"Looks.\",\"input_schema\":" LOOK_PARAMETERS
		"},{\"name\":\"go\",\"input_schema\":" NO_PARAMETERS "},"
		"{\"name\":\"final_answer\",\"description\":\"%s\",\"input_schema\":%s}],"
		"\"messages\":[" SAYS("user", "do it") "]}",
		answer->description, answer->parameters);
	CHECK_TEXT(without_briefing(request("anthropic", "{\"temperature\":0.10}",
										settings_text, memory, true),
								"\"system\":\""),
			   expected);
}

/*
 * Where tools must not be used, they are offered all the same.
 */
TEST(tools_that_must_not_be_used)
{
	const char *memory = "[" TEXT("user", "t") "]";
	const char *body = request("openai", NULL, settings_text, memory, false);

	CHECK(contains(body, "\"tools\":[{\"type\""));
	CHECK(contains(body, "],\"tool_choice\":\"none\",\"messages\":["));
	body = request("anthropic", NULL, settings_text, memory, false);
	CHECK(contains(body, "\"tools\":[{\"name\":\"look\""));
	CHECK(
		contains(body, "],\"tool_choice\":{\"type\":\"none\"},\"messages\":["));
	body = request("openai", NULL, settings_text, memory, true);
	CHECK(!contains(body, "tool_choice"));

	/* Unless there are none. */
	body = request("openai", NULL, "{\"kind\":\"code\"}", memory, false);
	CHECK(!contains(body, "\"tools\"") && !contains(body, "tool_choice"));
	body = request("anthropic", NULL, "{\"kind\":\"code\"}", memory, false);
	CHECK(!contains(body, "\"tools\"") && !contains(body, "tool_choice"));
}

TEST(parameters)
{
	static const char *const parameters =
		"{\"model\":\"x\",\"messages\":[],\"tools\":[],\"tool_choice\":\"required\","
		"\"stream\":true,\"system\":\"s\",\"functions\":[],\"function_call\":\"f\","
		"\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024},\"max_tokens\":7,"
		"\"stop\":[\"x\"]}";
	const char *memory = "[" TEXT("user", "t") "]";
	const char *body = request("openai", parameters, "{}", memory, true);

	CHECK(contains(body, "{\"model\":\"m\",\"system\":\"s\",\"thinking\":{"));
	CHECK(contains(body, "\"max_tokens\":7,\"stop\":[\"x\"],\"tools\":[{"));
	CHECK(!contains(body, "tool_choice") && !contains(body, "stream"));
	CHECK(!contains(body, "functions") && !contains(body, "function_call"));
	body = request("anthropic", parameters, "{}", memory, true);
	CHECK(contains(body,
				   "{\"model\":\"m\",\"functions\":[],\"function_call\":\"f\","
				   "\"max_tokens\":7,\"stop\":[\"x\"],\"system\":\"You"));
	CHECK(!contains(body, "tool_choice") && !contains(body, "thinking"));

	/* A model may think if no tools come of it. */
	body = request("anthropic", parameters, "{\"kind\":\"code\"}", memory,
				   true);
	CHECK(contains(body, "\"thinking\":{\"type\":\"enabled\""));
	CHECK(!contains(body, "\"max_tokens\":4096"));
}

TEST(faulty_input)
{
	const char *memory = "[" TEXT("user", "t") "]";

	CHECK_TEXT(request("smoke", NULL, "{}", memory, true),
			   "provider: is unknown");
	CHECK_TEXT(request("openai", "[]", "{}", memory, true),
			   "parameters: must be an object, not an array");
	CHECK_TEXT(request("openai", NULL, "null", memory, true),
			   "settings: must be an object, not null");
	CHECK_TEXT(request("openai", NULL, NULL, memory, true),
			   "settings: not JSON: the document ends early");
	CHECK_TEXT(request("openai", NULL, "{}", "{}", true),
			   "messages: must be an array, not an object");
	CHECK_TEXT(request("openai", NULL, "{}", "[", true),
			   "messages: not JSON: the document ends early");
	CHECK_TEXT(request("openai", NULL, "{}", "[]", true),
			   "messages: must not be empty");
}

TEST(talks)
{
	SAID(TEXT("user", "do it"), SAYS("user", "do it"), SAYS("user", "do it"));
	SAID(TEXT("user", "do it") AND TEXT("assistant", "how?")
			 AND TEXT("user", "so"),
		 SAYS("user", "do it") AND SAYS("assistant", "how?")
			 AND SAYS("user", "so"),
		 SAYS("user", "do it") AND SAYS("assistant", "how?")
			 AND SAYS("user", "so"));
	SAID(TEXT("user", "do it") AND CALLS("I look.", CALL("a", "look"))
			 AND RESULT("a", "7"),
		 SAYS("user", "do it")
			 AND OPENAI_CALLS("\"I look.\"", OPENAI_CALL("a", "look"))
				 AND OPENAI_RESULT("a", "7"),
		 SAYS("user", "do it")
			 AND BLOCKS("assistant",
						TEXT_BLOCK("I look.") AND USE_BLOCK("a", "look"))
				 AND BLOCKS("user", RESULT_BLOCK("a", "7")));

	/* Several calls, results in any order, one of them empty. */
	SAID(TEXT("user", "t") AND CALLS("", CALL("a", "look") AND CALL("b", "go"))
			 AND FAILED("b", "no") AND RESULT("a", ""),
		 SAYS("user", "t") AND OPENAI_CALLS("null",
											OPENAI_CALL("a", "look")
												AND OPENAI_CALL("b", "go"))
			 AND OPENAI_RESULT("b", "no") AND OPENAI_RESULT("a", ""),
		 SAYS("user", "t") AND BLOCKS("assistant",
									  USE_BLOCK("a", "look")
										  AND USE_BLOCK("b", "go"))
			 AND BLOCKS("user",
						FAILED_BLOCK("b", "no") AND
						"{\"type\":\"tool_result\",\"tool_use_id\":\"a\"}"));

	/* A call without arguments that can be sent. */
	SAID(TEXT("user", "t")
			 AND CALLS("", "{\"id\":\"a\",\"name\":\"x\",\"arguments\":7}")
				 AND RESULT("a", "7"),
		 SAYS("user", "t") AND
			 OPENAI_CALLS("null",
						  "{\"id\":\"a\",\"type\":\"function\",\"function\":"
						  "{\"name\":\"x\",\"arguments\":\"{}\"}}")
				 AND OPENAI_RESULT("a", "7"),
		 SAYS("user", "t") AND BLOCKS(
			 "assistant",
			 "{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"x\",\"input\":{}}")
			 AND BLOCKS("user", RESULT_BLOCK("a", "7")));
}

/*
 * Users and assistants alternate, and none says nothing.
 */
TEST(turns_alternate)
{
	SAID(TEXT("user", "a") AND TEXT("user", " ") AND TEXT("user", "b")
			 AND TEXT("assistant", "c") AND TEXT("assistant", "d")
				 AND TEXT("user", "e"),
		 SAYS("user", "a\\n\\nb") AND SAYS("assistant", "c\\n\\nd")
			 AND SAYS("user", "e"),
		 SAYS("user", "a\\n\\nb") AND SAYS("assistant", "c\\n\\nd")
			 AND SAYS("user", "e"));
	SAID(TEXT("user", "a") AND TEXT("assistant", "") AND TEXT("user", "b") AND
		 "{\"role\":\"user\"}",
		 SAYS("user", "a\\n\\nb"), SAYS("user", "a\\n\\nb"));

	/* A plan, and the calls after it. */
	SAID(TEXT("user", "a") AND TEXT("assistant", "plan")
			 AND CALLS("", CALL("a", "x")) AND RESULT("a", "7")
				 AND TEXT("user", "b") AND TEXT("user", "c"),
		 SAYS("user", "a") AND OPENAI_CALLS("\"plan\"", OPENAI_CALL("a", "x"))
			 AND OPENAI_RESULT("a", "7") AND SAYS("user", "b\\n\\nc"),
		 SAYS("user", "a")
			 AND BLOCKS("assistant", TEXT_BLOCK("plan") AND USE_BLOCK("a", "x"))
				 AND BLOCKS("user",
							RESULT_BLOCK("a", "7") AND TEXT_BLOCK("b\\n\\nc")));

	/* A user begins and ends. */
	SAID(TEXT("assistant", "a"),
		 SAYS("user", "Go on.") AND SAYS("assistant", "a")
			 AND SAYS("user", "Go on."),
		 SAYS("user", "Go on.") AND SAYS("assistant", "a")
			 AND SAYS("user", "Go on."));
	SAID(TEXT("user", ""), SAYS("user", "Go on."), SAYS("user", "Go on."));
	SAID("7", SAYS("user", "Go on."), SAYS("user", "Go on."));
}

/*
 * Each call has its result right after it, and each result its call.
 */
TEST(calls_and_results)
{
	SAID(TEXT("user", "t") AND CALLS("", CALL("a", "x") AND CALL("b", "x"))
			 AND TEXT("user", "stop") AND RESULT("b", "7"),
		 SAYS("user", "t")
			 AND OPENAI_CALLS("null",
							  OPENAI_CALL("a", "x") AND OPENAI_CALL("b", "x"))
				 AND OPENAI_RESULT("b", "7") AND OPENAI_RESULT("a", NO_RESULT)
					 AND SAYS("user", "stop"),
		 SAYS("user", "t") AND BLOCKS("assistant",
									  USE_BLOCK("a", "x")
										  AND USE_BLOCK("b", "x"))
			 AND BLOCKS("user",
						RESULT_BLOCK("b", "7") AND FAILED_BLOCK("a", NO_RESULT)
							AND TEXT_BLOCK("stop")));
	SAID(TEXT("user", "t") AND CALLS("", CALL("a", "x"))
			 AND CALLS("", CALL("b", "x")),
		 SAYS("user", "t") AND OPENAI_CALLS("null", OPENAI_CALL("a", "x"))
			 AND OPENAI_RESULT("a", NO_RESULT)
				 AND OPENAI_CALLS("null", OPENAI_CALL("b", "x"))
					 AND OPENAI_RESULT("b", NO_RESULT),
		 SAYS("user", "t") AND BLOCKS("assistant", USE_BLOCK("a", "x"))
			 AND BLOCKS("user", FAILED_BLOCK("a", NO_RESULT))
				 AND BLOCKS("assistant", USE_BLOCK("b", "x"))
					 AND BLOCKS("user", FAILED_BLOCK("b", NO_RESULT)));

	/* Results of SQL in a text, of calls of earlier replies, and twice. */
	SAID(TEXT("user", "t") AND TEXT("assistant", "SELECT 7") AND
		 "{\"role\":\"tool\",\"text\":\"7\"}" AND "{\"role\":\"tool\"}",
		 SAYS("user", "t") AND SAYS("assistant", "SELECT 7")
			 AND SAYS("user", "Result:\\n7\\n\\nResult:\\n(nothing)"),
		 SAYS("user", "t") AND SAYS("assistant", "SELECT 7")
			 AND SAYS("user", "Result:\\n7\\n\\nResult:\\n(nothing)"));
	SAID(TEXT("user", "t") AND CALLS("", CALL("a", "x")) AND RESULT("a", "7")
			 AND RESULT("a", "8"),
		 SAYS("user", "t") AND OPENAI_CALLS("null", OPENAI_CALL("a", "x"))
			 AND OPENAI_RESULT("a", "7") AND SAYS("user", "Result:\\n8"),
		 SAYS("user", "t") AND BLOCKS("assistant", USE_BLOCK("a", "x"))
			 AND BLOCKS("user",
						RESULT_BLOCK("a", "7") AND TEXT_BLOCK("Result:\\n8")));

	/* Calls of nothing, or of what no tool is called. */
	SAID(TEXT("user", "t") AND CALLS("{",
									 CALL("a", "") AND CALL("b", "my tool")
										 AND CALL("c", "x"))
			 AND RESULT("a", "no such") AND RESULT("b", "nor this")
				 AND RESULT("c", "7"),
		 SAYS("user", "t") AND OPENAI_CALLS("\"{\"", OPENAI_CALL("c", "x"))
			 AND OPENAI_RESULT("c", "7")
				 AND SAYS("user", "Result:\\nno such\\n\\nResult:\\nnor this"),
		 SAYS("user", "t")
			 AND BLOCKS("assistant", TEXT_BLOCK("{") AND USE_BLOCK("c", "x"))
				 AND BLOCKS("user",
							RESULT_BLOCK("c", "7") AND TEXT_BLOCK(
								"Result:\\nno such\\n\\nResult:\\nnor this")));
	SAID(TEXT("user", "t") AND CALLS("", CALL("a", "")) AND RESULT("a", "no"),
		 SAYS("user", "t\\n\\nResult:\\nno"),
		 SAYS("user", "t\\n\\nResult:\\nno"));
}

#define LONG_ID "chatcmpl-tool-0123456789abcdef0123456789"

/*
 * Ids stay as they are where servers take them, and differ.
 */
TEST(ids)
{
	SAID(TEXT("user", "t")
			 AND CALLS("",
					   CALL("functions.x:0", "x") AND CALL("", "x") AND
					   "{\"id\":7,\"name\":\"x\",\"arguments\":{\"n\":1}}")
				 AND RESULT("functions.x:0", "1") AND RESULT("", "2"),
		 SAYS("user", "t")
			 AND OPENAI_CALLS("null",
							  OPENAI_CALL("functions.x:0", "x")
								  AND OPENAI_CALL("call00002", "x")
									  AND OPENAI_CALL("call00003", "x"))
				 AND OPENAI_RESULT("functions.x:0", "1")
					 AND OPENAI_RESULT("call00002", "2")
						 AND OPENAI_RESULT("call00003", NO_RESULT),
		 SAYS("user", "t") AND BLOCKS("assistant",
									  USE_BLOCK("call00001", "x")
										  AND USE_BLOCK("call00002", "x")
											  AND USE_BLOCK("call00003", "x"))
			 AND BLOCKS("user",
						RESULT_BLOCK("call00001", "1")
							AND RESULT_BLOCK("call00002", "2")
								AND FAILED_BLOCK("call00003", NO_RESULT)));

	/* Forty characters are not too long, one more is. */
	SAID(TEXT("user", "t")
			 AND CALLS("", CALL(LONG_ID, "x") AND CALL(LONG_ID "0", "x"))
				 AND RESULT(LONG_ID, "1") AND RESULT(LONG_ID "0", "2"),
		 SAYS("user", "t")
			 AND OPENAI_CALLS("null",
							  OPENAI_CALL(LONG_ID, "x")
								  AND OPENAI_CALL("call00002", "x"))
				 AND OPENAI_RESULT(LONG_ID, "1")
					 AND OPENAI_RESULT("call00002", "2"),
		 SAYS("user", "t")
			 AND BLOCKS("assistant",
						USE_BLOCK(LONG_ID, "x") AND USE_BLOCK("call00002", "x"))
				 AND BLOCKS("user",
							RESULT_BLOCK(LONG_ID, "1")
								AND RESULT_BLOCK("call00002", "2")));

	/* The same again, in a reply and in the next one. */
	SAID(TEXT("user", "t") AND CALLS("", CALL("a", "x") AND CALL("a", "x"))
			 AND RESULT("a", "1") AND RESULT("a", "2")
				 AND CALLS("", CALL("a", "x") AND CALL("call00003", "x"))
					 AND RESULT("a", "3") AND RESULT("call00003", "4"),
		 SAYS("user", "t")
			 AND OPENAI_CALLS("null",
							  OPENAI_CALL("a", "x")
								  AND OPENAI_CALL("call00002", "x"))
				 AND OPENAI_RESULT("a", "1") AND OPENAI_RESULT("call00002", "2")
					 AND OPENAI_CALLS("null",
									  OPENAI_CALL("call00003", "x")
										  AND OPENAI_CALL("call00004", "x"))
						 AND OPENAI_RESULT("call00003", "3")
							 AND OPENAI_RESULT("call00004", "4"),
		 SAYS("user", "t")
			 AND BLOCKS("assistant",
						USE_BLOCK("a", "x") AND USE_BLOCK("call00002", "x"))
				 AND BLOCKS("user",
							RESULT_BLOCK("a", "1")
								AND RESULT_BLOCK("call00002", "2"))
					 AND BLOCKS("assistant",
								USE_BLOCK("call00003", "x")
									AND USE_BLOCK("call00004", "x"))
						 AND BLOCKS("user",
									RESULT_BLOCK("call00003", "3")
										AND RESULT_BLOCK("call00004", "4")));
}

/*
 * What has been said before is said again in the same bytes, whatever comes
 * after it.
 */
TEST(conversations_grow_at_their_end)
{
	static const char *const memory[] =
		{TEXT("user", "t"),
		 CALLS("a", CALL("a", "x") AND CALL("a", "x")),
		 RESULT("a", "1"),
		 RESULT("a", "2"),
		 TEXT("assistant", "b"),
		 TEXT("user", "c"),
		 CALLS("", CALL("a", "x")),
		 RESULT("a", "3")};
	static const char *const providers[] = {"openai", "anthropic"};

	/* The messages after which it is the model's turn. */
	static const int turns[] = {1, 4, 6, 8};
	size_t i;
	size_t j;
	int k;

	for (i = 0; i < 2; i++)
	{
		char before[8000] = "";

		for (j = 0; j < 4; j++)
		{
			char list[2000] = "[";
			const char *body;

			for (k = 0; k < turns[j]; k++)
			{
				strcat(list, k > 0 ? AND : "");
				strcat(list, memory[k]);
			}
			strcat(list, "]");
			body = request(providers[i], NULL, settings_text, list, true);

			/* But for the brackets at its end. */
			CHECK(strncmp(body, before,
						  before[0] == '\0' ? 0 : strlen(before) - 2) == 0);
			snprintf(before, sizeof(before), "%s", body);
			CHECK_TEXT(request(providers[i], NULL, settings_text, list, true),
					   before);
		}
	}
}

TEST(offers)
{
	const char *body;

	body = request(
		"openai", NULL,
		"{\"tools\":[{\"name\":\"ask_human\",\"kind\":\"builtin\",\"description\":\"mine\"},"
		"{\"name\":\"final_answer\",\"kind\":\"builtin\"},"
		"{\"name\":\"look\",\"kind\":\"sql\",\"description\":\"first\"},"
		"{\"name\":\"look\",\"kind\":\"sql\",\"description\":\"second\"},"
		"{\"name\":\"nonsense\",\"kind\":\"builtin\"},7,{\"kind\":\"sql\"}]}",
		"[" TEXT("user", "t") "]", true);
	CHECK(contains(body, "\"name\":\"ask_human\",\"description\":\"Asks"));
	CHECK_TEXT(member_of(body, "/tools/1/function/name"), "\"final_answer\"");
	CHECK_TEXT(member_of(body, "/tools/2/function/description"), "\"first\"");
	CHECK_TEXT(member_of(body, "/tools/3"), NULL);

	/* Who writes code answers in text, unless the settings say otherwise. */
	body = request(
		"openai", NULL,
		"{\"kind\":\"code\",\"tools\":[{\"name\":\"look\",\"kind\":\"sql\"}]}",
		"[" TEXT("user", "t") "]", true);
	CHECK_TEXT(member_of(body, "/tools/0/function/name"), "\"look\"");
	CHECK_TEXT(member_of(body, "/tools/1"), NULL);
	body = request(
		"openai", NULL,
		"{\"kind\":\"code\",\"tools\":[{\"name\":\"final_answer\",\"kind\":\"builtin\"}]}",
		"[" TEXT("user", "t") "]", true);
	CHECK_TEXT(member_of(body, "/tools/0/function/name"), "\"final_answer\"");
}

/*
 * The schema of an answer stays what it is within that of the arguments.
 */
TEST(schema_of_the_answer)
{
	const char *body = request(
		"anthropic", NULL,
		"{\"output_schema\":{\"type\":\"object\",\"properties\":{"
		"\"$ref\":{\"$ref\":\"#/$defs/a\"},\"default\":{\"$ref\":\"#\"},"
		"\"n\":{\"items\":[{\"$ref\":\"#name\"}],\"$ref\":\"#/properties/n~1\\\"\"}},"
		"\"default\":{\"$ref\":\"#/x\"},\"enum\":[{\"$ref\":\"#\"}],"
		"\"allOf\":[{\"$ref\":\"other\"},{\"$ref\":\"#\"},true,7],"
		"\"$defs\":{\"const\":{\"const\":{\"$ref\":\"#\"}}}}}",
		"[" TEXT("user", "t") "]", true);

	CHECK(contains(
		body,
		"\"input_schema\":{\"type\":\"object\",\"properties\":{\"answer\":"
		"{\"type\":\"object\",\"properties\":{"
		"\"$ref\":{\"$ref\":\"#/properties/answer/$defs/a\"},"
		"\"default\":{\"$ref\":\"#/properties/answer\"},"
		"\"n\":{\"items\":[{\"$ref\":\"#name\"}],"
		"\"$ref\":\"#/properties/answer/properties/n~1\\\"\"}},"
		"\"default\":{\"$ref\":\"#/x\"},\"enum\":[{\"$ref\":\"#\"}],"
		"\"allOf\":[{\"$ref\":\"other\"},{\"$ref\":\"#/properties/answer\"},true,7],"
		"\"$defs\":{\"const\":{\"const\":{\"$ref\":\"#\"}}}}},"
		"\"required\":[\"answer\"],\"additionalProperties\":false}"));
}

/*
 * The core accepts the schemas of its tools, and what they are meant for.
 */
TEST(builtin_tools)
{
	static const struct
	{
		const char *name;
		const char *good;
		const char *bad;
	} cases[] = {
		{"final_answer", "{\"answer\":null}", "{}"},
		{"ask_human", "{\"question\":\"q\",\"requested_from\":[\"ann\"]}",
		 "{\"question\":\"q\",\"requested_from\":\"ann\"}"},
		{"request_approval",
		 "{\"title\":\"t\",\"description\":\"d\",\"approval_type\":\"binary\","
		 "\"context_data\":{\"n\":1},\"timeout_hours\":0.5,\"required_approver\":\"ann\"}",
		 "{\"title\":\"t\",\"timeout_hours\":0}"},
		{"create_checkpoint",
		 "{\"checkpoint_name\":\"c\",\"description\":\"d\",\"step_name\":\"s\"}",
		 "{\"checkpoint_name\":\"\"}"},
		{"rollback_to_checkpoint",
		 "{\"checkpoint_name\":\"c\",\"reason\":\"r\"}",
		 "{\"checkpoint_name\":\"c\"}"}};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		const HitlBuiltinTool *tool = hitl_find_builtin_tool(cases[i].name);
		HitlFaults faults = {0};
		HitlViolations violations = {0};
		HitlSchema *schema = NULL;

		CHECK(tool != NULL && tool->description[0] != '\0');
		if (tool == NULL)
			continue;
		if (hitl_parse_schema(tool->parameters, NULL, &schema, &faults) !=
			HITL_OK)
			report_faults(__FILE__, __LINE__, &faults);
		hitl_free_faults(&faults);
		if (schema == NULL)
			continue;
		CHECK_INT(hitl_validate(schema, cases[i].good, NULL, &violations),
				  HITL_OK);
		hitl_free_violations(&violations);
		CHECK_INT(hitl_validate(schema, cases[i].bad, NULL, &violations),
				  HITL_INVALID);
		CHECK_INT(violations.count, 1);
		hitl_free_violations(&violations);
		CHECK_INT(hitl_validate(schema, "{\"nonsense\":1}", NULL, &violations),
				  HITL_INVALID);
		hitl_free_violations(&violations);
		hitl_free_schema(schema);
	}
	CHECK(hitl_find_builtin_tool("nonsense") == NULL);
}

TEST(briefings)
{
	const char *text = briefing("{\"instructions\":\"You are the clerk.\"}");

	CHECK(strstr(text, "You are the clerk.\n\nHow you work:\n- ") == text);
	CHECK(contains(text, "\n- When the task is done, call final_answer"));
	CHECK(!contains(text, "<code>") && !contains(text, "ask_human"));
	CHECK(!contains(text, "checkpoint") && !contains(text, "JSON"));
	CHECK(text[strlen(text) - 1] == '.');
	text = briefing("{\"instructions\":\" \\n\"}");
	CHECK(strstr(text, "You are an agent") == text);

	text = briefing(
		"{\"kind\":\"code\",\"sandbox\":{\"role\":\"r\",\"read_only\":true,"
		"\"rows\":50}}");
	CHECK(contains(text, "between <code> and </code>"));
	CHECK(contains(text, "\n- You can only read"));
	CHECK(contains(text, "\n- You are shown at most 50 rows of"));
	CHECK(!contains(text, "final_answer") && !contains(text, "call the tools"));
	text = briefing(
		"{\"kind\":\"code\",\"sandbox\":{\"read_only\":false},\"tools\":["
		"{\"name\":\"look\",\"kind\":\"sql\"}]}");
	CHECK(!contains(text, "only read") && !contains(text, "at most"));
	CHECK(contains(text, "\n- Instead of writing SQL, you may call the tools"));

	/* What people are for, and checkpoints, where there are the tools. */
	text = briefing(
		"{\"tools\":[{\"name\":\"ask_human\",\"kind\":\"builtin\"},"
		"{\"name\":\"request_approval\",\"kind\":\"builtin\"},"
		"{\"name\":\"create_checkpoint\",\"kind\":\"builtin\"},"
		"{\"name\":\"rollback_to_checkpoint\",\"kind\":\"builtin\"}]}");
	CHECK(contains(text, "ask them by ask_human.\n"));
	CHECK(contains(text, "ask by request_approval."));
	CHECK(contains(text, "call create_checkpoint.\n"));
	CHECK(contains(text, "by rollback_to_checkpoint.\n"));

	text = briefing("{\"output_schema\":{\"type\":\"string\"}}");
	CHECK(contains(text, "nothing else.\n{\"type\":\"string\"}"));
	CHECK(!contains(briefing("{\"output_schema\":null}"), "JSON"));
}

TEST(conversation_without_memory)
{
	static const char *const memory = "[" TEXT("user", "t")
		AND TEXT("assistant", "a")
			AND CALLS("b", CALL("a", "x") AND CALL("a", "x") AND CALL("", ""))
				AND RESULT("a", "1") AND TEXT("user", "c") AND RESULT("z", "2")
					AND TEXT("assistant", "d") "]";
	static const char *const settings =
		"{\"instructions\":\"i\",\"output_schema\":{\"type\":\"string\"},\"tools\":["
		"{\"name\":\"x\",\"kind\":\"sql\",\"parameters\":{\"type\":\"object\"}}]}";
	static const char *const providers[] = {"openai", "anthropic"};
	size_t i;

	for (i = 0; i < 2; i++)
	{
		HitlResult result = HITL_NO_MEMORY;
		char *body = NULL;
		char *error;
		long n;

		for (n = 0; result == HITL_NO_MEMORY && n < 10000; n++)
		{
			allocations_left = n;
			result = hitl_build_conversation(providers[i], "m", "{\"x\":1}",
											 settings, memory, true, &body,
											 &error);
			allocations_left = -1;
			CHECK((body == NULL) == (result != HITL_OK));
			CHECK(error == NULL);
		}
		CHECK(n > 1);
		CHECK_INT(result, HITL_OK);
		free(body);
		for (n = 0, result = HITL_NO_MEMORY;
			 result == HITL_NO_MEMORY && n < 10000; n++)
		{
			allocations_left = n;
			result = hitl_build_conversation(providers[i], "m", NULL, settings,
											 "[]", true, &body, &error);
			allocations_left = -1;
			CHECK(body == NULL);
			CHECK((error == NULL) == (result != HITL_INVALID));
		}
		CHECK_INT(result, HITL_INVALID);
		free(error);
	}
}

SUITE(conversation, RUN(whole_requests), RUN(tools_that_must_not_be_used),
	  RUN(parameters), RUN(faulty_input), RUN(talks), RUN(turns_alternate),
	  RUN(calls_and_results), RUN(ids), RUN(conversations_grow_at_their_end),
	  RUN(offers), RUN(schema_of_the_answer), RUN(builtin_tools),
	  RUN(briefings), RUN(conversation_without_memory));
