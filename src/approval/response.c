/*
 * response.c
 *		Answering approval requests.
 *
 * Every way to answer ends here.  The request's row is locked, so of two answers
 * that would decide it exactly one does, and the other is told so.
 */
#include "postgres.h"

#include "approval/approval.h"
#include "approval/principal.h"
#include "approval/type.h"
#include "channel/channel.h"
#include "hitl.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "version.h"
#include "workflow/caller.h"
#include "workflow/data.h"
#include "workflow/identifier.h"

/* What can be answered. */
typedef struct Decision
{
	const char *name;
	bool is_answer; /* counts for the policy, once per person and round */
} Decision;

static const Decision decisions[] = {
	{"approved", true},
	{"rejected", true},
	{"modified", true},
	{"abstained", true},
	{"information_requested", false},
	{"commented", false},
};

/* An answer, as it was given. */
typedef struct Answer
{
	const Decision *decision;
	Jsonb *response_data; /* these may be NULL */
	char *feedback;
	Jsonb *edits;
	bytea *shown; /* hash of what was shown */
	char *channel;
	Jsonb *evidence;
} Answer;

static const Decision *find_decision(const char *name);
static const Decision *known_decision(const char *name);
static void check_answer(const Answer *answer);
static const char *respond(const pg_uuid_t *id, const char *approver,
						   const Answer *answer);
static void check_shown(const HitlApproval *approval, const Answer *answer);
static void check_asked(HitlApproval *approval, const HitlActor *actor,
						const Answer *answer, HitlAct *act);
static List *common_names(List *names, List *asked);
static List *unused_names(HitlApproval *approval, const char *who, List *names);
static bool adds_names(List *names, List *to);
static void edit(HitlApproval *approval, const HitlActor *actor,
				 const Answer *answer, HitlAct *act, HitlVerdict *verdict);

PG_FUNCTION_INFO_V1(hitl_respond_to_approval);

/*
 * hitl.respond_to_approval(approval_id, approver_id, decision, response_data,
 * feedback, edits, content_hash, channel, evidence): the status of the request
 * after the answer.
 */
Datum
hitl_respond_to_approval(PG_FUNCTION_ARGS)
{
	Answer answer = {0};
	const char *status;
	char *approver;

	hitl_require_version(); /* another one may give fewer arguments */
	if (PG_ARGISNULL(0) || PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("approval_id and decision must not be null"),
				 errhint("A missing decision is never an approval.")));
	approver = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));
	answer.decision = find_decision(text_to_cstring(PG_GETARG_TEXT_PP(2)));
	answer.response_data = PG_ARGISNULL(3) ? NULL : PG_GETARG_JSONB_P(3);
	answer.feedback = PG_ARGISNULL(4) ? NULL
									  : text_to_cstring(PG_GETARG_TEXT_PP(4));
	answer.edits = PG_ARGISNULL(5) ? NULL : PG_GETARG_JSONB_P(5);
	answer.shown = PG_ARGISNULL(6) ? NULL : PG_GETARG_BYTEA_PP(6);
	answer.channel = PG_ARGISNULL(7) ? NULL
									 : text_to_cstring(PG_GETARG_TEXT_PP(7));
	answer.evidence = PG_ARGISNULL(8) ? NULL : PG_GETARG_JSONB_P(8);
	check_answer(&answer);

	SPI_connect();
	status = MemoryContextStrdup(fcinfo->flinfo->fn_mcxt,
								 respond(PG_GETARG_UUID_P(0), approver,
										 &answer));
	SPI_finish();
	PG_RETURN_TEXT_P(cstring_to_text(status));
}

/*
 * What is answered; ERRORs where it is none of the things that can be.
 */
static const Decision *
find_decision(const char *name)
{
	const Decision *decision = known_decision(name);

	if (decision)
		return decision;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown decision \"%s\"", name),
			 errhint("A decision is \"approved\", \"rejected\", \"modified\", \"abstained\", \"information_requested\" or \"commented\".")));
	return NULL;
}

/*
 * Is it an answer to the question?
 */
bool
hitl_is_answer(const char *decision)
{
	const Decision *known = known_decision(decision);

	return known && known->is_answer;
}

static const Decision *
known_decision(const char *name)
{
	int i;

	for (i = 0; i < lengthof(decisions); i++)
		if (strcmp(decisions[i].name, name) == 0)
			return &decisions[i];
	return NULL;
}

