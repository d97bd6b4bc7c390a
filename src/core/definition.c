/*
 * definition.c
 *		Parse and check a definition.
 *
 * Steps form a tree of lists; every step has a path, the JSON pointer of it in
 * the definition.  What a step type adds to the common members is read by its
 * own file, found through the table of kinds.  All faults are reported at
 * once, each with its place.
 */
#include "core/internal.h"

#include <stdlib.h>
#include <string.h>

static const HitlStepKind *const kinds[] =
	{&hitl_task_kind,	 &hitl_approval_kind, &hitl_checkpoint_kind,
	 &hitl_sql_kind,	 &hitl_http_kind,	  &hitl_wait_kind,
	 &hitl_signal_kind,	 &hitl_workflow_kind, &hitl_parallel_kind,
	 &hitl_foreach_kind, &hitl_switch_kind};

/* In longer lists, no name is suggested for a step that is not there. */
#define MAX_COMPARED 100

#define MAX_LISTS 16 /* lists of steps within lists */

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static const char *const top_members[] = {"name",	 "description", "steps",
										  "version", "metadata",	"input",
										  "timeout", "output",		"$schema",
										  NULL};

static const char *const common_members[] = {"name",		"type",
											 "description", "when",
											 "retry",		"timeout",
											 "on_error",	"on_reject",
											 "on_timeout",	"output",
											 "undo",		NULL};

static HitlDefinition *new_definition(HitlArena *arena);
static void parse_top(HitlParse *parse, const HitlPlace *place,
					  const HitlJson *document, HitlDefinition *definition);
static void parse_outcome(HitlParse *parse, const HitlPlace *place,
						  const HitlJson *document, HitlDefinition *definition);
static void parse_name(HitlParse *parse, const HitlPlace *place,
					   const HitlJson *object, HitlDefinition *definition,
					   HitlStep *step);
static void parse_step(HitlParse *parse, const HitlPlace *place,
					   const HitlJson *object, const HitlDefinition *definition,
					   HitlStep *step);
static const HitlStepKind *parse_kind(HitlParse *parse, const HitlPlace *place,
									  const HitlJson *object);
static void parse_action(HitlParse *parse, const HitlPlace *place,
						 const HitlJson *object, const char *key,
						 const HitlDefinition *definition, const HitlStep *step,
						 HitlAction *action);
static void parse_output(HitlParse *parse, const HitlPlace *place,
						 const HitlJson *object, HitlStep *step);
static void parse_undo(HitlParse *parse, const HitlPlace *place,
					   const HitlJson *object, HitlStep *step);
static void check_checkpoint(HitlParse *parse, const HitlPlace *place,
							 const HitlStep *step);
static void parse_goto(HitlParse *parse, const HitlPlace *place,
					   const HitlDefinition *definition, const HitlStep *step,
					   HitlAction *action);
static bool is_name(const char *text);
static void add_step(HitlArena *arena, HitlIndex *index, const HitlStep *step);
static const HitlStep **find_slot(const HitlIndex *index, const char *key);
static const char *key_of(const HitlIndex *index, const HitlStep *step);

/*
 * Parse a definition's text.
 */
HitlResult
hitl_parse_definition(const char *json, const HitlHost *host,
					  HitlDefinition **definition, HitlFaults *faults)
{
	HitlArena arena;
	HitlArena scratch; /* of the document itself */
	HitlParse parse = {&arena, host, faults, false, HITL_OK, NULL};
	HitlDefinition *result;
	const HitlJson *document;

	*definition = NULL;
	hitl_arena_init(&arena);
	hitl_arena_init(&scratch);
	result = new_definition(&arena);
	if (result == NULL)
		return HITL_NO_MEMORY;

	document = hitl_read_document(&parse, &scratch, NULL, json);
	if (document != NULL)
		parse_top(&parse, NULL, document, result);
	if (parse.result == HITL_OK && arena.failed)
		parse.result = HITL_NO_MEMORY;
	if (parse.result == HITL_OK && parse.faulty)
		parse.result = HITL_INVALID;
	hitl_arena_free(&scratch);
	if (parse.result != HITL_OK)
	{
		hitl_arena_free(&arena);
		return parse.result;
	}
	result->arena = arena;
	*definition = result;
	return HITL_OK;
}

/*
 * Check a definition within another document.
 */
