/*
 * page.c
 *		The pages of the gateway: HTML that needs no script and nothing else
 *		from anywhere.
 */
#include "core/message.h"

#include <string.h>

/* All of the context is shown: it is what is decided upon. */
static const HitlLimits limits = {40, 1000000, SIZE_MAX / 8};

/* What people have written is read in the direction of its own language. */
#define OWN_DIRECTION " dir=\"auto\""

static const HitlTableLook look = {"",
								   OWN_DIRECTION,
								   OWN_DIRECTION,
								   OWN_DIRECTION,
								   "",
								   " class=\"long\" tabindex=\"0\""};

/* Characters of a title in a heading, and of a fact. */
#define MAX_HEADING 500
#define MAX_FACT	300

/* A page under way. */
typedef struct Page
{
	HitlBuffer *out;
	HitlArena *arena;
	const HitlJson *document;
	HitlNotice notice;
	bool has_notice;
	const char *message;
	const char *decision;
} Page;

/* A kind of page.  title: its heading, where that is not the request. */
typedef struct PageKind
{
	const char *name;
	const char *title;
	bool about_request;
	void (*put)(Page *page);
} PageKind;

static void put_request(Page *page), put_confirm(Page *page),
	put_result(Page *page), put_expired(Page *page), put_decided(Page *page),
	put_plain(Page *page), put_error(Page *page), put_sign_in(Page *page),
	put_signed_out(Page *page), put_inbox(Page *page), put_sessions(Page *page);

static const PageKind kinds[] =
	{{"request", NULL, true, put_request},
	 {"confirm", "Please confirm", false, put_confirm},
	 {"result", "Your answer is recorded", false, put_result},
	 {"expired", "Too late", false, put_expired},
	 {"decided", "Already decided", false, put_decided},
	 {"not_found", "Nothing is here", false, put_plain},
	 {"error", "That did not work", false, put_error},
	 {"sign_in", "Sign in", false, put_sign_in},
	 {"signed_out", "You are signed out", false, put_signed_out},
	 {"inbox", "What you are asked", false, put_inbox},
	 {"sessions", "Where you are signed in", false, put_sessions}};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static HitlResult read_page(Page *page, const PageKind **kind,
							const char **why);
static void put_page(Page *page, const PageKind *kind);
static const char *title_of(Page *page, const PageKind *kind);
static const char *name_request(HitlArena *arena, const char *title,
								size_t characters);
static const char *verb_of(const Page *page);
static void put_header(Page *page, const PageKind *kind);
static void put_nav(Page *page, const char *link, const char *label, bool here);
static const char *name_of(const Page *page);
static void put_heading(Page *page, const char *text);
static void put_message(Page *page, const char *otherwise);
static void put_summary(Page *page);
static void put_status(Page *page);
static void put_fact(Page *page, const char *name, const char *value);
static void put_time(Page *page, const char *name, const char *instant);
static void put_details(Page *page);
static void put_answers(Page *page);
static void put_more(Page *page, const char *link, const char *label);
static void put_link(Page *page, const char *link, const char *label);
static void put_post(Page *page, const char *action, const char *label,
					 const char *look, const char *id);
static const char *link_at(const HitlJson *object, const char *key);
static const HitlJson *items_of(const Page *page);
static const char *browser_name(HitlArena *arena, const char *agent);

/*
 * Render a page.
 */
HitlResult
hitl_render_page(const char *document, char **text, char **error)
{
	HitlArena arena;
	HitlBuffer out;
	Page page = {&out, &arena, NULL, {0}, false, NULL, NULL};
	const PageKind *kind = NULL;
	const char *why = NULL;
	HitlResult result;

	hitl_arena_init(&arena);
	hitl_buffer_init(&out, &arena);
	result = hitl_read_object(&arena, document, &page.document, &why);
	if (result == HITL_OK)
		result = read_page(&page, &kind, &why);
	if (result == HITL_OK)
		put_page(&page, kind);
	return hitl_end_message(&arena, result, &out, why, text, error);
}

/*
 * Which page it is, and what it is about.
 */
