/*
 * page_form.c
 *		The form by which a request is answered, as HTML without scripts.
 *
 * What is asked for may be left empty by those who do not approve, so the
 * other buttons do not have the browser check it.  Numbers are typed as texts:
 * number inputs change them by the mouse wheel, and know doubles only.  The
 * first button of a form is what the key Enter presses; here that is one which
 * does nothing: it is disabled.  From boxes and dates, Chrome presses the first
 * one that is not: that closes a dialog which there is not.
 */
#include "core/message.h"

#include <string.h>

/* Up to so many options are all in sight. */
#define MAX_RADIOS 5

/* So many faults are looked through for each field. */
#define MAX_FAULTS 100

typedef struct Form
{
	HitlBuffer *out;
	const HitlField *plan;
	const HitlJson *answer; /* what was typed, or NULL */
	const HitlJson *faults; /* array, or NULL */
} Form;

/* How the buttons of the choices look. */
static const char *const button_looks[HITL_CHOICES] = {" class=\"yes\"",
													   " class=\"no\"", "", ""};

static void put_field(Form *form, const HitlField *field,
					  const HitlJson *value);
static void put_group(Form *form, const HitlField *field,
					  const HitlJson *value);
static void put_boxes(Form *form, const HitlField *field,
					  const HitlJson *value);
static void put_box(HitlBuffer *out, const HitlField *field, const char *type,
					int number, const char *code, const char *label,
					bool checked);
static void put_tick(Form *form, const HitlField *field, const HitlJson *value,
					 const char *fault);
static void put_select(Form *form, const HitlField *field,
					   const HitlJson *value, const char *fault);
static void put_input(Form *form, const HitlField *field, const HitlJson *value,
					  const char *fault);
static void put_label(HitlBuffer *out, const HitlField *field,
					  const char *element);
static void put_hints(HitlBuffer *out, const HitlField *field,
					  const char *fault);
static void put_described(HitlBuffer *out, const HitlField *field,
						  const char *fault);
static void put_id(HitlBuffer *out, const HitlField *field);
static void put_key(HitlBuffer *out, const HitlField *field);
static void put_name(HitlBuffer *out, const HitlField *field);
static bool has_widget(const HitlField *field, const char *widget);
static bool is_in_sight(const HitlField *field);
static bool is_chosen(const HitlField *field, int option,
					  const HitlJson *value);
static bool is_type(const HitlJson *value, HitlJsonType type);
static const HitlJson *value_within(const Form *form, const HitlField *field,
									const HitlJson *outer);
static const char *text_of(Form *form, const HitlField *field,
						   const HitlJson *value);
static const char *fault_of(const Form *form, const HitlField *field);
static const char *fault_of_feedback(const HitlJson *faults);
static bool is_about_feedback(const HitlJson *fault);
static const HitlField *find_fault(HitlArena *arena, const HitlField *field,
								   const HitlJson *fault, const char **message);

/*
 * Append the form of a request.  decision: the only one that it offers, or
 * NULL.
 */
