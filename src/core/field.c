/*
 * field.c
 *		The fields by which people answer: what a JSON Schema and the hints for
 *		its display come to.
 *
 * Every way to show a form (pages, Slack) and to read what comes back goes by
 * the same plan.  Which fields there are, of which kind, is up to the schema
 * alone, so that what was shown is what is read; the hints change their order
 * and looks.  What has no field of its own kind is answered as JSON, so every
 * schema can be answered.
 */
#include "core/message.h"
#include "core/schema.h"

#include <string.h>

/* References that lead to each other, groups in each other, and all fields. */
#define MAX_REFERENCES 20
#define MAX_NESTING	   6
#define MAX_FIELDS	   500

typedef struct Plan
{
	HitlArena *arena;
	const HitlJson *root;
	int fields; /* of groups so far */
} Plan;

static const struct
{
	const char *format;
	HitlFieldKind kind;
} formats[] = {{"date", HITL_FIELD_DATE},
			   {"time", HITL_FIELD_TIME},
			   {"date-time", HITL_FIELD_DATE_TIME},
			   {"email", HITL_FIELD_EMAIL},
			   {"uri", HITL_FIELD_URL}};

#define FORMATS (sizeof(formats) / sizeof(formats[0]))

static HitlField *plan_field(Plan *plan, const char *key, const char *pointer,
							 const HitlJson *schema, const HitlJson *hints,
							 int depth);
static void plan_group(Plan *plan, HitlField *field, int depth);
static void order_fields(HitlField *group);
static bool comes_before(const HitlField *a, const HitlField *b,
						 const HitlJson *order);
static int rank_in(const HitlField *field, const HitlJson *order);
static const HitlJson *follow(const Plan *plan, const HitlJson *schema);
static const HitlJson *find_pointer(const Plan *plan, const char *pointer);
static HitlFieldKind kind_of(Plan *plan, HitlField *field);
static bool is_simple(HitlFieldKind kind);
static const HitlJson *choices_of(const HitlJson *schema);
static void read_options(Plan *plan, HitlField *field, const HitlJson *choices);
static bool has_type(const HitlJson *schema, const char *type);
static const char *first_type(const HitlJson *schema);
static const HitlJson *hint_of(const HitlField *field, const char *name);
static const char *text_hint(const HitlField *field, const char *name);
static bool is_in(const HitlJson *names, const char *name);
static const HitlJson *text_value(HitlArena *arena, const char *text);
static const HitlJson *number_value(HitlArena *arena, const char *text);
static const HitlJson *instant_value(HitlArena *arena, const char *text,
									 HitlFieldKind kind);

/*
 * What is to be filled in: a group of fields, or one that is the whole answer.
 * NULL without memory.
 */
HitlField *
hitl_plan_form(HitlArena *arena, const HitlJson *schema,
			   const HitlJson *ui_schema)
{
	Plan plan = {arena, schema, 0};
	HitlField *field = plan_field(&plan, NULL, "", schema, ui_schema, 0);

	return arena->failed ? NULL : field;
}

/*
 * The option that has a value, or NULL.
 */
const HitlOption *
hitl_find_option(const HitlField *field, const HitlJson *value)
{
	int i;

	for (i = 0; value != NULL && i < field->count; i++)
	{
		if (hitl_same_value(field->options[i].value, value))
			return &field->options[i];
	}
	return NULL;
}

/*
 * Are two values equal?  Objects are, if their members come in one order.
 */
bool
hitl_same_value(const HitlJson *a, const HitlJson *b)
{
	if (a->type != b->type || a->count != b->count)
		return false;
	if (a->type == HITL_JSON_NUMBER)
		return hitl_compare_numbers(a->text, b->text) == 0;
	if (a->type == HITL_JSON_STRING)
		return strcmp(a->text, b->text) == 0;
	for (a = a->first, b = b->first; a != NULL && b != NULL;
		 a = a->next, b = b->next)
	{
		if ((a->key != NULL && strcmp(a->key, b->key) != 0) ||
			!hitl_same_value(a, b))
			return false;
	}
	return true;
}

/*
 * What must be known to fill in a field, as a sentence; "" if nothing must.
 */
