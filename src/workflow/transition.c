/*
 * transition.c
 *		Delivering messages: running the core and carrying out its effects.
 *
 * Effects change the workflow in memory and add rows to the batch; nothing is
 * written before hitl_batch_write().  Each step thus sees the results of the
 * steps before it, and a batch costs the same few statements whatever is in it.
 */
#include "postgres.h"

#include "agent/budget.h"
#include "agent/model.h"
#include "approval/approval.h"
#include "common/pg_prng.h"
#include "core_bridge.h"
#include "hitl.h"
#include "log.h"
#include "undo/checkpoint.h"
#include "utils/builtins.h"
#include "worker/worker.h"
#include "workflow/admission.h"
#include "workflow/batch.h"
#include "workflow/branch.h"
#include "workflow/command.h"
#include "workflow/effects.h"
#include "workflow/happening.h"
#include "workflow/identifier.h"
#include "workflow/queue.h"

/*
 * Steps that one delivery may run before it leaves the rest to a message, so
 * that no workflow keeps the others of its batch waiting for long.
 */
#define MAX_STEPS_PER_DELIVERY 500

static void run_core(HitlBatch *batch, HitlWorkflow *workflow, const char *kind,
					 Jsonb *body, const char *actor, char **refusal);
static void leave_to_engine(HitlBatch *batch, HitlWorkflow *workflow,
							List *answers, bool more);
static void start(HitlBatch *batch, HitlWorkflow *workflow, Jsonb *body);
static void hear_approval(HitlBatch *batch, HitlWorkflow *workflow,
						  Jsonb *body);
static void apply_effects(HitlBatch *batch, HitlWorkflow *workflow,
						  const char *kind, const char *actor, List **answers);
static void apply_effect(HitlBatch *batch, HitlWorkflow *workflow,
						 const HitlEffect *effect, const char *kind,
						 const char *actor, List **answers);
static void add_answer(List **answers, const char *kind, char *body);
static bool is_callers_doing(const char *kind, const char *event_type);
static char *request_approval(HitlBatch *batch, HitlWorkflow *workflow,
							  const HitlEffect *effect);

/*
 * Deliver one message of the mailbox.
 */
void
hitl_deliver(HitlBatch *batch, HitlWorkflow *workflow, const char *kind,
			 Jsonb *body)
{
	if (strcmp(kind, "approval") == 0)
		hear_approval(batch, workflow, body);
	else if (strcmp(kind, "approval_requested") == 0)
	{
		hitl_add_event(batch, workflow, "approval_requested", NULL, NULL, body,
					   NULL, hitl_member_text(body, "requested_by"));
		if (hitl_has_ended(workflow))
			hitl_await_nothing(batch, workflow); /* while it was asked */
		else if (workflow->definition == NULL &&
				 strcmp(workflow->status, "paused") != 0 &&
				 strcmp(workflow->status, "rolled_back") != 0)
			hitl_set_status(batch, workflow, "waiting_approval");
	}
	else if (strcmp(kind, "start") == 0 || strcmp(kind, "scheduled_start") == 0)
		start(batch, workflow, body);
	else if (strcmp(kind, "admit") == 0)
		hitl_hear_admission(batch, workflow);
	else if (strcmp(kind, "deadline") == 0)
		hitl_keep_deadline(batch, workflow);
	else if (strcmp(kind, "changed") == 0)
	{
		workflow->to_publish = true;
		hitl_publish_changed(batch, body);
	}
	else if (strcmp(kind, "request_redacted") == 0)
		hitl_add_event(batch, workflow, "request_redacted", NULL, NULL,
					   hitl_some_members(body, "request_id", "reason", "body",
										 "response_body", NULL),
					   NULL, hitl_member_text(body, "actor"));
	else if (strcmp(kind, "usage") == 0)
		hitl_hear_usage(batch, body);
	else if (strcmp(kind, "signal_sent") == 0)
		hitl_hear_signal(batch, workflow, body);
	else if (strcmp(kind, "recover") == 0)
		hitl_recover(batch, workflow, body);
	else if (workflow->definition != NULL && !hitl_has_ended(workflow))
	{
		/* The control state of one failed from outside would still go on. */
		run_core(batch, workflow, kind, body, hitl_member_text(body, "actor"),
				 NULL);
	}
}

