/*
 * dispatcher.c
 *		The worker that talks to the outside.
 *
 * A pass drives libcurl, records what has come back and claims what is due,
 * both in one transaction, and sends the claimed with none open.  It claims
 * no more than it can send at once, so its memory does not grow with the
 * queue.
 *
 * Words: each purpose is a *lane*; some connections are kept for the other
 * ones, so that a model that hangs does not stop the notifications of people.
 * In a lane each host has a *queue*, and no host gets so many of the lane's
 * connections that nothing is left for the next one.  A *look* is a claim from
 * some queues, when work was announced or is due; a *sweep* finds out which
 * hosts have rows at all, when each next has one due, and claims from the very
 * head of their queues.  Other looks begin where the last one ended, since the
 * head is full of index entries of rows that are done with until VACUUM takes
 * them away.  Sweeps rest for ten times as long as they took: an idle dispatcher
 * always does the whole, a busy one spends a tenth of its time on it at most.
 *
 * What is *held* waits for nothing but the end of another request.
 */
#include "postgres.h"

#include "hitl.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "core_bridge.h"
#include "db.h"
#include "worker/dispatcher.h"
#include "worker/hosts.h"
#include "worker/http_client.h"
#include "worker/mail_client.h"
#include "worker/transfer.h"
#include "worker/worker.h"

/* One part of the time in this many may go into sweeps. */
#define REST_FACTOR 10

/* Sweep at least this often, whatever it costs. */
#define MAX_SWEEP_DELAY_MS 1000

/* A row that is due and was not claimed is locked: look again after this. */
#define LOCKED_ROW_DELAY_MS 1000

/* What one transaction records at most. */
#define MAX_RECORDED	   1000
#define MAX_RECORDED_BYTES (16 * 1024 * 1024)

/*
 * Of the connections of a lane, a host leaves one in this many plus one free:
 * then a second one that hangs, too, leaves some of the rest, and so on.
 */
#define HOST_SHARE 3

/* Of more queues than these, only those are asked that are known to have rows. */
#define MANY_QUEUES 16

/* Looks go on to ask a host for a while after its queue was empty. */
#define QUEUE_MEMORY_MS 10000

typedef struct Lane
{
	int claimed; /* but not yet sent */
	int in_flight;
	dlist_head queues; /* those that are asked */
	bool held;
	TimestampTz sweep_after; /* no sweep before this */
	TimestampTz swept_at;
	TimestampTz due_at; /* when to look; 0: now */
} Lane;

static void dispatcher_start(void);
static long dispatcher_pass(void);
static bool dispatcher_failed(const ErrorData *error);
static int dispatcher_wait_descriptor(void);
static void notice_set_back(TimestampTz now);
static void drive_clients(void);
static void collect_results(void);
static void take_result(HitlDelivery *delivery);
static int choose_recorded(void);
static void settle_recorded(void);
static void look_for_work(TimestampTz now);
static void divert_requests(TimestampTz now);
static void look_in_lane(Lane *lane, int capacity);
static int claim_from_queues(Lane *lane, int capacity, bool swept);
static int give_shares(Lane *lane, int capacity, bool swept, HitlOrder *orders);
static int compare_orders(const void *a, const void *b);
static int host_share(const HitlQueue *queue, int capacity);
static void list_queues(Lane *lane, TimestampTz now);
static TimestampTz next_due(Lane *lane, TimestampTz now);
static void prepare_claimed(void);
static void send_claimed(void);
static void unhold(TimestampTz now);
static void settle_host(HitlDelivery *delivery);
static void finish(HitlDelivery *delivery);
static Lane *lane_of(const HitlDelivery *delivery);
static HitlPurpose purpose_of(const Lane *lane);
static int lane_capacity(const Lane *lane);
static void look_everywhere(void);
static long sleep_time(TimestampTz now);

const HitlWorkerRole hitl_dispatcher_role =
	{.kind = HITL_WORKER_DISPATCHER,
	 .start = dispatcher_start,
	 .pass = dispatcher_pass,
	 .failed = dispatcher_failed,
	 .wait_descriptor = dispatcher_wait_descriptor};

