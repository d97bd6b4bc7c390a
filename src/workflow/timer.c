/*
 * timer.c
 *		Timers: messages that are due later.
 */
#include "postgres.h"

#include "agent/budget.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "workflow/effects.h"

/*
 * Set a timer.
 */
void
hitl_queue_timer(HitlBatch *batch, HitlWorkflow *workflow,
				 const HitlEffect *effect)
{
	/* What lies beyond the end of time is not due before it. */
	TimestampTz due = Min(Max(effect->due_us, 0) - HITL_UNIX_EPOCH_US,
						  END_TIMESTAMP - 1);
	Datum values[4];
	bool nulls[4] = {false};

	if (effect->type != NULL)
		due = hitl_end_of_wait(batch, effect->type, due);
	values[0] = UUIDPGetDatum(&workflow->id);
	values[1] = TimestampTzGetDatum(due);
	values[2] = Int64GetDatum(effect->token);
	nulls[3] = effect->type == NULL;
	if (effect->type != NULL)
		values[3] = CStringGetTextDatum(effect->type);
	hitl_rows_add(&batch->timers, values, nulls);
}

/*
 * Insert the timers of a batch.
 */
void
hitl_insert_timers(HitlRows *timers)
{
	static HitlStatement insert = {
		"INSERT INTO hitl.messages (workflow_id, kind, due_at, token, body) "
		"SELECT t.workflow_id, 'timer', t.due_at, t.token, "
		"jsonb_build_object('token', t.token) || CASE WHEN t.budget IS NULL THEN '{}' "
		"ELSE jsonb_build_object('budget', t.budget) END "
		"FROM unnest($1, $2, $3, $4) AS t (workflow_id, due_at, token, budget)",
		4,
		{UUIDARRAYOID, TIMESTAMPTZARRAYOID, INT8ARRAYOID, TEXTARRAYOID},
	};

	hitl_rows_execute(timers, &insert);
}

/*
 * Withdraw timers by token.  Those that another engine has just claimed are
 * left: we have their workflow, and so it leaves them, too; later they find
 * nobody who awaits them.  To wait for it could be a deadlock.
 */
void
hitl_withdraw_timers(HitlRows *withdrawals)
{
	static HitlStatement withdraw = {
		"DELETE FROM hitl.messages WHERE ctid = ANY (ARRAY("
		"SELECT m.ctid FROM unnest($1, $2) AS w (workflow_id, token), "
		"LATERAL (SELECT s.ctid FROM hitl.messages s WHERE s.workflow_id = w.workflow_id "
		"AND s.token = w.token AND s.kind = 'timer' FOR UPDATE SKIP LOCKED) AS m))",
		2,
		{UUIDARRAYOID, INT8ARRAYOID},
	};

	hitl_rows_execute(withdrawals, &withdraw);
}

/*
 * Withdraw all timers of workflows.
 */
void
hitl_withdraw_all_timers(Datum workflow_ids)
{
	static HitlStatement withdraw = {
		"DELETE FROM hitl.messages WHERE ctid = ANY (ARRAY("
		"SELECT s.ctid FROM hitl.messages s WHERE s.workflow_id = ANY ($1) "
		"AND s.kind = 'timer' FOR UPDATE SKIP LOCKED))",
		1,
		{UUIDARRAYOID},
	};

	hitl_execute(&withdraw, &workflow_ids, NULL, 0);
}
