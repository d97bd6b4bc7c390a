/*
 * message_vector.c
 *		Renders the documents of test/vectors/message and compares what comes
 *		out with the files in expected/, which a person can read.  With the
 *		environment variable HITL_WRITE_EXPECTED set it writes them instead.
 *
 * Each document is rendered with memory for less and less of it, too, and with
 * a text in the place of all texts that is meant to break out of what it
 * stands in.
 */
#include "message_vector.h"

#include "core/message.h"

#define FOLDER "test/vectors/message"

/* Markup of HTML and of Slack, and the end of any attribute. */
#define MARKER "<x\"'&>\r\n\xE2\x80\xAE"

typedef struct Kind
{
	const char *name;
	bool html; /* what comes out is HTML, else JSON */
	HitlResult (*render)(const char *document, char **text, char **error);
} Kind;

static HitlHost *template_host;

static HitlResult render_mail(const char *document, char **text, char **error);
static void render_as(const char *vector, const Kind *kind, json_t *document);
static void compare_page(const char *vector, const char *kind,
						 const char *text);
static void compare(const char *vector, const char *kind, const char *suffix,
					const char *got);
static void without_memory(const Kind *kind, const char *document,
						   const char *expected);
static void with_markers(const Kind *kind, json_t *document);
static json_t *mark(const char *key, json_t *value);
static void check_marked(const Kind *kind, const char *key, json_t *value);

static const Kind kinds[] = {{"mail", false, render_mail},
							 {"slack", false, hitl_render_slack},
							 {"modal", false, hitl_render_slack_modal},
							 {"page", true, hitl_render_page}};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* What must stay as it is, for the document to be one. */
static const char *const fixed[] = {"event", "page",	 "status",	 "links",
									"type",	 "required", "decision", "format",
									"$ref",	 "action",	 "templates"};

/*
 * Run a vector: {"render": [kinds], "document": {…}}.
 */
void
run_message_vector(const char *path)
{
	json_t *vector = json_load_file(path, 0, NULL);
	json_t *document = json_object_get(vector, "document");
	const char *name = strrchr(path, '/') + 1;
	char plain[100];
	json_t *wanted;
	size_t i;
	size_t k;

	snprintf(plain, sizeof(plain), "%.*s", (int) strcspn(name, "."), name);
	CHECK(document != NULL);
	json_array_foreach(json_object_get(vector, "render"), i, wanted)
	{
		for (k = 0; k < KINDS; k++)
		{
			if (strcmp(kinds[k].name, json_string_value(wanted)) == 0)
				break;
		}
		CHECK(k < KINDS);
		if (k < KINDS)
			render_as(plain, &kinds[k], document);
	}
	json_decref(vector);
}

/*
 * With the host of the document, over which templates have their paths.
 */
static HitlResult
render_mail(const char *document, char **text, char **error)
{
	return hitl_render_mail(document, template_host, text, error);
}

/*
 * Render one document in one way.
 */
