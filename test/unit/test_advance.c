/*
 * test_advance.c
 *		The course of a workflow: order, conditions, failures, jumps, endings,
 *		rollback.
 */
#include "harness.h"

#define TASK(name, more) \
	"{\"name\":\"" name "\",\"type\":\"task\",\"task\":\"do\"" more "}"
#define ASK(name, more) \
	"{\"name\":\"" name "\",\"type\":\"approval\",\"title\":\"t\"" more "}"
#define MARK(name, more) \
	"{\"name\":\"" name "\",\"type\":\"checkpoint\"" more "}"
#define STEPS(steps) "{\"steps\":[" steps "]}"
#define AND			 ","

#define DONE(token) "{\"token\":" #token ",\"result\":{\"n\":" #token "}}"
#define ERROR(token, kind) \
	"{\"token\":" #token ",\"error\":{\"kind\":\"" kind "\",\"message\":\"m\"}}"
#define DECIDED(token, outcome) \
	"{\"token\":" #token ",\"outcome\":\"" outcome "\"}"

TEST(one_task_after_another)
{
	Workflow w;

	workflow_open(&w,
				  STEPS(
					  TASK("a", "")
						  AND TASK("b",
								   ",\"context\":{\"x\":\"{{$.steps.a.n}}\"}")),
				  NULL);
	SEND(&w, "start", NULL, "workflow_started, =running, run a 1");
	SEND(&w, "reply", DONE(1), "step_completed a, more");
	CHECK_TEXT(w.effects.items[0].delta, "{\"steps\":{\"a\":{\"n\":1}}}");
	SEND(&w, "continue", NULL, "run b 2");
	CHECK_TEXT(member_of(w.effects.items[0].body, "/context"), "{\"x\":1}");
	SEND(&w, "reply", DONE(2),
		 "step_completed b, workflow_completed, =completed");
	CHECK_TEXT(control_text(&w),
			   "{\"completed\":2,\"total\":2,\"active\":[],"
			   "\"status\":\"completed\",\"token\":2,\"entered\":2}");
	workflow_close(&w);
}

TEST(messages_out_of_turn)
{
	Workflow w;

	workflow_open(&w, STEPS(TASK("a", "") AND ASK("b", "")), NULL);
	SEND(&w, "continue", NULL, "");
	SEND(&w, "reply", DONE(1), "");
	SEND(&w, "approval", DECIDED(1, "approved"), "");
	SEND(&w, "start", "{}", "workflow_started, =running, run a 1");
	SEND(&w, "start", NULL, "");
	SEND(&w, "continue", NULL, "");
	SEND(&w, "reply", DONE(7), "");

	/* A decision is not an answer to a task, nor the other way round. */
	SEND(&w, "approval", DECIDED(1, "approved"), "");
	SEND(&w, "reply", DONE(1), "step_completed a, more");
	SEND(&w, "reply", DONE(1), "more");
	SEND(&w, "continue", NULL, "ask b 2, =waiting_approval");
	SEND(&w, "reply", DONE(2), "");
	SEND(&w, "continue", NULL, "");
	SEND(&w, "approval", DECIDED(2, "approved"),
		 "step_completed b, workflow_completed, =completed");

	/* Terminal is terminal. */
	SEND(&w, "approval", DECIDED(2, "approved"), "");
	SEND(&w, "start", NULL, "");
	SEND(&w, "cancel", NULL, "");
	SEND(&w, "continue", NULL, "");
	workflow_close(&w);
}

