/*
 * json.c
 *		A JSON reader and writer.
 *
 * Numbers are kept as they are written: what an approver is shown and what
 * runs later must be the amount of the definition or of the data, not the
 * nearest double.  A document is a tree of nodes in an arena.
 */
#include "core/base.h"

#include <stdlib.h>
#include <string.h>

/* What numeric can take with room to spare: bytes, and decimal exponent. */
#define MAX_NUMBER 4000

/*
 * How deep documents may be nested: least those from outside, most those
 * that the core composes of others.
 */
#define MAX_DEPTH_LENIENT  200
#define MAX_DEPTH		   400
#define MAX_DEPTH_COMPOSED 1000

typedef struct Reader
{
	HitlArena *arena;
	const char *start;
	const char *p;
	const char *end;
	unsigned flags;
	int depth; /* that may still be entered */
	HitlJsonError error;
} Reader;

static bool read_value(Reader *reader, HitlJson *value);
static bool read_children(Reader *reader, HitlJson *value, char closing);
static bool read_word(Reader *reader, HitlJson *value, const char *word,
					  HitlJsonType type);
static bool read_number(Reader *reader, HitlJson *value);
static bool read_string(Reader *reader, const char **text, size_t *length);
static bool read_escape(Reader *reader, char **out);
static bool read_hex(Reader *reader, unsigned *code);
static size_t utf8_length(const char *p, const char *end);
static void skip_space(Reader *reader);
static bool refuse(Reader *reader, const char *message);

/*
 * Read one JSON text.  HITL_INVALID fills error.
 */
HitlResult
hitl_json_parse(HitlArena *arena, const char *text, size_t length,
				unsigned flags, const HitlJson **value, HitlJsonError *error)
{
	size_t used;
	HitlResult result = hitl_json_read(arena, text, length, flags, value, &used,
									   error);

	if (result != HITL_OK || used == length)
		return result;
	*value = NULL;
	if (error != NULL)
	{
		error->message = "text after the end of the document";
		error->offset = used;
	}
	return HITL_INVALID;
}

/*
 * Read the JSON text that a text begins with; it uses so many bytes, white
 * space after it included.
 */
HitlResult
hitl_json_read(HitlArena *arena, const char *text, size_t length,
			   unsigned flags, const HitlJson **value, size_t *used,
			   HitlJsonError *error)
{
	Reader reader = {arena, text,	   text,	 text + length,
					 flags, MAX_DEPTH, {NULL, 0}};
	HitlJson *root = hitl_alloc_zero(arena, sizeof(HitlJson));

	*value = NULL;
	*used = 0;
	if (root == NULL)
		return HITL_NO_MEMORY;
	if (flags & HITL_JSON_LENIENT)
		reader.depth = MAX_DEPTH_LENIENT;
	else if (flags & HITL_JSON_COMPOSED)
		reader.depth = MAX_DEPTH_COMPOSED;
	skip_space(&reader);
	if (read_value(&reader, root))
		skip_space(&reader);
	if (arena->failed)
		return HITL_NO_MEMORY;
	if (reader.error.message != NULL)
	{
		if (error != NULL)
			*error = reader.error;
		return HITL_INVALID;
	}
	*value = root;
	*used = reader.p - reader.start;
	return HITL_OK;
}

/*
 * A value as text; NULL without memory for it.
 */
char *
hitl_json_text(HitlArena *arena, const HitlJson *value)
{
	HitlBuffer buffer;

	hitl_buffer_init(&buffer, arena);
	hitl_json_write(&buffer, value);
	return hitl_buffer_text(&buffer);
}

/*
 * The member of an object with this key, or NULL; also for what is no object.
 */
const HitlJson *
hitl_json_member(const HitlJson *object, const char *key)
{
	const HitlJson *member;

	if (object == NULL || object->type != HITL_JSON_OBJECT)
		return NULL;
	for (member = object->first; member != NULL; member = member->next)
	{
		if (strcmp(member->key, key) == 0)
			return member;
	}
	return NULL;
}

