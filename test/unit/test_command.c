/*
 * test_command.c
 *		What people tell a workflow: pause, resume, cancel, retry, skip; and
 *		the deadline and the output of a workflow.
 */
#include "harness.h"

#define TASK(name, more) \
	"{\"name\":\"" name "\",\"type\":\"task\",\"task\":\"do\"" more "}"
#define ASK(name, more) \
	"{\"name\":\"" name "\",\"type\":\"approval\",\"title\":\"t\"" more "}"
#define SIGNAL(name, more) \
	"{\"name\":\"" name "\",\"type\":\"signal\",\"signal\":\"x\"" more "}"
#define SQL(name, more) \
	"{\"name\":\"" name "\",\"type\":\"sql\",\"sql\":\"select 1\"" more "}"
#define PARALLEL(name, branches, more) \
	"{\"name\":\"" name "\",\"type\":\"parallel\",\"branches\":[" branches \
	"]" more "}"
#define FOREACH(name, steps, more) \
	"{\"name\":\"" name "\",\"type\":\"foreach\",\"items\":\"$.items\"," \
	"\"steps\":[" steps "]" more "}"
#define STEPS(steps) "{\"steps\":[" steps "]}"
#define AND			 ","

#define ORDER "{\"reason\":\"r\",\"actor\":\"ann\"}"

#define DONE(token) "{\"token\":" #token ",\"result\":{}}"
#define ERROR(token, kind) \
	"{\"token\":" #token ",\"error\":{\"kind\":\"" kind "\",\"message\":\"m\"}}"

/* The body of a message to a branch. */
static const char *
to(int64_t branch, int64_t counter, const char *rest)
{
	static char body[300];

	snprintf(body, sizeof(body), "{\"token\":%lld,%s}",
			 (long long) (branch << HITL_TOKEN_BITS | counter), rest);
	return body;
}

TEST(pause_and_resume)
{
	Workflow w;

	workflow_open(&w, STEPS(TASK("a", "") AND TASK("b", "")), NULL);
	REFUSED(&w, "pause", NULL, "the workflow has not begun");
	REFUSED(&w, "resume", NULL, "the workflow is not paused");
	workflow_send(&w, "start", NULL);
	SEND(&w, "pause", ORDER, "workflow_paused, =paused");
	CHECK_TEXT(w.effects.items[0].body, ORDER);
	REFUSED(&w, "pause", NULL, "the workflow is paused already");

	/* Answers are taken, and nothing follows from them. */
	SEND(&w, "reply", DONE(1), "step_completed a");
	SEND(&w, "continue", NULL, "");
	GO(&w, "resume", ORDER, "workflow_resumed, =running, more; run b 2");
	SEND(&w, "pause", NULL, "workflow_paused, =paused");
	SEND(&w, "reply", DONE(2), "step_completed b");
	SEND(&w, "resume", NULL,
		 "workflow_resumed, =running, workflow_completed, =completed");
	REFUSED(&w, "pause", NULL, "the workflow has ended");
	REFUSED(&w, "resume", NULL, "the workflow is not paused");
	workflow_close(&w);
}

TEST(pause_before_an_approved_call)
{
	Workflow w;

	workflow_open(&w,
				  STEPS(TASK("a",
							 ",\"requires_approval\":true,\"when\":\"$.n\"")),
				  "{\"n\":true}");
	workflow_send(&w, "start", NULL);
	SEND(&w, "pause", NULL, "workflow_paused, =paused");
	SEND(&w, "approval", "{\"token\":1,\"outcome\":\"approved\"}", "");
	memory_merge(&w.memory, "{\"n\":false}");

	/* What was approved is not asked about again, nor skipped. */
	GO(&w, "resume", NULL, "workflow_resumed, =running, more; run a 2");
	workflow_close(&w);

	workflow_open(&w,
				  STEPS(TASK("a",
							 ",\"requires_approval\":true,\"approval_config\":"
							 "{\"when\":\"after\"}")),
				  NULL);
	workflow_send(&w, "start", NULL);
	SEND(&w, "pause", NULL, "workflow_paused, =paused");
	SEND(&w, "reply", DONE(1), "");
	GO(&w, "resume", NULL,
	   "workflow_resumed, =running, more; ask a 2, =waiting_approval");
	workflow_close(&w);
}

