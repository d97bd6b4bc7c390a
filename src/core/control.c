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

static const char *const members[] = {"completed", "total",		"active",
									  "status",	   "token",		"entered",
									  "round",	   "highest",	"branches",
									  "ready",	   "approvals", "replies",
									  "deadline",  "undo",		"rewinds",
									  "reason",	   NULL};

static const char *const branch_members[] = {"parent",	"owner", "index",
											 "event",	"scope", "active",
											 "entered", "round", "highest",
											 NULL};

static const char *const deadline_members[] = {"token", "at_us", NULL};

static const char *const undo_members[] = {"checkpoint", "reason", "first",
										   "total",		 "done",   "resume",
										   NULL};

static const char *read_control(HitlControl *control, const HitlJson *document);
static const char *read_ready(HitlControl *control, const HitlJson *array);
static const char *read_deadline(HitlControl *control, const HitlJson *object);
static const char *read_undo(HitlControl *control, const HitlJson *object);
static const char *read_rewinds(HitlControl *control, const HitlJson *document);
static const char *read_attempts(const HitlJson *document, HitlBranch *branch);

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
	hitl_write_number(buffer, "total", control->definition->root.count);
	hitl_write_active(buffer, &control->root);
	hitl_append_text(buffer, ",\"status\":\"");
	hitl_append_text(buffer, hitl_status_names[control->status]);
	hitl_append_char(buffer, '"');
	hitl_write_number(buffer, "token", control->token);
	hitl_write_number(buffer, "entered", control->root.entered);
	if (control->root.round > 0)
		hitl_write_number(buffer, "round", control->root.round);
	if (control->highest > control->root.round + 1)
		hitl_write_number(buffer, "highest", control->highest);
	if (control->last_branch > 0)
		hitl_write_number(buffer, "branches", control->last_branch);
	for (i = 0; i < control->ready_count; i++)
	{
		hitl_append_text(buffer, i > 0 ? "," : ",\"ready\":[");
		hitl_append_integer(buffer, control->ready[i]);
	}
	if (control->ready_count > 0)
		hitl_append_char(buffer, ']');
	if (control->approvals > 0)
		hitl_write_number(buffer, "approvals", control->approvals);
	if (control->replies > 0)
		hitl_write_number(buffer, "replies", control->replies);
	if (control->deadline_us > 0)
	{
		hitl_append_text(buffer, ",\"deadline\":{\"at_us\":");
		hitl_append_integer(buffer, control->deadline_us);
		if (control->deadline > 0)
			hitl_write_number(buffer, "token", control->deadline);
		hitl_append_char(buffer, '}');
	}
	if (control->rewinds > 0)
		hitl_write_number(buffer, "rewinds", control->rewinds);
	if (control->reason != NULL)
		hitl_json_write_member(buffer, "reason", control->reason);
	if (undo->total > 0)
	{
		hitl_append_text(buffer, ",\"undo\":{");
		hitl_json_write_member(buffer, "checkpoint", undo->checkpoint);
		hitl_json_write_member(buffer, "reason", undo->reason);
		hitl_write_number(buffer, "first", undo->first);
		hitl_write_number(buffer, "total", undo->total);
		hitl_write_number(buffer, "done", undo->done);
		if (undo->resume)
			hitl_append_text(buffer, ",\"resume\":true");
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
	hitl_write_number(buffer, "index", branch->index);
	if (branch->event > 0)
		hitl_write_number(buffer, "event", branch->event);
	hitl_write_number(buffer, "scope", branch->scope);
	hitl_write_active(buffer, branch);
	hitl_write_number(buffer, "entered", branch->entered);
	if (branch->round > 0)
		hitl_write_number(buffer, "round", branch->round);
	if (branch->highest > branch->round + 1)
		hitl_write_number(buffer, "highest", branch->highest);
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
		!hitl_only_members(document, branch_members))
		return "the text of a branch has unknown members, or is no object";
	if (owner != NULL && owner->type == HITL_JSON_STRING)
		branch->owner = hitl_find_step(&control->definition->by_path,
									   owner->text);
	if (branch->owner == NULL ||
		!hitl_read_count(document, "event", 0, 1, INT32_MAX, &branch->event))
		branch->event = 0;
	if (branch->owner == NULL ||
		(branch->event == 0 && hitl_json_member(document, "event") != NULL))
		return "a branch is of no step of the definition";
	if (!hitl_read_int(document, "index", -1, 0, HITL_MAX_BRANCHES - 1,
					   &branch->index) ||
		!hitl_read_count(document, "parent", -1, 0, branch->id - 1,
						 &branch->parent) ||
		!hitl_read_count(document, "scope", -1, 0, branch->id,
						 &branch->scope) ||
		!hitl_read_int(document, "entered", -1, 0, HITL_STEP_BUDGET + 1,
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
		reason = hitl_read_active(control, document, branch);
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
 * Read the document into control; why it is refused, or NULL.
 */
static const char *
read_control(HitlControl *control, const HitlJson *document)
{
	int64_t number;
	int status;
	const char *reason;

	if (document->type != HITL_JSON_OBJECT ||
		!hitl_only_members(document, members))
		return "the control state has unknown members, or is no object";

	if (!hitl_read_count(document, "total", -1, 0, INT32_MAX, &number) ||
		number != control->definition->root.count)
		return "the control state belongs to another definition";
	if (!hitl_read_int(document, "completed", -1, 0,
					   control->definition->root.count, &control->completed))
		return "\"completed\" of the control state is faulty";
	if (!hitl_read_count(document, "token", -1, 0, HITL_MAX_TOKEN,
						 &control->token))
		return "\"token\" of the control state is faulty";
	if (!hitl_read_int(document, "entered", -1, 0, HITL_STEP_BUDGET + 1,
					   &control->root.entered))
		return "\"entered\" of the control state is faulty";
	reason = read_attempts(document, &control->root);
	if (reason != NULL)
		return reason;
	control->highest = control->root.highest;
	status = hitl_find_name(hitl_json_member(document, "status"),
							hitl_status_names);
	if (status < 0)
		return "\"status\" of the control state is faulty";
	control->status = (HitlStatus) status;
	if (!hitl_read_count(document, "branches", 0, 0, HITL_MAX_BRANCH,
						 &control->last_branch) ||
		!hitl_read_count(document, "approvals", 0, 0, control->last_branch,
						 &control->approvals) ||
		!hitl_read_count(document, "replies", 0, 0, control->last_branch,
						 &control->replies))
		return "the numbers of branches of the control state are faulty";
	reason = read_ready(control, hitl_json_member(document, "ready"));
	if (reason == NULL)
		reason = read_deadline(control, hitl_json_member(document, "deadline"));
	if (reason == NULL)
		reason = read_undo(control, hitl_json_member(document, "undo"));
	if (reason == NULL)
		reason = read_rewinds(control, document);
	if (reason == NULL)
		reason = hitl_read_active(control, document, &control->root);
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
		!hitl_only_members(object, deadline_members) ||
		!hitl_read_count(object, "at_us", 0, 1, INT64_MAX,
						 &control->deadline_us) ||
		!hitl_read_count(object, "token", 0, 0, control->token,
						 &control->deadline))
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
	const HitlJson *resume = hitl_json_member(object, "resume");
	HitlUndo *undo = &control->undo;

	if (object == NULL)
		return NULL;
	if (object->type != HITL_JSON_OBJECT ||
		!hitl_only_members(object, undo_members) || checkpoint == NULL ||
		checkpoint->type != HITL_JSON_STRING ||
		(reason != NULL && reason->type != HITL_JSON_STRING &&
		 reason->type != HITL_JSON_NULL) ||
		(resume != NULL && resume->type != HITL_JSON_TRUE) ||
		!hitl_read_int(object, "total", 0, 1, HITL_MAX_BRANCHES,
					   &undo->total) ||
		!hitl_read_int(object, "done", -1, 0, undo->total, &undo->done) ||
		!hitl_read_count(object, "first", 0, 1,
						 control->last_branch - undo->total + 1, &undo->first))
		return "\"undo\" of the control state is faulty";
	undo->resume = resume != NULL;
	undo->checkpoint = hitl_copy_text(&control->arena, checkpoint->text,
									  checkpoint->length);
	if (reason != NULL && reason->type == HITL_JSON_STRING)
		undo->reason = hitl_copy_text(&control->arena, reason->text,
									  reason->length);
	return NULL;
}

/*
 * Read how often it has returned to a checkpoint, and why it last did.
 */
static const char *
read_rewinds(HitlControl *control, const HitlJson *document)
{
	const HitlJson *reason = hitl_json_member(document, "reason");

	if (!hitl_read_int(document, "rewinds", 0, 0, INT32_MAX / 2,
					   &control->rewinds) ||
		(reason != NULL &&
		 (reason->type != HITL_JSON_STRING || control->rewinds == 0)))
		return "\"rewinds\" of the control state is faulty";
	if (reason != NULL)
		control->reason = hitl_copy_text(&control->arena, reason->text,
										 reason->length);
	return NULL;
}

/*
 * Read how attempts are numbered.
 */
static const char *
read_attempts(const HitlJson *document, HitlBranch *branch)
{
	if (!hitl_read_int(document, "round", 0, 0, INT32_MAX / 2, &branch->round))
		return "\"round\" of the control state is faulty";
	if (!hitl_read_int(document, "highest", branch->round + 1,
					   branch->round + 1, INT32_MAX / 2 + 1, &branch->highest))
		return "\"highest\" of the control state is faulty";
	return NULL;
}
