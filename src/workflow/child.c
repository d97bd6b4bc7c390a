/*
 * child.c
 *		Child workflows.
 */
#include "postgres.h"

#include "workflow/effects.h"

char *
hitl_start_child(HitlBatch *batch, HitlWorkflow *workflow, const HitlEffect *effect)
{
	elog(ERROR, "hitl_start_child is not there");
}

void
hitl_withdraw_children(HitlRows *withdrawals)
{
}

void
hitl_withdraw_all_children(Datum workflow_ids)
{
}

void
hitl_tell_parents(HitlBatch *batch)
{
}
