/*
 * host.c
 *		A host whose data is a JSON document in memory, with as much of
 *		SQL/JSON path as the tests need: members, elements, one comparison.
 *		It is written over jansson, so that the core's own reader and writer
 *		are checked by another one.
 */
#include "harness.h"

#include <ctype.h>
#include <regex.h>
#include <strings.h>

static const char *const modes[] = {"strict ", "lax "};
static const char *const comparisons[] = {"==", "!=", ">=", "<=", ">", "<"};

static HitlQueryResult query(void *context, int64_t scope, const char *path,
							 const char **text);
static HitlQueryResult load_agent(void *context, const char *name,
								  const char *version, const char **text);
static HitlQueryResult load_budgets(void *context, const char *name,
									const char **text);
static HitlQueryResult test_path(void *context, const char *document,
								 const char *path, const char **text);
static HitlQueryResult check_path(void *context, const char *path,
								  const char **text);
static HitlQueryResult match(void *context, const char *pattern,
							 const char *subject, size_t length,
							 const char **text);
static const char *keep_answer(Memory *memory, const json_t *value);
static HitlQueryResult evaluate(Memory *memory, json_t *document,
								const char *path, const char **text);
static const char *walk(json_t *data, const char *p, json_t **match);
static bool compare(json_t *left, json_t *right, const char *how);

/*
 * A host with this data (NULL: an empty object).
 */
void
memory_init(Memory *memory, const char *data)
{
	memset(memory, 0, sizeof(*memory));
	memory->host.context = memory;
	memory->host.query = query;
	memory->host.check_path = check_path;
	memory->host.load_agent = load_agent;
	memory->host.load_budgets = load_budgets;
	memory->host.test_path = test_path;
	memory->host.match = match;
	memory->host.load_branch = memory_load_branch;
	memory->host.list_branches = memory_list_branches;
	memory->branches = json_object();
	memory->data = json_loads(data == NULL ? "{}" : data, 0, NULL);
	memory->answers = json_array();
}

/*
 * Free it.
 */
void
memory_free(Memory *memory)
{
	json_decref(memory->data);
	json_decref(memory->answers);
	json_decref(memory->branches);
	json_decref(memory->agents);
	json_decref(memory->budgets);
	free(memory->ids);
}

/*
 * Merge an event's delta two levels deep, as every host does.
 */
void
merge_delta(json_t *data, const char *delta)
{
	json_t *change = json_loads(delta, 0, NULL);
	const char *key;
	json_t *value;

	CHECK(change != NULL);
	json_object_foreach(change, key, value)
	{
		json_t *target = json_object_get(data, key);

		if (json_is_object(target) && json_is_object(value))
			json_object_update(target, value);
		else
			json_object_set(data, key, value);
	}
	json_decref(change);
}

void
memory_merge(Memory *memory, const char *delta)
{
	merge_delta(memory->data, delta);
}

/*
 * The host's query callback.
 */
static HitlQueryResult
query(void *context, int64_t scope, const char *path, const char **text)
{
	Memory *memory = context;
	json_t *view;

	if (memory->broken)
		return HITL_QUERY_HOST_FAILED;
	if (memory->raw != NULL)
	{
		*text = memory->raw;
		return HITL_QUERY_FOUND;
	}
	view = memory_view(memory, scope);
	json_array_append_new(memory->answers, view);
	return evaluate(memory, view, path, text);
}

/*
 * The host's load_agent callback: settings by name, all of one version.
 */
static HitlQueryResult
load_agent(void *context, const char *name, const char *version HITL_UNUSED,
		   const char **text)
{
	Memory *memory = context;
	json_t *settings = json_object_get(memory->agents, name);
	json_t *copy;

	if (memory->broken)
		return HITL_QUERY_HOST_FAILED;
	if (settings == NULL)
		return HITL_QUERY_EMPTY;
	copy = json_copy(settings);
	json_object_set_new(copy, "version", json_string("v1"));
	*text = keep_answer(memory, copy);
	json_decref(copy);
	return HITL_QUERY_FOUND;
}

/*
 * The host's load_budgets callback.
 */
static HitlQueryResult
load_budgets(void *context, const char *name, const char **text)
{
	Memory *memory = context;
	json_t *budgets = json_object_get(memory->budgets, name);

	if (memory->broken)
		return HITL_QUERY_HOST_FAILED;
	if (budgets == NULL)
		return HITL_QUERY_EMPTY;
	*text = keep_answer(memory, budgets);
	return HITL_QUERY_FOUND;
}

/*
 * The host's test_path callback.
 */
static HitlQueryResult
test_path(void *context, const char *document, const char *path,
		  const char **text)
{
	Memory *memory = context;
	json_t *value;

	if (memory->broken)
		return HITL_QUERY_HOST_FAILED;
	value = json_loads(document, JSON_DECODE_ANY, NULL);
	json_array_append_new(memory->answers, value);
	return evaluate(memory, value, path, text);
}

