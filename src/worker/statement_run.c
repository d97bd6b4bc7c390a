/*
 * statement_run.c
 *		One statement of a user: its parameters from JSON, its rows to JSON.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "nodes/makefuncs.h"
#include "nodes/params.h"
#include "parser/parse_param.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "worker/executor.h"
#include "workflow/data.h"

/* What a statement's parameters turn out to be. */
typedef struct Parameters
{
	Oid *types;
	int count;
} Parameters;

/* Collects rows as they come, as JSON text. */
typedef struct Receiver
{
	DestReceiver pub;
	const HitlUserStatement *statement;
	bool started; /* the statement returns rows */
	int64 count;
	int ncolumns;
	FmgrInfo *to_json; /* for each column */
	char **keys;	   /* "name": */
	StringInfoData rows;
	MemoryContext row_context;
} Receiver;

static void check(const char *sql);
static void infer_types(ParseState *pstate, void *parameters);
static ParamListInfo bind(const Parameters *parameters, Jsonb *values,
						  int count);
static Datum bind_one(int number, Oid type, JsonbValue *value, bool *isnull);
static char *json_text(JsonbValue *value);
static char *scalar_text(JsonbValue *value);
static Datum populate(Oid type, JsonbValue *value, bool *isnull);
static void receive_start(DestReceiver *self, int operation, TupleDesc desc);
static bool receive_row(TupleTableSlot *slot, DestReceiver *self);
static void check_size(const Receiver *receiver, Size more);
static void receive_nothing(DestReceiver *self);

/*
 * Run a statement.
 */
void
hitl_run_statement(void *arg)
{
	HitlUserStatement *statement = arg;
	int given = statement->params ? JB_ROOT_COUNT(statement->params) : 0;
	Parameters parameters;
	Receiver *receiver = palloc0(sizeof(Receiver));
	SPIExecuteOptions options = {0};
	SPIPlanPtr plan;
	StringInfoData reply;
	int result;

	check(statement->sql);
	statement->part = statement->sql;

	/* Room for all that are given: the parser must not allocate it. */
	parameters.types = palloc0(Max(given, 1) * sizeof(Oid));
	parameters.count = given;
	plan = SPI_prepare_params(statement->sql, infer_types, &parameters,
							  CURSOR_OPT_PARALLEL_OK);
	if (plan == NULL)
		elog(ERROR, "could not prepare the statement: %s",
			 SPI_result_code_string(SPI_result));
	options.params = bind(&parameters, statement->params, given);

	receiver->pub.receiveSlot = receive_row;
	receiver->pub.rStartup = receive_start;
	receiver->pub.rShutdown = receive_nothing;
	receiver->pub.rDestroy = receive_nothing;
	receiver->pub.mydest = DestTuplestore;
	receiver->statement = statement;
	initStringInfo(&receiver->rows);
	receiver->row_context = AllocSetContextCreate(CurrentMemoryContext,
												  "hitl row",
												  ALLOCSET_DEFAULT_SIZES);
	options.dest = &receiver->pub;
	result = SPI_execute_plan_extended(plan, &options);
	if (result < 0)
		elog(ERROR, "could not run the statement: %s",
			 SPI_result_code_string(result));

	initStringInfo(&reply);
	appendStringInfo(&reply,
					 "{\"token\": " INT64_FORMAT ", \"result\": {\"rows\": [",
					 statement->token);
	appendBinaryStringInfo(&reply, receiver->rows.data, receiver->rows.len);
	appendStringInfo(&reply, "], \"count\": " INT64_FORMAT "}}",
					 receiver->started ? receiver->count
									   : (int64) SPI_processed);
	statement->reply = hitl_jsonb_parse(reply.data);
	MemoryContextDelete(receiver->row_context);
}

/* ---- what can be run ------------------------------------------------- */

/*
 * One statement, which neither ends the transaction nor talks to a client.
 */
static void
check(const char *sql)
{
	List *statements = pg_parse_query(sql);
	Node *statement;

	if (statements == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("the statement is empty")));
	if (list_length(statements) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("an sql step runs one statement, not %d", list_length(statements)),
				 errhint("Give each a step of its own, or use WITH, DO, or a function.")));
	statement = linitial_node(RawStmt, statements)->stmt;
	if (IsA(statement, TransactionStmt))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("an sql step cannot control transactions"),
				 errdetail("Its statement commits together with the state of the workflow.")));
	if (IsA(statement, CopyStmt) && ((CopyStmt *) statement)->filename == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("an sql step cannot copy to or from a client"),
				 errhint("SELECT returns rows as the result of the step.")));
}

