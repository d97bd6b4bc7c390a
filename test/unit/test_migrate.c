/*
 * test_migrate.c
 *		Moving a workflow to another definition.
 */
#include "harness.h"

#define TASK(name, more) \
	"{\"name\":\"" name "\",\"type\":\"task\",\"task\":\"do\"" more "}"
#define ASK(name, more) \
	"{\"name\":\"" name "\",\"type\":\"approval\",\"title\":\"t\"" more "}"
#define PARALLEL(name, branches, more) \
	"{\"name\":\"" name "\",\"type\":\"parallel\",\"branches\":[" branches \
	"]" more "}"
#define SWITCH(name, steps) \
	"{\"name\":\"" name \
	"\",\"type\":\"switch\",\"cases\":[{\"when\":\"$.yes\",\"steps\":[" steps \
	"]}]}"
#define STEPS(steps) "{\"steps\":[" steps "]}"
#define AND			 ","

#define GATED ",\"requires_approval\":true"

/*
 * Move a workflow; what is said about it, or "" when it has been moved.
 */
static const char *
move(Workflow *w, const char *definition)
{
	HitlDefinition *to;
	HitlControl *moved;
	HitlFaults faults = {0};
	HitlResult result;
	char *before;
	char *after;
	const char *lines;

	CHECK_INT(hitl_parse_definition(definition, NULL, &to, &faults), HITL_OK);
	CHECK_INT(hitl_dump_control(w->control, &before), HITL_OK);
	result = hitl_migrate(w->definition, w->control, to, &w->memory.host,
						  &moved, &faults);
	CHECK_INT(hitl_dump_control(w->control, &after), HITL_OK);
	CHECK_TEXT(after, before);
	free(before);
	free(after);
	CHECK_INT(result, faults.count > 0 ? HITL_INVALID : HITL_OK);
	CHECK((moved == NULL) == (result != HITL_OK));
	lines = fault_lines(&faults);
	hitl_free_faults(&faults);
	if (moved == NULL)
	{
		hitl_free_definition(to);
		return lines;
	}
	hitl_free_control(w->control);
	hitl_free_definition(w->definition);
	w->control = moved;
	w->definition = to;
	SEND(w, "continue", NULL, "");
	return lines;
}

TEST(step_has_moved)
{
	Workflow w;

	workflow_open(&w, STEPS(TASK("a", "") AND TASK("b", GATED)), NULL);
	workflow_send(&w, "start", NULL);
	workflow_go(&w, "reply", "{\"token\":1,\"result\":1}");
	CHECK_TEXT(w.summary, "step_completed a, more; ask b 2, =waiting_approval");
	CHECK_TEXT(move(&w,
					STEPS(TASK("a", "") AND TASK("x", "") AND TASK("b", GATED)
							  AND TASK("c", ""))),
			   "");
	CHECK(contains(control_text(&w), "\"completed\":2,\"total\":4,"));
	GO(&w, "approval", "{\"token\":2,\"outcome\":\"approved\"}",
	   "run b 3, =running");
	GO(&w, "reply", "{\"token\":3,\"result\":1}",
	   "step_completed b, more; run c 4");
	workflow_close(&w);
}

TEST(step_is_not_there)
{
	Workflow w;

	workflow_open(&w, STEPS(TASK("a", GATED)), NULL);
	workflow_send(&w, "start", NULL);
	CHECK_TEXT(move(&w, STEPS(TASK("b", GATED))),
			   "/steps/0: step \"a\" is not there any more");
	CHECK_TEXT(move(&w, STEPS(ASK("a", ""))),
			   "/steps/0: step \"a\" is of another type");
	CHECK_TEXT(
		move(&w, STEPS(SWITCH("s", TASK("a", GATED)))),
		"/steps/0: step \"a\" is not in a list of the same step any more");
	CHECK_TEXT(move(&w, STEPS(TASK("a", ""))),
			   "/steps/0: step \"a\" is approved in another way, or done by "
			   "somebody else");
	SEND(&w, "approval", "{\"token\":1,\"outcome\":\"approved\"}",
		 "run a 2, =running");
	workflow_close(&w);
}

