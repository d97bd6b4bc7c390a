/*
 * http_client.c
 *		Many HTTP requests at once, driven by libcurl; no PostgreSQL.
 *
 * libcurl's multi interface tells which sockets it waits for; they are kept
 * in an epoll descriptor, which the worker watches together with its latch.
 * Rules that hold here:
 *
 *	- all signals are blocked while libcurl runs: its resolver threads inherit
 *	  the mask, so no handler of PostgreSQL's ever runs in one of them;
 *	- nothing in a callback can leave it other than by return;
 *	- CURLOPT_QUICK_EXIT, or ending a request would wait for its DNS lookup;
 *	- CURLOPT_CAPATH is unset, which lets libcurl keep the parsed CA bundle
 *	  instead of reading it again for each connection.
 */
#include "worker/http_client.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "worker/address_guard.h"

/* Longest time a connection may take, within the time of its request. */
#define CONNECT_TIMEOUT_MS 10000

/* More header bytes than this is an attack. */
#define MAX_HEADER_BYTES (256 * 1024)

#define EVENTS_AT_ONCE 512

/* One request on its way, and its result. */
typedef struct HttpExchange
{
	HttpResult result; /* first: it is what the caller sees */
	CURL *easy;
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
	bool any_address;
	bool too_large;
	bool no_memory;
	int sockets;					/* opened for it */
	char refused[INET6_ADDRSTRLEN]; /* by the address guard, or "" */
	char error[CURL_ERROR_SIZE];
	struct HttpExchange *next; /* in the list of those done */
} HttpExchange;

struct HttpClient
{
	CURLM *multi;
	char *user_agent;
	int epoll;
	int64_t timer_ms;	/* when libcurl wants to be called; -1: never */
	HttpExchange *done; /* oldest first */
	HttpExchange **done_end;
	CURL **idle; /* easy handles to use again */
	int idle_count;
	int idle_capacity;
};

static bool prepare_handle(HttpClient *client, HttpExchange *exchange,
						   const HttpRequest *request);
static bool has_content_type(const HttpRequest *request);
static CURL *take_handle(HttpClient *client);
static void keep_handle(HttpClient *client, CURL *easy);
static void collect_done(HttpClient *client);
static void finish_exchange(HttpClient *client, HttpExchange *exchange,
							CURLcode code);
static void judge_failure(HttpExchange *exchange, CURLcode code);
static void append_done(HttpClient *client, HttpExchange *exchange);
static void free_headers(struct curl_slist *headers);
static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *userp,
						void *known);
static int set_timer(CURLM *multi, long timeout_ms, void *userp);
static curl_socket_t open_socket(void *userp, curlsocktype purpose,
								 struct curl_sockaddr *address);
static int check_connection(void *userp, char *peer, char *local, int peer_port,
							int local_port);
static size_t read_header(char *line, size_t size, size_t count, void *userp);
static bool keep_header(HttpExchange *exchange, const char *line,
						size_t length);
static size_t read_body(char *data, size_t size, size_t count, void *userp);
static int64_t monotonic_ms(void);
static void block_signals(sigset_t *before);
static void restore_signals(const sigset_t *before);

/*
 * Make a client.  libcurl is initialised here and not when the library is
 * loaded: no other process of the server needs it.
 */
HttpClient *
http_client_create(const char *user_agent)
{
	HttpClient *client = calloc(1, sizeof(HttpClient));
	sigset_t before;

	if (client == NULL)
		return NULL;
	block_signals(&before);
	client->timer_ms = -1;
	client->done_end = &client->done;
	client->user_agent = strdup(user_agent);
	client->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (client->epoll >= 0 && client->user_agent != NULL &&
		curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		client->multi = curl_multi_init();
	if (client->multi != NULL)
	{
		curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
		curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
		curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, set_timer);
		curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
		curl_multi_setopt(client->multi, CURLMOPT_PIPELINING,
						  (long) CURLPIPE_MULTIPLEX);
	}
	restore_signals(&before);

	if (client->multi == NULL)
	{
		if (client->epoll >= 0)
			close(client->epoll);
		free(client->user_agent);
		free(client);
		return NULL;
	}
	return client;
}

