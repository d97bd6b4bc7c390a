/*
 * form.c
 *		The forms of the built-in types of approval: a JSON Schema for the
 *		answer, and hints for its display in the dialect of
 *		react-jsonschema-form ("ui:widget", "ui:order" …).
 *
 * Faults point into the arguments of a request: /form_fields and
 * /context_data.
 */
#include "core/schema.h"

#include <stdlib.h>
#include <string.h>

/* Characters of an amount, so that twice of it is a number, too. */
#define MAX_AMOUNT 1000

/* Groups of members that only some types have. */
#define HAS_ENUM   0x01
#define NEEDS_ENUM 0x02
#define HAS_RANGE  0x04
#define HAS_LENGTH 0x08
#define HAS_FORMAT 0x10
#define HAS_ITEMS  0x20

typedef struct FieldType
{
	const char *name;
	const char *type;	/* of JSON Schema; NULL: that of the choices */
	const char *format; /* or NULL */
	const char *widget; /* NULL: the usual one of the type */
	unsigned has;
} FieldType;

static const FieldType field_types[] = {
	{"string", "string", NULL, NULL, HAS_ENUM | HAS_LENGTH | HAS_FORMAT},
	{"number", "number", NULL, NULL, HAS_ENUM | HAS_RANGE},
	{"integer", "integer", NULL, NULL, HAS_ENUM | HAS_RANGE},
	{"boolean", "boolean", NULL, NULL, 0},
	{"array", "array", NULL, NULL, HAS_ITEMS},
	{"object", "object", NULL, NULL, 0},
	{"text", "string", NULL, NULL, HAS_LENGTH | HAS_FORMAT},
	{"textarea", "string", NULL, "textarea", HAS_LENGTH},
	{"select", NULL, NULL, "select", HAS_ENUM | NEEDS_ENUM},
	{"multiselect", "array", NULL, "checkboxes", HAS_ENUM | NEEDS_ENUM},
	{"date", "string", "date", "date", 0},
	{"datetime", "string", "date-time", "datetime", 0},
	{"email", "string", "email", "email", HAS_LENGTH},
	{"url", "string", "uri", "uri", HAS_LENGTH},
};

#define FIELD_TYPES (sizeof(field_types) / sizeof(field_types[0]))

static const struct
{
	const char *name;
	unsigned has;
} own_members[] = {{"minimum", HAS_RANGE},	  {"maximum", HAS_RANGE},
				   {"minLength", HAS_LENGTH}, {"maxLength", HAS_LENGTH},
				   {"pattern", HAS_LENGTH},	  {"format", HAS_FORMAT},
				   {"items", HAS_ITEMS}};

#define OWN_MEMBERS (sizeof(own_members) / sizeof(own_members[0]))

static const char *const field_members[] =
	{"name",	"type",		"title",   "description", "enum",	   "format",
	 "default", "minimum",	"maximum", "minLength",	  "maxLength", "pattern",
	 "items",	"required", "ui",	   NULL};

static const char *const form_types[] = {"binary", "form", "budget", NULL};

static const char *const amounts[] = {"amount", "requested_amount", "budget"};

/* A form that is being built. */
typedef struct Form
{
	HitlParse parse;
	HitlBuffer schema;
	HitlBuffer ui;
	HitlBuffer required; /* names, as the inside of an array */
	HitlBuffer order;
	const bool *again; /* of each field: another one before has its name */
} Form;

static const HitlJson *read_document(Form *form, const HitlPlace *place,
									 const char *text);
static void build_fields(Form *form, const HitlPlace *place,
						 const HitlJson *fields);
static void build_field(Form *form, const HitlPlace *place,
						const HitlJson *field);
static const char *read_name(Form *form, const HitlPlace *place,
							 const HitlJson *field);
static const FieldType *read_type(Form *form, const HitlPlace *place,
								  const HitlJson *field);
static const char *write_field(Form *form, const HitlPlace *place,
							   const HitlJson *field, const FieldType *type);
static void write_choices(Form *form, const HitlPlace *place,
						  const HitlJson *field, const FieldType *type,
						  HitlBuffer *out);
static void write_hints(Form *form, const HitlPlace *place,
						const HitlJson *field, const FieldType *type);
