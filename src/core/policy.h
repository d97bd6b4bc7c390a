/*
 * policy.h
 *		What the files about approval policies share with each other.
 */
#ifndef HITL_CORE_POLICY_H
#define HITL_CORE_POLICY_H

#include "core/internal.h"

#define HITL_MAX_PARTS		 200
#define HITL_MAX_LEVELS		 10
#define HITL_MAX_NAMES		 100000 /* of a leaf */
#define HITL_MAX_ESCALATIONS 5
#define HITL_MAX_SETS		 4096 /* alternatives, where people must differ */
#define HITL_MAX_REMINDERS	 1000

/* A set of leaves. */
typedef struct HitlLeafSet
{
	uint64_t words[(HITL_MAX_PARTS + 63) / 64];
} HitlLeafSet;

#define HITL_SET_WORDS ((int) (sizeof(HitlLeafSet) / sizeof(uint64_t)))

typedef enum HitlPartKind
{
	HITL_PART_LEAF,
	HITL_PART_ALL_OF,
	HITL_PART_ANY_OF,
	HITL_PART_N_OF,
	HITL_PART_SEQUENCE
} HitlPartKind;

/* A node of the tree. */
typedef struct HitlPart
{
	HitlPartKind kind;
	int number; /* in the order of the document */
	int depth;
	const char *pointer; /* into the document */
	const char *label;	 /* "name", or NULL */
	struct HitlPart *parent;
	struct HitlPart *first; /* child */
	struct HitlPart *next;	/* sibling */
	int64_t after_us;		/* 0: at once */
	int64_t deadline_us;	/* 0: none */
	bool approve_on_deadline;
	bool advisory;
	bool in_advisory; /* it or a part around it is */
	bool in_veto;	  /* a rejection here rejects the request */
	HitlLeafSet within;

	int needed;		  /* approvals, or children; 0: percent says */
	double percent;	  /* of the people, or 0 */
	int reject_after; /* 0: when the approvals are out of reach */
	int voters;		  /* children that are not advisory */

	int leaf; /* number among the leaves, or -1 */
	int nnames;
	const char **names; /* each once */
	int *name_numbers;
} HitlPart;

/* What follows from silence. */
typedef enum HitlSilenceKind
{
	HITL_SILENCE_EXPIRES = 0,
	HITL_SILENCE_REJECTS,
	HITL_SILENCE_APPROVES,
	HITL_SILENCE_ESCALATES
} HitlSilenceKind;

/* The root, or what silence has led to: a part that is asked from then on. */
typedef struct HitlStage
{
	HitlPart *part;
	int64_t timeout_us; /* 0: none */
	HitlSilenceKind on_silence;
} HitlStage;

/* A leaf that asks a name. */
typedef struct HitlUse
{
	struct HitlUse *next;
	const HitlPart *leaf;
} HitlUse;

typedef struct HitlNameEntry
{
	const char *text;
	int number;
	HitlUse *uses;
} HitlNameEntry;

struct HitlPolicy
{
	HitlArena arena;
	const HitlJson *document;
	HitlPart *parts[HITL_MAX_PARTS];
	int nparts;
	HitlPart *leaves[HITL_MAX_PARTS];
	int nleaves;
	HitlStage stages[HITL_MAX_ESCALATIONS + 1];
	int nstages;
	bool distinct;
	bool excludes_requester;
	bool excludes_editors;
	int64_t remind_after_us; /* 0: never */
	int64_t remind_every_us;
	int remind_max;

	/* The names, an open hash table. */
	HitlNameEntry *slots;
	size_t mask; /* slots - 1 */
	int nnames;
};

/* ---- policy_parse.c ------------------------------------------------- */

extern HitlResult hitl_parse_policy(const char *json, HitlPolicy **policy,
									HitlFaults *faults);
extern void hitl_free_policy(HitlPolicy *policy);
extern bool hitl_excludes_requester(const HitlPolicy *policy);
extern bool hitl_excludes_editors(const HitlPolicy *policy);
extern const HitlNameEntry *hitl_find_asked(const HitlPolicy *policy,
											const char *name);

/* ---- policy.c ------------------------------------------------------- */

typedef enum HitlPartStatus
{
	HITL_PART_WAITS = 0,
	HITL_PART_ASKED,
	HITL_PART_APPROVED,
	HITL_PART_FAILED
} HitlPartStatus;

