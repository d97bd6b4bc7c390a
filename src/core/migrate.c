/*
 * migrate.c
 *		Moving a workflow to another definition.
 *
 * What is under way must be there, too: the same step, by its name, in a list
 * of the same step.  What lies behind and ahead may be different.
 */
#include "core/agent.h"

#include <stdio.h>
#include <string.h>

typedef struct Migration
{
	const HitlDefinition *to;
	HitlControl *control; /* the new one */
	HitlParse faults;
} Migration;

static void move_branch(Migration *migration, HitlBranch *branch);
static void move_position(Migration *migration, HitlBranch *branch);
static const HitlFrame *move_frames(Migration *migration,
									const HitlFrame *frame);
static const HitlStep *find_counterpart(Migration *migration,
										const HitlStep *step);
static bool is_same_list(const HitlStepList *one, const HitlStepList *other);
static void refuse(Migration *migration, const HitlStep *step,
				   const char *message);
static const char *keep(Migration *migration, const char *text);

/*
 * Move a workflow to another definition.
 */
HitlResult
hitl_migrate(const HitlDefinition *from, HitlControl *control,
			 const HitlDefinition *to, const HitlHost *host,
			 HitlControl **migrated, HitlFaults *faults)
{
	HitlEffects effects = {0};
	HitlRun run = {.definition = from,
				   .control = control,
				   .host = host,
				   .effects = &effects};
	HitlRun target = {.definition = to, .effects = &effects};
	Migration migration = {.to = to, .faults = {.faults = faults}};
	HitlBranch **branches;
	HitlResult result;
	int count;
	int i;

	*migrated = NULL;
	result = hitl_parse_control(to, NULL, &migration.control, NULL);
	if (result != HITL_OK)
		return result;
	migration.faults.arena = &migration.control->arena;
	hitl_begin_run(&run);
	count = hitl_load_branches(&run, 0, 0, &branches);
	if (run.result == HITL_OK)
	{
		HitlControl *moved = migration.control;
		HitlArena arena = moved->arena;

		*moved = *control;
		moved->arena = arena;
		moved->definition = to;
		moved->slots = NULL;
		moved->loaded = 0;
		moved->mask = 0;
		moved->ready = NULL;
		moved->ready_count = 0;
		moved->ready_capacity = 0;
		moved->completed = 0;
		if (control->status == HITL_COMPLETED)
			moved->completed = to->root.count;
		if (control->undo.total > 0)
		{
			moved->undo.checkpoint = keep(&migration, control->undo.checkpoint);
			moved->undo.reason = keep(&migration, control->undo.reason);
		}
		moved->reason = keep(&migration, control->reason);
		if (moved->root.has_position)
			move_position(&migration, &moved->root);
		target.control = moved;
		hitl_begin_run(&target);
		for (i = 0; i < count; i++)
		{
			HitlBranch *branch = hitl_add_branch(&target, branches[i]->id);
			HitlBranch before;

			if (branch == NULL)
				break;
			before = *branch;
			*branch = *branches[i];
			branch->touched = before.touched;
			branch->changed = before.changed;
			move_branch(&migration, branch);
		}
		for (i = 0; i < control->ready_count; i++)
		{
			HitlBranch ready = {.id = control->ready[i]};

			hitl_push_ready(&target, &ready);
		}
		result = hitl_end_run(&target);
		if (result == HITL_OK)
			result = migration.faults.result;
		if (result == HITL_OK && migration.faults.faulty)
			result = HITL_INVALID;
	}
	if (hitl_end_run(&run) != HITL_OK)
	{
		result = run.result;
		if (result == HITL_INVALID)
			hitl_fault(&migration.faults, NULL, "%s", effects.error);
	}
	hitl_free_effects(&effects);
	if (result == HITL_OK)
		*migrated = migration.control;
	else
		hitl_free_control(migration.control);
	return result;
}

/*
 * Move a branch, whose members are still those of the old definition.
 */
static void
move_branch(Migration *migration, HitlBranch *branch)
{
	const HitlStep *old = branch->owner;
	const HitlStep *owner = find_counterpart(migration, old);

	if (owner == NULL)
		return;
	if (branch->event > 0 && owner->undo == NULL)
	{
		refuse(migration, old, "has no undo any more, though it is under way");
		return;
	}
	branch->owner = owner;
	move_position(migration, branch);
}

/*
 * Move the position of a branch.
 */
