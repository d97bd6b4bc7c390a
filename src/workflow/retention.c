/*
 * retention.c
 *		Removing what ended long ago: the engine's part.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "db.h"
#include "hitl.h"
#include "utils/fmgrprotos.h"
#include "workflow/retention.h"

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