/* An answer that counts in a leaf. */
typedef struct HitlHit
{
	struct HitlHit *next;
	const HitlVote *vote;
} HitlHit;

/* How a part stands. */
typedef struct HitlPartState
{
	HitlPartStatus status;
	bool closed;		/* decided, and more approvals would be of no use */
	bool granted;		/* approved by time alone */
	int order;			/* of its decision among those of all parts */
	int64_t asked_us;	/* when it was asked */
	int64_t due_us;		/* when it will be, or -1 */
	const char *reason; /* of its failure */

	/* Of a leaf. */
	int approvals;
	int rejections;
	int abstentions;
	int needed;		 /* 0: not known (yet) */
	int people;		 /* behind its names, where has_people */
	bool has_people; /* they have been counted */
	bool by_people;	 /* its decision depends on their number */
	HitlHit *hits;	 /* in the order of votes */
	HitlHit *last_hit;
	int decided_votes; /* votes when it was decided */
	int64_t decided_us;
	bool stored; /* decided by an earlier call, which said: */
	HitlPartStatus stored_status;
	int stored_needed;
} HitlPartState;

/* As many people as approved in the same leaves. */
typedef struct HitlVoters
{
	HitlLeafSet leaves;
	int count;
} HitlVoters;

/* A policy being evaluated. */
typedef struct HitlEvaluation
{
	const HitlPolicy *policy;
	const HitlPolicyCase *input;
	HitlArena *memory;
	HitlResult result;
	HitlPartState *states; /* of all parts */
	int *stamps;		   /* of the leaves: last vote seen */
	int64_t now_us;		   /* of the event that is processed */
	int votes;			   /* processed */
	const HitlVote *vote;  /* being processed, or NULL */
	const char *cause;	   /* reason, should something be approved now */
	int decisions;
	int stage;
	int64_t stage_us; /* when it began */
	bool changed;
	bool counting; /* the number of people was asked of the host */

	/* What an earlier call has seen. */
	bool has_state;
	int seen_votes;
	int64_t seen_us;

	HitlOutcome outcome;
	const char *reason;
	const char *decider;

	/* Where people must differ. */
	HitlVoters *voters;
	int nvoters;
	int voters_size;
	bool shared; /* somebody has approved in two leaves */
	HitlArena sets_memory;
	HitlLeafSet *sets; /* alternatives, NULL: to be found */
	int nsets;
} HitlEvaluation;

extern HitlResult hitl_run_evaluation(HitlEvaluation *run, HitlArena *memory,
									  const HitlPolicy *policy,
									  const HitlPolicyCase *input);
extern void hitl_end_evaluation(HitlEvaluation *run);
extern void hitl_approve_part(HitlEvaluation *run, const HitlPart *part);
extern bool hitl_is_asking(const HitlEvaluation *run, const HitlPart *part);
extern bool hitl_next_due(const HitlEvaluation *run, int64_t *due_us);
extern int64_t hitl_later(int64_t us, int64_t more_us);

/* ---- policy_verdict.c ----------------------------------------------- */

extern HitlResult hitl_evaluate_policy(const HitlPolicy *policy,
									   const HitlPolicyCase *input,
									   HitlVerdict *verdict);
extern void hitl_free_verdict(HitlVerdict *verdict);

/* ---- policy_match.c ------------------------------------------------- */

extern double hitl_count_sets(const HitlPart *part);
extern void hitl_match_voters(HitlEvaluation *run);

/* ---- policy_state.c ------------------------------------------------- */

extern bool hitl_read_policy_state(HitlEvaluation *run);
extern const char *hitl_write_policy_state(HitlEvaluation *run);

/* ---- policy_write.c ------------------------------------------------- */

extern HitlResult hitl_simple_policy(const char *asked, const char *required,
									 int threshold, int64_t timeout_ms,
									 char **json, char **error);
extern HitlResult hitl_reassign_policy(const HitlPolicy *policy,
									   const char *from, const char *to,
									   char **json, char **error);
extern HitlResult hitl_explain_policy(const HitlPolicy *policy,
									  const HitlPolicyCase *input, char **json,
									  char **error);

#endif /* HITL_CORE_POLICY_H */
