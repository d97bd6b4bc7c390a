/*
 * step_sql.c
 *		The step that runs a statement of the workflow's owner.
 *
 * The text of a statement is fixed with the definition; values are its
 * parameters, so that nothing in the data ever becomes a part of it.
 */
#include "core/internal.h"

#include <string.h>

#define DEFAULT_ROWS 100
#define MAX_ROWS	 10000
#define MAX_PARAMS	 65535 /* what the protocol can count */

static const char *const members[] = {"sql", "params", "rows", NULL};

static void parse_sql(HitlParse *parse, const HitlPlace *place,
					  const HitlJson *object, HitlStep *step);
static void enter_sql(HitlRun *run, HitlPosition *position);

const HitlStepKind hitl_sql_kind = {.type = "sql",
									.members = members,
									.awaits = 1 << HITL_AWAITS_REPLY,
									.parse = parse_sql,
									.enter = enter_sql,
									.deliver = hitl_deliver_answer};

/*
 * Read the step.
 */
static void
parse_sql(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
		  HitlStep *step)
{
	static const HitlJson none = {.type = HITL_JSON_ARRAY};
	HitlSql *sql = &step->as.sql;
	HitlPlace sql_place = {place, "sql", 0};
	HitlPlace params_place = {place, "params", 0};
	HitlPlace rows_place = {place, "rows", 0};
	const char *text = hitl_get_text(parse, place, object, "sql", true);
	const HitlJson *params = hitl_get(parse, place, object, "params",
									  HITL_JSON_ARRAY, false);
	const HitlJson *rows = hitl_json_member(object, "rows");
	HitlBuffer buffer;
	int64_t limit;

	if (text != NULL && hitl_has_template(text))
		hitl_fault(parse, &sql_place,
				   "has no templates: give values as \"params\", and name them "
				   "$1, $2, ... in the statement (write \"{ {\" in an array "
				   "literal)");
	hitl_buffer_init(&buffer, parse->arena);
	hitl_json_write_string(&buffer, text == NULL ? "" : text,
						   text == NULL ? 0 : strlen(text));
	sql->sql = hitl_buffer_text(&buffer);

	if (params != NULL && params->count > MAX_PARAMS)
		hitl_fault(parse, &params_place, "must not have more than %d values",
				   MAX_PARAMS);
	hitl_compile_value(parse, &params_place, params == NULL ? &none : params,
					   &sql->params);

	sql->rows = DEFAULT_ROWS;
	if (rows != NULL)
	{
		if (hitl_json_integer(rows, &limit) && limit >= 1 && limit <= MAX_ROWS)
			sql->rows = (int) limit;
		else
			hitl_fault(parse, &rows_place,
					   "must be a whole number from 1 to %d", MAX_ROWS);
	}
}

/*
 * Have the statement run.
 */
static void
enter_sql(HitlRun *run, HitlPosition *position)
{
	const HitlStep *step = position->step;
	const HitlSql *sql = &step->as.sql;
	const char *params = hitl_render(run, position, &sql->params);
	HitlEffect *effect;
	HitlBuffer body;

	if (params == NULL)
		return;
	hitl_buffer_init(&body, run->memory);
	hitl_append_text(&body, "{\"sql\":");
	hitl_append_text(&body, sql->sql);
	hitl_append_text(&body, ",\"params\":");
	hitl_append_text(&body, params);
	hitl_append_text(&body, ",\"rows\":");
	hitl_append_integer(&body, sql->rows);
	hitl_append_text(&body, ",\"timeout_ms\":");
	if (step->timeout_ms > 0)
		hitl_append_integer(&body, step->timeout_ms);
	else
		hitl_append_text(&body, "null");
	hitl_append_char(&body, '}');
	effect = hitl_emit(run, HITL_EFFECT_RUN_SQL, NULL, position);
	effect->body = hitl_buffer_text(&body);
	hitl_await(run, position, HITL_AWAITS_REPLY, effect);
}
