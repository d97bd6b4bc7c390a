/*
 * random_definition.c
 *		Definitions without fault, with every option now and then.
 */
#include "world.h"

static void add_common(World *world, json_t *step, int index, int count);
static void add_action(World *world, json_t *step, const char *key, int count);
static json_t *random_value(World *world, int index);
static const char *random_text(World *world, int index);

/*
 * A definition's text.
 */
char *
random_definition(World *world)
{
	json_t *definition = json_object();
	json_t *steps = json_array();
	int count = 1 + pick(world, 7);
	char *text;
	int i;

	for (i = 0; i < count; i++)
	{
		json_t *step = json_object();
		char name[20];

		snprintf(name, sizeof(name), "s%d", i);
		json_object_set_new(step, "name", json_string(name));
		add_common(world, step, i, count);
		switch (pick(world, 5))
		{
			case 0:
				json_object_set_new(step, "type", json_string("approval"));
				json_object_set_new(step, "title",
									json_string(random_text(world, i)));
				if (pick(world, 2))
					json_object_set_new(step, "context_data",
										json_pack("{s:o}", "x",
												  random_value(world, i)));
				add_action(world, step, "on_reject", count);
				add_action(world, step, "on_timeout", count);
				break;
			case 1:
				json_object_set_new(step, "type", json_string("checkpoint"));
				if (pick(world, 2))
					json_object_set_new(step, "checkpoint_name",
										json_string(pick(world, 2) ? "one"
																   : "two"));
				break;
			default:
				json_object_set_new(step, "type", json_string("task"));
				json_object_set_new(step, "task",
									json_string(random_text(world, i)));
				if (pick(world, 2))
					json_object_set_new(step, "context",
										json_pack("{s:o}", "x",
												  random_value(world, i)));
				if (pick(world, 3) == 0)
					json_object_set_new(step, "create_checkpoint",
										pick(world, 2) ? json_true()
													   : json_string("one"));
				if (pick(world, 2))
					json_object_set_new(step, "requires_approval", json_true());
				if (pick(world, 2))
					json_object_set_new(step, "approval_config",
										json_pack("{s:s}", "when",
												  pick(world, 2) ? "before"
																 : "after"));
				add_action(world, step, "on_reject", count);
				add_action(world, step, "on_timeout", count);
				break;
		}
		json_array_append_new(steps, step);
	}
	json_object_set_new(definition, "steps", steps);
	text = json_dumps(definition, 0);
	json_decref(definition);
	return text;
}

/*
 * Conditions and on_error.
 */
static void
add_common(World *world, json_t *step, int index, int count)
{
	static const char *const conditions[] = {"$.variables.yes",
											 "$.variables.no",
											 "$.variables.none",
											 "$.variables.n > 3",
											 "$.variables.n",
											 "$.variables.n +"};

	(void) index;
	if (pick(world, 3) == 0)
		json_object_set_new(
			step, "when",
			json_string(conditions[pick(world, pick(world, 3) ? 4 : 6)]));
	add_action(world, step, "on_error", count);
}

/*
 * Perhaps one of the actions.
 */
static void
add_action(World *world, json_t *step, const char *key, int count)
{
	char text[40];

	switch (pick(world, 9))
	{
		case 0:
			snprintf(text, sizeof(text), "fail");
			break;
		case 1:
		case 2:
			snprintf(text, sizeof(text), "continue");
			break;
		case 3:
			snprintf(text, sizeof(text), "goto:s%d", pick(world, count));
			break;
		case 4:
			snprintf(text, sizeof(text), "rollback:%s",
					 pick(world, 2) ? "one" : "two");
			break;
		case 5:
			snprintf(text, sizeof(text),
					 strcmp(key, "on_error") == 0 ? "continue" : "reject");
			break;
		default:
			return;
	}
	json_object_set_new(step, key, json_string(text));
}

/*
 * A value, with templates or without.
 */
static json_t *
random_value(World *world, int index)
{
	switch (pick(world, 4))
	{
		case 0:
			return json_integer(pick(world, 100));
		case 1:
			return json_pack("[s,n,b]", random_text(world, index), 1);
		case 2:
			return json_pack("{s:s}", "k", random_text(world, index));
		default:
			return json_string(random_text(world, index));
	}
}

/*
 * A text; the last template matches nothing.
 */
static const char *
random_text(World *world, int index)
{
	static char text[60];

	switch (pick(world, 8))
	{
		case 0:
			return "{{ $.variables.n }}";
		case 1:
			return "pay {{$.variables.n}} as \\{{ name }} {{$.variables.o}}";
		case 2:
			snprintf(text, sizeof(text), "after {{$.steps.s%d}}",
					 pick(world, index + 1));
			return text;
		case 3:
			return pick(world, 3) ? "plain" : "{{$.variables.none}}";
		default:
			return "do it \"well\" \xc3\xa9";
	}
}
