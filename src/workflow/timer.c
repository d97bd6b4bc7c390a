/*
 * timer.c
 *		Timers: messages that are due later.
 */
#include "postgres.h"

#include "workflow/effects.h"

void
hitl_queue_timer(HitlBatch *batch, HitlWorkflow *workflow, const HitlEffect *effect)
{
	elog(ERROR, "hitl_queue_timer is not there");
}

void
hitl_withdraw_timers(HitlRows *withdrawals)
{
}

void
hitl_withdraw_all_timers(Datum workflow_ids)
{
}
