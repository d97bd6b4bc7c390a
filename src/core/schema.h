/*
 * schema.h
 *		What the files about JSON Schema share with each other and with their
 *		tests.
 */
#ifndef HITL_CORE_SCHEMA_H
#define HITL_CORE_SCHEMA_H

#include "core/internal.h"

/* ---- decimal.c: numbers as they are written, of any precision -------- */

extern int hitl_compare_numbers(const char *a, const char *b);
extern bool hitl_is_whole(const char *number);
extern bool hitl_is_divisor(const char *number);
extern bool hitl_is_multiple(const char *number, const char *divisor);
extern bool hitl_read_size(const HitlJson *value, int64_t *size);
extern void hitl_append_doubled(HitlBuffer *buffer, const char *number);

/* ---- equal.c: values ------------------------------------------------- */

/* Told of the place of a member whose object has it already. */
typedef void (*HitlTwice)(void *context, const HitlPlace *place);

extern int64_t hitl_sort_members(HitlJson *value, const HitlPlace *place,
								 HitlTwice twice, void *context);
extern int hitl_compare_values(const HitlJson *a, const HitlJson *b,
							   int64_t *budget);
extern bool hitl_has_equals(HitlArena *arena, const HitlJson *array,
							int64_t *budget);

/* ---- format.c -------------------------------------------------------- */

typedef struct HitlFormat
{
	const char *name;
	bool (*check)(const char *text);
	const char *meaning; /* "must be …" */
} HitlFormat;

extern const HitlFormat hitl_formats[]; /* ended by a name of NULL */

/* ---- pattern.c ------------------------------------------------------- */

extern const char *hitl_translate_pattern(HitlArena *arena, const char *pattern,
										  const char **why);

/* ---- schema.c -------------------------------------------------------- */

/* In the order in which they are checked. */
typedef enum HitlKeyword
{
	HITL_KEYWORD_TYPE,
	HITL_KEYWORD_ENUM,
	HITL_KEYWORD_CONST,
	HITL_KEYWORD_MULTIPLE_OF,
	HITL_KEYWORD_MAXIMUM,
	HITL_KEYWORD_EXCLUSIVE_MAXIMUM,
	HITL_KEYWORD_MINIMUM,
	HITL_KEYWORD_EXCLUSIVE_MINIMUM,
	HITL_KEYWORD_MAX_LENGTH,
	HITL_KEYWORD_MIN_LENGTH,
	HITL_KEYWORD_FORMAT,
	HITL_KEYWORD_PATTERN,
	HITL_KEYWORD_REQUIRED,
	HITL_KEYWORD_DEPENDENT_REQUIRED,
	HITL_KEYWORD_MAX_PROPERTIES,
	HITL_KEYWORD_MIN_PROPERTIES,
	HITL_KEYWORD_PROPERTY_NAMES,
	HITL_KEYWORD_PROPERTIES,
	HITL_KEYWORD_PATTERN_PROPERTIES,
	HITL_KEYWORD_ADDITIONAL_PROPERTIES,
	HITL_KEYWORD_MAX_ITEMS,
	HITL_KEYWORD_MIN_ITEMS,
	HITL_KEYWORD_UNIQUE_ITEMS,
	HITL_KEYWORD_PREFIX_ITEMS,
	HITL_KEYWORD_ITEMS,
	HITL_KEYWORD_CONTAINS,
	HITL_KEYWORD_MAX_CONTAINS,
	HITL_KEYWORD_MIN_CONTAINS,
	HITL_KEYWORD_REF,
	HITL_KEYWORD_DEPENDENT_SCHEMAS,
	HITL_KEYWORD_ALL_OF,
	HITL_KEYWORD_ANY_OF,
	HITL_KEYWORD_ONE_OF,
	HITL_KEYWORD_NOT,
	HITL_KEYWORD_IF,
	HITL_KEYWORD_THEN,
	HITL_KEYWORD_ELSE,
	/* From here on nothing is checked. */
	HITL_KEYWORD_DEFS,
	HITL_KEYWORD_ANCHOR,
	HITL_KEYWORD_SCHEMA,
	HITL_KEYWORD_COMMENT,
	HITL_KEYWORD_TITLE,
	HITL_KEYWORD_DESCRIPTION,
	HITL_KEYWORD_DEFAULT,
	HITL_KEYWORD_EXAMPLES,
	HITL_KEYWORD_DEPRECATED,
	HITL_KEYWORD_READ_ONLY,
	HITL_KEYWORD_WRITE_ONLY,
	HITL_KEYWORD_CONTENT_ENCODING,
	HITL_KEYWORD_CONTENT_MEDIA_TYPE,
	HITL_KEYWORDS
} HitlKeyword;

#define HITL_CHECKED_KEYWORDS HITL_KEYWORD_DEFS

/* Beyond the types of JSON, as a bit of HitlRule.types. */
#define HITL_TYPE_INTEGER (HITL_JSON_OBJECT + 1)

typedef struct HitlNode HitlNode;