const char *
hitl_field_rule(HitlArena *arena, const HitlField *field)
{
	const HitlJson *schema = field->schema;
	const HitlJson *low = hitl_json_member(schema, "minimum");
	const HitlJson *high = hitl_json_member(schema, "maximum");
	int64_t least = 0;
	int64_t most = 0;

	switch (field->kind)
	{
		case HITL_FIELD_NUMBER:
		case HITL_FIELD_INTEGER:
			if (low != NULL && low->type != HITL_JSON_NUMBER)
				low = NULL;
			if (high != NULL && high->type != HITL_JSON_NUMBER)
				high = NULL;
			if (low != NULL && high != NULL)
				return hitl_format_text(arena, "From %s to %s.",
										hitl_value_text(arena, low, 60),
										hitl_value_text(arena, high, 60));
			if (low != NULL)
				return hitl_format_text(arena, "At least %s.",
										hitl_value_text(arena, low, 60));
			if (high != NULL)
				return hitl_format_text(arena, "At most %s.",
										hitl_value_text(arena, high, 60));
			return "";
		case HITL_FIELD_TEXT:
			(void) hitl_read_count(schema, "minLength", 0, 1, INT32_MAX,
								   &least);
			(void) hitl_read_count(schema, "maxLength", 0, 1, INT32_MAX, &most);
			if (least > 1 && most > 0)
				return hitl_format_text(arena, "%d to %d characters.",
										(int) least, (int) most);
			if (least > 1)
				return hitl_format_text(arena, "At least %d characters.",
										(int) least);
			if (most > 0)
				return hitl_format_text(arena, "At most %d characters.",
										(int) most);
			return "";
		case HITL_FIELD_DATE_TIME:
		case HITL_FIELD_TIME:
			return "In UTC.";
		case HITL_FIELD_LIST:
			return "One to a line.";
		case HITL_FIELD_JSON:
			return "As JSON.";
		default:
			return "";
	}
}

/*
 * What a text in a field stands for; NULL for nothing.  A text that does not
 * fit stays a text, which the check of the answer will refuse, saying why.
 */
const HitlJson *
hitl_field_value(HitlArena *arena, const HitlField *field, const char *text)
{
	const HitlJson *value;
	int i;

	if (*text == '\0')
		return NULL;
	switch (field->kind)
	{
		case HITL_FIELD_NUMBER:
		case HITL_FIELD_INTEGER:
			return number_value(arena, text);
		case HITL_FIELD_DATE_TIME:
		case HITL_FIELD_TIME:
			return instant_value(arena, text, field->kind);
		case HITL_FIELD_BOOLEAN:
			if (hitl_json_parse(arena, text, strlen(text), 0, &value, NULL) ==
					HITL_OK &&
				(value->type == HITL_JSON_TRUE ||
				 value->type == HITL_JSON_FALSE))
				return value;
			break;
		case HITL_FIELD_CHOICE:
		case HITL_FIELD_CHOICES:
			for (i = 0; i < field->count; i++)
			{
				if (strcmp(field->options[i].code, text) == 0)
					return field->options[i].value;
			}
			break;
		case HITL_FIELD_JSON:
			if (hitl_json_parse(arena, text, strlen(text), 0, &value, NULL) ==
				HITL_OK)
				return value;
			break;
		default:
			break;
	}
	return text_value(arena, text);
}

/*
 * What the lines of a text stand for, those that are empty left out; NULL if
 * all are.
 */
const HitlJson *
hitl_field_list(HitlArena *arena, const HitlField *field, const char *text)
{
	const HitlField *element = field->element == NULL ? field : field->element;
	HitlJson *list = hitl_alloc_zero(arena, sizeof(HitlJson));
	HitlJson **end;

	if (list == NULL)
		return NULL;
	list->type = HITL_JSON_ARRAY;
	end = &list->first;
	while (*text != '\0')
	{
		size_t length = strcspn(text, "\r\n");
		size_t begin = strspn(text, " \t");
		size_t stop = length;

		while (stop > begin &&
			   (text[stop - 1] == ' ' || text[stop - 1] == '\t'))
			stop--;
		if (stop > begin)
		{
			const char *line = hitl_copy_text(arena, text + begin,
											  stop - begin);

			hitl_json_add(arena, list, &end,
						  line == NULL
							  ? NULL
							  : hitl_field_value(arena, element, line));
		}
		text += length + (text[length] != '\0');
	}
	return list->count == 0 ? NULL : list;
}

