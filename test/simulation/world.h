/*
 * world.h
 *		A host with its tables, in memory, that checks what the core asks of it.
 */
#ifndef HITL_SIMULATION_WORLD_H
#define HITL_SIMULATION_WORLD_H

#include "harness.h"

#define MAX_SNAPSHOTS 400

/* Something asked for: a row of approval_requests or of the outbox. */
typedef struct Asked
{
	int64_t token;
	bool approval; /* or a task */
	bool open;	   /* not answered, not withdrawn */
	char path[40];
	int attempt;
	char *body;
	char *answer; /* the message that answered it */
} Asked;

/* A place to return to. */
typedef struct Snapshot
{
	char *name; /* of a checkpoint, or NULL */
	char *control;
	json_t *data;
} Snapshot;

typedef struct World
{
	uint64_t random;
	Memory memory; /* the host and $ */
	char *text;	   /* of the definition */
	HitlDefinition *definition;
	HitlControl *control;
	char status[20];
	bool more;
	int64_t now_us;
	int64_t token; /* the last one seen */
	Asked *asked;
	int asked_count;
	int asked_capacity;
	Snapshot snapshot[MAX_SNAPSHOTS];
	int snapshots;
	json_t *history;  /* deltas, and data restored by rollbacks */
	char trail[4000]; /* the last messages and effects */
} World;

typedef struct Totals
{
	uint64_t messages;
	uint64_t rollbacks;
	uint64_t completed;
	uint64_t failed;
	uint64_t rejected;
	uint64_t cancelled;
} Totals;

extern Totals totals;

extern void world_init(World *world, uint64_t seed);
extern void world_free(World *world);
extern void world_print(const World *world);
extern int pick(World *world, int choices);
extern bool world_has_ended(const World *world);
extern void world_send(World *world, const char *kind, const char *body);
extern void world_send_stray(World *world, const char *kind, const char *body);
extern void world_send_faulty(World *world);
extern bool world_answer(World *world, bool well);
extern void world_redeliver(World *world);
extern void world_rewind(World *world, int snapshot);
extern void world_check_replay(World *world);

/* definition.c */
extern char *random_definition(World *world);

#endif /* HITL_SIMULATION_WORLD_H */
