/*
 * external.c
 *		Tasks that programs outside do.
 */
#include "postgres.h"

#include "workflow/effects.h"

void
hitl_queue_external(HitlBatch *batch, HitlWorkflow *workflow, const HitlEffect *effect)
{
	elog(ERROR, "hitl_queue_external is not there");
}

void
hitl_withdraw_external(HitlRows *withdrawals)
{
}

void
hitl_withdraw_all_external(Datum workflow_ids)
{
}
