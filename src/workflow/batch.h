/*
 * batch.h
 *		Workflows that are advanced together in one transaction.
 *
 * The engine loads the workflows of many messages, a control function (such
 * as rollback) the one it was called for.  Both deliver messages, which runs
 * the core and collects its effects, and then write everything with a constant
 * number of statements.  All of it happens within SPI.
 */
#ifndef HITL_BATCH_H
#define HITL_BATCH_H

#include "postgres.h"

#include "core/core.h"
#include "utils/hsearch.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"
#include "workflow/data.h"
#include "workflow/host.h"
#include "workflow/rows.h"

struct HitlBranch;

/*
 * A batch takes memory of some times the size of its workflows' data.  When
 * these have more bytes than this, no further ones are taken along.
 */
#define HITL_MAX_BATCH_BYTES (16 * 1024 * 1024)
/* What to add to a TimestampTz for Unix time. */
#define HITL_UNIX_EPOCH_US \
	((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

/* A workflow, its row locked. */
typedef struct HitlWorkflow
{
	pg_uuid_t id;
	char *name;
	const char *status;
	HitlDefinition *definition; /* NULL: moved by its owner */
	HitlControl *control;		/* NULL without definition */
	HitlData data;
	Jsonb *large;  /* column, as it was read */
	Jsonb *error;  /* NULL unless failed */
	Jsonb *output; /* NULL unless completed with one */
	int32 last_event;
	bytea *event_hash; /* of that one; NULL: it has none */
	char *owner;
	TimestampTz started_at;	 /* 0: not yet */
	TimestampTz finished_at; /* 0: not yet */
	TimestampTz deadline;	 /* 0: none */
	int priority;			 /* 0 to 9, higher goes first */
	char *template;			 /* that it was created from, or NULL */
	bool has_parent;
	pg_uuid_t parent_id;
	int64 parent_token;
	int depth;		 /* ancestors */
	int recoveries;	 /* times it was recovered from a failure */
	HTAB *branches;	 /* those looked at so far (branch.c), or NULL */
	bool withdrawn;	 /* is in the batch's list of these */
	bool changed;	 /* anything to write */
	bool ended;		 /* or rolled back, by this batch */
	bool to_publish; /* others have changed it */
	bool to_admit;	 /* its template lets others begin (admission.c) */
} HitlWorkflow;

typedef struct HitlBatch
{
	TimestampTz now;
	bool by_engine; /* else in the transaction of a client */
	int nworkflows;
	HitlWorkflow *workflows; /* ordered by id */
	bool cut;				 /* some were left out, being too large together */
	Size bytes;				 /* of data read so far */
	int64 scope;			 /* that events are about, while one is worked in */
	HitlHost host;
	HitlHostData host_data;
	HitlEffects effects; /* of the call into the core under way */
	List *models;		 /* looked up so far (agent/model.c) */
	List *agents;		 /* the same (agent/agent.c) */
	List *budgets;		 /* the same (agent/budget.c) */

	/*
	 * What is to be written.  The columns: events those of
	 * hitl.workflow_events; approvals as hitl_prepare_approval() has them; tasks id,
	 * workflow_id, token, url, secret_name, body, idempotency key, retry,
	 * timeout, priority, headers, provider, model, fallbacks, conversation;
	 * calls of http.c's own; checkpoints id, workflow_id, name, step_name, description,
	 * event, control, data, created_by, created_at, large; withdrawals workflow_id,
	 * token; messages workflow_id, kind, body; timers workflow_id, due_at,
	 * token, agent whose budget is awaited; removals workflow_id, first and last branch, keep scopes;
	 * statements workflow_id, token, owner, body of a RUN_SQL effect, rank.
	 */
	HitlRows events;
	HitlRows approvals;
	HitlRows tasks;
	HitlRows calls;
	HitlRows checkpoints;
	HitlRows withdrawals;
	HitlRows messages;
	HitlRows timers;
	HitlRows removals;
	struct HitlBranch *changed_branches;
	List *withdrawn; /* workflows of which nothing is to be awaited */
	HitlRows statements;
	HitlRows external; /* workflow/external.c */
	List *queues;	   /* of external tasks, to be published */
	List *templates;   /* looked up so far (admission.c) */
} HitlBatch;

/* ---- batch.c --------------------------------------------------------- */

/*
 * An empty batch in the current memory context, which must not outlive the
 * transaction: what the core allocated is freed when the context is reset.
 */
extern HitlBatch *hitl_batch_create(void);

/*
 * Lock and load workflows; those locked by others and those that do not exist
 * are left out, and some if all are too large together.
 */
extern void hitl_batch_load(HitlBatch *batch, const pg_uuid_t *ids, int count);

/* A loaded workflow; NULL if it is not in the batch. */
extern HitlWorkflow *hitl_batch_find(HitlBatch *batch, const pg_uuid_t *id);

/*
 * Lock and load one workflow for a control function; ERRORs if there is none,
 * or if the caller is not entitled to control it.
 */
extern HitlWorkflow *hitl_load_workflow(HitlBatch *batch, const pg_uuid_t *id);

/* ERROR unless the calling role may control the workflows of owner. */
extern void hitl_check_owner(const pg_uuid_t *id, const char *owner);

/*
 * Append an event, about the batch's scope.  step, position, data, delta and
 * actor may be NULL.  The delta is applied to the data of the scope.  Returns
 * its number.
 */
extern int hitl_add_event(HitlBatch *batch, HitlWorkflow *workflow,
						  const char *type, const char *step,
						  const char *position, Jsonb *data, Jsonb *delta,
						  const char *actor);

/* The error of one that has failed is to be set before. */
extern void hitl_set_status(HitlBatch *batch, HitlWorkflow *workflow,
							const char *status);

/* Is it the name of a status? */
extern bool hitl_is_status(const char *status);

/* completed, failed, rejected, cancelled: nothing can follow but a rollback. */
extern bool hitl_status_is_final(const char *status);

/* Can nothing but a rollback follow? */
extern bool hitl_has_ended(const HitlWorkflow *workflow);

/* Control state of a workflow as jsonb. */
extern Jsonb *hitl_dump_control(HitlControl *control);

/* ---- write.c --------------------------------------------------------- */

/* Write what has changed, announce and publish it. */
extern void hitl_batch_write(HitlBatch *batch);

/* Write the events so far, for those who look for them in the table. */
extern void hitl_write_events(HitlBatch *batch);

/* Withdraw all that a loaded workflow awaits, what is still to be written too. */
extern void hitl_await_nothing(HitlBatch *batch, HitlWorkflow *workflow);

/* Withdraw what has a token; 0: all that a loaded workflow awaits. */
extern void hitl_withdraw_token(HitlBatch *batch, HitlWorkflow *workflow,
								int64 token);

/*
 * To be called before anything is queued for a workflow: what it has awaited
 * before is withdrawn by then.
 */
extern void hitl_settle_withdrawals(HitlBatch *batch, HitlWorkflow *workflow);

/* Withdraw all that a workflow awaits, at once. */
extern void hitl_withdraw_all(const pg_uuid_t *workflow_id);

/* ---- mailbox.c ------------------------------------------------------- */

/* A message to be written with the batch. */
extern void hitl_add_message(HitlBatch *batch, const pg_uuid_t *workflow_id,
							 const char *kind, Jsonb *body);

/* Write the messages of a batch. */
extern void hitl_insert_messages(HitlBatch *batch);

/* ---- transition.c ---------------------------------------------------- */

/* Deliver one message of the mailbox. */
extern void hitl_deliver(HitlBatch *batch, HitlWorkflow *workflow,
						 const char *kind, Jsonb *body);

/*
 * Have a control message (core.h: pause, resume, cancel, retry, skip,
 * rollback) obeyed on behalf of the caller; ERRORs with the reason when it
 * cannot be.
 */
extern void hitl_command(HitlBatch *batch, HitlWorkflow *workflow,
						 const char *kind, Jsonb *body, const char *actor);

/* The same; the reason when it cannot be, else NULL. */
extern char *hitl_try_command(HitlBatch *batch, HitlWorkflow *workflow,
							  const char *kind, Jsonb *body, const char *actor);

/* Fail a workflow from outside its definition; everything awaited is withdrawn. */
extern void hitl_fail_workflow(HitlBatch *batch, HitlWorkflow *workflow,
							   const char *kind, const char *message,
							   const char *sqlstate);

#endif /* HITL_BATCH_H */