static bool *find_doubles(HitlArena *arena, const HitlJson *parent,
						  const char *(*name_of)(const HitlJson *) );
static const char *name_of_field(const HitlJson *field);
static const char *name_of_hint(const HitlJson *hint);
static void check_default(Form *form, const HitlPlace *place,
						  const HitlJson *field, const char *schema);
static HitlQueryResult match_anything(void *context, const char *pattern,
									  const char *subject, size_t length,
									  const char **text);
static void build_budget(Form *form, const HitlPlace *place,
						 const HitlJson *context);
static const HitlJson *find_amount(Form *form, const HitlPlace *place,
								   const HitlJson *context, const char *key);
static const char *find_maximum(Form *form, const HitlJson *limit,
								const HitlJson *amount);
static void copy_member(HitlBuffer *out, const HitlJson *object,
						const char *key);
static void write_json_member(HitlBuffer *out, const char *key,
							  const HitlJson *value);

/*
 * Build the form of a type.
 */
HitlResult
hitl_build_form(const char *type, const char *fields, const char *context,
				char **schema, char **ui_schema, HitlFaults *faults)
{
	HitlArena arena;
	Form form = {.parse = {&arena, NULL, faults, false, HITL_OK, NULL}};
	HitlPlace fields_place = {NULL, "form_fields", 0};
	HitlPlace context_place = {NULL, "context_data", 0};
	const HitlJson *fields_json;
	const HitlJson *context_json;
	bool has_form = strcmp(type, "binary") != 0;

	*schema = *ui_schema = NULL;
	hitl_arena_init(&arena);
	hitl_buffer_init(&form.schema, &arena);
	hitl_buffer_init(&form.ui, &arena);
	hitl_buffer_init(&form.required, &arena);
	hitl_buffer_init(&form.order, &arena);
	fields_json = read_document(&form, &fields_place, fields);
	context_json = read_document(&form, &context_place, context);
	if (context_json != NULL && context_json->type != HITL_JSON_OBJECT)
		hitl_fault(&form.parse, &context_place, "must be an object, not %s",
				   hitl_json_type_name(context_json));
	if (strcmp(type, "form") != 0 && fields_json != NULL)
		hitl_fault(&form.parse, &fields_place,
				   "an approval of type \"%s\" has no fields of its own", type);

	if (strcmp(type, "form") == 0)
	{
		HitlPlace inner_place = {&context_place, "form_fields", 0};

		if (fields_json != NULL)
			build_fields(&form, &fields_place, fields_json);
		else
			build_fields(&form, &inner_place,
						 hitl_json_member(context_json, "form_fields"));
	}
	else if (strcmp(type, "budget") == 0)
		build_budget(&form, &context_place, context_json);
	else if (has_form)
	{
		HitlPlace place = {NULL, "approval_type", 0};
		const char *nearest = hitl_nearest(type, form_types, NULL);

		hitl_fault(&form.parse, &place, "unknown type%s%s%s",
				   nearest == NULL ? "" : ", perhaps \"",
				   nearest == NULL ? "" : nearest,
				   nearest == NULL ? "" : "\" is meant");
	}

	if (form.parse.result == HITL_OK && form.parse.faulty)
		form.parse.result = HITL_INVALID;
	if (form.parse.result == HITL_OK && has_form)
	{
		const char *schema_text = hitl_buffer_text(&form.schema);
		const char *ui_text = hitl_buffer_text(&form.ui);

		if (schema_text != NULL && ui_text != NULL)
		{
			*schema = hitl_malloc_text(schema_text);
			*ui_schema = hitl_malloc_text(ui_text);
		}
		if (*schema == NULL || *ui_schema == NULL)
		{
			free(*schema);
			free(*ui_schema);
			*schema = *ui_schema = NULL;
			form.parse.result = HITL_NO_MEMORY;
		}
	}
	if (form.parse.result == HITL_OK && arena.failed)
		form.parse.result = HITL_NO_MEMORY;
	hitl_arena_free(&arena);
	return form.parse.result;
}

/*
 * A document; NULL for none and for null.
 */
