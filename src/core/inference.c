/*
 * inference.c
 *		Tasks for models: build a request, read a reply.
 *
 * Servers speak one of several wire formats (openai.c, anthropic.c); what a
 * task says, and what comes of an answer, is the same for all.
 */
#include "core/internal.h"

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
static void read_response(HitlArena *arena, const HitlWireFormat *format,
						  int64_t status, const char *text, size_t length,
						  HitlCompletion *completion, HitlReply *reply);
static void write_result(HitlArena *arena, const HitlCompletion *completion,
						 HitlReply *reply);
static void write_usage(HitlBuffer *buffer, const HitlCompletion *completion);
static const HitlJson *parse_part(HitlArena *arena, const char *text,
								  const char *what, HitlResult *result,
								  HitlBuffer *error);
static HitlResult hand_over(HitlBuffer *text, HitlBuffer *reason,
							HitlResult result, char **body, char **error);
static void write_request(HitlBuffer *request, HitlArena *arena,
						  const HitlWireFormat *format, const char *model,
						  const HitlJson *parameters, const HitlJson *task,
						  const char *goal, const HitlJson *variables,
						  const HitlJson *steps);
static void write_section(HitlBuffer *prompt, const char *title,
						  const HitlJson *value);

/*
 * What the reply of an inference server, checked before, comes to.
 */
void
hitl_read_reply(HitlArena *arena, const HitlJson *body, HitlReply *reply)
{
	const HitlJson *provider = hitl_json_member(body, "provider");
	const HitlJson *text = hitl_json_member(body, "body");
	const HitlWireFormat *format = formats[0];
	HitlCompletion completion;
	int64_t status = 0;

	if (hitl_read_answer(arena, body, reply))
		return;
	if (provider != NULL)
		format = provider->type == HITL_JSON_STRING
			? find_format(provider->text)
			: NULL;
	if (format == NULL)
	{
		hitl_fail_reply(reply, "unknown_error",
						"the reply is of an unknown provider");
		return;
	}
	hitl_json_integer(hitl_json_member(body, "status"), &status);
	if (text != NULL && text->type != HITL_JSON_STRING)
		text = NULL;
	read_response(arena, format, status, text == NULL ? "" : text->text,
				  text == NULL ? 0 : text->length, &completion, reply);
	if (reply->kind == NULL)
		write_result(arena, &completion, reply);
}

/*
 * What a response is for the accounts: how many tokens it says that it took,
 * and whether it is an answer at all.
 */
HitlResult
hitl_read_inference(const char *provider, int status, const char *text,
					HitlInference *inference)
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
	read_response(&arena, format, status, text, strlen(text), &completion,
				  &reply);
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
	const HitlWireFormat *format = find_format(provider);
	HitlArena arena;
	HitlBuffer request;
	HitlBuffer reason;
	HitlResult result = HITL_OK;
	const HitlJson *task_value;
	const HitlJson *parameters_value;
	const HitlJson *variables_value;
	const HitlJson *steps_value;

	*body = NULL;
	if (error != NULL)
		*error = NULL;
	hitl_arena_init(&arena);
	hitl_buffer_init(&request, &arena);
	hitl_buffer_init(&reason, &arena);
	task_value = parse_part(&arena, task == NULL ? "" : task, "task", &result,
							&reason);
	parameters_value = parse_part(&arena, parameters, "parameters", &result,
								  &reason);
	variables_value = parse_part(&arena, variables, "variables", &result,
								 &reason);
	steps_value = parse_part(&arena, steps, "steps", &result, &reason);
	if (result == HITL_OK && format == NULL)
	{
		result = HITL_INVALID;
		hitl_append_text(&reason, "provider: is unknown");
	}
	if (result == HITL_OK)
		write_request(&request, &arena, format, model, parameters_value,
					  task_value, goal, variables_value, steps_value);
	result = hand_over(&request, &reason, result, body, error);
	hitl_arena_free(&arena);
	return result;
}

/*
 * The reply of the built-in model: what its parameters say for this turn, or
 * the task itself.
 */
