/*
 * gateway_route.c
 *		From a request to its answer: the routes, and the call of a function.
 *
 * A function runs in a transaction of its own, in a context from which the
 * session cannot become another role's; what it SETs is gone when it returns.
 */
#include "postgres.h"

#include <ctype.h>

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_proc.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/regproc.h"
#include "utils/syscache.h"
#include "utils/timeout.h"

#include "approval/principal.h"
#include "db.h"
#include "hitl.h"
#include "worker/gateway.h"
#include "worker/worker.h"
#include "workflow/data.h"

#define MAX_SEGMENTS 32

/* A conflict with another transaction is no fault of the client: try again. */
#define ATTEMPTS 2

typedef struct Route
{
	char *method;
	char *path;
	int nsegments;
	char *segments[MAX_SEGMENTS]; /* "{name}": any */
	Oid function;				  /* invalid: ours, or there is none */
	bool is_ours;				  /* answered without a function */
} Route;

/* A path, cut into its segments, decoded. */
typedef struct Path
{
	int nsegments;
	char *segments[MAX_SEGMENTS];
	char *decoded;
} Path;

static MemoryContext routes_context = NULL;
static List *routes = NIL; /* of Route */
static bool routes_valid = false;
static uint64 invalidations = 0;
static Oid routes_relation = InvalidOid;

static void table_changed(Datum arg, Oid relation);
static void load_routes(void);
static const Route *current_route(const HitlCall *call, const Path *path,
								  HitlAnswer *answer);
static bool read_path(const HitlCall *call, Path *path, HitlAnswer *answer);
static bool cut_path(const HitlCall *call, Path *path);
static bool is_probe(const HitlCall *call, const Path *path,
					 HitlAnswer *answer);
static const Route *match(const HitlCall *call, const Path *path,
						  HitlAnswer *answer);
static bool matches(const Route *route, const Path *path, int *literals);
static void allow(HitlAnswer *answer, const Path *path);
static void call_route(const HitlCall *call, HitlAnswer *answer);
static Jsonb *describe_call(const HitlCall *call, const Path *path,
							const Route *route);
static void put_key(JsonbParseState **state, const char *name);
static void put_bool(JsonbParseState **state, const char *name, bool value);
static void put_text(JsonbParseState **state, const char *name,
					 const char *value, size_t length);
static void put_query(JsonbParseState **state, const char *query);
static void put_headers(JsonbParseState **state, List *headers);
static Jsonb *call_function(Oid function, Jsonb *request);

PG_FUNCTION_INFO_V1(hitl_http_routes_changed);

/*
 * Trigger: the gateway reads the routes again when the transaction commits.
 */
Datum
hitl_http_routes_changed(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("hitl.http_routes_changed() is a trigger function")));
	CacheInvalidateRelcache(trigger->tg_relation);
	PG_RETURN_POINTER(NULL);
}

/*
 * Once per process.
 */
void
hitl_routes_init(void)
{
	routes_context = AllocSetContextCreate(TopMemoryContext, "hitl routes",
										   ALLOCSET_SMALL_SIZES);
	CacheRegisterRelcacheCallback(table_changed, (Datum) 0);
}

/*
 * Is there something that serves this?  If not, the answer says what is wrong;
 * so it does for OPTIONS.
 */
bool
hitl_find_route(const HitlCall *call, HitlAnswer *answer)
{
	MemoryContext context = CurrentMemoryContext;
	Path path;
	const Route *volatile route = NULL;

	if (!read_path(call, &path, answer))
		return false;
	if (is_probe(call, &path, answer))
		return true;
	PG_TRY();
	{
		hitl_begin_work("reading routes");
		MemoryContextSwitchTo(context);
		route = current_route(call, &path, answer);
		hitl_end_work();
		MemoryContextSwitchTo(context);
	}
	PG_CATCH();
	{
		hitl_settle_error();
		(void) hitl_renew_gateway_role();
		MemoryContextSwitchTo(context);
		hitl_refuse_request(answer, 503, NULL);
		hitl_add_header(answer, "Retry-After", "1");
	}
	PG_END_TRY();
	return route != NULL;
}

