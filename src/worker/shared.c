/*
 * shared.c
 *		Shared memory of the workers: slots, requests to the launcher, holds.
 */
#include "postgres.h"

#include <signal.h>
#include <unistd.h>

#include "access/xlog.h"
#include "catalog/pg_control.h"
#include "common/controldata_utils.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "hitl.h"
#include "worker/news.h"
#include "worker/shared.h"

#define TRANCHE "hitl"

/* How long a command waits for the workers of a database it needs empty. */
#define HOLD_PATIENCE_MS 10000

HitlShared *hitl_shared = NULL;
HitlSlot *hitl_my_slot = NULL;

/* This backend has holds. */
static bool holding = false;

static shmem_request_hook_type previous_shmem_request = NULL;
static shmem_startup_hook_type previous_shmem_startup = NULL;

static void shmem_request(void);
static void shmem_startup(void);
static bool has_prepared_transactions(void);
static void detach_slot(int code, Datum arg);
static void terminate_slot(HitlSlot *slot);
static bool has_processes(Oid dbid);

/*
 * Ask for shared memory when the server starts.
 */
void
hitl_shared_init(void)
{
	previous_shmem_request = shmem_request_hook;
	shmem_request_hook = shmem_request;
	previous_shmem_startup = shmem_startup_hook;
	shmem_startup_hook = shmem_startup;
}

/*
 * Complain if the library is not preloaded.
 */
void
hitl_require_shared(void)
{
	if (hitl_shared == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("hitl is not loaded by the server"),
				 errdetail("Its background workers and their shared memory are set up when the server starts."),
				 errhint("Add hitl to shared_preload_libraries and restart the server.")));
}

/* ---- requests -------------------------------------------------------- */

/*
 * Let the launcher look around.
 */
void
hitl_wake_launcher(void)
{
	Latch *latch = ((volatile HitlShared *) hitl_shared)->launcher_latch;

	/* Always the latch of some PGPROC, so setting a stale one does no harm. */
	if (latch != NULL)
		SetLatch(latch);
}

/*
 * Tell the launcher how it is with this database.  Of several requests for one
 * database the last counts.  What a probe saw before a session changed it
 * does not.
 */
void
hitl_request(Oid dbid, HitlSighting verdict)
{
	int i;

	LWLockAcquire(hitl_shared->lock, LW_EXCLUSIVE);
	if (hitl_my_slot == NULL)
	{
		for (i = 0; i < HITL_PROBE_SLOTS; i++)
			if (hitl_shared->slots[i].dbid == dbid)
				hitl_shared->slots[i].wanted = false;
	}
	else if (!hitl_my_slot->wanted)
	{
		LWLockRelease(hitl_shared->lock);
		return;
	}
	for (i = 0; i < hitl_shared->nrequests; i++)
		if (hitl_shared->requests[i].dbid == dbid)
			break;
	if (i == HITL_REQUESTS)
		hitl_shared->probe_all = true;
	else
	{
		hitl_shared->requests[i].dbid = dbid;
		hitl_shared->requests[i].verdict = verdict;
		hitl_shared->requests[i].gateway = hitl_listen_addresses[0] != '\0';
		hitl_shared->requests[i].by_session = hitl_my_slot == NULL;
		hitl_shared->nrequests = Max(hitl_shared->nrequests, i + 1);
	}
	LWLockRelease(hitl_shared->lock);
	hitl_wake_launcher();
}

/*
 * Tell the launcher that databases were created, dropped or changed.
 */
void
hitl_request_rescan(void)
{
	LWLockAcquire(hitl_shared->lock, LW_EXCLUSIVE);
	hitl_shared->rescan = true;
	LWLockRelease(hitl_shared->lock);
	hitl_wake_launcher();
}

/* ---- stopping and holding -------------------------------------------- */

/*
 * Does the database have workers, running or about to?
 */
bool
hitl_database_has_workers(Oid dbid)
{
	bool found = false;

	LWLockAcquire(hitl_shared->lock, LW_SHARED);
	for (int i = HITL_PROBE_SLOTS; i < hitl_shared->slots_end && !found; i++)
	{
		HitlSlot *slot = &hitl_shared->slots[i];

		found = slot->used && slot->wanted && slot->dbid == dbid;
	}
	LWLockRelease(hitl_shared->lock);
	return found;
}

