/*
 * test_turn.c
 *		What models say in conversations, in each wire format and as text.
 */
#include "harness.h"

#include "core/inference.h"

/*
 * One line that says what is in a turn: its text, its calls with arguments or
 * a fault, and how it ended.
 */
static const char *
describe(const HitlTurn *turn)
{
	static const char *const stops[] = {"ended", "length", "tool", "refused",
										"filtered"};
	static char out[8000];
	size_t length;
	int i;

	CHECK_INT(turn->length, strlen(turn->text));
	length = snprintf(out, sizeof(out), "'%s'", turn->text);
	for (i = 0; i < turn->ncalls && length < sizeof(out); i++)
	{
		const HitlToolCall *call = &turn->calls[i];

		CHECK((call->arguments == NULL) == (call->fault != NULL));
		length += snprintf(out + length, sizeof(out) - length,
						   call->fault == NULL ? " %s:%s%s" : " %s:%s!%s",
						   call->id, call->name,
						   call->fault == NULL ? call->arguments : call->fault);
	}
	if (length < sizeof(out))
		snprintf(out + length, sizeof(out) - length, " %s", stops[turn->stop]);
	return out;
}

/*
 * What a reply message is as a turn, or as a failure.
 */
static const char *
heard(const char *message)
{
	static char out[8000];
	HitlArena arena;
	const HitlJson *body;
	HitlTurn turn;
	HitlReply reply;

	hitl_arena_init(&arena);
	CHECK_INT(hitl_json_parse(&arena, message, strlen(message), 0, &body, NULL),
			  HITL_OK);
	CHECK(hitl_check_reply(body) == NULL);
	if (hitl_read_turn(&arena, body, &turn, &reply))
	{
		CHECK(reply.kind == NULL);
		snprintf(out, sizeof(out), "%s", describe(&turn));
	}
	else
	{
		CHECK(turn.ncalls == 0 && turn.length == 0 && turn.text[0] == '\0');
		snprintf(out, sizeof(out), "%s: %s", reply.kind, reply.message);
	}
	hitl_arena_free(&arena);
	return out;
}

/*
 * The same for the response of a server.
 */
static const char *
response(const char *provider, int status, const char *body)
{
	json_t *message = json_pack("{s:i,s:i,s:s?,s:s*}", "token", 1, "status",
								status, "body", body, "provider", provider);
	char *text = json_dumps(message, 0);
	const char *result = heard(text);

	free(text);
	json_decref(message);
	return result;
}

#define MESSAGE(members) \
	response(NULL, 200, "{\"choices\":[{\"message\":{" members "}}]}")
#define ENDED(reason, members) \
	response(NULL, 200, \
			 "{\"choices\":[{\"finish_reason\":\"" reason \
			 "\",\"message\":{" members "}}]}")
#define CALL(arguments) \
	"\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\",\"function\":" \
	"{\"name\":\"look\",\"arguments\":" arguments "}}]"
#define CONTENT(reason, blocks) \
	response("anthropic", 200, \
			 "{\"content\":[" blocks "],\"stop_reason\":\"" reason "\"}")

TEST(completions)
{
	CHECK_TEXT(MESSAGE("\"content\":\"four\""), "'four' ended");
	CHECK_TEXT(MESSAGE("\"content\":null,\"tool_calls\":null"), "'' ended");
	CHECK_TEXT(MESSAGE("\"content\":\"\",\"tool_calls\":[]"), "'' ended");
	CHECK_TEXT(MESSAGE("\"content\":null," CALL("\"{\\\"n\\\": 1}\"")),
			   "'' c:look{\"n\":1} tool");

	/* Neither the reason nor a text beside them says that there are none. */
	CHECK_TEXT(ENDED("stop", "\"content\":\"so\"," CALL("\"{}\"")),
			   "'so' c:look{} tool");
	CHECK_TEXT(ENDED("tool_calls", "\"content\":\"so\""), "'so' tool");
	CHECK_TEXT(
		MESSAGE(
			"\"content\":[{\"type\":\"text\",\"text\":\"a\"},\"b\",{\"text\":\"c\"},"
			"{\"type\":\"output_text\",\"text\":\"d\"},"
			"{\"type\":\"reasoning\",\"text\":\"hm\"},{\"type\":\"thinking\","
			"\"thinking\":[{\"type\":\"text\",\"text\":\"hm\"}]}],"
			"\"reasoning_content\":\"hm\",\"reasoning\":\"hm\""),
		"'abcd' ended");
	CHECK_TEXT(
		MESSAGE(
			"\"tool_calls\":["
			"{\"index\":1,\"id\":\"a\",\"function\":{\"name\":\"x\",\"arguments\":\"{}\"}},"
			"{\"index\":0,\"id\":\"b\",\"type\":\"\",\"function\":{\"name\":\"y\",\"arguments\":\"{}\"}},"
			"{\"id\":\"c\",\"name\":\"z\",\"arguments\":{\"n\":1}},"
			"{\"id\":\"d\",\"type\":null,\"function\":{\"name\":\"x\"}},"
			"{\"id\":\"e\",\"function\":{\"name\":\"y\",\"arguments\":\"{}\"}}]"),
		"'' a:x{} b:y{} c:z{\"n\":1} d:x{} e:y{} tool");
}

