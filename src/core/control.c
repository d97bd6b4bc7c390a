/*
 * control.c
 *		The control state of a workflow: which steps are active and what they
 *		await.  It is written with every transition, so its text is small.
 */
#include "core/internal.h"

#include <stdlib.h>
#include <string.h>

#define MAX_POSITIONS 100000

const char *const hitl_status_names[] =
	{[HITL_PENDING] = "pending",
	 [HITL_RUNNING] = "running",
	 [HITL_WAITING_APPROVAL] = "waiting_approval",
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

static const char *const members[] = {"completed", "total", "active",
									  "status",	   "token", "entered",
									  "round",	   NULL};

static const char *const position_members[] = {"position", "step",
											   "type",	   "state",
											   "token",	   "attempt",
											   "since_us", "checkpointed",
											   "call",	   "result",
											   "approval", NULL};

static const char *read_control(HitlControl *control, const HitlJson *document,
								HitlArena *scratch);
static const char *read_position(HitlControl *control, const HitlJson *object);
static bool read_text(HitlControl *control, const HitlJson *object,
					  const char *key, bool any_type, const char **text);
static bool read_count(const HitlJson *object, const char *key,
					   int64_t otherwise, int64_t low, int64_t high,
					   int64_t *count);
static int find_name(const HitlJson *value, const char *const *names);
static bool only_members(const HitlJson *object, const char *const *names);
static bool tokens_differ(const HitlControl *control, HitlArena *scratch);
static int compare_tokens(const void *a, const void *b);

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
	if (json != NULL)
	{
		outcome = hitl_json_parse(&scratch, json, strlen(json),
								  HITL_JSON_COMPOSED, &document, NULL);
		if (outcome == HITL_INVALID)
			reason = "the control state is no JSON";
		else if (outcome == HITL_OK)
			reason = read_control(result, document, &scratch);
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
	int i;

	hitl_append_text(buffer, "{\"completed\":");
	hitl_append_integer(buffer, control->completed);
	hitl_append_text(buffer, ",\"total\":");
	hitl_append_integer(buffer, control->definition->total);
	hitl_append_text(buffer, ",\"active\":[");
	for (i = 0; i < control->count; i++)
	{
		const HitlPosition *position = &control->positions[i];

		/* Names and paths of steps need no escapes. */
		hitl_append_text(buffer,
						 i > 0 ? ",{\"position\":\"" : "{\"position\":\"");
		hitl_append_text(buffer, position->step->path);
		hitl_append_text(buffer, "\",\"step\":\"");
		hitl_append_text(buffer, position->step->name);
		hitl_append_text(buffer, "\",\"type\":\"");
		hitl_append_text(buffer, position->step->kind->type);
		hitl_append_text(buffer, "\",\"state\":\"");
		hitl_append_text(buffer, state_names[position->state]);
		hitl_append_char(buffer, '"');
		if (position->token != 0)
		{
			hitl_append_text(buffer, ",\"token\":");
			hitl_append_integer(buffer, position->token);
		}
		hitl_append_text(buffer, ",\"attempt\":");
		hitl_append_integer(buffer, position->attempt);
		hitl_append_text(buffer, ",\"since_us\":");
		hitl_append_integer(buffer, position->since_us);
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
		hitl_append_char(buffer, '}');
	}
	hitl_append_text(buffer, "],\"status\":\"");
	hitl_append_text(buffer, hitl_status_names[control->status]);
	hitl_append_text(buffer, "\",\"token\":");
	hitl_append_integer(buffer, control->token);
	hitl_append_text(buffer, ",\"entered\":");
	hitl_append_integer(buffer, control->entered);
	if (control->round > 0)
	{
		hitl_append_text(buffer, ",\"round\":");
		hitl_append_integer(buffer, control->round);
	}
	hitl_append_char(buffer, '}');
}

/*
 * Add a position at the beginning of a step; NULL when out of memory.
 */
HitlPosition *
hitl_add_position(HitlControl *control, const HitlStep *step)
{
	HitlPosition *position;

	if (control->count == control->capacity)
	{
		int capacity = control->capacity == 0 ? 1 : control->capacity * 2;
		HitlPosition *positions = hitl_alloc(&control->arena,
											 capacity * sizeof(HitlPosition));

		if (positions == NULL)
			return NULL;
		if (control->count > 0)
			memcpy(positions, control->positions,
				   control->count * sizeof(HitlPosition));
		control->positions = positions;
		control->capacity = capacity;
	}
	position = &control->positions[control->count++];
	memset(position, 0, sizeof(*position));
	position->step = step;
	position->attempt = control->round + 1;
	return position;
}

/*
 * Remove a position; those after it move up.
 */
void
hitl_remove_position(HitlControl *control, HitlPosition *position)
{
	size_t after = control->positions + control->count - (position + 1);

	memmove(position, position + 1, after * sizeof(HitlPosition));
	control->count--;
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
 * Read the document into control; why it is refused, or NULL.
 */
static const char *
read_control(HitlControl *control, const HitlJson *document, HitlArena *scratch)
{
	const HitlJson *active = hitl_json_member(document, "active");
	const HitlJson *object;
	int64_t number;
	int status;

	if (document->type != HITL_JSON_OBJECT || !only_members(document, members))
		return "the control state has unknown members, or is no object";

	if (!read_count(document, "total", -1, 0, INT32_MAX, &number) ||
		number != control->definition->total)
		return "the control state belongs to another definition";
	if (!read_count(document, "completed", -1, 0, control->definition->total,
					&number))
		return "\"completed\" of the control state is faulty";
	control->completed = (int) number;
	if (!read_count(document, "token", -1, 0, INT64_MAX - MAX_POSITIONS,
					&control->token))
		return "\"token\" of the control state is faulty";
	if (!read_count(document, "entered", -1, 0, HITL_STEP_BUDGET + 1, &number))
		return "\"entered\" of the control state is faulty";
	control->entered = (int) number;
	if (!read_count(document, "round", 0, 0, INT32_MAX - 1, &number))
		return "\"round\" of the control state is faulty";
	control->round = (int) number;
	status = find_name(hitl_json_member(document, "status"), hitl_status_names);
	if (status < 0)
		return "\"status\" of the control state is faulty";
	control->status = (HitlStatus) status;

	if (active == NULL || active->type != HITL_JSON_ARRAY ||
		active->count > MAX_POSITIONS)
		return "\"active\" of the control state is faulty";
	if (active->count > 0 &&
		(hitl_has_ended(control) || control->status == HITL_PENDING))
		return "the control state has active steps though the workflow is not under way";
	for (object = active->first; object != NULL; object = object->next)
	{
		const char *reason = read_position(control, object);

		if (reason != NULL)
			return reason;
	}
	if (!tokens_differ(control, scratch))
		return "a token of the control state is used twice";
	return NULL;
}

/*
 * Read one element of "active".
 */
static const char *
read_position(HitlControl *control, const HitlJson *object)
{
	const HitlJson *path = hitl_json_member(object, "position");
	const HitlJson *name = hitl_json_member(object, "step");
	const HitlJson *type = hitl_json_member(object, "type");
	const HitlJson *checkpointed = hitl_json_member(object, "checkpointed");
	const HitlStep *step = NULL;
	HitlPosition *position;
	int64_t attempt;
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

	position = hitl_add_position(control, step);
	if (position == NULL)
		return NULL;
	state = find_name(hitl_json_member(object, "state"), state_names);
	if (state < 0 ||
		(state != HITL_READY && (step->kind->awaits & 1U << state) == 0))
		return "the state of an active step is faulty";
	position->state = (HitlPositionState) state;
	if (!read_count(object, "token", 0, state == HITL_READY ? 0 : 1,
					state == HITL_READY ? 0 : control->token, &position->token))
		return "the token of an active step is faulty";
	if (!read_count(object, "attempt", -1, 1, (int64_t) control->round + 1,
					&attempt))
		return "the attempt of an active step is faulty";
	position->attempt = (int) attempt;
	if (!read_count(object, "since_us", INT64_MIN, INT64_MIN + 1, INT64_MAX,
					&position->since_us))
		return "\"since_us\" of an active step is faulty";
	position->checkpointed = checkpointed != NULL;
	if (checkpointed != NULL && checkpointed->type != HITL_JSON_TRUE)
		return "\"checkpointed\" of an active step is faulty";
	if (!read_text(control, object, "call", false, &position->call) ||
		!read_text(control, object, "result", true, &position->result) ||
		!read_text(control, object, "approval", false, &position->approval))
		return "what an active step keeps is faulty";

	/* Only a gated task keeps a call, and nothing is kept without one. */
	if (position->call != NULL &&
		(step->kind != &hitl_task_kind || step->as.task.gate == HITL_GATE_NONE))
		return "an active step keeps a call though it is no task with an approval";
	if (position->call == NULL && step->kind != &hitl_wait_kind &&
		(position->result != NULL || position->approval != NULL))
		return "an active step keeps a result or an approval without a call";
	if (step->kind == &hitl_wait_kind)
		return NULL;
	if (position->result != NULL && step->as.task.gate != HITL_GATE_AFTER)
		return "an active step keeps a result though it is not reviewed";
	if (position->approval != NULL && step->as.task.gate != HITL_GATE_BEFORE)
		return "an active step keeps an approval though it has none before it acts";
	if (step->kind == &hitl_task_kind && state != HITL_READY)
	{
		const HitlGate gate = step->as.task.gate;
		bool asks = state == HITL_AWAITS_APPROVAL;

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

/*
 * Is no token awaited by two positions?
 */
static bool
tokens_differ(const HitlControl *control, HitlArena *scratch)
{
	int64_t *tokens;
	int i;

	if (control->count < 2)
		return true;
	tokens = hitl_alloc(scratch, control->count * sizeof(int64_t));
	if (tokens == NULL)
		return false;
	for (i = 0; i < control->count; i++)
		tokens[i] = control->positions[i].token;
	qsort(tokens, control->count, sizeof(int64_t), compare_tokens);
	for (i = 1; i < control->count; i++)
	{
		if (tokens[i] != 0 && tokens[i] == tokens[i - 1])
			return false;
	}
	return true;
}

/*
 * For qsort.
 */
static int
compare_tokens(const void *a, const void *b)
{
	int64_t left = *(const int64_t *) a;
	int64_t right = *(const int64_t *) b;

	return (left > right) - (left < right);
}
