/*
 * test_policy_random.c
 *		Random policies and answers against the reference (policy_reference.c).
 */
#include "policy_reference.h"

#ifndef CASES
#define CASES 1000
#endif
#define HORIZON 14 /* seconds */

static uint64_t seed;

/*
 * A number from 0 to most - 1.
 */
static int
draw(int most)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (int) ((seed >> 33) % (uint64_t) most);
}

static bool
chance(int in)
{
	return draw(in) == 0;
}

static void
write_names(HitlBuffer *out, bool may_be_anybody)
{
	unsigned used = 0;
	int count = 1 + draw(3);
	int i;

	hitl_append_char(out, '[');
	for (i = 0; i < count; i++)
	{
		int name = draw(PEOPLE + GROUPS + (may_be_anybody && chance(4)));

		if ((used >> name & 1) != 0)
			continue;
		hitl_append_format(out, "%s\"%s\"", used == 0 ? "" : ",",
						   name < PEOPLE ? person_names[name]
							   : name < PEOPLE + GROUPS
							   ? group_names[name - PEOPLE]
							   : "*");
		used |= 1U << name;
	}
	hitl_append_char(out, ']');
}

static void
write_options(HitlBuffer *out, bool may_be_advisory)
{
	if (chance(8))
		hitl_append_format(out, ",\"after\":%d", 1 + draw(5));
	if (chance(8))
	{
		hitl_append_format(out, ",\"deadline\":%d", 1 + draw(6));
		if (chance(3))
			hitl_append_text(out, ",\"on_deadline\":\"approve\"");
	}
	if (chance(12))
		hitl_append_text(out, ",\"veto\":true");
	if (may_be_advisory && chance(7))
		hitl_append_text(out, ",\"advisory\":true");
}

/*
 * A node with at most so many leaves; the braces are the caller's.
 */
static void
write_node(HitlBuffer *out, int leaves, int levels, bool may_be_advisory)
{
	if (leaves < 2 || levels == 0)
	{
		int how = draw(4);

		hitl_append_text(out, "\"from\":");
		write_names(out, how != 3);
		if (how == 2)
			hitl_append_format(out, ",\"count\":%d", 1 + draw(3));
		else if (how == 3)
			hitl_append_format(out, ",\"percent\":%d", 10 + draw(91));
		if (chance(6))
			hitl_append_format(out, ",\"reject_after\":%d", 1 + draw(3));
	}
	else
	{
		static const char *const kinds[] = {"all_of", "any_of", "n_of",
											"sequence"};
		int kind = draw(4);
		int children = 2 + draw(leaves > 3 ? 3 : leaves - 1);
		int i;

		hitl_append_format(out, "\"%s\":[", kinds[kind]);
		for (i = 0; i < children; i++)
		{
			int share = leaves / (children - i);

			if (share < 1)
				share = 1;
			if (i + 1 < children && leaves > children && chance(2))
				share++;
			leaves -= share;
			hitl_append_text(out, i > 0 ? ",{" : "{");
			write_node(out, share, levels - 1, i > 1);
			hitl_append_char(out, '}');
		}
		hitl_append_char(out, ']');
		if (kind == 2)
		{
			if (chance(3))
				hitl_append_format(out, ",\"percent\":%d", 10 + draw(91));
			else
				hitl_append_format(out, ",\"n\":%d", 1 + draw(2));
		}
	}
	write_options(out, may_be_advisory);
}

static const char *
write_policy(HitlBuffer *out)
{
	int escalations = 0;
	int i;

	hitl_append_char(out, '{');
	write_node(out, 1 + draw(5), 3, false);
	if (chance(3))
		hitl_append_text(out, ",\"distinct\":false");
	while (chance(2) && escalations < 2)
	{
		hitl_append_format(out,
						   ",\"timeout\":%d,\"on_silence\":{\"escalate\":{",
						   1 + draw(6));
		write_node(out, 1, 1, false);
		hitl_append_char(out, '}');
		escalations++;
	}
	if (chance(3))
	{
		static const char *const ends[] = {"expire", "reject", "approve"};

		hitl_append_format(out, ",\"timeout\":%d", 1 + draw(8));
		if (chance(2))
			hitl_append_format(out, ",\"on_silence\":\"%s\"", ends[draw(3)]);
	}
	for (i = 0; i <= escalations; i++)
		hitl_append_char(out, '}');
	return hitl_buffer_text(out);
}

