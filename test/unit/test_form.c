/*
 * test_form.c
 *		The forms of the built-in types of approval.
 */
#include "core/schema.h"
#include "harness.h"

static void
check_form(int line, const char *type, const char *fields, const char *context,
		   const char *schema, const char *ui)
{
	HitlFaults faults = {0};
	char *got;
	char *got_ui;

	CHECK_INT(hitl_build_form(type, fields, context, &got, &got_ui, &faults),
			  HITL_OK);
	report_faults(__FILE__, line, &faults);
	check_text(__FILE__, line, got, schema);
	check_text(__FILE__, line, got_ui, ui);
	free(got);
	free(got_ui);
	hitl_free_faults(&faults);
}

#define FORM(type, fields, context, schema, ui) \
	check_form(__LINE__, type, fields, context, schema, ui)

/*
 * There is no form, for exactly this reason.
 */
static void
check_form_fault(int line, const char *type, const char *fields,
				 const char *context, const char *pointer, const char *part)
{
	HitlFaults faults = {0};
	char *schema;
	char *ui;

	if (hitl_build_form(type, fields, context, &schema, &ui, &faults) !=
		HITL_INVALID)
		report_failure(__FILE__, line, "taken: %s %s %s", type, fields,
					   context);
	CHECK(schema == NULL && ui == NULL);
	check_only_fault(__FILE__, line, &faults, pointer, part);
	hitl_free_faults(&faults);
}

#define FORM_FAULT(type, fields, context, pointer, part) \
	check_form_fault(__LINE__, type, fields, context, pointer, part)
#define FIELD_FAULT(field, pointer, part) \
	FORM_FAULT("form", "[" field "]", NULL, "/form_fields/0" pointer, part)

/* A form of one optional field. */
#define ONE(schema) \
	"{\"type\":\"object\",\"properties\":{\"f\":" schema \
	"},\"additionalProperties\":false}"
#define ONE_UI(hints) "{\"f\":" hints ",\"ui:order\":[\"f\"]}"
#define FIELD(field, schema, hints) \
	FORM("form", "[{\"name\":\"f\"," field "}]", NULL, ONE(schema), \
		 ONE_UI(hints))

TEST(binary)
{
	FORM("binary", NULL, NULL, NULL, NULL);
	FORM("binary", "null", "{\"form_fields\":7}", NULL, NULL);
	FORM_FAULT("binary", "[]", NULL, "/form_fields", "no fields of its own");
	FORM_FAULT("binary", NULL, "[]", "/context_data", "must be an object");
	FORM_FAULT("binary", NULL, "{", "/context_data", "not JSON");
}

TEST(types)
{
	FORM_FAULT("bugdet", NULL, NULL, "/approval_type",
			   "perhaps \"budget\" is meant");
	FORM_FAULT("x", NULL, NULL, "/approval_type", "unknown type");
}

TEST(fields)
{
	FORM(
		"form",
		"[{\"name\":\"b\",\"type\":\"boolean\",\"title\":\"B\",\"required\":true},"
		"{\"name\":\"a\",\"type\":\"text\",\"description\":\"d\",\"required\":true}]",
		NULL,
		"{\"type\":\"object\",\"properties\":{\"b\":{\"type\":\"boolean\",\"title\":\"B\"},"
		"\"a\":{\"type\":\"string\",\"description\":\"d\"}},\"required\":[\"b\",\"a\"],"
		"\"additionalProperties\":false}",
		"{\"b\":{},\"a\":{},\"ui:order\":[\"b\",\"a\"]}");

	/* Those of the context, if none are given. */
	FORM("form", NULL,
		 "{\"form_fields\":[{\"name\":\"f\",\"type\":\"object\"}]}",
		 ONE("{\"type\":\"object\"}"), ONE_UI("{}"));
	FORM("form", "[{\"name\":\"f\",\"type\":\"array\"}]",
		 "{\"form_fields\":[]}", ONE("{\"type\":\"array\"}"), ONE_UI("{}"));
}

