/*
 * effects.c
 *		Carrying out what the core asks for, and what must hold for each:
 *
 *	- tokens only rise; none is given out twice;
 *	- per attempt, a step of a scope is asked for and run at most once;
 *	- a task that must be approved before it acts runs only after an approval;
 *	- what is withdrawn is there, and no branch is forgotten with something
 *	  open;
 *	- a step completes by the answer to what it asked for, and its result is
 *	  that answer;
 *	- the status told is another one than before.
 */
#include "world.h"

static void apply_event(World *world, const HitlEffect *effect);
static void check_result(World *world, const HitlEffect *effect);
static void check_undone(World *world, int64_t number);
static void check_retry(World *world, const HitlEffect *effect,
						const HitlStep *step);
static void apply_status(World *world, const HitlEffect *effect);
static void ask(World *world, const HitlEffect *effect, AskedKind kind);
static void set_timer(World *world, const HitlEffect *effect);
static Asked *add_asked(World *world, const HitlEffect *effect, AskedKind kind);
static void check_first_time(World *world, const HitlEffect *effect);
static void fork_branches(World *world, const HitlEffect *effect);
static void join_branches(World *world, const HitlEffect *effect);
static void remove_branches(World *world, const HitlEffect *effect);
static void begin_snapshot(World *world, const HitlEffect *effect);
static void end_snapshot(World *world, Snapshot *snapshot);
static uint64_t hash_text(uint64_t hash, const char *text);
static uint64_t hash_number(uint64_t hash, int64_t number);

/*
 * Carry effects out.
 */
void
apply_effects(World *world, const HitlEffects *effects)
{
	int64_t snapshot = world->snapshots.count;
	const HitlEffect *rollback = NULL;
	int i;

	for (i = 0; i < effects->count; i++)
	{
		const HitlEffect *effect = &effects->items[i];

		CHECK(rollback == NULL);
		switch (effect->kind)
		{
			case HITL_EFFECT_EVENT:
				apply_event(world, effect);
				break;
			case HITL_EFFECT_STATUS:
				apply_status(world, effect);
				break;
			case HITL_EFFECT_CHECKPOINT:
				begin_snapshot(world, effect);
				break;
			case HITL_EFFECT_REQUEST_APPROVAL:
				ask(world, effect, ASKED_APPROVAL);
				break;
			case HITL_EFFECT_RUN_TASK:
				ask(world, effect, ASKED_TASK);
				break;
			case HITL_EFFECT_RUN_SQL:
				ask(world, effect, ASKED_SQL);
				break;
			case HITL_EFFECT_RUN_HTTP:
				ask(world, effect, ASKED_HTTP);
				break;
			case HITL_EFFECT_RUN_EXTERNAL:
				ask(world, effect, ASKED_EXTERNAL);
				break;
			case HITL_EFFECT_AWAIT_SIGNAL:
				ask(world, effect, ASKED_SIGNAL);
				break;
			case HITL_EFFECT_START_CHILD:
				ask(world, effect, ASKED_CHILD);
				break;
			case HITL_EFFECT_SET_TIMER:
				set_timer(world, effect);
				break;
			case HITL_EFFECT_FORK:
				fork_branches(world, effect);
				break;
			case HITL_EFFECT_JOIN:
				world_commit(world);
				join_branches(world, effect);
				break;
			case HITL_EFFECT_REMOVE_BRANCHES:
				remove_branches(world, effect);
				break;
			case HITL_EFFECT_WITHDRAW:
				withdraw(world, effect->token);
				break;
			case HITL_EFFECT_ROLLBACK:
				rollback = effect;

				/* Nobody but the host answers it, and that at once. */
				if (effect->token != 0)
					add_asked(world, effect, ASKED_EXTERNAL)->is_sent = true;
				break;
		}
	}
	if (snapshot < world->snapshots.count)
		world_commit(world);
	for (; snapshot < world->snapshots.count; snapshot++)
		end_snapshot(world, &world->snapshots.items[snapshot]);
	if (rollback != NULL)
	{
		CHECK(!effects->more || rollback->token != 0);
		world_roll_back(world, keep(world, rollback->type),
						keep(world, rollback->body), rollback->token);
	}
}

/*
 * Withdraw what has a token; 0: all that is open.
 */
