/*
 * statement_error.c
 *		What is told of a statement that failed.
 */
#include "postgres.h"

#include "hitl.h"
#include "mb/pg_wchar.h"

#include "worker/executor.h"
#include "workflow/data.h"

/* Bytes of an error's texts that are kept. */
#define MAX_TEXT 2000

static Jsonb *failed(int64 token, Jsonb *error);
static const char *kind_of(int sqlerrcode);
static int position_of(const HitlUserStatement *statement,
					   const ErrorData *error);
static char *context_of(const HitlUserStatement *statement,
						const ErrorData *error);
static char *clip(const char *text);

/*
 * The body of a reply message that tells of a failure.
 */
Jsonb *
hitl_failed_statement(int64 token, const char *kind, const char *sqlstate,
					  const char *message, const char *detail, const char *hint)
{
	return failed(token,
				  hitl_facts("kind", kind, "message",
							 message ? clip(message) : "", "sqlstate", sqlstate,
							 "detail", clip(detail), "hint", clip(hint), NULL));
}

/*
 * The same for an error.
 */
Jsonb *
hitl_statement_error(const HitlUserStatement *statement, const ErrorData *error,
					 bool is_code)
{
	const char *kind = kind_of(error->sqlerrcode);
	const char *message = error->message;
	const char *detail = error->detail;
	const char *hint = error->hint;
	int position = position_of(statement, error);
	Jsonb *facts;

	/* Limits of its own: to try again does not help. */
	if (is_code &&
		(error->sqlerrcode == ERRCODE_OUT_OF_MEMORY ||
		 error->sqlerrcode == ERRCODE_CONFIGURATION_LIMIT_EXCEEDED))
	{
		kind = "validation_error";
		hint = "Process fewer rows, or smaller values, at once.";
	}
	if (is_code && error->sqlerrcode == ERRCODE_OUT_OF_MEMORY &&
		hitl_sandbox_memory > 0)
	{
		message = psprintf("the code needs more than %d MB of memory",
						   hitl_sandbox_memory);
		detail = NULL;
	}

	facts = hitl_facts("kind", kind, "message", message ? clip(message) : "",
					   "sqlstate", unpack_sql_state(error->sqlerrcode),
					   "detail", clip(detail), "hint", clip(hint), "context",
					   clip(context_of(statement, error)), NULL);
	if (position > 0)
		facts = hitl_merge(facts,
						   hitl_jsonb_parse(
							   psprintf("{\"position\": %d}", position)));
	return failed(statement->token, facts);
}

/*
 * The body with an error.
 */
static Jsonb *
failed(int64 token, Jsonb *error)
{
	return hitl_jsonb_parse(psprintf("{\"token\": " INT64_FORMAT
									 ", \"error\": %s}",
									 token, hitl_jsonb_text(error)));
}

/*
 * What kind of failure an SQLSTATE stands for.
 */
static const char *
kind_of(int sqlerrcode)
{
	const char *state = unpack_sql_state(sqlerrcode);
	static const char *const faulty[] = {"02", "09", "0A", "20", "21", "22",
										 "23", "24", "25", "26", "27", "2B",
										 "2D", "2F", "34", "38", "39", "3B",
										 "3D", "3F", "42", "44", "54", "55",
										 "P0", "WF"};
	int i;

	if (strncmp(state, "40", 2) == 0 || strncmp(state, "53", 2) == 0 ||
		strncmp(state, "08", 2) == 0 || strncmp(state, "57P0", 4) == 0 ||
		sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE)
		return "service_unavailable";
	if (sqlerrcode == ERRCODE_INSUFFICIENT_PRIVILEGE)
		return "permission_error";
	if (strncmp(state, "28", 2) == 0)
		return "authentication_error";
	if (strncmp(state, "XX", 2) == 0 || strncmp(state, "58", 2) == 0)
		return "system_error";
	for (i = 0; i < lengthof(faulty); i++)
		if (strncmp(state, faulty[i], 2) == 0)
			return "validation_error";
	return "unknown_error";
}

/*
 * At which character of the text the error is, from 1; 0 if it is not in there, but
 * in a function, or only came up while it ran.
 */
static int
position_of(const HitlUserStatement *statement, const ErrorData *error)
{
	if (error->cursorpos > 0)
		return error->cursorpos;
	if (error->internalpos > 0 && error->internalquery != NULL &&
		statement->part != NULL &&
		strcmp(error->internalquery, statement->part) == 0)
		return statement->before + error->internalpos;
	return 0;
}

/*
 * In which functions the error is, and in which of several statements; NULL where
 * there is nothing to say.
 */
static char *
context_of(const HitlUserStatement *statement, const ErrorData *error)
{
	StringInfoData context;
	const char *end;

	initStringInfo(&context);
	if (error->context != NULL)
	{
		/* The outermost line is about the statement itself, which is known. */
		end = error->context + strlen(error->context);
		if (statement->part != NULL)
		{
			const char *found = NULL;
			const char *next = error->context;

			while ((next = strstr(next, statement->part)) != NULL)
				found = next++;
			if (found != NULL)
				for (end = found; end > error->context && end[-1] != '\n';)
					end--;
		}
		appendBinaryStringInfo(&context, error->context, end - error->context);
	}
	if (statement->count > 1 && statement->number > 0)
		appendStringInfo(&context, "statement %d of %d", statement->number,
						 statement->count);
	else if (context.len > 0 && context.data[context.len - 1] == '\n')
		context.data[--context.len] = '\0';
	return context.len > 0 ? context.data : NULL;
}

/*
 * The beginning of a text; of none, none.
 */
static char *
clip(const char *text)
{
	if (text == NULL)
		return NULL;
	return pnstrdup(text, pg_mbcliplen(text, strlen(text), MAX_TEXT));
}
