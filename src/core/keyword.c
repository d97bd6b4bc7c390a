/*
 * keyword.c
 *		What each keyword of a JSON Schema checks.
 */
#include "core/schema.h"

#include <string.h>

/* Steps that a match costs, and one for so many bytes. */
#define MATCH_COST	16
#define MATCH_BYTES 16

/* Steps that a power of ten costs. */
#define POWER_COST 100

static HitlChecker check_type, check_enum, check_const, check_multiple,
	check_limit, check_length, check_format, check_pattern, check_required,
	check_dependent_required, check_count, check_property_names,
	check_properties, check_pattern_properties, check_additional, check_unique,
	check_prefix, check_items, check_contains, check_all,
	check_dependent_schemas, check_any, check_one, check_not, check_if;
static const HitlJson *find_member(HitlCheck *check, const HitlJson *object,
								   const char *key);
static bool match(HitlCheck *check, const char *pattern, const char *text,
				  const HitlPlace *place);
static bool is_integer(const HitlJson *value);

HitlChecker *const hitl_checkers[HITL_CHECKED_KEYWORDS] = {
	[HITL_KEYWORD_TYPE] = check_type,
	[HITL_KEYWORD_ENUM] = check_enum,
	[HITL_KEYWORD_CONST] = check_const,
	[HITL_KEYWORD_MULTIPLE_OF] = check_multiple,
	[HITL_KEYWORD_MAXIMUM] = check_limit,
	[HITL_KEYWORD_EXCLUSIVE_MAXIMUM] = check_limit,
	[HITL_KEYWORD_MINIMUM] = check_limit,
	[HITL_KEYWORD_EXCLUSIVE_MINIMUM] = check_limit,
	[HITL_KEYWORD_MAX_LENGTH] = check_length,
	[HITL_KEYWORD_MIN_LENGTH] = check_length,
	[HITL_KEYWORD_FORMAT] = check_format,
	[HITL_KEYWORD_PATTERN] = check_pattern,
	[HITL_KEYWORD_REQUIRED] = check_required,
	[HITL_KEYWORD_DEPENDENT_REQUIRED] = check_dependent_required,
	[HITL_KEYWORD_MAX_PROPERTIES] = check_count,
	[HITL_KEYWORD_MIN_PROPERTIES] = check_count,
	[HITL_KEYWORD_PROPERTY_NAMES] = check_property_names,
	[HITL_KEYWORD_PROPERTIES] = check_properties,
	[HITL_KEYWORD_PATTERN_PROPERTIES] = check_pattern_properties,
	[HITL_KEYWORD_ADDITIONAL_PROPERTIES] = check_additional,
	[HITL_KEYWORD_MAX_ITEMS] = check_count,
	[HITL_KEYWORD_MIN_ITEMS] = check_count,
	[HITL_KEYWORD_UNIQUE_ITEMS] = check_unique,
	[HITL_KEYWORD_PREFIX_ITEMS] = check_prefix,
	[HITL_KEYWORD_ITEMS] = check_items,
	[HITL_KEYWORD_CONTAINS] = check_contains,
	[HITL_KEYWORD_REF] = check_all,
	[HITL_KEYWORD_DEPENDENT_SCHEMAS] = check_dependent_schemas,
	[HITL_KEYWORD_ALL_OF] = check_all,
	[HITL_KEYWORD_ANY_OF] = check_any,
	[HITL_KEYWORD_ONE_OF] = check_one,
	[HITL_KEYWORD_NOT] = check_not,
	[HITL_KEYWORD_IF] = check_if,
};

/*
 * "type"
 */