/*
 * Refuse what is wrong whatever the request.
 */
static void
check_answer(const Answer *answer)
{
	bool edits = strcmp(answer->decision->name, "modified") == 0;
	bool empty = answer->feedback == NULL || answer->feedback[0] == '\0';

	if (answer->edits &&
		(!edits || !JB_ROOT_IS_OBJECT(answer->edits) ||
		 JB_ROOT_COUNT(answer->edits) == 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("edits must be an object with changes of context_data, and the decision \"modified\"")));
	if (empty &&
		((edits && answer->edits == NULL) || (!answer->decision->is_answer)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("decision \"%s\" needs a text in feedback", answer->decision->name),
				 errhint("Say what is to be changed, what is asked, or what is remarked.")));
	if (answer->channel &&
		(answer->channel[0] == '\0' || strlen(answer->channel) > NAMEDATALEN))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("channel must be a name")));
}

/*
 * Answer.
 */
static const char *
respond(const pg_uuid_t *id, const char *approver, const Answer *answer)
{
	HitlActor *actor = hitl_identify(approver);
	HitlApproval *approval = hitl_lock_approval_for(id, actor);
	HitlVerdict verdict = {0};
	HitlAct act = {0};
	TimestampTz now = GetCurrentTimestamp();
	const char *status;
	bool wants_changes;

	if ((answer->channel || answer->evidence) && !actor->by_grant)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("role \"%s\" may not state channel or evidence", hitl_caller()),
				 errdetail("They are for programs that answer in the name of people.")));
	hitl_check_pending(approval, now);

	act.who = actor->name;
	act.decision = answer->decision->name;
	act.response_data = answer->response_data;
	act.feedback = answer->feedback;
	act.edits = answer->edits;
	act.channel = answer->channel;
	act.evidence = answer->evidence;
	act.at = now;
	check_asked(approval, actor, answer, &act);

	if (!answer->decision->is_answer)
	{
		if (strcmp(act.decision, "information_requested") == 0 &&
			approval->wanted == NULL)
			approval->wanted = "information";
		status = hitl_record_act(approval, &act, NULL);
		if (strcmp(act.decision, "information_requested") == 0)
			hitl_notify_about(&approval->id, "approval.information_requested");
		return status;
	}

	check_shown(approval, answer);
	if (hitl_choice_of(act.decision) == HITL_CHOICE_APPROVE)
		hitl_check_form(approval, answer->response_data);
	act.standing = true;
	if (answer->edits)
	{
		edit(approval, actor, answer, &act, &verdict);
		status = hitl_record_act(approval, &act, &verdict);
		if (verdict.outcome == HITL_OUTCOME_PENDING)
			hitl_notify_about(&approval->id, "approval.revised");
		return status;
	}

	wants_changes = strcmp(act.decision, "modified") == 0;
	if (wants_changes && !approval->has_token)
	{
		/* The requester is to make them; then everybody is asked anew. */
		approval->wanted = "changes";
		status = hitl_record_act(approval, &act, NULL);
		hitl_notify_about(&approval->id, "approval.changes_requested");
		return status;
	}
	hitl_add_vote(approval, act.who, act.names, hitl_choice_of(act.decision),
				  now);
	hitl_evaluate(approval, now, &verdict);
	return hitl_record_act(approval, &act, &verdict);
}

/*
 * What changed since it was shown must be shown again.
 */
static void
check_shown(const HitlApproval *approval, const Answer *answer)
{
	bytea *current = DatumGetByteaPP(approval->content_hash);

	if (answer->shown == NULL && approval->round == 1)
		return;
	if (answer->shown &&
		VARSIZE_ANY_EXHDR(answer->shown) == VARSIZE_ANY_EXHDR(current) &&
		memcmp(VARDATA_ANY(answer->shown), VARDATA_ANY(current),
			   VARSIZE_ANY_EXHDR(current)) == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_HITL_CONTENT_CHANGED),
			 errmsg("the content of approval request %s has changed", hitl_id_text(&approval->id)),
			 answer->shown ? 0 : errdetail("A request that was changed is answered with the hash of what was shown."),
			 errhint("Look at it again, and pass its content_hash with the answer.")));
}

/*
 * May this person answer, and for whom does the answer count?
 */
