/*
 * gateway_server.h
 *		What gateway_server.c and gateway_request.c share: connections.
 */
#ifndef HITL_GATEWAY_SERVER_H
#define HITL_GATEWAY_SERVER_H

#include "postgres.h"

#include <microhttpd.h>

#include "lib/ilist.h"

#include "worker/gateway.h"
#include "worker/gateway_clients.h"

/* Memory of a connection beyond that for the head of its request. */
#define HITL_ANSWER_HEAD (8 * 1024)

typedef enum HitlPhase
{
	PHASE_HEAD,	  /* it is to send a request */
	PHASE_BODY,	  /* ... the rest of it */
	PHASE_ANSWER, /* it is to read the answer */
	PHASE_STREAM  /* it follows events */
} HitlPhase;

/* A connection. */
typedef struct HitlClient
{
	dlist_node node; /* in clients, by since: the longest first */
	int descriptor;
	HitlAddress address;
	HitlPeer *peer; /* or NULL */
	bool is_proxy;
	bool doomed; /* shut down */
	HitlPhase phase;
	int64 deadline; /* ms; 0: none */
} HitlClient;


/* ---- gateway_server.c ------------------------------------------------- */

extern HitlNetworks hitl_proxies; /* trusted */
extern void hitl_note_progress(void);
extern void hitl_enter_phase(HitlClient *client, HitlPhase phase, int64 ms);

/* ---- gateway_request.c: callbacks of libmicrohttpd -------------------- */

extern void hitl_requests_init(void);
extern void *hitl_on_target(void *cls, const char *target,
							struct MHD_Connection *connection);
extern enum MHD_Result hitl_on_request(void *cls,
									   struct MHD_Connection *connection,
									   const char *url, const char *method,
									   const char *version, const char *data,
									   size_t *size, void **context);
extern void hitl_on_completed(void *cls, struct MHD_Connection *connection,
							  void **context,
							  enum MHD_RequestTerminationCode code);

#endif /* HITL_GATEWAY_SERVER_H */