/*
 * Size the connection cache: one that is smaller than the number of requests
 * in flight would close connections just to open them again.
 */
void
http_client_keep_connections(HttpClient *client, long connections)
{
	sigset_t before;

	block_signals(&before);
	curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, connections);
	restore_signals(&before);
}

/*
 * The descriptor to wait for.
 */
int
http_client_descriptor(const HttpClient *client)
{
	return client->epoll;
}

/*
 * The time to wait for it.
 */
long
http_client_timeout(const HttpClient *client)
{
	int64_t left;

	if (client->done != NULL)
		return 0;
	if (client->timer_ms < 0)
		return -1;
	left = client->timer_ms - monotonic_ms();
	return left > 0 ? (long) left : 0;
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
	exchange->any_address = request->any_address;

	block_signals(&before);
	if (!prepare_handle(client, exchange, request))
	{
		exchange->no_memory = true;
		finish_exchange(client, exchange, CURLE_OUT_OF_MEMORY);
	}
	else if (curl_multi_add_handle(client->multi, exchange->easy) != CURLM_OK)
		finish_exchange(client, exchange, CURLE_FAILED_INIT);
	restore_signals(&before);
	return true;
}

/*
 * Let libcurl handle what is ready.  Sockets that stay ready make the epoll
 * descriptor readable again, so one round is enough.
 */
void
http_client_drive(HttpClient *client)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	sigset_t before;
	int running;
	int count;
	int i;

	block_signals(&before);
	count = epoll_wait(client->epoll, events, EVENTS_AT_ONCE, 0);
	for (i = 0; i < count; i++)
	{
		int what = 0;

		if (events[i].events & EPOLLIN)
			what |= CURL_CSELECT_IN;
		if (events[i].events & EPOLLOUT)
			what |= CURL_CSELECT_OUT;
		if (events[i].events & (EPOLLERR | EPOLLHUP))
			what |= CURL_CSELECT_ERR;
		curl_multi_socket_action(client->multi, events[i].data.fd, what,
								 &running);
	}
	if (client->timer_ms >= 0 && client->timer_ms <= monotonic_ms())
	{
		client->timer_ms = -1; /* libcurl sets it again where it needs it */
		curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0,
								 &running);
	}
	collect_done(client);
	restore_signals(&before);
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
	HttpExchange *exchange = (HttpExchange *) result;

	(void) client;
	free(exchange->result.body);
	free(exchange->result.headers);
	free(exchange);
}

/*
 * Check a URL with the parser that libcurl will use on it.
 */
