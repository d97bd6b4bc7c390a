/*
 * acts.c
 *		What people, servers, clocks and networks do to a workflow.
 */
#include "world.h"

static const char *write_answer(World *world, const Asked *asked, bool well);
static const char *write_failure(World *world, const Asked *asked);
static const char *write_child(World *world, const Asked *asked, bool well);
static Asked *pick_asked(World *world);
static void skip_step(World *world);
static void retry_workflow(World *world);

/*
 * Answer something that is open; false if nothing is.  The answer waits in
 * the mailbox.  well: as one would wish.
 */
bool
world_answer(World *world, bool well)
{
	static const char *const kinds[] =
		{[ASKED_APPROVAL] = "approval", [ASKED_TASK] = "reply",
		 [ASKED_SQL] = "reply",			[ASKED_HTTP] = "reply",
		 [ASKED_EXTERNAL] = "reply",	[ASKED_CHILD] = "child"};
	Asked *asked = pick_asked(world);

	if (asked == NULL)
		return false;
	if (asked->kind == ASKED_SIGNAL)
	{
		Letter *signal = list_add(&world->arena, &world->signals,
								  sizeof(Letter));

		signal->kind = asked->name;
		signal->body = keepf(world, "{\"k\":%s,\"m\":%d}",
							 strstr(asked->body, "== 1") ? "1" : "0",
							 ++world->signal);
		hand_out(world);
		return true;
	}
	asked->is_sent = true;
	world_post(world, kinds[asked->kind],
			   asked->kind == ASKED_CHILD ? write_child(world, asked, well)
										  : write_answer(world, asked, well),
			   asked->token);
	return true;
}

/*
 * Put a message into the mailbox.
 */
void
world_post(World *world, const char *kind, const char *body, int64_t token)
{
	Letter *letter = list_add(&world->arena, &world->mailbox, sizeof(Letter));

	letter->kind = kind;
	letter->body = body;
	letter->token = token;
}

/*
 * Deliver a message of the mailbox; false if there is none.
 */
bool
world_deliver(World *world, bool in_order)
{
	Letter letter;
	int64_t which = 0;

	if (world->mailbox.count == 0)
		return false;
	if (!in_order)
		which = pick(world, (int) world->mailbox.count);
	letter = world->mailbox.items[which];
	if (world_send(world, letter.kind, letter.body) != HITL_OK)
		return true; /* it stays, and comes again */
	world->mailbox.items[which] = world->mailbox.items[--world->mailbox.count];
	if (world->delivered.count < 64)
		*(Letter *) list_add(&world->arena, &world->delivered,
							 sizeof(Letter)) = letter;
	else
		world->delivered.items[pick(world, 64)] = letter;
	return true;
}

/*
 * Deliver a message once more; false if none was.
 */
bool
world_redeliver(World *world)
{
	Letter letter;
	Asked *asked;

	if (world->delivered.count == 0)
		return false;
	letter = world->delivered.items[pick(world, (int) world->delivered.count)];
	asked = find_asked(world, letter.token);
	CHECK(asked != NULL && !asked->open);
	totals.duplicates++;
	world_send(world, letter.kind, letter.body);
	return true;
}

/*
 * Let time pass, to the next timer if far; false if there is none.
 */
bool
world_pass_time(World *world, bool far)
{
	Asked *next = NULL;
	int64_t i;

	for (i = 0; i < world->asked.count; i++)
	{
		Asked *asked = &world->asked.items[i];

		if (asked->open && asked->due_us > 0 &&
			(next == NULL || asked->due_us < next->due_us ||
			 (asked->due_us <= world->now_us && pick(world, 2) == 0)))
			next = asked;
	}
	if (next == NULL || (!far && next->due_us > world->now_us))
	{
		world->now_us += pick(world, 30) * INT64_C(1000000);
		return next != NULL;
	}
	if (world->now_us < next->due_us)
		world->now_us = next->due_us;
	world_send(world, "timer",
			   keepf(world, "{\"token\":%lld}", (long long) next->token));
	return true;
}

/*
 * Send a signal, perhaps before anybody waits for it.
 */
