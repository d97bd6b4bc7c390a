/*
 * evidence.c
 *		The chain of hashes through the events of a workflow.
 *
 * The hash of an event is the SHA-256 of the hash of the one before and of a
 * text of the event: what jsonb_build_array(workflow_id, seq, event_type,
 * step_name, position, data, delta, actor, scope, microseconds) would print, so
 * that anybody can compute it from the row.  Every event passes here, so it
 * costs no more than it must: the text is written directly, into a buffer that
 * is kept, as is the state of the hash.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "fmgr.h"
#include "hitl.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"
#include "workflow/batch.h"
#include "workflow/evidence.h"

/* A text that is longer is not worth to keep its buffer. */
#define MAX_KEPT_TEXT (64 * 1024)

static void append_event(StringInfo text, const HitlEvent *event);
static pg_cryptohash_ctx *create_state(void);
static void read_event(HeapTupleHeader row, HitlEvent *event);
static char *text_value(Datum value, bool isnull);

PG_FUNCTION_INFO_V1(hitl_event_hash);

/*
 * The hash of an event that follows one with the hash previous.
 */
bytea *
hitl_chain_event(const HitlEvent *event, const bytea *previous)
{
	static StringInfoData text;
	bytea *hash;

	if (text.data == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);

		initStringInfo(&text);
		MemoryContextSwitchTo(caller);
	}
	resetStringInfo(&text);
	append_event(&text, event);
	hash = hitl_chain_hash(previous, text.data, text.len);
	if (text.maxlen > MAX_KEPT_TEXT)
	{
		pfree(text.data);
		text.data = NULL;
	}
	return hash;
}

/*
 * hitl.event_hash(previous, event): the hash that an event must have.
 */
Datum
hitl_event_hash(PG_FUNCTION_ARGS)
{
	HitlEvent event;

	if (PG_ARGISNULL(1))
		PG_RETURN_NULL();
	read_event(PG_GETARG_HEAPTUPLEHEADER(1), &event);
	PG_RETURN_BYTEA_P(
		hitl_chain_event(&event,
						 PG_ARGISNULL(0) ? NULL : PG_GETARG_BYTEA_P(0)));
}

/*
 * The text of an event.  It is documented (docs/reference/evidence.md), and
 * hashes that were written depend on it: it cannot be changed.
 */
static void
append_event(StringInfo text, const HitlEvent *event)
{
	appendStringInfoChar(text, '[');
	hitl_chain_id(text, event->workflow_id);
	appendStringInfo(text, ", %d, ", event->seq);
	hitl_chain_text(text, event->type);
	appendStringInfoString(text, ", ");
	hitl_chain_text(text, event->step);
	appendStringInfoString(text, ", ");
	hitl_chain_text(text, event->position);
	appendStringInfoString(text, ", ");
	hitl_chain_jsonb(text, event->data);
	appendStringInfoString(text, ", ");
	hitl_chain_jsonb(text, event->delta);
	appendStringInfoString(text, ", ");
	hitl_chain_text(text, event->actor);
	if (event->scope)
		appendStringInfo(text, ", " INT64_FORMAT, *event->scope);
	else
		appendStringInfoString(text, ", null");
	appendStringInfo(text, ", " INT64_FORMAT "]",
					 event->created_at + HITL_UNIX_EPOCH_US);
}

/*
 * Append an id, as a JSON string.
 */
void
hitl_chain_id(StringInfo text, const pg_uuid_t *id)
{
	static const char digits[] = "0123456789abcdef";
	char string[2 * UUID_LEN + 6];
	char *end = string;

	*end++ = '"';
	for (int i = 0; i < UUID_LEN; i++)
	{
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*end++ = '-';
		*end++ = digits[id->data[i] >> 4];
		*end++ = digits[id->data[i] & 15];
	}
	*end++ = '"';
	appendBinaryStringInfo(text, string, end - string);
}

/*
 * Append a text as JSON.
 */
void
hitl_chain_text(StringInfo text, const char *value)
{
	if (value)
		escape_json(text, value);
	else
		appendStringInfoString(text, "null");
}

/*
 * Append a jsonb as its text.
 */
void
hitl_chain_jsonb(StringInfo text, Jsonb *value)
{
	if (value)
		(void) JsonbToCString(text, &value->root, VARSIZE(value));
	else
		appendStringInfoString(text, "null");
}

/*
 * Append bytes as a JSON string of hexadecimal digits.
 */
void
hitl_chain_hex(StringInfo text, const bytea *value)
{
	int length = VARSIZE_ANY_EXHDR(value);

	appendStringInfoChar(text, '"');
	enlargeStringInfo(text, 2 * length);
	text->len += hex_encode(VARDATA_ANY(value), length, text->data + text->len);
	appendStringInfoChar(text, '"');
}

/*
 * Append a list of texts as jsonb prints it.
 */
