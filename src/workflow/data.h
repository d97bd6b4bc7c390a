/*
 * data.h
 *		A workflow's data: asked by SQL/JSON path, changed by deltas.
 */
#ifndef HITL_DATA_H
#define HITL_DATA_H

#include "postgres.h"

#include "core/core.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"

/*
 * The data of a workflow.  Deltas are kept until somebody looks, so that a
 * workflow that takes several steps at once is put together once.
 */
typedef struct HitlData
{
	Jsonb *document; /* without the deltas */
	List *deltas;	 /* of Jsonb, oldest first */
	bool merged;	 /* document was put together here, and is
								 * nobody else's */
} HitlData;

/*
 * Change the data: the members of the members of a delta replace or join those
 * of the data.  {"steps": {"a": 1}} adds or replaces $.steps.a only.  The one
 * exception: {"$": document} replaces the data.
 */
extern void hitl_data_change(HitlData *data, Jsonb *delta);

/* The data, all deltas merged. */
extern Jsonb *hitl_data_document(HitlData *data);

/* What stands behind the callbacks of a HitlHost. */
typedef struct HitlHostData
{
	HitlData *data;	  /* what paths are evaluated over */
	ErrorData *error; /* why a callback answered HOST_FAILED */
} HitlHostData;

extern void hitl_host_init(HitlHost *host, HitlHostData *host_data);

/* Raise the error that a callback could not let pass through the core. */
extern void hitl_host_rethrow(HitlHostData *host_data) pg_attribute_noreturn();

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

/* jsonb of an object of text members; NULL values are left out.  Ends with NULL. */
extern Jsonb *hitl_facts(const char *key, ...);

#endif /* HITL_DATA_H */
