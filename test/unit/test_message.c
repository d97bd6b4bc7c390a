/*
 * test_message.c
 *		What the vectors of messages do not show: faulty documents, templates
 *		that fail, limits, and answers read from forms.
 */
#include "harness.h"

#include "core/message.h"

#define REQUEST(members) \
	"{\"approval\":{\"id\":\"i\",\"title\":\"t\",\"status\":\"pending\"" members \
	"}"

static char *kept = NULL;

static const char *keep(char *text);
static const char *why_not_mail(const char *document, const char *data);
static const char *read_form(const char *fields, const char *schema);
static const char *read_slack(const char *values, const char *schema);
static json_t *render_json(HitlResult (*render)(const char *document,
												char **text, char **error),
						   const char *document);
static size_t units(const char *text);
static void check_lengths(json_t *value, size_t longest);

/*
 * A text that is freed with the next one.
 */
static const char *
keep(char *text)
{
	free(kept);
	kept = text;
	return text;
}

/*
 * Why a mail cannot be rendered.
 */
static const char *
why_not_mail(const char *document, const char *data)
{
	Memory memory;
	char *text;
	char *error;

	memory_init(&memory, data);
	CHECK_INT(hitl_render_mail(document, &memory.host, &text, &error),
			  HITL_INVALID);
	CHECK(text == NULL);
	memory_free(&memory);
	return keep(error);
}

static const char *
read_form(const char *fields, const char *schema)
{
	char *answer;
	char *error;
	HitlResult result = hitl_read_form_answer(fields, schema, &answer, &error);

	CHECK((answer != NULL) == (result == HITL_OK));
	return keep(answer != NULL ? answer : error);
}

static const char *
read_slack(const char *values, const char *schema)
{
	char *answer;
	char *error;
	HitlResult result = hitl_read_slack_answer(values, schema, &answer, &error);

	CHECK((answer != NULL) == (result == HITL_OK));
	return keep(answer != NULL ? answer : error);
}

/*
 * What is rendered, read by another reader.
 */
static json_t *
render_json(HitlResult (*render)(const char *document, char **text,
								 char **error),
			const char *document)
{
	char *text;
	char *error;
	json_t *json;

	CHECK_INT(render(document, &text, &error), HITL_OK);
	CHECK(error == NULL);
	json = json_loads(text == NULL ? "" : text, 0, NULL);
	CHECK(json != NULL);
	free(text);
	return json;
}

/*
 * The length of a text in UTF-16.
 */
static size_t
units(const char *text)
{
	size_t count = 0;

	for (; *text != '\0'; text++)
		count += (((unsigned char) *text & 0xC0) != 0x80) +
			((unsigned char) *text >= 0xF0);
	return count;
}

/*
 * No text in a message is longer.
 */
static void
check_lengths(json_t *value, size_t longest)
{
	json_t *child;
	const char *key;
	size_t i;

	if (json_is_string(value))
		CHECK(units(json_string_value(value)) <= longest);
	json_array_foreach(value, i, child)
		check_lengths(child, longest);
	json_object_foreach(value, key, child)
		check_lengths(child, longest);
}