TEST(faulty_messages)
{
	static const struct
	{
		const char *kind;
		const char *body;
		const char *error;
	} cases[] = {
		{"dance", NULL, "unknown kind of message"},
		{"start", "[1]", "the body of a message must be an object"},
		{"start", "{", "a member name in quotes is expected"},
		{"reply", "{}", "\"token\" must be a whole number"},
		{"reply", "{\"token\":\"1\",\"result\":{}}",
		 "\"token\" must be a whole number"},
		{"reply", "{\"token\":1}",
		 "a reply must have \"result\", \"error\" or a whole number as \"status\""},
		{"reply", "{\"token\":1,\"result\":1,\"error\":{}}",
		 "a reply has either \"result\" or \"error\""},
		{"reply", "{\"token\":1,\"error\":\"x\"}",
		 "\"error\" must be an object"},
		{"reply", "{\"token\":1,\"error\":{\"kind\":5}}",
		 "\"kind\" and \"message\" of an error must be strings"},
		{"reply", "{\"token\":1,\"status\":\"200\"}",
		 "a reply must have \"result\", \"error\" or a whole number as \"status\""},
		{"reply", "{\"token\":1,\"status\":200,\"body\":{}}",
		 "\"body\" must be a string or null"},
		{"cancel", "{\"reason\":5}",
		 "\"reason\" and \"actor\" must be strings or null"}};
	Workflow w;
	size_t i;

	workflow_open(&w, STEPS(TASK("a", "")), NULL);
	workflow_send(&w, "start", NULL);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		CHECK_INT(workflow_send(&w, cases[i].kind, cases[i].body),
				  HITL_INVALID);
		CHECK_TEXT(w.effects.error, cases[i].error);
	}
	SEND(&w, "reply", DONE(1),
		 "step_completed a, workflow_completed, =completed");
	CHECK(w.effects.error == NULL);
	workflow_close(&w);
}

TEST(effects_accumulate)
{
	Workflow w;
	HitlMessage reply = {"reply", DONE(1), 5, 0};
	HitlMessage bad = {"reply", "{}", 5, 0};

	workflow_open(&w, STEPS(TASK("a", "")), NULL);
	workflow_send(&w, "start", NULL);
	CHECK_INT(hitl_advance(w.definition, w.control, &bad, &w.memory.host,
						   &w.effects),
			  HITL_INVALID);
	CHECK_INT(w.effects.count, 3);
	CHECK_INT(hitl_advance(w.definition, w.control, &reply, &w.memory.host,
						   &w.effects),
			  HITL_OK);
	CHECK(w.effects.error == NULL);
	summarize(&w.effects, w.summary, sizeof(w.summary));
	CHECK_TEXT(w.summary,
			   "workflow_started, =running, run a 1, step_completed a, "
			   "workflow_completed, =completed");
	workflow_close(&w);
}

TEST(conditions)
{
	Workflow w;

	workflow_open(
		&w,
		STEPS(
			TASK("a", ",\"when\":\"$.variables.n > 10\"")
				AND TASK("b", ",\"when\":\"$.variables.none\"") AND TASK(
					"c", ",\"when\":\"$.variables.no\"")
					AND TASK("d", ",\"when\":\"$.variables.yes\"") AND TASK(
						"e",
						",\"when\":\"$.variables.null\",\"on_error\":\"continue\"")),
		"{\"variables\":{\"n\":10,\"no\":false,\"yes\":true,\"null\":null}}");
	SEND(&w, "start", NULL, "workflow_started, =running, step_skipped a, more");
	CHECK_TEXT(w.effects.items[2].body, "{\"when\":\"$.variables.n > 10\"}");
	CHECK(w.effects.items[2].delta == NULL);
	SEND(&w, "continue", NULL, "step_skipped b, more");
	SEND(&w, "continue", NULL, "step_skipped c, more");
	SEND(&w, "continue", NULL, "run d 1");
	SEND(&w, "reply", DONE(1), "step_completed d, more");
	SEND(&w, "continue", NULL, "step_failed e, workflow_completed, =completed");
	CHECK(contains(control_text(&w), "\"completed\":5"));
	workflow_close(&w);
}

