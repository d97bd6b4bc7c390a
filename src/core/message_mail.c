/*
 * message_mail.c
 *		A notification as mail: subject, plain text, and HTML for the mail
 *		programs that there are.  Those know tables and styles of elements, and
 *		some nothing newer; colours are given in pairs, so that what turns them
 *		round for the dark turns both.
 */
#include "core/message.h"

#include <string.h>

#define PREFIX "[hitl] "

/* Characters of a subject, and how much of the context there is in a mail;
 * some programs show no more than 100 kB. */
#define MAX_SUBJECT 200

static const HitlLimits html_limits = {5, 150, 800};
static const HitlLimits text_limits = {5, 200, 2000};

/* Of a description, and of what was said with an answer. */
#define MAX_DESCRIPTION 8000
#define MAX_FEEDBACK	1000
#define MAX_RESPONSES	20

#define FONT \
	"font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;"

#define PARAGRAPH \
	" style=\"margin:0 0 16px;color:#1f2328;overflow-wrap:anywhere;\""

#define HEADING \
	"<h2 style=\"margin:24px 0 8px;font-size:16px;line-height:24px;" \
	"font-weight:600;color:#1f2328;\">"

static const HitlTableLook look = {
	" border=\"0\" cellpadding=\"0\" cellspacing=\"0\" width=\"100%\" "
	"style=\"border-collapse:collapse;width:100%;" FONT
	"font-size:14px;line-height:20px;color:#1f2328;\"",
	" align=\"left\" valign=\"top\" width=\"30%\" style=\"text-align:left;"
	"vertical-align:top;padding:6px 12px 6px 0;border-bottom:1px solid #d0d7de;"
	"font-weight:600;color:#57606a;word-break:normal;overflow-wrap:normal;\"",
	" align=\"left\" valign=\"top\" style=\"text-align:left;vertical-align:top;"
	"padding:6px 12px 6px 0;border-bottom:1px solid #d0d7de;font-weight:600;"
	"color:#57606a;word-break:normal;overflow-wrap:normal;\"",
	" valign=\"top\" style=\"vertical-align:top;padding:6px 12px 6px 0;border-bottom:1px "
	"solid #d0d7de;color:#1f2328;word-break:break-word;overflow-wrap:anywhere;\"",
	" style=\"margin:0;padding-left:20px;\"",
	NULL};

/* Of a bar that tells how the request stands: its ground and its text. */
static const char *const colours[][2] = {{"#fff8c5", "#4d2d00"},
										 {"#dafbe1", "#0f5323"},
										 {"#ffebe9", "#82071e"},
										 {"#eaeef2", "#24292f"},
										 {"#eaeef2", "#24292f"}};

static const char *subject_of(const HitlNotice *notice, const char *filled);
static const char *build_text(const HitlNotice *notice);
static void put_fact(HitlBuffer *out, const HitlNotice *notice,
					 const char *name, const char *value);
static void put_answers(HitlBuffer *out, const HitlNotice *notice);
static const char *build_html(const HitlNotice *notice);
static void put_html_head(HitlBuffer *out, const HitlNotice *notice);
static void put_html_facts(HitlBuffer *out, const HitlNotice *notice);
static void put_html_fact(HitlBuffer *out, const char *name, const char *value);
static void put_html_answers(HitlBuffer *out, const HitlNotice *notice);
static void put_html_buttons(HitlBuffer *out, const HitlNotice *notice);
static void put_button(HitlBuffer *out, const char *link, const char *label,
					   const char *ground);
static bool asks_by_form(const HitlNotice *notice);

/*
 * Render {"subject","text","html"}; "html" is missing where the channel has a
 * template for the text alone.
 */
HitlResult
hitl_render_mail(const char *document, const HitlHost *host, char **text,
				 char **error)
{
	HitlArena arena;
	HitlNotice notice;
	HitlBuffer out;
	const char *why = NULL;
	const char *names[] = {"subject", "text", "html"};
	const char *filled[3] = {NULL, NULL, NULL};
	const HitlJson *templates;
	HitlResult result;
	int i;

	hitl_arena_init(&arena);
	hitl_buffer_init(&out, &arena);
	result = hitl_read_notice(&arena, document, &notice, &why);
	templates = result == HITL_OK
		? hitl_json_member(notice.document, "templates")
		: NULL;
	for (i = 0; i < 3 && result == HITL_OK; i++)
	{
		const char *template = hitl_text_at(templates, names[i]);

		if (template != NULL)
			result = hitl_fill_template(&arena, host, names[i], template,
										i == 2, &filled[i], &why);
	}
	if (result == HITL_OK)
	{
		hitl_append_char(&out, '{');
		hitl_json_write_member(&out, "subject", subject_of(&notice, filled[0]));
		if (filled[2] == NULL && filled[1] == NULL)
			filled[2] = build_html(&notice);
		if (filled[1] == NULL)
			filled[1] = build_text(&notice);
		hitl_json_write_member(&out, "text", filled[1]);
		if (filled[2] != NULL)
			hitl_json_write_member(&out, "html", filled[2]);
		hitl_append_char(&out, '}');
	}
	return hitl_end_message(&arena, result, &out, why, text, error);
}

