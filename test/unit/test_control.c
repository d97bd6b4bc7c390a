/*
 * test_control.c
 *		Control state as text: its documented members, and what is refused.
 */
#include "harness.h"

static const char *const definition =
	"{\"steps\":[{\"name\":\"a\",\"type\":\"task\",\"task\":\"t\"},"
	"{\"name\":\"b\",\"type\":\"task\",\"task\":\"t\",\"requires_approval\":true},"
	"{\"name\":\"c\",\"type\":\"approval\",\"title\":\"t\"},"
	"{\"name\":\"d\",\"type\":\"task\",\"task\":\"t\",\"requires_approval\":true,"
	"\"approval_config\":{\"when\":\"after\"}},"
	"{\"name\":\"e\",\"type\":\"checkpoint\"}]}";

/*
 * Why a control state is refused; NULL if it is taken.
 */
static const char *
refusal(const char *json)
{
	static char out[300];
	HitlFaults faults = {0};
	HitlDefinition *parsed;
	HitlControl *control;
	char *error;
	HitlResult result;

	CHECK_INT(hitl_parse_definition(definition, NULL, &parsed, &faults),
			  HITL_OK);
	result = hitl_parse_control(parsed, json, &control, &error);
	CHECK_INT(result, error == NULL ? HITL_OK : HITL_INVALID);
	CHECK((control == NULL) == (error != NULL));
	snprintf(out, sizeof(out), "%s", error == NULL ? "" : error);
	free(error);
	hitl_free_control(control);
	hitl_free_definition(parsed);
	return out[0] == '\0' ? NULL : out;
}

#define CONTROL(active, status) \
	"{\"completed\":0,\"total\":5,\"active\":[" active \
	"],\"status\":\"" status "\",\"token\":9," \
	"\"entered\":1}"
#define POSITION(path, name, type, more) \
	"{\"position\":\"" path "\",\"step\":\"" name "\",\"type\":\"" type \
	"\",\"attempt\":1," \
	"\"since_us\":1" more "}"

TEST(documented_members)
{
	Workflow workflow;
	const char *text;

	workflow_open(&workflow, definition, NULL);
	text = control_text(&workflow);
	CHECK_TEXT(
		text,
		"{\"completed\":0,\"total\":5,\"active\":[],\"status\":\"pending\",\"token\":0,"
		"\"entered\":0}");
	workflow_send(&workflow, "start", NULL);
	text = control_text(&workflow);
	CHECK_TEXT(
		text,
		"{\"completed\":0,\"total\":5,\"active\":[{\"position\":\"/steps/0\","
		"\"step\":\"a\",\"type\":\"task\",\"state\":\"waiting_reply\",\"token\":1,"
		"\"attempt\":1,\"since_us\":1700000000000001}],\"status\":\"running\",\"token\":1,"
		"\"entered\":1}");
	CHECK(strlen(text) < 220);
	workflow_close(&workflow);
}

TEST(other_order_and_spaces)
{
	CHECK_TEXT(
		refusal(
			" { \"token\" : 3, \"status\":\"running\", \"entered\":1, \"active\" : [ "
			"{\"type\":\"task\",\"step\":\"a\",\"since_us\":0,\"attempt\":1,"
			"\"state\":\"waiting_reply\",\"token\":2,\"position\":\"/steps/0\"} ], "
			"\"total\":5, \"completed\":0 }"),
		NULL);
}

TEST(corrupt_text)
{
	CHECK_TEXT(refusal(""), "the control state is no JSON");
	CHECK_TEXT(refusal("[]"),
			   "the control state has unknown members, or is no object");
	CHECK_TEXT(refusal("{\"x\":1}"),
			   "the control state has unknown members, or is no object");
	CHECK_TEXT(refusal("{}"),
			   "the control state belongs to another definition");
	CHECK_TEXT(refusal("{\"total\":4}"),
			   "the control state belongs to another definition");
	CHECK_TEXT(refusal("{\"total\":5,\"total\":5}"),
			   "the control state has unknown members, or is no object");
	CHECK_TEXT(refusal("{\"total\":5,\"completed\":6}"),
			   "\"completed\" of the control state is faulty");
	CHECK_TEXT(refusal("{\"total\":5,\"completed\":0,\"token\":-1}"),
			   "\"token\" of the control state is faulty");
	CHECK_TEXT(refusal(
				   "{\"total\":5,\"completed\":0,\"token\":0,\"entered\":1.5}"),
			   "\"entered\" of the control state is faulty");
	CHECK_TEXT(
		refusal(
			"{\"total\":5,\"completed\":0,\"token\":0,\"entered\":1,\"round\":-1}"),
		"\"round\" of the control state is faulty");
	CHECK_TEXT(refusal(CONTROL("", "dancing")),
			   "\"status\" of the control state is faulty");
	CHECK_TEXT(refusal(CONTROL("", "running")), NULL);
	CHECK_TEXT(refusal(CONTROL("1", "running")),
			   "an active step has unknown members, or is no object");
}

