/*
 * agent_script.c
 *		Plays the vectors of agents.
 *
 * The program is the host (agent_host.c): it keeps the memory as the core's
 * events tell it, gives the answers that the script has, and returns to
 * checkpoints.  Nothing may be asked for that the script does not have, nor in
 * another order.
 *
 * Each vector is played three times: with the control state going to text and
 * back after every message; with it being kept; and with every message being
 * tried, before it is sent, with memory for less and less of it.
 */
#include "agent_script.h"

#include <stdarg.h>

/* What can be asked for: how a script calls it, and what answers it. */
static const struct
{
	const char *name;
	HitlEffectKind kind;
	const char *message; /* NULL: nothing does */
} requests[] = {{"model", HITL_EFFECT_RUN_TASK, "reply"},
				{"sql", HITL_EFFECT_RUN_SQL, "reply"},
				{"http", HITL_EFFECT_RUN_HTTP, "reply"},
				{"external", HITL_EFFECT_RUN_EXTERNAL, "reply"},
				{"child", HITL_EFFECT_START_CHILD, "child"},
				{"approval", HITL_EFFECT_REQUEST_APPROVAL, "approval"},
				{"checkpoint", HITL_EFFECT_CHECKPOINT, NULL},
				{"rollback", HITL_EFFECT_ROLLBACK, "reply"},
				{"rerouted", HITL_EFFECT_EVENT, NULL},
				{"waits", HITL_EFFECT_EVENT, NULL}};

/* Failures so far; those of one way are enough. */
static int problems;

static void play(const char *path, bool keeps_control, bool scarce);
static bool open_script(Script *script, const char *path);
static char *write_definition(json_t *vector);
static void check_settings(Script *script);
static void close_script(Script *script);
static void run_entry(Script *script, json_t *entry);
static void let_pass(Script *script, double seconds);
static void take(Script *script, json_t *entry, int request);
static void check_request_of(Script *script, const Ask *ask, json_t *expected);
static void check_conversation(Script *script, const Ask *ask,
							   json_t *expected);
static json_t *known_messages(const Script *script, bool told);
static void check_messages(Script *script, const char *what, json_t *expected,
						   json_t *got);
static bool is_message(json_t *expected, json_t *got);
static Ask *find_ask(Script *script, const char *label);
static void answer(Script *script, Ask *ask, const json_t *given);
static json_t *as_sent(const Script *script, const Ask *ask,
					   const json_t *given);
static const char *message_of(HitlEffectKind kind);
static void return_to(Script *script, const json_t *rollback);
static void check_end(Script *script);
static void fail_match(const Script *script, const char *what,
					   const json_t *expected, const json_t *got);

/*
 * Play a vector, in all ways.
 */
void
run_agent_vector(const char *path)
{
	problems = 0;
	play(path, false, false);
	if (problems == 0)
		play(path, true, false);
	if (problems == 0)
		play(path, false, true);
}

/*
 * Play it in one way.
 */
static void
play(const char *path, bool keeps_control, bool scarce)
{
	Script script;
	json_t *entries;
	json_t *entry;
	size_t i;

	if (!open_script(&script, path))
		return;
	script.w.keeps_control = keeps_control;
	script.scarce = scarce;
	check_settings(&script);
	script_send(&script, "start", NULL);
	entries = json_object_get(script.vector, "script");
	json_array_foreach(entries, i, entry)
	{
		script.place.entry = (int) i + 1;
		run_entry(&script, entry);
	}
	script.place.entry++;
	check_end(&script);
	close_script(&script);
}

/*
 * Read a vector, and set its workflow up.
 */