TEST(before_and_after)
{
	Workflow w;

	workflow_open(&w, STEPS(TASK("a", "")), NULL);
	CHECK_TEXT(move(&w, STEPS(TASK("b", ""))), "");
	SEND(&w, "start", NULL, "workflow_started, =running, run b 1");
	SEND(&w, "reply", "{\"token\":1,\"result\":1}",
		 "step_completed b, workflow_completed, =completed");
	CHECK_TEXT(move(&w, STEPS(TASK("c", "") AND TASK("d", ""))), "");
	CHECK(contains(control_text(&w), "\"completed\":2,\"total\":2,"));
	workflow_close(&w);
}

TEST(branches)
{
	Workflow w;
	const char *old = STEPS(
		PARALLEL("p", "[" SWITCH("s", ASK("a", "")) "],[" ASK("b", "") "]",
				 ""));
	char body[100];

	workflow_open(&w, old, "{\"yes\":true}");
	workflow_go(&w, "start", NULL);
	CHECK_TEXT(w.summary,
			   "workflow_started, =running, more; more; ask a 1/2, more; "
			   "ask b 2/3, =waiting_approval");
	CHECK_TEXT(
		move(&w,
			 STEPS(
				 PARALLEL("p",
						  "[" SWITCH("s", ASK("x", "")) "],[" ASK("y", "") "]",
						  ""))),
		"/steps/0/branches/0/0/cases/0/steps/0: step \"a\" is not there any more\n"
		"/steps/0/branches/1/0: step \"b\" is not there any more");
	CHECK_TEXT(move(&w,
					STEPS(PARALLEL("p",
								   "[" SWITCH("s", ASK("a", "")) "],[" ASK(
									   "b", "") "],[" ASK("c", "") "]",
								   ""))),
			   "/steps/0: step \"p\" has another number of branches");
	CHECK_TEXT(
		move(&w,
			 STEPS(
				 PARALLEL("p",
						  "[" ASK("b", "") "],[" SWITCH("s", ASK("a", "")) "]",
						  ""))),
		"/steps/0/branches/0/0/cases/0/steps/0: step \"a\" is not in a list of the same step any more\n"
		"/steps/0/branches/1/0: step \"b\" is not in a list of the same step any more");
	CHECK_TEXT(move(&w,
					STEPS(TASK("new", "") AND PARALLEL(
						"p",
						"[" TASK("first", "")
							AND SWITCH("s",
									   ASK("a", "")
										   AND ASK("c", "")) "],[" ASK("b",
																	   "") "]",
						""))),
			   "");
	CHECK_INT(memory_active(&w.memory), 2);
	snprintf(body, sizeof(body), "{\"token\":%lld,\"outcome\":\"approved\"}",
			 (long long) (INT64_C(1) << HITL_TOKEN_BITS | 2));
	GO(&w, "approval", body,
	   "step_completed a, =running, more; ask c 1/4, =waiting_approval");
	CHECK(contains(control_text(&w), "\"completed\":1,\"total\":2,"));
	workflow_close(&w);
}

TEST(branches_that_do_not_fit)
{
#define TWO(more) \
	STEPS(PARALLEL("p", "[" TASK("a", "") "],[" ASK("b", "") "]", more))
#define EACH(more) \
	STEPS("{\"name\":\"f\",\"type\":\"foreach\",\"items\":\"$.items\"," \
		  "\"steps\":[" ASK("a", "") "]" more "}")
	Workflow w;
	char body[200];

	/* One has failed, which nothing can make good. */
	workflow_open(&w, TWO(",\"wait_for\":\"any\""), NULL);
	workflow_go(&w, "start", NULL);
	snprintf(body, sizeof(body),
			 "{\"token\":%lld,\"error\":{\"kind\":\"k\",\"message\":\"m\"}}",
			 (long long) (INT64_C(1) << HITL_TOKEN_BITS | 2));
	workflow_go(&w, "reply", body);
	CHECK_TEXT(
		move(&w, TWO("")),
		"/steps/0: step \"p\" waits for more branches than have not failed");
	CHECK_TEXT(move(&w, TWO(",\"wait_for\":1")), "");
	workflow_close(&w);

	workflow_open(&w, EACH(""), "{\"items\":[1,2]}");
	workflow_go(&w, "start", NULL);
	CHECK_TEXT(
		move(&w, EACH(",\"as\":\"one\"")),
		"/steps/0: step \"f\" has another name for its elements, which are under way");
	CHECK_TEXT(move(&w, EACH(",\"as\":\"item\",\"concurrency\":1")), "");
	workflow_close(&w);
}

