/*
 * test_schema.c
 *		JSON Schemas and what they refuse.  The published tests of JSON Schema
 *		are run on the server, see test/e2e/test_json_schema.py.
 */
#include "core/schema.h"
#include "harness.h"

static HitlSchema *
parse_schema(const Memory *memory, const char *text)
{
	HitlSchema *schema;
	HitlFaults faults = {0};

	if (hitl_parse_schema(text, &memory->host, &schema, &faults) != HITL_OK)
		report_faults(__FILE__, __LINE__, &faults);
	hitl_free_faults(&faults);
	return schema;
}

/*
 * All violations of an instance, one a line.
 */
static void
check_instance(int line, const char *schema_text, const char *instance,
			   const char *expected)
{
	Memory memory;
	HitlSchema *schema;
	HitlViolations violations;
	HitlResult result;
	char got[2000] = "";
	size_t length = 0;
	int i;

	memory_init(&memory, NULL);
	schema = parse_schema(&memory, schema_text);
	if (schema != NULL)
	{
		result = hitl_validate(schema, instance, &memory.host, &violations);
		CHECK_INT(result, violations.count > 0 ? HITL_INVALID : HITL_OK);
		for (i = 0; i < violations.count && length < sizeof(got); i++)
			length += snprintf(got + length, sizeof(got) - length,
							   "%s%s %s: %s", i > 0 ? "\n" : "",
							   violations.items[i].pointer,
							   violations.items[i].keyword,
							   violations.items[i].message);
		check_text(__FILE__, line, got, expected);
		hitl_free_violations(&violations);
	}
	hitl_free_schema(schema);
	memory_free(&memory);
}

#define INSTANCE(schema, instance, expected) \
	check_instance(__LINE__, schema, instance, expected)

/*
 * A schema must have exactly one fault, at this place, with this in it.
 */
static void
check_schema_fault(int line, const char *text, const char *pointer,
				   const char *part)
{
	Memory memory;
	HitlSchema *schema;
	HitlFaults faults = {0};

	memory_init(&memory, NULL);
	if (hitl_parse_schema(text, &memory.host, &schema, &faults) != HITL_INVALID)
		report_failure(__FILE__, line, "taken: %s", text);
	CHECK(schema == NULL);
	check_only_fault(__FILE__, line, &faults, pointer, part);
	hitl_free_faults(&faults);
	memory_free(&memory);
}

#define SCHEMA_FAULT(schema, pointer, part) \
	check_schema_fault(__LINE__, schema, pointer, part)

TEST(numbers_are_exact)
{
	INSTANCE("{\"maximum\":12345678901234567890.12}",
			 "12345678901234567890.120", "");
	INSTANCE("{\"maximum\":12345678901234567890.12}",
			 "12345678901234567890.121",
			 " maximum: must be at most 12345678901234567890.12");
	INSTANCE("{\"exclusiveMinimum\":-1e-400}", "-1e-401", "");
	INSTANCE("{\"exclusiveMinimum\":0}", "-0.0",
			 " exclusiveMinimum: must be more than 0");
	INSTANCE("{\"minimum\":0.1}", "9e-2", " minimum: must be at least 0.1");
	INSTANCE("{\"exclusiveMaximum\":100}", "1E+2",
			 " exclusiveMaximum: must be less than 100");
	INSTANCE("{\"type\":\"integer\"}", "1.0", "");
	INSTANCE("{\"type\":\"integer\"}", "120e-1", "");
	INSTANCE("{\"type\":\"integer\"}", "0.0e-9", "");
	INSTANCE("{\"type\":\"integer\"}", "12e-1",
			 " type: must be a whole number");
	INSTANCE("{\"const\":100}", "1.00e2", "");
	INSTANCE("{\"const\":0}", "-0", "");
	INSTANCE("{\"const\":0.1}", "0.10000000000000000001",
			 " const: must be 0.1");
	INSTANCE("{\"multipleOf\":0.01}", "12345678901234567890123.45", "");
	INSTANCE("{\"multipleOf\":0.01}", "0.075",
			 " multipleOf: must be a multiple of 0.01");
	INSTANCE("{\"multipleOf\":300}", "1e4000",
			 " multipleOf: must be a multiple of 300");
	INSTANCE("{\"multipleOf\":3e-4000}", "6e4000", "");
	INSTANCE("{\"multipleOf\":7}", "0", "");
	INSTANCE("{\"multipleOf\":123456789012345678}", "370370367037037034", "");
	INSTANCE("{\"maxLength\":1e2,\"minLength\":2.0}", "\"a\"",
			 " minLength: must have at least 2 characters");
	INSTANCE("{\"maxLength\":99999999999999999999999}", "\"a\"", "");
}

