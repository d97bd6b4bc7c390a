/*
 * internal.h
 *		What the files of the core share with each other and with its tests.
 */
#ifndef HITL_CORE_INTERNAL_H
#define HITL_CORE_INTERNAL_H

#include "core/base.h"

/* ---- template.c ----------------------------------------------------- */

/* A piece of a template: text to copy, then the match of a path. */
typedef struct HitlSegment
{
	const char *text; /* JSON text */
	size_t length;
	const char *path; /* NULL: nothing after the text */
	bool whole;		  /* the match keeps its JSON type */
	bool literal;	  /* the match becomes a literal of a SQL/JSON path */
} HitlSegment;

/* JSON text with holes. */
typedef struct HitlTemplate
{
	HitlSegment *segments;
	int count;
	int capacity;
} HitlTemplate;

extern bool hitl_has_template(const char *text);
extern void hitl_compile_text(HitlParse *parse, const HitlPlace *place,
							  const char *text, HitlTemplate *template);
extern void hitl_compile_value(HitlParse *parse, const HitlPlace *place,
							   const HitlJson *value, HitlTemplate *template);
extern void hitl_compile_members(HitlParse *parse, const HitlPlace *place,
								 const HitlJson *object,
								 HitlTemplate *template);
extern void hitl_compile_texts(HitlParse *parse, const HitlPlace *place,
							   const HitlJson *object, HitlTemplate *template);
extern void hitl_compile_path(HitlParse *parse, const HitlPlace *place,
							  const char *path, HitlTemplate *template);

/* ---- definition.c --------------------------------------------------- */

typedef struct HitlStep HitlStep;
typedef struct HitlStepKind HitlStepKind;
typedef struct HitlStepList HitlStepList;
typedef struct HitlRun HitlRun;
typedef struct HitlPosition HitlPosition;
typedef struct HitlAgentRun HitlAgentRun; /* agent.h; never changed */

/* What to do when a step does not succeed. */
typedef enum HitlActionKind
{
	HITL_ACTION_DEFAULT = 0,
	HITL_ACTION_FAIL,
	HITL_ACTION_CONTINUE,
	HITL_ACTION_REJECT,
	HITL_ACTION_GOTO,
	HITL_ACTION_ROLLBACK
} HitlActionKind;

typedef struct HitlAction
{
	HitlActionKind kind;
	const char *target;	  /* step or checkpoint name */
	const HitlStep *step; /* for goto */
} HitlAction;

/* What is asked of humans: an approval step, or a task's approval_config. */
typedef struct HitlQuestion
{
	HitlTemplate title;
	HitlTemplate description;
	const char *terms;		   /* JSON members from approval_type on */
	HitlTemplate context_data; /* members only */
	HitlTemplate webhook;
} HitlQuestion;

/* The longest name of a queue or signal, in bytes; the host's limit, too. */
#define HITL_MAX_NAME 200

typedef enum HitlGate
{
	HITL_GATE_NONE = 0,
	HITL_GATE_BEFORE, /* ask before the task acts */
	HITL_GATE_AFTER	  /* ask for a review of its result */
} HitlGate;

typedef struct HitlTask
{
	HitlTemplate task;
	HitlTemplate context;
	bool has_context;
	HitlTemplate instructions;
	const char *model;		/* name, or NULL */
	const char *queue;		/* of an external task, else NULL */
	const char *checkpoint; /* name, or NULL */
	HitlGate gate;
	HitlQuestion question;
	const char *agent; /* name of who works on it in turns, or NULL */
} HitlTask;

/* A statement of the workflow's owner. */
typedef struct HitlSql
{
	const char *sql;	 /* as JSON text; never a template, values are params */
	HitlTemplate params; /* an array */
	int rows;			 /* the most rows that may come back */
} HitlSql;

/* A call to a server. */
typedef struct HitlHttp
{
	HitlTemplate url;
	HitlTemplate headers; /* an object of strings */
	HitlTemplate body;	  /* null where there is none */
	const char *terms;	  /* JSON members method, secret, expect */
	int *expect;		  /* the statuses expected */
	int expected;		  /* how many; 0: 200 to 299 */
} HitlHttp;

