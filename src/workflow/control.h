/*
 * control.h
 *		What the functions that steer workflows share.
 */
#ifndef HITL_CONTROL_H
#define HITL_CONTROL_H

#include "postgres.h"

#include "utils/jsonb.h"
#include "utils/uuid.h"

/* Take back the starts of a workflow that were put off. */
extern void hitl_forget_start(const pg_uuid_t *id);

/* {key: value} */
extern Jsonb *hitl_wrap(const char *key, Jsonb *value);

#endif /* HITL_CONTROL_H */
