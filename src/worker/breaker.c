/*
 * breaker.c
 *		The circuit breaker of one remote host; no PostgreSQL.
 */
#include "worker/breaker.h"

static bool open_breaker(Breaker *breaker, int64_t now, int64_t cooldown);

/*
 * How many requests may be sent, and when there may be more.
 */
int
breaker_allows(const Breaker *breaker, const BreakerTerms *terms, int64_t now,
			   int64_t *ready_at)
{
	if (!breaker->open || terms->threshold == 0)
		return -1;
	if (breaker->trial)
	{
		*ready_at = INT64_MAX;
		return 0;
	}
	if (now >= breaker->next_trial_at)
		return 1;
	*ready_at = breaker->next_trial_at;
	return 0;
}

/*
 * A request is sent.
 */
bool
breaker_send(Breaker *breaker, const BreakerTerms *terms, int64_t now)
{
	if (!breaker->open || terms->threshold == 0 || breaker->trial ||
		now < breaker->next_trial_at)
		return false;
	breaker->trial = true;
	return true;
}

/*
 * A request has ended.  While the breaker is open, only its trial counts: what
 * was sent before says nothing about the host as it is now.
 */
bool
breaker_end(Breaker *breaker, const BreakerTerms *terms, int64_t now,
			bool trial, BreakerOutcome outcome)
{
	if (terms->threshold == 0)
	{
		/* Switched off: whatever answers is well. */
		if (outcome != BREAKER_SUCCESS || !breaker->open)
			return false;
		breaker_reset(breaker);
		return true;
	}
	if (breaker->open)
	{
		if (!trial || !breaker->trial)
			return false;
		breaker->trial = false;
		if (outcome == BREAKER_SUCCESS)
		{
			breaker_reset(breaker);
			return true;
		}
		if (outcome == BREAKER_NEUTRAL)
			return false;
		breaker->failures++;
		return open_breaker(breaker, now,
							breaker->cooldown > terms->max_cooldown / 2
								? terms->max_cooldown
								: breaker->cooldown * 2);
	}
	if (outcome == BREAKER_SUCCESS)
		breaker->failures = 0;
	if (outcome != BREAKER_FAILURE)
		return false;
	breaker->failures++;
	if (breaker->failures < terms->threshold)
		return false;
	breaker->opened_at = now;
	return open_breaker(breaker, now,
						terms->cooldown < terms->max_cooldown
							? terms->cooldown
							: terms->max_cooldown);
}

/*
 * Close it.
 */
void
breaker_reset(Breaker *breaker)
{
	breaker->failures = 0;
	breaker->open = false;
	breaker->trial = false;
	breaker->cooldown = 0;
	breaker->next_trial_at = 0;
}

/*
 * Open it, or keep it open.
 */
static bool
open_breaker(Breaker *breaker, int64_t now, int64_t cooldown)
{
	breaker->open = true;
	breaker->trial = false;
	breaker->cooldown = cooldown;
	breaker->next_trial_at = now + cooldown;
	return true;
}
