/*
 * test_memory.c
 *		Arenas and buffers.
 */
#include "harness.h"

TEST(buffer_grows)
{
	HitlArena arena;
	HitlBuffer buffer;
	int i;

	hitl_arena_init(&arena);
	hitl_buffer_init(&buffer, &arena);
	CHECK_TEXT(hitl_buffer_text(&buffer), "");
	for (i = 0; i < 100000; i++)
		hitl_append_char(&buffer, 'a' + i % 26);
	CHECK_INT(strlen(hitl_buffer_text(&buffer)), 100000);
	CHECK_INT(buffer.data[99999], 'a' + 99999 % 26);
	hitl_arena_free(&arena);
}

TEST(two_buffers_do_not_meet)
{
	HitlArena arena;
	HitlBuffer one;
	HitlBuffer two;
	int i;

	hitl_arena_init(&arena);
	hitl_buffer_init(&one, &arena);
	hitl_buffer_init(&two, &arena);
	for (i = 0; i < 5000; i++)
	{
		hitl_append_char(&one, '1');
		hitl_append_char(&two, '2');
	}
	CHECK_INT(strspn(hitl_buffer_text(&one), "1"), 5000);
	CHECK_INT(strspn(hitl_buffer_text(&two), "2"), 5000);
	hitl_arena_free(&arena);
}

TEST(numbers)
{
	HitlArena arena;
	HitlBuffer buffer;

	hitl_arena_init(&arena);
	hitl_buffer_init(&buffer, &arena);
	hitl_append_integer(&buffer, INT64_MIN);
	hitl_append_char(&buffer, ' ');
	hitl_append_integer(&buffer, INT64_MAX);
	hitl_append_char(&buffer, ' ');
	hitl_append_integer(&buffer, 0);
	hitl_append_char(&buffer, ' ');
	hitl_append_seconds(&buffer, 1500);
	hitl_append_char(&buffer, ' ');
	hitl_append_seconds(&buffer, 7005);
	hitl_append_char(&buffer, ' ');
	hitl_append_seconds(&buffer, 60000);
	CHECK_TEXT(hitl_buffer_text(&buffer),
			   "-9223372036854775808 9223372036854775807 0 1.500 7.005 60");
	hitl_arena_free(&arena);
}

TEST(failure_sticks)
{
	HitlArena arena;
	HitlBuffer buffer;

	hitl_arena_init(&arena);
	hitl_buffer_init(&buffer, &arena);
	hitl_append_text(&buffer, "kept");
	allocations_left = 0;
	CHECK(hitl_alloc(&arena, 1000000) == NULL);
	allocations_left = -1;
	CHECK(arena.failed);
	CHECK(hitl_alloc(&arena, 1) == NULL);
	CHECK(hitl_copy_text(&arena, "x", 1) == NULL);
	CHECK(hitl_buffer_text(&buffer) == NULL);
	hitl_arena_free(&arena);
	CHECK(!arena.failed);
	CHECK(hitl_alloc(&arena, SIZE_MAX - 3) == NULL);
	hitl_arena_free(&arena);
}

SUITE(memory, RUN(buffer_grows), RUN(two_buffers_do_not_meet), RUN(numbers),
	  RUN(failure_sticks));
