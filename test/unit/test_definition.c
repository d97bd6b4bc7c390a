/*
 * test_definition.c
 *		Which definitions are accepted, and what is said about the others.
 */
#include "harness.h"

/*
 * The faults of a definition, one per line.
 */
static const char *
faults_of(const char *json)
{
	Memory memory;
	HitlFaults faults = {0};
	HitlDefinition *definition;
	HitlResult result;
	const char *lines;

	memory_init(&memory, NULL);
	result = hitl_parse_definition(json, &memory.host, &definition, &faults);
	CHECK_INT(result, faults.count > 0 ? HITL_INVALID : HITL_OK);
	CHECK((definition == NULL) == (result != HITL_OK));
	lines = fault_lines(&faults);
	hitl_free_faults(&faults);
	hitl_free_definition(definition);
	memory_free(&memory);
	return lines;
}

/* A definition of one step. */
#define STEP(members)	  "{\"steps\":[{\"name\":\"s\"," members "}]}"
#define TASK(members)	  STEP("\"type\":\"task\",\"task\":\"t\"" members)
#define APPROVAL(members) STEP("\"type\":\"approval\",\"title\":\"t\"" members)

TEST(published_definitions)
{
	CHECK_TEXT(
		faults_of(
			"{\"name\":\"Example\",\"description\":\"d\",\"steps\":[{\"name\":\"s\","
			"\"type\":\"task\",\"task\":\"text\",\"create_checkpoint\":true,"
			"\"requires_approval\":true,\"approval_config\":{\"title\":\"t\","
			"\"description\":\"d\",\"type\":\"binary\",\"requested_from\":\"a@b.c\","
			"\"context_data\":{\"a\":{\"b\":[1,null]}}},\"context\":{\"c\":1}}]}"),
		"");
	CHECK_TEXT(
		faults_of(
			"{\"steps\":[{\"name\":\"deployment_approval\",\"type\":\"approval\","
			"\"title\":\"Production Deploy Approval\",\"approval_type\":\"form\","
			"\"requested_from\":\"devops@company.com\"}]}"),
		"");
	CHECK_TEXT(
		faults_of(
			"{\"name\":\"Order Processing\",\"steps\":[{\"name\":\"validate_order\","
			"\"type\":\"task\",\"task\":\"Validate order details and inventory\","
			"\"create_checkpoint\":true},{\"name\":\"payment_approval\",\"type\":\"task\","
			"\"task\":\"Process payment\",\"requires_approval\":true,\"approval_config\":"
			"{\"title\":\"High-Value Payment\",\"type\":\"budget\","
			"\"requested_from\":\"finance@company.com\"}}]}"),
		"");
}

TEST(all_options)
{
	CHECK_TEXT(
		faults_of(
			"{\"$schema\":\"x\",\"version\":2,\"metadata\":{},\"steps\":["
			"{\"name\":\"a\",\"type\":\"task\",\"description\":\"d\",\"task\":\"t\","
			"\"when\":\"$.variables.amount > 1000\",\"on_error\":\"goto:c\","
			"\"on_reject\":\"rollback:any\",\"on_timeout\":\"reject\","
			"\"retry\":{\"max_attempts\":2},\"timeout\":\"5 minutes\",\"model\":\"m\","
			"\"instructions\":\"i\",\"requires_approval\":true,\"create_checkpoint\":\"cp\","
			"\"approval_config\":{\"approval_type\":\"form\",\"requested_from\":[\"a\",\"b\"],"
			"\"required_approvers\":[\"b\",\"c\"],\"approval_threshold\":3,"
			"\"timeout_hours\":0.5,\"channels\":[\"email\"],\"when\":\"after\"}},"
			"{\"name\":\"b\",\"type\":\"approval\",\"title\":\"t\",\"timeout\":30},"
			"{\"name\":\"c\",\"type\":\"checkpoint\",\"checkpoint_name\":\"x\","
			"\"description\":\"d\"}]}"),
		"");
}

TEST(not_a_definition)
{
	CHECK_TEXT(faults_of("{"),
			   ": not JSON: a member name in quotes is expected (byte 1)");
	CHECK_TEXT(faults_of("[]"), ": must be an object, not an array");
	CHECK_TEXT(faults_of("{}"), ": \"steps\" is missing");
	CHECK_TEXT(faults_of("{\"steps\":{}}"),
			   "/steps: must be an array, not an object");
	CHECK_TEXT(faults_of("{\"steps\":[]}"),
			   "/steps: must have at least one step");
	CHECK_TEXT(faults_of("{\"steps\":[1]}"),
			   "/steps/0: must be an object, not a number");
	CHECK_TEXT(faults_of("{\"name\":1,\"stepz\":[]}"),
			   "/stepz: unknown member, perhaps \"steps\" is meant\n"
			   "/name: must be a string, not a number\n"
			   ": \"steps\" is missing");
}

