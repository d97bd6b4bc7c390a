/*
 * test_policy_text.c
 *		Policies as text: faults, the simple form, reassignment, explanations.
 */
#include "policy_script.h"

/*
 * Two texts that are to be freed, built with every allocation failing once.
 */
static const char *
simple(const char *asked, const char *required, int threshold, int64_t timeout)
{
	static char text[40000];
	HitlResult result = HITL_NO_MEMORY;
	char *json = NULL;
	char *error = NULL;
	long n;

	for (n = 0; result == HITL_NO_MEMORY && n < 10000; n++)
	{
		allocations_left = n;
		result = hitl_simple_policy(asked, required, threshold, timeout, &json,
									&error);
		allocations_left = -1;
		CHECK((json != NULL) == (result == HITL_OK));
		CHECK((error != NULL) == (result == HITL_INVALID));
	}
	snprintf(text, sizeof(text), "%s", json == NULL ? error : json);
	free(json);
	free(error);
	return text;
}

static const char *
reassigned(const char *document, const char *from, const char *to)
{
	static char text[2000];
	HitlResult result = HITL_NO_MEMORY;
	HitlFaults faults = {0};
	HitlPolicy *policy;
	HitlPolicy *again;
	char *json = NULL;
	char *error = NULL;
	long n;

	CHECK_INT(hitl_parse_policy(document, &policy, &faults), HITL_OK);
	for (n = 0; result == HITL_NO_MEMORY && n < 10000; n++)
	{
		allocations_left = n;
		result = hitl_reassign_policy(policy, from, to, &json, &error);
		allocations_left = -1;
	}
	CHECK((json != NULL) == (result == HITL_OK));
	CHECK((error != NULL) == (result == HITL_INVALID));
	snprintf(text, sizeof(text), "%s", json == NULL ? error : json);
	if (json != NULL)
	{
		CHECK_INT(hitl_parse_policy(json, &again, &faults), HITL_OK);
		hitl_free_policy(again);
	}
	free(json);
	free(error);
	hitl_free_policy(policy);
	return text;
}

/*
 * All faults, one a line, or "none".
 */
static const char *
faults_of(const char *document)
{
	HitlFaults faults = {0};
	HitlPolicy *policy;
	HitlResult result;
	const char *text;

	result = hitl_parse_policy(document, &policy, &faults);
	CHECK_INT(result, faults.count > 0 ? HITL_INVALID : HITL_OK);
	text = faults.count > 0 ? fault_lines(&faults) : "none";
	hitl_free_faults(&faults);
	hitl_free_policy(policy);
	return text;
}

#define FAULTS(document, expected) CHECK_TEXT(faults_of(document), expected)

