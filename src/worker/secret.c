/*
 * secret.c
 *		Keys of outside services: setting and deleting them.
 *
 * Both functions are SECURITY DEFINER; reading a value back is nobody's
 * business but the dispatcher's (outbox.c).
 *
 * Models and channels, which administrators configure, may use any secret.
 * Definitions are written by operators, and so an http step could send a
 * secret to a server of its author: it may use only those that were allowed
 * for the host that it calls.
 */
#include "postgres.h"

#include "hitl.h"

#include "utils/array.h"
#include "utils/builtins.h"

#include "db.h"
#include "version.h"
#include "worker/hosts.h"
#include "worker/worker.h"
#include "workflow/caller.h"

#define MAX_SECRET_NAME	  100
#define MAX_SECRET_LENGTH 8192
#define MAX_ALLOWED_HOSTS 100

PG_FUNCTION_INFO_V1(hitl_set_secret);
PG_FUNCTION_INFO_V1(hitl_delete_secret);

static text *name_argument(FunctionCallInfo fcinfo);
static text *value_argument(FunctionCallInfo fcinfo);
static ArrayType *hosts_argument(FunctionCallInfo fcinfo);

/*
 * hitl.set_secret(name, value, allowed_hosts): store or replace a secret.  A
 * new value leaves the hosts as they are unless they are given, too.  Requests
 * that wait for it are let go by the dispatcher, which sees for certain what
 * has been committed.
 */
Datum
hitl_set_secret(PG_FUNCTION_ARGS)
{
	static HitlStatement store = {
		"INSERT INTO hitl.secrets AS s (name, value, created_by, allowed_hosts)"
		" VALUES ($1, $2, $3, coalesce($4, '{}'))"
		" ON CONFLICT (name) DO UPDATE"
		" SET value = excluded.value, updated_at = now(),"
		" allowed_hosts = coalesce($4, s.allowed_hosts)",
		4,
		{TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID}};
	Datum values[4];
	ArrayType *hosts;

	hitl_require_version(); /* another one may give fewer arguments */
	hosts = hosts_argument(fcinfo);
	values[0] = PointerGetDatum(name_argument(fcinfo));
	values[1] = PointerGetDatum(value_argument(fcinfo));
	values[2] = CStringGetTextDatum(hitl_caller());
	values[3] = PointerGetDatum(hosts);

	SPI_connect();
	hitl_execute(&store, values, hosts == NULL ? "   n" : "    ", 0);
	SPI_finish();

	hitl_wake_at_commit(HITL_WORKER_DISPATCHER);
	PG_RETURN_VOID();
}

/*
 * hitl.delete_secret(name): forget a secret.
 */
Datum
hitl_delete_secret(PG_FUNCTION_ARGS)
{
	static HitlStatement forget = {"DELETE FROM hitl.secrets WHERE name = $1",
								   1,
								   {TEXTOID}};
	Datum values[1];
	bool found;

	values[0] = PointerGetDatum(name_argument(fcinfo));
	SPI_connect();
	hitl_execute(&forget, values, NULL, 0);
	found = SPI_processed > 0;
	SPI_finish();

	PG_RETURN_BOOL(found);
}

/*
 * The name, checked: it appears in error messages.
 */
static text *
name_argument(FunctionCallInfo fcinfo)
{
	text *name;
	const char *bytes;
	int length;
	int i;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("name of a secret must not be null")));
	name = PG_GETARG_TEXT_PP(0);
	bytes = VARDATA_ANY(name);
	length = VARSIZE_ANY_EXHDR(name);
	for (i = 0; i < length; i++)
		if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				   "0123456789_.-",
				   bytes[i]) == NULL)
			break;
	if (length == 0 || length > MAX_SECRET_NAME || i < length)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid name of a secret"),
				 errdetail("A name consists of 1 to %d letters, digits, underscores, hyphens and full stops.",
						   MAX_SECRET_NAME)));
	return name;
}

/*
 * The value, checked: it becomes part of a header line.  It is never part of
 * a message.
 */
static text *
value_argument(FunctionCallInfo fcinfo)
{
	text *value;
	const char *bytes;
	int length;
	int i;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("value of a secret must not be null"),
				 errhint("Use hitl.delete_secret to remove a secret.")));
	value = PG_GETARG_TEXT_PP(1);
	bytes = VARDATA_ANY(value);
	length = VARSIZE_ANY_EXHDR(value);
	if (length == 0 || length > MAX_SECRET_LENGTH)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value of a secret"),
				 errdetail("A value has 1 to %d bytes.", MAX_SECRET_LENGTH)));
	for (i = 0; i < length; i++)
		if ((unsigned char) bytes[i] < ' ' || bytes[i] == 0x7F)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid value of a secret"),
					 errdetail("A value must not contain control characters, such as a line break at its end.")));
	return value;
}

/*
 * The hosts that http steps may send it to, in lower case; NULL: not stated.
 */
static ArrayType *
hosts_argument(FunctionCallInfo fcinfo)
{
	ArrayType *given;
	Datum *elements;
	bool *nulls;
	int count;
	int i;

	if (PG_ARGISNULL(2))
		return NULL;
	given = PG_GETARG_ARRAYTYPE_P(2);
	if (ARR_NDIM(given) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("allowed_hosts must have one dimension")));
	deconstruct_array(given, TEXTOID, -1, false, TYPALIGN_INT, &elements,
					  &nulls, &count);
	if (count > MAX_ALLOWED_HOSTS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a secret can be allowed for %d hosts at most", MAX_ALLOWED_HOSTS)));
	for (i = 0; i < count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("allowed_hosts must not contain nulls")));
		elements[i] = CStringGetTextDatum(
			hitl_host_name(TextDatumGetCString(elements[i])));
	}
	return construct_array(elements, count, TEXTOID, -1, false, TYPALIGN_INT);
}
