/*
 * definition.h
 *		Definitions: checking, storing, and the parsed ones of this backend.
 */
#ifndef HITL_DEFINITION_H
#define HITL_DEFINITION_H

#include "postgres.h"

#include "common/sha2.h"
#include "core/core.h"
#include "utils/jsonb.h"

#define HITL_HASH_LENGTH PG_SHA256_DIGEST_LENGTH

/*
 * Check a definition and store it unless its content is there already;
 * ERRORs with all its faults.  Must be called within SPI.  hash is a bytea
 * palloc'd in the current context.
 */
extern bytea *hitl_store_definition(Jsonb *definition);

/*
 * The parsed definition with a hash, loaded within SPI if need be; NULL if
 * there is none.  It stays valid as long as the batch that asked for it.
 */
extern HitlDefinition *hitl_find_definition(bytea *hash);

/*
 * Forget parsed definitions if there are very many and no batch holds them.
 */
extern void hitl_trim_definitions(void);

/* Batches hold the definitions of their workflows. */
extern void hitl_hold_definitions(void);
extern void hitl_release_definitions(void);

#endif /* HITL_DEFINITION_H */
