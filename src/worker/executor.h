/*
 * executor.h
 *		The parts of the executor: the queue, the sandbox, the statement.
 */
#ifndef HITL_EXECUTOR_H
#define HITL_EXECUTOR_H

#include "postgres.h"

#include "utils/jsonb.h"

/* ---- sandbox.c ------------------------------------------------------- */

/* To be called once by a process that uses the sandbox. */
extern void hitl_sandbox_init(void);

/* Be the worker again, after an error that hitl_run_as() did not catch. */
extern void hitl_leave_sandbox(void);

/*
 * Run a function as a role, in a subtransaction, with a time limit.  NULL if it
 * succeeded; else what it did is rolled back and the error returned (of a limit
 * exceeded: ERRCODE_QUERY_CANCELED with late set).
 */
extern ErrorData *hitl_run_as(Oid role, int limit_ms, void (*run)(void *),
							  void *arg, bool *late);

/* ---- statement_run.c ------------------------------------------------- */

/*
 * A statement and its result.  Where limit is 0 there is none.
 */
typedef struct HitlUserStatement
{
	const char *sql;
	Jsonb *params; /* an array, or NULL */
	int64 row_limit;
	Size size_limit; /* bytes of the rows as JSON text */
	int64 token;
	Jsonb *reply; /* out: body of the reply message */
} HitlUserStatement;

/*
 * Run a statement with the rights that are in force; ERRORs if it fails, is not
 * one of those that can be run, or returns too much.  arg is a HitlUserStatement;
 * what it allocates stays in the current memory context.
 */
extern void hitl_run_statement(void *arg);

#endif /* HITL_EXECUTOR_H */
