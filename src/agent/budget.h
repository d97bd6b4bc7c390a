/*
 * budget.h
 *		Budgets of agents, in which all of their runs share.
 *
 * To be called within SPI.
 */
#ifndef HITL_BUDGET_H
#define HITL_BUDGET_H

#include "postgres.h"

#include "workflow/batch.h"

/* How the budgets of an agent stand, for the core; NULL if it has none. */
extern const char *hitl_load_budgets(HitlBatch *batch, const char *agent);

/* What a reply of the built-in model has taken; task: body of the effect. */
extern void hitl_note_usage(HitlBatch *batch, HitlWorkflow *workflow,
							const char *task, const char *reply);

/* The message that a session leaves the engine in its place. */
extern void hitl_hear_usage(HitlBatch *batch, Jsonb *body);

/* Add to the budgets of agents: text[], numeric[], numeric[] of equal length. */
extern void hitl_count_usage(Datum agents, Datum tokens, Datum costs);

/* When a run that waits for a budget of this agent, until due, is to look. */
extern TimestampTz hitl_end_of_wait(HitlBatch *batch, const char *agent,
									TimestampTz due);

#endif /* HITL_BUDGET_H */
