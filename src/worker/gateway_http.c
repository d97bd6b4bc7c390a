/*
 * gateway_http.c
 *		What the gateway reads of a request by itself: addresses, networks,
 *		paths, queries.  Without PostgreSQL.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "worker/gateway_http.h"

static const unsigned char mapped_prefix[12] = {0, 0, 0, 0, 0,	  0,
												0, 0, 0, 0, 0xff, 0xff};

static bool is_ipv4(const HitlAddress *address);
static const char *skip_separators(const char *list);
static bool parse_network(const char *text, size_t length, HitlAddress *address,
						  int *bits);
static bool parse_node(const char *text, size_t length, HitlAddress *address);
static bool is_port(const char *text, const char *end);
static int hex_digit(char c);

/*
 * An address as text.
 */
bool
hitl_parse_address(const char *text, size_t length, HitlAddress *address)
{
	char copy[HITL_ADDRESS_TEXT];

	if (length == 0 || length >= sizeof(copy))
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	if (inet_pton(AF_INET6, copy, address->bytes) == 1)
		return true;
	memcpy(address->bytes, mapped_prefix, sizeof(mapped_prefix));
	return inet_pton(AF_INET, copy, address->bytes + 12) == 1;
}

/*
 * The address of the other end of a connection.
 */
void
hitl_socket_address(const struct sockaddr *socket_address, HitlAddress *address)
{
	memset(address, 0, sizeof(*address));
	address->bytes[15] = 1;
	if (socket_address->sa_family == AF_INET6)
		memcpy(address->bytes,
			   &((const struct sockaddr_in6 *) socket_address)->sin6_addr, 16);
	else if (socket_address->sa_family == AF_INET)
	{
		memcpy(address->bytes, mapped_prefix, sizeof(mapped_prefix));
		memcpy(address->bytes + 12,
			   &((const struct sockaddr_in *) socket_address)->sin_addr, 4);
	}
}

/*
 * An address for people to read; text has HITL_ADDRESS_TEXT bytes.
 */
void
hitl_address_text(const HitlAddress *address, char *text)
{
	const char *done;

	if (is_ipv4(address))
		done = inet_ntop(AF_INET, address->bytes + 12, text, HITL_ADDRESS_TEXT);
	else
		done = inet_ntop(AF_INET6, address->bytes, text, HITL_ADDRESS_TEXT);
	if (done == NULL)
		text[0] = '\0';
}

/*
 * Whoever has an address of IPv6 has 2^64 of them.
 */
HitlAddress
hitl_client_network(const HitlAddress *address)
{
	HitlAddress network = *address;

	if (!is_ipv4(address))
		memset(network.bytes + 8, 0, 8);
	return network;
}

/*
 * "192.0.2.1, 10.0.0.0/8, fd00::/8"
 */
const char *
hitl_parse_networks(const char *list, HitlNetworks *networks)
{
	networks->count = 0;
	for (list = skip_separators(list); *list; list = skip_separators(list))
	{
		size_t length = strcspn(list, ", \t\r\n");

		if (networks->count == HITL_MAX_NETWORKS ||
			!parse_network(list, length,
						   &networks->items[networks->count].address,
						   &networks->items[networks->count].bits))
			return list;
		networks->count++;
		list += length;
	}
	return NULL;
}

/*
 * Only look.
 */
const char *
hitl_networks_fault(const char *list)
{
	HitlNetworks networks;

	return hitl_parse_networks(list, &networks);
}

/*
 * Is an address in one of them?
 */
bool
hitl_in_networks(const HitlNetworks *networks, const HitlAddress *address)
{
	int i;

	for (i = 0; i < networks->count; i++)
	{
		const unsigned char *network = networks->items[i].address.bytes;
		int bits = networks->items[i].bits;
		int whole = bits / 8;
		int mask = bits % 8 ? 0xff << (8 - bits % 8) & 0xff : 0;

		if (memcmp(network, address->bytes, whole) == 0 &&
			(mask == 0 ||
			 ((network[whole] ^ address->bytes[whole]) & mask) == 0))
			return true;
	}
	return false;
}

/*
 * From the last to the first, as the proxies have added them.  What is before
 * the first that is not trusted, anybody may have written.
 */
HitlAddress
hitl_forwarded_client(const char *forwarded, const HitlNetworks *trusted,
					  HitlAddress peer)
{
	const char *end = forwarded + strlen(forwarded);
	HitlAddress client = peer;

	while (end > forwarded)
	{
		const char *start;
		HitlAddress address;

		while (end > forwarded && strchr(", \t", end[-1]))
			end--;
		for (start = end; start > forwarded && !strchr(", \t", start[-1]);)
			start--;
		if (!parse_node(start, end - start, &address))
			break;
		client = address;
		if (!hitl_in_networks(trusted, &address))
			break;
		end = start;
	}
	return client;
}

/*
 * An address, with which some proxies write a port: 192.0.2.1:443, [2001:db8::1]:443.
 */
