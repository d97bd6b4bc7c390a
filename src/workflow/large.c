/*
 * large.c
 *		Members of a workflow's data that are too large to be written again
 *		with every step: their values stay in the trail.
 *
 * The event that brought a value has it anyway, and is never changed.  So the
 * row of the workflow names the event in its column "large", and the value is
 * fetched when somebody looks at it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "db.h"
#include "hitl.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
#include "workflow/batch.h"
#include "workflow/identifier.h"
#include "workflow/large.h"

/* A value in the trail. */
typedef struct LargeMember
{
	char *member;
	char *name;
	int event;
	Jsonb *layer; /* {"member": {"name": value}} once it was looked at */
} LargeMember;

static void fetch(HitlData *data, LargeMember *large);
static bool is_large(const JsonbValue *value);
static Jsonb *make_layer(const char *member, const char *name,
						 const JsonbValue *value);
static void refer(HitlData *data, const char *member, const char *name,
				  int event, const JsonbValue *value);
static void forget(HitlData *data, const char *member, const char *name);
static bool is_set_later(HitlData *data, int delta, const char *member,
						 const char *name, int length);
static Jsonb *without_large(HitlData *data, Jsonb *document);
static bool is_referred(HitlData *data, const JsonbValue *member,
						const JsonbValue *name);
static bool find_value(Jsonb *document, const char *member, int member_length,
					   const char *name, int name_length, JsonbValue *value);

/*
 * Data that is a workflow's.
 */
void
hitl_large_read(HitlData *data, HitlBatch *batch, const pg_uuid_t *workflow_id,
				Jsonb *large)
{
	JsonbIterator *it;
	JsonbValue item;
	JsonbIteratorToken token;
	char *member = NULL;
	char *name = NULL;
	int depth = 0;

	data->batch = batch;
	data->workflow_id = workflow_id;
	data->large = NIL;
	if (large == NULL)
		return;
	it = JsonbIteratorInit(&large->root);
	while ((token = JsonbIteratorNext(&it, &item, false)) != WJB_DONE)
	{
		if (token == WJB_BEGIN_OBJECT)
			depth++;
		else if (token == WJB_END_OBJECT)
			depth--;
		else if (token == WJB_KEY && depth == 1)
			member = pnstrdup(item.val.string.val, item.val.string.len);
		else if (token == WJB_KEY)
			name = pnstrdup(item.val.string.val, item.val.string.len);
		else if (token == WJB_VALUE && item.type == jbvNumeric)
		{
			LargeMember *entry = palloc0(sizeof(LargeMember));

			entry->member = member;
			entry->name = name;
			entry->event = DatumGetInt32(
				DirectFunctionCall1(numeric_int4,
									NumericGetDatum(item.val.numeric)));
			data->large = lappend(data->large, entry);
		}
	}
}

/*
 * Which values are in the trail.
 */
