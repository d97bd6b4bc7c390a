/*
 * position.c
 *		Positions in the texts of the control state and of branches: which step
 *		a branch is at, what that awaits, what it keeps.
 *
 * What is read may have been tampered with, so every member is checked.
 */
#include "core/agent.h"

#include <string.h>

static const char *const state_names[] =
	{[HITL_READY] = "ready",
	 [HITL_AWAITS_APPROVAL] = "waiting_approval",
	 [HITL_AWAITS_REPLY] = "waiting_reply",
	 [HITL_AWAITS_TIMER] = "waiting_timer",
	 [HITL_AWAITS_RETRY] = "waiting_retry",
	 [HITL_AWAITS_SIGNAL] = "waiting_signal",
	 [HITL_AWAITS_CHILD] = "waiting_workflow",
	 [HITL_AWAITS_BRANCHES] = "waiting_branches",
	 NULL};

static const char *const position_members[] =
	{"position", "step",  "type",		  "state", "token",	 "attempt",
	 "since_us", "tries", "checkpointed", "call",  "result", "approval",
	 "branches", "outer", "agent",		  NULL};

static const char *const counts_members[] = {"first",	"total",	 "started",
											 "running", "completed", "failed",
											 NULL};

static const char *const frame_members[] = {"attempt", "tries", "token", NULL};

static void write_counts(HitlBuffer *buffer, const HitlCounts *counts);
static void write_frames(HitlBuffer *buffer, const HitlFrame *frame);
static const char *read_position(HitlControl *control, const HitlJson *object,
								 HitlBranch *branch);
static const char *read_frames(HitlControl *control, const HitlJson *frames,
							   HitlBranch *branch);
static const char *read_counts(const HitlControl *control,
							   const HitlJson *object, HitlPosition *position);
static const char *check_kept(const HitlPosition *position);
static bool may_await(const HitlStep *step, HitlPositionState state);
static bool read_text(HitlControl *control, const HitlJson *object,
					  const char *key, bool any_type, const char **text);

/*
 * Append the positions of a branch: one, or none.
 */
void
hitl_write_active(HitlBuffer *buffer, const HitlBranch *branch)
{
	const HitlPosition *position = &branch->position;

	hitl_append_text(buffer, ",\"active\":[");
	if (branch->has_position)
	{
		/* Names and paths of steps need no escapes. */
		hitl_append_text(buffer, "{\"position\":\"");
		hitl_append_text(buffer, position->step->path);
		hitl_append_text(buffer, "\",\"step\":\"");
		hitl_append_text(buffer, position->step->name);
		hitl_append_text(buffer, "\",\"type\":\"");
		hitl_append_text(buffer, position->step->kind->type);
		hitl_append_text(buffer, "\",\"state\":\"");
		hitl_append_text(buffer, state_names[position->state]);
		hitl_append_char(buffer, '"');
		if (position->token != 0)
			hitl_write_number(buffer, "token", position->token);
		hitl_write_number(buffer, "attempt", position->attempt);
		hitl_write_number(buffer, "since_us", position->since_us);
		if (position->tries > 0)
			hitl_write_number(buffer, "tries", position->tries);
		if (position->checkpointed)
			hitl_append_text(buffer, ",\"checkpointed\":true");
		if (position->call != NULL)
		{
			hitl_append_text(buffer, ",\"call\":");
			hitl_append_text(buffer, position->call);
		}
		if (position->result != NULL)
		{
			hitl_append_text(buffer, ",\"result\":");
			hitl_append_text(buffer, position->result);
		}
		if (position->approval != NULL)
		{
			hitl_append_text(buffer, ",\"approval\":");
			hitl_append_text(buffer, position->approval);
		}
		if (position->agent != NULL)
			hitl_write_agent(buffer, position);
		if (position->branches.total > 0)
			write_counts(buffer, &position->branches);
		if (position->frames != NULL)
			write_frames(buffer, position->frames);
		hitl_append_char(buffer, '}');
	}
	hitl_append_char(buffer, ']');
}

/*
 * Read the positions of a branch: one, or none.
 */
const char *
hitl_read_active(HitlControl *control, const HitlJson *document,
				 HitlBranch *branch)
{
	const HitlJson *active = hitl_json_member(document, "active");

	if (active == NULL || active->type != HITL_JSON_ARRAY || active->count > 1)
		return "\"active\" of the control state is faulty";
	if (active->count == 0)
		return NULL;
	return read_position(control, active->first, branch);
}

/*
 * Append how the branches of a fork stand.
 */
static void
write_counts(HitlBuffer *buffer, const HitlCounts *counts)
{
	hitl_append_text(buffer, ",\"branches\":{\"first\":");
	hitl_append_integer(buffer, counts->first);
	hitl_write_number(buffer, "total", counts->total);
	hitl_write_number(buffer, "started", counts->started);
	hitl_write_number(buffer, "running", counts->running);
	hitl_write_number(buffer, "completed", counts->completed);
	hitl_write_number(buffer, "failed", counts->failed);
	hitl_append_char(buffer, '}');
}

