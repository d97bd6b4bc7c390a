/*
 * test_switch.c
 *		The step that chooses one of several lists, and steps inside of others
 *		that fail.
 */
#include "harness.h"

#define TASK(name, more) \
	"{\"name\":\"" name "\",\"type\":\"task\",\"task\":\"do\"" more "}"
#define ASK(name, more) \
	"{\"name\":\"" name "\",\"type\":\"approval\",\"title\":\"t\"" more "}"
#define CASE(when, steps) "{\"when\":\"" when "\",\"steps\":[" steps "]}"
#define SWITCH(name, cases, more) \
	"{\"name\":\"" name "\",\"type\":\"switch\",\"cases\":[" cases "]" more "}"
#define STEPS(steps) "{\"steps\":[" steps "]}"
#define AND			 ","

#define DONE(token) "{\"token\":" #token ",\"result\":{}}"
#define ERROR(token, kind) \
	"{\"token\":" #token ",\"error\":{\"kind\":\"" kind "\",\"message\":\"m\"}}"

static const char *const choice = STEPS(
	SWITCH("s",
		   CASE("$.n > 10", TASK("a", "") AND TASK("b", ""))
			   AND CASE("$.n > 5", TASK("c", "")) AND CASE("$.n == 0", ""),
		   ",\"default\":[" TASK("d", "") "],\"output\":\"$.variables.x\"")
		AND TASK("e", ""));

TEST(first_case_that_holds)
{
	Workflow w;

	workflow_open(&w, choice, "{\"n\":11}");
	SEND(&w, "start", NULL, "workflow_started, =running, more");
	CHECK(
		contains(control_text(&w),
				 "\"position\":\"/steps/0/cases/0/steps/0\",\"step\":\"a\","));
	CHECK(contains(control_text(&w), "\"outer\":[{\"attempt\":1}]"));
	CHECK(contains(control_text(&w), "\"completed\":0,\"total\":2,"));
	SEND(&w, "continue", NULL, "run a 1");
	GO(&w, "reply", DONE(1), "step_completed a, more; run b 2");
	CHECK(contains(control_text(&w), "\"completed\":0,\"total\":2,"));
	SEND(&w, "reply", DONE(2), "step_completed b, step_completed s, more");
	CHECK_TEXT(workflow_value(&w, "$.steps.s"), "{\"case\": 0}");
	CHECK_TEXT(workflow_value(&w, "$.variables.x.case"), "0");
	CHECK(contains(control_text(&w), "\"completed\":1,\"total\":2,"));
	workflow_close(&w);

	workflow_open(&w, choice, "{\"n\":6}");
	GO(&w, "start", NULL, "workflow_started, =running, more; run c 1");
	SEND(&w, "reply", DONE(1), "step_completed c, step_completed s, more");
	CHECK_TEXT(workflow_value(&w, "$.steps.s"), "{\"case\": 1}");
	workflow_close(&w);

	workflow_open(&w, choice, "{\"n\":5}");
	GO(&w, "start", NULL, "workflow_started, =running, more; run d 1");
	SEND(&w, "reply", DONE(1), "step_completed d, step_completed s, more");
	CHECK_TEXT(workflow_value(&w, "$.steps.s"), "{\"case\": \"default\"}");
	workflow_close(&w);
}

