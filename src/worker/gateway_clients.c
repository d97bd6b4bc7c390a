/*
 * gateway_clients.c
 *		What the addresses do that the gateway serves.  Without PostgreSQL.
 *
 * A table of fixed size, each address having one of a few places.  One that
 * needs a place takes that of the address which has been quiet for longest and
 * has no connection; it had its tokens back by then, as a rule.
 */
#include <string.h>

#include "worker/gateway_clients.h"

#define SETS   1024
#define PLACES 8

static HitlPeer peers[SETS][PLACES];

static unsigned hash_address(const HitlAddress *network);

/*
 * Find or make the entry.
 */
HitlPeer *
hitl_find_peer(const HitlAddress *address, int64_t now_ms, int rate)
{
	HitlAddress network = hitl_client_network(address);
	HitlPeer *set = peers[hash_address(&network) % SETS];
	HitlPeer *place = NULL;
	int i;

	for (i = 0; i < PLACES; i++)
	{
		if (set[i].used_at != 0 &&
			memcmp(&set[i].network, &network, sizeof(network)) == 0)
			return &set[i];
		if (set[i].connections == 0 &&
			(place == NULL || set[i].used_at < place->used_at))
			place = &set[i];
	}
	if (place == NULL)
		return NULL;
	place->network = network;
	place->connections = 0;
	place->tokens = 2.0f * rate;
	place->filled_at = now_ms;
	place->used_at = now_ms;
	return place;
}

/*
 * A bucket of tokens that fills at the rate, and holds those of two seconds.
 */
bool
hitl_take_token(HitlPeer *peer, int64_t now_ms, int rate)
{
	peer->used_at = now_ms;
	if (now_ms > peer->filled_at)
		peer->tokens += (now_ms - peer->filled_at) * (rate / 1000.0f);
	peer->filled_at = now_ms;
	if (peer->tokens > 2.0f * rate)
		peer->tokens = 2.0f * rate;
	if (peer->tokens < 1.0f)
		return false;
	peer->tokens -= 1.0f;
	return true;
}

/*
 * FNV-1a.
 */
static unsigned
hash_address(const HitlAddress *network)
{
	unsigned hash = 2166136261u;
	int i;

	for (i = 0; i < 16; i++)
		hash = (hash ^ network->bytes[i]) * 16777619u;
	return hash ^ hash >> 15;
}
