/*
 * message.c
 *		What messages to people are made of: the document that they are about,
 *		the words for how a request stands, and texts made safe to show.
 */
#include "core/message.h"

#include <stdlib.h>
#include <string.h>

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */
#define ELLIPSIS	"\xE2\x80\xA6"

/* How long a line of plain text is, in characters. */
#define LINE_WIDTH 76

static const char *const standings[] = {"pending", "approved",	"rejected",
										"expired", "cancelled", NULL};

/* What is said about an event while the request is pending. */
static const struct
{
	const char *event;
	const char *headline;
	const char *introduction; /* %s: who asks */
	const char *to_room;	  /* the same to nobody in particular */
} events[] =
	{{"approval.requested", "Approval needed", "%s asks for your approval.",
	  "%s asks for an approval."},
	 {"approval.reminder", "Reminder", "%s still waits for your answer.",
	  "%s still waits for an answer."},
	 {"approval.escalated", "Escalated",
	  "Nobody has answered %s in time. Now you are asked.",
	  "Nobody has answered %s in time. Now others are asked."},
	 {"approval.reassigned", "Handed over to you",
	  "A request of %s was handed over to you.",
	  "A request of %s was handed over."},
	 {"approval.revised", "Changed",
	  "What %s asks was changed. Earlier answers do not count any more.",
	  "What %s asks was changed. Earlier answers do not count any more."},
	 {"approval.information_requested", "Question asked",
	  "An approver has a question about what %s asks.",
	  "An approver has a question about what %s asks."},
	 {"approval.information_given", "Question answered",
	  "A question about what %s asks was answered.",
	  "A question about what %s asks was answered."},
	 {"approval.changes_requested", "Changes requested",
	  "An approver wants changes of what %s asks.",
	  "An approver wants changes of what %s asks."}};

#define EVENTS (sizeof(events) / sizeof(events[0]))

static const char *const outcomes[] = {NULL, "Approved", "Rejected", "Expired",
									   "Withdrawn"};

static const char *const decisions[][2] = {{"approved", "Approved"},
										   {"rejected", "Rejected"},
										   {"modified", "Changes requested"},
										   {"abstained", "Abstained"},
										   {"information_requested",
											"Question asked"},
										   {"information_given",
											"Question answered"},
										   {"revised", "Request changed"},
										   {"commented", "Commented"}};

const HitlChoiceName hitl_choices[HITL_CHOICES] = {{"approved", "Approve"},
												   {"rejected", "Reject"},
												   {"modified",
													"Request changes"},
												   {"information_requested",
													"Ask a question"}};

/* Why a request was decided as it was, where the outcome does not say it. */
static const char *const reasons[][2] =
	{{"approved", NULL},
	 {"rejected", NULL},
	 {"out_of_reach", "The approvals it needs cannot come any more."},
	 {"veto", "One rejection is enough."},
	 {"deadline", "The time to answer was over."},
	 {"silence", "Nobody answered in time."},
	 {"rule", "A rule decided it."}};

static const char *reason_of(const HitlNotice *notice);
static size_t find_event(const HitlNotice *notice);
static const char *link_of(const HitlNotice *notice, const char *key);
static void trim_end(HitlBuffer *buffer);
static size_t unwanted(const char *p);
static bool is_blank(const char *p, size_t *length);

/*
 * Read a notification document.
 */
HitlResult
hitl_read_notice(HitlArena *arena, const char *text, HitlNotice *notice,
				 const char **why)
{
	const HitlJson *document;
	HitlResult result = hitl_read_object(arena, text, &document, why);

	return result != HITL_OK ? result
							 : hitl_read_request(arena, document, notice, why);
}

/*
 * Read what a document says about a request.
 */