TEST(faulty_documents)
{
	char *text;
	char *error;

	CHECK_TEXT(why_not_mail("{", NULL), "a member name in quotes is expected");
	CHECK_TEXT(why_not_mail("[]", NULL),
			   "the document must be an object, not an array");
	CHECK_TEXT(why_not_mail("{}", NULL),
			   "the document has no object \"approval\"");
	CHECK_TEXT(why_not_mail("{\"approval\":7}", NULL),
			   "the document has no object \"approval\"");
	CHECK_TEXT(why_not_mail("{\"approval\":{\"title\":\"t\"}}", NULL),
			   "the approval has no text \"id\"");
	CHECK_TEXT(why_not_mail("{\"approval\":{\"id\":\"i\",\"title\":7}}", NULL),
			   "the approval has no text \"title\"");
	CHECK(contains(
		why_not_mail(
			"{\"approval\":{\"id\":\"i\",\"title\":\"t\",\"status\":\"open\"}}",
			NULL),
		"the status of the approval is none of"));
	CHECK_INT(hitl_render_page("{}", &text, &error), HITL_INVALID);
	CHECK_TEXT(keep(error), "the document has no text \"page\"");
	CHECK_INT(hitl_render_page("{\"page\":\"<x>\"}", &text, &error),
			  HITL_INVALID);
	CHECK_TEXT(keep(error), "there is no page \"<x>\"");
	CHECK_INT(hitl_render_page("{\"page\":\"request\"}", &text, &error),
			  HITL_INVALID);
	CHECK_TEXT(keep(error), "the document has no object \"approval\"");
	CHECK_TEXT(read_form("[]", "{}"),
			   "the document must be an object, not an array");
	CHECK_TEXT(read_form("{}", "{"), "a member name in quotes is expected");
}

TEST(templates)
{
	Memory memory;
	char *text;
	char *error;

#define TEMPLATE(name, text) \
	REQUEST("") ",\"templates\":{\"" name "\":\"" text "\"}}"
	CHECK_TEXT(why_not_mail(TEMPLATE("subject", "{{ $.x }}"), NULL),
			   "template \"subject\": path $.x matches nothing");
	CHECK(contains(why_not_mail(TEMPLATE("text", "a {{ $.x"), NULL),
				   "template \"text\": a template has no end"));
	CHECK(contains(why_not_mail(TEMPLATE("html", "{{ ? }}"), NULL),
				   "template \"html\": "));
	CHECK(contains(why_not_mail(TEMPLATE("html", "{{ }}"), NULL),
				   "template \"html\": a template has no path in it"));

	/* A subject is one line; what is not text becomes JSON. */
	memory_init(&memory, "{\"a\":{\"b\":[1,\"<\"]},\"t\":\"x\\r\\nBcc: y\"}");
	CHECK_INT(
		hitl_render_mail(
			REQUEST("") ",\"templates\":{\"subject\":\"{{ $.t }}\","
						"\"html\":\"{{ $.a }}\",\"text\":\"{{$.a}} \\\\{{\"}}",
			&memory.host, &text, &error),
		HITL_OK);
	CHECK_TEXT(
		keep(text),
		"{\"subject\":\"x Bcc: y\",\"text\":\"{\\\"b\\\":[1,\\\"<\\\"]} {{\","
		"\"html\":\"{&quot;b&quot;:[1,&quot;&lt;&quot;]}\"}");
	memory.broken = true;
	CHECK_INT(hitl_render_mail(TEMPLATE("text", "{{ $.a }}"), &memory.host,
							   &text, &error),
			  HITL_HOST_FAILED);
	CHECK(text == NULL && error == NULL);
	CHECK_INT(hitl_render_mail(TEMPLATE("text", "{{ $.a }}"), NULL, &text,
							   &error),
			  HITL_HOST_FAILED);
	memory.broken = false;
	memory.raw = "no JSON";
	CHECK_INT(hitl_render_mail(TEMPLATE("text", "{{ $.a }}"), &memory.host,
							   &text, &error),
			  HITL_INVALID);
	CHECK_TEXT(keep(error),
			   "template \"text\": the match of path $.a cannot be used");
	memory_free(&memory);
}

TEST(subjects_are_cut_at_a_character)
{
	char document[2000];
	char title[1201] = "";
	json_t *mail;
	const char *subject;
	int i;

	for (i = 0; i < 300; i++)
		strcat(title, "\xF0\x9F\x98\x80");
	snprintf(
		document, sizeof(document),
		"{\"approval\":{\"id\":\"i\",\"title\":\"%s\",\"status\":\"approved\"}}",
		title);
	{
		Memory memory;
		char *text;
		char *error;

		memory_init(&memory, NULL);
		CHECK_INT(hitl_render_mail(document, &memory.host, &text, &error),
				  HITL_OK);
		mail = json_loads(text, 0, NULL);
		free(text);
		memory_free(&memory);
	}
	subject = json_string_value(json_object_get(mail, "subject"));
	CHECK_INT(hitl_characters(subject), 200);
	CHECK(contains(subject, "[hitl] Approved: \xF0\x9F\x98\x80"));
	CHECK_TEXT(subject + strlen(subject) - 7, "\xF0\x9F\x98\x80\xE2\x80\xA6");
	json_decref(mail);
}

