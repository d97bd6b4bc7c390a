/*
 * ask.c
 *		Making approval requests, of sessions and of steps: the policy, whom it
 *		asks at first, the form of the answer, what is hashed.
 */
#include "postgres.h"

#include "approval/approval.h"
#include "approval/principal.h"
#include "approval/type.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "channel/channel.h"
#include "core_bridge.h"
#include "db.h"
#include "hitl.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/timestamp.h"
#include "worker/news.h"
#include "workflow/data.h"
#include "workflow/evidence.h"

static void publish_requested(const HitlRows *rows);
static void log_requested(const HitlRows *rows);
static bytea *hash_content(Jsonb *body, Jsonb *context, const char *type,
						   Jsonb *schema);
static bytea *hash_request(const pg_uuid_t *id, const pg_uuid_t *workflow_id,
						   const char *step, const bytea *content_hash,
						   Jsonb *policy, const char *requested_by,
						   const char *role, TimestampTz at);
static char *make_policy(Jsonb *body, bool *timed, int *sqlerrcode);
static List *body_names(Jsonb *body, const char *key);
static Jsonb *known_names(Jsonb *policy);
static char *known_name(char *name);

/* Columns of hitl_prepare_approval(). */
const Oid hitl_approval_types[HITL_APPROVAL_COLUMNS] = {
	UUIDOID,		UUIDOID,		INT8OID,		TEXTOID,  JSONBOID,
	TEXTOID,		NAMEOID,		TIMESTAMPTZOID, JSONBOID, BOOLOID,
	JSONBOID,		TIMESTAMPTZOID, JSONBOID,		JSONBOID, JSONBOID,
	TIMESTAMPTZOID, BYTEAOID,		BYTEAOID,
};

/*
 * A row of a request: whom its policy asks at first, the form of its answer.
 */
char *
hitl_prepare_approval(HitlRows *rows, const pg_uuid_t *id,
					  const pg_uuid_t *workflow_id, int64 token,
					  const char *step, Jsonb *body, const char *requested_by,
					  const char *role, List *requesters, int *sqlerrcode)
{
	TimestampTz now = GetCurrentTimestamp();
	HitlPolicyCase input = {0};
	HitlVerdict verdict = {0};
	HitlPolicy *policy;
	Jsonb *schema;
	Jsonb *ui_schema;
	Jsonb *context = hitl_member(body, "context_data");
	char *type = hitl_member_text(body, "approval_type");
	char *text;
	char *why = NULL;
	bytea *hash;
	bool timed = false;
	Datum values[HITL_APPROVAL_COLUMNS] = {0};
	bool nulls[HITL_APPROVAL_COLUMNS] = {false};

	why = hitl_find_form(type ? type : "binary",
						 hitl_member(body, "form_fields"),
						 context ? context : hitl_jsonb_parse("{}"), &schema,
						 &ui_schema, sqlerrcode);
	if (why)
		return why;
	text = make_policy(body, &timed, sqlerrcode);
	policy = hitl_parse_policy_text(text, &why);
	if (policy == NULL)
	{
		*sqlerrcode = ERRCODE_HITL_INVALID_POLICY;
		return why;
	}
	input.opened_us = input.now_us = hitl_to_unix(now);
	if (hitl_core()->evaluate_policy(policy, &input, &verdict) != HITL_OK)
		hitl_core_out_of_memory();
	Assert(verdict.outcome == HITL_OUTCOME_PENDING);

	values[0] = UUIDPGetDatum(id);
	values[1] = UUIDPGetDatum(workflow_id);
	nulls[1] = workflow_id == NULL;
	values[2] = Int64GetDatum(token);
	nulls[2] = token == 0;
	values[3] = step ? CStringGetTextDatum(step) : 0;
	nulls[3] = step == NULL;
	values[4] = JsonbPGetDatum(body);
	values[5] = CStringGetTextDatum(requested_by);
	values[6] = DirectFunctionCall1(namein, CStringGetDatum(role));
	values[7] = TimestampTzGetDatum(now);
	values[8] = JsonbPGetDatum(hitl_jsonb_parse(text));
	values[9] = BoolGetDatum(timed);
	values[10] = JsonbPGetDatum(hitl_names_jsonb(hitl_asked_list(&verdict)));
	values[11] = TimestampTzGetDatum(hitl_from_unix(verdict.next_us));
	nulls[11] = verdict.next_us == 0;
	values[12] = JsonbPGetDatum(schema);
	nulls[12] = schema == NULL;
	values[13] = JsonbPGetDatum(ui_schema);
	nulls[13] = ui_schema == NULL;
	nulls[14] = !hitl_core()->excludes_requester(policy);
	if (!nulls[14])
		values[14] = JsonbPGetDatum(hitl_names_jsonb(requesters));
	values[15] = TimestampTzGetDatum(hitl_from_unix(verdict.expires_us));
	nulls[15] = verdict.expires_us == 0;
	hitl_core()->free_verdict(&verdict);
	hash = hash_content(body, context, type, schema);
	values[16] = PointerGetDatum(hash);
	values[17] = PointerGetDatum(hash_request(id, workflow_id, step, hash,
											  DatumGetJsonbP(values[8]),
											  requested_by, role, now));
	hitl_rows_add(rows, values, nulls);
	return NULL;
}