TEST(faults_of_parts)
{
	FAULTS("{", ": not JSON: a member name in quotes is expected (byte 1)");
	FAULTS("7", ": must be a name or an object, not a number");
	FAULTS("\"\"", ": must not be empty");
	FAULTS("{}",
		   ": one of \"from\", \"all_of\", \"any_of\", \"n_of\" and "
		   "\"sequence\" is missing");
	FAULTS("{\"from\":\"a\",\"any_of\":[\"b\"]}",
		   "/any_of: give either \"from\" or \"any_of\"");
	FAULTS("{\"from\":[]}", "/from: must not be empty");
	FAULTS("{\"from\":[\"a\",7,\"\"]}",
		   "/from/1: must be a string, not a number\n"
		   "/from/2: must not be empty");
	FAULTS("{\"from\":{}}",
		   "/from: must be a name or an array of names, not an object");
	FAULTS("{\"from\":\"a\",\"count\":0,\"reject_after\":0}",
		   "/count: must be a whole number from 1 to 1000000\n"
		   "/reject_after: must be a whole number from 1 to 1000000");
	FAULTS("{\"from\":\"a\",\"count\":1.5}",
		   "/count: must be a whole number from 1 to 1000000");
	FAULTS("{\"from\":\"a\",\"percent\":0}",
		   "/percent: must be a number above 0, at most 100");
	FAULTS("{\"from\":\"a\",\"percent\":100.5}",
		   "/percent: must be a number above 0, at most 100");
	FAULTS("{\"from\":\"a\",\"percent\":5,\"count\":2}",
		   "/percent: give either \"count\" or \"percent\"");
	FAULTS("{\"from\":[\"a\",\"*\"],\"percent\":5}",
		   "/percent: nobody knows how many \"*\" are");
	FAULTS("{\"from\":\"a\",\"frm\":\"b\",\"n\":1}",
		   "/frm: unknown member, perhaps \"from\" is meant\n"
		   "/n: is possible only with \"n_of\"");
	FAULTS("{\"all_of\":[\"a\",{\"from\":\"b\",\"timeout\":5}],\"count\":1,"
		   "\"percent\":3,\"reject_after\":2}",
		   "/count: is possible only with \"from\"\n"
		   "/reject_after: is possible only with \"from\"\n"
		   "/percent: is possible only with \"from\" or \"n_of\"\n"
		   "/all_of/1/timeout: unknown member");
	FAULTS("{\"all_of\":[]}", "/all_of: must not be empty");
	FAULTS("{\"all_of\":\"a\"}", "/all_of: must be an array, not a string");
	FAULTS("{\"all_of\":[7]}",
		   "/all_of/0: must be a name or an object, not a number");
	FAULTS("{\"n_of\":[\"a\",\"b\"]}", ": give either \"n\" or \"percent\"");
	FAULTS("{\"n_of\":[\"a\",\"b\"],\"n\":1,\"percent\":5}",
		   "/n: give either \"n\" or \"percent\"");
	FAULTS("{\"n_of\":[\"a\",{\"from\":\"b\",\"advisory\":true}],\"n\":2}",
		   "/n: only 1 parts can be approved");
	FAULTS("{\"n_of\":[\"a\"],\"n\":0}",
		   "/n: must be a whole number from 1 to 1000000");
	FAULTS("{\"any_of\":[{\"from\":\"b\",\"advisory\":true}]}",
		   "/any_of: must not all be advisory");
	FAULTS("{\"from\":\"b\",\"advisory\":true}",
		   "/advisory: is possible only for parts of others");
	FAULTS("{\"from\":\"b\",\"veto\":1}",
		   "/veto: must be true or false, not a number");
	FAULTS("{\"from\":\"b\",\"name\":\"\",\"after\":0,\"deadline\":\"soon\"}",
		   "/name: must not be empty\n"
		   "/after: must be a number of seconds above 0, or a text such as "
		   "\"30 seconds\", \"5 minutes\", \"2 hours\", \"1 day\"\n"
		   "/deadline: must be a number of seconds above 0, or a text such as "
		   "\"30 seconds\", \"5 minutes\", \"2 hours\", \"1 day\"");
	FAULTS("{\"from\":\"b\",\"on_deadline\":\"accept\"}",
		   "/on_deadline: must be fail or approve\n"
		   "/on_deadline: is possible only with \"deadline\"");
}

