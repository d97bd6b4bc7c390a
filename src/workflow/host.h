/*
 * host.h
 *		What the core asks of us while it runs.
 */
#ifndef HITL_HOST_H
#define HITL_HOST_H

#include "postgres.h"

#include "core/core.h"

struct HitlBatch;
struct HitlWorkflow;

/* What stands behind the callbacks of a HitlHost. */
typedef struct HitlHostData
{
	struct HitlBatch *batch;
	struct HitlWorkflow *workflow; /* that is being advanced; NULL: paths are
									* only checked */
	ErrorData *error;			   /* why a callback answered HOST_FAILED */
} HitlHostData;

extern void hitl_host_init(HitlHost *host, HitlHostData *host_data);

/* Raise the error that a callback could not let pass through the core. */
extern void hitl_host_rethrow(HitlHostData *host_data) pg_attribute_noreturn();

/*
 * In PG_CATCH: the answer of a callback that had an error.  evaluating: faults
 * of a path are one, *text says what they are; any other error is kept.
 */
extern HitlQueryResult hitl_keep_error(ErrorData **kept, MemoryContext context,
									   bool evaluating, const char **text);

#endif /* HITL_HOST_H */
