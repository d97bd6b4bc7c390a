/*
 * host.c
 *		What the core asks of us while it runs: the data by SQL/JSON path, the
 *		branches of a workflow, agents.
 *
 * These callbacks run between the core's frames: no error may pass through
 * them.  Errors of a path itself (a syntax error, a division by zero) are
 * answers to the core; all others are kept and raised again once the core has
 * returned, before anything else is done.  Evaluating a path allocates memory
 * and nothing else, so catching its errors needs no subtransaction.
 *
 * Most paths name members of members of the data: $.variables.amount > 1000.
 * Such a path is evaluated over a document that has these members only, which
 * comes to the same and does not cost what the other data would.
 */
#include "postgres.h"

#include "agent/agent.h"
#include "agent/budget.h"
#include "approval/answer.h"
#include "core_bridge.h"
#include "fmgr.h"
#include "hitl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"
#include "utils/jsonpath.h"
#include "utils/memutils.h"
#include "workflow/batch.h"
#include "workflow/branch.h"
#include "workflow/data.h"
#include "workflow/host.h"
#include "workflow/large.h"

/* Paths kept compiled per backend, and the longest worth keeping. */
#define MAX_PATHS	 1000
#define MAX_PATH_KEY 128

/* Members that a path may name before the whole data is taken. */
#define MAX_REFERENCES 8

/* $.member.name, or $.member where name is empty; offsets in the path. */
typedef struct Reference
{
	int member;
	int member_length;
	int name;
	int name_length;
} Reference;

typedef struct CompiledPath
{
	char key[MAX_PATH_KEY];
	const char *text;
	JsonPath *path;
	int count; /* of references; -1: it may look at everything */
	Reference references[MAX_REFERENCES];
	bool exact; /* the path is its one reference and nothing else */
} CompiledPath;

static HTAB *paths = NULL;

static HitlQueryResult query_path(void *context, int64_t scope,
								  const char *path, const char **text);
static void fetch_large(CompiledPath *path, HitlData *data);
static HitlQueryResult evaluate(CompiledPath *path, List *layers,
								const char **text);
static Jsonb *find_matches(CompiledPath *path, Jsonb *document);
static Jsonb *select_members(CompiledPath *path, List *layers);
static void push_named(JsonbParseState **state, CompiledPath *path,
					   const Reference *first, List *layers);
static bool same_member(CompiledPath *path, const Reference *a,
						const Reference *b);
static HitlQueryResult check_path(void *context, const char *path,
								  const char **text);
static HitlQueryResult test_path(void *context, const char *document,
								 const char *path, const char **text);
static HitlQueryResult match(void *context, const char *pattern,
							 const char *subject, size_t length,
							 const char **text);
static HitlQueryResult load_agent(void *context, const char *name,
								  const char *version, const char **text);
static HitlQueryResult load_budgets(void *context, const char *name,
									const char **text);
static HitlQueryResult load_branch(void *context, int64_t branch,
								   const char **text);
static HitlQueryResult list_branches(void *context, int64_t first,
									 int64_t count, const int64_t **branches,
									 int *found);
static CompiledPath *compile_path(const char *text);
static void find_references(CompiledPath *path);
static bool read_reference(const char **text, const char *start,
						   Reference *reference);
static bool read_name(const char **text, const char *start, int *name,
					  int *length);

/*
 * Fill in the callbacks.
 */
void
hitl_host_init(HitlHost *host, HitlHostData *host_data)
{
	memset(host, 0, sizeof(*host));
	host->context = host_data;
	host->query = query_path;
	host->check_path = check_path;
	host->load_branch = load_branch;
	host->list_branches = list_branches;
	host->test_path = test_path;
	host->match = match;
	host->load_agent = load_agent;
	host->load_budgets = load_budgets;
}

/*
 * Raise the error that a callback could not let pass through the core.
 */
void
hitl_host_rethrow(HitlHostData *host_data)
{
	hitl_core_rethrow(host_data->error);
}

/*
 * Callback of the core: evaluate a path over the data as a scope sees them.
 */
static HitlQueryResult
query_path(void *context, int64_t scope, const char *path, const char **text)
{
	HitlHostData *host_data = context;
	MemoryContext caller = CurrentMemoryContext;
	volatile HitlQueryResult answer = HITL_QUERY_EMPTY;
	volatile bool evaluating = false;

	PG_TRY();
	{
		CompiledPath *compiled;
		List *layers;

		evaluating = true;
		compiled = compile_path(path);
		evaluating = false;
		fetch_large(compiled, &host_data->workflow->data);
		layers = hitl_scope_layers(host_data->batch, host_data->workflow,
								   scope);
		evaluating = true;
		answer = evaluate(compiled, layers, text);
	}
	PG_CATCH();
	{
		answer = hitl_keep_error(&host_data->error, caller, evaluating, text);
	}
	PG_END_TRY();
	return answer;
}

