/*
 * conversation.c
 *		The request by which an agent's model goes on with a conversation.
 *
 * Memory says what happened, in the order in which it did.  Servers want more:
 * that users and assistants alternate, that each call is answered right after
 * it, that the ids of calls differ.  A conversation is memory brought into that
 * form.  It grows only at its end, so what a server has read before stays the
 * same; and the same memory always gives the same request.
 */
#include "core/inference.h"

#include <string.h>

/* The longest id of a call that all servers take; some make longer ones. */
#define MAX_CALL_ID 40

/* What a user says where one has to say something. */
static const char go_on[] = "Go on.";

static const char no_result[] = "There is no result: this was not carried out.";

/* A call of the last reply. */
typedef struct Call
{
	const char *id;	  /* in memory */
	const char *sent; /* the id that servers see */
	bool answered;
} Call;

typedef struct Talk
{
	HitlArena *arena;
	bool plain_ids;
	HitlSaid *said;
	int count;
	HitlBuffer held; /* what the user says next */
	Call *calls;	 /* of the last reply */
	int ncalls;
	int numbered;	  /* calls so far */
	const char **ids; /* those sent, an open hash table */
	size_t mask;	  /* slots - 1 */
} Talk;

static void converse(Talk *talk, const HitlJson *messages);
static bool begin_talk(Talk *talk, const HitlJson *messages);
static void add_reply(Talk *talk, const HitlJson *message);
static int count_calls(const HitlJson *calls);
static bool is_tool_name(const HitlJson *name);
static void add_calls(Talk *talk, const HitlJson *list, int count,
					  HitlSaid *said);
static const char *write_arguments(Talk *talk, const HitlJson *call);
static const char *choose_id(Talk *talk, const HitlJson *given);
static bool claim_id(Talk *talk, const char *id);
static void add_result(Talk *talk, const HitlJson *message);
static void hold(Talk *talk, const char *heading, const HitlJson *text);
static void release(Talk *talk);
static HitlSaid *add_said(Talk *talk, HitlRole role, const char *text,
						  size_t length);

/*
 * Body of that request.
 */
HitlResult
hitl_build_conversation(const char *provider, const char *model,
						const char *parameters, const char *settings,
						const char *messages, bool tools, char **body,
						char **error)
{
	HitlDraft draft;
	HitlBuffer briefing;
	HitlConversation conversation = {.may_call = tools};
	Talk talk = {.arena = &draft.arena};
	const HitlWireFormat *format;
	const HitlJson *parameters_value;
	const HitlJson *settings_value;
	const HitlJson *messages_value;

	hitl_begin_draft(&draft);
	parameters_value = hitl_parse_part(&draft, parameters, "parameters",
									   HITL_JSON_OBJECT, false);
	settings_value = hitl_parse_part(&draft, settings, "settings",
									 HITL_JSON_OBJECT, true);
	messages_value = hitl_parse_part(&draft, messages, "messages",
									 HITL_JSON_ARRAY, true);
	format = hitl_choose_format(&draft, provider);
	if (format != NULL && messages_value->count == 0)
	{
		draft.result = HITL_INVALID;
		hitl_append_text(&draft.reason, "messages: must not be empty");
	}
	else if (format != NULL)
	{
		conversation.offers = hitl_make_offers(&draft.arena, settings_value,
											   &conversation.noffers);
		hitl_buffer_init(&briefing, &draft.arena);
		hitl_write_briefing(&briefing, settings_value, conversation.offers,
							conversation.noffers);
		conversation.instructions = hitl_buffer_text(&briefing);
		conversation.instructions_length = briefing.length;
		talk.plain_ids = format->plain_ids;
		converse(&talk, messages_value);
		conversation.said = talk.said;
		conversation.nsaid = talk.count;

		/* Without memory, parts of it are not there. */
		if (!draft.arena.failed)
			hitl_draft_request(&draft, format, model, parameters_value,
							   &conversation);
	}
	return hitl_end_draft(&draft, body, error);
}

/*
 * Bring memory into the form of a conversation.
 */
