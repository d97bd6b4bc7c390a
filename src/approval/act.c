/*
 * act.c
 *		Recording what is done about a request, and what comes of it.
 *
 * One statement writes an act and its outcome: the row of the request is
 * locked, and every act updates it.  So a transaction that cannot see the act,
 * at an isolation level where it will not, fails to serialize instead of
 * counting without it.
 */
#include "postgres.h"

#include "approval/approval.h"
#include "approval/principal.h"
#include "catalog/pg_type.h"
#include "channel/channel.h"
#include "db.h"
#include "hitl.h"
#include "utils/builtins.h"
#include "worker/news.h"
#include "worker/worker.h"
#include "workflow/caller.h"
#include "workflow/data.h"
#include "workflow/evidence.h"
#include "workflow/identifier.h"

/* Parameters 1 to 18 of the statements that record an act. */
#define INSERT_ACT \
	"WITH act AS (INSERT INTO hitl.approval_responses (approval_id, number, round, " \
	"approver_id, on_behalf_of, names, decision, response_data, feedback, edits, " \
	"content_hash, channel, evidence, session_role, caller_role, responded_at, standing, hash) " \
	"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)) "
#define ACT_TYPES \
	UUIDOID, INT4OID, INT4OID, TEXTOID, TEXTARRAYOID, TEXTARRAYOID, TEXTOID, \
		JSONBOID, TEXTOID, JSONBOID, BYTEAOID, TEXTOID, JSONBOID, NAMEOID, \
		NAMEOID, TIMESTAMPTZOID, BOOLOID, BYTEAOID
#define ACT_PARAMS 18

/* Parameters 19 to 24 are what becomes of the request, if it stays pending. */
#define GO_ON \
	"UPDATE hitl.approval_requests a SET acts = $2, last_hash = $18, " \
	"policy_state = $19, asked = $20, due_at = $21, expires_at = $22, wanted = $23, " \
	"escalations = $24 WHERE a.id = $1"

/* Is there anything to notify? */
#define ANY_CHANNEL \
	"a.webhook IS NOT NULL OR EXISTS (SELECT FROM hitl.channel_configurations WHERE active)"

PG_FUNCTION_INFO_V1(hitl_decide_by_rule);

static void log_act(const HitlApproval *approval, const HitlAct *act);
static HitlLine *begin_line(const char *event, const HitlApproval *approval);
static void announce_decided(const HitlApproval *approval, const char *status);
static void fill_act(const HitlApproval *approval, const HitlAct *act,
					 Datum *values, char *nulls);
static bytea *hash_act(const HitlApproval *approval, const HitlAct *act,
					   const char *session_role, const char *caller_role);
static char *hex_text(const bytea *hash);
static bytea *hash_decision(const bytea *previous, const char *status,
							TimestampTz at, const char *by, const char *reason);
static void write_asks(const HitlApproval *approval, List *before);
static void compare_names(List *before, List *after, List **gone, List **added);
static int compare_cells(const ListCell *a, const ListCell *b);
static void take_verdict(HitlApproval *approval, const HitlVerdict *verdict);
static void wake_for_due(const HitlApproval *approval);
static void tell_workflow(const HitlApproval *approval, const HitlAct *act,
						  const char *outcome, const char *reason,
						  const char *decider, const char *decision_hash);
static void publish(const HitlApproval *approval, const HitlAct *act,
					const char *outcome);
static bool is_telling(const char *outcome, const char *reason);
static void append_member(StringInfo text, const char *key, const char *value);

/*
 * Record an act and what came of it.
 */
