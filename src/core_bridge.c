/*
 * core_bridge.c
 *		Opens hitl_core.so.
 *
 * RTLD_LOCAL and RTLD_DEEPBIND keep the core to itself: it finds its own
 * symbols first, and nobody finds them instead of the server's.
 */
#include "postgres.h"

#include <dlfcn.h>

#include "core_bridge.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

/*
 * The functions of hitl_core.so, opened at the first call in this process.
 */
const HitlCoreApi *
hitl_core(void)
{
	static const HitlCoreApi *api = NULL;
	char *path;
	void *library;
	const HitlCoreApi *(*entry)(void);

	if (likely(api != NULL))
		return api;

	path = psprintf("%s/hitl_core.so", pkglib_path);
	library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
	if (library == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FILE),
				 errmsg("could not load library \"%s\": %s", path, dlerror()),
				 errhint("Install hitl_core.so beside hitl.so, from the same build.")));

	*(void **) &entry = dlsym(library, "hitl_core_api");
	if (entry == NULL || entry()->abi != HITL_CORE_ABI)
		ereport(ERROR,
				(errcode(ERRCODE_SYSTEM_ERROR),
				 errmsg("library \"%s\" does not belong to this version of hitl", path),
				 errhint("Install hitl.so and hitl_core.so from one build.")));
	pfree(path);

	api = entry();
	return api;
}

/*
 * Report that the core could not allocate memory.
 */
void
hitl_core_out_of_memory(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_OUT_OF_MEMORY),
			 errmsg("out of memory"),
			 errdetail("Failed in the library hitl_core.")));
}

/*
 * Why a call into the core did not succeed; NULL if it did.
 */
char *
hitl_core_fault(HitlResult result, char *error)
{
	char *fault;

	if (result == HITL_OK)
		return NULL;
	if (result == HITL_NO_MEMORY)
		hitl_core_out_of_memory();
	fault = pstrdup(error ? error : "No reason was given.");
	hitl_core()->free_text(error);
	return fault;
}

/*
 * Raise the error that a callback could not let pass through the core.
 */
void
hitl_core_rethrow(ErrorData *error)
{
	if (error == NULL)
		elog(ERROR, "the core reports a failure that its host does not know");
	ReThrowError(error);
}

/*
 * Put faults into a result, a row each.
 */
void
hitl_put_faults(ReturnSetInfo *result, HitlFaults *faults)
{
	int i;

	for (i = 0; i < faults->count; i++)
	{
		Datum values[2];
		bool nulls[2] = {false, false};

		values[0] = CStringGetTextDatum(faults->items[i].pointer);
		values[1] = CStringGetTextDatum(faults->items[i].message);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	hitl_core()->free_faults(faults);
}

/*
 * Faults as the lines of a detail.
 */
char *
hitl_list_faults(HitlFaults *faults, const char *document)
{
	StringInfoData lines;
	int i;

	initStringInfo(&lines);
	for (i = 0; i < faults->count; i++)
		appendStringInfo(&lines, "%s%s: %s", i ? "\n" : "",
						 faults->items[i].pointer[0] ? faults->items[i].pointer
													 : document,
						 faults->items[i].message);
	hitl_core()->free_faults(faults);
	return lines.data;
}