/*
 * Have a control message obeyed.
 */
void
hitl_command(HitlBatch *batch, HitlWorkflow *workflow, const char *kind,
			 Jsonb *body, const char *actor)
{
	static const char *const done[][2] = {
		{"pause", "paused"},		 {"resume", "resumed"},
		{"cancel", "cancelled"},	 {"skip", "made to skip this step"},
		{"rollback", "rolled back"},
	};
	char *refusal = hitl_try_command(batch, workflow, kind, body, actor);
	const char *participle = "changed";
	int i;

	if (refusal == NULL)
		return;
	for (i = 0; i < lengthof(done); i++)
		if (strcmp(kind, done[i][0]) == 0)
			participle = done[i][1];
	ereport(ERROR,
			(errcode(ERRCODE_HITL_INVALID_TRANSITION),
			 errmsg("workflow %s cannot be %s", hitl_id_text(&workflow->id), participle),
			 errdetail_internal("%c%s.", pg_toupper(refusal[0]), refusal + 1)));
}

/*
 * The same, but say why if it cannot be.
 */
char *
hitl_try_command(HitlBatch *batch, HitlWorkflow *workflow, const char *kind,
				 Jsonb *body, const char *actor)
{
	char *refusal = NULL;

	run_core(batch, workflow, kind, body, actor, &refusal);
	return refusal;
}

/*
 * Fail a workflow from outside its definition.
 */
void
hitl_fail_workflow(HitlBatch *batch, HitlWorkflow *workflow, const char *kind,
				   const char *message, const char *sqlstate)
{
	Jsonb *error = hitl_facts("kind", kind, "message", message, "sqlstate",
							  sqlstate, NULL);

	workflow->error = error;
	hitl_set_status(batch, workflow, "failed");
	hitl_add_event(batch, workflow, "workflow_failed", NULL, NULL, error, NULL,
				   NULL);
	hitl_await_nothing(batch, workflow);
}

/*
 * Let the core process a message, and go on while steps are ready; in a
 * session the engine goes on, lest the client waits for steps.  A command that
 * cannot be obeyed sets refusal.
 */
static void
run_core(HitlBatch *batch, HitlWorkflow *workflow, const char *kind,
		 Jsonb *body, const char *actor, char **refusal)
{
	HitlMessage message;
	List *answers = NIL;
	bool in_session = !batch->by_engine;
	int steps;

	message.kind = kind;
	message.body = body ? hitl_jsonb_text(body) : NULL;
	message.random = pg_prng_double(&pg_global_prng_state);
	message.now_us = batch->now + HITL_UNIX_EPOCH_US;

	for (steps = 0;; steps++)
	{
		HitlResult result;
		bool more;

		batch->host_data.workflow = workflow;
		result = hitl_core()->advance(workflow->definition, workflow->control,
									  &message, &batch->host, &batch->effects);
		if (result == HITL_NO_MEMORY)
			hitl_core_out_of_memory();
		if (result == HITL_HOST_FAILED)
			hitl_host_rethrow(&batch->host_data);
		if (result == HITL_INVALID && refusal)
		{
			*refusal = pstrdup(batch->effects.error ? batch->effects.error
													: "no reason was given");
			hitl_core()->free_effects(&batch->effects);
			return;
		}
		if (result != HITL_OK)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("workflow %s cannot process a message of kind \"%s\"",
							hitl_id_text(&workflow->id), message.kind),
					 errdetail_internal("%s", batch->effects.error ? batch->effects.error :
										"No reason was given.")));

		more = batch->effects.more;
		apply_effects(batch, workflow, message.kind, actor, &answers);

		message.body = NULL;
		actor = NULL;
		refusal = NULL;
		if (in_session)
		{
			/* The engine does the rest; who commands does not wait for it. */
			leave_to_engine(batch, workflow, answers, more);
			return;
		}
		if (answers != NIL)
		{
			const HitlAnswer *answer = linitial(answers);

			message.kind = answer->kind;
			message.body = answer->body;
			answers = list_delete_first(answers);
		}
		else if (!more)
			return;
		else if (steps < MAX_STEPS_PER_DELIVERY)
			message.kind = "continue";
		else
		{
			leave_to_engine(batch, workflow, NIL, true);
			return;
		}
	}
}