/*
 * The same, but NULL for a null, too.
 */
const HitlJson *
hitl_json_stated(const HitlJson *object, const char *key)
{
	const HitlJson *member = hitl_json_member(object, key);

	return member == NULL || member->type == HITL_JSON_NULL ? NULL : member;
}

/*
 * Has an object the member true?
 */
bool
hitl_json_is_true(const HitlJson *object, const char *key)
{
	const HitlJson *member = hitl_json_member(object, key);

	return member != NULL && member->type == HITL_JSON_TRUE;
}

/*
 * A member that is a text and not empty, or NULL.
 */
const char *
hitl_text_at(const HitlJson *object, const char *key)
{
	const HitlJson *member = hitl_json_member(object, key);

	return member == NULL || member->type != HITL_JSON_STRING ||
			member->length == 0
		? NULL
		: member->text;
}

/*
 * Add a copy of a value to an array or object that is being built; nothing for
 * NULL.  end: where its children end.
 */
void
hitl_json_add(HitlArena *arena, HitlJson *parent, HitlJson ***end,
			  const HitlJson *value)
{
	HitlJson *copy = value == NULL ? NULL : hitl_alloc(arena, sizeof(HitlJson));

	if (copy == NULL)
		return;
	*copy = *value;
	copy->next = NULL;
	if (parent->type == HITL_JSON_ARRAY)
		copy->key = NULL;
	**end = copy;
	*end = &copy->next;
	parent->count++;
}

/*
 * Is it a whole number of 64 bits, written as one?
 */
bool
hitl_json_integer(const HitlJson *value, int64_t *integer)
{
	const char *p;
	uint64_t limit = INT64_MAX;
	uint64_t sum = 0;
	bool negative = false;

	if (value == NULL || value->type != HITL_JSON_NUMBER)
		return false;
	p = value->text;
	if (*p == '-')
	{
		negative = true;
		limit++;
		p++;
	}
	for (; *p != '\0'; p++)
	{
		unsigned digit = (unsigned) (*p - '0');

		if (digit > 9 || sum > (limit - digit) / 10)
			return false;
		sum = sum * 10 + digit;
	}
	*integer = negative ? (int64_t) -sum : (int64_t) sum;
	return true;
}

/*
 * Is it a finite number?
 */
bool
hitl_json_number(const HitlJson *value, double *number)
{
	if (value == NULL || value->type != HITL_JSON_NUMBER)
		return false;
	*number = strtod(value->text, NULL);
	return *number - *number == 0;
}

/*
 * A whole number within limits.
 */
bool
hitl_read_count(const HitlJson *object, const char *key, int64_t otherwise,
				int64_t low, int64_t high, int64_t *count)
{
	const HitlJson *member = hitl_json_member(object, key);

	*count = otherwise;
	if (member != NULL && !hitl_json_integer(member, count))
		return false;
	return *count >= low && *count <= high;
}

/*
 * The same for a number that is counted with less.
 */
bool
hitl_read_int(const HitlJson *object, const char *key, int otherwise, int low,
			  int high, int *count)
{
	int64_t number;

	if (!hitl_read_count(object, key, otherwise, low, high, &number))
		return false;
	*count = (int) number;
	return true;
}

/*
 * Which of the names a string is; -1 for none.
 */
int
hitl_find_name(const HitlJson *value, const char *const *names)
{
	int i;

	for (i = 0;
		 value != NULL && value->type == HITL_JSON_STRING && names[i] != NULL;
		 i++)
	{
		if (strcmp(names[i], value->text) == 0)
			return i;
	}
	return -1;
}

/*
 * Has an object only members of these names, each at most once?
 */