TEST(nothing_to_do)
{
	Workflow w;

	workflow_open(&w, choice, "{\"n\":0}");
	GO(&w, "start", NULL,
	   "workflow_started, =running, step_completed s, more; run e 1");
	CHECK_TEXT(workflow_value(&w, "$.steps.s"), "{\"case\": 2}");
	workflow_close(&w);

	workflow_open(&w, STEPS(SWITCH("s", CASE("$.n", TASK("a", "")), "")), NULL);
	SEND(&w, "start", NULL,
		 "workflow_started, =running, step_completed s, workflow_completed, "
		 "=completed");
	CHECK_TEXT(workflow_value(&w, "$.steps.s"), "{\"case\": null}");
	workflow_close(&w);

	/* A condition that cannot be decided is no "false". */
	workflow_open(&w, choice, "{\"n\":\"x\"}");
	SEND(&w, "start", NULL, "workflow_started, =running, more");
	workflow_close(&w);
	workflow_open(&w, STEPS(SWITCH("s", CASE("$.n", TASK("a", "")), "")),
				  "{\"n\":1}");
	SEND(&w, "start", NULL,
		 "workflow_started, =running, step_failed s, workflow_failed s, "
		 "=failed");
	workflow_close(&w);
}

TEST(switch_in_switch)
{
	Workflow w;

	workflow_open(&w,
				  STEPS(SWITCH("s",
							   CASE("$.yes",
									SWITCH("t", CASE("$.yes", TASK("a", "")),
										   "") AND TASK("b", "")),
							   "")),
				  "{\"yes\":true}");
	GO(&w, "start", NULL, "workflow_started, =running, more; more; run a 1");
	CHECK(contains(control_text(&w),
				   "\"outer\":[{\"attempt\":1},{\"attempt\":1}]"));
	GO(&w, "reply", DONE(1),
	   "step_completed a, step_completed t, more; run b 2");
	SEND(&w, "reply", DONE(2),
		 "step_completed b, step_completed s, workflow_completed, =completed");
	workflow_close(&w);
}

TEST(failures_go_up)
{
	Workflow w;

	/* The step's own answer comes first. */
	workflow_open(&w,
				  STEPS(SWITCH("s",
							   CASE("$.yes",
									TASK("a", ",\"on_error\":\"continue\"")),
							   ",\"on_error\":\"continue\"")),
				  "{\"yes\":true}");
	workflow_go(&w, "start", NULL);
	SEND(&w, "reply", ERROR(1, "x"),
		 "step_failed a, step_completed s, workflow_completed, =completed");
	workflow_close(&w);

	workflow_open(&w,
				  STEPS(SWITCH("s",
							   CASE("$.yes",
									SWITCH("t", CASE("$.yes", TASK("a", "")),
										   "") AND TASK("b", "")),
							   ",\"on_error\":\"goto:e\"") AND TASK("d", "")
							AND TASK("e", "")),
				  "{\"yes\":true}");
	workflow_go(&w, "start", NULL);
	GO(&w, "reply", ERROR(1, "x"),
	   "step_failed a, step_failed t, step_failed s, more; run e 2");
	CHECK_TEXT(workflow_value(&w, "$.steps.s.error.kind"), "\"x\"");
	CHECK(contains(control_text(&w), "\"completed\":2,\"total\":3,"));
	workflow_close(&w);

	/* Nobody has an answer: the step that failed is where it was. */
	workflow_open(&w, STEPS(SWITCH("s", CASE("$.yes", TASK("a", "")), "")),
				  "{\"yes\":true}");
	workflow_go(&w, "start", NULL);
	SEND(&w, "reply", ERROR(1, "x"),
		 "step_failed a, workflow_failed a, =failed");
	CHECK(contains(control_text(&w), "\"step\":\"a\""));
	GO(&w, "retry", NULL, "workflow_retried, =running, more; run a 2");
	SEND(&w, "reply", DONE(2),
		 "step_completed a, step_completed s, workflow_completed, =completed");
	workflow_close(&w);
}

