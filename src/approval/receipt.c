/*
 * receipt.c
 *		What SQL alone cannot do about receipts: having the core decide anew, and
 *		signing.
 */
#include "postgres.h"

#include "approval/approval.h"
#include "approval/principal.h"
#include "core_bridge.h"
#include "db.h"
#include "funcapi.h"
#include "hitl.h"
#include "hmac.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "workflow/data.h"

#define VERDICT_COLUMNS 6

static int read_votes(Jsonb *answers, HitlVote **votes);
static void read_vote(Jsonb *answer, HitlVote *vote);
static bool count_nobody(void *context, int nnames, const char *const *names,
						 int *count);
static text *sign(const char *key, const char *body);

PG_FUNCTION_INFO_V1(hitl_evaluate_answers);
PG_FUNCTION_INFO_V1(hitl_receipt_signatures);

/*
 * hitl.evaluate_answers(policy, policy_state, answers, opened_at, decided_at):
 * what the core makes of answers: [{"person", "names", "choice", "at"}].
 */
Datum
hitl_evaluate_answers(PG_FUNCTION_ARGS)
{
	HitlPolicyCase input = {0};
	HitlVerdict verdict = {0};
	HitlPolicy *policy;
	HitlVote *votes;
	HitlResult result;
	TupleDesc columns;
	Datum values[VERDICT_COLUMNS] = {0};
	bool nulls[VERDICT_COLUMNS] = {false};
	bool counted = false;
	char *why = NULL;

	if (get_call_result_type(fcinfo, NULL, &columns) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (PG_ARGISNULL(0) || PG_ARGISNULL(2) || PG_ARGISNULL(3) ||
		PG_ARGISNULL(4))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("policy, answers and times must not be null")));
	policy = hitl_parse_policy_text(hitl_jsonb_text(PG_GETARG_JSONB_P(0)),
									&why);
	if (policy == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_HITL_INVALID_POLICY),
				 errmsg("the policy is faulty"),
				 errdetail_internal("%s", why)));
	input.state = PG_ARGISNULL(1) ? NULL
								  : text_to_cstring(PG_GETARG_TEXT_PP(1));
	input.nvotes = read_votes(PG_GETARG_JSONB_P(2), &votes);
	input.votes = votes;
	input.opened_us = hitl_to_unix(PG_GETARG_TIMESTAMPTZ(3));
	input.now_us = hitl_to_unix(PG_GETARG_TIMESTAMPTZ(4));
	input.count_people = count_nobody;
	input.context = &counted;
	result = hitl_core()->evaluate_policy(policy, &input, &verdict);
	if (result == HITL_NO_MEMORY)
		hitl_core_out_of_memory();
	if (result != HITL_OK)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("what is kept of the state of the policy is faulty")));

	values[0] = CStringGetTextDatum(hitl_outcome_name(verdict.outcome));
	nulls[1] = verdict.reason == NULL;
	if (verdict.reason)
		values[1] = CStringGetTextDatum(verdict.reason);
	nulls[2] = verdict.decider == NULL;
	if (verdict.decider)
		values[2] = CStringGetTextDatum(verdict.decider);
	hitl_core()->free_verdict(&verdict);
	values[3] = BoolGetDatum(!counted);
	values[4] = BoolGetDatum(hitl_core()->excludes_requester(policy));
	values[5] = BoolGetDatum(hitl_core()->excludes_editors(policy));
	PG_RETURN_DATUM(HeapTupleGetDatum(
		heap_form_tuple(BlessTupleDesc(columns), values, nulls)));
}

/*
 * hitl.receipt_signatures(receipt): by the key to sign with, the secret
 * "receipts", and by those that were before it, "receipts.…"; NULL if there is
 * none to sign with.
 */