TEST(faults_of_the_root)
{
	FAULTS("{\"from\":\"a\",\"on_silence\":\"reject\"}",
		   "/on_silence: is possible only with \"timeout\"");
	FAULTS("{\"from\":\"a\",\"timeout\":5,\"on_silence\":\"x\"}",
		   "/on_silence: must be expire, reject, approve or an object with "
		   "\"escalate\"");
	FAULTS("{\"from\":\"a\",\"timeout\":5,\"on_silence\":7}",
		   "/on_silence: must be a string or an object, not a number");
	FAULTS("{\"from\":\"a\",\"timeout\":5,\"on_silence\":{\"x\":1}}",
		   "/on_silence/x: unknown member\n"
		   "/on_silence: \"escalate\" is missing");
	FAULTS("{\"from\":\"a\",\"timeout\":5,\"on_silence\":{\"escalate\":"
		   "{\"from\":\"b\",\"distinct\":true},\"on_silence\":\"reject\"}}",
		   "/on_silence/escalate/distinct: unknown member\n"
		   "/on_silence/on_silence: is possible only with \"timeout\"");
	FAULTS("{\"from\":\"a\",\"remind\":{\"every\":5,\"max\":0,\"x\":1}}",
		   "/remind/x: unknown member\n"
		   "/remind: \"after\" is missing\n"
		   "/remind/max: must be a whole number from 1 to 1000000");
	FAULTS("{\"from\":\"a\",\"remind\":{\"after\":5,\"max\":1001}}",
		   "/remind/max: must be at most 1000");
	FAULTS("{\"from\":\"a\",\"remind\":5}",
		   "/remind: must be an object, not a number");
	FAULTS("{\"from\":\"a\",\"exclude\":[\"requester\",\"me\",7]}",
		   "/exclude/1: must be requester or editors\n"
		   "/exclude/2: must be requester or editors");
	FAULTS("{\"from\":\"a\",\"exclude\":\"me\"}",
		   "/exclude: must be an array, not a string");
	FAULTS("{\"from\":\"a\",\"distinct\":\"no\"}",
		   "/distinct: must be true or false, not a string");
}

/*
 * A text so many times, with separators.
 */
static void
repeat(HitlBuffer *out, const char *text, int times)
{
	int i;

	for (i = 0; i < times; i++)
		hitl_append_format(out, "%s%s", i > 0 ? "," : "", text);
}

TEST(limits)
{
	static const char open[] = "{\"from\":\"a\",\"timeout\":1,\"on_silence\":";
	HitlArena arena;
	HitlBuffer out;
	int levels;
	int i;

	hitl_arena_init(&arena);

	/* Levels. */
	for (levels = 9; levels <= 10; levels++)
	{
		hitl_buffer_init(&out, &arena);
		for (i = 0; i < levels; i++)
			hitl_append_text(&out, "{\"any_of\":[");
		hitl_append_text(&out, "\"a\"");
		for (i = 0; i < levels; i++)
			hitl_append_text(&out, "]}");
		CHECK(
			contains(faults_of(hitl_buffer_text(&out)),
					 levels == 9 ? "none" : "nested more than 10 levels deep"));
	}

	/* Parts. */
	for (i = 199; i <= 201; i++)
	{
		hitl_buffer_init(&out, &arena);
		hitl_append_text(&out, "{\"all_of\":[");
		repeat(&out, "\"a\"", i);
		hitl_append_text(&out, "]}");
		CHECK_TEXT(faults_of(hitl_buffer_text(&out)),
				   i == 199 ? "none" : "/all_of/199: more than 200 parts");
	}

	/* Names. */
	for (i = HITL_MAX_NAMES; i <= HITL_MAX_NAMES + 1; i++)
	{
		hitl_buffer_init(&out, &arena);
		hitl_append_text(&out, "{\"from\":[");
		repeat(&out, "\"a\"", i);
		hitl_append_text(&out, "]}");
		CHECK(contains(faults_of(hitl_buffer_text(&out)),
					   i == HITL_MAX_NAMES ? "none"
										   : "/from: must not have more than"));
	}

	/* Combinations: 4096 and one more. */
	for (i = 0; i < 3; i++)
	{
		hitl_buffer_init(&out, &arena);
		hitl_append_text(&out, "{\"any_of\":[{\"all_of\":[");
		repeat(&out, "{\"any_of\":[\"a\",\"b\",\"c\",\"d\"]}", 6);
		hitl_append_format(&out, "]}%s]%s}", i > 0 ? ",\"x\"" : "",
						   i == 2 ? ",\"distinct\":false" : "");
		FAULTS(hitl_buffer_text(&out),
			   i == 1 ? ": too many combinations; say \"distinct\": false, or "
						"use groups instead of parts of their own"
					  : "none");
	}

	/* Escalations. */
	for (i = 5; i <= 6; i++)
	{
		int j;

		hitl_buffer_init(&out, &arena);
		hitl_append_text(&out, open);
		for (j = 0; j < i; j++)
			hitl_append_text(
				&out, "{\"escalate\":\"b\",\"timeout\":1,\"on_silence\":");
		hitl_append_text(&out, "\"reject\"");
		for (j = 0; j <= i; j++)
			hitl_append_char(&out, '}');
		FAULTS(hitl_buffer_text(&out),
			   i == 5 ? "none"
					  : "/on_silence/on_silence/on_silence/on_silence/"
						"on_silence/on_silence: more than 5 escalations");
	}
	hitl_arena_free(&arena);
}

