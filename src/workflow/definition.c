/*
 * definition.c
 *		Definitions: checking, storing, and the parsed ones of this backend.
 *
 * A definition is immutable and stored once under the SHA-256 of its jsonb
 * text.  Each backend keeps the ones it has parsed.
 */
#include "postgres.h"

#include "common/cryptohash.h"
#include "core_bridge.h"
#include "db.h"
#include "funcapi.h"
#include "hitl.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "workflow/data.h"
#include "workflow/definition.h"
#include "workflow/host.h"

/* Parsed definitions kept before hitl_trim_definitions forgets them all. */
#define MAX_PARSED 1000

typedef struct ParsedDefinition
{
	uint8 hash[HITL_HASH_LENGTH];
	HitlDefinition *definition;
} ParsedDefinition;

static HTAB *parsed = NULL;

/* Batches that use them. */
static int holders = 0;

static bool note_use(bytea *hash);
static bytea *content_hash(Jsonb *definition);
static HitlResult parse(Jsonb *definition, HitlDefinition **result,
						HitlFaults *faults);
static ParsedDefinition *remember(bytea *hash, HitlDefinition *definition);

PG_FUNCTION_INFO_V1(hitl_validate_definition);

/*
 * hitl.validate_definition(definition): every fault, one row each.
 */
Datum
hitl_validate_definition(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	HitlDefinition *definition = NULL;
	HitlFaults faults = {0};

	InitMaterializedSRF(fcinfo, 0);
	(void) parse(PG_GETARG_JSONB_P(0), &definition, &faults);
	hitl_put_faults(rsinfo, &faults);
	if (definition)
		hitl_core()->free_definition(definition);
	return (Datum) 0;
}

/*
 * Check a definition and store it unless it is there; its hash is returned.
 */
bytea *
hitl_store_definition(Jsonb *definition)
{
	static HitlStatement find = {
		"SELECT last_used_at < now() - interval '1 day' FROM hitl.definitions WHERE hash = $1",
		1,
		{BYTEAOID},
	};
	static HitlStatement insert = {
		"INSERT INTO hitl.definitions (hash, definition) VALUES ($1, $2) "
		"ON CONFLICT DO NOTHING",
		2,
		{BYTEAOID, JSONBOID},
	};
	bytea *hash = content_hash(definition);
	Datum values[2];
	bool isnull;

	hitl_trim_definitions();
	if (parsed == NULL ||
		hash_search(parsed, VARDATA(hash), HASH_FIND, NULL) == NULL)
	{
		HitlDefinition *result = NULL;
		HitlFaults faults = {0};

		if (parse(definition, &result, &faults) != HITL_OK)
		{
			int count = faults.count;
			char *detail = hitl_list_faults(&faults, "(document)");

			ereport(ERROR,
					(errcode(ERRCODE_HITL_INVALID_DEFINITION),
					 errmsg_plural("the workflow definition has %d fault",
								   "the workflow definition has %d faults", count, count),
					 errdetail_internal("%s", detail),
					 errhint("hitl.validate_definition(jsonb) lists the faults as rows.")));
		}
		hitl_core()->free_faults(&faults);
		remember(hash, result);
	}

	values[0] = PointerGetDatum(hash);
	values[1] = JsonbPGetDatum(definition);
	hitl_execute(&find, values, NULL, 1);
	if (SPI_processed == 0 ||
		(DatumGetBool(hitl_column(0, 1, &isnull)) && !note_use(hash)))
		hitl_execute(&insert, values, NULL, 0);
	return hash;
}

/*
 * The parsed definition with a hash.
 */
HitlDefinition *
hitl_find_definition(bytea *hash)
{
	static HitlStatement load = {
		"SELECT definition FROM hitl.definitions WHERE hash = $1",
		1,
		{BYTEAOID},
	};
	ParsedDefinition *entry = NULL;
	HitlDefinition *definition = NULL;
	HitlFaults faults = {0};
	Datum values[1];
	bool isnull;

	if (parsed)
		entry = hash_search(parsed, VARDATA_ANY(hash), HASH_FIND, NULL);
	if (entry)
		return entry->definition;

	values[0] = PointerGetDatum(hash);
	hitl_execute(&load, values, NULL, 1);
	if (SPI_processed == 0)
		return NULL;
	if (parse(DatumGetJsonbP(hitl_column(0, 1, &isnull)), &definition,
			  &faults) != HITL_OK)
	{
		char *fault = faults.count > 0
			? psprintf("%s: %s", faults.items[0].pointer,
					   faults.items[0].message)
			: pstrdup("it cannot be parsed");

		/* stored by another version of the extension, or by hand */
		hitl_core()->free_faults(&faults);
		ereport(ERROR,
				(errcode(ERRCODE_HITL_INVALID_DEFINITION),
				 errmsg("a stored workflow definition cannot be run"),
				 errdetail_internal("%s", fault)));
	}
	hitl_core()->free_faults(&faults);
	return remember(hash, definition)->definition;
}

