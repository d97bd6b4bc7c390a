/*
 * agent_request.c
 *		Is the request that is made of an agent's memory one that servers take?
 *		Read by jansson, so by other code than wrote it.
 */
#include "agent_script.h"

#define FAIL(place, ...) \
	report_failure((place)->path, (place)->entry, __VA_ARGS__)

static void check_openai(const ScriptPlace *place, json_t *request, bool tools,
						 json_t *roles);
static void check_openai_calls(const ScriptPlace *place, json_t *messages,
							   size_t at, json_t *ids);
static void check_anthropic(const ScriptPlace *place, json_t *request,
							bool tools, json_t *roles);
static void check_blocks(const ScriptPlace *place, json_t *blocks, json_t *open,
						 json_t *ids);
static void check_plain_id(const ScriptPlace *place, const char *id);
static void check_offers(const ScriptPlace *place, json_t *tools,
						 const char *around);
static void check_texts(const ScriptPlace *place, const char *request,
						const json_t *messages);
static const char *text_of(json_t *object, const char *key);

/*
 * Build the request of a provider, and check it; gives the roles of its
 * messages.
 */
json_t *
check_request(const ScriptPlace *place, const char *provider,
			  const char *settings, const json_t *messages, bool tools)
{
	char *said = json_dumps(messages, 0);
	char *body = NULL;
	char *error = NULL;
	json_t *roles = json_array();
	json_t *request;

	if (hitl_build_conversation(provider, "m", NULL, settings, said, tools,
								&body, &error) != HITL_OK)
		FAIL(place, "no request: %s", error == NULL ? "?" : error);
	request = body == NULL ? NULL
						   : json_loads(body, JSON_REJECT_DUPLICATES, NULL);
	if (request == NULL)
		FAIL(place, "the request is no JSON: %s", body == NULL ? "" : body);
	else
	{
		if (strcmp(text_of(request, "model"), "m") != 0)
			FAIL(place, "the request names no model");
		if (strcmp(provider, "openai") == 0)
			check_openai(place, request, tools, roles);
		else
			check_anthropic(place, request, tools, roles);
		check_texts(place, body, messages);
	}
	json_decref(request);
	free(said);
	free(body);
	free(error);
	return roles;
}

/*
 * Does a value fit what is expected?  Of an object, only the members that are
 * named; null fits what is not there, {"has": text} a text in which this is.
 */
bool
json_matches(const json_t *expected, const json_t *got)
{
	const char *key;
	json_t *value;
	size_t i;

	if (json_is_null(expected))
		return got == NULL || json_is_null(got);
	if (json_is_string(got) && json_object_size(expected) == 1 &&
		json_object_get(expected, "has") != NULL)
		return contains(json_string_value(got),
						json_string_value(json_object_get(expected, "has")));
	if (json_is_number(expected) && json_is_number(got))
		return json_number_value(expected) == json_number_value(got);
	if (json_is_array(expected) && json_is_array(got))
	{
		if (json_array_size(expected) != json_array_size(got))
			return false;
		json_array_foreach(expected, i, value)
		{
			if (!json_matches(value, json_array_get(got, i)))
				return false;
		}
		return true;
	}
	if (!json_is_object(expected) || !json_is_object(got))
		return json_equal(expected, got);
	json_object_foreach((json_t *) expected, key, value)
	{
		if (!json_matches(value, json_object_get(got, key)))
			return false;
	}
	return true;
}

/*
 * Chat completions: the system first, then a user; each call of an assistant
 * has its result right after it; two of the others never follow each other.
 */
