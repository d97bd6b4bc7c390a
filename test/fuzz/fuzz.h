/*
 * fuzz.h
 *		What the fuzz targets share.
 */
#ifndef HITL_FUZZ_H
#define HITL_FUZZ_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/internal.h"

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold whatever the input is. */
#define MUST(condition) \
	do \
	{ \
		if (!(condition)) \
		{ \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, \
					#condition); \
			abort(); \
		} \
	} while (0)

/* A definition with every kind of step, gate and action. */
extern HitlDefinition *rich_definition(void);

/* The settings of an agent with every kind of tool. */
extern const char *const usual_agent;

/* A host that finds something for most paths; each agent is that one. */
extern const HitlHost fuzz_host;

/* The branches that it knows: their texts, which a run may set, too. */
#define FUZZ_BRANCHES 200
extern void set_branch(int64_t branch, const char *text);
extern void forget_branches(void);
extern void flush_branches(HitlControl *control);

/* Must be JSON that PostgreSQL would take; NULL is none. */
extern void must_be_json(const char *text);
extern void must_be_sound(const HitlEffects *effects);

/* Control state to text and back; gives what came back. */
extern HitlControl *round_trip(const HitlDefinition *definition,
							   HitlControl *control);

#endif /* HITL_FUZZ_H */
