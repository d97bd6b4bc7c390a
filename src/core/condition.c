/*
 * condition.c
 *		"when": a SQL/JSON path that says whether a step, or a case, runs.
 *
 * True runs it, false and no match skip it.  All else fails the step: one
 * that asks humans must not be left out by a mistake in its condition.
 */
#include "core/internal.h"

#include <string.h>

/*
 * Evaluate a condition; false when that fails, and then the step has.
 */
bool
hitl_check_condition(HitlRun *run, HitlPosition *position, const char *path,
					 bool *answer)
{
	const char *text = NULL;
	const HitlJson *value;
	HitlJsonError error;

	*answer = false;
	if (run->host == NULL)
	{
		hitl_stop(run, HITL_HOST_FAILED, NULL);
		return false;
	}
	switch (run->host->query(run->host->context, run->scope, path, &text))
	{
		case HITL_QUERY_EMPTY:
			return true;
		case HITL_QUERY_FAULTY:
			hitl_fail_faulty(run, position,
							 "condition %s cannot be evaluated: %s", path,
							 text == NULL ? "no reason given" : text);
			return false;
		case HITL_QUERY_HOST_FAILED:
			hitl_stop(run, HITL_HOST_FAILED, NULL);
			return false;
		case HITL_QUERY_FOUND:
			break;
	}
	switch (
		hitl_json_parse(&run->scratch, text, strlen(text), 0, &value, &error))
	{
		case HITL_OK:
			break;
		case HITL_INVALID:
			hitl_fail_faulty(run, position,
							 "the value of condition %s cannot be used: %s",
							 path, error.message);
			return false;
		default:
			hitl_stop(run, HITL_NO_MEMORY, NULL);
			return false;
	}
	if (value->type == HITL_JSON_NULL)
	{
		/* A step that asks humans must not be skipped for such a reason. */
		hitl_fail_faulty(run, position,
						 "condition %s gives null, neither true nor false; "
						 "values of different types do not compare",
						 path);
		return false;
	}
	if (value->type > HITL_JSON_TRUE)
	{
		hitl_fail_faulty(run, position, "condition %s gives %s, not a boolean",
						 path, hitl_json_type_name(value));
		return false;
	}
	*answer = value->type == HITL_JSON_TRUE;
	return true;
}
