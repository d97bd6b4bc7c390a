/*
 * metrics.c
 *		Counters for /metrics: what has happened since the server started.
 *
 * They are in shared memory, counted when the transaction in which something
 * happened has committed; so no table is read to know them, and nothing waits
 * for them.  They begin anew with the server, as those who read such counters
 * reckon with.  A transaction that is prepared is not counted.
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "hitl.h"
#include "worker/shared.h"
#include "worker/worker.h"

/* Different counters of one transaction; more are counted before it commits. */
#define MAX_PENDING 64

/* Costs are counted in millionths. */
#define COST_UNIT 1000000

typedef struct Pending
{
	int level; /* of the subtransaction */
	uint64 n;
	char name[HITL_SERIES_NAME];
} Pending;

static Pending pending[MAX_PENDING];
static int npending = 0;

/* How long requests wait, in seconds. */
static const struct
{
	uint64 seconds;
	const char *name;
} waiting_buckets[] = {
	{60, "hitl_approval_waiting_seconds_bucket{le=\"60\"}"},
	{300, "hitl_approval_waiting_seconds_bucket{le=\"300\"}"},
	{3600, "hitl_approval_waiting_seconds_bucket{le=\"3600\"}"},
	{14400, "hitl_approval_waiting_seconds_bucket{le=\"14400\"}"},
	{86400, "hitl_approval_waiting_seconds_bucket{le=\"86400\"}"},
	{259200, "hitl_approval_waiting_seconds_bucket{le=\"259200\"}"},
	{604800, "hitl_approval_waiting_seconds_bucket{le=\"604800\"}"},
};

/* How long passes of workers take, in seconds; as labels have it, and in us. */
static const struct
{
	const char *label;
	int64 us;
} pass_buckets[] = {
	{"0.001", 1000},	{"0.01", 10 * 1000},  {"0.1", 100 * 1000},
	{"1", 1000 * 1000}, {"10", 10000 * 1000}, {"+Inf", PG_INT64_MAX},
};

static void at_transaction_end(XactEvent event, void *arg);
static void at_subtransaction_end(SubXactEvent event, SubTransactionId id,
								  SubTransactionId parent, void *arg);
static void count(const char *name, uint64 n);
static void add(const char *name, uint64 n);
static void add_to_pass(HitlSeries **series, uint64 n, const char *format, ...)
	pg_attribute_printf(3, 4);
static HitlSeries *take_series(const char *name);
static void add_known(void);
static HitlSeries *find_series(const char *name);
static void count_approval(TriggerData *trigger, HeapTuple row);
static bool has_ended(TriggerData *trigger, HeapTuple row);
static void count_request(TriggerData *trigger, HeapTuple row);
static char *column(TriggerData *trigger, HeapTuple row, const char *name);
static char *label(const char *value);
static uint64 whole(const char *number, int unit);

PG_FUNCTION_INFO_V1(hitl_count_metrics);
PG_FUNCTION_INFO_V1(hitl_metric_counters);

/*
 * At module start, so that every session inherits the callbacks.
 */
void
hitl_metrics_init(void)
{
	RegisterXactCallback(at_transaction_end, NULL);
	RegisterSubXactCallback(at_subtransaction_end, NULL);
}

/*
 * Trigger on the tables in which something happens; its argument says what its
 * rows are.
 */
Datum
hitl_count_metrics(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	HeapTuple row;

	if (!CALLED_AS_TRIGGER(fcinfo) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
		trigger->tg_trigger->tgnargs != 1)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("hitl.count_metrics() is a trigger function for rows of approvals or requests")));
	row = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple
													 : trigger->tg_trigtuple;
	if (hitl_shared == NULL)
		return PointerGetDatum(NULL);
	if (strcmp(trigger->tg_trigger->tgargs[0], "approval") == 0)
		count_approval(trigger, row);
	else if (has_ended(trigger, row))
		count_request(trigger, row);
	return PointerGetDatum(NULL);
}

/*
 * The counters of this database.
 */
