/*
 * gateway_clients.h
 *		What the addresses do that the gateway serves.  Without PostgreSQL.
 */
#ifndef HITL_GATEWAY_CLIENTS_H
#define HITL_GATEWAY_CLIENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "worker/gateway_http.h"

typedef struct HitlPeer
{
	HitlAddress network;
	int connections;
	float tokens;	   /* requests that it has left */
	int64_t filled_at; /* ms */
	int64_t used_at;   /* 0: free */
} HitlPeer;

/* The entry of an address; NULL if all that it could have are in use. */
extern HitlPeer *hitl_find_peer(const HitlAddress *address, int64_t now_ms,
								int rate);

/* May it make another request now?  Counts it. */
extern bool hitl_take_token(HitlPeer *peer, int64_t now_ms, int rate);

#endif /* HITL_GATEWAY_CLIENTS_H */
