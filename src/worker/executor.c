/*
 * executor.c
 *		The executor: runs the statements of sql steps, each as the owner of its
 *		workflow, and the code of agents, as their roles, in one transaction with
 *		the delivery of the result.
 *
 * A statement is claimed, which is committed, so that one that takes the server
 * or the worker down with it is counted, and given up in the end.  Then, in a
 * transaction of its own: its row is locked; it runs in a subtransaction
 * (sandbox.c), without the row of its workflow being locked; the result or the
 * error is delivered to the workflow; its row is deleted, and the next statement
 * claimed.  So the statement has had its effect once if its step has completed,
 * and none if not.
 *
 * If nobody awaits the result any more, the whole transaction is rolled back.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_database.h"
#include "catalog/pg_type.h"
#include "db.h"
#include "hitl.h"
#include "log.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "agent/sandbox_role.h"
#include "worker/executor.h"
#include "worker/shared.h"
#include "worker/worker.h"
#include "workflow/batch.h"

/* A claim that is not followed by anything lapses after this (s). */
#define LEASE_SECONDS 30

/* A statement that was begun so often without an end is given up. */
#define MAX_CLAIMS 3

/* Under load, look for what the claim position has passed this often (ms). */
#define SWEEP_INTERVAL 1000

/* After an error that is not the statement's, it is tried again after (s). */
#define PUT_OFF_SECONDS			1
#define PUT_OFF_MISSING_SECONDS 60

/* Limits for the code of an agent that has none itself. */
#define CODE_ROWS  100
#define CODE_BYTES (64 * 1024)

/* The statement that is this worker's turn; it outlives a transaction. */
typedef struct Claim
{
	bool held;
	pg_uuid_t workflow_id;
	int64 token;
	int claims;		  /* this one included */
	bool unheard;	  /* nobody cared for its result */
	bool interrupted; /* somebody withdrew it while it ran */
} Claim;

static Claim claim;

/* The statement itself has caused others to be queued. */
static bool others_queued;

/* Where the last claim was found in the queue. */
static TimestampTz claim_position = DT_NOBEGIN;
static TimestampTz next_sweep = 0;

static void executor_start(void);
static long executor_pass(void);
static bool executor_failed(const ErrorData *error);
static bool is_passing(int sqlerrcode);
static bool lock_claimed(char **owner, Jsonb **body);
static bool is_awaited(void);
static bool deliver(HitlBatch *batch, Jsonb *reply);
static void log_reply(Jsonb *reply, TimestampTz begun);
static HitlLine *begin_line(const char *event);
static long finish(HitlBatch *batch);
static void abandon(MemoryContext context);
static Jsonb *run(const char *owner, Jsonb *body);
static Jsonb *find_role(const char *name, const char *who, Oid *role);
static Jsonb *run_statement(Oid role, Jsonb *body);
static Jsonb *run_code(Jsonb *body, Jsonb *sandbox);
static Jsonb *run_in(const HitlSession *session, Jsonb *body,
					 HitlUserStatement *statement);
static int limit_of(Jsonb *body, Jsonb *sandbox);
static Jsonb *failure(const char *kind, int sqlerrcode, const char *message,
					  const char *detail, const char *hint);
static bool claim_next(Claim *next);
static bool claim_from(TimestampTz position, Claim *next);
static void drop_claimed(void);
static void put_off(int seconds);
static void give_up(const ErrorData *error);
static long sleep_time(void);

const HitlWorkerRole hitl_executor_role = {
	.kind = HITL_WORKER_EXECUTOR,
	.start = executor_start,
	.pass = executor_pass,
	.failed = executor_failed,
};

/*
 * Once, connected.  What a predecessor has left is free at once.
 */
static void
executor_start(void)
{
	static HitlStatement release = {
		"UPDATE hitl.statements SET claimed_until = NULL WHERE claimed_by = $1",
		1,
		{INT4OID},
	};
	Datum value = Int32GetDatum(hitl_my_slot->number);

	hitl_sandbox_init();

	/* Much may be lost when the lock of a workflow is not waited for. */
	SetConfigOption("lock_timeout", "10s", PGC_SUSET, PGC_S_OVERRIDE);

	hitl_begin_work("taking over");
	hitl_execute(&release, &value, NULL, 0);
	hitl_end_work();
}