static HitlResult
read_page(Page *page, const PageKind **kind, const char **why)
{
	const char *name = hitl_text_at(page->document, "page");
	HitlResult result = HITL_OK;
	size_t i;

	for (i = 0; i < KINDS && name != NULL; i++)
	{
		if (strcmp(kinds[i].name, name) == 0)
			break;
	}
	if (name == NULL || i == KINDS)
	{
		*why = name == NULL
			? "the document has no text \"page\""
			: hitl_format_text(page->arena, "there is no page \"%s\"",
							   hitl_one_line(page->arena, name, 60));
		return HITL_INVALID;
	}
	*kind = &kinds[i];
	page->message = hitl_text_at(page->document, "message");
	page->decision = hitl_text_at(page->document, "decision");
	page->has_notice = hitl_json_stated(page->document, "approval") != NULL;
	if (page->has_notice || (*kind)->about_request)
		result = hitl_read_request(page->arena, page->document, &page->notice,
								   why);
	return result;
}

/*
 * The frame of all pages.
 */
static void
put_page(Page *page, const PageKind *kind)
{
	HitlBuffer *out = page->out;
	const char *title = title_of(page, kind);

	hitl_append_text(
		out,
		"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		"<meta name=\"robots\" content=\"noindex\">\n"
		"<meta name=\"referrer\" content=\"no-referrer\">\n<title>");
	hitl_append_html(out, title);
	hitl_append_text(out, " - hitl</title>\n<style>");
	hitl_append_text(out, hitl_page_style);
	hitl_append_text(
		out,
		"</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the "
		"content</a>\n");
	put_header(page, kind);
	hitl_append_text(out, "<main id=\"main\" tabindex=\"-1\">\n");
	put_heading(page, title);
	kind->put(page);
	hitl_append_text(out, "</main>\n</body>\n</html>\n");
}

/*
 * The heading of a page.
 */
static const char *
title_of(Page *page, const PageKind *kind)
{
	const char *verb = verb_of(page);

	if (kind->put == put_result && !page->has_notice && page->decision == NULL)
		return "Done";
	if ((kind->put != put_request && kind->put != put_confirm) ||
		!page->has_notice)
		return kind->title;
	if (kind->put == put_confirm && verb != NULL)
		return hitl_format_text(page->arena, "%s: %s", verb,
								name_request(page->arena, page->notice.title,
											 MAX_HEADING));
	return name_request(page->arena, page->notice.title, MAX_HEADING);
}

/*
 * A title as a line.  Where there is nothing to see in it, it could be neither
 * read nor followed.
 */
static const char *
name_request(HitlArena *arena, const char *title, size_t characters)
{
	const char *line = title == NULL ? ""
									 : hitl_one_line(arena, title, characters);

	return *line == '\0' ? "Request" : line;
}

/*
 * The one answer that is to be confirmed, in words.  A decision that is none of
 * those that can be is no decision at all.
 */
static const char *
verb_of(const Page *page)
{
	size_t i;

	if (page->decision == NULL ||
		page->notice.standing != HITL_STANDING_PENDING ||
		link_at(page->document, "action") == NULL)
		return NULL;
	for (i = 0; i < HITL_CHOICES; i++)
	{
		if (strcmp(hitl_choices[i].decision, page->decision) == 0)
			return hitl_choices[i].label;
	}
	return NULL;
}

/*
 * Who is here, and where else there is to go.
 */
static void
put_header(Page *page, const PageKind *kind)
{
	HitlBuffer *out = page->out;
	const HitlJson *links = hitl_json_member(page->document, "links");
	const char *name = kind->put == put_sign_in ? NULL : name_of(page);
	const char *inbox = link_at(links, "inbox");
	const char *sessions = link_at(links, "sessions");
	const char *sign_out = link_at(links, "sign_out");

	if (name == NULL && inbox == NULL && sessions == NULL)
		return;
	hitl_append_text(out, "<header>\n");
	if (inbox != NULL || sessions != NULL)
	{
		hitl_append_text(out, "<nav aria-label=\"Pages\">\n");
		put_nav(page, inbox, "Inbox", kind->put == put_inbox);
		put_nav(page, sessions, "Sessions", kind->put == put_sessions);
		hitl_append_text(out, "</nav>\n");
	}
	if (name != NULL)
	{
		hitl_append_text(out, "<span>");
		hitl_append_html(out, hitl_one_line(page->arena, name, 100));
		hitl_append_text(out, "</span>\n");
		if (sign_out != NULL)
			put_post(page, sign_out, "Sign out", "quiet", NULL);
	}
	hitl_append_text(out, "</header>\n");
}

