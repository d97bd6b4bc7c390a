/*
 * agents.c
 *		Agents: their settings, what their models say, and what must hold for
 *		what they ask for:
 *
 *	- a call that people must approve runs only once they have approved it, as
 *	  they saw it;
 *	- no tool runs while people still decide about a call of the same turn;
 *	- the model is asked with all of its memory, and with nothing else.
 */
#include "world.h"

/* Two agents: one whose answer is checked, one that comes to its limits. */
static const char *const settings[][2] = {
	{"clerk",
	 "{\"name\":\"clerk\",\"version\":\"1\",\"kind\":\"tool_calling\",\"max_steps\":4,"
	 "\"max_tokens\":60,\"on_limit\":\"ask\",\"planning_interval\":3,\"tools\":["
	 "{\"name\":\"pay\",\"description\":\"d\",\"kind\":\"sql\",\"approval\":\"always\","
	 "\"parameters\":{\"required\":[\"n\"]},\"call\":\"pay\",\"arguments\":"
	 "[{\"name\":\"n\",\"quoted\":\"n\",\"type\":\"int\"}]},"
	 "{\"name\":\"look\",\"description\":\"d\",\"kind\":\"sql\",\"parameters\":{},"
	 "\"call\":\"look\",\"arguments\":[{\"name\":\"n\",\"quoted\":\"n\",\"type\":\"int\"}]},"
	 "{\"name\":\"ship\",\"description\":\"d\",\"kind\":\"external\",\"parameters\":{},\"queue\":\"q\"},"
	 "{\"name\":\"other\",\"description\":\"d\",\"kind\":\"agent\",\"parameters\":{},"
	 "\"agent\":\"judge\"},{\"name\":\"ask_human\",\"kind\":\"builtin\"},"
	 "{\"name\":\"create_checkpoint\",\"kind\":\"builtin\"},"
	 "{\"name\":\"rollback_to_checkpoint\",\"kind\":\"builtin\"}]}"},
	{"judge",
	 "{\"name\":\"judge\",\"version\":\"1\",\"kind\":\"tool_calling\",\"max_steps\":3,"
	 "\"answer_checks\":[{\"name\":\"c\",\"sql\":\"check\"}],\"tools\":["
	 "{\"name\":\"pay\",\"description\":\"d\",\"kind\":\"sql\",\"approval\":{\"when\":\"$\"},"
	 "\"parameters\":{\"required\":[\"n\"]},\"call\":\"pay\",\"arguments\":"
	 "[{\"name\":\"n\",\"quoted\":\"n\",\"type\":\"int\"}]}]}"}};

static void check_payment(const World *world, const HitlEffect *effect);
static void check_memory(World *world, const HitlEffect *effect);
static int64_t last_remark(const World *world, int64_t segment);
static const char *calls_of(World *world, long long token);

/*
 * The host's callbacks.
 */
HitlQueryResult
world_load_agent(void *context, const char *name,
				 HITL_UNUSED const char *version, const char **text)
{
	World *world = context;
	size_t i;

	if (call_fails(world))
		return HITL_QUERY_HOST_FAILED;
	for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
	{
		*text = settings[i][1];
		if (strcmp(settings[i][0], name) == 0)
			return HITL_QUERY_FOUND;
	}
	return HITL_QUERY_EMPTY;
}

/*
 * In every third second the budget of one of them is used up, and by more from
 * one time to the next.
 */
HitlQueryResult
world_load_budgets(void *context, const char *name, const char **text)
{
	World *world = context;
	int64_t second = world->now_us / 1000000;
	bool used = second % 3 == 0;

	if (call_fails(world))
		return HITL_QUERY_HOST_FAILED;
	if (strcmp(name, "clerk") != 0)
		return HITL_QUERY_EMPTY;
	*text = keepf(world,
				  "[{\"period\":\"hour\",\"tokens\":10,\"cost\":null,"
				  "\"used\":{\"tokens\":%lld,\"cost\":0},\"renews_us\":%lld,"
				  "\"on_limit\":\"%s\"}]",
				  used ? (long long) (world->now_us % 1000000000000) + 10 : 9,
				  (long long) (second + 1) * 1000000,
				  second % 2 == 0 ? "wait" : "ask");
	return HITL_QUERY_FOUND;
}