HitlResult
hitl_read_request(HitlArena *arena, const HitlJson *document,
				  HitlNotice *notice, const char **why)
{
	const HitlJson *approval = hitl_json_member(document, "approval");
	const HitlJson *recipient = hitl_json_member(document, "recipient");
	const HitlJson *value;
	int standing;

	memset(notice, 0, sizeof(*notice));
	notice->arena = arena;
	notice->document = document;
	notice->approval = approval;
	if (approval == NULL || approval->type != HITL_JSON_OBJECT)
	{
		*why = "the document has no object \"approval\"";
		return HITL_INVALID;
	}
	notice->id = hitl_text_at(approval, "id");
	notice->title = hitl_text_at(approval, "title");
	standing = hitl_find_name(hitl_json_member(approval, "status"), standings);
	if (notice->id == NULL || notice->title == NULL || standing < 0)
	{
		*why = notice->id == NULL ? "the approval has no text \"id\""
			: notice->title == NULL
			? "the approval has no text \"title\""
			: "the status of the approval is none of pending, approved, "
			  "rejected, expired and cancelled";
		return HITL_INVALID;
	}
	notice->standing = (HitlStanding) standing;
	notice->event = hitl_text_at(document, "event");
	if (notice->event == NULL)
		notice->event = "";
	value = hitl_json_member(approval, "context_data");
	if (value != NULL && value->type == HITL_JSON_OBJECT && value->count > 0)
		notice->context = value;
	value = hitl_json_member(document, "responses");
	if (value != NULL && value->type == HITL_JSON_ARRAY && value->count > 0)
		notice->responses = value;
	notice->schema = hitl_json_stated(approval, "answer_schema");
	notice->ui_schema = hitl_json_stated(approval, "ui_schema");
	notice->content_hash = hitl_text_at(approval, "content_hash");
	notice->description = hitl_text_at(approval, "description");
	notice->requested_by = hitl_text_at(approval, "requested_by");
	notice->requested_at = hitl_text_at(approval, "requested_at");
	notice->expires_at = hitl_text_at(approval, "expires_at");
	notice->decided_at = hitl_text_at(approval, "decided_at");
	notice->decided_by = hitl_text_at(approval, "decided_by");
	notice->reason = reason_of(notice);
	notice->recipient = hitl_name_of(recipient);
	if (notice->standing == HITL_STANDING_PENDING)
	{
		notice->review = link_of(notice, "review");
		notice->approve = link_of(notice, "approve");
		notice->reject = link_of(notice, "reject");
	}
	return HITL_OK;
}

/*
 * Read a document that must be an object.
 */
HitlResult
hitl_read_object(HitlArena *arena, const char *text, const HitlJson **object,
				 const char **why)
{
	HitlJsonError error;
	HitlResult result = hitl_json_parse(arena, text, strlen(text),
										HITL_JSON_COMPOSED, object, &error);

	if (result == HITL_INVALID)
		*why = error.message;
	else if (result == HITL_OK && (*object)->type != HITL_JSON_OBJECT)
	{
		*why = hitl_format_text(arena, "the document must be an object, not %s",
								hitl_json_type_name(*object));
		return HITL_INVALID;
	}
	return result;
}

/*
 * Hand a message, or why there is none, to the library's caller; the arena is
 * freed.
 */
HitlResult
hitl_end_message(HitlArena *arena, HitlResult result, HitlBuffer *message,
				 const char *why, char **text, char **error)
{
	const char *made = NULL;

	*text = *error = NULL;
	if (result == HITL_OK)
	{
		made = hitl_buffer_text(message);
		if (made != NULL)
			*text = hitl_malloc_text(made);
	}
	else if (result == HITL_INVALID)
	{
		if (why != NULL)
			*error = hitl_malloc_text(why);
	}
	if (arena->failed || (result == HITL_OK && *text == NULL))
	{
		free(*error);
		*error = NULL;
		result = HITL_NO_MEMORY;
	}
	hitl_arena_free(arena);
	return result;
}

/*
 * What a principal is called, or NULL.
 */
const char *
hitl_name_of(const HitlJson *principal)
{
	const char *name = hitl_text_at(principal, "display_name");

	return name == NULL ? hitl_text_at(principal, "name") : name;
}

/*
 * How a request stands, or what has happened to it, in a word or two.
 */
