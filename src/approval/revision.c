/*
 * revision.c
 *		What else is done about a pending request: by its requester, who changes
 *		it or answers questions, and by those who give what they are asked to
 *		others.
 */
#include "postgres.h"

#include "approval/approval.h"
#include "approval/principal.h"
#include "approval/type.h"
#include "catalog/pg_type.h"
#include "core_bridge.h"
#include "db.h"
#include "hitl.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/regproc.h"
#include "workflow/caller.h"
#include "workflow/data.h"
#include "workflow/identifier.h"

static HitlApproval *lock_for_requester(const pg_uuid_t *id);
static void save_content(HitlApproval *approval, const char *who,
						 TimestampTz at);
static Jsonb *change_form(HitlApproval *approval);
static char *reassigned(HitlApproval *approval, const char *from,
						const char *to);
static void check_counts_nowhere(const HitlApproval *approval,
								 const char *name);
static List *replaced(List *names, const char *from, const char *to);
static void check_new_approver(HitlApproval *approval, const char *name);
static void check_excluded(HitlApproval *approval, const char *name);
static bool is_manager(void);
static char *principal_of(const char *text);
static void push_patched(JsonbParseState **state, JsonbContainer *target,
						 JsonbContainer *patch);
static JsonbContainer *object_of(JsonbValue *value);

PG_FUNCTION_INFO_V1(hitl_revise_approval);
PG_FUNCTION_INFO_V1(hitl_provide_information);
PG_FUNCTION_INFO_V1(hitl_reassign_approval);

/*
 * hitl.revise_approval(approval_id, title, description, context_data, comment)
 */
Datum
hitl_revise_approval(PG_FUNCTION_ARGS)
{
	HitlApproval *approval;
	HitlVerdict verdict = {0};
	HitlAct act = {0};
	Datum hash;

	if (PG_ARGISNULL(0) ||
		(PG_ARGISNULL(1) && PG_ARGISNULL(2) && PG_ARGISNULL(3)))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("approval_id and something to change are needed"),
				 errhint("Give title, description or context_data.")));
	if (!PG_ARGISNULL(1) && VARSIZE_ANY_EXHDR(PG_GETARG_TEXT_PP(1)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an approval request needs a title")));
	if (!PG_ARGISNULL(3) && !JB_ROOT_IS_OBJECT(PG_GETARG_JSONB_P(3)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("context_data must be a JSON object")));
	SPI_connect();
	approval = lock_for_requester(PG_GETARG_UUID_P(0));
	act.who = principal_of(NULL);
	act.names = list_make1(unconstify(char *, act.who));
	act.decision = "revised";
	act.feedback = PG_ARGISNULL(4) ? NULL
								   : text_to_cstring(PG_GETARG_TEXT_PP(4));
	act.at = GetCurrentTimestamp();
	hitl_change_content(approval, act.who,
						PG_ARGISNULL(1) ? NULL
										: text_to_cstring(PG_GETARG_TEXT_PP(1)),
						PG_ARGISNULL(2) ? NULL
										: text_to_cstring(PG_GETARG_TEXT_PP(2)),
						PG_ARGISNULL(3) ? NULL : PG_GETARG_JSONB_P(3), act.at);
	hitl_evaluate(approval, act.at, &verdict);
	(void) hitl_record_act(approval, &act, &verdict);
	hitl_notify_about(&approval->id, "approval.revised");
	hash = SPI_datumTransfer(approval->content_hash, false, -1);
	SPI_finish();
	PG_RETURN_DATUM(hash);
}

/*
 * hitl.provide_information(approval_id, information, data)
 */
Datum
hitl_provide_information(PG_FUNCTION_ARGS)
{
	HitlApproval *approval;
	HitlAct act = {0};

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) ||
		VARSIZE_ANY_EXHDR(PG_GETARG_TEXT_PP(1)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("approval_id and information must not be null or empty")));
	SPI_connect();
	approval = lock_for_requester(PG_GETARG_UUID_P(0));
	act.who = principal_of(NULL);
	act.names = list_make1(unconstify(char *, act.who));
	act.decision = "information_given";
	act.feedback = text_to_cstring(PG_GETARG_TEXT_PP(1));
	act.response_data = PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2);
	act.at = GetCurrentTimestamp();
	if (approval->wanted && strcmp(approval->wanted, "information") == 0)
		approval->wanted = NULL;
	(void) hitl_record_act(approval, &act, NULL);
	hitl_notify_about(&approval->id, "approval.information_given");
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * hitl.reassign_approval(approval_id, to_approver, from_approver, reason)
 */
