/*
 * test_api.c
 *		The table of functions, and memory that runs out at every point.
 */
#include "harness.h"

#include "core/inference.h"

static const char *const definition_text =
	"{\"name\":\"n\",\"steps\":[{\"name\":\"a\",\"type\":\"task\",\"task\":\"pay {{$.variables.n}}\","
	"\"when\":\"$.variables.yes\",\"create_checkpoint\":true,\"requires_approval\":true,"
	"\"approval_config\":{\"requested_from\":[\"x\",\"y\"],\"context_data\":{\"n\":\"{{$.variables.n}}\"}}},"
	"{\"name\":\"b\",\"type\":\"task\",\"task\":\"t\",\"on_error\":\"continue\",\"requires_approval\":true,"
	"\"approval_config\":{\"when\":\"after\"}},"
	"{\"name\":\"c\",\"type\":\"approval\",\"title\":\"t\"},{\"name\":\"d\",\"type\":\"checkpoint\"}]}";

static const struct
{
	const char *kind;
	const char *body;
} course[] = {
	{"start", NULL},
	{"approval",
	 "{\"token\":1,\"outcome\":\"approved\",\"approver_id\":\"bob\"}"},
	{"reply",
	 "{\"token\":2,\"status\":200,\"body\":\"{\\\"choices\\\":[{\\\"message\\\":{\\\"content\\\":\\\"[1]\\\"}}]}\"}"},
	{"continue", NULL},
	{"reply", "{\"token\":3,\"result\":{\"x\":1}}"},
	{"approval", "{\"token\":4,\"outcome\":\"rejected\"}"}};

#define COURSE ((int) (sizeof(course) / sizeof(course[0])))

TEST(table_is_complete)
{
	const HitlCoreApi *api = hitl_core_api();

	CHECK_INT(api->abi, HITL_CORE_ABI);
	CHECK(api->parse_definition && api->free_definition && api->free_faults &&
		  api->parse_control && api->dump_control && api->free_control &&
		  api->advance && api->free_effects && api->rewind &&
		  api->parse_policy && api->free_policy && api->simple_policy &&
		  api->excludes_requester && api->excludes_editors &&
		  api->evaluate_policy && api->free_verdict && api->reassign_policy &&
		  api->explain_policy && api->parse_schema && api->free_schema &&
		  api->validate && api->free_violations && api->build_form &&
		  api->parse_retry && api->retry_delay && api->build_request &&
		  api->read_inference && api->build_conversation && api->check_agent &&
		  api->build_builtin_reply && api->render_mail && api->render_slack &&
		  api->render_slack_modal && api->render_page &&
		  api->read_form_answer && api->read_slack_answer && api->free_text);
	api->free_text(NULL);
	api->free_definition(NULL);
	api->free_control(NULL);
	api->free_policy(NULL);
}

TEST(definition_without_memory)
{
	Memory memory;
	HitlDefinition *definition = NULL;
	HitlResult result = HITL_NO_MEMORY;
	long n;

	memory_init(&memory, NULL);
	for (n = 0; result == HITL_NO_MEMORY && n < 10000; n++)
	{
		HitlFaults faults = {0};

		allocations_left = n;
		result = hitl_parse_definition(definition_text, &memory.host,
									   &definition, &faults);
		allocations_left = -1;
		CHECK((definition == NULL) == (result != HITL_OK));
		hitl_free_faults(&faults);
	}
	CHECK(n > 2);
	CHECK_INT(result, HITL_OK);
	hitl_free_definition(definition);
	memory_free(&memory);
}

TEST(faults_without_memory)
{
	HitlDefinition *definition;
	HitlResult result = HITL_NO_MEMORY;
	HitlRetry retry;
	long n;

	for (n = 0; result == HITL_NO_MEMORY && n < 10000; n++)
	{
		HitlFaults faults = {0};

		allocations_left = n;
		result = hitl_parse_definition(
			"{\"steps\":[{\"type\":\"x\"},{\"name\":\"a\",\"type\":\"task\",\"y\":1,"
			"\"on_error\":\"goto:b\"}]}",
			NULL, &definition, &faults);
		allocations_left = -1;
		CHECK(definition == NULL);
		hitl_free_faults(&faults);
	}
	CHECK_INT(result, HITL_INVALID);
	for (n = 0, result = HITL_NO_MEMORY; result == HITL_NO_MEMORY && n < 10000;
		 n++)
	{
		HitlFaults faults = {0};

		allocations_left = n;
		result = hitl_parse_retry("{\"jitter\":7}", &retry, &faults);
		allocations_left = -1;
		hitl_free_faults(&faults);
	}
	CHECK_INT(result, HITL_INVALID);
}

/*
 * Every message of a course, with every allocation failing once: the control
 * state and the effects stay as they were, and the message can be sent again.
 */