TEST(all_violations_with_their_places)
{
	static const char *const schema =
		"{\"type\":\"object\",\"required\":[\"amount\",\"why\"],\"additionalProperties\":false,"
		"\"properties\":{\"amount\":{\"type\":\"number\",\"maximum\":1000,\"multipleOf\":0.01},"
		"\"why\":{\"type\":\"string\",\"minLength\":1},"
		"\"a/b~\":{\"items\":{\"type\":[\"string\",\"null\"]},\"uniqueItems\":true,\"maxItems\":2},"
		"\"day\":{\"format\":\"date\"},\"kind\":{\"enum\":[\"x\",1,{\"k\":[]}]}}}";

	INSTANCE(schema, "{\"amount\":1000,\"why\":\"w\"}", "");
	INSTANCE(
		schema,
		"{\"amount\":1000.001,\"a/b~\":[1,null,null],\"day\":\"2026-02-29\",\"kind\":\"y\",\"more\":0}",
		" required: is required: \"why\"\n"
		"/a~1b~0 maxItems: must have at most 2 elements\n"
		"/a~1b~0 uniqueItems: must not have an element twice\n"
		"/a~1b~0/0 type: must be a string or null, not a number\n"
		"/amount multipleOf: must be a multiple of 0.01\n"
		"/amount maximum: must be at most 1000\n"
		"/day format: must be a date, as 2026-01-31\n"
		"/kind enum: must be one of \"x\", 1, {\"k\":[]}\n"
		"/more additionalProperties: is not expected here");
	INSTANCE(schema, "[]", " type: must be an object, not an array");
	INSTANCE(schema, "{\"amount\":1,\"why\":\"\"}",
			 "/why minLength: must not be empty");
}

TEST(alternatives_are_one_violation)
{
	INSTANCE("{\"anyOf\":[{\"type\":\"string\"},{\"minimum\":5}]}", "1",
			 " anyOf: is none of the 2 alternatives that are allowed");
	INSTANCE(
		"{\"oneOf\":[{\"type\":\"number\"},{\"minimum\":5},{\"maximum\":1}]}",
		"7", " oneOf: is 2 of 3 alternatives at once, of which one is allowed");
	INSTANCE("{\"not\":{\"const\":1}}", "1.0", " not: is what is excluded");
	INSTANCE(
		"{\"if\":{\"required\":[\"a\"]},\"then\":{\"required\":[\"b\"]},\"else\":{\"maxProperties\":0}}",
		"{\"a\":1}", " required: is required: \"b\"");
	INSTANCE(
		"{\"if\":{\"required\":[\"a\"]},\"then\":{\"required\":[\"b\"]},\"else\":{\"maxProperties\":0}}",
		"{\"c\":1}", " maxProperties: must have at most 0 members");
	INSTANCE("{\"dependentRequired\":{\"card\":[\"number\"]}}", "{\"card\":1}",
			 " dependentRequired: is required with \"card\": \"number\"");
	INSTANCE("{\"propertyNames\":{\"maxLength\":1}}", "{\"a\":1,\"bc\":2}",
			 "/bc propertyNames: has a name that is not allowed");
	INSTANCE(
		"{\"contains\":{\"const\":1},\"minContains\":2,\"maxContains\":3}",
		"[1,2]",
		" minContains: must have at least 2 elements of the kind that is asked for, not 1");
	INSTANCE(
		"{\"contains\":{\"const\":1},\"maxContains\":1}", "[1,1]",
		" maxContains: must have at most 1 element of the kind that is limited, not 2");
	INSTANCE("false", "null", " false: is not expected here");
	INSTANCE("{\"prefixItems\":[true,false],\"items\":{\"type\":\"null\"}}",
			 "[1,2,3]",
			 "/1 prefixItems: is not expected here\n"
			 "/2 type: must be null, not a number");
}

