/*
 * news.c
 *		What happens to approval requests of no workflow, for those who follow
 *		events.
 *
 * Whoever does something about one says so when its transaction has committed,
 * in a ring in shared memory, and wakes the gateway if anybody follows.  NOTIFY
 * would have all commits wait for each other.  The ring has what has happened
 * last, in all databases; whoever asks for more, or for what was before the
 * server started, learns that it is not known, and has to read anew.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "pending.h"
#include "worker/news.h"
#include "worker/shared.h"
#include "worker/worker.h"

typedef struct Publication
{
	HitlPending pending;
	pg_uuid_t approval_id;
	char event_type[HITL_NEWS_TYPE];
} Publication;

/* Left by this transaction. */
static dlist_head pending = DLIST_STATIC_INIT(pending);

static void at_transaction_end(XactEvent event, void *arg);
static void at_subtransaction_end(SubXactEvent event, SubTransactionId mine,
								  SubTransactionId parent, void *arg);
static void at_release(ResourceReleasePhase phase, bool is_commit,
					   bool is_top_level, void *arg);
static void publish(void);
static void put(const pg_uuid_t *approval_id, const char *event_type,
				TimestampTz now);
static void wake_gateway(void);
static void put_row(ReturnSetInfo *result, int64 number,
					const HitlNewsItem *item);

PG_FUNCTION_INFO_V1(hitl_publish_approval);
PG_FUNCTION_INFO_V1(hitl_approval_news);
PG_FUNCTION_INFO_V1(hitl_approval_news_since);

/*
 * At module start, so that every session inherits the callbacks.
 */
void
hitl_news_init(void)
{
	RegisterXactCallback(at_transaction_end, NULL);
	RegisterSubXactCallback(at_subtransaction_end, NULL);
	RegisterResourceReleaseCallback(at_release, NULL);
}

/*
 * Have it told when this transaction commits.
 */
void
hitl_publish_at_commit(const pg_uuid_t *approval_id, const char *event_type)
{
	Publication *item;

	if (hitl_shared == NULL)
		return;
	item = MemoryContextAlloc(TopTransactionContext, sizeof(Publication));
	item->approval_id = *approval_id;
	strlcpy(item->event_type, event_type, sizeof(item->event_type));
	hitl_leave(&pending, &item->pending);
}

/*
 * A prepared transaction has committed.  Which of them had something to tell is
 * not remembered, but whether any had.
 */
void
hitl_publish_prepared(void)
{
	pg_uuid_t none = {0};

	if (pg_atomic_read_u32(&hitl_shared->news_prepared) == 0)
		return;
	LWLockAcquire(hitl_shared->news_lock, LW_EXCLUSIVE);
	put(&none, "", GetCurrentTimestamp());
	LWLockRelease(hitl_shared->news_lock);
	wake_gateway();
}

/* ---- for the gateway -------------------------------------------------- */

/*
 * Wake this worker when there is something, or no more.
 */
void
hitl_follow_news(bool wanted)
{
	pg_atomic_exchange_u32(&hitl_my_slot->news,
						   wanted ? HITL_NEWS_READ : HITL_NEWS_UNWANTED);
}

/*
 * Is there something, since it was asked last?
 */
bool
hitl_take_news(void)
{
	uint32 there = HITL_NEWS_THERE;

	return pg_atomic_compare_exchange_u32(&hitl_my_slot->news, &there,
										  HITL_NEWS_READ);
}

/*
 * The number of the last of them.
 */
int64
hitl_last_news(void)
{
	int64 last;

	LWLockAcquire(hitl_shared->news_lock, LW_SHARED);
	last = hitl_shared->news_count;
	LWLockRelease(hitl_shared->news_lock);
	return last;
}

/* ---- in SQL ----------------------------------------------------------- */

/*
 * hitl.publish_approval(approval_id, event_type)
 */
Datum
hitl_publish_approval(PG_FUNCTION_ARGS)
{
	hitl_publish_at_commit(PG_GETARG_UUID_P(0),
						   text_to_cstring(PG_GETARG_TEXT_PP(1)));
	PG_RETURN_VOID();
}

/*
 * hitl.approval_news(after, upto): those of this database, by their numbers.
 */
