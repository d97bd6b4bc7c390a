/*
 * request.c
 *		Approval requests: asking, withdrawing, expiring.
 *
 * The workflow of a request is never touched here: it is left a message.
 */
#include "postgres.h"

#include "approval/approval.h"
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
#include "worker/worker.h"
#include "workflow/batch.h"
#include "workflow/caller.h"
#include "workflow/idempotency.h"
#include "workflow/identifier.h"

/* Requests that expire in one statement. */
#define EXPIRE_LIMIT 1000

/* A year of hours is enough for any time limit. */
#define MAX_TIMEOUT_HOURS (10 * 366 * 24)

static ArrayType *id_array(const pg_uuid_t *id);
static Jsonb *all_arguments(FunctionCallInfo fcinfo);
static void check_people(FunctionCallInfo fcinfo);
static text *end_request(FunctionCallInfo fcinfo, const char *status,
						 const char *reason);

PG_FUNCTION_INFO_V1(hitl_text_array);
PG_FUNCTION_INFO_V1(hitl_request_approval);
PG_FUNCTION_INFO_V1(hitl_cancel_approval);
PG_FUNCTION_INFO_V1(hitl_expire_approval);
PG_FUNCTION_INFO_V1(hitl_expire_due_approvals);

/*
 * Insert requests of workflows, set-based, and queue their notifications.
 */
void
hitl_insert_approvals(HitlRows *rows)
{
	static HitlStatement insert = {
		"INSERT INTO hitl.approval_requests (id, workflow_id, token, step_name, title, "
		"description, approval_type, requested_from, required_approvers, "
		"approval_threshold, context_data, channels, content_hash, requested_by, "
		"requested_role, requested_at, expires_at) "
		"SELECT id, workflow_id, token, step_name, body ->> 'title', body ->> 'description', "
		"coalesce(body ->> 'approval_type', 'binary'), "
		"hitl.text_array(body -> 'requested_from'), "
		"hitl.text_array(body -> 'required_approvers'), "
		"(body ->> 'approval_threshold')::integer, "
		"coalesce(body -> 'context_data', '{}'), hitl.text_array(body -> 'channels'), "
		"hitl.approval_content_hash(body ->> 'title', body ->> 'description', "
		"coalesce(body ->> 'approval_type', 'binary'), coalesce(body -> 'context_data', '{}')), "
		"requested_by, requested_role, clock_timestamp(), "
		"clock_timestamp() + make_interval(secs => (body ->> 'timeout_seconds')::float8) "
		"FROM unnest($1, $2, $3, $4, $5, $6, $7) AS r (id, workflow_id, token, step_name, "
		"body, requested_by, requested_role)",
		7,
		{UUIDARRAYOID, UUIDARRAYOID, INT8ARRAYOID, TEXTARRAYOID, JSONBARRAYOID,
		 TEXTARRAYOID, NAMEARRAYOID},
	};
	ArrayType *ids;

	if (rows->count == 0)
		return;
	hitl_rows_execute(rows, &insert);
	ids = construct_array(rows->values[0], rows->count, UUIDOID, UUID_LEN,
						  false, TYPALIGN_CHAR);
	hitl_notify_channels("approval.requested", ids);
}

/*
 * Cancel pending requests of workflows; rows of (workflow_id, token).
 */
void
hitl_withdraw_approvals(HitlRows *rows)
{
	static HitlStatement cancel = {
		"UPDATE hitl.approval_requests a SET status = 'cancelled', "
		"decided_at = clock_timestamp(), reason = 'withdrawn by its workflow' "
		"FROM unnest($1, $2) AS w (workflow_id, token) "
		"WHERE a.workflow_id = w.workflow_id AND a.token = w.token AND a.status = 'pending' "
		"RETURNING a.id",
		2,
		{UUIDARRAYOID, INT8ARRAYOID},
	};

	if (rows->count == 0)
		return;
	hitl_rows_execute(rows, &cancel);
	hitl_announce_decided("approval.cancelled");
}

/*
 * Cancel all pending requests of workflows.
 */
void
hitl_withdraw_all_approvals(ArrayType *workflow_ids)
{
	static HitlStatement cancel = {
		"UPDATE hitl.approval_requests SET status = 'cancelled', "
		"decided_at = clock_timestamp(), reason = 'withdrawn by its workflow' "
		"WHERE workflow_id = ANY ($1) AND status = 'pending' RETURNING id",
		1,
		{UUIDARRAYOID},
	};
	Datum value = PointerGetDatum(workflow_ids);

	hitl_execute(&cancel, &value, NULL, 0);
	hitl_announce_decided("approval.cancelled");
}

/*
 * After a statement that ended requests RETURNING id: wake who waits for them
 * and tell the channels.
 */
