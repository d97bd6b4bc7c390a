/*
 * agent_script.h
 *		The vectors of agents: what they ask for, and what they are given.
 *		test/vectors/agent/README.md describes them.
 */
#ifndef HITL_UNIT_AGENT_SCRIPT_H
#define HITL_UNIT_AGENT_SCRIPT_H

#include "core/agent.h"
#include "harness.h"

extern void run_agent_vector(const char *path);

/* ---- agent_request.c ------------------------------------------------- */

/* A place in a vector: its file, and the number of an entry of its script. */
typedef struct ScriptPlace
{
	const char *path;
	int entry;
} ScriptPlace;

extern json_t *check_request(const ScriptPlace *place, const char *provider,
							 const char *settings, const json_t *messages,
							 bool tools);
extern bool json_matches(const json_t *expected, const json_t *got);

#endif /* HITL_UNIT_AGENT_SCRIPT_H */
