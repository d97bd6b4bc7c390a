/*
 * fuzz_message.c
 *		Any text as a document of messages and pages, and with markup in all of
 *		its texts; and any as what was filled in.  The input is the document, a
 *		NUL, what was filled in, a NUL, and the schema of the answer.
 */
#include "fuzz.h"

#include "core/message.h"

/* Ends elements, attributes, and texts of Slack. */
#define MARKER "<x\"'&>"

#define MAX_OPEN 2000

/*
 * Must be HTML whose elements are closed in their order, and whose attributes
 * are quoted.
 */
static void
must_be_balanced(const char *html)
{
	static const char *const alone[] = {"meta", "br", "input", NULL};
	const char *open[MAX_OPEN];
	size_t lengths[MAX_OPEN];
	int count = 0;
	const char *p = html;

	while ((p = strchr(p, '<')) != NULL)
	{
		const char *name = ++p;
		size_t length;
		bool closes = *p == '/';
		int i;

		if (*p == '!')
			continue;
		name += closes;
		length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789");
		MUST(length > 0);
		for (p = name + length; *p != '>'; p++)
		{
			MUST(*p != '\0' && *p != '<');
			if (*p == '"')
			{
				p = strpbrk(p + 1, "\"<>");
				MUST(p != NULL && *p == '"');
			}
		}
		for (i = 0; alone[i] != NULL; i++)
		{
			if (strlen(alone[i]) == length &&
				strncmp(alone[i], name, length) == 0)
				break;
		}
		if (closes)
		{
			MUST(count > 0);
			count--;
			MUST(lengths[count] == length &&
				 strncmp(open[count], name, length) == 0);
		}
		else if (alone[i] == NULL)
		{
			MUST(count < MAX_OPEN);
			open[count] = name;
			lengths[count++] = length;
		}
	}
	MUST(count == 0);
}

/*
 * The texts of a message for Slack, or the HTML of a mail.
 */
static void
check_texts(const HitlJson *value)
{
	const HitlJson *child;

	if (value->key != NULL && strcmp(value->key, "html") == 0)
		must_be_balanced(value->text);
	if (value->key != NULL && strcmp(value->key, "subject") == 0)
		MUST(strpbrk(value->text, "\r\n") == NULL && value->length > 0);
	for (child = value->first; child != NULL; child = child->next)
		check_texts(child);
}

static void
check_slack(const HitlJson *value, size_t longest)
{
	const HitlJson *child;

	if (value->type == HITL_JSON_STRING)
		MUST(hitl_characters(value->text) <= longest);
	if (value->key != NULL && strcmp(value->key, "text") == 0 &&
		value->type == HITL_JSON_STRING)
		MUST(strstr(value->text, "<x") == NULL && value->length > 0);
	if (value->key != NULL && strcmp(value->key, "blocks") == 0)
		MUST(value->count > 0 && value->count <= 100);
	for (child = value->first; child != NULL; child = child->next)
		check_slack(child, longest);
}

/*
 * All that can be made of a document.
 */
static void
render(const char *document)
{
	HitlArena arena;
	const HitlJson *json;
	char *text;
	char *error;
	HitlResult result;

	hitl_arena_init(&arena);
	result = hitl_render_mail(document, &fuzz_host, &text, &error);
	MUST((result == HITL_OK) == (text != NULL));
	MUST(result != HITL_INVALID || error != NULL);
	if (text != NULL)
	{
		MUST(hitl_json_parse(&arena, text, strlen(text), 0, &json, NULL) ==
			 HITL_OK);
		if (strstr(document, "templates") == NULL)
			check_texts(json);
	}
	free(text);
	free(error);
	result = hitl_render_slack(document, &text, &error);
	MUST(result == HITL_OK || (result == HITL_INVALID && error != NULL));
	if (text != NULL)
	{
		MUST(hitl_json_parse(&arena, text, strlen(text), 0, &json, NULL) ==
			 HITL_OK);
		check_slack(json, 3000);
		MUST(hitl_json_member(json, "blocks")->count <= 50);
	}
	free(text);
	free(error);
	result = hitl_render_slack_modal(document, &text, &error);
	MUST(result == HITL_OK || (result == HITL_INVALID && error != NULL));
	if (text != NULL)
	{
		MUST(hitl_json_parse(&arena, text, strlen(text), 0, &json, NULL) ==
			 HITL_OK);
		check_slack(json, 3000);
	}
	free(text);
	free(error);
	result = hitl_render_page(document, &text, &error);
	MUST(result == HITL_OK || (result == HITL_INVALID && error != NULL));
	if (text != NULL)
	{
		must_be_text(text);
		must_be_balanced(text);
		MUST(strstr(text, "<x") == NULL);
	}
	else
		must_be_text(error);
	free(text);
	free(error);
	hitl_arena_free(&arena);
}

