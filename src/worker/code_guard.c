/*
 * code_guard.c
 *		What code of an agent is kept from although every role may do it.
 *
 * Some functions that are granted to PUBLIC have effects that are not undone
 * with the statement, or that reach other sessions; some objects can be created
 * by everybody.  Both are refused to code that runs as the agent's role, however
 * it comes to it.  Functions of others that are SECURITY DEFINER do not run as
 * that role, so what somebody has built for the agent may use them.
 *
 * And there is a limit to the memory of the process: a single expression can ask
 * for gigabytes, and then the kernel would end the server.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_proc.h"
#include "commands/extension.h"
#include "hitl.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"

#include "worker/executor.h"

/* A function of pg_catalog that is refused. */
typedef struct Refused
{
	const char *name;
	bool only_reading; /* agents that may write may call it */
	const char *why;
} Refused;

#define SETTINGS "Settings are fixed while code of an agent runs."
#define SIGNALS	 "Other sessions are not for agents to end."
#define LOCKS	 "Such a lock would outlive the statement."
#define XACT_LOCK \
	"An agent that may only read must not get in the way of others."

static const Refused refused[] = {
	{"set_config", false, SETTINGS},
	{"pg_cancel_backend", false, SIGNALS},
	{"pg_terminate_backend", false, SIGNALS},
	{"pg_logical_emit_message", false, "What it writes is never undone."},
	{"pg_advisory_lock", false, LOCKS},
	{"pg_advisory_lock_shared", false, LOCKS},
	{"pg_try_advisory_lock", false, LOCKS},
	{"pg_try_advisory_lock_shared", false, LOCKS},
	{"pg_advisory_unlock", false, LOCKS},
	{"pg_advisory_unlock_shared", false, LOCKS},
	{"pg_advisory_unlock_all", false, LOCKS},
	{"pg_advisory_xact_lock", true, XACT_LOCK},
	{"pg_advisory_xact_lock_shared", true, XACT_LOCK},
	{"pg_try_advisory_xact_lock", true, XACT_LOCK},
	{"pg_try_advisory_xact_lock_shared", true, XACT_LOCK},
	{"pg_notify", true, "An agent that may only read must not tell others."},
};

/* Extensions whose functions work outside of the transaction. */
static const char *const outside[] = {"dblink", "http", "pg_background",
									  "pg_net"};

static object_access_hook_type previous_hook = NULL;

/* Whose code is running, if any. */
static Oid guarded_role = InvalidOid;
static bool guarded_read_only;

static bool memory_limited = false;
static struct rlimit memory_before;

static void watch(ObjectAccessType access, Oid class_id, Oid object_id,
				  int sub_id, void *arg);
static void check_function(Oid function);
static void limit_memory(void);
static int64 data_pages(void);

/*
 * Once per process.
 */
void
hitl_guard_init(void)
{
	previous_hook = object_access_hook;
	object_access_hook = watch;
}

/*
 * Code of an agent is about to run as a role.
 */
void
hitl_begin_guard(Oid role, bool read_only)
{
	guarded_role = role;
	guarded_read_only = read_only;
	limit_memory();
}

/*
 * It does not run any more.
 */
void
hitl_end_guard(void)
{
	guarded_role = InvalidOid;
	if (memory_limited && setrlimit(RLIMIT_DATA, &memory_before) != 0)
		elog(LOG, "could not lift the limit of the memory: %m");
	memory_limited = false;
}

/* ---- functions and objects ------------------------------------------- */

/*
 * Hook: somebody is about to call a function, or has created, changed or dropped
 * an object.
 */
static void
watch(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id,
	  void *arg)
{
	if (previous_hook)
		previous_hook(access, class_id, object_id, sub_id, arg);
	if (!OidIsValid(guarded_role) || GetUserId() != guarded_role)
		return;
	if (access == OAT_FUNCTION_EXECUTE)
		check_function(object_id);
	else if (access == OAT_POST_CREATE || access == OAT_POST_ALTER ||
			 access == OAT_DROP)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("code of an agent cannot create, change or drop objects")));
}

/*
 * May it be called?
 */
static void
check_function(Oid function)
{
	const char *name = get_func_name(function);
	const char *why = NULL;
	int i;

	if (name == NULL)
		return;
	if (function < FirstNormalObjectId)
	{
		for (i = 0; i < lengthof(refused); i++)
			if (strcmp(name, refused[i].name) == 0 &&
				(guarded_read_only || !refused[i].only_reading))
				why = refused[i].why;
	}
	else
	{
		Oid extension = getExtensionOfObject(ProcedureRelationId, function);
		const char *of = OidIsValid(extension) ? get_extension_name(extension)
											   : NULL;

		for (i = 0; of != NULL && i < lengthof(outside); i++)
			if (strcmp(of, outside[i]) == 0)
				why = "What it does is outside of the transaction.";
	}
	if (why != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("code of an agent cannot call %s()", name),
				 errdetail_internal("%s", why)));
}

/* ---- memory ---------------------------------------------------------- */

/*
 * From here on the process may take hitl.sandbox_memory more than it has.  What
 * is refused then is an ordinary error.
 */
static void
limit_memory(void)
{
	int64 pages = data_pages();
	struct rlimit limit;

	if (hitl_sandbox_memory == 0 || pages < 0 ||
		getrlimit(RLIMIT_DATA, &memory_before) != 0)
		return;
	limit = memory_before;
	limit.rlim_cur = pages * sysconf(_SC_PAGESIZE) +
		(rlim_t) hitl_sandbox_memory * 1024 * 1024;
	if (memory_before.rlim_cur != RLIM_INFINITY &&
		memory_before.rlim_cur < limit.rlim_cur)
		return;
	if (setrlimit(RLIMIT_DATA, &limit) != 0)
		elog(ERROR, "could not limit the memory: %m");
	memory_limited = true;
}

/*
 * Pages of memory of its own that the process has, as the kernel counts them
 * against the limit; -1 where that cannot be found out.
 */
static int64
data_pages(void)
{
	int descriptor = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	char text[256];
	ssize_t length;
	long long pages;

	if (descriptor < 0)
		return -1;
	length = read(descriptor, text, sizeof(text) - 1);
	close(descriptor);
	if (length <= 0)
		return -1;
	text[length] = '\0';
	if (sscanf(text, "%*s %*s %*s %*s %*s %lld", &pages) != 1)
		return -1;
	return pages;
}
