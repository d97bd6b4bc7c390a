/*
 * test_fork.c
 *		Steps with branches: parallel and foreach.
 */
#include "harness.h"

#define TASK(name, more) \
	"{\"name\":\"" name "\",\"type\":\"task\",\"task\":\"do\"" more "}"
#define ASK(name, more) \
	"{\"name\":\"" name "\",\"type\":\"approval\",\"title\":\"t\"" more "}"
#define WAIT(name, more) \
	"{\"name\":\"" name "\",\"type\":\"wait\",\"for\":10" more "}"
#define MARK(name, more) \
	"{\"name\":\"" name "\",\"type\":\"checkpoint\"" more "}"
#define PARALLEL(name, branches, more) \
	"{\"name\":\"" name "\",\"type\":\"parallel\",\"branches\":[" branches \
	"]" more "}"
#define FOREACH(name, steps, more) \
	"{\"name\":\"" name \
	"\",\"type\":\"foreach\",\"items\":\"$.variables.items\"," \
	"\"as\":\"item\",\"steps\":[" steps "]" more "}"
#define STEPS(steps) "{\"steps\":[" steps "]}"
#define AND			 ","

#define ITEMS "{\"variables\":{\"items\":[10,20,30],\"all\":\"x\"}}"

/* The body of a message to a branch. */
static const char *
to(int64_t branch, int64_t counter, const char *rest)
{
	static char body[300];

	snprintf(body, sizeof(body), "{\"token\":%lld%s%s}",
			 (long long) (branch << HITL_TOKEN_BITS | counter),
			 rest[0] == '\0' ? "" : ",", rest);
	return body;
}

TEST(parallel)
{
	Workflow w;

	workflow_open(&w,
				  STEPS(PARALLEL("p",
								 "[" TASK("a", "") "],[" ASK("b", "")
									 AND TASK("c", "") "]",
								 ",\"output\":\"$.variables.ends\"")
							AND TASK("d", "")),
				  NULL);
	SEND(&w, "start", NULL, "workflow_started, =running, more");
	SEND(&w, "continue", NULL, "run a 1/2, more");
	SEND(&w, "continue", NULL, "ask b 2/3");
	CHECK_INT(memory_active(&w.memory), 2);
	CHECK(contains(control_text(&w),
				   "\"state\":\"waiting_branches\",\"token\":1,"));
	SEND(&w, "reply", to(1, 2, "\"result\":1"),
		 "step_completed a, =waiting_approval");
	SEND(&w, "reply", to(1, 2, "\"result\":1"), "");
	SEND(&w, "approval", to(2, 3, "\"outcome\":\"approved\""),
		 "step_completed b, =running, more");
	SEND(&w, "continue", NULL, "run c 2/4");
	CHECK_INT(w.effects.items[0].scope, 0);
	SEND(&w, "reply", to(2, 4, "\"result\":2"), "step_completed c, join 1+2");
	CHECK_TEXT(w.join,
			   "{\"token\":5,\"result\":[\"completed\",\"completed\"]}");
	GO(&w, "reply", w.join, "remove 1+2, step_completed p, more; run d 6");
	CHECK_TEXT(workflow_value(&w, "$.variables.ends.branches"),
			   "[\"completed\", \"completed\"]");
	CHECK_TEXT(workflow_value(&w, "$.steps.c"), "2");
	CHECK_INT(json_object_size(w.memory.branches), 0);
	CHECK(contains(control_text(&w), "\"completed\":1,\"total\":2,"));
	workflow_close(&w);
}

TEST(status_says_what_is_awaited)
{
	Workflow w;

	workflow_open(&w,
				  STEPS(PARALLEL("p", "[" ASK("a", "") "],[" WAIT("b", "") "]",
								 "")),
				  NULL);
	GO(&w, "start", NULL,
	   "workflow_started, =running, more; ask a 1/2, more; timer b 2/3, "
	   "=waiting_approval");
	SEND(&w, "approval", to(1, 2, "\"outcome\":\"approved\""),
		 "step_completed a, =waiting");
	GO(&w, "timer", to(2, 3, ""),
	   "step_completed b, join 1+2, =running; remove 1+2, step_completed p, "
	   "workflow_completed, =completed");
	workflow_close(&w);
}