/*
 * Write a document with the marker after its texts and keys, but for those that
 * make it what it is.
 */
static void
mark(HitlBuffer *out, const HitlJson *value, bool keys)
{
	static const char *const fixed[] = {"event", "page",   "status", "decision",
										"type",	 "format", "$ref",	 NULL};
	const HitlJson *child;

	if (value->key != NULL)
	{
		int i;

		for (i = 0; fixed[i] != NULL; i++)
		{
			if (strcmp(fixed[i], value->key) == 0)
			{
				hitl_json_write(out, value);
				return;
			}
		}
	}
	if (value->type == HITL_JSON_STRING)
	{
		hitl_append_char(out, '"');
		hitl_json_write_content(out, value->text, value->length);
		hitl_json_write_content(out, MARKER, strlen(MARKER));
		hitl_append_char(out, '"');
		return;
	}
	if (value->type < HITL_JSON_STRING)
	{
		hitl_json_write(out, value);
		return;
	}
	hitl_append_char(out, value->type == HITL_JSON_ARRAY ? '[' : '{');
	for (child = value->first; child != NULL; child = child->next)
	{
		if (child != value->first)
			hitl_append_char(out, ',');
		if (child->key != NULL)
		{
			hitl_append_char(out, '"');
			hitl_json_write_content(out, child->key, strlen(child->key));
			if (keys)
				hitl_json_write_content(out, MARKER, strlen(MARKER));
			hitl_append_text(out, "\":");
		}
		mark(out, child,
			 child->key != NULL &&
				 (strcmp(child->key, "context_data") == 0 ||
				  strcmp(child->key, "properties") == 0));
	}
	hitl_append_char(out, value->type == HITL_JSON_ARRAY ? ']' : '}');
}

/*
 * Read an answer, which what was typed and the schema may not even be.
 */
static void
read_answer(const char *typed, const char *schema)
{
	char *answer;
	char *error;
	HitlResult result;

	result = hitl_read_form_answer(typed, schema, &answer, &error);
	MUST(result == HITL_OK || (result == HITL_INVALID && error != NULL));
	must_be_json(answer);
	free(answer);
	free(error);
	result = hitl_read_slack_answer(typed, schema, &answer, &error);
	MUST(result == HITL_OK || (result == HITL_INVALID && error != NULL));
	must_be_json(answer);
	free(answer);
	free(error);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	HitlArena arena;
	HitlBuffer marked;
	const HitlJson *json;
	const char *document;
	const char *typed;
	const char *end;
	char *text;

	if (size > 20000)
		return 0;
	hitl_arena_init(&arena);
	text = hitl_copy_text(&arena, (const char *) data, size);
	end = text + size;
	document = text;
	typed = document + strlen(document);
	typed += typed < end;
	render(document);
	if (hitl_json_parse(&arena, document, strlen(document), 0, &json, NULL) ==
		HITL_OK)
	{
		hitl_buffer_init(&marked, &arena);
		mark(&marked, json, false);
		render(hitl_buffer_text(&marked));
	}
	if (typed < end)
		read_answer(typed,
					typed + strlen(typed) + (typed + strlen(typed) < end));
	hitl_arena_free(&arena);
	return 0;
}
