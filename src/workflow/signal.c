/*
 * signal.c
 *		Signals: told to a workflow by name.
 *
 * Sending leaves the workflow a message.  The engine, which has the workflow
 * locked, gives the signal to the step that has waited longest, or keeps it
 * until one does.  So each signal is taken once, in whichever order it and the
 * step that waits for it come.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "db.h"
#include "hitl.h"
#include "lib/stringinfo.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "workflow/caller.h"
#include "workflow/effects.h"
#include "workflow/identifier.h"
#include "workflow/mailbox.h"
#include "workflow/payload.h"

/* Signals of one name that are kept for one workflow. */
#define MAX_KEPT "10000"

static char *check_sender(const pg_uuid_t *id, const char *name);
static void check_receiver(const pg_uuid_t *id, const char *name,
						   const char *status);
static bool remember_key(FunctionCallInfo fcinfo, const char *name,
						 Jsonb *payload);
static char *read_match(HitlBatch *batch, HitlWorkflow *workflow,
						const HitlEffect *effect);
static char *signal_body(int64 token, Jsonb *payload, const char *sent_by);

PG_FUNCTION_INFO_V1(hitl_send_signal);
PG_FUNCTION_INFO_V1(hitl_grant_signal);
PG_FUNCTION_INFO_V1(hitl_revoke_signal);

/*
 * hitl.send_signal(workflow_id, name, payload, idempotency_key): was it new?
 */
Datum
hitl_send_signal(PG_FUNCTION_ARGS)
{
	Jsonb *payload;
	Jsonb *body;
	char *name;
	char *status;
	bool is_new;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("workflow_id and name must not be null")));
	name = hitl_check_name(PG_GETARG_TEXT_PP(1), "the name of a signal");
	payload = PG_ARGISNULL(2) ? hitl_jsonb_parse("null") : PG_GETARG_JSONB_P(2);
	hitl_check_payload(payload, "payload");

	SPI_connect();
	status = check_sender(PG_GETARG_UUID_P(0), name);
	is_new = PG_ARGISNULL(3) || remember_key(fcinfo, name, payload);
	if (is_new)
	{
		check_receiver(PG_GETARG_UUID_P(0), name, status);
		body = hitl_jsonb_parse(
			psprintf("{\"sent_us\": " INT64_FORMAT ", \"payload\": %s}",
					 GetCurrentTimestamp() + HITL_UNIX_EPOCH_US,
					 hitl_jsonb_text(payload)));
		hitl_tell_workflow(PG_GETARG_UUID_P(0), "signal_sent",
						   hitl_merge(body,
									  hitl_facts("name", name, "sent_by",
												 hitl_caller(), NULL)));
	}
	SPI_finish();
	PG_RETURN_BOOL(is_new);
}

/*
 * hitl.grant_signal(grantee, signal)
 */
