/*
 * undo.c
 *		Returning to checkpoints: what was done since is taken back first.
 */
#include "world.h"

static int64_t find_snapshot(const World *world, const char *name);
static const char *list_undone(World *world, int64_t since);
static bool is_undone(const World *world, int64_t number);
static void fail_outside(World *world);
static void rewind_to(World *world, int64_t number);

/*
 * The core has asked for a checkpoint.  token: of a reply, if there is none.
 */
void
world_roll_back(World *world, const char *checkpoint, const char *body,
				int64_t token)
{
	int64_t snapshot = find_snapshot(world, checkpoint);
	const char *undo;

	if (snapshot < 0 && token != 0)
	{
		world_post(world, "reply",
				   keepf(world,
						 "{\"token\":%lld,\"error\":{\"kind\":"
						 "\"validation_error\",\"message\":\"none\"}}",
						 (long long) token),
				   token);
		return;
	}

	/* Who awaits a reply is still under way. */
	if (token == 0)
		world->status = "rolled_back";
	if (snapshot < 0)
	{
		fail_outside(world);
		return;
	}
	undo = list_undone(world, world->snapshots.items[snapshot].event);
	if (strstr(body, "\"undone\":true") != NULL)
	{
		/* and all of that has been done */
		if (strcmp(undo, "[]") != 0)
			FAIL("back to \"%s\" without taking back %s", checkpoint, undo);
		rewind_to(world, snapshot);
	}
	else if (strcmp(undo, "[]") == 0)
		rewind_to(world, snapshot);
	else
	{
		world->answered = NULL;
		CHECK(world_send(world, "rollback",
						 keepf(world, "{\"checkpoint\":\"%s\",\"undo\":%s%s}",
							   checkpoint, undo,
							   strstr(body, "\"resume\":true") != NULL
								   ? ",\"resume\":true"
								   : "")) == HITL_OK);
	}
}

/*
 * Somebody wants the workflow to return to a checkpoint.
 */
void
world_order_rollback(World *world)
{
	const char *name;
	int64_t snapshot;

	if (world->snapshots.count == 0)
		return;
	name = world->snapshots.items[pick(world, (int) world->snapshots.count)]
			   .name;
	snapshot = find_snapshot(world, name);
	world->may_return = true;
	if (world_send(world, "rollback",
				   keepf(world,
						 "{\"checkpoint\":\"%s\",\"reason\":\"r\","
						 "\"actor\":\"a\",\"undo\":%s}",
						 name,
						 list_undone(
							 world, world->snapshots.items[snapshot].event))) ==
		HITL_OK)
		world->failed_outside = false;
	world->may_return = false;
}

/*
 * The newest checkpoint of a name; -1 for none.
 */
static int64_t
find_snapshot(const World *world, const char *name)
{
	int64_t i;

	for (i = world->snapshots.count - 1; i >= 0; i--)
	{
		if (strcmp(world->snapshots.items[i].name, name) == 0)
			break;
	}
	return i;
}

/*
 * The step runs since an event that are to be taken back, newest first.
 */
static const char *
list_undone(World *world, int64_t since)
{
	HitlBuffer list;
	int64_t i;

	hitl_buffer_init(&list, &world->arena);
	hitl_append_char(&list, '[');
	for (i = world->events.count - 1; i >= since; i--)
	{
		const Event *event = &world->events.items[i];

		if (!event->has_undo || strcmp(event->type, "step_completed") != 0 ||
			is_undone(world, i + 1))
			continue;
		hitl_append_format(&list, "%s{\"event\":%d,\"position\":\"%s\"}",
						   list.length > 1 ? "," : "", (int) i + 1,
						   event->position);
	}
	hitl_append_char(&list, ']');
	return hitl_buffer_text(&list);
}

/*
 * Has a step run been taken back?
 */
static bool
is_undone(const World *world, int64_t number)
{
	int64_t i;

	for (i = number; i < world->events.count; i++)
	{
		if (world->events.items[i].undone == number)
			return true;
	}
	return false;
}

/*
 * There is no such checkpoint: the host fails the workflow.
 */
static void
fail_outside(World *world)
{
	TRACE("  (failed by the host)\n");
	withdraw(world, 0);
	world->status = "failed";
	world->failed_outside = true;
	world->more = false;
}

/*
 * Load a checkpoint.
 */
static void
rewind_to(World *world, int64_t number)
{
	const Snapshot *snapshot = &world->snapshots.items[number];
	HitlEffects effects = {0};
	HitlControl *control;
	HitlResult result;
	Event *event;
	int64_t i;

	TRACE("(rewind to %s)\n", snapshot->name);
	world->calls_left = -1;
	for (i = 0; i < world->branches.count; i++)
	{
		if (i < snapshot->count)
			world->branches.items[i] = snapshot->branches[i];
		else
			memset(&world->branches.items[i], 0, sizeof(Branch));
	}
	result = hitl_rewind(world->definition, world->control, snapshot->control,
						 NULL, &world->host, &control, &effects);
	if (tracing)
		trace_effects(&effects);
	if (result != HITL_OK)
		FAIL("no way back: %s", effects.error == NULL ? "?" : effects.error);
	for (i = 0; i < effects.count; i++)
	{
		CHECK(effects.items[i].kind == HITL_EFFECT_WITHDRAW);
		withdraw(world, effects.items[i].token);
	}
	hitl_free_effects(&effects);
	hitl_free_control(world->control);
	world->control = control;
	world->status = "rolled_back";
	world->more = false;
	event = list_add(&world->arena, &world->events, sizeof(Event));
	memset(event, 0, sizeof(*event));
	event->type = "rolled_back";
	event->snapshot = (int) number;
	totals.rollbacks++;
	world_commit(world);
	for (i = 0; i < world->branches.count; i++)
	{
		const Branch *branch = &world->branches.items[i];

		if ((i == 0 || branch->status == BRANCH_ACTIVE) &&
			branch->state != NULL)
			CHECK(branch->token == 0);
	}
}
