/*
 * branch.c
 *		The branches of a workflow that a call has to do with.
 *
 * The host keeps a row for each; they are loaded when a message is for them,
 * and what has changed is handed over by dump_branches.  A run saves a branch
 * before its first change, so that it can be as if it had never been.
 */
#include "core/internal.h"

#include <stdlib.h>
#include <string.h>

static HitlBranch *insert(HitlControl *control, int64_t id);
static HitlBranch **find_slot(HitlBranch **slots, size_t mask, int64_t id);
static void read_loaded(HitlRun *run, HitlBranch *branch, const char *text);
static bool is_among(int64_t id, int64_t first, int64_t count);
static int compare_branches(const void *a, const void *b);
static void reserve_ready(HitlRun *run, int count);
static bool is_ready(const HitlBranch *branch);
static int compare_changes(const void *a, const void *b);

/*
 * The branch that a position is in.
 */
HitlBranch *
hitl_branch_of(const HitlPosition *position)
{
	return (HitlBranch *) ((char *) position - offsetof(HitlBranch, position));
}

/*
 * A branch that is under way; NULL if there is none of this number, or the
 * run has stopped.
 */
HitlBranch *
hitl_find_branch(HitlRun *run, int64_t id)
{
	HitlControl *control = run->control;
	HitlBranch *branch;
	const char *text = NULL;

	if (run->result != HITL_OK)
		return NULL;
	if (id == 0)
		return control->root.has_position ? &control->root : NULL;
	if (id < 0 || id > control->last_branch || !hitl_has_branches(control))
		return NULL;
	branch = hitl_loaded_branch(control, id);
	if (branch != NULL && branch->status != HITL_BRANCH_ABSENT)
		return branch->status == HITL_BRANCH_ACTIVE ? branch : NULL;
	if (run->host == NULL || run->host->load_branch == NULL)
	{
		hitl_stop(run, HITL_HOST_FAILED, NULL);
		return NULL;
	}
	switch (run->host->load_branch(run->host->context, id, &text))
	{
		case HITL_QUERY_FOUND:
			break;
		case HITL_QUERY_EMPTY:
			return NULL;
		default:
			hitl_stop(run, HITL_HOST_FAILED, NULL);
			return NULL;
	}
	if (branch == NULL)
		branch = insert(control, id);
	if (branch == NULL)
		hitl_stop(run, HITL_NO_MEMORY, NULL);
	else
		read_loaded(run, branch, text);
	return run->result == HITL_OK ? branch : NULL;
}

/*
 * A branch that is loaded, or NULL.
 */
HitlBranch *
hitl_loaded_branch(const HitlControl *control, int64_t id)
{
	if (control->slots == NULL)
		return NULL;
	return *find_slot(control->slots, control->mask, id);
}

/*
 * The branch that has the fork of another one in it; NULL when the run has
 * stopped.
 */
HitlBranch *
hitl_find_parent(HitlRun *run, const HitlBranch *branch)
{
	HitlBranch *parent = hitl_find_branch(run, branch->parent);

	if (run->result != HITL_OK)
		return NULL;
	if (parent == NULL || parent->position.step != branch->owner ||
		!is_among(branch->id, parent->position.branches.first,
				  parent->position.branches.total))
	{
		hitl_stop(run, HITL_INVALID, "a branch has lost its fork");
		return NULL;
	}
	return parent;
}

/*
 * Begin a branch; NULL when out of memory.
 */
HitlBranch *
hitl_add_branch(HitlRun *run, int64_t id)
{
	HitlBranch *branch = hitl_loaded_branch(run->control, id);

	if (branch == NULL)
		branch = insert(run->control, id);
	if (branch == NULL)
	{
		hitl_stop(run, HITL_NO_MEMORY, NULL);
		return NULL;
	}
	if (!hitl_touch(run, branch))
		return NULL;
	branch->status = HITL_BRANCH_ACTIVE;
	branch->highest = 1;
	return branch;
}

/*
 * A branch is about to be changed: remember what it was.
 */
bool
hitl_touch(HitlRun *run, HitlBranch *branch)
{
	HitlTouched *touched;

	/* The root is saved with the control state. */
	if (branch->id == 0 || branch->touched)
		return run->result == HITL_OK;
	touched = hitl_alloc(&run->scratch, sizeof(HitlTouched));
	if (touched == NULL)
	{
		hitl_stop(run, HITL_NO_MEMORY, NULL);
		return false;
	}
	touched->branch = branch;
	touched->before = *branch;
	touched->next = run->touched;
	run->touched = touched;
	branch->touched = true;
	branch->changed = true;
	run->control->branches_changed = true;
	return run->result == HITL_OK;
}

/*
 * Load the branches with first <= number < first + count (count 0: all) that
 * are under way, in order; answers with their number.
 */
