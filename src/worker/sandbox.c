/*
 * sandbox.c
 *		Running SQL that is not trusted in a worker, as the role it belongs to.
 *
 * For its duration the session is that of the role: session_user, current_user
 * and the role's settings are as if it had logged in.  A security-restricted
 * operation keeps it from becoming somebody else again and from leaving things
 * behind that would run later with the rights of the worker: deferred triggers,
 * cursors WITH HOLD, temporary tables, prepared statements, LISTEN.
 */
#include "postgres.h"

#include <signal.h>

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "commands/trigger.h"
#include "db.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/portal.h"
#include "utils/resowner.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "compat.h"
#include "worker/executor.h"
#include "workflow/caller.h"

/*
 * Code may catch the cancellation and go on: it is cancelled again this often
 * (ms), and after so many times the worker ends.
 */
#define CANCEL_INTERVAL 250
#define CANCEL_PATIENCE 20

/* Code of an agent may write temporary files of so much (kB). */
#define TEMP_FILE_LIMIT (1024 * 1024)

static TimeoutId limit_timer;
static volatile sig_atomic_t overdue = 0; /* times it was cancelled */

/* Who we are otherwise, while we are somebody else. */
static Oid worker_role = InvalidOid;

/* Whose statement ran last. */
static Oid last_role = InvalidOid;

static void enter(Oid role);
static void over_limit(void);
static void take_settings(Oid role);
static void set(const char *name, const char *value);
static bool is_applicable(const char *name);
static void confine(const HitlSession *session);
static void force(const char *name, const char *value);
static char *safe_path(Oid role);
static void make_constraints_immediate(void);
static void refuse_temporary_objects(void);
static void start_limit(int limit_ms);
static void end_limit(void);

/*
 * Once per process.
 */
void
hitl_sandbox_init(void)
{
	limit_timer = RegisterTimeout(USER_TIMEOUT, over_limit);
	hitl_guard_init();
}

/*
 * Run a function as a role.
 */
ErrorData *
hitl_run_as(const HitlSession *session, void (*run)(void *), void *arg,
			bool *late)
{
	Oid role = session->role;
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner resources = CurrentResourceOwner;
	ErrorData *volatile error = NULL;
	int settings;

	/* What a session of another role has left in this one's memory. */
	if (role != last_role)
		ResetSequenceCaches();
	last_role = role;

	settings = NewGUCNestLevel();
	take_settings(role);
	if (session->code)
		confine(session);
	make_constraints_immediate();
	enter(role);

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		start_limit(session->limit_ms);
		if (session->code)
			hitl_begin_guard(role, session->read_only);
		run(arg);
		refuse_temporary_objects();
		end_limit();
		hitl_end_guard();
		if (overdue > 0)
			ereport(ERROR,
					(errcode(ERRCODE_QUERY_CANCELED),
					 errmsg("canceling statement due to its time limit")));
		PortalHashTableDeleteAll(); /* cursors left open */
		if (session->code && session->read_only)
			RollbackAndReleaseCurrentSubTransaction(); /* for good measure */
		else
			ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		end_limit();
		hitl_end_guard();
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = resources;

	hitl_leave_sandbox();
	AtEOXact_GUC(false, settings);
	LockReleaseSession(USER_LOCKMETHOD); /* advisory locks */
	*late = overdue > 0;
	return error;
}

/*
 * Be the worker again.
 */
void
hitl_leave_sandbox(void)
{
	hitl_end_guard();
	if (!OidIsValid(worker_role))
		return;
	SetUserIdAndSecContext(worker_role, 0);
	SetSessionAuthorization(worker_role, true); /* as background workers are */
	worker_role = InvalidOid;
	hitl_running_statement = false;
}

/*
 * Be a role, and stay it.
 */
static void
enter(Oid role)
{
	worker_role = GetSessionUserId();
	hitl_running_statement = true;
	SetSessionAuthorization(role, superuser_arg(role));
	SetUserIdAndSecContext(role,
						   SECURITY_LOCAL_USERID_CHANGE |
							   SECURITY_RESTRICTED_OPERATION);
}

/* ---- settings -------------------------------------------------------- */

/*
 * The settings of a session of this role: what is set for everybody, for the
 * database, for the role, and for the role in the database, the last one
 * winning, in the place of what the worker has set for itself.
 */
static void
take_settings(Oid role)
{
	static HitlStatement find = {
		"SELECT u.setting FROM pg_catalog.pg_db_role_setting s, "
		"unnest(s.setconfig) WITH ORDINALITY AS u (setting, n) "
		"WHERE s.setdatabase IN (0, $1) AND s.setrole IN (0, $2) "
		"ORDER BY s.setrole <> 0, s.setdatabase <> 0, u.n",
		2,
		{OIDOID, OIDOID},
	};
	Datum values[2];
	uint64 i;

	values[0] = ObjectIdGetDatum(MyDatabaseId);
	values[1] = ObjectIdGetDatum(role);
	hitl_execute(&find, values, NULL, 0);

	set("search_path", "\"$user\", public");
	set("lock_timeout", "0");
	for (i = 0; i < SPI_processed; i++)
	{
		char *name;
		char *value;

		ParseLongOption(hitl_column_text(i, 1), &name, &value);
		if (name != NULL && value != NULL && is_applicable(name))
			set(name, value);
	}
}