TEST(faulty_conditions)
{
	Workflow w;

	workflow_open(
		&w,
		STEPS(TASK("a", ",\"when\":\"$.variables.n\",\"on_error\":\"continue\"")
				  AND TASK("b", ",\"when\":\"$.variables.n +\"")),
		"{\"variables\":{\"n\":10}}");
	SEND(&w, "start", NULL, "workflow_started, =running, step_failed a, more");
	CHECK_TEXT(
		w.effects.items[2].body,
		"{\"kind\":\"validation_error\","
		"\"message\":\"condition $.variables.n gives a number, not a boolean\"}");
	SEND(&w, "continue", NULL, "step_failed b, workflow_failed b, =failed");
	CHECK_TEXT(
		w.effects.items[0].body,
		"{\"kind\":\"validation_error\",\"message\":"
		"\"condition $.variables.n + cannot be evaluated: syntax error in path\"}");
	workflow_close(&w);

	workflow_open(&w, STEPS(TASK("a", ",\"when\":\"$.x\"")), NULL);
	w.memory.broken = true;
	CHECK_INT(workflow_send(&w, "start", NULL), HITL_HOST_FAILED);
	workflow_close(&w);
}

TEST(failure_ends_the_workflow)
{
	Workflow w;
	const char *error =
		"{\"kind\":\"rate_limit\",\"message\":\"m\",\"step\":\"a\",\"position\":\"/steps/0\"}";

	workflow_open(&w, STEPS(TASK("a", "") AND TASK("b", "")), NULL);
	workflow_send(&w, "start", NULL);
	SEND(&w, "reply", ERROR(1, "rate_limit"),
		 "step_failed a, workflow_failed a, =failed");
	CHECK_TEXT(w.effects.items[0].body,
			   "{\"kind\":\"rate_limit\",\"message\":\"m\"}");
	CHECK_TEXT(w.effects.items[1].body, error);
	CHECK_TEXT(w.effects.items[2].body, error);
	CHECK_TEXT(workflow_value(&w, "$.steps.a.error.kind"), "\"rate_limit\"");
	CHECK(contains(
		control_text(&w),
		"\"completed\":0,\"total\":2,\"active\":[{\"position\":\"/steps/0\","
		"\"step\":\"a\",\"type\":\"task\",\"state\":\"ready\",\"attempt\":1,"));
	CHECK(contains(control_text(&w), "}],\"status\":\"failed\""));
	workflow_close(&w);
}

TEST(on_error)
{
	Workflow w;

	workflow_open(&w,
				  STEPS(TASK("a", ",\"on_error\":\"continue\"") AND TASK(
					  "b", ",\"on_error\":\"goto:d\"") AND TASK("c", "")
							AND TASK("d", ",\"on_error\":\"rollback:before\"")),
				  NULL);
	workflow_send(&w, "start", NULL);
	SEND(&w, "reply", ERROR(1, "x"), "step_failed a, more");
	CHECK_TEXT(workflow_value(&w, "$.steps.a.error"),
			   "{\"kind\": \"x\", \"message\": \"m\"}");
	SEND(&w, "continue", NULL, "run b 2");
	SEND(&w, "reply", ERROR(2, "x"), "step_failed b, more");
	CHECK(contains(control_text(&w), "\"completed\":3"));
	SEND(&w, "continue", NULL, "run d 3");
	CHECK_INT(w.effects.items[0].attempt, 1);
	SEND(&w, "reply", ERROR(3, "x"), "step_failed d, rollback before");
	CHECK_TEXT(w.effects.items[1].body, "{\"reason\":\"m\"}");

	/* Until the host has rewound, nothing goes on. */
	SEND(&w, "continue", NULL, "");
	SEND(&w, "reply", DONE(3), "");
	workflow_close(&w);
}

