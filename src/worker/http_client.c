/*
 * http_client.c
 *		Many HTTP requests at once, driven by libcurl; no PostgreSQL.
 *
 * The rules of transfer.c hold here, too.
 */
#include "worker/http_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "worker/transfer.h"

/* Longest time a connection may take, within the time of its request. */
#define CONNECT_TIMEOUT_MS 10000

/* More header bytes than this is an attack. */
#define MAX_HEADER_BYTES (256 * 1024)

/* One request on its way, and its result. */
typedef struct HttpExchange
{
	Transfer transfer; /* first: it is what libcurl sees */
	HttpResult result;
	HttpClient *client;
	struct curl_slist *headers;
	size_t max_response;
	size_t keep_response;
	size_t received; /* bytes of the body */
	size_t header_bytes;
	bool keep_headers;
	size_t headers_length;	  /* of result.headers */
	size_t headers_capacity;  /* the same */
	size_t capacity;		  /* of result.body */
	int64_t rate_limit_reset; /* X-RateLimit-Reset, or -1 */
	bool too_large;
	bool no_memory;
	struct HttpExchange *next; /* in the list of those done */
} HttpExchange;

struct HttpClient
{
	TransferLoop *loop;
	char *user_agent;
	HttpExchange *done; /* oldest first */
	HttpExchange **done_end;
};

static bool prepare_handle(HttpClient *client, HttpExchange *exchange,
						   const HttpRequest *request);
static bool has_content_type(const HttpRequest *request);
static void request_ended(Transfer *transfer, CURLcode code);
static void finish_exchange(HttpClient *client, HttpExchange *exchange,
							CURLcode code);
static void judge_failure(HttpExchange *exchange, CURLcode code);
static void append_done(HttpClient *client, HttpExchange *exchange);
static void free_headers(struct curl_slist *headers);
static size_t read_header(char *line, size_t size, size_t count, void *userp);
static bool keep_header(HttpExchange *exchange, const char *line,
						size_t length);
static size_t read_body(char *data, size_t size, size_t count, void *userp);

/*
 * Make a client.
 */
HttpClient *
http_client_create(TransferLoop *loop, const char *user_agent)
{
	HttpClient *client = calloc(1, sizeof(HttpClient));

	if (client == NULL)
		return NULL;
	client->loop = loop;
	client->done_end = &client->done;
	client->user_agent = strdup(user_agent);
	if (client->user_agent == NULL)
	{
		free(client);
		return NULL;
	}
	return client;
}

/*
 * Start a request.  One that libcurl does not take is done at once.
 */
bool
http_client_start(HttpClient *client, const HttpRequest *request)
{
	HttpExchange *exchange = calloc(1, sizeof(HttpExchange));
	sigset_t before;

	if (exchange == NULL)
		return false;
	exchange->result.owner = request->owner;
	exchange->result.retry_after = -1;
	exchange->rate_limit_reset = -1;
	exchange->max_response = request->max_response;
	exchange->keep_response = request->keep_response;
	exchange->keep_headers = request->keep_headers;
	exchange->client = client;
	exchange->transfer.ended = request_ended;
	exchange->transfer.any_address = request->any_address;

	block_signals(&before);
	if (!prepare_handle(client, exchange, request))
	{
		exchange->no_memory = true;
		finish_exchange(client, exchange, CURLE_OUT_OF_MEMORY);
	}
	else if (transfer_begin(client->loop, &exchange->transfer) != CURLM_OK)
		finish_exchange(client, exchange, CURLE_FAILED_INIT);
	restore_signals(&before);
	return true;
}

/*
 * Are there results?
 */
bool
http_client_has_results(const HttpClient *client)
{
	return client->done != NULL;
}

/*
 * Take the oldest result.
 */
HttpResult *
http_client_take(HttpClient *client)
{
	HttpExchange *exchange = client->done;

	if (exchange == NULL)
		return NULL;
	client->done = exchange->next;
	if (client->done == NULL)
		client->done_end = &client->done;
	return &exchange->result;
}

/*
 * Free a result.
 */
void
http_client_release(HttpClient *client, HttpResult *result)
{
	HttpExchange *exchange = (HttpExchange *) ((char *) result -
											   offsetof(HttpExchange, result));

	(void) client;
	free(exchange->result.body);
	free(exchange->result.headers);
	free(exchange);
}

/*
 * Set up the handle of a request; false when memory is exhausted.
 */
