/*
 * gateway_http.h
 *		What the gateway reads of a request by itself: addresses, networks,
 *		paths, queries; and what headers are like.  Without PostgreSQL.
 */
#ifndef HITL_GATEWAY_HTTP_H
#define HITL_GATEWAY_HTTP_H

#include <stdbool.h>
#include <stddef.h>

struct sockaddr;

/* An address of IPv6, or of IPv4 as ::ffff:a.b.c.d. */
typedef struct HitlAddress
{
	unsigned char bytes[16];
} HitlAddress;

#define HITL_ADDRESS_TEXT 46 /* as INET6_ADDRSTRLEN */

#define HITL_MAX_NETWORKS 64

typedef struct HitlNetworks
{
	int count;
	struct
	{
		HitlAddress address;
		int bits;
	} items[HITL_MAX_NETWORKS];
} HitlNetworks;

/* False for what is no address; of other families than IP, the loopback. */
extern bool hitl_parse_address(const char *text, size_t length,
							   HitlAddress *address);
extern void hitl_socket_address(const struct sockaddr *socket_address,
								HitlAddress *address);
extern void hitl_address_text(const HitlAddress *address, char *text);

/* What counts as one client: an address of IPv4, a /64 of IPv6. */
extern HitlAddress hitl_client_network(const HitlAddress *address);

/*
 * A list of addresses and CIDRs.  Returns NULL, or the place of the first that
 * is neither (or one too many).
 */
extern const char *hitl_parse_networks(const char *list,
									   HitlNetworks *networks);
extern const char *hitl_networks_fault(const char *list);
extern bool hitl_in_networks(const HitlNetworks *networks,
							 const HitlAddress *address);

/*
 * Whom X-Forwarded-For names: the last one that is no trusted proxy; the peer
 * if there is none.
 */
extern HitlAddress hitl_forwarded_client(const char *forwarded,
										 const HitlNetworks *trusted,
										 HitlAddress peer);

/*
 * Decodes %XX, and + to a blank in a query.  Writes no more than length bytes;
 * returns how many, or -1 for what is malformed: a bad escape, NUL, text that
 * is not UTF-8.
 */
extern int hitl_decode_percent(const char *text, size_t length, char *decoded,
							   bool is_query);

extern bool hitl_is_utf8(const char *text, size_t length); /* and has no NUL */

/* Is it the name of a header (a token of RFC 9110)? */
extern bool hitl_is_token(const char *text);

/* Can it be the value of a header? */
extern bool hitl_is_header_value(const char *text);

/* The path and the query of a target; false if it has no path, or blanks. */
extern bool hitl_split_target(const char *target, const char **path,
							  size_t *path_length, const char **query);

#endif /* HITL_GATEWAY_HTTP_H */
