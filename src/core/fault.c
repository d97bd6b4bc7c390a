/*
 * fault.c
 *		What the parsers of documents share: the list of faults, places in a
 *		document, and members of a known type.
 */
#include "core/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FAULTS 100
#define MAX_NAME   40 /* longest name that is compared with others */

static int compare_doubles(const void *a, const void *b);
static int distance(const char *a, const char *b);

/*
 * Record a fault of the document.  From the hundredth on they are dropped:
 * such a document is no definition with slips in it.
 */
void
hitl_fault(HitlParse *parse, const HitlPlace *place, const char *format, ...)
{
	HitlFaults *faults = parse->faults;
	HitlArena *memory;
	HitlBuffer pointer;
	char message[600];
	size_t length;
	va_list arguments;

	parse->faulty = true;
	if (hitl_faults_full(parse))
		return;
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	length = strlen(message);
	if (length == sizeof(message) - 1)
	{
		/* Cut between characters. */
		while (length > 0 && ((unsigned char) message[length] & 0xC0) == 0x80)
			length--;
		if (length > 0 && (unsigned char) message[length - 1] >= 0xC0)
			length--;
	}

	if (faults->memory == NULL)
	{
		HitlArena arena;

		hitl_arena_init(&arena);
		memory = hitl_alloc(&arena, sizeof(HitlArena));
		if (memory == NULL)
		{
			parse->result = HITL_NO_MEMORY;
			return;
		}
		*memory = arena;
		faults->memory = memory;
	}
	memory = faults->memory;
	if (faults->count == faults->capacity)
	{
		int capacity = faults->capacity == 0 ? 8 : faults->capacity * 2;
		HitlFault *items = hitl_alloc(memory, capacity * sizeof(HitlFault));

		if (items != NULL)
		{
			if (faults->count > 0)
				memcpy(items, faults->items, faults->count * sizeof(HitlFault));
			faults->items = items;
			faults->capacity = capacity;
		}
	}
	hitl_buffer_init(&pointer, memory);
	hitl_append_pointer(&pointer, place);
	if (!memory->failed)
	{
		HitlFault *fault = &faults->items[faults->count];

		fault->pointer = hitl_buffer_text(&pointer);
		fault->message = hitl_copy_text(memory, message, length);
	}
	if (memory->failed)
		parse->result = HITL_NO_MEMORY;
	else
		faults->count++;
}

/*
 * Are there so many faults that looking for more is idle?
 */
bool
hitl_faults_full(const HitlParse *parse)
{
	return parse->faults->count >= MAX_FAULTS;
}

/*
 * Free what hitl_fault built.
 */
void
hitl_free_faults(HitlFaults *faults)
{
	if (faults->memory != NULL)
		hitl_arena_free(faults->memory);
	memset(faults, 0, sizeof(*faults));
}

/*
 * Parse a document into an arena; NULL if that cannot be done, and parse then
 * has the reason.
 */
const HitlJson *
hitl_read_document(HitlParse *parse, HitlArena *arena, const HitlPlace *place,
				   const char *text)
{
	const HitlJson *document;
	HitlJsonError error;

	switch (hitl_json_parse(arena, text, strlen(text), 0, &document, &error))
	{
		case HITL_OK:
			return document;
		case HITL_INVALID:
			hitl_fault(parse, place, "not JSON: %s (byte %zu)", error.message,
					   error.offset);
			return NULL;
		default:
			parse->result = HITL_NO_MEMORY;
			return NULL;
	}
}

/*
 * Append a place as a JSON pointer (RFC 6901).
 */
void
hitl_append_pointer(HitlBuffer *buffer, const HitlPlace *place)
{
	const char *p;

	if (place == NULL)
		return;
	hitl_append_pointer(buffer, place->outer);
	if (place->index == HITL_WITHIN)
	{
		hitl_append_text(buffer, place->key);
		return;
	}
	hitl_append_char(buffer, '/');
	if (place->key == NULL)
	{
		hitl_append_integer(buffer, place->index);
		return;
	}
	for (p = place->key; *p != '\0'; p++)
	{
		if (*p == '~')
			hitl_append(buffer, "~0", 2);
		else if (*p == '/')
			hitl_append(buffer, "~1", 2);
		else
			hitl_append_char(buffer, *p);
	}
}