/* A keyword of a schema. */
typedef struct HitlRule
{
	struct HitlRule *next;
	HitlKeyword keyword;
	const HitlJson *value;	  /* as written */
	const char *quoted;		  /* for messages */
	unsigned types;			  /* of "type": 1 << HitlJsonType each */
	int64_t size;			  /* of "maxLength" and the like */
	const char *pattern;	  /* of "pattern": translated */
	const HitlFormat *format; /* of "format" */

	/* Schemas within, the target of "$ref"; and names, ascending. */
	int count;
	HitlNode **nodes;
	const char **names;
	const char **patterns;	/* of "patternProperties": the names, translated */
	struct HitlRule *lists; /* of "dependentRequired": names for each name */
} HitlRule;

/* A schema, or one within it. */
struct HitlNode
{
	const HitlPlace *place; /* in the document */
	const char *keyword;	/* that it stands at */
	bool never;				/* the schema false */
	HitlRule *rules;		/* ascending by keyword */

	/* While endless references are looked for. */
	bool entered;
	bool left;
	HitlNode *from;
	const HitlRule *rule;
	int index;
};

struct HitlSchema
{
	HitlArena arena;
	HitlNode *root;
	bool needs_match; /* it has patterns */
};

/* What the value of a keyword must be. */
typedef enum HitlShape
{
	HITL_SHAPE_ANY,
	HITL_SHAPE_TEXT,
	HITL_SHAPE_BOOLEAN,
	HITL_SHAPE_ARRAY,
	HITL_SHAPE_NUMBER,
	HITL_SHAPE_DIVISOR,
	HITL_SHAPE_SIZE,
	HITL_SHAPE_TYPES,
	HITL_SHAPE_FORMAT,
	HITL_SHAPE_PATTERN,
	HITL_SHAPE_NAMES, /* array of texts */
	HITL_SHAPE_LISTS, /* object of these */
	HITL_SHAPE_SCHEMA,
	HITL_SHAPE_SCHEMAS,	  /* array of schemas */
	HITL_SHAPE_NAMED,	  /* object of schemas */
	HITL_SHAPE_PATTERNED, /* the same, the names are patterns */
	HITL_SHAPE_REFERENCE,
	HITL_SHAPE_ANCHOR,
	HITL_SHAPE_DIALECT
} HitlShape;

typedef struct HitlKeywordInfo
{
	HitlShape shape;
	bool in_place; /* its schemas are for the same part of the instance */
} HitlKeywordInfo;

/* A schema that is being parsed. */
typedef struct HitlCompiler
{
	HitlParse parse;
	HitlSchema *schema;
	HitlNode **nodes; /* in the order of the document */
	int count;
	int capacity;
} HitlCompiler;

extern const HitlKeywordInfo hitl_keywords[];
extern const char *const hitl_keyword_names[];
extern HitlResult hitl_parse_schema(const char *json, const HitlHost *host,
									HitlSchema **schema, HitlFaults *faults);
extern void hitl_check_schema(HitlParse *parse, const HitlPlace *place,
							  const char *json);
extern void hitl_free_schema(HitlSchema *schema);
extern const HitlRule *hitl_find_rule(const HitlNode *node,
									  HitlKeyword keyword);
extern int hitl_find_rule_name(const HitlRule *rule, const char *name);

/* ---- reference.c ------------------------------------------------------ */

extern void hitl_resolve_references(HitlCompiler *c);
extern HitlNode *hitl_find_anchor(const HitlCompiler *c, const char *anchor);
extern char *hitl_pointer_token(char **pointer);

/* ---- validate.c ------------------------------------------------------ */

extern HitlResult hitl_validate(const HitlSchema *schema, const char *instance,
								const HitlHost *host,
								HitlViolations *violations);
extern void hitl_free_violations(HitlViolations *violations);

/* A check under way. */
typedef struct HitlCheck
{
	const HitlHost *host;
	HitlArena *memory; /* of the violations */
	HitlArena scratch;
	HitlViolations *violations;
	int64_t budget;
	int depth;
	int quiet; /* violations are not recorded */
	bool spent;
	HitlResult result; /* other than OK: stop */
} HitlCheck;

typedef bool HitlChecker(HitlCheck *check, const HitlNode *node,
						 const HitlRule *rule, const HitlJson *instance,
						 const HitlPlace *place);

extern bool hitl_check_node(HitlCheck *check, const HitlNode *node,
							const HitlJson *instance, const HitlPlace *place);
extern bool hitl_matches(HitlCheck *check, const HitlNode *node,
						 const HitlJson *instance, const HitlPlace *place);
extern bool hitl_violate(HitlCheck *check, const HitlPlace *place,
						 const char *keyword, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
extern bool hitl_spend(HitlCheck *check, const HitlPlace *place,
					   const char *message);

/* ---- keyword.c -------------------------------------------------------- */

/* By keyword; NULL: it is checked along with another one. */
extern HitlChecker *const hitl_checkers[HITL_CHECKED_KEYWORDS];

/* ---- form.c ---------------------------------------------------------- */

extern HitlResult hitl_build_form(const char *type, const char *fields,
								  const char *context, char **schema,
								  char **ui_schema, HitlFaults *faults);

#endif /* HITL_CORE_SCHEMA_H */
