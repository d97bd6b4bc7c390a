/*
 * checkpoint.h
 *		Checkpoints and the return to them.
 */
#ifndef HITL_CHECKPOINT_H
#define HITL_CHECKPOINT_H

#include "postgres.h"

#include "workflow/batch.h"
#include "workflow/rows.h"

/* Insert the checkpoints of a batch. */
extern void hitl_insert_checkpoints(HitlRows *rows);

/*
 * Record a checkpoint of a loaded workflow as it is now, with its event;
 * written with the batch.  control: the control state to keep with it, as
 * text, or NULL for that of now.  Returns its id.
 */
extern pg_uuid_t hitl_take_checkpoint(HitlBatch *batch, HitlWorkflow *workflow,
									  const char *name, const char *step,
									  const char *position,
									  const char *description,
									  const char *control, const char *actor);

/*
 * Return a loaded workflow to a checkpoint, the latest if name is NULL.
 * Returns the checkpoint's name; NULL if there is none.
 */
extern char *hitl_return_to_checkpoint(HitlBatch *batch, HitlWorkflow *workflow,
									   const char *name, const char *reason,
									   const char *actor);

#endif /* HITL_CHECKPOINT_H */
