/*
 * agent_script.h
 *		The vectors of agents: what they ask for, and what they are given.
 *		test/vectors/agent/README.md describes them.
 */
#ifndef HITL_UNIT_AGENT_SCRIPT_H
#define HITL_UNIT_AGENT_SCRIPT_H

#include "core/agent.h"
#include "harness.h"

/* A place in a vector: its file, and the number of an entry of its script. */
typedef struct ScriptPlace
{
	const char *path;
	int entry;
} ScriptPlace;

#define MAX_ASKS 200

/* Something that was asked for, or that the host was told to do. */
typedef struct Ask
{
	HitlEffectKind kind;
	int64_t token;
	json_t *body;
	char *label;  /* by which the script names it, or NULL */
	char *answer; /* body of the message that answered it, or NULL */
	bool withdrawn;
	int64_t due_us; /* when it has taken too long, or 0 */
	bool renews;	/* that is when a budget renews */
} Ask;

typedef struct Script
{
	ScriptPlace place;
	json_t *vector;
	json_t *agents; /* settings by name */
	Workflow w;
	bool scarce; /* try each message without memory, too */
	Ask asks[MAX_ASKS];
	int nasks;
	int taken;			 /* by the script, so far */
	json_t *trail;		 /* all messages: data of their events */
	json_t *memory;		 /* those that the agent knows: numbers in it */
	json_t *checkpoints; /* by name: what to return to */
	json_t *status;		 /* "status" and "error", as last told */
} Script;

extern void run_agent_vector(const char *path);
extern void fail_script(const Script *script, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- agent_host.c ---------------------------------------------------- */

extern void script_send(Script *script, const char *kind, const char *body);
extern void script_collect(Script *script);

/* ---- agent_budget.c -------------------------------------------------- */

extern void open_budgets(Script *script);
extern void change_budget(Script *script, const json_t *given);
extern void let_budgets_renew(Script *script);
extern void count_usage(Script *script, const Ask *ask, const json_t *given);

/* ---- agent_request.c ------------------------------------------------- */

extern json_t *check_request(const ScriptPlace *place, const char *provider,
							 const char *settings, const json_t *messages,
							 bool tools);
extern bool json_matches(const json_t *expected, const json_t *got);

#endif /* HITL_UNIT_AGENT_SCRIPT_H */
