/*
 * policy_match.c
 *		Approvals where nobody may count in two parts of a policy.
 *
 * The alternatives are the sets of leaves whose approval is just enough.  For
 * each, the approvals are spread over its leaves by augmenting paths.  A leaf
 * of a set is hungry if one more approval in it would let the set get further:
 * it lacks one itself, or it could give one away to a leaf that is hungry.
 *
 * A part is approved if in some set its leaves are all fed: what the rest
 * needs can then not be taken from it.  For a root this is to say that some
 * way of spreading the approvals suffices.  As long as an approved leaf is
 * hungry in another set, its people are asked all the same, since that may
 * turn out to be the set that comes about.
 */
#include "core/policy.h"

#include <string.h>

typedef struct Sets
{
	int count;
	HitlLeafSet *items;
} Sets;

/* The spreading of approvals over one set. */
typedef struct Spread
{
	int nleaves;
	int leaves[HITL_MAX_PARTS]; /* number among all leaves */
	int lacks[HITL_MAX_PARTS];	/* approvals */
	bool visited[HITL_MAX_PARTS];
	bool hungry[HITL_MAX_PARTS];
	int nvoters;
	const HitlVoters **voters;
	int *left;	/* of each sort of voters: not given to a leaf */
	int *given; /* of each sort, to each leaf */
} Spread;

/* What is found out about the parts, over all sets. */
typedef struct Match
{
	HitlLeafSet enough; /* leaves with as many approvals as they need */
	HitlLeafSet hungry; /* in some set */
	bool approved[HITL_MAX_PARTS];
} Match;

static Spread *new_spread(HitlArena *scratch, const HitlEvaluation *run);
static void judge_set(HitlEvaluation *run, Spread *spread,
					  const HitlLeafSet *set, Match *match);
static void apply_match(HitlEvaluation *run, const Match *match,
						const HitlPart *part);
static bool find_all_sets(HitlEvaluation *run);
static Sets find_sets(HitlEvaluation *run, const HitlPart *part);
static Sets combine(HitlEvaluation *run, const HitlPart *part);
static void spread_voters(HitlEvaluation *run, Spread *spread,
						  const HitlLeafSet *set);
static void take_free(Spread *spread, int leaf);
static bool feed(Spread *spread, int leaf);
static void find_hungry(Spread *spread);
static void add_leaf(HitlLeafSet *set, int leaf);
static bool has_leaf(const HitlLeafSet *set, int leaf);
static bool meet(const HitlLeafSet *one, const HitlLeafSet *other);

/*
 * How many alternatives has a part?  More than HITL_MAX_SETS is just that.
 */
double
hitl_count_sets(const HitlPart *part)
{
	double partial[HITL_MAX_PARTS + 1] = {1};
	const HitlPart *child;
	int j;

	if (part->first == NULL)
		return 1;
	for (child = part->first; child != NULL; child = child->next)
	{
		double sets;

		if (child->advisory)
			continue;
		sets = hitl_count_sets(child);
		for (j = part->needed; j > 0; j--)
		{
			partial[j] += partial[j - 1] * sets;
			if (partial[j] > 1e15)
				partial[j] = 1e15;
		}
	}
	return partial[part->needed];
}

/*
 * Decide the parts that approvals decide, and find out which still ask.
 */
void
hitl_match_voters(HitlEvaluation *run)
{
	const HitlPolicy *policy = run->policy;
	HitlArena scratch;
	Match match;
	Spread *spread;
	int i;

	if (run->sets == NULL && !find_all_sets(run))
	{
		run->memory->failed = true;
		return;
	}
	memset(&match, 0, sizeof(match));
	hitl_arena_init(&scratch);
	spread = new_spread(&scratch, run);
	if (spread == NULL)
		run->memory->failed = true;
	else
	{
		for (i = 0; i < policy->nleaves; i++)
		{
			const HitlPartState
				*state = &run->states[policy->leaves[i]->number];

			if (state->needed > 0 && state->approvals >= state->needed)
				add_leaf(&match.enough, i);
		}
		for (i = 0; i < run->nsets; i++)
			judge_set(run, spread, &run->sets[i], &match);
		for (i = policy->nparts - 1; i >= 0; i--)
		{
			if (!policy->parts[i]->in_advisory)
				apply_match(run, &match, policy->parts[i]);
		}
	}
	hitl_arena_free(&scratch);
}