TEST(arguments)
{
	static const struct
	{
		const char *arguments;
		const char *expected;
	} cases[] = {
		{"{\"n\":1.10,\"a\":[]}", "{\"n\":1.10,\"a\":[]}"},
		{"\"{\\\"n\\\":1}\"", "{\"n\":1}"},
		{"\"\\\"{\\\\\\\"n\\\\\\\":1}\\\"\"", "{\"n\":1}"},
		{"\"\"", "{}"},
		{"\" \\n\"", "{}"},
		{"\"\\\"\\\"\"", "{}"},
		{"null", "{}"},
		{"\"null\"", "{}"},
		{"\"{\\\"a\\\":\\\"x\\\\u0000\\\\ud800\\\"}\"",
		 "{\"a\":\"x\xef\xbf\xbd\xef\xbf\xbd\"}"},
		{"\"[1]\"", "!the arguments must be a JSON object, not an array"},
		{"[1]", "!the arguments must be a JSON object, not an array"},
		{"7", "!the arguments must be a JSON object, not a number"},
		{"\"true\"", "!the arguments must be a JSON object, not a boolean"},
		{"\"\\\"\\\\\\\"\\\\\\\"\\\"\"",
		 "!the arguments must be a JSON object, not a string"},
		{"\"n=1\"", "!the arguments are no JSON: a value is expected, at: n=1"},
		{"\"{\\\"n\\\":1\"",
		 "!the arguments are no JSON: the document ends early"},
		{"\"{\\\"n\\\":1}, and more\"",
		 "!the arguments are no JSON: text after the end of the document, at: , and more"},
		{"\"{'n': 1, 'this is a long text': true, 'and it goes on': 1}\"",
		 "!the arguments are no JSON: a member name in quotes is expected, at: "
		 "'n': 1, 'this is a long text': true, 'an"},
		{"\"{\\\"a\\\":{\\\"n\\\":1,\\\"n\\\":2}}\"",
		 "!the arguments have the member \"n\" twice"},
		{"{\"n\":1,\"n\":1}", "!the arguments have the member \"n\" twice"},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		char body[1000];
		char expected[1000];

		snprintf(expected, sizeof(expected), "'' c:look%s tool",
				 cases[i].expected);
		snprintf(body, sizeof(body),
				 "{\"choices\":[{\"message\":{" CALL("%s") "}}]}",
				 cases[i].arguments);
		CHECK_TEXT(response("openai", 200, body), expected);
		snprintf(body, sizeof(body),
				 "{\"content\":[{\"type\":\"tool_use\",\"id\":\"c\",\"name\":"
				 "\"look\",\"input\":%s}]}",
				 cases[i].arguments);
		CHECK_TEXT(response("anthropic", 200, body), expected);
		snprintf(body, sizeof(body),
				 "{\"token\":1,\"result\":{\"calls\":[{\"id\":\"c\",\"name\":"
				 "\"look\",\"arguments\":%s}]}}",
				 cases[i].arguments);
		CHECK_TEXT(heard(body), expected);
	}
}

TEST(malformed_calls)
{
	/* Ids are as they are: whoever keeps the calls mends them. */
	CHECK_TEXT(MESSAGE("\"tool_calls\":["
					   "{\"id\":\"\",\"function\":{\"name\":\"x\"}},"
					   "{\"id\":7,\"function\":{\"name\":\"x\"}},"
					   "{\"id\":null,\"function\":{\"name\":\"x\"}},"
					   "{\"function\":{\"name\":\"x\"}},"
					   "{\"id\":[],\"function\":{\"name\":\"x\"}}]"),
			   "'' :x{} 7:x{} :x{} :x{} :x{} tool");
	CHECK_TEXT(
		MESSAGE(
			"\"tool_calls\":["
			"{\"id\":\"a\",\"function\":{\"arguments\":\"{}\"}},"
			"{\"id\":\"b\",\"function\":{\"name\":\"\"}},"
			"{\"id\":\"c\",\"function\":{\"name\":[\"x\"],\"arguments\":\"{\"}},"
			"{\"id\":\"d\",\"type\":\"custom\",\"custom\":{\"name\":\"x\",\"input\":\"y\"}},"
			"{\"id\":\"e\",\"function\":\"x\"},7,null]"),
		"'' a:!the call names no tool b:!the call names no tool"
		" c:!the arguments are no JSON: a member name in quotes is expected"
		" d:!the call must be of the type \"function\""
		" e:!the call names no tool :!the call must be a JSON object"
		" :!the call must be a JSON object tool");
	CHECK_TEXT(
		CONTENT(
			"tool_use",
			"{\"type\":\"tool_use\"},{\"type\":\"tool_use\",\"id\":7,\"name\":7}"),
		"'' :!the call names no tool 7:!the call names no tool tool");
	CHECK_TEXT(heard("{\"token\":1,\"result\":{\"calls\":[7,{\"name\":7}]}}"),
			   "'' :!the call names no tool :!the call names no tool tool");
	CHECK_TEXT(heard("{\"token\":1,\"result\":{\"calls\":{\"name\":\"x\"}}}"),
			   "'' ended");
}