TEST(faults_without_memory)
{
	HitlResult result = HITL_NO_MEMORY;
	HitlPolicy *policy;
	long n;

	for (n = 0; result == HITL_NO_MEMORY && n < 10000; n++)
	{
		HitlFaults faults = {0};

		allocations_left = n;
		result = hitl_parse_policy(
			"{\"all_of\":[{\"from\":7},{\"x\":1},{\"from\":\"a\",\"count\":0}]}",
			&policy, &faults);
		allocations_left = -1;
		CHECK(policy == NULL);
		hitl_free_faults(&faults);
	}
	CHECK_INT(result, HITL_INVALID);
}

static bool
excludes(const char *document, bool editors)
{
	HitlFaults faults = {0};
	HitlPolicy *policy;
	bool answer;

	CHECK_INT(hitl_parse_policy(document, &policy, &faults), HITL_OK);
	answer = editors ? hitl_excludes_editors(policy)
					 : hitl_excludes_requester(policy);
	hitl_free_policy(policy);
	return answer;
}

TEST(exclusion)
{
	CHECK(excludes("\"a\"", false));
	CHECK(excludes("\"a\"", true));
	CHECK(!excludes("{\"from\":\"a\",\"exclude\":[]}", false));
	CHECK(!excludes("{\"from\":\"a\",\"exclude\":[]}", true));
	CHECK(excludes("{\"from\":\"a\",\"exclude\":[\"editors\"]}", true));
	CHECK(!excludes("{\"from\":\"a\",\"exclude\":[\"editors\"]}", false));
	CHECK(excludes("{\"from\":\"a\",\"exclude\":[\"requester\"]}", false));
	CHECK(!excludes("{\"from\":\"a\",\"exclude\":[\"requester\"]}", true));
}

#define END ",\"distinct\":false,\"exclude\":[]}"

TEST(simple_forms)
{
	CHECK_TEXT(simple(NULL, NULL, 0, 0),
			   "{\"from\":[\"*\"],\"reject_after\":1" END);
	CHECK_TEXT(simple("[]", "[]", 0, 0),
			   "{\"from\":[\"*\"],\"reject_after\":1" END);
	CHECK_TEXT(simple("[\"b\",\"a\",\"b\"]", NULL, 0, 0),
			   "{\"from\":[\"b\",\"a\"],\"reject_after\":1" END);
	CHECK_TEXT(
		simple("[\"a\"]", NULL, 2, 1500),
		"{\"from\":[\"a\"],\"count\":2,\"distinct\":false,\"exclude\":[],"
		"\"timeout\":1.500}");
	CHECK_TEXT(simple(NULL, NULL, 2, 0), "{\"from\":[\"*\"],\"count\":2" END);
	CHECK_TEXT(simple(NULL, "[\"q\",\"p\",\"q\"]", 0, 0),
			   "{\"all_of\":[\"q\",\"p\"],\"veto\":true" END);
	CHECK_TEXT(simple("[\"q\",\"r\"]", "[\"q\"]", 0, 0),
			   "{\"all_of\":[\"q\",{\"from\":[\"r\"],\"advisory\":true}],"
			   "\"veto\":true" END);
	CHECK_TEXT(simple("[\"q\"]", "[\"q\"]", 0, 0),
			   "{\"all_of\":[\"q\"],\"veto\":true" END);
	CHECK_TEXT(simple("[\"r\",\"q\"]", "[\"q\",\"p\"]", 3, 0),
			   "{\"all_of\":[{\"from\":[\"q\",\"p\"],\"count\":2},{\"from\":"
			   "[\"q\",\"p\",\"r\"],\"count\":3}]" END);
	CHECK_TEXT(simple("[\"r\"]", "[\"q\",\"p\"]", 1, 0),
			   "{\"all_of\":[{\"from\":[\"q\",\"p\"],\"count\":1},{\"from\":"
			   "[\"q\",\"p\",\"r\"],\"count\":1}]" END);
	CHECK_TEXT(simple("{", NULL, 0, 0), "asked must be a JSON array of names");
	CHECK_TEXT(simple("[\"\"]", NULL, 0, 0),
			   "asked must be a JSON array of names");
	CHECK_TEXT(simple(NULL, "[7]", 0, 0),
			   "required must be a JSON array of names");
	CHECK_TEXT(simple(NULL, "\"a\"", 0, 0),
			   "required must be a JSON array of names");
}

