/*
 * data.c
 *		A workflow's data: asked by SQL/JSON path, changed by deltas.
 *
 * The core asks through callbacks, which run between its frames: no error may
 * pass through them.  Errors of the path itself (a syntax error, a division by
 * zero) are answers to the core; all others are kept and raised again once the
 * core has returned.  Evaluating a path allocates memory and nothing else, so
 * catching its errors needs no subtransaction.
 */
#include "postgres.h"

#include "fmgr.h"
#include "hitl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"
#include "utils/jsonpath.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "workflow/data.h"

/* Paths kept compiled per backend, and the longest worth keeping. */
#define MAX_PATHS	 1000
#define MAX_PATH_KEY 128

typedef struct CompiledPath
{
	char text[MAX_PATH_KEY];
	JsonPath *path;
} CompiledPath;

static HTAB *paths = NULL;

static void push_merged(JsonbParseState **state, HitlData *data,
						const char *name);
static bool is_object(const JsonbValue *value);
static HitlQueryResult query_path(void *context, int64_t scope, const char *path,
								  const char **text);
static HitlQueryResult check_path(void *context, const char *path,
								  const char **text);
static HitlQueryResult keep_error(HitlHostData *host_data,
								  MemoryContext context, const char **text);
static JsonPath *compile_path(const char *text);

/*
 * Fill in the callbacks.
 */
void
hitl_host_init(HitlHost *host, HitlHostData *host_data)
{
	host->context = host_data;
	host->query = query_path;
	host->check_path = check_path;
}

/*
 * Raise the error that a callback could not let pass through the core.
 */
void
hitl_host_rethrow(HitlHostData *host_data)
{
	if (host_data->error == NULL)
		elog(ERROR, "the core reports a failure that its host does not know");
	ReThrowError(host_data->error);
}

/*
 * Change the data by a delta.
 */
void
hitl_data_change(HitlData *data, Jsonb *delta)
{
	Jsonb *whole = hitl_member(delta, "$");

	if (whole)
	{
		data->document = whole;
		data->deltas = NIL;
		data->merged = false;
	}
	else
		data->deltas = lappend(data->deltas, delta);
}

/*
 * The data, all deltas merged.  Of equal keys of an object under construction
 * the last one stays, so old and new members are just pushed in order.
 */
Jsonb *
hitl_data_document(HitlData *data)
{
	JsonbParseState *state = NULL;
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue key;
	ListCell *cell;
	List *changed = NIL; /* keys of the deltas, each once */
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext scratch;
	Jsonb *document;

	if (data->deltas == NIL)
		return data->document;

	/* Of a large document this takes several times its size, at every step. */
	scratch = AllocSetContextCreate(caller, "hitl merge",
									ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(scratch);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);

	/* What no delta speaks of. */
	it = JsonbIteratorInit(&data->document->root);
	(void) JsonbIteratorNext(&it, &key, true);
	while ((token = JsonbIteratorNext(&it, &key, true)) == WJB_KEY)
	{
		JsonbValue value;

		(void) JsonbIteratorNext(&it, &value, true);
		pushJsonbValue(&state, WJB_KEY, &key);
		pushJsonbValue(&state, WJB_VALUE, &value);
	}

	foreach(cell, data->deltas)
	{
		Jsonb *delta = lfirst(cell);

		it = JsonbIteratorInit(&delta->root);
		(void) JsonbIteratorNext(&it, &key, true);
		while ((token = JsonbIteratorNext(&it, &key, true)) == WJB_KEY)
		{
			JsonbValue value;
			char *name = pnstrdup(key.val.string.val, key.val.string.len);
			ListCell *seen;

			(void) JsonbIteratorNext(&it, &value, true);
			foreach(seen, changed)
				if (strcmp(lfirst(seen), name) == 0)
					break;
			if (seen != NULL)
				continue;
			changed = lappend(changed, name);
			push_merged(&state, data, name);
		}
	}
	document = JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
	MemoryContextSwitchTo(caller);
	if (data->merged)
		pfree(data->document);
	data->document = memcpy(palloc(VARSIZE(document)), document,
							VARSIZE(document));
	data->deltas = NIL;
	data->merged = true;
	MemoryContextDelete(scratch);
	return data->document;
}

