/*
 * letter.c
 *		Mail documents: reading and checking them, and the message (RFC 5322)
 *		that a mail server gets.
 *
 * The same document and id give the same message, byte for byte, so that what
 * is sent twice is the same mail twice.
 */
#include "core/letter.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* RFC 5321. */
#define MAX_LOCAL_PART 64
#define MAX_DOMAIN	   255

/* A longer header is no help to anybody. */
#define MAX_HEADER_NAME	 100
#define MAX_HEADER_VALUE 4000

/* References has several of them. */
#define MAX_MESSAGE_ID 250

/* What no mail server takes. */
#define MAX_MESSAGE (64 * 1024 * 1024)

/* The last second of the year 9999. */
#define MAX_DATE INT64_C(253402300799)

/* In quoted-printable and base64, "=_" does not occur. */
#define BOUNDARY "=_hitl_alternative"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS	"0123456789"

/* Headers that the document has other members for, or that are ours. */
static const char *const own_headers[] =
	{"bcc",			 "cc",		 "date",	 "dkim-signature", "from",
	 "mime-version", "received", "reply-to", "return-path",	   "sender",
	 "subject",		 "to",		 "x-sg-eid", "x-sg-id",		   NULL};

/* Headers that hold ids of messages. */
static const char *const id_headers[] = {"in-reply-to", "message-id",
										 "references", NULL};

static bool read_mailboxes(HitlArena *arena, const HitlJson *document,
						   HitlLetter *letter, HitlBuffer *reason);
static bool read_mailbox(HitlArena *arena, const HitlJson *value,
						 const char *what, HitlMailbox *mailbox,
						 HitlBuffer *reason);
static const char *unquote(HitlArena *arena, const char *text, size_t *length);
static const char *address_fault(const char *address, const char **domain);
static const HitlJson *read_text(const HitlJson *document, const char *key,
								 HitlBuffer *reason);
static bool read_headers(const HitlJson *document, HitlLetter *letter,
						 HitlBuffer *reason);
static const char *header_fault(const HitlJson *header);
static bool are_ids(const char *text, bool several);
static bool is_one_of(const char *name, const char *const *names);
static bool has_control(const char *text, size_t length);
static void write_letter(HitlBuffer *buffer, const HitlLetter *letter,
						 const char *message_id);

/*
 * The message of a mail document.  id and date are for a Message-ID and a Date
 * where it has none.
 */
HitlResult
hitl_build_mail(const char *document, const char *id, int64_t date,
				HitlMail *mail, char **error)
{
	HitlArena *arena = malloc(sizeof(HitlArena));
	HitlBuffer message;
	HitlBuffer reason;
	HitlLetter letter;
	HitlResult result;

	memset(mail, 0, sizeof(*mail));
	*error = NULL;
	if (arena == NULL)
		return HITL_NO_MEMORY;
	hitl_arena_init(arena);
	hitl_buffer_init(&message, arena);
	hitl_buffer_init(&reason, arena);
	memset(&letter, 0, sizeof(letter));
	letter.date = date;
	result = hitl_read_letter(arena, document, &letter, &reason);
	if (result == HITL_OK)
	{
		HitlBuffer made;

		hitl_buffer_init(&made, arena);
		hitl_append_format(&made, "<%s@%s>", id, letter.from.domain);
		mail->sender = letter.from.address;
		mail->recipient = letter.to.address;
		mail->message_id = letter.message_id != NULL ? letter.message_id->text
													 : hitl_buffer_text(&made);
		if (mail->message_id != NULL)
			write_letter(&message, &letter, mail->message_id);
		mail->message = hitl_buffer_text(&message);
		mail->length = message.length;
		if (mail->message == NULL)
			result = HITL_NO_MEMORY;
		else if (mail->length > MAX_MESSAGE)
		{
			hitl_append_text(&reason, "the mail is larger than 64 MB");
			result = HITL_INVALID;
		}
	}
	if (result == HITL_INVALID)
	{
		*error = hitl_buffer_text(&reason) != NULL
			? hitl_malloc_text(reason.data)
			: NULL;
		if (*error == NULL)
			result = HITL_NO_MEMORY;
	}
	mail->memory = arena;
	if (result != HITL_OK)
		hitl_free_mail(mail);
	return result;
}

