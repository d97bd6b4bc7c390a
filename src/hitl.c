/*
 * hitl.c
 *		Module start and settings.
 */
#include "postgres.h"

#include "core_bridge.h"
#include "fmgr.h"
#include "hitl.h"
#include "log.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "worker/worker.h"

PG_MODULE_MAGIC;

bool hitl_run_workers = true;
int hitl_engine_workers = 1;
int hitl_sql_workers = 2;
int hitl_sql_timeout = 60000;
int hitl_sandbox_memory = 256;
int hitl_batch_size = 200;
int hitl_batch_timeout = 30000;
int hitl_retention = 0;
int hitl_max_connections = 256;
int hitl_request_timeout = 120;
int hitl_max_response_size = 4096;
int hitl_breaker_threshold = 5;
int hitl_breaker_cooldown = 30000;
int hitl_reminder_interval = 600;
char *hitl_ca_file = NULL;
char *hitl_allowed_private_hosts = NULL;
char *hitl_log_happenings = NULL;

PGDLLEXPORT void _PG_init(void);

static char *hitl_version = NULL;

static void define_settings(void);

/*
 * Module start.  Everything that needs shared memory is set up only when the
 * library is preloaded; loaded later, by a function call, it can read the
 * tables but has no workers.
 */
void
_PG_init(void)
{
	define_settings();

	if (!process_shared_preload_libraries_in_progress)
		return;

	/* Now, so that all processes run the same one until the next restart. */
	(void) hitl_core();
	hitl_shared_init();
	hitl_wake_init();
	hitl_log_init(); /* after wake: the last one registered is called first */
	hitl_lifecycle_init();
	hitl_launcher_register();
}

/*
 * docs/reference/settings.md describes them.
 */
static void
define_settings(void)
{
	DefineCustomStringVariable(
		"hitl.version", "Version of the library that the server has loaded.",
		"The scripts of the extension look whether it is theirs.",
		&hitl_version, HITL_VERSION, PGC_INTERNAL, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable(
		"hitl.run_workers", "Whether hitl works in this database.",
		"To be set by ALTER DATABASE, so that a copy of a database can be looked at in peace; hitl.start_workers() puts a change into effect.",
		&hitl_run_workers, true, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"hitl.engine_workers",
		"Number of engine workers in each database that has the extension.",
		NULL, &hitl_engine_workers, 1, 1, 16, PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"hitl.sql_workers",
		"Number of workers for the statements of sql steps in each database that has the extension.",
		"With 0 the statements wait.", &hitl_sql_workers, 2, 0, 64, PGC_SIGHUP,
		0, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"hitl.sql_timeout",
		"Time limit of the statement of an sql step that states none itself.",
		NULL, &hitl_sql_timeout, 60000, 10, 24 * 60 * 60 * 1000, PGC_SIGHUP,
		GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"hitl.sandbox_memory",
		"Memory that the code of an agent may take in its worker.",
		"0 sets no limit.", &hitl_sandbox_memory, 256, 0, 1024 * 1024,
		PGC_SIGHUP, GUC_UNIT_MB, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"hitl.batch_size",
		"Number of messages that an engine worker processes in one transaction.",
		NULL, &hitl_batch_size, 200, 1, 10000, PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"hitl.batch_timeout",
		"Time that an engine worker's transaction may take.",
		"A workflow that takes longer by itself is failed.",
		&hitl_batch_timeout, 30000, 10, 24 * 60 * 60 * 1000, PGC_SIGHUP,
		GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"hitl.retention",
		"Time after which what has ended is removed; 0 keeps it.",
		"Workflows with all that is theirs, approval requests without a workflow, requests in the outbox.",
		&hitl_retention, 0, 0, INT_MAX, PGC_SIGHUP, GUC_UNIT_S, NULL, NULL,
		NULL);
	DefineCustomIntVariable(
		"hitl.max_connections",
		"Number of requests that a dispatcher has in flight at once.", NULL,
		&hitl_max_connections, 256, 1, 10000, PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"hitl.request_timeout",
		"Time limit of one outgoing request that states none itself.", NULL,
		&hitl_request_timeout, 120, 1, 24 * 60 * 60, PGC_SIGHUP, GUC_UNIT_S,
		NULL, NULL, NULL);
	DefineCustomIntVariable(
		"hitl.max_response_size",
		"Size beyond which the response to an outgoing request is an error.",
		NULL, &hitl_max_response_size, 4096, 1, MaxAllocSize / 1024 / 2,
		PGC_SIGHUP, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"hitl.breaker_threshold",
		"Number of failures in a row after which requests to a host wait.",
		"Zero switches circuit breakers off.", &hitl_breaker_threshold, 5, 0,
		10000, PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"hitl.breaker_cooldown",
		"Time after which a host that failed is tried again.",
		"It doubles with each trial that fails, up to ten minutes.",
		&hitl_breaker_cooldown, 30000, 100, 24 * 60 * 60 * 1000, PGC_SIGHUP,
		GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"hitl.reminder_interval",
		"Time within which no name is reminded of approval requests twice.",
		"Reminders that come due within it wait until it is over.",
		&hitl_reminder_interval, 600, 0, 7 * 24 * 60 * 60, PGC_SIGHUP,
		GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomStringVariable(
		"hitl.ca_file",
		"File with the certificates of authorities that outgoing requests trust.",
		"The system's authorities are trusted where this is empty.",
		&hitl_ca_file, "", PGC_SIGHUP, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);
	DefineCustomStringVariable(
		"hitl.allowed_private_hosts",
		"Hosts with private addresses to which requests may be sent.",
		"A comma-separated list of host names and addresses. "
		"Requests to any other private, loopback or link-local address are refused.",
		&hitl_allowed_private_hosts, "", PGC_SIGHUP, 0, NULL, NULL, NULL);

	DefineCustomStringVariable(
		"hitl.log_happenings", "Kinds of happenings that hitl logs.",
		"A comma-separated list of workflows, steps, approvals, requests, "
		"statements, workers, failures; or all, or none.",
		&hitl_log_happenings, "workers, failures", PGC_SIGHUP, GUC_LIST_INPUT,
		hitl_check_log, hitl_assign_log, NULL);

	MarkGUCPrefixReserved("hitl");
}