TEST(messages_without_memory)
{
	Workflow w;
	int i;

	workflow_open(&w, definition_text,
				  "{\"variables\":{\"n\":5,\"yes\":true}}");
	for (i = 0; i < COURSE; i++)
	{
		HitlMessage message = {course[i].kind, course[i].body, 1, 0};
		HitlResult result = HITL_NO_MEMORY;
		char *before;
		char *after;
		long n;
		int j;

		CHECK_INT(hitl_dump_control(w.control, &before), HITL_OK);
		hitl_free_effects(&w.effects);
		for (n = 0; result == HITL_NO_MEMORY && n < 10000; n++)
		{
			/* Now and then with effects of an earlier call in the list. */
			if (n % 2 == 0)
				hitl_free_effects(&w.effects);
			allocations_left = n;
			result = hitl_advance(w.definition, w.control, &message,
								  &w.memory.host, &w.effects);
			allocations_left = -1;
			json_array_clear(w.memory.answers);
			if (result == HITL_OK)
				break;
			CHECK_INT(result, HITL_NO_MEMORY);
			CHECK_INT(w.effects.count, 0);
			CHECK_INT(hitl_dump_control(w.control, &after), HITL_OK);
			CHECK_TEXT(after, before);
			free(after);
		}
		CHECK_INT(result, HITL_OK);
		CHECK(n > 0);
		for (j = 0; j < w.effects.count; j++)
		{
			if (w.effects.items[j].delta != NULL)
				memory_merge(&w.memory, w.effects.items[j].delta);
		}
		free(before);
	}
	summarize(&w.effects, w.summary, sizeof(w.summary));
	CHECK_TEXT(w.summary, "step_failed b, workflow_rejected b, =rejected");
	workflow_close(&w);
}

TEST(control_without_memory)
{
	Workflow w;
	HitlControl *control = NULL;
	HitlResult result = HITL_NO_MEMORY;
	HitlEffects effects = {0};
	char *text = NULL;
	char *error;
	long n;

	workflow_open(&w, definition_text,
				  "{\"variables\":{\"n\":5,\"yes\":true}}");
	workflow_send(&w, "start", NULL);
	for (n = 0; result == HITL_NO_MEMORY && n < 10000; n++)
	{
		allocations_left = n;
		result = hitl_dump_control(w.control, &text);
		allocations_left = -1;
		CHECK((text == NULL) == (result != HITL_OK));
	}
	CHECK_INT(result, HITL_OK);
	for (n = 0, result = HITL_NO_MEMORY; result == HITL_NO_MEMORY && n < 10000;
		 n++)
	{
		allocations_left = n;
		result = hitl_parse_control(w.definition, text, &control, &error);
		allocations_left = -1;
		CHECK((control == NULL) == (result != HITL_OK));
		CHECK(error == NULL);
	}
	CHECK_INT(result, HITL_OK);
	hitl_free_control(control);
	for (n = 0, result = HITL_NO_MEMORY; result == HITL_NO_MEMORY && n < 10000;
		 n++)
	{
		allocations_left = n;
		result = hitl_parse_control(w.definition, "{\"x\":1}", &control,
									&error);
		allocations_left = -1;
		CHECK((error == NULL) == (result == HITL_NO_MEMORY));
	}
	CHECK_INT(result, HITL_INVALID);
	free(error);
	for (n = 0, result = HITL_NO_MEMORY; result == HITL_NO_MEMORY && n < 10000;
		 n++)
	{
		allocations_left = n;
		result = hitl_rewind(w.definition, w.control, text, NULL, NULL,
							 &control, &effects);
		allocations_left = -1;
		CHECK((control == NULL) == (result != HITL_OK));
		CHECK_INT(effects.count, result == HITL_OK ? 1 : 0);
	}
	CHECK_INT(result, HITL_OK);
	hitl_free_control(control);
	hitl_free_effects(&effects);
	free(text);
	workflow_close(&w);
}

TEST(request_without_memory)
{
	static const char *const providers[] = {"openai", "anthropic"};
	HitlResult result = HITL_NO_MEMORY;
	char *body = NULL;
	char *error;
	size_t i;
	long n;

	for (i = 0; i < 2; i++)
	{
		for (n = 0, result = HITL_NO_MEMORY;
			 result == HITL_NO_MEMORY && n < 10000; n++)
		{
			allocations_left = n;
			result = hitl_build_request(
				providers[i], "{\"task\":\"t\",\"context\":{\"a\":1}}", "m",
				"{\"x\":1}", "g", "{\"v\":1}", "{\"s\":1}", &body, &error);
			allocations_left = -1;
			CHECK((body == NULL) == (result != HITL_OK));
			CHECK(error == NULL);
		}
		CHECK(n > 1);
		CHECK_INT(result, HITL_OK);
		free(body);
	}
	for (n = 0, result = HITL_NO_MEMORY; result == HITL_NO_MEMORY && n < 10000;
		 n++)
	{
		allocations_left = n;
		result = hitl_build_builtin_reply(NULL, "{\"task\":\"t\"}", 1, &body,
										  &error);
		allocations_left = -1;
		CHECK((body == NULL) == (result != HITL_OK));
	}
	CHECK(n > 1);
	CHECK_INT(result, HITL_OK);
	free(body);
}

TEST(inference_without_memory)
{
	HitlResult result = HITL_NO_MEMORY;
	HitlInference inference;
	long n;

	for (n = 0; result == HITL_NO_MEMORY && n < 10000; n++)
	{
		allocations_left = n;
		result = hitl_read_inference(
			"anthropic", 200,
			"{\"content\":[{\"type\":\"text\",\"text\":\"x\"}],\"stop_reason\":\"refusal\"}",
			false, &inference);
		allocations_left = -1;
		CHECK(result == HITL_OK || inference.message == NULL);
	}
	CHECK(n > 1);
	CHECK_INT(result, HITL_OK);
	CHECK_TEXT(inference.message, "the model refused to answer");
	free(inference.message);
}

SUITE(api, RUN(table_is_complete), RUN(definition_without_memory),
	  RUN(faults_without_memory), RUN(messages_without_memory),
	  RUN(control_without_memory), RUN(request_without_memory),
	  RUN(inference_without_memory));