TEST(calls_of_old)
{
	CHECK_TEXT(
		MESSAGE(
			"\"content\":null,\"function_call\":{\"name\":\"x\",\"arguments\":\"{}\"}"),
		"'' :x{} tool");
	CHECK_TEXT(
		ENDED(
			"length",
			"\"content\":null,\"function_call\":{\"name\":\"x\",\"arguments\":\"{\"}"),
		"'' :x!the call is cut off: the reply has used up its tokens length");
	CHECK_TEXT(
		MESSAGE("\"content\":\"so\",\"function_call\":null,\"tool_calls\":[]"),
		"'so' ended");
	CHECK_TEXT(MESSAGE("\"function_call\":{\"name\":\"x\"}," CALL("\"\"")),
			   "'' c:look{} tool");
}

TEST(messages)
{
	CHECK_TEXT(
		CONTENT(
			"tool_use",
			"{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"s\"},"
			"{\"type\":\"redacted_thinking\",\"data\":\"x\"},"
			"{\"type\":\"text\",\"text\":\"I \"},{\"type\":\"text\",\"text\":\"look\"},"
			"{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"look\",\"input\":{\"n\":1}},"
			"{\"type\":\"server_tool_use\",\"id\":\"b\",\"name\":\"web\",\"input\":{}},"
			"{\"type\":\"tool_use\",\"id\":\"c\",\"name\":\"go\",\"input\":{}}"),
		"'I look' a:look{\"n\":1} c:go{} tool");
	CHECK_TEXT(CONTENT("end_turn", "{\"type\":\"text\",\"text\":\"four\"}"),
			   "'four' ended");
	CHECK_TEXT(CONTENT("end_turn", ""), "'' ended");
	CHECK_TEXT(CONTENT("pause_turn", ""), "'' tool");
}

/*
 * Nothing of a call counts that may have been cut.
 */
TEST(cut_replies)
{
	const char *cut =
		"'' c:look!the call is cut off: the reply has used up its tokens length";

	CHECK_TEXT(ENDED("length", "\"content\":null"), "'' length");
	CHECK_TEXT(ENDED("length", "\"content\":\"The answer is\""),
			   "'The answer is' length");
	CHECK_TEXT(ENDED("length", CALL("\"{\\\"n\\\":\"")), cut);
	CHECK_TEXT(ENDED("length", CALL("\"\"")), cut);
	CHECK_TEXT(ENDED("length", CALL("null")), cut);
	CHECK_TEXT(ENDED("length", CALL("{\"n\":1}")), cut);
	CHECK_TEXT(ENDED("length", CALL("\"{\\\"n\\\":1}\"")),
			   "'' c:look{\"n\":1} length");
	CHECK_TEXT(ENDED("length", CALL("\"{}\"")), "'' c:look{} length");
	CHECK_TEXT(
		ENDED("length",
			  "\"tool_calls\":["
			  "{\"id\":\"a\",\"function\":{\"name\":\"x\",\"arguments\":{}}},"
			  "{\"id\":\"b\",\"function\":{\"name\":\"y\",\"arguments\":{}}}]"),
		"'' a:x{} b:y!the call is cut off: the reply has used up its tokens length");
	CHECK_TEXT(
		CONTENT(
			"max_tokens",
			"{\"type\":\"tool_use\",\"id\":\"c\",\"name\":\"look\",\"input\":{}}"),
		cut);
	CHECK_TEXT(
		CONTENT(
			"max_tokens",
			"{\"type\":\"tool_use\",\"id\":\"c\",\"name\":\"look\",\"input\":{}},"
			"{\"type\":\"text\",\"text\":\"and\"}"),
		"'and' c:look{} length");
	CHECK_TEXT(CONTENT("max_tokens", ""), "'' length");
	CHECK_TEXT(CONTENT("model_context_window_exceeded",
					   "{\"type\":\"text\",\"text\":\"so\"}"),
			   "'so' length");
}

