/*
 * agent_budget.c
 *		Budgets of agents in vectors: the host counts what models have taken.
 */
#include "agent_script.h"

static void set_budget(Script *script, const json_t *given);
static void renew_budgets(Script *script);
static void end_waits(Script *script, bool of_budget);

/*
 * The budgets of agents, of which nothing is used yet.
 */
void
open_budgets(Script *script)
{
	const char *name;
	json_t *budgets;
	json_t *budget;
	size_t i;

	script->w.memory.budgets = json_object();
	json_object_foreach(json_object_get(script->vector, "budgets"), name,
						budgets)
	{
		json_array_foreach(budgets, i, budget)
		{
			json_t *given = json_copy(budget);

			json_object_set_new(given, "agent", json_string(name));
			set_budget(script, given);
			json_decref(given);
		}
	}
}

/*
 * A budget is set anew, and whoever waits for it looks at it.
 */
void
change_budget(Script *script, const json_t *given)
{
	set_budget(script, given);
	end_waits(script, true);
}

/*
 * Time has gone by.
 */
void
let_budgets_renew(Script *script)
{
	renew_budgets(script);
	end_waits(script, false);
}

/*
 * A budget is set, or set anew; what is used of it is kept.
 */
static void
set_budget(Script *script, const json_t *given)
{
	static const char *const settings[] = {"period", "tokens", "cost",
										   "on_limit"};
	json_t *all = script->w.memory.budgets;
	const char *agent = json_string_value(json_object_get(given, "agent"));
	json_t *budgets = json_object_get(all, agent);
	json_t *budget = NULL;
	size_t i;

	if (budgets == NULL)
	{
		budgets = json_array();
		json_object_set_new(all, agent, budgets);
	}
	json_array_foreach(budgets, i, budget)
	{
		if (json_equal(json_object_get(budget, "period"),
					   json_object_get(given, "period")))
			break;
	}
	if (i == json_array_size(budgets))
	{
		budget = json_pack("{s:{s:i, s:i}, s:I}", "used", "tokens", 0, "cost",
						   0, "renews_us", (json_int_t) 0);
		json_array_append_new(budgets, budget);
	}
	for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
	{
		json_t *value = json_object_get(given, settings[i]);

		json_object_set(budget, settings[i],
						value == NULL ? json_null() : value);
	}
	renew_budgets(script);
}

/*
 * Nothing is used of the budgets whose period has ended.
 */
static void
renew_budgets(Script *script)
{
	const char *name;
	json_t *budgets;
	json_t *budget;
	size_t i;

	json_object_foreach(script->w.memory.budgets, name, budgets)
	{
		json_array_foreach(budgets, i, budget)
		{
			const char *period = json_string_value(
				json_object_get(budget, "period"));
			json_int_t length = strcmp(period, "hour") == 0 ? 3600 : 86400;
			json_int_t renews = json_integer_value(
				json_object_get(budget, "renews_us"));

			if (strcmp(period, "hour") != 0 && strcmp(period, "day") != 0)
				length *= 7;
			if (renews > script->w.now_us)
				continue;
			json_object_set_new(budget, "used",
								json_pack("{s:i, s:i}", "tokens", 0, "cost",
										  0));
			json_object_set_new(budget, "renews_us",
								json_integer(script->w.now_us +
											 length * 1000000));
		}
	}
}

/*
 * Whoever waits for a budget looks at it: since it was set anew, or since it is
 * time.
 */
static void
end_waits(Script *script, bool of_budget)
{
	int count = script->nasks;
	int i;

	for (i = 0; i < count; i++)
	{
		Ask *ask = &script->asks[i];
		char body[40];

		if (!ask->renews || ask->withdrawn || ask->answer != NULL ||
			(!of_budget && ask->due_us > script->w.now_us))
			continue;
		snprintf(body, sizeof(body), "{\"token\":%lld}",
				 (long long) ask->token);
		ask->answer = strdup(body);
		script_send(script, "timer", body);
	}
}

/*
 * What a model has taken counts to the budgets of its agent.
 */
void
count_usage(Script *script, const Ask *ask, const json_t *given)
{
	static const char *const counts[] = {"prompt_tokens", "completion_tokens",
										 "input_tokens", "output_tokens"};
	json_t *budgets = json_object_get(script->w.memory.budgets,
									  json_string_value(
										  json_object_get(ask->body, "agent")));
	const json_t *body = json_object_get(given, "body");
	json_t *usage = json_object_get(body == NULL
										? json_object_get(given, "result")
										: body,
									"usage");
	json_int_t tokens = 0;
	json_t *budget;
	size_t i;

	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		tokens += json_integer_value(json_object_get(usage, counts[i]));
	json_array_foreach(budgets, i, budget)
	{
		json_t *used = json_object_get(budget, "used");
		double cost = json_number_value(json_object_get(given, "cost"));

		json_object_set_new(used, "tokens",
							json_integer(tokens +
										 json_integer_value(
											 json_object_get(used, "tokens"))));
		json_object_set_new(used, "cost",
							json_real(cost +
									  json_number_value(
										  json_object_get(used, "cost"))));
	}
}
