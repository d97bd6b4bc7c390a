/*
 * test_policy.c
 *		What policies decide, rule by rule.
 */
#include "policy_script.h"

TEST(leaf)
{
	STANDS("\"ann\"", "", "asks ann");
	STANDS("\"ann\"", "a:ann", "approved: approved by ann");
	STANDS("\"ann\"", "r:ann", "rejected: rejected by ann");
	STANDS("\"ann\"", "x:ann", "rejected: out_of_reach by ann");
	STANDS("\"ann\"", "a:ben", "asks ann");
	STANDS("\"finance\"", "a:ann,finance", "approved: approved by ann");
	STANDS("{\"from\":\"*\"}", "a:zoe", "approved: approved by zoe");
	STANDS("{\"from\":\"*\"}", "x:zoe", "asks *");
	STANDS("{\"from\":[\"ann\",\"ben\"]}", "x:ann", "asks ann ben");
	STANDS("{\"from\":[\"ann\",\"ben\"]}", "x:ann x:ben",
		   "rejected: out_of_reach by ben");
	STANDS("{\"from\":[\"ann\",\"ben\"]}", "x:ann a:ben",
		   "approved: approved by ben");

	/* After the end nothing counts. */
	STANDS("\"ann\"", "a:ann r:ann", "approved: approved by ann");
	STANDS("{\"from\":[\"a\",\"b\"]}", "r:a a:b", "rejected: rejected by a");
}

TEST(counts)
{
	static const char two[] =
		"{\"from\":[\"a\",\"b\",\"c\",\"d\"],\"count\":2}";

	STANDS(two, "a:a", "asks a b c d");
	STANDS(two, "a:a r:b r:c a:d", "approved: approved by d");
	STANDS(two, "a:a r:b r:c", "asks a b c d");
	STANDS(two, "a:a r:b r:c r:d", "rejected: out_of_reach by d");
	STANDS(two, "r:b x:c x:d", "rejected: out_of_reach by d");

	/* A name counts once, however often it is given. */
	STANDS("{\"from\":[\"a\",\"a\",\"b\"],\"count\":2}", "", "asks a b");
	STANDS("{\"from\":[\"a\",\"a\",\"b\"],\"count\":2}", "r:a",
		   "rejected: out_of_reach by a");
	STANDS("{\"from\":[\"a\",\"red\"],\"count\":2}", "red=2 a:a,red",
		   "asks a red");

	/* Nobody knows how many there are. */
	STANDS("{\"from\":\"*\",\"count\":2}", "a:a x:b", "asks *");
	STANDS("{\"from\":\"*\",\"count\":2}", "a:a r:b",
		   "rejected: rejected by b");
	STANDS("{\"from\":\"*\",\"count\":2,\"reject_after\":2}", "a:a r:b",
		   "asks *");
	STANDS("{\"from\":\"*\",\"count\":2,\"reject_after\":2}", "a:a r:b a:c",
		   "approved: approved by c");
	STANDS("{\"from\":\"*\",\"count\":2,\"reject_after\":2}", "a:a r:b r:c",
		   "rejected: rejected by c");
	STANDS("{\"from\":\"red\",\"count\":2,\"reject_after\":1}",
		   "red=9 a:a,red r:b,red", "rejected: rejected by b");

	/* No rejection is waited for that would come too late. */
	STANDS("{\"from\":\"red\",\"count\":2,\"reject_after\":3}",
		   "red=3 r:a,red r:b,red", "rejected: out_of_reach by b");
	STANDS(two, "broken r:a", "host failed");
	STANDS(two, "broken a:a a:b", "approved: approved by b");
}