void
hitl_announce_decided(const char *event_type)
{
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
	}
	hitl_notify_channels(event_type,
						 construct_array(ids, count, UUIDOID, UUID_LEN, false,
										 TYPALIGN_CHAR));
}

/*
 * Let requests expire that are due.
 */
int64
hitl_expire_due(int limit, bool *skipped)
{
	static HitlStatement any_due = {
		"SELECT 1 FROM hitl.approval_requests "
		"WHERE status = 'pending' AND expires_at <= $1 LIMIT 1",
		1,
		{TIMESTAMPTZOID},
	};
	static HitlStatement any_free = {
		"SELECT 1 FROM hitl.approval_requests "
		"WHERE status = 'pending' AND expires_at <= $1 "
		"ORDER BY expires_at LIMIT 1 FOR UPDATE SKIP LOCKED",
		1,
		{TIMESTAMPTZOID},
	};
	static HitlStatement expire = {
		"WITH due AS (SELECT id FROM hitl.approval_requests "
		"WHERE status = 'pending' AND expires_at <= $2 "
		"ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED), "
		"expired AS (UPDATE hitl.approval_requests a SET status = 'expired', "
		"decided_at = clock_timestamp() FROM due WHERE a.id = due.id "
		"RETURNING a.id, a.workflow_id, a.token, a.step_name, coalesce((SELECT w.priority "
		"FROM hitl.workflows w WHERE w.id = a.workflow_id), 0) AS priority), "
		"told AS (INSERT INTO hitl.messages (due_at, workflow_id, kind, body) "
		"SELECT clock_timestamp() - priority * " HITL_HEAD_START
		", workflow_id, 'approval', "
		"jsonb_strip_nulls(jsonb_build_object("
		"'approval_id', id, 'token', token, 'step_name', step_name, 'outcome', 'expired')) "
		"FROM expired WHERE workflow_id IS NOT NULL) "
		"SELECT id, priority FROM expired",
		2,
		{INT4OID, TIMESTAMPTZOID},
	};
	Datum values[2];
	int64 count;
	int64 i;
	bool isnull;

	/* Mostly none is; the statement below would wake the engine regardless. */
	values[0] = values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	hitl_execute(&any_due, values, NULL, 1);
	if (SPI_processed == 0)
		return 0;
	hitl_execute(&any_free, values, NULL, 1);
	if (SPI_processed == 0)
	{
		*skipped = true;
		return 0;
	}
	values[0] = Int32GetDatum(limit);
	hitl_execute(&expire, values, NULL, 0);
	count = SPI_processed;
	for (i = 0; i < count; i++)
		if (DatumGetInt32(hitl_column(i, 2, &isnull)) > 0)
			hitl_look_back_at_commit();
	hitl_announce_decided("approval.expired");
	return count;
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
	Oid caller = hitl_caller_id();
	Oid requester = get_role_oid(role, true);

	if (superuser_arg(caller) ||
		(OidIsValid(requester) && has_privs_of_role(caller, requester)))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for approval request %s", hitl_id_text(id)),
			 errdetail("It was made by role \"%s\".", role),
			 errhint("A request is ended by the role that made it, and by members of that role.")));
}

/*
 * hitl.text_array(jsonb): "a" and ["a", "b"] as text[], each name once.
 */
