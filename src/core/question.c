/*
 * question.c
 *		What is asked of humans, and what their decision means for the step.
 *		An approval step and the approval_config of a task ask alike.
 */
#include "core/internal.h"
#include "core/policy.h"
#include "core/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_MS	   (60.0 * 60 * 1000)
#define MAX_PEOPLE 1000 /* in one list */

static const char *const outcomes[] = {"approved", "rejected", "expired",
									   "cancelled", NULL};

/* How many names a member may have. */
typedef enum HitlNames
{
	SOME,
	OR_ONE, /* also as a text, not in an array */
	OR_NONE /* also an empty array */
} HitlNames;

static bool is_one_of(const char *text, const char *const *names);
static const char *parse_type(HitlParse *parse, const HitlPlace *place,
							  const HitlJson *object, bool in_config,
							  HitlBuffer *terms);
static const HitlJson *get_people(HitlParse *parse, const HitlPlace *place,
								  const HitlJson *object, const char *key,
								  HitlNames which);
static void write_people(HitlBuffer *buffer, const char *key,
						 const HitlJson *people, const char *none);
static int count_people(const HitlJson *first, const HitlJson *second);
static bool has_name(const HitlJson *people, const HitlJson *end,
					 const char *name);
static void parse_threshold(HitlParse *parse, const HitlPlace *place,
							const HitlJson *object, int people,
							HitlBuffer *terms);
static void parse_time_limit(HitlParse *parse, const HitlPlace *place,
							 const HitlJson *object, HitlBuffer *terms);
static void parse_policy(HitlParse *parse, const HitlPlace *place,
						 const HitlJson *object, HitlBuffer *terms);
static void parse_form(HitlParse *parse, const HitlPlace *place,
					   const HitlJson *object, const char *type,
					   HitlBuffer *terms);
static void parse_webhook(HitlParse *parse, const HitlPlace *place,
						  const HitlJson *object, HitlTemplate *webhook);
static void add_faults(HitlParse *parse, const HitlPlace *place,
					   HitlResult result, const HitlFaults *faults);

/*
 * Read the members that describe a question: those of an approval step, or,
 * where there is a default for the title, of an approval_config.
 */
void
hitl_parse_question(HitlParse *parse, const HitlPlace *place,
					const HitlJson *object, const char *default_title,
					HitlQuestion *question)
{
	static const HitlJson nothing = {.type = HITL_JSON_NULL};
	HitlPlace title_place = {place, "title", 0};
	HitlPlace description_place = {place, "description", 0};
	HitlPlace data_place = {place, "context_data", 0};
	const HitlJson *asked;
	const HitlJson *required;
	const HitlJson *data;
	const char *type;
	const char *text;
	HitlBuffer terms;
	int people = 0;

	text = hitl_get_text(parse, place, object, "title", default_title == NULL);
	if (text == NULL)
		text = default_title == NULL ? "" : default_title;
	hitl_compile_text(parse, &title_place, text, &question->title);

	text = hitl_get_text(parse, place, object, "description", false);
	if (text == NULL)
		hitl_compile_value(parse, &description_place, &nothing,
						   &question->description);
	else
		hitl_compile_text(parse, &description_place, text,
						  &question->description);

	hitl_buffer_init(&terms, parse->arena);
	type = parse_type(parse, place, object, default_title != NULL, &terms);
	asked = get_people(parse, place, object, "requested_from", OR_ONE);
	required = get_people(parse, place, object, "required_approvers", SOME);
	write_people(&terms, "requested_from", asked, "[]");
	write_people(&terms, "required_approvers", required, "[]");

	/* A single name may be that of a group. */
	if ((asked != NULL && asked->type == HITL_JSON_ARRAY) ||
		(asked == NULL && required != NULL))
		people = count_people(asked, required);
	parse_threshold(parse, place, object, people, &terms);
	parse_time_limit(parse, place, object, &terms);
	write_people(&terms, "channels",
				 get_people(parse, place, object, "channels", OR_NONE), "null");
	parse_policy(parse, place, object, &terms);
	parse_form(parse, place, object, type, &terms);
	question->terms = hitl_buffer_text(&terms);
	parse_webhook(parse, place, object, &question->webhook);

	data = hitl_get(parse, place, object, "context_data", HITL_JSON_OBJECT,
					false);
	if (data != NULL)
		hitl_compile_members(parse, &data_place, data, &question->context_data);
	else
		hitl_compile_text(parse, &data_place, "", &question->context_data);
	if (data == NULL && question->context_data.count > 0)
	{
		question->context_data.segments[0].text = "";
		question->context_data.segments[0].length = 0;
	}
}

