/*
 * test_steps.c
 *		A course through steps of many kinds, with memory that runs out at
 *		every place once.
 */
#include "harness.h"

static const char definition_text[] =
	"{\"steps\":["
	"{\"name\":\"q\",\"type\":\"sql\",\"sql\":\"select $1\","
	"\"params\":[\"{{ $.variables.n }}\"],\"timeout\":5,"
	"\"retry\":{\"on\":[\"timeout\"]}},"
	"{\"name\":\"h\",\"type\":\"http\",\"url\":\"http://x/{{ $.variables.n }}\","
	"\"headers\":{\"X\":\"{{ $.variables.n }}\"},\"body\":[\"{{ $.variables.n }}\"],"
	"\"expect\":[200]},"
	"{\"name\":\"w\",\"type\":\"wait\",\"for\":\"{{ $.variables.n }} s\"},"
	"{\"name\":\"s\",\"type\":\"signal\",\"signal\":\"s{{ $.variables.n }}\","
	"\"match\":\"$.n == {{ $.variables.n }}\"},"
	"{\"name\":\"e\",\"type\":\"task\",\"task\":\"t\",\"executor\":\"external\"},"
	"{\"name\":\"c\",\"type\":\"workflow\",\"input\":{\"n\":\"{{ $.variables.n }}\"},"
	"\"definition\":{\"steps\":[{\"name\":\"q\",\"type\":\"wait\",\"until\":\"2030-01-01\"}]}},"
	"{\"name\":\"d\",\"type\":\"workflow\",\"template\":\"t\",\"version\":1}]}";

static const struct
{
	const char *kind;
	const char *body;
} course[] = {
	{"start", NULL},
	{"reply", "{\"token\":1,\"result\":{\"rows\":[],\"count\":0}}"},
	{"continue", NULL},
	{"reply", "{\"token\":2,\"status\":200,\"body\":\"[1]\"}"},
	{"continue", NULL},
	{"timer", "{\"token\":3}"},
	{"continue", NULL},
	{"signal", "{\"token\":4,\"payload\":[1],\"sent_by\":\"a\"}"},
	{"continue", NULL},
	{"reply", "{\"token\":5,\"result\":1}"},
	{"continue", NULL},
	{"child",
	 "{\"token\":6,\"workflow_id\":\"i\",\"status\":\"completed\",\"result\":1}"},
	{"continue", NULL},
	{"child",
	 "{\"token\":7,\"workflow_id\":\"i\",\"status\":\"failed\","
	 "\"error\":{\"kind\":\"timeout\",\"message\":\"m\"}}"}};

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
	CHECK(n > 100);
	CHECK_INT(result, HITL_OK);
	hitl_free_definition(definition);
	memory_free(&memory);
}

TEST(messages_without_memory)
{
	Workflow w;
	size_t i;

	workflow_open(&w, definition_text, "{\"variables\":{\"n\":5}}");
	for (i = 0; i < sizeof(course) / sizeof(course[0]); i++)
	{
		HitlMessage message = {course[i].kind, course[i].body, 1, 0.5};
		HitlResult result = HITL_NO_MEMORY;
		char *before;
		char *after;
		long n;
		int j;

		CHECK_INT(hitl_dump_control(w.control, &before), HITL_OK);
		for (n = 0; result == HITL_NO_MEMORY && n < 10000; n++)
		{
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
		CHECK(n > 2);
		if (w.effects.count == 0)
			report_failure(__FILE__, __LINE__, "message %d has no effects",
						   (int) i);
		for (j = 0; j < w.effects.count; j++)
		{
			if (w.effects.items[j].delta != NULL)
				memory_merge(&w.memory, w.effects.items[j].delta);
		}
		free(before);
	}
	CHECK_TEXT(workflow_value(&w, "$.steps.h.body"), "[1]");
	CHECK_TEXT(workflow_value(&w, "$.steps.s.payload"), "[1]");
	CHECK_TEXT(workflow_value(&w, "$.steps.d.error.kind"), "\"timeout\"");
	workflow_close(&w);
}

SUITE(steps, RUN(definition_without_memory), RUN(messages_without_memory));
