/*
 * policy_script.h
 *		Policies and answers in short, for tests.
 */
#ifndef HITL_UNIT_POLICY_SCRIPT_H
#define HITL_UNIT_POLICY_SCRIPT_H

#include "harness.h"

#include "core/policy.h"

/*
 * How a policy stands after a script of words:
 *	a:ann,finance r:bob x:carl	answers: approve, reject, abstain; the person
 *								and the other names it speaks for
 *	@5							time goes on to that second
 *	finance=4					so many are behind that name from here on
 *	broken						the host cannot count people
 *	|							evaluate, and go on with the state
 *	!							the same without the state
 *	{"…"						a state, as it is
 *	reminded=2					reminders sent so far, the last one just now
 * A pending one says whom it asks, then what else is not zero.
 */
extern const char *stands(const char *policy, const char *script);
extern const char *explains(const char *policy, const char *script,
							const char *path);

#define STANDS(policy, script, expected) \
	CHECK_TEXT(stands(policy, script), expected)
#define EXPLAINS(policy, script, path, expected) \
	CHECK_TEXT(explains(policy, script, path), expected)

#endif /* HITL_UNIT_POLICY_SCRIPT_H */
