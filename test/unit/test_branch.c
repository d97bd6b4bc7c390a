/*
 * test_branch.c
 *		The texts of branches: their documented members, what is refused, and
 *		memory or a host that fails while they are loaded.
 */
#include "harness.h"

#define TASK(name, more) \
	"{\"name\":\"" name "\",\"type\":\"task\",\"task\":\"do\"" more "}"
#define ASK(name, more) \
	"{\"name\":\"" name "\",\"type\":\"approval\",\"title\":\"t\"" more "}"

static const char *const definition =
	"{\"steps\":["
	"{\"name\":\"p\",\"type\":\"parallel\",\"timeout\":9,"
	"\"branches\":[[" TASK(
		"a",
		"") "],["
			"{\"name\":\"f\",\"type\":\"foreach\",\"items\":\"$.items\",\"steps\":["
			"{\"name\":\"w\",\"type\":\"switch\",\"timeout\":5,\"cases\":["
			"{\"when\":\"$.yes\",\"steps\":[" TASK("b", "") "]}]}]}],[" ASK(
				"c", ",\"undo\":[" TASK("u", "") "]") "]]}]}";

static const char *const data = "{\"yes\":true,\"items\":[1,2]}";

/* The body of a message to a branch. */
static const char *
to(int64_t branch, int64_t counter, const char *rest)
{
	static char body[4][300];
	static int next;
	char *text = body[next++ % 4];

	snprintf(text, sizeof(body[0]), "{\"token\":%lld%s}",
			 (long long) (branch << HITL_TOKEN_BITS | counter), rest);
	return text;
}

/* The text of a branch. */
static const char *
text_of(const Workflow *w, const char *branch)
{
	return json_string_value(
		json_object_get(json_object_get(w->memory.branches, branch),
						"control"));
}

TEST(documented_members)
{
	Workflow w;

	workflow_open(&w, definition, data);
	GO(&w, "start", NULL,
	   "workflow_started, =running, timer p 1, more; run a 1/2, more; fork 4+2, "
	   "more; more; timer w 4/4, run b 4/5, more; more; timer w 5/6, run b 5/7, "
	   "more; ask c 3/8");
	CHECK_TEXT(
		text_of(&w, "1"),
		"{\"parent\":0,\"owner\":\"/steps/0\",\"index\":0,\"scope\":0,\"active\":[{"
		"\"position\":\"/steps/0/branches/0/0\",\"step\":\"a\",\"type\":\"task\","
		"\"state\":\"waiting_reply\",\"token\":268435458,\"attempt\":1,"
		"\"since_us\":1700000000000002}],\"entered\":1}");
	CHECK_TEXT(
		text_of(&w, "5"),
		"{\"parent\":2,\"owner\":\"/steps/0/branches/1/0\",\"index\":1,\"scope\":5,"
		"\"active\":[{\"position\":\"/steps/0/branches/1/0/steps/0/cases/0/steps/0\","
		"\"step\":\"b\",\"type\":\"task\",\"state\":\"waiting_reply\","
		"\"token\":1342177287,\"attempt\":1,\"since_us\":1700000000000007,"
		"\"outer\":[{\"attempt\":1,\"token\":1342177286}]}],\"entered\":2}");
	CHECK(contains(text_of(&w, "2"),
				   "\"branches\":{\"first\":4,\"total\":2,\"started\":2,"
				   "\"running\":2,\"completed\":0,\"failed\":0}"));
	CHECK(contains(control_text(&w),
				   "\"branches\":5,\"approvals\":1,"
				   "\"replies\":3}"));
	workflow_close(&w);
}

/*
 * What is said when a part of a branch's text is another one.
 */
static void
damage(const char *branch, const char *part, const char *other,
	   const char *message, const char *reason, const char *file, int line)
{
	Workflow w;
	const char *text;
	const char *found;
	char damaged[2000];

	workflow_open(&w, definition, data);
	workflow_go(&w, "start", NULL);
	text = text_of(&w, branch);
	found = strstr(text, part);
	if (found == NULL)
		report_failure(file, line, "no %s in %s", part, text);
	else
	{
		snprintf(damaged, sizeof(damaged), "%.*s%s%s", (int) (found - text),
				 text, other, found + strlen(part));
		json_object_set_new(json_object_get(w.memory.branches, branch),
							"control", json_string(damaged));
		check_integer(file, line, workflow_send(&w, "reply", message),
					  HITL_INVALID);
		check_text(file, line, w.effects.error, reason);
	}
	workflow_close(&w);
}

