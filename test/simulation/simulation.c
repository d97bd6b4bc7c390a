/*
 * simulation.c
 *		Random definitions under random schedules, against invariants.
 *
 *	simulation RUNS SEED
 *
 * Run i uses the seed SEED + i and nothing else, so a failing run is repeated
 * by "simulation 1 <its seed>".  The host it plays delivers late, twice, out of
 * order and wrongly; it crashes between advancing and committing; it rewinds
 * to anywhere.  In the end it behaves, and the workflow must come to an end.
 */
#include "world.h"

#include <stdarg.h>

static uint64_t current_seed;
static World *current_world;

static void run(uint64_t seed);
static void misbehave(World *world);
static void behave(World *world);

/*
 * A check of the host's has failed.
 */
void
report_failure(const char *file, int line, const char *format, ...)
{
	va_list arguments;

	printf("%s:%d: ", file, line);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
	if (current_world != NULL)
		world_print(current_world);
	printf(
		"FAILED with seed %llu; repeat it with: make simulation RUNS=1 SEED=%llu\n",
		(unsigned long long) current_seed, (unsigned long long) current_seed);
	exit(1);
}

int
main(int argc, char **argv)
{
	long runs = argc > 1 ? atol(argv[1]) : 1000;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	long i;

	for (i = 0; i < runs; i++)
		run(seed + i);
	printf(
		"%ld runs from seed %llu: %llu messages, %llu rollbacks, all invariants held\n",
		runs, (unsigned long long) seed, (unsigned long long) totals.messages,
		(unsigned long long) totals.rollbacks);
	printf(
		"ended as completed %llu, failed %llu, rejected %llu, cancelled %llu\n",
		(unsigned long long) totals.completed,
		(unsigned long long) totals.failed,
		(unsigned long long) totals.rejected,
		(unsigned long long) totals.cancelled);
	return 0;
}

/*
 * One workflow from birth to end.
 */
static void
run(uint64_t seed)
{
	World world;
	int turns;

	current_seed = seed;
	world_init(&world, seed);
	current_world = &world;
	for (turns = pick(&world, 60); turns > 0; turns--)
		misbehave(&world);
	behave(&world);
	current_world = NULL;
	world_free(&world);
}

/*
 * One act of a host, or of a network, or of users, that has bad days.
 */
static void
misbehave(World *world)
{
	char body[200];

	switch (pick(world, 16))
	{
		case 0:
		case 1:
			world_send(world, "start", NULL);
			break;
		case 2:
		case 3:
		case 4:
			world_send(world, "continue", pick(world, 2) ? "{}" : NULL);
			break;
		case 5:
		case 6:
		case 7:
		case 8:
		case 9:
			/* answer what is asked; the answer may stay in the mailbox */
			world_answer(world, false);
			break;
		case 10:
			/* one that has been delivered before, or never asked for */
			world_redeliver(world);
			break;
		case 11:
			snprintf(body, sizeof(body),
					 "{\"token\":%d,\"outcome\":\"approved\",\"result\":{}}",
					 pick(world, 40));
			world_send_stray(world, pick(world, 2) ? "approval" : "reply",
							 body);
			break;
		case 12:
			world_send_faulty(world);
			break;
		case 13:
			world->memory.broken = true;
			world_send(world, pick(world, 2) ? "continue" : "start", NULL);
			world->memory.broken = false;
			break;
		case 14:
			if (pick(world, 3) == 0)
				world_rewind(world, pick(world, world->snapshots + 1) - 1);
			break;
		case 15:
			if (pick(world, 12) == 0)
				world_send(world, "cancel",
						   "{\"reason\":\"r\",\"actor\":\"a\"}");
			break;
	}
}

/*
 * Do as a host should, with good answers, until the workflow ends.
 */
static void
behave(World *world)
{
	int turns;

	for (turns = 0; !world_has_ended(world); turns++)
	{
		if (turns > 4 * HITL_STEP_BUDGET)
			report_failure(__FILE__, __LINE__,
						   "the workflow does not come to an end");
		if (strcmp(world->status, "pending") == 0 ||
			strcmp(world->status, "rolled_back") == 0)
			world_send(world, "start", NULL);
		else if (world->more)
			world_send(world, "continue", NULL);
		else if (!world_answer(world, true))
			report_failure(__FILE__, __LINE__,
						   "the workflow waits for nothing");
	}
	world_check_replay(world);
	if (strcmp(world->status, "completed") == 0)
		totals.completed++;
	else if (strcmp(world->status, "failed") == 0)
		totals.failed++;
	else if (strcmp(world->status, "rejected") == 0)
		totals.rejected++;
	else
		totals.cancelled++;
}
