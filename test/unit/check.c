/*
 * check.c
 *		Checks that say what they got, and what they look at.  Each program
 *		has a report_failure of its own.
 */
#include "harness.h"

/*
 * Are two texts the same?
 */
void
check_text(const char *file, int line, const char *got, const char *expected)
{
	if (got == NULL || expected == NULL ? got != expected
										: strcmp(got, expected) != 0)
		report_failure(file, line, "got\n#   %s\n# expected\n#   %s",
					   got == NULL ? "(NULL)" : got,
					   expected == NULL ? "(NULL)" : expected);
}

/*
 * Are two numbers the same?
 */
void
check_integer(const char *file, int line, long long got, long long expected)
{
	if (got != expected)
		report_failure(file, line, "got %lld, expected %lld", got, expected);
}

/*
 * JSON that was built, or why it could not be; frees both, and keeps the text
 * until the next call.
 */
const char *
json_or_error(HitlResult result, char *body, char *error)
{
	static char out[20000];

	CHECK_INT(result, body != NULL ? HITL_OK : HITL_INVALID);
	CHECK((body == NULL) == (error != NULL));
	snprintf(out, sizeof(out), "%s", body == NULL ? error : body);
	if (body != NULL)
	{
		json_t *document = json_loads(body, JSON_REJECT_DUPLICATES, NULL);

		CHECK(document != NULL);
		json_decref(document);
	}
	free(body);
	free(error);
	return out;
}

/*
 * Is a text part of another?
 */
bool
contains(const char *text, const char *part)
{
	return text != NULL && strstr(text, part) != NULL;
}

/*
 * One line that says what a list of effects asks for.
 */
void
summarize(const HitlEffects *effects, char *text, size_t size)
{
	size_t length = 0;
	char token[40];
	int i;

	text[0] = '\0';
	for (i = 0; i < effects->count && length < size; i++)
	{
		const HitlEffect *effect = &effects->items[i];

		length += snprintf(text + length, size - length, "%s",
						   i > 0 ? ", " : "");
		if (HITL_TOKEN_BRANCH(effect->token) > 0)
			snprintf(token, sizeof(token), "%lld/%lld",
					 (long long) HITL_TOKEN_BRANCH(effect->token),
					 (long long) (effect->token & HITL_MAX_TOKEN));
		else
			snprintf(token, sizeof(token), "%lld", (long long) effect->token);
		switch (effect->kind)
		{
			case HITL_EFFECT_EVENT:
				length += snprintf(text + length, size - length, "%s",
								   effect->type);
				if (effect->step != NULL)
					length += snprintf(text + length, size - length, " %s",
									   effect->step);
				break;
			case HITL_EFFECT_STATUS:
				length += snprintf(text + length, size - length, "=%s",
								   effect->type);
				break;
			case HITL_EFFECT_CHECKPOINT:
				length += snprintf(text + length, size - length,
								   "checkpoint %s", effect->type);
				break;
			case HITL_EFFECT_FORK:
				length += snprintf(text + length, size - length,
								   "fork %lld+%lld", (long long) effect->first,
								   (long long) effect->count);
				break;
			case HITL_EFFECT_JOIN:
				length += snprintf(text + length, size - length,
								   "join %lld+%lld", (long long) effect->first,
								   (long long) effect->count);
				break;
			case HITL_EFFECT_REMOVE_BRANCHES:
				length += snprintf(text + length, size - length, "%s %lld+%lld",
								   effect->keep ? "keep" : "remove",
								   (long long) effect->first,
								   (long long) effect->count);
				break;
			case HITL_EFFECT_REQUEST_APPROVAL:
				length += snprintf(text + length, size - length, "ask %s %s",
								   effect->step, token);
				break;
			case HITL_EFFECT_RUN_TASK:
				length += snprintf(text + length, size - length, "run %s %s",
								   effect->step, token);
				break;
			case HITL_EFFECT_RUN_SQL:
				length += snprintf(text + length, size - length, "sql %s %s",
								   effect->step, token);
				break;
			case HITL_EFFECT_RUN_HTTP:
				length += snprintf(text + length, size - length, "http %s %s",
								   effect->step, token);
				break;
			case HITL_EFFECT_RUN_EXTERNAL:
				length += snprintf(text + length, size - length,
								   "external %s %s", effect->step, token);
				break;
			case HITL_EFFECT_AWAIT_SIGNAL:
				length += snprintf(text + length, size - length, "hear %s %s",
								   effect->step, token);
				break;
			case HITL_EFFECT_START_CHILD:
				length += snprintf(text + length, size - length, "child %s %s",
								   effect->step, token);
				break;
			case HITL_EFFECT_SET_TIMER:
				length += snprintf(text + length, size - length, "timer %s %s",
								   effect->step == NULL ? "-" : effect->step,
								   token);
				break;
			case HITL_EFFECT_WITHDRAW:
				length += snprintf(text + length, size - length, "withdraw %s",
								   token);
				break;
			case HITL_EFFECT_ROLLBACK:
				length += snprintf(text + length, size - length, "rollback %s",
								   effect->type);
				break;
		}
	}
	if (effects->more && length < size)
		snprintf(text + length, size - length, "%smore",
				 effects->count > 0 ? ", " : "");
}

/*
 * A part of a JSON text ("/a/0/b"), kept until the next call; NULL if absent.
 */
const char *
member_of(const char *json, const char *path)
{
	static char *text;
	json_t *document = json == NULL ? NULL
									: json_loads(json, JSON_DECODE_ANY, NULL);
	json_t *value = document;
	char copy[200];
	char *save = NULL;
	char *part;

	free(text);
	text = NULL;
	snprintf(copy, sizeof(copy), "%s", path);
	for (part = strtok_r(copy, "/", &save); part != NULL;
		 part = strtok_r(NULL, "/", &save))
		value = json_is_array(value)
			? json_array_get(value, strtoul(part, NULL, 10))
			: json_object_get(value, part);
	if (value != NULL)
		text = json_dumps(value,
						  JSON_ENCODE_ANY | JSON_COMPACT |
							  JSON_REAL_PRECISION(15));
	json_decref(document);
	return text;
}
