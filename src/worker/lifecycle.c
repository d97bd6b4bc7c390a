/*
 * lifecycle.c
 *		Extensions and databases that come and go under the workers.
 *
 * CREATE, ALTER and DROP EXTENSION take effect for the workers when they commit.
 * Commands that need a database without sessions end its workers first and
 * keep them out until they commit or fail.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_database.h"
#include "catalog/pg_extension.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "commands/extension.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "tcop/utility.h"

#include "compat.h"
#include "hitl.h"
#include "version.h"
#include "worker/shared.h"
#include "worker/worker.h"
#include "workflow/caller.h"

/* What happened in this transaction. */
static bool extension_changed = false;
static bool extension_present; /* valid from the start of the commit */
static bool databases_changed = false;

static ProcessUtility_hook_type previous_utility = NULL;
static object_access_hook_type previous_object_access = NULL;

static void utility(PlannedStmt *pstmt, const char *queryString,
					bool readOnlyTree, ProcessUtilityContext context,
					ParamListInfo params, QueryEnvironment *queryEnv,
					DestReceiver *dest, QueryCompletion *qc);
static void object_access(ObjectAccessType access, Oid classId, Oid objectId,
						  int subId, void *arg);
static void at_transaction_end(XactEvent event, void *arg);
static void run_utility(PlannedStmt *pstmt, const char *queryString,
						bool readOnlyTree, ProcessUtilityContext context,
						ParamListInfo params, QueryEnvironment *queryEnv,
						DestReceiver *dest, QueryCompletion *qc);
static void run_for_nobody(PlannedStmt *pstmt, const char *queryString,
						   bool readOnlyTree, ProcessUtilityContext context,
						   ParamListInfo params, QueryEnvironment *queryEnv,
						   DestReceiver *dest, QueryCompletion *qc);
static bool runs_for_caller(Node *parsetree);
static void empty_database(const char *name);
static const char *option_text(List *options, const char *name);
static bool is_wanted(void);
static void after_commit_prepared(void);

PG_FUNCTION_INFO_V1(hitl_start_workers);

/*
 * At module start, so that every session inherits the hooks.
 */
void
hitl_lifecycle_init(void)
{
	previous_utility = ProcessUtility_hook;
	ProcessUtility_hook = utility;
	previous_object_access = object_access_hook;
	object_access_hook = object_access;
	RegisterXactCallback(at_transaction_end, NULL);
}

/*
 * Start this database's workers at commit, at once even if they had failed
 * and were to wait; or end them, if hitl.run_workers is off.  CREATE EXTENSION
 * calls it.
 */
Datum
hitl_start_workers(PG_FUNCTION_ARGS)
{
	hitl_require_shared();

	/* The core knows text in UTF-8 alone; in SQL_ASCII it can be that. */
	if (GetDatabaseEncoding() != PG_UTF8 &&
		GetDatabaseEncoding() != PG_SQL_ASCII)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("hitl cannot be used in a database with encoding %s",
						GetDatabaseEncodingName()),
				 errhint("Create the database with ENCODING 'UTF8' TEMPLATE template0.")));
	extension_changed = true;
	PG_RETURN_VOID();
}

/* ---- hooks ----------------------------------------------------------- */

/*
 * Commands on databases, and COMMIT PREPARED.
 */
static void
utility(PlannedStmt *pstmt, const char *queryString, bool readOnlyTree,
		ProcessUtilityContext context, ParamListInfo params,
		QueryEnvironment *queryEnv, DestReceiver *dest, QueryCompletion *qc)
{
	Node *parsetree = pstmt->utilityStmt;
	bool commit_prepared = false;

	switch (nodeTag(parsetree))
	{
		case T_CreatedbStmt:
			{
				const char *template = option_text(
					((CreatedbStmt *) parsetree)->options, "template");

				empty_database(template ? template : "template1");
				databases_changed = true;
			}
			break;
		case T_DropdbStmt:
			empty_database(((DropdbStmt *) parsetree)->dbname);
			databases_changed = true;
			break;
		case T_AlterDatabaseStmt:
			{
				AlterDatabaseStmt *stmt = (AlterDatabaseStmt *) parsetree;

				if (option_text(stmt->options, "tablespace") != NULL)
					empty_database(stmt->dbname);
				databases_changed = true; /* is_template, allow_connections */
			}
			break;
		case T_RenameStmt:
			{
				RenameStmt *stmt = (RenameStmt *) parsetree;

				if (stmt->renameType == OBJECT_DATABASE)
					empty_database(stmt->subname);
			}
			break;
		case T_TransactionStmt:
			commit_prepared = ((TransactionStmt *) parsetree)->kind ==
				TRANS_STMT_COMMIT_PREPARED;
			break;
		default:
			break;
	}

	if (hitl_running_statement && !runs_for_caller(parsetree))
		run_for_nobody(pstmt, queryString, readOnlyTree, context, params,
					   queryEnv, dest, qc);
	else
		run_utility(pstmt, queryString, readOnlyTree, context, params, queryEnv,
					dest, qc);

	if (commit_prepared)
		after_commit_prepared();
}

/*
 * Go on to the next hook, or to the command itself.
 */