Datum
hitl_receipt_signatures(PG_FUNCTION_ARGS)
{
	static HitlStatement find = {
		"SELECT value FROM hitl.secrets WHERE name = 'receipts' OR (name LIKE 'receipts.%' "
		"AND EXISTS (SELECT FROM hitl.secrets WHERE name = 'receipts')) "
		"ORDER BY name = 'receipts' DESC, name",
		0,
	};
	char *body = hitl_jsonb_text(PG_GETARG_JSONB_P(0));
	Datum *signatures;
	ArrayType *array;
	uint64 count;
	uint64 i;

	SPI_connect();
	hitl_execute(&find, NULL, NULL, 0);
	count = SPI_processed;
	if (count == 0)
	{
		SPI_finish();
		PG_RETURN_NULL();
	}
	signatures = palloc(count * sizeof(Datum));
	for (i = 0; i < count; i++)
	{
		char *key = hitl_column_text(i, 1);

		signatures[i] = PointerGetDatum(sign(key, body));
		explicit_bzero(key, strlen(key));
	}
	array = construct_array(signatures, count, TEXTOID, -1, false,
							TYPALIGN_INT);
	array = DatumGetArrayTypeP(
		SPI_datumTransfer(PointerGetDatum(array), false, -1));
	SPI_finish();
	PG_RETURN_ARRAYTYPE_P(array);
}

/*
 * The answers of a JSON array; how many.
 */
static int
read_votes(Jsonb *answers, HitlVote **votes)
{
	JsonbIterator *iterator;
	JsonbValue value;
	int count = 0;

	if (!JB_ROOT_IS_ARRAY(answers) || JB_ROOT_IS_SCALAR(answers))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("answers must be a JSON array")));
	*votes = palloc0((JB_ROOT_COUNT(answers) + 1) * sizeof(HitlVote));
	iterator = JsonbIteratorInit(&answers->root);
	(void) JsonbIteratorNext(&iterator, &value, false);
	while (JsonbIteratorNext(&iterator, &value, true) == WJB_ELEM)
	{
		CHECK_FOR_INTERRUPTS();
		read_vote(JsonbValueToJsonb(&value), &(*votes)[count++]);
	}
	return count;
}

/*
 * One answer.
 */
static void
read_vote(Jsonb *answer, HitlVote *vote)
{
	Jsonb *names = NULL;
	char *choice = NULL;
	char *at = NULL;
	List *list;
	ListCell *cell;
	const char **texts;

	if (JB_ROOT_IS_OBJECT(answer))
	{
		names = hitl_member(answer, "names");
		vote->person = hitl_member_text(answer, "person");
		choice = hitl_member_text(answer, "choice");
		at = hitl_member_text(answer, "at");
	}
	if (names == NULL || vote->person == NULL || choice == NULL || at == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an answer must have person, names, choice and at")));
	list = hitl_jsonb_names(names);
	texts = palloc((list_length(list) + 1) * sizeof(char *));
	foreach(cell, list)
		texts[vote->nnames++] = lfirst(cell);
	vote->names = texts;
	vote->choice = hitl_choice_of(choice);
	vote->at_us = hitl_to_unix(DatumGetTimestampTz(
		DirectFunctionCall3(timestamptz_in, CStringGetDatum(at),
							ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1))));
}

/*
 * Callback of the core: who was in the groups at the time is not known here.
 */
static bool
count_nobody(void *context, int nnames, const char *const *names, int *count)
{
	*(bool *) context = true;
	*count = -1;
	return true;
}

/*
 * HMAC-SHA256, in hexadecimal.
 */
static text *
sign(const char *key, const char *body)
{
	uint8 digest[PG_SHA256_DIGEST_LENGTH];
	char hex[PG_SHA256_DIGEST_LENGTH * 2];

	if (!hitl_hmac(key, strlen(key), "", body, strlen(body), digest))
		elog(ERROR, "could not sign a receipt");
	return cstring_to_text_with_len(hex,
									hex_encode((const char *) digest,
											   sizeof(digest), hex));
}
