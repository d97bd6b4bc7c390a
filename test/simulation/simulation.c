/*
 * simulation.c
 *		Random definitions under random schedules, against invariants.
 *
 *	simulation RUNS SEED
 *
 * Run i uses the seed SEED + i and nothing else, so a failing run is repeated,
 * and told step by step, by "simulation 1 <its seed>".  The host it plays
 * delivers late, twice, out of order and wrongly; it crashes between advancing
 * and committing; its callbacks fail; people pause, retry, skip and roll back.
 * In the end it behaves, and the workflow must come to an end.
 */
#include "world.h"

#include <stdarg.h>
#include <unistd.h>

/* Runs of one definition, one after the other. */
#define SCHEDULES 8

/* So many runs are told of, for whoever waits for the end of a million. */
#define PROGRESS 100000

bool tracing;

static uint64_t current_seed;

static HitlArena definition_arena;
static const char *definition_text;
static HitlDefinition *definition;
static uint64_t definition_seed;

static void make_definition(uint64_t seed);
static void run(uint64_t seed);
static void misbehave(World *world);
static void behave(World *world);

/*
 * A check has failed: tell the story of the run, and stop.
 */
void
fail(const char *file, int line, const char *format, ...)
{
	va_list arguments;

	printf("%s:%d: ", file, line);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
	if (!tracing)
	{
		char seed[30];

		printf(
			"FAILED with seed %llu; repeat it with: make simulation RUNS=1 SEED=%llu\n",
			(unsigned long long) current_seed,
			(unsigned long long) current_seed);
		fflush(stdout);
		snprintf(seed, sizeof(seed), "%llu", (unsigned long long) current_seed);
		execl("/proc/self/exe", "simulation", "1", seed, (char *) NULL);
	}
	exit(1);
}

int
main(int argc, char **argv)
{
	long runs = argc > 1 ? atol(argv[1]) : 1000;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	long i;

	tracing = runs == 1;
	for (i = 0; i < runs; i++)
	{
		if (i > 0 && i % PROGRESS == 0)
		{
			printf("%ld of %ld schedules\n", i, runs);
			fflush(stdout);
		}
		run(seed + i);
	}
	hitl_free_definition(definition);
	hitl_arena_free(&definition_arena);
	printf("%ld schedules from seed %llu: %llu messages, %llu duplicates, "
		   "%llu crashes, %llu failed callbacks\n",
		   runs, (unsigned long long) seed,
		   (unsigned long long) totals.messages,
		   (unsigned long long) totals.duplicates,
		   (unsigned long long) totals.crashes,
		   (unsigned long long) totals.failures);
	printf("%llu branches, %llu retries, %llu rollbacks, %llu steps undone\n",
		   (unsigned long long) totals.branches,
		   (unsigned long long) totals.retried,
		   (unsigned long long) totals.rollbacks,
		   (unsigned long long) totals.undone);
	printf(
		"ended as completed %llu, failed %llu, rejected %llu, cancelled %llu; "
		"all invariants held\n",
		(unsigned long long) totals.completed,
		(unsigned long long) totals.failed,
		(unsigned long long) totals.rejected,
		(unsigned long long) totals.cancelled);
	return 0;
}

/*
 * The definition of a seed, unless it is that of the run before.
 */
static void
make_definition(uint64_t seed)
{
	HitlFaults faults = {0};
	World writer = {.random = seed * 88172645463325252u + 1};

	if (definition != NULL && definition_seed == seed)
		return;
	hitl_free_definition(definition);
	definition = NULL;
	hitl_arena_free(&definition_arena);
	definition_seed = seed;
	definition_text = random_definition(&writer, &definition_arena);
	TRACE("%s\n", definition_text);
	if (hitl_parse_definition(definition_text, NULL, &definition, &faults) !=
		HITL_OK)
		FAIL("%s: %s", faults.items[0].pointer, faults.items[0].message);
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
	make_definition(seed / SCHEDULES);
	world_init(&world, seed, definition, definition_text);
	if (pick(&world, 8))
		world_send(&world, "start",
				   pick(&world, 6)
					   ? NULL
					   : keepf(&world, "{\"deadline_us\":%lld}",
							   (long long) world.now_us - 100000000 +
								   pick(&world, 2000) * INT64_C(1000000)));
	for (turns = pick(&world, 120); turns > 0; turns--)
		misbehave(&world);
	behave(&world);
	world_free(&world);
}

/*
 * One act of a host, or of a network, or of users, that has bad days.
 */
static void
misbehave(World *world)
{
	/* What has ended is only of interest when it is brought back. */
	switch (pick(world, 3) == 0 && world_has_ended(world) ? 22
														  : pick(world, 25))
	{
		case 0:
			if (!world->failed_outside)
				world_send(world, "start", NULL);
			break;
		case 1:
		case 2:
		case 3:
		case 4:
		case 5:
			if (!world->failed_outside && (world->more || pick(world, 4) == 0))
				world_send(world, "continue", pick(world, 2) ? "{}" : NULL);
			break;
		case 6:
		case 7:
		case 8:
		case 9:
		case 10:
			world_answer(world, false);
			break;
		case 11:
		case 12:
		case 13:
		case 14:
		case 15:
			world_deliver(world, false);
			break;
		case 16:
			world_redeliver(world);
			break;
		case 17:
			world_pass_time(world, true);
			break;
		case 18:
			world_pass_time(world, false);
			break;
		case 19:
			world_send_signal(world);
			break;
		case 20:
			world_send_faulty(world);
			break;
		case 21:
			/* the host cannot do what it is asked */
			if (world->committed == NULL)
				world_commit(world);
			world->calls_left = pick(world, 3);
			if (pick(world, 2))
				world_deliver(world, false);
			else if (!world->failed_outside)
				world_send(world, world->more ? "continue" : "start", NULL);
			world->calls_left = -1;
			break;
		default:
			world_command(world);
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
		if (turns > 200 * HITL_STEP_BUDGET)
			FAIL("the workflow does not come to an end");
		if (strcmp(world->status, "pending") == 0 ||
			strcmp(world->status, "rolled_back") == 0)
			world_send(world, "start", NULL);
		else if (strcmp(world->status, "paused") == 0)
			CHECK(world_send(world, "resume", NULL) == HITL_OK);
		else if (world->more)
			world_send(world, "continue", NULL);
		else if (!world_deliver(world, true) && !world_answer(world, true) &&
				 !world_pass_time(world, true))
			FAIL("the workflow waits for nothing");
	}
	if (world->committed == NULL)
		world_commit(world);
	world_check(world);
	check_replay(world);
	if (strcmp(world->status, "completed") == 0)
		totals.completed++;
	else if (strcmp(world->status, "failed") == 0)
		totals.failed++;
	else if (strcmp(world->status, "rejected") == 0)
		totals.rejected++;
	else
		totals.cancelled++;
}
