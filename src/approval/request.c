/*
 * request.c
 *		Approval requests: asking, withdrawing, expiring.
 *
 * The workflow of a request is never touched here: it is left a message.
 */
#include "postgres.h"

#include "approval/approval.h"
#include "approval/principal.h"
#include "catalog/pg_type.h"
#include "channel/channel.h"
#include "db.h"
#include "hitl.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "version.h"
#include "worker/news.h"
#include "worker/worker.h"
#include "workflow/batch.h"
#include "workflow/caller.h"
#include "workflow/data.h"
#include "workflow/idempotency.h"
#include "workflow/identifier.h"

/* Requests that expire in one statement. */
#define EXPIRE_LIMIT 1000

/*
 * What a statement does to requests whose workflow does not wait any more ...
 * They are locked by a statement before, in the order of their ids: only one
 * that begins after an answer was committed sees whom that has asked.
 */
#define WITHDRAW \
	"UPDATE hitl.approval_requests a SET status = 'cancelled', decided_at = c.at, " \
	"reason = 'withdrawn by its workflow', asked = '{}', due_at = NULL, policy_state = NULL, " \
	"wanted = NULL, " \
	"decision_hash = hitl.decision_hash(a.last_hash, 'cancelled', c.at, NULL, " \
	"'withdrawn by its workflow') "

/*
 * ... and to the list of whom those in "ended" have asked: the statement still
 * sees their rows as they were, which RETURNING does not.
 */
#define FORGET_ASKS \
	"gone AS (DELETE FROM hitl.approval_asks k USING (SELECT e.id, unnest(a.asked) AS name " \
	"FROM ended e JOIN hitl.approval_requests a ON a.id = e.id) AS g " \
	"WHERE k.name = g.name AND k.approval_id = g.id) "

/* Ten years of hours are enough for any time limit. */
#define MAX_TIMEOUT_HOURS (10 * 366 * 24)

static void log_ended(uint64 row, const char *status);
static bool any_group(List *names);
static Jsonb *all_arguments(FunctionCallInfo fcinfo);
static Jsonb *body_of_arguments(FunctionCallInfo fcinfo);
static void push_text(JsonbParseState **state, const char *key,
					  const char *value);
static void push_member(JsonbParseState **state, const char *key, Jsonb *value);
static void check_people(FunctionCallInfo fcinfo);
static text *end_request(FunctionCallInfo fcinfo, const char *status,
						 const char *reason);

PG_FUNCTION_INFO_V1(hitl_text_array);
PG_FUNCTION_INFO_V1(hitl_request_approval);
PG_FUNCTION_INFO_V1(hitl_cancel_approval);
PG_FUNCTION_INFO_V1(hitl_expire_approval);
PG_FUNCTION_INFO_V1(hitl_expire_due_approvals);

/*
 * Tell the channels of something about one request.
 */
void
hitl_notify_about(const pg_uuid_t *id, const char *event_type)
{
	Datum value = UUIDPGetDatum(id);

	hitl_notify_channels(event_type,
						 construct_array(&value, 1, UUIDOID, UUID_LEN, false,
										 TYPALIGN_CHAR));
}

/*
 * Cancel pending requests of workflows; rows of (workflow_id, token).
 */
void
hitl_withdraw_approvals(HitlRows *rows)
{
	static HitlStatement lock = {
		"SELECT a.id FROM unnest($1, $2) AS w (workflow_id, token) "
		"JOIN hitl.approval_requests a USING (workflow_id, token) "
		"WHERE a.status = 'pending' ORDER BY a.id FOR UPDATE OF a",
		2,
		{UUIDARRAYOID, INT8ARRAYOID},
	};
	static HitlStatement cancel = {
		"WITH ended AS (" WITHDRAW
		"FROM unnest($1, $2) AS w (workflow_id, token), (SELECT clock_timestamp() AS at) AS c "
		"WHERE a.workflow_id = w.workflow_id AND a.token = w.token AND a.status = 'pending' "
		"RETURNING a.id, a.workflow_id), " FORGET_ASKS
		"SELECT id, workflow_id FROM ended",
		2,
		{UUIDARRAYOID, INT8ARRAYOID},
	};

	if (rows->count == 0)
		return;
	hitl_rows_execute(rows, &lock);
	hitl_rows_execute(rows, &cancel);
	hitl_announce_decided("approval.cancelled");
}

/*
 * Cancel all pending requests of workflows.
 */