static void
render_as(const char *vector, const Kind *kind, json_t *document)
{
	char *input = json_dumps(document, 0);
	char *text;
	char *error;
	Memory memory;
	long keep = allocations_left;

	memory_init(&memory, input);
	template_host = &memory.host;
	CHECK_INT(kind->render(input, &text, &error), HITL_OK);
	CHECK(error == NULL);
	if (text != NULL && kind->html)
		compare_page(vector, kind->name, text);
	else if (text != NULL)
	{
		json_t *json = json_loads(text, 0, NULL);
		char *pretty;
		char *lines;

		CHECK(json != NULL);
		if (strcmp(kind->name, "mail") == 0)
		{
			const char *html = json_string_value(json_object_get(json, "html"));
			size_t size = strlen(text) + 20;

			lines = malloc(size);
			snprintf(lines, size, "Subject: %s\n\n%s",
					 json_string_value(json_object_get(json, "subject")),
					 json_string_value(json_object_get(json, "text")));
			compare(vector, kind->name, "txt", lines);
			free(lines);
			if (html != NULL)
				compare(vector, kind->name, "html", html);
		}
		else
		{
			pretty = json_dumps(json, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
			lines = malloc(strlen(pretty) + 2);
			sprintf(lines, "%s\n", pretty);
			compare(vector, kind->name, "json", lines);
			free(lines);
			free(pretty);
		}
		json_decref(json);
	}
	without_memory(kind, input, text);
	with_markers(kind, document);
	free(text);
	free(input);
	memory_free(&memory);
	allocations_left = keep;
}

/*
 * Of a page the style sheet is compared with a file of its own, to which the
 * page then refers.
 */
static void
compare_page(const char *vector, const char *kind, const char *text)
{
	const char *style = strstr(text, "<style>");
	const char *end = strstr(text, "</style>");
	char *page = malloc(strlen(text) + 100);
	char *sheet;

	CHECK(style != NULL && end != NULL);
	sheet = strndup(style + 7, end - style - 7);
	compare("page", "style", "css", sheet);
	sprintf(page, "%.*s<link rel=\"stylesheet\" href=\"page.style.css\">%s",
			(int) (style - text), text, end + 8);
	compare(vector, kind, "html", page);
	free(sheet);
	free(page);
}

/*
 * Compare with what is expected, or write it.
 */
static void
compare(const char *vector, const char *kind, const char *suffix,
		const char *got)
{
	char path[300];
	FILE *file;
	char *expected;
	size_t size;

	snprintf(path, sizeof(path), FOLDER "/expected/%s.%s.%s", vector, kind,
			 suffix);
	if (getenv("HITL_WRITE_EXPECTED") != NULL)
	{
		file = fopen(path, "w");
		CHECK(file != NULL && fputs(got, file) >= 0 && fclose(file) == 0);
		return;
	}
	file = fopen(path, "r");
	if (file == NULL)
	{
		report_failure(__FILE__, __LINE__, "%s is missing", path);
		return;
	}
	size = strlen(got) + 1;
	expected = calloc(1, size + 1);
	if (fread(expected, 1, size, file) != size - 1 ||
		strcmp(expected, got) != 0)
	{
		size_t same = 0;

		while (got[same] != '\0' && got[same] == expected[same])
			same++;
		report_failure(__FILE__, __LINE__, "%s is different at byte %zu: %.60s",
					   path, same, got + same);
	}
	free(expected);
	fclose(file);
}

/*
 * With memory for so many allocations it fails as it should, or does all.
 */
static void
without_memory(const Kind *kind, const char *document, const char *expected)
{
	HitlResult result = HITL_NO_MEMORY;
	char *text;
	char *error;
	long n;

	for (n = 0; result == HITL_NO_MEMORY && n < 1000000; n += 1 + n / 10)
	{
		allocations_left = n;
		result = kind->render(document, &text, &error);
		allocations_left = -1;
		CHECK((text == NULL) == (result != HITL_OK));
		CHECK(error == NULL);
		if (text != NULL)
			CHECK_TEXT(text, expected);
		free(text);
		if (result != HITL_OK && result != HITL_NO_MEMORY)
			CHECK_INT(result, HITL_NO_MEMORY);
	}
	CHECK(n > 5);
}

/*
 * No text gets out of its place.
 */
static void
with_markers(const Kind *kind, json_t *document)
{
	json_t *marked = mark("", document);
	char *input = json_dumps(marked, 0);
	char *text = NULL;
	char *error = NULL;

	CHECK_INT(kind->render(input, &text, &error), HITL_OK);
	if (text != NULL && kind->html)
		CHECK(strstr(text, "<x") == NULL); /* what was typed stays else */
	else if (text != NULL)
	{
		json_t *json = json_loads(text, 0, NULL);

		CHECK(json != NULL);
		check_marked(kind, "", json);
		json_decref(json);
	}
	free(text);
	free(error);
	free(input);
	json_decref(marked);
}

/*
 * A copy with the marker in the place of texts and before keys of the context.
 */
static json_t *
mark(const char *key, json_t *value)
{
	json_t *copy;
	json_t *child;
	const char *name;
	size_t i;

	for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
	{
		if (strcmp(fixed[i], key) == 0)
			return json_incref(value);
	}
	if (json_is_string(value))
		return json_string(MARKER);
	if (json_is_array(value))
	{
		copy = json_array();
		json_array_foreach(value, i, child)
			json_array_append_new(copy, mark("", child));
		return copy;
	}
	if (!json_is_object(value))
		return json_incref(value);
	copy = json_object();
	json_object_foreach(value, name, child)
	{
		char marked[200];

		snprintf(marked, sizeof(marked), "%s%s",
				 strcmp(key, "context_data") == 0 ||
						 strcmp(key, "properties") == 0
					 ? MARKER
					 : "",
				 name);
		json_object_set_new(copy, marked, mark(name, child));
	}
	return copy;
}

/*
 * In a message for Slack nothing is left that it would take for markup but our
 * own dates; in HTML there is none, nor in a subject the end of a line.
 */
static void
check_marked(const Kind *kind, const char *key, json_t *value)
{
	const char *text = json_string_value(value);
	json_t *child;
	const char *name;
	size_t i;

	if (text != NULL && strcmp(kind->name, "mail") == 0)
	{
		if (strcmp(key, "html") == 0)
			CHECK(strstr(text, "<x") == NULL);
		if (strcmp(key, "subject") == 0)
			CHECK(strpbrk(text, "\r\n") == NULL);
		CHECK(strstr(text, "\xE2\x80\xAE") == NULL);
	}
	else if (text != NULL && strcmp(key, "text") == 0)
		CHECK(strstr(text, "<x") == NULL && strchr(text, '\r') == NULL &&
			  strstr(text, "\xE2\x80\xAE") == NULL);
	json_array_foreach(value, i, child)
		check_marked(kind, key, child);
	json_object_foreach(value, name, child)
		check_marked(kind, name, child);
}
