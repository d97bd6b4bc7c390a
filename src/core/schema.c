/*
 * schema.c
 *		Parse and check JSON Schemas, draft 2020-12.
 *
 * What is not supported is refused here, so that no keyword of a schema is ever
 * ignored when an answer is checked.
 */
#include "core/schema.h"

#include <stdlib.h>
#include <string.h>

/* Schemas in a document: a bound on the time to find their references. */
#define MAX_NODES 10000

/* Characters of a value that are repeated in messages. */
#define MAX_QUOTED 200

#define DIALECT "https://json-schema.org/draft/2020-12/schema"

const HitlKeywordInfo hitl_keywords[HITL_KEYWORDS] = {
	[HITL_KEYWORD_TYPE] = {HITL_SHAPE_TYPES, false},
	[HITL_KEYWORD_ENUM] = {HITL_SHAPE_ARRAY, false},
	[HITL_KEYWORD_CONST] = {HITL_SHAPE_ANY, false},
	[HITL_KEYWORD_MULTIPLE_OF] = {HITL_SHAPE_DIVISOR, false},
	[HITL_KEYWORD_MAXIMUM] = {HITL_SHAPE_NUMBER, false},
	[HITL_KEYWORD_EXCLUSIVE_MAXIMUM] = {HITL_SHAPE_NUMBER, false},
	[HITL_KEYWORD_MINIMUM] = {HITL_SHAPE_NUMBER, false},
	[HITL_KEYWORD_EXCLUSIVE_MINIMUM] = {HITL_SHAPE_NUMBER, false},
	[HITL_KEYWORD_MAX_LENGTH] = {HITL_SHAPE_SIZE, false},
	[HITL_KEYWORD_MIN_LENGTH] = {HITL_SHAPE_SIZE, false},
	[HITL_KEYWORD_FORMAT] = {HITL_SHAPE_FORMAT, false},
	[HITL_KEYWORD_PATTERN] = {HITL_SHAPE_PATTERN, false},
	[HITL_KEYWORD_REQUIRED] = {HITL_SHAPE_NAMES, false},
	[HITL_KEYWORD_DEPENDENT_REQUIRED] = {HITL_SHAPE_LISTS, false},
	[HITL_KEYWORD_MAX_PROPERTIES] = {HITL_SHAPE_SIZE, false},
	[HITL_KEYWORD_MIN_PROPERTIES] = {HITL_SHAPE_SIZE, false},
	[HITL_KEYWORD_PROPERTY_NAMES] = {HITL_SHAPE_SCHEMA, false},
	[HITL_KEYWORD_PROPERTIES] = {HITL_SHAPE_NAMED, false},
	[HITL_KEYWORD_PATTERN_PROPERTIES] = {HITL_SHAPE_PATTERNED, false},
	[HITL_KEYWORD_ADDITIONAL_PROPERTIES] = {HITL_SHAPE_SCHEMA, false},
	[HITL_KEYWORD_MAX_ITEMS] = {HITL_SHAPE_SIZE, false},
	[HITL_KEYWORD_MIN_ITEMS] = {HITL_SHAPE_SIZE, false},
	[HITL_KEYWORD_UNIQUE_ITEMS] = {HITL_SHAPE_BOOLEAN, false},
	[HITL_KEYWORD_PREFIX_ITEMS] = {HITL_SHAPE_SCHEMAS, false},
	[HITL_KEYWORD_ITEMS] = {HITL_SHAPE_SCHEMA, false},
	[HITL_KEYWORD_CONTAINS] = {HITL_SHAPE_SCHEMA, false},
	[HITL_KEYWORD_MAX_CONTAINS] = {HITL_SHAPE_SIZE, false},
	[HITL_KEYWORD_MIN_CONTAINS] = {HITL_SHAPE_SIZE, false},
	[HITL_KEYWORD_REF] = {HITL_SHAPE_REFERENCE, true},
	[HITL_KEYWORD_DEPENDENT_SCHEMAS] = {HITL_SHAPE_NAMED, true},
	[HITL_KEYWORD_ALL_OF] = {HITL_SHAPE_SCHEMAS, true},
	[HITL_KEYWORD_ANY_OF] = {HITL_SHAPE_SCHEMAS, true},
	[HITL_KEYWORD_ONE_OF] = {HITL_SHAPE_SCHEMAS, true},
	[HITL_KEYWORD_NOT] = {HITL_SHAPE_SCHEMA, true},
	[HITL_KEYWORD_IF] = {HITL_SHAPE_SCHEMA, true},
	[HITL_KEYWORD_THEN] = {HITL_SHAPE_SCHEMA, true},
	[HITL_KEYWORD_ELSE] = {HITL_SHAPE_SCHEMA, true},
	[HITL_KEYWORD_DEFS] = {HITL_SHAPE_NAMED, false},
	[HITL_KEYWORD_ANCHOR] = {HITL_SHAPE_ANCHOR, false},
	[HITL_KEYWORD_SCHEMA] = {HITL_SHAPE_DIALECT, false},
	[HITL_KEYWORD_COMMENT] = {HITL_SHAPE_TEXT, false},
	[HITL_KEYWORD_TITLE] = {HITL_SHAPE_TEXT, false},
	[HITL_KEYWORD_DESCRIPTION] = {HITL_SHAPE_TEXT, false},
	[HITL_KEYWORD_DEFAULT] = {HITL_SHAPE_ANY, false},
	[HITL_KEYWORD_EXAMPLES] = {HITL_SHAPE_ARRAY, false},
	[HITL_KEYWORD_DEPRECATED] = {HITL_SHAPE_BOOLEAN, false},
	[HITL_KEYWORD_READ_ONLY] = {HITL_SHAPE_BOOLEAN, false},
	[HITL_KEYWORD_WRITE_ONLY] = {HITL_SHAPE_BOOLEAN, false},
	[HITL_KEYWORD_CONTENT_ENCODING] = {HITL_SHAPE_TEXT, false},
	[HITL_KEYWORD_CONTENT_MEDIA_TYPE] = {HITL_SHAPE_TEXT, false},
};

