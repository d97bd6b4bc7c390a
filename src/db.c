/*
 * db.c
 *		SPI with plans that are prepared once per backend.
 */
#include "postgres.h"

#include "db.h"
#include "jit/jit.h"
#include "optimizer/cost.h"
#include "version.h"

/*
 * Run a statement, preparing it the first time.
 */
void
hitl_execute(HitlStatement *statement, Datum *values, const char *nulls,
			 long limit)
{
	bool jit = jit_enabled;
	bool seqscan = enable_seqscan;
	int result = 0;

	if (statement->plan == NULL)
	{
		SPIPlanPtr plan;

		Assert(statement->nparams <= HITL_MAX_PARAMS);
		hitl_require_version();
		/* Planned once: every statement finds its rows by an index anyway. */
		plan = SPI_prepare_cursor(statement->sql, statement->nparams,
								  statement->types, CURSOR_OPT_GENERIC_PLAN);
		if (plan == NULL)
			elog(ERROR, "could not prepare \"%s\": %s", statement->sql,
				 SPI_result_code_string(SPI_result));
		if (SPI_keepplan(plan) != 0)
			elog(ERROR, "could not keep the plan of \"%s\"", statement->sql);
		statement->plan = plan;
	}

	/*
	 * Compiling would take longer than what we run, whatever the planner thinks;
	 * and a plan made while a table was small must not scan it later.
	 */
	jit_enabled = false;
	enable_seqscan = false;
	PG_TRY();
	{
		result = SPI_execute_plan(statement->plan, values, nulls, false, limit);
	}
	PG_FINALLY();
	{
		jit_enabled = jit;
		enable_seqscan = seqscan;
	}
	PG_END_TRY();
	if (result < 0)
		elog(ERROR, "could not execute \"%s\": %s", statement->sql,
			 SPI_result_code_string(result));
}

/*
 * A column of a row of the last result.
 */
Datum
hitl_column(uint64 row, int number, bool *isnull)
{
	Assert(row < SPI_processed);
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, number,
						 isnull);
}

/*
 * The same as text.
 */
char *
hitl_column_text(uint64 row, int number)
{
	Assert(row < SPI_processed);
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, number);
}