const char *
hitl_headline(const HitlNotice *notice)
{
	if (notice->standing != HITL_STANDING_PENDING)
		return outcomes[notice->standing];
	return events[find_event(notice)].headline;
}

/*
 * What has happened, as a sentence.
 */
const char *
hitl_introduction(const HitlNotice *notice)
{
	size_t event = find_event(notice);
	const char *sentence = notice->recipient == NULL
		? events[event].to_room
		: events[event].introduction;
	const char *verb = strstr(sentence, "%s");
	const char *who = notice->requested_by == NULL
		? (verb == sentence ? "Somebody" : "somebody")
		: hitl_one_line(notice->arena, notice->requested_by, 200);

	if (notice->standing != HITL_STANDING_PENDING)
		return hitl_outcome(notice);
	return hitl_format_text(notice->arena, "%.*s%s%s", (int) (verb - sentence),
							sentence, who, verb + 2);
}

/*
 * The reason of an outcome, as people are told it, or NULL.  That of a
 * cancellation is what somebody has written.
 */
static const char *
reason_of(const HitlNotice *notice)
{
	const char *reason = hitl_text_at(notice->approval, "reason");
	size_t i;

	if (reason == NULL || notice->standing == HITL_STANDING_CANCELLED)
		return reason;
	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
	{
		if (strcmp(reason, reasons[i][0]) == 0)
			return reasons[i][1];
	}
	return reason;
}

/*
 * What has come of a request, as a sentence; without the reason.
 */
const char *
hitl_outcome(const HitlNotice *notice)
{
	HitlBuffer buffer;

	hitl_buffer_init(&buffer, notice->arena);
	hitl_append_text(&buffer,
					 notice->standing == HITL_STANDING_PENDING
						 ? "Not decided yet"
						 : outcomes[notice->standing]);
	if (notice->decided_by != NULL && notice->standing != HITL_STANDING_EXPIRED)
		hitl_append_format(&buffer, " by %s",
						   hitl_one_line(notice->arena, notice->decided_by,
										 200));
	if (notice->decided_at != NULL)
		hitl_append_format(&buffer, " on %s",
						   hitl_date(notice->arena, notice->decided_at));
	if (notice->standing == HITL_STANDING_EXPIRED)
		hitl_append_text(&buffer, " without a decision");
	hitl_append_char(&buffer, '.');
	return hitl_made_text(&buffer);
}

/*
 * An answer, as people are told it.
 */
const char *
hitl_decision_name(const char *decision)
{
	size_t i;

	for (i = 0; i < sizeof(decisions) / sizeof(decisions[0]); i++)
	{
		if (strcmp(decision, decisions[i][0]) == 0)
			return decisions[i][1];
	}
	return decision;
}

/*
 * The answers to a request, of many the last ones; NULL if there are none.
 */
const HitlJson *
hitl_last_answers(const HitlNotice *notice, int most, int *left_out)
{
	const HitlJson *answer;
	int i;

	*left_out = 0;
	if (notice->responses == NULL)
		return NULL;
	if (notice->responses->count > most)
		*left_out = notice->responses->count - most;
	answer = notice->responses->first;
	for (i = 0; i < *left_out; i++)
		answer = answer->next;
	return answer;
}

/*
 * Append who has answered what, and when, as a paragraph of HTML.
 */
void
hitl_append_answer(HitlBuffer *buffer, const HitlJson *answer,
				   const char *attributes)
{
	HitlArena *arena = buffer->arena;
	const char *who = hitl_text_at(answer, "approver");
	const char *decision = hitl_text_at(answer, "decision");
	const char *when = hitl_text_at(answer, "responded_at");

	hitl_append_format(buffer, "<p%s><strong>", attributes);
	hitl_append_html(buffer,
					 who == NULL ? "somebody" : hitl_one_line(arena, who, 200));
	hitl_append_text(buffer, "</strong>: ");
	hitl_append_html(buffer,
					 decision == NULL ? "" : hitl_decision_name(decision));
	if (when != NULL)
	{
		hitl_append_text(buffer, ", ");
		hitl_append_html(buffer, hitl_date(arena, when));
	}
	hitl_append_text(buffer, "</p>\n");
}

