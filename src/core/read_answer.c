/*
 * read_answer.c
 *		What people have filled in, as an answer: from the fields of a page, or
 *		from the values of a view of Slack.
 *
 * Nothing is refused here but what is no form at all.  What does not fit the
 * schema stays as it was typed, and the check of the answer says why.
 */
#include "core/message.h"

#include <stdio.h>
#include <string.h>

/* The value of a field, or NULL where it is empty. */
typedef const HitlJson *(*Reader)(HitlArena *arena, const HitlField *field,
								  const HitlJson *typed);

static HitlResult read_answer(const char *typed, const char *schema,
							  Reader reader, char **answer, char **error);
static bool write_answer(HitlBuffer *out, const HitlField *field,
						 const HitlJson *typed, Reader reader);
static bool write_members(HitlBuffer *out, const HitlField *group,
						  const HitlJson *typed, Reader reader);
static const HitlJson *read_form(HitlArena *arena, const HitlField *field,
								 const HitlJson *fields);
static const HitlJson *read_view(HitlArena *arena, const HitlField *field,
								 const HitlJson *values);
static const HitlJson *read_options(HitlArena *arena, const HitlField *field,
									const HitlJson *options);
static const HitlJson *read_option(HitlArena *arena, const HitlField *field,
								   const HitlJson *option);
static const HitlJson *read_texts(HitlArena *arena, const HitlField *field,
								  const HitlJson *texts);

/*
 * The answer in the fields of a form: an object of texts, or of arrays of them
 * where a name comes several times.  A name is the JSON pointer of a field;
 * what is no object but one value has the name "/".  All other names are
 * somebody else's.
 */
HitlResult
hitl_read_form_answer(const char *fields, const char *schema, char **answer,
					  char **error)
{
	return read_answer(fields, schema, read_form, answer, error);
}

/*
 * The answer in the values of a view: view.state.values of Slack.
 */
HitlResult
hitl_read_slack_answer(const char *values, const char *schema, char **answer,
					   char **error)
{
	return read_answer(values, schema, read_view, answer, error);
}

/*
 * Read an answer; where nothing was filled in, it is {}, or null where it is
 * not an object.
 */
static HitlResult
read_answer(const char *text, const char *schema_text, Reader reader,
			char **answer, char **error)
{
	HitlArena arena;
	HitlBuffer out;
	const HitlJson *typed;
	const HitlJson *schema;
	const char *why = NULL;
	HitlJsonError fault = {NULL, 0};
	HitlResult result;

	hitl_arena_init(&arena);
	hitl_buffer_init(&out, &arena);
	result = hitl_read_object(&arena, text, &typed, &why);
	if (result == HITL_OK)
		result = hitl_json_parse(&arena, schema_text, strlen(schema_text), 0,
								 &schema, &fault);
	if (result == HITL_INVALID && why == NULL)
		why = fault.message;
	if (result == HITL_OK)
	{
		HitlField *form = hitl_plan_form(&arena, schema, NULL);

		if (form != NULL && !write_answer(&out, form, typed, reader))
			hitl_append_text(&out,
							 form->kind == HITL_FIELD_GROUP ? "{}" : "null");
	}
	return hitl_end_message(&arena, result, &out, why, answer, error);
}

/*
 * Write what a field was filled in with; false for nothing.
 */
static bool
write_answer(HitlBuffer *out, const HitlField *field, const HitlJson *typed,
			 Reader reader)
{
	const HitlJson *value;

	if (field->kind == HITL_FIELD_GROUP)
		return write_members(out, field, typed, reader);
	value = reader(out->arena, field, typed);
	if (value != NULL)
		hitl_json_write(out, value);
	return value != NULL;
}

/*
 * Write an object of what was filled in.  What is required is there though it
 * be empty: an object as such, and null where that is a value.
 */
static bool
write_members(HitlBuffer *out, const HitlField *group, const HitlJson *typed,
			  Reader reader)
{
	const HitlField *field;
	size_t begin = out->length;
	bool any = false;

	hitl_append_char(out, '{');
	for (field = group->first; field != NULL; field = field->next)
	{
		size_t before = out->length;
		bool filled;

		if (any)
			hitl_append_char(out, ',');
		hitl_json_write_string(out, field->key, strlen(field->key));
		hitl_append_char(out, ':');
		filled = write_answer(out, field, typed, reader);
		if (!filled && field->required &&
			(field->kind == HITL_FIELD_GROUP || field->nullable))
		{
			hitl_append_text(out,
							 field->kind == HITL_FIELD_GROUP ? "{}" : "null");
			filled = true;
		}
		if (!filled)
			out->length = before;
		any |= filled;
	}
	hitl_append_char(out, '}');
	if (!any)
		out->length = begin;
	return any;
}

/*
 * What the fields of a page have for a field.
 */
