/*
 * gateway_server.c
 *		libmicrohttpd: listening, connections and their limits.
 *
 * We accept connections ourselves, from any number of addresses, and hand them
 * to libmicrohttpd, which runs without threads and reads, parses and sends
 * within MHD_run().  Its epoll descriptor and those of our listeners are in one
 * of ours, which the loop watches beside the latch.
 *
 * Each connection has a deadline by which it must have sent a head, a body, or
 * read an answer, however often it sends a byte.  When there are too many, the
 * one that has sent no request for longest makes room.  A connection is ended by
 * shutting its socket down: libmicrohttpd then sees its end.
 */
#include "postgres.h"

#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "access/xact.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/varlena.h"

#include "hitl.h"
#include "worker/clock.h"
#include "worker/gateway_server.h"
#include "worker/shared.h"
#include "worker/worker.h"

#define MAX_LISTENERS 16
#define BACKLOG		  1024
#define ACCEPT_BATCH  64 /* connections that are accepted in a row */

/* Connections that are about to be closed are still counted by the library. */
#define SPARE_CONNECTIONS 256

/* No accepting after the process ran out of descriptors. */
#define ACCEPT_PAUSE_MS 1000

/*
 * libmicrohttpd 0.9.75 wants to go on at once with a connection of which it can
 * read no more for want of memory, until that ends: after so many runs in a row
 * that came to nothing, each waits a little.
 */
#define VAIN_RUNS	  20
#define VAIN_PAUSE_MS 10

static int epoll_descriptor = -1;
static struct MHD_Daemon *server = NULL;
static int listeners[MAX_LISTENERS];
static int nlisteners = 0;
static bool listening = false; /* they are in the epoll set */
static int64 accept_after = 0;
static int vain_runs = 0;

HitlNetworks hitl_proxies;

static dlist_head clients = DLIST_STATIC_INIT(clients);
static int nclients = 0;			/* without the doomed */
static int64 next_deadline = 0;		/* none is due before; 0: none at all */
static HitlClient *accepted = NULL; /* being handed over */

static void open_listeners(void);
static int listen_at(struct addrinfo *address, const char *name);
static void complain(int save_errno, const char *name, const char *address)
	pg_attribute_noreturn();
static char *other_gateways(void);
static void listen_to_listeners(bool wanted);
static void accept_connections(void);
static bool accept_from(int listener);
static void admit(int descriptor, const struct sockaddr *address,
				  socklen_t length);
static bool make_room(void);
static void end_client(HitlClient *client);
static void end_overdue(void);
static void on_connection(void *cls, struct MHD_Connection *connection,
						  void **context,
						  enum MHD_ConnectionNotificationCode code);
static void on_panic(void *cls, const char *file, unsigned int line,
					 const char *reason) pg_attribute_noreturn();

/*
 * Once per process.
 */
void
hitl_server_init(void)
{
	epoll_descriptor = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_descriptor < 0)
		ereport(ERROR,
				(errcode_for_socket_access(),
				 errmsg("could not create an epoll descriptor: %m")));
	hitl_requests_init();
	MHD_set_panic_func(on_panic, NULL);
}

int
hitl_server_descriptor(void)
{
	return epoll_descriptor;
}

bool
hitl_server_is_open(void)
{
	return server != NULL;
}

/*
 * Begin to serve, or ERROR.
 */
