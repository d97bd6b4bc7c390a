/*
 * command.c
 *		Commands to workflows: pause, resume, cancel, retry, skip.
 *
 * They are obeyed in the caller's transaction, which changes the state and no
 * more: what the workflow then has to do is left to the engine.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "hitl.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "worker/worker.h"
#include "workflow/batch.h"
#include "workflow/caller.h"
#include "workflow/command.h"
#include "workflow/control.h"
#include "workflow/identifier.h"
#include "workflow/payload.h"

static HitlWorkflow *load(FunctionCallInfo fcinfo, HitlBatch *batch);
static Datum answer(HitlBatch *batch, HitlWorkflow *workflow);
static void move_by_hand(HitlBatch *batch, HitlWorkflow *workflow,
						 const char *status, const char *event_type,
						 const char *reason);
static void refuse(HitlWorkflow *workflow, const char *command,
				   const char *hint) pg_attribute_noreturn();
static void restart(HitlBatch *batch, HitlWorkflow *workflow,
					const char *reason, const char *actor);
static void send_lost_messages(HitlBatch *batch, HitlWorkflow *workflow,
							   bool started);
static bool is_one_of(const char *status, const char *const *list);
static char *reason_argument(FunctionCallInfo fcinfo, int number);

PG_FUNCTION_INFO_V1(hitl_pause_workflow);
PG_FUNCTION_INFO_V1(hitl_resume_workflow);
PG_FUNCTION_INFO_V1(hitl_cancel_workflow);
PG_FUNCTION_INFO_V1(hitl_retry_workflow);
PG_FUNCTION_INFO_V1(hitl_skip_step);

/*
 * hitl.pause_workflow(workflow_id, reason)
 */
Datum
hitl_pause_workflow(PG_FUNCTION_ARGS)
{
	static const char *const from[] = {"running", "waiting", "waiting_approval",
									   "approved", NULL};
	char *reason = reason_argument(fcinfo, 1);
	HitlBatch *batch;
	HitlWorkflow *workflow;

	SPI_connect();
	batch = hitl_batch_create();
	workflow = load(fcinfo, batch);
	if (hitl_has_ended(workflow) || strcmp(workflow->status, "paused") == 0)
		refuse(workflow, "paused", NULL);
	if (workflow->definition)
		hitl_command(batch, workflow, "pause",
					 hitl_facts("reason", reason, "actor", hitl_caller(), NULL),
					 hitl_caller());
	else if (is_one_of(workflow->status, from))
		move_by_hand(batch, workflow, "paused", "workflow_paused", reason);
	else
		refuse(workflow, "paused", NULL);
	return answer(batch, workflow);
}

/*
 * hitl.resume_workflow(workflow_id, reason)
 */
Datum
hitl_resume_workflow(PG_FUNCTION_ARGS)
{
	char *reason = reason_argument(fcinfo, 1);
	HitlBatch *batch;
	HitlWorkflow *workflow;

	SPI_connect();
	batch = hitl_batch_create();
	workflow = load(fcinfo, batch);
	if (strcmp(workflow->status, "paused") != 0)
		refuse(
			workflow, "resumed",
			strcmp(workflow->status, "rolled_back") == 0
				? "hitl.execute_workflow() lets a rolled back workflow go on."
				: NULL);
	if (workflow->definition)
		hitl_command(batch, workflow, "resume",
					 hitl_facts("reason", reason, "actor", hitl_caller(), NULL),
					 hitl_caller());
	else
		move_by_hand(batch, workflow, "running", "workflow_resumed", reason);
	return answer(batch, workflow);
}

/*
 * hitl.cancel_workflow(workflow_id, reason)
 */
Datum
hitl_cancel_workflow(PG_FUNCTION_ARGS)
{
	char *reason = reason_argument(fcinfo, 1);
	HitlBatch *batch;
	HitlWorkflow *workflow;

	SPI_connect();
	batch = hitl_batch_create();
	workflow = load(fcinfo, batch);
	if (hitl_has_ended(workflow))
		refuse(workflow, "cancelled",
			   "hitl.rollback_workflow() returns a workflow to a checkpoint.");
	hitl_cancel(batch, workflow, reason);
	return answer(batch, workflow);
}

/*
 * Cancel a workflow that has not ended.
 */
