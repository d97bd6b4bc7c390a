/*
 * workflow.c
 *		A workflow under test: a definition, its control state, its data.
 *
 * After every message the control state goes to text and back, and the text
 * must come out the same.
 */
#include "harness.h"

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
}

/*
 * Send a message and do what a host does with the effects.
 */
HitlResult
workflow_send(Workflow *workflow, const char *kind, const char *body)
{
	HitlMessage message = {kind, body, ++workflow->now_us};
	HitlResult result;
	char *before = NULL;
	char *after = NULL;
	int i;

	hitl_free_effects(&workflow->effects);
	CHECK_INT(hitl_dump_control(workflow->control, &before), HITL_OK);
	result = hitl_advance(workflow->definition, workflow->control, &message,
						  &workflow->memory.host, &workflow->effects);
	json_array_clear(workflow->memory.answers);
	for (i = 0; i < workflow->effects.count; i++)
	{
		const HitlEffect *effect = &workflow->effects.items[i];

		if (effect->delta != NULL)
			memory_merge(&workflow->memory, effect->delta);
		if (effect->kind == HITL_EFFECT_CHECKPOINT)
		{
			free(workflow->pinned);
			workflow->pinned = strdup(effect->control);
		}
	}
	if (result != HITL_OK)
	{
		CHECK_INT(workflow->effects.count, 0);
		CHECK_INT(hitl_dump_control(workflow->control, &after), HITL_OK);
		CHECK_TEXT(after, before);
	}
	free(before);
	free(after);
	summarize(&workflow->effects, workflow->summary, sizeof(workflow->summary));
	round_trip(workflow);
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
	result = hitl_rewind(workflow->definition, workflow->control, checkpoint, NULL,
						 &control, &workflow->effects);
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
 * Control state to text and back; the workflow goes on with what came back.
 */
static void
round_trip(Workflow *workflow)
{
	HitlControl *control;
	char *first = NULL;
	char *second = NULL;
	char *error = NULL;

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
	hitl_free_control(workflow->control);
	workflow->control = control;
	free(first);
	free(second);
}
