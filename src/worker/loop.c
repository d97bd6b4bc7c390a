/*
 * loop.c
 *		What all workers do: start, sleep, be woken, fail, go on.
 *
 * A worker sleeps in one WaitEventSet until its latch is set, its role's
 * descriptor is readable, or its next piece of work is due; at idle it uses
 * no CPU, sends no query, and sets no timer.
 *
 * The latch alone does not say that there is work: it is also set for a
 * reload, an invalidation, a notification on another channel.  Nor is it
 * reliable for that, since waiting for a lock resets it.  So whoever has work
 * sets "woken" in the worker's slot before the latch.
 */
#include "postgres.h"

#include <sys/resource.h>

#include "access/xact.h"
#include "commands/async.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/sinval.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "hitl.h"
#include "log.h"
#include "version.h"
#include "worker/shared.h"
#include "worker/worker.h"

#define CHANNEL "hitl"

#define BACKOFF_FIRST_MS 100L
#define BACKOFF_LAST_MS	 60000L

/*
 * New work does not end the wait after an error sooner than this: what is
 * broken does not mend because more arrives.
 */
#define BACKOFF_FLOOR_MS 1000L

/* A wall clock may jump, so "due in a day" is looked at again now and then. */
#define SLEEP_LIMIT_MS (10L * 60 * 1000)

/* Descriptors on top of those for connections: the server's own files. */
#define OTHER_DESCRIPTORS 1200

PGDLLEXPORT void hitl_worker_main(Datum arg);

bool hitl_work_announced = true;

static MemoryContext pass_context;
static MemoryContext before_work; /* current when the transaction began */
static List *notices = NIL; /* to be sent when it has committed: a channel and
							 * a payload in turn */
static WaitEventSet *wait_set;
static long backoff = 0; /* ms; 0: the last pass succeeded */

static emit_log_hook_type previous_emit_log = NULL;
static bool heard = false; /* a notification on our channel was read */
static void (*hear)(const char *payload) = NULL; /* those on the other one */

static void log_stop(int code, Datum number);
static void log_worker(const char *event, int number, int code);
static void settle(void);
static bool enter_database(void);
static const HitlWorkerRole *role_of(HitlWorkerKind kind);
static void start_role(const HitlWorkerRole *role);
static void prepare_wait_set(const HitlWorkerRole *role);
static long turn(const HitlWorkerRole *role);
static void send_notices(void);
static bool after_error(const HitlWorkerRole *role, ErrorData *error);
static void sleep_until_work(long sleep_ms);
static bool housekeep(void);
static bool drain_notifications(void);
static void overhear(ErrorData *edata);
static void back_off(void);

/*
 * Entry of every worker of a database.  main_arg is the slot, bgw_extra the
 * launch it was started for.
 */
void
hitl_worker_main(Datum arg)
{
	const HitlWorkerRole *role;
	uint64 launch;
	volatile long sleep_ms = 0;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();

	memcpy(&launch, MyBgworkerEntry->bgw_extra, sizeof(launch));
	hitl_attach_slot(DatumGetInt32(arg), launch);
	BackgroundWorkerInitializeConnectionByOid(hitl_my_slot->dbid, InvalidOid,
											  0);
	settle();

	if (!enter_database())
	{
		hitl_request(MyDatabaseId,
					 hitl_my_slot->kind == HITL_WORKER_PROBE ? HITL_ABSENT
															 : HITL_UNKNOWN);
		proc_exit(0);
	}
	if (hitl_my_slot->kind == HITL_WORKER_PROBE)
	{
		hitl_request(MyDatabaseId, HITL_PRESENT);
		proc_exit(0);
	}

	role = role_of(hitl_my_slot->kind);
	hear = role->hear;
	pass_context = AllocSetContextCreate(TopMemoryContext, "hitl pass",
										 ALLOCSET_DEFAULT_SIZES);
	hitl_log_worker(hitl_my_slot->number);
	start_role(role);
	prepare_wait_set(role);

	for (;;)
	{
		ErrorData *error = NULL;

		PG_TRY();
		{
			if (backoff > 0)
				back_off();
			else if (sleep_ms != 0)
				sleep_until_work(sleep_ms);
			sleep_ms = turn(role);
			backoff = 0;
		}
		PG_CATCH();
		{
			error = hitl_catch_error(true);
		}
		PG_END_TRY();

		if (error != NULL)
		{
			if (after_error(role, error))
				sleep_ms = backoff = 0;
			else
				backoff = backoff == 0 ? BACKOFF_FIRST_MS
									   : Min(backoff * 2, BACKOFF_LAST_MS);
		}
		else if (sleep_ms == 0 && role->kind == HITL_WORKER_ENGINE)
			hitl_wake_idle(role->kind); /* more than one can do */
	}
}

