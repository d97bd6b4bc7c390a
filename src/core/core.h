/*
 * core.h
 *		The pure part of hitl: no PostgreSQL, no I/O, no clock, no randomness.
 *
 * advance() takes a definition, a workflow's control state and one message,
 * and answers with the new control state and a list of effects.  The host
 * (the engine worker, a client backend, or a test program) carries the
 * effects out.  Nothing here outlives a call except what the caller holds.
 *
 * Documents cross this border as NUL-terminated UTF-8 JSON text; the data of
 * a workflow ($.variables, $.steps, ...) stays with the host and is asked for
 * by SQL/JSON path.  The library never calls longjmp and never lets one pass:
 * a host callback reports its failure by a return code.
 *
 * The library is built as hitl_core.so, needs nothing but libc and libm, and
 * is opened with RTLD_LOCAL | RTLD_DEEPBIND.  The only symbol looked up is
 * hitl_core_api; test programs link the objects directly.
 */
#ifndef HITL_CORE_H
#define HITL_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HITL_CORE_ABI 6

typedef struct HitlDefinition HitlDefinition; /* parsed, immutable */
typedef struct HitlControl HitlControl;		  /* positions, tokens, counters */

/* ---- results -------------------------------------------------------- */

typedef enum HitlResult
{
	HITL_OK = 0,
	HITL_INVALID,	  /* the input is faulty; see the faults or error */
	HITL_HOST_FAILED, /* a host callback failed; the host knows why */
	HITL_NO_MEMORY
} HitlResult;

/* One fault of a document; all faults are reported at once. */
typedef struct HitlFault
{
	const char *pointer; /* JSON pointer (RFC 6901) into the document */
	const char *message; /* lower case, no full stop */
} HitlFault;

typedef struct HitlFaults
{
	int count;
	int capacity;
	HitlFault *items;
	void *memory; /* the core's own */
} HitlFaults;

/* ---- the host ------------------------------------------------------- */

typedef enum HitlQueryResult
{
	HITL_QUERY_FOUND = 0,
	HITL_QUERY_EMPTY,	   /* the path matches nothing */
	HITL_QUERY_FAULTY,	   /* not a SQL/JSON path, or it failed to run;
								 * *text says why */
	HITL_QUERY_HOST_FAILED /* the host itself failed (out of memory, ...) */
} HitlQueryResult;

typedef struct HitlHost
{
	void *context;

	/*
	 * Evaluate a SQL/JSON path over the workflow's data as a scope sees them:
	 * 0 is the workflow's own; a foreach element, a scope of its own whose
	 * number is that of its branch, sees its data before those around it.
	 * On FOUND *text is the JSON text of the match (of an array of them where
	 * there are several), on FAULTY the reason.  *text stays valid until the
	 * call into the core that caused the query returns; the host frees it.
	 */
	HitlQueryResult (*query)(void *context, int64_t scope, const char *path,
							 const char **text);

	/*
	 * Check that text is a SQL/JSON path.  Used while a definition is parsed,
	 * and to tell whether a path names its mode; NULL means "do not check".
	 * FOUND or FAULTY with *text as above.
	 */
	HitlQueryResult (*check_path)(void *context, const char *path,
								  const char **text);

	/*
	 * Does a regular expression match anywhere in a text?  Both are UTF-8.
	 * What the core asks for is in a plain dialect, see pattern.c, that means
	 * the same to PostgreSQL.  FOUND or EMPTY; FAULTY with *text as above if
	 * it is no regular expression.  subject NULL: only check it.
	 */
	HitlQueryResult (*match)(void *context, const char *pattern,
							 const char *subject, size_t length,
							 const char **text);

	/*
	 * The text of a branch as dump_branches last gave it; EMPTY if there is
	 * none, or it has not begun or has ended.  *text as above.
	 */
	HitlQueryResult (*load_branch)(void *context, int64_t branch,
								   const char **text);

	/*
	 * The branches with first <= number < first + count (count 0: all) that
	 * have begun and not ended, ascending, as far as they were written.
	 * *branches as *text above; *found: how many.
	 */
	HitlQueryResult (*list_branches)(void *context, int64_t first,
									 int64_t count, const int64_t **branches,
									 int *found);

	/*
	 * The settings of an agent, see docs/reference/agents.md, with the member
	 * "version".  version NULL: those that it has now; else those that a run
	 * began with.  EMPTY: there is none of this name.  *text as above.
	 */
	HitlQueryResult (*load_agent)(void *context, const char *name,
								  const char *version, const char **text);

	/*
	 * Does a SQL/JSON path predicate hold for a document?  On FOUND *text is
	 * true, false or null, for it cannot tell; FAULTY as above.
	 */
	HitlQueryResult (*test_path)(void *context, const char *document,
								 const char *path, const char **text);

	/*
	 * How the budgets of an agent stand that all of its runs share: an array
	 * of {"period":"hour|day|week|month","tokens":limit|null,"cost":limit|null,
	 * "used":{"tokens":n,"cost":n},"renews_us":Unix time,
	 * "on_limit":"stop|ask|wait"}.  EMPTY: it has none; NULL in the place of
	 * the function: none has.  *text as above.
	 */
	HitlQueryResult (*load_budgets)(void *context, const char *name,
									const char **text);
} HitlHost;