/*
 * Room for spreading approvals; NULL without memory.
 */
static Spread *
new_spread(HitlArena *scratch, const HitlEvaluation *run)
{
	Spread *spread = hitl_alloc_zero(scratch, sizeof(Spread));
	size_t nvoters = run->nvoters;

	if (spread == NULL)
		return NULL;
	spread->voters = hitl_alloc(scratch, nvoters * sizeof(HitlVoters *));
	spread->left = hitl_alloc(scratch, nvoters * sizeof(int));
	spread->given = hitl_alloc(scratch,
							   nvoters * run->policy->nleaves * sizeof(int));
	return scratch->failed ? NULL : spread;
}

/*
 * Which parts do the approvals suffice for, should this set come about?
 */
static void
judge_set(HitlEvaluation *run, Spread *spread, const HitlLeafSet *set,
		  Match *match)
{
	HitlLeafSet hungry = {{0}};
	int i;
	int j;

	/* Where no leaf can be fed, all are hungry. */
	if (!meet(set, &match->enough))
	{
		for (i = 0; i < HITL_SET_WORDS; i++)
			match->hungry.words[i] |= set->words[i];
		return;
	}
	spread_voters(run, spread, set);
	for (i = 0; i < spread->nleaves; i++)
	{
		if (spread->hungry[i])
			add_leaf(&hungry, spread->leaves[i]);
	}
	for (i = 0; i < HITL_SET_WORDS; i++)
		match->hungry.words[i] |= hungry.words[i];
	for (i = 0; i < run->policy->nparts; i++)
	{
		HitlLeafSet inside = run->policy->parts[i]->within;

		for (j = 0; j < HITL_SET_WORDS; j++)
			inside.words[j] &= set->words[j];
		if (meet(&inside, &inside) && !meet(&inside, &hungry))
			match->approved[i] = true;
	}
}

/*
 * Decide a part by what was found.
 */
static void
apply_match(HitlEvaluation *run, const Match *match, const HitlPart *part)
{
	HitlPartState *state = &run->states[part->number];
	bool is_leaf = part->leaf >= 0;
	bool fed = is_leaf && !has_leaf(&match->hungry, part->leaf);

	if (match->approved[part->number] && state->status == HITL_PART_ASKED &&
		hitl_is_asking(run, part))
	{
		hitl_approve_part(run, part);
		state->by_people = is_leaf && part->percent > 0;

		/* Of an inner part, check_inner does it when those within are. */
		state->closed = fed;
	}
	else if (fed && state->status == HITL_PART_APPROVED && !state->closed)
	{
		state->closed = true;
		run->changed = true;
	}
}

/*
 * The sets of leaves that suffice for the request; false without memory.
 */
static bool
find_all_sets(HitlEvaluation *run)
{
	HitlArena *memory = &run->sets_memory;
	Sets sets[HITL_MAX_ESCALATIONS + 1];
	size_t total = 0;
	int i;

	hitl_arena_free(memory);
	for (i = 0; i <= run->stage; i++)
	{
		sets[i] = find_sets(run, run->policy->stages[i].part);
		total += sets[i].count;
	}
	run->nsets = 0;
	run->sets = hitl_alloc(memory, (total + 1) * sizeof(HitlLeafSet));
	if (run->sets == NULL)
		return false;
	for (i = 0; i <= run->stage; i++)
	{
		if (sets[i].count > 0)
			memcpy(run->sets + run->nsets, sets[i].items,
				   sets[i].count * sizeof(HitlLeafSet));
		run->nsets += sets[i].count;
	}
	return true;
}