static bool
check_type(HitlCheck *check, const HitlNode *node HITL_UNUSED,
		   const HitlRule *rule, const HitlJson *instance,
		   const HitlPlace *place)
{
	static const HitlJsonType order[] = {HITL_JSON_STRING, HITL_JSON_NUMBER,
										 HITL_JSON_TRUE,   HITL_JSON_ARRAY,
										 HITL_JSON_OBJECT, HITL_JSON_NULL};
	HitlBuffer names;
	bool whole = (rule->types & 1u << HITL_TYPE_INTEGER) &&
		!(rule->types & 1u << HITL_JSON_NUMBER);
	size_t i;

	if (rule->types & 1u << instance->type)
		return true;
	if (whole && is_integer(instance))
		return true;
	if (check->quiet > 0)
		return false;
	hitl_buffer_init(&names, &check->scratch);
	for (i = 0; i < sizeof(order) / sizeof(order[0]); i++)
	{
		HitlJson sample = {.type = order[i]};
		bool number = order[i] == HITL_JSON_NUMBER;

		if (!(rule->types & 1u << order[i]) && !(number && whole))
			continue;
		if (names.length > 0)
			hitl_append_text(&names, " or ");
		hitl_append_text(&names,
						 number && whole ? "a whole number"
										 : hitl_json_type_name(&sample));
	}
	if (hitl_buffer_text(&names) == NULL)
		return false;
	if (whole && instance->type == HITL_JSON_NUMBER)
		return hitl_violate(check, place, "type", "must be %s", names.data);
	return hitl_violate(check, place, "type", "must be %s, not %s", names.data,
						hitl_json_type_name(instance));
}

/*
 * "enum"
 */
static bool
check_enum(HitlCheck *check, const HitlNode *node HITL_UNUSED,
		   const HitlRule *rule, const HitlJson *instance,
		   const HitlPlace *place)
{
	const HitlJson *value;

	for (value = rule->value->first; value != NULL; value = value->next)
	{
		if (hitl_compare_values(value, instance, &check->budget) == 0)
			return true;
	}
	return hitl_violate(check, place, "enum", "must be one of %s",
						rule->quoted);
}

/*
 * "const"
 */
static bool
check_const(HitlCheck *check, const HitlNode *node HITL_UNUSED,
			const HitlRule *rule, const HitlJson *instance,
			const HitlPlace *place)
{
	if (hitl_compare_values(rule->value, instance, &check->budget) == 0)
		return true;
	return hitl_violate(check, place, "const", "must be %s", rule->quoted);
}

/*
 * "multipleOf"
 */
static bool
check_multiple(HitlCheck *check, const HitlNode *node HITL_UNUSED,
			   const HitlRule *rule, const HitlJson *instance,
			   const HitlPlace *place)
{
	if (strpbrk(instance->type == HITL_JSON_NUMBER ? instance->text : "",
				"eE") != NULL)
		check->budget -= POWER_COST;
	if (instance->type != HITL_JSON_NUMBER ||
		hitl_is_multiple(instance->text, rule->value->text))
		return true;
	return hitl_violate(check, place, "multipleOf", "must be a multiple of %s",
						rule->quoted);
}

/*
 * "maximum" and its like
 */
static bool
check_limit(HitlCheck *check, const HitlNode *node HITL_UNUSED,
			const HitlRule *rule, const HitlJson *instance,
			const HitlPlace *place)
{
	const char *how = NULL;
	int order;

	if (instance->type != HITL_JSON_NUMBER)
		return true;
	order = hitl_compare_numbers(instance->text, rule->value->text);
	switch (rule->keyword)
	{
		case HITL_KEYWORD_MAXIMUM:
			how = order > 0 ? "at most" : NULL;
			break;
		case HITL_KEYWORD_EXCLUSIVE_MAXIMUM:
			how = order >= 0 ? "less than" : NULL;
			break;
		case HITL_KEYWORD_MINIMUM:
			how = order < 0 ? "at least" : NULL;
			break;
		default:
			how = order <= 0 ? "more than" : NULL;
			break;
	}
	return how == NULL ||
		hitl_violate(check, place, hitl_keyword_names[rule->keyword],
					 "must be %s %s", how, rule->quoted);
}

