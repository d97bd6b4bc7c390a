/*
 * delivery.c
 *		From a claimed row to a request, from a result to a verdict.
 *
 * A faulty row (its URL, its headers, its secret, its retry option) gets a
 * verdict of its own and never an ERROR, which would hit the whole batch.
 */
#include "postgres.h"

#include <time.h>

#include "hitl.h"

#include "common/pg_prng.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/json.h"
#include "utils/memutils.h"

#include "core_bridge.h"
#include "worker/address_guard.h"
#include "worker/dispatcher.h"
#include "worker/gateway_http.h"
#include "worker/url.h"

/* However long a server asks to be left alone. */
#define MAX_RETRY_AFTER_SECONDS (24 * 60 * 60)

/* Attempts that may end without a result, say by a crash, beyond the limit. */
#define MAX_LOST_ATTEMPTS 3

/* Of a server that sends more header lines than this, the rest is not kept. */
#define MAX_RESPONSE_HEADERS 200

/* Notifications: the schedule of Standard Webhooks, s after each failure. */
static const int standard_delays[] = {5,		 5 * 60,	30 * 60,
									  2 * 3600,	 5 * 3600,	10 * 3600,
									  14 * 3600, 20 * 3600, 24 * 3600};

/* Headers that the dispatcher or libcurl sets; lower case. */
static const char *const reserved_headers[] =
	{"connection",		  "content-length",	   "expect",		   "host",
	 "idempotency-key",	  "keep-alive",		   "proxy-connection", "te",
	 "trailer",			  "transfer-encoding", "upgrade",		   "webhook-id",
	 "webhook-signature", "webhook-timestamp"};

/* Header lines under construction. */
typedef struct HeaderLines
{
	const char **lines; /* ends in NULL */
	int count;
	int capacity;
} HeaderLines;

static bool check_retry(HitlDelivery *delivery);
static bool check_target(HitlDelivery *delivery);
static bool check_method(HitlDelivery *delivery);
static bool add_row_headers(HitlDelivery *delivery, HeaderLines *headers);
static bool add_idempotency_key(HitlDelivery *delivery, HeaderLines *headers);
static bool add_secret(HitlDelivery *delivery, HeaderLines *headers);
static bool add_signature(HitlDelivery *delivery, HeaderLines *headers);
static bool add_header(HitlDelivery *delivery, HeaderLines *headers,
					   const char *name, const char *value);
static bool is_reserved(HitlPurpose purpose, const char *name);
static bool has_header(const HeaderLines *headers, const char *name);
static bool has_arrived(const HitlDelivery *delivery, const HttpResult *result);
static void judge_status(HitlDelivery *delivery, const HttpResult *result);
static bool is_success(const HitlDelivery *delivery, int status);
static bool keep_answer(HitlDelivery *delivery, const HttpResult *result);
static void read_inference(HitlDelivery *delivery);
static const char *reason_of(const HitlDelivery *delivery, int status);
static void answer_with_failure(HitlDelivery *delivery,
								const HttpResult *result);
static bool may_repeat(const HitlDelivery *delivery, const char *kind);
static int64 repeat_delay(HitlDelivery *delivery);
static void keep_body(HitlDelivery *delivery, const HttpResult *result,
					  bool whole);
static void keep_headers(HitlDelivery *delivery, const HttpResult *result);
static char *format_message(const char *format, va_list args)
	pg_attribute_printf(1, 0);

/*
 * Make the request of a claimed row.
 */
