/*
 * gateway_answer.c
 *		Answers: what a function has returned, and errors as problems (RFC 9457).
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"

#include "worker/gateway.h"

static void read_headers(JsonbValue *headers, HitlAnswer *answer);
static bool has_header(const HitlAnswer *answer, const char *name);
static char *member_text(Jsonb *document, const char *name);
static void put_problem(HitlAnswer *answer, int status, const char *detail,
						const char *code, const char *errors, const char *hint);
static const char *title_of(int status);

/*
 * Answer with a problem.
 */
void
hitl_refuse_request(HitlAnswer *answer, int status, const char *detail)
{
	put_problem(answer, status, detail, NULL, NULL, NULL);
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
 * An error of a function.  What is our fault is told to the log, not to the
 * client.
 */
void
hitl_tell_error(const ErrorData *error, HitlAnswer *answer)
{
	int status = hitl_status_of(error->sqlerrcode);
	const char *code = unpack_sql_state(error->sqlerrcode);
	bool own = strncmp(code, "WF", 2) == 0;

	if (status >= 500)
		put_problem(answer, status, NULL, NULL, NULL, NULL);
	else
		put_problem(answer, status, error->message, code,
					own ? error->detail : NULL, own ? error->hint : NULL);
	if (status == 503 || status == 429)
		hitl_add_header(answer, "Retry-After", "1");
	if (status == 401)
		hitl_add_header(answer, "WWW-Authenticate", "Bearer");
}

/*
 * docs/reference/http.md has this table, too.
 */
int
hitl_status_of(int sqlstate)
{
	static const struct
	{
		char code[6];
		int status;
	} statuses[] = {
		{"WF001", 422}, {"WF002", 404}, {"WF003", 404}, {"WF004", 404},
		{"WF005", 404}, {"WF010", 409}, {"WF011", 409}, {"WF012", 410},
		{"WF013", 410}, {"WF014", 409}, {"WF015", 403}, {"WF016", 409},
		{"WF017", 409}, {"WF018", 409}, {"WF019", 422}, {"WF020", 503},
		{"WF030", 422}, {"WF031", 409}, {"WF032", 409}, {"WF033", 503},
		{"WF040", 404}, {"WF041", 409}, {"WF042", 409}, {"WF043", 409},
		{"WF044", 429}, {"WF045", 409}, {"WF050", 404}, {"WF051", 409},
		{"WF052", 404}, {"WF053", 403}, {"WF054", 403}, {"WF055", 422},
		{"WF056", 404}, {"WF057", 422}, {"WF060", 404}, {"WF061", 404},
		{"WF062", 422}, {"WF063", 422}, {"22004", 400}, {"22003", 400},
		{"22007", 400}, {"22008", 400}, {"22021", 400}, {"22023", 400},
		{"22032", 400}, {"22P02", 400}, {"22P05", 400}, {"28000", 401},
		{"28P01", 401}, {"42501", 403}, {"P0002", 404}, {"0A000", 409},
		{"40001", 503}, {"40P01", 503}, {"55P03", 503}, {"55000", 503},
		{"57014", 503}, {"25006", 503}, {"53000", 503}, {"53100", 503},
		{"53200", 503}, {"53300", 503}, {"53400", 503},
	};
	const char *code = unpack_sql_state(sqlstate);

	for (int i = 0; i < lengthof(statuses); i++)
		if (strcmp(code, statuses[i].code) == 0)
			return statuses[i].status;
	return 500;
}

/*
 * A problem document of RFC 9457.
 */
static void
put_problem(HitlAnswer *answer, int status, const char *detail,
			const char *code, const char *errors, const char *hint)
{
	StringInfoData body;
	const struct
	{
		const char *name;
		const char *value;
	} members[] = {{"title", title_of(status)},
				   {"detail", detail},
				   {"code", code},
				   {"errors", errors},
				   {"hint", hint}};

	initStringInfo(&body);
	appendStringInfo(&body, "{\"type\":\"about:blank\",\"status\":%d", status);
	for (int i = 0; i < lengthof(members); i++)
		if (members[i].value != NULL)
		{
			appendStringInfo(&body, ",\"%s\":", members[i].name);
			escape_json(&body, members[i].value);
		}
	appendStringInfoChar(&body, '}');
	answer->status = status;
	answer->headers = NIL;
	answer->events = NULL;
	hitl_add_header(answer, "Content-Type", "application/problem+json");
	answer->body = body.data;
	answer->length = body.len;
}

/*
 * What a status is called.
 */
static const char *
title_of(int status)
{
	switch (status)
	{
		case 400:
			return "Bad Request";
		case 401:
			return "Unauthorized";
		case 403:
			return "Forbidden";
		case 404:
			return "Not Found";
		case 405:
			return "Method Not Allowed";
		case 409:
			return "Conflict";
		case 410:
			return "Gone";
		case 413:
			return "Content Too Large";
		case 417:
			return "Expectation Failed";
		case 422:
			return "Unprocessable Content";
		case 429:
			return "Too Many Requests";
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
