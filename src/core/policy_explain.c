/*
 * policy_explain.c
 *		How each part of a policy stands, for people to read.
 */
#include "core/policy.h"

#include <string.h>

#define NAMES_SHOWN 5 /* in the description of a leaf */

static void write_part(HitlBuffer *buffer, const HitlEvaluation *run,
					   const HitlPart *part);
static const char *describe_state(const HitlEvaluation *run,
								  const HitlPart *part);
static const char *describe_part(HitlArena *memory, const HitlPart *part);
static void describe_leaf(HitlBuffer *buffer, const HitlPart *part);
static void write_people(HitlBuffer *buffer, const char *key,
						 const HitlPartState *state, HitlChoice choice);
static void write_known(HitlBuffer *buffer, const char *key, int64_t value,
						bool known);

/*
 * How each part stands, as a JSON array.
 */
HitlResult
hitl_explain_policy(const HitlPolicy *policy, const HitlPolicyCase *input,
					char **json, char **error)
{
	HitlArena arena;
	HitlEvaluation run;
	HitlBuffer buffer;
	HitlResult result;
	int i;

	*json = NULL;
	if (error != NULL)
		*error = NULL;
	hitl_arena_init(&arena);
	result = hitl_run_evaluation(&run, &arena, policy, input);
	if (result == HITL_OK)
	{
		hitl_buffer_init(&buffer, &arena);
		for (i = 0; i < policy->nparts; i++)
		{
			hitl_append_char(&buffer, i == 0 ? '[' : ',');
			write_part(&buffer, &run, policy->parts[i]);
		}
		hitl_append_char(&buffer, ']');
		if (hitl_buffer_text(&buffer) == NULL ||
			(*json = hitl_malloc_text(buffer.data)) == NULL)
			result = HITL_NO_MEMORY;
	}
	else if (result == HITL_INVALID && error != NULL &&
			 (*error = hitl_malloc_text("the state is not one of this "
										"policy and these answers")) == NULL)
		result = HITL_NO_MEMORY;
	hitl_end_evaluation(&run);
	hitl_arena_free(&arena);
	return result;
}

/*
 * Append a part as an object.
 */
static void
write_part(HitlBuffer *buffer, const HitlEvaluation *run, const HitlPart *part)
{
	const HitlPartState *state = &run->states[part->number];
	const char *status = describe_state(run, part);
	const HitlStage *stage = &run->policy->stages[run->stage];
	bool asked = state->status != HITL_PART_WAITS;
	int64_t asked_us = asked ? state->asked_us : state->due_us;
	bool known = asked ||
		(state->due_us >= 0 && strcmp(status, "waiting") == 0);
	bool limited;
	int i;

	/* Who will be asked at the next silence is known, too. */
	if (!known && run->outcome == HITL_OUTCOME_PENDING &&
		run->stage + 1 < run->policy->nstages &&
		run->policy->stages[run->stage + 1].part == part)
	{
		known = true;
		asked_us = hitl_later(hitl_later(run->stage_us, stage->timeout_us),
							  part->after_us);
	}
	limited = known && part->deadline_us > 0;
	hitl_append_char(buffer, '{');
	hitl_json_write_member(buffer, "pointer", part->pointer);
	hitl_write_number(buffer, "depth", part->depth);
	hitl_json_write_member(buffer, "part", describe_part(buffer->arena, part));
	hitl_json_write_member(buffer, "state", status);
	hitl_append_text(buffer, ",\"asks\":[");
	for (i = 0; i < part->nnames; i++)
	{
		if (i > 0)
			hitl_append_char(buffer, ',');
		hitl_json_write_string(buffer, part->names[i], strlen(part->names[i]));
	}
	hitl_append_char(buffer, ']');
	write_known(buffer, "needed", state->needed, state->needed > 0);
	write_people(buffer, "approved_by", state, HITL_CHOICE_APPROVE);
	write_people(buffer, "rejected_by", state, HITL_CHOICE_REJECT);
	write_people(buffer, "abstained", state, HITL_CHOICE_ABSTAIN);
	write_known(buffer, "asked_at_us", asked_us, known);
	write_known(buffer, "deadline_us",
				limited ? hitl_later(asked_us, part->deadline_us) : 0, limited);
	hitl_append_char(buffer, '}');
}

