/*
 * test_nesting.c
 *		Definitions with lists of steps inside of steps, and the options that
 *		every step has: what is accepted, and what is said about the others.
 */
#include "harness.h"

#define STEP(type, more) \
	"{\"steps\":[{\"name\":\"s\",\"type\":\"" type "\"" more "}]}"
#define PARALLEL(more) STEP("parallel", more)
#define FOREACH(more)  STEP("foreach", ",\"items\":\"$.x\"" more)
#define SWITCH(more)   STEP("switch", more)
#define TASK(name, more) \
	"{\"name\":\"" name "\",\"type\":\"task\",\"task\":\"t\"" more "}"
#define MARK(name) "{\"name\":\"" name "\",\"type\":\"checkpoint\"}"

static const char *const options =
	",\"description\":\"d\",\"when\":\"$.x\",\"retry\":{\"max_attempts\":2},"
	"\"on_error\":\"continue\",\"on_reject\":\"continue\","
	"\"on_timeout\":\"fail\",\"output\":\"$.variables.v\"";

/*
 * Every option on every kind of step.
 */
TEST(every_option)
{
	static const char *const kinds[] = {
		"\"type\":\"task\",\"task\":\"t\",\"timeout\":5",
		"\"type\":\"approval\",\"title\":\"t\",\"timeout\":5",
		"\"type\":\"checkpoint\",\"timeout\":5",
		"\"type\":\"sql\",\"sql\":\"select 1\",\"timeout\":5",
		"\"type\":\"http\",\"url\":\"http://x\",\"timeout\":5",
		"\"type\":\"wait\",\"for\":5",
		"\"type\":\"signal\",\"signal\":\"x\",\"timeout\":5",
		"\"type\":\"workflow\",\"template\":\"x\",\"timeout\":5",
		"\"type\":\"parallel\",\"branches\":[[" TASK("p",
													 "") "]],\"timeout\":5",
		"\"type\":\"foreach\",\"items\":\"$.x\",\"steps\":[" TASK(
			"f", "") "],\"timeout\":5",
		"\"type\":\"switch\",\"cases\":[{\"when\":\"$.x\",\"steps\":[]}],\"timeout\":5"};
	char text[2000];
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
	{
		HitlFaults faults = {0};
		HitlDefinition *definition = NULL;
		const HitlStep *step;

		snprintf(text, sizeof(text),
				 "{\"steps\":[{\"name\":\"a\",%s%s,\"undo\":[%s]}]}", kinds[i],
				 options, TASK("u", ""));
		CHECK_INT(hitl_parse_definition(text, NULL, &definition, &faults),
				  HITL_OK);
		if (definition == NULL)
		{
			report_failure(__FILE__, __LINE__, "%s: %s: %s", text,
						   faults.items[0].pointer, faults.items[0].message);
			hitl_free_faults(&faults);
			continue;
		}
		step = &definition->root.steps[0];
		CHECK(step->has_retry);
		CHECK_INT(step->retry.max_attempts, 2);
		CHECK_TEXT(step->output, "v");
		CHECK(step->undo != NULL && definition->undoable);
		CHECK_TEXT(step->undo->steps[0].path, "/steps/0/undo/0");
		CHECK(hitl_find_step(&definition->by_name, "u") ==
			  &step->undo->steps[0]);
		hitl_free_definition(definition);
	}
}

TEST(output)
{
	CHECK_FAULT(STEP("checkpoint", ",\"output\":\"x\""), "/steps/0/output",
				"must be $.variables. and a name");
	CHECK_FAULT(STEP("checkpoint", ",\"output\":\"$.variables.a.b\""),
				"/steps/0/output", "must be $.variables. and a name");
	CHECK_FAULT(STEP("checkpoint", ",\"output\":\"$.variables.a-b\""),
				"/steps/0/output", "must be $.variables. and a name");
	CHECK_FAULT("{\"timeout\":0,\"steps\":[" MARK("a") "]}", "/timeout",
				"must be a number of seconds");
	CHECK_FAULT("{\"output\":{\"a\":\"{{x\"},\"steps\":[" MARK("a") "]}",
				"/output/a", "a template has no end");
}

TEST(parallel)
{
	CHECK_FAULT(PARALLEL(""), "/steps/0", "\"branches\" is missing");
	CHECK_FAULT(PARALLEL(",\"branches\":[]"), "/steps/0/branches",
				"must have 1 to 100000 branches");
	CHECK_FAULT(PARALLEL(",\"branches\":[[]]"), "/steps/0/branches/0",
				"must have at least one step");
	CHECK_FAULT(PARALLEL(",\"branches\":[{}]"), "/steps/0/branches/0",
				"must be an array of steps, not an object");
	CHECK_FAULT(PARALLEL(",\"branches\":[[7]]"), "/steps/0/branches/0/0",
				"must be an object, not a number");
	CHECK_FAULT(PARALLEL(",\"branches\":[[" TASK("a", "") "]],\"wait_for\":2"),
				"/steps/0/wait_for", "there are only 1 branches");
	CHECK_FAULT(PARALLEL(",\"branches\":[[" TASK("a", "") "]],\"wait_for\":0"),
				"/steps/0/wait_for", "must be all, any or a whole number");
	CHECK_FAULT(PARALLEL(
					",\"branches\":[[" TASK("a", "") "]],\"wait_for\":\"one\""),
				"/steps/0/wait_for", "must be all, any or a whole number");
}