TEST(rejections_go_up)
{
	Workflow w;
	const char *no = "{\"token\":1,\"outcome\":\"rejected\"}";

	workflow_open(&w,
				  STEPS(SWITCH("s", CASE("$.yes", ASK("a", "")),
							   ",\"on_error\":\"continue\"")),
				  "{\"yes\":true}");
	workflow_go(&w, "start", NULL);
	SEND(&w, "approval", no, "step_failed a, workflow_rejected a, =rejected");
	workflow_close(&w);

	workflow_open(&w,
				  STEPS(SWITCH("s", CASE("$.yes", ASK("a", "")),
							   ",\"on_reject\":\"continue\"")),
				  "{\"yes\":true}");
	workflow_go(&w, "start", NULL);
	SEND(&w, "approval", no,
		 "step_failed a, step_failed s, workflow_completed, =completed");
	workflow_close(&w);

	/* "fail" makes a failure of it, for which on_error is there. */
	workflow_open(&w,
				  STEPS(
					  SWITCH("s",
							 CASE("$.yes", ASK("a", ",\"on_reject\":\"fail\"")),
							 ",\"on_error\":\"continue\"")),
				  "{\"yes\":true}");
	workflow_go(&w, "start", NULL);
	SEND(&w, "approval", no,
		 "step_failed a, step_failed s, workflow_completed, =completed");
	workflow_close(&w);
	workflow_open(&w,
				  STEPS(
					  SWITCH("s",
							 CASE("$.yes", ASK("a", ",\"on_reject\":\"fail\"")),
							 "")),
				  "{\"yes\":true}");
	workflow_go(&w, "start", NULL);
	SEND(&w, "approval", no, "step_failed a, workflow_failed a, =failed");
	workflow_close(&w);
}

TEST(time_limit)
{
	Workflow w;

	workflow_open(&w,
				  STEPS(SWITCH("s",
							   CASE("$.yes", TASK("a", "") AND TASK("b", "")),
							   ",\"timeout\":60,\"on_timeout\":\"continue\"")),
				  "{\"yes\":true}");
	GO(&w, "start", NULL,
	   "workflow_started, =running, more; timer s 1, run a 2");
	CHECK_INT(w.effects.items[0].due_us, w.now_us + 60 * 1000000);
	CHECK(
		contains(control_text(&w), "\"outer\":[{\"attempt\":1,\"token\":1}]"));
	GO(&w, "reply", DONE(2), "step_completed a, more; run b 3");
	SEND(&w, "timer", "{\"token\":3}", "");
	SEND(&w, "timer", "{\"token\":1}",
		 "withdraw 3, withdraw 1, step_failed s, workflow_completed, "
		 "=completed");
	CHECK_TEXT(workflow_value(&w, "$.steps.s.error"),
			   "{\"kind\": \"timeout\", \"message\": \"the step did not end "
			   "within 60 seconds\"}");
	workflow_close(&w);

	workflow_open(&w,
				  STEPS(SWITCH("s", CASE("$.yes", TASK("a", "")),
							   ",\"timeout\":60")),
				  "{\"yes\":true}");
	workflow_go(&w, "start", NULL);
	SEND(&w, "reply", DONE(2),
		 "step_completed a, withdraw 1, step_completed s, workflow_completed, "
		 "=completed");
	workflow_close(&w);
}

TEST(retry)
{
	Workflow w;

	workflow_open(&w,
				  STEPS(
					  SWITCH("s", CASE("$.yes", TASK("a", "")),
							 ",\"retry\":{\"max_attempts\":2,\"base_delay\":4,"
							 "\"jitter\":0}")),
				  "{\"yes\":true}");
	workflow_go(&w, "start", NULL);
	SEND(&w, "reply", ERROR(1, "network_error"),
		 "step_failed a, step_retried s, timer s 2, =waiting");
	GO(&w, "timer", "{\"token\":2}", "=running, more; more; run a 3");
	CHECK_INT(w.effects.items[0].attempt, 2);
	SEND(&w, "reply", ERROR(3, "network_error"),
		 "step_failed a, workflow_failed a, =failed");
	workflow_close(&w);
}

SUITE(switch, RUN(first_case_that_holds), RUN(nothing_to_do),
	  RUN(switch_in_switch), RUN(failures_go_up), RUN(rejections_go_up),
	  RUN(time_limit), RUN(retry));
