/*
 * world.c
 *		The host of the simulation, and the invariants it holds the core to:
 *
 *	- the same message on the same state has the same effects, as often as it
 *	  is tried; a call that fails changes nothing;
 *	- control state to text and back is the same state;
 *	- tokens only rise; per attempt, a step is asked for and run at most once;
 *	- what the control state awaits is what was asked for and is still open;
 *	- a task that must be approved before it acts runs only after an approval
 *	  that was shown this very task;
 *	- a result in the data is the one that was answered to the step's token;
 *	- what has ended stays so;
 *	- the status told is the status kept, and told once;
 *	- the data is what the deltas of the events add up to.
 */
#include "world.h"

Totals totals;

static HitlResult advance(World *world, const char *kind, const char *body);
static void apply(World *world, const HitlEffects *effects,
				  const Asked *answered);
static void apply_event(World *world, const HitlEffect *effect,
						const Asked *answered);
static void add_asked(World *world, const HitlEffect *effect);
static void check_asked(World *world, const HitlEffect *effect);
static void check_control(World *world);
static void take_snapshot(World *world, const char *name, const char *control);
static int find_checkpoint(const World *world, const char *name);
static Asked *find_token(World *world, int64_t token);
static char *write_effects(const HitlEffects *effects);
static char *dump(const HitlControl *control);
static HitlControl *parse(World *world, const char *text);
static void note(World *world, const char *kind, const char *body,
				 const HitlEffects *effects);

/*
 * A new workflow.
 */
void
world_init(World *world, uint64_t seed)
{
	HitlFaults faults = {0};

	memset(world, 0, sizeof(*world));
	world->random = seed;
	memory_init(
		&world->memory,
		"{\"variables\":{\"n\":5,\"yes\":true,\"no\":false,\"o\":{\"a\":[1]}},"
		"\"steps\":{}}");
	world->history = json_array();
	json_array_append_new(world->history,
						  json_pack("{s:o}", "restore",
									json_deep_copy(world->memory.data)));
	world->text = random_definition(world);
	CHECK_INT(hitl_parse_definition(world->text, NULL, &world->definition,
									&faults),
			  HITL_OK);
	world->control = parse(world, NULL);
	strcpy(world->status, "pending");
	take_snapshot(world, NULL, NULL);
}

/*
 * Forget it.
 */
void
world_free(World *world)
{
	int i;

	for (i = 0; i < world->asked_count; i++)
	{
		free(world->asked[i].body);
		free(world->asked[i].answer);
	}
	for (i = 0; i < world->snapshots; i++)
	{
		free(world->snapshot[i].name);
		free(world->snapshot[i].control);
		json_decref(world->snapshot[i].data);
	}
	free(world->asked);
	free(world->text);
	hitl_free_control(world->control);
	hitl_free_definition(world->definition);
	json_decref(world->history);
	memory_free(&world->memory);
}

/*
 * For a failing run.
 */
void
world_print(const World *world)
{
	char *control = dump(world->control);

	printf("definition: %s\ncontrol: %s\nlast messages:\n%s", world->text,
		   control, world->trail);
	free(control);
}

/*
 * A random number below choices (splitmix64).
 */
int
pick(World *world, int choices)
{
	uint64_t x = world->random += UINT64_C(0x9E3779B97F4A7C15);

	x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
	x ^= x >> 31;
	return choices <= 1 ? 0 : (int) (x % (uint64_t) choices);
}

/*
 * Is the workflow over?
 */
bool
world_has_ended(const World *world)
{
	return strcmp(world->status, "completed") == 0 ||
		strcmp(world->status, "failed") == 0 ||
		strcmp(world->status, "rejected") == 0 ||
		strcmp(world->status, "cancelled") == 0;
}

/*
 * Send a message that is well formed.
 */
void
world_send(World *world, const char *kind, const char *body)
{
	HitlResult result = advance(world, kind, body);

	CHECK(result == HITL_OK ||
		  (result == HITL_HOST_FAILED && world->memory.broken));
}

/*
 * Send a message that may answer an open token by accident; if it would, it
 * is not sent.
 */
void
world_send_stray(World *world, const char *kind, const char *body)
{
	json_t *message = json_loads(body, 0, NULL);
	Asked *asked = find_token(world,
							  json_integer_value(
								  json_object_get(message, "token")));

	json_decref(message);
	if (asked != NULL && asked->open &&
		asked->approval == (strcmp(kind, "approval") == 0))
		return;
	world_send(world, kind, body);
}

/*
 * Send a message that is malformed, most of all for an open token.
 */
