/*
 * mime.c
 *		Text as mail carries it: in ASCII, in lines that are not too long.
 *
 * RFC 5322 (folding), 2047 (encoded words) and 2045 (quoted-printable, base64).
 */
#include "core/letter.h"

#include <string.h>

/* Lines of headers should not, and must not, be longer; without CRLF. */
#define GOOD_LINE 78
#define MAX_LINE  900

/* Of a line of a body. */
#define BODY_LINE 76

/* Of an encoded word; and what surrounds the text in it. */
#define ENCODED_WORD 75
#define WORD_START	 "=?UTF-8?"
#define WORD_END	 "?="
#define WORD_FRAME	 12

#define FOLD "\r\n "

/* What Q may leave as it is even in names. */
#define PLAIN_IN_WORD \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/"

/* What a name need not be quoted for. */
#define PLAIN_IN_NAME PLAIN_IN_WORD "#$%&'=?^_`{|}~ "

static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char hex_digits[] = "0123456789ABCDEF";

static bool is_plain(const char *text, size_t length);
static size_t longest_word(const char *text, size_t length);
static void write_folded(HitlBuffer *buffer, const char *text, size_t length);
static size_t column(const HitlBuffer *buffer);
static size_t encoded_length(const char *text, size_t length, bool base64);
static void write_base64(HitlBuffer *buffer, const char *text, size_t length,
						 size_t line);
static void write_quoted_printable(HitlBuffer *buffer, const char *text,
								   size_t length);
static void write_hex(HitlBuffer *buffer, unsigned char byte);
static size_t count_unprintable(const char *text, size_t length);

/*
 * Write a header of free text, or of ids of messages.
 */
void
hitl_write_header(HitlBuffer *buffer, const char *name, const char *value,
				  size_t length)
{
	hitl_append_text(buffer, name);
	hitl_append_text(buffer, ": ");
	if (is_plain(value, length) && longest_word(value, length) < MAX_LINE)
		write_folded(buffer, value, length);
	else
		hitl_write_encoded_words(buffer, value, length, FOLD);
	hitl_append_text(buffer, "\r\n");
}

/*
 * Write a header with a mailbox.
 */
void
hitl_write_mailbox(HitlBuffer *buffer, const char *name,
				   const HitlMailbox *mailbox)
{
	const char *text = mailbox->name;
	size_t length = mailbox->name_length;

	hitl_append_text(buffer, name);
	hitl_append_text(buffer, ": ");
	if (length == 0)
	{
		hitl_append_text(buffer, mailbox->address);
		hitl_append_text(buffer, "\r\n");
		return;
	}
	if (!is_plain(text, length) || longest_word(text, length) >= MAX_LINE / 2)
		hitl_write_encoded_words(buffer, text, length, FOLD);
	else if (strspn(text, PLAIN_IN_NAME) >= length)
		write_folded(buffer, text, length);
	else
	{
		HitlBuffer quoted;

		hitl_buffer_init(&quoted, buffer->arena);
		hitl_append_quoted(&quoted, text, length);
		if (hitl_buffer_text(&quoted) != NULL)
			write_folded(buffer, quoted.data, quoted.length);
	}
	hitl_append_text(buffer,
					 column(buffer) + strlen(mailbox->address) + 3 > GOOD_LINE
						 ? FOLD
						 : " ");
	hitl_append_char(buffer, '<');
	hitl_append_text(buffer, mailbox->address);
	hitl_append_text(buffer, ">\r\n");
}

/*
 * Append a name in quotes.
 */
void
hitl_append_quoted(HitlBuffer *buffer, const char *text, size_t length)
{
	size_t i;

	hitl_append_char(buffer, '"');
	for (i = 0; i < length; i++)
	{
		if (text[i] == '"' || text[i] == '\\')
			hitl_append_char(buffer, '\\');
		hitl_append_char(buffer, text[i]);
	}
	hitl_append_char(buffer, '"');
}

/*
 * Write the Date.  The names are those of the standard, whatever the locale.
 */
void
hitl_write_date(HitlBuffer *buffer, int64_t date)
{
	static const char *const weekdays[] = {"Sun", "Mon", "Tue", "Wed",
										   "Thu", "Fri", "Sat"};
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr",
										 "May", "Jun", "Jul", "Aug",
										 "Sep", "Oct", "Nov", "Dec"};
	HitlInstant instant = hitl_split_instant(date * 1000000);

	hitl_append_format(buffer,
					   "Date: %s, %02d %s %04d %02d:%02d:%02d +0000\r\n",
					   weekdays[instant.weekday], instant.day,
					   months[instant.month - 1], instant.year, instant.hour,
					   instant.minute, instant.second);
}