bool
hitl_prepare_delivery(HitlDelivery *delivery)
{
	MemoryContext before = MemoryContextSwitchTo(delivery->context);
	HeaderLines headers = {0};
	HttpRequest *request = &delivery->request;
	bool prepared;

	delivery->is_mail = hitl_is_carried_by(delivery, "smtp");
	if (delivery->is_mail)
		prepared = check_retry(delivery) && hitl_prepare_mail(delivery);
	else
		prepared = check_retry(delivery) && check_method(delivery) &&
			check_target(delivery) && hitl_prepare_provider(delivery) &&
			add_row_headers(delivery, &headers) &&
			add_idempotency_key(delivery, &headers) &&
			add_secret(delivery, &headers) && add_signature(delivery, &headers);
	if (prepared && !delivery->is_mail)
	{
		request->method = delivery->method;
		request->url = delivery->url;
		request->headers = headers.lines;
		request->body = delivery->body;
		request->body_length = delivery->body != NULL ? strlen(delivery->body)
													  : 0;
		if (hitl_ca_file != NULL && hitl_ca_file[0] != '\0')
			request->ca_file = hitl_ca_file;
		request->timeout_ms = (long) delivery->timeout * 1000;
		request->max_response = (size_t) hitl_max_response_size * 1024;
		request->keep_response = request->max_response;
		if (delivery->purpose == HITL_NOTIFICATION &&
			!hitl_has_provider(delivery))
			request->keep_response = Min(request->max_response,
										 HITL_KEPT_RESPONSE);
		request->keep_headers = delivery->purpose == HITL_HTTP ||
			hitl_has_provider(delivery);
		request->owner = delivery;
	}
	MemoryContextSwitchTo(before);
	return prepared;
}

/*
 * Reach a verdict on the result of a request.
 */
void
hitl_judge_delivery(HitlDelivery *delivery, const HttpResult *result)
{
	MemoryContext before = MemoryContextSwitchTo(delivery->context);

	delivery->response_status = result->status;
	delivery->outcome = BREAKER_NEUTRAL;
	if (has_arrived(delivery, result))
	{
		delivery->response_status = result->begun;
		delivery->outcome = BREAKER_SUCCESS;
		delivery->status = "delivered";
		(void) keep_answer(delivery, result);
		MemoryContextSwitchTo(before);
		return;
	}
	switch (result->outcome)
	{
		case HTTP_ANSWERED:
			delivery->outcome = result->status >= 500 &&
					!is_success(delivery, result->status)
				? BREAKER_FAILURE
				: BREAKER_SUCCESS;
			judge_status(delivery, result);
			break;
		case HTTP_TOO_LARGE:
			delivery->outcome = BREAKER_SUCCESS;
			/* A notification has arrived, whatever else the server says. */
			if (delivery->purpose == HITL_NOTIFICATION && result->status != 0)
				judge_status(delivery, result);
			else
				hitl_fail_delivery(
					delivery, "validation_error",
					"the response of %s is larger than hitl.max_response_size (%d kB)",
					delivery->host, hitl_max_response_size);
			break;
		case HTTP_TIMED_OUT:
			delivery->outcome = BREAKER_FAILURE;
			hitl_repeat_delivery(delivery, -1, "timeout",
								 "request to %s timed out: %s", delivery->host,
								 result->reason);
			break;
		case HTTP_UNREACHABLE:
			delivery->outcome = BREAKER_FAILURE;
			hitl_repeat_delivery(delivery, -1, "network_error",
								 "request to %s failed: %s", delivery->host,
								 result->reason);
			break;
		case HTTP_ADDRESS_REFUSED:
			hitl_fail_delivery(
				delivery, "permission_error",
				"address %s of host %s is private; requests to it need the host in hitl.allowed_private_hosts",
				result->reason, delivery->host);
			break;
		case HTTP_INVALID:
			hitl_fail_delivery(delivery, "validation_error",
							   "request to %s could not be sent: %s",
							   delivery->host, result->reason);
			break;
		case HTTP_NO_MEMORY:
			hitl_repeat_delivery(delivery, -1, "system_error",
								 "request to %s failed: out of memory",
								 delivery->host);
			break;
	}
	MemoryContextSwitchTo(before);
}

/*
 * A verdict: it fails for good.
 */
void
hitl_fail_delivery(HitlDelivery *delivery, const char *kind, const char *format,
				   ...)
{
	MemoryContext before = MemoryContextSwitchTo(delivery->context);
	va_list args;

	va_start(args, format);
	delivery->error_message = format_message(format, args);
	va_end(args);
	delivery->error_kind = kind;
	delivery->status = "failed";
	MemoryContextSwitchTo(before);
}

