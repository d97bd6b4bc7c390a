/*
 * test_signal.c
 *		The step that waits for a signal.
 */
#include "harness.h"

#define STEP(more) "{\"steps\":[{\"name\":\"s\",\"type\":\"signal\"" more "}]}"
#define DATA \
	"{\"variables\":{\"id\":7,\"who\":\"a\\\"b\\\\c\",\"yes\":true,\"none\":null," \
	"\"list\":[1],\"empty\":\"\",\"minus\":-7}}"

TEST(any_payload)
{
	Workflow w;
	const HitlEffect *effect;

	workflow_open(&w, STEP(",\"signal\":\"paid\""), DATA);
	workflow_send(&w, "start", NULL);
	effect = find_effect(&w, HITL_EFFECT_AWAIT_SIGNAL);
	CHECK_TEXT(effect->type, "paid");
	CHECK_TEXT(effect->body, "{\"match\":null}");
	CHECK_INT(effect->token, 1);
	CHECK(contains(control_text(&w), "\"state\":\"waiting_signal\""));
	SEND(&w, "signal", "{\"token\":3}", "");
	SEND(&w, "signal",
		 "{\"token\":1,\"payload\":{\"n\":1.50},\"sent_by\":\"ann\"}",
		 "step_completed s, workflow_completed, =completed");
	CHECK_TEXT(
		w.effects.items[0].delta,
		"{\"steps\":{\"s\":{\"payload\":{\"n\":1.50},\"sent_by\":\"ann\"}}}");
	workflow_close(&w);

	workflow_open(&w, STEP(",\"signal\":\"paid\""), DATA);
	workflow_send(&w, "start", NULL);
	workflow_send(&w, "signal", "{\"token\":1}");
	CHECK_TEXT(w.effects.items[0].delta,
			   "{\"steps\":{\"s\":{\"payload\":null,\"sent_by\":null}}}");
	workflow_close(&w);
}

/*
 * Values enter a path as literals, so that none can become a part of it.
 */
TEST(values_in_a_path)
{
	static const struct
	{
		const char *match;
		const char *path; /* NULL: the step fails */
	} cases[] = {{"$.order == 7", "$.order == 7"},
				 {"$.order == {{ $.variables.id }}", "$.order == 7"},
				 {"$.who == {{$.variables.who}} && $.a == {{$.variables.yes}}",
				  "$.who == \"a\\\"b\\\\c\" && $.a == true"},
				 {"$.x == {{ $.variables.none }}", "$.x == null"},
				 {"$.x == {{ $.variables.list }}", NULL},
				 {"$.x == {{ $.variables.missing }}", NULL}};
	char definition[500];
	Workflow w;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		const HitlEffect *effect;
		json_t *body;

		snprintf(definition, sizeof(definition),
				 STEP(",\"signal\":\"paid\",\"match\":\"%s\""), cases[i].match);
		workflow_open(&w, definition, DATA);
		workflow_send(&w, "start", NULL);
		effect = find_effect(&w, HITL_EFFECT_AWAIT_SIGNAL);
		if (cases[i].path == NULL)
		{
			CHECK(effect == NULL);
			CHECK_TEXT(workflow_value(&w, "$.steps.s.error.kind"),
					   "\"validation_error\"");
		}
		else if (effect == NULL)
			report_failure(__FILE__, __LINE__, "no signal for %s",
						   cases[i].match);
		else
		{
			body = json_loads(effect->body, 0, NULL);
			CHECK_TEXT(json_string_value(json_object_get(body, "match")),
					   cases[i].path);
			json_decref(body);
		}
		workflow_close(&w);
	}
}

TEST(name_from_the_data)
{
	Workflow w;

	workflow_open(&w, STEP(",\"signal\":\"paid {{ $.variables.id }}\""), DATA);
	workflow_send(&w, "start", NULL);
	CHECK_TEXT(find_effect(&w, HITL_EFFECT_AWAIT_SIGNAL)->type, "paid 7");
	workflow_close(&w);

	workflow_open(&w, STEP(",\"signal\":\"{{ $.variables.empty }}\""), DATA);
	workflow_send(&w, "start", NULL);
	CHECK(find_effect(&w, HITL_EFFECT_AWAIT_SIGNAL) == NULL);
	CHECK_TEXT(workflow_value(&w, "$.steps.s.error.message"),
			   "\"the name of the signal is empty\"");
	workflow_close(&w);
}

/*
 * A path that a value makes faulty fails the step.
 */
TEST(path_that_is_none_any_more)
{
	Workflow w;

	workflow_open(
		&w,
		STEP(",\"signal\":\"s\",\"match\":\"$.{{ $.variables.minus }} == 1\""),
		DATA);
	workflow_send(&w, "start", NULL);
	CHECK(find_effect(&w, HITL_EFFECT_AWAIT_SIGNAL) == NULL);
	CHECK(contains(workflow_value(&w, "$.steps.s.error.message"),
				   "not a SQL/JSON path: $.-7 == 1"));
	workflow_close(&w);
}

#define FIFTY "12345678901234567890123456789012345678901234567890"

TEST(faults)
{
	CHECK_FAULT(STEP(""), "/steps/0", "\"signal\" is missing");
	CHECK_FAULT(STEP(",\"signal\":\"s" FIFTY FIFTY FIFTY FIFTY "\""),
				"/steps/0/signal", "must not be longer than 200 bytes");
	CHECK_FAULT(STEP(",\"signal\":\"\""), "/steps/0/signal",
				"must not be empty");
	CHECK_FAULT(STEP(",\"signal\":\"s\",\"match\":{}"), "/steps/0/match",
				"must be a string");
	CHECK_FAULT(STEP(",\"signal\":\"s\",\"match\":\"order == 7\""),
				"/steps/0/match", "not a SQL/JSON path");
	CHECK_FAULT(STEP(",\"signal\":\"s\",\"match\":\"x == {{ $.a }}\""),
				"/steps/0/match", "\"x == \"\"\" is not a SQL/JSON path");
	CHECK_FAULT(STEP(",\"signal\":\"s\",\"match\":\"$.a == {{ a }}\""),
				"/steps/0/match", "not a SQL/JSON path");
}

SUITE(signal, RUN(any_payload), RUN(values_in_a_path), RUN(name_from_the_data),
	  RUN(path_that_is_none_any_more), RUN(faults));