const char *const hitl_keyword_names[HITL_KEYWORDS + 1] = {
	[HITL_KEYWORD_TYPE] = "type",
	[HITL_KEYWORD_ENUM] = "enum",
	[HITL_KEYWORD_CONST] = "const",
	[HITL_KEYWORD_MULTIPLE_OF] = "multipleOf",
	[HITL_KEYWORD_MAXIMUM] = "maximum",
	[HITL_KEYWORD_EXCLUSIVE_MAXIMUM] = "exclusiveMaximum",
	[HITL_KEYWORD_MINIMUM] = "minimum",
	[HITL_KEYWORD_EXCLUSIVE_MINIMUM] = "exclusiveMinimum",
	[HITL_KEYWORD_MAX_LENGTH] = "maxLength",
	[HITL_KEYWORD_MIN_LENGTH] = "minLength",
	[HITL_KEYWORD_FORMAT] = "format",
	[HITL_KEYWORD_PATTERN] = "pattern",
	[HITL_KEYWORD_REQUIRED] = "required",
	[HITL_KEYWORD_DEPENDENT_REQUIRED] = "dependentRequired",
	[HITL_KEYWORD_MAX_PROPERTIES] = "maxProperties",
	[HITL_KEYWORD_MIN_PROPERTIES] = "minProperties",
	[HITL_KEYWORD_PROPERTY_NAMES] = "propertyNames",
	[HITL_KEYWORD_PROPERTIES] = "properties",
	[HITL_KEYWORD_PATTERN_PROPERTIES] = "patternProperties",
	[HITL_KEYWORD_ADDITIONAL_PROPERTIES] = "additionalProperties",
	[HITL_KEYWORD_MAX_ITEMS] = "maxItems",
	[HITL_KEYWORD_MIN_ITEMS] = "minItems",
	[HITL_KEYWORD_UNIQUE_ITEMS] = "uniqueItems",
	[HITL_KEYWORD_PREFIX_ITEMS] = "prefixItems",
	[HITL_KEYWORD_ITEMS] = "items",
	[HITL_KEYWORD_CONTAINS] = "contains",
	[HITL_KEYWORD_MAX_CONTAINS] = "maxContains",
	[HITL_KEYWORD_MIN_CONTAINS] = "minContains",
	[HITL_KEYWORD_REF] = "$ref",
	[HITL_KEYWORD_DEPENDENT_SCHEMAS] = "dependentSchemas",
	[HITL_KEYWORD_ALL_OF] = "allOf",
	[HITL_KEYWORD_ANY_OF] = "anyOf",
	[HITL_KEYWORD_ONE_OF] = "oneOf",
	[HITL_KEYWORD_NOT] = "not",
	[HITL_KEYWORD_IF] = "if",
	[HITL_KEYWORD_THEN] = "then",
	[HITL_KEYWORD_ELSE] = "else",
	[HITL_KEYWORD_DEFS] = "$defs",
	[HITL_KEYWORD_ANCHOR] = "$anchor",
	[HITL_KEYWORD_SCHEMA] = "$schema",
	[HITL_KEYWORD_COMMENT] = "$comment",
	[HITL_KEYWORD_TITLE] = "title",
	[HITL_KEYWORD_DESCRIPTION] = "description",
	[HITL_KEYWORD_DEFAULT] = "default",
	[HITL_KEYWORD_EXAMPLES] = "examples",
	[HITL_KEYWORD_DEPRECATED] = "deprecated",
	[HITL_KEYWORD_READ_ONLY] = "readOnly",
	[HITL_KEYWORD_WRITE_ONLY] = "writeOnly",
	[HITL_KEYWORD_CONTENT_ENCODING] = "contentEncoding",
	[HITL_KEYWORD_CONTENT_MEDIA_TYPE] = "contentMediaType",
	[HITL_KEYWORDS] = NULL,
};

