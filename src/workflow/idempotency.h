/*
 * idempotency.h
 *		Keys by which a caller can repeat a call without doing it twice.
 */
#ifndef HITL_IDEMPOTENCY_H
#define HITL_IDEMPOTENCY_H

#include "postgres.h"

#include "utils/jsonb.h"
#include "utils/uuid.h"

/*
 * Take a key of the caller for what is about to be made with this id: kind is
 * workflow or approval, content all that the caller asked for.  True if the
 * key is new.  False if it was made before, *id then being what was made; an
 * ERROR if that was something else.  Waits for a transaction that is taking
 * the same key.
 */
extern bool hitl_take_key(const char *kind, const char *key, Jsonb *content,
						  pg_uuid_t *id);

#endif /* HITL_IDEMPOTENCY_H */