const char *
http_url_fault(const char *url, char host[HTTP_HOST_SIZE], int *port,
			   bool *secure)
{
	const char *fault = NULL;
	char *port_text = NULL;
	char *scheme = NULL;
	char *name = NULL;
	char *user = NULL;
	CURLU *parsed = curl_url();

	if (parsed == NULL)
		return "out of memory";
	if (curl_url_set(parsed, CURLUPART_URL, url, 0) != CURLUE_OK ||
		curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
		curl_url_get(parsed, CURLUPART_HOST, &name, 0) != CURLUE_OK ||
		name[0] == '\0' || strlen(name) >= HTTP_HOST_SIZE)
		fault = "not a URL with scheme and host";
	else if (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0)
		fault = "neither http nor https";
	else if (curl_url_get(parsed, CURLUPART_USER, &user, 0) == CURLUE_OK)
		fault = "user name or password inside the URL";
	else if (curl_url_get(parsed, CURLUPART_PORT, &port_text,
						  CURLU_DEFAULT_PORT) != CURLUE_OK)
		fault = "without a port";
	else
	{
		strcpy(host, name);
		*port = atoi(port_text);
		*secure = strcmp(scheme, "https") == 0;
	}
	curl_free(scheme);
	curl_free(name);
	curl_free(user);
	curl_free(port_text);
	curl_url_cleanup(parsed);
	return fault;
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
	long connect_ms = request->timeout_ms < CONNECT_TIMEOUT_MS
		? request->timeout_ms
		: CONNECT_TIMEOUT_MS;
	CURLcode code = CURLE_OK;
	CURL *easy;
	int i;

	exchange->easy = easy = take_handle(client);
	if (easy == NULL)
		return false;

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

#define SET(option, value) \
	do \
	{ \
		if (code == CURLE_OK) \
			code = curl_easy_setopt(easy, option, value); \
	} while (0)

	SET(CURLOPT_PRIVATE, exchange);
	SET(CURLOPT_ERRORBUFFER, exchange->error);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_QUICK_EXIT, 1L);
	SET(CURLOPT_URL, request->url);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_CAPATH, NULL);
	if (request->ca_file != NULL)
		SET(CURLOPT_CAINFO, request->ca_file);
	SET(CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_2TLS);
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_TIMEOUT_MS, request->timeout_ms);
	SET(CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
	SET(CURLOPT_USERAGENT, client->user_agent);
	SET(CURLOPT_HTTPHEADER, exchange->headers);
	if (!plain_get && !head)
	{
		SET(CURLOPT_POST, 1L);
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) request->body_length);
		SET(CURLOPT_POSTFIELDS, request->body != NULL ? request->body : "");
	}
	if (head)
		SET(CURLOPT_NOBODY, 1L);
	else if (!plain_get)
		SET(CURLOPT_CUSTOMREQUEST, request->method);
	SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
	SET(CURLOPT_OPENSOCKETDATA, exchange);
	SET(CURLOPT_PREREQFUNCTION, check_connection);
	SET(CURLOPT_PREREQDATA, exchange);
	SET(CURLOPT_HEADERFUNCTION, read_header);
	SET(CURLOPT_HEADERDATA, exchange);
	SET(CURLOPT_WRITEFUNCTION, read_body);
	SET(CURLOPT_WRITEDATA, exchange);
#undef SET

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
 * An easy handle in its initial state.
 */
static CURL *
take_handle(HttpClient *client)
{
	if (client->idle_count > 0)
		return client->idle[--client->idle_count];
	return curl_easy_init();
}

/*
 * Keep a handle for the next request.
 */
static void
keep_handle(HttpClient *client, CURL *easy)
{
	if (client->idle_count == client->idle_capacity)
	{
		int capacity = client->idle_capacity * 2 + 16;
		CURL **idle = realloc(client->idle, capacity * sizeof(CURL *));

		if (idle == NULL)
		{
			curl_easy_cleanup(easy);
			return;
		}
		client->idle = idle;
		client->idle_capacity = capacity;
	}
	curl_easy_reset(easy);
	client->idle[client->idle_count++] = easy;
}

/*
 * Take what libcurl has finished.
 */
static void
collect_done(HttpClient *client)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(client->multi, &left)) != NULL)
	{
		CURL *easy = message->easy_handle;
		CURLcode code = message->data.result;
		char *exchange = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(easy, CURLINFO_PRIVATE, &exchange);
		curl_multi_remove_handle(client->multi, easy);
		finish_exchange(client, (HttpExchange *) exchange, code);
	}
}

/*
 * Turn a finished request into a result.
 */