TEST(percentages)
{
	static const char most[] = "{\"from\":\"red\",\"percent\":60}";

	STANDS(most, "red=5 a:a,red a:b,red", "asks red");
	STANDS(most, "red=5 a:a,red a:b,red a:c,red", "approved: approved by c");
	STANDS(most, "red=5 r:a,red r:b,red", "asks red");
	STANDS(most, "red=5 r:a,red r:b,red r:c,red",
		   "rejected: out_of_reach by c");

	/* Of those who have not abstained. */
	STANDS(most, "red=5 a:a,red a:b,red x:c,red", "asks red");
	STANDS(most, "red=5 a:a,red a:b,red x:c,red x:d,red",
		   "approved: approved by d");
	STANDS(most, "red=2 x:a,red x:b,red", "rejected: out_of_reach by b");
	STANDS("{\"from\":\"red\",\"percent\":0.1}", "red=5", "asks red");
	STANDS("{\"from\":\"red\",\"percent\":0.1}", "red=5 a:a,red",
		   "approved: approved by a");
	STANDS("{\"from\":\"red\",\"percent\":100}", "red=2 a:a,red r:b,red",
		   "rejected: out_of_reach by b");

	/* Nothing is lost by rounding. */
	STANDS("{\"from\":\"red\",\"percent\":7}",
		   "red=100 a:1,red a:2,red a:3,red a:4,red a:5,red a:6,red",
		   "asks red");
	STANDS("{\"from\":\"red\",\"percent\":7}",
		   "red=100 a:1,red a:2,red a:3,red a:4,red a:5,red a:6,red a:7,red",
		   "approved: approved by 7");
	STANDS(most, "red=-1 a:a,red", "asks red");
	STANDS(most, "red=-1 a:a,red r:b,red", "rejected: rejected by b");
	STANDS(most, "broken a:a,red", "host failed");
	STANDS(most, "broken", "asks red");

	/* Nobody in it: nobody approves. */
	STANDS(most, "red=0", "asks red");
}

/*
 * The number of people changes; what was decided by it stays decided, and
 * what was not is not decided in the past.
 */
TEST(changing_counts)
{
	static const char then[] =
		"{\"sequence\":[{\"from\":\"red\",\"percent\":50},"
		"{\"from\":\"boss\",\"deadline\":10}]}";
	static const char reach[] =
		"{\"any_of\":[{\"from\":\"red\",\"count\":2},\"ann\"]}";

	STANDS(then, "red=2 a:a,red |", "asks boss, next 10");
	STANDS(then, "red=2 a:a,red | red=9 @5", "asks boss, next 10");
	STANDS(then, "red=2 a:a,red | red=9 @5 !", "asks red");
	STANDS(then, "red=9 a:a,red | red=2 @50", "asks boss, next 60");
	STANDS(then, "red=9 a:a,red | red=2 @50 | @55 |", "asks boss, next 60");
	STANDS(then, "red=9 a:a,red | red=2 @50 | red=9 @60", "rejected: deadline");
	STANDS(then, "red=9 a:a,red | red=2 @50 a:b,red |", "asks boss, next 60");
	STANDS(then, "red=9 a:a,red | red=2 @50 | @51 a:boss",
		   "approved: approved by boss");
	STANDS(reach, "red=2 r:a,red |", "asks ann");
	STANDS(reach, "red=2 r:a,red | red=9 a:b,red a:c,red", "asks ann");
	STANDS(reach, "red=9 r:a,red | a:b,red red=4 @3 a:c,red",
		   "approved: approved by c");
	STANDS(reach, "red=-1 r:a,red | red=9 a:b,red a:c,red", "asks ann");
}

