/*
 * delivery_provider.c
 *		Notifications that a provider carries by HTTP: what it wants to have,
 *		and what it says.
 */
#include "postgres.h"

#include "hitl.h"

#include "core_bridge.h"
#include "worker/dispatcher.h"

static bool is_for_now(const char *kind);
static char *header_value(const HttpResult *result, const char *name);

/*
 * Does this provider carry it?
 */
bool
hitl_is_carried_by(const HitlDelivery *delivery, const char *provider)
{
	return delivery->purpose == HITL_NOTIFICATION &&
		delivery->provider != NULL && strcmp(delivery->provider, provider) == 0;
}

/*
 * Does somebody whose answers are understood carry the notification?
 */
bool
hitl_has_provider(const HitlDelivery *delivery)
{
	return hitl_is_carried_by(delivery, "sendgrid") ||
		hitl_is_carried_by(delivery, "slack");
}

/*
 * SendGrid gets the mail document in a form of its own.
 */
bool
hitl_prepare_provider(HitlDelivery *delivery)
{
	HitlResult result;
	char *body;
	char *error;

	if (!hitl_is_carried_by(delivery, "sendgrid"))
		return true;
	result = hitl_core()->build_sendgrid(delivery->body != NULL ? delivery->body
																: "",
										 delivery->idempotency_key, &body,
										 &error);
	if (result == HITL_OK)
	{
		delivery->body = pstrdup(body);
		hitl_core()->free_text(body);
		return true;
	}
	hitl_fail_mail(delivery, result, error);
	return false;
}

/*
 * The verdict on a provider's answer.  Unlike a hook's it says for certain
 * whether trying again may help.
 */
void
hitl_judge_provider(HitlDelivery *delivery, const HttpResult *result,
					bool success)
{
	bool slack = hitl_is_carried_by(delivery, "slack");
	const char *kind = success
		? NULL
		: hitl_kind_of_status(delivery->purpose, result->status);
	char *reason = NULL;
	char *id = NULL;
	HitlAcceptance acceptance;

	if (hitl_core()->read_provider_reply(delivery->provider, result->status,
										 result->body != NULL ? result->body
															  : "",
										 &acceptance) == HITL_OK)
	{
		if (acceptance.kind != NULL)
			kind = acceptance.kind;
		if (acceptance.message != NULL)
			reason = hitl_valid_text(pstrdup(acceptance.message));
		if (acceptance.message_id != NULL)
			id = hitl_valid_text(pstrdup(acceptance.message_id));
		hitl_core()->free_text(acceptance.message);
		hitl_core()->free_text(acceptance.message_id);
	}
	if (reason != NULL)
		hitl_scrub_secrets(delivery, reason);

	if (kind == NULL)
	{
		delivery->status = "delivered";
		delivery->provider_message_id = slack
			? id
			: header_value(result, "x-message-id");
		return;
	}
	if (strcmp(kind, "service_unavailable") == 0)
		delivery->outcome = BREAKER_FAILURE;
	/* Slack refuses with status 200, which would read like a success. */
	if (success && reason != NULL)
		reason = psprintf("%s refused the request: %s", delivery->host, reason);
	else
		reason = psprintf("%s answered with status %d%s%s", delivery->host,
						  result->status, reason != NULL ? ": " : "",
						  reason != NULL ? reason : "");
	if (is_for_now(kind))
		hitl_repeat_delivery(delivery, result->retry_after, kind, "%s", reason);
	else
		hitl_fail_delivery(delivery, kind, "%s", reason);
}

/*
 * The next header of lines, which are overwritten: its name in lower case, and
 * its value.
 */
bool
hitl_next_header(char **lines, char **name, char **value)
{
	while (*lines != NULL && **lines != '\0')
	{
		char *line = *lines;
		char *end = line + strcspn(line, "\n");
		char *colon;

		*lines = *end != '\0' ? end + 1 : end;
		while (end > line && strchr(" \t\r", end[-1]) != NULL)
			end--;
		*end = '\0';
		colon = strchr(line, ':');
		if (colon == NULL || colon == line)
			continue;
		*colon = '\0';
		*name = line;
		*value = colon + 1 + strspn(colon + 1, " \t");
		for (end = line; *end != '\0'; end++)
			*end = pg_ascii_tolower((unsigned char) *end);
		return true;
	}
	return false;
}

/*
 * May a failure of this kind be over soon?
 */
static bool
is_for_now(const char *kind)
{
	return strcmp(kind, "rate_limit") == 0 || strcmp(kind, "timeout") == 0 ||
		strcmp(kind, "service_unavailable") == 0;
}

/*
 * The value of a header, or NULL; name in lower case.
 */
static char *
header_value(const HttpResult *result, const char *name)
{
	char *lines = result->headers != NULL ? pstrdup(result->headers) : NULL;
	char *found;
	char *value;

	while (hitl_next_header(&lines, &found, &value))
		if (strcmp(found, name) == 0)
			return value[0] != '\0' ? hitl_valid_text(value) : NULL;
	return NULL;
}