static const char *const type_names[] = {"null",	"boolean", "number",
										 "string",	"array",   "object",
										 "integer", NULL};

static const unsigned type_bits[] =
	{1u << HITL_JSON_NULL,	 1u << HITL_JSON_FALSE | 1u << HITL_JSON_TRUE,
	 1u << HITL_JSON_NUMBER, 1u << HITL_JSON_STRING,
	 1u << HITL_JSON_ARRAY,	 1u << HITL_JSON_OBJECT,
	 1u << HITL_TYPE_INTEGER};

static HitlSchema *compile(HitlParse *parse, const HitlPlace *place,
						   const char *json);
static HitlNode *compile_node(HitlCompiler *c, const HitlPlace *place,
							  const char *keyword, const HitlJson *value);
static void compile_members(HitlCompiler *c, HitlNode *node,
							const HitlJson *value);
static void refuse_keyword(HitlCompiler *c, const HitlPlace *place);
static void compile_rule(HitlCompiler *c, const HitlPlace *place,
						 HitlRule *rule);
static void compile_types(HitlCompiler *c, const HitlPlace *place,
						  HitlRule *rule);
static void compile_format(HitlCompiler *c, const HitlPlace *place,
						   HitlRule *rule);
static const char *compile_pattern(HitlCompiler *c, const HitlPlace *place,
								   const char *pattern);
static void compile_names(HitlCompiler *c, const HitlPlace *place,
						  const HitlJson *value, HitlRule *rule);
static void compile_lists(HitlCompiler *c, const HitlPlace *place,
						  HitlRule *rule);
static void compile_nodes(HitlCompiler *c, const HitlPlace *place,
						  HitlRule *rule);
