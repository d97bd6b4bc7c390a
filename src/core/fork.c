/*
 * fork.c
 *		Steps with branches: parallel and foreach.
 *
 * The position of the step keeps only counts.  Branches are started one after
 * the other, each when the one before it waits or has ended, as far as the
 * step's concurrency allows; so a step is never run before its turn, and no
 * message costs more with more branches.
 */
#include "core/internal.h"

#include <string.h>

static int needed(const HitlStep *step, const HitlCounts *branches);
static void leave_branch(HitlRun *run, HitlBranch *branch, HitlBranch *parent,
						 HitlBranchStatus status);
static void cancel_branches(HitlRun *run, HitlPosition *position);
static void remove_branches(HitlRun *run, const HitlPosition *position);
static void join(HitlRun *run, HitlPosition *position);

/*
 * Begin with branches, count of them.  variable, elements: of a foreach, whose
 * branches are scopes; else NULL.
 */
void
hitl_enter_fork(HitlRun *run, HitlPosition *position, int count,
				const char *variable, const char *elements)
{
	HitlControl *control = run->control;
	HitlCounts *branches = &position->branches;
	HitlEffect *effect;

	if (control->last_branch > HITL_MAX_BRANCH - count)
	{
		hitl_stop(run, HITL_INVALID, "the workflow has used up its branches");
		return;
	}
	memset(branches, 0, sizeof(*branches));
	branches->first = control->last_branch + 1;
	branches->total = count;
	control->last_branch += count;
	if (variable != NULL)
	{
		effect = hitl_emit(run, HITL_EFFECT_FORK, variable, position);
		effect->first = branches->first;
		effect->count = count;
		effect->body = hitl_copy_text(run->memory, elements, strlen(elements));
	}
	hitl_resume_fork(run, position);
}

/*
 * Wait for the branches; after a rollback or a retry, for those there are.
 */
void
hitl_resume_fork(HitlRun *run, HitlPosition *position)
{
	HitlBranch *branch = hitl_branch_of(position);

	position->state = HITL_AWAITS_BRANCHES;
	position->token = hitl_next_token(run, branch);
	position->since_us = run->now_us;
	if (position->step->timeout_ms > 0)
		hitl_set_timer(run, position,
					   run->now_us + position->step->timeout_ms * 1000);
	hitl_check_fork(run, branch);
}

/*
 * The branches have been joined: give their results, and be done with them.
 * NULL when the step has failed or the run has stopped.
 */
const HitlJson *
hitl_end_fork(HitlRun *run, HitlPosition *position, const HitlJson *body)
{
	const HitlJson *result = hitl_json_member(body, "result");

	if (result == NULL || result->type != HITL_JSON_ARRAY ||
		result->count != position->branches.total)
	{
		hitl_stop(run, HITL_INVALID,
				  "the reply to a join must have a result for each branch");
		return NULL;
	}
	remove_branches(run, position);
	return result;
}

/*
 * Is another branch to be started?
 */
bool
hitl_can_start(const HitlPosition *position)
{
	const HitlCounts *branches = &position->branches;
	int most = position->step->as.fork.concurrency;

	return position->state == HITL_AWAITS_BRANCHES &&
		branches->started < branches->total &&
		(most == 0 || branches->running < most) &&
		branches->completed < needed(position->step, branches);
}

/*
 * Start the next branch of a fork.
 */
void
hitl_start_branch(HitlRun *run, HitlBranch *parent)
{
	HitlPosition *position = &parent->position;
	HitlCounts *branches = &position->branches;
	const HitlFork *fork = &position->step->as.fork;
	HitlBranch *branch;

	if (!hitl_touch(run, parent))
		return;
	branch = hitl_add_branch(run, branches->first + branches->started);
	if (branch == NULL)
		return;
	branch->parent = parent->id;
	branch->owner = position->step;
	branch->index = branches->started;
	branch->scope = fork->items == NULL ? parent->scope : branch->id;

	/* What was tried when the fork was entered before comes not again. */
	branch->round = position->attempt - 1;
	branches->started++;
	branches->running++;
	hitl_set_position(run, branch,
					  &hitl_list_of(run->control, branch)->steps[0], NULL);
	hitl_push_ready(run, branch);
	hitl_enter(run, branch);
}

