/*
 * recovery.c
 *		Going on with workflows that have failed.
 */
#include "postgres.h"

#include "workflow/effects.h"

void
hitl_recover(HitlBatch *batch, HitlWorkflow *workflow, Jsonb *body)
{
}

void
hitl_plan_recoveries(HitlBatch *batch)
{
}