bool
hitl_only_members(const HitlJson *object, const char *const *names)
{
	const HitlJson *member;

	for (member = object->first; member != NULL; member = member->next)
	{
		const char *const *name = names;

		while (*name != NULL && strcmp(*name, member->key) != 0)
			name++;
		if (*name == NULL || hitl_json_member(object, member->key) != member)
			return false;
	}
	return true;
}

/*
 * "an object", for messages.
 */
const char *
hitl_json_type_name(const HitlJson *value)
{
	switch (value->type)
	{
		case HITL_JSON_NULL:
			return "null";
		case HITL_JSON_FALSE:
		case HITL_JSON_TRUE:
			return "a boolean";
		case HITL_JSON_NUMBER:
			return "a number";
		case HITL_JSON_STRING:
			return "a string";
		case HITL_JSON_ARRAY:
			return "an array";
		case HITL_JSON_OBJECT:
			return "an object";
	}
	return "unknown";
}

/*
 * Append a value as compact text.
 */
void
hitl_json_write(HitlBuffer *buffer, const HitlJson *value)
{
	const HitlJson *child;

	switch (value->type)
	{
		case HITL_JSON_NULL:
			hitl_append(buffer, "null", 4);
			break;
		case HITL_JSON_FALSE:
			hitl_append(buffer, "false", 5);
			break;
		case HITL_JSON_TRUE:
			hitl_append(buffer, "true", 4);
			break;
		case HITL_JSON_NUMBER:
			hitl_append(buffer, value->text, value->length);
			break;
		case HITL_JSON_STRING:
			hitl_json_write_string(buffer, value->text, value->length);
			break;
		case HITL_JSON_ARRAY:
		case HITL_JSON_OBJECT:
			hitl_append_char(buffer,
							 value->type == HITL_JSON_ARRAY ? '[' : '{');
			for (child = value->first; child != NULL; child = child->next)
			{
				if (child != value->first)
					hitl_append_char(buffer, ',');
				if (child->key != NULL)
				{
					hitl_json_write_string(buffer, child->key,
										   strlen(child->key));
					hitl_append_char(buffer, ':');
				}
				hitl_json_write(buffer, child);
			}
			hitl_append_char(buffer,
							 value->type == HITL_JSON_ARRAY ? ']' : '}');
			break;
	}
}

/*
 * Append a text as a JSON string.
 */
void
hitl_json_write_string(HitlBuffer *buffer, const char *text, size_t length)
{
	hitl_append_char(buffer, '"');
	hitl_json_write_content(buffer, text, length);
	hitl_append_char(buffer, '"');
}

/*
 * Append a text as the inside of a JSON string.
 */
void
hitl_json_write_content(HitlBuffer *buffer, const char *text, size_t length)
{
	const char *end = text + length;
	const char *plain = text;
	const char *p;

	for (p = text; p < end; p++)
	{
		const char *escape;

		if ((unsigned char) *p >= 0x20 && *p != '"' && *p != '\\')
			continue;
		hitl_append(buffer, plain, p - plain);
		plain = p + 1;
		switch (*p)
		{
			case '"':
				escape = "\\\"";
				break;
			case '\\':
				escape = "\\\\";
				break;
			case '\b':
				escape = "\\b";
				break;
			case '\f':
				escape = "\\f";
				break;
			case '\n':
				escape = "\\n";
				break;
			case '\r':
				escape = "\\r";
				break;
			case '\t':
				escape = "\\t";
				break;
			default:
				hitl_append_format(buffer, "\\u%04x", (unsigned char) *p);
				continue;
		}
		hitl_append(buffer, escape, 2);
	}
	hitl_append(buffer, plain, end - plain);
}

/*
 * Append ,"key": without the comma after a brace.
 */
void
hitl_json_write_key(HitlBuffer *buffer, const char *key)
{
	if (buffer->length > 0 && buffer->data[buffer->length - 1] != '{')
		hitl_append_char(buffer, ',');
	hitl_json_write_string(buffer, key, strlen(key));
	hitl_append_char(buffer, ':');
}

