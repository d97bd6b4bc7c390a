/*
 * policy_parse.c
 *		Parse and check a policy; docs/reference/policies.md describes it.
 */
#include "core/policy.h"

#include <math.h>
#include <string.h>

#define MAX_COUNT 1000000

/* The kinds by the member that makes one. */
static const char *const kind_names[] =
	{[HITL_PART_LEAF] = "from",			[HITL_PART_ALL_OF] = "all_of",
	 [HITL_PART_ANY_OF] = "any_of",		[HITL_PART_N_OF] = "n_of",
	 [HITL_PART_SEQUENCE] = "sequence", NULL};

static const char *const common_members[] =
	{"from",	"all_of",		"any_of",	   "n_of", "sequence", "name",
	 "after",	"deadline",		"on_deadline", "veto", "advisory", "count",
	 "percent", "reject_after", "n",		   NULL};

static const char *const root_members[] = {"timeout", "on_silence", "remind",
										   "exclude", "distinct",	NULL};

static void parse_document(HitlParse *parse, const HitlJson *document,
						   HitlPolicy *policy);
static HitlPart *parse_part(HitlParse *parse, const HitlPlace *place,
							const HitlJson *value, HitlPolicy *policy,
							HitlPart *parent, int level);
static HitlPartKind parse_kind(HitlParse *parse, const HitlPlace *place,
							   const HitlJson *object);
static void refuse_members(HitlParse *parse, const HitlPlace *place,
						   const HitlJson *object, HitlPartKind kind);
static void parse_options(HitlParse *parse, const HitlPlace *place,
						  const HitlJson *object, HitlPart *part);
static void parse_leaf(HitlParse *parse, const HitlPlace *place,
					   const HitlJson *object, HitlPart *part);
static void parse_names(HitlParse *parse, const HitlPlace *place,
						const HitlJson *value, HitlPart *part);
static void parse_children(HitlParse *parse, const HitlPlace *place,
						   const HitlJson *object, HitlPolicy *policy,
						   HitlPart *part, int level);
static int parse_count(HitlParse *parse, const HitlPlace *place,
					   const HitlJson *object, const char *key);
static double parse_percent(HitlParse *parse, const HitlPlace *place,
							const HitlJson *object);
static int64_t parse_time(HitlParse *parse, const HitlPlace *place,
						  const HitlJson *object, const char *key);
static void parse_silence(HitlParse *parse, const HitlPlace *place,
						  const HitlJson *object, HitlPolicy *policy,
						  HitlStage *stage);
static void parse_remind(HitlParse *parse, const HitlPlace *place,
						 const HitlJson *object, HitlPolicy *policy);
static void parse_exclude(HitlParse *parse, const HitlPlace *place,
						  const HitlJson *object, HitlPolicy *policy);
static void index_names(HitlParse *parse, HitlPolicy *policy);
static HitlNameEntry *find_slot(const HitlPolicy *policy, const char *name);

/*
 * Parse a policy's text.
 */
HitlResult
hitl_parse_policy(const char *json, HitlPolicy **policy, HitlFaults *faults)
{
	HitlArena arena;
	HitlParse parse = {&arena, NULL, faults, false, HITL_OK, NULL};
	HitlPolicy *result;

	*policy = NULL;
	hitl_arena_init(&arena);
	result = hitl_alloc_zero(&arena, sizeof(HitlPolicy));
	if (result == NULL)
		return HITL_NO_MEMORY;
	result->document = hitl_read_document(&parse, &arena, NULL, json);
	if (result->document != NULL)
		parse_document(&parse, result->document, result);
	if (!parse.faulty && !arena.failed)
		index_names(&parse, result);
	if (parse.result == HITL_OK && arena.failed)
		parse.result = HITL_NO_MEMORY;
	if (parse.result == HITL_OK && parse.faulty)
		parse.result = HITL_INVALID;
	if (parse.result != HITL_OK)
	{
		hitl_arena_free(&arena);
		return parse.result;
	}
	result->arena = arena;
	*policy = result;
	return HITL_OK;
}