/*
 * One pass: the statement that was claimed, or else a claim.
 */
static long
executor_pass(void)
{
	MemoryContext context = CurrentMemoryContext;
	HitlBatch *batch = NULL;
	char *owner;
	Jsonb *body;
	Jsonb *reply;
	TimestampTz begun;
	long sleep;

	hitl_begin_work("claiming a statement");
	if (!claim.held || !lock_claimed(&owner, &body))
		return finish(NULL); /* it is gone; or it was put off */

	if ((claim.unheard || claim.interrupted || claim.claims > 1) &&
		!is_awaited())
	{
		drop_claimed();
		return finish(NULL);
	}
	begun = GetCurrentTimestamp();
	if (claim.unheard)
		reply = failure(
			"validation_error", 0,
			"the statement has changed its own workflow, so that nobody awaited its result",
			NULL, NULL);
	else if (claim.claims > MAX_CLAIMS)
		reply = failure(
			"system_error", 0,
			psprintf(
				"the statement was begun %d times and never ended: each time the server or the worker ended with it",
				MAX_CLAIMS),
			NULL, NULL);
	else
		reply = run(owner, body);
	if (hitl_logs(HITL_LOG_STATEMENTS | HITL_LOG_FAILURES))
		log_reply(reply, begun);

	if (!claim.interrupted)
	{
		enable_timeout_after(STATEMENT_TIMEOUT, hitl_batch_timeout);
		batch = hitl_batch_create();
		claim.unheard = !deliver(batch, reply);
	}
	if (claim.interrupted || claim.unheard)
	{
		abandon(context);
		return 0;
	}
	drop_claimed();
	sleep = finish(batch);
	hitl_count_handled(1);
	return sleep;
}

/*
 * After an error outside the statement itself.  True if the next pass need not
 * wait.
 */
static bool
executor_failed(const ErrorData *error)
{
	int code = error->sqlerrcode;
	bool gave_up = false;

	disable_timeout(STATEMENT_TIMEOUT, false);
	hitl_leave_sandbox();
	claim_position = DT_NOBEGIN;
	if (!claim.held)
		return false;

	hitl_begin_work("after an error");
	if (hitl_end_statement())
		put_off(0);
	else if (code == ERRCODE_UNDEFINED_OBJECT ||
			 code == ERRCODE_HITL_WORKFLOW_NOT_FOUND)
		put_off(PUT_OFF_MISSING_SECONDS); /* a restore has not come to it yet */
	else if (is_passing(code))
		put_off(PUT_OFF_SECONDS);
	else
	{
		gave_up = true;
		give_up(error);
	}
	if (hitl_logs(gave_up ? HITL_LOG_STATEMENTS | HITL_LOG_FAILURES
						  : HITL_LOG_STATEMENTS))
	{
		HitlLine *line = begin_line(gave_up ? "statement_failed"
											: "statement_put_off");

		if (gave_up)
			hitl_log_text(line, "kind", "system_error");
		hitl_log_text(line, "sqlstate", unpack_sql_state(code));
		hitl_log_at_commit(line);
	}
	hitl_end_work();
	claim.held = false;
	return true;
}

/*
 * Errors that say nothing about the statement or its workflow.
 */
static bool
is_passing(int sqlerrcode)
{
	switch (ERRCODE_TO_CATEGORY(sqlerrcode))
	{
		case ERRCODE_TRANSACTION_ROLLBACK:	 /* 40: deadlock, serialization */
		case ERRCODE_INSUFFICIENT_RESOURCES: /* 53: disk full, out of memory */
		case ERRCODE_INVALID_TRANSACTION_STATE:				/* 25: read-only */
		case ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION: /* 42: no such table,
															 * no privilege */
		case MAKE_SQLSTATE('5', '8', '0', '0', '0'):		/* 58: I/O */
			return true;
		case ERRCODE_OPERATOR_INTERVENTION: /* 57: shutdown */
			return sqlerrcode != ERRCODE_QUERY_CANCELED;
		default:
			return sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE;
	}
}

