/*
 * lookup.h
 *		Rows that are found by the key of an index, and locked, without an executor.
 *
 * What every answer to a request reads are rows of which key and columns are
 * known beforehand: to start an executor for one of them takes longer than
 * everything else about it.  Privileges and policies of rows are not looked at:
 * this is for functions that run as the owner of the tables.
 */
#ifndef HITL_LOOKUP_H
#define HITL_LOOKUP_H

#include "postgres.h"

#include "access/genam.h"
#include "access/skey.h"
#include "executor/tuptable.h"
#include "nodes/lockoptions.h"
#include "utils/rel.h"

/* An index of hitl's, looked up by its first column. */
typedef struct HitlIndex
{
	const char *table;
	const char *index;
	RegProcedure equal; /* of the column's type: F_TEXTEQ ... */
} HitlIndex;

typedef struct HitlLookup
{
	Relation table;
	Relation index;
	Snapshot snapshot;
	IndexScanDesc scan;
	ScanKeyData key;
	TupleTableSlot *slot; /* the row */
	int column;			  /* that was read last */
} HitlLookup;

/*
 * Begin to look for the rows of a key, as a statement of its own would: it sees
 * what is committed by now, if the isolation level lets it, and what was done
 * before in this transaction.  Go to the next of them, in the order of the index,
 * or at once to the last; false: there is none.
 */
extern void hitl_begin_lookup(HitlLookup *lookup, const HitlIndex *index,
							  Datum key);
extern bool hitl_next_row(HitlLookup *lookup);
extern bool hitl_last_row(HitlLookup *lookup);

/*
 * Begin to look for the one row of a key, and lock it as SELECT ... FOR UPDATE
 * and the like do: it is then as whoever changed it last has left it.  false:
 * there is none, or none any more.
 */
extern bool hitl_lock_row(HitlLookup *lookup, const HitlIndex *index, Datum key,
						  LockTupleMode mode);

/* Either way. */
extern void hitl_end_lookup(HitlLookup *lookup);

/* A column of the row, which lasts as long as that is the row. */
extern Datum hitl_row_value(HitlLookup *lookup, const char *column,
							bool *isnull);

/* One of type text as a palloc'd C string; NULL for NULL. */
extern char *hitl_row_text(HitlLookup *lookup, const char *column);

#endif /* HITL_LOOKUP_H */
