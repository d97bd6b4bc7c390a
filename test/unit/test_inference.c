/*
 * test_inference.c
 *		Tasks for models: requests and replies, in each wire format.
 */
#include "harness.h"

#include "core/inference.h"

/*
 * The delta of a task's step after a reply with this status and body, or the
 * error's text.
 */
static const char *
reply_of(const char *provider, int status, const char *body)
{
	static char out[8000];
	Workflow w;
	json_t *message = json_pack("{s:i,s:i,s:s?,s:s*}", "token", 1, "status",
								status, "body", body, "provider", provider);
	char *text = json_dumps(message, 0);

	workflow_open(
		&w, "{\"steps\":[{\"name\":\"a\",\"type\":\"task\",\"task\":\"t\"}]}",
		NULL);
	workflow_send(&w, "start", NULL);
	CHECK_INT(workflow_send(&w, "reply", text), HITL_OK);
	if (strcmp(w.effects.items[0].type, "step_completed") == 0)
		snprintf(out, sizeof(out), "%s",
				 member_of(w.effects.items[0].delta, "/steps/a"));
	else
		snprintf(out, sizeof(out), "%s", w.effects.items[0].body);
	workflow_close(&w);
	free(text);
	json_decref(message);
	return out;
}

/*
 * The same in the format that is meant where none is named.
 */
static const char *
reply(int status, const char *body)
{
	return reply_of(NULL, status, body);
}

#define COMPLETION(content) \
	"{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":" content \
	"}}]}"

TEST(answers)
{
	CHECK_TEXT(reply(200, COMPLETION("\"four\"")), "{\"answer\":\"four\"}");
	CHECK_TEXT(
		reply(
			201,
			"{\"model\":\"m-1\",\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2,"
			"\"total_tokens\":9,\"cached\":1},\"choices\":[{\"index\":0,\"finish_reason\":\"stop\","
			"\"message\":{\"content\":\"a\\u0000b\"}}]}"),
		"{\"answer\":\"a\xef\xbf\xbd"
		"b\",\"model\":\"m-1\",\"usage\":{\"prompt_tokens\":7,"
		"\"completion_tokens\":2,\"total_tokens\":9}}");
	CHECK_TEXT(reply(200, COMPLETION("null")), "{\"answer\":\"\"}");
	CHECK_TEXT(reply(200, "{\"choices\":[{\"message\":{}}]}"),
			   "{\"answer\":\"\"}");
	CHECK_TEXT(
		reply(
			200,
			COMPLETION(
				"[{\"type\":\"text\",\"text\":\"a\"},\"b\",{\"type\":\"image\"}]")),
		"{\"answer\":\"ab\"}");
	CHECK_TEXT(
		reply(
			200,
			"{\"usage\":{\"prompt_tokens\":\"7\"},\"choices\":[{\"finish_reason\":\"length\","
			"\"message\":{\"content\":\"cut\"}}]}"),
		"{\"answer\":\"cut\"}");
}

TEST(data)
{
	CHECK_TEXT(reply(200, COMPLETION("\" {\\\"a\\\": [1]} \"")),
			   "{\"answer\":\" {\\\"a\\\": [1]} \",\"data\":{\"a\":[1]}}");
	CHECK_TEXT(reply(200, COMPLETION("\"[1,2]\"")),
			   "{\"answer\":\"[1,2]\",\"data\":[1,2]}");
	CHECK_TEXT(
		reply(200, COMPLETION("\"```json\\n{\\\"a\\\":1}\\n```\\n\"")),
		"{\"answer\":\"```json\\n{\\\"a\\\":1}\\n```\\n\",\"data\":{\"a\":1}}");
	CHECK_TEXT(reply(200, COMPLETION("\"```\\n[]\\n```\"")),
			   "{\"answer\":\"```\\n[]\\n```\",\"data\":[]}");
	CHECK_TEXT(reply(200, COMPLETION("\"```{\\\"a\\\":1}```\"")),
			   "{\"answer\":\"```{\\\"a\\\":1}```\",\"data\":{\"a\":1}}");
	CHECK_TEXT(reply(200, COMPLETION("\"42\"")), "{\"answer\":\"42\"}");
	CHECK_TEXT(reply(200, COMPLETION("\"{not json}\"")),
			   "{\"answer\":\"{not json}\"}");
	CHECK_TEXT(reply(200, COMPLETION("\"{} and more\"")),
			   "{\"answer\":\"{} and more\"}");
	CHECK_TEXT(reply(200, COMPLETION("\"```\"")), "{\"answer\":\"```\"}");
	CHECK_TEXT(reply(200, COMPLETION("\"``````\"")), "{\"answer\":\"``````\"}");
	CHECK_TEXT(reply(200, COMPLETION("\"[1e999999]\"")),
			   "{\"answer\":\"[1e999999]\"}");
}