static const HitlJson *
read_document(Form *form, const HitlPlace *place, const char *text)
{
	const HitlJson *value;

	if (text == NULL || form->parse.result != HITL_OK)
		return NULL;
	value = hitl_read_document(&form->parse, form->parse.arena, place, text);
	return value == NULL || value->type == HITL_JSON_NULL ? NULL : value;
}

/*
 * A form of fields that the request states.
 */
static void
build_fields(Form *form, const HitlPlace *place, const HitlJson *fields)
{
	const HitlJson *field;
	HitlPlace here = {place, NULL, 0};

	if (form->parse.result != HITL_OK)
		return;
	if (fields == NULL ||
		(fields->type == HITL_JSON_ARRAY && fields->count == 0))
	{
		hitl_fault(&form->parse, place, "a form needs fields");
		return;
	}
	if (fields->type != HITL_JSON_ARRAY)
	{
		hitl_fault(&form->parse, place, "must be an array, not %s",
				   hitl_json_type_name(fields));
		return;
	}
	form->again = find_doubles(form->parse.arena, fields, name_of_field);
	if (form->again == NULL)
		return;
	hitl_append_text(&form->schema, "{\"type\":\"object\",\"properties\":{");
	hitl_append_char(&form->ui, '{');
	for (field = fields->first;
		 field != NULL && !hitl_faults_full(&form->parse);
		 field = field->next, here.index++)
		build_field(form, &here, field);
	hitl_append_char(&form->schema, '}');
	if (form->required.length > 0)
	{
		hitl_json_write_key(&form->schema, "required");
		hitl_append_char(&form->schema, '[');
		hitl_append(&form->schema, form->required.data, form->required.length);
		hitl_append_char(&form->schema, ']');
	}
	hitl_append_text(&form->schema, ",\"additionalProperties\":false}");
	hitl_json_write_key(&form->ui, "ui:order");
	hitl_append_char(&form->ui, '[');
	hitl_append(&form->ui, form->order.data, form->order.length);
	hitl_append_text(&form->ui, "]}");
}

/*
 * One of them.
 */
static void
build_field(Form *form, const HitlPlace *place, const HitlJson *field)
{
	HitlParse *parse = &form->parse;
	const FieldType *type;
	const char *name;
	const char *schema;
	size_t i;

	if (field->type != HITL_JSON_OBJECT)
	{
		hitl_fault(parse, place, "must be an object, not %s",
				   hitl_json_type_name(field));
		return;
	}
	hitl_check_members(parse, place, field, field_members, NULL);
	name = read_name(form, place, field);
	type = read_type(form, place, field);
	if (name == NULL || type == NULL)
		return;
	for (i = 0; i < OWN_MEMBERS; i++)
	{
		HitlPlace here = {place, own_members[i].name, 0};

		if (hitl_json_member(field, own_members[i].name) != NULL &&
			!(type->has & own_members[i].has))
			hitl_fault(parse, &here, "means nothing for a field of type \"%s\"",
					   type->name);
	}
	if (hitl_get_boolean(parse, place, field, "required"))
	{
		if (form->required.length > 0)
			hitl_append_char(&form->required, ',');
		hitl_json_write_string(&form->required, name, strlen(name));
	}
	if (form->order.length > 0)
		hitl_append_char(&form->order, ',');
	hitl_json_write_string(&form->order, name, strlen(name));

	schema = write_field(form, place, field, type);
	if (schema == NULL)
		return;
	hitl_json_write_key(&form->schema, name);
	hitl_append_text(&form->schema, schema);
	hitl_json_write_key(&form->ui, name);
	write_hints(form, place, field, type);
	check_default(form, place, field, schema);
}

/*
 * The name of a field, which no other one has.
 */
static const char *
read_name(Form *form, const HitlPlace *place, const HitlJson *field)
{
	const char *name = hitl_get_text(&form->parse, place, field, "name", true);
	HitlPlace here = {place, "name", 0};

	if (name == NULL)
		return NULL;
	if (strncmp(name, "ui:", 3) == 0)
	{
		hitl_fault(&form->parse, &here, "must not begin with \"ui:\"");
		return NULL;
	}
	if (form->again[place->index])
	{
		hitl_fault(&form->parse, &here, "another field has this name");
		return NULL;
	}
	return name;
}