TEST(step_names)
{
	CHECK_TEXT(faults_of("{\"steps\":[{\"type\":\"checkpoint\"}]}"),
			   "/steps/0: \"name\" is missing");
	CHECK_TEXT(faults_of(
				   "{\"steps\":[{\"name\":\"\",\"type\":\"checkpoint\"}]}"),
			   "/steps/0/name: must not be empty");
	CHECK(contains(
		faults_of("{\"steps\":[{\"name\":\"a b\",\"type\":\"checkpoint\"}]}"),
		"/steps/0/name: must be letters"));
	CHECK(
		contains(faults_of(
					 "{\"steps\":[{\"name\":\"1a\",\"type\":\"checkpoint\"}]}"),
				 "/steps/0/name: must be letters"));
	CHECK_TEXT(faults_of(
				   "{\"steps\":[{\"name\":\"_a-1\",\"type\":\"checkpoint\"}]}"),
			   "");
	CHECK_TEXT(faults_of("{\"steps\":[{\"name\":\"a\",\"type\":\"checkpoint\"},"
						 "{\"name\":\"a\",\"type\":\"checkpoint\"}]}"),
			   "/steps/1/name: the step /steps/0 has this name already");
}

TEST(step_types)
{
	CHECK_TEXT(faults_of("{\"steps\":[{\"name\":\"a\"}]}"),
			   "/steps/0: \"type\" is missing");
	CHECK_TEXT(
		faults_of(STEP("\"type\":\"tsk\"")),
		"/steps/0/type: unknown step type \"tsk\", perhaps \"task\" is meant");
	CHECK_TEXT(
		faults_of(STEP("\"type\":\"dance\"")),
		"/steps/0/type: unknown step type \"dance\"; there are task, approval, "
		"checkpoint, sql, http, wait, signal, workflow, parallel, foreach and "
		"switch");
	CHECK_TEXT(faults_of(STEP("\"type\":7")),
			   "/steps/0/type: must be a string, not a number");
}

TEST(members)
{
	CHECK_TEXT(faults_of(TASK(",\"contxt\":{}")),
			   "/steps/0/contxt: unknown member, perhaps \"context\" is meant");
	CHECK_TEXT(faults_of(TASK(",\"colour\":1")),
			   "/steps/0/colour: unknown member");
	CHECK_TEXT(faults_of(TASK(",\"task\":\"u\"")),
			   "/steps/0/task: member given twice");
	CHECK_TEXT(faults_of(STEP("\"type\":\"task\"")),
			   "/steps/0: \"task\" is missing");
	CHECK_TEXT(faults_of(STEP("\"type\":\"approval\"")),
			   "/steps/0: \"title\" is missing");
	CHECK_TEXT(faults_of(TASK(",\"context\":[]")),
			   "/steps/0/context: must be an object, not an array");
	CHECK_TEXT(
		faults_of(TASK(",\"requires_approval\":\"yes\"")),
		"/steps/0/requires_approval: must be true or false, not a string");
	CHECK_TEXT(
		faults_of(TASK(",\"create_checkpoint\":1")),
		"/steps/0/create_checkpoint: must be true, false or the name of a checkpoint");
	CHECK_TEXT(faults_of(STEP("\"type\":\"checkpoint\",\"task\":\"t\"")),
			   "/steps/0/task: unknown member");
	CHECK_TEXT(
		faults_of(TASK(",\"retry\":{\"policy\":\"wild\",\"jitter\":2}")),
		"/steps/0/retry/policy: must be fixed, linear, exponential or fibonacci\n"
		"/steps/0/retry/jitter: must be a number from 0 to 1");
	CHECK(contains(faults_of(TASK(",\"timeout\":\"soon\"")),
				   "/steps/0/timeout: must be a number of seconds"));
	CHECK(contains(faults_of(TASK(",\"timeout\":0")),
				   "/steps/0/timeout: must be a number of seconds"));
}

