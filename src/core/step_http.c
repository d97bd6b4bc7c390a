/*
 * step_http.c
 *		The step that calls a server.
 */
#include "core/internal.h"

#include <string.h>
#include <strings.h>

#define MAX_EXPECTED 100

static const char *const members[] = {"method", "url",	  "headers", "secret",
									  "body",	"expect", NULL};

static const char *const methods[] = {"GET",   "HEAD",	 "POST", "PUT",
									  "PATCH", "DELETE", NULL};

/* Headers that say how a request is sent; that is not the definition's. */
static const char *const reserved[] =
	{"Connection", "Content-Length",	  "Expect",			  "Host",
	 "Keep-Alive", "Proxy-Authorization", "Proxy-Connection", "TE",
	 "Trailer",	   "Transfer-Encoding",	  "Upgrade",		  NULL};

static void parse_http(HitlParse *parse, const HitlPlace *place,
					   const HitlJson *object, HitlStep *step);
static const char *parse_method(HitlParse *parse, const HitlPlace *place,
								const HitlJson *object);
static void parse_url(HitlParse *parse, const HitlPlace *place,
					  const HitlJson *object, HitlHttp *http);
static void parse_headers(HitlParse *parse, const HitlPlace *place,
						  const HitlJson *object, HitlHttp *http);
static void parse_header(HitlParse *parse, const HitlPlace *place,
						 const HitlJson *object, const HitlJson *headers,
						 const HitlJson *header);
static void parse_expect(HitlParse *parse, const HitlPlace *place,
						 const HitlJson *object, HitlHttp *http);
static void enter_http(HitlRun *run, HitlPosition *position);
static bool check_url(HitlRun *run, HitlPosition *position, const char *url);
static bool check_headers(HitlRun *run, HitlPosition *position,
						  const char *headers);
static void deliver_http(HitlRun *run, HitlPosition *position,
						 const HitlJson *body);
static bool is_expected(const HitlHttp *http, int64_t status);
static bool begins_with_scheme(const char *url);
static bool has_control(const char *text, bool or_space);
static bool is_header_name(const char *name);

const HitlStepKind hitl_http_kind = {.type = "http",
									 .members = members,
									 .host_retries = true,
									 .awaits = 1 << HITL_AWAITS_REPLY,
									 .parse = parse_http,
									 .enter = enter_http,
									 .deliver = deliver_http};

/*
 * Read the step.
 */
static void
parse_http(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
		   HitlStep *step)
{
	static const HitlJson nothing = {.type = HITL_JSON_NULL};
	HitlHttp *http = &step->as.http;
	HitlPlace body_place = {place, "body", 0};
	const HitlJson *body = hitl_json_member(object, "body");
	const char *secret;
	HitlBuffer terms;

	hitl_buffer_init(&terms, parse->arena);
	hitl_json_write_member(&terms, "method",
						   parse_method(parse, place, object));
	secret = hitl_get_text(parse, place, object, "secret", false);
	hitl_json_write_member(&terms, "secret", secret);
	parse_url(parse, place, object, http);
	parse_headers(parse, place, object, http);
	hitl_compile_value(parse, &body_place, body == NULL ? &nothing : body,
					   &http->body);
	parse_expect(parse, place, object, http);
	hitl_append_text(&terms, ",\"expect\":");
	if (http->expected > 0)
		hitl_json_write(&terms, hitl_json_member(object, "expect"));
	else
		hitl_append_text(&terms, "null");
	http->terms = hitl_buffer_text(&terms);
}

/*
 * "method": what is not stated follows from whether there is a body.
 */
static const char *
parse_method(HitlParse *parse, const HitlPlace *place, const HitlJson *object)
{
	bool has_body = hitl_json_stated(object, "body") != NULL;
	const char *method = hitl_get_text(parse, place, object, "method", false);
	HitlPlace method_place = {place, "method", 0};
	HitlPlace body_place = {place, "body", 0};
	const char *const *name;

	if (method == NULL)
		return has_body ? "POST" : "GET";
	for (name = methods; *name != NULL && strcmp(*name, method) != 0; name++)
		;
	if (*name == NULL)
		hitl_fault(parse, &method_place,
				   "must be GET, HEAD, POST, PUT, PATCH or DELETE");
	else if (has_body &&
			 (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0))
		hitl_fault(parse, &body_place, "a %s request has no body", method);
	return method;
}

/*
 * "url", of which at least the scheme is known, unless it is all template.
 */