/*
 * Ask: render the question and await the decision.  more_context has members
 * for context_data beyond those of the definition, or is NULL.
 */
void
hitl_ask(HitlRun *run, HitlPosition *position, const HitlQuestion *question,
		 const char *more_context)
{
	const char *title = hitl_render(run, position, &question->title);
	const char *description;
	const char *data;
	const char *webhook;
	HitlBuffer body;
	HitlEffect *effect;

	if (title == NULL)
		return;
	if (strcmp(title, "\"\"") == 0)
	{
		hitl_fail_faulty(run, position,
						 "the title of the approval request is empty");
		return;
	}
	description = hitl_render(run, position, &question->description);
	if (description == NULL)
		return;
	data = hitl_render(run, position, &question->context_data);
	if (data == NULL)
		return;
	webhook = hitl_render(run, position, &question->webhook);
	if (webhook == NULL)
		return;

	hitl_buffer_init(&body, run->memory);
	hitl_append_text(&body, "{\"title\":");
	hitl_append_text(&body, title);
	hitl_append_text(&body, ",\"description\":");
	hitl_append_text(&body, description);
	hitl_append_char(&body, ',');
	hitl_append_text(&body, question->terms);
	if (strcmp(webhook, "null") != 0)
	{
		hitl_append_text(&body, ",\"webhook\":");
		hitl_append_text(&body, webhook);
	}
	if (more_context != NULL)
		hitl_append_text(&body, ",\"editable\":false");
	hitl_append_text(&body, ",\"context_data\":{");
	hitl_append_text(&body, data);
	if (data[0] != '\0' && more_context != NULL)
		hitl_append_char(&body, ',');
	if (more_context != NULL)
		hitl_append_text(&body, more_context);
	hitl_append_text(&body, "}}");

	effect = hitl_emit(run, HITL_EFFECT_REQUEST_APPROVAL, NULL, position);
	effect->body = hitl_buffer_text(&body);
	hitl_await(run, position, HITL_AWAITS_APPROVAL, effect);
}

/*
 * "webhook": one URL that is told of this request, with headers.
 */
static void
parse_webhook(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
			  HitlTemplate *webhook)
{
	static const char *const members[] = {"url", "headers", NULL};
	static const HitlJson nothing = {.type = HITL_JSON_NULL};
	const HitlJson *value = hitl_get(parse, place, object, "webhook",
									 HITL_JSON_OBJECT, false);
	HitlPlace here = {place, "webhook", 0};
	HitlPlace headers_place = {&here, "headers", 0};
	HitlPlace url_place = {&here, "url", 0};
	const HitlJson *headers;
	const HitlJson *header;
	const char *url;

	hitl_compile_value(parse, &here, value == NULL ? &nothing : value, webhook);
	if (value == NULL)
		return;
	hitl_check_members(parse, &here, value, members, NULL);
	url = hitl_get_text(parse, &here, value, "url", true);
	if (url != NULL && !hitl_has_template(url) &&
		strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0)
		hitl_fault(parse, &url_place, "must begin with http:// or https://");
	headers = hitl_get(parse, &here, value, "headers", HITL_JSON_OBJECT, false);
	for (header = headers == NULL ? NULL : headers->first; header != NULL;
		 header = header->next)
	{
		HitlPlace place_of_header = {&headers_place, header->key, 0};

		if (header->type != HITL_JSON_STRING)
			hitl_fault(parse, &place_of_header, "must be a string, not %s",
					   hitl_json_type_name(header));
	}
}

/*
 * Why the body of an approval message is faulty, or NULL.  A decision that
 * cannot be read is never taken for an approval.
 */