/*
 * What an answer meant before there were policies: without a threshold, one
 * approval (all of the required ones, where there are any), and the first
 * rejection; with one, as many approvals, of them by required approvers as
 * many as there are, and no rejection that makes that impossible.
 */
static HitlOutcome
decide_as_before(int eligible, int required, int threshold, int approvals,
				 int required_approvals, int rejections,
				 int required_rejections)
{
	int needed = threshold > 0 ? threshold : required > 0 ? required : 1;
	int needed_required = threshold > 0 && required > needed ? needed
															 : required;

	if (threshold == 0 && rejections > 0)
		return HITL_OUTCOME_REJECTED;
	if (approvals >= needed && required_approvals >= needed_required)
		return HITL_OUTCOME_APPROVED;
	if (rejections == 0)
		return HITL_OUTCOME_PENDING;
	if (eligible == 0 || eligible - rejections < needed ||
		required - required_rejections < needed_required)
		return HITL_OUTCOME_REJECTED;
	return HITL_OUTCOME_PENDING;
}

static const char *const people[] = {"a", "b", "c", "d"};

/*
 * Of four people the first are required, the next asked, and the others not.
 * Each order of answers in which everybody answers once, or not at all.
 */
static void
try_answers(HitlPolicy *policy, int eligible, int required, int threshold,
			HitlVote *votes, const char *names[4][2], int nvotes, unsigned used)
{
	HitlPolicyCase input = {.votes = votes, .nvotes = nvotes};
	HitlVerdict verdict = {0};
	int tally[2][2] = {{0, 0}, {0, 0}};
	HitlOutcome expected;
	int i;

	for (i = 0; i < nvotes; i++)
	{
		int person = votes[i].person[0] - 'a';
		int reject = votes[i].choice == HITL_CHOICE_REJECT;

		tally[reject][0]++;
		tally[reject][1] += person < required;
	}
	expected = decide_as_before(eligible, required, threshold, tally[0][0],
								tally[0][1], tally[1][0], tally[1][1]);
	CHECK_INT(hitl_evaluate_policy(policy, &input, &verdict), HITL_OK);
	CHECK(verdict.state == NULL);
	if (verdict.outcome != expected)
	{
		report_failure(__FILE__, __LINE__,
					   "%d eligible, %d required, threshold %d: %d instead of "
					   "%d",
					   eligible, required, threshold, (int) verdict.outcome,
					   (int) expected);
		for (i = 0; i < nvotes; i++)
			report_failure(__FILE__, __LINE__, "%s %d", votes[i].person,
						   (int) votes[i].choice);
	}
	hitl_free_verdict(&verdict);
	if (expected != HITL_OUTCOME_PENDING)
		return;
	for (i = 0; i < (eligible == 0 ? 4 : eligible); i++)
	{
		int choice;

		if ((used >> i & 1) != 0)
			continue;
		for (choice = 0; choice < 2; choice++)
		{
			names[nvotes][0] = people[i];
			names[nvotes][1] = "*";
			votes[nvotes] = (HitlVote){people[i], 2, names[nvotes],
									   choice == 0 ? HITL_CHOICE_APPROVE
												   : HITL_CHOICE_REJECT,
									   nvotes};
			try_answers(policy, eligible, required, threshold, votes, names,
						nvotes + 1, used | 1U << i);
		}
	}
}