static void
parse_url(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
		  HitlHttp *http)
{
	const char *url = hitl_get_text(parse, place, object, "url", true);
	HitlPlace here = {place, "url", 0};

	if (url == NULL)
		return;
	hitl_compile_text(parse, &here, url, &http->url);
	if (strncmp(url, "{{", 2) == 0)
		return;
	if (!begins_with_scheme(url))
		hitl_fault(parse, &here, "must begin with http:// or https://");
	else if (!hitl_has_template(url) && has_control(url, true))
		hitl_fault(parse, &here,
				   "must not have blanks or control characters in it");
}

/*
 * "headers": an object of texts.
 */
static void
parse_headers(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
			  HitlHttp *http)
{
	static const HitlJson empty = {.type = HITL_JSON_OBJECT};
	const HitlJson *headers = hitl_get(parse, place, object, "headers",
									   HITL_JSON_OBJECT, false);
	const HitlJson *header;
	HitlPlace here = {place, "headers", 0};

	if (headers == NULL)
		headers = &empty;
	hitl_compile_texts(parse, &here, headers, &http->headers);
	for (header = headers->first; header != NULL; header = header->next)
		parse_header(parse, &here, object, headers, header);
}

/*
 * One header.
 */
static void
parse_header(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
			 const HitlJson *headers, const HitlJson *header)
{
	HitlPlace here = {place, header->key, 0};
	const HitlJson *other;
	const char *const *name;

	if (!is_header_name(header->key))
		hitl_fault(parse, &here, "is not the name of a header");
	for (name = reserved; *name != NULL; name++)
	{
		if (strcasecmp(*name, header->key) == 0)
			hitl_fault(parse, &here, "is set by the sender");
	}
	if (strcasecmp(header->key, "Authorization") == 0 &&
		hitl_json_member(object, "secret") != NULL)
		hitl_fault(parse, &here, "is what \"secret\" sends");
	for (other = headers->first; other != header; other = other->next)
	{
		if (strcasecmp(other->key, header->key) == 0)
			hitl_fault(parse, &here, "header given twice");
	}
	if (header->type == HITL_JSON_STRING && has_control(header->text, false))
		hitl_fault(parse, &here, "must not have control characters in it");
}

/*
 * "expect": the statuses that are no failures.
 */
static void
parse_expect(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
			 HitlHttp *http)
{
	const HitlJson *expect = hitl_get(parse, place, object, "expect",
									  HITL_JSON_ARRAY, false);
	const HitlJson *status;
	HitlPlace here = {place, "expect", 0};
	HitlPlace inner = {&here, NULL, 0};

	if (expect == NULL)
		return;
	if (expect->count == 0 || expect->count > MAX_EXPECTED)
	{
		hitl_fault(parse, &here, "must have 1 to %d statuses", MAX_EXPECTED);
		return;
	}
	http->expect = hitl_alloc(parse->arena, expect->count * sizeof(int));
	if (http->expect == NULL)
		return;
	for (status = expect->first; status != NULL; status = status->next)
	{
		int64_t number;

		if (!hitl_json_integer(status, &number) || number < 100 || number > 599)
			hitl_fault(parse, &inner, "must be a whole number from 100 to 599");
		else
			http->expect[http->expected++] = (int) number;
		inner.index++;
	}
}

/*
 * Make the call.
 */
static void
enter_http(HitlRun *run, HitlPosition *position)
{
	const HitlStep *step = position->step;
	const HitlHttp *http = &step->as.http;
	const char *url;
	const char *headers;
	const char *content;
	HitlEffect *effect;
	HitlBuffer body;

	url = hitl_render(run, position, &http->url);
	if (url == NULL || !check_url(run, position, url))
		return;
	headers = hitl_render(run, position, &http->headers);
	if (headers == NULL || !check_headers(run, position, headers))
		return;
	content = hitl_render(run, position, &http->body);
	if (content == NULL)
		return;

	hitl_buffer_init(&body, run->memory);
	hitl_append_char(&body, '{');
	hitl_append_text(&body, http->terms);
	hitl_append_text(&body, ",\"url\":");
	hitl_append_text(&body, url);
	hitl_append_text(&body, ",\"headers\":");
	hitl_append_text(&body, headers);
	hitl_append_text(&body, ",\"body\":");
	hitl_append_text(&body, content);
	hitl_append_char(&body, ',');
	hitl_append_text(&body, step->terms);
	hitl_append_char(&body, '}');
	effect = hitl_emit(run, HITL_EFFECT_RUN_HTTP, NULL, position);
	effect->body = hitl_buffer_text(&body);
	hitl_await(run, position, HITL_AWAITS_REPLY, effect);
}

/*
 * Is a rendered URL one that can be called?  If not, the step has failed.
 */
