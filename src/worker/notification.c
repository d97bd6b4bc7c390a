/*
 * notification.c
 *		What notifications say, when they are sent.
 *
 * A message to people is queued without its body, which is rendered when the
 * request is claimed, in that transaction: it shows the request as it is by
 * then, and what has nothing to say any more is not sent.  The body of a hook
 * of one's own making (generic) is what its template makes of the event.
 */
#include "postgres.h"

#include "hitl.h"

#include "catalog/pg_type_d.h"
#include "utils/array.h"
#include "utils/memutils.h"

#include "db.h"
#include "worker/dispatcher.h"

static void mark_locked(dlist_head *finished);
static bool is_rendered(const HitlDelivery *delivery);
static HitlDelivery *find_delivery(dlist_head *claimed, const pg_uuid_t *id);

/*
 * Render what was claimed.
 */
void
hitl_render_notifications(dlist_head *claimed)
{
	static HitlStatement render = {
		"SELECT request_id, url, body, revision, fault"
		" FROM hitl.render_notifications($1)",
		1,
		{UUIDARRAYOID},
	};
	dlist_iter iter;
	Datum *ids;
	Datum values[1];
	int count = 0;
	uint64 row;

	dlist_foreach(iter, claimed)
		count += is_rendered(dlist_container(HitlDelivery, node, iter.cur));
	if (count == 0)
		return;
	ids = palloc(count * sizeof(Datum));
	count = 0;
	dlist_foreach(iter, claimed)
	{
		HitlDelivery *delivery = dlist_container(HitlDelivery, node, iter.cur);

		if (!is_rendered(delivery))
			continue;
		ids[count++] = UUIDPGetDatum(&delivery->id);
		delivery->status = "cancelled"; /* unless there is something to say */
	}
	values[0] = PointerGetDatum(
		construct_array(ids, count, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR));
	hitl_execute(&render, values, NULL, 0);
	for (row = 0; row < SPI_processed; row++)
	{
		bool isnull;
		HitlDelivery *delivery =
			find_delivery(claimed, DatumGetUUIDP(hitl_column(row, 1, &isnull)));
		MemoryContext before = MemoryContextSwitchTo(delivery->context);
		char *fault = hitl_column_text(row, 5);
		Datum revision = hitl_column(row, 4, &isnull);

		delivery->revision = isnull ? 0 : DatumGetInt32(revision);
		delivery->url = hitl_column_text(row, 2);
		delivery->body = hitl_column_text(row, 3);
		if (fault)
			hitl_fail_delivery(delivery, "rendering_error", "%s", fault);
		else if (delivery->body)
			delivery->status = NULL;
		MemoryContextSwitchTo(before);
	}
}

/*
 * Lock the ledger before the outbox.  Nobody is waited for: whoever has a row
 * locked may have much to tell, or have forgotten his transaction.
 */
void
hitl_lock_notifications(dlist_head *finished, int count)
{
	/* One that was removed meanwhile locks nobody out. */
	static HitlStatement lock = {
		"WITH free AS MATERIALIZED (SELECT id FROM hitl.notification_ledger"
		" WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)"
		" SELECT id FROM hitl.notification_ledger"
		" WHERE id = ANY ($1) AND id NOT IN (SELECT id FROM free)",
		1,
		{UUIDARRAYOID},
	};
	Datum *ids = palloc((count + 1) * sizeof(Datum));
	Datum values[1];
	int n = 0;
	dlist_iter iter;

	dlist_foreach(iter, finished)
	{
		HitlDelivery *delivery = dlist_container(HitlDelivery, node, iter.cur);

		if (count-- == 0)
			break;
		delivery->ledger_locked = false;
		if (delivery->has_notification)
			ids[n++] = UUIDPGetDatum(&delivery->notification_id);
	}
	if (n == 0)
		return;
	values[0] = PointerGetDatum(
		construct_array(ids, n, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR));
	hitl_execute(&lock, values, NULL, 0);
	mark_locked(finished);
}

/*
 * Note what was recorded.
 */
void
hitl_note_notifications(dlist_head *finished, int count)
{
	static HitlStatement note = {
		"SELECT hitl.note_notifications($1, $2)",
		2,
		{UUIDARRAYOID, INT4ARRAYOID},
	};
	Datum *ids = palloc((count + 1) * sizeof(Datum));
	Datum *revisions = palloc((count + 1) * sizeof(Datum));
	Datum values[2];
	int n = 0;
	dlist_iter iter;

	dlist_foreach(iter, finished)
	{
		HitlDelivery *delivery = dlist_container(HitlDelivery, node, iter.cur);

		if (count-- == 0)
			break;
		if (!delivery->has_notification || delivery->held_until != 0)
			continue;
		ids[n] = UUIDPGetDatum(&delivery->id);
		revisions[n++] = Int32GetDatum(delivery->revision);
	}
	if (n == 0)
		return;
	values[0] = PointerGetDatum(
		construct_array(ids, n, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR));
	values[1] = PointerGetDatum(construct_array(revisions, n, INT4OID,
												sizeof(int32), true,
												TYPALIGN_INT));
	hitl_execute(&note, values, NULL, 0);
}

/*
 * Set ledger_locked of the deliveries whose rows of the ledger the last
 * statement has found.
 */
static void
mark_locked(dlist_head *finished)
{
	uint64 row;
	bool isnull;
	dlist_iter iter;

	for (row = 0; row < SPI_processed; row++)
	{
		pg_uuid_t *id = DatumGetUUIDP(hitl_column(row, 1, &isnull));

		dlist_foreach(iter, finished)
		{
			HitlDelivery *delivery = dlist_container(HitlDelivery, node,
													 iter.cur);

			if (delivery->has_notification &&
				memcmp(&delivery->notification_id, id, sizeof(pg_uuid_t)) == 0)
				delivery->ledger_locked = true;
		}
	}
}

/*
 * Is the body of a request made when it is sent?
 */
static bool
is_rendered(const HitlDelivery *delivery)
{
	if (delivery->body != NULL)
		return delivery->status == NULL &&
			hitl_is_carried_by(delivery, "generic");
	return delivery->purpose == HITL_NOTIFICATION && delivery->has_notification;
}

static HitlDelivery *
find_delivery(dlist_head *claimed, const pg_uuid_t *id)
{
	dlist_iter iter;

	dlist_foreach(iter, claimed)
	{
		HitlDelivery *delivery = dlist_container(HitlDelivery, node, iter.cur);

		if (memcmp(&delivery->id, id, sizeof(pg_uuid_t)) == 0)
			return delivery;
	}
	elog(ERROR, "a notification was rendered that was not claimed");
}