TEST(instances_that_are_none)
{
	INSTANCE("true", "[1",
			 " $json: is not JSON: the document ends early (byte 2)");
	INSTANCE("true", "{\"a\":{\"b\":1,\"c\":2,\"b\":3}}",
			 "/a/b $json: is given twice");
}

TEST(patterns)
{
	Memory memory;
	HitlSchema *schema;
	HitlFaults faults = {0};
	HitlViolations violations;

	INSTANCE("{\"pattern\":\"^[a-c]+\\\\.\\\\d$\"}", "\"ab.7\"", "");
	INSTANCE("{\"pattern\":\"^[a-c]+\\\\.\\\\d$\"}", "\"abx7\"",
			 " pattern: must match the pattern \"^[a-c]+\\\\.\\\\d$\"");
	INSTANCE(
		"{\"patternProperties\":{\"^x-\":{\"type\":\"string\"}},\"additionalProperties\":false}",
		"{\"x-a\":1,\"y\":2}",
		"/x-a type: must be a string, not a number\n"
		"/y additionalProperties: is not expected here");
	SCHEMA_FAULT(
		"{\"pattern\":\"(\"}", "/pattern",
		"not a supported regular expression: a parenthesis is not closed");
	SCHEMA_FAULT("{\"patternProperties\":{\"\\\\1\":true}}",
				 "/patternProperties/\\1", "back references");

	/* Without a host, they are parsed, and nothing is valid. */
	CHECK_INT(hitl_parse_schema("{\"pattern\":\"a\"}", NULL, &schema, &faults),
			  HITL_OK);
	CHECK_INT(hitl_validate(schema, "\"a\"", NULL, &violations),
			  HITL_HOST_FAILED);
	CHECK_INT(violations.count, 0);
	memory_init(&memory, NULL);
	memory.broken = true;
	CHECK_INT(hitl_validate(schema, "\"a\"", &memory.host, &violations),
			  HITL_HOST_FAILED);
	hitl_free_schema(schema);
	CHECK_INT(hitl_parse_schema("{\"pattern\":\"a\"}", &memory.host, &schema,
								&faults),
			  HITL_HOST_FAILED);
	CHECK(schema == NULL);
	hitl_free_faults(&faults);
	memory_free(&memory);
}

