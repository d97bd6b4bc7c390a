/*
 * type.h
 *		Types of approvals: what an answer must look like.
 */
#ifndef HITL_APPROVAL_TYPE_H
#define HITL_APPROVAL_TYPE_H

#include "postgres.h"

#include "approval/approval.h"

/*
 * The form of a request of a type; both NULL where any answer will do.  Returns
 * NULL, or why there is no such form.
 */
extern char *hitl_find_form(const char *type, Jsonb *fields,
							Jsonb *context_data, Jsonb **schema,
							Jsonb **ui_schema, int *sqlerrcode);

/* ERROR unless an approval's data are as the form wants them. */
extern void hitl_check_form(HitlApproval *approval, Jsonb *response_data);

#endif /* HITL_APPROVAL_TYPE_H */