Datum
hitl_reassign_approval(PG_FUNCTION_ARGS)
{
	static HitlStatement change = {
		"UPDATE hitl.approval_requests SET policy = $2, timed = true WHERE id = $1",
		2,
		{UUIDOID, JSONBOID},
	};
	HitlApproval *approval;
	HitlVerdict verdict = {0};
	HitlAct act = {0};
	Datum values[2];
	const char *status;
	char *from;
	char *to;
	char *policy;
	text *result;
	bool by_manager;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("approval_id and to_approver must not be null")));
	SPI_connect();
	by_manager = !PG_ARGISNULL(2) && is_manager();
	if (by_manager)
	{
		from = text_to_cstring(PG_GETARG_TEXT_PP(2));
		act.who = principal_of(NULL);
	}
	else
	{
		HitlActor *actor = hitl_identify(
			PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2)));

		from = actor->name;
		act.who = actor->name;
	}
	approval = hitl_lock_approval(PG_GETARG_UUID_P(0));
	hitl_check_pending(approval, GetCurrentTimestamp());
	to = principal_of(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	hitl_load_votes(approval);
	if (!by_manager)
		check_excluded(approval, from);
	check_new_approver(approval, to);
	policy = reassigned(approval, from, to);

	act.names = list_make1(to);
	act.decision = "reassigned";
	act.response_data = hitl_facts("from", from, "to", to, NULL);
	act.response_data = hitl_merge(
		act.response_data,
		hitl_jsonb_parse(psprintf("{\"policy\": %s, \"new_policy\": %s}",
								  approval->policy, policy)));
	act.feedback = PG_ARGISNULL(3) ? NULL
								   : text_to_cstring(PG_GETARG_TEXT_PP(3));
	act.at = GetCurrentTimestamp();

	values[0] = UUIDPGetDatum(&approval->id);
	values[1] = JsonbPGetDatum(hitl_jsonb_parse(policy));
	hitl_execute(&change, values, NULL, 0);
	approval->policy = policy;
	approval->parsed = NULL;
	approval->policy_state = NULL;
	hitl_evaluate(approval, act.at, &verdict);
	status = hitl_record_act(approval, &act, &verdict);
	if (verdict.outcome == HITL_OUTCOME_PENDING)
		hitl_notify_about(&approval->id, "approval.reassigned");
	result = cstring_to_text(status);
	result = DatumGetTextP(
		SPI_datumTransfer(PointerGetDatum(result), false, -1));
	SPI_finish();
	PG_RETURN_TEXT_P(result);
}

/*
 * Give a request another content.
 */
void
hitl_change_content(HitlApproval *approval, const char *who, const char *title,
					const char *description, Jsonb *context_data,
					TimestampTz at)
{
	static HitlStatement change = {
		"UPDATE hitl.approval_requests a SET title = $2, description = $3, context_data = $4, "
		"content_hash = hitl.approval_content_hash($2, $3, a.approval_type, $4, $8), "
		"round = $5, opened_at = $6, editors = $7, reminders = 0, reminded_at = NULL, "
		"escalations = 0, wanted = NULL, answer_schema = $8, "
		"ui_schema = coalesce($9, a.ui_schema) WHERE a.id = $1 RETURNING a.content_hash",
		9,
		{UUIDOID, TEXTOID, TEXTOID, JSONBOID, INT4OID, TIMESTAMPTZOID,
		 TEXTARRAYOID, JSONBOID, JSONBOID},
	};
	Datum before = approval->content_hash;
	Jsonb *ui_schema;
	Datum values[9];
	char nulls[10] = "         ";
	bool isnull;

	if (!approval->editable)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the content of approval request %s is fixed", hitl_id_text(&approval->id)),
				 errdetail("It shows what step \"%s\" will do, or has done; that cannot be changed here.",
						   approval->step ? approval->step : ""),
				 errhint("Reject it, saying what should be different.")));
	save_content(approval, who, at);
	hitl_reopen(approval, at);
	if (hitl_core()->excludes_editors(hitl_approval_policy(approval)) &&
		!hitl_list_has(approval->editors, who))
		approval->editors = lappend(approval->editors, pstrdup(who));
	if (title)
		approval->title = pstrdup(title);
	if (description)
		approval->description = pstrdup(description);
	if (context_data)
		approval->context_data = context_data;
	ui_schema = change_form(approval);

	values[0] = UUIDPGetDatum(&approval->id);
	values[1] = CStringGetTextDatum(approval->title);
	values[2] = approval->description
		? CStringGetTextDatum(approval->description)
		: 0;
	nulls[2] = approval->description ? ' ' : 'n';
	values[3] = JsonbPGetDatum(approval->context_data);
	values[4] = Int32GetDatum(approval->round);
	values[5] = TimestampTzGetDatum(at);
	values[6] = PointerGetDatum(hitl_list_array(approval->editors));
	values[7] = JsonbPGetDatum(approval->answer_schema);
	nulls[7] = approval->answer_schema ? ' ' : 'n';
	values[8] = JsonbPGetDatum(ui_schema);
	nulls[8] = ui_schema ? ' ' : 'n';
	hitl_execute(&change, values, nulls, 0);
	approval->content_hash = datumCopy(hitl_column(0, 1, &isnull), false, -1);
	if (datumIsEqual(before, approval->content_hash, false, -1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("nothing of approval request %s would change", hitl_id_text(&approval->id)),
				 errhint("To agree as it is, answer \"approved\".")));
}