static bool
open_script(Script *script, const char *path)
{
	static const char *const members[] = {"description", "provider", "agent",
										  "agents",		 "task",	 "context",
										  "step",		 "steps",	 "data",
										  "budgets",	 "script",	 "result",
										  "status",		 "error",	 "memory"};
	json_error_t error;
	json_t *agent;
	const char *key;
	json_t *value;
	char *definition;
	char *data;
	size_t i;

	memset(script, 0, sizeof(*script));
	script->place.path = path;
	script->vector = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (script->vector == NULL)
	{
		report_failure(path, error.line, "%s", error.text);
		return false;
	}
	json_object_foreach(script->vector, key, value)
	{
		for (i = 0; i < sizeof(members) / sizeof(members[0]) &&
			 strcmp(members[i], key) != 0;
			 i++)
			;
		if (i == sizeof(members) / sizeof(members[0]))
			fail_script(script, "unknown member \"%s\"", key);
	}
	agent = json_object_get(script->vector, "agent");
	script->agents = json_object();
	json_object_set(script->agents,
					json_string_value(json_object_get(agent, "name")), agent);
	json_object_update(script->agents,
					   json_object_get(script->vector, "agents"));
	script->trail = json_array();
	script->memory = json_array();
	script->checkpoints = json_object();
	script->status = json_object();

	definition = write_definition(script->vector);
	value = json_object_get(script->vector, "data");
	data = value == NULL ? NULL : json_dumps(value, 0);
	workflow_open(&script->w, definition, data);
	script->w.memory.agents = json_incref(script->agents);
	open_budgets(script);
	free(definition);
	free(data);
	return true;
}

/*
 * A definition with one step, in which the agent works, unless the vector has
 * the steps.
 */
static char *
write_definition(json_t *vector)
{
	json_t *agent = json_object_get(vector, "agent");
	json_t *steps = json_incref(json_object_get(vector, "steps"));
	json_t *definition;
	char *text;

	if (steps == NULL)
	{
		json_t *step = json_pack("{s:s, s:s, s:O, s:O, s:O*}", "name", "work",
								 "type", "task", "task",
								 json_object_get(vector, "task"), "agent",
								 json_object_get(agent, "name"), "context",
								 json_object_get(vector, "context"));

		json_object_update(step, json_object_get(vector, "step"));
		steps = json_pack("[o]", step);
	}
	definition = json_pack("{s:o}", "steps", steps);
	text = json_dumps(definition, 0);
	json_decref(definition);
	return text;
}

/*
 * The settings must be without fault.
 */
static void
check_settings(Script *script)
{
	const char *name;
	json_t *settings;

	json_object_foreach(script->agents, name, settings)
	{
		HitlFaults faults = {0};
		char *text = json_dumps(settings, 0);
		int i;

		hitl_check_agent(text, &script->w.memory.host, &faults);
		for (i = 0; i < faults.count; i++)
			fail_script(script, "agent %s: %s: %s", name,
						faults.items[i].pointer, faults.items[i].message);
		json_array_clear(script->w.memory.answers);
		hitl_free_faults(&faults);
		free(text);
	}
}

/*
 * End it.
 */
static void
close_script(Script *script)
{
	int i;

	workflow_close(&script->w);
	for (i = 0; i < script->nasks; i++)
	{
		json_decref(script->asks[i].body);
		free(script->asks[i].label);
		free(script->asks[i].answer);
	}
	json_decref(script->vector);
	json_decref(script->agents);
	json_decref(script->trail);
	json_decref(script->memory);
	json_decref(script->checkpoints);
	json_decref(script->status);
}

/*
 * Do what an entry of the script says.
 */
