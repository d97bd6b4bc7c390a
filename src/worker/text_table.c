/*
 * text_table.c
 *		Rows as lines of text, for those who read and pay by the word: models.
 *
 *		id | name
 *		1 | Ann
 *		2 | NULL
 *		(2 rows)
 *
 * A value takes one line, and is cut if it is long.  Rows beyond the limits are
 * counted at most.
 */
#include "postgres.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "tcop/dest.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "worker/executor.h"

#define MAX_VALUE 500 /* characters of one */

static void receive_start(DestReceiver *self, int operation, TupleDesc desc);
static bool receive_row(TupleTableSlot *slot, DestReceiver *self);
static bool has_room(const HitlTextTable *table, int before);
static void add_value(HitlTextTable *table, const char *value);
static const char *s(int64 count);
static void receive_nothing(DestReceiver *self);

/*
 * Prepare to receive.
 */
void
hitl_begin_table(HitlTextTable *table)
{
	table->pub.receiveSlot = receive_row;
	table->pub.rStartup = receive_start;
	table->pub.rShutdown = receive_nothing;
	table->pub.rDestroy = receive_nothing;
	table->pub.mydest = DestTuplestore;
	table->row_context = AllocSetContextCreate(CurrentMemoryContext, "hitl row",
											   ALLOCSET_DEFAULT_SIZES);
}

/*
 * The last line.
 */
void
hitl_end_table(HitlTextTable *table)
{
	StringInfo text = table->text;

	MemoryContextDelete(table->row_context);
	if (!table->started)
		return;
	if (!table->full)
		appendStringInfo(text, "(" INT64_FORMAT " row%s)\n", table->count,
						 s(table->count));
	else if (table->may_stop)
		appendStringInfo(text,
						 "… first " INT64_FORMAT
						 " row%s shown, there are more\n",
						 table->shown, s(table->shown));
	else
		appendStringInfo(text,
						 "… first " INT64_FORMAT " of " INT64_FORMAT
						 " rows shown\n",
						 table->shown, table->count);
	if (table->values_cut)
		appendStringInfo(
			text, "… at the end of a value: it is longer than %d characters\n",
			MAX_VALUE);
}

/*
 * The rows are about to come: a line with the names of the columns.
 */
static void
receive_start(DestReceiver *self, int operation, TupleDesc desc)
{
	HitlTextTable *table = (HitlTextTable *) self;
	MemoryContext caller = MemoryContextSwitchTo(
		MemoryContextGetParent(table->row_context));
	int before = table->text->len;
	int i;

	table->started = true;
	table->ncolumns = desc->natts;
	table->output = palloc0((desc->natts + 1) * sizeof(FmgrInfo));
	for (i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		Oid function;
		bool is_varlena;

		getTypeOutputInfo(attribute->atttypid, &function, &is_varlena);
		fmgr_info(function, &table->output[i]);
		if (i > 0)
			appendStringInfoString(table->text, " | ");
		add_value(table, NameStr(attribute->attname));
	}
	if (desc->natts > 0)
		appendStringInfoChar(table->text, '\n');
	if (!has_room(table, before))
		table->full = true;
	MemoryContextSwitchTo(caller);
}

/*
 * A row has come.  False: no more of them.
 */
static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	HitlTextTable *table = (HitlTextTable *) self;
	int before = table->text->len;
	MemoryContext caller;
	int i;

	table->count++;
	if (table->row_limit > 0 && table->count > table->row_limit)
		table->full = true;
	if (table->full)
		return !table->may_stop;

	caller = MemoryContextSwitchTo(table->row_context);
	slot_getallattrs(slot);
	for (i = 0; i < table->ncolumns; i++)
	{
		if (i > 0)
			appendStringInfoString(table->text, " | ");
		if (slot->tts_isnull[i])
			appendStringInfoString(table->text, "NULL");
		else
			add_value(table,
					  OutputFunctionCall(&table->output[i],
										 slot->tts_values[i]));
	}
	appendStringInfoChar(table->text, '\n');
	MemoryContextSwitchTo(caller);
	MemoryContextReset(table->row_context);

	if (has_room(table, before))
		table->shown++;
	else
		table->full = true;
	return !table->full || !table->may_stop;
}

/*
 * Is the text within its limit?  If not, what was added is taken away again.
 */
static bool
has_room(const HitlTextTable *table, int before)
{
	StringInfo text = table->text;

	if (table->size_limit == 0 || text->len <= table->size_limit)
		return true;
	text->len = before;
	text->data[before] = '\0';
	return false;
}

/*
 * A value, or its beginning, in one line.
 */
static void
add_value(HitlTextTable *table, const char *value)
{
	StringInfo text = table->text;
	int length = strlen(value);
	int kept = pg_mbcharcliplen(value, length, MAX_VALUE);
	int i;

	for (i = 0; i < kept; i++)
		switch (value[i])
		{
			case '\n':
				appendStringInfoString(text, "\\n");
				break;
			case '\r':
				appendStringInfoString(text, "\\r");
				break;
			default:
				appendStringInfoChar(text, value[i]);
		}
	if (kept < length)
	{
		appendStringInfoString(text, "…");
		table->values_cut = true;
	}
}

/*
 * The ending of a plural.
 */
static const char *
s(int64 count)
{
	return count == 1 ? "" : "s";
}

static void
receive_nothing(DestReceiver *self)
{
}
