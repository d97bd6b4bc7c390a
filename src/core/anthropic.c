/*
 * anthropic.c
 *		Anthropic's Messages.
 */
#include "core/inference.h"

#include <string.h>

/* A request must say how long the answer may become. */
#define DEFAULT_MAX_TOKENS 4096

static void write_request(HitlBuffer *request, const HitlJson *parameters,
						  const HitlConversation *conversation);
static void write_own(HitlBuffer *request, const HitlJson *parameters,
					  bool tools);
static void write_offers(HitlBuffer *request,
						 const HitlConversation *conversation);
static void write_said(HitlBuffer *request, const HitlSaid *said);
static int write_results(HitlBuffer *request,
						 const HitlConversation *conversation, int first);
static void write_text(HitlBuffer *request, const HitlSaid *said);
static bool read_message(HitlArena *arena, const HitlJson *document,
						 HitlCompletion *completion);
static void read_calls(HitlArena *arena, const HitlJson *document,
					   HitlTurn *turn);
static void read_usage(const HitlJson *usage, HitlCompletion *completion);
static HitlStop stop_of(const HitlJson *document, bool tool);
static bool is_text(const HitlJson *value, const char *text);

const HitlWireFormat hitl_anthropic_format = {.provider = "anthropic",
											  .answer = "message",
											  .plain_ids = true,
											  .write = write_request,
											  .read = read_message,
											  .read_calls = read_calls};

/*
 * Write a request.  Instructions are no message, and must not be empty.
 */
static void
write_request(HitlBuffer *request, const HitlJson *parameters,
			  const HitlConversation *conversation)
{
	int i;

	write_own(request, parameters, conversation->noffers > 0);
	if (conversation->instructions_length > 0)
	{
		hitl_append_text(request, "\"system\":");
		hitl_json_write_string(request, conversation->instructions,
							   conversation->instructions_length);
		hitl_append_char(request, ',');
	}
	write_offers(request, conversation);
	hitl_append_text(request, "\"messages\":[");
	for (i = 0; i < conversation->nsaid;)
	{
		const HitlSaid *said = &conversation->said[i];

		if (i > 0)
			hitl_append_char(request, ',');
		if (said->role == HITL_ROLE_TOOL)
			i += write_results(request, conversation, i);
		else
		{
			write_said(request, said);
			i++;
		}
	}
	hitl_append_char(request, ']');
}

/*
 * Write the parameters, but for what the request itself decides; a streamed
 * reply could not be read.
 *
 * What a model thinks before a call would have to be sent back with it, but
 * conversations do not keep it.
 */
static void
write_own(HitlBuffer *request, const HitlJson *parameters, bool tools)
{
	const char *own[9] = {"model",	"system", "messages",
						  "stream", "tools",  "tool_choice"};
	bool limited = hitl_json_stated(parameters, "max_tokens") != NULL;
	int count = 6;

	if (tools)
		own[count++] = "thinking";
	if (!limited)
		own[count++] = "max_tokens";
	hitl_write_parameters(request, parameters, own);
	if (!limited)
		hitl_append_format(request, "\"max_tokens\":%d,", DEFAULT_MAX_TOKENS);
}

/*
 * Write what is offered.  A conversation with calls must come with the tools
 * even when none may be called; and to leave them out would spoil the cache.
 */
static void
write_offers(HitlBuffer *request, const HitlConversation *conversation)
{
	int i;

	if (conversation->noffers == 0)
		return;
	hitl_append_text(request, "\"tools\":[");
	for (i = 0; i < conversation->noffers; i++)
	{
		const HitlOffer *offer = &conversation->offers[i];

		hitl_append_text(request, i > 0 ? ",{" : "{");
		hitl_json_write_member(request, "name", offer->name);
		if (offer->description != NULL)
			hitl_json_write_member(request, "description", offer->description);
		hitl_json_write_key(request, "input_schema");
		hitl_append_text(request, offer->parameters);
		hitl_append_char(request, '}');
	}
	hitl_append_text(request, "],");
	if (!conversation->may_call)
		hitl_append_text(request, "\"tool_choice\":{\"type\":\"none\"},");
}

/*
 * Write the message of a user or assistant.
 */
static void
write_said(HitlBuffer *request, const HitlSaid *said)
{
	int i;

	hitl_append_format(request, "{\"role\":\"%s\",\"content\":",
					   said->role == HITL_ROLE_USER ? "user" : "assistant");
	if (said->ncalls == 0)
	{
		hitl_json_write_string(request, said->text, said->length);
		hitl_append_char(request, '}');
		return;
	}
	hitl_append_char(request, '[');
	if (said->length > 0)
		write_text(request, said);
	for (i = 0; i < said->ncalls; i++)
	{
		const HitlToolCall *call = &said->calls[i];

		if (i > 0 || said->length > 0)
			hitl_append_char(request, ',');
		hitl_append_text(request, "{\"type\":\"tool_use\"");
		hitl_json_write_member(request, "id", call->id);
		hitl_json_write_member(request, "name", call->name);
		hitl_json_write_key(request, "input");
		hitl_append_text(request, call->arguments);
		hitl_append_char(request, '}');
	}
	hitl_append_text(request, "]}");
}

