/*
 * gateway_request.c
 *		Requests, as libmicrohttpd reads them.
 *
 * It is lenient in places in which two servers behind one another must not
 * differ; so what it has read is looked through again here: two lengths, a
 * length beside chunks, a name of a header with a blank, a folded line.
 *
 * No ERROR may leave a callback, whose frames are between ours.
 */
#include "postgres.h"

#include "portability/instr_time.h"
#include "utils/memutils.h"

#include "hitl.h"
#include "log.h"
#include "worker/clock.h"
#include "worker/gateway_server.h"
#include "worker/worker.h"

/* What libmicrohttpd takes for a header or a parameter, beside its text. */
#define FIELD_SIZE 64

/* The bodies that are held at the same time, of the largest size. */
#define BODIES_AT_ONCE 64

typedef struct Exchange
{
	HitlClient *client;
	char *target;
	bool begun;	  /* the head is there */
	bool checked; /* and is good */
	bool refused; /* 413 once the body has ended */
	char *body;
	size_t length;
	size_t size;
	uint64 received;
	instr_time start;
} Exchange;

static size_t bodies = 0; /* bytes that are held */
static MemoryContext request_context = NULL;

static HitlClient *client_of(struct MHD_Connection *connection);
static enum MHD_Result take_head(struct MHD_Connection *connection,
								 Exchange *exchange, const char *method,
								 const char *version);
static bool take_body(Exchange *exchange, const char *data, size_t size);
static enum MHD_Result answer_exchange(struct MHD_Connection *connection,
									   Exchange *exchange, const char *method,
									   const char *version);
static bool read_head(struct MHD_Connection *connection, Exchange *exchange,
					  const char *method, const char *version, HitlCall *call,
					  HitlAnswer *answer);
static size_t size_of_target(const char *target);
static bool check_framing(List *headers, const char *version,
						  HitlAnswer *answer);
static void note_client(Exchange *exchange, HitlCall *call);
static enum MHD_Result send_answer(struct MHD_Connection *connection,
								   Exchange *exchange, const char *method,
								   HitlAnswer *answer, const HitlCall *call);
static bool is_for_people(const HitlCall *call);
static void log_request(const char *method, const HitlAnswer *answer,
						const HitlCall *call, instr_time start);
static void free_exchange(Exchange *exchange);

/*
 * Once per process.
 */
void
hitl_requests_init(void)
{
	request_context = AllocSetContextCreate(TopMemoryContext, "hitl request",
											ALLOCSET_DEFAULT_SIZES);
}

/*
 * The target of a request has been read, as it came.
 */
void *
hitl_on_target(void *cls, const char *target, struct MHD_Connection *connection)
{
	Exchange *exchange = calloc(1, sizeof(Exchange));

	if (exchange == NULL)
		return NULL;
	INSTR_TIME_SET_CURRENT(exchange->start);
	exchange->client = client_of(connection);
	exchange->target = target ? strdup(target) : NULL;
	return exchange;
}

/*
 * The head of a request, a piece of its body, or its end.
 */
