/*
 * core_bridge.h
 *		The core library as the server sees it.
 */
#ifndef HITL_CORE_BRIDGE_H
#define HITL_CORE_BRIDGE_H

#include "core/core.h"

/* The functions of hitl_core.so; loads it at the first call, ERRORs if it cannot. */
extern const HitlCoreApi *hitl_core(void);

#endif /* HITL_CORE_BRIDGE_H */
