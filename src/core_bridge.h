/*
 * core_bridge.h
 *		The way from the server to the pure core (core/core.h).
 */
#ifndef HITL_CORE_BRIDGE_H
#define HITL_CORE_BRIDGE_H

#include "postgres.h"

#include "core/core.h"
#include "nodes/execnodes.h"

/* The functions of hitl_core.so, opened at the first call. */
extern const HitlCoreApi *hitl_core(void);

/* Report HITL_NO_MEMORY as PostgreSQL does. */
extern void hitl_core_out_of_memory(void) pg_attribute_noreturn();

/*
 * NULL for HITL_OK, else why not, palloc'd; error, which the core allocated,
 * is freed.  ERRORs when the core ran out of memory.
 */
extern char *hitl_core_fault(HitlResult result, char *error);

/* Raise the error that a callback could not let pass through the core. */
extern void hitl_core_rethrow(ErrorData *error) pg_attribute_noreturn();

/* Put faults into a result, a row (pointer, message) each, and free them. */
extern void hitl_put_faults(ReturnSetInfo *result, HitlFaults *faults);

/* Faults as lines "pointer: message", and free them; document: what stands for
 * the empty pointer. */
extern char *hitl_list_faults(HitlFaults *faults, const char *document);

#endif /* HITL_CORE_BRIDGE_H */