static bool
check_url(HitlRun *run, HitlPosition *position, const char *url)
{
	const HitlJson *text;

	if (hitl_json_parse(&run->scratch, url, strlen(url), 0, &text, NULL) !=
		HITL_OK)
	{
		hitl_stop(run, HITL_NO_MEMORY, NULL);
		return false;
	}
	if (begins_with_scheme(text->text) && !has_control(text->text, true))
		return true;
	hitl_fail_faulty(run, position,
					 "\"url\" must begin with http:// or https:// and have no "
					 "blanks or control characters in it; it is \"%.*s\"",
					 (int) hitl_utf8_cut(text->text, text->length, 200),
					 text->text);
	return false;
}

/*
 * Is every rendered header one line?  If not, the step has failed.
 */
static bool
check_headers(HitlRun *run, HitlPosition *position, const char *headers)
{
	const HitlJson *object;
	const HitlJson *header;

	if (hitl_json_parse(&run->scratch, headers, strlen(headers), 0, &object,
						NULL) != HITL_OK)
	{
		hitl_stop(run, HITL_NO_MEMORY, NULL);
		return false;
	}
	for (header = object->first; header != NULL; header = header->next)
	{
		if (has_control(header->text, false))
		{
			hitl_fail_faulty(run, position,
							 "header %s has control characters in it",
							 header->key);
			return false;
		}
	}
	return true;
}

/*
 * The server has answered, or could not be asked.
 */
static void
deliver_http(HitlRun *run, HitlPosition *position, const HitlJson *body)
{
	const HitlJson *headers = hitl_json_member(body, "headers");
	const HitlJson *text = hitl_json_member(body, "body");
	const HitlJson *document = NULL;
	int64_t status = 0;
	HitlBuffer result;
	HitlReply reply;

	if (!hitl_json_integer(hitl_json_member(body, "status"), &status))
	{
		hitl_deliver_answer(run, position, body);
		return;
	}
	if (text != NULL && text->type != HITL_JSON_STRING)
		text = NULL;
	if (text != NULL && text->length > 0 &&
		hitl_json_parse(&run->scratch, text->text, text->length,
						HITL_JSON_LENIENT, &document, NULL) == HITL_NO_MEMORY)
	{
		hitl_stop(run, HITL_NO_MEMORY, NULL);
		return;
	}
	if (!is_expected(&position->step->as.http, status))
	{
		hitl_read_status(&run->scratch, status, document, &reply);
		run->told = body;
		run->told_message = reply.message;
		hitl_fail_step(run, position, reply.kind, reply.message);
		return;
	}
	hitl_buffer_init(&result, &run->scratch);
	hitl_append_text(&result, "{\"status\":");
	hitl_append_integer(&result, status);
	hitl_append_text(&result, ",\"headers\":");
	if (headers != NULL && headers->type == HITL_JSON_OBJECT)
		hitl_json_write(&result, headers);
	else
		hitl_append_text(&result, "{}");
	hitl_append_text(&result, ",\"body\":");
	if (document != NULL)
		hitl_json_write(&result, document);
	else if (text != NULL && text->length > 0)
		hitl_json_write(&result, text);
	else
		hitl_append_text(&result, "null");
	hitl_append_char(&result, '}');
	if (hitl_finish_text(run, &result) != NULL)
		hitl_complete_step(run, position, result.data);
}

/*
 * Is a status none of a failure?
 */
static bool
is_expected(const HitlHttp *http, int64_t status)
{
	int i;

	for (i = 0; i < http->expected; i++)
	{
		if (http->expect[i] == status)
			return true;
	}
	return http->expected == 0 && status >= 200 && status <= 299;
}

/*
 * Is it for HTTP, and has it a host?
 */
static bool
begins_with_scheme(const char *url)
{
	size_t length = 0;

	if (strncasecmp(url, "http://", 7) == 0)
		length = 7;
	else if (strncasecmp(url, "https://", 8) == 0)
		length = 8;
	return length > 0 && strchr("/?#", url[length]) == NULL;
}

/*
 * Has a text characters that would end a line of a request, or a word of it?
 */
static bool
has_control(const char *text, bool or_space)
{
	const unsigned char *p;

	for (p = (const unsigned char *) text; *p != '\0'; p++)
	{
		if ((*p < ' ' && (or_space || *p != '\t')) || *p == 0x7f ||
			(or_space && *p == ' '))
			return true;
	}
	return false;
}

/*
 * A token of RFC 9110.
 */
static bool
is_header_name(const char *name)
{
	const char *p;

	for (p = name; *p != '\0'; p++)
	{
		bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
			(*p >= '0' && *p <= '9');

		if (!letter && strchr("!#$%&'*+-.^_`|~", *p) == NULL)
			return false;
	}
	return p > name;
}
