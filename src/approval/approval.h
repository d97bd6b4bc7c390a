/*
 * approval.h
 *		Approval requests and what is done about them, as others in the server
 *		see them.  All of it runs within SPI.
 */
#ifndef HITL_APPROVAL_H
#define HITL_APPROVAL_H

#include "postgres.h"

#include "core/core.h"
#include "log.h"
#include "nodes/pg_list.h"
#include "utils/array.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"
#include "workflow/mailbox.h"
#include "workflow/rows.h"

/* ---- ask.c -------------------------------------------------------------- */

/* Columns of the rows for hitl_insert_approvals. */
#define HITL_APPROVAL_COLUMNS 18
extern const Oid hitl_approval_types[HITL_APPROVAL_COLUMNS];

/*
 * Add a row of a request: body as of a REQUEST_APPROVAL effect; workflow_id and
 * step may be NULL, token 0; requesters: char *, whose principals are those who
 * asked.  Returns NULL, or why it cannot be made, with an SQLSTATE.
 */
extern char *hitl_prepare_approval(HitlRows *rows, const pg_uuid_t *id,
								   const pg_uuid_t *workflow_id, int64 token,
								   const char *step, Jsonb *body,
								   const char *requested_by, const char *role,
								   List *requesters, int *sqlerrcode);

/* Insert the requests of a batch, and do what follows from them at once. */
extern void hitl_insert_approvals(HitlRows *rows);

/* ---- request.c ------------------------------------------------------- */

/* Cancel the pending requests that a batch withdraws. */
extern void hitl_withdraw_approvals(HitlRows *rows);

/* Cancel all pending requests of workflows. */
extern void hitl_withdraw_all_approvals(ArrayType *workflow_ids);

/*
 * After a statement that ended requests RETURNING id, workflow_id: wake who
 * waits for them, tell the channels and the log.  event_type: approval.<status>.
 */
extern void hitl_announce_decided(const char *event_type);

extern void hitl_approval_missing(const pg_uuid_t *id) pg_attribute_noreturn();

/* Refuse to touch a request that is not pending any more, saying why. */
extern void hitl_refuse_ended(const pg_uuid_t *id, const char *status)
	pg_attribute_noreturn();

/* ERROR unless the caller may withdraw or revise what role has asked. */
extern void hitl_check_requester(const pg_uuid_t *id, const char *role);
extern bool hitl_is_requester(const char *role);

/* Begin a line of the log about a request; workflow_id and step may be NULL. */
extern HitlLine *hitl_log_approval(const char *event, const pg_uuid_t *id,
								   const pg_uuid_t *workflow_id,
								   const char *step);

/* ---- due.c ------------------------------------------------------------ */

/*
 * Do what is due by time for up to limit requests, leaving out those that are
 * being answered right now.  Returns for how many; skipped is set if there are
 * none but such.
 */
extern int64 hitl_expire_due(int limit, bool *skipped);

/* ---- case.c ------------------------------------------------------------ */

/* A request, its row locked. */
typedef struct HitlApproval
{
	pg_uuid_t id;
	char *status;
	bool has_workflow;
	pg_uuid_t workflow_id;
	bool has_token; /* a step awaits it */
	int64 token;
	char *step;
	char *requested_role;
	char *title;
	char *description; /* or NULL */
	char *type;
	Jsonb *context_data;
	char *policy; /* JSON text */
	bool timed;
	char *policy_state; /* or NULL */
	List *asked;		/* char *, as in the tables */
	List *asked_now;	/* by now, even if the table does not say so yet */
	TimestampTz due_at; /* 0: never */
	TimestampTz expires_at;
	int round;
	TimestampTz opened_at;
	int acts;
	char *wanted; /* from the requester, or NULL */
	List *requesters;
	List *editors;
	bool editable;
	Jsonb *answer_schema; /* or NULL */
	Datum content_hash;
	Datum last_hash; /* of the act before */
	int reminders;
	TimestampTz reminded_at; /* 0: never */
	int escalations;

	/* Of the round, once loaded. */
	bool votes_loaded;
	int nvotes;
	HitlVote *votes;
	int votes_capacity;
	List *answered; /* those whose answers stand, and for whom they answered */

	/* By which texts a person is known that was last asked about. */
	const char *person;
	List *person_names;

	const HitlPolicy *parsed; /* or NULL */
} HitlApproval;

/* Lock a request; ERROR if there is none. */
extern HitlApproval *hitl_lock_approval(const pg_uuid_t *id);