TEST(failures)
{
	const char *refused = "permission_error: the model refused to answer";
	const char *filtered =
		"permission_error: the model's answer was withheld by a content filter";

	CHECK_TEXT(MESSAGE("\"content\":null,\"refusal\":\"I cannot\""), refused);
	CHECK_TEXT(MESSAGE("\"refusal\":\"I cannot\"," CALL("\"{}\"")), refused);
	CHECK_TEXT(CONTENT("refusal", "{\"type\":\"text\",\"text\":\"How\"}"),
			   refused);
	CHECK_TEXT(ENDED("content_filter", "\"content\":\"How\""), filtered);
	CHECK_TEXT(ENDED("content_filter", CALL("\"{}\"")), filtered);
	CHECK_TEXT(response(NULL, 429, "{\"error\":{\"message\":\"slow down\"}}"),
			   "rate_limit: slow down");
	CHECK_TEXT(response("anthropic", 529, NULL),
			   "service_unavailable: the server answered with status 529");
	CHECK_TEXT(response(NULL, 200, "<html>"),
			   "unknown_error: the inference server's reply is no JSON: a value"
			   " is expected");
	CHECK_TEXT(response(NULL, 200, "{\"choices\":[]}"),
			   "unknown_error: the inference server's reply is no chat"
			   " completion");
	CHECK_TEXT(response("anthropic", 200, "{}"),
			   "unknown_error: the inference server's reply is no message");
	CHECK_TEXT(response(NULL, 200, "{\"error\":\"overloaded\"}"),
			   "unknown_error: overloaded");
	CHECK_TEXT(response("smoke", 200, "{}"),
			   "unknown_error: the reply is of an unknown provider");
	CHECK_TEXT(
		heard(
			"{\"token\":1,\"error\":{\"kind\":\"timeout\",\"message\":\"slow\"}}"),
		"timeout: slow");
}

TEST(own_replies)
{
	CHECK_TEXT(heard("{\"token\":1,\"result\":{\"answer\":\"four\"}}"),
			   "'four' ended");
	CHECK_TEXT(heard("{\"token\":1,\"result\":{\"answer\":\"so\",\"calls\":["
					 "{\"name\":\"look\",\"arguments\":{\"n\":1}},"
					 "{\"id\":\"a\",\"name\":\"go\"}]}}"),
			   "'so' :look{\"n\":1} a:go{} tool");
	CHECK_TEXT(heard("{\"token\":1,\"result\":{}}"), "'' ended");
	CHECK_TEXT(heard("{\"token\":1,\"result\":{\"answer\":null}}"), "'' ended");
	CHECK_TEXT(heard("{\"token\":1,\"result\":{\"answer\":{\"n\":1}}}"),
			   "'{\"n\":1}' ended");
	CHECK_TEXT(heard("{\"token\":1,\"result\":\"four\"}"), "'four' ended");
	CHECK_TEXT(heard("{\"token\":1,\"result\":[4]}"), "'[4]' ended");
}

/*
 * The facts about a turn besides what is said; told even of a failure.
 */
TEST(facts)
{
	static const struct
	{
		const char *message;
		const char *model;
		int64_t input;
		int64_t output;
		double cost;
	} cases[] = {
		{"{\"status\":200,\"body\":\"{\\\"model\\\":\\\"m-1\\\",\\\"choices\\\":"
		 "[{\\\"message\\\":{}}],\\\"usage\\\":{\\\"prompt_tokens\\\":7,"
		 "\\\"completion_tokens\\\":2}}\",\"cost\":0.25}",
		 "m-1", 7, 2, 0.25},
		{"{\"status\":200,\"body\":\"{\\\"model\\\":7,\\\"choices\\\":"
		 "[{\\\"message\\\":{}}]}\",\"cost\":null}",
		 NULL, -1, -1, -1},
		{"{\"status\":200,\"provider\":\"anthropic\",\"body\":\"{\\\"content\\\":"
		 "[],\\\"stop_reason\\\":\\\"refusal\\\",\\\"usage\\\":"
		 "{\\\"input_tokens\\\":7,\\\"cache_read_input_tokens\\\":100,"
		 "\\\"output_tokens\\\":0}}\",\"cost\":0}",
		 NULL, 107, 0, 0},
		{"{\"result\":{\"answer\":\"x\",\"model\":\"m\",\"usage\":"
		 "{\"prompt_tokens\":3,\"completion_tokens\":\"2\"}},\"cost\":-1.5}",
		 "m", 3, -1, -1},
		{"{\"error\":{},\"cost\":2}", NULL, -1, -1, 2},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		HitlArena arena;
		const HitlJson *body;
		HitlTurn turn;
		HitlReply reply;

		hitl_arena_init(&arena);
		CHECK_INT(hitl_json_parse(&arena, cases[i].message,
								  strlen(cases[i].message), 0, &body, NULL),
				  HITL_OK);
		hitl_read_turn(&arena, body, &turn, &reply);
		CHECK_TEXT(turn.model, cases[i].model);
		CHECK_INT(turn.input_tokens, cases[i].input);
		CHECK_INT(turn.output_tokens, cases[i].output);
		CHECK(turn.cost == cases[i].cost);
		hitl_arena_free(&arena);
	}
}

