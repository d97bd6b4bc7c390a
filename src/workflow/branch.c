/*
 * branch.c
 *		Branches of parallel and foreach steps: rows of their own.
 */
#include "postgres.h"

#include "workflow/effects.h"

void
hitl_fork(HitlBatch *batch, HitlWorkflow *workflow, const HitlEffect *effect)
{
	elog(ERROR, "hitl_fork is not there");
}

char *
hitl_join(HitlBatch *batch, HitlWorkflow *workflow, const HitlEffect *effect)
{
	elog(ERROR, "hitl_join is not there");
}

void
hitl_remove_branches(HitlBatch *batch, HitlWorkflow *workflow, const HitlEffect *effect)
{
	elog(ERROR, "hitl_remove_branches is not there");
}