TEST(on_timeout_of_a_task)
{
	Workflow w;

	workflow_open(&w,
				  STEPS(TASK("a", ",\"on_timeout\":\"continue\"")
							AND TASK("b", ",\"on_timeout\":\"reject\"")),
				  NULL);
	workflow_send(&w, "start", NULL);
	SEND(&w, "reply", ERROR(1, "timeout"), "step_failed a, more");
	SEND(&w, "continue", NULL, "run b 2");
	SEND(&w, "reply", ERROR(2, "timeout"),
		 "step_failed b, workflow_rejected b, =rejected");
	workflow_close(&w);
}

TEST(jumps_back_count)
{
	Workflow w;

	workflow_open(&w,
				  STEPS(TASK("a", "")
							AND TASK("b", ",\"on_error\":\"goto:a\"")),
				  NULL);
	SEND(&w, "start", NULL, "workflow_started, =running, run a 1");
	SEND(&w, "reply", DONE(1), "step_completed a, more");
	SEND(&w, "continue", NULL, "run b 2");
	SEND(&w, "reply", ERROR(2, "x"), "step_failed b, more");
	CHECK(contains(control_text(&w), "\"completed\":0"));
	SEND(&w, "continue", NULL, "run a 3");
	CHECK_INT(w.effects.items[0].attempt, 2);
	workflow_close(&w);
}

TEST(endless_loops_end)
{
	Workflow w;
	int entered = 0;

	workflow_open(
		&w,
		STEPS("{\"name\":\"a\",\"type\":\"task\",\"task\":\"{{$.none}}\","
			  "\"on_error\":\"goto:a\"}"),
		NULL);
	workflow_send(&w, "start", NULL);
	while (w.effects.more && entered < 20000)
	{
		entered++;
		workflow_send(&w, "continue", NULL);
	}
	CHECK_INT(entered, HITL_STEP_BUDGET);
	CHECK_TEXT(w.summary, "workflow_failed a, =failed");
	CHECK_TEXT(
		w.effects.items[1].body,
		"{\"kind\":\"system_error\",\"message\":\"step budget exhausted\","
		"\"step\":\"a\",\"position\":\"/steps/0\"}");
	workflow_close(&w);
}

TEST(cancel)
{
	Workflow w;

	workflow_open(&w, STEPS(ASK("a", "")), NULL);
	workflow_send(&w, "start", NULL);
	SEND(&w, "cancel", "{\"reason\":\"no \\\"need\\\"\",\"actor\":\"bob\"}",
		 "withdraw 1, workflow_cancelled, =cancelled");
	CHECK_TEXT(w.effects.items[1].body,
			   "{\"reason\":\"no \\\"need\\\"\",\"actor\":\"bob\"}");
	CHECK(w.effects.items[2].body == NULL);
	SEND(&w, "approval", DECIDED(1, "approved"), "");
	workflow_close(&w);

	workflow_open(&w, STEPS(ASK("a", "")), NULL);
	SEND(&w, "cancel", NULL, "workflow_cancelled, =cancelled");
	CHECK_TEXT(w.effects.items[0].body, "{\"reason\":null,\"actor\":null}");
	workflow_close(&w);
}

TEST(rollback_to_a_checkpoint)
{
	Workflow w;
	char *pinned;

	workflow_open(&w, STEPS(MARK("m", "") AND TASK("a", "") AND ASK("b", "")),
				  NULL);
	SEND(&w, "start", NULL,
		 "workflow_started, =running, checkpoint m, step_completed m, more");
	pinned = strdup(w.pinned);
	SEND(&w, "continue", NULL, "run a 1");
	SEND(&w, "reply", DONE(1), "step_completed a, more");
	SEND(&w, "continue", NULL, "ask b 2, =waiting_approval");
	CHECK_INT(workflow_rewind(&w, pinned), HITL_OK);
	CHECK_TEXT(w.summary, "withdraw 2");
	SEND(&w, "continue", NULL, "");
	SEND(&w, "approval", DECIDED(2, "approved"), "");
	SEND(&w, "start", NULL, "workflow_resumed, =running, run a 3");
	CHECK_INT(w.effects.items[2].attempt, 2);
	SEND(&w, "reply", DONE(1), "");
	SEND(&w, "reply", DONE(3), "step_completed a, more");
	SEND(&w, "continue", NULL, "ask b 4, =waiting_approval");

	/* Rewinding twice, and cancelling what was rewound. */
	CHECK_INT(workflow_rewind(&w, pinned), HITL_OK);
	CHECK_TEXT(w.summary, "withdraw 4");
	CHECK_INT(workflow_rewind(&w, pinned), HITL_OK);
	CHECK_TEXT(w.summary, "");
	SEND(&w, "cancel", NULL, "workflow_cancelled, =cancelled");

	/* What has ended may be rewound too. */
	CHECK_INT(workflow_rewind(&w, pinned), HITL_OK);
	SEND(&w, "start", NULL, "workflow_resumed, =running, run a 5");
	free(pinned);
	workflow_close(&w);
}

