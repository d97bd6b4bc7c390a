/*
 * channel.h
 *		Telling people about approval requests.
 */
#ifndef HITL_CHANNEL_H
#define HITL_CHANNEL_H

#include "postgres.h"

#include "utils/array.h"

/*
 * Queue the notifications of an event (approval.requested, approval.approved
 * ...) of requests (uuid[]) to their channels.  Within SPI.
 */
extern void hitl_notify_channels(const char *event_type,
								 ArrayType *approval_ids);

/*
 * The Content-Security-Policy of a page.  In a transaction or without one.
 */
extern char *hitl_page_policy_text(const char *html);

#endif /* HITL_CHANNEL_H */
