/*
 * news.h
 *		What happens to approval requests of no workflow, for those who follow
 *		events: workflows have a trail, these requests have none.
 */
#ifndef HITL_NEWS_H
#define HITL_NEWS_H

#include "utils/uuid.h"

/* What the gateway of a database knows of its news. */
typedef enum HitlNewsState
{
	HITL_NEWS_UNWANTED = 0, /* nobody follows */
	HITL_NEWS_READ,			/* all of it */
	HITL_NEWS_THERE			/* there is more */
} HitlNewsState;

extern void hitl_news_init(void); /* from _PG_init: callbacks */

/*
 * Have it told when this transaction commits.  event_type is as in trails:
 * "approval_" and what has happened.
 */
extern void hitl_publish_at_commit(const pg_uuid_t *approval_id,
								   const char *event_type);

/*
 * A prepared transaction has committed: what it would have told is not known
 * any more, if any of them had something to tell.
 */
extern void hitl_publish_prepared(void);

/* For the gateway: tell it, or no more, when there is something. */
extern void hitl_follow_news(bool wanted);

/* Is there something, since it was asked last? */
extern bool hitl_take_news(void);

/* The number of the last of them. */
extern int64 hitl_last_news(void);

#endif /* HITL_NEWS_H */
