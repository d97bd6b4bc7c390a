/*
 * lookup.c
 *		Rows that are found by the key of an index, and locked, without an executor.
 */
#include "postgres.h"

#include "lookup.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "compat.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

static void open_lookup(HitlLookup *lookup, const HitlIndex *index, Datum key,
						LOCKMODE mode);
static bool has_key(HitlLookup *lookup);

/*
 * Begin to look for the rows of a key.
 */
void
hitl_begin_lookup(HitlLookup *lookup, const HitlIndex *index, Datum key)
{
	open_lookup(lookup, index, key, AccessShareLock);
}

/*
 * Go to the next row.
 */
bool
hitl_next_row(HitlLookup *lookup)
{
	lookup->column = -1;
	return index_getnext_slot(lookup->scan, ForwardScanDirection, lookup->slot);
}

/*
 * Go to the last of the rows, in the order of the index.
 */
bool
hitl_last_row(HitlLookup *lookup)
{
	lookup->column = -1;
	return index_getnext_slot(lookup->scan, BackwardScanDirection,
							  lookup->slot);
}

/*
 * Look for a row and lock it.  As LockRows does (nodeLockRows.c): one that was
 * changed meanwhile is looked at again, and at isolation levels where it cannot
 * be seen as it is now the transaction fails.
 */
bool
hitl_lock_row(HitlLookup *lookup, const HitlIndex *index, Datum key,
			  LockTupleMode mode)
{
	uint8 flags = TUPLE_LOCK_FLAG_LOCK_UPDATE_IN_PROGRESS;
	ItemPointerData place;
	TM_FailureData failure;
	TM_Result result;

	open_lookup(lookup, index, key, RowShareLock);
	if (!hitl_next_row(lookup))
		return false;
	place = lookup->slot->tts_tid;
	ExecClearTuple(lookup->slot);
	if (!IsolationUsesXactSnapshot())
		flags |= TUPLE_LOCK_FLAG_FIND_LAST_VERSION;
	result = table_tuple_lock(lookup->table, &place, lookup->snapshot,
							  lookup->slot, GetCurrentCommandId(true), mode,
							  LockWaitBlock, flags, &failure);
	switch (result)
	{
		case TM_Ok:
			return !failure.traversed || has_key(lookup);
		case TM_SelfModified:
			return false;
		case TM_Updated:
		case TM_Deleted:
			if (IsolationUsesXactSnapshot())
				ereport(ERROR,
						(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
						 errmsg("could not serialize access due to concurrent update")));
			if (result == TM_Deleted)
				return false;
			break;
		default:
			break;
	}
	elog(ERROR, "could not lock a row of \"%s\": %u",
		 RelationGetRelationName(lookup->table), result);
}

/*
 * End looking.  The table stays locked until the transaction ends, as after a
 * statement.
 */
void
hitl_end_lookup(HitlLookup *lookup)
{
	ExecDropSingleTupleTableSlot(lookup->slot);
	index_endscan(lookup->scan);
	UnregisterSnapshot(lookup->snapshot);
	index_close(lookup->index, AccessShareLock);
	table_close(lookup->table, NoLock);
}

/*
 * A column of the row.  Upgrades add columns in another order than the script
 * that makes the table, so they are found by their names: fast, if those are
 * read in the order of the table.
 */
Datum
hitl_row_value(HitlLookup *lookup, const char *column, bool *isnull)
{
	TupleDesc columns = lookup->slot->tts_tupleDescriptor;
	int i;

	for (i = 0; i < columns->natts; i++)
	{
		int number = (lookup->column + 1 + i) % columns->natts;
		Form_pg_attribute attribute = TupleDescAttr(columns, number);

		if (!attribute->attisdropped &&
			strcmp(NameStr(attribute->attname), column) == 0)
		{
			lookup->column = number;
			return slot_getattr(lookup->slot, number + 1, isnull);
		}
	}
	elog(ERROR, "\"%s\" has no column \"%s\"",
		 RelationGetRelationName(lookup->table), column);
}

/*
 * A column of type text.
 */
char *
hitl_row_text(HitlLookup *lookup, const char *column)
{
	bool isnull;
	Datum value = hitl_row_value(lookup, column, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

/*
 * Open the table and its index, and begin the scan.
 */
static void
open_lookup(HitlLookup *lookup, const HitlIndex *index, Datum key,
			LOCKMODE mode)
{
	Oid schema = get_namespace_oid("hitl", false);

	lookup->table = table_open(get_relname_relid(index->table, schema), mode);
	lookup->index = index_open(get_relname_relid(index->index, schema),
							   AccessShareLock);
	/* As for every statement within SPI. */
	CommandCounterIncrement();
	lookup->snapshot = RegisterSnapshot(GetTransactionSnapshot());
	ScanKeyEntryInitialize(&lookup->key, 0, 1, BTEqualStrategyNumber,
						   InvalidOid, lookup->index->rd_indcollation[0],
						   index->equal, key);
	lookup->slot = table_slot_create(lookup->table, NULL);
	lookup->scan = hitl_index_beginscan(lookup->table, lookup->index,
										lookup->snapshot, 1);
	index_rescan(lookup->scan, &lookup->key, 1, NULL, 0);
}

/*
 * Has a row that was changed meanwhile still the key?
 */
static bool
has_key(HitlLookup *lookup)
{
	bool isnull;
	Datum value = slot_getattr(lookup->slot,
							   lookup->index->rd_index->indkey.values[0],
							   &isnull);

	return !isnull &&
		DatumGetBool(FunctionCall2Coll(&lookup->key.sk_func,
									   lookup->key.sk_collation, value,
									   lookup->key.sk_argument));
}