TEST(garbage_in_state)
{
	static const char policy[] =
		"{\"all_of\":[{\"from\":\"red\",\"percent\":50},{\"from\":\"b\"},"
		"{\"from\":\"c\",\"advisory\":true,\"veto\":true}]}";
	static const char *const states[] =
		{"{",
		 "{}",
		 "{\"votes\":0,\"at_us\":1}",
		 "{\"votes\":0,\"at_us\":1,\"parts\":{}}",
		 "{\"votes\":2,\"at_us\":1,\"parts\":[]}",
		 "{\"votes\":-1,\"at_us\":1,\"parts\":[]}",
		 "{\"votes\":0,\"at_us\":\"1\",\"parts\":[]}",
		 "{\"votes\":0,\"at_us\":1,\"parts\":[],\"more\":1}",
		 "{\"votes\":0,\"at_us\":1,\"parts\":[7]}"};
	static const char *const parts[] = {
		"\"part\":0,\"state\":\"approved\",\"needed\":1,\"votes\":1,\"at_us\":1",
		"\"part\":4,\"state\":\"approved\",\"needed\":1,\"votes\":1,\"at_us\":1",
		"\"part\":9,\"state\":\"approved\",\"needed\":1,\"votes\":1,\"at_us\":1",
		"\"part\":2,\"state\":\"approved\",\"needed\":1,\"votes\":1,\"at_us\":1",
		"\"part\":3,\"state\":\"failed\",\"reason\":\"rejected\",\"votes\":1,\"at_us\":1",
		"\"part\":1,\"state\":\"approved\",\"votes\":1,\"at_us\":1",
		"\"part\":1,\"state\":\"approved\",\"needed\":0,\"votes\":1,\"at_us\":1",
		"\"part\":1,\"state\":\"granted\",\"needed\":1,\"votes\":1,\"at_us\":1",
		"\"part\":1,\"state\":\"approved\",\"needed\":1,\"votes\":2,\"at_us\":1",
		"\"part\":1,\"state\":\"approved\",\"needed\":1,\"votes\":1,\"at_us\":2",
		"\"part\":1,\"state\":\"failed\",\"votes\":1,\"at_us\":1",
		"\"part\":1,\"state\":\"failed\",\"reason\":\"x\",\"votes\":1,\"at_us\":1"};
	char script[400];
	size_t i;

	for (i = 0; i < sizeof(states) / sizeof(states[0]); i++)
	{
		snprintf(script, sizeof(script), "a:a,red %s", states[i]);
		STANDS(policy, script, "invalid");
	}
	STANDS(policy, "{\"votes\":0,\"at_us\":1,\"parts\":[]} a:a,red",
		   "asks b c");
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
	{
		snprintf(script, sizeof(script),
				 "a:a,red {\"votes\":1,\"at_us\":1,\"parts\":[{%s}]}",
				 parts[i]);
		STANDS(policy, script, "invalid");
	}
	STANDS(policy,
		   "r:a,red {\"votes\":1,\"at_us\":1,\"parts\":[{\"part\":1,\"state\":"
		   "\"failed\",\"reason\":\"out_of_reach\",\"votes\":1,\"at_us\":0}]}",
		   "rejected: out_of_reach by a");
	EXPLAINS(policy, "{\"votes\":1,\"at_us\":1,\"parts\":[]}", "/0",
			 "the state is not one of this policy and these answers");
}

TEST(inner_parts)
{
	STANDS("{\"all_of\":[\"a\",\"b\"]}", "a:a", "asks b");
	STANDS("{\"all_of\":[\"a\",\"b\"]}", "a:b a:a", "approved: approved by a");
	STANDS("{\"all_of\":[\"a\",\"b\"]}", "a:b r:a", "rejected: rejected by a");
	STANDS("{\"any_of\":[\"a\",\"b\"]}", "a:b", "approved: approved by b");
	STANDS("{\"any_of\":[\"a\",\"b\"]}", "r:a", "asks b");
	STANDS("{\"any_of\":[\"a\",\"b\"]}", "r:a r:b", "rejected: rejected by b");
	STANDS("{\"n_of\":[\"a\",\"b\",\"c\"],\"n\":2}", "r:a a:b", "asks c");
	STANDS("{\"n_of\":[\"a\",\"b\",\"c\"],\"n\":2}", "a:c a:b",
		   "approved: approved by b");
	STANDS("{\"n_of\":[\"a\",\"b\",\"c\"],\"n\":2}", "r:c r:b",
		   "rejected: rejected by b");
	STANDS("{\"n_of\":[\"a\",\"b\",\"c\"],\"percent\":34}", "a:a", "asks b c");
	STANDS("{\"n_of\":[\"a\",\"b\",\"c\"],\"percent\":33}", "a:a",
		   "approved: approved by a");
	STANDS("{\"any_of\":[{\"all_of\":[\"a\",\"b\"]},\"c\"]}", "a:a r:b",
		   "asks c");
}