static bool
parse_node(const char *text, size_t length, HitlAddress *address)
{
	const char *const whole_end = text + length;
	const char *end = whole_end;
	const char *colon = memchr(text, ':', length);
	const char *port = NULL;

	if (length > 0 && *text == '[')
	{
		const char *bracket = memchr(text, ']', length);

		if (bracket == NULL || (bracket + 1 < end && bracket[1] != ':'))
			return false;
		port = bracket + 1 < end ? bracket + 2 : NULL;
		text++;
		end = bracket;
	}
	else if (colon != NULL && memchr(colon + 1, ':', end - colon - 1) == NULL)
	{
		port = colon + 1;
		end = colon;
	}
	return hitl_parse_address(text, end - text, address) &&
		(port == NULL || is_port(port, whole_end));
}

/*
 * Digits, as many as a port has.
 */
static bool
is_port(const char *text, const char *end)
{
	size_t digits = 0;

	while (text + digits < end && text[digits] >= '0' && text[digits] <= '9')
		digits++;
	return digits >= 1 && digits <= 5 && text + digits == end;
}

/*
 * Percent-decoding.
 */
int
hitl_decode_percent(const char *text, size_t length, char *decoded,
					bool is_query)
{
	size_t i;
	size_t n = 0;

	for (i = 0; i < length; i++)
	{
		char c = text[i];

		if (c == '%')
		{
			int high = i + 1 < length ? hex_digit(text[i + 1]) : -1;
			int low = i + 2 < length ? hex_digit(text[i + 2]) : -1;

			if (high < 0 || low < 0)
				return -1;
			c = high * 16 + low;
			i += 2;
		}
		else if (c == '+' && is_query)
			c = ' ';
		decoded[n++] = c;
	}
	return hitl_is_utf8(decoded, n) ? (int) n : -1;
}

/*
 * UTF-8 as RFC 3629 has it: no surrogates, nothing overlong, nothing beyond
 * U+10FFFF; and no NUL, which no text of the database can have.
 */
bool
hitl_is_utf8(const char *text, size_t length)
{
	const unsigned char *p = (const unsigned char *) text;
	const unsigned char *end = p + length;

	while (p < end)
	{
		int more;
		int i;

		if (*p == 0)
			return false;
		if (*p < 0x80)
		{
			p++;
			continue;
		}
		if (*p < 0xc2 || *p > 0xf4)
			return false;
		more = *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : 3;
		if (end - p <= more)
			return false;
		for (i = 1; i <= more; i++)
			if ((p[i] & 0xc0) != 0x80)
				return false;
		if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
			(p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
			return false;
		p += more + 1;
	}
	return true;
}

/*
 * A token: letters, digits and some signs.
 */
bool
hitl_is_token(const char *text)
{
	static const char tchar[] =
		"!#$%&'*+-.^_`|~0123456789"
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

	return *text != '\0' && text[strspn(text, tchar)] == '\0';
}

/*
 * No control characters but tabs.
 */
bool
hitl_is_header_value(const char *text)
{
	for (; *text; text++)
		if (((unsigned char) *text < 0x20 && *text != '\t') || *text == 0x7f)
			return false;
	return true;
}

/*
 * "/path?query", or the same behind a scheme and a host, as a proxy is asked.
 */
bool
hitl_split_target(const char *target, const char **path, size_t *path_length,
				  const char **query)
{
	const char *p;

	for (p = target; *p; p++)
		if ((unsigned char) *p <= ' ' || *p == 0x7f)
			return false;
	if (*target != '/')
	{
		size_t scheme = strncasecmp(target, "http://", 7) == 0 ? 7
			: strncasecmp(target, "https://", 8) == 0		   ? 8
															   : 0;

		if (scheme == 0)
			return false;
		target += scheme;
		target += strcspn(target, "/?");
		if (*target != '/')
			return false;
	}
	*path = target;
	*path_length = strcspn(target, "?#");
	*query = target + *path_length;
	*query += **query == '?';
	return true;
}

/* ---- local ----------------------------------------------------------- */

/*
 * Is it an address of IPv4?
 */
static bool
is_ipv4(const HitlAddress *address)
{
	return memcmp(address->bytes, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

/*
 * To the next of a list.
 */
static const char *
skip_separators(const char *list)
{
	return list + strspn(list, ", \t\r\n");
}

/*
 * An address, or the first bits of one.
 */
static bool
parse_network(const char *text, size_t length, HitlAddress *address, int *bits)
{
	const char *slash = memchr(text, '/', length);
	size_t address_length = slash ? (size_t) (slash - text) : length;
	int own_bits;
	long given;

	if (!hitl_parse_address(text, address_length, address))
		return false;
	own_bits = memchr(text, ':', address_length) ? 128 : 32;
	given = own_bits;
	if (slash)
	{
		char *end;

		if (slash[1] < '0' || slash[1] > '9')
			return false;
		given = strtol(slash + 1, &end, 10);
		if (end != text + length || given > own_bits)
			return false;
	}
	*bits = 128 - own_bits + (int) given;
	return true;
}

/*
 * The value of a hexadecimal digit, -1 for anything else.
 */
static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}
