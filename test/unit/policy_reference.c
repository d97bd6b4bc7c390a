/*
 * policy_reference.c
 *		The reference for approval policies.
 *
 * Time goes by second after second.  Where people must differ, every way of
 * giving the approvals to leaves is tried.
 */
#include "policy_reference.h"

#include <math.h>

#define MOST	40 /* parts */
#define LEAVES	10
#define FOREVER 100000

typedef struct Node
{
	json_t *json;
	int up;			  /* number of the parent, or -1 */
	const char *kind; /* from, all_of, … */
	int children[LEAVES];
	int nchildren;
	int leaf;	 /* number among leaves, or -1 */
	bool advice; /* it or one around it is advisory */
	bool veto;

	const char *state; /* waits, asks, yes, no */
	bool closed;
	bool granted;
	int since;		 /* second at which it was asked */
	int due;		 /* at which it will be, or -1 */
	const char *why; /* it failed */
	int when;		 /* it was decided, as a count */
	HitlChoice votes[PEOPLE];
	bool voted[PEOPLE];
} Node;

typedef struct World
{
	json_t *document;
	const Crowd *crowd;
	Node nodes[MOST];
	int count;
	int leaves[LEAVES];
	int nleaves;
	int stages[6];
	json_t *options[6]; /* of the stages */
	int nstages;
	int stage;
	int stage_since;
	bool distinct;
	int now;
	int decisions;
	const char *cause;
	int voter;
	Opinion *opinion;
} World;

const char *const person_names[PEOPLE] = {"ann",  "ben", "carl",
										  "dora", "eve", "fred"};
const char *const group_names[GROUPS] = {"red", "green", "blue"};

/*
 * Is a person behind a name?
 */
static bool
is_behind(const Crowd *crowd, int person, const char *name)
{
	int g;

	if (strcmp(name, "*") == 0 || strcmp(name, person_names[person]) == 0)
		return true;
	for (g = 0; g < GROUPS; g++)
	{
		if (strcmp(name, group_names[g]) == 0 &&
			(crowd->groups[person] >> g & 1) != 0)
			return true;
	}
	return false;
}

/*
 * How many people are behind names; -1 if nobody knows.
 */
int
count_crowd(const Crowd *crowd, int nnames, const char *const *names)
{
	int count = 0;
	int p;
	int i;

	for (i = 0; i < nnames; i++)
	{
		if (strcmp(names[i], "*") == 0)
			return -1;
	}
	for (p = 0; p < PEOPLE; p++)
	{
		for (i = 0; i < nnames; i++)
		{
			if (is_behind(crowd, p, names[i]))
			{
				count++;
				break;
			}
		}
	}
	return count;
}

static json_t *
option(const Node *node, const char *key)
{
	return json_object_get(node->json, key);
}

static int
seconds(json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	return value == NULL ? 0 : (int) json_integer_value(value);
}

static bool
is_state(const Node *node, const char *state)
{
	return strcmp(node->state, state) == 0;
}

/*
 * Read the nodes; gives the number of the first.
 */
static int
read_node(World *w, json_t *json, int up)
{
	static const char *const kinds[] = {"from", "all_of", "any_of", "n_of",
										"sequence"};
	int number = w->count++;
	Node *node = &w->nodes[number];
	size_t i;

	memset(node, 0, sizeof(*node));
	node->json = json;
	node->up = up;
	node->kind = "from";
	node->leaf = -1;
	node->state = "waits";
	node->due = -1;
	node->advice = (up >= 0 && w->nodes[up].advice) ||
		json_is_true(option(node, "advisory"));
	node->veto = (up >= 0 && w->nodes[up].veto) ||
		json_is_true(option(node, "veto"));
	for (i = 0; i < 5; i++)
	{
		if (option(node, kinds[i]) != NULL)
			node->kind = kinds[i];
	}
	if (strcmp(node->kind, "from") == 0)
	{
		node->leaf = w->nleaves;
		w->leaves[w->nleaves++] = number;
	}
	else
	{
		json_t *child;

		json_array_foreach(option(node, node->kind), i, child)
			node->children[node->nchildren++] = read_node(w, child, number);
	}
	return number;
}

/*
 * The names of a leaf.
 */
static int
names_of(const Node *leaf, const char **names)
{
	json_t *from = json_is_string(leaf->json) ? leaf->json
											  : option(leaf, "from");
	size_t i;

	if (json_is_string(from))
	{
		names[0] = json_string_value(from);
		return 1;
	}
	for (i = 0; i < json_array_size(from); i++)
		names[i] = json_string_value(json_array_get(from, i));
	return (int) i;
}