/*
 * Free a delivery, and leave no secret behind.
 */
void
hitl_free_delivery(HitlDelivery *delivery)
{
	int i;

	hitl_wipe_secrets(delivery);
	for (i = 0; delivery->request.headers != NULL &&
		 delivery->request.headers[i] != NULL;
		 i++)
		explicit_bzero(unconstify(char *, delivery->request.headers[i]),
					   strlen(delivery->request.headers[i]));
	MemoryContextDelete(delivery->context);
}

/*
 * Read the retry option.  A row that keeps losing its attempts, because they
 * end the process, must not do so for ever.
 */
static bool
check_retry(HitlDelivery *delivery)
{
	int limit = lengthof(standard_delays) + 1;

	if (delivery->retry_text != NULL)
	{
		const HitlCoreApi *core = hitl_core();
		HitlFaults faults = {0};

		if (core->parse_retry(delivery->retry_text, &delivery->retry,
							  &faults) != HITL_OK)
		{
			if (faults.count > 0)
				hitl_fail_delivery(delivery, "validation_error",
								   "invalid retry option: %s%s%s",
								   faults.items[0].pointer,
								   faults.items[0].pointer[0] != '\0' ? ": "
																	  : "",
								   faults.items[0].message);
			else
				hitl_fail_delivery(delivery, "validation_error",
								   "invalid retry option");
			core->free_faults(&faults);
			return false;
		}
		limit = delivery->retry.max_attempts;
	}
	else if (delivery->purpose != HITL_NOTIFICATION)
	{
		(void) hitl_core()->parse_retry(NULL, &delivery->retry, NULL);
		limit = delivery->retry.max_attempts;
	}
	else
		delivery->standard_schedule = true;

	if (delivery->attempt <= limit + MAX_LOST_ATTEMPTS)
		return true;
	hitl_fail_delivery(
		delivery, "system_error",
		"gave up: attempts were begun %d times without a recorded result",
		delivery->attempt - 1);
	return false;
}

/*
 * Only methods that carry a request to a resource.
 */
static bool
check_method(HitlDelivery *delivery)
{
	const char *method = delivery->method;

	if (method[0] != '\0' && strlen(method) <= 16 &&
		strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == strlen(method) &&
		strcmp(method, "CONNECT") != 0 && strcmp(method, "TRACE") != 0)
	{
		if (strcmp(method, "HEAD") != 0 || delivery->body == NULL)
			return true;
		hitl_fail_delivery(delivery, "validation_error",
						   "a HEAD request has no body");
		return false;
	}
	hitl_fail_delivery(delivery, "validation_error", "invalid request method");
	return false;
}

/*
 * Where does it go?  In the clear only to hosts that the administrator named.
 * Error messages name the host alone: a URL may be a secret by itself.
 */
static bool
check_target(HitlDelivery *delivery)
{
	bool secure = false;
	const char *fault = url_fault(URL_HTTP, delivery->url, delivery->host,
								  &delivery->port, &secure);

	if (fault != NULL)
	{
		hitl_fail_delivery(delivery, "validation_error", "invalid URL: %s",
						   fault);
		return false;
	}
	delivery->request.any_address = host_is_listed(delivery->host,
												   delivery->port,
												   hitl_allowed_private_hosts);
	if (!secure && !delivery->request.any_address)
	{
		hitl_fail_delivery(
			delivery, "permission_error",
			"requests to %s must use https; plain http needs the host in hitl.allowed_private_hosts",
			delivery->host);
		return false;
	}
	return true;
}

/*
 * The headers of the row: an object of strings.
 */
