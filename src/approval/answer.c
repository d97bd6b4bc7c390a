/*
 * answer.c
 *		Answers to approval requests, checked by JSON Schema.
 *
 * The core does it; here are the server's regular expressions for it, and the
 * schemas that this backend has parsed.
 */
#include "postgres.h"

#include "approval/answer.h"
#include "catalog/pg_collation.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "core_bridge.h"
#include "funcapi.h"
#include "hitl.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "regex/regex.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "workflow/data.h"

/* Parsed schemas kept before all are forgotten. */
#define MAX_COMPILED 100

/* Lines of a detail. */
#define MAX_LINES 20

/* No sub-matches are asked for, and the locale has no say. */
#define REGEX_FLAGS (REG_ADVANCED | REG_NOSUB)

typedef struct CompiledSchema
{
	uint8 hash[PG_SHA256_DIGEST_LENGTH];
	HitlSchema *schema;
} CompiledSchema;

static HTAB *compiled = NULL;

static HitlResult parse(Jsonb *schema, HitlSchema **result, HitlFaults *faults);
static HitlResult validate(Jsonb *schema, Jsonb *answer,
						   HitlViolations *violations);
static void check_outcome(HitlResult outcome, ErrorData *error);
static HitlSchema *remember(const uint8 *hash, HitlSchema *schema);
static void hash_schema(Jsonb *schema, uint8 *hash);
static char *list_faults(HitlFaults *faults);
static void add_line(StringInfo lines, int number, const char *pointer,
					 const char *message);

PG_FUNCTION_INFO_V1(hitl_validate_schema);
PG_FUNCTION_INFO_V1(hitl_validate_answer);

/*
 * hitl.validate_schema(schema): every fault, one row each.
 */
Datum
hitl_validate_schema(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	HitlSchema *schema;
	HitlFaults faults = {0};

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("schema must not be null")));
	InitMaterializedSRF(fcinfo, 0);
	(void) parse(PG_GETARG_JSONB_P(0), &schema, &faults);
	hitl_core()->free_schema(schema);
	hitl_put_faults(rsinfo, &faults);
	return (Datum) 0;
}

/*
 * hitl.validate_answer(schema, answer): every violation, one row each.
 */
Datum
hitl_validate_answer(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	HitlViolations violations = {0};
	int i;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", PG_ARGISNULL(0) ? "schema" : "answer"),
				 PG_ARGISNULL(0) ? 0 : errhint("The JSON value null is 'null'::jsonb.")));
	InitMaterializedSRF(fcinfo, 0);
	(void) validate(PG_GETARG_JSONB_P(0), PG_GETARG_JSONB_P(1), &violations);
	for (i = 0; i < violations.count; i++)
	{
		Datum values[3];
		bool nulls[3] = {false, false, false};

		values[0] = CStringGetTextDatum(violations.items[i].pointer);
		values[1] = CStringGetTextDatum(violations.items[i].keyword);
		values[2] = CStringGetTextDatum(violations.items[i].message);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	hitl_core()->free_violations(&violations);
	return (Datum) 0;
}

/*
 * A schema as the core has parsed it, or why it cannot be used.
 */
HitlSchema *
hitl_compile_schema(Jsonb *schema, char **why)
{
	uint8 hash[PG_SHA256_DIGEST_LENGTH];
	CompiledSchema *entry = NULL;
	HitlSchema *result;
	HitlFaults faults = {0};

	*why = NULL;
	hash_schema(schema, hash);
	if (compiled)
		entry = hash_search(compiled, hash, HASH_FIND, NULL);
	if (entry)
		return entry->schema;
	if (parse(schema, &result, &faults) == HITL_OK)
		return remember(hash, result);
	*why = list_faults(&faults);
	return NULL;
}

/*
 * Why an answer is not valid, or NULL.
 */
char *
hitl_check_answer(Jsonb *schema, Jsonb *answer)
{
	HitlViolations violations;
	StringInfoData lines;
	int i;

	if (validate(schema, answer, &violations) == HITL_OK)
		return NULL;
	initStringInfo(&lines);
	for (i = 0; i < violations.count; i++)
		add_line(&lines, i, violations.items[i].pointer,
				 violations.items[i].message);
	hitl_core()->free_violations(&violations);
	return lines.data;
}

/*
 * The form of a built-in type of approval.
 */
bool
hitl_build_form(const char *type, Jsonb *fields, Jsonb *context, Jsonb **schema,
				Jsonb **ui_schema, char **why)
{
	char *schema_text;
	char *ui_text;
	HitlFaults faults = {0};
	HitlResult result;

	*schema = *ui_schema = NULL;
	*why = NULL;
	result = hitl_core()->build_form(type,
									 fields ? hitl_jsonb_text(fields) : NULL,
									 context ? hitl_jsonb_text(context) : NULL,
									 &schema_text, &ui_text, &faults);
	if (result == HITL_NO_MEMORY)
	{
		hitl_core()->free_faults(&faults);
		hitl_core_out_of_memory();
	}
	if (result != HITL_OK)
	{
		*why = list_faults(&faults);
		return false;
	}
	hitl_core()->free_faults(&faults);
	if (schema_text == NULL)
		return true;
	PG_TRY();
	{
		*schema = hitl_jsonb_parse(schema_text);
		*ui_schema = hitl_jsonb_parse(ui_text);
	}
	PG_FINALLY();
	{
		hitl_core()->free_text(schema_text);
		hitl_core()->free_text(ui_text);
	}
	PG_END_TRY();

	/* Only here can the patterns be checked. */
	return hitl_compile_schema(*schema, why) != NULL;
}