TEST(without_memory)
{
	Workflow w;
	HitlControl *moved = NULL;
	HitlResult result = HITL_NO_MEMORY;
	long n;

	workflow_open(&w,
				  STEPS(PARALLEL("p",
								 "[" SWITCH("s",
											ASK("a", "")) "],[" TASK("b",
																	 GATED) "]",
								 "")),
				  "{\"yes\":true}");
	workflow_go(&w, "start", NULL);
	for (n = 0; result == HITL_NO_MEMORY && n < 10000; n++)
	{
		HitlFaults faults = {0};

		allocations_left = n;
		result = hitl_migrate(w.definition, w.control, w.definition,
							  &w.memory.host, &moved, &faults);
		allocations_left = -1;
		CHECK((moved == NULL) == (result != HITL_OK));
		hitl_free_faults(&faults);
	}
	CHECK_INT(result, HITL_OK);
	CHECK(n > 10);
	hitl_free_control(w.control);
	w.control = moved;
	SEND(&w, "continue", NULL, "");
	workflow_close(&w);
}

/*
 * What an agent does goes on, by the settings that it began with.
 */
TEST(tasks_of_agents)
{
	Workflow w;

	workflow_open(&w, STEPS(TASK("a", ",\"agent\":\"clerk\"")), NULL);
	w.memory.agents = json_loads(
		"{\"clerk\":{\"name\":\"clerk\",\"kind\":\"tool_calling\",\"tools\":["
		"{\"name\":\"pay\",\"description\":\"d\",\"kind\":\"sql\",\"parameters\":{},"
		"\"call\":\"f\",\"arguments\":[],\"approval\":\"always\"}]}}",
		0, NULL);
	workflow_go(&w, "start", NULL);
	GO(&w, "reply",
	   "{\"token\":2,\"result\":{\"answer\":\"why\",\"calls\":["
	   "{\"id\":\"i\",\"name\":\"pay\"},{\"id\":\"j\",\"name\":\"pay\"}]}}",
	   "agent_replied a, ask a 3, ask a 4, =waiting_approval");
	GO(&w, "approval",
	   "{\"token\":3,\"outcome\":\"approved\",\"approval_id\":\"x\","
	   "\"response_data\":{\"always\":true}}",
	   "");
	CHECK_TEXT(move(&w, STEPS(TASK("a", ""))),
			   "/steps/0: step \"a\" is done by an agent, and would not be any "
			   "more");
	CHECK_TEXT(move(&w,
					STEPS(TASK("new", "")
							  AND TASK("a", ",\"agent\":\"other\""))),
			   "");
	GO(&w, "approval", "{\"token\":4,\"outcome\":\"rejected\"}",
	   "sql a 5, =running");
	GO(&w, "reply", "{\"token\":5,\"result\":{\"rows\":[]}}",
	   "agent_observed a, agent_observed a, run a 6");
	GO(&w, "reply", "{\"token\":6,\"result\":{\"answer\":\"x\"}}",
	   "agent_replied a, step_completed a, workflow_completed, =completed");
	workflow_close(&w);
}

TEST(rolled_back)
{
	Workflow w;
	char *state;

	workflow_open(&w, STEPS(TASK("a", "")), NULL);
	workflow_send(&w, "start", NULL);
	state = strdup(control_text(&w));
	w.reason = "it was wrong";
	CHECK_INT(workflow_rewind(&w, state), HITL_OK);
	free(state);
	CHECK_TEXT(move(&w, STEPS(TASK("a", "") AND TASK("b", ""))), "");
	CHECK(contains(control_text(&w),
				   "\"rewinds\":1,\"reason\":\"it was wrong\""));
	GO(&w, "start", NULL, "workflow_resumed, =running, run a 2");
	workflow_close(&w);
}

SUITE(migrate, RUN(step_has_moved), RUN(step_is_not_there),
	  RUN(before_and_after), RUN(branches), RUN(branches_that_do_not_fit),
	  RUN(without_memory), RUN(tasks_of_agents), RUN(rolled_back));