static void check_anchor(HitlCompiler *c, const HitlPlace *place,
						 const char *anchor);
static const char *quote(HitlCompiler *c, const HitlJson *value);
static bool expect(HitlCompiler *c, const HitlPlace *place,
				   const HitlJson *value, HitlJsonType type);
static const HitlPlace *keep_place(HitlCompiler *c, const HitlPlace *outer,
								   const char *key, int index);
static void refuse_twice(void *context, const HitlPlace *place);
static int compare_texts(const void *a, const void *b);

/*
 * Parse a schema's text.
 */
HitlResult
hitl_parse_schema(const char *json, const HitlHost *host, HitlSchema **schema,
				  HitlFaults *faults)
{
	HitlArena arena;
	HitlParse parse = {&arena, host, faults, false, HITL_OK, NULL};
	HitlSchema *result;

	*schema = NULL;
	hitl_arena_init(&arena);
	result = compile(&parse, NULL, json);
	if (parse.result == HITL_OK && parse.faulty)
		parse.result = HITL_INVALID;
	if (parse.result != HITL_OK)
	{
		hitl_arena_free(&arena);
		return parse.result;
	}
	result->arena = arena;
	*schema = result;
	return HITL_OK;
}

/*
 * Check a schema within another document.
 */
void
hitl_check_schema(HitlParse *parse, const HitlPlace *place, const char *json)
{
	HitlArena arena;
	HitlParse inner = *parse;

	if (parse->result != HITL_OK)
		return;
	hitl_arena_init(&arena);
	inner.arena = &arena;
	(void) compile(&inner, place, json);
	parse->faulty = inner.faulty;
	parse->result = inner.result;
	hitl_arena_free(&arena);
}

/*
 * Free a schema.
 */
void
hitl_free_schema(HitlSchema *schema)
{
	if (schema != NULL)
		hitl_arena_free(&schema->arena);
}

/*
 * A keyword of a schema, or NULL.
 */
const HitlRule *
hitl_find_rule(const HitlNode *node, HitlKeyword keyword)
{
	const HitlRule *rule = node->rules;

	while (rule != NULL && rule->keyword < keyword)
		rule = rule->next;
	return rule != NULL && rule->keyword == keyword ? rule : NULL;
}

/*
 * Which of a keyword's names this is; -1 for none.
 */
int
hitl_find_rule_name(const HitlRule *rule, const char *name)
{
	const char **found;

	if (rule == NULL || rule->count == 0)
		return -1;
	found = bsearch(&name, rule->names, rule->count, sizeof(name),
					compare_texts);
	return found == NULL ? -1 : (int) (found - rule->names);
}

/*
 * A schema from its text, or at least its faults.
 */
static HitlSchema *
compile(HitlParse *parse, const HitlPlace *place, const char *json)
{
	HitlCompiler c = {*parse, NULL, NULL, 0, 0};
	HitlSchema *schema = hitl_alloc_zero(parse->arena, sizeof(HitlSchema));
	const HitlJson *document;

	c.schema = schema;
	if (schema == NULL)
	{
		parse->result = HITL_NO_MEMORY;
		return NULL;
	}
	document = hitl_read_document(&c.parse, parse->arena, place, json);
	if (document != NULL)
	{
		/* It is ours, so it may be changed. */
		(void) hitl_sort_members((HitlJson *) document, place, refuse_twice,
								 &c.parse);
		schema->root = compile_node(&c, place, "false", document);
	}
	if (parse->arena->failed)
		c.parse.result = HITL_NO_MEMORY;
	if (c.parse.result == HITL_OK && c.count > MAX_NODES)
		hitl_fault(&c.parse, place, "has more than %d schemas", MAX_NODES);
	else if (c.parse.result == HITL_OK && schema->root != NULL)
		hitl_resolve_references(&c);
	if (parse->arena->failed)
		c.parse.result = HITL_NO_MEMORY;
	parse->faulty = c.parse.faulty;
	parse->result = c.parse.result;
	return schema;
}