/* The same, and the names of whoever does something about it (principal.h). */
struct HitlActor;
extern HitlApproval *hitl_lock_approval_for(const pg_uuid_t *id,
											struct HitlActor *actor);

/* Read one without locking it. */
extern HitlApproval *hitl_read_approval(const pg_uuid_t *id);

/* Lock those whose policies are to be evaluated, leaving out those that others have locked. */
extern List *hitl_lock_due_approvals(TimestampTz now, int limit);

extern const HitlPolicy *hitl_approval_policy(HitlApproval *approval);
extern void hitl_load_votes(HitlApproval *approval);
extern void hitl_add_vote(HitlApproval *approval, const char *person,
						  List *names, HitlChoice choice, TimestampTz at);

/* An answer of those in memory that counts for a name; NULL: there is none. */
extern const HitlVote *hitl_find_vote(const HitlApproval *approval,
									  const char *name);

/* What an answer is to the policy. */
extern HitlChoice hitl_choice_of(const char *decision);

/* A new round begins: there are no votes yet. */
extern void hitl_reopen(HitlApproval *approval, TimestampTz now);

/* The verdict, palloc'd copies in it. */
extern void hitl_evaluate(HitlApproval *approval, TimestampTz now,
						  HitlVerdict *verdict);

/* How each part of the policy stands: JSON text (core.h, explain_policy). */
extern char *hitl_explain(HitlApproval *approval);

/* Refuse to touch a request that has ended, by time maybe. */
extern void hitl_check_pending(HitlApproval *approval, TimestampTz now);

/* Is somebody among people, under whatever name they were known? */
extern List *hitl_names_of(HitlApproval *approval, const char *name);
extern bool hitl_has_person(HitlApproval *approval, List *people,
							const char *name);

/* As what a person must not answer; NULL if nothing speaks against it. */
extern const char *hitl_excluded_as(HitlApproval *approval, const char *name);
extern void hitl_refuse_excluded(const HitlApproval *approval, const char *name,
								 const char *excluded) pg_attribute_noreturn();

/* Names of a verdict as a list. */
extern List *hitl_asked_list(const HitlVerdict *verdict);

/* Parse a policy; NULL with *why, a list of faults, if it is none. */
extern HitlPolicy *hitl_parse_policy_text(const char *text, char **why);

/* The policy of a simple form; JSON text. */
extern char *hitl_simple_policy_text(List *asked, List *required, int threshold,
									 int64 timeout_ms);

/* An instant as the core has it, and back; 0 is none. */
extern int64 hitl_to_unix(TimestampTz instant);
extern TimestampTz hitl_from_unix(int64 microseconds);

extern const char *hitl_outcome_name(HitlOutcome outcome);

/* ---- act.c -------------------------------------------------------------- */

/* Something that is done about a request: a row of approval_responses. */
typedef struct HitlAct
{
	const char *who;
	List *on_behalf_of;
	List *names;
	const char *decision;
	bool standing;
	Jsonb *response_data; /* these may be NULL */
	const char *feedback;
	Jsonb *edits;
	const char *channel; /* NULL: sql */
	Jsonb *evidence;
	TimestampTz at;
} HitlAct;

/*
 * Record an act and the verdict after it; NULL: the act is not one that the
 * policy counts.  The request is written as it is in memory.  Wakes and tells
 * everybody whom it concerns, the workflow too.  Returns the status after it.
 */
extern const char *hitl_record_act(HitlApproval *approval, const HitlAct *act,
								   const HitlVerdict *verdict);

/* Record a verdict that came by time. */
extern void hitl_record_verdict(HitlApproval *approval,
								const HitlVerdict *verdict, TimestampTz now);

/* Tell the channels of something about one request. */
extern void hitl_notify_about(const pg_uuid_t *id, const char *event_type);

/* ---- response.c --------------------------------------------------------- */

/* Is a decision an answer to the question, or something else that is done about
 * a request? */
extern bool hitl_is_answer(const char *decision);

/* ---- revision.c --------------------------------------------------------- */

/*
 * Give a request another content (NULL: as it is) and begin a new round: the
 * answers so far do not count any more.
 */
extern void hitl_change_content(HitlApproval *approval, const char *who,
								const char *title, const char *description,
								Jsonb *context_data, TimestampTz at);

/* RFC 7396: null takes away, objects are merged, all else replaces. */
extern Jsonb *hitl_merge_patch(Jsonb *target, Jsonb *patch);

#endif /* HITL_APPROVAL_H */