const char *
hitl_check_decision(const HitlJson *body)
{
	static const char *const texts[] = {"approval_id", "approver_id",
										"feedback", NULL};
	const HitlJson *error = hitl_json_member(body, "error");
	const HitlJson *member = hitl_json_member(body, "outcome");
	const char *const *name;

	if (error != NULL)
	{
		const HitlJson *kind = hitl_json_member(error, "kind");
		const HitlJson *message = hitl_json_member(error, "message");

		if (kind == NULL || kind->type != HITL_JSON_STRING || message == NULL ||
			message->type != HITL_JSON_STRING)
			return "\"error\" must have \"kind\" and \"message\"";
		return NULL;
	}

	if (member == NULL || member->type != HITL_JSON_STRING ||
		!is_one_of(member->text, outcomes))
		return "\"outcome\" must be approved, rejected, expired or cancelled";
	for (name = texts; *name != NULL; name++)
	{
		member = hitl_json_member(body, *name);
		if (member != NULL && member->type != HITL_JSON_STRING &&
			member->type != HITL_JSON_NULL)
			return "\"approval_id\", \"approver_id\" and \"feedback\" must be strings or null";
	}
	return NULL;
}

/*
 * Fail the step if people could not be asked.
 */
bool
hitl_fail_unasked(HitlRun *run, HitlPosition *position, const HitlJson *body)
{
	const HitlJson *error = hitl_json_member(body, "error");

	if (error == NULL)
		return false;
	hitl_fail_step(run, position, hitl_json_member(error, "kind")->text,
				   hitl_json_member(error, "message")->text);
	return true;
}

/*
 * Was the decision to approve?
 */
bool
hitl_is_approved(const HitlJson *body)
{
	const HitlJson *outcome = hitl_json_member(body, "outcome");

	return outcome != NULL && outcome->type == HITL_JSON_STRING &&
		strcmp(outcome->text, "approved") == 0;
}

/*
 * A decision as JSON, nulls left out; the outcome under the name member.
 */
const char *
hitl_write_decision(HitlRun *run, const HitlJson *body, const char *member)
{
	static const char *const kept[] =
		{"approval_id",	  "approver_id", "on_behalf_of",
		 "response_data", "edits",		 "context_data",
		 "feedback",	  "reason",		 NULL};
	const char *const *name;
	HitlBuffer buffer;

	hitl_buffer_init(&buffer, &run->scratch);
	hitl_append_char(&buffer, '{');
	hitl_json_write_member(&buffer, member,
						   hitl_json_member(body, "outcome")->text);
	for (name = kept; *name != NULL; name++)
	{
		const HitlJson *value = hitl_json_stated(body, *name);

		if (value == NULL)
			continue;
		hitl_append_format(&buffer, ",\"%s\":", *name);
		hitl_json_write(&buffer, value);
	}
	hitl_append_char(&buffer, '}');
	return hitl_finish_text(run, &buffer);
}

/*
 * The decision is not to go on: say so, and do what the step's options say.
 */
void
hitl_decline(HitlRun *run, HitlPosition *position, const HitlJson *body,
			 const char *result)
{
	const char *outcome = hitl_json_member(body, "outcome")->text;
	const HitlJson *approver = hitl_json_member(body, "approver_id");
	const char *feedback = hitl_text_at(body, "feedback");
	char message[1200];

	if (strcmp(outcome, "expired") == 0)
	{
		hitl_refuse_step(run, position, "timeout", "no decision came in time",
						 result);
		return;
	}
	if (strcmp(outcome, "cancelled") == 0)
		snprintf(message, sizeof(message),
				 "the approval request was cancelled");
	else if (approver != NULL && approver->type == HITL_JSON_STRING)
		snprintf(message, sizeof(message), "rejected by %.*s",
				 (int) hitl_utf8_cut(approver->text, approver->length, 50),
				 approver->text);
	else
		snprintf(message, sizeof(message), "rejected");
	if (feedback != NULL)
	{
		size_t length = strlen(message);
		size_t cut = hitl_utf8_cut(feedback, strlen(feedback), 200);

		snprintf(message + length, sizeof(message) - length, ": %.*s%s",
				 (int) cut, feedback, feedback[cut] == '\0' ? "" : "...");
	}
	hitl_refuse_step(run, position, outcome, message, result);
}

/*
 * Is a text in a list ended by NULL?
 */
static bool
is_one_of(const char *text, const char *const *list)
{
	for (; *list != NULL; list++)
	{
		if (strcmp(*list, text) == 0)
			return true;
	}
	return false;
}

/*
 * "approval_type", which an approval_config may call "type".
 */
