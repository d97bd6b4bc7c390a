/*
 * agent_answer.c
 *		What an agent offers as its answer: checked, and accepted or refused.
 */
#include "core/agent.h"

#include <string.h>

static bool fits_schema(HitlRun *run, const char *schema, const char *answer,
						const char **why);
static void refuse_answer(HitlRun *run, HitlPosition *position,
						  const HitlAgent *agent, HitlAgentRun *state,
						  const char *reason);
static void finish(HitlRun *run, HitlPosition *position, HitlAgentRun *state,
				   bool stopped);
static const HitlJson *check_of(const HitlAgent *agent, int number);

/*
 * The model offers an answer, a JSON text: check it.
 */
void
hitl_offer_answer(HitlRun *run, HitlPosition *position, const HitlAgent *agent,
				  HitlAgentRun *state, const char *answer)
{
	const char *why = NULL;

	if (agent->output_schema != NULL &&
		!fits_schema(run, agent->output_schema, answer, &why))
	{
		if (why != NULL)
			refuse_answer(run, position, agent, state, why);
		return;
	}
	state->answer = hitl_keep_text(run, answer);
	state->checked = 0;
	state->phase = HITL_AGENT_CHECKS;
	if (state->answer != NULL)
		hitl_check_answer(run, position, agent, state);
}

/*
 * Have the next check of the answer run; without one, it is accepted.
 */
void
hitl_check_answer(HitlRun *run, HitlPosition *position, const HitlAgent *agent,
				  HitlAgentRun *state)
{
	const HitlJson *check = check_of(agent, state->checked);
	HitlEffect *effect;
	HitlBuffer body;

	if (check == NULL)
	{
		finish(run, position, state, false);
		return;
	}
	if (hitl_put_off(run, position))
		return;
	hitl_buffer_init(&body, run->memory);
	hitl_append_text(&body, "{\"sql\":");
	hitl_json_write(&body, hitl_json_member(check, "sql"));
	hitl_append_text(&body, ",\"params\":[");
	hitl_append_text(&body, state->answer);
	hitl_append_text(&body, "],\"rows\":1,\"timeout_ms\":null}");
	effect = hitl_emit(run, HITL_EFFECT_RUN_SQL, NULL, position);
	effect->body = hitl_buffer_text(&body);
	hitl_await(run, position, HITL_AWAITS_REPLY, effect);
}

/*
 * A check has run: it refuses by false, a text that says why, or an error.
 */
void
hitl_hear_check(HitlRun *run, HitlPosition *position, const HitlAgent *agent,
				HitlAgentRun *state, const HitlJson *body)
{
	const HitlJson *rows = hitl_json_member(hitl_json_member(body, "result"),
											"rows");
	const HitlJson *name = hitl_json_member(check_of(agent, state->checked),
											"name");
	const HitlJson *verdict = NULL;
	HitlBuffer reason;
	HitlReply reply;

	if (!hitl_take_answer(run, body, &reply))
		return;
	if (rows != NULL && rows->type == HITL_JSON_ARRAY && rows->first != NULL)
		verdict = hitl_json_member(rows->first, "result");
	if (reply.result != NULL &&
		(verdict == NULL || verdict->type == HITL_JSON_NULL ||
		 verdict->type == HITL_JSON_TRUE ||
		 (verdict->type == HITL_JSON_STRING && verdict->length == 0)))
	{
		state->checked++;
		hitl_check_answer(run, position, agent, state);
		return;
	}
	hitl_buffer_init(&reason, &run->scratch);
	hitl_append_format(&reason, "The answer was refused by %s",
					   name == NULL ? "a check" : name->text);
	if (reply.result == NULL)
		hitl_append_format(&reason, ": %s", reply.message);
	else if (verdict->type == HITL_JSON_STRING)
		hitl_append_format(&reason, ": %s", verdict->text);
	else
		hitl_append_char(&reason, '.');
	if (hitl_finish_text(run, &reason) != NULL)
		refuse_answer(run, position, agent, state, reason.data);
}

/*
 * The best answer of an agent that may not go on.  There is no turn left to
 * mend it.
 */