TEST(actions)
{
	CHECK_TEXT(
		faults_of(TASK(",\"on_error\":\"explode\"")),
		"/steps/0/on_error: must be fail, continue, goto:<step> or rollback:<checkpoint>");
	CHECK_TEXT(
		faults_of(TASK(",\"on_error\":\"reject\"")),
		"/steps/0/on_error: must be fail, continue, goto:<step> or rollback:<checkpoint>");
	CHECK_TEXT(
		faults_of(TASK(",\"on_timeout\":\"rollback:\"")),
		"/steps/0/on_timeout: must be fail, continue, reject, goto:<step> or rollback:<checkpoint>");
	CHECK_TEXT(faults_of(TASK(",\"on_error\":\"goto:nowhere\"")),
			   "/steps/0/on_error: there is no step \"nowhere\"");
	CHECK_TEXT(
		faults_of(
			"{\"steps\":[{\"name\":\"first\",\"type\":\"task\",\"task\":\"t\","
			"\"on_error\":\"goto:secnd\"},{\"name\":\"second\",\"type\":\"checkpoint\"}]}"),
		"/steps/0/on_error: there is no step \"secnd\", perhaps \"second\" is meant");
}

TEST(paths_and_templates)
{
	CHECK_TEXT(
		faults_of(TASK(",\"when\":\"amount > 3\"")),
		"/steps/0/when: \"amount > 3\" is not a SQL/JSON path: syntax error in path");
	CHECK_TEXT(
		faults_of(TASK(",\"context\":{\"a\":[\"{{ x }}\"]}")),
		"/steps/0/context/a/0: \"x\" is not a SQL/JSON path: syntax error in path");
	CHECK(contains(faults_of(TASK(",\"instructions\":\"do {{ $.x\"")),
				   "/steps/0/instructions: a template has no end"));
	CHECK_TEXT(faults_of(TASK(",\"instructions\":\"do {{ }}\"")),
			   "/steps/0/instructions: a template has no path in it");
	CHECK_TEXT(faults_of(APPROVAL(",\"requested_from\":\"{{ $.who }}\"")),
			   "/steps/0/requested_from: templates are not possible here");
}

TEST(people)
{
	CHECK_TEXT(faults_of(APPROVAL(",\"requested_from\":[]")),
			   "/steps/0/requested_from: must not be empty");
	CHECK_TEXT(faults_of(APPROVAL(",\"requested_from\":[\"a\",1,\"\"]")),
			   "/steps/0/requested_from/1: must be a string, not a number\n"
			   "/steps/0/requested_from/2: must not be empty");
	CHECK_TEXT(
		faults_of(APPROVAL(",\"required_approvers\":\"a\"")),
		"/steps/0/required_approvers: must be a list of strings, not a string");
	CHECK_TEXT(faults_of(APPROVAL(",\"approval_threshold\":0")),
			   "/steps/0/approval_threshold: must be a whole number from 1 on");
	CHECK_TEXT(
		faults_of(APPROVAL(
			",\"requested_from\":[\"a\",\"b\",\"a\"],\"approval_threshold\":3")),
		"/steps/0/approval_threshold: only 2 different people may answer");
	CHECK_TEXT(
		faults_of(APPROVAL(
			",\"requested_from\":[\"a\"],\"required_approvers\":[\"a\",\"b\"],"
			"\"approval_threshold\":3")),
		"/steps/0/approval_threshold: only 2 different people may answer");
	CHECK_TEXT(faults_of(APPROVAL(
				   ",\"requested_from\":\"a group\",\"approval_threshold\":3")),
			   "");
	CHECK_TEXT(faults_of(APPROVAL(",\"approval_type\":\"vote\"")), "");
	CHECK_TEXT(faults_of(APPROVAL(",\"approval_type\":\"\"")),
			   "/steps/0/approval_type: must not be empty");
	CHECK_TEXT(faults_of(APPROVAL(",\"policy\":{\"any_of\":[]},"
								  "\"requested_from\":\"a\"")),
			   "/steps/0/policy: give either \"policy\" or \"requested_from\"\n"
			   "/steps/0/policy/any_of: must not be empty");
	CHECK_TEXT(faults_of(APPROVAL(",\"policy\":\"{{ $.variables.boss }}\"")),
			   "/steps/0/policy: templates are not possible here");
	CHECK_TEXT(faults_of(APPROVAL(",\"form_fields\":[{\"name\":\"a\"}]")),
			   "/steps/0/form_fields: is for approvals of type form");
	CHECK_TEXT(faults_of(APPROVAL(",\"approval_type\":\"form\","
								  "\"form_fields\":[{\"name\":\"a\"}]")),
			   "/steps/0/form_fields/0: \"type\" is missing");
	CHECK_TEXT(
		faults_of(APPROVAL(",\"timeout_hours\":0")),
		"/steps/0/timeout_hours: must be a number of hours above 0, at most ten years");
	CHECK_TEXT(
		faults_of(APPROVAL(",\"timeout_hours\":1,\"timeout\":5")),
		"/steps/0/timeout_hours: give either \"timeout\" or \"timeout_hours\"");
}

