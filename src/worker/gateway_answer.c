/*
 * gateway_answer.c
 *		Answers: what a function has returned, and errors as problems (RFC 9457).
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"

#include "channel/channel.h"
#include "core_bridge.h"
#include "db.h"
#include "worker/gateway.h"
#include "worker/worker.h"

static void read_headers(JsonbValue *headers, HitlAnswer *answer);
static bool has_header(const HitlAnswer *answer, const char *name);
static char *member_text(Jsonb *document, const char *name);
static const char *title_of(int status);

/*
 * Answer with a problem document of RFC 9457.
 */
void
hitl_refuse_request(HitlAnswer *answer, int status, const char *detail)
{
	StringInfoData body;

	initStringInfo(&body);
	appendStringInfo(&body,
					 "{\"type\":\"about:blank\",\"status\":%d,\"title\":",
					 status);
	escape_json(&body, title_of(status));
	if (detail)
	{
		appendStringInfoString(&body, ",\"detail\":");
		escape_json(&body, detail);
	}
	appendStringInfoChar(&body, '}');
	answer->status = status;
	answer->headers = NIL;
	answer->events = NULL;
	hitl_add_header(answer, "Content-Type", "application/problem+json");
	answer->body = body.data;
	answer->length = body.len;
	answer->refusal = detail ? detail : title_of(status);
}

/*
 * The same for people, with the headers of hitl.http_page.  Without memory it
 * stays as it is.
 */
void
hitl_show_refusal(HitlAnswer *answer)
{
	StringInfoData page;
	char *html = NULL;
	char *error = NULL;
	ListCell *cell;

	initStringInfo(&page);
	appendStringInfoString(&page, "{\"page\":\"error\",\"message\":");
	escape_json(&page,
				psprintf("%c%s.", pg_toupper(answer->refusal[0]),
						 answer->refusal + 1));
	appendStringInfoChar(&page, '}');
	if (hitl_core()->render_page(page.data, &html, &error) != HITL_OK)
	{
		free(error);
		return;
	}
	foreach(cell, answer->headers)
	{
		HitlHeader *header = lfirst(cell);

		if (pg_strcasecmp(header->name, "Content-Type") == 0)
			header->value = "text/html; charset=utf-8";
	}
	hitl_add_header(answer, "X-Frame-Options", "DENY");
	hitl_add_header(answer, "Content-Security-Policy",
					hitl_page_policy_text(html));
	answer->body = pstrdup(html);
	answer->length = strlen(html);
	free(html);
}

/*
 * A header of the answer.
 */
void
hitl_add_header(HitlAnswer *answer, const char *name, const char *value)
{
	HitlHeader *header = palloc(sizeof(HitlHeader));

	header->name = pstrdup(name);
	header->value = pstrdup(value);
	answer->headers = lappend(answer->headers, header);
}

/*
 * What a function has returned.
 */
void
hitl_read_answer(Jsonb *document, HitlAnswer *answer)
{
	JsonbValue value;
	char *status;

	if (!JB_ROOT_IS_OBJECT(document))
		elog(ERROR, "the answer to a request is not an object");
	status = member_text(document, "status");
	answer->status = status ? atoi(status) : 200;
	if (answer->status < 200 || answer->status > 599)
		elog(ERROR, "the answer to a request has the status %d",
			 answer->status);

	if (getKeyJsonValueFromContainer(&document->root, "headers", 7, &value))
		read_headers(&value, answer);

	if (getKeyJsonValueFromContainer(&document->root, "json", 4, &value))
	{
		Jsonb *body = JsonbValueToJsonb(&value);
		char *text = JsonbToCString(NULL, &body->root, VARSIZE(body));

		answer->body = text;
		answer->length = strlen(text);
		if (!has_header(answer, "content-type"))
			hitl_add_header(answer, "Content-Type", "application/json");
	}
	else if ((answer->body = member_text(document, "body")) != NULL)
	{
		answer->length = strlen(answer->body);
		if (!has_header(answer, "content-type"))
			hitl_add_header(answer, "Content-Type",
							"text/plain; charset=utf-8");
	}

	if (answer->status == 200 &&
		getKeyJsonValueFromContainer(&document->root, "events", 6, &value) &&
		value.type == jbvBinary)
	{
		Jsonb *allowed = JsonbValueToJsonb(&value);

		answer->events = JsonbToCString(NULL, &allowed->root, VARSIZE(allowed));
		answer->last_event_id = member_text(document, "last_event_id");
	}
}

