/*
 * test_json.c
 *		The JSON reader and writer.
 */
#include "harness.h"

/*
 * Read and write again; the text, or the error with its offset.
 */
static const char *
copy_json(const char *text, size_t length, unsigned flags)
{
	static char out[4000];
	HitlArena arena;
	HitlBuffer buffer;
	HitlJsonError error = {NULL, 0};
	const HitlJson *value;

	hitl_arena_init(&arena);
	hitl_buffer_init(&buffer, &arena);
	if (hitl_json_parse(&arena, text, length, flags, &value, &error) == HITL_OK)
	{
		hitl_json_write(&buffer, value);
		snprintf(out, sizeof(out), "%s", hitl_buffer_text(&buffer));
	}
	else
		snprintf(out, sizeof(out), "%zu: %s", error.offset, error.message);
	hitl_arena_free(&arena);
	return out;
}

static const char *
copy(const char *text)
{
	return copy_json(text, strlen(text), 0);
}

static const char *
copy_lenient(const char *text)
{
	return copy_json(text, strlen(text), HITL_JSON_LENIENT);
}

TEST(values)
{
	CHECK_TEXT(copy(" null "), "null");
	CHECK_TEXT(copy("[ true , false,null ]"), "[true,false,null]");
	CHECK_TEXT(copy("{ \"a\" : { } , \"b\":[ ] }"), "{\"a\":{},\"b\":[]}");
	CHECK_TEXT(copy("\n\t{\"a\":1}\r\n"), "{\"a\":1}");
	CHECK_TEXT(copy("{\"a\":1,\"a\":2}"), "{\"a\":1,\"a\":2}");
}

TEST(numbers_are_kept_as_written)
{
	CHECK_TEXT(copy("[0.1,1.10,-0,1E+2,12345678901234567890.123456789]"),
			   "[0.1,1.10,-0,1E+2,12345678901234567890.123456789]");
}

TEST(faulty_numbers)
{
	CHECK_TEXT(copy("01"), "0: a value is expected");
	CHECK_TEXT(copy("-"), "0: a value is expected");
	CHECK_TEXT(copy("+1"), "0: a value is expected");
	CHECK_TEXT(copy("1."), "0: a digit is expected after the decimal point");
	CHECK_TEXT(copy("1e"), "0: a digit is expected in the exponent");
	CHECK_TEXT(copy("1e4001"), "0: the number is out of range");
	CHECK_TEXT(copy("1e-99999999999999999999"),
			   "0: the number is out of range");
	CHECK_TEXT(copy("1e4000"), "1e4000");
	CHECK_TEXT(copy("NaN"), "0: a value is expected");
}