/*
 * A worker is wanted no more: end it and let the launcher free the slot.  The
 * caller holds the lock exclusively.
 */
void
hitl_stop_slot(HitlSlot *slot)
{
	slot->wanted = false;
	terminate_slot(slot);
}

/*
 * Have a worker begin anew.  The caller holds the lock exclusively.
 */
void
hitl_restart_slot(HitlSlot *slot)
{
	terminate_slot(slot);
}

/*
 * Stop all workers of a database.
 */
void
hitl_stop_database(Oid dbid)
{
	LWLockAcquire(hitl_shared->lock, LW_EXCLUSIVE);
	for (int i = HITL_PROBE_SLOTS; i < hitl_shared->slots_end; i++)
	{
		HitlSlot *slot = &hitl_shared->slots[i];

		if (slot->used && slot->dbid == dbid)
			hitl_stop_slot(slot);
	}
	LWLockRelease(hitl_shared->lock);
	hitl_wake_launcher();
}

/*
 * End the workers of a database, wait until they are gone, and keep new ones
 * out until this transaction ends.  A worker that does not end in time is
 * left to the complaint of the command that needed it gone.
 */
void
hitl_hold_database(Oid dbid)
{
	HitlHold *hold = NULL;
	TimestampTz deadline;

	LWLockAcquire(hitl_shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < HITL_HOLDS; i++)
	{
		if (!OidIsValid(hitl_shared->holds[i].dbid))
		{
			hold = &hitl_shared->holds[i];
			break;
		}
	}
	if (hold == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("too many databases are being changed at once"),
				 errdetail("hitl can keep its workers out of %d databases at a time.", HITL_HOLDS),
				 errhint("Try again.")));
	hold->dbid = dbid;
	hold->pid = MyProcPid;
	holding = true;
	for (int i = 0; i < hitl_shared->slots_end; i++)
	{
		HitlSlot *slot = &hitl_shared->slots[i];

		if (slot->used && slot->dbid == dbid)
			terminate_slot(slot);
	}
	LWLockRelease(hitl_shared->lock);

	deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
										   HOLD_PATIENCE_MS);
	ConditionVariablePrepareToSleep(&hitl_shared->exited);
	while (has_processes(dbid))
	{
		long patience;

		patience = TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
												   deadline);
		if (patience <= 0)
			break;
		ConditionVariableTimedSleep(&hitl_shared->exited, patience,
									hitl_wait_event("HitlWorkersExit"));
	}
	ConditionVariableCancelSleep();
}

/*
 * Is the database held?  The caller holds the lock.
 */
bool
hitl_database_held(Oid dbid)
{
	for (int i = 0; i < HITL_HOLDS; i++)
		if (hitl_shared->holds[i].dbid == dbid)
			return true;
	return false;
}

/*
 * At the end of a transaction, also one that ends with its process.
 */
void
hitl_release_holds(void)
{
	if (!holding)
		return;
	holding = false;

	LWLockAcquire(hitl_shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < HITL_HOLDS; i++)
	{
		if (hitl_shared->holds[i].pid == MyProcPid)
		{
			hitl_shared->holds[i].dbid = InvalidOid;
			hitl_shared->holds[i].pid = 0;
		}
	}
	LWLockRelease(hitl_shared->lock);
	hitl_request_rescan();
}

/* ---- the worker's own slot ------------------------------------------- */

/*
 * Take the slot this process was started for, or end quietly if the launcher
 * has given up on it or the database is held.
 *
 * To be called before the process connects: exit callbacks run last first, so
 * the slot is left only after the process left the database, and who waits
 * for that need not look twice.
 */
