/*
 * log.c
 *		What hitl tells the server's log: a line for each happening.
 *
 * What happens in a transaction is told after its commit, by the process that
 * has committed it, be it a worker or a client's session.  The callbacks for
 * that run at the end of every transaction of every session, so they do nothing
 * but look at a pointer when there is nothing to tell.
 *
 * A transaction that is prepared (two-phase commit) is not told of: who commits
 * it does not know what it did.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type_d.h"
#include "commands/dbcommands.h"
#include "compat.h"
#include "hitl.h"
#include "lib/stringinfo.h"
#include "log.h"
#include "miscadmin.h"
#include "pending.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/varlena.h"
#include "workflow/identifier.h"

struct HitlLine
{
	HitlPending pending;
	const char *event;
	StringInfoData facts; /* JSON text, still open */
};

int hitl_log_wanted = 0;

/* The names in the setting. */
static const struct
{
	const char *name;
	int kinds;
} names[] = {
	{"workflows", HITL_LOG_WORKFLOWS},
	{"steps", HITL_LOG_STEPS},
	{"approvals", HITL_LOG_APPROVALS},
	{"requests", HITL_LOG_REQUESTS},
	{"statements", HITL_LOG_STATEMENTS},
	{"workers", HITL_LOG_WORKERS},
	{"failures", HITL_LOG_FAILURES},
	{"none", 0},
	{"all", ~0},
};

/* That of this process, once it was looked up; it can be renamed by others only. */
static char *database = NULL;

/* Left by this transaction. */
static dlist_head pending = DLIST_STATIC_INIT(pending);
static bool prepared = false; /* do the callbacks run? */

static void append_key(HitlLine *line, const char *key);
static void emit(HitlLine *line);
static char *message_of(const char *event);
static void at_transaction_end(XactEvent event, void *arg);
static void at_subtransaction_end(SubXactEvent event, SubTransactionId mine,
								  SubTransactionId parent, void *arg);
static void at_release(ResourceReleasePhase phase, bool is_commit,
					   bool is_top_level, void *arg);
static void emit_pending(void);

/*
 * At module start, so that every session inherits the callbacks.
 */
void
hitl_log_init(void)
{
	RegisterXactCallback(at_transaction_end, NULL);
	RegisterSubXactCallback(at_subtransaction_end, NULL);
	RegisterResourceReleaseCallback(at_release, NULL);
	prepared = true;
}

/*
 * Check hitl.log_happenings.
 */
bool
hitl_check_log(char **value, void **extra, GucSource source)
{
	char *text = pstrdup(*value);
	List *words;
	ListCell *cell;
	int wanted = 0;

	if (!SplitIdentifierString(text, ',', &words))
	{
		GUC_check_errdetail("List syntax is invalid.");
		return false;
	}
	foreach(cell, words)
	{
		const char *word = lfirst(cell);
		int i = 0;

		while (i < lengthof(names) && strcmp(word, names[i].name) != 0)
			i++;
		if (i == lengthof(names))
		{
			GUC_check_errdetail("There are no happenings named \"%s\".", word);
			GUC_check_errhint(
				"They are workflows, steps, approvals, requests, statements, workers, failures; all; none.");
			return false;
		}
		if (names[i].kinds == 0 && list_length(words) > 1)
		{
			GUC_check_errdetail("\"none\" stands alone.");
			return false;
		}
		wanted |= names[i].kinds;
	}
	list_free(words);
	pfree(text);

	*extra = hitl_guc_malloc(sizeof(int));
	if (*extra == NULL)
		return false;
	*(int *) *extra = wanted;
	return true;
}

/*
 * Take it over.
 */
void
hitl_assign_log(const char *value, void *extra)
{
	hitl_log_wanted = *(int *) extra;
}

/*
 * Look up the name of the database, which lines are to have that are not of a
 * transaction: of workers the log itself does not tell it.
 */
void
hitl_log_know_database(void)
{
	char *name = OidIsValid(MyDatabaseId) ? get_database_name(MyDatabaseId)
										  : NULL;

	if (name != NULL && database == NULL)
		database = MemoryContextStrdup(TopMemoryContext, name);
}

/*
 * Begin a line.
 */
HitlLine *
hitl_log_begin(const char *event)
{
	HitlLine *line = palloc0(sizeof(HitlLine));

	line->event = event;
	initStringInfo(&line->facts);
	appendStringInfo(&line->facts, "{\"event\": \"%s\"", event);

	if (database == NULL && IsTransactionState())
		hitl_log_know_database();
	hitl_log_text(line, "database", database);
	return line;
}

/*
 * Add an id.
 */
void
hitl_log_id(HitlLine *line, const char *key, const pg_uuid_t *id)
{
	if (id != NULL)
		hitl_log_text(line, key, hitl_id_text(id));
}

/*
 * Add a text, on one line.
 */
