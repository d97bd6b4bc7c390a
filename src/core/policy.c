/*
 * policy.c
 *		How the answers of several people, and time, become one decision.
 *
 * Nothing of the past is kept but the answers: an evaluation goes through all
 * that has happened since the request was opened, in its order, answers and
 * instants at which something was due alike.  Only what depends on how many
 * people a group had at the time is kept in a state (policy_state.c).
 *
 * Nothing but enough approvals approves, and silence where the policy says so.
 */
#include "core/policy.h"

#include <math.h>
#include <string.h>

/* What is due at an instant, in this order. */
typedef enum TimerKind
{
	TIMER_DEADLINE,
	TIMER_SILENCE,
	TIMER_ASK,
	TIMER_STORED, /* what an earlier call decided at its own time */
	TIMER_NONE
} TimerKind;

typedef struct Timer
{
	TimerKind kind;
	int64_t due_us;
	const HitlPart *part;
} Timer;

static bool begin(HitlEvaluation *run);
static void replay(HitlEvaluation *run);
static Timer next_timer(const HitlEvaluation *run);
static void offer(Timer *best, TimerKind kind, int64_t due_us,
				  const HitlPart *part);
static void process_timer(HitlEvaluation *run, const Timer *timer);
static void process_silence(HitlEvaluation *run);
static void process_vote(HitlEvaluation *run, const HitlVote *vote);
static bool count_vote(HitlEvaluation *run, const HitlPart *leaf,
					   HitlLeafSet *approved);
static void add_voter(HitlEvaluation *run, const HitlLeafSet *leaves);
static void settle(HitlEvaluation *run);
static void check_leaf(HitlEvaluation *run, const HitlPart *leaf);
static void take_stored(HitlEvaluation *run, const HitlPart *leaf);
static bool is_reached(const HitlEvaluation *run, const HitlPartState *state);
static bool is_fresh(const HitlEvaluation *run);
static bool has_people(HitlEvaluation *run, const HitlPart *leaf);
static void check_inner(HitlEvaluation *run, const HitlPart *part);
static void ask_children(HitlEvaluation *run, const HitlPart *part);
static void ask_part(HitlEvaluation *run, const HitlPart *part,
					 int64_t parent_us);
static void check_root(HitlEvaluation *run);
static void fail_part(HitlEvaluation *run, const HitlPart *part,
					  const char *reason);
static void decide(HitlEvaluation *run, HitlOutcome outcome,
				   const char *reason);

/*
 * Go through all that has happened; hitl_end_evaluation must follow.
 */
HitlResult
hitl_run_evaluation(HitlEvaluation *run, HitlArena *memory,
					const HitlPolicy *policy, const HitlPolicyCase *input)
{
	memset(run, 0, sizeof(*run));
	run->policy = policy;
	run->input = input;
	run->memory = memory;
	run->result = HITL_OK;
	hitl_arena_init(&run->sets_memory);
	if (begin(run))
		replay(run);
	if (run->result == HITL_OK && (memory->failed || run->sets_memory.failed))
		run->result = HITL_NO_MEMORY;
	return run->result;
}

/*
 * Free what lies in an evaluation's own memory.
 */
void
hitl_end_evaluation(HitlEvaluation *run)
{
	hitl_arena_free(&run->sets_memory);
}

/*
 * A part has been approved.
 */
void
hitl_approve_part(HitlEvaluation *run, const HitlPart *part)
{
	HitlPartState *state = &run->states[part->number];

	state->status = HITL_PART_APPROVED;
	state->closed = true;
	state->order = ++run->decisions;
	state->decided_votes = run->votes;
	state->decided_us = run->now_us;
	run->changed = true;
}

/*
 * Does an answer still count in a part?  It has been asked, it and those
 * around it are open.
 */
bool
hitl_is_asking(const HitlEvaluation *run, const HitlPart *part)
{
	for (; part != NULL; part = part->parent)
	{
		const HitlPartState *state = &run->states[part->number];

		if (state->status == HITL_PART_WAITS || state->closed)
			return false;
	}
	return true;
}

/*
 * A time after an instant.
 */
int64_t
hitl_later(int64_t us, int64_t more_us)
{
	return us > INT64_MAX - more_us ? INT64_MAX : us + more_us;
}

/*
 * When something will be due, if that is known.
 */
bool
hitl_next_due(const HitlEvaluation *run, int64_t *due_us)
{
	Timer timer = next_timer(run);

	*due_us = timer.due_us;
	return timer.kind != TIMER_NONE;
}