static TransferLoop *transfers = NULL;
static HttpClient *client = NULL;
static MailClient *mail_client = NULL;
static MemoryContext delivery_context = NULL; /* parent of all deliveries */

/* Deliveries: claimed → sent (owned by the client) → finished or held. */
static dlist_head claimed = DLIST_STATIC_INIT(claimed);
static dlist_head sent = DLIST_STATIC_INIT(sent);
static dlist_head finished = DLIST_STATIC_INIT(finished);
static dlist_head held = DLIST_STATIC_INIT(held); /* their rows are locked */
static dlist_head *const under_way[] = {&sent, &finished, &held, NULL};
static int finished_count = 0;
static int held_count = 0;

/* Recording: how many of finished are being recorded, and how many may be. */
static int recording = 0;
static int record_limit = MAX_RECORDED;

/* Requests that wait for a secret; -1: unknown.  Has any been set since? */
static int waiting_for_secrets = -1;
static bool secrets_announced = false;

static Lane lanes[HITL_PURPOSES];

/*
 * Once, in the database.
 */
static void
dispatcher_start(void)
{
	int i;

	/*
	 * The queue is always read through its indexes: plans are made once, when
	 * it is empty as a rule, and statistics say nothing about a queue.
	 */
	SetConfigOption("plan_cache_mode", "force_generic_plan", PGC_SUSET,
					PGC_S_SESSION);
	SetConfigOption("enable_bitmapscan", "off", PGC_SUSET, PGC_S_SESSION);
	SetConfigOption("enable_hashjoin", "off", PGC_SUSET, PGC_S_SESSION);
	SetConfigOption("enable_mergejoin", "off", PGC_SUSET, PGC_S_SESSION);
	SetConfigOption("enable_sort", "off", PGC_SUSET, PGC_S_SESSION);

	delivery_context = AllocSetContextCreate(TopMemoryContext,
											 "hitl dispatcher",
											 ALLOCSET_DEFAULT_SIZES);
	transfers = transfer_loop_create();
	if (transfers != NULL)
	{
		client = http_client_create(transfers, "hitl/" HITL_VERSION);
		mail_client = mail_client_create(transfers);
	}
	if (client == NULL || mail_client == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_SYSTEM_ERROR),
				 errmsg("could not initialize libcurl")));
	(void) hitl_core();
	hitl_hosts_init();
	for (i = 0; i < lengthof(lanes); i++)
		dlist_init(&lanes[i].queues);

	hitl_begin_work("releasing requests of an earlier dispatcher");
	hitl_release_outbox();
	(void) hitl_refresh_hosts();
	hitl_hosts_set_back(GetCurrentTimestamp()); /* perhaps, since it ended */
	waiting_for_secrets = hitl_release_waiting();
	hitl_end_work();
}

/*
 * One pass.
 */