TEST(types_of_fields)
{
	FIELD(
		"\"type\":\"string\",\"format\":\"uuid\",\"minLength\":1,\"maxLength\":9,\"pattern\":\"a\",\"enum\":[\"a\"]",
		"{\"type\":\"string\",\"minLength\":1,\"maxLength\":9,\"pattern\":\"a\",\"format\":\"uuid\",\"enum\":[\"a\"]}",
		"{}");
	FIELD(
		"\"type\":\"number\",\"minimum\":0.50,\"maximum\":12345678901234567890.12,\"default\":1",
		"{\"type\":\"number\",\"minimum\":0.50,\"maximum\":12345678901234567890.12,\"default\":1}",
		"{}");
	FIELD("\"type\":\"integer\",\"enum\":[1,2]",
		  "{\"type\":\"integer\",\"enum\":[1,2]}", "{}");
	FIELD("\"type\":\"array\",\"items\":{\"type\":\"string\"}",
		  "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}", "{}");
	FIELD("\"type\":\"textarea\"", "{\"type\":\"string\"}",
		  "{\"ui:widget\":\"textarea\"}");
	FIELD("\"type\":\"select\",\"enum\":[\"a\",\"b\"]",
		  "{\"type\":\"string\",\"enum\":[\"a\",\"b\"]}",
		  "{\"ui:widget\":\"select\"}");
	FIELD("\"type\":\"select\",\"enum\":[\"a\",1]", "{\"enum\":[\"a\",1]}",
		  "{\"ui:widget\":\"select\"}");
	FIELD(
		"\"type\":\"multiselect\",\"enum\":[\"a\"],\"default\":[\"a\"]",
		"{\"type\":\"array\",\"uniqueItems\":true,\"items\":{\"type\":\"string\",\"enum\":[\"a\"]},\"default\":[\"a\"]}",
		"{\"ui:widget\":\"checkboxes\"}");
	FIELD("\"type\":\"date\"", "{\"type\":\"string\",\"format\":\"date\"}",
		  "{\"ui:widget\":\"date\"}");
	FIELD("\"type\":\"datetime\"",
		  "{\"type\":\"string\",\"format\":\"date-time\"}",
		  "{\"ui:widget\":\"datetime\"}");
	FIELD("\"type\":\"email\"", "{\"type\":\"string\",\"format\":\"email\"}",
		  "{\"ui:widget\":\"email\"}");
	FIELD("\"type\":\"url\"", "{\"type\":\"string\",\"format\":\"uri\"}",
		  "{\"ui:widget\":\"uri\"}");
}

TEST(hints)
{
	FIELD(
		"\"type\":\"select\",\"enum\":[\"a\"],\"ui\":{\"widget\":\"radio\",\"ui:options\":{\"inline\":true}}",
		"{\"type\":\"string\",\"enum\":[\"a\"]}",
		"{\"ui:widget\":\"radio\",\"ui:options\":{\"inline\":true}}");
	FIELD("\"type\":\"textarea\",\"ui\":{\"help\":\"h\"}",
		  "{\"type\":\"string\"}",
		  "{\"ui:help\":\"h\",\"ui:widget\":\"textarea\"}");
	FIELD_FAULT(
		"{\"name\":\"f\",\"type\":\"text\",\"ui\":{\"help\":1,\"ui:help\":2}}",
		"/ui/ui:help", "twice");
	FIELD_FAULT("{\"name\":\"f\",\"type\":\"text\",\"ui\":{\"ui:\":1}}",
				"/ui/ui:", "needs a name");
	FIELD_FAULT("{\"name\":\"f\",\"type\":\"text\",\"ui\":[]}", "/ui",
				"must be an object");
}