TEST(withheld_answers)
{
	CHECK(contains(
		reply(
			200,
			"{\"choices\":[{\"finish_reason\":\"content_filter\",\"message\":{\"content\":\"\"}}]}"),
		"content filter"));
	CHECK(contains(
		reply(
			200,
			"{\"choices\":[{\"finish_reason\":\"length\",\"message\":{\"content\":null}}]}"),
		"raise max_tokens"));

	/* What is there of an answer that was withheld is none. */
	CHECK_TEXT(
		reply(
			200,
			"{\"choices\":[{\"finish_reason\":\"content_filter\",\"message\":{\"content\":\"How\"}}]}"),
		"{\"kind\":\"permission_error\",\"message\":"
		"\"the model's answer was withheld by a content filter\"}");
	CHECK(contains(
		reply(
			200,
			"{\"choices\":[{\"message\":{\"content\":null,\"refusal\":\"I cannot\"}}]}"),
		"the model refused to answer"));
	CHECK_TEXT(
		reply(
			200,
			"{\"choices\":[{\"message\":{\"content\":\"ok\",\"refusal\":null}}]}"),
		"{\"answer\":\"ok\"}");
}

TEST(answers_that_want_tools)
{
	const char *no_tools =
		"{\"kind\":\"validation_error\",\"message\":\"the model asked for a tool"
		" instead of answering, and tasks have no tools\"}";

	CHECK_TEXT(
		reply(
			200,
			"{\"choices\":[{\"finish_reason\":\"stop\",\"message\":{\"tool_calls\":[{\"id\":1}]}}]}"),
		no_tools);
	CHECK_TEXT(
		reply(
			200,
			"{\"choices\":[{\"finish_reason\":\"tool_calls\",\"message\":{\"content\":\"\"}}]}"),
		no_tools);
	CHECK_TEXT(
		reply(
			200,
			"{\"choices\":[{\"finish_reason\":\"tool_calls\",\"message\":{\"content\":\"so\","
			"\"tool_calls\":[{}]}}]}"),
		"{\"answer\":\"so\"}");
	CHECK_TEXT(
		reply(
			200,
			"{\"choices\":[{\"message\":{\"content\":\"\",\"tool_calls\":[]}}]}"),
		"{\"answer\":\"\"}");
}

TEST(no_completion)
{
	const char *no_completion =
		"{\"kind\":\"unknown_error\",\"message\":\"the inference server's reply is no chat completion\"}";

	CHECK_TEXT(reply(200, "{}"), no_completion);
	CHECK_TEXT(reply(200, "[]"), no_completion);
	CHECK_TEXT(reply(200, "{\"choices\":[]}"), no_completion);
	CHECK_TEXT(reply(200, "{\"choices\":{\"message\":{\"content\":\"x\"}}}"),
			   no_completion);
	CHECK_TEXT(reply(200, "{\"choices\":[{\"message\":\"x\"}]}"),
			   no_completion);
	CHECK_TEXT(
		reply(200, NULL),
		"{\"kind\":\"unknown_error\",\"message\":"
		"\"the inference server's reply is no JSON: the body is empty\"}");
	CHECK_TEXT(
		reply(200, "<html>"),
		"{\"kind\":\"unknown_error\",\"message\":"
		"\"the inference server's reply is no JSON: a value is expected\"}");
	CHECK_TEXT(reply(200, "{\"error\":{\"message\":\"overloaded\"}}"),
			   "{\"kind\":\"unknown_error\",\"message\":\"overloaded\"}");
}

