/*
 * case.c
 *		A request as its policy sees it: who has answered, how it stands.
 *
 * The core decides (core/policy.c); here is what it needs from the tables.
 */
#include "postgres.h"

#include "approval/approval.h"
#include "approval/principal.h"
#include "catalog/pg_type.h"
#include "core_bridge.h"
#include "db.h"
#include "hitl.h"
#include "lib/stringinfo.h"
#include "lookup.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "workflow/batch.h"
#include "workflow/data.h"
#include "workflow/identifier.h"

static const HitlIndex requests_by_id = {"approval_requests",
										 "approval_requests_pkey", F_UUID_EQ};

/* What count_people() needs beside the names. */
typedef struct Counting
{
	HitlApproval *approval;
	MemoryContext caller;
	ErrorData *error;
} Counting;

static void fill_case(HitlApproval *approval, TimestampTz now,
					  Counting *counting, HitlPolicyCase *input);
static void fail_case(HitlApproval *approval, HitlResult result,
					  Counting *counting) pg_attribute_noreturn();
static HitlApproval *read_approval(HitlLookup *row);
static void read_vote(HitlApproval *approval, HitlLookup *row);
static TimestampTz read_time(HitlLookup *row, const char *column);
static Jsonb *read_jsonb(HitlLookup *row, const char *column);
static List *read_texts(HitlLookup *row, const char *column);
static Datum read_hash(HitlLookup *row, const char *column);
static void hold_back(HitlApproval *approval, TimestampTz now,
					  HitlVerdict *verdict);
static bool count_people(void *context, int nnames, const char *const *names,
						 int *count);
static void free_policy(void *policy);

/*
 * Lock a request.
 */
HitlApproval *
hitl_lock_approval(const pg_uuid_t *id)
{
	HitlApproval *approval = NULL;
	HitlLookup lookup;

	if (hitl_lock_row(&lookup, &requests_by_id, UUIDPGetDatum(id),
					  LockTupleExclusive))
		approval = read_approval(&lookup);
	hitl_end_lookup(&lookup);
	if (approval == NULL)
		hitl_approval_missing(id);
	return approval;
}

/*
 * Lock a request that somebody does something about, and see by which names it
 * can ask him.  His own row is locked already: nothing is taken from him now.
 */
HitlApproval *
hitl_lock_approval_for(const pg_uuid_t *id, HitlActor *actor)
{
	HitlApproval *approval = hitl_lock_approval(id);

	approval->person = actor->name;
	if (!actor->registered)
	{
		approval->person_names = list_make1(actor->name);
		return approval;
	}
	approval->person_names = hitl_own_names(actor->name);
	actor->names = hitl_join_names(actor->names, approval->person_names);
	actor->names = hitl_join_names(actor->names, hitl_groups_of(actor->name));
	return approval;
}

/*
 * Read a request without locking it.
 */
HitlApproval *
hitl_read_approval(const pg_uuid_t *id)
{
	HitlApproval *approval = NULL;
	HitlLookup lookup;

	hitl_begin_lookup(&lookup, &requests_by_id, UUIDPGetDatum(id));
	if (hitl_next_row(&lookup))
		approval = read_approval(&lookup);
	hitl_end_lookup(&lookup);
	if (approval == NULL)
		hitl_approval_missing(id);
	return approval;
}

/*
 * Lock requests whose policies are to be evaluated by now.
 */
List *
hitl_lock_due_approvals(TimestampTz now, int limit)
{
	static HitlStatement lock = {
		"SELECT a.id FROM hitl.approval_requests a "
		"WHERE a.status = 'pending' AND a.due_at <= $1 AND a.timed "
		"ORDER BY a.due_at LIMIT $2 FOR UPDATE SKIP LOCKED",
		2,
		{TIMESTAMPTZOID, INT4OID},
	};
	List *approvals = NIL;
	Datum values[2];
	uint64 i;

	values[0] = TimestampTzGetDatum(now);
	values[1] = Int32GetDatum(limit);
	hitl_execute(&lock, values, NULL, 0);
	for (i = 0; i < SPI_processed; i++)
	{
		bool isnull;

		approvals = lappend(approvals,
							hitl_lock_approval(
								DatumGetUUIDP(hitl_column(i, 1, &isnull))));
	}
	return approvals;
}

/*
 * The policy of a request, parsed.
 */
const HitlPolicy *
hitl_approval_policy(HitlApproval *approval)
{
	char *why = NULL;

	if (approval->parsed == NULL)
	{
		approval->parsed = hitl_parse_policy_text(approval->policy, &why);
		if (approval->parsed == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("the policy of approval request %s is faulty",
							hitl_id_text(&approval->id)),
					 errdetail_internal("%s", why)));
	}
	return approval->parsed;
}