void
hitl_chain_list(StringInfo text, List *names)
{
	ListCell *cell;

	if (names == NIL)
	{
		appendStringInfoString(text, "null");
		return;
	}
	appendStringInfoChar(text, '[');
	foreach(cell, names)
	{
		if (cell != list_head(names))
			appendStringInfoString(text, ", ");
		hitl_chain_text(text, lfirst(cell));
	}
	appendStringInfoChar(text, ']');
}

/*
 * SHA-256 of a hash (32 zero bytes if there is none) and a text in UTF-8.
 */
bytea *
hitl_chain_hash(const bytea *previous, const char *text, int length)
{
	static pg_cryptohash_ctx *state = NULL;
	static const uint8 none[PG_SHA256_DIGEST_LENGTH] = {0};
	bytea *hash = palloc(VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	const char *converted = text;

	if (GetDatabaseEncoding() != PG_SQL_ASCII)
		converted = pg_server_to_any(text, length, PG_UTF8);
	if (converted != text)
		length = strlen(converted);
	if (state == NULL)
		state = create_state();
	SET_VARSIZE(hash, VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	if (pg_cryptohash_init(state) < 0 ||
		pg_cryptohash_update(state,
							 previous ? (const uint8 *) VARDATA_ANY(previous)
									  : none,
							 previous ? VARSIZE_ANY_EXHDR(previous)
									  : sizeof(none)) < 0 ||
		pg_cryptohash_update(state, (const uint8 *) converted, length) < 0 ||
		pg_cryptohash_final(state, (uint8 *) VARDATA(hash),
							PG_SHA256_DIGEST_LENGTH) < 0)
		elog(ERROR, "could not compute a hash: %s", pg_cryptohash_error(state));
	return hash;
}

/*
 * SHA-256 of a text in UTF-8 alone.
 */
bytea *
hitl_hash_text(const char *text, int length)
{
	bytea *nothing = palloc(VARHDRSZ);

	SET_VARSIZE(nothing, VARHDRSZ);
	return hitl_chain_hash(nothing, text, length);
}

/*
 * The state of a hash, for the life of this process: it belongs to an owner of
 * its own, which no end of a transaction releases.
 */
static pg_cryptohash_ctx *
create_state(void)
{
	static ResourceOwner owner = NULL;
	ResourceOwner caller = CurrentResourceOwner;
	pg_cryptohash_ctx *volatile state = NULL;

	if (owner == NULL)
		owner = ResourceOwnerCreate(NULL, "hashes of hitl");
	CurrentResourceOwner = owner;
	PG_TRY();
	{
		state = pg_cryptohash_create(PG_SHA256);
	}
	PG_FINALLY();
	{
		CurrentResourceOwner = caller;
	}
	PG_END_TRY();
	return state;
}

/*
 * An event from its row.  Its columns are found by name: their order is
 * another one where the extension was updated.
 */
static void
read_event(HeapTupleHeader row, HitlEvent *event)
{
	TupleDesc columns = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(row),
											   HeapTupleHeaderGetTypMod(row));
	Datum *values = palloc(columns->natts * sizeof(Datum));
	bool *nulls = palloc(columns->natts * sizeof(bool));
	HeapTupleData tuple = {0};

	tuple.t_len = HeapTupleHeaderGetDatumLength(row);
	tuple.t_data = row;
	heap_deform_tuple(&tuple, columns, values, nulls);
	memset(event, 0, sizeof(*event));
	for (int i = 0; i < columns->natts; i++)
	{
		const char *name = NameStr(TupleDescAttr(columns, i)->attname);
		Datum value = values[i];

		if (strcmp(name, "workflow_id") == 0 && !nulls[i])
			event->workflow_id = DatumGetUUIDP(value);
		else if (strcmp(name, "seq") == 0 && !nulls[i])
			event->seq = DatumGetInt32(value);
		else if (strcmp(name, "event_type") == 0)
			event->type = text_value(value, nulls[i]);
		else if (strcmp(name, "step_name") == 0)
			event->step = text_value(value, nulls[i]);
		else if (strcmp(name, "position") == 0)
			event->position = text_value(value, nulls[i]);
		else if (strcmp(name, "data") == 0 && !nulls[i])
			event->data = DatumGetJsonbP(value);
		else if (strcmp(name, "delta") == 0 && !nulls[i])
			event->delta = DatumGetJsonbP(value);
		else if (strcmp(name, "actor") == 0)
			event->actor = text_value(value, nulls[i]);
		else if (strcmp(name, "scope") == 0 && !nulls[i])
		{
			int64 *scope = palloc(sizeof(int64));

			*scope = DatumGetInt64(value);
			event->scope = scope;
		}
		else if (strcmp(name, "created_at") == 0 && !nulls[i])
			event->created_at = DatumGetTimestampTz(value);
	}
	ReleaseTupleDesc(columns);
	if (event->workflow_id == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the event has no workflow_id")));
}

/*
 * A text as C string; NULL for NULL.
 */
static char *
text_value(Datum value, bool isnull)
{
	return isnull ? NULL : TextDatumGetCString(value);
}