void
hitl_server_open(void)
{
	struct epoll_event event = {.events = EPOLLIN};
	const union MHD_DaemonInfo *info;

	(void) hitl_parse_networks(hitl_trusted_proxies, &hitl_proxies);
	hitl_raise_descriptor_limit(hitl_gateway_max_connections +
								SPARE_CONNECTIONS);
	PG_TRY();
	{
		open_listeners();
		server = MHD_start_daemon(
			MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME,
			0, NULL, NULL, hitl_on_request, NULL, MHD_OPTION_URI_LOG_CALLBACK,
			hitl_on_target, NULL, MHD_OPTION_NOTIFY_CONNECTION, on_connection,
			NULL, MHD_OPTION_NOTIFY_COMPLETED, hitl_on_completed, NULL,
			MHD_OPTION_CONNECTION_MEMORY_LIMIT,
			(size_t) hitl_gateway_max_header * 1024 + HITL_ANSWER_HEAD,
			MHD_OPTION_CONNECTION_LIMIT,
			(unsigned int) hitl_gateway_max_connections + SPARE_CONNECTIONS,
			MHD_OPTION_CONNECTION_TIMEOUT,
			(unsigned int) hitl_gateway_client_timeout, MHD_OPTION_END);
		if (server == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_SYSTEM_ERROR),
					 errmsg("could not start libmicrohttpd: %m")));
		info = MHD_get_daemon_info(server, MHD_DAEMON_INFO_EPOLL_FD);
		event.data.fd = -1;
		if (info == NULL ||
			epoll_ctl(epoll_descriptor, EPOLL_CTL_ADD, info->epoll_fd,
					  &event) != 0)
			ereport(ERROR,
					(errcode_for_socket_access(),
					 errmsg("could not watch libmicrohttpd: %m")));
		listen_to_listeners(true);
	}
	PG_CATCH();
	{
		hitl_server_close();
		PG_RE_THROW();
	}
	PG_END_TRY();
	ereport(LOG,
			(errmsg("the gateway listens on %s, port %d",
					hitl_listen_addresses, hitl_port)));
}

/*
 * End: close all connections.
 */
void
hitl_server_close(void)
{
	hitl_forget_streams();
	if (server != NULL)
		MHD_stop_daemon(server); /* closes its epoll descriptor, too */
	server = NULL;
	listening = false;
	while (nlisteners > 0)
		close(listeners[--nlisteners]);
}

/*
 * Serve what has come.
 */
void
hitl_server_run(void)
{
	accept_connections();
	end_overdue();
	(void) MHD_run(server);
}

/*
 * How long nothing needs to be done, unless something comes.
 */
long
hitl_server_sleep(void)
{
	MHD_UNSIGNED_LONG_LONG timeout;
	int64 sleep_ms = LONG_MAX;
	int64 now = monotonic_ms();

	if (MHD_get_timeout(server, &timeout) == MHD_YES)
		sleep_ms = (int64) Min(timeout, (MHD_UNSIGNED_LONG_LONG) 60000);
	if (sleep_ms > 0)
		vain_runs = 0;
	else if (++vain_runs > VAIN_RUNS)
		sleep_ms = VAIN_PAUSE_MS;
	if (next_deadline != 0)
		sleep_ms = Min(sleep_ms, Max(next_deadline - now, 0) + 1);
	if (!listening && accept_after > now)
		sleep_ms = Min(sleep_ms, accept_after - now);
	return sleep_ms == LONG_MAX ? HITL_SLEEP_FOREVER : (long) sleep_ms;
}

/* ---- listening -------------------------------------------------------- */

/*
 * A listener for each address of each name.
 */
static void
open_listeners(void)
{
	char *names = pstrdup(hitl_listen_addresses);
	List *list;
	ListCell *cell;
	char port[16];

	if (!SplitGUCList(names, ',', &list))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("hitl.listen_addresses is not a list of addresses")));
	snprintf(port, sizeof(port), "%d", hitl_port);
	foreach(cell, list)
	{
		const char *name = lfirst(cell);
		struct addrinfo hints = {.ai_family = AF_UNSPEC,
								 .ai_socktype = SOCK_STREAM,
								 .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
		struct addrinfo *found;
		struct addrinfo *address;
		int opened = 0;
		int failure = 0;
		char failed[NI_MAXHOST] = "";
		int error = getaddrinfo(strcmp(name, "*") == 0 ? NULL : name, port,
								&hints, &found);

		if (error != 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the gateway cannot listen on \"%s\": %s", name,
							gai_strerror(error))));
		for (address = found; address != NULL && nlisteners < MAX_LISTENERS;
			 address = address->ai_next)
		{
			int listener = listen_at(address, name);

			if (listener >= 0)
			{
				listeners[nlisteners++] = listener;
				opened++;
				continue;
			}
			if (failure != EADDRINUSE)
			{
				failure = errno;
				getnameinfo(address->ai_addr, address->ai_addrlen, failed,
							sizeof(failed), NULL, 0, NI_NUMERICHOST);
			}
		}
		freeaddrinfo(found);
		/* A machine may have no IPv6, where "localhost" stands for both. */
		if (failure == EADDRINUSE || opened == 0)
			complain(failure, name, failed);
	}
}

/*
 * A listener at an address, or -1.
 */