TEST(any_branch)
{
	Workflow w;

	workflow_open(&w,
				  STEPS(PARALLEL("p",
								 "[" ASK("a", "") "],[" PARALLEL(
									 "q",
									 "[" TASK("b", "") "],[" WAIT("c", "") "]",
									 "") "]",
								 ",\"wait_for\":\"any\"")),
				  NULL);
	workflow_go(&w, "start", NULL);
	CHECK_INT(memory_active(&w.memory), 4);
	GO(&w, "approval", to(1, 2, "\"outcome\":\"approved\""),
	   "step_completed a, withdraw 2/3, withdraw 3/4, withdraw 4/5, remove 3+2, "
	   "join 1+2; remove 1+2, step_completed p, workflow_completed, =completed");
	CHECK_TEXT(workflow_value(&w, "$.steps.p.branches"),
			   "[\"completed\", \"cancelled\"]");
	SEND(&w, "timer", to(4, 5, ""), "");
	workflow_close(&w);

	/* What is done at once leaves no others to begin. */
	workflow_open(&w,
				  STEPS(PARALLEL("p",
								 "[" TASK("a", ",\"when\":\"$.no\"") "],[" TASK(
									 "b", "") "]",
								 ",\"wait_for\":1")),
				  NULL);
	GO(&w, "start", NULL,
	   "workflow_started, =running, more; step_skipped a, join 1+2; remove 1+2, "
	   "step_completed p, workflow_completed, =completed");
	CHECK_TEXT(workflow_value(&w, "$.steps.p.branches"),
			   "[\"completed\", \"cancelled\"]");
	workflow_close(&w);
}

TEST(some_branches)
{
	Workflow w;

	workflow_open(&w,
				  STEPS(PARALLEL("p",
								 "[" TASK("a", "") "],[" TASK(
									 "b", "") "],[" TASK("c", "") "]",
								 ",\"wait_for\":2")),
				  NULL);
	workflow_go(&w, "start", NULL);

	/* One may fail, and then no other. */
	SEND(&w, "reply", to(1, 2, "\"error\":{\"kind\":\"x\"}"), "step_failed a");
	SEND(&w, "reply", to(2, 3, "\"result\":1"), "step_completed b");
	GO(&w, "reply", to(3, 4, "\"result\":1"),
	   "step_completed c, join 1+3; remove 1+3, step_completed p, "
	   "workflow_completed, =completed");
	CHECK_TEXT(workflow_value(&w, "$.steps.p.branches"),
			   "[\"failed\", \"completed\", \"completed\"]");
	workflow_close(&w);

	workflow_open(&w,
				  STEPS(PARALLEL("p",
								 "[" TASK("a", "") "],[" TASK(
									 "b", "") "],[" TASK("c", "") "]",
								 ",\"wait_for\":2,\"on_error\":\"continue\"")),
				  NULL);
	workflow_go(&w, "start", NULL);
	SEND(&w, "reply", to(1, 2, "\"error\":{\"kind\":\"x\"}"), "step_failed a");
	SEND(&w, "reply", to(2, 3, "\"error\":{\"kind\":\"y\",\"message\":\"m\"}"),
		 "step_failed b, withdraw 1, withdraw 3/4, remove 1+3, step_failed p, "
		 "workflow_completed, =completed");
	CHECK_TEXT(workflow_value(&w, "$.steps.p.error.kind"), "\"y\"");
	workflow_close(&w);
}