TEST(strings)
{
	CHECK_TEXT(
		copy(
			"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20AC\\ud83d\\ude00\""),
		"\"\\\"\\\\/\\b\\f\\n\\r\\tA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
	CHECK_TEXT(copy("\"\\u0001\\u001f\""), "\"\\u0001\\u001f\"");
	CHECK_TEXT(copy("{\"a\\u0062\\\"\":1}"), "{\"ab\\\"\":1}");
}

TEST(faulty_strings)
{
	CHECK_TEXT(copy("\"abc"), "4: a string has no end");
	CHECK_TEXT(copy("\"a\nb\""), "2: a control character stands in a string");
	CHECK_TEXT(copy("\"\\x\""), "2: unknown escape in a string");
	CHECK_TEXT(copy("\"\\u12g4\""), "5: \\u takes four hexadecimal digits");
	CHECK_TEXT(copy("\"\\u0000\""), "7: a string holds the character U+0000");
	CHECK_TEXT(copy("\"\\ud800\""),
			   "7: half a surrogate pair stands in a string");
	CHECK_TEXT(copy("\"\\udc00\""),
			   "7: half a surrogate pair stands in a string");
	CHECK_TEXT(copy("\"\\ud800\\u0041\""),
			   "7: half a surrogate pair stands in a string");
	CHECK_TEXT(copy("\"\xff\""), "1: a string is not UTF-8");
	CHECK_TEXT(copy("\"\xc0\x80\""), "1: a string is not UTF-8");
	CHECK_TEXT(copy("\"\xed\xa0\x80\""), "1: a string is not UTF-8");
	CHECK_TEXT(copy("\"\xf4\x90\x80\x80\""), "1: a string is not UTF-8");
	CHECK_TEXT(copy("\"\xe2\x82\""), "1: a string is not UTF-8");
	CHECK_TEXT(copy_json("\"\0\"", 3, 0),
			   "1: a control character stands in a string");
}

TEST(lenient_strings)
{
	CHECK_TEXT(copy_lenient("\"a\\u0000b\""),
			   "\"a\xef\xbf\xbd"
			   "b\"");
	CHECK_TEXT(copy_lenient("\"\\ud800\\u0041\""),
			   "\"\xef\xbf\xbd"
			   "A\"");
	CHECK_TEXT(copy_lenient("\"\xff\xfe\xe2\x82\""),
			   "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
	CHECK_TEXT(copy_lenient("\"\xff\xff\xff\xff\xff\xff\xff\xff\""),
			   "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
			   "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

TEST(faulty_documents)
{
	CHECK_TEXT(copy(""), "0: the document ends early");
	CHECK_TEXT(copy("{"), "1: a member name in quotes is expected");
	CHECK_TEXT(copy("{\"a\""), "4: a colon is expected");
	CHECK_TEXT(copy("{\"a\":"), "5: the document ends early");
	CHECK_TEXT(copy("{\"a\":1"), "6: the document ends early");
	CHECK_TEXT(copy("{\"a\":1,}"), "7: a member name in quotes is expected");
	CHECK_TEXT(copy("[1,]"), "3: a value is expected");
	CHECK_TEXT(copy("[1 2]"), "3: a comma or a closing bracket is expected");
	CHECK_TEXT(copy("{} {}"), "3: text after the end of the document");
	CHECK_TEXT(copy("tru"), "0: a value is expected");
	CHECK_TEXT(copy("{a:1}"), "1: a member name in quotes is expected");
}

TEST(depth_is_limited)
{
	char deep[2001];

	memset(deep, '[', 1000);
	memset(deep + 1000, ']', 1000);
	deep[2000] = '\0';
	CHECK_TEXT(copy(deep), "400: nested too deeply");
	CHECK_TEXT(copy_lenient(deep), "200: nested too deeply");
	CHECK_TEXT(copy_json(deep, 2000, HITL_JSON_COMPOSED), deep);
	CHECK(strncmp(copy_json(deep + 600, 800, 0), "[[", 2) == 0);

	/* What counts is the depth, not the number of brackets. */
	memset(deep, '[', 1);
	strcpy(deep + 1, "[]");
	while (strlen(deep) < 1900)
		strcat(deep, ",[]");
	strcat(deep, "]");
	CHECK_TEXT(copy(deep), deep);
}

TEST(members_and_numbers)
{
	HitlArena arena;
	const HitlJson *value;
	const char
		*text = "{\"i\":-9223372036854775808,\"j\":9223372036854775807,"
				"\"k\":9223372036854775808,\"l\":1.0,\"m\":\"1\",\"n\":1e3}";
	int64_t integer;
	double number;

	hitl_arena_init(&arena);
	CHECK_INT(hitl_json_parse(&arena, text, strlen(text), 0, &value, NULL),
			  HITL_OK);
	CHECK(hitl_json_integer(hitl_json_member(value, "i"), &integer) &&
		  integer == INT64_MIN);
	CHECK(hitl_json_integer(hitl_json_member(value, "j"), &integer) &&
		  integer == INT64_MAX);
	CHECK(!hitl_json_integer(hitl_json_member(value, "k"), &integer));
	CHECK(!hitl_json_integer(hitl_json_member(value, "l"), &integer));
	CHECK(!hitl_json_integer(hitl_json_member(value, "m"), &integer));
	CHECK(!hitl_json_integer(hitl_json_member(value, "x"), &integer));
	CHECK(hitl_json_number(hitl_json_member(value, "n"), &number) &&
		  number == 1000);
	CHECK(!hitl_json_number(hitl_json_member(value, "m"), &number));
	CHECK(hitl_json_member(hitl_json_member(value, "i"), "x") == NULL);
	CHECK(hitl_json_member(NULL, "x") == NULL);
	hitl_arena_free(&arena);
}

TEST(cut_between_characters)
{
	CHECK_INT(hitl_utf8_cut("abc", 3, 2), 2);
	CHECK_INT(hitl_utf8_cut("abc", 3, 5), 3);
	CHECK_INT(hitl_utf8_cut("\xc3\xa9\xe2\x82\xac"
							"x",
							6, 1),
			  2);
	CHECK_INT(hitl_utf8_cut("\xc3\xa9\xe2\x82\xac"
							"x",
							6, 2),
			  5);
	CHECK_INT(hitl_utf8_cut("", 0, 2), 0);
}

/*
 * Another library reads what we write as what we read.
 */
TEST(agrees_with_jansson)
{
	static const char *const documents[] =
		{"{\"a\":[1,2.5,{\"b\":null}],\"c\":\"\\u00e9\\n\\\"\",\"d\":true}",
		 "[\"\\ud83d\\ude00\",\"\\u007f\",\"\\/\"]", "[-1,0,1e3,1E-3,0.5]",
		 "{\"\":{\" \":[[[]]]}}"};
	size_t i;

	for (i = 0; i < sizeof(documents) / sizeof(documents[0]); i++)
	{
		json_t *theirs = json_loads(documents[i], 0, NULL);
		json_t *ours = json_loads(copy(documents[i]), 0, NULL);

		CHECK(theirs != NULL && ours != NULL && json_equal(theirs, ours));
		json_decref(theirs);
		json_decref(ours);
	}
}

SUITE(json, RUN(values), RUN(numbers_are_kept_as_written), RUN(faulty_numbers),
	  RUN(strings), RUN(faulty_strings), RUN(lenient_strings),
	  RUN(faulty_documents), RUN(depth_is_limited), RUN(members_and_numbers),
	  RUN(cut_between_characters), RUN(agrees_with_jansson));
