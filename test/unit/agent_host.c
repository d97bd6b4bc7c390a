/*
 * agent_host.c
 *		The host of the vectors of agents: sends messages, and takes note of
 *		what they bring about.
 */
#include "agent_script.h"

static void exhaust(Script *script, const char *kind, const char *body);
static void hear(Script *script, const HitlEffect *effect);
static void remember(Script *script, const HitlEffect *effect);
static void add_ask(Script *script, const HitlEffect *effect);
static void keep_checkpoint(Script *script, const HitlEffect *effect);
static void limit(Script *script, const HitlEffect *effect);
static void withdraw(Script *script, int64_t token);

/*
 * Send a message, and go on as long as something follows without waiting.
 */
void
script_send(Script *script, const char *kind, const char *body)
{
	int calls;

	for (calls = 0; calls < 1000; calls++)
	{
		HitlResult result;

		exhaust(script, kind, body);
		result = workflow_send(&script->w, kind, body);
		if (result != HITL_OK)
		{
			fail_script(script, "the message %s %s ended in %d: %s", kind,
						body == NULL ? "" : body, (int) result,
						script->w.effects.error == NULL
							? "?"
							: script->w.effects.error);
			return;
		}
		script_collect(script);
		if (script->w.join != NULL)
		{
			kind = "reply";
			body = script->w.join;
			continue;
		}
		if (!script->w.effects.more)
			return;
		kind = "continue";
		body = NULL;
	}
	fail_script(script, "the workflow does not come to an end");
}

/*
 * Try a message with memory for a part of it only: nothing may change then.
 */
static void
exhaust(Script *script, const char *kind, const char *body)
{
	HitlMessage message = {kind, body, script->w.now_us + 1, 0};
	HitlResult result = HITL_NO_MEMORY;
	HitlControl *control = NULL;
	char *before = NULL;
	char *after;
	long n;

	if (!script->scarce)
		return;
	CHECK_INT(hitl_dump_control(script->w.control, &before), HITL_OK);
	for (n = 0; result == HITL_NO_MEMORY && n < 100000; n += 1 + n / 20)
	{
		HitlEffects effects = {0};

		if (control == NULL)
			CHECK_INT(hitl_parse_control(script->w.definition, before, &control,
										 NULL),
					  HITL_OK);
		allocations_left = n;
		result = hitl_advance(script->w.definition, control, &message,
							  &script->w.memory.host, &effects);
		allocations_left = -1;
		json_array_clear(script->w.memory.answers);
		if (result != HITL_OK)
		{
			CHECK_INT(hitl_dump_control(control, &after), HITL_OK);
			if (result != HITL_NO_MEMORY || effects.count > 0 ||
				strcmp(before, after) != 0)
				fail_script(
					script,
					"memory for %ld pieces only: result %d, %d effects, %s", n,
					(int) result, effects.count, after);
			free(after);
		}
		hitl_free_effects(&effects);
	}
	CHECK_INT(result, HITL_OK);
	hitl_free_control(control);
	free(before);
}

/*
 * Take note of what a message has brought about.
 */
void
script_collect(Script *script)
{
	int i;

	for (i = 0; i < script->w.effects.count; i++)
		hear(script, &script->w.effects.items[i]);
}

/*
 * Take note of one effect.
 */
static void
hear(Script *script, const HitlEffect *effect)
{
	switch (effect->kind)
	{
		case HITL_EFFECT_EVENT:
			if (strncmp(effect->type, "agent_", 6) == 0)
				remember(script, effect);
			else if (strcmp(effect->type, "task_rerouted") == 0 ||
					 strcmp(effect->type, "budget_awaited") == 0)
				add_ask(script, effect);
			break;
		case HITL_EFFECT_STATUS:
			json_object_set_new(script->status, "status",
								json_string(effect->type));
			json_object_set_new(script->status, "error",
								strcmp(effect->type, "completed") == 0 ||
										effect->body == NULL
									? json_null()
									: json_loads(effect->body, 0, NULL));
			break;
		case HITL_EFFECT_WITHDRAW:
			withdraw(script, effect->token);
			break;
		case HITL_EFFECT_FORK:
		case HITL_EFFECT_JOIN:
		case HITL_EFFECT_REMOVE_BRANCHES:
			break;
		case HITL_EFFECT_SET_TIMER:
			limit(script, effect);
			break;
		case HITL_EFFECT_CHECKPOINT:
			keep_checkpoint(script, effect);
			add_ask(script, effect);
			break;
		default:
			add_ask(script, effect);
			break;
	}
}

