/*
 * branches.c
 *		The branches of the host in memory: a row each, written by what the
 *		core says has changed.
 */
#include "harness.h"

static json_t *row_of(const Memory *memory, int64_t branch);
static int compare_ids(const void *a, const void *b);

/*
 * The document that the steps of a scope see; a new reference.
 */
json_t *
memory_view(const Memory *memory, int64_t scope)
{
	json_t *row = scope == 0 ? NULL : row_of(memory, scope);
	json_t *view;
	const char *key;
	json_t *value;

	if (row == NULL)
		return json_deep_copy(memory->data);
	view = memory_view(memory,
					   json_integer_value(
						   json_object_get(row, "parent_scope")));
	json_object_foreach(json_object_get(row, "data"), key, value)
	{
		if (json_is_object(json_object_get(view, key)))
			json_object_update(json_object_get(view, key), value);
		else
			json_object_set(view, key, value);
	}
	return view;
}

/*
 * The data that a change of a scope goes to.
 */
json_t *
memory_data(const Memory *memory, int64_t scope)
{
	return scope == 0 ? memory->data
					  : json_object_get(row_of(memory, scope), "data");
}

/*
 * Write the branches that have changed.
 */
void
memory_flush(Memory *memory, HitlControl *control)
{
	HitlBranchChanges changes;
	int i;

	CHECK_INT(hitl_dump_branches(control, &changes), HITL_OK);
	for (i = 0; i < changes.count; i++)
	{
		const HitlBranchChange *change = &changes.items[i];
		json_t *row = row_of(memory, change->branch);
		char key[30];

		CHECK(i == 0 || changes.items[i - 1].branch < change->branch);
		CHECK((change->control != NULL) ==
			  (strcmp(change->status, "active") == 0));
		if (row == NULL)
		{
			/* Only those of a parallel come without being announced. */
			CHECK(change->scope != change->branch);
			snprintf(key, sizeof(key), "%lld", (long long) change->branch);
			row = json_object();
			json_object_set_new(memory->branches, key, row);
		}
		json_object_set_new(row, "scope", json_integer(change->scope));
		json_object_set_new(row, "status", json_string(change->status));
		json_object_set_new(row, "control",
							change->control == NULL
								? json_null()
								: json_string(change->control));
		json_object_set_new(row, "result_step",
							change->result_step == NULL
								? json_null()
								: json_string(change->result_step));
	}
	hitl_free_branches(&changes);

	/* What has been handed over is not handed over again. */
	CHECK_INT(hitl_dump_branches(control, &changes), HITL_OK);
	CHECK_INT(changes.count, 0);
	hitl_free_branches(&changes);
}

/*
 * A FORK effect.
 */
void
memory_fork(Memory *memory, const HitlEffect *effect)
{
	json_t *elements = json_loads(effect->body, 0, NULL);
	size_t i;
	json_t *element;

	CHECK_INT(json_array_size(elements), effect->count);
	json_array_foreach(elements, i, element)
	{
		char key[30];
		json_t *row;

		snprintf(key, sizeof(key), "%lld", (long long) (effect->first + i));
		CHECK(json_object_get(memory->branches, key) == NULL);
		row = json_pack("{s:I,s:I,s:s,s:{s:{},s:{}}}", "scope",
						(json_int_t) (effect->first + i), "parent_scope",
						(json_int_t) effect->scope, "status", "waiting", "data",
						"variables", "steps");
		if (effect->type != NULL)
			json_object_set(json_object_get(json_object_get(row, "data"),
											"variables"),
							effect->type, element);
		json_object_set_new(memory->branches, key, row);
	}
	json_decref(elements);
}

/*
 * A JOIN effect: the body of the reply, to be freed.
 */
