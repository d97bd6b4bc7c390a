/*
 * text_call.c
 *		Calls that a model writes as text, because it or its server knows no
 *		better.
 *
 * A call is a JSON object, wherever in the text: {"name","arguments"} and the
 * like, or several in an array.  A code fence around it goes with it, and so do
 * the tags that models have been taught.  All other text is a thought.
 */
#include "core/inference.h"

#include <string.h>

/* How many times a text may be read in search of JSON. */
#define MAX_READINGS 8

static const char open_tag[] = "<tool_call>";
static const char close_tag[] = "</tool_call>";
static const char fence[] = "```";
static const char name_key[] = "\"name\"";
static const char arguments_key[] = "\"arguments\"";

typedef struct Search
{
	HitlArena *arena;
	HitlTurn *turn;
	const char *end;	/* of the text */
	size_t budget;		/* bytes that may be read in vain */
	bool ended;			/* do not look for more */
	const char *kept;	/* the text before has been looked through */
	HitlBuffer thought; /* what of it is no call */
	bool fenced;		/* the fence before a call has been left out */

	/* What is no JSON: does it look like a call, and why is it none? */
	const char *gap;   /* where it begins */
	bool no_arguments; /* none come after it */
	bool has_name;
	bool has_arguments;
	bool has_tag;
	const char *error; /* NULL: there is nothing like JSON */
	const char *error_at;
} Search;

/* The parts of a call. */
typedef struct Parts
{
	const HitlJson *id;
	const HitlJson *name;
	const HitlJson *arguments;
} Parts;

static const char *find_json(const char *p, const char *end);
static const char *read_json(Search *search, const char *p);
static void note_error(Search *search, const char *p,
					   const HitlJsonError *error);
static const HitlJson *list_calls(const HitlJson *value);
static void add_calls(Search *search, const char *text, size_t length);
static bool is_call(const HitlJson *value, Parts *parts);
static const HitlJson *find_input(const HitlJson *value);
static void take_out(Search *search, const char *start, const char *end);
static const char *skip_opening(Search *search, const char *start);
static const char *skip_space_back(const char *limit, const char *p);
static const char *skip_closing(Search *search, const char *end);
static bool ends_with(const char *start, const char *end, const char *part);
static bool begins_with(const char *start, const char *end, const char *part);
static void keep_thought(Search *search, const char *end);
static void look_for_signs(Search *search, const char *end);
static bool has_key(const char *p, const char *end, const char *key);
static const char *find(const char *p, const char *end, const char *part);
static void add_faulty(Search *search);

/*
 * Find the calls in the text of a turn that has none.  What is meant to be one
 * but cannot be read is added as a call with a fault, and stays in the text.
 */
void
hitl_find_calls(HitlArena *arena, HitlTurn *turn)
{
	Search search = {.arena = arena,
					 .turn = turn,
					 .end = turn->text + turn->length,
					 .budget = (turn->length + 100) * MAX_READINGS,
					 .kept = turn->text,
					 .gap = turn->text};
	const char *p = turn->text;

	if (turn->ncalls > 0)
		return;
	hitl_buffer_init(&search.thought, arena);
	while (!search.ended && (p = find_json(p, search.end)) != NULL)
		p = read_json(&search, p);
	look_for_signs(&search, search.end);
	keep_thought(&search, search.end);
	if (turn->ncalls > 0)
	{
		turn->text = hitl_buffer_text(&search.thought);
		turn->length = search.thought.length;
	}
	if (search.has_tag || (search.has_name && search.has_arguments))
		add_faulty(&search);
	if (turn->text == NULL)
	{
		turn->text = "";
		turn->length = 0;
	}
}

/*
 * Where an object with members begins, or an array of objects; or NULL.
 */
static const char *
find_json(const char *p, const char *end)
{
	for (; p < end; p++)
	{
		const char *next = p + 1;

		if (*p != '{' && *p != '[')
			continue;
		while (next < end && strchr(hitl_space, *next) != NULL)
			next++;
		if (next < end && *next == (*p == '{' ? '"' : '{'))
			return p;
		p = next - 1;
	}
	return NULL;
}

/*
 * Take out the calls that are at a place, if there is JSON; the answer is where
 * to look for more.
 */