/*
 * Parse a policy, which lives as long as the current memory context.
 */
HitlPolicy *
hitl_parse_policy_text(const char *text, char **why)
{
	MemoryContextCallback *callback = palloc(sizeof(MemoryContextCallback));
	HitlFaults faults = {0};
	HitlPolicy *policy = NULL;
	HitlResult result = hitl_core()->parse_policy(text, &policy, &faults);

	if (result == HITL_NO_MEMORY)
		hitl_core_out_of_memory();
	if (result != HITL_OK)
	{
		*why = hitl_list_faults(&faults, "/");
		return NULL;
	}
	callback->func = free_policy;
	callback->arg = policy;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	return policy;
}

/*
 * The policy that the simple form of a request stands for.
 */
char *
hitl_simple_policy_text(List *asked, List *required, int threshold,
						int64 timeout_ms)
{
	StringInfoData asked_text;
	StringInfoData required_text;
	char *text = NULL;
	char *error = NULL;
	char *fault;
	char *copy;

	initStringInfo(&asked_text);
	initStringInfo(&required_text);
	hitl_append_names(&asked_text, asked);
	hitl_append_names(&required_text, required);
	fault = hitl_core_fault(
		hitl_core()->simple_policy(asked == NIL ? NULL : asked_text.data,
								   required == NIL ? NULL : required_text.data,
								   threshold, timeout_ms, &text, &error),
		error);
	if (fault)
		ereport(ERROR,
				(errcode(ERRCODE_HITL_INVALID_POLICY),
				 errmsg("nobody could approve this request"),
				 errdetail_internal("%s", fault)));
	copy = pstrdup(text);
	hitl_core()->free_text(text);
	return copy;
}

/*
 * Load the answers of the round.  Whoever wants changes has not consented: a
 * step takes that as a rejection; a request by hand waits for the changes.
 */
void
hitl_load_votes(HitlApproval *approval)
{
	static const HitlIndex by_approval = {"approval_responses",
										  "approval_responses_pkey", F_UUID_EQ};
	HitlLookup lookup;

	if (approval->votes_loaded)
		return;
	approval->votes_loaded = true;
	if (approval->acts == 0)
		return;
	hitl_begin_lookup(&lookup, &by_approval, UUIDPGetDatum(&approval->id));
	while (hitl_next_row(&lookup))
		read_vote(approval, &lookup);
	hitl_end_lookup(&lookup);
}

/*
 * A row of hitl.approval_responses: it counts if it stands.
 */
static void
read_vote(HitlApproval *approval, HitlLookup *row)
{
	char *person;
	char *decision;
	bool isnull;

	if (!DatumGetBool(hitl_row_value(row, "standing", &isnull)))
		return;
	person = hitl_row_text(row, "approver_id");
	approval->answered = lappend(approval->answered, person);
	approval->answered = list_concat(approval->answered,
									 read_texts(row, "on_behalf_of"));
	decision = hitl_row_text(row, "decision");
	(void) hitl_row_value(row, "edits", &isnull);
	if (!isnull)
		decision = "approved";
	if (strcmp(decision, "modified") != 0 || approval->has_token)
		hitl_add_vote(approval, person, read_texts(row, "names"),
					  hitl_choice_of(decision), read_time(row, "responded_at"));
}

/*
 * Add an answer to those in memory.
 */
void
hitl_add_vote(HitlApproval *approval, const char *person, List *names,
			  HitlChoice choice, TimestampTz at)
{
	const char **texts = palloc((list_length(names) + 1) * sizeof(char *));
	HitlVote *vote;
	ListCell *cell;
	int count = 0;

	if (approval->nvotes == approval->votes_capacity)
	{
		approval->votes_capacity = Max(4, approval->votes_capacity * 2);
		approval->votes = approval->votes == NULL
			? palloc(approval->votes_capacity * sizeof(HitlVote))
			: repalloc(approval->votes,
					   approval->votes_capacity * sizeof(HitlVote));
	}
	foreach(cell, names)
		texts[count++] = lfirst(cell);
	vote = &approval->votes[approval->nvotes++];
	vote->person = person;
	vote->nnames = count;
	vote->names = texts;
	vote->choice = choice;
	vote->at_us = hitl_to_unix(at);
}

/*
 * What an answer is to the policy.
 */
HitlChoice
hitl_choice_of(const char *decision)
{
	if (strcmp(decision, "approved") == 0)
		return HITL_CHOICE_APPROVE;
	if (strcmp(decision, "abstained") == 0)
		return HITL_CHOICE_ABSTAIN;
	return HITL_CHOICE_REJECT;
}