const char *
hitl_record_act(HitlApproval *approval, const HitlAct *act,
				const HitlVerdict *verdict)
{
	static HitlStatement decide = {
		INSERT_ACT
		", gone AS (DELETE FROM hitl.approval_asks "
		"WHERE approval_id = $1 AND name = ANY ($19)) "
		"UPDATE hitl.approval_requests a SET acts = $2, last_hash = $18, status = $20, "
		"decided_at = $16, decided_by = $21, reason = $22, policy_state = $24, "
		"asked = '{}', due_at = NULL, wanted = NULL, decision_hash = $23 "
		"WHERE a.id = $1 RETURNING " ANY_CHANNEL,
		ACT_PARAMS + 6,
		{ACT_TYPES, TEXTARRAYOID, TEXTOID, TEXTOID, TEXTOID, BYTEAOID, TEXTOID},
	};
	static HitlStatement go_on = {
		INSERT_ACT GO_ON,
		ACT_PARAMS + 6,
		{ACT_TYPES, TEXTOID, TEXTARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID,
		 TEXTOID, INT4OID},
	};
	static HitlStatement ask_fewer = {
		INSERT_ACT
		", gone AS (DELETE FROM hitl.approval_asks WHERE approval_id = $1 "
		"AND name = ANY ($25)) " GO_ON,
		ACT_PARAMS + 7,
		{ACT_TYPES, TEXTOID, TEXTARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID,
		 TEXTOID, INT4OID, TEXTARRAYOID},
	};
	static HitlStatement ask_others = {
		INSERT_ACT
		", gone AS (DELETE FROM hitl.approval_asks WHERE approval_id = $1 "
		"AND name = ANY ($25)), "
		"added AS (INSERT INTO hitl.approval_asks (name, approval_id) "
		"SELECT unnest($26), $1) " GO_ON,
		ACT_PARAMS + 8,
		{ACT_TYPES, TEXTOID, TEXTARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID,
		 TEXTOID, INT4OID, TEXTARRAYOID, TEXTARRAYOID},
	};
	HitlOutcome outcome = verdict ? verdict->outcome : HITL_OUTCOME_PENDING;
	const char *status = hitl_outcome_name(outcome);
	Datum values[ACT_PARAMS + 8];
	char nulls[ACT_PARAMS + 9];
	List *before = approval->asked;
	char *decision_hash = NULL;

	approval->acts++;
	if (hitl_logs(HITL_LOG_APPROVALS))
		log_act(approval, act);
	fill_act(approval, act, values, nulls);
	if (outcome != HITL_OUTCOME_PENDING)
	{
		const char *by = verdict->decider;

		values[18] = PointerGetDatum(hitl_list_array(before));
		values[19] = CStringGetTextDatum(status);
		values[20] = by ? CStringGetTextDatum(by) : 0;
		values[21] = CStringGetTextDatum(verdict->reason);
		values[22] = PointerGetDatum(hash_decision(DatumGetByteaPP(values[17]),
												   status, act->at, by,
												   verdict->reason));
		values[23] = verdict->state ? CStringGetTextDatum(verdict->state) : 0;
		memcpy(nulls + ACT_PARAMS, "      ", 7);
		if (by == NULL)
			nulls[20] = 'n';
		if (verdict->state == NULL)
			nulls[23] = 'n';
		hitl_execute(&decide, values, nulls, 0);
		decision_hash = hex_text(DatumGetByteaPP(values[22]));
		announce_decided(approval, status);
	}
	else
	{
		TimestampTz due_before = approval->due_at;
		List *gone;
		List *added;

		if (verdict)
			take_verdict(approval, verdict);
		compare_names(before, approval->asked, &gone, &added);
		values[18] = approval->policy_state
			? CStringGetTextDatum(approval->policy_state)
			: 0;
		values[19] = PointerGetDatum(hitl_list_array(approval->asked));
		values[20] = TimestampTzGetDatum(approval->due_at);
		values[21] = TimestampTzGetDatum(approval->expires_at);
		values[22] = approval->wanted ? CStringGetTextDatum(approval->wanted)
									  : 0;
		values[23] = Int32GetDatum(approval->escalations);
		values[24] = PointerGetDatum(hitl_list_array(gone));
		values[25] = PointerGetDatum(hitl_list_array(added));
		memcpy(nulls + ACT_PARAMS, "        ", 9);
		nulls[18] = approval->policy_state ? ' ' : 'n';
		nulls[20] = approval->due_at ? ' ' : 'n';
		nulls[21] = approval->expires_at ? ' ' : 'n';
		nulls[22] = approval->wanted ? ' ' : 'n';
		hitl_execute(added != NIL	   ? &ask_others
						 : gone != NIL ? &ask_fewer
									   : &go_on,
					 values, nulls, 0);
		if (approval->due_at != due_before)
			wake_for_due(approval);
	}
	if (approval->has_workflow)
		tell_workflow(approval, act,
					  outcome == HITL_OUTCOME_PENDING ? NULL : status,
					  verdict ? verdict->reason : NULL, NULL, decision_hash);
	else
		publish(approval, act, outcome == HITL_OUTCOME_PENDING ? NULL : status);
	return status;
}