/*
 * The states at the beginning.
 */
static bool
begin(HitlEvaluation *run)
{
	const HitlPolicy *policy = run->policy;
	int i;

	run->states = hitl_alloc_zero(run->memory,
								  policy->nparts * sizeof(HitlPartState));
	run->stamps = hitl_alloc_zero(run->memory, policy->nleaves * sizeof(int));
	if (run->memory->failed)
		return false;
	for (i = 0; i < policy->nparts; i++)
	{
		run->states[i].due_us = -1;
		run->states[i].needed = policy->parts[i]->needed;
	}
	return hitl_read_policy_state(run);
}

/*
 * Answers and instants in their order: what is due comes before an answer of
 * the same instant.
 */
static void
replay(HitlEvaluation *run)
{
	const HitlPolicyCase *input = run->input;
	int64_t end_us = input->now_us;

	run->now_us = input->opened_us;
	run->stage_us = input->opened_us;
	run->cause = "approved";

	/* The clock of an answer may be ahead; it counts all the same. */
	if (input->nvotes > 0 && input->votes[input->nvotes - 1].at_us > end_us)
		end_us = input->votes[input->nvotes - 1].at_us;
	if (end_us < run->now_us)
		end_us = run->now_us;
	ask_part(run, run->policy->stages[0].part, run->now_us);
	settle(run);
	while (run->outcome == HITL_OUTCOME_PENDING && run->result == HITL_OK &&
		   !run->memory->failed)
	{
		Timer timer = next_timer(run);
		const HitlVote *vote = run->votes < input->nvotes
			? &input->votes[run->votes]
			: NULL;
		int64_t vote_us = vote == NULL ? end_us : vote->at_us;

		if (vote_us < run->now_us)
			vote_us = run->now_us;
		if (timer.kind != TIMER_NONE && timer.due_us <= vote_us)
		{
			if (timer.due_us > run->now_us)
				run->now_us = timer.due_us;
			process_timer(run, &timer);
		}
		else if (vote != NULL)
		{
			run->now_us = vote_us;
			process_vote(run, vote);
		}
		else
			break;
	}
	if (run->outcome == HITL_OUTCOME_PENDING && run->result == HITL_OK)
	{
		/* Groups may have changed since the last answer. */
		run->now_us = end_us;
		settle(run);
	}
}

/*
 * What is due next.
 */
static Timer
next_timer(const HitlEvaluation *run)
{
	const HitlStage *stage = &run->policy->stages[run->stage];
	Timer best = {TIMER_NONE, 0, NULL};
	int i;

	if (stage->timeout_us > 0)
		offer(&best, TIMER_SILENCE,
			  hitl_later(run->stage_us, stage->timeout_us), NULL);

	/* From the inside out, so that a part is asked last what its parts say. */
	for (i = run->policy->nparts - 1; i >= 0; i--)
	{
		const HitlPart *part = run->policy->parts[i];
		const HitlPartState *state = &run->states[i];

		switch (state->status)
		{
			case HITL_PART_WAITS:
				if (state->due_us >= 0 &&
					(part->parent == NULL || hitl_is_asking(run, part->parent)))
					offer(&best, TIMER_ASK, state->due_us, part);
				break;
			case HITL_PART_ASKED:
				if (part->deadline_us > 0 && hitl_is_asking(run, part))
					offer(&best, TIMER_DEADLINE,
						  hitl_later(state->asked_us, part->deadline_us), part);
				if (state->stored && run->votes >= state->decided_votes &&
					hitl_is_asking(run, part))
					offer(&best, TIMER_STORED, state->decided_us, part);
				break;
			default:
				break;
		}
	}
	return best;
}

/*
 * Take a timer if it is before the best one so far.
 */
static void
offer(Timer *best, TimerKind kind, int64_t due_us, const HitlPart *part)
{
	if (best->kind == TIMER_NONE || due_us < best->due_us ||
		(due_us == best->due_us && kind < best->kind))
	{
		best->kind = kind;
		best->due_us = due_us;
		best->part = part;
	}
}

/*
 * Something is due.
 */
static void
process_timer(HitlEvaluation *run, const Timer *timer)
{
	HitlPartState *state = timer->part == NULL
		? NULL
		: &run->states[timer->part->number];

	switch (timer->kind)
	{
		case TIMER_DEADLINE:
			if (timer->part->approve_on_deadline)
			{
				run->cause = "deadline";
				hitl_approve_part(run, timer->part);
				state->granted = true;
				run->sets = NULL;
			}
			else
				fail_part(run, timer->part, "deadline");
			break;
		case TIMER_SILENCE:
			process_silence(run);
			break;
		case TIMER_ASK:
			state->status = HITL_PART_ASKED;
			state->asked_us = run->now_us;
			break;
		case TIMER_STORED:
		case TIMER_NONE:
			break;
	}
	settle(run);
	run->cause = "approved";
}