void
hitl_check_definition(HitlParse *parse, const HitlPlace *place,
					  const HitlJson *document)
{
	HitlArena arena;
	HitlParse inner = *parse;
	HitlDefinition *definition;

	hitl_arena_init(&arena);
	inner.arena = &arena;
	definition = new_definition(&arena);
	if (definition != NULL)
		parse_top(&inner, place, document, definition);
	parse->faulty = inner.faulty;
	parse->result = inner.result;
	if (arena.failed && parse->result == HITL_OK)
		parse->result = HITL_NO_MEMORY;
	hitl_arena_free(&arena);
}

/*
 * Free a definition.
 */
void
hitl_free_definition(HitlDefinition *definition)
{
	if (definition != NULL)
		hitl_arena_free(&definition->arena);
}

/*
 * The step with this name or path, or NULL.
 */
const HitlStep *
hitl_find_step(const HitlIndex *index, const char *key)
{
	return index->slots == NULL ? NULL : *find_slot(index, key);
}

/*
 * A list of steps: that of the definition, or one of parent's.  Names first,
 * since a step may name one after it.
 */
void
hitl_parse_list(HitlParse *parse, const HitlPlace *place, const HitlJson *array,
				const HitlStep *parent, int index, HitlStepList *list)
{
	HitlDefinition *definition = parse->definition;
	const HitlJson *object;
	HitlPlace here = {place, NULL, 0};
	const HitlStep *outer;
	int depth = 0;

	list->parent = parent;
	list->index = index;
	list->is_undo = parent != NULL && list == parent->undo;
	for (outer = parent; outer != NULL; outer = outer->list->parent)
		depth++;
	if (depth > MAX_LISTS)
	{
		hitl_fault(parse, place,
				   "lists of steps are nested deeper than %d levels",
				   MAX_LISTS);
		return;
	}
	list->steps = hitl_alloc_zero(parse->arena,
								  array->count * sizeof(HitlStep));
	if (list->steps == NULL)
		return;
	list->count = array->count;
	definition->total += array->count;

	for (object = array->first; object != NULL; object = object->next)
	{
		HitlStep *step = &list->steps[here.index];
		HitlBuffer path;

		step->list = list;
		step->index = here.index;
		step->name = "";
		hitl_buffer_init(&path, parse->arena);
		hitl_append_pointer(&path, &here);
		step->path = hitl_buffer_text(&path);
		if (step->path == NULL)
			return;
		add_step(parse->arena, &definition->by_path, step);
		if (object->type == HITL_JSON_OBJECT)
			parse_name(parse, &here, object, definition, step);
		else
			hitl_fault(parse, &here, "must be an object, not %s",
					   hitl_json_type_name(object));
		here.index++;
	}

	here.index = 0;
	for (object = array->first; object != NULL && parse->result == HITL_OK;
		 object = object->next)
	{
		if (object->type == HITL_JSON_OBJECT)
			parse_step(parse, &here, object, definition,
					   &list->steps[here.index]);
		here.index++;
	}
}

/*
 * The innermost step of a kind that a step is inside of, or NULL.
 */
const HitlStep *
hitl_enclosing(const HitlStep *step, const HitlStepKind *kind)
{
	const HitlStep *outer = step->list->parent;

	while (outer != NULL && outer->kind != kind)
		outer = outer->list->parent;
	return outer;
}

/*
 * Is a step inside of the undo of another one?
 */
bool
hitl_is_in_undo(const HitlStep *step)
{
	const HitlStepList *list = step->list;

	while (!list->is_undo && list->parent != NULL)
		list = list->parent->list;
	return list->is_undo;
}

/*
 * Has a step of a list, or one inside of it, an undo?
 */
bool
hitl_is_undoable(const HitlStepList *list)
{
	int i;
	int j;

	for (i = 0; i < list->count; i++)
	{
		const HitlStep *step = &list->steps[i];

		if (step->undo != NULL)
			return true;
		if (step->kind == &hitl_switch_kind)
		{
			for (j = 0; j <= step->as.choice.count; j++)
			{
				if (step->as.choice.lists != NULL &&
					hitl_is_undoable(&step->as.choice.lists[j]))
					return true;
			}
		}
		else if (step->kind != NULL && step->kind->forks &&
				 step->as.fork.undoable)
			return true;
	}
	return false;
}

/*
 * Can a path mean it without quotes, as $.variables.name?
 */