void
hitl_append_form(HitlBuffer *buffer, const HitlNotice *notice,
				 const HitlJson *page, const char *decision)
{
	Form form = {buffer, NULL, hitl_json_member(page, "answer"),
				 hitl_json_member(page, "faults")};
	const char *action = hitl_text_at(page, "action");
	const char *token = hitl_text_at(page, "csrf");
	const char *feedback = hitl_text_at(page, "feedback");
	const char *fault = fault_of_feedback(form.faults);
	bool approves = decision == NULL || strcmp(decision, "approved") == 0;
	size_t i;

	hitl_append_text(buffer, "<form method=\"post\" action=\"");
	hitl_append_html(buffer, action == NULL ? "" : action);
	hitl_append_text(
		buffer,
		"\">\n<button type=\"submit\" disabled hidden></button>\n<button "
		"type=\"submit\" formmethod=\"dialog\" formnovalidate hidden></button>\n");
	hitl_append_hidden(buffer, "csrf", token);
	hitl_append_hidden(buffer, "content_hash", notice->content_hash);
	if (notice->schema != NULL && approves)
	{
		const HitlField *plan = hitl_plan_form(buffer->arena, notice->schema,
											   notice->ui_schema);
		const HitlJson *value;

		if (plan == NULL)
			return;
		form.plan = plan;
		value = form.answer == NULL ? plan->preset : form.answer;
		if (plan->kind == HITL_FIELD_GROUP)
		{
			if (plan->description != NULL)
			{
				hitl_append_text(buffer, "<p class=\"hint\" dir=\"auto\">");
				hitl_append_html(buffer, plan->description);
				hitl_append_text(buffer, "</p>\n");
			}
			put_group(&form, plan, value);
		}
		else
			put_field(&form, plan, value);
	}
	hitl_append_text(buffer,
					 "<div class=\"field\"><label for=\"feedback\">Reason"
					 " <span class=\"optional\">(optional)</span></label>\n");
	if (decision == NULL)
		hitl_append_text(
			buffer,
			"<p class=\"hint\" id=\"feedback-hint\">To request changes, or to "
			"ask a question, say here what you want.</p>\n");
	if (fault != NULL)
	{
		hitl_append_text(buffer, "<p class=\"fault\" id=\"feedback-fault\">");
		hitl_append_html(buffer, fault);
		hitl_append_text(buffer, "</p>\n");
	}
	hitl_append_text(
		buffer,
		"<textarea id=\"feedback\" name=\"feedback\" dir=\"auto\" rows=\"3\"");
	if (decision == NULL || fault != NULL)
		hitl_append_format(buffer, " aria-describedby=\"%s%s%s\"%s",
						   decision == NULL ? "feedback-hint" : "",
						   decision == NULL && fault != NULL ? " " : "",
						   fault != NULL ? "feedback-fault" : "",
						   fault != NULL ? " aria-invalid=\"true\"" : "");
	hitl_append_text(buffer, ">\n");
	if (feedback != NULL)
		hitl_append_typed(buffer, feedback);
	hitl_append_text(buffer, "</textarea></div>\n<div class=\"buttons\">\n");
	for (i = 0; i < HITL_CHOICES; i++)
	{
		const HitlChoiceName *choice = &hitl_choices[i];

		if (decision != NULL && strcmp(decision, choice->decision) != 0)
			continue;
		hitl_append_format(
			buffer,
			"<button type=\"submit\" name=\"decision\" value=\"%s\"%s%s>%s"
			"</button>\n",
			choice->decision, button_looks[i], i > 0 ? " formnovalidate" : "",
			choice->label);
	}
	hitl_append_text(buffer, "</div>\n</form>\n");
}

/*
 * Append what is wrong with an answer, each fault with a link to its field.
 */
void
hitl_append_faults(HitlBuffer *buffer, const HitlNotice *notice,
				   const HitlJson *page)
{
	const HitlJson *faults = hitl_json_member(page, "faults");
	const HitlField *form = NULL;
	const HitlJson *fault;

	if (faults == NULL || faults->type != HITL_JSON_ARRAY || faults->count == 0)
		return;
	if (notice->schema != NULL)
		form = hitl_plan_form(buffer->arena, notice->schema, notice->ui_schema);
	hitl_append_text(
		buffer,
		"<div class=\"faults\" role=\"alert\" tabindex=\"-1\" autofocus>\n"
		"<h2>Please check your answer</h2>\n<ul>\n");
	for (fault = faults->first; fault != NULL; fault = fault->next)
	{
		const char *message;
		const HitlField *field = find_fault(buffer->arena, form, fault,
											&message);

		if (message == NULL)
			continue;
		hitl_append_text(buffer, "<li>");
		if (is_about_feedback(fault))
			hitl_append_text(buffer, "<a href=\"#feedback\">Reason</a>: ");
		else if (field != NULL)
		{
			hitl_append_text(buffer, "<a href=\"#");
			put_key(buffer, field);
			hitl_append_text(buffer, "\"><bdi>");
			hitl_append_html(buffer, field->label);
			hitl_append_text(buffer, "</bdi></a>: ");
		}
		hitl_append_html(buffer, message);
		hitl_append_text(buffer, "</li>\n");
	}
	hitl_append_text(buffer, "</ul>\n</div>\n");
}

