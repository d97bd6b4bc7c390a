/*
 * caller.h
 *		Who calls a function.
 */
#ifndef HITL_CALLER_H
#define HITL_CALLER_H

#include "postgres.h"

#include "miscadmin.h"

/*
 * The role on whose authority a function of hitl runs: the one in force in the
 * session (SET ROLE counts, SECURITY DEFINER does not).
 */
static inline char *
hitl_caller(void)
{
	return GetUserNameFromId(GetOuterUserId(), false);
}

/* The role that logged in. */
static inline char *
hitl_session_role(void)
{
	return GetUserNameFromId(GetSessionUserId(), false);
}

#endif							/* HITL_CALLER_H */
