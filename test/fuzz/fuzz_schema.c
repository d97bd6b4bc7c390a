/*
 * fuzz_schema.c
 *		Any text as a schema, and another as an instance; the first as the
 *		fields of a form, too.  The input is the schema, a NUL, and the
 *		instance.
 */
#include "fuzz.h"

#include "core/schema.h"

static HitlQueryResult
match(void *context, const char *pattern, const char *subject, size_t length,
	  const char **text)
{
	size_t sum = strlen(pattern) + length;

	(void) context;
	if (subject == NULL)
	{
		*text = "no pattern";
		return sum % 5 == 0 ? HITL_QUERY_FAULTY : HITL_QUERY_FOUND;
	}
	MUST(strlen(subject) == length);
	return sum % 2 == 0 ? HITL_QUERY_FOUND : HITL_QUERY_EMPTY;
}

static const HitlHost host = {.match = match};

/* Must be a text that a server can show, and be there. */
static void
must_be_shown(const char *text)
{
	MUST(text != NULL);
	must_be_text(text);
}

static void
must_be_told(HitlResult result, HitlFaults *faults)
{
	int i;

	MUST(result == HITL_OK || result == HITL_INVALID);
	MUST((faults->count > 0) == (result == HITL_INVALID));
	for (i = 0; i < faults->count; i++)
	{
		must_be_shown(faults->items[i].pointer);
		must_be_shown(faults->items[i].message);
	}
	hitl_free_faults(faults);
}

static void
validate(const HitlSchema *schema, const char *instance)
{
	HitlViolations violations;
	HitlResult result = hitl_validate(schema, instance, &host, &violations);
	int i;

	MUST(result == HITL_OK || result == HITL_INVALID);
	MUST((violations.count > 0) == (result == HITL_INVALID));
	for (i = 0; i < violations.count; i++)
	{
		must_be_shown(violations.items[i].pointer);
		must_be_shown(violations.items[i].keyword);
		must_be_shown(violations.items[i].message);
	}
	hitl_free_violations(&violations);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const types[] = {"form", "budget"};
	HitlArena arena;
	HitlFaults faults = {0};
	HitlSchema *schema;
	char *input;
	char *instance;
	char *text;
	char *ui;
	int i;

	hitl_arena_init(&arena);
	input = hitl_copy_text(&arena, (const char *) data, size);
	instance = strlen(input) < size ? input + strlen(input) + 1 : input;
	must_be_told(hitl_parse_schema(input, &host, &schema, &faults), &faults);
	if (schema != NULL)
		validate(schema, instance);
	hitl_free_schema(schema);

	for (i = 0; i < 2; i++)
	{
		must_be_told(hitl_build_form(types[i], i == 0 ? input : NULL,
									 i == 0 ? NULL : instance, &text, &ui,
									 &faults),
					 &faults);
		must_be_json(ui);
		if (text == NULL)
			continue;
		MUST(hitl_parse_schema(text, NULL, &schema, &faults) == HITL_OK);
		validate(schema, instance);
		hitl_free_schema(schema);
		free(text);
		free(ui);
	}
	hitl_arena_free(&arena);
	return 0;
}
