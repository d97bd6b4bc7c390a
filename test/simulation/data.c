/*
 * data.c
 *		The data of a workflow and of its scopes, and the callbacks that ask
 *		for it.  Of SQL/JSON path it knows members and one comparison.
 */
#include "world.h"

static const char *walk(World *world, int64_t scope, const char *path,
						const char **rest);
static const char *skip_name(const char *p);
static const char *compare(const char *value, const char *comparison);
static bool is_text(const char *a, const char *b);
static bool is_part_of(const Member *data, const Member *others);

/*
 * The data that every workflow begins with.
 */
void
data_init(World *world)
{
	static const char *const variables[][2] =
		{{"n", "5"},
		 {"zero", "0"},
		 {"yes", "true"},
		 {"no", "false"},
		 {"three", "[1,2,3]"},
		 {"two", "[7,1]"},
		 {"one", "[[2,1]]"},
		 {"empty", "[]"},
		 {"at", "\"2023-11-14T22:30:00Z\""}};
	size_t i;

	branch_at(world, 0)->is_scope = true;
	for (i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		set_member(world, 0, false, variables[i][0], variables[i][1]);
	world->beginning = world->branches.items[0].members;
}

/*
 * A new element of a list, zeroed.
 */
void *
list_add(HitlArena *arena, void *list, size_t size)
{
	LIST(char) *generic = list;

	if (generic->count == generic->capacity)
	{
		int64_t capacity = generic->capacity == 0 ? 16 : generic->capacity * 2;
		char *items = hitl_alloc_zero(arena, capacity * size);

		if (generic->count > 0)
			memcpy(items, generic->items, generic->count * size);
		generic->items = items;
		generic->capacity = capacity;
	}
	return generic->items + generic->count++ * size;
}

/*
 * A copy of a text, as long as the world lives.
 */
const char *
keep(World *world, const char *text)
{
	return text == NULL ? NULL
						: hitl_copy_text(&world->arena, text, strlen(text));
}

/*
 * The same, made as by printf.
 */
const char *
keepf(World *world, const char *format, ...)
{
	HitlBuffer text;
	va_list arguments;

	hitl_buffer_init(&text, &world->arena);
	va_start(arguments, format);
	hitl_append_arguments(&text, format, arguments);
	va_end(arguments);
	return hitl_buffer_text(&text);
}

/*
 * The row of a branch, which is made if there is none.
 */
Branch *
branch_at(World *world, int64_t id)
{
	if (id < 0 || id > 100000)
		FAIL("there is no branch %lld", (long long) id);
	while (world->branches.count <= id)
	{
		Branch *branch = list_add(&world->arena, &world->branches,
								  sizeof(Branch));

		memset(branch, 0, sizeof(*branch));
	}
	return &world->branches.items[id];
}

/*
 * A member as a scope sees it, or NULL.
 */
const char *
find_member(World *world, int64_t scope, bool is_step, const char *name)
{
	for (;;)
	{
		const Branch *branch = branch_at(world, scope);
		const Member *member;

		CHECK(branch->is_scope);
		for (member = branch->members; member != NULL; member = member->next)
		{
			if (member->is_step == is_step && is_text(member->name, name))
				return member->text;
		}
		if (scope == 0)
			return NULL;
		CHECK(branch->outer < scope);
		scope = branch->outer;
	}
}

/*
 * Set a member of a scope's own data.
 */
void
set_member(World *world, int64_t scope, bool is_step, const char *name,
		   const char *text)
{
	Branch *branch = branch_at(world, scope);
	Member *member = hitl_alloc(&world->arena, sizeof(Member));

	CHECK(branch->is_scope);
	member->next = branch->members;
	member->is_step = is_step;
	member->name = keep(world, name);
	member->text = keep(world, text);
	branch->members = member;
}

/*
 * Merge a delta into a scope's own data.
 */
void
merge_delta(World *world, Branch *branch, const char *delta)
{
	const HitlJson *document;
	const HitlJson *part;

	CHECK(branch->is_scope);
	if (hitl_json_parse(&world->arena, delta, strlen(delta), 0, &document,
						NULL) != HITL_OK ||
		document->type != HITL_JSON_OBJECT)
		FAIL("no delta: %s", delta);
	for (part = document->first; part != NULL; part = part->next)
	{
		const HitlJson *value;

		CHECK(is_text(part->key, "steps") || is_text(part->key, "variables"));
		for (value = part->first; value != NULL; value = value->next)
		{
			Member *member = hitl_alloc(&world->arena, sizeof(Member));
			HitlBuffer text;

			hitl_buffer_init(&text, &world->arena);
			hitl_json_write(&text, value);
			member->next = branch->members;
			member->is_step = is_text(part->key, "steps");
			member->name = value->key;
			member->text = hitl_buffer_text(&text);
			branch->members = member;
		}
	}
}

/*
 * Does a signal's payload satisfy the predicate of a step?
 */
bool
payload_matches(World *world, const char *match, const char *payload)
{
	const HitlJson *document;
	const HitlJson *member;

	if (strcmp(match, "{\"match\":null}") == 0)
		return true;
	CHECK(strncmp(match, "{\"match\":\"$.k == ", 17) == 0);
	if (hitl_json_parse(&world->arena, payload, strlen(payload), 0, &document,
						NULL) != HITL_OK)
		FAIL("no payload: %s", payload);
	member = hitl_json_member(document, "k");
	CHECK(member != NULL && member->type == HITL_JSON_NUMBER);
	return atoi(match + 17) == atoi(member->text);
}

/*
 * Is the workflow's own data what its events make of it?  A rollback restores
 * what they had made of it at its checkpoint.
 */
void
check_replay(World *world)
{
	Branch replay = {.is_scope = true};
	int64_t snapshot = 0;
	int64_t i;

	replay.members = world->beginning; /* which is no event's */
	for (i = 0; i <= world->events.count; i++)
	{
		const Event *event;

		while (snapshot < world->snapshots.count &&
			   world->snapshots.items[snapshot].event == i)
			world->snapshots.items[snapshot++].replayed = replay.members;
		if (i == world->events.count)
			break;
		event = &world->events.items[i];
		if (event->delta != NULL && event->scope == 0)
			merge_delta(world, &replay, event->delta);
		if (event->snapshot >= 0)
			replay.members = world->snapshots.items[event->snapshot].replayed;
	}
	CHECK(is_part_of(replay.members, world->branches.items[0].members));
	CHECK(is_part_of(world->branches.items[0].members, replay.members));
}

/*
 * Does the host fail in this call?
 */
bool
call_fails(World *world)
{
	if (world->calls_left == 0)
	{
		totals.failures++;
		return true;
	}
	if (world->calls_left > 0)
		world->calls_left--;
	return false;
}

/*
 * The host's query callback.
 */
HitlQueryResult
world_query(void *context, int64_t scope, const char *path, const char **text)
{
	World *world = context;
	const char *rest;

	if (call_fails(world))
		return HITL_QUERY_HOST_FAILED;
	*text = walk(world, scope, path, &rest);
	if (rest != NULL && *rest == ' ')
	{
		*text = compare(*text, rest + 1);
		rest = *text == NULL ? NULL : "";
	}
	if (rest == NULL || *rest != '\0')
	{
		*text = "syntax error in path";
		return HITL_QUERY_FAULTY;
	}
	return *text == NULL ? HITL_QUERY_EMPTY : HITL_QUERY_FOUND;
}

/*
 * The host's load_branch callback.
 */
HitlQueryResult
world_load(void *context, int64_t branch, const char **text)
{
	World *world = context;

	if (call_fails(world))
		return HITL_QUERY_HOST_FAILED;
	if (branch <= 0 || branch >= world->branches.count ||
		world->branches.items[branch].status != BRANCH_ACTIVE)
		return HITL_QUERY_EMPTY;
	*text = world->branches.items[branch].control;
	return HITL_QUERY_FOUND;
}

/*
 * The host's list_branches callback.
 */
HitlQueryResult
world_list(void *context, int64_t first, int64_t count,
		   const int64_t **branches, int *found)
{
	World *world = context;
	int64_t end = count == 0 ? world->branches.count : first + count;
	int64_t *ids = hitl_alloc(&world->arena,
							  world->branches.count * sizeof(int64_t) + 1);
	int64_t id;

	if (world->calls_left == 0)
	{
		totals.failures++;
		return HITL_QUERY_HOST_FAILED;
	}
	*found = 0;
	for (id = count == 0 ? 1 : first; id < end && id < world->branches.count;
		 id++)
	{
		if (world->branches.items[id].status == BRANCH_ACTIVE)
			ids[(*found)++] = id;
	}
	*branches = ids;
	return HITL_QUERY_FOUND;
}

/*
 * What $.variables.x or $.steps.x finds, NULL for nothing; *rest is what
 * follows, NULL where it is no path.
 */
static const char *
walk(World *world, int64_t scope, const char *path, const char **rest)
{
	char name[40];
	bool is_step = strncmp(path, "$.steps.", 8) == 0;
	const char *p;

	*rest = NULL;
	if (!is_step && strncmp(path, "$.variables.", 12) != 0)
		return NULL;
	path += is_step ? 8 : 12;
	p = skip_name(path);
	if (p == path || p - path >= (ptrdiff_t) sizeof(name))
		return NULL;
	memcpy(name, path, p - path);
	name[p - path] = '\0';
	*rest = p;
	return find_member(world, scope, is_step, name);
}

/*
 * What is behind a name.
 */
static const char *
skip_name(const char *p)
{
	while ((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9'))
		p++;
	return p;
}

/*
 * What "> 3" makes of a value; NULL where it is no comparison.
 */
static const char *
compare(const char *value, const char *comparison)
{
	if (strncmp(comparison, "> ", 2) != 0)
		return NULL;
	if (value == NULL)
		return "false";
	if (value[0] < '0' || value[0] > '9')
		return "null";
	return atoi(value) > atoi(comparison + 2) ? "true" : "false";
}

/*
 * Are two texts the same?
 */
static bool
is_text(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/*
 * Has every member of some data the same text in others?
 */
static bool
is_part_of(const Member *data, const Member *others)
{
	const Member *member;

	for (member = data; member != NULL; member = member->next)
	{
		const Member *first = data;
		const Member *other = others;

		while (first->is_step != member->is_step ||
			   !is_text(first->name, member->name))
			first = first->next;
		while (other != NULL &&
			   (other->is_step != member->is_step ||
				!is_text(other->name, member->name)))
			other = other->next;
		if (other == NULL || !is_text(other->text, first->text))
			return false;
	}
	return true;
}