/* A pause. */
typedef struct HitlWait
{
	HitlTemplate time;
	bool until; /* an instant, else a duration */
} HitlWait;

/* A signal that is waited for. */
typedef struct HitlSignal
{
	HitlTemplate name;
	HitlTemplate match; /* JSON text of the path with values as its literals,
						 * or null */
} HitlSignal;

/* A workflow that is started and waited for. */
typedef struct HitlChild
{
	HitlTemplate template; /* its name, or null */
	const char *terms;	   /* JSON members version and definition */
	HitlTemplate input;	   /* an object */
} HitlChild;

/* The most branches of one step. */
#define HITL_MAX_BRANCHES 100000

/* Branches: of a parallel a list each, of a foreach all the same list. */
typedef struct HitlFork
{
	HitlStepList *lists;
	int count;		   /* of lists */
	int wait_for;	   /* branches that must complete; 0: all */
	const char *items; /* of a foreach: SQL/JSON path of the array */
	const char *as;	   /* name of the element's variable */
	int concurrency;   /* 0: all at once */
	bool undoable;	   /* a step in the lists has an undo */
} HitlFork;

/* One of several lists is run. */
typedef struct HitlSwitch
{
	const char **when; /* SQL/JSON paths, one for each list but the default */
	HitlStepList
		*lists; /* count, and then the default one, empty if not stated */
	int count;
} HitlSwitch;

typedef struct HitlCheckpoint
{
	const char *name;
	HitlTemplate description;
} HitlCheckpoint;

struct HitlStep
{
	const HitlStepKind *kind;
	const char *name;
	const char *path;		  /* JSON pointer in the definition */
	const HitlStepList *list; /* that it is in */
	int index;				  /* in the list */
	const char *when;		  /* SQL/JSON path, or NULL */
	HitlAction on_error;
	HitlAction on_reject;
	HitlAction on_timeout;
	bool has_retry;
	HitlRetry retry;	/* its own, or the default of its kind */
	const char *terms;	/* JSON members retry and timeout_seconds, as written */
	int64_t timeout_ms; /* 0: none */
	const char *output; /* the variable that gets the result, or NULL */
	HitlStepList *undo; /* what takes it back, or NULL */
	union
	{
		HitlTask task;
		HitlQuestion approval;
		HitlCheckpoint checkpoint;
		HitlSql sql;
		HitlHttp http;
		HitlWait wait;
		HitlSignal signal;
		HitlChild child;
		HitlFork fork;
		HitlSwitch choice;
	} as;
};

struct HitlStepList
{
	const HitlStep *parent; /* NULL: the definition's own list */
	bool is_undo;			/* of the parent */
	int index;				/* among the parent's lists */
	HitlStep *steps;
	int count;
};

/*
 * One row per step type.  parse reads the members of its own; enter begins
 * the step or goes on with it after a rollback; deliver takes the answer to
 * what the step awaits.
 */
struct HitlStepKind
{
	const char *type;
	const char *const *members; /* beyond the common ones, ended by NULL */

	/* The host repeats what fails, and keeps the time-out; else the core. */
	bool host_retries;
	bool forks; /* it has branches */

	/* What it may await beyond a retry: 1 << HitlPositionState each. */
	unsigned awaits;
	void (*parse)(HitlParse *parse, const HitlPlace *place,
				  const HitlJson *object, HitlStep *step);
	void (*enter)(HitlRun *run, HitlPosition *position);
	void (*deliver)(HitlRun *run, HitlPosition *position, const HitlJson *body);
};

extern const HitlStepKind hitl_task_kind;		/* step_task.c */
extern const HitlStepKind hitl_approval_kind;	/* step_approval.c */
extern const HitlStepKind hitl_checkpoint_kind; /* step_checkpoint.c */
extern const HitlStepKind hitl_sql_kind;		/* step_sql.c */
extern const HitlStepKind hitl_http_kind;		/* step_http.c */
extern const HitlStepKind hitl_wait_kind;		/* step_wait.c */
extern const HitlStepKind hitl_signal_kind;		/* step_signal.c */
extern const HitlStepKind hitl_workflow_kind;	/* step_workflow.c */
extern const HitlStepKind hitl_parallel_kind;	/* step_parallel.c */
extern const HitlStepKind hitl_foreach_kind;	/* step_foreach.c */
extern const HitlStepKind hitl_switch_kind;		/* step_switch.c */

