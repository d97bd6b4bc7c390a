/*
 * hosts.h
 *		Remote hosts: their names, and what the dispatcher knows of each.
 *
 * A host is told by its origin: scheme, name and port.
 */
#ifndef HITL_HOSTS_H
#define HITL_HOSTS_H

#include "postgres.h"

#include "lib/ilist.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"

#include "worker/breaker.h"

/* The longest origin that is told apart; hitl.request_origin cuts there. */
#define HITL_ORIGIN_SIZE 300

/* What requests are for: a lane of the dispatcher each. */
typedef enum HitlPurpose
{
	HITL_INFERENCE = 0,
	HITL_HTTP,
	HITL_NOTIFICATION,
	HITL_PURPOSES
} HitlPurpose;

/* The queue of a host for one purpose. */
typedef struct HitlQueue
{
	dlist_node node; /* in the list of its lane */
	struct HitlRemote *host;
	bool listed;
	int in_flight;		  /* claimed ones included */
	TimestampTz position; /* where the next look begins */
	TimestampTz first;	  /* rank of its first row at the last sweep;
						   * DT_NOEND: it had none */
	TimestampTz served_at;
	bool empty; /* it was when it was last asked, and no sweep came since */
	int asked;	/* in the look under way */
	int got;
} HitlQueue;

typedef struct HitlRemote
{
	char origin[HITL_ORIGIN_SIZE]; /* must be first: the hash key */
	int in_flight;

	/* its limit */
	int max_concurrency; /* 0: none */
	int max_rate;		 /* 0: none */
	int64 period;		 /* us */
	TimestampTz *begun;	 /* when the last max_rate requests began; a ring */
	int oldest;			 /* in that ring */

	Breaker breaker;
	bool unsaved;		 /* its breaker differs from hitl.breakers */
	bool saved;			 /* not any more, if this transaction commits */
	char *error_message; /* of the failure that opened it, or NULL */

	HitlQueue queues[HITL_PURPOSES];
} HitlRemote;

/* ---- names ------------------------------------------------------------ */

/*
 * The name of a host as an administrator gives it, in lower case; ERRORs if no
 * URL can have it.
 */
extern char *hitl_host_name(const char *name);

/* Does such a name, "host" or "host:port", stand for a URL's host and port? */
extern bool hitl_host_matches(const char *name, const char *host, int port);

/* ---- the dispatcher's hosts ------------------------------------------- */

extern void hitl_hosts_init(void);

/* The host with this origin, made if it is not known yet. */
extern HitlRemote *hitl_find_host(const char *origin);

/*
 * How many requests to it may begin now; if that is not as many as one likes,
 * *ready_at is when there may be more, DT_NOEND if one must end first.
 */
extern int hitl_host_allows(HitlRemote *host, TimestampTz now,
							TimestampTz *ready_at);

/* A request begins; true if it is the trial of a half-open breaker. */
extern bool hitl_host_begins(HitlRemote *host, HitlPurpose purpose,
							 TimestampTz now);

/* A request has ended. */
extern void hitl_host_ends(HitlRemote *host, HitlPurpose purpose,
						   TimestampTz now, bool trial, BreakerOutcome outcome,
						   const char *error_message);

/*
 * Within a transaction: read limits and breakers if they have changed, and
 * say whether they have.  If the transaction fails, this is to be done again.
 */
extern bool hitl_refresh_hosts(void);
extern void hitl_refresh_again(void);

/* The clock was set back: what lies ahead now was, or is to be soon. */
extern void hitl_hosts_set_back(TimestampTz now);

/* Over all hosts, with hash_seq_search. */
extern void hitl_scan_hosts(HASH_SEQ_STATUS *scan);

/* Forget hosts that nothing is known of, when there are many. */
extern void hitl_forget_hosts(TimestampTz now);

/* ---- circuit_breaker.c ------------------------------------------------ */

/* Is any host unsaved? */
extern bool hitl_breakers_unsaved;

extern BreakerTerms hitl_breaker_terms(void);

/* Within a transaction, as hitl_refresh_hosts wants it. */
extern void hitl_read_breakers(void);

/* Within a transaction: write those that have changed, if any. */
extern void hitl_save_breakers(void);

/* That transaction has committed. */
extern void hitl_breakers_saved(void);

#endif /* HITL_HOSTS_H */
