/*
 * world.c
 *		One workflow and its host: messages in, commits, and what must hold
 *		after each.
 *
 *	- The same message on the same state has the same effects, as often as it
 *	  is tried; a call that fails changes nothing.
 *	- What has ended stays so.
 *	- Control state to text and back is the same state.
 *	- What the control state and the branches await is what was asked for and
 *	  is still open, each by one position; the status says which it is.
 *	- A fork counts its branches right.
 */
#include "world.h"

Totals totals;

static HitlControl *parse(World *world, const char *text);
static const char *dump(World *world, const HitlControl *control);
static uint64_t try_in_vain(World *world, const HitlMessage *message,
							HitlResult *result);
static void check_unchanged(World *world);
static void find_answered(World *world, const char *kind, const HitlJson *body);
static void store_branches(World *world);
static void read_active(World *world, const char *control, Branch *branch);
static void check_position(World *world, const Branch *branch, int64_t id);
static void check_counts(World *world, const Branch *branch);
static int count_others(World *world, const Branch *branch);
static bool is_mentioned(World *world, const Asked *asked);
static bool has_number(const char *text, int64_t number);
static AskedKind kind_awaited(const Branch *branch);

/*
 * A new workflow.
 */
void
world_init(World *world, uint64_t seed, HitlDefinition *definition,
		   const char *text)
{
	memset(world, 0, sizeof(*world));
	hitl_arena_init(&world->arena);
	world->arena.next_size = 64 * 1024;
	world->random = seed * 2654435761u + 17;
	world->host = (HitlHost){.context = world,
							 .query = world_query,
							 .load_branch = world_load,
							 .list_branches = world_list,
							 .load_agent = world_load_agent,
							 .load_budgets = world_load_budgets,
							 .test_path = world_test_path};
	world->text = text;
	world->definition = definition;
	world->status = "pending";
	world->now_us = INT64_C(1700000000000000);
	world->calls_left = -1;
	world->seen_mask = 255;
	world->seen = hitl_alloc_zero(&world->arena,
								  (world->seen_mask + 1) * sizeof(uint64_t));
	data_init(world);
	world->control = parse(world, NULL);
	world_commit(world);
}

/*
 * Forget it.
 */
void
world_free(World *world)
{
	hitl_free_control(world->control);
	hitl_arena_free(&world->arena);
}

/*
 * A random number below choices (splitmix64).
 */
int
pick(World *world, int choices)
{
	uint64_t x = world->random += UINT64_C(0x9E3779B97F4A7C15);

	x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
	x ^= x >> 31;
	return choices <= 1 ? 0 : (int) (x % (uint64_t) choices);
}

/*
 * Is the workflow over?
 */
bool
world_has_ended(const World *world)
{
	return is_failed(world) || strcmp(world->status, "completed") == 0 ||
		strcmp(world->status, "rejected") == 0 ||
		strcmp(world->status, "cancelled") == 0;
}

/*
 * Has it failed, so that a retry may bring it back?
 */
bool
is_failed(const World *world)
{
	return strcmp(world->status, "failed") == 0;
}

/*
 * Advance as an engine does, now and then crashing before the commit.
 */
