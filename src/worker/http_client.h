/*
 * http_client.h
 *		Many HTTP requests at once, driven by libcurl; no PostgreSQL.
 *
 * The client never blocks and never calls back: the caller starts requests,
 * waits for the descriptor or the time-out, drives the client and takes the
 * results.  All memory is malloc's.
 */
#ifndef HITL_HTTP_CLIENT_H
#define HITL_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_REASON_SIZE 512
#define HTTP_HOST_SIZE	 256

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
	char *body; /* NUL-terminated, or NULL if empty */
	size_t body_length;
	char *headers;		 /* lines that end in a line feed, or NULL */
	int64_t retry_after; /* s from now, as the server asks; -1: does not */
	char reason[HTTP_REASON_SIZE]; /* why it failed, or "" */
} HttpResult;

/* NULL on failure. */
extern HttpClient *http_client_create(const char *user_agent);

/* Keep up to this many idle connections. */
extern void http_client_keep_connections(HttpClient *client, long connections);

/* Becomes readable when the client should be driven. */
extern int http_client_descriptor(const HttpClient *client);

/* How long to wait for that at most, in ms; -1: for ever. */
extern long http_client_timeout(const HttpClient *client);

/*
 * Start a request; every request started ends in exactly one result.  False
 * (and none started) when memory is exhausted.
 */
extern bool http_client_start(HttpClient *client, const HttpRequest *request);

/* Do what can be done without waiting. */
extern void http_client_drive(HttpClient *client);

/* The next result, or NULL; release it after use. */
extern HttpResult *http_client_take(HttpClient *client);
extern void http_client_release(HttpClient *client, HttpResult *result);

/*
 * Check a URL: http or https, with a host and without credentials.  Returns
 * what is wrong with it, or NULL and its host, its port and whether it is
 * https.
 */
extern const char *http_url_fault(const char *url, char host[HTTP_HOST_SIZE],
								  int *port, bool *secure);

#endif /* HITL_HTTP_CLIENT_H */
