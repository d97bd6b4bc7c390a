/*
 * fuzz_reply.c
 *		Any bytes as the body of an inference server's reply; the first byte
 *		says with which status, and in which format.
 */
#include "fuzz.h"

#include "core/inference.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const statuses[] = {"200", "201", "400", "429",
										   "500", "0",	 "-7",	"99999999999"};
	HitlArena arena;
	HitlBuffer buffer;
	const HitlJson *message;
	HitlReply reply;
	HitlJson text = {.type = HITL_JSON_STRING};
	HitlJson *body;

	if (size == 0)
		return 0;
	hitl_arena_init(&arena);
	hitl_buffer_init(&buffer, &arena);
	hitl_append_format(
		&buffer,
		"{\"token\":1,\"status\":%s,\"body\":\"\",\"provider\":\"%s\"}",
		statuses[data[0] % 8], data[0] / 8 % 2 == 0 ? "openai" : "anthropic");
	MUST(hitl_json_parse(&arena, hitl_buffer_text(&buffer), buffer.length, 0,
						 &message, NULL) == HITL_OK);
	MUST(hitl_check_reply(message) == NULL);

	/* The bytes may be no UTF-8, so they do not come through the message. */
	body = message->first->next->next;
	text.text = hitl_copy_text(&arena, (const char *) data + 1, size - 1);
	text.length = size - 1;
	body->text = text.text;
	body->length = text.length;
	hitl_read_reply(&arena, message, &reply);
	MUST((reply.result == NULL) == (reply.kind != NULL));
	MUST((reply.result == NULL) == (reply.message != NULL));
	must_be_json(reply.result);
	if (reply.message != NULL)
	{
		hitl_buffer_init(&buffer, &arena);
		hitl_json_write_string(&buffer, reply.message, strlen(reply.message));
		must_be_json(hitl_buffer_text(&buffer));
	}
	hitl_arena_free(&arena);
	return 0;
}