/*
 * The subject: what its template gives, or the headline and the title.
 */
static const char *
subject_of(const HitlNotice *notice, const char *filled)
{
	const char *subject = filled;

	if (subject == NULL)
		subject = hitl_format_text(notice->arena, PREFIX "%s: %s",
								   hitl_headline(notice), notice->title);
	subject = hitl_one_line(notice->arena, subject, MAX_SUBJECT);
	return *subject == '\0' ? PREFIX "Approval request" : subject;
}

/*
 * The mail as plain text.
 */
static const char *
build_text(const HitlNotice *notice)
{
	HitlBuffer out;
	const HitlJson *context = hitl_shown_context(notice);

	hitl_buffer_init(&out, notice->arena);
	hitl_append_wrapped(&out, hitl_one_line(notice->arena, notice->title, 300),
						0, 0);
	hitl_append_char(&out, '\n');
	hitl_append_wrapped(&out, hitl_introduction(notice), 0, 0);
	if (notice->standing != HITL_STANDING_PENDING)
		put_fact(&out, notice, "Reason", notice->reason);
	hitl_append_char(&out, '\n');
	put_fact(&out, notice, "Asked by", notice->requested_by);
	if (notice->requested_at != NULL)
		put_fact(&out, notice, "Asked on",
				 hitl_date(notice->arena, notice->requested_at));
	if (notice->standing == HITL_STANDING_PENDING && notice->expires_at != NULL)
		put_fact(&out, notice, "Answer by",
				 hitl_date(notice->arena, notice->expires_at));
	if (notice->description != NULL)
	{
		hitl_append_char(&out, '\n');
		hitl_append_wrapped(&out,
							hitl_cut_text(notice->arena, notice->description,
										  MAX_DESCRIPTION),
							0, 0);
	}
	if (context != NULL)
	{
		hitl_append_text(&out, "\nDetails\n");
		hitl_append_lines(&out, context, &text_limits);
	}
	put_answers(&out, notice);
	if (notice->review != NULL)
	{
		hitl_append_char(&out, '\n');
		if (!asks_by_form(notice))
		{
			if (notice->approve != NULL)
				hitl_append_format(&out, "Approve: %s\n", notice->approve);
			if (notice->reject != NULL)
				hitl_append_format(&out, "Reject:  %s\n", notice->reject);
		}
		hitl_append_format(&out, "%s %s\n",
						   asks_by_form(notice) ? "Answer:" : "Review: ",
						   notice->review);
		if (notice->approve != NULL)
			hitl_append_text(
				&out,
				"\nEach link leads to a page where you confirm what you "
				"decide.\nThe links are yours: please do not pass this "
				"mail on.\n");
	}
	return hitl_buffer_text(&out);
}

/*
 * A fact on a line of its own.
 */
static void
put_fact(HitlBuffer *out, const HitlNotice *notice, const char *name,
		 const char *value)
{
	if (value == NULL)
		return;
	hitl_append_format(out, "%-10s ",
					   hitl_format_text(notice->arena, "%s:", name));
	hitl_append_wrapped(out, hitl_cut_text(notice->arena, value, MAX_FEEDBACK),
						11, 11);
}

/*
 * What others have answered.
 */