HitlResult
hitl_build_builtin_reply(const char *parameters, const char *task,
						 int64_t token, char **body, char **error)
{
	HitlArena arena;
	HitlBuffer reply;
	HitlBuffer reason;
	HitlResult result = HITL_OK;
	const HitlJson *value;
	const HitlJson *script;
	const HitlJson *text;
	const HitlJson *calls = NULL;

	*body = NULL;
	if (error != NULL)
		*error = NULL;
	hitl_arena_init(&arena);
	hitl_buffer_init(&reply, &arena);
	hitl_buffer_init(&reason, &arena);
	value = parse_part(&arena, task == NULL ? "" : task, "task", &result,
					   &reason);
	script = find_scripted(parse_part(&arena, parameters, "parameters", &result,
									  &reason),
						   value);
	text = hitl_json_member(value, "task");
	if (result == HITL_OK && (text == NULL || text->type != HITL_JSON_STRING))
	{
		result = HITL_INVALID;
		hitl_append_text(&reason, "task: must have a text \"task\"");
	}
	if (script != NULL)
	{
		text = hitl_json_member(script, "text");
		calls = hitl_json_member(script, "calls");
	}
	if (result == HITL_OK)
	{
		hitl_append_text(&reply, "{\"token\":");
		hitl_append_integer(&reply, token);
		hitl_append_text(&reply, ",\"result\":{\"answer\":");
		if (text != NULL)
			hitl_json_write(&reply, text);
		else
			hitl_append_text(&reply, "\"\"");
		if (calls != NULL)
		{
			hitl_append_text(&reply, ",\"calls\":");
			hitl_json_write(&reply, calls);
		}
		hitl_append_text(&reply, "}}");
	}
	result = hand_over(&reply, &reason, result, body, error);
	hitl_arena_free(&arena);
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
read_response(HitlArena *arena, const HitlWireFormat *format, int64_t status,
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
	if (length > 0)
		hitl_json_parse(arena, text, length, HITL_JSON_LENIENT, &document,
						&json_error);
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
	else if (format->read(arena, document, completion, reply))
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
	static const char *const space = " \t\r\n";
	const char *start = content;
	const char *end = content + length;
	const HitlJson *data;

	while (start < end && strchr(space, *start) != NULL)
		start++;
	while (end > start && strchr(space, end[-1]) != NULL)
		end--;
	if (end - start >= 6 && memcmp(start, "```", 3) == 0 &&
		memcmp(end - 3, "```", 3) == 0)
	{
		/* The fence's first line may name the language. */
		end -= 3;
		for (start += 3;
			 start < end && *start != '\n' && *start != '{' && *start != '[';
			 start++)
			;
		while (start < end && strchr(space, *start) != NULL)
			start++;
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
 * One of the JSON objects that a request is built from; NULL where it is not
 * given, and when it is faulty.
 */
static const HitlJson *
parse_part(HitlArena *arena, const char *text, const char *what,
		   HitlResult *result, HitlBuffer *error)
{
	const HitlJson *value;
	HitlJsonError json_error;

	if (text == NULL || *result != HITL_OK)
		return NULL;
	*result = hitl_json_parse(arena, text, strlen(text), HITL_JSON_COMPOSED,
							  &value, &json_error);
	if (*result == HITL_INVALID)
		hitl_append_format(error, "%s: not JSON: %s", what, json_error.message);
	else if (*result == HITL_OK && value->type == HITL_JSON_NULL &&
			 strcmp(what, "task") != 0)
		return NULL;
	else if (*result == HITL_OK && value->type != HITL_JSON_OBJECT)
	{
		*result = HITL_INVALID;
		hitl_append_format(error, "%s: must be an object, not %s", what,
						   hitl_json_type_name(value));
	}
	else if (*result == HITL_OK)
		return value;
	return NULL;
}

/*
 * Give a text, or the reason why there is none, to the library's caller.
 */
static HitlResult
hand_over(HitlBuffer *text, HitlBuffer *reason, HitlResult result, char **body,
		  char **error)
{
	HitlBuffer *source = result == HITL_OK ? text : reason;
	char **target = result == HITL_OK ? body : error;

	if (result == HITL_NO_MEMORY || target == NULL)
		return result;
	if (hitl_buffer_text(source) != NULL)
		*target = hitl_malloc_text(source->data);
	return *target == NULL ? HITL_NO_MEMORY : result;
}

/*
 * Write the request.
 */
static void
write_request(HitlBuffer *request, HitlArena *arena,
			  const HitlWireFormat *format, const char *model,
			  const HitlJson *parameters, const HitlJson *task,
			  const char *goal, const HitlJson *variables,
			  const HitlJson *steps)
{
	const HitlJson *instructions = hitl_json_member(task, "instructions");
	HitlPrompt said = {default_instructions, strlen(default_instructions), "",
					   0};
	HitlBuffer prompt;

	if (instructions != NULL && instructions->type == HITL_JSON_STRING)
	{
		said.instructions = instructions->text;
		said.instructions_length = instructions->length;
	}
	hitl_buffer_init(&prompt, arena);
	hitl_write_prompt(&prompt, task, goal, variables, steps);
	if (prompt.data != NULL)
		said.text = prompt.data;
	said.length = prompt.length;
	hitl_append_char(request, '{');
	if (model != NULL)
		hitl_json_write_member(request, "model", model);
	format->write(request, parameters, &said);
	hitl_append_char(request, '}');
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