TEST(failures)
{
	static const struct
	{
		int status;
		const char *kind;
	} cases[] = {{401, "authentication_error"},
				 {402, "permission_error"},
				 {403, "permission_error"},
				 {400, "validation_error"},
				 {404, "validation_error"},
				 {422, "validation_error"},
				 {408, "timeout"},
				 {429, "rate_limit"},
				 {500, "service_unavailable"},
				 {503, "service_unavailable"},
				 {529, "service_unavailable"},
				 {302, "validation_error"},
				 {418, "validation_error"},
				 {0, "unknown_error"},
				 {-1, "unknown_error"},
				 {600, "unknown_error"}};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		char expected[200];

		snprintf(expected, sizeof(expected),
				 "{\"kind\":\"%s\",\"message\":\"why\"}", cases[i].kind);
		CHECK_TEXT(reply(cases[i].status, "{\"error\":{\"message\":\"why\"}}"),
				   expected);
	}
	CHECK_TEXT(reply(500, "{\"error\":\"why\"}"),
			   "{\"kind\":\"service_unavailable\",\"message\":\"why\"}");
	CHECK_TEXT(reply(500, "{\"message\":\"why\"}"),
			   "{\"kind\":\"service_unavailable\",\"message\":\"why\"}");
	CHECK_TEXT(reply(401, "{\"detail\":\"why\"}"),
			   "{\"kind\":\"authentication_error\",\"message\":\"why\"}");
	CHECK_TEXT(
		reply(422, "{\"detail\":[{\"msg\":\"why\"}]}"),
		"{\"kind\":\"validation_error\",\"message\":\"the server answered with status 422\"}");
	CHECK_TEXT(
		reply(500, "gone"),
		"{\"kind\":\"service_unavailable\",\"message\":\"the server answered with status 500\"}");
	CHECK_TEXT(
		reply(500, NULL),
		"{\"kind\":\"service_unavailable\",\"message\":\"the server answered with status 500\"}");
}

TEST(long_messages_are_cut)
{
	char body[3000];
	const char *error;
	size_t length;
	int i;

	length = snprintf(body, sizeof(body), "{\"error\":{\"message\":\"");
	for (i = 0; i < 800; i++)
		length += snprintf(body + length, sizeof(body) - length, "\xc3\xa9");
	snprintf(body + length, sizeof(body) - length, "\"}}");
	error = reply(400, body);
	CHECK_INT(strlen(error),
			  strlen("{\"kind\":\"validation_error\",\"message\":\"\"}") +
				  2 * 500);
}

TEST(errors_of_the_host)
{
	Workflow w;

	workflow_open(
		&w, "{\"steps\":[{\"name\":\"a\",\"type\":\"task\",\"task\":\"t\"}]}",
		NULL);
	workflow_send(&w, "start", NULL);
	workflow_send(&w, "reply", "{\"token\":1,\"error\":{}}");
	CHECK_TEXT(w.effects.items[0].body,
			   "{\"kind\":\"unknown_error\",\"message\":\"no reason given\"}");
	workflow_close(&w);
}

/*
 * A request, or the error.
 */
static const char *
request_to(const char *provider, const char *task, const char *model,
		   const char *parameters, const char *goal, const char *variables,
		   const char *steps)
{
	char *body;
	char *error;
	HitlResult result = hitl_build_request(provider, task, model, parameters,
										   goal, variables, steps, &body,
										   &error);

	return json_or_error(result, body, error);
}

/*
 * The same for a chat completion.
 */
static const char *
request(const char *task, const char *model, const char *parameters,
		const char *goal, const char *variables, const char *steps)
{
	return request_to("openai", task, model, parameters, goal, variables,
					  steps);
}

