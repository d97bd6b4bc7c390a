/*
 * rows.h
 *		Rows for one statement, kept as a column of values each.
 */
#ifndef HITL_ROWS_H
#define HITL_ROWS_H

#include "postgres.h"

#include "db.h"

/*
 * Parameter i of the statement is an array of the i-th values of all rows;
 * its text is of the form
 *		INSERT INTO t SELECT * FROM unnest($1::uuid[], $2::text[]).
 */
typedef struct HitlRows
{
	int ncolumns;
	const Oid *types; /* element types */
	int count;
	int capacity;
	Datum *values[HITL_MAX_PARAMS];
	bool *nulls[HITL_MAX_PARAMS];
} HitlRows;

extern void hitl_rows_init(HitlRows *rows, int ncolumns, const Oid *types);

/* Append a row; nulls marks the NULLs ('n'), NULL for none. */
extern void hitl_rows_add(HitlRows *rows, const Datum *values,
						  const bool *nulls);

/* Run a statement over the rows; of none, nothing comes, and it is not run. */
extern void hitl_rows_execute(HitlRows *rows, HitlStatement *statement);

#endif /* HITL_ROWS_H */
