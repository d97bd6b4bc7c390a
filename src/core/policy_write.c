/*
 * policy_write.c
 *		Policies as text: that of the simple form of a request, and one with
 *		somebody replaced.
 */
#include "core/policy.h"

#include <string.h>

/* The most required approvers that become parts of their own. */
#define MAX_REQUIRED_PARTS 100

/* A name of the simple form. */
typedef struct Name
{
	const HitlJson *value;
	bool required;
} Name;

typedef struct Names
{
	Name *items; /* the required ones first */
	int count;
	bool *again;  /* of each: it has come before */
	int required; /* different ones */
	int others;	  /* different ones beside them */
} Names;

typedef struct Replacement
{
	const char *from;
	const char *to;
	bool found;
	bool twice; /* a leaf asks both */
} Replacement;

static const char *read_names(HitlArena *arena, const char *json,
							  const char *what, bool required, Names *names);
static void count_names(HitlArena *arena, Names *names);
static void write_names(HitlBuffer *buffer, const Names *names, bool required,
						bool others);
static void write_required(HitlBuffer *buffer, const Names *names);
static void write_node(HitlBuffer *buffer, const HitlJson *value,
					   Replacement *replacement);
static void write_object(HitlBuffer *buffer, const HitlJson *object,
						 Replacement *replacement);
static void write_children(HitlBuffer *buffer, const HitlJson *array,
						   Replacement *replacement);
static void write_from(HitlBuffer *buffer, const HitlJson *value,
					   Replacement *replacement);
static HitlResult give(HitlArena *arena, const char *text, const char *fault,
					   char **json, char **error);

/*
 * The policy that asked, required and threshold stand for.
 */
HitlResult
hitl_simple_policy(const char *asked, const char *required, int threshold,
				   int64_t timeout_ms, char **json, char **error)
{
	HitlArena arena;
	HitlBuffer buffer;
	Names names = {0};
	const char *fault;

	hitl_arena_init(&arena);
	hitl_buffer_init(&buffer, &arena);
	fault = read_names(&arena, required, "required", true, &names);
	if (fault == NULL)
		fault = read_names(&arena, asked, "asked", false, &names);
	if (fault == NULL && !arena.failed)
	{
		count_names(&arena, &names);
		if (threshold > 0 && names.required + names.others > HITL_MAX_NAMES)
			fault = "asked and required are too many names; use a group";
	}
	if (fault == NULL && !arena.failed)
	{
		hitl_append_char(&buffer, '{');
		if (names.required == 0)
		{
			hitl_append_text(&buffer, "\"from\":");
			write_names(&buffer, &names, false, true);
			if (threshold > 0)
				hitl_append_format(&buffer, ",\"count\":%d", threshold);
			else
				hitl_append_text(&buffer, ",\"reject_after\":1");
		}
		else if (threshold > 0)
		{
			hitl_append_text(&buffer, "\"all_of\":[{\"from\":");
			write_names(&buffer, &names, true, false);
			hitl_append_format(&buffer, ",\"count\":%d},{\"from\":",
							   names.required < threshold ? names.required
														  : threshold);
			write_names(&buffer, &names, true, true);
			hitl_append_format(&buffer, ",\"count\":%d}]", threshold);
		}
		else
		{
			hitl_append_text(&buffer, "\"all_of\":[");
			write_required(&buffer, &names);
			if (names.others > 0)
			{
				hitl_append_text(&buffer, ",{\"from\":");
				write_names(&buffer, &names, false, true);
				hitl_append_text(&buffer, ",\"advisory\":true}");
			}
			hitl_append_text(&buffer, "],\"veto\":true");
		}
		hitl_append_text(&buffer, ",\"distinct\":false,\"exclude\":[]");
		if (timeout_ms > 0)
		{
			hitl_append_text(&buffer, ",\"timeout\":");
			hitl_append_seconds(&buffer, timeout_ms);
		}
		hitl_append_char(&buffer, '}');
	}
	return give(&arena, hitl_buffer_text(&buffer), fault, json, error);
}

