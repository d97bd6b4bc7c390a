/*
 * anthropic.c
 *		Anthropic's Messages.
 */
#include "core/internal.h"

#include <string.h>

/* A request must say how long the answer may become. */
#define DEFAULT_MAX_TOKENS 4096

static void write_request(HitlBuffer *request, const HitlJson *parameters,
						  const HitlPrompt *prompt);
static bool read_message(HitlArena *arena, const HitlJson *document,
						 HitlCompletion *completion, HitlReply *reply);
static void read_usage(const HitlJson *usage, HitlCompletion *completion);
static HitlStop stop_of(const HitlJson *document, bool tool);
static bool is_text(const HitlJson *value, const char *text);

const HitlWireFormat hitl_anthropic_format = {.provider = "anthropic",
											  .answer = "message",
											  .write = write_request,
											  .read = read_message};

/*
 * Write a request.  Instructions are no message, and must not be empty.
 */
static void
write_request(HitlBuffer *request, const HitlJson *parameters,
			  const HitlPrompt *prompt)
{
	/* What the request itself decides; a streamed reply could not be read. */
	static const char *const own[] = {"max_tokens", "model",  "system",
									  "messages",	"stream", NULL};
	const HitlJson *most = hitl_json_member(parameters, "max_tokens");
	bool limited = most != NULL && most->type != HITL_JSON_NULL;

	/* The first one only where the parameters do not say it. */
	hitl_write_parameters(request, parameters, limited ? own + 1 : own);
	if (!limited)
		hitl_append_format(request, "\"max_tokens\":%d,", DEFAULT_MAX_TOKENS);
	if (prompt->instructions_length > 0)
	{
		hitl_append_text(request, "\"system\":");
		hitl_json_write_string(request, prompt->instructions,
							   prompt->instructions_length);
		hitl_append_char(request, ',');
	}
	hitl_append_text(request, "\"messages\":[{\"role\":\"user\",\"content\":");
	hitl_json_write_string(request, prompt->text, prompt->length);
	hitl_append_text(request, "}]");
}

/*
 * Read a message; false if it is none.  Its answer is in the blocks of text;
 * others tell what the model thought, or which tools it wants.
 */
static bool
read_message(HitlArena *arena, const HitlJson *document,
			 HitlCompletion *completion, HitlReply *reply)
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
	read_usage(hitl_json_member(document, "usage"), completion);
	hitl_explain_stop(reply, stop_of(document, tool), completion->length == 0);
	return true;
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
	if (tool || is_text(reason, "tool_use") || is_text(reason, "pause_turn"))
		return HITL_STOP_TOOL;
	if (is_text(reason, "max_tokens") ||
		is_text(reason, "model_context_window_exceeded"))
		return HITL_STOP_LENGTH;
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