static void
finish_exchange(HttpClient *client, HttpExchange *exchange, CURLcode code)
{
	HttpResult *result = &exchange->result;

	if (exchange->easy != NULL)
	{
		long status = 0;
		curl_off_t retry_after = 0;

		curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
		curl_easy_getinfo(exchange->easy, CURLINFO_RETRY_AFTER, &retry_after);
		result->status = (int) status;
		if (retry_after > 0)
			result->retry_after = (int64_t) retry_after;
		else if (status == 429 || status == 503)
			result->retry_after = exchange->rate_limit_reset;
		keep_handle(client, exchange->easy);
		exchange->easy = NULL;
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
	const char *reason = exchange->error[0] != '\0' ? exchange->error
													: curl_easy_strerror(code);

	if (exchange->no_memory || code == CURLE_OUT_OF_MEMORY)
	{
		result->outcome = HTTP_NO_MEMORY;
		reason = "out of memory";
	}
	else if (exchange->too_large)
		result->outcome = HTTP_TOO_LARGE;
	else if (exchange->refused[0] != '\0' &&
			 (exchange->sockets == 0 || code == CURLE_ABORTED_BY_CALLBACK))
	{
		result->outcome = HTTP_ADDRESS_REFUSED;
		reason = exchange->refused;
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
		result->status = 0; /* of an answer that did not come whole */
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
 * libcurl's callback: watch a socket, or no longer.
 */
static int
watch_socket(CURL *easy, curl_socket_t fd, int what, void *userp, void *known)
{
	HttpClient *client = userp;
	struct epoll_event event = {.data.fd = fd};

	(void) easy;
	if (what == CURL_POLL_REMOVE)
	{
		(void) epoll_ctl(client->epoll, EPOLL_CTL_DEL, fd, &event);
		return 0;
	}
	if (what & CURL_POLL_IN)
		event.events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		event.events |= EPOLLOUT;

	/* -1 would end all requests; one whose socket is lost times out. */
	if (known != NULL &&
		epoll_ctl(client->epoll, EPOLL_CTL_MOD, fd, &event) == 0)
		return 0;
	if (epoll_ctl(client->epoll, EPOLL_CTL_ADD, fd, &event) != 0 &&
		errno == EEXIST)
		(void) epoll_ctl(client->epoll, EPOLL_CTL_MOD, fd, &event);
	curl_multi_assign(client->multi, fd, client);
	return 0;
}

/*
 * libcurl's callback: when it wants to be called without an event.
 */
static int
set_timer(CURLM *multi, long timeout_ms, void *userp)
{
	HttpClient *client = userp;

	(void) multi;
	client->timer_ms = timeout_ms < 0 ? -1 : monotonic_ms() + timeout_ms;
	return 0;
}

/*
 * libcurl's callback: open a socket to an address, if that is allowed.
 */
static curl_socket_t
open_socket(void *userp, curlsocktype purpose, struct curl_sockaddr *address)
{
	HttpExchange *exchange = userp;
	curl_socket_t fd;

	(void) purpose;
	if (!exchange->any_address && !address_is_public(&address->addr))
	{
		const void *bytes = address->family == AF_INET6
			? (const void *) &((struct sockaddr_in6 *) &address->addr)
				  ->sin6_addr
			: (const void *) &((struct sockaddr_in *) &address->addr)->sin_addr;

		if (inet_ntop(address->family, bytes, exchange->refused,
					  sizeof(exchange->refused)) == NULL)
			strcpy(exchange->refused, "?");
		return CURL_SOCKET_BAD;
	}
	fd = socket(address->family, address->socktype | SOCK_CLOEXEC,
				address->protocol);
	if (fd != CURL_SOCKET_BAD)
		exchange->sockets++;
	return fd;
}

/*
 * libcurl's callback: may this request go over this connection?  It may have
 * been opened for another request, which was allowed more.
 */
static int
check_connection(void *userp, char *peer, char *local, int peer_port,
				 int local_port)
{
	HttpExchange *exchange = userp;

	(void) local;
	(void) peer_port;
	(void) local_port;
	if (exchange->any_address || address_text_is_public(peer))
		return CURL_PREREQFUNC_OK;
	snprintf(exchange->refused, sizeof(exchange->refused), "%s", peer);
	return CURL_PREREQFUNC_ABORT;
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

/*
 * A clock that nobody sets.
 */
static int64_t
monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*
 * Keep all signals from this thread and from those it starts.
 */
static void
block_signals(sigset_t *before)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, before);
}

/*
 * Let them in again.
 */
static void
restore_signals(const sigset_t *before)
{
	pthread_sigmask(SIG_SETMASK, before, NULL);
}