/*
 * Give a setting a value until the nest level ends.  One that is not valid (any
 * more) is passed over.
 */
static void
set(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_SUSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, DEBUG1, false);
}

/*
 * Of the settings of a role, some are those of the worker: who it is, that it
 * commits in the ordinary way, and when it ends.
 */
static bool
is_applicable(const char *name)
{
	static const char *const others[] = {"role",
										 "session_authorization",
										 "session_replication_role",
										 "transaction_timeout",
										 "idle_in_transaction_session_timeout",
										 "idle_session_timeout",
										 "deadlock_timeout",
										 "client_encoding"};
	int i;

	for (i = 0; i < lengthof(others); i++)
		if (pg_strcasecmp(name, others[i]) == 0)
			return false;
	return true;
}

/*
 * Settings that code of an agent has, whatever those of its role are.  It cannot
 * set them: that is refused to it, and reading cannot become writing within a
 * subtransaction.
 */
static void
confine(const HitlSession *session)
{
	force("search_path", safe_path(session->role));
	if (session->read_only)
		force("transaction_read_only", "on");
	if (temp_file_limit < 0 || temp_file_limit > TEMP_FILE_LIMIT)
		force("temp_file_limit", psprintf("%dkB", TEMP_FILE_LIMIT));

	/*
	 * The limit of the memory is one of the process, and the compiler ends the
	 * process when it comes to it.
	 */
	force("max_parallel_workers_per_gather", "0");
	force("jit", "off");

	/* It could fill the log with warnings. */
	if (log_min_messages < ERROR)
		force("log_min_messages", "error");
}

/*
 * The same as set(), but it must succeed.
 */
static void
force(const char *name, const char *value)
{
	if (set_config_option(name, value, PGC_SUSET, PGC_S_SESSION,
						  GUC_ACTION_SAVE, true, ERROR, false) <= 0)
		elog(ERROR, "could not set \"%s\"", name);
}

/*
 * The schemas of the path that is set, without those in which the role can create
 * objects: somebody else may, too, or an earlier run of the agent.  What comes with
 * PostgreSQL is before, and temporary objects behind.
 */
static char *
safe_path(Oid role)
{
	StringInfoData path;
	List *names = NIL;
	ListCell *cell;

	if (!SplitIdentifierString(pstrdup(namespace_search_path), ',', &names))
		names = NIL;
	initStringInfo(&path);
	appendStringInfoString(&path, "pg_catalog");
	foreach(cell, names)
	{
		const char *name = lfirst(cell);
		Oid schema;

		if (strcmp(name, "$user") == 0)
			name = GetUserNameFromId(role, false);
		if (strncmp(name, "pg_", 3) == 0)
			continue;
		schema = get_namespace_oid(name, true);
		if (OidIsValid(schema) &&
			object_aclcheck(NamespaceRelationId, schema, role, ACL_CREATE) !=
				ACLCHECK_OK)
			appendStringInfo(&path, ", %s", quote_identifier(name));
	}
	appendStringInfoString(&path, ", pg_temp");
	return path.data;
}

/*
 * A deferred trigger would run at commit, as the worker's role.  In a restricted
 * operation it cannot be deferred: with this, those that are deferrable are as
 * good as immediate instead of an error.
 */
static void
make_constraints_immediate(void)
{
	ConstraintsSetStmt *all = makeNode(ConstraintsSetStmt);

	all->constraints = NIL;
	all->deferred = false;
	AfterTriggerSetState(all);
}

/*
 * Types and tables that are temporary come before all others, also for the next
 * role that is run here.  Not all kinds of them are refused where they are made, and
 * not by all versions.
 */
static void
refuse_temporary_objects(void)
{
	Oid schema; /* is there if it was needed, and goes if that is undone */
	Oid toast_schema;

	GetTempNamespaceState(&schema, &toast_schema);
	if (OidIsValid(schema))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("cannot create temporary objects within security-restricted operation")));
}

/* ---- the time limit -------------------------------------------------- */

/*
 * Begin to count.  A role may have a smaller limit for all its statements.
 */
static void
start_limit(int limit_ms)
{
	if (StatementTimeout > 0)
		limit_ms = Min(limit_ms, StatementTimeout);
	overdue = 0;
	enable_timeout_every(limit_timer,
						 TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													 limit_ms),
						 CANCEL_INTERVAL);
}

/*
 * The statement has ended; a cancellation that comes after its end is void.
 */
static void
end_limit(void)
{
	disable_timeout(limit_timer, false);
	QueryCancelPending = false;
}

/*
 * Timer: cancel, and if that has not helped for long, end the worker.  As with
 * statement_timeout, children (COPY … TO PROGRAM) are told, too.
 */
static void
over_limit(void)
{
	int number = ++overdue > CANCEL_PATIENCE ? SIGTERM : SIGINT;

	kill(-MyProcPid, number);
	kill(MyProcPid, number);
}
