/*
 * idempotency.c
 *		Keys by which a caller can repeat a call without doing it twice.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "db.h"
#include "hitl.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "workflow/caller.h"
#include "workflow/idempotency.h"
#include "workflow/identifier.h"

/* In characters. */
#define MAX_KEY_LENGTH 255

static void check_key(const char *key);

/*
 * Take a key, or find what was made with it.
 */
bool
hitl_take_key(const char *kind, const char *key, Jsonb *content, pg_uuid_t *id)
{
	static HitlStatement insert = {
		"INSERT INTO hitl.idempotency_keys (owner, kind, key, content_hash, id) "
		"VALUES ($1, $2, $3, sha256(convert_to($4::text, 'UTF8')), $5) "
		"ON CONFLICT (owner, kind, key) DO NOTHING",
		5,
		{NAMEOID, TEXTOID, TEXTOID, JSONBOID, UUIDOID},
	};
	static HitlStatement find = {
		"SELECT id, content_hash = sha256(convert_to($4::text, 'UTF8')) "
		"FROM hitl.idempotency_keys WHERE owner = $1 AND kind = $2 AND key = $3",
		4,
		{NAMEOID, TEXTOID, TEXTOID, JSONBOID},
	};
	Datum values[5];
	bool isnull;

	check_key(key);
	values[0] = DirectFunctionCall1(namein, CStringGetDatum(hitl_caller()));
	values[1] = CStringGetTextDatum(kind);
	values[2] = CStringGetTextDatum(key);
	values[3] = JsonbPGetDatum(content);
	values[4] = UUIDPGetDatum(id);
	for (;;)
	{
		hitl_execute(&insert, values, NULL, 0);
		if (SPI_processed > 0)
			return true;
		hitl_execute(&find, values, NULL, 1);
		if (SPI_processed > 0)
			break;
		CHECK_FOR_INTERRUPTS(); /* it was just removed */
	}
	*id = *DatumGetUUIDP(hitl_column(0, 1, &isnull));
	if (!DatumGetBool(hitl_column(0, 2, &isnull)))
		ereport(ERROR,
				(errcode(ERRCODE_HITL_KEY_REUSED),
				 errmsg("idempotency key \"%s\" was used for something else", key),
				 errdetail("With it, %s %s was made, and not from the same arguments.",
						   kind, hitl_id_text(id)),
				 errhint("Repeat a call with the very arguments it had, or take another key.")));
	return false;
}

/*
 * A key is short, so that an index takes it, and says something.
 */
static void
check_key(const char *key)
{
	int length = pg_mbstrlen(key);

	if (length == 0 || length > MAX_KEY_LENGTH)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("idempotency_key must have 1 to %d characters", MAX_KEY_LENGTH)));
}