void
withdraw(World *world, int64_t token)
{
	Asked *asked;
	int64_t i;

	if (token == 0)
	{
		for (i = 0; i < world->asked.count; i++)
		{
			if (world->asked.items[i].open)
				withdraw(world, world->asked.items[i].token);
		}
		return;
	}
	asked = find_asked(world, token);

	/*
	 * A fork without a time limit has a token that nothing else has, and what
	 * a failed workflow had awaited may be withdrawn once more.
	 */
	if (asked == NULL)
		return;
	asked->due_us = 0;
	asked->open = false;
}

/*
 * Deliver signals that had come before somebody awaited them.
 */
void
hand_out(World *world)
{
	int64_t i;
	int64_t j;

	/* It belongs to the message before it, which would come again. */
	world->calls_left = -1;
	for (i = 0; i < world->asked.count; i++)
	{
		const Asked *asked = &world->asked.items[i];

		if (!asked->open || asked->is_sent || asked->kind != ASKED_SIGNAL)
			continue;
		for (j = 0; j < world->signals.count; j++)
		{
			Letter signal = world->signals.items[j];

			if (strcmp(signal.kind, asked->name) != 0 ||
				!payload_matches(world, asked->body, signal.body))
				continue;
			memmove(&world->signals.items[j], &world->signals.items[j + 1],
					(world->signals.count - j - 1) * sizeof(Letter));
			world->signals.count--;
			world_send(
				world, "signal",
				keepf(world,
					  "{\"token\":%lld,\"payload\":%s,\"sent_by\":\"me\"}",
					  (long long) asked->token, signal.body));
			return; /* it has looked again */
		}
	}
	for (i = 0; i < world->asked.count; i++)
	{
		Asked *asked = &world->asked.items[i];

		/* What is joined is joined at once. */
		if (asked->open && asked->kind == ASKED_JOIN && !asked->is_sent)
		{
			asked->is_sent = true;
			world_send(world, "reply", asked->body);
			return;
		}
	}
}

/*
 * A number for a list of effects with all their members.
 */
uint64_t
hash_effects(const HitlEffects *effects)
{
	uint64_t hash = UINT64_C(14695981039346656037) + effects->more;
	int i;

	for (i = 0; i < effects->count; i++)
	{
		const HitlEffect *effect = &effects->items[i];

		hash = hash_number(hash, effect->kind);
		hash = hash_text(hash, effect->type);
		hash = hash_text(hash, effect->step);
		hash = hash_text(hash, effect->position);
		hash = hash_number(hash, effect->attempt);
		hash = hash_number(hash, effect->scope);
		hash = hash_number(hash, effect->token);
		hash = hash_number(hash, effect->due_us);
		hash = hash_number(hash, effect->first);
		hash = hash_number(hash, effect->count);
		hash = hash_number(hash, effect->keep);
		hash = hash_text(hash, effect->body);
		hash = hash_text(hash, effect->delta);
		hash = hash_text(hash, effect->control);
	}
	return hash | 1;
}

/*
 * Show a list of effects.
 */
void
trace_effects(const HitlEffects *effects)
{
	static const char *const names[] =
		{[HITL_EFFECT_EVENT] = "event",
		 [HITL_EFFECT_STATUS] = "status",
		 [HITL_EFFECT_CHECKPOINT] = "checkpoint",
		 [HITL_EFFECT_REQUEST_APPROVAL] = "ask",
		 [HITL_EFFECT_RUN_TASK] = "task",
		 [HITL_EFFECT_RUN_SQL] = "sql",
		 [HITL_EFFECT_RUN_HTTP] = "http",
		 [HITL_EFFECT_RUN_EXTERNAL] = "external",
		 [HITL_EFFECT_SET_TIMER] = "timer",
		 [HITL_EFFECT_AWAIT_SIGNAL] = "signal",
		 [HITL_EFFECT_START_CHILD] = "child",
		 [HITL_EFFECT_FORK] = "fork",
		 [HITL_EFFECT_JOIN] = "join",
		 [HITL_EFFECT_REMOVE_BRANCHES] = "remove",
		 [HITL_EFFECT_WITHDRAW] = "withdraw",
		 [HITL_EFFECT_ROLLBACK] = "rollback"};
	int i;

	for (i = 0; i < effects->count; i++)
	{
		const HitlEffect *effect = &effects->items[i];

		printf("  %s", names[effect->kind]);
		if (effect->type != NULL)
			printf(" %s", effect->type);
		if (effect->step != NULL)
			printf(" %s#%d", effect->step, effect->attempt);
		if (effect->scope != 0)
			printf(" scope=%lld", (long long) effect->scope);
		if (effect->token != 0)
			printf(" token=%lld/%lld",
				   (long long) HITL_TOKEN_BRANCH(effect->token),
				   (long long) effect->token &
					   ((INT64_C(1) << HITL_TOKEN_BITS) - 1));
		if (effect->count != 0)
			printf(" %lld+%lld%s", (long long) effect->first,
				   (long long) effect->count, effect->keep ? " keep" : "");
		if (effect->due_us != 0)
			printf(" due=%lld", (long long) effect->due_us);
		if (effect->body != NULL)
			printf(" %.200s", effect->body);
		if (effect->delta != NULL)
			printf(" delta=%.200s", effect->delta);
		printf("\n");
	}
	if (effects->more)
		printf("  more\n");
}