TEST(faulty_fields)
{
	FORM_FAULT("form", NULL, NULL, "/context_data/form_fields", "needs fields");
	FORM_FAULT("form", NULL, "{\"form_fields\":[]}",
			   "/context_data/form_fields", "needs fields");
	FORM_FAULT("form", "[]", NULL, "/form_fields", "needs fields");
	FORM_FAULT("form", "{}", NULL, "/form_fields", "must be an array");
	FIELD_FAULT("7", "", "must be an object");
	FIELD_FAULT("{\"type\":\"text\"}", "", "\"name\" is missing");
	FIELD_FAULT("{\"name\":\"\",\"type\":\"text\"}", "/name", "not be empty");
	FIELD_FAULT("{\"name\":\"ui:order\",\"type\":\"text\"}", "/name",
				"must not begin");
	FIELD_FAULT("{\"name\":\"f\"}", "", "\"type\" is missing");
	FIELD_FAULT("{\"name\":\"f\",\"type\":\"txet\"}", "/type",
				"perhaps \"text\" is meant");
	FIELD_FAULT("{\"name\":\"f\",\"type\":\"text\",\"lable\":1}", "/lable",
				"unknown member");
	FIELD_FAULT("{\"name\":\"f\",\"type\":\"text\",\"required\":1}",
				"/required", "must be true or false");
	FIELD_FAULT("{\"name\":\"f\",\"type\":\"text\",\"title\":1}", "/title",
				"must be a string");
	FIELD_FAULT("{\"name\":\"f\",\"type\":\"text\",\"maximum\":1}", "/maximum",
				"means nothing for a field of type \"text\"");
	FIELD_FAULT("{\"name\":\"f\",\"type\":\"date\",\"enum\":[\"x\"]}", "/enum",
				"means nothing for a field of type \"date\"");
	FIELD_FAULT("{\"name\":\"f\",\"type\":\"select\"}", "",
				"\"enum\" is missing");
	FIELD_FAULT("{\"name\":\"f\",\"type\":\"select\",\"enum\":[]}", "/enum",
				"must not be empty");
	FIELD_FAULT("{\"name\":\"f\",\"type\":\"text\",\"minLength\":-1}",
				"/minLength", "whole number");
	FIELD_FAULT("{\"name\":\"f\",\"type\":\"text\",\"pattern\":\"(\"}",
				"/pattern", "regular expression");
	FIELD_FAULT("{\"name\":\"f\",\"type\":\"array\",\"items\":{\"typ\":1}}",
				"/items/typ", "not supported");
	FIELD_FAULT(
		"{\"name\":\"f\",\"type\":\"integer\",\"maximum\":3,\"default\":4}",
		"/default", "must be at most 3");
	FIELD_FAULT(
		"{\"name\":\"f\",\"type\":\"multiselect\",\"enum\":[1],\"default\":[2]}",
		"/default", "/0: must be one of 1");
	FORM_FAULT(
		"form",
		"[{\"name\":\"f\",\"type\":\"text\"},{\"name\":\"f\",\"type\":\"date\"}]",
		NULL, "/form_fields/1/name", "another field");
}

/*
 * Members of many fields or hints, the last one named as another before it.
 */
static char *
many(const char *format, const char *last)
{
	char *text = malloc(2000 * 40 + 100);
	size_t length = 0;
	int i;

	for (i = 0; i < 2000; i++)
		length += sprintf(text + length, format, (i * 7) % 2000);
	strcpy(text + length, last);
	return text;
}

TEST(one_name_twice_among_many)
{
	char *fields = many("{\"name\":\"f%d\",\"type\":\"text\"},",
						"{\"name\":\"f1234\",\"type\":\"date\"}]");
	char *hints = many("\"h%d\":1,", "\"ui:h1234\":2}}]");
	char text[100000];

	snprintf(text, sizeof(text), "[%s", fields);
	FORM_FAULT("form", text, NULL, "/form_fields/2000/name", "another field");
	snprintf(text, sizeof(text),
			 "[{\"name\":\"f\",\"type\":\"text\",\"ui\":{%s", hints);
	FORM_FAULT("form", text, NULL, "/form_fields/0/ui/ui:h1234", "twice");
	free(fields);
	free(hints);
}

#define BUDGET(amount, category) \
	"{\"type\":\"object\",\"properties\":{\"approved_amount\":{\"type\":\"number\"," \
	"\"title\":\"Approved amount\",\"minimum\":0" amount \
	"},\"justification\":{\"type\":\"string\",\"title\":\"Justification\",\"minLength\":10}," \
	"\"conditions\":{\"title\":\"Conditions\",\"anyOf\":[{\"title\":\"A list\",\"type\":\"array\"," \
	"\"items\":{\"type\":\"string\"}},{\"title\":\"A text\",\"type\":\"string\"}]}," \
	"\"category\":{\"type\":\"string\",\"title\":\"Category\"" category \
	"}},\"required\":[\"approved_amount\",\"justification\"],\"additionalProperties\":false}"

#define BUDGET_UI(amount, category) \
	"{\"approved_amount\":{\"ui:widget\":\"updown\"" amount \
	"},\"justification\":{\"ui:widget\":\"textarea\"},\"conditions\":{},\"category\":{" category \
	"},\"ui:order\":[\"approved_amount\",\"justification\",\"conditions\",\"category\"]}"