#define DAMAGE(branch, part, other, message, reason) \
	damage(branch, part, other, message, reason, __FILE__, __LINE__)

TEST(damaged_texts)
{
	const char *one = to(1, 2, ",\"result\":1");
	const char *five = to(5, 7, ",\"result\":1");
	const char *numbers = "the numbers of a branch are faulty";
	const char *misfit = "a branch does not fit its step";
	const char *outer = "the steps around an active step are faulty";
	const char *elsewhere = "an active step is not in the list of its branch";

	DAMAGE("1", "{\"parent\"", "", one, "the text of a branch is no JSON");
	DAMAGE("1", "parent", "father", one,
		   "the text of a branch has unknown members, or is no object");
	DAMAGE("1", "\"owner\":\"/steps/0\"", "\"owner\":\"/steps/9\"", one,
		   "a branch is of no step of the definition");
	DAMAGE("1", "\"owner\":\"/steps/0\"", "\"owner\":\"/steps/0/branches/0/0\"",
		   one, misfit);
	DAMAGE("1", "\"parent\":0", "\"parent\":1", one, numbers);
	DAMAGE("1", "\"index\":0", "\"index\":-1", one, numbers);
	DAMAGE("1", "\"index\":0", "\"index\":3", one, misfit);
	DAMAGE("1", "\"index\":0", "\"index\":1", one, elsewhere);
	DAMAGE("1", "\"scope\":0", "\"scope\":2", one, numbers);
	DAMAGE("5", "\"scope\":5", "\"scope\":4", five, misfit);
	DAMAGE("1", "\"index\":0", "\"index\":0,\"event\":1", one, misfit);
	DAMAGE("1", "\"index\":0", "\"index\":0,\"event\":0", one,
		   "a branch is of no step of the definition");
	DAMAGE("1", "\"active\":[", "\"active\":[],\"x\":[", one,
		   "the text of a branch has unknown members, or is no object");
	DAMAGE("1", "\"attempt\":1", "\"attempt\":2", one,
		   "the attempt of an active step is faulty");
	DAMAGE("1", "\"token\":268435458", "\"token\":2", one,
		   "the token of an active step is faulty");
	DAMAGE("1", "\"token\":268435458", "\"token\":268435999", one,
		   "the token of an active step is faulty");
	DAMAGE("1", "waiting_reply", "waiting_branches", one,
		   "the state of an active step is faulty");
	DAMAGE("1", "waiting_reply", "waiting_retry", one,
		   "the state of an active step is faulty");
	DAMAGE("5", "\"outer\":[{", "\"outer\":[{},{", five, outer);
	DAMAGE("5", "\"outer\":[{\"attempt\":1,", "\"outer\":[{\"attempt\":0,",
		   five, outer);
	DAMAGE("5", ",\"outer\":[{\"attempt\":1,\"token\":1342177286}]", "", five,
		   outer);
	DAMAGE("5", "\"token\":1342177286", "\"token\":3", five, outer);
	DAMAGE("5", "cases/0/steps/0\",\"step\":\"b\",\"type\":\"task\"",
		   "\",\"step\":\"w\",\"type\":\"switch\"", five,
		   "an active step is not one of the definition");

	/* A branch that its fork does not know. */
	DAMAGE("2", "\"first\":4,\"total\":2", "\"first\":5,\"total\":1",
		   to(2, 3, ",\"result\":1"),
		   "the branches of an active step are faulty");
	DAMAGE("2", "\"first\":4", "\"first\":3", five,
		   "a branch has lost its fork");
	DAMAGE("2", "\"running\":2", "\"running\":3", to(4, 5, ",\"result\":1"),
		   "the branches of an active step are faulty");
}

