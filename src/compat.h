/*
 * compat.h
 *		Every difference between PostgreSQL versions, in one place.
 */
#ifndef HITL_COMPAT_H
#define HITL_COMPAT_H

#include "postgres.h"

#include "catalog/pg_database.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/backendid.h"
#include "storage/latch.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"
#if PG_VERSION_NUM >= 180000
#include "storage/waiteventset.h"
#endif

#if PG_VERSION_NUM < 150000
#error "hitl needs PostgreSQL 15 or later"
#endif

/*
 * 15 declares a function of the SQL interface without saying that it is to be
 * visible outside the library.
 */
#if PG_VERSION_NUM < 160000
#undef PG_FUNCTION_INFO_V1
#define PG_FUNCTION_INFO_V1(funcname) \
	extern PGDLLEXPORT Datum funcname(PG_FUNCTION_ARGS); \
	extern PGDLLEXPORT const Pg_finfo_record *CppConcat(pg_finfo_, \
														funcname)(void); \
	const Pg_finfo_record *CppConcat(pg_finfo_, funcname)(void) \
	{ \
		static const Pg_finfo_record my_finfo = {1}; \
		return &my_finfo; \
	} \
	extern int no_such_variable
#endif

/* 16 folded the checks of ownership and of privileges into one function each. */
#if PG_VERSION_NUM < 160000
#define object_ownercheck(classid, objectid, roleid) \
	((classid) == DatabaseRelationId \
		 ? pg_database_ownercheck(objectid, roleid) \
		 : false)
#define object_aclcheck(classid, objectid, roleid, mode) \
	((classid) == DatabaseRelationId \
		 ? pg_database_aclcheck(objectid, roleid, mode) \
		 : (classid) == NamespaceRelationId \
		 ? pg_namespace_aclcheck(objectid, roleid, mode) \
		 : (classid) == ProcedureRelationId \
		 ? pg_proc_aclcheck(objectid, roleid, mode) \
		 : ACLCHECK_NO_PRIV)
#endif

/* A database whose DROP was interrupted cannot be connected to (15.4). */
#ifndef DATCONNLIMIT_INVALID_DB
#define DATCONNLIMIT_INVALID_DB (-2)
#endif

/* MERGE returns rows since 17. */
#if PG_VERSION_NUM < 170000
#define SPI_OK_MERGE_RETURNING 19
#endif

/* 18 counts the searches of an index for EXPLAIN. */
#if PG_VERSION_NUM >= 180000
#define hitl_index_beginscan(table, index, snapshot, nkeys) \
	index_beginscan(table, index, snapshot, NULL, nkeys, 0)
#else
#define hitl_index_beginscan(table, index, snapshot, nkeys) \
	index_beginscan(table, index, snapshot, nkeys, 0)
#endif

/* What a check hook hands to its assign hook is of malloc() before 16. */
#if PG_VERSION_NUM >= 160000
#define hitl_guc_malloc(size) guc_malloc(LOG, size)
#else
#define hitl_guc_malloc(size) malloc(size)
#endif

/* Wait events of extensions got names in 17. */
#if PG_VERSION_NUM >= 170000
#define hitl_wait_event(name) WaitEventExtensionNew(name)
#else
#define hitl_wait_event(name) PG_WAIT_EXTENSION
#endif

/* A number of this process that no other living one has, and not a large one. */
#if PG_VERSION_NUM >= 170000
#define hitl_process_number() MyProcNumber
#else
#define hitl_process_number() MyBackendId
#endif

/* A set that lives as long as the process; 17 asks for a resource owner. */
static inline WaitEventSet *
hitl_create_wait_event_set(int nevents)
{
#if PG_VERSION_NUM >= 170000
	return CreateWaitEventSet(NULL, nevents);
#else
	return CreateWaitEventSet(TopMemoryContext, nevents);
#endif
}

#endif /* HITL_COMPAT_H */