/*
 * Answer a request.  Whatever happens, there is an answer.
 */
void
hitl_answer_request(const HitlCall *call, HitlAnswer *answer)
{
	MemoryContext context = CurrentMemoryContext;
	HitlAnswer empty = *answer;
	volatile int attempt;
	volatile bool done = false;

	for (attempt = 1; !done; attempt++)
	{
		*answer = empty;
		PG_TRY();
		{
			call_route(call, answer);
			done = true;
		}
		PG_CATCH();
		{
			int sqlstate = geterrcode();
			bool again = attempt < ATTEMPTS &&
				(sqlstate == ERRCODE_T_R_SERIALIZATION_FAILURE ||
				 sqlstate == ERRCODE_T_R_DEADLOCK_DETECTED);
			ErrorData *error;

			disable_timeout(STATEMENT_TIMEOUT, false);
			QueryCancelPending = false;
			error = hitl_catch_error(false);
			/* No rights to call it, or not even a role. */
			if (attempt < ATTEMPTS &&
				(sqlstate == ERRCODE_INSUFFICIENT_PRIVILEGE ||
				 sqlstate == ERRCODE_UNDEFINED_OBJECT ||
				 sqlstate == ERRCODE_INTERNAL_ERROR))
				again = hitl_renew_gateway_role();
			MemoryContextSwitchTo(context);
			if (!again)
			{
				hitl_tell_error(error, answer);
				if (answer->status >= 500)
				{
					hitl_record_error(error->message ? error->message : "");
					error->elevel = LOG; /* nobody else hears of it */
					ThrowErrorData(error);
				}
				done = true;
			}
			FreeErrorData(error);
		}
		PG_END_TRY();
	}
	MemoryContextSwitchTo(context);
}

/* ---- routes ----------------------------------------------------------- */

/*
 * Invalidation callback.
 */
static void
table_changed(Datum arg, Oid relation)
{
	if (!OidIsValid(relation) || relation == routes_relation ||
		!OidIsValid(routes_relation))
	{
		routes_valid = false;
		invalidations++;
	}
}

/*
 * The route of a request, from the table as it is now: the transaction that has
 * begun has read the invalidations.
 */
static const Route *
current_route(const HitlCall *call, const Path *path, HitlAnswer *answer)
{
	MemoryContext context = CurrentMemoryContext;

	if (!routes_valid)
		load_routes();
	MemoryContextSwitchTo(context);
	return match(call, path, answer);
}

/*
 * Read the table, in a transaction.  What was read before stays if that fails.
 */
