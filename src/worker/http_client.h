/*
 * http_client.h
 *		Many HTTP requests at once, driven by libcurl; no PostgreSQL.
 *
 * The client never blocks and never calls back: the caller starts requests,
 * drives the loop (transfer.h) and takes the results.  All memory is malloc's.
 */
#ifndef HITL_HTTP_CLIENT_H
#define HITL_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_REASON_SIZE 512

struct TransferLoop;
typedef struct HttpClient HttpClient;

typedef struct HttpRequest
{
	const char *method;
	const char *url;
	const char *const *headers; /* "Name: value", NULL at the end */
	const char *body;			/* NULL: none; must live until the result is
								 * released */
	size_t body_length;
	long timeout_ms;
	size_t max_response;  /* a longer body ends the request */
	size_t keep_response; /* bytes of the body that are kept */
	bool keep_headers;	  /* and the header lines of the response */
	const char *ca_file;  /* certificates to trust; NULL: the
									   * system's */
	bool any_address;	  /* do not ask the address guard */
	void *owner;		  /* given back with the result */
} HttpRequest;

typedef enum HttpOutcome
{
	HTTP_ANSWERED = 0, /* status and body are there */
	HTTP_TOO_LARGE,	   /* status is there, the body is cut */
	HTTP_TIMED_OUT,
	HTTP_UNREACHABLE,	  /* resolution, connection, TLS or transfer
								 * failed, or the answer is not HTTP */
	HTTP_ADDRESS_REFUSED, /* by the address guard; reason: the address */
	HTTP_INVALID,		  /* the request itself */
	HTTP_NO_MEMORY
} HttpOutcome;

typedef struct HttpResult
{
	void *owner;
	HttpOutcome outcome;
	int status; /* 0: none */
	int begun;	/* status of an answer that did not come whole; 0: none */
	char *body; /* NUL-terminated, or NULL if empty */
	size_t body_length;
	char *headers;		 /* lines that end in a line feed, or NULL */
	int64_t retry_after; /* s from now, as the server asks; -1: does not */
	char reason[HTTP_REASON_SIZE]; /* why it failed, or "" */
} HttpResult;

/* NULL on failure. */
extern HttpClient *http_client_create(struct TransferLoop *loop,
									  const char *user_agent);

/*
 * Start a request; every request started ends in exactly one result.  False
 * (and none started) when memory is exhausted.
 */
extern bool http_client_start(HttpClient *client, const HttpRequest *request);

/* Are there results to take? */
extern bool http_client_has_results(const HttpClient *client);

/* The next result, or NULL; release it after use. */
extern HttpResult *http_client_take(HttpClient *client);
extern void http_client_release(HttpClient *client, HttpResult *result);

#endif /* HITL_HTTP_CLIENT_H */
