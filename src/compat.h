/*
 * compat.h
 *		Every difference between PostgreSQL versions, in one place.
 */
#ifndef HITL_COMPAT_H
#define HITL_COMPAT_H

#include "postgres.h"

#include "catalog/pg_database.h"
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

/* 16 folded the ownership checks into one function. */
#if PG_VERSION_NUM < 160000
#define object_ownercheck(classid, objectid, roleid) \
	((classid) == DatabaseRelationId ? \
	 pg_database_ownercheck(objectid, roleid) : false)
#endif

/* A database whose DROP was interrupted cannot be connected to (15.4). */
#ifndef DATCONNLIMIT_INVALID_DB
#define DATCONNLIMIT_INVALID_DB (-2)
#endif

/* Wait events of extensions got names in 17. */
#if PG_VERSION_NUM >= 170000
#define hitl_wait_event(name) WaitEventExtensionNew(name)
#else
#define hitl_wait_event(name) PG_WAIT_EXTENSION
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

#endif							/* HITL_COMPAT_H */
