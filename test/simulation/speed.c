/*
 * speed.c
 *		What the core costs an engine per workflow: control state from text,
 *		five messages, control state to text; and parsing a definition.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/core.h"

#define ROUNDS 200000

static const char *const definition_text =
	"{\"name\":\"five\",\"steps\":["
	"{\"name\":\"a\",\"type\":\"task\",\"task\":\"do a\",\"context\":{\"x\":1}},"
	"{\"name\":\"b\",\"type\":\"task\",\"task\":\"do b\"},"
	"{\"name\":\"c\",\"type\":\"approval\",\"title\":\"may we?\",\"requested_from\":\"a@b.c\"}]}";

static const HitlMessage course[] =
	{{"start", NULL, 1, 0},
	 {"reply", "{\"token\":1,\"result\":{\"answer\":\"fine\"}}", 2, 0},
	 {"continue", NULL, 3, 0},
	 {"reply", "{\"token\":2,\"result\":{\"answer\":\"fine\"}}", 4, 0},
	 {"continue", NULL, 5, 0}};

static double
now_us(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

int
main(void)
{
	const HitlCoreApi *api = hitl_core_api();
	HitlDefinition *definition = NULL;
	HitlFaults faults = {0};
	double start = now_us();
	int i;
	size_t m;

	for (i = 0; i < ROUNDS / 10; i++)
	{
		api->free_definition(definition);
		if (api->parse_definition(definition_text, NULL, &definition,
								  &faults) != HITL_OK)
			return 1;
	}
	printf("definition of three steps: %.2f us\n",
		   (now_us() - start) / (ROUNDS / 10));

	start = now_us();
	for (i = 0; i < ROUNDS; i++)
	{
		HitlControl *control;
		HitlEffects effects = {0};
		char *text;

		if (api->parse_control(definition, NULL, &control, NULL) != HITL_OK)
			return 1;
		for (m = 0; m < sizeof(course) / sizeof(course[0]); m++)
		{
			if (api->advance(definition, control, &course[m], NULL, &effects) !=
				HITL_OK)
				return 1;
		}
		if (api->dump_control(control, &text) != HITL_OK)
			return 1;
		api->free_control(control);
		api->free_effects(&effects);
		if (api->parse_control(definition, text, &control, NULL) != HITL_OK)
			return 1;
		api->free_control(control);
		api->free_text(text);
	}
	printf("five messages, text of the control state and back: %.2f us\n",
		   (now_us() - start) / ROUNDS);
	api->free_definition(definition);
	return 0;
}