/*
 * Keep a message of the memory; those of a segment are counted from 1.
 */
static void
remember(Script *script, const HitlEffect *effect)
{
	json_t *message = json_loads(effect->body, JSON_REJECT_DUPLICATES, NULL);
	json_t *at = json_object_get(message, "memory");
	size_t size = json_array_size(script->trail);
	json_int_t before = 0;
	json_t *other;
	size_t i;

	if (message == NULL)
	{
		fail_script(script, "a message is no JSON: %s", effect->body);
		return;
	}
	json_array_foreach(script->trail, i, other)
	{
		json_t *place = json_object_get(other, "memory");

		if (json_equal(json_array_get(place, 0), json_array_get(at, 0)))
			before = json_integer_value(json_array_get(place, 1));
	}
	if (json_integer_value(json_array_get(at, 1)) != before + 1)
		fail_script(script, "a message is not the next one of its segment");
	if (strcmp(effect->type, "agent_started") == 0)
		json_array_clear(script->memory);
	json_object_set_new(message, "event", json_string(effect->type));
	json_array_append_new(script->trail, message);
	json_array_append_new(script->memory, json_integer(size));
}

/*
 * Keep what is asked for until the script takes it.
 */
static void
add_ask(Script *script, const HitlEffect *effect)
{
	Ask *ask;
	int i;

	if (script->nasks == MAX_ASKS)
	{
		fail_script(script, "too much is asked for");
		return;
	}
	for (i = 0; i < script->nasks; i++)
	{
		if (effect->token != 0 && script->asks[i].token == effect->token)
			fail_script(script, "a token is given out twice");
	}
	ask = &script->asks[script->nasks++];
	memset(ask, 0, sizeof(*ask));
	ask->kind = effect->kind;
	ask->token = effect->token;
	ask->body = json_loads(effect->body, JSON_REJECT_DUPLICATES, NULL);
	if (ask->body == NULL)
	{
		fail_script(script, "a request is no JSON: %s", effect->body);
		ask->body = json_object();
	}
	if (effect->type != NULL)
		json_object_set_new(ask->body, "name", json_string(effect->type));
}

/*
 * Keep what there is to return to.
 */
static void
keep_checkpoint(Script *script, const HitlEffect *effect)
{
	json_object_set_new(script->checkpoints, effect->type,
						json_pack("{s:s, s:o, s:o}", "control", effect->control,
								  "data", json_deep_copy(script->w.memory.data),
								  "memory", json_copy(script->memory)));
}

/*
 * Something may take so long only.
 */
static void
limit(Script *script, const HitlEffect *effect)
{
	int i;

	if (effect->type != NULL && script->nasks > 0)
	{
		Ask *ask = &script->asks[script->nasks - 1];

		if (ask->kind != HITL_EFFECT_EVENT || ask->token != 0)
			fail_script(script, "it waits for a budget without a word");
		ask->token = effect->token;
		ask->due_us = effect->due_us;
		ask->renews = true;
		return;
	}
	for (i = 0; i < script->nasks; i++)
	{
		if (script->asks[i].token != effect->token)
			continue;
		script->asks[i].due_us = effect->due_us;
		return;
	}
	fail_script(script, "a time limit is set for nothing");
}

/*
 * Something is not awaited any more, or, 0, nothing at all; only what was can
 * be withdrawn.
 */
static void
withdraw(Script *script, int64_t token)
{
	int i;

	for (i = 0; i < script->nasks; i++)
	{
		Ask *ask = &script->asks[i];

		if (token == 0 && ask->answer == NULL)
			ask->withdrawn = true;
		if (token == 0 || ask->token != token)
			continue;
		if (ask->withdrawn)
			fail_script(script, "something is withdrawn twice");
		ask->withdrawn = true;
		return;
	}
	if (token != 0)
		fail_script(script, "something is withdrawn that was not asked for");
}