static const FieldType *
read_type(Form *form, const HitlPlace *place, const HitlJson *field)
{
	const char *name = hitl_get_text(&form->parse, place, field, "type", true);
	const char *names[FIELD_TYPES + 1];
	HitlPlace here = {place, "type", 0};
	const char *nearest;
	size_t i;

	if (name == NULL)
		return NULL;
	for (i = 0; i < FIELD_TYPES; i++)
	{
		if (strcmp(field_types[i].name, name) == 0)
			return &field_types[i];
		names[i] = field_types[i].name;
	}
	names[i] = NULL;
	nearest = hitl_nearest(name, names, NULL);
	if (nearest != NULL)
		hitl_fault(&form->parse, &here, "unknown type, perhaps \"%s\" is meant",
				   nearest);
	else
		hitl_fault(&form->parse, &here, "unknown type");
	return NULL;
}

/*
 * The schema of a field; NULL if it would be faulty.
 */
static const char *
write_field(Form *form, const HitlPlace *place, const HitlJson *field,
			const FieldType *type)
{
	HitlBuffer out;
	bool faulty;
	bool taken;
	const char *text;
	size_t i;

	hitl_buffer_init(&out, form->parse.arena);
	hitl_append_char(&out, '{');
	if (type->type != NULL)
		hitl_json_write_member(&out, "type", type->type);
	if (type->format != NULL)
		hitl_json_write_member(&out, "format", type->format);
	copy_member(&out, field, "title");
	copy_member(&out, field, "description");
	for (i = 0; i < OWN_MEMBERS; i++)
	{
		if (type->has & own_members[i].has)
			copy_member(&out, field, own_members[i].name);
	}
	write_choices(form, place, field, type, &out);
	copy_member(&out, field, "default");
	hitl_append_char(&out, '}');
	text = hitl_buffer_text(&out);
	if (text == NULL || form->parse.result != HITL_OK)
		return NULL;
	faulty = form->parse.faulty;
	form->parse.faulty = false;
	hitl_check_schema(&form->parse, place, text);
	taken = !form->parse.faulty;
	form->parse.faulty |= faulty;
	return taken ? text : NULL;
}

/*
 * What may be chosen from, for the types that have it.
 */
static void
write_choices(Form *form, const HitlPlace *place, const HitlJson *field,
			  const FieldType *type, HitlBuffer *out)
{
	const HitlJson *choices = hitl_get(&form->parse, place, field, "enum",
									   HITL_JSON_ARRAY, type->has & NEEDS_ENUM);
	HitlPlace here = {place, "enum", 0};
	const HitlJson *choice;
	bool texts = true;

	if (choices == NULL)
		return;
	if (!(type->has & HAS_ENUM))
	{
		hitl_fault(&form->parse, &here,
				   "means nothing for a field of type \"%s\"", type->name);
		return;
	}
	if (choices->count == 0)
		hitl_fault(&form->parse, &here, "must not be empty");
	for (choice = choices->first; choice != NULL; choice = choice->next)
		texts &= choice->type == HITL_JSON_STRING;
	if (strcmp(type->name, "multiselect") == 0)
	{
		hitl_json_write_key(out, "uniqueItems");
		hitl_append_text(out, "true");
		hitl_json_write_key(out, "items");
		hitl_append_char(out, '{');
	}
	if ((type->has & NEEDS_ENUM) && texts)
		hitl_json_write_member(out, "type", "string");
	write_json_member(out, "enum", choices);
	if (strcmp(type->name, "multiselect") == 0)
		hitl_append_char(out, '}');
}

/*
 * How a field is to be shown: as its type is, unless its own hints say
 * otherwise.
 */
