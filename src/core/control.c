/*
 * control.c
 *		The control state of a workflow: which steps are active and what they
 *		await.  It is written with every transition, so its text is small: the
 *		branches of parallel and foreach steps have texts of their own.
 */
#include "core/internal.h"

#include <stdlib.h>
#include <string.h>

const char *const hitl_status_names[] =
	{[HITL_PENDING] = "pending",
	 [HITL_RUNNING] = "running",
	 [HITL_WAITING] = "waiting",
	 [HITL_WAITING_APPROVAL] = "waiting_approval",
	 [HITL_PAUSED] = "paused",
	 [HITL_ROLLED_BACK] = "rolled_back",
	 [HITL_COMPLETED] = "completed",
	 [HITL_FAILED] = "failed",
	 [HITL_REJECTED] = "rejected",
	 [HITL_CANCELLED] = "cancelled",
	 NULL};

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

static const char *const members[] = {"completed", "total",		"active",
									  "status",	   "token",		"entered",
									  "round",	   "highest",	"branches",
									  "ready",	   "approvals", "replies",
									  "deadline",  "undo",		NULL};

static const char *const branch_members[] = {"parent",	"owner", "index",
											 "event",	"scope", "active",
											 "entered", "round", "highest",
											 NULL};

static const char *const position_members[] =
	{"position", "step",	 "type",	 "state",		 "token",
	 "attempt",	 "since_us", "tries",	 "checkpointed", "call",
	 "result",	 "approval", "branches", "outer",		 NULL};

static const char *const counts_members[] = {"first",	"total",	 "started",
											 "running", "completed", "failed",
											 NULL};

static const char *const frame_members[] = {"attempt", "tries", "token", NULL};

static const char *const deadline_members[] = {"token", "at_us", NULL};

static const char *const undo_members[] = {"checkpoint", "reason", "first",
										   "total",		 "done",   NULL};

static void write_active(HitlBuffer *buffer, const HitlBranch *branch);
static void write_counts(HitlBuffer *buffer, const HitlCounts *counts);
static void write_frames(HitlBuffer *buffer, const HitlFrame *frame);
static void write_number(HitlBuffer *buffer, const char *key, int64_t value);
static const char *read_control(HitlControl *control, const HitlJson *document);
static const char *read_ready(HitlControl *control, const HitlJson *array);
static const char *read_deadline(HitlControl *control, const HitlJson *object);
static const char *read_undo(HitlControl *control, const HitlJson *object);
static const char *read_attempts(const HitlJson *document, HitlBranch *branch);
static const char *read_active(HitlControl *control, const HitlJson *document,
							   HitlBranch *branch);
static const char *read_position(HitlControl *control, const HitlJson *object,
								 HitlBranch *branch);
static const char *read_frames(HitlControl *control, const HitlJson *frames,
							   HitlBranch *branch);
static const char *read_counts(const HitlControl *control,
							   const HitlJson *object, HitlPosition *position);
static const char *check_kept(const HitlPosition *position);
static bool may_await(const HitlStep *step, HitlPositionState state);
static bool is_token_of(const HitlControl *control, const HitlBranch *branch,
						int64_t token);
static bool read_text(HitlControl *control, const HitlJson *object,
					  const char *key, bool any_type, const char **text);
static bool read_count(const HitlJson *object, const char *key,
					   int64_t otherwise, int64_t low, int64_t high,
					   int64_t *count);
static bool read_int(const HitlJson *object, const char *key, int otherwise,
					 int low, int high, int *count);
static int find_name(const HitlJson *value, const char *const *names);
static bool only_members(const HitlJson *object, const char *const *names);

/*
 * Control state from its text; NULL gives that of a workflow not started.
 */