void
world_send_faulty(World *world)
{
	static const char *const faulty[][2] =
		{{"approval", "{\"token\":%d}"},
		 {"approval", "{\"token\":%d,\"outcome\":\"yes\"}"},
		 {"approval", "{\"token\":\"%d\",\"outcome\":\"approved\"}"},
		 {"approval", "{\"token\":%d,\"outcome\":\"approved\",\"feedback\":1}"},
		 {"reply", "{\"token\":%d}"},
		 {"reply", "{\"token\":%d,\"error\":[]}"},
		 {"reply", "{\"token\":%d,\"status\":true}"},
		 {"reply", "{\"token\":%d,"},
		 {"poke", "{\"token\":%d}"}};
	int which = pick(world, sizeof(faulty) / sizeof(faulty[0]));
	char body[100];

	snprintf(body, sizeof(body), faulty[which][1], (int) world->token);
	CHECK_INT(advance(world, faulty[which][0], body),
			  world_has_ended(world) && strcmp(faulty[which][0], "poke") != 0
				  ? HITL_OK
				  : HITL_INVALID);
}

/*
 * Answer something that is open; false if nothing is.  well: as one would
 * wish.
 */
bool
world_answer(World *world, bool well)
{
	static const char *const outcomes[] = {"approved", "rejected", "expired",
										   "cancelled"};
	Asked *asked = NULL;
	char body[400];
	int i;

	for (i = 0; i < world->asked_count; i++)
	{
		if (world->asked[i].open)
			asked = &world->asked[i];
	}
	if (asked == NULL)
		return false;
	if (asked->approval)
		snprintf(
			body, sizeof(body),
			"{\"token\":%lld,\"approval_id\":\"id-%lld\",\"outcome\":\"%s\","
			"\"approver_id\":\"bob\",\"response_data\":{\"n\":1.5},\"feedback\":null}",
			(long long) asked->token, (long long) asked->token,
			well ? "approved" : outcomes[pick(world, 3) ? 0 : pick(world, 4)]);
	else if (well || pick(world, 3))
		snprintf(
			body, sizeof(body),
			pick(world, 3)
				? "{\"token\":%lld,\"result\":{\"answer\":%lld}}"
				: "{\"token\":%lld,\"status\":200,\"body\":\"{\\\"choices\\\":[{\\\"message\\\":"
				  "{\\\"content\\\":\\\"%lld\\\"}}]}\"}",
			(long long) asked->token, (long long) asked->token);
	else if (pick(world, 2))
		snprintf(
			body, sizeof(body),
			"{\"token\":%lld,\"error\":{\"kind\":\"%s\",\"message\":\"m\"}}",
			(long long) asked->token,
			pick(world, 2) ? "timeout" : "rate_limit");
	else
		snprintf(body, sizeof(body),
				 "{\"token\":%lld,\"status\":500,\"body\":null}",
				 (long long) asked->token);
	asked->answer = strdup(body);
	world_send(world, asked->approval ? "approval" : "reply", body);
	return true;
}

/*
 * Deliver an answer once more.
 */
void
world_redeliver(World *world)
{
	const Asked *asked;

	if (world->asked_count == 0)
		return;
	asked = &world->asked[pick(world, world->asked_count)];
	if (asked->answer == NULL)
		return;
	CHECK(!asked->open);
	world_send(world, asked->approval ? "approval" : "reply", asked->answer);
}

/*
 * Roll the workflow back to a snapshot.
 */
void
world_rewind(World *world, int number)
{
	const Snapshot *snapshot;
	HitlEffects effects = {0};
	HitlControl *control;
	HitlResult result;

	if (number < 0 || number >= world->snapshots)
		return;
	snapshot = &world->snapshot[number];
	if (snapshot->control == NULL)
		return;
	result = hitl_rewind(world->definition, world->control, snapshot->control, NULL,
						 &control, &effects);
	note(world, "(rewind)", snapshot->control, &effects);
	if (result == HITL_INVALID)
	{
		/* Where it had failed there is nothing to return to. */
		CHECK(contains(snapshot->control, "\"status\":\"failed\"") ||
			  contains(snapshot->control, "\"status\":\"rejected\"") ||
			  contains(snapshot->control, "\"status\":\"cancelled\""));
		CHECK(control == NULL && effects.count == 0 && effects.error != NULL);
		hitl_free_effects(&effects);
		return;
	}
	CHECK_INT(result, HITL_OK);
	hitl_free_control(world->control);
	world->control = control;
	strcpy(world->status, "rolled_back");
	world->more = false;
	apply(world, &effects, NULL);
	hitl_free_effects(&effects);

	json_decref(world->memory.data);
	world->memory.data = json_deep_copy(snapshot->data);
	json_array_append_new(world->history,
						  json_pack("{s:O}", "restore", snapshot->data));
	totals.rollbacks++;
	check_control(world);
}

