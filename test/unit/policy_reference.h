/*
 * policy_reference.h
 *		A second implementation of approval policies, for tests: plain, slow,
 *		and with nothing in common with the first.
 */
#ifndef HITL_UNIT_POLICY_REFERENCE_H
#define HITL_UNIT_POLICY_REFERENCE_H

#include "harness.h"

#include "core/policy.h"

#define PEOPLE 6
#define GROUPS 3
#define SECOND 1000000

/* Who is in which group: bit g of groups[p]. */
typedef struct Crowd
{
	unsigned groups[PEOPLE];
} Crowd;

typedef struct Ballot
{
	int person;
	HitlChoice choice;
	int at; /* in seconds */
} Ballot;

/* What the reference says. */
typedef struct Opinion
{
	HitlOutcome outcome;
	char reason[40];
	int decider; /* person, or -1 */
	char asked[200];
	int escalations;
	int next;		 /* second of the next event without a vote; -1: none */
	char states[60]; /* of all parts: y, n, ?, or - within an n */
	bool shared;	 /* somebody could count in two places */
} Opinion;

extern const char *const person_names[PEOPLE];
extern const char *const group_names[GROUPS];
extern int count_crowd(const Crowd *crowd, int nnames,
					   const char *const *names);
extern void form_opinion(const char *policy, const Crowd *crowd,
						 const Ballot *ballots, int nballots, int now,
						 Opinion *opinion);

#endif /* HITL_UNIT_POLICY_REFERENCE_H */
