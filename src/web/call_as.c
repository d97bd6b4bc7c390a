/*
 * call_as.c
 *		Acting for a role that was recognised by other means than a login.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "hitl.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/jsonb.h"
#include "workflow/caller.h"

PG_FUNCTION_INFO_V1(hitl_call_as);

/*
 * hitl.call_as(role, statement, argument): the jsonb that a statement gives which
 * is run with the rights of a role and on its authority; $1 is the argument.
 */
Datum
hitl_call_as(PG_FUNCTION_ARGS)
{
	Oid role = get_role_oid(NameStr(*PG_GETARG_NAME(0)), false);
	char *statement = text_to_cstring(PG_GETARG_TEXT_PP(1));
	Oid type = JSONBOID;
	Datum argument = PG_GETARG_DATUM(2);
	MemoryContext context = CurrentMemoryContext;
	Oid previous = hitl_acting_role;
	Datum result = (Datum) 0;
	bool isnull = true;
	Oid user;
	int security;

	GetUserIdAndSecContext(&user, &security);
	SPI_connect();
	PG_TRY();
	{
		hitl_acting_role = role;
		SetUserIdAndSecContext(role, security | SECURITY_LOCAL_USERID_CHANGE);
		if (SPI_execute_with_args(statement, 1, &type, &argument, NULL, false,
								  1) != SPI_OK_SELECT)
			elog(ERROR, "call_as needs a query");
		if (SPI_processed > 0)
		{
			result = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
								   1, &isnull);
			if (!isnull)
			{
				MemoryContext spi = MemoryContextSwitchTo(context);

				result = datumCopy(result, false, -1);
				MemoryContextSwitchTo(spi);
			}
		}
	}
	PG_FINALLY();
	{
		hitl_acting_role = previous;
	}
	PG_END_TRY();
	SetUserIdAndSecContext(user, security);
	SPI_finish();
	if (isnull)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(result);
}
