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
		!hitl_read_int(state, "votes", -1, 0, run->input->nvotes,
					   &run->seen_votes) ||
		!read_us(state, &run->seen_us))
		return false;
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
	hitl_write_number(&buffer, "at_us",
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
		hitl_append_text(&buffer, "{\"part\":");
		hitl_append_integer(&buffer, i);
		hitl_json_write_member(&buffer, "state",
							   failed ? "failed" : "approved");
		if (failed)
			hitl_json_write_member(&buffer, "reason", state->reason);
		else
			hitl_write_number(&buffer, "needed", state->needed);
		hitl_write_number(&buffer, "votes", state->decided_votes);
		hitl_write_number(&buffer, "at_us", state->decided_us);
		hitl_append_char(&buffer, '}');
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
	static const char *const outcomes[] = {"failed", "approved", NULL};
	static const char *const reasons[] = {"rejected", "out_of_reach", NULL};
	int outcome = hitl_find_name(hitl_json_member(value, "state"), outcomes);
	int reason = hitl_find_name(hitl_json_member(value, "reason"), reasons);
	const HitlPart *part;
	HitlPartState *state;
	int number;

	if (value->type != HITL_JSON_OBJECT || !hitl_only_members(value, members) ||
		outcome < 0 ||
		!hitl_read_int(value, "part", -1, 0, run->policy->nparts - 1, &number))
		return false;
	part = run->policy->parts[number];
	state = &run->states[number];
	if (part->leaf < 0 || (part->in_advisory && part->in_veto) ||
		state->stored ||
		!hitl_read_int(value, "votes", -1, 0, run->seen_votes,
					   &state->decided_votes) ||
		!read_us(value, &state->decided_us) || state->decided_us > run->seen_us)
		return false;
	state->stored = true;
	if (outcome == 0)
	{
		if (reason < 0)
			return false;
		state->stored_status = HITL_PART_FAILED;
		state->reason = reasons[reason];
		return true;
	}

	/* Only a percentage is reached by the number of people. */
	state->stored_status = HITL_PART_APPROVED;
	return part->percent > 0 &&
		hitl_read_int(value, "needed", 0, 1, INT32_MAX, &state->stored_needed);
}

/*
 * "at_us".
 */
static bool
read_us(const HitlJson *object, int64_t *us)
{
	return hitl_json_integer(hitl_json_member(object, "at_us"), us);
}
