/*
 * transfer.c
 *		libcurl's multi interface behind one epoll descriptor; no PostgreSQL.
 *
 * libcurl tells which sockets it waits for; they are kept in an epoll
 * descriptor, which the worker watches together with its latch.  Rules that
 * hold here:
 *
 *	- all signals are blocked while libcurl runs: its resolver threads inherit
 *	  the mask, so no handler of PostgreSQL's ever runs in one of them;
 *	- nothing in a callback can leave it other than by return;
 *	- CURLOPT_QUICK_EXIT, or ending a request would wait for its DNS lookup;
 *	- CURLOPT_CAPATH is unset, which lets libcurl keep the parsed CA bundle
 *	  instead of reading it again for each connection.
 */
#include "worker/transfer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "worker/address_guard.h"
#include "worker/clock.h"

#define EVENTS_AT_ONCE 512

/* Stands in epoll for a descriptor that is not libcurl's. */
#define NOT_OURS (-1)

struct TransferLoop
{
	CURLM *multi;
	int epoll;
	int64_t timer_ms; /* when libcurl wants to be called; -1: never */
	CURL **idle;	  /* easy handles to use again */
	int idle_count;
	int idle_capacity;
};

static void collect_ended(TransferLoop *loop);
static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *userp,
						void *known);
static int set_timer(CURLM *multi, long timeout_ms, void *userp);
static curl_socket_t open_socket(void *userp, curlsocktype purpose,
								 struct curl_sockaddr *address);
static int check_connection(void *userp, char *peer, char *local, int peer_port,
							int local_port);

/*
 * Make a loop.  libcurl is initialised here and not when the library is
 * loaded: no other process of the server needs it.
 */
TransferLoop *
transfer_loop_create(void)
{
	TransferLoop *loop = calloc(1, sizeof(TransferLoop));
	sigset_t before;

	if (loop == NULL)
		return NULL;
	block_signals(&before);
	loop->timer_ms = -1;
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll >= 0 && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		loop->multi = curl_multi_init();
	if (loop->multi != NULL)
	{
		curl_multi_setopt(loop->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
		curl_multi_setopt(loop->multi, CURLMOPT_SOCKETDATA, loop);
		curl_multi_setopt(loop->multi, CURLMOPT_TIMERFUNCTION, set_timer);
		curl_multi_setopt(loop->multi, CURLMOPT_TIMERDATA, loop);
		curl_multi_setopt(loop->multi, CURLMOPT_PIPELINING,
						  (long) CURLPIPE_MULTIPLEX);
	}
	restore_signals(&before);

	if (loop->multi == NULL)
	{
		if (loop->epoll >= 0)
			close(loop->epoll);
		free(loop);
		return NULL;
	}
	return loop;
}

/*
 * Size the connection cache: one that is smaller than the number of requests
 * in flight would close connections just to open them again.
 */
void
transfer_loop_keep_connections(TransferLoop *loop, long connections)
{
	sigset_t before;

	block_signals(&before);
	curl_multi_setopt(loop->multi, CURLMOPT_MAXCONNECTS, connections);
	restore_signals(&before);
}

/*
 * The descriptor to wait for.
 */
int
transfer_loop_descriptor(const TransferLoop *loop)
{
	return loop->epoll;
}

/*
 * Let another descriptor end that wait, too.  Who adds it looks after it.
 */
bool
transfer_loop_add(TransferLoop *loop, int descriptor)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = NOT_OURS};

	return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, descriptor, &event) == 0;
}

/*
 * The time to wait for it.
 */
long
transfer_loop_timeout(const TransferLoop *loop)
{
	int64_t left;

	if (loop->timer_ms < 0)
		return -1;
	left = loop->timer_ms - monotonic_ms();
	return left > 0 ? (long) left : 0;
}

/*
 * Let libcurl handle what is ready.  Sockets that stay ready make the epoll
 * descriptor readable again, so one round is enough.
 */