/*
 * Free a policy, which lies in its own arena.
 */
void
hitl_free_policy(HitlPolicy *policy)
{
	if (policy != NULL)
		hitl_arena_free(&policy->arena);
}

/*
 * Must the one who asks not answer?
 */
bool
hitl_excludes_requester(const HitlPolicy *policy)
{
	return policy->excludes_requester;
}

/*
 * Must those not answer who have changed what is asked about?
 */
bool
hitl_excludes_editors(const HitlPolicy *policy)
{
	return policy->excludes_editors;
}

/*
 * A name by its text; NULL if no leaf asks it.
 */
const HitlNameEntry *
hitl_find_asked(const HitlPolicy *policy, const char *name)
{
	const HitlNameEntry *entry = find_slot(policy, name);

	return entry->text == NULL ? NULL : entry;
}

/*
 * The document: the root and its options.
 */
static void
parse_document(HitlParse *parse, const HitlJson *document, HitlPolicy *policy)
{
	HitlStage *stage = &policy->stages[0];
	HitlPart *root;

	policy->distinct = true;
	policy->excludes_requester = true;
	policy->excludes_editors = true;
	policy->nstages = 1;
	root = parse_part(parse, NULL, document, policy, NULL, 1);
	stage->part = root;
	if (document->type == HITL_JSON_OBJECT)
	{
		if (hitl_json_member(document, "distinct") != NULL)
			policy->distinct = hitl_get_boolean(parse, NULL, document,
												"distinct");
		parse_silence(parse, NULL, document, policy, stage);
		parse_remind(parse, NULL, document, policy);
		parse_exclude(parse, NULL, document, policy);
	}
	if (!parse->faulty && !parse->arena->failed && policy->distinct)
	{
		double sets = 0;
		int i;

		for (i = 0; i < policy->nstages; i++)
			sets += hitl_count_sets(policy->stages[i].part);
		if (sets > HITL_MAX_SETS)
			hitl_fault(parse, NULL,
					   "too many combinations; say \"distinct\": false, or "
					   "use groups instead of parts of their own");
	}
}

/*
 * A node and those within; NULL if there is none to speak of.
 */
static HitlPart *
parse_part(HitlParse *parse, const HitlPlace *place, const HitlJson *value,
		   HitlPolicy *policy, HitlPart *parent, int level)
{
	HitlBuffer pointer;
	HitlPart *part;

	if (policy->nparts == HITL_MAX_PARTS)
	{
		/* Once is enough. */
		if (!parse->faulty)
			hitl_fault(parse, place, "more than %d parts", HITL_MAX_PARTS);
		return NULL;
	}
	if (level > HITL_MAX_LEVELS)
	{
		hitl_fault(parse, place, "nested more than %d levels deep",
				   HITL_MAX_LEVELS);
		return NULL;
	}
	if (value->type != HITL_JSON_OBJECT && value->type != HITL_JSON_STRING)
	{
		hitl_fault(parse, place, "must be a name or an object, not %s",
				   hitl_json_type_name(value));
		return NULL;
	}
	part = hitl_alloc_zero(parse->arena, sizeof(HitlPart));
	if (part == NULL)
		return NULL;
	part->number = policy->nparts;
	policy->parts[policy->nparts++] = part;
	part->parent = parent;
	part->depth = level - 1;
	part->leaf = -1;
	hitl_buffer_init(&pointer, parse->arena);
	hitl_append_pointer(&pointer, place);
	part->pointer = hitl_buffer_text(&pointer);
	if (parent != NULL)
	{
		part->in_advisory = parent->in_advisory;
		part->in_veto = parent->in_veto;
	}
	if (value->type == HITL_JSON_STRING)
	{
		part->needed = 1;
		part->reject_after = 1;
		parse_names(parse, place, value, part);
	}
	else
	{
		hitl_check_members(parse, place, value, common_members,
						   policy->nparts == 1 ? root_members : NULL);
		part->kind = parse_kind(parse, place, value);
		refuse_members(parse, place, value, part->kind);
		parse_options(parse, place, value, part);
		if (part->kind == HITL_PART_LEAF)
			parse_leaf(parse, place, value, part);
		else
			parse_children(parse, place, value, policy, part, level);
	}
	if (part->kind == HITL_PART_LEAF)
	{
		part->leaf = policy->nleaves;
		policy->leaves[policy->nleaves++] = part;
		part->within.words[part->leaf / 64] |= UINT64_C(1) << part->leaf % 64;
	}
	else
	{
		const HitlPart *child;
		int i;

		for (child = part->first; child != NULL; child = child->next)
		{
			for (i = 0; i < HITL_SET_WORDS; i++)
				part->within.words[i] |= child->within.words[i];
		}
	}
	return part;
}