Datum
hitl_grant_signal(PG_FUNCTION_ARGS)
{
	static HitlStatement insert = {
		"INSERT INTO hitl.signal_grants (grantee, signal, granted_by) "
		"VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
		3,
		{NAMEOID, TEXTOID, NAMEOID},
	};
	Datum values[3];

	(void) get_role_oid(NameStr(*PG_GETARG_NAME(0)), false);
	(void) hitl_check_name(PG_GETARG_TEXT_PP(1), "the name of a signal");
	values[0] = PG_GETARG_DATUM(0);
	values[1] = PG_GETARG_DATUM(1);
	values[2] = DirectFunctionCall1(namein, CStringGetDatum(hitl_caller()));
	SPI_connect();
	hitl_execute(&insert, values, NULL, 0);
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * hitl.revoke_signal(grantee, signal)
 */
Datum
hitl_revoke_signal(PG_FUNCTION_ARGS)
{
	static HitlStatement remove = {
		"DELETE FROM hitl.signal_grants WHERE grantee = $1 AND signal = $2",
		2,
		{NAMEOID, TEXTOID},
	};
	Datum values[2];
	bool found;

	values[0] = PG_GETARG_DATUM(0);
	values[1] = PG_GETARG_DATUM(1);
	SPI_connect();
	hitl_execute(&remove, values, NULL, 0);
	found = SPI_processed > 0;
	SPI_finish();
	PG_RETURN_BOOL(found);
}

/*
 * A step waits for a signal: the oldest one that was kept and matches, at
 * once, or else the next one.
 */
char *
hitl_await_signal(HitlBatch *batch, HitlWorkflow *workflow,
				  const HitlEffect *effect)
{
	static HitlStatement take = {
		"DELETE FROM hitl.signals WHERE id = (SELECT id FROM hitl.signals "
		"WHERE workflow_id = $1 AND name = $2 "
		"AND ($3 IS NULL OR (payload @@ $3::jsonpath) IS TRUE) "
		"ORDER BY received_at, id LIMIT 1) "
		"RETURNING payload, sent_by",
		3,
		{UUIDOID, TEXTOID, TEXTOID},
	};
	static HitlStatement await = {
		"INSERT INTO hitl.awaited_signals (workflow_id, name, match, token, step_name) "
		"VALUES ($1, $2, $3::jsonpath, $4, $5)",
		5,
		{UUIDOID, TEXTOID, TEXTOID, INT8OID, TEXTOID},
	};
	char nulls[6] = "     ";
	Datum values[5];
	char *match = read_match(batch, workflow, effect);
	bool isnull;

	values[0] = UUIDPGetDatum(&workflow->id);
	values[1] = CStringGetTextDatum(effect->type);
	nulls[2] = match ? ' ' : 'n';
	values[2] = match ? CStringGetTextDatum(match) : 0;
	hitl_execute(&take, values, nulls, 0);
	if (SPI_processed > 0)
	{
		Jsonb *payload = DatumGetJsonbPCopy(hitl_column(0, 1, &isnull));

		return signal_body(effect->token, payload, hitl_column_text(0, 2));
	}
	values[3] = Int64GetDatum(effect->token);
	nulls[4] = effect->step ? ' ' : 'n';
	values[4] = effect->step ? CStringGetTextDatum(effect->step) : 0;
	hitl_execute(&await, values, nulls, 0);
	return NULL;
}

/*
 * A signal was sent: the oldest wait that it matches gets it, or it is kept.
 */
void
hitl_hear_signal(HitlBatch *batch, HitlWorkflow *workflow, Jsonb *body)
{
	/* The lower bits of a token, HITL_TOKEN_BITS, tell which is the older. */
	static HitlStatement find = {
		"DELETE FROM hitl.awaited_signals WHERE workflow_id = $1 AND token = ("
		"SELECT token FROM hitl.awaited_signals WHERE workflow_id = $1 AND name = $2 "
		"AND (match IS NULL OR ($3 @@ match) IS TRUE) "
		"ORDER BY token & 268435455 LIMIT 1) "
		"RETURNING token",
		3,
		{UUIDOID, TEXTOID, JSONBOID},
	};
	static HitlStatement keep = {
		"INSERT INTO hitl.signals (workflow_id, name, payload, sent_by, received_at) "
		"VALUES ($1, $2, $3, $4, $5)",
		5,
		{UUIDOID, TEXTOID, JSONBOID, TEXTOID, TIMESTAMPTZOID},
	};
	char *name = hitl_member_text(body, "name");
	char *sent_by = hitl_member_text(body, "sent_by");
	Jsonb *payload = hitl_member(body, "payload");
	Datum values[5];
	bool is_failed;
	bool isnull;

	/* A failed workflow may be retried; the others have no use for it. */
	is_failed = strcmp(workflow->status, "failed") == 0;
	if ((hitl_has_ended(workflow) && !is_failed) || name == NULL ||
		payload == NULL)
		return;
	hitl_add_event(batch, workflow, "signal_received", NULL, NULL,
				   hitl_facts("signal", name, NULL), NULL, sent_by);

	/* What this batch has withdrawn so far waits no more. */
	hitl_settle_withdrawals(batch, workflow);
	hitl_withdraw_signals(&batch->withdrawals);
	values[0] = UUIDPGetDatum(&workflow->id);
	values[1] = CStringGetTextDatum(name);
	values[2] = JsonbPGetDatum(payload);
	if (!is_failed)
		hitl_execute(&find, values, NULL, 0);
	if (!is_failed && SPI_processed > 0)
	{
		int64 token = DatumGetInt64(hitl_column(0, 1, &isnull));

		hitl_deliver(batch, workflow, "signal",
					 hitl_jsonb_parse(signal_body(token, payload, sent_by)));
		return;
	}
	values[3] = CStringGetTextDatum(sent_by ? sent_by : "");
	/* Engines may come to those of one sender in any order. */
	values[4] = TimestampTzGetDatum(
		hitl_member_int(body, "sent_us", batch->now + HITL_UNIX_EPOCH_US) -
		HITL_UNIX_EPOCH_US);
	hitl_execute(&keep, values, NULL, 0);
}

/*
 * Wait no more; rows of (workflow_id, token).
 */
void
hitl_withdraw_signals(HitlRows *withdrawals)
{
	static HitlStatement withdraw = {
		"DELETE FROM hitl.awaited_signals s USING unnest($1, $2) AS w (workflow_id, token) "
		"WHERE s.workflow_id = w.workflow_id AND s.token = w.token",
		2,
		{UUIDARRAYOID, INT8ARRAYOID},
	};

	hitl_rows_execute(withdrawals, &withdraw);
}

/*
 * Workflows wait for no signal any more.  Those that were kept stay: a
 * workflow that is rolled back or retried may wait for them again.
 */
void
hitl_withdraw_all_signals(Datum workflow_ids)
{
	static HitlStatement withdraw = {
		"DELETE FROM hitl.awaited_signals WHERE workflow_id = ANY ($1)",
		1,
		{UUIDARRAYOID},
	};

	hitl_execute(&withdraw, &workflow_ids, NULL, 0);
}

/*
 * Refuse a signal that the caller may not send to this workflow; its status,
 * NULL if it is moved by its owner.
 */
static char *
check_sender(const pg_uuid_t *id, const char *name)
{
	static HitlStatement find = {
		"SELECT owner, status, definition_hash IS NOT NULL FROM hitl.workflows WHERE id = $1",
		1,
		{UUIDOID},
	};
	static HitlStatement find_grant = {
		"SELECT 1 FROM hitl.signal_grants WHERE signal IN ($1, '*') "
		"AND pg_has_role($2, (SELECT oid FROM pg_roles WHERE rolname = grantee), 'USAGE')",
		2,
		{TEXTOID, OIDOID},
	};
	Oid caller = hitl_caller_id();
	Datum values[2];
	char *owner;
	char *status;
	Oid role;
	bool has_definition;
	bool isnull;

	values[0] = UUIDPGetDatum(id);
	hitl_execute(&find, values, NULL, 1);
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_HITL_WORKFLOW_NOT_FOUND),
				 errmsg("workflow %s does not exist", hitl_id_text(id)),
				 errhint("hitl.create_workflow returns the id of a workflow.")));
	owner = hitl_column_text(0, 1);
	status = hitl_column_text(0, 2);
	has_definition = DatumGetBool(hitl_column(0, 3, &isnull));

	role = get_role_oid(owner, true);
	if (!superuser_arg(caller) &&
		!(OidIsValid(role) && has_privs_of_role(caller, role)))
	{
		values[0] = CStringGetTextDatum(name);
		values[1] = ObjectIdGetDatum(caller);
		hitl_execute(&find_grant, values, NULL, 1);
		if (SPI_processed == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("permission denied for signal \"%s\" to workflow %s", name,
							hitl_id_text(id)),
					 errdetail("The workflow belongs to role \"%s\".", owner),
					 errhint("An administrator can allow it with hitl.grant_signal('%s', '%s').",
							 hitl_caller(), name)));
	}
	return has_definition ? status : NULL;
}

