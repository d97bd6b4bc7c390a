/*
 * retry.c
 *		Times in definitions, and when to try again what has failed.
 */
#include "core/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ATTEMPTS 1000

typedef struct Unit
{
	const char *name;
	int64_t milliseconds;
} Unit;

static const Unit units[] = {{"ms", 1},
							 {"millisecond", 1},
							 {"s", 1000},
							 {"sec", 1000},
							 {"second", 1000},
							 {"m", 60 * 1000},
							 {"min", 60 * 1000},
							 {"minute", 60 * 1000},
							 {"h", 60 * 60 * 1000},
							 {"hour", 60 * 60 * 1000},
							 {"d", 24 * 60 * 60 * 1000},
							 {"day", 24 * 60 * 60 * 1000}};

static const char *const retry_members[] =
	{"max_attempts",   "policy", "base_delay", "max_delay",
	 "backoff_factor", "jitter", "on",		   NULL};

static const char *const policy_names[] =
	{[HITL_RETRY_FIXED] = "fixed",
	 [HITL_RETRY_LINEAR] = "linear",
	 [HITL_RETRY_EXPONENTIAL] = "exponential",
	 [HITL_RETRY_FIBONACCI] = "fibonacci",
	 NULL};

static const char *const failure_names[] =
	{[HITL_FAILURE_TIMEOUT] = "timeout",
	 [HITL_FAILURE_NETWORK_ERROR] = "network_error",
	 [HITL_FAILURE_SERVICE_UNAVAILABLE] = "service_unavailable",
	 [HITL_FAILURE_RATE_LIMIT] = "rate_limit",
	 [HITL_FAILURE_VALIDATION_ERROR] = "validation_error",
	 [HITL_FAILURE_AUTHENTICATION_ERROR] = "authentication_error",
	 [HITL_FAILURE_PERMISSION_ERROR] = "permission_error",
	 [HITL_FAILURE_SYSTEM_ERROR] = "system_error",
	 [HITL_FAILURE_UNKNOWN_ERROR] = "unknown_error",
	 NULL};

/* What may be gone at another attempt; the others are mistakes. */
#define PASSING_FAILURES \
	(1U << HITL_FAILURE_TIMEOUT | 1U << HITL_FAILURE_NETWORK_ERROR | \
	 1U << HITL_FAILURE_SERVICE_UNAVAILABLE | 1U << HITL_FAILURE_RATE_LIMIT | \
	 1U << HITL_FAILURE_SYSTEM_ERROR | 1U << HITL_FAILURE_UNKNOWN_ERROR)

static void set_defaults(HitlRetry *retry);
static unsigned get_failures(HitlParse *parse, const HitlPlace *place,
							 const HitlJson *object, unsigned otherwise);
static int find_failure(const char *kind);
static double get_number(HitlParse *parse, const HitlPlace *place,
						 const HitlJson *object, const char *key, double low,
						 double high, double otherwise);

/*
 * A number of seconds, or a text of a number and a unit.
 */
bool
hitl_parse_duration(const HitlJson *value, int64_t *milliseconds)
{
	double number;
	double unit = 1000;

	if (value->type == HITL_JSON_STRING)
	{
		const char *p = value->text;
		const char *digits = p;
		char digit_text[24];
		size_t length;
		size_t i;

		while ((*p >= '0' && *p <= '9') || *p == '.')
			p++;
		length = p - digits;
		if (length == 0 || length >= sizeof(digit_text) || digits[0] == '.' ||
			digits[length - 1] == '.')
			return false;
		memcpy(digit_text, digits, length);
		digit_text[length] = '\0';
		if (strchr(digit_text, '.') != strrchr(digit_text, '.'))
			return false;
		number = strtod(digit_text, NULL);
		while (*p == ' ')
			p++;
		length = strlen(p);
		unit = 0;
		for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		{
			size_t name_length = strlen(units[i].name);

			if (strncmp(p, units[i].name, name_length) == 0 &&
				(length == name_length ||
				 (name_length > 2 && length == name_length + 1 &&
				  p[name_length] == 's')))
				unit = (double) units[i].milliseconds;
		}
		if (unit == 0)
			return false;
	}
	else if (!hitl_json_number(value, &number))
		return false;
	number *= unit;
	if (!(number >= 0 && number <= (double) HITL_MAX_DURATION_MS))
		return false;
	*milliseconds = (int64_t) (number + 0.5);
	return true;
}

/*
 * Read a "retry" object.
 */