TEST(sequences)
{
	static const char three[] =
		"{\"sequence\":[\"a\",{\"from\":\"x\",\"advisory\":true},"
		"{\"all_of\":[\"b\",\"c\"]},\"d\"]}";

	STANDS(three, "", "asks a");
	STANDS(three, "a:b a:c a:d", "asks a");
	STANDS(three, "a:a", "asks x b c");
	STANDS(three, "a:a r:x a:c", "asks b");
	STANDS(three, "a:a a:c a:b", "asks x d");
	STANDS(three, "a:a a:c a:b a:d", "approved: approved by d");
	STANDS(three, "a:a r:c", "rejected: rejected by c");

	/* Later in the same instant counts, earlier does not. */
	STANDS("{\"sequence\":[\"a\",\"red\"]}", "a:b,red a:a", "asks red");
	STANDS("{\"sequence\":[\"a\",\"red\"]}", "a:a a:b,red",
		   "approved: approved by b");
	STANDS("{\"sequence\":[\"a\",{\"from\":\"b\",\"after\":10}]}", "@3 a:a",
		   "asks, next 10");
	STANDS("{\"sequence\":[\"a\",{\"from\":\"b\",\"after\":10}]}", "@13 a:a",
		   "asks b");
}

TEST(escalation_within)
{
	static const char any[] =
		"{\"any_of\":[\"a\",{\"from\":\"boss\",\"after\":10}]}";

	STANDS(any, "", "asks a, next 10");
	STANDS(any, "@10", "asks a boss");
	STANDS(any, "@9 a:boss", "asks a, next 10");
	STANDS(any, "@10 a:boss", "approved: approved by boss");
	STANDS(any, "r:a", "asks, next 10");
	STANDS(any, "r:a @11 r:boss", "rejected: rejected by boss");
	STANDS("{\"from\":\"a\",\"after\":5}", "", "asks, next 5");
}

TEST(deadlines)
{
	static const char fails[] =
		"{\"any_of\":[{\"from\":\"a\",\"deadline\":10},\"b\"]}";
	static const char grants[] =
		"{\"all_of\":[{\"from\":\"a\",\"deadline\":10,\"on_deadline\":"
		"\"approve\"},\"b\"]}";

	STANDS(fails, "", "asks a b, next 10");
	STANDS(fails, "@10", "asks b");
	STANDS(fails, "@10 a:a", "asks b");
	STANDS(fails, "@9 a:a", "approved: approved by a");
	STANDS(fails, "r:b", "asks a, next 10");
	STANDS(fails, "r:b @20", "rejected: deadline");
	STANDS(grants, "@10", "asks b");
	STANDS(grants, "@3 a:b", "asks a, next 10");
	STANDS(grants, "a:b @10", "approved: deadline");
	STANDS(grants, "r:b @10", "rejected: rejected by b");
	STANDS("{\"from\":\"a\",\"deadline\":5}", "@5", "rejected: deadline");

	/* From when it became active; the inner one comes first. */
	STANDS("{\"sequence\":[\"a\",{\"from\":\"b\",\"deadline\":10}]}", "@7 a:a",
		   "asks b, next 17");
	STANDS("{\"all_of\":[{\"from\":\"a\",\"deadline\":5,\"on_deadline\":"
		   "\"approve\"}],\"deadline\":5}",
		   "@5", "approved: deadline");
	STANDS("{\"all_of\":[{\"from\":\"a\",\"deadline\":5,\"on_deadline\":"
		   "\"approve\"}],\"timeout\":5}",
		   "@5", "approved: deadline");
}

TEST(vetoes_and_advice)
{
	static const char advice[] =
		"{\"all_of\":[\"a\",{\"from\":[\"l\",\"m\"],\"advisory\":true}]}";
	static const char veto[] =
		"{\"any_of\":[\"a\",{\"from\":[\"l\",\"m\",\"n\"],\"advisory\":true,"
		"\"veto\":true},\"b\"]}";

	STANDS(advice, "", "asks a l m");
	STANDS(advice, "r:l", "asks a");
	STANDS(advice, "a:l", "asks a");
	STANDS(advice, "a:a", "approved: approved by a");
	STANDS(veto, "r:m", "rejected: veto by m");
	STANDS(veto, "a:l x:n", "asks a l m n b");
	STANDS(veto, "a:l r:m", "rejected: veto by m");
	STANDS(veto, "r:a", "asks l m n b");
	STANDS(veto, "a:a r:m", "approved: approved by a");
	STANDS("{\"any_of\":[\"a\",{\"all_of\":[\"b\",\"c\"],\"veto\":true}]}",
		   "r:b", "rejected: veto by b");
	STANDS("{\"any_of\":[\"a\",\"b\"],\"veto\":true}", "r:b",
		   "rejected: veto by b");

	/* Not asked yet, not asked any more: no veto. */
	STANDS("{\"any_of\":[\"a\",{\"from\":\"b\",\"veto\":true,\"after\":5}]}",
		   "r:b", "asks a, next 5");
	STANDS("{\"all_of\":[\"a\",{\"from\":[\"b\",\"c\"],\"veto\":true}]}",
		   "a:b r:c", "asks a");
}