static bool
add_row_headers(HitlDelivery *delivery, HeaderLines *headers)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue value;
	char *name = NULL;
	char *text;

	if (!JB_ROOT_IS_OBJECT(delivery->headers))
	{
		hitl_fail_delivery(delivery, "validation_error",
						   "headers are not an object");
		return false;
	}
	iterator = JsonbIteratorInit(&delivery->headers->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			name = pnstrdup(value.val.string.val, value.val.string.len);
			if (is_reserved(delivery->purpose, name))
			{
				hitl_fail_delivery(delivery, "validation_error",
								   "header \"%s\" is set by the dispatcher",
								   name);
				return false;
			}
		}
		else if (token == WJB_VALUE)
		{
			if (value.type != jbvString)
			{
				hitl_fail_delivery(delivery, "validation_error",
								   "header \"%s\" is not a string", name);
				return false;
			}
			text = hitl_fill_placeholders(delivery, name,
										  pnstrdup(value.val.string.val,
												   value.val.string.len));
			if (text == NULL || !add_header(delivery, headers, name, text))
				return false;
			if (delivery->header_secrets != NIL)
				explicit_bzero(text, strlen(text));
		}
	}
	if (delivery->body != NULL && !has_header(headers, "Content-Type"))
		return add_header(delivery, headers, "Content-Type",
						  "application/json");
	return true;
}

/*
 * By this the receiver knows that it has seen the request before.  An http
 * step may bring a key of its own.
 */
static bool
add_idempotency_key(HitlDelivery *delivery, HeaderLines *headers)
{
	if (has_header(headers, "Idempotency-Key"))
		return true;
	return add_header(delivery, headers, "Idempotency-Key",
					  delivery->idempotency_key);
}

/*
 * The secret that authenticates us.
 */
static bool
add_secret(HitlDelivery *delivery, HeaderLines *headers)
{
	char *bearer;
	bool added;

	if (delivery->secret == NULL)
		return true;
	if (!hitl_check_secret(delivery, delivery->secret))
		return false;
	if (has_header(headers, "Authorization"))
	{
		hitl_fail_delivery(
			delivery, "validation_error",
			"header \"Authorization\" is given besides a secret");
		return false;
	}
	bearer = psprintf("Bearer %s", delivery->secret->value);
	added = add_header(delivery, headers, "Authorization", bearer);
	explicit_bzero(bearer, strlen(bearer));
	return added;
}

/*
 * The signature by which the receiver knows us.
 */
static bool
add_signature(HitlDelivery *delivery, HeaderLines *headers)
{
	int64 now;
	char *signature;

	if (delivery->signing_secret == NULL)
		return true;
	if (!hitl_check_secret(delivery, delivery->signing_secret))
		return false;
	now = (int64) time(NULL);
	signature = hitl_sign_webhook(delivery->signing_secret->value,
								  delivery->idempotency_key, now,
								  delivery->body != NULL ? delivery->body : "",
								  delivery->body != NULL
									  ? strlen(delivery->body)
									  : 0);
	if (signature == NULL)
	{
		hitl_fail_delivery(
			delivery, "authentication_error",
			"secret \"%s\" is no signing key: expected whsec_ and 24 to 64 bytes in base64",
			delivery->signing_secret->name);
		return false;
	}
	return add_header(delivery, headers, "webhook-id",
					  delivery->idempotency_key) &&
		add_header(delivery, headers, "webhook-timestamp",
				   psprintf(INT64_FORMAT, now)) &&
		add_header(delivery, headers, "webhook-signature", signature);
}

/*
 * Add a header line, if its name is a token and its value has no line break
 * or other control character.
 */
static bool
add_header(HitlDelivery *delivery, HeaderLines *headers, const char *name,
		   const char *value)
{
	if (!hitl_is_token(name) || !hitl_is_header_value(value))
	{
		hitl_fail_delivery(
			delivery, "validation_error",
			"header \"%s\" is invalid: it must have a token as its name and no control characters in its value",
			name);
		return false;
	}
	if (headers->count + 2 > headers->capacity)
	{
		headers->capacity = headers->capacity * 2 + 8;
		if (headers->lines == NULL)
			headers->lines = palloc(headers->capacity * sizeof(char *));
		else
			headers->lines = repalloc(headers->lines,
									  headers->capacity * sizeof(char *));
	}
	/* libcurl sends "Name;" as a header without value, "Name:" not at all. */
	if (value[strspn(value, " \t")] == '\0')
		headers->lines[headers->count++] = psprintf("%s;", name);
	else
		headers->lines[headers->count++] = psprintf("%s: %s", name, value);
	headers->lines[headers->count] = NULL;
	return true;
}

