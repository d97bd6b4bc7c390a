/*
 * test_mail.c
 *		Mail documents: the message for a mail server, and SendGrid's request.
 */
#include "harness.h"

#include "core/letter.h"

#define ID	 "0190f0c1-2a3b-7000-8000-000000000000"
#define DATE INT64_C(1795699708) /* 2026-11-26 13:28:28 */

/*
 * The message of a document, or "error: " and why there is none.
 */
static const char *
mail_of(const char *document)
{
	static char out[200000];
	HitlMail mail;
	char *error;
	HitlResult result = hitl_build_mail(document, ID, DATE, &mail, &error);

	if (result == HITL_OK)
	{
		CHECK_INT(strlen(mail.message), mail.length);
		snprintf(out, sizeof(out), "%s", mail.message);
	}
	else
		snprintf(out, sizeof(out), "error: %s", error);
	free(error);
	hitl_free_mail(&mail);
	return out;
}

/*
 * A document with other members than usual ones.
 */
static const char *
letter(const char *members)
{
	static char document[120000];
	json_t *usual = json_pack("{s:s,s:[s],s:s,s:s}", "from", "a@example.org",
							  "to", "b@example.org", "subject", "s", "text",
							  "t");
	json_t *others = json_loads(members, JSON_ALLOW_NUL, NULL);
	char *text;

	CHECK(others != NULL);
	json_object_update(usual, others);
	text = json_dumps(usual, JSON_PRESERVE_ORDER);
	snprintf(document, sizeof(document), "%s", text);
	free(text);
	json_decref(usual);
	json_decref(others);
	return document;
}

/*
 * One header of such a mail, as it is folded, without its line's end.
 */
static const char *
header_of(const char *members, const char *name)
{
	static char out[20000];
	char start[100];
	const char *message = mail_of(letter(members));
	const char *found;
	const char *end;

	if (strncmp(message, "error: ", 7) == 0)
		return message;
	snprintf(start, sizeof(start), "\r\n%s: ", name);
	found = strstr(message, start);
	if (found == NULL)
		return "none";
	found += strlen(start);
	for (end = strstr(found, "\r\n"); end[2] == ' ';
		 end = strstr(end + 2, "\r\n"))
		;
	snprintf(out, sizeof(out), "%.*s", (int) (end - found), found);
	return out;
}

/*
 * What is written after the header.
 */
static const char *
body_of(const char *members)
{
	const char *message = mail_of(letter(members));

	return strstr(message, "\r\n\r\n") + 4;
}

TEST(whole)
{
	CHECK_TEXT(mail_of(letter("{}")),
			   "Date: Thu, 26 Nov 2026 13:28:28 +0000\r\n"
			   "From: a@example.org\r\n"
			   "To: b@example.org\r\n"
			   "Subject: s\r\n"
			   "Message-ID: <" ID "@example.org>\r\n"
			   "MIME-Version: 1.0\r\n"
			   "Content-Type: text/plain; charset=utf-8\r\n"
			   "Content-Transfer-Encoding: quoted-printable\r\n"
			   "\r\n"
			   "t\r\n");
	CHECK_TEXT(
		mail_of(letter(
			"{\"html\":\"<p>\",\"reply_to\":\"R <r@x.org>\",\"date\":951782400,"
			"\"headers\":{\"message-id\":\"<m@h>\",\"In-Reply-To\":\"<n@h>\","
			"\"Auto-Submitted\":\"auto-generated\"}}")),
		"Date: Tue, 29 Feb 2000 00:00:00 +0000\r\n"
		"From: a@example.org\r\n"
		"To: b@example.org\r\n"
		"Reply-To: R <r@x.org>\r\n"
		"Subject: s\r\n"
		"Message-ID: <m@h>\r\n"
		"In-Reply-To: <n@h>\r\n"
		"Auto-Submitted: auto-generated\r\n"
		"MIME-Version: 1.0\r\n"
		"Content-Type: multipart/alternative; boundary=\"=_hitl_alternative\"\r\n"
		"\r\n"
		"--=_hitl_alternative\r\n"
		"Content-Type: text/plain; charset=utf-8\r\n"
		"Content-Transfer-Encoding: quoted-printable\r\n"
		"\r\n"
		"t\r\n"
		"\r\n"
		"--=_hitl_alternative\r\n"
		"Content-Type: text/html; charset=utf-8\r\n"
		"Content-Transfer-Encoding: quoted-printable\r\n"
		"\r\n"
		"<p>\r\n"
		"\r\n"
		"--=_hitl_alternative--\r\n");
}

