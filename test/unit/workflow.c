/*
 * workflow.c
 *		A workflow under test: a definition, its control state, its data.
 *
 * After every message the control state goes to text and back, and the text
 * must come out the same.
 */
#include "harness.h"

static void carry_out(Workflow *workflow, const HitlEffect *effect);
static void round_trip(Workflow *workflow);

/*
 * Begin a workflow; the definition must be without fault.
 */
void
workflow_open(Workflow *workflow, const char *definition, const char *data)
{
	HitlFaults faults = {0};
	int i;

	memset(workflow, 0, sizeof(*workflow));
	memory_init(&workflow->memory, data);
	workflow->now_us = INT64_C(1700000000000000);
	if (hitl_parse_definition(definition, &workflow->memory.host,
							  &workflow->definition, &faults) != HITL_OK)
	{
		for (i = 0; i < faults.count; i++)
			printf("# %s: %s\n", faults.items[i].pointer,
				   faults.items[i].message);
		printf("Bail out! faulty definition in a test: %s\n", definition);
		exit(2);
	}
	hitl_free_faults(&faults);
	CHECK_INT(hitl_parse_control(workflow->definition, NULL, &workflow->control,
								 NULL),
			  HITL_OK);
}

/*
 * End it.
 */
void
workflow_close(Workflow *workflow)
{
	hitl_free_effects(&workflow->effects);
	hitl_free_control(workflow->control);
	hitl_free_definition(workflow->definition);
	memory_free(&workflow->memory);
	free(workflow->pinned);
	free(workflow->join);
	json_decref(workflow->pinned_data);
	json_decref(workflow->pinned_branches);
}

/*
 * Send a message and do what a host does with the effects.
 */
HitlResult
workflow_send(Workflow *workflow, const char *kind, const char *body)
{
	HitlMessage message = {kind, body, ++workflow->now_us, 0};
	HitlBranchChanges changes;
	HitlResult result;
	char *join = workflow->join; /* perhaps the body */
	char *before = NULL;
	char *after = NULL;
	int i;

	hitl_free_effects(&workflow->effects);
	workflow->join = NULL;
	CHECK_INT(hitl_dump_control(workflow->control, &before), HITL_OK);
	result = hitl_advance(workflow->definition, workflow->control, &message,
						  &workflow->memory.host, &workflow->effects);
	free(join);
	json_array_clear(workflow->memory.answers);
	for (i = 0; i < workflow->effects.count; i++)
		carry_out(workflow, &workflow->effects.items[i]);
	if (result != HITL_OK)
	{
		CHECK_INT(workflow->effects.count, 0);
		CHECK_INT(hitl_dump_control(workflow->control, &after), HITL_OK);
		CHECK_TEXT(after, before);
		CHECK_INT(hitl_dump_branches(workflow->control, &changes), HITL_OK);
		CHECK_INT(changes.count, 0);
		hitl_free_branches(&changes);
	}
	free(before);
	free(after);
	summarize(&workflow->effects, workflow->summary, sizeof(workflow->summary));
	round_trip(workflow);

	/* The branches that a checkpoint keeps are as they are after the call. */
	if (find_effect(workflow, HITL_EFFECT_CHECKPOINT) != NULL)
	{
		json_decref(workflow->pinned_branches);
		workflow->pinned_branches = json_deep_copy(workflow->memory.branches);
	}
	return result;
}

/*
 * Send a message, and go on as long as something follows without waiting; the
 * summary is that of all.
 */
HitlResult
workflow_go(Workflow *workflow, const char *kind, const char *body)
{
	HitlResult result = workflow_send(workflow, kind, body);
	char *summary = strdup(workflow->summary);
	int calls;

	for (calls = 0; result == HITL_OK && calls < 100000 &&
		 (workflow->effects.more || workflow->join != NULL);
		 calls++)
	{
		char *longer;

		result = workflow->join == NULL
			? workflow_send(workflow, "continue", NULL)
			: workflow_send(workflow, "reply", workflow->join);
		if (strlen(summary) > 100000)
			continue;
		longer = malloc(strlen(summary) + strlen(workflow->summary) + 3);
		sprintf(longer, "%s%s%s", summary,
				workflow->summary[0] == '\0' ? "" : "; ", workflow->summary);
		free(summary);
		summary = longer;
	}
	snprintf(workflow->summary, sizeof(workflow->summary), "%s", summary);
	free(summary);
	return result;
}

