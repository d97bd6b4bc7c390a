/*
 * effects.h
 *		Carrying out what the core asks for: one function for each effect that
 *		is about tables of its own.
 *
 * Called while a batch is processed; what they write at once is seen by the
 * deliveries that follow in the same transaction.  Withdrawing is set-based,
 * when the batch is written: hitl_withdraw_x() what has the tokens of the rows
 * (workflow_id, token), hitl_withdraw_all_x() all of the workflows in an array
 * of their ids.  All of it happens within SPI.
 */
#ifndef HITL_EFFECTS_H
#define HITL_EFFECTS_H

#include "postgres.h"

#include "core/core.h"
#include "workflow/batch.h"

/* An answer that is there at once, delivered right after the effects. */
typedef struct HitlAnswer
{
	const char *kind; /* of the message */
	char *body;		  /* JSON text */
} HitlAnswer;

/* ---- workflow/transition.c ---- */

/* Body of the reply that says why an effect cannot be carried out. */
extern char *hitl_refusal(const HitlEffect *effect, const char *why);

/* ---- workflow/fork.c ---- */
extern void hitl_fork(HitlBatch *batch, HitlWorkflow *workflow,
					  const HitlEffect *effect);

/* ---- workflow/branch.c ---- */
extern char *hitl_join(HitlBatch *batch, HitlWorkflow *workflow,
					   const HitlEffect *effect); /* body of the reply */
extern void hitl_remove_branches(HitlBatch *batch, HitlWorkflow *workflow,
								 const HitlEffect *effect);

/* ---- workflow/timer.c ---- */
extern void hitl_queue_timer(HitlBatch *batch, HitlWorkflow *workflow,
							 const HitlEffect *effect);
extern void hitl_insert_timers(HitlRows *timers);
extern void hitl_withdraw_timers(HitlRows *withdrawals);
extern void hitl_withdraw_all_timers(Datum workflow_ids);

/* ---- workflow/signal.c ---- */
extern char *hitl_await_signal(HitlBatch *batch, HitlWorkflow *workflow,
							   const HitlEffect *effect); /* body of the signal,
														   * or NULL */
extern void hitl_hear_signal(HitlBatch *batch, HitlWorkflow *workflow,
							 Jsonb *body); /* {"name","payload","sent_by"} */
extern void hitl_withdraw_signals(HitlRows *withdrawals);
extern void hitl_withdraw_all_signals(Datum workflow_ids);

/* ---- workflow/child.c ---- */
extern char *hitl_start_child(HitlBatch *batch, HitlWorkflow *workflow,
							  const HitlEffect *effect); /* body of the child
														  * message if it cannot
														  * be started, or NULL */
extern void hitl_tell_parents(HitlBatch *batch); /* of those that have ended */
extern void hitl_withdraw_children(HitlRows *withdrawals);
extern void hitl_withdraw_all_children(Datum workflow_ids);

/* ---- workflow/statement.c ---- */
extern void hitl_queue_statement(HitlBatch *batch, HitlWorkflow *workflow,
								 const HitlEffect *effect);
extern void hitl_insert_statements(HitlRows *statements);
extern void hitl_withdraw_statements(HitlRows *withdrawals);
extern void hitl_withdraw_all_statements(Datum workflow_ids);

/* ---- workflow/http.c ---- */
extern void hitl_queue_http(HitlBatch *batch, HitlWorkflow *workflow,
							const HitlEffect *effect);
extern void hitl_insert_http(HitlRows *calls);
extern Jsonb *hitl_with_header(Jsonb *headers, const char *name,
							   const char *value);

/* ---- workflow/external.c ---- */
extern void hitl_queue_external(HitlBatch *batch, HitlWorkflow *workflow,
								const HitlEffect *effect);
extern void hitl_withdraw_external(HitlRows *withdrawals);
extern void hitl_withdraw_all_external(Datum workflow_ids);

/* ---- workflow/recovery.c ---- */
extern void hitl_recover(HitlBatch *batch, HitlWorkflow *workflow, Jsonb *body);
extern void hitl_plan_recoveries(
	HitlBatch *batch); /* of those that have failed */

#endif /* HITL_EFFECTS_H */
