/*
 * gateway.c
 *		The worker that serves HTTP.
 *
 * Its session is that of hitl.gateway_role from before it listens: what it can
 * do is what that role may do, which is to call the functions of the routes.
 * While one runs, the session cannot be made another's (gateway_route.c).
 *
 * A request is served at once, in the callback of libmicrohttpd that has read
 * it, in a transaction of its own.  Nothing else is served meanwhile, so a
 * request has a time limit.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "hitl.h"
#include "worker/gateway.h"
#include "worker/worker.h"

static void gateway_start(void);
static long gateway_pass(void);
static int gateway_wait_descriptor(void);
static bool settings_changed(void);
static void remember_settings(void);
static void become_role(void);
static Oid find_role(void);

const HitlWorkerRole hitl_gateway_role_of_worker =
	{.kind = HITL_WORKER_GATEWAY,
	 .start = gateway_start,
	 .pass = gateway_pass,
	 .wait_descriptor = gateway_wait_descriptor,
	 .hear = hitl_hear_events};

/* What the server was opened with. */
static char *opened_with = NULL;

/*
 * Once, in the database.
 */
static void
gateway_start(void)
{
	/* It waits for a row that the engine writes; its client does, too. */
	SetConfigOption("lock_timeout", "2s", PGC_SUSET, PGC_S_SESSION);
	hitl_server_init();
	hitl_routes_init();
}

/*
 * One pass: open the server if it is not, and serve what has come.  An ERROR in
 * here is about the server itself.
 */
static long
gateway_pass(void)
{
	long sleep_ms;
	long streams_ms;

	if (hitl_work_announced && hitl_server_is_open() && settings_changed())
		hitl_server_close();
	hitl_work_announced = false;

	if (hitl_listen_addresses[0] == '\0')
		return HITL_SLEEP_FOREVER; /* the launcher is about to end us */
	if (!hitl_server_is_open())
	{
		become_role();
		hitl_server_open();
		remember_settings();
	}

	hitl_server_run();
	if (hitl_feed_streams())
		hitl_server_run();
	sleep_ms = hitl_server_sleep();
	streams_ms = hitl_streams_sleep();
	if (streams_ms != HITL_SLEEP_FOREVER &&
		(sleep_ms == HITL_SLEEP_FOREVER || streams_ms < sleep_ms))
		sleep_ms = streams_ms;
	return sleep_ms;
}

/*
 * What ends the sleep of the worker.
 */
static int
gateway_wait_descriptor(void)
{
	return hitl_server_descriptor();
}

/*
 * Who could log in could make the session another's, and a superuser is stopped
 * by nothing.
 */
void
hitl_check_gateway_role(void)
{
	(void) find_role();
}

/*
 * A role that was dropped and made anew is another one of the same name.
 */
bool
hitl_renew_gateway_role(void)
{
	volatile bool renewed = false;

	PG_TRY();
	{
		Oid role;

		hitl_begin_work("looking up the role");
		role = get_role_oid(hitl_gateway_role, true);
		hitl_end_work();
		if (OidIsValid(role) && role != GetSessionUserId())
		{
			become_role();
			renewed = true;
		}
	}
	PG_CATCH();
	{
		hitl_settle_error();
	}
	PG_END_TRY();
	return renewed;
}

/* ---- local ----------------------------------------------------------- */

/*
 * Those that cannot be changed while the server is open, as one text.
 */
static char *
settings_text(void)
{
	return psprintf("%s\n%d\n%s\n%d\n%d\n%d\n%s", hitl_listen_addresses,
					hitl_port, hitl_gateway_role, hitl_gateway_max_connections,
					hitl_gateway_max_header, hitl_gateway_client_timeout,
					hitl_trusted_proxies);
}

static bool
settings_changed(void)
{
	return opened_with == NULL || strcmp(opened_with, settings_text()) != 0;
}

/*
 * After it was opened.
 */
static void
remember_settings(void)
{
	if (opened_with != NULL)
		pfree(opened_with);
	opened_with = MemoryContextStrdup(TopMemoryContext, settings_text());
}

/*
 * Make the session that of the role.
 */
static void
become_role(void)
{
	Oid role;
	Oid function;
	Oid before;
	int context;

	hitl_begin_work("opening the gateway");
	/* The role before may be gone, or may have lost its rights. */
	GetUserIdAndSecContext(&before, &context);
	SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID,
						   context | SECURITY_LOCAL_USERID_CHANGE);
	role = find_role();
	function = DatumGetObjectId(
		DirectFunctionCall1(regprocedurein,
							CStringGetDatum("hitl.http_route_list()")));
	if (object_aclcheck(ProcedureRelationId, function, role, ACL_EXECUTE) !=
		ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("the gateway does not serve: role \"%s\" may not call the functions of its routes", hitl_gateway_role),
				 errhint("SELECT hitl.grant_access('%s', 'gateway'); and, so that it can answer for those who sign in, SELECT hitl.grant_acting('%s', '*');",
						 hitl_gateway_role, hitl_gateway_role)));
	SetUserIdAndSecContext(before, context);
	hitl_end_work();
	SetSessionAuthorization(role, false);
}

/*
 * The role, if it is one that may serve.
 */
static Oid
find_role(void)
{
	const char *name = hitl_gateway_role;
	HeapTuple tuple;
	Form_pg_authid form;
	Oid role;
	bool login;
	bool super;

	if (name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the gateway does not serve: hitl.gateway_role is not set"),
				 errhint("CREATE ROLE hitl_gateway NOLOGIN; SELECT hitl.grant_access('hitl_gateway', 'gateway'); and set hitl.gateway_role to hitl_gateway.")));
	tuple = SearchSysCache1(AUTHNAME, CStringGetDatum(name));
	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the gateway does not serve: role \"%s\" does not exist", name),
				 errhint("hitl.gateway_role names it. CREATE ROLE \"%s\" NOLOGIN;", name)));
	form = (Form_pg_authid) GETSTRUCT(tuple);
	role = form->oid;
	login = form->rolcanlogin;
	super = form->rolsuper;
	ReleaseSysCache(tuple);
	if (super || login)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the gateway does not serve: role \"%s\" can %s", name,
						super ? "do everything" : "log in"),
				 errdetail("What comes in over the network must not have more rights than to call the functions of the routes."),
				 errhint("Name another role in hitl.gateway_role, or ALTER ROLE \"%s\" NOSUPERUSER NOLOGIN;", name)));
	return role;
}
