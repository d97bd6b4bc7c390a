/*
 * webhook_signature.c
 *		Signatures of webhooks, as Standard Webhooks 1.0.0 has them.
 *
 * Signed is "id.timestamp.body" with HMAC-SHA256; the key is the base64 part
 * of "whsec_...".  While a secret rotates there are several, and as many
 * signatures.
 */
#include "postgres.h"

#include "hitl.h"

#include "common/base64.h"
#include "lib/stringinfo.h"

#include "hmac.h"
#include "worker/dispatcher.h"

#define KEY_PREFIX	   "whsec_"
#define MIN_KEY_LENGTH 24
#define MAX_KEY_LENGTH 64
#define BLANKS		   " \t"

static bool sign_once(const uint8 *key, int key_length, const char *prefix,
					  const char *body, size_t body_length,
					  StringInfo signatures);

/*
 * The value of the header webhook-signature, or NULL if one of the secrets
 * (separated by blanks) is no key.
 */
char *
hitl_sign_webhook(const char *secrets, const char *id, int64 timestamp,
				  const char *body, size_t body_length)
{
	char *prefix = psprintf("%s." INT64_FORMAT ".", id, timestamp);
	StringInfoData signatures;

	initStringInfo(&signatures);
	secrets += strspn(secrets, BLANKS);
	while (*secrets != '\0')
	{
		size_t length = strcspn(secrets, BLANKS);
		const char *end = secrets + length;
		uint8 key[MAX_KEY_LENGTH];
		int key_length;
		bool done;

		if (length > strlen(KEY_PREFIX) &&
			strncmp(secrets, KEY_PREFIX, strlen(KEY_PREFIX)) == 0)
		{
			secrets += strlen(KEY_PREFIX);
			length -= strlen(KEY_PREFIX);
		}
		key_length = pg_b64_decode(secrets, (int) length, (char *) key,
								   sizeof(key));
		if (key_length < MIN_KEY_LENGTH)
			return NULL;
		done = sign_once(key, key_length, prefix, body, body_length,
						 &signatures);
		explicit_bzero(key, sizeof(key));
		if (!done)
			return NULL;
		secrets = end + strspn(end, BLANKS);
	}
	return signatures.len > 0 ? signatures.data : NULL;
}

/*
 * Append the signature by one key.
 */
static bool
sign_once(const uint8 *key, int key_length, const char *prefix,
		  const char *body, size_t body_length, StringInfo signatures)
{
	uint8 digest[PG_SHA256_DIGEST_LENGTH];
	char encoded[PG_SHA256_DIGEST_LENGTH * 2];
	int encoded_length;

	if (!hitl_hmac(key, key_length, prefix, body, body_length, digest))
		return false;

	encoded_length = pg_b64_encode((const char *) digest, sizeof(digest),
								   encoded, sizeof(encoded));
	if (encoded_length < 0)
		return false;
	appendStringInfo(signatures, "%sv1,%.*s", signatures->len > 0 ? " " : "",
					 encoded_length, encoded);
	return true;
}