Jsonb *
hitl_large_column(HitlData *data)
{
	JsonbParseState *state = NULL;
	ListCell *cell;
	ListCell *other;

	if (data->large == NIL)
		return NULL;
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	foreach(cell, data->large)
	{
		const char *member = ((LargeMember *) lfirst(cell))->member;
		bool seen = false;

		foreach(other, data->large)
		{
			if (other == cell)
				break;
			if (strcmp(((LargeMember *) lfirst(other))->member, member) == 0)
			{
				seen = true;
				break;
			}
		}
		if (seen)
			continue;
		hitl_push_text(&state, WJB_KEY, member, strlen(member));
		pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
		for_each_cell(other, data->large, cell)
		{
			LargeMember *large = lfirst(other);
			JsonbValue event;

			if (strcmp(large->member, member) != 0)
				continue;
			hitl_push_text(&state, WJB_KEY, large->name, strlen(large->name));
			event.type = jbvNumeric;
			event.val.numeric = int64_to_numeric(large->event);
			pushJsonbValue(&state, WJB_VALUE, &event);
		}
		pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/*
 * Fetch large values that somebody is about to look at.
 */
void
hitl_large_fetch(HitlData *data, const char *member, int member_length,
				 const char *name, int name_length)
{
	ListCell *cell;

	foreach(cell, data->large)
	{
		LargeMember *large = lfirst(cell);

		if (large->layer != NULL)
			continue;
		if (member_length > 0 &&
			(strlen(large->member) != member_length ||
			 memcmp(large->member, member, member_length) != 0))
			continue;
		if (name_length > 0 &&
			(strlen(large->name) != name_length ||
			 memcmp(large->name, name, name_length) != 0))
			continue;
		fetch(data, large);
	}
}

/*
 * Append the values that have been fetched to a list of layers.
 */
List *
hitl_large_layers(HitlData *data, List *layers)
{
	ListCell *cell;

	foreach(cell, data->large)
	{
		LargeMember *large = lfirst(cell);

		if (large->layer)
			layers = lappend(layers, large->layer);
	}
	return layers;
}

/*
 * Refer to those large members of the document that an event has: the first
 * one, or the one that replaced the data.
 */
void
hitl_large_refer(HitlData *data)
{
	static HitlStatement load = {
		"SELECT delta FROM hitl.workflow_events WHERE workflow_id = $1 AND seq = $2",
		2,
		{UUIDOID, INT4OID},
	};
	Jsonb *delta = NULL;
	JsonbIterator *it;
	JsonbValue outer;
	int event = data->replaced_by ? data->replaced_by : 1;
	int before = list_length(data->large);

	if (data->workflow_id == NULL ||
		VARSIZE(data->document) <= HITL_LARGE_MEMBER)
		return;
	it = JsonbIteratorInit(&data->document->root);
	(void) JsonbIteratorNext(&it, &outer, true);
	while (JsonbIteratorNext(&it, &outer, true) == WJB_KEY)
	{
		char *member = pnstrdup(outer.val.string.val, outer.val.string.len);
		JsonbIterator *inner;
		JsonbValue value;

		(void) JsonbIteratorNext(&it, &outer, true);
		if (!is_large(&outer) || outer.type != jbvBinary ||
			!JsonContainerIsObject(outer.val.binary.data))
			continue;
		inner = JsonbIteratorInit(outer.val.binary.data);
		(void) JsonbIteratorNext(&inner, &value, true);
		while (JsonbIteratorNext(&inner, &value, true) == WJB_KEY)
		{
			char *name = pnstrdup(value.val.string.val, value.val.string.len);
			JsonbValue original;

			(void) JsonbIteratorNext(&inner, &value, true);
			if (!is_large(&value))
				continue;
			if (delta == NULL)
			{
				Datum values[2];
				Datum datum;
				bool isnull = true;

				hitl_write_events(data->batch);
				values[0] = UUIDPGetDatum(data->workflow_id);
				values[1] = Int32GetDatum(event);
				hitl_execute(&load, values, NULL, 0);
				datum = SPI_processed > 0 ? hitl_column(0, 1, &isnull) : 0;
				delta = isnull ? hitl_jsonb_parse("{}")
							   : DatumGetJsonbPCopy(datum);
				SPI_freetuptable(SPI_tuptable);
				if (hitl_member(delta, "$"))
					delta = hitl_member(delta, "$");
			}
			if (find_value(delta, member, strlen(member), name, strlen(name),
						   &original) &&
				original.type == value.type &&
				(value.type == jbvBinary
					 ? compareJsonbContainers(original.val.binary.data,
											  value.val.binary.data) == 0
					 : original.val.string.len == value.val.string.len &&
						 memcmp(original.val.string.val, value.val.string.val,
								value.val.string.len) == 0))
				refer(data, member, name, event, &value);
		}
	}
	if (list_length(data->large) > before)
	{
		data->document = without_large(data, data->document);
		data->merged = true;
	}
}

/*
 * Refer to what of the deltas is large.
 */
Jsonb *
hitl_large_take(HitlData *data, Jsonb *merged)
{
	bool any = data->large != NIL;
	int i;

	for (i = 0; i < list_length(data->deltas) && !any; i++)
		any = VARSIZE(list_nth(data->deltas, i)) > HITL_LARGE_MEMBER;
	if (!any)
		return merged;

	for (i = 0; i < list_length(data->deltas); i++)
	{
		Jsonb *delta = list_nth(data->deltas, i);
		JsonbIterator *it = JsonbIteratorInit(&delta->root);
		JsonbValue outer;

		(void) JsonbIteratorNext(&it, &outer, true);
		while (JsonbIteratorNext(&it, &outer, true) == WJB_KEY)
		{
			char *member = pnstrdup(outer.val.string.val, outer.val.string.len);
			JsonbIterator *inner;
			JsonbValue value;

			(void) JsonbIteratorNext(&it, &outer, true);
			if (outer.type != jbvBinary ||
				!JsonContainerIsObject(outer.val.binary.data))
			{
				forget(data, member, NULL);
				continue;
			}
			inner = JsonbIteratorInit(outer.val.binary.data);
			(void) JsonbIteratorNext(&inner, &value, true);
			while (JsonbIteratorNext(&inner, &value, true) == WJB_KEY)
			{
				char *name = pnstrdup(value.val.string.val,
									  value.val.string.len);

				(void) JsonbIteratorNext(&inner, &value, true);
				forget(data, member, name);
				if (is_large(&value) &&
					!is_set_later(data, i, member, name, strlen(name)))
					refer(data, member, name, list_nth_int(data->events, i),
						  &value);
			}
		}
	}
	return data->large == NIL ? merged : without_large(data, merged);
}

/*
 * Fetch one value from its event.
 */
static void
fetch(HitlData *data, LargeMember *large)
{
	static HitlStatement load = {
		"SELECT coalesce(delta -> '$' -> $3 -> $4, delta -> $3 -> $4) "
		"FROM hitl.workflow_events WHERE workflow_id = $1 AND seq = $2",
		4,
		{UUIDOID, INT4OID, TEXTOID, TEXTOID},
	};
	Datum values[4];
	Datum datum;
	bool isnull = true;
	Jsonb *found;
	JsonbValue value;

	hitl_write_events(data->batch);
	values[0] = UUIDPGetDatum(data->workflow_id);
	values[1] = Int32GetDatum(large->event);
	values[2] = CStringGetTextDatum(large->member);
	values[3] = CStringGetTextDatum(large->name);
	hitl_execute(&load, values, NULL, 0);
	datum = SPI_processed > 0 ? hitl_column(0, 1, &isnull) : 0;
	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("$.%s.%s of workflow %s is missing", large->member, large->name,
						hitl_id_text(data->workflow_id)),
				 errdetail("It should be in event %d.", large->event)));
	found = DatumGetJsonbPCopy(datum);
	SPI_freetuptable(SPI_tuptable);
	data->batch->bytes += VARSIZE(found);
	if (JB_ROOT_IS_SCALAR(found))
		value = *getIthJsonbValueFromContainer(&found->root, 0);
	else
	{
		value.type = jbvBinary;
		value.val.binary.data = &found->root;
		value.val.binary.len = VARSIZE(found) - VARHDRSZ;
	}
	large->layer = make_layer(large->member, large->name, &value);
	pfree(found);
}

