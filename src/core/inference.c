/*
 * inference.c
 *		Tasks for models: build a request, read a reply.
 *
 * Servers speak one of several wire formats (openai.c, anthropic.c); what a
 * task says, and what comes of an answer, is the same for all.
 */
#include "core/inference.h"

#include <string.h>

/* The formats; the first one is that of replies that name none. */
static const HitlWireFormat *const formats[] = {&hitl_openai_format,
												&hitl_anthropic_format};

static const char *const default_instructions =
	"You carry out one step of a workflow. Do the task you are given and answer with "
	"its result only. If the result is structured, answer with one JSON object.";

static const HitlJson *find_scripted(const HitlJson *parameters,
									 const HitlJson *task);
static const HitlWireFormat *find_format(const char *provider);
static void parse_response(HitlArena *arena, const HitlWireFormat *format,
						   int64_t status, const char *text, size_t length,
						   HitlCompletion *completion, HitlReply *reply);
static void write_result(HitlArena *arena, const HitlCompletion *completion,
						 HitlReply *reply);
static void write_usage(HitlBuffer *buffer, const HitlCompletion *completion);
static void write_section(HitlBuffer *prompt, const char *title,
						  const HitlJson *value);

/*
 * What the reply of an inference server, checked before, comes to.
 */
void
hitl_read_reply(HitlArena *arena, const HitlJson *body, HitlReply *reply)
{
	HitlCompletion completion;

	if (hitl_read_answer(arena, body, reply) ||
		hitl_read_response(arena, body, &completion, reply) == NULL)
		return;
	hitl_explain_stop(reply, completion.stop, completion.length == 0);
	if (reply->kind == NULL)
		write_result(arena, &completion, reply);
}

/*
 * The response of a server that a reply brings, and its format; NULL where it
 * is none, and the reply a failure.  What it has taken is told even then.
 */
const HitlWireFormat *
hitl_read_response(HitlArena *arena, const HitlJson *body,
				   HitlCompletion *completion, HitlReply *reply)
{
	const HitlJson *provider = hitl_json_member(body, "provider");
	const HitlJson *text = hitl_json_member(body, "body");
	const HitlWireFormat *format = formats[0];
	int64_t status = 0;

	if (provider != NULL)
		format = provider->type == HITL_JSON_STRING
			? find_format(provider->text)
			: NULL;
	hitl_json_integer(hitl_json_member(body, "status"), &status);
	if (text != NULL && text->type != HITL_JSON_STRING)
		text = NULL;
	parse_response(arena, format, status, text == NULL ? "" : text->text,
				   text == NULL ? 0 : text->length, completion, reply);
	return reply->kind == NULL ? format : NULL;
}

/*
 * What a response is for the accounts: how many tokens it says that it took,
 * and whether it is an answer at all.
 */
HitlResult
hitl_read_inference(const char *provider, int status, const char *text,
					bool turn, HitlInference *inference)
{
	const HitlWireFormat *format = find_format(provider);
	HitlCompletion completion;
	HitlReply reply = {0};
	HitlArena arena;
	HitlResult result = HITL_OK;

	memset(inference, 0, sizeof(*inference));
	inference->input_tokens = -1;
	inference->output_tokens = -1;
	if (format == NULL)
		return HITL_INVALID;
	hitl_arena_init(&arena);
	parse_response(&arena, format, status, text, strlen(text), &completion,
				   &reply);
	if (reply.kind == NULL)
		hitl_explain_stop(&reply, completion.stop,
						  completion.length == 0 && !turn);
	inference->input_tokens = completion.input_tokens;
	inference->output_tokens = completion.output_tokens;
	inference->kind = reply.kind;
	if (arena.failed)
		result = HITL_NO_MEMORY;
	else if (reply.kind != NULL)
	{
		inference->message = hitl_malloc_text(reply.message);
		if (inference->message == NULL)
			result = HITL_NO_MEMORY;
	}
	hitl_arena_free(&arena);
	return result;
}

