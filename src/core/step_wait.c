/*
 * step_wait.c
 *		The step that lets time pass.
 *
 * The instant is fixed when the step begins: one that goes on after a
 * rollback or a retry ends when it would have ended.
 */
#include "core/internal.h"

#include <string.h>

#define MS_US 1000

static const char *const members[] = {"for", "until", NULL};

static void parse_wait(HitlParse *parse, const HitlPlace *place,
					   const HitlJson *object, HitlStep *step);
static void parse_for(HitlParse *parse, const HitlPlace *place,
					  const HitlJson *value, HitlWait *wait);
static void parse_until(HitlParse *parse, const HitlPlace *place,
						const HitlJson *value, HitlWait *wait);
static void enter_wait(HitlRun *run, HitlPosition *position);
static bool find_end(HitlRun *run, HitlPosition *position, int64_t *due_us);
static void deliver_wait(HitlRun *run, HitlPosition *position,
						 const HitlJson *body);
static const char *write_end(HitlRun *run, int64_t due_us);
static bool read_end(const char *result, int64_t *due_us);

const HitlStepKind hitl_wait_kind = {.type = "wait",
									 .members = members,
									 .awaits = 1 << HITL_AWAITS_TIMER,
									 .parse = parse_wait,
									 .enter = enter_wait,
									 .deliver = deliver_wait};

/*
 * Read the step.
 */
static void
parse_wait(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
		   HitlStep *step)
{
	HitlWait *wait = &step->as.wait;
	const HitlJson *duration = hitl_json_member(object, "for");
	const HitlJson *instant = hitl_json_member(object, "until");
	HitlPlace for_place = {place, "for", 0};
	HitlPlace until_place = {place, "until", 0};
	HitlPlace timeout_place = {place, "timeout", 0};

	wait->until = instant != NULL;
	if ((duration == NULL) == (instant == NULL))
		hitl_fault(parse, place, "give either \"for\" or \"until\"");
	if (duration != NULL)
		parse_for(parse, &for_place, duration, wait);
	if (instant != NULL)
		parse_until(parse, &until_place, instant, wait);

	/* Its only timer is the one it waits for. */
	if (hitl_json_member(object, "timeout") != NULL)
		hitl_fault(parse, &timeout_place,
				   "a wait has no time limit but its end");
}

/*
 * "for": a duration.
 */
static void
parse_for(HitlParse *parse, const HitlPlace *place, const HitlJson *value,
		  HitlWait *wait)
{
	int64_t milliseconds;

	hitl_compile_value(parse, place, value, &wait->time);
	if (value->type == HITL_JSON_STRING && hitl_has_template(value->text))
		return;
	if (!hitl_parse_duration(value, &milliseconds) || milliseconds == 0)
		hitl_fault(parse, place,
				   "must be a number of seconds above 0, a text such as "
				   "\"30 seconds\", \"5 minutes\", \"2 hours\", \"1 day\", or "
				   "a template");
}

/*
 * "until": an instant.
 */
static void
parse_until(HitlParse *parse, const HitlPlace *place, const HitlJson *value,
			HitlWait *wait)
{
	int64_t us;

	hitl_compile_value(parse, place, value, &wait->time);
	if (value->type == HITL_JSON_STRING && hitl_has_template(value->text))
		return;
	if (value->type != HITL_JSON_STRING ||
		!hitl_parse_instant(value->text, &us))
		hitl_fault(parse, place,
				   "must be a date, a time such as \"2030-12-31T18:00:00Z\", "
				   "or a template");
}

/*
 * Begin to wait, unless the end has passed.
 */
static void
enter_wait(HitlRun *run, HitlPosition *position)
{
	HitlEffect *effect;
	const char *result;
	int64_t due_us;

	if (!read_end(position->result, &due_us) &&
		!find_end(run, position, &due_us))
		return;
	result = write_end(run, due_us);
	if (result == NULL)
		return;
	if (due_us <= run->now_us)
	{
		hitl_complete_step(run, position, result);
		return;
	}
	position->result = hitl_keep_text(run, result);
	effect = hitl_emit(run, HITL_EFFECT_SET_TIMER, NULL, position);
	effect->due_us = due_us;
	effect->alone = true;
	hitl_await(run, position, HITL_AWAITS_TIMER, effect);
}

/*
 * When the wait ends; false when that cannot be told, and then the step has
 * failed.
 */
static bool
find_end(HitlRun *run, HitlPosition *position, int64_t *due_us)
{
	const HitlWait *wait = &position->step->as.wait;
	const char *text = hitl_render(run, position, &wait->time);
	const HitlJson *value;
	int64_t milliseconds;

	if (text == NULL)
		return false;
	if (hitl_json_parse(&run->scratch, text, strlen(text), HITL_JSON_COMPOSED,
						&value, NULL) != HITL_OK)
	{
		hitl_stop(run, HITL_NO_MEMORY, NULL);
		return false;
	}
	if (wait->until && value->type == HITL_JSON_STRING &&
		hitl_parse_instant(value->text, due_us))
		return true;
	if (!wait->until && hitl_parse_duration(value, &milliseconds))
	{
		*due_us = run->now_us + milliseconds * MS_US;
		return true;
	}
	hitl_fail_faulty(run, position, "\"%s\" is not %s: %.*s",
					 wait->until ? "until" : "for",
					 wait->until ? "an instant" : "a duration",
					 (int) hitl_utf8_cut(text, strlen(text), 100), text);
	return false;
}

/*
 * The time has come.
 */
static void
deliver_wait(HitlRun *run, HitlPosition *position,
			 HITL_UNUSED const HitlJson *body)
{
	hitl_complete_step(run, position, position->result);
}

/*
 * The step's result.
 */
static const char *
write_end(HitlRun *run, int64_t due_us)
{
	HitlBuffer result;

	hitl_buffer_init(&result, &run->scratch);
	hitl_append_text(&result, "{\"until\":\"");
	hitl_append_instant(&result, due_us);
	hitl_append_text(&result, "\"}");
	return hitl_finish_text(run, &result);
}

/*
 * The end that an earlier entering has fixed, if there was one.
 */
static bool
read_end(const char *result, int64_t *due_us)
{
	static const char before[] = "{\"until\":\"";
	char text[64];
	size_t length;

	if (result == NULL || strncmp(result, before, sizeof(before) - 1) != 0)
		return false;
	result += sizeof(before) - 1;
	length = strcspn(result, "\"");
	if (length >= sizeof(text))
		return false;
	memcpy(text, result, length);
	text[length] = '\0';
	return hitl_parse_instant(text, due_us);
}
