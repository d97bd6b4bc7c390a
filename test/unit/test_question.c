/*
 * test_question.c
 *		The approval step, and what decisions lead to.
 */
#include "harness.h"

#define ASK(more) \
	"{\"steps\":[{\"name\":\"ok\",\"type\":\"approval\",\"title\":\"May we?\"" more \
	"},{\"name\":\"next\",\"type\":\"checkpoint\"}]}"

/*
 * Ask, decide, and check what happens.
 */
static void
decide(const char *definition, const char *outcome, const char *expected)
{
	Workflow w;
	char body[100];

	workflow_open(&w, definition, NULL);
	SEND(&w, "start", NULL,
		 "workflow_started, =running, ask ok 1, =waiting_approval");
	snprintf(body, sizeof(body), "{\"token\":1,\"outcome\":\"%s\"}", outcome);
	SEND(&w, "approval", body, expected);
	snprintf(body, sizeof(body), "{\"decision\":\"%s\"}", outcome);
	CHECK_TEXT(member_of(w.effects.items[0].delta, "/steps/ok"), body);
	workflow_close(&w);
}

TEST(body)
{
	Workflow w;

	workflow_open(
		&w,
		ASK(",\"description\":\"d\",\"approval_type\":\"budget\",\"requested_from\":[\"a\",\"b\"],"
			"\"required_approvers\":[\"b\"],\"approval_threshold\":2,\"timeout_hours\":1.5,"
			"\"channels\":[\"slack\",\"email\"],\"context_data\":{\"n\":1.50}"),
		NULL);
	workflow_send(&w, "start", NULL);
	CHECK_TEXT(
		find_effect(&w, HITL_EFFECT_REQUEST_APPROVAL)->body,
		"{\"title\":\"May we?\",\"description\":\"d\",\"approval_type\":\"budget\","
		"\"requested_from\":[\"a\",\"b\"],\"required_approvers\":[\"b\"],\"approval_threshold\":2,"
		"\"timeout_seconds\":5400,\"channels\":[\"slack\",\"email\"],\"context_data\":{\"n\":1.50}}");
	workflow_close(&w);

	workflow_open(&w,
				  ASK(",\"requested_from\":\"a\\\"b\",\"timeout\":\"90 s\""),
				  NULL);
	workflow_send(&w, "start", NULL);
	CHECK_TEXT(
		find_effect(&w, HITL_EFFECT_REQUEST_APPROVAL)->body,
		"{\"title\":\"May we?\",\"description\":null,\"approval_type\":\"binary\","
		"\"requested_from\":[\"a\\\"b\"],\"required_approvers\":[],\"approval_threshold\":null,"
		"\"timeout_seconds\":90,\"channels\":null,\"context_data\":{}}");
	workflow_close(&w);

	workflow_open(&w, ASK(",\"channels\":[]"), NULL);
	workflow_send(&w, "start", NULL);
	CHECK(strstr(find_effect(&w, HITL_EFFECT_REQUEST_APPROVAL)->body,
				 "\"channels\":[],") != NULL);
	workflow_close(&w);
}

TEST(empty_title)
{
	Workflow w;

	workflow_open(
		&w,
		"{\"steps\":[{\"name\":\"ok\",\"type\":\"approval\",\"title\":\"{{$.t}}\"}]}",
		"{\"t\":\"\"}");
	SEND(
		&w, "start", NULL,
		"workflow_started, =running, step_failed ok, workflow_failed ok, =failed");
	CHECK_TEXT(member_of(w.effects.items[2].body, "/message"),
			   "\"the title of the approval request is empty\"");
	workflow_close(&w);
}

TEST(approved)
{
	Workflow w;

	workflow_open(&w, ASK(""), NULL);
	workflow_send(&w, "start", NULL);
	SEND(
		&w, "approval",
		"{\"token\":1,\"approval_id\":\"i\",\"outcome\":\"approved\",\"approver_id\":\"bob\","
		"\"response_data\":{\"budget\":12.50},\"feedback\":\"fine\"}",
		"step_completed ok, =running, more");
	CHECK_TEXT(
		w.effects.items[0].delta,
		"{\"steps\":{\"ok\":{\"decision\":\"approved\","
		"\"approval_id\":\"i\",\"approver_id\":\"bob\",\"response_data\":{\"budget\":12.50},"
		"\"feedback\":\"fine\"}}}");
	workflow_close(&w);
}