void
hitl_withdraw_all_approvals(ArrayType *workflow_ids)
{
	static HitlStatement lock = {
		"SELECT a.id FROM hitl.approval_requests a "
		"WHERE a.workflow_id = ANY ($1) AND a.status = 'pending' ORDER BY a.id FOR UPDATE",
		1,
		{UUIDARRAYOID},
	};
	static HitlStatement cancel = {
		"WITH ended AS (" WITHDRAW "FROM (SELECT clock_timestamp() AS at) AS c "
		"WHERE a.workflow_id = ANY ($1) AND a.status = 'pending' "
		"RETURNING a.id, a.workflow_id), " FORGET_ASKS
		"SELECT id, workflow_id FROM ended",
		1,
		{UUIDARRAYOID},
	};
	Datum value = PointerGetDatum(workflow_ids);

	hitl_execute(&lock, &value, NULL, 0);
	hitl_execute(&cancel, &value, NULL, 0);
	hitl_announce_decided("approval.cancelled");
}

/*
 * After a statement that ended requests RETURNING id, workflow_id: wake who waits
 * for them, tell the channels, the log and, of those of no workflow, who follows
 * events.
 */
void
hitl_announce_decided(const char *event_type)
{
	const char *status = event_type + strlen("approval.");
	uint64 count = SPI_processed;
	Datum *ids = palloc((count + 1) * sizeof(Datum));
	uint64 i;

	if (count == 0)
		return;
	for (i = 0; i < count; i++)
	{
		bool isnull;

		ids[i] = hitl_column(i, 1, &isnull);
		hitl_announce_at_commit(DatumGetUUIDP(ids[i]));
		(void) hitl_column(i, 2, &isnull);
		if (isnull)
			hitl_publish_at_commit(DatumGetUUIDP(ids[i]),
								   psprintf("approval_%s", status));
		if (hitl_logs(HITL_LOG_APPROVALS))
			log_ended(i, status);
	}
	hitl_notify_channels(event_type,
						 construct_array(ids, count, UUIDOID, UUID_LEN, false,
										 TYPALIGN_CHAR));
}

/*
 * Have it logged that the request of a row has ended in some way.
 */
static void
log_ended(uint64 row, const char *status)
{
	bool isnull;
	Datum id = hitl_column(row, 1, &isnull);
	Datum workflow_id = hitl_column(row, 2, &isnull);
	HitlLine *line = hitl_log_approval("approval_decided", DatumGetUUIDP(id),
									   isnull ? NULL
											  : DatumGetUUIDP(workflow_id),
									   NULL);

	hitl_log_text(line, "status", status);
	hitl_log_at_commit(line);
}

/*
 * Begin a line of the log about a request.
 */
HitlLine *
hitl_log_approval(const char *event, const pg_uuid_t *id,
				  const pg_uuid_t *workflow_id, const char *step)
{
	HitlLine *line = hitl_log_begin(event);

	hitl_log_id(line, "approval_id", id);
	hitl_log_id(line, "workflow_id", workflow_id);
	hitl_log_text(line, "step", step);
	return line;
}

/*
 * Report that an approval request does not exist.
 */
void
hitl_approval_missing(const pg_uuid_t *id)
{
	ereport(ERROR,
			(errcode(ERRCODE_HITL_APPROVAL_NOT_FOUND),
			 errmsg("approval request %s does not exist", hitl_id_text(id)),
			 errhint("hitl.list_pending_approvals() lists those that wait for answers.")));
}

/*
 * Refuse to touch a request that is not pending any more.
 */
void
hitl_refuse_ended(const pg_uuid_t *id, const char *status)
{
	if (strcmp(status, "expired") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_HITL_APPROVAL_EXPIRED),
				 errmsg("approval request %s has expired", hitl_id_text(id)),
				 errhint("Ask again with hitl.request_approval().")));
	if (strcmp(status, "cancelled") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_HITL_APPROVAL_CANCELLED),
				 errmsg("approval request %s has been cancelled", hitl_id_text(id)),
				 errhint("It was withdrawn by its requester or its workflow.")));
	ereport(ERROR,
			(errcode(ERRCODE_HITL_APPROVAL_DECIDED),
			 errmsg("approval request %s is already %s", hitl_id_text(id), status),
			 errhint("A decision is final.")));
}

/*
 * Refuse to withdraw what another role has asked.
 */