void
hitl_hear_conclusion(HitlRun *run, HitlPosition *position,
					 const HitlAgent *agent, HitlAgentRun *state,
					 HitlTurn *turn)
{
	const HitlJson *data = NULL;
	const char *why = NULL;
	HitlBuffer answer;
	int i;

	if (turn->ncalls == 0 && !agent->writes_code)
		hitl_find_calls(&run->scratch, turn);
	hitl_buffer_init(&answer, &run->scratch);
	for (i = 0; i < turn->ncalls && data == NULL; i++)
	{
		const HitlJson *arguments = NULL;

		if (strcmp(turn->calls[i].name, HITL_FINAL_ANSWER) == 0 &&
			turn->calls[i].arguments != NULL &&
			hitl_json_parse(&run->scratch, turn->calls[i].arguments,
							strlen(turn->calls[i].arguments), 0, &arguments,
							NULL) == HITL_OK)
			data = hitl_json_member(arguments, "answer");
	}
	if (data == NULL && agent->output_schema != NULL)
		data = hitl_read_answer_text(run, turn->text, turn->length);
	if (data != NULL)
		hitl_json_write(&answer, data);
	else if (turn->length > 0 && agent->output_schema == NULL)
		hitl_json_write_string(&answer, turn->text, turn->length);

	turn->ncalls = 0;
	hitl_remember_reply(run, position, state, turn, "agent_replied");
	if (answer.length == 0)
	{
		hitl_fail_step(run, position, "validation_error",
					   "the agent had no turns left and gave no answer");
		return;
	}
	if (hitl_finish_text(run, &answer) == NULL)
		return;
	if (agent->output_schema != NULL &&
		!fits_schema(run, agent->output_schema, answer.data, &why))
	{
		if (why != NULL)
			hitl_fail_faulty(run, position,
							 "the agent had no turns left, and its answer does "
							 "not fit: %s",
							 why);
		return;
	}
	state->answer = hitl_keep_text(run, answer.data);
	if (state->answer != NULL)
		finish(run, position, state, true);
}

/*
 * The JSON value that a text is, perhaps in a code fence; or NULL.
 */
const HitlJson *
hitl_read_answer_text(HitlRun *run, const char *text, size_t length)
{
	const HitlJson *value = hitl_find_data(&run->scratch, text, length);

	if (value == NULL)
		(void) hitl_json_parse(&run->scratch, text, length, HITL_JSON_LENIENT,
							   &value, NULL);
	return value;
}

/*
 * Does an answer fit a schema?  If not, why; NULL if that could not be found
 * out.
 */
static bool
fits_schema(HitlRun *run, const char *schema, const char *answer,
			const char **why)
{
	HitlBuffer text;

	hitl_buffer_init(&text, &run->scratch);
	hitl_append_text(&text, "The answer does not fit:");
	if (!hitl_list_violations(run, schema, answer, &text))
		return true;
	*why = hitl_finish_text(run, &text);
	if (run->result != HITL_OK)
		*why = NULL;
	return false;
}

/*
 * The answer is none: tell the model, and go on.
 */
static void
refuse_answer(HitlRun *run, HitlPosition *position, const HitlAgent *agent,
			  HitlAgentRun *state, const char *reason)
{
	state->answer = NULL;
	state->checked = 0;
	if (state->next < state->ncalls)
	{
		/* It was given by a call, which others may follow. */
		state->phase = HITL_AGENT_CALLS;
		hitl_observe_call(run, position, agent, state, reason, strlen(reason),
						  true);
		hitl_run_calls(run, position, agent, state);
		return;
	}
	hitl_tell_agent(run, position, state, reason);
	state->phase = HITL_AGENT_ASKS;
	hitl_ask_model(run, position, agent, state);
}

/*
 * The run is over.
 */
static void
finish(HitlRun *run, HitlPosition *position, HitlAgentRun *state, bool stopped)
{
	const HitlJson *value = NULL;
	const HitlJson *data = NULL;
	HitlBuffer result;

	if (hitl_json_parse(&run->scratch, state->answer, strlen(state->answer), 0,
						&value, NULL) == HITL_OK &&
		value->type == HITL_JSON_STRING)
		data = hitl_find_data(&run->scratch, value->text, value->length);
	hitl_buffer_init(&result, &run->scratch);
	hitl_append_text(&result, "{\"answer\":");
	hitl_append_text(&result, state->answer);
	if (data != NULL)
	{
		hitl_append_text(&result, ",\"data\":");
		hitl_json_write(&result, data);
	}
	hitl_json_write_member(&result, "agent", state->name);
	hitl_write_number(&result, "turns", state->turn);
	if (state->used[HITL_LIMIT_TOKENS] > 0)
		hitl_append_format(&result, ",\"tokens\":%.15g",
						   state->used[HITL_LIMIT_TOKENS]);
	if (state->used[HITL_LIMIT_COST] > 0)
		hitl_append_format(&result, ",\"cost\":%.15g",
						   state->used[HITL_LIMIT_COST]);
	if (stopped)
		hitl_append_text(&result, ",\"stopped\":\"steps\"");
	hitl_append_char(&result, '}');
	position->agent = NULL;
	if (hitl_finish_text(run, &result) != NULL)
		hitl_end_task(run, position, result.data);
}

/*
 * A check of the answer by its number, or NULL.
 */
static const HitlJson *
check_of(const HitlAgent *agent, int number)
{
	const HitlJson *check = agent->answer_checks == NULL
		? NULL
		: agent->answer_checks->first;

	for (; check != NULL && number > 0; number--)
		check = check->next;
	return check;
}