/*
 * Record what time has brought.
 */
void
hitl_record_verdict(HitlApproval *approval, const HitlVerdict *verdict,
					TimestampTz now)
{
	static HitlStatement decide = {
		"WITH gone AS (DELETE FROM hitl.approval_asks "
		"WHERE approval_id = $1 AND name = ANY ($2)) "
		"UPDATE hitl.approval_requests a SET status = $3, decided_at = $4, decided_by = $5, "
		"reason = $6, policy_state = $8, asked = '{}', due_at = NULL, wanted = NULL, "
		"decision_hash = $7 WHERE a.id = $1 RETURNING " ANY_CHANNEL,
		8,
		{UUIDOID, TEXTARRAYOID, TEXTOID, TIMESTAMPTZOID, TEXTOID, TEXTOID,
		 BYTEAOID, TEXTOID},
	};
	static HitlStatement go_on = {
		"UPDATE hitl.approval_requests a SET policy_state = $2, asked = $3, due_at = $4, "
		"expires_at = $5, escalations = $6, reminders = $7, reminded_at = $8 "
		"WHERE a.id = $1",
		8,
		{UUIDOID, TEXTOID, TEXTARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID,
		 INT4OID, INT4OID, TIMESTAMPTZOID},
	};
	Datum values[8];
	char nulls[9] = "        ";
	List *before = approval->asked;

	values[0] = UUIDPGetDatum(&approval->id);
	if (verdict->outcome != HITL_OUTCOME_PENDING)
	{
		const char *status = hitl_outcome_name(verdict->outcome);
		char *decision_hash;

		values[1] = PointerGetDatum(hitl_list_array(before));
		values[2] = CStringGetTextDatum(status);
		values[3] = TimestampTzGetDatum(now);
		values[4] = verdict->decider ? CStringGetTextDatum(verdict->decider)
									 : 0;
		nulls[4] = verdict->decider ? ' ' : 'n';
		values[5] = CStringGetTextDatum(verdict->reason);
		values[6] = PointerGetDatum(
			hash_decision(DatumGetByteaPP(approval->last_hash), status, now,
						  verdict->decider, verdict->reason));
		values[7] = verdict->state ? CStringGetTextDatum(verdict->state) : 0;
		nulls[7] = verdict->state ? ' ' : 'n';
		hitl_execute(&decide, values, nulls, 0);
		decision_hash = hex_text(DatumGetByteaPP(values[6]));
		announce_decided(approval, status);
		if (approval->has_workflow)
			tell_workflow(approval, NULL, status, verdict->reason,
						  verdict->decider, decision_hash);
		else
			publish(approval, NULL, status);
		return;
	}
	take_verdict(approval, verdict);
	values[1] = approval->policy_state
		? CStringGetTextDatum(approval->policy_state)
		: 0;
	nulls[1] = approval->policy_state ? ' ' : 'n';
	values[2] = PointerGetDatum(hitl_list_array(approval->asked));
	values[3] = TimestampTzGetDatum(approval->due_at);
	nulls[3] = approval->due_at ? ' ' : 'n';
	values[4] = TimestampTzGetDatum(approval->expires_at);
	nulls[4] = approval->expires_at ? ' ' : 'n';
	values[5] = Int32GetDatum(approval->escalations);
	values[6] = Int32GetDatum(approval->reminders);
	values[7] = TimestampTzGetDatum(approval->reminded_at);
	nulls[7] = approval->reminded_at ? ' ' : 'n';
	hitl_execute(&go_on, values, nulls, 0);
	write_asks(approval, before);
}