/* ---- parameters ------------------------------------------------------ */

/*
 * Parser hook: the type of $1 is what the statement needs at its place.
 */
static void
infer_types(ParseState *pstate, void *arg)
{
	Parameters *parameters = arg;

	setup_parse_variable_parameters(pstate, &parameters->types,
									&parameters->count);
}

/*
 * Values for the parameters.
 */
static ParamListInfo
bind(const Parameters *parameters, Jsonb *values, int given)
{
	ParamListInfo list;
	int i;

	if (parameters->count > given)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_PARAMETER),
				 errmsg("the statement has a parameter $%d, but \"params\" has %d values",
						parameters->count, given)));
	list = makeParamList(given);
	for (i = 0; i < given; i++)
	{
		Oid type = parameters->types[i];

		if (type == InvalidOid)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_PARAMETER),
					 errmsg("\"params\" has %d values, but the statement does not use $%d",
							given, i + 1)));
		if (type == UNKNOWNOID)
			ereport(ERROR,
					(errcode(ERRCODE_INDETERMINATE_DATATYPE),
					 errmsg("could not determine data type of parameter $%d", i + 1),
					 errhint("Add a cast, as in $%d::text.", i + 1)));
		list->params[i].ptype = type;
		list->params[i].pflags = PARAM_FLAG_CONST;
		list->params[i]
			.value = bind_one(i + 1, type,
							  getIthJsonbValueFromContainer(&values->root, i),
							  &list->params[i].isnull);
	}
	return list;
}

/*
 * A JSON value as a value of a type: JSON for json and jsonb, elements and
 * members for arrays and composite types, and text for all others.
 */
static Datum
bind_one(int number, Oid type, JsonbValue *value, bool *isnull)
{
	Oid base = getBaseType(type);
	Oid input;
	Oid io_param;
	char *text;

	*isnull = value->type == jbvNull;
	if (value->type == jbvBinary)
	{
		bool is_array = JsonContainerIsArray(value->val.binary.data);

		if ((is_array && type_is_array_domain(type)) ||
			(!is_array && type_is_rowtype(base) && base != RECORDOID))
			return populate(type, value, isnull);
	}
	if (*isnull)
		text = NULL; /* a domain may object */
	else if (base == JSONOID || base == JSONBOID || value->type == jbvBinary)
		text = json_text(value);
	else
		text = scalar_text(value);
	getTypeInputInfo(type, &input, &io_param);
	return OidInputFunctionCall(input, text, io_param, -1);
}

/*
 * A value as JSON text.
 */
static char *
json_text(JsonbValue *value)
{
	StringInfoData text;

	initStringInfo(&text);
	if (value->type == jbvString)
		escape_json(&text,
					pnstrdup(value->val.string.val, value->val.string.len));
	else if (value->type == jbvBinary)
		JsonbToCString(&text, value->val.binary.data, value->val.binary.len);
	else
		appendStringInfoString(&text, scalar_text(value));
	return text.data;
}

/*
 * A string bare, others as in JSON.
 */
static char *
scalar_text(JsonbValue *value)
{
	switch (value->type)
	{
		case jbvString:
			return pnstrdup(value->val.string.val, value->val.string.len);
		case jbvNumeric:
			return DatumGetCString(
				DirectFunctionCall1(numeric_out,
									NumericGetDatum(value->val.numeric)));
		case jbvBool:
			return value->val.boolean ? "true" : "false";
		default:
			return "null";
	}
}

/*
 * A JSON array as an array, an object as a row: PostgreSQL does that for the
 * columns of jsonb_to_record.
 */
static Datum
populate(Oid type, JsonbValue *value, bool *isnull)
{
	char *sql = psprintf(
		"SELECT p.value FROM pg_catalog.jsonb_to_record($1) AS p (value %s)",
		format_type_be_qualified(type));
	JsonbParseState *state = NULL;
	JsonbValue key;
	Oid types[1] = {JSONBOID};
	Datum values[1];
	Datum datum;

	key.type = jbvString;
	key.val.string.val = "value";
	key.val.string.len = 5;
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	pushJsonbValue(&state, WJB_KEY, &key);
	pushJsonbValue(&state, WJB_VALUE, value);
	values[0] = JsonbPGetDatum(
		JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
	if (SPI_execute_with_args(sql, 1, types, values, NULL, false, 0) !=
			SPI_OK_SELECT ||
		SPI_processed != 1)
		elog(ERROR, "could not read a value of type %s from JSON",
			 format_type_be(type));
	datum = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
						  isnull);
	if (!*isnull)
		datum = SPI_datumTransfer(datum, get_typbyval(type), get_typlen(type));
	return datum;
}