/*
 * A schema and all within it.  keyword: where it stands.
 */
static HitlNode *
compile_node(HitlCompiler *c, const HitlPlace *place, const char *keyword,
			 const HitlJson *value)
{
	HitlNode *node;

	if (c->count == c->capacity)
	{
		int capacity = c->capacity == 0 ? 16 : c->capacity * 2;
		HitlNode **nodes = hitl_alloc(c->parse.arena,
									  capacity * sizeof(HitlNode *));

		if (nodes == NULL)
			return NULL;
		if (c->count > 0)
			memcpy(nodes, c->nodes, c->count * sizeof(HitlNode *));
		c->nodes = nodes;
		c->capacity = capacity;
	}
	node = hitl_alloc_zero(c->parse.arena, sizeof(HitlNode));
	if (node == NULL)
		return NULL;
	c->nodes[c->count++] = node;
	node->place = place;
	node->keyword = keyword;
	switch (value->type)
	{
		case HITL_JSON_FALSE:
			node->never = true;
			break;
		case HITL_JSON_TRUE:
			break;
		case HITL_JSON_OBJECT:
			if (c->count <= MAX_NODES)
				compile_members(c, node, value);
			break;
		default:
			hitl_fault(&c->parse, place,
					   "must be a schema (an object, true or false), not %s",
					   hitl_json_type_name(value));
			break;
	}
	return node;
}

/*
 * The keywords of a schema.
 */
static void
compile_members(HitlCompiler *c, HitlNode *node, const HitlJson *value)
{
	const HitlJson *member;

	for (member = value->first; member != NULL && !hitl_faults_full(&c->parse);
		 member = member->next)
	{
		const HitlPlace *place = keep_place(c, node->place, member->key, 0);
		HitlRule *rule = hitl_alloc_zero(c->parse.arena, sizeof(HitlRule));
		HitlRule **at = &node->rules;
		int keyword = 0;

		if (rule == NULL)
			return;
		while (keyword < HITL_KEYWORDS &&
			   strcmp(hitl_keyword_names[keyword], member->key) != 0)
			keyword++;
		if (keyword == HITL_KEYWORDS)
		{
			refuse_keyword(c, place);
			continue;
		}
		rule->keyword = keyword;
		rule->value = member;
		while (*at != NULL && (*at)->keyword < rule->keyword)
			at = &(*at)->next;
		rule->next = *at;
		*at = rule;
		if (rule->keyword <= HITL_KEYWORD_PATTERN)
			rule->quoted = quote(c, member);
		compile_rule(c, place, rule);
	}
}

/*
 * Say that a keyword is not supported, and which one may have been meant.
 */
static void
refuse_keyword(HitlCompiler *c, const HitlPlace *place)
{
	/* Of which others are no misspellings. */
	static const char *const others[] = {"$id",
										 "$dynamicRef",
										 "$dynamicAnchor",
										 "$vocabulary",
										 "unevaluatedItems",
										 "unevaluatedProperties",
										 "contentSchema",
										 NULL};
	const char *nearest = hitl_nearest(place->key, hitl_keyword_names, others);

	if (nearest != NULL && strcmp(nearest, place->key) != 0)
		hitl_fault(&c->parse, place,
				   "this keyword is not supported, perhaps \"%s\" is meant",
				   nearest);
	else
		hitl_fault(&c->parse, place, "this keyword is not supported");
}

/*
 * The value of a keyword.
 */
