/*
 * gateway_events.c
 *		Streams of events: what "hitl_events" tells of, to those who may know.
 *
 * While anybody follows, the worker listens.  What was notified is the ids of
 * workflows that have changed; what has happened to requests without a workflow
 * is in shared memory.  What is new is read a few times a second at most, once
 * for all streams.  A stream that waits is suspended; data, or a sign of life
 * every now and then, resume it.
 *
 * Streams end after a while, so that whoever may not follow any more does not;
 * clients come back by themselves, with the id of the last event they have.
 */
#include "postgres.h"

#include <microhttpd.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "executor/spi.h"
#include "lib/ilist.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "approval/principal.h"
#include "db.h"
#include "hitl.h"
#include "worker/clock.h"
#include "worker/gateway_server.h"
#include "worker/news.h"
#include "worker/worker.h"
#include "workflow/batch.h"
#include "workflow/data.h"

#define FEED_INTERVAL_MS 100			  /* between two looks at what is new */
#define LIFE_SIGN_MS	 15000			  /* after nothing else was sent */
#define LIFETIME_MS		 (10 * 60 * 1000) /* of a stream */
#define BUFFER_LIMIT	 (256 * 1024)	  /* unread; beyond it, it ends */
#define HEARD_LIMIT		 (64 * 1024)	  /* notified since the last look */
#define MAX_WORKFLOWS	 10000			  /* whose last event is remembered */

#define GREETING "retry: 2000\n: hello\n\n"

/* Read anew what you show. */
#define RESYNC "event: resync\ndata: {}\n\n"

/* An id without an event: whoever comes back with it has got all until then. */
#define NOTHING_MISSED \
	"id: " INT64_FORMAT ".00000000-0000-0000-0000-000000000000.0\n\n"

typedef struct Stream
{
	dlist_node node;
	struct MHD_Connection *connection;
	char *allowed; /* as text: equal ones see the same */
	char *buffer;
	size_t length;
	size_t size;
	bool suspended;
	bool ends;
	int64 sent_at;
	int64 ends_at;
} Stream;

/* The last event of a workflow that was sent. */
typedef struct Position
{
	pg_uuid_t workflow; /* key */
	int seq;
} Position;

static dlist_head streams = DLIST_STATIC_INIT(streams);
static int nstreams = 0;
static bool resumed = false; /* a stream, since they were fed */
static bool listening = false;
static TimestampTz listening_since = 0;
static HTAB *positions = NULL;

/* What was notified: ids, separated by commas. */
static char heard[HEARD_LIMIT];
static size_t heard_length = 0;
static bool heard_too_much = false;
static bool news = false; /* of requests without a workflow */
static int64 last_news = 0;
static int64 feed_at = 0;

static void listen_to_events(bool wanted);
static struct MHD_Response *make_response(Stream *stream);
static char *missed_events(HitlAnswer *answer);
static void read_in_time(HitlStatement *statement, Datum *values);
static void settle_reading(void);
static ssize_t read_stream(void *cls, uint64_t position, char *buffer,
						   size_t size);
static void free_stream(void *cls);
static void put(Stream *stream, const char *text, size_t length);
static void resume(Stream *stream);
static void end_stream(Stream *stream);
static void look(void);
static void forget_heard(void);
static void tell_streams(int64 upto);
static bool is_id(const char *text, size_t length);
static Jsonb *known_positions(const char *ids);
static void remember_positions(Jsonb *last);

/*
 * Answer with a stream.
 */
bool
hitl_open_stream(struct MHD_Connection *connection, HitlAnswer *answer)
{
	struct MHD_Response *response;
	TimestampTz now = GetCurrentTimestamp();
	Stream *stream;
	char *missed;
	char *beginning;
	bool queued;

	if (nstreams >= Max(hitl_gateway_max_connections / 2, 1))
		return false;

	/* First listen, then look: so nothing is missed in between. */
	listen_to_events(true);
	missed = missed_events(answer);
	beginning = psprintf(GREETING "%s" NOTHING_MISSED, missed,
						 now + HITL_UNIX_EPOCH_US);

	stream = calloc(1, sizeof(Stream));
	if (stream == NULL || (stream->allowed = strdup(answer->events)) == NULL)
	{
		free(stream);
		return false;
	}
	stream->connection = connection;
	stream->sent_at = monotonic_ms();
	stream->ends_at = stream->sent_at + LIFETIME_MS;
	dlist_push_tail(&streams, &stream->node);
	nstreams++;
	put(stream, beginning, strlen(beginning));

	response = make_response(stream);
	if (response == NULL)
	{
		free_stream(stream);
		return false;
	}
	queued = MHD_queue_response(connection, MHD_HTTP_OK, response) == MHD_YES;
	MHD_destroy_response(response);
	return queued;
}

