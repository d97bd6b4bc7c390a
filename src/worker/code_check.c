/*
 * code_check.c
 *		Which statements code of an agent may consist of.
 *
 * This is what tells the agent early and clearly.  What keeps it in is that it
 * runs as a role of its own, restricted, and in a subtransaction (sandbox.c).
 */
#include "postgres.h"

#include "commands/defrem.h"
#include "mb/pg_wchar.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "parser/scansup.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"

#include "worker/executor.h"

/* What is not allowed. */
typedef struct Refusal
{
	int code;
	const char *what; /* is not allowed */
	const char *why;
	const char *hint; /* or NULL */
} Refusal;

#define READING \
	"An agent that may only read is allowed SELECT, VALUES, TABLE, WITH, EXPLAIN and SHOW."
#define WRITING \
	"Allowed are SELECT, VALUES, TABLE, WITH, INSERT, UPDATE, DELETE, MERGE, EXPLAIN and SHOW."
#define ONE_TRANSACTION \
	"All statements of an action are one transaction: it is committed if they succeed, and undone if one fails."

static bool is_allowed(Node *statement, bool read_only, Refusal *refusal);
static bool is_select_allowed(SelectStmt *select, bool read_only,
							  Refusal *refusal);
static bool is_explain_allowed(ExplainStmt *explain, bool read_only,
							   Refusal *refusal);
static bool changes_rows(Node *statement);
static const char *writes_in(WithClause *with);
static const char *hint_for(Node *statement);
static bool refuse(Refusal *refusal, int code, const char *what,
				   const char *why, const char *hint);

/*
 * The statements of a text, all of them allowed; ERRORs otherwise.
 */
List *
hitl_parse_code(const char *sql, bool read_only)
{
	List *statements = pg_parse_query(sql);
	ListCell *cell;

	if (statements == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR), errmsg("the code is empty")));
	foreach(cell, statements)
	{
		RawStmt *statement = lfirst_node(RawStmt, cell);
		const char *start = sql + statement->stmt_location;

		while (scanner_isspace(*start))
			start++;
		hitl_check_code(statement, pg_mbstrlen_with_len(sql, start - sql) + 1,
						read_only);
	}
	return statements;
}

/*
 * ERRORs if a statement, which begins at a character of the text (0: unknown), is
 * not allowed.
 */
void
hitl_check_code(const RawStmt *statement, int position, bool read_only)
{
	Refusal refusal;

	if (!is_allowed(statement->stmt, read_only, &refusal))
		ereport(ERROR,
				(errcode(refusal.code),
				 errmsg("%s is not allowed in code of this agent", refusal.what),
				 errdetail_internal("%s", refusal.why),
				 refusal.hint ? errhint("%s", refusal.hint) : 0,
				 errposition(position)));
}

/*
 * Is a statement one of those that are allowed?
 */
static bool
is_allowed(Node *statement, bool read_only, Refusal *refusal)
{
	const char *name;

	if (IsA(statement, SelectStmt))
		return is_select_allowed((SelectStmt *) statement, read_only, refusal);
	if (IsA(statement, ExplainStmt))
		return is_explain_allowed((ExplainStmt *) statement, read_only,
								  refusal);
	if (IsA(statement, VariableShowStmt))
		return true;
	name = CreateCommandName(statement);
	if (changes_rows(statement))
		return !read_only ||
			refuse(refusal, ERRCODE_READ_ONLY_SQL_TRANSACTION, name, READING,
				   NULL);
	if (IsA(statement, TransactionStmt))
		return refuse(refusal, ERRCODE_INVALID_TRANSACTION_TERMINATION, name,
					  ONE_TRANSACTION, NULL);
	return refuse(refusal, ERRCODE_INSUFFICIENT_PRIVILEGE, name,
				  read_only ? READING : WRITING, hint_for(statement));
}

/*
 * A query neither makes a table nor, where only reading is allowed, locks or
 * writes.
 */
static bool
is_select_allowed(SelectStmt *select, bool read_only, Refusal *refusal)
{
	SelectStmt *first = select;
	const char *write;

	while (first->op != SETOP_NONE)
		first = first->larg; /* what has the INTO of them all */
	if (first->intoClause != NULL)
		return refuse(refusal, ERRCODE_INSUFFICIENT_PRIVILEGE, "SELECT INTO",
					  read_only ? READING : WRITING,
					  "Use WITH for intermediate results.");
	if (!read_only)
		return true;
	if (select->lockingClause != NIL)
		return refuse(refusal, ERRCODE_READ_ONLY_SQL_TRANSACTION,
					  "locking rows by FOR UPDATE or FOR SHARE", READING,
					  "Leave the locking clause out.");
	write = writes_in(select->withClause);
	if (write != NULL)
		return refuse(refusal, ERRCODE_READ_ONLY_SQL_TRANSACTION, write,
					  READING, NULL);
	return true;
}

/*
 * What is explained must be allowed; nothing is written by it, unless it is
 * executed.
 */
static bool
is_explain_allowed(ExplainStmt *explain, bool read_only, Refusal *refusal)
{
	bool executes = false;
	ListCell *cell;

	foreach(cell, explain->options)
	{
		DefElem *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, "analyze") == 0)
			executes = defGetBoolean(option);
	}
	return is_allowed(explain->query, read_only && executes, refusal);
}

/*
 * Is it one of the statements that change rows?
 */
static bool
changes_rows(Node *statement)
{
	return IsA(statement, InsertStmt) || IsA(statement, UpdateStmt) ||
		IsA(statement, DeleteStmt) || IsA(statement, MergeStmt);
}

/*
 * What a WITH clause writes by, or NULL.
 */
static const char *
writes_in(WithClause *with)
{
	ListCell *cell;

	if (with == NULL)
		return NULL;
	foreach(cell, with->ctes)
	{
		CommonTableExpr *expression = lfirst_node(CommonTableExpr, cell);

		if (changes_rows(expression->ctequery))
			return CreateCommandName(expression->ctequery);
	}
	return NULL;
}

/*
 * What to do instead, or NULL.
 */
static const char *
hint_for(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_VariableSetStmt:
			return "Settings are fixed. Write the schema of an object, as in schema.table, instead of changing search_path.";
		case T_DoStmt:
		case T_CallStmt:
		case T_PrepareStmt:
		case T_ExecuteStmt:
			return "Write the statements themselves, separated by semicolons.";
		case T_CopyStmt:
			return "SELECT returns rows.";
		case T_DeclareCursorStmt:
		case T_FetchStmt:
			return "Use LIMIT and OFFSET.";
		case T_CreateStmt:
		case T_CreateTableAsStmt:
			return "Use WITH for intermediate results.";
		default:
			return NULL;
	}
}

/*
 * Say what is not allowed; false.
 */
static bool
refuse(Refusal *refusal, int code, const char *what, const char *why,
	   const char *hint)
{
	refusal->code = code;
	refusal->what = what;
	refusal->why = why;
	refusal->hint = hint;
	return false;
}
