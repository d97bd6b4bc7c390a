/*
 * rows.c
 *		Rows for one statement, kept as a column of values each.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "workflow/rows.h"

/*
 * Start with no rows.
 */
void
hitl_rows_init(HitlRows *rows, int ncolumns, const Oid *types)
{
	Assert(ncolumns <= HITL_MAX_PARAMS);
	memset(rows, 0, sizeof(*rows));
	rows->ncolumns = ncolumns;
	rows->types = types;
}

/*
 * Append a row.  The values must live as long as the rows.
 */
void
hitl_rows_add(HitlRows *rows, const Datum *values, const bool *nulls)
{
	int i;

	if (rows->count == rows->capacity)
	{
		int capacity = Max(16, rows->capacity * 2);

		for (i = 0; i < rows->ncolumns; i++)
		{
			if (rows->capacity == 0)
			{
				rows->values[i] = palloc(capacity * sizeof(Datum));
				rows->nulls[i] = palloc(capacity * sizeof(bool));
			}
			else
			{
				rows->values[i] = repalloc(rows->values[i],
										   capacity * sizeof(Datum));
				rows->nulls[i] = repalloc(rows->nulls[i],
										  capacity * sizeof(bool));
			}
		}
		rows->capacity = capacity;
	}
	for (i = 0; i < rows->ncolumns; i++)
	{
		rows->values[i][rows->count] = values[i];
		rows->nulls[i][rows->count] = nulls != NULL && nulls[i];
	}
	rows->count++;
}

/*
 * Run a statement over the rows.
 */
void
hitl_rows_execute(HitlRows *rows, HitlStatement *statement)
{
	Datum arrays[HITL_MAX_PARAMS];
	int dims[1];
	int lbs[1] = {1};
	int i;

	if (rows->count == 0)
	{
		SPI_processed = 0;
		SPI_tuptable = NULL;
		return;
	}
	dims[0] = rows->count;
	for (i = 0; i < rows->ncolumns; i++)
	{
		int16 length;
		bool by_value;
		char align;

		get_typlenbyvalalign(rows->types[i], &length, &by_value, &align);
		arrays[i] = PointerGetDatum(
			construct_md_array(rows->values[i], rows->nulls[i], 1, dims, lbs,
							   rows->types[i], length, by_value, align));
	}
	hitl_execute(statement, arrays, NULL, 0);
}