TEST(dates)
{
	HitlArena arena;
	HitlBuffer buffer;

	hitl_arena_init(&arena);
	hitl_buffer_init(&buffer, &arena);
	hitl_write_date(&buffer, 0);
	hitl_write_date(&buffer, INT64_C(253402300799));
	hitl_write_date(&buffer, INT64_C(4107542399));
	hitl_write_date(&buffer, INT64_C(1735689599));
	CHECK_TEXT(hitl_buffer_text(&buffer),
			   "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n"
			   "Date: Fri, 31 Dec 9999 23:59:59 +0000\r\n"
			   "Date: Sun, 28 Feb 2100 23:59:59 +0000\r\n"
			   "Date: Tue, 31 Dec 2024 23:59:59 +0000\r\n");
	hitl_arena_free(&arena);
}

TEST(envelope)
{
	HitlMail mail;
	char *error;

	CHECK_INT(hitl_build_mail(
				  letter("{\"from\":\"\\\"A, B\\\" <a.b+c@x.example>\",\"to\":"
						 "[\" Ann <ann@[IPv6:2001:db8::1]> \"]}"),
				  ID, DATE, &mail, &error),
			  HITL_OK);
	CHECK_TEXT(mail.sender, "a.b+c@x.example");
	CHECK_TEXT(mail.recipient, "ann@[IPv6:2001:db8::1]");
	CHECK_TEXT(mail.message_id, "<" ID "@x.example>");
	hitl_free_mail(&mail);
}

TEST(names)
{
	CHECK_TEXT(header_of("{\"to\":[\"Ann Lee <a@x>\"]}", "To"),
			   "Ann Lee <a@x>");
	CHECK_TEXT(header_of("{\"to\":[\"<a@x>\"]}", "To"), "a@x");
	CHECK_TEXT(header_of("{\"to\":[\"Lee, Ann \\\"the boss\\\" <a@x>\"]}",
						 "To"),
			   "\"Lee, Ann \\\"the boss\\\"\" <a@x>");
	CHECK_TEXT(header_of("{\"to\":[\"\\\"Lee, \\\\\\\"A\\\\\\\"\\\" <a@x>\"]}",
						 "To"),
			   "\"Lee, \\\"A\\\"\" <a@x>");
	CHECK_TEXT(header_of("{\"to\":[\"x <y@z> <a@x>\"]}", "To"),
			   "\"x <y@z>\" <a@x>");
	CHECK_TEXT(header_of("{\"to\":[\"J\xc3\xb6rg, Dr. <a@x>\"]}", "To"),
			   "=?UTF-8?B?SsO2cmcsIERyLg==?= <a@x>");
	CHECK_TEXT(header_of("{\"to\":[\"=?UTF-8?Q?x?= <a@x>\"]}", "To"),
			   "=?UTF-8?B?PT9VVEYtOD9RP3g/PQ==?= <a@x>");
}

