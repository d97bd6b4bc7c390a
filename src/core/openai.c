/*
 * openai.c
 *		OpenAI's chat completions, as many servers offer them.
 *
 * Servers differ, so reading is lenient: usage may be missing, content may be
 * null or a list of parts, and finish_reason decides nothing, except how an
 * empty answer is explained, and that one which was withheld is none.
 */
#include "core/internal.h"

#include <string.h>

static void write_request(HitlBuffer *request, const HitlJson *parameters,
						  const HitlPrompt *prompt);
static bool read_completion(HitlArena *arena, const HitlJson *document,
							HitlCompletion *completion, HitlReply *reply);
static const char *read_content(HitlArena *arena, const HitlJson *content,
								size_t *length);
static HitlStop stop_of(const HitlJson *choice, const HitlJson *message);

const HitlWireFormat hitl_openai_format = {.provider = "openai",
										   .answer = "chat completion",
										   .write = write_request,
										   .read = read_completion};

/*
 * Write a request.
 */
static void
write_request(HitlBuffer *request, const HitlJson *parameters,
			  const HitlPrompt *prompt)
{
	/* What the request itself decides; a streamed reply could not be read. */
	static const char *const own[] = {"model",			"messages", "stream",
									  "stream_options", "n",		NULL};

	hitl_write_parameters(request, parameters, own);
	hitl_append_text(request,
					 "\"messages\":[{\"role\":\"system\",\"content\":");
	hitl_json_write_string(request, prompt->instructions,
						   prompt->instructions_length);
	hitl_append_text(request, "},{\"role\":\"user\",\"content\":");
	hitl_json_write_string(request, prompt->text, prompt->length);
	hitl_append_text(request, "}]");
}

/*
 * Read a chat completion; false if it is none.
 */
static bool
read_completion(HitlArena *arena, const HitlJson *document,
				HitlCompletion *completion, HitlReply *reply)
{
	const HitlJson *usage = hitl_json_member(document, "usage");
	const HitlJson *choices = hitl_json_member(document, "choices");
	const HitlJson *choice = NULL;
	const HitlJson *message;

	if (choices != NULL && choices->type == HITL_JSON_ARRAY)
		choice = choices->first;
	message = hitl_json_member(choice, "message");
	if (message == NULL || message->type != HITL_JSON_OBJECT)
		return false;
	completion->content = read_content(arena,
									   hitl_json_member(message, "content"),
									   &completion->length);
	completion->input_tokens = hitl_read_tokens(usage, "prompt_tokens");
	completion->output_tokens = hitl_read_tokens(usage, "completion_tokens");
	completion->total_tokens = hitl_read_tokens(usage, "total_tokens");
	hitl_explain_stop(reply, stop_of(choice, message), completion->length == 0);
	return true;
}

/*
 * The text of a message: a string, or the texts of a list of parts.
 */
static const char *
read_content(HitlArena *arena, const HitlJson *content, size_t *length)
{
	const HitlJson *part;
	HitlBuffer text;

	*length = 0;
	if (content == NULL)
		return "";
	if (content->type == HITL_JSON_STRING)
	{
		*length = content->length;
		return content->text;
	}
	if (content->type != HITL_JSON_ARRAY)
		return "";
	hitl_buffer_init(&text, arena);
	for (part = content->first; part != NULL; part = part->next)
	{
		const HitlJson *piece = part->type == HITL_JSON_STRING
			? part
			: hitl_json_member(part, "text");

		if (piece != NULL && piece->type == HITL_JSON_STRING)
			hitl_append(&text, piece->text, piece->length);
	}
	*length = text.length;
	return hitl_buffer_text(&text);
}

/*
 * How it ended: some servers have tool calls with another finish_reason, and
 * refusals in a member of their own.
 */
static HitlStop
stop_of(const HitlJson *choice, const HitlJson *message)
{
	const HitlJson *reason = hitl_json_member(choice, "finish_reason");
	const HitlJson *refusal = hitl_json_member(message, "refusal");
	const HitlJson *calls = hitl_json_member(message, "tool_calls");

	if (refusal != NULL && refusal->type == HITL_JSON_STRING &&
		refusal->length > 0)
		return HITL_STOP_REFUSED;
	if (calls != NULL && calls->type == HITL_JSON_ARRAY && calls->count > 0)
		return HITL_STOP_TOOL;
	if (reason == NULL || reason->type != HITL_JSON_STRING)
		return HITL_STOP_ENDED;
	if (strcmp(reason->text, "content_filter") == 0)
		return HITL_STOP_FILTERED;
	if (strcmp(reason->text, "length") == 0)
		return HITL_STOP_LENGTH;
	if (strcmp(reason->text, "tool_calls") == 0)
		return HITL_STOP_TOOL;
	return HITL_STOP_ENDED;
}