/*
 * "maxLength" and "minLength", in code points
 */
static bool
check_length(HitlCheck *check, const HitlNode *node HITL_UNUSED,
			 const HitlRule *rule, const HitlJson *instance,
			 const HitlPlace *place)
{
	bool most = rule->keyword == HITL_KEYWORD_MAX_LENGTH;
	int64_t length = 0;
	const char *p;

	if (instance->type != HITL_JSON_STRING)
		return true;
	for (p = instance->text; *p != '\0'; p++)
		length += ((unsigned char) *p & 0xC0) != 0x80;
	if (most ? length <= rule->size : length >= rule->size)
		return true;
	if (rule->size == 1 && !most)
		return hitl_violate(check, place, "minLength", "must not be empty");
	return hitl_violate(check, place, hitl_keyword_names[rule->keyword],
						"must have at %s %lld character%s",
						most ? "most" : "least", (long long) rule->size,
						rule->size == 1 ? "" : "s");
}

/*
 * "format"
 */
static bool
check_format(HitlCheck *check, const HitlNode *node HITL_UNUSED,
			 const HitlRule *rule, const HitlJson *instance,
			 const HitlPlace *place)
{
	if (instance->type != HITL_JSON_STRING ||
		rule->format->check(instance->text))
		return true;
	return hitl_violate(check, place, "format", "must be %s",
						rule->format->meaning);
}

/*
 * "pattern"
 */
static bool
check_pattern(HitlCheck *check, const HitlNode *node HITL_UNUSED,
			  const HitlRule *rule, const HitlJson *instance,
			  const HitlPlace *place)
{
	if (instance->type != HITL_JSON_STRING ||
		match(check, rule->pattern, instance->text, place))
		return true;
	return hitl_violate(check, place, "pattern", "must match the pattern %s",
						rule->quoted);
}

/*
 * "required"
 */
static bool
check_required(HitlCheck *check, const HitlNode *node HITL_UNUSED,
			   const HitlRule *rule, const HitlJson *instance,
			   const HitlPlace *place)
{
	const HitlJson *member = instance->first;
	bool valid = true;
	int i;

	if (instance->type != HITL_JSON_OBJECT)
		return true;
	check->budget -= instance->count + rule->count;

	/* Both are sorted. */
	for (i = 0; i < rule->count; i++)
	{
		while (member != NULL && strcmp(member->key, rule->names[i]) < 0)
			member = member->next;
		if (member == NULL || strcmp(member->key, rule->names[i]) != 0)
			valid = hitl_violate(check, place, "required",
								 "is required: \"%s\"", rule->names[i]);
	}
	return valid;
}

/*
 * "dependentRequired"
 */
static bool
check_dependent_required(HitlCheck *check, const HitlNode *node HITL_UNUSED,
						 const HitlRule *rule, const HitlJson *instance,
						 const HitlPlace *place)
{
	bool valid = true;
	int i;
	int j;

	if (instance->type != HITL_JSON_OBJECT)
		return true;
	for (i = 0; i < rule->count; i++)
	{
		const HitlRule *list = &rule->lists[i];

		if (find_member(check, instance, rule->names[i]) == NULL)
			continue;
		for (j = 0; j < list->count; j++)
		{
			if (find_member(check, instance, list->names[j]) == NULL)
				valid = hitl_violate(check, place, "dependentRequired",
									 "is required with \"%s\": \"%s\"",
									 rule->names[i], list->names[j]);
		}
	}
	return valid;
}

/*
 * "maxItems", "minItems", "maxProperties" and "minProperties"
 */