/* ---- messages ------------------------------------------------------- */

/*
 * Kinds and their bodies (JSON objects):
 *	start	  {"deadline_us":n?}				begin at the first step; or, after a
 *												rollback, go on
 *	continue  {}								go on; no message of the mailbox,
 *												the host sends it while effects say "more"
 *	approval  {"token":n,"approval_id":"…","outcome":"approved|rejected|expired|cancelled",
 *			   "approver_id":"…","on_behalf_of":[…]?,"response_data":…?,"edits":…?,
 *			   "context_data":…?,"feedback":…,"reason":"…"?}	an approval request was
 *												decided; reason: where it says more
 *												than the outcome; or
 *			  {"token":n,"error":{"kind":"…","message":"…"}}	people cannot be asked
 *	reply	  {"token":n,"result":{…}}			a task, statement, HTTP call, external task
 *												or join has been answered by the host, or
 *			  {"token":n,"status":200,"headers":{…}?,"body":"…"}	by a server, or
 *			  {"token":n,"error":{"kind":"…","message":"…"}}	not at all; the error
 *												may have "sqlstate", "detail", "hint",
 *												"context" and "position", a number.
 *												Of a task the latter two may have
 *												"provider": the format of the body,
 *												openai if it is missing; and, where
 *												the request has failed, "fallbacks":
 *												[names] of the models to try instead.
 *												All replies of models may have "cost": n.
 *												The built-in model's result has "answer",
 *												and to agents may have "calls":
 *												[{"id","name","arguments"}] and "usage"
 *	timer	  {"token":n}						a timer is due
 *	signal	  {"token":n,"payload":…,"sent_by":"…"}	a signal that was awaited
 *	child	  {"token":n,"workflow_id":"…","status":"…","result":…,"error":{…}}
 *												a child workflow has ended
 * Control messages; when they cannot be obeyed, HITL_INVALID says why:
 *	pause	  {"reason":"…","actor":"…"}		begin no further step
 *	resume	  {"actor":"…"}						go on after a pause
 *	cancel	  {"reason":"…","actor":"…"}		end as cancelled; one that has ended
 *												stays as it is
 *	retry	  {"reason":"…","actor":"…"}		a failed workflow: go on where it failed.
 *												The host sends it only if it has failed: the
 *												core cannot tell when the host itself failed it
 *	skip	  {"step":"…","scope":n?,"result":…?,"reason":"…","actor":"…",
 *			   "failed":true?}
 *												go on behind a step that waits or has failed;
 *												failed: the workflow has, see retry
 *	rollback  {"checkpoint":"…","reason":"…","actor":"…",
 *			   "undo":[{"event":n,"position":"…"},…],"failed":true?,"resume":true?}
 *												return to a checkpoint, once the undo steps of
 *												these completed steps (newest first) have run;
 *												at any time, an end included.  Without "undo",
 *												or an empty one, ROLLBACK follows at once;
 *												resume: with "resume", too
 * A message whose token is not awaited (a duplicate, or one from before a
 * rollback) has no effects.
 */
typedef struct HitlMessage
{
	const char *kind;
	const char *body; /* JSON object text, or NULL for {} */
	int64_t now_us;	  /* Unix time in microseconds */
	double random;	  /* in [0, 1), for the jitter of delays */
} HitlMessage;

/* ---- effects -------------------------------------------------------- */

/*
 * Tokens rise with every effect that is answered; none is given out twice in a
 * workflow's life.  The upper bits of one say whose it is:
 */
#define HITL_TOKEN_BITS			 28
#define HITL_TOKEN_BRANCH(token) ((token) >> HITL_TOKEN_BITS)

