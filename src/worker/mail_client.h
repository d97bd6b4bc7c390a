/*
 * mail_client.h
 *		Many mails at once, to many mail servers; no PostgreSQL.
 *
 * The client never blocks and never calls back: the caller starts mails,
 * drives the loop (transfer.h) and the client, and takes the results.  All
 * memory is malloc's.
 */
#ifndef HITL_MAIL_CLIENT_H
#define HITL_MAIL_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAIL_REASON_SIZE 512

struct TransferLoop;
typedef struct MailClient MailClient;

/* All of it must live until the result is released. */
typedef struct MailRequest
{
	const char *url; /* smtp:// or smtps:// */
	int port;
	bool clear;			  /* no TLS; of smtp:// only */
	const char *user;	  /* or NULL */
	const char *password; /* or NULL */
	const char *sender;	  /* addresses: ASCII without blanks or brackets */
	const char *recipient;
	const char *message; /* lines end in CRLF, the last one too */
	size_t length;
	long timeout_ms;
	const char *ca_file; /* certificates to trust; NULL: the system's */
	bool any_address;	 /* do not ask the address guard */
	void *owner;		 /* given back with the result */
} MailRequest;

typedef enum MailOutcome
{
	MAIL_ACCEPTED = 0, /* reason: what the server says */
	MAIL_REFUSED,	   /* with status, at stage; reason: what it says */
	MAIL_LOGIN_FAILED, /* the same, of user and password; status may be 0 */
	MAIL_TIMED_OUT,
	MAIL_UNREACHABLE,	  /* resolution, connection, TLS or transfer failed,
						   * or the answer is not SMTP */
	MAIL_ADDRESS_REFUSED, /* by the address guard; reason: the address */
	MAIL_INVALID,		  /* the request itself */
	MAIL_NO_MEMORY
} MailOutcome;

typedef struct MailResult
{
	void *owner;
	MailOutcome outcome;
	int status;		   /* of the last reply; 0: none */
	const char *stage; /* what was refused: "the sender", say */
	char reason[MAIL_REASON_SIZE];
} MailResult;

/* NULL on failure. */
extern MailClient *mail_client_create(struct TransferLoop *loop);

/*
 * Start a mail; every one that was started ends in exactly one result.  False
 * (and none started) when memory is exhausted.
 */
extern bool mail_client_start(MailClient *client, const MailRequest *request);

/* Do what can be done without waiting; drive the loop before. */
extern void mail_client_drive(MailClient *client);

/* How long to wait for the loop's descriptor at most, in ms; -1: for ever. */
extern long mail_client_timeout(const MailClient *client);

/* The next result, or NULL; release it after use. */
extern MailResult *mail_client_take(MailClient *client);
extern void mail_client_release(MailClient *client, MailResult *result);

#endif /* HITL_MAIL_CLIENT_H */