/*
 * hitl.decide_by_rule(approval_id, outcome, rule)
 */
Datum
hitl_decide_by_rule(PG_FUNCTION_ARGS)
{
	char *outcome = text_to_cstring(PG_GETARG_TEXT_PP(1));
	HitlVerdict verdict = {0};

	verdict.outcome = strcmp(outcome, "approved") == 0 ? HITL_OUTCOME_APPROVED
													   : HITL_OUTCOME_REJECTED;
	verdict.reason = "rule";
	verdict.decider = text_to_cstring(PG_GETARG_TEXT_PP(2));
	SPI_connect();
	hitl_record_verdict(hitl_lock_approval(PG_GETARG_UUID_P(0)), &verdict,
						GetCurrentTimestamp());
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * Have an act logged: what was done, but neither by whom nor with which words.
 */
static void
log_act(const HitlApproval *approval, const HitlAct *act)
{
	HitlLine *line;

	if (hitl_is_answer(act->decision))
	{
		line = begin_line("approval_answered", approval);
		hitl_log_text(line, "decision", act->decision);
	}
	else
		line = begin_line(psprintf("approval_%s", act->decision), approval);
	hitl_log_text(line, "channel", act->channel ? act->channel : "sql");
	hitl_log_number(line, "round", approval->round);
	hitl_log_at_commit(line);
}

/*
 * Begin a line of the log.
 */
static HitlLine *
begin_line(const char *event, const HitlApproval *approval)
{
	return hitl_log_approval(event, &approval->id,
							 approval->has_workflow ? &approval->workflow_id
													: NULL,
							 approval->step);
}

/*
 * After a statement that decided a request RETURNING ANY_CHANNEL: wake who waits
 * for it, tell the channels.
 */
static void
announce_decided(const HitlApproval *approval, const char *status)
{
	bool isnull;

	hitl_announce_at_commit(&approval->id);
	if (hitl_logs(HITL_LOG_APPROVALS))
	{
		HitlLine *line = begin_line("approval_decided", approval);

		hitl_log_text(line, "status", status);
		hitl_log_since(line, approval->opened_at, GetCurrentTimestamp());
		hitl_log_at_commit(line);
	}
	if (DatumGetBool(hitl_column(0, 1, &isnull)))
		hitl_notify_about(&approval->id, psprintf("approval.%s", status));
}

/*
 * The parameters of an act.
 */
static void
fill_act(const HitlApproval *approval, const HitlAct *act, Datum *values,
		 char *nulls)
{
	char *session_role = hitl_session_role();
	char *caller_role = hitl_caller();

	memset(nulls, ' ', ACT_PARAMS);
	values[0] = UUIDPGetDatum(&approval->id);
	values[1] = Int32GetDatum(approval->acts);
	values[2] = Int32GetDatum(approval->round);
	values[3] = CStringGetTextDatum(act->who);
	values[4] = act->on_behalf_of
		? PointerGetDatum(hitl_list_array(act->on_behalf_of))
		: 0;
	nulls[4] = act->on_behalf_of ? ' ' : 'n';
	values[5] = PointerGetDatum(hitl_list_array(act->names));
	values[6] = CStringGetTextDatum(act->decision);
	values[7] = JsonbPGetDatum(act->response_data);
	nulls[7] = act->response_data ? ' ' : 'n';
	values[8] = act->feedback ? CStringGetTextDatum(act->feedback) : 0;
	nulls[8] = act->feedback ? ' ' : 'n';
	values[9] = JsonbPGetDatum(act->edits);
	nulls[9] = act->edits ? ' ' : 'n';
	values[10] = approval->content_hash;
	values[11] = CStringGetTextDatum(act->channel ? act->channel : "sql");
	values[12] = JsonbPGetDatum(act->evidence);
	nulls[12] = act->evidence ? ' ' : 'n';
	values[13] = DirectFunctionCall1(namein, CStringGetDatum(session_role));
	values[14] = DirectFunctionCall1(namein, CStringGetDatum(caller_role));
	values[15] = TimestampTzGetDatum(act->at);
	values[16] = BoolGetDatum(act->standing);
	values[17] = PointerGetDatum(
		hash_act(approval, act, session_role, caller_role));
}

/*
 * hitl.response_hash(), which has to give the same.
 */
static bytea *
hash_act(const HitlApproval *approval, const HitlAct *act,
		 const char *session_role, const char *caller_role)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoChar(&text, '[');
	hitl_chain_id(&text, &approval->id);
	appendStringInfo(&text, ", %d, %d, ", approval->acts, approval->round);
	hitl_chain_text(&text, act->who);
	appendStringInfoString(&text, ", ");
	hitl_chain_list(&text, act->on_behalf_of);
	appendStringInfoString(&text, ", ");
	if (act->names == NIL)
		appendStringInfoString(&text, "[]");
	else
		hitl_chain_list(&text, act->names);
	appendStringInfoString(&text, ", ");
	hitl_chain_text(&text, act->decision);
	appendStringInfoString(&text, ", ");
	hitl_chain_jsonb(&text, act->response_data);
	appendStringInfoString(&text, ", ");
	hitl_chain_text(&text, act->feedback);
	appendStringInfoString(&text, ", ");
	hitl_chain_jsonb(&text, act->edits);
	appendStringInfoString(&text, ", ");
	hitl_chain_hex(&text, DatumGetByteaPP(approval->content_hash));
	appendStringInfoString(&text, ", ");
	hitl_chain_text(&text, act->channel ? act->channel : "sql");
	appendStringInfoString(&text, ", ");
	hitl_chain_jsonb(&text, act->evidence);
	appendStringInfoString(&text, ", ");
	hitl_chain_text(&text, session_role);
	appendStringInfoString(&text, ", ");
	hitl_chain_text(&text, caller_role);
	appendStringInfo(&text, ", " INT64_FORMAT "]", hitl_to_unix(act->at));
	return hitl_chain_hash(DatumGetByteaPP(approval->last_hash), text.data,
						   text.len);
}

