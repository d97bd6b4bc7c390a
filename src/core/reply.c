/*
 * reply.c
 *		What comes back for a step: the host's own answer, or that of a server.
 */
#include "core/internal.h"

#include <string.h>

#define MAX_MESSAGE 500 /* characters of an error's texts */

static const char *kind_of_status(int64_t status);

/*
 * Why the body of a reply message is faulty, or NULL.
 */
const char *
hitl_check_reply(const HitlJson *body)
{
	const HitlJson *error = hitl_json_member(body, "error");
	const HitlJson *text = hitl_json_member(body, "body");
	const char *const *name;
	static const char *const texts[] = {"kind", "message", NULL};
	int64_t status;

	if (hitl_json_member(body, "result") != NULL)
		return error == NULL ? NULL
							 : "a reply has either \"result\" or \"error\"";
	if (error != NULL)
	{
		if (error->type != HITL_JSON_OBJECT)
			return "\"error\" must be an object";
		for (name = texts; *name != NULL; name++)
		{
			const HitlJson *member = hitl_json_member(error, *name);

			if (member != NULL && member->type != HITL_JSON_STRING)
				return "\"kind\" and \"message\" of an error must be strings";
		}
		return NULL;
	}
	if (!hitl_json_integer(hitl_json_member(body, "status"), &status))
		return "a reply must have \"result\", \"error\" or a whole number as \"status\"";
	if (text != NULL && text->type != HITL_JSON_STRING &&
		text->type != HITL_JSON_NULL)
		return "\"body\" must be a string or null";
	return NULL;
}

/*
 * What the host itself has answered, checked before; false where it brings a
 * server's response.
 */
bool
hitl_read_answer(HitlArena *arena, const HitlJson *body, HitlReply *reply)
{
	const HitlJson *result = hitl_json_member(body, "result");
	const HitlJson *error = hitl_json_member(body, "error");

	memset(reply, 0, sizeof(*reply));
	if (result != NULL)
		reply->result = hitl_json_text(arena, result);
	else if (error != NULL)
	{
		const HitlJson *kind = hitl_json_member(error, "kind");
		const HitlJson *message = hitl_json_member(error, "message");

		hitl_fail_reply(reply,
						kind == NULL || kind->length == 0 ? "unknown_error"
														  : kind->text,
						message == NULL
							? "no reason given"
							: hitl_copy_text(arena, message->text,
											 hitl_utf8_cut(message->text,
														   message->length,
														   MAX_MESSAGE)));
	}
	return result != NULL || error != NULL;
}

/*
 * The failure that a server's status means.  document: the response as JSON,
 * or NULL.
 */
void
hitl_read_status(HitlArena *arena, int64_t status, const HitlJson *document,
				 HitlReply *reply)
{
	hitl_fail_reply(reply, kind_of_status(status),
					hitl_message_of(arena, status, document));
}

/*
 * Read the host's answer, which has to be one; false: the run has stopped.
 */
bool
hitl_take_answer(HitlRun *run, const HitlJson *body, HitlReply *reply)
{
	if (!hitl_read_answer(&run->scratch, body, reply))
		hitl_stop(run, HITL_INVALID,
				  "the reply must have \"result\" or \"error\"");
	else if (run->scratch.failed)
		hitl_stop(run, HITL_NO_MEMORY, NULL);
	else
		return true;
	return false;
}

/*
 * Complete or fail a step by the host's answer.
 */
void
hitl_deliver_answer(HitlRun *run, HitlPosition *position, const HitlJson *body)
{
	HitlReply reply;

	if (!hitl_take_answer(run, body, &reply))
		return;
	if (reply.result != NULL)
		hitl_complete_step(run, position, reply.result);
	else
	{
		run->told = hitl_json_member(body, "error");
		run->told_message = reply.message;
		hitl_fail_step(run, position, reply.kind, reply.message);
	}
}

/*
 * What the host has told about a failure besides its kind and message.
 */
void
hitl_write_told(HitlBuffer *buffer, const HitlJson *error)
{
	static const char *const texts[] = {"sqlstate", "detail", "hint", "context",
										NULL};
	const char *const *name;
	int64_t status;
	int64_t position;

	if (hitl_json_integer(hitl_json_member(error, "status"), &status))
	{
		hitl_append_text(buffer, ",\"status\":");
		hitl_append_integer(buffer, status);
	}
	if (hitl_json_integer(hitl_json_member(error, "position"), &position))
	{
		/* The position of an error is that of its step. */
		hitl_append_text(buffer, ",\"character\":");
		hitl_append_integer(buffer, position);
	}
	for (name = texts; *name != NULL; name++)
	{
		const HitlJson *member = hitl_json_member(error, *name);

		if (member == NULL || member->type != HITL_JSON_STRING)
			continue;
		hitl_append_text(buffer, ",");
		hitl_json_write_string(buffer, *name, strlen(*name));
		hitl_append_text(buffer, ":");
		hitl_json_write_string(buffer, member->text,
							   hitl_utf8_cut(member->text, member->length,
											 MAX_MESSAGE));
	}
}

/*
 * The reply is a failure.
 */
void
hitl_fail_reply(HitlReply *reply, const char *kind, const char *message)
{
	reply->kind = kind;
	reply->message = message == NULL ? "no reason given" : message;
}

/*
 * The message of a server's error reply: error.message, or error, message or
 * detail where these are strings.
 */
const char *
hitl_message_of(HitlArena *arena, int64_t status, const HitlJson *document)
{
	const HitlJson *error = hitl_json_member(document, "error");
	const HitlJson *message = hitl_json_member(error, "message");
	HitlBuffer buffer;

	if (message == NULL || message->type != HITL_JSON_STRING)
		message = error;
	if (message == NULL || message->type != HITL_JSON_STRING)
		message = hitl_json_member(document, "message");
	if (message == NULL || message->type != HITL_JSON_STRING)
		message = hitl_json_member(document, "detail");
	if (message != NULL && message->type == HITL_JSON_STRING &&
		message->length > 0)
		return hitl_copy_text(arena, message->text,
							  hitl_utf8_cut(message->text, message->length,
											MAX_MESSAGE));
	hitl_buffer_init(&buffer, arena);
	hitl_append_text(&buffer, "the server answered with status ");
	hitl_append_integer(&buffer, status);
	return hitl_buffer_text(&buffer);
}

/*
 * The kind of failure that an HTTP status means.
 */
static const char *
kind_of_status(int64_t status)
{
	switch (status)
	{
		case 401:
		case 407:
			return "authentication_error";
		case 402:
		case 403:
			return "permission_error";
		case 408:
			return "timeout";
		case 425:
			return "service_unavailable";
		case 429:
			return "rate_limit";
		default:
			if (status >= 300 && status <= 499)
				return "validation_error";
			return status >= 500 && status <= 599 ? "service_unavailable"
												  : "unknown_error";
	}
}
