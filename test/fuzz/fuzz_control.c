/*
 * fuzz_control.c
 *		Any text as control state; what is accepted goes on working, and can be
 *		returned to.
 */
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const HitlMessage messages[] =
		{{"approval", "{\"token\":1,\"outcome\":\"approved\"}", 1},
		 {"reply", "{\"token\":2,\"result\":{}}", 2},
		 {"continue", NULL, 3},
		 {"start", NULL, 4},
		 {"cancel", NULL, 5}};
	HitlDefinition *definition = rich_definition();
	HitlArena arena;
	HitlControl *control;
	HitlControl *rewound;
	HitlEffects effects = {0};
	HitlResult result;
	char *error;
	char *text;
	size_t i;

	hitl_arena_init(&arena);
	text = hitl_copy_text(&arena, (const char *) data, size);
	result = hitl_parse_control(definition, text, &control, &error);
	MUST(result == (error == NULL ? HITL_OK : HITL_INVALID));
	free(error);
	if (result == HITL_OK)
	{
		control = round_trip(definition, control);
		for (i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		{
			result = hitl_advance(definition, control, &messages[i], &fuzz_host,
								  &effects);
			MUST(result == HITL_OK || result == HITL_HOST_FAILED);
			control = round_trip(definition, control);
		}
		result = hitl_rewind(definition, control, text, NULL, &rewound, &effects);
		MUST(result == HITL_OK || result == HITL_INVALID);
		must_be_sound(&effects);
		if (result == HITL_OK)
		{
			rewound = round_trip(definition, rewound);
			hitl_free_control(rewound);
		}
		hitl_free_effects(&effects);
		hitl_free_control(control);
	}
	hitl_free_definition(definition);
	hitl_arena_free(&arena);
	return 0;
}