/*
 * Answer HEAD: as with a stream, but for the stream.
 */
bool
hitl_describe_stream(struct MHD_Connection *connection)
{
	struct MHD_Response *response = make_response(NULL);
	bool queued;

	if (response == NULL)
		return false;
	/* libmicrohttpd 0.9.75 would send the last of no chunks. */
	(void) MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT,
									MHD_RO_END);
	queued = MHD_queue_response(connection, MHD_HTTP_OK, response) == MHD_YES;
	MHD_destroy_response(response);
	return queued;
}

/*
 * Give the streams what is new, and signs of life.  True if one has something to
 * send.
 */
bool
hitl_feed_streams(void)
{
	int64 now = monotonic_ms();
	dlist_iter iter;

	if (nstreams == 0)
	{
		forget_heard();
		if (listening)
			listen_to_events(false);
		return false;
	}
	resumed = false;
	news |= hitl_take_news();
	if ((heard_length > 0 || news) && now >= feed_at)
	{
		look();
		feed_at = now + FEED_INTERVAL_MS;
	}
	dlist_foreach(iter, &streams)
	{
		Stream *stream = dlist_container(Stream, node, iter.cur);

		if (now >= stream->ends_at)
			end_stream(stream);
		else if (now >= stream->sent_at + LIFE_SIGN_MS)
			put(stream, ":\n\n", 3);
	}
	return resumed;
}

/*
 * When to do so again, if nothing is notified.
 */
long
hitl_streams_sleep(void)
{
	int64 now = monotonic_ms();
	int64 next = INT64_MAX;
	dlist_iter iter;

	if (nstreams == 0)
		return HITL_SLEEP_FOREVER;
	dlist_foreach(iter, &streams)
	{
		Stream *stream = dlist_container(Stream, node, iter.cur);

		next = Min(next, Min(stream->sent_at + LIFE_SIGN_MS, stream->ends_at));
	}
	if (heard_length > 0 || news)
		next = Min(next, feed_at);
	return (long) Max(next - now, 0) + 1;
}

/*
 * A notification, as the server would tell a client of it: up to its last
 * quotation mark.  Called while errors are reported, so it must not fail.
 */
void
hitl_hear_events(const char *payload)
{
	const char *end = strrchr(payload, '"');
	size_t length = end ? (size_t) (end - payload) : 0;

	if (length == 0 || nstreams == 0)
		return;
	if (heard_length + length + 2 > sizeof(heard))
	{
		heard_too_much = true;
		return;
	}
	memcpy(heard + heard_length, payload, length);
	heard_length += length;
	heard[heard_length++] = ',';
	heard[heard_length] = '\0';
}

/*
 * The server is about to be closed: no connection may be suspended.
 */
void
hitl_forget_streams(void)
{
	dlist_iter iter;

	dlist_foreach(iter, &streams)
		end_stream(dlist_container(Stream, node, iter.cur));
}

/* ---- local ------------------------------------------------------------ */

/*
 * LISTEN, or no more.  SQL's is refused in a background worker.
 */
static void
listen_to_events(bool wanted)
{
	if (listening == wanted)
		return;
	StartTransactionCommand();
	if (wanted)
		Async_Listen(HITL_EVENTS_CHANNEL);
	else
		Async_Unlisten(HITL_EVENTS_CHANNEL);
	CommitTransactionCommand();
	hitl_follow_news(wanted);
	last_news = hitl_last_news();
	news = false;
	listening = wanted;
	listening_since = GetCurrentTimestamp();
}

/*
 * The response that a stream is; free_stream() is called with its last
 * reference.  stream: NULL if it is for its headers only.
 */
static struct MHD_Response *
make_response(Stream *stream)
{
	struct MHD_Response *response;

	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16 * 1024,
												 read_stream, stream,
												 stream ? free_stream : NULL);
	if (response == NULL)
		return NULL;
	(void) MHD_add_response_header(response, "Content-Type",
								   "text/event-stream");
	(void) MHD_add_response_header(response, "Cache-Control", "no-store");
	(void) MHD_add_response_header(response, "X-Content-Type-Options",
								   "nosniff");
	(void) MHD_add_response_header(response, "X-Accel-Buffering", "no");
	return response;
}

/*
 * What the client has not got since its last event.  If that cannot be told, it
 * need not come back for it.
 */
