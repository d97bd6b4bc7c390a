/*
 * hmac.h
 *		Codes that tell who wrote something.
 */
#ifndef HITL_HMAC_H
#define HITL_HMAC_H

#include "postgres.h"

#include "common/sha2.h"

/*
 * HMAC-SHA256 of a message that begins with a prefix; false if it could not be
 * computed.
 */
extern bool hitl_hmac(const void *key, size_t key_length, const char *prefix,
					  const void *message, size_t length,
					  uint8 code[PG_SHA256_DIGEST_LENGTH]);

#endif /* HITL_HMAC_H */
