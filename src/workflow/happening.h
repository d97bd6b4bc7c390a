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

#endif /* HITL_HAPPENING_H */