static void
converse(Talk *talk, const HitlJson *messages)
{
	static const char *const roles[] = {"assistant", "tool", NULL};
	const HitlJson *message;

	if (!begin_talk(talk, messages))
		return;
	for (message = messages->first; message != NULL; message = message->next)
	{
		switch (hitl_find_name(hitl_json_member(message, "role"), roles))
		{
			case 0:
				add_reply(talk, message);
				break;
			case 1:
				add_result(talk, message);
				break;
			default:
				hold(talk, NULL, hitl_json_member(message, "text"));
		}
	}
	release(talk);
	if (talk->count == 0 ||
		talk->said[talk->count - 1].role == HITL_ROLE_ASSISTANT)
		add_said(talk, HITL_ROLE_USER, go_on, strlen(go_on));
}

/*
 * Make room for all that there may be.
 */
static bool
begin_talk(Talk *talk, const HitlJson *messages)
{
	const HitlJson *message;
	size_t calls = 0;
	size_t slots = 8;

	for (message = messages->first; message != NULL; message = message->next)
	{
		const HitlJson *list = hitl_json_member(message, "calls");

		if (list != NULL && list->type == HITL_JSON_ARRAY)
			calls += list->count;
	}
	while (slots < calls * 2)
		slots *= 2;
	talk->mask = slots - 1;
	talk->ids = hitl_alloc_zero(talk->arena, slots * sizeof(char *));

	/* A user may have to say something at both ends. */
	talk->said = hitl_alloc(talk->arena,
							(messages->count + calls + 2) * sizeof(HitlSaid));
	hitl_buffer_init(&talk->held, talk->arena);
	return !talk->arena->failed;
}

/*
 * What the model said.  Where nothing of it can be sent, it said nothing.
 */
static void
add_reply(Talk *talk, const HitlJson *message)
{
	const HitlJson *text = hitl_json_member(message, "text");
	const HitlJson *calls = hitl_json_member(message, "calls");
	int count = count_calls(calls);
	bool silent = hitl_is_blank(text);
	HitlSaid *said;

	if (silent && count == 0)
		return;
	release(talk);
	if (talk->count == 0)
		add_said(talk, HITL_ROLE_USER, go_on, strlen(go_on));
	said = &talk->said[talk->count - 1];
	if (said->role != HITL_ROLE_ASSISTANT)
		add_said(talk, HITL_ROLE_ASSISTANT, silent ? "" : text->text,
				 silent ? 0 : text->length);
	else if (!silent)
	{
		HitlBuffer both;

		hitl_buffer_init(&both, talk->arena);
		hitl_append(&both, said->text, said->length);
		hitl_append_text(&both, "\n\n");
		hitl_append(&both, text->text, text->length);
		said->text = hitl_buffer_text(&both);
		said->length = both.length;
	}
	if (count > 0)
		add_calls(talk, calls, count, &talk->said[talk->count - 1]);
}

/*
 * How many calls can be sent: those that name something.  The others were
 * malformed, and what comes of them is told by the user.
 */
static int
count_calls(const HitlJson *calls)
{
	const HitlJson *call;
	int count = 0;

	if (calls == NULL || calls->type != HITL_JSON_ARRAY)
		return 0;
	for (call = calls->first; call != NULL; call = call->next)
		count += is_tool_name(hitl_json_member(call, "name"));
	return count;
}

/*
 * Is it the name of a tool, as servers have it?
 */
static bool
is_tool_name(const HitlJson *name)
{
	return name != NULL && name->type == HITL_JSON_STRING && name->length > 0 &&
		name->length <= HITL_MAX_TOOL_NAME && hitl_is_plain_id(name->text);
}

/*
 * Add the calls that can be sent to what an assistant said, which has none.
 */
static void
add_calls(Talk *talk, const HitlJson *list, int count, HitlSaid *said)
{
	HitlToolCall *calls = hitl_alloc_zero(talk->arena,
										  count * sizeof(HitlToolCall));
	const HitlJson *call;

	talk->calls = hitl_alloc_zero(talk->arena, count * sizeof(Call));
	if (calls == NULL || talk->calls == NULL)
		return;
	said->calls = calls;
	said->ncalls = count;
	for (call = list->first; call != NULL; call = call->next)
	{
		const HitlJson *name = hitl_json_member(call, "name");
		const HitlJson *id = hitl_json_member(call, "id");

		if (!is_tool_name(name))
			continue;
		calls->name = name->text;
		calls->arguments = write_arguments(talk, call);
		calls->id = choose_id(talk, id);
		talk->calls[talk->ncalls].id = id != NULL &&
				id->type == HITL_JSON_STRING
			? id->text
			: "";
		talk->calls[talk->ncalls++].sent = calls->id;
		calls++;
	}
}

/*
 * The arguments of a call, which none is sent without.
 */
