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
 * Rows of checkpoints to insert: id, workflow_id, name, step_name,
 * description, event, control, data, created_by, created_at.
 */
#define HITL_CHECKPOINT_COLUMNS 10
extern const Oid hitl_checkpoint_types[HITL_CHECKPOINT_COLUMNS];

extern void hitl_insert_checkpoints(HitlRows *rows);

/*
 * Record a checkpoint of a loaded workflow as it is now, with its event;
 * written with the batch.  control: the control state to keep with it, as
 * text, or NULL for that of now.  Returns its id.
 */
extern pg_uuid_t hitl_take_checkpoint(HitlBatch *batch, HitlWorkflow *workflow,
									  const char *name, const char *step,
									  const char *position, const char *description,
									  const char *control, const char *actor);

/*
 * Return a loaded workflow to a checkpoint, the latest if name is NULL.
 * Returns the checkpoint's name; NULL if there is none.
 */
extern char *hitl_return_to_checkpoint(HitlBatch *batch, HitlWorkflow *workflow,
									   const char *name, const char *reason,
									   const char *actor);

#endif							/* HITL_CHECKPOINT_H */
