/*
 * policy_verdict.c
 *		What an evaluation comes to: the decision, or who is asked and when to
 *		look again.
 */
#include "core/policy.h"

#include <string.h>

static void list_asked(HitlEvaluation *run, HitlVerdict *verdict);
static void set_times(const HitlEvaluation *run, HitlVerdict *verdict);

/*
 * Decide by the votes so far and the time.
 */
HitlResult
hitl_evaluate_policy(const HitlPolicy *policy, const HitlPolicyCase *input,
					 HitlVerdict *verdict)
{
	HitlArena arena;
	HitlArena *memory;
	HitlEvaluation run;
	HitlResult result;

	hitl_arena_init(&arena);
	memory = hitl_alloc(&arena, sizeof(HitlArena));
	if (memory == NULL)
		return HITL_NO_MEMORY;
	*memory = arena;
	result = hitl_run_evaluation(&run, memory, policy, input);
	if (result == HITL_OK)
	{
		verdict->outcome = run.outcome;
		verdict->reason = run.reason;
		if (run.decider != NULL)
			verdict->decider = hitl_copy_text(memory, run.decider,
											  strlen(run.decider));
		verdict->state = hitl_write_policy_state(&run);
		verdict->escalations = run.stage;
		if (run.outcome == HITL_OUTCOME_PENDING)
		{
			list_asked(&run, verdict);
			set_times(&run, verdict);
		}
		if (memory->failed)
			result = HITL_NO_MEMORY;
	}
	hitl_end_evaluation(&run);
	if (result == HITL_OK)
		verdict->memory = memory;
	else
	{
		memset(verdict, 0, sizeof(*verdict));
		hitl_arena_free(memory);
	}
	return result;
}

/*
 * Free what evaluate_policy built.
 */
void
hitl_free_verdict(HitlVerdict *verdict)
{
	if (verdict->memory != NULL)
		hitl_arena_free(verdict->memory);
	memset(verdict, 0, sizeof(*verdict));
}

/*
 * The names of all leaves that ask, each once.
 */
static void
list_asked(HitlEvaluation *run, HitlVerdict *verdict)
{
	const HitlPolicy *policy = run->policy;
	bool *seen = hitl_alloc_zero(run->memory, policy->nnames * sizeof(bool));
	int i;
	int j;

	verdict->asked = hitl_alloc(run->memory,
								policy->nnames * sizeof(const char *));
	if (run->memory->failed)
		return;
	for (i = 0; i < policy->nleaves; i++)
	{
		const HitlPart *leaf = policy->leaves[i];

		if (!hitl_is_asking(run, leaf))
			continue;
		for (j = 0; j < leaf->nnames; j++)
		{
			if (seen[leaf->name_numbers[j]])
				continue;
			seen[leaf->name_numbers[j]] = true;
			verdict->asked[verdict->nasked++] = hitl_copy_text(
				run->memory, leaf->names[j], strlen(leaf->names[j]));
		}
	}
}

/*
 * When to look again, when silence ends it, and whether to remind now.
 */
static void
set_times(const HitlEvaluation *run, HitlVerdict *verdict)
{
	const HitlPolicy *policy = run->policy;
	const HitlPolicyCase *input = run->input;
	const HitlStage *stage = &policy->stages[run->stage];
	int64_t next_us;
	int reminders = input->reminders;

	if (hitl_next_due(run, &next_us))
		verdict->next_us = next_us;
	if (stage->timeout_us > 0)
		verdict->expires_us = hitl_later(run->stage_us, stage->timeout_us);
	if (policy->remind_after_us > 0 && reminders < policy->remind_max)
	{
		int64_t due_us = input->last_remind_us > 0
			? hitl_later(input->last_remind_us, policy->remind_every_us)
			: hitl_later(input->opened_us, policy->remind_after_us);

		if (due_us <= run->now_us)
		{
			verdict->remind = true;
			reminders++;
			due_us = hitl_later(run->now_us, policy->remind_every_us);
		}
		if (reminders < policy->remind_max &&
			(verdict->next_us == 0 || due_us < verdict->next_us))
			verdict->next_us = due_us;
	}
}
