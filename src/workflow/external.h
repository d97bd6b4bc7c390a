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

#endif /* HITL_EXTERNAL_H */