/*
 * The form of a budget goes by the amount in the content; its hints, or NULL
 * where the form stays as it is.
 */
static Jsonb *
change_form(HitlApproval *approval)
{
	Jsonb *ui_schema;
	int sqlerrcode;
	char *why;

	if (strcmp(approval->type, "budget") != 0 ||
		approval->answer_schema == NULL)
		return NULL;
	why = hitl_find_form(approval->type, NULL, approval->context_data,
						 &approval->answer_schema, &ui_schema, &sqlerrcode);
	if (why)
		ereport(ERROR,
				(errcode(sqlerrcode),
				 errmsg("the form of the approval request is faulty"),
				 errdetail_internal("%s", why)));
	return ui_schema;
}

/*
 * A document with a merge patch applied (RFC 7396).
 */
Jsonb *
hitl_merge_patch(Jsonb *target, Jsonb *patch)
{
	JsonbParseState *state = NULL;

	push_patched(&state, &target->root, &patch->root);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/*
 * Lock a pending request that the caller has made.
 */
static HitlApproval *
lock_for_requester(const pg_uuid_t *id)
{
	HitlApproval *approval = hitl_lock_approval(id);

	hitl_check_requester(id, approval->requested_role);
	hitl_check_pending(approval, GetCurrentTimestamp());
	return approval;
}

/*
 * Keep the content that is replaced; the answers about it do not count any
 * more.
 */
static void
save_content(HitlApproval *approval, const char *who, TimestampTz at)
{
	static HitlStatement save = {
		"WITH lapsed AS (UPDATE hitl.approval_responses SET standing = false "
		"WHERE approval_id = $1 AND standing) "
		"INSERT INTO hitl.approval_contents (approval_id, round, title, description, "
		"context_data, answer_schema, content_hash, replaced_by, replaced_at) "
		"SELECT a.id, a.round, a.title, a.description, a.context_data, a.answer_schema, "
		"a.content_hash, $2, $3 "
		"FROM hitl.approval_requests a WHERE a.id = $1",
		3,
		{UUIDOID, TEXTOID, TIMESTAMPTZOID},
	};
	Datum values[3];

	values[0] = UUIDPGetDatum(&approval->id);
	values[1] = CStringGetTextDatum(who);
	values[2] = TimestampTzGetDatum(at);
	hitl_execute(&save, values, NULL, 0);
}

/*
 * The policy with somebody else in the place of whoever has, under any of his
 * names.
 */
static char *
reassigned(HitlApproval *approval, const char *from, const char *to)
{
	char *fault = NULL;
	ListCell *cell;

	foreach(cell,
			lappend(hitl_own_names(principal_of(from)),
					unconstify(char *, from)))
	{
		char *json = NULL;
		char *error = NULL;
		char *copy;

		if (!hitl_list_has(approval->asked_now, lfirst(cell)))
			continue;
		check_counts_nowhere(approval, lfirst(cell));
		fault = hitl_core_fault(
			hitl_core()->reassign_policy(hitl_approval_policy(approval),
										 lfirst(cell), to, &json, &error),
			error);
		if (fault)
			continue;
		copy = pstrdup(json);
		hitl_core()->free_text(json);
		approval->asked_now = replaced(approval->asked_now, lfirst(cell), to);
		return copy;
	}
	ereport(ERROR,
			(errcode(ERRCODE_HITL_NOT_AN_APPROVER),
			 errmsg("approval request %s cannot be reassigned from \"%s\" to \"%s\"",
					hitl_id_text(&approval->id), from, to),
			 fault ? errdetail_internal("%c%s.", pg_toupper(fault[0]), fault + 1) :
			 errdetail("\"%s\" is not asked by its own name now.", from),
			 errhint("hitl.explain_policy() shows whom a request asks.")));
	return NULL;
}

/*
 * Refuse to take a name out of a policy for which an answer counts: it would
 * not count any more.
 */
static void
check_counts_nowhere(const HitlApproval *approval, const char *name)
{
	const HitlVote *vote = hitl_find_vote(approval, name);

	if (vote)
		ereport(ERROR,
				(errcode(ERRCODE_HITL_ALREADY_ANSWERED),
				 errmsg("\"%s\" has already answered approval request %s", vote->person,
						hitl_id_text(&approval->id)),
				 errdetail("The answer counts for \"%s\", and would not any more.", name),
				 errhint("An answer is final.  Who joins a group can answer for it, too.")));
}

/*
 * Names with another one in the place of one.
 */
static List *
replaced(List *names, const char *from, const char *to)
{
	bool has_to = hitl_list_has(names, to);
	List *result = NIL;
	ListCell *cell;

	foreach(cell, names)
	{
		if (strcmp(lfirst(cell), from) != 0)
			result = lappend(result, lfirst(cell));
		else if (!has_to)
			result = lappend(result, pstrdup(to));
	}
	return result;
}

/*
 * Refuse to have somebody asked who must not answer, or has.
 */
static void
check_new_approver(HitlApproval *approval, const char *name)
{
	static HitlStatement inactive = {
		"SELECT 1 FROM hitl.principals p WHERE p.name = $1 AND NOT p.active",
		1,
		{TEXTOID},
	};
	Datum value = CStringGetTextDatum(name);

	if (!hitl_can_be_name(name))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("to_approver must name a person or a group")));
	hitl_execute(&inactive, &value, NULL, 1);
	if (SPI_processed > 0)
		hitl_refuse_inactive(name);
	check_excluded(approval, name);
	if (hitl_has_person(approval, approval->answered, name))
		ereport(ERROR,
				(errcode(ERRCODE_HITL_ALREADY_ANSWERED),
				 errmsg("\"%s\" has already answered approval request %s", name,
						hitl_id_text(&approval->id))));
}