static void
compile_rule(HitlCompiler *c, const HitlPlace *place, HitlRule *rule)
{
	const HitlJson *value = rule->value;

	switch (hitl_keywords[rule->keyword].shape)
	{
		case HITL_SHAPE_ANY:
			break;
		case HITL_SHAPE_TEXT:
			expect(c, place, value, HITL_JSON_STRING);
			break;
		case HITL_SHAPE_BOOLEAN:
			if (value->type != HITL_JSON_TRUE && value->type != HITL_JSON_FALSE)
				hitl_fault(&c->parse, place, "must be true or false, not %s",
						   hitl_json_type_name(value));
			break;
		case HITL_SHAPE_ARRAY:
			expect(c, place, value, HITL_JSON_ARRAY);
			break;
		case HITL_SHAPE_NUMBER:
			expect(c, place, value, HITL_JSON_NUMBER);
			break;
		case HITL_SHAPE_DIVISOR:
			if (!expect(c, place, value, HITL_JSON_NUMBER))
				break;
			if (hitl_compare_numbers(value->text, "0") <= 0)
				hitl_fault(&c->parse, place, "must be above 0");
			else if (!hitl_is_divisor(value->text))
				hitl_fault(&c->parse, place,
						   "more than 18 digits are not supported");
			break;
		case HITL_SHAPE_SIZE:
			if (!hitl_read_size(value, &rule->size))
				hitl_fault(&c->parse, place,
						   "must be a whole number of 0 or more");
			break;
		case HITL_SHAPE_TYPES:
			compile_types(c, place, rule);
			break;
		case HITL_SHAPE_FORMAT:
			compile_format(c, place, rule);
			break;
		case HITL_SHAPE_PATTERN:
			if (expect(c, place, value, HITL_JSON_STRING))
				rule->pattern = compile_pattern(c, place, value->text);
			break;
		case HITL_SHAPE_NAMES:
			compile_names(c, place, value, rule);
			break;
		case HITL_SHAPE_LISTS:
			compile_lists(c, place, rule);
			break;
		case HITL_SHAPE_SCHEMA:
		case HITL_SHAPE_SCHEMAS:
		case HITL_SHAPE_NAMED:
		case HITL_SHAPE_PATTERNED:
			compile_nodes(c, place, rule);
			break;
		case HITL_SHAPE_REFERENCE:
			/* Followed once all schemas are known. */
			expect(c, place, value, HITL_JSON_STRING);
			break;
		case HITL_SHAPE_ANCHOR:
			if (expect(c, place, value, HITL_JSON_STRING))
				check_anchor(c, place, value->text);
			break;
		case HITL_SHAPE_DIALECT:
			if (expect(c, place, value, HITL_JSON_STRING) &&
				strcmp(value->text, DIALECT) != 0)
				hitl_fault(&c->parse, place,
						   "is not supported, only \"" DIALECT "\" is");
			break;
	}
}

/*
 * "type": a name or an array of them.
 */
static void
compile_types(HitlCompiler *c, const HitlPlace *place, HitlRule *rule)
{
	const HitlJson *value = rule->value;
	const HitlJson *name = value;
	HitlPlace here = {place, NULL, 0};

	if (value->type == HITL_JSON_ARRAY)
	{
		name = value->first;
		if (name == NULL)
			hitl_fault(&c->parse, place, "must not be empty");
	}
	for (; name != NULL; name = value == name ? NULL : name->next, here.index++)
	{
		const HitlPlace *at = value == name ? place : &here;
		int i = name->type == HITL_JSON_STRING
			? hitl_find_name(name, type_names)
			: -1;

		if (i < 0)
			hitl_fault(
				&c->parse, at,
				"must be \"null\", \"boolean\", \"number\", \"integer\", "
				"\"string\", \"array\" or \"object\"");
		else if (rule->types & type_bits[i])
			hitl_fault(&c->parse, at, "given twice");
		else
			rule->types |= type_bits[i];
	}
}

/*
 * "format": one of those that are checked.
 */