static void
write_hints(Form *form, const HitlPlace *place, const HitlJson *field,
			const FieldType *type)
{
	const HitlJson *hints = hitl_get(&form->parse, place, field, "ui",
									 HITL_JSON_OBJECT, false);
	HitlPlace ui = {place, "ui", 0};
	const HitlJson *hint;
	const bool *again = hints == NULL
		? NULL
		: find_doubles(form->parse.arena, hints, name_of_hint);
	bool widget = false;

	hitl_append_char(&form->ui, '{');
	for (hint = again == NULL ? NULL : hints->first; hint != NULL;
		 hint = hint->next)
	{
		HitlPlace here = {&ui, hint->key, 0};
		const char *name = name_of_hint(hint);
		HitlBuffer key;

		if (*name == '\0')
			hitl_fault(&form->parse, &here, "a hint needs a name");
		if (*again++)
			hitl_fault(&form->parse, &here, "hint given twice");
		widget |= strcmp(name, "widget") == 0;
		hitl_buffer_init(&key, form->parse.arena);
		hitl_append_format(&key, "ui:%s", name);
		if (hitl_buffer_text(&key) == NULL)
			return;
		write_json_member(&form->ui, key.data, hint);
	}
	if (!widget && type->widget != NULL)
		hitl_json_write_member(&form->ui, "ui:widget", type->widget);
	hitl_append_char(&form->ui, '}');
}

/*
 * Which fields or hints have a name that has come before; NULL without memory.
 */
static bool *
find_doubles(HitlArena *arena, const HitlJson *parent,
			 const char *(*name_of)(const HitlJson *) )
{
	const char **names = hitl_alloc(arena, parent->count * sizeof(char *));
	const HitlJson *child;
	int count = 0;

	if (names == NULL)
		return NULL;
	for (child = parent->first; child != NULL; child = child->next)
		names[count++] = name_of(child);
	return hitl_find_doubles(arena, names, count);
}

/*
 * The name of a field as it is stated; NULL if that is no text.
 */
static const char *
name_of_field(const HitlJson *field)
{
	const HitlJson *name = hitl_json_member(field, "name");

	return name != NULL && name->type == HITL_JSON_STRING ? name->text : NULL;
}

/*
 * The name of a hint, which may be written without "ui:".
 */
static const char *
name_of_hint(const HitlJson *hint)
{
	return hint->key + (strncmp(hint->key, "ui:", 3) == 0) * 3;
}

/*
 * The default of a field must be an answer that is allowed.
 */
static void
check_default(Form *form, const HitlPlace *place, const HitlJson *field,
			  const char *schema)
{
	/* Patterns are not looked at: only the server knows them. */
	static const HitlHost host = {.match = match_anything};
	const HitlJson *value = hitl_json_member(field, "default");
	HitlPlace here = {place, "default", 0};
	HitlSchema *parsed;
	HitlFaults faults = {0};
	HitlViolations violations;
	char *text;
	int i;

	if (value == NULL || form->parse.result != HITL_OK)
		return;
	text = hitl_json_text(form->parse.arena, value);
	if (text == NULL)
		return;
	form->parse.result = hitl_parse_schema(schema, NULL, &parsed, &faults);
	hitl_free_faults(&faults);
	if (form->parse.result != HITL_OK)
		return;
	form->parse.result = hitl_validate(parsed, text, &host, &violations);
	for (i = 0; i < violations.count; i++)
		hitl_fault(&form->parse, &here, "%s%s%s", violations.items[i].pointer,
				   *violations.items[i].pointer == '\0' ? "" : ": ",
				   violations.items[i].message);
	if (form->parse.result == HITL_INVALID)
		form->parse.result = HITL_OK;
	hitl_free_violations(&violations);
	hitl_free_schema(parsed);
}

static HitlQueryResult
match_anything(void *context HITL_UNUSED, const char *pattern HITL_UNUSED,
			   const char *subject HITL_UNUSED, size_t length HITL_UNUSED,
			   const char **text HITL_UNUSED)
{
	return HITL_QUERY_FOUND;
}

/*
 * The form of a budget: how much of what was asked for is granted, and why.
 */
