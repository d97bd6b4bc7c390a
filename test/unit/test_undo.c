/*
 * test_undo.c
 *		Rollbacks: of branches, and with steps that take back others.
 */
#include "harness.h"

#define TASK(name, more) \
	"{\"name\":\"" name "\",\"type\":\"task\",\"task\":\"do\"" more "}"
#define ASK(name, more) \
	"{\"name\":\"" name "\",\"type\":\"approval\",\"title\":\"t\"" more "}"
#define MARK(name) "{\"name\":\"" name "\",\"type\":\"checkpoint\"}"
#define PARALLEL(name, branches, more) \
	"{\"name\":\"" name "\",\"type\":\"parallel\",\"branches\":[" branches \
	"]" more "}"
#define FOREACH(name, steps, more) \
	"{\"name\":\"" name "\",\"type\":\"foreach\",\"items\":\"$.items\"," \
	"\"steps\":[" steps "]" more "}"
#define UNDO(steps)	 ",\"undo\":[" steps "]"
#define STEPS(steps) "{\"steps\":[" steps "]}"
#define AND			 ","

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

static const char *const trip = STEPS(
	MARK("m") AND TASK("hotel", UNDO(TASK("leave", "") AND TASK("pay", "")))
		AND TASK("flight", UNDO(ASK("call", "")) ",\"on_error\":\"rollback:m\"")
			AND TASK("end", ""));

TEST(nothing_to_take_back)
{
	Workflow w;

	workflow_open(&w, trip, NULL);
	workflow_go(&w, "start", NULL);
	SEND(&w, "rollback", "{\"checkpoint\":\"m\",\"reason\":\"r\"}",
		 "rollback m");
	CHECK_TEXT(w.effects.items[0].body, "{\"reason\":\"r\",\"undone\":true}");
	SEND(&w, "continue", NULL, "");
	SEND(&w, "reply", DONE(1), "");
	CHECK_INT(workflow_return(&w), HITL_OK);
	CHECK_TEXT(w.summary, "withdraw 1");
	GO(&w, "start", NULL, "workflow_resumed, =running, run hotel 2");
	SEND(&w, "rollback", "{\"checkpoint\":\"m\",\"undo\":[]}", "rollback m");
	CHECK_TEXT(w.effects.items[0].body, "{\"reason\":null,\"undone\":true}");
	workflow_close(&w);
}

TEST(goes_on)
{
	static const char
		*const body = "{\"checkpoint\":\"m\",\"reason\":\"r\",\"resume\":true,"
					  "\"undo\":[{\"event\":7,\"position\":\"/steps/1\"}]}";
	static const char *const end = "{\"reason\":\"r\",\"undone\":true}";
	static const char
		*const resumed = "{\"reason\":\"r\",\"resume\":true,\"undone\":true}";
	Workflow w;

	workflow_open(&w, trip, NULL);
	workflow_go(&w, "start", NULL);
	workflow_go(&w, "reply", DONE(1));
	SEND(&w, "rollback",
		 "{\"checkpoint\":\"m\",\"reason\":\"r\",\"resume\":true}",
		 "rollback m");
	CHECK_TEXT(w.effects.items[0].body, resumed);
	CHECK_INT(workflow_return(&w), HITL_OK);
	workflow_go(&w, "start", NULL);
	workflow_go(&w, "reply", DONE(3));
	workflow_go(&w, "rollback", body);
	CHECK(contains(control_text(&w), ",\"done\":0,\"resume\":true}"));
	workflow_go(&w, "reply", to(1, 5, "\"result\":1"));
	SEND(&w, "reply", to(1, 6, "\"result\":1"),
		 "step_completed pay, step_undone hotel, remove 1+1, rollback m");
	CHECK_TEXT(w.effects.items[3].body, resumed);
	CHECK_INT(workflow_return(&w), HITL_OK);
	CHECK(!contains(control_text(&w), "\"resume\""));

	/* Whoever begins it anew, after a failure, has it end there. */
	workflow_go(&w, "start", NULL);
	workflow_go(&w, "reply", DONE(7));
	workflow_go(&w, "rollback", body);
	workflow_go(&w, "reply", to(2, 9, "\"error\":{\"kind\":\"x\"}"));
	workflow_go(&w, "rollback",
				"{\"checkpoint\":\"m\",\"reason\":\"r\",\"undo\":["
				"{\"event\":7,\"position\":\"/steps/1\"}]}");
	CHECK(!contains(control_text(&w), "\"resume\""));
	workflow_go(&w, "reply", to(3, 10, "\"result\":1"));
	workflow_go(&w, "reply", to(3, 11, "\"result\":1"));
	CHECK_TEXT(w.effects.items[3].body, end);
	workflow_close(&w);
}