static void
compile_format(HitlCompiler *c, const HitlPlace *place, HitlRule *rule)
{
	const HitlFormat *format;

	if (!expect(c, place, rule->value, HITL_JSON_STRING))
		return;
	for (format = hitl_formats; format->name != NULL; format++)
	{
		if (strcmp(format->name, rule->value->text) == 0)
		{
			rule->format = format;
			return;
		}
	}
	hitl_fault(&c->parse, place,
			   "this format is not supported, only date, time, date-time, "
			   "email, uri, uri-reference and uuid are");
}

/*
 * A regular expression as the host wants it, who is asked about it.
 */
static const char *
compile_pattern(HitlCompiler *c, const HitlPlace *place, const char *pattern)
{
	const HitlHost *host = c->parse.host;
	const char *why;
	const char *translated = hitl_translate_pattern(c->parse.arena, pattern,
													&why);

	c->schema->needs_match = true;
	if (why != NULL)
		hitl_fault(&c->parse, place, "not a supported regular expression: %s",
				   why);
	if (translated == NULL || host == NULL || host->match == NULL ||
		c->parse.result != HITL_OK)
		return translated;
	switch (host->match(host->context, translated, NULL, 0, &why))
	{
		case HITL_QUERY_FOUND:
		case HITL_QUERY_EMPTY:
			break;
		case HITL_QUERY_FAULTY:
			hitl_fault(&c->parse, place, "%s",
					   why == NULL ? "not a regular expression" : why);
			break;
		case HITL_QUERY_HOST_FAILED:
			c->parse.result = HITL_HOST_FAILED;
			break;
	}
	return translated;
}

/*
 * An array of names, each once.
 */
static void
compile_names(HitlCompiler *c, const HitlPlace *place, const HitlJson *value,
			  HitlRule *rule)
{
	const HitlJson *name;
	HitlPlace here = {place, NULL, 0};
	int i;

	if (!expect(c, place, value, HITL_JSON_ARRAY) || value->count == 0)
		return;
	rule->names = hitl_alloc(c->parse.arena, value->count * sizeof(char *));
	if (rule->names == NULL)
		return;
	for (name = value->first; name != NULL; name = name->next, here.index++)
	{
		if (expect(c, &here, name, HITL_JSON_STRING))
			rule->names[rule->count++] = name->text;
	}
	qsort(rule->names, rule->count, sizeof(char *), compare_texts);
	for (i = 1; i < rule->count; i++)
	{
		if (strcmp(rule->names[i - 1], rule->names[i]) == 0)
			hitl_fault(&c->parse, place, "names \"%s\" twice", rule->names[i]);
	}
}

/*
 * An object of arrays of names.
 */
static void
compile_lists(HitlCompiler *c, const HitlPlace *place, HitlRule *rule)
{
	const HitlJson *value = rule->value;
	const HitlJson *list;

	if (!expect(c, place, value, HITL_JSON_OBJECT) || value->count == 0)
		return;
	rule->names = hitl_alloc(c->parse.arena, value->count * sizeof(char *));
	rule->lists = hitl_alloc_zero(c->parse.arena,
								  value->count * sizeof(HitlRule));
	if (c->parse.arena->failed)
		return;
	for (list = value->first; list != NULL; list = list->next)
	{
		HitlPlace here = {place, list->key, 0};

		rule->names[rule->count] = list->key;
		compile_names(c, &here, list, &rule->lists[rule->count]);
		rule->count++;
	}
}

/*
 * A schema, an array or an object of them.
 */
