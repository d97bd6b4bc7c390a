/*
 * answer.h
 *		Answers to approval requests, checked by JSON Schema, and the forms of
 *		the built-in types.
 */
#ifndef HITL_ANSWER_H
#define HITL_ANSWER_H

#include "postgres.h"

#include "core/core.h"
#include "utils/jsonb.h"

/*
 * A schema as the core has parsed it, which is this backend's until the next
 * call; NULL and its faults, one a line, if it has any.
 */
extern HitlSchema *hitl_compile_schema(Jsonb *schema, char **why);

/*
 * NULL if an answer is valid, else why not, one violation a line.  ERRORs when
 * the schema has a fault.
 */
extern char *hitl_check_answer(Jsonb *schema, Jsonb *answer);

/*
 * The form of a built-in type of approval; both NULL where it has none.  fields
 * and context may be NULL.  False and why, one fault a line, if there is none.
 */
extern bool hitl_build_form(const char *type, Jsonb *fields, Jsonb *context,
							Jsonb **schema, Jsonb **ui_schema, char **why);

/*
 * The core's callback "match"; its context is the place for an error that must
 * not pass through the core (ErrorData **).
 */
extern HitlQueryResult hitl_match_pattern(void *error, const char *pattern,
										  const char *subject, size_t length,
										  const char **text);

#endif /* HITL_ANSWER_H */