/*
 * Nobody has made the decision in time.
 */
static void
process_silence(HitlEvaluation *run)
{
	switch (run->policy->stages[run->stage].on_silence)
	{
		case HITL_SILENCE_EXPIRES:
			decide(run, HITL_OUTCOME_EXPIRED, "silence");
			break;
		case HITL_SILENCE_REJECTS:
			decide(run, HITL_OUTCOME_REJECTED, "silence");
			break;
		case HITL_SILENCE_APPROVES:
			decide(run, HITL_OUTCOME_APPROVED, "silence");
			break;
		case HITL_SILENCE_ESCALATES:
			run->stage++;
			run->stage_us = run->now_us;
			run->sets = NULL;
			ask_part(run, run->policy->stages[run->stage].part, run->now_us);
			break;
	}
}

/*
 * An answer counts in every leaf that asks one of its names.
 */
static void
process_vote(HitlEvaluation *run, const HitlVote *vote)
{
	HitlLeafSet approved = {{0}};
	bool vetoed = false;
	int i;

	run->vote = vote;
	run->votes++;
	for (i = 0; i < vote->nnames; i++)
	{
		const HitlNameEntry *entry = hitl_find_asked(run->policy,
													 vote->names[i]);
		const HitlUse *use = entry == NULL ? NULL : entry->uses;

		for (; use != NULL; use = use->next)
		{
			if (run->stamps[use->leaf->leaf] == run->votes)
				continue;
			run->stamps[use->leaf->leaf] = run->votes;
			if (hitl_is_asking(run, use->leaf))
				vetoed |= count_vote(run, use->leaf, &approved);
		}
	}
	add_voter(run, &approved);
	settle(run);
	if (vetoed)
		decide(run, HITL_OUTCOME_REJECTED, "veto");
	run->vote = NULL;
}

/*
 * The vote under way counts in a leaf.  True if it is a veto.
 */
static bool
count_vote(HitlEvaluation *run, const HitlPart *leaf, HitlLeafSet *approved)
{
	HitlPartState *state = &run->states[leaf->number];
	HitlHit *hit = hitl_alloc_zero(run->memory, sizeof(HitlHit));

	if (hit == NULL)
		return false;
	hit->vote = run->vote;
	if (state->last_hit == NULL)
		state->hits = hit;
	else
		state->last_hit->next = hit;
	state->last_hit = hit;
	switch (run->vote->choice)
	{
		case HITL_CHOICE_APPROVE:
			state->approvals++;
			if (!leaf->in_advisory)
				approved->words[leaf->leaf / 64] |= UINT64_C(1)
					<< leaf->leaf % 64;
			return false;
		case HITL_CHOICE_REJECT:
			state->rejections++;
			return leaf->in_veto;
		case HITL_CHOICE_ABSTAIN:
			state->abstentions++;
			return false;
	}
	return false;
}

/*
 * Somebody has approved in these leaves, and counts in one of them.
 */
static void
add_voter(HitlEvaluation *run, const HitlLeafSet *leaves)
{
	int count = 0;
	int i;

	for (i = 0; i < HITL_SET_WORDS; i++)
		count += __builtin_popcountll(leaves->words[i]);
	if (count == 0 || !run->policy->distinct)
		return;
	run->shared |= count > 1;
	for (i = 0; i < run->nvoters; i++)
	{
		if (memcmp(&run->voters[i].leaves, leaves, sizeof(*leaves)) == 0)
			break;
	}
	if (i == run->voters_size)
	{
		int size = run->voters_size == 0 ? 8 : run->voters_size * 2;
		HitlVoters *voters = hitl_alloc(run->memory, size * sizeof(HitlVoters));

		if (voters == NULL)
			return;
		if (run->nvoters > 0)
			memcpy(voters, run->voters, run->nvoters * sizeof(HitlVoters));
		run->voters = voters;
		run->voters_size = size;
	}
	if (i == run->nvoters)
	{
		run->voters[i].leaves = *leaves;
		run->voters[i].count = 0;
		run->nvoters++;
	}
	run->voters[i].count++;
}

/*
 * Decide what can be decided, and ask whose turn it then is.
 */