/*
 * Record a fault for every member whose name is in neither list (each ended
 * by NULL), and for every member given twice.
 */
void
hitl_check_members(HitlParse *parse, const HitlPlace *place,
				   const HitlJson *object, const char *const *names,
				   const char *const *more_names)
{
	const HitlJson *member;

	for (member = object->first; member != NULL && !hitl_faults_full(parse);
		 member = member->next)
	{
		HitlPlace here = {place, member->key, 0};
		const char *const *lists[2];
		bool known = false;
		int i;

		lists[0] = names;
		lists[1] = more_names;
		for (i = 0; i < 2 && !known; i++)
		{
			const char *const *name;

			for (name = lists[i]; name != NULL && *name != NULL && !known;
				 name++)
				known = strcmp(*name, member->key) == 0;
		}
		if (!known)
		{
			const char *nearest = hitl_nearest(member->key, names, more_names);

			if (nearest != NULL)
				hitl_fault(parse, &here,
						   "unknown member, perhaps \"%s\" is meant", nearest);
			else
				hitl_fault(parse, &here, "unknown member");
		}
		else if (hitl_json_member(object, member->key) != member)
			hitl_fault(parse, &here, "member given twice");
	}
}

/*
 * The name a text was probably meant to be, or NULL.
 */
const char *
hitl_nearest(const char *text, const char *const *names,
			 const char *const *more_names)
{
	const char *const *lists[2];
	const char *nearest = NULL;
	int best;
	int i;

	/* One slip in a short name, two in a longer one. */
	best = strlen(text) < 5 ? 2 : 3;
	lists[0] = names;
	lists[1] = more_names;
	for (i = 0; i < 2; i++)
	{
		const char *const *name;

		for (name = lists[i]; name != NULL && *name != NULL; name++)
		{
			int d = distance(text, *name);

			if (d < best)
			{
				best = d;
				nearest = *name;
			}
		}
	}
	return nearest;
}

/*
 * Which of the texts have come before, NULLs aside; NULL without memory.
 */
bool *
hitl_find_doubles(HitlArena *arena, const char *const *texts, int count)
{
	bool *again = hitl_alloc_zero(arena, count * sizeof(bool));
	const char *const **sorted = hitl_alloc(arena, count * sizeof(*sorted));
	int found = 0;
	int i;

	if (arena->failed)
		return NULL;
	for (i = 0; i < count; i++)
	{
		if (texts[i] != NULL)
			sorted[found++] = &texts[i];
	}
	if (found > 1)
		qsort(sorted, found, sizeof(*sorted), compare_doubles);
	for (i = 1; i < found; i++)
		again[sorted[i] - texts] = strcmp(*sorted[i - 1], *sorted[i]) == 0;
	return again;
}

/*
 * Have the host check a SQL/JSON path.
 */
void
hitl_check_path(HitlParse *parse, const HitlPlace *place, const char *path)
{
	const char *text = NULL;

	if (parse->host == NULL || parse->host->check_path == NULL ||
		parse->result != HITL_OK)
		return;
	switch (parse->host->check_path(parse->host->context, path, &text))
	{
		case HITL_QUERY_FOUND:
		case HITL_QUERY_EMPTY:
			break;
		case HITL_QUERY_FAULTY:
			hitl_fault(parse, place, "\"%s\" is not a SQL/JSON path: %s", path,
					   text == NULL ? "syntax error" : text);
			break;
		case HITL_QUERY_HOST_FAILED:
			parse->result = HITL_HOST_FAILED;
			break;
	}
}

/*
 * A member of one type.
 */
