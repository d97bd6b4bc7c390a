/*
 * validate.c
 *		Check an instance by a JSON Schema.
 *
 * All violations are found, but for the branches of anyOf, oneOf and the like,
 * of which it is said only that none or too many match.  Work is bounded: a
 * schema can ask for exponentially much.  What could not be checked to its end
 * is not valid.
 */
#include "core/schema.h"

#include <string.h>

#define MAX_VIOLATIONS 1000
#define MAX_DEPTH	   2000 /* schemas within each other, by reference */

/* Steps: so many, and so many for each value of the instance. */
#define BUDGET			 1000000
#define BUDGET_PER_VALUE 64

/* Bytes of a text that are looked at in a step. */
#define STEP_BYTES 64

static HitlArena *begin_violations(HitlViolations *violations);
static void record(HitlCheck *check, const HitlPlace *place,
				   const char *keyword, const char *format, va_list arguments);
static void refuse_twice(void *context, const HitlPlace *place);

/*
 * Check an instance's text.
 */
HitlResult
hitl_validate(const HitlSchema *schema, const char *instance,
			  const HitlHost *host, HitlViolations *violations)
{
	HitlCheck check = {.host = host, .violations = violations};
	const HitlJson *value;
	HitlJsonError error;

	memset(violations, 0, sizeof(*violations));
	if (schema->needs_match && (host == NULL || host->match == NULL))
		return HITL_HOST_FAILED;
	check.memory = begin_violations(violations);
	if (check.memory == NULL)
		return HITL_NO_MEMORY;
	hitl_arena_init(&check.scratch);
	switch (hitl_json_parse(&check.scratch, instance, strlen(instance), 0,
							&value, &error))
	{
		case HITL_OK:
			/* It is ours, so it may be changed. */
			check.budget = BUDGET +
				BUDGET_PER_VALUE *
					hitl_sort_members((HitlJson *) value, NULL, refuse_twice,
									  &check);
			(void) hitl_check_node(&check, schema->root, value, NULL);
			break;
		case HITL_INVALID:
			hitl_violate(&check, NULL, "$json", "is not JSON: %s (byte %zu)",
						 error.message, error.offset);
			break;
		default:
			check.result = HITL_NO_MEMORY;
			break;
	}
	if (check.scratch.failed || check.memory->failed)
		check.result = HITL_NO_MEMORY;
	hitl_arena_free(&check.scratch);
	if (check.result == HITL_OK && violations->count > 0)
		return HITL_INVALID;
	hitl_free_violations(violations);
	return check.result;
}

/*
 * Free what hitl_validate has found.
 */
void
hitl_free_violations(HitlViolations *violations)
{
	if (violations->memory != NULL)
		hitl_arena_free(violations->memory);
	memset(violations, 0, sizeof(*violations));
}

/*
 * Is a part of the instance valid by a schema?  Violations are recorded.
 */
bool
hitl_check_node(HitlCheck *check, const HitlNode *node,
				const HitlJson *instance, const HitlPlace *place)
{
	const HitlRule *rule;
	bool valid = true;

	if (check->spent || check->result != HITL_OK || check->scratch.failed ||
		check->memory->failed)
		return false;
	if (check->depth == MAX_DEPTH)
		return hitl_spend(check, place, "is nested too deeply to be checked");
	if (--check->budget < 0)
		return hitl_spend(check, place, "takes too long to be checked");
	if (node->never)
		return hitl_violate(check, place, node->keyword,
							"is not expected here");
	check->depth++;
	for (rule = node->rules;
		 rule != NULL && rule->keyword < HITL_CHECKED_KEYWORDS;
		 rule = rule->next)
	{
		check->budget -= 1 + instance->length / STEP_BYTES;
		if (check->budget < 0)
			valid = hitl_spend(check, place, "takes too long to be checked");
		else if (hitl_checkers[rule->keyword] != NULL &&
				 !hitl_checkers[rule->keyword](check, node, rule, instance,
											   place))
			valid = false;
		if (!valid && (check->quiet > 0 || check->spent))
			break;
	}
	check->depth--;

	/* Whatever was found with nothing left does not count. */
	if (check->budget < 0)
		valid = hitl_spend(check, place, "takes too long to be checked");
	return valid;
}

/*
 * The same without a word.
 */
bool
hitl_matches(HitlCheck *check, const HitlNode *node, const HitlJson *instance,
			 const HitlPlace *place)
{
	bool valid;

	check->quiet++;
	valid = hitl_check_node(check, node, instance, place);
	check->quiet--;
	return valid;
}

/*
 * Record a violation; always false.
 */
bool
hitl_violate(HitlCheck *check, const HitlPlace *place, const char *keyword,
			 const char *format, ...)
{
	va_list arguments;

	if (check->quiet > 0 || check->spent || check->result != HITL_OK)
		return false;
	va_start(arguments, format);
	record(check, place, keyword, format, arguments);
	va_end(arguments);
	return false;
}

/*
 * Give up: whatever has been found so far, the instance is not valid.
 */
bool
hitl_spend(HitlCheck *check, const HitlPlace *place, const char *message)
{
	if (!check->spent && check->result == HITL_OK)
	{
		int quiet = check->quiet;

		check->quiet = 0;
		if (check->violations->count == MAX_VIOLATIONS)
			check->violations->count--;
		hitl_violate(check, place, "$budget", "%s", message);
		check->quiet = quiet;
		check->spent = true;
	}
	return false;
}

/*
 * The arena of a list of violations, which lies in itself.
 */
static HitlArena *
begin_violations(HitlViolations *violations)
{
	HitlArena arena;
	HitlArena *memory;

	hitl_arena_init(&arena);
	memory = hitl_alloc(&arena, sizeof(HitlArena));
	if (memory == NULL)
		return NULL;
	*memory = arena;
	violations->memory = memory;
	return memory;
}

/*
 * Append to the list.
 */
static void
record(HitlCheck *check, const HitlPlace *place, const char *keyword,
	   const char *format, va_list arguments)
{
	HitlViolations *list = check->violations;
	HitlBuffer pointer;
	HitlBuffer message;

	if (list->count == MAX_VIOLATIONS)
		return;
	if (list->count == list->capacity)
	{
		int capacity = list->capacity == 0 ? 8 : list->capacity * 2;
		HitlViolation *items = hitl_alloc(check->memory,
										  capacity * sizeof(HitlViolation));

		if (items == NULL)
			return;
		if (list->count > 0)
			memcpy(items, list->items, list->count * sizeof(HitlViolation));
		list->items = items;
		list->capacity = capacity;
	}
	hitl_buffer_init(&pointer, check->memory);
	hitl_append_pointer(&pointer, place);
	list->items[list->count].pointer = hitl_buffer_text(&pointer);
	hitl_buffer_init(&message, check->memory);
	hitl_append_arguments(&message, format, arguments);
	list->items[list->count].message = hitl_buffer_text(&message);
	list->items[list->count].keyword = keyword;
	list->count++;
}

static void
refuse_twice(void *context, const HitlPlace *place)
{
	hitl_violate(context, place, "$json", "is given twice");
}
