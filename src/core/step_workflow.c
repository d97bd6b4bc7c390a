/*
 * step_workflow.c
 *		The step that starts another workflow and waits for its end.
 *
 * A definition within a definition is checked with the one around it, and
 * handed on as it is written: its templates are about the child's own data.
 */
#include "core/internal.h"

#include <stdio.h>
#include <string.h>

#define MAX_NESTED 10 /* definitions within definitions */

static const char *const members[] = {"template", "version", "definition",
									  "input", NULL};

static const char *const ends[] = {"completed", "failed", "rejected",
								   "cancelled", NULL};

static void parse_workflow(HitlParse *parse, const HitlPlace *place,
						   const HitlJson *object, HitlStep *step);
static void parse_template(HitlParse *parse, const HitlPlace *place,
						   const HitlJson *object, HitlBuffer *terms,
						   HitlChild *child);
static void parse_definition(HitlParse *parse, const HitlPlace *place,
							 const HitlJson *object, HitlBuffer *terms);
static void enter_workflow(HitlRun *run, HitlPosition *position);
static void deliver_workflow(HitlRun *run, HitlPosition *position,
							 const HitlJson *body);
static const char *check_end(const HitlJson *body);
static const char *write_end(HitlRun *run, const HitlJson *body);
static const char *write_reason(HitlRun *run, const HitlJson *body);
static bool is_end(const HitlJson *body, const char *status);

const HitlStepKind hitl_workflow_kind = {.type = "workflow",
										 .members = members,
										 .awaits = 1 << HITL_AWAITS_CHILD,
										 .parse = parse_workflow,
										 .enter = enter_workflow,
										 .deliver = deliver_workflow};

/*
 * Read the step.
 */
static void
parse_workflow(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
			   HitlStep *step)
{
	static const HitlJson empty = {.type = HITL_JSON_OBJECT};
	HitlChild *child = &step->as.child;
	HitlPlace input_place = {place, "input", 0};
	const HitlJson *input;
	HitlBuffer terms;

	if ((hitl_json_member(object, "template") == NULL) ==
		(hitl_json_member(object, "definition") == NULL))
		hitl_fault(parse, place, "give either \"template\" or \"definition\"");
	hitl_buffer_init(&terms, parse->arena);
	parse_template(parse, place, object, &terms, child);
	parse_definition(parse, place, object, &terms);
	child->terms = hitl_buffer_text(&terms);
	input = hitl_get(parse, place, object, "input", HITL_JSON_OBJECT, false);
	hitl_compile_value(parse, &input_place, input == NULL ? &empty : input,
					   &child->input);
}

/*
 * "template", and its "version".
 */
static void
parse_template(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
			   HitlBuffer *terms, HitlChild *child)
{
	static const HitlJson nothing = {.type = HITL_JSON_NULL};
	HitlPlace template_place = {place, "template", 0};
	HitlPlace version_place = {place, "version", 0};
	const HitlJson *version = hitl_json_member(object, "version");
	const char *name = hitl_get_text(parse, place, object, "template", false);
	int64_t number = 0;

	if (name != NULL)
		hitl_compile_text(parse, &template_place, name, &child->template);
	else
		hitl_compile_value(parse, &template_place, &nothing, &child->template);
	if (version != NULL)
	{
		if (hitl_json_member(object, "template") == NULL)
			hitl_fault(parse, &version_place, "is that of a \"template\"");
		else if (!hitl_json_integer(version, &number) || number < 1 ||
				 number > INT32_MAX)
			hitl_fault(parse, &version_place,
					   "must be a whole number from 1 on");
	}
	hitl_append_text(terms, "\"version\":");
	if (number > 0)
		hitl_append_integer(terms, number);
	else
		hitl_append_text(terms, "null");
}

/*
 * "definition", with all the faults it may have.
 */
static void
parse_definition(HitlParse *parse, const HitlPlace *place,
				 const HitlJson *object, HitlBuffer *terms)
{
	const HitlJson *definition = hitl_json_member(object, "definition");
	HitlPlace here = {place, "definition", 0};
	const HitlPlace *outer;
	int depth = 0;

	hitl_append_text(terms, ",\"definition\":");
	if (definition == NULL)
	{
		hitl_append_text(terms, "null");
		return;
	}
	hitl_json_write(terms, definition);
	for (outer = place; outer != NULL; outer = outer->outer)
		depth += outer->key != NULL && strcmp(outer->key, "definition") == 0;
	if (depth >= MAX_NESTED)
		hitl_fault(parse, &here, "definitions are nested deeper than %d levels",
				   MAX_NESTED);
	else
		hitl_check_definition(parse, &here, definition);
}

/*
 * Start the child.
 */