TEST(addresses)
{
	static const char *const bad[] = {"",			"a",	 "a@",
									  "@x",			"a b@x", "a@x, b@y",
									  "A <a@x",		"a@x y", "a@x>",
									  "<a@x> RSET", ".a@x",	 "a.@x",
									  "a..b@x",		"a@.x",	 "a@x.",
									  "a@x..y",		"a@-x",	 "a@[",
									  "a@[]",		"a@[x",	 "a@[x>]",
									  "\"a b\"@x",	"<>"};
	char members[200];
	char *dumped;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		json_t *text = json_string(bad[i]);

		dumped = json_dumps(text, JSON_ENCODE_ANY);
		snprintf(members, sizeof(members), "{\"to\":[%s]}", dumped);
		CHECK(strncmp(mail_of(letter(members)), "error: \"to\" ", 12) == 0);
		snprintf(members, sizeof(members), "{\"reply_to\":%s}", dumped);
		CHECK(strncmp(mail_of(letter(members)), "error: \"reply_to\" ", 18) ==
			  0);
		free(dumped);
		json_decref(text);
	}
	CHECK_TEXT(mail_of(letter("{\"from\":\"j\xc3\xb6rg@x\"}")),
			   "error: \"from\" has an address that is not ASCII; write its "
			   "domain as xn--...");
	CHECK_TEXT(mail_of(letter("{\"to\":[\"a@x\",\"b@x\"]}")),
			   "error: \"to\" is not an array of one address");
	CHECK_TEXT(mail_of(letter("{\"to\":\"a@x\"}")),
			   "error: \"to\" is not an array of one address");
}

TEST(injection)
{
	static const char *const breaks[] = {"\\r\\n",	"\\n", "\\r",
										 "\\u000b", "\\t", "\\u007f"};
	char members[300];
	size_t i;

	for (i = 0; i < sizeof(breaks) / sizeof(breaks[0]); i++)
	{
#define REFUSES(format) \
	do \
	{ \
		snprintf(members, sizeof(members), format, breaks[i]); \
		CHECK(contains(mail_of(letter(members)), "error: ")); \
		CHECK(contains(mail_of(letter(members)), "control character")); \
	} while (0)
		REFUSES("{\"from\":\"a@x%sBcc: c@x\"}");
		REFUSES("{\"from\":\"A%sB <a@x>\"}");
		REFUSES("{\"to\":[\"a@x%sRCPT TO:<c@x>\"]}");
		REFUSES("{\"to\":[\"A <a@x%s>\"]}");
		REFUSES("{\"reply_to\":\"a@x%s\"}");
		REFUSES("{\"subject\":\"s%sBcc: c@x\"}");
		REFUSES("{\"headers\":{\"X-A\":\"b%sBcc: c@x\"}}");
		REFUSES("{\"headers\":{\"Message-ID\":\"<a@b>%sBcc: c@x\"}}");
		snprintf(members, sizeof(members), "{\"headers\":{\"X-A%sBcc\":\"c\"}}",
				 breaks[i]);
		CHECK(contains(mail_of(letter(members)), "has an invalid name"));
	}
	CHECK(contains(mail_of("{\"subject\":\"a\\u0000b\"}"), "U+0000"));
}

TEST(headers)
{
	static const char *const own[] = {"To",			 "from",	 "SUBJECT",
									  "Reply-To",	 "Cc",		 "Bcc",
									  "Date",		 "Sender",	 "Content-Type",
									  "Resent-To",	 "Received", "Return-Path",
									  "MIME-Version"};
	char members[300];
	size_t i;

	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
	{
		snprintf(members, sizeof(members), "{\"headers\":{\"%s\":\"x\"}}",
				 own[i]);
		CHECK(contains(mail_of(letter(members)), "may set"));
	}
	CHECK_TEXT(mail_of(letter("{\"headers\":{\"A\":\"1\",\"a\":\"2\"}}")),
			   "error: header \"a\" is given twice");
	CHECK_TEXT(mail_of(letter("{\"headers\":{\"A\":1}}")),
			   "error: header \"A\" is not a text");
	CHECK_TEXT(mail_of(letter("{\"headers\":{\"\":\"1\"}}")),
			   "error: header \"\" has an invalid name: letters, digits, -, _ "
			   "and . are allowed");
	CHECK(contains(mail_of(letter("{\"headers\":[]}")), "not an object"));
	for (i = 0; i < 3; i++)
	{
		static const char *const bad[] = {"a@b", "<a@b> <c@d>", "<ab>"};

		snprintf(members, sizeof(members),
				 "{\"headers\":{\"Message-ID\":\"%s\"}}", bad[i]);
		CHECK(contains(mail_of(letter(members)), "is not the id"));
	}
	CHECK_TEXT(header_of("{\"headers\":{\"References\":\"<a@b> <c@d>\"}}",
						 "References"),
			   "<a@b> <c@d>");
	CHECK(contains(mail_of(letter(
					   "{\"headers\":{\"References\":\"<a@b>  <c@d>\"}}")),
				   "is not the id"));
	CHECK_TEXT(header_of("{\"headers\":{\"X-A\":\"\xe2\x82\xac 5\"}}", "X-A"),
			   "=?UTF-8?B?4oKsIDU=?=");
}