void
world_send_signal(World *world)
{
	Letter *signal = list_add(&world->arena, &world->signals, sizeof(Letter));

	signal->kind = pick(world, 2) ? "red" : "blue";
	signal->body = keepf(world, "{\"k\":%d,\"m\":%d}", pick(world, 2),
						 ++world->signal);
	hand_out(world);
}

/*
 * Somebody tells the workflow what to do.
 */
void
world_command(World *world)
{
	static const char order[] = "{\"reason\":\"r\",\"actor\":\"a\"}";
	bool is_paused = strcmp(world->status, "paused") == 0;
	bool is_under_way = strcmp(world->status, "running") == 0 ||
		strncmp(world->status, "waiting", 7) == 0;
	HitlResult result;

	switch (pick(world, 12))
	{
		case 0:
		case 1:
			result = world_send(world, "pause", order);
			if (!world->failed_outside)
				CHECK((result == HITL_OK) == is_under_way);
			break;
		case 2:
		case 3:
			result = world_send(world, "resume", order);
			CHECK((result == HITL_OK) == is_paused);
			break;
		case 4:
			if (!world_has_ended(world) && pick(world, 6) == 0)
				world_send(world, "cancel", order);
			break;
		case 5:
		case 6:
			retry_workflow(world);
			break;
		case 7:
		case 8:
			skip_step(world);
			break;
		default:
			if (world->restored++ < 5)
				world_order_rollback(world);
			break;
	}
}

/*
 * Send a message that is malformed, most of all for an open token.
 */
void
world_send_faulty(World *world)
{
	static const char *const faulty[][2] =
		{{"approval", "{\"token\":%d}"},
		 {"approval", "{\"token\":%d,\"outcome\":\"yes\"}"},
		 {"approval", "{\"token\":\"%d\",\"outcome\":\"approved\"}"},
		 {"approval", "{\"token\":%d,\"outcome\":\"approved\",\"feedback\":1}"},
		 {"reply", "{\"token\":%d}"},
		 {"reply", "{\"token\":%d,\"error\":[]}"},
		 {"reply", "{\"token\":%d,\"status\":true}"},
		 {"reply", "{\"token\":%d,"},
		 {"timer", "{\"token\":\"%d\"}"},
		 {"skip", "{\"step\":%d}"},
		 {"skip", "{\"step\":\"%d\"}"},
		 {"rollback", "{\"undo\":%d}"},
		 {"rollback", "{\"checkpoint\":\"%d\",\"undo\":[{\"event\":1}]}"},
		 {"poke", "{\"token\":%d}"}};
	int which = pick(world, sizeof(faulty) / sizeof(faulty[0]));
	bool may_follow = which >= 9;

	if (world_send(world, faulty[which][0],
				   keepf(world, faulty[which][1], (int) world->token + 1)) !=
		HITL_INVALID)
		CHECK(world_has_ended(world) && !may_follow);
}

/*
 * Something open that nobody has answered, or NULL.
 */
static Asked *
pick_asked(World *world)
{
	Asked *found = NULL;
	int seen = 0;
	int64_t i;

	for (i = 0; i < world->asked.count; i++)
	{
		Asked *asked = &world->asked.items[i];

		if (asked->open && !asked->is_sent && asked->kind != ASKED_TIMER &&
			asked->kind != ASKED_JOIN && pick(world, ++seen) == 0)
			found = asked;
	}
	return found;
}

/*
 * The answer to an approval request, task, statement or call.
 */