/*
 * A link to one of the pages that there are for who is signed in.
 */
static void
put_nav(Page *page, const char *link, const char *label, bool here)
{
	if (link == NULL)
		return;
	hitl_append_text(page->out, "<a href=\"");
	hitl_append_html(page->out, link);
	hitl_append_format(page->out, "\"%s>%s</a>\n",
					   here ? " aria-current=\"page\"" : "", label);
}

/*
 * The name of who looks at the page, or NULL.
 */
static const char *
name_of(const Page *page)
{
	const HitlJson *principal = hitl_json_member(page->document, "principal");

	return hitl_name_of(principal);
}

/*
 * A request, and the form to answer it.
 */
static void
put_request(Page *page)
{
	hitl_append_faults(page->out, &page->notice, page->document);
	put_message(page, NULL);
	put_status(page);
	put_summary(page);
	put_details(page);
	put_answers(page);
	if (page->notice.standing != HITL_STANDING_PENDING ||
		link_at(page->document, "action") == NULL)
		return;
	hitl_append_text(page->out,
					 "<section aria-labelledby=\"your-answer\">\n"
					 "<h2 id=\"your-answer\">Your answer</h2>\n");
	hitl_append_form(page->out, &page->notice, page->document, NULL);
	hitl_append_text(page->out, "</section>\n");
}

/*
 * The same with one answer, which is to be confirmed; or what else is asked.
 */
static void
put_confirm(Page *page)
{
	const char *action = link_at(page->document, "action");
	const char *review = link_at(hitl_json_member(page->document, "links"),
								 "review");

	if (!page->has_notice)
	{
		put_message(page, "Is that what you want?");
		if (action != NULL)
			put_post(page, action, "Confirm", "yes", NULL);
		return;
	}
	if (verb_of(page) == NULL)
	{
		put_request(page);
		return;
	}
	hitl_append_faults(page->out, &page->notice, page->document);
	put_message(page, NULL);
	hitl_append_text(
		page->out,
		"<p class=\"status pending\">Nothing is decided yet. Please look at "
		"the request, and confirm below.</p>\n");
	put_summary(page);
	put_details(page);
	put_answers(page);
	hitl_append_text(page->out,
					 "<section aria-labelledby=\"your-answer\">\n"
					 "<h2 id=\"your-answer\">Confirm your answer</h2>\n");
	hitl_append_form(page->out, &page->notice, page->document, page->decision);
	put_more(page, review, "Answer in another way");
	hitl_append_text(page->out, "</section>\n");
}

/*
 * What was answered, and what has come of it.
 */
static void
put_result(Page *page)
{
	HitlBuffer *out = page->out;

	if (page->message != NULL && !page->has_notice && page->decision == NULL)
	{
		put_message(page, NULL);
		return;
	}
	hitl_append_text(out, "<p>");
	if (page->decision != NULL)
	{
		hitl_append_text(out, "<strong>");
		hitl_append_html(out, hitl_decision_name(page->decision));
		hitl_append_text(out, "</strong>");
		if (page->has_notice)
			hitl_append_text(out, ": ");
	}
	if (page->has_notice)
	{
		hitl_append_text(out, "<bdi>");
		hitl_append_html(out,
						 hitl_one_line(page->arena, page->notice.title,
									   MAX_HEADING));
		hitl_append_text(out, "</bdi>");
	}
	hitl_append_text(out, "</p>\n");
	put_message(page, NULL);
	if (page->has_notice && page->notice.standing == HITL_STANDING_PENDING)
		hitl_append_text(
			out,
			"<p>The request is not decided yet: others are asked, too, or "
			"something is to be cleared up first.</p>\n");
	else if (page->has_notice)
		put_status(page);
	hitl_append_text(out, "<p>You can close this page.</p>\n");
}

