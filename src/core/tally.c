/*
 * tally.c
 *		How the answers of several people become one decision.
 *
 * Without a threshold, one approval is enough (all of the required approvers
 * where some are named), and the first rejection rejects.  With a threshold
 * of k, k approvals are asked for, as many of them by required approvers as
 * there are (at most k), and the request is rejected as soon as so many
 * rejections came in that this can no longer be reached.
 *
 * Nothing but enough approvals approves: an odd tally stays pending.
 */
#include "core/internal.h"

HitlOutcome
hitl_decide(const HitlTally *tally)
{
	bool stated = tally->threshold > 0;
	int required = tally->required > 0 ? tally->required : 0;
	int needed = stated ? tally->threshold : required > 0 ? required : 1;
	int needed_required = stated && required > needed ? needed : required;

	if (!stated && tally->rejections > 0)
		return HITL_OUTCOME_REJECTED;
	if (tally->approvals >= needed &&
		tally->required_approvals >= needed_required)
		return HITL_OUTCOME_APPROVED;
	if (tally->rejections <= 0)
		return HITL_OUTCOME_PENDING;

	/* Where anybody may answer, nobody knows how many approvals may come. */
	if (tally->eligible <= 0 || tally->eligible - tally->rejections < needed)
		return HITL_OUTCOME_REJECTED;
	if (required - tally->required_rejections < needed_required)
		return HITL_OUTCOME_REJECTED;
	return HITL_OUTCOME_PENDING;
}
