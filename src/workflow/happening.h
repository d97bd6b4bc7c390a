/*
 * happening.h
 *		What the log says of workflows and their steps.
 *
 * To be called only where hitl_logs() says that somebody wants to know.
 */
#ifndef HITL_HAPPENING_H
#define HITL_HAPPENING_H

#include "postgres.h"

#include "workflow/batch.h"

/* What all of it is about. */
#define HITL_LOG_OF_WORKFLOWS (HITL_LOG_WORKFLOWS | HITL_LOG_FAILURES)
#define HITL_LOG_OF_STEPS	  (HITL_LOG_STEPS | HITL_LOG_FAILURES)

/* It has another status; of one that has failed, the error is there already. */
extern void hitl_log_status(const HitlBatch *batch,
							const HitlWorkflow *workflow, const char *previous);

/* An event that comes with no other status. */
extern void hitl_log_event(const HitlWorkflow *workflow, const char *type);

/* An effect of the core that is about a step; most are not, and left out. */
extern void hitl_log_step(const HitlBatch *batch, const HitlWorkflow *workflow,
						  const HitlEffect *effect);

/* It was failed since it could not be processed, not even alone. */
extern void hitl_log_failed_alone(const pg_uuid_t *id, const char *kind,
								  int sqlerrcode);

/* It cannot be processed now; held: since others lock what is its. */
extern void hitl_log_put_off(const pg_uuid_t *id, int times, bool held);

/* The workflows of a batch that has failed are taken up one at a time; at once. */
extern void hitl_log_divided(int workflows, int sqlerrcode);

#endif /* HITL_HAPPENING_H */
