/*
 * test_sql.c
 *		The step that runs a statement.
 */
#include "harness.h"

#define STEP(more) "{\"steps\":[{\"name\":\"s\",\"type\":\"sql\"" more "}]}"
#define DATA \
	"{\"variables\":{\"id\":7,\"who\":\"o'neil\",\"tags\":[\"a\",null]}}"

TEST(statement)
{
	Workflow w;
	const HitlEffect *effect;

	workflow_open(&w, STEP(",\"sql\":\"select \\\"a\\\"\""), DATA);
	workflow_send(&w, "start", NULL);
	effect = find_effect(&w, HITL_EFFECT_RUN_SQL);
	CHECK_TEXT(effect->body,
			   "{\"sql\":\"select \\\"a\\\"\",\"params\":[],"
			   "\"rows\":100,\"timeout_ms\":null}");
	CHECK_INT(effect->token, 1);
	CHECK_TEXT(effect->step, "s");
	CHECK(contains(control_text(&w), "\"state\":\"waiting_reply\""));
	workflow_close(&w);
}

TEST(parameters)
{
	Workflow w;

	workflow_open(
		&w,
		STEP(",\"sql\":\"insert into t values ($1, $2, $3, $4)\",\"rows\":5,"
			 "\"timeout\":\"1.5 seconds\",\"params\":[\"{{ $.variables.id }}\","
			 "\"{{ $.variables.who }}\",\"{{ $.variables.tags }}\","
			 "\"no. {{ $.variables.id }}\"]"),
		DATA);
	workflow_send(&w, "start", NULL);
	CHECK_TEXT(find_effect(&w, HITL_EFFECT_RUN_SQL)->body,
			   "{\"sql\":\"insert into t values ($1, $2, $3, $4)\",\"params\":"
			   "[7,\"o'neil\",[\"a\",null],\"no. 7\"],\"rows\":5,"
			   "\"timeout_ms\":1500}");
	workflow_close(&w);
}

TEST(failure_has_details)
{
	Workflow w;

	workflow_open(&w,
				  STEP(",\"sql\":\"select\",\"retry\":{\"max_attempts\":1}"),
				  DATA);
	workflow_send(&w, "start", NULL);
	SEND(
		&w, "reply",
		"{\"token\":1,\"error\":{\"kind\":\"validation_error\",\"message\":\"no\","
		"\"sqlstate\":\"23505\",\"detail\":\"a \\\"key\\\"\",\"hint\":null,\"more\":\"x\","
		"\"position\":8,\"context\":\"in f()\"}}",
		"step_failed s, workflow_failed s, =failed");
	CHECK_TEXT(
		w.effects.items[0].body,
		"{\"kind\":\"validation_error\",\"message\":\"no\",\"character\":8,"
		"\"sqlstate\":\"23505\",\"detail\":\"a \\\"key\\\"\","
		"\"context\":\"in f()\"}");
	workflow_close(&w);
}

TEST(rows_are_the_result)
{
	Workflow w;

	workflow_open(&w, STEP(",\"sql\":\"select\""), DATA);
	workflow_send(&w, "start", NULL);
	SEND(&w, "reply", "{\"token\":2,\"result\":{}}", "");
	SEND(&w, "reply",
		 "{\"token\":1,\"result\":{\"rows\":[{\"n\":1.10}],\"count\":1}}",
		 "step_completed s, workflow_completed, =completed");
	CHECK_TEXT(w.effects.items[0].delta,
			   "{\"steps\":{\"s\":{\"rows\":[{\"n\":1.10}],\"count\":1}}}");
	workflow_close(&w);
}

TEST(failure)
{
	Workflow w;

	workflow_open(&w, STEP(",\"sql\":\"select\""), DATA);
	workflow_send(&w, "start", NULL);
	workflow_send(&w, "reply",
				  "{\"token\":1,\"error\":{\"kind\":\"validation_error\","
				  "\"message\":\"no table\"}}");
	CHECK_TEXT(workflow_value(&w, "$.steps.s.error.kind"),
			   "\"validation_error\"");
	CHECK_TEXT(member_of(control_text(&w), "/status"), "\"failed\"");
	workflow_close(&w);
}

/*
 * A statement has no status; such a reply is not taken for success.
 */
TEST(not_the_reply_of_a_server)
{
	Workflow w;

	workflow_open(&w, STEP(",\"sql\":\"select\""), DATA);
	workflow_send(&w, "start", NULL);
	CHECK_INT(workflow_send(&w, "reply",
							"{\"token\":1,\"status\":200,\"body\":\"{}\"}"),
			  HITL_INVALID);
	workflow_close(&w);
}

/*
 * A value that is not there fails the step before anything runs.
 */
TEST(missing_value)
{
	Workflow w;

	workflow_open(&w, STEP(",\"sql\":\"select $1\",\"params\":[\"{{$.no}}\"]"),
				  DATA);
	workflow_send(&w, "start", NULL);
	CHECK(find_effect(&w, HITL_EFFECT_RUN_SQL) == NULL);
	CHECK_TEXT(workflow_value(&w, "$.steps.s.error.kind"),
			   "\"validation_error\"");
	workflow_close(&w);
}

TEST(faults)
{
	CHECK_FAULT(STEP(""), "/steps/0", "\"sql\" is missing");
	CHECK_FAULT(STEP(",\"sql\":\"\""), "/steps/0/sql", "must not be empty");
	CHECK_FAULT(STEP(",\"sql\":\"select {{ $.a }}\""), "/steps/0/sql",
				"has no templates");
	CHECK_FAULT(STEP(",\"sql\":\"s\",\"params\":{}"), "/steps/0/params",
				"must be an array");
	CHECK_FAULT(STEP(",\"sql\":\"s\",\"params\":[[\"{{ a }}\"]]"),
				"/steps/0/params/0/0", "not a SQL/JSON path");
	CHECK_FAULT(STEP(",\"sql\":\"s\",\"rows\":0"), "/steps/0/rows",
				"from 1 to 10000");
	CHECK_FAULT(STEP(",\"sql\":\"s\",\"rows\":10001"), "/steps/0/rows",
				"from 1 to 10000");
	CHECK_FAULT(STEP(",\"sql\":\"s\",\"rows\":1.5"), "/steps/0/rows",
				"from 1 to 10000");
	CHECK_FAULT(STEP(",\"sql\":\"s\",\"param\":[]"), "/steps/0/param",
				"perhaps \"params\"");
}

SUITE(sql, RUN(statement), RUN(parameters), RUN(rows_are_the_result),
	  RUN(failure), RUN(failure_has_details), RUN(not_the_reply_of_a_server),
	  RUN(missing_value), RUN(faults));