/*
 * Append a key and a text, null for NULL.
 */
void
hitl_json_write_member(HitlBuffer *buffer, const char *key, const char *text)
{
	hitl_json_write_key(buffer, key);
	if (text == NULL)
		hitl_append(buffer, "null", 4);
	else
		hitl_json_write_string(buffer, text, strlen(text));
}

/*
 * Append ,"key":value.
 */
void
hitl_write_number(HitlBuffer *buffer, const char *key, int64_t value)
{
	hitl_append_text(buffer, ",\"");
	hitl_append_text(buffer, key);
	hitl_append_text(buffer, "\":");
	hitl_append_integer(buffer, value);
}

/*
 * How many bytes the first characters of a UTF-8 text take.
 */
size_t
hitl_utf8_cut(const char *text, size_t length, size_t characters)
{
	size_t i;

	for (i = 0; i < length; i++)
	{
		if (((unsigned char) text[i] & 0xC0) != 0x80 && characters-- == 0)
			break;
	}
	return i;
}

/*
 * Write a character as UTF-8 and return what is after it.
 */
char *
hitl_put_utf8(char *out, unsigned code)
{
	if (code < 0x80)
		*out++ = (char) code;
	else if (code < 0x800)
	{
		*out++ = (char) (0xC0 | code >> 6);
		*out++ = (char) (0x80 | (code & 0x3F));
	}
	else if (code < 0x10000)
	{
		*out++ = (char) (0xE0 | code >> 12);
		*out++ = (char) (0x80 | (code >> 6 & 0x3F));
		*out++ = (char) (0x80 | (code & 0x3F));
	}
	else
	{
		*out++ = (char) (0xF0 | code >> 18);
		*out++ = (char) (0x80 | (code >> 12 & 0x3F));
		*out++ = (char) (0x80 | (code >> 6 & 0x3F));
		*out++ = (char) (0x80 | (code & 0x3F));
	}
	return out;
}

/*
 * Any value, at its first byte.
 */
static bool
read_value(Reader *reader, HitlJson *value)
{
	bool read;

	if (reader->p >= reader->end)
		return refuse(reader, "the document ends early");
	switch (*reader->p)
	{
		case '{':
		case '[':
			if (reader->depth-- == 0)
				return refuse(reader, "nested too deeply");
			value->type = *reader->p == '{' ? HITL_JSON_OBJECT
											: HITL_JSON_ARRAY;
			read = read_children(reader, value, *reader->p == '{' ? '}' : ']');
			reader->depth++;
			return read;
		case '"':
			value->type = HITL_JSON_STRING;
			return read_string(reader, &value->text, &value->length);
		case 't':
			return read_word(reader, value, "true", HITL_JSON_TRUE);
		case 'f':
			return read_word(reader, value, "false", HITL_JSON_FALSE);
		case 'n':
			return read_word(reader, value, "null", HITL_JSON_NULL);
		default:
			return read_number(reader, value);
	}
}

/*
 * The elements of an array or the members of an object, from the opening
 * bracket to the closing one.
 */
static bool
read_children(Reader *reader, HitlJson *value, char closing)
{
	HitlJson **last = &value->first;

	reader->p++;
	skip_space(reader);
	if (reader->p < reader->end && *reader->p == closing)
	{
		reader->p++;
		return true;
	}
	for (;;)
	{
		HitlJson *child = hitl_alloc_zero(reader->arena, sizeof(HitlJson));

		if (child == NULL)
			return false;
		if (value->type == HITL_JSON_OBJECT)
		{
			size_t length;

			if (reader->p >= reader->end || *reader->p != '"')
				return refuse(reader, "a member name in quotes is expected");
			if (!read_string(reader, &child->key, &length))
				return false;
			skip_space(reader);
			if (reader->p >= reader->end || *reader->p != ':')
				return refuse(reader, "a colon is expected");
			reader->p++;
			skip_space(reader);
		}
		if (!read_value(reader, child))
			return false;
		*last = child;
		last = &child->next;
		value->count++;
		skip_space(reader);
		if (reader->p >= reader->end)
			return refuse(reader, "the document ends early");
		if (*reader->p == closing)
		{
			reader->p++;
			return true;
		}
		if (*reader->p != ',')
			return refuse(reader, "a comma or a closing bracket is expected");
		reader->p++;
		skip_space(reader);
	}
}

