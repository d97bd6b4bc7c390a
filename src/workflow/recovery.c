/*
 * recovery.c
 *		Going on with workflows that have failed.
 *
 * A recovery is a message that is due later.  It names the failure that it is
 * for by its time: when the workflow has gone on in another way meanwhile, or
 * has failed once more, the message means nothing.
 *
 * Nothing is recovered for ever: a policy says how often in the workflow's
 * life, and a failure that repeating cannot mend is recovered only where it is
 * named.  A child is left to its parent, which has heard of the failure.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/pg_prng.h"
#include "core_bridge.h"
#include "db.h"
#include "hitl.h"
#include "lib/stringinfo.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "worker/worker.h"
#include "workflow/caller.h"
#include "workflow/command.h"
#include "workflow/effects.h"
#include "workflow/identifier.h"
#include "workflow/recovery.h"

/* Failures that may pass by themselves come first. */
static const char *const failure_kinds[] = {
	"timeout",			"network_error",		"service_unavailable",
	"rate_limit",		"system_error",			"unknown_error",
#define PASSING_KINDS 6
	"validation_error", "authentication_error", "permission_error",
	"cancelled",		"step_budget",
};

static void refuse_recovery(HitlBatch *batch, HitlWorkflow *workflow,
							const char *reason, const char *actor);
static void parse_delay(Jsonb *delay, int max_recoveries, HitlRetry *retry);
static void check_kind(const char *kind);
static Datum kinds_argument(FunctionCallInfo fcinfo, int number);
static bool is_admin(void);

PG_FUNCTION_INFO_V1(hitl_set_recovery_policy);
PG_FUNCTION_INFO_V1(hitl_recover_failed_workflows);

/*
 * "recover": let a failed workflow go on, if it still has the failure that the
 * message is about.
 */
void
hitl_recover(HitlBatch *batch, HitlWorkflow *workflow, Jsonb *body)
{
	char *actor = hitl_member_text(body, "actor");
	char *reason = hitl_member_text(body, "reason");
	char *refusal;

	if (strcmp(workflow->status, "failed") != 0 ||
		workflow->definition == NULL ||
		hitl_member_int(body, "failed_at_us", 0) !=
			workflow->finished_at + HITL_UNIX_EPOCH_US)
		return;
	if (!hitl_owner_exists(workflow))
	{
		refuse_recovery(batch, workflow,
						psprintf("role \"%s\", which owns it, does not exist",
								 workflow->owner),
						actor);
		return;
	}
	workflow->recoveries++;
	hitl_add_event(batch, workflow, "workflow_recovered", NULL, NULL,
				   hitl_facts("recovery", psprintf("%d", workflow->recoveries),
							  "kind",
							  workflow->error
								  ? hitl_member_text(workflow->error, "kind")
								  : NULL,
							  "reason", reason, NULL),
				   NULL, actor);
	refusal = hitl_retry(batch, workflow, reason, actor);
	if (refusal)
		refuse_recovery(batch, workflow, refusal, actor);
}

/*
 * Plan the recovery of the workflows that have failed in a batch, after it has
 * written them.
 */
void
hitl_plan_recoveries(HitlBatch *batch)
{
	Datum *ids = NULL;
	int count = 0;
	int i;

	for (i = 0; i < batch->nworkflows; i++)
	{
		HitlWorkflow *workflow = &batch->workflows[i];

		if (!workflow->ended || workflow->definition == NULL ||
			workflow->has_parent || strcmp(workflow->status, "failed") != 0)
			continue;
		if (ids == NULL)
			ids = palloc((batch->nworkflows - i) * sizeof(Datum));
		ids[count++] = UUIDPGetDatum(&workflow->id);
	}
	if (count > 0)
		hitl_plan_recoveries_of(ids, count);
}

/*
 * Plan the recovery of failed workflows, where a policy says so.
 */