void
hitl_check_requester(const pg_uuid_t *id, const char *role)
{
	if (hitl_is_requester(role))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for approval request %s", hitl_id_text(id)),
			 errdetail("It was made by role \"%s\".", role),
			 errhint("A request is changed and ended by the role that made it, and by members of that role.")));
}

/*
 * Does the caller have the rights of a role that asked?
 */
bool
hitl_is_requester(const char *role)
{
	Oid caller = hitl_caller_id();
	Oid requester = get_role_oid(role, true);

	return superuser_arg(caller) ||
		(OidIsValid(requester) && has_privs_of_role(caller, requester));
}

/*
 * hitl.text_array(jsonb): "a" and ["a", "b"] as text[], each name once.
 */
Datum
hitl_text_array(PG_FUNCTION_ARGS)
{
	JsonbContainer *value = &PG_GETARG_JSONB_P(0)->root;
	int size = JsonContainerSize(value);
	char **texts = palloc(size * sizeof(char *));
	Datum *elements = palloc(size * sizeof(Datum));
	bool *nulls = palloc(size * sizeof(bool));
	const char *null_text = NULL;
	List *names;
	ListCell *cell;
	int dims[1];
	int lbs[1] = {1};
	int count = 0;
	int i;

	if (!JsonContainerIsArray(value) || size == 0)
		PG_RETURN_NULL();
	for (i = 0; i < size; i++)
	{
		JsonbValue *element = getIthJsonbValueFromContainer(value, i);

		if (JsonContainerIsScalar(value) && element->type != jbvString)
			PG_RETURN_NULL();
		texts[i] = element->type == jbvString
			? pnstrdup(element->val.string.val, element->val.string.len)
			: hitl_jsonb_text(JsonbValueToJsonb(element));
		if (element->type == jbvNull && null_text == NULL)
			null_text = texts[i];
	}

	/* Who is named twice cannot answer twice. */
	names = hitl_distinct(texts, size);
	foreach(cell, names)
	{
		nulls[count] = lfirst(cell) == null_text;
		elements[count++] = CStringGetTextDatum(lfirst(cell));
	}
	dims[0] = count;
	PG_RETURN_ARRAYTYPE_P(construct_md_array(elements, nulls, 1, dims, lbs,
											 TEXTOID, -1, false, TYPALIGN_INT));
}

/*
 * hitl.request_approval(...): ask, with or without a workflow.
 */
