/*
 * checkpoint.h
 *		Checkpoints and the return to them.
 */
#ifndef HITL_CHECKPOINT_H
#define HITL_CHECKPOINT_H

#include "postgres.h"

#include "workflow/batch.h"
#include "workflow/rows.h"

/*
 * Insert the checkpoints of a batch, with the branches that their workflows
 * have in the table.
 */
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
 * The completed steps since a checkpoint (the latest if name is NULL) that say
 * how they are undone and have not been, newest first: [{"event","position"}].
 * NULL if there are none, or no such checkpoint.
 */
extern Jsonb *hitl_steps_to_undo(HitlBatch *batch, HitlWorkflow *workflow,
								 const char *name);

/* Body of the message that has the core undo steps, if any, and then return. */
extern char *hitl_rollback_body(const char *name, const char *reason,
								const char *actor, Jsonb *undo, bool resume);

/*
 * Return a loaded workflow to a checkpoint, the latest if name is NULL, at
 * once.  Returns the checkpoint's name; NULL if there is none.
 */
extern char *hitl_return_to_checkpoint(HitlBatch *batch, HitlWorkflow *workflow,
									   const char *name, const char *reason,
									   const char *actor);

#endif /* HITL_CHECKPOINT_H */
