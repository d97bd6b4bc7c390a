/*
 * harness.h
 *		A small test harness, and a host for the core that lives in memory.
 *
 * A test file has functions TEST(name) and lists them in a suite; main.c runs
 * all suites and prints TAP.  A failed check does not end its test.
 */
#ifndef HITL_UNIT_HARNESS_H
#define HITL_UNIT_HARNESS_H

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/internal.h"

typedef struct Test
{
	const char *name;
	void (*run)(void);
} Test;

#define TEST(name) static void test_##name(void)
#define RUN(name) \
	{ \
#name, test_##name \
	}
#define SUITE(name, ...) const Test suite_##name[] = {__VA_ARGS__, {NULL, NULL}}

/* ---- checks --------------------------------------------------------- */

extern void report_failure(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
extern void check_text(const char *file, int line, const char *got,
					   const char *expected);
extern void check_integer(const char *file, int line, long long got,
						  long long expected);
extern const char *json_or_error(HitlResult result, char *body, char *error);
extern bool contains(const char *text, const char *part);

#define CHECK(condition) \
	((condition) \
		 ? (void) 0 \
		 : report_failure(__FILE__, __LINE__, "not true: %s", #condition))
#define CHECK_TEXT(got, expected) check_text(__FILE__, __LINE__, got, expected)
#define CHECK_INT(got, expected) \
	check_integer(__FILE__, __LINE__, got, expected)

/* ---- a host with data (host.c) -------------------------------------- */

typedef struct Memory
{
	HitlHost host;
	json_t *data;
	json_t *branches; /* rows by number */
	int64_t *ids;	  /* of the last list of branches */
	int loads;		  /* branches that were asked for */
	json_t *agents;	  /* settings by name, or NULL */
	json_t *budgets;  /* of agents, as they stand, by name, or NULL */
	json_t *answers;  /* texts handed to the core in this call */
	bool broken;	  /* every query fails */
	const char *raw;  /* answer to every query, if set */
} Memory;

extern void memory_init(Memory *memory, const char *data);
extern void memory_free(Memory *memory);
extern void memory_merge(Memory *memory, const char *delta);
extern void merge_delta(json_t *data, const char *delta);

/* ---- its branches (branches.c) --------------------------------------- */

extern json_t *memory_view(const Memory *memory, int64_t scope);
extern json_t *memory_data(const Memory *memory, int64_t scope);
extern void memory_flush(Memory *memory, HitlControl *control);
extern void memory_fork(Memory *memory, const HitlEffect *effect);
extern char *memory_join(Memory *memory, HitlControl *control,
						 const HitlEffect *effect);
extern void memory_remove(Memory *memory, const HitlEffect *effect);
extern int memory_active(const Memory *memory);
extern HitlQueryResult memory_load_branch(void *context, int64_t branch,
										  const char **text);
extern HitlQueryResult memory_list_branches(void *context, int64_t first,
											int64_t count,
											const int64_t **branches,
											int *found);

/* ---- a workflow under test (workflow.c) ------------------------------ */

typedef struct Workflow
{
	Memory memory;
	HitlDefinition *definition;
	HitlControl *control;
	HitlEffects effects; /* of the last message */
	int64_t now_us;
	char summary[4000]; /* of effects */
	char *pinned;		/* control of the last checkpoint */
	json_t *pinned_data;
	json_t *pinned_branches;
	char *join;			/* the reply to the last JOIN, or NULL */
	const char *reason; /* of returns to checkpoints, or NULL */
	bool keeps_control; /* goes on with it, not with what its text gives */
} Workflow;

extern void workflow_open(Workflow *workflow, const char *definition,
						  const char *data);
extern void workflow_close(Workflow *workflow);
extern HitlResult workflow_send(Workflow *workflow, const char *kind,
								const char *body);
extern HitlResult workflow_go(Workflow *workflow, const char *kind,
							  const char *body);
extern HitlResult workflow_rewind(Workflow *workflow, const char *checkpoint);
extern HitlResult workflow_return(Workflow *workflow);
extern const char *workflow_value(Workflow *workflow, const char *path);
extern const HitlEffect *find_effect(const Workflow *workflow,
									 HitlEffectKind kind);
extern void summarize(const HitlEffects *effects, char *text, size_t size);
extern const char *control_text(Workflow *workflow);

/* Send a message and check the summary of its effects. */
#define SEND(workflow, kind, body, expected) \
	(CHECK_INT(workflow_send(workflow, kind, body), HITL_OK), \
	 CHECK_TEXT((workflow)->summary, expected))

/* The same with all that follows without waiting. */
#define GO(workflow, kind, body, expected) \
	(CHECK_INT(workflow_go(workflow, kind, body), HITL_OK), \
	 CHECK_TEXT((workflow)->summary, expected))

/* Send a message that is refused for a reason. */
#define REFUSED(workflow, kind, body, reason) \
	(CHECK_INT(workflow_send(workflow, kind, body), HITL_INVALID), \
	 CHECK_TEXT((workflow)->effects.error, reason))

/* The one member of an effect's body, as JSON text (kept until the next call). */
extern const char *member_of(const char *json, const char *path);

/* ---- faults (faults.c) ----------------------------------------------- */

extern void report_faults(const char *file, int line, const HitlFaults *faults);
extern const char *fault_lines(const HitlFaults *faults);
extern void check_only_fault(const char *file, int line,
							 const HitlFaults *faults, const char *pointer,
							 const char *part);
extern void check_fault(const char *file, int line, const char *definition,
						const char *pointer, const char *part);

#define CHECK_FAULT(definition, pointer, part) \
	check_fault(__FILE__, __LINE__, definition, pointer, part)

/* ---- memory that runs out (main.c) ----------------------------------- */

extern long allocations_left; /* before malloc fails; -1: never */

#endif /* HITL_UNIT_HARNESS_H */