/*
 * Append a field that is not seen; nothing for NULL.
 */
void
hitl_append_hidden(HitlBuffer *buffer, const char *name, const char *value)
{
	if (value == NULL)
		return;
	hitl_append_format(buffer, "<input type=\"hidden\" name=\"%s\" value=\"",
					   name);
	hitl_append_typed(buffer, value);
	hitl_append_text(buffer, "\">\n");
}

/*
 * A field with all about it.
 */
static void
put_field(Form *form, const HitlField *field, const HitlJson *value)
{
	HitlBuffer *out = form->out;
	const char *fault = fault_of(form, field);

	if (has_widget(field, "hidden") && field->kind != HITL_FIELD_GROUP &&
		field->kind != HITL_FIELD_CHOICES)
	{
		const char *text = text_of(form, field, value);

		/* Who answers is to see all of his answer. */
		if (*text != '\0')
		{
			hitl_append_text(out, "<p class=\"hint\"><bdi>");
			hitl_append_html(out, field->label);
			hitl_append_text(out, "</bdi>: <bdi>");
			hitl_append_html(out, text);
			hitl_append_text(out, "</bdi></p>\n");
		}
		hitl_append_text(out, "<input type=\"hidden\"");
		put_name(out, field);
		hitl_append_text(out, " value=\"");
		hitl_append_typed(out, text);
		hitl_append_text(out, "\">\n");
		return;
	}
	if (field->kind == HITL_FIELD_GROUP || is_in_sight(field))
	{
		hitl_append_format(out, "<fieldset%s",
						   field->kind == HITL_FIELD_GROUP
							   ? ""
							   : " class=\"plain\"");
		put_id(out, field);
		put_described(out, field, fault);
		hitl_append_text(out, ">");
		put_label(out, field, "legend");
		put_hints(out, field, fault);
		if (field->kind == HITL_FIELD_GROUP)
			put_group(form, field, value);
		else
			put_boxes(form, field, value);
		hitl_append_text(out, "</fieldset>\n");
		return;
	}
	hitl_append_text(out, "<div class=\"field\">");
	if (field->kind == HITL_FIELD_BOOLEAN && !has_widget(field, "select"))
	{
		put_hints(out, field, fault);
		put_tick(form, field, value, fault);
	}
	else
	{
		put_label(out, field, "label");
		put_hints(out, field, fault);
		if (field->kind == HITL_FIELD_CHOICE ||
			field->kind == HITL_FIELD_BOOLEAN)
			put_select(form, field, value, fault);
		else
			put_input(form, field, value, fault);
	}
	hitl_append_text(out, "</div>\n");
}

/*
 * Fields that belong together.
 */
static void
put_group(Form *form, const HitlField *group, const HitlJson *value)
{
	const HitlField *field;

	for (field = group->first; field != NULL; field = field->next)
		put_field(form, field, value_within(form, field, value));
}

/*
 * Options that are all in sight.
 */
