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
#include "worker/gateway.h"
#include "worker/gateway_http.h"
#include "worker/news.h"
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
char *hitl_trusted_user_header = NULL;
bool hitl_action_links_need_sign_in = false;
int hitl_session_timeout = 43200;
int hitl_session_lifetime = 604800;
char *hitl_listen_addresses = NULL;
int hitl_port = 8432;
char *hitl_public_url = NULL;
char *hitl_gateway_role = NULL;
char *hitl_trusted_proxies = NULL;
char *hitl_metrics_token = NULL;
int hitl_gateway_timeout = 10000;
int hitl_gateway_client_timeout = 15;
int hitl_gateway_max_body = 1024;
int hitl_gateway_max_header = 16;
int hitl_gateway_max_connections = 512;
int hitl_gateway_max_per_address = 100;
int hitl_gateway_rate = 100;
int hitl_gateway_access_log = HITL_LOG_ALL;

static const struct config_enum_entry access_log_levels[] =
	{{"none", HITL_LOG_NONE, false},
	 {"errors", HITL_LOG_ERRORS, false},
	 {"all", HITL_LOG_ALL, false},
	 {NULL, 0, false}};
char *hitl_log_happenings = NULL;

PGDLLEXPORT void _PG_init(void);

static char *hitl_version = NULL;

static void define_settings(void);
static void define_gateway_settings(void);
static bool check_proxies(char **value, void **extra, GucSource source);
static bool check_public_url(char **value, void **extra, GucSource source);

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
	hitl_metrics_init();
	hitl_news_init();
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
		"hitl.trusted_user_header",
		"Header in which a proxy says who is signed in.",
		"It counts where the request comes from one of hitl.trusted_proxies.",
		&hitl_trusted_user_header, "", PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable(
		"hitl.action_links_need_sign_in",
		"Whether links in messages are of use only to who is signed in.", NULL,
		&hitl_action_links_need_sign_in, false, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"hitl.session_timeout",
		"Time without a request after which a session of the web ends.", NULL,
		&hitl_session_timeout, 12 * 60 * 60, 60, 365 * 24 * 60 * 60, PGC_SUSET,
		GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"hitl.session_lifetime",
		"Time after which a session of the web ends in any case.", NULL,
		&hitl_session_lifetime, 7 * 24 * 60 * 60, 60, 365 * 24 * 60 * 60,
		PGC_SUSET, GUC_UNIT_S, NULL, NULL, NULL);
	define_gateway_settings();

	DefineCustomStringVariable(
		"hitl.log_happenings", "Kinds of happenings that hitl logs.",
		"A comma-separated list of workflows, steps, approvals, requests, "
		"statements, workers, failures; or all, or none.",
		&hitl_log_happenings, "workers, failures", PGC_SIGHUP, GUC_LIST_INPUT,
		hitl_check_log, hitl_assign_log, NULL);

	MarkGUCPrefixReserved("hitl");
}

/*
 * Those of the gateway.  ALTER DATABASE gives each database its own.
 */
static void
define_gateway_settings(void)
{
	DefineCustomStringVariable(
		"hitl.listen_addresses",
		"Addresses at which the gateway of a database listens.",
		"A comma-separated list of host names and addresses; * stands for all. Empty: there is no gateway.",
		&hitl_listen_addresses, "", PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("hitl.port", "Port at which the gateway listens.",
							NULL, &hitl_port, 8432, 1, 65535, PGC_SUSET, 0,
							NULL, NULL, NULL);
	DefineCustomStringVariable(
		"hitl.public_url", "URL at which people reach the gateway.",
		"Links in messages begin with it. Empty: messages have no links.",
		&hitl_public_url, "", PGC_SUSET, 0, check_public_url, NULL, NULL);
	DefineCustomStringVariable(
		"hitl.gateway_role", "Role whose session the gateway's is.",
		"It must be able to neither log in nor act as a superuser.",
		&hitl_gateway_role, "", PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable(
		"hitl.trusted_proxies",
		"Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed.",
		"A comma-separated list of addresses and networks (CIDR).",
		&hitl_trusted_proxies, "", PGC_SUSET, 0, check_proxies, NULL, NULL);
	DefineCustomStringVariable(
		"hitl.metrics_token", "Bearer token that opens /metrics.",
		"Empty: it is open to clients on the same machine, and to nobody else.",
		&hitl_metrics_token, "", PGC_SUSET, GUC_SUPERUSER_ONLY, NULL, NULL,
		NULL);
	DefineCustomIntVariable(
		"hitl.gateway_timeout",
		"Time that a request to the gateway may take in the database.", NULL,
		&hitl_gateway_timeout, 10000, 10, 10 * 60 * 1000, PGC_SUSET,
		GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"hitl.gateway_client_timeout",
		"Time that a client of the gateway may take for the head of a request.",
		"For a body, and to read a response, it may take twice as long.",
		&hitl_gateway_client_timeout, 15, 1, 60 * 60, PGC_SUSET, GUC_UNIT_S,
		NULL, NULL, NULL);
	DefineCustomIntVariable("hitl.gateway_max_body",
							"Size of the largest body of a request.", NULL,
							&hitl_gateway_max_body, 1024, 1, 64 * 1024,
							PGC_SUSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"hitl.gateway_max_header",
		"Memory for the request line and the headers of a request.", NULL,
		&hitl_gateway_max_header, 16, 4, 1024, PGC_SUSET, GUC_UNIT_KB, NULL,
		NULL, NULL);
	DefineCustomIntVariable(
		"hitl.gateway_max_connections",
		"Number of connections that the gateway keeps open.",
		"When they are used up, the one that has waited longest makes room.",
		&hitl_gateway_max_connections, 512, 8, 50000, PGC_SUSET, 0, NULL, NULL,
		NULL);
	DefineCustomIntVariable("hitl.gateway_max_connections_per_address",
							"Number of them that one address may have.",
							"Trusted proxies may have any number.",
							&hitl_gateway_max_per_address, 100, 1, 50000,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("hitl.gateway_rate",
							"Requests per second of one address.",
							"Twice as many may come at once. 0 sets no limit.",
							&hitl_gateway_rate, 100, 0, 1000000, PGC_SUSET, 0,
							NULL, NULL, NULL);
	DefineCustomEnumVariable("hitl.gateway_access_log",
							 "Which requests the gateway logs.", NULL,
							 &hitl_gateway_access_log, HITL_LOG_ALL,
							 access_log_levels, PGC_SUSET, 0, NULL, NULL, NULL);
}

/*
 * A list of addresses and networks.
 */
static bool
check_proxies(char **value, void **extra, GucSource source)
{
	const char *fault = hitl_networks_fault(*value);

	if (fault == NULL)
		return true;
	GUC_check_errdetail(
		"\"%s\" begins what is neither an address nor a network.", fault);
	return false;
}

/*
 * What links begin with.
 */
static bool
check_public_url(char **value, void **extra, GucSource source)
{
	if (**value == '\0' || strncmp(*value, "https://", 8) == 0 ||
		strncmp(*value, "http://", 7) == 0)
		return true;
	GUC_check_errdetail("A URL begins with https:// or http://.");
	return false;
}