Datum
hitl_approval_news(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int64 after = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0);
	int64 upto = PG_ARGISNULL(1) ? INT64_MAX : PG_GETARG_INT64(1);
	HitlNewsItem *items;
	int64 oldest;
	int64 number;
	int64 count;

	hitl_require_shared();
	InitMaterializedSRF(fcinfo, 0);
	items = palloc(sizeof(hitl_shared->news));
	LWLockAcquire(hitl_shared->news_lock, LW_SHARED);
	oldest = Max(hitl_shared->news_count - HITL_NEWS, 0) + 1;
	number = Max(after + 1, oldest);
	count = Max(Min(upto, hitl_shared->news_count) - number + 1, 0);
	for (int64 i = 0; i < count; i++)
		items[i] = hitl_shared->news[(number + i) % HITL_NEWS];
	LWLockRelease(hitl_shared->news_lock);

	if (!PG_ARGISNULL(0) && after + 1 < oldest)
		put_row(result, oldest - 1, NULL);
	for (int64 i = 0; i < count; i++)
		if (items[i].dbid == MyDatabaseId)
			put_row(result, number + i, &items[i]);
	return (Datum) 0;
}

/*
 * hitl.approval_news_since(): what has happened since then is known.
 */
Datum
hitl_approval_news_since(PG_FUNCTION_ARGS)
{
	TimestampTz since;

	hitl_require_shared();
	LWLockAcquire(hitl_shared->news_lock, LW_SHARED);
	since = hitl_shared->news_count <= HITL_NEWS
		? hitl_shared->news_since
		: hitl_shared->news[(hitl_shared->news_count + 1) % HITL_NEWS].at;
	LWLockRelease(hitl_shared->news_lock);
	PG_RETURN_TIMESTAMPTZ(since);
}

/* ---- at commit -------------------------------------------------------- */

/*
 * What is not committed has not happened.  That something was prepared is told
 * by who commits it.
 */
static void
at_transaction_end(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_PREPARE && !dlist_is_empty(&pending))
		pg_atomic_write_u32(&hitl_shared->news_prepared, 1);
	if (event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
		dlist_init(&pending);
}

/*
 * What a subtransaction has done is done by its parent, or by nobody.
 */
static void
at_subtransaction_end(SubXactEvent event, SubTransactionId mine,
					  SubTransactionId parent, void *arg)
{
	hitl_settle_pending(&pending, event);
}

/*
 * Others see what was committed from here on.
 */
static void
at_release(ResourceReleasePhase phase, bool is_commit, bool is_top_level,
		   void *arg)
{
	if (dlist_is_empty(&pending) || phase != RESOURCE_RELEASE_AFTER_LOCKS ||
		!is_commit || !is_top_level)
		return;
	publish();
	dlist_init(&pending);
}

/*
 * Put them into the ring, in their order.
 */
static void
publish(void)
{
	TimestampTz now = GetCurrentTimestamp();
	dlist_iter iter;

	LWLockAcquire(hitl_shared->news_lock, LW_EXCLUSIVE);
	dlist_foreach(iter, &pending)
	{
		Publication *item = dlist_container(Publication, pending.node,
											iter.cur);

		put(&item->approval_id, item->event_type, now);
	}
	LWLockRelease(hitl_shared->news_lock);
	wake_gateway();
}

/*
 * Put one into the ring, in the place of the oldest; the caller holds the lock.
 */
static void
put(const pg_uuid_t *approval_id, const char *event_type, TimestampTz now)
{
	HitlNewsItem *item = &hitl_shared
							  ->news[++hitl_shared->news_count % HITL_NEWS];

	item->dbid = MyDatabaseId;
	item->approval_id = *approval_id;
	item->at = now;
	strlcpy(item->event_type, event_type, sizeof(item->event_type));
}

/*
 * Wake the gateway, if anybody follows and it has read what was there before.
 */
static void
wake_gateway(void)
{
	for (int i = HITL_PROBE_SLOTS; i < hitl_shared->slots_end; i++)
	{
		HitlSlot *slot = &hitl_shared->slots[i];
		uint32 read = HITL_NEWS_READ;

		if (slot->dbid == MyDatabaseId && slot->kind == HITL_WORKER_GATEWAY &&
			pg_atomic_compare_exchange_u32(&slot->news, &read, HITL_NEWS_THERE))
			hitl_wake_slot(slot);
	}
}

/* ---- local ------------------------------------------------------------ */

/*
 * A row of hitl.approval_news(); item: NULL if it was forgotten.
 */
static void
put_row(ReturnSetInfo *result, int64 number, const HitlNewsItem *item)
{
	bool known = item != NULL && item->event_type[0] != '\0';
	Datum values[4] = {Int64GetDatum(number)};
	bool nulls[4] = {false, !known, !known, item == NULL};

	if (known)
	{
		values[1] = UUIDPGetDatum(&item->approval_id);
		values[2] = CStringGetTextDatum(item->event_type);
	}
	if (item != NULL)
		values[3] = TimestampTzGetDatum(item->at);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}