TEST(approval_config)
{
	CHECK_TEXT(
		faults_of(
			TASK(",\"approval_config\":{\"when\":\"during\",\"titel\":\"x\"}")),
		"/steps/0/approval_config/titel: unknown member, perhaps \"title\" is meant\n"
		"/steps/0/approval_config/when: must be before or after");
	CHECK_TEXT(
		faults_of(TASK(
			",\"approval_config\":{\"type\":\"binary\",\"approval_type\":\"form\"}")),
		"/steps/0/approval_config/type: give either \"type\" or \"approval_type\"");
	CHECK_TEXT(
		faults_of(TASK(",\"approval_config\":{\"context_data\":{\"task\":1}}")),
		"/steps/0/approval_config/context_data/task: is filled in with what the step does");
}

TEST(steps_are_found)
{
	char json[60000];
	size_t length = 0;
	HitlFaults faults = {0};
	HitlDefinition *definition;
	int i;

	length += snprintf(json + length, sizeof(json) - length, "{\"steps\":[");
	for (i = 0; i < 1000; i++)
		length += snprintf(json + length, sizeof(json) - length,
						   "%s{\"name\":\"step_%d\",\"type\":\"checkpoint\"}",
						   i > 0 ? "," : "", i);
	snprintf(json + length, sizeof(json) - length, "]}");
	CHECK_INT(hitl_parse_definition(json, NULL, &definition, &faults), HITL_OK);
	CHECK_INT(definition->total, 1000);
	for (i = 0; i < 1000; i++)
	{
		char key[40];

		snprintf(key, sizeof(key), "step_%d", i);
		CHECK(hitl_find_step(&definition->by_name, key) ==
			  &definition->root.steps[i]);
		snprintf(key, sizeof(key), "/steps/%d", i);
		CHECK(hitl_find_step(&definition->by_path, key) ==
			  &definition->root.steps[i]);
	}
	CHECK(hitl_find_step(&definition->by_name, "step_1000") == NULL);
	CHECK(hitl_find_step(&definition->by_path, "/steps/1000") == NULL);
	hitl_free_definition(definition);
}

/*
 * Large and wrong all over: refused in no time, with a bounded list.
 */
TEST(many_faults)
{
	size_t size = 3000000;
	char *json = malloc(size);
	size_t length = 0;
	HitlFaults faults = {0};
	HitlDefinition *definition;
	int i;

	length += snprintf(json + length, size - length, "{\"steps\":[");
	for (i = 0; i < 20000; i++)
		length += snprintf(json + length, size - length,
						   "%s{\"name\":\"s%d\",\"type\":\"task\","
						   "\"task\":\"t\",\"on_error\":\"goto:x\",\"tsk\":1}",
						   i > 0 ? "," : "", i);
	snprintf(json + length, size - length, "]}");
	CHECK_INT(hitl_parse_definition(json, NULL, &definition, &faults),
			  HITL_INVALID);
	CHECK_INT(faults.count, 100);
	hitl_free_faults(&faults);

	length = snprintf(
		json, size,
		"{\"steps\":[{\"name\":\"s\",\"type\":\"approval\",\"title\":\"t\","
		"\"requested_from\":[");
	for (i = 0; i < 50000; i++)
		length += snprintf(json + length, size - length, "%s\"p%d\"",
						   i > 0 ? "," : "", i);
	snprintf(json + length, size - length, "]}]}");
	CHECK_INT(hitl_parse_definition(json, NULL, &definition, &faults),
			  HITL_INVALID);
	CHECK_INT(faults.count, 1);
	CHECK_TEXT(faults.items[0].message,
			   "must not have more than 1000 names; use a group");
	hitl_free_faults(&faults);
	free(json);
}

TEST(host_that_fails)
{
	Memory memory;
	HitlFaults faults = {0};
	HitlDefinition *definition;

	memory_init(&memory, NULL);
	memory.broken = true;
	CHECK_INT(hitl_parse_definition(TASK(",\"when\":\"$.x\""), &memory.host,
									&definition, &faults),
			  HITL_HOST_FAILED);
	CHECK(definition == NULL);
	hitl_free_faults(&faults);
	memory_free(&memory);
}

SUITE(definition, RUN(published_definitions), RUN(all_options),
	  RUN(not_a_definition), RUN(step_names), RUN(step_types), RUN(members),
	  RUN(actions), RUN(paths_and_templates), RUN(people), RUN(approval_config),
	  RUN(steps_are_found), RUN(many_faults), RUN(host_that_fails));