/* An open hash table of the steps, once by name and once by path. */
typedef struct HitlIndex
{
	const HitlStep **slots;
	size_t count;
	size_t mask;	   /* slots - 1 */
	size_t key_offset; /* of the key in HitlStep */
} HitlIndex;

struct HitlDefinition
{
	HitlArena arena;
	HitlStepList root;
	int total; /* steps of all lists */
	HitlIndex by_name;
	HitlIndex by_path;
	bool has_output;
	HitlTemplate output; /* of the workflow */
	int64_t timeout_ms;	 /* of the workflow; 0: none */
	bool undoable;		 /* a step has an undo */
};

extern const HitlStep *hitl_find_step(const HitlIndex *index, const char *key);
extern HitlResult hitl_parse_definition(const char *json, const HitlHost *host,
										HitlDefinition **definition,
										HitlFaults *faults);
extern void hitl_check_definition(HitlParse *parse, const HitlPlace *place,
								  const HitlJson *document);
extern void hitl_free_definition(HitlDefinition *definition);

/* For the kinds that have lists of steps. */
extern void hitl_parse_list(HitlParse *parse, const HitlPlace *place,
							const HitlJson *array, const HitlStep *parent,
							int index, HitlStepList *list);
extern const HitlStep *hitl_enclosing(const HitlStep *step,
									  const HitlStepKind *kind);
extern bool hitl_is_in_undo(const HitlStep *step);
extern bool hitl_is_undoable(const HitlStepList *list);
extern bool hitl_is_variable(const char *text);

/* ---- control.c ------------------------------------------------------ */

typedef enum HitlStatus
{
	HITL_PENDING = 0,
	HITL_RUNNING,
	HITL_WAITING,
	HITL_WAITING_APPROVAL,
	HITL_PAUSED,
	HITL_ROLLED_BACK,
	HITL_COMPLETED, /* from here on: ended */
	HITL_FAILED,	/* keeps its positions, for a retry */
	HITL_REJECTED,
	HITL_CANCELLED
} HitlStatus;

typedef enum HitlPositionState
{
	HITL_READY = 0,
	HITL_AWAITS_APPROVAL,
	HITL_AWAITS_REPLY,
	HITL_AWAITS_TIMER, /* which is what the step is about */
	HITL_AWAITS_RETRY, /* a timer, to be entered again */
	HITL_AWAITS_SIGNAL,
	HITL_AWAITS_CHILD,
	HITL_AWAITS_BRANCHES
} HitlPositionState;

/* A switch that a position is inside of; a link of a chain, never changed. */
typedef struct HitlFrame
{
	const struct HitlFrame *outer;
	const HitlStep *step;
	int attempt;
	int tries;	   /* that failed since it was entered */
	int64_t token; /* of its time limit, or 0 */
} HitlFrame;

/* How the branches of a fork stand. */
typedef struct HitlCounts
{
	int64_t first; /* branch */
	int total;	   /* 0: it has not forked */
	int started;
	int running;
	int completed;
	int failed;
} HitlCounts;

struct HitlPosition
{
	const HitlStep *step;
	HitlPositionState state;
	bool checkpointed; /* the step's checkpoint has been taken */
	int attempt;
	int tries;				 /* that failed since the step was entered */
	int64_t token;			 /* of what is awaited, else 0 */
	int64_t since_us;		 /* in this state */
	const char *call;		 /* body of the RUN_TASK that was or is to be
								 * approved, or NULL */
	const char *result;		 /* a task's, while it is reviewed; a wait's end */
	const char *approval;	 /* the decision that let the call run */
	HitlCounts branches;	 /* of a fork */
	const HitlFrame *frames; /* innermost first */
	const HitlAgentRun *agent; /* that works on a task, or NULL */
};

typedef enum HitlBranchStatus
{
	HITL_BRANCH_ABSENT = 0, /* not loaded */
	HITL_BRANCH_ACTIVE,
	HITL_BRANCH_COMPLETED,
	HITL_BRANCH_FAILED,
	HITL_BRANCH_CANCELLED,
	HITL_BRANCH_GONE /* the host has forgotten it, or never knew it */
} HitlBranchStatus;