/* ---- one statement --------------------------------------------------- */

/*
 * Lock the row of the claimed statement.  Nobody else can run it while it is
 * locked, even if the claim lapses.
 */
static bool
lock_claimed(char **owner, Jsonb **body)
{
	static HitlStatement lock = {
		"SELECT owner, body FROM hitl.statements "
		"WHERE workflow_id = $1 AND token = $2 AND claims = $3 FOR UPDATE",
		3,
		{UUIDOID, INT8OID, INT4OID},
	};
	Datum values[3];
	bool isnull;

	values[0] = UUIDPGetDatum(&claim.workflow_id);
	values[1] = Int64GetDatum(claim.token);
	values[2] = Int32GetDatum(claim.claims);
	hitl_execute(&lock, values, NULL, 0);
	if (SPI_processed == 0)
		return false;
	*owner = hitl_column_text(0, 1);
	*body = DatumGetJsonbP(hitl_column(0, 2, &isnull));
	return true;
}

/*
 * Does the control state of the workflow, or of the branch that the token tells,
 * await the result?
 */
static bool
is_awaited(void)
{
	static HitlStatement find = {
		"SELECT FROM hitl.workflows w LEFT JOIN hitl.workflow_branches b "
		"ON b.workflow_id = w.id AND b.branch = $3 AND $3 <> 0 "
		"WHERE w.id = $1 "
		"AND w.status NOT IN ('completed', 'failed', 'rejected', 'cancelled', 'rolled_back') "
		"AND CASE WHEN $3 = 0 THEN w.control ELSE b.control END -> 'active' "
		"@> jsonb_build_array(jsonb_build_object('token', $2))",
		3,
		{UUIDOID, INT8OID, INT8OID},
	};
	Datum values[3];

	values[0] = UUIDPGetDatum(&claim.workflow_id);
	values[1] = Int64GetDatum(claim.token);
	values[2] = Int64GetDatum(HITL_TOKEN_BRANCH(claim.token));
	hitl_execute(&find, values, NULL, 0);
	return SPI_processed > 0;
}

/*
 * Tell the workflow.  False if it does not care.
 */
static bool
deliver(HitlBatch *batch, Jsonb *reply)
{
	HitlWorkflow *workflow;

	others_queued = hitl_will_wake(HITL_WORKER_EXECUTOR);
	batch->by_engine = true;
	workflow = hitl_load_workflow(batch, &claim.workflow_id);
	hitl_deliver(batch, workflow, "reply", reply);
	if (!workflow->changed)
		return false;
	hitl_batch_write(batch);
	return true;
}

/*
 * Have it logged how the claimed statement has ended, if that is committed.
 */
static void
log_reply(Jsonb *reply, TimestampTz begun)
{
	Jsonb *error = hitl_member(reply, "error");
	HitlLine *line;

	if (error == NULL && !hitl_logs(HITL_LOG_STATEMENTS))
		return;
	line = begin_line(error ? "statement_failed" : "statement_completed");
	if (error)
	{
		hitl_log_text(line, "kind", hitl_member_text(error, "kind"));
		hitl_log_text(line, "sqlstate", hitl_member_text(error, "sqlstate"));
	}
	hitl_log_since(line, begun, GetCurrentTimestamp());
	hitl_log_at_commit(line);
}

/*
 * Begin a line about the claimed statement.
 */
static HitlLine *
begin_line(const char *event)
{
	HitlLine *line = hitl_log_begin(event);

	hitl_log_id(line, "workflow_id", &claim.workflow_id);
	hitl_log_number(line, "attempt", claim.claims);
	return line;
}

/*
 * Claim the next statement and commit.
 */
