/*
 * command.h
 *		Commands to workflows: pause, resume, cancel, retry, skip.
 */
#ifndef HITL_COMMAND_H
#define HITL_COMMAND_H

#include "postgres.h"

#include "workflow/batch.h"

/* Is there still a role for the workflow to belong to? */
extern bool hitl_owner_exists(const HitlWorkflow *workflow);

/* "deadline": that of a workflow which its owner moves has passed. */
extern void hitl_keep_deadline(HitlBatch *batch, HitlWorkflow *workflow);

/* Cancel a workflow that has not ended, on behalf of the caller. */
extern void hitl_cancel(HitlBatch *batch, HitlWorkflow *workflow,
						const char *reason);

/*
 * Have a failed workflow go on where it failed; actor NULL: the engine.  The
 * reason when it cannot, else NULL.
 */
extern char *hitl_retry(HitlBatch *batch, HitlWorkflow *workflow,
						const char *reason, const char *actor);

#endif /* HITL_COMMAND_H */
