/*
 * version.c
 *		The version of the library, and of the extension in this database.
 *
 * They differ between the installation of a new version with a restart of the
 * server and ALTER EXTENSION hitl UPDATE in each database.  Meanwhile the tables
 * are not those that the library knows: nothing works on them, and whoever
 * calls is told.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_extension.h"
#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"

#include "compat.h"
#include "version.h"

static bool is_older(const char *version);

PG_FUNCTION_INFO_V1(hitl_run_beside_script);

/*
 * What this database has of the extension, and which version.  Needs a
 * transaction.
 */
HitlPresence
hitl_presence(char **version)
{
	Relation relation;
	SysScanDesc scan;
	ScanKeyData key[1];
	HeapTuple tuple;

	*version = NULL;
	relation = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyInit(&key[0], Anum_pg_extension_extname, BTEqualStrategyNumber,
				F_NAMEEQ, CStringGetDatum("hitl"));
	scan = systable_beginscan(relation, ExtensionNameIndexId, true, NULL, 1,
							  key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool isnull;
		Datum value = heap_getattr(tuple, Anum_pg_extension_extversion,
								   RelationGetDescr(relation), &isnull);

		*version = isnull ? pstrdup("") : TextDatumGetCString(value);
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);

	if (*version == NULL)
		return HITL_NOT_THERE;
	return strcmp(*version, HITL_VERSION) == 0 ? HITL_THERE
											   : HITL_OTHER_VERSION;
}

/*
 * What is wrong with a version that is not the library's.
 */
char *
hitl_version_fault(const char *version)
{
	return psprintf(
		"extension hitl is version %s in database \"%s\", but the server has loaded version %s of its library",
		version, get_database_name(MyDatabaseId), HITL_VERSION);
}

/*
 * ... and what to do about it.
 */
const char *
hitl_version_hint(const char *version)
{
	return is_older(version)
		? "Have a superuser run ALTER EXTENSION hitl UPDATE in this database."
		: "Restart the server, so that it loads the library that is installed.";
}

/*
 * ERROR unless the extension is of the library's version.  One look is enough
 * for a session: it cannot become another one without a new library.
 */
void
hitl_require_version(void)
{
	static bool looked = false;
	char *version;

	if (likely(looked) || creating_extension)
		return;
	if (hitl_presence(&version) == HITL_OTHER_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg_internal("%s", hitl_version_fault(version)),
				 errhint("%s", hitl_version_hint(version))));
	looked = true;
}

/*
 * For update scripts: run a statement as if the script did not.  What a script
 * grants counts as part of the extension, and pg_dump leaves it out.
 */
Datum
hitl_run_beside_script(PG_FUNCTION_ARGS)
{
	char *statement = text_to_cstring(PG_GETARG_TEXT_PP(0));
	bool in_script = creating_extension;

	if (!superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("only superusers can update hitl")));
	SPI_connect();
	creating_extension = false;
	PG_TRY();
	{
		(void) SPI_execute(statement, false, 0);
	}
	PG_FINALLY();
	{
		creating_extension = in_script;
	}
	PG_END_TRY();
	SPI_finish();
	PG_RETURN_VOID();
}

/* ---- local ----------------------------------------------------------- */

/*
 * Is a version older than the library's?
 */
static bool
is_older(const char *version)
{
	int theirs[3] = {0};
	int ours[3] = {0};

	(void) sscanf(version, "%d.%d.%d", &theirs[0], &theirs[1], &theirs[2]);
	(void) sscanf(HITL_VERSION, "%d.%d.%d", &ours[0], &ours[1], &ours[2]);
	for (int i = 0; i < 3; i++)
		if (theirs[i] != ours[i])
			return theirs[i] < ours[i];
	return false;
}
