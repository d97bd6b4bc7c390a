/*
 * policy_state.c
 *		What an evaluation hands on to the next one: how far it has seen, and
 *		which leaves it decided by the number of people behind their names,
 *		which another call may find changed.  Decisions stand.
 */
#include "core/policy.h"

#include <string.h>

static bool read_part(HitlEvaluation *run, const HitlJson *value);
static bool read_us(const HitlJson *object, int64_t *us);

/*
 * Read the state that an earlier call gave; false if there is no going on.
 */
bool
hitl_read_policy_state(HitlEvaluation *run)
{
	static const char *const members[] = {"votes", "at_us", "parts", NULL};
	const char *text = run->input->state;
	const HitlJson *state;
	const HitlJson *parts;
	const HitlJson *part;
	int64_t votes;

	if (text == NULL)
		return true;
	run->result = hitl_json_parse(run->memory, text, strlen(text), 0, &state,
								  NULL);
	if (run->result != HITL_OK)
		return false;
	run->result = HITL_INVALID;
	run->has_state = true;
	parts = hitl_json_member(state, "parts");
	if (state->type != HITL_JSON_OBJECT || parts == NULL ||
		!hitl_only_members(state, members) || parts->type != HITL_JSON_ARRAY ||
		!hitl_json_integer(hitl_json_member(state, "votes"), &votes) ||
		votes < 0 || votes > run->input->nvotes ||
		!read_us(state, &run->seen_us))
		return false;
	run->seen_votes = (int) votes;
	for (part = parts->first; part != NULL; part = part->next)
	{
		if (!read_part(run, part))
			return false;
	}
	run->result = HITL_OK;
	return true;
}

/*
 * The state for the next call; NULL if there is nothing to hand on.
 */
const char *
hitl_write_policy_state(HitlEvaluation *run)
{
	HitlBuffer buffer;
	bool first = true;
	int i;

	if (!run->counting && !run->has_state)
		return NULL;
	hitl_buffer_init(&buffer, run->memory);
	hitl_append_text(&buffer, "{\"votes\":");
	hitl_append_integer(&buffer,
						run->votes > run->seen_votes ? run->votes
													 : run->seen_votes);
	hitl_append_text(&buffer, ",\"at_us\":");
	hitl_append_integer(&buffer,
						run->now_us > run->seen_us || !run->has_state
							? run->now_us
							: run->seen_us);
	hitl_append_text(&buffer, ",\"parts\":[");
	for (i = 0; i < run->policy->nparts; i++)
	{
		const HitlPartState *state = &run->states[i];
		bool failed = state->status == HITL_PART_FAILED;

		if (!state->by_people)
			continue;
		if (!first)
			hitl_append_char(&buffer, ',');
		first = false;
		hitl_append_format(&buffer, "{\"part\":%d,\"state\":\"%s\"", i,
						   failed ? "failed" : "approved");
		if (failed)
			hitl_json_write_member(&buffer, "reason", state->reason);
		else
			hitl_append_format(&buffer, ",\"needed\":%d", state->needed);
		hitl_append_format(&buffer, ",\"votes\":%d,\"at_us\":%lld}",
						   state->decided_votes, (long long) state->decided_us);
	}
	hitl_append_text(&buffer, "]}");
	return hitl_buffer_text(&buffer);
}

/*
 * A leaf that was decided by the number of people.
 */
static bool
read_part(HitlEvaluation *run, const HitlJson *value)
{
	static const char *const members[] = {"part",  "state", "reason", "needed",
										  "votes", "at_us", NULL};
	const HitlPolicy *policy = run->policy;
	const HitlJson *outcome = hitl_json_member(value, "state");
	const HitlJson *reason = hitl_json_member(value, "reason");
	const HitlPart *part;
	HitlPartState *state;
	int64_t number;
	int64_t votes;
	int64_t needed;

	if (value->type != HITL_JSON_OBJECT || !hitl_only_members(value, members) ||
		!hitl_json_integer(hitl_json_member(value, "part"), &number) ||
		number < 0 || number >= policy->nparts || outcome == NULL ||
		outcome->type != HITL_JSON_STRING ||
		!hitl_json_integer(hitl_json_member(value, "votes"), &votes) ||
		votes < 0 || votes > run->seen_votes)
		return false;
	part = policy->parts[number];
	state = &run->states[number];
	if (part->leaf < 0 || (part->in_advisory && part->in_veto) ||
		state->stored || !read_us(value, &state->decided_us) ||
		state->decided_us > run->seen_us)
		return false;
	state->stored = true;
	state->decided_votes = (int) votes;
	if (strcmp(outcome->text, "failed") == 0)
	{
		state->stored_status = HITL_PART_FAILED;
		if (reason == NULL || reason->type != HITL_JSON_STRING)
			return false;
		if (strcmp(reason->text, "rejected") == 0)
			state->reason = "rejected";
		else
			state->reason = "out_of_reach";
		return strcmp(reason->text, state->reason) == 0;
	}

	/* Only a percentage is reached by the number of people. */
	state->stored_status = HITL_PART_APPROVED;
	if (strcmp(outcome->text, "approved") != 0 || part->percent == 0 ||
		!hitl_json_integer(hitl_json_member(value, "needed"), &needed) ||
		needed < 1 || needed > INT32_MAX)
		return false;
	state->stored_needed = (int) needed;
	return true;
}

/*
 * "at_us".
 */
static bool
read_us(const HitlJson *object, int64_t *us)
{
	return hitl_json_integer(hitl_json_member(object, "at_us"), us);
}