static void
run_entry(Script *script, json_t *entry)
{
	static const char *const orders[] = {"pause",  "resume", "retry",
										 "cancel", "skip",	 "rolled_back"};
	json_t *value;
	char *body;
	size_t i;

	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
	{
		if (json_object_get(entry, requests[i].name) != NULL)
		{
			take(script, entry, (int) i);
			return;
		}
	}
	value = json_object_get(entry, "withdrawn");
	if (value != NULL)
	{
		Ask *ask = find_ask(script, json_string_value(value));

		if (ask != NULL && !ask->withdrawn)
			fail_script(script, "%s is still awaited", ask->label);
		return;
	}
	value = json_object_get(entry, "status");
	if (value != NULL)
	{
		if (!json_matches(entry, script->status))
			fail_match(script, "status", entry, script->status);
		return;
	}

	/* Whatever comes from outside comes when nothing else is to be done. */
	if (script->taken < script->nasks)
		fail_script(script,
					"something is asked for that is not in the script: %s",
					message_of(script->asks[script->taken].kind));
	if (json_object_get(entry, "to") != NULL)
	{
		Ask *ask = find_ask(script,
							json_string_value(json_object_get(entry, "to")));

		if (ask != NULL)
			answer(script, ask, json_object_get(entry, "answer"));
		return;
	}
	value = json_object_get(entry, "budget");
	if (value != NULL)
	{
		change_budget(script, value);
		return;
	}
	value = json_object_get(entry, "passes");
	if (value != NULL)
	{
		let_pass(script, json_number_value(value));
		return;
	}
	for (i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
	{
		value = json_object_get(entry, orders[i]);
		if (value == NULL)
			continue;
		body = json_dumps(value, 0);
		script_send(script,
					strcmp(orders[i], "rolled_back") == 0 ? "rollback"
														  : orders[i],
					body);
		free(body);
		return;
	}
	fail_script(script, "an entry that says nothing");
}

/*
 * Time goes by, and what has taken too long is told so.
 */
static void
let_pass(Script *script, double seconds)
{
	int i;

	script->w.now_us += (int64_t) (seconds * 1000000);
	let_budgets_renew(script);
	for (i = 0; i < script->nasks; i++)
	{
		Ask *ask = &script->asks[i];
		char body[40];

		if (ask->due_us == 0 || ask->due_us > script->w.now_us ||
			ask->withdrawn || ask->renews)
			continue;
		snprintf(body, sizeof(body), "{\"token\":%lld}",
				 (long long) ask->token);
		script_send(script, "timer", body);
	}
}

/*
 * Something must have been asked for; give the answer, if the entry has it.
 */
static void
take(Script *script, json_t *entry, int request)
{
	json_t *label = json_object_get(entry, "as");
	json_t *given = json_object_get(entry, "answer");
	Ask *ask;

	if (script->taken == script->nasks)
	{
		fail_script(script, "nothing is asked for; expected %s",
					requests[request].name);
		return;
	}
	ask = &script->asks[script->taken++];
	if (ask->kind != requests[request].kind)
	{
		fail_script(script, "expected %s", requests[request].name);
		fail_match(script, "request", entry, ask->body);
		return;
	}
	check_request_of(script, ask,
					 json_object_get(entry, requests[request].name));
	if (label != NULL)
		ask->label = strdup(json_string_value(label));
	if (given != NULL)
		answer(script, ask, given);
	else if (json_is_true(json_object_get(entry, "returns")))
		return_to(script, ask->body);
}

/*
 * What is asked for must be what was expected.
 */
static void
check_request_of(Script *script, const Ask *ask, json_t *expected)
{
	json_t *rest = json_copy(expected);

	if (ask->kind == HITL_EFFECT_RUN_TASK)
	{
		check_conversation(script, ask, rest);
		json_object_del(rest, "roles");
		json_object_del(rest, "hears");
		json_object_del(rest, "memory");
	}
	if (!json_matches(rest, ask->body))
		fail_match(script, "request", rest, ask->body);
	json_decref(rest);
}

/*
 * A request to the model must name the messages that the agent knows, and none
 * else; and it must be possible to write it, for each provider.
 */
static void
check_conversation(Script *script, const Ask *ask, json_t *expected)
{
	static const char *const providers[] = {"openai", "anthropic"};
	const char *provider = json_string_value(
		json_object_get(script->vector, "provider"));
	const char *name = json_string_value(json_object_get(ask->body, "agent"));
	json_t *settings = json_object_get(script->agents, name);
	json_t *known = known_messages(script, false);
	json_t *told = known_messages(script, true);
	json_t *named = json_array();
	json_t *numbers = json_array();
	json_t *part;
	json_t *roles;
	char *text = json_dumps(settings, 0);
	size_t i;

	json_array_foreach(json_object_get(ask->body, "memory"), i, part)
	{
		json_int_t n;

		for (n = 1; n <= json_integer_value(json_array_get(part, 1)); n++)
			json_array_append_new(named,
								  json_pack("[O,I]", json_array_get(part, 0),
											n));
	}
	json_array_foreach(known, i, part)
		json_array_append(numbers, json_object_get(part, "memory"));
	if (!json_equal(named, numbers))
		fail_match(script, "memory", numbers, named);
	for (i = 0; i < sizeof(providers) / sizeof(providers[0]); i++)
	{
		roles = check_request(&script->place, providers[i], text, known,
							  json_is_true(
								  json_object_get(ask->body, "tools")));
		part = json_object_get(expected, "roles");
		if (part != NULL && strcmp(provider, providers[i]) == 0 &&
			!json_equal(part, roles))
			fail_match(script, "roles", part, roles);
		json_decref(roles);
	}
	part = json_object_get(expected, "memory");
	if (part != NULL)
		check_messages(script, "memory", part, known);
	part = json_object_get(expected, "hears");
	if (part != NULL)
		check_messages(script, "what the model hears", part, told);
	json_decref(known);
	json_decref(told);
	json_decref(named);
	json_decref(numbers);
	free(text);
}

/*
 * The messages that the agent knows; or only what it was told since it last
 * said something.
 */
static json_t *
known_messages(const Script *script, bool told)
{
	json_t *messages = json_array();
	json_t *number;
	size_t i;

	json_array_foreach(script->memory, i, number)
	{
		json_t *message = json_array_get(script->trail,
										 json_integer_value(number));
		const char *role = json_string_value(json_object_get(message, "role"));

		if (told && strcmp(role, "assistant") == 0)
			json_array_clear(messages);
		else
			json_array_append(messages, message);
	}
	return messages;
}

/*
 * Messages must be those that were expected.
 */
static void
check_messages(Script *script, const char *what, json_t *expected, json_t *got)
{
	size_t i;

	for (i = 0; i < json_array_size(expected) || i < json_array_size(got); i++)
	{
		json_t *message = json_array_get(expected, i);

		if (message == NULL || !is_message(message, json_array_get(got, i)))
		{
			fail_script(script, "%s: message %d is another one", what,
						(int) i + 1);
			fail_match(script, what, message, json_array_get(got, i));
			return;
		}
	}
}

/*
 * Is it the message that was expected?  What is not said of a message that
 * failed, or was forgotten, is not so.
 */
static bool
is_message(json_t *expected, json_t *got)
{
	static const char *const flags[] = {"failed", "forgotten", "calls"};
	size_t i;

	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
	{
		if (json_object_get(expected, flags[i]) == NULL &&
			json_object_get(got, flags[i]) != NULL)
			return false;
	}
	return json_matches(expected, got);
}

/*
 * What the script has given a name, still or not any more awaited.
 */
static Ask *
find_ask(Script *script, const char *label)
{
	int i;

	for (i = 0; label != NULL && i < script->taken; i++)
	{
		if (script->asks[i].label != NULL &&
			strcmp(script->asks[i].label, label) == 0)
			return &script->asks[i];
	}
	fail_script(script, "nothing has the name %s", label == NULL ? "?" : label);
	return NULL;
}

/*
 * Give an answer; the same once more must do nothing.
 */
static void
answer(Script *script, Ask *ask, const json_t *given)
{
	const char *kind = message_of(ask->kind);
	json_t *body = as_sent(script, ask, given);

	if (ask->kind == HITL_EFFECT_RUN_TASK && ask->answer == NULL)
		count_usage(script, ask, given);
	free(ask->answer);
	ask->answer = json_dumps(body, JSON_ENCODE_ANY);
	json_decref(body);
	script_send(script, kind, ask->answer);
	if (json_number_value(json_object_get(given, "token")) != 0)
		return;
	CHECK_INT(workflow_send(&script->w, kind, ask->answer), HITL_OK);
	if (script->w.effects.count > 0 || script->w.effects.more)
		fail_script(script, "the same answer once more has effects: %s",
					script->w.summary);
}

/*
 * An answer as the host sends it: with its token, and what a server says as
 * text.
 */
static json_t *
as_sent(const Script *script, const Ask *ask, const json_t *given)
{
	json_t *body = json_deep_copy(given);
	json_t *content = json_object_get(body, "body");
	json_t *provider = json_object_get(script->vector, "provider");

	json_object_set_new(body, "token", json_integer(ask->token));
	if (json_is_object(content) || json_is_array(content))
	{
		char *text = json_dumps(content, 0);

		json_object_set_new(body, "body", json_string(text));
		free(text);
	}
	if (ask->kind == HITL_EFFECT_RUN_TASK &&
		json_object_get(body, "status") != NULL)
		json_object_set(body, "provider", provider);
	return body;
}

/*
 * The kind of message that answers a kind of request.
 */
static const char *
message_of(HitlEffectKind kind)
{
	size_t i;

	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
	{
		if (requests[i].kind == kind)
			return requests[i].message == NULL ? requests[i].name
											   : requests[i].message;
	}
	return "?";
}

/*
 * Return to a checkpoint, and go on from there.
 */
static void
return_to(Script *script, const json_t *rollback)
{
	json_t *reason = json_object_get(rollback, "reason");
	const char *name = json_string_value(json_object_get(rollback, "name"));
	json_t *found = json_object_get(script->checkpoints, name);
	char *kept = json_is_string(reason) ? strdup(json_string_value(reason))
										: NULL;
	json_t *number;
	size_t i;

	if (found == NULL)
	{
		fail_script(script, "there is no checkpoint %s", name);
		free(kept);
		return;
	}
	json_decref(script->w.memory.data);
	script->w.memory.data = json_deep_copy(json_object_get(found, "data"));
	script->w.reason = kept;
	CHECK_INT(workflow_rewind(&script->w,
							  json_string_value(
								  json_object_get(found, "control"))),
			  HITL_OK);
	script->w.reason = NULL;
	free(kept);
	for (i = json_array_size(json_object_get(found, "memory"));
		 i < json_array_size(script->memory); i++)
	{
		number = json_array_get(script->memory, i);
		json_object_set_new(json_array_get(script->trail,
										   json_integer_value(number)),
							"forgotten", json_true());
	}
	json_decref(script->memory);
	script->memory = json_copy(json_object_get(found, "memory"));
	script_collect(script);
	script_send(script, "start", NULL);
}

/*
 * How it has ended, and what was said.
 */
static void
check_end(Script *script)
{
	json_t *result = json_object_get(script->vector, "result");
	json_t *status = json_object_get(script->vector, "status");
	json_t *error = json_object_get(script->vector, "error");
	json_t *steps = json_object_get(script->w.memory.data, "steps");
	json_t *expected;
	int i;

	if (script->taken < script->nasks)
		fail_match(script, "the script does not have this", NULL,
				   script->asks[script->taken].body);
	expected = json_pack("{s:O?, s:O?}", "status", status, "error", error);
	if (status == NULL)
		json_object_set_new(expected, "status", json_string("completed"));
	if (!json_matches(expected, script->status))
		fail_match(script, "status", expected, script->status);
	if (result == NULL && status == NULL)
		fail_script(script, "the vector has neither a result nor a status");
	else if (!json_matches(result == NULL ? json_null() : result,
						   json_object_get(steps, "work")) &&
			 (result != NULL || status == NULL))
		fail_match(script, "result", result, json_object_get(steps, "work"));
	for (i = 0; i < script->nasks && status == NULL; i++)
	{
		const Ask *ask = &script->asks[i];

		if (ask->token != 0 && ask->answer == NULL && !ask->withdrawn &&
			ask->kind != HITL_EFFECT_ROLLBACK)
			fail_match(script, "still awaited at the end", NULL, ask->body);
	}
	if (json_object_get(script->vector, "memory") == NULL)
		fail_script(script, "the vector has no memory");
	check_messages(script, "memory", json_object_get(script->vector, "memory"),
				   script->trail);
	json_decref(expected);
}

/*
 * Record a failure at the present place of the script.
 */
void
fail_script(const Script *script, const char *format, ...)
{
	char message[4000];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	problems++;
	report_failure(script->place.path, script->place.entry, "%s", message);
}

/*
 * Record that something is not what was expected.
 */
static void
fail_match(const Script *script, const char *what, const json_t *expected,
		   const json_t *got)
{
	char *first = expected == NULL ? strdup("nothing")
								   : json_dumps(expected, JSON_ENCODE_ANY);
	char *second = got == NULL ? strdup("nothing")
							   : json_dumps(got, JSON_ENCODE_ANY);

	fail_script(script, "%s\n#   got %s\n#   expected %s", what, second, first);
	free(first);
	free(second);
}