TEST(pause_while_a_retry_is_due)
{
	Workflow w;

	workflow_open(&w, STEPS(SQL("q", "")), NULL);
	workflow_send(&w, "start", NULL);
	workflow_send(&w, "reply", ERROR(1, "service_unavailable"));
	CHECK(!w.effects.moved);
	SEND(&w, "pause", NULL, "workflow_paused, =paused");
	SEND(&w, "timer", "{\"token\":9}", "");
	CHECK(!w.effects.moved);

	/* There is no effect, but the host must keep the control state. */
	SEND(&w, "timer", "{\"token\":2}", "");
	CHECK(w.effects.moved);
	GO(&w, "resume", NULL, "workflow_resumed, =running, more; sql q 3");
	CHECK(!w.effects.moved);
	workflow_close(&w);
}

TEST(pause_with_branches)
{
	Workflow w;

	workflow_open(&w,
				  STEPS(FOREACH("f", TASK("a", "") AND TASK("b", ""),
								",\"concurrency\":2")),
				  "{\"items\":[1,2,3]}");
	workflow_go(&w, "start", NULL);
	SEND(&w, "pause", NULL, "workflow_paused, =paused");
	SEND(&w, "reply", to(1, 2, "\"result\":1"), "step_completed a");
	SEND(&w, "reply", to(2, 3, "\"result\":1"), "step_completed a");
	GO(&w, "resume", NULL,
	   "workflow_resumed, =running, more; run b 1/4, more; run b 2/5");
	SEND(&w, "pause", NULL, "workflow_paused, =paused");
	SEND(&w, "reply", to(1, 4, "\"result\":1"), "step_completed b");
	GO(&w, "resume", NULL, "workflow_resumed, =running, more; run a 3/6");
	workflow_close(&w);
}

TEST(cancel_with_branches)
{
	Workflow w;

	workflow_open(&w, STEPS(FOREACH("f", ASK("a", ""), "")),
				  "{\"items\":[1,2,3]}");
	workflow_go(&w, "start", NULL);
	SEND(&w, "cancel", ORDER,
		 "withdraw 0, workflow_cancelled, remove 0+0, =cancelled");
	CHECK_INT(json_object_size(w.memory.branches), 0);
	SEND(&w, "approval", to(1, 2, "\"outcome\":\"approved\""), "");
	SEND(&w, "cancel", ORDER, "");
	REFUSED(&w, "retry", NULL, "the workflow has not failed");
	REFUSED(&w, "skip", "{\"step\":\"a\"}", "the workflow is not under way");
	workflow_close(&w);
}

TEST(retry)
{
	Workflow w;

	workflow_open(&w, STEPS(TASK("a", "") AND SQL("b", "")), NULL);
	workflow_send(&w, "start", NULL);
	workflow_go(&w, "reply", DONE(1));
	SEND(&w, "reply", ERROR(2, "validation_error"),
		 "step_failed b, workflow_failed b, =failed");
	SEND(&w, "reply", DONE(2), "");
	GO(&w, "retry", ORDER, "workflow_retried, =running, more; sql b 3");
	CHECK_INT(w.effects.items[0].attempt, 2);
	SEND(&w, "reply", DONE(3),
		 "step_completed b, workflow_completed, =completed");
	REFUSED(&w, "retry", NULL, "the workflow has not failed");
	workflow_close(&w);

	/* The host has failed it, and knows alone of it. */
	workflow_open(&w, STEPS(ASK("a", "")), NULL);
	workflow_send(&w, "start", NULL);
	GO(&w, "retry", NULL,
	   "withdraw 1, workflow_retried, =running, more; ask a 2, "
	   "=waiting_approval");
	workflow_close(&w);
	workflow_open(&w, STEPS(ASK("a", "")), NULL);
	GO(&w, "retry", NULL,
	   "workflow_retried, =running, more; ask a 1, =waiting_approval");
	workflow_close(&w);
}