static void
move_position(Migration *migration, HitlBranch *branch)
{
	HitlPosition *position = &branch->position;
	const HitlStep *old = position->step;
	const HitlStep *outermost;
	const HitlStep *step = find_counterpart(migration, old);

	if (step == NULL)
		return;
	if (step->kind->forks && position->branches.total > 0)
	{
		if ((step->as.fork.items == NULL &&
			 step->as.fork.count != position->branches.total) ||
			step->as.fork.wait_for > position->branches.total)
		{
			refuse(migration, old, "has another number of branches");
			return;
		}
		if (hitl_lacks_branches(step, &position->branches))
		{
			refuse(migration, old,
				   "waits for more branches than have not failed");
			return;
		}
		if (step->as.fork.items != NULL &&
			strcmp(step->as.fork.as, old->as.fork.as) != 0)
		{
			refuse(migration, old,
				   "has another name for its elements, which are under way");
			return;
		}
	}
	if (position->call != NULL &&
		(step->as.task.gate != old->as.task.gate ||
		 (step->as.task.queue == NULL) != (old->as.task.queue == NULL)))
	{
		refuse(migration, old,
			   "is approved in another way, or done by somebody else");
		return;
	}
	if (position->agent != NULL && step->as.task.agent == NULL)
	{
		refuse(migration, old,
			   "is done by an agent, and would not be any more");
		return;
	}
	if (hitl_host_repeats(step) && position->state == HITL_AWAITS_RETRY)
	{
		refuse(migration, old, "is tried again in another way");
		return;
	}
	position->step = step;
	position->call = keep(migration, position->call);
	position->result = keep(migration, position->result);
	position->approval = keep(migration, position->approval);
	if (position->agent != NULL)
		position->agent = hitl_move_agent(&migration->control->arena,
										  position->agent);
	position->frames = move_frames(migration, position->frames);
	if (branch->id != 0)
		return;

	/* What lies behind it in the new list counts as done. */
	outermost = step;
	while (outermost->list->parent != NULL)
		outermost = outermost->list->parent;
	migration->control->completed = outermost->index;
}

/*
 * Move the switches around a position.  That they are there is known from the
 * position, whose lists have been compared.
 */
static const HitlFrame *
move_frames(Migration *migration, const HitlFrame *frame)
{
	HitlFrame *copy;

	if (frame == NULL)
		return NULL;
	copy = hitl_alloc(&migration->control->arena, sizeof(HitlFrame));
	if (copy == NULL)
		return NULL;
	*copy = *frame;
	copy->step = hitl_find_step(&migration->to->by_name, frame->step->name);
	copy->outer = move_frames(migration, frame->outer);
	return copy;
}

/*
 * The step of the new definition that an old one has become, or NULL.
 */
static const HitlStep *
find_counterpart(Migration *migration, const HitlStep *step)
{
	const HitlStep *found = hitl_find_step(&migration->to->by_name, step->name);

	if (found == NULL)
		refuse(migration, step, "is not there any more");
	else if (found->kind != step->kind)
		refuse(migration, step, "is of another type");
	else if (!is_same_list(step->list, found->list))
		refuse(migration, step, "is not in a list of the same step any more");
	else
		return found;
	return NULL;
}

/*
 * Do two lists have the same place, as far as names tell?
 */
static bool
is_same_list(const HitlStepList *one, const HitlStepList *other)
{
	while (one->parent != NULL && other->parent != NULL)
	{
		if (one->index != other->index || one->is_undo != other->is_undo ||
			one->parent->kind != other->parent->kind ||
			strcmp(one->parent->name, other->parent->name) != 0)
			return false;
		one = one->parent->list;
		other = other->parent->list;
	}
	return one->parent == NULL && other->parent == NULL;
}

/*
 * Record a fault about a step of the old definition.
 */
static void
refuse(Migration *migration, const HitlStep *step, const char *message)
{
	/* The path is a pointer as it is; faults take places, so split it. */
	HitlPlace places[64];
	char copy[2000];
	char *part = copy;
	int count = 0;

	snprintf(copy, sizeof(copy), "%s", step->path + 1);
	while (part != NULL && count < 64)
	{
		char *next = strchr(part, '/');

		if (next != NULL)
			*next++ = '\0';
		places[count].outer = count > 0 ? &places[count - 1] : NULL;
		places[count].key = part;
		places[count].index = 0;
		count++;
		part = next;
	}
	hitl_fault(&migration->faults, &places[count - 1], "step \"%s\" %s",
			   step->name, message);
}

/*
 * A copy of a text for the new control state.
 */
static const char *
keep(Migration *migration, const char *text)
{
	return text == NULL
		? NULL
		: hitl_copy_text(&migration->control->arena, text, strlen(text));
}