/*
 * Write the message that begins with the result of a tool: others follow it,
 * and what a user says after them.  The answer is how many messages of the
 * conversation these are.
 */
static int
write_results(HitlBuffer *request, const HitlConversation *conversation,
			  int first)
{
	int i;

	hitl_append_text(request, "{\"role\":\"user\",\"content\":[");
	for (i = first; i < conversation->nsaid &&
		 conversation->said[i].role != HITL_ROLE_ASSISTANT;
		 i++)
	{
		const HitlSaid *said = &conversation->said[i];

		if (i > first)
			hitl_append_char(request, ',');
		if (said->role == HITL_ROLE_USER)
		{
			write_text(request, said);
			continue;
		}
		hitl_append_text(request, "{\"type\":\"tool_result\"");
		hitl_json_write_member(request, "tool_use_id", said->call);
		if (said->length > 0)
		{
			hitl_json_write_key(request, "content");
			hitl_json_write_string(request, said->text, said->length);
		}
		if (said->failed)
			hitl_append_text(request, ",\"is_error\":true");
		hitl_append_char(request, '}');
	}
	hitl_append_text(request, "]}");
	return i - first;
}

/*
 * Write a block of text.
 */
static void
write_text(HitlBuffer *request, const HitlSaid *said)
{
	hitl_append_text(request, "{\"type\":\"text\",\"text\":");
	hitl_json_write_string(request, said->text, said->length);
	hitl_append_char(request, '}');
}

/*
 * Read a message; false if it is none.  Its answer is in the blocks of text;
 * others tell what the model thought, or which tools it wants.
 */
static bool
read_message(HitlArena *arena, const HitlJson *document,
			 HitlCompletion *completion)
{
	const HitlJson *content = hitl_json_member(document, "content");
	const HitlJson *block;
	HitlBuffer text;
	bool tool = false;

	if (content == NULL || content->type != HITL_JSON_ARRAY)
		return false;
	hitl_buffer_init(&text, arena);
	for (block = content->first; block != NULL; block = block->next)
	{
		const HitlJson *type = hitl_json_member(block, "type");
		const HitlJson *piece = hitl_json_member(block, "text");

		tool |= is_text(type, "tool_use");
		if (is_text(type, "text") && piece != NULL &&
			piece->type == HITL_JSON_STRING)
			hitl_append(&text, piece->text, piece->length);
	}
	completion->content = hitl_buffer_text(&text);
	completion->length = text.length;
	completion->stop = stop_of(document, tool);
	read_usage(hitl_json_member(document, "usage"), completion);
	return true;
}

/*
 * Add the calls of a message to a turn.  One at the end of a message that was
 * cut may lack something.
 */
static void
read_calls(HitlArena *arena, const HitlJson *document, HitlTurn *turn)
{
	const HitlJson *block = hitl_json_member(document, "content")->first;

	for (; block != NULL; block = block->next)
	{
		if (is_text(hitl_json_member(block, "type"), "tool_use"))
			hitl_add_call(arena, turn, hitl_json_member(block, "id"),
						  hitl_json_member(block, "name"),
						  hitl_json_member(block, "input"),
						  turn->stop == HITL_STOP_LENGTH &&
							  block->next == NULL);
	}
}

/*
 * What is read from a cache, or written into it, is told apart from the other
 * input.
 */
static void
read_usage(const HitlJson *usage, HitlCompletion *completion)
{
	static const char *const cached[] = {"cache_creation_input_tokens",
										 "cache_read_input_tokens", NULL};
	const char *const *name;

	completion->input_tokens = hitl_read_tokens(usage, "input_tokens");
	completion->output_tokens = hitl_read_tokens(usage, "output_tokens");
	for (name = cached; completion->input_tokens >= 0 && *name != NULL; name++)
	{
		int64_t tokens = hitl_read_tokens(usage, *name);

		if (tokens > 0)
			completion->input_tokens += tokens;
	}
	if (completion->input_tokens >= 0 && completion->output_tokens >= 0)
		completion->total_tokens = completion->input_tokens +
			completion->output_tokens;
}

/*
 * How it ended.
 */
static HitlStop
stop_of(const HitlJson *document, bool tool)
{
	const HitlJson *reason = hitl_json_member(document, "stop_reason");

	if (is_text(reason, "refusal"))
		return HITL_STOP_REFUSED;
	if (is_text(reason, "max_tokens") ||
		is_text(reason, "model_context_window_exceeded"))
		return HITL_STOP_LENGTH;
	if (tool || is_text(reason, "tool_use") || is_text(reason, "pause_turn"))
		return HITL_STOP_TOOL;
	return HITL_STOP_ENDED;
}

/*
 * Is it this text?
 */
static bool
is_text(const HitlJson *value, const char *text)
{
	return value != NULL && value->type == HITL_JSON_STRING &&
		strcmp(value->text, text) == 0;
}