/*
 * A link that is no longer good, or a request that has expired.
 */
static void
put_expired(Page *page)
{
	put_message(
		page,
		page->has_notice
			? "This request has expired, so it cannot be answered any more."
			: "This link is not good any more. A new one comes with the next "
			  "notification; or sign in.");
	if (!page->has_notice)
		return;
	put_status(page);
	put_summary(page);
}

/*
 * A request that others have decided.
 */
static void
put_decided(Page *page)
{
	put_message(page,
				"This request is decided, so it cannot be answered any "
				"more.");
	if (!page->has_notice)
		return;
	put_status(page);
	put_summary(page);
	put_details(page);
	put_answers(page);
}

/*
 * A page that says something, and no more.
 */
static void
put_plain(Page *page)
{
	put_message(page,
				"This page does not exist, or you are not asked by the "
				"request that it is about.");
}

static void
put_error(Page *page)
{
	hitl_append_text(page->out, "<div role=\"alert\">\n");
	put_message(page, "Your answer was not recorded. Please try again.");
	hitl_append_text(page->out, "</div>\n");
}

/*
 * Who wants in tells a mail address, and gets a link there.
 */
static void
put_sign_in(Page *page)
{
	HitlBuffer *out = page->out;
	const char *typed = hitl_text_at(page->document, "answer");
	const char *action = link_at(page->document, "action");
	const char *name = name_of(page);

	if (page->message != NULL)
	{
		hitl_append_text(out, "<div class=\"status\" role=\"status\">\n");
		put_message(page, NULL);
		hitl_append_text(out, "</div>\n");
	}
	if (action == NULL)
		return;
	if (name != NULL)
	{
		/* The link was opened; that it was by a person shows the button. */
		hitl_append_text(out, "<p>Sign in as <strong>");
		hitl_append_html(out, hitl_one_line(page->arena, name, 100));
		hitl_append_text(out, "</strong>");
		if (typed != NULL)
		{
			hitl_append_text(out, ", ");
			hitl_append_html(out, hitl_one_line(page->arena, typed, 300));
		}
		hitl_append_text(out, "?</p>\n");
		put_post(page, action, "Sign in", "yes", NULL);
		return;
	}
	hitl_append_text(out, "<form method=\"post\" action=\"");
	hitl_append_html(out, action);
	hitl_append_text(out, "\">\n");
	hitl_append_hidden(out, "csrf", hitl_text_at(page->document, "csrf"));
	hitl_append_text(
		out,
		"<div class=\"field\"><label for=\"email\">E-mail address</label>\n"
		"<p class=\"hint\" id=\"email-hint\">We send a link to it, by which you "
		"sign in.</p>\n<input type=\"email\" id=\"email\" name=\"email\" required "
		"autocomplete=\"email\" aria-describedby=\"email-hint\" value=\"");
	if (typed != NULL)
		hitl_append_typed(out, typed);
	hitl_append_text(
		out,
		"\"></div>\n<div class=\"buttons\"><button type=\"submit\" class=\"yes\">"
		"Send the link</button></div>\n</form>\n");
}

static void
put_signed_out(Page *page)
{
	const char *sign_in = link_at(hitl_json_member(page->document, "links"),
								  "sign_in");

	put_message(page, "This browser is not signed in any more.");
	put_more(page, sign_in, "Sign in again");
}

/*
 * The requests that somebody is asked: [{"title","requested_by","requested_at",
 * "expires_at","url"}, …].
 */
