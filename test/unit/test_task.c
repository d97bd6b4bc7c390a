/*
 * test_task.c
 *		The task step: its call, its gates, its checkpoint.
 */
#include "harness.h"

#define GATED(more) \
	"{\"steps\":[{\"name\":\"pay\",\"type\":\"task\",\"task\":\"pay {{$.variables.n}}\"," \
	"\"context\":{\"to\":\"{{$.variables.who}}\"},\"requires_approval\":true" more \
	"}]}"
#define DATA "{\"variables\":{\"n\":1200,\"who\":\"ann\"}}"

TEST(call)
{
	Workflow w;

	workflow_open(
		&w, "{\"steps\":[{\"name\":\"a\",\"type\":\"task\",\"task\":\"t\"}]}",
		NULL);
	workflow_send(&w, "start", NULL);
	CHECK_TEXT(
		find_effect(&w, HITL_EFFECT_RUN_TASK)->body,
		"{\"task\":\"t\",\"context\":{},\"instructions\":null,\"model\":null,\"retry\":null,"
		"\"timeout_seconds\":null}");
	workflow_close(&w);

	workflow_open(
		&w,
		"{\"steps\":[{\"name\":\"a\",\"type\":\"task\",\"task\":\"t\",\"model\":\"m\","
		"\"instructions\":\"be {{$.how}}\",\"retry\":{\"max_attempts\": 2},"
		"\"timeout\":\"1.5 minutes\",\"context\":{\"a\":[]}}]}",
		"{\"how\":\"brief\"}");
	workflow_send(&w, "start", NULL);
	CHECK_TEXT(
		find_effect(&w, HITL_EFFECT_RUN_TASK)->body,
		"{\"task\":\"t\",\"context\":{\"a\":[]},\"instructions\":\"be brief\",\"model\":\"m\","
		"\"retry\":{\"max_attempts\":2},\"timeout_seconds\":90}");
	/* the document is gone by now, and the name must not be */
	CHECK_TEXT(find_effect(&w, HITL_EFFECT_RUN_TASK)->type, "m");
	CHECK_TEXT(find_effect(&w, HITL_EFFECT_RUN_TASK)->position, "/steps/0");
	CHECK_INT(find_effect(&w, HITL_EFFECT_RUN_TASK)->attempt, 1);
	workflow_close(&w);
}

TEST(results_of_any_type)
{
	Workflow w;

	workflow_open(
		&w, "{\"steps\":[{\"name\":\"a\",\"type\":\"task\",\"task\":\"t\"}]}",
		NULL);
	workflow_send(&w, "start", NULL);
	SEND(&w, "reply", "{\"token\":1,\"result\":[0.10, \"x\"]}",
		 "step_completed a, workflow_completed, =completed");
	CHECK_TEXT(w.effects.items[0].delta, "{\"steps\":{\"a\":[0.10,\"x\"]}}");
	workflow_close(&w);
}

TEST(asked_before_it_acts)
{
	Workflow w;
	const HitlEffect *ask;
	char *call;

	workflow_open(&w,
				  GATED(
					  ",\"approval_config\":{\"context_data\":{\"limit\":5}}"),
				  DATA);
	SEND(&w, "start", NULL,
		 "workflow_started, =running, ask pay 1, =waiting_approval");
	ask = find_effect(&w, HITL_EFFECT_REQUEST_APPROVAL);
	CHECK_TEXT(
		ask->body,
		"{\"title\":\"Approval of step pay\",\"description\":null,"
		"\"approval_type\":\"binary\",\"requested_from\":[],\"required_approvers\":[],"
		"\"approval_threshold\":null,\"timeout_seconds\":null,\"channels\":null,"
		"\"editable\":false,\"context_data\":{\"limit\":5,\"task\":\"pay 1200\",\"context\":{\"to\":\"ann\"}}}");

	/* What is run is what was approved, though the data changed since. */
	memory_merge(&w.memory, "{\"variables\":{\"n\":999999,\"who\":\"eve\"}}");
	SEND(
		&w, "approval",
		"{\"token\":1,\"outcome\":\"approved\",\"approval_id\":\"id\",\"approver_id\":\"bob\","
		"\"response_data\":{\"x\":1.10},\"feedback\":null}",
		"run pay 2, =running");
	call = strdup(find_effect(&w, HITL_EFFECT_RUN_TASK)->body);
	CHECK_TEXT(
		call,
		"{\"task\":\"pay 1200\",\"context\":{\"to\":\"ann\"},\"instructions\":null,"
		"\"model\":null,\"retry\":null,\"timeout_seconds\":null}");
	free(call);
	SEND(&w, "approval", "{\"token\":1,\"outcome\":\"approved\"}", "");
	SEND(&w, "reply", "{\"token\":2,\"result\":{\"paid\":true}}",
		 "step_completed pay, workflow_completed, =completed");
	CHECK_TEXT(
		w.effects.items[0].delta,
		"{\"steps\":{\"pay\":{\"paid\":true,\"approval\":"
		"{\"outcome\":\"approved\",\"approval_id\":\"id\",\"approver_id\":\"bob\","
		"\"response_data\":{\"x\":1.10}}}}}");
	workflow_close(&w);
}

