/*
 * conversation.c
 *		The bodies of agents' requests.
 *
 * The request of an agent's turn is queued without its body.  The messages in
 * it are events of the workflow, and would be stored again with each turn:
 * what an agent takes would grow with the square of its turns.  So the body is
 * made when the request is claimed, in that transaction.  What it is made of
 * never changes, hence each attempt sends the same.
 *
 * Two statements do for all that was claimed.  Whatever is wrong with one
 * conversation is the verdict on its request, and no ERROR, which would stop
 * the dispatcher.
 */
#include "postgres.h"

#include "hitl.h"

#include <errno.h>

#include "access/xact.h"
#include "catalog/pg_type_d.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "approval/principal.h"
#include "core_bridge.h"
#include "db.h"
#include "worker/dispatcher.h"
#include "workflow/data.h"
#include "workflow/identifier.h"
#include "workflow/rows.h"

/* A part of a memory: the first messages of a segment. */
typedef struct Part
{
	int64 segment;
	int64 count;
} Part;

typedef struct Conversation
{
	HitlDelivery *delivery;
	char *agent;
	char *version;
	char *settings; /* of this version of the agent */
	char *model;
	char *parameters; /* or NULL */
	bool tools;
	int nparts;
	Part *parts;
	int place; /* of its first part among those of all, from 1 */
} Conversation;

PG_FUNCTION_INFO_V1(hitl_request_body);

static Conversation *read_conversation(HitlDelivery *delivery);
static bool read_part(const JsonbValue *value, Part *part);
static bool read_number(JsonbContainer *array, int place, int64 *number);
static void find_settings(List *conversations);
static void find_messages(List *conversations);
static void build_body(Conversation *conversation, uint64 *row,
					   MemoryContext context);
static char *list_messages(const Conversation *conversation, uint64 *row);
static int place_of(uint64 row);

/*
 * Make the bodies of claimed requests.
 */
void
hitl_build_conversations(dlist_head *claimed)
{
	MemoryContext context;
	List *conversations = NIL;
	ListCell *cell;
	dlist_iter iter;
	uint64 row = 0;

	dlist_foreach(iter, claimed)
	{
		HitlDelivery *delivery = dlist_container(HitlDelivery, node, iter.cur);
		Conversation *conversation;

		if (delivery->conversation == NULL)
			continue;
		conversation = read_conversation(delivery);
		if (conversation != NULL)
			conversations = lappend(conversations, conversation);
	}
	if (conversations == NIL)
		return;

	find_settings(conversations);
	find_messages(conversations);
	context = AllocSetContextCreate(CurrentMemoryContext, "hitl conversation",
									ALLOCSET_DEFAULT_SIZES);
	foreach(cell, conversations)
	{
		build_body(lfirst(cell), &row, context);
		MemoryContextReset(context);
	}
	SPI_freetuptable(SPI_tuptable);
	MemoryContextDelete(context);
}

/*
 * hitl.request_body(request_id): as it is sent; NULL if there is none.
 */
Datum
hitl_request_body(PG_FUNCTION_ARGS)
{
	static HitlStatement find = {"SELECT body, conversation, provider,"
								 " workflow_id FROM hitl.outbox WHERE id = $1",
								 1,
								 {UUIDOID}};
	Datum id = PG_GETARG_DATUM(0);
	const char *body;
	Datum result = 0;
	bool isnull;
	Datum conversation;

	SPI_connect();
	hitl_execute(&find, &id, NULL, 1);
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("request %s is not in the outbox", hitl_id_text(DatumGetUUIDP(id))),
				 errhint("Requests that ended long ago are removed: see hitl.retention.")));
	conversation = hitl_column(0, 2, &isnull);
	if (isnull)
		body = hitl_column_text(0, 1);
	else
	{
		HitlDelivery *delivery = palloc0(sizeof(HitlDelivery));
		Datum workflow = hitl_column(0, 4, &isnull);
		dlist_head claimed;

		if (!isnull)
			delivery->workflow_id = *DatumGetUUIDP(workflow);
		delivery->context = CurrentMemoryContext;
		delivery->conversation = DatumGetJsonbPCopy(conversation);
		delivery->provider = hitl_column_text(0, 3);
		dlist_init(&claimed);
		dlist_push_tail(&claimed, &delivery->node);
		hitl_build_conversations(&claimed);
		if (delivery->body == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("the body of request %s cannot be made", hitl_id_text(DatumGetUUIDP(id))),
					 errdetail_internal("%c%s.", pg_toupper(delivery->error_message[0]),
										delivery->error_message + 1)));
		body = delivery->body;
	}
	if (body != NULL)
		result = SPI_datumTransfer(CStringGetTextDatum(body), false, -1);
	SPI_finish();
	if (result == 0)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(result);
}