/*
 * An answer that counts for a name.
 */
const HitlVote *
hitl_find_vote(const HitlApproval *approval, const char *name)
{
	int i;
	int j;

	for (i = 0; i < approval->nvotes; i++)
		for (j = 0; j < approval->votes[i].nnames; j++)
			if (strcmp(approval->votes[i].names[j], name) == 0)
				return &approval->votes[i];
	return NULL;
}

/*
 * Begin a new round.
 */
void
hitl_reopen(HitlApproval *approval, TimestampTz now)
{
	approval->round++;
	approval->opened_at = now;
	approval->policy_state = NULL;
	approval->nvotes = 0;
	approval->answered = NIL;
	approval->votes_loaded = true;
	approval->reminders = 0;
	approval->reminded_at = 0;
	approval->escalations = 0;
	approval->wanted = NULL;
}

/*
 * How a request stands.  What is in the verdict lives as long as the current
 * memory context.
 */
void
hitl_evaluate(HitlApproval *approval, TimestampTz now, HitlVerdict *verdict)
{
	HitlVerdict found = {0};
	HitlPolicyCase input;
	Counting counting = {approval, CurrentMemoryContext, NULL};
	HitlResult result;
	int i;

	fill_case(approval, now, &counting, &input);
	result = hitl_core()->evaluate_policy(hitl_approval_policy(approval),
										  &input, &found);
	if (result != HITL_OK)
		fail_case(approval, result, &counting);

	/* Nothing in between can raise an error but want of memory. */
	*verdict = found;
	verdict->memory = NULL;
	verdict->reason = found.reason ? pstrdup(found.reason) : NULL;
	verdict->decider = found.decider ? pstrdup(found.decider) : NULL;
	verdict->state = found.state ? pstrdup(found.state) : NULL;
	verdict->asked = palloc((found.nasked + 1) * sizeof(char *));
	for (i = 0; i < found.nasked; i++)
		verdict->asked[i] = pstrdup(found.asked[i]);
	hitl_core()->free_verdict(&found);
	if (approval->wanted && verdict->outcome == HITL_OUTCOME_APPROVED &&
		(strcmp(approval->wanted, "changes") == 0 ||
		 strcmp(verdict->reason, "approved") != 0))
		hold_back(approval, now, verdict);
}

/*
 * How each part of the policy stands, as JSON text (core.h, explain_policy).
 */
char *
hitl_explain(HitlApproval *approval)
{
	HitlPolicyCase input;
	Counting counting = {approval, CurrentMemoryContext, NULL};
	HitlResult result;
	char *json = NULL;
	char *error = NULL;
	char *copy;

	fill_case(approval, GetCurrentTimestamp(), &counting, &input);
	result = hitl_core()->explain_policy(hitl_approval_policy(approval), &input,
										 &json, &error);
	hitl_core()->free_text(error);
	if (result != HITL_OK)
		fail_case(approval, result, &counting);
	copy = pstrdup(json);
	hitl_core()->free_text(json);
	return copy;
}

/*
 * Is somebody among people, under whatever name they were known?
 */
bool
hitl_has_person(HitlApproval *approval, List *people, const char *name)
{
	ListCell *cell;

	if (people == NIL)
		return false;
	if (hitl_list_has(people, name))
		return true;
	foreach(cell, hitl_names_of(approval, name))
		if (hitl_list_has(people, lfirst(cell)))
			return true;
	return false;
}

/*
 * The texts that mean somebody, looked up once for whoever answers.
 */
List *
hitl_names_of(HitlApproval *approval, const char *name)
{
	if (approval->person == NULL || strcmp(approval->person, name) != 0)
	{
		approval->person = name;
		approval->person_names = hitl_own_names(name);
	}
	return approval->person_names;
}

/*
 * As what a person must not answer; NULL if nothing speaks against it.
 */
const char *
hitl_excluded_as(HitlApproval *approval, const char *name)
{
	if (hitl_has_person(approval, approval->requesters, name) &&
		hitl_core()->excludes_requester(hitl_approval_policy(approval)))
		return "the requester";
	if (hitl_has_person(approval, approval->editors, name) &&
		hitl_core()->excludes_editors(hitl_approval_policy(approval)))
		return "whoever edited the request";
	return NULL;
}

/*
 * Refuse one who must not answer.
 */
void
hitl_refuse_excluded(const HitlApproval *approval, const char *name,
					 const char *excluded)
{
	ereport(ERROR,
			(errcode(ERRCODE_HITL_MUST_NOT_ANSWER),
			 errmsg("\"%s\" must not answer approval request %s", name,
					hitl_id_text(&approval->id)),
			 errdetail("Its policy excludes %s.", excluded)));
}