TEST(result_that_is_no_object)
{
	Workflow w;

	workflow_open(&w, GATED(""), DATA);
	workflow_send(&w, "start", NULL);
	workflow_send(&w, "approval", "{\"token\":1,\"outcome\":\"approved\"}");
	workflow_send(&w, "reply", "{\"token\":2,\"result\":\"done\"}");
	CHECK_TEXT(
		w.effects.items[0].delta,
		"{\"steps\":{\"pay\":{\"answer\":\"done\",\"approval\":{\"outcome\":\"approved\"}}}}");
	workflow_close(&w);

	workflow_open(&w, GATED(""), DATA);
	workflow_send(&w, "start", NULL);
	workflow_send(&w, "approval", "{\"token\":1,\"outcome\":\"approved\"}");
	workflow_send(&w, "reply", "{\"token\":2,\"result\":{}}");
	CHECK_TEXT(
		w.effects.items[0].delta,
		"{\"steps\":{\"pay\":{\"approval\":{\"outcome\":\"approved\"}}}}");
	workflow_close(&w);
}

TEST(refused_before_it_acts)
{
	Workflow w;

	workflow_open(&w, GATED(""), DATA);
	workflow_send(&w, "start", NULL);
	SEND(
		&w, "approval",
		"{\"token\":1,\"outcome\":\"rejected\",\"approver_id\":\"bob\",\"feedback\":\"too much\"}",
		"step_failed pay, workflow_rejected pay, =rejected");
	CHECK_TEXT(
		w.effects.items[0].body,
		"{\"kind\":\"rejected\",\"message\":\"rejected by bob: too much\"}");
	CHECK_TEXT(w.effects.items[0].delta,
			   "{\"steps\":{\"pay\":{\"approval\":{\"outcome\":\"rejected\","
			   "\"approver_id\":\"bob\",\"feedback\":\"too much\"}}}}");
	workflow_close(&w);

	workflow_open(&w, GATED(",\"on_reject\":\"continue\""), DATA);
	workflow_send(&w, "start", NULL);
	SEND(&w, "approval", "{\"token\":1,\"outcome\":\"rejected\"}",
		 "step_completed pay, workflow_completed, =completed");
	CHECK_TEXT(workflow_value(&w, "$.steps.pay.approval.outcome"),
			   "\"rejected\"");
	workflow_close(&w);
}

TEST(reviewed_after_it_acted)
{
	Workflow w;
	const char *review = ",\"approval_config\":{\"when\":\"after\"}";
	char definition[1000];

	snprintf(
		definition, sizeof(definition),
		"{\"steps\":[{\"name\":\"pay\",\"type\":\"task\","
		"\"task\":\"pay {{$.variables.n}}\",\"requires_approval\":true%s}]}",
		review);
	workflow_open(&w, definition, DATA);
	SEND(&w, "start", NULL, "workflow_started, =running, run pay 1");
	SEND(&w, "reply", "{\"token\":1,\"result\":{\"paid\":true}}",
		 "ask pay 2, =waiting_approval");
	CHECK_TEXT(member_of(w.effects.items[0].body, "/context_data"),
			   "{\"task\":\"pay 1200\",\"result\":{\"paid\":true}}");
	SEND(&w, "approval", "{\"token\":2,\"outcome\":\"approved\"}",
		 "step_completed pay, workflow_completed, =completed");
	CHECK_TEXT(w.effects.items[0].delta,
			   "{\"steps\":{\"pay\":{\"paid\":true,"
			   "\"approval\":{\"outcome\":\"approved\"}}}}");
	workflow_close(&w);

	workflow_open(&w, definition, DATA);
	workflow_send(&w, "start", NULL);
	workflow_send(&w, "reply", "{\"token\":1,\"result\":{\"paid\":true}}");
	SEND(&w, "approval", "{\"token\":2,\"outcome\":\"rejected\"}",
		 "step_failed pay, workflow_rejected pay, =rejected");
	workflow_close(&w);
}

