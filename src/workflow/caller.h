/*
 * caller.h
 *		Who calls a function.
 */
#ifndef HITL_CALLER_H
#define HITL_CALLER_H

#include "postgres.h"

#include "miscadmin.h"

/*
 * A statement of an sql step is being run: the session is that of the owner of
 * its workflow for so long, and what is restricted is what its statement may do.
 */
extern bool hitl_running_statement; /* caller.c */

/* The role for which the gateway acts, having recognised it (hitl.call_as). */
extern Oid hitl_acting_role; /* caller.c; InvalidOid: none */

/*
 * The role on whose authority a function of hitl runs: the one in force in the
 * session (SET ROLE counts, SECURITY DEFINER does not), or that for which the
 * gateway acts.
 */
static inline Oid
hitl_caller_id(void)
{
	/*
	 * ANALYZE, REINDEX, REFRESH MATERIALIZED VIEW and the like run functions
	 * of a table's owner in the session of somebody else, autovacuum in one
	 * of the superuser.  That somebody has not called us.
	 */
	if (InSecurityRestrictedOperation() && !hitl_running_statement)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("hitl cannot be used within a security-restricted operation"),
				 errdetail("Functions in index expressions and materialized views must not act for the session's role.")));
	return OidIsValid(hitl_acting_role) ? hitl_acting_role : GetOuterUserId();
}

static inline char *
hitl_caller(void)
{
	return GetUserNameFromId(hitl_caller_id(), false);
}

/* The role that logged in. */
static inline char *
hitl_session_role(void)
{
	return GetUserNameFromId(GetSessionUserId(), false);
}

#endif /* HITL_CALLER_H */