/* What goes through one list of steps: the workflow itself is branch 0. */
typedef struct HitlBranch
{
	int64_t id;
	HitlBranchStatus status;
	bool has_position;
	bool changed;		   /* since it was dumped */
	bool touched;		   /* in the run under way */
	int64_t parent;		   /* the branch that its fork is in */
	const HitlStep *owner; /* the fork, or the step it takes back; NULL: root */
	int index;			   /* among its siblings */
	int64_t event;		   /* of the step run that it takes back, else 0 */
	int64_t scope;
	int entered; /* steps so far, against endless loops */
	int round;	 /* attempts of its steps are numbered from round + 1 */
	int highest; /* attempt so far */
	HitlPosition position;
} HitlBranch;

/* A rollback whose undo steps are under way. */
typedef struct HitlUndo
{
	const char *checkpoint;
	const char *reason; /* or NULL */
	int64_t first;		/* branch */
	int total;			/* branches; 0: there is none under way */
	int done;
	bool resume; /* and then the workflow goes on by itself */
} HitlUndo;

struct HitlControl
{
	HitlArena arena; /* of itself and its texts */
	const HitlDefinition *definition;
	HitlStatus status;
	int completed;		 /* steps of the definition's own list */
	int highest;		 /* attempt of any step */
	int64_t token;		 /* the last counter given out */
	int64_t last_branch; /* that was given out */
	HitlBranch root;

	/* Of the branches but the root: how many await what. */
	int64_t approvals;
	int64_t replies;

	/* Branches that can go on, the next one last, and perhaps some others. */
	int64_t *ready;
	int ready_count;
	int ready_capacity;

	int64_t deadline;	 /* token of its timer, or 0 */
	int64_t deadline_us; /* 0: none */
	HitlUndo undo;
	int rewinds;		/* times it has returned to a checkpoint */
	const char *reason; /* of the last time, or NULL */

	/* The branches loaded so far, an open hash table. */
	HitlBranch **slots;
	size_t loaded;
	size_t mask; /* slots - 1 */
	bool branches_changed;
};

#define HITL_MAX_TOKEN	((INT64_C(1) << HITL_TOKEN_BITS) - 1)
#define HITL_MAX_BRANCH (INT64_MAX >> HITL_TOKEN_BITS)

extern const char *const hitl_status_names[];
extern HitlResult hitl_parse_control(const HitlDefinition *definition,
									 const char *json, HitlControl **control,
									 char **error);
extern void hitl_write_control(HitlBuffer *buffer, const HitlControl *control);
extern HitlResult hitl_dump_control(const HitlControl *control, char **json);
extern void hitl_free_control(HitlControl *control);
extern void hitl_write_branch(HitlBuffer *buffer, const HitlBranch *branch);
extern const char *hitl_read_branch(HitlControl *control,
									const HitlJson *document,
									HitlBranch *branch);
extern const HitlStepList *hitl_list_of(const HitlControl *control,
										const HitlBranch *branch);

extern bool hitl_has_ended(const HitlControl *control);
extern bool hitl_is_under_way(const HitlControl *control);
extern bool hitl_has_branches(const HitlControl *control);

/* ---- position.c ----------------------------------------------------- */

extern void hitl_write_active(HitlBuffer *buffer, const HitlBranch *branch);
extern const char *hitl_read_active(HitlControl *control,
									const HitlJson *document,
									HitlBranch *branch);
extern bool hitl_is_token_of(const HitlControl *control,
							 const HitlBranch *branch, int64_t token);

/* ---- branch.c ------------------------------------------------------- */

/* What a branch was before a run changed it. */
typedef struct HitlTouched
{
	struct HitlTouched *next;
	HitlBranch *branch;
	HitlBranch before;
} HitlTouched;

/* An entry of the list of ready branches that a run wrote over. */
typedef struct HitlOverwritten
{
	struct HitlOverwritten *next;
	int index;
	int64_t branch;
} HitlOverwritten;