/*
 * An event: merge its delta, and see that it comes from the answer.
 */
static void
apply_event(World *world, const HitlEffect *effect)
{
	const HitlStep *step = NULL;
	const HitlJson *body;
	Event *event = list_add(&world->arena, &world->events, sizeof(Event));

	memset(event, 0, sizeof(*event));
	event->type = keep(world, effect->type);
	event->scope = effect->scope;
	event->attempt = effect->attempt;
	event->snapshot = -1;
	event->delta = keep(world, effect->delta);
	if (effect->step != NULL)
	{
		event->step = effect->step;
		event->position = effect->position;
		step = hitl_find_step(&world->definition->by_path, effect->position);
		CHECK(step != NULL);
		event->has_undo = step->undo != NULL;
	}
	if (effect->delta != NULL)
	{
		CHECK(effect->step != NULL);
		merge_delta(world, branch_at(world, effect->scope), effect->delta);
	}
	if (strncmp(effect->type, "agent_", 6) == 0)
		add_remark(world, effect);
	else if (strcmp(effect->type, "step_completed") == 0)
		check_result(world, effect);
	else if (strcmp(effect->type, "step_retried") == 0)
	{
		check_retry(world, effect, step);
		totals.retried++;
	}
	else if (strcmp(effect->type, "step_undone") == 0)
	{
		CHECK(hitl_json_parse(&world->arena, effect->body, strlen(effect->body),
							  0, &body, NULL) == HITL_OK);
		CHECK(
			hitl_json_integer(hitl_json_member(body, "event"), &event->undone));
		check_undone(world, event->undone);
		totals.undone++;
	}
}

/*
 * A step has completed: by whose answer, and is that its result?
 */
static void
check_result(World *world, const HitlEffect *effect)
{
	const HitlStep *step = hitl_find_step(&world->definition->by_path,
										  effect->position);
	const Asked *asked = world->answered;
	char marker[40];
	const char *found;

	if (step->output != NULL && effect->delta != NULL)
		CHECK(strstr(effect->delta, "\"variables\":{\"x\":") != NULL);
	/* These may complete by themselves, or by what somebody else did. */
	if (step->kind == &hitl_checkpoint_kind || step->kind == &hitl_wait_kind ||
		step->kind == &hitl_switch_kind ||
		(world->skipped != NULL && strcmp(world->skipped, effect->step) == 0))
		return;
	if (step->kind == &hitl_foreach_kind && asked == NULL)
	{
		CHECK(strstr(effect->delta, ":[]") != NULL);
		return;
	}

	/* The answer of an agent has been kept while there was a pause. */
	if (asked == NULL && is_of_agent(world, effect->position))
		return;
	if (asked == NULL)
		FAIL("%s completes without an answer", effect->position);
	if (strcmp(asked->position, effect->position) != 0 ||
		asked->scope != effect->scope || asked->attempt != effect->attempt)
		FAIL("%s completes by the answer to %s", effect->position,
			 asked->position);
	if (asked->kind == ASKED_SIGNAL)
		return;

	/* The answer has been said before it was checked, or calls were made. */
	if (asked->kind != ASKED_TASK && is_of_agent(world, effect->position))
		return;
	if (asked->kind == ASKED_JOIN)
	{
		if (strstr(effect->delta, asked->name) == NULL)
			FAIL("what was joined is not the result: %s", effect->delta);
		return;
	}
	snprintf(marker, sizeof(marker), "\"m\":%lld}", (long long) asked->token);
	found = strstr(effect->delta, marker);
	if (found == NULL)
		FAIL("the answer to %lld is not the result: %s",
			 (long long) asked->token, effect->delta);
}