/*
 * Refuse one who must not answer: neither does he say who else does.
 */
static void
check_excluded(HitlApproval *approval, const char *name)
{
	const char *excluded = hitl_excluded_as(approval, name);

	if (excluded)
		hitl_refuse_excluded(approval, name, excluded);
}

/*
 * Could the caller let himself act for anybody?  Then he may also say who else
 * is asked.
 */
static bool
is_manager(void)
{
	Datum function = DirectFunctionCall1(regprocedurein,
										 CStringGetDatum(
											 "hitl.grant_acting(name,text)"));

	return pg_proc_aclcheck(DatumGetObjectId(function), hitl_caller_id(),
							ACL_EXECUTE) == ACLCHECK_OK;
}

/*
 * The principal that a text means; NULL: that calls.
 */
static char *
principal_of(const char *text)
{
	static HitlStatement find = {
		"SELECT coalesce(hitl.principal_of($1), hitl.current_principal(), "
		"hitl.identity_role()::text)",
		1,
		{TEXTOID},
	};
	Datum value = text ? CStringGetTextDatum(text) : 0;

	hitl_execute(&find, &value, text ? NULL : "n", 1);
	return hitl_column_text(0, 1);
}

/*
 * Push an object, but for its end: the members of target as patch wants them.
 * target may be NULL.
 */
static void
push_patched(JsonbParseState **state, JsonbContainer *target,
			 JsonbContainer *patch)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue key;
	JsonbValue value;

	check_stack_depth();
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	if (target)
	{
		iterator = JsonbIteratorInit(target);
		(void) JsonbIteratorNext(&iterator, &key, false);
		while ((token = JsonbIteratorNext(&iterator, &key, true)) == WJB_KEY)
		{
			(void) JsonbIteratorNext(&iterator, &value, true);
			if (getKeyJsonValueFromContainer(patch, key.val.string.val,
											 key.val.string.len, NULL))
				continue;
			pushJsonbValue(state, WJB_KEY, &key);
			pushJsonbValue(state, WJB_VALUE, &value);
		}
	}
	iterator = JsonbIteratorInit(patch);
	(void) JsonbIteratorNext(&iterator, &key, false);
	while ((token = JsonbIteratorNext(&iterator, &key, true)) == WJB_KEY)
	{
		JsonbContainer *inner;

		(void) JsonbIteratorNext(&iterator, &value, true);
		if (value.type == jbvNull)
			continue;
		pushJsonbValue(state, WJB_KEY, &key);
		inner = object_of(&value);
		if (inner)
		{
			JsonbValue old;
			JsonbContainer *old_object = NULL;

			if (target &&
				getKeyJsonValueFromContainer(target, key.val.string.val,
											 key.val.string.len, &old))
				old_object = object_of(&old);
			push_patched(state, old_object, inner);
			pushJsonbValue(state, WJB_END_OBJECT, NULL);
		}
		else
			pushJsonbValue(state, WJB_VALUE, &value);
	}
}

/*
 * The object that a value is, or NULL.
 */
static JsonbContainer *
object_of(JsonbValue *value)
{
	if (value->type != jbvBinary ||
		!JsonContainerIsObject(value->val.binary.data))
		return NULL;
	return value->val.binary.data;
}