/*
 * Is a value too large to be kept in the row?
 */
static bool
is_large(const JsonbValue *value)
{
	return value->type == jbvBinary ? value->val.binary.len > HITL_LARGE_MEMBER
		: value->type == jbvString	? value->val.string.len > HITL_LARGE_MEMBER
									: false;
}

/*
 * {"member": {"name": value}}
 */
static Jsonb *
make_layer(const char *member, const char *name, const JsonbValue *value)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	hitl_push_text(&state, WJB_KEY, member, strlen(member));
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	hitl_push_text(&state, WJB_KEY, name, strlen(name));
	pushJsonbValue(&state, WJB_VALUE, unconstify(JsonbValue *, value));
	pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/*
 * Refer to a value, which is known.
 */
static void
refer(HitlData *data, const char *member, const char *name, int event,
	  const JsonbValue *value)
{
	LargeMember *large = palloc(sizeof(LargeMember));

	forget(data, member, name);
	large->member = pstrdup(member);
	large->name = pstrdup(name);
	large->event = event;
	large->layer = make_layer(member, name, value);
	data->large = lappend(data->large, large);
}

/*
 * A member has another value, or (without name) all of a member's.
 */
static void
forget(HitlData *data, const char *member, const char *name)
{
	ListCell *cell;

	foreach(cell, data->large)
	{
		LargeMember *large = lfirst(cell);

		if (strcmp(large->member, member) == 0 &&
			(name == NULL || strcmp(large->name, name) == 0))
			data->large = foreach_delete_current(data->large, cell);
	}
}