TEST(retry_of_an_old_failure)
{
	Workflow w;

	workflow_open(&w, STEPS(TASK("a", "")), NULL);
	hitl_free_control(w.control);
	CHECK_INT(
		hitl_parse_control(w.definition,
						   "{\"completed\":0,\"total\":1,\"active\":[],"
						   "\"status\":\"failed\",\"token\":1,\"entered\":1}",
						   &w.control, NULL),
		HITL_OK);
	REFUSED(&w, "retry", NULL, "it is not known where the workflow failed");
	workflow_close(&w);
}

TEST(skip)
{
	Workflow w;

	workflow_open(&w,
				  STEPS(ASK("a", ",\"output\":\"$.variables.x\"")
							AND TASK("b", "")),
				  NULL);
	REFUSED(&w, "skip", "{\"step\":\"a\"}", "the workflow has not begun");
	workflow_send(&w, "start", NULL);
	REFUSED(&w, "skip", NULL, "\"step\" must be the name of a step");
	REFUSED(&w, "skip", "{\"step\":\"c\"}",
			"the definition has no step of this name");
	REFUSED(&w, "skip", "{\"step\":\"b\"}", "the step is not under way");
	REFUSED(&w, "skip", "{\"step\":\"a\",\"scope\":\"0\"}",
			"\"scope\" must be a whole number");
	REFUSED(&w, "skip", "{\"step\":\"a\",\"scope\":1}",
			"the step is not under way");
	GO(&w, "skip", "{\"step\":\"a\",\"result\":7,\"reason\":\"r\"}",
	   "withdraw 1, step_skipped a, =running, more; run b 2");
	CHECK_TEXT(workflow_value(&w, "$.steps.a"), "7");
	CHECK_TEXT(workflow_value(&w, "$.variables.x"), "7");
	SEND(&w, "reply", ERROR(2, "x"),
		 "step_failed b, workflow_failed b, =failed");
	SEND(&w, "skip", "{\"step\":\"b\"}",
		 "workflow_retried, =running, step_skipped b, workflow_completed, "
		 "=completed");
	workflow_close(&w);
}

TEST(skip_of_what_the_host_failed)
{
	Workflow w;

	workflow_open(&w, STEPS(TASK("a", "") AND TASK("b", "")), NULL);
	REFUSED(&w, "skip", "{\"step\":\"a\",\"failed\":true}",
			"the workflow has not begun");
	workflow_send(&w, "start", NULL);
	GO(&w, "skip", "{\"step\":\"a\",\"failed\":true}",
	   "withdraw 1, workflow_retried, =running, step_skipped a, more; run b 2");
	SEND(&w, "reply", DONE(1), "");
	SEND(&w, "reply", DONE(2),
		 "step_completed b, workflow_completed, =completed");
	REFUSED(&w, "skip", "{\"step\":\"b\",\"failed\":true}",
			"the workflow is not under way");
	workflow_close(&w);

	/* It waited for the host to return to a checkpoint. */
	workflow_open(&w,
				  STEPS(TASK("a", ",\"on_error\":\"rollback:m\"")
							AND TASK("b", "") AND
						"{\"name\":\"m\",\"type\":\"checkpoint\"}"),
				  NULL);
	workflow_send(&w, "start", NULL);
	SEND(&w, "reply", ERROR(1, "system_error"), "step_failed a, rollback m");
	REFUSED(&w, "skip", "{\"step\":\"a\"}", "the workflow is not under way");
	GO(&w, "skip", "{\"step\":\"a\",\"failed\":true}",
	   "workflow_retried, =running, step_skipped a, more; run b 2");
	workflow_close(&w);
}