static bool
check_count(HitlCheck *check, const HitlNode *node HITL_UNUSED,
			const HitlRule *rule, const HitlJson *instance,
			const HitlPlace *place)
{
	bool items = rule->keyword == HITL_KEYWORD_MAX_ITEMS ||
		rule->keyword == HITL_KEYWORD_MIN_ITEMS;
	bool most = rule->keyword == HITL_KEYWORD_MAX_ITEMS ||
		rule->keyword == HITL_KEYWORD_MAX_PROPERTIES;

	if (instance->type != (items ? HITL_JSON_ARRAY : HITL_JSON_OBJECT) ||
		(most ? instance->count <= rule->size : instance->count >= rule->size))
		return true;
	return hitl_violate(check, place, hitl_keyword_names[rule->keyword],
						"must have at %s %lld %s%s", most ? "most" : "least",
						(long long) rule->size, items ? "element" : "member",
						rule->size == 1 ? "" : "s");
}

/*
 * "propertyNames"
 */
static bool
check_property_names(HitlCheck *check, const HitlNode *node HITL_UNUSED,
					 const HitlRule *rule, const HitlJson *instance,
					 const HitlPlace *place)
{
	const HitlJson *member;
	bool valid = true;

	if (instance->type != HITL_JSON_OBJECT)
		return true;
	for (member = instance->first; member != NULL; member = member->next)
	{
		HitlPlace here = {place, member->key, 0};
		HitlJson name = {.type = HITL_JSON_STRING,
						 .text = member->key,
						 .length = strlen(member->key)};

		if (!hitl_matches(check, rule->nodes[0], &name, &here))
			valid = hitl_violate(check, &here, "propertyNames",
								 "has a name that is not allowed");
	}
	return valid;
}

/*
 * "properties"
 */
static bool
check_properties(HitlCheck *check, const HitlNode *node HITL_UNUSED,
				 const HitlRule *rule, const HitlJson *instance,
				 const HitlPlace *place)
{
	const HitlJson *member;
	bool valid = true;

	if (instance->type != HITL_JSON_OBJECT)
		return true;
	check->budget -= instance->count;
	for (member = instance->first; member != NULL; member = member->next)
	{
		HitlPlace here = {place, member->key, 0};
		int found = hitl_find_rule_name(rule, member->key);

		if (found >= 0 &&
			!hitl_check_node(check, rule->nodes[found], member, &here))
			valid = false;
	}
	return valid;
}

/*
 * "patternProperties"
 */
static bool
check_pattern_properties(HitlCheck *check, const HitlNode *node HITL_UNUSED,
						 const HitlRule *rule, const HitlJson *instance,
						 const HitlPlace *place)
{
	const HitlJson *member;
	bool valid = true;
	int i;

	if (instance->type != HITL_JSON_OBJECT)
		return true;
	for (member = instance->first; member != NULL; member = member->next)
	{
		HitlPlace here = {place, member->key, 0};

		for (i = 0; i < rule->count; i++)
		{
			if (match(check, rule->patterns[i], member->key, &here) &&
				!hitl_check_node(check, rule->nodes[i], member, &here))
				valid = false;
		}
	}
	return valid;
}

/*
 * "additionalProperties": those that the two before leave
 */
static bool
check_additional(HitlCheck *check, const HitlNode *node, const HitlRule *rule,
				 const HitlJson *instance, const HitlPlace *place)
{
	const HitlRule *named = hitl_find_rule(node, HITL_KEYWORD_PROPERTIES);
	const HitlRule *patterned = hitl_find_rule(node,
											   HITL_KEYWORD_PATTERN_PROPERTIES);
	const HitlJson *member;
	bool valid = true;

	if (instance->type != HITL_JSON_OBJECT)
		return true;
	check->budget -= instance->count;
	for (member = instance->first; member != NULL; member = member->next)
	{
		HitlPlace here = {place, member->key, 0};
		bool known = hitl_find_rule_name(named, member->key) >= 0;
		int i;

		for (i = 0; patterned != NULL && i < patterned->count && !known; i++)
			known = match(check, patterned->patterns[i], member->key, &here);
		if (!known && !hitl_check_node(check, rule->nodes[0], member, &here))
			valid = false;
	}
	return valid;
}

