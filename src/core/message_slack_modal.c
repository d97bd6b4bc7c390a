/*
 * message_slack_modal.c
 *		The form of a request as a view of Slack.
 *
 * The block of a field has the field's JSON pointer in its id, so that what
 * comes back tells for itself where it belongs, and a fault can be shown at
 * its field.
 */
#include "core/message.h"

#include <string.h>

/* What Slack takes at most. */
#define MAX_TITLE		24
#define MAX_METADATA	3000
#define MAX_LABEL		2000
#define MAX_HINT		2000
#define MAX_PLACEHOLDER 150
#define MAX_BLOCK_ID	255
#define MAX_OPTION		75
#define MAX_OPTIONS		100
#define MAX_BOXES		10
#define MAX_BLOCKS		100
#define MAX_TYPED		3000

#define DESCRIPTION_SHOWN 1000

typedef struct Modal
{
	HitlBuffer *out;
	const HitlNotice *notice;
	bool may_be_empty; /* the decision may be one that needs no answer */
	int blocks;		   /* so far */
	int left_out;	   /* fields that there was no room for */
} Modal;

static const char *metadata_of(const HitlNotice *notice, const char **why);
static void put_decision(Modal *modal);
static void put_fields(Modal *modal, const HitlField *field,
					   const char *heading);
static void put_field(Modal *modal, const HitlField *field,
					  const char *heading);
static void put_element(Modal *modal, const HitlField *field);
static void put_input(Modal *modal, const HitlField *field, const char *type);
static void put_options(HitlBuffer *out, const HitlField *field);
static void put_option(HitlBuffer *out, const char *label, const char *value);
static void put_chosen(HitlBuffer *out, const HitlField *field, bool several);
static void put_feedback(Modal *modal, bool required);

/*
 * Render a view for views.open.  "decision" of the document, approved or
 * rejected, says what is answered; without it the view asks.
 */
HitlResult
hitl_render_slack_modal(const char *document, char **text, char **error)
{
	HitlArena arena;
	HitlNotice notice;
	HitlBuffer out;
	Modal modal = {&out, &notice, false, 0, 0};
	const char *why = NULL;
	const char *metadata = NULL;
	const char *decision = NULL;
	HitlResult result;

	hitl_arena_init(&arena);
	hitl_buffer_init(&out, &arena);
	result = hitl_read_notice(&arena, document, &notice, &why);
	if (result == HITL_OK)
	{
		metadata = metadata_of(&notice, &why);
		decision = hitl_text_at(notice.document, "decision");
		if (metadata == NULL)
			result = HITL_INVALID;
	}
	if (result == HITL_OK)
	{
		bool rejects = decision != NULL && strcmp(decision, "rejected") == 0;

		modal.may_be_empty = decision == NULL;
		hitl_append_text(&out,
						 "{\"type\":\"modal\",\"callback_id\":\"hitl_answer\"");
		hitl_json_write_member(&out, "private_metadata", metadata);
		hitl_append_text(&out, ",\"title\":");
		hitl_slack_text(&out,
						decision == NULL ? "Answer"
							: rejects	 ? "Reject"
										 : "Approve",
						MAX_TITLE);
		hitl_append_text(&out, ",\"submit\":");
		hitl_slack_text(&out,
						decision == NULL ? "Send"
							: rejects	 ? "Reject"
										 : "Approve",
						MAX_TITLE);
		hitl_append_text(&out, ",\"close\":");
		hitl_slack_text(&out, "Cancel", MAX_TITLE);
		hitl_append_text(&out, ",\"blocks\":[");
		hitl_slack_section(&out, notice.title);
		modal.blocks++;
		if (notice.description != NULL)
		{
			hitl_slack_section(&out,
							   hitl_one_line(&arena, notice.description,
											 DESCRIPTION_SHOWN));
			modal.blocks++;
		}
		if (decision == NULL)
			put_decision(&modal);
		if (notice.schema != NULL && !rejects)
		{
			HitlField *form = hitl_plan_form(&arena, notice.schema,
											 notice.ui_schema);

			if (form != NULL)
				put_fields(&modal, form, NULL);
		}
		if (modal.left_out > 0)
			hitl_slack_section(&out,
							   "There is no room here for all fields. "
							   "Please use the web page.");
		put_feedback(&modal, rejects);
		hitl_append_text(&out, "]}");
	}
	return hitl_end_message(&arena, result, &out, why, text, error);
}