static long
dispatcher_pass(void)
{
	static int kept_connections = 0;
	TimestampTz now = GetCurrentTimestamp();
	bool look = false;
	int i;

	if (kept_connections != hitl_max_connections)
	{
		kept_connections = hitl_max_connections;
		transfer_loop_keep_connections(transfers, kept_connections);
		hitl_raise_descriptor_limit(hitl_max_connections);
	}

	notice_set_back(now);
	drive_clients();
	collect_results();
	unhold(now);

	if (hitl_work_announced)
	{
		look_everywhere();
		secrets_announced = true;
	}
	hitl_work_announced = false;

	recording = choose_recorded();
	for (i = 0; i < lengthof(lanes); i++)
		if (lane_capacity(&lanes[i]) > 0 && now >= lanes[i].due_at)
			look = true;
	if (recording > 0 || look)
	{
		hitl_begin_work(recording > 0 ? "recording and claiming requests"
									  : "claiming requests");
		if (hitl_refresh_hosts())
			look_everywhere();
		if (recording > 0)
			hitl_record_outbox(&finished, recording);
		hitl_save_breakers();
		if (secrets_announced && waiting_for_secrets != 0)
			waiting_for_secrets = hitl_release_waiting();
		secrets_announced = false;
		if (look)
			look_for_work(now);
		divert_requests(now);
		hitl_end_work();
		hitl_breakers_saved();
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
static bool
dispatcher_failed(const ErrorData *error)
{
	int category = ERRCODE_TO_CATEGORY(error->sqlerrcode);
	dlist_mutable_iter iter;
	int i;

	dlist_foreach_modify(iter, &claimed)
	{
		HitlDelivery *delivery = dlist_container(HitlDelivery, node, iter.cur);

		dlist_delete(iter.cur);
		settle_host(delivery);
		hitl_free_delivery(delivery);
	}
	for (i = 0; i < lengthof(lanes); i++)
	{
		lanes[i].claimed = 0;
		lanes[i].swept_at = lanes[i].sweep_after = lanes[i].due_at = 0;
	}
	hitl_refresh_again();
	waiting_for_secrets = -1;
	secrets_announced = true;

	if (recording == 1 &&
		(category == ERRCODE_DATA_EXCEPTION ||
		 category == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION ||
		 category == ERRCODE_PROGRAM_LIMIT_EXCEEDED ||
		 category == ERRCODE_PLPGSQL_ERROR))
	{
		HitlDelivery *delivery = dlist_head_element(HitlDelivery, node,
													&finished);

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
			delivery->provider_message_id = NULL;
			delivery->answered = false;
			delivery->input_tokens = -1;
			delivery->output_tokens = -1;
			hitl_fail_delivery(delivery, "system_error",
							   "the result could not be recorded (SQLSTATE %s)",
							   unpack_sql_state(error->sqlerrcode));
		}
	}
	if (recording > 0)
		record_limit = 1;
	recording = 0;
	return false;
}

/*
 * What ends the sleep of the worker.
 */
static int
dispatcher_wait_descriptor(void)
{
	return transfer_loop_descriptor(transfers);
}

/*
 * If the clock was set back, nothing waits until it is as late again.
 */
static void
notice_set_back(TimestampTz now)
{
	static TimestampTz last = 0;
	dlist_iter iter;
	int i;

	if (now < last)
	{
		hitl_hosts_set_back(now);
		for (i = 0; i < lengthof(lanes); i++)
			lanes[i].swept_at = lanes[i].sweep_after = lanes[i].due_at = 0;
		dlist_foreach(iter, &held)
			dlist_container(HitlDelivery, node, iter.cur)->held_until = now;
	}
	last = now;
}

/*
 * Do what can be done on the network.
 */
static void
drive_clients(void)
{
	transfer_loop_drive(transfers);
	mail_client_drive(mail_client);
}

/*
 * Judge what the clients have finished.
 */
static void
collect_results(void)
{
	HttpResult *result;
	MailResult *mail_result;

	while ((result = http_client_take(client)) != NULL)
	{
		HitlDelivery *delivery = result->owner;

		delivery->ended_at = GetCurrentTimestamp();
		hitl_judge_delivery(delivery, result);
		http_client_release(client, result);
		take_result(delivery);
	}
	while ((mail_result = mail_client_take(mail_client)) != NULL)
	{
		HitlDelivery *delivery = mail_result->owner;

		delivery->ended_at = GetCurrentTimestamp();
		hitl_judge_mail(delivery, mail_result);
		mail_client_release(mail_client, mail_result);
		take_result(delivery);
	}
}

/*
 * A delivery was judged.
 */
static void
take_result(HitlDelivery *delivery)
{
	dlist_delete(&delivery->node);
	lane_of(delivery)->in_flight--;
	settle_host(delivery);
	finish(delivery);
}

/*
 * How many verdicts the next transaction records.
 */
static int
choose_recorded(void)
{
	size_t bytes = 0;
	int count = 0;
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
		HitlDelivery *delivery = dlist_container(HitlDelivery, node,
												 dlist_pop_head_node(
													 &finished));
		Lane *lane = lane_of(delivery);

		finished_count--;
		if (delivery->held_until != 0)
		{
			dlist_push_tail(&held, &delivery->node);
			held_count++;
		}
		else
		{
			if (delivery->next_attempt_at != 0)
				lane->due_at = Min(lane->due_at, delivery->next_attempt_at);
			hitl_free_delivery(delivery);
		}
	}
	if (recording > 0)
	{
		hitl_count_handled(recording);
		record_limit = Min(record_limit * 2, MAX_RECORDED);
	}
	recording = 0;
}

