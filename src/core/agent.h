/*
 * agent.h
 *		What the files about agents share with each other and with their tests.
 *
 * An agent works on a task in turns: the model is asked, it wants tools
 * called, they run, it is told what they gave, and so on until it answers.
 * What was said is the agent's memory: events of the workflow.  The control
 * state keeps only how far the run is, and the calls of the turn under way.
 */
#ifndef HITL_CORE_AGENT_H
#define HITL_CORE_AGENT_H

#include "core/inference.h"

/* ---- agent_settings.c: what an agent is ------------------------------ */

typedef enum HitlToolKind
{
	HITL_TOOL_SQL = 0,
	HITL_TOOL_HTTP,
	HITL_TOOL_EXTERNAL,
	HITL_TOOL_AGENT,
	HITL_TOOL_BUILTIN,
	HITL_TOOL_CODE /* what the agent writes itself */
} HitlToolKind;

/* The tool that stands for code; no model can call it by this name. */
#define HITL_CODE_TOOL "<code>"

typedef enum HitlToolApproval
{
	HITL_TOOL_NEVER = 0, /* needs one */
	HITL_TOOL_ALWAYS,
	HITL_TOOL_WHEN /* a path holds for the arguments */
} HitlToolApproval;

typedef struct HitlTool
{
	const char *name;
	HitlToolKind kind;
	const HitlJson *object; /* of the settings */
	const char *parameters; /* JSON text of the schema of the arguments */
	HitlToolApproval approval;
	const char *when; /* SQL/JSON path, or NULL */
} HitlTool;

/*
 * What a run may take before somebody is asked, or it ends.  Behind these
 * come the budgets of the agent, in which all of its runs share: tokens and
 * cost of each period.
 */
typedef enum HitlAgentLimit
{
	HITL_LIMIT_STEPS = 0,
	HITL_LIMIT_TOKENS,
	HITL_LIMIT_COST,
	HITL_LIMIT_SECONDS,
	HITL_RUN_LIMITS,
	HITL_LIMITS = HITL_RUN_LIMITS + 2 * 4
} HitlAgentLimit;

extern const char *const hitl_limit_names[]; /* as of a run's state */

typedef struct HitlAgent
{
	const char *name;
	const char *version;
	bool writes_code; /* SQL, instead of calls of tools */
	const char *model;
	double limits[HITL_RUN_LIMITS]; /* negative: none */
	int planning_interval;			/* 0: no plans */
	bool asks_at_limit;
	const HitlJson *approval;	   /* how people are asked, or NULL */
	char *output_schema;		   /* JSON text, or NULL */
	const HitlJson *answer_checks; /* array, or NULL */
	int max_observation;		   /* characters */
	const HitlJson *sandbox;	   /* of code, or NULL */
	HitlTool *tools;
	int ntools;
} HitlAgent;

extern void hitl_read_settings(HitlParse *parse, const HitlJson *document,
							   HitlAgent *agent);
extern const HitlTool *hitl_find_tool(const HitlAgent *agent, const char *name);
extern const char *hitl_question_terms(HitlParse *parse, const HitlJson *config,
									   const char *more);
extern HitlResult hitl_check_agent(const char *json, const HitlHost *host,
								   HitlFaults *faults);

/* ---- agent_state.c: how far a run is --------------------------------- */

/* What the run awaits, or does next. */
typedef enum HitlAgentPhase
{
	HITL_AGENT_ASKS = 0, /* the model for the next turn */
	HITL_AGENT_PLANS,	 /* the model for a plan */
	HITL_AGENT_CALLS,	 /* tools, in their order */
	HITL_AGENT_CHECKS,	 /* its answer */
	HITL_AGENT_EXCEEDS,	 /* people, whether it may go on beyond a limit */
	HITL_AGENT_WAITS,	 /* a time, at which a budget renews */
	HITL_AGENT_CONCLUDES /* the model for the best answer that it has */
} HitlAgentPhase;

/* The first count messages of a segment; segments are tokens. */
typedef struct HitlMemoryPart
{
	int64_t segment;
	int count;
} HitlMemoryPart;

