/*
 * pattern.c
 *		Translate a regular expression of JSON Schema (ECMA-262, with the flag
 *		"u") into one that means the same to PostgreSQL.
 *
 * What is left is plain: characters, bracket expressions of characters and
 * ranges, groups that capture nothing, alternatives, quantifiers, anchors and
 * lookaround.  Whatever could mean something else there (the classes \d, \w and
 * \s, the dot, embedded options, prefixes of three asterisks) is written out or
 * refused.  A match is only looked for, never taken apart, so that lazy
 * quantifiers mean what greedy ones do.
 */
#include "core/schema.h"

#include <string.h>

#define MAX_GROUPS	100	 /* within each other */
#define MAX_REPEATS 255	 /* of PostgreSQL */
#define MAX_RANGES	1000 /* of one class */
#define LAST_CODE	0x10FFFF

#define WORD   "A-Za-z0-9_"
#define SYNTAX "\\^$.*+?()[]{}|"

/* Characters that have a meaning in bracket expressions. */
#define CLOSING	  0x01
#define OPENING	  0x02
#define CARET	  0x04
#define DASH	  0x08
#define BACKSLASH 0x10

typedef struct Range
{
	unsigned first;
	unsigned last;
} Range;

typedef struct Translation
{
	HitlArena *arena;
	HitlBuffer out;
	const char *p;
	const char *why; /* it is refused */
	int depth;
	bool atom; /* what was read last can be repeated */
	Range *ranges;
	int count;
} Translation;