static int
count_votes(const Node *leaf, HitlChoice choice)
{
	int count = 0;
	int p;

	for (p = 0; p < PEOPLE; p++)
		count += leaf->voted[p] && leaf->votes[p] == choice;
	return count;
}

static int
people_of(const World *w, const Node *leaf)
{
	const char *names[PEOPLE + GROUPS + 1];
	int n = names_of(leaf, names);

	return count_crowd(w->crowd, n, names);
}

/*
 * How many approvals a leaf needs.
 */
static int
need_of(const World *w, const Node *leaf)
{
	json_t *count = option(leaf, "count");
	json_t *percent = option(leaf, "percent");
	int need;

	if (percent == NULL)
		return count == NULL ? 1 : (int) json_integer_value(count);
	need = (int) ceil(
		json_number_value(percent) / 100 *
			(people_of(w, leaf) - count_votes(leaf, HITL_CHOICE_ABSTAIN)) -
		1e-6);
	return need < 1 ? 1 : need;
}

/*
 * How many children an inner node needs.
 */
static int
children_needed(const World *w, const Node *node)
{
	int voters = 0;
	int i;

	for (i = 0; i < node->nchildren; i++)
		voters += !json_is_true(
			option(&w->nodes[node->children[i]], "advisory"));
	if (strcmp(node->kind, "any_of") == 0)
		return 1;
	if (option(node, "n") != NULL)
		return (int) json_integer_value(option(node, "n"));
	if (option(node, "percent") != NULL)
		return (int) ceil(
			json_number_value(option(node, "percent")) / 100 * voters - 1e-6);
	return voters;
}

static bool
is_asking(const World *w, int number)
{
	for (; number >= 0; number = w->nodes[number].up)
	{
		if (is_state(&w->nodes[number], "waits") || w->nodes[number].closed)
			return false;
	}
	return true;
}

static void
decide_node(World *w, int number, const char *state, const char *why)
{
	Node *node = &w->nodes[number];

	node->state = state;
	node->why = why;
	node->closed = true;
	node->when = ++w->decisions;
}

static void
decide_all(World *w, HitlOutcome outcome, const char *reason)
{
	if (w->opinion->outcome != HITL_OUTCOME_PENDING)
		return;
	w->opinion->outcome = outcome;
	snprintf(w->opinion->reason, sizeof(w->opinion->reason), "%s", reason);
	w->opinion->decider = w->voter;
}

/*
 * Would the approval of these leaves be enough for a node?
 */
static bool
is_enough(const World *w, int number, unsigned set)
{
	const Node *node = &w->nodes[number];
	int count = 0;
	int i;

	if (is_state(node, "no"))
		return false;
	if (node->granted)
		return true;
	if (node->leaf >= 0)
		return (set >> node->leaf & 1) != 0;
	for (i = 0; i < node->nchildren; i++)
		count += !w->nodes[node->children[i]].advice &&
			is_enough(w, node->children[i], set);
	return count >= children_needed(w, node);
}

/*
 * Give the approvals to leaves of a set in every way.  fed: the leaves that
 * have enough in every way that gives the most away.
 */
typedef struct Tries
{
	int need[LEAVES];
	int got[LEAVES];
	int best;
	unsigned fed;
} Tries;

static void
try_all(const World *w, unsigned set, int person, Tries *tries)
{
	int filled = 0;
	unsigned fed = 0;
	int l;

	if (person < PEOPLE)
	{
		try_all(w, set, person + 1, tries);
		for (l = 0; l < w->nleaves; l++)
		{
			const Node *leaf = &w->nodes[w->leaves[l]];

			if ((set >> l & 1) == 0 || !leaf->voted[person] ||
				leaf->votes[person] != HITL_CHOICE_APPROVE ||
				tries->got[l] == tries->need[l])
				continue;
			tries->got[l]++;
			try_all(w, set, person + 1, tries);
			tries->got[l]--;
		}
		return;
	}
	for (l = 0; l < w->nleaves; l++)
	{
		filled += tries->got[l];
		if (tries->got[l] == tries->need[l])
			fed |= 1U << l;
	}
	if (filled > tries->best)
	{
		tries->best = filled;
		tries->fed = fed;
	}
	else if (filled == tries->best)
		tries->fed &= fed;
}