/*
 * Look in the lanes that want it, now this one first and now that.
 */
static void
look_for_work(TimestampTz now)
{
	static int first = 0;
	int i;

	first++;
	for (i = 0; i < lengthof(lanes); i++)
	{
		Lane *lane = &lanes[(first + i) % lengthof(lanes)];
		int capacity = lane_capacity(lane);

		if (capacity > 0 && now >= lane->due_at)
			look_in_lane(lane, capacity);
	}

	/* Here, in the transaction that bodies, secrets and signatures need. */
	hitl_build_conversations(&claimed);
	hitl_render_notifications(&claimed);
	hitl_read_header_secrets(&claimed);
	prepare_claimed();
}

/*
 * Where a circuit breaker lets nothing pass, requests that have fallbacks do
 * not wait for it.
 */
static void
divert_requests(TimestampTz now)
{
	Lane *lane = &lanes[HITL_INFERENCE];
	BreakerTerms terms = hitl_breaker_terms();
	List *origins = NIL;
	dlist_iter iter;

	dlist_foreach(iter, &lane->queues)
	{
		HitlQueue *queue = dlist_container(HitlQueue, node, iter.cur);
		int64 ready_at;

		if (breaker_allows(&queue->host->breaker, &terms, now, &ready_at) == 0)
			origins = lappend(origins, queue->host->origin);
	}
	if (origins != NIL && hitl_divert_outbox(origins))
		lane->due_at = 0;
}

/*
 * Claim as many due rows as there is capacity for.
 */
static void
look_in_lane(Lane *lane, int capacity)
{
	TimestampTz begun = GetCurrentTimestamp();
	int count = 0;
	bool sweep;

	lane->held = false;
	lane->due_at = DT_NOEND;
	sweep = begun >=
		TimestampTzPlusMilliseconds(lane->swept_at, MAX_SWEEP_DELAY_MS);
	if (!sweep)
	{
		count = claim_from_queues(lane, capacity, false);
		sweep = count < capacity && begun >= lane->sweep_after;
		if (!sweep)
			lane->due_at = Min(lane->due_at, lane->sweep_after);
	}
	if (sweep)
	{
		TimestampTz sweep_begun = GetCurrentTimestamp();

		list_queues(lane, sweep_begun);
		if (count < capacity)
			(void) claim_from_queues(lane, capacity - count, true);
		hitl_forget_hosts(sweep_begun);
		lane->swept_at = GetCurrentTimestamp();
		lane->sweep_after = lane->swept_at +
			Max(lane->swept_at - sweep_begun, 0) * REST_FACTOR;
		lane->due_at = Min(lane->due_at, next_due(lane, lane->swept_at));
	}
}

/*
 * Claim from the queues of a lane, after a sweep from those that are known to
 * have a row that is due, from its head on.
 */
static int
claim_from_queues(Lane *lane, int capacity, bool swept)
{
	HitlOrder *orders = palloc(capacity * sizeof(HitlOrder));
	int orders_count = give_shares(lane, capacity, swept, orders);
	int count = 0;
	int i;

	if (orders_count > 0)
		count = hitl_claim_outbox(purpose_of(lane), orders, orders_count,
								  under_way, delivery_context, &claimed);
	lane->claimed += count;
	for (i = 0; i < orders_count; i++)
		if (orders[i].queue->got == orders[i].limit)
			lane->due_at = 0; /* there may be more */
	pfree(orders);
	return count;
}

/*
 * Share the capacity among the queues: those that have least in flight, and
 * were served longest ago, come first, and none gets more than its part of what
 * is left.
 */