/*
 * A value as it stands in a field: what hitl_field_value and hitl_field_list
 * read.  NULL for no value.
 */
const char *
hitl_field_text(HitlArena *arena, const HitlField *field, const HitlJson *value)
{
	const HitlJson *child;
	const HitlJson *read;
	HitlBuffer lines;

	if (value == NULL || value->type == HITL_JSON_NULL)
		return NULL;
	/* As it stands it would be read as something else than a text. */
	if (value->type == HITL_JSON_STRING && field->kind == HITL_FIELD_JSON &&
		(value->length == 0 ||
		 hitl_json_parse(arena, value->text, value->length, 0, &read, NULL) ==
			 HITL_OK))
		return hitl_json_text(arena, value);
	if (value->type == HITL_JSON_STRING || value->type == HITL_JSON_NUMBER)
		return value->text;
	if (field->kind != HITL_FIELD_LIST || value->type != HITL_JSON_ARRAY)
		return hitl_json_text(arena, value);
	hitl_buffer_init(&lines, arena);
	for (child = value->first; child != NULL; child = child->next)
	{
		const char *text = child->type == HITL_JSON_STRING
			? child->text
			: hitl_json_text(arena, child);

		if (lines.length > 0)
			hitl_append_char(&lines, '\n');
		if (text != NULL)
			hitl_append_text(&lines, text);
	}
	return hitl_buffer_text(&lines);
}

/*
 * Plan what a schema asks for.
 */
static HitlField *
plan_field(Plan *plan, const char *key, const char *pointer,
		   const HitlJson *schema, const HitlJson *hints, int depth)
{
	HitlField *field = hitl_alloc_zero(plan->arena, sizeof(HitlField));

	if (field == NULL)
		return NULL;
	field->key = key;
	field->pointer = pointer;
	field->schema = follow(plan, schema);
	field->hints = hints;
	field->description = hitl_text_at(field->schema, "description");
	field->preset = hitl_json_member(field->schema, "default");
	field->kind = kind_of(plan, field);
	if (field->kind == HITL_FIELD_GROUP)
	{
		/* All of its fields, or none: what is not shown cannot be answered. */
		int members = hitl_json_member(field->schema, "properties")->count;

		if (depth >= MAX_NESTING || members > MAX_FIELDS - plan->fields)
			field->kind = HITL_FIELD_JSON;
		else
			plan->fields += members;
	}

	field->label = text_hint(field, "title");
	if (field->label == NULL)
		field->label = hitl_text_at(field->schema, "title");
	if (field->label == NULL)
		field->label = key == NULL ? "Answer" : hitl_humanise(plan->arena, key);
	field->widget = text_hint(field, "widget");
	field->help = text_hint(field, "help");
	field->placeholder = text_hint(field, "placeholder");
	if (field->kind == HITL_FIELD_GROUP)
		plan_group(plan, field, depth);
	return field;
}

/*
 * Plan the members of an object.
 */
static void
plan_group(Plan *plan, HitlField *group, int depth)
{
	const HitlJson *properties = hitl_json_member(group->schema, "properties");
	const HitlJson *required = hitl_json_member(group->schema, "required");
	const HitlJson *child;
	HitlField **end = &group->first;

	for (child = properties->first; child != NULL && !plan->arena->failed;
		 child = child->next)
	{
		HitlPlace place = {NULL, child->key, 0};
		HitlBuffer pointer;
		HitlField *field;

		/* The last of equal names counts, as in any object. */
		if (hitl_json_member(properties, child->key) != child)
			continue;
		hitl_buffer_init(&pointer, plan->arena);
		hitl_append_text(&pointer, group->pointer);
		hitl_append_pointer(&pointer, &place);
		if (hitl_buffer_text(&pointer) == NULL)
			return;
		field = plan_field(plan, child->key, pointer.data, child,
						   hitl_json_member(group->hints, child->key),
						   depth + 1);
		if (field == NULL)
			return;
		field->required = is_in(required, child->key);
		*end = field;
		end = &field->next;
	}
	order_fields(group);
}

/*
 * Put the fields of a group in the order that "ui:order" wants: those that it
 * names, where "*" stands for all others.
 */