/*
 * A point in time as "26 November 2026, 09:30 UTC"; what is none as it is.
 */
const char *
hitl_date(HitlArena *arena, const char *instant)
{
	static const char *const months[] = {"January", "February", "March",
										 "April",	"May",		"June",
										 "July",	"August",	"September",
										 "October", "November", "December"};
	HitlInstant utc;
	HitlBuffer buffer;
	int64_t us;

	if (!hitl_parse_instant(instant, &us))
		return hitl_one_line(arena, instant, 60);
	utc = hitl_split_instant(us);
	hitl_buffer_init(&buffer, arena);
	if (utc.year > 9999)
		hitl_append_instant(&buffer, us);
	else
		hitl_append_format(&buffer, "%d %s %04d, %02d:%02d UTC", utc.day,
						   months[utc.month - 1], utc.year, utc.hour,
						   utc.minute);
	return hitl_made_text(&buffer);
}

/*
 * A key for people: "max_amount" and "maxAmount" are "Max amount".
 */
const char *
hitl_humanise(HitlArena *arena, const char *key)
{
	HitlBuffer buffer;
	const char *p;

	hitl_buffer_init(&buffer, arena);
	for (p = key; *p != '\0'; p++)
	{
		bool upper = *p >= 'A' && *p <= 'Z';
		bool after_lower = p > key &&
			((p[-1] >= 'a' && p[-1] <= 'z') || (p[-1] >= '0' && p[-1] <= '9'));
		bool before_lower = p[1] >= 'a' && p[1] <= 'z';

		if (*p == '_' || *p == '-' || *p == ' ')
		{
			if (buffer.length > 0 && buffer.data[buffer.length - 1] != ' ')
				hitl_append_char(&buffer, ' ');
		}
		else if (buffer.length == 0 && *p >= 'a' && *p <= 'z')
			hitl_append_char(&buffer, (char) (*p - 'a' + 'A'));
		else if (upper && after_lower)
		{
			hitl_append_char(&buffer, ' ');
			hitl_append_char(&buffer,
							 before_lower ? (char) (*p - 'A' + 'a') : *p);
		}
		else
			hitl_append_char(&buffer, *p);
	}
	trim_end(&buffer);
	if (buffer.length == 0)
		hitl_append_text(&buffer, *key == '\0' ? "(no name)" : key);
	return hitl_clean_text(arena, hitl_made_text(&buffer));
}

/*
 * A text without the characters that are not seen but change what is: control
 * characters, and those that turn the direction of writing round.  Each
 * becomes U+FFFD, so that it is seen that there was one.
 */
const char *
hitl_clean_text(HitlArena *arena, const char *text)
{
	const char *p = text;
	HitlBuffer buffer;

	while (*p != '\0' && unwanted(p) == 0)
		p++;
	if (*p == '\0')
		return text;
	hitl_buffer_init(&buffer, arena);
	hitl_append(&buffer, text, p - text);
	while (*p != '\0')
	{
		size_t length = unwanted(p);

		if (length == 0)
			hitl_append_char(&buffer, *p++);
		else
		{
			/* Lines may end as they do in mail. */
			if (p[0] != '\r' || p[1] != '\n')
				hitl_append_text(&buffer, *p == '\r' ? "\n" : REPLACEMENT);
			p += length;
		}
	}
	return hitl_made_text(&buffer);
}

/*
 * A text as one line of at most so many characters.
 */
const char *
hitl_one_line(HitlArena *arena, const char *text, size_t characters)
{
	const char *p = text;
	HitlBuffer buffer;
	size_t length;
	size_t cut;

	hitl_buffer_init(&buffer, arena);
	while (*p != '\0')
	{
		if (is_blank(p, &length))
		{
			if (buffer.length > 0 && buffer.data[buffer.length - 1] != ' ')
				hitl_append_char(&buffer, ' ');
			p += length;
		}
		else if ((length = unwanted(p)) > 0)
			p += length;
		else
			hitl_append_char(&buffer, *p++);
	}
	trim_end(&buffer);
	if (hitl_buffer_text(&buffer) == NULL)
		return "";
	cut = hitl_utf8_cut(buffer.data, buffer.length, characters);
	if (cut < buffer.length)
	{
		buffer.length = hitl_utf8_cut(buffer.data, buffer.length,
									  characters - 1);
		hitl_append_text(&buffer, ELLIPSIS);
	}
	return hitl_made_text(&buffer);
}