static long
finish(HitlBatch *batch)
{
	Claim next = {0};
	bool alone = false;
	long sleep = 0;

	if (claim_next(&next))
	{
		/*
		 * The next step of the same workflow is ours already; and if it is the
		 * only one that has come, there is nothing to wake anybody for.
		 */
		alone = batch != NULL && batch->statements.count == 1 &&
			next.token == DatumGetInt64(batch->statements.values[1][0]) &&
			memcmp(&next.workflow_id, &claim.workflow_id, sizeof(pg_uuid_t)) ==
				0;
		if (alone && !others_queued)
			hitl_forget_wake(HITL_WORKER_EXECUTOR);
	}
	else
		sleep = sleep_time();
	disable_timeout(STATEMENT_TIMEOUT, false);
	hitl_end_work();
	claim = next;
	if (claim.held && !alone)
		(void) hitl_wake_idle(HITL_WORKER_EXECUTOR); /* there may be more */
	return sleep;
}

/*
 * Roll back all of this pass.
 */
static void
abandon(MemoryContext context)
{
	disable_timeout(STATEMENT_TIMEOUT, false);
	AbortOutOfAnyTransaction();
	MemoryContextSwitchTo(context);
	pgstat_report_activity(STATE_IDLE, NULL);
}

/* ---- running it ------------------------------------------------------ */

/*
 * Run the statement as the owner of its workflow, or the code of an agent as the
 * role of that, if they may still do it.  Returns the body of a reply message.
 */
static Jsonb *
run(const char *owner, Jsonb *body)
{
	Jsonb *sandbox = hitl_member(body, "sandbox");
	Oid role;
	Jsonb *fault = find_role(owner, "the owner of the workflow", &role);

	if (fault != NULL)
		return fault;
	if (sandbox == NULL || !JB_ROOT_IS_OBJECT(sandbox))
		return run_statement(role, body);
	return run_code(body, sandbox);
}

/*
 * A role that exists, and may use the database; or the body of a reply message.
 */
static Jsonb *
find_role(const char *name, const char *who, Oid *role)
{
	*role = get_role_oid(name, true);
	if (!OidIsValid(*role))
		return failure("permission_error", ERRCODE_UNDEFINED_OBJECT,
					   psprintf("role \"%s\", %s, does not exist", name, who),
					   NULL, NULL);
	if (object_aclcheck(DatabaseRelationId, MyDatabaseId, *role, ACL_CONNECT) !=
		ACLCHECK_OK)
		return failure(
			"permission_error", ERRCODE_INSUFFICIENT_PRIVILEGE,
			psprintf("role \"%s\", %s, may not connect to the database", name,
					 who),
			NULL, "GRANT CONNECT lets the role use the database.");
	return NULL;
}

/*
 * Run the statement of an sql step.
 */
static Jsonb *
run_statement(Oid role, Jsonb *body)
{
	HitlSession session = {.role = role, .limit_ms = limit_of(body, NULL)};
	HitlUserStatement statement = {0};

	statement.row_limit = hitl_member_int(body, "rows", 0);
	statement.size_limit = (Size) hitl_max_response_size * 1024;
	return run_in(&session, body, &statement);
}

/*
 * Run the code of an agent.
 */
static Jsonb *
run_code(Jsonb *body, Jsonb *sandbox)
{
	const char *name = hitl_member_text(sandbox, "role");
	const char *read_only = hitl_member_text(sandbox, "read_only");
	HitlSession session = {.limit_ms = limit_of(body, sandbox), .code = true};
	HitlUserStatement statement = {0};
	HitlRoleFault role_fault;
	Jsonb *fault;
	int64 size;

	if (name == NULL)
		return failure(
			"permission_error", ERRCODE_INVALID_ROLE_SPECIFICATION,
			"the agent has no role to run its code as", NULL,
			"Create one with NOLOGIN, grant it what the agent needs, and name it in the agent.");
	fault = find_role(name, "that of the agent", &session.role);
	if (fault != NULL)
		return fault;
	if (!hitl_is_sandbox_role(session.role, &role_fault))
		return failure("permission_error", ERRCODE_INVALID_ROLE_SPECIFICATION,
					   role_fault.message, role_fault.detail, role_fault.hint);

	/* Whatever is not said is not granted. */
	session.read_only = read_only == NULL || strcmp(read_only, "false") != 0;
	statement.read_only = session.read_only;
	statement.row_limit = hitl_member_int(sandbox, "rows", 0);
	if (statement.row_limit <= 0)
		statement.row_limit = CODE_ROWS;
	size = hitl_member_int(sandbox, "bytes", 0);
	statement.size_limit = Min(size > 0 ? size : CODE_BYTES,
							   (int64) hitl_max_response_size * 1024);
	return run_in(&session, body, &statement);
}