/*
 * What the view tells us when it is sent: the request, what of it was shown,
 * and the message that it was opened from.
 */
static const char *
metadata_of(const HitlNotice *notice, const char **why)
{
	const HitlJson *slack = hitl_json_member(notice->document, "slack");
	const char *channel = hitl_text_at(slack, "channel");
	const char *ts = hitl_text_at(slack, "ts");
	const char *decision = hitl_text_at(notice->document, "decision");
	HitlBuffer out;

	hitl_buffer_init(&out, notice->arena);
	hitl_append_char(&out, '{');
	hitl_json_write_member(&out, "approval_id", notice->id);
	if (notice->content_hash != NULL)
		hitl_json_write_member(&out, "content_hash", notice->content_hash);
	if (channel != NULL)
		hitl_json_write_member(&out, "channel", channel);
	if (ts != NULL)
		hitl_json_write_member(&out, "ts", ts);
	if (decision != NULL)
		hitl_json_write_member(&out, "decision", decision);
	hitl_append_char(&out, '}');
	if (hitl_buffer_text(&out) == NULL)
		return NULL;
	if (out.length <= MAX_METADATA)
		return out.data;
	*why = "what the view has to keep is longer than Slack takes";
	return NULL;
}

/*
 * Ask for the decision.
 */
static void
put_decision(Modal *modal)
{
	size_t i;

	hitl_append_text(
		modal->out,
		",{\"type\":\"input\",\"block_id\":\"decision\",\"label\":");
	hitl_slack_text(modal->out, "Decision", MAX_LABEL);
	hitl_append_text(
		modal->out,
		",\"element\":{\"type\":\"radio_buttons\",\"action_id\":\"value\","
		"\"options\":[");
	for (i = 0; i < HITL_CHOICES; i++)
	{
		if (i > 0)
			hitl_append_char(modal->out, ',');
		put_option(modal->out, hitl_choices[i].label, hitl_choices[i].decision);
	}
	hitl_append_text(modal->out, "]}}");
	modal->blocks++;
}

/*
 * The fields, those of groups with the group's name before their own.
 */
static void
put_fields(Modal *modal, const HitlField *field, const char *heading)
{
	const HitlField *child;

	if (field->kind != HITL_FIELD_GROUP)
	{
		put_field(modal, field, heading);
		return;
	}
	if (field->key != NULL)
		heading = heading == NULL
			? field->label
			: hitl_format_text(modal->out->arena, "%s, %s", heading,
							   field->label);
	for (child = field->first; child != NULL; child = child->next)
		put_fields(modal, child, heading);
}

/*
 * A field as a block.  There must be room for the block after all fields that
 * says what was left out, and for the reason.
 */
static void
put_field(Modal *modal, const HitlField *field, const char *heading)
{
	HitlBuffer *out = modal->out;
	const char *rule = hitl_field_rule(out->arena, field);
	const char *hint;

	if (modal->blocks >= MAX_BLOCKS - 2 ||
		strlen(field->pointer) + strlen(HITL_SLACK_FIELD) > MAX_BLOCK_ID)
	{
		modal->left_out++;
		return;
	}
	modal->blocks++;
	hitl_append_text(out,
					 ",{\"type\":\"input\",\"block_id\":\"" HITL_SLACK_FIELD);
	hitl_json_write_content(out, field->pointer, strlen(field->pointer));
	hitl_append_text(out, "\",\"label\":");
	hitl_slack_text(out,
					hitl_one_line(out->arena,
								  hitl_format_text(out->arena, "%s%s%s",
												   heading == NULL ? ""
																   : heading,
												   heading == NULL ? "" : ": ",
												   field->label),
								  MAX_LABEL),
					MAX_LABEL);
	hitl_append_format(out, ",\"optional\":%s",
					   field->required && !modal->may_be_empty ? "false"
															   : "true");
	hint = hitl_one_line(out->arena,
						 hitl_format_text(out->arena, "%s %s %s%s",
										  hitl_sentence(out->arena,
														field->description),
										  hitl_sentence(out->arena,
														field->help),
										  rule,
										  field->required && modal->may_be_empty
											  ? " An approval needs it."
											  : ""),
						 MAX_HINT);
	if (*hint != '\0')
	{
		hitl_append_text(out, ",\"hint\":");
		hitl_slack_text(out, hint, MAX_HINT);
	}
	hitl_append_text(out, ",\"element\":");
	put_element(modal, field);
	hitl_append_char(out, '}');
}