enum MHD_Result
hitl_on_request(void *cls, struct MHD_Connection *connection, const char *url,
				const char *method, const char *version, const char *data,
				size_t *size, void **context)
{
	Exchange *exchange = *context;
	MemoryContext caller = CurrentMemoryContext;
	volatile enum MHD_Result result = MHD_NO;

	if (exchange == NULL || exchange->client == NULL)
		return MHD_NO;
	MemoryContextReset(request_context);
	MemoryContextSwitchTo(request_context);
	PG_TRY();
	{
		if (!exchange->begun)
		{
			exchange->begun = true;
			result = take_head(connection, exchange, method, version);
		}
		else if (*size > 0)
		{
			result = take_body(exchange, data, *size) ? MHD_YES : MHD_NO;
			*size = 0;
		}
		else
			result = answer_exchange(connection, exchange, method, version);
	}
	PG_CATCH();
	{
		hitl_settle_error();
		result = MHD_NO;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	return result;
}

/*
 * A request has been answered, or its connection has ended.
 */
void
hitl_on_completed(void *cls, struct MHD_Connection *connection, void **context,
				  enum MHD_RequestTerminationCode code)
{
	Exchange *exchange = *context;

	if (exchange == NULL)
		return;
	if (exchange->client != NULL)
		hitl_enter_phase(exchange->client, PHASE_HEAD,
						 hitl_gateway_client_timeout * 1000);
	free_exchange(exchange);
	*context = NULL;
}

/*
 * Whose connection it is.
 */
static HitlClient *
client_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info;

	info = MHD_get_connection_info(connection,
								   MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	return info ? info->socket_context : NULL;
}

/* ---- a request -------------------------------------------------------- */

/*
 * The head is there.  If a body is to come, what is wrong with the head, or too
 * much, is said before.  The library closes the connection then, so where there
 * is none, it is said later.
 */
static enum MHD_Result
take_head(struct MHD_Connection *connection, Exchange *exchange,
		  const char *method, const char *version)
{
	HitlCall call = {0};
	HitlAnswer answer = {0};

	hitl_enter_phase(exchange->client, PHASE_BODY,
					 2 * hitl_gateway_client_timeout * 1000);
	if (MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
									"Content-Length") == NULL &&
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
									"Transfer-Encoding") == NULL)
		return MHD_YES;
	exchange->checked = true;
	if (read_head(connection, exchange, method, version, &call, &answer))
		return MHD_YES;
	return send_answer(connection, exchange, method, &answer, &call);
}

/*
 * A piece of the body.  If it is too large, the rest is passed over, and then it
 * is refused; but only so much of it.
 */
static bool
take_body(Exchange *exchange, const char *data, size_t size)
{
	size_t limit = (size_t) hitl_gateway_max_body * 1024;

	hitl_note_progress();
	exchange->received += size;
	if (exchange->received > limit || bodies + size > limit * BODIES_AT_ONCE)
		exchange->refused = true;
	if (exchange->refused)
		return exchange->received <= 2 * limit;

	if (exchange->length + size > exchange->size)
	{
		size_t wanted = Min(Max(exchange->size * 2, exchange->length + size),
							limit);
		char *larger = realloc(exchange->body, wanted);

		if (larger == NULL)
		{
			exchange->refused = true;
			return true;
		}
		bodies += wanted - exchange->size;
		exchange->body = larger;
		exchange->size = wanted;
	}
	memcpy(exchange->body + exchange->length, data, size);
	exchange->length += size;
	return true;
}

/*
 * All of the request is there.
 */
static enum MHD_Result
answer_exchange(struct MHD_Connection *connection, Exchange *exchange,
				const char *method, const char *version)
{
	HitlCall call = {0};
	HitlAnswer answer = {0};

	/* What was read before is read again: nothing of it was kept. */
	if (!read_head(connection, exchange, method,
				   exchange->checked ? NULL : version, &call, &answer))
		;
	else if (exchange->refused)
		hitl_refuse_request(&answer, 413, "the body is too large");
	else if (!hitl_is_utf8(exchange->body ? exchange->body : "",
						   exchange->length))
		hitl_refuse_request(&answer, 400, "the body is not UTF-8");
	else
	{
		call.body = exchange->body;
		call.body_length = exchange->length;
		hitl_answer_request(&call, &answer);
		hitl_count_handled(1);
	}
	return send_answer(connection, exchange, method, &answer, &call);
}

/*
 * Was a header on several lines (obs-fold of RFC 9112)?  libmicrohttpd 0.9.75 adds
 * the later ones to its name: so one that nobody has sent could be made, and a
 * length be hidden.  It copies the name for that.  Else the name stands where it
 * was read: before its value, with the colon and blanks between.
 */
static bool
is_folded(const char *name, size_t length, const char *value)
{
	uintptr_t end = (uintptr_t) value;
	const char *p = name + length + 1;

	if (value == NULL)
		return false;
	while ((uintptr_t) p < end && (*p == ' ' || *p == '\t'))
		p++;
	return (uintptr_t) p != end;
}