static void
load_routes(void)
{
	static HitlStatement read =
		{"SELECT r.method, r.path, r.function, "
		 "pg_catalog.to_regprocedure(r.function)::oid, "
		 "pg_catalog.to_regclass('hitl.http_routes')::oid "
		 "FROM hitl.http_route_list() r",
		 0};
	uint64 before = invalidations;
	MemoryContext fresh;
	MemoryContext caller;
	List *found = NIL;
	uint64 i;

	fresh = AllocSetContextCreate(CurrentMemoryContext, "hitl routes",
								  ALLOCSET_SMALL_SIZES);
	hitl_execute(&read, NULL, NULL, 0);
	caller = MemoryContextSwitchTo(fresh);
	for (i = 0; i < SPI_processed; i++)
	{
		Route *route = palloc0(sizeof(Route));
		char *segment;
		bool isnull;
		Datum value;

		route->method = hitl_column_text(i, 1);
		route->path = hitl_column_text(i, 2);
		route->is_ours = hitl_column_text(i, 3) == NULL;
		value = hitl_column(i, 4, &isnull);
		route->function = isnull ? InvalidOid : DatumGetObjectId(value);
		value = hitl_column(i, 5, &isnull);
		routes_relation = isnull ? InvalidOid : DatumGetObjectId(value);
		for (segment = pstrdup(route->path); segment != NULL;)
		{
			char *slash;

			segment++; /* its "/" */
			slash = strchr(segment, '/');
			if (slash)
				*slash = '\0';
			if (route->nsegments == MAX_SEGMENTS)
				break;
			route->segments[route->nsegments++] = segment;
			segment = slash;
		}
		if (segment == NULL)
			found = lappend(found, route);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextSetParent(fresh, TopMemoryContext);
	MemoryContextDelete(routes_context);
	routes_context = fresh;
	routes = found;

	/* What was sent while it was read makes it stale again. */
	routes_valid = before == invalidations;
}

/*
 * The path of a request.  If it is none, the answer says so.
 */
static bool
read_path(const HitlCall *call, Path *path, HitlAnswer *answer)
{
	if (cut_path(call, path))
		return true;
	hitl_refuse_request(answer, 400,
						"the path is not UTF-8 with valid escapes");
	return false;
}

/*
 * Cut the path at each "/", and decode what is between them: %2F is part of a
 * segment.
 */
static bool
cut_path(const HitlCall *call, Path *path)
{
	char *copy = palloc(call->path_length + 1);
	const char *p = call->path;
	const char *end = p + call->path_length;
	int length;

	path->nsegments = 0;
	while (p < end)
	{
		const char *slash;

		p++; /* its "/" */
		slash = memchr(p, '/', end - p);
		if (slash == NULL)
			slash = end;
		length = hitl_decode_percent(p, slash - p, copy, false);
		if (length < 0 || path->nsegments == MAX_SEGMENTS)
			return false;
		path->segments[path->nsegments++] = pnstrdup(copy, length);
		p = slash;
	}
	length = hitl_decode_percent(call->path, call->path_length, copy, false);
	if (length < 0)
		return false;
	path->decoded = pnstrdup(copy, length);
	return true;
}

/*
 * Does it ask whether we are alive?  Not even the table of routes is needed to
 * say so.
 */
static bool
is_probe(const HitlCall *call, const Path *path, HitlAnswer *answer)
{
	if (strcmp(path->decoded, "/healthz") != 0 ||
		strcmp(call->method, "GET") != 0)
		return false;
	answer->route = "/healthz";
	return true;
}

/*
 * The route of a request: of those that match the one with most literal
 * segments.  If none has the method, the answer tells which there are.
 */
static const Route *
match(const HitlCall *call, const Path *path, HitlAnswer *answer)
{
	const Route *best = NULL;
	int most = -1;
	bool path_known = false;
	ListCell *cell;

	foreach(cell, routes)
	{
		const Route *route = lfirst(cell);
		int literals;

		if (!matches(route, path, &literals))
			continue;
		path_known = true;
		answer->route = answer->route ? answer->route : pstrdup(route->path);
		if (strcmp(route->method, call->method) == 0 && literals > most)
		{
			best = route;
			most = literals;
		}
	}
	if (best != NULL)
	{
		answer->route = pstrdup(best->path);
		return best;
	}
	if (!path_known)
		hitl_refuse_request(answer, 404, "nothing is here");
	else if (strcmp(call->method, "OPTIONS") == 0)
	{
		answer->status = 204;
		allow(answer, path);
	}
	else
	{
		hitl_refuse_request(answer, 405, "this method is not allowed here");
		allow(answer, path);
	}
	return NULL;
}

/*
 * Does a route's path match?
 */
static bool
matches(const Route *route, const Path *path, int *literals)
{
	*literals = 0;
	if (route->nsegments != path->nsegments)
		return false;
	for (int i = 0; i < route->nsegments; i++)
	{
		if (route->segments[i][0] == '{')
		{
			if (path->segments[i][0] == '\0')
				return false;
		}
		else if (strcmp(route->segments[i], path->segments[i]) != 0)
			return false;
		else
			++*literals;
	}
	return true;
}

/*
 * The header Allow: the methods of a path.
 */
static void
allow(HitlAnswer *answer, const Path *path)
{
	StringInfoData methods;
	ListCell *cell;
	int literals;

	initStringInfo(&methods);
	foreach(cell, routes)
	{
		const Route *route = lfirst(cell);

		if (!matches(route, path, &literals) ||
			strstr(methods.data, route->method) != NULL)
			continue;
		appendStringInfo(&methods, "%s%s", methods.len ? ", " : "",
						 route->method);
		if (strcmp(route->method, "GET") == 0)
			appendStringInfoString(&methods, ", HEAD");
	}
	hitl_add_header(answer, "Allow", methods.data);
}

/* ---- calling ---------------------------------------------------------- */

/*
 * Serve a request whose route was found before; it may be gone meanwhile.
 */
static void
call_route(const HitlCall *call, HitlAnswer *answer)
{
	MemoryContext context = CurrentMemoryContext;
	const Route *route;
	Oid function;
	Jsonb *request;
	Jsonb *response;
	Path path;

	if (!read_path(call, &path, answer))
		return;
	if (is_probe(call, &path, answer))
	{
		answer->status = 200;
		answer->body = "ok\n";
		answer->length = 3;
		hitl_add_header(answer, "Content-Type", "text/plain; charset=utf-8");
		return;
	}

	hitl_begin_work("reading routes");
	MemoryContextSwitchTo(context);
	route = current_route(call, &path, answer);
	if (route != NULL && !route->is_ours &&
		!SearchSysCacheExists1(PROCOID, ObjectIdGetDatum(route->function)))
	{
		/* It may have been made, or made anew, with another oid. */
		routes_valid = false;
		route = current_route(call, &path, answer);
	}
	if (route != NULL && route->is_ours)
	{
		hitl_refuse_request(answer, 404, "nothing is here");
		route = NULL;
	}
	if (route == NULL)
	{
		hitl_end_work();
		MemoryContextSwitchTo(context);
		return;
	}
	function = route->function;
	request = describe_call(call, &path, route);
	pgstat_report_activity(STATE_RUNNING,
						   psprintf("%s %s", call->method, answer->route));
	hitl_check_gateway_role();
	enable_timeout_after(STATEMENT_TIMEOUT, hitl_gateway_timeout);
	response = call_function(function, request);
	disable_timeout(STATEMENT_TIMEOUT, false);
	MemoryContextSwitchTo(context);
	hitl_read_answer(response, answer);
	hitl_end_work();
	MemoryContextSwitchTo(context);
}

/*
 * The request as its function sees it.
 */
static Jsonb *
describe_call(const HitlCall *call, const Path *path, const Route *route)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	put_text(&state, "method", call->method, strlen(call->method));
	put_text(&state, "path", path->decoded, strlen(path->decoded));

	put_key(&state, "args");
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < route->nsegments; i++)
	{
		const char *segment = route->segments[i];
		size_t length = strlen(segment);

		if (segment[0] == '{' && length > 2)
			put_text(&state, pnstrdup(segment + 1, length - 2),
					 path->segments[i], strlen(path->segments[i]));
	}
	pushJsonbValue(&state, WJB_END_OBJECT, NULL);

	put_query(&state, call->query);
	put_headers(&state, call->headers);
	if (call->body != NULL)
		put_text(&state, "body", call->body, call->body_length);
	put_text(&state, "address", call->address, strlen(call->address));
	if (call->proxy[0] != '\0')
		put_text(&state, "proxy", call->proxy, strlen(call->proxy));
	put_bool(&state, "trusted", call->proxy[0] != '\0');
	put_bool(&state, "secure", call->secure);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/*
 * The name of a member.
 */