TEST(foreach)
{
	Workflow w;

	workflow_open(
		&w,
		STEPS(
			FOREACH("f",
					TASK("a",
						 ",\"context\":{\"i\":\"{{$.variables.item}}\","
						 "\"x\":\"{{$.variables.all}}\"}")
						AND TASK("b", ",\"context\":{\"a\":\"{{$.steps.a}}\"}"),
					"")),
		ITEMS);
	GO(&w, "start", NULL,
	   "workflow_started, =running, fork 1+3, more; run a 1/2, more; run a 2/3, "
	   "more; run a 3/4");
	CHECK_TEXT(member_of(w.effects.items[0].body, "/context"),
			   "{\"i\":30,\"x\":\"x\"}");
	CHECK_INT(w.effects.items[0].scope, 3);
	CHECK_INT(w.effects.items[0].attempt, 1);

	/* In any order; the results are in that of the elements. */
	GO(&w, "reply", to(3, 4, "\"result\":\"c\""),
	   "step_completed a, more; run b 3/5");
	CHECK_TEXT(member_of(w.effects.items[0].body, "/context"), "{\"a\":\"c\"}");
	GO(&w, "reply", to(1, 2, "\"result\":\"a\""),
	   "step_completed a, more; run b 1/6");
	CHECK_TEXT(member_of(w.effects.items[0].body, "/context"), "{\"a\":\"a\"}");
	GO(&w, "reply", to(2, 3, "\"result\":\"b\""),
	   "step_completed a, more; run b 2/7");
	SEND(&w, "reply", to(3, 5, "\"result\":3"), "step_completed b");
	SEND(&w, "reply", to(2, 7, "\"result\":2"), "step_completed b");
	GO(&w, "reply", to(1, 6, "\"result\":1"),
	   "step_completed b, join 1+3; remove 1+3, step_completed f, "
	   "workflow_completed, =completed");
	CHECK_TEXT(workflow_value(&w, "$.steps.f"), "[1, 2, 3]");
	CHECK(workflow_value(&w, "$.steps.a") == NULL);
	workflow_close(&w);
}

TEST(foreach_with_concurrency)
{
	Workflow w;

	workflow_open(&w, STEPS(FOREACH("f", TASK("a", ""), ",\"concurrency\":2")),
				  ITEMS);
	GO(&w, "start", NULL,
	   "workflow_started, =running, fork 1+3, more; run a 1/2, more; run a 2/3");
	GO(&w, "reply", to(2, 3, "\"result\":2"),
	   "step_completed a, more; run a 3/4");
	SEND(&w, "reply", to(3, 4, "\"result\":3"), "step_completed a");
	GO(&w, "reply", to(1, 2, "\"result\":1"),
	   "step_completed a, join 1+3; remove 1+3, step_completed f, "
	   "workflow_completed, =completed");
	CHECK_TEXT(workflow_value(&w, "$.steps.f"), "[1, 2, 3]");
	workflow_close(&w);
}

TEST(foreach_over_what_is_no_array)
{
	Workflow w;

	workflow_open(&w, STEPS(FOREACH("f", TASK("a", ""), "")),
				  "{\"variables\":{\"items\":[]}}");
	SEND(&w, "start", NULL,
		 "workflow_started, =running, step_completed f, workflow_completed, "
		 "=completed");
	CHECK_TEXT(workflow_value(&w, "$.steps.f"), "[]");
	workflow_close(&w);

	workflow_open(&w, STEPS(FOREACH("f", TASK("a", ""), "")),
				  "{\"variables\":{\"items\":{}}}");
	workflow_send(&w, "start", NULL);
	CHECK_TEXT(
		workflow_value(&w, "$.steps.f.error.message"),
		"\"items path $.variables.items gives an object, not an array\"");
	workflow_close(&w);

	workflow_open(&w, STEPS(FOREACH("f", TASK("a", ""), "")), NULL);
	workflow_send(&w, "start", NULL);
	CHECK_TEXT(workflow_value(&w, "$.steps.f.error.message"),
			   "\"items path $.variables.items matches nothing\"");
	workflow_close(&w);
}

