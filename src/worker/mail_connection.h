/*
 * mail_connection.h
 *		What mail_client.c and mail_connection.c share; no PostgreSQL.
 */
#ifndef HITL_MAIL_CONNECTION_H
#define HITL_MAIL_CONNECTION_H

#include "worker/mail_client.h"
#include "worker/transfer.h"

/* Lines of replies; the standard has 512 bytes. */
#define MAX_REPLY_LINE 4096

/* What is handed to libcurl at once. */
#define OUTPUT_SIZE 16384

typedef enum MailState
{
	MAIL_CONNECTING, /* libcurl is at it */
	MAIL_IDLE,
	MAIL_SENDER, /* the reply to this command is awaited, or to that */
	MAIL_RECIPIENT,
	MAIL_DATA,
	MAIL_MESSAGE, /* is being sent, or its reply is awaited */
	MAIL_RESET,
	MAIL_QUIT
} MailState;

/* A mail on its way, and its result. */
typedef struct MailExchange
{
	MailResult result; /* first: it is what the caller sees */
	MailRequest request;
	int64_t deadline;		   /* ms */
	bool again;				   /* it has failed on a kept connection */
	struct MailExchange *next; /* in the list of those done */
} MailExchange;

/* A reply under construction. */
typedef struct MailReply
{
	char line[MAX_REPLY_LINE];
	size_t length;
	int lines;
	int status; /* of the lines so far */
	bool whole;
	char text[MAIL_REASON_SIZE]; /* of all lines */
} MailReply;

typedef struct MailConnection
{
	Transfer transfer; /* first: it is what libcurl sees */
	MailClient *client;
	MailState state;
	MailExchange *exchange; /* or NULL */
	char *key;				/* what mails it can be used for; has secrets */
	curl_socket_t fd;
	uint32_t events;  /* that are watched */
	int64_t deadline; /* of a state without an exchange, ms */
	int uses;
	bool kept; /* the mail under way is not its first */
	bool doomed;
	MailReply reply;

	char output[OUTPUT_SIZE];
	size_t output_length;
	size_t output_sent;
	size_t position; /* in the message */
	bool line_begins;
	bool message_done; /* all of it is in output, or sent */

	struct MailConnection *next;
} MailConnection;

struct MailClient
{
	TransferLoop *loop;
	int epoll;
	MailConnection *connections;
	MailExchange *done; /* oldest first */
	MailExchange **done_end;
};

/* ---- mail_client.c -------------------------------------------------- */

/* Give a mail a connection; false when memory is exhausted. */
extern bool mail_client_carry(MailClient *client, MailExchange *exchange);

/* Add a mail to those that have their result. */
extern void mail_client_add_done(MailClient *client, MailExchange *exchange);

/* ---- mail_connection.c ---------------------------------------------- */

/*
 * Open a connection for a mail; it takes the key, which is malloc's.  False
 * (and the mail is as it was) when memory is exhausted.
 */
extern bool mail_connection_open(MailClient *client, MailExchange *exchange,
								 char *key);

/* Send the mail that it has been given. */
extern void mail_connection_begin(MailConnection *connection);

/* Go on with what its socket has. */
extern void mail_connection_handle(MailConnection *connection);

/* When it has to have got on, in ms of monotonic_ms; and that time is over. */
extern int64_t mail_connection_deadline(const MailConnection *connection);
extern void mail_connection_expire(MailConnection *connection);

/* Close it. */
extern void mail_connection_free(MailConnection *connection);

#endif /* HITL_MAIL_CONNECTION_H */