TEST(requests)
{
	const char *body;

	CHECK_TEXT(
		request(
			"{\"task\":\"add\",\"instructions\":\"Be brief.\",\"context\":{\"a\":1.10}}",
			"m", "{\"temperature\":0.1,\"max_tokens\":50}", "sum it up",
			"{\"x\":1}", "{\"one\":{\"answer\":\"\\\"q\\\"\"}}"),
		"{\"model\":\"m\",\"temperature\":0.1,\"max_tokens\":50,\"messages\":["
		"{\"role\":\"system\",\"content\":\"Be brief.\"},{\"role\":\"user\",\"content\":"
		"\"Task: add\\n\\nThe workflow's goal: sum it up\\n\\nContext:\\n{\\\"a\\\":1.10}"
		"\\n\\nVariables:\\n{\\\"x\\\":1}\\n\\nResults of earlier steps:\\n"
		"{\\\"one\\\":{\\\"answer\\\":\\\"\\\\\\\"q\\\\\\\"\\\"}}\"}]}");
	body = request("{\"task\":\"add\",\"instructions\":null,\"context\":{}}",
				   "m", NULL, NULL, "{}", NULL);
	CHECK(contains(body,
				   "\"role\":\"system\",\"content\":\"You carry out one step"));
	CHECK(contains(body, "\"content\":\"Task: add\"}]}"));
	CHECK(
		contains(request("{\"task\":\"a\"}", NULL, "null", "", "null", "null"),
				 "{\"messages\":["));
}

TEST(parameters_do_not_replace)
{
	const char *body =
		request("{\"task\":\"a\"}", "m",
				"{\"model\":\"x\",\"messages\":[],\"stream\":true,\"n\":3,"
				"\"top_p\":1}",
				NULL, NULL, NULL);

	CHECK(contains(body, "{\"model\":\"m\",\"top_p\":1,\"messages\":[{"));
	CHECK(!contains(body, "stream"));
}

TEST(faulty_requests)
{
	CHECK_TEXT(request("", "m", NULL, NULL, NULL, NULL),
			   "task: not JSON: the document ends early");
	CHECK_TEXT(request(NULL, "m", NULL, NULL, NULL, NULL),
			   "task: not JSON: the document ends early");
	CHECK_TEXT(request("null", "m", NULL, NULL, NULL, NULL),
			   "task: must be an object, not null");
	CHECK_TEXT(request("{}", "m", "[]", NULL, NULL, NULL),
			   "parameters: must be an object, not an array");
	CHECK_TEXT(request("{}", "m", NULL, NULL, "7", NULL),
			   "variables: must be an object, not a number");
	CHECK_TEXT(request("{}", "m", NULL, NULL, NULL, "{"),
			   "steps: not JSON: a member name in quotes is expected");
}

TEST(echo)
{
	Workflow w;
	char *body;
	char *error;

	workflow_open(
		&w,
		"{\"steps\":[{\"name\":\"a\",\"type\":\"task\",\"task\":\"say \\\"hi\\\"\"}]}",
		NULL);
	workflow_send(&w, "start", NULL);
	CHECK_INT(hitl_build_builtin_reply(
				  NULL, find_effect(&w, HITL_EFFECT_RUN_TASK)->body, 1, &body,
				  &error),
			  HITL_OK);
	CHECK_TEXT(body,
			   "{\"token\":1,\"result\":{\"answer\":\"say \\\"hi\\\"\"}}");
	SEND(&w, "reply", body, "step_completed a, workflow_completed, =completed");
	free(body);
	workflow_close(&w);

	CHECK_INT(hitl_build_builtin_reply(NULL, "{}", 1, &body, &error),
			  HITL_INVALID);
	CHECK_TEXT(error, "task: must have a text \"task\"");
	CHECK(body == NULL);
	free(error);
	CHECK_INT(hitl_build_builtin_reply(NULL, NULL, 1, &body, &error),
			  HITL_INVALID);
	free(error);
	CHECK_INT(hitl_build_builtin_reply(NULL, "[", 1, &body, NULL),
			  HITL_INVALID);
}

/*
 * What the built-in model says to an agent in a turn.
 */
static void
check_scripted(int turn, bool tools, const char *expected)
{
	static const char *const script =
		"{\"replies\":[{\"plan\":\"Two steps.\",\"calls\":[{\"name\":\"a\",\"arguments\":{}}],"
		"\"usage\":{\"prompt_tokens\":7}},{\"text\":\"Done.\"}]}";
	char task[200];
	char *body;
	char *error;

	snprintf(task, sizeof(task), "{\"task\":\"t\",\"turn\":%d,\"tools\":%s}",
			 turn, tools ? "true" : "false");
	CHECK_INT(hitl_build_builtin_reply(script, task, 3, &body, &error),
			  HITL_OK);
	CHECK_TEXT(body, expected);
	free(body);
}