static void
run_utility(PlannedStmt *pstmt, const char *queryString, bool readOnlyTree,
			ProcessUtilityContext context, ParamListInfo params,
			QueryEnvironment *queryEnv, DestReceiver *dest, QueryCompletion *qc)
{
	if (previous_utility)
		previous_utility(pstmt, queryString, readOnlyTree, context, params,
						 queryEnv, dest, qc);
	else
		standard_ProcessUtility(pstmt, queryString, readOnlyTree, context,
								params, queryEnv, dest, qc);
}

/*
 * Run a command of an sql step that may call functions of somebody else, such
 * as the owner of an index: these are not to act for the owner of the workflow.
 */
static void
run_for_nobody(PlannedStmt *pstmt, const char *queryString, bool readOnlyTree,
			   ProcessUtilityContext context, ParamListInfo params,
			   QueryEnvironment *queryEnv, DestReceiver *dest,
			   QueryCompletion *qc)
{
	hitl_running_statement = false;
	PG_TRY();
	{
		run_utility(pstmt, queryString, readOnlyTree, context, params, queryEnv,
					dest, qc);
	}
	PG_FINALLY();
	{
		hitl_running_statement = true;
	}
	PG_END_TRY();
}

/*
 * Does a command run functions only on behalf of the role that gave it?
 */
static bool
runs_for_caller(Node *parsetree)
{
	switch (nodeTag(parsetree))
	{
		case T_CallStmt:
		case T_DoStmt:
		case T_ExecuteStmt:
		case T_ExplainStmt:
		case T_DeclareCursorStmt:
		case T_FetchStmt:
		case T_CopyStmt:
			return true;
		case T_CreateTableAsStmt:
			return ((CreateTableAsStmt *) parsetree)->objtype == OBJECT_TABLE;
		default:
			return false;
	}
}

/*
 * Notice that our extension is dropped or updated, by whatever command.
 */
static void
object_access(ObjectAccessType access, Oid classId, Oid objectId, int subId,
			  void *arg)
{
	if (previous_object_access)
		previous_object_access(access, classId, objectId, subId, arg);

	if ((access == OAT_DROP || access == OAT_POST_ALTER) &&
		classId == ExtensionRelationId)
	{
		char *name = get_extension_name(objectId);

		if (name != NULL && strcmp(name, "hitl") == 0)
			extension_changed = true;
	}
}

/*
 * A drop may have been rolled back to a savepoint, so at the start of the
 * commit, while catalogs can still be read, it is looked up how it ended.
 */
static void
at_transaction_end(XactEvent event, void *arg)
{
	bool changed;

	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			if (extension_changed)
				extension_present = is_wanted();
			break;
		case XACT_EVENT_COMMIT:
			changed = extension_changed;
			extension_changed = false;
			if (changed && extension_present)
				hitl_request(MyDatabaseId, HITL_PRESENT);
			else if (changed)
			{
				/*
				 * Locks are released after this, so workers that wait to use
				 * the dropped tables end before they miss them.
				 */
				hitl_request(MyDatabaseId, HITL_ABSENT);
				hitl_stop_database(MyDatabaseId);
			}
			hitl_release_holds();
			if (databases_changed)
			{
				databases_changed = false;
				hitl_request_rescan();
			}
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			extension_changed = false;
			databases_changed = false;
			hitl_release_holds();
			break;
		default:
			break;
	}
}

/* ---- local ----------------------------------------------------------- */

/*
 * End the workers of a database and keep them out until the transaction ends,
 * provided that the command has a chance: whoever may not touch the database
 * must not be able to stop its workers either.
 */
static void
empty_database(const char *name)
{
	Oid dbid;

	if (name == NULL)
		return;
	dbid = get_database_oid(name, true);
	if (!OidIsValid(dbid) || dbid == MyDatabaseId)
		return;
	if (!object_ownercheck(DatabaseRelationId, dbid, GetUserId()))
		return;
	hitl_hold_database(dbid);
}

/*
 * The value of an option of a statement, or NULL.
 */
static const char *
option_text(List *options, const char *name)
{
	ListCell *lc;

	foreach(lc, options)
	{
		DefElem *option = lfirst_node(DefElem, lc);

		if (strcmp(option->defname, name) == 0 && option->arg != NULL)
			return defGetString(option);
	}
	return NULL;
}

/*
 * Shall this database have workers?  If it has the extension in another version
 * than the library's, say so.
 */
static bool
is_wanted(void)
{
	HitlPresence presence;
	char *version;

	if (!hitl_run_workers)
		return false;
	presence = hitl_presence(&version);
	if (presence == HITL_OTHER_VERSION)
		ereport(WARNING,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg_internal("%s", hitl_version_fault(version)),
				 errdetail("Nothing works on its tables until this has changed."),
				 errhint("%s", hitl_version_hint(version))));
	return presence == HITL_THERE;
}

/*
 * A prepared transaction has committed.  Whatever it did, the session that
 * did it could not tell anybody.
 */
static void
after_commit_prepared(void)
{
	bool present = is_wanted();

	if (present != hitl_database_has_workers(MyDatabaseId))
	{
		hitl_request(MyDatabaseId, present ? HITL_PRESENT : HITL_ABSENT);
		if (!present)
			hitl_stop_database(MyDatabaseId);
	}
	if (present)
		hitl_wake_all();
}