static const char *
parse_type(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
		   bool in_config, HitlBuffer *terms)
{
	const char *key = "approval_type";
	const char *type;

	/* In an approval step, "type" is the type of the step. */
	if (in_config && hitl_json_member(object, "type") != NULL)
	{
		HitlPlace here = {place, "type", 0};

		if (hitl_json_member(object, key) != NULL)
			hitl_fault(parse, &here,
					   "give either \"type\" or \"approval_type\"");
		key = "type";
	}
	type = hitl_get_text(parse, place, object, key, false);
	if (type == NULL)
		type = "binary";
	hitl_json_write_member(terms, "approval_type", type);
	return type;
}

/*
 * A member that is an array of names.
 */
static const HitlJson *
get_people(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
		   const char *key, HitlNames which)
{
	const HitlJson *people = hitl_json_member(object, key);
	const HitlJson *name;
	HitlPlace here = {place, key, 0};
	HitlPlace inner = {&here, NULL, 0};

	if (people == NULL)
		return NULL;
	if (people->type == HITL_JSON_ARRAY)
	{
		if (people->count == 0 && which != OR_NONE)
			hitl_fault(parse, &here, "must not be empty");
		if (people->count > MAX_PEOPLE)
		{
			hitl_fault(parse, &here,
					   "must not have more than %d names; use a group",
					   MAX_PEOPLE);
			return NULL;
		}
		name = people->first;
	}
	else if (people->type == HITL_JSON_STRING && which == OR_ONE)
		name = people;
	else
	{
		hitl_fault(parse, &here, "must be %sa list of strings, not %s",
				   which == OR_ONE ? "a string or " : "",
				   hitl_json_type_name(people));
		return NULL;
	}
	for (; name != NULL; name = name == people ? NULL : name->next)
	{
		const HitlPlace *name_place = name == people ? &here : &inner;

		if (name->type != HITL_JSON_STRING)
			hitl_fault(parse, name_place, "must be a string, not %s",
					   hitl_json_type_name(name));
		else if (name->length == 0)
			hitl_fault(parse, name_place, "must not be empty");
		else if (hitl_has_template(name->text))
			hitl_fault(parse, name_place, "templates are not possible here");
		inner.index++;
	}
	return people;
}

/*
 * Append ,"key":[names].
 */
static void
write_people(HitlBuffer *buffer, const char *key, const HitlJson *people,
			 const char *none)
{
	hitl_append_format(buffer, ",\"%s\":", key);
	if (people == NULL)
		hitl_append_text(buffer, none);
	else if (people->type == HITL_JSON_STRING)
	{
		hitl_append_char(buffer, '[');
		hitl_json_write(buffer, people);
		hitl_append_char(buffer, ']');
	}
	else
		hitl_json_write(buffer, people);
}

/*
 * How many different names two lists have.
 */
static int
count_people(const HitlJson *first, const HitlJson *second)
{
	const HitlJson *name;
	int count = 0;

	for (name = first == NULL ? NULL : first->first; name != NULL;
		 name = name->next)
		count += name->type == HITL_JSON_STRING &&
			!has_name(first, name, name->text);
	for (name = second == NULL ? NULL : second->first; name != NULL;
		 name = name->next)
		count += name->type == HITL_JSON_STRING &&
			!has_name(second, name, name->text) &&
			!has_name(first, NULL, name->text);
	return count;
}

/*
 * Does a list have this name before its element end?
 */
static bool
has_name(const HitlJson *people, const HitlJson *end, const char *name)
{
	const HitlJson *element;

	for (element = people == NULL ? NULL : people->first;
		 element != NULL && element != end; element = element->next)
	{
		if (element->type == HITL_JSON_STRING &&
			strcmp(element->text, name) == 0)
			return true;
	}
	return false;
}

/*
 * "approval_threshold".  people: how many may answer, 0 where unknown.
 */
static void
parse_threshold(HitlParse *parse, const HitlPlace *place,
				const HitlJson *object, int people, HitlBuffer *terms)
{
	const HitlJson *member = hitl_json_member(object, "approval_threshold");
	HitlPlace here = {place, "approval_threshold", 0};
	int64_t threshold = 0;

	if (member != NULL)
	{
		if (!hitl_json_integer(member, &threshold) || threshold < 1 ||
			threshold > 1000000)
		{
			hitl_fault(parse, &here, "must be a whole number from 1 on");
			threshold = 0;
		}
		else if (people > 0 && threshold > people)
			hitl_fault(parse, &here, "only %d different people may answer",
					   people);
	}
	hitl_append_text(terms, ",\"approval_threshold\":");
	if (threshold > 0)
		hitl_append_integer(terms, threshold);
	else
		hitl_append_text(terms, "null");
}

