/*
 * fuzz_advance.c
 *		A course of messages.  The input is lines: a letter for the kind, then
 *		the body; w takes the control state as a checkpoint, W returns to it.
 *		Joins are answered as a host answers them.
 */
#include "fuzz.h"

/*
 * Answer the joins among the effects from number first on, and those that
 * follow from that.
 */
static HitlControl *
answer_joins(const HitlDefinition *definition, HitlControl *control,
			 HitlEffects *effects, int first)
{
	for (; first < effects->count; first++)
	{
		const HitlEffect *effect = &effects->items[first];
		HitlArena arena;
		HitlBuffer body;
		HitlMessage message = {"reply", NULL, 50, 0};
		int64_t i;

		if (effect->kind != HITL_EFFECT_JOIN)
			continue;
		hitl_arena_init(&arena);
		hitl_buffer_init(&body, &arena);
		hitl_append_format(&body, "{\"token\":%lld,\"result\":[",
						   (long long) effect->token);
		for (i = 0; i < effect->count; i++)
			hitl_append_text(&body, i > 0 ? ",null" : "\"completed\"");
		hitl_append_text(&body, "]}");
		message.body = hitl_buffer_text(&body);
		MUST(hitl_advance(definition, control, &message, &fuzz_host, effects) ==
			 HITL_OK);
		control = round_trip(definition, control);
		hitl_arena_free(&arena);
	}
	return control;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	HitlDefinition *definition = rich_definition();
	HitlArena arena;
	HitlControl *control;
	HitlEffects effects = {0};
	char *pinned = NULL;
	char *line;
	char *save = NULL;
	int lines = 0;

	hitl_arena_init(&arena);
	line = hitl_copy_text(&arena, (const char *) data, size);
	MUST(hitl_parse_control(definition, NULL, &control, NULL) == HITL_OK);
	for (line = strtok_r(line, "\n", &save); line != NULL && lines++ < 40;
		 line = strtok_r(NULL, "\n", &save))
	{
		HitlMessage message = {kind_of(line[0]),
							   line[1] == '\0' ? NULL : line + 1, lines, 0};
		int before = effects.count;
		HitlControl *rewound;
		HitlResult result;

		if (line[0] == 'w')
		{
			free(pinned);
			MUST(hitl_dump_control(control, &pinned) == HITL_OK);
			continue;
		}
		if (line[0] == 'W')
		{
			if (pinned != NULL &&
				hitl_rewind(definition, control, pinned, NULL, &fuzz_host,
							&rewound, &effects) == HITL_OK)
			{
				hitl_free_control(control);
				control = rewound;
			}
			continue;
		}
		result = hitl_advance(definition, control, &message, &fuzz_host,
							  &effects);
		MUST(result != HITL_NO_MEMORY);
		MUST(result == HITL_OK || effects.count == before);
		MUST((result == HITL_INVALID) == (effects.error != NULL));
		must_be_sound(&effects);
		control = round_trip(definition, control);
		control = answer_joins(definition, control, &effects, before);
	}
	forget_branches();
	free(pinned);
	hitl_free_effects(&effects);
	hitl_free_control(control);
	hitl_free_definition(definition);
	hitl_arena_free(&arena);
	return 0;
}
