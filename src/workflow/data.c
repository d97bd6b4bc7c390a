/*
 * data.c
 *		The data of a workflow, or of a scope within it, changed by deltas.
 *
 * What is asked of it most is one member of one of its members: a variable, a
 * step's result.  That is found in the newest layer which has it, and nothing
 * is put together for it.
 */
#include "postgres.h"

#include "fmgr.h"
#include "hitl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "workflow/data.h"
#include "workflow/large.h"

/* Deltas that are merged at the latest, so that looking stays quick. */
#define MAX_DELTAS 64

static void fold(HitlData *data);
static void unpack(HitlData *data);
static void push_members(JsonbParseState **state, JsonbContainer *object);
static bool is_object(const JsonbValue *value);

/*
 * Take data as read from a column.
 */
void
hitl_data_read(HitlData *data, Datum column, Size *unpacked)
{
	struct varlena *value = (struct varlena *) DatumGetPointer(column);
	Size size = VARSIZE_ANY(value);

	memset(data, 0, sizeof(*data));
	data->packed = memcpy(palloc(size), value, size);
	data->unpacked = unpacked;
}

/*
 * Change the data by a delta.
 */
void
hitl_data_change(HitlData *data, Jsonb *delta, int event)
{
	Jsonb *whole = hitl_member(delta, "$");

	data->changed = true;
	if (whole)
	{
		data->packed = NULL;
		data->document = whole;
		data->deltas = NIL;
		data->events = NIL;
		data->merged = false;
		data->replaced_by = event;
		if (data->workflow_id)
			hitl_large_read(data, data->batch, data->workflow_id,
							hitl_member(delta, "large"));
		return;
	}
	data->deltas = lappend(data->deltas, delta);
	data->events = lappend_int(data->events, event);
	if (list_length(data->deltas) >= MAX_DELTAS)
		fold(data);
}

/*
 * The data, all deltas merged, the large members among them.
 */
Jsonb *
hitl_data_document(HitlData *data)
{
	fold(data);
	if (data->large == NIL)
		return data->document;
	hitl_large_fetch(data, NULL, 0, NULL, 0);
	return hitl_merge_layers(hitl_data_layers(data, NIL));
}

/*
 * The data as they are stored.
 */
Jsonb *
hitl_data_stored(HitlData *data)
{
	fold(data);
	return data->document;
}

/*
 * Append what the data consist of to a list of layers.
 */
List *
hitl_data_layers(HitlData *data, List *layers)
{
	unpack(data);
	layers = lappend(layers, data->document);
	if (data->large != NIL)
		layers = hitl_large_layers(data, layers);
	return list_concat(layers, data->deltas);
}

/*
 * Look for $.member.name from the newest layer on.  A layer whose member is no
 * object replaces what is beneath it.
 */
HitlFound
hitl_find_member(List *layers, const char *member, int member_length,
				 const char *name, int name_length, JsonbValue *value)
{
	HitlFound found = HITL_FOUND_NOTHING;
	int i;

	for (i = list_length(layers) - 1; i >= 0; i--)
	{
		Jsonb *layer = list_nth(layers, i);
		JsonbValue outer;

		if (!getKeyJsonValueFromContainer(&layer->root, member, member_length,
										  &outer))
			continue;
		if (!is_object(&outer))
			return found == HITL_FOUND_NOTHING ? HITL_FOUND_OTHER : found;
		found = HITL_FOUND_OBJECT;
		if (getKeyJsonValueFromContainer(outer.val.binary.data, name,
										 name_length, value))
			return HITL_FOUND_MEMBER;
	}
	return found;
}

/*
 * Push a key and what the layers make of it: if all that have it have objects
 * their members, else what lies above the last other value.  Of equal keys of
 * an object under construction the last one stays, so old and new members are
 * just pushed in order.
 */
