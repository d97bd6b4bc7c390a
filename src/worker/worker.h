/*
 * worker.h
 *		The background workers: shared state, wake-up, and the loop they share.
 *
 * One launcher per cluster starts, for every database that has the extension,
 * hitl.engine_workers engine workers, hitl.sql_workers executors, one
 * dispatcher and, where hitl.listen_addresses asks for it, a gateway.  All of
 * them sleep until they are woken or their next piece of work is due.  README.md tells
 * how it works.
 */
#ifndef HITL_WORKER_H
#define HITL_WORKER_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "storage/condition_variable.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

typedef enum HitlWorkerKind
{
	HITL_WORKER_PROBE = 0, /* short-lived: is the extension there? */
	HITL_WORKER_ENGINE,
	HITL_WORKER_DISPATCHER,
	HITL_WORKER_EXECUTOR, /* runs the statements of sql steps */
	HITL_WORKER_GATEWAY,  /* serves HTTP, where that is asked for */
	HITL_WORKER_KINDS
} HitlWorkerKind;

/* ---- wake-up (wake.c) ------------------------------------------------ */

/*
 * Wake a sleeping worker of a kind in this database when the current
 * transaction commits; if none sleeps, all of them look again when they have
 * done what they are at.  Cheap; may be called any number of times.  Without
 * shared_preload_libraries nothing happens.
 */
extern void hitl_wake_at_commit(HitlWorkerKind kind);

/*
 * Will one be woken?  Or after all, do not: who would be woken would find nothing
 * to do.
 */
extern bool hitl_will_wake(HitlWorkerKind kind);
extern void hitl_forget_wake(HitlWorkerKind kind);

/*
 * Interrupt the executor that runs the statement with this token (0: any) of a
 * workflow, if there is one, when the current transaction commits.
 */
extern void hitl_interrupt_at_commit(const pg_uuid_t *workflow_id, int64 token);

/*
 * Have the engines look from the head of the queue when the current
 * transaction commits: a message was put before where they have got to.
 */
extern void hitl_look_back_at_commit(void);

/* In an engine: was that asked for?  Taken back by asking. */
extern bool hitl_must_look_back(void);

/*
 * Tell sessions that wait in await_approval or await_workflow, when the
 * current transaction commits, that the approval or workflow with this id
 * has changed.
 */
extern void hitl_announce_at_commit(const pg_uuid_t *id);

/*
 * Wait until an announcement for id may have come since the last
 * hitl_prepare_wait, or timeout_ms went by (-1: no limit).  False on time-out;
 * true may come too early, so look at the row again.
 * Call hitl_prepare_wait first, then look at the row, then wait; end with
 * hitl_end_wait.  Must be called with no snapshot held.
 */
extern void hitl_prepare_wait(const pg_uuid_t *id);
extern bool hitl_wait_for_announcement(const pg_uuid_t *id, long timeout_ms);
extern void hitl_end_wait(void);

/* ---- the loop (loop.c) ----------------------------------------------- */

/* What a pass answers: how long the worker may sleep. */
#define HITL_SLEEP_FOREVER (-1L) /* until it is woken */

/*
 * Set when work was announced, or settings were read anew; for roles whose
 * passes have other causes, too.  The role resets it.
 */
extern bool hitl_work_announced;

typedef struct HitlWorkerRole
{
	HitlWorkerKind kind;

	/*
	 * Once, connected to the database, outside any transaction.  On ERROR the
	 * worker ends and is started again later.
	 */
	void (*start)(void);

	/*
	 * One pass of work; called outside any transaction, in a memory context
	 * that is reset before every pass.  Returns how many ms the worker may
	 * sleep: 0 for "call me again at once", HITL_SLEEP_FOREVER for "until I
	 * am woken".  After 0 a sleeping engine worker is woken to help.  On
	 * ERROR the loop aborts the transaction, logs the error, records it in
	 * the worker's slot, calls failed, backs off (doubling, at most a minute)
	 * and goes on.
	 */
	long (*pass)(void);

	/*
	 * Optional: after an ERROR was caught and the transaction aborted.  May
	 * use transactions, and fail, itself.  True if the cause is out of the
	 * way, so that the next pass need not wait.
	 */
	bool (*failed)(const ErrorData *error);

	/*
	 * Optional: a file descriptor that ends the sleep when it becomes
	 * readable (an epoll descriptor); -1 for none.  Asked once after start.
	 * A pass must leave it unreadable, or the worker does not sleep.
	 */
	int (*wait_descriptor)(void);

	/*
	 * Optional: a notification on HITL_EVENTS_CHANNEL was read, to which the
	 * role listens.  Must not fail, nor do more than to remember it.
	 */
	void (*hear)(const char *payload);
} HitlWorkerRole;

#define HITL_EVENTS_CHANNEL "hitl_events"

extern const HitlWorkerRole hitl_engine_role;			 /* engine.c */
extern const HitlWorkerRole hitl_dispatcher_role;		 /* dispatcher.c */
extern const HitlWorkerRole hitl_executor_role;			 /* executor.c */
extern const HitlWorkerRole hitl_gateway_role_of_worker; /* gateway.c */

/*
 * In the handler of an error that the role catches itself: put everything back
 * where it was between two passes, and return it; report: log it, too.
 */
extern ErrorData *hitl_catch_error(bool report);

/* The same, and that is all: it is logged, and noted for hitl.workers. */
extern void hitl_settle_error(void);

/* Note an error for hitl.workers (shared.c). */
extern void hitl_record_error(const char *message);

/* Count work done, for hitl.workers. */
extern void hitl_count_handled(uint64 n);

/*
 * Start and commit a transaction of a worker: snapshot, SPI connection,
 * statement timestamp and activity for pg_stat_activity on begin; statistics
 * reported on end.
 */
extern void hitl_begin_work(const char *activity);
extern void hitl_end_work(void);

/* NOTIFY once the transaction that hitl_begin_work began has committed. */
extern void hitl_notify_after_work(const char *channel, const char *payload);

/*
 * Log that this worker has started, now, and that it stops, when it does.
 * number: which of its kind; 0: there is one.
 */
extern void hitl_log_worker(int number);

/* Let this process have so many connections beside the server's own files. */
extern void hitl_raise_descriptor_limit(int connections);

/* ---- shared memory (shared.c) ---------------------------------------- */

extern void hitl_shared_init(void);		  /* from _PG_init: hooks */
extern void hitl_launcher_register(void); /* from _PG_init */
extern void hitl_lifecycle_init(void);	  /* from _PG_init: utility and object
										 * access hooks */
extern void hitl_metrics_init(void);	  /* from _PG_init: callbacks */
extern const char *hitl_kind_name(HitlWorkerKind kind);	 /* worker.c */
extern void hitl_count_pass(const char *kind, int64 us); /* in shared memory */

/* Only these databases are there. */
extern void hitl_forget_counters(const List *databases); /* of their oids */
extern void hitl_wake_init(void); /* from _PG_init: transaction callback */

#endif /* HITL_WORKER_H */