/*
 * Fetch what a path may look at of the large members of the data.
 */
static void
fetch_large(CompiledPath *path, HitlData *data)
{
	int i;

	if (data->large == NIL)
		return;
	for (i = 0; i < path->count; i++)
	{
		const Reference *reference = &path->references[i];

		hitl_large_fetch(data, path->text + reference->member,
						 reference->member_length, path->text + reference->name,
						 reference->name_length);
	}
	if (path->count < 0)
		hitl_large_fetch(data, NULL, 0, NULL, 0);
}

/*
 * Evaluate a path over what layers amount to.
 */
static HitlQueryResult
evaluate(CompiledPath *path, List *layers, const char **text)
{
	Jsonb *data;
	Jsonb *matches;

	if (path->exact)
	{
		const Reference *only = &path->references[0];
		JsonbValue value;

		if (hitl_find_member(layers, path->text + only->member,
							 only->member_length, path->text + only->name,
							 only->name_length, &value) == HITL_FOUND_MEMBER)
		{
			*text = value.type == jbvBinary
				? JsonbToCString(NULL, value.val.binary.data,
								 value.val.binary.len)
				: hitl_jsonb_text(JsonbValueToJsonb(&value));
			return HITL_QUERY_FOUND;
		}
	}
	data = list_length(layers) == 1 ? linitial(layers)
		: path->count >= 0			? select_members(path, layers)
									: hitl_merge_layers(layers);
	matches = find_matches(path, data);
	switch (JsonContainerSize(&matches->root))
	{
		case 0:
			return HITL_QUERY_EMPTY;
		case 1:
			*text = hitl_jsonb_text(JsonbValueToJsonb(
				getIthJsonbValueFromContainer(&matches->root, 0)));
			return HITL_QUERY_FOUND;
		default:
			*text = hitl_jsonb_text(matches);
			return HITL_QUERY_FOUND;
	}
}

/*
 * All that a path matches in a document, as an array.
 */
static Jsonb *
find_matches(CompiledPath *path, Jsonb *document)
{
	return DatumGetJsonbP(
		DirectFunctionCall4(jsonb_path_query_array, JsonbPGetDatum(document),
							PointerGetDatum(path->path),
							JsonbPGetDatum(hitl_jsonb_parse("{}")),
							BoolGetDatum(false)));
}

/*
 * A document that has what a path refers to and nothing else.
 */