TEST(slack_keeps_its_limits)
{
	json_t *document = json_loads(REQUEST("") "}", 0, NULL);
	json_t *approval = json_object_get(document, "approval");
	json_t *context = json_object();
	json_t *properties = json_object();
	json_t *message;
	json_t *block;
	char *text;
	char key[400];
	size_t i;

	text = calloc(1, 20001);
	for (i = 0; i < 20000; i += 5)
		memcpy(text + i, i % 10 == 0 ? "&\xF0\x9F\x98\x80" : "<<>&a", 5);
	for (i = 0; i < 120; i++)
	{
		snprintf(key, sizeof(key), "%0300zu", i);
		json_object_set_new(context, key, json_string(text));
		json_object_set_new(properties, i == 5 ? key : key + 200,
							json_pack("{s:s,s:s,s:s,s:{s:i}}", "type", "string",
									  "title", text, "description", text,
									  "default", "x", 1));
	}
	json_object_set_new(approval, "title", json_string(text));
	json_object_set_new(approval, "description", json_string(text));
	json_object_set_new(approval, "requested_by", json_string(text));
	json_object_set_new(approval, "context_data", context);
	free(text);

	text = json_dumps(document, 0);
	message = render_json(hitl_render_slack, text);
	free(text);
	check_lengths(message, 3000);
	block = json_object_get(message, "blocks");
	CHECK(json_array_size(block) <= 50);
	CHECK(units(json_string_value(
			  json_object_get(json_object_get(json_array_get(block, 0), "text"),
							  "text"))) <= 150);
	json_decref(message);

	json_object_set_new(approval, "answer_schema",
						json_pack("{s:s,s:o}", "type", "object", "properties",
								  properties));
	text = json_dumps(document, 0);
	message = render_json(hitl_render_slack_modal, text);
	free(text);
	check_lengths(message, 3000);
	CHECK_INT(json_array_size(json_object_get(message, "blocks")), 100);
	json_decref(message);
	json_decref(document);
}

TEST(metadata_has_an_end)
{
	char document[5000];
	char *text;
	char *error;

	snprintf(
		document, sizeof(document),
		"{\"approval\":{\"id\":\"%04000d\",\"title\":\"t\",\"status\":\"pending\"}}",
		0);
	CHECK_INT(hitl_render_slack_modal(document, &text, &error), HITL_INVALID);
	CHECK_TEXT(keep(error),
			   "what the view has to keep is longer than Slack takes");
}

TEST(no_buttons_without_a_question)
{
	json_t *message = render_json(
		hitl_render_slack,
		"{\"approval\":{\"id\":\"i\",\"title\":\"\\u0001\",\"status\":\"expired\"},"
		"\"links\":{\"review\":\"https://h/\",\"approve\":\"https://h/\"}}");
	char *text = json_dumps(message, 0);

	CHECK(!contains(text, "actions") && !contains(text, "https://h/"));
	free(text);
	json_decref(message);

	/* Other links than to pages are none. */
	message = render_json(hitl_render_slack,
						  REQUEST(
							  "") ",\"links\":{\"review\":\"javascript:x\"}}");
	text = json_dumps(message, 0);
	CHECK(contains(text, "hitl_approve") && !contains(text, "javascript"));
	free(text);
	json_decref(message);
}

#define FIELD(schema) \
	"{\"type\":\"object\",\"properties\":{\"f\":{" schema "}}}"