static const char *
read_json(Search *search, const char *p)
{
	HitlArena scratch;
	const HitlJson *value;
	HitlJsonError error;
	HitlResult result;
	size_t used;
	bool found;

	hitl_arena_init(&scratch);
	result = hitl_json_read(&scratch, p, search->end - p, HITL_JSON_LENIENT,
							&value, &used, &error);
	found = result == HITL_OK && list_calls(value) != NULL;
	hitl_arena_free(&scratch);
	if (result == HITL_NO_MEMORY)
	{
		search->arena->failed = true;
		return search->end;
	}
	if (result != HITL_OK)
	{
		note_error(search, p, &error);
		return p + 1;
	}
	if (found)
	{
		add_calls(search, p, used);
		take_out(search, p, p + used);
	}
	else
	{
		look_for_signs(search, p);
		search->gap = p + used;
	}
	return p + used;
}

/*
 * What begins at a place is no JSON.  If it is a broken call, the search ends:
 * what is in one is no call of its own.
 */
static void
note_error(Search *search, const char *p, const HitlJsonError *error)
{
	if (!search->no_arguments && has_key(p, p + error->offset, name_key))
	{
		search->ended = has_key(p, search->end, arguments_key);
		search->no_arguments = !search->ended;
	}
	if (search->error == NULL || search->ended)
	{
		search->error = error->message;
		search->error_at = p + error->offset;
	}
	if (search->budget < error->offset)
		search->ended = true;
	else
		search->budget -= error->offset;
}

/*
 * The first of the calls that a value is, or NULL if it is something else.
 */
static const HitlJson *
list_calls(const HitlJson *value)
{
	const HitlJson *list = value->type == HITL_JSON_ARRAY
		? value
		: hitl_json_member(value, "tool_calls");
	const HitlJson *call;
	Parts parts;

	if (list == NULL || list->type != HITL_JSON_ARRAY)
		return is_call(value, &parts) ? value : NULL;
	for (call = list->first; call != NULL; call = call->next)
	{
		if (!is_call(call, &parts))
			return NULL;
	}
	return list->first;
}

/*
 * Add them, with memory that stays.
 */
static void
add_calls(Search *search, const char *text, size_t length)
{
	const HitlJson *value;
	const HitlJson *call;
	Parts parts;

	if (hitl_json_parse(search->arena, text, length, HITL_JSON_LENIENT, &value,
						NULL) != HITL_OK)
		return;
	for (call = list_calls(value); call != NULL; call = call->next)
	{
		is_call(call, &parts);
		hitl_add_call(search->arena, search->turn, parts.id, parts.name,
					  parts.arguments, false);
	}
}

/*
 * Is a value a call?  With "arguments" it is, and with other names for these
 * only if nothing in it is strange to a call.
 */
static bool
is_call(const HitlJson *value, Parts *parts)
{
	static const char *const known[] = {"id",		   "type", "index",
										"name",		   "tool", "parameters",
										"input",	   "args", "thought",
										"explanation", NULL};
	const HitlJson *function = hitl_json_member(value, "function");

	parts->id = hitl_json_member(value, "id");
	parts->name = hitl_json_member(function, "name");
	parts->arguments = hitl_json_member(function, "arguments");
	if (parts->name != NULL && parts->name->type == HITL_JSON_STRING)
	{
		if (parts->arguments == NULL)
			parts->arguments = find_input(function);
		return true;
	}
	parts->name = hitl_json_member(value, "name");
	if (parts->name == NULL)
		parts->name = hitl_json_member(value, "tool");
	if (parts->name == NULL || parts->name->type != HITL_JSON_STRING)
		return false;
	parts->arguments = hitl_json_member(value, "arguments");
	if (parts->arguments != NULL)
		return true;
	parts->arguments = find_input(value);
	return parts->arguments != NULL && hitl_only_members(value, known);
}

/*
 * What may be arguments by another name, or NULL.
 */
static const HitlJson *
find_input(const HitlJson *value)
{
	static const char *const names[] = {"parameters", "input", "args", NULL};
	const char *const *name;

	for (name = names; *name != NULL; name++)
	{
		const HitlJson *input = hitl_json_member(value, *name);

		if (input != NULL &&
			(input->type == HITL_JSON_OBJECT ||
			 (input->type == HITL_JSON_STRING &&
			  input->text[strspn(input->text, hitl_space)] == '{')))
			return input;
	}
	return NULL;
}

/*
 * Take what has been added out of the text, with what is around it.
 */
static void
take_out(Search *search, const char *start, const char *end)
{
	start = skip_opening(search, start);
	look_for_signs(search, start);
	keep_thought(search, start);
	search->kept = search->gap = skip_closing(search, end);
}

/*
 * Where tags, and the fence, that stand before a call begin.
 */