bool
hitl_is_variable(const char *text)
{
	return is_name(text) && strchr(text, '-') == NULL;
}

/*
 * A definition with nothing in it.
 */
static HitlDefinition *
new_definition(HitlArena *arena)
{
	HitlDefinition *definition = hitl_alloc_zero(arena, sizeof(HitlDefinition));

	if (definition == NULL)
		return NULL;
	definition->by_name.key_offset = offsetof(HitlStep, name);
	definition->by_path.key_offset = offsetof(HitlStep, path);
	return definition;
}

/*
 * The outermost object.
 */
static void
parse_top(HitlParse *parse, const HitlPlace *place, const HitlJson *document,
		  HitlDefinition *definition)
{
	HitlPlace steps_place = {place, "steps", 0};
	const HitlJson *steps;

	if (document->type != HITL_JSON_OBJECT)
	{
		hitl_fault(parse, place, "must be an object, not %s",
				   hitl_json_type_name(document));
		return;
	}
	parse->definition = definition;
	hitl_check_members(parse, place, document, top_members, NULL);
	hitl_get(parse, place, document, "name", HITL_JSON_STRING, false);
	hitl_get(parse, place, document, "description", HITL_JSON_STRING, false);
	parse_outcome(parse, place, document, definition);
	steps = hitl_get(parse, place, document, "steps", HITL_JSON_ARRAY, true);
	if (steps == NULL)
		return;
	if (steps->count == 0)
		hitl_fault(parse, &steps_place, "must have at least one step");
	else
		hitl_parse_list(parse, &steps_place, steps, NULL, 0, &definition->root);
}

/*
 * What the workflow comes to, and how long it may take.
 */
static void
parse_outcome(HitlParse *parse, const HitlPlace *place,
			  const HitlJson *document, HitlDefinition *definition)
{
	const HitlJson *output = hitl_json_member(document, "output");
	HitlPlace output_place = {place, "output", 0};
	int64_t timeout = hitl_get_duration(parse, place, document, "timeout");

	if (timeout > 0)
		definition->timeout_ms = timeout;
	if (output != NULL)
	{
		definition->has_output = true;
		hitl_compile_value(parse, &output_place, output, &definition->output);
	}
}

/*
 * A step's name, by which paths and other steps mean it.
 */
static void
parse_name(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
		   HitlDefinition *definition, HitlStep *step)
{
	const char *name = hitl_get_text(parse, place, object, "name", true);
	HitlPlace here = {place, "name", 0};
	const HitlStep *other;

	if (name == NULL)
		return;
	if (!is_name(name))
	{
		hitl_fault(parse, &here,
				   "must be letters, digits, \"_\" and \"-\", and begin with a "
				   "letter or \"_\", so that paths can use it");
		return;
	}
	other = hitl_find_step(&definition->by_name, name);
	if (other != NULL)
	{
		hitl_fault(parse, &here, "the step %s has this name already",
				   other->path);
		return;
	}
	step->name = hitl_copy_text(parse->arena, name, strlen(name));
	if (step->name != NULL)
		add_step(parse->arena, &definition->by_name, step);
}

/*
 * One step, whose name is known.
 */
static void
parse_step(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
		   const HitlDefinition *definition, HitlStep *step)
{
	HitlPlace when_place = {place, "when", 0};
	const char *when;

	if (parse->arena->failed)
		return;
	step->kind = parse_kind(parse, place, object);
	if (step->kind == NULL)
		return;
	hitl_check_members(parse, place, object, common_members,
					   step->kind->members);

	/* That of the others is their own affair. */
	if (step->kind != &hitl_task_kind && step->kind != &hitl_approval_kind &&
		step->kind != &hitl_checkpoint_kind)
		hitl_get_text(parse, place, object, "description", false);
	when = hitl_get_text(parse, place, object, "when", false);
	if (when != NULL)
	{
		step->when = hitl_copy_text(parse->arena, when, strlen(when));
		hitl_check_path(parse, &when_place, when);
	}
	parse_action(parse, place, object, "on_error", definition, step,
				 &step->on_error);
	parse_action(parse, place, object, "on_reject", definition, step,
				 &step->on_reject);
	parse_action(parse, place, object, "on_timeout", definition, step,
				 &step->on_timeout);
	parse_output(parse, place, object, step);
	step->kind->parse(parse, place, object, step);

	/* The time limit of an approval is that of its question. */
	if (step->kind != &hitl_approval_kind)
		hitl_read_limits(parse, place, object, step);
	else if (hitl_json_member(object, "retry") != NULL)
	{
		HitlPlace retry_place = {place, "retry", 0};
		const HitlJson *retry = hitl_get(parse, place, object, "retry",
										 HITL_JSON_OBJECT, false);

		step->has_retry = retry != NULL;
		if (retry != NULL)
			hitl_read_retry(parse, &retry_place, retry, &step->retry);
	}
	check_checkpoint(parse, place, step);
	parse_undo(parse, place, object, step);
}