void
transfer_loop_drive(TransferLoop *loop)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	sigset_t before;
	int running;
	int count;
	int i;

	block_signals(&before);
	count = epoll_wait(loop->epoll, events, EVENTS_AT_ONCE, 0);
	for (i = 0; i < count; i++)
	{
		int what = 0;

		if (events[i].data.fd == NOT_OURS)
			continue;
		if (events[i].events & EPOLLIN)
			what |= CURL_CSELECT_IN;
		if (events[i].events & EPOLLOUT)
			what |= CURL_CSELECT_OUT;
		if (events[i].events & (EPOLLERR | EPOLLHUP))
			what |= CURL_CSELECT_ERR;
		curl_multi_socket_action(loop->multi, events[i].data.fd, what,
								 &running);
	}
	if (loop->timer_ms >= 0 && loop->timer_ms <= monotonic_ms())
	{
		loop->timer_ms = -1; /* libcurl sets it again where it needs it */
		curl_multi_socket_action(loop->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	collect_ended(loop);
	restore_signals(&before);
}

/*
 * Give a transfer a handle with the options that all share.
 */
bool
transfer_prepare(TransferLoop *loop, Transfer *transfer, long timeout_ms,
				 long connect_ms, const char *ca_file)
{
	CURLcode code = CURLE_OK;
	CURL *easy;

	transfer->easy = easy = loop->idle_count > 0
		? loop->idle[--loop->idle_count]
		: curl_easy_init();
	if (easy == NULL)
		return false;

	SET_OPTION(code, easy, CURLOPT_PRIVATE, transfer);
	SET_OPTION(code, easy, CURLOPT_ERRORBUFFER, transfer->error);
	SET_OPTION(code, easy, CURLOPT_NOSIGNAL, 1L);
	SET_OPTION(code, easy, CURLOPT_QUICK_EXIT, 1L);
	SET_OPTION(code, easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	SET_OPTION(code, easy, CURLOPT_PROXY, "");
	SET_OPTION(code, easy, CURLOPT_CAPATH, NULL);
	if (ca_file != NULL)
		SET_OPTION(code, easy, CURLOPT_CAINFO, ca_file);
	SET_OPTION(code, easy, CURLOPT_TCP_KEEPALIVE, 1L);
	SET_OPTION(code, easy, CURLOPT_TIMEOUT_MS, timeout_ms);
	SET_OPTION(code, easy, CURLOPT_CONNECTTIMEOUT_MS,
			   timeout_ms < connect_ms ? timeout_ms : connect_ms);
	SET_OPTION(code, easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	SET_OPTION(code, easy, CURLOPT_OPENSOCKETDATA, transfer);
	SET_OPTION(code, easy, CURLOPT_PREREQFUNCTION, check_connection);
	SET_OPTION(code, easy, CURLOPT_PREREQDATA, transfer);

	return code == CURLE_OK;
}

/*
 * Begin a transfer; "ended" of it is called in the end.
 */
CURLMcode
transfer_begin(TransferLoop *loop, Transfer *transfer)
{
	return curl_multi_add_handle(loop->multi, transfer->easy);
}

/*
 * Take a transfer out of the loop.  This closes its connection if it was to
 * connect only, and says no good-bye.
 */
void
transfer_remove(TransferLoop *loop, Transfer *transfer)
{
	curl_multi_remove_handle(loop->multi, transfer->easy);
}

/*
 * Keep its handle for the next one.
 */
void
transfer_release(TransferLoop *loop, Transfer *transfer)
{
	CURL *easy = transfer->easy;

	if (easy == NULL)
		return;
	transfer->easy = NULL;
	if (loop->idle_count == loop->idle_capacity)
	{
		int capacity = loop->idle_capacity * 2 + 16;
		CURL **idle = realloc(loop->idle, capacity * sizeof(CURL *));

		if (idle == NULL)
		{
			curl_easy_cleanup(easy);
			return;
		}
		loop->idle = idle;
		loop->idle_capacity = capacity;
	}
	curl_easy_reset(easy);
	loop->idle[loop->idle_count++] = easy;
}

/*
 * Was the failure of a transfer that of the address guard?
 */
bool
transfer_was_refused(const Transfer *transfer, CURLcode code)
{
	return transfer->refused[0] != '\0' &&
		(transfer->sockets == 0 || code == CURLE_ABORTED_BY_CALLBACK);
}

/*
 * Keep all signals from this thread and from those it starts.
 */
void
block_signals(sigset_t *before)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, before);
}

/*
 * Let them in again.
 */
void
restore_signals(const sigset_t *before)
{
	pthread_sigmask(SIG_SETMASK, before, NULL);
}

/*
 * Tell of what libcurl has finished.
 */
static void
collect_ended(TransferLoop *loop)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(loop->multi, &left)) != NULL)
	{
		char *found = NULL;
		Transfer *transfer;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &found);
		transfer = (Transfer *) found;
		transfer->ended(transfer, message->data.result);
	}
}

/*
 * libcurl's callback: watch a socket, or no longer.
 */
static int
watch_socket(CURL *easy, curl_socket_t fd, int what, void *userp, void *known)
{
	TransferLoop *loop = userp;
	struct epoll_event event = {.data.fd = fd};

	(void) easy;
	if (what == CURL_POLL_REMOVE)
	{
		(void) epoll_ctl(loop->epoll, EPOLL_CTL_DEL, fd, &event);
		return 0;
	}
	if (what & CURL_POLL_IN)
		event.events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		event.events |= EPOLLOUT;

	/* -1 would end all requests; one whose socket is lost times out. */
	if (known != NULL && epoll_ctl(loop->epoll, EPOLL_CTL_MOD, fd, &event) == 0)
		return 0;
	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) != 0 &&
		errno == EEXIST)
		(void) epoll_ctl(loop->epoll, EPOLL_CTL_MOD, fd, &event);
	curl_multi_assign(loop->multi, fd, loop);
	return 0;
}

/*
 * libcurl's callback: when it wants to be called without an event.
 */
static int
set_timer(CURLM *multi, long timeout_ms, void *userp)
{
	TransferLoop *loop = userp;

	(void) multi;
	loop->timer_ms = timeout_ms < 0 ? -1 : monotonic_ms() + timeout_ms;
	return 0;
}

/*
 * libcurl's callback: open a socket to an address, if that is allowed.
 */
static curl_socket_t
open_socket(void *userp, curlsocktype purpose, struct curl_sockaddr *address)
{
	Transfer *transfer = userp;
	curl_socket_t fd;

	(void) purpose;
	if (!transfer->any_address && !address_is_public(&address->addr))
	{
		const void *bytes = address->family == AF_INET6
			? (const void *) &((struct sockaddr_in6 *) &address->addr)
				  ->sin6_addr
			: (const void *) &((struct sockaddr_in *) &address->addr)->sin_addr;

		if (inet_ntop(address->family, bytes, transfer->refused,
					  sizeof(transfer->refused)) == NULL)
			strcpy(transfer->refused, "?");
		return CURL_SOCKET_BAD;
	}
	fd = socket(address->family, address->socktype | SOCK_CLOEXEC,
				address->protocol);
	if (fd != CURL_SOCKET_BAD)
		transfer->sockets++;
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
	Transfer *transfer = userp;

	(void) local;
	(void) peer_port;
	(void) local_port;
	if (transfer->any_address || address_text_is_public(peer))
		return CURL_PREREQFUNC_OK;
	snprintf(transfer->refused, sizeof(transfer->refused), "%s", peer);
	return CURL_PREREQFUNC_ABORT;
}
