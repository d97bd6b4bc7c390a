/*
 * launcher.c
 *		One per cluster: sees to it that every database that has the extension
 *		has its workers.
 *
 * It keeps a slot (shared.h) for each worker that ought to run and starts a
 * process for each slot that has none.  The slots are in shared memory, so a
 * launcher that was itself restarted finds the workers as they are.
 *
 * It is woken when a worker ends (exit callback), when the postmaster failed
 * to start one (SIGUSR1), and by sessions that changed something (requests).
 * Otherwise it sleeps, and has a timer only while something is to be retried.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "hitl.h"
#include "worker/shared.h"
#include "worker/worker.h"

/*
 * A worker that lived this long was well; one that did not waits before it is
 * started again: not at all, 1 s, 2 s, 4 s, ...
 */
#define GOOD_LIFE_MS	 60000
#define RESTART_FIRST_MS 1000
#define RESTART_LAST_MS	 60000

typedef struct Database
{
	Oid oid;
	HitlSighting verdict;
	bool gateway; /* it asks for one */
	bool doubted; /* a session spoke, whose settings may be old ones */
	bool seen;	  /* in this scan of pg_database */
	int failures; /* probes that ended without a verdict */
	TimestampTz probe_at;
} Database;

/* The databases that can be connected to; in TopMemoryContext. */
static List *databases = NIL;

/* Of the workers this launcher has started. */
static BackgroundWorkerHandle *handles[HITL_SLOTS];

/* Said already, and still so. */
static bool warned_no_worker = false;
static bool warned_no_slot = false;

PGDLLEXPORT void hitl_launcher_main(Datum arg);

static void reload(void);
static void attach(void);
static void detach(int code, Datum arg);
static void take_requests(void);
static void scan_databases(void);
static Database *find_database(Oid oid);
static void review_slots(void);
static bool reaped(int index);
static void review_probe(HitlSlot *slot);
static void bury(HitlSlot *slot);
static void fill_slots(void);
static int wanted_of(const Database *database, HitlWorkerKind kind);
static bool want(Oid dbid, HitlWorkerKind kind, int number);
static void claim_slot(HitlSlot *slot, Oid dbid, HitlWorkerKind kind,
					   int number);
static TimestampTz start_workers(void);
static TimestampTz start_probes(TimestampTz next);
static bool launch(int index);
static void forget_slot(HitlSlot *slot);
static TimestampTz delay(int failures);

/*
 * Register the launcher with the postmaster.
 */
void
hitl_launcher_register(void)
{
	BackgroundWorker worker;

	/* pg_upgrade moves the tables itself and wants nobody in its way. */
	if (IsBinaryUpgrade)
		return;

	memset(&worker, 0, sizeof(worker));
	strlcpy(worker.bgw_name, "hitl launcher", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "hitl launcher", BGW_MAXLEN);
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS |
		BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = 1;
	strlcpy(worker.bgw_library_name, "hitl", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "hitl_launcher_main", BGW_MAXLEN);
	RegisterBackgroundWorker(&worker);
}

/*
 * Entry of the launcher.  It is in no database and reads pg_database only.
 * An error ends it, and the postmaster starts it again.
 */
void
hitl_launcher_main(Datum arg)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	SetConfigOption("application_name", MyBgworkerEntry->bgw_name, PGC_USERSET,
					PGC_S_OVERRIDE);
	pgstat_report_appname(MyBgworkerEntry->bgw_name);
	pgstat_report_activity(STATE_IDLE, NULL);
	attach();
	hitl_log_worker(0);

	for (;;)
	{
		TimestampTz next;
		long timeout = -1;
		int events = WL_LATCH_SET | WL_EXIT_ON_PM_DEATH;

		ResetLatch(MyLatch);
		if (ProcDiePending)
			proc_exit(1);
		QueryCancelPending = false;
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			reload();
		}

		take_requests();
		review_slots();
		fill_slots();
		next = start_workers();
		next = start_probes(next);

		if (next == DT_NOEND)
			warned_no_worker = false; /* all have a process */
		else
		{
			timeout = TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
													  next);
			events |= WL_TIMEOUT;
		}
		(void) WaitLatch(MyLatch, events, timeout,
						 hitl_wait_event("HitlLauncherMain"));
	}
}

/* ---- the launcher itself --------------------------------------------- */

/*
 * Read the configuration anew.  Where a gateway is asked for depends on the
 * settings of each database, which are seen from inside alone.
 */
