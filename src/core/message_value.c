/*
 * message_value.c
 *		JSON for people: tables of HTML, lines of plain text, or one text.
 *
 * Nothing is left out in silence: where a limit is reached, it is said.
 */
#include "core/message.h"
#include "core/schema.h"

#include <stdlib.h>
#include <string.h>

#define NO_BREAK "\xC2\xA0" /* U+00A0 */

/* Digits from which on they are grouped, and up to which it is a number to
 * reckon with, and not a long name of something. */
#define GROUPED_DIGITS 5
#define MOST_DIGITS	   15

/* A list of objects is a table up to so many members of so many characters. */
#define MAX_COLUMNS 6
#define MAX_COLUMN	60

/* Simple values up to so many characters in all share a line; or, where there
 * are so many of them, up to so many each. */
#define MAX_SHARED 60
#define MANY	   10
#define MAX_EACH   20

/* From this level on objects are lists, not tables. */
#define LISTED_LEVEL 2

/* How far keys are padded, in characters. */
#define MAX_KEY 24

/* How deep a value is told in a line. */
#define MAX_FLAT 4

/* How many values of two forms are compared. */
#define MOST_COMPARED 1000000

/* A text that is very long. */
#define LONG_TEXT 2000

typedef struct Walk
{
	HitlBuffer *out;
	const HitlTableLook *look; /* of HTML */
	HitlLimits left;
	int level; /* how deep it is in other values */
	bool full; /* it was said that there is more */
} Walk;

static bool is_form_of_context(const HitlNotice *notice);
static bool is_same(HitlArena *arena, const char *text, const HitlJson *value);
static void ignore_twice(void *context, const HitlPlace *place);
static void put_flat(HitlBuffer *out, const HitlJson *value, size_t characters,
					 int depth);
static void put_members(Walk *walk, const HitlJson *object);
static void put_value(Walk *walk, const HitlJson *value);
static void put_listed(Walk *walk, const HitlJson *object);
static void put_array(Walk *walk, const HitlJson *array);
static void end_list(Walk *walk, const HitlJson *left);
static int find_columns(const HitlJson *array, const char **columns);
static void put_columns(Walk *walk, const HitlJson *array,
						const char *const *columns, int count);
static void put_scalar(Walk *walk, const HitlJson *value);
static void put_lines(Walk *walk, const HitlJson *object, int indent);
static void put_line_value(Walk *walk, const HitlJson *value, int column,
						   int indent);
static void put_items(Walk *walk, const HitlJson *array, int indent);
static bool take_row(Walk *walk);
static bool is_simple(const HitlJson *value);
static bool is_short(const HitlJson *array);
static const char *scalar_text(HitlArena *arena, const HitlJson *value,
							   size_t characters);
static const char *group_digits(HitlArena *arena, const char *number);

/*
 * Append an object as a table.
 */
void
hitl_append_table(HitlBuffer *buffer, const HitlJson *object,
				  const HitlTableLook *look, const HitlLimits *limits)
{
	Walk walk = {buffer, look, *limits, 0, false};

	put_members(&walk, object);
}

/*
 * Append an object as lines of plain text.
 */
void
hitl_append_lines(HitlBuffer *buffer, const HitlJson *object,
				  const HitlLimits *limits)
{
	Walk walk = {buffer, NULL, *limits, 0, false};

	put_lines(&walk, object, 2);
}

/*
 * A value as one text of at most so many characters.
 */
const char *
hitl_value_text(HitlArena *arena, const HitlJson *value, size_t characters)
{
	HitlBuffer buffer;
	const char *text;

	if (is_simple(value))
		return scalar_text(arena, value, characters);
	hitl_buffer_init(&buffer, arena);
	put_flat(&buffer, value, characters, MAX_FLAT);
	text = hitl_made_text(&buffer);
	if (hitl_characters(text) <= characters)
		return text;
	return hitl_format_text(arena, "%.*s\xE2\x80\xA6",
							(int) hitl_utf8_cut(text, strlen(text),
												characters - 1),
							text);
}

/*
 * What of the context is shown: all, but for what the form shows itself.
 */
