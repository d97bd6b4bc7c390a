/*
 * recovery.h
 *		Going on with workflows that have failed.
 */
#ifndef HITL_RECOVERY_H
#define HITL_RECOVERY_H

#include "postgres.h"

/* As often as a policy may let a workflow go on. */
#define HITL_MAX_RECOVERIES 99

/*
 * Plan the recovery of failed workflows, as they are in their table, where a
 * policy says so.
 */
extern void hitl_plan_recoveries_of(Datum *ids, int count);

#endif /* HITL_RECOVERY_H */
