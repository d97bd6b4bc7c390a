/*
 * test_http.c
 *		The step that calls a server.
 */
#include "harness.h"

#define STEP(more) "{\"steps\":[{\"name\":\"h\",\"type\":\"http\"" more "}]}"
#define URL		   ",\"url\":\"https://example.org/a\""
#define DATA \
	"{\"variables\":{\"id\":7,\"host\":\"example.org\",\"bad\":\"a\\r\\nX: y\"," \
	"\"url\":\"http://x/\",\"file\":\"file:///etc/passwd\",\"who\":{\"n\":1}}}"

/*
 * The result of the step, or its error, after a reply to its call.
 */
static const char *
answered(const char *more, const char *reply)
{
	static char text[2000];
	char definition[1000];
	Workflow w;

	snprintf(definition, sizeof(definition), STEP(URL "%s"), more);
	workflow_open(&w, definition, DATA);
	workflow_send(&w, "start", NULL);
	workflow_send(&w, "reply", reply);
	CHECK(w.effects.count > 0);
	snprintf(text, sizeof(text), "%s",
			 w.effects.count == 0 ? "(no effects)" : w.effects.items[0].delta);
	workflow_close(&w);
	return text;
}

TEST(plain_call)
{
	Workflow w;
	const HitlEffect *effect;

	workflow_open(&w, STEP(URL), DATA);
	workflow_send(&w, "start", NULL);
	effect = find_effect(&w, HITL_EFFECT_RUN_HTTP);
	CHECK_TEXT(effect->body,
			   "{\"method\":\"GET\",\"secret\":null,\"expect\":null,"
			   "\"url\":\"https://example.org/a\",\"headers\":{},\"body\":null,"
			   "\"retry\":null,\"timeout_seconds\":null}");
	CHECK_INT(effect->token, 1);
	workflow_close(&w);
}

TEST(full_call)
{
	Workflow w;

	workflow_open(
		&w,
		STEP(
			",\"method\":\"PUT\",\"url\":\"https://{{$.variables.host}}/{{$.variables.id}}\","
			"\"headers\":{\"X-Id\":\"{{$.variables.id}}\",\"Accept\":\"a/b\"},"
			"\"secret\":\"key\",\"body\":{\"who\":\"{{$.variables.who}}\",\"l\":[1.0]},"
			"\"expect\":[200,409],\"timeout\":2,\"retry\":{\"max_attempts\":1}"),
		DATA);
	workflow_send(&w, "start", NULL);
	CHECK_TEXT(find_effect(&w, HITL_EFFECT_RUN_HTTP)->body,
			   "{\"method\":\"PUT\",\"secret\":\"key\",\"expect\":[200,409],"
			   "\"url\":\"https://example.org/7\","
			   "\"headers\":{\"X-Id\":\"7\",\"Accept\":\"a/b\"},"
			   "\"body\":{\"who\":{\"n\":1},\"l\":[1.0]},"
			   "\"retry\":{\"max_attempts\":1},\"timeout_seconds\":2}");
	workflow_close(&w);
}

/*
 * What is sent as a body may be any JSON; a call with one posts it.
 */
TEST(body_decides_the_method)
{
	Workflow w;

	workflow_open(&w, STEP(URL ",\"body\":\"{{ $.variables.id }}\""), DATA);
	workflow_send(&w, "start", NULL);
	CHECK_TEXT(member_of(find_effect(&w, HITL_EFFECT_RUN_HTTP)->body,
						 "/method"),
			   "\"POST\"");
	CHECK_TEXT(member_of(find_effect(&w, HITL_EFFECT_RUN_HTTP)->body, "/body"),
			   "7");
	workflow_close(&w);
}

TEST(results)
{
	CHECK_TEXT(
		answered("",
				 "{\"token\":1,\"status\":201,\"headers\":{\"etag\":\"x\"},"
				 "\"body\":\"{\\\"a\\\": 0.10}\"}"),
		"{\"steps\":{\"h\":{\"status\":201,\"headers\":{\"etag\":\"x\"},"
		"\"body\":{\"a\":0.10}}}}");
	CHECK_TEXT(
		answered("", "{\"token\":1,\"status\":200,\"body\":\"<p>\"}"),
		"{\"steps\":{\"h\":{\"status\":200,\"headers\":{},\"body\":\"<p>\"}}}");
	CHECK_TEXT(
		answered("", "{\"token\":1,\"status\":204,\"body\":\"\"}"),
		"{\"steps\":{\"h\":{\"status\":204,\"headers\":{},\"body\":null}}}");
	CHECK_TEXT(
		answered(",\"expect\":[404]",
				 "{\"token\":1,\"status\":404,\"body\":null}"),
		"{\"steps\":{\"h\":{\"status\":404,\"headers\":{},\"body\":null}}}");
}

