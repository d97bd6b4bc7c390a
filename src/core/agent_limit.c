/*
 * agent_limit.c
 *		What an agent may take: in a run, and in an hour, a day, a week, a month
 *		by all of its runs.
 *
 * Both are looked at before the model is asked.  At a limit the run ends, or
 * people are asked; at a budget of the agent it may also wait until that
 * renews.  What people grant is this run's, also where it is beyond a budget.
 */
#include "core/agent.h"

#include <string.h>

/* Tokens and cost of each period, behind the limits of a run. */
#define IS_BUDGET(limit) ((limit) >= HITL_RUN_LIMITS)
#define PERIOD_OF(limit) (period_names[((limit) -HITL_RUN_LIMITS) / 2])
#define OF_BUDGET(limit) (HITL_LIMIT_TOKENS + ((limit) -HITL_RUN_LIMITS) % 2)
#define BUDGET(period, of) \
	(HITL_RUN_LIMITS + (period) *2 + ((of) -HITL_LIMIT_TOKENS))

const char *const hitl_limit_names[] = {
	"steps",		"tokens",	  "cost",	  "seconds",	 "hour_tokens",
	"hour_cost",	"day_tokens", "day_cost", "week_tokens", "week_cost",
	"month_tokens", "month_cost", NULL,
};

static const char *const period_names[] = {"hour", "day", "week", "month",
										   NULL};
static const char *const reaction_names[] = {"stop", "ask", "wait", NULL};

static const char *const conclude_text =
	"You have no turns left. Give the best answer that you can from what you "
	"know by now. Call no tools.";

/* What happens at a limit. */
typedef enum Reaction
{
	REACTION_STOP = 0,
	REACTION_ASK,
	REACTION_WAIT
} Reaction;

/* A limit that has been reached. */
typedef struct Excess
{
	int limit;
	double whole;	/* without what people have granted */
	double allowed; /* with that */
	double used;
	Reaction reaction;
	int64_t renews_us; /* of a budget */
} Excess;

static bool find_excess(const HitlAgent *agent, const HitlAgentRun *state,
						Excess *excess);
static const HitlJson *load_budgets(HitlRun *run, const HitlAgent *agent);
static bool read_budget(const HitlJson *budget, const HitlAgentRun *state,
						Excess *excess);
static void exceed(HitlRun *run, HitlPosition *position, const HitlAgent *agent,
				   HitlAgentRun *state, const Excess *excess);
static void ask_for_more(HitlRun *run, HitlPosition *position,
						 const HitlAgent *agent, const Excess *excess);
static void write_facts(HitlBuffer *facts, const HitlAgent *agent,
						const Excess *excess);
static void wait_for_budget(HitlRun *run, HitlPosition *position,
							const HitlAgent *agent, HitlAgentRun *state,
							const Excess *excess);
static void end_beyond(HitlRun *run, HitlPosition *position,
					   const HitlAgent *agent, HitlAgentRun *state);
static double find_whole(HitlRun *run, const HitlAgent *agent, int limit);
static void grant(const HitlAgent *agent, HitlAgentRun *state, double amount);

/*
 * May the model be asked?  Where a limit has been reached, what follows from
 * that has been seen to.
 */
bool
hitl_keep_to_limits(HitlRun *run, HitlPosition *position,
					const HitlAgent *agent, HitlAgentRun *state)
{
	const HitlJson *budgets;
	const HitlJson *budget;
	Excess excess = {0};

	state->used[HITL_LIMIT_STEPS] = state->turn;
	hitl_count_time(run, state);
	if (find_excess(agent, state, &excess))
	{
		exceed(run, position, agent, state, &excess);
		return false;
	}
	budgets = load_budgets(run, agent);
	for (budget = budgets == NULL ? NULL : budgets->first; budget != NULL;
		 budget = budget->next)
	{
		if (read_budget(budget, state, &excess))
		{
			exceed(run, position, agent, state, &excess);
			return false;
		}
	}
	return run->result == HITL_OK;
}

/*
 * Keep how long the run has taken.
 */
void
hitl_count_time(const HitlRun *run, HitlAgentRun *state)
{
	state->used[HITL_LIMIT_SECONDS] = run->now_us > state->began_us
		? ((double) run->now_us - (double) state->began_us) / 1e6
		: 0;
}

/*
 * Has the run reached one of its own limits?
 */
static bool
find_excess(const HitlAgent *agent, const HitlAgentRun *state, Excess *excess)
{
	int i;

	for (i = 0; i < HITL_RUN_LIMITS; i++)
	{
		if (agent->limits[i] < 0 ||
			state->used[i] < agent->limits[i] + state->granted[i])
			continue;
		excess->limit = i;
		excess->whole = agent->limits[i];
		excess->allowed = agent->limits[i] + state->granted[i];
		excess->used = state->used[i];
		excess->reaction = agent->asks_at_limit ? REACTION_ASK : REACTION_STOP;
		return true;
	}
	return false;
}

