/*
 * policy_script.c
 *		Plays scripts of answers.  Every call of the core is made with every
 *		allocation failing once.
 */
#include "policy_script.h"

#define SECOND INT64_C(1000000)
#define MOST   40

typedef struct Play
{
	HitlPolicy *policy;
	HitlPolicyCase input;
	HitlVote votes[MOST];
	const char *names[MOST][MOST];
	int sizes[MOST];
	const char *sized[MOST];
	int nsized;
	bool broken;
	char *state;
	char text[2000]; /* the script, in pieces */
	char summary[1000];
} Play;

static bool
count_people(void *context, int nnames, const char *const *names, int *count)
{
	const Play *play = context;
	int i;
	int j;

	*count = 0;
	for (i = 0; i < nnames; i++)
	{
		int size = 1;

		for (j = 0; j < play->nsized; j++)
		{
			if (strcmp(play->sized[j], names[i]) == 0)
				size = play->sizes[j];
		}
		if (strcmp(names[i], "*") == 0)
		{
			*count = -1;
			return true;
		}
		*count += size;
	}
	return !play->broken;
}

static void
summarize_verdict(Play *play, const HitlVerdict *verdict)
{
	static const char *const outcomes[] = {"asks", "approved", "rejected",
										   "expired"};
	HitlArena arena;
	HitlBuffer out;
	int i;

	hitl_arena_init(&arena);
	hitl_buffer_init(&out, &arena);
	hitl_append_text(&out, outcomes[verdict->outcome]);
	if (verdict->reason != NULL)
		hitl_append_format(&out, ": %s", verdict->reason);
	if (verdict->decider != NULL)
		hitl_append_format(&out, " by %s", verdict->decider);
	for (i = 0; i < verdict->nasked; i++)
		hitl_append_format(&out, " %s", verdict->asked[i]);
	if (verdict->escalations > 0)
		hitl_append_format(&out, ", level %d", verdict->escalations);
	if (verdict->next_us > 0)
		hitl_append_format(&out, ", next %g",
						   (double) verdict->next_us / SECOND);
	if (verdict->expires_us > 0)
		hitl_append_format(&out, ", expires %g",
						   (double) verdict->expires_us / SECOND);
	if (verdict->remind)
		hitl_append_text(&out, ", remind");
	snprintf(play->summary, sizeof(play->summary), "%s",
			 hitl_buffer_text(&out));
	hitl_arena_free(&arena);
}

static void
evaluate(Play *play)
{
	HitlVerdict verdict = {0};
	HitlResult result = HITL_NO_MEMORY;
	long n;

	play->input.state = play->state;
	for (n = 0; result == HITL_NO_MEMORY && n < 10000; n++)
	{
		allocations_left = n;
		result = hitl_evaluate_policy(play->policy, &play->input, &verdict);
		allocations_left = -1;
		CHECK((verdict.memory != NULL) == (result == HITL_OK));
	}
	CHECK(n > 2 || result == HITL_INVALID);
	if (result == HITL_INVALID)
		snprintf(play->summary, sizeof(play->summary), "invalid");
	else if (result == HITL_HOST_FAILED)
		snprintf(play->summary, sizeof(play->summary), "host failed");
	else
		summarize_verdict(play, &verdict);
	free(play->state);
	play->state = verdict.state == NULL ? NULL : strdup(verdict.state);
	hitl_free_verdict(&verdict);
}

static void
add_answer(Play *play, char *word)
{
	HitlVote *vote = &play->votes[play->input.nvotes];
	const char **names = play->names[play->input.nvotes];
	char *save = NULL;
	char *name;

	vote->choice = word[0] == 'a' ? HITL_CHOICE_APPROVE
		: word[0] == 'r'		  ? HITL_CHOICE_REJECT
								  : HITL_CHOICE_ABSTAIN;
	vote->nnames = 0;
	vote->names = names;
	for (name = strtok_r(word + 2, ",", &save); name != NULL;
		 name = strtok_r(NULL, ",", &save))
		names[vote->nnames++] = name;
	names[vote->nnames++] = "*";
	vote->person = names[0];
	vote->at_us = play->input.now_us;
	play->input.nvotes++;
}

static bool
begin(Play *play, const char *policy, const char *script)
{
	HitlFaults faults = {0};
	HitlResult result = HITL_NO_MEMORY;
	char *save = NULL;
	char *word;
	long n;

	memset(play, 0, sizeof(*play));
	for (n = 0; result == HITL_NO_MEMORY && n < 10000; n++)
	{
		allocations_left = n;
		result = hitl_parse_policy(policy, &play->policy, &faults);
		allocations_left = -1;
		CHECK((play->policy != NULL) == (result == HITL_OK));
	}
	if (result != HITL_OK)
	{
		snprintf(play->summary, sizeof(play->summary), "faulty: %s: %s",
				 faults.count > 0 ? faults.items[0].pointer : "",
				 faults.count > 0 ? faults.items[0].message : "");
		hitl_free_faults(&faults);
		return false;
	}
	play->input.votes = play->votes;
	play->input.count_people = count_people;
	play->input.context = play;
	snprintf(play->text, sizeof(play->text), "%s", script);
	for (word = strtok_r(play->text, " ", &save); word != NULL;
		 word = strtok_r(NULL, " ", &save))
	{
		char *sign = strchr(word, '=');

		if (word[0] == '@')
			play->input.now_us = (int64_t) (atof(word + 1) * SECOND);
		else if (word[0] == '{')
		{
			free(play->state);
			play->state = strdup(word);
		}
		else if (strcmp(word, "broken") == 0)
			play->broken = true;
		else if (strcmp(word, "|") == 0)
			evaluate(play);
		else if (strcmp(word, "!") == 0)
		{
			free(play->state);
			play->state = NULL;
		}
		else if (strncmp(word, "reminded=", 9) == 0)
		{
			play->input.reminders = atoi(sign + 1);
			play->input.last_remind_us = play->input.now_us;
		}
		else if (sign != NULL)
		{
			*sign = '\0';
			play->sized[play->nsized] = word;
			play->sizes[play->nsized++] = atoi(sign + 1);
		}
		else
			add_answer(play, word);
	}
	return true;
}

/*
 * The summary of a verdict, kept until the next call.
 */
const char *
stands(const char *policy, const char *script)
{
	static char text[1000];
	Play play;

	if (begin(&play, policy, script))
		evaluate(&play);
	snprintf(text, sizeof(text), "%s", play.summary);
	free(play.state);
	hitl_free_policy(play.policy);
	return text;
}

/*
 * A part of the explanation, kept until the next call.
 */
const char *
explains(const char *policy, const char *script, const char *path)
{
	static char text[1000];
	HitlResult result = HITL_NO_MEMORY;
	const char *found;
	char *json = NULL;
	char *error;
	Play play;
	long n;

	if (!begin(&play, policy, script))
		return "faulty";
	play.input.state = play.state;
	for (n = 0; result == HITL_NO_MEMORY && n < 10000; n++)
	{
		allocations_left = n;
		result = hitl_explain_policy(play.policy, &play.input, &json, &error);
		allocations_left = -1;
		CHECK((json != NULL) == (result == HITL_OK));
		CHECK((error != NULL) == (result == HITL_INVALID));
	}
	found = json == NULL ? error : member_of(json, path);
	snprintf(text, sizeof(text), "%s", found == NULL ? "nothing" : found);
	free(json);
	free(error);
	free(play.state);
	hitl_free_policy(play.policy);
	return text;
}