static void
put_inbox(Page *page)
{
	HitlBuffer *out = page->out;
	const HitlJson *item = items_of(page);
	const char *next = link_at(hitl_json_member(page->document, "links"),
							   "next");

	put_message(page, NULL);
	if (item == NULL)
	{
		hitl_append_text(out, "<p>Nothing waits for you.</p>\n");
		return;
	}
	hitl_append_text(out, "<ul class=\"items\">\n");
	for (; item != NULL; item = item->next)
	{
		const char *title = hitl_text_at(item, "title");
		const char *link = link_at(item, "url");
		const char *who = hitl_text_at(item, "requested_by");
		const char *when = hitl_text_at(item, "requested_at");
		const char *until = hitl_text_at(item, "expires_at");

		title = name_request(page->arena, title, MAX_FACT);
		hitl_append_text(out,
						 "<li><div><span class=\"name\"" OWN_DIRECTION ">");
		if (link != NULL)
			put_link(page, link, title);
		else
			hitl_append_html(out, title);
		hitl_append_text(out, "</span>\n<p>");
		if (who != NULL)
		{
			hitl_append_text(out, "Asked by ");
			hitl_append_html(out, hitl_one_line(page->arena, who, 100));
		}
		if (when != NULL)
		{
			hitl_append_text(out, who == NULL ? "Asked on " : " on ");
			hitl_append_html(out, hitl_date(page->arena, when));
		}
		hitl_append_text(out, "</p>");
		if (until != NULL)
		{
			hitl_append_text(out, "\n<p>Answer by ");
			hitl_append_html(out, hitl_date(page->arena, until));
			hitl_append_text(out, "</p>");
		}
		hitl_append_text(out, "</div></li>\n");
	}
	hitl_append_text(out, "</ul>\n");
	put_more(page, next, "More");
}

/*
 * The sessions of somebody: [{"id","created_at","last_seen_at","expires_at",
 * "address","user_agent","current"}, …]; the form of each tells "id".
 */
static void
put_sessions(Page *page)
{
	HitlBuffer *out = page->out;
	const HitlJson *item = items_of(page);
	const char *action = link_at(page->document, "action");

	put_message(page, NULL);
	if (item == NULL)
	{
		hitl_append_text(out, "<p>You are signed in nowhere.</p>\n");
		return;
	}
	hitl_append_text(out, "<ul class=\"items\">\n");
	for (; item != NULL; item = item->next)
	{
		const char *agent = hitl_text_at(item, "user_agent");
		const char *address = hitl_text_at(item, "address");
		const char *begun = hitl_text_at(item, "created_at");
		const char *seen = hitl_text_at(item, "last_seen_at");
		const char *id = hitl_text_at(item, "id");
		bool current = hitl_json_is_true(item, "current");

		hitl_append_text(out, "<li><div><span class=\"name\">");
		hitl_append_html(out,
						 agent == NULL ? "A browser"
									   : browser_name(page->arena, agent));
		if (current)
			hitl_append_text(out, " (this one)");
		hitl_append_text(out, "</span>\n<p>");
		if (address != NULL)
		{
			hitl_append_text(out, "From ");
			hitl_append_html(out, hitl_one_line(page->arena, address, 100));
		}
		if (begun != NULL)
		{
			hitl_append_text(out, address == NULL ? "Since " : ", since ");
			hitl_append_html(out, hitl_date(page->arena, begun));
		}
		hitl_append_text(out, "</p>");
		if (seen != NULL)
		{
			hitl_append_text(out, "\n<p>Last used on ");
			hitl_append_html(out, hitl_date(page->arena, seen));
			hitl_append_text(out, "</p>");
		}
		hitl_append_text(out, "</div>\n");
		if (action != NULL && id != NULL)
			put_post(page, action, "End session", "", id);
		hitl_append_text(out, "</li>\n");
	}
	hitl_append_text(out, "</ul>\n");
}

static void
put_heading(Page *page, const char *text)
{
	hitl_append_text(page->out, "<h1" OWN_DIRECTION ">");
	hitl_append_html(page->out, text);
	hitl_append_text(page->out, "</h1>\n");
}

/*
 * What the page has to say, or else what pages of its kind do, if anything.
 */
static void
put_message(Page *page, const char *otherwise)
{
	const char *message = page->message == NULL ? otherwise : page->message;

	if (message != NULL)
		hitl_append_paragraphs(page->out, message, "");
}

/*
 * How the request stands.
 */