/*
 * How the budgets of the agent stand, or NULL if it has none.
 */
static const HitlJson *
load_budgets(HitlRun *run, const HitlAgent *agent)
{
	const HitlJson *budgets;
	const char *text = NULL;

	if (run->host->load_budgets == NULL)
		return NULL;
	switch (run->host->load_budgets(run->host->context, agent->name, &text))
	{
		case HITL_QUERY_FOUND:
			break;
		case HITL_QUERY_EMPTY:
			return NULL;
		default:
			hitl_stop(run, HITL_HOST_FAILED, NULL);
			return NULL;
	}
	switch (hitl_json_parse(&run->scratch, text, strlen(text),
							HITL_JSON_COMPOSED, &budgets, NULL))
	{
		case HITL_OK:
			if (budgets->type == HITL_JSON_ARRAY)
				return budgets;
			/* FALLTHROUGH */
		case HITL_INVALID:
			hitl_stop(run, HITL_INVALID,
					  "the host gives budgets that cannot be read");
			return NULL;
		default:
			hitl_stop(run, HITL_NO_MEMORY, NULL);
			return NULL;
	}
}

/*
 * Is a budget used up, and does the run have to keep to it?
 */
static bool
read_budget(const HitlJson *budget, const HitlAgentRun *state, Excess *excess)
{
	const HitlJson *all_used = hitl_json_member(budget, "used");
	int period = hitl_find_name(hitl_json_member(budget, "period"),
								period_names);
	int reaction = hitl_find_name(hitl_json_member(budget, "on_limit"),
								  reaction_names);
	int of;

	if (period < 0 || reaction < 0 ||
		!hitl_json_integer(hitl_json_member(budget, "renews_us"),
						   &excess->renews_us))
		return false;
	for (of = HITL_LIMIT_TOKENS; of <= HITL_LIMIT_COST; of++)
	{
		const HitlJson *limit = hitl_json_member(budget, hitl_limit_names[of]);
		const HitlJson *used = hitl_json_member(all_used, hitl_limit_names[of]);

		excess->limit = BUDGET(period, of);
		if (hitl_json_number(limit, &excess->whole) &&
			hitl_json_number(used, &excess->used) &&
			excess->used >= excess->whole &&
			state->used[of] >= state->granted[excess->limit])
		{
			excess->allowed = excess->whole;
			excess->reaction = (Reaction) reaction;
			return true;
		}
	}
	return false;
}

/*
 * A limit has been reached: people say whether the run may go on, or it waits,
 * or it ends.
 */
static void
exceed(HitlRun *run, HitlPosition *position, const HitlAgent *agent,
	   HitlAgentRun *state, const Excess *excess)
{
	state->limit = excess->limit;
	state->phase = HITL_AGENT_EXCEEDS;
	if (excess->reaction == REACTION_ASK)
		ask_for_more(run, position, agent, excess);
	else if (excess->reaction == REACTION_WAIT)
		wait_for_budget(run, position, agent, state, excess);
	else
		end_beyond(run, position, agent, state);
}

/*
 * People say whether the run may have more.
 */
static void
ask_for_more(HitlRun *run, HitlPosition *position, const HitlAgent *agent,
			 const Excess *excess)
{
	static const char *const units[][2] = {
		{"", " turns"},
		{"", " tokens"},
		{"budget of ", ""},
		{"", " seconds"},
	};
	int of = IS_BUDGET(excess->limit) ? OF_BUDGET(excess->limit)
									  : excess->limit;
	HitlEffect *effect;
	HitlBuffer context;
	HitlBuffer title;

	hitl_buffer_init(&title, &run->scratch);
	hitl_append_format(&title, "Agent %s has used up its %s%.10g%s",
					   agent->name, units[of][0], excess->allowed,
					   units[of][1]);
	if (IS_BUDGET(excess->limit))
		hitl_append_format(&title, " of this %s: may this run have more?",
						   PERIOD_OF(excess->limit));
	else
		hitl_append_text(&title, ": may it have more?");
	hitl_buffer_init(&context, &run->scratch);
	write_facts(&context, agent, excess);
	hitl_append_format(&context, ",\"requested_amount\":%.15g", excess->whole);
	if (hitl_finish_text(run, &context) == NULL ||
		hitl_finish_text(run, &title) == NULL)
		return;
	effect = hitl_pose(run, position, agent, title.data, NULL,
					   "\"type\":\"budget\"", context.data);
	if (effect != NULL)
		hitl_await(run, position, HITL_AWAITS_APPROVAL, effect);
}

/*
 * Append which limit has been reached, as JSON members.
 */