static int
give_shares(Lane *lane, int capacity, bool swept, HitlOrder *orders)
{
	TimestampTz now = GetCurrentTimestamp();
	HitlOrder *wanted;
	int listed = 0;
	int count = 0;
	int given = 0;
	int capacity_left = capacity;
	dlist_iter iter;
	int i;

	dlist_foreach(iter, &lane->queues)
		listed++;
	wanted = palloc((listed + 1) * sizeof(HitlOrder));
	dlist_foreach(iter, &lane->queues)
	{
		HitlQueue *queue = dlist_container(HitlQueue, node, iter.cur);
		TimestampTz ready_at;
		int allowed;

		queue->asked = queue->got = 0;
		if (swept && queue->first > GetCurrentTransactionStartTimestamp())
			continue;
		if (!swept && queue->empty && listed > MANY_QUEUES)
			continue;
		allowed = hitl_host_allows(queue->host, now, &ready_at);
		allowed = Min(allowed, host_share(queue, capacity));
		if (allowed <= 0)
		{
			lane->held = true;
			continue;
		}
		wanted[count].queue = queue;
		wanted[count].since = swept ? queue->first : queue->position;
		wanted[count].limit = allowed;
		count++;
	}
	if (count > 1)
		qsort(wanted, count, sizeof(HitlOrder), compare_orders);
	for (i = 0; i < count && capacity_left > 0; i++)
	{
		int share = (capacity_left + count - i - 1) / (count - i);

		orders[given] = wanted[i];
		orders[given].limit = Min(wanted[i].limit, share);
		capacity_left -= orders[given].limit;
		given++;
	}
	if (i < count)
		lane->held = true;
	pfree(wanted);
	return given;
}

/*
 * Which queue comes first?
 */
static int
compare_orders(const void *a, const void *b)
{
	const HitlQueue *left = ((const HitlOrder *) a)->queue;
	const HitlQueue *right = ((const HitlOrder *) b)->queue;

	if (left->in_flight != right->in_flight)
		return left->in_flight < right->in_flight ? -1 : 1;
	if (left->served_at != right->served_at)
		return left->served_at < right->served_at ? -1 : 1;
	return 0;
}

/*
 * How many more requests one host may have in a lane with this capacity left,
 * so that there is room for others, but at least one.
 */
static int
host_share(const HitlQueue *queue, int capacity)
{
	int share = (HOST_SHARE * capacity - queue->in_flight) / (HOST_SHARE + 1);

	return queue->in_flight == 0 ? Max(share, 1) : share;
}

/*
 * List the queues that have rows, and those that had some a while ago: then
 * the next row is claimed without a sweep before.
 */
static void
list_queues(Lane *lane, TimestampTz now)
{
	dlist_mutable_iter iter;
	ListCell *cell;

	dlist_foreach_modify(iter, &lane->queues)
		dlist_container(HitlQueue, node, iter.cur)->first = DT_NOEND;
	foreach(cell, hitl_find_queues(purpose_of(lane)))
	{
		HitlQueue *queue = lfirst(cell);

		if (!queue->listed)
			dlist_push_tail(&lane->queues, &queue->node);
		queue->listed = true;
		queue->empty = false;

		/* Rows of a higher priority have come in before the others. */
		queue->position = Min(queue->position, queue->first);
	}
	dlist_foreach_modify(iter, &lane->queues)
	{
		HitlQueue *queue = dlist_container(HitlQueue, node, iter.cur);

		if (queue->first != DT_NOEND ||
			now <
				TimestampTzPlusMilliseconds(queue->served_at, QUEUE_MEMORY_MS))
			continue;
		dlist_delete(iter.cur);
		queue->listed = false;
		queue->position = DT_NOBEGIN;
	}
}

/*
 * After a sweep: when to look again, if nothing is announced and nothing ends.
 */
static TimestampTz
next_due(Lane *lane, TimestampTz now)
{
	TimestampTz due_at = DT_NOEND;
	dlist_iter iter;

	dlist_foreach(iter, &lane->queues)
	{
		HitlQueue *queue = dlist_container(HitlQueue, node, iter.cur);
		TimestampTz ready_at = now;

		if (queue->first == DT_NOEND)
			continue;
		if (queue->first > GetCurrentTransactionStartTimestamp())
			due_at = Min(due_at, queue->first);
		else if (queue->asked > queue->got)
		{
			/* What came next is not known; what was not claimed is locked. */
			due_at = Min(due_at,
						 queue->got > 0 ? lane->sweep_after
										: TimestampTzPlusMilliseconds(
											  now, LOCKED_ROW_DELAY_MS));
		}
		else if (hitl_host_allows(queue->host, now, &ready_at) == 0)
			due_at = Min(due_at, ready_at);
	}
	return due_at;
}

/*
 * Make requests of what has been claimed.
 */