static void
reload(void)
{
	char *before = pstrdup(hitl_listen_addresses);
	ListCell *lc;

	ProcessConfigFile(PGC_SIGHUP);
	if (strcmp(before, hitl_listen_addresses) != 0)
		foreach(lc, databases)
		{
			Database *database = lfirst(lc);

			if (database->verdict == HITL_PRESENT)
				database->verdict = HITL_UNKNOWN;
		}
	pfree(before);
}

/*
 * Make ourselves known and take over what a former launcher left.
 */
static void
attach(void)
{
	LWLockAcquire(hitl_shared->lock, LW_EXCLUSIVE);
	hitl_shared->launcher_pid = MyProcPid;
	hitl_shared->launcher_latch = MyLatch;
	hitl_shared->launcher_since = GetCurrentTimestamp();
	hitl_shared->rescan = true;

	/*
	 * What a former launcher has registered but has not seen start is given
	 * up, since its handle is lost.  A database with workers has the extension.
	 */
	for (int i = 0; i < hitl_shared->slots_end; i++)
	{
		HitlSlot *slot = &hitl_shared->slots[i];

		if (slot->used && slot->pid == 0 &&
			pg_atomic_read_u32(&slot->state) == HITL_STATE_STARTING)
		{
			slot->launch++;
			slot->restart_at = 0;
			hitl_set_slot_state(slot, HITL_STATE_WAITING);
		}
		if (slot->used && slot->wanted && i >= HITL_PROBE_SLOTS)
		{
			Database *database = find_database(slot->dbid);

			database->verdict = HITL_PRESENT;
			database->gateway |= slot->kind == HITL_WORKER_GATEWAY;
		}
	}
	on_shmem_exit(detach, (Datum) 0);
	LWLockRelease(hitl_shared->lock);
}

/*
 * Exit callback.
 */
static void
detach(int code, Datum arg)
{
	LWLockAcquire(hitl_shared->lock, LW_EXCLUSIVE);
	hitl_shared->launcher_pid = 0;
	hitl_shared->launcher_latch = NULL;
	hitl_shared->launcher_since = GetCurrentTimestamp();
	LWLockRelease(hitl_shared->lock);
}

/* ---- databases ------------------------------------------------------- */

/*
 * Learn what sessions and probes have told.
 */
static void
take_requests(void)
{
	HitlRequest requests[HITL_REQUESTS];
	int nrequests;
	bool rescan;
	bool probe_all;
	ListCell *lc;

	LWLockAcquire(hitl_shared->lock, LW_EXCLUSIVE);
	nrequests = hitl_shared->nrequests;
	memcpy(requests, hitl_shared->requests, sizeof(HitlRequest) * nrequests);
	rescan = hitl_shared->rescan;
	probe_all = hitl_shared->probe_all;
	hitl_shared->nrequests = 0;
	hitl_shared->rescan = false;
	hitl_shared->probe_all = false;
	LWLockRelease(hitl_shared->lock);

	if (probe_all)
	{
		foreach(lc, databases)
			((Database *) lfirst(lc))->verdict = HITL_UNKNOWN;
	}
	for (int i = 0; i < nrequests; i++)
	{
		Database *database = find_database(requests[i].dbid);

		database->verdict = requests[i].verdict;
		database->doubted = requests[i].by_session &&
			requests[i].verdict == HITL_PRESENT;
		if (!requests[i].by_session)
			database->gateway = requests[i].gateway;
		database->failures = 0;
		database->probe_at = 0;
		if (database->verdict != HITL_PRESENT)
			continue;

		/* Somebody wants its workers now, also those that wait after an error. */
		LWLockAcquire(hitl_shared->lock, LW_EXCLUSIVE);
		for (int s = HITL_PROBE_SLOTS; s < hitl_shared->slots_end; s++)
		{
			HitlSlot *slot = &hitl_shared->slots[s];

			if (slot->dbid != database->oid)
				continue;
			slot->restart_at = 0;
			hitl_wake_slot(slot);

			/* ALTER DATABASE may have set what it reads at its start only. */
			if (slot->kind == HITL_WORKER_GATEWAY && requests[i].by_session)
				hitl_restart_slot(slot);
		}
		LWLockRelease(hitl_shared->lock);
	}
	if (rescan || probe_all)
		scan_databases();
}

/*
 * Bring the list of databases up to date.
 */