TEST(script)
{
	check_scripted(
		1, false,
		"{\"token\":3,\"result\":{\"answer\":\"Two steps.\",\"calls\":"
		"[{\"name\":\"a\",\"arguments\":{}}],\"usage\":{\"prompt_tokens\":7}}}");
	check_scripted(
		1, true,
		"{\"token\":3,\"result\":{\"answer\":\"\",\"calls\":"
		"[{\"name\":\"a\",\"arguments\":{}}],\"usage\":{\"prompt_tokens\":7}}}");
	check_scripted(2, false, "{\"token\":3,\"result\":{\"answer\":\"Done.\"}}");
	check_scripted(9, true, "{\"token\":3,\"result\":{\"answer\":\"Done.\"}}");
}

#define MESSAGE(stop, content) \
	"{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"content\":" content \
	",\"stop_reason\":\"" stop "\"}"
#define TEXT_BLOCK(text) "{\"type\":\"text\",\"text\":\"" text "\"}"

static const char *
message(int status, const char *body)
{
	return reply_of("anthropic", status, body);
}

TEST(messages)
{
	CHECK_TEXT(message(200, MESSAGE("end_turn", "[" TEXT_BLOCK("four") "]")),
			   "{\"answer\":\"four\"}");
	CHECK_TEXT(
		message(
			200,
			"{\"model\":\"m-1\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"hm\",\"text\":\"no\"},"
			"{\"type\":\"text\",\"text\":\"{\\\"a\\\":\"},{\"type\":\"text\",\"text\":\"1}\"},"
			"{\"type\":\"text\"},{\"type\":\"text\",\"text\":7},\"text\"],\"stop_reason\":\"stop_sequence\","
			"\"usage\":{\"input_tokens\":7,\"output_tokens\":2}}"),
		"{\"answer\":\"{\\\"a\\\":1}\",\"data\":{\"a\":1},\"model\":\"m-1\",\"usage\":"
		"{\"prompt_tokens\":7,\"completion_tokens\":2,\"total_tokens\":9}}");

	/* As a chat completion: what is there is the answer, nothing is none. */
	CHECK_TEXT(message(200, MESSAGE("end_turn", "[]")), "{\"answer\":\"\"}");
	CHECK_TEXT(message(200, "{\"content\":[]}"), "{\"answer\":\"\"}");
	CHECK_TEXT(message(200, "{\"content\":[],\"stop_reason\":null}"),
			   "{\"answer\":\"\"}");
	CHECK_TEXT(message(200, MESSAGE("max_tokens", "[" TEXT_BLOCK("cut") "]")),
			   "{\"answer\":\"cut\"}");
	CHECK_TEXT(message(200,
					   MESSAGE("tool_use",
							   "[" TEXT_BLOCK(
								   "so") ",{\"type\":\"tool_use\"}]")),
			   "{\"answer\":\"so\"}");
}

TEST(messages_without_an_answer)
{
	const char *refused =
		"{\"kind\":\"permission_error\",\"message\":\"the model refused to answer\"}";
	const char *used_up =
		"{\"kind\":\"validation_error\",\"message\":\"the model used up its"
		" tokens before it answered (raise max_tokens)\"}";
	const char *no_tools =
		"{\"kind\":\"validation_error\",\"message\":\"the model asked for a tool"
		" instead of answering, and tasks have no tools\"}";

	CHECK_TEXT(message(200, MESSAGE("refusal", "[]")), refused);
	CHECK_TEXT(message(200, MESSAGE("refusal", "[" TEXT_BLOCK("How") "]")),
			   refused);
	CHECK_TEXT(message(200, MESSAGE("max_tokens", "[]")), used_up);
	CHECK_TEXT(message(200,
					   MESSAGE("max_tokens",
							   "[{\"type\":\"thinking\",\"thinking\":\"x\"}]")),
			   used_up);
	CHECK_TEXT(message(200, MESSAGE("model_context_window_exceeded", "[]")),
			   used_up);
	CHECK_TEXT(message(200, MESSAGE("tool_use", "[]")), no_tools);
	CHECK_TEXT(message(200, MESSAGE("end_turn", "[{\"type\":\"tool_use\"}]")),
			   no_tools);
	CHECK_TEXT(message(200, MESSAGE("pause_turn", "[]")), no_tools);
}