const HitlJson *
hitl_shown_context(const HitlNotice *notice)
{
	HitlJson *rest;
	HitlJson **end;
	const HitlJson *child;

	if (notice->schema == NULL ||
		hitl_json_member(notice->context, "form_fields") == NULL ||
		!is_form_of_context(notice))
		return notice->context;
	rest = hitl_alloc_zero(notice->arena, sizeof(HitlJson));
	if (rest == NULL)
		return NULL;
	rest->type = HITL_JSON_OBJECT;
	end = &rest->first;
	for (child = notice->context->first; child != NULL; child = child->next)
	{
		if (strcmp(child->key, "form_fields") != 0)
			hitl_json_add(notice->arena, rest, &end, child);
	}
	return rest->count == 0 ? NULL : rest;
}

/*
 * Was the form made of the fields that the context has?  They may mean nothing
 * to it, or have changed since.
 */
static bool
is_form_of_context(const HitlNotice *notice)
{
	HitlArena *arena = notice->arena;
	const char *type = hitl_text_at(notice->approval, "approval_type");
	const char *context = hitl_json_text(arena, notice->context);
	HitlFaults faults = {0};
	char *schema = NULL;
	char *ui_schema = NULL;
	bool same = false;

	if (type == NULL || strcmp(type, "form") != 0 || context == NULL)
		return false;
	switch (hitl_build_form(type, NULL, context, &schema, &ui_schema, &faults))
	{
		case HITL_OK:
			same = is_same(arena, schema, notice->schema) &&
				is_same(arena, ui_schema, notice->ui_schema);
			break;
		case HITL_NO_MEMORY:
			arena->failed = true;
			break;
		default:
			break;
	}
	free(schema);
	free(ui_schema);
	hitl_free_faults(&faults);
	return same;
}

/*
 * Is a value that of a text, whatever the order of members?
 */
static bool
is_same(HitlArena *arena, const char *text, const HitlJson *value)
{
	const char *const texts[] = {text,
								 value == NULL ? NULL
											   : hitl_json_text(arena, value)};
	const HitlJson *sorted[2];
	int64_t budget = MOST_COMPARED;
	int i;

	for (i = 0; i < 2; i++)
	{
		if (texts[i] == NULL ||
			hitl_json_parse(arena, texts[i], strlen(texts[i]), 0, &sorted[i],
							NULL) != HITL_OK)
			return false;
		/* It is ours, so it may be changed. */
		(void) hitl_sort_members((HitlJson *) sorted[i], NULL, ignore_twice,
								 NULL);
	}
	return hitl_compare_values(sorted[0], sorted[1], &budget) == 0 &&
		budget >= 0;
}

static void
ignore_twice(void *context, const HitlPlace *place)
{
	(void) context;
	(void) place;
}

/*
 * A value in a line, as far as anybody will see of it.
 */
static void
put_flat(HitlBuffer *out, const HitlJson *value, size_t characters, int depth)
{
	HitlArena *arena = out->arena;
	const HitlJson *child;

	if (is_simple(value))
	{
		hitl_append_text(out, scalar_text(arena, value, characters));
		return;
	}
	if (value->count == 0)
		hitl_append_text(out, "none");
	else if (depth == 0)
	{
		const char *json = hitl_json_text(arena, value);

		hitl_append_text(out, json == NULL ? "" : hitl_clean_text(arena, json));
		return;
	}
	for (child = value->first; child != NULL; child = child->next)
	{
		bool nested = child->type == HITL_JSON_OBJECT && child->count > 0;

		if (child != value->first)
			hitl_append_text(out, value->type == HITL_JSON_ARRAY ? ", " : "; ");
		if (child->key != NULL)
			hitl_append_format(out, "%s: ", hitl_humanise(arena, child->key));
		hitl_append_text(out, nested ? "(" : "");
		put_flat(out, child, characters, depth - 1);
		hitl_append_text(out, nested ? ")" : "");
		if (out->length / 4 > characters)
			break;
	}
}

/*
 * The members of an object, a row each.
 */