void
hitl_plan_recoveries_of(Datum *ids, int count)
{
	static HitlStatement find = {
		"SELECT w.id, w.finished_at, w.recoveries, p.max_recoveries, p.delay "
		"FROM hitl.workflows w, LATERAL (SELECT * FROM hitl.recovery_policies p "
		"WHERE p.failure_kind = hitl.failure_kind(w.error) "
		"AND (p.template IS NULL OR p.template = w.template) "
		"ORDER BY p.template NULLS LAST LIMIT 1) AS p "
		"WHERE w.id = ANY ($1) AND w.status = 'failed' AND w.definition_hash IS NOT NULL "
		"AND w.parent_id IS NULL AND w.recoveries < p.max_recoveries "
		"AND (w.deadline IS NULL OR w.deadline > clock_timestamp())",
		1,
		{UUIDARRAYOID},
	};
	static const Oid types[] = {TIMESTAMPTZOID, UUIDOID, JSONBOID};
	static HitlStatement insert = {
		"INSERT INTO hitl.messages (due_at, workflow_id, kind, body) "
		"SELECT due_at, workflow_id, 'recover', body "
		"FROM unnest($1, $2, $3) AS r (due_at, workflow_id, body)",
		3,
		{TIMESTAMPTZARRAYOID, UUIDARRAYOID, JSONBARRAYOID},
	};
	TimestampTz now = GetCurrentTimestamp();
	HitlRows rows;
	Datum value;
	int found;
	int i;

	value = PointerGetDatum(
		construct_array(ids, count, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR));
	hitl_execute(&find, &value, NULL, 0);
	found = SPI_processed;
	hitl_rows_init(&rows, lengthof(types), types);
	for (i = 0; i < found; i++)
	{
		bool isnull;
		Datum values[3];
		TimestampTz failed_at = DatumGetTimestampTz(hitl_column(i, 2, &isnull));
		int recoveries = DatumGetInt32(hitl_column(i, 3, &isnull));
		int max_recoveries = DatumGetInt32(hitl_column(i, 4, &isnull));
		HitlRetry retry;
		int64 delay_ms;

		parse_delay(DatumGetJsonbP(hitl_column(i, 5, &isnull)), max_recoveries,
					&retry);
		delay_ms = hitl_core()->retry_delay(&retry, recoveries + 1,
											pg_prng_double(
												&pg_global_prng_state));
		values[0] = TimestampTzGetDatum(now + Max(delay_ms, 0) * 1000);
		values[1] = hitl_column(i, 1, &isnull);
		values[2] = JsonbPGetDatum(
			hitl_jsonb_parse(psprintf("{\"failed_at_us\": " INT64_FORMAT "}",
									  failed_at + HITL_UNIX_EPOCH_US)));
		hitl_rows_add(&rows, values, NULL);
	}
	hitl_rows_execute(&rows, &insert);
}

/*
 * hitl.set_recovery_policy(failure_kind, max_recoveries, delay, template)
 */
Datum
hitl_set_recovery_policy(PG_FUNCTION_ARGS)
{
	static HitlStatement upsert = {
		"INSERT INTO hitl.recovery_policies AS p "
		"(failure_kind, max_recoveries, delay, template, created_by) "
		"VALUES ($1, $2, $3, $4, $5) "
		"ON CONFLICT (failure_kind, (coalesce(template, ''))) DO UPDATE "
		"SET max_recoveries = excluded.max_recoveries, delay = excluded.delay, "
		"created_by = excluded.created_by, created_at = excluded.created_at",
		5,
		{TEXTOID, INT4OID, JSONBOID, TEXTOID, NAMEOID},
	};
	Datum values[5];
	HitlRetry retry;
	int i;

	for (i = 0; i < 3; i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("failure_kind, max_recoveries and delay must not be null")));
	check_kind(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	if (PG_GETARG_INT32(1) < 1 || PG_GETARG_INT32(1) > HITL_MAX_RECOVERIES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_recoveries must be from 1 to %d", HITL_MAX_RECOVERIES),
				 errhint("hitl.drop_recovery_policy() removes a policy.")));
	parse_delay(PG_GETARG_JSONB_P(2), PG_GETARG_INT32(1), &retry);
	if (!PG_ARGISNULL(3) && VARSIZE_ANY_EXHDR(PG_GETARG_TEXT_PP(3)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("template must not be empty"),
				 errhint("NULL means all workflows.")));

	SPI_connect();
	for (i = 0; i < 4; i++)
		values[i] = PG_GETARG_DATUM(i);
	values[4] = DirectFunctionCall1(namein, CStringGetDatum(hitl_caller()));
	hitl_execute(&upsert, values, PG_ARGISNULL(3) ? "   n " : NULL, 0);
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * hitl.recover_failed_workflows(failure_kinds, since, max_workflows, reason,
 * max_recoveries): leave each a message; how many.
 */
