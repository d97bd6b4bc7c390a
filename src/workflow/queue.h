/*
 * queue.h
 *		Queues of external tasks: who may take tasks from them, how many, and
 *		telling workers that there are some.  All of it runs within SPI.
 */
#ifndef HITL_QUEUE_H
#define HITL_QUEUE_H

#include "postgres.h"

#include "workflow/batch.h"

/*
 * What limits the rate of claims of a queue.  Claims are counted in slices of
 * time; those that a period can touch together are one more than it has.
 */
#define HITL_RATE_SLICES 11

typedef struct HitlAllowance
{
	int max_rate; /* 0: none */
	int64 slice_us;
	int64 last_slice;				/* that of now */
	int64 claims[HITL_RATE_SLICES]; /* in the slices, latest first */
	bool is_short; /* the rate allows less than was asked for */
} HitlAllowance;

/* Tell sleeping workers of a queue: when the batch is written; or now. */
extern void hitl_publish_later(HitlBatch *batch, const char *queue);
extern void hitl_publish_queue(const char *queue);

/* Body of a "changed" message, and what it has the engine publish. */
extern Jsonb *hitl_changed_body(HitlBatch *batch);
extern void hitl_publish_changed(HitlBatch *batch, Jsonb *body);

/* ERROR unless the caller may take tasks from a queue. */
extern void hitl_check_queue(const char *queue);

/* How many of so many tasks may be claimed now; then, how many were. */
extern int64 hitl_read_allowance(const char *queue, int64 count,
								 HitlAllowance *allowance);
extern void hitl_record_claims(const char *queue, int64 count,
							   HitlAllowance *allowance);

/* A task of a queue has ended, which may make room for another. */
extern void hitl_tell_next(const pg_uuid_t *workflow_id, const char *queue);

#endif /* HITL_QUEUE_H */
