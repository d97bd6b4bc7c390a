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

/*
 * A host that finds something for most paths.  Each agent has the settings that
 * its context is, or, if that is NULL, these.
 */
extern const HitlHost fuzz_host;

/* The branches that it knows: their texts, which a run may set, too. */
#define FUZZ_BRANCHES 200
extern void set_branch(int64_t branch, const char *text);
extern void forget_branches(void);
extern void flush_branches(HitlControl *control);

/* The kind of message that a letter stands for. */
extern const char *kind_of(char letter);

/* A server's reply with any bytes as its body. */
extern const HitlJson *reply_with_body(HitlArena *arena, const char *status,
									   const char *provider,
									   const uint8_t *data, size_t size);

/* Must be JSON, or a text, that PostgreSQL would take; NULL is none. */
extern void must_be_json(const char *text);
extern void must_be_text(const char *text);
extern void must_be_sound(const HitlEffects *effects);

/* Control state to text and back; gives what came back. */
extern HitlControl *round_trip(const HitlDefinition *definition,
							   HitlControl *control);

#endif /* HITL_FUZZ_H */