TEST(simple_forms_decide_as_before)
{
	static const char *const lists[] = {NULL, "[\"a\"]", "[\"a\",\"b\"]",
										"[\"a\",\"b\",\"c\"]",
										"[\"a\",\"b\",\"c\",\"d\"]"};
	int eligible;
	int required;
	int threshold;

	for (eligible = 0; eligible <= 4; eligible++)
	{
		for (required = 0; required <= eligible; required++)
		{
			for (threshold = 0; threshold <= (eligible == 0 ? 4 : eligible);
				 threshold++)
			{
				const char *json = simple(lists[eligible], lists[required],
										  threshold, 0);
				HitlFaults faults = {0};
				HitlVote votes[4];
				const char *names[4][2];
				HitlPolicy *policy;

				CHECK_INT(hitl_parse_policy(json, &policy, &faults), HITL_OK);
				try_answers(policy, eligible, required, threshold, votes, names,
							0, 0);
				hitl_free_policy(policy);
			}
		}
	}
}

/*
 * A thousand names of each list, and a thousand answers.
 */
TEST(large_lists)
{
	HitlArena arena;
	HitlBuffer asked;
	HitlBuffer required;
	HitlFaults faults = {0};
	HitlPolicy *policy;
	HitlVote *votes;
	HitlVerdict verdict = {0};
	HitlPolicyCase input = {0};
	const char **names;
	char *json;
	char *error;
	int i;

	hitl_arena_init(&arena);
	hitl_buffer_init(&asked, &arena);
	hitl_buffer_init(&required, &arena);
	votes = hitl_alloc_zero(&arena, 1000 * sizeof(HitlVote));
	names = hitl_alloc(&arena, 1000 * sizeof(char *));
	for (i = 0; i < 1000; i++)
	{
		char name[20];
		int length = snprintf(name, sizeof(name), "p%d", i);

		hitl_append_format(&required, "%s\"%s\"", i == 0 ? "[" : ",", name);
		hitl_append_format(&asked, "%s\"r%d\"", i == 0 ? "[" : ",", i);
		names[i] = hitl_copy_text(&arena, name, length);
		votes[i] = (HitlVote){names[i], 1, &names[i], HITL_CHOICE_APPROVE, i};
	}
	hitl_append_char(&asked, ']');
	hitl_append_char(&required, ']');
	CHECK_INT(hitl_simple_policy(hitl_buffer_text(&asked),
								 hitl_buffer_text(&required), 0, 0, &json,
								 &error),
			  HITL_OK);
	CHECK_INT(hitl_parse_policy(json, &policy, &faults), HITL_OK);
	CHECK_INT(policy->nparts, 3);
	input.votes = votes;
	input.nvotes = 999;
	CHECK_INT(hitl_evaluate_policy(policy, &input, &verdict), HITL_OK);
	CHECK_INT(verdict.outcome, HITL_OUTCOME_PENDING);
	CHECK_INT(verdict.nasked, 2000);
	hitl_free_verdict(&verdict);
	input.nvotes = 1000;
	CHECK_INT(hitl_evaluate_policy(policy, &input, &verdict), HITL_OK);
	CHECK_INT(verdict.outcome, HITL_OUTCOME_APPROVED);
	CHECK_TEXT(verdict.decider, "p999");
	hitl_free_verdict(&verdict);
	hitl_free_policy(policy);
	free(json);
	hitl_arena_free(&arena);
}

/*
 * An array of as many names, which begin so.
 */