TEST(numbers_as_people_write_them)
{
	static const char *const numbers[][2] =
		{{"12", "{\"f\":12}"},
		 {" 12 ", "{\"f\":12}"},
		 {"+12", "{\"f\":12}"},
		 {"-007", "{\"f\":-7}"},
		 {"0.10", "{\"f\":0.10}"},
		 {".5", "{\"f\":0.5}"},
		 {"5.", "{\"f\":5}"},
		 {"0", "{\"f\":0}"},
		 {"00", "{\"f\":0}"},
		 {"1e3", "{\"f\":1e3}"},
		 {"123456789012345678901234567890.10",
		  "{\"f\":123456789012345678901234567890.10}"},
		 {"1,5", "{\"f\":\"1,5\"}"},
		 {"1 000", "{\"f\":\"1 000\"}"},
		 {"--1", "{\"f\":\"--1\"}"},
		 {"+-1", "{\"f\":\"+-1\"}"},
		 {".", "{\"f\":\".\"}"},
		 {"-", "{\"f\":\"-\"}"},
		 {"true", "{\"f\":\"true\"}"},
		 {"NaN", "{\"f\":\"NaN\"}"},
		 {"", "{}"},
		 {"  ", "{}"}};
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
	{
		char fields[100];

		snprintf(fields, sizeof(fields), "{\"/f\":\"%s\"}", numbers[i][0]);
		CHECK_TEXT(read_form(fields, FIELD("\"type\":\"number\"")),
				   numbers[i][1]);
		CHECK_TEXT(read_form(fields, FIELD("\"type\":[\"null\",\"integer\"]")),
				   numbers[i][1]);
	}
}

TEST(fields_of_a_form)
{
	/* Texts, choices of texts and of other values. */
	CHECK_TEXT(read_form("{\"/f\":\"12\",\"csrf\":\"x\"}",
						 FIELD("\"type\":\"string\"")),
			   "{\"f\":\"12\"}");
	CHECK_TEXT(read_form("{\"/f\":\" a\\r\\nb \"}",
						 FIELD("\"type\":\"string\"")),
			   "{\"f\":\" a\\r\\nb \"}");
	CHECK_TEXT(read_form("{\"/f\":\"\"}", FIELD("\"type\":\"string\"")), "{}");
	CHECK_TEXT(read_form("{\"/f\":\"1\"}", FIELD("\"enum\":[\"1\",\"2\"]")),
			   "{\"f\":\"1\"}");
	CHECK_TEXT(read_form("{\"/f\":\"1.50\"}", FIELD("\"enum\":[1.50,\"1\"]")),
			   "{\"f\":1.50}");
	CHECK_TEXT(read_form("{\"/f\":\"\\\"1\\\"\"}", FIELD("\"enum\":[1,\"1\"]")),
			   "{\"f\":\"1\"}");
	CHECK_TEXT(read_form("{\"/f\":\"9\"}", FIELD("\"enum\":[1,2]")),
			   "{\"f\":\"9\"}");
	CHECK_TEXT(read_form("{\"/f\":\"{\\\"const\\\":1}\"}",
						 FIELD("\"enum\":[{\"const\":1},2]")),
			   "{\"f\":{\"const\":1}}");
	CHECK_TEXT(
		read_form(
			"{\"/f\":\"2\"}",
			FIELD("\"oneOf\":[{\"const\":1},{\"const\":2,\"title\":\"x\"}]")),
		"{\"f\":2}");

	/* Of a box that may be ticked the last text counts. */
	CHECK_TEXT(read_form("{\"/f\":[\"false\",\"true\"]}",
						 FIELD("\"type\":\"boolean\"")),
			   "{\"f\":true}");
	CHECK_TEXT(read_form("{\"/f\":\"false\"}", FIELD("\"type\":\"boolean\"")),
			   "{\"f\":false}");
	CHECK_TEXT(read_form("{\"/f\":\"yes\"}", FIELD("\"type\":\"boolean\"")),
			   "{\"f\":\"yes\"}");
	CHECK_TEXT(read_form("{}", FIELD("\"type\":\"boolean\"")), "{}");

	/* Times of browsers are in UTC. */
	CHECK_TEXT(read_form("{\"/f\":\"2026-11-26T10:00\"}",
						 FIELD("\"type\":\"string\",\"format\":\"date-time\"")),
			   "{\"f\":\"2026-11-26T10:00:00Z\"}");
	CHECK_TEXT(read_form("{\"/f\":\"2026-11-26T10:00:01.5\"}",
						 FIELD("\"type\":\"string\",\"format\":\"date-time\"")),
			   "{\"f\":\"2026-11-26T10:00:01.5Z\"}");
	CHECK_TEXT(read_form("{\"/f\":\"2026-11-26T10:00:01+01:00\"}",
						 FIELD("\"type\":\"string\",\"format\":\"date-time\"")),
			   "{\"f\":\"2026-11-26T10:00:01+01:00\"}");
	CHECK_TEXT(read_form("{\"/f\":\"10:30\"}",
						 FIELD("\"type\":\"string\",\"format\":\"time\"")),
			   "{\"f\":\"10:30:00Z\"}");
	CHECK_TEXT(read_form("{\"/f\":\"2026-11-26\"}",
						 FIELD("\"type\":\"string\",\"format\":\"date\"")),
			   "{\"f\":\"2026-11-26\"}");
	CHECK_TEXT(read_form("{\"/f\":\"soon\"}",
						 FIELD("\"type\":\"string\",\"format\":\"date-time\"")),
			   "{\"f\":\"soon\"}");
}