/*
 * Is this a header that rows may not set?
 */
static bool
is_reserved(HitlPurpose purpose, const char *name)
{
	int i;

	if (purpose == HITL_HTTP &&
		(pg_strcasecmp(name, "idempotency-key") == 0 ||
		 pg_strncasecmp(name, "webhook-", 8) == 0))
		return false;
	for (i = 0; i < lengthof(reserved_headers); i++)
		if (pg_strcasecmp(name, reserved_headers[i]) == 0)
			return true;
	return false;
}

/*
 * Is there a header of this name?
 */
static bool
has_header(const HeaderLines *headers, const char *name)
{
	size_t length = strlen(name);
	int i;

	for (i = 0; i < headers->count; i++)
		if (pg_strncasecmp(headers->lines[i], name, length) == 0 &&
			(headers->lines[i][length] == ':' ||
			 headers->lines[i][length] == ';'))
			return true;
	return false;
}

/*
 * Has a hook said that it took what it was sent, though not the whole of its
 * answer came?  It would get the same a second time.
 */
static bool
has_arrived(const HitlDelivery *delivery, const HttpResult *result)
{
	return delivery->purpose == HITL_NOTIFICATION &&
		!hitl_has_provider(delivery) && is_success(delivery, result->begun);
}

/*
 * The verdict on an answer.
 *
 * An answer to a workflow goes to it, whatever its status, unless asking again
 * may help.  A notification has to be accepted.
 */
static void
judge_status(HitlDelivery *delivery, const HttpResult *result)
{
	HitlPurpose purpose = delivery->purpose;
	int status = result->status;

	if (hitl_has_provider(delivery))
	{
		hitl_judge_provider(delivery, result, is_success(delivery, status));
		/* Slack repeats the message that it takes, with the links in it. */
		if (strcmp(delivery->status, "delivered") != 0)
			keep_body(delivery, result, false);
	}
	else if (is_success(delivery, status))
	{
		if (keep_answer(delivery, result))
		{
			delivery->status = "delivered";
			if (purpose == HITL_INFERENCE && delivery->provider != NULL)
				read_inference(delivery);
		}
	}
	else if (purpose != HITL_NOTIFICATION &&
			 !may_repeat(delivery, hitl_kind_of_status(purpose, status)))
		answer_with_failure(delivery, result);
	else if (purpose == HITL_NOTIFICATION && status >= 300 && status <= 399)
	{
		keep_body(delivery, result, false);
		hitl_fail_delivery(
			delivery, "validation_error",
			"%s answered with status %d; redirects are not followed",
			delivery->host, status);
	}
	else if (purpose == HITL_NOTIFICATION && status == 410)
	{
		keep_body(delivery, result, false);
		hitl_fail_delivery(
			delivery, "permission_error",
			"%s answered with status 410: it wants no more notifications",
			delivery->host);
	}
	else
	{
		keep_body(delivery, result, false);
		hitl_repeat_delivery(delivery, result->retry_after,
							 hitl_kind_of_status(purpose, status),
							 "%s answered with status %d%s", delivery->host,
							 status, reason_of(delivery, status));
	}
}

/*
 * Is a status what the request was made for?
 */
static bool
is_success(const HitlDelivery *delivery, int status)
{
	int i;

	if (delivery->expect == NULL)
		return status >= 200 && status <= 299;
	for (i = 0; i < delivery->expected; i++)
		if (delivery->expect[i] == status)
			return true;
	return false;
}

/*
 * Keep an answer as far as it is of use; false, with a verdict, if a workflow
 * waits for a body that is no text.
 */