static void
put_members(Walk *walk, const HitlJson *object)
{
	HitlArena *arena = walk->out->arena;
	const HitlJson *child;

	hitl_append_format(walk->out, "<table%s>\n", walk->look->table);
	for (child = object->first; child != NULL && take_row(walk);
		 child = child->next)
	{
		hitl_append_format(walk->out, "<tr><th scope=\"row\"%s>",
						   walk->look->row_header);
		hitl_append_html(walk->out, hitl_humanise(arena, child->key));
		hitl_append_format(walk->out, "</th><td%s>", walk->look->cell);
		put_value(walk, child);
		hitl_append_text(walk->out, "</td></tr>\n");
	}
	if (child != NULL && !walk->full)
	{
		walk->full = true;
		hitl_append_format(walk->out,
						   "<tr><td colspan=\"2\"%s><em>More is not shown here."
						   "</em></td></tr>\n",
						   walk->look->cell);
	}
	hitl_append_text(walk->out, "</table>");
}

/*
 * What stands in a cell.
 */
static void
put_value(Walk *walk, const HitlJson *value)
{
	if (is_simple(value))
	{
		put_scalar(walk, value);
		return;
	}
	if (value->count == 0)
	{
		hitl_append_text(walk->out, "<em>none</em>");
		return;
	}
	if (walk->left.depth == 0)
	{
		hitl_append_html(walk->out,
						 hitl_value_text(walk->out->arena, value,
										 walk->left.characters));
		return;
	}
	walk->left.depth--;
	walk->level++;
	if (value->type != HITL_JSON_OBJECT)
		put_array(walk, value);
	else if (walk->level < LISTED_LEVEL)
		put_members(walk, value);
	else
		put_listed(walk, value);
	walk->level--;
	walk->left.depth++;
}

/*
 * The members of an object that is deep within others as a list, since tables
 * in tables get narrow.
 */
static void
put_listed(Walk *walk, const HitlJson *object)
{
	const HitlJson *child;

	hitl_append_format(walk->out, "<ul%s>", walk->look->list);
	for (child = object->first; child != NULL && take_row(walk);
		 child = child->next)
	{
		hitl_append_text(walk->out, "<li><strong>");
		hitl_append_html(walk->out,
						 hitl_humanise(walk->out->arena, child->key));
		hitl_append_text(walk->out, ":</strong> ");
		put_value(walk, child);
		hitl_append_text(walk->out, "</li>\n");
	}
	end_list(walk, child);
}

/*
 * An array: of objects that are alike a table, else a list.
 */
static void
put_array(Walk *walk, const HitlJson *array)
{
	const char *columns[MAX_COLUMNS];
	int count = find_columns(array, columns);
	const HitlJson *child;

	if (count > 0)
	{
		put_columns(walk, array, columns, count);
		return;
	}
	if (array->count > MANY && is_short(array))
	{
		hitl_append_html(walk->out,
						 hitl_value_text(walk->out->arena, array,
										 walk->left.characters));
		return;
	}
	hitl_append_format(walk->out, "<ul%s>", walk->look->list);
	for (child = array->first; child != NULL && take_row(walk);
		 child = child->next)
	{
		hitl_append_text(walk->out, "<li>");
		put_value(walk, child);
		hitl_append_text(walk->out, "</li>\n");
	}
	end_list(walk, child);
}

/*
 * End a list; left: what there was no room for.
 */
static void
end_list(Walk *walk, const HitlJson *left)
{
	if (left != NULL && !walk->full)
	{
		walk->full = true;
		hitl_append_text(walk->out,
						 "<li><em>More is not shown here.</em></li>");
	}
	hitl_append_text(walk->out, "</ul>");
}

/*
 * The keys of objects that are alike enough to stand in a table; 0 if they are
 * not, or not several.
 */
static int
find_columns(const HitlJson *array, const char **columns)
{
	const HitlJson *row;
	const HitlJson *member;
	int count = 0;
	int i;

	if (array->count < 2)
		return 0;
	for (row = array->first; row != NULL; row = row->next)
	{
		if (row->type != HITL_JSON_OBJECT || row->count == 0)
			return 0;
		for (member = row->first; member != NULL; member = member->next)
		{
			if (!is_simple(member) ||
				(member->type == HITL_JSON_STRING &&
				 (hitl_characters(member->text) > MAX_COLUMN ||
				  strchr(member->text, '\n') != NULL)))
				return 0;
			for (i = 0; i < count && strcmp(columns[i], member->key) != 0;)
				i++;
			if (i == MAX_COLUMNS)
				return 0;
			if (i == count)
				columns[count++] = member->key;
		}
	}
	return count;
}

/*
 * Such a table.
 */