/*
 * Append the steps around a position, innermost first.
 */
static void
write_frames(HitlBuffer *buffer, const HitlFrame *frame)
{
	hitl_append_text(buffer, ",\"outer\":[");
	for (; frame != NULL; frame = frame->outer)
	{
		hitl_append_text(buffer, "{\"attempt\":");
		hitl_append_integer(buffer, frame->attempt);
		if (frame->tries > 0)
			hitl_write_number(buffer, "tries", frame->tries);
		if (frame->token > 0)
			hitl_write_number(buffer, "token", frame->token);
		hitl_append_text(buffer, frame->outer == NULL ? "}" : "},");
	}
	hitl_append_char(buffer, ']');
}

/*
 * Read one element of "active".
 */
static const char *
read_position(HitlControl *control, const HitlJson *object, HitlBranch *branch)
{
	const HitlJson *path = hitl_json_member(object, "position");
	const HitlJson *name = hitl_json_member(object, "step");
	const HitlJson *type = hitl_json_member(object, "type");
	const HitlJson *checkpointed = hitl_json_member(object, "checkpointed");
	HitlPosition *position = &branch->position;
	const HitlStep *step = NULL;
	const char *reason;
	int state;

	if (object->type != HITL_JSON_OBJECT ||
		!hitl_only_members(object, position_members))
		return "an active step has unknown members, or is no object";
	if (path != NULL && path->type == HITL_JSON_STRING)
		step = hitl_find_step(&control->definition->by_path, path->text);
	if (step == NULL || name == NULL || name->type != HITL_JSON_STRING ||
		strcmp(name->text, step->name) != 0 || type == NULL ||
		type->type != HITL_JSON_STRING ||
		strcmp(type->text, step->kind->type) != 0)
		return "an active step is not one of the definition";

	branch->has_position = true;
	position->step = step;
	state = hitl_find_name(hitl_json_member(object, "state"), state_names);
	if (state < 0 || !may_await(step, (HitlPositionState) state))
		return "the state of an active step is faulty";
	position->state = (HitlPositionState) state;
	if (!hitl_read_count(object, "token", 0, 0, INT64_MAX, &position->token) ||
		(state == HITL_READY
			 ? position->token != 0
			 : !hitl_is_token_of(control, branch, position->token)))
		return "the token of an active step is faulty";
	if (!hitl_read_int(object, "attempt", -1, 1, branch->highest,
					   &position->attempt))
		return "the attempt of an active step is faulty";
	if (!hitl_read_count(object, "since_us", INT64_MIN, INT64_MIN + 1,
						 INT64_MAX, &position->since_us))
		return "\"since_us\" of an active step is faulty";
	if (!hitl_read_int(object, "tries", 0, 0, INT32_MAX / 2, &position->tries))
		return "\"tries\" of an active step is faulty";
	position->checkpointed = checkpointed != NULL;
	if (checkpointed != NULL && checkpointed->type != HITL_JSON_TRUE)
		return "\"checkpointed\" of an active step is faulty";
	if (!read_text(control, object, "call", false, &position->call) ||
		!read_text(control, object, "result", true, &position->result) ||
		!read_text(control, object, "approval", false, &position->approval))
		return "what an active step keeps is faulty";
	reason = hitl_read_agent(control, hitl_json_member(object, "agent"),
							 position);
	if (reason == NULL)
		reason = check_kept(position);
	if (reason == NULL)
		reason = read_counts(control, hitl_json_member(object, "branches"),
							 position);
	if (reason == NULL)
		reason = read_frames(control, hitl_json_member(object, "outer"),
							 branch);
	return reason;
}

/*
 * Read the switches around a position, which must lead to the list that the
 * branch goes through.
 */
static const char *
read_frames(HitlControl *control, const HitlJson *frames, HitlBranch *branch)
{
	const char *faulty = "the steps around an active step are faulty";
	const HitlStepList *last = hitl_list_of(control, branch);
	const HitlStepList *list = branch->position.step->list;
	const HitlJson *object = NULL;
	const HitlFrame **next = &branch->position.frames;

	if (frames != NULL)
	{
		if (frames->type != HITL_JSON_ARRAY || frames->count == 0)
			return faulty;
		object = frames->first;
	}
	for (; list != last; list = list->parent->list)
	{
		HitlFrame *frame;

		if (list->parent == NULL || list->is_undo ||
			list->parent->kind != &hitl_switch_kind)
			return "an active step is not in the list of its branch";
		if (object == NULL || object->type != HITL_JSON_OBJECT ||
			!hitl_only_members(object, frame_members))
			return faulty;
		frame = hitl_alloc_zero(&control->arena, sizeof(HitlFrame));
		if (frame == NULL)
			return NULL;
		frame->step = list->parent;
		if (!hitl_read_int(object, "attempt", -1, 1, branch->highest,
						   &frame->attempt) ||
			!hitl_read_int(object, "tries", 0, 0, INT32_MAX / 2,
						   &frame->tries) ||
			!hitl_read_count(object, "token", 0, 0, INT64_MAX, &frame->token) ||
			(frame->token != 0 &&
			 !hitl_is_token_of(control, branch, frame->token)))
			return faulty;
		*next = frame;
		next = &frame->outer;
		object = object->next;
	}
	return object == NULL ? NULL : faulty;
}

