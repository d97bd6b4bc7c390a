/*
 * test_retry.c
 *		Times in words, and delays between attempts.
 */
#include "harness.h"

/*
 * A time in ms; -1 if it is refused.
 */
static long long
duration(const char *json)
{
	HitlArena arena;
	const HitlJson *value;
	int64_t milliseconds = -1;

	hitl_arena_init(&arena);
	CHECK_INT(hitl_json_parse(&arena, json, strlen(json), 0, &value, NULL),
			  HITL_OK);
	if (!hitl_parse_duration(value, &milliseconds))
		milliseconds = -1;
	hitl_arena_free(&arena);
	return milliseconds;
}

static HitlRetry
retry_of(const char *json)
{
	HitlRetry retry;
	HitlFaults faults = {0};

	CHECK_INT(hitl_parse_retry(json, &retry, &faults), HITL_OK);
	CHECK_INT(faults.count, 0);
	return retry;
}

TEST(durations)
{
	CHECK_INT(duration("30"), 30000);
	CHECK_INT(duration("0.25"), 250);
	CHECK_INT(duration("\"30 seconds\""), 30000);
	CHECK_INT(duration("\"1 second\""), 1000);
	CHECK_INT(duration("\"5 minutes\""), 300000);
	CHECK_INT(duration("\"5min\""), 300000);
	CHECK_INT(duration("\"2 hours\""), 7200000);
	CHECK_INT(duration("\"2h\""), 7200000);
	CHECK_INT(duration("\"1 day\""), 86400000);
	CHECK_INT(duration("\"1.5 days\""), 129600000);
	CHECK_INT(duration("\"250 ms\""), 250);
	CHECK_INT(duration("\"0 s\""), 0);
}

TEST(no_durations)
{
	CHECK_INT(duration("-1"), -1);
	CHECK_INT(duration("\"\""), -1);
	CHECK_INT(duration("\"5\""), -1);
	CHECK_INT(duration("\"five minutes\""), -1);
	CHECK_INT(duration("\"5 fortnights\""), -1);
	CHECK_INT(duration("\"5 minutesx\""), -1);
	CHECK_INT(duration("\"5 ss\""), -1);
	CHECK_INT(duration("\"1.2.3 s\""), -1);
	CHECK_INT(duration("\".5 s\""), -1);
	CHECK_INT(duration("\"5. s\""), -1);
	CHECK_INT(duration("\"-5 s\""), -1);
	CHECK_INT(duration("1e300"), -1);
	CHECK_INT(duration("1e999"), -1);
	CHECK_INT(duration("\"9999 days\""), -1);
	CHECK_INT(duration("true"), -1);
}

TEST(defaults)
{
	HitlRetry retry = retry_of(NULL);

	CHECK_INT(retry.max_attempts, 5);
	CHECK_INT(retry.policy, HITL_RETRY_EXPONENTIAL);
	CHECK_INT(retry.base_delay_ms, 1000);
	retry = retry_of("{\"base_delay\":\"1 hour\"}");
	CHECK_INT(retry.max_delay_ms, 3600000);
}

TEST(faults)
{
	HitlRetry retry;
	HitlFaults faults = {0};

	CHECK_INT(
		hitl_parse_retry(
			"{\"max_attempts\":0,\"policy\":\"x\",\"base_delay\":60,\"max_delay\":5,"
			"\"backoff_factor\":0,\"jiter\":1}",
			&retry, &faults),
		HITL_INVALID);
	CHECK_INT(faults.count, 5);
	CHECK_TEXT(faults.items[0].pointer, "/jiter");
	CHECK_TEXT(faults.items[0].message,
			   "unknown member, perhaps \"jitter\" is meant");
	CHECK_TEXT(faults.items[1].pointer, "/max_attempts");
	CHECK_TEXT(faults.items[2].pointer, "/policy");
	CHECK_TEXT(faults.items[3].pointer, "/max_delay");
	CHECK_TEXT(faults.items[4].pointer, "/backoff_factor");
	hitl_free_faults(&faults);
	CHECK_INT(hitl_parse_retry("[]", &retry, &faults), HITL_INVALID);
	hitl_free_faults(&faults);
	CHECK_INT(hitl_parse_retry("{", &retry, &faults), HITL_INVALID);
	hitl_free_faults(&faults);
}

