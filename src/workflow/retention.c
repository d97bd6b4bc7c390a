/*
 * retention.c
 *		Removing what ended long ago: the engine's part.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "db.h"
#include "hitl.h"
#include "log.h"
#include "utils/fmgrprotos.h"
#include "workflow/retention.h"

PG_FUNCTION_INFO_V1(hitl_log_purge);

/*
 * Remove the next batch, and say when to go on.
 */
TimestampTz
hitl_purge_next(void)
{
	static HitlStatement purge = {
		"SELECT hitl.purge_next(make_interval(secs => $1))",
		1,
		{FLOAT8OID},
	};
	Datum value = Float8GetDatum(hitl_retention);
	Datum next;
	bool isnull;

	hitl_execute(&purge, &value, NULL, 1);
	next = hitl_column(0, 1, &isnull);
	return isnull ? DT_NOEND : DatumGetTimestampTz(next);
}

/*
 * hitl.log_purge(workflows, events, approvals, requests, definitions)
 */
Datum
hitl_log_purge(PG_FUNCTION_ARGS)
{
	static const char *const subjects[] = {"workflows", "events", "approvals",
										   "requests", "definitions"};
	HitlLine *line;
	int i;

	if (!hitl_logs(HITL_LOG_WORKERS))
		PG_RETURN_VOID();
	line = hitl_log_begin("purged");
	for (i = 0; i < lengthof(subjects); i++)
		hitl_log_number(line, subjects[i], PG_GETARG_INT64(i));
	hitl_log_at_commit(line);
	PG_RETURN_VOID();
}