void
hitl_push_merged(JsonbParseState **state, List *layers, const char *name,
				 int length)
{
	List *parts = NIL;
	ListCell *cell;

	foreach(cell, layers)
	{
		Jsonb *layer = lfirst(cell);
		JsonbValue *value = palloc(sizeof(JsonbValue));

		if (!getKeyJsonValueFromContainer(&layer->root, name, length, value))
			continue;
		if (!is_object(value) || parts == NIL || !is_object(llast(parts)))
			parts = NIL;
		parts = lappend(parts, value);
	}
	if (parts == NIL)
		return;

	hitl_push_text(state, WJB_KEY, name, length);
	if (list_length(parts) == 1)
	{
		pushJsonbValue(state, WJB_VALUE, linitial(parts));
		return;
	}
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	foreach(cell, parts)
		push_members(state, ((JsonbValue *) lfirst(cell))->val.binary.data);
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/*
 * What layers amount to.
 */
Jsonb *
hitl_merge_layers(List *layers)
{
	JsonbParseState *state = NULL;
	ListCell *cell;
	ListCell *seen;
	List *changed = NIL; /* keys of all layers but the first, each once */

	if (list_length(layers) == 1)
		return linitial(layers);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_members(&state, &((Jsonb *) linitial(layers))->root);
	for_each_from(cell, layers, 1)
	{
		Jsonb *layer = lfirst(cell);
		JsonbIterator *it = JsonbIteratorInit(&layer->root);
		JsonbValue key;

		(void) JsonbIteratorNext(&it, &key, true);
		while (JsonbIteratorNext(&it, &key, true) == WJB_KEY)
		{
			JsonbValue value;
			char *name = pnstrdup(key.val.string.val, key.val.string.len);

			(void) JsonbIteratorNext(&it, &value, true);
			foreach(seen, changed)
				if (strcmp(lfirst(seen), name) == 0)
					break;
			if (seen != NULL)
				continue;
			changed = lappend(changed, name);
			hitl_push_merged(&state, layers, name, strlen(name));
		}
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
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
 * Push a text as key or value.
 */
void
hitl_push_text(JsonbParseState **state, JsonbIteratorToken token,
			   const char *text, int length)
{
	JsonbValue value;

	value.type = jbvString;
	value.val.string.val = unconstify(char *, text);
	value.val.string.len = length;
	pushJsonbValue(state, token, &value);
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

		if (text == NULL)
			continue;
		empty = false;
		hitl_push_text(&state, WJB_KEY, key, strlen(key));
		hitl_push_text(&state, WJB_VALUE, text, strlen(text));
	}
	va_end(args);
	result = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return empty ? NULL : JsonbValueToJsonb(result);
}

/*
 * Those of the members of an object that are named; the names end with NULL.
 */
Jsonb *
hitl_some_members(Jsonb *object, const char *key, ...)
{
	JsonbParseState *state = NULL;
	va_list args;

	va_start(args, key);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (; key != NULL; key = va_arg(args, const char *))
	{
		JsonbValue value;

		if (!getKeyJsonValueFromContainer(&object->root, key, strlen(key),
										  &value))
			continue;
		hitl_push_text(&state, WJB_KEY, key, strlen(key));
		pushJsonbValue(&state, WJB_VALUE, &value);
	}
	va_end(args);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/*
 * Merge the deltas into the document.
 */
static void
fold(HitlData *data)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext scratch;
	Jsonb *document;

	unpack(data);
	if (data->changed)
		hitl_large_refer(data);
	if (data->deltas == NIL)
		return;

	/* Of a large document this takes several times its size, at every step. */
	scratch = AllocSetContextCreate(caller, "hitl merge",
									ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(scratch);
	document = hitl_merge_layers(
		list_concat(list_make1(data->document), data->deltas));
	MemoryContextSwitchTo(caller);
	if (data->merged)
		pfree(data->document);
	data->document = data->workflow_id ? hitl_large_take(data, document)
									   : document;
	if (data->document == document)
		data->document = memcpy(palloc(VARSIZE(document)), document,
								VARSIZE(document));
	data->deltas = NIL;
	data->events = NIL;
	data->merged = true;
	MemoryContextDelete(scratch);
}

/*
 * Detoast what was read.
 */
static void
unpack(HitlData *data)
{
	if (data->packed == NULL)
		return;
	data->document = (Jsonb *) pg_detoast_datum(data->packed);
	data->packed = NULL;
	if (data->unpacked)
		*data->unpacked += VARSIZE(data->document);
}

/*
 * Push the members of an object into one that is under construction.
 */
static void
push_members(JsonbParseState **state, JsonbContainer *object)
{
	JsonbIterator *it = JsonbIteratorInit(object);
	JsonbValue item;

	(void) JsonbIteratorNext(&it, &item, true);
	while (JsonbIteratorNext(&it, &item, true) == WJB_KEY)
	{
		pushJsonbValue(state, WJB_KEY, &item);
		(void) JsonbIteratorNext(&it, &item, true);
		pushJsonbValue(state, WJB_VALUE, &item);
	}
}

static bool
is_object(const JsonbValue *value)
{
	return value->type == jbvBinary &&
		JsonContainerIsObject(value->val.binary.data);
}