/* A call that a turn wants. */
typedef struct HitlAgentCall
{
	const char *id;
	const char *tool;
	const char *arguments;	 /* JSON text of an object, or NULL */
	const char *edited;		 /* by an approver: the arguments before, or NULL */
	const char *feedback;	 /* of whoever approved it, or NULL */
	const char *observation; /* what it gives without being run, or NULL */
	bool failed;			 /* that is an error */
	const char *approval;	 /* id of the request that let it run, or NULL */
	int64_t token;			 /* of the approval that is awaited, else 0 */
} HitlAgentCall;

struct HitlAgentRun
{
	const char *name;
	const char *version;
	HitlAgentPhase phase;
	int rewinds; /* of the workflow, as far as the agent knows */
	HitlMemoryPart *parts;
	int nparts;
	int turn;	 /* replies of the model so far, plans aside */
	int planned; /* the turn before which it made its last plan; 0: none */
	int limit;	 /* HitlAgentLimit that is exceeded */
	int64_t
		began_us; /* less the time that it waited for people, or stood still */
	double used[HITL_RUN_LIMITS];

	/*
	 * By people: beyond the limits of a run; of a budget, up to which amount
	 * of its own the run may go on though that is used up.
	 */
	double granted[HITL_LIMITS];
	HitlAgentCall *calls;
	int ncalls;
	int next;			/* call to run; those before have been */
	const char *said;	/* with the calls: the reason for them, or NULL */
	const char *answer; /* JSON text, while it is checked */
	int checked;		/* checks that it has passed */
	const char *const *allowed; /* tools that people let run from now on */
	int nallowed;
};

extern HitlAgentRun *hitl_change_agent(HitlRun *run, HitlPosition *position);
extern void hitl_write_agent(HitlBuffer *buffer, const HitlPosition *position);
extern const char *hitl_read_agent(HitlControl *control, const HitlJson *object,
								   HitlPosition *position);
extern const HitlAgentRun *hitl_move_agent(HitlArena *arena,
										   const HitlAgentRun *agent);
extern void hitl_write_memory(HitlBuffer *buffer, const HitlAgentRun *agent);
extern void hitl_keep_usage(HitlRun *run, HitlBranch *branch,
							const HitlBranch *before);
extern HitlAgentCall *hitl_awaited_call(const HitlAgentRun *agent,
										int64_t token);

/* ---- agent.c: the loop ----------------------------------------------- */

/* A message for the memory: members of its event. */
typedef struct HitlRemark
{
	const char *event; /* its type */
	const char *role;
	const char *text;
	size_t length;
	const char *more; /* JSON members, or NULL */
} HitlRemark;

extern void hitl_remember(HitlRun *run, HitlPosition *position,
						  HitlAgentRun *state, const HitlRemark *remark);
extern void hitl_tell_agent(HitlRun *run, HitlPosition *position,
							HitlAgentRun *state, const char *text);
extern void hitl_leave_out_waiting(HitlRun *run, const HitlPosition *position,
								   HitlAgentRun *state);
extern void hitl_ask_model(HitlRun *run, HitlPosition *position,
						   const HitlAgent *agent, HitlAgentRun *state);
extern void hitl_request_reply(HitlRun *run, HitlPosition *position,
							   const HitlAgent *agent);
extern void hitl_remember_reply(HitlRun *run, HitlPosition *position,
								HitlAgentRun *state, const HitlTurn *turn,
								const char *event);
/* The longest title of a question, in characters. */
#define HITL_MAX_TITLE 300

extern HitlEffect *hitl_pose(HitlRun *run, HitlPosition *position,
							 const HitlAgent *agent, const char *title,
							 const char *description, const char *more,
							 const char *context);

/* ---- agent_limit.c: what it may take ----------------------------------- */

extern bool hitl_keep_to_limits(HitlRun *run, HitlPosition *position,
								const HitlAgent *agent, HitlAgentRun *state);
extern void hitl_decide_limit(HitlRun *run, HitlPosition *position,
							  const HitlAgent *agent, HitlAgentRun *state,
							  const HitlJson *body);