HitlResult
hitl_parse_control(const HitlDefinition *definition, const char *json,
				   HitlControl **control, char **error)
{
	HitlArena arena;
	HitlArena scratch;
	HitlControl *result;
	HitlResult outcome = HITL_OK;
	const HitlJson *document;
	const char *reason = NULL;

	*control = NULL;
	if (error != NULL)
		*error = NULL;
	hitl_arena_init(&arena);
	hitl_arena_init(&scratch);
	result = hitl_alloc_zero(&arena, sizeof(HitlControl));
	if (result == NULL)
		return HITL_NO_MEMORY;
	result->arena = arena;
	result->definition = definition;
	result->highest = 1;
	result->root.status = HITL_BRANCH_ACTIVE;
	result->root.highest = 1;
	if (json != NULL)
	{
		outcome = hitl_json_parse(&scratch, json, strlen(json),
								  HITL_JSON_COMPOSED, &document, NULL);
		if (outcome == HITL_INVALID)
			reason = "the control state is no JSON";
		else if (outcome == HITL_OK)
			reason = read_control(result, document);
		if (scratch.failed || result->arena.failed)
			outcome = HITL_NO_MEMORY;
		else if (reason != NULL)
			outcome = HITL_INVALID;
	}
	hitl_arena_free(&scratch);
	if (outcome == HITL_OK)
	{
		*control = result;
		return HITL_OK;
	}
	hitl_free_control(result);
	if (outcome == HITL_INVALID && error != NULL)
	{
		*error = hitl_malloc_text(reason);
		if (*error == NULL)
			outcome = HITL_NO_MEMORY;
	}
	return outcome;
}

/*
 * Control state as text, to be returned to free_text.
 */
HitlResult
hitl_dump_control(const HitlControl *control, char **json)
{
	HitlArena scratch;
	HitlBuffer buffer;
	const char *text;

	*json = NULL;
	hitl_arena_init(&scratch);
	hitl_buffer_init(&buffer, &scratch);
	hitl_write_control(&buffer, control);
	text = hitl_buffer_text(&buffer);
	if (text != NULL)
		*json = hitl_malloc_text(text);
	hitl_arena_free(&scratch);
	return *json == NULL ? HITL_NO_MEMORY : HITL_OK;
}

/*
 * Free control state.
 */
void
hitl_free_control(HitlControl *control)
{
	if (control != NULL)
		hitl_arena_free(&control->arena);
}

/*
 * Append control state as text.
 */
void
hitl_write_control(HitlBuffer *buffer, const HitlControl *control)
{
	const HitlUndo *undo = &control->undo;
	int i;

	hitl_append_text(buffer, "{\"completed\":");
	hitl_append_integer(buffer, control->completed);
	write_number(buffer, "total", control->definition->root.count);
	write_active(buffer, &control->root);
	hitl_append_text(buffer, ",\"status\":\"");
	hitl_append_text(buffer, hitl_status_names[control->status]);
	hitl_append_char(buffer, '"');
	write_number(buffer, "token", control->token);
	write_number(buffer, "entered", control->root.entered);
	if (control->root.round > 0)
		write_number(buffer, "round", control->root.round);
	if (control->highest > control->root.round + 1)
		write_number(buffer, "highest", control->highest);
	if (control->last_branch > 0)
		write_number(buffer, "branches", control->last_branch);
	for (i = 0; i < control->ready_count; i++)
	{
		hitl_append_text(buffer, i > 0 ? "," : ",\"ready\":[");
		hitl_append_integer(buffer, control->ready[i]);
	}
	if (control->ready_count > 0)
		hitl_append_char(buffer, ']');
	if (control->approvals > 0)
		write_number(buffer, "approvals", control->approvals);
	if (control->replies > 0)
		write_number(buffer, "replies", control->replies);
	if (control->deadline_us > 0)
	{
		hitl_append_text(buffer, ",\"deadline\":{\"at_us\":");
		hitl_append_integer(buffer, control->deadline_us);
		if (control->deadline > 0)
			write_number(buffer, "token", control->deadline);
		hitl_append_char(buffer, '}');
	}
	if (undo->total > 0)
	{
		hitl_append_text(buffer, ",\"undo\":{");
		hitl_json_write_member(buffer, "checkpoint", undo->checkpoint);
		hitl_json_write_member(buffer, "reason", undo->reason);
		write_number(buffer, "first", undo->first);
		write_number(buffer, "total", undo->total);
		write_number(buffer, "done", undo->done);
		hitl_append_char(buffer, '}');
	}
	hitl_append_char(buffer, '}');
}