/*
 * The headers of a request; repeated ones are joined, as RFC 9110 says, but
 * cookies by "; ".
 */
typedef struct Collected
{
	List *headers;
	size_t size; /* of memory of the connection */
	const char *fault;
} Collected;

static enum MHD_Result
collect_header(void *cls, enum MHD_ValueKind kind, const char *key,
			   size_t key_size, const char *value, size_t value_size)
{
	Collected *collected = cls;
	char *name = pstrdup(key);
	HitlHeader *header = NULL;
	ListCell *cell;

	if (is_folded(key, key_size, value))
	{
		collected->fault = "a header is folded";
		return MHD_NO;
	}
	value = value ? value : "";
	for (char *p = name; *p; p++)
		*p = pg_ascii_tolower((unsigned char) *p);
	if (strlen(name) != key_size || !hitl_is_token(name) ||
		strlen(value) != value_size || !hitl_is_header_value(value) ||
		!hitl_is_utf8(value, value_size))
	{
		collected->fault = "a header is malformed";
		return MHD_NO;
	}
	collected->size += key_size + value_size + FIELD_SIZE;
	if (strcmp(name, "cookie") == 0)
		collected->size += value_size; /* it has a copy */
	foreach(cell, collected->headers)
		if (strcmp(((HitlHeader *) lfirst(cell))->name, name) == 0)
			header = lfirst(cell);
	if (header != NULL)
	{
		header->value = psprintf("%s%s%s", header->value,
								 strcmp(name, "cookie") == 0 ? "; " : ", ",
								 value);
		return MHD_YES;
	}
	header = palloc(sizeof(HitlHeader));
	header->name = name;
	header->value = pnstrdup(value, value_size);
	while (value_size > 0 &&
		   (header->value[value_size - 1] == ' ' ||
			header->value[value_size - 1] == '\t'))
		header->value[--value_size] = '\0';
	collected->headers = lappend(collected->headers, header);
	return MHD_YES;
}

/*
 * The value of a header, or NULL.
 */
static const char *
header_of(List *headers, const char *name)
{
	ListCell *cell;

	foreach(cell, headers)
		if (strcmp(((HitlHeader *) lfirst(cell))->name, name) == 0)
			return ((HitlHeader *) lfirst(cell))->value;
	return NULL;
}

/*
 * Read the head.  False if there is an answer already.  version is NULL when the
 * checks were made before.
 */
static bool
read_head(struct MHD_Connection *connection, Exchange *exchange,
		  const char *method, const char *version, HitlCall *call,
		  HitlAnswer *answer)
{
	Collected collected = {NIL, 0, NULL};
	size_t limit = (size_t) hitl_gateway_max_header * 1024;
	size_t target_size = size_of_target(exchange->target);
	const char *value;

	(void) MHD_get_connection_values_n(connection, MHD_HEADER_KIND,
									   collect_header, &collected);
	call->headers = collected.headers;
	call->method = strcmp(method, "HEAD") == 0 ? "GET" : method;
	call->query = "";
	note_client(exchange, call);

	if (collected.fault != NULL)
	{
		hitl_refuse_request(answer, 400, collected.fault);
		answer->close = true;
		return false;
	}
	if (target_size + collected.size > limit)
	{
		/* Its answer might find no room in the memory of the connection. */
		hitl_refuse_request(answer, target_size > limit ? 414 : 431,
							"the head is too large");
		answer->close = true;
		return false;
	}
	if (version != NULL && !check_framing(call->headers, version, answer))
	{
		answer->close = true;
		return false;
	}
	if (strcmp(method, "OPTIONS") == 0 && exchange->target != NULL &&
		strcmp(exchange->target, "*") == 0)
	{
		answer->status = 204;
		return false;
	}
	if (exchange->target == NULL ||
		!hitl_split_target(exchange->target, &call->path, &call->path_length,
						   &call->query))
	{
		hitl_refuse_request(answer, 400, "the target has no path");
		answer->close = true;
		return false;
	}
	if (version == NULL)
		return true;

	if (hitl_gateway_rate > 0)
	{
		HitlAddress client;
		int64 now = monotonic_ms();
		HitlPeer *peer = NULL;

		/* A proxy that names nobody speaks for many. */
		if (hitl_parse_address(call->address, strlen(call->address), &client) &&
			!hitl_in_networks(&hitl_proxies, &client))
			peer = hitl_find_peer(&client, now, hitl_gateway_rate);
		if (peer != NULL && !hitl_take_token(peer, now, hitl_gateway_rate))
		{
			hitl_refuse_request(answer, 429,
								"this address asks too much at a time");
			hitl_add_header(answer, "Retry-After", "1");
			return false;
		}
	}
	if (exchange->checked && !hitl_find_route(call, answer))
		return false;
	value = header_of(call->headers, "content-length");
	if (value != NULL &&
		(strlen(value) > 12 ||
		 atoll(value) > (long long) hitl_gateway_max_body * 1024))
	{
		hitl_refuse_request(answer, 413, "the body is too large");
		return false;
	}
	return true;
}

