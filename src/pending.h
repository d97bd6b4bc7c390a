/*
 * pending.h
 *		What a transaction leaves for its end.
 *
 * Items lie in the transaction's memory, in the order in which they were left;
 * the list is to be forgotten (dlist_init) when the transaction has ended.
 */
#ifndef HITL_PENDING_H
#define HITL_PENDING_H

#include "access/xact.h"
#include "lib/ilist.h"

/* What such an item begins with. */
typedef struct HitlPending
{
	dlist_node node;
	int level; /* of the transaction that it is to commit with */
} HitlPending;

extern void hitl_leave(dlist_head *list, HitlPending *item);

/* For a callback of subtransactions. */
extern void hitl_settle_pending(dlist_head *list, SubXactEvent event);

#endif /* HITL_PENDING_H */