/*
 * hitl.decision_hash(), which has to give the same.
 */
static bytea *
hash_decision(const bytea *previous, const char *status, TimestampTz at,
			  const char *by, const char *reason)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoChar(&text, '[');
	hitl_chain_text(&text, status);
	appendStringInfo(&text, ", " INT64_FORMAT ", ", hitl_to_unix(at));
	hitl_chain_text(&text, by);
	appendStringInfoString(&text, ", ");
	hitl_chain_text(&text, reason);
	appendStringInfoChar(&text, ']');
	return hitl_chain_hash(previous, text.data, text.len);
}

/*
 * A hash in hexadecimal.
 */
static char *
hex_text(const bytea *hash)
{
	char *text = palloc(VARSIZE_ANY_EXHDR(hash) * 2 + 1);

	text[hex_encode(VARDATA_ANY(hash), VARSIZE_ANY_EXHDR(hash), text)] = '\0';
	return text;
}

/*
 * Bring the list of who is asked up to date.
 */
static void
write_asks(const HitlApproval *approval, List *before)
{
	static HitlStatement change = {
		"WITH gone AS (DELETE FROM hitl.approval_asks WHERE approval_id = $1 "
		"AND name = ANY ($2)) "
		"INSERT INTO hitl.approval_asks (name, approval_id) SELECT unnest($3), $1",
		3,
		{UUIDOID, TEXTARRAYOID, TEXTARRAYOID},
	};
	List *gone;
	List *added;
	Datum values[3];

	compare_names(before, approval->asked, &gone, &added);
	if (gone == NIL && added == NIL)
		return;
	values[0] = UUIDPGetDatum(&approval->id);
	values[1] = PointerGetDatum(hitl_list_array(gone));
	values[2] = PointerGetDatum(hitl_list_array(added));
	hitl_execute(&change, values, NULL, 0);
}

/*
 * Who is not asked any more, and who is asked now.  Sorted, as there may be
 * many of them.
 */