static void
put_answers(HitlBuffer *out, const HitlNotice *notice)
{
	int left_out;
	const HitlJson *answer = hitl_last_answers(notice, MAX_RESPONSES,
											   &left_out);

	if (answer == NULL)
		return;
	hitl_append_text(out, "\nAnswers\n");
	if (left_out > 0)
		hitl_append_format(out, "  %d earlier ones are not shown here.\n",
						   left_out);
	for (; answer != NULL; answer = answer->next)
	{
		const char *who = hitl_text_at(answer, "approver");
		const char *decision = hitl_text_at(answer, "decision");
		const char *when = hitl_text_at(answer, "responded_at");
		const char *feedback = hitl_text_at(answer, "feedback");

		hitl_append_text(out, "  ");
		hitl_append_wrapped(
			out,
			hitl_format_text(notice->arena, "%s: %s%s%s",
							 who == NULL
								 ? "somebody"
								 : hitl_one_line(notice->arena, who, 200),
							 decision == NULL ? ""
											  : hitl_decision_name(decision),
							 when == NULL ? "" : ", ",
							 when == NULL ? ""
										  : hitl_date(notice->arena, when)),
			2, 4);
		if (feedback != NULL)
		{
			hitl_append_text(out, "    ");
			hitl_append_wrapped(out,
								hitl_cut_text(notice->arena, feedback,
											  MAX_FEEDBACK),
								4, 4);
		}
	}
}

/*
 * The mail as HTML.
 */
static const char *
build_html(const HitlNotice *notice)
{
	HitlBuffer out;
	const HitlJson *context = hitl_shown_context(notice);

	hitl_buffer_init(&out, notice->arena);
	put_html_head(&out, notice);
	hitl_append_text(
		&out,
		"<h1 style=\"margin:0 0 12px;font-size:22px;line-height:28px;font-weight:"
		"600;color:#1f2328;overflow-wrap:anywhere;\">");
	hitl_append_html(&out, hitl_one_line(notice->arena, notice->title, 300));
	hitl_append_text(&out, "</h1>\n");
	put_html_facts(&out, notice);
	if (notice->description != NULL)
		hitl_append_paragraphs(&out,
							   hitl_cut_text(notice->arena, notice->description,
											 MAX_DESCRIPTION),
							   PARAGRAPH);
	put_html_buttons(&out, notice);
	if (context != NULL)
	{
		hitl_append_text(&out, HEADING "Details</h2>\n");
		hitl_append_table(&out, context, &look, &html_limits);
		hitl_append_char(&out, '\n');
	}
	put_html_answers(&out, notice);
	if (notice->approve != NULL)
		hitl_append_text(
			&out,
			"<p style=\"margin:24px 0 0;font-size:12px;line-height:18px;"
			"color:#57606a;\">Each link leads to a page where you confirm what "
			"you decide. The links are yours: please do not pass this mail "
			"on.</p>\n");
	hitl_append_text(
		&out, "</td></tr>\n</table>\n</td></tr>\n</table>\n</body>\n</html>\n");
	return hitl_buffer_text(&out);
}

/*
 * All before the title: the frame, and a bar that tells how the request stands.
 */
static void
put_html_head(HitlBuffer *out, const HitlNotice *notice)
{
	const char *ground = colours[notice->standing][0];
	const char *ink = colours[notice->standing][1];

	hitl_append_text(
		out,
		"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
		"<meta charset=\"utf-8\">\n"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		"<meta name=\"color-scheme\" content=\"light dark\">\n"
		"<meta name=\"supported-color-schemes\" content=\"light dark\">\n"
		"<title>");
	hitl_append_html(out, hitl_headline(notice));
	hitl_append_text(out, ": ");
	hitl_append_html(out, hitl_one_line(notice->arena, notice->title, 300));
	hitl_append_text(
		out,
		"</title>\n</head>\n<body style=\"margin:0;padding:0;background-color:"
		"#f6f8fa;\">\n<table role=\"presentation\" border=\"0\" cellpadding=\"0\" "
		"cellspacing=\"0\" width=\"100%\" bgcolor=\"#f6f8fa\" style=\"background-color:"
		"#f6f8fa;\">\n<tr><td align=\"center\" style=\"padding:16px 8px;\">\n"
		"<table role=\"presentation\" border=\"0\" cellpadding=\"0\" cellspacing=\"0\" "
		"width=\"600\" bgcolor=\"#ffffff\" style=\"width:100%;max-width:600px;"
		"background-color:#ffffff;border:1px solid #d0d7de;\">\n");
	hitl_append_format(
		out,
		"<tr><td bgcolor=\"%s\" style=\"padding:12px 24px;background-color:%s;"
		"color:%s;" FONT "font-size:14px;line-height:20px;\"><strong>",
		ground, ground, ink);
	if (notice->standing == HITL_STANDING_PENDING)
	{
		hitl_append_html(out, hitl_headline(notice));
		hitl_append_text(out, ".</strong> ");
		hitl_append_html(out, hitl_introduction(notice));
	}
	else
	{
		hitl_append_html(out, hitl_outcome(notice));
		hitl_append_text(out, "</strong>");
	}
	if (notice->standing != HITL_STANDING_PENDING && notice->reason != NULL)
	{
		hitl_append_text(out, "<br>\nReason: ");
		hitl_append_html(out,
						 hitl_cut_text(notice->arena, notice->reason,
									   MAX_FEEDBACK));
	}
	hitl_append_text(
		out,
		"</td></tr>\n<tr><td align=\"left\" style=\"padding:24px;text-align:left;"
		"background-color:#ffffff;color:#1f2328;" FONT
		"font-size:14px;line-height:20px;\">\n");
}