static void
scan_databases(void)
{
	Relation relation;
	TableScanDesc scan;
	HeapTuple tuple;
	List *oids = NIL;
	ListCell *lc;

	foreach(lc, databases)
		((Database *) lfirst(lc))->seen = false;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	relation = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(relation, 0, NULL);
	while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection)))
	{
		Form_pg_database form = (Form_pg_database) GETSTRUCT(tuple);

		if (form->datallowconn && !form->datistemplate &&
			form->datconnlimit != DATCONNLIMIT_INVALID_DB)
			find_database(form->oid)->seen = true;
		oids = lappend_oid(oids, form->oid);
	}
	table_endscan(scan);
	table_close(relation, AccessShareLock);
	hitl_forget_counters(oids);
	CommitTransactionCommand();
	MemoryContextSwitchTo(TopMemoryContext);

	foreach(lc, databases)
	{
		Database *database = lfirst(lc);

		if (!database->seen)
		{
			databases = foreach_delete_current(databases, lc);
			pfree(database);
		}
	}
}

/*
 * The entry of a database, a new one if need be.
 */
static Database *
find_database(Oid oid)
{
	MemoryContext caller;
	Database *database;
	ListCell *lc;

	foreach(lc, databases)
	{
		database = lfirst(lc);
		if (database->oid == oid)
			return database;
	}

	caller = MemoryContextSwitchTo(TopMemoryContext);
	database = palloc0(sizeof(Database));
	database->oid = oid;
	databases = lappend(databases, database);
	MemoryContextSwitchTo(caller);
	return database;
}

/* ---- slots ----------------------------------------------------------- */

/*
 * See which workers have ended, and end those that are not wanted any more.
 */
static void
review_slots(void)
{
	LWLockAcquire(hitl_shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < hitl_shared->slots_end; i++)
	{
		HitlSlot *slot = &hitl_shared->slots[i];

		if (!slot->used)
			continue;

		/* It may have ended before it came to its slot. */
		if (pg_atomic_read_u32(&slot->state) == HITL_STATE_STARTING &&
			slot->pid == 0 && reaped(i))
		{
			slot->exit_failed = true;
			slot->started_at = GetCurrentTimestamp();
			hitl_set_slot_state(slot, HITL_STATE_EXITED);
		}

		if (i < HITL_PROBE_SLOTS)
		{
			review_probe(slot);
			continue;
		}
		if (pg_atomic_read_u32(&slot->state) == HITL_STATE_EXITED && reaped(i))
			bury(slot);

		if (slot->wanted)
		{
			Database *database = find_database(slot->dbid);

			/* One whose state is not known keeps what it has. */
			if (database->verdict == HITL_ABSENT || !database->seen ||
				slot->number > wanted_of(database, slot->kind))
				hitl_stop_slot(slot);
		}
		if (!slot->wanted && slot->pid == 0 && reaped(i))
			forget_slot(slot);
	}
	LWLockRelease(hitl_shared->lock);
}

/*
 * Has the postmaster noticed that the process it started for a slot has ended?
 * Only then does it have room for another one; it sends us SIGUSR1.  Of what a
 * former launcher started we do not know, and hope for the best.
 */
static bool
reaped(int index)
{
	pid_t pid;

	if (handles[index] == NULL)
		return true;
	return GetBackgroundWorkerPid(handles[index], &pid) == BGWH_STOPPED;
}

/*
 * A probe that has ended leaves its slot.  Its verdict has come as a request
 * by now; if there is none, it has failed and another one is sent later.
 */
static void
review_probe(HitlSlot *slot)
{
	if (slot->pid != 0 || !reaped(slot - hitl_shared->slots))
		return;
	if (slot->exit_failed)
	{
		Database *database = find_database(slot->dbid);

		database->failures++;
		database->probe_at = delay(database->failures);
	}
	forget_slot(slot);
}

/*
 * Decide when a worker that has ended is started again.
 */
static void
bury(HitlSlot *slot)
{
	TimestampTz now = GetCurrentTimestamp();

	if (!slot->exit_failed ||
		TimestampDifferenceExceeds(slot->started_at, now, GOOD_LIFE_MS))
		slot->failures = 0;
	if (slot->exit_failed)
		slot->failures++;
	slot->restart_at = delay(slot->failures);
	hitl_set_slot_state(slot, HITL_STATE_WAITING);
}

/*
 * Make a slot for every worker that ought to run and has none.
 */