HitlResult
world_send(World *world, const char *kind, const char *body)
{
	HitlMessage message = {kind, body, world->now_us,
						   pick(world, 1000) / 1000.0};
	HitlEffects effects = {0};
	const HitlJson *document = NULL;
	HitlResult result;
	HitlResult expected = HITL_OK;
	uint64_t tried = 0;
	bool ended = world_has_ended(world);
	const char *before;

	totals.messages++;
	world->now_us++;
	TRACE("%s %s\n", kind, body == NULL ? "" : body);
	if (world->committed != NULL && world->calls_left < 0 &&
		pick(world, 8) == 0)
	{
		tried = try_in_vain(world, &message, &expected);
		totals.crashes++;
	}
	if (world->committed != NULL && pick(world, 2) == 0)
	{
		hitl_free_control(world->control);
		world->control = parse(world, world->committed);
	}
	before = world->committed;
	result = hitl_advance(world->definition, world->control, &message,
						  &world->host, &effects);
	if (tracing)
		trace_effects(&effects);
	if (tried != 0 && (result != expected || hash_effects(&effects) != tried))
		FAIL("the message has other effects at a second try");
	if (result != HITL_OK)
	{
		TRACE("  refused: %s\n", effects.error == NULL ? "" : effects.error);
		CHECK(effects.count == 0 && !effects.more);
		CHECK(result == HITL_INVALID ? effects.error != NULL
									 : world->calls_left == 0);
		check_unchanged(world);
		hitl_free_effects(&effects);
		return result;
	}
	if (body != NULL)
		hitl_json_parse(&world->arena, body, strlen(body), 0, &document, NULL);
	find_answered(world, kind, document);
	if (ended && !world->may_return)
	{
		CHECK(effects.count == 0 && !effects.more);
		check_unchanged(world);
	}
	else if (before != NULL && effects.count == 0 && !effects.more &&
			 !effects.moved)
	{
		/* A host that is told of nothing writes nothing. */
		world->more = false;
		hitl_free_control(world->control);
		world->control = parse(world, before);
		world_check(world);
	}
	else
	{
		world->committed = NULL;
		world->more = effects.more;
		apply_effects(world, &effects);
		if (world->committed == NULL && pick(world, 4) != 0)
			world_commit(world);
		if (world->committed != NULL)
			world_check(world);
	}
	if (world->answered != NULL && world->answered->kind != ASKED_TIMER &&
		strcmp(kind, "timer") != 0 && strcmp(world->status, "paused") != 0)
		CHECK(effects.count > 0 || effects.moved);
	world->answered = NULL;
	hitl_free_effects(&effects);
	hand_out(world);
	return HITL_OK;
}

/*
 * What was asked for under a token, or NULL.
 */
Asked *
find_asked(World *world, int64_t token)
{
	int64_t counter = token & ((INT64_C(1) << HITL_TOKEN_BITS) - 1);
	Asked *asked;

	if (token <= 0 || counter >= world->asked.count)
		return NULL;
	asked = &world->asked.items[counter];
	return asked->token == token ? asked : NULL;
}

/*
 * Write the control state and the branches.
 */
void
world_commit(World *world)
{
	HitlControl *control;

	store_branches(world);
	world->committed = dump(world, world->control);
	read_active(world, world->committed, branch_at(world, 0));
	if (pick(world, 8) == 0)
	{
		control = parse(world, world->committed);
		CHECK(strcmp(dump(world, control), world->committed) == 0);
		hitl_free_control(control);
	}
}

/*
 * Do the control state and the tables agree?
 */
void
world_check(World *world)
{
	const Branch *root = branch_at(world, 0);
	bool ready = false;
	bool reply = false;
	bool approval = false;
	const Asked *asked;
	int awaited = 0;
	int open = 0;
	int64_t id;

	for (id = 0; id < world->branches.count; id++)
	{
		const Branch *branch = &world->branches.items[id];

		if ((id > 0 && branch->status != BRANCH_ACTIVE) ||
			branch->state == NULL)
			continue;
		if (world_has_ended(world))
		{
			CHECK(is_failed(world));
			continue;
		}
		check_position(world, branch, id);
		asked = find_asked(world, branch->token);
		awaited += asked != NULL && asked->kind != ASKED_TIMER;
		awaited += count_others(world, branch);
		ready |= strcmp(branch->state, "ready") == 0;
		reply |= strcmp(branch->state, "waiting_reply") == 0;
		approval |= strcmp(branch->state, "waiting_approval") == 0;
		if (strcmp(branch->state, "waiting_branches") == 0)
			check_counts(world, branch);
	}
	for (id = 0; id < world->asked.count; id++)
	{
		asked = &world->asked.items[id];
		if (!asked->open)
		{
			if (asked->due_us != 0)
				FAIL("the time limit of %lld is left behind",
					 (long long) asked->token);
			continue;
		}
		if (asked->kind != ASKED_TIMER)
			open++;

		/* limits of a switch and of the workflow are no position's */
		else if (!is_mentioned(world, asked))
			FAIL("nobody awaits the timer %lld", (long long) asked->token);
	}
	if (open != awaited)
		FAIL("%d are open, %d awaited", open, awaited);
	if (world_has_ended(world))
	{
		CHECK(open == 0 && !world->more);
		if (!is_failed(world))
			CHECK(root->state == NULL);
		for (id = 1; !is_failed(world) && id < world->branches.count; id++)
			CHECK(world->branches.items[id].status == BRANCH_NONE);
	}
	else if (strcmp(world->status, "running") == 0)
		CHECK(ready || reply || world->more);
	else if (strcmp(world->status, "waiting_approval") == 0)
		CHECK(approval && !reply && !world->more);
	else if (strcmp(world->status, "waiting") == 0)
		CHECK(!approval && !reply && !world->more);
}