/*
 * true, false or null.
 */
static bool
read_word(Reader *reader, HitlJson *value, const char *word, HitlJsonType type)
{
	size_t length = strlen(word);

	if ((size_t) (reader->end - reader->p) < length ||
		memcmp(reader->p, word, length) != 0)
		return refuse(reader, "a value is expected");
	reader->p += length;
	value->type = type;
	return true;
}

/*
 * A number; its text is kept.
 */
static bool
read_number(Reader *reader, HitlJson *value)
{
	const char *p = reader->p;
	const char *end = reader->end;
	const char *digits;
	int exponent = 0;

	if (p < end && *p == '-')
		p++;
	digits = p;
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	if (p == digits || (*digits == '0' && p - digits > 1))
		return refuse(reader, "a value is expected");
	if (p < end && *p == '.')
	{
		digits = ++p;
		while (p < end && *p >= '0' && *p <= '9')
			p++;
		if (p == digits)
			return refuse(reader,
						  "a digit is expected after the decimal point");
	}
	if (p < end && (*p == 'e' || *p == 'E'))
	{
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		digits = p;
		for (; p < end && *p >= '0' && *p <= '9'; p++)
		{
			if (exponent <= MAX_NUMBER)
				exponent = exponent * 10 + (*p - '0');
		}
		if (p == digits)
			return refuse(reader, "a digit is expected in the exponent");
	}
	if (p - reader->p > MAX_NUMBER || exponent > MAX_NUMBER)
		return refuse(reader, "the number is out of range");
	value->type = HITL_JSON_NUMBER;
	value->length = p - reader->p;
	value->text = hitl_copy_text(reader->arena, reader->p, value->length);
	reader->p = p;
	return value->text != NULL;
}

/*
 * A string, at its opening quote.
 */
static bool
read_string(Reader *reader, const char **text, size_t *length)
{
	const char *p;
	char *copy;
	char *out;
	size_t room = 0;

	/*
	 * An escape is never longer than what it stands for, but U+FFFD in place
	 * of one bad byte is.
	 */
	for (p = ++reader->p; p < reader->end && *p != '"'; p++)
	{
		room += (reader->flags & HITL_JSON_LENIENT) && (*p & 0x80) ? 3 : 1;
		if (*p == '\\' && ++p < reader->end)
			room++;
	}
	copy = out = hitl_alloc(reader->arena, room + 1);
	if (copy == NULL)
		return false;

	for (;;)
	{
		unsigned char c;
		size_t bytes;

		if (reader->p >= reader->end)
			return refuse(reader, "a string has no end");
		c = (unsigned char) *reader->p;
		if (c == '"')
			break;
		if (c == '\\')
		{
			if (!read_escape(reader, &out))
				return false;
		}
		else if (c < 0x20)
			return refuse(reader, "a control character stands in a string");
		else if (c < 0x80)
		{
			*out++ = (char) c;
			reader->p++;
		}
		else
		{
			bytes = utf8_length(reader->p, reader->end);
			if (bytes > 0)
			{
				memcpy(out, reader->p, bytes);
				out += bytes;
				reader->p += bytes;
			}
			else if (reader->flags & HITL_JSON_LENIENT)
			{
				out = hitl_put_utf8(out, 0xFFFD);
				reader->p++;
			}
			else
				return refuse(reader, "a string is not UTF-8");
		}
	}
	reader->p++;
	*out = '\0';
	*text = copy;
	*length = out - copy;
	return true;
}