static void
fill_slots(void)
{
	bool enough = true;
	ListCell *lc;

	LWLockAcquire(hitl_shared->lock, LW_EXCLUSIVE);
	foreach(lc, databases)
	{
		Database *database = lfirst(lc);

		if (database->verdict != HITL_PRESENT || !database->seen)
			continue;
		for (int kind = HITL_WORKER_ENGINE; kind < HITL_WORKER_KINDS; kind++)
			for (int i = 1; i <= wanted_of(database, kind); i++)
				enough &= want(database->oid, kind, i);
	}
	LWLockRelease(hitl_shared->lock);

	if (!enough && !warned_no_slot)
		ereport(WARNING,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("hitl cannot start workers in all databases that have it"),
				 errdetail("It has room for %d workers.", HITL_SLOTS - HITL_PROBE_SLOTS),
				 errhint("Reduce hitl.engine_workers or hitl.sql_workers.")));
	warned_no_slot = !enough;
}

/*
 * How many workers of a kind a database has.
 */
static int
wanted_of(const Database *database, HitlWorkerKind kind)
{
	switch (kind)
	{
		case HITL_WORKER_ENGINE:
			return hitl_engine_workers;
		case HITL_WORKER_EXECUTOR:
			return hitl_sql_workers;
		case HITL_WORKER_GATEWAY:
			return database->gateway ? 1 : 0;
		default:
			return 1;
	}
}

/*
 * Make sure that there is a slot for this worker.  The caller holds the lock.
 */
static bool
want(Oid dbid, HitlWorkerKind kind, int number)
{
	HitlSlot *unused = NULL;

	for (int i = HITL_PROBE_SLOTS; i < HITL_SLOTS; i++)
	{
		HitlSlot *slot = &hitl_shared->slots[i];

		if (!slot->used)
		{
			if (unused == NULL)
				unused = slot;
		}
		else if (slot->dbid == dbid && slot->kind == kind &&
				 slot->number == number)
		{
			slot->wanted = true;
			return true;
		}
	}
	if (unused == NULL)
		return false;
	claim_slot(unused, dbid, kind, number);
	return true;
}

/*
 * Initialise a slot.  The caller holds the lock.
 */
static void
claim_slot(HitlSlot *slot, Oid dbid, HitlWorkerKind kind, int number)
{
	int index = slot - hitl_shared->slots;

	slot->wanted = true;
	slot->kind = kind;
	slot->number = number;
	slot->pid = 0;
	slot->latch = NULL;
	slot->state_since = GetCurrentTimestamp();
	slot->started_at = 0;
	slot->exit_failed = false;
	slot->failures = 0;
	slot->restart_at = 0;
	pg_atomic_write_u32(&slot->woken, 0);
	pg_atomic_write_u32(&slot->state, HITL_STATE_WAITING);
	pg_atomic_write_u64(&slot->handled, 0);
	pg_atomic_write_u64(&slot->errors, 0);
	slot->last_error_at = 0;
	slot->last_error[0] = '\0';
	slot->dbid = dbid;
	slot->used = true;
	hitl_shared->slots_end = Max(hitl_shared->slots_end, index + 1);
}

/*
 * Free a slot.  Whoever had to wait for a process may have this one's.  The
 * caller holds the lock.
 */
static void
forget_slot(HitlSlot *slot)
{
	slot->used = false;
	slot->dbid = InvalidOid;
	slot->launch++;
	for (int i = HITL_PROBE_SLOTS; i < hitl_shared->slots_end; i++)
		if (pg_atomic_read_u32(&hitl_shared->slots[i].state) ==
			HITL_STATE_NO_SLOT)
			hitl_shared->slots[i].restart_at = 0;
}

/* ---- starting -------------------------------------------------------- */

/*
 * Start the workers that are due.  Returns when the next one is.
 */
static TimestampTz
start_workers(void)
{
	TimestampTz next = DT_NOEND;

	for (int i = HITL_PROBE_SLOTS; i < hitl_shared->slots_end; i++)
	{
		HitlSlot *slot = &hitl_shared->slots[i];
		uint32 state = pg_atomic_read_u32(&slot->state);
		bool held;

		if (!slot->used || !slot->wanted ||
			(state != HITL_STATE_WAITING && state != HITL_STATE_NO_SLOT))
			continue;

		/* The end of a hold wakes the launcher. */
		LWLockAcquire(hitl_shared->lock, LW_SHARED);
		held = hitl_database_held(slot->dbid);
		LWLockRelease(hitl_shared->lock);
		if (held || find_database(slot->dbid)->verdict != HITL_PRESENT)
			continue;

		if (slot->restart_at <= GetCurrentTimestamp())
			(void) launch(i);
		if (pg_atomic_read_u32(&slot->state) != HITL_STATE_STARTING)
			next = Min(next, slot->restart_at);
	}
	return next;
}

/*
 * The same for probes of databases of which something is not known, a few at
 * a time.
 */