/*
 * The leaves within a node.
 */
static unsigned
leaves_of(const World *w, int number)
{
	unsigned set = 0;
	int l;

	for (l = 0; l < w->nleaves; l++)
	{
		int up = w->leaves[l];

		while (up >= 0 && up != number)
			up = w->nodes[up].up;
		if (up == number)
			set |= 1U << l;
	}
	return set;
}

/*
 * Approvals where nobody counts twice.
 */
static bool
approve_distinct(World *w)
{
	unsigned starving = 0;
	bool good[MOST] = {false};
	bool changed = false;
	unsigned set;
	int s;
	int i;
	int l;

	for (s = 0; s <= w->stage; s++)
	{
		for (set = 0; set < 1U << w->nleaves; set++)
		{
			Tries tries = {.best = -1};
			bool least = is_enough(w, w->stages[s], set);

			/* Only sets of which no leaf can be left out. */
			for (l = 0; l < w->nleaves && least; l++)
			{
				const Node *leaf = &w->nodes[w->leaves[l]];

				tries.need[l] = need_of(w, leaf);
				if ((set >> l & 1) == 0)
					continue;
				if (leaf->advice ||
					is_enough(w, w->stages[s], set & ~(1U << l)))
					least = false;
			}
			if (!least)
				continue;
			try_all(w, set, 0, &tries);
			starving |= set & ~tries.fed;
			for (i = 0; i < w->count; i++)
			{
				unsigned inside = leaves_of(w, i) & set;

				if (inside != 0 && (inside & ~tries.fed) == 0)
					good[i] = true;
			}
		}
	}
	for (i = w->count - 1; i >= 0; i--)
	{
		Node *node = &w->nodes[i];
		bool starves = node->leaf >= 0 && (starving >> node->leaf & 1) != 0;

		if (node->advice)
			continue;
		if (good[i] && is_state(node, "asks") && is_asking(w, i))
		{
			decide_node(w, i, "yes", NULL);
			node->closed = node->leaf >= 0 && !starves;
			changed = true;
		}
		else if (node->leaf >= 0 && is_state(node, "yes") && !node->closed &&
				 !starves)
		{
			node->closed = true;
			changed = true;
		}
	}
	return changed;
}

/*
 * Look at a leaf; true if that decided it.
 */
static bool
look_at_leaf(World *w, int number)
{
	Node *leaf = &w->nodes[number];
	int yes = count_votes(leaf, HITL_CHOICE_APPROVE);
	int no = count_votes(leaf, HITL_CHOICE_REJECT);
	int out = count_votes(leaf, HITL_CHOICE_ABSTAIN);
	json_t *limit = option(leaf, "reject_after");
	bool plain = option(leaf, "count") == NULL &&
		option(leaf, "percent") == NULL;
	int people = people_of(w, leaf);
	bool in_hand = !w->distinct || leaf->advice;

	if (!is_state(leaf, "asks") || !is_asking(w, number))
		return false;
	if ((limit != NULL && no >= json_integer_value(limit)) ||
		(limit == NULL && plain && no >= 1))
	{
		decide_node(w, number, "no", "rejected");
		return true;
	}
	if (leaf->advice && leaf->veto)
		return false;
	if (in_hand && yes >= need_of(w, leaf))
	{
		decide_node(w, number, "yes", NULL);
		return true;
	}
	if (people < 0 && no > 0 && limit == NULL)
		decide_node(w, number, "no", "rejected");
	else if (people >= 0 && no + out > 0 &&
			 people - no - out < need_of(w, leaf))
		decide_node(w, number, "no", "out_of_reach");
	else
		return false;
	return true;
}

/*
 * Look at an inner node; true if that changed it.
 */
static bool
look_at_inner(World *w, int number)
{
	Node *node = &w->nodes[number];
	int need = children_needed(w, node);
	int yes = 0;
	int closed = 0;
	int granted = 0;
	int open = 0;
	int last = -1;
	int i;

	if (is_state(node, "waits") || node->closed)
		return false;
	for (i = 0; i < node->nchildren; i++)
	{
		const Node *child = &w->nodes[node->children[i]];

		if (json_is_true(option(child, "advisory")))
			continue;
		yes += is_state(child, "yes");
		closed += is_state(child, "yes") && child->closed;
		granted += child->granted;
		open += !is_state(child, "no");
		if (is_state(child, "no") &&
			(last < 0 || child->when > w->nodes[last].when))
			last = node->children[i];
	}
	if (is_state(node, "yes"))
	{
		node->closed = closed >= need;
		return node->closed;
	}
	if (open < need)
		decide_node(w, number, "no", w->nodes[last].why);
	else if (granted >= need || (yes >= need && (!w->distinct || node->advice)))
	{
		decide_node(w, number, "yes", NULL);
		node->granted = granted >= need;
	}
	else
		return false;
	return true;
}

