/*
 * due.c
 *		What happens to approval requests by time: expiry, escalation, the next
 *		stage of a policy, reminders.
 *
 * Requests to which nothing but expiry happens, which are most, expire in one
 * statement.  The policies of the others are evaluated one by one.
 */
#include "postgres.h"

#include "approval/approval.h"
#include "approval/principal.h"
#include "catalog/pg_type.h"
#include "channel/channel.h"
#include "db.h"
#include "hitl.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/timestamp.h"
#include "worker/news.h"
#include "worker/worker.h"
#include "workflow/data.h"
#include "workflow/identifier.h"

static int64 expire(TimestampTz now, int limit);
static void evaluate(HitlApproval *approval, TimestampTz now);
static void tell_happened(const HitlApproval *approval, const char *happened,
						  List *names);
static List *to_remind(HitlApproval *approval, TimestampTz now,
					   TimestampTz *again);

/*
 * Do what is due.
 */
int64
hitl_expire_due(int limit, bool *skipped)
{
	static HitlStatement any_due = {
		"SELECT 1 FROM hitl.approval_requests WHERE due_at <= $1 LIMIT 1",
		1,
		{TIMESTAMPTZOID},
	};
	TimestampTz now = GetCurrentTimestamp();
	Datum value = TimestampTzGetDatum(now);
	List *approvals;
	ListCell *cell;
	int64 count;

	/* Mostly none is; the statements below would wake the engine regardless. */
	hitl_execute(&any_due, &value, NULL, 1);
	if (SPI_processed == 0)
		return 0;
	count = expire(now, limit);
	approvals = hitl_lock_due_approvals(now, limit);
	foreach(cell, approvals)
		evaluate(lfirst(cell), now);
	count += list_length(approvals);
	if (count == 0)
		*skipped = true;
	return count;
}

/*
 * Let those expire to which nothing else happens by time.
 */
static int64
expire(TimestampTz now, int limit)
{
	static HitlStatement expire = {
		"WITH due AS (SELECT id, asked FROM hitl.approval_requests "
		"WHERE status = 'pending' AND due_at <= $2 AND NOT timed "
		"ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED), "
		"expired AS (UPDATE hitl.approval_requests a SET status = 'expired', "
		"decided_at = $2, reason = 'silence', asked = '{}', due_at = NULL, wanted = NULL, "
		"decision_hash = hitl.decision_hash(a.last_hash, 'expired', $2, NULL, 'silence') "
		"FROM due WHERE a.id = due.id "
		"RETURNING a.id, a.workflow_id, a.token, a.step_name, a.decision_hash, "
		"coalesce((SELECT w.priority "
		"FROM hitl.workflows w WHERE w.id = a.workflow_id), 0) AS priority), "
		"gone AS (DELETE FROM hitl.approval_asks k USING "
		"(SELECT d.id, unnest(d.asked) AS name FROM due d) AS g "
		"WHERE k.name = g.name AND k.approval_id = g.id), "
		"told AS (INSERT INTO hitl.messages (due_at, workflow_id, kind, body) "
		"SELECT clock_timestamp() - priority * " HITL_HEAD_START
		", workflow_id, 'approval', "
		"jsonb_strip_nulls(jsonb_build_object("
		"'approval_id', id, 'token', token, 'step_name', step_name, 'outcome', 'expired', "
		"'decision_hash', encode(decision_hash, 'hex'))) "
		"FROM expired WHERE workflow_id IS NOT NULL) "
		"SELECT id, workflow_id, priority FROM expired",
		2,
		{INT4OID, TIMESTAMPTZOID},
	};
	static HitlStatement any_free = {
		"SELECT 1 FROM hitl.approval_requests "
		"WHERE status = 'pending' AND due_at <= $1 AND NOT timed "
		"ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED",
		1,
		{TIMESTAMPTZOID},
	};
	Datum values[2];
	int64 count;
	int64 i;
	bool isnull;

	values[0] = TimestampTzGetDatum(now);
	hitl_execute(&any_free, values, NULL, 1);
	if (SPI_processed == 0)
		return 0;
	values[0] = Int32GetDatum(limit);
	values[1] = TimestampTzGetDatum(now);
	hitl_execute(&expire, values, NULL, 0);
	count = SPI_processed;
	for (i = 0; i < count; i++)
		if (DatumGetInt32(hitl_column(i, 3, &isnull)) > 0)
			hitl_look_back_at_commit();
	hitl_announce_decided("approval.expired");
	return count;
}

/*
 * Evaluate a policy, since its time has come.
 */