static void
compare_names(List *before, List *after, List **gone, List **added)
{
	ListCell *a;
	ListCell *b;

	*gone = *added = NIL;
	before = list_copy(before);
	after = list_copy(after);
	list_sort(before, compare_cells);
	list_sort(after, compare_cells);
	a = list_head(before);
	b = list_head(after);
	while (a || b)
	{
		int order = a == NULL ? 1 : b == NULL ? -1 : compare_cells(a, b);

		if (order < 0)
			*gone = lappend(*gone, lfirst(a));
		else if (order > 0)
			*added = lappend(*added, lfirst(b));
		if (order <= 0)
			a = lnext(before, a);
		if (order >= 0)
			b = lnext(after, b);
	}
}

static int
compare_cells(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

/*
 * What a verdict that leaves a request pending makes of it.
 */
static void
take_verdict(HitlApproval *approval, const HitlVerdict *verdict)
{
	approval->policy_state = unconstify(char *, verdict->state);
	approval->asked = hitl_asked_list(verdict);
	approval->due_at = hitl_from_unix(verdict->next_us);
	approval->expires_at = hitl_from_unix(verdict->expires_us);
	approval->escalations = verdict->escalations;
}

/*
 * The engine does what is due; it may have to get up earlier.
 */
static void
wake_for_due(const HitlApproval *approval)
{
	if (approval->due_at != 0)
		hitl_wake_at_commit(HITL_WORKER_ENGINE);
}

/*
 * Leave the workflow a message: what was done, if anything, and the outcome, if
 * there is one.
 */
static void
tell_workflow(const HitlApproval *approval, const HitlAct *act,
			  const char *outcome, const char *reason, const char *decider,
			  const char *decision_hash)
{
	StringInfoData extra;
	Jsonb *body;

	body = hitl_facts("approval_id", hitl_id_text(&approval->id), "step_name",
					  approval->step, "outcome", outcome, "approver_id",
					  act ? act->who : decider, "decision",
					  act ? act->decision : NULL, "feedback",
					  act ? act->feedback : NULL, "reason",
					  outcome && is_telling(outcome, reason) ? reason : NULL,
					  "decision_hash", decision_hash, NULL);
	initStringInfo(&extra);
	if (approval->has_token)
		appendStringInfo(&extra, "{\"token\": " INT64_FORMAT, approval->token);
	if (act && act->response_data)
		append_member(&extra, "response_data",
					  hitl_jsonb_text(act->response_data));
	if (act && act->edits)
		append_member(&extra, "edits", hitl_jsonb_text(act->edits));
	if (outcome && approval->round > 1)
		append_member(&extra, "context_data",
					  hitl_jsonb_text(approval->context_data));
	if (act && act->on_behalf_of)
	{
		StringInfoData names;

		initStringInfo(&names);
		hitl_append_names(&names, act->on_behalf_of);
		append_member(&extra, "on_behalf_of", names.data);
	}
	if (extra.len > 0)
	{
		appendStringInfoChar(&extra, '}');
		body = hitl_merge(body, hitl_jsonb_parse(extra.data));
	}
	hitl_tell_workflow(&approval->workflow_id, "approval", body);
}

/*
 * The same for those who follow events, of a request of no workflow.
 */
static void
publish(const HitlApproval *approval, const HitlAct *act, const char *outcome)
{
	if (act)
		hitl_publish_at_commit(&approval->id,
							   hitl_is_answer(act->decision)
								   ? "approval_responded"
								   : psprintf("approval_%s", act->decision));
	if (outcome)
		hitl_publish_at_commit(&approval->id, psprintf("approval_%s", outcome));
}

/*
 * Does a reason say more than the outcome?
 */
static bool
is_telling(const char *outcome, const char *reason)
{
	return strcmp(reason, outcome) != 0 &&
		!(strcmp(outcome, "expired") == 0 && strcmp(reason, "silence") == 0);
}

static void
append_member(StringInfo text, const char *key, const char *value)
{
	appendStringInfo(text, "%s\"%s\": %s", text->len ? ", " : "{", key, value);
}
