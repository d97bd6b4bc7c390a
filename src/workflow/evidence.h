/*
 * evidence.h
 *		The chain of hashes through the events of a workflow.
 */
#ifndef HITL_EVIDENCE_H
#define HITL_EVIDENCE_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

/* What the hash of an event is about: its row of hitl.workflow_events. */
typedef struct HitlEvent
{
	const pg_uuid_t *workflow_id;
	int32 seq;
	const char *type;
	const char *step; /* or NULL, as the following */
	const char *position;
	Jsonb *data;
	Jsonb *delta;
	const char *actor;
	const int64 *scope;
	TimestampTz created_at;
} HitlEvent;

/* The hash of an event, palloc'd; previous: that of the one before, or NULL. */
extern bytea *hitl_chain_event(const HitlEvent *event, const bytea *previous);

/* ---- for other chains ------------------------------------------------ */

/* Append a value as jsonb prints it; NULL values are null. */
extern void hitl_chain_id(StringInfo text, const pg_uuid_t *id);
extern void hitl_chain_text(StringInfo text, const char *value);
extern void hitl_chain_jsonb(StringInfo text, Jsonb *value);
extern void hitl_chain_hex(StringInfo text, const bytea *value);
extern void hitl_chain_list(StringInfo text,
							List *names); /* char *; NIL: null */

/* SHA-256 of a hash (NULL: 32 zero bytes) and a text in UTF-8. */
extern bytea *hitl_chain_hash(const bytea *previous, const char *text,
							  int length);

/* SHA-256 of a text in UTF-8 alone. */
extern bytea *hitl_hash_text(const char *text, int length);

#endif /* HITL_EVIDENCE_H */