/*
 * The policy with a name replaced.
 */
HitlResult
hitl_reassign_policy(const HitlPolicy *policy, const char *from, const char *to,
					 char **json, char **error)
{
	Replacement replacement = {from, to, false, false};
	HitlArena arena;
	HitlBuffer buffer;
	const char *fault = NULL;

	hitl_arena_init(&arena);
	hitl_buffer_init(&buffer, &arena);
	write_node(&buffer, policy->document, &replacement);
	if (to[0] == '\0')
		fault = "the new name is empty";
	else if (!replacement.found)
		fault = "the policy does not ask the first";
	else if (replacement.twice)
		fault = "the policy asks both in the same place";
	return give(&arena, hitl_buffer_text(&buffer), fault, json, error);
}

/*
 * Read a list of names; what is wrong with it, or NULL.
 */
static const char *
read_names(HitlArena *arena, const char *json, const char *what, bool required,
		   Names *names)
{
	const HitlJson *array;
	const HitlJson *value;
	HitlBuffer fault;
	HitlResult result;
	Name *items;

	if (json == NULL)
		return NULL;
	hitl_buffer_init(&fault, arena);
	result = hitl_json_parse(arena, json, strlen(json), 0, &array, NULL);
	if (result == HITL_NO_MEMORY)
		return NULL;
	if (result != HITL_OK || array->type != HITL_JSON_ARRAY)
	{
		hitl_append_format(&fault, "%s must be a JSON array of names", what);
		return hitl_buffer_text(&fault);
	}
	if (array->count > HITL_MAX_NAMES)
	{
		hitl_append_format(&fault,
						   "%s must not have more than %d names; use a group",
						   what, HITL_MAX_NAMES);
		return hitl_buffer_text(&fault);
	}
	items = hitl_alloc(arena, (names->count + array->count) * sizeof(Name));
	if (items == NULL)
		return NULL;
	if (names->count > 0)
		memcpy(items, names->items, names->count * sizeof(Name));
	names->items = items;
	for (value = array->first; value != NULL; value = value->next)
	{
		Name *name = &items[names->count++];

		if (value->type != HITL_JSON_STRING || value->length == 0)
		{
			hitl_append_format(&fault, "%s must be a JSON array of names",
							   what);
			return hitl_buffer_text(&fault);
		}
		name->value = value;
		name->required = required;
	}
	return NULL;
}

/*
 * Find the names that have come before, and count the others.
 */
static void
count_names(HitlArena *arena, Names *names)
{
	const char **texts = hitl_alloc(arena, names->count * sizeof(char *));
	int i;

	if (texts == NULL)
		return;
	for (i = 0; i < names->count; i++)
		texts[i] = names->items[i].value->text;
	names->again = hitl_find_doubles(arena, texts, names->count);
	for (i = 0; i < names->count && names->again != NULL; i++)
	{
		if (names->again[i])
			continue;
		if (names->items[i].required)
			names->required++;
		else
			names->others++;
	}
}

/*
 * Append names as an array; none stand for "*".
 */
static void
write_names(HitlBuffer *buffer, const Names *names, bool required, bool others)
{
	bool first = true;
	int i;

	hitl_append_char(buffer, '[');
	for (i = 0; i < names->count; i++)
	{
		const Name *name = &names->items[i];

		if (names->again[i] || !(name->required ? required : others))
			continue;
		if (!first)
			hitl_append_char(buffer, ',');
		first = false;
		hitl_json_write(buffer, name->value);
	}
	if (first)
		hitl_append_text(buffer, "\"*\"");
	hitl_append_char(buffer, ']');
}

/*
 * Append the required names as parts; very many as one.
 */