TEST(subjects)
{
	const char *line;
	const char *folded;

	CHECK_TEXT(header_of("{\"subject\":\"\"}", "Subject"), "");
	CHECK_TEXT(header_of("{\"subject\":\"Refund \xf0\x9f\x8e\x89?\"}",
						 "Subject"),
			   "=?UTF-8?B?UmVmdW5kIPCfjok/?=");
	CHECK_TEXT(header_of("{\"subject\":\" two  blanks \"}", "Subject"),
			   "=?UTF-8?Q?_two__blanks_?=");
	CHECK_TEXT(
		header_of("{\"subject\":\"one two three four five six seven eight nine "
				  "ten eleven twelve thirteen fourteen fifteen\"}",
				  "Subject"),
		"one two three four five six seven eight nine ten eleven twelve\r\n"
		" thirteen fourteen fifteen");

	/* No word is cut inside a character, and no line is too long. */
	folded = header_of(
		"{\"subject\":\"\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xc3\xa4\xc3\xb6\xc3\xbc"
		"\xc3\x9f\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xc3\xa4\xc3\xb6\xc3\xbc\xc3"
		"\x9f\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f"
		"\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\"}",
		"Subject");
	CHECK_TEXT(
		folded,
		"=?UTF-8?B?w6TDtsO8w5/DpMO2w7zDn8Okw7bDvMOfw6TDtsO8w5/DpMO2w7w=?=\r\n"
		" =?UTF-8?B?w5/DpMO2w7zDn8Okw7bDvMOfw6TDtsO8w58=?=");
	for (line = folded; line != NULL; line = strstr(line + 1, "\r\n"))
		CHECK(strcspn(line + 2, "\r") <= 76);
}

TEST(bodies)
{
	CHECK_TEXT(body_of("{\"text\":\"\"}"), "\r\n");
	CHECK_TEXT(body_of("{\"text\":\"a\\nb\\r\\nc\\rd\\n\"}"),
			   "a\r\nb\r\nc\r\nd\r\n");
	CHECK_TEXT(body_of("{\"text\":\".\\n..\\nFrom me\\na=b \\n\\tc\\t\"}"),
			   "=2E\r\n=2E.\r\n=46rom me\r\na=3Db=20\r\n\tc=09\r\n");
	CHECK_TEXT(body_of("{\"text\":\"caf\xc3\xa9 and a lot more text\"}"),
			   "caf=C3=A9 and a lot more text\r\n");
	CHECK_TEXT(body_of("{\"text\":\"\xe4\xbd\xa0\xe5\xa5\xbd\"}"),
			   "5L2g5aW9DQo=\r\n");
	/* 76 fit, the 77th does not. */
	CHECK_TEXT(
		body_of(
			"{\"text\":\"0123456789012345678901234567890123456789012345678901"
			"234567890123456789012345\\n012345678901234567890123456789012345"
			"67890123456789012345678901234567890123456\"}"),
		"0123456789012345678901234567890123456789012345678901234567890123456789"
		"012345\r\n"
		"01234567890123456789012345678901234567890123456789012345678901234567890"
		"1234=\r\n56\r\n");
}

