/*
 * test_course.c
 *		Courses that the simulation once found to go astray.
 */
#include "harness.h"

#define TASK(name, more) \
	"{\"name\":\"" name "\",\"type\":\"task\",\"task\":\"do\"" more "}"
#define SIGNAL(name, more) \
	"{\"name\":\"" name "\",\"type\":\"signal\",\"signal\":\"x\"" more "}"
#define SQL(name, more) \
	"{\"name\":\"" name "\",\"type\":\"sql\",\"sql\":\"select 1\"" more "}"
#define ASK(name, more) \
	"{\"name\":\"" name "\",\"type\":\"approval\",\"title\":\"t\"" more "}"
#define POINT(name, more) \
	"{\"name\":\"" name "\",\"type\":\"checkpoint\"" more "}"
#define FOREACH(name, steps, more) \
	"{\"name\":\"" name "\",\"type\":\"foreach\",\"items\":\"$.items\"," \
	"\"steps\":[" steps "]" more "}"
#define PARALLEL(name, branches, more) \
	"{\"name\":\"" name "\",\"type\":\"parallel\",\"branches\":[" branches \
	"]" more "}"
#define SWITCH(name, steps, more) \
	"{\"name\":\"" name \
	"\",\"type\":\"switch\",\"cases\":[{\"when\":\"$.yes\"," \
	"\"steps\":[" steps "]}]" more "}"
#define STEPS(steps) "{\"steps\":[" steps "]}"
#define AND			 ","
#define TWO			 "{\"items\":[1,2],\"yes\":true}"

/* The body of a message to a branch. */
static const char *
to(int64_t branch, int64_t counter, const char *rest)
{
	static char body[300];

	snprintf(body, sizeof(body), "{\"token\":%lld%s}",
			 (long long) (branch << HITL_TOKEN_BITS | counter), rest);
	return body;
}

/*
 * What branches await that were not even loaded is forgotten with them.
 */
TEST(end_with_branches_that_wait)
{
	Workflow w;

	workflow_open(&w, STEPS(FOREACH("f", TASK("a", ""), "")), TWO);
	workflow_go(&w, "start", NULL);
	CHECK(contains(control_text(&w), "\"replies\":2"));
	workflow_send(&w, "cancel", NULL);
	CHECK(!contains(control_text(&w), "replies"));
	CHECK(contains(control_text(&w), "\"status\":\"cancelled\""));
	workflow_close(&w);

	workflow_open(&w,
				  STEPS(PARALLEL("p", "[" TASK("a", "") "],[" ASK("b", "") "]",
								 "")),
				  TWO);
	workflow_go(&w, "start", NULL);
	workflow_send(&w, "approval", to(2, 3, ",\"outcome\":\"rejected\""));
	CHECK(contains(control_text(&w), "\"status\":\"rejected\""));
	CHECK(!contains(control_text(&w), "replies"));
	workflow_close(&w);
}

/*
 * So it is when they are left for a rollback with undo steps.
 */
TEST(undo_with_branches_that_wait)
{
	Workflow w;

	workflow_open(&w,
				  STEPS(POINT("c", "")
							AND SQL("a", ",\"undo\":[" ASK("u", "") "]")
								AND FOREACH("f", TASK("b", ""), "")),
				  TWO);
	workflow_go(&w, "start", NULL);
	workflow_go(&w, "reply", "{\"token\":1,\"result\":{}}");
	CHECK(contains(control_text(&w), "\"replies\":2"));
	workflow_go(
		&w, "rollback",
		"{\"checkpoint\":\"c\",\"undo\":[{\"event\":3,\"position\":\"/steps/1\"}]}");
	CHECK(contains(control_text(&w), "\"status\":\"waiting_approval\""));
	CHECK(!contains(control_text(&w), "replies"));
	workflow_close(&w);
}

/*
 * A branch goes on after a time limit.
 */
TEST(time_limit_in_a_branch)
{
	Workflow w;

	workflow_open(&w,
				  STEPS(
					  FOREACH("f",
							  SIGNAL("a",
									 ",\"timeout\":9,\"on_error\":\"continue\"")
								  AND TASK("b", ""),
							  "")),
				  "{\"items\":[1]}");
	workflow_go(&w, "start", NULL);
	SEND(&w, "timer", to(1, 2, ""),
		 "withdraw 1/2, step_failed a, =running, more");
	SEND(&w, "continue", NULL, "run b 1/3");
	workflow_close(&w);
}

/*
 * Branches that were ready when their fork was skipped are ready no more.
 */
TEST(skip_with_branches_that_are_ready)
{
	Workflow w;

	workflow_open(&w,
				  STEPS(FOREACH("f", TASK("a", "") AND TASK("b", ""), "")
							AND TASK("c", "")),
				  TWO);
	workflow_go(&w, "start", NULL);
	workflow_send(&w, "reply", to(1, 2, ",\"result\":1"));
	workflow_send(&w, "reply", to(2, 3, ",\"result\":1"));
	CHECK(contains(control_text(&w), "\"ready\":["));
	workflow_send(&w, "skip", "{\"step\":\"f\"}");
	CHECK(!contains(control_text(&w), "\"ready\":["));
	workflow_go(&w, "continue", NULL);
	CHECK(find_effect(&w, HITL_EFFECT_RUN_TASK) != NULL);
	CHECK_TEXT(find_effect(&w, HITL_EFFECT_RUN_TASK)->step, "c");
	workflow_close(&w);
}

/*
 * A workflow that returns to its checkpoint again and again comes to an end;
 * people may return as often as they like.
 */
