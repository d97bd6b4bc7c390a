/*
 * agent_tool.c
 *		How tools of each kind are called, and how their failures read.
 */
#include "core/agent.h"

#include <stdio.h>
#include <string.h>

static const char *write_sql(HitlRun *run, const HitlTool *tool,
							 const HitlJson *arguments);
static const char *write_code(HitlRun *run, const HitlTool *tool,
							  const HitlJson *arguments);
static const char *write_http(HitlRun *run, const HitlTool *tool,
							  const HitlJson *arguments);
static void write_url(HitlBuffer *url, const char *pattern,
					  const HitlJson *arguments, bool in_body);
static bool is_in_path(const char *pattern, const char *name);
static void encode(HitlBuffer *url, const HitlJson *value);
static const char *write_external(HitlRun *run, const HitlTool *tool,
								  const HitlAgentCall *call);
static const char *write_child(HitlRun *run, const HitlTool *tool,
							   const HitlAgentCall *call);
static void write_member(HitlBuffer *buffer, const HitlJson *object,
						 const char *key);

/*
 * Have a tool run.
 */
void
hitl_call_tool(HitlRun *run, HitlPosition *position, const HitlTool *tool,
			   const HitlAgentCall *call)
{
	HitlEffectKind kind = HITL_EFFECT_RUN_SQL;
	HitlPositionState state = HITL_AWAITS_REPLY;
	const HitlJson *arguments = hitl_parse_kept(run, call->arguments);
	const HitlJson *queue;
	const char *type = NULL;
	const char *body = NULL;
	HitlEffect *effect;

	if (arguments == NULL)
		return;
	switch (tool->kind)
	{
		case HITL_TOOL_SQL:
			body = write_sql(run, tool, arguments);
			break;
		case HITL_TOOL_CODE:
			body = write_code(run, tool, arguments);
			break;
		case HITL_TOOL_HTTP:
			kind = HITL_EFFECT_RUN_HTTP;
			body = write_http(run, tool, arguments);
			break;
		case HITL_TOOL_EXTERNAL:
			kind = HITL_EFFECT_RUN_EXTERNAL;
			queue = hitl_json_member(tool->object, "queue");
			type = hitl_copy_text(run->memory, queue->text, queue->length);
			body = write_external(run, tool, call);
			break;
		case HITL_TOOL_AGENT:
			kind = HITL_EFFECT_START_CHILD;
			state = HITL_AWAITS_CHILD;
			body = write_child(run, tool, call);
			break;
		case HITL_TOOL_BUILTIN:
			break;
	}
	if (body == NULL)
	{
		hitl_stop(run, HITL_NO_MEMORY, NULL);
		return;
	}
	effect = hitl_emit(run, kind, type, position);
	effect->body = body;
	hitl_await(run, position, state, effect);
	if (hitl_limit_of_call(tool) > 0)
		hitl_set_timer(run, position,
					   run->now_us + hitl_limit_of_call(tool) * 1000000);
}

/*
 * How many seconds a call may take that nobody else limits; 0: as long as it
 * wants.
 */
int64_t
hitl_limit_of_call(const HitlTool *tool)
{
	const int64_t longest = HITL_MAX_DURATION_MS / 1000;
	int64_t seconds = 0;

	if (tool->kind != HITL_TOOL_EXTERNAL ||
		!hitl_json_integer(hitl_json_member(tool->object, "timeout_seconds"),
						   &seconds) ||
		seconds < 0)
		return 0;
	return seconds < longest ? seconds : longest;
}

/*
 * Would the URL of a call be another one than that of its tool, for what an
 * argument is put into it as?  Then append why, a line each.
 */
bool
hitl_misleads(HitlRun *run, const HitlTool *tool, const char *arguments,
			  HitlBuffer *text)
{
	const HitlJson *values = NULL;
	const char *pattern;
	const char *end;
	const char *p;
	bool found = false;

	if (tool->kind != HITL_TOOL_HTTP)
		return false;
	values = hitl_parse_kept(run, arguments);
	pattern = hitl_json_member(tool->object, "url")->text;
	for (p = pattern; (p = strchr(p, '{')) != NULL; p = end)
	{
		const HitlJson *value;
		const char *name;

		end = strchr(p, '}');
		if (end == NULL || values == NULL)
			break;
		name = hitl_copy_text(&run->scratch, p + 1, end - p - 1);
		if (name == NULL)
			break;
		value = hitl_json_member(values, name);
		if (value == NULL)
			hitl_append_format(text, "\nthe whole: is required: \"%s\"", name);
		else if (value->type == HITL_JSON_STRING &&
				 strspn(value->text, ".") == value->length)
			hitl_append_format(text,
							   "\n/%s: must be a part of a URL, neither empty "
							   "nor only dots",
							   name);
		else
			continue;
		found = true;
	}
	return found;
}