/*
 * Is the data what its history makes of it?
 */
void
world_check_replay(World *world)
{
	json_t *data = NULL;
	json_t *entry;
	size_t i;

	json_array_foreach(world->history, i, entry)
	{
		const char *delta = json_string_value(json_object_get(entry, "delta"));

		if (delta != NULL)
			merge_delta(data, delta);
		else
		{
			json_decref(data);
			data = json_deep_copy(json_object_get(entry, "restore"));
		}
	}
	CHECK(json_equal(data, world->memory.data));
	json_decref(data);
}

/*
 * Advance as an engine does, now and then crashing before the commit.
 */
static HitlResult
advance(World *world, const char *kind, const char *body)
{
	HitlMessage message = {kind, body, ++world->now_us};
	HitlEffects effects = {0};
	Asked answered = {0};
	HitlControl *control;
	HitlResult result;
	bool ended = world_has_ended(world);
	char *before = dump(world->control);
	char *after;
	int i;

	totals.messages++;
	control = parse(world, before);
	result = hitl_advance(world->definition, control, &message,
						  &world->memory.host, &effects);
	after = dump(control);
	note(world, kind, body, &effects);
	if (result != HITL_OK)
	{
		CHECK_INT(effects.count, 0);
		CHECK_TEXT(after, before);
	}
	if (pick(world, 4) == 0)
	{
		HitlEffects again = {0};
		HitlControl *other = parse(world, before);
		char *other_after;
		char *first = write_effects(&effects);
		char *second;

		CHECK_INT(hitl_advance(world->definition, other, &message,
							   &world->memory.host, &again),
				  result);
		other_after = dump(other);
		second = write_effects(&again);
		CHECK_TEXT(second, first);
		CHECK_TEXT(other_after, after);
		free(first);
		free(second);
		free(other_after);
		hitl_free_control(other);
		hitl_free_effects(&again);
	}
	json_array_clear(world->memory.answers);

	/* Commit. */
	hitl_free_control(world->control);
	world->control = control;
	if (ended)
	{
		CHECK_INT(effects.count, 0);
		CHECK_TEXT(after, before);
	}
	if (result == HITL_OK)
	{
		json_t *message_body = body == NULL ? NULL : json_loads(body, 0, NULL);
		Asked *asked = find_token(world,
								  json_integer_value(
									  json_object_get(message_body, "token")));

		json_decref(message_body);
		if (asked != NULL && asked->open &&
			asked->approval == (strcmp(kind, "approval") == 0) &&
			strcmp(world->status, "rolled_back") != 0)
		{
			asked->open = false;
			answered = *asked;
		}
		world->more = effects.more;
		apply(world, &effects, answered.token == 0 ? NULL : &answered);
		check_control(world);
		if (effects.count > 0)
			take_snapshot(world, NULL, after);
		for (i = 0; i < effects.count; i++)
		{
			const HitlEffect *effect = &effects.items[i];

			if (effect->kind == HITL_EFFECT_ROLLBACK)
			{
				int checkpoint = find_checkpoint(world, effect->type);

				CHECK_INT(i, effects.count - 1);
				CHECK(!effects.more);
				strcpy(world->status, "rolled_back");
				if (checkpoint >= 0)
					world_rewind(world, checkpoint);
				else
					advance(world, "cancel",
							"{\"reason\":\"no such checkpoint\"}");
			}
		}
	}
	hitl_free_effects(&effects);
	free(before);
	free(after);
	return result;
}

/*
 * Carry effects out.
 */
static void
apply(World *world, const HitlEffects *effects, const Asked *answered)
{
	Asked *asked;
	int i;

	for (i = 0; i < effects->count; i++)
	{
		const HitlEffect *effect = &effects->items[i];

		switch (effect->kind)
		{
			case HITL_EFFECT_EVENT:
				apply_event(world, effect, answered);
				break;
			case HITL_EFFECT_STATUS:
				CHECK(strcmp(world->status, effect->type) != 0);
				CHECK(!world_has_ended(world));
				snprintf(world->status, sizeof(world->status), "%s",
						 effect->type);
				CHECK((effect->body != NULL) ==
					  (strcmp(effect->type, "failed") == 0 ||
					   strcmp(effect->type, "rejected") == 0));
				break;
			case HITL_EFFECT_CHECKPOINT:
				take_snapshot(world, effect->type, effect->control);
				break;
			case HITL_EFFECT_REQUEST_APPROVAL:
			case HITL_EFFECT_RUN_TASK:
				check_asked(world, effect);
				add_asked(world, effect);
				break;
			case HITL_EFFECT_WITHDRAW:
				asked = find_token(world, effect->token);
				CHECK(asked != NULL && asked->open);
				asked->open = false;
				break;
			case HITL_EFFECT_ROLLBACK:
				break;
		}
	}
}

