/*
 * inference.c
 *		Chat completions: build a request, read a reply.
 *
 * Servers differ, so reading is lenient: usage may be missing, content may be
 * null or a list of parts, and finish_reason decides nothing, except how an
 * empty answer is explained.
 */
#include "core/internal.h"

#include <string.h>

static const char *const default_instructions =
	"You carry out one step of a workflow. Do the task you are given and answer with "
	"its result only. If the result is structured, answer with one JSON object.";

static void read_completion(HitlArena *arena, const HitlJson *document,
							HitlReply *reply);
static const char *read_content(HitlArena *arena, const HitlJson *content,
								size_t *length);
static void write_result(HitlArena *arena, const HitlJson *document,
						 const char *content, size_t length, HitlReply *reply);
static const HitlJson *find_data(HitlArena *arena, const char *content,
								 size_t length);
static void write_usage(HitlBuffer *buffer, const HitlJson *usage);
static const HitlJson *parse_part(HitlArena *arena, const char *text,
								  const char *what, HitlResult *result,
								  HitlBuffer *error);
static HitlResult hand_over(HitlBuffer *text, HitlBuffer *reason,
							HitlResult result, char **body, char **error);
static void write_request(HitlBuffer *request, HitlArena *arena,
						  const HitlJson *task, const char *model,
						  const HitlJson *parameters, const char *goal,
						  const HitlJson *variables, const HitlJson *steps);
static void write_prompt(HitlBuffer *prompt, const HitlJson *task,
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
	const HitlJson *text = hitl_json_member(body, "body");
	const HitlJson *document = NULL;
	HitlJsonError json_error = {"the body is empty", 0};
	int64_t status = 0;

	if (hitl_read_answer(arena, body, reply))
		return;
	hitl_json_integer(hitl_json_member(body, "status"), &status);
	if (text != NULL && text->type == HITL_JSON_STRING && text->length > 0)
		hitl_json_parse(arena, text->text, text->length, HITL_JSON_LENIENT,
						&document, &json_error);
	if (status < 200 || status > 299)
		hitl_read_status(arena, status, document, reply);
	else if (document != NULL)
		read_completion(arena, document, reply);
	else
	{
		HitlBuffer message;

		hitl_buffer_init(&message, arena);
		hitl_append_format(&message,
						   "the inference server's reply is no JSON: %s",
						   json_error.message);
		hitl_fail_reply(reply, "unknown_error", hitl_buffer_text(&message));
	}
}

/*
 * Body of a chat completion request.
 */
HitlResult
hitl_build_chat_request(const char *task, const char *model,
						const char *parameters, const char *goal,
						const char *variables, const char *steps, char **body,
						char **error)
{
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
	if (result == HITL_OK)
		write_request(&request, &arena, task_value, model, parameters_value,
					  goal, variables_value, steps_value);
	result = hand_over(&request, &reason, result, body, error);
	hitl_arena_free(&arena);
	return result;
}

/*
 * The reply of the built-in model: the task itself.
 */
HitlResult
hitl_build_echo_reply(const char *task, int64_t token, char **body,
					  char **error)
{
	HitlArena arena;
	HitlBuffer reply;
	HitlBuffer reason;
	HitlResult result = HITL_OK;
	const HitlJson *value;
	const HitlJson *text;

	*body = NULL;
	if (error != NULL)
		*error = NULL;
	hitl_arena_init(&arena);
	hitl_buffer_init(&reply, &arena);
	hitl_buffer_init(&reason, &arena);
	value = parse_part(&arena, task == NULL ? "" : task, "task", &result,
					   &reason);
	text = hitl_json_member(value, "task");
	if (result == HITL_OK && (text == NULL || text->type != HITL_JSON_STRING))
	{
		result = HITL_INVALID;
		hitl_append_text(&reason, "task: must have a text \"task\"");
	}
	if (result == HITL_OK)
	{
		hitl_append_text(&reply, "{\"token\":");
		hitl_append_integer(&reply, token);
		hitl_append_text(&reply, ",\"result\":{\"answer\":");
		hitl_json_write(&reply, text);
		hitl_append_text(&reply, "}}");
	}
	result = hand_over(&reply, &reason, result, body, error);
	hitl_arena_free(&arena);
	return result;
}

/*
 * Read a chat completion.
 */
