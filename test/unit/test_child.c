/*
 * test_child.c
 *		The step that starts another workflow.
 */
#include "harness.h"

#define STEP(more) \
	"{\"steps\":[{\"name\":\"c\",\"type\":\"workflow\"" more "}]}"
#define DATA "{\"variables\":{\"id\":7,\"country\":\"de\",\"empty\":\"\"}}"
#define INNER \
	"{\"steps\":[{\"name\":\"a\",\"type\":\"task\",\"task\":\"{{ $.variables.mine }}\"}]}"

/*
 * A workflow whose child has been started.
 */
static void
begin(Workflow *workflow, const char *more)
{
	char definition[2000];

	snprintf(definition, sizeof(definition), STEP(",\"template\":\"refund\"%s"),
			 more);
	workflow_open(workflow, definition, DATA);
	workflow_send(workflow, "start", NULL);
	CHECK(find_effect(workflow, HITL_EFFECT_START_CHILD) != NULL);
}

TEST(by_template)
{
	Workflow w;

	workflow_open(&w, STEP(",\"template\":\"refund\""), DATA);
	workflow_send(&w, "start", NULL);
	CHECK_TEXT(find_effect(&w, HITL_EFFECT_START_CHILD)->body,
			   "{\"template\":\"refund\",\"version\":null,\"definition\":null,"
			   "\"input\":{}}");
	CHECK_INT(find_effect(&w, HITL_EFFECT_START_CHILD)->token, 1);
	CHECK(contains(control_text(&w), "\"state\":\"waiting_workflow\""));
	workflow_close(&w);

	workflow_open(
		&w,
		STEP(",\"template\":\"refund_{{ $.variables.country }}\","
			 "\"version\":2,\"input\":{\"id\":\"{{ $.variables.id }}\"}"),
		DATA);
	workflow_send(&w, "start", NULL);
	CHECK_TEXT(find_effect(&w, HITL_EFFECT_START_CHILD)->body,
			   "{\"template\":\"refund_de\",\"version\":2,\"definition\":null,"
			   "\"input\":{\"id\":7}}");
	workflow_close(&w);

	workflow_open(&w, STEP(",\"template\":\"{{ $.variables.empty }}\""), DATA);
	workflow_send(&w, "start", NULL);
	CHECK(find_effect(&w, HITL_EFFECT_START_CHILD) == NULL);
	workflow_close(&w);
}

/*
 * The templates of a definition within are about the child's data.
 */
TEST(by_definition)
{
	Workflow w;

	workflow_open(&w, STEP(",\"definition\":" INNER), DATA);
	workflow_send(&w, "start", NULL);
	CHECK_TEXT(find_effect(&w, HITL_EFFECT_START_CHILD)->body,
			   "{\"template\":null,\"version\":null,\"definition\":" INNER
			   ",\"input\":{}}");
	workflow_close(&w);
}

TEST(completed)
{
	Workflow w;

	begin(&w, "");
	SEND(&w, "child", "{\"token\":9,\"status\":\"completed\"}", "");
	SEND(&w, "child",
		 "{\"token\":1,\"workflow_id\":\"id\",\"status\":\"completed\","
		 "\"result\":{\"n\":1.0}}",
		 "step_completed c, workflow_completed, =completed");
	CHECK_TEXT(w.effects.items[0].delta,
			   "{\"steps\":{\"c\":{\"workflow_id\":\"id\","
			   "\"status\":\"completed\",\"result\":{\"n\":1.0}}}}");
	workflow_close(&w);
}

TEST(failed)
{
	Workflow w;

	begin(&w, "");
	SEND(&w, "child",
		 "{\"token\":1,\"workflow_id\":\"id\",\"status\":\"failed\","
		 "\"error\":{\"kind\":\"rate_limit\",\"message\":\"slow down\"}}",
		 "step_failed c, workflow_failed c, =failed");
	CHECK_TEXT(w.effects.items[0].body,
			   "{\"kind\":\"rate_limit\","
			   "\"message\":\"workflow id has failed: slow down\"}");
	workflow_close(&w);

	/* no reason is given */
	begin(&w, ",\"on_error\":\"continue\"");
	SEND(&w, "child", "{\"token\":1,\"status\":\"failed\"}",
		 "step_failed c, workflow_completed, =completed");
	CHECK_TEXT(w.effects.items[0].body,
			   "{\"kind\":\"unknown_error\","
			   "\"message\":\"the workflow could not be started\"}");
	workflow_close(&w);
}