/*
 * What the target takes of the memory of the connection.
 */
static size_t
size_of_target(const char *target)
{
	size_t size = 0;

	for (; target != NULL && *target != '\0'; target++)
		size += *target == '?' || *target == '&' ? 1 + FIELD_SIZE : 1;
	return size;
}

/*
 * Where the request ends must be beyond doubt, also for a proxy before us.
 */
static bool
check_framing(List *headers, const char *version, HitlAnswer *answer)
{
	const char *length = header_of(headers, "content-length");
	const char *encoding = header_of(headers, "transfer-encoding");
	const char *host = header_of(headers, "host");
	const char *expect = header_of(headers, "expect");
	bool is_1_1 = strcmp(version, "HTTP/1.1") == 0;

	if (!is_1_1 && strcmp(version, "HTTP/1.0") != 0)
		hitl_refuse_request(answer, 505, "this is for HTTP/1.1");
	else if (length != NULL && encoding != NULL)
		hitl_refuse_request(answer, 400,
							"there is a length beside an encoding");
	else if (length != NULL &&
			 (*length == '\0' || length[strspn(length, "0123456789")] != '\0'))
		hitl_refuse_request(answer, 400, "the length is malformed");
	else if (encoding != NULL && !is_1_1)
		hitl_refuse_request(answer, 400, "HTTP/1.0 has no encodings");
	else if (encoding != NULL && pg_strcasecmp(encoding, "chunked") != 0)
		hitl_refuse_request(answer, 501, "the only encoding is chunked");
	else if (is_1_1 && (host == NULL || strpbrk(host, ", \t@/") != NULL))
		hitl_refuse_request(answer, 400, "there must be one host");
	else if (expect != NULL && pg_strcasecmp(expect, "100-continue") != 0)
		hitl_refuse_request(answer, 417,
							"the only expectation is 100-continue");
	else
		return true;
	return false;
}

/*
 * Who asks: the other end of the connection, or whom a trusted proxy names.
 */
static void
note_client(Exchange *exchange, HitlCall *call)
{
	HitlAddress address = exchange->client->address;

	if (exchange->client->is_proxy)
	{
		const char *forwarded = header_of(call->headers, "x-forwarded-for");
		const char *proto = header_of(call->headers, "x-forwarded-proto");

		hitl_address_text(&address, call->proxy);
		if (forwarded != NULL)
			address = hitl_forwarded_client(forwarded, &hitl_proxies, address);
		/* The last is what the proxy itself has seen. */
		if (proto != NULL)
		{
			const char *last = strrchr(proto, ',');

			last = last ? last + 1 : proto;
			last += strspn(last, " \t");
			call->secure = pg_strcasecmp(last, "https") == 0;
		}
	}
	hitl_address_text(&address, call->address);
}

/*
 * Send an answer.
 */