/*
 * Does a delta after this one set the same member?
 */
static bool
is_set_later(HitlData *data, int delta, const char *member, const char *name,
			 int length)
{
	int i;

	for (i = delta + 1; i < list_length(data->deltas); i++)
	{
		Jsonb *later = list_nth(data->deltas, i);
		JsonbValue value;

		if (getKeyJsonValueFromContainer(&later->root, member, strlen(member),
										 &value) &&
			(value.type != jbvBinary ||
			 !JsonContainerIsObject(value.val.binary.data) ||
			 find_value(later, member, strlen(member), name, length, &value)))
			return true;
	}
	return false;
}

/*
 * A document without the members that are referred to.
 */
static Jsonb *
without_large(HitlData *data, Jsonb *document)
{
	JsonbParseState *state = NULL;
	JsonbIterator *it = JsonbIteratorInit(&document->root);
	JsonbValue member;
	JsonbValue value;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	(void) JsonbIteratorNext(&it, &member, true);
	while (JsonbIteratorNext(&it, &member, true) == WJB_KEY)
	{
		JsonbIterator *inner;
		JsonbValue name;

		(void) JsonbIteratorNext(&it, &value, true);
		pushJsonbValue(&state, WJB_KEY, &member);
		if (!is_large(&value) || value.type != jbvBinary ||
			!JsonContainerIsObject(value.val.binary.data))
		{
			pushJsonbValue(&state, WJB_VALUE, &value);
			continue;
		}
		pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
		inner = JsonbIteratorInit(value.val.binary.data);
		(void) JsonbIteratorNext(&inner, &name, true);
		while (JsonbIteratorNext(&inner, &name, true) == WJB_KEY)
		{
			(void) JsonbIteratorNext(&inner, &value, true);
			if (is_large(&value) && is_referred(data, &member, &name))
				continue;
			pushJsonbValue(&state, WJB_KEY, &name);
			pushJsonbValue(&state, WJB_VALUE, &value);
		}
		pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/*
 * Is the value of a member in the trail?
 */
static bool
is_referred(HitlData *data, const JsonbValue *member, const JsonbValue *name)
{
	ListCell *cell;

	foreach(cell, data->large)
	{
		LargeMember *large = lfirst(cell);

		if (strlen(large->member) == member->val.string.len &&
			strlen(large->name) == name->val.string.len &&
			memcmp(large->member, member->val.string.val,
				   member->val.string.len) == 0 &&
			memcmp(large->name, name->val.string.val, name->val.string.len) ==
				0)
			return true;
	}
	return false;
}

/*
 * A member of a member of a document.
 */
static bool
find_value(Jsonb *document, const char *member, int member_length,
		   const char *name, int name_length, JsonbValue *value)
{
	List *layers = list_make1(document);

	return hitl_find_member(layers, member, member_length, name, name_length,
							value) == HITL_FOUND_MEMBER;
}