static void
put_status(Page *page)
{
	static const char *const looks[] = {"pending", "approved", "rejected",
										"expired", "cancelled"};
	HitlBuffer *out = page->out;
	const HitlNotice *notice = &page->notice;
	int64_t round;

	hitl_append_format(out, "<p class=\"status %s\">", looks[notice->standing]);
	if (notice->standing == HITL_STANDING_PENDING)
	{
		hitl_append_text(out, "This request waits for an answer.");
		if (hitl_read_count(notice->approval, "round", 1, 2, INT32_MAX, &round))
			hitl_append_format(
				out,
				" It was changed; this is round %d, and answers before "
				"it do not count any more.",
				(int) round);
	}
	else
	{
		hitl_append_text(out, "<strong>");
		hitl_append_html(out, hitl_outcome(notice));
		hitl_append_text(out, "</strong>");
		if (notice->reason != NULL)
		{
			hitl_append_text(out, " Reason: ");
			hitl_append_html(out, notice->reason);
		}
	}
	hitl_append_text(out, "</p>\n");
}

/*
 * Who asks, since when, until when, and what.
 */
static void
put_summary(Page *page)
{
	const HitlNotice *notice = &page->notice;
	const char *name = hitl_text_at(notice->approval, "workflow_name");
	const char *step = hitl_text_at(notice->approval, "step_name");

	hitl_append_text(page->out, "<dl>\n");
	if (notice->standing != HITL_STANDING_PENDING)
		put_fact(page, "Request", notice->title);
	put_fact(page, "Asked by", notice->requested_by);
	put_time(page, "Asked on", notice->requested_at);
	if (notice->standing == HITL_STANDING_PENDING)
		put_time(page, "Answer by", notice->expires_at);
	put_fact(page, "Workflow", name);
	put_fact(page, "Step", step);
	put_fact(page, "Number", notice->id);
	hitl_append_text(page->out, "</dl>\n");

	/* What is cut above is decided upon, too. */
	if (hitl_characters(notice->title) >
		(notice->standing == HITL_STANDING_PENDING ? MAX_HEADING : MAX_FACT))
		hitl_append_paragraphs(page->out, notice->title, OWN_DIRECTION);
	if (notice->description != NULL)
		hitl_append_paragraphs(page->out, notice->description, OWN_DIRECTION);
}

static void
put_fact(Page *page, const char *name, const char *value)
{
	if (value == NULL)
		return;
	hitl_append_format(page->out, "<dt>%s</dt><dd><bdi>", name);
	hitl_append_html(page->out, hitl_one_line(page->arena, value, MAX_FACT));
	hitl_append_text(page->out, "</bdi></dd>\n");
}

static void
put_time(Page *page, const char *name, const char *instant)
{
	HitlBuffer *out = page->out;
	int64_t us;

	if (instant == NULL)
		return;
	hitl_append_format(out, "<dt>%s</dt><dd>", name);
	if (hitl_parse_instant(instant, &us))
	{
		hitl_append_text(out, "<time datetime=\"");
		hitl_append_instant(out, us);
		hitl_append_text(out, "\">");
		hitl_append_html(out, hitl_date(page->arena, instant));
		hitl_append_text(out, "</time>");
	}
	else
		hitl_append_html(out, hitl_date(page->arena, instant));
	hitl_append_text(out, "</dd>\n");
}

/*
 * The context.
 */
static void
put_details(Page *page)
{
	const HitlJson *context = hitl_shown_context(&page->notice);

	if (context == NULL)
		return;
	hitl_append_text(
		page->out,
		"<section aria-labelledby=\"details\">\n<h2 id=\"details\">Details</h2>\n"
		"<div class=\"scroll\" role=\"region\" aria-labelledby=\"details\" "
		"tabindex=\"0\">");
	hitl_append_table(page->out, context, &look, &limits);
	hitl_append_text(page->out, "</div>\n</section>\n");
}

/*
 * What others have answered.
 */
