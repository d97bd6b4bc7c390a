/*
 * code_run.c
 *		Code of an agent: its statements, one after the other, and what they tell.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "utils/json.h"
#include "utils/plancache.h"

#include "compat.h"
#include "worker/executor.h"
#include "workflow/data.h"

/* What is said of the statements so far. */
typedef struct Outcome
{
	StringInfoData text;
	int64 count; /* rows that the last one returned or changed */
	bool truncated;
} Outcome;

static void run_part(HitlUserStatement *statement, Outcome *outcome);
static bool has_side_effects(List *plan_sources);
static void tell_tag(StringInfo text, int result, uint64 processed);

/*
 * Run the code.
 */
void
hitl_run_code(void *arg)
{
	HitlUserStatement *statement = arg;
	List *parts = hitl_parse_code(statement->sql, statement->read_only);
	Outcome outcome = {0};
	StringInfoData reply;
	ListCell *cell;

	initStringInfo(&outcome.text);
	statement->count = list_length(parts);
	foreach(cell, parts)
	{
		const RawStmt *part = lfirst_node(RawStmt, cell);
		const char *start = statement->sql + part->stmt_location;

		CHECK_FOR_INTERRUPTS();
		statement->number++;
		statement->before = pg_mbstrlen_with_len(statement->sql,
												 part->stmt_location);
		statement->part = part->stmt_len > 0 ? pnstrdup(start, part->stmt_len)
											 : start;
		if (outcome.text.len > 0)
			appendStringInfoChar(&outcome.text, '\n');
		run_part(statement, &outcome);
	}

	/* The last line ends with the text. */
	if (outcome.text.len > 0)
		outcome.text.data[--outcome.text.len] = '\0';
	initStringInfo(&reply);
	appendStringInfo(&reply,
					 "{\"token\": " INT64_FORMAT ", \"result\": {\"text\": ",
					 statement->token);
	escape_json(&reply, outcome.text.data);
	appendStringInfo(&reply,
					 ", \"count\": " INT64_FORMAT ", \"truncated\": %s}}",
					 outcome.count, outcome.truncated ? "true" : "false");
	statement->reply = hitl_jsonb_parse(reply.data);
}

/*
 * Run the statement that it has got to.
 */
static void
run_part(HitlUserStatement *statement, Outcome *outcome)
{
	HitlTextTable table = {0};
	SPIExecuteOptions options = {0};
	SPIPlanPtr plan;
	List *sources;
	int result;

	plan = SPI_prepare(statement->part, 0, NULL);
	if (plan == NULL)
		elog(ERROR, "could not prepare the statement: %s",
			 SPI_result_code_string(SPI_result));

	/* A setting may have changed how it is read: is it still what was checked? */
	sources = SPI_plan_get_plan_sources(plan);
	if (list_length(sources) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a statement has become several"),
				 errdetail("A setting was changed on which it depends where a string ends.")));
	hitl_check_code(linitial_node(CachedPlanSource, sources)->raw_parse_tree, 0,
					statement->read_only);

	table.text = &outcome->text;
	table.row_limit = statement->row_limit;
	table.size_limit = statement->size_limit;

	/* What a query does for each of its rows is done for all of them. */
	table.may_stop = statement->read_only || !has_side_effects(sources);
	hitl_begin_table(&table);
	options.dest = &table.pub;
	result = SPI_execute_plan_extended(plan, &options);
	if (result < 0)
		elog(ERROR, "could not run the statement: %s",
			 SPI_result_code_string(result));

	hitl_end_table(&table);
	tell_tag(&outcome->text, result, SPI_processed);
	outcome->truncated |= table.full || table.values_cut;
	if (!table.started)
		outcome->count = SPI_processed;
	else
		outcome->count = table.may_stop ? table.shown : table.count;
	SPI_freeplan(plan);
}

/*
 * Does a query change something by being executed?  Its statement's kind, or the
 * functions that it calls, tell.
 */
static bool
has_side_effects(List *plan_sources)
{
	ListCell *cell;

	foreach(cell, linitial_node(CachedPlanSource, plan_sources)->query_list)
	{
		Query *query = lfirst_node(Query, cell);

		if (query->commandType != CMD_SELECT ||
			contain_volatile_functions((Node *) query))
			return true;
	}
	return false;
}

/*
 * What PostgreSQL says of a statement that changes rows.
 */
static void
tell_tag(StringInfo text, int result, uint64 processed)
{
	const char *tag;

	switch (result)
	{
		case SPI_OK_INSERT:
		case SPI_OK_INSERT_RETURNING:
			tag = "INSERT 0";
			break;
		case SPI_OK_UPDATE:
		case SPI_OK_UPDATE_RETURNING:
			tag = "UPDATE";
			break;
		case SPI_OK_DELETE:
		case SPI_OK_DELETE_RETURNING:
			tag = "DELETE";
			break;
		case SPI_OK_MERGE:
		case SPI_OK_MERGE_RETURNING:
			tag = "MERGE";
			break;
		default:
			return;
	}
	appendStringInfo(text, "%s " UINT64_FORMAT "\n", tag, processed);
}