TEST(nested)
{
	Workflow w;

	workflow_open(
		&w,
		STEPS(FOREACH("f",
					  "{\"name\":\"g\",\"type\":\"foreach\",\"items\":"
					  "\"$.variables.item\",\"as\":\"n\",\"steps\":[" TASK(
						  "a",
						  ",\"context\":{\"n\":\"{{$.variables.n}}\","
						  "\"l\":\"{{$.variables.item}}\"}") "]}",
					  "")),
		"{\"variables\":{\"items\":[[1,2],[3]]}}");
	GO(&w, "start", NULL,
	   "workflow_started, =running, fork 1+2, more; fork 3+2, more; run a 3/3, "
	   "more; run a 4/4, more; fork 5+1, more; run a 5/6");
	CHECK_TEXT(member_of(w.effects.items[0].body, "/context"),
			   "{\"n\":3,\"l\":[3]}");
	GO(&w, "reply", to(5, 6, "\"result\":3"),
	   "step_completed a, join 5+1; remove 5+1, step_completed g");
	SEND(&w, "reply", to(4, 4, "\"result\":2"), "step_completed a");
	GO(&w, "reply", to(3, 3, "\"result\":1"),
	   "step_completed a, join 3+2; remove 3+2, step_completed g, join 1+2; "
	   "remove 1+2, step_completed f, workflow_completed, =completed");
	CHECK_TEXT(workflow_value(&w, "$.steps.f"), "[[1, 2], [3]]");
	workflow_close(&w);
}

TEST(failure_without_an_answer)
{
	Workflow w;

	workflow_open(&w, STEPS(FOREACH("f", TASK("a", ""), "")), ITEMS);
	workflow_go(&w, "start", NULL);
	SEND(&w, "reply", to(1, 2, "\"result\":1"), "step_completed a");
	SEND(&w, "reply", to(2, 3, "\"error\":{\"kind\":\"x\",\"message\":\"m\"}"),
		 "step_failed a, withdraw 0, workflow_failed a, =failed");
	SEND(&w, "reply", to(3, 4, "\"result\":1"), "");

	/* What has not been answered is asked for again, and no more. */
	GO(&w, "retry", "{\"actor\":\"ann\"}",
	   "workflow_retried, =running, more; more; run a 2/6, more; run a 3/7");
	CHECK_INT(w.effects.items[0].attempt, 2);
	GO(&w, "reply", to(2, 6, "\"result\":2"), "step_completed a");
	GO(&w, "reply", to(3, 7, "\"result\":3"),
	   "step_completed a, join 1+3; remove 1+3, step_completed f, "
	   "workflow_completed, =completed");
	CHECK_TEXT(workflow_value(&w, "$.steps.f"), "[1, 2, 3]");
	workflow_close(&w);
}

/*
 * Thousands of branches: each message loads only what it is about.
 */
TEST(many_branches)
{
	Workflow w;
	json_t *items = json_array();
	json_t *data;
	char *text;
	int i;

	for (i = 0; i < 2000; i++)
		json_array_append_new(items, json_integer(i));
	data = json_pack("{s:{s:o}}", "variables", "items", items);
	text = json_dumps(data, 0);
	json_decref(data);
	workflow_open(&w, STEPS(FOREACH("f", TASK("a", ""), "")), text);
	free(text);
	workflow_go(&w, "start", NULL);
	CHECK_INT(memory_active(&w.memory), 2000);
	CHECK(strlen(control_text(&w)) < 400);
	w.memory.loads = 0;
	for (i = 0; i < 1999; i++)
		workflow_send(&w, "reply", to(2000 - i, 2001 - i, "\"result\":1"));
	CHECK_TEXT(w.summary, "step_completed a");
	CHECK_INT(w.memory.loads, 1999);
	GO(&w, "reply", to(1, 2, "\"result\":1"),
	   "step_completed a, join 1+2000; remove 1+2000, step_completed f, "
	   "workflow_completed, =completed");
	workflow_close(&w);
}

SUITE(fork, RUN(parallel), RUN(status_says_what_is_awaited), RUN(any_branch),
	  RUN(some_branches), RUN(foreach), RUN(foreach_with_concurrency),
	  RUN(foreach_over_what_is_no_array), RUN(nested),
	  RUN(failure_without_an_answer), RUN(many_branches));
