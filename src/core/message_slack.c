/*
 * message_slack.c
 *		A notification as a message of Slack: blocks, and a text for where they
 *		are not shown.
 *
 * What agents and users have written stands in plain_text, where nothing but
 * & < > has a meaning; those are escaped.  Lengths are counted as Slack does,
 * in UTF-16 and after escaping.
 */
#include "core/message.h"

#include <string.h>

/* What Slack takes at most. */
#define MAX_HEADER	150
#define MAX_SECTION 3000
#define MAX_FIELD	2000
#define MAX_FIELDS	10 /* of a section */
#define MAX_BUTTON	75
#define MAX_VALUE	2000
#define MAX_URL		3000

/* What is shown of a request; the rest is a click away. */
#define MAX_DESCRIPTION 2000
#define MAX_CONTEXT		20 /* members */
#define MAX_MEMBER		300
#define MAX_RESPONSES	5
#define MAX_FALLBACK	1000

static bool put_text(HitlBuffer *buffer, const char *text, size_t limit);
static bool is_cut(HitlArena *arena, const char *text, size_t limit);
static void put_context(HitlBuffer *out, const HitlNotice *notice);
static void put_facts(HitlBuffer *out, const HitlNotice *notice);
static void put_date(HitlBuffer *out, const char *label, const char *instant);
static void put_answers(HitlBuffer *out, const HitlNotice *notice);
static void put_buttons(HitlBuffer *out, const HitlNotice *notice);
static void put_button(HitlBuffer *out, const char *action, const char *label,
					   const char *style, const char *value);
static const char *value_of(const HitlNotice *notice);
static void next_block(HitlBuffer *out);

/*
 * Render {"text","blocks"}.
 */
HitlResult
hitl_render_slack(const char *document, char **text, char **error)
{
	HitlArena arena;
	HitlNotice notice;
	HitlBuffer out;
	const char *why = NULL;
	HitlResult result;

	hitl_arena_init(&arena);
	hitl_buffer_init(&out, &arena);
	result = hitl_read_notice(&arena, document, &notice, &why);
	if (result == HITL_OK)
	{
		const char *title = hitl_format_text(&arena, "%s: %s",
											 hitl_headline(&notice),
											 notice.title);

		hitl_append_text(&out, "{\"text\":\"");
		(void) put_text(&out, title, MAX_FALLBACK);
		hitl_append_text(&out, "\",\"blocks\":[{\"type\":\"header\",\"text\":");
		hitl_slack_text(&out, hitl_one_line(&arena, title, MAX_HEADER),
						MAX_HEADER);
		hitl_append_char(&out, '}');
		if (is_cut(&arena, title, MAX_HEADER))
			hitl_slack_section(&out, notice.title);
		hitl_slack_section(&out, hitl_introduction(&notice));
		if (notice.standing != HITL_STANDING_PENDING && notice.reason != NULL)
			hitl_slack_section(&out,
							   hitl_format_text(&arena, "Reason: %s",
												notice.reason));
		if (notice.description != NULL)
			hitl_slack_section(
				&out,
				hitl_format_text(&arena, "%.*s%s",
								 (int) hitl_utf8_cut(notice.description,
													 strlen(notice.description),
													 MAX_DESCRIPTION),
								 notice.description,
								 hitl_characters(notice.description) >
										 MAX_DESCRIPTION
									 ? "\xE2\x80\xA6"
									 : ""));
		put_context(&out, &notice);
		put_answers(&out, &notice);
		put_facts(&out, &notice);
		if (notice.standing == HITL_STANDING_PENDING)
			put_buttons(&out, &notice);
		hitl_append_text(&out, "]}");
	}
	return hitl_end_message(&arena, result, &out, why, text, error);
}

/*
 * Append a text object.
 */
void
hitl_slack_text(HitlBuffer *buffer, const char *text, size_t limit)
{
	hitl_append_text(buffer, "{\"type\":\"plain_text\",\"text\":\"");
	if (!put_text(buffer, text, limit))
		hitl_append_char(buffer, '-'); /* it must not be empty */
	hitl_append_text(buffer, "\",\"emoji\":false}");
}

/*
 * Append a section with a text as it was written.
 */
void
hitl_slack_section(HitlBuffer *buffer, const char *text)
{
	next_block(buffer);
	hitl_append_text(buffer, "{\"type\":\"section\",\"text\":");
	hitl_slack_text(buffer, text, MAX_SECTION);
	hitl_append_char(buffer, '}');
}