TEST(lists_of_a_form)
{
	CHECK_TEXT(
		read_form("{\"/f\":\" a \\r\\n\\r\\nb,c\\nd\"}",
				  FIELD("\"type\":\"array\",\"items\":{\"type\":\"string\"}")),
		"{\"f\":[\"a\",\"b,c\",\"d\"]}");
	CHECK_TEXT(
		read_form("{\"/f\":\"1\\n2.0\\nx\"}",
				  FIELD("\"type\":\"array\",\"items\":{\"type\":\"number\"}")),
		"{\"f\":[1,2.0,\"x\"]}");
	CHECK_TEXT(
		read_form("{\"/f\":\"\\n \\n\"}",
				  FIELD("\"type\":\"array\",\"items\":{\"type\":\"number\"}")),
		"{}");
	CHECK_TEXT(
		read_form("{\"/f\":[\"2\",\"\\\"x\\\"\"]}",
				  FIELD("\"type\":\"array\",\"items\":{\"enum\":[1,2,\"x\"]}")),
		"{\"f\":[2,\"x\"]}");
	CHECK_TEXT(
		read_form("{\"/f\":\"2\"}",
				  FIELD("\"type\":\"array\",\"items\":{\"enum\":[1,2,\"x\"]}")),
		"{\"f\":[2]}");
	CHECK_TEXT(
		read_form(
			"{\"/f\":\"a\\nb\"}",
			FIELD(
				"\"anyOf\":[{\"type\":\"array\",\"items\":{\"type\":\"string\"}},{\"type\":\"string\"}]")),
		"{\"f\":[\"a\",\"b\"]}");

	/* What has no field of its kind is JSON, or stays what it is. */
	CHECK_TEXT(read_form("{\"/f\":\"{\\\"a\\\":[1.0]}\"}",
						 FIELD("\"type\":\"object\"")),
			   "{\"f\":{\"a\":[1.0]}}");
	CHECK_TEXT(read_form("{\"/f\":\"{\"}", FIELD("\"type\":\"object\"")),
			   "{\"f\":\"{\"}");
	CHECK_TEXT(
		read_form("{\"/f\":\"[{}]\"}",
				  FIELD("\"type\":\"array\",\"items\":{\"type\":\"object\"}")),
		"{\"f\":[{}]}");
}