/*
 * Append how a call has failed, with all that helps to mend it.
 */
void
hitl_write_failure(HitlBuffer *text, const HitlJson *error,
				   const HitlReply *reply)
{
	static const char *const labels[][2] = {{"sqlstate", "SQLSTATE"},
											{"detail", "Detail"},
											{"hint", "Hint"},
											{"context", "Context"}};
	const HitlJson *position = hitl_json_member(error, "position");
	size_t i;

	hitl_append_format(text, "Error: %s",
					   reply->message == NULL ? "no reason given"
											  : reply->message);
	for (i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
	{
		const HitlJson *member = hitl_json_member(error, labels[i][0]);

		if (member != NULL && member->type == HITL_JSON_STRING &&
			member->length > 0)
			hitl_append_format(text, "\n%s: %s", labels[i][1], member->text);
	}
	if (position != NULL && position->type == HITL_JSON_NUMBER)
		hitl_append_format(text, "\nPosition: character %s", position->text);
}

/*
 * Append the response of a server; false if it is a failure.
 */
bool
hitl_write_response(HitlBuffer *text, const HitlTool *tool,
					const HitlJson *body)
{
	const HitlJson *content = hitl_json_member(body, "body");
	const HitlJson *expect = hitl_json_member(tool->object, "expect");
	const HitlJson *expected = NULL;
	int64_t status = 0;
	bool good;

	hitl_json_integer(hitl_json_member(body, "status"), &status);
	good = status >= 200 && status <= 299;
	if (expect != NULL && expect->type == HITL_JSON_ARRAY)
	{
		for (expected = expect->first; expected != NULL;
			 expected = expected->next)
		{
			int64_t number;

			if (hitl_json_integer(expected, &number) && number == status)
				break;
		}
		good = expected != NULL;
	}
	if (!good)
		hitl_append_format(text, "Error: the server answered with status %d. ",
						   (int) status);
	if (content != NULL && content->type == HITL_JSON_STRING &&
		content->length > 0)
		hitl_append(text, content->text, content->length);
	else if (good)
		hitl_append_format(text, "The server answered with status %d.",
						   (int) status);
	return good;
}

/*
 * Append what a workflow that was started has come to; false if it failed.
 */
bool
hitl_write_child(HitlBuffer *text, const HitlJson *body)
{
	const HitlJson *status = hitl_json_member(body, "status");
	const HitlJson *result = hitl_json_member(body, "result");
	const HitlJson *message = hitl_json_member(hitl_json_member(body, "error"),
											   "message");

	if (status != NULL && status->type == HITL_JSON_STRING &&
		strcmp(status->text, "completed") == 0)
	{
		if (result == NULL)
			hitl_append_text(text, "null");
		else if (result->type == HITL_JSON_STRING)
			hitl_append(text, result->text, result->length);
		else
			hitl_json_write(text, result);
		return true;
	}
	hitl_append_format(text, "Error: the agent's work ended as %s",
					   status != NULL && status->type == HITL_JSON_STRING
						   ? status->text
						   : "lost");
	if (message != NULL && message->type == HITL_JSON_STRING)
		hitl_append_format(text, ": %s", message->text);
	return false;
}

/*
 * A call of a function with the arguments that are given, by name.
 */
static const char *
write_sql(HitlRun *run, const HitlTool *tool, const HitlJson *arguments)
{
	const HitlJson *rows = hitl_json_member(tool->object, "rows");
	const HitlJson *argument = hitl_json_member(tool->object, "arguments");
	bool scalar = hitl_json_is_true(tool->object, "scalar");
	bool by_place = hitl_json_is_true(tool->object, "positional");
	HitlBuffer sql;
	HitlBuffer params;
	HitlBuffer body;
	int count = 0;

	hitl_buffer_init(&sql, &run->scratch);
	hitl_buffer_init(&params, &run->scratch);
	hitl_append_text(&sql, scalar ? "SELECT " : "SELECT * FROM ");
	hitl_append_text(&sql, hitl_json_member(tool->object, "call")->text);
	hitl_append_char(&sql, '(');
	for (argument = argument->first; argument != NULL;
		 argument = argument->next)
	{
		const HitlJson *value = hitl_json_member(
			arguments, hitl_json_member(argument, "name")->text);

		if (value == NULL)
			continue;
		if (count > 0)
		{
			hitl_append_text(&sql, ", ");
			hitl_append_char(&params, ',');
		}
		if (!by_place)
			hitl_append_format(&sql, "%s => ",
							   hitl_json_member(argument, "quoted")->text);
		hitl_append_format(&sql, "$%d::%s", ++count,
						   hitl_json_member(argument, "type")->text);
		hitl_json_write(&params, value);
	}
	hitl_append_char(&sql, ')');
	if (scalar)
		hitl_append_text(&sql, " AS result");

	hitl_buffer_init(&body, run->memory);
	hitl_append_char(&body, '{');
	hitl_json_write_member(&body, "sql", hitl_buffer_text(&sql));
	hitl_append_text(&body, ",\"params\":[");
	if (params.length > 0)
		hitl_append(&body, params.data, params.length);
	hitl_append_text(&body, "],\"rows\":");
	if (rows != NULL && rows->type == HITL_JSON_NUMBER)
		hitl_json_write(&body, rows);
	else
		hitl_append_text(&body, "100");
	write_member(&body, tool->object, "timeout_ms");
	hitl_append_char(&body, '}');
	return hitl_buffer_text(&body);
}

/*
 * SQL of the agent's own.
 */
static const char *
write_code(HitlRun *run, const HitlTool *tool, const HitlJson *arguments)
{
	const HitlJson *sql = hitl_json_member(arguments, "sql");
	HitlBuffer body;

	hitl_buffer_init(&body, run->memory);
	hitl_append_text(&body, "{\"sql\":");
	hitl_json_write(&body, sql);
	hitl_append_text(&body, ",\"params\":[]");
	write_member(&body, tool->object, "rows");
	write_member(&body, tool->object, "timeout_ms");
	hitl_append_text(&body, ",\"sandbox\":");
	hitl_json_write(&body, tool->object);
	hitl_append_char(&body, '}');
	return hitl_buffer_text(&body);
}

/*
 * An HTTP call: arguments that the URL names in braces go there, the others
 * into the body, or, where the method has none, into the query.
 */
static const char *
write_http(HitlRun *run, const HitlTool *tool, const HitlJson *arguments)
{
	const HitlJson *method = hitl_json_member(tool->object, "method");
	const char *pattern = hitl_json_member(tool->object, "url")->text;
	bool in_body = strcmp(method->text, "GET") != 0 &&
		strcmp(method->text, "DELETE") != 0 &&
		strcmp(method->text, "HEAD") != 0;
	const HitlJson *headers = hitl_json_member(tool->object, "headers");
	const HitlJson *member;
	HitlBuffer url;
	HitlBuffer body;

	hitl_buffer_init(&url, &run->scratch);
	write_url(&url, pattern, arguments, in_body);
	hitl_buffer_init(&body, run->memory);
	hitl_append_text(&body, "{\"method\":");
	hitl_json_write(&body, method);
	hitl_json_write_member(&body, "url", hitl_buffer_text(&url));
	hitl_append_text(&body, ",\"headers\":");
	if (headers != NULL && headers->type == HITL_JSON_OBJECT)
		hitl_json_write(&body, headers);
	else
		hitl_append_text(&body, "{}");
	write_member(&body, tool->object, "secret");
	write_member(&body, tool->object, "expect");
	write_member(&body, tool->object, "retry");
	write_member(&body, tool->object, "timeout_seconds");
	hitl_append_text(&body, ",\"body\":");
	if (in_body)
	{
		hitl_append_char(&body, '{');
		for (member = arguments->first; member != NULL; member = member->next)
		{
			if (is_in_path(pattern, member->key))
				continue;
			hitl_json_write_key(&body, member->key);
			hitl_json_write(&body, member);
		}
		hitl_append_char(&body, '}');
	}
	else
		hitl_append_text(&body, "null");
	hitl_append_char(&body, '}');
	return hitl_buffer_text(&body);
}

/*
 * Append a URL with the arguments that it names, and perhaps a query.
 */
static void
write_url(HitlBuffer *url, const char *pattern, const HitlJson *arguments,
		  bool in_body)
{
	const char *p = pattern;
	const HitlJson *member;
	bool query = strchr(pattern, '?') != NULL;

	while (*p != '\0')
	{
		const char *end = *p == '{' ? strchr(p, '}') : NULL;

		for (member = end == NULL ? NULL : arguments->first; member != NULL;
			 member = member->next)
		{
			if (strlen(member->key) == (size_t) (end - p - 1) &&
				strncmp(member->key, p + 1, end - p - 1) == 0)
				break;
		}
		if (end != NULL && member != NULL)
		{
			encode(url, member);
			p = end + 1;
		}
		else
			hitl_append_char(url, *p++);
	}
	for (member = in_body ? NULL : arguments->first; member != NULL;
		 member = member->next)
	{
		HitlJson key = {.type = HITL_JSON_STRING,
						.text = member->key,
						.length = strlen(member->key)};

		if (is_in_path(pattern, member->key))
			continue;
		hitl_append_char(url, query ? '&' : '?');
		query = true;
		encode(url, &key);
		hitl_append_char(url, '=');
		encode(url, member);
	}
}

/*
 * Does a URL name this argument?
 */
static bool
is_in_path(const char *pattern, const char *name)
{
	size_t length = strlen(name);
	const char *p;

	for (p = strchr(pattern, '{'); p != NULL; p = strchr(p + 1, '{'))
	{
		if (strncmp(p + 1, name, length) == 0 && p[length + 1] == '}')
			return true;
	}
	return false;
}

/*
 * Append a value, all but unreserved characters escaped (RFC 3986).
 */
static void
encode(HitlBuffer *url, const HitlJson *value)
{
	HitlBuffer text;
	size_t i;

	hitl_buffer_init(&text, url->arena);
	if (value->type == HITL_JSON_STRING)
		hitl_append(&text, value->text, value->length);
	else
		hitl_json_write(&text, value);
	for (i = 0; i < text.length; i++)
	{
		unsigned char c = (unsigned char) text.data[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9') || strchr("-._~", c) != NULL)
			hitl_append_char(url, (char) c);
		else
			hitl_append_format(url, "%%%02X", c);
	}
}

/*
 * A task for a program outside.
 */
static const char *
write_external(HitlRun *run, const HitlTool *tool, const HitlAgentCall *call)
{
	HitlBuffer body;

	hitl_buffer_init(&body, run->memory);
	hitl_append_char(&body, '{');
	hitl_json_write_member(&body, "task", tool->name);
	hitl_append_text(&body, ",\"context\":");
	hitl_append_text(&body, call->arguments);
	hitl_append_text(&body, ",\"instructions\":");
	hitl_json_write(&body, hitl_json_member(tool->object, "description"));
	hitl_append_text(&body, ",\"model\":null");
	write_member(&body, tool->object, "retry");
	write_member(&body, tool->object, "timeout_seconds");
	hitl_append_char(&body, '}');
	return hitl_buffer_text(&body);
}

/*
 * A workflow in which another agent does the task.
 */
static const char *
write_child(HitlRun *run, const HitlTool *tool, const HitlAgentCall *call)
{
	const HitlJson *agent = hitl_json_member(tool->object, "agent");
	HitlBuffer body;

	hitl_buffer_init(&body, run->memory);
	hitl_append_text(&body,
					 "{\"template\":null,\"version\":null,\"definition\":{"
					 "\"name\":\"agent ");
	hitl_json_write_content(&body, agent->text, agent->length);
	hitl_append_text(
		&body,
		"\",\"steps\":[{\"name\":\"run\",\"type\":\"task\",\"task\":"
		"\"{{ $.variables.task }}\",\"agent\":");
	hitl_json_write(&body, agent);
	hitl_append_text(&body,
					 "}],\"output\":\"{{ $.steps.run.answer }}\"},\"input\":");
	hitl_append_text(&body, call->arguments);
	hitl_append_char(&body, '}');
	return hitl_buffer_text(&body);
}

/*
 * Append a member of an object under its own key, null where it has none.
 */
static void
write_member(HitlBuffer *buffer, const HitlJson *object, const char *key)
{
	const HitlJson *member = hitl_json_member(object, key);

	hitl_json_write_key(buffer, key);
	if (member == NULL)
		hitl_append_text(buffer, "null");
	else
		hitl_json_write(buffer, member);
}