extern HitlBranch *hitl_branch_of(const HitlPosition *position);
extern HitlBranch *hitl_find_branch(HitlRun *run, int64_t id);
extern HitlBranch *hitl_loaded_branch(const HitlControl *control, int64_t id);
extern HitlBranch *hitl_find_parent(HitlRun *run, const HitlBranch *branch);
extern HitlBranch *hitl_add_branch(HitlRun *run, int64_t id);
extern bool hitl_touch(HitlRun *run, HitlBranch *branch);
extern int hitl_load_branches(HitlRun *run, int64_t first, int64_t count,
							  HitlBranch ***branches);
extern void hitl_forget_branches(HitlRun *run, int64_t first, int64_t count);
extern void hitl_count_awaited(HitlRun *run);
extern void hitl_end_touching(HitlRun *run, bool restore);
extern HitlResult hitl_dump_branches(HitlControl *control,
									 HitlBranchChanges *changes);
extern void hitl_free_branches(HitlBranchChanges *changes);

extern void hitl_push_ready(HitlRun *run, const HitlBranch *branch);
extern void hitl_pop_ready(HitlRun *run, const HitlBranch *branch);
extern HitlBranch *hitl_next_ready(HitlRun *run);
extern void hitl_list_ready(HitlRun *run, HitlBranch **branches, int count);

/* ---- advance.c ------------------------------------------------------ */

/* The most steps one branch may enter; the simulation sets less. */
#ifndef HITL_STEP_BUDGET
#define HITL_STEP_BUDGET 10000
#endif

/*
 * One call of advance().  The first result other than OK stays, and the
 * caller of advance() then sees nothing of what was done.
 */
struct HitlRun
{
	const HitlDefinition *definition;
	HitlControl *control;
	const HitlHost *host;
	HitlEffects *effects;
	HitlArena *memory; /* of the effects */
	HitlArena scratch; /* of this call */
	HitlEffect spare;  /* takes what is written after a failure */
	int64_t now_us;
	double random;			  /* in [0, 1) */
	int64_t scope;			  /* of the branch under way */
	int64_t token;			  /* of the message, or 0 */
	const HitlJson *told;	  /* the failure that the host has told of */
	const char *told_message; /* its message, by which it is known */
	HitlResult result;
	HitlControl before; /* as it was when the call began */
	int effects_before;
	HitlTouched *touched;
	HitlOverwritten *overwritten;
};

extern HitlResult hitl_advance(const HitlDefinition *definition,
							   HitlControl *control, const HitlMessage *message,
							   const HitlHost *host, HitlEffects *effects);
extern void hitl_free_effects(HitlEffects *effects);
extern void hitl_begin_run(HitlRun *run);
extern HitlResult hitl_end_run(HitlRun *run);

extern void hitl_set_status(HitlRun *run, HitlStatus status, const char *body);
extern void hitl_fail_workflow(HitlRun *run, HitlPosition *position,
							   const char *kind, const char *message);
extern void hitl_end_workflow(HitlRun *run, HitlStatus status,
							  const HitlPosition *cause, const char *body);
extern void hitl_withdraw(HitlRun *run, const HitlPosition *position,
						  int64_t token);
extern void hitl_withdraw_position(HitlRun *run, const HitlPosition *position);
extern void hitl_withdraw_all(HitlRun *run, const HitlControl *control);
extern void hitl_set_deadline(HitlRun *run);
extern const char *hitl_write_error(HitlRun *run, const char *kind,
									const char *message,
									const HitlPosition *position);
extern int64_t hitl_next_token(HitlRun *run, const HitlBranch *branch);
extern bool hitl_is_limited(const HitlPosition *position);

/* ---- step_task.c ----------------------------------------------------- */

extern bool hitl_reroute(HitlRun *run, HitlPosition *position,
						 const HitlJson *body, const char *kind,
						 const char *message);
extern void hitl_end_task(HitlRun *run, HitlPosition *position,
						  const char *result);

/* ---- agent.c --------------------------------------------------------- */

extern void hitl_start_agent(HitlRun *run, HitlPosition *position,
							 const char *call);
extern void hitl_continue_agent(HitlRun *run, HitlPosition *position);
extern void hitl_deliver_agent(HitlRun *run, HitlPosition *position,
							   const HitlJson *body);