static void
write_facts(HitlBuffer *facts, const HitlAgent *agent, const Excess *excess)
{
	bool of_budget = IS_BUDGET(excess->limit);

	hitl_append_text(facts, "\"agent\":");
	hitl_json_write_string(facts, agent->name, strlen(agent->name));
	hitl_json_write_member(
		facts, "limit",
		hitl_limit_names[of_budget ? OF_BUDGET(excess->limit) : excess->limit]);
	if (of_budget)
	{
		hitl_json_write_member(facts, "period", PERIOD_OF(excess->limit));
		hitl_append_text(facts, ",\"renews_at\":\"");
		hitl_append_instant(facts, excess->renews_us);
		hitl_append_char(facts, '"');
	}
	hitl_append_format(facts, ",\"used\":%.15g", excess->used);
}

/*
 * The run goes on once the budget renews, or is raised.
 */
static void
wait_for_budget(HitlRun *run, HitlPosition *position, const HitlAgent *agent,
				HitlAgentRun *state, const Excess *excess)
{
	HitlEffect *effect;
	HitlBuffer facts;

	state->phase = HITL_AGENT_WAITS;
	hitl_buffer_init(&facts, run->memory);
	hitl_append_char(&facts, '{');
	write_facts(&facts, agent, excess);
	hitl_append_format(&facts, ",\"budget\":%.15g}", excess->whole);
	if (hitl_finish_text(run, &facts) == NULL)
		return;
	hitl_step_event(run, position, "budget_awaited", facts.data, NULL);
	effect = hitl_emit(run, HITL_EFFECT_SET_TIMER,
					   hitl_copy_text(run->memory, agent->name,
									  strlen(agent->name)),
					   position);
	effect->due_us = excess->renews_us;
	effect->alone = true;
	hitl_await(run, position, HITL_AWAITS_TIMER, effect);
}

/*
 * The run ends at a limit: where it is one of turns, with the best answer.
 */
static void
end_beyond(HitlRun *run, HitlPosition *position, const HitlAgent *agent,
		   HitlAgentRun *state)
{
	static const char *const words[] = {NULL, "tokens", "budget", "time"};
	HitlBuffer message;

	if (state->limit == HITL_LIMIT_STEPS)
	{
		state->phase = HITL_AGENT_CONCLUDES;
		hitl_tell_agent(run, position, state, conclude_text);
		if (!hitl_put_off(run, position))
			hitl_request_reply(run, position, agent);
		return;
	}
	hitl_buffer_init(&message, &run->scratch);
	if (IS_BUDGET(state->limit))
		hitl_append_format(&message, "the agent has used up its %s of this %s",
						   words[OF_BUDGET(state->limit)],
						   PERIOD_OF(state->limit));
	else
	{
		hitl_append_format(&message, "the agent has used up its %s",
						   words[state->limit]);

		/* Who retries the workflow lets it have as much again. */
		grant(agent, state, agent->limits[state->limit]);
	}
	state->phase = HITL_AGENT_ASKS;
	if (hitl_finish_text(run, &message) != NULL)
		hitl_fail_step(run, position, "budget_exceeded", message.data);
}

/*
 * People have said whether the run may have more.
 */
void
hitl_decide_limit(HitlRun *run, HitlPosition *position, const HitlAgent *agent,
				  HitlAgentRun *state, const HitlJson *body)
{
	const HitlJson *data = hitl_json_member(body, "response_data");
	const HitlJson *amount = hitl_json_member(data, "approved_amount");
	double granted = find_whole(run, agent, state->limit);

	hitl_leave_out_waiting(run, position, state);
	if (run->result != HITL_OK || hitl_fail_unasked(run, position, body))
		return;
	if (amount != NULL)
		hitl_json_number(amount, &granted);
	if (!hitl_is_approved(body) || !(granted > 0))
	{
		end_beyond(run, position, agent, state);
		return;
	}
	grant(agent, state, granted);
	hitl_ask_model(run, position, agent, state);
}

/*
 * A limit as it is set: what people grant where they name no amount.  A budget
 * that there is no more needs none.
 */
static double
find_whole(HitlRun *run, const HitlAgent *agent, int limit)
{
	const HitlJson *budgets;
	const HitlJson *budget;
	double whole = 1;

	if (!IS_BUDGET(limit))
		return agent->limits[limit];
	budgets = load_budgets(run, agent);
	for (budget = budgets == NULL ? NULL : budgets->first; budget != NULL;
		 budget = budget->next)
	{
		const char *of = hitl_limit_names[OF_BUDGET(limit)];
		const HitlJson *period = hitl_json_member(budget, "period");

		if (hitl_find_name(period, period_names) ==
			(limit - HITL_RUN_LIMITS) / 2)
			hitl_json_number(hitl_json_member(budget, of), &whole);
	}
	return whole;
}

/*
 * Let the run have more of what has been used up.  That may be beyond the limit
 * by far: what counts is what it has used.
 */
static void
grant(const HitlAgent *agent, HitlAgentRun *state, double amount)
{
	double more;

	if (IS_BUDGET(state->limit))
	{
		state->granted[state->limit] = state->used[OF_BUDGET(state->limit)] +
			amount;
		return;
	}
	more = state->used[state->limit] - agent->limits[state->limit];
	state->granted[state->limit] = more > 0 ? more + amount : amount;
}