TEST(thoughts)
{
	CHECK_TEXT(MESSAGE("\"content\":\"<think>hm</think>\\n\\n4\""),
			   "'4' ended");
	CHECK_TEXT(MESSAGE("\"content\":\"\\n<think>\\n\\n</think>\\n4\""),
			   "'4' ended");
	CHECK_TEXT(MESSAGE("\"content\":\"hm, 4?\\n</think>\\n\\n4\""),
			   "'4' ended");
	CHECK_TEXT(MESSAGE("\"content\":\"<think>hm</think>\""), "'' ended");
	CHECK_TEXT(ENDED("length", "\"content\":\"<think>hm, {\\\"a\\\":\""),
			   "'' length");

	/* What is no thought stays. */
	CHECK_TEXT(MESSAGE("\"content\":\"<think>4\""), "'<think>4' ended");
	CHECK_TEXT(MESSAGE("\"content\":\"Write <think>x</think>.\""),
			   "'Write <think>x</think>.' ended");
	CHECK_TEXT(ENDED("length", "\"content\":\"4 <think>\""),
			   "'4 <think>' length");
}

/*
 * The turn that a text is once the calls in it have been found.
 */
static const char *
found(HitlStop stop, const char *text)
{
	static char out[8000];
	HitlArena arena;
	HitlTurn turn = {.text = text, .length = strlen(text), .stop = stop};

	hitl_arena_init(&arena);
	hitl_find_calls(&arena, &turn);
	CHECK(!arena.failed);
	snprintf(out, sizeof(out), "%s", describe(&turn));
	hitl_arena_free(&arena);
	return out;
}

#define FOUND(text, expected) \
	CHECK_TEXT(found(HITL_STOP_ENDED, text), expected " ended")
#define STAYS(text) FOUND(text, "'" text "'")

TEST(calls_in_text)
{
	FOUND("{\"name\":\"look\",\"arguments\":{\"n\":1}}", "'' :look{\"n\":1}");
	FOUND(
		"I look.\n{\"name\": \"look\", \"arguments\": \"{\\\"n\\\":1}\"}\nSo.",
		"'I look.\nSo.' :look{\"n\":1}");
	FOUND("{\"id\":\"a\",\"name\":\"look\",\"parameters\":{\"n\":1}}",
		  "'' a:look{\"n\":1}");
	FOUND("{\"name\":\"look\",\"input\":{}}", "'' :look{}");
	FOUND("{\"tool\":\"look\",\"args\":{\"n\":1}}", "'' :look{\"n\":1}");
	FOUND("{\"tool\":\"look\",\"args\":\"{\\\"n\\\":1}\"}",
		  "'' :look{\"n\":1}");
	FOUND(
		"{\"type\":\"function\",\"function\":{\"name\":\"look\",\"arguments\":{}}}",
		"'' :look{}");
	FOUND("{\"function\":{\"name\":\"look\",\"parameters\":{\"n\":1}}}",
		  "'' :look{\"n\":1}");
	FOUND("{\"function\":{\"name\":\"look\"}}", "'' :look{}");
	FOUND("{\"thought\":\"hm\",\"name\":\"look\",\"arguments\":{}}",
		  "'' :look{}");
	FOUND("Use {x}: {\"name\":\"look\",\"arguments\":{}} or {y}",
		  "'Use {x}:\nor {y}' :look{}");
	FOUND("So: {\"tool_calls\":[{\"id\":\"a\",\"function\":{\"name\":\"look\","
		  "\"arguments\":\"{}\"}}]}",
		  "'So:' a:look{}");

	/* Several, alone or in an array. */
	FOUND(
		"[{\"name\":\"a\",\"arguments\":{}}, {\"name\":\"b\",\"arguments\":{}}]",
		"'' :a{} :b{}");
	FOUND(
		"{\"name\":\"a\",\"arguments\":{}}; {\"name\":\"b\",\"arguments\":{}}\n"
		"then\n{\"name\":\"a\",\"arguments\":{}}",
		"'then' :a{} :b{} :a{}");

	/* What is around it goes with it. */
	FOUND("I look.\n\n```json\n{\"name\":\"look\",\"arguments\":{}}\n```\n",
		  "'I look.' :look{}");
	FOUND(
		"```\n{\"name\":\"a\",\"arguments\":{}}\n{\"name\":\"b\",\"arguments\":{}}\n```",
		"'' :a{} :b{}");
	FOUND("<tool_call>\n{\"name\":\"a\",\"arguments\":{}}\n</tool_call>\n"
		  "<tool_call>{\"name\":\"b\",\"arguments\":{}}</tool_call>",
		  "'' :a{} :b{}");
	FOUND("So.\n<tool_call>\n{\"name\":\"a\",\"arguments\":{}}", "'So.' :a{}");
	FOUND("```\n<tool_call>{\"name\":\"a\",\"arguments\":{}}</tool_call>\n```",
		  "'' :a{}");
	FOUND("[TOOL_CALLS] [{\"name\":\"a\",\"arguments\":{}}]", "'' :a{}");
	FOUND("<|python_tag|>{\"name\":\"a\",\"parameters\":{}}", "'' :a{}");

	/* Not another fence. */
	FOUND("```sql\nSELECT 1\n```\n{\"name\":\"a\",\"arguments\":{}}",
		  "'```sql\nSELECT 1\n```' :a{}");
	FOUND("{\"name\":\"a\",\"arguments\":{}}\n```\nx\n```",
		  "'```\nx\n```' :a{}");
}