void
hitl_read_retry(HitlParse *parse, const HitlPlace *place,
				const HitlJson *object, HitlRetry *retry)
{
	const HitlJson *member;
	const char *policy;
	int64_t delay;

	set_defaults(retry);
	hitl_check_members(parse, place, object, retry_members, NULL);

	member = hitl_json_member(object, "max_attempts");
	if (member != NULL)
	{
		HitlPlace here = {place, "max_attempts", 0};
		int64_t attempts;

		if (hitl_json_integer(member, &attempts) && attempts >= 1 &&
			attempts <= MAX_ATTEMPTS)
			retry->max_attempts = (int) attempts;
		else
			hitl_fault(parse, &here, "must be a whole number from 1 to %d",
					   MAX_ATTEMPTS);
	}
	policy = hitl_get_text(parse, place, object, "policy", false);
	if (policy != NULL)
	{
		HitlPlace here = {place, "policy", 0};
		int i;

		for (i = 0; policy_names[i] != NULL; i++)
		{
			if (strcmp(policy_names[i], policy) == 0)
				break;
		}
		if (policy_names[i] != NULL)
			retry->policy = i;
		else
			hitl_fault(parse, &here,
					   "must be fixed, linear, exponential or fibonacci");
	}
	delay = hitl_get_duration(parse, place, object, "base_delay");
	if (delay > 0)
		retry->base_delay_ms = delay;
	delay = hitl_get_duration(parse, place, object, "max_delay");
	if (delay > 0)
		retry->max_delay_ms = delay;
	else if (retry->max_delay_ms < retry->base_delay_ms)
		retry->max_delay_ms = retry->base_delay_ms;
	if (retry->max_delay_ms < retry->base_delay_ms)
	{
		HitlPlace here = {place, "max_delay", 0};

		hitl_fault(parse, &here, "is below base_delay");
	}
	retry->backoff_factor = get_number(parse, place, object, "backoff_factor",
									   1, 100, retry->backoff_factor);
	retry->jitter = get_number(parse, place, object, "jitter", 0, 1,
							   retry->jitter);
	retry->on = get_failures(parse, place, object, retry->on);
}

/*
 * Read a step's members "retry" and "timeout".
 */
void
hitl_read_limits(HitlParse *parse, const HitlPlace *place,
				 const HitlJson *object, HitlStep *step)
{
	const HitlJson *retry = hitl_get(parse, place, object, "retry",
									 HITL_JSON_OBJECT, false);
	int64_t timeout = hitl_get_duration(parse, place, object, "timeout");
	HitlPlace retry_place = {place, "retry", 0};
	HitlBuffer terms;

	hitl_buffer_init(&terms, parse->arena);
	hitl_append_text(&terms, "\"retry\":");
	step->has_retry = retry != NULL;
	if (retry != NULL)
	{
		hitl_read_retry(parse, &retry_place, retry, &step->retry);
		hitl_json_write(&terms, retry);
	}
	else
	{
		set_defaults(&step->retry);

		/* Not asked to, the core repeats only what was not even tried. */
		if (!hitl_host_repeats(step))
			step->retry.on = 1U << HITL_FAILURE_SERVICE_UNAVAILABLE;
		hitl_append_text(&terms, "null");
	}
	hitl_append_text(&terms, ",\"timeout_seconds\":");
	if (timeout > 0)
	{
		step->timeout_ms = timeout;
		hitl_append_seconds(&terms, timeout);
	}
	else
		hitl_append_text(&terms, "null");
	step->terms = hitl_buffer_text(&terms);
}

/*
 * Does the host repeat what fails, and keep the time limit?
 */
bool
hitl_host_repeats(const HitlStep *step)
{
	return step->kind->host_retries &&
		(step->kind != &hitl_task_kind || step->as.task.queue == NULL);
}

/*
 * Parse the text of a "retry" object.
 */
HitlResult
hitl_parse_retry(const char *json, HitlRetry *retry, HitlFaults *faults)
{
	HitlArena arena;
	HitlParse parse = {&arena, NULL, faults, false, HITL_OK, NULL};
	const HitlJson *value;

	set_defaults(retry);
	if (json == NULL)
		return HITL_OK;
	hitl_arena_init(&arena);
	value = hitl_read_document(&parse, &arena, NULL, json);
	if (value != NULL && value->type != HITL_JSON_OBJECT)
		hitl_fault(&parse, NULL, "must be an object, not %s",
				   hitl_json_type_name(value));
	else if (value != NULL)
		hitl_read_retry(&parse, NULL, value, retry);
	hitl_arena_free(&arena);
	if (parse.result != HITL_OK)
		return parse.result;
	return parse.faulty ? HITL_INVALID : HITL_OK;
}