int
hitl_load_branches(HitlRun *run, int64_t first, int64_t count,
				   HitlBranch ***branches)
{
	HitlControl *control = run->control;
	const int64_t *ids = NULL;
	HitlBranch **list;
	bool by_number;
	int found = 0;
	int length = 0;
	int i;
	size_t slot;

	*branches = NULL;
	if (run->result != HITL_OK || !hitl_has_branches(control))
		return 0;
	if (run->host == NULL || run->host->list_branches == NULL ||
		run->host->list_branches(run->host->context, first, count, &ids,
								 &found) == HITL_QUERY_HOST_FAILED)
	{
		hitl_stop(run, HITL_HOST_FAILED, NULL);
		return 0;
	}
	for (i = 0; i < found; i++)
	{
		if (ids[i] < 1 || ids[i] > control->last_branch)
		{
			hitl_stop(run, HITL_INVALID,
					  "the control state does not know all of its branches");
			return 0;
		}
		hitl_find_branch(run, ids[i]);
		if (run->result != HITL_OK)
			return 0;
	}

	/* All of these are loaded now, and those not yet written are, too. */
	by_number = count > 0 && count < (int64_t) control->loaded;
	list = hitl_alloc(&run->scratch,
					  ((by_number ? (size_t) count : control->loaded) + 1) *
						  sizeof(*list));
	if (list == NULL)
	{
		hitl_stop(run, HITL_NO_MEMORY, NULL);
		return 0;
	}
	if (by_number)
	{
		int64_t id;

		for (id = first; id < first + count; id++)
		{
			HitlBranch *branch = hitl_loaded_branch(control, id);

			if (branch != NULL && branch->status == HITL_BRANCH_ACTIVE)
				list[length++] = branch;
		}
	}
	else
	{
		for (slot = 0; control->slots != NULL && slot <= control->mask; slot++)
		{
			HitlBranch *branch = control->slots[slot];

			if (branch != NULL && branch->status == HITL_BRANCH_ACTIVE &&
				(count == 0 || is_among(branch->id, first, count)))
				list[length++] = branch;
		}
		qsort(list, length, sizeof(*list), compare_branches);
	}
	*branches = list;
	return length;
}

/*
 * The host forgets branches first ... first + count - 1 (count 0: all).
 */
void
hitl_forget_branches(HitlRun *run, int64_t first, int64_t count)
{
	HitlControl *control = run->control;
	int64_t id;
	size_t slot;

	if (count > 0 && count < (int64_t) control->loaded)
	{
		for (id = first; id < first + count; id++)
		{
			HitlBranch *branch = hitl_loaded_branch(control, id);

			if (branch != NULL && hitl_touch(run, branch))
				branch->status = HITL_BRANCH_GONE;
		}
		return;
	}
	for (slot = 0; control->slots != NULL && slot <= control->mask; slot++)
	{
		HitlBranch *branch = control->slots[slot];

		if (branch != NULL &&
			(count == 0 || is_among(branch->id, first, count)) &&
			hitl_touch(run, branch))
			branch->status = HITL_BRANCH_GONE;
	}
}

/*
 * Bring the counts of what is awaited up to date with what this run changed.
 */
void
hitl_count_awaited(HitlRun *run)
{
	HitlControl *control = run->control;
	const HitlTouched *touched;

	for (touched = run->touched; touched != NULL; touched = touched->next)
	{
		const HitlBranch *now = touched->branch;
		const HitlBranch *before = &touched->before;

		if (before->status == HITL_BRANCH_ACTIVE)
		{
			control->approvals -= before->position.state ==
				HITL_AWAITS_APPROVAL;
			control->replies -= before->position.state == HITL_AWAITS_REPLY;
		}
		if (now->status == HITL_BRANCH_ACTIVE)
		{
			control->approvals += now->position.state == HITL_AWAITS_APPROVAL;
			control->replies += now->position.state == HITL_AWAITS_REPLY;
		}
	}

	/* Those that were forgotten all at once have been counted as none. */
	if (control->approvals < 0 || !hitl_has_branches(control))
		control->approvals = 0;
	if (control->replies < 0 || !hitl_has_branches(control))
		control->replies = 0;
	if (!hitl_has_branches(control))
		control->ready_count = 0;
}

/*
 * A run is over: keep the branches as it left them, or as they were before.
 */
void
hitl_end_touching(HitlRun *run, bool restore)
{
	HitlTouched *touched;
	HitlOverwritten *overwritten;

	for (touched = run->touched; touched != NULL; touched = touched->next)
	{
		if (restore)
			*touched->branch = touched->before;
		touched->branch->touched = false;
	}
	run->touched = NULL;

	/* The newest come first, so the oldest have the last word. */
	for (overwritten = run->overwritten; restore && overwritten != NULL;
		 overwritten = overwritten->next)
		run->before.ready[overwritten->index] = overwritten->branch;
	run->overwritten = NULL;
}