void
hitl_attach_slot(int index, uint64 launch)
{
	HitlSlot *slot = &hitl_shared->slots[index];

	LWLockAcquire(hitl_shared->lock, LW_EXCLUSIVE);
	if (!slot->used || slot->launch != launch || hitl_database_held(slot->dbid))
	{
		LWLockRelease(hitl_shared->lock);
		proc_exit(0);
	}
	slot->pid = MyProcPid;
	slot->latch = MyLatch;
	slot->started_at = GetCurrentTimestamp();
	slot->exit_failed = false;
	slot->running = false;
	pg_atomic_write_u32(&slot->woken, 0);
	hitl_my_slot = slot;
	on_shmem_exit(detach_slot, (Datum) 0);
	LWLockRelease(hitl_shared->lock);
}

/*
 * Show what the process of a slot does.  STOPPING stays until it has ended,
 * though the process itself does not know yet and writes without the lock.
 */
void
hitl_set_slot_state(HitlSlot *slot, HitlWorkerState state)
{
	uint32 old = pg_atomic_read_u32(&slot->state);

	do
	{
		if (old == (uint32) state)
			return;
		if (old == HITL_STATE_STOPPING && state != HITL_STATE_EXITED)
			return;
	} while (
		!pg_atomic_compare_exchange_u32(&slot->state, &old, (uint32) state));
	slot->state_since = GetCurrentTimestamp();
}

/*
 * Note an error of this worker for hitl.workers.
 */
void
hitl_record_error(const char *message)
{
	int length = pg_mbcliplen(message, strlen(message),
							  sizeof(hitl_my_slot->last_error) - 1);

	LWLockAcquire(hitl_shared->lock, LW_EXCLUSIVE);
	pg_atomic_fetch_add_u64(&hitl_my_slot->errors, 1);
	hitl_my_slot->last_error_at = GetCurrentTimestamp();
	memcpy(hitl_my_slot->last_error, message, length);
	hitl_my_slot->last_error[length] = '\0';
	LWLockRelease(hitl_shared->lock);
}

/*
 * Let it be known which statement this executor runs, so that it can be
 * interrupted.
 */
void
hitl_begin_statement(const pg_uuid_t *workflow_id, int64 token)
{
	LWLockAcquire(hitl_shared->lock, LW_EXCLUSIVE);
	hitl_my_slot->running = true;
	hitl_my_slot->interrupted = false;
	hitl_my_slot->running_workflow = *workflow_id;
	hitl_my_slot->running_token = token;
	LWLockRelease(hitl_shared->lock);
}

/*
 * It runs no more; true if it was interrupted.  Whoever interrupts sends the
 * signal with the lock held, so none comes after this.
 */
bool
hitl_end_statement(void)
{
	bool interrupted;

	LWLockAcquire(hitl_shared->lock, LW_EXCLUSIVE);
	hitl_my_slot->running = false;
	interrupted = hitl_my_slot->interrupted;
	hitl_my_slot->interrupted = false;
	LWLockRelease(hitl_shared->lock);
	return interrupted;
}

/*
 * Is it this statement (token 0: any of this workflow) that another executor
 * runs?  The caller holds the lock.
 */
bool
hitl_runs_statement(HitlSlot *slot, const pg_uuid_t *workflow_id, int64 token)
{
	return slot->used && slot->running && slot->pid != 0 &&
		slot->dbid == MyDatabaseId && slot != hitl_my_slot &&
		(token == 0 || slot->running_token == token) &&
		memcmp(&slot->running_workflow, workflow_id, sizeof(pg_uuid_t)) == 0;
}

/* ---- local ----------------------------------------------------------- */

/*
 * Hook: how much shared memory is needed.
 */
static void
shmem_request(void)
{
	if (previous_shmem_request)
		previous_shmem_request();
	RequestAddinShmemSpace(MAXALIGN(sizeof(HitlShared)));
	RequestNamedLWLockTranche(TRANCHE, 2);
}

/*
 * Hook: runs when the server starts and again after a crash, in fresh memory.
 */