Datum
hitl_request_approval(PG_FUNCTION_ARGS)
{
	static HitlStatement unknown_channel = {
		"SELECT u.name FROM unnest($1) AS u (name) "
		"WHERE NOT EXISTS (SELECT FROM hitl.channel_configurations c WHERE c.name = u.name)",
		1,
		{TEXTARRAYOID},
	};
	static HitlStatement find_workflow = {
		"SELECT owner, status FROM hitl.workflows WHERE id = $1",
		1,
		{UUIDOID},
	};
	static HitlStatement check_webhook = {
		"SELECT hitl.check_channel('webhook', $1, '{}')",
		1,
		{JSONBOID},
	};
	pg_uuid_t *workflow_id;
	pg_uuid_t *id = palloc(sizeof(pg_uuid_t));
	HitlRows rows;
	Jsonb *body;
	List *requesters;
	char *requested_by;
	char *why;
	int sqlerrcode = ERRCODE_INVALID_PARAMETER_VALUE;

	hitl_require_version(); /* another one may give fewer arguments */
	workflow_id = PG_ARGISNULL(8) ? NULL : PG_GETARG_UUID_P(8);
	*id = hitl_new_id(workflow_id ? hitl_id_partition(workflow_id)
								  : HITL_ANY_PARTITION);
	SPI_connect();
	check_people(fcinfo);
	body = body_of_arguments(fcinfo);
	requested_by = PG_ARGISNULL(9) ? hitl_caller()
								   : text_to_cstring(PG_GETARG_TEXT_PP(9));
	if (!PG_ARGISNULL(11) &&
		!hitl_take_key("approval", text_to_cstring(PG_GETARG_TEXT_PP(11)),
					   all_arguments(fcinfo), id))
	{
		SPI_finish();
		PG_RETURN_UUID_P(id);
	}
	if (workflow_id)
	{
		Datum value = UUIDPGetDatum(workflow_id);
		char *status;

		hitl_execute(&find_workflow, &value, NULL, 1);
		if (SPI_processed == 0)
			ereport(ERROR,
					(errcode(ERRCODE_HITL_WORKFLOW_NOT_FOUND),
					 errmsg("workflow %s does not exist", hitl_id_text(workflow_id)),
					 errhint("hitl.create_workflow returns the id of a workflow.")));
		status = hitl_column_text(0, 2);
		hitl_check_owner(workflow_id, hitl_column_text(0, 1));
		if (hitl_status_is_final(status))
			ereport(ERROR,
					(errcode(ERRCODE_HITL_INVALID_TRANSITION),
					 errmsg("workflow %s has ended", hitl_id_text(workflow_id)),
					 errdetail("Its status is %s.", status),
					 errhint("Ask without workflow_id, or roll the workflow back first.")));
	}
	if (!PG_ARGISNULL(10))
	{
		Datum channels = PG_GETARG_DATUM(10);

		hitl_execute(&unknown_channel, &channels, NULL, 1);
		if (SPI_processed > 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("channel \"%s\" does not exist", hitl_column_text(0, 1)),
					 errhint("hitl.configure_channel() makes one; without channels the default ones are told.")));
	}
	if (!PG_ARGISNULL(14))
	{
		Datum webhook = PG_GETARG_DATUM(14);

		hitl_execute(&check_webhook, &webhook, NULL, 0);
	}
	requesters = list_make3(hitl_caller(),
							GetUserNameFromId(hitl_identity_role_id(), false),
							requested_by);
	hitl_rows_init(&rows, HITL_APPROVAL_COLUMNS, hitl_approval_types);
	why = hitl_prepare_approval(&rows, id, workflow_id, 0, NULL, body,
								requested_by, hitl_caller(), requesters,
								&sqlerrcode);
	if (why)
		ereport(ERROR,
				(errcode(sqlerrcode),
				 sqlerrcode == ERRCODE_HITL_INVALID_POLICY ?
				 errmsg("the policy of the approval request is faulty") :
				 sqlerrcode == ERRCODE_HITL_INVALID_FORM ?
				 errmsg("the form of the approval request is faulty") :
				 errmsg("%s", why),
				 sqlerrcode == ERRCODE_HITL_INVALID_POLICY ||
				 sqlerrcode == ERRCODE_HITL_INVALID_FORM ?
				 errdetail_internal("%s", why) : 0,
				 sqlerrcode == ERRCODE_HITL_TYPE_NOT_FOUND ?
				 errhint("A type is \"binary\", \"form\", \"budget\" or one made by hitl.create_approval_type().") : 0));
	hitl_insert_approvals(&rows);
	if (workflow_id)
		hitl_tell_workflow(workflow_id, "approval_requested",
						   hitl_facts("approval_id", hitl_id_text(id), "title",
									  text_to_cstring(PG_GETARG_TEXT_PP(0)),
									  "requested_by", requested_by, NULL));

	/* The engine does what becomes due. */
	if (!rows.nulls[11][0])
		hitl_wake_at_commit(HITL_WORKER_ENGINE);
	SPI_finish();
	PG_RETURN_UUID_P(id);
}

/*
 * hitl.cancel_approval(approval_id, reason)
 */
Datum
hitl_cancel_approval(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(end_request(fcinfo, "cancelled",
								 PG_ARGISNULL(1)
									 ? NULL
									 : text_to_cstring(PG_GETARG_TEXT_PP(1))));
}

/*
 * hitl.expire_approval(approval_id)
 */
Datum
hitl_expire_approval(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(end_request(fcinfo, "expired", NULL));
}

/*
 * hitl.expire_due_approvals(): about how many something was done.
 */
Datum
hitl_expire_due_approvals(PG_FUNCTION_ARGS)
{
	int64 total = 0;
	int64 count;
	bool skipped;

	SPI_connect();
	do
	{
		count = hitl_expire_due(EXPIRE_LIMIT, &skipped);
		total += count;
	} while (count >= EXPIRE_LIMIT);
	SPI_finish();
	PG_RETURN_INT64(total);
}

/*
 * Is one of the names that of a group?
 */
static bool
any_group(List *names)
{
	static HitlStatement find = {
		"SELECT 1 FROM hitl.principal_names n WHERE n.name = ANY ($1) AND n.kind = 'group'",
		1,
		{TEXTARRAYOID},
	};
	Datum value = PointerGetDatum(hitl_list_array(names));

	hitl_execute(&find, &value, NULL, 1);
	return SPI_processed > 0;
}

/*
 * All arguments of request_approval but the key, as one value.
 */
