/*
 * turn.c
 *		What a model says in a conversation: what it writes, the tools that it
 *		calls, and the SQL in what it writes.
 *
 * Models and servers make mistakes.  Those in a call are told as its fault, so
 * that the model can be told, too; only what is no answer at all is a failure.
 */
#include "core/inference.h"
#include "core/schema.h"

#include <string.h>
#include <strings.h>

#define MAX_NEAR 40 /* characters shown of a text that is no JSON */

const char hitl_space[] = " \t\r\n";

static const char fence[] = "```";

static void read_response(HitlArena *arena, const HitlJson *body,
						  HitlTurn *turn, HitlReply *reply);
static void read_own(HitlArena *arena, const HitlJson *result, HitlTurn *turn);
static void drop_thoughts(HitlTurn *turn);
static const char *read_arguments(HitlArena *arena, const HitlJson *value,
								  const char **fault);
static void note_double(void *context, const HitlPlace *place);
static const char *find_fence(const char *p);
static const char *end_of_language(const char *p, size_t *length);
static bool is_one_of(const char *word, size_t length,
					  const char *const *names);
static void add_block(HitlBuffer *code, const char *start, const char *end);

/*
 * Read a reply message, checked before.  False where it brings no answer: the
 * reply says why, and the turn only what it has taken.
 */
bool
hitl_read_turn(HitlArena *arena, const HitlJson *body, HitlTurn *turn,
			   HitlReply *reply)
{
	const HitlJson *result = hitl_json_member(body, "result");

	memset(turn, 0, sizeof(*turn));
	memset(reply, 0, sizeof(*reply));
	turn->text = "";
	turn->input_tokens = -1;
	turn->output_tokens = -1;
	if (!hitl_json_number(hitl_json_member(body, "cost"), &turn->cost) ||
		turn->cost < 0)
		turn->cost = -1;
	if (result != NULL)
		read_own(arena, result, turn);
	else if (!hitl_read_answer(arena, body, reply))
		read_response(arena, body, turn, reply);
	if (arena->failed)
		hitl_fail_reply(reply, "system_error", "out of memory");
	if (reply->kind == NULL)
	{
		drop_thoughts(turn);
		return true;
	}
	turn->text = "";
	turn->length = 0;
	turn->ncalls = 0;
	return false;
}

/*
 * Add a call; cut: the reply has ended within it, or might have.
 */
HitlToolCall *
hitl_add_call(HitlArena *arena, HitlTurn *turn, const HitlJson *id,
			  const HitlJson *name, const HitlJson *arguments, bool cut)
{
	int n = turn->ncalls;
	HitlToolCall *call;

	/* There is room for a power of two, and for four at least. */
	if (n == 0 || (n >= 4 && (n & (n - 1)) == 0))
	{
		call = hitl_alloc(arena, sizeof(HitlToolCall) * (n == 0 ? 4 : n * 2));
		if (call == NULL)
			return NULL;
		if (n > 0)
			memcpy(call, turn->calls, sizeof(HitlToolCall) * n);
		turn->calls = call;
	}
	call = &turn->calls[turn->ncalls++];
	call->id = id != NULL &&
			(id->type == HITL_JSON_STRING || id->type == HITL_JSON_NUMBER)
		? id->text
		: "";
	call->name = name != NULL && name->type == HITL_JSON_STRING ? name->text
																: "";
	call->fault = NULL;
	call->arguments = read_arguments(arena, arguments, &call->fault);

	/* Only of a text can be told that it is whole. */
	if (cut && (call->fault != NULL || hitl_is_blank(arguments)))
		call->fault = HITL_CUT_OFF;
	else if (call->fault == NULL && call->name[0] == '\0')
		call->fault = "the call names no tool";
	if (call->fault != NULL)
		call->arguments = NULL;
	return call;
}

/*
 * What is wrong with a text, why, and the beginning of where.
 */
const char *
hitl_explain_fault(HitlArena *arena, const char *what, const char *why,
				   const char *at, const char *end)
{
	HitlBuffer fault;

	hitl_buffer_init(&fault, arena);
	hitl_append_format(&fault, "%s: %s", what, why);
	if (at < end)
	{
		hitl_append_text(&fault, ", at: ");
		hitl_append(&fault, at, hitl_utf8_cut(at, end - at, MAX_NEAR));
	}
	return hitl_buffer_text(&fault);
}

