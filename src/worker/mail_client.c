/*
 * mail_client.c
 *		Many mails at once, to many mail servers; no PostgreSQL.
 *
 * A connection is kept for the next mail to the same server for a while.  The
 * server may have given up on it meanwhile: a mail that fails on a kept
 * connection before anything was answered is begun again on a new one.
 *
 * The rules of transfer.c hold here, too.
 */
#include "worker/mail_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "worker/clock.h"
#include "worker/mail_connection.h"

#define EVENTS_AT_ONCE 256

static char *connection_key(const MailRequest *request);
static MailConnection *find_idle(MailClient *client, const char *key);
static void sweep(MailClient *client);

/*
 * Make a client.
 */
MailClient *
mail_client_create(TransferLoop *loop)
{
	MailClient *client = calloc(1, sizeof(MailClient));

	if (client == NULL)
		return NULL;
	client->loop = loop;
	client->done_end = &client->done;
	client->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (client->epoll >= 0 && transfer_loop_add(loop, client->epoll))
		return client;
	if (client->epoll >= 0)
		close(client->epoll);
	free(client);
	return NULL;
}

/*
 * Start a mail.
 */
bool
mail_client_start(MailClient *client, const MailRequest *request)
{
	MailExchange *exchange = calloc(1, sizeof(MailExchange));
	sigset_t before;

	if (exchange == NULL)
		return false;
	exchange->request = *request;
	exchange->result.owner = request->owner;
	exchange->deadline = monotonic_ms() + request->timeout_ms;
	block_signals(&before);
	if (!mail_client_carry(client, exchange))
	{
		exchange->result.outcome = MAIL_NO_MEMORY;
		mail_client_add_done(client, exchange);
	}
	sweep(client);
	restore_signals(&before);
	return true;
}

/*
 * Go on with what the sockets have, and end what takes too long.
 */
void
mail_client_drive(MailClient *client)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int64_t now = monotonic_ms();
	MailConnection *connection;
	sigset_t before;
	int count;
	int i;

	if (client->connections == NULL)
		return;
	block_signals(&before);
	count = epoll_wait(client->epoll, events, EVENTS_AT_ONCE, 0);
	for (i = 0; i < count; i++)
	{
		connection = events[i].data.ptr;
		if (!connection->doomed)
			mail_connection_handle(connection);
	}
	for (connection = client->connections; connection != NULL;
		 connection = connection->next)
		if (!connection->doomed && mail_connection_deadline(connection) <= now)
			mail_connection_expire(connection);
	sweep(client);
	restore_signals(&before);
}

/*
 * The time to wait.
 */
long
mail_client_timeout(const MailClient *client)
{
	const MailConnection *connection;
	int64_t first = INT64_MAX;
	int64_t left;

	if (client->done != NULL)
		return 0;
	for (connection = client->connections; connection != NULL;
		 connection = connection->next)
		if (mail_connection_deadline(connection) < first)
			first = mail_connection_deadline(connection);
	if (first == INT64_MAX)
		return -1;
	left = first - monotonic_ms();
	return left > 0 ? (long) left : 0;
}

/*
 * Take the oldest result.
 */
MailResult *
mail_client_take(MailClient *client)
{
	MailExchange *exchange = client->done;

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
mail_client_release(MailClient *client, MailResult *result)
{
	(void) client;
	free(result);
}

/*
 * Give a mail a connection; false when memory is exhausted.
 */
bool
mail_client_carry(MailClient *client, MailExchange *exchange)
{
	char *key = connection_key(&exchange->request);
	MailConnection *connection;

	if (key == NULL)
		return false;
	connection = exchange->again ? NULL : find_idle(client, key);
	if (connection == NULL)
		return mail_connection_open(client, exchange, key);
	explicit_bzero(key, strlen(key));
	free(key);
	connection->exchange = exchange;
	connection->kept = true;
	mail_connection_begin(connection);
	return true;
}

/*
 * All that a connection depends on.
 */
static char *
connection_key(const MailRequest *request)
{
	const char *const parts[] = {request->url,
								 request->clear ? "clear" : "tls",
								 request->any_address ? "any" : "public",
								 request->ca_file,
								 request->user,
								 request->password};
	const int count = sizeof(parts) / sizeof(parts[0]);
	size_t length = 0;
	char *key;
	char *end;
	int i;

	for (i = 0; i < count; i++)
		length += (parts[i] != NULL ? strlen(parts[i]) : 0) + 3;
	end = key = malloc(length + 1);
	if (key == NULL)
		return NULL;
	for (i = 0; i < count; i++)
	{
		*end++ = parts[i] != NULL ? '+' : '-';
		if (parts[i] != NULL)
			end = stpcpy(end, parts[i]);
		*end++ = '\n';
	}
	*end = '\0';
	return key;
}

/*
 * A connection that waits for such a mail, the one that was used last.
 */
static MailConnection *
find_idle(MailClient *client, const char *key)
{
	MailConnection *found = NULL;
	MailConnection *connection;

	for (connection = client->connections; connection != NULL;
		 connection = connection->next)
		if (connection->state == MAIL_IDLE && !connection->doomed &&
			strcmp(connection->key, key) == 0 &&
			(found == NULL || connection->deadline > found->deadline))
			found = connection;
	return found;
}

/*
 * Add a mail to those that are done.
 */
void
mail_client_add_done(MailClient *client, MailExchange *exchange)
{
	exchange->next = NULL;
	*client->done_end = exchange;
	client->done_end = &exchange->next;
}

/*
 * Close the connections that are done with; only here, so that none goes away
 * under somebody who works on it.
 */
static void
sweep(MailClient *client)
{
	MailConnection **link = &client->connections;

	while (*link != NULL)
	{
		MailConnection *connection = *link;

		if (connection->doomed)
		{
			*link = connection->next;
			mail_connection_free(connection);
		}
		else
			link = &connection->next;
	}
}