TEST(no_messages)
{
	const char *no_message =
		"{\"kind\":\"unknown_error\",\"message\":\"the inference server's reply is no message\"}";

	CHECK_TEXT(message(200, "{}"), no_message);
	CHECK_TEXT(message(200, "7"), no_message);
	CHECK_TEXT(message(200, "{\"content\":\"four\"}"), no_message);
	CHECK_TEXT(message(200, COMPLETION("\"four\"")), no_message);
	CHECK_TEXT(reply(200, MESSAGE("end_turn", "[" TEXT_BLOCK("four") "]")),
			   "{\"kind\":\"unknown_error\",\"message\":"
			   "\"the inference server's reply is no chat completion\"}");
	CHECK_TEXT(
		message(200, "{\"content\":["),
		"{\"kind\":\"unknown_error\",\"message\":"
		"\"the inference server's reply is no JSON: the document ends early\"}");
	CHECK_TEXT(
		message(200, NULL),
		"{\"kind\":\"unknown_error\",\"message\":"
		"\"the inference server's reply is no JSON: the body is empty\"}");
	CHECK_TEXT(
		message(
			200,
			"{\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"why\"}}"),
		"{\"kind\":\"unknown_error\",\"message\":\"why\"}");
	CHECK_TEXT(
		message(
			529,
			"{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}"),
		"{\"kind\":\"service_unavailable\",\"message\":\"Overloaded\"}");
	CHECK_TEXT(message(413,
					   "{\"type\":\"error\",\"error\":{\"type\":"
					   "\"request_too_large\",\"message\":\"large\"}}"),
			   "{\"kind\":\"validation_error\",\"message\":\"large\"}");
	CHECK_TEXT(
		reply_of("smoke", 200, COMPLETION("\"four\"")),
		"{\"kind\":\"unknown_error\",\"message\":\"the reply is of an unknown provider\"}");
	CHECK_TEXT(reply_of("openai", 200, COMPLETION("\"four\"")),
			   "{\"answer\":\"four\"}");
}

TEST(tokens)
{
	static const struct
	{
		const char *provider;
		const char *usage;
		int64_t input;
		int64_t output;
	} cases[] = {
		{"openai", "{\"prompt_tokens\":7,\"completion_tokens\":0}", 7, 0},
		{"openai", "{\"completion_tokens\":3}", -1, 3},
		{"openai", "{\"prompt_tokens\":-7,\"completion_tokens\":1.5}", -1, -1},
		{"openai", "null", -1, -1},
		{"openai",
		 "{\"prompt_tokens\":1000000000000000,\"completion_tokens\":1000000000000001}",
		 1000000000000000, -1},
		{"openai", "{\"input_tokens\":7,\"output_tokens\":2}", -1, -1},
		{"anthropic", "{\"input_tokens\":7,\"output_tokens\":2}", 7, 2},
		{"anthropic",
		 "{\"input_tokens\":7,\"cache_creation_input_tokens\":100,"
		 "\"cache_read_input_tokens\":2000,\"output_tokens\":2}",
		 2107, 2},
		{"anthropic",
		 "{\"cache_read_input_tokens\":2000,\"cache_creation_input_tokens\":null}",
		 -1, -1},
		{"anthropic", "[]", -1, -1}};
	HitlInference inference;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		char body[500];

		snprintf(
			body, sizeof(body),
			"{\"choices\":[{\"message\":{\"content\":\"x\"}}],\"content\":[],\"usage\":%s}",
			cases[i].usage);
		CHECK_INT(hitl_read_inference(cases[i].provider, 200, body, false,
									  &inference),
				  HITL_OK);
		CHECK_INT(inference.input_tokens, cases[i].input);
		CHECK_INT(inference.output_tokens, cases[i].output);
		CHECK(inference.kind == NULL && inference.message == NULL);
	}

	/* What was no answer has its price, too. */
	CHECK_INT(hitl_read_inference(
				  "anthropic", 200,
				  "{\"content\":[],\"stop_reason\":\"max_tokens\","
				  "\"usage\":{\"input_tokens\":7,\"output_tokens\":50}}",
				  false, &inference),
			  HITL_OK);
	CHECK_INT(inference.output_tokens, 50);
	CHECK_TEXT(inference.kind, "validation_error");
	CHECK(contains(inference.message, "raise max_tokens"));
	free(inference.message);
	/* An agent's model may want tools, or say nothing; but not refuse. */
	CHECK_INT(
		hitl_read_inference(
			"openai", 200,
			"{\"choices\":[{\"message\":{\"tool_calls\":[{\"id\":\"a\"}]}}]}",
			true, &inference),
		HITL_OK);
	CHECK(inference.kind == NULL);
	CHECK_INT(
		hitl_read_inference("anthropic", 200,
							"{\"content\":[],\"stop_reason\":\"max_tokens\"}",
							true, &inference),
		HITL_OK);
	CHECK(inference.kind == NULL);
	CHECK_INT(
		hitl_read_inference("anthropic", 200,
							"{\"content\":[],\"stop_reason\":\"refusal\"}",
							true, &inference),
		HITL_OK);
	CHECK_TEXT(inference.kind, "permission_error");
	free(inference.message);

	/* Nor is an answer what cannot be read. */
	CHECK_INT(hitl_read_inference("openai", 200, "", false, &inference),
			  HITL_OK);
	CHECK_TEXT(inference.kind, "unknown_error");
	free(inference.message);
	CHECK_INT(hitl_read_inference("smoke", 200, "{}", false, &inference),
			  HITL_INVALID);
	CHECK_INT(inference.input_tokens, -1);
}