/*
 * Put answers and "continue" into the workflow's own mailbox.
 */
static void
leave_to_engine(HitlBatch *batch, HitlWorkflow *workflow, List *answers,
				bool more)
{
	ListCell *cell;

	foreach(cell, answers)
	{
		const HitlAnswer *answer = lfirst(cell);

		hitl_add_message(batch, &workflow->id, answer->kind,
						 hitl_jsonb_parse(answer->body));
	}
	if (more)
		hitl_add_message(batch, &workflow->id, "continue",
						 hitl_jsonb_parse("{}"));
}

/*
 * Have the effects of the core carried out.
 */
static void
apply_effects(HitlBatch *batch, HitlWorkflow *workflow, const char *kind,
			  const char *actor, List **answers)
{
	int i;

	/* Before any of them can raise an error: the control state has moved. */
	workflow->changed |= batch->effects.count > 0 || batch->effects.moved;
	for (i = 0; i < batch->effects.count; i++)
	{
		const HitlEffect *effect = &batch->effects.items[i];

		batch->scope = effect->scope;
		apply_effect(batch, workflow, effect, kind, actor, answers);
		batch->scope = 0;
	}
	hitl_core()->free_effects(&batch->effects);
}

/*
 * "start": the goal and the context become part of the data first.
 */
static void
start(HitlBatch *batch, HitlWorkflow *workflow, Jsonb *body)
{
	Jsonb *task = hitl_member(body, "task");
	Jsonb *context = hitl_member(body, "context");
	char *actor = hitl_member_text(body, "actor");
	Jsonb *message = NULL;

	/* A second start, or one of a workflow cancelled or rolled back meanwhile. */
	if (workflow->definition == NULL ||
		strcmp(workflow->status, "pending") != 0)
		return;
	if (hitl_hold_start(batch, workflow, body))
		return;
	if (task || context)
	{
		StringInfoData delta;

		initStringInfo(&delta);
		appendStringInfoChar(&delta, '{');
		if (task)
			appendStringInfo(&delta, "\"task\": %s", hitl_jsonb_text(task));
		if (context)
			appendStringInfo(&delta, "%s\"variables\": %s", task ? ", " : "",
							 hitl_jsonb_text(context));
		appendStringInfoChar(&delta, '}');
		hitl_add_event(batch, workflow, "state_updated", NULL, NULL, NULL,
					   hitl_jsonb_parse(delta.data), actor);
	}
	if (!hitl_owner_exists(workflow))
	{
		hitl_fail_workflow(
			batch, workflow, "permission_error",
			psprintf("role \"%s\", which owns it, does not exist",
					 workflow->owner),
			NULL);
		return;
	}
	if (workflow->deadline != 0)
		message = hitl_jsonb_parse(
			psprintf("{\"deadline_us\": " INT64_FORMAT "}",
					 workflow->deadline + HITL_UNIX_EPOCH_US));
	run_core(batch, workflow, "start", message, actor, NULL);
}

/*
 * "approval": a response to one of the workflow's requests, and its outcome
 * if it decided the request.
 */
static void
hear_approval(HitlBatch *batch, HitlWorkflow *workflow, Jsonb *body)
{
	char *step = hitl_member_text(body, "step_name");
	char *approval = hitl_member_text(body, "approval_id");
	char *approver = hitl_member_text(body, "approver_id");
	char *decision = hitl_member_text(body, "decision");
	char *outcome = hitl_member_text(body, "outcome");
	char *happened = hitl_member_text(body, "happened");

	batch->scope = hitl_token_scope(batch, workflow,
									hitl_member_int(body, "token", 0));
	if (decision)
		hitl_add_event(batch, workflow,
					   hitl_is_answer(decision)
						   ? "approval_responded"
						   : psprintf("approval_%s", decision),
					   step, NULL,
					   hitl_some_members(body, "approval_id", "decision",
										 "feedback", "edits", "on_behalf_of",
										 NULL),
					   NULL, approver);
	if (happened)
		hitl_add_event(batch, workflow, psprintf("approval_%s", happened), step,
					   NULL,
					   hitl_some_members(body, "approval_id", "asked", NULL),
					   NULL, NULL);
	if (outcome)
		hitl_add_event(batch, workflow, psprintf("approval_%s", outcome), step,
					   NULL,
					   hitl_facts("approval_id", approval, "reason",
								  hitl_member_text(body, "reason"),
								  "decision_hash",
								  hitl_member_text(body, "decision_hash"),
								  NULL),
					   NULL, hitl_member_text(body, "actor"));
	batch->scope = 0;
	if (outcome == NULL && hitl_member(body, "error") == NULL)
		return;

	if (workflow->definition == NULL)
	{
		if (outcome && strcmp(workflow->status, "waiting_approval") == 0)
		{
			if (strcmp(outcome, "approved") == 0 ||
				strcmp(outcome, "rejected") == 0)
				hitl_set_status(batch, workflow, outcome);
			else
				hitl_set_status(batch, workflow, "running");
		}
	}
	else if (hitl_member(body, "token") &&
			 !hitl_status_is_final(workflow->status))
		run_core(batch, workflow, "approval", body, NULL, NULL);
}