/* ---- rows ------------------------------------------------------------ */

/*
 * The rows are about to come: prepare to convert each column.
 */
static void
receive_start(DestReceiver *self, int operation, TupleDesc desc)
{
	Receiver *receiver = (Receiver *) self;
	MemoryContext caller = MemoryContextSwitchTo(
		MemoryContextGetParent(receiver->row_context));
	int i;
	int j;

	receiver->started = true;
	receiver->ncolumns = desc->natts;
	receiver->to_json = palloc0((desc->natts + 1) * sizeof(FmgrInfo));
	receiver->keys = palloc0((desc->natts + 1) * sizeof(char *));
	for (i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		StringInfoData key;
		Param *argument = makeNode(Param);

		for (j = 0; j < i; j++)
			if (strcmp(NameStr(attribute->attname),
					   NameStr(TupleDescAttr(desc, j)->attname)) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_DUPLICATE_COLUMN),
						 errmsg("the result has two columns named \"%s\"",
								NameStr(attribute->attname)),
						 errhint("Give each a name of its own by AS.")));
		initStringInfo(&key);
		escape_json(&key, NameStr(attribute->attname));
		appendStringInfoChar(&key, ':');
		receiver->keys[i] = key.data;

		/* to_json() asks for the type of its argument. */
		argument->paramtype = attribute->atttypid;
		argument->paramtypmod = attribute->atttypmod;
		fmgr_info(F_TO_JSON, &receiver->to_json[i]);
		fmgr_info_set_expr((Node *) makeFuncExpr(F_TO_JSON, JSONOID,
												 list_make1(argument),
												 InvalidOid, InvalidOid,
												 COERCE_EXPLICIT_CALL),
						   &receiver->to_json[i]);
	}
	MemoryContextSwitchTo(caller);
}

/*
 * A row has come.
 */
static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	Receiver *receiver = (Receiver *) self;
	const HitlUserStatement *statement = receiver->statement;
	MemoryContext caller = MemoryContextSwitchTo(receiver->row_context);
	int i;

	receiver->count++;
	if (statement->row_limit > 0 && receiver->count > statement->row_limit)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the statement returns more than " INT64_FORMAT " rows",
						statement->row_limit),
				 errdetail("A result that is too large is not cut, and nothing of the statement remains."),
				 errhint("Add LIMIT to the statement, or raise \"rows\" of the step.")));

	slot_getallattrs(slot);
	appendStringInfoString(&receiver->rows, receiver->count > 1 ? ",{" : "{");
	for (i = 0; i < receiver->ncolumns; i++)
	{
		if (i > 0)
			appendStringInfoChar(&receiver->rows, ',');
		appendStringInfoString(&receiver->rows, receiver->keys[i]);
		if (slot->tts_isnull[i])
			appendStringInfoString(&receiver->rows, "null");
		else
		{
			text *json = DatumGetTextPP(
				FunctionCall1(&receiver->to_json[i], slot->tts_values[i]));

			check_size(receiver, VARSIZE_ANY_EXHDR(json));
			appendBinaryStringInfo(&receiver->rows, VARDATA_ANY(json),
								   VARSIZE_ANY_EXHDR(json));
		}
	}
	appendStringInfoChar(&receiver->rows, '}');
	check_size(receiver, 0);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(receiver->row_context);
	return true;
}

/*
 * May the result grow by so many bytes?
 */
static void
check_size(const Receiver *receiver, Size more)
{
	Size limit = receiver->statement->size_limit;

	if (limit > 0 && receiver->rows.len + more > limit)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the statement returns more than hitl.max_response_size (%zu kB)",
						limit / 1024),
				 errdetail("A result that is too large is not cut, and nothing of the statement remains."),
				 errhint("Select fewer columns or rows.")));
}

static void
receive_nothing(DestReceiver *self)
{
}