/*
 * Insert requests, set-based, and do what follows from them at once.
 */
void
hitl_insert_approvals(HitlRows *rows)
{
	static HitlStatement insert = {
		"WITH asks AS (INSERT INTO hitl.approval_asks (name, approval_id) "
		"SELECT n.name, r.id FROM unnest($1, $11) AS r (id, asked), "
		"LATERAL jsonb_array_elements_text(r.asked) AS n (name)) "
		"INSERT INTO hitl.approval_requests (id, workflow_id, token, step_name, title, "
		"description, approval_type, requested_from, required_approvers, "
		"approval_threshold, context_data, channels, content_hash, requested_by, "
		"requested_role, requested_at, opened_at, expires_at, policy, timed, asked, due_at, "
		"answer_schema, ui_schema, editable, requesters, request_hash, last_hash, webhook) "
		"SELECT r.id, r.workflow_id, r.token, r.step_name, body ->> 'title', "
		"body ->> 'description', coalesce(body ->> 'approval_type', 'binary'), "
		"hitl.text_array(body -> 'requested_from'), "
		"hitl.text_array(body -> 'required_approvers'), "
		"(body ->> 'approval_threshold')::integer, coalesce(body -> 'context_data', '{}'), "
		"CASE body -> 'channels' WHEN '[]' THEN '{}' ELSE hitl.text_array(body -> 'channels') END, r.content_hash, r.requested_by, r.requested_role, "
		"r.requested_at, r.requested_at, r.expires_at, r.policy, r.timed, "
		"coalesce(hitl.text_array(r.asked), '{}'), r.due_at, r.answer_schema, r.ui_schema, "
		"coalesce((body ->> 'editable')::boolean, true), "
		"CASE WHEN r.requesters IS NULL THEN '{}' ELSE "
		"hitl.requesters(hitl.text_array(r.requesters), r.workflow_id) END, "
		"r.request_hash, r.request_hash, body -> 'webhook' "
		"FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, "
		"$17, $18) AS r (id, workflow_id, token, step_name, body, requested_by, "
		"requested_role, requested_at, policy, timed, asked, due_at, answer_schema, ui_schema, "
		"requesters, expires_at, content_hash, request_hash)",
		HITL_APPROVAL_COLUMNS,
		{UUIDARRAYOID, UUIDARRAYOID, INT8ARRAYOID, TEXTARRAYOID, JSONBARRAYOID,
		 TEXTARRAYOID, NAMEARRAYOID, TIMESTAMPTZARRAYOID, JSONBARRAYOID,
		 BOOLARRAYOID, JSONBARRAYOID, TIMESTAMPTZARRAYOID, JSONBARRAYOID,
		 JSONBARRAYOID, JSONBARRAYOID, TIMESTAMPTZARRAYOID, BYTEAARRAYOID,
		 BYTEAARRAYOID},
	};
	static HitlStatement any = {
		"SELECT EXISTS (SELECT FROM hitl.channel_configurations WHERE active), "
		"EXISTS (SELECT FROM hitl.approval_rules WHERE mode <> 'off')",
		0};
	static HitlStatement apply_rules = {
		"SELECT hitl.apply_approval_rules($1)",
		1,
		{UUIDARRAYOID},
	};
	ArrayType *ids;
	bool any_channel;
	bool any_rule;
	bool isnull;
	int i;

	if (rows->count == 0)
		return;
	hitl_rows_execute(rows, &insert);
	publish_requested(rows);
	if (hitl_logs(HITL_LOG_APPROVALS))
		log_requested(rows);
	ids = construct_array(rows->values[0], rows->count, UUIDOID, UUID_LEN,
						  false, TYPALIGN_CHAR);
	hitl_execute(&any, NULL, NULL, 1);
	any_channel = DatumGetBool(hitl_column(0, 1, &isnull));
	for (i = 0; i < rows->count && !any_channel; i++)
		any_channel = hitl_member(DatumGetJsonbP(rows->values[4][i]),
								  "webhook") != NULL;
	any_rule = DatumGetBool(hitl_column(0, 2, &isnull));
	if (any_rule)
	{
		Datum value = PointerGetDatum(ids);

		hitl_execute(&apply_rules, &value, NULL, 0);
	}
	if (any_channel)
		hitl_notify_channels("approval.requested", ids);
}

