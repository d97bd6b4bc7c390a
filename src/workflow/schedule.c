/*
 * schedule.c
 *		What schedules of templates need and SQL cannot say.
 */
#include "postgres.h"

#include "hitl.h"
#include "utils/builtins.h"
#include "workflow/caller.h"

PG_FUNCTION_INFO_V1(hitl_calling_role);

/*
 * hitl.calling_role(): the role on whose authority functions act.
 */
Datum
hitl_calling_role(PG_FUNCTION_ARGS)
{
	return DirectFunctionCall1(namein, CStringGetDatum(hitl_caller()));
}
