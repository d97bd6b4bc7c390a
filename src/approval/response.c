/*
 * response.c
 *		Answering approval requests.
 *
 * Every way to answer ends here.  The request's row is locked first, so of two
 * answers that would decide it exactly one does, and the other is told so.
 */
#include "postgres.h"

#include "approval/approval.h"
#include "channel/channel.h"
#include "core_bridge.h"
#include "db.h"
#include "hitl.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "worker/worker.h"
#include "workflow/caller.h"
#include "workflow/data.h"
#include "workflow/identifier.h"

/* Columns of the locked request. */
enum
{
	COL_STATUS = 1,
	COL_WORKFLOW,
	COL_TOKEN,
	COL_STEP,
	COL_MAY_ANSWER,
	COL_ELIGIBLE,
	COL_REQUIRED,
	COL_THRESHOLD,
	COL_IS_REQUIRED,
	COL_EXPIRED,
	COL_EXPIRES_AT,
	COL_HASH
};

static void check_acting(const char *approver);
static HitlOutcome tally_with(const pg_uuid_t *id, bool approves, bool required,
							  int eligible, int nrequired, int threshold);

PG_FUNCTION_INFO_V1(hitl_respond_to_approval);
PG_FUNCTION_INFO_V1(hitl_grant_acting);
PG_FUNCTION_INFO_V1(hitl_revoke_acting);

/*
 * hitl.respond_to_approval(approval_id, approver_id, decision, response_data,
 * feedback): the status of the request after the answer.
 */
