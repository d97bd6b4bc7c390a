/*
 * approval.h
 *		Approval requests and responses, as others in the server see them.
 *		All of it runs within SPI.
 */
#ifndef HITL_APPROVAL_H
#define HITL_APPROVAL_H

#include "postgres.h"

#include "utils/array.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"
#include "workflow/mailbox.h"
#include "workflow/rows.h"

/* ---- request.c ------------------------------------------------------- */

/* Insert the requests of a batch and queue their notifications. */
extern void hitl_insert_approvals(HitlRows *rows);

/* Cancel the pending requests that a batch withdraws. */
extern void hitl_withdraw_approvals(HitlRows *rows);

/* Cancel all pending requests of workflows. */
extern void hitl_withdraw_all_approvals(ArrayType *workflow_ids);

/*
 * After a statement that ended requests RETURNING id: wake who waits for
 * them, tell the channels.
 */
extern void hitl_announce_decided(const char *event_type);

/*
 * Let up to limit requests expire that are due, leaving out those that are
 * being answered right now.  Returns how many did; skipped is set if there are
 * none but such.
 */
extern int64 hitl_expire_due(int limit, bool *skipped);

extern void hitl_approval_missing(const pg_uuid_t *id) pg_attribute_noreturn();

/* Refuse to touch a request that is not pending any more, saying why. */
extern void hitl_refuse_ended(const pg_uuid_t *id, const char *status)
	pg_attribute_noreturn();

/* ERROR unless the caller may withdraw what role has asked. */
extern void hitl_check_requester(const pg_uuid_t *id, const char *role);

#endif /* HITL_APPROVAL_H */
