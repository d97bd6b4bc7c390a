/*
 * large.h
 *		Members of a workflow's data that are too large to be written again
 *		with every step: their values stay in the trail.
 */
#ifndef HITL_LARGE_H
#define HITL_LARGE_H

#include "postgres.h"

#include "utils/uuid.h"
#include "workflow/data.h"

struct HitlBatch;

/* A member of a member whose JSON has more bytes than this is large. */
#define HITL_LARGE_MEMBER 4096

/* Data that is a workflow's: values may stay in its events.  large: column. */
extern void hitl_large_read(HitlData *data, struct HitlBatch *batch,
							const pg_uuid_t *workflow_id, Jsonb *large);

/* Which values are in the trail, as {"steps": {"name": event}}, or NULL. */
extern Jsonb *hitl_large_column(HitlData *data);

/*
 * Fetch the value of $.member.name if it is large; without name all of the
 * member's, without member all there are.
 */
extern void hitl_large_fetch(HitlData *data, const char *member,
							 int member_length, const char *name,
							 int name_length);

/* Append the values that have been fetched to a list of layers. */
extern List *hitl_large_layers(HitlData *data, List *layers);

/* Large members of the document that are in the trail: refer to them. */
extern void hitl_large_refer(HitlData *data);

/*
 * What of the deltas, which merged is the outcome of, is large: refer to it.
 * Answers with the outcome without it.
 */
extern Jsonb *hitl_large_take(HitlData *data, Jsonb *merged);

#endif /* HITL_LARGE_H */
