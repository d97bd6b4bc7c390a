/*
 * fuzz_template.c
 *		Any text as a template, in a title and in a context; then any match.
 *		The input is the template, a NUL, and the text of the match.
 */
#include "fuzz.h"

static HitlQueryResult
query(void *context, int64_t scope, const char *path, const char **text)
{
	(void) scope;
	(void) path;
	*text = context;
	return HITL_QUERY_FOUND;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	HitlArena arena;
	HitlBuffer buffer;
	HitlFaults faults = {0};
	HitlDefinition *definition;
	HitlHost host = {.query = query};
	char *input;

	hitl_arena_init(&arena);
	input = hitl_copy_text(&arena, (const char *) data, size);
	host.context = strlen(input) < size ? input + strlen(input) + 1 : "1";
	hitl_buffer_init(&buffer, &arena);
	hitl_append_text(&buffer,
					 "{\"steps\":[{\"name\":\"s\",\"type\":\"task\",\"task\":");
	hitl_json_write_string(&buffer, input, strlen(input));
	hitl_append_text(&buffer, ",\"context\":{\"a\":[");
	hitl_json_write_string(&buffer, input, strlen(input));
	hitl_append_text(&buffer, "]}}]}");
	if (hitl_parse_definition(hitl_buffer_text(&buffer), NULL, &definition,
							  &faults) == HITL_OK)
	{
		HitlControl *control;
		HitlEffects effects = {0};
		HitlMessage message = {"start", NULL, 1, 0};

		MUST(hitl_parse_control(definition, NULL, &control, NULL) == HITL_OK);
		MUST(hitl_advance(definition, control, &message, &host, &effects) ==
			 HITL_OK);
		must_be_sound(&effects);
		hitl_free_effects(&effects);
		hitl_free_control(control);
	}
	hitl_free_faults(&faults);
	hitl_free_definition(definition);
	hitl_arena_free(&arena);
	return 0;
}
