/*
 * inbox.c
 *		Who sees which requests.
 */
#include "postgres.h"

#include "approval/approval.h"
#include "approval/inbox.h"
#include "catalog/pg_type.h"
#include "db.h"

/*
 * Hide what the caller must not see.
 */
void
hitl_check_sees(const pg_uuid_t *id)
{
	static HitlStatement sees = {
		"SELECT hitl.sees_approval($1)",
		1,
		{UUIDOID},
	};
	Datum value = UUIDPGetDatum(id);
	bool isnull;

	hitl_execute(&sees, &value, NULL, 1);
	if (!DatumGetBool(hitl_column(0, 1, &isnull)))
		hitl_approval_missing(id);
}