TEST(requests_for_messages)
{
	CHECK_TEXT(
		request_to(
			"anthropic",
			"{\"task\":\"add\",\"instructions\":\"Be brief.\",\"context\":{\"a\":1.10}}",
			"m", "{\"temperature\":0.1,\"max_tokens\":50}", NULL, NULL, NULL),
		"{\"model\":\"m\",\"temperature\":0.1,\"max_tokens\":50,\"system\":\"Be brief.\","
		"\"messages\":[{\"role\":\"user\",\"content\":"
		"\"Task: add\\n\\nContext:\\n{\\\"a\\\":1.10}\"}]}");
	CHECK_TEXT(
		request_to(
			"anthropic", "{\"task\":\"add\",\"instructions\":\"\"}", "m",
			"{\"stream\":true,\"model\":\"x\",\"system\":\"y\",\"messages\":[],\"max_tokens\":null}",
			NULL, NULL, NULL),
		"{\"model\":\"m\",\"max_tokens\":4096,\"messages\":[{\"role\":\"user\","
		"\"content\":\"Task: add\"}]}");
	CHECK(contains(request_to("anthropic", "{\"task\":\"a\"}", "m", NULL, NULL,
							  NULL, NULL),
				   "\"max_tokens\":4096,\"system\":\"You carry out one step"));
	CHECK_TEXT(request_to("smoke", "{\"task\":\"a\"}", "m", NULL, NULL, NULL,
						  NULL),
			   "provider: is unknown");
}

TEST(fallbacks)
{
	static const char *const definition =
		"{\"steps\":[{\"name\":\"a\",\"type\":\"task\",\"task\":\"t\",\"model\":\"x\"}]}";
	Workflow w;

	workflow_open(&w, definition, NULL);
	workflow_send(&w, "start", NULL);
	SEND(
		&w, "reply",
		"{\"token\":1,\"error\":{\"kind\":\"timeout\",\"message\":\"slow\"},\"fallbacks\":[\"y\",\"z\"]}",
		"task_rerouted a, run a 2");
	CHECK_TEXT(w.effects.items[0].body,
			   "{\"model\":\"y\",\"kind\":\"timeout\",\"message\":\"slow\"}");
	CHECK_TEXT(w.effects.items[1].type, "y");
	CHECK_TEXT(member_of(w.effects.items[1].body, "/fallbacks"), "[\"z\"]");
	CHECK_TEXT(member_of(w.effects.items[1].body, "/task"), "\"t\"");

	/* Too late: it is awaited no more. */
	SEND(&w, "reply", "{\"token\":1,\"result\":{\"answer\":\"late\"}}", "");
	SEND(&w, "reply",
		 "{\"token\":2,\"status\":529,\"body\":\"\",\"fallbacks\":[\"z\"]}",
		 "task_rerouted a, run a 3");
	CHECK_TEXT(member_of(w.effects.items[1].body, "/fallbacks"), "[]");
	SEND(&w, "reply", "{\"token\":3,\"result\":{\"answer\":\"x\"}}",
		 "step_completed a, workflow_completed, =completed");
	workflow_close(&w);
}