static bool
prepare_handle(HttpClient *client, HttpExchange *exchange,
			   const HttpRequest *request)
{
	bool head = strcmp(request->method, "HEAD") == 0;
	bool plain_get = strcmp(request->method, "GET") == 0 &&
		request->body == NULL;
	CURLcode code = CURLE_OK;
	CURL *easy;
	int i;

	if (!transfer_prepare(client->loop, &exchange->transfer,
						  request->timeout_ms, CONNECT_TIMEOUT_MS,
						  request->ca_file))
		return false;
	easy = exchange->transfer.easy;

	/* No header of curl's own that delays the body. */
	exchange->headers = curl_slist_append(NULL, "Expect:");
	for (i = 0; exchange->headers != NULL && request->headers[i] != NULL; i++)
		if (curl_slist_append(exchange->headers, request->headers[i]) == NULL)
			return false;
	if (exchange->headers == NULL)
		return false;
	/* Nor one that says what the body is, where there is none. */
	if (request->body == NULL && !has_content_type(request) &&
		curl_slist_append(exchange->headers, "Content-Type:") == NULL)
		return false;

	SET_OPTION(code, easy, CURLOPT_URL, request->url);
	SET_OPTION(code, easy, CURLOPT_PROTOCOLS_STR, "http,https");
	SET_OPTION(code, easy, CURLOPT_FOLLOWLOCATION, 0L);
	SET_OPTION(code, easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_2TLS);
	SET_OPTION(code, easy, CURLOPT_USERAGENT, client->user_agent);
	SET_OPTION(code, easy, CURLOPT_HTTPHEADER, exchange->headers);
	if (!plain_get && !head)
	{
		SET_OPTION(code, easy, CURLOPT_POST, 1L);
		SET_OPTION(code, easy, CURLOPT_POSTFIELDSIZE_LARGE,
				   (curl_off_t) request->body_length);
		SET_OPTION(code, easy, CURLOPT_POSTFIELDS,
				   request->body != NULL ? request->body : "");
	}
	if (head)
		SET_OPTION(code, easy, CURLOPT_NOBODY, 1L);
	else if (!plain_get)
		SET_OPTION(code, easy, CURLOPT_CUSTOMREQUEST, request->method);
	SET_OPTION(code, easy, CURLOPT_HEADERFUNCTION, read_header);
	SET_OPTION(code, easy, CURLOPT_HEADERDATA, exchange);
	SET_OPTION(code, easy, CURLOPT_WRITEFUNCTION, read_body);
	SET_OPTION(code, easy, CURLOPT_WRITEDATA, exchange);

	return code == CURLE_OK;
}

/*
 * Do the headers of a request say what its body is?
 */
static bool
has_content_type(const HttpRequest *request)
{
	int i;

	for (i = 0; request->headers[i] != NULL; i++)
		if (strncasecmp(request->headers[i], "Content-Type:", 13) == 0 ||
			strncasecmp(request->headers[i], "Content-Type;", 13) == 0)
			return true;
	return false;
}

/*
 * libcurl has finished a request.
 */
static void
request_ended(Transfer *transfer, CURLcode code)
{
	HttpExchange *exchange = (HttpExchange *) transfer;

	transfer_remove(exchange->client->loop, transfer);
	finish_exchange(exchange->client, exchange, code);
}

/*
 * Turn a finished request into a result.
 */
static void
finish_exchange(HttpClient *client, HttpExchange *exchange, CURLcode code)
{
	HttpResult *result = &exchange->result;

	CURL *easy = exchange->transfer.easy;

	if (easy != NULL)
	{
		long status = 0;
		curl_off_t retry_after = 0;

		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
		curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after);
		result->status = (int) status;
		if (retry_after > 0)
			result->retry_after = (int64_t) retry_after;
		else if (status == 429 || status == 503)
			result->retry_after = exchange->rate_limit_reset;
		transfer_release(client->loop, &exchange->transfer);
	}
	free_headers(exchange->headers);
	exchange->headers = NULL;

	if (code == CURLE_OK)
		result->outcome = HTTP_ANSWERED;
	else
		judge_failure(exchange, code);
	append_done(client, exchange);
}

/*
 * Say why a request failed.
 */
