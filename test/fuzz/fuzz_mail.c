/*
 * fuzz_mail.c
 *		Any bytes as a mail document, or as its texts: nothing may get out of
 *		the header that it stands in.
 */
#include "fuzz.h"

#include "core/letter.h"

static void check_mail(const char *document);
static void check_message(const HitlMail *mail);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const forms[] = {
		"{\"from\":%1$s,\"to\":[\"b@x\"],\"subject\":%2$s,\"text\":%3$s}",
		"{\"from\":\"a@x\",\"to\":[%1$s],\"subject\":\"s\",\"text\":%2$s,\"html\":%3$s}",
		"{\"from\":\"a@x\",\"to\":[\"b@x\"],\"subject\":\"s\",\"text\":\"t\","
		"\"reply_to\":%1$s,\"headers\":{%2$s:%3$s,\"X-B\":%2$s}}",
		"{\"from\":\"a@x\",\"to\":[\"b@x\"],\"subject\":\"s\",\"text\":\"t\","
		"\"headers\":{\"Message-ID\":%1$s,\"References\":%2$s,\"X-B\":%3$s}}"};
	HitlArena arena;
	HitlBuffer parts[3];
	HitlBuffer document;
	HitlAcceptance acceptance;
	char *text;
	size_t i;

	if (size == 0)
		return 0;
	hitl_arena_init(&arena);
	text = hitl_copy_text(&arena, (const char *) data, size);
	check_mail(text);
	MUST(hitl_read_provider_reply(data[0] & 1 ? "slack" : "sendgrid",
								  data[0] & 2 ? 200 : 400, text,
								  &acceptance) == HITL_OK);
	MUST(acceptance.kind == NULL || acceptance.message != NULL);
	free(acceptance.message_id);
	free(acceptance.message);

	/* The same bytes in three pieces as texts of a document. */
	for (i = 0; i < 3; i++)
	{
		const char *piece = text + 1 + (size - 1) * i / 3;
		size_t length = (size - 1) * (i + 1) / 3 - (size - 1) * i / 3;

		hitl_buffer_init(&parts[i], &arena);
		hitl_json_write_string(&parts[i], piece, length);
		hitl_buffer_text(&parts[i]);
	}
	hitl_buffer_init(&document, &arena);
	hitl_append_format(&document, forms[data[0] % 4], parts[0].data,
					   parts[1].data, parts[2].data);
	check_mail(hitl_buffer_text(&document));
	hitl_arena_free(&arena);
	return 0;
}

/*
 * What is made of a document, or what is said of it.
 */
static void
check_mail(const char *document)
{
	HitlMail mail;
	char *body;
	char *error;

	if (hitl_build_mail(document, "id", 1000000000, &mail, &error) == HITL_OK)
		check_message(&mail);
	else
		MUST(error != NULL);
	free(error);
	hitl_free_mail(&mail);
	if (hitl_build_sendgrid(document, "id", &body, &error) == HITL_OK)
		must_be_json(body);
	else
		MUST(error != NULL);
	free(body);
	free(error);
}

/*
 * Lines of ASCII, not too long; each header that we write once, each line of
 * the header a header or a folded one.
 */
static void
check_message(const HitlMail *mail)
{
	static const char *const once[] = {"From:",		   "To:",	"Subject:",
									   "Message-ID:",  "Date:", "MIME-Version:",
									   "Content-Type:"};
	const char *line = mail->message;
	int found[7] = {0};
	bool in_header = true;
	size_t i;

	MUST(strlen(mail->message) == mail->length);
	MUST(strpbrk(mail->sender, " <>\r\n\t,;") == NULL);
	MUST(strpbrk(mail->recipient, " <>\r\n\t,;") == NULL);
	while (*line != '\0')
	{
		const char *end = strstr(line, "\r\n");

		MUST(end != NULL && end - line <= 998);
		for (i = 0; line + i < end; i++)
			MUST((unsigned char) line[i] < 0x7F && line[i] != '\r' &&
				 line[i] != '\n');
		if (line == end)
			in_header = false;
		if (in_header && line[0] != ' ')
		{
			MUST(memchr(line, ':', end - line) != NULL);
			MUST(strncasecmp(line, "Bcc:", 4) != 0);
			for (i = 0; i < 7; i++)
				found[i] += strncasecmp(line, once[i], strlen(once[i])) == 0;
		}
		else if (in_header)
			MUST(end - line > 1);
		line = end + 2;
	}
	for (i = 0; i < 7; i++)
		MUST(found[i] == 1);
}
