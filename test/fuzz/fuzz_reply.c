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
	const HitlJson *message;
	HitlReply reply;

	if (size == 0)
		return 0;
	hitl_arena_init(&arena);
	message = reply_with_body(&arena, statuses[data[0] % 8],
							  data[0] / 8 % 2 == 0 ? "openai" : "anthropic",
							  data + 1, size - 1);
	hitl_read_reply(&arena, message, &reply);
	MUST((reply.result == NULL) == (reply.kind != NULL));
	MUST((reply.result == NULL) == (reply.message != NULL));
	must_be_json(reply.result);
	must_be_text(reply.message);
	hitl_arena_free(&arena);
	return 0;
}