/*
 * Have those who follow events told of requests of no workflow.
 */
static void
publish_requested(const HitlRows *rows)
{
	int i;

	for (i = 0; i < rows->count; i++)
		if (rows->nulls[1][i])
			hitl_publish_at_commit(DatumGetUUIDP(rows->values[0][i]),
								   "approval_requested");
}

/*
 * Have it logged that requests were made.
 */
static void
log_requested(const HitlRows *rows)
{
	int i;

	for (i = 0; i < rows->count; i++)
		hitl_log_at_commit(hitl_log_approval(
			"approval_requested", DatumGetUUIDP(rows->values[0][i]),
			rows->nulls[1][i] ? NULL : DatumGetUUIDP(rows->values[1][i]),
			rows->nulls[3][i] ? NULL
							  : TextDatumGetCString(rows->values[3][i])));
}

/*
 * The policy of a request: as it was given, with the time limit stated beside
 * it, or what the simple form stands for.
 */
static char *
make_policy(Jsonb *body, bool *timed, int *sqlerrcode)
{
	Jsonb *policy = hitl_member(body, "policy");
	Jsonb *timeout = hitl_member(body, "timeout_seconds");
	char *limit = hitl_member_text(body, "timeout_seconds");

	*sqlerrcode = ERRCODE_HITL_INVALID_POLICY;
	*timed = policy != NULL;
	if (policy == NULL)
		return hitl_simple_policy_text(
			body_names(body, "requested_from"),
			body_names(body, "required_approvers"),
			hitl_member_int(body, "approval_threshold", 0),
			limit ? (int64) (strtod(limit, NULL) * 1000 + 0.5) : 0);
	policy = known_names(policy);
	if (limit == NULL)
		return hitl_jsonb_text(policy);
	if (!JB_ROOT_IS_OBJECT(policy))
		policy = hitl_jsonb_parse(
			psprintf("{\"from\": %s}", hitl_jsonb_text(policy)));
	if (hitl_member(policy, "timeout"))
		ereport(ERROR,
				(errcode(ERRCODE_HITL_INVALID_POLICY),
				 errmsg("a request with a policy has its time limit there"),
				 errhint("Give either timeout_hours or \"timeout\" in the policy.")));
	return hitl_jsonb_text(
		hitl_merge(policy,
				   hitl_jsonb_parse(psprintf("{\"timeout\": %s}",
											 hitl_jsonb_text(timeout)))));
}

/*
 * A member of a body that names people.
 */
static List *
body_names(Jsonb *body, const char *key)
{
	Jsonb *value = hitl_member(body, key);
	List *names = value == NULL ? NIL : hitl_jsonb_names(value);
	ListCell *cell;

	foreach(cell, names)
		lfirst(cell) = known_name(lfirst(cell));
	return names;
}