/*
 * An escape, at its backslash.
 */
static bool
read_escape(Reader *reader, char **out)
{
	static const char names[] = "\"\\/bfnrt";
	static const char values[] = "\"\\/\b\f\n\r\t";
	const char *name;
	unsigned code;
	unsigned low;

	reader->p++;
	if (reader->p >= reader->end)
		return refuse(reader, "a string has no end");
	if (*reader->p != 'u')
	{
		name = *reader->p == '\0' ? NULL : strchr(names, *reader->p);
		if (name == NULL)
			return refuse(reader, "unknown escape in a string");
		*(*out)++ = values[name - names];
		reader->p++;
		return true;
	}
	reader->p++;
	if (!read_hex(reader, &code))
		return false;
	if (code >= 0xD800 && code <= 0xDBFF)
	{
		const char *after = reader->p;

		if (reader->end - after >= 6 && after[0] == '\\' && after[1] == 'u')
		{
			reader->p += 2;
			if (!read_hex(reader, &low))
				return false;
			if (low >= 0xDC00 && low <= 0xDFFF)
			{
				*out = hitl_put_utf8(*out,
									 0x10000 + ((code - 0xD800) << 10) +
										 (low - 0xDC00));
				return true;
			}
			reader->p = after;
		}
	}
	if (code == 0 || (code >= 0xD800 && code <= 0xDFFF))
	{
		if (!(reader->flags & HITL_JSON_LENIENT))
			return refuse(reader,
						  code == 0
							  ? "a string holds the character U+0000"
							  : "half a surrogate pair stands in a string");
		code = 0xFFFD;
	}
	*out = hitl_put_utf8(*out, code);
	return true;
}

/*
 * Four hexadecimal digits.
 */
static bool
read_hex(Reader *reader, unsigned *code)
{
	int i;

	*code = 0;
	for (i = 0; i < 4; i++)
	{
		char c = reader->p < reader->end ? *reader->p : '\0';

		*code <<= 4;
		if (c >= '0' && c <= '9')
			*code |= c - '0';
		else if (c >= 'a' && c <= 'f')
			*code |= c - 'a' + 10;
		else if (c >= 'A' && c <= 'F')
			*code |= c - 'A' + 10;
		else
			return refuse(reader, "\\u takes four hexadecimal digits");
		reader->p++;
	}
	return true;
}

/*
 * Bytes of the character at p, which is not ASCII; 0 if it is not UTF-8.
 */
static size_t
utf8_length(const char *p, const char *end)
{
	const unsigned char *s = (const unsigned char *) p;
	size_t room = end - p;

	if (s[0] >= 0xC2 && s[0] <= 0xDF)
		return room >= 2 && (s[1] & 0xC0) == 0x80 ? 2 : 0;
	if (room < 3 || (s[1] & 0xC0) != 0x80 || (s[2] & 0xC0) != 0x80)
		return 0;
	if (s[0] >= 0xE0 && s[0] <= 0xEF)
	{
		if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F))
			return 0;
		return 3;
	}
	if (room < 4 || (s[3] & 0xC0) != 0x80 || s[0] < 0xF0 || s[0] > 0xF4 ||
		(s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F))
		return 0;
	return 4;
}

/*
 * Go to the next byte that is no white space.
 */
static void
skip_space(Reader *reader)
{
	while (reader->p < reader->end &&
		   (*reader->p == ' ' || *reader->p == '\n' || *reader->p == '\t' ||
			*reader->p == '\r'))
		reader->p++;
}

/*
 * Record why the document is refused, and where.
 */
static bool
refuse(Reader *reader, const char *message)
{
	if (reader->error.message == NULL)
	{
		reader->error.message = message;
		reader->error.offset = reader->p - reader->start;
	}
	return false;
}