TEST(text_without_calls)
{
	STAYS("");
	STAYS("four");
	STAYS("{\"answer\":4}");
	STAYS("[]");
	STAYS("{}");
	STAYS("[{\"name\":\"a\",\"arguments\":{}},{\"answer\":4}]");
	STAYS("{\"tool_calls\":[]}");
	STAYS("{\"name\":\"Bob\",\"input\":\"5 V\"}");
	STAYS("{\"name\":\"Bob\",\"age\":7,\"parameters\":{}}");
	STAYS(
		"{\"name\":\"f\",\"description\":\"d\",\"parameters\":{\"type\":\"object\"}}");
	STAYS("{\"name\":7,\"arguments\":{}}");
	STAYS("{\"function\":\"f\",\"n\":1}");
	STAYS("{\"functions\":[{\"name\":\"a\",\"arguments\":{}}]}");
	STAYS("{\"text\":\"<tool_call>\"}");
	STAYS("Members are {\"name\" and {\"arguments\"");
	STAYS("```json\n{\"answer\":4}\n```");
	STAYS("[[[[[{{{{{\"");
}

/*
 * What is meant to be a call and is none is told, and stays in the text.
 */
TEST(broken_calls_in_text)
{
	FOUND("{\"name\":\"look\",\"arguments\":\"n=1\"}",
		  "'' :look!the arguments are no JSON: a value is expected, at: n=1");
	FOUND("{\"name\":\"look\",\"arguments\":[1]}",
		  "'' :look!the arguments must be a JSON object, not an array");
	FOUND("{\"name\":\"\",\"arguments\":{}}", "'' :!the call names no tool");
	FOUND("So {\"name\": \"look\", \"arguments\": {\"n\": 1,}}",
		  "'So {\"name\": \"look\", \"arguments\": {\"n\": 1,}}' :!the call is"
		  " no JSON: a member name in quotes is expected, at: }}");
	FOUND("{\"name\": look, \"arguments\": {}}",
		  "'{\"name\": look, \"arguments\": {}}' :!the call is no JSON: a value"
		  " is expected, at: look, \"arguments\": {}}");

	/* What is in it is no call, though it looks like one. */
	FOUND("{\"name\":\"a\",\"arguments\":{\"name\":\"b\",\"arguments\":{}}",
		  "'{\"name\":\"a\",\"arguments\":{\"name\":\"b\",\"arguments\":{}}'"
		  " :!the call is no JSON: the document ends early");
	FOUND("{\"arguments\": {\"n\" 1}, \"name\": \"look\"}",
		  "'{\"arguments\": {\"n\" 1}, \"name\": \"look\"}' :!the call is no"
		  " JSON: a colon is expected, at: 1}, \"name\": \"look\"}");
	FOUND("\"name\": \"look\", \"arguments\": {}",
		  "'\"name\": \"look\", \"arguments\": {}' :!the call must be a JSON"
		  " object with \"name\" and \"arguments\"");
	FOUND("<tool_call>look</tool_call>",
		  "'<tool_call>look</tool_call>' :!the call must be a JSON object with"
		  " \"name\" and \"arguments\"");
	FOUND("<tool_call>{\"n\":1}</tool_call>",
		  "'<tool_call>{\"n\":1}</tool_call>' :!the call must be a JSON object"
		  " with \"name\" and \"arguments\"");

	/* The others count. */
	FOUND(
		"<tool_call>{\"name\":\"a\",\"arguments\":{}}</tool_call>\n"
		"<tool_call>{\"name\":\"b\",\"arguments\":{}</tool_call>",
		"'<tool_call>{\"name\":\"b\",\"arguments\":{}</tool_call>' :a{}"
		" :!the call is no JSON: a comma or a closing bracket is expected, at:"
		" </tool_call>");

	/* Cut off. */
	CHECK_TEXT(
		found(HITL_STOP_LENGTH, "{\"name\":\"look\",\"arguments\":{\"n\""),
		"'{\"name\":\"look\",\"arguments\":{\"n\"' :!the call is cut off:"
		" the reply has used up its tokens length");
	CHECK_TEXT(found(HITL_STOP_LENGTH, "So. <tool_call>"),
			   "'So. <tool_call>' :!the call is cut off: the reply has used up"
			   " its tokens length");
	CHECK_TEXT(found(HITL_STOP_LENGTH, "{\"name\": x, \"arguments\":{\"n\""),
			   "'{\"name\": x, \"arguments\":{\"n\"' :!the call is no JSON: a"
			   " value is expected, at: x, \"arguments\":{\"n\" length");
	CHECK_TEXT(found(HITL_STOP_LENGTH,
					 "{\"name\":\"a\",\"arguments\":{}} and th"),
			   "'and th' :a{} length");
}

