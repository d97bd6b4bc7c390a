/*
 * signal.c
 *		Signals: told to a workflow by name.
 */
#include "postgres.h"

#include "workflow/effects.h"

char *
hitl_await_signal(HitlBatch *batch, HitlWorkflow *workflow, const HitlEffect *effect)
{
	elog(ERROR, "hitl_await_signal is not there");
}

void
hitl_withdraw_signals(HitlRows *withdrawals)
{
}

void
hitl_withdraw_all_signals(Datum workflow_ids)
{
}

void
hitl_hear_signal(HitlBatch *batch, HitlWorkflow *workflow, Jsonb *body)
{
}