static const Range digits[] = {{'0', '9'}};
static const Range words[] = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
static const Range spaces[] = {{'\t', '\r'},	 {' ', ' '},
							   {0xA0, 0xA0},	 {0x1680, 0x1680},
							   {0x2000, 0x200A}, {0x2028, 0x2029},
							   {0x202F, 0x202F}, {0x205F, 0x205F},
							   {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
static const Range line_ends[] = {{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}};

#define COUNT(array) ((int) (sizeof(array) / sizeof((array)[0])))

static void read_term(Translation *t);
static void open_group(Translation *t);
static void read_quantifier(Translation *t);
static int read_bound(Translation *t);
static void read_escape(Translation *t);
static void read_class(Translation *t);
static bool read_class_atom(Translation *t, unsigned *code);
static unsigned read_code_escape(Translation *t);
static bool read_hex(Translation *t, int count, unsigned *code);
static unsigned read_character(Translation *t);
static bool add_set(Translation *t, char name);
static void add_range(Translation *t, unsigned first, unsigned last);
static void merge_ranges(Translation *t);
static void write_class(Translation *t, bool negated);
static unsigned take_specials(Translation *t);
static unsigned special_of(unsigned code);
static void write_ranges(Translation *t, const Range *ranges, int count);
static void write_set(Translation *t, const Range *ranges, int count,
					  bool negated);
static void write_character(Translation *t, unsigned code);
static void write_literal(Translation *t, unsigned code);
static void refuse(Translation *t, const char *why);

/*
 * The translation; NULL if there is none (then why says so) or no memory.
 */
const char *
hitl_translate_pattern(HitlArena *arena, const char *pattern, const char **why)
{
	Range ranges[MAX_RANGES];
	Translation t = {.arena = arena, .p = pattern, .ranges = ranges};

	*why = NULL;
	hitl_buffer_init(&t.out, arena);
	while (t.why == NULL && *t.p != '\0')
		read_term(&t);
	if (t.depth > 0)
		refuse(&t, "a parenthesis is not closed");
	*why = t.why;
	return t.why == NULL ? hitl_buffer_text(&t.out) : NULL;
}

/*
 * One character, class, anchor, parenthesis or quantifier.
 */
static void
read_term(Translation *t)
{
	char c = *t->p;

	switch (c)
	{
		case '^':
		case '$':
		case '|':
			hitl_append_char(&t->out, c);
			t->p++;
			t->atom = false;
			break;
		case '(':
			t->p++;
			open_group(t);
			break;
		case ')':
			if (t->depth-- == 0)
				refuse(t, "a parenthesis is not opened");
			hitl_append_char(&t->out, ')');
			t->p++;
			t->atom = true;
			break;
		case '*':
		case '+':
		case '?':
		case '{':
			read_quantifier(t);
			break;
		case '.':
			write_set(t, line_ends, COUNT(line_ends), true);
			t->p++;
			break;
		case '[':
			t->p++;
			read_class(t);
			break;
		case ']':
		case '}':
			refuse(t, "a closing bracket must be escaped");
			break;
		case '\\':
			t->p++;
			read_escape(t);
			break;
		default:
			write_literal(t, read_character(t));
			break;
	}
}

/*
 * After an opening parenthesis.
 */
static void
open_group(Translation *t)
{
	static const char *const lookaround[] = {"?=", "?!", "?<=", "?<!"};
	size_t i;

	if (++t->depth > MAX_GROUPS)
		refuse(t, "too many groups within each other");
	t->atom = false;
	hitl_append_char(&t->out, '(');
	if (*t->p != '?')
		return;
	if (t->p[1] == ':')
	{
		t->p += 2;
		return;
	}
	for (i = 0; i < sizeof(lookaround) / sizeof(lookaround[0]); i++)
	{
		size_t length = strlen(lookaround[i]);

		if (strncmp(t->p, lookaround[i], length) == 0)
		{
			hitl_append_text(&t->out, lookaround[i]);
			t->p += length;
			return;
		}
	}
	refuse(t, "named groups and options are not supported");
}

/*
 * How often what is before it may come.
 */
static void
read_quantifier(Translation *t)
{
	if (!t->atom)
	{
		refuse(t,
			   *t->p == '{' ? "a brace must be escaped"
							: "there is nothing to repeat");
		return;
	}
	t->atom = false;
	if (*t->p != '{')
		hitl_append_char(&t->out, *t->p++);
	else
	{
		int low;
		int high;

		t->p++;
		low = high = read_bound(t);
		if (*t->p == ',')
		{
			t->p++;
			high = *t->p == '}' ? MAX_REPEATS + 1 : read_bound(t);
		}
		if (*t->p++ != '}')
		{
			t->p--;
			refuse(t, "a brace must be escaped");
			return;
		}
		if (high < low)
			refuse(t, "a quantifier has its bounds in the wrong order");
		hitl_append_format(&t->out, "{%d", low);
		if (high > MAX_REPEATS)
			hitl_append_char(&t->out, ',');
		else if (high != low)
			hitl_append_format(&t->out, ",%d", high);
		hitl_append_char(&t->out, '}');
	}
	if (*t->p == '?')
		t->p++;
}

/*
 * A bound of a quantifier.
 */
static int
read_bound(Translation *t)
{
	int bound = 0;

	if (*t->p < '0' || *t->p > '9')
		refuse(t, "a brace must be escaped");
	for (; *t->p >= '0' && *t->p <= '9'; t->p++)
	{
		bound = bound * 10 + (*t->p - '0');
		if (bound > MAX_REPEATS)
		{
			refuse(t, "more than 255 repetitions are not supported");
			bound = MAX_REPEATS;
		}
	}
	return bound;
}

/*
 * After a backslash outside of a class.
 */
static void
read_escape(Translation *t)
{
	switch (*t->p)
	{
		case 'b':
			hitl_append_text(&t->out,
							 "((?<=[" WORD "])(?![" WORD "])|(?<![" WORD
							 "])(?=[" WORD "]))");
			t->p++;
			t->atom = false;
			break;
		case 'B':
			hitl_append_text(&t->out,
							 "((?<=[" WORD "])(?=[" WORD "])|(?<![" WORD
							 "])(?![" WORD "]))");
			t->p++;
			t->atom = false;
			break;
		case 'd':
		case 'D':
			write_set(t, digits, COUNT(digits), *t->p++ == 'D');
			break;
		case 'w':
		case 'W':
			write_set(t, words, COUNT(words), *t->p++ == 'W');
			break;
		case 's':
		case 'S':
			write_set(t, spaces, COUNT(spaces), *t->p++ == 'S');
			break;
		default:
			write_literal(t, read_code_escape(t));
			break;
	}
}

/*
 * A class, after its opening bracket.
 */
static void
read_class(Translation *t)
{
	bool negated = *t->p == '^';

	if (negated)
		t->p++;
	t->count = 0;
	while (t->why == NULL && *t->p != ']')
	{
		unsigned first;
		unsigned last;

		if (*t->p == '\0')
		{
			refuse(t, "a class is not closed");
			return;
		}
		if (!read_class_atom(t, &first))
		{
			if (*t->p == '-' && t->p[1] != ']')
				refuse(t, "a range begins with a class");
			continue;
		}
		last = first;
		if (*t->p == '-' && t->p[1] != ']' && t->p[1] != '\0')
		{
			t->p++;
			if (!read_class_atom(t, &last))
				refuse(t, "a range ends with a class");
			else if (last < first)
				refuse(t, "a range has its ends in the wrong order");
		}
		add_range(t, first, last);
	}
	t->p++;
	if (t->why == NULL)
	{
		merge_ranges(t);
		write_class(t, negated);
	}
}

/*
 * A character of a class; false if it is a class of its own, which is added.
 */
static bool
read_class_atom(Translation *t, unsigned *code)
{
	if (*t->p != '\\')
	{
		*code = read_character(t);
		return true;
	}
	t->p++;
	if (add_set(t, *t->p))
	{
		t->p++;
		return false;
	}
	if (*t->p == 'b')
	{
		t->p++;
		*code = '\b';
	}
	else
		*code = read_code_escape(t);
	return true;
}

/*
 * After a backslash: the character that an escape stands for.
 */
static unsigned
read_code_escape(Translation *t)
{
	static const char names[] = "tnvfr";
	static const char values[] = "\t\n\v\f\r";
	char c = *t->p;
	unsigned code = 0;
	unsigned low;

	if (c == '\0')
	{
		refuse(t, "a backslash stands at the end");
		return 0;
	}
	if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z') &&
		!(c >= 'a' && c <= 'z'))
		return read_character(t);
	t->p++;
	if (strchr(names, c) != NULL)
		return (unsigned char) values[strchr(names, c) - names];
	switch (c)
	{
		case 'c':
			if ((*t->p >= 'a' && *t->p <= 'z') ||
				(*t->p >= 'A' && *t->p <= 'Z'))
				return (unsigned) *t->p++ % 32;
			refuse(t, "\\c takes a letter");
			return 0;
		case 'x':
			if (!read_hex(t, 2, &code))
				return 0;
			break;
		case 'u':
			if (*t->p == '{')
			{
				for (t->p++; *t->p != '}' && code <= LAST_CODE;)
				{
					if (!read_hex(t, 1, &low))
						return 0;
					code = code * 16 + low;
				}
				if (*t->p == '}')
					t->p++;
			}
			else if (!read_hex(t, 4, &code))
				return 0;
			else if (code >= 0xD800 && code <= 0xDBFF && t->p[0] == '\\' &&
					 t->p[1] == 'u')
			{
				t->p += 2;
				if (!read_hex(t, 4, &low))
					return 0;
				code = low >= 0xDC00 && low <= 0xDFFF
					? 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
					: code;
			}
			break;
		default:
			refuse(t,
				   c >= '1' && c <= '9'
					   ? "back references are not supported"
					   : "an escape is unknown or not supported");
			return 0;
	}
	if (code == 0 || code > LAST_CODE || (code >= 0xD800 && code <= 0xDFFF))
		refuse(t, "an escape stands for no character");
	return code;
}

/*
 * So many hexadecimal digits.
 */
static bool
read_hex(Translation *t, int count, unsigned *code)
{
	*code = 0;
	for (; count > 0; count--, t->p++)
	{
		char c = *t->p;

		*code *= 16;
		if (c >= '0' && c <= '9')
			*code += c - '0';
		else if (c >= 'a' && c <= 'f')
			*code += c - 'a' + 10;
		else if (c >= 'A' && c <= 'F')
			*code += c - 'A' + 10;
		else
		{
			refuse(t, "an escape lacks hexadecimal digits");
			return false;
		}
	}
	return true;
}

/*
 * The next character, which the JSON reader knows to be UTF-8.
 */
static unsigned
read_character(Translation *t)
{
	const unsigned char *p = (const unsigned char *) t->p;
	int more = p[0] >= 0xF0 ? 3 : p[0] >= 0xE0 ? 2 : p[0] >= 0x80 ? 1 : 0;
	unsigned code = more == 0 ? p[0] : p[0] & (0x3F >> more);

	t->p++;
	for (; more > 0 && (*t->p & 0xC0) == 0x80; more--)
		code = code << 6 | (*t->p++ & 0x3F);
	return code;
}

/*
 * Add \d and the like to the class; false if it is something else.
 */
static bool
add_set(Translation *t, char name)
{
	const Range *set;
	int count;
	unsigned next = 1;
	int i;

	switch (name)
	{
		case 'd':
		case 'D':
			set = digits;
			count = COUNT(digits);
			break;
		case 'w':
		case 'W':
			set = words;
			count = COUNT(words);
			break;
		case 's':
		case 'S':
			set = spaces;
			count = COUNT(spaces);
			break;
		default:
			return false;
	}
	for (i = 0; i < count; i++)
	{
		if (name >= 'a')
			add_range(t, set[i].first, set[i].last);
		else
			add_range(t, next, set[i].first - 1);
		next = set[i].last + 1;
	}
	if (name < 'a')
		add_range(t, next, LAST_CODE);
	return true;
}

/*
 * Add characters to the class.
 */
static void
add_range(Translation *t, unsigned first, unsigned last)
{
	if (t->count == MAX_RANGES)
		refuse(t, "a class is too long");
	else
	{
		t->ranges[t->count].first = first;
		t->ranges[t->count].last = last;
		t->count++;
	}
}

/*
 * Sort the ranges of the class, and join those that overlap or touch.
 */
static void
merge_ranges(Translation *t)
{
	int kept = 0;
	int i;
	int j;

	for (i = 1; i < t->count; i++)
	{
		Range range = t->ranges[i];

		for (j = i; j > 0 && t->ranges[j - 1].first > range.first; j--)
			t->ranges[j] = t->ranges[j - 1];
		t->ranges[j] = range;
	}
	for (i = 1; i < t->count; i++)
	{
		if (t->ranges[i].first <= t->ranges[kept].last + 1)
		{
			if (t->ranges[i].last > t->ranges[kept].last)
				t->ranges[kept].last = t->ranges[i].last;
		}
		else
			t->ranges[++kept] = t->ranges[i];
	}
	if (t->count > 0)
		t->count = kept + 1;
}

/*
 * Write the class as a bracket expression.  Those characters that have a meaning
 * there stand alone, where they have none: ] first, - first or last, ^ not
 * first, [ before none that would make it the beginning of a name.
 */
static void
write_class(Translation *t, bool negated)
{
	bool all = t->count == 1 && t->ranges[0].first <= 1 &&
		t->ranges[0].last == LAST_CODE;
	unsigned special;

	t->atom = true;
	if (t->count == 0 || all)
	{
		if (all == negated)
			refuse(t, "a class is empty");
		hitl_append_char(&t->out, '.'); /* takes line ends, too */
		return;
	}
	special = take_specials(t);
	if (special == CARET && t->count == 0 && !negated)
	{
		hitl_append_text(&t->out, "\\^");
		return;
	}
	hitl_append_text(&t->out, negated ? "[^" : "[");
	if (special & CLOSING)
		hitl_append_char(&t->out, ']');
	else if (special & DASH)
		hitl_append_char(&t->out, '-');
	write_ranges(t, t->ranges, t->count);
	if (special & OPENING)
		hitl_append_char(&t->out, '[');
	if (special & BACKSLASH)
		hitl_append_text(&t->out, "\\\\");
	if (special & CARET)
		hitl_append_char(&t->out, '^');
	if ((special & DASH) && (special & CLOSING))
		hitl_append_char(&t->out, '-');
	hitl_append_char(&t->out, ']');
}

/*
 * Take the special characters from the ends of the ranges.
 */
static unsigned
take_specials(Translation *t)
{
	unsigned found = 0;
	int kept = 0;
	int i;

	for (i = 0; i < t->count; i++)
	{
		Range range = t->ranges[i];
		unsigned special;

		for (; range.first <= range.last &&
			 (special = special_of(range.first)) != 0;
			 range.first++)
			found |= special;
		for (; range.first <= range.last &&
			 (special = special_of(range.last)) != 0;
			 range.last--)
			found |= special;
		if (range.first <= range.last)
			t->ranges[kept++] = range;
	}
	t->count = kept;
	return found;
}

static unsigned
special_of(unsigned code)
{
	switch (code)
	{
		case ']':
			return CLOSING;
		case '[':
			return OPENING;
		case '^':
			return CARET;
		case '-':
			return DASH;
		case '\\':
			return BACKSLASH;
		default:
			return 0;
	}
}

/*
 * Write what stands between brackets.
 */
static void
write_ranges(Translation *t, const Range *ranges, int count)
{
	int i;

	for (i = 0; i < count; i++)
	{
		write_character(t, ranges[i].first);
		if (ranges[i].last > ranges[i].first + 1)
			hitl_append_char(&t->out, '-');
		if (ranges[i].last > ranges[i].first)
			write_character(t, ranges[i].last);
	}
}

/*
 * Write a class that has no special characters.
 */
static void
write_set(Translation *t, const Range *ranges, int count, bool negated)
{
	hitl_append_text(&t->out, negated ? "[^" : "[");
	write_ranges(t, ranges, count);
	hitl_append_char(&t->out, ']');
	t->atom = true;
}

/*
 * Write a character that stands for itself.
 */
static void
write_literal(Translation *t, unsigned code)
{
	if (code > 0 && code < 0x80 && strchr(SYNTAX, (int) code) != NULL)
		hitl_append_char(&t->out, '\\');
	write_character(t, code);
	t->atom = true;
}

/*
 * Write a character as UTF-8.
 */
static void
write_character(Translation *t, unsigned code)
{
	char bytes[4];

	hitl_append(&t->out, bytes, hitl_put_utf8(bytes, code) - bytes);
}

/*
 * Record why the pattern is refused.
 */
static void
refuse(Translation *t, const char *why)
{
	if (t->why == NULL)
		t->why = why;
}
