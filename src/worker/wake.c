/*
 * wake.c
 *		Who changes something sets the latch of the workers it concerns, and
 *		wakes the sessions that wait for it, when its transaction commits.
 *
 * What a transaction owes the others is noted in static variables and done when
 * it has committed and sent its invalidations: who wakes up sooner may still use
 * what it has cached, and sleep again.  The callback in which that is done runs
 * at every commit of every session, so it does nothing but look at them when
 * nothing is owed.
 */
#include "postgres.h"

#include <signal.h>

#include "access/xact.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/resowner.h"

#include "compat.h"
#include "hitl.h"
#include "worker/news.h"
#include "worker/shared.h"
#include "worker/worker.h"

/* What this transaction owes when it commits. */
static uint32 kinds_to_wake = 0; /* bit of each HitlWorkerKind */
static uint64 announcements = 0; /* bit of each condition variable */
static bool looks_back = false;	 /* a message was put far ahead */

/* Executors to interrupt: which slots run what. */
#define MAX_INTERRUPTIONS 64
typedef struct Interruption
{
	HitlSlot *slot;
	pg_uuid_t workflow_id;
	int64 token;
} Interruption;
static Interruption interruptions[MAX_INTERRUPTIONS];
static int ninterruptions = 0;

static void at_transaction_end(XactEvent event, void *arg);
static void at_release(ResourceReleasePhase phase, bool is_commit,
					   bool is_top_level, void *arg);
static void wake_kind(HitlWorkerKind kind);
static void interrupt(void);
static void have_engines_look_back(void);
static int slots_end(void);
static bool is_mine(const volatile HitlSlot *slot, HitlWorkerKind kind);
static void broadcast(uint64 which);
static int announcement_of(const pg_uuid_t *id);

PG_FUNCTION_INFO_V1(hitl_wake);

/*
 * At module start, so that every session inherits the callbacks.
 */
void
hitl_wake_init(void)
{
	RegisterXactCallback(at_transaction_end, NULL);
	RegisterResourceReleaseCallback(at_release, NULL);
}

/*
 * Note that a kind of worker has work when this transaction has committed.
 * Without workers there is nobody to wake, and the tables can still be
 * written: a restored dump, say, before the library is preloaded again.
 */
void
hitl_wake_at_commit(HitlWorkerKind kind)
{
	if (hitl_shared != NULL)
		kinds_to_wake |= 1U << kind;
}

/*
 * Was that noted in this transaction?
 */
bool
hitl_will_wake(HitlWorkerKind kind)
{
	return (kinds_to_wake & (1U << kind)) != 0;
}

/*
 * What was noted before in this transaction is not needed after all.
 */
void
hitl_forget_wake(HitlWorkerKind kind)
{
	kinds_to_wake &= ~(1U << kind);
}

/*
 * Note that a statement is withdrawn when this transaction commits, if an
 * executor runs it now.  One that begins it later, or is one too many, finds
 * out in the end.
 */
void
hitl_interrupt_at_commit(const pg_uuid_t *workflow_id, int64 token)
{
	if (hitl_shared == NULL)
		return;
	LWLockAcquire(hitl_shared->lock, LW_SHARED);
	for (int i = HITL_PROBE_SLOTS; i < hitl_shared->slots_end; i++)
	{
		HitlSlot *slot = &hitl_shared->slots[i];

		if (hitl_runs_statement(slot, workflow_id, token) &&
			ninterruptions < MAX_INTERRUPTIONS)
		{
			interruptions[ninterruptions].slot = slot;
			interruptions[ninterruptions].workflow_id = *workflow_id;
			interruptions[ninterruptions].token = token;
			ninterruptions++;
		}
	}
	LWLockRelease(hitl_shared->lock);
}

/*
 * Note that the engines must look at the head of the queue.
 */
void
hitl_look_back_at_commit(void)
{
	if (hitl_shared != NULL)
		looks_back = true;
}

/*
 * Has anybody asked this engine to do so?  Mostly not: then nothing is written.
 */