/*
 * A text, cut with a note after so many characters.
 */
const char *
hitl_cut_text(HitlArena *arena, const char *text, size_t characters)
{
	size_t length = strlen(text);
	size_t kept = hitl_utf8_cut(text, length, characters);

	return kept == length
		? text
		: hitl_format_text(arena,
						   "%.*s" ELLIPSIS " (cut, %zu characters in all)",
						   (int) kept, text, hitl_characters(text));
}

/*
 * A text with a full stop after it, if it ends with a letter or a digit; "" for
 * NULL.
 */
const char *
hitl_sentence(HitlArena *arena, const char *text)
{
	size_t length = text == NULL ? 0 : strlen(text);

	if (length == 0)
		return "";
	return ((text[length - 1] | 0x20) >= 'a' &&
			(text[length - 1] | 0x20) <= 'z') ||
			(text[length - 1] >= '0' && text[length - 1] <= '9') ||
			(text[length - 1] & 0x80)
		? hitl_format_text(arena, "%s.", text)
		: text;
}

/*
 * Append a text as the content of an HTML element or of a quoted attribute.
 */
void
hitl_append_html(HitlBuffer *buffer, const char *text)
{
	hitl_append_typed(buffer, hitl_clean_text(buffer->arena, text));
}

/*
 * The same for what somebody has typed and is to have back unchanged.
 */
void
hitl_append_typed(HitlBuffer *buffer, const char *text)
{
	for (;;)
	{
		size_t plain = strcspn(text, "&<>\"'");

		hitl_append(buffer, text, plain);
		text += plain;
		switch (*text++)
		{
			case '&':
				hitl_append_text(buffer, "&amp;");
				break;
			case '<':
				hitl_append_text(buffer, "&lt;");
				break;
			case '>':
				hitl_append_text(buffer, "&gt;");
				break;
			case '"':
				hitl_append_text(buffer, "&quot;");
				break;
			case '\'':
				hitl_append_text(buffer, "&#39;");
				break;
			default:
				return;
		}
	}
}

/*
 * Append a text as lines of plain text, the first of which begins at a column,
 * the others after an indent.  It ends with a newline.
 */
void
hitl_append_wrapped(HitlBuffer *buffer, const char *text, int column,
					int indent)
{
	const char *p = hitl_clean_text(buffer->arena, text);
	bool begun = true; /* nothing is on the line but blanks */

	while (*p != '\0')
	{
		size_t length = strcspn(p, " \n");
		int blanks = 0;
		int width = 0;
		size_t i;

		for (i = 0; i < length; i++)
			width += ((unsigned char) p[i] & 0xC0) != 0x80;
		while (p[length] == ' ')
		{
			length++;
			blanks++;
		}
		if (!begun && column + width > LINE_WIDTH)
		{
			trim_end(buffer);
			hitl_append_format(buffer, "\n%*s", indent, "");
			column = indent;
		}
		hitl_append(buffer, p, length);
		column += width + blanks;
		begun = false;
		p += length;
		if (*p == '\n')
		{
			trim_end(buffer);
			p++;
			if (*p == '\0')
				break;
			hitl_append_char(buffer, '\n');
			if (*p != '\n')
				hitl_append_format(buffer, "%*s", indent, "");
			column = indent;
			begun = true;
		}
	}
	trim_end(buffer);
	hitl_append_char(buffer, '\n');
}

/*
 * Append a text as paragraphs of HTML: an empty line is between them.
 */