/*
 * What sort of node is it?
 */
static HitlPartKind
parse_kind(HitlParse *parse, const HitlPlace *place, const HitlJson *object)
{
	int found = -1;
	int i;

	for (i = 0; kind_names[i] != NULL; i++)
	{
		if (hitl_json_member(object, kind_names[i]) == NULL)
			continue;
		if (found >= 0)
		{
			HitlPlace here = {place, kind_names[i], 0};

			hitl_fault(parse, &here, "give either \"%s\" or \"%s\"",
					   kind_names[found], kind_names[i]);
		}
		else
			found = i;
	}
	if (found < 0)
	{
		hitl_fault(parse, place,
				   "one of \"from\", \"all_of\", \"any_of\", \"n_of\" and "
				   "\"sequence\" is missing");
		return HITL_PART_LEAF;
	}
	return found;
}

/*
 * Members that belong to other kinds.
 */
static void
refuse_members(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
			   HitlPartKind kind)
{
	static const struct
	{
		const char *name;
		unsigned kinds;
		const char *with;
	} rules[] = {{"count", 1U << HITL_PART_LEAF, "\"from\""},
				 {"reject_after", 1U << HITL_PART_LEAF, "\"from\""},
				 {"n", 1U << HITL_PART_N_OF, "\"n_of\""},
				 {"percent", 1U << HITL_PART_LEAF | 1U << HITL_PART_N_OF,
				  "\"from\" or \"n_of\""}};
	size_t i;

	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
	{
		HitlPlace here = {place, rules[i].name, 0};

		if (hitl_json_member(object, rules[i].name) != NULL &&
			(rules[i].kinds & 1U << kind) == 0)
			hitl_fault(parse, &here, "is possible only with %s", rules[i].with);
	}
}

/*
 * The options of any node.
 */
static void
parse_options(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
			  HitlPart *part)
{
	HitlPlace advisory_place = {place, "advisory", 0};
	HitlPlace on_deadline_place = {place, "on_deadline", 0};
	const char *on_deadline = hitl_get_text(parse, place, object, "on_deadline",
											false);

	part->label = hitl_get_text(parse, place, object, "name", false);
	part->after_us = parse_time(parse, place, object, "after");
	part->deadline_us = parse_time(parse, place, object, "deadline");
	if (on_deadline != NULL)
	{
		part->approve_on_deadline = strcmp(on_deadline, "approve") == 0;
		if (!part->approve_on_deadline && strcmp(on_deadline, "fail") != 0)
			hitl_fault(parse, &on_deadline_place, "must be fail or approve");
		if (hitl_json_member(object, "deadline") == NULL)
			hitl_fault(parse, &on_deadline_place,
					   "is possible only with \"deadline\"");
	}
	part->in_veto |= hitl_get_boolean(parse, place, object, "veto");
	part->advisory = hitl_get_boolean(parse, place, object, "advisory");
	part->in_advisory |= part->advisory;
	if (part->advisory && part->parent == NULL)
		hitl_fault(parse, &advisory_place,
				   "is possible only for parts of others");
}

/*
 * A leaf: names, and how many of the people behind them.
 */
