/*
 * message_template.c
 *		Templates of channels: {{ path }} over the notification document, with
 *		the compiler of the templates of definitions.
 */
#include "core/message.h"

#include <string.h>

static HitlResult check_compiled(HitlParse *parse, const char *name,
								 const char **why);
static HitlResult fill(const HitlHost *host, const char *name,
					   const HitlTemplate *compiled, bool html,
					   HitlBuffer *filled, const char **why);
static bool put_match(HitlBuffer *filled, const char *text, bool html);

/*
 * Fill a template that is a text.  What a path matches is escaped where the
 * template is HTML.  HITL_INVALID and why, if it is malformed or a path
 * matches nothing.
 */
HitlResult
hitl_fill_template(HitlArena *arena, const HitlHost *host, const char *name,
				   const char *template, bool html, const char **text,
				   const char **why)
{
	HitlFaults faults = {0};
	HitlParse parse = {arena, host, &faults, false, HITL_OK, NULL};
	HitlPlace place = {NULL, name, 0};
	HitlTemplate compiled;
	HitlBuffer filled;
	const HitlJson *value;
	HitlResult result;

	hitl_compile_text(&parse, &place, template, &compiled);
	result = check_compiled(&parse, name, why);
	if (result != HITL_OK)
		return result;
	hitl_buffer_init(&filled, arena);
	result = fill(host, name, &compiled, html, &filled, why);
	if (result != HITL_OK)
		return result;
	if (hitl_buffer_text(&filled) == NULL ||
		hitl_json_parse(arena, filled.data, filled.length, 0, &value, NULL) !=
			HITL_OK)
		return HITL_NO_MEMORY;
	*text = value->text;
	return HITL_OK;
}

/*
 * Fill a template that is JSON, with paths in its strings; one that is a path
 * and nothing else has the type of what that matches.
 */
HitlResult
hitl_render_template(const char *template, const HitlHost *host, char **text,
					 char **error)
{
	HitlArena arena;
	HitlFaults faults = {0};
	HitlParse parse = {&arena, host, &faults, false, HITL_OK, NULL};
	HitlPlace place = {NULL, "template", 0};
	HitlTemplate compiled;
	HitlBuffer filled;
	const HitlJson *value;
	const char *why = NULL;
	HitlResult result;

	hitl_arena_init(&arena);
	hitl_buffer_init(&filled, &arena);
	result = hitl_json_parse(&arena, template, strlen(template), 0, &value,
							 NULL);
	if (result == HITL_OK)
	{
		hitl_compile_value(&parse, &place, value, &compiled);
		result = check_compiled(&parse, "body", &why);
	}
	if (result == HITL_OK)
		result = fill(host, "body", &compiled, false, &filled, &why);
	return hitl_end_message(&arena, result, &filled, why, text, error);
}

/*
 * Was a template compiled?
 */
static HitlResult
check_compiled(HitlParse *parse, const char *name, const char **why)
{
	if (parse->result == HITL_OK && parse->faulty)
	{
		if (parse->faults->count > 0)
			*why = hitl_format_text(parse->arena, "template \"%s\": %s", name,
									parse->faults->items[0].message);
		parse->result = HITL_INVALID;
	}
	hitl_free_faults(parse->faults);
	if (parse->result == HITL_OK && parse->arena->failed)
		parse->result = HITL_NO_MEMORY;
	return parse->result;
}

/*
 * Put what the paths match in their places.
 */
static HitlResult
fill(const HitlHost *host, const char *name, const HitlTemplate *compiled,
	 bool html, HitlBuffer *filled, const char **why)
{
	HitlArena *arena = filled->arena;
	int i;

	for (i = 0; i < compiled->count; i++)
	{
		const HitlSegment *segment = &compiled->segments[i];
		const char *match = NULL;

		hitl_append(filled, segment->text, segment->length);
		if (segment->path == NULL)
			continue;
		if (host == NULL || host->query == NULL)
			return HITL_HOST_FAILED;
		switch (host->query(host->context, 0, segment->path, &match))
		{
			case HITL_QUERY_FOUND:
				if (segment->whole)
				{
					hitl_append_text(filled, match);
					break;
				}
				if (put_match(filled, match, html))
					break;
				if (arena->failed)
					return HITL_NO_MEMORY;
				*why = hitl_format_text(
					arena,
					"template \"%s\": the match of path %s cannot be used",
					name, segment->path);
				return HITL_INVALID;
			case HITL_QUERY_EMPTY:
				*why = hitl_format_text(
					arena, "template \"%s\": path %s matches nothing", name,
					segment->path);
				return HITL_INVALID;
			case HITL_QUERY_FAULTY:
				*why = hitl_format_text(
					arena, "template \"%s\": path %s cannot be evaluated: %s",
					name, segment->path,
					match == NULL ? "no reason given" : match);
				return HITL_INVALID;
			case HITL_QUERY_HOST_FAILED:
				return HITL_HOST_FAILED;
		}
	}
	return HITL_OK;
}

/*
 * Append what a path has matched to the inside of a JSON string: texts bare,
 * all else as JSON.
 */
static bool
put_match(HitlBuffer *filled, const char *text, bool html)
{
	HitlArena *arena = filled->arena;
	const HitlJson *match;
	const char *shown;
	HitlBuffer escaped;

	if (hitl_json_parse(arena, text, strlen(text), HITL_JSON_COMPOSED, &match,
						NULL) != HITL_OK)
		return false;
	shown = match->type == HITL_JSON_STRING ? match->text
											: hitl_json_text(arena, match);
	if (shown == NULL)
		return false;
	if (html)
	{
		hitl_buffer_init(&escaped, arena);
		hitl_append_html(&escaped, shown);
		shown = hitl_buffer_text(&escaped);
		if (shown == NULL)
			return false;
	}
	hitl_json_write_content(filled, shown, strlen(shown));
	return true;
}