typedef enum HitlEffectKind
{
	/*
	 * Append an event.  type: event type (workflow_started, workflow_resumed,
	 * workflow_paused, workflow_retried, workflow_completed, workflow_failed,
	 * workflow_rejected, workflow_cancelled, undo_started, step_completed,
	 * step_skipped, step_failed, step_retried, step_undone, task_rerouted,
	 * budget_awaited, agent_started, agent_planned, agent_replied,
	 * agent_observed, agent_told).
	 * Bodies: step_failed {"kind","message"}; step_retried {"attempt": the
	 * next one,"kind","message","delay": seconds}; step_skipped {"when"}, or
	 * {"reason","actor"}; step_undone {"event": the one that completed it};
	 * undo_started {"checkpoint","reason","steps": how many}; task_rerouted
	 * {"model": the one that is asked instead,"kind","message": why};
	 * budget_awaited {"agent","limit","period","renews_at","used","budget"};
	 * workflow_completed {"output"} or NULL; workflow_paused, _resumed (after
	 * a pause), _retried, _cancelled {"reason","actor"}; agent_… messages of a
	 * memory, {"memory":[segment, n],"role": user, assistant or tool,"text"}
	 * and what docs/reference/agents.md tells of.  The host adds
	 * those that are about its own rows: approval_requested,
	 * approval_approved, task_requested, checkpoint_created, ….  body: facts
	 * about it or NULL.  delta: change of the data of the effect's scope, or
	 * NULL; a delta is an object {"steps": {"name": result}} whose members
	 * are merged into the members of the data two levels deep.
	 */
	HITL_EFFECT_EVENT,

	/*
	 * Set the workflow's status.  type: running, waiting, waiting_approval,
	 * paused, completed, failed, rejected, cancelled.  body: for failed and
	 * rejected, the error object {"kind","message","step","position"}; for
	 * completed, the workflow's output or NULL.  Only sent when it changes.
	 */
	HITL_EFFECT_STATUS,

	/*
	 * Record a checkpoint of the data as they are after the effects before
	 * this one, together with the text in control and all branches (which
	 * are as they are after the call).  type: its name; body:
	 * {"description":…}.
	 */
	HITL_EFFECT_CHECKPOINT,

	/*
	 * Ask humans.  token: to be sent back in the approval message.  body:
	 * {"title","description","approval_type","requested_from":[…],
	 * "required_approvers":[…],"approval_threshold":n|null,
	 * "timeout_seconds":n|null,"channels":[…]|null,"policy":…?,
	 * "form_fields":[…]?,"editable":false?,"context_data":{…}}.
	 */
	HITL_EFFECT_REQUEST_APPROVAL,

	/*
	 * Have a task done.  type: the name of its model, or NULL for the default
	 * one.  token: to be sent back in the reply.  body:
	 * {"task","context":{…},"model":name|null,"instructions":…|null,
	 * "retry":{…}|null,"timeout_seconds":n|null,"fallbacks":[names]?}.
	 * fallbacks: of a task that was rerouted, the models that are left to try
	 * after this one; otherwise those of the model.  A host that can answer at
	 * once (a model without network) sends the reply message right after.
	 *
	 * Of an agent's turn the body has, instead of context and instructions,
	 * "agent", "version", "turn" (1 for the first), "tools" (false: none may
	 * be used) and "memory", the parts [[segment, count], …] of which the
	 * conversation consists: the first count events with data.memory =
	 * [segment, n].  build_conversation makes the request of them.
	 */
	HITL_EFFECT_RUN_TASK,

	/*
	 * Run a statement as the workflow's owner, in one transaction with the
	 * delivery of the reply.  token; body: {"sql":"…","params":[…],"rows":n,
	 * "timeout_ms":n|null,"sandbox":{…}?}.  The reply's result:
	 * {"rows":[{…}],"count":n}; with "sandbox", that of an agent's settings,
	 * it is code of the agent, to be run as the role there, and the result is
	 * {"text":"…","count":n,"truncated":…}.
	 */
	HITL_EFFECT_RUN_SQL,

	/*
	 * Make an HTTP call, with its retries.  token; body: {"method","url",
	 * "headers":{…},"secret":name|null,"body":…|null,"expect":[200,…]|null,
	 * "retry":{…}|null,"timeout_seconds":n|null}.  expect null: 200 to 299.
	 */
	HITL_EFFECT_RUN_HTTP,

	/*
	 * Offer a task to programs outside.  type: its queue; token; body: as of
	 * RUN_TASK, without fallbacks.  Of a call of an agent "task" is the tool's
	 * name, "context" has the arguments.
	 */
	HITL_EFFECT_RUN_EXTERNAL,

	/*
	 * Send a timer message at due_us.  token: may be the one of another
	 * effect, which the timer limits.  type: the agent whose budget renews
	 * then, which may happen earlier, or NULL.
	 */
	HITL_EFFECT_SET_TIMER,

	/*
	 * Send the next signal of this name (one sent earlier and not yet taken
	 * comes first).  type: the name; token; body: {"match": a SQL/JSON path
	 * predicate over the payload, or null}.
	 */
	HITL_EFFECT_AWAIT_SIGNAL,

	/*
	 * Start a child workflow.  token; body: {"template":name|null,
	 * "version":n|null,"definition":{…}|null,"input":{…}}.
	 */
	HITL_EFFECT_START_CHILD,

	/*
	 * Prepare branches first … first + count - 1 as scopes within the
	 * effect's scope, not begun.  The data of each: for a foreach (type: the
	 * name of its variable) {"variables": {type: element}}, body being the
	 * array of the elements; for undoing (type NULL) those of the step run
	 * that body, an array as in the rollback message, names: what the event
	 * changed, within the scope of the event if that is still there.  The
	 * branches of a parallel step are no scopes and not prepared: those that
	 * begin come with dump_branches.
	 */
	HITL_EFFECT_FORK,

	/*
	 * Reply with the results of branches first … first + count - 1, in order:
	 * an array of what dump_branches said about each, null for those that
	 * have not ended.  token.
	 */
	HITL_EFFECT_JOIN,

	/*
	 * Forget branches first … first + count - 1 (count 0: all), except scopes
	 * which undoing may need when keep is set.
	 */
	HITL_EFFECT_REMOVE_BRANCHES,

	/* Withdraw whatever has this token; 0: all that the workflow awaits. */
	HITL_EFFECT_WITHDRAW,

	/*
	 * Return to a checkpoint.  type: its name; body: {"reason":…,"undone":
	 * true?,"resume":true?}; token, or 0: of a reply with an error, should
	 * there be no such checkpoint, in whose place the workflow fails otherwise.
	 * With "undone", what had to be taken back has been: the host loads the
	 * checkpoint and calls rewind().  Without it (a step's "on_error":
	 * "rollback:…" or an agent asks), the host first looks for completed steps
	 * with an undo since the checkpoint: are there any, it sends "rollback"
	 * with their list, and this effect comes again, with "undone", when they
	 * have been taken back; else it calls rewind() right away.  With "resume",
	 * which goes into that message, it then sends "start"; otherwise the
	 * workflow stands still.  Nothing follows in this list.
	 */
	HITL_EFFECT_ROLLBACK
} HitlEffectKind;