/*
 * Free what hitl_build_mail has made.
 */
void
hitl_free_mail(HitlMail *mail)
{
	if (mail->memory != NULL)
	{
		hitl_arena_free(mail->memory);
		free(mail->memory);
	}
	memset(mail, 0, sizeof(*mail));
}

/*
 * Read and check a mail document.  HITL_INVALID: see reason.
 */
HitlResult
hitl_read_letter(HitlArena *arena, const char *document, HitlLetter *letter,
				 HitlBuffer *reason)
{
	const HitlJson *root;
	const HitlJson *date;
	HitlJsonError error;
	HitlResult result = hitl_json_parse(arena, document, strlen(document),
										HITL_JSON_COMPOSED, &root, &error);

	if (result == HITL_INVALID)
		hitl_append_format(reason, "the mail is not JSON: %s", error.message);
	if (result != HITL_OK)
		return result;
	if (root->type != HITL_JSON_OBJECT)
	{
		hitl_append_text(reason, "the mail is not an object");
		return HITL_INVALID;
	}
	if (!read_mailboxes(arena, root, letter, reason))
		return arena->failed ? HITL_NO_MEMORY : HITL_INVALID;
	letter->subject = read_text(root, "subject", reason);
	if (letter->subject == NULL)
		return HITL_INVALID;
	if (has_control(letter->subject->text, letter->subject->length))
	{
		hitl_append_text(
			reason,
			"\"subject\" has a line break or another control character");
		return HITL_INVALID;
	}
	letter->text = read_text(root, "text", reason);
	if (letter->text == NULL)
		return HITL_INVALID;
	if (hitl_json_stated(root, "html") != NULL &&
		(letter->html = read_text(root, "html", reason)) == NULL)
		return HITL_INVALID;
	date = hitl_json_stated(root, "date");
	if (date != NULL &&
		(!hitl_json_integer(date, &letter->date) || letter->date < 0 ||
		 letter->date > MAX_DATE))
	{
		hitl_append_text(reason, "\"date\" is not a Unix time in seconds");
		return HITL_INVALID;
	}
	return read_headers(root, letter, reason) ? HITL_OK : HITL_INVALID;
}

/*
 * Read from, to and reply_to.
 */
static bool
read_mailboxes(HitlArena *arena, const HitlJson *document, HitlLetter *letter,
			   HitlBuffer *reason)
{
	const HitlJson *to = hitl_json_member(document, "to");
	const HitlJson *reply_to = hitl_json_stated(document, "reply_to");

	if (!read_mailbox(arena, hitl_json_member(document, "from"), "\"from\"",
					  &letter->from, reason))
		return false;
	if (to == NULL || to->type != HITL_JSON_ARRAY || to->count != 1)
	{
		hitl_append_text(reason, "\"to\" is not an array of one address");
		return false;
	}
	return read_mailbox(arena, to->first, "\"to\"", &letter->to, reason) &&
		(reply_to == NULL ||
		 read_mailbox(arena, reply_to, "\"reply_to\"", &letter->reply_to,
					  reason));
}

/*
 * Read "address" or "name <address>".  A name may be quoted, and need not be:
 * there is one mailbox only, so nothing in it is taken for something else.
 */