/*
 * A conversation as the row has it; NULL, with a verdict, if that is none.
 */
static Conversation *
read_conversation(HitlDelivery *delivery)
{
	Conversation *conversation = palloc0(sizeof(Conversation));
	Jsonb *row = delivery->conversation;
	Jsonb *memory = hitl_member(row, "memory");
	Jsonb *parameters = hitl_member(row, "parameters");
	char *tools = hitl_member_text(row, "tools");
	bool sound;
	int i;

	conversation->delivery = delivery;
	conversation->agent = hitl_member_text(row, "agent");
	conversation->version = hitl_member_text(row, "version");
	conversation->model = hitl_member_text(row, "model");
	if (parameters != NULL)
		conversation->parameters = hitl_jsonb_text(parameters);
	conversation->tools = tools != NULL && strcmp(tools, "true") == 0;
	sound = conversation->agent != NULL && conversation->version != NULL &&
		conversation->model != NULL && delivery->provider != NULL &&
		memory != NULL && JB_ROOT_IS_ARRAY(memory) &&
		!JB_ROOT_IS_SCALAR(memory);
	if (sound)
	{
		conversation->nparts = JB_ROOT_COUNT(memory);
		conversation->parts = palloc(conversation->nparts * sizeof(Part));
	}
	for (i = 0; sound && i < conversation->nparts; i++)
		sound = read_part(getIthJsonbValueFromContainer(&memory->root, i),
						  &conversation->parts[i]);
	if (sound)
		return conversation;
	hitl_fail_delivery(delivery, "validation_error",
					   "the conversation of the request is malformed");
	return NULL;
}

/*
 * A part of a memory: [segment, count].
 */
static bool
read_part(const JsonbValue *value, Part *part)
{
	return value->type == jbvBinary &&
		JsonContainerIsArray(value->val.binary.data) &&
		JsonContainerSize(value->val.binary.data) == 2 &&
		read_number(value->val.binary.data, 0, &part->segment) &&
		read_number(value->val.binary.data, 1, &part->count) &&
		part->count >= 0;
}

/*
 * A whole number in an array; false if there is none.
 */