TEST(foreach)
{
	CHECK_FAULT(STEP("foreach", ",\"steps\":[" TASK("a", "") "]"), "/steps/0",
				"\"items\" is missing");
	CHECK_FAULT(FOREACH(""), "/steps/0", "\"steps\" is missing");
	CHECK_FAULT(FOREACH(",\"steps\":[]"), "/steps/0/steps",
				"must have at least one step");
	CHECK_FAULT(STEP("foreach",
					 ",\"items\":\"x\",\"steps\":[" TASK("a", "") "]"),
				"/steps/0/items", "is not a SQL/JSON path");
	CHECK_FAULT(FOREACH(",\"as\":\"a b\",\"steps\":[" TASK("a", "") "]"),
				"/steps/0/as", "must be letters, digits and \"_\"");
	CHECK_FAULT(FOREACH(",\"concurrency\":0,\"steps\":[" TASK("a", "") "]"),
				"/steps/0/concurrency", "must be a whole number from 1");
}

TEST(switch)
{
	CHECK_FAULT(SWITCH(""), "/steps/0", "\"cases\" is missing");
	CHECK_FAULT(SWITCH(",\"cases\":[]"), "/steps/0/cases",
				"must have 1 to 1000 cases");
	CHECK_FAULT(SWITCH(",\"cases\":[7]"), "/steps/0/cases/0",
				"must be an object, not a number");
	CHECK_FAULT(SWITCH(",\"cases\":[{\"steps\":[]}]"), "/steps/0/cases/0",
				"\"when\" is missing");
	CHECK_FAULT(SWITCH(",\"cases\":[{\"when\":\"$.x\"}]"), "/steps/0/cases/0",
				"\"steps\" is missing");
	CHECK_FAULT(SWITCH(",\"cases\":[{\"when\":\"x\",\"steps\":[]}]"),
				"/steps/0/cases/0/when", "is not a SQL/JSON path");
	CHECK_FAULT(SWITCH(
					",\"cases\":[{\"when\":\"$.x\",\"steps\":[],\"thn\":1}]"),
				"/steps/0/cases/0/thn", "unknown member");
	CHECK_FAULT(
		SWITCH(",\"cases\":[{\"when\":\"$.x\",\"steps\":[]}],\"default\":{}"),
		"/steps/0/default", "must be an array, not an object");
}

TEST(names)
{
	CHECK_FAULT(PARALLEL(
					",\"branches\":[[" TASK("a", "") "],[" TASK("a", "") "]]"),
				"/steps/0/branches/1/0/name",
				"the step /steps/0/branches/0/0 has this name already");
	CHECK_FAULT(PARALLEL(",\"branches\":[[" TASK("s", "") "]]"),
				"/steps/0/branches/0/0/name",
				"the step /steps/0 has this name already");

	/* A jump stays within its list. */
	CHECK_FAULT(PARALLEL(
					",\"branches\":[[" TASK("a",
											",\"on_error\":\"goto:s\"") "]]"),
				"/steps/0/branches/0/0/on_error",
				"step \"s\" is not in the same list of steps");
}

TEST(checkpoints)
{
	CHECK_FAULT(FOREACH(",\"steps\":[" MARK("a") "]"), "/steps/0/steps/0",
				"cannot be taken for each element");
	CHECK_FAULT(FOREACH(",\"steps\":[" TASK("a",
											",\"create_checkpoint\":true") "]"),
				"/steps/0/steps/0", "cannot be taken for each element");
	CHECK_FAULT(
		FOREACH(",\"steps\":[{\"name\":\"w\",\"type\":\"switch\",\"cases\":["
				"{\"when\":\"$.x\",\"steps\":[" MARK("a") "]}]}]"),
		"/steps/0/steps/0/cases/0/steps/0", "cannot be taken for each element");
	CHECK_FAULT(STEP("checkpoint", ",\"undo\":[" MARK("a") "]"),
				"/steps/0/undo/0",
				"cannot be taken while steps are taken back");
}

TEST(undo)
{
	CHECK_FAULT(STEP("checkpoint", ",\"undo\":[]"), "/steps/0/undo",
				"must have at least one step");
	CHECK_FAULT(STEP("checkpoint",
					 ",\"undo\":[" TASK("a",
										",\"undo\":[" TASK("b", "") "]") "]"),
				"/steps/0/undo/0/undo", "has no undo itself");
	CHECK_FAULT(STEP("checkpoint",
					 ",\"undo\":[" TASK("a",
										",\"on_error\":\"rollback:x\"") "]"),
				"/steps/0/undo/0/on_error",
				"a rollback is under way there already");
	CHECK_FAULT(STEP("approval",
					 ",\"title\":\"t\",\"retry\":{\"max_attempts\":0}"),
				"/steps/0/retry/max_attempts", "must be a whole number");
}

TEST(depth)
{
	char text[20000] = "";
	int i;

	strcat(text, "{\"steps\":[");
	for (i = 0; i < 17; i++)
		sprintf(text + strlen(text),
				"{\"name\":\"s%d\",\"type\":\"parallel\",\"branches\":[[", i);
	strcat(text, TASK("a", ""));
	for (i = 0; i < 17; i++)
		strcat(text, "]]}");
	strcat(text, "]}");
	CHECK_FAULT(text,
				"/steps/0/branches/0/0/branches/0/0/branches/0/0/branches/0/0/"
				"branches/0/0/branches/0/0/branches/0/0/branches/0/0/branches/"
				"0/0/branches/0/0/branches/0/0/branches/0/0/branches/0/0/"
				"branches/0/0/branches/0/0/branches/0/0/branches/0",
				"lists of steps are nested deeper than 16 levels");
}

SUITE(nesting, RUN(every_option), RUN(output), RUN(parallel), RUN(foreach),
	  RUN(switch), RUN(names), RUN(checkpoints), RUN(undo), RUN(depth));