static void
order_fields(HitlField *group)
{
	const HitlJson *order = hint_of(group, "order");
	HitlField *rest = group->first;
	HitlField *sorted = NULL;

	if (order == NULL || order->type != HITL_JSON_ARRAY)
		return;
	while (rest != NULL)
	{
		HitlField *field = rest;
		HitlField **place = &sorted;

		rest = rest->next;
		while (*place != NULL && !comes_before(field, *place, order))
			place = &(*place)->next;
		field->next = *place;
		*place = field;
	}
	group->first = sorted;
}

static bool
comes_before(const HitlField *a, const HitlField *b, const HitlJson *order)
{
	return rank_in(a, order) < rank_in(b, order);
}

static int
rank_in(const HitlField *field, const HitlJson *order)
{
	const HitlJson *name;
	int others = order->count;
	int rank = 0;

	for (name = order->first; name != NULL; name = name->next, rank++)
	{
		if (name->type != HITL_JSON_STRING)
			continue;
		if (strcmp(name->text, field->key) == 0)
			return rank;
		if (strcmp(name->text, "*") == 0)
			others = rank;
	}
	return others;
}

/*
 * The schema that a reference leads to.
 */
static const HitlJson *
follow(const Plan *plan, const HitlJson *schema)
{
	int i;

	for (i = 0; i < MAX_REFERENCES; i++)
	{
		const char *reference = hitl_text_at(schema, "$ref");
		const HitlJson *target;

		if (reference == NULL || reference[0] != '#')
			break;
		target = find_pointer(plan, reference + 1);
		if (target == NULL)
			break;
		schema = target;
	}
	return schema;
}

/*
 * What a JSON pointer leads to in the schema, or NULL.
 */
static const HitlJson *
find_pointer(const Plan *plan, const char *pointer)
{
	const HitlJson *value = plan->root;
	char *rest;

	if (*pointer == '\0')
		return value;
	if (*pointer != '/')
		return NULL;
	rest = hitl_copy_text(plan->arena, pointer + 1, strlen(pointer + 1));
	if (rest == NULL)
		return NULL;
	while (value != NULL && rest != NULL)
		value = hitl_json_member(value, hitl_pointer_token(&rest));
	return value;
}

/*
 * The kind of field that suits a schema.  Of several that an answer may match,
 * the first that has a kind of its own is taken.
 */
static HitlFieldKind
kind_of(Plan *plan, HitlField *field)
{
	const HitlJson *schema = field->schema;
	const HitlJson *choices = choices_of(schema);
	const HitlJson *member;
	const char *type;
	size_t i;

	field->nullable |= has_type(schema, "null");
	if (schema == NULL || schema->type != HITL_JSON_OBJECT)
		return HITL_FIELD_JSON;
	if (choices != NULL)
	{
		read_options(plan, field, choices);
		return HITL_FIELD_CHOICE;
	}
	type = first_type(schema);
	if (type == NULL)
	{
		const HitlJson *any = hitl_json_member(schema, "anyOf");

		if (any == NULL)
			any = hitl_json_member(schema, "oneOf");
		if (any == NULL || any->type != HITL_JSON_ARRAY)
			return hitl_json_member(schema, "properties") != NULL
				? HITL_FIELD_GROUP
				: HITL_FIELD_JSON;
		for (member = any->first; member != NULL; member = member->next)
		{
			HitlField part = {.schema = follow(plan, member)};
			HitlFieldKind kind;

			if (first_type(part.schema) == NULL)
				continue;
			kind = kind_of(plan, &part);
			if (kind == HITL_FIELD_JSON || kind == HITL_FIELD_GROUP)
				continue;
			field->options = part.options;
			field->count = part.count;
			field->element = part.element;
			return kind;
		}
		return HITL_FIELD_JSON;
	}
	if (strcmp(type, "string") == 0)
	{
		const char *format = hitl_text_at(schema, "format");

		for (i = 0; format != NULL && i < FORMATS; i++)
		{
			if (strcmp(format, formats[i].format) == 0)
				return formats[i].kind;
		}
		return HITL_FIELD_TEXT;
	}
	if (strcmp(type, "number") == 0)
		return HITL_FIELD_NUMBER;
	if (strcmp(type, "integer") == 0)
		return HITL_FIELD_INTEGER;
	if (strcmp(type, "boolean") == 0)
		return HITL_FIELD_BOOLEAN;
	if (strcmp(type, "object") == 0)
	{
		member = hitl_json_member(schema, "properties");
		return member != NULL && member->type == HITL_JSON_OBJECT &&
				member->count > 0
			? HITL_FIELD_GROUP
			: HITL_FIELD_JSON;
	}
	if (strcmp(type, "array") == 0)
	{
		HitlField *element;

		member = hitl_json_member(schema, "items");
		if (member == NULL || hitl_json_member(schema, "prefixItems") != NULL)
			return HITL_FIELD_JSON;
		element = hitl_alloc_zero(plan->arena, sizeof(HitlField));
		if (element == NULL)
			return HITL_FIELD_JSON;
		element->schema = follow(plan, member);
		choices = choices_of(element->schema);
		if (choices != NULL)
		{
			read_options(plan, field, choices);
			return HITL_FIELD_CHOICES;
		}
		type = first_type(element->schema);
		if (type == NULL || strcmp(type, "array") == 0)
			return HITL_FIELD_JSON;
		element->kind = kind_of(plan, element);
		if (!is_simple(element->kind))
			return HITL_FIELD_JSON;
		field->element = element;
		return HITL_FIELD_LIST;
	}
	return HITL_FIELD_JSON;
}