void
hitl_append_paragraphs(HitlBuffer *buffer, const char *text,
					   const char *attributes)
{
	bool open = false;

	text = hitl_clean_text(buffer->arena, text);
	while (*text != '\0')
	{
		size_t length = strcspn(text, "\n");
		const char *line = hitl_copy_text(buffer->arena, text, length);

		if (line == NULL)
			return;
		if (strspn(line, " \t") == length)
		{
			if (open)
				hitl_append_text(buffer, "</p>\n");
			open = false;
		}
		else
		{
			if (open)
				hitl_append_text(buffer, "<br>\n");
			else
				hitl_append_format(buffer, "<p%s>", attributes);
			hitl_append_html(buffer, line);
			open = true;
		}
		text += length + (text[length] == '\n');
	}
	if (open)
		hitl_append_text(buffer, "</p>\n");
}

/*
 * How many characters a text has.
 */
size_t
hitl_characters(const char *text)
{
	size_t count = 0;

	for (; *text != '\0'; text++)
		count += ((unsigned char) *text & 0xC0) != 0x80;
	return count;
}

/*
 * The text of a buffer; "" without memory.
 */
const char *
hitl_made_text(HitlBuffer *buffer)
{
	const char *text = hitl_buffer_text(buffer);

	return text == NULL ? "" : text;
}

/*
 * A text as printf makes it; "" without memory.
 */
const char *
hitl_format_text(HitlArena *arena, const char *format, ...)
{
	HitlBuffer buffer;
	va_list arguments;

	hitl_buffer_init(&buffer, arena);
	va_start(arguments, format);
	hitl_append_arguments(&buffer, format, arguments);
	va_end(arguments);
	return hitl_made_text(&buffer);
}

/*
 * Take blanks away from the end.
 */
static void
trim_end(HitlBuffer *buffer)
{
	while (buffer->length > 0 && buffer->data[buffer->length - 1] == ' ')
		buffer->length--;
}

/*
 * What to say about the event; of one unknown, that an approval is needed.
 */
static size_t
find_event(const HitlNotice *notice)
{
	size_t i;

	for (i = EVENTS - 1; i > 0; i--)
	{
		if (strcmp(events[i].event, notice->event) == 0)
			break;
	}
	return i;
}

/*
 * A link to a page, or NULL: other schemes than these have no business here.
 */
static const char *
link_of(const HitlNotice *notice, const char *key)
{
	const char *link = hitl_text_at(hitl_json_member(notice->document, "links"),
									key);

	if (link == NULL ||
		(strncmp(link, "https://", 8) != 0 && strncmp(link, "http://", 7) != 0))
		return NULL;
	return link;
}

/*
 * The length of a character that is not to be shown, else 0.
 */
static size_t
unwanted(const char *text)
{
	const unsigned char *p = (const unsigned char *) text;

	if (p[0] < 0x20)
		return p[0] != '\n' && p[0] != '\t';
	if (p[0] == 0x7F)
		return 1;
	if (p[0] == 0xC2 && p[1] >= 0x80 && p[1] < 0xA0)
		return 2;
	/* U+202A to U+202E, U+2066 to U+2069, U+FEFF */
	if (p[0] == 0xE2 &&
		((p[1] == 0x80 && p[2] >= 0xAA && p[2] <= 0xAE) ||
		 (p[1] == 0x81 && p[2] >= 0xA6 && p[2] <= 0xA9)))
		return 3;
	if (p[0] == 0xEF && p[1] == 0xBB && p[2] == 0xBF)
		return 3;
	return 0;
}

/*
 * Does a text begin with white space, line ends of Unicode included?
 */
static bool
is_blank(const char *text, size_t *length)
{
	const unsigned char *p = (const unsigned char *) text;

	*length = 1;
	if (*p == ' ' || (*p >= '\t' && *p <= '\r'))
		return true;
	if (p[0] == 0xC2 && p[1] == 0x85)
	{
		*length = 2;
		return true;
	}
	*length = 3;
	return p[0] == 0xE2 && p[1] == 0x80 && (p[2] == 0xA8 || p[2] == 0xA9);
}
