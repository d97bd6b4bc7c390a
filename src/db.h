/*
 * db.h
 *		SPI with plans that are prepared once per backend.
 */
#ifndef HITL_DB_H
#define HITL_DB_H

#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "executor/spi.h"

#define HITL_MAX_PARAMS 32

/*
 * A statement prepared at its first execution and kept.  Define it static:
 *		static HitlStatement find = {"SELECT ... WHERE id = $1", 1, {UUIDOID}};
 */
typedef struct HitlStatement
{
	const char *sql;
	int nparams;
	Oid types[HITL_MAX_PARAMS];
	SPIPlanPtr plan;
} HitlStatement;

/*
 * Run it inside SPI; results are in SPI_processed and SPI_tuptable.  nulls is
 * as in SPI_execute_plan ('n' marks a NULL) or NULL.  limit 0: all rows.
 * ERRORs on failure.
 */
extern void hitl_execute(HitlStatement *statement, Datum *values,
						 const char *nulls, long limit);

/* Column number (from 1) of row of SPI_tuptable. */
extern Datum hitl_column(uint64 row, int number, bool *isnull);

/* The same, as a palloc'd C string in the current context; NULL for NULL. */
extern char *hitl_column_text(uint64 row, int number);

#endif /* HITL_DB_H */