TEST(skip_with_branches)
{
	Workflow w;

	workflow_open(&w, STEPS(FOREACH("f", ASK("a", ""), "") AND TASK("b", "")),
				  "{\"items\":[1,2]}");
	workflow_go(&w, "start", NULL);
	REFUSED(&w, "skip", "{\"step\":\"a\"}",
			"the step is under way for several elements; \"scope\" says for "
			"which of them it is meant");
	SEND(&w, "skip", "{\"step\":\"a\",\"scope\":2,\"result\":5}",
		 "withdraw 2/3, step_skipped a");
	GO(&w, "approval", to(1, 2, "\"outcome\":\"approved\""),
	   "step_completed a, join 1+2, =running; remove 1+2, step_completed f, "
	   "more; run b 5");
	CHECK_TEXT(workflow_value(&w, "$.steps.f[1]"), "5");
	workflow_close(&w);

	/* The whole of it. */
	workflow_open(&w, STEPS(FOREACH("f", ASK("a", ""), "") AND TASK("b", "")),
				  "{\"items\":[1,2]}");
	workflow_go(&w, "start", NULL);
	GO(&w, "skip", "{\"step\":\"f\"}",
	   "withdraw 1, withdraw 1/2, withdraw 2/3, remove 1+2, step_skipped f, "
	   "=running, more; run b 4");
	workflow_close(&w);

	/* One that has failed: the others are asked again. */
	workflow_open(&w, STEPS(FOREACH("f", TASK("a", ""), "")),
				  "{\"items\":[1,2]}");
	workflow_go(&w, "start", NULL);
	SEND(&w, "reply", to(2, 3, "\"error\":{\"kind\":\"x\"}"),
		 "step_failed a, withdraw 0, workflow_failed a, =failed");
	GO(&w, "skip", "{\"step\":\"a\",\"scope\":2}",
	   "workflow_retried, =running, step_skipped a, more; more; run a 1/5");
	workflow_close(&w);
}

TEST(time_limits)
{
	Workflow w;

	workflow_open(&w,
				  STEPS(SIGNAL("s",
							   ",\"timeout\":2.5,\"on_timeout\":\"continue\"")
							AND SQL("q", ",\"timeout\":1")
								AND TASK("t", ",\"timeout\":1")),
				  NULL);
	SEND(&w, "start", NULL,
		 "workflow_started, =running, hear s 1, timer s 1, =waiting");
	CHECK_INT(w.effects.items[3].due_us, w.now_us + 2500000);
	GO(&w, "timer", "{\"token\":1}",
	   "withdraw 1, step_failed s, =running, more; sql q 2, timer q 2");
	CHECK_TEXT(workflow_value(&w, "$.steps.s.error.message"),
			   "\"the step did not end within 2.500 seconds\"");

	/* An answer in time withdraws the timer; models have the host's. */
	GO(&w, "reply", DONE(2), "withdraw 2, step_completed q, more; run t 3");
	SEND(&w, "timer", "{\"token\":2}", "");
	SEND(&w, "timer", "{\"token\":3}", "");
	workflow_close(&w);

	workflow_open(&w,
				  STEPS(PARALLEL("p", "[" ASK("a", "") "],[" TASK("b", "") "]",
								 ",\"timeout\":9,\"on_timeout\":\"continue\"")),
				  NULL);
	GO(&w, "start", NULL,
	   "workflow_started, =running, timer p 1, more; ask a 1/2, more; run b "
	   "2/3");
	SEND(&w, "timer", "{\"token\":1}",
		 "withdraw 1, withdraw 1/2, withdraw 2/3, remove 1+2, step_failed p, "
		 "workflow_completed, =completed");
	workflow_close(&w);

	/* Without an answer, the branches stay for a retry. */
	workflow_open(&w,
				  STEPS(PARALLEL("p", "[" ASK("a", "") "],[" TASK("b", "") "]",
								 ",\"timeout\":9")),
				  NULL);
	workflow_go(&w, "start", NULL);
	SEND(&w, "timer", "{\"token\":1}",
		 "step_failed p, withdraw 0, workflow_failed p, =failed");
	GO(&w, "retry", NULL,
	   "workflow_retried, =running, more; timer p 4, more; ask a 1/5, more; "
	   "run b 2/6");
	SEND(&w, "reply", to(2, 6, "\"result\":1"),
		 "step_completed b, =waiting_approval");
	GO(&w, "approval", to(1, 5, "\"outcome\":\"approved\""),
	   "step_completed a, withdraw 4, join 1+2, =running; remove 1+2, "
	   "step_completed p, workflow_completed, =completed");
	workflow_close(&w);
}