static void
judge_failure(HttpExchange *exchange, CURLcode code)
{
	HttpResult *result = &exchange->result;
	const char *reason = exchange->transfer.error[0] != '\0'
		? exchange->transfer.error
		: curl_easy_strerror(code);

	if (exchange->no_memory || code == CURLE_OUT_OF_MEMORY)
	{
		result->outcome = HTTP_NO_MEMORY;
		reason = "out of memory";
	}
	else if (exchange->too_large)
		result->outcome = HTTP_TOO_LARGE;
	else if (transfer_was_refused(&exchange->transfer, code))
	{
		result->outcome = HTTP_ADDRESS_REFUSED;
		reason = exchange->transfer.refused;
	}
	else if (exchange->header_bytes > MAX_HEADER_BYTES)
	{
		result->outcome = HTTP_UNREACHABLE;
		reason = "the header of the response is too long";
	}
	else if (code == CURLE_OPERATION_TIMEDOUT)
		result->outcome = HTTP_TIMED_OUT;
	else if (code == CURLE_URL_MALFORMAT || code == CURLE_LOGIN_DENIED ||
			 code == CURLE_FAILED_INIT || code == CURLE_BAD_FUNCTION_ARGUMENT)
		result->outcome = HTTP_INVALID;
	else
		result->outcome = HTTP_UNREACHABLE;

	if (result->outcome != HTTP_TOO_LARGE)
	{
		result->begun = result->status;
		result->status = 0;
	}
	snprintf(result->reason, sizeof(result->reason), "%s", reason);
}

/*
 * Add a request to those that are done.
 */
static void
append_done(HttpClient *client, HttpExchange *exchange)
{
	exchange->next = NULL;
	*client->done_end = exchange;
	client->done_end = &exchange->next;
}

/*
 * Free header lines.  They may hold secrets, so wipe them.
 */
static void
free_headers(struct curl_slist *headers)
{
	struct curl_slist *line;

	for (line = headers; line != NULL; line = line->next)
		explicit_bzero(line->data, strlen(line->data));
	curl_slist_free_all(headers);
}

/*
 * libcurl's callback: a header line.  Of those that are not kept only the
 * reset time of a rate limit is read; libcurl itself understands Retry-After.
 */
static size_t
read_header(char *line, size_t size, size_t count, void *userp)
{
	static const char reset[] = "x-ratelimit-reset:";
	HttpExchange *exchange = userp;
	size_t length = size * count;

	exchange->header_bytes += length;
	if (exchange->header_bytes > MAX_HEADER_BYTES)
		return 0;
	if (exchange->keep_headers && !keep_header(exchange, line, length))
	{
		exchange->no_memory = true;
		return 0;
	}
	if (length >= sizeof(reset) &&
		strncasecmp(line, reset, sizeof(reset) - 1) == 0)
	{
		int64_t value = 0;
		size_t i = sizeof(reset) - 1;
		bool found = false;

		while (i < length && line[i] == ' ')
			i++;
		for (; i < length && line[i] >= '0' && line[i] <= '9' &&
			 value < INT64_C(1000000000000);
			 i++)
		{
			value = value * 10 + (line[i] - '0');
			found = true;
		}
		/* Some send Unix time, some seconds from now. */
		if (value > 1000000000)
			value -= (int64_t) time(NULL);
		if (found)
			exchange->rate_limit_reset = value > 0 ? value : 0;
	}
	return length;
}

/*
 * Keep a header line; a status line begins the headers anew, since that of an
 * interim response (103, say) comes before.  False when memory is exhausted.
 */
static bool
keep_header(HttpExchange *exchange, const char *line, size_t length)
{
	if (length >= 5 && strncasecmp(line, "HTTP/", 5) == 0)
	{
		exchange->headers_length = 0;
		if (exchange->result.headers != NULL)
			exchange->result.headers[0] = '\0';
		return true;
	}
	if (exchange->headers_length + length + 1 > exchange->headers_capacity)
	{
		size_t capacity = (exchange->headers_length + length + 1) * 2;
		char *headers = realloc(exchange->result.headers, capacity);

		if (headers == NULL)
			return false;
		exchange->result.headers = headers;
		exchange->headers_capacity = capacity;
	}
	memcpy(exchange->result.headers + exchange->headers_length, line, length);
	exchange->headers_length += length;
	exchange->result.headers[exchange->headers_length] = '\0';
	return true;
}

/*
 * libcurl's callback: a piece of the body.
 */
static size_t
read_body(char *data, size_t size, size_t count, void *userp)
{
	HttpExchange *exchange = userp;
	HttpResult *result = &exchange->result;
	size_t length = size * count;
	size_t keep = length;

	exchange->received += length;
	if (exchange->received > exchange->max_response)
	{
		exchange->too_large = true;
		return 0;
	}
	if (result->body_length + keep > exchange->keep_response)
		keep = exchange->keep_response - result->body_length;
	if (keep == 0)
		return length;
	if (result->body_length + keep + 1 > exchange->capacity)
	{
		size_t capacity = (result->body_length + keep + 1) * 2;
		char *body = realloc(result->body, capacity);

		if (body == NULL)
		{
			exchange->no_memory = true;
			return 0;
		}
		result->body = body;
		exchange->capacity = capacity;
	}
	memcpy(result->body + result->body_length, data, keep);
	result->body_length += keep;
	result->body[result->body_length] = '\0';
	return length;
}
