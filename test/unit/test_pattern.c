/*
 * test_pattern.c
 *		Regular expressions of ECMA-262, and what they become.
 */
#include "core/schema.h"
#include "harness.h"

static void
check_translation(int line, const char *pattern, const char *expected,
				  const char *reason)
{
	HitlArena arena;
	const char *why;
	const char *got;

	hitl_arena_init(&arena);
	got = hitl_translate_pattern(&arena, pattern, &why);
	check_text(__FILE__, line, got, expected);
	check_text(__FILE__, line, why, reason);
	hitl_arena_free(&arena);
}

#define BECOMES(pattern, expected) \
	check_translation(__LINE__, pattern, expected, NULL)
#define REFUSES(pattern, reason) \
	check_translation(__LINE__, pattern, NULL, reason)

TEST(plain)
{
	BECOMES("", "");
	BECOMES("^ab$", "^ab$");
	BECOMES("a|b|", "a|b|");
	BECOMES("(a)(?:b)()", "(a)(b)()");
	BECOMES("(?=a)(?!b)(?<=c)(?<!d)", "(?=a)(?!b)(?<=c)(?<!d)");
	BECOMES("a*b+c?d{2}e{2,}f{2,3}", "a*b+c?d{2}e{2,}f{2,3}");
	BECOMES("a*?b+?c??d{2,3}?", "a*b+c?d{2,3}");
	BECOMES("\303\251 #", "\303\251 #");
}

TEST(classes_are_written_out)
{
	BECOMES(".", "[^\n\r\342\200\250\342\200\251]");
	BECOMES("\\d\\D", "[0-9][^0-9]");
	BECOMES("\\w\\W", "[0-9A-Z_a-z][^0-9A-Z_a-z]");
	BECOMES(
		"\\s",
		"[\t-\r \302\240\341\232\200\342\200\200-\342\200\212\342\200\250\342\200\251"
		"\342\200\257\342\201\237\343\200\200\357\273\277]");
	BECOMES("[\\d.]", "[.0-9]");
	BECOMES("[^\\da-fA-F]", "[^0-9A-Fa-f]");
	BECOMES("[\\s\\S][^]", "..");
	BECOMES("[a-cb-d]", "[a-d]");
	BECOMES(
		"\\bx\\B",
		"((?<=[A-Za-z0-9_])(?![A-Za-z0-9_])|(?<![A-Za-z0-9_])(?=[A-Za-z0-9_]))x"
		"((?<=[A-Za-z0-9_])(?=[A-Za-z0-9_])|(?<![A-Za-z0-9_])(?![A-Za-z0-9_]))");
}

TEST(special_characters_of_classes)
{
	BECOMES("[\\]]", "[]]");
	BECOMES("[[]", "[[]");
	BECOMES("[\\^]", "\\^");
	BECOMES("[\\^a]", "[a^]");
	BECOMES("[\\^-]", "[-^]");
	BECOMES("[^^]", "[^^]");
	BECOMES("[a-]", "[-a]");
	BECOMES("[-a]", "[-a]");
	BECOMES("[\\]\\[\\-\\^\\\\]", "[][\\\\^-]");
	BECOMES("[[:alpha:]", "[:ahlp[]");
	BECOMES("[Z-\\]]", "[]Z[\\\\]");
	BECOMES("[+--]", "[-+,]");
	BECOMES("[\\b]", "[\b]");
}

TEST(escapes)
{
	BECOMES("\\t\\n\\v\\f\\r", "\t\n\v\f\r");
	BECOMES("\\cA\\x41\\u0042\\u{43}", "\001ABC");
	BECOMES("\\uD83D\\uDE00\\u{1F600}", "\360\237\230\200\360\237\230\200");
	BECOMES("\\x2A\\.\\/\\-\\@", "\\*\\./-@");
	BECOMES("[\\u0061-\\x63]", "[a-c]");
	REFUSES("\\1", "back references are not supported");
	REFUSES("\\0", "an escape is unknown or not supported");
	REFUSES("\\p{L}", "an escape is unknown or not supported");
	REFUSES("\\k<a>", "an escape is unknown or not supported");
	REFUSES("\\a", "an escape is unknown or not supported");
	REFUSES("\\A", "an escape is unknown or not supported");
	REFUSES("\\Z", "an escape is unknown or not supported");
	REFUSES("\\c1", "\\c takes a letter");
	REFUSES("\\x4", "an escape lacks hexadecimal digits");
	REFUSES("\\u{}", "an escape stands for no character");
	REFUSES("\\u{110000}", "an escape stands for no character");
	REFUSES("\\u{4", "an escape lacks hexadecimal digits");
	REFUSES("\\uD83D", "an escape stands for no character");
	REFUSES("a\\", "a backslash stands at the end");
}

TEST(faulty)
{
	REFUSES("***a", "there is nothing to repeat");
	REFUSES("^*", "there is nothing to repeat");
	REFUSES("a**", "there is nothing to repeat");
	REFUSES("a|*", "there is nothing to repeat");
	REFUSES("\\b+", "there is nothing to repeat");
	REFUSES("(?i)a", "named groups and options are not supported");
	REFUSES("(?<n>a)", "named groups and options are not supported");
	REFUSES("(a", "a parenthesis is not closed");
	REFUSES("a)", "a parenthesis is not opened");
	REFUSES("[a", "a class is not closed");
	REFUSES("[a\\", "a backslash stands at the end");
	REFUSES("[]", "a class is empty");
	REFUSES("[^\\s\\S]", "a class is empty");
	REFUSES("[c-a]", "a range has its ends in the wrong order");
	REFUSES("[a-\\d]", "a range ends with a class");
	REFUSES("[\\d-a]", "a range begins with a class");
	REFUSES("]", "a closing bracket must be escaped");
	REFUSES("a}", "a closing bracket must be escaped");
	REFUSES("{", "a brace must be escaped");
	REFUSES("a{", "a brace must be escaped");
	REFUSES("a{,3}", "a brace must be escaped");
	REFUSES("a{1", "a brace must be escaped");
	REFUSES("a{3,2}", "a quantifier has its bounds in the wrong order");
	REFUSES("a{256}", "more than 255 repetitions are not supported");
}

TEST(long_ones)
{
	char pattern[8000];
	int i;

	memset(pattern, '(', 101);
	strcpy(pattern + 101, "a");
	REFUSES(pattern, "too many groups within each other");
	strcpy(pattern, "[");
	for (i = 0; i < 1001; i++)
		strcat(pattern, "\\d");
	strcat(pattern, "]");
	REFUSES(pattern, "a class is too long");
}

SUITE(pattern, RUN(plain), RUN(classes_are_written_out),
	  RUN(special_characters_of_classes), RUN(escapes), RUN(faulty),
	  RUN(long_ones));