static void
read_completion(HitlArena *arena, const HitlJson *document, HitlReply *reply)
{
	const HitlJson *choices = hitl_json_member(document, "choices");
	const HitlJson *choice = NULL;
	const HitlJson *message;
	const HitlJson *reason;
	const char *content;
	size_t length = 0;

	if (choices != NULL && choices->type == HITL_JSON_ARRAY)
		choice = choices->first;
	message = hitl_json_member(choice, "message");
	if (message == NULL || message->type != HITL_JSON_OBJECT)
	{
		/* Some servers report errors with status 200. */
		if (hitl_json_member(document, "error") != NULL)
			hitl_fail_reply(reply, "unknown_error",
							hitl_message_of(arena, 200, document));
		else
			hitl_fail_reply(
				reply, "unknown_error",
				"the inference server's reply is no chat completion");
		return;
	}
	content = read_content(arena, hitl_json_member(message, "content"),
						   &length);
	reason = hitl_json_member(choice, "finish_reason");
	if (length == 0 && reason != NULL && reason->type == HITL_JSON_STRING)
	{
		if (strcmp(reason->text, "content_filter") == 0)
		{
			hitl_fail_reply(
				reply, "permission_error",
				"the model's answer was withheld by a content filter");
			return;
		}
		if (strcmp(reason->text, "length") == 0)
		{
			hitl_fail_reply(
				reply, "validation_error",
				"the model used up its tokens before it answered (raise max_tokens)");
			return;
		}
	}
	write_result(arena, document, content, length, reply);
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
 * The result of a task: the answer, the data in it, and what it cost.
 */
static void
write_result(HitlArena *arena, const HitlJson *document, const char *content,
			 size_t length, HitlReply *reply)
{
	const HitlJson *model = hitl_json_member(document, "model");
	const HitlJson *data;
	HitlBuffer result;

	if (content == NULL)
		return;
	data = find_data(arena, content, length);
	hitl_buffer_init(&result, arena);
	hitl_append_text(&result, "{\"answer\":");
	hitl_json_write_string(&result, content, length);
	if (data != NULL)
	{
		hitl_append_text(&result, ",\"data\":");
		hitl_json_write(&result, data);
	}
	if (model != NULL && model->type == HITL_JSON_STRING)
		hitl_json_write_member(&result, "model", model->text);
	write_usage(&result, hitl_json_member(document, "usage"));
	hitl_append_char(&result, '}');
	reply->result = hitl_buffer_text(&result);
}

/*
 * The object or array that an answer is, perhaps in a code fence; or NULL.
 */
static const HitlJson *
find_data(HitlArena *arena, const char *content, size_t length)
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
 * Append the token counts there are.
 */
static void
write_usage(HitlBuffer *buffer, const HitlJson *usage)
{
	static const char *const names[] = {"prompt_tokens", "completion_tokens",
										"total_tokens", NULL};
	const char *const *name;
	bool any = false;
	int64_t tokens;

	for (name = names; *name != NULL; name++)
	{
		if (!hitl_json_integer(hitl_json_member(usage, *name), &tokens))
			continue;
		hitl_append_format(buffer, "%s\"%s\":", any ? "," : ",\"usage\":{",
						   *name);
		hitl_append_integer(buffer, tokens);
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
write_request(HitlBuffer *request, HitlArena *arena, const HitlJson *task,
			  const char *model, const HitlJson *parameters, const char *goal,
			  const HitlJson *variables, const HitlJson *steps)
{
	/* What the request itself decides; a streamed reply could not be read. */
	static const char *const own[] = {"model", "messages", "stream",
									  "stream_options", "n"};
	const HitlJson *instructions = hitl_json_member(task, "instructions");
	const HitlJson *member;
	HitlBuffer prompt;

	hitl_append_char(request, '{');
	if (model != NULL)
		hitl_json_write_member(request, "model", model);
	for (member = parameters == NULL ? NULL : parameters->first; member != NULL;
		 member = member->next)
	{
		bool taken = false;
		size_t i;

		for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
			taken |= strcmp(own[i], member->key) == 0;
		if (taken)
			continue;
		if (request->length > 1)
			hitl_append_char(request, ',');
		hitl_json_write_string(request, member->key, strlen(member->key));
		hitl_append_char(request, ':');
		hitl_json_write(request, member);
	}
	if (request->length > 1)
		hitl_append_char(request, ',');
	hitl_append_text(request,
					 "\"messages\":[{\"role\":\"system\",\"content\":");
	if (instructions != NULL && instructions->type == HITL_JSON_STRING)
		hitl_json_write(request, instructions);
	else
		hitl_json_write_string(request, default_instructions,
							   strlen(default_instructions));
	hitl_append_text(request, "},{\"role\":\"user\",\"content\":");
	hitl_buffer_init(&prompt, arena);
	write_prompt(&prompt, task, goal, variables, steps);
	hitl_json_write_string(request, prompt.data == NULL ? "" : prompt.data,
						   prompt.length);
	hitl_append_text(request, "}]}");
}

/*
 * Write what the user says: the task first, then what is known.
 */
static void
write_prompt(HitlBuffer *prompt, const HitlJson *task, const char *goal,
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