/*
 * Append the text of a branch that is under way.
 */
void
hitl_write_branch(HitlBuffer *buffer, const HitlBranch *branch)
{
	hitl_append_text(buffer, "{\"parent\":");
	hitl_append_integer(buffer, branch->parent);
	hitl_append_text(buffer, ",\"owner\":\"");
	hitl_append_text(buffer, branch->owner->path);
	hitl_append_char(buffer, '"');
	write_number(buffer, "index", branch->index);
	if (branch->event > 0)
		write_number(buffer, "event", branch->event);
	write_number(buffer, "scope", branch->scope);
	write_active(buffer, branch);
	write_number(buffer, "entered", branch->entered);
	if (branch->round > 0)
		write_number(buffer, "round", branch->round);
	if (branch->highest > branch->round + 1)
		write_number(buffer, "highest", branch->highest);
	hitl_append_char(buffer, '}');
}

/*
 * Read the text of a branch, whose number is set; why it is refused, or NULL.
 */
const char *
hitl_read_branch(HitlControl *control, const HitlJson *document,
				 HitlBranch *branch)
{
	const HitlJson *owner = hitl_json_member(document, "owner");
	const HitlFork *fork;
	const char *reason;

	if (document->type != HITL_JSON_OBJECT ||
		!only_members(document, branch_members))
		return "the text of a branch has unknown members, or is no object";
	if (owner != NULL && owner->type == HITL_JSON_STRING)
		branch->owner = hitl_find_step(&control->definition->by_path,
									   owner->text);
	if (branch->owner == NULL ||
		!read_count(document, "event", 0, 1, INT32_MAX, &branch->event))
		branch->event = 0;
	if (branch->owner == NULL ||
		(branch->event == 0 && hitl_json_member(document, "event") != NULL))
		return "a branch is of no step of the definition";
	if (!read_int(document, "index", -1, 0, HITL_MAX_BRANCHES - 1,
				  &branch->index) ||
		!read_count(document, "parent", -1, 0, branch->id - 1,
					&branch->parent) ||
		!read_count(document, "scope", -1, 0, branch->id, &branch->scope) ||
		!read_int(document, "entered", -1, 0, HITL_STEP_BUDGET + 1,
				  &branch->entered))
		return "the numbers of a branch are faulty";
	fork = &branch->owner->as.fork;
	if (branch->event > 0 ? branch->owner->undo == NULL ||
				branch->scope != branch->id || branch->parent != 0
						  : !branch->owner->kind->forks ||
				(fork->items == NULL ? branch->index >= fork->count
									 : branch->scope != branch->id))
		return "a branch does not fit its step";
	reason = read_attempts(document, branch);
	if (reason == NULL)
		reason = read_active(control, document, branch);
	if (reason == NULL && !branch->has_position)
		return "a branch has no active step";
	return reason;
}

/*
 * The list that a branch goes through.
 */
const HitlStepList *
hitl_list_of(const HitlControl *control, const HitlBranch *branch)
{
	if (branch->owner == NULL)
		return &control->definition->root;
	if (branch->event > 0)
		return branch->owner->undo;
	return &branch->owner->as.fork
				.lists[branch->owner->as.fork.items == NULL ? branch->index
															: 0];
}

/*
 * Is the workflow over?
 */
bool
hitl_has_ended(const HitlControl *control)
{
	return control->status >= HITL_COMPLETED;
}

/*
 * May something come that its steps await?
 */
bool
hitl_is_under_way(const HitlControl *control)
{
	return control->status >= HITL_RUNNING && control->status <= HITL_PAUSED;
}

/*
 * Has it branches beyond the root?
 */
bool
hitl_has_branches(const HitlControl *control)
{
	return control->undo.total > 0 ||
		(control->root.has_position &&
		 control->root.position.branches.total > 0);
}

/*
 * Append the positions of a branch: one, or none.
 */