/*
 * Count work done.  The worker alone writes, without the lock.
 */
void
hitl_count_handled(uint64 n)
{
	if (hitl_my_slot != NULL)
		pg_atomic_fetch_add_u64(&hitl_my_slot->handled, n);
}

/*
 * Begin a transaction in which SPI can be used.
 */
void
hitl_begin_work(const char *activity)
{
	before_work = CurrentMemoryContext;
	notices = NIL;
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	pgstat_report_activity(STATE_RUNNING, activity);
}

/*
 * Commit it.
 */
void
hitl_end_work(void)
{
	SPI_finish();
	PopActiveSnapshot();
	CommitTransactionCommand();
	/* It leaves us in the context that lives as long as the process. */
	MemoryContextSwitchTo(before_work);
	if (notices != NIL)
		send_notices();
	pgstat_report_stat(false);
	pgstat_report_activity(STATE_IDLE, NULL);
}

/*
 * Leave a notification for the end of the work.  NOTIFY holds a lock until its
 * transaction has been flushed to disk; were that the one of the work, workers
 * would commit one after the other.
 */
void
hitl_notify_after_work(const char *channel, const char *payload)
{
	MemoryContext context = MemoryContextSwitchTo(before_work);

	notices = lappend(notices, pstrdup(channel));
	notices = lappend(notices, pstrdup(payload));
	MemoryContextSwitchTo(context);
}

/*
 * Have it logged that this worker has started, and that it stops when it does.
 * number: which of its kind; 0: there is one.
 */
void
hitl_log_worker(int number)
{
	log_worker("worker_started", number, 0);
	before_shmem_exit(log_stop, Int32GetDatum(number));
}

/*
 * Connections need descriptors beyond those that the server reckons with.
 */
void
hitl_raise_descriptor_limit(int connections)
{
	struct rlimit limit;
	rlim_t wanted = (rlim_t) connections + OTHER_DESCRIPTORS;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = Min(wanted, limit.rlim_max);
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		ereport(LOG,
				(errmsg("could not raise the limit of open files: %m")));
}

/* ---- starting -------------------------------------------------------- */

/*
 * What was set for the database or for everybody is meant for sessions of
 * people; some of it would change what the workers' statements mean.
 */
static void
settle(void)
{
	static const char *const settings[][2] = {
		{"search_path", "pg_catalog, pg_temp"},
		{"session_replication_role", "origin"},
		{"default_transaction_isolation", "read committed"},
		{"default_transaction_read_only", "off"},
		{"default_transaction_deferrable", "off"},
		{"row_security", "on"},
		/* in a deadlock the worker gives way: its work is tried again */
		{"lock_timeout", "500ms"},
		{"deadlock_timeout", "100ms"},
		{"transaction_timeout", "0"}, /* since 17 */
	};

	for (int i = 0; i < lengthof(settings); i++)
		if (GetConfigOption(settings[i][0], true, false) != NULL)
			SetConfigOption(settings[i][0], settings[i][1], PGC_SUSET,
							PGC_S_OVERRIDE);
	SetConfigOption("application_name", MyBgworkerEntry->bgw_name, PGC_USERSET,
					PGC_S_OVERRIDE);
	pgstat_report_appname(MyBgworkerEntry->bgw_name);
	pgstat_report_activity(STATE_IDLE, NULL);
}

/*
 * See whether the extension is there, in the library's version, and wanted, and
 * if so begin to listen.  SQL's LISTEN is refused in a background worker; what it
 * calls is not.
 */
static bool
enter_database(void)
{
	HitlPresence presence;
	char *version;
	bool present;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	presence = hitl_presence(&version);
	present = hitl_run_workers && presence == HITL_THERE;
	if (hitl_run_workers && presence == HITL_OTHER_VERSION)
		ereport(LOG,
				(errmsg_internal("%s", hitl_version_fault(version)),
				 errdetail("Nothing works on its tables until this has changed."),
				 errhint("%s", hitl_version_hint(version))));
	if (present && hitl_my_slot->kind != HITL_WORKER_PROBE)
	{
		Async_Listen(CHANNEL);
		hitl_log_know_database();
	}
	CommitTransactionCommand();
	return present;
}

/*
 * What a kind of worker does.
 */
static const HitlWorkerRole *
role_of(HitlWorkerKind kind)
{
	switch (kind)
	{
		case HITL_WORKER_ENGINE:
			return &hitl_engine_role;
		case HITL_WORKER_DISPATCHER:
			return &hitl_dispatcher_role;
		case HITL_WORKER_EXECUTOR:
			return &hitl_executor_role;
		case HITL_WORKER_GATEWAY:
			return &hitl_gateway_role_of_worker;
		default:
			elog(ERROR, "there is no role for a worker of kind %d", (int) kind);
			return NULL;
	}
}