static enum MHD_Result
send_answer(struct MHD_Connection *connection, Exchange *exchange,
			const char *method, HitlAnswer *answer, const HitlCall *call)
{
	static const char *const defaults[][2] = {
		{"Cache-Control", "no-store"},
		{"X-Content-Type-Options", "nosniff"},
		{"Referrer-Policy", "no-referrer"},
	};
	struct MHD_Response *response;
	enum MHD_Result result;
	ListCell *cell;
	bool streamed = answer->events != NULL && strcmp(method, "GET") == 0;

	if (answer->events != NULL && strcmp(method, "HEAD") == 0 &&
		hitl_describe_stream(connection))
	{
		log_request(method, answer, call, exchange->start);
		hitl_enter_phase(exchange->client, PHASE_ANSWER,
						 2 * hitl_gateway_client_timeout * 1000);
		return MHD_YES;
	}
	if (streamed && hitl_open_stream(connection, answer))
	{
		log_request(method, answer, call, exchange->start);
		hitl_enter_phase(exchange->client, PHASE_STREAM, 0);
		return MHD_YES;
	}
	if (streamed)
	{
		hitl_refuse_request(answer, 503, "too many follow the events");
		hitl_add_header(answer, "Retry-After", "10");
	}

	if (answer->refusal != NULL && is_for_people(call))
		hitl_show_refusal(answer);
	response = MHD_create_response_from_buffer(answer->length,
											   unconstify(char *, answer->body),
											   MHD_RESPMEM_MUST_COPY);
	if (response == NULL)
		return MHD_NO;
	foreach(cell, answer->headers)
	{
		HitlHeader *header = lfirst(cell);

		if (MHD_add_response_header(response, header->name, header->value) !=
			MHD_YES)
			ereport(LOG,
					(errmsg("header \"%s\" of an answer was left out",
							header->name)));
	}
	for (int i = 0; i < lengthof(defaults); i++)
		if (MHD_get_response_header(response, defaults[i][0]) == NULL)
			(void) MHD_add_response_header(response, defaults[i][0],
										   defaults[i][1]);
	if (answer->close)
		(void) MHD_add_response_header(response, "Connection", "close");
	result = MHD_queue_response(connection, answer->status, response);
	MHD_destroy_response(response);
	if (result == MHD_YES)
		log_request(method, answer, call, exchange->start);
	hitl_enter_phase(exchange->client, PHASE_ANSWER,
					 2 * hitl_gateway_client_timeout * 1000);
	return result;
}

/*
 * Does a browser show it?  Programs that call the API read problems.
 */
static bool
is_for_people(const HitlCall *call)
{
	const char *accept = header_of(call->headers, "accept");

	return accept != NULL && strstr(accept, "text/html") != NULL &&
		(call->path == NULL || strncmp(call->path, "/api/", 5) != 0);
}

/*
 * The access log: what the route is called, never what it was called with.
 */
static void
log_request(const char *method, const HitlAnswer *answer, const HitlCall *call,
			instr_time start)
{
	static const char *const methods[] = {"GET",   "HEAD",	 "POST",   "PUT",
										  "PATCH", "DELETE", "OPTIONS"};
	const char *name = "OTHER";
	instr_time duration;
	HitlLine *line;

	if (hitl_gateway_access_log == HITL_LOG_NONE ||
		(hitl_gateway_access_log == HITL_LOG_ERRORS && answer->status < 400))
		return;
	for (int i = 0; i < lengthof(methods); i++)
		if (strcmp(methods[i], method) == 0)
			name = methods[i];
	INSTR_TIME_SET_CURRENT(duration);
	INSTR_TIME_SUBTRACT(duration, start);
	line = hitl_log_begin("gateway_answered");
	hitl_log_text(line, "method", name);
	hitl_log_text(line, "route", answer->route);
	hitl_log_number(line, "status", answer->status);
	hitl_log_number(line, "bytes", answer->length);
	hitl_log_ms(line, INSTR_TIME_GET_MILLISEC(duration));
	hitl_log_text(line, "address", call->address);
	hitl_log_now(line);
}

/*
 * What a request has needed.
 */
static void
free_exchange(Exchange *exchange)
{
	bodies -= exchange->size;
	free(exchange->body);
	free(exchange->target);
	free(exchange);
}