HitlQueryResult
world_test_path(HITL_UNUSED void *context, HITL_UNUSED const char *document,
				HITL_UNUSED const char *path, const char **text)
{
	*text = "true";
	return HITL_QUERY_FOUND;
}

/*
 * Is a step done by an agent?
 */
bool
is_of_agent(const World *world, const char *position)
{
	const HitlStep *step = position == NULL
		? NULL
		: hitl_find_step(&world->definition->by_path, position);

	return step != NULL && step->kind == &hitl_task_kind &&
		step->as.task.agent != NULL;
}

/*
 * What an agent's model says.  well: the answer.
 */
const char *
agent_says(World *world, const Asked *asked, bool well)
{
	long long token = asked->token;
	const char *calls = NULL;

	if (!well && strstr(asked->body, "\"tools\":true") != NULL)
		calls = calls_of(world, token);
	if (calls != NULL)
		return keepf(
			world,
			"{\"token\":%lld,\"result\":{\"answer\":\"so\",\"calls\":[%s],"
			"\"usage\":{\"prompt_tokens\":25}}}",
			token, calls);
	if (!well && pick(world, 4) == 0)
		return keepf(world, "{\"token\":%lld,\"result\":{\"answer\":\"\"}}",
					 token);
	return keepf(
		world, "{\"token\":%lld,\"result\":{\"answer\":\"{\\\"m\\\":%lld}\"}}",
		token, token);
}

/*
 * What an agent has asked for: may it?
 */
void
check_agent(World *world, const HitlEffect *effect)
{
	int64_t i;

	if (effect->kind == HITL_EFFECT_RUN_SQL)
		check_payment(world, effect);
	if (effect->kind == HITL_EFFECT_RUN_TASK)
		check_memory(world, effect);
	if (effect->kind == HITL_EFFECT_REQUEST_APPROVAL)
		return;
	for (i = 0; i < world->asked.count; i++)
	{
		const Asked *other = &world->asked.items[i];

		if (other->open && other->scope == effect->scope &&
			strcmp(other->position, effect->position) == 0 &&
			HITL_TOKEN_BRANCH(other->token) == HITL_TOKEN_BRANCH(effect->token))
			FAIL("%s goes on though it awaits %lld", effect->position,
				 (long long) other->token);
	}
}

/*
 * Take note of a message of a memory.
 */
void
add_remark(World *world, const HitlEffect *effect)
{
	const HitlJson *body;
	const HitlJson *memory;
	Remark remark;
	int64_t last;

	CHECK(hitl_json_parse(&world->arena, effect->body, strlen(effect->body), 0,
						  &body, NULL) == HITL_OK);
	memory = hitl_json_member(body, "memory");
	CHECK(memory != NULL && memory->count == 2);
	CHECK(hitl_json_integer(memory->first, &remark.segment));
	CHECK(hitl_json_integer(memory->first->next, &remark.number));
	last = last_remark(world, remark.segment);
	if (remark.number != last + 1)
		FAIL("message %lld of segment %lld is not the next one",
			 (long long) remark.number, (long long) remark.segment);
	*(Remark *) list_add(&world->arena, &world->remarks,
						 sizeof(Remark)) = remark;
}

/*
 * What is paid has been approved, by just this number.
 */