/*
 * The branches that have changed since the last time.
 */
HitlResult
hitl_dump_branches(HitlControl *control, HitlBranchChanges *changes)
{
	HitlArena arena;
	HitlArena *memory;
	HitlBranchChange *items;
	int count = 0;
	size_t slot;

	memset(changes, 0, sizeof(*changes));
	if (!control->branches_changed)
		return HITL_OK;
	hitl_arena_init(&arena);
	memory = hitl_alloc(&arena, sizeof(HitlArena));
	items = hitl_alloc(&arena, (control->loaded + 1) * sizeof(*items));
	for (slot = 0; items != NULL && slot <= control->mask; slot++)
	{
		const HitlBranch *branch = control->slots[slot];
		HitlBranchChange *change = &items[count];
		HitlBuffer text;

		if (branch == NULL || !branch->changed ||
			branch->status == HITL_BRANCH_ABSENT ||
			branch->status == HITL_BRANCH_GONE)
			continue;
		memset(change, 0, sizeof(*change));
		change->branch = branch->id;
		change->scope = branch->scope;
		switch (branch->status)
		{
			case HITL_BRANCH_ACTIVE:
				change->status = "active";
				hitl_buffer_init(&text, &arena);
				hitl_write_branch(&text, branch);
				change->control = hitl_buffer_text(&text);
				break;
			case HITL_BRANCH_COMPLETED:
				change->status = "completed";
				if (branch->scope == branch->id)
				{
					const HitlStepList *list = hitl_list_of(control, branch);

					change->result_step = list->steps[list->count - 1].name;
				}
				break;
			case HITL_BRANCH_FAILED:
				change->status = "failed";
				break;
			default:
				change->status = "cancelled";
				break;
		}
		count++;
	}
	if (memory == NULL || arena.failed)
	{
		hitl_arena_free(&arena);
		return HITL_NO_MEMORY;
	}
	if (count > 0)
		qsort(items, count, sizeof(*items), compare_changes);
	for (slot = 0; slot <= control->mask; slot++)
	{
		if (control->slots[slot] != NULL)
			control->slots[slot]->changed = false;
	}
	control->branches_changed = false;
	*memory = arena;
	changes->memory = memory;
	changes->items = items;
	changes->count = count;
	return HITL_OK;
}

/*
 * Free what hitl_dump_branches gave.
 */
void
hitl_free_branches(HitlBranchChanges *changes)
{
	if (changes->memory != NULL)
		hitl_arena_free(changes->memory);
	memset(changes, 0, sizeof(*changes));
}

/*
 * A branch can go on; it is the next one to do so.  The root is found without
 * the list, and a workflow that has been paused makes a new one when it
 * resumes.
 */
void
hitl_push_ready(HitlRun *run, const HitlBranch *branch)
{
	HitlControl *control = run->control;
	int count = control->ready_count;

	if (branch->id == 0 || control->status == HITL_PAUSED ||
		(count > 0 && control->ready[count - 1] == branch->id))
		return;
	reserve_ready(run, count + 1);
	if (run->result != HITL_OK)
		return;
	if (control->ready == run->before.ready && count < run->before.ready_count)
	{
		HitlOverwritten *entry = hitl_alloc(&run->scratch, sizeof(*entry));

		if (entry == NULL)
		{
			hitl_stop(run, HITL_NO_MEMORY, NULL);
			return;
		}
		entry->index = count;
		entry->branch = control->ready[count];
		entry->next = run->overwritten;
		run->overwritten = entry;
	}
	control->ready[control->ready_count++] = branch->id;
}

/*
 * A branch cannot go on any more.
 */
void
hitl_pop_ready(HitlRun *run, const HitlBranch *branch)
{
	HitlControl *control = run->control;

	if (control->ready_count > 0 &&
		control->ready[control->ready_count - 1] == branch->id)
		control->ready_count--;
}

/*
 * The branch that goes on next, or NULL.
 */
HitlBranch *
hitl_next_ready(HitlRun *run)
{
	HitlControl *control = run->control;
	HitlBranch *root = &control->root;

	if (root->has_position && root->position.state == HITL_READY)
		return root;
	while (control->ready_count > 0)
	{
		HitlBranch *branch =
			hitl_find_branch(run, control->ready[control->ready_count - 1]);

		if (run->result != HITL_OK)
			return NULL;
		if (branch != NULL && is_ready(branch))
			return branch;
		control->ready_count--;
	}
	return root->has_position && is_ready(root) ? root : NULL;
}