/*
 * An event: merge its delta, and see that it comes from the answer.
 */
static void
apply_event(World *world, const HitlEffect *effect, const Asked *answered)
{
	char path[60];
	char expected[60];

	if (effect->delta == NULL)
		return;
	CHECK(effect->step != NULL);
	memory_merge(&world->memory, effect->delta);
	json_array_append_new(world->history,
						  json_pack("{s:s}", "delta", effect->delta));
	if (strcmp(effect->type, "step_completed") != 0)
		return;
	CHECK(answered != NULL);
	CHECK_TEXT(answered->path, effect->position);
	CHECK_INT(answered->attempt, effect->attempt);
	snprintf(path, sizeof(path), "/steps/%s/answer", effect->step);
	snprintf(expected, sizeof(expected), "%lld", (long long) answered->token);
	if (!answered->approval)
	{
		const char *answer = member_of(effect->delta, path);

		CHECK(answer != NULL && contains(answer, expected));
	}
	else
	{
		const char *approved = contains(answered->answer,
										"\"outcome\":\"approved\"")
			? "\"approved\""
			: NULL;
		const char *decision;

		snprintf(path, sizeof(path), "/steps/%s/decision", effect->step);
		decision = member_of(effect->delta, path);
		if (decision == NULL)
		{
			snprintf(path, sizeof(path), "/steps/%s/approval/outcome",
					 effect->step);
			decision = member_of(effect->delta, path);
		}
		CHECK(decision != NULL);
		CHECK((strcmp(decision, "\"approved\"") == 0) == (approved != NULL));
	}
}

/*
 * Remember what was asked for.
 */
static void
add_asked(World *world, const HitlEffect *effect)
{
	Asked *asked;

	if (world->asked_count == world->asked_capacity)
	{
		world->asked_capacity = world->asked_capacity * 2 + 16;
		world->asked = realloc(world->asked,
							   world->asked_capacity * sizeof(Asked));
	}
	asked = &world->asked[world->asked_count++];
	memset(asked, 0, sizeof(*asked));
	asked->token = effect->token;
	asked->approval = effect->kind == HITL_EFFECT_REQUEST_APPROVAL;
	asked->open = true;
	snprintf(asked->path, sizeof(asked->path), "%s", effect->position);
	asked->attempt = effect->attempt;
	asked->body = strdup(effect->body);
	world->token = effect->token;
}

/*
 * May this be asked for now?
 */
static void
check_asked(World *world, const HitlEffect *effect)
{
	bool approval = effect->kind == HITL_EFFECT_REQUEST_APPROVAL;
	const HitlStep *step = hitl_find_step(&world->definition->by_path,
										  effect->position);
	char *task;
	bool approved = false;
	int i;

	CHECK(effect->token > world->token);
	CHECK(effect->attempt >= 1);
	for (i = 0; i < world->asked_count; i++)
	{
		const Asked *other = &world->asked[i];

		if (strcmp(other->path, effect->position) == 0 &&
			other->approval == approval)
			CHECK(other->attempt < effect->attempt);
	}
	if (approval || step->as.task.gate != HITL_GATE_BEFORE)
		return;

	/* The very task must have been shown and approved. */
	task = strdup(member_of(effect->body, "/task"));
	for (i = 0; i < world->asked_count; i++)
	{
		const Asked *other = &world->asked[i];

		if (strcmp(other->path, effect->position) == 0 && other->approval &&
			other->answer != NULL &&
			contains(other->answer, "\"outcome\":\"approved\"") &&
			strcmp(member_of(other->body, "/context_data/task"), task) == 0)
			approved = true;
	}
	CHECK(approved);
	free(task);
}

/*
 * Does the control state agree with the tables?
 */
