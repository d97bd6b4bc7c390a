/*
 * child.h
 *		Child workflows, as others in the server see them.
 */
#ifndef HITL_CHILD_H
#define HITL_CHILD_H

#include "postgres.h"

#include "utils/uuid.h"

/*
 * Tell the parent, if it has one, of a workflow that was failed by a statement
 * of its own.  Within SPI.
 */
extern void hitl_tell_parent(const pg_uuid_t *id);

#endif /* HITL_CHILD_H */