static void
parse_leaf(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
		   HitlPart *part)
{
	const HitlJson *from = hitl_json_member(object, "from");
	HitlPlace from_place = {place, "from", 0};
	HitlPlace percent_place = {place, "percent", 0};
	bool has_count = hitl_json_member(object, "count") != NULL;
	bool has_percent = hitl_json_member(object, "percent") != NULL;

	if (from != NULL)
		parse_names(parse, &from_place, from, part);
	part->needed = parse_count(parse, place, object, "count");
	part->percent = parse_percent(parse, place, object);
	part->reject_after = parse_count(parse, place, object, "reject_after");
	if (has_count && has_percent)
		hitl_fault(parse, &percent_place,
				   "give either \"count\" or \"percent\"");
	if (!has_count && !has_percent)
	{
		part->needed = 1;
		if (part->reject_after == 0)
			part->reject_after = 1;
	}
	if (part->percent > 0)
	{
		int i;

		for (i = 0; i < part->nnames; i++)
		{
			if (strcmp(part->names[i], "*") == 0)
				hitl_fault(parse, &percent_place,
						   "nobody knows how many \"*\" are");
		}
	}
}

/*
 * A name, or an array of them.
 */
static void
parse_names(HitlParse *parse, const HitlPlace *place, const HitlJson *value,
			HitlPart *part)
{
	const HitlJson *name = value;
	HitlPlace inner = {place, NULL, 0};
	bool is_array = value->type == HITL_JSON_ARRAY;

	if (is_array)
	{
		if (value->count == 0)
			hitl_fault(parse, place, "must not be empty");
		if (value->count > HITL_MAX_NAMES)
		{
			hitl_fault(parse, place,
					   "must not have more than %d names; use a group",
					   HITL_MAX_NAMES);
			return;
		}
		name = value->first;
	}
	else if (value->type != HITL_JSON_STRING)
	{
		hitl_fault(parse, place, "must be a name or an array of names, not %s",
				   hitl_json_type_name(value));
		return;
	}
	part->names = hitl_alloc(parse->arena,
							 (is_array ? value->count : 1) * sizeof(char *));
	if (part->names == NULL)
		return;
	for (; name != NULL; name = is_array ? name->next : NULL)
	{
		const HitlPlace *here = is_array ? &inner : place;

		if (name->type != HITL_JSON_STRING)
			hitl_fault(parse, here, "must be a string, not %s",
					   hitl_json_type_name(name));
		else if (name->length == 0)
			hitl_fault(parse, here, "must not be empty");
		else
			part->names[part->nnames++] = name->text;
		inner.index++;
	}
}

/*
 * The nodes of an inner one, and how many of them it needs.
 */
static void
parse_children(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
			   HitlPolicy *policy, HitlPart *part, int level)
{
	const char *key = kind_names[part->kind];
	const HitlJson *array = hitl_get(parse, place, object, key, HITL_JSON_ARRAY,
									 true);
	const HitlJson *value;
	HitlPlace here = {place, key, 0};
	HitlPlace inner = {&here, NULL, 0};
	HitlPart **link = &part->first;
	int children = 0;

	if (array == NULL)
		return;
	if (array->count == 0)
		hitl_fault(parse, &here, "must not be empty");
	for (value = array->first; value != NULL && !hitl_faults_full(parse);
		 value = value->next)
	{
		HitlPart *child = parse_part(parse, &inner, value, policy, part,
									 level + 1);

		inner.index++;
		if (child == NULL)
			continue;
		*link = child;
		link = &child->next;
		children++;
		part->voters += !child->advisory;
	}
	if (children > 0 && part->voters == 0)
		hitl_fault(parse, &here, "must not all be advisory");
	part->needed = part->kind == HITL_PART_ANY_OF ? 1 : part->voters;
	if (part->kind == HITL_PART_N_OF)
	{
		HitlPlace n_place = {place, "n", 0};
		const HitlJson *n = hitl_json_member(object, "n");
		double percent = parse_percent(parse, place, object);

		part->needed = parse_count(parse, place, object, "n");
		if ((n != NULL) == (hitl_json_member(object, "percent") != NULL))
			hitl_fault(parse, n == NULL ? place : &n_place,
					   "give either \"n\" or \"percent\"");
		else if (n == NULL)
			part->needed = (int) ceil(percent * part->voters / 100 - 1e-9);
		else if (part->voters > 0 && part->needed > part->voters)
			hitl_fault(parse, &n_place, "only %d parts can be approved",
					   part->voters);
	}
	if (part->needed < 1)
		part->needed = 1;
}