static void
put_key(JsonbParseState **state, const char *name)
{
	hitl_push_text(state, WJB_KEY, name, strlen(name));
}

static void
put_bool(JsonbParseState **state, const char *name, bool value)
{
	JsonbValue member;

	put_key(state, name);
	member.type = jbvBool;
	member.val.boolean = value;
	pushJsonbValue(state, WJB_VALUE, &member);
}

/*
 * A member that is a text.
 */
static void
put_text(JsonbParseState **state, const char *name, const char *value,
		 size_t length)
{
	put_key(state, name);
	hitl_push_text(state, WJB_VALUE, value, length);
}

/*
 * The parameters of the query.  One that is given twice could be read in two
 * ways, so it is in none.
 */
static void
put_query(JsonbParseState **state, const char *query)
{
	char *copy = palloc(2 * strlen(query) + 2);
	List *names = NIL;

	put_key(state, "query");
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	while (*query != '\0' && *query != '#')
	{
		size_t length = strcspn(query, "&#");
		const char *equals = memchr(query, '=', length);
		size_t name_length = equals ? (size_t) (equals - query) : length;
		int decoded_name;
		int decoded_value = 0;

		decoded_name = hitl_decode_percent(query, name_length, copy, true);
		if (decoded_name >= 0 && equals)
			decoded_value = hitl_decode_percent(equals + 1,
												length - name_length - 1,
												copy + decoded_name + 1, true);
		if (decoded_name < 0 || decoded_value < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
					 errmsg("the query is not UTF-8 with valid escapes")));
		if (decoded_name > 0)
		{
			char *name = pnstrdup(copy, decoded_name);

			if (hitl_list_has(names, name))
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
						 errmsg("the query has the parameter \"%s\" more than once", name)));
			names = lappend(names, name);
			if (list_length(names) > 100)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
						 errmsg("the query has more than 100 parameters")));
			put_text(state, name,
					 pnstrdup(copy + decoded_name + 1, decoded_value),
					 decoded_value);
		}
		query += length;
		query += *query == '&';
	}
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/*
 * The headers, each once.
 */
