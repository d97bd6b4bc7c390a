/*
 * fuzz_definition.c
 *		Any text as a definition; what is accepted can be started.
 */
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	HitlArena arena;
	HitlFaults faults = {0};
	HitlDefinition *definition;
	char *text;
	HitlResult result;
	int i;

	hitl_arena_init(&arena);
	text = hitl_copy_text(&arena, (const char *) data, size);
	result = hitl_parse_definition(text, &fuzz_host, &definition, &faults);
	MUST(result == HITL_OK || result == HITL_INVALID);
	MUST((result == HITL_OK) == (faults.count == 0));
	for (i = 0; i < faults.count; i++)
		MUST(faults.items[i].pointer != NULL &&
			 faults.items[i].message[0] != '\0');
	if (result == HITL_OK)
	{
		HitlControl *control;
		HitlEffects effects = {0};
		HitlMessage message = {"start", NULL, 1, 0};

		MUST(hitl_parse_control(definition, NULL, &control, NULL) == HITL_OK);
		for (i = 0; i < 20; i++)
		{
			result = hitl_advance(definition, control, &message, &fuzz_host,
								  &effects);
			MUST(result == HITL_OK || result == HITL_HOST_FAILED);
			must_be_sound(&effects);
			control = round_trip(definition, control);
			if (!effects.more)
				break;
			message.kind = "continue";
		}
		hitl_free_effects(&effects);
		hitl_free_control(control);
		forget_branches();
	}
	hitl_free_faults(&faults);
	hitl_free_definition(definition);
	hitl_arena_free(&arena);
	return 0;
}