static void
write_active(HitlBuffer *buffer, const HitlBranch *branch)
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
			write_number(buffer, "token", position->token);
		write_number(buffer, "attempt", position->attempt);
		write_number(buffer, "since_us", position->since_us);
		if (position->tries > 0)
			write_number(buffer, "tries", position->tries);
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
		if (position->branches.total > 0)
			write_counts(buffer, &position->branches);
		if (position->frames != NULL)
			write_frames(buffer, position->frames);
		hitl_append_char(buffer, '}');
	}
	hitl_append_char(buffer, ']');
}

/*
 * Append how the branches of a fork stand.
 */
static void
write_counts(HitlBuffer *buffer, const HitlCounts *counts)
{
	hitl_append_text(buffer, ",\"branches\":{\"first\":");
	hitl_append_integer(buffer, counts->first);
	write_number(buffer, "total", counts->total);
	write_number(buffer, "started", counts->started);
	write_number(buffer, "running", counts->running);
	write_number(buffer, "completed", counts->completed);
	write_number(buffer, "failed", counts->failed);
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
			write_number(buffer, "tries", frame->tries);
		if (frame->token > 0)
			write_number(buffer, "token", frame->token);
		hitl_append_text(buffer, frame->outer == NULL ? "}" : "},");
	}
	hitl_append_char(buffer, ']');
}

/*
 * Append ,"key":value.
 */
static void
write_number(HitlBuffer *buffer, const char *key, int64_t value)
{
	hitl_append_text(buffer, ",\"");
	hitl_append_text(buffer, key);
	hitl_append_text(buffer, "\":");
	hitl_append_integer(buffer, value);
}

/*
 * Read the document into control; why it is refused, or NULL.
 */
static const char *
read_control(HitlControl *control, const HitlJson *document)
{
	int64_t number;
	int status;
	const char *reason;

	if (document->type != HITL_JSON_OBJECT || !only_members(document, members))
		return "the control state has unknown members, or is no object";

	if (!read_count(document, "total", -1, 0, INT32_MAX, &number) ||
		number != control->definition->root.count)
		return "the control state belongs to another definition";
	if (!read_int(document, "completed", -1, 0, control->definition->root.count,
				  &control->completed))
		return "\"completed\" of the control state is faulty";
	if (!read_count(document, "token", -1, 0, HITL_MAX_TOKEN, &control->token))
		return "\"token\" of the control state is faulty";
	if (!read_int(document, "entered", -1, 0, HITL_STEP_BUDGET + 1,
				  &control->root.entered))
		return "\"entered\" of the control state is faulty";
	reason = read_attempts(document, &control->root);
	if (reason != NULL)
		return reason;
	control->highest = control->root.highest;
	status = find_name(hitl_json_member(document, "status"), hitl_status_names);
	if (status < 0)
		return "\"status\" of the control state is faulty";
	control->status = (HitlStatus) status;
	if (!read_count(document, "branches", 0, 0, HITL_MAX_BRANCH,
					&control->last_branch) ||
		!read_count(document, "approvals", 0, 0, control->last_branch,
					&control->approvals) ||
		!read_count(document, "replies", 0, 0, control->last_branch,
					&control->replies))
		return "the numbers of branches of the control state are faulty";
	reason = read_ready(control, hitl_json_member(document, "ready"));
	if (reason == NULL)
		reason = read_deadline(control, hitl_json_member(document, "deadline"));
	if (reason == NULL)
		reason = read_undo(control, hitl_json_member(document, "undo"));
	if (reason == NULL)
		reason = read_active(control, document, &control->root);
	if (reason != NULL)
		return reason;
	if (control->root.has_position &&
		((hitl_has_ended(control) && control->status != HITL_FAILED) ||
		 control->status == HITL_PENDING))
		return "the control state has active steps though the workflow is not under way";
	if (control->root.has_position && control->undo.total > 0)
		return "the control state has active steps though they are taken back";
	if (!hitl_has_branches(control) &&
		(control->ready_count > 0 || control->approvals > 0 ||
		 control->replies > 0))
		return "the control state tells of branches though it has none";
	return NULL;
}

/*
 * Read the branches that can go on.
 */
