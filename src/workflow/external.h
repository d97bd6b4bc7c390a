/*
 * external.h
 *		Tasks that programs outside do, as others in the server see them.
 *		All of it runs within SPI.
 */
#ifndef HITL_EXTERNAL_H
#define HITL_EXTERNAL_H

#include "postgres.h"

#include "workflow/batch.h"

/* Insert the tasks of a batch; the rows are empty afterwards. */
extern void hitl_insert_external(HitlRows *rows);

/*
 * For the engine: offer again, or fail, up to limit tasks whose time has come;
 * how many.  skipped is set if there are none but those locked by others.
 */
extern int64 hitl_release_due_tasks(int limit, bool *skipped);

/* Tell sleeping workers of a queue: when the batch is written; or now. */
extern void hitl_publish_later(HitlBatch *batch, const char *queue);
extern void hitl_publish_queue(const char *queue);

/* Body of a "changed" message, and what it has the engine publish. */
extern Jsonb *hitl_changed_body(HitlBatch *batch);
extern void hitl_publish_changed(HitlBatch *batch, Jsonb *body);

#endif /* HITL_EXTERNAL_H */