/*
 * Long texts take no time that grows with their square; those that do would not
 * end here.
 */
TEST(long_texts)
{
	static const char *const units[] =
		{"{\"name\":", "{\"name\": x ", "[{\"a\":",
		 "{\"a\":{",   "<tool_call>",	"{\"name\":\"a\",\"arguments\":{}}",
		 "{ ",		   "[{\"",			"\"name\":"};
	size_t size = 1000 * 1000;
	char *text = malloc(size + 1);
	size_t i;

	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
	{
		HitlArena arena;
		HitlTurn turn = {.text = text};
		size_t unit = strlen(units[i]);

		for (turn.length = 0; turn.length + unit <= size; turn.length += unit)
			memcpy(text + turn.length, units[i], unit);
		text[turn.length] = '\0';
		hitl_arena_init(&arena);
		hitl_find_calls(&arena, &turn);
		CHECK(!arena.failed);
		CHECK_INT(turn.ncalls,
				  strcmp(units[i], "<tool_call>") == 0 ? 1
					  : units[i][unit - 1] == '}'	   ? (int) (size / unit)
													   : 0);
		hitl_arena_free(&arena);
	}
	free(text);
}

static const char *
code(HitlStop stop, const char *text)
{
	static char out[1000];
	HitlArena arena;
	HitlTurn turn = {.text = text, .length = strlen(text), .stop = stop};
	const char *result;

	hitl_arena_init(&arena);
	result = hitl_find_code(&arena, &turn);
	if (result != NULL)
		snprintf(out, sizeof(out), "%s", result);
	hitl_arena_free(&arena);
	return result == NULL ? NULL : out;
}

#define CODE(text, expected) CHECK_TEXT(code(HITL_STOP_ENDED, text), expected)

TEST(code_in_tags)
{
	CODE("four", NULL);
	CODE("", NULL);
	CODE("I count.\n<code>\nSELECT 1;\n</code>\nSo.", "SELECT 1;");
	CODE("<code>SELECT 1;</code> and <code>\nSELECT 2;\n</code>",
		 "SELECT 1;\nSELECT 2;");
	CODE("<code>\n```sql\nSELECT 1;\n```\n</code>", "SELECT 1;");
	CODE("<code>```SELECT 1```</code>", "SELECT 1");
	CODE("<code>SELECT '```'</code>", "SELECT '```'");
	CODE("<code></code>", NULL);
	CODE("<code> \n</code><code>SELECT 1</code>", "SELECT 1");

	/* Fences beside them do not count. */
	CODE("```sql\nSELECT 1\n```\n<code>SELECT 2</code>", "SELECT 2");

	/* One that is not closed goes to the end, unless that is not there. */
	CODE("<code>SELECT 1;\n", "SELECT 1;");
	CHECK_TEXT(code(HITL_STOP_LENGTH, "<code>SELECT 1 + "), NULL);
	CHECK_TEXT(code(HITL_STOP_LENGTH, "<code>SELECT 1</code><code>SEL"), NULL);
	CHECK_TEXT(code(HITL_STOP_LENGTH, "<code>SELECT 1</code> as"), "SELECT 1");
}