static void
put_columns(Walk *walk, const HitlJson *array, const char *const *columns,
			int count)
{
	HitlBuffer *out = walk->out;
	const HitlJson *row;
	int i;

	hitl_append_format(out, "<table%s>\n<tr>", walk->look->table);
	for (i = 0; i < count; i++)
	{
		hitl_append_format(out, "<th scope=\"col\"%s>",
						   walk->look->column_header);
		hitl_append_html(out, hitl_humanise(out->arena, columns[i]));
		hitl_append_text(out, "</th>");
	}
	hitl_append_text(out, "</tr>\n");
	for (row = array->first; row != NULL && take_row(walk); row = row->next)
	{
		hitl_append_text(out, "<tr>");
		for (i = 0; i < count; i++)
		{
			const HitlJson *value = hitl_json_member(row, columns[i]);

			hitl_append_format(out, "<td%s>", walk->look->cell);
			if (value != NULL)
				put_scalar(walk, value);
			hitl_append_text(out, "</td>");
		}
		hitl_append_text(out, "</tr>\n");
	}
	if (row != NULL && !walk->full)
	{
		walk->full = true;
		hitl_append_format(out,
						   "<tr><td colspan=\"%d\"%s><em>More is not shown "
						   "here.</em></td></tr>\n",
						   count, walk->look->cell);
	}
	hitl_append_text(out, "</table>");
}

/*
 * A simple value, line ends as such.
 */
static void
put_scalar(Walk *walk, const HitlJson *value)
{
	HitlBuffer *out = walk->out;
	const char *text = hitl_clean_text(out->arena,
									   scalar_text(out->arena, value,
												   walk->left.characters));
	bool is_long = walk->look->long_text != NULL && strlen(text) > LONG_TEXT;
	bool is_word = value->type == HITL_JSON_NULL ||
		(value->type == HITL_JSON_STRING && value->length == 0);

	if (is_long)
		hitl_append_format(out, "<div%s>", walk->look->long_text);
	if (is_word)
		hitl_append_text(out, "<em>");
	for (;;)
	{
		size_t length = strcspn(text, "\n");
		const char *line = hitl_copy_text(out->arena, text, length);

		if (line == NULL)
			return;
		/* Of indented lines, as of code. */
		for (; *line == ' ' || *line == '\t'; line++)
			hitl_append_text(out,
							 *line == ' ' ? "&nbsp;" : "&nbsp;&nbsp;&nbsp; ");
		hitl_append_html(out, line);
		if (text[length] == '\0')
			break;
		hitl_append_text(out, "<br>\n");
		text += length + 1;
	}
	if (is_word)
		hitl_append_text(out, "</em>");
	if (is_long)
		hitl_append_text(out, "</div>");
}

/*
 * The members of an object as lines, the values below each other.
 */
static void
put_lines(Walk *walk, const HitlJson *object, int indent)
{
	HitlBuffer *out = walk->out;
	const HitlJson *child;
	size_t widest = 0;

	for (child = object->first; child != NULL; child = child->next)
	{
		size_t width = hitl_characters(hitl_humanise(out->arena, child->key));

		if ((is_simple(child) || is_short(child)) && width > widest)
			widest = width;
	}
	if (widest > MAX_KEY)
		widest = MAX_KEY;
	for (child = object->first; child != NULL && take_row(walk);
		 child = child->next)
	{
		const char *key = hitl_one_line(out->arena,
										hitl_humanise(out->arena, child->key),
										100);
		size_t width = hitl_characters(key);

		hitl_append_format(out, "%*s%s:", indent, "", key);
		if (child->type == HITL_JSON_STRING &&
			strchr(child->text, '\n') != NULL)
		{
			hitl_append_format(out, "\n%*s", indent + 2, "");
			put_line_value(walk, child, indent + 2, indent + 2);
		}
		else if (is_simple(child) || is_short(child))
		{
			int padding = width < widest ? (int) (widest - width) : 0;
			int column = indent + (int) width + padding + 2;

			hitl_append_format(out, "%*s", padding + 1, "");
			put_line_value(walk, child, column, indent + (int) widest + 2);
		}
		else if (walk->left.depth == 0)
		{
			hitl_append_char(out, ' ');
			put_line_value(walk, child, indent + (int) width + 2, indent + 2);
		}
		else
		{
			hitl_append_char(out, '\n');
			walk->left.depth--;
			if (child->type == HITL_JSON_OBJECT)
				put_lines(walk, child, indent + 2);
			else
				put_items(walk, child, indent + 2);
			walk->left.depth++;
		}
	}
	if (child != NULL && !walk->full)
	{
		walk->full = true;
		hitl_append_format(out, "%*sMore is not shown here.\n", indent, "");
	}
}

