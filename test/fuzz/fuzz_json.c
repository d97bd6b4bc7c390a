/*
 * fuzz_json.c
 *		The JSON reader against jansson: they accept the same documents and see
 *		the same in them; and what is written is read back.
 */
#include "fuzz.h"

#include <jansson.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *) data;
	HitlArena arena;
	HitlBuffer buffer;
	const HitlJson *value;
	HitlJsonError error;
	HitlResult result;
	json_error_t json_error;
	json_t *theirs = NULL;
	bool compare = memchr(text, '\0', size) == NULL;

	/* To jansson, a NUL is the end. */
	if (compare)
		theirs = json_loadb(text, size, JSON_DECODE_ANY, &json_error);
	hitl_arena_init(&arena);
	result = hitl_json_parse(&arena, text, size, 0, &value, &error);
	if (result == HITL_OK)
	{
		hitl_buffer_init(&buffer, &arena);
		hitl_json_write(&buffer, value);
		must_be_json(hitl_buffer_text(&buffer));
		if (theirs != NULL)
		{
			json_t *again = json_loads(buffer.data, JSON_DECODE_ANY, NULL);

			MUST(again != NULL && json_equal(theirs, again));
			json_decref(again);
		}
		else if (compare)
			MUST(json_error_code(&json_error) == json_error_numeric_overflow);
	}
	else
	{
		MUST(error.offset <= size);
		MUST(theirs == NULL ||
			 strcmp(error.message, "the number is out of range") == 0 ||
			 strcmp(error.message, "nested too deeply") == 0);
	}
	json_decref(theirs);

	/* What is accepted with a blind eye is clean afterwards. */
	if (hitl_json_parse(&arena, text, size, HITL_JSON_LENIENT, &value, NULL) ==
		HITL_OK)
	{
		hitl_buffer_init(&buffer, &arena);
		hitl_json_write(&buffer, value);
		must_be_json(hitl_buffer_text(&buffer));
	}
	hitl_arena_free(&arena);
	return 0;
}
