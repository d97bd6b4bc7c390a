/*
 * common.c
 *		A definition, a host and checks for the fuzz targets.
 */
#include "fuzz.h"

/* The texts of branches that have begun and not ended, by number. */
static char *branches[FUZZ_BRANCHES];
static int64_t numbers[FUZZ_BRANCHES];

const char *const usual_agent =
	"{\"name\":\"g\",\"version\":\"v\",\"kind\":\"tool_calling\",\"max_steps\":3,\"max_tokens\":500,"
	"\"on_limit\":\"ask\",\"planning_interval\":2,\"max_observation\":100,"
	"\"answer_checks\":[{\"name\":\"c\",\"sql\":\"s\"}],\"approval\":{\"required_approvers\":[\"a\"]},"
	"\"tools\":[{\"name\":\"s\",\"description\":\"d\",\"kind\":\"sql\",\"parameters\":"
	"{\"properties\":{\"n\":{\"type\":\"integer\"}}},\"call\":\"f\",\"scalar\":true,\"arguments\":"
	"[{\"name\":\"n\",\"quoted\":\"n\",\"type\":\"int\"}]},"
	"{\"name\":\"w\",\"description\":\"d\",\"kind\":\"sql\",\"parameters\":{},\"call\":\"f\","
	"\"arguments\":[],\"approval\":{\"when\":\"$\"}},"
	"{\"name\":\"h\",\"description\":\"d\",\"kind\":\"http\",\"parameters\":{},\"method\":\"GET\","
	"\"url\":\"http://x/{a}?b\",\"approval\":\"always\"},"
	"{\"name\":\"e\",\"description\":\"d\",\"kind\":\"external\",\"parameters\":{},\"queue\":\"q\"},"
	"{\"name\":\"g\",\"description\":\"d\",\"kind\":\"agent\",\"parameters\":{},\"agent\":\"g\"},"
	"{\"name\":\"request_approval\",\"kind\":\"builtin\"},{\"name\":\"ask_human\",\"kind\":\"builtin\"},"
	"{\"name\":\"create_checkpoint\",\"kind\":\"builtin\"},"
	"{\"name\":\"rollback_to_checkpoint\",\"kind\":\"builtin\"}]}";

static HitlQueryResult
query(void *context, int64_t scope, const char *path, const char **text)
{
	static const char *const answers[] = {"true", "[{\"a\": [1, \"x\"]}, 2]",
										  "\"text \\\" \\u00e9\"", "null"};

	(void) context;
	(void) scope;
	switch (strlen(path) % 7)
	{
		case 0:
			return HITL_QUERY_EMPTY;
		case 1:
			*text = "cannot be evaluated";
			return HITL_QUERY_FAULTY;
		case 2:
			return HITL_QUERY_HOST_FAILED;
		default:
			*text = answers[strlen(path) % 7 - 3];
			return HITL_QUERY_FOUND;
	}
}

static HitlQueryResult
check_path(void *context, const char *path, const char **text)
{
	(void) context;
	if (path[0] == '$')
		return HITL_QUERY_FOUND;
	*text = "syntax error";
	return HITL_QUERY_FAULTY;
}

static HitlQueryResult
load_branch(void *context, int64_t branch, const char **text)
{
	(void) context;
	if (branch < 0 || branch >= FUZZ_BRANCHES || branches[branch] == NULL)
		return HITL_QUERY_EMPTY;
	*text = branches[branch];
	return HITL_QUERY_FOUND;
}

static HitlQueryResult
list_branches(void *context, int64_t first, int64_t count, const int64_t **list,
			  int *found)
{
	int64_t branch;

	(void) context;
	*found = 0;
	for (branch = 0; branch < FUZZ_BRANCHES; branch++)
	{
		if (branches[branch] != NULL &&
			(count == 0 || (branch >= first && branch < first + count)))
			numbers[(*found)++] = branch;
	}
	*list = numbers;
	return HITL_QUERY_FOUND;
}

static HitlQueryResult
load_agent(void *context, const char *name, const char *version,
		   const char **text)
{
	(void) name;
	(void) version;
	*text = context == NULL ? usual_agent : context;
	return HITL_QUERY_FOUND;
}

static HitlQueryResult
test_path(void *context, const char *document, const char *path,
		  const char **text)
{
	(void) context;
	(void) path;
	must_be_json(document);
	*text = strlen(document) % 3 == 0 ? "true" : "false";
	return strlen(document) % 5 == 0 ? HITL_QUERY_FAULTY : HITL_QUERY_FOUND;
}

const HitlHost fuzz_host = {.query = query,
							.check_path = check_path,
							.load_branch = load_branch,
							.list_branches = list_branches,
							.load_agent = load_agent,
							.test_path = test_path};

const char *
kind_of(char letter)
{
	switch (letter)
	{
		case 's':
			return "start";
		case 'c':
			return "continue";
		case 'a':
			return "approval";
		case 'r':
			return "reply";
		case 'x':
			return "cancel";
		case 't':
			return "timer";
		case 'g':
			return "signal";
		case 'h':
			return "child";
		case 'p':
			return "pause";
		case 'q':
			return "resume";
		case 'y':
			return "retry";
		case 'k':
			return "skip";
		case 'b':
			return "rollback";
		default:
			return "other";
	}
}

void
set_branch(int64_t branch, const char *text)
{
	if (branch < 0 || branch >= FUZZ_BRANCHES)
		return;
	free(branches[branch]);
	branches[branch] = text == NULL ? NULL : strdup(text);
}

void
forget_branches(void)
{
	int64_t branch;

	for (branch = 0; branch < FUZZ_BRANCHES; branch++)
		set_branch(branch, NULL);
}

