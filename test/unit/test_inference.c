/*
 * test_inference.c
 *		Chat completions: requests and replies.
 */
#include "harness.h"

/*
 * The delta of a task's step after a reply with this status and body, or the
 * error's text.
 */
static const char *
reply(int status, const char *body)
{
	static char out[8000];
	Workflow w;
	json_t *message = json_pack("{s:i,s:i,s:s?}", "token", 1, "status", status,
								"body", body);
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
request(const char *task, const char *model, const char *parameters,
		const char *goal, const char *variables, const char *steps)
{
	static char out[4000];
	char *body;
	char *error;
	HitlResult result;
	json_t *document;

	result = hitl_build_chat_request(task, model, parameters, goal, variables,
									 steps, &body, &error);
	CHECK_INT(result, body != NULL ? HITL_OK : HITL_INVALID);
	CHECK((body == NULL) == (error != NULL));
	snprintf(out, sizeof(out), "%s", body == NULL ? error : body);
	if (body != NULL)
	{
		document = json_loads(body, JSON_REJECT_DUPLICATES, NULL);
		CHECK(document != NULL);
		json_decref(document);
	}
	free(body);
	free(error);
	return out;
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
	CHECK_INT(hitl_build_echo_reply(find_effect(&w, HITL_EFFECT_RUN_TASK)->body,
									1, &body, &error),
			  HITL_OK);
	CHECK_TEXT(body,
			   "{\"token\":1,\"result\":{\"answer\":\"say \\\"hi\\\"\"}}");
	SEND(&w, "reply", body, "step_completed a, workflow_completed, =completed");
	free(body);
	workflow_close(&w);

	CHECK_INT(hitl_build_echo_reply("{}", 1, &body, &error), HITL_INVALID);
	CHECK_TEXT(error, "task: must have a text \"task\"");
	CHECK(body == NULL);
	free(error);
	CHECK_INT(hitl_build_echo_reply(NULL, 1, &body, &error), HITL_INVALID);
	free(error);
	CHECK_INT(hitl_build_echo_reply("[", 1, &body, NULL), HITL_INVALID);
}

SUITE(inference, RUN(answers), RUN(data), RUN(withheld_answers),
	  RUN(no_completion), RUN(failures), RUN(long_messages_are_cut),
	  RUN(errors_of_the_host), RUN(requests), RUN(parameters_do_not_replace),
	  RUN(faulty_requests), RUN(echo));
