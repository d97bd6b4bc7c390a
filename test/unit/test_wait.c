/*
 * test_wait.c
 *		The step that lets time pass.
 */
#include "harness.h"

#define STEP(more) "{\"steps\":[{\"name\":\"w\",\"type\":\"wait\"" more "}]}"
#define DATA \
	"{\"variables\":{\"day\":\"2030-01-01\",\"s\":90,\"min\":\"5 minutes\"," \
	"\"past\":\"2001-01-01T00:00:00+01:00\",\"bad\":\"soon\",\"list\":[]}}"

/* workflow_open's clock, after the first message */
#define NOW INT64_C(1700000000000001)

/*
 * When the timer of a wait is due; 0 if it ended at once, -1 if it failed.
 */
static long long
due(const char *more)
{
	char definition[500];
	const HitlEffect *effect;
	long long result;
	Workflow w;

	snprintf(definition, sizeof(definition), STEP("%s"), more);
	workflow_open(&w, definition, DATA);
	workflow_send(&w, "start", NULL);
	effect = find_effect(&w, HITL_EFFECT_SET_TIMER);
	if (effect != NULL)
		result = effect->due_us;
	else
		result = contains(control_text(&w), "\"status\":\"completed\"") ? 0
																		: -1;
	workflow_close(&w);
	return result;
}

TEST(durations)
{
	CHECK_INT(due(",\"for\":\"10 minutes\""), NOW + 600 * INT64_C(1000000));
	CHECK_INT(due(",\"for\":1.5"), NOW + 1500000);
	CHECK_INT(due(",\"for\":\"{{ $.variables.s }}\""), NOW + 90000000);
	CHECK_INT(due(",\"for\":\"{{ $.variables.min }}\""), NOW + 300000000);
	CHECK_INT(due(",\"for\":\"{{ $.variables.s }} ms\""), NOW + 90000);
	CHECK_INT(due(",\"for\":\"{{ $.variables.bad }}\""), -1);
	CHECK_INT(due(",\"for\":\"{{ $.variables.list }}\""), -1);
}

TEST(instants)
{
	CHECK_INT(due(",\"until\":\"2030-01-01\""), INT64_C(1893456000000000));
	CHECK_INT(due(",\"until\":\"{{ $.variables.day }}T09:00:00+01:00\""),
			  INT64_C(1893484800000000));
	CHECK_INT(due(",\"until\":\"{{ $.variables.past }}\""), 0);
	CHECK_INT(due(",\"until\":\"2001-01-01\""), 0);
	CHECK_INT(due(",\"until\":\"{{ $.variables.bad }}\""), -1);
	CHECK_INT(due(",\"until\":\"{{ $.variables.s }}\""), -1);
	CHECK_INT(due(",\"until\":\"{{ $.variables.none }}\""), -1);
}

TEST(the_end_is_the_result)
{
	Workflow w;

	workflow_open(&w, STEP(",\"until\":\"2030-01-01 00:00:00.25+01\""), DATA);
	workflow_send(&w, "start", NULL);
	CHECK(contains(control_text(&w), "\"state\":\"waiting_timer\""));
	SEND(&w, "timer", "{\"token\":2}", "");
	SEND(&w, "timer", "{\"token\":1}",
		 "step_completed w, workflow_completed, =completed");
	CHECK_TEXT(w.effects.items[0].delta,
			   "{\"steps\":{\"w\":{\"until\":\"2029-12-31T23:00:00.25Z\"}}}");
	workflow_close(&w);

	workflow_open(&w, STEP(",\"until\":\"2001-01-01\""), DATA);
	workflow_send(&w, "start", NULL);
	CHECK_TEXT(workflow_value(&w, "$.steps.w.until"),
			   "\"2001-01-01T00:00:00Z\"");
	workflow_close(&w);
}

/*
 * After a rollback the wait ends when it would have ended, not later.
 */
TEST(goes_on_to_the_same_end)
{
	Workflow w;
	char *state;
	int64_t end;

	workflow_open(&w, STEP(",\"for\":\"1 hour\""), DATA);
	workflow_send(&w, "start", NULL);
	end = find_effect(&w, HITL_EFFECT_SET_TIMER)->due_us;
	state = strdup(control_text(&w));
	w.now_us += 600 * INT64_C(1000000);
	CHECK_INT(workflow_rewind(&w, state), HITL_OK);
	workflow_send(&w, "start", NULL);
	CHECK_INT(find_effect(&w, HITL_EFFECT_SET_TIMER)->due_us, end);
	CHECK_INT(find_effect(&w, HITL_EFFECT_SET_TIMER)->token, 2);

	/* and at once where that is past */
	w.now_us = end;
	CHECK_INT(workflow_rewind(&w, state), HITL_OK);
	workflow_send(&w, "start", NULL);
	CHECK(find_effect(&w, HITL_EFFECT_SET_TIMER) == NULL);
	CHECK(contains(control_text(&w), "\"status\":\"completed\""));
	free(state);
	workflow_close(&w);
}

TEST(faults)
{
	CHECK_FAULT(STEP(""), "/steps/0", "either \"for\" or \"until\"");
	CHECK_FAULT(STEP(",\"for\":1,\"until\":\"2030-01-01\""), "/steps/0",
				"either \"for\" or \"until\"");
	CHECK_FAULT(STEP(",\"for\":0"), "/steps/0/for", "above 0");
	CHECK_FAULT(STEP(",\"for\":\"soon\""), "/steps/0/for", "\"5 minutes\"");
	CHECK_FAULT(STEP(",\"for\":null"), "/steps/0/for", "\"5 minutes\"");
	CHECK_FAULT(STEP(",\"for\":\"{{ x }}\""), "/steps/0/for",
				"not a SQL/JSON path");
	CHECK_FAULT(STEP(",\"until\":\"2030-02-30\""), "/steps/0/until",
				"must be a date");
	CHECK_FAULT(STEP(",\"until\":1893456000"), "/steps/0/until",
				"must be a date");
	CHECK_FAULT(STEP(",\"for\":1,\"timeout\":5"), "/steps/0/timeout",
				"no time limit");
}

/*
 * The event of a step's end says since when it has waited.
 */
TEST(since)
{
	const HitlEffect *effect;
	char timer[100];
	Workflow w;

	workflow_open(&w, STEP(",\"for\":5"), DATA);
	workflow_send(&w, "start", NULL);
	effect = find_effect(&w, HITL_EFFECT_SET_TIMER);
	CHECK(effect->alone);
	snprintf(timer, sizeof(timer), "{\"token\":%lld}",
			 (long long) effect->token);
	w.now_us += 4999999;
	workflow_send(&w, "timer", timer);
	effect = find_effect(&w, HITL_EFFECT_EVENT);
	CHECK_TEXT(effect->type, "step_completed");
	CHECK_INT(effect->since_us, NOW);
	CHECK_INT(w.now_us, NOW + 5000000);
	workflow_close(&w);
}

SUITE(wait, RUN(durations), RUN(instants), RUN(the_end_is_the_result),
	  RUN(goes_on_to_the_same_end), RUN(since), RUN(faults));