static const char *
read_ready(HitlControl *control, const HitlJson *array)
{
	const char *faulty = "\"ready\" of the control state is faulty";
	const HitlJson *element;

	if (array == NULL)
		return NULL;
	if (array->type != HITL_JSON_ARRAY)
		return faulty;
	control->ready = hitl_alloc(&control->arena,
								(array->count + 1) * sizeof(int64_t));
	if (control->ready == NULL)
		return NULL;
	control->ready_capacity = array->count + 1;
	for (element = array->first; element != NULL; element = element->next)
	{
		int64_t *branch = &control->ready[control->ready_count++];

		if (!hitl_json_integer(element, branch) || *branch < 1 ||
			*branch > control->last_branch)
			return faulty;
	}
	return NULL;
}

/*
 * Read when the workflow must have ended.
 */
static const char *
read_deadline(HitlControl *control, const HitlJson *object)
{
	if (object == NULL)
		return NULL;
	if (object->type != HITL_JSON_OBJECT ||
		!only_members(object, deadline_members) ||
		!read_count(object, "at_us", 0, 1, INT64_MAX, &control->deadline_us) ||
		!read_count(object, "token", 0, 0, control->token, &control->deadline))
		return "\"deadline\" of the control state is faulty";
	return NULL;
}

/*
 * Read the rollback under way.
 */
static const char *
read_undo(HitlControl *control, const HitlJson *object)
{
	const HitlJson *checkpoint = hitl_json_member(object, "checkpoint");
	const HitlJson *reason = hitl_json_member(object, "reason");
	HitlUndo *undo = &control->undo;

	if (object == NULL)
		return NULL;
	if (object->type != HITL_JSON_OBJECT ||
		!only_members(object, undo_members) || checkpoint == NULL ||
		checkpoint->type != HITL_JSON_STRING ||
		(reason != NULL && reason->type != HITL_JSON_STRING &&
		 reason->type != HITL_JSON_NULL) ||
		!read_int(object, "total", 0, 1, HITL_MAX_BRANCHES, &undo->total) ||
		!read_int(object, "done", -1, 0, undo->total, &undo->done) ||
		!read_count(object, "first", 0, 1,
					control->last_branch - undo->total + 1, &undo->first))
		return "\"undo\" of the control state is faulty";
	undo->checkpoint = hitl_copy_text(&control->arena, checkpoint->text,
									  checkpoint->length);
	if (reason != NULL && reason->type == HITL_JSON_STRING)
		undo->reason = hitl_copy_text(&control->arena, reason->text,
									  reason->length);
	return NULL;
}

/*
 * Read how attempts are numbered.
 */
static const char *
read_attempts(const HitlJson *document, HitlBranch *branch)
{
	if (!read_int(document, "round", 0, 0, INT32_MAX / 2, &branch->round))
		return "\"round\" of the control state is faulty";
	if (!read_int(document, "highest", branch->round + 1, branch->round + 1,
				  INT32_MAX / 2 + 1, &branch->highest))
		return "\"highest\" of the control state is faulty";
	return NULL;
}

/*
 * Read the positions of a branch: one, or none.
 */