/*
 * Is a step tried no more often than it says?
 */
static void
check_retry(World *world, const HitlEffect *effect, const HitlStep *step)
{
	int tries = 1;
	int64_t i;

	for (i = world->events.count - 2; i >= 0; i--)
	{
		const Event *event = &world->events.items[i];

		/* it is entered anew after all of these */
		if (event->position == NULL)
		{
			if (strcmp(event->type, "workflow_paused") == 0)
				continue;
			break;
		}
		if (event->scope == effect->scope &&
			strcmp(event->position, effect->position) == 0)
		{
			if (strcmp(event->type, "step_retried") != 0)
				break;
			tries++;
		}
		else if (strncmp(event->position, effect->position,
						 strlen(event->position)) == 0)
			break; /* a step around it */
	}
	if (tries >= step->retry.max_attempts)
		FAIL("%s is tried again after %d attempts", effect->position, tries);
}

/*
 * A step run has been taken back: a newer one, and one that was done.
 */
static void
check_undone(World *world, int64_t number)
{
	const Event *event = &world->events.items[number - 1];
	int64_t i;

	CHECK(number >= 1 && number < world->events.count);
	CHECK(strcmp(event->type, "step_completed") == 0 && event->has_undo);

	/* newest first, since this going back began */
	for (i = world->events.count - 2; i >= number &&
		 strcmp(world->events.items[i].type, "undo_started") != 0;
		 i--)
	{
		if (strcmp(world->events.items[i].type, "step_undone") == 0)
			CHECK(world->events.items[i].undone > number);
	}
	for (i = number; i < world->events.count - 1; i++)
		CHECK(world->events.items[i].undone != number);
}

/*
 * The status.
 */
static void
apply_status(World *world, const HitlEffect *effect)
{
	CHECK(strcmp(world->status, effect->type) != 0);
	CHECK(!world_has_ended(world) || world->may_return);
	world->status = keep(world, effect->type);
	if (strcmp(effect->type, "failed") == 0 ||
		strcmp(effect->type, "rejected") == 0)
		CHECK(effect->body != NULL);
}

/*
 * Something is asked for.
 */
static void
ask(World *world, const HitlEffect *effect, AskedKind kind)
{
	const HitlStep *step = hitl_find_step(&world->definition->by_path,
										  effect->position);
	Asked *asked;
	bool approved = false;
	int64_t i;

	check_first_time(world, effect);
	CHECK(strcmp(world->status, "paused") != 0);
	if (is_of_agent(world, effect->position))
		check_agent(world, effect);
	if ((kind == ASKED_TASK || kind == ASKED_EXTERNAL) &&
		step->as.task.gate == HITL_GATE_BEFORE)
	{
		for (i = 0; i < world->asked.count && !approved; i++)
		{
			const Asked *other = &world->asked.items[i];

			approved = other->token != 0 && other->is_approved &&
				other->scope == effect->scope &&
				strcmp(other->position, effect->position) == 0;
		}
		CHECK(approved);
	}
	asked = add_asked(world, effect, kind);
	asked->name = keep(world, effect->type);
}

/*
 * A timer: of its own, or the limit of something open.
 */
static void
set_timer(World *world, const HitlEffect *effect)
{
	Asked *asked = find_asked(world, effect->token);

	if (asked == NULL)
		asked = add_asked(world, effect, ASKED_TIMER);
	else
		CHECK(asked->open && asked->due_us == 0);
	CHECK(effect->due_us >= world->now_us - 1);
	asked->due_us = effect->due_us;
}

/*
 * Remember what was asked for, under a new token.
 */