void
hitl_cancel(HitlBatch *batch, HitlWorkflow *workflow, const char *reason)
{
	if (strcmp(workflow->status, "pending") == 0)
		hitl_forget_start(&workflow->id);
	if (workflow->definition)
		hitl_command(batch, workflow, "cancel",
					 hitl_facts("reason", reason, "actor", hitl_caller(), NULL),
					 hitl_caller());
	else
		move_by_hand(batch, workflow, "cancelled", "workflow_cancelled",
					 reason);
}

/*
 * hitl.retry_workflow(workflow_id, reason)
 */
Datum
hitl_retry_workflow(PG_FUNCTION_ARGS)
{
	char *reason = reason_argument(fcinfo, 1);
	char *refusal = NULL;
	HitlBatch *batch;
	HitlWorkflow *workflow;

	SPI_connect();
	batch = hitl_batch_create();
	workflow = load(fcinfo, batch);
	if (strcmp(workflow->status, "failed") != 0)
		refuse(workflow, "retried",
			   "Only a workflow that has failed can be retried.");
	if (!hitl_owner_exists(workflow))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("role \"%s\" does not exist", workflow->owner),
				 errdetail("It owns workflow %s, which would act for it.",
						   hitl_id_text(&workflow->id))));
	if (workflow->definition)
		refusal = hitl_retry(batch, workflow, reason, hitl_caller());
	else
		move_by_hand(batch, workflow, "running", "workflow_retried", reason);
	if (refusal)
		ereport(ERROR,
				(errcode(ERRCODE_HITL_INVALID_TRANSITION),
				 errmsg("workflow %s cannot be retried", hitl_id_text(&workflow->id)),
				 errdetail_internal("%c%s.", pg_toupper(refusal[0]), refusal + 1)));

	/* Somebody vouches for it: the count of recoveries begins anew. */
	workflow->recoveries = 0;
	return answer(batch, workflow);
}

/*
 * hitl.skip_step(workflow_id, step_name, result, reason, scope)
 */
Datum
hitl_skip_step(PG_FUNCTION_ARGS)
{
	char *reason = reason_argument(fcinfo, 3);
	HitlBatch *batch;
	HitlWorkflow *workflow;
	Jsonb *body;
	bool has_failed;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("step_name must not be null")));
	SPI_connect();
	batch = hitl_batch_create();
	workflow = load(fcinfo, batch);
	if (workflow->definition == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_HITL_INVALID_TRANSITION),
				 errmsg("workflow %s has no steps", hitl_id_text(&workflow->id)),
				 errdetail("It has no definition; its owner moves it.")));
	if (hitl_has_ended(workflow) && strcmp(workflow->status, "failed") != 0)
		refuse(workflow, "made to skip a step", NULL);
	body = hitl_facts("step", text_to_cstring(PG_GETARG_TEXT_PP(1)), "reason",
					  reason, "actor", hitl_caller(), NULL);
	if (!PG_ARGISNULL(2))
	{
		hitl_check_payload(PG_GETARG_JSONB_P(2), "result");
		body = hitl_merge(body, hitl_wrap("result", PG_GETARG_JSONB_P(2)));
	}
	if (!PG_ARGISNULL(4))
		body = hitl_merge(body,
						  hitl_jsonb_parse(psprintf("{\"scope\": " INT64_FORMAT
													"}",
													PG_GETARG_INT64(4))));
	has_failed = strcmp(workflow->status, "failed") == 0;
	if (has_failed)
		body = hitl_merge(body, hitl_jsonb_parse("{\"failed\": true}"));
	hitl_command(batch, workflow, "skip", body, hitl_caller());
	if (has_failed)
		send_lost_messages(batch, workflow, true);
	return answer(batch, workflow);
}

/*
 * Have a failed workflow go on where it failed.
 */
char *
hitl_retry(HitlBatch *batch, HitlWorkflow *workflow, const char *reason,
		   const char *actor)
{
	bool started = workflow->started_at != 0;

	if (started)
	{
		Jsonb *body = hitl_facts("reason", reason, "actor", actor, NULL);
		char *refusal = hitl_try_command(batch, workflow, "retry", body, actor);

		if (refusal)
			return refusal;
	}
	else
		restart(batch, workflow, reason, actor);
	send_lost_messages(batch, workflow, started);
	return NULL;
}