Datum
hitl_text_array(PG_FUNCTION_ARGS)
{
	JsonbContainer *value = &PG_GETARG_JSONB_P(0)->root;
	int size = JsonContainerSize(value);
	Datum *elements = palloc(size * sizeof(Datum));
	bool *nulls = palloc(size * sizeof(bool));
	int dims[1];
	int lbs[1] = {1};
	int count = 0;
	int i;

	if (!JsonContainerIsArray(value) || size == 0)
		PG_RETURN_NULL();
	for (i = 0; i < size; i++)
	{
		JsonbValue *element = getIthJsonbValueFromContainer(value, i);
		text *name;
		int j;

		if (JsonContainerIsScalar(value) && element->type != jbvString)
			PG_RETURN_NULL();
		if (element->type == jbvString)
			name = cstring_to_text_with_len(element->val.string.val,
											element->val.string.len);
		else
			name = cstring_to_text(hitl_jsonb_text(JsonbValueToJsonb(element)));

		/* Who is named twice cannot answer twice. */
		for (j = 0; j < count; j++)
			if (VARSIZE(name) == VARSIZE(DatumGetPointer(elements[j])) &&
				memcmp(name, DatumGetPointer(elements[j]), VARSIZE(name)) == 0)
				break;
		if (j < count)
			continue;
		nulls[count] = element->type == jbvNull;
		elements[count++] = PointerGetDatum(name);
		CHECK_FOR_INTERRUPTS();
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
	static HitlStatement insert = {
		"INSERT INTO hitl.approval_requests (id, title, description, approval_type, "
		"requested_from, required_approvers, approval_threshold, expires_at, context_data, "
		"workflow_id, requested_by, requested_role, channels, content_hash, requested_at) "
		"VALUES ($1, $2, $3, $4, CASE WHEN $5 IS NOT NULL THEN ARRAY[$5] END, "
		"nullif($6, '{}'), $7, clock_timestamp() + make_interval(secs => 3600 * $8), $9, $10, "
		"$11, $12, $13, hitl.approval_content_hash($2, $3, $4, $9), clock_timestamp())",
		13,
		{UUIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID, INT4OID,
		 FLOAT8OID, JSONBOID, UUIDOID, TEXTOID, NAMEOID, TEXTARRAYOID},
	};
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
	pg_uuid_t *workflow_id = PG_ARGISNULL(8) ? NULL : PG_GETARG_UUID_P(8);
	pg_uuid_t *id = palloc(sizeof(pg_uuid_t));
	Datum values[13];
	char nulls[14] = "             ";
	char *requested_by;
	int i;

	hitl_require_version(); /* another one may give fewer arguments */
	check_people(fcinfo);
	*id = hitl_new_id(workflow_id ? hitl_id_partition(workflow_id)
								  : HITL_ANY_PARTITION);

	/* arguments 0..5 are parameters 2..7 */
	values[0] = UUIDPGetDatum(id);
	for (i = 0; i <= 5; i++)
	{
		values[i + 1] = fcinfo->args[i].value;
		nulls[i + 1] = PG_ARGISNULL(i) ? 'n' : ' ';
	}
	if (PG_ARGISNULL(2))
	{
		values[3] = CStringGetTextDatum("binary");
		nulls[3] = ' ';
	}
	if (PG_ARGISNULL(6))
		nulls[7] = 'n';
	else
	{
		double hours = DatumGetFloat8(
			DirectFunctionCall1(numeric_float8, PG_GETARG_DATUM(6)));

		if (!(hours > 0 && hours <= MAX_TIMEOUT_HOURS))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("timeout_hours must be positive and at most %d",
							MAX_TIMEOUT_HOURS)));
		values[7] = Float8GetDatum(hours);
	}
	values[8] = PG_ARGISNULL(7) ? JsonbPGetDatum(hitl_jsonb_parse("{}"))
								: PG_GETARG_DATUM(7);
	values[9] = PG_GETARG_DATUM(8);
	nulls[9] = workflow_id ? ' ' : 'n';
	requested_by = PG_ARGISNULL(9) ? hitl_caller()
								   : text_to_cstring(PG_GETARG_TEXT_PP(9));
	values[10] = CStringGetTextDatum(requested_by);
	values[11] = DirectFunctionCall1(namein, CStringGetDatum(hitl_caller()));
	values[12] = PG_GETARG_DATUM(10);
	nulls[12] = PG_ARGISNULL(10) ? 'n' : ' ';

	SPI_connect();
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
	if (nulls[12] == ' ')
	{
		hitl_execute(&unknown_channel, &values[12], NULL, 1);
		if (SPI_processed > 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("channel \"%s\" does not exist", hitl_column_text(0, 1)),
					 errhint("hitl.configure_channel() makes one; without channels the default ones are told.")));
	}
	hitl_execute(&insert, values, nulls, 0);
	hitl_notify_channels("approval.requested", id_array(id));
	if (workflow_id)
		hitl_tell_workflow(workflow_id, "approval_requested",
						   hitl_facts("approval_id", hitl_id_text(id), "title",
									  text_to_cstring(PG_GETARG_TEXT_PP(0)),
									  "requested_by", requested_by, NULL));
	SPI_finish();

	/* The engine lets it expire on time. */
	if (!PG_ARGISNULL(6))
		hitl_wake_at_commit(HITL_WORKER_ENGINE);
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
 * hitl.expire_due_approvals(): how many expired.
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
	} while (count == EXPIRE_LIMIT);
	SPI_finish();
	PG_RETURN_INT64(total);
}

/*
 * An array of one id.
 */
static ArrayType *
id_array(const pg_uuid_t *id)
{
	Datum value = UUIDPGetDatum(id);

	return construct_array(&value, 1, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR);
}

/*
 * All arguments of request_approval but the last, as one value.
 */