static void
build_budget(Form *form, const HitlPlace *place, const HitlJson *context)
{
	HitlBuffer *out = &form->schema;
	const HitlJson *limit = find_amount(form, place, context, "max_amount");
	const HitlJson *categories = hitl_get(&form->parse, place, context,
										  "categories", HITL_JSON_ARRAY, false);
	HitlPlace here = {place, "categories", 0};
	const HitlJson *amount = NULL;
	const HitlJson *category;
	const char *maximum;
	size_t i;

	for (i = 0; i < sizeof(amounts) / sizeof(amounts[0]) && amount == NULL; i++)
	{
		if (hitl_json_member(context, amounts[i]) == NULL)
			continue;
		amount = find_amount(form, place, context, amounts[i]);
		break;
	}
	if (categories != NULL && categories->count == 0)
		hitl_fault(&form->parse, &here, "must not be empty");
	for (category = categories == NULL ? NULL : categories->first;
		 category != NULL; category = category->next)
	{
		if (category->type != HITL_JSON_STRING)
			hitl_fault(&form->parse, &here, "must be an array of strings");
	}
	maximum = find_maximum(form, limit, amount);

	hitl_append_text(
		out,
		"{\"type\":\"object\",\"properties\":{\"approved_amount\":"
		"{\"type\":\"number\",\"title\":\"Approved amount\",\"minimum\":0");
	if (maximum != NULL)
		hitl_append_format(out, ",\"maximum\":%s", maximum);
	if (amount != NULL)
	{
		/* What is filled in must not be refused. */
		bool above = maximum != NULL &&
			hitl_compare_numbers(amount->text, maximum) > 0;

		hitl_append_format(out, ",\"default\":%s",
						   above ? maximum : amount->text);
	}
	hitl_append_text(
		out,
		"},\"justification\":{\"type\":\"string\",\"title\":\"Justification\","
		"\"minLength\":10},\"conditions\":{\"title\":\"Conditions\",\"anyOf\":["
		"{\"title\":\"A list\",\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
		"{\"title\":\"A text\",\"type\":\"string\"}]},"
		"\"category\":{\"type\":\"string\",\"title\":\"Category\"");
	if (categories != NULL)
		write_json_member(out, "enum", categories);
	hitl_append_text(out,
					 "}},\"required\":[\"approved_amount\",\"justification\"],"
					 "\"additionalProperties\":false}");

	out = &form->ui;
	hitl_append_text(out, "{\"approved_amount\":{\"ui:widget\":\"updown\"");
	if (maximum != NULL)
		hitl_append_format(out, ",\"ui:help\":\"At most %s\"", maximum);
	hitl_append_text(out,
					 "},\"justification\":{\"ui:widget\":\"textarea\"},"
					 "\"conditions\":{},\"category\":{");
	if (categories != NULL)
		hitl_json_write_member(out, "ui:widget", "select");
	hitl_append_text(out,
					 "},\"ui:order\":[\"approved_amount\",\"justification\","
					 "\"conditions\",\"category\"]}");
}

/*
 * An amount of the context; NULL where it is absent or faulty.
 */
static const HitlJson *
find_amount(Form *form, const HitlPlace *place, const HitlJson *context,
			const char *key)
{
	const HitlJson *amount = hitl_json_member(context, key);
	HitlPlace here = {place, key, 0};

	if (amount == NULL)
		return NULL;
	if (amount->type != HITL_JSON_NUMBER)
		hitl_fault(&form->parse, &here, "must be a number, not %s",
				   hitl_json_type_name(amount));
	else if (hitl_compare_numbers(amount->text, "0") < 0)
		hitl_fault(&form->parse, &here, "must not be negative");
	else if (amount->length > MAX_AMOUNT)
		hitl_fault(&form->parse, &here, "must not have so many digits");
	else
		return amount;
	return NULL;
}

/*
 * The most that may be approved: what is stated, or twice what is asked for.
 */
static const char *
find_maximum(Form *form, const HitlJson *limit, const HitlJson *amount)
{
	HitlBuffer doubled;

	if (limit != NULL)
		return limit->text;
	if (amount == NULL)
		return NULL;
	hitl_buffer_init(&doubled, form->parse.arena);
	hitl_append_doubled(&doubled, amount->text);
	return hitl_buffer_text(&doubled);
}

/*
 * Copy a member if it is there.
 */
static void
copy_member(HitlBuffer *out, const HitlJson *object, const char *key)
{
	const HitlJson *member = hitl_json_member(object, key);

	if (member != NULL)
		write_json_member(out, key, member);
}

/*
 * Write a member of any type.
 */
static void
write_json_member(HitlBuffer *out, const char *key, const HitlJson *value)
{
	hitl_json_write_key(out, key);
	hitl_json_write(out, value);
}