static void
evaluate(HitlApproval *approval, TimestampTz now)
{
	int escalations = approval->escalations;
	HitlVerdict verdict = {0};

	hitl_evaluate(approval, now, &verdict);
	if (verdict.outcome == HITL_OUTCOME_PENDING && verdict.remind)
	{
		TimestampTz again = 0;
		List *names = to_remind(approval, now, &again);

		if (names != NIL)
		{
			approval->reminders++;
			approval->reminded_at = now;
			tell_happened(approval, "reminded", names);
		}
		else if (again != 0)
		{
			/* All have just been reminded of others: then, not as often as one could. */
			int64 later = hitl_to_unix(again);
			int reminders = approval->reminders;

			approval->reminders = INT_MAX;
			hitl_evaluate(approval, now, &verdict);
			approval->reminders = reminders;
			if (verdict.next_us == 0 || later < verdict.next_us)
				verdict.next_us = later;
		}
	}
	hitl_record_verdict(approval, &verdict, now);
	if (verdict.outcome == HITL_OUTCOME_PENDING &&
		verdict.escalations > escalations)
		tell_happened(approval, "escalated", hitl_asked_list(&verdict));
}

/*
 * Tell workflow and channels of what is no decision.
 */
static void
tell_happened(const HitlApproval *approval, const char *happened, List *names)
{
	hitl_notify_about(&approval->id,
					  strcmp(happened, "reminded") == 0
						  ? "approval.reminder"
						  : psprintf("approval.%s", happened));
	if (hitl_logs(HITL_LOG_APPROVALS))
		hitl_log_at_commit(
			hitl_log_approval(psprintf("approval_%s", happened), &approval->id,
							  approval->has_workflow ? &approval->workflow_id
													 : NULL,
							  approval->step));
	if (approval->has_workflow)
	{
		StringInfoData body;

		initStringInfo(&body);
		appendStringInfo(
			&body,
			"{\"approval_id\": \"%s\", \"happened\": \"%s\", \"asked\": ",
			hitl_id_text(&approval->id), happened);
		hitl_append_names(&body, names);
		if (approval->step)
		{
			appendStringInfoString(&body, ", \"step_name\": ");
			escape_json(&body, approval->step);
		}
		appendStringInfoChar(&body, '}');
		hitl_tell_workflow(&approval->workflow_id, "approval",
						   hitl_jsonb_parse(body.data));
	}
	else
		hitl_publish_at_commit(&approval->id,
							   psprintf("approval_%s", happened));
}

/*
 * Who is asked, has not answered, and was not reminded of anything within
 * hitl.reminder_interval; notes that they are reminded now.  again: when the
 * first of those who were can be.
 */
static List *
to_remind(HitlApproval *approval, TimestampTz now, TimestampTz *again)
{
	static HitlStatement take = {
		"INSERT INTO hitl.approval_reminders AS r (name, reminded_at) "
		"SELECT n.name, $2 FROM unnest($1) AS n (name) ORDER BY n.name "
		"ON CONFLICT (name) DO UPDATE SET reminded_at = excluded.reminded_at "
		"WHERE r.reminded_at <= $2 - make_interval(secs => $3) RETURNING name",
		3,
		{TEXTARRAYOID, TIMESTAMPTZOID, INT4OID},
	};
	static HitlStatement first = {
		"SELECT min(r.reminded_at) + make_interval(secs => $2) "
		"FROM hitl.approval_reminders r WHERE r.name = ANY ($1)",
		2,
		{TEXTARRAYOID, INT4OID},
	};
	List *asked = NIL;
	List *names = NIL;
	Datum values[3];
	ListCell *cell;
	uint64 i;
	bool isnull;

	hitl_load_votes(approval);
	foreach(cell, approval->asked)
		if (!hitl_list_has(approval->answered, lfirst(cell)))
			asked = lappend(asked, lfirst(cell));
	if (asked == NIL)
		return NIL;
	values[0] = PointerGetDatum(hitl_list_array(asked));
	values[1] = TimestampTzGetDatum(now);
	values[2] = Int32GetDatum(hitl_reminder_interval);
	hitl_execute(&take, values, NULL, 0);
	for (i = 0; i < SPI_processed; i++)
		names = lappend(names, hitl_column_text(i, 1));
	if (names == NIL)
	{
		values[1] = Int32GetDatum(hitl_reminder_interval);
		hitl_execute(&first, values, NULL, 1);
		*again = DatumGetTimestampTz(hitl_column(0, 1, &isnull));
	}
	return names;
}