TEST(references)
{
	static const char *const tree =
		"{\"$ref\":\"#/$defs/node\",\"$defs\":{\"node\":{\"type\":\"object\",\"properties\":"
		"{\"next\":{\"$ref\":\"#node\"},\"v\":{\"type\":\"integer\"}},\"$anchor\":\"node\"}}}";

	INSTANCE(tree, "{\"v\":1,\"next\":{\"next\":{\"v\":2}}}", "");
	INSTANCE(tree, "{\"next\":{\"next\":{\"v\":\"x\"}}}",
			 "/next/next/v type: must be a whole number, not a string");
	INSTANCE(
		"{\"properties\":{\"a\":{\"$ref\":\"#/$defs/x~1y%20~0%25/prefixItems/1\"}},"
		"\"$defs\":{\"x/y ~%\":{\"prefixItems\":[true,{\"const\":1}]}}}",
		"{\"a\":2}", "/a const: must be 1");
	INSTANCE("{\"items\":{\"$ref\":\"#\"},\"minItems\":1}", "[[[]]]",
			 "/0/0 minItems: must have at least 1 element");
	SCHEMA_FAULT("{\"$ref\":\"#/$defs/x\"}", "/$ref", "leads to no schema");
	SCHEMA_FAULT("{\"$defs\":{\"x\":true},\"$ref\":\"#/$defs\"}", "/$ref",
				 "leads to no schema");
	SCHEMA_FAULT("{\"allOf\":[true],\"$ref\":\"#/allOf/00\"}", "/$ref",
				 "leads to no schema");
	SCHEMA_FAULT("{\"allOf\":[true],\"$ref\":\"#/allOf/1\"}", "/$ref",
				 "leads to no schema");
	SCHEMA_FAULT("{\"const\":{\"a\":{}},\"$ref\":\"#/const/a\"}", "/$ref",
				 "leads to no schema");
	SCHEMA_FAULT("{\"$ref\":\"#%4\"}", "/$ref", "leads to no schema");
	SCHEMA_FAULT("{\"$ref\":\"#%00\"}", "/$ref", "leads to no schema");
	SCHEMA_FAULT("{\"$ref\":\"other.json\"}", "/$ref", "within the schema");
	SCHEMA_FAULT("{\"$ref\":\"#\"}", "/$ref", "for ever");
	SCHEMA_FAULT("{\"anyOf\":[{\"not\":{\"$ref\":\"#\"}}]}",
				 "/anyOf/0/not/$ref", "for ever");
	SCHEMA_FAULT(
		"{\"$defs\":{\"a\":{\"if\":{\"$ref\":\"#/$defs/b\"}},"
		"\"b\":{\"dependentSchemas\":{\"x\":{\"$ref\":\"#/$defs/a\"}}}}}",
		"/$defs/b/dependentSchemas/x/$ref", "for ever");
	SCHEMA_FAULT("{\"$anchor\":\"a\",\"not\":{\"$anchor\":\"a\"}}",
				 "/not/$anchor", "another schema");
	SCHEMA_FAULT("{\"$anchor\":\"1a\"}", "/$anchor", "must be a letter");
}