/*
 * The SQL that a turn has between <code> and </code>, or else in code fences;
 * NULL if there is none, or it has been cut.
 */
const char *
hitl_find_code(HitlArena *arena, const HitlTurn *turn)
{
	static const char open_tag[] = "<code>";
	static const char close_tag[] = "</code>";
	const char *p = turn->text;
	bool tags = strstr(p, open_tag) != NULL;
	HitlBuffer code;

	hitl_buffer_init(&code, arena);
	while ((p = tags ? strstr(p, open_tag) : find_fence(p)) != NULL)
	{
		const char *end;

		if (tags)
			p += strlen(open_tag);
		end = strstr(p, tags ? close_tag : fence);
		if (end == NULL && turn->stop == HITL_STOP_LENGTH)
			return NULL;
		if (end == NULL)
		{
			add_block(&code, p, p + strlen(p));
			break;
		}
		add_block(&code, p, end);
		p = end + strlen(tags ? close_tag : fence);
	}
	return code.length > 0 ? hitl_buffer_text(&code) : NULL;
}

/*
 * Is it no text, or one with nothing in it?
 */
bool
hitl_is_blank(const HitlJson *value)
{
	return value == NULL || value->type != HITL_JSON_STRING ||
		value->text[strspn(value->text, hitl_space)] == '\0';
}

/*
 * Leave out white space at both ends.
 */
void
hitl_trim(const char **start, const char **end)
{
	while (*start < *end && strchr(hitl_space, **start) != NULL)
		(*start)++;
	while (*end > *start && strchr(hitl_space, (*end)[-1]) != NULL)
		(*end)--;
}

/*
 * Read the response of a server.
 */
static void
read_response(HitlArena *arena, const HitlJson *body, HitlTurn *turn,
			  HitlReply *reply)
{
	HitlCompletion completion;
	const HitlWireFormat *format = hitl_read_response(arena, body, &completion,
													  reply);

	turn->stop = completion.stop;
	turn->input_tokens = completion.input_tokens;
	turn->output_tokens = completion.output_tokens;
	if (completion.model != NULL && completion.model->type == HITL_JSON_STRING)
		turn->model = completion.model->text;
	if (format == NULL || arena->failed)
		return;
	turn->text = completion.content;
	turn->length = completion.length;

	/* Nothing said, or cut: that is a turn. */
	hitl_explain_stop(reply, completion.stop, false);
	format->read_calls(arena, completion.document, turn);
}

/*
 * Read what the host itself says.
 */
static void
read_own(HitlArena *arena, const HitlJson *result, HitlTurn *turn)
{
	const HitlJson *answer = result->type == HITL_JSON_OBJECT
		? hitl_json_member(result, "answer")
		: result;
	const HitlJson *calls = hitl_json_member(result, "calls");
	const HitlJson *usage = hitl_json_member(result, "usage");
	const HitlJson *model = hitl_json_member(result, "model");
	const HitlJson *call;

	if (answer != NULL && answer->type != HITL_JSON_NULL)
	{
		turn->text = answer->type == HITL_JSON_STRING
			? answer->text
			: hitl_json_text(arena, answer);
		turn->length = turn->text == NULL ? 0 : strlen(turn->text);
	}
	if (model != NULL && model->type == HITL_JSON_STRING)
		turn->model = model->text;
	turn->input_tokens = hitl_read_tokens(usage, "prompt_tokens");
	turn->output_tokens = hitl_read_tokens(usage, "completion_tokens");
	if (calls == NULL || calls->type != HITL_JSON_ARRAY)
		return;
	for (call = calls->first; call != NULL; call = call->next)
		hitl_add_call(arena, turn, hitl_json_member(call, "id"),
					  hitl_json_member(call, "name"),
					  hitl_json_member(call, "arguments"), false);
	if (turn->ncalls > 0)
		turn->stop = HITL_STOP_TOOL;
}

/*
 * Leave out what a model thought where the server did not take it out of the
 * text.  Some servers leave only the end of it.
 */
static void
drop_thoughts(HitlTurn *turn)
{
	static const char begin[] = "<think>";
	static const char end[] = "</think>";
	const char *first = strstr(turn->text, begin);
	const char *last = strstr(turn->text, end);
	bool begins = first != NULL &&
		first == turn->text + strspn(turn->text, hitl_space);

	if (last != NULL && (begins || first == NULL || first > last))
		turn->text = last + strlen(end);
	else if (last == NULL && begins && turn->stop == HITL_STOP_LENGTH)
		turn->text += turn->length;
	else
		return;
	turn->text += strspn(turn->text, hitl_space);
	turn->length = strlen(turn->text);
}