/*
 * Run it in a session.
 */
static Jsonb *
run_in(const HitlSession *session, Jsonb *body, HitlUserStatement *statement)
{
	ErrorData *error;
	bool late;

	statement->sql = hitl_member_text(body, "sql");
	if (statement->sql == NULL)
		return failure("system_error", 0, "the request has no member \"sql\"",
					   NULL, NULL);
	statement->params = hitl_member(body, "params");
	statement->token = claim.token;

	pgstat_report_activity(STATE_RUNNING, statement->sql);
	hitl_begin_statement(&claim.workflow_id, claim.token);
	error = hitl_run_as(session,
						session->code ? hitl_run_code : hitl_run_statement,
						statement, &late);
	claim.interrupted = hitl_end_statement();
	QueryCancelPending = false;
	pgstat_report_activity(STATE_RUNNING,
						   "recording the result of a statement");

	if (error == NULL)
		return statement->reply;
	if (late)
		return failure("timeout", ERRCODE_QUERY_CANCELED,
					   session->code
						   ? psprintf("the code took longer than %d ms",
									  session->limit_ms)
						   : "the statement took longer than its time limit",
					   NULL, NULL);
	return hitl_statement_error(statement, error, session->code);
}

/*
 * How long it may take, in ms.
 */
static int
limit_of(Jsonb *body, Jsonb *sandbox)
{
	int64 limit = hitl_member_int(body, "timeout_ms", 0);
	int64 other = sandbox ? hitl_member_int(sandbox, "timeout_ms", 0) : 0;

	if (limit <= 0)
		limit = other;
	else if (other > 0)
		limit = Min(limit, other);
	return limit > 0 ? (int) Min(limit, INT_MAX) : hitl_sql_timeout;
}

/*
 * The body of a reply message that tells of a failure; sqlerrcode 0: none.
 */
static Jsonb *
failure(const char *kind, int sqlerrcode, const char *message,
		const char *detail, const char *hint)
{
	return hitl_failed_statement(claim.token, kind,
								 sqlerrcode ? unpack_sql_state(sqlerrcode)
											: NULL,
								 message, detail, hint);
}

/* ---- the queue ------------------------------------------------------- */

/*
 * Claim the first statement that is due: from where the last one was found, for
 * what lies before it is gone, and once a second from the beginning (see
 * engine.c).
 */
static bool
claim_next(Claim *next)
{
	TimestampTz now = GetCurrentTimestamp();

	if (now >= next_sweep)
	{
		claim_position = DT_NOBEGIN;
		next_sweep = now + SWEEP_INTERVAL * (int64) 1000;
	}
	if (claim_from(claim_position, next))
		return true;
	if (claim_position == DT_NOBEGIN)
		return false;
	return claim_from(DT_NOBEGIN, next);
}

/*
 * Claim the first statement from a position of the queue.
 */