TEST(no_fallbacks)
{
	static const char *const replies[] = {
		"{\"token\":1,\"status\":401,\"body\":\"\",\"fallbacks\":[\"y\"]}",
		"{\"token\":1,\"status\":200,\"body\":\"{}\",\"fallbacks\":[\"y\"]}",
		"{\"token\":1,\"error\":{\"kind\":\"system_error\"},\"fallbacks\":[\"y\"]}",
		"{\"token\":1,\"status\":503,\"body\":\"\",\"fallbacks\":[]}",
		"{\"token\":1,\"status\":503,\"body\":\"\",\"fallbacks\":[7]}",
		"{\"token\":1,\"status\":503,\"body\":\"\",\"fallbacks\":\"y\"}"};
	Workflow w;
	size_t i;

	for (i = 0; i < sizeof(replies) / sizeof(replies[0]); i++)
	{
		workflow_open(
			&w,
			"{\"steps\":[{\"name\":\"a\",\"type\":\"task\",\"task\":\"t\"}]}",
			NULL);
		workflow_send(&w, "start", NULL);
		SEND(&w, "reply", replies[i],
			 "step_failed a, workflow_failed a, =failed");
		workflow_close(&w);
	}

	/* Nor of a task for programs outside, whatever they answer. */
	workflow_open(
		&w,
		"{\"steps\":[{\"name\":\"a\",\"type\":\"task\",\"task\":\"t\",\"executor\":\"external\"}]}",
		NULL);
	workflow_send(&w, "start", NULL);
	SEND(&w, "reply",
		 "{\"token\":1,\"error\":{\"kind\":\"timeout\"},\"fallbacks\":[\"y\"]}",
		 "step_failed a, workflow_failed a, =failed");
	workflow_close(&w);
}

TEST(fallbacks_of_approved_calls)
{
	Workflow w;

	workflow_open(
		&w,
		"{\"steps\":[{\"name\":\"a\",\"type\":\"task\",\"task\":\"{{ $.variables.x }}\","
		"\"requires_approval\":true}]}",
		"{\"variables\":{\"x\":\"one\"}}");
	workflow_send(&w, "start", NULL);
	workflow_send(&w, "approval", "{\"token\":1,\"outcome\":\"approved\"}");
	memory_merge(&w.memory, "{\"variables\":{\"x\":\"two\"}}");
	workflow_send(
		&w, "reply",
		"{\"token\":2,\"error\":{\"kind\":\"rate_limit\"},\"fallbacks\":[\"y\"]}");
	CHECK_TEXT(member_of(find_effect(&w, HITL_EFFECT_RUN_TASK)->body, "/task"),
			   "\"one\"");
	workflow_close(&w);
}

TEST(fallbacks_wait_where_paused)
{
	Workflow w;

	workflow_open(
		&w, "{\"steps\":[{\"name\":\"a\",\"type\":\"task\",\"task\":\"t\"}]}",
		NULL);
	workflow_send(&w, "start", NULL);
	workflow_send(&w, "pause", NULL);
	SEND(&w, "reply",
		 "{\"token\":1,\"error\":{\"kind\":\"timeout\"},\"fallbacks\":[\"y\"]}",
		 "");
	CHECK(w.effects.moved);
	GO(&w, "resume", NULL, "workflow_resumed, =running, more; run a 2");
	workflow_close(&w);
}

SUITE(inference, RUN(answers), RUN(data), RUN(withheld_answers),
	  RUN(no_completion), RUN(failures), RUN(long_messages_are_cut),
	  RUN(errors_of_the_host), RUN(requests), RUN(parameters_do_not_replace),
	  RUN(faulty_requests), RUN(echo), RUN(script),
	  RUN(answers_that_want_tools), RUN(messages),
	  RUN(messages_without_an_answer), RUN(no_messages), RUN(tokens),
	  RUN(requests_for_messages), RUN(fallbacks), RUN(no_fallbacks),
	  RUN(fallbacks_of_approved_calls), RUN(fallbacks_wait_where_paused));