static bool
count_people(void *context, int nnames, const char *const *names, int *count)
{
	*count = count_crowd(context, nnames, names);
	return true;
}

/*
 * The ballots as the core has them.
 */
static void
fill_votes(const Crowd *crowd, const Ballot *ballots, int nballots,
		   HitlVote *votes, const char *names[PEOPLE][GROUPS + 2])
{
	int i;
	int g;

	for (i = 0; i < nballots; i++)
	{
		int n = 0;

		names[i][n++] = person_names[ballots[i].person];
		for (g = 0; g < GROUPS; g++)
		{
			if ((crowd->groups[ballots[i].person] >> g & 1) != 0)
				names[i][n++] = group_names[g];
		}
		names[i][n++] = "*";
		votes[i] = (HitlVote){person_names[ballots[i].person], n, names[i],
							  ballots[i].choice,
							  (int64_t) ballots[i].at * SECOND};
	}
}

/*
 * The states of all parts, as the reference writes them.
 */
static void
tell_states(const HitlPolicy *policy, const HitlPolicyCase *input, char *text)
{
	char *json;
	char *error;
	json_t *parts;
	json_t *part;
	size_t i;

	CHECK_INT(hitl_explain_policy(policy, input, &json, &error), HITL_OK);
	parts = json_loads(json, 0, NULL);
	json_array_foreach(parts, i, part)
	{
		const char *state = json_string_value(json_object_get(part, "state"));

		text[i] = strcmp(state, "approved") == 0 ? 'y'
			: strcmp(state, "failed") == 0		 ? 'n'
												 : '?';
	}
	text[i] = '\0';
	json_decref(parts);
	free(json);
}

/*
 * All there is to say, as one text.
 */
static void
write_opinion(const Opinion *opinion, char *text, size_t size)
{
	snprintf(text, size, "%d %s %s,%s, %d, %d", (int) opinion->outcome,
			 opinion->outcome == HITL_OUTCOME_PENDING ? "-" : opinion->reason,
			 opinion->decider < 0 ? "-" : person_names[opinion->decider],
			 opinion->asked, opinion->escalations, opinion->next);
}

static void
write_verdict(const HitlVerdict *verdict, char *text, size_t size)
{
	char asked[200] = "";
	int i;

	for (i = 0; i < verdict->nasked; i++)
	{
		strcat(asked, " ");
		strcat(asked, verdict->asked[i]);
	}
	snprintf(text, size, "%d %s %s,%s, %d, %d", (int) verdict->outcome,
			 verdict->reason == NULL ? "-" : verdict->reason,
			 verdict->decider == NULL ? "-" : verdict->decider, asked,
			 verdict->escalations,
			 verdict->next_us == 0 ? -1 : (int) (verdict->next_us / SECOND));
}

/*
 * Evaluate a policy; the verdict must be as the reference expects it.
 */
static void
check_verdict(const HitlPolicy *policy, const HitlPolicyCase *input,
			  HitlVerdict *verdict, const char *expected, uint64_t number,
			  const char *text)
{
	char got[400];

	CHECK_INT(hitl_evaluate_policy(policy, input, verdict), HITL_OK);
	write_verdict(verdict, got, sizeof(got));
	if (strcmp(got, expected) != 0)
		report_failure(__FILE__, __LINE__,
					   "case %llu at %d, %d votes, state %s: %s\n"
					   "#   got      %s\n#   expected %s",
					   (unsigned long long) number,
					   (int) (input->now_us / SECOND), input->nvotes,
					   input->state == NULL ? "none" : input->state, text, got,
					   expected);
}

/* How often a property has been put to the test. */
static int approved_count;
static int rejected_count;
static int expired_count;
static int shared_count;

/*
 * One policy, with its ballots one after the other, second by second.
 */