static void
put_answers(Page *page)
{
	HitlBuffer *out = page->out;
	const HitlJson *answer;

	if (page->notice.responses == NULL)
		return;
	hitl_append_text(
		out,
		"<section aria-labelledby=\"answers\">\n<h2 id=\"answers\">Answers so "
		"far</h2>\n<ul class=\"answers\">\n");
	for (answer = page->notice.responses->first; answer != NULL;
		 answer = answer->next)
	{
		const char *feedback = hitl_text_at(answer, "feedback");

		hitl_append_text(out, "<li>");
		hitl_append_answer(out, answer, "");
		if (feedback != NULL)
			hitl_append_paragraphs(out, feedback, OWN_DIRECTION);
		hitl_append_text(out, "</li>\n");
	}
	hitl_append_text(out, "</ul>\n</section>\n");
}

/*
 * Where to go from here; nothing for NULL.
 */
static void
put_more(Page *page, const char *link, const char *label)
{
	if (link == NULL)
		return;
	hitl_append_text(page->out, "<p class=\"more\">");
	put_link(page, link, label);
	hitl_append_text(page->out, "</p>\n");
}

static void
put_link(Page *page, const char *link, const char *label)
{
	hitl_append_text(page->out, "<a href=\"");
	hitl_append_html(page->out, link);
	hitl_append_text(page->out, "\">");
	hitl_append_html(page->out, label);
	hitl_append_text(page->out, "</a>\n");
}

/*
 * A form that is one button.
 */
static void
put_post(Page *page, const char *action, const char *label, const char *look_,
		 const char *id)
{
	HitlBuffer *out = page->out;

	hitl_append_text(out, "<form method=\"post\" action=\"");
	hitl_append_html(out, action);
	hitl_append_text(out, "\">");
	hitl_append_hidden(out, "csrf", hitl_text_at(page->document, "csrf"));
	hitl_append_hidden(out, "id", id);
	hitl_append_format(out,
					   "<button type=\"submit\"%s%s%s>%s</button></form>\n",
					   *look_ ? " class=\"" : "", look_, *look_ ? "\"" : "",
					   label);
}

/*
 * A link within the gateway, or to a page; NULL for anything else.
 */
static const char *
link_at(const HitlJson *object, const char *key)
{
	const char *link = hitl_text_at(object, key);

	if (link == NULL || (*link == '/' && link[1] != '/' && link[1] != '\\') ||
		strncmp(link, "https://", 8) == 0 || strncmp(link, "http://", 7) == 0)
		return link;
	return NULL;
}

/*
 * The first of the items of a list, or NULL.
 */
static const HitlJson *
items_of(const Page *page)
{
	const HitlJson *items = hitl_json_member(page->document, "items");

	return items == NULL || items->type != HITL_JSON_ARRAY ? NULL
														   : items->first;
}

/*
 * A browser as people know it, by what it sends; what is not known, as it is.
 * Many say that they are others, too: the first that fits is it.
 */
static const char *
browser_name(HitlArena *arena, const char *agent)
{
	static const char *const browsers[][2] =
		{{"Edg/", "Edge"},	   {"EdgA/", "Edge"},		{"EdgiOS/", "Edge"},
		 {"OPR/", "Opera"},	   {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"},
		 {"CriOS/", "Chrome"}, {"Chrome/", "Chrome"},	{"Safari/", "Safari"}};
	static const char *const systems[][2] = {{"iPhone", "iPhone"},
											 {"iPad", "iPad"},
											 {"Android", "Android"},
											 {"Windows", "Windows"},
											 {"Mac OS X", "Mac"},
											 {"CrOS", "ChromeOS"},
											 {"Linux", "Linux"}};
	const char *browser = NULL;
	const char *system = NULL;
	size_t i;

	for (i = 0; i < sizeof(browsers) / sizeof(browsers[0]) && browser == NULL;
		 i++)
	{
		if (strstr(agent, browsers[i][0]) != NULL)
			browser = browsers[i][1];
	}
	for (i = 0; i < sizeof(systems) / sizeof(systems[0]) && system == NULL; i++)
	{
		if (strstr(agent, systems[i][0]) != NULL)
			system = systems[i][1];
	}
	if (browser == NULL || system == NULL)
		return hitl_one_line(arena, agent, 200);
	return hitl_format_text(arena, "%s on %s", browser, system);
}