TEST(damaged_control)
{
	static const struct
	{
		const char *part;
		const char *other;
		const char *reason;
	} cases[] =
		{{"\"branches\":5", "\"branches\":-1",
		  "the numbers of branches of the control state are faulty"},
		 {"\"approvals\":1", "\"approvals\":6",
		  "the numbers of branches of the control state are faulty"},
		 {"\"approvals\":1", "\"ready\":[0],\"approvals\":1",
		  "\"ready\" of the control state is faulty"},
		 {"\"approvals\":1", "\"ready\":[6],\"approvals\":1",
		  "\"ready\" of the control state is faulty"},
		 {"\"approvals\":1", "\"ready\":{},\"approvals\":1",
		  "\"ready\" of the control state is faulty"},
		 {"\"approvals\":1", "\"deadline\":{\"at_us\":0},\"approvals\":1",
		  "\"deadline\" of the control state is faulty"},
		 {"\"approvals\":1",
		  "\"deadline\":{\"at_us\":1,\"token\":9},\"approvals\":1",
		  "\"deadline\" of the control state is faulty"},
		 {"\"approvals\":1", "\"undo\":{\"checkpoint\":\"m\"},\"approvals\":1",
		  "\"undo\" of the control state is faulty"},
		 {"\"approvals\":1",
		  "\"undo\":{\"checkpoint\":\"m\",\"first\":5,\"total\":1,\"done\":0},"
		  "\"approvals\":1",
		  "the control state has active steps though they are taken back"},
		 {"\"total\":3,\"started\":3", "\"total\":2,\"started\":2",
		  "the branches of an active step are faulty"},
		 {"\"first\":1", "\"first\":9",
		  "the branches of an active step are faulty"},
		 {"\"branches\":{\"first\":1,\"total\":3,\"started\":3,\"running\":3,"
		  "\"completed\":0,\"failed\":0}",
		  "\"tries\":1", "an active step awaits branches though it has none"},
		 {"waiting_branches", "waiting_reply", NULL},
		 {"\"highest\"", "\"highest\"", NULL}};
	Workflow w;
	size_t i;

	workflow_open(&w, definition, data);
	workflow_go(&w, "start", NULL);
	for (i = 0; i + 1 < sizeof(cases) / sizeof(cases[0]); i++)
	{
		const char *text = control_text(&w);
		const char *found = strstr(text, cases[i].part);
		HitlControl *control;
		char *error;
		char damaged[2000];

		CHECK(found != NULL);
		if (found == NULL)
			continue;
		snprintf(damaged, sizeof(damaged), "%.*s%s%s", (int) (found - text),
				 text, cases[i].other, found + strlen(cases[i].part));
		CHECK_INT(hitl_parse_control(w.definition, damaged, &control, &error),
				  cases[i].reason == NULL ? HITL_OK : HITL_INVALID);
		CHECK_TEXT(error, cases[i].reason);
		free(error);
		hitl_free_control(control);
	}
	workflow_close(&w);
}

TEST(host_that_fails)
{
	Workflow w;

	workflow_open(&w, definition, data);
	workflow_go(&w, "start", NULL);
	w.memory.broken = true;
	CHECK_INT(workflow_send(&w, "reply", to(1, 2, ",\"result\":1")),
			  HITL_HOST_FAILED);
	CHECK_INT(workflow_send(&w, "retry", NULL), HITL_HOST_FAILED);
	w.memory.broken = false;
	w.memory.host.load_branch = NULL;
	CHECK_INT(workflow_send(&w, "reply", to(1, 2, ",\"result\":1")),
			  HITL_HOST_FAILED);
	w.memory.host.load_branch = memory_load_branch;

	/* A row that is not there, or has ended, has nobody who waits. */
	SEND(&w, "reply", to(6, 2, ",\"result\":1"), "");
	json_object_del(w.memory.branches, "1");
	SEND(&w, "reply", to(1, 2, ",\"result\":1"), "");
	workflow_close(&w);
}

/*
 * A message with every allocation failing once, every other time with the
 * branches not yet loaded; nothing of it may stay.
 */
static void
starve(Workflow *w, const char *kind, const char *body)
{
	HitlMessage message = {kind, body, w->now_us + 1, 0};
	HitlControl *control = NULL;
	HitlResult result = HITL_NO_MEMORY;
	HitlBranchChanges changes;
	char *before;
	char *after;
	long n;

	CHECK_INT(hitl_dump_control(w->control, &before), HITL_OK);
	for (n = 0; result == HITL_NO_MEMORY && n < 10000; n++)
	{
		HitlEffects effects = {0};

		if (n % 2 == 0)
		{
			hitl_free_control(control);
			CHECK_INT(hitl_parse_control(w->definition, before, &control, NULL),
					  HITL_OK);
		}
		allocations_left = n;
		result = hitl_advance(w->definition, control, &message, &w->memory.host,
							  &effects);
		allocations_left = -1;
		json_array_clear(w->memory.answers);
		if (result != HITL_OK)
		{
			CHECK_INT(effects.count, 0);
			CHECK_INT(hitl_dump_control(control, &after), HITL_OK);
			CHECK_TEXT(after, before);
			free(after);
			CHECK_INT(hitl_dump_branches(control, &changes), HITL_OK);
			CHECK_INT(changes.count, 0);
			hitl_free_branches(&changes);
		}
		hitl_free_effects(&effects);
	}
	CHECK_INT(result, HITL_OK);

	/* What has changed is handed over as a whole, or not at all. */
	for (n = 0, result = HITL_NO_MEMORY; result == HITL_NO_MEMORY; n++)
	{
		allocations_left = n;
		result = hitl_dump_branches(control, &changes);
		allocations_left = -1;
		CHECK(result == HITL_OK || changes.count == 0);
		hitl_free_branches(&changes);
	}
	CHECK_INT(result, HITL_OK);
	hitl_free_control(control);
	free(before);
}