static void
check_openai(const ScriptPlace *place, json_t *request, bool tools,
			 json_t *roles)
{
	json_t *messages = json_object_get(request, "messages");
	json_t *choice = json_object_get(request, "tool_choice");
	json_t *ids = json_object();
	json_t *message;
	const char *last = "";
	size_t i;

	check_offers(place, json_object_get(request, "tools"), "function");
	if (json_object_get(request, "tools") != NULL &&
		(strcmp(choice == NULL ? "" : json_string_value(choice), "none") ==
		 0) == tools)
		FAIL(place, "tools may %sbe called", tools ? "not " : "");
	json_array_foreach(messages, i, message)
	{
		const char *role = text_of(message, "role");
		json_t *content = json_object_get(message, "content");

		json_array_append_new(roles, json_string(role));
		if (strcmp(role, last) == 0 && strcmp(role, "tool") != 0)
			FAIL(place, "%s follows %s", role, last);
		if (strcmp(role, i == 0 ? "system" : i == 1 ? "user" : role) != 0)
			FAIL(place, "message %d is of the role %s", (int) i, role);
		if (strcmp(role, "tool") == 0 && strcmp(last, "tool") != 0 &&
			strcmp(last, "assistant") != 0)
			FAIL(place, "a result follows %s", last);
		if (json_object_get(message, "tool_calls") != NULL)
			check_openai_calls(place, messages, i, ids);
		else if (!json_is_string(content))
			FAIL(place, "a message of %s has no content", role);
		last = role;
	}
	if (strcmp(last, "user") != 0 && strcmp(last, "tool") != 0)
		FAIL(place, "the last message is of the role %s", last);
	json_decref(ids);
}

/*
 * The calls of the assistant at a place: one result each, in their order, right
 * after it.
 */
static void
check_openai_calls(const ScriptPlace *place, json_t *messages, size_t at,
				   json_t *ids)
{
	json_t *calls = json_object_get(json_array_get(messages, at), "tool_calls");
	json_t *call;
	json_t *result;
	size_t i;

	if (json_array_size(calls) == 0)
		FAIL(place, "an assistant has an empty list of calls");
	json_array_foreach(calls, i, call)
	{
		const char *id = text_of(call, "id");
		json_t *function = json_object_get(call, "function");
		const char *arguments = text_of(function, "arguments");
		json_t *read = json_loads(arguments, JSON_REJECT_DUPLICATES, NULL);

		result = json_array_get(messages, at + 1 + i);
		if (id[0] == '\0' || json_object_get(ids, id) != NULL)
			FAIL(place, "the id of a call is empty or not new: \"%s\"", id);
		json_object_set_new(ids, id, json_true());
		if (text_of(function, "name")[0] == '\0' || !json_is_object(read))
			FAIL(place, "a call has no name, or no object of arguments");
		json_decref(read);
		if (strcmp(text_of(result, "role"), "tool") != 0 ||
			strcmp(text_of(result, "tool_call_id"), id) != 0)
			FAIL(place, "the call \"%s\" has no result", id);
	}
	result = json_array_get(messages, at + 1 + json_array_size(calls));
	if (strcmp(text_of(result, "role"), "tool") == 0)
		FAIL(place, "there are more results than calls");
}

/*
 * Messages: users and assistants in turn, a user first and last; the results of
 * all calls, and only these, are what the next message begins with.
 */
static void
check_anthropic(const ScriptPlace *place, json_t *request, bool tools,
				json_t *roles)
{
	json_t *choice = json_object_get(request, "tool_choice");
	json_t *ids = json_object();
	json_t *open = json_array();
	json_t *message;
	const char *role = "assistant";
	size_t i;

	check_offers(place, json_object_get(request, "tools"), NULL);
	if (json_object_get(request, "tools") != NULL &&
		(strcmp(text_of(choice, "type"), "none") == 0) == tools)
		FAIL(place, "tools may %sbe called", tools ? "not " : "");
	if (text_of(request, "system")[0] == '\0' ||
		!json_is_integer(json_object_get(request, "max_tokens")))
		FAIL(place, "the request has no instructions, or no max_tokens");
	json_array_foreach(json_object_get(request, "messages"), i, message)
	{
		json_t *content = json_object_get(message, "content");

		if (strcmp(text_of(message, "role"), role) == 0)
			FAIL(place, "%s follows itself", role);
		role = text_of(message, "role");
		json_array_append_new(roles, json_string(role));
		if (json_is_array(content) && json_array_size(content) > 0)
			check_blocks(place, content, open, ids);
		else if (!json_is_string(content) || json_array_size(open) > 0 ||
				 json_string_length(content) == 0)
			FAIL(place, "a message of %s is faulty", role);
	}
	if (strcmp(role, "user") != 0)
		FAIL(place, "the last message is of the role %s", role);
	json_decref(open);
	json_decref(ids);
}