static void
put_boxes(Form *form, const HitlField *field, const HitlJson *value)
{
	HitlBuffer *out = form->out;
	const char *type = field->kind == HITL_FIELD_CHOICES ? "checkbox" : "radio";
	bool any = false;
	int i;

	if (field->kind == HITL_FIELD_BOOLEAN)
	{
		any = is_type(value, HITL_JSON_TRUE) || is_type(value, HITL_JSON_FALSE);
		put_box(out, field, type, 1, "true", "Yes",
				is_type(value, HITL_JSON_TRUE));
		put_box(out, field, type, 2, "false", "No",
				is_type(value, HITL_JSON_FALSE));
		i = 2;
	}
	else
		for (i = 0; i < field->count; i++)
		{
			bool chosen = is_chosen(field, i, value);

			any |= chosen;
			put_box(out, field, type, i + 1, field->options[i].code,
					field->options[i].label, chosen);
		}
	if (field->kind != HITL_FIELD_CHOICES && !field->required)
		put_box(out, field, type, i + 1, "", "No answer", !any);
}

static void
put_box(HitlBuffer *out, const HitlField *field, const char *type, int number,
		const char *code, const char *label, bool checked)
{
	hitl_append_format(out, "<div class=\"box\"><input type=\"%s\" id=\"",
					   type);
	put_key(out, field);
	hitl_append_format(out, "-%d\"", number);
	put_name(out, field);
	hitl_append_text(out, " value=\"");
	hitl_append_typed(out, code);
	hitl_append_format(out, "\"%s%s><label for=\"", checked ? " checked" : "",
					   field->required && field->kind != HITL_FIELD_CHOICES
						   ? " required"
						   : "");
	put_key(out, field);
	hitl_append_format(out, "-%d\"><bdi>", number);
	hitl_append_html(out, label);
	hitl_append_text(out, "</bdi></label></div>\n");
}

/*
 * A box to be ticked.  One that is not says nothing in a form, so a field
 * before it says no.
 */
static void
put_tick(Form *form, const HitlField *field, const HitlJson *value,
		 const char *fault)
{
	HitlBuffer *out = form->out;

	hitl_append_text(out, "<input type=\"hidden\"");
	put_name(out, field);
	hitl_append_text(out,
					 " value=\"false\"><div class=\"box\"><input "
					 "type=\"checkbox\"");
	put_id(out, field);
	put_name(out, field);
	hitl_append_format(out, " value=\"true\"%s",
					   is_type(value, HITL_JSON_TRUE) ? " checked" : "");
	put_described(out, field, fault);
	hitl_append_text(out, "><label for=\"");
	put_key(out, field);
	hitl_append_text(out, "\"><bdi>");
	hitl_append_html(out, field->label);
	hitl_append_text(out, "</bdi></label></div>");
}

/*
 * A list to choose from.
 */
static void
put_select(Form *form, const HitlField *field, const HitlJson *value,
		   const char *fault)
{
	HitlBuffer *out = form->out;
	int i;

	hitl_append_text(out, "<select");
	put_id(out, field);
	put_name(out, field);
	put_described(out, field, fault);
	hitl_append_format(out, "%s>\n<option value=\"\">%s</option>\n",
					   field->required ? " required" : "",
					   field->required ? "Please choose" : "No answer");
	if (field->kind == HITL_FIELD_BOOLEAN)
		hitl_append_format(out,
						   "<option value=\"true\"%s>Yes</option>\n"
						   "<option value=\"false\"%s>No</option>\n",
						   is_type(value, HITL_JSON_TRUE) ? " selected" : "",
						   is_type(value, HITL_JSON_FALSE) ? " selected" : "");
	for (i = 0; i < field->count; i++)
	{
		hitl_append_text(out, "<option value=\"");
		hitl_append_typed(out, field->options[i].code);
		hitl_append_format(out, "\" dir=\"auto\"%s>",
						   is_chosen(field, i, value) ? " selected" : "");
		hitl_append_html(out, field->options[i].label);
		hitl_append_text(out, "</option>\n");
	}
	hitl_append_text(out, "</select>");
}

/*
 * What is typed.
 */