/*
 * Body of a request that has a task done.
 */
HitlResult
hitl_build_request(const char *provider, const char *task, const char *model,
				   const char *parameters, const char *goal,
				   const char *variables, const char *steps, char **body,
				   char **error)
{
	HitlDraft draft;
	HitlBuffer prompt;
	HitlSaid said = {.role = HITL_ROLE_USER, .text = ""};
	HitlConversation conversation = {.instructions = default_instructions,
									 .instructions_length = strlen(
										 default_instructions),
									 .nsaid = 1,
									 .said = &said};
	const HitlWireFormat *format;
	const HitlJson *task_value;
	const HitlJson *parameters_value;
	const HitlJson *variables_value;
	const HitlJson *steps_value;
	const HitlJson *instructions;

	hitl_begin_draft(&draft);
	task_value = hitl_parse_part(&draft, task, "task", HITL_JSON_OBJECT, true);
	parameters_value = hitl_parse_part(&draft, parameters, "parameters",
									   HITL_JSON_OBJECT, false);
	variables_value = hitl_parse_part(&draft, variables, "variables",
									  HITL_JSON_OBJECT, false);
	steps_value = hitl_parse_part(&draft, steps, "steps", HITL_JSON_OBJECT,
								  false);
	format = hitl_choose_format(&draft, provider);
	if (format != NULL)
	{
		instructions = hitl_json_member(task_value, "instructions");
		if (instructions != NULL && instructions->type == HITL_JSON_STRING)
		{
			conversation.instructions = instructions->text;
			conversation.instructions_length = instructions->length;
		}
		hitl_buffer_init(&prompt, &draft.arena);
		hitl_write_prompt(&prompt, task_value, goal, variables_value,
						  steps_value);
		if (prompt.data != NULL)
			said.text = prompt.data;
		said.length = prompt.length;
		hitl_draft_request(&draft, format, model, parameters_value,
						   &conversation);
	}
	return hitl_end_draft(&draft, body, error);
}

/*
 * The reply of the built-in model: what its parameters say for this turn, or
 * the task itself.
 */
HitlResult
hitl_build_builtin_reply(const char *parameters, const char *task,
						 int64_t token, char **body, char **error)
{
	HitlDraft draft;
	HitlBuffer *reply = &draft.text;
	const HitlJson *value;
	const HitlJson *script;
	const HitlJson *text;
	const HitlJson *tools;
	const HitlJson *calls = NULL;
	const HitlJson *usage = NULL;

	hitl_begin_draft(&draft);
	value = hitl_parse_part(&draft, task, "task", HITL_JSON_OBJECT, true);
	script = find_scripted(hitl_parse_part(&draft, parameters, "parameters",
										   HITL_JSON_OBJECT, false),
						   value);
	text = hitl_json_member(value, "task");
	if (draft.result == HITL_OK &&
		(text == NULL || text->type != HITL_JSON_STRING))
	{
		draft.result = HITL_INVALID;
		hitl_append_text(&draft.reason, "task: must have a text \"task\"");
	}
	if (script != NULL)
	{
		tools = hitl_json_member(value, "tools");
		text = tools != NULL && tools->type == HITL_JSON_FALSE
			? hitl_json_member(script, "plan")
			: NULL;
		if (text == NULL)
			text = hitl_json_member(script, "text");
		calls = hitl_json_member(script, "calls");
		usage = hitl_json_member(script, "usage");
	}
	if (draft.result == HITL_OK)
	{
		hitl_append_text(reply, "{\"token\":");
		hitl_append_integer(reply, token);
		hitl_append_text(reply, ",\"result\":{\"answer\":");
		if (text != NULL)
			hitl_json_write(reply, text);
		else
			hitl_append_text(reply, "\"\"");
		if (calls != NULL)
		{
			hitl_append_text(reply, ",\"calls\":");
			hitl_json_write(reply, calls);
		}
		if (usage != NULL)
		{
			hitl_append_text(reply, ",\"usage\":");
			hitl_json_write(reply, usage);
		}
		hitl_append_text(reply, "}}");
	}
	return hitl_end_draft(&draft, body, error);
}