/*
 * A role that cannot start ends the worker; the launcher tries again, later
 * each time.
 */
static void
start_role(const HitlWorkerRole *role)
{
	PG_TRY();
	{
		if (role->start)
			role->start();
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(TopMemoryContext);
		error = CopyErrorData();
		hitl_record_error(error->message ? error->message : "");
		PG_RE_THROW();
	}
	PG_END_TRY();
}

/*
 * All that can end a sleep, collected once.
 */
static void
prepare_wait_set(const HitlWorkerRole *role)
{
	int descriptor = -1;

	if (role->wait_descriptor)
		descriptor = role->wait_descriptor();

	wait_set = hitl_create_wait_event_set(3);
	AddWaitEventToSet(wait_set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(wait_set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL,
					  NULL);
	if (descriptor >= 0)
		AddWaitEventToSet(wait_set, WL_SOCKET_READABLE, descriptor, NULL, NULL);
}

/*
 * Exit callback: the worker stops.
 */
static void
log_stop(int code, Datum number)
{
	log_worker("worker_stopped", DatumGetInt32(number), code);
}

/*
 * Log what becomes of this worker.
 */
static void
log_worker(const char *event, int number, int code)
{
	HitlLine *line;

	if (!hitl_logs(code != 0 ? HITL_LOG_WORKERS | HITL_LOG_FAILURES
							 : HITL_LOG_WORKERS))
		return;
	line = hitl_log_begin(event);
	hitl_log_text(line, "worker", MyBgworkerEntry->bgw_type);
	if (number > 0)
		hitl_log_number(line, "number", number);
	if (code != 0)
		hitl_log_number(line, "exit_code", code);
	hitl_log_now(line);
}

/* ---- working --------------------------------------------------------- */

/*
 * One pass of the role.
 */
static long
turn(const HitlWorkerRole *role)
{
	instr_time begun;
	instr_time ended;
	long sleep_ms;

	ResetLatch(MyLatch);
	(void) housekeep();
	hitl_set_slot_state(hitl_my_slot, HITL_STATE_WORKING);

	MemoryContextReset(pass_context);
	MemoryContextSwitchTo(pass_context);
	INSTR_TIME_SET_CURRENT(begun);
	sleep_ms = role->pass();
	Assert(!IsTransactionState());
	INSTR_TIME_SET_CURRENT(ended);
	INSTR_TIME_SUBTRACT(ended, begun);
	hitl_count_pass(hitl_kind_name(role->kind), INSTR_TIME_GET_MICROSEC(ended));
	MemoryContextSwitchTo(TopMemoryContext);
	return sleep_ms;
}

/*
 * Send the notifications of work that has been committed, in a transaction that
 * has nothing to flush.  They are hints: if that fails, the work is done
 * nevertheless.
 */
static void
send_notices(void)
{
	PG_TRY();
	{
		StartTransactionCommand();
		for (int i = 0; i < list_length(notices); i += 2)
			Async_Notify(list_nth(notices, i), list_nth(notices, i + 1));
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		FreeErrorData(hitl_catch_error(true));
	}
	PG_END_TRY();
	notices = NIL;
	MemoryContextSwitchTo(before_work);
}

/*
 * In the handler of an error: put everything back where it was between two
 * passes.
 */
ErrorData *
hitl_catch_error(bool report)
{
	ErrorData *error;

	HOLD_INTERRUPTS();

	MemoryContextSwitchTo(TopMemoryContext);
	error = CopyErrorData();
	if (report)
		EmitErrorReport();
	FlushErrorState();

	/* What an aborting transaction would release, had there been one. */
	LWLockReleaseAll();
	ConditionVariableCancelSleep();
	pgstat_report_wait_end();
	AbortOutOfAnyTransaction();
	MemoryContextSwitchTo(TopMemoryContext);
	pgstat_report_activity(STATE_IDLE, NULL);

	RESUME_INTERRUPTS();
	return error;
}

/*
 * The same of an error that nobody else hears of.
 */
void
hitl_settle_error(void)
{
	ErrorData *error = hitl_catch_error(true);

	hitl_record_error(error->message ? error->message : "");
	FreeErrorData(error);
}

/*
 * Let the role know, which may fail in its turn.  True if it has put things
 * right.
 */
static bool
after_error(const HitlWorkerRole *role, ErrorData *error)
{
	volatile bool settled = false;

	hitl_record_error(error->message ? error->message : "");
	if (role->failed)
	{
		MemoryContextSwitchTo(pass_context);
		PG_TRY();
		{
			settled = role->failed(error);
		}
		PG_CATCH();
		{
			FreeErrorData(hitl_catch_error(true));
		}
		PG_END_TRY();
		MemoryContextSwitchTo(TopMemoryContext);
	}
	FreeErrorData(error);
	return settled;
}

/* ---- sleeping -------------------------------------------------------- */

/*
 * Sleep until there may be work, at most the given ms.  Returns early only
 * when work was announced or is due.
 */
static void
sleep_until_work(long sleep_ms)
{
	TimestampTz deadline = DT_NOEND;
	long flush_in;

	if (sleep_ms != HITL_SLEEP_FOREVER)
		deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
											   Min(sleep_ms, SLEEP_LIMIT_MS));

	/* Statistics not sent yet, for the last report was too recent. */
	flush_in = pgstat_report_stat(false);

	hitl_set_slot_state(hitl_my_slot, HITL_STATE_IDLE);
	pg_memory_barrier();
	for (;;)
	{
		WaitEvent event;
		long timeout = -1;

		if (housekeep())
			break;

		if (deadline != DT_NOEND)
		{
			timeout = TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
													  deadline);
			if (timeout <= 0)
				break;
		}
		if (flush_in > 0 && (timeout < 0 || flush_in < timeout))
			timeout = flush_in;

		if (WaitEventSetWait(wait_set, timeout, &event, 1,
							 hitl_wait_event("HitlWorkerMain")) == 0)
		{
			if (flush_in > 0)
				pgstat_report_stat(true);
			flush_in = 0;
		}
		else if (event.events & WL_LATCH_SET)
			ResetLatch(MyLatch);
		else
			break; /* the role's descriptor */
	}
	hitl_set_slot_state(hitl_my_slot, HITL_STATE_WORKING);
}

