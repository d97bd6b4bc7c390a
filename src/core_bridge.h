/*
 * core_bridge.h
 *		The way from the server to the pure core (core/core.h).
 */
#ifndef HITL_CORE_BRIDGE_H
#define HITL_CORE_BRIDGE_H

#include "postgres.h"

#include "core/core.h"

/* The functions of hitl_core.so, opened at the first call. */
extern const HitlCoreApi *hitl_core(void);

/* Report HITL_NO_MEMORY as PostgreSQL does. */
extern void hitl_core_out_of_memory(void) pg_attribute_noreturn();

#endif							/* HITL_CORE_BRIDGE_H */