/*
 * Carry out one effect.
 */
static void
apply_effect(HitlBatch *batch, HitlWorkflow *workflow, const HitlEffect *effect,
			 const char *kind, const char *actor, List **answers)
{
	/* A rollback reuses the list of effects. */
	bool to_log = hitl_logs(HITL_LOG_OF_STEPS) &&
		effect->kind != HITL_EFFECT_ROLLBACK;
	int answers_before = list_length(*answers);

	/* The others read it themselves, if at all. */
	Jsonb *body = effect->body &&
			(effect->kind == HITL_EFFECT_EVENT ||
			 effect->kind == HITL_EFFECT_STATUS ||
			 effect->kind == HITL_EFFECT_CHECKPOINT ||
			 effect->kind == HITL_EFFECT_ROLLBACK)
		? hitl_jsonb_parse(effect->body)
		: NULL;

	if (effect->token != 0 && effect->kind != HITL_EFFECT_WITHDRAW)
		hitl_settle_withdrawals(batch, workflow);
	switch (effect->kind)
	{
		case HITL_EFFECT_EVENT:
			hitl_add_event(batch, workflow, effect->type, effect->step,
						   effect->position, body,
						   effect->delta ? hitl_jsonb_parse(effect->delta)
										 : NULL,
						   is_callers_doing(kind, effect->type) ? actor : NULL);
			break;

		case HITL_EFFECT_STATUS:
			if (strcmp(effect->type, "failed") == 0)
				workflow->error = body;
			hitl_set_status(batch, workflow, pstrdup(effect->type));
			if (strcmp(effect->type, "completed") == 0)
				workflow->output = body;
			break;

		case HITL_EFFECT_CHECKPOINT:
			(void) hitl_take_checkpoint(batch, workflow, effect->type,
										effect->step, effect->position,
										body ? hitl_member_text(body,
																"description")
											 : NULL,
										effect->control, NULL);
			break;

		case HITL_EFFECT_REQUEST_APPROVAL:
			add_answer(answers, "approval",
					   request_approval(batch, workflow, effect));
			break;

		case HITL_EFFECT_RUN_TASK:
			{
				char *reply = hitl_run_task(batch, workflow, effect);

				add_answer(answers, "reply", reply);
			}
			break;

		case HITL_EFFECT_RUN_SQL:
			hitl_queue_statement(batch, workflow, effect);
			break;

		case HITL_EFFECT_RUN_HTTP:
			hitl_queue_http(batch, workflow, effect);
			break;

		case HITL_EFFECT_RUN_EXTERNAL:
			hitl_queue_external(batch, workflow, effect);
			break;

		case HITL_EFFECT_SET_TIMER:
			hitl_queue_timer(batch, workflow, effect);
			break;

		case HITL_EFFECT_AWAIT_SIGNAL:
			add_answer(answers, "signal",
					   hitl_await_signal(batch, workflow, effect));
			break;

		case HITL_EFFECT_START_CHILD:
			add_answer(answers, "child",
					   hitl_start_child(batch, workflow, effect));
			break;

		case HITL_EFFECT_FORK:
			hitl_fork(batch, workflow, effect);
			break;

		case HITL_EFFECT_JOIN:
			add_answer(answers, "reply", hitl_join(batch, workflow, effect));
			break;

		case HITL_EFFECT_REMOVE_BRANCHES:
			hitl_remove_branches(batch, workflow, effect);
			break;

		case HITL_EFFECT_WITHDRAW:
			hitl_withdraw_token(batch, workflow, effect->token);
			break;

		case HITL_EFFECT_ROLLBACK:
			{
				/* the rewind reuses the list of effects */
				char *name = pstrdup(effect->type);
				char *reason = body ? hitl_member_text(body, "reason") : NULL;
				bool resume = body && hitl_member(body, "resume") != NULL;
				HitlEffect rollback = *effect;
				Jsonb *undo = NULL;

				hitl_core()->free_effects(&batch->effects);
				if (body == NULL || hitl_member(body, "undone") == NULL)
					undo = hitl_steps_to_undo(batch, workflow, name);
				if (undo)
					add_answer(answers, "rollback",
							   hitl_rollback_body(name, reason, NULL, undo,
												  resume));
				else if (hitl_return_to_checkpoint(batch, workflow, name,
												   reason,
												   strcmp(kind, "rollback") == 0
													   ? actor
													   : NULL) != NULL)
				{
					if (resume)
						add_answer(answers, "start", pstrdup("{}"));
				}
				else
				{
					char *fault = psprintf("checkpoint \"%s\" does not exist",
										   name);

					/* Who awaits an answer can do something else instead. */
					if (rollback.token != 0)
						add_answer(answers, "reply",
								   hitl_refusal(&rollback, fault));
					else
						hitl_fail_workflow(batch, workflow, "validation_error",
										   fault, NULL);
				}
			}
			break;
	}

	/* What was answered at once is not waited for. */
	if (to_log && list_length(*answers) == answers_before)
		hitl_log_step(batch, workflow, effect);
}