static Asked *
add_asked(World *world, const HitlEffect *effect, AskedKind kind)
{
	int64_t counter = effect->token & ((INT64_C(1) << HITL_TOKEN_BITS) - 1);
	Asked *asked;

	if (counter <= world->token || counter > world->token + 1000)
		FAIL("the counter %lld does not come after %lld", (long long) counter,
			 (long long) world->token);
	while (world->asked.count <= counter)
	{
		asked = list_add(&world->arena, &world->asked, sizeof(Asked));
		memset(asked, 0, sizeof(*asked));
	}
	world->token = counter;
	asked = &world->asked.items[counter];
	asked->token = effect->token;
	asked->kind = kind;
	asked->open = true;
	asked->scope = effect->scope;
	asked->step = effect->step;
	asked->position = effect->position == NULL ? "" : effect->position;
	asked->attempt = effect->attempt;
	asked->body = keep(world, effect->body);
	return asked;
}

/*
 * For one attempt, the same is not asked for twice.
 */
static void
check_first_time(World *world, const HitlEffect *effect)
{
	uint64_t hash = hash_text(UINT64_C(14695981039346656037), effect->position);
	size_t i;

	hash = hash_number(hash, effect->kind);
	hash = hash_number(hash, effect->attempt);
	hash = hash_number(hash, effect->scope);
	if (is_of_agent(world, effect->position))
		hash = hash_text(hash, effect->body);
	hash |= 1;
	CHECK(effect->attempt >= 1);
	if (world->seen_count * 2 > world->seen_mask)
	{
		uint64_t *old = world->seen;
		size_t old_mask = world->seen_mask;

		world->seen_mask = old_mask * 2 + 1;
		world->seen = hitl_alloc_zero(&world->arena,
									  (world->seen_mask + 1) *
										  sizeof(uint64_t));
		for (i = 0; i <= old_mask; i++)
		{
			size_t slot = old[i] >> 20 & world->seen_mask;

			while (old[i] != 0 && world->seen[slot] != 0)
				slot = (slot + 1) & world->seen_mask;
			if (old[i] != 0)
				world->seen[slot] = old[i];
		}
	}
	for (i = hash >> 20 & world->seen_mask; world->seen[i] != 0;
		 i = (i + 1) & world->seen_mask)
	{
		if (world->seen[i] == hash)
			FAIL("attempt %d of %s in scope %lld asks twice", effect->attempt,
				 effect->position, (long long) effect->scope);
	}
	world->seen[i] = hash;
	world->seen_count++;
}

/*
 * Prepare branches.
 */
static void
fork_branches(World *world, const HitlEffect *effect)
{
	const HitlJson *elements = NULL;
	const HitlJson *element;
	int64_t id;

	CHECK(effect->first > 0 && effect->count > 0);
	if (effect->body != NULL)
	{
		CHECK(hitl_json_parse(&world->arena, effect->body, strlen(effect->body),
							  HITL_JSON_COMPOSED, &elements, NULL) == HITL_OK);
		CHECK(elements->type == HITL_JSON_ARRAY &&
			  elements->count == effect->count);
	}
	element = elements == NULL ? NULL : elements->first;
	for (id = effect->first; id < effect->first + effect->count; id++)
	{
		Branch *branch = branch_at(world, id);

		CHECK(branch->status == BRANCH_NONE && !branch->is_scope);
		branch->status = BRANCH_PREPARED;
		totals.branches++;
		branch->is_scope = true;
		branch->outer = effect->scope;
		branch->scope = id;
		if (element == NULL)
			continue;
		if (effect->type != NULL)
		{
			HitlBuffer text;

			hitl_buffer_init(&text, &world->arena);
			hitl_json_write(&text, element);
			set_member(world, id, false, effect->type, hitl_buffer_text(&text));
		}
		else
		{
			/* What an undo sees first is what the step had changed. */
			int64_t number = 0;
			const Event *event;

			CHECK(
				hitl_json_integer(hitl_json_member(element, "event"), &number));
			CHECK(number >= 1 && number <= world->events.count);
			event = &world->events.items[number - 1];
			if (branch_at(world, event->scope)->is_scope)
				branch_at(world, id)->outer = event->scope;
			if (event->delta != NULL)
				merge_delta(world, branch_at(world, id), event->delta);
		}
		element = element->next;
	}
}

/*
 * Reply with the results of branches.
 */