/*
 * Refuse a signal that nobody can ever take, or not so many.
 */
static void
check_receiver(const pg_uuid_t *id, const char *name, const char *status)
{
	static HitlStatement any_too_many = {
		"SELECT 1 FROM hitl.signals WHERE workflow_id = $1 AND name = $2 OFFSET " MAX_KEPT
		" - 1 LIMIT 1",
		2,
		{UUIDOID, TEXTOID},
	};
	Datum values[2];

	if (status == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_HITL_INVALID_TRANSITION),
				 errmsg("workflow %s takes no signals", hitl_id_text(id)),
				 errdetail("It has no definition; its owner moves it.")));
	if (hitl_status_is_final(status) && strcmp(status, "failed") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_HITL_INVALID_TRANSITION),
				 errmsg("workflow %s has ended", hitl_id_text(id)),
				 errdetail("Its status is %s.", status)));

	/* By name, so that who may send this one only does not keep others out. */
	values[0] = UUIDPGetDatum(id);
	values[1] = CStringGetTextDatum(name);
	hitl_execute(&any_too_many, values, NULL, 1);
	if (SPI_processed > 0)
		ereport(ERROR,
				(errcode(ERRCODE_HITL_TOO_MANY_SIGNALS),
				 errmsg("workflow %s keeps too many signals \"%s\"", hitl_id_text(id), name),
				 errdetail("It has %s that no step has waited for.", MAX_KEPT)));
}