/*
 * Does a value of this kind stand on a line?
 */
static bool
is_simple(HitlFieldKind kind)
{
	return kind < HITL_FIELD_CHOICE;
}

/*
 * What may be chosen from: values, or schemas of a value each; NULL if the
 * schema is not such.
 */
static const HitlJson *
choices_of(const HitlJson *schema)
{
	static const char *const keywords[] = {"oneOf", "anyOf"};
	const HitlJson *choices = hitl_json_member(schema, "enum");
	const HitlJson *choice;
	size_t i;

	if (choices != NULL && choices->type == HITL_JSON_ARRAY &&
		choices->count > 0)
		return choices;
	for (i = 0; i < 2; i++)
	{
		choices = hitl_json_member(schema, keywords[i]);
		if (choices == NULL || choices->type != HITL_JSON_ARRAY ||
			choices->count == 0)
			continue;
		for (choice = choices->first; choice != NULL; choice = choice->next)
		{
			if (hitl_json_member(choice, "const") == NULL)
				break;
		}
		if (choice == NULL)
			return choices;
	}
	return NULL;
}

/*
 * The options of a field.  Forms tell texts as they are, unless there are other
 * values beside them: then all are told as JSON.
 */
static void
read_options(Plan *plan, HitlField *field, const HitlJson *choices)
{
	const HitlJson *names = hint_of(field, "enumNames");
	const HitlJson *name = names != NULL && names->type == HITL_JSON_ARRAY
		? names->first
		: NULL;
	HitlOption *options = hitl_alloc(plan->arena,
									 choices->count * sizeof(HitlOption));
	bool schemas = strcmp(choices->key, "enum") != 0;
	const HitlJson *choice;
	bool texts = true;
	int i = 0;

	if (options == NULL)
		return;
	for (choice = choices->first; choice != NULL; choice = choice->next)
	{
		options[i].value = schemas ? hitl_json_member(choice, "const") : choice;
		options[i].label = schemas ? hitl_text_at(choice, "title") : NULL;
		if (name != NULL && name->type == HITL_JSON_STRING && name->length > 0)
			options[i].label = name->text;
		if (name != NULL)
			name = name->next;
		texts &= options[i].value->type == HITL_JSON_STRING;
		i++;
	}
	for (i = 0; i < choices->count; i++)
	{
		const HitlJson *value = options[i].value;

		if (options[i].label == NULL)
			options[i].label = value->type == HITL_JSON_STRING &&
					value->length > 0
				? value->text
				: hitl_value_text(plan->arena, value, 200);
		options[i].code = texts ? value->text
								: hitl_json_text(plan->arena, value);
	}
	if (plan->arena->failed)
		return;
	field->count = choices->count;
	field->options = options;
}

/*
 * May the value be of a type, as far as "type" tells?
 */
static bool
has_type(const HitlJson *schema, const char *type)
{
	const HitlJson *types = hitl_json_member(schema, "type");

	if (types != NULL && types->type == HITL_JSON_STRING)
		return strcmp(types->text, type) == 0;
	return is_in(types, type);
}