/*
 * Delay before the attempt after a failed one, or -1 for no more.
 */
int64_t
hitl_retry_delay(const HitlRetry *retry, int attempt, double random)
{
	double base = (double) retry->base_delay_ms;
	double most = (double) retry->max_delay_ms;
	double delay = base;

	if (attempt < 1)
		attempt = 1;
	if (attempt >= retry->max_attempts)
		return -1;
	switch ((HitlRetryPolicy) retry->policy)
	{
		case HITL_RETRY_FIXED:
			break;
		case HITL_RETRY_LINEAR:
			delay = base * attempt;
			break;
		case HITL_RETRY_EXPONENTIAL:
			delay = base * pow(retry->backoff_factor, attempt - 1);
			break;
		case HITL_RETRY_FIBONACCI:
			{
				double before = 0;
				int i;

				/* 1, 1, 2, 3, 5 times the base */
				for (i = 1; i < attempt && delay < most; i++)
				{
					double sum = before + delay;

					before = delay;
					delay = sum;
				}
				break;
			}
	}
	/* also for what is no number any more */
	if (!(delay < most))
		delay = most;
	delay = delay * (1 - retry->jitter) + delay * retry->jitter * random;
	return (int64_t) (delay + 0.5);
}

/*
 * Is a failure of this kind worth another attempt?  People's decisions, and
 * what was cancelled, stand.
 */
bool
hitl_is_retryable(const HitlRetry *retry, const char *kind)
{
	int failure = find_failure(kind);

	if (failure < 0)
	{
		if (strcmp(kind, "rejected") == 0 || strcmp(kind, "cancelled") == 0)
			return false;
		failure = HITL_FAILURE_UNKNOWN_ERROR;
	}
	return (retry->on & 1U << failure) != 0;
}

/*
 * What holds where a definition does not say.
 */
static void
set_defaults(HitlRetry *retry)
{
	retry->max_attempts = 5;
	retry->policy = HITL_RETRY_EXPONENTIAL;
	retry->base_delay_ms = 1000;
	retry->max_delay_ms = 60 * 1000;
	retry->backoff_factor = 2;
	retry->jitter = 0.5;
	retry->on = PASSING_FAILURES;
}

/*
 * "on": the kinds of failure to try again after, as bits.
 */
static unsigned
get_failures(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
			 unsigned otherwise)
{
	const HitlJson *names = hitl_get(parse, place, object, "on",
									 HITL_JSON_ARRAY, false);
	const HitlJson *name;
	HitlPlace here = {place, "on", 0};
	HitlPlace inner = {&here, NULL, 0};
	unsigned failures = 0;

	if (names == NULL)
		return otherwise;
	if (names->count == 0)
		hitl_fault(parse, &here,
				   "must not be empty; \"max_attempts\": 1 tries once only");
	for (name = names->first; name != NULL; name = name->next)
	{
		const char *nearest;
		int failure = -1;

		if (name->type != HITL_JSON_STRING)
			hitl_fault(parse, &inner, "must be a string, not %s",
					   hitl_json_type_name(name));
		else if ((failure = find_failure(name->text)) >= 0)
			failures |= 1U << failure;
		else if ((nearest = hitl_nearest(name->text, failure_names, NULL)) !=
				 NULL)
			hitl_fault(parse, &inner,
					   "unknown kind of failure, perhaps \"%s\" is meant",
					   nearest);
		else
			hitl_fault(parse, &inner,
					   "unknown kind of failure; there are timeout, "
					   "network_error, service_unavailable, rate_limit, "
					   "validation_error, authentication_error, "
					   "permission_error, system_error and unknown_error");
		inner.index++;
	}
	return failures;
}

/*
 * The number of a kind of failure, or -1.
 */
static int
find_failure(const char *kind)
{
	int i;

	for (i = 0; failure_names[i] != NULL; i++)
	{
		if (strcmp(failure_names[i], kind) == 0)
			return i;
	}
	return -1;
}

/*
 * A member that is a number within limits.
 */
static double
get_number(HitlParse *parse, const HitlPlace *place, const HitlJson *object,
		   const char *key, double low, double high, double otherwise)
{
	const HitlJson *member = hitl_json_member(object, key);
	HitlPlace here = {place, key, 0};
	double number;

	if (member == NULL)
		return otherwise;
	if (!hitl_json_number(member, &number) || number < low || number > high)
	{
		hitl_fault(parse, &here, "must be a number from %g to %g", low, high);
		return otherwise;
	}
	return number;
}
