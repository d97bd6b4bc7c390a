/*
 * test_fault.c
 *		The list of faults, pointers, nearest names.
 */
#include "harness.h"

TEST(pointers_are_escaped)
{
	HitlArena arena;
	HitlBuffer buffer;
	HitlPlace outer = {NULL, "a/b", 0};
	HitlPlace middle = {&outer, NULL, 12};
	HitlPlace inner = {&middle, "~", 0};

	hitl_arena_init(&arena);
	hitl_buffer_init(&buffer, &arena);
	hitl_append_pointer(&buffer, &inner);
	CHECK_TEXT(hitl_buffer_text(&buffer), "/a~1b/12/~0");
	hitl_buffer_init(&buffer, &arena);
	hitl_append_pointer(&buffer, NULL);
	CHECK_TEXT(hitl_buffer_text(&buffer), "");
	hitl_arena_free(&arena);
}

TEST(nearest_names)
{
	static const char *const names[] = {"task", "approval", "context", NULL};
	static const char *const more[] = {"requires_approval", "when", NULL};

	CHECK_TEXT(hitl_nearest("taks", names, more), "task");
	CHECK_TEXT(hitl_nearest("contxt", names, NULL), "context");
	CHECK_TEXT(hitl_nearest("require_aproval", names, more),
			   "requires_approval");
	CHECK_TEXT(hitl_nearest("whn", names, more), "when");
	CHECK_TEXT(hitl_nearest("colour", names, more), NULL);
	CHECK_TEXT(hitl_nearest("", names, more), NULL);
	CHECK_TEXT(
		hitl_nearest("a name that is far too long to be compared with any",
					 names, more),
		NULL);
}

TEST(faults_are_limited)
{
	HitlFaults faults = {0};
	HitlArena arena;
	HitlParse parse = {&arena, NULL, &faults, false, HITL_OK, NULL};
	char text[2000];
	int i;

	hitl_arena_init(&arena);
	for (i = 0; i < 500; i++)
		hitl_fault(&parse, NULL, "fault %d", i);
	CHECK(parse.faulty);
	CHECK_INT(parse.result, HITL_OK);
	CHECK_INT(faults.count, 100);
	CHECK_TEXT(faults.items[99].message, "fault 99");
	hitl_free_faults(&faults);
	CHECK_INT(faults.count, 0);

	/* Messages are cut between characters. */
	for (i = 0; i + 2 < (int) sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	text[i] = '\0';
	hitl_fault(&parse, NULL, "%s", text);
	CHECK_INT(strlen(faults.items[0].message) % 2, 0);
	hitl_free_faults(&faults);
	hitl_fault(&parse, NULL, "x%s", text);
	CHECK_INT(strlen(faults.items[0].message) % 2, 1);
	hitl_free_faults(&faults);
	hitl_arena_free(&arena);
}

SUITE(fault, RUN(pointers_are_escaped), RUN(nearest_names),
	  RUN(faults_are_limited));