TEST(faults)
{
	CHECK_TEXT(mail_of("[]"), "error: the mail is not an object");
	CHECK(contains(mail_of("{"), "error: the mail is not JSON"));
	CHECK_TEXT(mail_of("{}"), "error: \"from\" is not a text");
	CHECK_TEXT(mail_of(letter("{\"subject\":null}")),
			   "error: \"subject\" is not a text");
	CHECK_TEXT(mail_of(letter("{\"text\":null}")),
			   "error: \"text\" is not a text");
	CHECK_TEXT(mail_of(letter("{\"html\":1}")),
			   "error: \"html\" is not a text");
	CHECK_TEXT(mail_of(letter("{\"date\":\"now\"}")),
			   "error: \"date\" is not a Unix time in seconds");
	CHECK_TEXT(mail_of(letter("{\"date\":-1}")),
			   "error: \"date\" is not a Unix time in seconds");
}

/*
 * SendGrid's request for a document, or "error: " and why there is none.
 */
static const char *
sendgrid_of(const char *document)
{
	static char out[20000];
	char *body;
	char *error;

	if (hitl_build_sendgrid(document, ID, &body, &error) == HITL_OK)
		snprintf(out, sizeof(out), "%s", body);
	else
		snprintf(out, sizeof(out), "error: %s", error);
	free(body);
	free(error);
	return out;
}

#define UNTRACKED \
	",\"tracking_settings\":{\"click_tracking\":{\"enable\":false,\"enable_text\":" \
	"false},\"open_tracking\":{\"enable\":false},\"subscription_tracking\":" \
	"{\"enable\":false},\"ganalytics\":{\"enable\":false}}}"

TEST(sendgrid)
{
	CHECK_TEXT(
		sendgrid_of(letter("{}")),
		"{\"personalizations\":[{\"to\":[{\"email\":\"b@example.org\"}],"
		"\"custom_args\":{\"notification_id\":\"" ID "\"}}],"
		"\"from\":{\"email\":\"a@example.org\"},\"subject\":\"s\","
		"\"content\":[{\"type\":\"text/plain\",\"value\":\"t\"}]" UNTRACKED);
	CHECK_TEXT(
		sendgrid_of(letter(
			"{\"html\":\"<p>\",\"reply_to\":\"J\xc3\xb6rg, Dr. <r@x>\",\"to\":"
			"[\"Lee, \\\"A\\\" <b@x>\"],\"headers\":{\"Message-ID\":\"<m@h>\","
			"\"X-E\":\"\xe2\x82\xac\"}}")),
		"{\"personalizations\":[{\"to\":[{\"email\":\"b@x\",\"name\":"
		"\"\\\"Lee, \\\\\\\"A\\\\\\\"\\\"\"}],"
		"\"custom_args\":{\"notification_id\":\"" ID "\"}}],"
		"\"from\":{\"email\":\"a@example.org\"},"
		"\"reply_to\":{\"email\":\"r@x\",\"name\":\"J\xc3\xb6rg, Dr.\"},"
		"\"subject\":\"s\",\"content\":[{\"type\":\"text/plain\",\"value\":\"t\"},"
		"{\"type\":\"text/html\",\"value\":\"<p>\"}],"
		"\"headers\":{\"Message-ID\":\"<m@h>\",\"X-E\":"
		"\"=?UTF-8?B?4oKs?=\"}" UNTRACKED);
	CHECK_TEXT(sendgrid_of(letter("{\"subject\":\"\"}")),
			   "error: \"subject\" is empty, which SendGrid refuses");
	CHECK_TEXT(sendgrid_of(letter("{\"text\":\"\"}")),
			   "error: \"text\" is empty, which SendGrid refuses");
	CHECK_TEXT(sendgrid_of(letter("{\"html\":\"\"}")),
			   "error: \"html\" is empty, which SendGrid refuses");
	CHECK(contains(sendgrid_of(letter("{\"headers\":{\"reply-to\":\"x\"}}")),
				   "may set"));
	CHECK(contains(sendgrid_of(letter("{\"subject\":\"a\\nb\"}")),
				   "control character"));
}