/*
 * Append a text, escaped for Slack and for JSON, that counts for so many
 * characters at most; of a longer one the end is cut.  Is there anything?
 */
static bool
put_text(HitlBuffer *buffer, const char *text, size_t limit)
{
	const char *p = hitl_clean_text(buffer->arena, text);
	size_t count = 0;
	size_t before = buffer->length;
	size_t fits = 0; /* bytes after which there is room for what says so */

	while (*p != '\0')
	{
		size_t length = hitl_utf8_cut(p, strnlen(p, 4), 1);
		const char *escaped = NULL;
		size_t units = length == 4 ? 2 : 1;

		if (*p == '&')
			escaped = "&amp;";
		else if (*p == '<')
			escaped = "&lt;";
		else if (*p == '>')
			escaped = "&gt;";
		if (escaped != NULL)
			units = strlen(escaped);
		if (count + 1 <= limit)
			fits = buffer->length;
		if (count + units > limit)
		{
			buffer->length = fits;
			hitl_append_text(buffer, "\xE2\x80\xA6");
			break;
		}
		if (escaped != NULL)
			hitl_append_text(buffer, escaped);
		else
			hitl_json_write_content(buffer, p, length);
		count += units;
		p += length;
	}
	return buffer->length > before;
}

/*
 * Is a text longer than that?
 */
static bool
is_cut(HitlArena *arena, const char *text, size_t limit)
{
	HitlBuffer whole;
	HitlBuffer cut;

	hitl_buffer_init(&whole, arena);
	hitl_buffer_init(&cut, arena);
	(void) put_text(&whole, text, SIZE_MAX);
	(void) put_text(&cut, text, limit);
	return strcmp(hitl_made_text(&whole), hitl_made_text(&cut)) != 0;
}

/*
 * The context: a field for each member, ten to a section.
 */
static void
put_context(HitlBuffer *out, const HitlNotice *notice)
{
	const HitlJson *context = hitl_shown_context(notice);
	const HitlJson *member;
	int shown = 0;

	if (context == NULL)
		return;
	for (member = context->first; member != NULL && shown < MAX_CONTEXT;
		 member = member->next, shown++)
	{
		const char *key = hitl_one_line(out->arena,
										hitl_humanise(out->arena, member->key),
										100);

		if (shown % MAX_FIELDS == 0)
		{
			if (shown > 0)
				hitl_append_text(out, "]}");
			next_block(out);
			hitl_append_text(out, "{\"type\":\"section\",\"fields\":[");
		}
		else
			hitl_append_char(out, ',');
		hitl_slack_text(out,
						hitl_format_text(out->arena, "%s:\n%s", key,
										 hitl_value_text(out->arena, member,
														 MAX_MEMBER)),
						MAX_FIELD);
	}
	hitl_append_text(out, "]}");
	if (member != NULL)
		hitl_slack_section(
			out,
			hitl_format_text(out->arena, "%d more details are not shown here.",
							 context->count - shown));
}

/*
 * Who asks, since when, and until when, in the time of who reads it.
 */
static void
put_facts(HitlBuffer *out, const HitlNotice *notice)
{
	size_t begin;

	next_block(out);
	hitl_append_text(out, "{\"type\":\"context\",\"elements\":[");
	begin = out->length;
	if (notice->requested_by != NULL)
		hitl_slack_text(out,
						hitl_format_text(out->arena, "Asked by %s",
										 hitl_one_line(out->arena,
													   notice->requested_by,
													   200)),
						MAX_FIELD);
	if (notice->requested_at != NULL)
	{
		if (out->length > begin)
			hitl_append_char(out, ',');
		put_date(out, "Asked on", notice->requested_at);
	}
	if (notice->standing == HITL_STANDING_PENDING && notice->expires_at != NULL)
	{
		if (out->length > begin)
			hitl_append_char(out, ',');
		put_date(out, "Answer by", notice->expires_at);
	}
	if (out->length == begin)
		hitl_slack_text(out,
						hitl_format_text(out->arena, "Request %s", notice->id),
						MAX_FIELD);
	hitl_append_text(out, "]}");
}

/*
 * A time, which Slack shows as the reader's clock has it.
 */