char *
memory_join(Memory *memory, HitlControl *control, const HitlEffect *effect)
{
	json_t *results = json_array();
	json_t *body;
	char *text;
	int64_t i;

	memory_flush(memory, control);
	for (i = 0; i < effect->count; i++)
	{
		json_t *row = row_of(memory, effect->first + i);
		const char *status = json_string_value(json_object_get(row, "status"));
		const char *step = json_string_value(
			json_object_get(row, "result_step"));
		json_t *result = NULL;

		if (status != NULL && strcmp(status, "completed") == 0 && step != NULL)
		{
			result = json_object_get(json_object_get(json_object_get(row,
																	 "data"),
													 "steps"),
									 step);
			json_incref(result);
		}
		else if (status != NULL && strcmp(status, "waiting") != 0 &&
				 strcmp(status, "active") != 0)
			result = json_string(status);
		json_array_append_new(results, result == NULL ? json_null() : result);
	}
	body = json_pack("{s:I,s:o}", "token", (json_int_t) effect->token, "result",
					 results);
	text = json_dumps(body, JSON_COMPACT);
	json_decref(body);
	return text;
}

/*
 * A REMOVE_BRANCHES effect.
 */
void
memory_remove(Memory *memory, const HitlEffect *effect)
{
	const char *key;
	json_t *row;
	void *next;

	json_object_foreach_safe(memory->branches, next, key, row)
	{
		int64_t id = strtoll(key, NULL, 10);

		if (effect->count != 0 &&
			(id < effect->first || id >= effect->first + effect->count))
			continue;
		if (effect->keep && json_object_get(row, "data") != NULL)
			json_object_set_new(row, "status", json_string("kept"));
		else
			json_object_del(memory->branches, key);
	}
}

/*
 * How many branches there are that have begun and not ended.
 */
int
memory_active(const Memory *memory)
{
	const char *key;
	json_t *row;
	int count = 0;

	json_object_foreach(memory->branches, key, row)
		count += strcmp(json_string_value(json_object_get(row, "status")),
						"active") == 0;
	return count;
}

/*
 * The host's callbacks.
 */
HitlQueryResult
memory_load_branch(void *context, int64_t branch, const char **text)
{
	Memory *memory = context;
	json_t *row = row_of(memory, branch);
	json_t *control = json_object_get(row, "control");

	memory->loads++;
	if (memory->broken)
		return HITL_QUERY_HOST_FAILED;
	if (row == NULL || !json_is_string(control) ||
		strcmp(json_string_value(json_object_get(row, "status")), "active") !=
			0)
		return HITL_QUERY_EMPTY;
	json_array_append(memory->answers, control);
	*text = json_string_value(control);
	return HITL_QUERY_FOUND;
}

HitlQueryResult
memory_list_branches(void *context, int64_t first, int64_t count,
					 const int64_t **branches, int *found)
{
	Memory *memory = context;
	const char *key;
	json_t *row;

	if (memory->broken)
		return HITL_QUERY_HOST_FAILED;
	free(memory->ids);

	/* Not malloc, which may fail on purpose. */
	memory->ids = calloc(json_object_size(memory->branches) + 1,
						 sizeof(int64_t));
	*found = 0;
	if (memory->ids == NULL)
		return HITL_QUERY_HOST_FAILED;
	json_object_foreach(memory->branches, key, row)
	{
		int64_t id = strtoll(key, NULL, 10);

		if ((count == 0 || (id >= first && id < first + count)) &&
			strcmp(json_string_value(json_object_get(row, "status")),
				   "active") == 0)
			memory->ids[(*found)++] = id;
	}
	qsort(memory->ids, *found, sizeof(int64_t), compare_ids);
	*branches = memory->ids;
	return HITL_QUERY_FOUND;
}

/*
 * The row of a branch, or NULL.
 */
static json_t *
row_of(const Memory *memory, int64_t branch)
{
	char key[30];

	snprintf(key, sizeof(key), "%lld", (long long) branch);
	return json_object_get(memory->branches, key);
}

/*
 * For qsort.
 */
static int
compare_ids(const void *a, const void *b)
{
	int64_t left = *(const int64_t *) a;
	int64_t right = *(const int64_t *) b;

	return (left > right) - (left < right);
}
