/*
 * payload.c
 *		JSON that programs outside hand to workflows.
 */
#include "postgres.h"

#include "hitl.h"
#include "utils/builtins.h"
#include "workflow/payload.h"

/* The core reads less deeply nested documents than jsonb can hold. */
#define MAX_PAYLOAD_DEPTH 200

/* The longest name of a queue or a signal, in bytes. */
#define MAX_NAME_LENGTH 200

/*
 * Refuse what would have to be refused later, when nobody is there to be told.
 */
void
hitl_check_payload(Jsonb *payload, const char *name)
{
	JsonbIterator *it = JsonbIteratorInit(&payload->root);
	JsonbIteratorToken token;
	JsonbValue value;
	int depth = 0;

	if (VARSIZE(payload) > (Size) hitl_max_response_size * 1024)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%s is too large", name),
				 errdetail("It has %u bytes, the limit is %d kB.",
						   (unsigned) VARSIZE(payload), hitl_max_response_size),
				 errhint("Keep it elsewhere and pass a reference, or raise hitl.max_response_size.")));
	while ((token = JsonbIteratorNext(&it, &value, false)) != WJB_DONE)
	{
		if (token == WJB_BEGIN_ARRAY || token == WJB_BEGIN_OBJECT)
			depth++;
		else if (token == WJB_END_ARRAY || token == WJB_END_OBJECT)
			depth--;
		if (depth > MAX_PAYLOAD_DEPTH)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("%s is nested too deeply", name),
					 errdetail("The limit is %d levels.", MAX_PAYLOAD_DEPTH)));
	}
}

/*
 * The name of a queue or a signal.
 */
char *
hitl_check_name(text *name, const char *argument)
{
	int length = VARSIZE_ANY_EXHDR(name);

	if (length == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be empty", argument)));
	if (length > MAX_NAME_LENGTH)
		ereport(ERROR,
				(errcode(ERRCODE_NAME_TOO_LONG),
				 errmsg("%s is too long", argument),
				 errdetail("The limit is %d bytes.", MAX_NAME_LENGTH)));
	return text_to_cstring(name);
}