extern bool hitl_awaits_token(const HitlPosition *position, int64_t token);
extern void hitl_withdraw_work(HitlRun *run, const HitlPosition *position);
extern const char *hitl_write_request(HitlRun *run, HitlPosition *position);

/* ---- course.c ------------------------------------------------------- */

extern void hitl_set_position(HitlRun *run, HitlBranch *branch,
							  const HitlStep *step, const HitlFrame *frames);
extern void hitl_enter(HitlRun *run, HitlBranch *branch);
extern void hitl_raise_attempt(HitlRun *run, HitlBranch *branch, int attempt);
extern void hitl_step_event(HitlRun *run, const HitlPosition *position,
							const char *type, const char *body,
							const char *result);
extern void hitl_go_to(HitlRun *run, HitlPosition *position, int index);
extern void hitl_go_into(HitlRun *run, HitlPosition *position,
						 const HitlStepList *list);
extern void hitl_leave_frame(HitlRun *run, HitlBranch *branch);
extern void hitl_expire_step(HitlRun *run, HitlPosition *position);

/* ---- fork.c --------------------------------------------------------- */

extern void hitl_enter_fork(HitlRun *run, HitlPosition *position, int count,
							const char *variable, const char *elements);
extern void hitl_resume_fork(HitlRun *run, HitlPosition *position);
extern const HitlJson *hitl_end_fork(HitlRun *run, HitlPosition *position,
									 const HitlJson *body);
extern bool hitl_can_start(const HitlPosition *position);
extern void hitl_start_branch(HitlRun *run, HitlBranch *parent);
extern void hitl_end_branch(HitlRun *run, HitlBranch *branch);
extern bool hitl_has_slack(const HitlPosition *position);
extern bool hitl_lacks_branches(const HitlStep *step,
								const HitlCounts *branches);
extern void hitl_fail_branch(HitlRun *run, HitlBranch *branch,
							 HitlBranch *parent);
extern void hitl_check_fork(HitlRun *run, HitlBranch *branch);
extern void hitl_abandon_fork(HitlRun *run, HitlPosition *position);

/* ---- command.c ------------------------------------------------------ */

extern void hitl_handle_pause(HitlRun *run, const HitlJson *body);
extern void hitl_handle_resume(HitlRun *run, const HitlJson *body);
extern void hitl_handle_cancel(HitlRun *run, const HitlJson *body);
extern void hitl_handle_retry(HitlRun *run, const HitlJson *body);
extern void hitl_handle_skip(HitlRun *run, const HitlJson *body);
extern const char *hitl_write_order(HitlRun *run, const HitlJson *body);
extern void hitl_revive(HitlRun *run, bool rewound);

/* ---- undo.c --------------------------------------------------------- */

extern void hitl_handle_rollback(HitlRun *run, const HitlJson *body);
extern void hitl_end_undo(HitlRun *run, HitlBranch *branch);
extern HitlResult hitl_rewind(const HitlDefinition *definition,
							  const HitlControl *current,
							  const char *checkpoint, const char *reason,
							  const HitlHost *host, HitlControl **control,
							  HitlEffects *effects);

/* ---- migrate.c ------------------------------------------------------ */

extern HitlResult hitl_migrate(const HitlDefinition *from, HitlControl *control,
							   const HitlDefinition *to, const HitlHost *host,
							   HitlControl **migrated, HitlFaults *faults);

/* For the step kinds. */
extern void hitl_stop(HitlRun *run, HitlResult result, const char *error);
extern HitlEffect *hitl_emit(HitlRun *run, HitlEffectKind kind,
							 const char *type, const HitlPosition *position);
extern void hitl_await(HitlRun *run, HitlPosition *position,
					   HitlPositionState state, HitlEffect *effect);
extern int hitl_take_checkpoint(HitlRun *run, HitlPosition *position,
								const char *name, const char *description);
extern void hitl_pin_checkpoint(HitlRun *run, int effect);
extern void hitl_complete_step(HitlRun *run, HitlPosition *position,
							   const char *result);
extern void hitl_fail_step(HitlRun *run, HitlPosition *position,
						   const char *kind, const char *message);
extern void hitl_fail_faulty(HitlRun *run, HitlPosition *position,
							 const char *format, ...)
	__attribute__((format(printf, 3, 4)));