void
hitl_log_text(HitlLine *line, const char *key, const char *value)
{
	if (value == NULL)
		return;
	append_key(line, key);
	escape_json(&line->facts, value);
}

/*
 * Add a number.
 */
void
hitl_log_number(HitlLine *line, const char *key, int64 value)
{
	append_key(line, key);
	appendStringInfo(&line->facts, INT64_FORMAT, value);
}

/*
 * Add an instant.
 */
void
hitl_log_time(HitlLine *line, const char *key, TimestampTz value)
{
	char text[MAXDATELEN + 1];

	if (value == 0)
		return;
	JsonEncodeDateTime(text, TimestampTzGetDatum(value), TIMESTAMPTZOID, NULL);
	hitl_log_text(line, key, text);
}

/*
 * Add that something is the case.
 */
void
hitl_log_true(HitlLine *line, const char *key)
{
	append_key(line, key);
	appendStringInfoString(&line->facts, "true");
}

/*
 * Add how long something took.
 */
void
hitl_log_since(HitlLine *line, TimestampTz since, TimestampTz until)
{
	if (since != 0)
		hitl_log_number(line, "ms", Max(until - since, 0) / 1000);
}

/*
 * The same of something short.
 */
void
hitl_log_ms(HitlLine *line, double ms)
{
	append_key(line, "ms");
	appendStringInfo(&line->facts, "%.1f", ms);
}

/*
 * Leave a line for the end of the transaction.
 */
void
hitl_log_at_commit(HitlLine *line)
{
	MemoryContext before;
	HitlLine *kept;

	if (!prepared)
		return;
	before = MemoryContextSwitchTo(TopTransactionContext);
	kept = palloc(sizeof(HitlLine));
	*kept = *line;
	kept->event = pstrdup(line->event);
	kept->facts.data = pnstrdup(line->facts.data, line->facts.len);
	kept->facts.maxlen = line->facts.len + 1;
	hitl_leave(&pending, &kept->pending);
	MemoryContextSwitchTo(before);
	pfree(line->facts.data);
	pfree(line);
}

/*
 * Log a line at once.
 */
void
hitl_log_now(HitlLine *line)
{
	emit(line);
	pfree(line->facts.data);
	pfree(line);
}

/* ---- local ----------------------------------------------------------- */

/*
 * Begin a member of the object.
 */
static void
append_key(HitlLine *line, const char *key)
{
	appendStringInfo(&line->facts, ", \"%s\": ", key);
}

/*
 * Write a line to the server's log, and to nobody's client: without the
 * statement, which may contain anything, and without a context, which it is out
 * of.
 */
static void
emit(HitlLine *line)
{
	ErrorContextCallback *callers = error_context_stack;

	error_context_stack = NULL;
	appendStringInfoChar(&line->facts, '}');
	ereport(LOG_SERVER_ONLY,
			(errmsg_internal("hitl: %s", message_of(line->event)),
			 errdetail_log("%s", line->facts.data),
			 errhidestmt(true),
			 errhidecontext(true)));
	error_context_stack = callers;
}

/*
 * The name of a happening as words.
 */
static char *
message_of(const char *event)
{
	char *message = pstrdup(event);
	char *c;

	for (c = message; *c != '\0'; c++)
		if (*c == '_')
			*c = ' ';
	return message;
}

/*
 * What is not committed has not happened.
 */
static void
at_transaction_end(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
		dlist_init(&pending);
}

/*
 * What a subtransaction has left is its parent's now, or has not happened.
 */
static void
at_subtransaction_end(SubXactEvent event, SubTransactionId mine,
					  SubTransactionId parent, void *arg)
{
	hitl_settle_pending(&pending, event);
}

/*
 * Tell of a transaction when it has committed and released its locks, so that
 * nobody waits for the log, and before others are woken, who tell what they do
 * about it.  An error cannot be raised any more: lines for which there is no
 * memory are left out.
 */
static void
at_release(ResourceReleasePhase phase, bool is_commit, bool is_top_level,
		   void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	uint32 holdoff = InterruptHoldoffCount;

	if (dlist_is_empty(&pending) || phase != RESOURCE_RELEASE_AFTER_LOCKS ||
		!is_commit || !is_top_level)
		return;
	MemoryContextSwitchTo(TopTransactionContext);
	PG_TRY();
	{
		emit_pending();
	}
	PG_CATCH();
	{
		FlushErrorState();
		InterruptHoldoffCount = holdoff; /* an error has set it to zero */
	}
	PG_END_TRY();
	dlist_init(&pending);
	MemoryContextSwitchTo(context);
}

/*
 * Write the lines of the transaction, in the order in which they were left.
 */
static void
emit_pending(void)
{
	dlist_iter iter;

	dlist_foreach(iter, &pending)
		emit(dlist_container(HitlLine, pending.node, iter.cur));
}
