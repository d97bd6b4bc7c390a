/*
 * sendgrid.c
 *		Mail documents as SendGrid's v3 API (mail/send) takes them.
 */
#include "core/letter.h"
#include "core/inference.h"

#include <string.h>

static bool may_be_sent(const HitlLetter *letter, HitlBuffer *reason);
static void write_request(HitlBuffer *body, const HitlLetter *letter,
						  const char *id);
static void write_mailbox(HitlBuffer *body, const HitlMailbox *mailbox,
						  bool recipient);
static void write_content(HitlBuffer *body, const char *type,
						  const HitlJson *text);
static void write_headers(HitlBuffer *body, const HitlJson *headers);

/*
 * The body of the request.
 */
HitlResult
hitl_build_sendgrid(const char *document, const char *id, char **body,
					char **error)
{
	HitlDraft draft;
	HitlLetter letter;

	hitl_begin_draft(&draft);
	memset(&letter, 0, sizeof(letter));
	draft.result = hitl_read_letter(&draft.arena, document, &letter,
									&draft.reason);
	if (draft.result == HITL_OK && !may_be_sent(&letter, &draft.reason))
		draft.result = HITL_INVALID;
	if (draft.result == HITL_OK)
		write_request(&draft.text, &letter, id);
	return hitl_end_draft(&draft, body, error);
}

/*
 * SendGrid takes no mail without subject or content.
 */
static bool
may_be_sent(const HitlLetter *letter, HitlBuffer *reason)
{
	const char *empty = letter->subject->length == 0		? "subject"
		: letter->text->length == 0							? "text"
		: letter->html != NULL && letter->html->length == 0 ? "html"
															: NULL;

	if (empty != NULL)
		hitl_append_format(reason, "\"%s\" is empty, which SendGrid refuses",
						   empty);
	return empty == NULL;
}

/*
 * Write it.  Nothing is tracked: links would be rewritten, and whoever keeps
 * such a record would have the tokens in them.
 */
static void
write_request(HitlBuffer *body, const HitlLetter *letter, const char *id)
{
	hitl_append_text(body, "{\"personalizations\":[{\"to\":[");
	write_mailbox(body, &letter->to, true);
	hitl_append_text(body, "],\"custom_args\":{\"notification_id\":");
	hitl_json_write_string(body, id, strlen(id));
	hitl_append_text(body, "}}],\"from\":");
	write_mailbox(body, &letter->from, false);
	if (letter->reply_to.address != NULL)
	{
		hitl_append_text(body, ",\"reply_to\":");
		write_mailbox(body, &letter->reply_to, false);
	}
	hitl_append_text(body, ",\"subject\":");
	hitl_json_write_string(body, letter->subject->text,
						   letter->subject->length);
	hitl_append_text(body, ",\"content\":[");
	write_content(body, "text/plain", letter->text);
	if (letter->html != NULL)
	{
		hitl_append_char(body, ',');
		write_content(body, "text/html", letter->html);
	}
	hitl_append_char(body, ']');
	write_headers(body, letter->headers);
	hitl_append_text(
		body,
		",\"tracking_settings\":{"
		"\"click_tracking\":{\"enable\":false,\"enable_text\":false},"
		"\"open_tracking\":{\"enable\":false},"
		"\"subscription_tracking\":{\"enable\":false},"
		"\"ganalytics\":{\"enable\":false}}}");
}

/*
 * Write a mailbox.  The names of recipients get into their header as they are
 * (a mail to "Lee, Ann" would go to "Lee"), so they are quoted here.
 */
static void
write_mailbox(HitlBuffer *body, const HitlMailbox *mailbox, bool recipient)
{
	HitlBuffer name;

	hitl_append_char(body, '{');
	hitl_json_write_member(body, "email", mailbox->address);
	if (mailbox->name_length > 0)
	{
		hitl_buffer_init(&name, body->arena);
		if (recipient &&
			strcspn(mailbox->name, "()<>[]:;@\\,.\"") < mailbox->name_length)
			hitl_append_quoted(&name, mailbox->name, mailbox->name_length);
		else
			hitl_append(&name, mailbox->name, mailbox->name_length);
		hitl_json_write_key(body, "name");
		if (hitl_buffer_text(&name) != NULL)
			hitl_json_write_string(body, name.data, name.length);
	}
	hitl_append_char(body, '}');
}

/*
 * Write one form of the text.
 */
static void
write_content(HitlBuffer *body, const char *type, const HitlJson *text)
{
	hitl_append_format(body, "{\"type\":\"%s\",\"value\":", type);
	hitl_json_write_string(body, text->text, text->length);
	hitl_append_char(body, '}');
}

/*
 * Write the headers, which must be ASCII.
 */
static void
write_headers(HitlBuffer *body, const HitlJson *headers)
{
	const HitlJson *header;

	if (headers == NULL || headers->count == 0)
		return;
	hitl_append_text(body, ",\"headers\":{");
	for (header = headers->first; header != NULL; header = header->next)
	{
		HitlBuffer encoded;

		hitl_json_write_key(body, header->key);
		hitl_buffer_init(&encoded, body->arena);
		if (hitl_is_ascii(header->text, header->length))
			hitl_append(&encoded, header->text, header->length);
		else
			hitl_write_encoded_words(&encoded, header->text, header->length,
									 " ");
		if (hitl_buffer_text(&encoded) != NULL)
			hitl_json_write_string(body, encoded.data, encoded.length);
	}
	hitl_append_char(body, '}');
}