static Jsonb *
all_arguments(FunctionCallInfo fcinfo)
{
	static const Oid types[] = {TEXTOID,	TEXTOID,	  TEXTOID,
								TEXTOID,	TEXTARRAYOID, INT4OID,
								NUMERICOID, JSONBOID,	  UUIDOID,
								TEXTOID,	TEXTARRAYOID, InvalidOid,
								JSONBOID,	JSONBOID,	  JSONBOID};
	Jsonb *all = hitl_jsonb_parse("{}");
	int i;

	for (i = 0; i < lengthof(types); i++)
	{
		Oid function;
		bool is_varlena;

		if (PG_ARGISNULL(i) || !OidIsValid(types[i]))
			continue;
		getTypeOutputInfo(types[i], &function, &is_varlena);
		all = hitl_merge(all,
						 hitl_facts(psprintf("%d", i),
									OidOutputFunctionCall(function,
														  PG_GETARG_DATUM(i)),
									NULL));
	}
	return all;
}

/*
 * The arguments as the body of a REQUEST_APPROVAL effect.
 */
static Jsonb *
body_of_arguments(FunctionCallInfo fcinfo)
{
	JsonbParseState *state = NULL;
	List *required = PG_ARGISNULL(4) ? NIL
									 : hitl_text_list(PG_GETARG_ARRAYTYPE_P(4));

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_text(&state, "title", text_to_cstring(PG_GETARG_TEXT_PP(0)));
	if (!PG_ARGISNULL(1))
		push_text(&state, "description", text_to_cstring(PG_GETARG_TEXT_PP(1)));
	if (!PG_ARGISNULL(2))
		push_text(&state, "approval_type",
				  text_to_cstring(PG_GETARG_TEXT_PP(2)));
	if (!PG_ARGISNULL(3))
		push_text(&state, "requested_from",
				  text_to_cstring(PG_GETARG_TEXT_PP(3)));
	if (required != NIL)
		push_member(&state, "required_approvers", hitl_names_jsonb(required));
	if (!PG_ARGISNULL(5))
		push_member(&state, "approval_threshold",
					hitl_jsonb_parse(psprintf("%d", PG_GETARG_INT32(5))));
	if (!PG_ARGISNULL(6))
	{
		double hours = DatumGetFloat8(
			DirectFunctionCall1(numeric_float8, PG_GETARG_DATUM(6)));

		if (!(hours > 0 && hours <= MAX_TIMEOUT_HOURS))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("timeout_hours must be positive and at most %d",
							MAX_TIMEOUT_HOURS)));
		push_member(&state, "timeout_seconds",
					hitl_jsonb_parse(
						psprintf("%.3f", Max(hours * 3600, 0.001))));
	}
	if (!PG_ARGISNULL(7))
		push_member(&state, "context_data", PG_GETARG_JSONB_P(7));
	if (!PG_ARGISNULL(10))
		push_member(&state, "channels",
					hitl_names_jsonb(
						hitl_text_list(PG_GETARG_ARRAYTYPE_P(10))));
	if (!PG_ARGISNULL(12))
		push_member(&state, "policy", PG_GETARG_JSONB_P(12));
	if (!PG_ARGISNULL(13))
		push_member(&state, "form_fields", PG_GETARG_JSONB_P(13));
	if (!PG_ARGISNULL(14))
		push_member(&state, "webhook", PG_GETARG_JSONB_P(14));
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

static void
push_text(JsonbParseState **state, const char *key, const char *value)
{
	hitl_push_text(state, WJB_KEY, key, strlen(key));
	hitl_push_text(state, WJB_VALUE, value, strlen(value));
}

static void
push_member(JsonbParseState **state, const char *key, Jsonb *value)
{
	JsonbValue member;

	hitl_push_text(state, WJB_KEY, key, strlen(key));
	if (JB_ROOT_IS_SCALAR(value))
		(void) JsonbExtractScalar(&value->root, &member);
	else
	{
		member.type = jbvBinary;
		member.val.binary.data = &value->root;
		member.val.binary.len = VARSIZE_ANY_EXHDR(value);
	}
	pushJsonbValue(state, WJB_VALUE, &member);
}

/*
 * Check title, names and approval_threshold.
 */