static char *
missed_events(HitlAnswer *answer)
{
	static HitlStatement read = {
		"SELECT hitl.http_event_resume($1, $2)",
		2,
		{JSONBOID, TEXTOID},
	};
	MemoryContext context = CurrentMemoryContext;
	Datum values[2];
	char *volatile text = RESYNC;

	if (answer->last_event_id == NULL || answer->last_event_id[0] == '\0')
		return "";
	PG_TRY();
	{
		hitl_begin_work("reading missed events");
		values[0] = DirectFunctionCall1(jsonb_in,
										CStringGetDatum(answer->events));
		values[1] = CStringGetTextDatum(answer->last_event_id);
		read_in_time(&read, values);
		text = MemoryContextStrdup(context, hitl_column_text(0, 1));
		hitl_end_work();
	}
	PG_CATCH();
	{
		settle_reading();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	return text;
}

/*
 * Run a statement that reads events: it holds up the gateway.
 */
static void
read_in_time(HitlStatement *statement, Datum *values)
{
	enable_timeout_after(STATEMENT_TIMEOUT, hitl_gateway_timeout);
	hitl_execute(statement, values, NULL, 0);
	disable_timeout(STATEMENT_TIMEOUT, false);
}

/*
 * In PG_CATCH, when that has failed.
 */
static void
settle_reading(void)
{
	disable_timeout(STATEMENT_TIMEOUT, false);
	QueryCancelPending = false;
	hitl_settle_error();
}

/*
 * Callback: the connection can take more.
 */
static ssize_t
read_stream(void *cls, uint64_t position, char *buffer, size_t size)
{
	Stream *stream = cls;
	size_t length = stream ? Min(size, stream->length) : 0;

	if (length > 0)
	{
		hitl_note_progress();
		memcpy(buffer, stream->buffer, length);
		stream->length -= length;
		memmove(stream->buffer, stream->buffer + length, stream->length);
		return length;
	}
	if (stream == NULL || stream->ends)
		return MHD_CONTENT_READER_END_OF_STREAM;
	stream->suspended = true;
	MHD_suspend_connection(stream->connection);
	return 0;
}

/*
 * Callback: it has ended.
 */
static void
free_stream(void *cls)
{
	Stream *stream = cls;

	dlist_delete(&stream->node);
	nstreams--;
	free(stream->allowed);
	free(stream->buffer);
	free(stream);
}

/*
 * More for a stream.  Who does not read in time has to come back.
 */
static void
put(Stream *stream, const char *text, size_t length)
{
	if (stream->ends || length == 0)
		return;
	if (stream->length + length > stream->size)
	{
		size_t size = Max(stream->size * 2, stream->length + length);
		char *larger = NULL;

		/* What was missed is sent however much it is: it is all there is. */
		if (stream->length <= BUFFER_LIMIT)
			larger = realloc(stream->buffer, size);
		if (larger == NULL)
		{
			end_stream(stream);
			return;
		}
		stream->buffer = larger;
		stream->size = size;
	}
	memcpy(stream->buffer + stream->length, text, length);
	stream->length += length;
	stream->sent_at = monotonic_ms();
	resume(stream);
}

static void
resume(Stream *stream)
{
	if (!stream->suspended)
		return;
	stream->suspended = false;
	resumed = true;
	MHD_resume_connection(stream->connection);
}

/*
 * End it once it has been read.
 */
static void
end_stream(Stream *stream)
{
	stream->ends = true;
	stream->ends_at = stream->sent_at = PG_INT64_MAX / 2;
	resume(stream);
}

/*
 * Look what is new.  If that cannot be told, the streams end: their clients come
 * back, and get what they have missed.
 */
static void
look(void)
{
	int64 upto = hitl_last_news();

	PG_TRY();
	{
		hitl_begin_work("reading events");
		tell_streams(upto);
		hitl_end_work();
		if (heard_too_much)
			hitl_forget_streams();
	}
	PG_CATCH();
	{
		settle_reading();
		hitl_forget_streams();
	}
	PG_END_TRY();
	forget_heard();
	news = false;
	last_news = upto;
}

static void
forget_heard(void)
{
	heard_length = 0;
	heard[0] = '\0';
	heard_too_much = false;
}

/*
 * Tell it to each stream; what all may see is read at once.  upto: the last of
 * the news to tell.
 */
static void
tell_streams(int64 upto)
{
	static HitlStatement read = {
		"SELECT hitl.http_event_batch($1, $2, $3, $4, $5)",
		5,
		{JSONBARRAYOID, JSONBOID, TIMESTAMPTZOID, INT8OID, INT8OID},
	};
	ArrayBuildState *allowed = NULL;
	List *told = NIL;
	ListCell *cell;
	dlist_iter iter;
	Jsonb *result;
	JsonbValue texts;
	JsonbValue last;
	Datum values[5];
	bool isnull;

	dlist_foreach(iter, &streams)
	{
		Stream *stream = dlist_container(Stream, node, iter.cur);

		if (hitl_list_has(told, stream->allowed))
			continue;
		told = lappend(told, stream->allowed);
		allowed = accumArrayResult(allowed,
								   DirectFunctionCall1(jsonb_in,
													   CStringGetDatum(
														   stream->allowed)),
								   false, JSONBOID, CurrentMemoryContext);
	}
	values[0] = makeArrayResult(allowed, CurrentMemoryContext);
	values[1] = JsonbPGetDatum(known_positions(heard));
	values[2] = TimestampTzGetDatum(listening_since);
	values[3] = Int64GetDatum(last_news);
	values[4] = Int64GetDatum(upto);
	read_in_time(&read, values);
	result = DatumGetJsonbP(hitl_column(0, 1, &isnull));
	if (!getKeyJsonValueFromContainer(&result->root, "texts", 5, &texts) ||
		!getKeyJsonValueFromContainer(&result->root, "last", 4, &last) ||
		JsonContainerSize(texts.val.binary.data) != list_length(told))
		elog(ERROR, "hitl.http_event_batch() has not told all");
	foreach(cell, told)
	{
		JsonbValue *text = getIthJsonbValueFromContainer(texts.val.binary.data,
														 foreach_current_index(
															 cell));

		dlist_foreach(iter, &streams)
		{
			Stream *stream = dlist_container(Stream, node, iter.cur);

			if (strcmp(stream->allowed, lfirst(cell)) == 0)
				put(stream, text->val.string.val, text->val.string.len);
		}
	}
	remember_positions(JsonbValueToJsonb(&last));
}

/*
 * Anybody may NOTIFY anything.
 */
static bool
is_id(const char *text, size_t length)
{
	for (size_t i = 0; i < 36 && i < length; i++)
	{
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text[i] != '-' : strchr("0123456789abcdef", text[i]) == NULL)
			return false;
	}
	return length == 36;
}