bool
hitl_must_look_back(void)
{
	return pg_atomic_read_u32(&hitl_my_slot->look_back) != 0 &&
		pg_atomic_exchange_u32(&hitl_my_slot->look_back, 0) != 0;
}

/*
 * Tell the worker of a slot to look for work.  The latch is always that of some
 * PGPROC; if its worker has just ended, some other process wakes up for nothing.
 */
void
hitl_wake_slot(HitlSlot *slot)
{
	Latch *latch = ((volatile HitlSlot *) slot)->latch;

	pg_atomic_write_u32(&slot->woken, 1);
	if (latch != NULL)
		SetLatch(latch);
	pg_memory_barrier();
}

/*
 * Set the latch of one worker of a kind that sleeps, if there is one.
 */
bool
hitl_wake_idle(HitlWorkerKind kind)
{
	for (int i = HITL_PROBE_SLOTS; i < slots_end(); i++)
	{
		HitlSlot *slot = &hitl_shared->slots[i];

		if (is_mine(slot, kind) &&
			pg_atomic_read_u32(&slot->state) == HITL_STATE_IDLE)
		{
			hitl_wake_slot(slot);
			if (pg_atomic_read_u32(&slot->state) == HITL_STATE_IDLE)
				return true;
		}
	}
	return false;
}

/*
 * After COMMIT PREPARED: what that transaction owed was lost with the session
 * that prepared it, so it is taken to be everything.
 */
void
hitl_wake_all(void)
{
	have_engines_look_back();
	wake_kind(HITL_WORKER_ENGINE);
	wake_kind(HITL_WORKER_DISPATCHER);
	wake_kind(HITL_WORKER_EXECUTOR);
	wake_kind(HITL_WORKER_GATEWAY);
	hitl_publish_prepared();
	broadcast(~UINT64CONST(0));
}

/*
 * Note that an approval or a workflow changes when this transaction commits.
 */
void
hitl_announce_at_commit(const pg_uuid_t *id)
{
	if (hitl_shared != NULL)
		announcements |= UINT64CONST(1) << announcement_of(id);
}

/*
 * From here on no announcement of this id is missed.
 */
void
hitl_prepare_wait(const pg_uuid_t *id)
{
	hitl_require_shared();
	ConditionVariablePrepareToSleep(
		&hitl_shared->announcements[announcement_of(id)]);
}

/*
 * Sleep until there was one; the caller then looks at its row.
 */
bool
hitl_wait_for_announcement(const pg_uuid_t *id, long timeout_ms)
{
	return !ConditionVariableTimedSleep(
		&hitl_shared->announcements[announcement_of(id)], timeout_ms,
		hitl_wait_event("HitlAnnouncement"));
}

/*
 * An ERROR does this by itself.
 */
void
hitl_end_wait(void)
{
	ConditionVariableCancelSleep();
}

/*
 * Trigger on the tables that workers take their work from.
 */
Datum
hitl_wake(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("hitl.wake() was not called by a trigger")));
	for (int i = 0; i < trigger->tg_trigger->tgnargs; i++)
	{
		const char *kind = trigger->tg_trigger->tgargs[i];

		if (strcmp(kind, "engine") == 0)
			hitl_wake_at_commit(HITL_WORKER_ENGINE);
		else if (strcmp(kind, "dispatcher") == 0)
			hitl_wake_at_commit(HITL_WORKER_DISPATCHER);
		else if (strcmp(kind, "executor") == 0)
			hitl_wake_at_commit(HITL_WORKER_EXECUTOR);
		else
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("there is no kind of worker named \"%s\"", kind),
					 errhint("The arguments of hitl.wake() are engine, dispatcher and executor.")));
	}
	PG_RETURN_POINTER(NULL);
}

/* ---- local ----------------------------------------------------------- */

/*
 * What is not committed owes nothing.
 */
static void
at_transaction_end(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE)
		return;
	kinds_to_wake = 0;
	announcements = 0;
	ninterruptions = 0;
	looks_back = false;
}