/*
 * Begin a text for the library's caller.
 */
void
hitl_begin_draft(HitlDraft *draft)
{
	hitl_arena_init(&draft->arena);
	hitl_buffer_init(&draft->text, &draft->arena);
	hitl_buffer_init(&draft->reason, &draft->arena);
	draft->result = HITL_OK;
}

/*
 * One of the JSON values that a text is made from; NULL where there is none,
 * and when it is faulty.
 */
const HitlJson *
hitl_parse_part(HitlDraft *draft, const char *text, const char *what,
				HitlJsonType type, bool required)
{
	HitlJson wanted = {.type = type};
	const HitlJson *value;
	HitlJsonError error;

	if (draft->result != HITL_OK || (text == NULL && !required))
		return NULL;
	if (text == NULL)
		text = "";
	draft->result = hitl_json_parse(&draft->arena, text, strlen(text),
									HITL_JSON_COMPOSED, &value, &error);
	if (draft->result == HITL_INVALID)
		hitl_append_format(&draft->reason, "%s: not JSON: %s", what,
						   error.message);
	else if (draft->result == HITL_OK && value->type == type)
		return value;
	else if (draft->result == HITL_OK &&
			 (required || value->type != HITL_JSON_NULL))
	{
		draft->result = HITL_INVALID;
		hitl_append_format(&draft->reason, "%s: must be %s, not %s", what,
						   hitl_json_type_name(&wanted),
						   hitl_json_type_name(value));
	}
	return NULL;
}

/*
 * The format of a provider, if there is no reason yet to write nothing.
 */
const HitlWireFormat *
hitl_choose_format(HitlDraft *draft, const char *provider)
{
	const HitlWireFormat *format = find_format(provider);

	if (draft->result != HITL_OK)
		return NULL;
	if (format == NULL)
	{
		draft->result = HITL_INVALID;
		hitl_append_text(&draft->reason, "provider: is unknown");
	}
	return format;
}

/*
 * Write a request.
 */
void
hitl_draft_request(HitlDraft *draft, const HitlWireFormat *format,
				   const char *model, const HitlJson *parameters,
				   const HitlConversation *conversation)
{
	hitl_append_char(&draft->text, '{');
	if (model != NULL)
		hitl_json_write_member(&draft->text, "model", model);
	format->write(&draft->text, parameters, conversation);
	hitl_append_char(&draft->text, '}');
}

/*
 * Give the text, or the reason why there is none, to the library's caller.
 */
HitlResult
hitl_end_draft(HitlDraft *draft, char **body, char **error)
{
	HitlResult result = draft->result;
	HitlBuffer *source = result == HITL_OK ? &draft->text : &draft->reason;
	char **target = result == HITL_OK ? body : error;

	*body = NULL;
	if (error != NULL)
		*error = NULL;
	if (result != HITL_NO_MEMORY && target != NULL)
	{
		if (hitl_buffer_text(source) != NULL)
			*target = hitl_malloc_text(source->data);
		if (*target == NULL)
			result = HITL_NO_MEMORY;
	}
	hitl_arena_free(&draft->arena);
	return result;
}

/*
 * Write the parameters of a model into a request, but for what the request
 * itself decides; then a comma, if anything is before it.
 */
void
hitl_write_parameters(HitlBuffer *request, const HitlJson *parameters,
					  const char *const *own)
{
	const HitlJson *member;

	for (member = parameters == NULL ? NULL : parameters->first; member != NULL;
		 member = member->next)
	{
		const char *const *name;

		for (name = own; *name != NULL && strcmp(*name, member->key) != 0;
			 name++)
			;
		if (*name != NULL)
			continue;
		hitl_json_write_key(request, member->key);
		hitl_json_write(request, member);
	}
	if (request->length > 1)
		hitl_append_char(request, ',');
}