/*
 * Return to a control state.
 */
HitlResult
workflow_rewind(Workflow *workflow, const char *checkpoint)
{
	HitlControl *control;
	HitlResult result;

	hitl_free_effects(&workflow->effects);
	result = hitl_rewind(workflow->definition, workflow->control, checkpoint,
						 workflow->reason, &workflow->memory.host, &control,
						 &workflow->effects);
	json_array_clear(workflow->memory.answers);
	if (result == HITL_OK)
	{
		hitl_free_control(workflow->control);
		workflow->control = control;
	}
	else
		CHECK(control == NULL);
	summarize(&workflow->effects, workflow->summary, sizeof(workflow->summary));
	round_trip(workflow);
	return result;
}

/*
 * Return to the last checkpoint, data, branches and all.
 */
HitlResult
workflow_return(Workflow *workflow)
{
	json_decref(workflow->memory.data);
	workflow->memory.data = json_deep_copy(workflow->pinned_data);
	json_decref(workflow->memory.branches);
	workflow->memory.branches = json_deep_copy(workflow->pinned_branches);
	return workflow_rewind(workflow, workflow->pinned);
}

/*
 * A part of the workflow's data as JSON text, kept until the next message.
 */
const char *
workflow_value(Workflow *workflow, const char *path)
{
	const char *text = NULL;

	if (workflow->memory.host.query(&workflow->memory, 0, path, &text) !=
		HITL_QUERY_FOUND)
		return NULL;
	return text;
}

/*
 * The first effect of a kind, or NULL.
 */
const HitlEffect *
find_effect(const Workflow *workflow, HitlEffectKind kind)
{
	int i;

	for (i = 0; i < workflow->effects.count; i++)
	{
		if (workflow->effects.items[i].kind == kind)
			return &workflow->effects.items[i];
	}
	return NULL;
}

/*
 * The control state as text, kept until the next call.
 */
const char *
control_text(Workflow *workflow)
{
	static char text[4000];
	char *json;

	CHECK_INT(hitl_dump_control(workflow->control, &json), HITL_OK);
	snprintf(text, sizeof(text), "%s", json);
	free(json);
	return text;
}

/*
 * Do what one effect asks of a host.
 */
static void
carry_out(Workflow *workflow, const HitlEffect *effect)
{
	Memory *memory = &workflow->memory;

	if (effect->delta != NULL)
	{
		CHECK(memory_data(memory, effect->scope) != NULL);
		merge_delta(memory_data(memory, effect->scope), effect->delta);
	}
	switch (effect->kind)
	{
		case HITL_EFFECT_CHECKPOINT:
			free(workflow->pinned);
			workflow->pinned = strdup(effect->control);
			json_decref(workflow->pinned_data);
			workflow->pinned_data = json_deep_copy(memory->data);
			break;
		case HITL_EFFECT_FORK:
			memory_fork(memory, effect);
			break;
		case HITL_EFFECT_JOIN:
			workflow->join = memory_join(memory, workflow->control, effect);
			break;
		case HITL_EFFECT_REMOVE_BRANCHES:
			memory_remove(memory, effect);
			break;
		default:
			break;
	}
}

/*
 * Control state to text and back; the workflow goes on with what came back.
 */
static void
round_trip(Workflow *workflow)
{
	HitlControl *control;
	char *first = NULL;
	char *second = NULL;
	char *error = NULL;

	memory_flush(&workflow->memory, workflow->control);
	CHECK_INT(hitl_dump_control(workflow->control, &first), HITL_OK);
	CHECK_INT(hitl_parse_control(workflow->definition, first, &control, &error),
			  HITL_OK);
	if (control == NULL)
	{
		report_failure(__FILE__, __LINE__, "%s: %s",
					   error == NULL ? "?" : error, first);
		free(first);
		free(error);
		return;
	}
	CHECK_INT(hitl_dump_control(control, &second), HITL_OK);
	CHECK_TEXT(second, first);
	if (workflow->keeps_control)
		hitl_free_control(control);
	else
	{
		hitl_free_control(workflow->control);
		workflow->control = control;
	}
	free(first);
	free(second);
}