/*
 * The blocks of a message.  open: the calls of the message before, and in the
 * end those of this one.
 */
static void
check_blocks(const ScriptPlace *place, json_t *blocks, json_t *open,
			 json_t *ids)
{
	json_t *calls = json_array();
	json_t *block;
	size_t results = 0;
	size_t i;

	json_array_foreach(blocks, i, block)
	{
		const char *type = text_of(block, "type");

		if (strcmp(type, "tool_result") == 0)
		{
			const char *id = text_of(block, "tool_use_id");

			if (i != results ||
				strcmp(id,
					   json_string_value(json_array_get(open, i)) == NULL
						   ? ""
						   : json_string_value(json_array_get(open, i))) != 0)
				FAIL(place, "a result is not where it must be: \"%s\"", id);
			results++;
		}
		else if (strcmp(type, "tool_use") == 0)
		{
			const char *id = text_of(block, "id");

			check_plain_id(place, id);
			if (json_object_get(ids, id) != NULL)
				FAIL(place, "the id of a call is not new: \"%s\"", id);
			json_object_set_new(ids, id, json_true());
			json_array_append_new(calls, json_string(id));
			if (text_of(block, "name")[0] == '\0' ||
				!json_is_object(json_object_get(block, "input")))
				FAIL(place, "a call has no name, or no input");
		}
		else if (strcmp(type, "text") != 0 || text_of(block, "text")[0] == '\0')
			FAIL(place, "a block of the type \"%s\" is faulty", type);
	}
	if (results != json_array_size(open))
		FAIL(place, "%d of %d calls have a result", (int) results,
			 (int) json_array_size(open));
	json_array_clear(open);
	json_array_extend(open, calls);
	json_decref(calls);
}

/*
 * Letters, digits, "_" and "-".
 */
static void
check_plain_id(const ScriptPlace *place, const char *id)
{
	if (id[0] == '\0' ||
		id[strspn(id,
				  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789_-")] != '\0')
		FAIL(place, "the id of a call is \"%s\"", id);
}

/*
 * Each tool has a name of its own, and a schema of an object.
 */
static void
check_offers(const ScriptPlace *place, json_t *tools, const char *around)
{
	json_t *names = json_object();
	json_t *tool;
	size_t i;

	if (tools != NULL && json_array_size(tools) == 0)
		FAIL(place, "the list of tools is empty");
	json_array_foreach(tools, i, tool)
	{
		json_t *offer = around == NULL ? tool : json_object_get(tool, around);
		json_t *schema = json_object_get(offer,
										 around == NULL ? "input_schema"
														: "parameters");
		const char *name = text_of(offer, "name");

		if (name[0] == '\0' || json_object_get(names, name) != NULL ||
			strcmp(text_of(schema, "type"), "object") != 0)
			FAIL(place, "tool %d, \"%s\", is faulty", (int) i, name);
		json_object_set_new(names, name, json_true());
	}
	json_decref(names);
}

/*
 * All that the memory says is somewhere in the request.
 */
static void
check_texts(const ScriptPlace *place, const char *request,
			const json_t *messages)
{
	json_t *message;
	size_t i;

	json_array_foreach(messages, i, message)
	{
		json_t *text = json_object_get(message, "text");
		char *dump = json_dumps(text, JSON_ENCODE_ANY);

		/* As it is between its quotes. */
		dump[strlen(dump) - 1] = '\0';
		if (strspn(json_string_value(text), " \t\r\n") !=
				json_string_length(text) &&
			!contains(request, dump + 1))
			FAIL(place, "the request lacks: %s", dump + 1);
		free(dump);
	}
}

/*
 * A member that is a text; empty if it is none.
 */
static const char *
text_of(json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text == NULL ? "" : text;
}