/*
 * A member that is a whole number from 1 on; 0 where it is absent or faulty.
 */
static int
parse_count(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
			const char *key)
{
	const HitlJson *member = hitl_json_member(object, key);
	HitlPlace here = {place, key, 0};
	int64_t count;

	if (member == NULL)
		return 0;
	if (!hitl_json_integer(member, &count) || count < 1 || count > MAX_COUNT)
	{
		hitl_fault(parse, &here, "must be a whole number from 1 to %d",
				   MAX_COUNT);
		return 0;
	}
	return (int) count;
}

/*
 * "percent"; 0 where it is absent or faulty.
 */
static double
parse_percent(HitlParse *parse, const HitlPlace *place, const HitlJson *object)
{
	const HitlJson *member = hitl_json_member(object, "percent");
	HitlPlace here = {place, "percent", 0};
	double percent;

	if (member == NULL)
		return 0;
	if (!hitl_json_number(member, &percent) || !(percent > 0 && percent <= 100))
	{
		hitl_fault(parse, &here, "must be a number above 0, at most 100");
		return 0;
	}
	return percent;
}

/*
 * A member that is a time, in us; 0 where it is absent or faulty.
 */
static int64_t
parse_time(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
		   const char *key)
{
	int64_t milliseconds = hitl_get_duration(parse, place, object, key);

	return milliseconds > 0 ? milliseconds * 1000 : 0;
}

/*
 * "timeout" and "on_silence", of the root or of an escalation.  The stage is
 * the last one so far; the nesting of the document bounds the recursion.
 */
static void
parse_silence(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
			  HitlPolicy *policy, HitlStage *stage)
{
	static const char *const members[] = {"escalate", "timeout", "on_silence",
										  NULL};
	const HitlJson *silence = hitl_json_member(object, "on_silence");
	const HitlJson *escalate;
	HitlPlace here = {place, "on_silence", 0};
	HitlPlace escalate_place = {&here, "escalate", 0};

	stage->timeout_us = parse_time(parse, place, object, "timeout");
	if (silence == NULL)
		return;
	if (hitl_json_member(object, "timeout") == NULL)
		hitl_fault(parse, &here, "is possible only with \"timeout\"");
	if (silence->type == HITL_JSON_STRING)
	{
		if (strcmp(silence->text, "reject") == 0)
			stage->on_silence = HITL_SILENCE_REJECTS;
		else if (strcmp(silence->text, "approve") == 0)
			stage->on_silence = HITL_SILENCE_APPROVES;
		else if (strcmp(silence->text, "expire") != 0)
			hitl_fault(parse, &here,
					   "must be expire, reject, approve or an object with "
					   "\"escalate\"");
		return;
	}
	if (silence->type != HITL_JSON_OBJECT)
	{
		hitl_fault(parse, &here, "must be a string or an object, not %s",
				   hitl_json_type_name(silence));
		return;
	}
	if (policy->nstages > HITL_MAX_ESCALATIONS)
	{
		hitl_fault(parse, &here, "more than %d escalations",
				   HITL_MAX_ESCALATIONS);
		return;
	}
	hitl_check_members(parse, &here, silence, members, NULL);
	escalate = hitl_json_member(silence, "escalate");
	stage->on_silence = HITL_SILENCE_ESCALATES;
	stage = &policy->stages[policy->nstages++];
	if (escalate == NULL)
		hitl_fault(parse, &here, "\"escalate\" is missing");
	else
		stage->part = parse_part(parse, &escalate_place, escalate, policy, NULL,
								 1);
	parse_silence(parse, &here, silence, policy, stage);
}

/*
 * "remind".
 */