/*
 * A value as text that lasts until the next message.
 */
static const char *
keep_answer(Memory *memory, const json_t *value)
{
	char *dump = json_dumps(value, JSON_ENCODE_ANY);
	json_t *answer = json_string(dump);

	free(dump);
	json_array_append_new(memory->answers, answer);
	return json_string_value(answer);
}

/*
 * What a path finds in a document, or says about it: of what is not there, that
 * it does not hold, or if it is strict that nobody knows.
 */
static HitlQueryResult
evaluate(Memory *memory, json_t *document, const char *path, const char **text)
{
	bool is_strict = strncasecmp(path, modes[0], strlen(modes[0])) == 0;
	json_t *match = NULL;
	json_t *literal;
	json_t *truth;
	const char *rest = walk(document, path, &match);
	size_t i;

	if (rest == NULL)
	{
		*text = "syntax error in path";
		return HITL_QUERY_FAULTY;
	}
	if (*rest == '\0')
	{
		if (match == NULL)
			return HITL_QUERY_EMPTY;
		*text = keep_answer(memory, match);
		return HITL_QUERY_FOUND;
	}
	for (i = 0; i < sizeof(comparisons) / sizeof(comparisons[0]); i++)
	{
		if (strncmp(rest, comparisons[i], strlen(comparisons[i])) == 0)
			break;
	}
	if (i == sizeof(comparisons) / sizeof(comparisons[0]))
	{
		*text = "syntax error in path";
		return HITL_QUERY_FAULTY;
	}
	literal = json_loads(rest + strlen(comparisons[i]), JSON_DECODE_ANY, NULL);
	if (match == NULL)
		truth = is_strict ? json_null() : json_false();
	else
		truth = json_boolean(compare(match, literal, comparisons[i]));
	*text = keep_answer(memory, truth);
	json_decref(truth);
	json_decref(literal);
	return HITL_QUERY_FOUND;
}

/*
 * The host's check_path callback.
 */
static HitlQueryResult
check_path(void *context, const char *path, const char **text)
{
	Memory *memory = context;
	json_t *match;

	if (memory->broken)
		return HITL_QUERY_HOST_FAILED;
	if (walk(memory->data, path, &match) != NULL)
		return HITL_QUERY_FOUND;
	*text = "syntax error in path";
	return HITL_QUERY_FAULTY;
}

/*
 * The host's match callback: the regular expressions of the C library, which
 * have no lookaround.
 */
static HitlQueryResult
match(void *context, const char *pattern, const char *subject,
	  size_t length HITL_UNUSED, const char **text)
{
	Memory *memory = context;
	regex_t regex;
	bool found;

	if (memory->broken)
		return HITL_QUERY_HOST_FAILED;
	if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
	{
		*text = "syntax error in pattern";
		return HITL_QUERY_FAULTY;
	}
	found = subject != NULL && regexec(&regex, subject, 0, NULL, 0) == 0;
	regfree(&regex);
	return found ? HITL_QUERY_FOUND : HITL_QUERY_EMPTY;
}

/*
 * Follow the accessors of a path; returns what is after them, NULL for what
 * is no path.
 */
static const char *
walk(json_t *data, const char *p, json_t **match)
{
	char key[100];
	size_t length;
	size_t i;

	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
	{
		if (strncasecmp(p, modes[i], strlen(modes[i])) == 0)
		{
			p += strlen(modes[i]);
			break;
		}
	}
	if (*p++ != '$')
		return NULL;
	*match = data;
	while (*p == '.' || *p == '[')
	{
		if (*p++ == '[')
		{
			*match = json_array_get(*match, strtoul(p, (char **) &p, 10));
			if (*p++ != ']')
				return NULL;
			continue;
		}
		length = 0;
		if (*p == '"')
		{
			for (p++; *p != '\0' && *p != '"' && length < sizeof(key) - 1; p++)
				key[length++] = *p;
			if (*p++ != '"')
				return NULL;
		}
		else
		{
			for (; (isalnum((unsigned char) *p) || *p == '_') &&
				 length < sizeof(key) - 1;
				 p++)
				key[length++] = *p;
			if (length == 0)
				return NULL;
		}
		key[length] = '\0';
		*match = json_object_get(*match, key);
	}
	while (*p == ' ')
		p++;
	return p;
}

/*
 * Compare two values of one type.
 */
static bool
compare(json_t *left, json_t *right, const char *how)
{
	double difference = 1;

	if (json_is_number(left) && json_is_number(right))
		difference = json_number_value(left) - json_number_value(right);
	else if (json_is_string(left) && json_is_string(right))
		difference = strcmp(json_string_value(left), json_string_value(right));
	else if (json_equal(left, right))
		difference = 0;
	switch (how[0])
	{
		case '=':
			return difference == 0;
		case '!':
			return difference != 0;
		case '>':
			return how[1] == '=' ? difference >= 0 : difference > 0;
		default:
			return how[1] == '=' ? difference <= 0 : difference < 0;
	}
}