static const char *
read_active(HitlControl *control, const HitlJson *document, HitlBranch *branch)
{
	const HitlJson *active = hitl_json_member(document, "active");

	if (active == NULL || active->type != HITL_JSON_ARRAY || active->count > 1)
		return "\"active\" of the control state is faulty";
	if (active->count == 0)
		return NULL;
	return read_position(control, active->first, branch);
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
		!only_members(object, position_members))
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
	state = find_name(hitl_json_member(object, "state"), state_names);
	if (state < 0 || !may_await(step, (HitlPositionState) state))
		return "the state of an active step is faulty";
	position->state = (HitlPositionState) state;
	if (!read_count(object, "token", 0, 0, INT64_MAX, &position->token) ||
		(state == HITL_READY ? position->token != 0
							 : !is_token_of(control, branch, position->token)))
		return "the token of an active step is faulty";
	if (!read_int(object, "attempt", -1, 1, branch->highest,
				  &position->attempt))
		return "the attempt of an active step is faulty";
	if (!read_count(object, "since_us", INT64_MIN, INT64_MIN + 1, INT64_MAX,
					&position->since_us))
		return "\"since_us\" of an active step is faulty";
	if (!read_int(object, "tries", 0, 0, INT32_MAX / 2, &position->tries))
		return "\"tries\" of an active step is faulty";
	position->checkpointed = checkpointed != NULL;
	if (checkpointed != NULL && checkpointed->type != HITL_JSON_TRUE)
		return "\"checkpointed\" of an active step is faulty";
	if (!read_text(control, object, "call", false, &position->call) ||
		!read_text(control, object, "result", true, &position->result) ||
		!read_text(control, object, "approval", false, &position->approval))
		return "what an active step keeps is faulty";
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
			!only_members(object, frame_members))
			return faulty;
		frame = hitl_alloc_zero(&control->arena, sizeof(HitlFrame));
		if (frame == NULL)
			return NULL;
		frame->step = list->parent;
		if (!read_int(object, "attempt", -1, 1, branch->highest,
					  &frame->attempt) ||
			!read_int(object, "tries", 0, 0, INT32_MAX / 2, &frame->tries) ||
			!read_count(object, "token", 0, 0, INT64_MAX, &frame->token) ||
			(frame->token != 0 && !is_token_of(control, branch, frame->token)))
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
		!only_members(object, counts_members) ||
		!read_int(object, "total", 0, 1, HITL_MAX_BRANCHES, &counts->total) ||
		!read_count(object, "first", 0, 1,
					control->last_branch - counts->total + 1, &counts->first) ||
		!read_int(object, "started", -1, 0, counts->total, &counts->started) ||
		!read_int(object, "completed", -1, 0, counts->started,
				  &counts->completed) ||
		!read_int(object, "failed", -1, 0, counts->started - counts->completed,
				  &counts->failed) ||
		!read_int(object, "running", -1, 0,
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
	if (position->state == HITL_AWAITS_APPROVAL ||
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
		return !step->kind->host_retries;
	return (step->kind->awaits & 1U << state) != 0;
}

/*
 * Can a token have been given to a branch?
 */
static bool
is_token_of(const HitlControl *control, const HitlBranch *branch, int64_t token)
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
	HitlBuffer buffer;

	if (member == NULL)
		return true;
	if (member->type != HITL_JSON_OBJECT && !any_type)
		return false;
	hitl_buffer_init(&buffer, &control->arena);
	hitl_json_write(&buffer, member);
	*text = hitl_buffer_text(&buffer);
	return true;
}

/*
 * A whole number within limits.
 */
static bool
read_count(const HitlJson *object, const char *key, int64_t otherwise,
		   int64_t low, int64_t high, int64_t *count)
{
	const HitlJson *member = hitl_json_member(object, key);

	*count = otherwise;
	if (member != NULL && !hitl_json_integer(member, count))
		return false;
	return *count >= low && *count <= high;
}

/*
 * The same for a number that is counted with less.
 */
static bool
read_int(const HitlJson *object, const char *key, int otherwise, int low,
		 int high, int *count)
{
	int64_t number;

	if (!read_count(object, key, otherwise, low, high, &number))
		return false;
	*count = (int) number;
	return true;
}

/*
 * Which of the names a string is; -1 for none.
 */
static int
find_name(const HitlJson *value, const char *const *names)
{
	int i;

	for (i = 0;
		 value != NULL && value->type == HITL_JSON_STRING && names[i] != NULL;
		 i++)
	{
		if (strcmp(names[i], value->text) == 0)
			return i;
	}
	return -1;
}

/*
 * Has an object only members of these names, each at most once?
 */
static bool
only_members(const HitlJson *object, const char *const *names)
{
	const HitlJson *member;

	for (member = object->first; member != NULL; member = member->next)
	{
		const char *const *name = names;

		while (*name != NULL && strcmp(*name, member->key) != 0)
			name++;
		if (*name == NULL || hitl_json_member(object, member->key) != member)
			return false;
	}
	return true;
}