/*
 * A course through all of it.
 */
TEST(messages_without_memory)
{
	static const struct
	{
		const char *kind;
		int branch;
		const char *rest;
	} course[] = {{"start", 0, NULL},
				  {"timer", 4, ""},
				  {"retry", 0, NULL},
				  {"pause", 0, NULL},
				  {"reply", 1, ",\"result\":1"},
				  {"resume", 0, NULL},
				  {"reply", 4, ",\"result\":1"},
				  {"skip", 0, "{\"step\":\"b\",\"scope\":5,\"result\":1}"},
				  {"approval", 3, ",\"outcome\":\"approved\""},
				  {"rollback", 0,
				   "{\"checkpoint\":\"m\",\"reason\":\"r\",\"undo\":[{"
				   "\"event\":3,\"position\":\"/steps/0/branches/2/0\"}]}"},
				  {"reply", 6, ",\"result\":1"}};
	Workflow w;
	size_t i;

	workflow_open(&w, definition, data);
	for (i = 0; i < sizeof(course) / sizeof(course[0]); i++)
	{
		const char *body = course[i].rest;
		const char *kind = course[i].kind;
		char text[300];
		char key[30];

		if (course[i].branch > 0)
		{
			/* What the branch awaits, or its switch. */
			const char *found;

			snprintf(key, sizeof(key), "%d", course[i].branch);
			found = text_of(&w, key);
			found = strstr(found == NULL ? "" : found,
						   strcmp(kind, "timer") == 0
							   ? "\"attempt\":1,\"token\":"
							   : "\"token\":");
			CHECK(found != NULL);
			if (found == NULL)
				break;
			found = strstr(found, "\"token\":") + strlen("\"token\":");
			snprintf(text, sizeof(text), "{\"token\":%lld%s}",
					 strtoll(found, NULL, 10), course[i].rest);
			body = text;
		}
		for (;;)
		{
			starve(&w, kind, body);
			CHECK_INT(workflow_send(&w, kind, body), HITL_OK);
			if (w.join != NULL)
			{
				snprintf(text, sizeof(text), "%s", w.join);
				kind = "reply";
				body = text;
			}
			else if (w.effects.more)
			{
				kind = "continue";
				body = NULL;
			}
			else
				break;
		}
	}
	CHECK_TEXT(w.summary,
			   "step_completed u, step_undone c, remove 6+1, rollback m");
	workflow_close(&w);
}

TEST(rewind_without_memory)
{
	Workflow w;
	HitlControl *control = NULL;
	HitlResult result = HITL_NO_MEMORY;
	HitlEffects effects = {0};
	char *text;
	long n;

	workflow_open(&w, definition, data);
	workflow_go(&w, "start", NULL);
	text = strdup(control_text(&w));
	for (n = 0; result == HITL_NO_MEMORY && n < 10000; n++)
	{
		allocations_left = n;
		result = hitl_rewind(w.definition, w.control, text, NULL,
							 &w.memory.host, &control, &effects);
		allocations_left = -1;
		CHECK((control == NULL) == (result != HITL_OK));
		CHECK_INT(effects.count, result == HITL_OK ? 1 : 0);
	}
	CHECK_INT(result, HITL_OK);
	CHECK(n > 20);
	hitl_free_control(control);
	hitl_free_effects(&effects);
	free(text);
	workflow_close(&w);
}

SUITE(branch, RUN(documented_members), RUN(damaged_texts), RUN(damaged_control),
	  RUN(host_that_fails), RUN(messages_without_memory),
	  RUN(rewind_without_memory));
