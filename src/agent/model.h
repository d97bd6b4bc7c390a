/*
 * model.h
 *		Models that answer tasks.
 */
#ifndef HITL_MODEL_H
#define HITL_MODEL_H

#include "postgres.h"

#include "core/core.h"
#include "workflow/batch.h"

/*
 * Have a task done: a RUN_TASK effect.  Either a row is added to the batch's
 * tasks and NULL returned, or the text of the reply message, where the answer
 * (or the reason why there is none) is known at once.
 */
extern char *hitl_run_task(HitlBatch *batch, HitlWorkflow *workflow,
						   const HitlEffect *effect);

#endif /* HITL_MODEL_H */