/*
 * "timeout_hours", or "timeout" as other steps have it.
 */
static void
parse_time_limit(HitlParse *parse, const HitlPlace *place,
				 const HitlJson *object, HitlBuffer *terms)
{
	const HitlJson *member = hitl_json_member(object, "timeout_hours");
	HitlPlace here = {place, "timeout_hours", 0};
	int64_t limit = hitl_get_duration(parse, place, object, "timeout");
	double hours;

	if (member != NULL)
	{
		if (limit > 0)
			hitl_fault(parse, &here,
					   "give either \"timeout\" or \"timeout_hours\"");
		if (!hitl_json_number(member, &hours) ||
			!(hours * HOUR_MS >= 1 &&
			  hours * HOUR_MS <= (double) HITL_MAX_DURATION_MS))
			hitl_fault(parse, &here,
					   "must be a number of hours above 0, at most ten years");
		else
			limit = (int64_t) (hours * HOUR_MS + 0.5);
	}
	hitl_append_text(terms, ",\"timeout_seconds\":");
	if (limit > 0)
		hitl_append_seconds(terms, limit);
	else
		hitl_append_text(terms, "null");
}

/*
 * "policy", in the place of the simple form.
 */
static void
parse_policy(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
			 HitlBuffer *terms)
{
	static const char *const simple[] = {"requested_from", "required_approvers",
										 "approval_threshold", NULL};
	const HitlJson *member = hitl_json_member(object, "policy");
	HitlPlace here = {place, "policy", 0};
	const char *const *name;
	HitlFaults faults = {0};
	HitlPolicy *policy = NULL;
	HitlResult result;
	char *text;

	if (member == NULL)
		return;
	for (name = simple; *name != NULL; name++)
		if (hitl_json_member(object, *name) != NULL)
			hitl_fault(parse, &here, "give either \"policy\" or \"%s\"", *name);
	if (hitl_json_member(member, "timeout") != NULL &&
		(hitl_json_member(object, "timeout") != NULL ||
		 hitl_json_member(object, "timeout_hours") != NULL))
		hitl_fault(parse, &here, "the time limit is stated twice");
	text = hitl_json_text(parse->arena, member);
	if (text == NULL)
		return;
	if (hitl_has_template(text))
		hitl_fault(parse, &here, "templates are not possible here");
	result = hitl_parse_policy(text, &policy, &faults);
	if (result == HITL_OK)
		hitl_free_policy(policy);
	else
		add_faults(parse, &here, result, &faults);
	hitl_free_faults(&faults);
	hitl_append_text(terms, ",\"policy\":");
	hitl_json_write(terms, member);
}

/*
 * "form_fields" of a form.
 */
static void
parse_form(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
		   const char *type, HitlBuffer *terms)
{
	const HitlJson *member = hitl_json_member(object, "form_fields");
	HitlFaults faults = {0};
	HitlResult result;
	char *text;
	char *schema = NULL;
	char *ui_schema = NULL;

	if (member == NULL)
		return;
	if (strcmp(type, "form") != 0)
	{
		HitlPlace here = {place, "form_fields", 0};

		hitl_fault(parse, &here, "is for approvals of type form");
		return;
	}
	text = hitl_json_text(parse->arena, member);
	if (text == NULL)
		return;
	result = hitl_build_form("form", text, "{}", &schema, &ui_schema, &faults);
	if (result != HITL_OK)
		add_faults(parse, place, result, &faults);
	hitl_free_faults(&faults);
	free(schema);
	free(ui_schema);
	hitl_append_text(terms, ",\"form_fields\":");
	hitl_json_write(terms, member);
}

/*
 * Faults of a document within the definition.
 */
static void
add_faults(HitlParse *parse, const HitlPlace *place, HitlResult result,
		   const HitlFaults *faults)
{
	int i;

	if (result != HITL_INVALID)
		parse->result = result;
	for (i = 0; i < faults->count; i++)
	{
		HitlPlace inner = {place, faults->items[i].pointer, HITL_WITHIN};

		hitl_fault(parse, &inner, "%s", faults->items[i].message);
	}
}
