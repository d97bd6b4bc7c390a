/*
 * delivery_log.c
 *		What the log says of requests to the outside, and of the hosts they go to.
 *
 * Of a URL it is the origin: scheme, host and port.  Of an error it is the kind;
 * what a server or libcurl says may quote what was sent.
 */
#include "postgres.h"

#include "log.h"
#include "utils/timestamp.h"
#include "worker/dispatcher.h"

static HitlLine *begin(const char *event, const HitlDelivery *delivery);

/*
 * A request begins to be sent.
 */
void
hitl_log_sent(const HitlDelivery *delivery)
{
	if (hitl_logs(HITL_LOG_REQUESTS))
		hitl_log_now(begin("request_sent", delivery));
}

/*
 * The verdict on a request has been recorded.
 */
void
hitl_log_verdict(const HitlDelivery *delivery)
{
	bool failed = strcmp(delivery->status, "failed") == 0;
	bool queued = strcmp(delivery->status, "queued") == 0;
	HitlLine *line;

	if (!hitl_logs(failed ? HITL_LOG_OF_REQUESTS : HITL_LOG_REQUESTS))
		return;
	line = begin(failed		   ? "request_failed"
					 : !queued ? "request_delivered"
					 : delivery->missing_secret != NULL
					 ? "request_waiting"
					 : "request_to_be_repeated",
				 delivery);
	if (delivery->response_status != 0)
		hitl_log_number(line, "status", delivery->response_status);
	hitl_log_text(line, "kind", delivery->error_kind);
	if (delivery->missing_secret != NULL)
		hitl_log_text(line, "for", "secret");
	else if (queued)
		hitl_log_time(line, "next_attempt_at", delivery->next_attempt_at);
	hitl_log_since(line, delivery->sent_at, delivery->ended_at);
	hitl_log_at_commit(line);
}

/*
 * Requests were failed since their host answers nobody and they have fallbacks.
 */
void
hitl_log_diverted(const pg_uuid_t *id, const pg_uuid_t *workflow_id,
				  const char *origin)
{
	HitlLine *line;

	if (!hitl_logs(HITL_LOG_OF_REQUESTS))
		return;
	line = hitl_log_begin("request_failed");
	hitl_log_id(line, "request_id", id);
	hitl_log_id(line, "workflow_id", workflow_id);
	hitl_log_text(line, "purpose", hitl_purposes[HITL_INFERENCE]);
	hitl_log_text(line, "host", origin);
	hitl_log_text(line, "kind", "service_unavailable");
	hitl_log_at_commit(line);
}

/*
 * A circuit breaker has opened or closed.
 */
void
hitl_log_breaker(const HitlRemote *host)
{
	HitlLine *line;

	if (!hitl_logs(HITL_LOG_OF_REQUESTS))
		return;
	line = hitl_log_begin(host->breaker.open ? "breaker_opened"
											 : "breaker_closed");
	hitl_log_text(line, "host", host->origin);
	if (host->breaker.open)
		hitl_log_number(line, "failures", host->breaker.failures);
	hitl_log_now(line);
}

/*
 * Begin a line about an attempt.
 */
static HitlLine *
begin(const char *event, const HitlDelivery *delivery)
{
	static const pg_uuid_t none = {{0}};
	HitlLine *line = hitl_log_begin(event);

	hitl_log_id(line, "request_id", &delivery->id);
	if (memcmp(&delivery->workflow_id, &none, sizeof(none)) != 0)
		hitl_log_id(line, "workflow_id", &delivery->workflow_id);
	if (memcmp(&delivery->approval_id, &none, sizeof(none)) != 0)
		hitl_log_id(line, "approval_id", &delivery->approval_id);
	hitl_log_text(line, "purpose", hitl_purposes[delivery->purpose]);
	hitl_log_text(line, "host", delivery->remote->origin);
	hitl_log_number(line, "attempt", delivery->attempt);
	return line;
}