/*
 * The sets of leaves that suffice for a part, as it stands.
 */
static Sets
find_sets(HitlEvaluation *run, const HitlPart *part)
{
	const HitlPartState *state = &run->states[part->number];
	Sets sets = {0, NULL};

	if (state->status == HITL_PART_FAILED || run->sets_memory.failed)
		return sets;
	if (part->first != NULL && !state->granted)
		return combine(run, part);
	sets.items = hitl_alloc_zero(&run->sets_memory, sizeof(HitlLeafSet));
	if (sets.items == NULL)
		return sets;
	sets.count = 1;
	if (!state->granted)
		sets.items[0] = part->within;
	return sets;
}

/*
 * The same of an inner part: each choice of as many children as it needs,
 * with each choice of their sets.
 */
static Sets
combine(HitlEvaluation *run, const HitlPart *part)
{
	HitlArena *memory = &run->sets_memory;
	Sets partial[HITL_MAX_PARTS + 1] = {{0, NULL}};
	const HitlPart *child;
	int needed = part->needed;
	int rest = part->voters;
	int j;

	/* Those that time has approved are taken, whatever else is. */
	for (child = part->first; child != NULL; child = child->next)
	{
		if (!child->advisory && run->states[child->number].granted)
		{
			needed--;
			rest--;
		}
	}
	if (needed < 0)
		needed = 0;
	partial[0].items = hitl_alloc_zero(memory, sizeof(HitlLeafSet));
	partial[0].count = 1;
	for (child = part->first; child != NULL; child = child->next)
	{
		Sets sets;

		if (child->advisory || run->states[child->number].granted)
			continue;
		sets = find_sets(run, child);
		rest--;
		for (j = needed; j >= 0; j--)
		{
			Sets more = {0, NULL};
			int i;
			int k;
			int word;

			/* With too few chosen, the rest would not suffice. */
			if (j + rest < needed)
			{
				partial[j].count = 0;
				continue;
			}
			if (j == 0 || partial[j - 1].count == 0 || sets.count == 0)
				continue;
			more.items = hitl_alloc(memory,
									((size_t) partial[j].count +
									 (size_t) partial[j - 1].count *
										 sets.count) *
										sizeof(HitlLeafSet));
			if (more.items == NULL)
				return more;
			if (partial[j].count > 0)
				memcpy(more.items, partial[j].items,
					   partial[j].count * sizeof(HitlLeafSet));
			more.count = partial[j].count;
			for (i = 0; i < partial[j - 1].count; i++)
			{
				for (k = 0; k < sets.count; k++)
				{
					HitlLeafSet *set = &more.items[more.count++];

					for (word = 0; word < HITL_SET_WORDS; word++)
						set->words[word] = partial[j - 1].items[i].words[word] |
							sets.items[k].words[word];
				}
			}
			partial[j] = more;
		}
	}
	return partial[needed];
}

/*
 * Spread the approvals over the leaves of a set.
 */
static void
spread_voters(HitlEvaluation *run, Spread *spread, const HitlLeafSet *set)
{
	int i;

	spread->nleaves = 0;
	for (i = 0; i < run->policy->nleaves; i++)
	{
		const HitlPart *leaf = run->policy->leaves[i];
		int needed = run->states[leaf->number].needed;

		if (!has_leaf(set, i))
			continue;
		spread->leaves[spread->nleaves] = i;
		spread->lacks[spread->nleaves] = needed > 0 ? needed : INT32_MAX;
		spread->nleaves++;
	}
	spread->nvoters = 0;
	for (i = 0; i < run->nvoters; i++)
	{
		if (!meet(set, &run->voters[i].leaves))
			continue;
		spread->left[spread->nvoters] = run->voters[i].count;
		spread->voters[spread->nvoters++] = &run->voters[i];
	}
	memset(spread->given, 0,
		   (size_t) spread->nvoters * spread->nleaves * sizeof(int));
	for (i = 0; i < spread->nleaves; i++)
		take_free(spread, i);
	for (i = 0; i < spread->nleaves; i++)
	{
		do
			memset(spread->visited, 0, spread->nleaves * sizeof(bool));
		while (spread->lacks[i] > 0 && feed(spread, i) && --spread->lacks[i]);
	}
	find_hungry(spread);
}