static void
put_input(Form *form, const HitlField *field, const HitlJson *value,
		  const char *fault)
{
	static const char *const types[] = {
		[HITL_FIELD_TEXT] = " type=\"text\"",
		[HITL_FIELD_NUMBER] = " type=\"text\" inputmode=\"decimal\"",
		[HITL_FIELD_INTEGER] = " type=\"text\" inputmode=\"numeric\"",
		[HITL_FIELD_DATE] = " type=\"date\"",
		[HITL_FIELD_TIME] = " type=\"time\"",
		[HITL_FIELD_DATE_TIME] = " type=\"datetime-local\"",
		[HITL_FIELD_EMAIL] = " type=\"email\"",
		[HITL_FIELD_URL] = " type=\"url\"",
	};
	HitlBuffer *out = form->out;
	const char *text = text_of(form, field, value);
	const HitlJson *low = hitl_json_member(field->schema, "minimum");
	bool area = field->kind == HITL_FIELD_LIST ||
		field->kind == HITL_FIELD_JSON || has_widget(field, "textarea") ||
		(field->kind == HITL_FIELD_TEXT && strchr(text, '\n') != NULL);

	hitl_append_text(out, area ? "<textarea" : "<input");
	if (!area)
	{
		/* Some keyboards for numbers have no minus. */
		bool negative = (field->kind == HITL_FIELD_NUMBER ||
						 field->kind == HITL_FIELD_INTEGER) &&
			(low == NULL || low->type != HITL_JSON_NUMBER || *low->text == '-');

		hitl_append_text(out, negative ? " type=\"text\"" : types[field->kind]);
	}
	put_id(out, field);
	put_name(out, field);
	put_described(out, field, fault);
	if (field->placeholder != NULL)
	{
		hitl_append_text(out, " placeholder=\"");
		hitl_append_html(out, field->placeholder);
		hitl_append_char(out, '"');
	}
	if (field->required)
		hitl_append_text(out, " required");
	if (area || field->kind == HITL_FIELD_TEXT)
		hitl_append_text(out, " dir=\"auto\"");
	if (area)
	{
		/* A newline right after the tag is not part of the text. */
		hitl_append_text(out, " rows=\"4\">\n");
		hitl_append_typed(out, text);
		hitl_append_text(out, "</textarea>");
		return;
	}
	hitl_append_text(out, " value=\"");
	hitl_append_typed(out, text);
	hitl_append_text(out, "\">");
}

/*
 * The name of a field for people.
 */
static void
put_label(HitlBuffer *out, const HitlField *field, const char *element)
{
	hitl_append_format(out, "<%s", element);
	if (strcmp(element, "label") == 0)
	{
		hitl_append_text(out, " for=\"");
		put_key(out, field);
		hitl_append_char(out, '"');
	}
	hitl_append_text(out, "><bdi>");
	hitl_append_html(out, field->label);
	hitl_append_text(out, "</bdi>");
	if (!field->required && field->key != NULL &&
		field->kind != HITL_FIELD_GROUP)
		hitl_append_text(out, " <span class=\"optional\">(optional)</span>");
	hitl_append_format(out, "</%s>\n", element);
}

/*
 * What must be known to fill in a field, and what is wrong with what it has.
 */
static void
put_hints(HitlBuffer *out, const HitlField *field, const char *fault)
{
	const char *const hints[] = {field->description, field->help,
								 hitl_field_rule(out->arena, field)};
	bool open = false;
	int i;

	for (i = 0; i < 3; i++)
	{
		if (hints[i] == NULL || *hints[i] == '\0')
			continue;
		if (!open)
		{
			hitl_append_text(out, "<p class=\"hint\" id=\"");
			put_key(out, field);
			hitl_append_text(out, "-hint\">");
		}
		else
			hitl_append_char(out, ' ');
		open = true;
		hitl_append_text(out, "<bdi>");
		hitl_append_html(out, hitl_sentence(out->arena, hints[i]));
		hitl_append_text(out, "</bdi>");
	}
	if (open)
		hitl_append_text(out, "</p>\n");
	if (fault == NULL)
		return;
	hitl_append_text(out, "<p class=\"fault\" id=\"");
	put_key(out, field);
	hitl_append_text(out, "-fault\">");
	fault = hitl_sentence(out->arena, fault);
	if (*fault >= 'a' && *fault <= 'z')
		fault = hitl_format_text(out->arena, "%c%s", *fault - 'a' + 'A',
								 fault + 1);
	hitl_append_html(out, fault);
	hitl_append_text(out, "</p>\n");
}

