/*
 * world.h
 *		A host with its tables, in memory, that checks what the core asks of it.
 *
 * All that a world has lies in one arena, and texts and data in it are never
 * changed, so that keeping a checkpoint is copying pointers.
 */
#ifndef HITL_SIMULATION_WORLD_H
#define HITL_SIMULATION_WORLD_H

#include "core/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- checks (simulation.c) ------------------------------------------ */

extern void fail(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4), noreturn));

#define CHECK(condition) \
	((condition) ? (void) 0 \
				 : fail(__FILE__, __LINE__, "not true: %s", #condition))
#define FAIL(...) fail(__FILE__, __LINE__, __VA_ARGS__)

extern bool tracing;

#define TRACE(...) (tracing ? (void) printf(__VA_ARGS__) : (void) 0)

/* ---- the data (data.c) ---------------------------------------------- */

/* A member of $.variables or $.steps; newer ones come first. */
typedef struct Member
{
	const struct Member *next;
	bool is_step;
	const char *name;
	const char *text; /* JSON */
} Member;

typedef enum BranchStatus
{
	BRANCH_NONE = 0, /* no such row */
	BRANCH_PREPARED,
	BRANCH_ACTIVE,
	BRANCH_COMPLETED,
	BRANCH_FAILED,
	BRANCH_CANCELLED
} BranchStatus;

/* A row of workflow_branches: a scope's data, and how a branch stands. */
typedef struct Branch
{
	bool is_scope; /* it has data of its own */
	int64_t outer; /* the scope around it */
	const Member *members;
	BranchStatus status;
	int64_t scope; /* whose data its steps see */
	const char *control;
	const char *result_step;

	/* read from control */
	const char *state;
	const char *position;
	int64_t token;
	const HitlJson *calls; /* of an agent, or NULL */
	HitlCounts counts;
} Branch;

/* ---- the tables ----------------------------------------------------- */

typedef enum AskedKind
{
	ASKED_APPROVAL,
	ASKED_TASK,
	ASKED_SQL,
	ASKED_HTTP,
	ASKED_EXTERNAL,
	ASKED_SIGNAL,
	ASKED_CHILD,
	ASKED_JOIN,
	ASKED_TIMER /* of a wait or a retry; else it is another one's limit */
} AskedKind;

/* Something asked for: a row of approval_requests, outbox, statements, …. */
typedef struct Asked
{
	int64_t token; /* 0: none has this counter */
	AskedKind kind;
	bool open;	  /* not answered, not withdrawn */
	bool is_sent; /* the answer is in the mailbox */
	int64_t scope;
	const char *step;
	const char *position;
	int attempt;
	const char *name; /* of a signal */
	const char *body;
	int64_t due_us; /* of its timer; 0: none */
	bool is_approved;
} Asked;

typedef struct Letter
{
	const char *kind;
	const char *body;
	int64_t token;
} Letter;

typedef struct Event
{
	const char *type;
	int64_t scope;
	const char *position;
	const char *step;
	const char *delta;
	int attempt;
	int64_t undone; /* of step_undone: the event */
	bool has_undo;	/* the step has */
	int snapshot;	/* that was restored after it; -1: none */
} Event;

/* A message of an agent's memory. */
typedef struct Remark
{
	int64_t segment;
	int64_t number;
} Remark;

/* A row of workflow_checkpoints. */
typedef struct Snapshot
{
	const char *name;
	const char *control;
	Branch *branches;
	int64_t count;
	int64_t event; /* how many there were before it */
	const Member *replayed;
} Snapshot;

/* An array that grows in the arena. */
#define LIST(type) \
	struct \
	{ \
		type *items; \
		int64_t count; \
		int64_t capacity; \
	}

typedef struct World
{
	HitlArena arena;
	uint64_t random;
	HitlHost host;
	const char *text; /* of the definition */
	HitlDefinition *definition;
	HitlControl *control;
	const char *committed; /* control as text; NULL: there are changes since */
	const char *status;
	bool more;
	bool is_rewinding; /* the core has asked for a checkpoint */
	int64_t now_us;
	int64_t token;			 /* the highest counter seen */
	LIST(Branch) branches;	 /* by number; 0 is the workflow's data */
	const Member *beginning; /* of the workflow's data */
	LIST(Asked) asked;		 /* by the counter of the token */
	LIST(Letter) mailbox;	 /* not yet delivered */
	LIST(Letter) delivered;	 /* of which some come again */
	LIST(Letter) signals;	 /* sent early; kind is the name */
	LIST(Event) events;
	LIST(Snapshot) snapshots;
	LIST(Remark) remarks;
	uint64_t *seen; /* what was asked for before: hashes */
	size_t seen_count;
	size_t seen_mask;
	int signal;
	int calls_left;	 /* of callbacks before one fails; -1: none does */
	int restored;	 /* commands that may bring an ended workflow back */
	bool may_return; /* the message under way is such a command */
	bool
		failed_outside; /* by the host; the control state knows nothing of it */
	const Asked *answered; /* by the message under way */
	const char *skipped;   /* step named by the message under way */
} World;

typedef struct Totals
{
	uint64_t messages;
	uint64_t rollbacks;
	uint64_t undone;
	uint64_t retried;
	uint64_t branches;
	uint64_t crashes;
	uint64_t failures; /* of host callbacks */
	uint64_t duplicates;
	uint64_t completed;
	uint64_t failed;
	uint64_t rejected;
	uint64_t cancelled;
} Totals;

extern Totals totals;

/* ---- random_definition.c -------------------------------------------- */

extern const char *random_definition(World *world, HitlArena *arena);

/* ---- data.c --------------------------------------------------------- */

extern void data_init(World *world);
extern void *list_add(HitlArena *arena, void *list, size_t size);
extern const char *keep(World *world, const char *text);
extern const char *keepf(World *world, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
extern Branch *branch_at(World *world, int64_t id);
extern const char *find_member(World *world, int64_t scope, bool is_step,
							   const char *name);
extern void set_member(World *world, int64_t scope, bool is_step,
					   const char *name, const char *text);
extern void merge_delta(World *world, Branch *branch, const char *delta);
extern bool payload_matches(World *world, const char *match,
							const char *payload);
extern void check_replay(World *world);
extern bool call_fails(World *world);
extern HitlQueryResult world_query(void *context, int64_t scope,
								   const char *path, const char **text);
extern HitlQueryResult world_load(void *context, int64_t branch,
								  const char **text);
extern HitlQueryResult world_list(void *context, int64_t first, int64_t count,
								  const int64_t **branches, int *found);

/* ---- world.c -------------------------------------------------------- */

extern void world_init(World *world, uint64_t seed, HitlDefinition *definition,
					   const char *text);
extern void world_free(World *world);
extern int pick(World *world, int choices);
extern bool world_has_ended(const World *world);
extern bool is_failed(const World *world);
extern HitlResult world_send(World *world, const char *kind, const char *body);
extern Asked *find_asked(World *world, int64_t token);
extern void world_commit(World *world);
extern void world_check(World *world);

/* ---- effects.c ------------------------------------------------------ */

extern void apply_effects(World *world, const HitlEffects *effects);
extern void withdraw(World *world, int64_t token);
extern void hand_out(World *world);
extern uint64_t hash_effects(const HitlEffects *effects);
extern void trace_effects(const HitlEffects *effects);

/* ---- agents.c ------------------------------------------------------- */

extern HitlQueryResult world_load_agent(void *context, const char *name,
										const char *version, const char **text);
extern HitlQueryResult world_load_budgets(void *context, const char *name,
										  const char **text);
extern HitlQueryResult world_test_path(void *context, const char *document,
									   const char *path, const char **text);
extern bool is_of_agent(const World *world, const char *position);
extern const char *agent_says(World *world, const Asked *asked, bool well);
extern void check_agent(World *world, const HitlEffect *effect);
extern void add_remark(World *world, const HitlEffect *effect);

/* ---- undo.c --------------------------------------------------------- */

extern void world_roll_back(World *world, const char *checkpoint,
							const char *body, int64_t token);
extern void world_order_rollback(World *world);

/* ---- acts.c --------------------------------------------------------- */

extern void world_post(World *world, const char *kind, const char *body,
					   int64_t token);
extern bool world_answer(World *world, bool well);
extern bool world_deliver(World *world, bool in_order);
extern bool world_redeliver(World *world);
extern bool world_pass_time(World *world, bool far);
extern void world_send_signal(World *world);
extern void world_command(World *world);
extern void world_send_faulty(World *world);

#endif /* HITL_SIMULATION_WORLD_H */