static void
check_control(World *world)
{
	char *text = dump(world->control);
	json_t *control = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	json_t *active = json_object_get(control, "active");
	json_t *position;
	long long completed = json_integer_value(
		json_object_get(control, "completed"));
	const char *status = json_string_value(json_object_get(control, "status"));
	bool ready = false;
	int waiting = 0;
	int open = 0;
	size_t i;
	int n;

	CHECK(control != NULL);
	CHECK(completed >= 0 && completed <= world->definition->total);
	json_array_foreach(active, i, position)
	{
		const char *state = json_string_value(
			json_object_get(position, "state"));
		Asked *asked;

		if (strcmp(state, "ready") == 0)
		{
			ready = true;
			CHECK(json_object_get(position, "token") == NULL);
			continue;
		}
		asked = find_token(world,
						   json_integer_value(
							   json_object_get(position, "token")));
		CHECK(asked != NULL && asked->open);
		CHECK(asked->approval == (strcmp(state, "waiting_approval") == 0));
		CHECK_TEXT(asked->path,
				   json_string_value(json_object_get(position, "position")));
		waiting++;
	}
	for (n = 0; n < world->asked_count; n++)
		open += world->asked[n].open;
	CHECK_INT(open, waiting);
	if (strcmp(status, "pending") != 0 && strcmp(status, "rolled_back") != 0)
	{
		CHECK_TEXT(world->status, status);
		CHECK_INT(world->more, ready);
	}
	if (strcmp(status, "completed") == 0)
		CHECK_INT(completed, world->definition->total);
	if (world_has_ended(world))
		CHECK_INT(json_array_size(active), 0);
	json_decref(control);
	free(text);
}

/*
 * Keep a place to return to; the last of them stands for those beyond.
 */
static void
take_snapshot(World *world, const char *name, const char *control)
{
	Snapshot *snapshot;

	if (world->snapshots == MAX_SNAPSHOTS)
	{
		snapshot = &world->snapshot[MAX_SNAPSHOTS - 1];
		free(snapshot->name);
		free(snapshot->control);
		json_decref(snapshot->data);
	}
	else
		snapshot = &world->snapshot[world->snapshots++];
	snapshot->name = name == NULL ? NULL : strdup(name);
	snapshot->control = control == NULL ? dump(world->control)
										: strdup(control);
	snapshot->data = json_deep_copy(world->memory.data);
}

/*
 * The newest checkpoint of a name; -1 for none.
 */
static int
find_checkpoint(const World *world, const char *name)
{
	int i;

	for (i = world->snapshots - 1; i >= 0; i--)
	{
		if (world->snapshot[i].name != NULL &&
			strcmp(world->snapshot[i].name, name) == 0)
			break;
	}
	return i;
}

/*
 * What was asked for under a token, or NULL.
 */
static Asked *
find_token(World *world, int64_t token)
{
	int i;

	for (i = 0; i < world->asked_count; i++)
	{
		if (world->asked[i].token == token)
			return &world->asked[i];
	}
	return NULL;
}

/*
 * Effects with all their members as text.
 */
static char *
write_effects(const HitlEffects *effects)
{
	json_t *list = json_array();
	char *text;
	int i;

	for (i = 0; i < effects->count; i++)
	{
		const HitlEffect *effect = &effects->items[i];

		json_array_append_new(list,
							  json_pack("[i,s?,s?,s?,i,I,s?,s?,s?]",
										effect->kind, effect->type,
										effect->step, effect->position,
										effect->attempt,
										(json_int_t) effect->token,
										effect->body, effect->delta,
										effect->control));
	}
	json_array_append_new(list, json_boolean(effects->more));
	text = json_dumps(list, 0);
	CHECK(text != NULL);
	json_decref(list);
	return text;
}

/*
 * Control state as text.
 */
static char *
dump(const HitlControl *control)
{
	char *text;

	CHECK_INT(hitl_dump_control(control, &text), HITL_OK);
	return text;
}

/*
 * Control state from text; it must come out the same again.
 */
static HitlControl *
parse(World *world, const char *text)
{
	HitlControl *control;
	char *error = NULL;
	char *again;

	if (hitl_parse_control(world->definition, text, &control, &error) !=
		HITL_OK)
		report_failure(__FILE__, __LINE__, "%s: %s",
					   error == NULL ? "no memory" : error, text);
	if (text != NULL)
	{
		again = dump(control);
		CHECK_TEXT(again, text);
		free(again);
	}
	return control;
}

/*
 * Write into the trail, dropping its older half when it is full.
 */
static void
note(World *world, const char *kind, const char *body,
	 const HitlEffects *effects)
{
	char line[700];
	char summary[300];
	size_t length;

	summarize(effects, summary, sizeof(summary));
	snprintf(line, sizeof(line), "  %s %.300s -> %s\n", kind,
			 body == NULL ? "" : body, summary);
	length = strlen(world->trail);
	if (length + strlen(line) >= sizeof(world->trail))
	{
		memmove(world->trail, world->trail + length / 2,
				length - length / 2 + 1);
		length = strlen(world->trail);
	}
	snprintf(world->trail + length, sizeof(world->trail) - length, "%s", line);
}