static void
put_date(HitlBuffer *out, const char *label, const char *instant)
{
	int64_t us;

	if (!hitl_parse_instant(instant, &us) || us < 0)
	{
		hitl_slack_text(out,
						hitl_format_text(out->arena, "%s %s", label,
										 hitl_date(out->arena, instant)),
						MAX_FIELD);
		return;
	}
	hitl_append_format(
		out,
		"{\"type\":\"mrkdwn\",\"text\":\"%s <!date^%lld^{date_long} "
		"{time}|%s>\"}",
		label, (long long) (us / 1000000), hitl_date(out->arena, instant));
}

/*
 * What others have answered, of many the last ones.
 */
static void
put_answers(HitlBuffer *out, const HitlNotice *notice)
{
	int left_out;
	const HitlJson *answer = hitl_last_answers(notice, MAX_RESPONSES,
											   &left_out);
	HitlBuffer lines;

	if (answer == NULL)
		return;
	hitl_buffer_init(&lines, out->arena);
	if (left_out > 0)
		hitl_append_format(&lines, "%d earlier answers are not shown here.",
						   left_out);
	for (; answer != NULL; answer = answer->next)
	{
		const char *who = hitl_text_at(answer, "approver");
		const char *decision = hitl_text_at(answer, "decision");
		const char *feedback = hitl_text_at(answer, "feedback");

		hitl_append_format(&lines, "%s%s: %s", lines.length > 0 ? "\n" : "",
						   who == NULL ? "Somebody"
									   : hitl_one_line(out->arena, who, 100),
						   decision == NULL ? ""
											: hitl_decision_name(decision));
		if (feedback != NULL)
			hitl_append_format(&lines, " (%s)",
							   hitl_one_line(out->arena, feedback, MAX_MEMBER));
	}
	if (hitl_buffer_text(&lines) != NULL)
		hitl_slack_section(out, lines.data);
}

/*
 * What can be done: approve or reject where no more is to be said, open the
 * form, and look at the page.
 */
static void
put_buttons(HitlBuffer *out, const HitlNotice *notice)
{
	const char *value = value_of(notice);

	if (value == NULL)
		return;
	next_block(out);
	hitl_append_text(
		out,
		"{\"type\":\"actions\",\"block_id\":\"hitl_actions\",\"elements\":[");
	if (notice->schema == NULL)
	{
		put_button(out, "hitl_approve", "Approve", "primary", value);
		hitl_append_char(out, ',');
		put_button(out, "hitl_reject", "Reject", "danger", value);
		hitl_append_char(out, ',');
		put_button(out, "hitl_open", "Answer with a reason", NULL, value);
	}
	else
		put_button(out, "hitl_open", "Answer", "primary", value);
	if (notice->review != NULL && hitl_characters(notice->review) <= MAX_URL)
	{
		hitl_append_text(out,
						 ",{\"type\":\"button\",\"action_id\":\"hitl_review\","
						 "\"text\":");
		hitl_slack_text(out, "Review", MAX_BUTTON);
		hitl_json_write_member(out, "url", notice->review);
		hitl_append_char(out, '}');
	}
	hitl_append_text(out, "]}");
}

static void
put_button(HitlBuffer *out, const char *action, const char *label,
		   const char *style, const char *value)
{
	hitl_append_text(out, "{\"type\":\"button\"");
	hitl_json_write_member(out, "action_id", action);
	hitl_json_write_key(out, "text");
	hitl_slack_text(out, label, MAX_BUTTON);
	if (style != NULL)
		hitl_json_write_member(out, "style", style);
	hitl_json_write_member(out, "value", value);
	hitl_append_char(out, '}');
}

/*
 * What a button tells us when it is pressed: which request, and what of it was
 * shown.  NULL if that is too long, as an id never is.
 */
static const char *
value_of(const HitlNotice *notice)
{
	HitlBuffer value;

	hitl_buffer_init(&value, notice->arena);
	hitl_append_char(&value, '{');
	hitl_json_write_member(&value, "approval_id", notice->id);
	if (notice->content_hash != NULL)
		hitl_json_write_member(&value, "content_hash", notice->content_hash);
	hitl_append_char(&value, '}');
	if (hitl_buffer_text(&value) == NULL ||
		hitl_characters(value.data) > MAX_VALUE)
		return NULL;
	return value.data;
}

/*
 * A comma, unless it is the first block.
 */
static void
next_block(HitlBuffer *out)
{
	if (out->length > 0 && out->data[out->length - 1] == '}')
		hitl_append_char(out, ',');
}
