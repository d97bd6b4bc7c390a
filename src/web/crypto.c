/*
 * crypto.c
 *		Tokens, and codes that tell who wrote something.
 */
#include "postgres.h"

#include "common/base64.h"
#include "hitl.h"
#include "hmac.h"
#include "utils/builtins.h"
#include "worker/dispatcher.h"

/* Of a token. */
#define TOKEN_BYTES 32

static bool same_bytes(const char *one, const char *other, size_t length);

PG_FUNCTION_INFO_V1(hitl_random_token);
PG_FUNCTION_INFO_V1(hitl_hmac_sha256);
PG_FUNCTION_INFO_V1(hitl_same_bytes);
PG_FUNCTION_INFO_V1(hitl_verify_webhook);

/*
 * hitl.random_token(): 32 random bytes in base64url, without padding.
 */
Datum
hitl_random_token(PG_FUNCTION_ARGS)
{
	uint8 bytes[TOKEN_BYTES];
	char text[TOKEN_BYTES * 2];
	int length;
	int i;

	if (!pg_strong_random(bytes, sizeof(bytes)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate a random token")));
	length = pg_b64_encode((const char *) bytes, sizeof(bytes), text,
						   sizeof(text));
	while (length > 0 && text[length - 1] == '=')
		length--;
	for (i = 0; i < length; i++)
		text[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
	PG_RETURN_TEXT_P(cstring_to_text_with_len(text, length));
}

/*
 * hitl.hmac_sha256(key, message)
 */
Datum
hitl_hmac_sha256(PG_FUNCTION_ARGS)
{
	bytea *key = PG_GETARG_BYTEA_PP(0);
	bytea *message = PG_GETARG_BYTEA_PP(1);
	bytea *code = palloc(VARHDRSZ + PG_SHA256_DIGEST_LENGTH);

	SET_VARSIZE(code, VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	if (!hitl_hmac(VARDATA_ANY(key), VARSIZE_ANY_EXHDR(key), "",
				   VARDATA_ANY(message), VARSIZE_ANY_EXHDR(message),
				   (uint8 *) VARDATA(code)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not compute a message authentication code")));
	PG_RETURN_BYTEA_P(code);
}

/*
 * hitl.same_bytes(one, other): in a time that does not tell where they differ.
 */
Datum
hitl_same_bytes(PG_FUNCTION_ARGS)
{
	bytea *one = PG_GETARG_BYTEA_PP(0);
	bytea *other = PG_GETARG_BYTEA_PP(1);

	PG_RETURN_BOOL(VARSIZE_ANY_EXHDR(one) == VARSIZE_ANY_EXHDR(other) &&
				   same_bytes(VARDATA_ANY(one), VARDATA_ANY(other),
							  VARSIZE_ANY_EXHDR(one)));
}

/*
 * hitl.verify_webhook(secrets, id, timestamp, body, signatures): is one of the
 * signatures by one of the secrets, both being separated by blanks?
 */
Datum
hitl_verify_webhook(PG_FUNCTION_ARGS)
{
	char *secrets = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char *id = text_to_cstring(PG_GETARG_TEXT_PP(1));
	int64 timestamp = PG_GETARG_INT64(2);
	text *body = PG_GETARG_TEXT_PP(3);
	char *given = text_to_cstring(PG_GETARG_TEXT_PP(4));
	char *expected = hitl_sign_webhook(secrets, id, timestamp,
									   VARDATA_ANY(body),
									   VARSIZE_ANY_EXHDR(body));
	bool found = false;

	explicit_bzero(secrets, strlen(secrets));
	if (expected == NULL)
	{
		/* One sender's fault is not that of the others. */
		ereport(LOG,
				(errmsg("a secret of a sender of webhooks is no key"),
				 errhint("A key is \"whsec_\" and 24 to 64 bytes in base64.")));
		PG_RETURN_BOOL(false);
	}
	while (*given != '\0')
	{
		size_t length = strcspn(given, " ");
		const char *wanted = expected;

		while (*wanted != '\0')
		{
			size_t wanted_length = strcspn(wanted, " ");

			if (length == wanted_length && same_bytes(given, wanted, length))
				found = true;
			wanted += wanted_length;
			wanted += strspn(wanted, " ");
		}
		given += length;
		given += strspn(given, " ");
	}
	PG_RETURN_BOOL(found);
}

/*
 * Are they the same?  All of them are looked at, whatever the first ones say.
 */
static bool
same_bytes(const char *one, const char *other, size_t length)
{
	volatile uint8 difference = 0;
	size_t i;

	for (i = 0; i < length; i++)
		difference |= (uint8) one[i] ^ (uint8) other[i];
	return difference == 0;
}