static int
listen_at(struct addrinfo *address, const char *name)
{
	int on = 1;
	int save_errno;
	int listener = socket(address->ai_family,
						  SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (listener < 0)
		return -1;
	if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
		(address->ai_family != AF_INET6 ||
		 setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) ==
			 0) &&
		bind(listener, address->ai_addr, address->ai_addrlen) == 0 &&
		listen(listener, BACKLOG) == 0)
		return listener;
	save_errno = errno;
	close(listener);
	errno = save_errno;
	return -1;
}

/*
 * It cannot listen.
 */
static void
complain(int save_errno, const char *name, const char *address)
{
	char *others = save_errno == EADDRINUSE ? other_gateways() : NULL;

	errno = save_errno;
	ereport(ERROR,
			(errcode_for_socket_access(),
			 errmsg("the gateway cannot listen on \"%s\" (%s), port %d: %m",
					name, address, hitl_port),
			 others ? errdetail("The gateway of database %s runs, too.", others)
					: 0,
			 save_errno == EADDRINUSE
				 ? errhint("Another program, or the gateway of another database, uses this port. ALTER DATABASE ... SET hitl.port gives each database its own.")
				 : 0));
}

/*
 * Names of other databases whose gateways run, or NULL.
 */
static char *
other_gateways(void)
{
	StringInfoData names;
	List *databases = NIL;
	ListCell *cell;

	LWLockAcquire(hitl_shared->lock, LW_SHARED);
	for (int i = HITL_PROBE_SLOTS; i < hitl_shared->slots_end; i++)
	{
		HitlSlot *slot = &hitl_shared->slots[i];

		if (slot->used && slot->kind == HITL_WORKER_GATEWAY && slot->pid != 0 &&
			slot->dbid != MyDatabaseId)
			databases = lappend_oid(databases, slot->dbid);
	}
	LWLockRelease(hitl_shared->lock);
	if (databases == NIL)
		return NULL;

	initStringInfo(&names);
	StartTransactionCommand();
	foreach(cell, databases)
	{
		char *name = get_database_name(lfirst_oid(cell));

		if (name != NULL)
			appendStringInfo(&names, "%s\"%s\"", names.len ? ", " : "", name);
	}
	CommitTransactionCommand();
	return names.len ? names.data : NULL;
}

/*
 * Whether new connections wake us.
 */
static void
listen_to_listeners(bool wanted)
{
	struct epoll_event event = {.events = EPOLLIN};

	if (listening == wanted)
		return;
	listening = wanted;
	for (int i = 0; i < nlisteners; i++)
	{
		event.data.fd = listeners[i];
		if (epoll_ctl(epoll_descriptor, wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL,
					  listeners[i], &event) != 0)
			ereport(ERROR,
					(errcode_for_socket_access(),
					 errmsg("could not watch a listening socket: %m")));
	}
}

/* ---- connections ------------------------------------------------------ */

/*
 * Let in who is waiting.
 */
static void
accept_connections(void)
{
	if (!listening)
	{
		if (accept_after > monotonic_ms())
			return;
		listen_to_listeners(true);
	}
	for (int i = 0; i < nlisteners; i++)
		for (int n = 0; n < ACCEPT_BATCH; n++)
			if (!accept_from(listeners[i]))
				break;
}

/*
 * Let one in.  False if there is none, or no room.
 */
static bool
accept_from(int listener)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);
	int descriptor;

	descriptor = accept4(listener, (struct sockaddr *) &address, &length,
						 SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (descriptor < 0)
	{
		if (errno == ECONNABORTED || errno == EINTR)
			return true;
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			errno == ENOMEM)
		{
			ereport(LOG,
					(errcode_for_socket_access(),
					 errmsg("the gateway cannot accept a connection: %m")));
			listen_to_listeners(false);
			accept_after = monotonic_ms() + ACCEPT_PAUSE_MS;
		}
		return false;
	}
	admit(descriptor, (struct sockaddr *) &address, length);
	return true;
}

/*
 * Hand a connection over, if its address has not too many, and there is room.
 */