/*
 * Why an answer without a text, or one that was withheld in the middle, is
 * none; stop is how the server says that it ended.
 */
void
hitl_explain_stop(HitlReply *reply, HitlStop stop, bool empty)
{
	if (stop == HITL_STOP_REFUSED)
		hitl_fail_reply(reply, "permission_error",
						"the model refused to answer");
	else if (stop == HITL_STOP_FILTERED)
		hitl_fail_reply(reply, "permission_error",
						"the model's answer was withheld by a content filter");
	else if (stop == HITL_STOP_LENGTH && empty)
		hitl_fail_reply(
			reply, "validation_error",
			"the model used up its tokens before it answered (raise max_tokens)");
	else if (stop == HITL_STOP_TOOL && empty)
		hitl_fail_reply(
			reply, "validation_error",
			"the model asked for a tool instead of answering, and tasks have no tools");
}

/*
 * A number of tokens that a server tells; -1: it does not, or nonsense.
 */
int64_t
hitl_read_tokens(const HitlJson *usage, const char *name)
{
	int64_t tokens;

	if (!hitl_json_integer(hitl_json_member(usage, name), &tokens) ||
		tokens < 0 || tokens > HITL_MAX_TOKENS)
		return -1;
	return tokens;
}

/*
 * The reply that parameters have for an agent's turn, the last one again where
 * there are no more; or NULL.
 */
static const HitlJson *
find_scripted(const HitlJson *parameters, const HitlJson *task)
{
	const HitlJson *replies = hitl_json_member(parameters, "replies");
	const HitlJson *reply;
	int64_t turn;

	if (replies == NULL || replies->type != HITL_JSON_ARRAY ||
		!hitl_json_integer(hitl_json_member(task, "turn"), &turn))
		return NULL;
	for (reply = replies->first;
		 turn > 1 && reply != NULL && reply->next != NULL; turn--)
		reply = reply->next;
	return reply;
}

/*
 * The format of a provider.
 */
static const HitlWireFormat *
find_format(const char *provider)
{
	size_t i;

	for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
	{
		if (strcmp(formats[i]->provider, provider) == 0)
			return formats[i];
	}
	return NULL;
}

/*
 * Read a response: an answer, or else a failure.
 */
static void
parse_response(HitlArena *arena, const HitlWireFormat *format, int64_t status,
			   const char *text, size_t length, HitlCompletion *completion,
			   HitlReply *reply)
{
	const HitlJson *document = NULL;
	HitlJsonError json_error = {"the body is empty", 0};
	HitlBuffer message;

	memset(completion, 0, sizeof(*completion));
	completion->content = "";
	completion->input_tokens = -1;
	completion->output_tokens = -1;
	completion->total_tokens = -1;
	if (format == NULL)
	{
		hitl_fail_reply(reply, "unknown_error",
						"the reply is of an unknown provider");
		return;
	}
	if (length > 0)
		hitl_json_parse(arena, text, length, HITL_JSON_LENIENT, &document,
						&json_error);
	completion->document = document;
	if (status < 200 || status > 299)
		hitl_read_status(arena, status, document, reply);
	else if (document == NULL)
	{
		hitl_buffer_init(&message, arena);
		hitl_append_format(&message,
						   "the inference server's reply is no JSON: %s",
						   json_error.message);
		hitl_fail_reply(reply, "unknown_error", hitl_buffer_text(&message));
	}
	else if (format->read(arena, document, completion))
		completion->model = hitl_json_member(document, "model");
	else if (hitl_json_member(document, "error") != NULL)
		/* Some servers report errors with status 200. */
		hitl_fail_reply(reply, "unknown_error",
						hitl_message_of(arena, status, document));
	else
	{
		hitl_buffer_init(&message, arena);
		hitl_append_format(&message, "the inference server's reply is no %s",
						   format->answer);
		hitl_fail_reply(reply, "unknown_error", hitl_buffer_text(&message));
	}
}