/*
 * Its headers: texts, or lists of texts.
 */
static void
read_headers(JsonbValue *headers, HitlAnswer *answer)
{
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue value;
	char *name = NULL;

	if (headers->type != jbvBinary ||
		!JsonContainerIsObject(headers->val.binary.data))
		elog(ERROR, "the headers of an answer are not an object");
	it = JsonbIteratorInit(headers->val.binary.data);
	while ((token = JsonbIteratorNext(&it, &value, false)) != WJB_DONE)
	{
		char *text;

		if (token == WJB_KEY)
			name = pnstrdup(value.val.string.val, value.val.string.len);
		if (token != WJB_VALUE && token != WJB_ELEM)
			continue;
		if (value.type != jbvString)
			elog(ERROR, "header \"%s\" of an answer is not a text", name);
		text = pnstrdup(value.val.string.val, value.val.string.len);
		if (!hitl_is_token(name) || !hitl_is_header_value(text))
			elog(ERROR, "header \"%s\" of an answer is malformed", name);
		/* These are those of the connection. */
		if (pg_strcasecmp(name, "content-length") != 0 &&
			pg_strcasecmp(name, "transfer-encoding") != 0 &&
			pg_strcasecmp(name, "connection") != 0)
			hitl_add_header(answer, name, text);
	}
}

/*
 * Has it a header already?
 */
static bool
has_header(const HitlAnswer *answer, const char *name)
{
	ListCell *cell;

	foreach(cell, answer->headers)
		if (pg_strcasecmp(((HitlHeader *) lfirst(cell))->name, name) == 0)
			return true;
	return false;
}

/*
 * A member as text: that of a text, or of a number; else NULL.
 */
static char *
member_text(Jsonb *document, const char *name)
{
	JsonbValue value;

	if (!getKeyJsonValueFromContainer(&document->root, name, strlen(name),
									  &value))
		return NULL;
	if (value.type == jbvString)
		return pnstrdup(value.val.string.val, value.val.string.len);
	if (value.type == jbvNumeric)
		return DatumGetCString(
			DirectFunctionCall1(numeric_out,
								NumericGetDatum(value.val.numeric)));
	return NULL;
}

/*
 * An error of a function, whose transaction has been aborted: what
 * hitl.http_problem() makes of it.
 */
void
hitl_tell_error(const ErrorData *error, HitlAnswer *answer)
{
	static HitlStatement tell = {
		"SELECT hitl.http_problem($1, $2, $3, $4)",
		4,
		{TEXTOID, TEXTOID, TEXTOID, TEXTOID},
	};
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		const char *texts[4] = {unpack_sql_state(error->sqlerrcode),
								error->message, error->detail, error->hint};
		Datum values[4];
		char nulls[5] = "    ";
		bool isnull;

		hitl_begin_work("telling an error");
		for (int i = 0; i < 4; i++)
		{
			values[i] = texts[i] ? CStringGetTextDatum(texts[i]) : (Datum) 0;
			nulls[i] = texts[i] ? ' ' : 'n';
		}
		hitl_execute(&tell, values, nulls, 1);
		MemoryContextSwitchTo(context);
		hitl_read_answer(DatumGetJsonbPCopy(hitl_column(0, 1, &isnull)),
						 answer);
		hitl_end_work();
	}
	PG_CATCH();
	{
		FreeErrorData(hitl_catch_error(true));
		MemoryContextSwitchTo(context);
		hitl_refuse_request(answer, 500, NULL);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
}

/*
 * What a status is called, of those with which the gateway refuses by itself.
 */
static const char *
title_of(int status)
{
	switch (status)
	{
		case 400:
			return "Bad Request";
		case 404:
			return "Not Found";
		case 405:
			return "Method Not Allowed";
		case 413:
			return "Content Too Large";
		case 414:
			return "URI Too Long";
		case 417:
			return "Expectation Failed";
		case 429:
			return "Too Many Requests";
		case 431:
			return "Request Header Fields Too Large";
		case 501:
			return "Not Implemented";
		case 503:
			return "Service Unavailable";
		case 505:
			return "HTTP Version Not Supported";
		default:
			return "Internal Server Error";
	}
}
