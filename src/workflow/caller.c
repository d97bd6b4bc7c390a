/*
 * caller.c
 *		Who calls a function.
 */
#include "postgres.h"

#include "workflow/caller.h"

bool hitl_running_statement = false;
Oid hitl_acting_role = InvalidOid;