/*
 * A batch begins to use parsed definitions.
 */
void
hitl_hold_definitions(void)
{
	holders++;
}

/*
 * It uses them no more.
 */
void
hitl_release_definitions(void)
{
	holders--;
}

/*
 * Forget all parsed definitions if there are very many, and nobody uses them.
 */
void
hitl_trim_definitions(void)
{
	HASH_SEQ_STATUS scan;
	ParsedDefinition *entry;

	if (parsed == NULL || holders > 0 ||
		hash_get_num_entries(parsed) < MAX_PARSED)
		return;
	hash_seq_init(&scan, parsed);
	while ((entry = hash_seq_search(&scan)) != NULL)
		hitl_core()->free_definition(entry->definition);
	hash_destroy(parsed);
	parsed = NULL;
}

/*
 * Keep a definition that has not been used for long from being removed until
 * this transaction ends, and later.  False if it is gone.
 */
static bool
note_use(bytea *hash)
{
	static HitlStatement hold = {
		"SELECT 1 FROM hitl.definitions WHERE hash = $1 FOR KEY SHARE",
		1,
		{BYTEAOID},
	};
	/* Whoever has it locked is noting the same. */
	static HitlStatement update = {
		"UPDATE hitl.definitions SET last_used_at = clock_timestamp() WHERE hash IN ("
		"SELECT hash FROM hitl.definitions WHERE hash = $1 "
		"AND last_used_at < now() - interval '1 day' FOR NO KEY UPDATE SKIP LOCKED)",
		1,
		{BYTEAOID},
	};
	Datum value = PointerGetDatum(hash);

	hitl_execute(&hold, &value, NULL, 1);
	if (SPI_processed == 0)
		return false;
	hitl_execute(&update, &value, NULL, 0);
	return true;
}

/*
 * SHA-256 of the jsonb text, which is the same for equal documents.
 */
static bytea *
content_hash(Jsonb *definition)
{
	char *text = JsonbToCString(NULL, &definition->root, VARSIZE(definition));
	bytea *hash = palloc(VARHDRSZ + HITL_HASH_LENGTH);
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);

	SET_VARSIZE(hash, VARHDRSZ + HITL_HASH_LENGTH);
	if (context == NULL || pg_cryptohash_init(context) < 0 ||
		pg_cryptohash_update(context, (uint8 *) text, strlen(text)) < 0 ||
		pg_cryptohash_final(context, (uint8 *) VARDATA(hash),
							HITL_HASH_LENGTH) < 0)
		elog(ERROR, "could not compute a SHA-256 digest");
	pg_cryptohash_free(context);
	pfree(text);
	return hash;
}

/*
 * Have the core parse a definition, with PostgreSQL checking its paths.
 */
static HitlResult
parse(Jsonb *definition, HitlDefinition **result, HitlFaults *faults)
{
	HitlHostData host_data = {0};
	HitlHost host;
	HitlResult outcome;
	char *text = JsonbToCString(NULL, &definition->root, VARSIZE(definition));

	hitl_host_init(&host, &host_data);
	outcome = hitl_core()->parse_definition(text, &host, result, faults);
	pfree(text);
	if (outcome == HITL_HOST_FAILED)
	{
		hitl_core()->free_faults(faults);
		hitl_host_rethrow(&host_data);
	}
	if (outcome == HITL_NO_MEMORY)
	{
		hitl_core()->free_faults(faults);
		hitl_core_out_of_memory();
	}
	return outcome;
}

/*
 * Keep a parsed definition for this backend's life.
 */
static ParsedDefinition *
remember(bytea *hash, HitlDefinition *definition)
{
	ParsedDefinition *entry;
	bool found;

	if (parsed == NULL)
	{
		HASHCTL control = {0};

		control.keysize = HITL_HASH_LENGTH;
		control.entrysize = sizeof(ParsedDefinition);
		control.hcxt = TopMemoryContext;
		parsed = hash_create("hitl definitions", 64, &control,
							 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	entry = hash_search(parsed, VARDATA_ANY(hash), HASH_ENTER, &found);
	if (found)
		hitl_core()->free_definition(entry->definition);
	entry->definition = definition;
	return entry;
}