#define POLICY(name) \
	"{\"policy\":\"" name \
	"\",\"max_attempts\":8,\"base_delay\":1,\"max_delay\":20,\"jitter\":0}"

TEST(delays)
{
	static const struct
	{
		const char *json;
		int seconds[7];
	} cases[] = {{POLICY("fixed"), {1, 1, 1, 1, 1, 1, 1}},
				 {POLICY("linear"), {1, 2, 3, 4, 5, 6, 7}},
				 {POLICY("exponential"), {1, 2, 4, 8, 16, 20, 20}},
				 {POLICY("fibonacci"), {1, 1, 2, 3, 5, 8, 13}}};
	size_t i;
	int attempt;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		HitlRetry retry = retry_of(cases[i].json);

		for (attempt = 1; attempt < 8; attempt++)
			CHECK_INT(hitl_retry_delay(&retry, attempt, 0.5),
					  cases[i].seconds[attempt - 1] * 1000);
		CHECK_INT(hitl_retry_delay(&retry, 8, 0.5), -1);
		CHECK_INT(hitl_retry_delay(&retry, 9, 0.5), -1);
	}
}

TEST(jitter_and_limits)
{
	HitlRetry retry = retry_of(
		"{\"policy\":\"fixed\",\"max_attempts\":1000,\"base_delay\":10,\"jitter\":0.5}");

	CHECK_INT(hitl_retry_delay(&retry, 1, 0), 5000);
	CHECK_INT(hitl_retry_delay(&retry, 1, 0.5), 7500);
	CHECK(hitl_retry_delay(&retry, 1, 0.999999) <= 10000);
	retry = retry_of(
		"{\"policy\":\"exponential\",\"max_attempts\":1000,\"backoff_factor\":100,\"jitter\":0}");
	CHECK_INT(hitl_retry_delay(&retry, 999, 0), 60000);
	retry = retry_of(
		"{\"policy\":\"fibonacci\",\"max_attempts\":1000,\"jitter\":0}");
	CHECK_INT(hitl_retry_delay(&retry, 999, 0), 60000);
	retry = retry_of("{\"max_attempts\":1}");
	CHECK_INT(hitl_retry_delay(&retry, 1, 0), -1);
}

#define BIT(failure) (1U << HITL_FAILURE_##failure)

TEST(kinds_of_failure)
{
	HitlRetry retry = retry_of(NULL);

	CHECK(hitl_is_retryable(&retry, "timeout"));
	CHECK(hitl_is_retryable(&retry, "network_error"));
	CHECK(hitl_is_retryable(&retry, "service_unavailable"));
	CHECK(hitl_is_retryable(&retry, "rate_limit"));
	CHECK(hitl_is_retryable(&retry, "system_error"));
	CHECK(hitl_is_retryable(&retry, "unknown_error"));
	CHECK(hitl_is_retryable(&retry, "disk_full"));
	CHECK(!hitl_is_retryable(&retry, "validation_error"));
	CHECK(!hitl_is_retryable(&retry, "authentication_error"));
	CHECK(!hitl_is_retryable(&retry, "permission_error"));
	CHECK(!hitl_is_retryable(&retry, "rejected"));
	CHECK(!hitl_is_retryable(&retry, "cancelled"));

	retry = retry_of("{\"on\":[\"timeout\",\"permission_error\",\"timeout\"]}");
	CHECK_INT(retry.on, BIT(TIMEOUT) | BIT(PERMISSION_ERROR));
	CHECK(hitl_is_retryable(&retry, "permission_error"));
	CHECK(!hitl_is_retryable(&retry, "network_error"));
	CHECK(!hitl_is_retryable(&retry, "disk_full"));
	retry = retry_of("{\"on\":[\"unknown_error\"]}");
	CHECK(hitl_is_retryable(&retry, "disk_full"));
	CHECK(!hitl_is_retryable(&retry, "cancelled"));
}