/*
 * Is there still a role for the workflow to belong to?
 */
bool
hitl_owner_exists(const HitlWorkflow *workflow)
{
	return OidIsValid(get_role_oid(workflow->owner, true));
}

/*
 * The deadline of a workflow that its owner moves.
 */
void
hitl_keep_deadline(HitlBatch *batch, HitlWorkflow *workflow)
{
	if (workflow->definition == NULL && !hitl_has_ended(workflow))
		hitl_fail_workflow(batch, workflow, "timeout",
						   "the workflow's deadline has passed", NULL);
}

/*
 * The workflow that a command is for, locked.
 */
static HitlWorkflow *
load(FunctionCallInfo fcinfo, HitlBatch *batch)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("workflow_id must not be null")));
	return hitl_load_workflow(batch, PG_GETARG_UUID_P(0));
}

/*
 * Write what the command has changed; the status that it led to.
 */
static Datum
answer(HitlBatch *batch, HitlWorkflow *workflow)
{
	Datum status;

	hitl_batch_write(batch);
	status = SPI_datumTransfer(CStringGetTextDatum(workflow->status), false,
							   -1);
	SPI_finish();
	return status;
}

/*
 * Set the status of a workflow without definition.
 */
static void
move_by_hand(HitlBatch *batch, HitlWorkflow *workflow, const char *status,
			 const char *event_type, const char *reason)
{
	hitl_add_event(batch, workflow, event_type, NULL, NULL,
				   hitl_facts("from", workflow->status, "reason", reason, NULL),
				   NULL, hitl_caller());
	hitl_set_status(batch, workflow, status);
}

/*
 * A workflow in this status cannot be paused, cancelled, ….
 */
static void
refuse(HitlWorkflow *workflow, const char *command, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_HITL_INVALID_TRANSITION),
			 errmsg("workflow %s cannot be %s", hitl_id_text(&workflow->id), command),
			 errdetail("Its status is %s.", workflow->status),
			 hint ? errhint("%s", hint) : 0));
}

/*
 * A workflow that failed before it began: it is pending once more, and is
 * told to start as it was told before.
 */
static void
restart(HitlBatch *batch, HitlWorkflow *workflow, const char *reason,
		const char *actor)
{
	hitl_add_event(batch, workflow, "workflow_retried", NULL, NULL,
				   hitl_facts("reason", reason, NULL), NULL, actor);
	hitl_set_status(batch, workflow, "pending");
}

/*
 * When the engine fails a workflow it drops its messages, and keeps them in
 * the event.  What was asked is asked again; what was told from outside is
 * told again here.
 */
static void
send_lost_messages(HitlBatch *batch, HitlWorkflow *workflow, bool started)
{
	static HitlStatement find = {
		"SELECT m ->> 'kind', m -> 'body' FROM (SELECT data FROM hitl.workflow_events "
		"WHERE workflow_id = $1 AND event_type = 'workflow_failed' "
		"ORDER BY seq DESC LIMIT 1) AS e, jsonb_array_elements(e.data -> 'dropped') AS m "
		"WHERE m ->> 'kind' IN ('start', 'scheduled_start', 'signal_sent', "
		"'approval_requested')",
		1,
		{UUIDOID},
	};
	Datum value = UUIDPGetDatum(&workflow->id);
	bool told = false;
	int count;
	int i;

	hitl_execute(&find, &value, NULL, 0);
	count = SPI_processed;
	for (i = 0; i < count; i++)
	{
		char *kind = hitl_column_text(i, 1);
		bool isnull;
		Jsonb *body = DatumGetJsonbP(hitl_column(i, 2, &isnull));
		bool is_start = strstr(kind, "start") != NULL;

		if (is_start && (started || told))
			continue;
		told |= is_start;
		hitl_add_message(batch, &workflow->id, is_start ? "start" : kind, body);
	}
	if (!started && !told)
		hitl_add_message(batch, &workflow->id, "start", hitl_jsonb_parse("{}"));
}

/*
 * Is the status in the list?
 */
static bool
is_one_of(const char *status, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(status, *list) == 0)
			return true;
	return false;
}

/*
 * A reason given; NULL where there is none.
 */
static char *
reason_argument(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? NULL
								: text_to_cstring(PG_GETARG_TEXT_PP(number));
}
