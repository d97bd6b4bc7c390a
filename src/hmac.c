/*
 * hmac.c
 *		Codes that tell who wrote something, by PostgreSQL's own functions.
 */
#include "postgres.h"

#include "common/hmac.h"

#include "hmac.h"

/*
 * HMAC-SHA256.
 */
bool
hitl_hmac(const void *key, size_t key_length, const char *prefix,
		  const void *message, size_t length,
		  uint8 code[PG_SHA256_DIGEST_LENGTH])
{
	pg_hmac_ctx *hmac = pg_hmac_create(PG_SHA256);
	bool done;

	if (hmac == NULL)
		return false;
	done = pg_hmac_init(hmac, key, key_length) >= 0 &&
		pg_hmac_update(hmac, (const uint8 *) prefix, strlen(prefix)) >= 0 &&
		pg_hmac_update(hmac, message, length) >= 0 &&
		pg_hmac_final(hmac, code, PG_SHA256_DIGEST_LENGTH) >= 0;
	pg_hmac_free(hmac);
	return done;
}