/*
 * Control state from text.
 */
static HitlControl *
parse(World *world, const char *text)
{
	HitlControl *control;
	char *error = NULL;

	if (hitl_parse_control(world->definition, text, &control, &error) !=
		HITL_OK)
		FAIL("%s: %s", error == NULL ? "no memory" : error, text);
	return control;
}

/*
 * Control state as text.
 */
static const char *
dump(World *world, const HitlControl *control)
{
	const char *kept;
	char *text;

	CHECK(hitl_dump_control(control, &text) == HITL_OK);
	kept = keep(world, text);
	free(text);
	return kept;
}

/*
 * Advance and crash: what the effects were, as a hash.
 */
static uint64_t
try_in_vain(World *world, const HitlMessage *message, HitlResult *result)
{
	HitlControl *control = parse(world, world->committed);
	HitlEffects effects = {0};
	uint64_t hash;

	*result = hitl_advance(world->definition, control, message, &world->host,
						   &effects);
	hash = hash_effects(&effects);
	hitl_free_effects(&effects);
	hitl_free_control(control);
	return hash;
}

/*
 * After a call that has no effects, nothing is there to be written.
 */
static void
check_unchanged(World *world)
{
	HitlBranchChanges changes = {0};

	if (world->committed == NULL)
		return;
	CHECK(strcmp(dump(world, world->control), world->committed) == 0);
	CHECK(hitl_dump_branches(world->control, &changes) == HITL_OK);
	CHECK(changes.count == 0);
	hitl_free_branches(&changes);
}

/*
 * Note what a message answers, which then is open no longer.
 */
static void
find_answered(World *world, const char *kind, const HitlJson *body)
{
	static const char *const kinds[] =
		{[ASKED_APPROVAL] = "approval", [ASKED_TASK] = "reply",
		 [ASKED_SQL] = "reply",			[ASKED_HTTP] = "reply",
		 [ASKED_EXTERNAL] = "reply",	[ASKED_SIGNAL] = "signal",
		 [ASKED_CHILD] = "child",		[ASKED_JOIN] = "reply",
		 [ASKED_TIMER] = "timer"};
	const HitlJson *outcome = hitl_json_member(body, "outcome");
	int64_t token;
	Asked *asked;

	world->answered = NULL;
	if (!hitl_json_integer(hitl_json_member(body, "token"), &token))
		return;
	asked = find_asked(world, token);
	if (asked == NULL || !asked->open)
		return;
	if (strcmp(kind, "timer") == 0)
	{
		/* It has come, and will not come again. */
		CHECK(asked->due_us > 0 && asked->due_us <= world->now_us);
		asked->due_us = 0;
		world->answered = asked;
		asked->open = asked->kind != ASKED_TIMER;
		return;
	}
	if (strcmp(kinds[asked->kind], kind) != 0)
		return;
	asked->open = false;
	asked->is_approved = outcome != NULL &&
		strcmp(outcome->text, "approved") == 0;
	world->answered = asked;
}

/*
 * Write the branches that have changed.
 */