TEST(rejected_and_cancelled)
{
	Workflow w;

	begin(&w, "");
	SEND(&w, "child",
		 "{\"token\":1,\"workflow_id\":\"id\",\"status\":\"rejected\","
		 "\"error\":{\"message\":\"rejected by bob\"}}",
		 "step_failed c, workflow_rejected c, =rejected");
	CHECK_TEXT(w.effects.items[0].body,
			   "{\"kind\":\"rejected\","
			   "\"message\":\"workflow id was rejected: rejected by bob\"}");
	workflow_close(&w);

	begin(&w, ",\"on_reject\":\"continue\"");
	SEND(&w, "child",
		 "{\"token\":1,\"workflow_id\":\"id\",\"status\":\"rejected\"}",
		 "step_completed c, workflow_completed, =completed");
	CHECK_TEXT(workflow_value(&w, "$.steps.c.status"), "\"rejected\"");
	workflow_close(&w);

	begin(&w, ",\"on_reject\":\"continue\"");
	SEND(&w, "child",
		 "{\"token\":1,\"workflow_id\":\"id\",\"status\":\"cancelled\"}",
		 "step_failed c, workflow_failed c, =failed");
	CHECK_TEXT(
		w.effects.items[0].body,
		"{\"kind\":\"cancelled\",\"message\":\"workflow id was cancelled\"}");
	workflow_close(&w);
}

TEST(faulty_messages)
{
	static const char *const bodies[] =
		{"{\"token\":1}", "{\"token\":1,\"status\":\"running\"}",
		 "{\"token\":1,\"status\":null}",
		 "{\"token\":1,\"status\":\"completed\",\"workflow_id\":5}"};
	Workflow w;
	size_t i;

	begin(&w, "");
	for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		CHECK_INT(workflow_send(&w, "child", bodies[i]), HITL_INVALID);
	workflow_close(&w);
}

TEST(faults)
{
	CHECK_FAULT(STEP(""), "/steps/0", "either \"template\" or \"definition\"");
	CHECK_FAULT(STEP(",\"template\":\"a\",\"definition\":" INNER), "/steps/0",
				"either \"template\" or \"definition\"");
	CHECK_FAULT(STEP(",\"template\":\"\""), "/steps/0/template",
				"must not be empty");
	CHECK_FAULT(STEP(",\"template\":\"a\",\"version\":0"), "/steps/0/version",
				"from 1 on");
	CHECK_FAULT(STEP(",\"definition\":" INNER ",\"version\":1"),
				"/steps/0/version", "that of a \"template\"");
	CHECK_FAULT(STEP(",\"template\":\"a\",\"input\":[]"), "/steps/0/input",
				"must be an object");
	CHECK_FAULT(STEP(",\"definition\":[]"), "/steps/0/definition",
				"must be an object");
	CHECK_FAULT(STEP(",\"definition\":{\"steps\":[]}"),
				"/steps/0/definition/steps", "at least one step");
	CHECK_FAULT(
		STEP(
			",\"definition\":{\"steps\":[{\"name\":\"a\",\"type\":\"task\"}]}"),
		"/steps/0/definition/steps/0", "\"task\" is missing");

	/* names count within a definition only, and so does goto */
	CHECK_FAULT(
		STEP(
			",\"definition\":{\"steps\":[{\"name\":\"c\",\"type\":\"checkpoint\","
			"\"on_error\":\"goto:x\"}]}"),
		"/steps/0/definition/steps/0/on_error", "there is no step");
}

/*
 * Definitions within definitions come to an end.
 */
TEST(nesting)
{
	static const char inner[] =
		"{\"steps\":[{\"name\":\"c\",\"type\":\"workflow\",\"definition\":";
	char text[2000] = "";
	Memory memory;
	int depth;

	memory_init(&memory, NULL);
	for (depth = 10; depth <= 11; depth++)
	{
		HitlDefinition *definition;
		HitlFaults faults = {0};
		int i;

		text[0] = '\0';
		for (i = 0; i < depth; i++)
			strcat(text, inner);
		strcat(text, "{\"steps\":[{\"name\":\"c\",\"type\":\"checkpoint\"}]}");
		for (i = 0; i < depth; i++)
			strcat(text, "}]}");
		if (hitl_parse_definition(text, &memory.host, &definition, &faults) ==
			HITL_OK)
		{
			CHECK_INT(depth, 10);
			hitl_free_definition(definition);
		}
		else
		{
			CHECK_INT(depth, 11);
			CHECK_INT(faults.count, 1);
			CHECK(contains(faults.items[0].message, "deeper than 10 levels"));
		}
		hitl_free_faults(&faults);
	}
	memory_free(&memory);
}

SUITE(child, RUN(by_template), RUN(by_definition), RUN(completed), RUN(failed),
	  RUN(rejected_and_cancelled), RUN(faulty_messages), RUN(faults),
	  RUN(nesting));
