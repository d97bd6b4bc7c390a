/*
 * fuzz_gateway.c
 *		Any text as what the gateway reads by itself: a target, a query, networks,
 *		X-Forwarded-For, the name and the value of a header.
 */
#include "fuzz.h"

#include "worker/gateway_clients.h"
#include "worker/gateway_http.h"

static void target(const char *text);
static void networks(const char *text);
static void peers(const char *text, size_t length);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	char *decoded = malloc(size ? size : 1);
	int length;
	int query;

	memcpy(text, data, size);
	text[size] = '\0';

	/* The bytes as they are, also with NUL. */
	length = hitl_decode_percent(text, size, decoded, false);
	MUST(length >= -1 && length <= (int) size);
	MUST(length < 0 || hitl_is_utf8(decoded, length));
	MUST(length < 0 || memchr(decoded, '\0', length) == NULL);
	query = hitl_decode_percent(text, size, decoded, true);
	MUST(query == length);

	target(text);
	networks(text);
	peers(text, size);
	if (hitl_is_token(text))
		MUST(hitl_is_header_value(text) && strpbrk(text, " \t:\r\n") == NULL);
	if (hitl_is_header_value(text))
		MUST(strpbrk(text, "\r\n") == NULL);
	free(text);
	free(decoded);
	return 0;
}

/*
 * What a target consists of lies in it, in this order.
 */
static void
target(const char *text)
{
	const char *path;
	const char *query;
	size_t length;

	if (!hitl_split_target(text, &path, &length, &query))
		return;
	MUST(path >= text && *path == '/' && length >= 1);
	MUST(query >= path + length && query <= text + strlen(text));
	MUST(memchr(path, '?', length) == NULL &&
		 memchr(path, '#', length) == NULL);
}

/*
 * A network has its own address in it; an address as text is the same.
 */
static void
networks(const char *text)
{
	HitlNetworks found;
	HitlAddress peer = {{0}};
	HitlAddress client;
	HitlAddress again;
	char written[HITL_ADDRESS_TEXT];
	const char *fault = hitl_parse_networks(text, &found);
	int i;

	MUST(fault == NULL || (fault >= text && fault < text + strlen(text)));
	MUST((fault == NULL) == (hitl_networks_fault(text) == NULL));
	MUST(found.count <= HITL_MAX_NETWORKS);
	for (i = 0; i < found.count; i++)
	{
		MUST(found.items[i].bits >= 0 && found.items[i].bits <= 128);
		MUST(hitl_in_networks(&found, &found.items[i].address));
	}
	client = hitl_forwarded_client(text, &found, peer);
	hitl_address_text(&client, written);
	MUST(hitl_parse_address(written, strlen(written), &again));
	MUST(memcmp(&client, &again, sizeof(client)) == 0);
}

/*
 * No address gets more than its rate, whatever the clock says.
 */
static void
peers(const char *text, size_t length)
{
	static int64_t now = 1;
	int taken = 0;
	size_t i;

	for (i = 0; i < length && i < 64; i++)
	{
		HitlAddress address = {{0}};
		HitlPeer *peer;

		address.bytes[0] = text[i] & 3;
		now += (signed char) text[i] > 0 ? text[i] : 0;
		peer = hitl_find_peer(&address, now, 10);
		MUST(peer != NULL);
		taken += hitl_take_token(peer, now - (text[i] & 1), 10);
		MUST(peer->tokens >= 0 && peer->tokens <= 20);
	}
	MUST(taken <= 64);
}
