/*
 * await.c
 *		Waiting in a session, without a snapshot and without polling.
 *
 * The procedures commit before they sleep, so a session that waits for days
 * holds back nothing.  Whoever ends a workflow or decides a request announces
 * it at commit (worker/wake.c).
 */
#include "postgres.h"

#include "access/xlog.h"
#include "approval/approval.h"
#include "catalog/pg_authid.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "hitl.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "worker/worker.h"
#include "workflow/batch.h"
#include "workflow/identifier.h"

/* The longest sleep in one piece, in ms. */
#define MAX_SLEEP (24L * 3600 * 1000)

/*
 * Qualified throughout: it runs under the caller's search_path.  A workflow
 * whose last question has been answered waits no more, though the engine may
 * not have got to it; nor does a request that can only expire.
 */
static const char *const workflow_status =
	"SELECT CASE WHEN status OPERATOR(pg_catalog.=) 'waiting_approval' "
	"AND definition_hash IS NOT NULL AND NOT EXISTS (SELECT FROM hitl.approval_requests a "
	"WHERE a.workflow_id OPERATOR(pg_catalog.=) w.id "
	"AND a.status OPERATOR(pg_catalog.=) 'pending') "
	"THEN 'running' ELSE status END "
	"FROM hitl.workflows w WHERE id OPERATOR(pg_catalog.=) $1";
static const char *const approval_status =
	"SELECT CASE WHEN status OPERATOR(pg_catalog.=) 'pending' "
	"AND NOT timed AND due_at OPERATOR(pg_catalog.<=) pg_catalog.clock_timestamp() "
	"THEN 'expired' ELSE status END FROM hitl.approval_requests "
	"WHERE id OPERATOR(pg_catalog.=) $1";

static char *await(FunctionCallInfo fcinfo, const char *query,
				   bool (*ended)(const char *), const char *wanted);
static char *look_up(const char *query, const pg_uuid_t *id);
static bool workflow_ended(const char *status);
static bool approval_ended(const char *status);
static Datum one_column(char *status);

PG_FUNCTION_INFO_V1(hitl_await_workflow);
PG_FUNCTION_INFO_V1(hitl_await_approval);

/*
 * CALL hitl.await_workflow(workflow_id, timeout, INOUT status): a status given
 * is waited for too.
 */
Datum
hitl_await_workflow(PG_FUNCTION_ARGS)
{
	char *wanted = PG_ARGISNULL(2) ? NULL
								   : text_to_cstring(PG_GETARG_TEXT_PP(2));
	char *status;

	if (wanted && !hitl_is_status(wanted))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown workflow status \"%s\"", wanted)));
	status = await(fcinfo, workflow_status, workflow_ended, wanted);
	if (status == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_HITL_WORKFLOW_NOT_FOUND),
				 errmsg("workflow %s does not exist", hitl_id_text(PG_GETARG_UUID_P(0))),
				 errhint("hitl.create_workflow returns the id of a workflow.")));
	return one_column(status);
}

/*
 * CALL hitl.await_approval(approval_id, timeout, INOUT status)
 */
Datum
hitl_await_approval(PG_FUNCTION_ARGS)
{
	char *status = await(fcinfo, approval_status, approval_ended, NULL);

	if (status == NULL)
		hitl_approval_missing(PG_GETARG_UUID_P(0));
	return one_column(status);
}

/*
 * Wait until the status is the wanted one or one that ends any wait, or the
 * time is over; the status, or NULL if there is no such row.
 */
static char *
await(FunctionCallInfo fcinfo, const char *query, bool (*ended)(const char *),
	  const char *wanted)
{
	TimestampTz deadline = DT_NOEND;
	pg_uuid_t id;
	char *status;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the id to wait for must not be null")));
	if (!fcinfo->context || !IsA(fcinfo->context, CallContext) ||
		castNode(CallContext, fcinfo->context)->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("waiting is not possible inside a transaction block"),
				 errdetail("The transaction could not see what it waits for."),
				 errhint("Commit first, and CALL the procedure by itself.")));
	id = *PG_GETARG_UUID_P(0);
	if (!PG_ARGISNULL(1))
		deadline = DatumGetTimestampTz(
			DirectFunctionCall2(timestamptz_pl_interval,
								TimestampTzGetDatum(GetCurrentTimestamp()),
								PG_GETARG_DATUM(1)));

	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect_ext failed");

	/*
	 * CALL came with a snapshot.  What was announced since it was taken would
	 * neither be seen in it nor announced again.
	 */
	SPI_commit();
	for (;;)
	{
		long sleep = -1;

		hitl_prepare_wait(&id);
		status = look_up(query, &id);
		if (status == NULL || ended(status) ||
			(wanted && strcmp(status, wanted) == 0))
			break;
		if (deadline != DT_NOEND)
		{
			sleep = TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
													deadline);
			if (sleep <= 0)
				break;
			sleep = Min(sleep, MAX_SLEEP);
		}
		if (RecoveryInProgress())
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("waiting is not possible during recovery"),
					 errdetail("What happens on the primary wakes nobody on a standby."),
					 errhint("Wait on the primary, or ask for the status now and then.")));
		SPI_commit();
		(void) hitl_wait_for_announcement(&id, sleep);
	}
	hitl_end_wait();
	if (status)
		status = MemoryContextStrdup(fcinfo->flinfo->fn_mcxt, status);
	SPI_finish();
	return status;
}

/*
 * The status now, read as the owner of the tables; NULL if there is no row.
 */
static char *
look_up(const char *query, const pg_uuid_t *id)
{
	Oid types[1] = {UUIDOID};
	Datum values[1];
	Oid user;
	int context;
	char *status = NULL;

	values[0] = UUIDPGetDatum(id);
	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID,
						   context | SECURITY_LOCAL_USERID_CHANGE);
	if (SPI_execute_with_args(query, 1, types, values, NULL, true, 1) !=
		SPI_OK_SELECT)
		elog(ERROR, "could not read the status");
	if (SPI_processed > 0)
		status = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	SPI_freetuptable(SPI_tuptable);
	SetUserIdAndSecContext(user, context);
	return status;
}

static bool
workflow_ended(const char *status)
{
	return hitl_status_is_final(status) || strcmp(status, "rolled_back") == 0;
}

static bool
approval_ended(const char *status)
{
	return strcmp(status, "pending") != 0;
}

/*
 * The record of output parameters that CALL expects.
 */
static Datum
one_column(char *status)
{
	TupleDesc descriptor = CreateTemplateTupleDesc(1);
	Datum value = CStringGetTextDatum(status);
	bool isnull = false;

	TupleDescInitEntry(descriptor, 1, "status", TEXTOID, -1, 0);
	return HeapTupleGetDatum(
		heap_form_tuple(BlessTupleDesc(descriptor), &value, &isnull));
}