Datum
hitl_recover_failed_workflows(PG_FUNCTION_ARGS)
{
	/* A recovery planned for later does not keep it from being done now. */
	static HitlStatement tell = {
		"INSERT INTO hitl.messages (workflow_id, kind, body) "
		"SELECT w.id, 'recover', jsonb_strip_nulls(jsonb_build_object('failed_at_us', "
		"(extract(epoch FROM w.finished_at) * 1000000)::bigint, 'actor', $1, 'reason', $2)) "
		"FROM hitl.workflows w "
		"WHERE w.error IS NOT NULL AND w.status = 'failed' AND w.definition_hash IS NOT NULL "
		"AND w.parent_id IS NULL AND hitl.failure_kind(w.error) = ANY ($3) "
		"AND ($4 IS NULL OR w.finished_at >= clock_timestamp() - $4) "
		"AND w.recoveries < $6 "
		"AND EXISTS (SELECT FROM hitl.definitions d WHERE d.hash = w.definition_hash) "
		"AND (w.deadline IS NULL OR w.deadline > clock_timestamp()) "
		"AND ($7 OR EXISTS (SELECT FROM pg_roles r WHERE r.rolname = w.owner "
		"AND pg_has_role($1::name, r.oid, 'USAGE'))) "
		"AND NOT EXISTS (SELECT FROM hitl.messages m WHERE m.workflow_id = w.id "
		"AND m.kind = 'recover' AND m.due_at <= clock_timestamp()) "
		"ORDER BY w.id LIMIT $5",
		7,
		{TEXTOID, TEXTOID, TEXTARRAYOID, INTERVALOID, INT4OID, INT4OID,
		 BOOLOID},
	};
	Datum values[7];
	char nulls[8] = "       ";
	int64 count;

	if (PG_ARGISNULL(2) || PG_ARGISNULL(4))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("max_workflows and max_recoveries must not be null")));
	if (PG_GETARG_INT32(2) < 1 || PG_GETARG_INT32(4) < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_workflows and max_recoveries must be positive")));

	SPI_connect();
	values[0] = CStringGetTextDatum(hitl_caller());
	values[1] = PG_GETARG_DATUM(3);
	nulls[1] = PG_ARGISNULL(3) ? 'n' : ' ';
	values[2] = kinds_argument(fcinfo, 0);
	values[3] = PG_GETARG_DATUM(1);
	nulls[3] = PG_ARGISNULL(1) ? 'n' : ' ';
	values[4] = PG_GETARG_DATUM(2);
	values[5] = PG_GETARG_DATUM(4);
	values[6] = BoolGetDatum(is_admin());
	hitl_execute(&tell, values, nulls, 0);
	count = SPI_processed;
	SPI_finish();
	PG_RETURN_INT64(count);
}

/*
 * The workflow stays failed: say why.
 */
static void
refuse_recovery(HitlBatch *batch, HitlWorkflow *workflow, const char *reason,
				const char *actor)
{
	hitl_add_event(batch, workflow, "recovery_refused", NULL, NULL,
				   hitl_facts("reason", reason, NULL), NULL, actor);
}

/*
 * The delay of a policy; an ERROR tells of every fault.
 */
static void
parse_delay(Jsonb *delay, int max_recoveries, HitlRetry *retry)
{
	static const char *const arguments[] = {"max_attempts", "on"};
	HitlFaults faults = {0};
	HitlResult result;
	int i;

	for (i = 0; i < lengthof(arguments); i++)
		if (JB_ROOT_IS_OBJECT(delay) && hitl_member(delay, arguments[i]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("delay must not have a member \"%s\"", arguments[i]),
					 errhint("How often and after which failure are arguments of hitl.set_recovery_policy().")));
	result = hitl_core()->parse_retry(hitl_jsonb_text(delay), retry, &faults);
	if (result == HITL_NO_MEMORY)
		hitl_core_out_of_memory();
	if (result != HITL_OK)
	{
		char *detail = hitl_list_faults(&faults, "delay");

		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("delay is not one that a \"retry\" could have"),
				 errdetail_internal("%s", detail)));
	}
	hitl_core()->free_faults(&faults);

	/* The first attempt is not a recovery. */
	retry->max_attempts = max_recoveries + 2;
}

/*
 * Refuse what is no kind of failure.
 */
static void
check_kind(const char *kind)
{
	StringInfoData all;
	int i;

	initStringInfo(&all);
	for (i = 0; i < lengthof(failure_kinds); i++)
	{
		if (strcmp(kind, failure_kinds[i]) == 0)
			return;
		appendStringInfo(&all, "%s%s", i ? ", " : "", failure_kinds[i]);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown kind of failure \"%s\"", kind),
			 errhint("The kinds are: %s.", all.data)));
}

/*
 * An array of kinds of failure, checked; all that may pass where it is null.
 */
static Datum
kinds_argument(FunctionCallInfo fcinfo, int number)
{
	Datum *kinds;
	bool *nulls;
	int count;
	int i;

	if (PG_ARGISNULL(number))
	{
		kinds = palloc(PASSING_KINDS * sizeof(Datum));
		for (i = 0; i < PASSING_KINDS; i++)
			kinds[i] = CStringGetTextDatum(failure_kinds[i]);
		return PointerGetDatum(construct_array(kinds, PASSING_KINDS, TEXTOID,
											   -1, false, TYPALIGN_INT));
	}
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(number), TEXTOID, -1, false,
					  TYPALIGN_INT, &kinds, &nulls, &count);
	for (i = 0; i < count; i++)
		check_kind(nulls[i] ? "" : TextDatumGetCString(kinds[i]));
	return PG_GETARG_DATUM(number);
}

/*
 * An administrator is who may set policies.
 */
static bool
is_admin(void)
{
	static HitlStatement ask = {
		"SELECT has_function_privilege($1, 'hitl.set_recovery_policy(text, integer, "
		"jsonb, text)'::regprocedure::oid, 'EXECUTE')",
		1,
		{OIDOID},
	};
	Datum value = ObjectIdGetDatum(hitl_caller_id());
	bool isnull;

	hitl_execute(&ask, &value, NULL, 1);
	return DatumGetBool(hitl_column(0, 1, &isnull));
}
