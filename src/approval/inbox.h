/*
 * inbox.h
 *		Who sees which requests.
 */
#ifndef HITL_INBOX_H
#define HITL_INBOX_H

#include "postgres.h"

#include "utils/uuid.h"

/*
 * ERROR unless the caller sees this request, which to whoever does not does not
 * exist.  Within SPI.
 */
extern void hitl_check_sees(const pg_uuid_t *id);

#endif /* HITL_INBOX_H */