TEST(what_is_not_supported_is_refused)
{
	static const char *const unknown[] =
		{"$id",			  "$dynamicRef",	  "$dynamicAnchor",
		 "$vocabulary",	  "unevaluatedItems", "unevaluatedProperties",
		 "contentSchema", "dependencies",	  "definitions",
		 "x-mine"};
	char schema[100];
	char pointer[100];
	size_t i;

	for (i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
	{
		snprintf(schema, sizeof(schema), "{\"items\":{\"%s\":{}}}", unknown[i]);
		snprintf(pointer, sizeof(pointer), "/items/%s", unknown[i]);
		SCHEMA_FAULT(schema, pointer, "this keyword is not supported");
	}
	SCHEMA_FAULT("{\"maxlength\":3}", "/maxlength",
				 "perhaps \"maxLength\" is meant");
	SCHEMA_FAULT("{\"format\":\"ipv4\"}", "/format", "not supported");
	SCHEMA_FAULT("{\"$schema\":\"http://json-schema.org/draft-07/schema#\"}",
				 "/$schema", "is not supported");
	SCHEMA_FAULT("{\"multipleOf\":1234567890123456789}", "/multipleOf",
				 "more than 18 digits");
	INSTANCE(
		"{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"title\":\"t\","
		"\"description\":\"d\",\"default\":1,\"examples\":[1],\"deprecated\":true,\"readOnly\":false,"
		"\"writeOnly\":false,\"$comment\":\"c\",\"contentMediaType\":\"m\",\"contentEncoding\":\"e\"}",
		"1", "");
}

TEST(what_is_malformed_is_refused)
{
	SCHEMA_FAULT("", "", "not JSON");
	SCHEMA_FAULT("[]", "", "must be a schema");
	SCHEMA_FAULT("{\"type\":\"text\"}", "/type", "must be \"null\"");
	SCHEMA_FAULT("{\"type\":[]}", "/type", "must not be empty");
	SCHEMA_FAULT("{\"type\":[\"null\",\"null\"]}", "/type/1", "twice");
	SCHEMA_FAULT("{\"type\":[\"null\",1]}", "/type/1", "must be \"null\"");
	SCHEMA_FAULT("{\"enum\":{}}", "/enum", "must be an array");
	SCHEMA_FAULT("{\"maximum\":\"1\"}", "/maximum", "must be a number");
	SCHEMA_FAULT("{\"multipleOf\":0.0}", "/multipleOf", "above 0");
	SCHEMA_FAULT("{\"multipleOf\":-1}", "/multipleOf", "above 0");
	SCHEMA_FAULT("{\"minItems\":-1}", "/minItems", "whole number");
	SCHEMA_FAULT("{\"minItems\":1.5}", "/minItems", "whole number");
	SCHEMA_FAULT("{\"required\":[\"a\",\"b\",\"a\"]}", "/required",
				 "\"a\" twice");
	SCHEMA_FAULT("{\"required\":[1]}", "/required/0", "must be a string");
	SCHEMA_FAULT("{\"properties\":[]}", "/properties", "must be an object");
	SCHEMA_FAULT("{\"properties\":{\"a\":1}}", "/properties/a",
				 "must be a schema");
	SCHEMA_FAULT("{\"items\":[true]}", "/items", "must be a schema");
	SCHEMA_FAULT("{\"prefixItems\":[]}", "/prefixItems", "must not be empty");
	SCHEMA_FAULT("{\"uniqueItems\":1}", "/uniqueItems", "true or false");
	SCHEMA_FAULT("{\"dependentRequired\":{\"a\":\"b\"}}",
				 "/dependentRequired/a", "must be an array");
	SCHEMA_FAULT("{\"pattern\":1}", "/pattern", "must be a string");
	SCHEMA_FAULT("{\"title\":1}", "/title", "must be a string");
	SCHEMA_FAULT("{\"$ref\":1}", "/$ref", "must be a string");
	SCHEMA_FAULT("{\"type\":\"null\",\"type\":\"null\"}", "/type",
				 "member given twice");
	SCHEMA_FAULT("{\"const\":{\"a\":{\"b\":1,\"b\":1}}}", "/const/a/b",
				 "member given twice");
}

/*
 * 2^40 ways through a schema of 40 levels; and a reference for each level.
 */
TEST(work_is_bounded)
{
	char schema[6000];
	char instance[1000];
	Memory memory;
	HitlSchema *deep;
	HitlViolations violations;
	size_t length;
	int i;

	length = snprintf(schema, sizeof(schema),
					  "{\"allOf\":[{\"$ref\":\"#/$defs/n0\"}],\"$defs\":{");
	for (i = 0; i < 40; i++)
		length += snprintf(
			schema + length, sizeof(schema) - length,
			"\"n%d\":{\"oneOf\":[{\"$ref\":\"#/$defs/n%d\"},{\"$ref\":\"#/$defs/n%d\"}]},",
			i, i + 1, i + 1);
	snprintf(schema + length, sizeof(schema) - length, "\"n40\":false}}");
	INSTANCE(schema, "1", " $budget: takes too long to be checked");

	/* Nor does its contrary become valid. */
	memcpy(schema, "{\"not\":    {\"$ref\":\"#/$defs/n0\"},", 33);
	INSTANCE(schema, "1", " $budget: takes too long to be checked");

	memset(instance, '[', 390);
	memset(instance + 390, ']', 390);
	instance[780] = '\0';
	INSTANCE("{\"items\":{\"$ref\":\"#\"}}", instance, "");

	/* Not so if each level takes six schemas. */
	memory_init(&memory, NULL);
	deep = parse_schema(&memory,
						"{\"items\":{\"$ref\":\"#/$defs/a\"},\"$defs\":{"
						"\"a\":{\"$ref\":\"#/$defs/b\"},"
						"\"b\":{\"$ref\":\"#/$defs/c\"},"
						"\"c\":{\"$ref\":\"#/$defs/d\"},"
						"\"d\":{\"$ref\":\"#\"}}}");
	CHECK_INT(hitl_validate(deep, instance, &memory.host, &violations),
			  HITL_INVALID);
	CHECK_INT(violations.count, 1);
	CHECK_TEXT(violations.items[0].keyword, "$budget");
	CHECK_TEXT(violations.items[0].message,
			   "is nested too deeply to be checked");
	hitl_free_violations(&violations);
	hitl_free_schema(deep);
	memory_free(&memory);
}

TEST(many_violations)
{
	char instance[4100] = "[";
	Memory memory;
	HitlSchema *schema;
	HitlViolations violations;
	int i;

	for (i = 0; i < 1500; i++)
		strcat(instance, i == 0 ? "1" : ",1");
	strcat(instance, "]");
	memory_init(&memory, NULL);
	schema = parse_schema(&memory, "{\"items\":{\"type\":\"null\"}}");
	CHECK_INT(hitl_validate(schema, instance, &memory.host, &violations),
			  HITL_INVALID);
	CHECK_INT(violations.count, 1000);
	hitl_free_violations(&violations);
	hitl_free_schema(schema);
	memory_free(&memory);
}

TEST(without_memory)
{
	static const char *const good =
		"{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"type\":[\"string\",\"object\"],\"pattern\":\"^[a-z]\\\\w$\","
		"\"required\":[\"x\",\"y\"],\"dependentRequired\":{\"x\":[\"y\"]},\"enum\":[1,{\"k\":[2]}],"
		"\"patternProperties\":{\"q\":true},\"anyOf\":[{\"uniqueItems\":true}]}}}";
	Memory memory;
	HitlSchema *schema = NULL;
	HitlViolations violations;
	HitlFaults faults = {0};
	HitlResult result = HITL_NO_MEMORY;
	long n;

	memory_init(&memory, NULL);
	for (n = 0; result == HITL_NO_MEMORY && n < 10000; n++)
	{
		allocations_left = n;
		result = hitl_parse_schema(good, NULL, &schema, &faults);
		allocations_left = -1;
		CHECK((schema == NULL) == (result != HITL_OK));
		hitl_free_faults(&faults);
	}
	CHECK(n > 20);
	CHECK_INT(result, HITL_OK);
	for (n = 0, result = HITL_NO_MEMORY; result == HITL_NO_MEMORY && n < 10000;
		 n++)
	{
		/* The host's own allocations are not counted. */
		allocations_left = n;
		result = hitl_validate(schema, "[1,{\"b\":2,\"a\":[3,3]},3,4]",
							   &memory.host, &violations);
		allocations_left = -1;
		CHECK((violations.count > 0) == (result == HITL_INVALID));
		hitl_free_violations(&violations);
	}
	CHECK(n > 10);
	CHECK_INT(result, HITL_INVALID);
	hitl_free_schema(schema);
	for (n = 0, result = HITL_NO_MEMORY; result == HITL_NO_MEMORY && n < 10000;
		 n++)
	{
		allocations_left = n;
		result =
			hitl_parse_schema("{\"typ\":1,\"$ref\":\"#/x\",\"required\":1}",
							  NULL, &schema, &faults);
		allocations_left = -1;
		CHECK(schema == NULL);
		hitl_free_faults(&faults);
	}
	CHECK_INT(result, HITL_INVALID);
	memory_free(&memory);
}

SUITE(schema, RUN(numbers_are_exact), RUN(all_violations_with_their_places),
	  RUN(alternatives_are_one_violation), RUN(instances_that_are_none),
	  RUN(patterns), RUN(references), RUN(what_is_not_supported_is_refused),
	  RUN(what_is_malformed_is_refused), RUN(work_is_bounded),
	  RUN(many_violations), RUN(without_memory));
