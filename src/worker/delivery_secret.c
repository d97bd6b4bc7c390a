/*
 * delivery_secret.c
 *		The secrets of a request: may it have them, where they go, and that
 *		nothing of them stays.
 */
#include "postgres.h"

#include "hitl.h"

#include "lib/stringinfo.h"
#include "utils/timestamp.h"

#include "worker/dispatcher.h"

/* How a header's value speaks of a secret. */
#define PLACEHOLDER		"${secret:"
#define PLACEHOLDER_END '}'
#define MAX_SECRET_NAME 100
#define SECRET_NAME_CHARS \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"

/* A shorter secret could not be told from ordinary text. */
#define MIN_SCRUBBED_LENGTH 4

static void wipe_secret(HitlSecret *secret);

/*
 * Put secrets in the place of "${secret:name}" in a header's value, which is
 * overwritten; NULL if that is impossible, with a verdict.
 */
char *
hitl_fill_placeholders(HitlDelivery *delivery, const char *name, char *value)
{
	StringInfoData filled;
	List *names = NIL;
	char *rest = value;
	char *found;

	if (delivery->purpose == HITL_NOTIFICATION ||
		strstr(value, PLACEHOLDER) == NULL)
		return value;
	if (!hitl_placeholders(value, &names))
	{
		hitl_fail_delivery(
			delivery, "validation_error",
			"header \"%s\" has a malformed placeholder: expected ${secret:name}",
			name);
		return NULL;
	}
	initStringInfo(&filled);
	while ((found = strstr(rest, PLACEHOLDER)) != NULL)
	{
		char *begin = found + strlen(PLACEHOLDER);
		char *end = strchr(begin, PLACEHOLDER_END);
		ListCell *cell;

		appendBinaryStringInfo(&filled, rest, (int) (found - rest));
		*end = '\0';
		foreach(cell, delivery->header_secrets)
		{
			HitlSecret *secret = lfirst(cell);

			if (strcmp(secret->name, begin) != 0)
				continue;
			if (!hitl_check_secret(delivery, secret))
				return NULL;
			/* With room for all, or a copy would be left behind. */
			enlargeStringInfo(&filled,
							  (int) (strlen(secret->value) + strlen(end + 1)));
			appendStringInfoString(&filled, secret->value);
		}
		rest = end + 1;
	}
	appendStringInfoString(&filled, rest);
	return filled.data;
}

/*
 * The names in the placeholders of a header's value.
 */
bool
hitl_placeholders(const char *value, List **names)
{
	const char *found = value;

	while ((found = strstr(found, PLACEHOLDER)) != NULL)
	{
		const char *begin = found + strlen(PLACEHOLDER);
		size_t length = strspn(begin, SECRET_NAME_CHARS);
		ListCell *cell;
		bool known = false;

		if (length == 0 || length > MAX_SECRET_NAME ||
			begin[length] != PLACEHOLDER_END)
			return false;
		foreach(cell, *names)
			known |= strlen(lfirst(cell)) == length &&
				memcmp(lfirst(cell), begin, length) == 0;
		if (!known)
			*names = lappend(*names, pnstrdup(begin, length));
		found = begin + length;
	}
	return true;
}

/*
 * Is a secret set, and may it be sent to where the request goes?  A request
 * whose secret is yet to be set waits for it as long as an attempt may take.
 */
bool
hitl_check_secret(HitlDelivery *delivery, const HitlSecret *secret)
{
	TimestampTz deadline = delivery->created_at +
		delivery->timeout * USECS_PER_SEC;
	ListCell *cell;

	if (secret->value == NULL)
	{
		hitl_fail_delivery(delivery, "authentication_error",
						   "secret \"%s\" is not set; hitl.set_secret sets it",
						   secret->name);
		if (delivery->purpose != HITL_NOTIFICATION &&
			GetCurrentTimestamp() < deadline)
		{
			delivery->status = "queued";
			delivery->missing_secret = secret->name;
			delivery->next_attempt_at = deadline;
		}
		return false;
	}
	if (delivery->purpose != HITL_HTTP)
		return true;
	foreach(cell, secret->allowed_hosts)
		if (hitl_host_matches(lfirst(cell), delivery->host, delivery->port))
			return true;
	hitl_fail_delivery(
		delivery, "permission_error",
		"secret \"%s\" is not allowed for host %s; allowed_hosts of hitl.set_secret names the hosts to which http steps may send it",
		secret->name, delivery->host);
	return false;
}

/*
 * Some servers send back what they got: do not store secrets with it.
 */
void
hitl_scrub_secrets(HitlDelivery *delivery, char *text)
{
	ListCell *cell;

	if (delivery->secret != NULL)
		hitl_scrub_text(delivery->secret->value, text);
	foreach(cell, delivery->header_secrets)
		hitl_scrub_text(((HitlSecret *) lfirst(cell))->value, text);
}

/*
 * One of them, or what is made of one, in a text.
 */
void
hitl_scrub_text(const char *secret, char *text)
{
	size_t length;
	char *found = text;

	if (secret == NULL || (length = strlen(secret)) < MIN_SCRUBBED_LENGTH)
		return;
	while ((found = strstr(found, secret)) != NULL)
	{
		memset(found, '*', length);
		found += length;
	}
}

/*
 * Leave nothing of them in memory.
 */
void
hitl_wipe_secrets(HitlDelivery *delivery)
{
	ListCell *cell;

	wipe_secret(delivery->secret);
	wipe_secret(delivery->signing_secret);
	foreach(cell, delivery->header_secrets)
		wipe_secret(lfirst(cell));
}

/*
 * Wipe one.
 */
static void
wipe_secret(HitlSecret *secret)
{
	if (secret != NULL && secret->value != NULL)
		explicit_bzero(secret->value, strlen(secret->value));
}