TEST(newest_first)
{
	Workflow w;

	workflow_open(&w, trip, NULL);
	workflow_go(&w, "start", NULL);
	workflow_go(&w, "reply", DONE(1));
	workflow_go(&w, "reply", DONE(2));
	GO(&w, "rollback",
	   "{\"checkpoint\":\"m\",\"reason\":\"r\",\"undo\":["
	   "{\"event\":9,\"position\":\"/steps/2\"},"
	   "{\"event\":7,\"position\":\"/steps/1\"}]}",
	   "withdraw 3, undo_started, fork 1+2, more; ask call 1/4, "
	   "=waiting_approval");
	CHECK(contains(control_text(&w), "\"undo\":{\"checkpoint\":\"m\","));
	REFUSED(&w, "rollback", "{\"checkpoint\":\"m\"}",
			"the workflow is being rolled back already");
	SEND(&w, "reply", DONE(3), "");
	GO(&w, "approval", to(1, 4, "\"outcome\":\"approved\""),
	   "step_completed call, step_undone flight, =running, more; run leave 2/5");
	CHECK_INT(w.effects.items[0].scope, 2);
	GO(&w, "reply", to(2, 5, "\"result\":1"),
	   "step_completed leave, more; run pay 2/6");
	SEND(&w, "reply", to(2, 6, "\"result\":1"),
		 "step_completed pay, step_undone hotel, remove 1+2, rollback m");
	CHECK_TEXT(w.effects.items[1].body, "{\"event\":7}");
	CHECK_TEXT(w.effects.items[1].position, "/steps/1");
	CHECK_TEXT(w.effects.items[3].body, "{\"reason\":\"r\",\"undone\":true}");
	CHECK_INT(workflow_return(&w), HITL_OK);
	GO(&w, "start", NULL, "workflow_resumed, =running, run hotel 7");
	CHECK_INT(w.effects.items[2].attempt, 2);
	workflow_close(&w);
}

TEST(asked_for_by_a_step)
{
	Workflow w;

	workflow_open(&w, trip, NULL);
	workflow_go(&w, "start", NULL);
	workflow_go(&w, "reply", DONE(1));
	SEND(&w, "reply", ERROR(2, "x"), "step_failed flight, rollback m");
	CHECK_TEXT(w.effects.items[1].body, "{\"reason\":\"m\"}");
	GO(&w, "rollback",
	   "{\"checkpoint\":\"m\",\"undo\":[{\"event\":7,\"position\":\"/steps/1\"}]}",
	   "undo_started, fork 1+1, =running, more; run leave 1/3");
	CHECK_INT(memory_active(&w.memory), 1);

	/* One that fails is gone on with. */
	SEND(&w, "reply", to(1, 3, "\"error\":{\"kind\":\"x\"}"),
		 "step_failed leave, withdraw 0, workflow_failed leave, =failed");
	GO(&w, "retry", NULL, "workflow_retried, =running, more; run leave 1/4");
	SEND(&w, "reply", to(1, 4, "\"error\":{\"kind\":\"x\"}"),
		 "step_failed leave, withdraw 0, workflow_failed leave, =failed");

	/* Or it is left out, or begun anew with another list. */
	GO(&w, "skip", "{\"step\":\"leave\"}",
	   "workflow_retried, =running, step_skipped leave, more; run pay 1/5");
	SEND(&w, "reply", to(1, 5, "\"error\":{\"kind\":\"x\"}"),
		 "step_failed pay, withdraw 0, workflow_failed pay, =failed");
	GO(&w, "rollback",
	   "{\"checkpoint\":\"m\",\"undo\":[{\"event\":7,\"position\":\"/steps/1\"}]}",
	   "withdraw 0, keep 0+0, undo_started, fork 2+1, =running, more; run leave "
	   "2/6");
	SEND(&w, "pause", NULL, "workflow_paused, =paused");
	SEND(&w, "reply", to(2, 6, "\"result\":1"), "step_completed leave");
	GO(&w, "resume", NULL, "workflow_resumed, =running, more; run pay 2/7");
	SEND(&w, "cancel", NULL,
		 "withdraw 0, workflow_cancelled, keep 0+0, =cancelled");
	workflow_close(&w);
}

