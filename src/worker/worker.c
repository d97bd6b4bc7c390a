/*
 * worker.c
 *		What hitl.workers shows.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "hitl.h"
#include "version.h"
#include "worker/shared.h"
#include "worker/worker.h"

#define STATUS_COLUMNS 10

static void put_launcher(ReturnSetInfo *result, const char *version);
static void put_slot(ReturnSetInfo *result, HitlSlot *slot);
static const char *state_text(HitlSlot *slot);

/* Names in hitl.workers. */
static const char *const kinds[HITL_WORKER_KINDS] = {
	[HITL_WORKER_PROBE] = "probe",
	[HITL_WORKER_ENGINE] = "engine",
	[HITL_WORKER_DISPATCHER] = "dispatcher",
	[HITL_WORKER_EXECUTOR] = "executor",
	[HITL_WORKER_GATEWAY] = "gateway",
};

PG_FUNCTION_INFO_V1(hitl_worker_status);

/*
 * What a kind of workers is called.
 */
const char *
hitl_kind_name(HitlWorkerKind kind)
{
	return kinds[kind];
}

/*
 * The launcher and this database's workers, one row each.
 */
Datum
hitl_worker_status(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	char *version;

	hitl_require_shared();
	InitMaterializedSRF(fcinfo, 0);
	if (hitl_presence(&version) != HITL_OTHER_VERSION)
		version = NULL;

	LWLockAcquire(hitl_shared->lock, LW_SHARED);
	put_launcher(result, version);
	for (int i = HITL_PROBE_SLOTS; i < hitl_shared->slots_end; i++)
	{
		HitlSlot *slot = &hitl_shared->slots[i];

		if (slot->used && slot->dbid == MyDatabaseId)
			put_slot(result, slot);
	}
	LWLockRelease(hitl_shared->lock);
	return (Datum) 0;
}

/*
 * The row of the launcher.  If it starts no workers here since the extension is
 * of another version, that is its last error.
 */
static void
put_launcher(ReturnSetInfo *result, const char *version)
{
	Datum values[STATUS_COLUMNS] = {0};
	bool nulls[STATUS_COLUMNS] = {0};
	bool running = hitl_shared->launcher_pid != 0;

	values[0] = CStringGetTextDatum("launcher");
	values[1] = Int32GetDatum(1);
	values[2] = Int32GetDatum(hitl_shared->launcher_pid);
	nulls[2] = !running;
	values[3] = CStringGetTextDatum(running ? "idle" : "not running");
	values[4] = TimestampTzGetDatum(hitl_shared->launcher_since);
	nulls[4] = hitl_shared->launcher_since == 0;
	values[5] = values[4];
	nulls[5] = !running;
	values[6] = Int64GetDatum((int64) hitl_shared->launches);
	values[7] = Int64GetDatum(0);
	if (version != NULL)
		values[8] = CStringGetTextDatum(psprintf("%s. %s",
												 hitl_version_fault(version),
												 hitl_version_hint(version)));
	nulls[8] = version == NULL;
	nulls[9] = true;
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * The row of a worker, whether it has a process or not.
 */
static void
put_slot(ReturnSetInfo *result, HitlSlot *slot)
{
	Datum values[STATUS_COLUMNS] = {0};
	bool nulls[STATUS_COLUMNS] = {0};

	values[0] = CStringGetTextDatum(kinds[slot->kind]);
	values[1] = Int32GetDatum(slot->number);
	values[2] = Int32GetDatum(slot->pid);
	nulls[2] = slot->pid == 0;
	values[3] = CStringGetTextDatum(state_text(slot));
	values[4] = TimestampTzGetDatum(slot->state_since);
	values[5] = TimestampTzGetDatum(slot->started_at);
	nulls[5] = slot->started_at == 0;
	values[6] = Int64GetDatum((int64) pg_atomic_read_u64(&slot->handled));
	values[7] = Int64GetDatum((int64) pg_atomic_read_u64(&slot->errors));
	if (slot->last_error_at != 0)
	{
		values[8] = CStringGetTextDatum(slot->last_error);
		values[9] = TimestampTzGetDatum(slot->last_error_at);
	}
	else
		nulls[8] = nulls[9] = true;
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * Its state in words; worker.sql explains them.
 */
static const char *
state_text(HitlSlot *slot)
{
	switch ((HitlWorkerState) pg_atomic_read_u32(&slot->state))
	{
		case HITL_STATE_WAITING:
		case HITL_STATE_EXITED:
			return hitl_database_held(slot->dbid) ? "held"
												  : "waiting to restart";
		case HITL_STATE_NO_SLOT:
			return "no free worker slot";
		case HITL_STATE_STARTING:
			return "starting";
		case HITL_STATE_IDLE:
			return "idle";
		case HITL_STATE_WORKING:
			return "working";
		case HITL_STATE_BACKING_OFF:
			return "backing off";
		case HITL_STATE_STOPPING:
			return "stopping";
	}
	return "unknown";
}
