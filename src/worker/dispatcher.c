/*
 * dispatcher.c
 *		The worker that talks to the outside.
 *
 * A pass drives libcurl, records what has come back and claims what is due,
 * both in one transaction, and sends the claimed with none open.  It claims
 * no more than it can send at once, so its memory does not grow with the
 * queue.
 *
 * Words: a *look* is a claim, and the question when the next row is due; a
 * *sweep* is a look from the very head of the queue.  Other looks begin where
 * the last one ended, since the head is full of index entries of rows that
 * are done with until VACUUM takes them away.  Looks and sweeps rest for ten
 * times as long as they took: an idle dispatcher always does the whole, a
 * busy one spends a tenth of its time on it at most.
 */
#include "postgres.h"

#include "hitl.h"

#include <sys/resource.h>

#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "core_bridge.h"
#include "db.h"
#include "worker/dispatcher.h"
#include "worker/http_client.h"
#include "worker/worker.h"

/* One part of the time in this many may go into looks. */
#define REST_FACTOR 10

/* Sweep at least this often, whatever it costs. */
#define MAX_SWEEP_DELAY_MS 1000

/* A row that is due and was not claimed is locked: look again after this. */
#define LOCKED_ROW_DELAY_MS 1000

/* What one transaction records at most. */
#define MAX_RECORDED	   1000
#define MAX_RECORDED_BYTES (16 * 1024 * 1024)

/* Descriptors on top of those for connections: the server's own files. */
#define OTHER_DESCRIPTORS 1200

static void dispatcher_start(void);
static long dispatcher_pass(void);
static void dispatcher_failed(const ErrorData *error);
static int	dispatcher_wait_descriptor(void);
static void raise_descriptor_limit(void);
static void collect_results(void);
static int	choose_recorded(void);
static void settle_recorded(void);
static void look_for_work(int capacity);
static void prepare_claimed(void);
static void send_claimed(void);
static void unhold(TimestampTz now);
static void finish(HitlDelivery *delivery);
static long sleep_time(TimestampTz now);

const HitlWorkerRole hitl_dispatcher_role = {.kind = HITL_WORKER_DISPATCHER,
											 .start = dispatcher_start,
											 .pass = dispatcher_pass,
											 .failed = dispatcher_failed,
											 .wait_descriptor =
												 dispatcher_wait_descriptor};

static HttpClient	*client = NULL;
static MemoryContext delivery_context = NULL; /* parent of all deliveries */

/* Deliveries: claimed → in flight (owned by the client) → finished or held. */
static dlist_head claimed = DLIST_STATIC_INIT(claimed);
static dlist_head finished = DLIST_STATIC_INIT(finished);
static dlist_head held = DLIST_STATIC_INIT(held); /* their rows are locked */
static int		  finished_count = 0;
static int		  held_count = 0;

/* Recording: how many of finished are being recorded, and how many may be. */
static int recording = 0;
static int record_limit = MAX_RECORDED;

/* Looking. */
static TimestampTz position = DT_NOBEGIN; /* where the next look begins */
static TimestampTz look_after = 0;		  /* no look before this */
static TimestampTz sweep_after = 0;		  /* no sweep before this */
static TimestampTz swept_at = 0;
static TimestampTz due_at = 0; /* when the next row is due; 0: not known */

/*
 * Once, in the database.
 */
static void
dispatcher_start(void)
{
	/*
	 * The queue is always read through its indexes: plans are made once, when
	 * it is empty as a rule, and statistics say nothing about a queue.
	 */
	SetConfigOption("plan_cache_mode", "force_generic_plan", PGC_SUSET,
					PGC_S_SESSION);
	SetConfigOption("enable_seqscan", "off", PGC_SUSET, PGC_S_SESSION);
	SetConfigOption("enable_bitmapscan", "off", PGC_SUSET, PGC_S_SESSION);
	SetConfigOption("enable_hashjoin", "off", PGC_SUSET, PGC_S_SESSION);
	SetConfigOption("enable_mergejoin", "off", PGC_SUSET, PGC_S_SESSION);
	SetConfigOption("jit", "off", PGC_SUSET, PGC_S_SESSION);

	delivery_context = AllocSetContextCreate(
		TopMemoryContext, "hitl dispatcher", ALLOCSET_DEFAULT_SIZES);
	raise_descriptor_limit();
	client = http_client_create("hitl/" HITL_VERSION);
	if (client == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_SYSTEM_ERROR),
				 errmsg("could not initialize libcurl")));
	(void) hitl_core();

	hitl_begin_work("releasing requests of an earlier dispatcher");
	hitl_release_outbox();
	hitl_end_work();
}

