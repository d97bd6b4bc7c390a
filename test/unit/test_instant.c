/*
 * test_instant.c
 *		Instants: what is read, what is refused, and that both ways agree.
 */
#include "harness.h"

/*
 * An instant as Unix time in microseconds; INT64_MIN if it is refused.
 */
static long long
instant(const char *text)
{
	int64_t us;

	return hitl_parse_instant(text, &us) ? us : INT64_MIN;
}

/*
 * An instant in words, kept until the next call.
 */
static const char *
words(int64_t us)
{
	static char text[64];
	HitlArena arena;
	HitlBuffer buffer;

	hitl_arena_init(&arena);
	hitl_buffer_init(&buffer, &arena);
	hitl_append_instant(&buffer, us);
	snprintf(text, sizeof(text), "%s", hitl_buffer_text(&buffer));
	hitl_arena_free(&arena);
	return text;
}

#define US INT64_C(1000000)

TEST(forms)
{
	CHECK_INT(instant("1970-01-01"), 0);
	CHECK_INT(instant("1970-01-02T00:00Z"), 86400 * US);
	CHECK_INT(instant("2001-09-09T01:46:40Z"), 1000000000 * US);
	CHECK_INT(instant("2001-09-09t01:46:40z"), 1000000000 * US);
	CHECK_INT(instant("2001-09-09 01:46:40"), 1000000000 * US);
	CHECK_INT(instant("2001-09-09 03:46:40+02"), 1000000000 * US);
	CHECK_INT(instant("2001-09-09 03:46:40.5+0200"), 1000000000 * US + 500000);
	CHECK_INT(instant("2001-09-08T20:16:40.0000019-05:30"),
			  1000000000 * US + 1);
	CHECK_INT(instant("2016-12-31T23:59:60Z"), 1483228800 * US);
	CHECK_INT(instant("2024-02-29"), 1709164800 * US);
	CHECK_INT(instant("2000-02-29"), 951782400 * US);
	CHECK_INT(instant("1969-12-31T23:59:59.999999Z"), -1);
	CHECK_INT(instant("0001-01-01"), -62135596800 * US);
	CHECK_INT(instant("9999-12-31T23:59:59Z"), 253402300799 * US);
}

TEST(refused)
{
	static const char *const texts[] = {"",
										"tomorrow",
										"2024",
										"2024-1-01",
										"2024-13-01",
										"2024-00-01",
										"2024-01-00",
										"2024-04-31",
										"2023-02-29",
										"1900-02-29",
										"0000-01-01",
										"02024-01-01",
										"2024-01-01T",
										"2024-01-01T24:00",
										"2024-01-01T10",
										"2024-01-01T10:60",
										"2024-01-01T10:00:61",
										"2024-01-01T10:00:00.",
										"2024-01-01T10:00:00,5",
										"2024-01-01T10:00:00 Z",
										"2024-01-01T10:00:00ZZ",
										"2024-01-01T10:00:00+2",
										"2024-01-01T10:00:00+24:00",
										"2024-01-01T10:00:00+02:60",
										"2024-01-01T10:00:00+02:",
										"2024-01-01T10:00:00+020",
										"2024-01-01T10:00:00 Europe/Berlin",
										"2024-01-01  10:00",
										"2024-01-01Z",
										"-2024-01-01"};
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		if (instant(texts[i]) != INT64_MIN)
			report_failure(__FILE__, __LINE__, "taken: %s", texts[i]);
	}
}

TEST(in_words)
{
	CHECK_TEXT(words(0), "1970-01-01T00:00:00Z");
	CHECK_TEXT(words(-1), "1969-12-31T23:59:59.999999Z");
	CHECK_TEXT(words(1000000000 * US + 500000), "2001-09-09T01:46:40.5Z");
	CHECK_TEXT(words(1000000000 * US + 50), "2001-09-09T01:46:40.00005Z");
	CHECK_TEXT(words(-62135596800 * US), "0001-01-01T00:00:00Z");
	CHECK_TEXT(words(-62135596800 * US - US), "0000-12-31T23:59:59Z");
	CHECK_TEXT(words(253402300799 * US), "9999-12-31T23:59:59Z");
}

/*
 * Every day, and a second of it, comes back as the same.
 */
TEST(there_and_back)
{
	int64_t day;

	for (day = -719162; day <= 2932896; day += 1)
	{
		int64_t us = (day * 86400 + (day & 0xffff)) * US + (day & 0xfff);

		if (instant(words(us)) != us)
		{
			report_failure(__FILE__, __LINE__, "day %lld gives %s",
						   (long long) day, words(us));
			break;
		}
	}
}

SUITE(instant, RUN(forms), RUN(refused), RUN(in_words), RUN(there_and_back));
