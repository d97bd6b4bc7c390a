/*
 * breaker.h
 *		The circuit breaker of one remote host; no PostgreSQL.
 *
 *		closed --- threshold failures in a row ---> open
 *		open --- the cool-down is over ---> half-open
 *		half-open --- its one trial fails ---> open, for twice as long
 *		half-open --- its one trial succeeds ---> closed
 *
 * Half-open is not stored: it is open, with its cool-down over.  Times are
 * microseconds of any clock.
 */
#ifndef HITL_BREAKER_H
#define HITL_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

typedef struct Breaker
{
	int failures; /* in a row */
	bool open;
	bool trial;			   /* half-open, and its trial is under way */
	int64_t cooldown;	   /* of this opening */
	int64_t opened_at;	   /* the first time since it was closed */
	int64_t next_trial_at; /* while open */
} Breaker;

/* How a request ended, as far as it tells about its host. */
typedef enum BreakerOutcome
{
	BREAKER_NEUTRAL = 0, /* nothing: it never got there */
	BREAKER_SUCCESS,	 /* the host answers */
	BREAKER_FAILURE		 /* it does not, or says that it cannot */
} BreakerOutcome;

typedef struct BreakerTerms
{
	int threshold;		  /* 0: never open */
	int64_t cooldown;	  /* the first one */
	int64_t max_cooldown; /* however often it fails */
} BreakerTerms;

/*
 * May a request be sent?  -1: any number; 1: one, as the trial; 0: none,
 * before *ready_at (INT64_MAX: before the trial has ended).
 */
extern int breaker_allows(const Breaker *breaker, const BreakerTerms *terms,
						  int64_t now, int64_t *ready_at);

/* A request is sent; true if it is the trial. */
extern bool breaker_send(Breaker *breaker, const BreakerTerms *terms,
						 int64_t now);

/* A request has ended; true if the breaker has opened or closed, or opened again. */
extern bool breaker_end(Breaker *breaker, const BreakerTerms *terms,
						int64_t now, bool trial, BreakerOutcome outcome);

/* Close it by hand. */
extern void breaker_reset(Breaker *breaker);

#endif /* HITL_BREAKER_H */
