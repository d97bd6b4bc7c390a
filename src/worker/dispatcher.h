/*
 * dispatcher.h
 *		What the dispatcher's files share: one attempt to deliver a request.
 *
 *		outbox.c		the statements: claim rows, record what became of them
 *		delivery.c		from a row to a request, from a result to a verdict
 *		dispatcher.c	the worker: when to do what
 */
#ifndef HITL_DISPATCHER_H
#define HITL_DISPATCHER_H

#include "postgres.h"

#include "lib/ilist.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "core/core.h"
#include "worker/http_client.h"

/* What requests are for: the values of outbox.purpose. */
#define HITL_INFERENCE	  "inference"
#define HITL_NOTIFICATION "notification"

/* Of a notification's response, only its beginning is kept. */
#define HITL_KEPT_RESPONSE 4096

/* One attempt.  Everything is allocated in its context. */
typedef struct HitlDelivery
{
	dlist_node node;
	MemoryContext context;

	/* the claimed row */
	pg_uuid_t id;
	int attempt;	/* 1 for the first */
	bool inference; /* else a notification */
	char *method;
	char *url;
	Jsonb *headers;
	char *body;		   /* or NULL */
	char *secret_name; /* or NULL, as the next ones */
	char *secret;
	char *signing_secret_name;
	char *signing_secret;
	char *idempotency_key;
	char *retry_text;
	int timeout; /* s */

	/* the request (hitl_prepare_delivery) */
	HttpRequest request;
	char host[HTTP_HOST_SIZE];
	bool standard_schedule; /* retry as Standard Webhooks does */
	HitlRetry retry;		/* else */

	/* the verdict (hitl_judge_delivery) */
	const char *status;			 /* of the row: delivered, failed, queued */
	TimestampTz next_attempt_at; /* for queued */
	int response_status;		 /* 0: none */
	char *response_body;		 /* or NULL */
	size_t response_length;
	const char *error_kind; /* or NULL */
	char *error_message;	/* or NULL */
	bool unrecordable;		/* the database refused an earlier verdict */
	bool answered;			/* the reply is status and body, not an error */
	TimestampTz held_until; /* its row was locked when it was to be recorded */
} HitlDelivery;

/* ---- outbox.c: inside a transaction of hitl_begin_work ---------------- */

/* Queue what an earlier dispatcher of this database left unfinished. */
extern void hitl_release_outbox(void);

/*
 * Claim at most limit rows of a purpose that are due since "since" or later;
 * append them to claimed, allocated in context.  Returns how many, and in
 * *last when the last of them was due, if there is any.
 */
extern int hitl_claim_outbox(const char *purpose, TimestampTz since, int limit,
							 MemoryContext context, dlist_head *claimed,
							 TimestampTz *last);

/* When the earliest unfinished row is due; DT_NOEND if there is none. */
extern TimestampTz hitl_next_due(const char *purpose);

/*
 * Record the verdicts of the first count deliveries of a list.  Those whose
 * row is locked by somebody else get held_until set, the others zero.
 */
extern void hitl_record_outbox(dlist_head *finished, int count);

/* ---- delivery.c ------------------------------------------------------- */

/*
 * Make the request of a claimed row.  False if that is impossible; the
 * verdict says why.  Inside a transaction; never ERRORs for a faulty row.
 */
extern bool hitl_prepare_delivery(HitlDelivery *delivery);

/* Reach a verdict on the result of its request. */
extern void hitl_judge_delivery(HitlDelivery *delivery,
								const HttpResult *result);

/* A verdict without a request: it fails, and is not repeated. */
extern void hitl_fail_delivery(HitlDelivery *delivery, const char *kind,
							   const char *format, ...)
	pg_attribute_printf(3, 4);

/* Wipe its secrets and free it. */
extern void hitl_free_delivery(HitlDelivery *delivery);

/* ---- webhook_signature.c ---------------------------------------------- */

extern char *hitl_sign_webhook(const char *secrets, const char *id,
							   int64 timestamp, const char *body,
							   size_t body_length);

#endif /* HITL_DISPATCHER_H */