static Jsonb *
all_arguments(FunctionCallInfo fcinfo)
{
	static const Oid types[] = {TEXTOID,	  TEXTOID, TEXTOID,		TEXTOID,
								TEXTARRAYOID, INT4OID, NUMERICOID,	JSONBOID,
								UUIDOID,	  TEXTOID, TEXTARRAYOID};
	Jsonb *all = hitl_jsonb_parse("{}");
	int i;

	for (i = 0; i < lengthof(types); i++)
	{
		Oid function;
		bool is_varlena;

		if (PG_ARGISNULL(i))
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
 * Check title, type, required_approvers and approval_threshold.
 */
static void
check_people(FunctionCallInfo fcinfo)
{
	int eligible = PG_ARGISNULL(3) ? 0 : 1;
	char *type = PG_ARGISNULL(2) ? "binary"
								 : text_to_cstring(PG_GETARG_TEXT_PP(2));
	char *requested_from = PG_ARGISNULL(3)
		? NULL
		: text_to_cstring(PG_GETARG_TEXT_PP(3));

	if (PG_ARGISNULL(0) || VARSIZE_ANY_EXHDR(PG_GETARG_TEXT_PP(0)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("an approval request needs a title")));
	if (strcmp(type, "binary") != 0 && strcmp(type, "form") != 0 &&
		strcmp(type, "budget") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown approval type \"%s\"", type),
				 errhint("An approval type is \"binary\", \"form\" or \"budget\".")));
	if (requested_from && requested_from[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("requested_from must not be empty"),
				 errhint("NULL asks everybody who may answer approvals.")));
	if (!PG_ARGISNULL(7) && !JB_ROOT_IS_OBJECT(PG_GETARG_JSONB_P(7)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("context_data must be a JSON object")));
	if (!PG_ARGISNULL(4))
	{
		Datum *people;
		char **names;
		bool *nulls;
		int count;
		int i;

		deconstruct_array(PG_GETARG_ARRAYTYPE_P(4), TEXTOID, -1, false,
						  TYPALIGN_INT, &people, &nulls, &count);
		names = palloc((count + 1) * sizeof(char *));
		for (i = 0; i < count; i++)
		{
			names[i] = nulls[i] ? "" : TextDatumGetCString(people[i]);
			if (names[i][0] == '\0')
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("required_approvers must not contain null or empty names")));
			if (requested_from == NULL || strcmp(names[i], requested_from) != 0)
				eligible++;
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
		if (eligible > 0 && threshold > eligible)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("approval_threshold %d can never be reached", threshold),
					 errdetail_plural("Only %d person may answer.",
									  "Only %d persons may answer.", eligible, eligible)));
	}
}

/*
 * End a pending request without a decision.
 */
static text *
end_request(FunctionCallInfo fcinfo, const char *status, const char *reason)
{
	static HitlStatement lock = {
		"SELECT status, workflow_id, token, step_name, requested_role "
		"FROM hitl.approval_requests WHERE id = $1 FOR UPDATE",
		1,
		{UUIDOID},
	};
	static HitlStatement end = {
		"UPDATE hitl.approval_requests SET status = $2, decided_at = clock_timestamp(), "
		"reason = $3, decided_by = $4 WHERE id = $1 RETURNING id",
		4,
		{UUIDOID, TEXTOID, TEXTOID, TEXTOID},
	};
	pg_uuid_t *id = PG_GETARG_UUID_P(0);
	Datum values[4];
	Datum workflow_id;
	bool alone;
	bool no_token;
	int64 token;
	char *step;
	char *old;

	SPI_connect();
	values[0] = UUIDPGetDatum(id);
	hitl_execute(&lock, values, NULL, 1);
	if (SPI_processed == 0)
		hitl_approval_missing(id);
	old = hitl_column_text(0, 1);
	workflow_id = hitl_column(0, 2, &alone);
	token = DatumGetInt64(hitl_column(0, 3, &no_token));
	step = hitl_column_text(0, 4);
	hitl_check_requester(id, hitl_column_text(0, 5));
	if (strcmp(old, "pending") != 0)
		hitl_refuse_ended(id, old);

	values[1] = CStringGetTextDatum(status);
	values[2] = reason ? CStringGetTextDatum(reason) : 0;
	values[3] = CStringGetTextDatum(hitl_caller());
	hitl_execute(&end, values, reason ? NULL : "  n ", 0);
	hitl_announce_decided(psprintf("approval.%s", status));
	if (!alone)
	{
		Jsonb *body = hitl_facts("approval_id", hitl_id_text(id), "outcome",
								 status, "step_name", step, "reason", reason,
								 "actor", hitl_caller(), NULL);

		if (!no_token)
			body = hitl_merge(body,
							  hitl_jsonb_parse(
								  psprintf("{\"token\": " INT64_FORMAT "}",
										   token)));
		hitl_tell_workflow(DatumGetUUIDP(workflow_id), "approval", body);
	}
	SPI_finish();
	return cstring_to_text(status);
}
