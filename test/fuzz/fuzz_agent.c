/*
 * fuzz_agent.c
 *		A run of an agent.  The first line has its settings, and where these
 *		are faulty others stand for them; the next ones are a letter for what
 *		comes, then the members of the message beside its token, which is that
 *		of what was asked for last, or first if the letter is a capital one.
 */
#include "fuzz.h"

#include <ctype.h>

#include "core/agent.h"

#define MAX_AWAITED 64

/* The run under way, as its host sees it. */
static const char *settings;
static HitlArena memory;
static HitlBuffer messages; /* JSON texts, a comma after each */
static int64_t awaited[MAX_AWAITED];
static int nawaited;
static char *pinned;

/*
 * Settings that a host could have kept.
 */
static const char *
choose_settings(const char *line)
{
	HitlFaults faults = {0};
	HitlResult result = hitl_check_agent(line, &fuzz_host, &faults);

	MUST(result == HITL_OK || result == HITL_INVALID);
	MUST((result == HITL_INVALID) == (faults.count > 0));
	hitl_free_faults(&faults);
	return result == HITL_OK ? line : usual_agent;
}

/*
 * A request can be written of every memory.
 */
static void
must_be_said(void)
{
	static const char *const providers[] = {"openai", "anthropic"};
	HitlBuffer list;
	int i;

	hitl_buffer_init(&list, &memory);
	hitl_append_char(&list, '[');
	if (messages.length > 0)
		hitl_append(&list, messages.data, messages.length - 1);
	hitl_append_char(&list, ']');
	for (i = 0; i < 2; i++)
	{
		char *body;

		MUST(hitl_build_conversation(providers[i], "m", NULL, settings,
									 hitl_buffer_text(&list), i == 0, &body,
									 NULL) == HITL_OK);
		must_be_json(body);
		free(body);
	}
}

/*
 * Take note of what a message has brought about.
 */
static void
collect(const HitlEffects *effects, int first)
{
	int i;

	for (i = first; i < effects->count; i++)
	{
		const HitlEffect *effect = &effects->items[i];

		if (effect->kind == HITL_EFFECT_EVENT &&
			strncmp(effect->type, "agent_", 6) == 0)
		{
			hitl_append_text(&messages, effect->body);
			hitl_append_char(&messages, ',');
		}
		else if (effect->kind == HITL_EFFECT_CHECKPOINT)
		{
			free(pinned);
			pinned = strdup(effect->control);
		}
		else if (effect->kind == HITL_EFFECT_RUN_TASK)
			must_be_said();
		if (effect->token != 0 && effect->kind != HITL_EFFECT_WITHDRAW &&
			nawaited < MAX_AWAITED)
			awaited[nawaited++] = effect->token;
	}
}

/*
 * The body of a message: a token, and the members that the line has.
 */
static const char *
write_body(const char *line)
{
	bool first = isupper((unsigned char) line[0]);
	HitlBuffer body;

	hitl_buffer_init(&body, &memory);
	hitl_append_format(&body, "{\"token\":%lld",
					   nawaited == 0
						   ? 1LL
						   : (long long) awaited[first ? 0 : nawaited - 1]);
	if (line[1] != '\0')
		hitl_append_char(&body, ',');
	hitl_append_text(&body, line + 1);
	hitl_append_char(&body, '}');
	return hitl_buffer_text(&body);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const text =
		"{\"steps\":[{\"name\":\"a\",\"type\":\"task\",\"task\":\"t\",\"agent\":\"g\"}]}";
	HitlHost host = fuzz_host;
	HitlFaults faults = {0};
	HitlDefinition *definition;
	HitlControl *control;
	HitlControl *rewound;
	HitlEffects effects = {0};
	char *line;
	char *save = NULL;
	int lines = 0;

	hitl_arena_init(&memory);
	hitl_buffer_init(&messages, &memory);
	nawaited = 0;
	pinned = NULL;
	line = hitl_copy_text(&memory, (const char *) data, size);
	line = strtok_r(line, "\n", &save);
	settings = choose_settings(line == NULL ? "" : line);
	host.context = (void *) settings;
	MUST(hitl_parse_definition(text, &host, &definition, &faults) == HITL_OK);
	MUST(hitl_parse_control(definition, NULL, &control, NULL) == HITL_OK);
	while ((line = strtok_r(NULL, "\n", &save)) != NULL && lines++ < 30)
	{
		HitlMessage message = {kind_of(tolower((unsigned char) line[0])),
							   write_body(line), lines * 1000000, 0};
		int before = effects.count;
		HitlResult result;

		if (line[0] == 'W')
		{
			if (pinned != NULL &&
				hitl_rewind(definition, control, pinned, "why", &host, &rewound,
							&effects) == HITL_OK)
			{
				hitl_free_control(control);
				control = round_trip(definition, rewound);
			}
			continue;
		}
		result = hitl_advance(definition, control, &message, &host, &effects);
		MUST(result == HITL_OK || result == HITL_INVALID);
		MUST(result == HITL_OK || effects.count == before);
		must_be_sound(&effects);
		collect(&effects, before);
		control = round_trip(definition, control);
	}
	forget_branches();
	free(pinned);
	hitl_free_effects(&effects);
	hitl_free_control(control);
	hitl_free_definition(definition);
	hitl_arena_free(&memory);
	return 0;
}
