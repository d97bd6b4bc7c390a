/*
 * http.c
 *		HTTP calls of http steps, handed to the dispatcher.
 *
 * A call is a row of the outbox, written with the batch; the dispatcher
 * repeats it where its retry option says so, and its answer comes back as a
 * reply.  Secrets are named in the row, and looked up when it is sent.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/numeric.h"
#include "workflow/effects.h"
#include "workflow/identifier.h"

/* The longest time limit of a request: a day.  hitl.outbox checks it too. */
#define MAX_TIMEOUT_SECONDS (24 * 60 * 60)

static Datum read_expected(Jsonb *expect);

/*
 * Queue the request of an http step.
 */
void
hitl_queue_http(HitlBatch *batch, HitlWorkflow *workflow,
				const HitlEffect *effect)
{
	static const Oid types[] = {UUIDOID,  UUIDOID, INT8OID, TEXTOID, TEXTOID,
								JSONBOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID,
								JSONBOID, INT4OID, INT2OID};
	Jsonb *body = hitl_jsonb_parse(effect->body);
	Jsonb *headers = hitl_member(body, "headers");
	Jsonb *content = hitl_member(body, "body");
	Jsonb *expect = hitl_member(body, "expect");
	Jsonb *retry = hitl_member(body, "retry");
	char *method = hitl_member_text(body, "method");
	char *secret = hitl_member_text(body, "secret");
	char *payload = NULL;
	int64 timeout = hitl_member_int(body, "timeout_seconds", -1);
	pg_uuid_t *id = palloc(sizeof(pg_uuid_t));
	Datum values[lengthof(types)];
	bool nulls[lengthof(types)] = {false};

	if (headers == NULL || !JB_ROOT_IS_OBJECT(headers))
		headers = hitl_jsonb_parse("{}");
	if (content != NULL && JB_ROOT_IS_SCALAR(content))
	{
		/* A text is sent as it is, everything else as JSON; null not at all. */
		payload = hitl_member_text(body, "body");
		if (payload != NULL && hitl_jsonb_text(content)[0] == '"')
			headers = hitl_with_header(headers, "Content-Type",
									   "text/plain; charset=utf-8");
	}
	else if (content != NULL)
		payload = hitl_jsonb_text(content);

	if (batch->calls.ncolumns == 0)
		hitl_rows_init(&batch->calls, lengthof(types), types);
	*id = hitl_new_id(hitl_id_partition(&workflow->id));
	values[0] = UUIDPGetDatum(id);
	values[1] = UUIDPGetDatum(&workflow->id);
	values[2] = Int64GetDatum(effect->token);
	values[3] = CStringGetTextDatum(method != NULL ? method : "GET");
	values[4] = CStringGetTextDatum(hitl_member_text(body, "url"));
	values[5] = JsonbPGetDatum(headers);
	nulls[6] = payload == NULL;
	values[6] = payload != NULL ? CStringGetTextDatum(payload) : 0;
	nulls[7] = secret == NULL;
	values[7] = secret != NULL ? CStringGetTextDatum(secret) : 0;
	values[8] = CStringGetTextDatum(hitl_id_text(id));
	/* Arrays of arrays have to be of one length: it travels as text. */
	nulls[9] = expect == NULL || JB_ROOT_IS_SCALAR(expect);
	values[9] = nulls[9] ? 0 : read_expected(expect);
	nulls[10] = retry == NULL || JB_ROOT_IS_SCALAR(retry);
	values[10] = PointerGetDatum(retry);
	/* A step may state less than a second, or years. */
	nulls[11] = timeout < 0;
	values[11] = Int32GetDatum(
		(int32) Min(Max(timeout, 1), MAX_TIMEOUT_SECONDS));
	values[12] = Int16GetDatum((int16) workflow->priority);
	hitl_rows_add(&batch->calls, values, nulls);
	hitl_add_event(batch, workflow, "http_requested", effect->step,
				   effect->position,
				   hitl_facts("method", TextDatumGetCString(values[3]),
							  "request_id", hitl_id_text(id), NULL),
				   NULL, NULL);
}

/*
 * Write the requests of a batch.
 */
void
hitl_insert_http(HitlRows *calls)
{
	static HitlStatement insert = {
		"INSERT INTO hitl.outbox (id, purpose, workflow_id, token, method, url, headers, "
		"body, secret_name, idempotency_key, expect, retry, timeout_seconds, priority) "
		"SELECT id, 'http', workflow_id, token, method, url, headers, body, secret_name, "
		"key, expect::int[], retry, timeout, priority "
		"FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) "
		"AS t (id, workflow_id, token, method, url, headers, body, secret_name, key, "
		"expect, retry, timeout, priority)",
		13,
		{UUIDARRAYOID, UUIDARRAYOID, INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
		 JSONBARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
		 JSONBARRAYOID, INT4ARRAYOID, INT2ARRAYOID},
	};

	hitl_rows_execute(calls, &insert);
}

/*
 * Headers with one more, unless they have it, in whatever case.
 */
Jsonb *
hitl_with_header(Jsonb *headers, const char *name, const char *value)
{
	JsonbIterator *iterator = JsonbIteratorInit(&headers->root);
	JsonbIteratorToken token;
	JsonbValue member;
	StringInfoData text;
	char *rest;

	while ((token = JsonbIteratorNext(&iterator, &member, true)) != WJB_DONE)
		if (token == WJB_KEY && member.val.string.len == strlen(name) &&
			pg_strncasecmp(member.val.string.val, name, strlen(name)) == 0)
			return headers;
	rest = hitl_jsonb_text(headers) + 1;
	initStringInfo(&text);
	appendStringInfoChar(&text, '{');
	escape_json(&text, name);
	appendStringInfoString(&text, ": ");
	escape_json(&text, value);
	appendStringInfo(&text, "%s%s", rest[0] == '}' ? "" : ", ", rest);
	return hitl_jsonb_parse(text.data);
}

/*
 * The text of the array of integers that an array of numbers stands for.
 */
static Datum
read_expected(Jsonb *expect)
{
	char *text = hitl_jsonb_text(expect);

	text[0] = '{';
	text[strlen(text) - 1] = '}';
	return CStringGetTextDatum(text);
}