/*
 * "output": the variable that gets the result.
 */
static void
parse_output(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
			 HitlStep *step)
{
	static const char prefix[] = "$.variables.";
	const size_t length = sizeof(prefix) - 1;
	const char *output = hitl_get_text(parse, place, object, "output", false);
	HitlPlace here = {place, "output", 0};

	if (output == NULL)
		return;
	if (strncmp(output, prefix, length) != 0 ||
		!hitl_is_variable(output + length))
		hitl_fault(parse, &here,
				   "must be $.variables. and a name of letters, digits and "
				   "\"_\"");
	else
		step->output = hitl_copy_text(parse->arena, output + length,
									  strlen(output + length));
}

/*
 * "undo": the steps that take back what the step did.
 */
static void
parse_undo(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
		   HitlStep *step)
{
	const HitlJson *undo = hitl_get(parse, place, object, "undo",
									HITL_JSON_ARRAY, false);
	HitlPlace here = {place, "undo", 0};

	if (undo == NULL)
		return;
	if (undo->count == 0)
		hitl_fault(parse, &here, "must have at least one step");
	else if (hitl_is_in_undo(step))
		hitl_fault(parse, &here, "what takes a step back has no undo itself");
	else
	{
		step->undo = hitl_alloc_zero(parse->arena, sizeof(HitlStepList));
		if (step->undo == NULL)
			return;
		parse->definition->undoable = true;
		hitl_parse_list(parse, &here, undo, step, 0, step->undo);
	}
}

/*
 * A checkpoint is one of the whole workflow.
 */
static void
check_checkpoint(HitlParse *parse, const HitlPlace *place, const HitlStep *step)
{
	if (step->kind != &hitl_checkpoint_kind &&
		(step->kind != &hitl_task_kind || step->as.task.checkpoint == NULL))
		return;
	if (hitl_is_in_undo(step))
		hitl_fault(parse, place,
				   "a checkpoint cannot be taken while steps are taken back");
	else if (hitl_enclosing(step, &hitl_foreach_kind) != NULL)
		hitl_fault(parse, place,
				   "a checkpoint is of the whole workflow and cannot be taken "
				   "for each element; take it before the foreach or after it");
}

/*
 * A step's type.
 */
static const HitlStepKind *
parse_kind(HitlParse *parse, const HitlPlace *place, const HitlJson *object)
{
	const char *type = hitl_get_text(parse, place, object, "type", true);
	HitlPlace here = {place, "type", 0};
	const char *names[KINDS + 1];
	const char *nearest;
	size_t i;

	if (type == NULL)
		return NULL;
	for (i = 0; i < KINDS; i++)
	{
		if (strcmp(kinds[i]->type, type) == 0)
			return kinds[i];
		names[i] = kinds[i]->type;
	}
	names[KINDS] = NULL;
	nearest = hitl_nearest(type, names, NULL);
	if (nearest != NULL)
		hitl_fault(parse, &here,
				   "unknown step type \"%s\", perhaps \"%s\" is meant", type,
				   nearest);
	else
		hitl_fault(parse, &here,
				   "unknown step type \"%s\"; there are task, approval, "
				   "checkpoint, sql, http, wait, signal, workflow, parallel, "
				   "foreach and switch",
				   type);
	return NULL;
}

/*
 * on_error, on_reject or on_timeout.
 */