/*
 * Write a text: its headers, a blank line and lines of ASCII.  It ends with a
 * line break.
 */
void
hitl_write_part(HitlBuffer *buffer, const char *type, const char *text,
				size_t length)
{
	HitlBuffer lines;
	size_t i;

	/* All line breaks are CRLF, also where nobody will see that. */
	hitl_buffer_init(&lines, buffer->arena);
	for (i = 0; i < length; i++)
	{
		if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r'))
			hitl_append_text(&lines, "\r\n");
		else if (text[i] == '\r' && (i + 1 == length || text[i + 1] != '\n'))
			hitl_append_text(&lines, "\r\n");
		else
			hitl_append_char(&lines, text[i]);
	}
	if (lines.length < 2 ||
		memcmp(lines.data + lines.length - 2, "\r\n", 2) != 0)
		hitl_append_text(&lines, "\r\n");
	if (lines.data == NULL || buffer->arena->failed)
		return;

	hitl_append_format(buffer, "Content-Type: %s; charset=utf-8\r\n", type);
	hitl_append_text(buffer, "Content-Transfer-Encoding: ");
	if (count_unprintable(lines.data, lines.length) > lines.length / 6)
	{
		hitl_append_text(buffer, "base64\r\n\r\n");
		write_base64(buffer, lines.data, lines.length, BODY_LINE);
	}
	else
	{
		hitl_append_text(buffer, "quoted-printable\r\n\r\n");
		write_quoted_printable(buffer, lines.data, lines.length);
	}
}

/*
 * Is a text ASCII?
 */
bool
hitl_is_ascii(const char *text, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++)
		if ((unsigned char) text[i] >= 0x80)
			return false;
	return true;
}

/*
 * Write a text as encoded words, each of whole characters.  What separates
 * them is no part of the text.
 */
void
hitl_write_encoded_words(HitlBuffer *buffer, const char *text, size_t length,
						 const char *separator)
{
	bool base64 = encoded_length(text, length, true) <
		encoded_length(text, length, false);
	size_t used = column(buffer); /* of the line of the first one */
	size_t start = 0;

	if (used > ENCODED_WORD / 2)
	{
		hitl_append_text(buffer, separator);
		used = 0;
	}
	while (start < length)
	{
		size_t room = ENCODED_WORD - WORD_FRAME - (start == 0 ? used : 0);
		size_t end = start;
		size_t i;

		while (end < length)
		{
			size_t next = end + hitl_utf8_cut(text + end, length - end, 1);

			if (encoded_length(text + start, next - start, base64) > room)
				break;
			end = next;
		}
		if (start > 0)
			hitl_append_text(buffer, separator);
		hitl_append_text(buffer, base64 ? WORD_START "B?" : WORD_START "Q?");
		if (base64)
			write_base64(buffer, text + start, end - start, 0);
		for (i = start; i < end && !base64; i++)
		{
			if (text[i] == ' ')
				hitl_append_char(buffer, '_');
			else if (text[i] != '\0' && strchr(PLAIN_IN_WORD, text[i]) != NULL)
				hitl_append_char(buffer, text[i]);
			else
				write_hex(buffer, (unsigned char) text[i]);
		}
		hitl_append_text(buffer, WORD_END);
		start = end;
	}
}

/*
 * Can a text stand in a header as it is?  What looks like an encoded word, or
 * has blanks that might get lost, cannot.
 */
static bool
is_plain(const char *text, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++)
	{
		unsigned char c = (unsigned char) text[i];

		if (c < ' ' || c >= 0x7F ||
			(c == '=' && i + 1 < length && text[i + 1] == '?') ||
			(c == ' ' && (i == 0 || i + 1 == length || text[i - 1] == ' ')))
			return false;
	}
	return true;
}

/*
 * The length of what has no blank in it.
 */
static size_t
longest_word(const char *text, size_t length)
{
	size_t longest = 0;
	size_t start = 0;
	size_t i;

	for (i = 0; i <= length; i++)
	{
		if (i < length && text[i] != ' ')
			continue;
		if (i - start > longest)
			longest = i - start;
		start = i + 1;
	}
	return longest;
}

/*
 * Write a plain text, with line breaks before some of its blanks.
 */