/*
 * One pass.
 */
static long
dispatcher_pass(void)
{
	static int	kept_connections = 0;
	TimestampTz now = GetCurrentTimestamp();
	int			capacity;
	bool		look;

	if (kept_connections != hitl_max_connections)
	{
		kept_connections = hitl_max_connections;
		http_client_keep_connections(client, kept_connections);
	}

	http_client_drive(client);
	collect_results();
	unhold(now);

	capacity =
		hitl_max_connections - http_client_in_flight(client) - held_count;
	recording = choose_recorded();
	capacity -= finished_count - recording;
	look = capacity > 0 && now >= look_after;
	if (!look)
		due_at = 0; /* it may be a wake-up that we do not heed now */
	if (recording > 0 || look)
	{
		hitl_begin_work(recording > 0 ? "recording and claiming requests"
									  : "claiming requests");
		if (recording > 0)
			hitl_record_outbox(&finished, recording);
		if (look)
			look_for_work(capacity);
		hitl_end_work();
		settle_recorded();
		send_claimed();
	}
	return sleep_time(GetCurrentTimestamp());
}

/*
 * The transaction of a pass failed.  What was claimed in it is queued as
 * before.  Verdicts are recorded one by one from now on, until that works;
 * one that the database refuses by itself is replaced by a plain failure,
 * and dropped if even that is refused: then its lease brings the row back.
 */
static void
dispatcher_failed(const ErrorData *error)
{
	int				   category = ERRCODE_TO_CATEGORY(error->sqlerrcode);
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &claimed)
	{
		HitlDelivery *delivery = dlist_container(HitlDelivery, node, iter.cur);

		dlist_delete(iter.cur);
		hitl_free_delivery(delivery);
	}

	if (recording == 1 && (category == ERRCODE_DATA_EXCEPTION ||
						   category == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION ||
						   category == ERRCODE_PROGRAM_LIMIT_EXCEEDED ||
						   category == ERRCODE_PLPGSQL_ERROR))
	{
		HitlDelivery *delivery =
			dlist_head_element(HitlDelivery, node, &finished);

		if (delivery->unrecordable)
		{
			dlist_delete(&delivery->node);
			finished_count--;
			hitl_free_delivery(delivery);
		}
		else
		{
			delivery->unrecordable = true;
			delivery->response_body = NULL;
			delivery->answered = false;
			hitl_fail_delivery(delivery, "system_error",
							   "the result could not be recorded (SQLSTATE %s)",
							   unpack_sql_state(error->sqlerrcode));
		}
	}
	if (recording > 0)
		record_limit = 1;
	recording = 0;
}

/*
 * What ends the sleep of the worker.
 */
static int
dispatcher_wait_descriptor(void)
{
	return http_client_descriptor(client);
}

/*
 * Connections need descriptors beyond those that the server reckons with.
 */
static void
raise_descriptor_limit(void)
{
	struct rlimit limit;
	rlim_t		  wanted = (rlim_t) hitl_max_connections + OTHER_DESCRIPTORS;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = Min(wanted, limit.rlim_max);
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		ereport(LOG,
				(errmsg("could not raise the limit of open files: %m")));
}

/*
 * Judge what libcurl has finished.
 */
static void
collect_results(void)
{
	HttpResult *result;

	while ((result = http_client_take(client)) != NULL)
	{
		HitlDelivery *delivery = result->owner;

		hitl_judge_delivery(delivery, result);
		http_client_release(client, result);
		finish(delivery);
	}
}

/*
 * How many verdicts the next transaction records.
 */
static int
choose_recorded(void)
{
	size_t	   bytes = 0;
	int		   count = 0;
	dlist_iter iter;

	dlist_foreach(iter, &finished)
	{
		HitlDelivery *delivery = dlist_container(HitlDelivery, node, iter.cur);

		bytes += delivery->response_length;
		if (count > 0 && (count >= record_limit || bytes > MAX_RECORDED_BYTES))
			break;
		count++;
	}
	return count;
}

/*
 * The transaction committed: forget what it recorded.
 */
