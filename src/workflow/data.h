/*
 * data.h
 *		The data of a workflow, or of a scope within it, changed by deltas.
 */
#ifndef HITL_DATA_H
#define HITL_DATA_H

#include "postgres.h"

#include "core/core.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

struct HitlBatch;

/*
 * The data of a workflow or scope.  It is unpacked when somebody looks, and
 * deltas are kept until somebody wants the whole, so that a step costs what it
 * reads and changes.
 */
typedef struct HitlData
{
	struct varlena *packed; /* as it was read; NULL: there is none, or it is
							 * unpacked */
	Jsonb *document;		/* without the deltas; NULL while packed */
	List *deltas;			/* of Jsonb, oldest first */
	List *events;			/* that brought them */
	bool merged;			/* document was put together here, and is
							 * nobody else's */
	bool changed;			/* since it was read */
	Size *unpacked;			/* adds up what was unpacked, or NULL */

	/* Of a workflow, not of a scope (large.c). */
	struct HitlBatch *batch;
	const pg_uuid_t *workflow_id;
	List *large;	 /* members that are in its trail, not in the document */
	int replaced_by; /* the event that replaced the data, or 0 */
} HitlData;

/* What hitl_find_member() finds. */
typedef enum HitlFound
{
	HITL_FOUND_NOTHING = 0, /* not even the outer member */
	HITL_FOUND_OBJECT,		/* an object without such a member */
	HITL_FOUND_OTHER,		/* the outer member is no object */
	HITL_FOUND_MEMBER
} HitlFound;

/* Take data as read from a column; it is unpacked when it is needed. */
extern void hitl_data_read(HitlData *data, Datum column, Size *unpacked);

/*
 * Change the data, as an event says: the members of the members of its delta
 * replace or join those of the data.  {"steps": {"a": 1}} adds or replaces
 * $.steps.a only.  The one exception: {"$": document, "large": {…}} replaces
 * the data; large is as in hitl.workflows.
 */
extern void hitl_data_change(HitlData *data, Jsonb *delta, int event);

/* The data, all deltas merged, the large members among them. */
extern Jsonb *hitl_data_document(HitlData *data);

/* The same without the large members, as it is stored. */
extern Jsonb *hitl_data_stored(HitlData *data);

/*
 * Documents of which later ones are laid over earlier ones, as deltas are:
 * append what the data consist of to a list of such layers.  Large members are
 * among them as far as they have been fetched.
 */
extern List *hitl_data_layers(HitlData *data, List *layers);

/* A member of a member of what layers amount to: $.member.name. */
extern HitlFound hitl_find_member(List *layers, const char *member,
								  int member_length, const char *name,
								  int name_length, JsonbValue *value);

/* Push a key and what the layers make of it; nothing where none has it. */
extern void hitl_push_merged(JsonbParseState **state, List *layers,
							 const char *name, int length);

/* What layers amount to. */
extern Jsonb *hitl_merge_layers(List *layers);

/* ---- jsonb ------------------------------------------------------------ */

/* The members of two objects, those of the second winning. */
extern Jsonb *hitl_merge(Jsonb *first, Jsonb *second);

/* A member of a jsonb object as jsonb; NULL where there is none. */
extern Jsonb *hitl_member(Jsonb *object, const char *key);

/* A member as C string (strings bare); NULL where there is none or null. */
extern char *hitl_member_text(Jsonb *object, const char *key);

/* A member as a whole number; fallback where there is none. */
extern int64 hitl_member_int(Jsonb *object, const char *key, int64 fallback);

extern char *hitl_jsonb_text(Jsonb *jsonb);
extern Jsonb *hitl_jsonb_parse(const char *text);

/* Push a text. */
extern void hitl_push_text(JsonbParseState **state, JsonbIteratorToken token,
						   const char *text, int length);

/* jsonb of an object of text members; NULL values are left out.  Ends with NULL. */
extern Jsonb *hitl_facts(const char *key, ...);

/* Those of the members of an object that are named.  Ends with NULL. */
extern Jsonb *hitl_some_members(Jsonb *object, const char *key, ...);

#endif /* HITL_DATA_H */