static void
enter_workflow(HitlRun *run, HitlPosition *position)
{
	const HitlChild *child = &position->step->as.child;
	const char *template;
	const char *input;
	HitlEffect *effect;
	HitlBuffer body;

	template = hitl_render(run, position, &child->template);
	if (template == NULL)
		return;
	if (strcmp(template, "\"\"") == 0)
	{
		hitl_fail_faulty(run, position, "the name of the template is empty");
		return;
	}
	input = hitl_render(run, position, &child->input);
	if (input == NULL)
		return;
	hitl_buffer_init(&body, run->memory);
	hitl_append_text(&body, "{\"template\":");
	hitl_append_text(&body, template);
	hitl_append_char(&body, ',');
	hitl_append_text(&body, child->terms);
	hitl_append_text(&body, ",\"input\":");
	hitl_append_text(&body, input);
	hitl_append_char(&body, '}');
	effect = hitl_emit(run, HITL_EFFECT_START_CHILD, NULL, position);
	effect->body = hitl_buffer_text(&body);
	hitl_await(run, position, HITL_AWAITS_CHILD, effect);
}

/*
 * The child has ended.  One that was rejected is a refusal here, too; one
 * that failed or was cancelled is a failure.
 */
static void
deliver_workflow(HitlRun *run, HitlPosition *position, const HitlJson *body)
{
	const char *fault = check_end(body);
	const HitlJson *kind = hitl_json_member(hitl_json_member(body, "error"),
											"kind");
	const char *result;
	const char *reason;

	if (fault != NULL)
	{
		hitl_stop(run, HITL_INVALID, fault);
		return;
	}
	result = write_end(run, body);
	reason = write_reason(run, body);
	if (result == NULL || reason == NULL)
		hitl_stop(run, HITL_NO_MEMORY, NULL);
	else if (is_end(body, "completed"))
		hitl_complete_step(run, position, result);
	else if (is_end(body, "rejected"))
		hitl_refuse_step(run, position, "rejected", reason, result);
	else if (is_end(body, "cancelled"))
		hitl_fail_step(run, position, "cancelled", reason);
	else
		hitl_fail_step(run, position,
					   kind != NULL && kind->type == HITL_JSON_STRING &&
							   kind->length > 0
						   ? kind->text
						   : "unknown_error",
					   reason);
}

/*
 * Why the body of a child message is faulty, or NULL.
 */
static const char *
check_end(const HitlJson *body)
{
	const HitlJson *id = hitl_json_member(body, "workflow_id");
	const char *const *end;

	/* One that could not be started has no id. */
	if (id != NULL && id->type != HITL_JSON_STRING &&
		id->type != HITL_JSON_NULL)
		return "\"workflow_id\" must be a string or null";
	for (end = ends; *end != NULL; end++)
	{
		if (is_end(body, *end))
			return NULL;
	}
	return "\"status\" must be completed, failed, rejected or cancelled";
}

/*
 * The step's result.
 */
static const char *
write_end(HitlRun *run, const HitlJson *body)
{
	const HitlJson *id = hitl_json_stated(body, "workflow_id");
	const HitlJson *value = hitl_json_member(body, "result");
	HitlBuffer result;

	hitl_buffer_init(&result, &run->scratch);
	hitl_append_char(&result, '{');
	hitl_json_write_member(&result, "workflow_id",
						   id == NULL ? NULL : id->text);
	hitl_json_write_member(&result, "status",
						   hitl_json_member(body, "status")->text);
	hitl_append_text(&result, ",\"result\":");
	if (value != NULL)
		hitl_json_write(&result, value);
	else
		hitl_append_text(&result, "null");
	hitl_append_char(&result, '}');
	return hitl_buffer_text(&result);
}

/*
 * What a child that did not complete says.
 */
static const char *
write_reason(HitlRun *run, const HitlJson *body)
{
	const HitlJson *id = hitl_json_stated(body, "workflow_id");
	const HitlJson *message = hitl_json_member(hitl_json_member(body, "error"),
											   "message");
	HitlBuffer reason;

	hitl_buffer_init(&reason, &run->scratch);
	if (id == NULL)
		hitl_append_text(&reason, "the workflow could not be started");
	else
	{
		hitl_append_text(&reason, "workflow ");
		hitl_append(&reason, id->text, id->length);
		hitl_append_text(&reason, is_end(body, "failed") ? " has " : " was ");
		hitl_append_text(&reason, hitl_json_member(body, "status")->text);
	}
	if (message != NULL && message->type == HITL_JSON_STRING &&
		message->length > 0)
	{
		hitl_append_text(&reason, ": ");
		hitl_append(&reason, message->text, message->length);
	}
	return hitl_buffer_text(&reason);
}

/*
 * Has the child ended so?
 */
static bool
is_end(const HitlJson *body, const char *status)
{
	const HitlJson *member = hitl_json_member(body, "status");

	return member != NULL && member->type == HITL_JSON_STRING &&
		strcmp(member->text, status) == 0;
}