/*
 * The members of two objects, those of the second winning.
 */
Jsonb *
hitl_merge(Jsonb *first, Jsonb *second)
{
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_concat,
											  JsonbPGetDatum(first),
											  JsonbPGetDatum(second)));
}

/*
 * A member of a jsonb object.
 */
Jsonb *
hitl_member(Jsonb *object, const char *key)
{
	JsonbValue value;

	if (!JB_ROOT_IS_OBJECT(object) ||
		!getKeyJsonValueFromContainer(&object->root, key, strlen(key), &value))
		return NULL;
	return JsonbValueToJsonb(&value);
}

/*
 * A member as C string: strings bare, numbers and booleans as text.
 */
char *
hitl_member_text(Jsonb *object, const char *key)
{
	JsonbValue value;

	if (!JB_ROOT_IS_OBJECT(object) ||
		!getKeyJsonValueFromContainer(&object->root, key, strlen(key),
									  &value) ||
		value.type == jbvNull)
		return NULL;
	if (value.type == jbvString)
		return pnstrdup(value.val.string.val, value.val.string.len);
	return hitl_jsonb_text(JsonbValueToJsonb(&value));
}

/*
 * A member as a whole number.
 */
int64
hitl_member_int(Jsonb *object, const char *key, int64 fallback)
{
	JsonbValue value;

	if (!JB_ROOT_IS_OBJECT(object) ||
		!getKeyJsonValueFromContainer(&object->root, key, strlen(key),
									  &value) ||
		value.type != jbvNumeric)
		return fallback;
	return DatumGetInt64(
		DirectFunctionCall1(numeric_int8, NumericGetDatum(value.val.numeric)));
}

/*
 * JSON text of a jsonb.
 */
char *
hitl_jsonb_text(Jsonb *jsonb)
{
	return JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb));
}

/*
 * A jsonb from JSON text.
 */
Jsonb *
hitl_jsonb_parse(const char *text)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
}

/*
 * An object of text members: hitl_facts("kind", kind, "message", NULL, NULL)
 * leaves out what is NULL.  NULL if nothing is left.
 */
Jsonb *
hitl_facts(const char *key, ...)
{
	JsonbParseState *state = NULL;
	bool empty = true;
	JsonbValue *result;
	va_list args;

	va_start(args, key);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (; key != NULL; key = va_arg(args, const char *))
	{
		const char *text = va_arg(args, const char *);
		JsonbValue value;

		if (text == NULL)
			continue;
		empty = false;
		value.type = jbvString;
		value.val.string.val = unconstify(char *, key);
		value.val.string.len = strlen(key);
		pushJsonbValue(&state, WJB_KEY, &value);
		value.val.string.val = unconstify(char *, text);
		value.val.string.len = strlen(text);
		pushJsonbValue(&state, WJB_VALUE, &value);
	}
	va_end(args);
	result = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return empty ? NULL : JsonbValueToJsonb(result);
}

/*
 * Push a member of the data with what the deltas make of it: if all of them
 * are objects their members, else the last value.
 */