TEST(groups_of_a_form)
{
	static const char *const schema =
		"{\"type\":\"object\",\"required\":[\"a\",\"n\"],\"properties\":{"
		"\"a\":{\"$ref\":\"#/$defs/place\"},\"b\":{\"$ref\":\"#/$defs/place\"},"
		"\"n\":{\"type\":[\"integer\",\"null\"]}},"
		"\"$defs\":{\"place\":{\"type\":\"object\",\"properties\":{"
		"\"x/y~\":{\"type\":\"integer\"},\"in\":{\"$ref\":\"#/$defs/place\"}}}}}";

	CHECK_TEXT(read_form("{}", schema), "{\"a\":{},\"n\":null}");
	CHECK_TEXT(
		read_form("{\"/b/x~1y~0\":\"1\",\"/a/in/in/x~1y~0\":\"2\"}", schema),
		"{\"a\":{\"in\":{\"in\":{\"x/y~\":2}}},\"b\":{\"x/y~\":1},\"n\":null}");

	/* The whole answer is one value. */
	CHECK_TEXT(read_form("{\"/\":\"07\"}", "{\"type\":\"integer\"}"), "7");
	CHECK_TEXT(read_form("{}", "{\"type\":\"integer\"}"), "null");
	CHECK_TEXT(read_form("{\"/\":\"[1]\"}", "{}"), "[1]");
	CHECK_TEXT(read_form("{\"/\":\"[1]\"}", "true"), "[1]");
	CHECK_TEXT(read_form("{}", "{\"properties\":{\"a\":{}}}"), "{}");
	CHECK_TEXT(read_form("{\"/a\":\"1\"}", "{\"properties\":{\"a\":{}}}"),
			   "{\"a\":1}");

	/* References that lead nowhere, or round. */
	CHECK_TEXT(read_form("{\"/f\":\"1\"}", FIELD("\"$ref\":\"#/none\"")),
			   "{\"f\":1}");
	CHECK_TEXT(read_form("{\"/f\":\"1\"}",
						 FIELD("\"$ref\":\"#/properties/f\"")),
			   "{\"f\":1}");
	CHECK_TEXT(
		read_form(
			"{\"/f\":\"[1]\"}",
			FIELD(
				"\"anyOf\":[{\"type\":\"array\",\"items\":{\"$ref\":\"#/properties/f\"}}]")),
		"{\"f\":[1]}");
}

TEST(values_of_a_view)
{
#define VIEW(typed) "{\"answer/f\":{\"value\":{" typed "}},\"decision\":{}}"
	CHECK_TEXT(read_slack(VIEW("\"type\":\"number_input\",\"value\":\"1.10\""),
						  FIELD("\"type\":\"number\"")),
			   "{\"f\":1.10}");
	CHECK_TEXT(read_slack(VIEW("\"value\":null"), FIELD("\"type\":\"number\"")),
			   "{}");
	CHECK_TEXT(
		read_slack(VIEW("\"value\":\"a\\nb\""),
				   FIELD("\"type\":\"array\",\"items\":{\"type\":\"string\"}")),
		"{\"f\":[\"a\",\"b\"]}");
	CHECK_TEXT(read_slack(VIEW("\"selected_option\":{\"value\":\"1\"}"),
						  FIELD("\"enum\":[\"1\",2.50]")),
			   "{\"f\":2.50}");
	CHECK_TEXT(read_slack(VIEW("\"selected_option\":null"),
						  FIELD("\"enum\":[\"1\",2.50]")),
			   "{}");
	CHECK_TEXT(read_slack(VIEW("\"selected_option\":{\"value\":\"7\"}"),
						  FIELD("\"enum\":[\"1\",2.50]")),
			   "{\"f\":\"7\"}");
	CHECK_TEXT(
		read_slack(
			VIEW("\"selected_options\":[{\"value\":\"0\"},{\"value\":\"1\"}]"),
			FIELD("\"type\":\"array\",\"items\":{\"enum\":[\"a\",\"b\"]}")),
		"{\"f\":[\"a\",\"b\"]}");
	CHECK_TEXT(read_slack(VIEW("\"selected_options\":[]"),
						  FIELD("\"type\":\"array\",\"items\":{\"enum\":[1]}")),
			   "{}");
	CHECK_TEXT(read_slack(VIEW("\"selected_option\":{\"value\":\"false\"}"),
						  FIELD("\"type\":\"boolean\"")),
			   "{\"f\":false}");
	CHECK_TEXT(read_slack(VIEW("\"selected_date\":\"2026-11-26\""),
						  FIELD("\"type\":\"string\",\"format\":\"date\"")),
			   "{\"f\":\"2026-11-26\"}");
	CHECK_TEXT(read_slack(VIEW("\"selected_time\":\"09:30\""),
						  FIELD("\"type\":\"string\",\"format\":\"time\"")),
			   "{\"f\":\"09:30:00Z\"}");
	CHECK_TEXT(read_slack(VIEW("\"selected_date_time\":1795683600"),
						  FIELD(
							  "\"type\":\"string\",\"format\":\"date-time\"")),
			   "{\"f\":\"2026-11-26T09:00:00Z\"}");
	CHECK_TEXT(read_slack("{\"x/f\":{\"value\":{\"value\":\"1\"}}}",
						  FIELD("\"type\":\"number\"")),
			   "{}");
	CHECK_TEXT(read_slack("{\"answer/f\":7}", FIELD("\"type\":\"number\"")),
			   "{}");
}