static bool
claim_from(TimestampTz position, Claim *next)
{
	static HitlStatement take = {
		"UPDATE hitl.statements SET claims = claims + 1, claimed_by = $2, "
		"claimed_until = clock_timestamp() + make_interval(secs => $3) "
		"WHERE ctid = (SELECT ctid FROM hitl.statements WHERE rank >= $1 "
		"AND (claimed_until IS NULL OR claimed_until <= clock_timestamp()) "
		"ORDER BY rank LIMIT 1 FOR UPDATE SKIP LOCKED) "
		"RETURNING workflow_id, token, claims, rank",
		3,
		{TIMESTAMPTZOID, INT4OID, FLOAT8OID},
	};
	Datum values[3];
	bool isnull;

	values[0] = TimestampTzGetDatum(position);
	values[1] = Int32GetDatum(hitl_my_slot->number);
	values[2] = Float8GetDatum(LEASE_SECONDS);
	hitl_execute(&take, values, NULL, 0);
	if (SPI_processed == 0)
		return false;
	next->held = true;
	next->workflow_id = *DatumGetUUIDP(hitl_column(0, 1, &isnull));
	next->token = DatumGetInt64(hitl_column(0, 2, &isnull));
	next->claims = DatumGetInt32(hitl_column(0, 3, &isnull));
	claim_position = DatumGetTimestampTz(hitl_column(0, 4, &isnull));
	return true;
}

/*
 * The claimed statement is done with.
 */
static void
drop_claimed(void)
{
	static HitlStatement drop = {
		"DELETE FROM hitl.statements WHERE workflow_id = $1 AND token = $2",
		2,
		{UUIDOID, INT8OID},
	};
	Datum values[2];

	values[0] = UUIDPGetDatum(&claim.workflow_id);
	values[1] = Int64GetDatum(claim.token);
	hitl_execute(&drop, values, NULL, 0);
}

/*
 * Leave the claimed statement for later.  It is not at fault, so this time does not
 * count.
 */
static void
put_off(int seconds)
{
	static HitlStatement postpone = {
		"UPDATE hitl.statements SET claims = claims - 1, "
		"claimed_until = clock_timestamp() + make_interval(secs => $4) "
		"WHERE workflow_id = $1 AND token = $2 AND claims = $3",
		4,
		{UUIDOID, INT8OID, INT4OID, FLOAT8OID},
	};
	Datum values[4];

	values[0] = UUIDPGetDatum(&claim.workflow_id);
	values[1] = Int64GetDatum(claim.token);
	values[2] = Int32GetDatum(claim.claims);
	values[3] = Float8GetDatum(seconds);
	hitl_execute(&postpone, values, NULL, 0);
}

/*
 * The result of the claimed statement cannot be recorded: leave its workflow a
 * message instead, and the engine decides what becomes of it.
 */
static void
give_up(const ErrorData *error)
{
	static HitlStatement leave = {
		"INSERT INTO hitl.messages (workflow_id, kind, body) "
		"SELECT workflow_id, 'reply', $3 FROM hitl.statements "
		"WHERE workflow_id = $1 AND token = $2",
		3,
		{UUIDOID, INT8OID, JSONBOID},
	};
	Datum values[3];

	values[0] = UUIDPGetDatum(&claim.workflow_id);
	values[1] = Int64GetDatum(claim.token);
	values[2] = JsonbPGetDatum(failure(
		"system_error", error->sqlerrcode,
		psprintf("the result of the statement could not be recorded: %s",
				 error->message ? error->message : "unknown error"),
		error->detail, NULL));
	hitl_execute(&leave, values, NULL, 0);
	drop_claimed();
}

/*
 * How long nothing can be claimed.  What is due but locked is being run; look again
 * in case its executor ends without an end of it.
 */
static long
sleep_time(void)
{
	static HitlStatement next = {
		"SELECT min(CASE WHEN claimed_until > clock_timestamp() THEN claimed_until "
		"ELSE clock_timestamp() + make_interval(secs => $1) END) FROM hitl.statements",
		1,
		{FLOAT8OID},
	};
	Datum value = Float8GetDatum(LEASE_SECONDS);
	Datum due;
	bool isnull;

	hitl_execute(&next, &value, NULL, 0);
	due = hitl_column(0, 1, &isnull);
	if (isnull)
		return HITL_SLEEP_FOREVER;
	return Max(1,
			   TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
											   DatumGetTimestampTz(due)));
}
