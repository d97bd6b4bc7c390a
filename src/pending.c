/*
 * pending.c
 *		What a transaction leaves for its end.
 */
#include "postgres.h"

#include "pending.h"

/*
 * Leave something.
 */
void
hitl_leave(dlist_head *list, HitlPending *item)
{
	item->level = GetCurrentTransactionNestLevel();
	dlist_push_tail(list, &item->node);
}

/*
 * What a subtransaction has left is its parent's now, or nobody's.  Called at
 * the end of every subtransaction, so it looks at no more than that has left.
 */
void
hitl_settle_pending(dlist_head *list, SubXactEvent event)
{
	int level;
	dlist_iter iter;

	if (dlist_is_empty(list) ||
		(event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB))
		return;
	level = GetCurrentTransactionNestLevel();
	if (event == SUBXACT_EVENT_ABORT_SUB)
	{
		while (!dlist_is_empty(list) &&
			   dlist_tail_element(HitlPending, node, list)->level >= level)
			dlist_delete(dlist_tail_node(list));
		return;
	}
	dlist_reverse_foreach(iter, list)
	{
		HitlPending *item = dlist_container(HitlPending, node, iter.cur);

		if (item->level < level)
			break;
		item->level = level - 1;
	}
}