TEST(failures)
{
	static const struct
	{
		int status;
		const char *kind;
	} cases[] = {{100, "unknown_error"},		{302, "validation_error"},
				 {400, "validation_error"},		{401, "authentication_error"},
				 {403, "permission_error"},		{404, "validation_error"},
				 {407, "authentication_error"}, {408, "timeout"},
				 {409, "validation_error"},		{425, "service_unavailable"},
				 {429, "rate_limit"},			{500, "service_unavailable"},
				 {503, "service_unavailable"},	{200, "unknown_error"}};
	char reply[100];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		snprintf(reply, sizeof(reply), "{\"token\":1,\"status\":%d}",
				 cases[i].status);
		CHECK(contains(answered(",\"expect\":[299]", reply), cases[i].kind));
	}
	CHECK_TEXT(answered("",
						"{\"token\":1,\"status\":422,"
						"\"body\":\"{\\\"message\\\":\\\"no stock\\\"}\"}"),
			   "{\"steps\":{\"h\":{\"error\":{\"kind\":\"validation_error\","
			   "\"message\":\"no stock\",\"status\":422}}}}");
	CHECK_TEXT(answered("",
						"{\"token\":1,\"error\":{\"kind\":\"network_error\","
						"\"message\":\"refused\"}}"),
			   "{\"steps\":{\"h\":{\"error\":{\"kind\":\"network_error\","
			   "\"message\":\"refused\"}}}}");
}

/*
 * What the data make of a URL or a header is checked before it is sent.
 */
TEST(rendered_url_and_headers)
{
	static const char *const definitions[] =
		{STEP(",\"url\":\"{{ $.variables.file }}\""),
		 STEP(",\"url\":\"{{ $.variables.who }}\""),
		 STEP(",\"url\":\"http://x/{{ $.variables.bad }}\""),
		 STEP(",\"url\":\"http://x/{{ $.variables.none }}\""),
		 STEP(URL ",\"headers\":{\"X\":\"{{ $.variables.bad }}\"}")};
	Workflow w;
	size_t i;

	for (i = 0; i < sizeof(definitions) / sizeof(definitions[0]); i++)
	{
		workflow_open(&w, definitions[i], DATA);
		workflow_send(&w, "start", NULL);
		CHECK(find_effect(&w, HITL_EFFECT_RUN_HTTP) == NULL);
		CHECK_TEXT(workflow_value(&w, "$.steps.h.error.kind"),
				   "\"validation_error\"");
		workflow_close(&w);
	}
	workflow_open(&w, STEP(",\"url\":\"{{ $.variables.url }}\""), DATA);
	workflow_send(&w, "start", NULL);
	CHECK_TEXT(member_of(find_effect(&w, HITL_EFFECT_RUN_HTTP)->body, "/url"),
			   "\"http://x/\"");
	workflow_close(&w);
}

TEST(faults)
{
	CHECK_FAULT(STEP(""), "/steps/0", "\"url\" is missing");
	CHECK_FAULT(STEP(",\"url\":\"ftp://x/\""), "/steps/0/url",
				"must begin with");
	CHECK_FAULT(STEP(",\"url\":\"https:///a\""), "/steps/0/url",
				"must begin with");
	CHECK_FAULT(STEP(",\"url\":\"x{{ $.a }}\""), "/steps/0/url",
				"must begin with");
	CHECK_FAULT(STEP(",\"url\":\"http://x/a b\""), "/steps/0/url", "blanks");
	CHECK_FAULT(STEP(URL ",\"method\":\"get\""), "/steps/0/method",
				"must be GET");
	CHECK_FAULT(STEP(URL ",\"method\":\"GET\",\"body\":{}"), "/steps/0/body",
				"has no body");
	CHECK_FAULT(STEP(URL ",\"expect\":[]"), "/steps/0/expect", "1 to 100");
	CHECK_FAULT(STEP(URL ",\"expect\":[200,99]"), "/steps/0/expect/1",
				"100 to 599");
	CHECK_FAULT(STEP(URL ",\"expect\":200"), "/steps/0/expect",
				"must be an array");
	CHECK_FAULT(STEP(URL ",\"headers\":{\"A\":1}"), "/steps/0/headers/A",
				"must be a string");
	CHECK_FAULT(STEP(URL ",\"headers\":{\"A b\":\"1\"}"),
				"/steps/0/headers/A b", "name of a header");
	CHECK_FAULT(STEP(URL ",\"headers\":{\"host\":\"x\"}"),
				"/steps/0/headers/host", "set by the sender");
	CHECK_FAULT(STEP(URL ",\"headers\":{\"A\":\"1\",\"a\":\"2\"}"),
				"/steps/0/headers/a", "given twice");
	CHECK_FAULT(STEP(URL ",\"headers\":{\"A\":\"1\\n\"}"), "/steps/0/headers/A",
				"control characters");
	CHECK_FAULT(STEP(URL
					 ",\"secret\":\"k\",\"headers\":{\"authorization\":\"x\"}"),
				"/steps/0/headers/authorization", "\"secret\" sends");
}

SUITE(http, RUN(plain_call), RUN(full_call), RUN(body_decides_the_method),
	  RUN(results), RUN(failures), RUN(rendered_url_and_headers), RUN(faults));