void
flush_branches(HitlControl *control)
{
	HitlBranchChanges changes;
	int i;

	MUST(hitl_dump_branches(control, &changes) == HITL_OK);
	for (i = 0; i < changes.count; i++)
	{
		const HitlBranchChange *change = &changes.items[i];

		must_be_json(change->control);
		MUST((change->control != NULL) ==
			 (strcmp(change->status, "active") == 0));
		MUST(i == 0 || changes.items[i - 1].branch < change->branch);
		set_branch(change->branch, change->control);
	}
	hitl_free_branches(&changes);
}

HitlDefinition *
rich_definition(void)
{
	static const char *const text =
		"{\"steps\":["
		"{\"name\":\"a\",\"type\":\"task\",\"task\":\"do {{$.x}}\",\"create_checkpoint\":true,\"on_error\":\"goto:c\"},"
		"{\"name\":\"b\",\"type\":\"task\",\"task\":\"b\",\"requires_approval\":true,\"on_reject\":\"continue\","
		"\"on_timeout\":\"rollback:a\",\"approval_config\":{\"context_data\":{\"k\":\"{{$.xy}}\"}}},"
		"{\"name\":\"c\",\"type\":\"approval\",\"title\":\"t\",\"on_timeout\":\"reject\",\"on_reject\":\"goto:a\"},"
		"{\"name\":\"d\",\"type\":\"task\",\"task\":\"d\",\"when\":\"$\",\"requires_approval\":true,"
		"\"approval_config\":{\"when\":\"after\"},\"on_error\":\"continue\"},"
		"{\"name\":\"e\",\"type\":\"checkpoint\"},"
		"{\"name\":\"p\",\"type\":\"parallel\",\"timeout\":9,\"retry\":{},\"branches\":[["
		"{\"name\":\"pa\",\"type\":\"sql\",\"sql\":\"select 1\",\"timeout\":5,\"undo\":["
		"{\"name\":\"pu\",\"type\":\"wait\",\"for\":7}]}],["
		"{\"name\":\"f\",\"type\":\"foreach\",\"items\":\"$xxx\",\"concurrency\":1,\"steps\":["
		"{\"name\":\"w\",\"type\":\"switch\",\"timeout\":5,\"cases\":[{\"when\":\"$xx\",\"steps\":["
		"{\"name\":\"s\",\"type\":\"signal\",\"signal\":\"n\"},"
		"{\"name\":\"o\",\"type\":\"workflow\",\"template\":\"t\",\"on_error\":\"goto:s\"}]}]}]}],["
		"{\"name\":\"h\",\"type\":\"http\",\"url\":\"http://x\"}]],\"wait_for\":2},"
		"{\"name\":\"g\",\"type\":\"task\",\"task\":\"g\",\"agent\":\"g\"}]}";
	HitlDefinition *definition;
	HitlFaults faults = {0};

	MUST(hitl_parse_definition(text, &fuzz_host, &definition, &faults) ==
		 HITL_OK);
	return definition;
}

const HitlJson *
reply_with_body(HitlArena *arena, const char *status, const char *provider,
				const uint8_t *data, size_t size)
{
	HitlBuffer buffer;
	const HitlJson *message;
	HitlJson *body;

	hitl_buffer_init(&buffer, arena);
	hitl_append_format(
		&buffer,
		"{\"token\":1,\"status\":%s,\"body\":\"\",\"provider\":\"%s\"}", status,
		provider);
	MUST(hitl_json_parse(arena, hitl_buffer_text(&buffer), buffer.length, 0,
						 &message, NULL) == HITL_OK);
	MUST(hitl_check_reply(message) == NULL);

	/* The bytes may be no UTF-8, so they do not come through the message. */
	body = message->first->next->next;
	body->text = hitl_copy_text(arena, (const char *) data, size);
	body->length = size;
	return message;
}

void
must_be_json(const char *text)
{
	HitlArena arena;
	const HitlJson *value;

	if (text == NULL)
		return;
	hitl_arena_init(&arena);
	MUST(hitl_json_parse(&arena, text, strlen(text), HITL_JSON_COMPOSED, &value,
						 NULL) == HITL_OK);
	hitl_arena_free(&arena);
}

void
must_be_text(const char *text)
{
	HitlArena arena;
	HitlBuffer buffer;

	if (text == NULL)
		return;
	hitl_arena_init(&arena);
	hitl_buffer_init(&buffer, &arena);
	hitl_json_write_string(&buffer, text, strlen(text));
	must_be_json(hitl_buffer_text(&buffer));
	hitl_arena_free(&arena);
}

void
must_be_sound(const HitlEffects *effects)
{
	int i;

	for (i = 0; i < effects->count; i++)
	{
		const HitlEffect *effect = &effects->items[i];

		must_be_json(effect->body);
		must_be_json(effect->delta);
		must_be_json(effect->control);
		MUST((effect->control != NULL) ==
			 (effect->kind == HITL_EFFECT_CHECKPOINT));
		MUST(effect->delta == NULL || effect->kind == HITL_EFFECT_EVENT);
	}
}

HitlControl *
round_trip(const HitlDefinition *definition, HitlControl *control)
{
	HitlControl *again;
	char *first;
	char *second;

	flush_branches(control);
	MUST(hitl_dump_control(control, &first) == HITL_OK);
	must_be_json(first);
	MUST(hitl_parse_control(definition, first, &again, NULL) == HITL_OK);
	MUST(hitl_dump_control(again, &second) == HITL_OK);
	MUST(strcmp(first, second) == 0);
	free(first);
	free(second);
	hitl_free_control(control);
	return again;
}