static Jsonb *
select_members(CompiledPath *path, List *layers)
{
	JsonbParseState *state = NULL;
	int i, j;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (i = 0; i < path->count; i++)
	{
		bool seen = false;

		for (j = 0; j < i; j++)
			seen |= same_member(path, &path->references[i],
								&path->references[j]);
		if (!seen)
			push_named(&state, path, &path->references[i], layers);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/*
 * Push a member of the data with those of its members that a path refers to,
 * beginning with the first of these references.
 */
static void
push_named(JsonbParseState **state, CompiledPath *path, const Reference *first,
		   List *layers)
{
	const char *member = path->text + first->member;
	const Reference *end = path->references + path->count;
	const Reference *reference;
	JsonbValue value;

	for (reference = first; reference < end; reference++)
	{
		if (!same_member(path, first, reference))
			continue;
		if (reference->name_length == 0)
			break; /* all of it */
		switch (hitl_find_member(layers, member, first->member_length,
								 path->text + reference->name,
								 reference->name_length, &value))
		{
			case HITL_FOUND_NOTHING:
				return;
			case HITL_FOUND_OTHER:
				hitl_push_merged(state, layers, member, first->member_length);
				return;
			default:
				break;
		}
	}
	if (reference < end)
	{
		hitl_push_merged(state, layers, member, first->member_length);
		return;
	}

	hitl_push_text(state, WJB_KEY, member, first->member_length);
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	for (reference = first; reference < end; reference++)
	{
		const char *name = path->text + reference->name;

		if (!same_member(path, first, reference) ||
			hitl_find_member(layers, member, first->member_length, name,
							 reference->name_length,
							 &value) != HITL_FOUND_MEMBER)
			continue;
		hitl_push_text(state, WJB_KEY, name, reference->name_length);
		pushJsonbValue(state, WJB_VALUE, &value);
	}
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

static bool
same_member(CompiledPath *path, const Reference *a, const Reference *b)
{
	return a->member_length == b->member_length &&
		memcmp(path->text + a->member, path->text + b->member,
			   a->member_length) == 0;
}

/*
 * Callback of the core: is this text a path?
 */
static HitlQueryResult
check_path(void *context, const char *path, const char **text)
{
	HitlHostData *host_data = context;
	MemoryContext caller = CurrentMemoryContext;
	volatile HitlQueryResult answer = HITL_QUERY_FOUND;

	PG_TRY();
	{
		(void) compile_path(path);
	}
	PG_CATCH();
	{
		answer = hitl_keep_error(&host_data->error, caller, true, text);
	}
	PG_END_TRY();
	return answer;
}

/*
 * Callback of the core: does a predicate hold for a document?
 */
static HitlQueryResult
test_path(void *context, const char *document, const char *path,
		  const char **text)
{
	HitlHostData *host_data = context;
	MemoryContext caller = CurrentMemoryContext;
	volatile HitlQueryResult answer = HITL_QUERY_FOUND;

	PG_TRY();
	{
		Jsonb *matches = find_matches(compile_path(path),
									  hitl_jsonb_parse(document));
		JsonbValue *only = getIthJsonbValueFromContainer(&matches->root, 0);

		if (JsonContainerSize(&matches->root) == 1 && only->type == jbvBool)
			*text = only->val.boolean ? "true" : "false";
		else if (JsonContainerSize(&matches->root) == 1 &&
				 only->type == jbvNull)
			*text = "null";
		else
		{
			*text = "it is not a predicate, which holds or does not";
			answer = HITL_QUERY_FAULTY;
		}
	}
	PG_CATCH();
	{
		answer = hitl_keep_error(&host_data->error, caller, true, text);
	}
	PG_END_TRY();
	return answer;
}

/*
 * Callback of the core: does a text match a regular expression?
 */
static HitlQueryResult
match(void *context, const char *pattern, const char *subject, size_t length,
	  const char **text)
{
	HitlHostData *host_data = context;

	return hitl_match_pattern(&host_data->error, pattern, subject, length,
							  text);
}

/*
 * Callback of the core: the settings of an agent.
 */
static HitlQueryResult
load_agent(void *context, const char *name, const char *version,
		   const char **text)
{
	HitlHostData *host_data = context;
	MemoryContext caller = CurrentMemoryContext;
	volatile HitlQueryResult answer = HITL_QUERY_EMPTY;

	PG_TRY();
	{
		*text = hitl_agent_settings(host_data->batch, name, version);
		if (*text != NULL)
			answer = HITL_QUERY_FOUND;
	}
	PG_CATCH();
	{
		answer = hitl_keep_error(&host_data->error, caller, false, text);
	}
	PG_END_TRY();
	return answer;
}

/*
 * Callback of the core: how the budgets of an agent stand.
 */
static HitlQueryResult
load_budgets(void *context, const char *name, const char **text)
{
	HitlHostData *host_data = context;
	MemoryContext caller = CurrentMemoryContext;
	volatile HitlQueryResult answer = HITL_QUERY_EMPTY;

	PG_TRY();
	{
		*text = hitl_load_budgets(host_data->batch, name);
		if (*text != NULL)
			answer = HITL_QUERY_FOUND;
	}
	PG_CATCH();
	{
		answer = hitl_keep_error(&host_data->error, caller, false, text);
	}
	PG_END_TRY();
	return answer;
}

/*
 * Callback of the core: the control state of a branch that is under way.
 */
static HitlQueryResult
load_branch(void *context, int64_t branch, const char **text)
{
	HitlHostData *host_data = context;
	MemoryContext caller = CurrentMemoryContext;
	volatile HitlQueryResult answer = HITL_QUERY_EMPTY;

	PG_TRY();
	{
		*text = hitl_branch_control(host_data->batch, host_data->workflow,
									branch);
		if (*text != NULL)
			answer = HITL_QUERY_FOUND;
	}
	PG_CATCH();
	{
		answer = hitl_keep_error(&host_data->error, caller, false, text);
	}
	PG_END_TRY();
	return answer;
}

/*
 * Callback of the core: which branches are under way.
 */
static HitlQueryResult
list_branches(void *context, int64_t first, int64_t count,
			  const int64_t **branches, int *found)
{
	HitlHostData *host_data = context;
	MemoryContext caller = CurrentMemoryContext;
	volatile HitlQueryResult answer = HITL_QUERY_FOUND;
	const char *ignored;

	PG_TRY();
	{
		*found = hitl_list_branches(host_data->batch, host_data->workflow,
									first, count, branches);
		if (*found == 0)
			answer = HITL_QUERY_EMPTY;
	}
	PG_CATCH();
	{
		answer = hitl_keep_error(&host_data->error, caller, false, &ignored);
	}
	PG_END_TRY();
	return answer;
}

/*
 * In PG_CATCH: turn a fault of a path that was being evaluated into an answer;
 * keep any other error for hitl_core_rethrow.
 */
HitlQueryResult
hitl_keep_error(ErrorData **kept, MemoryContext context, bool evaluating,
				const char **text)
{
	ErrorData *error;
	int category;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	category = ERRCODE_TO_CATEGORY(error->sqlerrcode);
	if (evaluating &&
		(category == ERRCODE_DATA_EXCEPTION ||
		 category == ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION ||
		 category == ERRCODE_FEATURE_NOT_SUPPORTED))
	{
		*text = error->detail
			? psprintf("%s: %s", error->message, error->detail)
			: error->message;
		return HITL_QUERY_FAULTY;
	}
	*kept = error;
	return HITL_QUERY_HOST_FAILED;
}

/*
 * A path from its text; short ones are kept for the life of the backend.
 */
static CompiledPath *
compile_path(const char *text)
{
	CompiledPath *entry;
	char key[MAX_PATH_KEY];
	JsonPath *path;
	bool found;

	if (strlen(text) < MAX_PATH_KEY && paths != NULL)
	{
		entry = hash_search(paths, text, HASH_FIND, NULL);
		if (entry)
			return entry;
	}
	path = DatumGetJsonPathP(
		DirectFunctionCall1(jsonpath_in, CStringGetDatum(text)));
	if (strlen(text) >= MAX_PATH_KEY ||
		(paths != NULL && hash_get_num_entries(paths) >= MAX_PATHS))
	{
		entry = palloc(sizeof(CompiledPath));
		entry->text = text;
		entry->path = path;
		find_references(entry);
		return entry;
	}

	if (paths == NULL)
	{
		HASHCTL control = {0};

		control.keysize = MAX_PATH_KEY;
		control.entrysize = sizeof(CompiledPath);
		control.hcxt = TopMemoryContext;
		paths = hash_create("hitl paths", 64, &control,
							HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	}
	strlcpy(key, text, sizeof(key));
	path = memcpy(MemoryContextAlloc(TopMemoryContext, VARSIZE(path)), path,
				  VARSIZE(path));
	entry = hash_search(paths, key, HASH_ENTER, &found);
	entry->text = entry->key;
	entry->path = path;
	find_references(entry);
	return entry;
}

/*
 * Find out which members of the data a path looks at.  Where that is not plain
 * at sight it may look at everything.
 */
static void
find_references(CompiledPath *path)
{
	const char *p = path->text;

	path->count = 0;
	path->exact = false;
	while (*p)
	{
		if (*p == '"')
		{
			for (p++; *p && *p != '"'; p++)
				if (*p == '\\' && p[1])
					p++;
			if (*p)
				p++;
			continue;
		}
		if (p[0] == '/' && p[1] == '*')
			break; /* a comment */
		if (*p != '$')
		{
			p++;
			continue;
		}
		if (path->count == MAX_REFERENCES)
			break;
		if (!read_reference(&p, path->text, &path->references[path->count]))
			break;
		path->count++;
		if (path->count == 1 && *p == '\0' && path->text[0] == '$' &&
			path->references[0].name_length > 0)
			path->exact = true;
	}
	if (*p)
		path->count = -1;
}

/*
 * Read "$.member.name" or "$.member"; false if it is something else.
 */
static bool
read_reference(const char **text, const char *start, Reference *reference)
{
	const char *p = *text + 1;
	const char *end;

	memset(reference, 0, sizeof(*reference));
	if (*p != '.')
		return false;
	p++;
	if (!read_name(&p, start, &reference->member, &reference->member_length))
		return false;
	if (*p == '.')
	{
		end = p++;
		if (!read_name(&p, start, &reference->name, &reference->name_length))
		{
			/* what follows takes the member as a whole */
			p = end;
			reference->name = reference->name_length = 0;
		}
	}
	*text = p;
	return true;
}

/*
 * Read the name of a member, bare or in quotes; false if it is something else,
 * such as a method.
 */
static bool
read_name(const char **text, const char *start, int *name, int *length)
{
	const char *p = *text;
	const char *after;

	if (*p == '"')
	{
		const char *begin = ++p;

		while (*p && *p != '"' && *p != '\\')
			p++;
		if (*p != '"' || p == begin)
			return false;
		*name = begin - start;
		*length = p - begin;
		p++;
	}
	else
	{
		const char *begin = p;

		if (*p >= '0' && *p <= '9')
			return false;
		while ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
			   (*p >= '0' && *p <= '9') || *p == '_')
			p++;
		if (p == begin || *p == '\\' || IS_HIGHBIT_SET(*p) || *p == '"')
			return false;
		*name = begin - start;
		*length = p - begin;
	}
	for (after = p; *after == ' ' || *after == '\t' || *after == '\n' ||
		 *after == '\r' || *after == '\f';)
		after++;
	if (*after == '(' || (after[0] == '/' && after[1] == '*'))
		return false;
	*text = p;
	return true;
}
