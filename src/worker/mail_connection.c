/*
 * mail_connection.c
 *		One connection to a mail server: what is said on it; no PostgreSQL.
 *
 * libcurl's own way of sending mail waits for the server's verdict on a
 * message inside of one call, and everything else would wait with it: for
 * minutes, where a server takes that long to look for viruses.  So libcurl
 * makes the connection (names, the address guard, TLS, STARTTLS, log-in) and
 * carries bytes; the few commands of a mail are here.
 *
 * The rules of transfer.c hold here, too.
 */
#include "worker/mail_connection.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "worker/clock.h"

/* Longest time until a server is ready for commands; some let one wait. */
#define CONNECT_TIMEOUT_MS 60000

/* How long a connection is kept, and for how many mails. */
#define KEEP_MS	  10000
#define KEEP_USES 100
#define KEEP_MAX  50 /* connections in all */

/* To say good-bye, or to reset, takes no longer. */
#define CLOSING_MS 5000

#define MAX_REPLY_LINES 200

static bool prepare_connection(MailConnection *connection,
							   const MailRequest *request);
static size_t read_greeting(char *line, size_t size, size_t count, void *userp);
static void connection_ended(Transfer *transfer, CURLcode code);
static void judge_connection(MailConnection *connection, CURLcode code);
static void send_command(MailConnection *connection, MailState state,
						 const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void send_output(MailConnection *connection);
static void fill_output(MailConnection *connection);
static void receive(MailConnection *connection);
static bool take_bytes(MailConnection *connection, const char *bytes,
					   size_t length);
static bool take_line(MailReply *reply, const char *line, size_t length);
static void take_reply(MailConnection *connection);
static void take_refusal(MailConnection *connection, const char *stage);
static void mail_ended(MailConnection *connection, bool reset);
static void keep_connection(MailConnection *connection);
static void lose_connection(MailConnection *connection, const char *why);
static void watch(MailConnection *connection, uint32_t events);
static void end_exchange(MailConnection *connection, MailOutcome outcome,
						 const char *stage, const char *reason);

/*
 * Open a connection for a mail.  It takes the key.
 */
bool
mail_connection_open(MailClient *client, MailExchange *exchange, char *key)
{
	MailConnection *connection = calloc(1, sizeof(MailConnection));

	if (connection == NULL)
	{
		explicit_bzero(key, strlen(key));
		free(key);
		return false;
	}
	connection->client = client;
	connection->key = key;
	connection->exchange = exchange;
	connection->fd = CURL_SOCKET_BAD;
	connection->transfer.ended = connection_ended;
	connection->transfer.any_address = exchange->request.any_address;
	connection->next = client->connections;
	client->connections = connection;

	if (!prepare_connection(connection, &exchange->request))
	{
		transfer_release(client->loop, &connection->transfer);
		end_exchange(connection, MAIL_NO_MEMORY, NULL, "out of memory");
		connection->doomed = true;
	}
	else if (transfer_begin(client->loop, &connection->transfer) != CURLM_OK)
	{
		transfer_release(client->loop, &connection->transfer);
		end_exchange(connection, MAIL_INVALID, NULL,
					 "libcurl does not take it");
		connection->doomed = true;
	}
	return true;
}

/*
 * A connection is ready for its mail.
 */
void
mail_connection_begin(MailConnection *connection)
{
	connection->uses++;
	connection->position = 0;
	connection->line_begins = true;
	connection->message_done = false;
	connection->reply.lines = 0;
	connection->reply.length = 0;
	watch(connection, EPOLLIN);
	send_command(connection, MAIL_SENDER, "MAIL FROM:<%s>",
				 connection->exchange->request.sender);
}

/*
 * Go on with what the socket has.
 */
void
mail_connection_handle(MailConnection *connection)
{
	receive(connection);
	if (!connection->doomed)
		send_output(connection);
}

/*
 * When a connection has to have got on.  While it is made, libcurl keeps time.
 */
int64_t
mail_connection_deadline(const MailConnection *connection)
{
	if (connection->state == MAIL_CONNECTING)
		return INT64_MAX;
	return connection->exchange != NULL ? connection->exchange->deadline
										: connection->deadline;
}

/*
 * A connection whose time is over.
 */
void
mail_connection_expire(MailConnection *connection)
{
	static const char *const waiting[] =
		{[MAIL_SENDER] = "the reply to MAIL",
		 [MAIL_RECIPIENT] = "the reply to RCPT",
		 [MAIL_DATA] = "the reply to DATA",
		 [MAIL_MESSAGE] = "the reply to the message"};

	if (connection->exchange != NULL)
	{
		char reason[100];

		snprintf(reason, sizeof(reason), "%s has not come in time",
				 connection->state == MAIL_MESSAGE && !connection->message_done
					 ? "the end of the message"
					 : waiting[connection->state]);
		connection->exchange->result.status = 0;
		end_exchange(connection, MAIL_TIMED_OUT, NULL, reason);
		connection->doomed = true;
	}
	else if (connection->state == MAIL_IDLE)
	{
		connection->deadline = monotonic_ms() + CLOSING_MS;
		send_command(connection, MAIL_QUIT, "QUIT");
	}
	else
		connection->doomed = true;
}

/*
 * Close a connection and leave no secret behind.
 */
void
mail_connection_free(MailConnection *connection)
{
	struct epoll_event event = {0};

	if (connection->events != 0)
		(void) epoll_ctl(connection->client->epoll, EPOLL_CTL_DEL,
						 connection->fd, &event);
	if (connection->transfer.easy != NULL)
	{
		/* Not for another use: libcurl may remember it as one of this kind. */
		transfer_remove(connection->client->loop, &connection->transfer);
		curl_easy_cleanup(connection->transfer.easy);
	}
	explicit_bzero(connection->key, strlen(connection->key));
	free(connection->key);
	explicit_bzero(connection->output, OUTPUT_SIZE);
	free(connection);
}

/*
 * Have libcurl connect, and no more.
 */
static bool
prepare_connection(MailConnection *connection, const MailRequest *request)
{
	CURLcode code = CURLE_OK;
	int64_t left = connection->exchange->deadline - monotonic_ms();
	CURL *easy;

	if (!transfer_prepare(connection->client->loop, &connection->transfer,
						  left > 0 ? (long) left : 1, CONNECT_TIMEOUT_MS,
						  request->ca_file))
		return false;
	easy = connection->transfer.easy;

	SET_OPTION(code, easy, CURLOPT_URL, request->url);
	SET_OPTION(code, easy, CURLOPT_PORT, (long) request->port);
	SET_OPTION(code, easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	SET_OPTION(code, easy, CURLOPT_CONNECT_ONLY, 1L);
	if (!request->clear)
		SET_OPTION(code, easy, CURLOPT_USE_SSL, (long) CURLUSESSL_ALL);
	if (request->user != NULL)
	{
		SET_OPTION(code, easy, CURLOPT_USERNAME, request->user);
		SET_OPTION(code, easy, CURLOPT_PASSWORD,
				   request->password != NULL ? request->password : "");
	}
	SET_OPTION(code, easy, CURLOPT_HEADERFUNCTION, read_greeting);
	SET_OPTION(code, easy, CURLOPT_HEADERDATA, connection);

	return code == CURLE_OK;
}

/*
 * libcurl's callback: a line of a reply, while it connects.
 */
static size_t
read_greeting(char *line, size_t size, size_t count, void *userp)
{
	MailConnection *connection = userp;

	(void) take_line(&connection->reply, line, size * count);
	return size * count;
}

/*
 * libcurl has connected, or has failed to.
 */
static void
connection_ended(Transfer *transfer, CURLcode code)
{
	MailConnection *connection = (MailConnection *) transfer;
	char byte;
	size_t length;

	if (code != CURLE_OK)
	{
		judge_connection(connection, code);
		connection->doomed = true;
		return;
	}

	/*
	 * From now on the connection is ours: once it was read from, libcurl does
	 * not close it as one that nobody uses.  The server has nothing to say.
	 */
	if (curl_easy_getinfo(transfer->easy, CURLINFO_ACTIVESOCKET,
						  &connection->fd) != CURLE_OK ||
		connection->fd == CURL_SOCKET_BAD ||
		curl_easy_recv(transfer->easy, &byte, 1, &length) != CURLE_AGAIN)
	{
		connection->fd = CURL_SOCKET_BAD;
		lose_connection(
			connection,
			"the connection was closed, or the server speaks without being asked");
		return;
	}
	mail_connection_begin(connection);
}

/*
 * Say why there is no connection.
 */
static void
judge_connection(MailConnection *connection, CURLcode code)
{
	const Transfer *transfer = &connection->transfer;
	const char *reason = transfer->error[0] != '\0' ? transfer->error
													: curl_easy_strerror(code);
	long status = 0;
	const char *said = connection->reply.text;

	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	/* Only what refuses explains a failure. */
	if (status < 400 || connection->reply.status != status)
		said = "";
	connection->exchange->result.status = status < 400 ? 0 : (int) status;

	if (code == CURLE_OUT_OF_MEMORY)
		end_exchange(connection, MAIL_NO_MEMORY, NULL, "out of memory");
	else if (transfer_was_refused(transfer, code))
		end_exchange(connection, MAIL_ADDRESS_REFUSED, NULL, transfer->refused);
	else if (code == CURLE_OPERATION_TIMEDOUT)
		end_exchange(connection, MAIL_TIMED_OUT, NULL, reason);
	else if (code == CURLE_LOGIN_DENIED)
		end_exchange(
			connection, MAIL_LOGIN_FAILED, "user and password",
			said[0] != '\0'
				? said
				: "the server offers no known way to log in, or its reply makes no sense");
	else if (code == CURLE_URL_MALFORMAT || code == CURLE_FAILED_INIT ||
			 code == CURLE_BAD_FUNCTION_ARGUMENT)
		end_exchange(connection, MAIL_INVALID, NULL, reason);
	else if (code != CURLE_USE_SSL_FAILED && status >= 400 && said[0] != '\0')
		end_exchange(connection, MAIL_REFUSED, "the connection", said);
	else
		end_exchange(connection, MAIL_UNREACHABLE, NULL, reason);
}

/*
 * Send a command, whose reply will be read in this state.
 */
static void
send_command(MailConnection *connection, MailState state, const char *format,
			 ...)
{
	va_list args;

	va_start(args, format);
	connection->output_length = vsnprintf(connection->output, OUTPUT_SIZE - 2,
										  format, args);
	va_end(args);
	/* Addresses are never that long. */
	if (connection->output_length >= OUTPUT_SIZE - 2)
	{
		lose_connection(connection, "a command is too long");
		return;
	}
	memcpy(connection->output + connection->output_length, "\r\n", 2);
	connection->output_length += 2;
	connection->output_sent = 0;
	connection->state = state;
	send_output(connection);
}

/*
 * Send as much as the connection takes.
 */
static void
send_output(MailConnection *connection)
{
	for (;;)
	{
		size_t sent = 0;
		CURLcode code;

		if (connection->output_sent == connection->output_length)
		{
			connection->output_sent = connection->output_length = 0;
			if (connection->state == MAIL_MESSAGE && !connection->message_done)
				fill_output(connection);
			if (connection->output_length == 0)
			{
				watch(connection, EPOLLIN);
				return;
			}
		}
		code = curl_easy_send(connection->transfer.easy,
							  connection->output + connection->output_sent,
							  connection->output_length -
								  connection->output_sent,
							  &sent);
		if (code == CURLE_AGAIN)
		{
			watch(connection, EPOLLIN | EPOLLOUT);
			return;
		}
		if (code != CURLE_OK)
		{
			lose_connection(connection, "the connection was lost");
			return;
		}
		connection->output_sent += sent;
	}
}

/*
 * The next piece of the message: a full stop at the beginning of a line is
 * doubled, one alone is the end.
 */
static void
fill_output(MailConnection *connection)
{
	const MailRequest *request = &connection->exchange->request;
	char *out = connection->output;
	char *end = out + OUTPUT_SIZE - 4; /* room for one more, and the end */

	while (connection->position < request->length && out < end)
	{
		char c = request->message[connection->position++];

		if (connection->line_begins && c == '.')
			*out++ = '.';
		*out++ = c;
		connection->line_begins = c == '\n';
	}
	if (connection->position == request->length)
	{
		*out++ = '.';
		*out++ = '\r';
		*out++ = '\n';
		connection->message_done = true;
	}
	connection->output_length = out - connection->output;
}

/*
 * Read what has come.
 */
static void
receive(MailConnection *connection)
{
	char bytes[4096];

	while (!connection->doomed)
	{
		size_t length = 0;
		CURLcode code = curl_easy_recv(connection->transfer.easy, bytes,
									   sizeof(bytes), &length);

		if (code == CURLE_AGAIN)
			return;
		if (code != CURLE_OK || length == 0)
			lose_connection(connection, "the server has closed the connection");
		else if (!take_bytes(connection, bytes, length))
			lose_connection(connection, "the server's reply is not SMTP");
	}
}

/*
 * Take bytes of replies; false if they are none.
 */
static bool
take_bytes(MailConnection *connection, const char *bytes, size_t length)
{
	MailReply *reply = &connection->reply;
	size_t i;

	for (i = 0; i < length && !connection->doomed; i++)
	{
		if (reply->length == MAX_REPLY_LINE)
			return false;
		reply->line[reply->length++] = bytes[i];
		if (bytes[i] != '\n')
			continue;
		if (!take_line(reply, reply->line, reply->length))
			return false;
		reply->length = 0;
		if (reply->whole)
			take_reply(connection);
	}
	return true;
}

/*
 * Take a line of a reply, "250-text" or "250 text"; false if it is none.
 */
static bool
take_line(MailReply *reply, const char *line, size_t length)
{
	size_t used;
	int status = 0;
	size_t i;

	while (length > 0 && strchr("\r\n", line[length - 1]) != NULL)
		length--;
	if (length < 3)
		return false;
	for (i = 0; i < 3; i++)
	{
		if (line[i] < '0' || line[i] > '9')
			return false;
		status = status * 10 + (line[i] - '0');
	}
	if (status < 100 || (length > 3 && line[3] != ' ' && line[3] != '-'))
		return false;
	if (reply->whole || reply->lines == 0)
	{
		reply->lines = 0;
		reply->text[0] = '\0';
		reply->status = status;
	}
	if (status != reply->status || ++reply->lines > MAX_REPLY_LINES)
		return false;
	reply->whole = length == 3 || line[3] == ' ';

	/* Its text, all lines as one, as far as there is room. */
	used = strlen(reply->text);
	for (i = 4; i < length && used + 2 < sizeof(reply->text); i++)
	{
		unsigned char c = (unsigned char) line[i];

		if (i == 4 && used > 0)
			reply->text[used++] = ' ';
		reply->text[used++] = c < ' ' || c == 0x7F ? '?' : (char) c;
	}
	reply->text[used] = '\0';
	return true;
}

/*
 * A reply is there: go on.
 */
static void
take_reply(MailConnection *connection)
{
	const MailReply *reply = &connection->reply;
	int class = reply->status / 100;

	if (connection->exchange != NULL)
		connection->exchange->result.status = reply->status;

	/* "Closing transmission channel", which may come at any time. */
	if (reply->status == 421 && !connection->kept &&
		connection->exchange != NULL)
	{
		end_exchange(connection, MAIL_REFUSED, "the mail", reply->text);
		connection->doomed = true;
		return;
	}
	if (reply->status == 421)
	{
		lose_connection(connection, reply->text);
		return;
	}

	switch (connection->state)
	{
		case MAIL_SENDER:
			connection->kept = false;
			if (class == 2)
				send_command(connection, MAIL_RECIPIENT, "RCPT TO:<%s>",
							 connection->exchange->request.recipient);
			else
				take_refusal(connection, "the sender");
			break;
		case MAIL_RECIPIENT:
			if (class == 2)
				send_command(connection, MAIL_DATA, "DATA");
			else
				take_refusal(connection, "the recipient");
			break;
		case MAIL_DATA:
			if (class == 3)
			{
				connection->state = MAIL_MESSAGE;
				send_output(connection);
			}
			else
				take_refusal(connection, "the message");
			break;
		case MAIL_MESSAGE:
			if (class == 2 && connection->message_done &&
				connection->output_sent == connection->output_length)
			{
				end_exchange(connection, MAIL_ACCEPTED, NULL, reply->text);
				mail_ended(connection, false);
			}
			else
				take_refusal(connection, "the message");
			break;
		case MAIL_RESET:
			if (class == 2)
				keep_connection(connection);
			else
				connection->doomed = true;
			break;
		default:
			/* After QUIT, or without being asked. */
			connection->doomed = true;
	}
}

/*
 * The server does not want the mail; or what it says makes no sense.
 */
static void
take_refusal(MailConnection *connection, const char *stage)
{
	const MailReply *reply = &connection->reply;
	bool sent = connection->state != MAIL_MESSAGE ||
		(connection->message_done &&
		 connection->output_sent == connection->output_length);

	if (reply->status < 400)
	{
		lose_connection(connection,
						"the server's reply is not one to this command");
		return;
	}
	end_exchange(connection, MAIL_REFUSED, stage, reply->text);
	if (sent)
		mail_ended(connection, connection->state != MAIL_MESSAGE);
	else
		connection->doomed = true; /* in the middle of the message */
}

/*
 * A mail has ended: the connection is kept, if it is not used up.
 */
static void
mail_ended(MailConnection *connection, bool reset)
{
	connection->deadline = monotonic_ms() + CLOSING_MS;
	if (connection->uses >= KEEP_USES)
		send_command(connection, MAIL_QUIT, "QUIT");
	else if (reset)
		send_command(connection, MAIL_RESET, "RSET");
	else
		keep_connection(connection);
}

/*
 * Keep a connection for the next mail, unless there are enough.
 */
static void
keep_connection(MailConnection *connection)
{
	const MailConnection *other;
	int idle = 0;

	for (other = connection->client->connections; other != NULL;
		 other = other->next)
		idle += other->state == MAIL_IDLE;
	connection->state = MAIL_IDLE;
	connection->deadline = monotonic_ms() + KEEP_MS;
	if (idle >= KEEP_MAX)
	{
		connection->deadline = monotonic_ms() + CLOSING_MS;
		send_command(connection, MAIL_QUIT, "QUIT");
	}
}

/*
 * A connection has failed.  If it was kept, and this mail has not got anywhere,
 * a new one may do better.
 */
static void
lose_connection(MailConnection *connection, const char *why)
{
	MailExchange *exchange = connection->exchange;

	connection->doomed = true;
	if (exchange == NULL)
		return;
	exchange->result.status = 0;
	if (!connection->kept)
	{
		end_exchange(connection, MAIL_UNREACHABLE, NULL, why);
		return;
	}
	connection->exchange = NULL;
	exchange->again = true;
	if (!mail_client_carry(connection->client, exchange))
	{
		exchange->result.outcome = MAIL_NO_MEMORY;
		mail_client_add_done(connection->client, exchange);
	}
}

/*
 * Watch a connection's socket for these events.
 */
static void
watch(MailConnection *connection, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = connection};
	int operation = connection->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

	if (events == connection->events)
		return;
	/* A connection whose socket is lost times out. */
	if (epoll_ctl(connection->client->epoll, operation, connection->fd,
				  &event) == 0)
		connection->events = events;
}

/*
 * A mail has its result.
 */
static void
end_exchange(MailConnection *connection, MailOutcome outcome, const char *stage,
			 const char *reason)
{
	MailExchange *exchange = connection->exchange;

	connection->exchange = NULL;
	exchange->result.outcome = outcome;
	exchange->result.stage = stage;
	snprintf(exchange->result.reason, MAIL_REASON_SIZE, "%s", reason);
	mail_client_add_done(connection->client, exchange);
}