static void
join_branches(World *world, const HitlEffect *effect)
{
	const HitlFork *fork =
		&hitl_find_step(&world->definition->by_path, effect->position)->as.fork;
	int64_t completed = 0;
	HitlBuffer body;
	HitlBuffer expected;
	Asked *asked;
	int64_t id;

	check_first_time(world, effect);
	asked = add_asked(world, effect, ASKED_JOIN);
	hitl_buffer_init(&body, &world->arena);
	hitl_buffer_init(&expected, &world->arena);
	hitl_append_format(&body, "{\"token\":%lld,\"result\":[",
					   (long long) effect->token);
	for (id = effect->first; id < effect->first + effect->count; id++)
	{
		const Branch *branch = branch_at(world, id);
		const char *result = NULL;

		hitl_append_char(&expected, id > effect->first ? ',' : '[');
		if (id > effect->first)
			hitl_append_char(&body, ',');
		CHECK(branch->status != BRANCH_ACTIVE);
		completed += branch->status == BRANCH_COMPLETED;
		if (branch->status == BRANCH_COMPLETED && branch->result_step != NULL)
			result = find_member(world, branch->scope, true,
								 branch->result_step);
		else if (branch->status >= BRANCH_COMPLETED)
			result = branch->status == BRANCH_COMPLETED ? "\"completed\""
				: branch->status == BRANCH_FAILED		? "\"failed\""
														: "\"cancelled\"";
		hitl_append_text(&body, result == NULL ? "null" : result);

		/* In a parallel, one that was not begun is cancelled, too. */
		hitl_append_text(&expected,
						 result != NULL			   ? result
							 : fork->items == NULL ? "\"cancelled\""
												   : "null");
	}
	hitl_append_char(&expected, ']');
	asked->name = hitl_buffer_text(&expected);
	CHECK(completed >= (fork->wait_for == 0 ? effect->count : fork->wait_for));
	hitl_append_text(&body, "]}");
	asked->body = hitl_buffer_text(&body);
}

/*
 * Forget branches.
 */
static void
remove_branches(World *world, const HitlEffect *effect)
{
	int64_t first = effect->count == 0 ? 1 : effect->first;
	int64_t end = effect->count == 0 ? world->branches.count
									 : effect->first + effect->count;
	int64_t i;

	for (i = 0; i < world->asked.count; i++)
	{
		const Asked *asked = &world->asked.items[i];
		int64_t id = HITL_TOKEN_BRANCH(asked->token);

		if (asked->open && id >= first && id < end)
			FAIL("branch %lld is forgotten with %lld open", (long long) id,
				 (long long) asked->token);
	}
	for (i = first; i < end; i++)
	{
		Branch *branch = branch_at(world, i);

		branch->status = BRANCH_NONE;
		branch->state = NULL;
		if (!effect->keep)
			branch->is_scope = false;
	}
}

/*
 * Keep the data as they are now.
 */
static void
begin_snapshot(World *world, const HitlEffect *effect)
{
	Snapshot *snapshot = list_add(&world->arena, &world->snapshots,
								  sizeof(Snapshot));

	snapshot->name = keep(world, effect->type);
	snapshot->control = keep(world, effect->control);
	snapshot->event = world->events.count;
	snapshot->count = world->branches.count;
	snapshot->branches = hitl_alloc(&world->arena,
									snapshot->count * sizeof(Branch));
	memcpy(snapshot->branches, world->branches.items,
		   snapshot->count * sizeof(Branch));
}

/*
 * Keep the branches as they are after the call.
 */
static void
end_snapshot(World *world, Snapshot *snapshot)
{
	Branch *branches = hitl_alloc(&world->arena,
								  world->branches.count * sizeof(Branch));
	int64_t i;

	memcpy(branches, world->branches.items,
		   world->branches.count * sizeof(Branch));
	for (i = 0; i < snapshot->count; i++)
		branches[i].members = snapshot->branches[i].members;
	snapshot->branches = branches;
	snapshot->count = world->branches.count;
}

/*
 * Hashing (FNV-1a).
 */
static uint64_t
hash_text(uint64_t hash, const char *text)
{
	for (; text != NULL && *text != '\0'; text++)
		hash = (hash ^ (unsigned char) *text) * UINT64_C(1099511628211);
	return (hash ^ (text == NULL ? 7 : 3)) * UINT64_C(1099511628211);
}

static uint64_t
hash_number(uint64_t hash, int64_t number)
{
	return (hash ^ (uint64_t) number) * UINT64_C(1099511628211);
}