static void
compile_nodes(HitlCompiler *c, const HitlPlace *place, HitlRule *rule)
{
	const HitlJson *value = rule->value;
	const char *keyword = hitl_keyword_names[rule->keyword];
	HitlShape shape = hitl_keywords[rule->keyword].shape;
	const HitlJson *child;
	int count = shape == HITL_SHAPE_SCHEMA ? 1 : value->count;

	if (shape == HITL_SHAPE_SCHEMAS)
	{
		if (!expect(c, place, value, HITL_JSON_ARRAY))
			return;
		if (count == 0)
			hitl_fault(&c->parse, place, "must not be empty");
	}
	else if (shape != HITL_SHAPE_SCHEMA &&
			 !expect(c, place, value, HITL_JSON_OBJECT))
		return;
	if (count == 0)
		return;
	rule->nodes = hitl_alloc(c->parse.arena, count * sizeof(HitlNode *));
	rule->names = hitl_alloc(c->parse.arena, count * sizeof(char *));
	rule->patterns = hitl_alloc(c->parse.arena, count * sizeof(char *));
	if (c->parse.arena->failed)
		return;
	if (shape == HITL_SHAPE_SCHEMA)
	{
		rule->nodes[rule->count++] = compile_node(c, place, keyword, value);
		return;
	}
	for (child = value->first; child != NULL; child = child->next)
	{
		const HitlPlace *here = keep_place(c, place, child->key, rule->count);

		if (c->parse.arena->failed)
			return;
		rule->names[rule->count] = child->key;
		if (shape == HITL_SHAPE_PATTERNED)
			rule->patterns[rule->count] = compile_pattern(c, here, child->key);
		rule->nodes[rule->count] = compile_node(c, here, keyword, child);
		rule->count++;
	}
}

/*
 * "$anchor": a name that no other schema has.
 */
static void
check_anchor(HitlCompiler *c, const HitlPlace *place, const char *anchor)
{
	static const char letters[] =
		"_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-.0123456789";
	const HitlNode *found;

	if (anchor[0] == '\0' || anchor[strspn(anchor, letters)] != '\0' ||
		strchr("-.0123456789", anchor[0]) != NULL)
	{
		hitl_fault(&c->parse, place,
				   "must be a letter or _, then letters, digits, _, - and .");
		return;
	}
	found = hitl_find_anchor(c, anchor);
	if (found != NULL && found != c->nodes[c->count - 1])
		hitl_fault(&c->parse, place, "another schema has this anchor");
}

/*
 * A value for messages: the elements of an array, anything else as it is; cut
 * where it is long.
 */
static const char *
quote(HitlCompiler *c, const HitlJson *value)
{
	HitlBuffer text;
	const HitlJson *element;
	size_t cut;

	hitl_buffer_init(&text, c->parse.arena);
	if (value->type == HITL_JSON_ARRAY)
	{
		for (element = value->first;
			 element != NULL && text.length < MAX_QUOTED * 4;
			 element = element->next)
		{
			if (element != value->first)
				hitl_append_text(&text, ", ");
			hitl_json_write(&text, element);
		}
	}
	else
		hitl_json_write(&text, value);
	if (hitl_buffer_text(&text) == NULL)
		return NULL;
	cut = hitl_utf8_cut(text.data, text.length, MAX_QUOTED);
	if (cut < text.length)
	{
		text.length = cut;
		hitl_append_text(&text, "…");
	}
	return hitl_buffer_text(&text);
}

/*
 * Is a value of this type?  If not, that is a fault.
 */
static bool
expect(HitlCompiler *c, const HitlPlace *place, const HitlJson *value,
	   HitlJsonType type)
{
	HitlJson sample = {.type = type};

	if (value->type == type)
		return true;
	hitl_fault(&c->parse, place, "must be %s, not %s",
			   hitl_json_type_name(&sample), hitl_json_type_name(value));
	return false;
}

/*
 * A place that lives as long as the schema.
 */
static const HitlPlace *
keep_place(HitlCompiler *c, const HitlPlace *outer, const char *key, int index)
{
	HitlPlace *place = hitl_alloc(c->parse.arena, sizeof(HitlPlace));

	if (place == NULL)
		return NULL;
	place->outer = outer;
	place->key = key;
	place->index = index;
	return place;
}

static void
refuse_twice(void *context, const HitlPlace *place)
{
	hitl_fault(context, place, "member given twice");
}

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}
