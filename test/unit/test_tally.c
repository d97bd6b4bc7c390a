/*
 * test_tally.c
 *		How answers become decisions.
 */
#include "harness.h"

/*
 * Names by their first letters: eligible, required, threshold, approvals (of
 * required ones), rejections (of required ones).
 */
static HitlOutcome
decide(int e, int r, int t, int a, int ar, int x, int xr)
{
	HitlTally tally = {.eligible = e,
					   .required = r,
					   .threshold = t,
					   .approvals = a,
					   .required_approvals = ar,
					   .rejections = x,
					   .required_rejections = xr};

	return hitl_decide(&tally);
}

TEST(no_threshold)
{
	CHECK_INT(decide(0, 0, 0, 0, 0, 0, 0), HITL_OUTCOME_PENDING);
	CHECK_INT(decide(0, 0, 0, 1, 0, 0, 0), HITL_OUTCOME_APPROVED);
	CHECK_INT(decide(0, 0, 0, 0, 0, 1, 0), HITL_OUTCOME_REJECTED);
	CHECK_INT(decide(5, 0, 0, 1, 0, 0, 0), HITL_OUTCOME_APPROVED);
	CHECK_INT(decide(5, 0, 0, 0, 0, 1, 0), HITL_OUTCOME_REJECTED);

	/* Were both recorded at once, caution wins. */
	CHECK_INT(decide(5, 0, 0, 1, 0, 1, 0), HITL_OUTCOME_REJECTED);
}

TEST(required_approvers)
{
	CHECK_INT(decide(4, 2, 0, 2, 1, 0, 0), HITL_OUTCOME_PENDING);
	CHECK_INT(decide(4, 2, 0, 3, 1, 0, 0), HITL_OUTCOME_PENDING);
	CHECK_INT(decide(4, 2, 0, 2, 2, 0, 0), HITL_OUTCOME_APPROVED);
	CHECK_INT(decide(4, 2, 0, 1, 1, 1, 0), HITL_OUTCOME_REJECTED);
}

TEST(threshold)
{
	CHECK_INT(decide(5, 0, 3, 2, 0, 0, 0), HITL_OUTCOME_PENDING);
	CHECK_INT(decide(5, 0, 3, 3, 0, 0, 0), HITL_OUTCOME_APPROVED);
	CHECK_INT(decide(5, 0, 3, 2, 0, 2, 0), HITL_OUTCOME_PENDING);
	CHECK_INT(decide(5, 0, 3, 3, 0, 2, 0), HITL_OUTCOME_APPROVED);
	CHECK_INT(decide(5, 0, 3, 2, 0, 3, 0), HITL_OUTCOME_REJECTED);

	/* Nobody knows how many there are. */
	CHECK_INT(decide(0, 0, 3, 2, 0, 1, 0), HITL_OUTCOME_REJECTED);
	CHECK_INT(decide(0, 0, 3, 3, 0, 1, 0), HITL_OUTCOME_APPROVED);
}

TEST(threshold_with_required_approvers)
{
	/* One named person and anyone else. */
	CHECK_INT(decide(5, 1, 2, 2, 0, 0, 0), HITL_OUTCOME_PENDING);
	CHECK_INT(decide(5, 1, 2, 4, 0, 0, 0), HITL_OUTCOME_PENDING);
	CHECK_INT(decide(5, 1, 2, 2, 1, 0, 0), HITL_OUTCOME_APPROVED);
	CHECK_INT(decide(5, 1, 2, 1, 0, 1, 1), HITL_OUTCOME_REJECTED);
	CHECK_INT(decide(5, 1, 2, 1, 0, 1, 0), HITL_OUTCOME_PENDING);

	/* Two of three named ones. */
	CHECK_INT(decide(3, 3, 2, 2, 2, 0, 0), HITL_OUTCOME_APPROVED);
	CHECK_INT(decide(3, 3, 2, 1, 1, 1, 1), HITL_OUTCOME_PENDING);
	CHECK_INT(decide(3, 3, 2, 1, 1, 2, 2), HITL_OUTCOME_REJECTED);
}

/*
 * Whatever the numbers: no approval without enough approvals, and more
 * approvals never undo one.
 */
TEST(all_small_tallies)
{
	int e, r, t, a, ar, x, xr;

	for (e = 0; e <= 4; e++)
		for (r = 0; r <= e || (e == 0 && r <= 3); r++)
			for (t = 0; t <= 4; t++)
				for (a = 0; a <= 4; a++)
					for (ar = 0; ar <= a && ar <= r; ar++)
						for (x = 0; a + x <= 5; x++)
							for (xr = 0; xr <= x && ar + xr <= r; xr++)
							{
								HitlOutcome outcome = decide(e, r, t, a, ar, x,
															 xr);
								bool enough = a >= (t > 0		? t
														: r > 0 ? r
																: 1) &&
									ar >= (t > 0 && r > t ? t : r);

								if (outcome == HITL_OUTCOME_APPROVED)
									CHECK(enough);
								else if (x == 0)
									CHECK(!enough &&
										  outcome == HITL_OUTCOME_PENDING);
								if (x > 0 && t == 0)
									CHECK_INT(outcome, HITL_OUTCOME_REJECTED);
							}
}

TEST(odd_tallies)
{
	CHECK_INT(decide(-1, -1, -1, -1, -1, -1, -1), HITL_OUTCOME_PENDING);
	CHECK_INT(decide(3, 0, 2, -5, 0, 0, 0), HITL_OUTCOME_PENDING);
}

SUITE(tally, RUN(no_threshold), RUN(required_approvers), RUN(threshold),
	  RUN(threshold_with_required_approvers), RUN(all_small_tallies),
	  RUN(odd_tallies));