static void
prepare_claimed(void)
{
	dlist_iter iter;

	dlist_foreach(iter, &claimed)
	{
		HitlDelivery *delivery = dlist_container(HitlDelivery, node, iter.cur);

		if (delivery->status == NULL)
			(void) hitl_prepare_delivery(delivery);
	}
}

/*
 * Send what the transaction has claimed, now that it is committed.
 */
static void
send_claimed(void)
{
	while (!dlist_is_empty(&claimed))
	{
		HitlDelivery *delivery = dlist_container(HitlDelivery, node,
												 dlist_pop_head_node(&claimed));
		Lane *lane = lane_of(delivery);

		lane->claimed--;
		if (delivery->status != NULL)
		{
			settle_host(delivery); /* it could not be prepared */
			finish(delivery);
		}
		else if (delivery->is_mail
					 ? mail_client_start(mail_client, &delivery->mail)
					 : http_client_start(client, &delivery->request))
		{
			dlist_push_tail(&sent, &delivery->node);
			lane->in_flight++;
			delivery->sent_at = GetCurrentTimestamp();
			hitl_log_sent(delivery);
		}
		else
		{
			hitl_fail_delivery(delivery, "system_error", "out of memory");
			settle_host(delivery);
			finish(delivery);
		}
	}
	drive_clients();
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
		dlist_push_tail(&finished, &delivery->node);
		finished_count++;
	}
}

/*
 * The host of a delivery has one request less.  What was held may go on.
 */
static void
settle_host(HitlDelivery *delivery)
{
	int i;

	hitl_host_ends(delivery->remote, delivery->purpose, GetCurrentTimestamp(),
				   delivery->trial, delivery->outcome, delivery->error_message);
	for (i = 0; i < lengthof(lanes); i++)
		if (lanes[i].held)
			lanes[i].due_at = 0;
}

/*
 * A delivery has its verdict.
 */
static void
finish(HitlDelivery *delivery)
{
	if (delivery->missing_secret != NULL)
		waiting_for_secrets = -1;
	dlist_push_tail(&finished, &delivery->node);
	finished_count++;
}

/*
 * The lane that a delivery is in.
 */
static Lane *
lane_of(const HitlDelivery *delivery)
{
	return &lanes[delivery->purpose];
}

/*
 * What the requests of a lane are for.
 */
static HitlPurpose
purpose_of(const Lane *lane)
{
	return (HitlPurpose) (lane - lanes);
}

/*
 * There may be something to claim in any lane.
 */
static void
look_everywhere(void)
{
	int i;

	for (i = 0; i < lengthof(lanes); i++)
		lanes[i].due_at = 0;
}

/*
 * How many more requests a lane may take.  An eighth of the connections is
 * kept for each of the others.
 */
static int
lane_capacity(const Lane *lane)
{
	int kept = hitl_max_connections >= lengthof(lanes)
		? (hitl_max_connections + 7) / 8
		: 0;
	int free = hitl_max_connections - held_count - (finished_count - recording);
	int i;

	for (i = 0; i < lengthof(lanes); i++)
	{
		int used = lanes[i].claimed + lanes[i].in_flight;

		free -= &lanes[i] == lane ? used : Max(used, kept);
	}
	return Max(free, 0);
}

/*
 * How long the worker may sleep.
 */
static long
sleep_time(TimestampTz now)
{
	long sleep = transfer_loop_timeout(transfers);
	long mail_sleep = mail_client_timeout(mail_client);
	TimestampTz wake_at = DT_NOEND;
	int i;

	if (finished_count > 0 || http_client_has_results(client))
		return 0;
	if (mail_sleep >= 0 && (sleep < 0 || mail_sleep < sleep))
		sleep = mail_sleep;
	if (held_count > 0)
		wake_at = dlist_head_element(HitlDelivery, node, &held)->held_until;
	for (i = 0; i < lengthof(lanes); i++)
		if (lane_capacity(&lanes[i]) > 0)
			wake_at = Min(wake_at, lanes[i].due_at);
	if (wake_at != DT_NOEND)
	{
		long left = TimestampDifferenceMilliseconds(now, wake_at);

		if (sleep == HITL_SLEEP_FOREVER || left < sleep)
			sleep = left;
	}
	return sleep;
}