static void
store_branches(World *world)
{
	static const char *const names[] = {[BRANCH_ACTIVE] = "active",
										[BRANCH_COMPLETED] = "completed",
										[BRANCH_FAILED] = "failed",
										[BRANCH_CANCELLED] = "cancelled"};
	HitlBranchChanges changes = {0};
	int i;

	CHECK(hitl_dump_branches(world->control, &changes) == HITL_OK);
	for (i = 0; i < changes.count; i++)
	{
		const HitlBranchChange *change = &changes.items[i];
		Branch *branch = branch_at(world, change->branch);
		BranchStatus status = BRANCH_ACTIVE;

		CHECK(change->branch > 0);
		while (status < BRANCH_CANCELLED &&
			   strcmp(names[status], change->status) != 0)
			status++;
		CHECK(strcmp(names[status], change->status) == 0);
		CHECK((status == BRANCH_ACTIVE) == (change->control != NULL));
		if (branch->status > BRANCH_ACTIVE)
			FAIL("branch %lld has ended, and becomes %s",
				 (long long) change->branch, change->status);
		if (branch->status == BRANCH_NONE)
			totals.branches++;
		branch->status = status;
		branch->scope = change->scope;
		CHECK(branch_at(world, branch->scope)->is_scope);
		branch = branch_at(world, change->branch);
		branch->control = keep(world, change->control);
		branch->result_step = keep(world, change->result_step);
		read_active(world, branch->control, branch);
	}
	hitl_free_branches(&changes);
}

/*
 * What a text says about its active step.
 */
static void
read_active(World *world, const char *control, Branch *branch)
{
	const HitlJson *document;
	const HitlJson *active;
	const HitlJson *counts;

	branch->state = NULL;
	branch->token = 0;
	branch->calls = NULL;
	if (control == NULL)
		return;
	if (hitl_json_parse(&world->arena, control, strlen(control),
						HITL_JSON_COMPOSED, &document, NULL) != HITL_OK)
		FAIL("no JSON: %s", control);
	active = hitl_json_member(document, "active");
	CHECK(active != NULL && active->type == HITL_JSON_ARRAY &&
		  active->count <= 1);
	active = active->first;
	if (active == NULL)
		return;
	branch->state = hitl_json_member(active, "state")->text;
	branch->position = hitl_json_member(active, "position")->text;
	hitl_json_integer(hitl_json_member(active, "token"), &branch->token);
	branch->calls = hitl_json_member(hitl_json_member(active, "agent"),
									 "calls");
	counts = hitl_json_member(active, "branches");
	memset(&branch->counts, 0, sizeof(branch->counts));
	if (counts != NULL)
	{
		int64_t numbers[6] = {0};
		const HitlJson *member;
		int i = 0;

		/* first, total, started, running, completed, failed */
		for (member = counts->first; member != NULL && i < 6;
			 member = member->next)
			hitl_json_integer(member, &numbers[i++]);
		branch->counts.first = numbers[0];
		branch->counts.total = (int) numbers[1];
		branch->counts.started = (int) numbers[2];
		branch->counts.running = (int) numbers[3];
		branch->counts.completed = (int) numbers[4];
		branch->counts.failed = (int) numbers[5];
	}
}

/*
 * Is what a position awaits open, and its own?
 */
static void
check_position(World *world, const Branch *branch, int64_t id)
{
	const Asked *asked;

	if (strcmp(branch->state, "ready") == 0)
	{
		CHECK(branch->token == 0);
		return;
	}
	CHECK(HITL_TOKEN_BRANCH(branch->token) == id);
	asked = find_asked(world, branch->token);
	if (strcmp(branch->state, "waiting_branches") == 0 && asked == NULL)
		return; /* without a time limit */
	if (asked == NULL || !asked->open)
		FAIL("%s awaits %lld, which is not open", branch->position,
			 (long long) branch->token);
	CHECK(strcmp(asked->position, branch->position) == 0);
	CHECK(asked->scope == branch->scope);
	if (strcmp(branch->state, "waiting_reply") == 0)
		CHECK(asked->kind >= ASKED_TASK && asked->kind <= ASKED_JOIN &&
			  asked->kind != ASKED_SIGNAL && asked->kind != ASKED_CHILD);
	else
		CHECK(asked->kind == kind_awaited(branch));
}

