/*
 * statement.c
 *		Statements of sql steps, queued for the executor.
 */
#include "postgres.h"

#include "workflow/effects.h"

void
hitl_queue_statement(HitlBatch *batch, HitlWorkflow *workflow, const HitlEffect *effect)
{
	elog(ERROR, "hitl_queue_statement is not there");
}

void
hitl_withdraw_statements(HitlRows *withdrawals)
{
}

void
hitl_withdraw_all_statements(Datum workflow_ids)
{
}