static void
settle(HitlEvaluation *run)
{
	const HitlPolicy *policy = run->policy;
	int i;

	if (run->outcome != HITL_OUTCOME_PENDING)
		return;
	do
	{
		run->changed = false;
		for (i = 0; i < policy->nleaves; i++)
			check_leaf(run, policy->leaves[i]);
		if (run->shared && run->result == HITL_OK && !run->memory->failed)
			hitl_match_voters(run);
		for (i = policy->nparts - 1; i >= 0; i--)
		{
			if (policy->parts[i]->first != NULL)
				check_inner(run, policy->parts[i]);
		}
		for (i = 0; i < policy->nparts; i++)
		{
			if (policy->parts[i]->first != NULL)
				ask_children(run, policy->parts[i]);
		}
	} while (run->changed && run->result == HITL_OK && !run->memory->failed);
	if (run->result == HITL_OK && !run->memory->failed)
		check_root(run);
}

/*
 * Is a leaf decided?  Rejections come first: caution wins.
 */
static void
check_leaf(HitlEvaluation *run, const HitlPart *leaf)
{
	HitlPartState *state = &run->states[leaf->number];
	bool lost = state->rejections + state->abstentions > 0;

	if (state->status != HITL_PART_ASKED || !hitl_is_asking(run, leaf))
		return;
	if (leaf->reject_after > 0 && state->rejections >= leaf->reject_after)
	{
		fail_part(run, leaf, "rejected");
		return;
	}

	/* What is asked for a veto only stays asked. */
	if (leaf->in_advisory && leaf->in_veto)
		return;

	/* What an earlier call has said. */
	if (state->stored && is_reached(run, state))
	{
		take_stored(run, leaf);
		return;
	}
	if (leaf->percent > 0 && (lost || state->approvals > 0))
	{
		state->needed = 0;
		if (!is_fresh(run) || !has_people(run, leaf))
			return;
		if (state->people >= 0)
		{
			state->needed = (int) ceil(
				leaf->percent * (state->people - state->abstentions) / 100 -
				1e-9);
			if (state->needed < 1)
				state->needed = 1;
		}
	}
	if (state->needed > 0 && state->approvals >= state->needed &&
		(!run->shared || leaf->in_advisory))
	{
		hitl_approve_part(run, leaf);
		state->by_people = leaf->percent > 0;
		return;
	}

	/* Can there be as many approvals as are needed? */
	if (!lost || !is_fresh(run) || !has_people(run, leaf))
		return;
	if (state->people < 0)
	{
		/* Nobody knows how many approvals may come. */
		if (state->rejections == 0 || leaf->reject_after > 0)
			return;
		fail_part(run, leaf, "rejected");
	}
	else if (state->people - state->rejections - state->abstentions <
			 state->needed)
		fail_part(run, leaf, "out_of_reach");
	else
		return;
	state->by_people = true;
}

/*
 * Decide a leaf as an earlier call did.
 */
static void
take_stored(HitlEvaluation *run, const HitlPart *leaf)
{
	HitlPartState *state = &run->states[leaf->number];
	int votes = state->decided_votes;
	int64_t us = state->decided_us;

	if (state->stored_status == HITL_PART_FAILED)
		fail_part(run, leaf, state->reason);
	else
	{
		hitl_approve_part(run, leaf);
		state->needed = state->stored_needed;
		state->closed = !run->shared || leaf->in_advisory;
	}
	state->by_people = true;
	state->decided_votes = votes;
	state->decided_us = us;
}

/*
 * Has the moment come at which an earlier call decided a leaf?
 */
static bool
is_reached(const HitlEvaluation *run, const HitlPartState *state)
{
	return run->votes >= state->decided_votes &&
		run->now_us >= state->decided_us;
}

/*
 * Has no earlier call seen this moment?  Those that have, have decided by the
 * number of people that they knew of.
 */
static bool
is_fresh(const HitlEvaluation *run)
{
	return !run->has_state || run->votes > run->seen_votes ||
		run->now_us > run->seen_us;
}

/*
 * Have the people behind a leaf's names counted, once; false if that failed.
 */
static bool
has_people(HitlEvaluation *run, const HitlPart *leaf)
{
	const HitlPolicyCase *input = run->input;
	HitlPartState *state = &run->states[leaf->number];
	int i;

	if (state->has_people)
		return true;
	if (input->count_people != NULL)
	{
		run->counting = true;
		if (!input->count_people(input->context, leaf->nnames, leaf->names,
								 &state->people))
		{
			run->result = HITL_HOST_FAILED;
			return false;
		}
	}
	else
	{
		state->people = leaf->nnames;
		for (i = 0; i < leaf->nnames; i++)
		{
			if (strcmp(leaf->names[i], "*") == 0)
				state->people = -1;
		}
	}
	state->has_people = true;
	return true;
}