/*
 * How a part stands.
 */
static const char *
describe_state(const HitlEvaluation *run, const HitlPart *part)
{
	const HitlPartState *state = &run->states[part->number];

	if (state->status == HITL_PART_APPROVED)
		return "approved";
	if (state->status == HITL_PART_FAILED)
		return "failed";
	if (run->outcome != HITL_OUTCOME_PENDING)
		return "not needed";
	for (part = part->parent; part != NULL; part = part->parent)
	{
		if (run->states[part->number].closed)
			return "not needed";
	}
	return state->status == HITL_PART_ASKED ? "asked" : "waiting";
}

/*
 * What a part is.
 */
static const char *
describe_part(HitlArena *memory, const HitlPart *part)
{
	HitlBuffer text;

	hitl_buffer_init(&text, memory);
	if (part->label != NULL)
	{
		hitl_append_text(&text, part->label);
		hitl_append_text(&text, ": ");
	}
	switch (part->kind)
	{
		case HITL_PART_LEAF:
			describe_leaf(&text, part);
			break;
		case HITL_PART_ALL_OF:
			hitl_append_text(&text, "All of");
			break;
		case HITL_PART_ANY_OF:
			hitl_append_text(&text, "Any of");
			break;
		case HITL_PART_N_OF:
			hitl_append_format(&text, "%d of these", part->needed);
			break;
		case HITL_PART_SEQUENCE:
			hitl_append_text(&text, "One after the other");
			break;
	}
	return hitl_buffer_text(&text);
}

/*
 * "finance", "ann or ben", "2 of ann, ben, carl", "60 % of board",
 * "any approver".
 */
static void
describe_leaf(HitlBuffer *buffer, const HitlPart *part)
{
	bool counted = part->percent > 0 || part->needed > 1;
	int shown = part->nnames > NAMES_SHOWN + 1 ? NAMES_SHOWN : part->nnames;
	int i;

	if (part->percent > 0)
		hitl_append_format(buffer, "%.10g %%", part->percent);
	else if (part->needed > 1)
		hitl_append_integer(buffer, part->needed);
	if (counted)
		hitl_append_text(buffer, " of ");
	for (i = 0; i < shown; i++)
	{
		if (i > 0)
			hitl_append_text(buffer,
							 counted || i + 1 < part->nnames ? ", " : " or ");

		/* Not anybody: who sees his own requests only does not count. */
		if (strcmp(part->names[i], "*") == 0)
			hitl_append_text(buffer,
							 counted ? "all approvers" : "any approver");
		else
			hitl_append_text(buffer, part->names[i]);
	}
	if (shown < part->nnames)
		hitl_append_format(buffer, counted ? " and %d more" : " or %d more",
						   part->nnames - shown);
}

/*
 * Append the people who answered so, as a member.
 */
static void
write_people(HitlBuffer *buffer, const char *key, const HitlPartState *state,
			 HitlChoice choice)
{
	const HitlHit *hit;
	bool first = true;

	hitl_append_format(buffer, ",\"%s\":[", key);
	for (hit = state->hits; hit != NULL; hit = hit->next)
	{
		if (hit->vote->choice != choice)
			continue;
		if (!first)
			hitl_append_char(buffer, ',');
		first = false;
		hitl_json_write_string(buffer, hit->vote->person,
							   strlen(hit->vote->person));
	}
	hitl_append_char(buffer, ']');
}

/*
 * Append a number as a member, null where it is not known.
 */
static void
write_known(HitlBuffer *buffer, const char *key, int64_t value, bool known)
{
	if (known)
		hitl_write_number(buffer, key, value);
	else
		hitl_json_write_member(buffer, key, NULL);
}