TEST(rollbacks_without_end)
{
	Workflow w;
	int64_t returns = 0;

	workflow_open(&w,
				  STEPS(POINT("c", "") AND TASK(
					  "a", ",\"when\":\"$.n +\",\"on_error\":\"rollback:c\"")),
				  TWO);
	workflow_go(&w, "start", NULL);
	while (find_effect(&w, HITL_EFFECT_ROLLBACK) != NULL &&
		   returns <= HITL_STEP_BUDGET)
	{
		CHECK_INT(workflow_return(&w), HITL_OK);
		workflow_go(&w, "start", NULL);
		returns++;
	}
	CHECK(returns > 1 && returns < HITL_STEP_BUDGET);
	CHECK(contains(control_text(&w), "\"status\":\"failed\""));
	CHECK(contains(w.effects.items[w.effects.count - 1].body,
				   "step budget exhausted"));
	workflow_send(&w, "rollback", "{\"checkpoint\":\"c\"}");
	CHECK_INT(workflow_return(&w), HITL_OK);
	workflow_go(&w, "start", NULL);
	CHECK(find_effect(&w, HITL_EFFECT_ROLLBACK) != NULL);
	workflow_close(&w);
}

/*
 * A checkpoint in a branch is of the branches as the control state has them,
 * though the step fails right after it.
 */
TEST(checkpoint_in_a_branch)
{
	Workflow w;

	workflow_open(
		&w,
		STEPS(PARALLEL(
			"p",
			"[" TASK(
				"a",
				",\"create_checkpoint\":true,\"context\":"
				"{\"x\":\"{{ $.none }}\"},\"on_error\":\"continue\"") "],[" TASK("b",
																				 "") "]",
			"")),
		TWO);
	workflow_send(&w, "start", NULL);
	SEND(&w, "continue", NULL, "checkpoint a, more");
	SEND(&w, "continue", NULL, "step_failed a, more");
	workflow_go(&w, "continue", NULL);
	CHECK_INT(workflow_return(&w), HITL_OK);
	workflow_go(&w, "start", NULL);
	workflow_go(&w, "reply", to(2, 4, ",\"result\":1"));
	CHECK_TEXT(workflow_value(&w, "$.steps.p"),
			   "{\"branches\": [\"completed\", \"completed\"]}");
	workflow_close(&w);
}

/*
 * What is inside of a switch or a fork has new attempts with every new one of
 * these.
 */
TEST(attempts_inside)
{
	Workflow w;

	workflow_open(&w,
				  STEPS(SWITCH("s", SQL("a", ""),
							   ",\"timeout\":5,\"when\":\"$.yes\"")),
				  TWO);
	workflow_go(&w, "start", NULL);
	workflow_send(&w, "timer", "{\"token\":1}");
	CHECK(contains(control_text(&w), "\"status\":\"failed\""));
	workflow_go(&w, "retry", NULL);
	CHECK_INT(find_effect(&w, HITL_EFFECT_RUN_SQL)->attempt, 2);
	workflow_close(&w);

	workflow_open(&w,
				  STEPS(PARALLEL("p",
								 "[" SQL("a", ",\"retry\":{\"jitter\":0}") "]",
								 ",\"timeout\":500")),
				  TWO);
	workflow_go(&w, "start", NULL);
	workflow_send(&w, "reply", to(1, 2, ",\"error\":{\"kind\":\"timeout\"}"));
	workflow_send(&w, "timer", to(1, 3, ""));
	workflow_go(&w, "continue", NULL);
	CHECK_INT(find_effect(&w, HITL_EFFECT_RUN_SQL)->attempt, 2);
	workflow_send(&w, "timer", "{\"token\":1}");
	CHECK(contains(control_text(&w), "\"status\":\"failed\""));
	workflow_go(&w, "retry", NULL);
	CHECK_INT(find_effect(&w, HITL_EFFECT_RUN_SQL)->attempt, 3);
	workflow_close(&w);
}

/*
 * Steps that are taken back have their turn; none can be skipped before.
 */
TEST(skip_of_an_undo_step)
{
	Workflow w;

	workflow_open(&w,
				  STEPS(POINT("c", "")
							AND SQL("a", ",\"undo\":[" SQL("x", "") "]")
								AND SQL("b", ",\"undo\":[" SQL("y", "") "]")
									AND TASK("d", "")),
				  TWO);
	workflow_go(&w, "start", NULL);
	workflow_go(&w, "reply", "{\"token\":1,\"result\":{}}");
	workflow_go(&w, "reply", "{\"token\":2,\"result\":{}}");
	workflow_go(
		&w, "rollback",
		"{\"checkpoint\":\"c\",\"undo\":[{\"event\":4,\"position\":\"/steps/2\"},"
		"{\"event\":3,\"position\":\"/steps/1\"}]}");
	REFUSED(&w, "skip", "{\"step\":\"x\"}", "the step is not under way");
	SEND(&w, "skip", "{\"step\":\"y\"}",
		 "withdraw 1/4, step_skipped y, step_undone b, more");
	SEND(&w, "continue", NULL, "sql x 2/5");
	workflow_close(&w);
}

SUITE(course, RUN(end_with_branches_that_wait),
	  RUN(undo_with_branches_that_wait), RUN(time_limit_in_a_branch),
	  RUN(skip_with_branches_that_are_ready), RUN(rollbacks_without_end),
	  RUN(checkpoint_in_a_branch), RUN(attempts_inside),
	  RUN(skip_of_an_undo_step));