TEST(budget)
{
	FORM("budget", NULL, NULL, BUDGET("", ""), BUDGET_UI("", ""));
	FORM("budget", NULL, "{\"amount\":420}",
		 BUDGET(",\"maximum\":840,\"default\":420", ""),
		 BUDGET_UI(",\"ui:help\":\"At most 840\"", ""));
	FORM(
		"budget", NULL,
		"{\"requested_amount\":9999999999999999999.95,\"categories\":[\"x\",\"y\"]}",
		BUDGET(
			",\"maximum\":19999999999999999999.90,\"default\":9999999999999999999.95",
			",\"enum\":[\"x\",\"y\"]"),
		BUDGET_UI(",\"ui:help\":\"At most 19999999999999999999.90\"",
				  "\"ui:widget\":\"select\""));
	FORM("budget", NULL, "{\"budget\":5e3,\"max_amount\":6000}",
		 BUDGET(",\"maximum\":6000,\"default\":5e3", ""),
		 BUDGET_UI(",\"ui:help\":\"At most 6000\"", ""));

	/* What is filled in is allowed. */
	FORM("budget", NULL, "{\"amount\":7000,\"max_amount\":6000}",
		 BUDGET(",\"maximum\":6000,\"default\":6000", ""),
		 BUDGET_UI(",\"ui:help\":\"At most 6000\"", ""));
	FORM("budget", NULL, "{\"max_amount\":6000}",
		 BUDGET(",\"maximum\":6000", ""),
		 BUDGET_UI(",\"ui:help\":\"At most 6000\"", ""));

	FORM_FAULT("budget", NULL, "{\"amount\":\"420\"}", "/context_data/amount",
			   "must be a number, not a string");
	FORM_FAULT("budget", NULL, "{\"amount\":-0.01}", "/context_data/amount",
			   "must not be negative");
	FORM_FAULT("budget", NULL, "{\"amount\":1,\"max_amount\":null}",
			   "/context_data/max_amount", "must be a number");
	FORM_FAULT("budget", NULL, "{\"categories\":[]}",
			   "/context_data/categories", "must not be empty");
	FORM_FAULT("budget", NULL, "{\"categories\":[1]}",
			   "/context_data/categories", "array of strings");
	FORM_FAULT("budget", "[{\"name\":\"f\",\"type\":\"text\"}]", NULL,
			   "/form_fields", "no fields of its own");
}

TEST(amounts_have_an_end)
{
	char context[1200] = "{\"amount\":";

	memset(context + 10, '9', 1001);
	strcpy(context + 1011, "}");
	FORM_FAULT("budget", NULL, context, "/context_data/amount",
			   "so many digits");
}

TEST(forms_are_valid_schemas)
{
	static const char *const contexts[] = {"{\"amount\":1.5}",
										   "{\"categories\":[\"a\"]}"};
	size_t i;

	for (i = 0; i < sizeof(contexts) / sizeof(contexts[0]); i++)
	{
		HitlFaults faults = {0};
		HitlSchema *schema = NULL;
		HitlViolations violations;
		char *text;
		char *ui;

		CHECK_INT(hitl_build_form("budget", NULL, contexts[i], &text, &ui,
								  &faults),
				  HITL_OK);
		CHECK_INT(hitl_parse_schema(text, NULL, &schema, &faults), HITL_OK);
		CHECK_INT(hitl_validate(
					  schema,
					  "{\"approved_amount\":3,\"justification\":\"As agreed.\","
					  "\"conditions\":[\"none\"],\"category\":\"a\"}",
					  NULL, &violations),
				  HITL_OK);
		hitl_free_violations(&violations);
		CHECK_INT(
			hitl_validate(
				schema,
				"{\"approved_amount\":-3,\"justification\":\"As agreed.\","
				"\"conditions\":\"none\"}",
				NULL, &violations),
			HITL_INVALID);
		CHECK_INT(violations.count, 1);
		hitl_free_violations(&violations);
		hitl_free_schema(schema);
		free(text);
		free(ui);
	}
}

TEST(without_memory)
{
	static const char *const fields =
		"[{\"name\":\"a\",\"type\":\"select\",\"enum\":[\"x\"],\"default\":\"x\",\"required\":true,"
		"\"ui\":{\"help\":\"h\"}},{\"name\":\"b\",\"type\":\"text\",\"pattern\":\"a\",\"default\":\"b\"}]";
	HitlResult result = HITL_NO_MEMORY;
	HitlFaults faults = {0};
	char *schema = NULL;
	char *ui = NULL;
	long n;

	for (n = 0; result == HITL_NO_MEMORY && n < 10000; n++)
	{
		allocations_left = n;
		result = hitl_build_form("form", fields, "{}", &schema, &ui, &faults);
		allocations_left = -1;
		CHECK((schema == NULL) == (result != HITL_OK));
		CHECK((ui == NULL) == (result != HITL_OK));
		hitl_free_faults(&faults);
	}
	CHECK(n > 20);
	CHECK_INT(result, HITL_OK);
	free(schema);
	free(ui);
}

SUITE(form, RUN(binary), RUN(types), RUN(fields), RUN(types_of_fields),
	  RUN(hints), RUN(faulty_fields), RUN(one_name_twice_among_many),
	  RUN(budget), RUN(amounts_have_an_end), RUN(forms_are_valid_schemas),
	  RUN(without_memory));