static char *
many_names(HitlArena *arena, char begin, int count)
{
	HitlBuffer out;
	int i;

	hitl_buffer_init(&out, arena);
	for (i = 0; i < count; i++)
		hitl_append_format(&out, "%s\"%c%d\"", i == 0 ? "[" : ",", begin, i);
	hitl_append_char(&out, ']');
	return hitl_buffer_text(&out);
}

TEST(too_many_names)
{
	HitlArena arena;
	char *some;
	char *others;
	char *json;
	char *error;

	hitl_arena_init(&arena);
	some = many_names(&arena, 'p', HITL_MAX_NAMES / 2 + 1);
	others = many_names(&arena, 'r', HITL_MAX_NAMES / 2);
	CHECK_INT(hitl_simple_policy(some, others, 3, 0, &json, &error),
			  HITL_INVALID);
	CHECK_TEXT(error, "asked and required are too many names; use a group");
	free(error);
	CHECK_INT(hitl_simple_policy(some, others, 0, 0, &json, &error), HITL_OK);
	free(json);
	some = many_names(&arena, 'p', HITL_MAX_NAMES + 1);
	CHECK_INT(hitl_simple_policy(some, NULL, 0, 0, &json, &error),
			  HITL_INVALID);
	CHECK(contains(error, "asked must not have more than"));
	free(error);
	hitl_arena_free(&arena);
}

TEST(reassignment)
{
	static const char policy[] =
		"{\"name\":\"a\",\"all_of\":[\"a\",{\"from\":[\"b\",\"a\"],\"count\":2},"
		"{\"from\":\"c\"}],\"exclude\":[\"editors\"],\"timeout\":\"1 day\","
		"\"on_silence\":{\"escalate\":\"a\",\"timeout\":5.50,\"on_silence\":"
		"{\"escalate\":{\"any_of\":[\"a\",\"d\"]},\"timeout\":1,\"on_silence\":"
		"\"reject\"}}}";

	CHECK_TEXT(
		reassigned(policy, "a", "x\""),
		"{\"name\":\"a\",\"all_of\":[\"x\\\"\",{\"from\":[\"b\",\"x\\\"\"],"
		"\"count\":2},{\"from\":\"c\"}],\"exclude\":[\"editors\"],\"timeout\":"
		"\"1 day\",\"on_silence\":{\"escalate\":\"x\\\"\",\"timeout\":5.50,"
		"\"on_silence\":{\"escalate\":{\"any_of\":[\"x\\\"\",\"d\"]},"
		"\"timeout\":1,\"on_silence\":\"reject\"}}}");
	CHECK_TEXT(reassigned("\"a\"", "a", "b"), "\"b\"");
	CHECK_TEXT(reassigned("{\"from\":[\"*\"]}", "*", "b"),
			   "{\"from\":[\"b\"]}");
	CHECK_TEXT(reassigned(policy, "z", "y"),
			   "the policy does not ask the first");
	CHECK_TEXT(reassigned(policy, "editors", "y"),
			   "the policy does not ask the first");
	CHECK_TEXT(reassigned(policy, "a", "b"),
			   "the policy asks both in the same place");
	CHECK_TEXT(reassigned(policy, "a", "a"),
			   "the policy asks both in the same place");
	CHECK_TEXT(reassigned(policy, "a", ""), "the new name is empty");
	CHECK_TEXT(reassigned("{\"any_of\":[\"a\",\"b\"]}", "a", "b"),
			   "{\"any_of\":[\"b\",\"b\"]}");
}

