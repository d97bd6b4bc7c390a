/*
 * test_checkpoint.c
 *		The checkpoint step.
 */
#include "harness.h"

TEST(name_and_description)
{
	Workflow w;

	workflow_open(
		&w,
		"{\"steps\":[{\"name\":\"m\",\"type\":\"checkpoint\",\"checkpoint_name\":\"before it\","
		"\"description\":\"at {{$.n}}\"},{\"name\":\"a\",\"type\":\"task\",\"task\":\"t\"}]}",
		"{\"n\":7}");
	SEND(
		&w, "start", NULL,
		"workflow_started, =running, checkpoint before it, step_completed m, more");
	CHECK_TEXT(w.effects.items[2].body, "{\"description\":\"at 7\"}");
	CHECK(w.effects.items[3].delta == NULL);

	/* It leads to the step after it, and is what the host could dump too. */
	CHECK_TEXT(w.pinned, control_text(&w));
	CHECK(contains(
		w.pinned,
		"\"position\":\"/steps/1\",\"step\":\"a\",\"type\":\"task\",\"state\":\"ready\""));
	CHECK(contains(w.pinned, "\"completed\":1"));
	workflow_close(&w);
}

TEST(description_that_fails)
{
	Workflow w;

	workflow_open(
		&w,
		"{\"steps\":[{\"name\":\"m\",\"type\":\"checkpoint\",\"description\":\"{{$.n}}\"}]}",
		NULL);
	SEND(
		&w, "start", NULL,
		"workflow_started, =running, step_failed m, workflow_failed m, =failed");
	workflow_close(&w);
}

TEST(skipped)
{
	Workflow w;

	workflow_open(
		&w,
		"{\"steps\":[{\"name\":\"m\",\"type\":\"checkpoint\",\"when\":\"$.n\"}]}",
		NULL);
	SEND(
		&w, "start", NULL,
		"workflow_started, =running, step_skipped m, workflow_completed, =completed");
	workflow_close(&w);
}

SUITE(checkpoint, RUN(name_and_description), RUN(description_that_fails),
	  RUN(skipped));