TEST(answers_without_memory)
{
	static const char *const schema =
		"{\"type\":\"object\",\"required\":[\"a\"],\"properties\":{"
		"\"a\":{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"number\"}}},"
		"\"l\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
		"\"c\":{\"type\":\"array\",\"items\":{\"enum\":[1,2]}},"
		"\"t\":{\"type\":\"string\",\"format\":\"date-time\"}}}";
	static const char *const fields =
		"{\"/a/n\":\"1\",\"/l\":\"x\\ny\",\"/c\":[\"1\",\"2\"],\"/t\":\"2026-11-26T10:00\"}";
	static const char *const values =
		"{\"answer/c\":{\"value\":{\"selected_options\":[{\"value\":\"0\"}]}},"
		"\"answer/t\":{\"value\":{\"selected_date_time\":0}},"
		"\"answer/l\":{\"value\":{\"value\":\"x\\ny\"}}}";
	HitlResult result = HITL_NO_MEMORY;
	char *answer;
	char *error;
	long n;

	for (n = 0; result == HITL_NO_MEMORY && n < 10000; n++)
	{
		allocations_left = n;
		result = hitl_read_form_answer(fields, schema, &answer, &error);
		allocations_left = -1;
		CHECK((answer == NULL) == (result != HITL_OK));
	}
	CHECK_INT(result, HITL_OK);
	CHECK_TEXT(keep(answer),
			   "{\"a\":{\"n\":1},\"l\":[\"x\",\"y\"],\"c\":[1,2],"
			   "\"t\":\"2026-11-26T10:00:00Z\"}");
	result = HITL_NO_MEMORY;
	for (n = 0; result == HITL_NO_MEMORY && n < 10000; n++)
	{
		allocations_left = n;
		result = hitl_read_slack_answer(values, schema, &answer, &error);
		allocations_left = -1;
		CHECK((answer == NULL) == (result != HITL_OK));
	}
	CHECK_INT(result, HITL_OK);
	CHECK_TEXT(keep(answer),
			   "{\"a\":{},\"l\":[\"x\",\"y\"],\"c\":[1],"
			   "\"t\":\"1970-01-01T00:00:00Z\"}");
	keep(NULL);
}

SUITE(message, RUN(faulty_documents), RUN(templates),
	  RUN(subjects_are_cut_at_a_character), RUN(slack_keeps_its_limits),
	  RUN(metadata_has_an_end), RUN(no_buttons_without_a_question),
	  RUN(numbers_as_people_write_them), RUN(fields_of_a_form),
	  RUN(lists_of_a_form), RUN(groups_of_a_form), RUN(values_of_a_view),
	  RUN(answers_without_memory));