/*
 * When the locks of a transaction have been released, its changes are visible
 * to others and its invalidations sent, so whoever wakes up now sees them.  (At
 * XACT_EVENT_COMMIT, the latter are still to come.)
 */
static void
at_release(ResourceReleasePhase phase, bool is_commit, bool is_top_level,
		   void *arg)
{
	uint32 kinds = kinds_to_wake;
	uint64 which = announcements;

	if (phase != RESOURCE_RELEASE_AFTER_LOCKS || !is_commit || !is_top_level)
		return;
	kinds_to_wake = 0;
	announcements = 0;
	if (looks_back)
		have_engines_look_back();
	looks_back = false;
	if (kinds & (1U << HITL_WORKER_ENGINE))
		wake_kind(HITL_WORKER_ENGINE);
	if (kinds & (1U << HITL_WORKER_DISPATCHER))
		wake_kind(HITL_WORKER_DISPATCHER);
	if (kinds & (1U << HITL_WORKER_EXECUTOR))
		wake_kind(HITL_WORKER_EXECUTOR);
	if (ninterruptions > 0)
		interrupt();
	if (which != 0)
		broadcast(which);
}

/*
 * Wake one worker of this kind that sleeps.  It wakes another when it finds
 * more than it can do in one pass (loop.c), so a single message does not wake
 * them all.  If none sleeps, all are told to look again after what they are
 * doing now.
 *
 * No lock is taken.  A worker that comes up meanwhile publishes its latch
 * before it looks at any table, so either we see the latch or it sees what we
 * committed.  A worker says it sleeps, then looks at "woken", then sleeps; we
 * set "woken" and then see whether it says so still.
 */
static void
wake_kind(HitlWorkerKind kind)
{
	pg_memory_barrier();
	if (hitl_wake_idle(kind))
		return;
	for (int i = HITL_PROBE_SLOTS; i < slots_end(); i++)
		if (is_mine(&hitl_shared->slots[i], kind))
			hitl_wake_slot(&hitl_shared->slots[i]);
}

/*
 * Interrupt the executors that still run what was withdrawn.
 */
static void
interrupt(void)
{
	LWLockAcquire(hitl_shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < ninterruptions; i++)
	{
		HitlSlot *slot = interruptions[i].slot;

		if (hitl_runs_statement(slot, &interruptions[i].workflow_id,
								interruptions[i].token))
		{
			slot->interrupted = true;
			kill(slot->pid, SIGINT);
		}
	}
	LWLockRelease(hitl_shared->lock);
	ninterruptions = 0;
}

/*
 * Before one of them is woken: whichever claims next is to see it.
 */
static void
have_engines_look_back(void)
{
	for (int i = HITL_PROBE_SLOTS; i < slots_end(); i++)
		if (is_mine(&hitl_shared->slots[i], HITL_WORKER_ENGINE))
			pg_atomic_write_u32(&hitl_shared->slots[i].look_back, 1);
}

/*
 * Slots from here on are not used.  Reading an old value misses only workers
 * that have not read any table yet.
 */
static int
slots_end(void)
{
	return ((volatile HitlShared *) hitl_shared)->slots_end;
}

/*
 * Is this the slot of a worker of this kind in this database?
 */
static bool
is_mine(const volatile HitlSlot *slot, HitlWorkerKind kind)
{
	return slot->dbid == MyDatabaseId && slot->kind == kind;
}

/*
 * Wake whoever waits on these condition variables.
 */
static void
broadcast(uint64 which)
{
	for (int i = 0; i < HITL_ANNOUNCEMENTS; i++)
		if (which & (UINT64CONST(1) << i))
			ConditionVariableBroadcast(&hitl_shared->announcements[i]);
}

/*
 * Several ids share a condition variable; who waits looks at its row again.
 */
static int
announcement_of(const pg_uuid_t *id)
{
	return hash_bytes(id->data, UUID_LEN) % HITL_ANNOUNCEMENTS;
}
