/*
 * address_guard.c
 *		Which addresses a request to the outside may reach.
 *
 * URLs come from users, the server often stands inside a trusted network.
 * What is checked is the address itself, after resolution, just before a
 * socket is opened to it, so no name and no notation can hide it.  Addresses
 * that carry an IPv4 address (mapped, 6to4, NAT64, ...) are as public as that
 * one is.
 *
 * Nothing here needs PostgreSQL or allocates memory: it runs inside libcurl's
 * callbacks.
 */
#include "worker/address_guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

static bool ipv4_is_public(uint32_t address);
static bool ipv6_is_public(const uint8_t *address);
static bool cut_port(const char *entry, size_t *length, int port);

/* The special-purpose blocks of IPv4 (IANA's registry, and class D and E). */
static const struct
{
	uint32_t network;
	int bits;
} reserved_ipv4[] = {
	{0x00000000, 8},  /* 0.0.0.0/8, this host */
	{0x0A000000, 8},  /* 10.0.0.0/8, private */
	{0x64400000, 10}, /* 100.64.0.0/10, carrier-grade NAT */
	{0x7F000000, 8},  /* 127.0.0.0/8, loopback */
	{0xA9FE0000, 16}, /* 169.254.0.0/16, link-local */
	{0xAC100000, 12}, /* 172.16.0.0/12, private */
	{0xC0000000, 24}, /* 192.0.0.0/24, protocol assignments */
	{0xC0000200, 24}, /* 192.0.2.0/24, documentation */
	{0xC0586300, 24}, /* 192.88.99.0/24, 6to4 relays */
	{0xC0A80000, 16}, /* 192.168.0.0/16, private */
	{0xC6120000, 15}, /* 198.18.0.0/15, benchmarks */
	{0xC6336400, 24}, /* 198.51.100.0/24, documentation */
	{0xCB007100, 24}, /* 203.0.113.0/24, documentation */
	{0xE0000000, 4},  /* 224.0.0.0/4, multicast */
	{0xF0000000, 4},  /* 240.0.0.0/4, reserved and broadcast */
};

/*
 * Is this an address of the public Internet?  Families other than IPv4 and
 * IPv6 are not.
 */
bool
address_is_public(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
	{
		struct sockaddr_in ipv4;

		memcpy(&ipv4, address, sizeof(ipv4));
		return ipv4_is_public(ntohl(ipv4.sin_addr.s_addr));
	}
	if (address->sa_family == AF_INET6)
	{
		struct sockaddr_in6 ipv6;

		memcpy(&ipv6, address, sizeof(ipv6));
		return ipv6_is_public(ipv6.sin6_addr.s6_addr);
	}
	return false;
}

/*
 * The same for the text form, as libcurl reports a connection's peer.
 */
bool
address_text_is_public(const char *text)
{
	struct in_addr ipv4;
	struct in6_addr ipv6;

	if (inet_pton(AF_INET, text, &ipv4) == 1)
		return ipv4_is_public(ntohl(ipv4.s_addr));
	if (inet_pton(AF_INET6, text, &ipv6) == 1)
		return ipv6_is_public(ipv6.s6_addr);
	return false;
}

/*
 * Is a URL's host one of a comma-separated list?  Case, the brackets of an
 * IPv6 address, a final dot and blanks around an entry do not count.  An entry
 * with a port ("host:port", "[address]:port") stands for that port only.
 */
bool
host_is_listed(const char *host, int port, const char *list)
{
	size_t length = strlen(host);

	if (length > 1 && host[0] == '[' && host[length - 1] == ']')
	{
		host++;
		length -= 2;
	}
	if (length > 1 && host[length - 1] == '.')
		length--;
	if (length == 0 || list == NULL)
		return false;

	while (*list != '\0')
	{
		size_t entry;
		const char *end;

		list += strspn(list, " \t\r\n,");
		entry = strcspn(list, ",");
		end = list + entry;
		while (entry > 0 && strchr(" \t\r\n", list[entry - 1]) != NULL)
			entry--;
		if (cut_port(list, &entry, port))
		{
			if (entry > 1 && list[0] == '[' && list[entry - 1] == ']')
			{
				list++;
				entry -= 2;
			}
			if (entry == length && strncasecmp(list, host, length) == 0)
				return true;
		}
		list = end;
	}
	return false;
}

/*
 * Leave the port out of an entry of a list; false if it is another one.  The
 * last colon of several, without brackets, is part of an address.
 */
static bool
cut_port(const char *entry, size_t *length, int port)
{
	size_t digits = 0;
	size_t before;
	long number = 0;
	size_t i;

	while (digits < *length && entry[*length - digits - 1] >= '0' &&
		   entry[*length - digits - 1] <= '9')
		digits++;
	if (digits == 0 || digits == *length || entry[*length - digits - 1] != ':')
		return true;
	before = *length - digits - 1;
	if (before > 0 && entry[before - 1] != ']' &&
		memchr(entry, ':', before) != NULL)
		return true;
	if (digits > 5)
		return false;
	for (i = before + 1; i < *length; i++)
		number = number * 10 + (entry[i] - '0');
	*length = before;
	return number == port;
}

/*
 * Public is what no special-purpose block holds.
 */
static bool
ipv4_is_public(uint32_t address)
{
	size_t i;

	for (i = 0; i < sizeof(reserved_ipv4) / sizeof(reserved_ipv4[0]); i++)
	{
		uint32_t mask = ~(uint32_t) 0 << (32 - reserved_ipv4[i].bits);

		if ((address & mask) == reserved_ipv4[i].network)
			return false;
	}
	return true;
}

/*
 * Public is global unicast (2000::/3) less its special blocks, and what
 * stands for a public IPv4 address.
 */
static bool
ipv6_is_public(const uint8_t *address)
{
	static const uint8_t mapped[12] =
		{[10] = 0xFF, [11] = 0xFF}; /* ::ffff:0:0/96 */
	static const uint8_t translated[12] =
		{[8] = 0xFF, [9] = 0xFF}; /* ::ffff:0:0:0/96 */
	static const uint8_t nat64[12] = {0x00, 0x64, 0xFF,
									  0x9B}; /* 64:ff9b::/96 */
	uint32_t last;
	uint32_t sixtofour;

	memcpy(&last, address + 12, 4);
	last = ntohl(last);
	if (memcmp(address, mapped, 12) == 0 ||
		memcmp(address, translated, 12) == 0 || memcmp(address, nat64, 12) == 0)
		return ipv4_is_public(last);

	if ((address[0] & 0xE0) != 0x20)
		return false; /* loopback, link-local, unique-local, ... */

	if (address[0] == 0x20 && address[1] == 0x02) /* 2002::/16, 6to4 */
	{
		memcpy(&sixtofour, address + 2, 4);
		return ipv4_is_public(ntohl(sixtofour));
	}
	if (address[0] == 0x20 && address[1] == 0x01)
	{
		if ((address[2] & 0xFE) == 0) /* 2001::/23: Teredo, ORCHID, ... */
			return false;
		if (address[2] == 0x0D && address[3] == 0xB8) /* 2001:db8::/32 */
			return false;
	}
	if (address[0] == 0x3F && address[1] == 0xFF && (address[2] & 0xF0) == 0)
		return false; /* 3fff::/20, documentation */
	return true;
}
