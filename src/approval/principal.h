/*
 * principal.h
 *		Who answers, and who may.  All of it runs within SPI.
 */
#ifndef HITL_PRINCIPAL_H
#define HITL_PRINCIPAL_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "utils/array.h"
#include "utils/jsonb.h"

/* Somebody who does something about a request. */
typedef struct HitlActor
{
	char *name;		 /* of the principal, or the text it is known by */
	bool registered; /* is a row of hitl.principals, which is locked */
	bool by_grant;	 /* the caller speaks for somebody else */
	List *names; /* char *: by which a request can ask this principal itself */
	List *delegators; /* HitlDelegator *: for whom it may answer now */
} HitlActor;

typedef struct HitlDelegator
{
	char *name;
	List *names; /* as above */
} HitlDelegator;

/*
 * Who approver_id is, when the caller says to be or to speak for that person;
 * NULL: the caller.  ERRORs if the caller may not.
 */
extern HitlActor *hitl_identify(const char *approver_id);

extern void hitl_refuse_inactive(const char *name) pg_attribute_noreturn();

/* The texts that mean a principal, or a text that means nobody else. */
extern List *hitl_own_names(const char *name);

/* The groups that a principal is in. */
extern List *hitl_groups_of(const char *name);

/* The role by which the caller is recognised. */
extern Oid hitl_identity_role_id(void);

/* A text[] as a list of C strings, and back; nulls are left out. */
extern List *hitl_text_list(ArrayType *array);
extern ArrayType *hitl_list_array(List *texts);
extern bool hitl_list_has(List *texts, const char *text);

/* Append those of more that are not in texts yet. */
extern List *hitl_join_names(List *texts, List *more);

/* Can somebody be called so?  What has another meaning is nobody's name. */
extern bool hitl_can_be_name(const char *text);

/* The strings of a JSON array, or a JSON string, each once. */
extern List *hitl_jsonb_names(Jsonb *value);

/* Texts as a list, each once, where it is first. */
extern List *hitl_distinct(char **texts, int count);

/* Append a list as a JSON array of strings. */
extern void hitl_append_names(StringInfo text, List *names);
extern Jsonb *hitl_names_jsonb(List *names);

#endif /* HITL_PRINCIPAL_H */