TEST(silence)
{
	STANDS("{\"from\":\"a\",\"timeout\":10}", "",
		   "asks a, next 10, expires 10");
	STANDS("{\"from\":\"a\",\"timeout\":10}", "@10", "expired: silence");
	STANDS("{\"from\":\"a\",\"timeout\":10}", "@10 a:a", "expired: silence");
	STANDS("{\"from\":\"a\",\"timeout\":10}", "@9.5 a:a",
		   "approved: approved by a");
	STANDS("{\"from\":\"a\",\"timeout\":10,\"on_silence\":\"expire\"}", "@11",
		   "expired: silence");
	STANDS("{\"from\":\"a\",\"timeout\":10,\"on_silence\":\"reject\"}", "@11",
		   "rejected: silence");
	STANDS("{\"from\":\"a\",\"timeout\":10,\"on_silence\":\"approve\"}", "@11",
		   "approved: silence");
}

TEST(escalation)
{
	static const char twice[] =
		"{\"from\":\"a\",\"timeout\":10,\"on_silence\":{\"escalate\":"
		"{\"from\":\"b\",\"deadline\":2},\"timeout\":5,\"on_silence\":"
		"{\"escalate\":\"c\",\"timeout\":4,\"on_silence\":\"reject\"}}}";
	static const char open[] =
		"{\"from\":\"a\",\"timeout\":10,\"on_silence\":{\"escalate\":\"b\"}}";

	STANDS(twice, "", "asks a, next 10, expires 10");
	STANDS(twice, "@10", "asks a b, level 1, next 12, expires 15");
	STANDS(twice, "@13", "asks a, level 1, next 15, expires 15");
	STANDS(twice, "@16", "asks a c, level 2, next 19, expires 19");
	STANDS(twice, "@19", "rejected: silence, level 2");
	STANDS(twice, "@16 a:c", "approved: approved by c, level 2");
	STANDS(twice, "@11 a:a", "approved: approved by a, level 1");
	STANDS(twice, "r:a", "rejected: rejected by a");
	STANDS(twice, "@11 r:a", "asks b, level 1, next 12, expires 15");
	STANDS(twice, "@11 r:a @12", "rejected: deadline, level 1");
	STANDS(open, "@50", "asks a b, level 1");
	STANDS(open, "@9 a:b", "asks a, next 10, expires 10");
}

TEST(reminders)
{
	static const char every[] =
		"{\"from\":\"a\",\"remind\":{\"after\":10,\"every\":5,\"max\":2}}";

	STANDS(every, "", "asks a, next 10");
	STANDS(every, "@10", "asks a, next 15, remind");
	STANDS(every, "@12 reminded=1", "asks a, next 17");
	STANDS(every, "@12 reminded=1 @17", "asks a, remind");
	STANDS(every, "@17 reminded=2 @60", "asks a");
	STANDS(every, "@60 a:a", "approved: approved by a");
	STANDS("{\"from\":\"a\",\"remind\":{\"after\":10}}", "@40",
		   "asks a, next 50, remind");
	STANDS("{\"from\":\"a\",\"remind\":{\"after\":10}}", "@40 reminded=999 @41",
		   "asks a, next 50");
	STANDS("{\"from\":\"a\",\"remind\":{\"after\":10}}", "@40 reminded=1000",
		   "asks a");
	STANDS("{\"from\":\"a\",\"timeout\":12,\"remind\":{\"after\":10}}", "@10",
		   "asks a, next 12, expires 12, remind");
}