static void
parse_remind(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
			 HitlPolicy *policy)
{
	static const char *const members[] = {"after", "every", "max", NULL};
	const HitlJson *remind = hitl_get(parse, place, object, "remind",
									  HITL_JSON_OBJECT, false);
	HitlPlace here = {place, "remind", 0};
	HitlPlace max_place = {&here, "max", 0};

	if (remind == NULL)
		return;
	hitl_check_members(parse, &here, remind, members, NULL);
	if (hitl_json_member(remind, "after") == NULL)
		hitl_fault(parse, &here, "\"after\" is missing");
	policy->remind_after_us = parse_time(parse, &here, remind, "after");
	policy->remind_every_us = parse_time(parse, &here, remind, "every");
	if (policy->remind_every_us == 0)
		policy->remind_every_us = policy->remind_after_us;
	policy->remind_max = parse_count(parse, &here, remind, "max");
	if (policy->remind_max > HITL_MAX_REMINDERS)
		hitl_fault(parse, &max_place, "must be at most %d", HITL_MAX_REMINDERS);
	if (policy->remind_max == 0)
		policy->remind_max = HITL_MAX_REMINDERS;
}

/*
 * "exclude".
 */
static void
parse_exclude(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
			  HitlPolicy *policy)
{
	const HitlJson *exclude = hitl_get(parse, place, object, "exclude",
									   HITL_JSON_ARRAY, false);
	const HitlJson *who;
	HitlPlace here = {place, "exclude", 0};
	HitlPlace inner = {&here, NULL, 0};

	if (exclude == NULL)
		return;
	policy->excludes_requester = false;
	policy->excludes_editors = false;
	for (who = exclude->first; who != NULL; who = who->next)
	{
		if (who->type == HITL_JSON_STRING &&
			strcmp(who->text, "requester") == 0)
			policy->excludes_requester = true;
		else if (who->type == HITL_JSON_STRING &&
				 strcmp(who->text, "editors") == 0)
			policy->excludes_editors = true;
		else
			hitl_fault(parse, &inner, "must be requester or editors");
		inner.index++;
	}
}

/*
 * Build the table of names, and drop those that a leaf has twice.
 */
static void
index_names(HitlParse *parse, HitlPolicy *policy)
{
	HitlArena *arena = parse->arena;
	size_t total = 0;
	size_t size = 16;
	int i;

	for (i = 0; i < policy->nleaves; i++)
		total += policy->leaves[i]->nnames;
	while (size < total * 2)
		size *= 2;
	policy->mask = size - 1;
	policy->slots = hitl_alloc_zero(arena, size * sizeof(HitlNameEntry));
	for (i = 0; i < policy->nleaves && !arena->failed; i++)
	{
		HitlPart *leaf = policy->leaves[i];
		int kept = 0;
		int j;

		leaf->name_numbers = hitl_alloc(arena, leaf->nnames * sizeof(int));
		for (j = 0; j < leaf->nnames && !arena->failed; j++)
		{
			HitlNameEntry *entry = find_slot(policy, leaf->names[j]);
			HitlUse *use;

			if (entry->text == NULL)
			{
				entry->text = leaf->names[j];
				entry->number = policy->nnames++;
			}
			else if (entry->uses->leaf == leaf)
				continue;
			use = hitl_alloc(arena, sizeof(HitlUse));
			if (use == NULL)
				return;
			use->leaf = leaf;
			use->next = entry->uses;
			entry->uses = use;
			leaf->name_numbers[kept] = entry->number;
			leaf->names[kept++] = entry->text;
		}
		leaf->nnames = kept;
	}
}

/*
 * The slot of a name, or the free one where it would be.
 */
static HitlNameEntry *
find_slot(const HitlPolicy *policy, const char *name)
{
	uint64_t hash = UINT64_C(14695981039346656037);
	const char *p;
	size_t slot;

	for (p = name; *p != '\0'; p++)
		hash = (hash ^ (unsigned char) *p) * UINT64_C(1099511628211);
	slot = (hash ^ hash >> 32) & policy->mask;
	while (policy->slots[slot].text != NULL &&
		   strcmp(policy->slots[slot].text, name) != 0)
		slot = (slot + 1) & policy->mask;
	return &policy->slots[slot];
}
