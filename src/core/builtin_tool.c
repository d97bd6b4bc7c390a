/*
 * builtin_tool.c
 *		The tools that the core itself provides, as models are told of them.
 */
#include "core/inference.h"

#include <string.h>

static const HitlBuiltinTool tools[] = {
	{HITL_FINAL_ANSWER,
	 "Ends the task with its result. Call it alone, once the task is done, or "
	 "when you know that it cannot be done.",
	 "{\"type\":\"object\",\"properties\":{"
	 "\"answer\":{\"description\":\"The result of the task.\"}},"
	 "\"required\":[\"answer\"],\"additionalProperties\":false}"},
	{"ask_human",
	 "Asks people a question and waits for their answer, which may take "
	 "long. Do not ask what you can find out yourself.",
	 "{\"type\":\"object\",\"properties\":{"
	 "\"question\":{\"type\":\"string\",\"minLength\":1,\"description\":"
	 "\"The question, with all that is needed to answer it: they see "
	 "nothing else of your work.\"},"
	 "\"requested_from\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"minLength\":1},"
	 "\"minItems\":1,\"description\":\"Names of the people or groups to ask. "
	 "Leave it out to ask those in charge.\"}},"
	 "\"required\":[\"question\"],\"additionalProperties\":false}"},
	{"request_approval",
	 "Asks people to approve what you are about to do, and waits for their "
	 "decision. Do it only if they approve.",
	 "{\"type\":\"object\",\"properties\":{"
	 "\"title\":{\"type\":\"string\",\"minLength\":1,\"description\":"
	 "\"What is to be approved, in one line.\"},"
	 "\"description\":{\"type\":\"string\",\"description\":"
	 "\"What it would do, and what speaks for and against it.\"},"
	 "\"approval_type\":{\"enum\":[\"binary\"],\"description\":"
	 "\"How they answer: by yes or no.\"},"
	 "\"context_data\":{\"type\":\"object\",\"description\":"
	 "\"Facts to decide by, such as an amount or a name.\"},"
	 "\"timeout_hours\":{\"type\":\"number\",\"exclusiveMinimum\":0,\"description\":"
	 "\"How many hours they have to decide.\"},"
	 "\"required_approver\":{\"type\":\"string\",\"minLength\":1,\"description\":"
	 "\"Name of the person or group that must approve.\"}},"
	 "\"required\":[\"title\"],\"additionalProperties\":false}"},
	{"create_checkpoint",
	 "Keeps the present state under a name, so that you can return to it.",
	 "{\"type\":\"object\",\"properties\":{"
	 "\"checkpoint_name\":{\"type\":\"string\",\"minLength\":1,\"description\":"
	 "\"A short name that says what has been reached.\"},"
	 "\"description\":{\"type\":\"string\",\"description\":"
	 "\"What has been done so far, and what comes next.\"},"
	 "\"step_name\":{\"type\":\"string\",\"description\":"
	 "\"Name of the part of the task that you are at.\"}},"
	 "\"required\":[\"checkpoint_name\"],\"additionalProperties\":false}"},
	{"rollback_to_checkpoint",
	 "Returns to a checkpoint: what has been done since is taken back, and "
	 "you go on from there. Of all that came after it you will know only the "
	 "reason that you give.",
	 "{\"type\":\"object\",\"properties\":{"
	 "\"checkpoint_name\":{\"type\":\"string\",\"minLength\":1,\"description\":"
	 "\"Name of the checkpoint.\"},"
	 "\"reason\":{\"type\":\"string\",\"minLength\":1,\"description\":"
	 "\"What went wrong, and what to do differently.\"}},"
	 "\"required\":[\"checkpoint_name\",\"reason\"],\"additionalProperties\":false}"},
};

/*
 * The tool of this name, or NULL.
 */
const HitlBuiltinTool *
hitl_find_builtin_tool(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(tools) / sizeof(tools[0]); i++)
	{
		if (strcmp(tools[i].name, name) == 0)
			return &tools[i];
	}
	return NULL;
}