/*
 * The result of a task: the answer, the data in it, and what it took.
 */
static void
write_result(HitlArena *arena, const HitlCompletion *completion,
			 HitlReply *reply)
{
	const HitlJson *model = completion->model;
	const HitlJson *data;
	HitlBuffer result;

	if (completion->content == NULL)
		return;
	data = hitl_find_data(arena, completion->content, completion->length);
	hitl_buffer_init(&result, arena);
	hitl_append_text(&result, "{\"answer\":");
	hitl_json_write_string(&result, completion->content, completion->length);
	if (data != NULL)
	{
		hitl_append_text(&result, ",\"data\":");
		hitl_json_write(&result, data);
	}
	if (model != NULL && model->type == HITL_JSON_STRING)
		hitl_json_write_member(&result, "model", model->text);
	write_usage(&result, completion);
	hitl_append_char(&result, '}');
	reply->result = hitl_buffer_text(&result);
}

/*
 * The object or array that an answer is, perhaps in a code fence; or NULL.
 */
const HitlJson *
hitl_find_data(HitlArena *arena, const char *content, size_t length)
{
	const char *start = content;
	const char *end = content + length;
	const HitlJson *data;

	hitl_trim(&start, &end);
	if (end - start >= 6 && memcmp(start, "```", 3) == 0 &&
		memcmp(end - 3, "```", 3) == 0)
	{
		/* The fence's first line may name the language. */
		end -= 3;
		for (start += 3;
			 start < end && *start != '\n' && *start != '{' && *start != '[';
			 start++)
			;
		hitl_trim(&start, &end);
	}
	if (start >= end || (*start != '{' && *start != '['))
		return NULL;
	if (hitl_json_parse(arena, start, end - start, HITL_JSON_LENIENT, &data,
						NULL) != HITL_OK)
		return NULL;
	return data;
}

/*
 * Append the token counts there are, by the same names for all formats.
 */
static void
write_usage(HitlBuffer *buffer, const HitlCompletion *completion)
{
	const struct
	{
		const char *name;
		int64_t tokens;
	} counts[] = {{"prompt_tokens", completion->input_tokens},
				  {"completion_tokens", completion->output_tokens},
				  {"total_tokens", completion->total_tokens}};
	bool any = false;
	size_t i;

	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
	{
		if (counts[i].tokens < 0)
			continue;
		hitl_append_format(buffer, "%s\"%s\":", any ? "," : ",\"usage\":{",
						   counts[i].name);
		hitl_append_integer(buffer, counts[i].tokens);
		any = true;
	}
	if (any)
		hitl_append_char(buffer, '}');
}

/*
 * Write what the user says: the task first, then what is known.
 */
void
hitl_write_prompt(HitlBuffer *prompt, const HitlJson *task, const char *goal,
				  const HitlJson *variables, const HitlJson *steps)
{
	const HitlJson *text = hitl_json_member(task, "task");

	if (text != NULL && text->type == HITL_JSON_STRING)
	{
		hitl_append_text(prompt, "Task: ");
		hitl_append(prompt, text->text, text->length);
	}
	if (goal != NULL && goal[0] != '\0')
	{
		hitl_append_text(prompt, "\n\nThe workflow's goal: ");
		hitl_append_text(prompt, goal);
	}
	write_section(prompt, "Context", hitl_json_member(task, "context"));
	write_section(prompt, "Variables", variables);
	write_section(prompt, "Results of earlier steps", steps);
}

/*
 * Write one object, unless there is nothing in it.
 */
static void
write_section(HitlBuffer *prompt, const char *title, const HitlJson *value)
{
	if (value == NULL || value->type != HITL_JSON_OBJECT || value->count == 0)
		return;
	hitl_append_format(prompt, "\n\n%s:\n", title);
	hitl_json_write(prompt, value);
}