TEST(rollback_to_what_awaits)
{
	Workflow w;
	char *state;

	workflow_open(&w, STEPS(ASK("a", "")), NULL);
	workflow_send(&w, "start", NULL);
	state = strdup(control_text(&w));
	SEND(&w, "approval", DECIDED(1, "approved"),
		 "step_completed a, workflow_completed, =completed");
	CHECK_INT(workflow_rewind(&w, state), HITL_OK);
	CHECK_TEXT(w.summary, "");
	SEND(&w, "approval", DECIDED(1, "approved"), "");
	SEND(&w, "start", NULL,
		 "workflow_resumed, =running, ask a 2, =waiting_approval");
	free(state);
	workflow_close(&w);
}

TEST(rollback_at_the_edges)
{
	Workflow w;
	char *pending;
	char *failed;

	workflow_open(&w, STEPS(TASK("a", "")), NULL);
	pending = strdup(control_text(&w));
	workflow_send(&w, "start", NULL);
	SEND(&w, "reply", ERROR(1, "x"),
		 "step_failed a, workflow_failed a, =failed");
	failed = strdup(control_text(&w));

	CHECK_INT(workflow_rewind(&w, failed), HITL_INVALID);
	CHECK_TEXT(w.effects.error,
			   "the workflow had ended where the checkpoint was taken");
	CHECK_INT(workflow_rewind(&w, "{\"x\":"), HITL_INVALID);
	CHECK_TEXT(w.effects.error, "the control state is no JSON");

	CHECK_INT(workflow_rewind(&w, pending), HITL_OK);
	SEND(&w, "start", NULL, "workflow_started, =running, run a 2");
	free(pending);
	free(failed);
	workflow_close(&w);
}

TEST(rollback_to_the_very_end)
{
	Workflow w;

	workflow_open(&w, STEPS(MARK("m", "")), NULL);
	SEND(&w, "start", NULL,
		 "workflow_started, =running, checkpoint m, step_completed m, "
		 "workflow_completed, =completed");
	CHECK_INT(workflow_rewind(&w, w.pinned), HITL_OK);
	SEND(&w, "start", NULL,
		 "workflow_resumed, =running, workflow_completed, =completed");
	CHECK_INT(workflow_rewind(&w, control_text(&w)), HITL_OK);
	SEND(&w, "start", NULL,
		 "workflow_resumed, =running, workflow_completed, =completed");
	workflow_close(&w);
}

SUITE(advance, RUN(one_task_after_another), RUN(messages_out_of_turn),
	  RUN(faulty_messages), RUN(effects_accumulate), RUN(conditions),
	  RUN(faulty_conditions), RUN(failure_ends_the_workflow), RUN(on_error),
	  RUN(on_timeout_of_a_task), RUN(jumps_back_count), RUN(endless_loops_end),
	  RUN(cancel), RUN(rollback_to_a_checkpoint), RUN(rollback_to_what_awaits),
	  RUN(rollback_at_the_edges), RUN(rollback_to_the_very_end));