static void
put_headers(JsonbParseState **state, List *headers)
{
	ListCell *cell;

	put_key(state, "headers");
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	foreach(cell, headers)
	{
		HitlHeader *header = lfirst(cell);

		put_text(state, header->name, header->value, strlen(header->value));
	}
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/*
 * Call it, as somebody who cannot become anybody else.
 */
static Jsonb *
call_function(Oid function, Jsonb *request)
{
	ConstraintsSetStmt *all = makeNode(ConstraintsSetStmt);
	LOCAL_FCINFO(fcinfo, 1);
	FmgrInfo flinfo;
	Form_pg_proc form;
	HeapTuple tuple;
	Oid role;
	int context;
	int settings;
	Datum result;
	bool fits;

	GetUserIdAndSecContext(&role, &context);
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("the function of the route does not exist")));
	form = (Form_pg_proc) GETSTRUCT(tuple);
	fits = form->prorettype == JSONBOID && !form->proretset &&
		form->pronargs == 1 && form->proargtypes.values[0] == JSONBOID &&
		form->prokind == PROKIND_FUNCTION;
	ReleaseSysCache(tuple);
	if (!fits)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
				 errmsg("function %s cannot serve a route", format_procedure(function)),
				 errdetail("It must take one jsonb and return jsonb.")));
	if (object_aclcheck(ProcedureRelationId, function, role, ACL_EXECUTE) !=
		ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("role \"%s\" may not call %s, the function of a route", GetUserNameFromId(role, false), format_procedure(function)),
				 errhint("SELECT hitl.grant_access('%s', 'gateway') grants it those of hitl.",
						 GetUserNameFromId(role, false))));

	settings = NewGUCNestLevel();
	SetUserIdAndSecContext(role, context | SECURITY_LOCAL_USERID_CHANGE);
	fmgr_info(function, &flinfo);
	InitFunctionCallInfoData(*fcinfo, &flinfo, 1, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = JsonbPGetDatum(request);
	fcinfo->args[0].isnull = false;
	InvokeFunctionExecuteHook(function);
	result = FunctionCallInvoke(fcinfo);
	if (fcinfo->isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("function %s has returned null for a request", format_procedure(function))));

	/* Deferred triggers, too, run in here. */
	all->deferred = false;
	AfterTriggerSetState(all);
	SetUserIdAndSecContext(role, context);
	AtEOXact_GUC(false, settings);
	return DatumGetJsonbPCopy(result);
}