static bool
begin_asking(World *w, int number, int from)
{
	Node *node = &w->nodes[number];

	if (!is_state(node, "waits"))
		return false;
	if (node->due < 0)
	{
		node->due = from + seconds(node->json, "after");
		if (node->due < w->now)
			node->due = w->now;
	}
	if (node->due > w->now)
		return false;
	node->state = "asks";
	node->since = w->now;
	return true;
}

/*
 * Ask those whose turn it is.
 */
static bool
ask_those_within(World *w, int number)
{
	const Node *node = &w->nodes[number];
	bool changed = false;
	int i;

	if (!is_state(node, "asks") || !is_asking(w, number))
		return false;
	for (i = 0; i < node->nchildren; i++)
	{
		const Node *child = &w->nodes[node->children[i]];

		if (is_state(child, "waits") && child->due < 0)
			changed |= begin_asking(w, node->children[i], node->since);
		if (strcmp(node->kind, "sequence") == 0 &&
			!json_is_true(option(child, "advisory")) && !is_state(child, "yes"))
			break;
	}
	return changed;
}

static void
look(World *w)
{
	bool changed = true;
	int last = -1;
	int failed = 0;
	int i;

	while (changed && w->opinion->outcome == HITL_OUTCOME_PENDING)
	{
		changed = false;
		for (i = 0; i < w->count; i++)
			changed |= w->nodes[i].leaf >= 0 && look_at_leaf(w, i);
		if (w->distinct)
			changed |= approve_distinct(w);
		for (i = w->count - 1; i >= 0; i--)
			changed |= w->nodes[i].leaf < 0 && look_at_inner(w, i);
		for (i = 0; i < w->count; i++)
			changed |= ask_those_within(w, i);
	}
	for (i = 0; i <= w->stage; i++)
	{
		const Node *root = &w->nodes[w->stages[i]];

		if (is_state(root, "yes"))
		{
			decide_all(w, HITL_OUTCOME_APPROVED, w->cause);
			return;
		}
		failed += is_state(root, "no");
		if (is_state(root, "no") &&
			(last < 0 || root->when > w->nodes[last].when))
			last = w->stages[i];
	}
	if (failed == w->stage + 1)
		decide_all(w, HITL_OUTCOME_REJECTED, w->nodes[last].why);
}

static void
silence(World *w)
{
	json_t *what = json_object_get(w->options[w->stage], "on_silence");
	const char *text = json_string_value(what);

	if (json_is_object(what))
	{
		w->stage++;
		w->stage_since = w->now;
		begin_asking(w, w->stages[w->stage], w->now);
	}
	else if (text == NULL || strcmp(text, "expire") == 0)
		decide_all(w, HITL_OUTCOME_EXPIRED, "silence");
	else if (strcmp(text, "reject") == 0)
		decide_all(w, HITL_OUTCOME_REJECTED, "silence");
	else
		decide_all(w, HITL_OUTCOME_APPROVED, "silence");
}

/*
 * One thing that is due in this second; false if there is none.
 */
static bool
happen(World *w)
{
	int timeout = seconds(w->options[w->stage], "timeout");
	int i;

	if (w->opinion->outcome != HITL_OUTCOME_PENDING)
		return false;
	for (i = w->count - 1; i >= 0; i--)
	{
		Node *node = &w->nodes[i];
		int deadline = seconds(node->json, "deadline");
		const char *then = json_string_value(option(node, "on_deadline"));

		if (deadline == 0 || !is_state(node, "asks") || !is_asking(w, i) ||
			node->since + deadline != w->now)
			continue;
		if (then != NULL && strcmp(then, "approve") == 0)
		{
			decide_node(w, i, "yes", NULL);
			node->granted = true;
			w->cause = "deadline";
		}
		else
			decide_node(w, i, "no", "deadline");
		look(w);
		w->cause = "approved";
		return true;
	}
	if (timeout > 0 && w->stage_since + timeout == w->now)
	{
		silence(w);
		look(w);
		return true;
	}
	for (i = w->count - 1; i >= 0; i--)
	{
		const Node *node = &w->nodes[i];

		if (is_state(node, "waits") && node->due == w->now &&
			(node->up < 0 || is_asking(w, node->up)))
		{
			begin_asking(w, i, 0);
			look(w);
			return true;
		}
	}
	return false;
}

