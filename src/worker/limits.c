/*
 * limits.c
 *		Setting limits of hosts, queues and templates.
 *
 * Who keeps to them: the dispatcher to those of hosts (hosts.c), the function
 * that claims tasks to those of queues, the engine to those of templates.
 */
#include "postgres.h"

#include "hitl.h"

#include "commands/trigger.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "db.h"
#include "worker/hosts.h"
#include "worker/worker.h"
#include "workflow/caller.h"

#define MAX_NAME_LENGTH 300
#define MAX_RATE		100000
#define MAX_PERIOD_US	USECS_PER_DAY
#define MIN_PERIOD_US	1000

PG_FUNCTION_INFO_V1(hitl_set_limit);
PG_FUNCTION_INFO_V1(hitl_drop_limit);
PG_FUNCTION_INFO_V1(hitl_limits_changed);

static char *kind_argument(FunctionCallInfo fcinfo);
static char *name_argument(FunctionCallInfo fcinfo, const char *kind);
static int64 period_of(const Interval *per);

/*
 * hitl.set_limit(kind, name, max_concurrency, max_rate, per): set or replace a
 * limit.
 */
Datum
hitl_set_limit(PG_FUNCTION_ARGS)
{
	static HitlStatement store = {
		"INSERT INTO hitl.limits (kind, name, max_concurrency, max_rate, per, updated_by)"
		" VALUES ($1, $2, $3, $4, $5, $6)"
		" ON CONFLICT (kind, name) DO UPDATE"
		" SET max_concurrency = excluded.max_concurrency, max_rate = excluded.max_rate,"
		" per = excluded.per, updated_by = excluded.updated_by, updated_at = now()",
		6,
		{TEXTOID, TEXTOID, INT4OID, INT4OID, INTERVALOID, TEXTOID}};
	char *kind = kind_argument(fcinfo);
	char *name = name_argument(fcinfo, kind);
	int64 period;
	Datum values[6];
	char nulls[] = "      ";

	if (PG_ARGISNULL(2) && PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("a limit needs max_concurrency or max_rate"),
				 errhint("Use hitl.drop_limit to remove a limit.")));
	if (!PG_ARGISNULL(2) && PG_GETARG_INT32(2) < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_concurrency must be at least 1")));
	if (!PG_ARGISNULL(3) &&
		(PG_GETARG_INT32(3) < 1 || PG_GETARG_INT32(3) > MAX_RATE))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_rate must be between 1 and %d", MAX_RATE)));
	if (PG_ARGISNULL(4))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("per must not be null")));
	period = period_of(PG_GETARG_INTERVAL_P(4));
	if (period < MIN_PERIOD_US || period > MAX_PERIOD_US)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("per must be between a millisecond and a day")));

	values[0] = CStringGetTextDatum(kind);
	values[1] = CStringGetTextDatum(name);
	values[2] = fcinfo->args[2].value;
	nulls[2] = PG_ARGISNULL(2) ? 'n' : ' ';
	values[3] = fcinfo->args[3].value;
	nulls[3] = PG_ARGISNULL(3) ? 'n' : ' ';
	values[4] = fcinfo->args[4].value;
	values[5] = CStringGetTextDatum(hitl_caller());

	SPI_connect();
	hitl_execute(&store, values, nulls, 0);
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * hitl.drop_limit(kind, name): remove a limit.
 */
Datum
hitl_drop_limit(PG_FUNCTION_ARGS)
{
	static HitlStatement forget =
		{"DELETE FROM hitl.limits WHERE kind = $1 AND name = $2",
		 2,
		 {TEXTOID, TEXTOID}};
	char *kind = kind_argument(fcinfo);
	Datum values[2];
	bool found;

	values[0] = CStringGetTextDatum(kind);
	values[1] = CStringGetTextDatum(name_argument(fcinfo, kind));
	SPI_connect();
	hitl_execute(&forget, values, NULL, 0);
	found = SPI_processed > 0;
	SPI_finish();
	PG_RETURN_BOOL(found);
}

/*
 * Trigger: those who keep what the table says in memory are sent an
 * invalidation of it when the transaction commits, and are woken.
 */
Datum
hitl_limits_changed(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("hitl.limits_changed() is a trigger function")));
	CacheInvalidateRelcache(trigger->tg_relation);
	hitl_wake_at_commit(HITL_WORKER_DISPATCHER);
	hitl_wake_at_commit(HITL_WORKER_ENGINE);
	PG_RETURN_POINTER(NULL);
}

/*
 * What is to be limited.
 */
static char *
kind_argument(FunctionCallInfo fcinfo)
{
	char *kind;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("kind and name of a limit must not be null")));
	kind = text_to_cstring(PG_GETARG_TEXT_PP(0));
	if (strcmp(kind, "host") != 0 && strcmp(kind, "queue") != 0 &&
		strcmp(kind, "template") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown kind of limit \"%s\"", kind),
				 errhint("A kind is \"host\", \"queue\" or \"template\".")));
	return kind;
}

/*
 * Its name.
 */
static char *
name_argument(FunctionCallInfo fcinfo, const char *kind)
{
	char *name = text_to_cstring(PG_GETARG_TEXT_PP(1));

	if (name[0] == '\0' || strlen(name) > MAX_NAME_LENGTH)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the name of what is limited must have 1 to %d bytes", MAX_NAME_LENGTH)));
	if (strcmp(kind, "host") == 0 && strcmp(name, "*") != 0)
		return hitl_host_name(name);
	return name;
}

/*
 * The length of an interval; a month has no length, so it counts as too long.
 */
static int64
period_of(const Interval *per)
{
	if (per->month != 0 || per->day < 0 || per->day > 1)
		return MAX_PERIOD_US + 1;
	return per->time > MAX_PERIOD_US ? MAX_PERIOD_US + 1
									 : per->time + per->day * USECS_PER_DAY;
}