static const char *
write_answer(World *world, const Asked *asked, bool well)
{
	static const char *const outcomes[] = {"approved", "rejected", "expired",
										   "cancelled"};
	long long token = asked->token;

	if (asked->kind == ASKED_APPROVAL && !well && pick(world, 12) == 0)
		return write_failure(world, asked); /* they cannot be asked */
	if (asked->kind == ASKED_APPROVAL)
		return keepf(
			world,
			"{\"token\":%lld,\"outcome\":\"%s\",\"approver_id\":\"bob\","
			"\"response_data\":{\"m\":%lld}}",
			token,
			well || pick(world, 3) ? "approved" : outcomes[pick(world, 4)],
			token);
	if (!well && pick(world, 3) == 0)
		return write_failure(world, asked);
	if (asked->kind == ASKED_TASK && is_of_agent(world, asked->position))
		return agent_says(world, asked, well);
	switch (asked->kind)
	{
		case ASKED_SQL:
			return keepf(world,
						 "{\"token\":%lld,\"result\":{\"rows\":[{\"m\":%lld}],"
						 "\"count\":1}}",
						 token, token);
		case ASKED_HTTP:
			return keepf(world,
						 "{\"token\":%lld,\"status\":200,\"headers\":{},"
						 "\"body\":\"{\\\"m\\\":%lld}\"}",
						 token, token);
		default:
			return keepf(
				world, "{\"token\":%lld,\"result\":{\"answer\":{\"m\":%lld}}}",
				token, token);
	}
}

/*
 * An answer that is a failure.
 */
static const char *
write_failure(World *world, const Asked *asked)
{
	static const char *const kinds[] = {"timeout", "rate_limit",
										"service_unavailable",
										"validation_error", "odd"};

	if (asked->kind == ASKED_HTTP && pick(world, 2))
		return keepf(world, "{\"token\":%lld,\"status\":%d,\"body\":null}",
					 (long long) asked->token, pick(world, 2) ? 503 : 400);
	return keepf(
		world, "{\"token\":%lld,\"error\":{\"kind\":\"%s\",\"message\":\"m\"}}",
		(long long) asked->token, kinds[pick(world, 5)]);
}

/*
 * A child workflow has ended, or could not be started.
 */
static const char *
write_child(World *world, const Asked *asked, bool well)
{
	static const char *const ends[] = {"failed", "rejected", "cancelled"};
	long long token = asked->token;

	if (well || pick(world, 2))
		return keepf(world,
					 "{\"token\":%lld,\"workflow_id\":\"w\","
					 "\"status\":\"completed\",\"result\":{\"m\":%lld}}",
					 token, token);
	if (pick(world, 4) == 0)
		return keepf(world,
					 "{\"token\":%lld,\"status\":\"failed\",\"error\":"
					 "{\"kind\":\"validation_error\",\"message\":\"none\"}}",
					 token);
	return keepf(world,
				 "{\"token\":%lld,\"workflow_id\":\"w\",\"status\":\"%s\","
				 "\"result\":{\"m\":%lld},"
				 "\"error\":{\"kind\":\"timeout\",\"message\":\"late\"}}",
				 token, ends[pick(world, 3)], token);
}

/*
 * Skip a step that is under way, or one that is not.
 */
static void
skip_step(World *world)
{
	int64_t id = pick(world, (int) world->branches.count);
	const Branch *branch = &world->branches.items[id];
	const HitlStep *step;

	if (world->restored++ > 5)
		return;
	if (world->committed == NULL)
		world_commit(world);
	if (branch->state == NULL || (id > 0 && branch->status != BRANCH_ACTIVE))
		branch = &world->branches.items[0];
	if (branch->state == NULL)
		return;
	step = hitl_find_step(&world->definition->by_path, branch->position);
	world->skipped = step->name;
	world->may_return = is_failed(world);
	if (world_send(world, "skip",
				   keepf(world, "{\"step\":\"%s\",\"scope\":%lld%s}",
						 step->name, (long long) branch->scope,
						 pick(world, 2) ? ",\"result\":{\"m\":0}" : "")) ==
		HITL_OK)
		world->failed_outside = false;
	world->may_return = false;
	world->skipped = NULL;
}

/*
 * Let a workflow that has failed go on.
 */
static void
retry_workflow(World *world)
{
	HitlResult result;
	bool failed = is_failed(world);

	if (!failed || world->restored++ > 5)
		return;
	world->may_return = true;
	result = world_send(world, "retry", "{\"reason\":\"r\",\"actor\":\"a\"}");
	CHECK(result == HITL_OK);
	CHECK(!is_failed(world) || world->events.count > 0);
	world->failed_outside = false;
	world->may_return = false;
}