/*
 * Callback of the core: does a text match a regular expression?  It runs
 * between the core's frames, so that no error may pass.  Matching takes memory
 * and nothing else, so that catching its errors needs no subtransaction.
 */
HitlQueryResult
hitl_match_pattern(void *error, const char *pattern, const char *subject,
				   size_t length, const char **text)
{
	ErrorData **kept = error;
	MemoryContext caller = CurrentMemoryContext;
	volatile HitlQueryResult answer = HITL_QUERY_EMPTY;

	PG_TRY();
	{
		struct varlena *regex;

		CHECK_FOR_INTERRUPTS();
		regex = cstring_to_text(pattern);
		if (subject == NULL)
			(void) RE_compile_and_cache(regex, REGEX_FLAGS, C_COLLATION_OID);
		else if (RE_compile_and_execute(regex, unconstify(char *, subject),
										(int) length, REGEX_FLAGS,
										C_COLLATION_OID, 0, NULL))
			answer = HITL_QUERY_FOUND;
		pfree(regex);
	}
	PG_CATCH();
	{
		ErrorData *raised;

		MemoryContextSwitchTo(caller);
		raised = CopyErrorData();
		FlushErrorState();
		if (subject == NULL &&
			raised->sqlerrcode == ERRCODE_INVALID_REGULAR_EXPRESSION)
		{
			*text = raised->message;
			answer = HITL_QUERY_FAULTY;
		}
		else
		{
			*kept = raised;
			answer = HITL_QUERY_HOST_FAILED;
		}
	}
	PG_END_TRY();
	return answer;
}

/*
 * Have the core parse a schema.
 */
static HitlResult
parse(Jsonb *schema, HitlSchema **result, HitlFaults *faults)
{
	ErrorData *error = NULL;
	HitlHost host = {.context = &error, .match = hitl_match_pattern};
	char *text = hitl_jsonb_text(schema);
	HitlResult outcome = hitl_core()->parse_schema(text, &host, result, faults);

	pfree(text);
	if (outcome != HITL_OK && outcome != HITL_INVALID)
		hitl_core()->free_faults(faults);
	check_outcome(outcome, error);
	return outcome;
}

/*
 * Have the core check an answer.
 */
static HitlResult
validate(Jsonb *schema, Jsonb *answer, HitlViolations *violations)
{
	ErrorData *error = NULL;
	HitlHost host = {.context = &error, .match = hitl_match_pattern};
	char *why;
	char *text;
	HitlSchema *parsed = hitl_compile_schema(schema, &why);
	HitlResult outcome;

	if (parsed == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the schema of the answer cannot be used"),
				 errdetail_internal("%s", why),
				 errhint("hitl.validate_schema(jsonb) lists the faults as rows.")));
	text = hitl_jsonb_text(answer);
	outcome = hitl_core()->validate(parsed, text, &host, violations);
	pfree(text);
	check_outcome(outcome, error);
	return outcome;
}

/*
 * Raise what kept the core from an outcome.
 */
static void
check_outcome(HitlResult outcome, ErrorData *error)
{
	if (outcome == HITL_NO_MEMORY)
		hitl_core_out_of_memory();
	if (outcome == HITL_HOST_FAILED)
		hitl_core_rethrow(error);
}

/*
 * Keep a parsed schema for this backend's life, or until there are too many.
 */
static HitlSchema *
remember(const uint8 *hash, HitlSchema *schema)
{
	CompiledSchema *entry;
	bool found;

	if (compiled && hash_get_num_entries(compiled) >= MAX_COMPILED)
	{
		HASH_SEQ_STATUS scan;

		hash_seq_init(&scan, compiled);
		while ((entry = hash_seq_search(&scan)) != NULL)
			hitl_core()->free_schema(entry->schema);
		hash_destroy(compiled);
		compiled = NULL;
	}
	if (compiled == NULL)
	{
		HASHCTL control = {0};

		control.keysize = PG_SHA256_DIGEST_LENGTH;
		control.entrysize = sizeof(CompiledSchema);
		control.hcxt = TopMemoryContext;
		compiled = hash_create("hitl schemas", 32, &control,
							   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	entry = hash_search(compiled, hash, HASH_ENTER, &found);
	entry->schema = schema;
	return schema;
}

/*
 * SHA-256 of a schema as it is kept.
 */
static void
hash_schema(Jsonb *schema, uint8 *hash)
{
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);

	if (context == NULL || pg_cryptohash_init(context) < 0 ||
		pg_cryptohash_update(context, (uint8 *) VARDATA(schema),
							 VARSIZE(schema) - VARHDRSZ) < 0 ||
		pg_cryptohash_final(context, hash, PG_SHA256_DIGEST_LENGTH) < 0)
		elog(ERROR, "could not compute a SHA-256 digest");
	pg_cryptohash_free(context);
}

/*
 * Faults as lines of a detail; the list is freed.
 */
static char *
list_faults(HitlFaults *faults)
{
	StringInfoData lines;
	int i;

	initStringInfo(&lines);
	for (i = 0; i < faults->count; i++)
		add_line(&lines, i, faults->items[i].pointer, faults->items[i].message);
	hitl_core()->free_faults(faults);
	return lines.data;
}

/*
 * Append a line; of very many, the first ones.
 */
static void
add_line(StringInfo lines, int number, const char *pointer, const char *message)
{
	if (number > MAX_LINES)
		return;
	if (number > 0)
		appendStringInfoChar(lines, '\n');
	if (number == MAX_LINES)
		appendStringInfoString(lines, "…");
	else if (pointer[0] == '\0')
		appendStringInfoString(lines, message);
	else
		appendStringInfo(lines, "%s: %s", pointer, message);
}