typedef struct HitlEffect
{
	HitlEffectKind kind;
	const char *type;
	const char *step;	  /* step name, or NULL; this and position are
								 * the definition's and live as long as it */
	const char *position; /* JSON pointer of the step in its definition,
								 * or NULL */
	int attempt;		  /* 1 for the first, more after retries, jumps back
								 * and rollbacks, the same never twice for a step of
								 * a scope; 0 where it has no meaning */
	int64_t scope;		  /* whose data it reads and changes */
	int64_t token;		  /* 0 where it has no meaning */
	int64_t due_us;		  /* of a timer: Unix time in microseconds */
	int64_t since_us;	  /* of an event of a step: since when it has waited for
								 * what led to it, or been entered */
	int64_t first;		  /* of branches */
	int64_t count;		  /* of branches */
	bool keep;			  /* of REMOVE_BRANCHES */
	bool alone;			  /* of a timer: it is all that the step awaits */
	const char *body;	  /* JSON text or NULL */
	const char *delta;	  /* JSON text or NULL */
	const char *control;  /* of a checkpoint: the control state to keep
								 * with it, as from dump_control; else NULL */
} HitlEffect;

typedef struct HitlEffects
{
	int count;
	int capacity;
	HitlEffect *items;
	bool more;	  /* send "continue": a step is ready to run */
	bool moved;	  /* the control state has changed, though no effect may
								 * tell so */
	char *error;  /* for HITL_INVALID: why, else NULL; freed with
								 * the list */
	void *memory; /* the core's own */
} HitlEffects;

/* ---- branches ------------------------------------------------------- */

/*
 * Branches of parallel and foreach steps are kept by the host, a row each, so
 * that the cost of a message does not grow with their number.
 */
typedef struct HitlBranchChange
{
	int64_t branch;
	int64_t scope;			 /* whose data its steps see */
	const char *status;		 /* active, completed, failed, cancelled */
	const char *control;	 /* JSON text while active, else NULL */
	const char *result_step; /* of one that has completed: its result is that of
							  * this step in its scope; NULL: the status */
} HitlBranchChange;

