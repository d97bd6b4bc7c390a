/*
 * test_external.c
 *		Tasks that programs outside do.
 */
#include "harness.h"

#define STEP(more) \
	"{\"steps\":[{\"name\":\"t\",\"type\":\"task\",\"task\":\"pack {{$.variables.n}}\"," \
	"\"executor\":\"external\"" more "}]}"
#define DATA "{\"variables\":{\"n\":3}}"

TEST(offered)
{
	Workflow w;
	const HitlEffect *effect;

	workflow_open(&w, STEP(""), DATA);
	workflow_send(&w, "start", NULL);
	effect = find_effect(&w, HITL_EFFECT_RUN_EXTERNAL);
	CHECK_TEXT(effect->type, "default");
	CHECK_TEXT(
		effect->body,
		"{\"task\":\"pack 3\",\"context\":{},\"instructions\":null,\"model\":null,"
		"\"retry\":null,\"timeout_seconds\":null}");
	CHECK_INT(effect->token, 1);
	CHECK(find_effect(&w, HITL_EFFECT_RUN_TASK) == NULL);
	workflow_close(&w);

	workflow_open(
		&w,
		STEP(",\"queue\":\"gpu\",\"context\":{\"n\":\"{{$.variables.n}}\"},"
			 "\"timeout\":\"1 hour\""),
		DATA);
	workflow_send(&w, "start", NULL);
	effect = find_effect(&w, HITL_EFFECT_RUN_EXTERNAL);
	CHECK_TEXT(effect->type, "gpu");
	CHECK_TEXT(member_of(effect->body, "/context"), "{\"n\":3}");
	CHECK_TEXT(member_of(effect->body, "/timeout_seconds"), "3600");
	workflow_close(&w);
}

/*
 * What the program gives is the result as it is, even if it looks like the
 * reply of an inference server.
 */
TEST(result)
{
	Workflow w;

	workflow_open(&w, STEP(""), DATA);
	workflow_send(&w, "start", NULL);
	SEND(&w, "reply", "{\"token\":1,\"result\":{\"choices\":[0.50]}}",
		 "step_completed t, workflow_completed, =completed");
	CHECK_TEXT(w.effects.items[0].delta,
			   "{\"steps\":{\"t\":{\"choices\":[0.50]}}}");
	workflow_close(&w);

	workflow_open(&w, STEP(""), DATA);
	workflow_send(&w, "start", NULL);
	CHECK_INT(workflow_send(&w, "reply", "{\"token\":1,\"status\":200}"),
			  HITL_INVALID);
	workflow_send(&w, "reply", "{\"token\":1,\"error\":{\"kind\":\"x\"}}");
	CHECK_TEXT(workflow_value(&w, "$.steps.t.error.kind"), "\"x\"");
	workflow_close(&w);
}

/*
 * The gates of a task hold for whoever does it.
 */
TEST(gated)
{
	Workflow w;

	workflow_open(&w, STEP(",\"requires_approval\":true"), DATA);
	workflow_send(&w, "start", NULL);
	CHECK(find_effect(&w, HITL_EFFECT_RUN_EXTERNAL) == NULL);
	memory_merge(&w.memory, "{\"variables\":{\"n\":9}}");
	workflow_send(&w, "approval", "{\"token\":1,\"outcome\":\"approved\"}");
	CHECK_TEXT(member_of(find_effect(&w, HITL_EFFECT_RUN_EXTERNAL)->body,
						 "/task"),
			   "\"pack 3\"");
	workflow_send(&w, "reply", "{\"token\":2,\"result\":{\"ok\":true}}");
	CHECK_TEXT(workflow_value(&w, "$.steps.t.approval.outcome"),
			   "\"approved\"");
	workflow_close(&w);
}

#define FIFTY "12345678901234567890123456789012345678901234567890"

TEST(faults)
{
	CHECK_FAULT(STEP(",\"model\":\"m\""), "/steps/0/model", "has no model");
	CHECK_FAULT(STEP(",\"queue\":\"\""), "/steps/0/queue", "must not be empty");
	CHECK_FAULT(STEP(",\"queue\":\"q" FIFTY FIFTY FIFTY FIFTY "\""),
				"/steps/0/queue", "must not be longer than 200 bytes");
	CHECK_FAULT("{\"steps\":[{\"name\":\"t\",\"type\":\"task\",\"task\":\"t\","
				"\"executor\":\"robot\"}]}",
				"/steps/0/executor", "model or external");
	CHECK_FAULT("{\"steps\":[{\"name\":\"t\",\"type\":\"task\",\"task\":\"t\","
				"\"queue\":\"gpu\"}]}",
				"/steps/0/queue", "\"executor\": \"external\"");
}

SUITE(external, RUN(offered), RUN(result), RUN(gated), RUN(faults));