static void
run_case(uint64_t number)
{
	HitlArena arena;
	HitlBuffer out;
	HitlPolicy *policy;
	HitlFaults faults = {0};
	Crowd crowd;
	Ballot ballots[PEOPLE];
	HitlVote votes[PEOPLE];
	const char *names[PEOPLE][GROUPS + 2];
	int order[PEOPLE];
	int nballots = draw(PEOPLE + 1);
	const char *text;
	char *state = NULL;
	char before[400] = "";
	int at = 0;
	int given = 0;
	int now;
	int i;

	hitl_arena_init(&arena);
	hitl_buffer_init(&out, &arena);
	text = write_policy(&out);
	for (i = 0; i < PEOPLE; i++)
	{
		int j = draw(i + 1);

		crowd.groups[i] = (unsigned) draw(1 << GROUPS);
		order[i] = order[j];
		order[j] = i;
	}
	for (i = 0; i < nballots; i++)
	{
		at += draw(4);
		ballots[i] = (Ballot){order[i],
							  chance(4)		  ? HITL_CHOICE_REJECT
								  : chance(6) ? HITL_CHOICE_ABSTAIN
											  : HITL_CHOICE_APPROVE,
							  at};
	}
	fill_votes(&crowd, ballots, nballots, votes, names);
	if (hitl_parse_policy(text, &policy, &faults) != HITL_OK)
	{
		/* An n_of may want more than there are, and that is all. */
		for (i = 0; i < faults.count; i++)
			CHECK(contains(faults.items[i].message, "can be approved"));
		hitl_free_faults(&faults);
		hitl_arena_free(&arena);
		return;
	}
	for (now = 0; now < HORIZON || given < nballots; now++)
	{
		int steps = 0;

		do
		{
			HitlPolicyCase input = {.now_us = (int64_t) now * SECOND,
									.votes = votes,
									.count_people = count_people,
									.context = &crowd};
			HitlVerdict whole = {0};
			HitlVerdict further = {0};
			Opinion opinion;
			char expected[400];
			char got[400];

			/* All at once, and with what was known before. */
			if (given < nballots && ballots[given].at == now && steps > 0)
				given++;
			input.nvotes = given;
			form_opinion(text, &crowd, ballots, given, now, &opinion);
			write_opinion(&opinion, expected, sizeof(expected));
			check_verdict(policy, &input, &whole, expected, number, text);
			input.state = state;
			check_verdict(policy, &input, &further, expected, number, text);

			/* The parts, too; what was decided stays so. */
			tell_states(policy, &input, got);
			CHECK_INT(strlen(got), strlen(opinion.states));
			for (i = 0; got[i] != '\0'; i++)
			{
				CHECK(opinion.states[i] == '-' || opinion.states[i] == got[i]);
				CHECK(before[0] == '\0' || before[i] == '?' ||
					  before[i] == got[i]);
			}
			snprintf(before, sizeof(before), "%s", got);
			free(state);
			state = further.state == NULL ? NULL : strdup(further.state);
			if (now + 1 >= HORIZON && given == nballots)
			{
				approved_count += further.outcome == HITL_OUTCOME_APPROVED;
				rejected_count += further.outcome == HITL_OUTCOME_REJECTED;
				expired_count += further.outcome == HITL_OUTCOME_EXPIRED;
				shared_count += opinion.shared;
			}
			hitl_free_verdict(&whole);
			hitl_free_verdict(&further);
			steps++;
		} while (given < nballots && ballots[given].at == now);
	}
	free(state);
	hitl_free_policy(policy);
	hitl_arena_free(&arena);
}

TEST(like_the_reference)
{
	uint64_t i;

	for (i = 1; i <= CASES; i++)
	{
		seed = i * UINT64_C(0x9E3779B97F4A7C15);
		run_case(i);
	}

	/* All of it has happened. */
	CHECK(approved_count > CASES / 20);
	CHECK(rejected_count > CASES / 20);
	CHECK(expired_count > CASES / 100);
	CHECK(shared_count > CASES / 20);
}

SUITE(policy_random, RUN(like_the_reference));