static void
shmem_startup(void)
{
	bool found;

	if (previous_shmem_startup)
		previous_shmem_startup();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	hitl_shared = ShmemInitStruct("hitl", sizeof(HitlShared), &found);
	if (!found)
	{
		memset(hitl_shared, 0, sizeof(HitlShared));
		hitl_shared->lock = &GetNamedLWLockTranche(TRANCHE)[0].lock;
		hitl_shared->news_lock = &GetNamedLWLockTranche(TRANCHE)[1].lock;
		hitl_shared->news_since = GetCurrentTimestamp();
		pg_atomic_init_u32(&hitl_shared->news_prepared,
						   has_prepared_transactions());
		ConditionVariableInit(&hitl_shared->exited);
		for (int i = 0; i < HITL_ANNOUNCEMENTS; i++)
			ConditionVariableInit(&hitl_shared->announcements[i]);
		for (int i = 0; i < HITL_SERIES; i++)
			pg_atomic_init_u64(&hitl_shared->series[i].value, 0);
		for (int i = 0; i < HITL_SLOTS; i++)
		{
			HitlSlot *slot = &hitl_shared->slots[i];

			pg_atomic_init_u32(&slot->woken, 0);
			pg_atomic_init_u32(&slot->look_back, 0);
			pg_atomic_init_u32(&slot->state, HITL_STATE_WAITING);
			pg_atomic_init_u32(&slot->news, HITL_NEWS_UNWANTED);
			pg_atomic_init_u64(&slot->handled, 0);
			pg_atomic_init_u64(&slot->errors, 0);
		}
	}
	LWLockRelease(AddinShmemInitLock);
}

/*
 * May there be prepared transactions from before the server started?  Those that
 * are in the WAL only, after a crash or in that of another server, nobody knows yet.
 */
static bool
has_prepared_transactions(void)
{
	bool is_sound;
	ControlFileData *control = get_controlfile(DataDir, &is_sound);
	bool found = !is_sound || control->state != DB_SHUTDOWNED ||
		access(STANDBY_SIGNAL_FILE, F_OK) == 0 ||
		access(RECOVERY_SIGNAL_FILE, F_OK) == 0;
	DIR *directory = AllocateDir("pg_twophase");
	struct dirent *entry;

	while (!found &&
		   (entry = ReadDirExtended(directory, "pg_twophase", LOG)) != NULL)
		found = entry->d_name[0] != '.';
	if (directory != NULL)
		FreeDir(directory);
	pfree(control);
	return found;
}

/*
 * Exit callback of a worker.
 */
static void
detach_slot(int code, Datum arg)
{
	HitlSlot *slot = hitl_my_slot;

	LWLockAcquire(hitl_shared->lock, LW_EXCLUSIVE);
	/* What a statement does to its executor is no reason to wait with a new one. */
	slot->exit_failed = code != 0 && !slot->running &&
		pg_atomic_read_u32(&slot->state) != HITL_STATE_STOPPING;
	slot->pid = 0;
	slot->latch = NULL;
	hitl_set_slot_state(slot, HITL_STATE_EXITED);
	LWLockRelease(hitl_shared->lock);

	hitl_my_slot = NULL;
	ConditionVariableBroadcast(&hitl_shared->exited);
	hitl_wake_launcher();
}

/*
 * End the process of a slot.  One that has not come up yet is given up: it
 * will find that the slot waits for another.  The lock is held, so the pid is
 * that of a worker that has not left its slot.
 */
static void
terminate_slot(HitlSlot *slot)
{
	if (slot->pid != 0)
	{
		hitl_set_slot_state(slot, HITL_STATE_STOPPING);
		kill(slot->pid, SIGTERM);
	}
	else if (pg_atomic_read_u32(&slot->state) == HITL_STATE_STARTING)
	{
		slot->launch++;
		slot->restart_at = 0;
		hitl_set_slot_state(slot, HITL_STATE_WAITING);
	}
}

/*
 * Is a worker or a probe attached in this database?
 */
static bool
has_processes(Oid dbid)
{
	bool found = false;

	LWLockAcquire(hitl_shared->lock, LW_SHARED);
	for (int i = 0; i < hitl_shared->slots_end && !found; i++)
	{
		HitlSlot *slot = &hitl_shared->slots[i];

		found = slot->used && slot->dbid == dbid && slot->pid != 0;
	}
	LWLockRelease(hitl_shared->lock);
	return found;
}