/*
 * A policy with the names in it as they are known.
 */
static Jsonb *
known_names(Jsonb *policy)
{
	JsonbParseState *state = NULL;
	JsonbIterator *iterator = JsonbIteratorInit(&policy->root);
	JsonbIteratorToken token;
	JsonbValue value;
	JsonbValue *result = NULL;

	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
	{
		if ((token == WJB_ELEM || token == WJB_VALUE) &&
			value.type == jbvString)
		{
			value.val.string.val = known_name(
				pnstrdup(value.val.string.val, value.val.string.len));
			value.val.string.len = strlen(value.val.string.val);
		}
		result = pushJsonbValue(&state, token,
								token < WJB_BEGIN_ARRAY ||
										(token == WJB_BEGIN_ARRAY &&
										 value.val.array.rawScalar)
									? &value
									: NULL);
	}
	if (result->type == jbvArray)
		result->val.array.rawScalar = JB_ROOT_IS_SCALAR(policy);
	return JsonbValueToJsonb(result);
}

/*
 * A name as it is known: in e-mail addresses of principals, capitals do not
 * matter.
 */
static char *
known_name(char *name)
{
	static HitlStatement is_address = {
		"SELECT 1 FROM hitl.principal_names n WHERE n.name = $1 AND n.kind = 'email' "
		"AND NOT EXISTS (SELECT FROM hitl.principal_names o WHERE o.name = $2)",
		2,
		{TEXTOID, TEXTOID},
	};
	Datum values[2];
	char *lower;

	if (strchr(name, '@') == NULL)
		return name;
	lower = str_tolower(name, strlen(name), DEFAULT_COLLATION_OID);
	if (strcmp(lower, name) == 0)
		return name;
	values[0] = CStringGetTextDatum(lower);
	values[1] = CStringGetTextDatum(name);
	hitl_execute(&is_address, values, NULL, 1);
	return SPI_processed > 0 ? lower : name;
}

/*
 * hitl.approval_content_hash(), which has to give the same.
 */
static bytea *
hash_content(Jsonb *body, Jsonb *context, const char *type, Jsonb *schema)
{
	StringInfoData text;

	/* In the order in which jsonb has its members. */
	initStringInfo(&text);
	appendStringInfoString(&text, "{\"title\": ");
	hitl_chain_text(&text, hitl_member_text(body, "title"));
	appendStringInfoString(&text, ", \"description\": ");
	hitl_chain_text(&text, hitl_member_text(body, "description"));
	appendStringInfoString(&text, ", \"context_data\": ");
	hitl_chain_jsonb(&text, context ? context : hitl_jsonb_parse("{}"));
	if (schema)
	{
		appendStringInfoString(&text, ", \"answer_schema\": ");
		hitl_chain_jsonb(&text, schema);
	}
	appendStringInfoString(&text, ", \"approval_type\": ");
	hitl_chain_text(&text, type ? type : "binary");
	appendStringInfoChar(&text, '}');
	return hitl_hash_text(text.data, text.len);
}

/*
 * hitl.request_hash(), which has to give the same.
 */
static bytea *
hash_request(const pg_uuid_t *id, const pg_uuid_t *workflow_id,
			 const char *step, const bytea *content_hash, Jsonb *policy,
			 const char *requested_by, const char *role, TimestampTz at)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoChar(&text, '[');
	hitl_chain_id(&text, id);
	appendStringInfoString(&text, ", ");
	if (workflow_id)
		hitl_chain_id(&text, workflow_id);
	else
		hitl_chain_text(&text, NULL);
	appendStringInfoString(&text, ", ");
	hitl_chain_text(&text, step);
	appendStringInfoString(&text, ", ");
	hitl_chain_hex(&text, content_hash);
	appendStringInfoString(&text, ", ");
	hitl_chain_jsonb(&text, policy);
	appendStringInfoString(&text, ", ");
	hitl_chain_text(&text, requested_by);
	appendStringInfoString(&text, ", ");
	hitl_chain_text(&text, role);
	appendStringInfo(&text, ", " INT64_FORMAT "]", hitl_to_unix(at));
	return hitl_hash_text(text.data, text.len);
}