static void
push_merged(JsonbParseState **state, HitlData *data, const char *name)
{
	List *parts = NIL;
	JsonbValue *value = palloc(sizeof(JsonbValue));
	JsonbValue key;
	ListCell *cell;

	key.type = jbvString;
	key.val.string.val = unconstify(char *, name);
	key.val.string.len = strlen(name);
	pushJsonbValue(state, WJB_KEY, &key);

	if (getKeyJsonValueFromContainer(&data->document->root, name, strlen(name),
									 value))
		parts = lappend(parts, value);
	foreach(cell, data->deltas)
	{
		Jsonb *delta = lfirst(cell);

		value = palloc(sizeof(JsonbValue));
		if (getKeyJsonValueFromContainer(&delta->root, name, strlen(name),
										 value))
		{
			if (!is_object(value) || parts == NIL || !is_object(llast(parts)))
				parts = NIL;
			parts = lappend(parts, value);
		}
	}
	if (list_length(parts) == 1)
	{
		pushJsonbValue(state, WJB_VALUE, linitial(parts));
		return;
	}
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	foreach(cell, parts)
	{
		JsonbIterator *it = JsonbIteratorInit(
			((JsonbValue *) lfirst(cell))->val.binary.data);
		JsonbValue item;

		(void) JsonbIteratorNext(&it, &item, true);
		while (JsonbIteratorNext(&it, &item, true) == WJB_KEY)
		{
			pushJsonbValue(state, WJB_KEY, &item);
			(void) JsonbIteratorNext(&it, &item, true);
			pushJsonbValue(state, WJB_VALUE, &item);
		}
	}
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

static bool
is_object(const JsonbValue *value)
{
	return value->type == jbvBinary &&
		JsonContainerIsObject(value->val.binary.data);
}

/*
 * Callback of the core: evaluate a path over the data.
 */
static HitlQueryResult
query_path(void *context, int64_t scope, const char *path, const char **text)
{
	HitlHostData *host_data = context;
	MemoryContext caller = CurrentMemoryContext;
	volatile HitlQueryResult answer = HITL_QUERY_EMPTY;

	PG_TRY();
	{
		Jsonb *matches;

		matches = DatumGetJsonbP(
			DirectFunctionCall4(jsonb_path_query_array,
								JsonbPGetDatum(
									hitl_data_document(host_data->data)),
								PointerGetDatum(compile_path(path)),
								JsonbPGetDatum(hitl_jsonb_parse("{}")),
								BoolGetDatum(false)));
		switch (JsonContainerSize(&matches->root))
		{
			case 0:
				break;
			case 1:
				*text = hitl_jsonb_text(JsonbValueToJsonb(
					getIthJsonbValueFromContainer(&matches->root, 0)));
				answer = HITL_QUERY_FOUND;
				break;
			default:
				*text = hitl_jsonb_text(matches);
				answer = HITL_QUERY_FOUND;
		}
	}
	PG_CATCH();
	{
		answer = keep_error(host_data, caller, text);
	}
	PG_END_TRY();
	return answer;
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
		answer = keep_error(host_data, caller, text);
	}
	PG_END_TRY();
	return answer;
}

/*
 * In PG_CATCH: turn a fault of the path into an answer; keep any other error
 * for hitl_host_rethrow.
 */
static HitlQueryResult
keep_error(HitlHostData *host_data, MemoryContext context, const char **text)
{
	ErrorData *error;
	int category;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	category = ERRCODE_TO_CATEGORY(error->sqlerrcode);
	if (category == ERRCODE_DATA_EXCEPTION ||
		category == ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION ||
		category == ERRCODE_FEATURE_NOT_SUPPORTED)
	{
		*text = error->detail
			? psprintf("%s: %s", error->message, error->detail)
			: error->message;
		return HITL_QUERY_FAULTY;
	}
	host_data->error = error;
	return HITL_QUERY_HOST_FAILED;
}

/*
 * A path from its text; short ones are kept for the life of the backend.
 */
static JsonPath *
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
			return entry->path;
	}
	path = DatumGetJsonPathP(
		DirectFunctionCall1(jsonpath_in, CStringGetDatum(text)));
	if (strlen(text) >= MAX_PATH_KEY ||
		(paths != NULL && hash_get_num_entries(paths) >= MAX_PATHS))
		return path;

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
	entry->path = path;
	return path;
}
