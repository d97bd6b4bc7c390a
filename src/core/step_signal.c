/*
 * step_signal.c
 *		The step that waits for a signal from outside.
 */
#include "core/internal.h"

#include <string.h>

static const char *const members[] = {"signal", "match", NULL};

static void parse_signal(HitlParse *parse, const HitlPlace *place,
						 const HitlJson *object, HitlStep *step);
static void enter_signal(HitlRun *run, HitlPosition *position);
static const char *read_string(HitlRun *run, const char *json);
static bool check_match(HitlRun *run, HitlPosition *position, const char *path);
static void deliver_signal(HitlRun *run, HitlPosition *position,
						   const HitlJson *body);

const HitlStepKind hitl_signal_kind = {.type = "signal",
									   .members = members,
									   .awaits = 1 << HITL_AWAITS_SIGNAL,
									   .parse = parse_signal,
									   .enter = enter_signal,
									   .deliver = deliver_signal};

/*
 * Read the step.
 */
static void
parse_signal(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
			 HitlStep *step)
{
	static const HitlJson nothing = {.type = HITL_JSON_NULL};
	HitlSignal *signal = &step->as.signal;
	HitlPlace name_place = {place, "signal", 0};
	HitlPlace match_place = {place, "match", 0};
	const char *name = hitl_get_text(parse, place, object, "signal", true);
	const char *match = hitl_get_text(parse, place, object, "match", false);

	/* Nobody could send it. */
	if (name != NULL && !hitl_has_template(name) &&
		strlen(name) > HITL_MAX_NAME)
		hitl_fault(parse, &name_place, "must not be longer than %d bytes",
				   HITL_MAX_NAME);
	hitl_compile_text(parse, &name_place, name == NULL ? "" : name,
					  &signal->name);
	if (match != NULL)
		hitl_compile_path(parse, &match_place, match, &signal->match);
	else
		hitl_compile_value(parse, &match_place, &nothing, &signal->match);
}

/*
 * Await the signal.
 */
static void
enter_signal(HitlRun *run, HitlPosition *position)
{
	const HitlSignal *signal = &position->step->as.signal;
	const char *name = hitl_render(run, position, &signal->name);
	const char *match;
	const char *text;
	HitlEffect *effect;
	HitlBuffer body;

	if (name == NULL)
		return;
	name = read_string(run, name);
	if (name == NULL)
		return;
	if (name[0] == '\0')
	{
		hitl_fail_faulty(run, position, "the name of the signal is empty");
		return;
	}
	match = hitl_render(run, position, &signal->match);
	if (match == NULL)
		return;
	if (strcmp(match, "null") != 0)
	{
		text = read_string(run, match);
		if (text == NULL || !check_match(run, position, text))
			return;
	}

	hitl_buffer_init(&body, run->memory);
	hitl_append_text(&body, "{\"match\":");
	hitl_append_text(&body, match);
	hitl_append_char(&body, '}');
	effect = hitl_emit(run, HITL_EFFECT_AWAIT_SIGNAL, name, position);
	effect->body = hitl_buffer_text(&body);
	hitl_await(run, position, HITL_AWAITS_SIGNAL, effect);
}

/*
 * The text of a JSON string, which lives as long as the effects.
 */
static const char *
read_string(HitlRun *run, const char *json)
{
	const HitlJson *value;

	if (hitl_json_parse(run->memory, json, strlen(json), HITL_JSON_COMPOSED,
						&value, NULL) == HITL_OK)
		return value->text;
	hitl_stop(run, HITL_NO_MEMORY, NULL);
	return NULL;
}

/*
 * Is the path still one, with its values?  If not, the step has failed.
 */
static bool
check_match(HitlRun *run, HitlPosition *position, const char *path)
{
	const char *reason = NULL;

	if (position->step->as.signal.match.count <= 1)
		return true; /* checked with the definition */
	if (run->host == NULL || run->host->check_path == NULL)
		return true;
	switch (run->host->check_path(run->host->context, path, &reason))
	{
		case HITL_QUERY_FOUND:
		case HITL_QUERY_EMPTY:
			return true;
		case HITL_QUERY_FAULTY:
			hitl_fail_faulty(run, position,
							 "\"match\" is not a SQL/JSON path: %s: %s", path,
							 reason == NULL ? "syntax error" : reason);
			return false;
		case HITL_QUERY_HOST_FAILED:
			hitl_stop(run, HITL_HOST_FAILED, NULL);
			return false;
	}
	return false;
}

/*
 * The signal has come.
 */
static void
deliver_signal(HitlRun *run, HitlPosition *position, const HitlJson *body)
{
	const HitlJson *payload = hitl_json_member(body, "payload");
	const HitlJson *sender = hitl_json_member(body, "sent_by");
	HitlBuffer result;

	hitl_buffer_init(&result, &run->scratch);
	hitl_append_text(&result, "{\"payload\":");
	if (payload != NULL)
		hitl_json_write(&result, payload);
	else
		hitl_append_text(&result, "null");
	hitl_append_text(&result, ",\"sent_by\":");
	if (sender != NULL && sender->type == HITL_JSON_STRING)
		hitl_json_write(&result, sender);
	else
		hitl_append_text(&result, "null");
	hitl_append_char(&result, '}');
	if (hitl_finish_text(run, &result) != NULL)
		hitl_complete_step(run, position, result.data);
}