static TimestampTz
start_probes(TimestampTz next)
{
	ListCell *lc;

	foreach(lc, databases)
	{
		Database *database = lfirst(lc);
		HitlSlot *slot = NULL;
		int index = -1;
		bool skip;

		if ((database->verdict != HITL_UNKNOWN && !database->doubted) ||
			!database->seen)
			continue;

		LWLockAcquire(hitl_shared->lock, LW_EXCLUSIVE);
		skip = hitl_database_held(database->oid);
		for (int i = 0; i < HITL_PROBE_SLOTS && !skip; i++)
		{
			slot = &hitl_shared->slots[i];
			if (!slot->used)
				index = i;
			else if (slot->dbid == database->oid)
				skip = true; /* is being looked at */
		}
		if (!skip && index >= 0 && database->probe_at <= GetCurrentTimestamp())
			claim_slot(&hitl_shared->slots[index], database->oid,
					   HITL_WORKER_PROBE, index + 1);
		else
		{
			if (!skip && index >= 0)
				next = Min(next, database->probe_at);
			skip = true;
		}
		LWLockRelease(hitl_shared->lock);
		if (skip)
			continue;

		if (!launch(index))
		{
			LWLockAcquire(hitl_shared->lock, LW_EXCLUSIVE);
			forget_slot(&hitl_shared->slots[index]);
			LWLockRelease(hitl_shared->lock);
			database->failures++;
			database->probe_at =
				Max(delay(database->failures),
					TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
												RESTART_FIRST_MS));
			next = Min(next, database->probe_at);
		}
	}
	return next;
}

/*
 * Ask the postmaster for a process.  False if it has none to give.
 */
static bool
launch(int index)
{
	HitlSlot *slot = &hitl_shared->slots[index];
	BackgroundWorker worker;
	bool started;

	memset(&worker, 0, sizeof(worker));
	snprintf(worker.bgw_type, BGW_MAXLEN, "hitl %s",
			 hitl_kind_name(slot->kind));
	if (slot->kind == HITL_WORKER_ENGINE || slot->kind == HITL_WORKER_EXECUTOR)
		snprintf(worker.bgw_name, BGW_MAXLEN, "%s %d", worker.bgw_type,
				 slot->number);
	else
		strlcpy(worker.bgw_name, worker.bgw_type, BGW_MAXLEN);
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS |
		BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker.bgw_library_name, "hitl", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "hitl_worker_main", BGW_MAXLEN);
	worker.bgw_main_arg = Int32GetDatum(index);
	worker.bgw_notify_pid = MyProcPid;

	LWLockAcquire(hitl_shared->lock, LW_EXCLUSIVE);
	slot->launch++;
	slot->exit_failed = false;
	hitl_set_slot_state(slot, HITL_STATE_STARTING);
	memcpy(worker.bgw_extra, &slot->launch, sizeof(slot->launch));
	hitl_shared->launches++;
	LWLockRelease(hitl_shared->lock);

	if (handles[index] != NULL)
		pfree(handles[index]);
	handles[index] = NULL;
	started = RegisterDynamicBackgroundWorker(&worker, &handles[index]);
	if (started)
		return true;

	LWLockAcquire(hitl_shared->lock, LW_EXCLUSIVE);
	hitl_shared->launches--;
	slot->failures++;
	slot->restart_at = TimestampTzPlusMilliseconds(
		GetCurrentTimestamp(), RESTART_FIRST_MS << Min(slot->failures - 1, 5));
	hitl_set_slot_state(slot, HITL_STATE_NO_SLOT);
	LWLockRelease(hitl_shared->lock);

	/* A probe will be gone in a moment, and then the worker gets its place. */
	for (int i = 0; i < HITL_PROBE_SLOTS; i++)
		if (i != index && hitl_shared->slots[i].used)
			return false;

	if (!warned_no_worker)
		ereport(WARNING,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("hitl cannot start a worker, for max_worker_processes is used up"),
				 errdetail("It tries again from time to time."),
				 errhint("Increase max_worker_processes. hitl uses one process, and one more than hitl.engine_workers and hitl.sql_workers together in each database that has it, two more where it has a gateway.")));
	warned_no_worker = true;
	return false;
}

/*
 * When to try again after so many failures in a row: the first time at once.
 */
static TimestampTz
delay(int failures)
{
	long ms = 0;

	if (failures > 1)
		ms = Min((long) RESTART_FIRST_MS << Min(failures - 2, 10),
				 RESTART_LAST_MS);
	return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms);
}