static const HitlJson *
read_form(HitlArena *arena, const HitlField *field, const HitlJson *fields)
{
	const HitlJson *typed = hitl_json_member(fields,
											 *field->pointer == '\0'
												 ? HITL_WHOLE_ANSWER
												 : field->pointer);
	const HitlJson *last;

	if (typed == NULL)
		return NULL;
	if (typed->type == HITL_JSON_STRING)
	{
		if (field->kind == HITL_FIELD_LIST)
			return hitl_field_list(arena, field, typed->text);
		if (field->kind == HITL_FIELD_CHOICES)
			return read_texts(arena, field, typed);
		return hitl_field_value(arena, field, typed->text);
	}
	if (typed->type != HITL_JSON_ARRAY)
		return NULL;
	if (field->kind == HITL_FIELD_CHOICES || field->kind == HITL_FIELD_LIST)
		return read_texts(arena, field, typed->first);

	/* A box that may be ticked has a field before it that says no. */
	for (last = typed->first; last != NULL && last->next != NULL;)
		last = last->next;
	return last == NULL || last->type != HITL_JSON_STRING
		? NULL
		: hitl_field_value(arena, field, last->text);
}

/*
 * What the elements of a view have for a field.
 */
static const HitlJson *
read_view(HitlArena *arena, const HitlField *field, const HitlJson *values)
{
	static const char *const texts[] = {"value", "selected_date",
										"selected_time"};
	const size_t prefix = strlen(HITL_SLACK_FIELD);
	const HitlJson *typed = NULL;
	const HitlJson *block;
	const HitlJson *choice;
	int64_t seconds;
	size_t i;

	for (block = values->first; block != NULL; block = block->next)
	{
		if (strncmp(block->key, HITL_SLACK_FIELD, prefix) == 0 &&
			strcmp(block->key + prefix, field->pointer) == 0)
			typed = hitl_json_member(block, "value");
	}
	choice = hitl_json_member(typed, "selected_options");
	if (choice != NULL && choice->type == HITL_JSON_ARRAY)
		return read_options(arena, field, choice);
	choice = hitl_json_stated(typed, "selected_option");
	if (choice != NULL)
		return read_option(arena, field, choice);
	if (hitl_json_integer(hitl_json_member(typed, "selected_date_time"),
						  &seconds) &&
		seconds >= 0 && seconds < INT64_C(100000000000))
	{
		HitlBuffer instant;

		hitl_buffer_init(&instant, arena);
		hitl_append_instant(&instant, seconds * 1000000);
		return hitl_buffer_text(&instant) == NULL
			? NULL
			: hitl_field_value(arena, field, instant.data);
	}
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		const char *text = hitl_text_at(typed, texts[i]);

		if (text == NULL)
			continue;
		return field->kind == HITL_FIELD_LIST ||
				field->kind == HITL_FIELD_CHOICES
			? hitl_field_list(arena, field, text)
			: hitl_field_value(arena, field, text);
	}
	return NULL;
}

/*
 * The values of the options that are chosen, as an array; NULL for none.
 */
static const HitlJson *
read_options(HitlArena *arena, const HitlField *field, const HitlJson *options)
{
	HitlJson *array = hitl_alloc_zero(arena, sizeof(HitlJson));
	HitlJson **end;
	const HitlJson *option;

	if (array == NULL || options->count == 0)
		return NULL;
	array->type = HITL_JSON_ARRAY;
	end = &array->first;
	for (option = options->first; option != NULL; option = option->next)
		hitl_json_add(arena, array, &end, read_option(arena, field, option));
	return array->count == 0 ? NULL : array;
}

/*
 * The value that an option stands for, which tells its number.
 */
static const HitlJson *
read_option(HitlArena *arena, const HitlField *field, const HitlJson *option)
{
	const char *code = hitl_text_at(option, "value");
	int i;

	if (code == NULL)
		return NULL;
	for (i = 0; i < field->count; i++)
	{
		char number[16];

		snprintf(number, sizeof(number), "%d", i);
		if (strcmp(number, code) == 0)
			return field->options[i].value;
	}
	return hitl_field_value(arena, field, code);
}

/*
 * Texts, each of which is a value, as an array; NULL for none.
 */
static const HitlJson *
read_texts(HitlArena *arena, const HitlField *field, const HitlJson *texts)
{
	const HitlField *element = field->element == NULL ? field : field->element;
	HitlJson *array = hitl_alloc_zero(arena, sizeof(HitlJson));
	HitlJson **end;

	if (array == NULL)
		return NULL;
	array->type = HITL_JSON_ARRAY;
	end = &array->first;
	for (; texts != NULL; texts = texts->key == NULL ? texts->next : NULL)
	{
		if (texts->type == HITL_JSON_STRING)
			hitl_json_add(arena, array, &end,
						  hitl_field_value(arena, element, texts->text));
	}
	return array->count == 0 ? NULL : array;
}
