/*
 * mailbox.h
 *		Leaving messages in the mailboxes of workflows.
 *
 * The engine takes messages in the order of due_at.  A message of a workflow
 * with a priority is queued as if it had come earlier, by HITL_HEAD_START a
 * level: it overtakes what came up to so long before it, and nothing else, so
 * nobody starves.
 */
#ifndef HITL_MAILBOX_H
#define HITL_MAILBOX_H

#include "postgres.h"

#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"
#include "workflow/rows.h"

/* What a level of priority is worth. */
#define HITL_HEAD_START "interval '10 seconds'"

#define HITL_MAX_PRIORITY 9

/* Leave a workflow a message; its priority is looked up. */
extern void hitl_tell_workflow(const pg_uuid_t *workflow_id, const char *kind,
							   Jsonb *body);

/* The same, the priority being known. */
extern void hitl_tell_ranked(const pg_uuid_t *workflow_id, const char *kind,
							 Jsonb *body, int priority);

/* A message that is due at some instant, whatever the priority. */
extern void hitl_tell_later(const pg_uuid_t *workflow_id, const char *kind,
							Jsonb *body, TimestampTz due_at);

#endif /* HITL_MAILBOX_H */
