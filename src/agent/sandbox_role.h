/*
 * sandbox_role.h
 *		The roles as which the code of agents may run.
 */
#ifndef HITL_SANDBOX_ROLE_H
#define HITL_SANDBOX_ROLE_H

#include "postgres.h"

/* Why a role is none for the code of an agent. */
typedef struct HitlRoleFault
{
	char *message;
	char *detail; /* or NULL */
	char *hint;	  /* or NULL */
} HitlRoleFault;

/*
 * Can the code of an agent run as this role, which must exist?  If not, fault
 * says why.  To be called inside SPI.
 */
extern bool hitl_is_sandbox_role(Oid role, HitlRoleFault *fault);

#endif /* HITL_SANDBOX_ROLE_H */