static void
check_people(FunctionCallInfo fcinfo)
{
	char *requested_from = PG_ARGISNULL(3)
		? NULL
		: text_to_cstring(PG_GETARG_TEXT_PP(3));
	List *people = requested_from ? list_make1(requested_from) : NIL;

	if (PG_ARGISNULL(0) || VARSIZE_ANY_EXHDR(PG_GETARG_TEXT_PP(0)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("an approval request needs a title")));
	if (requested_from && requested_from[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("requested_from must not be empty"),
				 errhint("NULL asks everybody who sees all requests and may answer (access level approver and up).")));
	if (!PG_ARGISNULL(7) && !JB_ROOT_IS_OBJECT(PG_GETARG_JSONB_P(7)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("context_data must be a JSON object")));
	if (!PG_ARGISNULL(12) &&
		!(PG_ARGISNULL(3) && PG_ARGISNULL(4) && PG_ARGISNULL(5)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a request with a policy names its approvers there"),
				 errhint("Give either policy or requested_from, required_approvers and approval_threshold.")));
	if (!PG_ARGISNULL(4))
	{
		Datum *elements;
		char **names;
		bool *nulls;
		int count;
		int i;

		deconstruct_array(PG_GETARG_ARRAYTYPE_P(4), TEXTOID, -1, false,
						  TYPALIGN_INT, &elements, &nulls, &count);
		names = palloc((count + 1) * sizeof(char *));
		for (i = 0; i < count; i++)
		{
			names[i] = nulls[i] ? "" : TextDatumGetCString(elements[i]);
			if (names[i][0] == '\0')
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("required_approvers must not contain null or empty names")));
			if (requested_from == NULL || strcmp(names[i], requested_from) != 0)
				people = lappend(people, names[i]);
		}
		qsort(names, count, sizeof(char *), pg_qsort_strcmp);
		for (i = 1; i < count; i++)
			if (strcmp(names[i - 1], names[i]) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("required_approvers names \"%s\" twice", names[i])));
	}
	if (!PG_ARGISNULL(5))
	{
		int threshold = PG_GETARG_INT32(5);

		if (threshold < 1)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("approval_threshold must be at least 1")));
		if (people != NIL && threshold > list_length(people) &&
			!any_group(people))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("approval_threshold %d can never be reached", threshold),
					 errdetail_plural("Only %d person may answer.",
									  "Only %d persons may answer.",
									  list_length(people), list_length(people))));
	}
}

/*
 * End a pending request without a decision.
 */
static text *
end_request(FunctionCallInfo fcinfo, const char *status, const char *reason)
{
	static HitlStatement end = {
		"WITH gone AS (DELETE FROM hitl.approval_asks "
		"WHERE approval_id = $1 AND name = ANY ($5)) "
		"UPDATE hitl.approval_requests a SET status = $2, decided_at = c.at, reason = $3, "
		"decided_by = $4, asked = '{}', due_at = NULL, policy_state = NULL, wanted = NULL, "
		"decision_hash = hitl.decision_hash(a.last_hash, $2, c.at, $4, $3) "
		"FROM (SELECT clock_timestamp() AS at OFFSET 0) AS c WHERE a.id = $1 "
		"RETURNING a.id, a.workflow_id, encode(a.decision_hash, 'hex')",
		5,
		{UUIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID},
	};
	pg_uuid_t *id = PG_GETARG_UUID_P(0);
	HitlApproval *approval;
	Datum values[5];
	char *decision_hash;

	SPI_connect();
	approval = hitl_lock_approval(id);
	hitl_check_requester(id, approval->requested_role);
	if (strcmp(approval->status, "pending") != 0)
		hitl_refuse_ended(id, approval->status);

	values[0] = UUIDPGetDatum(id);
	values[1] = CStringGetTextDatum(status);
	values[2] = reason ? CStringGetTextDatum(reason) : 0;
	values[3] = CStringGetTextDatum(hitl_caller());
	values[4] = PointerGetDatum(hitl_list_array(approval->asked));
	hitl_execute(&end, values, reason ? NULL : "  n  ", 0);
	decision_hash = hitl_column_text(0, 3);
	hitl_announce_decided(psprintf("approval.%s", status));
	if (approval->has_workflow)
	{
		Jsonb *body = hitl_facts("approval_id", hitl_id_text(id), "outcome",
								 status, "step_name", approval->step, "reason",
								 reason, "actor", hitl_caller(),
								 "decision_hash", decision_hash, NULL);

		if (approval->has_token)
			body = hitl_merge(body,
							  hitl_jsonb_parse(
								  psprintf("{\"token\": " INT64_FORMAT "}",
										   approval->token)));
		hitl_tell_workflow(&approval->workflow_id, "approval", body);
	}
	SPI_finish();
	return cstring_to_text(status);
}