/*
 * Make the list of ready branches anew from all of them, given in order.
 * Those with the smaller numbers come first, since they are around the others.
 */
void
hitl_list_ready(HitlRun *run, HitlBranch **branches, int count)
{
	HitlControl *control = run->control;
	const HitlUndo *undo = &control->undo;
	int i;

	control->ready = NULL;
	control->ready_count = 0;
	control->ready_capacity = 0;
	for (i = count - 1; i >= 0; i--)
	{
		/* Steps are taken back one after the other. */
		if (branches[i]->event > 0 &&
			branches[i]->id != undo->first + undo->done)
			continue;
		if (is_ready(branches[i]))
			hitl_push_ready(run, branches[i]);
	}
}

/*
 * Put a branch into the table; NULL when out of memory.
 */
static HitlBranch *
insert(HitlControl *control, int64_t id)
{
	HitlBranch *branch;
	size_t i;

	if (control->slots == NULL || (control->loaded + 1) * 2 > control->mask + 1)
	{
		size_t mask = control->slots == NULL ? 15 : control->mask * 2 + 1;
		HitlBranch **slots = hitl_alloc_zero(&control->arena,
											 (mask + 1) * sizeof(*slots));

		if (slots == NULL)
			return NULL;
		for (i = 0; control->slots != NULL && i <= control->mask; i++)
		{
			if (control->slots[i] != NULL)
				*find_slot(slots, mask,
						   control->slots[i]->id) = control->slots[i];
		}
		control->slots = slots;
		control->mask = mask;
	}
	branch = hitl_alloc_zero(&control->arena, sizeof(HitlBranch));
	if (branch == NULL)
		return NULL;
	branch->id = id;
	*find_slot(control->slots, control->mask, id) = branch;
	control->loaded++;
	return branch;
}

/*
 * The slot that has a branch, or the empty one where it would be.
 */
static HitlBranch **
find_slot(HitlBranch **slots, size_t mask, int64_t id)
{
	size_t i = ((uint64_t) id * UINT64_C(0x9E3779B97F4A7C15) >> 20) & mask;

	while (slots[i] != NULL && slots[i]->id != id)
		i = (i + 1) & mask;
	return &slots[i];
}

/*
 * Read the text of a branch that the host has.
 */
static void
read_loaded(HitlRun *run, HitlBranch *branch, const char *text)
{
	const HitlJson *document;
	const char *reason = NULL;
	HitlBranch loaded = {.id = branch->id};
	HitlResult result;

	result = hitl_json_parse(&run->scratch, text, strlen(text),
							 HITL_JSON_COMPOSED, &document, NULL);
	if (result == HITL_INVALID)
		reason = "the text of a branch is no JSON";
	else if (result == HITL_OK)
		reason = hitl_read_branch(run->control, document, &loaded);
	if (run->scratch.failed || run->control->arena.failed)
		hitl_stop(run, HITL_NO_MEMORY, NULL);
	else if (reason != NULL)
		hitl_stop(run, HITL_INVALID, reason);
	else
	{
		loaded.status = HITL_BRANCH_ACTIVE;
		*branch = loaded;
	}
}

/*
 * Is a number one of a row of them?
 */
static bool
is_among(int64_t id, int64_t first, int64_t count)
{
	return id >= first && id - first < count;
}

/*
 * For qsort.
 */
static int
compare_branches(const void *a, const void *b)
{
	int64_t left = (*(HitlBranch *const *) a)->id;
	int64_t right = (*(HitlBranch *const *) b)->id;

	return (left > right) - (left < right);
}

/*
 * Make room in the list of ready branches.
 */
static void
reserve_ready(HitlRun *run, int count)
{
	HitlControl *control = run->control;
	int capacity = control->ready_capacity;
	int64_t *ready;

	if (count <= capacity)
		return;
	capacity = capacity == 0 ? 16 : capacity * 2;
	ready = hitl_alloc(&control->arena, capacity * sizeof(int64_t));
	if (ready == NULL)
	{
		hitl_stop(run, HITL_NO_MEMORY, NULL);
		return;
	}
	if (control->ready_count > 0)
		memcpy(ready, control->ready, control->ready_count * sizeof(int64_t));
	control->ready = ready;
	control->ready_capacity = capacity;
}

/*
 * Has a branch a step to enter, or another branch to start?
 */
static bool
is_ready(const HitlBranch *branch)
{
	return branch->position.state == HITL_READY ||
		hitl_can_start(&branch->position);
}

/*
 * For qsort.
 */
static int
compare_changes(const void *a, const void *b)
{
	int64_t left = ((const HitlBranchChange *) a)->branch;
	int64_t right = ((const HitlBranchChange *) b)->branch;

	return (left > right) - (left < right);
}
