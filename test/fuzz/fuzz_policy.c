/*
 * fuzz_policy.c
 *		Any text as a policy, and answers to it.  The input is the policy, a
 *		NUL, a state, a NUL, and an answer in each three bytes: the choice and
 *		the time since the one before, and two of the names that it speaks for.
 */
#include "fuzz.h"

#include "core/policy.h"

#define VOTES 60

static bool
count_people(void *context, int nnames, const char *const *names, int *count)
{
	int *calls = context;

	MUST(nnames > 0 && names[0][0] != '\0');
	*count = nnames * 2 + *calls - 2;
	*calls = (*calls + 1) % 6;
	return true;
}

/*
 * One of the policy's names, or another.
 */
static const char *
name_of(const HitlPolicy *policy, uint8_t byte)
{
	size_t slot = byte & policy->mask;

	return policy->slots[slot].text == NULL ? "*" : policy->slots[slot].text;
}

/*
 * What a verdict must be, whatever the policy is.
 */
static void
must_be_right(const HitlPolicyCase *input, const HitlVerdict *verdict)
{
	int i;

	must_be_json(verdict->state);
	MUST((verdict->outcome == HITL_OUTCOME_PENDING) ==
		 (verdict->reason == NULL));
	if (verdict->outcome == HITL_OUTCOME_APPROVED)
	{
		bool approved = strcmp(verdict->reason, "approved") != 0;

		for (i = 0; i < input->nvotes; i++)
			approved |= input->votes[i].choice == HITL_CHOICE_APPROVE;
		MUST(approved);
	}
	if (verdict->outcome != HITL_OUTCOME_PENDING)
		MUST(verdict->nasked == 0 && !verdict->remind);
	MUST(verdict->next_us == 0 || verdict->next_us > input->now_us);
	for (i = 0; i < verdict->nasked; i++)
		MUST(verdict->asked[i][0] != '\0');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	HitlArena arena;
	HitlFaults faults = {0};
	HitlPolicy *policy;
	HitlPolicy *again;
	HitlPolicyCase input = {.count_people = count_people};
	HitlVerdict verdict = {0};
	HitlVote votes[VOTES];
	const char *names[VOTES][2];
	const char *state;
	char *kept = NULL;
	char *text;
	char *json;
	char *error;
	size_t at;
	int calls = 0;
	int nvotes = 0;

	hitl_arena_init(&arena);
	text = hitl_copy_text(&arena, (const char *) data, size);
	at = strlen(text) + 1;
	if (hitl_parse_policy(text, &policy, &faults) != HITL_OK)
	{
		MUST(faults.count > 0);
		hitl_free_faults(&faults);
		hitl_arena_free(&arena);
		return 0;
	}
	state = at < size ? text + at : "";
	at += strlen(state) + 1;
	input.context = &calls;
	input.votes = votes;

	/* Any state is refused, or gives a verdict. */
	if (state[0] != '\0')
	{
		HitlResult result;

		input.state = state;
		result = hitl_evaluate_policy(policy, &input, &verdict);
		MUST(result == HITL_OK || result == HITL_INVALID);
		MUST(result == HITL_INVALID ||
			 verdict.outcome != HITL_OUTCOME_APPROVED ||
			 strcmp(verdict.reason, "deadline") == 0);
		hitl_free_verdict(&verdict);
	}
	input.state = NULL;
	for (; at + 2 < size && nvotes < VOTES; at += 3)
	{
		HitlOutcome before = HITL_OUTCOME_PENDING;

		names[nvotes][0] = name_of(policy, data[at + 1]);
		names[nvotes][1] = name_of(policy, data[at + 2]);
		input.now_us += (int64_t) (data[at] >> 2) * 1000000;
		votes[nvotes] = (HitlVote){names[nvotes][0], 2, names[nvotes],
								   (HitlChoice) (data[at] % 3), input.now_us};
		input.nvotes = ++nvotes;
		input.state = kept;
		MUST(hitl_evaluate_policy(policy, &input, &verdict) == HITL_OK);
		must_be_right(&input, &verdict);
		free(kept);
		kept = verdict.state == NULL ? NULL : strdup(verdict.state);
		before = verdict.outcome;
		hitl_free_verdict(&verdict);

		/* Again, it is the same. */
		input.state = kept;
		MUST(hitl_evaluate_policy(policy, &input, &verdict) == HITL_OK);
		MUST(verdict.outcome == before);
		hitl_free_verdict(&verdict);
		if (before != HITL_OUTCOME_PENDING)
			break;
	}
	MUST(hitl_explain_policy(policy, &input, &json, &error) == HITL_OK);
	must_be_json(json);
	free(json);
	if (hitl_reassign_policy(policy, name_of(policy, (uint8_t) size), "zoe",
							 &json, &error) == HITL_OK)
	{
		MUST(hitl_parse_policy(json, &again, &faults) == HITL_OK);
		hitl_free_policy(again);
		free(json);
	}
	else
		free(error);
	free(kept);
	hitl_free_policy(policy);
	hitl_arena_free(&arena);
	return 0;
}