typedef struct HitlBranchChanges
{
	int count;
	HitlBranchChange *items;
	void *memory; /* the core's own */
} HitlBranchChanges;

/* ---- approvals ------------------------------------------------------ */

/*
 * A policy says whose answers make a decision, in which order, and what
 * follows from silence.  docs/reference/policies.md describes the document.
 *
 * Names are opaque texts of one namespace: of people, of groups, or "*".  The
 * core does not know who is in a group, nor for whom "*" stands; each vote says
 * which names it speaks for.
 */
typedef struct HitlPolicy HitlPolicy; /* parsed, immutable */

typedef enum HitlOutcome
{
	HITL_OUTCOME_PENDING = 0,
	HITL_OUTCOME_APPROVED,
	HITL_OUTCOME_REJECTED,
	HITL_OUTCOME_EXPIRED
} HitlOutcome;

typedef enum HitlChoice
{
	HITL_CHOICE_APPROVE,
	HITL_CHOICE_REJECT,
	HITL_CHOICE_ABSTAIN
} HitlChoice;

/* The answer of one person; each has one at most. */
typedef struct HitlVote
{
	const char *person;		  /* who it was */
	int nnames;				  /* 1 or more */
	const char *const *names; /* for whom it counts: the person, groups, those
							   * who delegated to the person; "*" among them */
	HitlChoice choice;
	int64_t at_us; /* Unix time; votes are in this order */
} HitlVote;

/* What a policy is evaluated with. */
typedef struct HitlPolicyCase
{
	int64_t opened_us; /* Unix time at which the (round of the) request began */
	int64_t now_us;
	const char *state; /* as the evaluation before gave it; NULL: none did */
	int nvotes;
	const HitlVote *votes;
	int reminders;			/* sent so far */
	int64_t last_remind_us; /* when the last one was, or 0 */

	/*
	 * How many different people stand behind these names and could be asked;
	 * those who must not answer are left out.  False if the host failed.
	 * NULL: each name is one person, and "*" a number unknown (-1).
	 */
	bool (*count_people)(void *context, int nnames, const char *const *names,
						 int *count);
	void *context;
} HitlPolicyCase;

/* How the case stands.  All texts are the core's, until free_verdict. */
typedef struct HitlVerdict
{
	HitlOutcome outcome;
	const char *reason;	 /* of an outcome: approved, rejected, veto,
							 * out_of_reach (nobody is left to make it),
							 * deadline (of a branch), silence */
	const char *decider; /* person whose vote brought it about; NULL: time */
	const char *state;	 /* to be kept for the next evaluation, or NULL */
	int nasked;
	const char **asked; /* names asked now, each once; none once decided */
	int escalations;	/* how often silence has led to others */
	int64_t next_us;	/* evaluate again then, if no vote came; 0: never */
	int64_t expires_us; /* when silence ends it or leads to others; 0: never */
	bool remind;		/* a reminder is due now */
	void *memory;		/* the core's own */
} HitlVerdict;

/* ---- forms ---------------------------------------------------------- */

/* Schemas for answers: JSON Schema, draft 2020-12. */
typedef struct HitlSchema HitlSchema; /* parsed, immutable */

typedef struct HitlViolation
{
	const char *pointer; /* JSON pointer into the instance */
	const char *keyword; /* of the schema: "required", "maximum" … */
	const char *message; /* lower case, no full stop */
} HitlViolation;

typedef struct HitlViolations
{
	int count;
	int capacity;
	HitlViolation *items;
	void *memory; /* the core's own */
} HitlViolations;

/* ---- retries -------------------------------------------------------- */

/* Times in milliseconds. */
typedef struct HitlRetry
{
	int max_attempts; /* the first one included */
	int policy;		  /* HitlRetryPolicy */
	int64_t base_delay_ms;
	int64_t max_delay_ms;
	double backoff_factor; /* for exponential */
	double jitter;		   /* 0..1: part of the delay that is random */
	unsigned on;		   /* kinds of failure, 1 << HitlFailure each */
} HitlRetry;

/* Kinds of failure, in the order of their names in the documentation. */
typedef enum HitlFailure
{
	HITL_FAILURE_TIMEOUT,
	HITL_FAILURE_NETWORK_ERROR,
	HITL_FAILURE_SERVICE_UNAVAILABLE,
	HITL_FAILURE_RATE_LIMIT,
	HITL_FAILURE_VALIDATION_ERROR,
	HITL_FAILURE_AUTHENTICATION_ERROR,
	HITL_FAILURE_PERMISSION_ERROR,
	HITL_FAILURE_SYSTEM_ERROR,
	HITL_FAILURE_UNKNOWN_ERROR
} HitlFailure;

