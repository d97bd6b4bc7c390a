/*
 * policy.c
 *		SQL functions about policies.
 */
#include "postgres.h"

#include "approval/approval.h"
#include "approval/inbox.h"
#include "approval/principal.h"
#include "catalog/pg_type.h"
#include "core_bridge.h"
#include "db.h"
#include "funcapi.h"
#include "hitl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "version.h"
#include "workflow/data.h"

#define EXPLAIN_COLUMNS 10

static void put_part(ReturnSetInfo *result, Jsonb *part);
static void put_text(Jsonb *part, const char *key, Datum *value, bool *isnull);
static void put_names(Jsonb *part, const char *key, Datum *value, bool *isnull);
static void put_instant(Jsonb *part, const char *key, Datum *value,
						bool *isnull);

PG_FUNCTION_INFO_V1(hitl_simple_policy);
PG_FUNCTION_INFO_V1(hitl_validate_policy);
PG_FUNCTION_INFO_V1(hitl_explain_policy);

/*
 * hitl.simple_policy(requested_from, required_approvers, approval_threshold,
 * timeout)
 */
Datum
hitl_simple_policy(PG_FUNCTION_ARGS)
{
	int64 timeout = 0;
	char *text;

	if (!PG_ARGISNULL(3))
	{
		Interval *interval = PG_GETARG_INTERVAL_P(3);

		timeout = (interval->time + interval->day * USECS_PER_DAY +
				   interval->month * (30 * USECS_PER_DAY)) /
			1000;
	}
	text = hitl_simple_policy_text(
		hitl_text_list(PG_ARGISNULL(0) ? NULL : PG_GETARG_ARRAYTYPE_P(0)),
		hitl_text_list(PG_ARGISNULL(1) ? NULL : PG_GETARG_ARRAYTYPE_P(1)),
		PG_ARGISNULL(2) ? 0 : PG_GETARG_INT32(2), timeout);
	PG_RETURN_JSONB_P(hitl_jsonb_parse(text));
}

/*
 * hitl.validate_policy(policy)
 */
Datum
hitl_validate_policy(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	HitlFaults faults = {0};
	HitlPolicy *policy = NULL;
	HitlResult outcome;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("policy must not be null")));
	InitMaterializedSRF(fcinfo, 0);
	outcome = hitl_core()->parse_policy(hitl_jsonb_text(PG_GETARG_JSONB_P(0)),
										&policy, &faults);
	if (outcome == HITL_NO_MEMORY)
		hitl_core_out_of_memory();
	if (outcome == HITL_OK)
		hitl_core()->free_policy(policy);
	hitl_put_faults(result, &faults);
	return (Datum) 0;
}

/*
 * hitl.explain_policy(approval_id)
 */
Datum
hitl_explain_policy(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	HitlApproval *approval;
	Jsonb *parts;
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue part;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("approval_id must not be null")));
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	hitl_check_sees(PG_GETARG_UUID_P(0));
	approval = hitl_read_approval(PG_GETARG_UUID_P(0));
	parts = hitl_jsonb_parse(hitl_explain(approval));
	iterator = JsonbIteratorInit(&parts->root);
	(void) JsonbIteratorNext(&iterator, &part, false);
	while ((token = JsonbIteratorNext(&iterator, &part, true)) == WJB_ELEM)
		put_part(result, JsonbValueToJsonb(&part));
	SPI_finish();
	return (Datum) 0;
}

/*
 * A row for a part, as the core describes it.
 */
static void
put_part(ReturnSetInfo *result, Jsonb *part)
{
	Datum values[EXPLAIN_COLUMNS] = {0};
	bool nulls[EXPLAIN_COLUMNS] = {false};
	int depth = hitl_member_int(part, "depth", 0);
	char *label = hitl_member_text(part, "part");

	put_text(part, "pointer", &values[0], &nulls[0]);
	values[1] = CStringGetTextDatum(psprintf("%*s%s", depth * 2, "", label));
	put_text(part, "state", &values[2], &nulls[2]);
	put_names(part, "asks", &values[3], &nulls[3]);
	nulls[4] = hitl_member_text(part, "needed") == NULL;
	values[4] = Int32GetDatum(hitl_member_int(part, "needed", 0));
	put_names(part, "approved_by", &values[5], &nulls[5]);
	put_names(part, "rejected_by", &values[6], &nulls[6]);
	put_names(part, "abstained", &values[7], &nulls[7]);
	put_instant(part, "asked_at_us", &values[8], &nulls[8]);
	put_instant(part, "deadline_us", &values[9], &nulls[9]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static void
put_text(Jsonb *part, const char *key, Datum *value, bool *isnull)
{
	char *text = hitl_member_text(part, key);

	*isnull = text == NULL;
	*value = text ? CStringGetTextDatum(text) : 0;
}

static void
put_names(Jsonb *part, const char *key, Datum *value, bool *isnull)
{
	Jsonb *names = hitl_member(part, key);

	*value = PointerGetDatum(
		hitl_list_array(names ? hitl_jsonb_names(names) : NIL));
	*isnull = names == NULL;
}

static void
put_instant(Jsonb *part, const char *key, Datum *value, bool *isnull)
{
	int64 instant = hitl_member_int(part, key, 0);

	*isnull = instant == 0;
	*value = TimestampTzGetDatum(hitl_from_unix(instant));
}
