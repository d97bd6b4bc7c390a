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
#define MAX_PATHS		1000
#define MAX_PATH_KEY	128

typedef struct CompiledPath
{
	char		text[MAX_PATH_KEY];
	JsonPath   *path;
} CompiledPath;

static HTAB *paths = NULL;

static HitlQueryResult query_path(void *context, const char *path, const char **text);
static HitlQueryResult check_path(void *context, const char *path, const char **text);
static HitlQueryResult keep_error(HitlHostData *host_data, MemoryContext context,
								  const char **text);
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
 * Merge a delta into the data, two levels deep.
 */
Jsonb *
hitl_merge_delta(Jsonb *data, Jsonb *delta)
{
	JsonbParseState *state = NULL;
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	value;
	JsonbValue *result;
	Jsonb	   *whole = hitl_member(delta, "$");

	if (whole)
		return whole;

	/* {key: data.key || delta.key, ...}, then data || that */
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	it = JsonbIteratorInit(&delta->root);
	token = JsonbIteratorNext(&it, &value, true);
	Assert(token == WJB_BEGIN_OBJECT);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_END_OBJECT)
	{
		JsonbValue	key = value;
		JsonbValue	old;

		pushJsonbValue(&state, WJB_KEY, &key);
		(void) JsonbIteratorNext(&it, &value, true);
		if (value.type == jbvBinary && JsonContainerIsObject(value.val.binary.data) &&
			getKeyJsonValueFromContainer(&data->root, key.val.string.val,
										 key.val.string.len, &old) &&
			old.type == jbvBinary && JsonContainerIsObject(old.val.binary.data))
		{
			Datum		merged = DirectFunctionCall2(jsonb_concat,
													 JsonbPGetDatum(JsonbValueToJsonb(&old)),
													 JsonbPGetDatum(JsonbValueToJsonb(&value)));

			value.type = jbvBinary;
			value.val.binary.data = &DatumGetJsonbP(merged)->root;
			value.val.binary.len = VARSIZE(DatumGetPointer(merged)) - VARHDRSZ;
		}
		pushJsonbValue(&state, WJB_VALUE, &value);
	}
	result = pushJsonbValue(&state, WJB_END_OBJECT, NULL);

	return DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(data),
											  JsonbPGetDatum(JsonbValueToJsonb(result))));
}

/*
 * A member of a jsonb object.
 */
Jsonb *
hitl_member(Jsonb *object, const char *key)
{
	JsonbValue	value;

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
	JsonbValue	value;

	if (!JB_ROOT_IS_OBJECT(object) ||
		!getKeyJsonValueFromContainer(&object->root, key, strlen(key), &value) ||
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
	JsonbValue	value;

	if (!JB_ROOT_IS_OBJECT(object) ||
		!getKeyJsonValueFromContainer(&object->root, key, strlen(key), &value) ||
		value.type != jbvNumeric)
		return fallback;
	return DatumGetInt64(DirectFunctionCall1(numeric_int8,
											 NumericGetDatum(value.val.numeric)));
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
hitl_facts(const char *key,...)
{
	JsonbParseState *state = NULL;
	bool		empty = true;
	JsonbValue *result;
	va_list		args;

	va_start(args, key);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (; key != NULL; key = va_arg(args, const char *))
	{
		const char *text = va_arg(args, const char *);
		JsonbValue	value;

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
 * Callback of the core: evaluate a path over the data.
 */
static HitlQueryResult
query_path(void *context, const char *path, const char **text)
{
	HitlHostData *host_data = context;
	MemoryContext caller = CurrentMemoryContext;
	volatile HitlQueryResult answer = HITL_QUERY_EMPTY;

	PG_TRY();
	{
		Jsonb	   *matches;

		matches = DatumGetJsonbP(DirectFunctionCall4(jsonb_path_query_array,
													 JsonbPGetDatum(host_data->data),
													 PointerGetDatum(compile_path(path)),
													 JsonbPGetDatum(hitl_jsonb_parse("{}")),
													 BoolGetDatum(false)));
		switch (JsonContainerSize(&matches->root))
		{
			case 0:
				break;
			case 1:
				*text = hitl_jsonb_text(JsonbValueToJsonb(getIthJsonbValueFromContainer(&matches->root, 0)));
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
	ErrorData  *error;
	int			category;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	category = ERRCODE_TO_CATEGORY(error->sqlerrcode);
	if (category == ERRCODE_DATA_EXCEPTION ||
		category == ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION ||
		category == ERRCODE_FEATURE_NOT_SUPPORTED)
	{
		*text = error->detail ? psprintf("%s: %s", error->message, error->detail) :
			error->message;
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
	char		key[MAX_PATH_KEY];
	JsonPath   *path;
	bool		found;

	if (strlen(text) < MAX_PATH_KEY && paths != NULL)
	{
		entry = hash_search(paths, text, HASH_FIND, NULL);
		if (entry)
			return entry->path;
	}
	path = DatumGetJsonPathP(DirectFunctionCall1(jsonpath_in, CStringGetDatum(text)));
	if (strlen(text) >= MAX_PATH_KEY ||
		(paths != NULL && hash_get_num_entries(paths) >= MAX_PATHS))
		return path;

	if (paths == NULL)
	{
		HASHCTL		control = {0};

		control.keysize = MAX_PATH_KEY;
		control.entrysize = sizeof(CompiledPath);
		control.hcxt = TopMemoryContext;
		paths = hash_create("hitl paths", 64, &control,
							HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	}
	strlcpy(key, text, sizeof(key));
	path = memcpy(MemoryContextAlloc(TopMemoryContext, VARSIZE(path)), path, VARSIZE(path));
	entry = hash_search(paths, key, HASH_ENTER, &found);
	entry->path = path;
	return path;
}