extern void hitl_refuse_step(HitlRun *run, HitlPosition *position,
							 const char *kind, const char *message,
							 const char *result);
extern const char *hitl_keep_text(HitlRun *run, const char *text);
extern const char *hitl_finish_text(HitlRun *run, HitlBuffer *text);
extern void hitl_set_timer(HitlRun *run, HitlPosition *position,
						   int64_t due_us);
extern bool hitl_put_off(HitlRun *run, HitlPosition *position);

/*
 * Render a template; NULL when it cannot be, in which case the step has
 * failed or the run has stopped, and the caller returns.
 */
extern const char *hitl_render(HitlRun *run, HitlPosition *position,
							   const HitlTemplate *template);

/* ---- condition.c ---------------------------------------------------- */

extern bool hitl_check_condition(HitlRun *run, HitlPosition *position,
								 const char *path, bool *answer);

/* ---- question.c ----------------------------------------------------- */

extern void hitl_parse_question(HitlParse *parse, const HitlPlace *place,
								const HitlJson *object,
								const char *default_title,
								HitlQuestion *question);
extern void hitl_ask(HitlRun *run, HitlPosition *position,
					 const HitlQuestion *question, const char *more_context);
extern const char *hitl_check_decision(const HitlJson *body);
extern const char *hitl_write_decision(HitlRun *run, const HitlJson *body,
									   const char *member);
extern bool hitl_fail_unasked(HitlRun *run, HitlPosition *position,
							  const HitlJson *body);
extern bool hitl_is_approved(const HitlJson *body);
extern void hitl_decline(HitlRun *run, HitlPosition *position,
						 const HitlJson *body, const char *result);

/* ---- retry.c -------------------------------------------------------- */

/* The longest time a definition may name. */
#define HITL_MAX_DURATION_MS (INT64_C(3650) * 24 * 60 * 60 * 1000)

extern bool hitl_parse_duration(const HitlJson *value, int64_t *milliseconds);
extern void hitl_read_retry(HitlParse *parse, const HitlPlace *place,
							const HitlJson *object, HitlRetry *retry);
extern HitlResult hitl_parse_retry(const char *json, HitlRetry *retry,
								   HitlFaults *faults);
extern int64_t hitl_retry_delay(const HitlRetry *retry, int attempt,
								double random);
extern bool hitl_is_retryable(const HitlRetry *retry, const char *kind);
extern void hitl_read_limits(HitlParse *parse, const HitlPlace *place,
							 const HitlJson *object, HitlStep *step);
extern bool hitl_host_repeats(const HitlStep *step);

/* ---- instant.c ------------------------------------------------------ */

/* What calendar and clock show in UTC. */
typedef struct HitlInstant
{
	int year;
	int month; /* from 1 */
	int day;
	int weekday; /* from 0, a Sunday */
	int hour;
	int minute;
	int second;
	int fraction; /* of the second, in microseconds */
} HitlInstant;

extern bool hitl_parse_instant(const char *text, int64_t *us);
extern void hitl_append_instant(HitlBuffer *buffer, int64_t us);
extern HitlInstant hitl_split_instant(int64_t us);

/* ---- reply.c -------------------------------------------------------- */

/* What a reply comes to: a result, or a failure. */
typedef struct HitlReply
{
	const char *result; /* JSON text, or NULL */
	const char *kind;	/* of the failure */
	const char *message;
} HitlReply;

extern const char *hitl_check_reply(const HitlJson *body);
extern bool hitl_read_answer(HitlArena *arena, const HitlJson *body,
							 HitlReply *reply);
extern void hitl_read_status(HitlArena *arena, int64_t status,
							 const HitlJson *document, HitlReply *reply);
extern void hitl_fail_reply(HitlReply *reply, const char *kind,
							const char *message);
extern const char *hitl_message_of(HitlArena *arena, int64_t status,
								   const HitlJson *document);
extern void hitl_write_told(HitlBuffer *buffer, const HitlJson *error);
extern bool hitl_take_answer(HitlRun *run, const HitlJson *body,
							 HitlReply *reply);
extern void hitl_deliver_answer(HitlRun *run, HitlPosition *position,
								const HitlJson *body);

#endif /* HITL_CORE_INTERNAL_H */