TEST(distinct)
{
	static const char both[] = "{\"all_of\":[{\"from\":[\"a\",\"b\"]},\"a\"]}";
	static const char lead[] =
		"{\"any_of\":[{\"sequence\":[\"lead\",\"boss\"]},"
		"{\"from\":[\"lead\",\"dev\"],\"count\":2}]}";
	static const char later[] =
		"{\"all_of\":[{\"sequence\":[{\"from\":[\"a\",\"b\"]},\"c\"]},\"a\"]}";

	/* Whoever comes first, all are used where they are needed. */
	STANDS(both, "a:a", "asks a b");
	STANDS(both, "a:a a:b", "approved: approved by b");
	STANDS(both, "a:b", "asks a");
	STANDS(both, "a:b a:a", "approved: approved by a");
	STANDS("{\"all_of\":[{\"from\":[\"a\",\"b\"]},\"a\"],\"distinct\":false}",
		   "a:a", "approved: approved by a");

	/* A rejection is one wherever the person is asked. */
	STANDS(both, "r:a", "rejected: rejected by a");
	STANDS("{\"any_of\":[{\"from\":[\"a\",\"b\"]},\"a\",\"c\"]}", "r:a",
		   "asks c");

	/* Alternatives do not take people from each other. */
	STANDS(lead, "a:lead", "asks boss lead dev");
	STANDS(lead, "a:lead a:boss", "approved: approved by boss");
	STANDS(lead, "a:lead a:dev", "approved: approved by dev");

	/* What is not clear yet is not followed by a next stage. */
	STANDS(later, "a:a", "asks a b");
	STANDS(later, "a:a a:b", "asks c");
	STANDS(later, "a:a a:b a:c", "approved: approved by c");

	/* A chain of three that only one way of three resolves. */
	STANDS(
		"{\"all_of\":[{\"from\":[\"a\",\"b\"]},{\"from\":[\"b\",\"c\"]},"
		"{\"from\":[\"c\",\"a\"],\"count\":1},{\"from\":\"red\",\"count\":2}]}",
		"red=5 a:a,red a:b,red a:c,red a:d,red", "asks a b c red");
	STANDS(
		"{\"all_of\":[{\"from\":[\"a\",\"b\"]},{\"from\":[\"b\",\"c\"]},"
		"{\"from\":[\"c\",\"a\"],\"count\":1},{\"from\":\"red\",\"count\":2}]}",
		"red=5 a:a,red a:b,red a:c,red a:d,red a:e,red",
		"approved: approved by e");
	STANDS("{\"n_of\":[{\"from\":[\"a\",\"b\"],\"count\":2},{\"from\":"
		   "[\"a\",\"c\"],\"count\":2},\"d\"],\"n\":2}",
		   "a:a a:b a:d", "approved: approved by d");

	/* Advice takes nobody away. */
	STANDS("{\"all_of\":[\"a\",{\"from\":\"a\",\"advisory\":true}]}", "a:a",
		   "approved: approved by a");

	/* What time has approved needs nobody. */
	STANDS("{\"all_of\":[{\"from\":[\"a\",\"b\"],\"deadline\":5,"
		   "\"on_deadline\":\"approve\"},{\"from\":[\"a\",\"b\"]},\"c\"]}",
		   "a:a a:c @5", "approved: deadline");
	STANDS("{\"all_of\":[{\"from\":\"red\",\"percent\":50},{\"from\":\"red\","
		   "\"percent\":50}]}",
		   "red=3 a:a,red a:b,red a:c,red | red=3 a:d,red",
		   "approved: approved by d");
	STANDS("{\"sequence\":[{\"all_of\":[{\"from\":\"red\",\"percent\":30},"
		   "{\"from\":\"red\",\"percent\":30}]},\"boss\"]}",
		   "red=3 a:a,red a:b,red | red=9 a:c,red", "asks boss");
}

/*
 * The clocks of hosts.
 */
TEST(odd_times)
{
	STANDS("{\"from\":\"a\",\"timeout\":10}", "@5 a:a @3",
		   "approved: approved by a");
	STANDS("{\"from\":\"a\",\"timeout\":10}", "@20 a:a @3", "expired: silence");
	STANDS("{\"all_of\":[\"a\",\"b\"],\"timeout\":10}", "@5 a:a @2 a:b",
		   "approved: approved by b");
	STANDS("\"a\"", "@-5", "asks a");
}

SUITE(policy, RUN(leaf), RUN(counts), RUN(percentages), RUN(changing_counts),
	  RUN(garbage_in_state), RUN(inner_parts), RUN(sequences),
	  RUN(escalation_within), RUN(deadlines), RUN(vetoes_and_advice),
	  RUN(silence), RUN(escalation), RUN(reminders), RUN(distinct),
	  RUN(odd_times));