/*
 * Is an inner part decided by those within?
 */
static void
check_inner(HitlEvaluation *run, const HitlPart *part)
{
	HitlPartState *state = &run->states[part->number];
	const HitlPart *child;
	const char *reason = NULL;
	int order = 0;
	int approved = 0;
	int granted = 0;
	int closed = 0;
	int failed = 0;

	if (state->status == HITL_PART_WAITS || state->closed)
		return;
	for (child = part->first; child != NULL; child = child->next)
	{
		const HitlPartState *its = &run->states[child->number];

		if (child->advisory)
			continue;
		if (its->status == HITL_PART_APPROVED)
		{
			approved++;
			granted += its->granted;
			closed += its->closed;
		}
		else if (its->status == HITL_PART_FAILED)
		{
			failed++;
			if (its->order > order)
			{
				order = its->order;
				reason = its->reason;
			}
		}
	}
	if (state->status == HITL_PART_ASKED)
	{
		if (failed > part->voters - part->needed)
			fail_part(run, part, reason);
		else if (granted >= part->needed ||
				 (approved >= part->needed &&
				  (!run->shared || part->in_advisory)))
		{
			hitl_approve_part(run, part);
			state->granted = granted >= part->needed;
			if (state->granted)
				run->sets = NULL;
		}
	}
	else if (closed >= part->needed)
	{
		state->closed = true;
		run->changed = true;
	}
}

/*
 * Ask those of a part's children whose turn it is.
 */
static void
ask_children(HitlEvaluation *run, const HitlPart *part)
{
	const HitlPartState *state = &run->states[part->number];
	const HitlPart *child;

	if (state->status != HITL_PART_ASKED || !hitl_is_asking(run, part))
		return;
	for (child = part->first; child != NULL; child = child->next)
	{
		const HitlPartState *its = &run->states[child->number];

		if (its->status == HITL_PART_WAITS && its->due_us < 0)
			ask_part(run, child, state->asked_us);
		if (part->kind == HITL_PART_SEQUENCE && !child->advisory &&
			its->status != HITL_PART_APPROVED)
			break;
	}
}

/*
 * Ask a part, or set the time at which it will be.
 */
static void
ask_part(HitlEvaluation *run, const HitlPart *part, int64_t parent_us)
{
	HitlPartState *state = &run->states[part->number];

	state->due_us = hitl_later(parent_us, part->after_us);
	if (state->due_us <= run->now_us)
	{
		state->due_us = run->now_us;
		state->status = HITL_PART_ASKED;
		state->asked_us = run->now_us;
		run->changed = true;
	}
}

/*
 * The root, and what silence has led to, are alternatives.
 */
static void
check_root(HitlEvaluation *run)
{
	const char *reason = NULL;
	int order = 0;
	int failed = 0;
	int i;

	for (i = 0; i <= run->stage; i++)
	{
		const HitlPart *part = run->policy->stages[i].part;
		const HitlPartState *state = &run->states[part->number];

		if (state->status == HITL_PART_APPROVED)
		{
			decide(run, HITL_OUTCOME_APPROVED, run->cause);
			return;
		}
		if (state->status == HITL_PART_FAILED)
		{
			failed++;
			if (state->order > order)
			{
				order = state->order;
				reason = state->reason;
			}
		}
	}
	if (failed > run->stage)
		decide(run, HITL_OUTCOME_REJECTED, reason);
}

/*
 * A part has failed.
 */
static void
fail_part(HitlEvaluation *run, const HitlPart *part, const char *reason)
{
	HitlPartState *state = &run->states[part->number];

	state->status = HITL_PART_FAILED;
	state->closed = true;
	state->reason = reason;
	state->order = ++run->decisions;
	state->decided_votes = run->votes;
	state->decided_us = run->now_us;
	run->changed = true;
	run->sets = NULL;
}

/*
 * The request is decided, unless it was before.
 */
static void
decide(HitlEvaluation *run, HitlOutcome outcome, const char *reason)
{
	if (run->outcome != HITL_OUTCOME_PENDING || run->result != HITL_OK)
		return;
	run->outcome = outcome;
	run->reason = reason;
	run->decider = run->vote == NULL ? NULL : run->vote->person;
}
