/*
 * api.c
 *		The table of the library's functions, the only symbol it exports.
 */
#include "core/policy.h"
#include "core/agent.h"
#include "core/letter.h"
#include "core/message.h"
#include "core/schema.h"

#include <stdlib.h>

static void free_text(char *text);

static const HitlCoreApi api = {.abi = HITL_CORE_ABI,
								.parse_definition = hitl_parse_definition,
								.free_definition = hitl_free_definition,
								.free_faults = hitl_free_faults,
								.parse_control = hitl_parse_control,
								.dump_control = hitl_dump_control,
								.free_control = hitl_free_control,
								.dump_branches = hitl_dump_branches,
								.free_branches = hitl_free_branches,
								.advance = hitl_advance,
								.free_effects = hitl_free_effects,
								.rewind = hitl_rewind,
								.migrate = hitl_migrate,
								.parse_policy = hitl_parse_policy,
								.free_policy = hitl_free_policy,
								.simple_policy = hitl_simple_policy,
								.excludes_requester = hitl_excludes_requester,
								.excludes_editors = hitl_excludes_editors,
								.evaluate_policy = hitl_evaluate_policy,
								.free_verdict = hitl_free_verdict,
								.reassign_policy = hitl_reassign_policy,
								.explain_policy = hitl_explain_policy,
								.parse_schema = hitl_parse_schema,
								.free_schema = hitl_free_schema,
								.validate = hitl_validate,
								.free_violations = hitl_free_violations,
								.build_form = hitl_build_form,
								.parse_retry = hitl_parse_retry,
								.retry_delay = hitl_retry_delay,
								.is_retryable = hitl_is_retryable,
								.build_request = hitl_build_request,
								.read_inference = hitl_read_inference,
								.build_conversation = hitl_build_conversation,
								.check_agent = hitl_check_agent,
								.build_builtin_reply = hitl_build_builtin_reply,
								.render_template = hitl_render_template,
								.render_mail = hitl_render_mail,
								.render_slack = hitl_render_slack,
								.render_slack_modal = hitl_render_slack_modal,
								.render_page = hitl_render_page,
								.read_form_answer = hitl_read_form_answer,
								.read_slack_answer = hitl_read_slack_answer,
								.build_mail = hitl_build_mail,
								.free_mail = hitl_free_mail,
								.build_sendgrid = hitl_build_sendgrid,
								.read_provider_reply = hitl_read_provider_reply,
								.free_text = free_text};

__attribute__((visibility("default"))) const HitlCoreApi *
hitl_core_api(void)
{
	return &api;
}

/*
 * Free a text by the allocator it came from.
 */
static void
free_text(char *text)
{
	free(text);
}