static bool
keep_answer(HitlDelivery *delivery, const HttpResult *result)
{
	keep_body(delivery, result, delivery->purpose != HITL_NOTIFICATION);
	if (delivery->purpose != HITL_NOTIFICATION &&
		delivery->response_body == NULL && result->body_length > 0)
	{
		hitl_fail_delivery(
			delivery, "validation_error",
			"the response of %s is not valid text in encoding %s",
			delivery->host, GetDatabaseEncodingName());
		return false;
	}
	keep_headers(delivery, result);
	delivery->answered = true;
	return true;
}

/*
 * What a model's response has taken.  Whatever its status, it may be no answer:
 * that is a failure, too, which the workflow finds out by itself.  Agents make
 * do with less of an answer.
 */
static void
read_inference(HitlDelivery *delivery)
{
	const char *body = delivery->response_body;
	HitlInference inference;

	/* Without memory, or for an unknown provider, nothing is known. */
	if (hitl_core()->read_inference(delivery->provider,
									delivery->response_status,
									body != NULL ? body : "",
									delivery->conversation != NULL,
									&inference) != HITL_OK)
		return;
	delivery->input_tokens = inference.input_tokens;
	delivery->output_tokens = inference.output_tokens;
	if (inference.kind == NULL)
		return;
	hitl_fail_delivery(delivery, inference.kind, "%s",
					   hitl_valid_text(inference.message));
	hitl_core()->free_text(inference.message);
}

/*
 * What a model's server says of its failure, if that is more than the status.
 */
static const char *
reason_of(const HitlDelivery *delivery, int status)
{
	HitlInference inference;
	const char *reason = "";

	if (delivery->purpose != HITL_INFERENCE || delivery->provider == NULL ||
		delivery->response_body == NULL ||
		hitl_core()->read_inference(delivery->provider, status,
									delivery->response_body, false,
									&inference) != HITL_OK)
		return reason;
	if (inference.message != NULL &&
		strstr(inference.message, psprintf("status %d", status)) == NULL)
		reason = psprintf(": %s", hitl_valid_text(inference.message));
	hitl_core()->free_text(inference.message);
	return reason;
}

/*
 * The verdict on an answer that is none of success, and that asking again
 * would not change: the workflow gets it as it is.
 */
static void
answer_with_failure(HitlDelivery *delivery, const HttpResult *result)
{
	hitl_fail_delivery(delivery,
					   hitl_kind_of_status(delivery->purpose, result->status),
					   "%s answered with status %d%s", delivery->host,
					   result->status,
					   result->status >= 300 && result->status <= 399
						   ? "; redirects are not followed"
						   : "");
	keep_body(delivery, result, true);
	keep_headers(delivery, result);
	delivery->answered = true;
}

/*
 * Does the retry option name a kind of failure?  The schedule of notifications
 * knows no kinds.
 */
static bool
may_repeat(const HitlDelivery *delivery, const char *kind)
{
	return delivery->standard_schedule ||
		hitl_core()->is_retryable(&delivery->retry, kind);
}

/*
 * A verdict: it failed and is sent again, if it has attempts left.  Never
 * earlier than the server asks (retry_after s from now; -1: it does not).
 */
void
hitl_repeat_delivery(HitlDelivery *delivery, int64 retry_after,
					 const char *kind, const char *format, ...)
{
	int64 delay = repeat_delay(delivery);
	va_list args;

	va_start(args, format);
	delivery->error_message = format_message(format, args);
	va_end(args);
	delivery->error_kind = kind;

	if (!may_repeat(delivery, kind))
	{
		delivery->status = "failed";
		return;
	}
	if (delay < 0)
	{
		delivery->status = "failed";
		if (delivery->attempt > 1)
			delivery->error_message = psprintf("%s; gave up after %d attempts",
											   delivery->error_message,
											   delivery->attempt);
		return;
	}
	retry_after = Min(retry_after, MAX_RETRY_AFTER_SECONDS);
	delay = Max(delay, retry_after * 1000);
	delivery->status = "queued";
	delivery->next_attempt_at =
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(), delay);
}

/*
 * Delay before the next attempt in ms; -1: there is none.
 */