/*
 * Who asks, since when, and until when.
 */
static void
put_html_facts(HitlBuffer *out, const HitlNotice *notice)
{
	hitl_append_text(out, "<p style=\"margin:0 0 16px;color:#57606a;\">");
	put_html_fact(out, "Asked by", notice->requested_by);
	if (notice->requested_at != NULL)
		put_html_fact(out, "Asked on",
					  hitl_date(notice->arena, notice->requested_at));
	if (notice->standing == HITL_STANDING_PENDING && notice->expires_at != NULL)
		put_html_fact(out, "Answer by",
					  hitl_date(notice->arena, notice->expires_at));
	hitl_append_text(out, "</p>\n");
}

static void
put_html_fact(HitlBuffer *out, const char *name, const char *value)
{
	if (value == NULL)
		return;
	hitl_append_format(out, "%s: <strong style=\"color:#1f2328;\">", name);
	hitl_append_html(out, hitl_one_line(out->arena, value, 200));
	hitl_append_text(out, "</strong><br>\n");
}

/*
 * What others have answered.
 */
static void
put_html_answers(HitlBuffer *out, const HitlNotice *notice)
{
	int left_out;
	const HitlJson *answer = hitl_last_answers(notice, MAX_RESPONSES,
											   &left_out);

	if (answer == NULL)
		return;
	hitl_append_text(out, HEADING "Answers</h2>\n");
	if (left_out > 0)
		hitl_append_format(
			out,
			"<p style=\"margin:0 0 8px;\">%d earlier ones are not "
			"shown here.</p>\n",
			left_out);
	for (; answer != NULL; answer = answer->next)
	{
		const char *feedback = hitl_text_at(answer, "feedback");

		hitl_append_answer(out, answer, " style=\"margin:0 0 4px;\"");
		if (feedback != NULL)
			hitl_append_paragraphs(out,
								   hitl_cut_text(notice->arena, feedback,
												 MAX_FEEDBACK),
								   PARAGRAPH);
	}
}

/*
 * The links by which to answer, as buttons.
 */
static void
put_html_buttons(HitlBuffer *out, const HitlNotice *notice)
{
	if (notice->review == NULL)
		return;
	hitl_append_text(
		out,
		"<table role=\"presentation\" border=\"0\" cellpadding=\"0\" "
		"cellspacing=\"0\">\n<tr>\n");
	if (asks_by_form(notice))
		put_button(out, notice->review, "Review and answer", "#0b57d0");
	else
	{
		if (notice->approve != NULL)
			put_button(out, notice->approve, "Approve", "#1a7f37");
		if (notice->reject != NULL)
			put_button(out, notice->reject, "Reject", "#b42318");
		put_button(out, notice->review, "Review", "#0b57d0");
	}
	hitl_append_text(out, "</tr>\n</table>\n");
}

static void
put_button(HitlBuffer *out, const char *link, const char *label,
		   const char *ground)
{
	hitl_append_format(
		out,
		"<td style=\"padding:0 8px 8px 0;\"><table role=\"presentation\" "
		"border=\"0\" cellpadding=\"0\" cellspacing=\"0\"><tr><td align=\"center\" "
		"bgcolor=\"%s\" style=\"background-color:%s;border-radius:6px;padding:11px "
		"18px;\"><a href=\"",
		ground, ground);
	hitl_append_html(out, link);
	hitl_append_format(
		out,
		"\" style=\"color:#ffffff;" FONT
		"font-size:15px;line-height:20px;font-weight:600;text-decoration:none;"
		"display:inline-block;\">%s</a></td></tr></table></td>\n",
		label);
}

/*
 * Is there more to answer than yes or no?
 */
static bool
asks_by_form(const HitlNotice *notice)
{
	return notice->schema != NULL;
}
