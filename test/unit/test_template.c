/*
 * test_template.c
 *		What templates render to, seen through a task's call.
 */
#include "harness.h"

#define DATA \
	"{\"variables\":{\"n\":1200,\"s\":\"a \\\"b\\\"\",\"o\":{\"x\":[1,2]},\"z\":null,\"t\":true," \
	"\"e\":\"\"},\"steps\":{\"one-two\":{\"v\":7}}}"

/*
 * The context of a task rendered; or the reason it failed.
 */
static const char *
render(const char *context)
{
	static char out[4000];
	char definition[4000];
	Workflow workflow;
	const HitlEffect *effect;

	snprintf(definition, sizeof(definition),
			 "{\"steps\":[{\"name\":\"s\",\"type\":\"task\","
			 "\"task\":\"t\",\"context\":{\"a\":%s}}]}",
			 context);
	workflow_open(&workflow, definition, DATA);
	CHECK_INT(workflow_send(&workflow, "start", NULL), HITL_OK);
	effect = find_effect(&workflow, HITL_EFFECT_RUN_TASK);
	if (effect != NULL)
		snprintf(out, sizeof(out), "%s", member_of(effect->body, "/context/a"));
	else
		snprintf(out, sizeof(out), "%s",
				 member_of(workflow.effects.items[2].body, "/message"));
	workflow_close(&workflow);
	return out;
}

TEST(plain_text_is_untouched)
{
	CHECK_TEXT(render("\"a } b } {c} %s\""), "\"a } b } {c} %s\"");
	CHECK_TEXT(render("[1,null,{\"b\":\"x\"}]"), "[1,null,{\"b\":\"x\"}]");
	CHECK_TEXT(render("\"}}\""), "\"}}\"");
	CHECK_TEXT(render("\"\""), "\"\"");
}

TEST(types_are_kept)
{
	CHECK_TEXT(render("\"{{ $.variables.n }}\""), "1200");
	CHECK_TEXT(render("\"{{$.variables.o}}\""), "{\"x\":[1,2]}");
	CHECK_TEXT(render("\"{{$.variables.s}}\""), "\"a \\\"b\\\"\"");
	CHECK_TEXT(render("\"{{$.variables.z}}\""), "null");
	CHECK_TEXT(
		render("[\"{{$.variables.t}}\",{\"k\":\"{{$.variables.o.x[1]}}\"}]"),
		"[true,{\"k\":2}]");
	CHECK_TEXT(render("\"{{$.steps.\\\"one-two\\\".v}}\""), "7");
}

TEST(matches_become_text)
{
	CHECK_TEXT(render("\"pay {{$.variables.n}} to {{$.variables.s}}!\""),
			   "\"pay 1200 to a \\\"b\\\"!\"");
	CHECK_TEXT(render("\" {{$.variables.n}}\""), "\" 1200\"");
	CHECK_TEXT(render("\"{{$.variables.n}} \""), "\"1200 \"");
	CHECK_TEXT(render("\"{{$.variables.o}}{{$.variables.t}}\""),
			   "\"{\\\"x\\\":[1,2]}true\"");
	CHECK_TEXT(render("\"[{{$.variables.e}}]\""), "\"[]\"");
}

TEST(numbers_are_not_rounded)
{
	Workflow workflow;

	workflow_open(
		&workflow,
		"{\"steps\":[{\"name\":\"s\",\"type\":\"task\",\"task\":\"t {{$.x}}\","
		"\"context\":{\"a\":0.10,\"b\":\"{{$.x}}\"}}]}",
		NULL);
	workflow.memory.raw = "[ 12345678901234567890.10 ]";
	SEND(&workflow, "start", NULL, "workflow_started, =running, run s 1");
	CHECK(contains(
		find_effect(&workflow, HITL_EFFECT_RUN_TASK)->body,
		"{\"task\":\"t [12345678901234567890.10]\",\"context\":{\"a\":0.10,"
		"\"b\":[12345678901234567890.10]}"));
	workflow_close(&workflow);
}

TEST(escapes)
{
	CHECK_TEXT(render("\"write \\\\{{ name }} here\""),
			   "\"write {{ name }} here\"");
	CHECK_TEXT(render("\"\\\\{{{{$.variables.n}}\""), "\"{{1200\"");
	CHECK_TEXT(render("\"a \\\\ b {{$.variables.n}}\""), "\"a \\\\ b 1200\"");
}