static int64
repeat_delay(HitlDelivery *delivery)
{
	double random = pg_prng_double(&pg_global_prng_state);

	if (delivery->standard_schedule)
	{
		if (delivery->attempt > lengthof(standard_delays))
			return -1;
		return (int64) (standard_delays[delivery->attempt - 1] * 1000.0 *
						(1 + random / 10));
	}
	if (delivery->attempt >= delivery->retry.max_attempts)
		return -1;
	return hitl_core()->retry_delay(&delivery->retry, delivery->attempt,
									random);
}

/*
 * The error kind that a status stands for.
 */
const char *
hitl_kind_of_status(HitlPurpose purpose, int status)
{
	switch (status)
	{
		case 401:
			return "authentication_error";
		case 402:
		case 403:
			return "permission_error";
		case 408:
			return "timeout";
		case 409:
			/* Some models say so when they are busy; elsewhere it is a fault. */
			return purpose == HITL_HTTP ? "validation_error"
										: "service_unavailable";
		case 425:
			return "service_unavailable";
		case 429:
			return "rate_limit";
		default:
			return status >= 500 ? "service_unavailable" : "validation_error";
	}
}

/*
 * Keep the response's body, or its beginning, if it is text.
 */
static void
keep_body(HitlDelivery *delivery, const HttpResult *result, bool whole)
{
	size_t length = result->body_length;

	if (length == 0)
		return;
	if (!whole && length >= HITL_KEPT_RESPONSE)
		length = pg_encoding_mbcliplen(GetDatabaseEncoding(), result->body,
									   (int) length, HITL_KEPT_RESPONSE - 1);
	if (!pg_verify_mbstr(GetDatabaseEncoding(), result->body, (int) length,
						 true))
		return;
	delivery->response_body = pnstrdup(result->body, length);
	delivery->response_length = length;
	hitl_scrub_secrets(delivery, delivery->response_body);
}

/*
 * The headers of a response as a JSON object: names in lower case, a header
 * that comes several times as one, as RFC 9110 allows.
 */
static void
keep_headers(HitlDelivery *delivery, const HttpResult *result)
{
	char *names[MAX_RESPONSE_HEADERS];
	char *values[MAX_RESPONSE_HEADERS];
	int count = 0;
	StringInfoData json;
	char *lines;
	char *name;
	char *value;
	int i;

	if (delivery->purpose != HITL_HTTP)
		return;
	lines = result->headers != NULL ? pstrdup(result->headers) : NULL;
	while (hitl_next_header(&lines, &name, &value))
	{
		for (i = 0; i < count && strcmp(names[i], name) != 0; i++)
			;
		if (i < count)
			values[i] = psprintf("%s, %s", values[i], value);
		else if (count < MAX_RESPONSE_HEADERS)
		{
			names[count] = name;
			values[count++] = value;
		}
	}
	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	for (i = 0; i < count; i++)
	{
		hitl_scrub_secrets(delivery, values[i]);
		if (i > 0)
			appendStringInfoChar(&json, ',');
		escape_json(&json, hitl_valid_text(names[i]));
		appendStringInfoChar(&json, ':');
		escape_json(&json, hitl_valid_text(values[i]));
	}
	appendStringInfoChar(&json, '}');
	delivery->response_headers = json.data;
	delivery->response_length += json.len;
}

/*
 * Text that the database can keep: what is not valid in its encoding loses
 * all that is not ASCII.
 */
char *
hitl_valid_text(char *text)
{
	char *c;

	if (!pg_verify_mbstr(GetDatabaseEncoding(), text, (int) strlen(text), true))
		for (c = text; *c != '\0'; c++)
			if (IS_HIGHBIT_SET(*c))
				*c = '?';
	return text;
}

/*
 * psprintf with a va_list.
 */
static char *
format_message(const char *format, va_list args)
{
	char buffer[1024];

	vsnprintf(buffer, sizeof(buffer), format, args);
	buffer[pg_mbcliplen(buffer, strlen(buffer), sizeof(buffer) - 1)] = '\0';
	return pstrdup(buffer);
}
