/*
 * base.h
 *		What knows nothing of workflows: memory, JSON, and faults of documents.
 *
 * Memory: everything is taken from arenas that are freed as a whole.  An
 * allocation that fails marks its arena, and every later one from it fails
 * too, so a function may build a whole document and ask once, at the end,
 * whether it has it.
 */
#ifndef HITL_CORE_BASE_H
#define HITL_CORE_BASE_H

#include "core/core.h"

#include <stdarg.h>

#define HITL_UNUSED __attribute__((unused))

/* ---- memory.c ------------------------------------------------------- */

typedef struct HitlChunk HitlChunk;

typedef struct HitlArena
{
	HitlChunk *chunks; /* newest first */
	char *free;		   /* the newest chunk's unused part */
	char *end;
	size_t next_size; /* of the next chunk */
	bool failed;	  /* an allocation has failed */
} HitlArena;

extern void hitl_arena_init(HitlArena *arena);
extern void hitl_arena_free(HitlArena *arena);
extern void *hitl_alloc(HitlArena *arena, size_t size);
extern void *hitl_alloc_zero(HitlArena *arena, size_t size);
extern char *hitl_copy_text(HitlArena *arena, const char *text, size_t length);

/* Text that grows; NULL data until something is appended. */
typedef struct HitlBuffer
{
	HitlArena *arena;
	char *data;
	size_t length;
	size_t size;
} HitlBuffer;