TEST(unknown_kinds_of_failure)
{
	HitlRetry retry;
	HitlFaults faults = {0};

	CHECK_INT(
		hitl_parse_retry("{\"on\":[\"timeout\",\"rate_limits\",\"sql\",1]}",
						 &retry, &faults),
		HITL_INVALID);
	CHECK_INT(faults.count, 3);
	CHECK_TEXT(faults.items[0].pointer, "/on/1");
	CHECK_TEXT(faults.items[0].message,
			   "unknown kind of failure, perhaps \"rate_limit\" is meant");
	CHECK_TEXT(faults.items[1].pointer, "/on/2");
	CHECK(contains(faults.items[1].message, "there are timeout, "));
	CHECK_TEXT(faults.items[2].message, "must be a string, not a number");
	hitl_free_faults(&faults);
	CHECK_INT(hitl_parse_retry("{\"on\":[]}", &retry, &faults), HITL_INVALID);
	hitl_free_faults(&faults);
	CHECK_INT(hitl_parse_retry("{\"on\":\"timeout\"}", &retry, &faults),
			  HITL_INVALID);
	hitl_free_faults(&faults);
}

/*
 * The limits of a step, and what holds where it states none.
 */
TEST(limits_of_steps)
{
	static const char definition[] =
		"{\"steps\":["
		"{\"name\":\"a\",\"type\":\"task\",\"task\":\"t\"},"
		"{\"name\":\"b\",\"type\":\"sql\",\"sql\":\"s\"},"
		"{\"name\":\"c\",\"type\":\"sql\",\"sql\":\"s\",\"timeout\":\"2 s\","
		"\"retry\":{\"max_attempts\":2}},"
		"{\"name\":\"d\",\"type\":\"task\",\"task\":\"t\",\"executor\":\"external\"},"
		"{\"name\":\"e\",\"type\":\"http\",\"url\":\"http://x/\"}]}";
	const HitlStep *steps;
	Workflow w;

	workflow_open(&w, definition, NULL);
	steps = w.definition->root.steps;
	CHECK(hitl_host_repeats(&steps[0]));
	CHECK(!hitl_host_repeats(&steps[1]));
	CHECK(!hitl_host_repeats(&steps[3]));
	CHECK(hitl_host_repeats(&steps[4]));
	CHECK(hitl_is_retryable(&steps[0].retry, "timeout"));
	CHECK_INT(steps[1].retry.on, BIT(SERVICE_UNAVAILABLE));
	CHECK_INT(steps[1].retry.max_attempts, 5);
	CHECK(!steps[1].has_retry);
	CHECK_INT(steps[1].timeout_ms, 0);
	CHECK_TEXT(steps[1].terms, "\"retry\":null,\"timeout_seconds\":null");
	CHECK_INT(steps[2].timeout_ms, 2000);
	CHECK_INT(steps[2].retry.max_attempts, 2);
	CHECK(hitl_is_retryable(&steps[2].retry, "timeout"));
	CHECK_TEXT(steps[2].terms,
			   "\"retry\":{\"max_attempts\":2},\"timeout_seconds\":2");
	CHECK_INT(steps[3].retry.on, BIT(SERVICE_UNAVAILABLE));
	workflow_close(&w);
}

SUITE(retry, RUN(durations), RUN(no_durations), RUN(defaults), RUN(faults),
	  RUN(delays), RUN(jitter_and_limits), RUN(kinds_of_failure),
	  RUN(unknown_kinds_of_failure), RUN(limits_of_steps));