static void
parse_action(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
			 const char *key, const HitlDefinition *definition,
			 const HitlStep *step, HitlAction *action)
{
	HitlPlace here = {place, key, 0};
	const char *text;

	if (hitl_json_member(object, key) == NULL)
		return;
	text = hitl_get_text(parse, place, object, key, false);
	if (text == NULL)
		return;
	if (strcmp(text, "fail") == 0)
		action->kind = HITL_ACTION_FAIL;
	else if (strcmp(text, "continue") == 0)
		action->kind = HITL_ACTION_CONTINUE;
	else if (strcmp(text, "reject") == 0 && strcmp(key, "on_error") != 0)
		action->kind = HITL_ACTION_REJECT;
	else if (strncmp(text, "goto:", 5) == 0)
	{
		action->kind = HITL_ACTION_GOTO;
		action->target = hitl_copy_text(parse->arena, text + 5,
										strlen(text + 5));
		if (action->target != NULL)
			parse_goto(parse, &here, definition, step, action);
	}
	else if (strncmp(text, "rollback:", 9) == 0 && text[9] != '\0')
	{
		action->kind = HITL_ACTION_ROLLBACK;
		if (hitl_is_in_undo(step))
			hitl_fault(parse, &here, "a rollback is under way there already");
		action->target = hitl_copy_text(parse->arena, text + 9,
										strlen(text + 9));
	}
	else
		hitl_fault(
			parse, &here,
			"must be fail, continue, %sgoto:<step> or rollback:<checkpoint>",
			strcmp(key, "on_error") == 0 ? "" : "reject, ");
}

/*
 * The step that an action goes to.
 */
static void
parse_goto(HitlParse *parse, const HitlPlace *place,
		   const HitlDefinition *definition, const HitlStep *step,
		   HitlAction *action)
{
	const HitlStep *target = hitl_find_step(&definition->by_name,
											action->target);
	const char *names[MAX_COMPARED + 1];
	const char *nearest = NULL;
	int i;

	if (target != NULL && target->list == step->list)
	{
		action->step = target;
		return;
	}
	if (target != NULL)
	{
		hitl_fault(parse, place, "step \"%s\" is not in the same list of steps",
				   action->target);
		return;
	}
	if (step->list->count <= MAX_COMPARED && !hitl_faults_full(parse))
	{
		for (i = 0; i < step->list->count; i++)
			names[i] = step->list->steps[i].name;
		names[i] = NULL;
		nearest = hitl_nearest(action->target, names, NULL);
	}
	if (nearest != NULL && nearest[0] != '\0')
		hitl_fault(parse, place,
				   "there is no step \"%s\", perhaps \"%s\" is meant",
				   action->target, nearest);
	else
		hitl_fault(parse, place, "there is no step \"%s\"", action->target);
}

/*
 * Can a SQL/JSON path mean it, quoted or not?
 */
static bool
is_name(const char *text)
{
	const char *p;

	for (p = text; *p != '\0'; p++)
	{
		bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
			*p == '_';

		if (!letter && (p == text || ((*p < '0' || *p > '9') && *p != '-')))
			return false;
	}
	return p > text;
}

/*
 * Add a step, whose key is new, to an index.
 */
static void
add_step(HitlArena *arena, HitlIndex *index, const HitlStep *step)
{
	size_t i;

	if (index->slots == NULL || (index->count + 1) * 2 > index->mask + 1)
	{
		HitlIndex larger = *index;

		larger.mask = index->slots == NULL ? 15 : index->mask * 2 + 1;
		larger.slots = hitl_alloc_zero(arena,
									   (larger.mask + 1) * sizeof(HitlStep *));
		if (larger.slots == NULL)
			return;
		for (i = 0; index->slots != NULL && i <= index->mask; i++)
		{
			if (index->slots[i] != NULL)
				*find_slot(&larger,
						   key_of(index, index->slots[i])) = index->slots[i];
		}
		*index = larger;
	}
	*find_slot(index, key_of(index, step)) = step;
	index->count++;
}

/*
 * The slot that has a key, or the empty one where it would be.
 */
static const HitlStep **
find_slot(const HitlIndex *index, const char *key)
{
	uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
	const char *p;
	size_t i;

	for (p = key; *p != '\0'; p++)
		hash = (hash ^ (unsigned char) *p) * UINT64_C(1099511628211);
	for (i = hash & index->mask; index->slots[i] != NULL;
		 i = (i + 1) & index->mask)
	{
		if (strcmp(key_of(index, index->slots[i]), key) == 0)
			break;
	}
	return &index->slots[i];
}

/*
 * What an index knows a step by.
 */
static const char *
key_of(const HitlIndex *index, const HitlStep *step)
{
	return *(const char *const *) ((const char *) step + index->key_offset);
}