typedef enum HitlRetryPolicy
{
	HITL_RETRY_FIXED,
	HITL_RETRY_LINEAR,
	HITL_RETRY_EXPONENTIAL,
	HITL_RETRY_FIBONACCI
} HitlRetryPolicy;

/* ---- the functions -------------------------------------------------- */

/* What the response of an inference server says about itself. */
typedef struct HitlInference
{
	int64_t input_tokens; /* -1: not told */
	int64_t output_tokens;
	const char *kind; /* of the failure that it is; NULL: it is an answer */
	char *message;	  /* of the failure: free_text */
} HitlInference;

/* A mail as a mail server gets it. */
typedef struct HitlMail
{
	const char *message; /* RFC 5322: lines of ASCII that end in CRLF */
	size_t length;
	const char *sender; /* addresses of the envelope */
	const char *recipient;
	const char *message_id; /* with its angle brackets */
	void *memory;			/* the core's own */
} HitlMail;

/* What the provider of a channel says to a message. */
typedef struct HitlAcceptance
{
	char *message_id; /* by which it knows the message, or NULL: free_text */
	const char *kind; /* of the failure; NULL: it is accepted, or see status */
	char *message;	  /* of the failure, or NULL: free_text */
} HitlAcceptance;

typedef struct HitlCoreApi
{
	int abi; /* HITL_CORE_ABI */

	/*
	 * Parse and check a definition.  HITL_INVALID fills faults with every
	 * fault found.  host may be NULL; only its check_path is used.
	 */
	HitlResult (*parse_definition)(const char *json, const HitlHost *host,
								   HitlDefinition **definition,
								   HitlFaults *faults);
	void (*free_definition)(HitlDefinition *definition);
	void (*free_faults)(HitlFaults *faults);

	/*
	 * Control state from and to text.  NULL text gives the state of a
	 * workflow that has not started.  The text has the members "completed"
	 * (steps of the outermost list finished or skipped), "total" (steps of
	 * that list) and "active" ([{"position","step","type","state","token",
	 * "attempt","since_us"}], one element or none), which status displays may
	 * read; the text of a branch has such an "active", too.  state is ready,
	 * waiting_approval, waiting_reply, waiting_timer, waiting_retry,
	 * waiting_signal, waiting_workflow or waiting_branches.  All else in it
	 * is the core's own.
	 */
	HitlResult (*parse_control)(const HitlDefinition *definition,
								const char *json, HitlControl **control,
								char **error);
	HitlResult (*dump_control)(const HitlControl *control, char **json);
	void (*free_control)(HitlControl *control);

	/*
	 * The branches that have changed since the control state was parsed, or
	 * since the last call.
	 */
	HitlResult (*dump_branches)(HitlControl *control,
								HitlBranchChanges *changes);
	void (*free_branches)(HitlBranchChanges *changes);

	/*
	 * Process one message.  control is changed in place; effects are appended
	 * in order to a list initialised with zeros (free_effects empties it).
	 * With any result but HITL_OK, nothing has changed.
	 */
	HitlResult (*advance)(const HitlDefinition *definition,
						  HitlControl *control, const HitlMessage *message,
						  const HitlHost *host, HitlEffects *effects);
	void (*free_effects)(HitlEffects *effects);

	/*
	 * Return to the control state of a checkpoint (text from dump_control),
	 * whose branches the host has put in the place of the current ones.
	 * What current awaits is withdrawn (WITHDRAW is the only kind of effect);
	 * tokens go on rising, so answers to what was asked before find nobody;
	 * what the checkpoint awaited is asked again when the workflow continues.
	 * Of the branches, dump_branches gives all that go on.  reason, or NULL, is
	 * what agents are told that go on from there.
	 */
	HitlResult (*rewind)(const HitlDefinition *definition,
						 const HitlControl *current, const char *checkpoint,
						 const char *reason, const HitlHost *host,
						 HitlControl **control, HitlEffects *effects);

	/*
	 * Move a workflow to another definition: every active step must be found
	 * there by name, with the same type, in a list of the same step.  On
	 * HITL_INVALID faults say for each that is not (pointer: its position in
	 * the old definition).  Tokens stay as they are.  control must have no
	 * changes that dump_branches has not given yet; migrated gives all
	 * branches.  Checkpoints are moved by parse_control with the old
	 * definition, migrate and dump_control, too.
	 */
	HitlResult (*migrate)(const HitlDefinition *from, HitlControl *control,
						  const HitlDefinition *to, const HitlHost *host,
						  HitlControl **migrated, HitlFaults *faults);

	/*
	 * Parse and check a policy.  HITL_INVALID fills faults with every fault
	 * found.
	 */
	HitlResult (*parse_policy)(const char *json, HitlPolicy **policy,
							   HitlFaults *faults);
	void (*free_policy)(HitlPolicy *policy);

	/*
	 * The policy that the simple form of a request stands for, as JSON text.
	 * asked, required: JSON arrays of names, or NULL; threshold: 0 for none;
	 * timeout_ms: 0 for none.
	 */
	HitlResult (*simple_policy)(const char *asked, const char *required,
								int threshold, int64_t timeout_ms, char **json,
								char **error);

	/* Who must not answer, beside those whom the policy does not ask. */
	bool (*excludes_requester)(const HitlPolicy *policy);
	bool (*excludes_editors)(const HitlPolicy *policy);

	/*
	 * Decide by the votes so far and the time.  verdict is initialised with
	 * zeros.  HITL_HOST_FAILED: count_people did.
	 */
	HitlResult (*evaluate_policy)(const HitlPolicy *policy,
								  const HitlPolicyCase *input,
								  HitlVerdict *verdict);
	void (*free_verdict)(HitlVerdict *verdict);

	/*
	 * The policy with a person or group replaced by another, as JSON text;
	 * HITL_INVALID if it does not name the first, or already asks the second
	 * in the same place.
	 */
	HitlResult (*reassign_policy)(const HitlPolicy *policy, const char *from,
								  const char *to, char **json, char **error);

	/*
	 * How each part of a policy stands, as a JSON array in the order of the
	 * document: [{"pointer","depth","part": "Any of" …, "state": waiting,
	 * asked, approved, failed or not needed,"asks":[names],"needed":n|null,
	 * "approved_by":[people],"rejected_by":[…],"abstained":[…],
	 * "asked_at_us":n|null,"deadline_us":n|null}].  asked_at_us of one that
	 * waits: when it will be asked, if that is known.
	 */
	HitlResult (*explain_policy)(const HitlPolicy *policy,
								 const HitlPolicyCase *input, char **json,
								 char **error);

	/*
	 * Check a JSON Schema (draft 2020-12) for an answer; HITL_INVALID fills
	 * faults with every keyword that is malformed or not supported.  Regular
	 * expressions are the host's; with host NULL they are not checked.
	 */
	HitlResult (*parse_schema)(const char *json, const HitlHost *host,
							   HitlSchema **schema, HitlFaults *faults);
	void (*free_schema)(HitlSchema *schema);

	/*
	 * Check an instance.  HITL_INVALID fills violations with all of them, or
	 * the first thousand.  What takes too long has one of "$budget", what is no
	 * JSON one of "$json".  HITL_HOST_FAILED: match did, or is missing.
	 */
	HitlResult (*validate)(const HitlSchema *schema, const char *instance,
						   const HitlHost *host, HitlViolations *violations);
	void (*free_violations)(HitlViolations *violations);

	/*
	 * The form of a built-in type of approval: JSON texts of the schema for
	 * an answer and of the hints for its display.  fields: the JSON text of
	 * "form_fields" or NULL; context: that of the request's context_data.
	 * *schema is NULL for a type without a form.  HITL_INVALID fills faults.
	 */
	HitlResult (*build_form)(const char *type, const char *fields,
							 const char *context, char **schema,
							 char **ui_schema, HitlFaults *faults);

	/*
	 * Parse the "retry" member of a step ({"max_attempts","policy",
	 * "base_delay","max_delay","backoff_factor","jitter","on":[kinds of
	 * failure]}, delays in seconds or as "30 seconds", "5 minutes", "2 hours",
	 * "1 day"); NULL gives the defaults.
	 */
	HitlResult (*parse_retry)(const char *json, HitlRetry *retry,
							  HitlFaults *faults);

	/*
	 * Delay in ms before attempt number attempt + 1, after attempt failed;
	 * -1: no more.  random is in [0, 1).
	 */
	int64_t (*retry_delay)(const HitlRetry *retry, int attempt, double random);

	/* Does retry name this kind of failure?  Unknown kinds are unknown_error. */
	bool (*is_retryable)(const HitlRetry *retry, const char *kind);

	/*
	 * Body of a request that has a task done by a model.  provider: openai
	 * (chat completions) or anthropic (Messages); task: body of a RUN_TASK
	 * effect; model: model id; parameters: object merged into the request
	 * (temperature, max_tokens …), or NULL; goal: the text the workflow was
	 * executed with, or NULL; variables, steps: JSON texts of $.variables and
	 * $.steps, or NULL.
	 */
	HitlResult (*build_request)(const char *provider, const char *task,
								const char *model, const char *parameters,
								const char *goal, const char *variables,
								const char *steps, char **body, char **error);

	/*
	 * What the response to such a request has taken, and whether it will be an
	 * answer to the task; or, turn, what an agent's model may say in one, as
	 * to call tools.  HITL_INVALID: the provider is unknown.
	 */
	HitlResult (*read_inference)(const char *provider, int status,
								 const char *text, bool turn,
								 HitlInference *inference);

	/*
	 * Body of a request with which an agent goes on.  settings: as from
	 * load_agent; messages: JSON array of the data of its memory's events;
	 * tools: may any be used?  The others as above.
	 */
	HitlResult (*build_conversation)(const char *provider, const char *model,
									 const char *parameters,
									 const char *settings, const char *messages,
									 bool tools, char **body, char **error);

	/*
	 * Check the settings of an agent.  HITL_INVALID fills faults with all
	 * that is wrong.
	 */
	HitlResult (*check_agent)(const char *json, const HitlHost *host,
							  HitlFaults *faults);

	/*
	 * Body of the reply message of the built-in model.  With parameters
	 * {"replies":[{"text"?,"plan"?,"calls":[{"id"?,"name","arguments"}]?,
	 * "usage":{"prompt_tokens","completion_tokens"}?}, …]} it says to agents
	 * those in turn, and then the last one again; plan, in place of the text,
	 * where it may use no tools.  Else it repeats the task.  task and token: of
	 * a RUN_TASK effect.
	 */
	HitlResult (*build_builtin_reply)(const char *parameters, const char *task,
									  int64_t token, char **body, char **error);

	/*
	 * Messages to people, and what comes back by them; docs/reference/messages.md
	 * describes the documents.  HITL_INVALID and *error: the document is
	 * faulty, or a template of the channel is.
	 *
	 * render_template: the JSON with {{ path }} in its strings filled in.
	 * render_mail: {"subject","text","html"?}, all escaped where it must be; only
	 * the host's query is used, for the paths of templates over the document, and
	 * its check_path.  render_slack: {"text","blocks"}; render_slack_modal: a view.
	 * render_page: HTML, whose one style sheet is the same in all pages.
	 */
	HitlResult (*render_template)(const char *template, const HitlHost *host,
								  char **text, char **error);
	HitlResult (*render_mail)(const char *document, const HitlHost *host,
							  char **text, char **error);
	HitlResult (*render_slack)(const char *document, char **text, char **error);
	HitlResult (*render_slack_modal)(const char *document, char **text,
									 char **error);
	HitlResult (*render_page)(const char *page, char **text, char **error);

	/*
	 * The answer in the fields of a page's form ({"name": text or [texts]}), and
	 * in view.state.values of Slack, as the schema has it.
	 */
	HitlResult (*read_form_answer)(const char *fields, const char *schema,
								   char **answer, char **error);
	HitlResult (*read_slack_answer)(const char *values, const char *schema,
									char **answer, char **error);

	/*
	 * The message of a mail document {"from","to":[one],"reply_to"?,"subject",
	 * "text","html"?,"headers"?:{},"date"?}.  id, which must be unique and
	 * stable, and date (Unix time in s) are for a Message-ID and a Date where
	 * it has none.  The same input gives the same message.
	 */
	HitlResult (*build_mail)(const char *document, const char *id, int64_t date,
							 HitlMail *mail, char **error);
	void (*free_mail)(HitlMail *mail);

	/*
	 * Body of the request to SendGrid (v3, mail/send) for a mail document; id
	 * comes back in what SendGrid reports of it (custom_args, notification_id).
	 */
	HitlResult (*build_sendgrid)(const char *document, const char *id,
								 char **body, char **error);

	/*
	 * What a provider (slack, sendgrid) answers to a message: whether it is
	 * accepted, as far as the status is one of success; else message is the
	 * reason it gives, or NULL.
	 */
	HitlResult (*read_provider_reply)(const char *provider, int status,
									  const char *text,
									  HitlAcceptance *acceptance);

	/* For strings returned through char **. */
	void (*free_text)(char *text);
} HitlCoreApi;

extern const HitlCoreApi *hitl_core_api(void);

#endif /* HITL_CORE_H */