/*
 * Tell those who do not see it what describes a field.
 */
static void
put_described(HitlBuffer *out, const HitlField *field, const char *fault)
{
	bool hint = field->description != NULL || field->help != NULL ||
		*hitl_field_rule(out->arena, field) != '\0';

	if (!hint && fault == NULL)
		return;
	hitl_append_text(out, " aria-describedby=\"");
	if (hint)
	{
		put_key(out, field);
		hitl_append_text(out, "-hint");
	}
	if (fault != NULL)
	{
		if (hint)
			hitl_append_char(out, ' ');
		put_key(out, field);
		hitl_append_text(out, "-fault");
	}
	hitl_append_text(out, fault == NULL ? "\"" : "\" aria-invalid=\"true\"");
}

/*
 * The id of a field, as an attribute.
 */
static void
put_id(HitlBuffer *out, const HitlField *field)
{
	hitl_append_text(out, " id=\"");
	put_key(out, field);
	hitl_append_char(out, '"');
}

/*
 * The same as such: its pointer in letters and digits, which is what ids can be
 * made of without trouble.
 */
static void
put_key(HitlBuffer *out, const HitlField *field)
{
	const char *p;

	hitl_append_text(out, "answer");
	for (p = field->pointer; *p != '\0'; p++)
	{
		if ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
			(*p >= '0' && *p <= '9'))
			hitl_append_char(out, *p);
		else if (*p == '/')
			hitl_append_char(out, '.');
		else
			hitl_append_format(out, "_%02x", (unsigned char) *p);
	}
}

/*
 * Its name in the form.
 */
static void
put_name(HitlBuffer *out, const HitlField *field)
{
	hitl_append_text(out, " name=\"");
	hitl_append_typed(out,
					  *field->pointer == '\0' ? HITL_WHOLE_ANSWER
											  : field->pointer);
	hitl_append_char(out, '"');
}

static bool
has_widget(const HitlField *field, const char *widget)
{
	return field->widget != NULL && strcmp(field->widget, widget) == 0;
}

/*
 * Are the options shown, and not in a list that unfolds?
 */
static bool
is_in_sight(const HitlField *field)
{
	switch (field->kind)
	{
		case HITL_FIELD_CHOICES:
			return true;
		case HITL_FIELD_BOOLEAN:
			return has_widget(field, "radio");
		case HITL_FIELD_CHOICE:
			return has_widget(field, "radio") ||
				(field->widget == NULL && field->count <= MAX_RADIOS);
		default:
			return false;
	}
}

/*
 * Is an option chosen by a value, or by one of them?
 */
static bool
is_chosen(const HitlField *field, int option, const HitlJson *value)
{
	const HitlJson *chosen = field->options[option].value;

	if (field->kind != HITL_FIELD_CHOICES)
		return value != NULL && hitl_same_value(chosen, value);
	for (value = value == NULL ? NULL : value->first; value != NULL;
		 value = value->next)
	{
		if (hitl_same_value(chosen, value))
			return true;
	}
	return false;
}

static bool
is_type(const HitlJson *value, HitlJsonType type)
{
	return value != NULL && value->type == type;
}

/*
 * What stands in a field of a form or group: what was typed, as it is in the
 * answer; where nobody has typed yet, what is to stand there at first.
 */
static const HitlJson *
value_within(const Form *form, const HitlField *field, const HitlJson *outer)
{
	const HitlJson *value = hitl_json_member(outer, field->key);

	return value == NULL && form->answer == NULL ? field->preset : value;
}

