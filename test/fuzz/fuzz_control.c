/*
 * fuzz_control.c
 *		Any text as control state; what is accepted goes on working, and can be
 *		returned to.  Lines after the first are texts of branches, from 1 on.
 */
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const HitlMessage messages[] =
		{{"approval", "{\"token\":1,\"outcome\":\"approved\"}", 1, 0},
		 {"reply", "{\"token\":2,\"result\":{}}", 2, 0},
		 {"continue", NULL, 3, 0},
		 {"timer", "{\"token\":3}", 3, 0},
		 {"reply", "{\"token\":268435459,\"result\":{}}", 3, 0},
		 {"continue", NULL, 3, 0},
		 {"start", NULL, 4, 0},
		 {"pause", NULL, 4, 0},
		 {"resume", NULL, 4, 0},
		 {"continue", NULL, 4, 0},
		 {"skip", "{\"step\":\"p\"}", 4, 0},
		 {"retry", NULL, 4, 0},
		 {"continue", NULL, 4, 0},
		 {"cancel", NULL, 5, 0}};
	HitlDefinition *definition = rich_definition();
	HitlArena arena;
	HitlControl *control;
	HitlControl *rewound;
	HitlEffects effects = {0};
	HitlResult result;
	char *error;
	char *text;
	char *line;
	char *next;
	int64_t branch = 0;
	size_t i;

	hitl_arena_init(&arena);
	text = hitl_copy_text(&arena, (const char *) data, size);
	for (line = strchr(text, '\n'); line != NULL; line = next)
	{
		*line++ = '\0';
		next = strchr(line, '\n');
		if (next != NULL)
			*next = '\0';
		set_branch(++branch, line);
		if (next != NULL)
			*next = '\n';
	}
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
			MUST(result != HITL_NO_MEMORY);
			control = round_trip(definition, control);
		}
		result = hitl_rewind(definition, control, text, NULL, &fuzz_host,
							 &rewound, &effects);
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
	forget_branches();
	hitl_free_definition(definition);
	hitl_arena_free(&arena);
	return 0;
}
