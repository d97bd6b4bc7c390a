/*
 * identifier.h
 *		UUIDs of version 7 that carry a partition number.
 */
#ifndef HITL_IDENTIFIER_H
#define HITL_IDENTIFIER_H

#include "postgres.h"

#include "utils/uuid.h"

#define HITL_ANY_PARTITION (-1)
#define HITL_PARTITIONS	   4096

/* A new id; partition 0..4095, or HITL_ANY_PARTITION to draw one. */
extern pg_uuid_t hitl_new_id(int partition);

/* The partition number in an id. */
extern int hitl_id_partition(const pg_uuid_t *id);

/* palloc'd text of an id, for messages. */
extern char *hitl_id_text(const pg_uuid_t *id);

#endif /* HITL_IDENTIFIER_H */