Datum
hitl_metric_counters(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	hitl_require_shared();
	InitMaterializedSRF(fcinfo, 0);
	LWLockAcquire(hitl_shared->lock, LW_SHARED);
	for (int i = 0; i < HITL_SERIES; i++)
	{
		HitlSeries *series = &hitl_shared->series[i];
		Datum values[2];
		bool nulls[2] = {false, false};

		if (series->dbid != MyDatabaseId)
			continue;
		values[0] = CStringGetTextDatum(series->name);
		values[1] = Int64GetDatum((int64) pg_atomic_read_u64(&series->value));
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	LWLockRelease(hitl_shared->lock);
	return (Datum) 0;
}

/*
 * Count a pass of a worker that has taken so long.
 */
void
hitl_count_pass(const char *kind, int64 us)
{
	/* Places stay, and a worker is of one kind: they are found once. */
	static HitlSeries *buckets[lengthof(pass_buckets)];
	static HitlSeries *sum = NULL;
	static HitlSeries *passes = NULL;

	for (int i = 0; i < lengthof(pass_buckets); i++)
		if (us <= pass_buckets[i].us)
			add_to_pass(
				&buckets[i], 1,
				"hitl_worker_pass_seconds_bucket{kind=\"%s\",le=\"%s\"}", kind,
				pass_buckets[i].label);
	add_to_pass(&sum, us, "hitl_worker_pass_seconds_sum{kind=\"%s\"}", kind);
	add_to_pass(&passes, 1, "hitl_worker_pass_seconds_count{kind=\"%s\"}",
				kind);
}

/*
 * The counters of databases that were dropped make room for others.
 */
void
hitl_forget_counters(const List *databases)
{
	LWLockAcquire(hitl_shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < HITL_SERIES; i++)
	{
		HitlSeries *series = &hitl_shared->series[i];

		if (OidIsValid(series->dbid) &&
			!list_member_oid(databases, series->dbid))
			series->dbid = InvalidOid;
	}
	LWLockRelease(hitl_shared->lock);
}

/* ---- at commit -------------------------------------------------------- */

/*
 * What is not committed has not happened.
 */
static void
at_transaction_end(XactEvent event, void *arg)
{
	if (npending == 0)
		return;
	if (event == XACT_EVENT_COMMIT)
	{
		add_known();
		for (int i = 0; i < npending; i++)
			if (pending[i].n > 0)
				add(pending[i].name, pending[i].n);
		npending = 0;
	}
	else if (event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
		npending = 0;
}

/*
 * What a subtransaction has done is done by its parent, or by nobody.
 */
static void
at_subtransaction_end(SubXactEvent event, SubTransactionId id,
					  SubTransactionId parent, void *arg)
{
	int level = GetCurrentTransactionNestLevel();
	int kept = 0;

	if (npending == 0 ||
		(event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB))
		return;
	for (int i = 0; i < npending; i++)
	{
		if (pending[i].level >= level)
		{
			if (event == SUBXACT_EVENT_ABORT_SUB)
				continue;
			pending[i].level = level - 1;
		}
		if (kept != i)
			pending[kept] = pending[i];
		kept++;
	}
	npending = kept;
}

/*
 * Count when the transaction commits.
 */
static void
count(const char *name, uint64 n)
{
	int level = GetCurrentTransactionNestLevel();

	if (n == 0)
		return;
	for (int i = 0; i < npending; i++)
		if (pending[i].level == level && strcmp(pending[i].name, name) == 0)
		{
			pending[i].n += n;
			return;
		}
	if (npending == MAX_PENDING)
	{
		add(name, n);
		return;
	}
	pending[npending].level = level;
	pending[npending].n = n;
	strlcpy(pending[npending].name, name, HITL_SERIES_NAME);
	npending++;
}

/*
 * Count what was counted before, under one lock.
 */
static void
add_known(void)
{
	LWLockAcquire(hitl_shared->lock, LW_SHARED);
	for (int i = 0; i < npending; i++)
	{
		HitlSeries *series = find_series(pending[i].name);

		if (series == NULL || series->dbid == InvalidOid)
			continue;
		(void) pg_atomic_fetch_add_u64(&series->value, pending[i].n);
		pending[i].n = 0;
	}
	LWLockRelease(hitl_shared->lock);
}

/*
 * Count.
 */
static void
add(const char *name, uint64 n)
{
	HitlSeries *series = take_series(name);

	if (series != NULL)
		(void) pg_atomic_fetch_add_u64(&series->value, n);
}

/*
 * Count for a pass, at a place that is looked up the first time.
 */
static void
add_to_pass(HitlSeries **series, uint64 n, const char *format, ...)
{
	if (*series == NULL)
	{
		char name[HITL_SERIES_NAME];
		va_list args;

		va_start(args, format);
		vsnprintf(name, sizeof(name), format, args);
		va_end(args);
		*series = take_series(name);
	}
	if (*series != NULL)
		(void) pg_atomic_fetch_add_u64(&(*series)->value, n);
}

/*
 * The place of a counter, which is its own from then on; NULL when there are too
 * many different ones.
 */
static HitlSeries *
take_series(const char *name)
{
	HitlSeries *series;

	LWLockAcquire(hitl_shared->lock, LW_SHARED);
	series = find_series(name);
	LWLockRelease(hitl_shared->lock);
	if (series == NULL || series->dbid == InvalidOid)
	{
		LWLockAcquire(hitl_shared->lock, LW_EXCLUSIVE);
		series = find_series(name);
		if (series != NULL && series->dbid == InvalidOid)
		{
			strlcpy(series->name, name, HITL_SERIES_NAME);
			pg_atomic_write_u64(&series->value, 0);
			series->dbid = MyDatabaseId;
		}
		LWLockRelease(hitl_shared->lock);
	}
	return series;
}

/*
 * The place of a counter, or a free one for it; NULL if there is none.  The
 * caller holds the lock.
 */
static HitlSeries *
find_series(const char *name)
{
	uint32 hash = hash_bytes((const unsigned char *) name, strlen(name)) ^
		MyDatabaseId;
	HitlSeries *room = NULL;

	for (int i = 0; i < HITL_SERIES; i++)
	{
		HitlSeries *series = &hitl_shared->series[(hash + i) % HITL_SERIES];

		if (series->dbid == MyDatabaseId &&
			strncmp(series->name, name, HITL_SERIES_NAME - 1) == 0)
			return series;
		if (series->dbid == InvalidOid && room == NULL)
			room = series;
		if (series->dbid == InvalidOid && series->name[0] == '\0')
			break; /* never taken: it does not lie beyond */
	}
	return room;
}

/* ---- what is counted -------------------------------------------------- */

/*
 * An approval request that is new, or was decided.
 */
static void
count_approval(TriggerData *trigger, HeapTuple row)
{
	TupleDesc desc = RelationGetDescr(trigger->tg_relation);
	char *status = column(trigger, row, "status");
	bool isnull;
	bool undecided;
	TimestampTz requested;
	TimestampTz decided;
	uint64 waited;

	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		count("hitl_approvals_requested_total", 1);
	if (strcmp(status, "pending") == 0 ||
		(TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) &&
		 strcmp(column(trigger, trigger->tg_trigtuple, "status"), "pending") !=
			 0))
		return;
	count(psprintf("hitl_approvals_decided_total{outcome=\"%s\"}", status), 1);

	requested = DatumGetTimestampTz(
		SPI_getbinval(row, desc, SPI_fnumber(desc, "requested_at"), &isnull));
	decided = DatumGetTimestampTz(
		SPI_getbinval(row, desc, SPI_fnumber(desc, "decided_at"), &undecided));
	if (isnull || undecided || decided < requested)
		return;
	waited = (decided - requested) / 1000;
	for (int i = 0; i < lengthof(waiting_buckets); i++)
		if (waited <= waiting_buckets[i].seconds * 1000)
			count(waiting_buckets[i].name, 1);
	count("hitl_approval_waiting_seconds_bucket{le=\"+Inf\"}", 1);
	count("hitl_approval_waiting_seconds_count", 1);
	count("hitl_approval_waiting_seconds_sum", waited); /* ms */
}

/*
 * Has a request of the outbox ended by this change?
 */
static bool
has_ended(TriggerData *trigger, HeapTuple row)
{
	char *status = column(trigger, row, "status");

	return (strcmp(status, "delivered") == 0 ||
			strcmp(status, "failed") == 0) &&
		strcmp(status, column(trigger, trigger->tg_trigtuple, "status")) != 0;
}

/*
 * A request of the outbox that has ended.
 */
static void
count_request(TriggerData *trigger, HeapTuple row)
{
	char *status = column(trigger, row, "status");
	char *purpose = column(trigger, row, "purpose");

	if (strcmp(purpose, "notification") == 0)
		count(psprintf("hitl_deliveries_total{channel=\"%s\",result=\"%s\"}",
					   label(column(trigger, row, "channel")), status),
			  1);
	else if (strcmp(purpose, "inference") == 0)
	{
		char *model = label(column(trigger, row, "model"));

		count(psprintf("hitl_inference_calls_total{model=\"%s\",result=\"%s\"}",
					   model, status),
			  1);
		count(
			psprintf(
				"hitl_inference_tokens_total{model=\"%s\",direction=\"input\"}",
				model),
			whole(column(trigger, row, "input_tokens"), 1));
		count(
			psprintf(
				"hitl_inference_tokens_total{model=\"%s\",direction=\"output\"}",
				model),
			whole(column(trigger, row, "output_tokens"), 1));
		count(psprintf("hitl_inference_cost_total{model=\"%s\"}", model),
			  whole(column(trigger, row, "cost"), COST_UNIT));
	}
	else
		count(psprintf("hitl_http_requests_total{result=\"%s\"}", status), 1);
}

/*
 * A column as text; "" for NULL.
 */
static char *
column(TriggerData *trigger, HeapTuple row, const char *name)
{
	TupleDesc desc = RelationGetDescr(trigger->tg_relation);
	char *value = SPI_getvalue(row, desc, SPI_fnumber(desc, name));

	return value ? value : "";
}

/*
 * A name as the value of a label: some of a long one.
 */
static char *
label(const char *value)
{
	StringInfoData escaped;
	int length = pg_mbcliplen(value, strlen(value), 48);

	initStringInfo(&escaped);
	for (int i = 0; i < length; i++)
	{
		if (value[i] == '"' || value[i] == '\\')
			appendStringInfoChar(&escaped, '\\');
		appendStringInfoChar(&escaped,
							 (unsigned char) value[i] < 0x20 ? ' ' : value[i]);
	}
	return escaped.data;
}

/*
 * A number in units, whole.
 */
static uint64
whole(const char *number, int unit)
{
	double value = strtod(number, NULL) * unit + 0.5;

	return value > 0 && value < 1e18 ? (uint64) value : 0;
}
