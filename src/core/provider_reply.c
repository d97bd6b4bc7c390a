/*
 * provider_reply.c
 *		What the providers of channels answer.
 *
 * Slack's Web API answers with status 200, whatever has happened.
 */
#include "core/letter.h"

#include <string.h>

/* Slack's errors that tell more than that the request was faulty. */
static const struct
{
	const char *error;
	const char *kind;
} errors[] = {{"ratelimited", "rate_limit"},
			  {"rate_limited", "rate_limit"},
			  {"internal_error", "service_unavailable"},
			  {"fatal_error", "service_unavailable"},
			  {"service_unavailable", "service_unavailable"},
			  {"request_timeout", "timeout"},
			  {"not_authed", "authentication_error"},
			  {"invalid_auth", "authentication_error"},
			  {"account_inactive", "authentication_error"},
			  {"token_expired", "authentication_error"},
			  {"token_revoked", "authentication_error"},
			  {"access_denied", "permission_error"},
			  {"ekm_access_denied", "permission_error"},
			  {"missing_scope", "permission_error"},
			  {"no_permission", "permission_error"},
			  {"not_allowed_token_type", "permission_error"},
			  {"not_in_channel", "permission_error"},
			  {"restricted_action", "permission_error"},
			  {"team_access_not_granted", "permission_error"}};

static void read_slack(HitlBuffer *id, HitlBuffer *message,
					   const HitlJson *reply, HitlAcceptance *acceptance);
static void read_success(HitlBuffer *id, const HitlJson *reply);
static const char *read_failure(HitlBuffer *message, const HitlJson *reply);
static const char *text_of(const HitlJson *object, const char *key);

/*
 * Read the body of a response.
 */
HitlResult
hitl_read_provider_reply(const char *provider, int status, const char *text,
						 HitlAcceptance *acceptance)
{
	HitlResult result = HITL_OK;
	HitlArena arena;
	HitlBuffer id;
	HitlBuffer message;
	const HitlJson *reply = NULL;
	bool success = status >= 200 && status <= 299;

	memset(acceptance, 0, sizeof(*acceptance));
	hitl_arena_init(&arena);
	hitl_buffer_init(&id, &arena);
	hitl_buffer_init(&message, &arena);
	if (hitl_json_parse(&arena, text, strlen(text), HITL_JSON_LENIENT, &reply,
						NULL) != HITL_OK)
		reply = NULL;
	if (strcmp(provider, "slack") != 0)
	{
		const HitlJson *errors = hitl_json_member(reply, "errors");
		const char *said = errors != NULL && errors->type == HITL_JSON_ARRAY
			? text_of(errors->first, "message")
			: NULL;

		if (!success && said != NULL)
			hitl_append_text(&message, said);
	}
	else if (success && strcmp(text, "ok") != 0) /* which hooks say */
		read_slack(&id, &message, reply, acceptance);
	else if (!success && text_of(reply, "error") != NULL)
		(void) read_failure(&message, reply);

	if (id.length > 0 && hitl_buffer_text(&id) != NULL)
		acceptance->message_id = hitl_malloc_text(id.data);
	if (message.length > 0 && hitl_buffer_text(&message) != NULL)
		acceptance->message = hitl_malloc_text(message.data);
	if (arena.failed || (id.length > 0 && acceptance->message_id == NULL) ||
		(message.length > 0 && acceptance->message == NULL))
		result = HITL_NO_MEMORY;
	hitl_arena_free(&arena);
	return result;
}

/*
 * Read what Slack says of a message.
 */
static void
read_slack(HitlBuffer *id, HitlBuffer *message, const HitlJson *reply,
		   HitlAcceptance *acceptance)
{
	if (hitl_json_member(reply, "ok") == NULL)
	{
		/* Something in between has answered. */
		acceptance->kind = "service_unavailable";
		hitl_append_text(message, "the answer is not one of Slack's");
	}
	else if (hitl_json_is_true(reply, "ok"))
		read_success(id, reply);
	else
		acceptance->kind = read_failure(message, reply);
}

/*
 * What a message is known by: channel and time stamp.
 */
static void
read_success(HitlBuffer *id, const HitlJson *reply)
{
	const char *channel = text_of(reply, "channel");
	const char *ts = text_of(reply, "ts");

	if (channel != NULL && ts != NULL)
		hitl_append_format(id, "%s/%s", channel, ts);
}

/*
 * The kind of an error; the first of its details belongs to the message.
 */
static const char *
read_failure(HitlBuffer *message, const HitlJson *reply)
{
	const char *error = text_of(reply, "error");
	const HitlJson *details = hitl_json_member(
		hitl_json_member(reply, "response_metadata"), "messages");
	size_t i;

	if (error == NULL)
		error = "unknown_error";
	hitl_append_text(message, error);
	if (details != NULL && details->type == HITL_JSON_ARRAY &&
		details->count > 0 && details->first->type == HITL_JSON_STRING)
	{
		hitl_append_text(message, ": ");
		hitl_append_text(message, details->first->text);
	}
	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (strcmp(errors[i].error, error) == 0)
			return errors[i].kind;
	return "validation_error";
}

/*
 * A member that is a text, or NULL.
 */
static const char *
text_of(const HitlJson *object, const char *key)
{
	const HitlJson *value = hitl_json_member(object, key);

	return value != NULL && value->type == HITL_JSON_STRING ? value->text
															: NULL;
}