TEST(checkpoint_before_all)
{
	Workflow w;
	char *pinned;

	workflow_open(&w, GATED(",\"create_checkpoint\":true"), DATA);
	SEND(
		&w, "start", NULL,
		"workflow_started, =running, checkpoint pay, ask pay 1, =waiting_approval");
	CHECK_TEXT(w.effects.items[2].body, "{\"description\":null}");
	CHECK(contains(w.pinned,
				   "\"step\":\"pay\",\"type\":\"task\",\"state\":\"ready\""));
	pinned = strdup(w.pinned);
	workflow_send(&w, "approval", "{\"token\":1,\"outcome\":\"approved\"}");
	workflow_send(&w, "reply", "{\"token\":2,\"result\":{}}");

	/* Rolled back, the task is asked for and done anew; no second checkpoint. */
	CHECK_INT(workflow_rewind(&w, pinned), HITL_OK);
	memory_merge(&w.memory, "{\"variables\":{\"n\":50,\"who\":\"ann\"}}");
	SEND(&w, "start", NULL,
		 "workflow_resumed, =running, ask pay 3, =waiting_approval");
	CHECK_TEXT(member_of(w.effects.items[2].body, "/context_data/task"),
			   "\"pay 50\"");
	free(pinned);
	workflow_close(&w);

	workflow_open(&w, GATED(",\"create_checkpoint\":\"before paying\""), DATA);
	SEND(
		&w, "start", NULL,
		"workflow_started, =running, checkpoint before paying, ask pay 1, =waiting_approval");
	workflow_close(&w);
}

/*
 * A rollback to after the approval runs the approved call, as approved.
 */
TEST(rollback_to_an_approved_call)
{
	Workflow w;
	char *state;

	workflow_open(&w, GATED(""), DATA);
	workflow_send(&w, "start", NULL);
	workflow_send(&w, "approval", "{\"token\":1,\"outcome\":\"approved\"}");
	state = strdup(control_text(&w));
	workflow_send(&w, "reply", "{\"token\":2,\"result\":{}}");
	CHECK_INT(workflow_rewind(&w, state), HITL_OK);
	SEND(&w, "reply", "{\"token\":2,\"result\":{}}", "");
	SEND(&w, "start", NULL, "workflow_resumed, =running, run pay 3");
	CHECK_TEXT(member_of(w.effects.items[2].body, "/task"), "\"pay 1200\"");
	SEND(&w, "reply", "{\"token\":3,\"result\":{}}",
		 "step_completed pay, workflow_completed, =completed");
	CHECK_TEXT(workflow_value(&w, "$.steps.pay.approval.outcome"),
			   "\"approved\"");
	free(state);
	workflow_close(&w);
}

/*
 * A rollback to an open question asks it again, and runs nothing.
 */
TEST(rollback_to_an_open_question)
{
	Workflow w;
	char *state;

	workflow_open(&w, GATED(""), DATA);
	workflow_send(&w, "start", NULL);
	state = strdup(control_text(&w));
	workflow_send(&w, "approval", "{\"token\":1,\"outcome\":\"approved\"}");
	CHECK_INT(workflow_rewind(&w, state), HITL_OK);
	CHECK_TEXT(w.summary, "withdraw 2");
	SEND(&w, "start", NULL,
		 "workflow_resumed, =running, ask pay 3, =waiting_approval");
	SEND(&w, "approval", "{\"token\":1,\"outcome\":\"approved\"}", "");
	free(state);
	workflow_close(&w);
}

/*
 * What may not be shown is not asked.
 */
TEST(missing_amount)
{
	Workflow w;

	workflow_open(
		&w,
		GATED(
			",\"approval_config\":{\"context_data\":{\"amount\":\"{{$.variables.amount}}\"}}"),
		DATA);
	SEND(
		&w, "start", NULL,
		"workflow_started, =running, step_failed pay, workflow_failed pay, =failed");
	CHECK_TEXT(member_of(w.effects.items[2].body, "/message"),
			   "\"template path $.variables.amount matches nothing\"");
	workflow_close(&w);
}

SUITE(task, RUN(call), RUN(results_of_any_type), RUN(asked_before_it_acts),
	  RUN(result_that_is_no_object), RUN(refused_before_it_acts),
	  RUN(reviewed_after_it_acted), RUN(checkpoint_before_all),
	  RUN(rollback_to_an_approved_call), RUN(rollback_to_an_open_question),
	  RUN(missing_amount));