TEST(explanations)
{
	static const char policy[] =
		"{\"sequence\":[{\"name\":\"Team\",\"from\":[\"a\",\"b\",\"c\"],\"count\":2,"
		"\"deadline\":20},{\"any_of\":[\"boss\",{\"from\":\"board\",\"percent\":"
		"62.5,\"after\":5}]},{\"n_of\":[{\"from\":[\"d\",\"*\"]},"
		"{\"all_of\":[\"e\"]}],\"n\":1}],\"timeout\":60,\"on_silence\":"
		"{\"escalate\":{\"from\":\"ceo\",\"deadline\":7}}}";

	EXPLAINS(
		policy, "@1 a:a r:b x:c", "/1",
		"{\"pointer\":\"/sequence/0\",\"depth\":1,\"part\":\"Team: 2 of a, "
		"b, c\",\"state\":\"failed\",\"asks\":[\"a\",\"b\",\"c\"],\"needed\":2,"
		"\"approved_by\":[\"a\"],\"rejected_by\":[\"b\"],\"abstained\":[\"c\"],"
		"\"asked_at_us\":0,\"deadline_us\":20000000}");
	EXPLAINS(policy, "", "/0",
			 "{\"pointer\":\"\",\"depth\":0,\"part\":\"One after the other\","
			 "\"state\":\"asked\",\"asks\":[],\"needed\":3,\"approved_by\":[],"
			 "\"rejected_by\":[],\"abstained\":[],\"asked_at_us\":0,"
			 "\"deadline_us\":null}");
	EXPLAINS(policy, "x:c", "/1/abstained", "[\"c\"]");
	EXPLAINS(policy, "", "/2/part", "\"Any of\"");
	EXPLAINS(policy, "", "/2/state", "\"waiting\"");
	EXPLAINS(policy, "", "/2/asked_at_us", "null");
	EXPLAINS(policy, "", "/4/part", "\"62.5 % of board\"");
	EXPLAINS(policy, "", "/4/needed", "null");
	EXPLAINS(policy, "@3 a:a a:b", "/4/asked_at_us", "8000000");
	EXPLAINS(policy, "@3 a:a a:b", "/4/state", "\"waiting\"");
	EXPLAINS(policy, "@3 a:a a:b board=8 @9 a:x,board", "/4/needed", "5");
	EXPLAINS(policy, "@3 a:a a:b @4 a:boss", "/4/state", "\"not needed\"");
	EXPLAINS(policy, "@3 a:a a:b @4 a:boss", "/4/asked_at_us", "null");
	EXPLAINS(policy, "@3 a:a a:b @4 a:boss", "/3/state", "\"approved\"");
	EXPLAINS(policy, "", "/5/part", "\"1 of these\"");
	EXPLAINS(policy, "", "/6/part", "\"d or any approver\"");
	EXPLAINS(policy, "", "/7/part", "\"All of\"");
	EXPLAINS(policy, "", "/9/pointer", "\"/on_silence/escalate\"");
	EXPLAINS(policy, "", "/9/asked_at_us", "60000000");
	EXPLAINS(policy, "", "/9/deadline_us", "67000000");
	EXPLAINS(policy, "@1 a:a r:b r:c", "/2/state", "\"not needed\"");
	EXPLAINS(policy, "@1 a:a r:b r:c", "/9/asked_at_us", "null");
	EXPLAINS("{\"from\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\"]}", "",
			 "/0/part", "\"a, b, c, d, e or 2 more\"");
	EXPLAINS(
		"{\"from\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\"],\"count\":3}",
		"", "/0/part", "\"3 of a, b, c, d, e and 2 more\"");
	EXPLAINS("{\"from\":[\"a\",\"b\",\"c\"]}", "", "/0/part", "\"a, b or c\"");
	EXPLAINS("\"*\"", "", "/0/part", "\"any approver\"");
	EXPLAINS("{\"from\":\"*\",\"count\":2}", "", "/0/part",
			 "\"2 of all approvers\"");
	EXPLAINS("\"a\"", "broken", "/0/state", "\"asked\"");
}

SUITE(policy_text, RUN(faults_of_parts), RUN(faults_of_the_root), RUN(limits),
	  RUN(faults_without_memory), RUN(exclusion), RUN(simple_forms),
	  RUN(simple_forms_decide_as_before), RUN(large_lists), RUN(too_many_names),
	  RUN(reassignment), RUN(explanations));