const HitlJson *
hitl_get(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
		 const char *key, HitlJsonType type, bool required)
{
	static const HitlJson samples[] =
		{[HITL_JSON_STRING] = {.type = HITL_JSON_STRING},
		 [HITL_JSON_ARRAY] = {.type = HITL_JSON_ARRAY},
		 [HITL_JSON_OBJECT] = {.type = HITL_JSON_OBJECT}};
	const HitlJson *member = hitl_json_member(object, key);
	HitlPlace here = {place, key, 0};

	if (member == NULL)
	{
		if (required)
			hitl_fault(parse, place, "\"%s\" is missing", key);
		return NULL;
	}
	if (member->type != type)
	{
		hitl_fault(parse, &here, "must be %s, not %s",
				   hitl_json_type_name(&samples[type]),
				   hitl_json_type_name(member));
		return NULL;
	}
	return member;
}

/*
 * A member that is a text, not an empty one.
 */
const char *
hitl_get_text(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
			  const char *key, bool required)
{
	const HitlJson *member = hitl_get(parse, place, object, key,
									  HITL_JSON_STRING, required);
	HitlPlace here = {place, key, 0};

	if (member == NULL)
		return NULL;
	if (member->length == 0)
	{
		hitl_fault(parse, &here, "must not be empty");
		return NULL;
	}
	return member->text;
}

/*
 * A member that is true or false; false where it is absent.
 */
bool
hitl_get_boolean(HitlParse *parse, const HitlPlace *place,
				 const HitlJson *object, const char *key)
{
	const HitlJson *member = hitl_json_member(object, key);
	HitlPlace here = {place, key, 0};

	if (member == NULL)
		return false;
	if (member->type != HITL_JSON_TRUE && member->type != HITL_JSON_FALSE)
		hitl_fault(parse, &here, "must be true or false, not %s",
				   hitl_json_type_name(member));
	return member->type == HITL_JSON_TRUE;
}

/*
 * A member that is a time, in ms; -1 where it is absent or faulty.
 */
int64_t
hitl_get_duration(HitlParse *parse, const HitlPlace *place,
				  const HitlJson *object, const char *key)
{
	const HitlJson *member = hitl_json_member(object, key);
	HitlPlace here = {place, key, 0};
	int64_t milliseconds;

	if (member == NULL)
		return -1;
	if (!hitl_parse_duration(member, &milliseconds) || milliseconds <= 0)
	{
		hitl_fault(
			parse, &here,
			"must be a number of seconds above 0, or a text "
			"such as \"30 seconds\", \"5 minutes\", \"2 hours\", \"1 day\"");
		return -1;
	}
	return milliseconds;
}

/*
 * By text, then as they came.
 */
static int
compare_doubles(const void *a, const void *b)
{
	const char *const *one = *(const char *const *const *) a;
	const char *const *other = *(const char *const *const *) b;
	int order = strcmp(*one, *other);

	if (order != 0)
		return order;
	return one < other ? -1 : 1;
}

/*
 * How many letters to add, drop, change or swap to make one name of another.
 */
static int
distance(const char *a, const char *b)
{
	int rows[3][MAX_NAME + 1];
	int a_length = (int) strnlen(a, MAX_NAME + 1);
	int b_length = (int) strnlen(b, MAX_NAME + 1);
	int i;
	int j;

	if (a_length > MAX_NAME || b_length > MAX_NAME)
		return MAX_NAME;
	for (j = 0; j <= b_length; j++)
		rows[0][j] = j;
	for (i = 1; i <= a_length; i++)
	{
		int *row = rows[i % 3];
		const int *above = rows[(i + 2) % 3];
		const int *two_above = rows[(i + 1) % 3];

		row[0] = i;
		for (j = 1; j <= b_length; j++)
		{
			int best = above[j - 1] + (a[i - 1] != b[j - 1]);

			if (above[j] + 1 < best)
				best = above[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
				a[i - 2] == b[j - 1] && two_above[j - 2] + 1 < best)
				best = two_above[j - 2] + 1;
			row[j] = best;
		}
	}
	return rows[a_length % 3][b_length];
}