static void
check_asked(HitlApproval *approval, const HitlActor *actor,
			const Answer *answer, HitlAct *act)
{
	List *asked = approval->asked_now;
	const char *excluded = hitl_excluded_as(approval, actor->name);
	bool is_answer = answer->decision->is_answer;
	ListCell *cell;

	hitl_load_votes(approval);
	if (excluded == NULL)
		act->names = unused_names(approval, actor->name,
								  common_names(actor->names, asked));
	/* Who is asked himself answers for himself: it is one person's answer. */
	foreach(cell, act->names == NIL ? actor->delegators : NIL)
	{
		HitlDelegator *delegator = lfirst(cell);
		List *common = unused_names(approval, delegator->name,
									common_names(delegator->names, asked));

		if (excluded == NULL && adds_names(common, act->names) &&
			hitl_excluded_as(approval, delegator->name) == NULL &&
			!hitl_has_person(approval, approval->answered, delegator->name))
		{
			act->on_behalf_of = lappend(act->on_behalf_of, delegator->name);
			act->names = hitl_join_names(act->names, common);
		}
	}
	if (!is_answer && strcmp(act->decision, "commented") == 0 &&
		hitl_is_requester(approval->requested_role))
		return;
	if (is_answer && hitl_has_person(approval, approval->answered, actor->name))
		ereport(ERROR,
				(errcode(ERRCODE_HITL_ALREADY_ANSWERED),
				 errmsg("\"%s\" has already answered approval request %s", actor->name,
						hitl_id_text(&approval->id)),
				 errhint("An answer is final; other approvers may still answer.")));
	if (excluded)
		hitl_refuse_excluded(approval, actor->name, excluded);
	if (act->names == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_HITL_NOT_AN_APPROVER),
				 errmsg("\"%s\" is not asked by approval request %s", actor->name,
						hitl_id_text(&approval->id)),
				 errhint("hitl.explain_policy() shows whom a request asks, and when.")));
}

/*
 * Which of the names are asked.
 */
static List *
common_names(List *names, List *asked)
{
	List *common = NIL;
	ListCell *cell;

	foreach(cell, names)
		if (hitl_list_has(asked, lfirst(cell)) &&
			!hitl_list_has(common, lfirst(cell)))
			common = lappend(common, lfirst(cell));
	return common;
}

/*
 * Names but for those that mean one person and for which an answer counts: that
 * of whom the name meant then.  A group answers as often as it has members.
 */
static List *
unused_names(HitlApproval *approval, const char *who, List *names)
{
	List *own = NIL;
	List *unused = NIL;
	ListCell *cell;

	if (names == NIL || approval->nvotes == 0)
		return names;
	own = hitl_names_of(approval, who);
	foreach(cell, names)
		if (!hitl_find_vote(approval, lfirst(cell)) ||
			!hitl_list_has(own, lfirst(cell)))
			unused = lappend(unused, lfirst(cell));
	return unused;
}

/*
 * Are there names that are not in a list?
 */
static bool
adds_names(List *names, List *to)
{
	ListCell *cell;

	foreach(cell, names)
		if (!hitl_list_has(to, lfirst(cell)))
			return true;
	return false;
}

/*
 * An answer that changes what it is about: a new round begins, with this answer
 * as its first, unless the policy wants editors to leave the decision to others.
 * What comes with it is checked against what it makes of the request.
 */
static void
edit(HitlApproval *approval, const HitlActor *actor, const Answer *answer,
	 HitlAct *act, HitlVerdict *verdict)
{
	List *names = actor->names;
	List *asked;
	ListCell *cell;

	hitl_change_content(approval, act->who, NULL, NULL,
						hitl_merge_patch(approval->context_data, answer->edits),
						act->at);
	hitl_check_form(approval, answer->response_data);
	hitl_evaluate(approval, act->at, verdict);
	asked = hitl_asked_list(verdict);
	foreach(cell, actor->delegators)
	{
		HitlDelegator *delegator = lfirst(cell);

		if (hitl_list_has(act->on_behalf_of, delegator->name))
			names = hitl_join_names(list_copy(names), delegator->names);
	}
	names = common_names(names, asked);
	if (names == NIL || hitl_excluded_as(approval, act->who))
	{
		act->standing = false;
		return;
	}
	act->names = names;
	hitl_add_vote(approval, act->who, act->names, HITL_CHOICE_APPROVE, act->at);
	hitl_evaluate(approval, act->at, verdict);
}