/*
 * The same as text, "" for none.
 */
static const char *
text_of(Form *form, const HitlField *field, const HitlJson *value)
{
	HitlArena *arena = form->out->arena;
	const char *text;
	HitlBuffer local;
	size_t begin = 0;
	int64_t us;

	if (value != NULL && field->kind == HITL_FIELD_CHOICE)
	{
		const HitlOption *option = hitl_find_option(field, value);

		if (option != NULL)
			return option->code;
	}
	text = hitl_field_text(arena, field, value);
	if (text == NULL)
		return "";
	/* Browsers take no offset, it is UTC; and no more than milliseconds. */
	if (field->kind == HITL_FIELD_TIME)
		begin = 11;
	else if (field->kind != HITL_FIELD_DATE_TIME)
		return text;
	if (!hitl_parse_instant(begin == 0
								? text
								: hitl_format_text(arena, "2000-01-02T%s",
												   text),
							&us))
		return text;
	hitl_buffer_init(&local, arena);
	hitl_append_instant(&local, us - (us % 1000 + 1000) % 1000);
	if (hitl_buffer_text(&local) == NULL)
		return "";
	local.data[--local.length] = '\0';
	return local.data + begin;
}

/*
 * What is wrong with a field, or NULL.
 */
static const char *
fault_of(const Form *form, const HitlField *field)
{
	const HitlJson *fault;
	const char *message;
	int i = 0;

	if (form->faults == NULL || form->faults->type != HITL_JSON_ARRAY)
		return NULL;
	for (fault = form->faults->first; fault != NULL && i < MAX_FAULTS;
		 fault = fault->next, i++)
	{
		const HitlField *found = find_fault(form->out->arena, form->plan, fault,
											&message);

		if (found == field && message != NULL)
			return message;
	}
	return NULL;
}

/*
 * What is wrong with the reason, which is no part of the answer, or NULL.
 */
static const char *
fault_of_feedback(const HitlJson *faults)
{
	const HitlJson *fault = NULL;

	if (faults != NULL && faults->type == HITL_JSON_ARRAY)
		fault = faults->first;
	while (fault != NULL && !is_about_feedback(fault))
		fault = fault->next;
	return hitl_text_at(fault, "message");
}

static bool
is_about_feedback(const HitlJson *fault)
{
	const char *field = hitl_text_at(fault, "field");

	return field != NULL && strcmp(field, "feedback") == 0;
}

/*
 * The field that a fault is about, or NULL, and what to say: a fault within a
 * field is about it, and what is missing is told by the object that misses it.
 */
static const HitlField *
find_fault(HitlArena *arena, const HitlField *field, const HitlJson *fault,
		   const char **message)
{
	static const char missing[] = "is required: ";
	const char *pointer = hitl_text_at(fault, "pointer");
	const HitlField *child;

	*message = hitl_text_at(fault, "message");
	if (field == NULL || *message == NULL || is_about_feedback(fault))
		return NULL;
	if (pointer == NULL)
		pointer = "";
	for (child = field->first; child != NULL;)
	{
		size_t length = strlen(child->pointer);

		if (strncmp(child->pointer, pointer, length) == 0 &&
			(pointer[length] == '\0' || pointer[length] == '/'))
		{
			field = child;
			child = child->first;
		}
		else
			child = child->next;
	}
	if (strcmp(field->pointer, pointer) == 0 &&
		strncmp(*message, missing, strlen(missing)) == 0)
	{
		for (child = field->first; child != NULL; child = child->next)
		{
			if (strcmp(*message + strlen(missing),
					   hitl_format_text(arena, "\"%s\"", child->key)) == 0)
			{
				*message = "Please fill this in.";
				return child;
			}
		}
	}
	return field->key == NULL && field->kind == HITL_FIELD_GROUP ? NULL : field;
}