static void
write_required(HitlBuffer *buffer, const Names *names)
{
	bool first = true;
	int i;

	if (names->required > MAX_REQUIRED_PARTS)
	{
		hitl_append_text(buffer, "{\"from\":");
		write_names(buffer, names, true, false);
		hitl_append_format(buffer, ",\"count\":%d}", names->required);
		return;
	}
	for (i = 0; i < names->count; i++)
	{
		if (names->again[i] || !names->items[i].required)
			continue;
		if (!first)
			hitl_append_char(buffer, ',');
		first = false;
		hitl_json_write(buffer, names->items[i].value);
	}
}

/*
 * Append a node: a name, or an object.
 */
static void
write_node(HitlBuffer *buffer, const HitlJson *value, Replacement *replacement)
{
	if (value->type == HITL_JSON_STRING)
		write_from(buffer, value, replacement);
	else
		write_object(buffer, value, replacement);
}

/*
 * Append a node, or an "on_silence" that leads to one.  The document has been
 * parsed as a policy, so that its levels are bounded.
 */
static void
write_object(HitlBuffer *buffer, const HitlJson *object,
			 Replacement *replacement)
{
	const HitlJson *member;

	hitl_append_char(buffer, '{');
	for (member = object->first; member != NULL; member = member->next)
	{
		hitl_json_write_key(buffer, member->key);
		if (strcmp(member->key, "from") == 0)
			write_from(buffer, member, replacement);
		else if (strcmp(member->key, "escalate") == 0)
			write_node(buffer, member, replacement);
		else if (strcmp(member->key, "on_silence") == 0 &&
				 member->type == HITL_JSON_OBJECT)
			write_object(buffer, member, replacement);
		else if (member->type == HITL_JSON_ARRAY &&
				 strcmp(member->key, "exclude") != 0)
			write_children(buffer, member, replacement);
		else
			hitl_json_write(buffer, member);
	}
	hitl_append_char(buffer, '}');
}

/*
 * Append an array of nodes.
 */
static void
write_children(HitlBuffer *buffer, const HitlJson *array,
			   Replacement *replacement)
{
	const HitlJson *child;

	hitl_append_char(buffer, '[');
	for (child = array->first; child != NULL; child = child->next)
	{
		if (child != array->first)
			hitl_append_char(buffer, ',');
		write_node(buffer, child, replacement);
	}
	hitl_append_char(buffer, ']');
}

/*
 * Append a name, or an array of them.
 */
static void
write_from(HitlBuffer *buffer, const HitlJson *value, Replacement *replacement)
{
	bool is_array = value->type == HITL_JSON_ARRAY;
	const HitlJson *name = is_array ? value->first : value;
	bool found = false;
	bool already = false;

	if (is_array)
		hitl_append_char(buffer, '[');
	for (; name != NULL; name = is_array ? name->next : NULL)
	{
		bool replace = strcmp(name->text, replacement->from) == 0;

		if (is_array && name != value->first)
			hitl_append_char(buffer, ',');
		if (replace)
			hitl_json_write_string(buffer, replacement->to,
								   strlen(replacement->to));
		else
			hitl_json_write(buffer, name);
		found |= replace;
		already |= strcmp(name->text, replacement->to) == 0;
	}
	if (is_array)
		hitl_append_char(buffer, ']');
	replacement->found |= found;
	replacement->twice |= found && already;
}

/*
 * Hand out a text, or a fault, and free the memory of both.
 */
static HitlResult
give(HitlArena *arena, const char *text, const char *fault, char **json,
	 char **error)
{
	HitlResult result = HITL_OK;

	*json = NULL;
	if (error != NULL)
		*error = NULL;
	if (arena->failed)
		result = HITL_NO_MEMORY;
	else if (fault != NULL)
	{
		result = HITL_INVALID;
		if (error != NULL && (*error = hitl_malloc_text(fault)) == NULL)
			result = HITL_NO_MEMORY;
	}
	else if ((*json = hitl_malloc_text(text)) == NULL)
		result = HITL_NO_MEMORY;
	hitl_arena_free(arena);
	return result;
}