/*
 * Do what signals ask for.  True if a pass should follow.  The latch must have
 * been reset before, so that what comes after these tests sets it again.
 */
static bool
housekeep(void)
{
	bool due = false;

	/*
	 * Nothing is going on, so a request to end is no accident worth a FATAL,
	 * and a request to cancel has nothing to cancel.
	 */
	if (ProcDiePending)
		proc_exit(0);
	QueryCancelPending = false;
	CHECK_FOR_INTERRUPTS();

	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
		due = true;
	}
	if (catchupInterruptPending)
		ProcessCatchupInterrupt();
	if (notifyInterruptPending && drain_notifications())
		due = true;
	if (pg_atomic_exchange_u32(&hitl_my_slot->woken, 0) != 0)
		due = true;
	if (due)
		hitl_work_announced = true;
	return due;
}

/*
 * Read the notifications that arrived, as the queue is kept for its slowest
 * reader.  A backend is signalled for every channel of its database, but what
 * it reads of its own channels it would send to its client.  Here that is a
 * message of level INFO to the server's log, from which we learn what was
 * notified and which goes no further.  True if a pass should follow.
 */
static bool
drain_notifications(void)
{
	int level = log_min_messages;

	heard = false;
	previous_emit_log = emit_log_hook;
	emit_log_hook = overhear;
	log_min_messages = Min(level, INFO);
	PG_TRY();
	{
		ProcessNotifyInterrupt(false);
	}
	PG_FINALLY();
	{
		log_min_messages = level;
		emit_log_hook = previous_emit_log;
	}
	PG_END_TRY();
	return heard;
}

/*
 * Stands in for the log hook while notifications are read.
 */
static void
overhear(ErrorData *edata)
{
	static const char events[] = "NOTIFY for \"" HITL_EVENTS_CHANNEL
								 "\" payload \"";

	if (edata->elevel == INFO)
	{
		heard = true;
		if (hear != NULL &&
			strncmp(edata->message, events, sizeof(events) - 1) == 0)
			hear(edata->message + sizeof(events) - 1);
		edata->output_to_server = false;
	}
	else if (previous_emit_log)
		previous_emit_log(edata);
}

/*
 * Wait after an error.  The role's descriptor does not count here, since
 * nobody would see to it.
 */
static void
back_off(void)
{
	TimestampTz start = GetCurrentTimestamp();
	long floor_ms = Min(backoff, BACKOFF_FLOOR_MS);
	bool due = false;

	hitl_set_slot_state(hitl_my_slot, HITL_STATE_BACKING_OFF);
	for (;;)
	{
		long waited;

		due |= housekeep();
		waited = TimestampDifferenceMilliseconds(start, GetCurrentTimestamp());
		if (waited >= (due ? floor_ms : backoff))
			break;
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 (due ? floor_ms : backoff) - waited,
						 hitl_wait_event("HitlWorkerBackoff"));
		ResetLatch(MyLatch);
	}
}
