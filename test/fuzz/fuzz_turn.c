/*
 * fuzz_turn.c
 *		Any bytes as the body of an inference server's reply to an agent, and as
 *		a text in which calls and SQL are looked for; what comes of them goes
 *		into the next request.  The first byte says in which format.
 */
#include "fuzz.h"

#include "core/inference.h"

static void check_turn(const HitlTurn *turn);
static void continue_with(const HitlTurn *turn);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	HitlArena arena;
	HitlBuffer buffer;
	const HitlJson *message;
	HitlTurn turn;
	HitlReply reply;

	if (size == 0)
		return 0;
	hitl_arena_init(&arena);
	message = reply_with_body(&arena, "200",
							  data[0] % 2 == 0 ? "openai" : "anthropic",
							  data + 1, size - 1);
	if (hitl_read_turn(&arena, message, &turn, &reply))
	{
		MUST(reply.kind == NULL);
		check_turn(&turn);
		must_be_text(hitl_find_code(&arena, &turn));
		hitl_find_calls(&arena, &turn);
		check_turn(&turn);
		continue_with(&turn);
	}
	else
	{
		MUST(reply.kind != NULL && reply.message != NULL);
		must_be_text(reply.message);
	}

	/* The same bytes as a text, which is always UTF-8. */
	hitl_buffer_init(&buffer, &arena);
	hitl_append_char(&buffer, '"');
	for (size_t i = 1; i < size; i++)
	{
		if (data[i] == '\n')
			hitl_append_text(&buffer, "\\n");
		else if (data[i] == '"' || data[i] == '\\')
			hitl_append_format(&buffer, "\\%c", data[i]);
		else if (data[i] >= ' ')
			hitl_append_char(&buffer, (char) data[i]);
	}
	hitl_append_char(&buffer, '"');
	MUST(hitl_json_parse(&arena, hitl_buffer_text(&buffer), buffer.length,
						 HITL_JSON_LENIENT, &message, NULL) == HITL_OK);
	memset(&turn, 0, sizeof(turn));
	turn.text = message->text;
	turn.length = message->length;
	turn.stop = data[0] % 4 < 2 ? HITL_STOP_ENDED : HITL_STOP_LENGTH;
	must_be_text(hitl_find_code(&arena, &turn));
	hitl_find_calls(&arena, &turn);
	check_turn(&turn);
	continue_with(&turn);
	MUST(!arena.failed);
	hitl_arena_free(&arena);
	return 0;
}

/*
 * What must hold for every turn.
 */
static void
check_turn(const HitlTurn *turn)
{
	int i;

	MUST(strlen(turn->text) == turn->length);
	must_be_text(turn->text);
	must_be_text(turn->model);
	for (i = 0; i < turn->ncalls; i++)
	{
		const HitlToolCall *call = &turn->calls[i];

		MUST((call->arguments == NULL) == (call->fault != NULL));
		MUST(call->arguments == NULL || call->arguments[0] == '{');
		MUST(call->fault != NULL || call->name[0] != '\0');
		must_be_json(call->arguments);
		must_be_text(call->id);
		must_be_text(call->name);
		must_be_text(call->fault);
	}
}

/*
 * A conversation in which the model says this twice.
 */
static void
continue_with(const HitlTurn *turn)
{
	static const char *const providers[] = {"openai", "anthropic"};
	HitlArena arena;
	HitlBuffer messages;
	char *body;
	int i;
	int j;

	hitl_arena_init(&arena);
	hitl_buffer_init(&messages, &arena);
	hitl_append_text(&messages, "[{\"role\":\"user\",\"text\":\"t\"}");
	for (i = 0; i < 2; i++)
	{
		hitl_append_text(&messages, ",{\"role\":\"assistant\",\"text\":");
		hitl_json_write_string(&messages, turn->text, turn->length);
		hitl_append_text(&messages, ",\"calls\":[");
		for (j = 0; j < turn->ncalls; j++)
		{
			const HitlToolCall *call = &turn->calls[j];

			hitl_append_text(&messages, j > 0 ? ",{" : "{");
			hitl_json_write_member(&messages, "id", call->id);
			hitl_json_write_member(&messages, "name", call->name);
			hitl_append_text(&messages, ",\"arguments\":");
			hitl_append_text(&messages,
							 call->arguments == NULL ? "{}" : call->arguments);
			hitl_append_char(&messages, '}');
		}
		hitl_append_text(&messages, "]}");
		for (j = 0; j < turn->ncalls; j += 2)
		{
			hitl_append_text(&messages, ",{\"role\":\"tool\",\"text\":\"7\"");
			hitl_json_write_member(&messages, "call", turn->calls[j].id);
			hitl_append_char(&messages, '}');
		}
	}
	hitl_append_char(&messages, ']');
	for (i = 0; i < 2; i++)
	{
		MUST(hitl_build_conversation(providers[i], "m", NULL, "{}",
									 hitl_buffer_text(&messages), i == 0, &body,
									 NULL) == HITL_OK);
		must_be_json(body);
		free(body);
	}
	hitl_arena_free(&arena);
}
