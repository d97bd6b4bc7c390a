/*
 * timer.c
 *		Timers: messages that are due later.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"
#include "workflow/effects.h"

/*
 * Set a timer.
 */
void
hitl_queue_timer(HitlBatch *batch, HitlWorkflow *workflow,
				 const HitlEffect *effect)
{
	Datum values[3];

	values[0] = UUIDPGetDatum(&workflow->id);
	/* What lies beyond the end of time is not due before it. */
	values[1] = TimestampTzGetDatum(
		Min(Max(effect->due_us, 0) - HITL_UNIX_EPOCH_US, END_TIMESTAMP - 1));
	values[2] = Int64GetDatum(effect->token);
	hitl_rows_add(&batch->timers, values, NULL);
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
		"jsonb_build_object('token', t.token) "
		"FROM unnest($1, $2, $3) AS t (workflow_id, due_at, token)",
		3,
		{UUIDARRAYOID, TIMESTAMPTZARRAYOID, INT8ARRAYOID},
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