Datum
hitl_respond_to_approval(PG_FUNCTION_ARGS)
{
	static HitlStatement lock = {
		"SELECT a.status, a.workflow_id, a.token, a.step_name, "
		"(a.requested_from IS NULL AND a.required_approvers IS NULL) "
		"OR $2 = ANY (a.requested_from) IS TRUE OR $2 = ANY (a.required_approvers) IS TRUE, "
		"CASE WHEN a.requested_from IS NULL THEN coalesce(cardinality(a.required_approvers), 0) "
		"WHEN a.required_approvers IS NULL THEN cardinality(a.requested_from) "
		"ELSE (SELECT count(*) FROM (SELECT unnest(a.requested_from) UNION "
		"SELECT unnest(a.required_approvers)) u)::integer END, "
		"coalesce(cardinality(a.required_approvers), 0), coalesce(a.approval_threshold, 0), "
		"$2 = ANY (a.required_approvers) IS TRUE, "
		"a.expires_at <= clock_timestamp() IS TRUE, a.expires_at, a.content_hash "
		"FROM hitl.approval_requests a WHERE a.id = $1 FOR UPDATE OF a",
		2,
		{UUIDOID, TEXTOID},
	};
	static HitlStatement insert = {
		"INSERT INTO hitl.approval_responses (approval_id, approver_id, decision, "
		"response_data, feedback, content_hash, session_role, caller_role) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
		8,
		{UUIDOID, TEXTOID, TEXTOID, JSONBOID, TEXTOID, BYTEAOID, NAMEOID,
		 NAMEOID},
	};
	static HitlStatement decide = {
		"UPDATE hitl.approval_requests SET status = $2, decided_at = clock_timestamp(), "
		"decided_by = $3 WHERE id = $1 RETURNING id",
		3,
		{UUIDOID, TEXTOID, TEXTOID},
	};
	static HitlStatement touch = {
		"UPDATE hitl.approval_requests SET status = status WHERE id = $1",
		1,
		{UUIDOID},
	};
	pg_uuid_t *id;
	char *approver;
	char *decision;
	char *step;
	const char *outcome_name = "pending";
	HitlOutcome outcome;
	Datum values[8];
	char nulls[9] = "        ";
	Datum workflow_id;
	Datum hash;
	int64 token;
	bool no_workflow;
	bool no_token;
	bool isnull;
	bool required;
	int eligible;
	int nrequired;
	int threshold;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("approval_id, approver_id and decision must not be null"),
				 errhint("A missing decision is never an approval.")));
	id = PG_GETARG_UUID_P(0);
	approver = text_to_cstring(PG_GETARG_TEXT_PP(1));
	decision = text_to_cstring(PG_GETARG_TEXT_PP(2));
	if (strcmp(decision, "approved") != 0 && strcmp(decision, "rejected") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown decision \"%s\"", decision),
				 errhint("A decision is \"approved\" or \"rejected\".")));

	SPI_connect();
	check_acting(approver);

	values[0] = PG_GETARG_DATUM(0);
	values[1] = PG_GETARG_DATUM(1);
	hitl_execute(&lock, values, NULL, 1);
	if (SPI_processed == 0)
		hitl_approval_missing(id);
	if (strcmp(hitl_column_text(0, COL_STATUS), "pending") != 0)
		hitl_refuse_ended(id, hitl_column_text(0, COL_STATUS));
	if (DatumGetBool(hitl_column(0, COL_EXPIRED, &isnull)))
		hitl_refuse_ended(id, "expired");
	if (!DatumGetBool(hitl_column(0, COL_MAY_ANSWER, &isnull)))
		ereport(ERROR,
				(errcode(ERRCODE_HITL_NOT_AN_APPROVER),
				 errmsg("\"%s\" is not asked by approval request %s", approver, hitl_id_text(id)),
				 errhint("hitl.list_pending_approvals() shows whom a request asks.")));
	workflow_id = hitl_column(0, COL_WORKFLOW, &no_workflow);
	token = DatumGetInt64(hitl_column(0, COL_TOKEN, &no_token));
	step = hitl_column_text(0, COL_STEP);
	eligible = DatumGetInt32(hitl_column(0, COL_ELIGIBLE, &isnull));
	nrequired = DatumGetInt32(hitl_column(0, COL_REQUIRED, &isnull));
	threshold = DatumGetInt32(hitl_column(0, COL_THRESHOLD, &isnull));
	required = DatumGetBool(hitl_column(0, COL_IS_REQUIRED, &isnull));
	hash = hitl_column(0, COL_HASH, &isnull);

	values[2] = PG_GETARG_DATUM(2);
	values[3] = PG_GETARG_DATUM(3);
	nulls[3] = PG_ARGISNULL(3) ? 'n' : ' ';
	values[4] = PG_GETARG_DATUM(4);
	nulls[4] = PG_ARGISNULL(4) ? 'n' : ' ';
	values[5] = hash;
	values[6] = DirectFunctionCall1(namein,
									CStringGetDatum(hitl_session_role()));
	values[7] = DirectFunctionCall1(namein, CStringGetDatum(hitl_caller()));
	hitl_execute(&insert, values, nulls, 0);
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_HITL_ALREADY_ANSWERED),
				 errmsg("\"%s\" has already answered approval request %s", approver,
						hitl_id_text(id)),
				 errhint("An answer is final; other approvers may still answer.")));

	outcome = tally_with(id, strcmp(decision, "approved") == 0, required,
						 eligible, nrequired, threshold);
	if (outcome != HITL_OUTCOME_PENDING)
	{
		outcome_name = outcome == HITL_OUTCOME_APPROVED ? "approved"
														: "rejected";
		values[1] = CStringGetTextDatum(outcome_name);
		values[2] = PG_GETARG_DATUM(1);
		hitl_execute(&decide, values, NULL, 0);
		hitl_announce_decided(psprintf("approval.%s", outcome_name));
	}
	else
	{
		/*
		 * A transaction that began before this one commits, at an isolation
		 * level where it cannot see this answer, must not count without it:
		 * it finds the row updated and fails to serialize.
		 */
		hitl_execute(&touch, values, NULL, 0);
	}

	if (!no_workflow)
	{
		StringInfoData extra;
		Jsonb *body;

		body = hitl_facts("approval_id", hitl_id_text(id), "approver_id",
						  approver, "decision", decision, "step_name", step,
						  "outcome",
						  outcome == HITL_OUTCOME_PENDING ? NULL : outcome_name,
						  "feedback",
						  PG_ARGISNULL(4)
							  ? NULL
							  : text_to_cstring(PG_GETARG_TEXT_PP(4)),
						  NULL);
		initStringInfo(&extra);
		appendStringInfoChar(&extra, '{');
		if (!no_token)
			appendStringInfo(&extra, "\"token\": " INT64_FORMAT, token);
		if (!PG_ARGISNULL(3))
			appendStringInfo(&extra, "%s\"response_data\": %s",
							 no_token ? "" : ", ",
							 hitl_jsonb_text(PG_GETARG_JSONB_P(3)));
		appendStringInfoChar(&extra, '}');
		hitl_tell_workflow(DatumGetUUIDP(workflow_id), "approval",
						   hitl_merge(body, hitl_jsonb_parse(extra.data)));
	}
	SPI_finish();
	PG_RETURN_TEXT_P(cstring_to_text(outcome_name));
}

/*
 * hitl.grant_acting(grantee, approver_id)
 */