TEST(retries)
{
	Workflow w;

	workflow_open(&w, STEPS(SQL("q", "")), NULL);
	workflow_send(&w, "start", NULL);
	SEND(&w, "reply", ERROR(1, "service_unavailable"),
		 "step_retried q, timer q 2, =waiting");
	CHECK_TEXT(w.effects.items[0].body,
			   "{\"attempt\":2,\"kind\":\"service_unavailable\","
			   "\"message\":\"m\",\"delay\":0.500}");
	CHECK_INT(w.effects.items[1].due_us, w.now_us + 500000);
	SEND(&w, "reply", DONE(2), "");
	GO(&w, "timer", "{\"token\":2}", "=running, more; sql q 3");
	CHECK_INT(w.effects.items[0].attempt, 2);
	SEND(&w, "reply", ERROR(3, "validation_error"),
		 "step_failed q, workflow_failed q, =failed");
	workflow_close(&w);

	workflow_open(&w,
				  STEPS(SQL("q",
							",\"timeout\":3,\"retry\":{\"max_attempts\":2,"
							"\"on\":[\"timeout\"]}")),
				  NULL);
	workflow_send(&w, "start", NULL);
	SEND(&w, "timer", "{\"token\":1}",
		 "withdraw 1, step_retried q, timer q 2, =waiting");
	GO(&w, "timer", "{\"token\":2}", "=running, more; sql q 3, timer q 3");
	SEND(&w, "timer", "{\"token\":3}",
		 "step_failed q, withdraw 3, workflow_failed q, =failed");
	workflow_close(&w);

	/* An approval that expired is asked for again, one refused is not. */
	workflow_open(&w,
				  STEPS(ASK("a",
							",\"timeout\":5,\"retry\":{\"max_attempts\":2}")),
				  NULL);
	workflow_send(&w, "start", NULL);
	SEND(&w, "approval", "{\"token\":1,\"outcome\":\"expired\"}",
		 "step_retried a, timer a 2, =waiting");
	GO(&w, "timer", "{\"token\":2}",
	   "=running, more; ask a 3, =waiting_approval");
	SEND(&w, "approval", "{\"token\":3,\"outcome\":\"rejected\"}",
		 "step_failed a, workflow_rejected a, =rejected");
	workflow_close(&w);
}

TEST(retry_of_a_whole_fork)
{
	Workflow w;

	workflow_open(&w,
				  STEPS(FOREACH("f", SQL("a", ""),
								",\"retry\":{\"max_attempts\":2}")),
				  "{\"items\":[1,2]}");
	workflow_go(&w, "start", NULL);
	SEND(&w, "reply", to(1, 2, "\"error\":{\"kind\":\"system_error\"}"),
		 "step_failed a, withdraw 1, withdraw 2/3, remove 1+2, step_retried f, "
		 "timer f 4, =waiting");
	GO(&w, "timer", "{\"token\":4}",
	   "=running, more; fork 3+2, more; sql a 3/6, more; sql a 4/7");
	CHECK_INT(w.effects.items[0].attempt, 2);
	SEND(&w, "reply", to(3, 6, "\"error\":{\"kind\":\"system_error\"}"),
		 "step_failed a, withdraw 0, workflow_failed a, =failed");
	workflow_close(&w);
}