static bool
read_mailbox(HitlArena *arena, const HitlJson *value, const char *what,
			 HitlMailbox *mailbox, HitlBuffer *reason)
{
	const char *start;
	const char *end;
	const char *open;
	const char *fault;

	if (value == NULL || value->type != HITL_JSON_STRING)
	{
		hitl_append_format(reason, "%s is not a text", what);
		return false;
	}
	if (has_control(value->text, value->length))
	{
		hitl_append_format(reason,
						   "%s has a line break or another control character",
						   what);
		return false;
	}
	start = value->text;
	end = start + value->length;
	while (start < end && *start == ' ')
		start++;
	while (end > start && end[-1] == ' ')
		end--;
	mailbox->name = "";
	mailbox->name_length = 0;
	for (open = end; open > start && *open != '<'; open--)
		;
	if (end > start && end[-1] == '>' && *open == '<')
	{
		const char *name_end = open;

		while (name_end > start && name_end[-1] == ' ')
			name_end--;
		mailbox->name = start;
		mailbox->name_length = name_end - start;
		if (mailbox->name_length >= 2 && start[0] == '"' && name_end[-1] == '"')
			mailbox->name = unquote(arena, start, &mailbox->name_length);
		start = open + 1;
		end--;
	}
	mailbox->address = hitl_copy_text(arena, start, end - start);
	if (mailbox->address == NULL || mailbox->name == NULL)
		return false;
	fault = address_fault(mailbox->address, &mailbox->domain);
	if (fault != NULL)
		hitl_append_format(reason, "%s %s", what, fault);
	return fault == NULL;
}

/*
 * What a quoted string stands for.
 */
static const char *
unquote(HitlArena *arena, const char *text, size_t *length)
{
	char *out = hitl_alloc(arena, *length);
	size_t count = 0;
	size_t i;

	if (out == NULL)
		return NULL;
	for (i = 1; i + 1 < *length; i++)
	{
		if (text[i] == '\\' && i + 2 < *length)
			i++;
		out[count++] = text[i];
	}
	out[count] = '\0';
	*length = count;
	return out;
}

/*
 * What is wrong with an address, or NULL and its domain.  The forms that RFC
 * 5321 allows beyond these (quoted local parts) are in nobody's use.
 */
static const char *
address_fault(const char *address, const char **domain)
{
	const char *at = strrchr(address, '@');
	size_t local;
	size_t length;

	if (!hitl_is_ascii(address, strlen(address)))
		return "has an address that is not ASCII; write its domain as xn--...";
	if (at == NULL)
		return "is not an address, or a name and an address in angle brackets";
	local = at - address;
	*domain = at + 1;
	length = strlen(*domain);
	if (local == 0 || local > MAX_LOCAL_PART ||
		strspn(address, LETTERS DIGITS "!#$%&'*+-/=?^_`{|}~.") != local ||
		address[0] == '.' || at[-1] == '.' ||
		(strstr(address, "..") != NULL && strstr(address, "..") < at))
		return "has an invalid address: what is before its @";
	if (length == 0 || length > MAX_DOMAIN)
		return "has an invalid address: what is after its @";
	if (**domain == '[')
	{
		if (length < 3 ||
			strspn(*domain + 1, LETTERS DIGITS ":.") != length - 2 ||
			(*domain)[length - 1] != ']')
			return "has an invalid address: what is after its @";
	}
	else if (strspn(*domain, LETTERS DIGITS "-.") != length ||
			 **domain == '.' || **domain == '-' ||
			 (*domain)[length - 1] == '.' || strstr(*domain, "..") != NULL)
		return "has an invalid address: what is after its @";
	return NULL;
}

/*
 * A member that must be a text.
 */
static const HitlJson *
read_text(const HitlJson *document, const char *key, HitlBuffer *reason)
{
	const HitlJson *value = hitl_json_member(document, key);

	if (value != NULL && value->type == HITL_JSON_STRING)
		return value;
	hitl_append_format(reason, "\"%s\" is not a text", key);
	return NULL;
}

/*
 * Read the headers.
 */
static bool
read_headers(const HitlJson *document, HitlLetter *letter, HitlBuffer *reason)
{
	const HitlJson *headers = hitl_json_stated(document, "headers");
	const HitlJson *header;
	const HitlJson *other;

	if (headers == NULL)
		return true;
	if (headers->type != HITL_JSON_OBJECT)
	{
		hitl_append_text(reason, "\"headers\" is not an object");
		return false;
	}
	for (header = headers->first; header != NULL; header = header->next)
	{
		const char *fault = header_fault(header);

		for (other = headers->first; fault == NULL && other != header;
			 other = other->next)
			if (strcasecmp(other->key, header->key) == 0)
				fault = "is given twice";
		if (fault != NULL)
		{
			hitl_append_text(reason, "header ");
			hitl_json_write_string(reason, header->key,
								   hitl_utf8_cut(header->key,
												 strlen(header->key),
												 MAX_HEADER_NAME));
			hitl_append_format(reason, " %s", fault);
			return false;
		}
		if (strcasecmp(header->key, "message-id") == 0)
			letter->message_id = header;
	}
	letter->headers = headers;
	return true;
}