Datum
hitl_grant_acting(PG_FUNCTION_ARGS)
{
	static HitlStatement insert = {
		"INSERT INTO hitl.acting_grants (grantee, approver_id, granted_by) "
		"VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
		3,
		{NAMEOID, TEXTOID, NAMEOID},
	};
	Datum values[3];

	(void) get_role_oid(NameStr(*PG_GETARG_NAME(0)), false);
	if (VARSIZE_ANY_EXHDR(PG_GETARG_TEXT_PP(1)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("approver_id must not be empty"),
				 errhint("'*' lets the role act for anyone.")));
	values[0] = PG_GETARG_DATUM(0);
	values[1] = PG_GETARG_DATUM(1);
	values[2] = DirectFunctionCall1(namein, CStringGetDatum(hitl_caller()));
	SPI_connect();
	hitl_execute(&insert, values, NULL, 0);
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * hitl.revoke_acting(grantee, approver_id)
 */
Datum
hitl_revoke_acting(PG_FUNCTION_ARGS)
{
	static HitlStatement remove = {
		"DELETE FROM hitl.acting_grants WHERE grantee = $1 AND approver_id = $2",
		2,
		{NAMEOID, TEXTOID},
	};
	Datum values[2];
	bool found;

	values[0] = PG_GETARG_DATUM(0);
	values[1] = PG_GETARG_DATUM(1);
	SPI_connect();
	hitl_execute(&remove, values, NULL, 0);
	found = SPI_processed > 0;
	SPI_finish();
	PG_RETURN_BOOL(found);
}

/*
 * Refuse to answer for somebody whom the calling role may not act for.  A role
 * answers as itself, as a role it is a member of, and as whom it was granted
 * to act for.
 */
static void
check_acting(const char *approver)
{
	static HitlStatement find = {
		"SELECT 1 FROM hitl.acting_grants WHERE approver_id IN ($1, '*') "
		"AND pg_has_role($2, (SELECT oid FROM pg_roles WHERE rolname = grantee), 'USAGE')",
		2,
		{TEXTOID, OIDOID},
	};
	Oid caller = hitl_caller_id();
	Oid role;
	Datum values[2];

	if (superuser_arg(caller))
		return;
	role = strlen(approver) < NAMEDATALEN ? get_role_oid(approver, true)
										  : InvalidOid;
	if (OidIsValid(role) && has_privs_of_role(caller, role))
		return;
	values[0] = CStringGetTextDatum(approver);
	values[1] = ObjectIdGetDatum(caller);
	hitl_execute(&find, values, NULL, 1);
	if (SPI_processed > 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("role \"%s\" may not answer as \"%s\"", hitl_caller(), approver),
			 errhint("An administrator can allow it with hitl.grant_acting('%s', '%s').",
					 hitl_caller(), approver)));
}

/*
 * How the request stands, this answer included.  Most requests are decided by
 * their first answer; only the others need the earlier ones counted.
 */
static HitlOutcome
tally_with(const pg_uuid_t *id, bool approves, bool required, int eligible,
		   int nrequired, int threshold)
{
	static HitlStatement count = {
		"SELECT count(*) FILTER (WHERE r.decision = 'approved'), "
		"count(*) FILTER (WHERE r.decision = 'approved' "
		"AND r.approver_id = ANY (a.required_approvers)), "
		"count(*) FILTER (WHERE r.decision = 'rejected'), "
		"count(*) FILTER (WHERE r.decision = 'rejected' "
		"AND r.approver_id = ANY (a.required_approvers)) "
		"FROM hitl.approval_requests a JOIN hitl.approval_responses r ON r.approval_id = a.id "
		"WHERE a.id = $1",
		1,
		{UUIDOID},
	};
	HitlTally tally = {0};

	tally.eligible = eligible;
	tally.required = nrequired;
	tally.threshold = threshold;
	if (eligible == 1 || (threshold <= 1 && nrequired == 0))
	{
		tally.approvals = approves ? 1 : 0;
		tally.required_approvals = approves && required ? 1 : 0;
		tally.rejections = approves ? 0 : 1;
		tally.required_rejections = !approves && required ? 1 : 0;
	}
	if (hitl_core()->decide(&tally) == HITL_OUTCOME_PENDING)
	{
		Datum value = UUIDPGetDatum(id);
		bool isnull;

		hitl_execute(&count, &value, NULL, 1);
		tally.approvals = DatumGetInt64(hitl_column(0, 1, &isnull));
		tally.required_approvals = DatumGetInt64(hitl_column(0, 2, &isnull));
		tally.rejections = DatumGetInt64(hitl_column(0, 3, &isnull));
		tally.required_rejections = DatumGetInt64(hitl_column(0, 4, &isnull));
	}
	return hitl_core()->decide(&tally);
}
