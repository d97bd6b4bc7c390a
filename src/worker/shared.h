/*
 * shared.h
 *		What the processes of hitl share.  Private to src/worker.
 *
 * A slot stands for one worker that ought to run: it exists as long as the
 * worker is wanted, whether a process fills it at the moment or not.  So the
 * state of the workers outlives each of them, and the launcher too.
 *
 * All fields are protected by HitlShared.lock, except where the comment says
 * otherwise.
 */
#ifndef HITL_SHARED_H
#define HITL_SHARED_H

#include "postgres.h"

#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "utils/timestamp.h"
#include "worker/worker.h"

#define HITL_SLOTS		   256
#define HITL_PROBE_SLOTS   2 /* the first slots are for probes */
#define HITL_REQUESTS	   64
#define HITL_HOLDS		   64
#define HITL_ANNOUNCEMENTS 64 /* must be 64: a bit of a uint64 for each */

typedef enum HitlWorkerState
{
	HITL_STATE_WAITING = 0, /* no process; to be started at restart_at */
	HITL_STATE_NO_SLOT,		/* the same, as max_worker_processes is used up */
	HITL_STATE_STARTING,	/* registered with the postmaster */
	HITL_STATE_IDLE,
	HITL_STATE_WORKING,
	HITL_STATE_BACKING_OFF, /* waits after an error */
	HITL_STATE_STOPPING,	/* has been told to end */
	HITL_STATE_EXITED		/* ended; the launcher has not looked yet */
} HitlWorkerState;

typedef struct HitlSlot
{
	bool used;
	bool wanted; /* false: free the slot when the worker ended */
	HitlWorkerKind kind;
	int number; /* from 1, among those of its kind and database */
	Oid dbid;	/* read without the lock by wake.c */

	/*
	 * Changes with every start.  A process that comes up with another one
	 * has been given up meanwhile and ends.
	 */
	uint64 launch;
	pid_t pid;					/* 0 while no process has attached */
	Latch *latch;				/* of that process; read without the lock */
	pg_atomic_uint32 woken;		/* there may be work; set before the latch */
	pg_atomic_uint32 look_back; /* of an engine: there may be work at the head
								 * of the queue */
	pg_atomic_uint32 state;		/* HitlWorkerState; written with the lock or
								 * by the attached process, read without */
	TimestampTz state_since;
	TimestampTz started_at; /* 0: never */
	bool exit_failed;		/* the last process ended with an error */
	int failures;			/* deaths soon after the start, in a row */
	TimestampTz restart_at;
	pg_atomic_uint32 news; /* HitlNewsState, of a gateway */
	pg_atomic_uint64 handled;
	pg_atomic_uint64 errors;
	TimestampTz last_error_at; /* 0: none */
	char last_error[256];

	/* The statement that an executor runs at the moment. */
	bool running;
	bool interrupted; /* it was withdrawn meanwhile */
	pg_uuid_t running_workflow;
	int64 running_token;
} HitlSlot;

/* What is known of a database. */
typedef enum HitlSighting
{
	HITL_UNKNOWN = 0, /* send a probe */
	HITL_PRESENT,	  /* it has the extension, and wants it to work */
	HITL_ABSENT		  /* it has not, or another version of it */
} HitlSighting;

/* A message to the launcher. */
typedef struct HitlRequest
{
	Oid dbid;
	HitlSighting verdict;
	bool gateway;	 /* hitl.listen_addresses asks for one */
	bool by_session; /* not by a worker that looked */
} HitlRequest;

/*
 * No worker starts in a database that is held: DROP DATABASE and its like
 * need it empty until they commit.
 */
typedef struct HitlHold
{
	Oid dbid;  /* InvalidOid: free */
	pid_t pid; /* who holds it */
} HitlHold;

/*
 * A counter of /metrics (metrics.c).  A place that was taken stays so until its
 * database is dropped; it keeps the name then, since others may lie beyond it.
 */
#define HITL_SERIES		 1024
#define HITL_SERIES_NAME 160

typedef struct HitlSeries
{
	Oid dbid; /* InvalidOid: free */
	char name[HITL_SERIES_NAME];
	pg_atomic_uint64 value;
} HitlSeries;

/* What has happened to approval requests, in all databases (news.c). */
#define HITL_NEWS	   4096
#define HITL_NEWS_TYPE 32

typedef struct HitlNewsItem
{
	Oid dbid;
	pg_uuid_t approval_id;
	TimestampTz at;
	char event_type[HITL_NEWS_TYPE]; /* "": not known */
} HitlNewsItem;

typedef struct HitlShared
{
	LWLock *lock;

	/* the launcher */
	pid_t launcher_pid;
	Latch *launcher_latch; /* read without the lock */
	TimestampTz launcher_since;
	uint64 launches; /* workers started since the server started */

	/* messages to the launcher */
	bool rescan;	/* read pg_database again */
	bool probe_all; /* there were too many requests */
	int nrequests;
	HitlRequest requests[HITL_REQUESTS];

	HitlHold holds[HITL_HOLDS];

	ConditionVariable exited; /* a worker has ended */
	ConditionVariable announcements[HITL_ANNOUNCEMENTS];

	HitlSeries series[HITL_SERIES];

	/* A ring: number n, from 1, lies at n % HITL_NEWS. */
	LWLock *news_lock;
	TimestampTz news_since;
	pg_atomic_uint32 news_prepared; /* may a prepared transaction have some? */
	int64 news_count;				/* that there were */
	HitlNewsItem news[HITL_NEWS];

	int slots_end; /* no used slot from here; read without lock */
	HitlSlot slots[HITL_SLOTS];
} HitlShared;

/* NULL when the library is not preloaded. */
extern HitlShared *hitl_shared;

/* The slot of this process, if it is a worker. */
extern HitlSlot *hitl_my_slot;

/* ERROR unless the library is preloaded. */
extern void hitl_require_shared(void);

extern void hitl_wake_launcher(void);
extern void hitl_request(Oid dbid, HitlSighting verdict);
extern void hitl_request_rescan(void);

extern bool hitl_database_has_workers(Oid dbid);
extern void hitl_stop_slot(HitlSlot *slot);
extern void hitl_restart_slot(HitlSlot *slot);
extern void hitl_stop_database(Oid dbid);
extern void hitl_hold_database(Oid dbid);
extern bool hitl_database_held(Oid dbid);
extern void hitl_release_holds(void);

extern void hitl_attach_slot(int index, uint64 launch);
extern void hitl_set_slot_state(HitlSlot *slot, HitlWorkerState state);

extern void hitl_begin_statement(const pg_uuid_t *workflow_id, int64 token);
extern bool hitl_end_statement(void);
extern bool hitl_runs_statement(HitlSlot *slot, const pg_uuid_t *workflow_id,
								int64 token);

/* wake.c */
extern void hitl_wake_slot(HitlSlot *slot);
extern bool hitl_wake_idle(HitlWorkerKind kind);
extern void hitl_wake_all(void);

#endif /* HITL_SHARED_H */