/*
 * What is filled in.
 */
static void
put_element(Modal *modal, const HitlField *field)
{
	HitlBuffer *out = modal->out;
	bool choose = field->count > 0 && field->count <= MAX_OPTIONS;
	int64_t us;
	const char *preset;

	switch (field->kind)
	{
		case HITL_FIELD_CHOICE:
			if (!choose)
				break;
			hitl_append_text(out,
							 "{\"type\":\"static_select\",\"action_id\":"
							 "\"value\",\"options\":[");
			put_options(out, field);
			hitl_append_char(out, ']');
			put_chosen(out, field, false);
			hitl_append_char(out, '}');
			return;
		case HITL_FIELD_CHOICES:
			if (!choose)
				break;
			hitl_append_format(out,
							   "{\"type\":\"%s\",\"action_id\":\"value\","
							   "\"options\":[",
							   field->count <= MAX_BOXES
								   ? "checkboxes"
								   : "multi_static_select");
			put_options(out, field);
			hitl_append_char(out, ']');
			put_chosen(out, field, true);
			hitl_append_char(out, '}');
			return;
		case HITL_FIELD_BOOLEAN:
			hitl_append_text(out,
							 "{\"type\":\"radio_buttons\",\"action_id\":"
							 "\"value\",\"options\":[");
			put_option(out, "Yes", "true");
			hitl_append_char(out, ',');
			put_option(out, "No", "false");
			hitl_append_char(out, ']');
			if (field->preset != NULL &&
				(field->preset->type == HITL_JSON_TRUE ||
				 field->preset->type == HITL_JSON_FALSE))
			{
				bool yes = field->preset->type == HITL_JSON_TRUE;

				hitl_append_text(out, ",\"initial_option\":");
				put_option(out, yes ? "Yes" : "No", yes ? "true" : "false");
			}
			hitl_append_char(out, '}');
			return;
		case HITL_FIELD_NUMBER:
		case HITL_FIELD_INTEGER:
			hitl_append_format(
				out,
				"{\"type\":\"number_input\",\"action_id\":\"value\","
				"\"is_decimal_allowed\":%s",
				field->kind == HITL_FIELD_NUMBER ? "true" : "false");
			preset = hitl_field_text(out->arena, field, field->preset);
			if (preset != NULL && field->preset->type == HITL_JSON_NUMBER)
				hitl_json_write_member(out, "initial_value", preset);
			hitl_append_char(out, '}');
			return;
		case HITL_FIELD_DATE:
			hitl_append_text(
				out, "{\"type\":\"datepicker\",\"action_id\":\"value\"");
			preset = hitl_field_text(out->arena, field, field->preset);
			if (preset != NULL && strlen(preset) == 10 &&
				hitl_parse_instant(preset, &us))
				hitl_json_write_member(out, "initial_date", preset);
			hitl_append_char(out, '}');
			return;
		case HITL_FIELD_TIME:
			hitl_append_text(
				out, "{\"type\":\"timepicker\",\"action_id\":\"value\"}");
			return;
		case HITL_FIELD_DATE_TIME:
			hitl_append_text(out,
							 "{\"type\":\"datetimepicker\",\"action_id\":"
							 "\"value\"");
			preset = hitl_field_text(out->arena, field, field->preset);
			/* Slack wants ten digits. */
			if (preset != NULL && hitl_parse_instant(preset, &us) &&
				us >= INT64_C(1000000000) * 1000000 &&
				us < INT64_C(10000000000) * 1000000)
				hitl_append_format(out, ",\"initial_date_time\":%lld",
								   (long long) (us / 1000000));
			hitl_append_char(out, '}');
			return;
		case HITL_FIELD_EMAIL:
			put_input(modal, field, "email_text_input");
			return;
		case HITL_FIELD_URL:
			put_input(modal, field, "url_text_input");
			return;
		default:
			break;
	}
	put_input(modal, field, "plain_text_input");
}

