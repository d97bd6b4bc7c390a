/*
 * common.c
 *		A definition, a host and checks for the fuzz targets.
 */
#include "fuzz.h"

static HitlQueryResult
query(void *context, const char *path, const char **text)
{
	static const char *const answers[] = {"true", "{\"a\": [1, \"x\"]}",
										  "\"text \\\" \\u00e9\"", "null"};

	(void) context;
	switch (strlen(path) % 7)
	{
		case 0:
			return HITL_QUERY_EMPTY;
		case 1:
			*text = "cannot be evaluated";
			return HITL_QUERY_FAULTY;
		case 2:
			return HITL_QUERY_HOST_FAILED;
		default:
			*text = answers[strlen(path) % 7 - 3];
			return HITL_QUERY_FOUND;
	}
}

static HitlQueryResult
check_path(void *context, const char *path, const char **text)
{
	(void) context;
	if (path[0] == '$')
		return HITL_QUERY_FOUND;
	*text = "syntax error";
	return HITL_QUERY_FAULTY;
}

const HitlHost fuzz_host = {NULL, query, check_path};

HitlDefinition *
rich_definition(void)
{
	static const char *const text =
		"{\"steps\":["
		"{\"name\":\"a\",\"type\":\"task\",\"task\":\"do {{$.x}}\",\"create_checkpoint\":true,\"on_error\":\"goto:c\"},"
		"{\"name\":\"b\",\"type\":\"task\",\"task\":\"b\",\"requires_approval\":true,\"on_reject\":\"continue\","
		"\"on_timeout\":\"rollback:a\",\"approval_config\":{\"context_data\":{\"k\":\"{{$.xy}}\"}}},"
		"{\"name\":\"c\",\"type\":\"approval\",\"title\":\"t\",\"on_timeout\":\"reject\",\"on_reject\":\"goto:a\"},"
		"{\"name\":\"d\",\"type\":\"task\",\"task\":\"d\",\"when\":\"$\",\"requires_approval\":true,"
		"\"approval_config\":{\"when\":\"after\"},\"on_error\":\"continue\"},"
		"{\"name\":\"e\",\"type\":\"checkpoint\"}]}";
	HitlDefinition *definition;
	HitlFaults faults = {0};

	MUST(hitl_parse_definition(text, &fuzz_host, &definition, &faults) ==
		 HITL_OK);
	return definition;
}

void
must_be_json(const char *text)
{
	HitlArena arena;
	const HitlJson *value;

	if (text == NULL)
		return;
	hitl_arena_init(&arena);
	MUST(hitl_json_parse(&arena, text, strlen(text), HITL_JSON_COMPOSED, &value,
						 NULL) == HITL_OK);
	hitl_arena_free(&arena);
}

void
must_be_sound(const HitlEffects *effects)
{
	int i;

	for (i = 0; i < effects->count; i++)
	{
		const HitlEffect *effect = &effects->items[i];

		must_be_json(effect->body);
		must_be_json(effect->delta);
		must_be_json(effect->control);
		MUST((effect->control != NULL) ==
			 (effect->kind == HITL_EFFECT_CHECKPOINT));
		MUST(effect->delta == NULL || effect->kind == HITL_EFFECT_EVENT);
	}
}

HitlControl *
round_trip(const HitlDefinition *definition, HitlControl *control)
{
	HitlControl *again;
	char *first;
	char *second;

	MUST(hitl_dump_control(control, &first) == HITL_OK);
	must_be_json(first);
	MUST(hitl_parse_control(definition, first, &again, NULL) == HITL_OK);
	MUST(hitl_dump_control(again, &second) == HITL_OK);
	MUST(strcmp(first, second) == 0);
	free(first);
	free(second);
	hitl_free_control(control);
	return again;
}
