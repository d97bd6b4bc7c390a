/*
 * payload.h
 *		JSON that programs outside hand to workflows.
 */
#ifndef HITL_PAYLOAD_H
#define HITL_PAYLOAD_H

#include "postgres.h"

#include "utils/jsonb.h"

/* ERROR unless it is small and flat enough to be passed on to a workflow. */
extern void hitl_check_payload(Jsonb *payload, const char *name);

/* ERROR unless a name is neither empty nor too long. */
extern char *hitl_check_name(text *name, const char *argument);

#endif /* HITL_PAYLOAD_H */