/*
 * A text that is typed.
 */
static void
put_input(Modal *modal, const HitlField *field, const char *type)
{
	HitlBuffer *out = modal->out;
	const char *preset = hitl_field_text(out->arena, field, field->preset);
	bool plain = strcmp(type, "plain_text_input") == 0;

	hitl_append_format(out, "{\"type\":\"%s\",\"action_id\":\"value\"", type);
	if (plain &&
		(field->kind == HITL_FIELD_LIST || field->kind == HITL_FIELD_JSON ||
		 field->kind == HITL_FIELD_CHOICES ||
		 (field->widget != NULL && strcmp(field->widget, "textarea") == 0)))
		hitl_append_text(out, ",\"multiline\":true");
	if (preset != NULL && *preset != '\0' &&
		hitl_characters(preset) <= MAX_TYPED)
		hitl_json_write_member(out, "initial_value", preset);
	if (field->placeholder != NULL && *field->placeholder != '\0')
	{
		hitl_append_text(out, ",\"placeholder\":");
		hitl_slack_text(out, field->placeholder, MAX_PLACEHOLDER);
	}
	hitl_append_char(out, '}');
}

/*
 * The options of a field, told by their numbers.
 */
static void
put_options(HitlBuffer *out, const HitlField *field)
{
	int i;

	for (i = 0; i < field->count; i++)
	{
		if (i > 0)
			hitl_append_char(out, ',');
		put_option(out, field->options[i].label,
				   hitl_format_text(out->arena, "%d", i));
	}
}

static void
put_option(HitlBuffer *out, const char *label, const char *value)
{
	hitl_append_text(out, "{\"text\":");
	hitl_slack_text(out, hitl_one_line(out->arena, label, MAX_OPTION),
					MAX_OPTION);
	hitl_json_write_member(out, "value", value);
	hitl_append_char(out, '}');
}

/*
 * What is chosen at first.
 */
static void
put_chosen(HitlBuffer *out, const HitlField *field, bool several)
{
	const HitlOption *option = several ? NULL
									   : hitl_find_option(field, field->preset);
	const HitlJson *value;
	int i;
	bool any = false;

	if (option != NULL)
	{
		hitl_append_text(out, ",\"initial_option\":");
		put_option(out, option->label,
				   hitl_format_text(out->arena, "%d",
									(int) (option - field->options)));
	}
	if (!several || field->preset == NULL ||
		field->preset->type != HITL_JSON_ARRAY)
		return;
	for (i = 0; i < field->count; i++)
	{
		for (value = field->preset->first; value != NULL; value = value->next)
		{
			if (hitl_find_option(field, value) != &field->options[i])
				continue;
			hitl_append_text(out, any ? "," : ",\"initial_options\":[");
			put_option(out, field->options[i].label,
					   hitl_format_text(out->arena, "%d", i));
			any = true;
			break;
		}
	}
	if (any)
		hitl_append_char(out, ']');
}

/*
 * The reason.
 */
static void
put_feedback(Modal *modal, bool required)
{
	hitl_append_format(
		modal->out,
		",{\"type\":\"input\",\"block_id\":\"feedback\",\"optional\":%s,"
		"\"label\":",
		required ? "false" : "true");
	hitl_slack_text(modal->out, "Reason", MAX_LABEL);
	if (modal->may_be_empty)
	{
		hitl_append_text(modal->out, ",\"hint\":");
		hitl_slack_text(
			modal->out,
			"Say here what is to be changed, or what you want to know.",
			MAX_HINT);
	}
	hitl_append_text(
		modal->out,
		",\"element\":{\"type\":\"plain_text_input\",\"action_id\":\"value\","
		"\"multiline\":true,\"max_length\":3000}}");
}