extern void hitl_buffer_init(HitlBuffer *buffer, HitlArena *arena);
extern void hitl_append(HitlBuffer *buffer, const char *text, size_t length);
extern void hitl_append_text(HitlBuffer *buffer, const char *text);
extern void hitl_append_char(HitlBuffer *buffer, char c);
extern void hitl_append_integer(HitlBuffer *buffer, int64_t value);
extern void hitl_append_seconds(HitlBuffer *buffer, int64_t milliseconds);
extern void hitl_append_format(HitlBuffer *buffer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
extern void hitl_append_arguments(HitlBuffer *buffer, const char *format,
								  va_list arguments);
extern char *hitl_buffer_text(HitlBuffer *buffer);

extern char *hitl_malloc_text(const char *text);

/* ---- json.c --------------------------------------------------------- */

typedef enum HitlJsonType
{
	HITL_JSON_NULL,
	HITL_JSON_FALSE,
	HITL_JSON_TRUE,
	HITL_JSON_NUMBER,
	HITL_JSON_STRING,
	HITL_JSON_ARRAY,
	HITL_JSON_OBJECT
} HitlJsonType;

typedef struct HitlJson
{
	HitlJsonType type;
	int count;				/* children of an array or object */
	size_t length;			/* of text */
	const char *text;		/* string: decoded; number: as written */
	const char *key;		/* as a member of an object, else NULL */
	struct HitlJson *first; /* child */
	struct HitlJson *next;	/* sibling */
} HitlJson;

typedef struct HitlJsonError
{
	const char *message; /* a constant */
	size_t offset;		 /* in bytes */
} HitlJsonError;

/*
 * Accept what PostgreSQL's jsonb could not keep: U+0000, half surrogate pairs
 * and bytes that are not UTF-8 become U+FFFD.
 */
#define HITL_JSON_LENIENT 0x01

/* The document was put together by the core, so it may be nested deeper. */
#define HITL_JSON_COMPOSED 0x02

extern HitlResult hitl_json_parse(HitlArena *arena, const char *text,
								  size_t length, unsigned flags,
								  const HitlJson **value, HitlJsonError *error);
extern HitlResult hitl_json_read(HitlArena *arena, const char *text,
								 size_t length, unsigned flags,
								 const HitlJson **value, size_t *used,
								 HitlJsonError *error);
extern char *hitl_json_text(HitlArena *arena, const HitlJson *value);
extern const HitlJson *hitl_json_member(const HitlJson *object,
										const char *key);
extern const HitlJson *hitl_json_stated(const HitlJson *object,
										const char *key);
extern bool hitl_json_is_true(const HitlJson *object, const char *key);
extern const char *hitl_text_at(const HitlJson *object, const char *key);
extern void hitl_json_add(HitlArena *arena, HitlJson *parent, HitlJson ***end,
						  const HitlJson *value);
extern bool hitl_json_integer(const HitlJson *value, int64_t *integer);
extern bool hitl_json_number(const HitlJson *value, double *number);
extern bool hitl_read_count(const HitlJson *object, const char *key,
							int64_t otherwise, int64_t low, int64_t high,
							int64_t *count);
extern bool hitl_read_int(const HitlJson *object, const char *key,
						  int otherwise, int low, int high, int *count);
extern int hitl_find_name(const HitlJson *value, const char *const *names);
extern bool hitl_only_members(const HitlJson *object, const char *const *names);
extern const char *hitl_json_type_name(const HitlJson *value);
extern void hitl_json_write(HitlBuffer *buffer, const HitlJson *value);
extern void hitl_json_write_string(HitlBuffer *buffer, const char *text,
								   size_t length);
extern void hitl_json_write_content(HitlBuffer *buffer, const char *text,
									size_t length);
extern void hitl_json_write_key(HitlBuffer *buffer, const char *key);
extern void hitl_json_write_member(HitlBuffer *buffer, const char *key,
								   const char *text);
extern void hitl_write_number(HitlBuffer *buffer, const char *key,
							  int64_t value);
extern size_t hitl_utf8_cut(const char *text, size_t length, size_t characters);
extern char *hitl_put_utf8(char *out, unsigned code);

/* ---- fault.c -------------------------------------------------------- */

/* Where in a document we are: a chain from the inside out, kept on the stack. */
typedef struct HitlPlace
{
	const struct HitlPlace *outer;
	const char *key; /* member, or NULL */
	int index;		 /* element, where key is NULL; HITL_WITHIN: key is the
					  * rest of the pointer */
} HitlPlace;

#define HITL_WITHIN (-1)

/* What a parser of documents carries along. */
typedef struct HitlParse
{
	HitlArena *arena; /* of what is built */
	const HitlHost *host;
	HitlFaults *faults;
	bool faulty;
	HitlResult result;				   /* other than OK and INVALID: stop */
	struct HitlDefinition *definition; /* being parsed, or NULL */
} HitlParse;

extern void hitl_fault(HitlParse *parse, const HitlPlace *place,
					   const char *format, ...)
	__attribute__((format(printf, 3, 4)));
extern bool hitl_faults_full(const HitlParse *parse);
extern const HitlJson *hitl_read_document(HitlParse *parse, HitlArena *arena,
										  const HitlPlace *place,
										  const char *text);
extern void hitl_append_pointer(HitlBuffer *buffer, const HitlPlace *place);
extern void hitl_check_members(HitlParse *parse, const HitlPlace *place,
							   const HitlJson *object, const char *const *names,
							   const char *const *more_names);
extern const char *hitl_nearest(const char *text, const char *const *names,
								const char *const *more_names);
extern bool *hitl_find_doubles(HitlArena *arena, const char *const *texts,
							   int count);
extern void hitl_check_path(HitlParse *parse, const HitlPlace *place,
							const char *path);

/* Typed members; NULL or false where absent or faulty (a fault is recorded). */
extern const HitlJson *hitl_get(HitlParse *parse, const HitlPlace *place,
								const HitlJson *object, const char *key,
								HitlJsonType type, bool required);
extern const char *hitl_get_text(HitlParse *parse, const HitlPlace *place,
								 const HitlJson *object, const char *key,
								 bool required);
extern bool hitl_get_boolean(HitlParse *parse, const HitlPlace *place,
							 const HitlJson *object, const char *key);
extern int64_t hitl_get_duration(HitlParse *parse, const HitlPlace *place,
								 const HitlJson *object, const char *key);
extern void hitl_free_faults(HitlFaults *faults);

#endif /* HITL_CORE_BASE_H */