/*
 * What a state awaits.
 */
static AskedKind
kind_awaited(const Branch *branch)
{
	static const struct
	{
		const char *state;
		AskedKind kind;
	} states[] = {{"waiting_approval", ASKED_APPROVAL},
				  {"waiting_timer", ASKED_TIMER},
				  {"waiting_retry", ASKED_TIMER},
				  {"waiting_signal", ASKED_SIGNAL},
				  {"waiting_workflow", ASKED_CHILD},
				  {"waiting_branches", ASKED_TIMER}};
	size_t i;

	for (i = 0; i < sizeof(states) / sizeof(states[0]); i++)
	{
		if (strcmp(states[i].state, branch->state) == 0)
			return states[i].kind;
	}
	FAIL("no state: %s", branch->state);
}

/*
 * Do the counts of a fork agree with its branches?
 */
static void
check_counts(World *world, const Branch *branch)
{
	const HitlCounts *counts = &branch->counts;
	int statuses[BRANCH_CANCELLED + 1] = {0};
	int64_t id;
	const HitlStep *step = hitl_find_step(&world->definition->by_path,
										  branch->position);

	CHECK(counts->total > 0);
	CHECK(step->as.fork.concurrency == 0 ||
		  counts->running <= step->as.fork.concurrency);
	for (id = counts->first; id < counts->first + counts->total; id++)
		statuses[branch_at(world, id)->status]++;
	if (counts->running != statuses[BRANCH_ACTIVE] ||
		counts->completed != statuses[BRANCH_COMPLETED] ||
		counts->failed != statuses[BRANCH_FAILED] ||
		counts->total - counts->started !=
			statuses[BRANCH_PREPARED] + statuses[BRANCH_NONE])
		FAIL("%s: of %d branches %d are started, %d run, %d completed, %d "
			 "failed; the rows say %d not begun, %d run, %d completed, %d "
			 "failed, %d cancelled",
			 branch->position, counts->total, counts->started, counts->running,
			 counts->completed, counts->failed,
			 statuses[BRANCH_PREPARED] + statuses[BRANCH_NONE],
			 statuses[BRANCH_ACTIVE], statuses[BRANCH_COMPLETED],
			 statuses[BRANCH_FAILED], statuses[BRANCH_CANCELLED]);
}

/*
 * How many approvals of an agent's calls does a position await beside the one
 * whose token it has?  All of them are open.
 */
static int
count_others(World *world, const Branch *branch)
{
	const HitlJson *call = branch->calls == NULL ? NULL : branch->calls->first;
	int count = 0;
	int64_t token;

	for (; call != NULL; call = call->next)
	{
		const Asked *asked;

		if (!hitl_json_integer(hitl_json_member(call, "token"), &token) ||
			token == branch->token)
			continue;
		CHECK(strcmp(branch->state, "waiting_approval") == 0);
		asked = find_asked(world, token);
		CHECK(asked != NULL && asked->open && asked->kind == ASKED_APPROVAL);
		count++;
	}
	return count;
}

/*
 * Does a text of the control state have the token of a timer?
 */
static bool
is_mentioned(World *world, const Asked *asked)
{
	int64_t id = HITL_TOKEN_BRANCH(asked->token);
	const char *text = id == 0 ? world->committed
							   : branch_at(world, id)->control;

	return text != NULL && has_number(text, asked->token);
}

/*
 * Is a number a word of a text?
 */
static bool
has_number(const char *text, int64_t number)
{
	char digits[32];
	const char *p = text;
	size_t length;

	length = snprintf(digits, sizeof(digits), ":%lld", (long long) number);
	while ((p = strstr(p, digits)) != NULL)
	{
		p += length;
		if (*p < '0' || *p > '9')
			return true;
	}
	return false;
}