/*
 * {"workflow": last event that was sent, or null} of those that were notified.
 */
static Jsonb *
known_positions(const char *ids)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	while (*ids != '\0')
	{
		size_t length = strcspn(ids, ",");

		if (is_id(ids, length))
		{
			char *text = pnstrdup(ids, length);
			Position *known = NULL;
			JsonbValue value;

			if (positions != NULL)
			{
				Datum id = DirectFunctionCall1(uuid_in, CStringGetDatum(text));

				known = hash_search(positions, DatumGetUUIDP(id), HASH_FIND,
									NULL);
			}
			hitl_push_text(&state, WJB_KEY, text, length);
			value.type = jbvNull;
			if (known != NULL)
			{
				value.type = jbvNumeric;
				value.val.numeric = int64_to_numeric(known->seq);
			}
			pushJsonbValue(&state, WJB_VALUE, &value);
		}
		ids += length;
		ids += *ids == ',';
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/*
 * How far the streams have got.  When that is of too many workflows, it is
 * forgotten of all: then what is newer than now is sent.
 */
static void
remember_positions(Jsonb *last)
{
	JsonbIterator *it = JsonbIteratorInit(&last->root);
	JsonbIteratorToken token;
	JsonbValue value;
	pg_uuid_t workflow;

	if (positions != NULL && hash_get_num_entries(positions) > MAX_WORKFLOWS)
	{
		hash_destroy(positions);
		positions = NULL;
		listening_since = GetCurrentTimestamp();
	}
	if (positions == NULL)
	{
		HASHCTL control = {.keysize = sizeof(pg_uuid_t),
						   .entrysize = sizeof(Position),
						   .hcxt = TopMemoryContext};

		positions = hash_create("hitl positions", 1024, &control,
								HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	while ((token = JsonbIteratorNext(&it, &value, false)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			char *text = pnstrdup(value.val.string.val, value.val.string.len);

			workflow = *DatumGetUUIDP(
				DirectFunctionCall1(uuid_in, CStringGetDatum(text)));
		}
		else if (token == WJB_VALUE && value.type == jbvNumeric)
		{
			Position *position = hash_search(positions, &workflow, HASH_ENTER,
											 NULL);

			position->seq = DatumGetInt32(
				DirectFunctionCall1(numeric_int4,
									NumericGetDatum(value.val.numeric)));
		}
	}
}