static void
settle_recorded(void)
{
	int i;

	for (i = 0; i < recording; i++)
	{
		HitlDelivery *delivery =
			dlist_container(HitlDelivery, node, dlist_pop_head_node(&finished));

		finished_count--;
		if (delivery->held_until != 0)
		{
			dlist_push_tail(&held, &delivery->node);
			held_count++;
		}
		else
			hitl_free_delivery(delivery);
	}
	if (recording > 0)
	{
		hitl_count_handled(recording);
		record_limit = Min(record_limit * 2, MAX_RECORDED);
	}
	recording = 0;
}

/*
 * Claim as many due rows as there is capacity for.
 */
static void
look_for_work(int capacity)
{
	TimestampTz begun = GetCurrentTimestamp();
	TimestampTz last = position;
	TimestampTz ended;
	int			count = 0;
	bool		sweep;

	sweep = begun >= TimestampTzPlusMilliseconds(swept_at, MAX_SWEEP_DELAY_MS);
	if (!sweep)
	{
		count = hitl_claim_outbox(position, capacity, delivery_context,
								  &claimed, &last);
		position = Max(position, last);
		sweep = count < capacity && begun >= sweep_after;
	}
	if (sweep)
	{
		TimestampTz sweep_begun = GetCurrentTimestamp();

		count += hitl_claim_outbox(DT_NOBEGIN, capacity - count,
								   delivery_context, &claimed, &last);
		position = last;
		due_at = count < capacity ? hitl_next_due() : 0;
		ended = GetCurrentTimestamp();
		swept_at = ended;
		sweep_after = ended + Max(ended - sweep_begun, 0) * REST_FACTOR;
	}
	else
		due_at = count < capacity ? sweep_after : 0;

	ended = GetCurrentTimestamp();
	if (count < capacity)
	{
		look_after = ended + Max(ended - begun, 0) * REST_FACTOR;
		if (due_at <= begun)
			due_at = TimestampTzPlusMilliseconds(ended, LOCKED_ROW_DELAY_MS);
	}
	else
		look_after = 0;

	/* Inside the transaction, which the signatures need. */
	prepare_claimed();
}

/*
 * Make requests of what has been claimed.
 */
static void
prepare_claimed(void)
{
	dlist_iter iter;

	dlist_foreach(iter, &claimed)
		(void) hitl_prepare_delivery(
			dlist_container(HitlDelivery, node, iter.cur));
}

/*
 * Send what the transaction has claimed, now that it is committed.
 */
static void
send_claimed(void)
{
	while (!dlist_is_empty(&claimed))
	{
		HitlDelivery *delivery =
			dlist_container(HitlDelivery, node, dlist_pop_head_node(&claimed));

		if (delivery->status != NULL)
			finish(delivery); /* it could not be prepared */
		else if (!http_client_start(client, &delivery->request))
		{
			hitl_fail_delivery(delivery, "system_error", "out of memory");
			finish(delivery);
		}
	}
	http_client_drive(client);
}

/*
 * Try again to record the verdicts of rows that were locked.
 */
static void
unhold(TimestampTz now)
{
	while (!dlist_is_empty(&held))
	{
		HitlDelivery *delivery = dlist_head_element(HitlDelivery, node, &held);

		if (delivery->held_until > now)
			break;
		dlist_delete(&delivery->node);
		held_count--;
		finish(delivery);
	}
}

/*
 * A delivery has its verdict.
 */
static void
finish(HitlDelivery *delivery)
{
	dlist_push_tail(&finished, &delivery->node);
	finished_count++;
}

/*
 * How long the worker may sleep.
 */
static long
sleep_time(TimestampTz now)
{
	long sleep = http_client_timeout(client);
	int	 capacity = hitl_max_connections - http_client_in_flight(client) -
				   held_count - finished_count;
	TimestampTz wake_at = DT_NOEND;

	if (finished_count > 0)
		return 0;
	if (held_count > 0)
		wake_at = dlist_head_element(HitlDelivery, node, &held)->held_until;
	if (capacity > 0)
		wake_at = Min(wake_at, Max(due_at, look_after));
	if (wake_at != DT_NOEND)
	{
		long left = TimestampDifferenceMilliseconds(now, wake_at);

		if (sleep == HITL_SLEEP_FOREVER || left < sleep)
			sleep = left;
	}
	return sleep;
}