/*
 * The first type that is not null; NULL if none is stated.
 */
static const char *
first_type(const HitlJson *schema)
{
	const HitlJson *types = hitl_json_member(schema, "type");
	const HitlJson *type;

	if (types == NULL)
		return NULL;
	if (types->type == HITL_JSON_STRING)
		return types->text;
	for (type = types->first; type != NULL; type = type->next)
	{
		if (type->type == HITL_JSON_STRING && strcmp(type->text, "null") != 0)
			return type->text;
	}
	return NULL;
}

/*
 * A hint for a field: "ui:name", or a member of "ui:options".
 */
static const HitlJson *
hint_of(const HitlField *field, const char *name)
{
	const HitlJson *child;

	if (field->hints == NULL || field->hints->type != HITL_JSON_OBJECT)
		return NULL;
	for (child = field->hints->first; child != NULL; child = child->next)
	{
		if (strncmp(child->key, "ui:", 3) == 0 &&
			strcmp(child->key + 3, name) == 0)
			return child;
	}
	return hitl_json_member(hitl_json_member(field->hints, "ui:options"), name);
}

/*
 * A hint that is a text, or NULL.
 */
static const char *
text_hint(const HitlField *field, const char *name)
{
	const HitlJson *hint = hint_of(field, name);

	return hint != NULL && hint->type == HITL_JSON_STRING ? hint->text : NULL;
}

static bool
is_in(const HitlJson *names, const char *name)
{
	const HitlJson *each;

	if (names == NULL || names->type != HITL_JSON_ARRAY)
		return false;
	for (each = names->first; each != NULL; each = each->next)
	{
		if (each->type == HITL_JSON_STRING && strcmp(each->text, name) == 0)
			return true;
	}
	return false;
}

/*
 * A text as a value.
 */
static const HitlJson *
text_value(HitlArena *arena, const char *text)
{
	HitlJson *value = hitl_alloc_zero(arena, sizeof(HitlJson));

	if (value == NULL)
		return NULL;
	value->type = HITL_JSON_STRING;
	value->text = text;
	value->length = strlen(text);
	return value;
}

/*
 * A number as people write it: blanks around it, a plus, zeros before it or a
 * point at its end are not to be in JSON, and mean nothing.
 */
static const HitlJson *
number_value(HitlArena *arena, const char *text)
{
	static const char blanks[] = " \t\r\n";
	const char *p = text + strspn(text, blanks);
	size_t length = strlen(p);
	const HitlJson *value;
	HitlBuffer number;
	size_t whole;

	while (length > 0 && strchr(blanks, p[length - 1]) != NULL)
		length--;
	if (length == 0)
		return NULL;
	hitl_buffer_init(&number, arena);
	if (*p == '-')
		hitl_append_char(&number, '-');
	if (*p == '-' || (*p == '+' && p[1] != '-'))
	{
		p++;
		length--;
	}
	whole = strspn(p, "0123456789");
	while (whole > 1 && *p == '0')
	{
		p++;
		length--;
		whole--;
	}
	if (whole == 0 && length > 1 && *p == '.')
		hitl_append_char(&number, '0');
	if (whole > 0 && length == whole + 1 && p[whole] == '.')
		length--;
	hitl_append(&number, p, length);
	if (hitl_buffer_text(&number) == NULL)
		return NULL;
	if (hitl_json_parse(arena, number.data, number.length, 0, &value, NULL) ==
			HITL_OK &&
		value->type == HITL_JSON_NUMBER)
		return value;
	return text_value(arena, text);
}

/*
 * A time as browsers give it, without seconds and offset, in UTC.
 */
static const HitlJson *
instant_value(HitlArena *arena, const char *text, HitlFieldKind kind)
{
	size_t length = strlen(text);
	size_t date = kind == HITL_FIELD_DATE_TIME ? 11 : 0;
	const char *time = length > date ? text + date : "";
	const char *seconds = NULL;

	if (strlen(time) == 5 && time[2] == ':')
		seconds = ":00Z";
	else if (strlen(time) >= 8 && time[2] == ':' && time[5] == ':' &&
			 strspn(time + 6, "0123456789.") == strlen(time + 6))
		seconds = "Z";
	if (seconds == NULL)
		return text_value(arena, text);
	return text_value(arena, hitl_format_text(arena, "%s%s", text, seconds));
}
