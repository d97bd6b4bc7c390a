/*
 * step_approval.c
 *		The step that asks humans and goes on by their decision.
 */
#include "core/internal.h"

static const char *const members[] = {"title",
									  "approval_type",
									  "requested_from",
									  "required_approvers",
									  "approval_threshold",
									  "timeout_hours",
									  "context_data",
									  "channels",
									  "webhook",
									  "policy",
									  "form_fields",
									  "timeout",
									  "on_reject",
									  "on_timeout",
									  NULL};

static void parse_approval(HitlParse *parse, const HitlPlace *place,
						   const HitlJson *object, HitlStep *step);
static void enter_approval(HitlRun *run, HitlPosition *position);
static void deliver_approval(HitlRun *run, HitlPosition *position,
							 const HitlJson *body);

const HitlStepKind hitl_approval_kind = {.type = "approval",
										 .members = members,
										 .awaits = 1 << HITL_AWAITS_APPROVAL,
										 .parse = parse_approval,
										 .enter = enter_approval,
										 .deliver = deliver_approval};

/*
 * Read the step.
 */
static void
parse_approval(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
			   HitlStep *step)
{
	hitl_parse_question(parse, place, object, NULL, &step->as.approval);
}

/*
 * Ask.
 */
static void
enter_approval(HitlRun *run, HitlPosition *position)
{
	hitl_ask(run, position, &position->step->as.approval, NULL);
}

/*
 * The decision is the step's result.
 */
static void
deliver_approval(HitlRun *run, HitlPosition *position, const HitlJson *body)
{
	const char *decision;

	if (hitl_fail_unasked(run, position, body))
		return;
	decision = hitl_write_decision(run, body, "decision");
	if (decision == NULL)
		return;
	if (hitl_is_approved(body))
		hitl_complete_step(run, position, decision);
	else
		hitl_decline(run, position, body, decision);
}