static bool
read_number(JsonbContainer *array, int place, int64 *number)
{
	JsonbValue *value = getIthJsonbValueFromContainer(array, place);
	char *text;
	char *end;

	if (value == NULL || value->type != jbvNumeric)
		return false;
	text = DatumGetCString(
		DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
	errno = 0;
	*number = strtoll(text, &end, 10);
	return errno == 0 && *end == '\0';
}

/*
 * Find the settings of the agents, each version once.
 */
static void
find_settings(List *conversations)
{
	static HitlStatement find = {"SELECT version, settings::text"
								 " FROM hitl.agent_versions"
								 " WHERE version = ANY ($1)",
								 1,
								 {TEXTARRAYOID}};
	List *versions = NIL;
	Datum value;
	ListCell *cell;
	uint64 row;

	foreach(cell, conversations)
		versions = lappend(versions, ((Conversation *) lfirst(cell))->version);
	value = PointerGetDatum(hitl_list_array(versions));
	hitl_execute(&find, &value, NULL, 0);
	for (row = 0; row < SPI_processed; row++)
	{
		char *version = hitl_column_text(row, 1);
		char *settings = hitl_column_text(row, 2);

		foreach(cell, conversations)
		{
			Conversation *conversation = lfirst(cell);

			if (strcmp(conversation->version, version) == 0)
				conversation->settings = settings;
		}
	}
	SPI_freetuptable(SPI_tuptable);
}

/*
 * Find the messages of all conversations, in their order: the lateral query
 * runs for one part after the other.  It takes the beginning of a segment,
 * however much was said there before the memory was rolled back.
 */
static void
find_messages(List *conversations)
{
	static HitlStatement find =
		{"SELECT p.place::int4, m.data"
		 " FROM unnest($1, $2, $3) WITH ORDINALITY"
		 " AS p (workflow_id, segment, most, place),"
		 " LATERAL (SELECT e.data FROM hitl.workflow_events e"
		 " WHERE e.workflow_id = p.workflow_id"
		 " AND starts_with(e.event_type, 'agent_')"
		 " AND (e.data -> 'memory' ->> 0)::bigint = p.segment"
		 " ORDER BY e.seq LIMIT p.most) m",
		 3,
		 {UUIDARRAYOID, INT8ARRAYOID, INT8ARRAYOID}};
	static const Oid types[] = {UUIDOID, INT8OID, INT8OID};
	HitlRows parts;
	ListCell *cell;
	int i;

	hitl_rows_init(&parts, lengthof(types), types);
	foreach(cell, conversations)
	{
		Conversation *conversation = lfirst(cell);

		conversation->place = parts.count + 1;
		for (i = 0; i < conversation->nparts; i++)
		{
			Datum values[3];

			values[0] = UUIDPGetDatum(&conversation->delivery->workflow_id);
			values[1] = Int64GetDatum(conversation->parts[i].segment);
			values[2] = Int64GetDatum(conversation->parts[i].count);
			hitl_rows_add(&parts, values, NULL);
		}
	}
	hitl_rows_execute(&parts, &find);
}

/*
 * Make the body of a request.  row: where its messages begin in the result, or
 * earlier.  A subtransaction, since nobody knows how large a few jsonb become
 * as text.
 */
static void
build_body(Conversation *conversation, uint64 *row, MemoryContext context)
{
	HitlDelivery *delivery = conversation->delivery;
	MemoryContext before = CurrentMemoryContext;
	ResourceOwner resources = CurrentResourceOwner;
	char *volatile body = NULL;

	if (conversation->settings == NULL)
	{
		hitl_fail_delivery(delivery, "validation_error",
						   "version \"%s\" of agent \"%s\" does not exist",
						   conversation->version, conversation->agent);
		return;
	}
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		char *messages = list_messages(conversation, row);
		char *built = NULL;
		char *error = NULL;
		char *fault = NULL;
		HitlResult result;

		if (messages != NULL)
		{
			result = hitl_core()->build_conversation(delivery->provider,
													 conversation->model,
													 conversation->parameters,
													 conversation->settings,
													 messages,
													 conversation->tools,
													 &built, &error);
			body = built;
			fault = hitl_core_fault(result, error);
			if (fault != NULL)
				hitl_fail_delivery(delivery, "validation_error",
								   "the request cannot be built: %s", fault);
			else
				delivery->body = MemoryContextStrdup(delivery->context, built);
		}
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(before);
		error = CopyErrorData();
		if (ERRCODE_TO_CATEGORY(error->sqlerrcode) ==
			ERRCODE_OPERATOR_INTERVENTION)
		{
			hitl_core()->free_text(body);
			PG_RE_THROW();
		}
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		delivery->body = NULL;
		hitl_fail_delivery(delivery, "system_error",
						   "the request cannot be built: %s", error->message);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(before);
	CurrentResourceOwner = resources;
	hitl_core()->free_text(body);
}

/*
 * The messages of a conversation as a JSON array; NULL, with a verdict, if one
 * of them is not there.
 */
static char *
list_messages(const Conversation *conversation, uint64 *row)
{
	StringInfoData list;
	int i;

	while (*row < SPI_processed && place_of(*row) < conversation->place)
		(*row)++;
	initStringInfo(&list);
	appendStringInfoChar(&list, '[');
	for (i = 0; i < conversation->nparts; i++)
	{
		const Part *part = &conversation->parts[i];
		int64 n;

		for (n = 1; n <= part->count; n++, (*row)++)
		{
			Jsonb *data = NULL;
			Jsonb *memory = NULL;
			int64 number = 0;
			bool isnull;

			if (*row < SPI_processed &&
				place_of(*row) == conversation->place + i)
			{
				data = DatumGetJsonbP(hitl_column(*row, 2, &isnull));
				memory = hitl_member(data, "memory");
			}
			if (memory == NULL || !read_number(&memory->root, 1, &number) ||
				number != n)
			{
				hitl_fail_delivery(
					conversation->delivery, "validation_error",
					"the memory of agent \"%s\" is not whole: message " INT64_FORMAT
					" of segment " INT64_FORMAT " is missing",
					conversation->agent, n, part->segment);
				return NULL;
			}
			if (list.len > 1)
				appendStringInfoChar(&list, ',');
			(void) JsonbToCString(&list, &data->root, VARSIZE(data));
		}
	}
	appendStringInfoChar(&list, ']');
	return list.data;
}

/*
 * To which part of all a message belongs.
 */
static int
place_of(uint64 row)
{
	bool isnull;

	return DatumGetInt32(hitl_column(row, 1, &isnull));
}