/*
 * Refuse to touch what has ended.  What is due by time comes before anything
 * else that is done, even if the engine has not got round to it.
 */
void
hitl_check_pending(HitlApproval *approval, TimestampTz now)
{
	HitlVerdict verdict = {0};

	if (strcmp(approval->status, "pending") != 0)
		hitl_refuse_ended(&approval->id, approval->status);
	if (approval->due_at == 0 || approval->due_at > now)
		return;
	if (!approval->timed)
		hitl_refuse_ended(&approval->id, "expired");
	hitl_evaluate(approval, now, &verdict);
	if (verdict.outcome != HITL_OUTCOME_PENDING)
		hitl_refuse_ended(&approval->id, hitl_outcome_name(verdict.outcome));

	/* Who is in the table is what hitl_record_act() changes. */
	approval->asked_now = hitl_asked_list(&verdict);
	approval->expires_at = hitl_from_unix(verdict.expires_us);
}

/*
 * Whom a verdict asks.
 */
List *
hitl_asked_list(const HitlVerdict *verdict)
{
	List *names = NIL;
	int i;

	for (i = 0; i < verdict->nasked; i++)
		names = lappend(names, unconstify(char *, verdict->asked[i]));
	return names;
}

/*
 * An instant as the core has it.
 */
int64
hitl_to_unix(TimestampTz instant)
{
	return instant == 0 ? 0 : instant + HITL_UNIX_EPOCH_US;
}

TimestampTz
hitl_from_unix(int64 microseconds)
{
	return microseconds == 0 ? 0 : microseconds - HITL_UNIX_EPOCH_US;
}

/*
 * An outcome as the status of a request.
 */
const char *
hitl_outcome_name(HitlOutcome outcome)
{
	static const char *const names[] = {"pending", "approved", "rejected",
										"expired"};

	return names[outcome];
}

/*
 * What somebody wants changed is not approved, nor by silence what somebody asks
 * about.  If answers would, it waits for the changes, as long as it may; silence
 * ends it.
 */
static void
hold_back(HitlApproval *approval, TimestampTz now, HitlVerdict *verdict)
{
	ListCell *cell;

	verdict->decider = NULL;
	if (strcmp(verdict->reason, "approved") != 0 ||
		(approval->expires_at != 0 && approval->expires_at <= now))
	{
		verdict->outcome = HITL_OUTCOME_EXPIRED;
		verdict->reason = "silence";
		return;
	}
	verdict->outcome = HITL_OUTCOME_PENDING;
	verdict->reason = NULL;
	verdict->state = approval->policy_state;
	verdict->asked = palloc((list_length(approval->asked_now) + 1) *
							sizeof(char *));
	verdict->nasked = 0;
	foreach(cell, approval->asked_now)
		verdict->asked[verdict->nasked++] = lfirst(cell);
	verdict->next_us = verdict->expires_us = hitl_to_unix(approval->expires_at);
	verdict->escalations = approval->escalations;
	verdict->remind = false;
}

/*
 * What a policy is evaluated with.
 */
static void
fill_case(HitlApproval *approval, TimestampTz now, Counting *counting,
		  HitlPolicyCase *input)
{
	hitl_load_votes(approval);
	memset(input, 0, sizeof(*input));
	input->opened_us = hitl_to_unix(approval->opened_at);
	input->now_us = hitl_to_unix(now);
	input->state = approval->policy_state;
	input->nvotes = approval->nvotes;
	input->votes = approval->votes;
	input->reminders = approval->reminders;
	input->last_remind_us = hitl_to_unix(approval->reminded_at);
	input->count_people = count_people;
	input->context = counting;
}

/*
 * The core could not evaluate it.
 */
static void
fail_case(HitlApproval *approval, HitlResult result, Counting *counting)
{
	if (result == HITL_NO_MEMORY)
		hitl_core_out_of_memory();
	if (counting->error)
		ReThrowError(counting->error);
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("the policy of approval request %s cannot be evaluated",
					hitl_id_text(&approval->id)),
			 errdetail("What is kept of its state is faulty.")));
}

/*
 * A row of hitl.approval_requests, in the order of its columns.
 */
