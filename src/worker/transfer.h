/*
 * transfer.h
 *		libcurl's multi interface behind one epoll descriptor; no PostgreSQL.
 *
 * What the clients for HTTP and for mail have in common: the event loop, and
 * which addresses may be reached.  All memory is malloc's.
 */
#ifndef HITL_TRANSFER_H
#define HITL_TRANSFER_H

#include <curl/curl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct TransferLoop TransferLoop;

/* What libcurl does for one request or connection. */
typedef struct Transfer
{
	CURL *easy;
	void (*ended)(struct Transfer *transfer, CURLcode code);
	bool any_address;				/* do not ask the address guard */
	int sockets;					/* opened for it */
	char refused[INET6_ADDRSTRLEN]; /* by the address guard, or "" */
	char error[CURL_ERROR_SIZE];
} Transfer;

/* NULL on failure. */
extern TransferLoop *transfer_loop_create(void);

/* Keep up to this many idle connections. */
extern void transfer_loop_keep_connections(TransferLoop *loop,
										   long connections);

/* Becomes readable when the loop, or a descriptor added to it, has work. */
extern int transfer_loop_descriptor(const TransferLoop *loop);
extern bool transfer_loop_add(TransferLoop *loop, int descriptor);

/* How long to wait for that at most, in ms; -1: for ever. */
extern long transfer_loop_timeout(const TransferLoop *loop);

/* Let libcurl do what can be done, and tell of what has ended. */
extern void transfer_loop_drive(TransferLoop *loop);

/*
 * Give a transfer a handle with the options that all share; false when memory
 * is exhausted.  Its other members are the caller's to set, before.
 */
extern bool transfer_prepare(TransferLoop *loop, Transfer *transfer,
							 long timeout_ms, long connect_ms,
							 const char *ca_file);
extern CURLMcode transfer_begin(TransferLoop *loop, Transfer *transfer);

/* Take it out of the loop, once it has ended; and give its handle back. */
extern void transfer_remove(TransferLoop *loop, Transfer *transfer);
extern void transfer_release(TransferLoop *loop, Transfer *transfer);

/* Was its failure that of the address guard? */
extern bool transfer_was_refused(const Transfer *transfer, CURLcode code);

/* Set an option of a handle, if all before it could be (CURLcode code). */
#define SET_OPTION(code, easy, option, value) \
	do \
	{ \
		if ((code) == CURLE_OK) \
			(code) = curl_easy_setopt(easy, option, value); \
	} while (0)

/* Keep all signals from this thread and those it starts; let them in again. */
extern void block_signals(sigset_t *before);
extern void restore_signals(const sigset_t *before);

#endif /* HITL_TRANSFER_H */