/*
 * What is wrong with a header, or NULL.
 */
static const char *
header_fault(const HitlJson *header)
{
	size_t length = strlen(header->key);
	const char *text = header->text;

	if (length == 0 || length > MAX_HEADER_NAME ||
		strspn(header->key, LETTERS DIGITS "-_.") != length)
		return "has an invalid name: letters, digits, -, _ and . are allowed";
	if (is_one_of(header->key, own_headers) ||
		strncasecmp(header->key, "content-", 8) == 0 ||
		strncasecmp(header->key, "resent-", 7) == 0)
		return "is not one that \"headers\" may set";
	if (header->type != HITL_JSON_STRING)
		return "is not a text";
	if (has_control(text, header->length))
		return "has a line break or another control character";
	if (header->length > MAX_HEADER_VALUE)
		return "is too long";
	if (is_one_of(header->key, id_headers) &&
		!are_ids(text, strcasecmp(header->key, "references") == 0))
		return "is not the id of a message in angle brackets";
	return NULL;
}

/*
 * Is a text the id of a message, or of several with a blank between them?
 */
static bool
are_ids(const char *text, bool several)
{
	size_t length = strcspn(text, " ");

	if (length < 5 || length > MAX_MESSAGE_ID || text[0] != '<' ||
		text[length - 1] != '>' || !hitl_is_ascii(text, length) ||
		memchr(text, '@', length) == NULL ||
		strcspn(text + 1, "<>") + 2 != length)
		return false;
	return text[length] == '\0' ||
		(several && are_ids(text + length + 1, true));
}

/*
 * Is a name, in whatever case, in a list?
 */
static bool
is_one_of(const char *name, const char *const *names)
{
	for (; *names != NULL; names++)
		if (strcasecmp(name, *names) == 0)
			return true;
	return false;
}

/*
 * Does a text have what could end a line, or a field?
 */
static bool
has_control(const char *text, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++)
		if ((unsigned char) text[i] < ' ' || text[i] == 0x7F)
			return true;
	return false;
}

/*
 * Write the message.
 */
static void
write_letter(HitlBuffer *buffer, const HitlLetter *letter,
			 const char *message_id)
{
	const HitlJson *header = letter->headers != NULL ? letter->headers->first
													 : NULL;

	hitl_write_date(buffer, letter->date);
	hitl_write_mailbox(buffer, "From", &letter->from);
	hitl_write_mailbox(buffer, "To", &letter->to);
	if (letter->reply_to.address != NULL)
		hitl_write_mailbox(buffer, "Reply-To", &letter->reply_to);
	hitl_write_header(buffer, "Subject", letter->subject->text,
					  letter->subject->length);
	hitl_write_header(buffer, "Message-ID", message_id, strlen(message_id));
	for (; header != NULL; header = header->next)
		if (header != letter->message_id)
			hitl_write_header(buffer, header->key, header->text,
							  header->length);
	hitl_append_text(buffer, "MIME-Version: 1.0\r\n");
	if (letter->html == NULL)
	{
		hitl_write_part(buffer, "text/plain", letter->text->text,
						letter->text->length);
		return;
	}
	/* The last part is the one that is preferred. */
	hitl_append_text(buffer,
					 "Content-Type: multipart/alternative; boundary=\"" BOUNDARY
					 "\"\r\n"
					 "\r\n--" BOUNDARY "\r\n");
	hitl_write_part(buffer, "text/plain", letter->text->text,
					letter->text->length);
	/* The line break before a boundary belongs to it. */
	hitl_append_text(buffer, "\r\n--" BOUNDARY "\r\n");
	hitl_write_part(buffer, "text/html", letter->html->text,
					letter->html->length);
	hitl_append_text(buffer, "\r\n--" BOUNDARY "--\r\n");
}