/*
 * A rejection while steps are taken back must not leave it at that.
 */
TEST(rejected_undo)
{
	Workflow w;

	workflow_open(&w, trip, NULL);
	workflow_go(&w, "start", NULL);
	workflow_go(&w, "reply", DONE(1));
	workflow_go(&w, "reply", DONE(2));
	SEND(&w, "reply", DONE(3),
		 "step_completed end, workflow_completed, =completed");
	GO(&w, "rollback",
	   "{\"checkpoint\":\"m\",\"undo\":[{\"event\":9,\"position\":\"/steps/2\"}]}",
	   "undo_started, fork 1+1, =running, more; ask call 1/4, "
	   "=waiting_approval");
	SEND(&w, "approval", to(1, 4, "\"outcome\":\"rejected\""),
		 "step_failed call, withdraw 0, workflow_failed call, =failed");
	workflow_close(&w);
}

TEST(faulty_rollbacks)
{
	Workflow w;
	const char *undo = "\"undo\" must name events of steps that have an undo";

	workflow_open(&w, trip, NULL);
	workflow_go(&w, "start", NULL);
	REFUSED(&w, "rollback", "{}",
			"\"checkpoint\" must be the name of a checkpoint");
	REFUSED(&w, "rollback", "{\"checkpoint\":\"m\",\"reason\":1}",
			"\"reason\" must be a string or null");
	REFUSED(&w, "rollback", "{\"checkpoint\":\"m\",\"undo\":{}}",
			"\"undo\" must be an array, and not too long a one");
	REFUSED(
		&w, "rollback",
		"{\"checkpoint\":\"m\",\"undo\":[{\"event\":1,\"position\":\"/steps/0\"}]}",
		undo);
	REFUSED(
		&w, "rollback",
		"{\"checkpoint\":\"m\",\"undo\":[{\"event\":0,\"position\":\"/steps/1\"}]}",
		undo);
	REFUSED(&w, "rollback", "{\"checkpoint\":\"m\",\"undo\":[7]}", undo);
	workflow_close(&w);
}

/*
 * A checkpoint that a branch has taken: the others go on from where they were.
 */
TEST(checkpoint_in_a_branch)
{
	Workflow w;

	workflow_open(&w,
				  STEPS(PARALLEL("p",
								 "[" ASK("a", "")
									 AND TASK("b", "") "],[" TASK("c", "")
										 AND MARK("m") AND TASK("d", "") "]",
								 "")),
				  NULL);
	workflow_go(&w, "start", NULL);
	GO(&w, "reply", to(2, 3, "\"result\":1"),
	   "step_completed c, more; checkpoint m, step_completed m, more; run d 2/4");
	workflow_go(&w, "approval", to(1, 2, "\"outcome\":\"approved\""));
	CHECK_TEXT(w.summary, "step_completed a, more; run b 1/5");
	CHECK_INT(workflow_return(&w), HITL_OK);
	CHECK_TEXT(w.summary, "withdraw 0");
	SEND(&w, "reply", to(1, 5, "\"result\":1"), "");
	GO(&w, "start", NULL,
	   "workflow_resumed, =running, more; ask a 1/7, more; run d 2/8");
	CHECK_INT(w.effects.items[0].attempt, 2);
	workflow_go(&w, "approval", to(1, 7, "\"outcome\":\"approved\""));
	workflow_go(&w, "reply", to(1, 9, "\"result\":1"));
	GO(&w, "reply", to(2, 8, "\"result\":1"),
	   "step_completed d, join 1+2; remove 1+2, step_completed p, "
	   "workflow_completed, =completed");

	/* Also from the end. */
	CHECK_INT(workflow_return(&w), HITL_OK);
	CHECK_TEXT(w.summary, "");
	GO(&w, "start", NULL,
	   "workflow_resumed, =running, more; ask a 1/12, more; run d 2/13");
	CHECK_INT(w.effects.items[0].attempt, 3);
	workflow_close(&w);
}