static HitlApproval *
read_approval(HitlLookup *row)
{
	HitlApproval *approval = palloc0(sizeof(HitlApproval));
	Datum value;
	bool isnull;

	approval->id = *DatumGetUUIDP(hitl_row_value(row, "id", &isnull));
	value = hitl_row_value(row, "workflow_id", &isnull);
	approval->has_workflow = !isnull;
	if (!isnull)
		approval->workflow_id = *DatumGetUUIDP(value);
	approval->token = DatumGetInt64(hitl_row_value(row, "token", &isnull));
	approval->has_token = !isnull;
	approval->step = hitl_row_text(row, "step_name");
	approval->title = hitl_row_text(row, "title");
	approval->description = hitl_row_text(row, "description");
	approval->type = hitl_row_text(row, "approval_type");
	approval->context_data = read_jsonb(row, "context_data");
	approval->status = hitl_row_text(row, "status");
	approval->content_hash = read_hash(row, "content_hash");
	value = hitl_row_value(row, "requested_role", &isnull);
	approval->requested_role = pstrdup(NameStr(*DatumGetName(value)));
	approval->expires_at = read_time(row, "expires_at");
	value = hitl_row_value(row, "policy", &isnull);
	approval->policy = hitl_jsonb_text(DatumGetJsonbP(value));
	approval->timed = DatumGetBool(hitl_row_value(row, "timed", &isnull));
	approval->policy_state = hitl_row_text(row, "policy_state");
	approval->asked = approval->asked_now = read_texts(row, "asked");
	approval->due_at = read_time(row, "due_at");
	approval->round = DatumGetInt32(hitl_row_value(row, "round", &isnull));
	approval->opened_at = read_time(row, "opened_at");
	approval->acts = DatumGetInt32(hitl_row_value(row, "acts", &isnull));
	approval->wanted = hitl_row_text(row, "wanted");
	approval->requesters = read_texts(row, "requesters");
	approval->editors = read_texts(row, "editors");
	approval->editable = DatumGetBool(hitl_row_value(row, "editable", &isnull));
	approval->answer_schema = read_jsonb(row, "answer_schema");
	approval->reminders = DatumGetInt32(
		hitl_row_value(row, "reminders", &isnull));
	approval->reminded_at = read_time(row, "reminded_at");
	approval->escalations = DatumGetInt32(
		hitl_row_value(row, "escalations", &isnull));
	approval->last_hash = read_hash(row, "last_hash");
	return approval;
}

static TimestampTz
read_time(HitlLookup *row, const char *column)
{
	bool isnull;
	Datum value = hitl_row_value(row, column, &isnull);

	return isnull ? 0 : DatumGetTimestampTz(value);
}

static Jsonb *
read_jsonb(HitlLookup *row, const char *column)
{
	bool isnull;
	Datum value = hitl_row_value(row, column, &isnull);

	return isnull ? NULL : DatumGetJsonbPCopy(value);
}

static List *
read_texts(HitlLookup *row, const char *column)
{
	bool isnull;
	Datum value = hitl_row_value(row, column, &isnull);

	return isnull ? NIL : hitl_text_list(DatumGetArrayTypeP(value));
}

static Datum
read_hash(HitlLookup *row, const char *column)
{
	bool isnull;
	Datum value = hitl_row_value(row, column, &isnull);

	return datumCopy(value, false, -1);
}

/*
 * Callback of the core: how many people stand behind names.  No error may pass
 * through the core's frames; it is raised again by hitl_evaluate(), so that the
 * transaction ends.
 */
static bool
count_people(void *context, int nnames, const char *const *names, int *count)
{
	static HitlStatement find = {
		"SELECT hitl.count_people($1, $2)",
		2,
		{TEXTARRAYOID, TEXTARRAYOID},
	};
	Counting *counting = context;
	volatile bool counted = true;

	PG_TRY();
	{
		HitlApproval *approval = counting->approval;
		const HitlPolicy *policy = hitl_approval_policy(approval);
		List *list = NIL;
		List *excluded = NIL;
		Datum values[2];
		bool isnull;
		int i;

		for (i = 0; i < nnames; i++)
			list = lappend(list, unconstify(char *, names[i]));
		if (hitl_core()->excludes_requester(policy))
			excluded = list_concat(excluded, approval->requesters);
		if (hitl_core()->excludes_editors(policy))
			excluded = list_concat(excluded, approval->editors);
		values[0] = PointerGetDatum(hitl_list_array(list));
		values[1] = PointerGetDatum(hitl_list_array(excluded));
		hitl_execute(&find, values, NULL, 1);
		*count = DatumGetInt32(hitl_column(0, 1, &isnull));
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(counting->caller);
		counting->error = CopyErrorData();
		FlushErrorState();
		counted = false;
	}
	PG_END_TRY();
	return counted;
}

/*
 * When the memory context goes.
 */
static void
free_policy(void *policy)
{
	hitl_core()->free_policy(policy);
}
