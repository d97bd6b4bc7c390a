/*
 * executor.h
 *		The parts of the executor: the sandbox, statements, the code of agents.
 */
#ifndef HITL_EXECUTOR_H
#define HITL_EXECUTOR_H

#include "postgres.h"

#include "nodes/parsenodes.h"
#include "tcop/dest.h"
#include "utils/jsonb.h"

/* ---- sandbox.c ------------------------------------------------------- */

/* The session in which SQL of somebody is run. */
typedef struct HitlSession
{
	Oid role;
	int limit_ms;	/* how long it may take */
	bool code;		/* code of an agent: guarded */
	bool read_only; /* with code: it may not write, and nothing remains */
} HitlSession;

/* To be called once by a process that uses the sandbox. */
extern void hitl_sandbox_init(void);

/* Be the worker again, after an error that hitl_run_as() did not catch. */
extern void hitl_leave_sandbox(void);

/*
 * Run a function in a session, in a subtransaction.  NULL if it succeeded; else
 * what it did is rolled back and the error returned (of a limit exceeded:
 * ERRCODE_QUERY_CANCELED with late set).
 */
extern ErrorData *hitl_run_as(const HitlSession *session, void (*run)(void *),
							  void *arg, bool *late);

/* ---- code_guard.c ---------------------------------------------------- */

/* To be called once by a process that runs code of agents. */
extern void hitl_guard_init(void);

/* While code of an agent runs as a role, it is kept from some functions. */
extern void hitl_begin_guard(Oid role, bool read_only);
extern void hitl_end_guard(void);

/* ---- statement_run.c, code_run.c ------------------------------------- */

/*
 * A statement, or the code of an agent, and its result.  Where a limit is 0 there
 * is none.
 */
typedef struct HitlUserStatement
{
	const char *sql;
	Jsonb *params; /* an array, or NULL; code has none */
	int64 row_limit;
	Size size_limit; /* bytes of the rows as JSON text, or of the tables */
	bool read_only;	 /* with code */
	int64 token;
	Jsonb *reply; /* out: body of the reply message */

	/* Where it has got to, to tell the place of an error. */
	const char
		*part;	/* what is being prepared or executed; NULL: nothing yet */
	int before; /* characters of sql before it */
	int number; /* which of the statements it is, from 1 */
	int count;	/* of the statements */
} HitlUserStatement;

/*
 * Run a statement with the rights that are in force; ERRORs if it fails, is not
 * one of those that can be run, or returns too much.  arg is a HitlUserStatement;
 * what it allocates stays in the current memory context.
 */
extern void hitl_run_statement(void *arg);

/*
 * The same for code of an agent: several statements, and a result as text, which
 * is cut at the limits.
 */
extern void hitl_run_code(void *arg);

/* ---- code_check.c ---------------------------------------------------- */

/* The statements of code, as RawStmt; ERRORs if one is not allowed. */
extern List *hitl_parse_code(const char *sql, bool read_only);

/* The same for one, which begins at a character of the text (0: unknown). */
extern void hitl_check_code(const RawStmt *statement, int position,
							bool read_only);

/* ---- text_table.c ---------------------------------------------------- */

/*
 * Rows as lines of text, up to a limit of rows and one of bytes (0: none).
 */
typedef struct HitlTextTable
{
	DestReceiver pub;
	StringInfo text; /* where they are appended to */
	int64 row_limit;
	Size size_limit; /* of text */
	bool may_stop;	 /* end the query at the limit, or execute it to its end */

	/* out */
	bool started;	 /* it has returned rows, if only none */
	bool full;		 /* there was more than fits */
	bool values_cut; /* some values are there in part */
	int64 shown;
	int64 count; /* that have come */

	int ncolumns;
	FmgrInfo *output; /* for each column */
	MemoryContext row_context;
} HitlTextTable;

/* Prepare a table, with its text and limits set; to be used as receiver. */
extern void hitl_begin_table(HitlTextTable *table);

/* Say below it how many rows there are. */
extern void hitl_end_table(HitlTextTable *table);

/* ---- statement_error.c ----------------------------------------------- */

/* The body of a reply message that tells of a failure; texts may be NULL. */
extern Jsonb *hitl_failed_statement(int64 token, const char *kind,
									const char *sqlstate, const char *message,
									const char *detail, const char *hint);

/* The same for the error that a statement has ended with. */
extern Jsonb *hitl_statement_error(const HitlUserStatement *statement,
								   const ErrorData *error, bool is_code);

#endif /* HITL_EXECUTOR_H */
