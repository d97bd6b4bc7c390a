/*
 * mailbox.c
 *		Leaving messages in the mailboxes of workflows.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "db.h"
#include "utils/builtins.h"
#include "worker/worker.h"
#include "workflow/batch.h"
#include "workflow/mailbox.h"

/*
 * Leave a workflow a message.
 */
void
hitl_tell_workflow(const pg_uuid_t *workflow_id, const char *kind, Jsonb *body)
{
	static HitlStatement find = {
		"SELECT priority FROM hitl.workflows WHERE id = $1",
		1,
		{UUIDOID},
	};
	Datum value = UUIDPGetDatum(workflow_id);
	int priority = 0;
	bool isnull;

	hitl_execute(&find, &value, NULL, 1);
	if (SPI_processed > 0)
		priority = DatumGetInt16(hitl_column(0, 1, &isnull));
	hitl_tell_ranked(workflow_id, kind, body, priority);
}

/*
 * Leave a message for a workflow of this priority.
 */
void
hitl_tell_ranked(const pg_uuid_t *workflow_id, const char *kind, Jsonb *body,
				 int priority)
{
	static HitlStatement insert = {
		"INSERT INTO hitl.messages (due_at, workflow_id, kind, body) "
		"VALUES (clock_timestamp() - $4 * " HITL_HEAD_START ", $1, $2, $3)",
		4,
		{UUIDOID, TEXTOID, JSONBOID, INT4OID},
	};
	Datum values[4];

	values[0] = UUIDPGetDatum(workflow_id);
	values[1] = CStringGetTextDatum(kind);
	values[2] = JsonbPGetDatum(body);
	values[3] = Int32GetDatum(priority);
	hitl_execute(&insert, values, NULL, 0);
	if (priority > 0)
		hitl_look_back_at_commit();
}

/*
 * Leave a message that is due at an instant.
 */
void
hitl_tell_later(const pg_uuid_t *workflow_id, const char *kind, Jsonb *body,
				TimestampTz due_at)
{
	static HitlStatement insert = {
		"INSERT INTO hitl.messages (due_at, workflow_id, kind, body) "
		"VALUES ($4, $1, $2, $3)",
		4,
		{UUIDOID, TEXTOID, JSONBOID, TIMESTAMPTZOID},
	};
	Datum values[4];

	values[0] = UUIDPGetDatum(workflow_id);
	values[1] = CStringGetTextDatum(kind);
	values[2] = JsonbPGetDatum(body);
	values[3] = TimestampTzGetDatum(due_at);
	hitl_execute(&insert, values, NULL, 0);
}

/*
 * Add a message to a batch.
 */
void
hitl_add_message(HitlBatch *batch, const pg_uuid_t *workflow_id,
				 const char *kind, Jsonb *body)
{
	Datum values[3];

	values[0] = UUIDPGetDatum(workflow_id);
	values[1] = CStringGetTextDatum(kind);
	values[2] = JsonbPGetDatum(body);
	hitl_rows_add(&batch->messages, values, NULL);
}

/*
 * Write the messages of a batch.  Those to workflows in it that have no
 * priority, which is nearly all, need no look at the others.
 */
void
hitl_insert_messages(HitlBatch *batch)
{
	static HitlStatement insert = {
		"INSERT INTO hitl.messages (workflow_id, kind, body) "
		"SELECT * FROM unnest($1, $2, $3)",
		3,
		{UUIDARRAYOID, TEXTARRAYOID, JSONBARRAYOID},
	};
	static HitlStatement insert_ranked = {
		"INSERT INTO hitl.messages (due_at, workflow_id, kind, body) "
		"SELECT clock_timestamp() - coalesce((SELECT w.priority FROM hitl.workflows w "
		"WHERE w.id = m.workflow_id), 0) * " HITL_HEAD_START ", m.* "
		"FROM unnest($1, $2, $3) AS m (workflow_id, kind, body)",
		3,
		{UUIDARRAYOID, TEXTARRAYOID, JSONBARRAYOID},
	};
	HitlRows plain;
	HitlRows ranked;
	int i;

	if (batch->messages.count == 0)
		return;
	hitl_rows_init(&plain, batch->messages.ncolumns, batch->messages.types);
	hitl_rows_init(&ranked, batch->messages.ncolumns, batch->messages.types);
	for (i = 0; i < batch->messages.count; i++)
	{
		Datum values[3];
		HitlWorkflow *workflow;

		values[0] = batch->messages.values[0][i];
		values[1] = batch->messages.values[1][i];
		values[2] = batch->messages.values[2][i];
		workflow = hitl_batch_find(batch, DatumGetUUIDP(values[0]));
		hitl_rows_add(workflow && workflow->priority == 0 ? &plain : &ranked,
					  values, NULL);
	}
	hitl_rows_execute(&plain, &insert);
	hitl_rows_execute(&ranked, &insert_ranked);
	if (ranked.count > 0)
		hitl_look_back_at_commit();
}