static const char *
write_arguments(Talk *talk, const HitlJson *call)
{
	const HitlJson *arguments = hitl_json_member(call, "arguments");

	if (arguments == NULL || arguments->type != HITL_JSON_OBJECT)
		return "{}";
	return hitl_json_text(talk->arena, arguments);
}

/*
 * The id by which a call is sent: the one that it has if possible, since some
 * models expect their own; else one that all servers take.
 */
static const char *
choose_id(Talk *talk, const HitlJson *given)
{
	HitlBuffer id;

	talk->numbered++;
	if (given != NULL && given->type == HITL_JSON_STRING && given->length > 0 &&
		given->length <= MAX_CALL_ID &&
		(!talk->plain_ids || hitl_is_plain_id(given->text)) &&
		claim_id(talk, given->text))
		return given->text;
	for (;; talk->numbered++)
	{
		hitl_buffer_init(&id, talk->arena);
		hitl_append_format(&id, "call%05d", talk->numbered);
		if (hitl_buffer_text(&id) == NULL || claim_id(talk, id.data))
			return id.data;
	}
}

/*
 * Does it consist of letters, digits, "_" and "-"?
 */
bool
hitl_is_plain_id(const char *id)
{
	return id[strspn(id,
					 "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789_-")] == '\0';
}

/*
 * Take an id; false if a call has it already.
 */
static bool
claim_id(Talk *talk, const char *id)
{
	size_t slot = 5381;
	const char *p;

	for (p = id; *p != '\0'; p++)
		slot = slot * 33 + (unsigned char) *p;
	for (slot &= talk->mask; talk->ids[slot] != NULL;
		 slot = (slot + 1) & talk->mask)
	{
		if (strcmp(talk->ids[slot], id) == 0)
			return false;
	}
	talk->ids[slot] = id;
	return true;
}

/*
 * What came of a call.  If the last reply has no such call that waits for an
 * answer, as where SQL was in its text, the user tells it.
 */
static void
add_result(Talk *talk, const HitlJson *message)
{
	const HitlJson *text = hitl_json_member(message, "text");
	const HitlJson *id = hitl_json_member(message, "call");
	int i;

	for (i = 0; i < talk->ncalls; i++)
	{
		Call *call = &talk->calls[i];
		HitlSaid *said;

		if (call->answered || id == NULL || id->type != HITL_JSON_STRING ||
			strcmp(call->id, id->text) != 0)
			continue;
		call->answered = true;
		if (hitl_is_blank(text))
			said = add_said(talk, HITL_ROLE_TOOL, "", 0);
		else
			said = add_said(talk, HITL_ROLE_TOOL, text->text, text->length);
		said->call = call->sent;
		said->failed = hitl_json_is_true(message, "failed");
		return;
	}
	hold(talk, "Result:\n", text);
}

/*
 * Keep what the user says until it is the user's turn.
 */
static void
hold(Talk *talk, const char *heading, const HitlJson *text)
{
	if (heading == NULL && hitl_is_blank(text))
		return;
	if (talk->held.length > 0)
		hitl_append_text(&talk->held, "\n\n");
	if (heading != NULL)
		hitl_append_text(&talk->held, heading);
	if (hitl_is_blank(text))
		hitl_append_text(&talk->held, "(nothing)");
	else
		hitl_append(&talk->held, text->text, text->length);
}

/*
 * It is the user's turn: first come results of the calls that have none.
 */
static void
release(Talk *talk)
{
	int i;

	for (i = 0; i < talk->ncalls; i++)
	{
		HitlSaid *said;

		if (talk->calls[i].answered)
			continue;
		said = add_said(talk, HITL_ROLE_TOOL, no_result, strlen(no_result));
		said->call = talk->calls[i].sent;
		said->failed = true;
	}
	talk->ncalls = 0;
	if (talk->held.length > 0 && hitl_buffer_text(&talk->held) != NULL)
		add_said(talk, HITL_ROLE_USER, talk->held.data, talk->held.length);
	hitl_buffer_init(&talk->held, talk->arena);
}

/*
 * Add a message to the conversation, for which there is room.
 */
static HitlSaid *
add_said(Talk *talk, HitlRole role, const char *text, size_t length)
{
	HitlSaid *said = &talk->said[talk->count++];

	memset(said, 0, sizeof(*said));
	said->role = role;
	said->text = text;
	said->length = length;
	return said;
}
