/*
 * openai.c
 *		OpenAI's chat completions, as many servers offer them.
 *
 * Servers differ, so reading is lenient: usage may be missing, content may be
 * null or a list of parts, and finish_reason does not decide whether there are
 * calls: it explains an empty answer, and says that one was cut or withheld.
 */
#include "core/inference.h"

#include <string.h>

static void write_request(HitlBuffer *request, const HitlJson *parameters,
						  const HitlConversation *conversation);
static void write_offers(HitlBuffer *request,
						 const HitlConversation *conversation);
static void write_said(HitlBuffer *request, const HitlSaid *said);
static void write_calls(HitlBuffer *request, const HitlSaid *said);
static bool read_completion(HitlArena *arena, const HitlJson *document,
							HitlCompletion *completion);
static void read_calls(HitlArena *arena, const HitlJson *document,
					   HitlTurn *turn);
static void read_call(HitlArena *arena, const HitlJson *call, bool cut,
					  HitlTurn *turn);
static const HitlJson *find_message(const HitlJson *document,
									const HitlJson **choice);
static const HitlJson *find_calls(const HitlJson *message);
static const char *read_content(HitlArena *arena, const HitlJson *content,
								size_t *length);
static const HitlJson *find_text(const HitlJson *part);
static HitlStop stop_of(const HitlJson *choice, const HitlJson *message);

const HitlWireFormat hitl_openai_format = {.provider = "openai",
										   .answer = "chat completion",
										   .write = write_request,
										   .read = read_completion,
										   .read_calls = read_calls};

/*
 * Write a request.
 */
static void
write_request(HitlBuffer *request, const HitlJson *parameters,
			  const HitlConversation *conversation)
{
	/* What the request itself decides; a streamed reply could not be read. */
	static const char *const own[] =
		{"model", "messages",  "stream",	  "stream_options", "n",
		 "tools", "functions", "tool_choice", "function_call",	NULL};
	int i;

	hitl_write_parameters(request, parameters, own);
	write_offers(request, conversation);
	hitl_append_text(request,
					 "\"messages\":[{\"role\":\"system\",\"content\":");
	hitl_json_write_string(request, conversation->instructions,
						   conversation->instructions_length);
	hitl_append_char(request, '}');
	for (i = 0; i < conversation->nsaid; i++)
	{
		hitl_append_char(request, ',');
		write_said(request, &conversation->said[i]);
	}
	hitl_append_char(request, ']');
}

/*
 * Write what is offered; that it must not be called is said apart, since
 * servers want to know the tools of calls made before, and keep in a cache
 * what requests begin with.
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

		if (i > 0)
			hitl_append_char(request, ',');
		hitl_append_text(request, "{\"type\":\"function\",\"function\":{");
		hitl_json_write_member(request, "name", offer->name);
		if (offer->description != NULL)
			hitl_json_write_member(request, "description", offer->description);
		hitl_json_write_key(request, "parameters");
		hitl_append_text(request, offer->parameters);
		hitl_append_text(request, "}}");
	}
	hitl_append_text(request, "],");
	if (!conversation->may_call)
		hitl_append_text(request, "\"tool_choice\":\"none\",");
}

/*
 * Write a message.
 */
static void
write_said(HitlBuffer *request, const HitlSaid *said)
{
	static const char *const roles[] = {[HITL_ROLE_USER] = "user",
										[HITL_ROLE_ASSISTANT] = "assistant",
										[HITL_ROLE_TOOL] = "tool"};

	hitl_append_char(request, '{');
	hitl_json_write_member(request, "role", roles[said->role]);
	if (said->role == HITL_ROLE_TOOL)
		hitl_json_write_member(request, "tool_call_id", said->call);
	hitl_json_write_key(request, "content");
	if (said->length == 0 && said->ncalls > 0)
		hitl_append_text(request, "null");
	else
		hitl_json_write_string(request, said->text, said->length);
	if (said->ncalls > 0)
		write_calls(request, said);
	hitl_append_char(request, '}');
}

/*
 * Write the calls of an assistant; their arguments are text.
 */
static void
write_calls(HitlBuffer *request, const HitlSaid *said)
{
	int i;

	hitl_append_text(request, ",\"tool_calls\":[");
	for (i = 0; i < said->ncalls; i++)
	{
		const HitlToolCall *call = &said->calls[i];

		hitl_append_text(request, i > 0 ? ",{" : "{");
		hitl_json_write_member(request, "id", call->id);
		hitl_append_text(request, ",\"type\":\"function\",\"function\":{");
		hitl_json_write_member(request, "name", call->name);
		hitl_json_write_member(request, "arguments", call->arguments);
		hitl_append_text(request, "}}");
	}
	hitl_append_char(request, ']');
}

/*
 * Read a chat completion; false if it is none.
 */