TEST(no_match_is_an_error)
{
	CHECK_TEXT(render("\"{{$.variables.missing}}\""),
			   "\"template path $.variables.missing matches nothing\"");
	CHECK_TEXT(render("\"a {{$.variables.o.x[9]}}\""),
			   "\"template path $.variables.o.x[9] matches nothing\"");
	CHECK_TEXT(
		render("\"{{ $.variables.n + 1 }}\""),
		"\"template path $.variables.n + 1 cannot be evaluated: syntax error in path\"");
}

TEST(braces_in_a_path)
{
	Workflow workflow;

	workflow_open(
		&workflow,
		"{\"steps\":[{\"name\":\"s\",\"type\":\"task\",\"task\":\"t\","
		"\"context\":{\"a\":\"{{ $.\\\"}}\\\" }}\"}}]}",
		"{\"}}\":5}");
	SEND(&workflow, "start", NULL, "workflow_started, =running, run s 1");
	CHECK_TEXT(member_of(find_effect(&workflow, HITL_EFFECT_RUN_TASK)->body,
						 "/context/a"),
			   "5");
	workflow_close(&workflow);
}

TEST(texts_stay_texts)
{
	Workflow workflow;
	const char *body;

	workflow_open(&workflow,
				  "{\"steps\":[{\"name\":\"s\",\"type\":\"approval\",\"title\":"
				  "\"{{$.variables.n}}\",\"description\":\"{{$.variables.o}}\","
				  "\"context_data\":{\"amount\":\"{{$.variables.n}}\"}}]}",
				  DATA);
	SEND(&workflow, "start", NULL,
		 "workflow_started, =running, ask s 1, =waiting_approval");
	body = find_effect(&workflow, HITL_EFFECT_REQUEST_APPROVAL)->body;
	CHECK_TEXT(member_of(body, "/title"), "\"1200\"");
	CHECK_TEXT(member_of(body, "/description"), "\"{\\\"x\\\":[1,2]}\"");
	CHECK_TEXT(member_of(body, "/context_data"), "{\"amount\":1200}");
	workflow_close(&workflow);
}

TEST(host_that_fails)
{
	Workflow workflow;

	workflow_open(
		&workflow,
		"{\"steps\":[{\"name\":\"s\",\"type\":\"task\",\"task\":\"{{$.x}}\"}]}",
		NULL);
	workflow.memory.broken = true;
	CHECK_INT(workflow_send(&workflow, "start", NULL), HITL_HOST_FAILED);
	workflow.memory.broken = false;
	workflow.memory.raw = "{no json";
	SEND(
		&workflow, "start", NULL,
		"workflow_started, =running, step_failed s, workflow_failed s, =failed");
	CHECK_TEXT(member_of(workflow.effects.items[2].body, "/message"),
			   "\"the match of template path $.x "
			   "cannot be used: a member name in quotes is expected\"");
	workflow_close(&workflow);
}

/*
 * Documents put into documents are still read back.
 */
TEST(deep_matches)
{
	Workflow workflow;
	char deep[1000];

	memset(deep, '[', 399);
	memset(deep + 399, ']', 399);
	deep[798] = '\0';
	workflow_open(
		&workflow,
		"{\"steps\":[{\"name\":\"s\",\"type\":\"task\",\"task\":\"t\","
		"\"requires_approval\":true,\"context\":{\"a\":{\"b\":[\"{{$.x}}\"]}}}]}",
		NULL);
	workflow.memory.raw = deep;
	SEND(&workflow, "start", NULL,
		 "workflow_started, =running, ask s 1, =waiting_approval");
	SEND(&workflow, "approval", "{\"token\":1,\"outcome\":\"approved\"}",
		 "run s 2, =running");
	workflow_close(&workflow);
}

SUITE(template, RUN(plain_text_is_untouched), RUN(types_are_kept),
	  RUN(matches_become_text), RUN(numbers_are_not_rounded), RUN(escapes),
	  RUN(no_match_is_an_error), RUN(braces_in_a_path), RUN(texts_stay_texts),
	  RUN(host_that_fails), RUN(deep_matches));