static void
check_payment(const World *world, const HitlEffect *effect)
{
	const char *params = strstr(effect->body, "\"params\":[");
	char number[60];
	int64_t i;

	if (strstr(effect->body, "pay(") == NULL)
		return;
	CHECK(params != NULL);
	snprintf(number, sizeof(number), "{\"n\":%ld}", atol(params + 10));
	for (i = 0; i < world->asked.count; i++)
	{
		const Asked *asked = &world->asked.items[i];

		if (asked->token != 0 && asked->kind == ASKED_APPROVAL &&
			asked->is_approved && strstr(asked->body, number) != NULL &&
			asked->scope == effect->scope &&
			strcmp(asked->position, effect->position) == 0)
			return;
	}
	FAIL("%s runs, which nobody has approved", effect->body);
}

/*
 * The last part of the memory is a segment as far as it goes, and the others
 * are no longer than theirs.
 */
static void
check_memory(World *world, const HitlEffect *effect)
{
	const HitlJson *body;
	const HitlJson *part;

	CHECK(hitl_json_parse(&world->arena, effect->body, strlen(effect->body), 0,
						  &body, NULL) == HITL_OK);
	part = hitl_json_member(body, "memory");
	CHECK(part != NULL && part->count > 0);
	for (part = part->first; part != NULL; part = part->next)
	{
		int64_t segment;
		int64_t count;
		int64_t last;

		CHECK(hitl_json_integer(part->first, &segment));
		CHECK(hitl_json_integer(part->first->next, &count));
		last = last_remark(world, segment);
		CHECK(last > 0 && count > 0);
		if (part->next == NULL ? count != last : count > last)
			FAIL("of segment %lld, which has %lld messages, %lld are said",
				 (long long) segment, (long long) last, (long long) count);
	}
}

/*
 * The number of the last message of a segment; 0 if it has none.
 */
static int64_t
last_remark(const World *world, int64_t segment)
{
	int64_t i = world->remarks.count;

	while (--i >= 0)
	{
		if (world->remarks.items[i].segment == segment)
			return world->remarks.items[i].number;
	}
	return 0;
}

/*
 * Calls, or NULL for none.  Numbers in them are like no others.
 */
static const char *
calls_of(World *world, long long token)
{
	long long n = token * 2;

	switch (pick(world, 12))
	{
		case 0:
		case 1:
			return keepf(
				world,
				"{\"id\":\"a\",\"name\":\"pay\",\"arguments\":{\"n\":%lld}}",
				n);
		case 2:
		case 3:
			return keepf(
				world,
				"{\"id\":\"a\",\"name\":\"pay\",\"arguments\":{\"n\":%lld}},"
				"{\"id\":\"a\",\"name\":\"look\",\"arguments\":{\"n\":%lld}},"
				"{\"name\":\"pay\",\"arguments\":{\"n\":%lld}}",
				n, n, n + 1);
		case 4:
			return keepf(
				world,
				"{\"name\":\"ask_human\",\"arguments\":{\"question\":\"%lld?\"}},"
				"{\"name\":\"pay\",\"arguments\":{\"n\":%lld}}",
				n, n);
		case 5:
			return keepf(
				world,
				"{\"name\":\"look\",\"arguments\":{\"n\":%lld}},"
				"{\"name\":\"create_checkpoint\",\"arguments\":{\"checkpoint_name\":\"mine\"}},"
				"{\"name\":\"look\",\"arguments\":{\"n\":%lld}}",
				n, n + 1);
		case 6:
			return keepf(world,
						 "{\"name\":\"rollback_to_checkpoint\",\"arguments\":"
						 "{\"checkpoint_name\":\"%s\",\"reason\":\"r\"}}",
						 pick(world, 3) ? "mine" : "one");
		case 7:
			return "{\"name\":\"dance\",\"arguments\":{}},{\"name\":\"pay\"},{}";
		case 8:
			return keepf(
				world,
				"{\"name\":\"other\",\"arguments\":{\"task\":\"%lld\"}},"
				"{\"name\":\"ship\",\"arguments\":{\"n\":%lld}}",
				n, n);
		case 9:
			return keepf(
				world,
				"{\"name\":\"final_answer\",\"arguments\":{\"answer\":{\"m\":%lld}}}",
				token);
		default:
			return NULL;
	}
}