static bool
read_completion(HitlArena *arena, const HitlJson *document,
				HitlCompletion *completion)
{
	const HitlJson *usage = hitl_json_member(document, "usage");
	const HitlJson *choice;
	const HitlJson *message = find_message(document, &choice);

	if (message == NULL)
		return false;
	completion->content = read_content(arena,
									   hitl_json_member(message, "content"),
									   &completion->length);
	completion->stop = stop_of(choice, message);
	completion->input_tokens = hitl_read_tokens(usage, "prompt_tokens");
	completion->output_tokens = hitl_read_tokens(usage, "completion_tokens");
	completion->total_tokens = hitl_read_tokens(usage, "total_tokens");
	return true;
}

/*
 * Add the calls of a chat completion to a turn.
 */
static void
read_calls(HitlArena *arena, const HitlJson *document, HitlTurn *turn)
{
	const HitlJson *choice;
	const HitlJson *message = find_message(document, &choice);
	const HitlJson *calls = find_calls(message);
	const HitlJson *call;
	bool cut = turn->stop == HITL_STOP_LENGTH;

	for (call = calls == NULL ? NULL : calls->first; call != NULL;
		 call = call->next)
		read_call(arena, call, cut && call->next == NULL, turn);

	/* So it was said before there were lists of calls. */
	call = hitl_json_member(message, "function_call");
	if (calls == NULL && call != NULL && call->type == HITL_JSON_OBJECT)
		read_call(arena, call, cut, turn);
}

/*
 * Add one of them; some servers leave out the object around name and
 * arguments.
 */
static void
read_call(HitlArena *arena, const HitlJson *call, bool cut, HitlTurn *turn)
{
	const HitlJson *type = hitl_json_member(call, "type");
	const HitlJson *function = hitl_json_member(call, "function");
	HitlToolCall *added;

	if (function == NULL || function->type != HITL_JSON_OBJECT)
		function = call;
	added = hitl_add_call(arena, turn, hitl_json_member(call, "id"),
						  hitl_json_member(function, "name"),
						  hitl_json_member(function, "arguments"), cut);
	if (added == NULL)
		return;
	if (call->type != HITL_JSON_OBJECT)
		added->fault = "the call must be a JSON object";
	else if (type != NULL && type->type == HITL_JSON_STRING &&
			 type->length > 0 && strcmp(type->text, "function") != 0)
		added->fault = "the call must be of the type \"function\"";
	if (added->fault != NULL)
		added->arguments = NULL;
}

/*
 * The message of a chat completion, and the choice that it is in; or NULL.
 */
static const HitlJson *
find_message(const HitlJson *document, const HitlJson **choice)
{
	const HitlJson *choices = hitl_json_member(document, "choices");
	const HitlJson *message;

	*choice = choices != NULL && choices->type == HITL_JSON_ARRAY
		? choices->first
		: NULL;
	message = hitl_json_member(*choice, "message");
	return message != NULL && message->type == HITL_JSON_OBJECT ? message
																: NULL;
}

/*
 * The calls of a message, or NULL if it has none.
 */
static const HitlJson *
find_calls(const HitlJson *message)
{
	const HitlJson *calls = hitl_json_member(message, "tool_calls");

	return calls != NULL && calls->type == HITL_JSON_ARRAY && calls->count > 0
		? calls
		: NULL;
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
		const HitlJson *piece = find_text(part);

		if (piece != NULL && piece->type == HITL_JSON_STRING)
			hitl_append(&text, piece->text, piece->length);
	}
	*length = text.length;
	return hitl_buffer_text(&text);
}

/*
 * The text of a part that is one; others tell what the model thought.
 */
static const HitlJson *
find_text(const HitlJson *part)
{
	static const char *const types[] = {"text", "output_text", NULL};
	const HitlJson *type = hitl_json_member(part, "type");

	if (part->type == HITL_JSON_STRING)
		return part;
	return type == NULL || hitl_find_name(type, types) >= 0
		? hitl_json_member(part, "text")
		: NULL;
}

/*
 * How it ended: some servers have tool calls with another finish_reason, and
 * refusals in a member of their own.
 */
static HitlStop
stop_of(const HitlJson *choice, const HitlJson *message)
{
	static const char *const reasons[] = {"content_filter", "length",
										  "tool_calls", "function_call", NULL};
	const HitlJson *refusal = hitl_json_member(message, "refusal");
	const HitlJson *call = hitl_json_member(message, "function_call");

	if (refusal != NULL && refusal->type == HITL_JSON_STRING &&
		refusal->length > 0)
		return HITL_STOP_REFUSED;
	switch (hitl_find_name(hitl_json_member(choice, "finish_reason"), reasons))
	{
		case 0:
			return HITL_STOP_FILTERED;
		case 1:
			return HITL_STOP_LENGTH;
		case -1:
			return find_calls(message) != NULL ||
					(call != NULL && call->type == HITL_JSON_OBJECT)
				? HITL_STOP_TOOL
				: HITL_STOP_ENDED;
		default:
			return HITL_STOP_TOOL;
	}
}