/*
 * Remember an idempotency key; false if the same signal was sent with it
 * before.
 */
static bool
remember_key(FunctionCallInfo fcinfo, const char *name, Jsonb *payload)
{
	static HitlStatement insert = {
		"INSERT INTO hitl.signal_keys (workflow_id, idempotency_key, name, content_hash) "
		"VALUES ($1, $2, $3, sha256(convert_to($4::text, 'UTF8'))) "
		"ON CONFLICT DO NOTHING",
		4,
		{UUIDOID, TEXTOID, TEXTOID, JSONBOID},
	};
	static HitlStatement compare = {
		"SELECT content_hash = sha256(convert_to($4::text, 'UTF8')) "
		"FROM hitl.signal_keys WHERE workflow_id = $1 AND idempotency_key = $2 AND name = $3",
		4,
		{UUIDOID, TEXTOID, TEXTOID, JSONBOID},
	};
	char *key = hitl_check_name(PG_GETARG_TEXT_PP(3), "idempotency_key");
	Datum values[4];
	bool isnull;

	values[0] = PG_GETARG_DATUM(0);
	values[1] = PG_GETARG_DATUM(3);
	values[2] = CStringGetTextDatum(name);
	values[3] = JsonbPGetDatum(payload);
	hitl_execute(&insert, values, NULL, 0);
	if (SPI_processed > 0)
		return true;
	hitl_execute(&compare, values, NULL, 1);
	if (SPI_processed == 0 || !DatumGetBool(hitl_column(0, 1, &isnull)))
		ereport(ERROR,
				(errcode(ERRCODE_HITL_SIGNAL_CHANGED),
				 errmsg("another signal was sent to workflow %s with idempotency key \"%s\"",
						hitl_id_text(PG_GETARG_UUID_P(0)), key),
				 errhint("A signal that is sent again has the same name and payload.")));
	return false;
}

/*
 * The predicate that the payload must satisfy; NULL if any will do.
 */
static char *
read_match(HitlBatch *batch, HitlWorkflow *workflow, const HitlEffect *effect)
{
	char *match = effect->body
		? hitl_member_text(hitl_jsonb_parse(effect->body), "match")
		: NULL;
	const char *fault = NULL;

	if (match == NULL)
		return NULL;
	switch (batch->host.check_path(batch->host.context, match, &fault))
	{
		case HITL_QUERY_FOUND:
			return match;
		case HITL_QUERY_HOST_FAILED:
			hitl_host_rethrow(&batch->host_data);
		default:
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("the match of step \"%s\" of workflow %s is not a SQL/JSON path",
							effect->step ? effect->step : "", hitl_id_text(&workflow->id)),
					 errdetail_internal("%s: %s", match, fault ? fault : "")));
	}
	return NULL;
}

/*
 * Body of the message that gives a step its signal.
 */
static char *
signal_body(int64 token, Jsonb *payload, const char *sent_by)
{
	StringInfoData body;

	initStringInfo(&body);
	appendStringInfo(&body, "{\"token\": " INT64_FORMAT ", \"payload\": %s, ",
					 token, hitl_jsonb_text(payload));
	appendStringInfoString(&body, "\"sent_by\": ");
	escape_json(&body, sent_by ? sent_by : "");
	appendStringInfoChar(&body, '}');
	return body.data;
}