/*
 * A branch has gone through its list.
 */
void
hitl_end_branch(HitlRun *run, HitlBranch *branch)
{
	HitlBranch *parent = hitl_find_parent(run, branch);

	if (parent == NULL || !hitl_touch(run, parent))
		return;
	parent->position.branches.completed++;
	leave_branch(run, branch, parent, HITL_BRANCH_COMPLETED);
	hitl_check_fork(run, parent);
}

/*
 * Can a fork do without one more of its branches?
 */
bool
hitl_has_slack(const HitlPosition *position)
{
	const HitlCounts *branches = &position->branches;

	return branches->total - branches->failed - 1 >=
		needed(position->step, branches);
}

/*
 * Have more branches failed than a step could do without?
 */
bool
hitl_lacks_branches(const HitlStep *step, const HitlCounts *branches)
{
	return branches->total - branches->failed < needed(step, branches);
}

/*
 * A branch has failed.
 */
void
hitl_fail_branch(HitlRun *run, HitlBranch *branch, HitlBranch *parent)
{
	parent->position.branches.failed++;
	leave_branch(run, branch, parent, HITL_BRANCH_FAILED);
}

/*
 * Has a fork what it waits for, or another branch to start?
 */
void
hitl_check_fork(HitlRun *run, HitlBranch *branch)
{
	HitlPosition *position = &branch->position;

	if (run->result != HITL_OK || position->state != HITL_AWAITS_BRANCHES)
		return;
	if (position->branches.completed >=
		needed(position->step, &position->branches))
		join(run, position);
	else if (hitl_can_start(position))
		hitl_push_ready(run, branch);
}

/*
 * A fork is not waited for any more.
 */
void
hitl_abandon_fork(HitlRun *run, HitlPosition *position)
{
	cancel_branches(run, position);
	remove_branches(run, position);
	memset(&position->branches, 0, sizeof(position->branches));
}

/*
 * How many branches must complete.
 */
static int
needed(const HitlStep *step, const HitlCounts *branches)
{
	int wait_for = step->as.fork.wait_for;

	return wait_for == 0 ? branches->total : wait_for;
}

/*
 * A branch is over.
 */
static void
leave_branch(HitlRun *run, HitlBranch *branch, HitlBranch *parent,
			 HitlBranchStatus status)
{
	branch->status = status;
	branch->has_position = false;
	hitl_pop_ready(run, branch);
	parent->position.branches.running--;

	/* What is entered again must have a number that nothing inside had. */
	if (parent->highest < branch->highest)
		parent->highest = branch->highest;
}

/*
 * Cancel the branches that are under way, and those inside of them.
 */
static void
cancel_branches(HitlRun *run, HitlPosition *position)
{
	HitlCounts *counts = &position->branches;
	HitlBranch **branches;
	int count;
	int i;

	if (counts->running == 0)
		return;
	count = hitl_load_branches(run, counts->first, counts->started, &branches);
	for (i = 0; i < count; i++)
	{
		HitlBranch *branch = branches[i];

		if (!hitl_touch(run, branch))
			return;
		hitl_withdraw_position(run, &branch->position);
		if (branch->position.branches.total > 0)
			hitl_abandon_fork(run, &branch->position);
		leave_branch(run, branch, hitl_branch_of(position),
					 HITL_BRANCH_CANCELLED);
	}
}

/*
 * Have the host forget the branches.
 */
static void
remove_branches(HitlRun *run, const HitlPosition *position)
{
	HitlEffect *effect = hitl_emit(run, HITL_EFFECT_REMOVE_BRANCHES, NULL,
								   position);

	effect->first = position->branches.first;
	effect->count = position->branches.total;
	effect->keep = position->step->as.fork.undoable;
	hitl_forget_branches(run, effect->first, effect->count);
}

/*
 * Enough branches have completed: cancel the others, and ask for the results.
 */
static void
join(HitlRun *run, HitlPosition *position)
{
	HitlEffect *effect;

	if (hitl_is_limited(position))
		hitl_withdraw(run, position, position->token);
	cancel_branches(run, position);
	effect = hitl_emit(run, HITL_EFFECT_JOIN, NULL, position);
	effect->first = position->branches.first;
	effect->count = position->branches.total;
	hitl_await(run, position, HITL_AWAITS_REPLY, effect);
}