/*
 * Arguments as the text of a JSON object; or their fault.  They come as an
 * object, as its text, and even as the text of that text.
 */
static const char *
read_arguments(HitlArena *arena, const HitlJson *value, const char **fault)
{
	HitlJsonError error;
	HitlBuffer why;
	const char *text;
	const char *key = NULL;
	int i;

	for (i = 0; i < 2 && value != NULL && value->type == HITL_JSON_STRING; i++)
	{
		text = value->text;
		if (hitl_is_blank(value))
			value = NULL;
		else if (hitl_json_parse(arena, text, value->length, HITL_JSON_LENIENT,
								 &value, &error) == HITL_INVALID)
		{
			*fault = hitl_explain_fault(arena, "the arguments are no JSON",
										error.message, text + error.offset,
										text + strlen(text));
			return NULL;
		}
	}
	if (value == NULL || value->type == HITL_JSON_NULL)
		return "{}";
	hitl_buffer_init(&why, arena);
	if (value->type != HITL_JSON_OBJECT)
	{
		hitl_append_format(&why, "the arguments must be a JSON object, not %s",
						   hitl_json_type_name(value));
		*fault = hitl_buffer_text(&why);
		return NULL;
	}
	text = hitl_json_text(arena, value);

	/* Which of the two would be meant, or approved? */
	hitl_sort_members((HitlJson *) value, NULL, note_double, &key);
	if (key == NULL)
		return text;
	hitl_append_format(&why, "the arguments have the member \"%s\" twice", key);
	*fault = hitl_buffer_text(&why);
	return NULL;
}

/*
 * Keep the first of the members that an object has twice.
 */
static void
note_double(void *context, const HitlPlace *place)
{
	const char **key = context;

	if (*key == NULL)
		*key = place->key;
}

/*
 * Where the next code fence begins to be SQL, or NULL.  It names SQL, or no
 * language, or its first line is a statement already.
 */
static const char *
find_fence(const char *p)
{
	static const char *const languages[] = {"",		"sql",	 "postgresql",
											"psql", "pgsql", "postgres",
											NULL};
	static const char *const statements[] = {"select", "with",	 "insert",
											 "update", "delete", "merge",
											 "values", "table",	 "explain",
											 "show",   NULL};
	const char *text = p;

	while ((p = strstr(p, fence)) != NULL)
	{
		const char *line = p;
		const char *code;
		size_t length;

		while (line > text && (line[-1] == ' ' || line[-1] == '\t'))
			line--;
		p += strlen(fence);
		if (line > text && line[-1] != '\n')
			continue;
		code = end_of_language(p, &length);
		if (is_one_of(p, length, code != NULL ? languages : statements))
			return code != NULL ? code : p;

		/* What is after it is text again. */
		p = strstr(p, fence);
		if (p == NULL)
			return NULL;
		p += strlen(fence);
	}
	return NULL;
}

/*
 * The end of the first line of a fence if it is a word, as of a language, or
 * empty; else NULL.  length: of its first word.
 */
static const char *
end_of_language(const char *p, size_t *length)
{
	*length = strspn(p,
					 "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789+-#_.");
	p += *length;
	p += strspn(p, " \t\r");
	return *p == '\n' || *p == '\0' ? p : NULL;
}

/*
 * Is a word one of these, however it is written?
 */
static bool
is_one_of(const char *word, size_t length, const char *const *names)
{
	for (; *names != NULL; names++)
	{
		if (strlen(*names) == length && strncasecmp(*names, word, length) == 0)
			return true;
	}
	return false;
}

/*
 * Append a block of code on lines of its own, without the fence that some put
 * into the tags.
 */
static void
add_block(HitlBuffer *code, const char *start, const char *end)
{
	size_t length;

	hitl_trim(&start, &end);
	if (end - start >= 6 && strncmp(start, fence, 3) == 0 &&
		strncmp(end - 3, fence, 3) == 0)
	{
		const char *line;

		start += 3;
		end -= 3;
		line = end_of_language(start, &length);
		if (line != NULL && line < end)
			start = line;
		hitl_trim(&start, &end);
	}
	if (start == end)
		return;
	if (code->length > 0)
		hitl_append_char(code, '\n');
	hitl_append(code, start, end - start);
}