static const char *
skip_opening(Search *search, const char *start)
{
	static const char *const tags[] = {open_tag, "[TOOL_CALLS]",
									   "<|python_tag|>"};
	const char *limit = search->kept;
	const char *p;
	const char *fences;
	bool within;
	size_t i = 0;

	while (i < sizeof(tags) / sizeof(tags[0]))
	{
		p = skip_space_back(limit, start);
		if (ends_with(limit, p, tags[i]))
		{
			start = p - strlen(tags[i]);
			i = 0;
		}
		else
			i++;
	}

	/* The fence may name a language. */
	p = skip_space_back(limit, start);
	while (p > limit && ((p[-1] >= 'a' && p[-1] <= 'z') || p[-1] == '_'))
		p--;
	if (!ends_with(limit, p, fence))
		return start;
	p -= strlen(fence);
	for (within = false, fences = limit;
		 (fences = find(fences, p, fence)) != NULL; fences += strlen(fence))
		within = !within;
	if (within)
		return start; /* it is the end of another */
	search->fenced = true;
	return p;
}

/*
 * The end of what stands before white space.
 */
static const char *
skip_space_back(const char *limit, const char *p)
{
	while (p > limit && strchr(hitl_space, p[-1]) != NULL)
		p--;
	return p;
}

/*
 * Where what stands after a call ends.
 */
static const char *
skip_closing(Search *search, const char *end)
{
	for (;;)
	{
		const char *p = end;

		while (p < search->end && strchr(hitl_space, *p) != NULL)
			p++;
		if (begins_with(p, search->end, close_tag))
			end = p + strlen(close_tag);
		else if (search->fenced && begins_with(p, search->end, fence))
		{
			search->fenced = false;
			end = p + strlen(fence);
		}
		else
			return end;
	}
}

/*
 * Does a text end with another?
 */
static bool
ends_with(const char *start, const char *end, const char *part)
{
	size_t length = strlen(part);

	return (size_t) (end - start) >= length &&
		memcmp(end - length, part, length) == 0;
}

/*
 * Does it begin with it?
 */
static bool
begins_with(const char *start, const char *end, const char *part)
{
	size_t length = strlen(part);

	return (size_t) (end - start) >= length && memcmp(start, part, length) == 0;
}

/*
 * The text up to here is a thought; what only separates calls is none.
 */
static void
keep_thought(Search *search, const char *end)
{
	const char *start = search->kept;

	hitl_trim(&start, &end);
	if (end - start == 1 && (*start == ',' || *start == ';'))
		return;
	if (search->thought.length > 0 && end > start)
		hitl_append_char(&search->thought, '\n');
	hitl_append(&search->thought, start, end - start);
}

/*
 * Is there something in the text up to here, none of it JSON, that makes one
 * think of a call?
 */
static void
look_for_signs(Search *search, const char *end)
{
	search->has_name |= has_key(search->gap, end, name_key);
	search->has_arguments |= has_key(search->gap, end, arguments_key);
	search->has_tag |= find(search->gap, end, open_tag) != NULL;
}

/*
 * Is there a key, given in its quotes?
 */
static bool
has_key(const char *p, const char *end, const char *key)
{
	while ((p = find(p, end, key)) != NULL)
	{
		const char *after = p + strlen(key);

		while (after < end && strchr(hitl_space, *after) != NULL)
			after++;
		if (after < end && *after == ':')
			return true;
		p++;
	}
	return false;
}

/*
 * The first place of one text in another, or NULL.
 */
static const char *
find(const char *p, const char *end, const char *part)
{
	size_t length = strlen(part);

	while ((size_t) (end - p) >= length)
	{
		p = memchr(p, part[0], end - p - length + 1);
		if (p == NULL)
			return NULL;
		if (memcmp(p, part, length) == 0)
			return p;
		p++;
	}
	return NULL;
}

/*
 * Add a call that says what is wrong with the one in the text.
 */
static void
add_faulty(Search *search)
{
	HitlToolCall *call = hitl_add_call(search->arena, search->turn, NULL, NULL,
									   NULL, false);

	if (call == NULL)
		return;
	if (search->turn->stop == HITL_STOP_LENGTH &&
		(search->error == NULL || search->error_at == search->end))
		call->fault = HITL_CUT_OFF;
	else if (search->error != NULL)
		call->fault = hitl_explain_fault(search->arena, "the call is no JSON",
										 search->error, search->error_at,
										 search->end);
	else
		call->fault =
			"the call must be a JSON object with \"name\" and \"arguments\"";
}