TEST(deadline)
{
	Workflow w;
	char body[80];

	workflow_open(&w, "{\"timeout\":\"1 hour\",\"steps\":[" ASK("a", "") "]}",
				  NULL);
	SEND(&w, "start", NULL,
		 "workflow_started, =running, timer - 1, ask a 2, =waiting_approval");
	CHECK_INT(w.effects.items[2].due_us, w.now_us + INT64_C(3600000000));
	w.now_us += INT64_C(3600000000);
	SEND(&w, "timer", "{\"token\":1}", "withdraw 2, workflow_failed, =failed");
	CHECK_TEXT(w.effects.items[1].body,
			   "{\"kind\":\"timeout\",\"message\":\"the workflow did not end "
			   "before its deadline\"}");

	/* Who goes on nevertheless has all the time. */
	GO(&w, "retry", NULL,
	   "workflow_retried, =running, more; ask a 3, =waiting_approval");
	SEND(&w, "approval", "{\"token\":3,\"outcome\":\"approved\"}",
		 "step_completed a, workflow_completed, =completed");
	workflow_close(&w);

	/* The earlier one counts, and goes with the workflow. */
	workflow_open(&w, "{\"timeout\":\"1 hour\",\"steps\":[" TASK("a", "") "]}",
				  NULL);
	snprintf(body, sizeof(body), "{\"deadline_us\":%lld}",
			 (long long) w.now_us + 1000);
	SEND(&w, "start", body, "workflow_started, =running, timer - 1, run a 2");
	CHECK_INT(w.effects.items[2].due_us, w.now_us + 999);
	SEND(&w, "reply", ERROR(2, "x"),
		 "step_failed a, withdraw 1, workflow_failed a, =failed");
	GO(&w, "retry", NULL,
	   "workflow_retried, =running, timer - 3, more; run a 4");
	SEND(&w, "reply", DONE(4),
		 "step_completed a, withdraw 3, workflow_completed, =completed");
	workflow_close(&w);

	workflow_open(&w, STEPS(TASK("a", "")), NULL);
	REFUSED(&w, "start", "{\"deadline_us\":\"x\"}",
			"\"deadline_us\" must be a whole number above 0");
	SEND(&w, "start", "{\"deadline_us\":5}",
		 "workflow_started, =running, workflow_failed, =failed");
	workflow_close(&w);
}

TEST(output)
{
	Workflow w;

	workflow_open(&w,
				  "{\"output\":{\"n\":\"{{$.steps.a.n}}\"},\"steps\":[" TASK(
					  "a", "") "]}",
				  NULL);
	workflow_send(&w, "start", NULL);
	SEND(&w, "reply", "{\"token\":1,\"result\":{\"n\":7}}",
		 "step_completed a, more");
	SEND(&w, "continue", NULL, "workflow_completed, =completed");
	CHECK_TEXT(w.effects.items[0].body, "{\"output\":{\"n\":7}}");
	CHECK_TEXT(w.effects.items[1].body, "{\"n\":7}");
	workflow_close(&w);

	workflow_open(&w,
				  "{\"output\":\"{{$.steps.f}}\",\"steps\":[" FOREACH("f",
																	  TASK("a",
																		   ""),
																	  "") "]}",
				  "{\"items\":[]}");
	GO(&w, "start", NULL,
	   "workflow_started, =running, step_completed f, more; "
	   "workflow_completed, =completed");
	CHECK_TEXT(w.effects.items[1].body, "[]");
	workflow_close(&w);

	/* One that cannot be put together can be tried again. */
	workflow_open(&w, "{\"output\":\"{{$.n}}\",\"steps\":[" TASK("a", "") "]}",
				  NULL);
	workflow_send(&w, "start", NULL);
	GO(&w, "reply", DONE(1),
	   "step_completed a, more; workflow_failed, =failed");
	memory_merge(&w.memory, "{\"n\":7}");
	SEND(&w, "retry", NULL,
		 "workflow_retried, =running, workflow_completed, =completed");
	CHECK_TEXT(w.effects.items[3].body, "7");
	workflow_close(&w);
}

SUITE(command, RUN(pause_and_resume), RUN(pause_before_an_approved_call),
	  RUN(pause_while_a_retry_is_due), RUN(pause_with_branches),
	  RUN(cancel_with_branches), RUN(retry), RUN(retry_of_an_old_failure),
	  RUN(skip), RUN(skip_of_what_the_host_failed), RUN(skip_with_branches),
	  RUN(time_limits), RUN(retries), RUN(retry_of_a_whole_fork), RUN(deadline),
	  RUN(output));