static void
vote(World *w, const Ballot *ballot)
{
	bool veto = false;
	int approvals = 0;
	int l;

	if (w->opinion->outcome != HITL_OUTCOME_PENDING)
		return;
	w->voter = ballot->person;
	for (l = 0; l < w->nleaves; l++)
	{
		Node *leaf = &w->nodes[w->leaves[l]];
		const char *names[PEOPLE + GROUPS + 1];
		int n = names_of(leaf, names);
		bool behind = false;

		while (n-- > 0)
			behind |= is_behind(w->crowd, ballot->person, names[n]);
		if (!behind || !is_asking(w, w->leaves[l]))
			continue;
		leaf->voted[ballot->person] = true;
		leaf->votes[ballot->person] = ballot->choice;
		veto |= leaf->veto && ballot->choice == HITL_CHOICE_REJECT;
		approvals += ballot->choice == HITL_CHOICE_APPROVE && !leaf->advice;
	}
	w->opinion->shared |= w->distinct && approvals > 1;
	look(w);
	if (veto)
		decide_all(w, HITL_OUTCOME_REJECTED, "veto");
	w->voter = -1;
}

static void
tell_asked(const World *w, Opinion *opinion)
{
	const char *all[100];
	int count = 0;
	int l;
	int i;

	for (l = 0; l < w->nleaves; l++)
	{
		const Node *leaf = &w->nodes[w->leaves[l]];
		const char *names[PEOPLE + GROUPS + 1];
		int n = names_of(leaf, names);
		int k;

		for (k = 0; k < n && is_asking(w, w->leaves[l]); k++)
		{
			for (i = 0; i < count && strcmp(all[i], names[k]) != 0; i++)
				;
			if (i == count)
				all[count++] = names[k];
		}
	}
	for (i = 0; i < count; i++)
	{
		strcat(opinion->asked, " ");
		strcat(opinion->asked, all[i]);
	}
}

/*
 * What is to be thought of a policy at a time; every ballot is in time.
 */
void
form_opinion(const char *policy, const Crowd *crowd, const Ballot *ballots,
			 int nballots, int now, Opinion *opinion)
{
	World w = {.crowd = crowd, .opinion = opinion, .voter = -1};
	json_t *options;
	int next = 0;
	int i;

	memset(opinion, 0, sizeof(*opinion));
	opinion->decider = -1;
	opinion->next = -1;
	w.document = json_loads(policy, JSON_DECODE_ANY, NULL);
	w.cause = "approved";
	w.distinct = !json_is_false(json_object_get(w.document, "distinct"));
	w.options[0] = w.document;
	w.stages[0] = read_node(&w, w.document, -1);
	w.nstages = 1;
	for (options = json_object_get(w.document, "on_silence");
		 json_is_object(options);
		 options = json_object_get(options, "on_silence"))
	{
		w.options[w.nstages] = options;
		w.stages[w.nstages] = read_node(&w,
										json_object_get(options, "escalate"),
										-1);
		w.nstages++;
	}
	begin_asking(&w, w.stages[0], 0);
	look(&w);
	for (w.now = 0; w.now <= now; w.now++)
	{
		while (happen(&w))
			;
		for (; next < nballots && ballots[next].at == w.now; next++)
			vote(&w, &ballots[next]);
	}
	opinion->escalations = w.stage;
	for (i = 0; i < w.count; i++)
	{
		int up = w.nodes[i].up;

		opinion->states[i] = is_state(&w.nodes[i], "yes") ? 'y'
			: is_state(&w.nodes[i], "no")				  ? 'n'
														  : '?';
		if (up >= 0 &&
			(opinion->states[up] == 'n' || opinion->states[up] == '-'))
			opinion->states[i] = '-';
	}
	if (opinion->outcome == HITL_OUTCOME_PENDING)
	{
		tell_asked(&w, opinion);

		/* Go on without votes until something happens. */
		for (; w.now < now + 200 && opinion->next < 0; w.now++)
		{
			if (happen(&w))
				opinion->next = w.now;
		}
		opinion->outcome = HITL_OUTCOME_PENDING;
		opinion->reason[0] = '\0';
		opinion->decider = -1;
	}
	json_decref(w.document);
}