/*
 * A value that begins at a column, and goes on after an indent.
 */
static void
put_line_value(Walk *walk, const HitlJson *value, int column, int indent)
{
	hitl_append_wrapped(walk->out,
						hitl_value_text(walk->out->arena, value,
										walk->left.characters),
						column, indent);
}

/*
 * The elements of an array as lines, a dash before each.
 */
static void
put_items(Walk *walk, const HitlJson *array, int indent)
{
	HitlBuffer *out = walk->out;
	const HitlJson *child;

	for (child = array->first; child != NULL && take_row(walk);
		 child = child->next)
	{
		hitl_append_format(out, "%*s- ", indent, "");
		if (child->type == HITL_JSON_OBJECT && child->count > 0 &&
			walk->left.depth > 0)
		{
			size_t begin = out->length;

			walk->left.depth--;
			put_lines(walk, child, indent + 2);
			walk->left.depth++;

			/* The first line has the dash in the place of its indent. */
			if (!out->arena->failed && out->length > begin + indent + 2)
			{
				memmove(out->data + begin, out->data + begin + indent + 2,
						out->length - begin - indent - 2);
				out->length -= indent + 2;
			}
			else
				hitl_append_char(out, '\n');
		}
		else
			put_line_value(walk, child, indent + 2, indent + 2);
	}
	if (child != NULL && !walk->full)
	{
		walk->full = true;
		hitl_append_format(out, "%*sMore is not shown here.\n", indent, "");
	}
}

/*
 * May another row be shown?
 */
static bool
take_row(Walk *walk)
{
	if (walk->left.rows <= 0 || walk->out->arena->failed)
		return false;
	walk->left.rows--;
	return true;
}

static bool
is_simple(const HitlJson *value)
{
	return value->type < HITL_JSON_ARRAY;
}

/*
 * Is there nothing in it, or are its elements so simple that they share a
 * line?
 */
static bool
is_short(const HitlJson *value)
{
	const HitlJson *child;
	size_t characters = 0;
	size_t longest = 0;

	if (value->count == 0)
		return true;
	if (value->type != HITL_JSON_ARRAY)
		return false;
	for (child = value->first; child != NULL; child = child->next)
	{
		if (!is_simple(child) ||
			(child->text != NULL && strpbrk(child->text, ",\n") != NULL))
			return false;
		characters += child->length + 2;
		if (child->length > longest)
			longest = child->length;
	}
	return characters <= MAX_SHARED ||
		(value->count > MANY && longest <= MAX_EACH);
}

/*
 * A simple value as text, cut after so many characters.
 */
static const char *
scalar_text(HitlArena *arena, const HitlJson *value, size_t characters)
{
	switch (value->type)
	{
		case HITL_JSON_NULL:
			return "none";
		case HITL_JSON_FALSE:
			return "no";
		case HITL_JSON_TRUE:
			return "yes";
		case HITL_JSON_NUMBER:
			return group_digits(arena, value->text);
		default:
			break;
	}
	if (value->length == 0)
		return "empty";
	return hitl_cut_text(arena, value->text, characters);
}

/*
 * A number as it is written, digits before the point in groups of three.
 */
static const char *
group_digits(HitlArena *arena, const char *number)
{
	const char *digits = number + (*number == '-');
	size_t count = strspn(digits, "0123456789");
	HitlBuffer buffer;
	size_t i;

	if (count < GROUPED_DIGITS || count > MOST_DIGITS ||
		strpbrk(number, "eE") != NULL)
		return number;
	hitl_buffer_init(&buffer, arena);
	hitl_append(&buffer, number, digits - number);
	for (i = 0; i < count; i++)
	{
		if (i > 0 && (count - i) % 3 == 0)
			hitl_append_text(&buffer, NO_BREAK);
		hitl_append_char(&buffer, digits[i]);
	}
	hitl_append_text(&buffer, digits + count);
	return hitl_made_text(&buffer);
}