/*
 * Give a leaf as many approvals as are free for it.
 */
static void
take_free(Spread *spread, int leaf)
{
	int i;

	for (i = 0; i < spread->nvoters && spread->lacks[leaf] > 0; i++)
	{
		int count = spread->left[i] < spread->lacks[leaf] ? spread->left[i]
														  : spread->lacks[leaf];

		if (!has_leaf(&spread->voters[i]->leaves, spread->leaves[leaf]))
			continue;
		spread->left[i] -= count;
		spread->lacks[leaf] -= count;
		spread->given[i * spread->nleaves + leaf] += count;
	}
}

/*
 * Find one more approval for a leaf, perhaps from a leaf that then gets
 * another.  No leaf is visited twice, which bounds the recursion.
 */
static bool
feed(Spread *spread, int leaf)
{
	int i;
	int other;

	spread->visited[leaf] = true;
	for (i = 0; i < spread->nvoters; i++)
	{
		if (spread->left[i] > 0 &&
			has_leaf(&spread->voters[i]->leaves, spread->leaves[leaf]))
		{
			spread->left[i]--;
			spread->given[i * spread->nleaves + leaf]++;
			return true;
		}
	}
	for (i = 0; i < spread->nvoters; i++)
	{
		int *given = &spread->given[i * spread->nleaves];

		if (!has_leaf(&spread->voters[i]->leaves, spread->leaves[leaf]))
			continue;
		for (other = 0; other < spread->nleaves; other++)
		{
			if (given[other] > 0 && !spread->visited[other] &&
				feed(spread, other))
			{
				given[other]--;
				given[leaf]++;
				return true;
			}
		}
	}
	return false;
}

/*
 * Which leaves lack an approval, or could give one away to one that does?
 */
static void
find_hungry(Spread *spread)
{
	bool changed = true;
	int i;
	int leaf;

	for (leaf = 0; leaf < spread->nleaves; leaf++)
		spread->hungry[leaf] = spread->lacks[leaf] > 0;
	while (changed)
	{
		changed = false;
		for (i = 0; i < spread->nvoters; i++)
		{
			const int *given = &spread->given[i * spread->nleaves];
			bool wanted = false;

			for (leaf = 0; leaf < spread->nleaves && !wanted; leaf++)
				wanted = spread->hungry[leaf] &&
					has_leaf(&spread->voters[i]->leaves, spread->leaves[leaf]);
			for (leaf = 0; leaf < spread->nleaves && wanted; leaf++)
			{
				if (given[leaf] > 0 && !spread->hungry[leaf])
				{
					spread->hungry[leaf] = true;
					changed = true;
				}
			}
		}
	}
}

/*
 * Put a leaf into a set.
 */
static void
add_leaf(HitlLeafSet *set, int leaf)
{
	set->words[leaf / 64] |= UINT64_C(1) << leaf % 64;
}

/*
 * Is a leaf in a set?
 */
static bool
has_leaf(const HitlLeafSet *set, int leaf)
{
	return (set->words[leaf / 64] >> leaf % 64 & 1) != 0;
}

/*
 * Have two sets a leaf in common?
 */
static bool
meet(const HitlLeafSet *one, const HitlLeafSet *other)
{
	int i;

	for (i = 0; i < HITL_SET_WORDS; i++)
	{
		if ((one->words[i] & other->words[i]) != 0)
			return true;
	}
	return false;
}