TEST(corrupt_positions)
{
	const char *not_there = "an active step is not one of the definition";
	const char *token = "the token of an active step is faulty";
	const char *state = "the state of an active step is faulty";

	CHECK_TEXT(refusal(CONTROL(POSITION("/steps/0", "a", "task",
										",\"state\":\"ready\""),
							   "running")),
			   NULL);
	CHECK_TEXT(
		refusal(
			CONTROL(POSITION("/steps/0", "a", "task", ",\"state\":\"ready\""),
					"completed")),
		"the control state has active steps though the workflow is not under way");
	CHECK_TEXT(refusal(CONTROL(POSITION("/steps/5", "a", "task",
										",\"state\":\"ready\""),
							   "running")),
			   not_there);
	CHECK_TEXT(refusal(CONTROL(POSITION("/steps/0", "b", "task",
										",\"state\":\"ready\""),
							   "running")),
			   not_there);
	CHECK_TEXT(refusal(CONTROL(POSITION("/steps/0", "a", "approval",
										",\"state\":\"ready\""),
							   "running")),
			   not_there);
	CHECK_TEXT(refusal(
				   CONTROL(POSITION("/steps/0", "a", "task", ""), "running")),
			   state);
	CHECK_TEXT(refusal(CONTROL(POSITION("/steps/0", "a", "task",
										",\"state\":\"waiting_reply\""),
							   "running")),
			   token);
	CHECK_TEXT(
		refusal(CONTROL(POSITION("/steps/0", "a", "task",
								 ",\"state\":\"waiting_reply\",\"token\":10"),
						"running")),
		token);
	CHECK_TEXT(refusal(CONTROL(POSITION("/steps/0", "a", "task",
										",\"state\":\"ready\",\"token\":1"),
							   "running")),
			   token);
	CHECK_TEXT(refusal(
				   CONTROL(POSITION("/steps/2", "c", "approval",
									",\"state\":\"waiting_reply\",\"token\":1"),
						   "running")),
			   state);
	CHECK_TEXT(refusal(
				   CONTROL(POSITION("/steps/4", "e", "checkpoint",
									",\"state\":\"waiting_reply\",\"token\":1"),
						   "running")),
			   state);
	CHECK_TEXT(
		refusal(CONTROL(POSITION("/steps/0", "a", "task",
								 ",\"state\":\"ready\",\"checkpointed\":false"),
						"running")),
		"\"checkpointed\" of an active step is faulty");
	CHECK_TEXT(
		refusal(CONTROL(
			"{\"position\":\"/steps/0\",\"step\":\"a\",\"type\":\"task\",\"state\":\"ready\",\"attempt\":2,\"since_us\":1}",
			"running")),
		"the attempt of an active step is faulty");
	CHECK_TEXT(
		refusal(CONTROL(
			"{\"position\":\"/steps/0\",\"step\":\"a\",\"type\":\"task\",\"state\":\"ready\",\"attempt\":1}",
			"running")),
		"\"since_us\" of an active step is faulty");
	CHECK_TEXT(
		refusal(CONTROL(
			POSITION("/steps/0", "a", "task", ",\"state\":\"waiting_reply\",\"token\":1") "," POSITION(
				"/steps/0", "a", "task",
				",\"state\":\"waiting_reply\",\"token\":1"),
			"running")),
		"\"active\" of the control state is faulty");
}

/*
 * Nothing may pass for an approval that was not given.
 */
TEST(kept_texts)
{
	const char *misfit = "what an active step keeps does not fit its state";

	CHECK_TEXT(
		refusal(CONTROL(
			POSITION("/steps/1", "b", "task",
					 ",\"state\":\"waiting_approval\",\"token\":1,\"call\":{}"),
			"running")),
		NULL);
	CHECK_TEXT(
		refusal(CONTROL(
			POSITION(
				"/steps/1", "b", "task",
				",\"state\":\"waiting_reply\",\"token\":1,\"call\":{},\"approval\":{}"),
			"running")),
		NULL);
	CHECK_TEXT(
		refusal(CONTROL(
			POSITION("/steps/1", "b", "task",
					 ",\"state\":\"waiting_reply\",\"token\":1,\"call\":{}"),
			"running")),
		misfit);
	CHECK_TEXT(refusal(
				   CONTROL(POSITION("/steps/1", "b", "task",
									",\"state\":\"waiting_reply\",\"token\":1"),
						   "running")),
			   misfit);
	CHECK_TEXT(
		refusal(CONTROL(POSITION("/steps/0", "a", "task",
								 ",\"state\":\"waiting_approval\",\"token\":1"),
						"running")),
		misfit);
	CHECK_TEXT(refusal(CONTROL(POSITION("/steps/1", "b", "task",
										",\"state\":\"ready\",\"call\":[]"),
							   "running")),
			   "what an active step keeps is faulty");
	CHECK_TEXT(refusal(CONTROL(POSITION("/steps/1", "b", "task",
										",\"state\":\"ready\",\"approval\":{}"),
							   "running")),
			   "an active step keeps a result or an approval without a call");
	CHECK_TEXT(
		refusal(CONTROL(POSITION("/steps/0", "a", "task",
								 ",\"state\":\"ready\",\"call\":{}"),
						"running")),
		"an active step keeps a call though it is no task with an approval");
	CHECK_TEXT(refusal(CONTROL(
				   POSITION("/steps/1", "b", "task",
							",\"state\":\"ready\",\"call\":{},\"result\":1"),
				   "running")),
			   "an active step keeps a result though it is not reviewed");
	CHECK_TEXT(
		refusal(CONTROL(
			POSITION("/steps/3", "d", "task",
					 ",\"state\":\"ready\",\"call\":{},\"approval\":{}"),
			"running")),
		"an active step keeps an approval though it has none before it acts");
	CHECK_TEXT(
		refusal(CONTROL(
			POSITION(
				"/steps/3", "d", "task",
				",\"state\":\"waiting_approval\",\"token\":1,\"call\":{},\"result\":null"),
			"running")),
		NULL);
	CHECK_TEXT(
		refusal(CONTROL(
			POSITION("/steps/3", "d", "task",
					 ",\"state\":\"waiting_approval\",\"token\":1,\"call\":{}"),
			"running")),
		misfit);
}

SUITE(control, RUN(documented_members), RUN(other_order_and_spaces),
	  RUN(corrupt_text), RUN(corrupt_positions), RUN(kept_texts));