/*
 * Read how the branches of a fork stand.
 */
static const char *
read_counts(const HitlControl *control, const HitlJson *object,
			HitlPosition *position)
{
	const HitlStep *step = position->step;
	HitlCounts *counts = &position->branches;

	if (object == NULL)
		return step->kind->forks && position->state != HITL_READY &&
				position->state != HITL_AWAITS_RETRY
			? "an active step awaits branches though it has none"
			: NULL;
	if (!step->kind->forks || position->state == HITL_AWAITS_RETRY ||
		object->type != HITL_JSON_OBJECT ||
		!hitl_only_members(object, counts_members) ||
		!hitl_read_int(object, "total", 0, 1, HITL_MAX_BRANCHES,
					   &counts->total) ||
		!hitl_read_count(object, "first", 0, 1,
						 control->last_branch - counts->total + 1,
						 &counts->first) ||
		!hitl_read_int(object, "started", -1, 0, counts->total,
					   &counts->started) ||
		!hitl_read_int(object, "completed", -1, 0, counts->started,
					   &counts->completed) ||
		!hitl_read_int(object, "failed", -1, 0,
					   counts->started - counts->completed, &counts->failed) ||
		!hitl_read_int(object, "running", -1, 0,
					   counts->started - counts->completed - counts->failed,
					   &counts->running) ||
		(step->as.fork.items == NULL && counts->total != step->as.fork.count))
		return "the branches of an active step are faulty";
	return NULL;
}

/*
 * Nothing may pass for an approval that was not given: only a gated task keeps
 * a call, and a task keeps nothing without one.
 */
static const char *
check_kept(const HitlPosition *position)
{
	const HitlStep *step = position->step;
	HitlGate gate = HITL_GATE_NONE;

	if (step->kind == &hitl_task_kind)
		gate = step->as.task.gate;
	if (position->call != NULL && gate == HITL_GATE_NONE)
		return "an active step keeps a call though it is no task with an approval";
	if (step->kind != &hitl_task_kind)
		return position->approval == NULL
			? NULL
			: "an active step keeps an approval though it is no task";
	if (position->call == NULL &&
		(position->result != NULL || position->approval != NULL))
		return "an active step keeps a result or an approval without a call";
	if (position->result != NULL && gate != HITL_GATE_AFTER)
		return "an active step keeps a result though it is not reviewed";
	if (position->approval != NULL && gate != HITL_GATE_BEFORE)
		return "an active step keeps an approval though it has none before it acts";
	if (position->agent != NULL)
	{
		/* It has begun, so it was let begin; its result comes at its end. */
		if ((gate != HITL_GATE_NONE && position->call == NULL) ||
			(gate == HITL_GATE_BEFORE && position->approval == NULL) ||
			position->result != NULL)
			return "what an active step keeps does not fit its agent";
	}
	else if (position->state == HITL_AWAITS_CHILD)
		return "an active task awaits a workflow though it has no agent";
	else if (position->state == HITL_AWAITS_TIMER)
		return "an active task awaits a time though it has no agent";
	else if (position->state == HITL_AWAITS_APPROVAL ||
			 position->state == HITL_AWAITS_REPLY)
	{
		bool asks = position->state == HITL_AWAITS_APPROVAL;

		if ((gate == HITL_GATE_NONE && asks) ||
			(gate != HITL_GATE_NONE && position->call == NULL) ||
			(gate == HITL_GATE_BEFORE &&
			 asks != (position->approval == NULL)) ||
			(gate == HITL_GATE_AFTER && asks != (position->result != NULL)))
			return "what an active step keeps does not fit its state";
	}
	return NULL;
}

/*
 * Can a step be in this state?
 */
static bool
may_await(const HitlStep *step, HitlPositionState state)
{
	if (state == HITL_READY)
		return true;
	if (state == HITL_AWAITS_RETRY)
		return !hitl_host_repeats(step);
	return (step->kind->awaits & 1U << state) != 0;
}

/*
 * Can a token have been given to a branch?
 */
bool
hitl_is_token_of(const HitlControl *control, const HitlBranch *branch,
				 int64_t token)
{
	int64_t counter = token & HITL_MAX_TOKEN;

	return token > 0 && HITL_TOKEN_BRANCH(token) == branch->id && counter > 0 &&
		counter <= control->token;
}

/*
 * A member that is kept as text: an object, or any value.
 */
static bool
read_text(HitlControl *control, const HitlJson *object, const char *key,
		  bool any_type, const char **text)
{
	const HitlJson *member = hitl_json_member(object, key);

	if (member == NULL)
		return true;
	if (member->type != HITL_JSON_OBJECT && !any_type)
		return false;
	*text = hitl_json_text(&control->arena, member);
	return true;
}
