/*
 * statement.c
 *		Statements of sql steps: queued for the executors, and withdrawn.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "worker/worker.h"
#include "workflow/effects.h"

/* A level of priority puts a statement before those of so many s earlier. */
#define SECONDS_PER_PRIORITY 10

/*
 * Queue the statement of a step; it is written with the batch.
 */
void
hitl_queue_statement(HitlBatch *batch, HitlWorkflow *workflow,
					 const HitlEffect *effect)
{
	TimestampTz rank = batch->now -
		workflow->priority * SECONDS_PER_PRIORITY * USECS_PER_SEC;
	Datum values[5];

	values[0] = UUIDPGetDatum(&workflow->id);
	values[1] = Int64GetDatum(effect->token);
	values[2] = DirectFunctionCall1(namein, CStringGetDatum(workflow->owner));
	values[3] = JsonbPGetDatum(hitl_jsonb_parse(effect->body));
	values[4] = TimestampTzGetDatum(rank);
	hitl_rows_add(&batch->statements, values, NULL);
}

/*
 * Write the statements of a batch.
 */
void
hitl_insert_statements(HitlRows *statements)
{
	static HitlStatement insert = {
		"INSERT INTO hitl.statements (workflow_id, token, owner, body, rank) "
		"SELECT * FROM unnest($1, $2, $3, $4, $5)",
		5,
		{UUIDARRAYOID, INT8ARRAYOID, NAMEARRAYOID, JSONBARRAYOID,
		 TIMESTAMPTZARRAYOID},
	};

	hitl_rows_execute(statements, &insert);
}

/*
 * Withdraw statements.  The row of one that is being run is locked, so that it
 * stays: its executor is interrupted, and at the latest finds out when it has the
 * result, for nobody awaits it.
 */
void
hitl_withdraw_statements(HitlRows *withdrawals)
{
	static HitlStatement withdraw = {
		"DELETE FROM hitl.statements WHERE ctid = ANY (ARRAY("
		"SELECT s.ctid FROM unnest($1, $2) AS w (workflow_id, token) "
		"JOIN hitl.statements s ON s.workflow_id = w.workflow_id AND s.token = w.token "
		"FOR UPDATE OF s SKIP LOCKED))",
		2,
		{UUIDARRAYOID, INT8ARRAYOID},
	};
	int i;

	hitl_rows_execute(withdrawals, &withdraw);
	for (i = 0; i < withdrawals->count; i++)
		hitl_interrupt_at_commit(DatumGetUUIDP(withdrawals->values[0][i]),
								 DatumGetInt64(withdrawals->values[1][i]));
}

/*
 * Withdraw all statements of the workflows in an array of their ids.
 */
void
hitl_withdraw_all_statements(Datum workflow_ids)
{
	static HitlStatement withdraw = {
		"DELETE FROM hitl.statements WHERE ctid = ANY (ARRAY("
		"SELECT ctid FROM hitl.statements WHERE workflow_id = ANY ($1) "
		"FOR UPDATE SKIP LOCKED))",
		1,
		{UUIDARRAYOID},
	};
	Datum *ids;
	int count;
	int i;

	hitl_execute(&withdraw, &workflow_ids, NULL, 0);
	deconstruct_array(DatumGetArrayTypeP(workflow_ids), UUIDOID, UUID_LEN,
					  false, TYPALIGN_CHAR, &ids, NULL, &count);
	for (i = 0; i < count; i++)
		hitl_interrupt_at_commit(DatumGetUUIDP(ids[i]), 0);
}