static void
write_folded(HitlBuffer *buffer, const char *text, size_t length)
{
	size_t start = 0;

	while (start < length)
	{
		size_t end = start + 1;

		while (end < length && text[end] != ' ')
			end++;
		if (start > 0 && column(buffer) + (end - start) > GOOD_LINE)
			hitl_append_text(buffer, "\r\n");
		hitl_append(buffer, text + start, end - start);
		start = end;
	}
}

/*
 * How many bytes the last line has.
 */
static size_t
column(const HitlBuffer *buffer)
{
	size_t start = buffer->length;

	if (buffer->data == NULL)
		return 0;
	while (start > 0 && buffer->data[start - 1] != '\n')
		start--;
	return buffer->length - start;
}

/*
 * The length of a text in an encoded word.
 */
static size_t
encoded_length(const char *text, size_t length, bool base64)
{
	size_t encoded = 0;
	size_t i;

	if (base64)
		return (length + 2) / 3 * 4;
	for (i = 0; i < length; i++)
		encoded += text[i] == ' ' ||
				(text[i] != '\0' && strchr(PLAIN_IN_WORD, text[i]) != NULL)
			? 1
			: 3;
	return encoded;
}

/*
 * Write base64, in lines of a length; 0: in none.
 */
static void
write_base64(HitlBuffer *buffer, const char *text, size_t length, size_t line)
{
	size_t written = 0;
	size_t i;

	for (i = 0; i < length; i += 3)
	{
		size_t left = length - i;
		unsigned bits = (unsigned) (unsigned char) text[i] << 16;
		char digits[4];

		if (left > 1)
			bits |= (unsigned) (unsigned char) text[i + 1] << 8;
		if (left > 2)
			bits |= (unsigned) (unsigned char) text[i + 2];
		digits[0] = base64_digits[bits >> 18];
		digits[1] = base64_digits[bits >> 12 & 63];
		digits[2] = left > 1 ? base64_digits[bits >> 6 & 63] : '=';
		digits[3] = left > 2 ? base64_digits[bits & 63] : '=';
		hitl_append(buffer, digits, 4);
		written += 4;
		if (line > 0 && (written % line == 0 || left <= 3))
			hitl_append_text(buffer, "\r\n");
	}
}

/*
 * Write quoted-printable.  Lines that begin with a full stop, or with "From",
 * are changed by some servers; encoded they are not.
 */
static void
write_quoted_printable(HitlBuffer *buffer, const char *text, size_t length)
{
	size_t written = 0; /* of the line */
	size_t i;

	for (i = 0; i < length; i++)
	{
		unsigned char c = (unsigned char) text[i];
		bool line_ends = i + 2 < length && text[i + 1] == '\r' &&
			text[i + 2] == '\n';
		bool encoded;
		size_t room;

		if (c == '\r' && i + 1 < length && text[i + 1] == '\n')
		{
			hitl_append_text(buffer, "\r\n");
			written = 0;
			i++;
			continue;
		}
		encoded = c == '=' || c >= 0x7F || (c < ' ' && c != '\t') ||
			((c == ' ' || c == '\t') && line_ends) ||
			(written == 0 &&
			 (c == '.' ||
			  (c == 'F' && length - i >= 5 &&
			   memcmp(text + i, "From ", 5) == 0)));
		room = (encoded ? 3 : 1) + (line_ends ? 0 : 1);
		if (written + room > BODY_LINE)
		{
			hitl_append_text(buffer, "=\r\n");
			written = 0;
			/* What begins a line now is looked at again. */
			i--;
			continue;
		}
		if (encoded)
			write_hex(buffer, c);
		else
			hitl_append_char(buffer, (char) c);
		written += encoded ? 3 : 1;
	}
}

/*
 * Write a byte as "=" and two digits.
 */
static void
write_hex(HitlBuffer *buffer, unsigned char byte)
{
	hitl_append_char(buffer, '=');
	hitl_append_char(buffer, hex_digits[byte >> 4]);
	hitl_append_char(buffer, hex_digits[byte & 15]);
}

/*
 * How many bytes quoted-printable would have to encode.
 */
static size_t
count_unprintable(const char *text, size_t length)
{
	size_t count = 0;
	size_t i;

	for (i = 0; i < length; i++)
	{
		unsigned char c = (unsigned char) text[i];

		count += c == '=' || c >= 0x7F ||
			(c < ' ' && strchr("\t\r\n", c) == NULL);
	}
	return count;
}
