/*
 * admission.h
 *		Limits of templates.
 */
#ifndef HITL_ADMISSION_H
#define HITL_ADMISSION_H

#include "workflow/batch.h"

/*
 * Does the start of a workflow have to wait for its turn, as its template is
 * limited?  Then it is kept, and comes again when others have ended.
 */
extern bool hitl_hold_start(HitlBatch *batch, HitlWorkflow *workflow,
							Jsonb *body);

/* "admit": look who may begin. */
extern void hitl_hear_admission(HitlBatch *batch, HitlWorkflow *workflow);

/* Take note of those that have ended, and let others begin. */
extern void hitl_admit_starts(HitlBatch *batch);

#endif /* HITL_ADMISSION_H */