/*
 * Elements that begin after a rollback have begun before it, too: nothing that
 * they ask for may have the number of an earlier attempt.
 */
TEST(attempts_after_a_rollback)
{
	Workflow w;
	char *control;
	json_t *branches;

	workflow_open(&w, STEPS(FOREACH("f", TASK("a", ""), ",\"concurrency\":1")),
				  "{\"items\":[1,2]}");
	workflow_go(&w, "start", NULL);
	control = strdup(control_text(&w));
	branches = json_deep_copy(w.memory.branches);
	workflow_go(&w, "reply", to(1, 2, "\"result\":1"));
	CHECK_TEXT(w.summary, "step_completed a, more; run a 2/3");
	CHECK_INT(w.effects.items[0].attempt, 1);

	json_decref(w.memory.branches);
	w.memory.branches = branches;
	CHECK_INT(workflow_rewind(&w, control), HITL_OK);
	GO(&w, "start", NULL, "workflow_resumed, =running, more; run a 1/5");
	CHECK_INT(w.effects.items[0].attempt, 2);
	GO(&w, "reply", to(1, 5, "\"result\":1"),
	   "step_completed a, more; run a 2/6");
	CHECK_INT(w.effects.items[0].attempt, 2);
	free(control);
	workflow_close(&w);
}

/*
 * A fork that is left for a rollback leaves nothing of its branches behind.
 */
TEST(asked_for_by_a_fork)
{
	Workflow w;

	workflow_open(&w,
				  STEPS(MARK("m")
							AND PARALLEL("p",
										 "[" TASK("a", "") "],[" TASK("b", "")
											 AND TASK("c", "") "]",
										 ",\"on_error\":\"rollback:m\"")),
				  NULL);
	workflow_go(&w, "start", NULL);
	SEND(&w, "reply", to(2, 3, "\"result\":1"), "step_completed b, more");
	SEND(&w, "reply", to(1, 2, "\"error\":{\"kind\":\"x\"}"),
		 "step_failed a, withdraw 1, remove 1+2, step_failed p, rollback m");
	CHECK(contains(control_text(&w), "\"status\":\"rolled_back\""));
	CHECK_INT(json_object_size(w.memory.branches), 0);
	CHECK_INT(workflow_return(&w), HITL_OK);
	CHECK_TEXT(w.summary, "");
	SEND(&w, "start", NULL, "workflow_resumed, =running, more");
	workflow_close(&w);
}

/*
 * The host has failed the workflow while steps were taken back.
 */
TEST(rollback_after_the_host_failed_it)
{
#define AGAIN \
	"{\"checkpoint\":\"m\",\"undo\":[{\"event\":7,\"position\":\"/steps/1\"}]"
	Workflow w;

	workflow_open(&w, trip, NULL);
	workflow_go(&w, "start", NULL);
	workflow_go(&w, "reply", DONE(1));
	workflow_go(&w, "rollback", AGAIN "}");
	REFUSED(&w, "rollback", AGAIN "}",
			"the workflow is being rolled back already");
	GO(&w, "rollback", AGAIN ",\"failed\":true}",
	   "withdraw 0, keep 0+0, undo_started, fork 2+1, =running, more; "
	   "run leave 2/4");
	workflow_close(&w);
}

TEST(scopes_that_undo_may_need)
{
	Workflow w;

	workflow_open(&w, STEPS(FOREACH("f", TASK("a", UNDO(TASK("b", ""))), "")),
				  "{\"items\":[1]}");
	workflow_go(&w, "start", NULL);
	GO(&w, "reply", to(1, 2, "\"result\":1"),
	   "step_completed a, join 1+1; keep 1+1, step_completed f, "
	   "workflow_completed, =completed");
	CHECK_INT(json_object_size(w.memory.branches), 1);
	workflow_close(&w);
}

SUITE(undo, RUN(nothing_to_take_back), RUN(goes_on), RUN(newest_first),
	  RUN(asked_for_by_a_step), RUN(rejected_undo), RUN(faulty_rollbacks),
	  RUN(checkpoint_in_a_branch), RUN(attempts_after_a_rollback),
	  RUN(asked_for_by_a_fork), RUN(rollback_after_the_host_failed_it),
	  RUN(scopes_that_undo_may_need));