TEST(code_in_fences)
{
	CODE("I count.\n```sql\nSELECT 1;\n```\nSo.", "SELECT 1;");
	CODE("```SQL\r\nSELECT 1;\r\n```", "SELECT 1;");
	CODE("```postgresql\nSELECT 1;\n```\n  ```psql\nSELECT 2;\n  ```",
		 "SELECT 1;\nSELECT 2;");
	CODE("```\nSELECT 1;\n```", "SELECT 1;");
	CODE("```SELECT 1;\n```", "SELECT 1;");
	CODE("```with x as (SELECT 1)\nTABLE x```",
		 "with x as (SELECT 1)\nTABLE x");
	CODE("```sql\nSELECT 1;```", "SELECT 1;");
	CODE("```sql\nSELECT 1;", "SELECT 1;");
	CODE("```", NULL);
	CODE("```sql", NULL);
	CHECK_TEXT(code(HITL_STOP_LENGTH, "```sql\nSELECT 1"), NULL);

	/* Others are text. */
	CODE("```json\n{\"a\":1}\n```", NULL);
	CODE("```python\nprint(1)\n```\n```sql\nSELECT 1\n```", "SELECT 1");
	CODE("```table\n| a |\n```", NULL);
	CODE("```text here\n| a |\n```", NULL);
	CODE("Write ```SELECT 1``` for that", NULL);
	CODE("```json\n{\"a\":1}", NULL);
}

/*
 * Every allocation fails once: there is no answer then, and nothing else.
 */
TEST(turn_without_memory)
{
	static const char *const messages[] = {
		"{\"status\":200,\"body\":\"{\\\"choices\\\":[{\\\"message\\\":"
		"{\\\"content\\\":[\\\"<think>hm</think>x\\\"],\\\"tool_calls\\\":["
		"{\\\"id\\\":\\\"a\\\",\\\"function\\\":{\\\"name\\\":\\\"x\\\","
		"\\\"arguments\\\":\\\"{}\\\"}},{\\\"name\\\":\\\"y\\\"},"
		"{\\\"name\\\":\\\"y\\\",\\\"arguments\\\":\\\"{\\\"},"
		"{\\\"name\\\":\\\"y\\\",\\\"arguments\\\":[]},"
		"{\\\"name\\\":\\\"y\\\"}]}}]}\"}",
		"{\"status\":200,\"provider\":\"anthropic\",\"body\":\"{\\\"content\\\":["
		"{\\\"type\\\":\\\"text\\\",\\\"text\\\":\\\"x\\\"},"
		"{\\\"type\\\":\\\"tool_use\\\",\\\"name\\\":\\\"x\\\","
		"\\\"input\\\":{\\\"n\\\":1,\\\"n\\\":2}}]}\"}",
		"{\"result\":{\"answer\":[1],\"calls\":[{\"name\":\"x\",\"arguments\":{}}]}}",
		"{\"error\":{\"message\":\"why\"}}"};
	size_t i;

	for (i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
	{
		HitlArena input;
		const HitlJson *body;
		bool failed = true;
		long n;

		hitl_arena_init(&input);
		CHECK_INT(hitl_json_parse(&input, messages[i], strlen(messages[i]), 0,
								  &body, NULL),
				  HITL_OK);
		for (n = 0; failed && n < 10000; n++)
		{
			HitlArena arena;
			HitlTurn turn;
			HitlReply reply;
			bool heard;

			hitl_arena_init(&arena);
			allocations_left = n;
			heard = hitl_read_turn(&arena, body, &turn, &reply);
			allocations_left = -1;
			failed = arena.failed;
			CHECK(!heard || !failed);
			if (heard)
				describe(&turn);
			hitl_arena_free(&arena);
		}
		CHECK(n > 1 && !failed);
		hitl_arena_free(&input);
	}
}

TEST(search_without_memory)
{
	static const char *const texts[] =
		{"So {\"answer\":1} <tool_call>{\"name\":\"x\",\"arguments\":{\"n\":1}}"
		 " [{\"tool\":\"x\",\"args\":{}}] {\"name\":\"x\",\"arguments\":",
		 "<code>SELECT 1</code><code>SELECT 2</code>"};
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		bool failed = true;
		long n;

		for (n = 0; failed && n < 10000; n++)
		{
			HitlArena arena;
			HitlTurn turn = {.text = texts[i], .length = strlen(texts[i])};

			hitl_arena_init(&arena);
			allocations_left = n;
			if (i == 0)
				hitl_find_calls(&arena, &turn);
			else if (hitl_find_code(&arena, &turn) == NULL)
				CHECK(arena.failed);
			allocations_left = -1;
			failed = arena.failed;
			CHECK_INT(turn.length, strlen(turn.text));
			if (!failed && i == 0)
				CHECK_INT(turn.ncalls, 3);
			hitl_arena_free(&arena);
		}
		CHECK(n > 1 && !failed);
	}
}

SUITE(turn, RUN(completions), RUN(arguments), RUN(malformed_calls),
	  RUN(calls_of_old), RUN(messages), RUN(cut_replies), RUN(failures),
	  RUN(own_replies), RUN(facts), RUN(thoughts), RUN(calls_in_text),
	  RUN(text_without_calls), RUN(broken_calls_in_text), RUN(long_texts),
	  RUN(code_in_tags), RUN(code_in_fences), RUN(turn_without_memory),
	  RUN(search_without_memory));
