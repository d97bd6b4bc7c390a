/*
 * memory.c
 *		Arenas, and text that grows in them.
 */
#include "core/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Size of an arena's first chunk.  The checked builds define 0, which gives
 * every allocation a chunk of its own, so that the address sanitizer sees
 * where one ends.
 */
#ifndef HITL_ARENA_CHUNK
#define HITL_ARENA_CHUNK 2000
#endif

#define MAX_CHUNK (64 * 1024)
#define ALIGNMENT sizeof(void *)

struct HitlChunk
{
	HitlChunk *next;
};

static bool reserve(HitlBuffer *buffer, size_t more);

/*
 * An empty arena; it takes memory at the first allocation.
 */
void
hitl_arena_init(HitlArena *arena)
{
	memset(arena, 0, sizeof(*arena));
	arena->next_size = HITL_ARENA_CHUNK;
}

/*
 * Free all that was taken from an arena, which may lie in itself.
 */
void
hitl_arena_free(HitlArena *arena)
{
	HitlChunk *chunk = arena->chunks;

	hitl_arena_init(arena);
	while (chunk != NULL)
	{
		HitlChunk *next = chunk->next;

		free(chunk);
		chunk = next;
	}
}

/*
 * Memory aligned for every type used here; NULL once the arena has failed.
 */
void *
hitl_alloc(HitlArena *arena, size_t size)
{
	void *result;

	if (arena->failed || size > SIZE_MAX / 2)
	{
		arena->failed = true;
		return NULL;
	}
	size = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
	if (size > (size_t) (arena->end - arena->free))
	{
		size_t room = size > arena->next_size ? size : arena->next_size;
		HitlChunk *chunk = malloc(sizeof(HitlChunk) + room);

		if (chunk == NULL)
		{
			arena->failed = true;
			return NULL;
		}
		chunk->next = arena->chunks;
		arena->chunks = chunk;
		arena->free = (char *) (chunk + 1);
		arena->end = arena->free + room;
		if (arena->next_size < MAX_CHUNK)
			arena->next_size *= 2;
	}
	result = arena->free;
	arena->free += size;
	return result;
}

/*
 * The same, filled with zeros.
 */
void *
hitl_alloc_zero(HitlArena *arena, size_t size)
{
	void *result = hitl_alloc(arena, size);

	if (result != NULL)
		memset(result, 0, size);
	return result;
}

/*
 * A copy of a text, ended by NUL.
 */
char *
hitl_copy_text(HitlArena *arena, const char *text, size_t length)
{
	char *copy = hitl_alloc(arena, length + 1);

	if (copy == NULL)
		return NULL;
	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

/*
 * An empty buffer.
 */
void
hitl_buffer_init(HitlBuffer *buffer, HitlArena *arena)
{
	buffer->arena = arena;
	buffer->data = NULL;
	buffer->length = 0;
	buffer->size = 0;
}

/*
 * Append bytes; nothing happens once the arena has failed.
 */
void
hitl_append(HitlBuffer *buffer, const char *text, size_t length)
{
	if (length == 0 || !reserve(buffer, length))
		return;
	memcpy(buffer->data + buffer->length, text, length);
	buffer->length += length;
}

/*
 * Append a NUL-terminated text.
 */
void
hitl_append_text(HitlBuffer *buffer, const char *text)
{
	hitl_append(buffer, text, strlen(text));
}

/*
 * Append one byte.
 */
void
hitl_append_char(HitlBuffer *buffer, char c)
{
	if (!reserve(buffer, 1))
		return;
	buffer->data[buffer->length++] = c;
}

/*
 * Append an integer in decimal.
 */
void
hitl_append_integer(HitlBuffer *buffer, int64_t value)
{
	char digits[24];
	char *p = digits + sizeof(digits);
	uint64_t rest = value < 0 ? -(uint64_t) value : (uint64_t) value;

	do
	{
		*--p = '0' + rest % 10;
		rest /= 10;
	} while (rest > 0);
	if (value < 0)
		*--p = '-';
	hitl_append(buffer, p, digits + sizeof(digits) - p);
}

/*
 * Append milliseconds as a JSON number of seconds.
 */
void
hitl_append_seconds(HitlBuffer *buffer, int64_t milliseconds)
{
	hitl_append_integer(buffer, milliseconds / 1000);
	if (milliseconds % 1000 != 0)
		hitl_append_format(buffer, ".%03d", (int) (milliseconds % 1000));
}

/*
 * Append as printf does.
 */
void
hitl_append_format(HitlBuffer *buffer, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	hitl_append_arguments(buffer, format, arguments);
	va_end(arguments);
}

/*
 * Append as vprintf does.
 */
void
hitl_append_arguments(HitlBuffer *buffer, const char *format, va_list arguments)
{
	va_list again;
	int length;

	va_copy(again, arguments);
	length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (length < 0)
		buffer->arena->failed = true;
	else if (reserve(buffer, length))
	{
		vsnprintf(buffer->data + buffer->length, (size_t) length + 1, format,
				  arguments);
		buffer->length += length;
	}
}

/*
 * The text so far, ended by NUL; NULL if the arena has failed.
 */
char *
hitl_buffer_text(HitlBuffer *buffer)
{
	if (!reserve(buffer, 0) || buffer->arena->failed)
		return NULL;
	buffer->data[buffer->length] = '\0';
	return buffer->data;
}

/*
 * A copy that belongs to the library's caller, who returns it to free_text.
 */
char *
hitl_malloc_text(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = malloc(size);

	if (copy != NULL)
		memcpy(copy, text, size);
	return copy;
}

/*
 * Make room for more bytes and the NUL after them.  A buffer that lies at the
 * arena's end grows in place.
 */
static bool
reserve(HitlBuffer *buffer, size_t more)
{
	HitlArena *arena = buffer->arena;
	size_t needed = buffer->length + more + 1;
	size_t size;
	char *data;

	if (needed <= buffer->size)
		return true;
	if (more > SIZE_MAX / 4)
	{
		arena->failed = true;
		return false;
	}
	size = buffer->size == 0 ? 64 : buffer->size * 2;
	if (size < needed)
		size = needed;
	size = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
	if (buffer->data != NULL && buffer->data + buffer->size == arena->free &&
		size - buffer->size <= (size_t) (arena->end - arena->free))
	{
		arena->free += size - buffer->size;
		buffer->size = size;
		return true;
	}
	data = hitl_alloc(arena, size);
	if (data == NULL)
		return false;
	if (buffer->length > 0)
		memcpy(data, buffer->data, buffer->length);
	buffer->data = data;
	buffer->size = size;
	return true;
}