/*
 * "uniqueItems"
 */
static bool
check_unique(HitlCheck *check, const HitlNode *node HITL_UNUSED,
			 const HitlRule *rule, const HitlJson *instance,
			 const HitlPlace *place)
{
	if (rule->value->type == HITL_JSON_FALSE ||
		instance->type != HITL_JSON_ARRAY)
		return true;
	return !hitl_has_equals(&check->scratch, instance, &check->budget) ||
		hitl_violate(check, place, "uniqueItems",
					 "must not have an element twice");
}

/*
 * "prefixItems"
 */
static bool
check_prefix(HitlCheck *check, const HitlNode *node HITL_UNUSED,
			 const HitlRule *rule, const HitlJson *instance,
			 const HitlPlace *place)
{
	const HitlJson *element;
	HitlPlace here = {place, NULL, 0};
	bool valid = true;

	if (instance->type != HITL_JSON_ARRAY)
		return true;
	for (element = instance->first; element != NULL && here.index < rule->count;
		 element = element->next, here.index++)
	{
		if (!hitl_check_node(check, rule->nodes[here.index], element, &here))
			valid = false;
	}
	return valid;
}

/*
 * "items": the elements after those of "prefixItems"
 */
static bool
check_items(HitlCheck *check, const HitlNode *node, const HitlRule *rule,
			const HitlJson *instance, const HitlPlace *place)
{
	const HitlRule *prefix = hitl_find_rule(node, HITL_KEYWORD_PREFIX_ITEMS);
	const HitlJson *element;
	HitlPlace here = {place, NULL, 0};
	bool valid = true;

	if (instance->type != HITL_JSON_ARRAY)
		return true;
	check->budget -= instance->count;
	for (element = instance->first; element != NULL;
		 element = element->next, here.index++)
	{
		if ((prefix == NULL || here.index >= prefix->count) &&
			!hitl_check_node(check, rule->nodes[0], element, &here))
			valid = false;
	}
	return valid;
}

/*
 * "contains", with "minContains" and "maxContains"
 */
static bool
check_contains(HitlCheck *check, const HitlNode *node, const HitlRule *rule,
			   const HitlJson *instance, const HitlPlace *place)
{
	const HitlRule *least = hitl_find_rule(node, HITL_KEYWORD_MIN_CONTAINS);
	const HitlRule *most = hitl_find_rule(node, HITL_KEYWORD_MAX_CONTAINS);
	int64_t minimum = least == NULL ? 1 : least->size;
	const HitlJson *element;
	HitlPlace here = {place, NULL, 0};
	int64_t found = 0;

	if (instance->type != HITL_JSON_ARRAY)
		return true;
	for (element = instance->first; element != NULL;
		 element = element->next, here.index++)
		found += hitl_matches(check, rule->nodes[0], element, &here);
	if (found < minimum)
		return hitl_violate(
			check, place, least == NULL ? "contains" : "minContains",
			"must have at least %lld element%s of the kind that is "
			"asked for, not %lld",
			(long long) minimum, minimum == 1 ? "" : "s", (long long) found);
	if (most != NULL && found > most->size)
		return hitl_violate(
			check, place, "maxContains",
			"must have at most %lld element%s of the kind that is "
			"limited, not %lld",
			(long long) most->size, most->size == 1 ? "" : "s",
			(long long) found);
	return true;
}

/*
 * "$ref" and "allOf"
 */
static bool
check_all(HitlCheck *check, const HitlNode *node HITL_UNUSED,
		  const HitlRule *rule, const HitlJson *instance,
		  const HitlPlace *place)
{
	bool valid = true;
	int i;

	for (i = 0; i < rule->count; i++)
	{
		if (!hitl_check_node(check, rule->nodes[i], instance, place))
			valid = false;
	}
	return valid;
}

/*
 * "dependentSchemas"
 */