static void
admit(int descriptor, const struct sockaddr *address, socklen_t length)
{
	HitlAddress network;
	HitlPeer *peer;
	bool is_proxy;
	HitlClient *client;
	int on = 1;

	hitl_socket_address(address, &network);
	is_proxy = hitl_in_networks(&hitl_proxies, &network);
	peer = hitl_find_peer(&network, monotonic_ms(), hitl_gateway_rate);
	if ((!is_proxy && peer != NULL &&
		 peer->connections >= hitl_gateway_max_per_address) ||
		(nclients >= hitl_gateway_max_connections && !make_room()) ||
		(client = calloc(1, sizeof(HitlClient))) == NULL)
	{
		close(descriptor);
		return;
	}
	(void) setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	client->descriptor = descriptor;
	client->address = network;
	client->peer = peer;
	client->is_proxy = is_proxy;

	/* It closes the descriptor if it fails. */
	accepted = client;
	if (MHD_add_connection(server, descriptor, address, length) != MHD_YES &&
		accepted != NULL)
		free(client);
	accepted = NULL;
}

/*
 * End the connection that has not been asking for anything for longest; rather
 * one of which nothing is waiting to be read.
 */
static bool
make_room(void)
{
	HitlClient *oldest = NULL;
	dlist_iter iter;

	dlist_foreach(iter, &clients)
	{
		HitlClient *client = dlist_container(HitlClient, node, iter.cur);
		int waiting = 0;

		if (client->phase != PHASE_HEAD || client->doomed)
			continue;
		if (oldest == NULL)
			oldest = client;
		(void) ioctl(client->descriptor, FIONREAD, &waiting);
		if (waiting > 0)
			continue;
		oldest = client;
		break;
	}
	if (oldest != NULL)
		end_client(oldest);
	return oldest != NULL;
}

/*
 * End a connection: the library reads its end.
 */
static void
end_client(HitlClient *client)
{
	if (client->doomed)
		return;
	client->doomed = true;
	client->deadline = 0;
	nclients--;
	(void) shutdown(client->descriptor, SHUT_RDWR);
}

/*
 * The library has told of something.
 */
void
hitl_note_progress(void)
{
	vain_runs = 0;
}

/*
 * What a client is to do next, and until when.
 */
void
hitl_enter_phase(HitlClient *client, HitlPhase phase, int64 ms)
{
	hitl_note_progress();
	client->phase = phase;
	dlist_delete(&client->node);
	dlist_push_tail(&clients, &client->node);
	client->deadline = 0;
	if (ms > 0 && !client->doomed)
	{
		client->deadline = monotonic_ms() + ms;
		if (next_deadline == 0 || client->deadline < next_deadline)
			next_deadline = client->deadline;
	}
}

/*
 * End the connections that are too slow.
 */
static void
end_overdue(void)
{
	int64 now = monotonic_ms();
	dlist_iter iter;

	if (next_deadline == 0 || now < next_deadline)
		return;
	next_deadline = 0;
	dlist_foreach(iter, &clients)
	{
		HitlClient *client = dlist_container(HitlClient, node, iter.cur);

		if (client->deadline == 0)
			continue;
		if (client->deadline <= now)
			end_client(client);
		else if (next_deadline == 0 || client->deadline < next_deadline)
			next_deadline = client->deadline;
	}
}

/* ---- callbacks -------------------------------------------------------- */

/*
 * A connection begins, or has ended: its socket is about to be closed.
 */
static void
on_connection(void *cls, struct MHD_Connection *connection, void **context,
			  enum MHD_ConnectionNotificationCode code)
{
	HitlClient *client;

	if (code == MHD_CONNECTION_NOTIFY_STARTED)
	{
		client = accepted;
		accepted = NULL;
		*context = client;
		nclients++;
		if (client->peer)
			client->peer->connections++;
		dlist_push_tail(&clients, &client->node);
		hitl_enter_phase(client, PHASE_HEAD,
						 hitl_gateway_client_timeout * 1000);
		return;
	}
	client = *context;
	if (client == NULL)
		return;
	if (!client->doomed)
		nclients--;
	if (client->peer)
		client->peer->connections--;
	dlist_delete(&client->node);
	free(client);
	*context = NULL;
}

/*
 * The library has found itself in a state that cannot be.
 */
static void
on_panic(void *cls, const char *file, unsigned int line, const char *reason)
{
	ereport(FATAL,
			(errcode(ERRCODE_SYSTEM_ERROR),
			 errmsg("libmicrohttpd cannot go on: %s", reason ? reason : "")));
	pg_unreachable();
}