extern void hitl_count_time(const HitlRun *run, HitlAgentRun *state);

/* ---- agent_answer.c: what ends the run -------------------------------- */

extern void hitl_offer_answer(HitlRun *run, HitlPosition *position,
							  const HitlAgent *agent, HitlAgentRun *state,
							  const char *answer);
extern void hitl_check_answer(HitlRun *run, HitlPosition *position,
							  const HitlAgent *agent, HitlAgentRun *state);
extern void hitl_hear_check(HitlRun *run, HitlPosition *position,
							const HitlAgent *agent, HitlAgentRun *state,
							const HitlJson *body);
extern void hitl_hear_conclusion(HitlRun *run, HitlPosition *position,
								 const HitlAgent *agent, HitlAgentRun *state,
								 HitlTurn *turn);
extern const HitlJson *hitl_read_answer_text(HitlRun *run, const char *text,
											 size_t length);

/* ---- agent_approval.c: what people say about calls -------------------- */

extern bool hitl_needs_approval(HitlRun *run, const HitlAgentRun *state,
								const HitlAgentCall *call,
								const HitlTool *tool);
extern HitlEffect *hitl_pose_approval(HitlRun *run, HitlPosition *position,
									  const HitlAgent *agent,
									  const HitlAgentRun *state,
									  const HitlAgentCall *call);
extern const char *hitl_check_question(HitlRun *run, const HitlAgent *agent,
									   const HitlAgentCall *call);
extern HitlEffect *hitl_pose_question(HitlRun *run, HitlPosition *position,
									  const HitlAgent *agent,
									  const HitlAgentCall *call);
extern void hitl_approve_call(HitlRun *run, const HitlTool *tool,
							  HitlAgentRun *state, HitlAgentCall *call,
							  const HitlJson *body);
extern const char *hitl_describe_answer(HitlRun *run, const HitlTool *tool,
										const HitlJson *body);
extern const char *hitl_describe_refusal(HitlRun *run, const HitlJson *body);

/* ---- agent_call.c: the calls of a turn ------------------------------- */

extern void hitl_begin_calls(HitlRun *run, HitlPosition *position,
							 const HitlAgent *agent, HitlAgentRun *state,
							 const HitlTurn *turn);
extern void hitl_name_calls(HitlRun *run, const HitlAgentRun *state,
							HitlTurn *turn);
extern bool hitl_list_violations(HitlRun *run, const char *schema,
								 const char *instance, HitlBuffer *text);
extern void hitl_run_calls(HitlRun *run, HitlPosition *position,
						   const HitlAgent *agent, HitlAgentRun *state);
extern void hitl_decide_call(HitlRun *run, HitlPosition *position,
							 const HitlAgent *agent, HitlAgentRun *state,
							 HitlAgentCall *call, const HitlJson *body);
extern void hitl_observe_call(HitlRun *run, HitlPosition *position,
							  const HitlAgent *agent, HitlAgentRun *state,
							  const char *text, size_t length, bool failed);
extern void hitl_deliver_call(HitlRun *run, HitlPosition *position,
							  const HitlAgent *agent, HitlAgentRun *state,
							  const HitlJson *body);

extern const char *hitl_check_arguments(HitlRun *run, const HitlTool *tool,
										const char *arguments);
extern const HitlJson *hitl_parse_kept(HitlRun *run, const char *json);

/* ---- agent_tool.c: tools of each kind -------------------------------- */

extern void hitl_call_tool(HitlRun *run, HitlPosition *position,
						   const HitlTool *tool, const HitlAgentCall *call);
extern bool hitl_misleads(HitlRun *run, const HitlTool *tool,
						  const char *arguments, HitlBuffer *text);
extern void hitl_write_failure(HitlBuffer *text, const HitlJson *error,
							   const HitlReply *reply);
extern int64_t hitl_limit_of_call(const HitlTool *tool);
extern bool hitl_write_response(HitlBuffer *text, const HitlTool *tool,
								const HitlJson *body);
extern bool hitl_write_child(HitlBuffer *text, const HitlJson *body);

#endif /* HITL_CORE_AGENT_H */
