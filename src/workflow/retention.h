/*
 * retention.h
 *		Removing what ended long ago.
 */
#ifndef HITL_RETENTION_H
#define HITL_RETENTION_H

#include "postgres.h"

#include "utils/timestamp.h"

/*
 * Remove the next batch of what ended more than hitl.retention ago.  Returns
 * when to go on, DT_NOEND: when there is something new.  Within SPI.
 */
extern TimestampTz hitl_purge_next(void);

#endif /* HITL_RETENTION_H */
