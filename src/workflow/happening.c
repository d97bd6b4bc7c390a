/*
 * happening.c
 *		What the log says of workflows and their steps.
 */
#include "postgres.h"

#include "log.h"
#include "workflow/data.h"
#include "workflow/happening.h"

static const char *event_of_status(const char *status, const char *previous);
static const char *awaited(const HitlEffect *effect);
static HitlLine *begin(const char *event, const HitlWorkflow *workflow);
static void add_error(HitlLine *line, Jsonb *error);

/*
 * A workflow has another status.
 */
void
hitl_log_status(const HitlBatch *batch, const HitlWorkflow *workflow,
				const char *previous)
{
	bool failed = strcmp(workflow->status, "failed") == 0;
	HitlLine *line;

	if (!hitl_logs(failed ? HITL_LOG_OF_WORKFLOWS : HITL_LOG_WORKFLOWS))
		return;
	line = begin(event_of_status(workflow->status, previous), workflow);
	hitl_log_text(line, "name", workflow->name);
	hitl_log_text(line, "status", workflow->status);
	hitl_log_text(line, "previous", previous);
	if (workflow->has_parent)
		hitl_log_id(line, "parent_id", &workflow->parent_id);
	if (failed)
		add_error(line, workflow->error);
	if (workflow->finished_at != 0)
		hitl_log_since(line, workflow->started_at, workflow->finished_at);
	hitl_log_at_commit(line);
}

/*
 * An event that comes with no other status.
 */
void
hitl_log_event(const HitlWorkflow *workflow, const char *type)
{
	static const char *const types[] = {"workflow_migrated",
										"workflow_recovered",
										"recovery_refused"};
	int i;

	if (!hitl_logs(HITL_LOG_WORKFLOWS))
		return;
	for (i = 0; i < lengthof(types); i++)
		if (strcmp(type, types[i]) == 0)
			hitl_log_at_commit(begin(types[i], workflow));
}

/*
 * An effect of the core that is about a step: it has ended in some way, or
 * begun to wait for something.
 */
void
hitl_log_step(const HitlBatch *batch, const HitlWorkflow *workflow,
			  const HitlEffect *effect)
{
	static const struct
	{
		const char *type;
		int kinds;
	} types[] = {
		{"step_completed", HITL_LOG_STEPS}, {"step_skipped", HITL_LOG_STEPS},
		{"step_failed", HITL_LOG_OF_STEPS}, {"step_retried", HITL_LOG_STEPS},
		{"step_undone", HITL_LOG_STEPS},
	};
	const char *event = NULL;
	HitlLine *line;
	int kinds = HITL_LOG_STEPS;
	int i;

	if (effect->kind != HITL_EFFECT_EVENT)
		event = awaited(effect) ? "step_waiting" : NULL;
	else
		for (i = 0; i < lengthof(types) && event == NULL; i++)
			if (strcmp(effect->type, types[i].type) == 0)
			{
				event = types[i].type;
				kinds = types[i].kinds;
			}
	if (event == NULL || !hitl_logs(kinds))
		return;
	line = begin(event, workflow);
	hitl_log_text(line, "step", effect->step);
	if (effect->attempt > 0)
		hitl_log_number(line, "attempt", effect->attempt);
	if (effect->scope > 0)
		hitl_log_number(line, "scope", effect->scope);
	if (effect->kind != HITL_EFFECT_EVENT)
		hitl_log_text(line, "for", awaited(effect));
	else
	{
		if (effect->body)
			add_error(line, hitl_jsonb_parse(effect->body));
		if (effect->since_us != 0)
			hitl_log_since(line, effect->since_us - HITL_UNIX_EPOCH_US,
						   batch->now);
	}
	hitl_log_at_commit(line);
}

/*
 * A workflow was failed since it could not be processed, not even alone.
 */
void
hitl_log_failed_alone(const pg_uuid_t *id, const char *kind, int sqlerrcode)
{
	HitlLine *line = hitl_log_begin("workflow_failed");

	hitl_log_id(line, "workflow_id", id);
	hitl_log_text(line, "status", "failed");
	hitl_log_text(line, "kind", kind);
	hitl_log_text(line, "sqlstate", unpack_sql_state(sqlerrcode));
	hitl_log_true(line, "alone");
	hitl_log_at_commit(line);
}

/*
 * A workflow cannot be processed now.
 */
void
hitl_log_put_off(const pg_uuid_t *id, int times, bool held)
{
	HitlLine *line = hitl_log_begin("workflow_put_off");

	hitl_log_id(line, "workflow_id", id);
	hitl_log_number(line, "times", times);
	hitl_log_text(line, "reason", held ? "locked" : "error");
	hitl_log_at_commit(line);
}

/*
 * The workflows of a batch that has failed are taken up one at a time.
 */
void
hitl_log_divided(int workflows, int sqlerrcode)
{
	HitlLine *line = hitl_log_begin("batch_divided");

	hitl_log_number(line, "workflows", workflows);
	hitl_log_text(line, "sqlstate", unpack_sql_state(sqlerrcode));
	hitl_log_now(line);
}

/*
 * The name of what has happened to a workflow that has another status now.
 */
static const char *
event_of_status(const char *status, const char *previous)
{
	static const struct
	{
		const char *status;
		const char *event;
	} events[] = {
		{"waiting", "workflow_waiting"},
		{"waiting_approval", "workflow_waiting"},
		{"paused", "workflow_paused"},
		{"approved", "workflow_approved"},
		{"rejected", "workflow_rejected"},
		{"completed", "workflow_completed"},
		{"failed", "workflow_failed"},
		{"cancelled", "workflow_cancelled"},
		{"rolled_back", "workflow_rolled_back"},
		{"pending", "workflow_pending"},
	};
	int i;

	for (i = 0; i < lengthof(events); i++)
		if (strcmp(status, events[i].status) == 0)
			return events[i].event;
	return strcmp(previous, "pending") == 0 ? "workflow_started"
											: "workflow_running";
}

/*
 * What a step awaits that has had this effect; NULL: nothing, or what another
 * effect tells.
 */
static const char *
awaited(const HitlEffect *effect)
{
	switch (effect->kind)
	{
		case HITL_EFFECT_REQUEST_APPROVAL:
			return "approval";
		case HITL_EFFECT_RUN_TASK:
			return "model";
		case HITL_EFFECT_RUN_HTTP:
			return "http";
		case HITL_EFFECT_RUN_SQL:
			return "statement";
		case HITL_EFFECT_RUN_EXTERNAL:
			return "program";
		case HITL_EFFECT_AWAIT_SIGNAL:
			return "signal";
		case HITL_EFFECT_START_CHILD:
			return "child";
		case HITL_EFFECT_SET_TIMER:
			return effect->alone ? "time" : NULL;
		default:
			return NULL;
	}
}

/*
 * Begin a line about a workflow.
 */
static HitlLine *
begin(const char *event, const HitlWorkflow *workflow)
{
	HitlLine *line = hitl_log_begin(event);

	hitl_log_id(line, "workflow_id", &workflow->id);
	return line;
}

/*
 * Of an error, what it is; its message may contain anything.
 */
static void
add_error(HitlLine *line, Jsonb *error)
{
	if (error == NULL || !JB_ROOT_IS_OBJECT(error))
		return;
	hitl_log_text(line, "kind", hitl_member_text(error, "kind"));
	hitl_log_text(line, "sqlstate", hitl_member_text(error, "sqlstate"));
}