TEST(rejected)
{
	decide(ASK(""), "rejected",
		   "step_failed ok, workflow_rejected ok, =rejected");
	decide(ASK(",\"on_reject\":\"reject\""), "rejected",
		   "step_failed ok, workflow_rejected ok, =rejected");
	decide(ASK(",\"on_reject\":\"fail\""), "rejected",
		   "step_failed ok, workflow_failed ok, =failed");
	decide(ASK(",\"on_reject\":\"continue\""), "rejected",
		   "step_completed ok, =running, more");
	decide(ASK(",\"on_reject\":\"goto:next\""), "rejected",
		   "step_failed ok, =running, more");
	decide(ASK(",\"on_reject\":\"rollback:cp\""), "rejected",
		   "step_failed ok, rollback cp");
	decide(ASK(",\"on_error\":\"continue\""), "rejected",
		   "step_failed ok, workflow_rejected ok, =rejected");
}

TEST(expired)
{
	decide(ASK(""), "expired", "step_failed ok, workflow_failed ok, =failed");
	decide(ASK(",\"on_timeout\":\"reject\""), "expired",
		   "step_failed ok, workflow_rejected ok, =rejected");
	decide(ASK(",\"on_timeout\":\"reject\",\"on_reject\":\"goto:next\""),
		   "expired", "step_failed ok, =running, more");
	decide(ASK(",\"on_timeout\":\"continue\""), "expired",
		   "step_completed ok, =running, more");
	decide(ASK(",\"on_reject\":\"continue\""), "expired",
		   "step_failed ok, workflow_failed ok, =failed");
}

TEST(cancelled)
{
	decide(ASK(""), "cancelled",
		   "step_failed ok, workflow_rejected ok, =rejected");
	decide(ASK(",\"on_reject\":\"continue\""), "cancelled",
		   "step_completed ok, =running, more");
}

TEST(reasons)
{
	Workflow w;
	char body[2000];
	char expected[2000];
	char feedback[601];
	int i;

	/* The message is cut between characters, the result is whole. */
	for (i = 0; i < 600; i += 2)
		memcpy(feedback + i, "\xc3\xa9", 2);
	feedback[600] = '\0';
	workflow_open(&w, ASK(""), NULL);
	workflow_send(&w, "start", NULL);
	snprintf(body, sizeof(body),
			 "{\"token\":1,\"outcome\":\"rejected\",\"approver_id\":\"bob\","
			 "\"feedback\":\"%s\"}",
			 feedback);
	workflow_send(&w, "approval", body);
	snprintf(expected, sizeof(expected),
			 "{\"kind\":\"rejected\",\"message\":\"rejected by bob: "
			 "%.400s...\",\"step\":\"ok\",\"position\":\"/steps/0\"}",
			 feedback);
	CHECK_TEXT(w.effects.items[1].body, expected);
	snprintf(expected, sizeof(expected),
			 "{\"steps\":{\"ok\":{\"decision\":\"rejected\","
			 "\"approver_id\":\"bob\",\"feedback\":\"%s\"}}}",
			 feedback);
	CHECK_TEXT(w.effects.items[0].delta, expected);
	workflow_close(&w);

	workflow_open(&w, ASK(""), NULL);
	workflow_send(&w, "start", NULL);
	workflow_send(&w, "approval", "{\"token\":1,\"outcome\":\"expired\"}");
	CHECK_TEXT(
		w.effects.items[0].body,
		"{\"kind\":\"timeout\",\"message\":\"no decision came in time\"}");
	workflow_close(&w);
}

/*
 * A malformed answer is an error, never an approval.
 */
TEST(malformed_decisions)
{
	static const char *const bodies[] =
		{"{\"token\":1}",
		 "{\"token\":1,\"outcome\":null}",
		 "{\"token\":1,\"outcome\":true}",
		 "{\"token\":1,\"outcome\":\"\"}",
		 "{\"token\":1,\"outcome\":\"Approved\"}",
		 "{\"token\":1,\"outcome\":\"approve\"}",
		 "{\"token\":1,\"decision\":\"approved\"}",
		 "{\"token\":\"1\",\"outcome\":\"approved\"}",
		 "{\"token\":1.0,\"outcome\":\"approved\"}",
		 "{\"outcome\":\"approved\"}",
		 "{\"token\":1,\"outcome\":\"approved\",\"approver_id\":7}",
		 "{\"token\":1,\"outcome\":\"approved\",\"feedback\":[]}"};
	Workflow w;
	size_t i;

	workflow_open(&w, ASK(""), NULL);
	workflow_send(&w, "start", NULL);
	for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
	{
		CHECK_INT(workflow_send(&w, "approval", bodies[i]), HITL_INVALID);
		CHECK(w.effects.error != NULL);
	}
	SEND(&w, "approval", "{\"token\":1,\"outcome\":\"approved\"}",
		 "step_completed ok, =running, more");
	workflow_close(&w);
}

SUITE(question, RUN(body), RUN(empty_title), RUN(approved), RUN(rejected),
	  RUN(expired), RUN(cancelled), RUN(reasons), RUN(malformed_decisions));
