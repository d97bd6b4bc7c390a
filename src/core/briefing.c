/*
 * briefing.c
 *		What an agent's model is told before the task: its instructions, and
 *		how the work goes.
 *
 * It says only what holds in every turn of a run, so that all requests of one
 * begin alike, and servers can keep that in a cache.
 */
#include "core/inference.h"

#include <string.h>

static const char default_instructions[] =
	"You are an agent that carries out a task in a workflow.";

/* How one works that calls tools. */
static const char tool_rules[] =
	"- You work in turns. In each turn, call one or several tools; you are shown "
	"their results before your next turn. Calls of the same turn must not need "
	"each other's results.\n"
	"- Call only tools that you are offered, with arguments that fit their schemas. "
	"If a call fails, read why, and change something before you try again.\n"
	"- Never make up what a tool or a person can tell you.\n";

/* How one works that writes SQL. */
static const char code_rules[] =
	"- You work in turns, on a PostgreSQL database. In each turn, say in a sentence "
	"or two what you are about to do, then write one block of SQL between <code> "
	"and </code>, and nothing after it. You are shown its result, or why it failed, "
	"before your next turn.\n"
	"- If a block fails, read why, and mend it. Never make up a result.\n"
	"- What you do not know about tables and columns, look up in "
	"information_schema.\n";

/* What follows from a tool being there. */
static const struct
{
	const char *tool;
	const char *rule;
} hints[] = {
	{"ask_human", "- What only people can tell you, ask them by ask_human.\n"},
	{"request_approval",
	 "- Before you do what is important and hard to undo, and what you are told to "
	 "have approved, ask by request_approval. If people reject it, do not do it.\n"},
	{"create_checkpoint",
	 "- Before you try something that may go wrong, call create_checkpoint.\n"},
	{"rollback_to_checkpoint",
	 "- If you have gone wrong since a checkpoint, return to it by "
	 "rollback_to_checkpoint.\n"},
};

static void write_limits(HitlBuffer *text, const HitlJson *settings);
static void write_hints(HitlBuffer *text, const HitlOffer *offers, int count);
static void write_form(HitlBuffer *text, const HitlJson *settings);

/*
 * Does the agent write SQL, rather than call tools?
 */
bool
hitl_writes_code(const HitlJson *settings)
{
	static const char *const kinds[] = {"code", NULL};

	return hitl_find_name(hitl_json_member(settings, "kind"), kinds) == 0;
}

/*
 * Write what the model is told.
 */
void
hitl_write_briefing(HitlBuffer *text, const HitlJson *settings,
					const HitlOffer *offers, int count)
{
	const HitlJson *instructions = hitl_json_member(settings, "instructions");
	bool code = hitl_writes_code(settings);

	if (hitl_is_blank(instructions))
		hitl_append_text(text, default_instructions);
	else
		hitl_append(text, instructions->text, instructions->length);
	hitl_append_text(text, "\n\nHow you work:\n");
	hitl_append_text(text, code ? code_rules : tool_rules);
	if (code)
		write_limits(text, settings);
	if (code && count > 0)
		hitl_append_text(
			text,
			"- Instead of writing SQL, you may call the tools that you are offered.\n");
	hitl_append_text(
		text,
		"- People may have to approve what you ask for before it is carried out. If "
		"they change or reject it, you are told, and go on with what they decided.\n");
	write_hints(text, offers, count);
	if (code)
		hitl_append_text(
			text,
			"- When the task is done, answer in plain text, without SQL and tags. That "
			"ends the task; until then, nobody reads what you write.");
	else
		hitl_append_text(
			text,
			"- When the task is done, call final_answer, and nothing else in that turn. "
			"A reply that calls no tool ends the task, too: its text is the answer. "
			"Until then, nobody reads what you write.");
	write_form(text, settings);
}

/*
 * Write what holds for SQL.
 */
static void
write_limits(HitlBuffer *text, const HitlJson *settings)
{
	const HitlJson *sandbox = hitl_json_member(settings, "sandbox");
	int64_t rows;

	if (hitl_json_is_true(sandbox, "read_only"))
		hitl_append_text(
			text, "- You can only read: statements that change data fail.\n");
	if (hitl_json_integer(hitl_json_member(sandbox, "rows"), &rows) && rows > 0)
	{
		hitl_append_text(text, "- You are shown at most ");
		hitl_append_integer(text, rows);
		hitl_append_text(text, rows == 1 ? " row" : " rows");
		hitl_append_text(
			text, " of a result. Count and sum up in SQL, not by reading.\n");
	}
}

/*
 * Write how to use the tools that the core provides, where they are offered.
 */
static void
write_hints(HitlBuffer *text, const HitlOffer *offers, int count)
{
	size_t i;
	int j;

	for (i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
	{
		for (j = 0; j < count; j++)
		{
			if (strcmp(offers[j].name, hints[i].tool) == 0)
				hitl_append_text(text, hints[i].rule);
		}
	}
}

/*
 * Write what the answer must look like, if that is laid down.
 */
static void
write_form(HitlBuffer *text, const HitlJson *settings)
{
	const HitlJson *schema = hitl_json_stated(settings, "output_schema");

	if (schema == NULL)
		return;
	hitl_append_text(
		text,
		"\n\nThe answer must be a JSON value that fits the JSON Schema below. Where "
		"you give it as text, write this value and nothing else.\n");
	hitl_json_write(text, schema);
}