/*
 * What the reply of a provider comes to.
 */
static const char *
reply_of(const char *provider, int status, const char *reply)
{
	static char out[1000];
	HitlAcceptance acceptance;

	CHECK_INT(hitl_read_provider_reply(provider, status, reply, &acceptance),
			  HITL_OK);
	if (acceptance.kind == NULL)
		snprintf(out, sizeof(out), "%s",
				 acceptance.message_id != NULL	  ? acceptance.message_id
					 : acceptance.message != NULL ? acceptance.message
												  : "-");
	else
		snprintf(out, sizeof(out), "%s: %s", acceptance.kind,
				 acceptance.message);
	free(acceptance.message_id);
	free(acceptance.message);
	return out;
}

/*
 * That of Slack.
 */
static const char *
slack(const char *reply)
{
	return reply_of("slack", 200, reply);
}

TEST(replies)
{
	CHECK_TEXT(reply_of("sendgrid", 202, ""), "-");
	CHECK_TEXT(
		reply_of("sendgrid", 401,
				 "{\"errors\":[{\"message\":\"no grant\",\"field\":null}]}"),
		"no grant");
	CHECK_TEXT(reply_of("sendgrid", 400, "{\"errors\":[]}"), "-");
	CHECK_TEXT(reply_of("sendgrid", 400, "{\"errors\":[{\"message\":1}]}"),
			   "-");
	CHECK_TEXT(reply_of("sendgrid", 500, "<html>"), "-");
	CHECK_TEXT(reply_of("slack", 429,
						"{\"ok\":false,\"error\":\"ratelimited\"}"),
			   "ratelimited");
	CHECK_TEXT(reply_of("slack", 502, "<html>"), "-");

	CHECK_TEXT(
		slack("{\"ok\":true,\"channel\":\"C1\",\"ts\":\"1.2\",\"message\":{}}"),
		"C1/1.2");
	CHECK_TEXT(slack("{\"ok\":true}"), "-");
	CHECK_TEXT(slack("{\"ok\":true,\"channel\":{\"id\":\"C1\"},\"ts\":1}"),
			   "-");
	CHECK_TEXT(slack("ok"), "-");
	CHECK_TEXT(slack("{\"ok\":false,\"error\":\"ratelimited\"}"),
			   "rate_limit: ratelimited");
	CHECK_TEXT(slack("{\"ok\":false,\"error\":\"fatal_error\"}"),
			   "service_unavailable: fatal_error");
	CHECK_TEXT(slack("{\"ok\":false,\"error\":\"request_timeout\"}"),
			   "timeout: request_timeout");
	CHECK_TEXT(slack("{\"ok\":false,\"error\":\"invalid_auth\"}"),
			   "authentication_error: invalid_auth");
	CHECK_TEXT(slack("{\"ok\":false,\"error\":\"channel_not_found\"}"),
			   "validation_error: channel_not_found");
	CHECK_TEXT(
		slack("{\"ok\":false,\"error\":\"invalid_blocks\","
			  "\"response_metadata\":{\"messages\":[\"[ERROR] too long\"]}}"),
		"validation_error: invalid_blocks: [ERROR] too long");
	CHECK_TEXT(slack("{\"ok\":\"yes\"}"), "validation_error: unknown_error");
	CHECK_TEXT(slack("<html>"),
			   "service_unavailable: the answer is not one of Slack's");
	CHECK_TEXT(slack(""),
			   "service_unavailable: the answer is not one of Slack's");
}

SUITE(mail, RUN(whole), RUN(dates), RUN(envelope), RUN(names), RUN(addresses),
	  RUN(injection), RUN(headers), RUN(subjects), RUN(bodies), RUN(faults),
	  RUN(sendgrid), RUN(replies));
