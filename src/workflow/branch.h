/*
 * branch.h
 *		The branches of a workflow under way, as a batch knows them.
 *
 * Branches are read when they are needed, and written with the batch.  What
 * was changed is seen here before it is in the table.  All of it happens
 * within SPI.
 */
#ifndef HITL_BRANCH_H
#define HITL_BRANCH_H

#include "postgres.h"

#include "workflow/batch.h"

/*
 * Read the branches that the tokens of messages name, with a constant number
 * of statements.  rows: workflow_id, branch.
 */
extern void hitl_read_branches(HitlBatch *batch, HitlRows *rows);

/* Control state of a branch; NULL if it is not under way. */
extern const char *hitl_branch_control(HitlBatch *batch, HitlWorkflow *workflow,
									   int64 branch);

/* Numbers of the branches under way, ascending; answers with how many. */
extern int hitl_list_branches(HitlBatch *batch, HitlWorkflow *workflow,
							  int64 first, int64 count, const int64 **branches);

/* The scope of the branch that a token belongs to. */
extern int64 hitl_token_scope(HitlBatch *batch, HitlWorkflow *workflow,
							  int64 token);

/* The data of a scope itself; 0 is the workflow's. */
extern HitlData *hitl_scope_data(HitlBatch *batch, HitlWorkflow *workflow,
								 int64 scope);

/* What a scope sees, as layers: its own data last. */
extern List *hitl_scope_layers(HitlBatch *batch, HitlWorkflow *workflow,
							   int64 scope);

/* What a scope sees, as one document. */
extern Jsonb *hitl_scope_document(HitlBatch *batch, HitlWorkflow *workflow,
								  int64 scope);

/* Is there such a branch? */
extern bool hitl_has_branch(HitlBatch *batch, HitlWorkflow *workflow,
							int64 number);

/* Prepare a branch as a scope of its own.  data: the batch's, not a copy. */
extern void hitl_add_scope(HitlBatch *batch, HitlWorkflow *workflow,
						   int64 number, int64 parent_scope, Jsonb *data);

/* Take over from the core which branches have changed. */
extern void hitl_take_branches(HitlBatch *batch, HitlWorkflow *workflow);

/* Write what has changed of the batch's branches so far. */
extern void hitl_write_branches(HitlBatch *batch);

/*
 * Put other branches (an array as in workflow_checkpoints.branches, or NULL
 * for none) in the place of those of a workflow.
 */
extern void hitl_replace_branches(HitlBatch *batch, HitlWorkflow *workflow,
								  Jsonb *branches);

#endif /* HITL_BRANCH_H */