static bool
check_dependent_schemas(HitlCheck *check, const HitlNode *node HITL_UNUSED,
						const HitlRule *rule, const HitlJson *instance,
						const HitlPlace *place)
{
	bool valid = true;
	int i;

	if (instance->type != HITL_JSON_OBJECT)
		return true;
	for (i = 0; i < rule->count; i++)
	{
		if (find_member(check, instance, rule->names[i]) != NULL &&
			!hitl_check_node(check, rule->nodes[i], instance, place))
			valid = false;
	}
	return valid;
}

/*
 * "anyOf"
 */
static bool
check_any(HitlCheck *check, const HitlNode *node HITL_UNUSED,
		  const HitlRule *rule, const HitlJson *instance,
		  const HitlPlace *place)
{
	int i;

	for (i = 0; i < rule->count; i++)
	{
		if (hitl_matches(check, rule->nodes[i], instance, place))
			return true;
	}
	return hitl_violate(check, place, "anyOf",
						"is none of the %d alternatives that are allowed",
						rule->count);
}

/*
 * "oneOf"
 */
static bool
check_one(HitlCheck *check, const HitlNode *node HITL_UNUSED,
		  const HitlRule *rule, const HitlJson *instance,
		  const HitlPlace *place)
{
	int found = 0;
	int i;

	for (i = 0; i < rule->count; i++)
		found += hitl_matches(check, rule->nodes[i], instance, place);
	if (found == 1)
		return true;
	if (found == 0)
		return hitl_violate(check, place, "oneOf",
							"is none of the %d alternatives that are allowed",
							rule->count);
	return hitl_violate(
		check, place, "oneOf",
		"is %d of %d alternatives at once, of which one is allowed", found,
		rule->count);
}

/*
 * "not"
 */
static bool
check_not(HitlCheck *check, const HitlNode *node HITL_UNUSED,
		  const HitlRule *rule, const HitlJson *instance,
		  const HitlPlace *place)
{
	return !hitl_matches(check, rule->nodes[0], instance, place) ||
		hitl_violate(check, place, "not", "is what is excluded");
}

/*
 * "if", "then" and "else"
 */
static bool
check_if(HitlCheck *check, const HitlNode *node, const HitlRule *rule,
		 const HitlJson *instance, const HitlPlace *place)
{
	bool holds = hitl_matches(check, rule->nodes[0], instance, place);
	const HitlRule *then = hitl_find_rule(node,
										  holds ? HITL_KEYWORD_THEN
												: HITL_KEYWORD_ELSE);

	return then == NULL ||
		hitl_check_node(check, then->nodes[0], instance, place);
}

/*
 * A member of an object.
 */
static const HitlJson *
find_member(HitlCheck *check, const HitlJson *object, const char *key)
{
	check->budget -= 1 + object->count / 4;
	return check->budget < 0 ? NULL : hitl_json_member(object, key);
}

/*
 * Does a text match a pattern?  Only the host knows.
 */
static bool
match(HitlCheck *check, const char *pattern, const char *text,
	  const HitlPlace *place)
{
	const char *why = NULL;
	size_t length = strlen(text);

	if (check->spent || check->result != HITL_OK)
		return false;
	check->budget -= MATCH_COST + length / MATCH_BYTES;
	if (check->budget < 0)
		return hitl_spend(check, place, "takes too long to be checked");
	switch (
		check->host->match(check->host->context, pattern, text, length, &why))
	{
		case HITL_QUERY_FOUND:
			return true;
		case HITL_QUERY_EMPTY:
			return false;
		case HITL_QUERY_FAULTY:
			return hitl_spend(check, place,
							  "has a pattern that cannot be used");
		default:
			check->result = HITL_HOST_FAILED;
			return false;
	}
}

/*
 * Is it a number without a fraction?
 */
static bool
is_integer(const HitlJson *value)
{
	return value->type == HITL_JSON_NUMBER && hitl_is_whole(value->text);
}