/*
 * An answer that is there at once; NULL for none.
 */
static void
add_answer(List **answers, const char *kind, char *body)
{
	HitlAnswer *answer;

	if (body == NULL)
		return;
	answer = palloc(sizeof(HitlAnswer));
	answer->kind = kind;
	answer->body = body;
	*answers = lappend(*answers, answer);
}

/*
 * Of the events that follow from a message, these are what its sender wanted;
 * the others are the engine's.
 */
static bool
is_callers_doing(const char *kind, const char *event_type)
{
	static const char *const types[] = {"workflow_started",
										"workflow_resumed",
										"workflow_paused",
										"workflow_retried",
										"workflow_cancelled",
										"undo_started"};
	int i;

	for (i = 0; i < lengthof(types); i++)
		if (strcmp(event_type, types[i]) == 0)
			return true;
	return strcmp(kind, "skip") == 0 && strcmp(event_type, "step_skipped") == 0;
}

/*
 * Ask humans on behalf of a step.  Returns the body of the approval message if
 * they cannot be asked.
 */
static char *
request_approval(HitlBatch *batch, HitlWorkflow *workflow,
				 const HitlEffect *effect)
{
	pg_uuid_t *id = palloc(sizeof(pg_uuid_t));
	Jsonb *body = hitl_jsonb_parse(effect->body);
	int sqlerrcode = 0;
	char *why;

	*id = hitl_new_id(hitl_id_partition(&workflow->id));
	why = hitl_prepare_approval(&batch->approvals, id, &workflow->id,
								effect->token, effect->step, body,
								workflow->name, workflow->owner,
								list_make1(workflow->owner), &sqlerrcode);
	if (why)
		return hitl_refusal(effect, why);
	hitl_add_event(batch, workflow, "approval_requested", effect->step,
				   effect->position,
				   hitl_facts("approval_id", hitl_id_text(id), "title",
							  hitl_member_text(body, "title"), NULL),
				   NULL, NULL);
	return NULL;
}

/*
 * Why an effect cannot be carried out, as a reply.
 */
char *
hitl_refusal(const HitlEffect *effect, const char *why)
{
	Jsonb *error = hitl_facts("kind", "validation_error", "message", why, NULL);

	return psprintf("{\"token\": " INT64_FORMAT ", \"error\": %s}",
					effect->token, hitl_jsonb_text(error));
}
